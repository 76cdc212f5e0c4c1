"""Whoever knows the password of an account, and no more, adds no way in of their own: the account's mailbox has to agree (T48, T50, T60)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from customer.pages.identity import LATELY
from integrations.identity import available
from models import Account, Confirmation, Counter, Identity, IdentityFlow, Organisation, now
from rules import confirmations, freezes, identities, identities_at_desk, settings, ways_in
from rules.work import unit_of_work
from tests import factories, letters
from tests.browser import Browser
from tests.customer import proving
from tests.customer.proving import GOOGLE, ONA, RASA, Elsewhere, Phone, arrive, come_back, english, events, proven

phone, google, north = proving.phone, proving.google, proving.north
LONG_AGO = timedelta(days=300)


def known(here: Organisation, **changes: Any) -> Account:
    """A customer of long standing, called Anna North."""
    return factories.account(here, **{"email_confirmed_at": now() - LONG_AGO} | changes)


def confirms(visitor: Browser, phone: Phone, who: Any = ONA) -> None:
    """Whoever knows the password, up to what comes after the phone."""
    visitor.get("/north/prove/confirm/with/smart_id")
    visitor.submit("Continue", personal_code=who.code, current=factories.PASSWORD)
    arrive(visitor, phone, who)
    visitor.submit("Continue")


def test_the_password_alone_adds_nobody(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T48, T60: somebody of another name is asked for a code that only the account's mailbox has; without it nothing is there."""
    account = known(north)
    visitor.enter(account)
    confirms(visitor, phone)
    assert visitor.at.endswith("/code")
    assert letters.sent() == [("way_in_code", account.email)]
    guess = "000000" if letters.fact("way_in_code", "code") != "000000" else "111111"
    visitor.submit("Confirm", code=guess)
    assert "The code is not right" in visitor.text
    visitor.post(f"{visitor.at.removesuffix('/code')}/finish")
    assert (Identity.select().count(), Account.get().identity_confirmed_at) == (0, None)
    assert events() == []


def test_with_the_code_of_the_letter_one_goes_on_where_one_was(visitor: Browser, phone: Phone, db: object) -> None:
    """K03, AG-18, T65: the form still filled in."""
    north = factories.organisation("north", login_smart_id=True, sharing=True)
    account = known(north)
    held = factories.holds(account, factories.contract(north))
    visitor.enter(account)
    path = f"/north/contracts/{held.contract.public_id}/share"
    visitor.get(path)
    form = dict(next(form for form in visitor.page.forms if "email" in form.fields).form_values()) | {"email": "jonas@example.lt"}
    settings.change(north, "identity_for_sharing", "strong", by="operator")
    visitor.page = None
    visitor.post(path, form, headers={"Sec-Fetch-Site": "same-origin"})
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=ONA.code, current=factories.PASSWORD)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert "make sure that it is you" in visitor.text
    code = letters.fact("way_in_code", "code")
    visitor.submit("Confirm", code=f"{code[:3]} {code[3:]}")
    assert visitor.at == path
    assert visitor.page.xpath("//input[@name='email']/@value") == ["jonas@example.lt"]
    assert [kind for kind, _to in letters.sent()] == ["way_in_code", "way_in_added"]
    assert Confirmation.get(Confirmation.purpose == "add_way_in").used_at


@pytest.mark.parametrize(
    ("name", "who", "is_asked"),
    [
        ("Pavyzdiene Ona", ONA, False),
        ("ONA PAVYZDIENĖ", ONA, False),
        ("Ona", ONA, True),
        ("Rasa Pavyzdienė", ONA, True),
        ("UAB „Ona Pavyzdienė“", ONA, True),
        ("", replace(ONA, first_name="", last_name=""), True),
    ],
)
def test_who_has_the_name_of_the_account_needs_no_code(
    visitor: Browser, phone: Phone, north: Organisation, name: str, who: Any, is_asked: bool
) -> None:
    """IB-39: whatever the order of its words, their marks and capitals; no name is nobody's."""
    visitor.enter(known(north, name=name))
    confirms(visitor, phone, who)
    assert visitor.at.endswith("/code") is is_asked
    assert Identity.select().count() == (not is_asked)


