"""The history of readings: every version of what one may see, chosen by kind, place, meter and day, on pages and as a file."""

import csv
import io
import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from models import Account, Contract, Membership, Meter, MeterKind, Organisation, Reading, now
from rules import corrections, history, readings
from tests import factories
from tests.browser import Browser

TODAY = date(2026, 11, 20)


@pytest.fixture
def meter(flat: Contract) -> Meter:
    """A meter that was read in September by the billing system and in October by Anna."""
    made = factories.meter(flat)
    factories.reading(made, 1_000, date(2026, 9, 20))
    factories.reading(made, 5_500, date(2026, 10, 20), previous_milli=1_000, source="customer", account=Account.get())
    return made


def rows(browser: Browser, query: str = "") -> list[list[str]]:
    browser.get(f"/north/readings{query}")
    return [[" ".join(" ".join(cell.itertext()).split()) for cell in row] for row in browser.page.xpath("//main//table/tbody/tr")]


def sheet(browser: Browser, query: str = "") -> list[dict[str, str]]:
    response = browser.client.get(f"/north/readings/table{query}")
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig")), delimiter=";"))


def values(browser: Browser, query: str = "") -> list[str]:
    """What the page shows in the column To, and that the file holds the same."""
    shown = [cells[3] for cells in rows(browser, query)]
    assert [line["To"] for line in sheet(browser, query)] == shown
    return shown


def test_each_reading_has_its_day_from_to_difference_and_who_read_it_the_newest_first(
    browser: Browser, anna: Account, meter: Meter
) -> None:
    """CV-35, PS-14"""
    readings.rename(meter, "Kitchen", by=anna)
    of = "Kitchen Hot-water meter KV1_241 Liepų g. 1-1"
    assert rows(browser) == [
        ["20 October 2026", of, "1.000", "5.500", "4.500 m³", "You"],
        ["20 September 2026", of, "–", "1.000", "–", "Billing system"],
    ]
    browser.get("/north/meters")
    browser.follow("History of readings")
    browser.follow("Kitchen")
    browser.follow("All its readings, also those that no longer count")
    assert browser.at.endswith(f"/readings?meter={meter.public_id}")


def test_the_page_of_a_contract_calls_meters_as_its_reader_does(browser: Browser, anna: Account, meter: Meter) -> None:
    readings.rename(meter, "Kitchen", by=anna)
    browser.get(f"/north/contracts/{meter.contract.public_id}")
    (row,) = browser.page.xpath("//main//li[a[contains(@href, '/meters/')]]")
    assert " ".join(" ".join(row.itertext()).split()) == "Kitchen Hot-water meter KV1_241 · Nr. 1"


def test_a_version_that_no_longer_counts_stays_in_words_and_staff_say_why(browser: Browser, anna: Account, meter: Meter) -> None:
    """CV-35, N02"""
    agent = factories.staff(anna.organisation, name="Agnė")
    corrections.correct(Reading.get(value_milli=5_500), 5_000, reason="She misread it <b>", by=agent)
    found = rows(browser, f"?meter={meter.public_id}")
    assert [cells[0] for cells in found] == ["20 October 2026", "20 October 2026 no longer counts", "20 September 2026"]
    assert [cells[5] for cells in found] == ["Customer service agent: She misread it <b>", "You", "Billing system"]
    assert "Agnė" not in browser.text
    assert values(browser, "?which=counting") == ["5.000", "1.000"]
    assert [(line["Counts"], line["Reason"]) for line in sheet(browser)] == [("Yes", "She misread it <b>"), ("No", ""), ("Yes", "")]


def test_readings_are_chosen_by_kind_place_meter_and_day(browser: Browser, north: Organisation, anna: Account, meter: Meter) -> None:
    """CV-35: one filter or all of them, and the file holds what the page shows."""
    second = factories.contract(north, "02-1", address="Ąžuolų g. 2")
    factories.holds(anna, second)
    heat = MeterKind.create(organisation=north, code="heat", name_lt="Šilumos", name_en="Heat meter", unit="kWh", decimals=3)
    other = factories.meter(second, "S_88", "heat")
    factories.reading(other, 7_000, date(2026, 10, 31))

    assert values(browser) == ["7.000", "5.500", "1.000"]
    labels = [label.text_content() for label in browser.page.xpath("//main//form//label")]
    assert labels == ["Kind", "Contract", "Meter", "From day", "To day", "Versions"]
    assert values(browser, f"?kind={heat.code}") == ["7.000"]
    assert values(browser, f"?contract={second.public_id}") == ["7.000"]
    assert values(browser, f"?meter={meter.public_id}") == ["5.500", "1.000"]
    assert values(browser, "?since=2026-10-20") == ["7.000", "5.500"]
    assert values(browser, "?until=2026-10-20") == ["5.500", "1.000"]
    assert values(browser, "?since=2026-10-20&until=2026-10-20&kind=hot-water") == ["5.500"]
    assert values(browser, f"?kind=heat&meter={meter.public_id}") == []
    assert "There is no such reading." in browser.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?since=2026-13-01", "Enter the day as year, month and day, such as 2026-11-20"),
        ("?until=vakar", "Enter the day as year, month and day, such as 2026-11-20"),
        ("?since=2026-10-02&until=2026-10-01", "The last day must not be before the first one"),
    ],
)
def test_a_day_that_cannot_be_is_asked_for_again(browser: Browser, meter: Meter, query: str, words: str) -> None:
    """CV-35"""
    assert rows(browser, query) == []
    assert browser.page.xpath("string(//div[@class='error-summary']//li)") == words
    assert browser.client.get(f"/north/readings/table{query}").status_code == 302


