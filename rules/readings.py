"""What meters show: when it may be told, what is refused, how it is kept, who is reminded (CV-28..35, K16-K19)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from peewee import JOIN, chunked, fn

from models import (
    N_,
    AccessType,
    Account,
    Contract,
    Membership,
    Meter,
    MeterKind,
    Organisation,
    Provider,
    Reading,
    SyncRun,
    database,
)
from rules import access, clock, events, keys, links, messages, settings
from rules.bulk import add_all
from rules.refusal import Doubtful, Refused
from rules.work import unit_of_work

MOST_MILLI = 10**12 - 1  # nine digits before the decimals: no meter has more
# A use this many times the usual one is asked about once more, unless it is less than ten units in all.
UNUSUAL_TIMES, UNUSUAL_FLOOR_MILLI = 3, 10_000
REMINDED_AT_ONCE = 500


# ---- when -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """The days on which readings are taken, first and last included: those that hold `day`, else the next ones."""

    is_open: bool
    opens_on: date
    closes_on: date


def window(organisation: Organisation, day: date) -> Window:
    """Whether readings may be declared on that local day, and from when until when (K16, CV-31, CV-32)."""
    rules = settings.of(organisation)
    opens_on, closes_on = _days(rules, day.replace(day=1))
    if day > closes_on:
        opens_on, closes_on = _days(rules, _next_month(day))
    return Window(opens_on <= day, opens_on, closes_on)


def _days(rules: settings.Settings, first: date) -> tuple[date, date]:
    last = _next_month(first) - timedelta(days=1)
    return first.replace(day=rules.reading_opens_on), first.replace(day=min(rules.reading_closes_on, last.day))


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


# ---- what a customer sees ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A meter and its newest reading that counts, if there is one."""

    meter: Meter
    reading: Reading | None


@dataclass(frozen=True)
class Place:
    """A contract with its provider, and its meters."""

    contract: Contract
    rows: list[Row] = field(default_factory=list)

    def is_declared_by_customers(self, day: date) -> bool:
        """Whether readings are declared here at all (K17, CV-28)."""
        contract = self.contract
        return contract.provider.declares_readings and (contract.ended_on is None or contract.ended_on > day)


def places(account: Account, deed: str = "meter.view", *, before: str | None = None) -> list[Place]:
    """The contracts with which an account may do `deed`, each with its meters and their newest readings, in one statement.

    `before` takes the newest readings of months before that one. Readings of whoever had the place earlier are not shown
    (CV-30).
    """
    newer = Reading.alias()
    same = (newer.meter == Meter.id) & newer.is_current
    newest = newer.select(fn.MAX(newer.period)).where(same & (newer.period < before) if before else same)
    rows = (
        Contract.within(account)
        .select(Contract, Provider, Meter, MeterKind, Reading)
        .join(Provider)
        .switch(Contract)
        .join(Meter, JOIN.LEFT_OUTER, on=(Meter.contract == Contract.id), attr="meter")
        .join(MeterKind, JOIN.LEFT_OUTER, attr="kind")
        .switch(Meter)
        .join(
            Reading,
            JOIN.LEFT_OUTER,
            on=((Reading.meter == Meter.id) & Reading.is_current & (Reading.period == newest) & (Reading.contract == Contract.id)),
            attr="newest",
        )
        .where(Contract.id.in_(access.contracts_allowing(account, deed)))
        .order_by(Contract.sort_key, Contract.id, MeterKind.code, Meter.number)
    )
    found: dict[int, Place] = {}
    for contract in rows:
        place = found.setdefault(contract.id, Place(contract))
        meter = contract.__dict__.get("meter")
        if meter is not None:
            meter.contract, meter.organisation = place.contract, account.organisation
            place.rows.append(Row(meter, meter.__dict__.get("newest")))
    return list(found.values())


def declarable(account: Account, day: date) -> list[Row]:
    """The meters whose readings an account may declare on that day (but for the window), each with its last reading of an
    earlier month."""
    return [
        row
        for place in places(account, "reading.declare", before=clock.period(day))
        if place.is_declared_by_customers(day)
        for row in place.rows
        if row.meter.is_in_use(day)
    ]


