"""One's own account: each thing about it and the one act that changes it; its e-mail only together with customer service."""

from typing import Any

import pytest

from customer.pages.account import device
from models import Account, Consent, Event, Organisation, Session
from rules import email_changes, registration, settings
from tests import factories, letters
from tests.browser import Browser
from tests.conftest import CONFIG

SITE = f"{CONFIG.customer_url}/north"
NEW = "Naujas-zodis-8"


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", "property-management")


@pytest.fixture
def anna(north: Organisation, browser: Browser) -> Account:
    made = factories.account(north)
    browser.enter(made)
    return made


def errors(browser: Browser) -> list[str]:
    return [" ".join(li.text_content().split()) for li in browser.page.xpath("//*[contains(@class, 'error-summary')]//li")]


def elsewhere(app: Any, account: Account) -> Browser:
    """Another browser that is signed in to the same account."""
    made = Browser(app)
    made.enter(account)
    return made


def stranger(app: Any) -> Browser:
    """A browser that is not signed in, of someone who reads English."""
    made = Browser(app)
    made.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return made


def test_the_account_page_shows_everything_and_who_changes_what(browser: Browser, anna: Account) -> None:
    """CV-37, CV-39, PS-07"""
    browser.get("/north/account")

    assert "Name and surname Anna North E-mail anna@example.lt Phone +370 600 00001" in browser.text
    assert "changed through customer service: +370 700 00002 or pagalba@busto-prieziura.example.lt" in browser.text
    assert not browser.page.xpath("//a[contains(@href, 'email')]"), "there is no way to change the e-mail oneself"
    (main,) = browser.page.xpath("//main")
    assert [a.get("href").removeprefix("/north") for a in main.xpath(".//ul//a")] == ["/contracts", "/account/who-looked"]


def test_the_password_is_changed_and_other_browsers_are_signed_out(browser: Browser, anna: Account, customer_app: Any) -> None:
    """CV-36, T50"""
    other = elsewhere(customer_app, anna)
    browser.get("/north/account")
    browser.get("/north/account/password")
    assert "At least 8 characters, 1 capital letter, 1 digit" in browser.text

    browser.submit("Change the password", current=factories.PASSWORD, password=NEW)

    assert browser.at == "/north/account"
    assert "Your password is changed. You have been signed out everywhere else." in browser.text
    other.get("/north/account")
    assert other.at.startswith("/north/sign-in")


@pytest.mark.parametrize(
    ("current", "new", "said"),
    [
        ("Neteisingas-1", NEW, "This is not your present password"),
        (factories.PASSWORD, "be-didziosios-1", "The password must have a capital letter."),
        (factories.PASSWORD, factories.PASSWORD, "The new password must be another one"),
        ("", "", "Enter the password"),
    ],
)
def test_a_password_is_changed_only_by_who_knows_it_and_by_the_rules(
    browser: Browser, anna: Account, current: str, new: str, said: str
) -> None:
    """CV-36, K02"""
    browser.get("/north/account/password")

    browser.submit("Change the password", current=current, password=new)

    assert errors(browser)[0] == said
    assert letters.sent() == []


def test_the_phone_number_is_changed_and_saved(browser: Browser, anna: Account) -> None:
    """CV-38, CV-09"""
    browser.get("/north/account")
    browser.follow("Change (Phone)")

    browser.submit("Save", phone="8 600 00003")

    assert browser.at == "/north/account"
    assert "Your phone number is changed." in browser.text
    assert Account.get().phone == "+37060000003"


def test_what_is_no_phone_number_is_said_with_an_example(browser: Browser, anna: Account) -> None:
    """CV-09, CV-38"""
    browser.get("/north/account/phone")

    browser.submit("Save", phone="+371 20000000")

    assert errors(browser) == ["Enter the phone number as +370 and 8 digits, such as +370 600 00000"]
    assert Account.get().phone == "+37060000001"


def test_saving_the_same_phone_number_changes_nothing(browser: Browser, anna: Account) -> None:
    """CV-38"""
    browser.get("/north/account/phone")
    browser.submit("Save")

    assert browser.at == "/north/account"
    assert "Your phone number is changed." not in browser.text
    assert letters.sent() == []


def test_one_signs_out_of_every_browser_at_once(browser: Browser, anna: Account, customer_app: Any) -> None:
    """T50"""
    other = elsewhere(customer_app, anna)
    browser.get("/north/account")

    browser.submit("Sign out everywhere")

    assert browser.at == "/north/sign-in"
    assert Session.select().count() == 0
    other.get("/north/account")
    assert other.at.startswith("/north/sign-in")


@pytest.mark.parametrize(
    ("user_agent", "known_as"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Chrome, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
    ],
)  # fmt: skip
def test_a_browser_is_called_as_its_owner_knows_it(user_agent: str, known_as: str) -> None:
    """T50"""
    assert device(user_agent) == known_as


# ---- consents ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def farmer(db: object, browser: Browser) -> Account:
    made = factories.account(factories.organisation("north", "agri-group"))
    browser.enter(made)
    return made


def test_each_optional_consent_is_given_and_taken_back_by_itself(browser: Browser, farmer: Account) -> None:
    """K21, AG-06, AG-07"""
    browser.get("/north/account")
    browser.follow("Change (What you have agreed to)")
    value = {name: browser.page.xpath(f"string(//input[@name='consent_{name}']/@value)") for name in ("privacy", "club")}

    browser.submit("Save", consent_privacy=value["privacy"], consent_club=value["club"])
    assert "Your answers are saved." in browser.text
    assert sorted(c.text.kind for c in Consent.select().where(Consent.withdrawn_at.is_null())) == ["club", "privacy"]

    browser.get("/north/account/consents")
    assert [f.get("name") for f in browser.page.xpath("//main//input[@type='checkbox']")] == ["consent_marketing", "consent_club"]
    assert [f.get("name") for f in browser.page.xpath("//main//input[@checked]")] == ["consent_club"]
    browser.submit("Save", consent_club=None)

    assert [c.text.kind for c in Consent.select().where(Consent.withdrawn_at.is_null())] == ["privacy"]
    assert Event.select().where(Event.name == "account.consent_changed").count() == 3


