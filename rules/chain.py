"""Which version of a reading counts, and from which one it is counted: the chain of what a meter showed (K18).

Of a month one version counts for each contract that the meter had in it. Each that counts is counted from the one before it, whose
ever that was; where the dial started from zero in between, over the roll-over.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import fn

from models import Meter, Reading, SyncRun, database
from rules import clock, keys
from rules.bulk import add_all
from rules.statements import one_of, statement
from rules.work import unit_of_work

# A dial that started from zero has moved by at most a tenth of what it holds; else it was misread, or is another meter.
MOST_OF_A_DIAL = 10


@dataclass(frozen=True)
class Told:
    """What a billing system says that a meter showed at the end of a local day, thousandths; `contract_id` had it then."""

    meter: Meter
    contract_id: int
    value_milli: int
    read_on: date


def store_many(told: Sequence[Told], *, source: str, run: SyncRun | None = None, is_last_word: bool = False) -> list[tuple[str, int]]:
    """Keep what a billing system says meters showed, whatever the window, in any order, with a few statements for all.

    The newest day of a month counts; what a customer or staff said in that month gives way only to a later day. Another value of the
    same day is a correction, but of two that one run brings, the higher counts. Returns for each what became of it and the id of
    the newest version of that day: "created", "changed", "same" or "older" (it was replaced once; unless `is_last_word`, it is
    not taken for a correction back, because the feed may hold both).
    """
    if not told:
        return []
    with unit_of_work():
        meters = {one.meter.id: one.meter for one in told}
        lock(meters.values())
        known = _since(meters, min(clock.period(one.read_on) for one in told))
        counted = {row.id for rows in known.values() for row in rows if row.is_current}
        outcomes = [_place(known[one.meter.id], one, source, run, is_last_word) for one in told]
        relinked = [row for id_, rows in known.items() for row in _link(meters[id_], rows)]
        given_up = [row.id for rows in known.values() for row in rows if row.id in counted and not row.is_current]
        Reading.update(is_current=False).where(Reading.id.in_(given_up)).execute()
        add_all(row for rows in known.values() for row in rows)
        _write_links(relinked)
    return [(outcome, version.id) for outcome, version in outcomes]


def relink(meter: Meter, since: date) -> None:
    """Count the readings of a meter from a month on anew, after one of them was added or counts no more."""
    (known,) = _since([meter.id], clock.period(since)).values()
    _write_links(_link(meter, known))


def rollover_milli(meter: Meter, value_milli: int, previous_milli: int | None) -> int:
    """What the dial holds where it can have started from zero between these two readings, thousandths; else 0."""
    if previous_milli is None or value_milli >= previous_milli or meter.dial_milli is None:
        return 0
    used_milli = value_milli + meter.dial_milli - previous_milli
    return meter.dial_milli if 0 <= used_milli * MOST_OF_A_DIAL <= meter.dial_milli else 0


def lock(meters: Iterable[Meter]) -> None:
    """Let nobody else store readings of these meters until the transaction ends. SQLite has locked everything already."""
    if database.for_update:
        ids = [meter.id for meter in meters]
        rows: Any = Meter.select(Meter.id).where(Meter.id.in_(ids)).order_by(Meter.id)
        list(rows.for_update("FOR NO KEY UPDATE").tuples())


def _since(meters: Collection[int], period: str) -> dict[int, list[Reading]]:
    """The readings of these meters from a month on, and the one before that counts, oldest version first."""
    found: dict[int, list[Reading]] = {meter: [] for meter in meters}
    for row in _rows_since(list(meters), date.fromisoformat(f"{period}-01")):
        found[row.meter_id].append(row)
    return found


@statement
def _rows_since(meters: list[int], first: date) -> Any:
    older = Reading.alias()
    last = older.select(fn.MAX(older.read_on)).where((older.meter == Reading.meter) & older.is_current & (older.read_on < first))
    wanted = (Reading.read_on >= first) | (Reading.is_current & (Reading.read_on == last))
    return Reading.select().where(one_of(Reading.meter, meters) & wanted).order_by(Reading.id)


def _place(known: list[Reading], one: Told, source: str, run: SyncRun | None, is_last_word: bool) -> tuple[str, Reading]:
    """Put one reading among those of its meter; nothing is written yet."""
    mine = [row for row in known if row.contract_id == one.contract_id]
    versions = [row for row in mine if row.read_on == one.read_on and row.source == source]
    newest = versions[-1] if versions else None
    if newest is not None and newest.value_milli == one.value_milli:
        return "same", newest
    if newest is not None and not is_last_word and any(row.value_milli == one.value_milli for row in versions):
        return "older", newest
    period = clock.period(one.read_on)
    current = next((row for row in mine if row.is_current and row.period == period), None)
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


def _link(meter: Meter, known: list[Reading]) -> list[Reading]:
    """Count each reading of a meter from the last one before it that counts; returns the stored ones for which that changes.

    A version that counts no more is counted from what its successor is, not from that.
    """
    changed: list[Reading] = []
    last = before_last = None
    for row in sorted(known, key=_order):
        is_instead = last is not None and not row.is_current and (row.contract_id, row.period) == (last.contract_id, last.period)
        start = before_last if is_instead else last
        if row.id is None or start is not None:
            previous = start.value_milli if start else None
            link = (previous, rollover_milli(meter, row.value_milli, previous))
            if row.id is not None and link != (row.previous_milli, row.rollover_milli):
                changed.append(row)
            row.previous_milli, row.rollover_milli = link
        if row.is_current:
            last, before_last = row, last
    return changed


def _order(row: Reading) -> tuple[date, int, bool, int]:
    """Where a reading stands in the chain; of one day, which two contracts can share, the lower comes first."""
    return row.read_on, row.value_milli, row.id is None, row.id or 0


def _write_links(rows: Iterable[Reading]) -> None:
    for row in rows:
        link = {"previous_milli": row.previous_milli, "rollover_milli": row.rollover_milli}
        Reading.update(**link).where(Reading.id == row.id).execute()