def of_month(meters: Collection[Meter], period: str) -> dict[int, Reading]:
    """The readings of these meters that count in a month, by the meter's id."""
    current = Reading.meter.in_([m.id for m in meters]) & (Reading.period == period) & Reading.is_current
    return {reading.meter_id: reading for reading in Reading.select().where(current)}


def history(account: Account, meter: Meter, *, limit: int = 60) -> list[Reading]:
    """The readings of a meter that count, newest first, as far as the account may know of them."""
    return list(Reading.within(account).where((Reading.meter == meter) & Reading.is_current).order_by(Reading.period.desc()).limit(limit))


def by_reference(account: Account, reference: str) -> list[Reading]:
    """What was declared under one reference, with meters and kinds; nothing where the account may not see it."""
    return list(
        Reading.within(account)
        .select(Reading, Meter, MeterKind, Contract)
        .join(Meter)
        .join(MeterKind)
        .switch(Reading)
        .join(Contract)
        .where((Reading.reference == reference) & Reading.contract.in_(access.contracts_allowing(account, "meter.view")))
        .order_by(Contract.sort_key, MeterKind.code, Meter.number)
    )


@dataclass(frozen=True)
class Use:
    """What all meters of one kind used in each of the last months, thousandths; None where nothing is known."""

    kind: MeterKind
    months: dict[str, int | None]


def use(account: Account, day: date, *, meter: Meter | None = None, months: int = 12) -> list[Use]:
    """The use of the last months by kind of meter, oldest month first, in one statement."""
    periods = clock.months(clock.period(day), months)
    rows = (
        Reading.within(account)
        .select(Reading, Meter, MeterKind)
        .join(Meter)
        .join(MeterKind)
        .where(
            Reading.contract.in_(access.contracts_allowing(account, "meter.view"))
            & Reading.is_current
            & (Reading.read_on >= date.fromisoformat(f"{periods[0]}-01"))
            & ((Reading.meter == meter) if meter else True)
        )
        .order_by(MeterKind.code)
    )
    found: dict[int, Use] = {}
    for reading in rows:
        known = found.setdefault(reading.meter.kind_id, Use(reading.meter.kind, dict.fromkeys(periods))).months
        # A meter that started anew shows less than before: no use can be told from that.
        if reading.period in known and reading.used_milli is not None and reading.used_milli >= 0:
            known[reading.period] = (known[reading.period] or 0) + reading.used_milli
    return [use for use in found.values() if any(milli is not None for milli in use.months.values())]


# ---- declaring --------------------------------------------------------------------------------------------------------

NOT_DECLARED = N_("Your provider reads these meters itself: you do not need to declare anything.")
TOO_FINE = {
    0: N_("The reading must be a whole number: copy only the digits before the decimals."),
    1: N_("The reading must have at most one decimal."),
    2: N_("The reading must have at most two decimals."),
    3: N_("The reading must have at most three decimals."),
}
LOWER_ALONE = N_("The reading must be {last_milli} or more: that is what the meter showed on {last_on}.")
LOWER = N_(
    "The reading must be {last_milli} or more: that is what the meter showed on {last_on}. "
    "If the meter was exchanged or has started from zero, tell us: {contact}."
)
UNUSUAL = N_(
    "That is {used_milli} {unit} more than on {last_on}. Your usual use is about {usual_milli} {unit} a month. "
    "Does the meter show {value_milli}?"
)