def test_where_nothing_is_left_to_choose_no_choice_is_offered(browser: Browser, anna: Account) -> None:
    """K21, CV-14"""
    browser.get("/north/account")
    browser.follow("Change (What you have agreed to)")
    browser.submit("Save")
    assert errors(browser) == ["Tick that you agree: without it no account can be opened"]

    value = browser.page.xpath("string(//input[@name='consent_privacy']/@value)")
    browser.submit("Save", consent_privacy=value)

    assert browser.at == "/north/account"
    assert not browser.page.xpath("//a[contains(@href, 'consents')]")


# ---- the address of an account that was opened without it -------------------------------------------------------------


def unconfirmed(north: Organisation) -> Account:
    made = factories.account(north, "jonas@example.lt", email_confirmed_at=None)
    registration.send_confirmation(made, site_url=SITE)
    return made


def test_an_address_that_is_not_confirmed_yet_is_said_to_be_and_confirmed_by_the_letter(browser: Browser, north: Organisation) -> None:
    """CV-15"""
    browser.enter(unconfirmed(north))
    browser.get("/north/account")
    assert "Your e-mail address is not confirmed yet" in browser.text
    browser.submit("Send the letter again")
    assert letters.sent() == [("confirm_by_link", "jonas@example.lt")] * 2

    browser.get(letters.path("confirm_by_link"))
    assert Account.get().email_confirmed_at is None
    browser.submit("Confirm my address")

    assert browser.at == "/north/account"
    assert "Your e-mail address is confirmed." in browser.text
    assert "not confirmed yet" not in browser.text


def test_whoever_is_not_signed_in_confirms_the_address_with_the_password(customer_app: Any, north: Organisation) -> None:
    """CV-15, T10"""
    unconfirmed(north)
    reader = stranger(customer_app)
    reader.get(letters.path("confirm_by_link"))

    reader.submit("Confirm my address", password="Kitas-zodis-8")
    assert errors(reader) == ["This is not the password that was chosen when registering"]
    reader.submit("Confirm my address", password=factories.PASSWORD)

    assert Account.get().email_confirmed_at is not None


# ---- a change of e-mail -----------------------------------------------------------------------------------------------


def test_a_change_of_e_mail_takes_effect_with_one_button_at_the_new_address(browser: Browser, anna: Account, customer_app: Any) -> None:
    """CV-37, K10, M04, T56"""
    factories.email_change(anna, "ona@example.lt", SITE)
    reader = stranger(customer_app)

    reader.get(letters.path("email_change_confirm"))
    assert "From then on you sign in with ona@example.lt instead of anna@example.lt" in reader.text
    assert Account.get().email == "anna@example.lt", "a mail scanner that opens the link changes nothing"
    reader.submit("Confirm the new address")

    assert "Your new e-mail address is confirmed." in reader.text
    reader.submit(email="ona@example.lt", password=factories.PASSWORD)
    assert reader.at == "/north/home"
    browser.get("/north/account")
    assert browser.at.startswith("/north/sign-in"), "every earlier session has ended"


def test_the_old_address_stops_the_change_with_one_button(anna: Account, customer_app: Any) -> None:
    """M04"""
    factories.email_change(anna, "ona@example.lt", SITE)
    reader = stranger(customer_app)
    reader.get(letters.path("email_change_notice", "undo_url"))
    assert "ona@example.lt will not become your address" in reader.text

    reader.submit("Stop the change")

    assert "You sign in with anna@example.lt, as before." in reader.text
    reader.get(letters.path("email_change_confirm"))
    assert reader.status == 410


def test_the_old_address_takes_the_change_back_with_one_button(anna: Account, customer_app: Any) -> None:
    """M04, T56"""
    factories.email_change(anna, "ona@example.lt", SITE)
    email_changes.confirm(anna.organisation, letters.secret("email_change_confirm"), site_url=SITE)
    reader = stranger(customer_app)
    reader.get(letters.path("email_changed_old", "undo_url"))
    assert Account.get().email == "ona@example.lt"

    reader.submit("Take the change back")

    reader.submit(email="anna@example.lt", password=factories.PASSWORD)
    assert reader.at == "/north/home"


def test_an_address_is_changed_by_the_customer_where_the_organisation_lets_them(browser: Browser, anna: Account) -> None:
    """K10, T56: with the password, and not before the new address confirms."""
    browser.get("/north/account")
    assert "changed through customer service" in browser.text
    browser.get("/north/account/email")
    assert "Where you are signed in" in browser.text
    settings.change(anna.organisation, "email_change", "self", by="operator")
    browser.get("/north/account")
    assert "changed through customer service" not in browser.text
    browser.get("/north/account/email")
    browser.submit(email="ona@example.lt", current="Neteisingas-1")
    assert "This is not your present password" in browser.text
    browser.submit(email="ona@example.lt", current=factories.PASSWORD)
    assert "We have sent a letter to ona@example.lt" in browser.text
    assert Account.get().email == "anna@example.lt"
    browser.get(letters.path("email_change_confirm"))
    browser.submit("Confirm the new address")
    assert Account.get().email == "ona@example.lt"
