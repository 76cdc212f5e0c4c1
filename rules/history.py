"""What meters have shown: all readings that an account may see, chosen and a page at a time (CV-35)."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import JOIN

from models import Account, Contract, Meter, MeterKind, MeterName, Reading, Staff
from rules import access, paging
from rules.paging import Page

PAGE = 20
MOST_AT_ONCE = 5_000  # readings in one file: ten years of forty meters


@dataclass(frozen=True)
class Chosen:
    """Which of the readings that an account may see are asked for; what is empty leaves all. Both days are included."""

    kind: MeterKind | None = None
    contract: Contract | None = None
    meter: Meter | None = None
    since: date | None = None
    until: date | None = None
    only_current: bool = False

    def of(self, rows: Any) -> Any:
        """Those of the rows that are asked for."""
        if self.kind is not None:
            rows = rows.where(Meter.kind == self.kind)
        if self.contract is not None:
            rows = rows.where(Reading.contract == self.contract)
        if self.meter is not None:
            rows = rows.where(Reading.meter == self.meter)
        if self.since is not None:
            rows = rows.where(Reading.read_on >= self.since)
        if self.until is not None:
            rows = rows.where(Reading.read_on <= self.until)
        return rows.where(Reading.is_current) if self.only_current else rows


def page(
    account: Account, chosen: Chosen, *, older: uuid.UUID | None = None, newer: uuid.UUID | None = None, size: int = PAGE
) -> Page[Reading]:
    """A page of an account's chosen readings by day, those after the reading `older` or before the reading `newer`: every version
    with its meter, kind, contract, own name and whoever of staff entered it."""
    order, of = (Reading.read_on, Reading.id), lambda reading: reading.contract.in_(_contracts(account))
    return paging.page(_some(account, chosen), order, of, older=older, newer=newer, size=size)


def whole(account: Account, chosen: Chosen) -> list[Reading]:
    """All chosen readings as on a page, newest first; one more than MOST_AT_ONCE where there are too many."""
    return list(_some(account, chosen).limit(MOST_AT_ONCE + 1))


def of_meter(account: Account, meter: Meter, *, limit: int = 60) -> list[Reading]:
    """The readings of a meter that count, newest first, as far as the account may know of them."""
    return list(_some(account, Chosen(meter=meter, only_current=True)).limit(limit))


def meters(account: Account) -> list[Meter]:
    """The meters of which an account may see readings, each with its kind, by kind and number: also one that has gone to another
    contract since, with what it showed while it was here."""
    seen = Reading.within(account).select(Reading.meter).where(Reading.contract.in_(_contracts(account)))
    rows = Meter.select(Meter, MeterKind, MeterName).join(MeterKind).where(Meter.id.in_(seen))
    return list(_with_name(rows, account).order_by(MeterKind.code, MeterKind.id, Meter.number, Meter.id))


def called(meter: Meter) -> str:
    """What the account that asked calls this meter, or an empty text."""
    named = meter.__dict__.get("named")
    return named.name if named else ""


def _some(account: Account, chosen: Chosen) -> Any:
    """The chosen readings, newest first."""
    rows = (
        Reading.within(account)
        .select(Reading, Meter, MeterKind, MeterName, Contract, Staff)
        .join(Meter)
        .join(MeterKind)
        .join_from(Reading, Contract)
        .join_from(Reading, Staff, JOIN.LEFT_OUTER, attr="staff")
        .where(Reading.contract.in_(_contracts(account)))
    )
    return chosen.of(_with_name(rows, account)).order_by(Reading.read_on.desc(), Reading.id.desc())


def _with_name(rows: Any, account: Account) -> Any:
    mine = (MeterName.meter == Meter.id) & (MeterName.account == account.id)
    return rows.join_from(Meter, MeterName, JOIN.LEFT_OUTER, on=mine, attr="named")


def _contracts(account: Account) -> list[int]:
    return access.contracts_shown(account, "meter.view")
