"""Who has not declared: for whoever runs houses and phones people before readings close (N08)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import JOIN, Case, fn

from models import Account, Building, Contract, Membership, Meter, MeterKind, Premises, Provider, Reading, Staff
from rules import clock


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
        _meters(day)
        .select(Contract.building, fn.COUNT(Meter.id), fn.SUM(Case(None, [(Reading.id.is_null(), 1)], 0)))
        .where(Contract.building.in_([house.id for house in found[:limit]]))
        .group_by(Contract.building)
        .tuples()
    )
    counts = {building: (meters, waiting) for building, meters, waiting in counted}
    return [House(house, *counts.get(house.id, (0, 0))) for house in found[:limit]], len(found) > limit


def of(building: Building, day: date, *, limit: int = 500) -> list[Waiting]:
    """The contracts of a building with meters that have no reading this month, by their place: two statements, whatever waits."""
    rows = (
        _meters(day)
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
    return list(found.values())


def _meters(day: date) -> Any:
    """The meters that customers declare now, each beside its reading of this month where it has one."""
    of_this_month = (Reading.period == clock.period(day)) & Reading.is_current
    return (
        Meter.select()
        .join(MeterKind)
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
