"""When a reading may be declared, what is refused and in which words, what is kept, who is reminded."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings as examples, strategies as st
from peewee import IntegrityError
from time_machine import travel

from models import Account, Contract, Event, Message, Meter, MeterKind, Organisation, Reading, database, now
from rules import chain, clock, events, history, readings, reminders, settings, undeclared, use
from rules.refusal import Doubtful, Refused
from tests import factories
from tests.together import at_once

IN_WINDOW = date(2026, 11, 20)
VILNIUS = ZoneInfo("Europe/Vilnius")


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", phone="8 700 00002", reading_opens_on=15, reading_closes_on=27)


@pytest.fixture
def anna(north: Organisation) -> Account:
    return factories.account(north)


@pytest.fixture
def flat(north: Organisation, anna: Account) -> Contract:
    made = factories.contract(north)
    factories.holds(anna, made)
    return made


@pytest.fixture
def meter(flat: Contract) -> Meter:
    made = factories.meter(flat)
    factories.reading(made, 100_000, date(2026, 10, 20))
    return made


def declare(meter: Meter, value_milli: int, by: Account, on: date = IN_WINDOW, **more: Any) -> Reading:
    return readings.declare(meter, value_milli, on=on, by=by, **more)


def counting(meter: Meter) -> list[tuple[str, int]]:
    """The months of a meter and what counts in each."""
    rows = Reading.select().where((Reading.meter == meter) & Reading.is_current).order_by(Reading.read_on)
    return [(r.period, r.value_milli) for r in rows]


# ---- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-14T23:59:59", False),
        ("2026-11-15T00:00:00", True),
        ("2026-11-27T23:59:59", True),
        ("2026-11-28T00:00:00", False),
        ("2026-12-31T23:59:59", False),
        # both nights when the clocks change, on either side of the hour that is missing or comes twice
        ("2026-03-29T02:59:59", False),
        ("2026-10-25T03:30:00", True),
    ],
)
def test_readings_are_taken_from_the_15th_to_the_27th_on_the_clock_of_vilnius(north: Organisation, moment: str, is_open: bool) -> None:
    """CV-31, CV-32, K16"""
    for fold in (0, 1):
        with travel(datetime.fromisoformat(moment).replace(tzinfo=VILNIUS, fold=fold).astimezone(UTC), tick=False):
            assert readings.window(north, clock.today()).is_open is is_open


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vilnius", "America/New_York"])
def test_the_clock_of_the_machine_decides_nothing(north: Organisation, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CV-31"""
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        one_second_too_late = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
        assert clock.today(one_second_too_late) == date(2026, 11, 28)
        assert clock.today(one_second_too_late - timedelta(seconds=1)) == date(2026, 11, 27)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_closed_window_says_when_it_opens_next(north: Organisation) -> None:
    """CV-32"""
    before, after = readings.window(north, date(2026, 12, 3)), readings.window(north, date(2026, 12, 28))
    assert (before.opens_on, before.closes_on) == (date(2026, 12, 15), date(2026, 12, 27))
    assert (after.opens_on, after.closes_on) == (date(2027, 1, 15), date(2027, 1, 27))


def test_day_31_is_the_last_day_of_any_month(db: object) -> None:
    """K16"""
    south = factories.organisation("south", reading_opens_on=21)
    assert readings.window(south, date(2027, 2, 28)).is_open
    assert readings.window(south, date(2027, 2, 22)).closes_on == date(2027, 2, 28)
    assert readings.window(south, date(2026, 11, 1)).closes_on == date(2026, 11, 30)


def test_an_organisation_without_a_window_takes_readings_on_any_day(db: object) -> None:
    """K16"""
    south = factories.organisation("south")
    assert all(readings.window(south, date(2026, 1, 1) + timedelta(days=n)).is_open for n in range(365))


def test_a_house_may_have_days_of_its_own(north: Organisation, anna: Account, flat: Contract, meter: Meter) -> None:
    """K16"""
    house = factories.building(north, reading_opens_on=21, reading_closes_on=31)
    Contract.update(building=house).execute()
    assert [readings.window(north, date(2027, 2, day), house).is_open for day in (20, 21, 28)] == [False, True, True]
    assert readings.window(north, date(2026, 12, 31), house).closes_on == date(2026, 12, 31)
    meter = Meter.get_by_id(meter.id)
    with pytest.raises(Refused) as no:
        declare(meter, 101_000, anna, IN_WINDOW)
    assert (no.value.facts["opens_on"], no.value.facts["closes_on"]) == (date(2026, 11, 21), date(2026, 11, 30))
    assert declare(meter, 101_000, anna, date(2026, 11, 30)).value_milli == 101_000


