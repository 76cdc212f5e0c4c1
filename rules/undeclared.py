"""Who has not declared: for whoever runs houses and phones people before readings close (N08), and for a customer who has it to do."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import JOIN, Case, fn

from models import Account, Building, Contract, Membership, Meter, MeterKind, Premises, Provider, Reading, Staff, sort_key
from rules import access, clock, readings, settings
from rules.statements import one_of, statement


@dataclass(frozen=True)
class House:
    """A building: how many of its meters are to be declared this month, and how many are not yet."""

    building: Building
    meters: int
    waiting: int


@dataclass(frozen=True)
class Waiting:
    """A contract whose meters wait, and whom to ask: (name, phone) of the accounts that hold it."""

    contract: Contract
    meters: list[Meter]
    people: list[Account]


def houses(viewer: Staff, day: date, *, after: Building | None = None, limit: int = 50) -> tuple[list[House], bool]:
    """The viewer's buildings by address, each with its counts of this month, and whether there are more: two statements."""
    within = Building.within(viewer)
    if after is not None:
        within = within.where((Building.sort_key > after.sort_key) | ((Building.sort_key == after.sort_key) & (Building.id > after.id)))
    found = list(within.order_by(Building.sort_key, Building.id).limit(limit + 1))
    counted = (
        _meters(Meter.select(), day, clock.period(day))
        .select(Contract.building, fn.COUNT(Meter.id), fn.SUM(Case(None, [(Reading.id.is_null(), 1)], 0)))
        .where(Contract.building.in_([house.id for house in found[:limit]]))
        .group_by(Contract.building)
        .tuples()
    )
    counts = {building: (meters, waiting) for building, meters, waiting in counted}
    return [House(house, *counts.get(house.id, (0, 0))) for house in found[:limit]], len(found) > limit


def waiting(viewer: Staff, day: date) -> int:
    """How many meters of the viewer's buildings are to be declared this month and are not yet."""
    within = Contract.building.in_(Building.within(viewer).select(Building.id))
    return int(_meters(Meter.select(), day, clock.period(day)).where(within & Reading.id.is_null()).count())


def of(building: Building, day: date, *, limit: int = 500) -> list[Waiting]:
    """The contracts of a building with meters that have no reading this month, by their place: two statements, whatever waits."""
    rows = (
        _meters(Meter.select(), day, clock.period(day))
        .select(Meter, MeterKind, Contract, Premises)
        .where((Contract.building == building) & Reading.id.is_null())
        .order_by(Contract.sort_key, Contract.id, MeterKind.code, Meter.number)
        .limit(limit)
    )
    found: dict[int, Waiting] = {}
    for meter in rows:
        found.setdefault(meter.contract_id, Waiting(meter.contract, [], [])).meters.append(meter)
    held = (
        Membership.select(Membership, Account)
        .join(Account)
        .where(Membership.contract.in_(list(found)) & Membership.until_at.is_null())
        .order_by(Account.sort_key, Account.id)
    )
    for membership in held:
        found[membership.contract_id].people.append(membership.account)
    return sorted(found.values(), key=lambda waiting: _as_counted(waiting.contract.address))


def _as_counted(address: str) -> list[tuple[bool, int | str]]:
    """An address in the order in which a house is walked through: flat 2 before flat 10."""
    return [(not part.isdecimal(), int(part) if part.isdecimal() else sort_key(part)) for part in re.split("([0-9]+)", address) if part]


def by(account: Account, day: date) -> tuple[int, date] | None:
    """How many meters wait for this account to declare them now, and until when at the latest for the first of them; None where
    none does, or it is not the time. In one statement."""
    rules, open_ = settings.of(account.organisation), []
    may = access.contracts_shown(account, "reading.declare")
    for count, opens, closes in _waiting(account, may, day, clock.period(day)):
        window = readings.window_of_days(opens or rules.reading_opens_on, closes or rules.reading_closes_on, day)
        open_ += [(count, window.closes_on)] * window.is_open
    return (sum(count for count, _ in open_), min(closes_on for _, closes_on in open_)) if open_ else None


@statement
def _waiting(account: Account, contracts: list[int], day: date, period: str) -> Any:
    days = Building.reading_opens_on, Building.reading_closes_on
    rows = _meters(Meter.within(account), day, period).join_from(Contract, Building, JOIN.LEFT_OUTER)
    return rows.select(fn.COUNT(Meter.id), *days).where(one_of(Meter.contract, contracts) & Reading.id.is_null()).group_by(*days).tuples()


def _meters(rows: Any, day: date, period: str) -> Any:
    """Of these meters those that customers declare now, each beside its reading of this month where it has one: one that whoever had
    the payer code before has left is none (CV-30)."""
    theirs = Contract.opened_on.is_null() | (Reading.read_on >= Contract.opened_on)
    of_this_month = (Reading.period == period) & Reading.is_current & theirs
    return (
        rows.join(MeterKind)
        .switch(Meter)
        .join(Contract)
        .join(Provider)
        .switch(Contract)
        .join(Premises, JOIN.LEFT_OUTER)
        .switch(Meter)
        .join(
            Reading,
            JOIN.LEFT_OUTER,
            on=((Reading.meter == Meter.id) & (Reading.contract == Meter.contract) & of_this_month),
            attr="told",
        )
        .where(
            Provider.declares_readings
            & (Contract.ended_on.is_null() | (Contract.ended_on > day))
            & (Meter.installed_on.is_null() | (Meter.installed_on <= day))
            & (Meter.removed_on.is_null() | (Meter.removed_on > day))
        )
    )
