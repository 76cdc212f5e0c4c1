"""What customers see of their meters: their own alone, with every version and what was used."""

from datetime import date

import pytest

from models import Account, Contract, Meter, Organisation, Reading
from rules import chain, clock, history, readings, use
from rules.refusal import Refused
from tests import factories
from tests.rules.declaring import IN_WINDOW, counting, declare


def test_one_sees_the_meters_of_ones_own_contracts_only(north: Organisation, anna: Account, meter: Meter) -> None:
    """CV-30"""
    foreign = factories.meter(factories.contract(north, "99"), "FOREIGN")
    factories.reading(foreign, 5_000, date(2026, 10, 1))
    (place,) = readings.places(anna)
    assert [row.meter for row in place.rows] == [meter]
    assert history.of_meter(anna, foreign) == []
    assert [kind.months["2026-10"] for kind in use.of(anna, IN_WINDOW)] == []


def test_a_new_owner_does_not_see_what_the_flat_used_before(north: Organisation, anna: Account, meter: Meter) -> None:
    """CV-30"""
    bought = factories.contract(north, "02-1")
    ivan = factories.account(north, "ivan@example.lt")
    factories.holds(ivan, bought)
    Meter.update(contract=bought).where(Meter.id == meter.id).execute()
    (place,) = readings.places(ivan)
    assert [(row.meter, row.reading) for row in place.rows] == [(meter, None)]
    assert history.of_meter(ivan, meter) == []


def test_the_newest_reading_of_each_meter_stands_beside_it(anna: Account, flat: Contract, meter: Meter) -> None:
    """PS-14"""
    declare(meter, 104_000, anna)
    new = factories.meter(flat, "KV1_242")
    (place,) = readings.places(anna)
    assert [(row.meter, row.reading and row.reading.value_milli) for row in place.rows] == [(meter, 104_000), (new, None)]
    (earlier,) = [row for row in readings.declarable(anna, IN_WINDOW) if row.meter == meter]
    assert earlier.reading is not None
    assert earlier.reading.value_milli == 100_000


def test_use_is_summed_by_kind_and_month(anna: Account, flat: Contract, meter: Meter) -> None:
    second = factories.meter(flat, "KV1_242")
    factories.reading(second, 1_000, date(2026, 10, 20))
    readings.declare_all({meter: 104_000, second: 3_500}, on=IN_WINDOW, by=anna)
    (cold,) = use.of(anna, IN_WINDOW)
    assert (cold.months["2026-11"], cold.months["2026-10"]) == (6_500, None)
    assert list(cold.months) == clock.months("2026-11", 12)


def test_a_receipt_is_shown_to_whom_the_contract_is(north: Organisation, anna: Account, meter: Meter) -> None:
    made = declare(meter, 104_000, anna)
    ivan = factories.account(north, "ivan@example.lt")
    assert readings.by_reference(anna, made.reference) == [made]
    assert readings.by_reference(ivan, made.reference) == []


def test_a_meter_that_passes_on_within_a_month_keeps_both_holders_readings(north: Organisation, anna: Account, meter: Meter) -> None:
    """CV-30: the closing reading of the one and the first of the other count both, one from the other."""
    declare(meter, 104_000, anna, date(2026, 11, 16))
    bought, ivan = factories.contract(north, "02-1"), factories.account(north, "ivan@example.lt")
    factories.holds(ivan, bought)
    Meter.update(contract=bought).where(Meter.id == meter.id).execute()
    passed_on = Meter.get_by_id(meter.id)
    assert readings.of_month([passed_on], "2026-11") == {}
    with pytest.raises(Refused, match=r"must be \{last_milli\} or more"):
        declare(passed_on, 103_000, ivan)
    assert declare(passed_on, 105_000, ivan).used_milli == 1_000
    assert counting(meter) == [("2026-10", 100_000), ("2026-11", 104_000), ("2026-11", 105_000)]
    assert [r.value_milli for r in history.of_meter(anna, meter)] == [104_000, 100_000]
    assert [r.value_milli for r in history.of_meter(ivan, meter)] == [105_000]


def test_what_the_holder_before_used_says_nothing_about_the_next_ones_use(north: Organisation, anna: Account, flat: Contract) -> None:
    """CV-30"""
    meter = factories.meter(flat, "KV1_242")
    for month, value in enumerate((100_000, 104_000, 108_000, 112_000), start=7):
        factories.reading(meter, value, date(2026, month, 20))
    bought = factories.contract(north, "02-1")
    Meter.update(contract=bought).where(Meter.id == meter.id).execute()
    assert declare(Meter.get_by_id(meter.id), 200_000, anna).used_milli == 88_000


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_a_feed_brings_both_holders_readings_of_a_month_in_any_order(
    north: Organisation, flat: Contract, meter: Meter, order: tuple[int, ...]
) -> None:
    bought = factories.contract(north, "02-1")
    told = [
        chain.Told(meter, flat.id, 104_000, date(2026, 11, 18)),
        chain.Told(meter, bought.id, 104_000, date(2026, 11, 18)),
        chain.Told(meter, bought.id, 107_000, date(2026, 11, 30)),
        chain.Told(meter, bought.id, 109_000, date(2026, 12, 31)),
    ]
    for number in order:
        chain.store_many([told[number]], source="feed", is_last_word=True)
    rows = Reading.select().where(Reading.is_current).order_by(Reading.read_on, Reading.value_milli)
    assert [(r.contract_id, r.value_milli, r.used_milli) for r in rows] == [
        (flat.id, 100_000, None),
        (flat.id, 104_000, 4_000),
        (bought.id, 107_000, 3_000),
        (bought.id, 109_000, 2_000),
    ]
