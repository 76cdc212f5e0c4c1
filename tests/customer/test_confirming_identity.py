"""Proving who one is while registering and from an account, once and for one person; and logins elsewhere, which prove nobody."""

from dataclasses import replace
from typing import Any

import pytest

from models import Account, Company, Event, Identity, Representative, Session
from rules import identities, identity_flows, invitations, settings
from rules.work import unit_of_work
from tests import factories, letters
from tests.browser import Browser
from tests.customer import proving
from tests.customer.proving import (
    GOOGLE,
    ONA,
    RASA,
    SITE,
    Elsewhere,
    Phone,
    arrive,
    come_back,
    confirm,
    english,
    events,
    identified,
    proven,
)

phone, google, north, ona = proving.phone, proving.google, proving.north, proving.ona


# ---- registering ------------------------------------------------------------------------------------------------------


def test_whoever_is_unknown_registers_with_their_name_filled_in(visitor: Browser, phone: Phone, db: object) -> None:
    """IB-36..IB-39, IR-05, IR-06"""
    factories.organisation("north", login_smart_id=True, signup_identity="offered", signup_phone=False)
    identified(visitor, phone)
    assert visitor.at.startswith("/north/register?proven=")
    assert "Ona Pavyzdienė" in visitor.text
    assert not visitor.page.xpath("//input[@name='full_name']")
    visitor.submit("Register", email="ona@example.lt", phone="+37060000001", password="Ilgas-zodis-7")
    visitor.submit(code=letters.fact("confirm_by_code", "code"))
    account = Account.get()
    assert (account.name, account.phone, account.identity_confirmed_at is not None) == ("Ona Pavyzdienė", "+37060000001", True)
    assert Identity.get().account == account
    assert events() == ["account.registered", "identity.confirmed", "account.email_confirmed"]
    assert [kind for kind, _ in letters.sent()] == ["confirm_by_code"], "who registers is not told of what they did"
    identified(visitor, phone)
    assert visitor.at == "/north/home"


def test_who_registers_by_a_strong_identity_finds_what_is_in_their_name(
    visitor: Browser, phone: Phone, customer_app: Any, db: object
) -> None:
    """IR-06, K04: one letter says so, and the first page is the statement."""
    north = factories.organisation("north", login_smart_id=True, signup_identity="offered", signup_phone=False, claim_by_identity=True)
    for code, whose in (("44-1", ONA), ("44-2", ONA), ("44-3", RASA)):
        factories.contract(north, code, address=f"Place of {code}", person_digest=proven(whose).digest)
    identified(visitor, phone)
    visitor.submit("Register", email="ona@example.lt", phone="+37060000001", password="Ilgas-zodis-7")
    assert "Place of" not in visitor.text
    visitor.submit(code=letters.fact("confirm_by_code", "code"))
    assert letters.sent()[1:] == [("contract_attached_by_identity", "ona@example.lt")]
    for browser, expected in ((visitor, ["44-1", "44-2"]), (english(customer_app), ["44-1", "44-2", "44-4"])):
        identified(browser, phone)
        assert browser.at == "/north/home"
        browser.get("/north/contracts")
        assert [f"44-{number}" for number in range(1, 5) if f"Place of 44-{number}" in browser.text] == expected
        if browser is visitor:
            factories.contract(north, "44-4", address="Place of 44-4", person_digest=proven(ONA).digest)


def test_an_account_is_never_found_by_its_e_mail(visitor: Browser, phone: Phone, db: object) -> None:
    """T58, T47: the address of an account that somebody else has opened; its owner gets the letter."""
    north = factories.organisation("north", login_smart_id=True, signup_identity="offered")
    theirs = factories.account(north, "ona@example.lt")
    identified(visitor, phone)
    visitor.submit("Register", email="ona@example.lt", phone="+37060000001", password="Ilgas-zodis-7")
    assert letters.sent() == [("already_registered", "ona@example.lt")]
    visitor.submit(code="123456")
    assert Account.get() == theirs
    assert Identity.select().count() == 0