@pytest.mark.parametrize("days", [(None, 5), (5, None), (20, 10), (29, 31), (1, 32), (0, 5)])
def test_a_house_has_both_days_in_order_or_neither(north: Organisation, days: tuple[int | None, int | None]) -> None:
    """K16"""
    with pytest.raises(IntegrityError), database.atomic():
        factories.building(north, reading_opens_on=days[0], reading_closes_on=days[1])


def test_outside_the_window_a_reading_is_refused(anna: Account, meter: Meter) -> None:
    """CV-32"""
    for closed in (date(2026, 11, 14), date(2026, 11, 28)):
        with pytest.raises(Refused, match="Readings are not taken today"):
            declare(meter, 101_000, anna, closed)
    assert counting(meter) == [("2026-10", 100_000)]


# ---- what is kept -----------------------------------------------------------------------------------------------------


def test_a_declared_reading_is_kept_with_its_difference_event_and_mail(anna: Account, meter: Meter) -> None:
    """CV-33"""
    made = declare(meter, 104_500, anna)
    assert (made.previous_milli, made.used_milli, made.source, made.account) == (100_000, 4_500, "customer", anna)
    event = Event.get(name="reading.declared")
    assert event.facts == {
        "meter": "KV1_241",
        "value_milli": 104_500,
        "previous_milli": 100_000,
        "read_on": "2026-11-20",
        "source": "customer",
        "replaces": None,
    }
    assert (event.actor, event.account, event.organisation) == (f"account:{anna.id}", anna, meter.organisation)
    mail = Message.get(kind="reading_declared")
    assert mail.facts["reference"] == made.reference
    assert mail.facts["meters"] == [{"meter": "Hot-water meter KV1_241", "from": 100_000, "to": 104_500, "difference": 4_500, "unit": "m³"}]


def test_the_same_reading_again_gets_the_same_receipt(anna: Account, meter: Meter) -> None:
    first = declare(meter, 104_500, anna)
    again = declare(meter, 104_500, anna)
    assert again == first
    assert (Reading.select().count(), Message.select().count(), Event.select().where(Event.name == "reading.declared").count()) == (2, 1, 1)


def test_a_later_reading_of_the_same_month_replaces_the_first_and_both_stay(anna: Account, meter: Meter) -> None:
    mistyped = declare(meter, 109_000, anna)
    right = declare(meter, 104_000, anna, date(2026, 11, 22))
    assert counting(meter) == [("2026-10", 100_000), ("2026-11", 104_000)]
    assert not Reading.get_by_id(mistyped.id).is_current
    assert right.previous_milli == 100_000
    assert [e.facts["replaces"] for e in Event.select().where(Event.name == "reading.declared").order_by(Event.id)] == [None, 109_000]


def test_zero_use_is_accepted(anna: Account, meter: Meter) -> None:
    """PS-14"""
    assert declare(meter, 100_000, anna).used_milli == 0


def test_the_first_reading_of_a_meter_needs_nothing_before_it(anna: Account, flat: Contract) -> None:
    made = declare(factories.meter(flat, "KV1_242"), 7_000, anna)
    assert (made.previous_milli, made.used_milli) == (None, None)


def test_several_meters_are_declared_together_under_one_reference_and_one_mail(anna: Account, flat: Contract, meter: Meter) -> None:
    """CV-34"""
    other = factories.meter(flat, "KV1_242")
    stored = readings.declare_all({meter: 101_000, other: 55_000}, on=IN_WINDOW, by=anna)
    assert len({r.reference for r in stored}) == 1
    assert [m["meter"] for m in Message.get(kind="reading_declared").facts["meters"]] == [
        "Hot-water meter KV1_241",
        "Hot-water meter KV1_242",
    ]


