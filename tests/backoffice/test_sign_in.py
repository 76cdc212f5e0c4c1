"""The door: password and code together, an invitation, the way out, and what a session is good for."""

from datetime import timedelta
from typing import Any

import pyotp
import pytest

from models import Confirmation, Device, Event, Message, Session, Staff, now
from rules import access, sessions, staff
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter
from tests.browser import Browser
from tests.factories import PASSWORD

BASE = "/backoffice"


def code(person: Staff, steps: int = 0) -> str:
    return pyotp.TOTP(person.totp_secret).at(now() + timedelta(seconds=30 * steps))


@pytest.fixture
def visitor(world: worlds.World, staff_app: Any) -> Browser:
    """Someone who has not signed in and reads English."""
    browser = Browser(staff_app, prefix="/backoffice")
    browser.get(f"{BASE}/language/en")
    return browser


def test_a_colleague_comes_in_works_and_leaves(world: worlds.World, visitor: Browser) -> None:
    """N10"""
    person = world.people["agent"]
    visitor.get(f"{BASE}/accounts/?tab=locked")
    assert visitor.at.startswith("/sign-in?next=")
    visitor.submit(email=f" {person.email.upper()}", password=PASSWORD, code=code(person))
    assert visitor.at == "/accounts/?tab=locked"
    assert "Agnė" in visitor.text
    visitor.submit(button="Sign out")
    assert visitor.at == "/sign-in"
    visitor.get(f"{BASE}/accounts/")
    assert visitor.at.startswith("/sign-in")
    assert {e.name for e in Event.select().where(Event.actor == f"staff:{person.id}")} == {"staff.signed_in", "staff.signed_out"}


def test_a_code_is_typed_as_the_app_shows_it(world: worlds.World, visitor: Browser) -> None:
    """N10: apps show it in two halves."""
    person = world.people["agent"]
    visitor.get(f"{BASE}/sign-in")
    shown = code(person)
    field = visitor.page.xpath("//input[@name='code']")[0]
    assert len(f"{shown[:3]} {shown[3:]}") <= int(field.get("maxlength"))
    visitor.submit(email=person.email, password=PASSWORD, code=f"{shown[:3]} {shown[3:]}")
    assert visitor.at == "/"


@pytest.mark.parametrize("left_out", ["password", "code", "both"])
def test_no_page_opens_without_the_second_factor(world: worlds.World, visitor: Browser, left_out: str) -> None:
    """N10"""
    person = world.people["administrator"]
    visitor.get(f"{BASE}/sign-in")
    visitor.submit(
        email=person.email,
        password="" if left_out in ("password", "both") else PASSWORD,
        code="" if left_out in ("code", "both") else code(person),
    )
    assert visitor.page.xpath("//*[@class='error-summary']")
    assert not Session.select().where(Session.staff == person).exists()
    for rule in visitor.app.url_map.iter_rules():
        if rule.arguments or visitor.app.config["ROUTES"][rule.endpoint] == access.ANYONE or "GET" not in rule.methods:
            continue
        visitor.get(f"{BASE}{rule.rule}")
        assert visitor.at.startswith("/sign-in") or visitor.status == 404, rule


def test_what_is_wrong_is_not_said_and_nothing_typed_in_secret_comes_back(world: worlds.World, visitor: Browser) -> None:
    """T47"""
    answers = []
    for email, password, given in (
        (world.people["agent"].email, "Neteisingas", code(world.people["agent"])),
        (world.people["agent"].email, PASSWORD, "123456"),
        ("nobody@example.com", PASSWORD, "123456"),
        (world.people["owner"].email, PASSWORD, "123456"),  # a customer
    ):
        visitor.get(f"{BASE}/sign-in")
        visitor.submit(email=email, password=password, code=given)
        answers.append(visitor.text)
        assert password not in visitor.response.get_data(as_text=True)
        assert "The e-mail, the password or the code is not right" in visitor.text
    assert len(set(answers)) == 1


def test_the_fifth_wrong_try_locks_and_the_page_says_until_when(world: worlds.World, visitor: Browser) -> None:
    """T42"""
    person = world.people["agent"]
    for _ in range(5):
        visitor.get(f"{BASE}/sign-in")
        visitor.submit(email=person.email, password="Neteisingas", code="123456")
    assert "You can sign in again from this device after" in visitor.text
    visitor.get(f"{BASE}/sign-in")
    visitor.submit(email=person.email, password=PASSWORD, code=code(person))
    assert "Too many wrong tries" in visitor.text
    assert not Session.select().exists()


