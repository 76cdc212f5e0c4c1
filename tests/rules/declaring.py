"""What tests of readings do again and again: declaring one, taking one from a feed, seeing what counts."""

from datetime import date
from typing import Any

from models import Account, Meter, Reading
from rules import chain, readings

IN_WINDOW = date(2026, 11, 20)


def declare(meter: Meter, value_milli: int, by: Account, on: date = IN_WINDOW, **more: Any) -> Reading:
    return readings.declare(meter, value_milli, on=on, by=by, **more)


def counting(meter: Meter) -> list[tuple[str, int]]:
    """The months of a meter and what counts in each."""
    rows = Reading.select().where((Reading.meter == meter) & Reading.is_current).order_by(Reading.read_on)
    return [(r.period, r.value_milli) for r in rows]


def store(meter: Meter, value_milli: int, on: date) -> str:
    told = chain.Told(meter, meter.contract_id, value_milli, on)
    return chain.store_many([told], source="feed", is_last_word=True)[0][0]