def judge(meter: Meter, value_milli: int, *, on: date, instead_of: Reading | None = None, sure: bool = False) -> Reading | None:
    """Whether this reading may be declared on that local day. Returns the last reading of an earlier month, to count from.

    `instead_of` is the reading of this month that it would replace: one's own may be corrected downwards, the provider's not.

    Raises Refused: outside the window, where customers do not declare, for a meter or contract no longer in use, for more
    decimals than the meter has, for less than it showed. Raises Doubtful for a use far above the usual, unless `sure`.
    """
    place, organisation, kind = meter.contract, meter.organisation, meter.kind
    if not place.provider.declares_readings:
        raise Refused("{notice}", notice=place.provider.readings_notice or NOT_DECLARED)
    open_ = window(organisation, on)
    if not open_.is_open:
        raise Refused(
            N_("Readings are not taken today. You can declare from {opens_on} to {closes_on}."),
            opens_on=open_.opens_on,
            closes_on=open_.closes_on,
        )
    if place.ended_on is not None and place.ended_on <= on:
        raise Refused(
            N_("This contract ended on {ended_on}, so its readings are no longer needed."), field="value", ended_on=place.ended_on
        )
    if not meter.is_in_use(on):
        raise Refused(N_("Meter {number} is not in use now, so its reading is not needed."), field="value", number=meter.number)
    if value_milli % 10 ** (3 - kind.decimals):
        raise Refused(TOO_FINE[kind.decimals], field="value")
    if not 0 <= value_milli <= MOST_MILLI:
        raise Refused(N_("The reading must have at most nine digits before the decimals."), field="value")
    earlier = _earlier(meter, clock.period(on))
    known = [instead_of] if instead_of is not None and instead_of.source != "customer" else []
    for shown in [*known, *earlier[:1]]:
        if value_milli < shown.value_milli:
            facts = {
                "last_milli": shown.value_milli,
                "last_on": shown.read_on,
                "decimals": kind.decimals,
                "contact": _contact(organisation),
            }
            raise Refused(LOWER if facts["contact"] else LOWER_ALONE, field="value", **facts)
    if not earlier:
        return None
    last = earlier[0]
    used, usual = value_milli - last.value_milli, _usual(earlier)
    if usual is not None and not sure:
        most = UNUSUAL_TIMES * usual * clock.months_between(last.period, clock.period(on))
        if used > max(most, UNUSUAL_FLOOR_MILLI):
            raise Doubtful(
                UNUSUAL,
                field="value",
                value_milli=value_milli,
                used_milli=used,
                usual_milli=usual,
                unit=kind.unit,
                decimals=kind.decimals,
                last_on=last.read_on,
            )
    return last


def _contact(organisation: Organisation) -> str:
    return organisation.phone or organisation.email


def _earlier(meter: Meter, period: str) -> list[Reading]:
    """The readings that count in the months before, newest first, a year and one back."""
    known = (Reading.meter == meter) & Reading.is_current & (Reading.period < period)
    return list(Reading.select().where(known).order_by(Reading.period.desc()).limit(13))


def _usual(earlier: list[Reading]) -> int | None:
    """What these readings, newest first, say is used in a month; None where there are too few to tell."""
    if len(earlier) < 3:
        return None
    return max(0, earlier[0].value_milli - earlier[-1].value_milli) // clock.months_between(earlier[-1].period, earlier[0].period)


def declare(meter: Meter, value_milli: int, *, on: date, by: Account, sure: bool = False) -> Reading:
    """Declare what one meter shows today. See `declare_all`."""
    return declare_all({meter: value_milli}, on=on, by=by, sure={meter} if sure else ())[0]


def declare_all(values: Mapping[Meter, int], *, on: date, by: Account, sure: Collection[Meter] = ()) -> list[Reading]:
    """Declare what meters show on this local day, thousandths: all or none, under one reference, with one mail (CV-34).

    A reading of the same month is replaced and kept beside. The same values again on the same day, also at the same moment
    from twenty browsers, get the receipt of the first. Raises Refused or Doubtful as `judge` does.
    """
    period = clock.period(on)
    with unit_of_work():
        _lock(values)
        now_current = of_month(list(values), period)
        if all(_says(now_current.get(meter.id), value, on, "customer") for meter, value in values.items()):
            return [now_current[meter.id] for meter in values]
        reference, stored = keys.new_reference(), []
        for meter, value in values.items():
            old = now_current.get(meter.id)
            last = judge(meter, value, on=on, instead_of=old, sure=meter in sure)
            made = _put(meter, value, on, source="customer", reference=reference, last=last, instead_of=old, account=by)
            stored.append(made)
            events.record(
                "reading.declared",
                made,
                by=by,
                account=by,
                meter=meter.number,
                value_milli=value,
                previous_milli=made.previous_milli,
                read_on=on,
                source="customer",
                replaces=old.value_milli if old else None,
            )
        told = [_told(reading, by.language) for reading in stored]
        messages.put(
            "reading_declared",
            by,
            organisation=by.organisation,
            dedupe_key=f"reading_declared:{by.organisation_id}:{reference}",
            reference=reference,
            meters=told,
        )
    return stored


@dataclass(frozen=True)
class Told:
    """What a billing system says that a meter showed at the end of a local day, thousandths; `contract_id` had it then."""

    meter: Meter
    contract_id: int
    value_milli: int
    read_on: date


