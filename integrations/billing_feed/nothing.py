"""The feed of an organisation without a billing system."""

from collections.abc import Iterator
from datetime import date

from integrations.billing_feed.records import Record


class Nothing:
    """Gives no records."""

    def records(self, since: date | None = None) -> Iterator[Record]:
        return iter(())
