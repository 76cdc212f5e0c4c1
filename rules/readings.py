"""What meters show: when it may be told, what is refused, what a customer sees of it (CV-28..35, K16-K19)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from peewee import JOIN, fn

from models import MOST_DIGITS, N_, Account, Building, Contract, Meter, MeterKind, MeterName, Organisation, Provider, Reading
from rules import access, chain, clock, events, keys, messages, settings
from rules.refusal import Doubtful, Refused
from rules.statements import add, one_of, statement
from rules.work import unit_of_work

MOST_MILLI = 10 ** (MOST_DIGITS + 3) - 1
# A use this many times the usual one is asked about once more, unless it is less than ten units in all.
UNUSUAL_TIMES, UNUSUAL_FLOOR_MILLI = 3, 10_000
NEVER = "9999-13"  # a month after all


# ---- when -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """The days on which readings are taken, first and last included: those that hold `day`, else the next ones."""

    is_open: bool
    opens_on: date
    closes_on: date


def window(organisation: Organisation, day: date, building: Building | None = None) -> Window:
    """Whether readings may be declared on that local day, and from when until when: as the building says, else the organisation
    (K16, CV-31, CV-32)."""
    return window_of_days(*days_of_month(organisation, building), day)


def window_of_days(opens: int, closes: int, day: date) -> Window:
    """The same where the days of the month are known."""
    opens_on, closes_on = _days(opens, closes, day.replace(day=1))
    if day > closes_on:
        opens_on, closes_on = _days(opens, closes, _next_month(day))
    return Window(opens_on <= day, opens_on, closes_on)


def window_of(meter: Meter, day: date) -> Window:
    """When this meter's readings are taken."""
    return window(meter.organisation, day, meter.contract.building)


def days_of_month(organisation: Organisation, building: Building | None) -> tuple[int, int]:
    """The first and the last day of the month on which readings are taken; 31 is the last one of any month."""
    if building is not None and building.reading_opens_on is not None and building.reading_closes_on is not None:
        return building.reading_opens_on, building.reading_closes_on
    rules = settings.of(organisation)
    return rules.reading_opens_on, rules.reading_closes_on


def _days(opens: int, closes: int, first: date) -> tuple[date, date]:
    last = _next_month(first) - timedelta(days=1)
    return first.replace(day=opens), first.replace(day=min(closes, last.day))


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


# ---- what a customer sees ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A meter, its newest reading that counts, if there is one, and the account's own name for it, if it has one."""

    meter: Meter
    reading: Reading | None
    called: str = ""


@dataclass(frozen=True)
class Place:
    """A contract with its provider and building, and its meters."""

    contract: Contract
    rows: list[Row] = field(default_factory=list)

    def window(self, day: date) -> Window:
        """When readings are taken here."""
        return window(self.contract.organisation, day, self.contract.building)

    def is_declared_by_customers(self, day: date) -> bool:
        """Whether readings are declared here at all (K17, CV-28)."""
        contract = self.contract
        return contract.provider.declares_readings and (contract.ended_on is None or contract.ended_on > day)


def places(account: Account, deed: str = "meter.view", *, before: str = NEVER, only: int | None = None) -> list[Place]:
    """The contracts with which an account may do `deed`, each with its meters and their newest readings, in one statement.

    `before` takes the newest readings of months before that one, `only` the contract with that id alone. Readings of whoever had
    the place earlier are not shown (CV-30).
    """
    contracts = access.contracts_shown(account, deed)
    if only is not None:
        contracts = [held for held in access.contracts_allowing(account, deed) if held == only]
    found: dict[int, Place] = {}
    for contract in _places(account, contracts, before):
        place = found.setdefault(contract.id, Place(contract))
        contract.organisation = account.organisation
        meter = contract.__dict__.get("meter")
        if meter is not None:
            meter.contract, meter.organisation = place.contract, account.organisation
            named = meter.__dict__.get("named")
            place.rows.append(Row(meter, meter.__dict__.get("newest"), named.name if named else ""))
    return list(found.values())


