"""When a reading may be declared, what is refused and in which words, what is kept."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings as examples, strategies as st
from peewee import IntegrityError
from time_machine import travel

from models import Account, Contract, Event, Message, Meter, MeterKind, Organisation, Reading, database
from rules import clock, events, readings, settings
from rules.refusal import Doubtful, Refused
from tests import factories
from tests.rules.declaring import IN_WINDOW, counting, declare, store
from tests.together import at_once

VILNIUS = ZoneInfo("Europe/Vilnius")


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", phone="8 700 00002", reading_opens_on=15, reading_closes_on=27)


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