def test_one_refused_meter_keeps_all_others_from_being_stored(anna: Account, flat: Contract, meter: Meter) -> None:
    """CV-34"""
    other = factories.meter(flat, "KV1_242")
    with pytest.raises(readings.NotDeclared) as no:
        readings.declare_all({other: 55_000, meter: 99_999}, on=IN_WINDOW, by=anna)
    assert list(no.value.why) == [meter]
    assert Reading.select().where(Reading.period == "2026-11").count() == 0
    assert Message.select().count() == 0


@pytest.mark.parametrize("values", [[104_000] * 20, [104_000 + n for n in range(20)]], ids=["the same value", "different values"])
def test_of_twenty_at_the_same_moment_one_reading_counts(anna: Account, meter: Meter, values: list[int]) -> None:
    receipts = at_once(20, lambda n: declare(Meter.get_by_id(meter.id), values[n], Account.get_by_id(anna.id)).reference)
    assert len(receipts) == 20
    assert len(set(receipts)) == len(set(values)) == Reading.select().where(Reading.period == "2026-11").count()
    assert len(counting(meter)) == 2


# ---- what is refused --------------------------------------------------------------------------------------------------


def test_a_reading_below_the_last_one_is_refused_in_a_sentence_that_helps(anna: Account, meter: Meter) -> None:
    with pytest.raises(Refused, match="If the meter was exchanged") as no:
        declare(meter, 99_999, anna)
    assert no.value.field == "value"
    assert (no.value.facts["last_milli"], no.value.facts["last_on"], no.value.facts["contact"]) == (
        100_000,
        date(2026, 10, 20),
        "8 700 00002",
    )


def test_what_was_declared_this_month_does_not_bind_its_correction(anna: Account, meter: Meter) -> None:
    declare(meter, 109_000, anna)
    assert declare(meter, 100_000, anna, IN_WINDOW + timedelta(days=1)).used_milli == 0


def test_who_mistyped_puts_it_right_at_once(anna: Account, meter: Meter) -> None:
    """K18: 2000 for 200 is corrected on the spot, by whoever typed it."""
    declare(meter, 2_000_000, anna)
    assert declare(meter, 200_000, anna).value_milli == 200_000
    assert counting(meter)[-1] == ("2026-11", 200_000)


@pytest.mark.parametrize(
    ("phone", "way"), [("8 700 00002", "tell us and we will correct it: 8 700 00002."), ("", "tell us and we will correct it.")]
)
def test_where_the_higher_of_one_day_counts_a_lower_one_is_refused_and_how_to_put_a_slip_right_is_told(
    anna: Account, meter: Meter, phone: str, way: str
) -> None:
    """K18: as Vilnius has it."""
    settings.change(anna.organisation, "same_day_reading", "highest", by=events.OPERATOR)
    Organisation.update(phone=phone, email="").execute()
    meter = Meter.get_by_id(meter.id)
    declare(meter, 104_000, anna)
    with pytest.raises(Refused, match="the higher one counts") as no:
        declare(meter, 103_000, anna)
    assert no.value.message.format(**no.value.facts).endswith(way)
    assert no.value.facts["last_milli"] == 104_000
    assert declare(meter, 105_000, anna).value_milli == 105_000
    assert counting(meter)[-1] == ("2026-11", 105_000)


def test_more_decimals_than_the_meter_has_are_refused(anna: Account, flat: Contract) -> None:
    """K18"""
    electricity = factories.meter(flat, "00781542", "electricity", decimals=0)
    with pytest.raises(Refused, match="whole number"):
        declare(electricity, 18_411_500, anna)
    assert declare(electricity, 18_411_000, anna).value_milli == 18_411_000
    gas = factories.meter(flat, "G-1", "gas", decimals=2)
    with pytest.raises(Refused, match="at most two decimals"):
        declare(gas, 1_255, anna)
    assert declare(gas, 1_250, anna).value_milli == 1_250


def test_half_a_unit_and_more_counts_as_one_where_that_is_the_rule(anna: Account, flat: Contract) -> None:
    """K18"""
    water = factories.meter(flat, "W-1", "water", decimals=0)
    MeterKind.update(rounding="half_up").where(MeterKind.code == "water").execute()
    for typed, kept in ((104_499, 104_000), (104_500, 105_000), (105_000, 105_000)):
        assert declare(Meter.get_by_id(water.id), typed, anna).value_milli == kept
    again = declare(Meter.get_by_id(water.id), 104_600, anna)
    assert (again.value_milli, Reading.select().where(Reading.meter == water).count()) == (105_000, 2)