def test_a_browser_that_was_here_before_is_known(world: worlds.World, visitor: Browser, staff_app: Any) -> None:
    """M05"""
    person = world.people["agent"]
    visitor.get(f"{BASE}/sign-in")
    visitor.submit(email=person.email, password=PASSWORD, code=code(person))
    assert Device.select().where(Device.staff == person).count() == 1
    visitor.submit(button="Sign out")
    stranger = Browser(staff_app, prefix="/backoffice")
    for _ in range(5):
        stranger.get(f"{BASE}/sign-in")
        stranger.submit(email=person.email, password="Neteisingas", code="123456")
    visitor.get(f"{BASE}/sign-in")
    visitor.submit(email=person.email, password=PASSWORD, code=code(person, 1))
    assert "Waiting for you" in visitor.text
    assert Device.select().where(Device.staff == person).count() == 1


def test_a_session_ends_after_a_quarter_of_silence_and_after_eight_hours(world: worlds.World, enter: Enter) -> None:
    """T51"""
    browser = enter("agent")

    def opens(**moved: Any) -> bool:
        Session.update(**moved).execute()
        browser.get(f"{BASE}/")
        return not browser.at.startswith("/sign-in")

    assert opens(last_seen_at=now() - timedelta(minutes=14, seconds=55))
    assert not opens(last_seen_at=now() - timedelta(minutes=15, seconds=1))
    browser = enter("agent")
    assert opens(last_seen_at=now(), expires_at=now() + timedelta(seconds=5))
    assert not opens(expires_at=now() - timedelta(seconds=1))
    enter("agent")
    newest = Session.select().order_by(Session.id.desc()).get()
    assert newest.expires_at - newest.created_at == timedelta(hours=8)


def test_a_copied_cookie_is_worth_nothing_after_signing_out(world: worlds.World, visitor: Browser, staff_app: Any) -> None:
    """T49"""
    person = world.people["agent"]
    visitor.get(f"{BASE}/sign-in")
    visitor.submit(email=person.email, password=PASSWORD, code=code(person))
    name = staff_app.config["SESSION_COOKIE_NAME"]
    copied = visitor.client.get_cookie(name, path="/backoffice/").value
    visitor.submit(button="Sign out")
    thief = staff_app.test_client()
    thief.set_cookie(name, copied, path="/backoffice/")
    assert thief.get("/accounts/", base_url="http://localhost/backoffice").status_code == 302


def test_an_invitation_is_opened_by_its_link_and_leads_in(world: worlds.World, visitor: Browser) -> None:
    """N10"""
    link = staff.invite(
        "rasa@example.com", "agent", organisation=world.north, by=world.people["administrator"], staff_url="http://localhost/backoffice",
        name="Rasa Naujokė", language="en",
    )  # fmt: skip
    path = link.removeprefix("http://localhost")
    before = worlds.snapshot()
    visitor.get(path)
    visitor.get(path)  # as mail scanners do, and people who come back
    assert worlds.snapshot() == before
    assert "Welcome, Rasa Naujokė" in visitor.text
    picture = visitor.page.xpath("//*[contains(@class, 'qr')]")[0]
    assert picture.xpath(".//*[local-name()='path']")
    secret = visitor.page.xpath("string(//*[@class='secret'])").replace(" ", "")
    visitor.submit(password="keturi zali traukiniai", code="000000")
    assert "not the one that the app shows now" in visitor.text
    assert visitor.page.xpath("string(//*[@class='secret'])").replace(" ", "") == secret
    visitor.submit(password="keturi zali traukiniai", code=pyotp.TOTP(secret).now())
    assert visitor.at == "/"
    assert "Rasa Naujokė" in visitor.text
    visitor.get(path)
    assert visitor.status == 404
    assert "This invitation is over" in visitor.text


def test_an_administrator_invites_and_the_mail_has_the_link(world: worlds.World, enter: Enter, visitor: Browser) -> None:
    browser = enter("administrator")
    browser.get(f"{BASE}/staff/")
    browser.follow("Invite a colleague")
    assert not browser.page.xpath("//input[@name='organisation']")  # there is only one's own
    browser.submit(email="rasa@example.com", name="Rasa Naujokė", role="auditor", language="en")
    assert "Rasa Naujokė: added" in browser.text
    person = Staff.get(Staff.email == "rasa@example.com")
    assert (person.role, person.organisation_id) == ("auditor", world.north.id)
    url = Message.get(Message.kind == "staff_invitation").facts["url"]
    visitor.get(url.removeprefix("http://127.0.0.1:8000"))
    assert "Welcome, Rasa Naujokė" in visitor.text
    browser.get(f"{BASE}/staff/new/")
    browser.submit(email="rasa@example.com", name="Rasa", role="agent", language="en")
    assert "Someone with this e-mail address works here already" in browser.text
    assert Confirmation.select().where(Confirmation.purpose == "invite_staff").count() == 1
    browser.get(f"{BASE}/staff/new/")
    browser.submit(email="Rasa@Įmonė.example.com", name="Rasa kita", role="agent", language="en")  # kept as mail servers write it
    assert "Rasa kita: added" in browser.text