@statement
def _places(account: Account, contracts: list[int], before: str) -> Any:
    newer = Reading.alias()
    same = (newer.meter == Meter.id) & (newer.contract == Contract.id) & newer.is_current
    theirs = Contract.opened_on.is_null() | (Reading.read_on >= Contract.opened_on)
    newest = newer.select(fn.MAX(newer.period)).where(same & (newer.period < before))
    return (
        Contract.within(account)
        .select(Contract, Provider, Building, Meter, MeterKind, Reading, MeterName)
        .join(Provider)
        .switch(Contract)
        .join(Building, JOIN.LEFT_OUTER)
        .switch(Contract)
        .join(Meter, JOIN.LEFT_OUTER, on=(Meter.contract == Contract.id), attr="meter")
        .join(MeterKind, JOIN.LEFT_OUTER, attr="kind")
        .switch(Meter)
        .join(
            Reading,
            JOIN.LEFT_OUTER,
            on=((Reading.meter == Meter.id) & (Reading.contract == Contract.id) & Reading.is_current & (Reading.period == newest) & theirs),
            attr="newest",
        )
        .switch(Meter)
        .join(MeterName, JOIN.LEFT_OUTER, on=((MeterName.meter == Meter.id) & (MeterName.account == account.id)), attr="named")
        .where(one_of(Contract.id, contracts))
        .order_by(Contract.sort_key, Contract.id, MeterKind.code, Meter.number)
    )


def declarable(account: Account, day: date, *, only: int | None = None) -> list[Row]:
    """The meters whose readings an account may declare on that day (but for the window), each with its last reading of an
    earlier month; those of the contract with the id `only` alone."""
    return [
        row
        for place in places(account, "reading.declare", before=clock.period(day), only=only)
        if place.is_declared_by_customers(day)
        for row in place.rows
        if row.meter.is_in_use(day)
    ]


def of_month(meters: Collection[Meter], period: str, *, seen_by: Account | None = None) -> dict[int, Reading]:
    """The readings of these meters that count in a month, by the meter's id: those of the contracts that have them now (CV-30), and
    of those what an account may see: not what the customer before has left."""
    holders = {meter.id: meter.contract_id for meter in meters}
    rows = _seen(seen_by, list(holders), period) if seen_by else _current(list(holders), period)
    return {reading.meter_id: reading for reading in rows if reading.contract_id == holders[reading.meter_id]}


@statement
def _current(meters: list[int], period: str) -> Any:
    return Reading.select().where(_counts(meters, period))


@statement
def _seen(account: Account, meters: list[int], period: str) -> Any:
    return Reading.within(account).where(_counts(meters, period))


def _counts(meters: list[int], period: str) -> Any:
    return one_of(Reading.meter, meters) & (Reading.period == period) & Reading.is_current


def by_reference(account: Account, reference: str) -> list[Reading]:
    """What was declared under one reference, with meters and kinds; nothing where the account may not see it."""
    return list(
        Reading.within(account)
        .select(Reading, Meter, MeterKind, Contract, Building)
        .join(Meter)
        .join(MeterKind)
        .switch(Reading)
        .join(Contract)
        .join(Building, JOIN.LEFT_OUTER)
        .where((Reading.reference == reference) & Reading.contract.in_(access.contracts_allowing(account, "meter.view")))
        .order_by(Contract.sort_key, MeterKind.code, Meter.number)
    )


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
ROLLED = N_(
    "That is less than {last_milli}, which the meter showed on {last_on}. If it has started from zero since, "
    "{used_milli} {unit} were used. Does the meter show {value_milli}?"
)
SAME_DAY_ALONE = N_(
    "You told {last_milli} today already, and of two readings of one day the higher one counts. "
    "If that was a slip, declare again on a later day while readings are taken, or tell us and we will correct it."
)
SAME_DAY = N_(
    "You told {last_milli} today already, and of two readings of one day the higher one counts. "
    "If that was a slip, declare again on a later day while readings are taken, or tell us and we will correct it: {contact}."
)
BY_STAFF = N_("Our customer service has entered {last_milli} for today. If that is wrong, tell us.")
UNUSUAL = N_(
    "That is {used_milli} {unit} more than on {last_on}. Your usual use is about {usual_milli} {unit} a month. "
    "Does the meter show {value_milli}?"
)
UNUSUAL_HERE = N_(
    "That is {used_milli} {unit} more than on {last_on}. The usual use here is about {usual_milli} {unit} a month. "
    "Does the meter show {value_milli}?"
)
LESS = N_(
    "That is less than {last_milli}, which the meter showed on {last_on}. Does it show {value_milli}, because it was exchanged or set anew?"
)


