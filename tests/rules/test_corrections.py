"""What staff do with readings: enter, correct, take back; each with a reason, every version kept, the customer told."""

from datetime import date
from typing import Any

import pytest
from time_machine import travel

from models import Account, Contract, Event, Message, Meter, Organisation, Reading, Staff
from rules import chain, checks, corrections, readings
from rules.refusal import Doubtful, Refused
from tests import factories
from tests.conftest import CONFIG, ROOT

TODAY = date(2026, 11, 29)  # the window closed on the 27th


@pytest.fixture(autouse=True)
def today() -> Any:
    with travel("2026-11-29T10:00:00+00:00", tick=True):
        yield


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", reading_opens_on=15, reading_closes_on=27)


@pytest.fixture
def meter(north: Organisation, anna: Account) -> Meter:
    flat: Contract = factories.contract(north)
    factories.holds(anna, flat)
    made = factories.meter(flat)
    factories.reading(made, 100_000, date(2026, 10, 20))
    return made


def counting(meter: Meter) -> list[tuple[str, int, int | None]]:
    rows = Reading.select().where((Reading.meter == meter) & Reading.is_current).order_by(Reading.read_on)
    return [(r.period, r.value_milli, r.used_milli) for r in rows]


def test_a_correction_counts_keeps_what_it_corrects_and_is_told_with_role_and_reason(anna: Account, meter: Meter, agent: Staff) -> None:
    """N02"""
    wrong = readings.declare(meter, 140_000, on=date(2026, 11, 20), by=anna)
    after = factories.reading(meter, 145_000, date(2026, 12, 20), previous_milli=140_000)
    right = corrections.correct(wrong, 104_000, reason="She misread it", by=agent)
    assert counting(meter) == [("2026-10", 100_000, None), ("2026-11", 104_000, 4_000), ("2026-12", 145_000, 41_000)]
    assert (right.read_on, right.source, right.replaces, right.staff) == (date(2026, 11, 20), "staff", wrong, agent)
    assert not Reading.get_by_id(wrong.id).is_current
    assert Reading.get_by_id(after.id).previous_milli == 104_000
    mail = Message.get(kind="reading_changed")
    told = {name: mail.facts[name] for name in ("old_milli", "new_milli", "role", "reason")}
    assert told == {"old_milli": 140_000, "new_milli": 104_000, "role": "Customer service agent", "reason": "She misread it"}
    assert (mail.account, Event.get(name="reading.corrected").facts["replaces"]) == (anna, 140_000)
    with pytest.raises(Refused, match="meanwhile"):
        corrections.correct(wrong, 104_000, reason="She misread it", by=agent)
    assert [row for row in checks.broken(CONFIG.key("event_key"), ROOT / "migrations") if "eading" in row and "declared" not in row] == []


def test_a_correction_is_undone_once_and_what_it_corrected_counts_again(anna: Account, meter: Meter, agent: Staff) -> None:
    """M18"""
    wrong = readings.declare(meter, 140_000, on=date(2026, 11, 20), by=anna)
    right = corrections.correct(wrong, 104_000, reason="She misread it", by=agent)
    corrections.undo(right, reason="She did not", by=agent)
    assert counting(meter)[-1] == ("2026-11", 140_000, 40_000)
    assert Message.select().where(Message.kind == "reading_changed").count() == 2
    for one in (right, wrong):
        with pytest.raises(Refused):
            corrections.undo(one, reason="Again", by=agent)
    assert Event.select().where(Event.name == "reading.correction_undone").count() == 1


def test_staff_enter_outside_the_window_and_take_it_back(anna: Account, meter: Meter, agent: Staff) -> None:
    """K16: the window binds customers."""
    entered = corrections.enter(meter, 103_000, read_on=TODAY, reason="By phone", by=agent)
    assert counting(meter)[-1] == ("2026-11", 103_000, 3_000)
    assert Event.select().where(Event.name == "reading.entered").count() == 1
    corrections.undo(entered, reason="Another flat", by=agent)
    assert counting(meter) == [("2026-10", 100_000, None)]


def test_what_the_feed_told_meanwhile_counts_when_staff_take_their_reading_back(meter: Meter, agent: Staff) -> None:
    """M18, K18: the feed says it once only, so it would be lost."""
    october, november = date(2026, 10, 20), date(2026, 11, 20)
    right = corrections.correct(Reading.get(), 101_000, reason="Misread", by=agent)
    entered = corrections.enter(meter, 103_000, read_on=TODAY, reason="By phone", by=agent)
    told = [chain.Told(meter, meter.contract_id, 100_500, october), chain.Told(meter, meter.contract_id, 102_000, november)]
    chain.store_many(told, source="feed", is_last_word=True)
    assert [value for _, value, _ in counting(meter)] == [101_000, 103_000]
    corrections.undo(entered, reason="Another flat", by=agent)
    corrections.undo(right, reason="It was not", by=agent)
    assert counting(meter) == [("2026-10", 100_500, None), ("2026-11", 102_000, 1_500)]


