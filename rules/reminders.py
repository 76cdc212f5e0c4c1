"""Who is reminded to declare, and when: as readings open and before they close, once each for an account and a window."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from peewee import JOIN, chunked, fn

from models import AccessType, Account, Building, Contract, Membership, Meter, MeterKind, MeterName, Organisation, Provider, Reading
from rules import clock, links, messages, readings, settings
from rules.work import unit_of_work

AT_ONCE = 500
# A job that could not run on the first day says so a little later; then it would be no news.
START_LASTS = timedelta(days=2)


def remind(organisation: Organisation, day: date, site_url: str) -> int:
    """Remind whoever has not declared, where the window of their house opens or ends these days; returns how many have not.

    One mail for all meters of an account that share a window. The end is told where both would be.
    """
    count = 0
    for open_, where in _windows(organisation, day).items():
        due = _due(organisation, open_, day)
        for block in chunked(to_remind(organisation, day, where), AT_ONCE) if due else ():
            with unit_of_work():
                for account, meters, names in block:
                    count += 1
                    messages.put(
                        "reading_reminder",
                        account,
                        organisation=organisation,
                        dedupe_key=f"reading_reminder:{due}:{account.id}:{open_.opens_on}:{open_.closes_on}",
                        lane=messages.BULK,
                        is_start=due == "start",
                        closes_on=open_.closes_on,
                        url=links.declare_readings(site_url),
                        meters=[readings.name(meter, account.language, names) for meter in meters],
                    )
    return count


def _due(organisation: Organisation, open_: readings.Window, day: date) -> str:
    """Of what to remind on that day of a window, its start or its end; empty: of nothing."""
    rules = settings.of(organisation)
    if not open_.is_open:
        return ""
    if rules.remind_days_before and day >= open_.closes_on - timedelta(days=rules.remind_days_before):
        return "end"
    return "start" if rules.remind_at_start and day <= open_.opens_on + START_LASTS else ""


def _windows(organisation: Organisation, day: date) -> dict[readings.Window, Any]:
    """The windows that there are, and which contracts each one holds for: the organisation's and those of houses with their own."""
    own = Building.select(Building.reading_opens_on, Building.reading_closes_on).where(
        (Building.organisation == organisation) & Building.reading_opens_on.is_null(False)
    )
    found: dict[readings.Window, Any] = {readings.window(organisation, day): Building.reading_opens_on.is_null()}
    for house in own.distinct():
        here = (Building.reading_opens_on == house.reading_opens_on) & (Building.reading_closes_on == house.reading_closes_on)
        open_ = readings.window(organisation, day, house)
        found[open_] = found[open_] | here if open_ in found else here
    return found


def to_remind(organisation: Organisation, day: date, where: Any = True) -> Iterator[tuple[Account, list[Meter], dict[int, str]]]:
    """Who may declare and has not this month, each with the meters that wait and their own names for them; `where` says in which
    houses."""
    waiting = _waiting(organisation, day).where(where)
    ids = [account for (account,) in waiting.select(Membership.account).distinct().order_by(Membership.account).tuples()]
    for block in chunked(ids, AT_ONCE):
        rows = waiting.where(Membership.account.in_(block)).order_by(Membership.account, Meter.number, Meter.id)
        for _, found in groupby(rows, key=lambda row: row.account_id):
            of_one = list(found)
            named = {row.meter.id: row.meter.__dict__["named"].name for row in of_one if row.meter.__dict__.get("named")}
            yield of_one[0].account, [row.meter for row in of_one], named


def _waiting(organisation: Organisation, day: date) -> Any:
    """Accounts beside meters that stand in their places, are declared by customers, and have no reading this month."""
    may = [kind.id for kind in AccessType.select().where(AccessType.organisation == organisation) if "reading.declare" in kind.deeds]
    theirs = Contract.opened_on.is_null() | (Reading.read_on >= Contract.opened_on)  # not what whoever had the code before has left
    of_this_month = (Reading.period == clock.period(day)) & Reading.is_current & theirs
    known = Reading.select(Reading.id).where((Reading.meter == Meter.id) & (Reading.contract == Contract.id) & of_this_month)
    who = Account.email_confirmed_at.is_null(False)
    if settings.of(organisation).identity_for_everything == "strong":
        who &= Account.identity_confirmed_at.is_null(False)
    return (
        Membership.select(Membership, Account, Meter, MeterKind, MeterName)
        .join(Account)
        .switch(Membership)
        .join(Contract)
        .join(Provider)
        .switch(Contract)
        .join(Building, JOIN.LEFT_OUTER)
        .switch(Membership)
        .join(Meter, on=(Meter.contract == Membership.contract), attr="meter")
        .join(MeterKind, attr="kind")
        .switch(Meter)
        .join(
            MeterName,
            JOIN.LEFT_OUTER,
            on=((MeterName.meter == Meter.id) & (MeterName.account == Account.id)),
            attr="named",
        )
        .where(
            (Membership.organisation == organisation)
            & Membership.until_at.is_null()
            & Membership.access_type.in_(may)
            & who
            & Provider.declares_readings
            & (Contract.ended_on.is_null() | (Contract.ended_on > day))
            & (Meter.installed_on.is_null() | (Meter.installed_on <= day))
            & (Meter.removed_on.is_null() | (Meter.removed_on > day))
            & ~fn.EXISTS(known)
        )
    )
