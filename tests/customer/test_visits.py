"""Staff see the site as a customer sees it: with the customer's leave, for a quarter of an hour, and nothing changes (M03, N03, T41)."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from time_machine import travel

import web
from models import Account, EmailChange, Event, Session, Staff, Visit, now
from rules import access, sessions, visits
from rules.refusal import Refused
from tests import letters, world as worlds
from tests.browser import Browser
from tests.test_access import THINGS, address, rules_of, values_for
from tests.together import at_once

ENTRANCE = "http://localhost"


@pytest.fixture
def world(db: object) -> worlds.World:
    made = worlds.build()
    Visit.delete().execute()
    EmailChange.delete().execute()
    return made


def enter(world: worlds.World, app: Any, who: str, prefix: str = "") -> Browser:
    browser = Browser(app, prefix=prefix)
    browser.enter(world.people[who]) if not prefix else world.sign_in(browser, who)
    return browser


def begun(world: worlds.World, app: Any, who: str = "agent", whose: str = "owner") -> Browser:
    """A browser of staff that sees the site as a customer does, who read the code out."""
    agent, account = world.people[who], world.people[whose]
    assert isinstance(agent, Staff)
    assert isinstance(account, Account)
    visit = visits.ask(account, reason="She cannot find her bill", by=agent)
    visits.enter_code(visit, code=letters.fact("visit_asked", "code"), by=agent)
    visit = Visit.get_by_id(visit.id)
    browser = Browser(app)
    browser.get(f"/north/visit/{visit.public_id}/{visits.token(visit)}")
    browser.submit(form=0)
    return browser


def test_an_agent_asks_the_customer_reads_a_code_out_and_both_see_what_happens(
    world: worlds.World, staff_app: Any, customer_app: Any
) -> None:
    """M03, N03, M02: the whole way, in three browsers."""
    anna: Any = world.people["owner"]
    desk, customer = enter(world, staff_app, "agent", "/backoffice"), enter(world, customer_app, "owner")
    desk.get(f"/backoffice/accounts/{anna.public_id}/")
    desk.follow("See as the customer")
    desk.submit(reason="She cannot find her bill")
    assert "the customer has been asked" in desk.text
    customer.get("/north/account")
    assert "Customer service asks to see the site as you see it" in customer.text
    assert "She cannot find her bill" in customer.text
    (code,) = re.findall(r"read this code out: (\d{4})", customer.text)
    assert code == letters.fact("visit_asked", "code")
    desk.follow("Enter the code")
    desk.submit(code="12 34" if code != "1234" else "4321")
    assert "The code is not right" in desk.text
    assert Visit.get().tries == 1, "a wrong try is not taken back with the page that refuses it"
    desk.submit(code=code)
    (link,) = desk.page.xpath("//a[contains(@href, '/visit/')]/@href")
    assert link.startswith("http://127.0.0.1:8000/north/visit/"), "the other site's own address, as the configuration has it"
    visitor = Browser(customer_app)
    visitor.get(link.removeprefix("http://127.0.0.1:8000"))
    assert not Session.select().where(Session.visit.is_null(False)).exists(), "opening the link changes nothing"
    visitor.submit(form=0)
    assert f"You see the site as {anna.name} sees it" in visitor.text
    assert "15 minutes left" in visitor.text
    visitor.get("/north/account")
    assert "Customer service is looking" not in visitor.text
    customer.get("/north/account")
    assert "Customer service is looking at your account now" in customer.text
    assert customer.text.count("Last seen") == 1, "a visit is no browser of hers"

    visitor.submit("End")

    assert "Svetainės kliento akimis nebematote" in visitor.text
    visitor.get("/north/home")
    assert anna.name not in visitor.text
    assert letters.sent()[-1] == ("visit_over", anna.email)
    customer.get("/north/account/who-looked")
    assert "Saw the site as you see it" in customer.text
    assert "Reason: She cannot find her bill" in customer.text
    agent: Any = world.people["agent"]
    told = [(e.actor, e.subject) for e in Event.select().where(Event.name.startswith("account.visit_")).order_by(Event.id)]
    assert told == [(f"staff:{agent.id}", f"account:{anna.id}")] * 4


def test_nothing_changes_whatever_is_sent_or_opened_during_a_visit(world: worlds.World, customer_app: Any) -> None:
    """M03, N03, T41: every route, with every method that it knows."""
    visitor, sent, shown = begun(world, customer_app), 0, 0
    visitor.get("/north/home")
    token = visitor.page.xpath("string(//input[@name='csrf_token']/@value)")
    before = worlds.snapshot()
    for rule in rules_of(customer_app):
        if rule.endpoint in ("visits.end",):
            continue
        table = THINGS.get(rule.endpoint) or THINGS.get(rule.endpoint.partition(".")[0])
        for ownership in ("own", "missing"):
            path = address(customer_app, rule, values_for(rule, world, ownership, table), "/north")
            for method in sorted(rule.methods - {"OPTIONS"}):
                once = {"form_key": uuid.uuid4().hex, "csrf_token": token, "value": "7", "email": "thief@example.lt", "current": "x"}
                answer = visitor.client.open(path, base_url=ENTRANCE, method=method, data=once if method not in ("GET", "HEAD") else None)
                if method in ("GET", "HEAD"):
                    shown += answer.status_code == 200
                    is_for_visitors = access.CUSTOMER_ROUTES[rule.endpoint] != access.ANYONE or rule.endpoint.startswith(
                        ("visits", "home", "health")
                    )
                    assert is_for_visitors or answer.status_code == 403, (method, path, answer.status_code)
                elif rule.endpoint in web.SENT_ON:
                    assert answer.status_code == 303, "it is only sent on as a GET, which is refused above"
                elif rule.endpoint != "visits.begin":
                    sent += 1
                    assert answer.status_code in (403, 404), (method, path, answer.status_code)
    assert worlds.snapshot() == before
    assert (sent > 25, shown > 12) == (True, True), (sent, shown)


def test_a_visit_shows_no_code_and_no_button_of_what_it_may_not_do(world: worlds.World, customer_app: Any) -> None:
    """M03: nothing that opens something else, and `access.allows` says no as well."""
    visitor = begun(world, customer_app)
    contract = world.own["contract"]
    visitor.get(f"/north/contracts/{contract.public_id}")
    assert visitor.status == 200
    assert "/share" not in "".join(visitor.page.xpath("//main//a/@href"))
    anna = visits.checked(next(iter(_signed_in())))
    assert anna is not None
    for deed in sorted(access.CUSTOMER_DEEDS | dict.fromkeys(access.OWN_DEEDS)):
        shows = deed.endswith(".view") or deed == "account.use"
        assert not access.allows(anna, deed) or shows, deed
    assert access.contracts_allowing(anna, "reading.declare") == []
    assert visits.code_for(anna) is None


def _signed_in() -> Any:
    return Account.select(Account, Session).join(Session, on=(Session.account == Account.id)).where(Session.visit.is_null(False))


def test_a_code_is_guessed_three_times_and_lives_ten_minutes(world: worlds.World) -> None:
    """M03, T44"""
    anna, agent = world.people["owner"], world.people["agent"]
    visit = visits.ask(anna, reason="x", by=agent)
    code = letters.fact("visit_asked", "code")
    for n in range(visits.CODE_TRIES):
        with pytest.raises(Refused, match="not right"):
            visits.enter_code(visit, code=f"{(int(code) + n + 1) % 10**4:04}", by=agent)
    with pytest.raises(Refused, match="no longer good"):
        visits.enter_code(visit, code=code, by=agent)
    again = visits.ask(anna, reason="x", by=agent)
    with travel(now() + visits.CODE_GOOD, tick=False), pytest.raises(Refused, match="no longer good"):
        visits.enter_code(again, code=letters.fact("visit_asked", "code"), by=agent)


def test_only_whoever_asked_enters_the_code_and_only_an_administrator_decides_without_it(world: worlds.World, staff_app: Any) -> None:
    """M03, T30, T41"""
    anna, agent, admin = world.people["owner"], world.people["agent"], world.people["administrator"]
    visit = visits.ask(anna, reason="x", by=agent)
    code = letters.fact("visit_asked", "code")
    with pytest.raises(Refused, match="Only whoever asked"):
        visits.enter_code(visit, code=code, by=admin)
    assert [role for role, deeds in access.STAFF_DEEDS.items() if "visit.override" in deeds] == ["administrator"]
    with pytest.raises(Refused, match="reason"):
        visits.override(visit, reason=" ", by=admin)
    desk = enter(world, staff_app, "administrator", "/backoffice")
    desk.get(f"/backoffice/visits/{visit.public_id}/")
    desk.follow("Allow without the customer")
    desk.submit(reason="She is in hospital, her daughter called")
    assert not desk.page.xpath("//a[contains(@href, '/visit/')]"), "the way in is for whoever asked alone"
    allowed = Visit.get_by_id(visit.id)
    assert (allowed.allowed_how, allowed.allowed_by_id, visits.may_begin(allowed, agent)) == ("administrator", admin.id, True)


def test_no_administrator_decides_for_themselves(world: worlds.World, staff_app: Any) -> None:
    """M03, T41"""
    anna, admin = world.people["owner"], world.people["administrator"]
    visit = visits.ask(anna, reason="Curious", by=admin)
    with pytest.raises(Refused) as no:
        visits.override(visit, reason="I say so", by=admin)
    assert no.value.message == visits.OWN
    desk = enter(world, staff_app, "administrator", "/backoffice")
    desk.get(f"/backoffice/visits/{visit.public_id}/")
    assert "Allow without the customer" not in desk.text
    assert Visit.get_by_id(visit.id).allowed_at is None


def test_who_may_visit_no_longer_neither_enters_the_code_nor_begins(world: worlds.World) -> None:
    """T39, T41"""
    anna, agent = world.people["owner"], world.people["agent"]
    visit = visits.ask(anna, reason="x", by=agent)
    Staff.update(role="property_manager").where(Staff.id == agent.id).execute()
    with pytest.raises(Refused, match="Only whoever asked"):
        visits.enter_code(visit, code=letters.fact("visit_asked", "code"), by=Staff.get_by_id(agent.id))
    visits.enter_code(visit, code=letters.fact("visit_asked", "code"), by=agent)
    with pytest.raises(Refused, match="no longer good"):
        visits.begin(Visit.get_by_id(visit.id), "test")


def test_the_link_works_once_and_for_two_minutes(world: worlds.World, customer_app: Any) -> None:
    """M03"""
    anna, agent = world.people["owner"], world.people["agent"]
    visit = visits.ask(anna, reason="x", by=agent)
    visits.enter_code(visit, code=letters.fact("visit_asked", "code"), by=agent)
    allowed = Visit.get_by_id(visit.id)
    with pytest.raises(Refused):
        visits.find(world.north, visit.public_id, "x" * 64)
    with pytest.raises(Refused):
        visits.find(world.south, visit.public_id, visits.token(allowed))
    with travel(now() + visits.LINK_GOOD, tick=False), pytest.raises(Refused):
        visits.begin(allowed, "test")
    answers = at_once(20, lambda _: visits.begin(Visit.get_by_id(visit.id), "test"))
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert Session.select().where(Session.visit == visit).count() == 1


def test_of_twenty_who_ask_for_one_account_one_does(world: worlds.World) -> None:
    """M03"""
    anna, agent = world.people["owner"], world.people["agent"]
    at_once(20, lambda _: visits.ask(anna, reason="x", by=agent))
    assert Visit.select().where(Visit.ended_at.is_null()).count() == 1


@pytest.mark.parametrize("what_ends_it", ["time", "customer", "dismissed", "another role", "signed out everywhere"])
def test_a_visit_ends_at_once(world: worlds.World, customer_app: Any, what_ends_it: str) -> None:
    """M03, T39, T41"""
    visitor, later = begun(world, customer_app), now()
    anna: Any = world.people["owner"]
    visitor.get("/north/home")
    assert "You see the site as" in visitor.text
    if what_ends_it == "time":
        later += visits.LASTS
    elif what_ends_it == "customer":
        customer = enter(world, customer_app, "owner")
        customer.get("/north/account")
        customer.submit("End it now")
        assert "Nobody looks at your account any more" in customer.text
    elif what_ends_it == "dismissed":
        Staff.update(is_active=False).where(Staff.id == world.people["agent"].id).execute()
    elif what_ends_it == "another role":
        Staff.update(role="property_manager").where(Staff.id == world.people["agent"].id).execute()
    else:
        sessions.end_all(anna)
    with travel(later + timedelta(seconds=1), tick=False):
        visitor.get("/north/home")
        assert "nebematote" in visitor.text
        assert anna.name not in visitor.text
        visits.end_expired()
        assert what_ends_it not in ("time", "customer") or letters.sent()[-1] == ("visit_over", anna.email)


def test_a_customer_is_not_asked_all_day(world: worlds.World) -> None:
    """T41"""
    anna, agent = world.people["owner"], world.people["agent"]
    for _ in range(visits.OF_ONE_A_DAY):
        visits.leave(visits.ask(anna, reason="x", by=agent), by=agent)
    with pytest.raises(Refused, match="too often"):
        visits.ask(anna, reason="x", by=agent)