@pytest.fixture
def five_digits(meter: Meter) -> Meter:
    Meter.update(digits=5).where(Meter.id == meter.id).execute()
    Reading.update(value_milli=99_990_000).where(Reading.meter == meter).execute()
    return Meter.get_by_id(meter.id)


def test_a_meter_that_can_have_started_from_zero_is_asked_about_and_counted_over_it(anna: Account, five_digits: Meter) -> None:
    """K18"""
    with pytest.raises(Doubtful, match="started from zero") as doubt:
        declare(five_digits, 15_000, anna)
    assert (doubt.value.facts["last_milli"], doubt.value.facts["used_milli"]) == (99_990_000, 25_000)
    made = declare(five_digits, 15_000, anna, sure=True)
    assert (made.previous_milli, made.rollover_milli, made.used_milli) == (99_990_000, 100_000_000, 25_000)


@pytest.mark.parametrize("value", [99_989_999, 50_000_000, 9_990_001])
def test_a_lower_value_that_no_dial_can_have_come_to_is_refused(anna: Account, five_digits: Meter, value: int) -> None:
    """K18: within a month a dial moves by a tenth of what it holds at most."""
    with pytest.raises(Refused, match="must be") as no:
        declare(five_digits, value, anna, sure=True)
    assert not isinstance(no.value, Doubtful)


def test_a_dial_of_five_digits_shows_no_sixth(anna: Account, five_digits: Meter) -> None:
    """K18: most likely the digits after the comma were copied too."""
    with pytest.raises(Refused, match="at most") as refused:
        declare(five_digits, 100_000_000, anna, sure=True)
    assert refused.value.facts["most_milli"] == 99_999_000


def test_a_reading_that_comes_between_takes_the_roll_over_with_it(anna: Account, five_digits: Meter) -> None:
    """K18"""
    declare(five_digits, 15_000, anna, date(2026, 12, 20), sure=True)
    store(five_digits, 5_000, date(2026, 11, 30))
    rows = Reading.select().where(Reading.is_current).order_by(Reading.read_on)
    assert [(r.value_milli, r.used_milli) for r in rows] == [(99_990_000, None), (5_000, 15_000), (15_000, 10_000)]


def test_a_giant_reading_is_refused(anna: Account, flat: Contract) -> None:
    new = factories.meter(flat, "KV1_242")
    with pytest.raises(Refused, match="nine digits"):
        declare(new, readings.MOST_MILLI + 1, anna)
    assert declare(new, readings.MOST_MILLI, anna).value_milli == readings.MOST_MILLI


def test_a_removed_meter_is_not_declared(anna: Account, flat: Contract) -> None:
    removed = factories.meter(flat, "KV1_239", removed_on=IN_WINDOW)
    with pytest.raises(Refused, match="not in use"):
        declare(removed, 1_000, anna)


def test_a_contract_that_ended_takes_no_readings(anna: Account, meter: Meter) -> None:
    Contract.update(ended_on=IN_WINDOW).execute()
    with pytest.raises(Refused, match="ended on"):
        declare(Meter.get_by_id(meter.id), 101_000, anna)


def test_where_the_provider_reads_the_meters_nobody_declares(north: Organisation, anna: Account) -> None:
    """CV-28, CV-29, K17"""
    other = factories.provider(north, "North Water", declares_readings=False, readings_notice="We read your meters by radio {}.")
    flat = factories.contract(north, "77", provider=other)
    factories.holds(anna, flat)
    with pytest.raises(Refused) as no:
        declare(factories.meter(flat, "R1"), 1_000, anna)
    assert no.value.message.format(**no.value.facts) == "We read your meters by radio {}."


def test_a_use_far_above_the_usual_is_asked_about_once(anna: Account, flat: Contract) -> None:
    meter = factories.meter(flat, "KV1_242")
    for month, value in enumerate((100_000, 104_000, 108_000, 112_000), start=7):
        factories.reading(meter, value, date(2026, month, 20))
    with pytest.raises(Doubtful, match="Does the meter show") as doubt:
        declare(meter, 162_000, anna)
    assert (doubt.value.facts["used_milli"], doubt.value.facts["usual_milli"]) == (50_000, 4_000)
    assert declare(meter, 162_000, anna, sure=True).used_milli == 50_000