def test_a_person_registers_once_however_often_they_begin(visitor: Browser, phone: Phone, customer_app: Any, db: object) -> None:
    """T60: of two registrations of one person the one that is confirmed first counts."""
    factories.organisation("north", login_smart_id=True, signup_identity="offered")
    other, codes = english(customer_app), []
    for browser, email in ((visitor, "ona@example.lt"), (other, "ona2@example.lt")):
        identified(browser, phone)
        browser.submit("Register", email=email, phone="+37060000001", password="Ilgas-zodis-7")
        codes.append(letters.fact("confirm_by_code", "code"))
    visitor.submit(code=codes[0])
    other.submit(code=codes[1])
    assert "confirmed for another account of yours" in other.text
    assert [account.email for account in Account.select()] == ["ona@example.lt"]


def test_heads_prove_who_they_are_and_employees_register_by_e_mail(visitor: Browser, phone: Phone, db: object) -> None:
    """IB-36, IB-49, K22"""
    factories.organisation("north", "energy-business")
    visitor.get("/north/register")
    visitor.follow("Company head")
    assert visitor.page.xpath("//nav[@class='switch']/a[@aria-current]")[0].text == "Company head"
    assert not visitor.page.xpath("//input[@name='email']")
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=ONA.code)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert {"email", "phone", "password"} <= set(visitor.page.xpath("//input/@name"))
    visitor.get("/north/register")
    assert not visitor.page.xpath("//input[@name='phone']")
    assert "Smart-ID" not in visitor.text


def test_an_invited_authorised_person_proves_who_they_are_while_registering(visitor: Browser, phone: Phone, db: object) -> None:
    """IB-45, IB-47: the invitation is still there when they come back from the phone."""
    north = factories.organisation(
        "north", login_smart_id=True, signup_identity="heads", identity_for_authorised="strong", signup_names="none"
    )
    company = Company.create(organisation=north, name="UAB Pavyzdys", code="999000017")
    invitations.invite_by_staff(
        company, email="ona@example.lt", access_type="authorised_person", reason="x", site_url=SITE, by=factories.staff(north)
    )
    visitor.get(letters.path("company_invitation"))
    visitor.follow("Register")
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=ONA.code)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert {"UAB Pavyzdys", "Ona Pavyzdienė"} <= {word for word in ("UAB Pavyzdys", "Ona Pavyzdienė") if word in visitor.text}
    visitor.submit("Register", phone="+37060000001", password="Ilgas-zodis-7")
    visitor.submit(code=letters.fact("confirm_by_code", "code"))
    account = Account.get()
    assert account.identity_confirmed_at is not None
    assert Representative.get().account == account
    visitor.get("/north/register")
    with visitor.client.session_transaction(base_url="http://localhost", path="/north/") as cookie:
        assert "invitation" not in cookie


# ---- confirming at an account -----------------------------------------------------------------------------------------


def test_what_needs_identity_leads_there_and_back_to_where_one_was(visitor: Browser, phone: Phone, db: object) -> None:
    """AG-10, AG-18..AG-22, K03, T48"""
    north = factories.organisation("north", login_smart_id=True, identity_for_everything="strong")
    account = factories.account(north)
    visitor.enter(account)
    visitor.get("/north/invoices")
    assert "valid for 3 years" in visitor.text
    before = Session.get().digest
    confirm(visitor, phone)
    assert visitor.at == "/north/invoices"
    assert Account.get().identity_confirmed_at is not None
    assert Session.get().digest != before
    assert letters.sent() == [("way_in_added", account.email)]


def test_who_showed_staff_a_document_confirms_it_once_from_the_account(visitor: Browser, phone: Phone, db: object) -> None:
    """K03, T41: then it opens the account, and before it does not."""
    north = factories.organisation("north", login_smart_id=True)
    account = factories.account(north)
    document = replace(proven(ONA), method="document", level="desk")
    with unit_of_work():
        identities.attach(account, document, by=factories.staff(north), reason="At the desk")
    visitor.enter(account)
    visitor.get("/north/account")
    visitor.follow("Confirm it yourself too")
    confirm(visitor, phone)
    assert visitor.at == "/north/account"
    assert "Confirm it yourself too" not in visitor.text
    assert Identity.get().level == "high"


def test_the_first_page_says_what_waits_for_identity(visitor: Browser, phone: Phone, db: object) -> None:
    """K03, IB-47"""
    north = factories.organisation("north", login_smart_id=True, identity_for_authorised="strong")
    account = factories.account(north)
    factories.holds(account, factories.contract(north), "authorised_person")
    visitor.enter(account)
    visitor.get("/north/home")
    visitor.follow("Confirm")
    confirm(visitor, phone)
    assert visitor.at == "/north/home"
    assert "Confirm who you are" not in visitor.text