def test_what_a_customer_told_on_a_later_day_counts_before_what_the_feed_told_meanwhile(anna: Account, meter: Meter, agent: Staff) -> None:
    wrong = readings.declare(meter, 140_000, on=date(2026, 11, 22), by=anna)
    right = corrections.correct(wrong, 104_000, reason="She misread it", by=agent)
    for day in (20, 22):
        chain.store_many([chain.Told(meter, meter.contract_id, 102_000, date(2026, 11, day))], source="feed", is_last_word=True)
    corrections.undo(right, reason="She did not", by=agent)
    assert counting(meter)[-1] == ("2026-11", 140_000, 40_000)


def test_who_has_the_contract_now_is_told_nothing_of_a_reading_from_before(anna: Account, meter: Meter, agent: Staff) -> None:
    """Decision 11; staff still put it right."""
    before = Reading.get()
    Contract.update(opened_on=date(2026, 11, 1)).execute()
    right = corrections.correct(Reading.get_by_id(before.id), 101_000, reason="Misread as it was handed over", by=agent)
    corrections.undo(Reading.get_by_id(right.id), reason="It was not", by=agent)
    assert (counting(meter), Message.select().count()) == ([("2026-10", 100_000, None)], 0)


def test_a_correction_taken_back_under_a_later_reading_is_no_broken_promise(anna: Account, meter: Meter, agent: Staff) -> None:
    """M18: the customer counted from what staff had put right; nobody declared less than was told."""
    told = readings.declare(meter, 140_000, on=date(2026, 11, 20), by=anna)
    right = corrections.correct(told, 104_000, reason="She misread it", by=agent)
    with travel("2026-12-20T10:00:00+00:00"):
        readings.declare(meter, 108_000, on=date(2026, 12, 20), by=anna)
        corrections.undo(right, reason="She did not", by=agent)
    assert counting(meter)[1:] == [("2026-11", 140_000, 40_000), ("2026-12", 108_000, -32_000)]
    assert [row for row in checks.broken(CONFIG.key("event_key"), ROOT / "migrations") if row.startswith(f"Meter {meter.number}")] == []


def test_an_exchanged_meter_may_show_less_and_whoever_says_so_is_asked(meter: Meter, agent: Staff) -> None:
    with pytest.raises(Doubtful, match="because it was exchanged") as doubt:
        corrections.enter(meter, 12_000, read_on=TODAY, reason="Exchanged", by=agent)
    assert (doubt.value.facts["last_milli"], Reading.select().count()) == (100_000, 1)
    made = corrections.enter(meter, 12_000, read_on=TODAY, reason="Exchanged", by=agent, sure=True)
    assert made.used_milli == -88_000


def test_staff_are_asked_about_a_use_far_above_the_usual_once(anna: Account, meter: Meter, agent: Staff) -> None:
    """N02: as a customer is."""
    for month, value in ((7, 88_000), (8, 92_000), (9, 96_000)):
        factories.reading(meter, value, date(2026, month, 20))
    wrong = readings.declare(meter, 103_000, on=date(2026, 11, 20), by=anna)
    with pytest.raises(Doubtful, match="The usual use here") as doubt:
        corrections.correct(wrong, 1_040_000, reason="She misread it", by=agent)
    assert (doubt.value.facts["used_milli"], doubt.value.facts["usual_milli"]) == (940_000, 4_000)
    right = corrections.correct(wrong, 104_000, reason="She misread it", by=agent)
    assert right.used_milli == 4_000
    assert corrections.correct(right, 1_040_000, reason="A leak", by=agent, sure=True).used_milli == 940_000


@pytest.mark.parametrize(
    ("value_milli", "read_on", "reason", "sentence"),
    [
        (104_000, TODAY, " ", "reason"),
        (104_000, date(2026, 11, 30), "x", "today or earlier"),
        (104_000, date(2026, 8, 31), "x", "only since"),
        (10**12, TODAY, "x", "nine digits"),
        (99_000, date(2026, 10, 1), "x", "counts in that month already"),
        (100_000, date(2026, 10, 20), "x", "kept already"),
    ],
)
def test_what_staff_cannot_enter(meter: Meter, agent: Staff, value_milli: int, read_on: date, reason: str, sentence: str) -> None:
    Meter.update(installed_on=date(2026, 9, 1)).execute()
    with pytest.raises(Refused, match=sentence):
        corrections.enter(Meter.get(), value_milli, read_on=read_on, reason=reason, by=agent)
    assert Reading.select().count() == 1


def test_what_staff_put_right_yields_neither_to_the_customer_nor_to_the_feed_on_that_day(anna: Account, meter: Meter, agent: Staff) -> None:
    """K18: of a later day both count again."""
    day = date(2026, 11, 20)
    wrong = readings.declare(meter, 140_000, on=day, by=anna)
    corrections.correct(wrong, 104_000, reason="She misread it", by=agent)
    with pytest.raises(Refused, match="customer service"):
        readings.declare(meter, 140_000, on=day, by=anna)
    chain.store_many([chain.Told(meter, meter.contract_id, 139_000, day)], source="feed", is_last_word=True)
    assert counting(meter)[-1] == ("2026-11", 104_000, 4_000)
    assert readings.declare(meter, 105_000, on=date(2026, 11, 22), by=anna).is_current
