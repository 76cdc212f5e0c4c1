"""The door: in by the password, out for good, and back in when a lock or a forgotten password stands in the way."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

import web
from models import Account, Event, Organisation, Session
from rules import accounts, lockouts
from tests import factories, letters
from tests.browser import Browser
from tests.conftest import CONFIG

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NEW = "Naujas-zodis-8"


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", "district-heating")


@pytest.fixture
def anna(north: Organisation) -> Account:
    return factories.account(north)


def sign_in(browser: Browser, password: str = factories.PASSWORD, email: str = "anna@example.lt") -> None:
    browser.get("/north/sign-in")
    browser.submit(email=email, password=password)


def errors(browser: Browser) -> list[str]:
    return [" ".join(li.text_content().split()) for li in browser.page.xpath("//*[contains(@class, 'error-summary')]//li")]


def another(app: Any) -> Browser:
    """Another browser, of someone who reads English."""
    made = Browser(app)
    made.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return made


# ---- in and out -------------------------------------------------------------------------------------------------------


def test_one_signs_in_with_e_mail_and_password_and_the_page_helps_who_cannot(visitor: Browser, anna: Account) -> None:
    """PS-04, IB-07"""
    visitor.get("/north/")
    assert visitor.at.startswith("/north/sign-in")
    assert {"Forgotten your password?", "Register"} <= {" ".join(a.text_content().split()) for a in visitor.page.xpath("//main//a")}

    visitor.submit(email="anna@example.lt", password=factories.PASSWORD)

    assert visitor.at == "/north/home"
    assert [e.name for e in Event.select().where(Event.account == anna)] == ["account.signed_in"]


def test_a_wrong_password_is_refused_and_the_address_stays(visitor: Browser, anna: Account) -> None:
    """IB-60"""
    sign_in(visitor, "Neteisingas-1")

    assert errors(visitor) == ["The e-mail or the password is not right. Check both and try again."]
    assert visitor.page.xpath("string(//input[@name='email']/@value)") == "anna@example.lt"
    assert Session.select().count() == 0


def test_an_empty_form_says_what_to_enter(visitor: Browser, anna: Account) -> None:
    """PS-04"""
    sign_in(visitor, "", "")

    assert errors(visitor) == ["Enter your e-mail address", "Enter the password"]


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("/north/invoices", "/north/invoices"),
        ("https://evil.example/", "/north/home"),
        ("//evil.example/", "/north/home"),
        ("/\\evil.example", "/north/home"),
        ("/south/home", "/north/home"),
    ],
)
def test_after_signing_in_one_is_where_one_wanted_to_go_but_never_elsewhere(
    visitor: Browser, anna: Account, target: str, where: str
) -> None:
    """T67"""
    visitor.get("/north/sign-in?next=" + target)

    visitor.submit(email="anna@example.lt", password=factories.PASSWORD)

    assert visitor.at == where


def test_whoever_is_signed_in_needs_no_door(visitor: Browser, anna: Account) -> None:
    sign_in(visitor)

    visitor.get("/north/sign-in")

    assert visitor.at == "/north/home"


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(visitor: Browser, anna: Account) -> None:
    """T49"""
    sign_in(visitor)
    kept = visitor.client.get_cookie("savitarna-customer", path="/north/")
    visitor.submit("Sign out")
    assert visitor.at == "/north/sign-in"

    visitor.client.set_cookie("savitarna-customer", kept.value, path="/north/")
    visitor.get("/north/account")

    assert visitor.at.startswith("/north/sign-in")
    assert Event.select().where(Event.name == "account.signed_out").count() == 1


def test_signing_in_begins_a_new_session_and_forgets_what_the_browser_brought(visitor: Browser, anna: Account) -> None:
    """T48"""
    sign_in(visitor)
    with visitor.client.session_transaction("/", base_url="http://localhost/north") as cookie:
        first = cookie[f"sid-{anna.organisation_id}"]
        cookie["brought"] = "by somebody"
    visitor.get("/north/account")
    visitor.submit("Sign out")

    sign_in(visitor)

    with visitor.client.session_transaction("/", base_url="http://localhost/north") as cookie:
        assert cookie[f"sid-{anna.organisation_id}"] != first
        assert "brought" not in cookie


def test_a_form_without_its_token_signs_nobody_in(visitor: Browser, anna: Account) -> None:
    """T64"""
    response = visitor.client.post("/north/sign-in", data={"email": "anna@example.lt", "password": factories.PASSWORD})

    assert response.status_code == 400
    assert Session.select().count() == 0


def test_the_browser_is_known_by_a_cookie_that_no_script_reads(visitor: Browser, anna: Account) -> None:
    """M05, T52"""
    visitor.get("/north/sign-in")
    token = visitor.page.xpath("string(//input[@name='csrf_token']/@value)")

    answer = visitor.client.post("/north/sign-in", data={"email": "anna@example.lt", "password": factories.PASSWORD, "csrf_token": token})

    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("device="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/north/", "Max-Age=31536000"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ],
)
def test_tries_are_counted_by_network_in_whichever_way_the_server_writes_it(customer_app: Any, address: str, network: str) -> None:
    """T42, T53: on a socket for both kinds of address all of IPv4 would else be one network."""
    with customer_app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert web.source() == network


# ---- a lock -----------------------------------------------------------------------------------------------------------


def lock(browser: Browser) -> None:
    for n in range(5):
        sign_in(browser, f"Neteisingas-{n}")


def test_whoever_is_locked_out_reads_until_when_and_how_not_to_wait(visitor: Browser, anna: Account) -> None:
    """IB-60, IB-61, M05"""
    with travel(NOON, tick=False):
        lock(visitor)

    assert visitor.at == "/north/locked"
    assert "Sign-in is locked until 20 Nov 2026, 20:00" in visitor.text
    assert "Trying again does not make the lock longer" in visitor.text
    assert "+370 421 00005" in visitor.text


def test_a_login_name_that_nobody_has_is_shown_the_same_page(visitor: Browser, anna: Account) -> None:
    """IB-60, T47"""
    with travel(NOON, tick=False):
        for _ in range(5):
            sign_in(visitor, email="nobody@example.lt")

    assert "Sign-in is locked until 20 Nov 2026, 20:00" in visitor.text
    assert letters.sent() == []


def test_the_link_of_the_letter_unlocks_with_one_button(visitor: Browser, anna: Account) -> None:
    """M05"""
    lock(visitor)

    visitor.get(letters.path("account_locked", "unlock_url"))
    assert Account.get().locked_until is not None, "opening the link does nothing yet"
    visitor.submit("Unlock my account")

    assert "You can sign in again." in visitor.text
    sign_in(visitor)
    assert visitor.at == "/north/home"
    visitor.get(letters.path("account_locked", "unlock_url"))
    assert visitor.status == 410


def test_the_letter_is_sent_again_on_request(visitor: Browser, anna: Account) -> None:
    """M05"""
    lock(visitor)

    visitor.submit("Send the letter again")

    assert "If there is an account with this e-mail, the letter is on its way." in visitor.text
    assert letters.sent() == [("account_locked", "anna@example.lt")] * 2


def test_a_browser_that_was_here_before_signs_in_while_others_are_locked_out(visitor: Browser, anna: Account, customer_app: Any) -> None:
    """M05"""
    sign_in(visitor)
    visitor.submit("Sign out")
    stranger = another(customer_app)
    with travel(datetime.now(UTC) + timedelta(minutes=6)):
        lock(stranger)
        assert stranger.at == "/north/locked"

        sign_in(visitor)

    assert visitor.at == "/north/home"


def test_when_the_password_is_turned_off_the_page_leads_to_a_new_one(visitor: Browser, anna: Account) -> None:
    """T43"""
    for days in range(2):
        with travel(NOON - timedelta(days=2 - days), tick=False):
            for n in range(50):
                lockouts.failed(
                    lockouts.of_customers(anna.organisation), "anna@example.lt", f"203.{days}.{n}.0/24", None, after=5, hours=6, person=anna
                )

    sign_in(visitor)

    assert visitor.at == "/north/locked"
    assert "This password is turned off" in visitor.text
    visitor.follow("Set a new password")
    assert visitor.at == "/north/forgotten-password"


def test_nobody_reads_about_a_lock_who_has_not_met_one(visitor: Browser, anna: Account) -> None:
    visitor.get("/north/locked")

    assert visitor.at == "/north/sign-in"


# ---- a forgotten password ---------------------------------------------------------------------------------------------


def test_a_forgotten_password_is_replaced_by_mail(visitor: Browser, anna: Account) -> None:
    """PS-04, K02, T46"""
    visitor.get("/north/sign-in")
    visitor.follow("Forgotten your password?")
    visitor.submit("Send the link", email="anna@example.lt")
    assert "We have sent a letter to anna@example.lt. Its link is good for 30 minutes." in visitor.text

    link = letters.path("reset_password")
    visitor.get(link)
    visitor.get(link)
    visitor.submit("Set the password", password="ilgasis-zodis")
    assert errors(visitor) == ["The password must have a capital letter. The password must have a digit."]
    visitor.submit("Set the password", password=NEW)

    assert "Your new password is set. Sign in with it." in visitor.text
    visitor.get(link)
    assert visitor.status == 410
    visitor.follow("Have a new link sent")
    sign_in(visitor, NEW)
    assert visitor.at == "/north/home"


def test_what_is_no_address_is_said_to_be_none(visitor: Browser, anna: Account) -> None:
    visitor.get("/north/forgotten-password")

    visitor.submit("Send the link", email="anna")

    assert errors(visitor) == ["Enter an e-mail address, such as name@example.lt"]


def test_links_in_mail_are_made_from_the_configuration_not_from_the_request(visitor: Browser, anna: Account) -> None:
    """T66"""
    visitor.get("/north/forgotten-password", headers={"Host": "evil.example"})
    token = visitor.page.xpath("string(//input[@name='csrf_token']/@value)")
    sent = {"csrf_token": token, "form_key": "k" * 22, "email": "anna@example.lt"}
    visitor.client.post("/north/forgotten-password", data=sent, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})

    assert letters.fact("reset_password", "url").startswith(f"{CONFIG.customer_url}/north/reset-password/")


@pytest.mark.parametrize("page", ["reset-password", "unlock", "register/confirm", "confirm-email", "confirm-new-email", "undo-email"])
def test_a_link_that_nobody_sent_says_that_it_no_longer_works(visitor: Browser, anna: Account, page: str) -> None:
    """T46"""
    visitor.get(f"/north/{page}/{'x' * 32}")

    assert visitor.status == 410
    assert "This link no longer works" in visitor.text
    assert visitor.response.headers["Referrer-Policy"] == "same-origin"
    assert visitor.response.headers["Cache-Control"] == "no-store"


def test_every_link_of_a_letter_leads_to_a_page(visitor: Browser, north: Organisation, anna: Account) -> None:
    """T46, CV-37"""
    site = f"{CONFIG.customer_url}/north"
    accounts.ask_password_reset(north, "anna@example.lt", source="192.0.2.0/24", language="en", site_url=site)
    factories.email_change(anna, "ona@example.lt", site)
    lock(visitor)

    for kind, name in (
        ("reset_password", "url"),
        ("email_change_confirm", "url"),
        ("email_change_notice", "undo_url"),
        ("account_locked", "unlock_url"),
    ):
        visitor.get(letters.path(kind, name))
        assert visitor.status == 200, kind
        assert visitor.page.xpath("//main//form//button"), kind
