"""The first page: a search box and what waits."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from backoffice import listing
from models import Account, Contract, Counter, Event, Message, SyncProblem, SyncRun, now
from rules import confirmations, limits, proof, settings
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def queues(browser: Any) -> dict[str, str]:
    return {
        " ".join(item.xpath("string(a)").split()): item.xpath("string(*[@class='count'])").strip()
        for item in browser.page.xpath("//ul[@class='queues']/li")
    }


def feeds(browser: Any) -> dict[str, str]:
    return {
        row.xpath("string(dt)"): " ".join(row.xpath("string(dd[@class='act'])").split())
        for row in browser.page.xpath("//section[@aria-labelledby='feeds']//dl/div")
    }


def test_queues_count_what_waits_and_lead_to_it(world: worlds.World, enter: Enter) -> None:
    anna = world.own["account"]
    Account.update(locked_until=now() + timedelta(hours=1)).where(Account.id.in_([anna.id, world.foreign["account"].id])).execute()
    browser = enter("agent")
    browser.get(f"{BASE}/")
    assert queues(browser) == {
        "Locked accounts": "1",
        "E-mails to be changed": "0",
        "Documents to look at again": "0",
        "Mail not delivered": "1",
        "Records put aside": "1",
    }
    for label, shows in (("Locked accounts", anna.name), ("Mail not delivered", "owner@north"), ("Records put aside", "Wrong")):
        browser.get(f"{BASE}/")
        browser.follow(label)
        assert shows in browser.text
        assert worlds.CANARY not in browser.text
    Account.update(locked_until=now() - timedelta(seconds=1)).execute()
    Message.update(state="sent").execute()
    SyncProblem.update(resolved_at=now()).execute()
    browser.get(f"{BASE}/")
    assert set(queues(browser).values()) == {"0"}


def test_a_long_queue_is_not_counted_to_its_end(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Performance, technique 2"""
    monkeypatch.setattr(listing, "COUNTED_UP_TO", 100)
    Message.insert_many(
        [
            {
                "organisation": world.north,
                "kind": "new_invoice",
                "to": "a@example.lt",
                "language": "lt",
                "dedupe_key": f"q{n}",
                "state": "dead",
            }
            for n in range(120)
        ]
    ).execute()
    browser = enter("agent")
    browser.get(f"{BASE}/")
    assert queues(browser)["Mail not delivered"] == "100+"
    browser.get(f"{BASE}/messages/")
    assert "Not delivered 100+" in browser.text


def test_feeds_that_broke_off_or_did_not_come_are_seen(world: worlds.World, enter: Enter) -> None:
    for here in (world.north, world.south):
        settings.change(here, "billing_system", "csv", by=world.people["install_administrator"])
    SyncRun.delete().execute()
    browser = enter("install_administrator")
    browser.get(f"{BASE}/")
    assert set(feeds(browser).values()) == {"Not read tonight"}
    assert queues(browser)["Feeds to look at"] == "2"
    SyncRun.create(organisation=world.north, feed="csv", finished_at=now(), error="the folder is empty")
    SyncRun.create(organisation=world.south, feed="csv", started_at=now() - timedelta(hours=27), finished_at=now() - timedelta(hours=27))
    browser.get(f"{BASE}/")
    assert feeds(browser) == {"North": "Broken off", f"South {worlds.CANARY}": "Not read tonight"}
    SyncRun.create(organisation=world.north, feed="csv", finished_at=now())
    SyncRun.create(organisation=world.south, feed="csv")
    browser.get(f"{BASE}/")
    assert feeds(browser) == {"North": "In order", f"South {worlds.CANARY}": "Being read"}
    assert queues(browser)["Feeds to look at"] == "0"
    SyncRun.create(organisation=world.north, feed="register", finished_at=now(), error="ConnectionError")
    browser = enter("agent")
    browser.get(f"{BASE}/")
    assert feeds(browser) == {"North": "In order", "North: register of legal entities": "Broken off"}


