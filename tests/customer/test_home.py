"""The statement, the empty account, the front page, both languages."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from peewee import OperationalError
from time_machine import Traveller

from models import Account, Contract, Organisation, database
from rules import settings
from tests import factories
from tests.browser import Browser


def links(browser: Browser) -> list[str]:
    return [" ".join(a.text_content().split()) for a in browser.page.xpath("//main//a")]


# ---- the statement ----------------------------------------------------------------------------------------------------


def test_home_says_what_is_owed_on_all_contracts_and_by_when(browser: Browser, north: Organisation, anna: Account, flat: Contract) -> None:
    """CV-20, CV-21"""
    second = factories.contract(north, "02-1", address="Ąžuolų g. 2")
    factories.holds(anna, second)
    factories.invoice(flat, net_cents=10_000, due_on=date(2026, 11, 30))
    factories.invoice(second, net_cents=5_000, due_on=date(2026, 11, 28))
    browser.get("/north/home")
    assert browser.page.xpath("string(//p[contains(@class, 'amount')])") == "€181.50"
    assert "To pay by 28 November" in browser.text
    assert "Ąžuolų g. 2" in browser.text


def test_home_says_in_words_that_something_is_overdue(browser: Browser, flat: Contract) -> None:
    factories.invoice(flat, net_cents=10_000, due_on=date(2026, 11, 10))
    browser.get("/north/home")
    assert "To pay €121.00 Overdue €121.00 was due by 10 November" in browser.text
    assert "See what to pay" in links(browser)


def test_while_the_window_is_open_the_one_next_act_is_to_declare(browser: Browser, flat: Contract) -> None:
    """CV-33"""
    meter = factories.meter(flat)
    browser.get("/north/home")
    assert "Until 27 November Declare your meter readings One meter waits for its reading." in browser.text
    assert len(browser.page.xpath("//main//a[contains(@class, 'btn-primary')]")) == 1
    browser.follow("Declare readings")
    browser.submit("Declare", **{f"reading_{meter.public_id.hex}": "7"})
    browser.get("/north/home")
    assert "Declare readings" not in links(browser)


def test_when_the_window_is_closed_home_asks_for_nothing_that_cannot_be_done(
    browser: Browser, anna: Account, flat: Contract, clock: Traveller
) -> None:
    """CV-32"""
    factories.meter(flat)
    clock.move_to(datetime(2026, 11, 28, 10, 0, tzinfo=UTC))
    browser.enter(anna)
    browser.get("/north/home")
    assert browser.page.xpath("string(//h1)") == "Your account at a glance"
    assert "Declare readings" not in links(browser)


def test_twelve_months_of_use_are_bars_and_a_real_table(browser: Browser, flat: Contract) -> None:
    meter = factories.meter(flat)
    factories.reading(meter, 4_500, date(2026, 10, 20), previous_milli=1_000)
    browser.get("/north/home")
    assert len(browser.page.xpath("//figure[contains(@class, 'bars')]//tbody/tr")) == 12
    (row,) = browser.page.xpath("//figure//tbody/tr[th='October 2026']")
    assert row.xpath("string(td)") == "3.5"


def test_a_paid_account_is_told_so(browser: Browser, flat: Contract) -> None:
    factories.invoice(flat, outstanding_cents=0)
    browser.get("/north/home")
    assert "Nothing to pay now €0.00 All your bills are paid." in browser.text


def test_an_account_without_contracts_is_told_where_to_add_one(browser: Browser, anna: Account) -> None:
    """PS-05"""
    browser.get("/north/home")
    assert "Your account is active, but you have not added any contracts yet" in browser.text
    assert "You can do that here." in browser.text
    browser.follow("Add a contract")
    assert browser.at == "/north/contracts/add"


@pytest.mark.parametrize(
    ("word", "empty", "act"),
    [("object", "have not added any objects yet", "Add an object"), ("service", "have not added any services yet", "Add a service")],
)
def test_what_is_added_is_called_as_the_organisation_calls_it(
    browser: Browser, north: Organisation, anna: Account, word: str, empty: str, act: str
) -> None:
    """K23"""
    settings.change(north, "unit_word", word, by="operator")
    browser.get("/north/home")
    assert empty in browser.text
    browser.follow(act)
    assert browser.page.xpath("string(//h1)") == act


def test_home_asks_the_database_as_often_for_one_contract_as_for_fifty(
    browser: Browser, north: Organisation, anna: Account, statements: Any
) -> None:
    def fill(numbers: range) -> int:
        for n in numbers:
            contract = factories.contract(north, f"C-{n}")
            factories.holds(anna, contract)
            factories.invoice(contract)
            meter = factories.meter(contract, f"M{n}")
            factories.reading(meter, 3_000, date(2026, 10, 20), previous_milli=1_000)
        with statements() as seen:
            browser.get("/north/home")
        return len(seen)

    settings.change(north, "pay_for_others", True, by="operator")  # it takes none of its own
    browser.get("/north/home")
    assert fill(range(1)) == fill(range(1, 50)) <= 8


# ---- the door, the language -------------------------------------------------------------------------------------------


def test_the_front_page_lists_providers_as_a_lithuanian_dictionary_does(browser: Browser) -> None:
    for slug, name in (("c", "Žalia"), ("a", "Ąžuolas"), ("b", "Būstas"), ("d", "Closed")):
        factories.organisation(slug, name=name, is_active=slug != "d")
    browser.get("/")
    assert [h.text_content() for h in browser.page.xpath("//h2")] == ["Ąžuolas", "Būstas", "Žalia"]
    assert browser.page.xpath("//h2/a/@href") == ["/a/", "/b/", "/c/"]


def test_an_organisation_with_its_own_host_is_opened_there(browser: Browser) -> None:
    factories.organisation("a", host="savitarna.example.lt")
    factories.organisation("b")
    browser.get("/")
    assert browser.page.xpath("//h2/a/@href") == ["http://savitarna.example.lt/", "/b/"]


def test_where_there_is_one_provider_its_door_opens_at_once(browser: Browser, north: Organisation) -> None:
    response = browser.client.get("/")
    assert (response.status_code, response.location) == (302, "/north/")


def test_the_language_is_chosen_in_this_browser_and_the_page_stays(browser: Browser, anna: Account, flat: Contract) -> None:
    browser.get("/north/meters")
    assert browser.page.get("lang") == "en"
    browser.follow("Lietuvių")
    assert (browser.at, browser.page.get("lang")) == ("/north/meters", "lt")
    assert Account.get().language == "en"


@pytest.mark.parametrize("target", ["https://example.com/", "//example.com/", "/\\example.com", "/south/home"])
def test_the_language_switch_leads_nowhere_else(browser: Browser, north: Organisation, target: str) -> None:
    factories.organisation("south")
    location = browser.client.get("/north/language/en", query_string={"next": target}).location
    assert location.startswith("/north/")


# ---- for those who watch over the processes ---------------------------------------------------------------------------


def test_the_process_says_that_it_is_alive_and_ready(browser: Browser, db: object) -> None:
    assert browser.client.get("/healthz").data == b"ok\n"
    assert browser.client.get("/readyz").data == b"ready\n"


def test_a_lost_database_does_not_make_the_process_look_dead(browser: Browser, db: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*args: Any, **options: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(database.obj, "connect", lost)
    assert [browser.client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 503]


def test_tables_that_are_not_up_to_date_are_not_ready(browser: Browser, db: object) -> None:
    database.execute_sql("DELETE FROM schema_migration")
    response = browser.client.get("/readyz")
    assert response.status_code == 503
    assert response.data == b"not ready\n", "what is wrong is the operator's business alone"
    assert browser.client.get("/healthz").status_code == 200


def test_asking_whether_it_is_ready_leaves_no_row(browser: Browser, db: object, statements: Any) -> None:
    with statements() as seen:
        browser.client.get("/readyz")
    assert any(sql.startswith("INSERT") for sql in seen)
    assert database.execute_sql("SELECT COUNT(*) FROM counter").fetchone()[0] == 0
