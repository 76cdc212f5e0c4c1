"""Declaring: the screen for one and for all, the words of a refusal, the question, the receipt."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from time_machine import Traveller

from models import Account, Contract, Message, Meter, MeterKind, Organisation, Provider, Reading
from rules import events, links, settings
from tests import factories
from tests.browser import Browser


@pytest.fixture
def meter(flat: Contract) -> Meter:
    made = factories.meter(flat)
    factories.reading(made, 100_000, date(2026, 10, 20))
    return made


def box(meter: Meter) -> str:
    return f"reading_{meter.public_id.hex}"


def errors(browser: Browser) -> list[str]:
    return [" ".join(li.text_content().split()) for li in browser.page.xpath("//*[contains(@class, 'error-summary')]//li")]


def declared(meter: Meter) -> int | None:
    row = Reading.get_or_none(meter=meter, period="2026-11", is_current=True)
    return row and row.value_milli


def declare(browser: Browser, typed: str, meter: Meter) -> None:
    browser.get(f"/north/meters/{meter.public_id}/declare-a-reading")
    browser.submit(**{box(meter): typed})


# ---- meters -----------------------------------------------------------------------------------------------------------


def test_meters_are_listed_as_the_bill_shows_them(browser: Browser, anna: Account, meter: Meter) -> None:
    """PS-14, CV-30, K18, K19"""
    factories.reading(meter, 107_000, date(2026, 11, 5), previous_milli=100_000)
    browser.get("/north/meters")
    assert [" ".join(h.text_content().split()) for h in browser.page.xpath("//section[1]//thead//th")] == [
        "Meter", "Kind", "Place", "From", "To", "Difference", "Date",
    ]  # fmt: skip
    (row,) = browser.page.xpath("//section[1]//tbody/tr")
    assert [" ".join(cell.text_content().split()) for cell in row] == [
        "KV1_241", "Hot-water meter", "Nr. 1", "100.000", "107.000", "7.000 m³", "5 Nov 2026",
    ]  # fmt: skip


def test_one_meter_has_its_readings_as_bars_and_as_a_table(browser: Browser, meter: Meter) -> None:
    """PS-14"""
    factories.reading(meter, 107_000, date(2026, 11, 5), previous_milli=100_000)
    browser.get("/north/meters")
    browser.follow("KV1_241")
    assert browser.page.xpath("string(//h1)") == "Hot-water meter KV1_241"
    rows = browser.page.xpath("//section[@aria-labelledby='readings']//tbody/tr")
    assert [" ".join(cell.text_content().split()) for cell in rows[0]] == ["5 November 2026", "107.000", "7.000 m³", "Billing system"]


def test_two_contracts_of_one_address_are_told_apart(browser: Browser, north: Organisation, anna: Account, meter: Meter) -> None:
    """PS-14"""
    factories.holds(anna, factories.contract(north, "W 2", provider=meter.contract.provider, address=meter.contract.address))
    browser.get("/north/meters")
    headings = browser.page.xpath("//section[contains(@class, 'meters')]/h2/text()")
    assert sorted(headings) == sorted(f"{meter.contract.address} · {code}" for code in (meter.contract.payer_code, "W 2"))


def test_a_list_of_meters_takes_three_statements_for_one_and_for_fifty(
    browser: Browser, north: Organisation, flat: Contract, meter: Meter, statements: Any
) -> None:
    def asked() -> int:
        with statements() as seen:
            browser.get("/north/meters")
        return len([sql for sql in seen if not any(f'FROM "{table}"' in sql for table in ("organisation", "account", "setting"))])

    browser.get("/north/meters")
    for_one = asked()
    for n in range(49):
        factories.reading(factories.meter(flat, f"M{n}"), 1_000, date(2026, 10, 20))
    assert asked() == for_one == 3


def test_where_the_provider_reads_the_meters_a_notice_says_so_and_nothing_can_be_declared(browser: Browser, meter: Meter) -> None:
    """CV-28, CV-29, K17"""
    Provider.update(declares_readings=False, readings_notice="We read your meters by radio.").execute()
    browser.get("/north/meters")
    assert "We read your meters by radio." in browser.text
    assert "Declare" not in browser.text
    for path in ("/north/meters/declare-readings", f"/north/meters/{meter.public_id}/declare-a-reading"):
        browser.get(path)
        assert browser.at == "/north/meters"


def test_customers_of_one_company_declare_and_of_another_are_told_why_not(
    browser: Browser, north: Organisation, anna: Account, meter: Meter
) -> None:
    """CV-28, CV-29, CV-30, K17"""
    other = factories.contract(north, "77", provider=factories.provider(north, "Rytai", declares_readings=False), address="Rytų g. 1")
    factories.holds(anna, other)
    browser.get("/north/meters")
    assert "Rytų g. 1 Your provider reads these meters itself: you do not need to declare anything." in browser.text
    browser.follow("Declare readings")
    assert "KV1_241" in browser.text


# ---- one and all ------------------------------------------------------------------------------------------------------


def test_a_reading_is_typed_into_the_to_box_and_answered_with_a_receipt(browser: Browser, meter: Meter) -> None:
    """CV-31, CV-33, IR-10, K19"""
    browser.get("/north/meters")
    browser.follow("Declare readings")
    assert "Last reading 100.000 m³ on 20 October 2026" in browser.text
    assert browser.page.xpath(f"string(//label[@for='{box(meter)}'])") == "To: what meter KV1_241 shows now"
    browser.submit("Declare", **{box(meter): "104,5"})
    made = Reading.get(period="2026-11")
    assert browser.at == f"/north/readings/{made.reference}"
    assert f"Reference {made.reference}, 20 November 2026. We have sent a confirmation to anna@example.lt." in browser.text
    assert [" ".join(c.text_content().split()) for c in browser.page.xpath("//tbody/tr/*")] == [
        "Hot-water meter, KV1_241", "100.000", "104.500", "4.500 m³",
    ]  # fmt: skip
    assert "Declare again until 27 November 2026: the last reading counts." in browser.text
    assert Message.select().where(Message.kind == "reading_declared").count() == 1


def test_all_meters_are_declared_at_once(browser: Browser, flat: Contract, meter: Meter) -> None:
    """CV-34, K19"""
    second, third = factories.meter(flat, "KV1_242"), factories.meter(flat, "KV1_243")
    browser.get("/north/meters/declare-readings")
    browser.submit("Declare all", **{box(meter): "104", box(second): "7", box(third): ""})
    assert [declared(m) for m in (meter, second, third)] == [104_000, 7_000, None]
    assert len(browser.page.xpath("//tbody/tr")) == 2


def test_one_of_several_meters_is_declared_alone(browser: Browser, flat: Contract, meter: Meter) -> None:
    """CV-34, K19"""
    second = factories.meter(flat, "KV1_242")
    browser.get("/north/meters/declare-readings")
    (only,) = [b for b in browser.page.xpath("//button[@name='only']") if b.get("value") == str(second.public_id)]
    data = dict(browser.page.forms[-1].form_values()) | {box(meter): "not yet", box(second): "7", "only": only.get("value")}
    browser.post("/north/meters/declare-readings", data)
    assert [declared(meter), declared(second)] == [None, 7_000]
    browser.follow("Hot-water meter KV1_241")  # the receipt names what is left
    browser.submit(**{box(meter): "107"})
    assert "Still to declare" not in browser.text


def test_enter_in_a_box_declares_all(browser: Browser, flat: Contract, meter: Meter) -> None:
    """CV-34"""
    factories.meter(flat, "KV1_242")
    browser.get("/north/meters/declare-readings")
    first = browser.page.forms[-1].xpath(".//button")[0]
    assert (first.get("name"), first.get("type")) == (None, None)


def test_all_contracts_are_on_one_screen(browser: Browser, north: Organisation, anna: Account, meter: Meter) -> None:
    """CV-17, CV-34"""
    second = factories.contract(north, "02-1", address="Ąžuolų g. 2")
    factories.holds(anna, second)
    factories.meter(second, "KV9")
    browser.get("/north/meters/declare-readings")
    assert "Hot-water meter KV9 Ąžuolų g. 2" in browser.text
    assert "Hot-water meter KV1_241 Liepų g. 1-1" in browser.text


def test_the_same_form_sent_twice_stores_once(browser: Browser, meter: Meter) -> None:
    path = f"/north/meters/{meter.public_id}/declare-a-reading"
    browser.get(path)
    data = dict(browser.page.forms[-1].form_values()) | {box(meter): "104"}
    locations = [browser.client.post(path, data=data).location for _ in range(2)]
    assert locations[0] == locations[1]
    assert (Reading.select().where(Reading.period == "2026-11").count(), Message.select().count()) == (1, 1)


def test_a_correction_replaces_what_was_declared_and_the_first_receipt_says_so(browser: Browser, meter: Meter) -> None:
    declare(browser, "109", meter)
    receipt = browser.at
    assert "Declare again until 27 November 2026: the last reading counts." in browser.text
    browser.get("/north/meters/declare-readings")
    assert "Told this month: 109.000 m³ on 20 November 2026. A new reading replaces it." in browser.text
    browser.submit("Declare", **{box(meter): "104"})
    assert declared(meter) == 104_000
    browser.get(receipt)
    assert "A later reading of the same month has replaced this one." in browser.text


def test_where_of_two_readings_of_one_day_the_higher_counts_the_pages_say_so(browser: Browser, north: Organisation, meter: Meter) -> None:
    """K18"""
    settings.change(north, "same_day_reading", "highest", by=events.OPERATOR)
    declare(browser, "109", meter)
    assert "the last reading counts, and of two on one day the higher one." in browser.text
    declare(browser, "104", meter)
    assert errors(browser) == [
        "You told 109.000 today already, and of two readings of one day the higher one counts. If that was a slip, declare again on a "
        "later day while readings are taken, or tell us and we will correct it: 8 700 00002."
    ]
    assert "Of two readings of one day the higher one counts." in browser.text
    assert declared(meter) == 109_000


def test_decimals_are_rounded_where_the_meter_has_none(browser: Browser, flat: Contract) -> None:
    """K18"""
    water = factories.meter(flat, "W-1", "water", decimals=0)
    MeterKind.update(rounding="half_up").where(MeterKind.code == "water").execute()
    browser.get(f"/north/meters/{water.public_id}/declare-a-reading")
    assert "half a unit and more counts as one" in browser.text
    browser.submit(**{box(water): "104,5"})
    assert declared(water) == 105_000


def test_a_meter_that_started_from_zero_is_asked_about_and_taken(browser: Browser, meter: Meter) -> None:
    """K18"""
    Meter.update(digits=5).execute()
    Reading.update(value_milli=99_990_000).execute()
    declare(browser, "15", meter)
    assert "That is less than 99,990.000, which the meter showed on 20 October 2026." in browser.text
    assert declared(meter) is None
    browser.submit("Yes, it is right", **{box(meter): "15"})
    assert "25.000 m³" in browser.text
    assert declared(meter) == 15_000


def test_each_house_is_asked_in_its_own_days(browser: Browser, north: Organisation, anna: Account, flat: Contract, meter: Meter) -> None:
    """K16, CV-31, CV-32"""
    house = factories.building(north, "Vėjo g. 1", reading_opens_on=5, reading_closes_on=10)
    elsewhere = factories.contract(north, "02-1", address="Vėjo g. 1-1", building=house)
    factories.holds(anna, elsewhere)
    later = factories.meter(elsewhere, "KV9")
    browser.get("/north/meters")
    assert "Readings are taken until 27 November." in browser.text
    assert "Readings open on 5 December and close after 10 December." in browser.text
    browser.get("/north/meters/declare-readings")
    assert ("KV1_241" in browser.text, "KV9" in browser.text) == (True, False)
    browser.get(f"/north/meters/{later.public_id}/declare-a-reading")
    assert browser.page.xpath("string(//h1)") == "Readings open on 5 December 2026"
    token = dict(browser.get("/north/meters/declare-readings").forms[-1].form_values())
    browser.post("/north/meters/declare-readings", token | {box(later): "7", box(meter): "104"})
    assert (browser.status, declared(later), declared(meter)) == (404, None, None)


# ---- own names --------------------------------------------------------------------------------------------------------


def test_a_meter_has_the_name_that_its_customer_gave_it_wherever_they_see_it(
    browser: Browser, north: Organisation, flat: Contract, meter: Meter
) -> None:
    browser.get(f"/north/meters/{meter.public_id}")
    browser.follow("Give it a name")
    browser.submit("Save", name="Virtuvė")
    assert browser.page.xpath("string(//h1)") == "Virtuvė"
    for page in ("meters", "meters/declare-readings"):
        browser.get(f"/north/{page}")
        assert "Virtuvė" in browser.text
        assert "KV1_241" in browser.text
    browser.submit("Declare", **{box(meter): "104,5"})
    assert "Virtuvė, KV1_241" in browser.text
    assert Message.get(kind="reading_declared").facts["meters"][0]["meter"] == "Virtuvė (Hot-water meter KV1_241)"
    receipt = browser.at
    ivan = factories.account(north, "ivan@example.lt")
    factories.holds(ivan, flat, "shared_person")
    browser.enter(ivan)
    for page in ("meters", "meters/declare-readings", f"meters/{meter.public_id}", f"meters/{meter.public_id}/name"):
        browser.get(f"/north/{page}")
        assert "Virtuvė" not in str(browser.response.get_data(as_text=True))
    browser.get(receipt)
    assert "Virtuvė" not in browser.text


# ---- refusals ---------------------------------------------------------------------------------------------------------


def test_a_reading_below_the_last_one_is_refused_at_its_field_in_words_that_help(browser: Browser, flat: Contract, meter: Meter) -> None:
    second = factories.meter(flat, "KV1_242")
    browser.get("/north/meters/declare-readings")
    browser.submit("Declare all", **{box(second): "7", box(meter): "99,999"})
    sentence = "The reading must be 100.000 or more: that is what the meter showed on 20 October 2026. If the meter was exchanged or has started from zero, tell us: 8 700 00002."
    assert errors(browser) == [f"Hot-water meter KV1_241: {sentence}"]
    assert browser.page.xpath("//*[contains(@class, 'error-summary')]//a/@href") == [f"#{box(meter)}"]
    assert browser.page.xpath(f"string(//p[@id='{box(meter)}-error'])").split(": ")[1].strip() == sentence.split(": ")[0]
    assert browser.page.xpath(f"//input[@id='{box(meter)}']/@value") == ["99,999"]
    assert [declared(meter), declared(second)] == [None, None]


def test_the_refusal_is_written_as_lithuanians_write_numbers_and_days(browser: Browser, meter: Meter) -> None:
    browser.get("/north/language/lt")
    declare(browser, "99,999", meter)
    assert "100,000" in errors(browser)[0]
    assert "2026 m. spalio 20 d." in errors(browser)[0]


@pytest.mark.parametrize("typed", ["abc", "-5", "1e3", "104.5.1", "٣٤", "1 234,5m³", "0x10", "104,", ",5"])
def test_only_digits_are_a_reading(browser: Browser, meter: Meter, typed: str) -> None:
    """K18"""
    declare(browser, typed, meter)
    if typed == "104,":
        assert declared(meter) == 104_000
    else:
        assert errors(browser) == ["The reading must be written in digits, such as 1234,567"]
        assert declared(meter) is None


@pytest.mark.parametrize("typed", ["1104,5", "1104.5", "1 104,500", " 1104,50 ", "1\u00a0104,5"])
def test_a_comma_or_a_dot_and_the_spaces_that_we_write_are_understood(browser: Browser, meter: Meter, typed: str) -> None:
    """K18, PS-14"""
    declare(browser, typed, meter)
    assert declared(meter) == 1_104_500


@pytest.mark.parametrize(
    ("decimals", "typed", "said"),
    [(0, "7,5", "a whole number"), (2, "7,555", "at most two decimals"), (3, "7,5555", "at most three decimals")],
)
def test_more_decimals_than_the_meter_has_are_refused(browser: Browser, flat: Contract, decimals: int, typed: str, said: str) -> None:
    """K18"""
    declare(browser, typed, factories.meter(flat, "X1", f"kind-{decimals}", decimals=decimals))
    assert said in errors(browser)[0]


def test_a_giant_number_is_refused(browser: Browser, meter: Meter) -> None:
    declare(browser, "9" * 40, meter)
    assert errors(browser) == ["The reading must have at most nine digits before the decimals."]


def test_nothing_typed_is_asked_for(browser: Browser, flat: Contract, meter: Meter) -> None:
    declare(browser, "", meter)
    assert errors(browser) == ["Enter what the meter shows"]
    factories.meter(flat, "KV1_242")
    browser.get("/north/meters/declare-readings")
    browser.submit("Declare all")
    assert errors(browser) == ["Enter what at least one of the meters shows"]


def test_a_use_far_above_the_usual_is_asked_about_and_the_yes_is_to_that_value_only(browser: Browser, flat: Contract) -> None:
    meter = factories.meter(flat, "KV1_242")
    for month, value in enumerate((100_000, 104_000, 108_000, 112_000), start=7):
        factories.reading(meter, value, date(2026, month, 20))
    declare(browser, "162", meter)
    question = "That is 50.000 m³ more than on 20 October 2026. Your usual use is about 4.000 m³ a month. Does the meter show 162.000?"
    assert question in browser.text
    assert declared(meter) is None
    sure = browser.page.xpath("//button[@name='sure']/@value")[0]
    data = dict(browser.page.forms[-1].form_values()) | {"sure": sure}
    browser.post(browser.at, data | {box(meter): "262"})
    assert "Does the meter show 262.000?" in browser.text
    browser.submit("Yes, it is right", **{box(meter): "262"})
    assert declared(meter) == 262_000


def test_a_doubt_about_one_of_several_keeps_to_the_meter_that_was_asked_for(browser: Browser, flat: Contract, meter: Meter) -> None:
    doubtful = factories.meter(flat, "KV1_242")
    for month, value in enumerate((100_000, 104_000, 108_000, 112_000), start=7):
        factories.reading(doubtful, value, date(2026, month, 20))
    browser.get("/north/meters/declare-readings")
    data = dict(browser.page.forms[-1].form_values()) | {box(meter): "104", box(doubtful): "162"}
    browser.post(browser.at, data | {"only": str(doubtful.public_id)})
    assert "KV1_242: That is 50.000 m³ more" in browser.text
    browser.submit("Yes, it is right", **{box(meter): "104", box(doubtful): "162"})
    assert [declared(doubtful), declared(meter)] == [162_000, None]


def test_the_link_in_a_reminder_opens_the_page(browser: Browser, meter: Meter) -> None:
    browser.get(links.declare_readings("http://localhost/north"))
    assert browser.page.xpath("string(//h1)") == "What does the meter show?"


# ---- the window -------------------------------------------------------------------------------------------------------


def test_outside_the_window_a_page_says_when_it_opens_and_has_no_form(
    browser: Browser, anna: Account, meter: Meter, clock: Traveller
) -> None:
    """CV-31, CV-32, K16"""
    clock.move_to(datetime(2026, 11, 27, 22, 0, tzinfo=UTC))  # midnight in Vilnius
    browser.enter(anna)
    browser.get("/north/meters/declare-readings")
    assert browser.page.xpath("string(//h1)") == "Readings open on 15 December 2026"
    assert "You can declare from that day until 27 December 2026. We will remind you by e-mail if you have not." in browser.text
    assert not browser.page.xpath("//main//form")
    browser.get("/north/meters")
    assert "Readings open on 15 December and close after 27 December." in browser.text


def test_a_form_that_was_opened_in_time_and_sent_too_late_is_refused(browser: Browser, meter: Meter, clock: Traveller) -> None:
    """CV-32"""
    one_second_in_time = datetime(2026, 11, 27, 21, 59, 59, tzinfo=UTC)
    clock.move_to(one_second_in_time)
    browser.enter(Account.get())
    path = f"/north/meters/{meter.public_id}/declare-a-reading"
    browser.get(path)
    data = dict(browser.page.forms[-1].form_values()) | {box(meter): "104"}
    clock.shift(1)
    browser.post(path, data)
    assert browser.page.xpath("string(//h1)") == "Readings open on 15 December 2026"
    assert declared(meter) is None


def test_where_there_is_no_window_readings_are_taken_any_day(
    browser: Browser, north: Organisation, anna: Account, meter: Meter, clock: Traveller
) -> None:
    """K16"""
    settings.change(north, "reading_opens_on", 1, by="operator")
    settings.change(north, "reading_closes_on", 31, by="operator")
    clock.move_to(datetime(2026, 11, 30, 12, 0, tzinfo=UTC))
    browser.enter(anna)
    declare(browser, "104", meter)
    assert declared(meter) == 104_000


# ---- whose it is ------------------------------------------------------------------------------------------------------


def test_a_meter_that_is_not_ones_own_cannot_be_slipped_in(
    browser: Browser, north: Organisation, anna: Account, flat: Contract, meter: Meter
) -> None:
    """CV-30"""
    foreign, removed = (
        factories.meter(factories.contract(north, "99"), "FOREIGN"),
        factories.meter(flat, "GONE", removed_on=date(2026, 11, 1)),
    )
    for stranger in (foreign, removed):
        browser.get("/north/meters/declare-readings")
        data = dict(browser.page.forms[-1].form_values()) | {box(meter): "104"}
        for slipped in ({box(stranger): "5"}, {"only": str(stranger.public_id)}):
            assert browser.client.post("/north/meters/declare-readings", data=data | slipped).status_code == 404
    assert Reading.select().where(Reading.period == "2026-11").count() == 0


def test_what_the_holder_before_declared_this_month_is_not_shown(
    browser: Browser, north: Organisation, flat: Contract, meter: Meter
) -> None:
    """CV-30"""
    before = factories.contract(north, "09-9", ended_on=date(2026, 11, 18))
    told = factories.reading(meter, 7_777_000, date(2026, 11, 16), source="customer")
    Reading.update(contract=before).where(Reading.id == told.id).execute()
    browser.get("/north/meters/declare-readings")
    assert "this month" not in browser.text
    # A payer code that went on with the flat is one contract.
    Reading.update(contract=flat).where(Reading.id == told.id).execute()
    Contract.update(opened_on=date(2026, 11, 18)).where(Contract.id == flat.id).execute()
    browser.get("/north/meters/declare-readings")
    assert "this month" not in browser.text


def test_a_form_that_was_left_open_too_long_leads_back_to_its_page(browser: Browser, meter: Meter, clock: Traveller) -> None:
    """T51, F30"""
    browser.get("/north/meters/declare-readings")
    clock.shift(timedelta(minutes=31))
    browser.submit(**{box(meter): "241,5"})
    assert "so nothing was saved" in browser.text or "niekas neišsaugota" in browser.text
    browser.submit(email="anna@example.lt", password=factories.PASSWORD)
    assert browser.at == "/north/meters/declare-readings"


def test_who_may_only_look_cannot_declare(browser: Browser, north: Organisation, anna: Account) -> None:
    contract = factories.contract(north, "77")
    factories.holds(anna, contract, "viewer")
    meter = factories.meter(contract, "V1")
    browser.get(f"/north/meters/{meter.public_id}")
    assert browser.status == 200
    assert "Declare" not in browser.page.xpath("string(//main)")
    browser.get(f"/north/meters/{meter.public_id}/declare-a-reading")
    assert browser.status == 404


def test_somebody_elses_receipt_is_as_absent_as_one_that_never_was(browser: Browser, north: Organisation, anna: Account) -> None:
    foreign = factories.reading(factories.meter(factories.contract(north, "99"), "F1"), 1_000, date(2026, 11, 1))
    pages = [browser.client.get(f"/north/readings/{reference}") for reference in (foreign.reference, "ZZZZ2345")]
    assert [page.status_code for page in pages] == [404, 404]


def test_a_shared_persons_receipt_does_not_claim_a_mail_that_went_to_another(
    browser: Browser, north: Organisation, anna: Account, flat: Contract, meter: Meter
) -> None:
    declare(browser, "104", meter)
    receipt = browser.at
    ivan = factories.account(north, "ivan@example.lt")
    factories.holds(ivan, flat, "shared_person")
    browser.enter(ivan)
    browser.get(receipt)
    assert "104.000" in browser.text
    assert "We have sent a confirmation" not in browser.text