def test_an_invitation_taken_up_in_a_browser_that_is_signed_in_ends_that_session(world: worlds.World, enter: Enter) -> None:
    """T48"""
    browser, administrator = enter("administrator"), world.people["administrator"]
    url = staff.invite("rasa@example.com", "agent", organisation=world.north, by=administrator, staff_url="http://x/backoffice")
    browser.get(url.removeprefix("http://x"))
    browser.submit(password="Keturi zodziai is galvos", code=pyotp.TOTP(staff.totp_secret(url.rpartition("/")[2])).at(now()))
    assert browser.at == "/"
    assert [row.staff.email for row in Session.select()] == ["rasa@example.com"]


def test_staff_of_the_whole_install_choose_the_organisation(world: worlds.World, enter: Enter) -> None:
    browser = enter("install_administrator")
    browser.get(f"{BASE}/staff/new/")
    browser.submit(email="rasa@example.com", name="Rasa", role="property_manager", language="lt", organisation="")
    assert "A property manager belongs to one organisation" in browser.text
    browser.submit(email="rasa@example.com", name="Rasa", role="property_manager", language="lt", organisation="North")
    assert Staff.get(Staff.email == "rasa@example.com").organisation_id == world.north.id


def test_an_agent_invites_nobody(world: worlds.World, enter: Enter) -> None:
    """T30"""
    browser = enter("agent")
    for path in ("/staff/", "/staff/new/", f"/staff/invite/?ids={world.people['auditor'].public_id}"):
        browser.get(f"{BASE}{path}")
        assert browser.status == 404


# ---- two sites, two secrets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["owner", "administrator"])
def test_a_cookie_of_one_site_opens_nothing_on_the_other_even_renamed(
    world: worlds.World, customer_app: Any, staff_app: Any, who: str
) -> None:
    """N10, T35"""
    sites = {customer_app: ("http://localhost/north", "/"), staff_app: ("http://localhost/backoffice", "/accounts/")}
    here = customer_app if who == "owner" else staff_app
    there = staff_app if who == "owner" else customer_app
    secret = sessions.open_for(world.people[who])
    cookie = here.session_interface.get_signing_serializer(here).dumps({"sid": secret, f"sid-{world.north.id}": secret})
    base, page = sites[there]
    for name in (here.config["SESSION_COOKIE_NAME"], there.config["SESSION_COOKIE_NAME"]):
        thief = there.test_client()
        thief.set_cookie(name, cookie)
        answer = thief.get(page, base_url=base) if there is staff_app else thief.get("/north/account", base_url="http://localhost")
        assert answer.status_code == 302
        assert "/sign-in" in answer.location
    # With the other site's own key the same secret still opens nothing: a session is a customer's or a colleague's.
    forged = there.session_interface.get_signing_serializer(there).dumps({"sid": secret, f"sid-{world.north.id}": secret})
    thief = there.test_client()
    thief.set_cookie(there.config["SESSION_COOKIE_NAME"], forged)
    answer = thief.get(page, base_url=base) if there is staff_app else thief.get("/north/account", base_url="http://localhost")
    assert answer.status_code == 302


def test_the_cookie_is_bound_to_the_backoffice(world: worlds.World, visitor: Browser) -> None:
    """T52"""
    person = factories.staff(world.north)
    visitor.get(f"{BASE}/sign-in")
    token = visitor.page.xpath("//input[@name='csrf_token']/@value")[0]
    answer = visitor.client.post(
        "/sign-in",
        base_url="http://localhost/backoffice",
        data={"email": person.email, "password": PASSWORD, "code": code(person), "csrf_token": token},
    )
    assert answer.status_code == 303
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/backoffice/" in cookie


def test_the_language_is_chosen_before_and_after_signing_in(world: worlds.World, visitor: Browser) -> None:
    visitor.get(f"{BASE}/language/lt?next=/backoffice/sign-in")
    assert visitor.page.get("lang") == "lt"
    visitor.get(f"{BASE}/accounts/?search=anna")
    was = visitor.at
    visitor.follow("English")
    assert (visitor.page.get("lang"), visitor.at) == ("en", was)  # the same page, and from there on to where one wanted to go
    assert "accounts" in was
    visitor.get(f"{BASE}/language/en?next=//evil.example")
    assert visitor.page.get("lang") == "en"
    assert visitor.at.startswith("/sign-in")
    visitor.get(f"{BASE}/language/ru")
    assert visitor.status == 404