def test_who_has_just_shown_that_the_mailbox_is_theirs_needs_no_code(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """IB-38: who registered a moment ago typed a code of that mailbox already."""
    account = factories.account(north)
    visitor.enter(account)
    with time_machine.travel(now() + ways_in.CONFIRMED_LATELY - timedelta(minutes=1)):
        confirms(visitor, phone)
    assert Identity.get().account == account


def test_an_address_that_nobody_has_confirmed_adds_nobody(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T10, CV-15: whoever opened an account with another's address becomes nobody in it, of whatever name; nor if it is so only at the end."""
    account = known(north, email_confirmed_at=None, name="Ona Pavyzdienė")
    visitor.enter(account)
    visitor.get("/north/prove/confirm/with/smart_id")
    visitor.submit("Continue", personal_code=ONA.code, current=factories.PASSWORD)
    assert "First, confirm your e-mail address" in visitor.text
    assert phone.wishes == []
    Account.update(email_confirmed_at=now()).execute()
    visitor.submit("Continue", current=factories.PASSWORD)
    arrive(visitor, phone, ONA)
    Account.update(email_confirmed_at=None).execute()
    visitor.submit("Continue")
    assert "First, confirm your e-mail address" in visitor.text
    assert Identity.select().count() == 0


def test_a_login_elsewhere_is_linked_with_the_code_too(visitor: Browser, google: Elsewhere, db: object) -> None:
    """IB-11, T58: once; coming by it later asks nothing."""
    north = factories.organisation("north", login_social=True)
    visitor.enter(known(north))
    visitor.get("/north/account")
    visitor.follow("Link")
    visitor.submit("Continue", current=factories.PASSWORD)
    come_back(visitor, google)
    assert visitor.at.endswith("/code")
    assert Identity.select().count() == 0
    visitor.submit("Confirm", code=letters.fact("way_in_code", "code"))
    assert visitor.at == "/north/account"
    assert Identity.get().code_digest == proven(GOOGLE).digest


def test_whom_the_account_is_known_to_be_of_links_a_login_without_a_code(
    visitor: Browser, phone: Phone, north: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IB-11: for five minutes after proving it once more."""
    google = Elsewhere()
    google.answer = GOOGLE
    monkeypatch.setattr(available, "methods", lambda config, slug: {"smart_id": phone, "google": google})
    settings.change(north, "login_social", True, by="operator")
    account = known(north)
    identities.confirm(account, proven(ONA))
    visitor.enter(account)
    visitor.get("/north/prove/confirm/with/smart_id")
    visitor.submit("Continue", personal_code=ONA.code)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    visitor.get("/north/prove/link/with/google")
    visitor.submit("Continue")
    come_back(visitor, google)
    assert visitor.at == "/north/account"
    assert Identity.select().count() == 2
    with time_machine.travel(now() + LATELY + timedelta(seconds=1)):
        visitor.get("/north/prove/link/with/google")
    assert visitor.page.xpath("//input[@name='current']")


def test_what_staff_saw_in_a_document_is_proven_with_the_code_too(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """K03, T41: until then nobody but staff has said that the account is of that person."""
    account = known(north)
    with unit_of_work():
        identities.attach(account, replace(proven(ONA), method="document", level="desk"), by=factories.staff(north), reason="At the desk")
    visitor.enter(account)
    confirms(visitor, phone)
    assert Identity.get().level == "desk"
    visitor.submit("Confirm", code=letters.fact("way_in_code", "code"))
    assert Identity.get().level == "high"


def test_who_is_refused_anyway_is_not_asked_for_a_code_first(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T60, M04"""
    account, other = known(north), factories.account(north, "ona@example.lt")
    identities.confirm(other, proven(ONA))
    visitor.enter(account)
    confirms(visitor, phone)
    assert "confirmed for another account of yours" in visitor.text
    freezes.begin(account, now())
    confirms(visitor, phone, RASA)
    assert "changed lately" in visitor.text
    assert "way_in_code" not in dict(letters.sent())


def test_a_person_whom_staff_unlinked_comes_back_with_the_code_while_the_account_is_frozen(
    visitor: Browser, phone: Phone, north: Organisation
) -> None:
    """M04, T41"""
    account = known(north)
    made = identities.confirm(account, proven(ONA))
    identities_at_desk.unlink(made, reason="Asked", by=factories.staff(north), site_url=proving.SITE)
    visitor.enter(account)
    confirms(visitor, phone)
    visitor.submit("Confirm", code=letters.fact("way_in_code", "code"))
    assert identities.is_proven(account)


def test_the_code_is_of_the_browser_that_began(visitor: Browser, phone: Phone, north: Organisation, customer_app: Any) -> None:
    """T45: who has talked the owner into reading it out somewhere else has nothing of it; nor has another flow."""
    account, thief = known(north), english(customer_app)
    for browser in (thief, visitor):
        browser.enter(account)
        confirms(browser, phone)
    at, code = thief.at, letters.fact("way_in_code", "code")
    thief.submit("Confirm", code=code)
    assert "The code is not right" in thief.text or "no longer good" in thief.text
    visitor.get(at)
    assert visitor.status == 404
    assert Identity.select().count() == 0


def test_another_code_ends_the_one_before_and_there_are_five_a_day(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T44"""
    visitor.enter(known(north))
    confirms(visitor, phone)
    first = letters.fact("way_in_code", "code")
    for _ in range(ways_in.LETTERS - 1):
        visitor.submit("Send a new code")
        assert "new code is on its way" in visitor.text
    visitor.submit("Confirm", code=first)
    assert "The code is not right" in visitor.text
    visitor.submit("Send a new code")
    assert "as many letters to this address today" in visitor.text
    assert len(letters.sent()) == ways_in.LETTERS
    visitor.submit("Cancel")
    assert IdentityFlow.get().person_sealed == ""


def test_who_asks_for_letters_in_one_network_does_not_keep_the_owners_away(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T44, T62: five of one network; but fifteen of all together, for every code is one more to guess."""
    visitor.enter(known(north))
    for network in range(4):
        visitor.client.environ_base["REMOTE_ADDR"] = f"198.51.{network}.7"
        confirms(visitor, phone)
        assert visitor.at.endswith("/code") is (network < 3)
        for _ in range(ways_in.LETTERS if network < 3 else 0):
            visitor.submit("Send a new code")
        assert len(letters.sent()) == min(network + 1, 3) * ways_in.LETTERS


def test_tries_are_counted_and_a_code_is_soon_over(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T44: the right one after five wrong ones is none; nor is it after its minutes."""
    visitor.enter(known(north))
    confirms(visitor, phone)
    at, code = visitor.at, letters.fact("way_in_code", "code")
    for _ in range(5):
        visitor.submit("Confirm", code=f"{(int(code) + 1) % 1_000_000:06}")
    visitor.submit("Confirm", code=code)
    assert "no longer good" in visitor.text
    visitor.submit("Send a new code")
    with time_machine.travel(now() + timedelta(minutes=10, seconds=1)):
        visitor.get(at)
        assert "or it took too long" in visitor.text
    assert Identity.select().count() == 0


def test_while_codes_are_guessed_none_is_sent_and_it_is_said(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T44"""
    from rules import limits

    for _ in range(confirmations.WRONG_CODES):
        limits.count("wrong-code", "install", limits.HOUR)
    assert Counter.select().exists()
    visitor.enter(known(north))
    confirms(visitor, phone)
    assert "Try again in an hour" in visitor.text
    assert letters.sent() == []