def store_many(told: Sequence[Told], *, source: str, run: SyncRun | None = None, is_last_word: bool = False) -> list[tuple[str, int]]:
    """Keep what a billing system says meters showed, whatever the window, in any order, with a few statements for all.

    The newest day of a month counts; a customer's own reading of that month gives way only to a later day. Another value of the
    same day is a correction, but of two that one run brings, the higher counts. Returns for each what became of it and the id of
    the newest version of that day: "created", "changed", "same" or "older" (it was replaced once; unless `is_last_word`, it is
    not taken for a correction back, because the feed may hold both).
    """
    if not told:
        return []
    with unit_of_work():
        meters = {one.meter.id: one.meter for one in told}
        _lock(meters.values())
        known = _since(meters, min(clock.period(one.read_on) for one in told))
        counted = {row.id for rows in known.values() for row in rows if row.is_current}
        outcomes = [_place(known[one.meter.id], one, source, run, is_last_word) for one in told]
        relinked = [row for rows in known.values() for row in _link(rows)]
        given_up = [row.id for rows in known.values() for row in rows if row.id in counted and not row.is_current]
        Reading.update(is_current=False).where(Reading.id.in_(given_up)).execute()
        add_all(row for rows in known.values() for row in rows)
        for row in relinked:
            Reading.update(previous_milli=row.previous_milli).where(Reading.id == row.id).execute()
    return [(outcome, version.id) for outcome, version in outcomes]


def _since(meters: Collection[int], period: str) -> dict[int, list[Reading]]:
    """The readings of these meters from a month on, and the one before that counts, oldest version first."""
    older = Reading.alias()
    last = older.select(fn.MAX(older.period)).where((older.meter == Reading.meter) & older.is_current & (older.period < period))
    wanted = (Reading.period >= period) | (Reading.is_current & (Reading.period == last))
    found: dict[int, list[Reading]] = {meter: [] for meter in meters}
    for row in Reading.select().where(Reading.meter.in_(list(meters)) & wanted).order_by(Reading.id):
        found[row.meter_id].append(row)
    return found


def _place(known: list[Reading], one: Told, source: str, run: SyncRun | None, is_last_word: bool) -> tuple[str, Reading]:
    """Put one reading among those of its meter; nothing is written yet."""
    versions = [row for row in known if row.read_on == one.read_on and row.source == source]
    newest = versions[-1] if versions else None
    if newest is not None and newest.value_milli == one.value_milli:
        return "same", newest
    if newest is not None and not is_last_word and any(row.value_milli == one.value_milli for row in versions):
        return "older", newest
    period = clock.period(one.read_on)
    current = next((row for row in known if row.is_current and row.period == period), None)
    is_rival = newest is not None and run is not None and newest.run_id == run.id
    if current is None:
        counts = True
    elif current.read_on == one.read_on:
        counts = current.source == source and (not is_rival or one.value_milli > current.value_milli)
    else:
        counts = current.read_on < one.read_on
    if counts and current is not None:
        current.is_current = False
    made = Reading(
        organisation=one.meter.organisation_id,
        meter=one.meter,
        contract=one.contract_id,
        building=one.meter.building_id,
        value_milli=one.value_milli,
        read_on=one.read_on,
        period=period,
        source=source,
        is_current=counts,
        reference=keys.new_reference(),
        run=run,
    )
    known.append(made)
    return "created" if newest is None else "changed", made


def _link(known: list[Reading]) -> list[Reading]:
    """Count each reading of a meter from the one of an earlier month; returns the stored ones for which that changes."""
    changed: list[Reading] = []
    last = None
    for row in sorted(known, key=lambda row: (row.period, row.is_current)):
        previous = last.value_milli if last else None
        if row.id is None:
            row.previous_milli = previous
        elif last is not None and row.previous_milli != previous:
            row.previous_milli = previous
            changed.append(row)
        if row.is_current:
            last = row
    return changed


def _lock(meters: Iterable[Meter]) -> None:
    """Let nobody else store readings of these meters until the transaction ends. SQLite has locked everything already."""
    if database.for_update:
        ids = [meter.id for meter in meters]
        rows: Any = Meter.select(Meter.id).where(Meter.id.in_(ids)).order_by(Meter.id)
        list(rows.for_update("FOR NO KEY UPDATE").tuples())


