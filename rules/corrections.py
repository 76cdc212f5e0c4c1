"""What staff do with readings: enter one, put one right, take that back; each with a reason, every version kept, the customer told.

No window binds staff, and a meter that was exchanged may show less than before.
"""

from datetime import date

from models import N_, ROLES, AccessType, Account, Membership, Meter, Reading, Staff
from rules import chain, clock, events, keys, messages, readings, settings
from rules.refusal import Refused
from rules.work import unit_of_work

CHANGED = N_("This reading does not count any more: somebody has changed it meanwhile.")


def enter(meter: Meter, value_milli: int, *, read_on: date, reason: str, by: Staff, sure: bool = False) -> Reading:
    """Enter what a meter showed at the end of a local day, thousandths. It takes the place of a reading of the same month.

    Raises Refused: without a reason, for a day to come or before the contract or the meter, for a value of more than nine digits,
    where a later day of that month counts already or the same is kept. Raises Doubtful as `readings.doubt` does, unless `sure`.
    """
    _check(meter, value_milli, reason)
    _check_day(meter, read_on)
    with unit_of_work():
        chain.lock([meter])
        old = readings.of_month([meter], clock.period(read_on)).get(meter.id)
        if old is not None and old.read_on > read_on:
            raise Refused(
                N_("The reading of {later_on} counts in that month already. Correct that one."), field="read_on", later_on=old.read_on
            )
        return _put(meter, meter.contract_id, value_milli, read_on, reason, old, by, sure)


def correct(reading: Reading, value_milli: int, *, reason: str, by: Staff, sure: bool = False) -> Reading:
    """Put a reading right that counts: what it said stays beside it. Raises as `enter` does, and Refused where it no longer counts."""
    _check(reading.meter, value_milli, reason)
    with unit_of_work():
        chain.lock([reading.meter])
        # Whoever declared or corrected while we waited has made this one count no more.
        old = Reading.get_by_id(reading.id)
        if not old.is_current:
            raise Refused(CHANGED)
        return _put(reading.meter, old.contract_id, value_milli, old.read_on, reason, old, by, sure)


def undo(reading: Reading, *, reason: str, by: Staff) -> None:
    """Take back what staff entered or corrected: what it took the place of counts again. Raises Refused for anything else."""
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    with unit_of_work():
        chain.lock([reading.meter])
        taken = Reading.update(is_current=False).where((Reading.id == reading.id) & Reading.is_current & (Reading.source == "staff"))
        if not taken.execute():
            raise Refused(CHANGED)
        restored = _told_meanwhile(reading) or reading.replaces
        if restored is not None:
            Reading.update(is_current=True).where(Reading.id == restored.id).execute()
        chain.relink(reading.meter, reading.read_on)
        events.record(
            "reading.correction_undone",
            reading,
            by=by,
            account=restored.account if restored else None,
            meter=reading.meter.number,
            value_milli=reading.value_milli,
            read_on=reading.read_on,
            restores_milli=restored.value_milli if restored else None,
            reason=reason.strip(),
        )
        _tell(reading, reading.value_milli, restored.value_milli if restored else None, f"undone:{reading.id}", reason, by)


def _told_meanwhile(reading: Reading) -> Reading | None:
    """What the billing system has said of that month while the reading of staff stood in its way, and would count in its place."""
    same = (Reading.meter == reading.meter_id) & (Reading.contract == reading.contract_id) & (Reading.period == reading.period)
    newest = Reading.select().where(same & (Reading.source == "feed") & (Reading.id > reading.id))
    told, before = newest.order_by(Reading.read_on.desc(), Reading.id.desc()).first(), reading.replaces
    if told is None or before is None or told.read_on > before.read_on:
        return told
    return told if told.read_on == before.read_on and before.source == "feed" else None


def _check(meter: Meter, value_milli: int, reason: str) -> None:
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    readings.check_dial(meter, value_milli, field="value_milli")
    if meter.kind.rounding == "exact" and value_milli % 10 ** (3 - meter.kind.decimals):
        raise Refused(readings.TOO_FINE[meter.kind.decimals], field="value_milli")


def _check_day(meter: Meter, read_on: date) -> None:
    first_on = max((day for day in (meter.installed_on, meter.contract.opened_on) if day), default=None)
    if read_on > clock.today():
        raise Refused(N_("The day must be today or earlier"), field="read_on")
    if first_on is not None and read_on < first_on:
        raise Refused(N_("The meter is there only since {first_on}"), field="read_on", first_on=first_on)


def _put(
    meter: Meter, contract_id: int, value_milli: int, read_on: date, reason: str, old: Reading | None, by: Staff, sure: bool
) -> Reading:
    value_milli = readings.rounded(meter.kind, value_milli)
    if old is not None and (old.value_milli, old.read_on) == (value_milli, read_on):
        raise Refused(N_("That is what is kept already"), field="value_milli")
    if not sure:
        readings.doubt(meter, value_milli, on=read_on, contract_id=contract_id)
    if old is not None:
        Reading.update(is_current=False).where(Reading.id == old.id).execute()
    made = Reading.create(
        organisation=meter.organisation_id,
        meter=meter,
        contract=contract_id,
        building=old.building_id if old else meter.building_id,
        value_milli=value_milli,
        read_on=read_on,
        period=clock.period(read_on),
        source="staff",
        reference=keys.new_reference(),
        staff=by,
        reason=reason.strip(),
        replaces=old,
    )
    chain.relink(meter, read_on)
    made = Reading.get_by_id(made.id)  # with what it is counted from
    events.record(
        "reading.corrected" if old else "reading.entered",
        made,
        by=by,
        account=old.account if old else None,
        meter=meter.number,
        value_milli=value_milli,
        previous_milli=made.previous_milli,
        read_on=read_on,
        replaces=old.value_milli if old else None,
        reason=reason.strip(),
    )
    _tell(made, old.value_milli if old else None, value_milli, f"entered:{made.id}", reason, by)
    return made


def _tell(reading: Reading, old_milli: int | None, new_milli: int | None, what: str, reason: str, by: Staff) -> None:
    """Write to everyone who may see the reading now: what stands there, who changed it, by role, and why. Who has the contract since
    a later day hears nothing of the one before (decision 11)."""
    meter, opened_on = reading.meter, reading.contract.opened_on
    if opened_on is not None and reading.read_on < opened_on:
        return
    live = (Membership.contract == reading.contract_id) & Membership.until_at.is_null()
    for held in Membership.select(Membership, Account, AccessType).join(Account).switch(Membership).join(AccessType).where(live):
        account = held.account
        may_not = settings.of(meter.organisation).identity_for_everything == "strong" and account.identity_confirmed_at is None
        if may_not or "meter.view" not in held.access_type.deeds:
            continue
        messages.put(
            "reading_changed",
            account,
            organisation=meter.organisation,
            dedupe_key=f"reading_changed:{what}:{account.id}",
            meter=readings.name(meter, account.language, readings.names(account, [meter])),
            read_on=reading.read_on,
            old_milli=old_milli,
            new_milli=new_milli,
            unit=meter.kind.unit,
            role=dict(ROLES)[by.role],
            reason=reason.strip(),
        )
