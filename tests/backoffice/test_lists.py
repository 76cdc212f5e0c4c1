"""Lists: searching, ordering, turning pages."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from models import Account, Event, SyncProblem, now
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def names(browser: Any) -> list[str]:
    return [link.text_content() for link in browser.page.xpath("//tbody/tr/th/a")]


def test_pages_by_key_show_every_row_once_forwards_and_backwards(world: worlds.World, enter: Enter) -> None:
    for number in range(117):
        factories.account(world.north, f"k{number}@example.lt", name=f"Jonas {'AĄB'[number % 3]}")  # many alike: the key decides
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/")
    forwards = [names(browser)]
    while browser.page.xpath("//a[@rel='next']"):
        browser.follow("Next page")
        forwards.append(names(browser))
    backwards = [names(browser)]
    while browser.page.xpath("//a[@rel='prev']"):
        browser.follow("Previous page")
        backwards.insert(0, names(browser))
    assert [len(page) for page in forwards] == [50, 50, Account.select().where(Account.organisation == world.north).count() - 100]
    assert forwards == backwards
    every = [name for page in forwards for name in page]
    assert len(every) == Account.select().where(Account.organisation == world.north).count()
    assert every.index("Jonas A") < every.index("Jonas Ą") < every.index("Jonas B")


def test_a_heading_orders_the_list_and_turns_it_round(world: worlds.World, enter: Enter) -> None:
    for name in ("Ąžuolas", "Zita", "Butkus"):
        factories.account(world.north, f"{name[1:]}@example.lt", name=name)
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/")
    up = names(browser)
    assert up.index("Ąžuolas") < up.index("Butkus") < up.index("Zita")
    browser.follow("Name")
    assert names(browser) == up[::-1]
    (chosen,) = browser.page.xpath("//form[@class='order']//option[@selected]/@value")  # what a phone has instead of headings
    assert (chosen, browser.page.xpath("//form[@class='order']//option/@value")) == (
        "-name",
        ["name", "-name", "created_at", "-created_at"],
    )


@pytest.mark.parametrize(
    ("desk", "words", "finds"),
    [
        ("accounts", "zukausk", True), ("accounts", "ŽUKAUSKAITĖ živilė", True), ("accounts", "zivile@exam", True),
        ("accounts", "+37061234", True), ("accounts", "8 612 34567", True), ("accounts", "+370 612 34567", True),
        ("accounts", "061234567", True), ("accounts", "8 612 34568", False), ("accounts", "%", False), ("accounts", "zuk_usk", False), ("accounts", "South", False),
        ("contracts", "77-5", True), ("contracts", "77-500 123", True), ("contracts", "5-500", False), ("contracts", "ziemos", True),
        ("invoices", "ŽSF1", True), ("invoices", "zivile", True), ("meters", "KVŽ", True), ("readings", "ziemos", True),
        ("premises", "ziemos", True), ("memberships", "zivile", True),
    ],
)  # fmt: skip
def test_searching_knows_no_case_and_no_accents_and_only_own_rows(
    world: worlds.World, enter: Enter, desk: str, words: str, finds: bool
) -> None:
    house = factories.building(world.north, "Žiemos g. 5, Pakruojis", provider=world.own["building"].provider)
    flat = factories.premises(house, "7")
    options = {"building": house, "premises": flat, "customer_name": "Živilė Žukauskaitė", "address": "Žiemos g. 5-7"}
    contract = factories.contract(world.north, "77-500 123", provider=house.provider, **options)
    person = factories.account(world.north, "zivile@example.lt", name="Živilė Žukauskaitė", phone="+37061234567")
    factories.holds(person, contract)
    factories.invoice(contract, "ŽSF1")
    factories.reading(factories.meter(contract, number="KVŽ1"), 10, now().date())
    browser = enter("agent")
    browser.get(f"{BASE}/{desk}/")
    browser.page.forms[[f.get("role") for f in browser.page.forms].index("search")].fields["search"] = words
    browser.get(f"{BASE}/{desk}/?{urlencode({'search': words})}")
    assert browser.status == 200
    assert len(names(browser)) == (1 if finds else 0)
    if not finds:
        assert "Nothing found" in browser.text


@pytest.mark.parametrize(
    ("desk", "words"),
    [
        ("contracts", "vilniaus g. 10 - 5, pakruojis, lt-83001"), ("contracts", "ab77"), ("invoices", "SF 00123"), ("invoices", "sf 00123"),
        ("invoices", "vilniaus g. 10"), ("meters", "kv1_241"), ("readings", "kv1_2"), ("sync-problems", "ŠIL 12"),
    ],
)  # fmt: skip
def test_numbers_and_whole_addresses_are_found_as_they_are_said_on_the_phone(
    world: worlds.World, enter: Enter, desk: str, words: str
) -> None:
    options = {"provider": world.own["provider"], "address": "Vilniaus g. 10 - 5, Pakruojis, LT-83001"}
    contract = factories.contract(world.north, "AB77", **options)
    factories.invoice(contract, "SF 00123")
    factories.reading(factories.meter(contract, number="KV1_241"), 10, now().date())
    run = world.own["syncrun"]
    SyncProblem.create(organisation=world.north, run=run, kind="row", reference="ŠIL 12", reference_digest="š", message="Wrong")
    browser = enter("agent")
    browser.get(f"{BASE}/{desk}/?{urlencode({'search': words})}")
    assert browser.status == 200
    assert len(names(browser)) == 1


def test_an_empty_list_says_what_will_be_there(world: worlds.World, enter: Enter) -> None:
    from models import SyncProblem

    SyncProblem.delete().execute()
    browser = enter("agent")
    browser.get(f"{BASE}/sync-problems/")
    assert "Nothing was put aside" in browser.text


def test_the_last_page_is_one_step_away_and_leads_back(world: worlds.World, enter: Enter) -> None:
    for number in range(60):
        factories.account(world.north, f"end{number}@example.lt", name=f"Aa {number:02}")
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/")
    first = names(browser)
    browser.follow("Last page")
    last = names(browser)
    assert len(last) == 50
    assert last[-1] == max(last)
    assert not browser.page.xpath("//a[@rel='next']")
    browser.follow("First page")
    assert names(browser) == first
    browser.follow("Last page")
    browser.follow("Previous page")
    assert set(names(browser)) == set(first) - set(last)
    browser.get(f"{BASE}/accounts/?page=2")
    assert browser.status == 400


def test_events_are_found_by_their_days(world: worlds.World, enter: Enter) -> None:
    """N02"""
    moments = [datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((1, 12), (2, 21), (2, 22), (3, 12))]
    for number, at in enumerate(moments):  # 22:00 in UTC is the next day in Vilnius
        options = {"digest": "x", "facts": {"preset": f"p{number}"}, "at": at}
        Event.create(organisation=world.north, name="organisation.loaded", actor="system", subject="organisation:1", **options)
    browser = enter("agent")
    for query, numbers in (
        ("at=2026-03-02", {1, 2, 3}), ("at=2026-03-02&at_to=2026-03-02", {1}), ("at=2026-03-03&at_to=2026-03-03", {2, 3}),
        ("at_to=2026-03-01", {0}), ("at=2026-03-04&at_to=2026-03-09", set()), ("at=2026-03-01&at_to=2026-03-02&name=organisation.loaded", {0, 1}),
    ):  # fmt: skip
        browser.get(f"{BASE}/events/?{query}")
        assert {int(found) for found in re.findall(r"p(\d)\b", browser.text)} == numbers, query


def test_what_a_page_says_once_for_a_language_it_never_says_in_another(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    in_each = {"lt": ("Šaltinis", "Atsiskaitymų sistema"), "en": ("Source", "Billing system")}
    for language in ("lt", "en", "lt"):
        browser.get(f"{BASE}/language/{language}?next={BASE}/readings/")
        said = {(cell.get("data-label"), cell.text_content()) for cell in browser.page.xpath("//tbody//td[@data-label]")}
        assert said & set(in_each.values()) == {in_each[language]}