def test_the_usual_use_is_said_with_the_decimals_of_the_meter(anna: Account, flat: Contract) -> None:
    heat = factories.meter(flat, "S_88", "heat", decimals=2)
    for month, value in ((8, 100_000), (9, 104_000), (10, 108_330)):
        factories.reading(heat, value, date(2026, month, 20))
    with pytest.raises(Doubtful) as doubt:
        declare(heat, 162_000, anna)
    assert doubt.value.facts["usual_milli"] == 4_160


def test_a_usual_use_is_not_asked_about(anna: Account, flat: Contract) -> None:
    meter = factories.meter(flat, "KV1_242")
    for month, value in enumerate((100_000, 104_000, 108_000, 112_000), start=7):
        factories.reading(meter, value, date(2026, month, 20))
    assert declare(meter, 124_000, anna).used_milli == 12_000


def test_a_pause_of_months_makes_a_large_use_usual(anna: Account, flat: Contract) -> None:
    meter = factories.meter(flat, "KV1_242")
    for month, value in enumerate((100_000, 104_000, 108_000), start=1):
        factories.reading(meter, value, date(2026, month, 20))
    eight_months_of_thrice = 8 * 3 * 4_000
    assert declare(meter, 108_000 + eight_months_of_thrice, anna).used_milli == eight_months_of_thrice


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.integers(0, 300_000), min_size=1, max_size=8))
def test_what_counts_never_goes_down_whatever_is_declared(anna: Account, meter: Meter, values: list[int]) -> None:
    with database.atomic() as trial:
        for n, value in enumerate(values):
            with suppress(Refused):
                declare(meter, value, anna, date(2026 + (10 + n) // 12, (10 + n) % 12 + 1, 20), sure=True)
        shown = [value for _, value in counting(meter)]
        assert shown == sorted(shown)
        trial.rollback()


# ---- what billing systems say -----------------------------------------------------------------------------------------


def store(meter: Meter, value_milli: int, on: date) -> str:
    told = chain.Told(meter, meter.contract_id, value_milli, on)
    return chain.store_many([told], source="feed", is_last_word=True)[0][0]


def test_a_feed_says_the_same_again_and_nothing_changes(meter: Meter) -> None:
    assert store(meter, 105_000, date(2026, 11, 30)) == "created"
    rows = Reading.select().count()
    assert [store(meter, 105_000, date(2026, 11, 30)) for _ in range(2)] == ["same", "same"]
    assert Reading.select().count() == rows


def test_a_corrected_feed_reading_replaces_the_one_before_also_back_again(meter: Meter) -> None:
    on = date(2026, 11, 30)
    assert [store(meter, value, on) for value in (105_000, 106_000, 105_000)] == ["created", "changed", "changed"]
    assert counting(meter)[-1] == ("2026-11", 105_000)


def test_a_feed_gives_way_to_the_customers_own_reading_unless_its_day_is_later(anna: Account, meter: Meter) -> None:
    declare(meter, 104_000, anna)
    assert store(meter, 103_000, date(2026, 11, 19)) == "created"
    assert store(meter, 103_500, IN_WINDOW) == "created"
    assert counting(meter)[-1] == ("2026-11", 104_000)
    assert [store(meter, 103_000, date(2026, 11, 19)), store(meter, 103_500, IN_WINDOW)] == ["same", "same"]
    assert store(meter, 105_000, date(2026, 11, 21)) == "created"
    assert counting(meter)[-1] == ("2026-11", 105_000)


def test_the_order_in_which_months_arrive_does_not_matter(flat: Contract) -> None:
    seen = []
    months = [(1_000, date(2026, 8, 31)), (3_000, date(2026, 9, 30)), (4_000, date(2026, 10, 31)), (4_500, date(2026, 10, 5))]
    for number, order in enumerate((months, months[::-1], [months[i] for i in (2, 0, 3, 1)])):
        meter = factories.meter(flat, f"M{number}")
        for value, on in order:
            store(meter, value, on)
        rows = Reading.select().where((Reading.meter == meter) & Reading.is_current).order_by(Reading.period)
        seen.append([(r.period, r.value_milli, r.used_milli) for r in rows])
    assert seen == [[("2026-08", 1_000, None), ("2026-09", 3_000, 2_000), ("2026-10", 4_000, 1_000)]] * 3


def test_a_feed_is_bound_by_no_window_and_no_earlier_value(meter: Meter) -> None:
    assert store(meter, 50, date(2026, 11, 1)) == "created"
    assert counting(meter)[-1] == ("2026-11", 50)


# ---- what a customer sees ---------------------------------------------------------------------------------------------


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


# ---- own names --------------------------------------------------------------------------------------------------------


def test_a_name_of_ones_own_is_given_changed_and_taken_away_and_nobody_elses(north: Organisation, anna: Account, meter: Meter) -> None:
    ivan = factories.account(north, "ivan@example.lt")
    for called in ("  Virtuvė ", "Virtuvė", "Vonia"):
        readings.rename(meter, called, by=anna)
    readings.rename(meter, "Kitchen", by=ivan)
    assert (readings.names(anna, [meter]), readings.names(ivan, [meter])) == ({meter.id: "Vonia"}, {meter.id: "Kitchen"})
    assert declare(meter, 104_000, anna).id
    assert Message.get(kind="reading_declared").facts["meters"][0]["meter"] == "Vonia (Hot-water meter KV1_241)"
    with pytest.raises(Refused, match="at most"):
        readings.rename(meter, "x" * 41, by=anna)
    readings.rename(meter, " ", by=anna)
    assert readings.names(anna, [meter]) == {}
    named = Event.select().where(Event.name == "meter.named")
    assert (named.count(), {str(event.facts) for event in named}) == (4, {"{}"})


# ---- reminding --------------------------------------------------------------------------------------------------------


def test_who_has_not_declared_is_reminded_once_in_the_last_days(north: Organisation, anna: Account, meter: Meter) -> None:
    remind = lambda day: reminders.remind(north, day, "https://example.lt/north")  # noqa: E731
    three_days_before = date(2026, 11, 24)
    assert [remind(three_days_before - timedelta(days=1)), Message.select().count()] == [0, 0]  # nor is it the start any more
    assert [remind(three_days_before), remind(three_days_before), remind(date(2026, 11, 27))] == [1, 1, 1]
    (mail,) = Message.select().where(Message.kind == "reading_reminder")
    assert mail.facts["meters"] == ["Hot-water meter KV1_241"]
    assert mail.facts["closes_on"] == "2026-11-27"
    assert mail.facts["url"] == "https://example.lt/north/meters/declare-readings"
    assert remind(date(2026, 11, 28)) == 0


def test_everyone_is_told_once_as_readings_open_and_the_end_is_told_apart(north: Organisation, anna: Account, meter: Meter) -> None:
    for day in range(14, 29):
        reminders.remind(north, date(2026, 11, day), "https://example.lt/north")
    kinds = [(mail.facts["is_start"], mail.facts["closes_on"]) for mail in Message.select().order_by(Message.id)]
    assert kinds == [(True, "2026-11-27"), (False, "2026-11-27")]
    settings.change(north, "remind_at_start", False, by=events.OPERATOR)
    assert reminders.remind(Organisation.get_by_id(north.id), date(2026, 12, 15), "https://example.lt/north") == 0


def test_who_takes_a_payer_code_over_within_a_month_is_asked_although_the_one_before_has_declared(
    north: Organisation, anna: Account, flat: Contract, meter: Meter
) -> None:
    """CV-30"""
    declare(meter, 104_000, anna, date(2026, 11, 16))
    waits = date(2026, 11, 25)
    assert (undeclared.by(anna, waits), reminders.remind(north, waits, "https://example.lt/north")) == (None, 0)
    Contract.update(opened_on=date(2026, 11, 18)).where(Contract.id == flat.id).execute()
    assert (undeclared.by(anna, waits), reminders.remind(north, waits, "https://example.lt/north")) == ((1, date(2026, 11, 27)), 1)


def test_who_declared_at_once_is_reminded_of_nothing_more(north: Organisation, anna: Account, meter: Meter) -> None:
    reminders.remind(north, date(2026, 11, 15), "https://example.lt/north")
    declare(meter, 104_000, anna, date(2026, 11, 15))
    assert [reminders.remind(north, date(2026, 11, day), "https://example.lt/north") for day in range(16, 28)] == [0] * 12


def test_each_house_is_reminded_of_its_own_days_and_meters_of_one_window_in_one_mail(
    north: Organisation, anna: Account, flat: Contract, meter: Meter
) -> None:
    """K16"""
    second = factories.meter(flat, "KV1_242")
    house = factories.building(north, reading_opens_on=5, reading_closes_on=10)
    elsewhere = factories.contract(north, "02-1", building=house)
    factories.holds(anna, elsewhere)
    factories.meter(elsewhere, "KV2_1")
    readings.rename(second, "Vonia", by=anna)
    for day in range(1, 31):
        reminders.remind(north, date(2026, 11, day), "https://example.lt/north")
    told = [(mail.facts["is_start"], mail.facts["closes_on"], mail.facts["meters"]) for mail in Message.select().order_by(Message.id)]
    here, there = ["Hot-water meter KV1_241", "Vonia (Hot-water meter KV1_242)"], ["Hot-water meter KV2_1"]
    assert told == [
        (True, "2026-11-10", there),
        (False, "2026-11-10", there),
        (True, "2026-11-27", here),
        (False, "2026-11-27", here),
    ]


def test_houses_whose_windows_fall_together_get_one_mail(north: Organisation, anna: Account, flat: Contract, meter: Meter) -> None:
    """K16: in February days 28 and 31 are the same."""
    for number, closes in enumerate((28, 31)):
        house = factories.building(north, f"Liepų g. {number}", reading_opens_on=21, reading_closes_on=closes)
        there = factories.contract(north, f"02-{number}", building=house)
        factories.holds(anna, there)
        factories.meter(there, f"KV2_{number}")
    reminders.remind(north, date(2027, 2, 26), "https://example.lt/north")
    (mail,) = [mail for mail in Message.select() if mail.facts["closes_on"] == "2027-02-28"]
    assert mail.facts["meters"] == ["Hot-water meter KV2_0", "Hot-water meter KV2_1"]


def test_nobody_is_reminded_of_what_is_declared_read_by_the_provider_gone_or_not_theirs_to_declare(
    north: Organisation, anna: Account, flat: Contract, meter: Meter
) -> None:
    declare(meter, 101_000, anna)
    factories.meter(flat, "GONE", removed_on=date(2026, 11, 1))
    radio = factories.contract(north, "77", provider=factories.provider(north, "North Water", declares_readings=False))
    factories.meter(radio, "R1")
    factories.holds(anna, radio)
    ended = factories.contract(north, "78", ended_on=date(2026, 11, 1))
    factories.meter(ended, "E1")
    factories.holds(anna, ended)
    seen_only = factories.contract(north, "79")
    factories.meter(seen_only, "V1")
    factories.holds(anna, seen_only, "viewer")
    former = factories.contract(north, "80")
    factories.meter(former, "F1")
    membership = factories.holds(anna, former)
    membership.until_at = now()
    membership.save()
    assert list(reminders.to_remind(north, date(2026, 11, 25))) == []


def test_an_organisation_may_remind_nobody(db: object) -> None:
    south = factories.organisation("south", remind_days_before=0)
    petr = factories.account(south)
    flat = factories.contract(south)
    factories.holds(petr, flat)
    factories.meter(flat)
    assert reminders.remind(south, date(2026, 11, 30), "https://example.lt") == 0
    assert len(list(reminders.to_remind(south, date(2026, 11, 30)))) == 1


def test_a_customer_corrects_a_reading_of_this_month_downwards_but_not_the_providers(db: object) -> None:
    """K18: what the provider itself has read this month binds as a reading of an earlier month does."""
    here = factories.organisation()
    anna = factories.account(here)
    contract = factories.contract(here)
    factories.holds(anna, contract)
    meter, day = factories.meter(contract), date(2026, 11, 20)
    readings.declare(meter, 9_000, on=day - timedelta(days=1), by=anna)
    assert readings.declare(meter, 8_000, on=day, by=anna).value_milli == 8_000
    other = factories.meter(contract, number="KV2")
    factories.reading(other, 9_000, day, source="feed")
    with pytest.raises(Refused) as no:
        readings.declare(other, 8_000, on=day, by=anna)
    assert no.value.facts["last_milli"] == 9_000
