"""What billing systems deliver: contracts, meters, bills and readings as plain records. `docs/billing-feed.md` is for their makers.

A feed never raises for what is in its files: whatever cannot be taken in is a `PutAside` with the reason, and the rest goes on.
Within one call contracts come first, then meters, then invoices, then readings, each as it is read: nothing is collected.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from integrations.billing_feed.csv import CsvFeed
from integrations.billing_feed.nothing import Nothing
from integrations.billing_feed.records import (
    LINE_WORDS,
    UNIT_WORDS,
    Contract,
    Invoice,
    Line,
    Meter,
    PutAside,
    Reading,
    Record,
    Vat,
    digest,
    from_json,
    to_json,
)

__all__ = [
    "LINE_WORDS",
    "UNIT_WORDS",
    "BillingFeed",
    "Contract",
    "Invoice",
    "Line",
    "Meter",
    "PutAside",
    "Reading",
    "Record",
    "Vat",
    "digest",
    "from_json",
    "of",
    "to_json",
]


class BillingFeed(Protocol):
    """A billing system's deliveries."""

    def records(self, since: date | None = None) -> Iterator[Record]:
        """Everything in files changed since that local day; everything there is without a day."""
        ...


def of(billing_system: str, folder: Path, paths: Sequence[Path] | None = None) -> BillingFeed:
    """The feed of a billing system (nothing, csv or ubl) that delivers into `folder`.

    With `paths`, exactly these files are read, whenever they changed. Raises ValueError for another system.
    """
    if billing_system == "csv":
        return CsvFeed(folder, paths)
    if billing_system == "ubl":
        from integrations.billing_feed.ubl import UblFeed  # brings lxml: the sites know this module and read no feed

        return UblFeed(folder, paths)
    if billing_system == "nothing":
        return Nothing()
    raise ValueError(f"There is no billing feed called {billing_system!r}")