def test_a_form_that_needs_identity_comes_back_filled_in(visitor: Browser, phone: Phone, db: object) -> None:
    """K03, T65"""
    north = factories.organisation("north", login_smart_id=True, sharing=True)
    account = factories.account(north)
    held = factories.holds(account, factories.contract(north))
    visitor.enter(account)
    path = f"/north/contracts/{held.contract.public_id}/share"
    visitor.get(path)
    form = dict(next(form for form in visitor.page.forms if "email" in form.fields).form_values()) | {"email": "jonas@example.lt"}
    settings.change(north, "identity_for_sharing", "strong", by="operator")
    visitor.page = None
    visitor.post(path, form, headers={"Sec-Fetch-Site": "same-origin"})
    assert visitor.at.startswith("/north/identity?need=strong")
    confirm(visitor, phone)
    assert visitor.at == path
    assert visitor.page.xpath("//input[@name='email']/@value") == ["jonas@example.lt"]
    assert letters.sent() == [("way_in_added", account.email)], "nothing was shared yet"


def test_one_person_has_one_account_and_staff_learn_of_the_second(visitor: Browser, phone: Phone, ona: Account) -> None:
    """T60: refused in plain words, never joined by itself."""
    second = factories.account(ona.organisation, "second@example.lt")
    visitor.enter(second)
    visitor.get("/north/identity")
    confirm(visitor, phone)
    assert "confirmed for another account of yours" in visitor.text
    assert Account.get_by_id(second.id).identity_confirmed_at is None
    event = Event.get(Event.name == "identity.collided")
    assert (event.account, event.facts) == (second, {"method": "smart_id", "other": ona.id})


def test_an_account_is_of_one_person(visitor: Browser, phone: Phone, ona: Account) -> None:
    visitor.enter(ona)
    visitor.get("/north/prove/confirm/with/smart_id")
    visitor.submit("Continue", personal_code=RASA.code)
    arrive(visitor, phone, RASA)
    visitor.submit("Continue")
    assert "another person has confirmed" in visitor.text
    assert identities.strong(ona).first_name == "Ona"


# ---- logins elsewhere -------------------------------------------------------------------------------------------------


def test_a_login_elsewhere_opens_an_account_only_once_linked(visitor: Browser, google: Elsewhere, db: object) -> None:
    """IB-11, T58: linked with the password, unlinked with it, and never enough for what needs an identity."""
    north = factories.organisation("north", login_social=True)
    account = factories.account(north)
    visitor.get("/north/sign-in")
    visitor.submit("Google")
    come_back(visitor, google)
    assert "not linked to an account here" in visitor.text

    visitor.enter(account)
    visitor.get("/north/account")
    visitor.follow("Link")
    visitor.submit("Continue", current="wrong-one-1")
    assert "not your present password" in visitor.text
    visitor.submit("Continue", current=factories.PASSWORD)
    come_back(visitor, google)
    assert visitor.at == "/north/account"
    assert Account.get().identity_confirmed_at is None
    visitor.submit("Sign out")

    visitor.submit("Google")
    come_back(visitor, google)
    assert visitor.at == "/north/home"
    visitor.get("/north/account")
    visitor.follow("Unlink")
    visitor.submit("Unlink", current=factories.PASSWORD)
    assert Identity.get().ended_by == "customer"
    visitor.get("/north/account")
    visitor.submit("Sign out")
    visitor.submit("Google")
    come_back(visitor, google)
    assert "not linked to an account here" in visitor.text
    assert [name for name in events() if name.startswith("identity")] == ["identity.linked", "identity.unlinked"]


def test_a_login_elsewhere_cannot_confirm_who_somebody_is(visitor: Browser, google: Elsewhere, db: object) -> None:
    """K03"""
    north = factories.organisation("north", login_social=True)
    visitor.enter(factories.account(north))
    assert visitor.client.get("/north/prove/confirm/with/google").status_code == 404
    with pytest.raises(identity_flows.Refused):
        identities.confirm(Account.get(), proven(GOOGLE))