def _says(reading: Reading | None, value_milli: int, read_on: date, source: str) -> bool:
    return reading is not None and (reading.value_milli, reading.read_on, reading.source) == (value_milli, read_on, source)


def _put(
    meter: Meter,
    value_milli: int,
    read_on: date,
    *,
    source: str,
    reference: str,
    last: Reading | None,
    instead_of: Reading | None,
    account: Account,
) -> Reading:
    """Add a version that counts: the one before it no longer does, and the month after is counted from it."""
    if instead_of is not None:
        Reading.update(is_current=False).where(Reading.id == instead_of.id).execute()
    made = Reading.create(
        organisation=meter.organisation_id,
        meter=meter,
        contract=meter.contract_id,
        building=meter.building_id,
        value_milli=value_milli,
        previous_milli=last.value_milli if last else None,
        read_on=read_on,
        period=clock.period(read_on),
        source=source,
        reference=reference,
        account=account,
    )
    later = (Reading.meter == meter) & Reading.is_current & (Reading.period > made.period)
    following = Reading.select(Reading.id).where(later).order_by(Reading.period).limit(1)
    Reading.update(previous_milli=value_milli).where(Reading.id.in_(following)).execute()
    return made


def _told(reading: Reading, language: str) -> dict[str, object]:
    """A stored reading as the mail tells it."""
    return {
        "meter": _name(reading.meter, language),
        "from": reading.previous_milli,
        "to": reading.value_milli,
        "difference": reading.used_milli,
        "unit": reading.meter.kind.unit,
    }


def _name(meter: Meter, language: str) -> str:
    """A meter as people know it."""
    return f"{meter.kind.name(language)} {meter.number}"


# ---- reminding --------------------------------------------------------------------------------------------------------


def to_remind(organisation: Organisation, day: date) -> Iterator[tuple[Account, list[Meter]]]:
    """Who may declare and has not this month, each with the meters that wait."""
    waiting = _waiting(organisation, day)
    ids = [account for (account,) in waiting.select(Membership.account).distinct().order_by(Membership.account).tuples()]
    for block in chunked(ids, REMINDED_AT_ONCE):
        rows = waiting.where(Membership.account.in_(block)).order_by(Membership.account, Meter.number, Meter.id)
        for _, found in groupby(rows, key=lambda row: row.account_id):
            of_one = list(found)
            yield of_one[0].account, [row.meter for row in of_one]


def _waiting(organisation: Organisation, day: date) -> Any:
    """Accounts beside meters that stand in their places, are declared by customers, and have no reading this month."""
    may = [kind.id for kind in AccessType.select().where(AccessType.organisation == organisation) if "reading.declare" in kind.deeds]
    known = Reading.select(Reading.id).where((Reading.meter == Meter.id) & (Reading.period == clock.period(day)) & Reading.is_current)
    who = Account.email_confirmed_at.is_null(False)
    if settings.of(organisation).identity_required:
        who &= Account.identity_confirmed_at.is_null(False)
    return (
        Membership.select(Membership, Account, Meter, MeterKind)
        .join(Account)
        .switch(Membership)
        .join(Contract)
        .join(Provider)
        .switch(Membership)
        .join(Meter, on=(Meter.contract == Membership.contract), attr="meter")
        .join(MeterKind, attr="kind")
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


def remind(organisation: Organisation, day: date, site_url: str) -> int:
    """In the last days of the window, remind whoever has not declared, once; returns how many have not."""
    open_, days = window(organisation, day), settings.of(organisation).remind_days_before
    if not days or not open_.is_open or day < open_.closes_on - timedelta(days=days):
        return 0
    count = 0
    for block in chunked(to_remind(organisation, day), REMINDED_AT_ONCE):
        with unit_of_work():
            for account, meters in block:
                count += 1
                messages.put(
                    "reading_reminder",
                    account,
                    organisation=organisation,
                    dedupe_key=f"reading_reminder:{account.id}:{open_.closes_on}",
                    lane=messages.BULK,
                    closes_on=open_.closes_on,
                    url=links.declare_readings(site_url),
                    meters=[_name(meter, account.language) for meter in meters],
                )
    return count