@dataclass(frozen=True)
class Shown:
    """What of a reading one needs to judge the next."""

    value_milli: int
    rollover_milli: int
    read_on: date
    period: str
    contract_id: int


class NotDeclared(Exception):
    """None of these readings was stored: `why` tells what is refused and what is doubted, by meter."""

    def __init__(self, why: dict[Meter, Refused]) -> None:
        super().__init__(*why.values())
        self.why = why


def judge(meter: Meter, value_milli: int, *, on: date, instead_of: Reading | None = None, sure: bool = False) -> int | None:
    """Whether this reading may be declared on that local day. Returns what the meter showed before it, to count from.

    `instead_of` is the reading of this month that it would replace: one's own of an earlier day may be corrected downwards, the
    provider's not.

    Raises Refused: outside the window, where customers do not declare, for a meter or contract no longer in use, for more
    decimals than the meter has, for less than it showed unless it can have started from zero, for what cannot replace a reading of
    the same day. Raises Doubtful for a use far above the usual and for a roll-over, unless `sure`.
    """
    place, kind = meter.contract, meter.kind
    _check_time(meter, on)
    if value_milli % 10 ** (3 - kind.decimals):
        raise Refused(TOO_FINE[kind.decimals], field="value")
    check_dial(meter, value_milli, field="value")
    if instead_of is not None and instead_of.read_on == on:
        _check_same_day(meter, value_milli, instead_of)
    earlier = _earlier(meter, on, place.id)
    last = earlier[0] if earlier else None
    if instead_of is not None and instead_of.source != "customer" and value_milli < instead_of.value_milli:
        raise _lower(meter, instead_of)
    if last is None:
        return None
    if value_milli < last.value_milli and not chain.rollover_milli(meter, value_milli, last.value_milli):
        raise _lower(meter, last)
    if not sure:
        _doubt(meter, value_milli, on, earlier, place.id, UNUSUAL)
    return last.value_milli


def check_dial(meter: Meter, value_milli: int, *, field: str) -> None:
    """Raises Refused for what the meter's dial cannot show."""
    if not 0 <= value_milli <= MOST_MILLI:
        raise Refused(N_("The reading must have at most nine digits before the decimals."), field=field)
    if meter.dial_milli is not None and value_milli >= meter.dial_milli:
        most = meter.dial_milli - 1000
        raise Refused(
            N_("The meter shows {most_milli} at most. Copy the black digits only, without the red ones."), field=field, most_milli=most
        )


def doubt(meter: Meter, value_milli: int, *, on: date, contract_id: int) -> None:
    """Raises Doubtful for what staff may mean and may have mistyped: less than before, a roll-over, a use far above the usual."""
    earlier = _earlier(meter, on, contract_id)
    if earlier:
        _doubt(meter, value_milli, on, earlier, contract_id, UNUSUAL_HERE)