def test_what_is_not_mine_cannot_be_asked_for(browser: Browser, north: Organisation, meter: Meter) -> None:
    """T02: the same answer whether there is such a thing or not."""
    stranger = factories.contract(north, "99-1")
    theirs = factories.meter(stranger, "X-1", "heat")
    factories.reading(theirs, 9_000, TODAY)
    asked = (
        f"contract={stranger.public_id}", f"contract={uuid.UUID(int=7)}", f"meter={theirs.public_id}", f"meter={uuid.UUID(int=7)}",
        "kind=heat", "kind=none", "which=all", "older=x", "newer=1",
    )  # fmt: skip
    assert {browser.client.get(f"/north/readings?{query}").status_code for query in asked} == {404}
    assert {browser.client.get(f"/north/readings/table?{query}").status_code for query in asked[:-2]} == {404}
    assert values(browser) == ["5.500", "1.000"]


def test_older_readings_are_a_page_away_and_newer_ones_back(browser: Browser, flat: Contract) -> None:
    meter = factories.meter(flat)
    for n in range(45):
        factories.reading(meter, n * 1_000, date(2023, 1, 1) + timedelta(days=n // 2), is_current=False)
    pages = [[int(float(cells[3])) for cells in rows(browser)]]
    for link in ("Older", "Older", "Newer", "Newer"):
        browser.follow(link)
        pages.append([int(float(cell.text_content())) for cell in browser.page.xpath("//main//tbody/tr/td[3]")])
    assert pages[0] + pages[1] + pages[2] == list(reversed(range(45)))
    assert pages[3:] == [pages[1], pages[0]]


def test_who_had_a_meter_before_and_who_has_it_now_see_only_their_own(browser: Browser, north: Organisation, anna: Account) -> None:
    """CV-30, CV-35: the meter went on to another contract, and a contract to another customer."""
    old, new = factories.contract(north, "01-1", ended_on=date(2026, 10, 1)), factories.contract(north, "01-2", opened_on=date(2026, 10, 1))
    ivan = factories.account(north, "ivan@example.lt", name="Ivan")
    factories.holds(anna, old)
    factories.holds(ivan, new)
    meter = factories.meter(old)
    factories.reading(meter, 1_000, date(2026, 9, 20))
    Meter.update(contract=new).execute()
    meter = Meter.get_by_id(meter.id)
    factories.reading(meter, 1_500, date(2026, 9, 30))  # of who had that contract before Ivan
    factories.reading(meter, 2_000, date(2026, 10, 20), previous_milli=1_000)
    readings.rename(meter, "Mine", by=ivan)

    assert values(browser) == ["1.000"]
    assert "Mine" not in browser.text
    assert not browser.page.xpath("//main//table//a")  # the meter is another's now
    Membership.update(until_at=now()).where(Membership.account == anna).execute()
    assert values(browser) == []
    browser.enter(ivan)
    assert values(browser) == ["2.000"]


def test_whose_access_does_not_show_meters_sees_no_readings(browser: Browser, north: Organisation, anna: Account, meter: Meter) -> None:
    """IB-52"""
    held = Membership.get(Membership.account == anna)
    held.access_type.deeds = ["contract.view"]
    held.access_type.save()
    assert rows(browser) == []
    assert sheet(browser) == []
    assert "No readings yet" in browser.text


def test_the_file_runs_nothing_in_a_spreadsheet_and_writes_numbers_as_its_reader_does(
    browser: Browser, anna: Account, flat: Contract
) -> None:
    """CV-35, T74"""
    meter = factories.meter(flat, "=cmd|1")
    factories.reading(
        meter, 1_234_500, TODAY, previous_milli=1_235_000, source="staff", staff=factories.staff(anna.organisation), reason="@SUM(1)"
    )
    readings.rename(meter, "+1", by=anna)
    (line,) = sheet(browser)
    assert (line["Meter"], line["Your name for it"], line["Reason"]) == ("'=cmd|1", "'+1", "'@SUM(1)")
    assert (line["From"], line["To"], line["Difference"], line["Unit"]) == ("1235.000", "1234.500", "-0.500", "m³")
    Account.update(language="lt").execute()
    browser.client.get("/north/language/lt")
    assert "1235,000;1234,500;-0,500" in browser.client.get("/north/readings/table").text


def test_too_many_readings_for_one_file_are_not_made_into_one(browser: Browser, meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_AT_ONCE", 1)
    response = browser.client.get("/north/readings/table?kind=hot-water")
    assert (response.status_code, response.location) == (302, "/north/readings?kind=hot-water")
    browser.get(response.location)
    assert "There are more than 1 readings." in browser.text


def test_the_history_takes_at_most_eight_statements_for_one_reading_or_for_fifty(browser: Browser, meter: Meter, statements: Any) -> None:
    """CV-35, G8"""
    query = f"?kind=hot-water&contract={meter.contract.public_id}&meter={meter.public_id}&since=2020-01-01&until=2026-12-31"
    Reading.delete().where(Reading.value_milli == 1_000).execute()

    def asked() -> dict[str, int]:
        figures = {}
        for path in ("", query, "/table", f"/table{query}"):
            with statements() as seen:
                assert browser.client.get(f"/north/readings{path}").status_code == 200
            figures[path] = len([sql for sql in seen if 'FROM "organisation"' not in sql])
        return figures

    for_one = asked()
    agent = factories.staff(meter.organisation)
    for n in range(49):
        own = factories.meter(meter.contract, f"KV{n}")
        factories.reading(own, n, date(2026, 1, 1) + timedelta(days=n), source="staff", staff=agent)
    assert asked() == for_one
    assert max(for_one.values()) <= 8, for_one
