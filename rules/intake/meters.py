"""What the records of meters and of their readings become."""

from collections.abc import Sequence

from models import N_, Contract, Meter, MeterKind
from rules import chain, readings
from rules.bulk import add_all
from rules.intake import TOO_EARLY, payers, say, say_unless_said
from rules.sync_run import Aside, Item, Record, Run

UNKNOWN_KIND = N_("There is no kind of meter {meter_kind}. Meter {number} is taken in as soon as there is one.")
ELSEWHERE = N_("Meter {number} is still at {known}. It moves to {payer_code} when that contract has ended or the meter was removed there.")
UNKNOWN_METER = N_("There is no meter {number} at the payer code {payer_code}. Its reading is taken in as soon as there is one.")
WHICH_METER = N_("There are several meters {number} at the payer code {payer_code}. The reading must name the kind of meter.")
UNLIKELY_READING = N_("Meter {number} cannot have shown {value_milli}.")


def take(run: Run, items: Sequence[Item]) -> None:
    """A meter is known by kind and number. The last word stays, but for where it is: see `_refuse_to_move`."""
    mine = (Meter.organisation == run.organisation) & Meter.number.in_({item.record.number for item in items})
    rows = {(row.kind_id, row.number): row for row in Meter.select().where(mine)}
    taken = []
    for item in items:
        it = item.record
        try:
            kind, contract = _meter_kind(run, it), payers.known(run, it)
            meter = rows.get((kind.id, it.number)) or Meter(organisation=run.organisation, kind=kind, number=it.number)
            is_elsewhere = meter.contract_id not in (None, contract.id)
            if is_elsewhere and not (it.removed_on and it.removed_on <= run.today):
                _refuse_to_move(run, meter, contract)
                is_elsewhere = False
        except Aside as why:
            run.put_aside(item, why)
            continue
        said = {"contract": contract, "building": contract.building_id, "installed_on": it.installed_on, "removed_on": it.removed_on}
        # One that was here once and is at another place now stays there.
        has_changed = not is_elsewhere and say(meter, said) | say_unless_said(meter, {"place": it.place}, it.payer_code, it.place)
        outcome = "created" if (kind.id, it.number) not in rows else "changed" if has_changed else "same"
        run.count(outcome, "meter", kind.id, it.number, contract.id, it.place, it.installed_on, it.removed_on)
        run.openings += outcome != "same"
        rows[kind.id, it.number] = meter
        taken.append((item, meter))
    add_all(meter for _, meter in taken)
    for _, meter in taken:
        if meter.is_dirty():
            meter.save()
    run.taken_in(item for item, _ in taken)


def _meter_kind(run: Run, it: Record) -> MeterKind:
    if it.kind not in run.kinds:
        raise Aside("unknown-kind", UNKNOWN_KIND, meter_kind=it.kind, number=it.number)
    return run.kinds[it.kind]


def _refuse_to_move(run: Run, meter: Meter, to: Contract) -> None:
    """A meter goes to another contract only when its own has ended or it was removed there: else two places share a number, and
    one would see the other's readings. Raises Aside."""
    ends = (meter.removed_on, meter.contract.ended_on)
    if not any(day is not None and day <= run.today for day in ends):
        raise Aside("meter-elsewhere", ELSEWHERE, number=meter.number, known=meter.contract.payer_code, payer_code=to.payer_code)


def take_readings(run: Run, items: Sequence[Item]) -> None:
    """Readings go to the meter that the contract has, or had at the time."""
    mine = (Meter.organisation == run.organisation) & Meter.number.in_({item.record.meter for item in items})
    meters: dict[str, list[Meter]] = {}
    for meter in Meter.select().where(mine).order_by(Meter.id):
        meters.setdefault(meter.number, []).append(meter)
    told, taken = [], []
    for item in items:
        it = item.record
        try:
            if not 0 <= it.value_milli <= readings.MOST_MILLI:
                raise Aside("reading", UNLIKELY_READING, number=it.meter, value_milli=it.value_milli)
            if it.read_on > run.today:
                raise Aside("future", TOO_EARLY, day_on=it.read_on)
            contract = payers.known(run, it)
            meter = _meter(run, it, contract, meters.get(it.meter, []))
        except Aside as why:
            run.put_aside(item, why)
            continue
        told.append(chain.Told(meter, contract.id, it.value_milli, it.read_on))
        taken.append(item)
    outcomes = chain.store_many(told, source="feed", run=run.row, is_last_word=run.is_over)
    for item, one, (outcome, version) in zip(taken, told, outcomes, strict=True):
        if outcome == "older":
            run.replaced[version] = item
        elif not run.is_old:
            run.versions.add(version)
        run.count("same" if outcome == "older" else outcome, "reading", one.meter.id, one.read_on, one.value_milli)
    run.taken_in(taken)


def _meter(run: Run, it: Record, contract: Contract, called: Sequence[Meter]) -> Meter:
    """The meter of a reading. Raises Aside."""
    kind = run.kinds.get(it.kind) if it.kind else None
    fitting = [meter for meter in called if it.kind is None or (kind and meter.kind_id == kind.id)]
    here = [meter for meter in fitting if meter.contract_id == contract.id]
    if not here and contract.ended_on is not None and it.read_on <= contract.ended_on:
        here = fitting
    if len(here) > 1:
        raise Aside("which-meter", WHICH_METER, number=it.meter, payer_code=contract.payer_code)
    if not here:
        raise Aside("unknown-meter", UNKNOWN_METER, number=it.meter, payer_code=contract.payer_code)
    return here[0]