def _doubt(meter: Meter, value_milli: int, on: date, earlier: list[Shown], contract_id: int, unusual: str) -> None:
    kind, last = meter.kind, earlier[0]
    rollover, step = chain.rollover_milli(meter, value_milli, last.value_milli), 10 ** (3 - kind.decimals)
    used = value_milli - last.value_milli + rollover
    facts = {"value_milli": value_milli, "last_milli": last.value_milli, "last_on": last.read_on, "used_milli": used}
    facts |= {"unit": kind.unit, "decimals": kind.decimals}
    if value_milli < last.value_milli:
        raise Doubtful(ROLLED if rollover else LESS, field="value", **facts)
    usual = _usual([reading for reading in earlier if reading.contract_id == contract_id])
    if usual is not None and used > max(UNUSUAL_TIMES * usual * clock.months_between(last.period, clock.period(on)), UNUSUAL_FLOOR_MILLI):
        raise Doubtful(unusual, field="value", usual_milli=usual // step * step, **facts)


def _check_time(meter: Meter, on: date) -> None:
    """Raises Refused where or when no readings are declared."""
    place = meter.contract
    if not place.provider.declares_readings:
        raise Refused("{notice}", notice=place.provider.readings_notice or NOT_DECLARED)
    open_ = window_of(meter, on)
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


def _check_same_day(meter: Meter, value_milli: int, told: Reading) -> None:
    """Raises Refused where the reading of the same day stays: the higher one, and what staff have put right."""
    if value_milli == told.value_milli:
        return
    contact = _contact(meter)
    facts = {"last_milli": told.value_milli, "decimals": meter.kind.decimals, "contact": contact}
    if told.source == "staff":
        raise Refused(BY_STAFF, field="value", **facts)
    if told.source == "customer" and value_milli < told.value_milli and settings.of(meter.organisation).same_day_reading == "highest":
        raise Refused(SAME_DAY if contact else SAME_DAY_ALONE, field="value", **facts)


def _lower(meter: Meter, shown: Reading | Shown) -> Refused:
    contact = _contact(meter)
    facts = {"last_milli": shown.value_milli, "last_on": shown.read_on, "decimals": meter.kind.decimals, "contact": contact}
    return Refused(LOWER if contact else LOWER_ALONE, field="value", **facts)


def _contact(meter: Meter) -> str:
    return meter.organisation.phone or meter.organisation.email


def _earlier(meter: Meter, on: date, contract_id: int) -> list[Shown]:
    """The readings that count before one of that day and contract, newest first, a year and one back: of earlier months, and of this
    one what the holder before has left."""
    return [Shown(*row) for row in _known(meter.id, contract_id, on, clock.period(on))]


@statement
def _known(meter: int, contract: int, on: date, period: str) -> Any:
    this_month = (Reading.contract == contract) & (Reading.period == period)
    known = (Reading.meter == meter) & Reading.is_current & (Reading.read_on <= on) & ~this_month
    said = Reading.value_milli, Reading.rollover_milli, Reading.read_on, Reading.period, Reading.contract
    return Reading.select(*said).where(known).order_by(Reading.read_on.desc(), Reading.value_milli.desc()).limit(13).tuples()


def _usual(earlier: list[Shown]) -> int | None:
    """What these readings, newest first, say is used in a month; None where there are too few to tell."""
    if len(earlier) < 3:
        return None
    used = earlier[0].value_milli - earlier[-1].value_milli + sum(reading.rollover_milli for reading in earlier[:-1])
    return max(0, used) // clock.months_between(earlier[-1].period, earlier[0].period)


def parse(typed: str) -> tuple[int, int] | None:
    """A reading as people write it, with a comma or a dot: thousandths, and how many decimals it has. None: it is no number."""
    found = re.fullmatch(r"([0-9]{1,40})(?:[.,]([0-9]{0,40}))?", re.sub("[ \u00a0\u202f]", "", typed))
    if found is None:
        return None
    part = (found[2] or "").rstrip("0")
    return int(found[1] + part[:3].ljust(3, "0")), len(part)


def rounded(kind: MeterKind, value_milli: int) -> int:
    """A reading as its kind of meter keeps it: half a unit of its last place counts as one where that is the rule (K18)."""
    step = 10 ** (3 - kind.decimals)
    return value_milli if kind.rounding == "exact" else (value_milli + step // 2) // step * step


def declare(meter: Meter, value_milli: int, *, on: date, by: Account, sure: bool = False) -> Reading:
    """Declare what one meter shows today, as `declare_all` does. Raises Refused or Doubtful as `judge` does."""
    try:
        return declare_all({meter: value_milli}, on=on, by=by, sure={meter} if sure else ())[0]
    except NotDeclared as no:
        raise no.why[meter] from None


def declare_all(values: Mapping[Meter, int], *, on: date, by: Account, sure: Collection[Meter] = ()) -> list[Reading]:
    """Declare what meters show on this local day, thousandths: all or none, under one reference, with one mail (CV-34).

    A reading of the same month is replaced and kept beside. The same values again on the same day, also at the same moment
    from twenty browsers, get the receipt of the first. Raises NotDeclared with all that `judge` refuses or doubts.
    """
    period = clock.period(on)
    values = {meter: rounded(meter.kind, value) for meter, value in values.items()}
    with unit_of_work():
        chain.lock(values)
        now_current = of_month(list(values), period)
        if all(_says(now_current.get(meter.id), value, on, "customer") for meter, value in values.items()):
            return [now_current[meter.id] for meter in values]
        shown = _judge_all(values, on, now_current, sure)
        reference, stored = keys.new_reference(), []
        for meter, value in values.items():
            old = now_current.get(meter.id)
            made = _put(meter, value, on, source="customer", reference=reference, previous=shown[meter], instead_of=old, account=by)
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
        called = names(by, values)
        told = [_told(reading, by.language, called) for reading in stored]
        messages.put(
            "reading_declared",
            by,
            organisation=by.organisation,
            dedupe_key=f"reading_declared:{by.organisation_id}:{reference}",
            reference=reference,
            meters=told,
        )
    return stored


def _judge_all(values: Mapping[Meter, int], on: date, told: Mapping[int, Reading], sure: Collection[Meter]) -> dict[Meter, int | None]:
    """What each of these meters showed before, to count from. Raises NotDeclared."""
    shown, why = {}, {}
    for meter, value in values.items():
        try:
            shown[meter] = judge(meter, value, on=on, instead_of=told.get(meter.id), sure=meter in sure)
        except Refused as no:
            why[meter] = no
    if why:
        raise NotDeclared(why)
    return shown


def _says(reading: Reading | None, value_milli: int, read_on: date, source: str) -> bool:
    return reading is not None and (reading.value_milli, reading.read_on, reading.source) == (value_milli, read_on, source)


def _put(
    meter: Meter,
    value_milli: int,
    read_on: date,
    *,
    source: str,
    reference: str,
    previous: int | None,
    instead_of: Reading | None,
    account: Account,
) -> Reading:
    """Add a version that counts: the one before it no longer does, and the month after is counted from it."""
    if instead_of is not None:
        _no_longer_counts(instead_of.id)
    made = Reading(
        organisation=meter.organisation_id,
        meter=meter,
        contract=meter.contract_id,
        building=meter.building_id,
        value_milli=value_milli,
        previous_milli=previous,
        rollover_milli=chain.rollover_milli(meter, value_milli, previous),
        read_on=read_on,
        period=clock.period(read_on),
        source=source,
        reference=reference,
        account=account,
        replaces=instead_of,
    )
    add(made)
    chain.relink(meter, read_on)
    return made


@statement
def _no_longer_counts(reading: int) -> Any:
    return Reading.update(is_current=False).where(Reading.id == reading)


def _told(reading: Reading, language: str, called: Mapping[int, str]) -> dict[str, object]:
    """A stored reading as the mail tells it."""
    return {
        "meter": name(reading.meter, language, called),
        "from": reading.previous_milli,
        "to": reading.value_milli,
        "difference": reading.used_milli,
        "unit": reading.meter.kind.unit,
    }


# ---- what meters are called -------------------------------------------------------------------------------------------


def name(meter: Meter, language: str, called: Mapping[int, str]) -> str:
    """A meter as its reader knows it: by their own name for it first, where they have one."""
    own = called.get(meter.id)
    return f"{own} ({meter.kind.name(language)} {meter.number})" if own else f"{meter.kind.name(language)} {meter.number}"


def names(account: Account, meters: Collection[Meter]) -> dict[int, str]:
    """What an account calls these meters, by the meter's id; nobody else's names."""
    return dict(_names(account, [meter.id for meter in meters]))


@statement
def _names(account: Account, meters: list[int]) -> Any:
    return MeterName.within(account).select(MeterName.meter, MeterName.name).where(one_of(MeterName.meter, meters)).tuples()


def rename(meter: Meter, called: str, *, by: Account) -> None:
    """Give a meter one's own name; an empty one takes it away. What it is called stands in no event: staff read those.

    Raises Refused for more than 40 characters.
    """
    called = " ".join(called.split())
    if len(called) > MeterName.name.max_length:
        raise Refused(N_("The name must be at most {most} characters"), field="name", most=MeterName.name.max_length)
    mine = (MeterName.account == by) & (MeterName.meter == meter)
    with unit_of_work():
        old = MeterName.get_or_none(mine)
        if (old.name if old else "") == called:
            return
        if not called:
            MeterName.delete().where(mine).execute()
        else:
            # Two windows of one person: the later name stays.
            MeterName.insert(organisation=by.organisation_id, account=by, meter=meter, name=called).on_conflict(
                conflict_target=[MeterName.account, MeterName.meter], update={MeterName.name: called}
            ).execute()
        events.record("meter.named", meter, by=by, account=by)
