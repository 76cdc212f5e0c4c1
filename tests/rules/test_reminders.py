"""Who is reminded to declare, when, and who is on the list to be phoned."""

from datetime import date, timedelta

import pytest

from models import Account, Contract, Message, Meter, Organisation, now
from rules import events, readings, reminders, settings, undeclared
from rules.refusal import Refused
from tests import factories
from tests.rules.declaring import declare


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", phone="8 700 00002", reading_opens_on=15, reading_closes_on=27)


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