def test_an_organisation_without_a_feed_is_not_missed(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    browser.get(f"{BASE}/")
    assert feeds(browser) == {}
    assert "Feeds to look at" not in queues(browser)


def test_a_property_manager_sees_no_queue_that_is_not_theirs(world: worlds.World, enter: Enter) -> None:
    """N08"""
    Account.update(locked_until=now() + timedelta(hours=1)).execute()
    browser = enter("manager")
    browser.get(f"{BASE}/")
    assert queues(browser) == {"Meters not declared": "1", "Locked accounts": str(4)}  # everyone with access to a contract of the house
    browser.follow("Meters not declared")
    assert "Who has not declared" in browser.text
    browser = enter("manager_elsewhere")
    browser.get(f"{BASE}/")
    assert queues(browser) == {"Meters not declared": "0", "Locked accounts": "0"}
    assert "Liepų" not in browser.text


def test_what_happened_last_leaves_out_who_came_and_went(world: worlds.World, enter: Enter) -> None:
    from rules import events
    from rules.work import unit_of_work

    with unit_of_work():
        events.record("account.phone_changed", world.own["account"], by=world.own["account"], old="", new="+37061111111")
        for _ in range(10):
            events.record("account.signed_in", world.own["account"], by=world.own["account"], known_device=True)
    browser = enter("agent")
    browser.get(f"{BASE}/")
    assert "Phone changed" in browser.text
    assert "Signed in" not in browser.text
    assert Event.select().where(Event.name == "account.signed_in").count() == 10
    assert factories.PASSWORD not in browser.text


# ---- the search box ---------------------------------------------------------------------------------------------------


def headings(browser: Any) -> list[str]:
    return [heading.text_content() for heading in browser.page.xpath("//main//section//h2")]


@pytest.mark.parametrize(
    ("words", "at"),
    [("owner@north.example.lt", "accounts"), ("8 600 00001", "accounts"), ("012345", "contracts"), ("KV1", "meters"), ("sf1", "invoices")],
)
def test_what_is_called_exactly_so_is_opened_at_once(world: worlds.World, enter: Enter, words: str, at: str) -> None:
    """IB-61, CV-37"""
    Account.update(phone="+37060000001", search_key="anna +37060000001").where(Account.id == world.own["account"].id).execute()
    Account.update(phone="", search_key="x").where(Account.id != world.own["account"].id).execute()
    Contract.update(payer_code="01-234 5", payer_code_key="012345").where(Contract.id == world.own["contract"].id).execute()
    browser = enter("agent")
    browser.get(f"{BASE}/search/?{urlencode({'search': words})}")
    row = world.own[{"accounts": "account", "contracts": "contract", "meters": "meter", "invoices": "invoice"}[at]]
    assert browser.at == f"/{at}/{row.public_id}/"


def test_words_find_people_places_and_numbers_in_groups(world: worlds.World, enter: Enter) -> None:
    """IB-61, CV-39"""
    for number in range(6):
        factories.account(world.north, f"more{number}@example.lt", name=f"Liepa {number}")
    browser = enter("agent")
    browser.get(f"{BASE}/search/?search=liepu")
    assert headings(browser) == ["Contracts", "Buildings"]
    browser.get(f"{BASE}/search/?search=liep")
    assert headings(browser) == ["Accounts", "Contracts", "Buildings"]
    assert worlds.CANARY not in browser.text
    browser.follow("Show all (Accounts)")
    assert browser.at == "/accounts/?search=liep"
    assert browser.text.count("Liepa ") == 6


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "What are you looking for?"),
        ("ž", "Type at least three letters"),
        ("nobody", "Nothing fits “nobody”"),
        ("<b>x", "Nothing fits “<b>x”"),
    ],
)
def test_a_search_that_finds_nothing_says_what_to_try(enter: Enter, words: str, says: str) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/search/?{urlencode({'search': words})}")
    assert says in browser.text


def test_the_search_box_finds_only_what_one_may_see(world: worlds.World, enter: Enter) -> None:
    """N08, T23"""
    for who, finds in (("manager", True), ("auditor", True), ("manager_elsewhere", False), ("southern_agent", False)):
        browser = enter(who)
        for words in ("owner@north.example.lt", "SF1", "Anna", "KV1"):
            browser.get(f"{BASE}/search/?{urlencode({'search': words})}")
            assert browser.status == 200
            shown = browser.at + "".join(browser.page.xpath("//main//@href"))
            for kind in ("account", "invoice", "meter"):
                assert finds or str(world.own[kind].public_id) not in shown
            assert not finds or any(str(world.own[kind].public_id) in shown for kind in ("account", "invoice", "meter"))


# ---- what the system has slowed down by itself --------------------------------------------------------------------------


def test_staff_are_told_when_adding_contracts_is_paused_in_their_organisation_alone(world: worlds.World, enter: Enter) -> None:
    """T14: the customers who call are right that it does not work"""
    said = "North: customers cannot add contracts for up to an hour"
    browser = enter("agent")
    for _try in range(proof.BEFORE_PAUSE - 1):
        limits.count("attach-hour", str(world.north.id), limits.HOUR)
    browser.get(f"{BASE}/")
    assert said not in browser.text
    limits.count("attach-hour", str(world.north.id), limits.HOUR)
    for who, is_told in (("agent", True), ("install_administrator", True), ("southern_agent", False)):
        browser = enter(who)
        browser.get(f"{BASE}/")
        assert (said in browser.text) is is_told, who
    Counter.update(window_ends_at=now()).execute()
    browser = enter("agent")
    browser.get(f"{BASE}/")
    assert said not in browser.text


def test_staff_are_told_when_codes_by_mail_are_paused(world: worlds.World, enter: Enter) -> None:
    """T14"""
    browser = enter("agent")
    browser.get(f"{BASE}/")
    assert "Codes by mail are paused" not in browser.text
    for _try in range(confirmations.WRONG_CODES):
        limits.count("wrong-code", "install", limits.HOUR)
    browser.get(f"{BASE}/")
    assert "Codes by mail are paused for up to an hour" in browser.text
