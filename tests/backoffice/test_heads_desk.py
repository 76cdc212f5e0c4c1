"""Heads of companies in the backoffice: who sees them, who sees a personal code and is seen to, what staff enter and let pass."""

from typing import Any

from models import Company, Event, Head, Message, SyncProblem, SyncRun, now
from rules import heads, looks, personal_codes, register
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter
from tests.rules.test_heads import JONAS, place, prove, take

BASE = "/backoffice"
CODE = "40504040001"  # of the head in the world


def page_of(head: Any) -> str:
    return f"{BASE}/heads/{head.public_id}/"


def test_a_personal_code_stands_on_the_page_of_a_head_for_who_may_see_it_and_in_no_list(world: worlds.World, enter: Enter) -> None:
    """IB-55"""
    head = world.own["head"]
    for who, sees in (("agent", True), ("administrator", True), ("auditor", False)):
        browser = enter(who)
        browser.get(f"{BASE}/heads/")
        assert "Rasa Vadovas" in browser.text
        assert CODE not in browser.text
        browser.get(page_of(head))
        assert (CODE in browser.text) == sees, who
    for who, path in (("manager", "/heads/"), ("southern_agent", page_of(head).removeprefix(BASE))):
        browser = enter(who)
        browser.get(f"{BASE}{path}")
        assert browser.status == 404


def test_each_look_at_a_head_is_written_down_whether_or_not_the_person_has_an_account(world: worlds.World, enter: Enter) -> None:
    """M02"""
    head = world.own["head"]
    about = (Event.name == "account.viewed") & (Event.subject == f"head:{head.id}")
    browser = enter("agent")
    for _ in range(2):
        browser.get(page_of(head))
    assert [event.actor for event in Event.select().where(about)] == [f"staff:{world.people['agent'].id}"]
    rasa = factories.account(world.north, "rasa@example.lt")
    prove(rasa, CODE)
    enter("administrator").get(page_of(head))
    assert [event.facts["of"] for event in Event.select().where((Event.name == "account.viewed") & (Event.account == rasa))] == ["head"]
    assert looks.page(rasa).rows[0].event == "account.viewed"


def test_an_agent_enters_a_head_from_a_document_and_ends_it(world: worlds.World, enter: Enter) -> None:
    """IB-31, IB-32"""
    jonas = factories.account(world.north, "jonas@example.lt")
    prove(jonas, JONAS)
    company: Any = world.own["company"]
    browser = enter("agent")
    browser.get(f"{BASE}/companies/{company.public_id}/")
    browser.follow("Enter a head from a document")
    entered = {
        "first_name": "Jonas", "last_name": "Pavyzdys", "country": "LT", "since_on": "2026-11-01",
        "document": "Protokolas Nr. 7", "reason": "Registras dar nepakeistas",
    }  # fmt: skip
    browser.submit("Enter a head from a document", **entered, personal_code="30303039915")
    assert "Enter the personal code: 11 digits, as in the identity document" in browser.text
    browser.submit("Enter a head from a document", **entered, personal_code=JONAS)
    head = Head.get(Head.source == "staff")
    assert f"{company.name}: the head was entered" in browser.text
    assert "Jonas Pavyzdys" in browser.text
    assert JONAS not in browser.text
    browser.get(page_of(head))
    assert "Protokolas Nr. 7" in browser.text
    assert place(jonas, company) == "company_head"
    browser.follow("End")
    browser.submit("End", reason="Klaida")
    assert "Jonas Pavyzdys: no longer heads the company" in browser.text
    assert place(jonas, company) == ""


def test_who_may_not_change_heads_is_not_offered_to_and_a_head_of_the_register_is_ended_by_nobody(
    world: worlds.World, enter: Enter
) -> None:
    """IB-31"""
    head = world.own["head"]
    browser = enter("auditor")
    company = world.own["company"]
    browser.get(f"{BASE}/companies/{company.public_id}/")
    assert "Enter a head" not in browser.text
    browser.get(f"{BASE}/companies/enter-head/?ids={company.public_id}")
    assert browser.status == 404
    browser = enter("administrator")
    browser.get(page_of(head))
    assert not [link for link in browser.page.iter("a") if "/heads/end/" in link.get("href", "")]
    browser.get(f"{BASE}/heads/end/?ids={head.public_id}")
    browser.submit("End", reason="Noriu")
    assert "The register names this head" in browser.text


def test_a_run_that_waits_is_let_pass_by_an_administrator_with_a_reason(world: worlds.World, enter: Enter) -> None:
    """T12"""
    run = SyncRun.create(organisation=world.north, feed="register", finished_at=now(), error=register.WAITS)
    held = SyncProblem.create(
        organisation=world.north, run=run, kind=register.HELD, reference="", reference_digest="held", message=register.WOULD_END,
        facts={"ending": 7, "heads": 9, "those": [world.own["head"].id, world.foreign["head"].id]},
    )  # fmt: skip
    path = f"{BASE}/sync-problems/{held.public_id}/"
    browser = enter("agent")
    browser.get(path)
    assert "would end 7 of 9 heads" in browser.text
    assert "Rasa Vadovas UAB Uosis" in browser.text
    assert worlds.CANARY not in browser.text
    assert "Let it pass" not in browser.text
    browser.get(f"{BASE}/sync-problems/let-pass/?ids={held.public_id}")
    assert browser.status == 404
    browser = enter("administrator")
    browser.get(f"{BASE}/sync-runs/")
    assert "Register of legal entities" in browser.text
    browser.get(path)
    browser.follow("Let it pass")
    browser.submit("Let it pass", reason="Likviduotos įmonės")
    assert SyncProblem.get_by_id(held.id).facts["passes_until"]


def test_no_page_address_letter_or_file_tells_a_personal_code(world: worlds.World, enter: Enter) -> None:
    """Besides the one page that is for it."""
    company: Any = Company.get_by_id(world.own["company"].id)
    jonas = factories.account(world.north, "jonas@example.lt")
    prove(jonas, JONAS)
    take(company, JONAS)
    take(company)
    heads.enter(
        company, first_name="Jonas", last_name="P", personal_code=JONAS, since_on=None, document="D", reason="R", by=world.people["agent"]
    )
    browser = enter("administrator")
    shown = []
    for path in (
        "/heads/",
        "/heads/?tab=ended",
        "/events/",
        "/messages/",
        "/sync-problems/",
        "/",
        "/search/?search=Jonas",
        f"/accounts/{jonas.public_id}/",
    ):
        browser.get(f"{BASE}{path}")
        assert browser.status == 200, path
        shown.append(browser.text)
    browser.get(f"{BASE}/heads/?search={JONAS}")
    shown += [repr(one) for one in Message.select().dicts()]
    assert not [text for text in shown if JONAS in text]
    assert personal_codes.unseal(Head.get(Head.source == "staff").code_sealed) == JONAS
