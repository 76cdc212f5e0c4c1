"""Whoever holds an open session, a shared computer or somebody's old page gets no way in by it (T48, T50, T57-T60)."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from integrations.identity import NotIdentified, Person, available
from models import Account, Confirmation, Identity, IdentityFlow, Session, now
from rules import access, identities, identity_flows, sessions, settings
from rules.refusal import Refused
from tests import factories, letters
from tests.browser import Browser
from tests.customer import proving
from tests.customer.proving import GOOGLE, ONA, RASA, Elsewhere, Phone, arrive, begin, come_back, identified, proven

phone, google, north, ona = proving.phone, proving.google, proving.north, proving.ona


def confirms(visitor: Browser, phone: Phone, who: Person, **typed: str) -> None:
    """From the account's page to what comes after the phone."""
    visitor.get("/north/identity")
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=who.code, **typed)


def test_an_open_session_is_not_enough_to_confirm_who_somebody_is(visitor: Browser, phone: Phone, north: Any) -> None:
    """T48, T60: whoever sits at another's computer does not become them."""
    visitor.enter(factories.account(north))
    confirms(visitor, phone, RASA)
    assert phone.wishes == []
    confirms(visitor, phone, RASA, current="wrong-one-1")
    assert "not your present password" in visitor.text
    assert phone.wishes == []
    confirms(visitor, phone, ONA, current=factories.PASSWORD)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert Identity.get().first_name == "Ona"


@pytest.mark.parametrize("was_known", [True, False])
def test_whom_the_account_is_known_to_be_of_links_without_its_password(
    visitor: Browser, phone: Phone, north: Any, monkeypatch: pytest.MonkeyPatch, was_known: bool
) -> None:
    """IB-11: not whoever became that a moment ago."""
    monkeypatch.setattr(available, "methods", lambda config, slug: {"smart_id": phone, "google": Elsewhere()})
    settings.change(north, "login_social", True, by="operator")
    account = factories.account(north)
    if was_known:
        identities.confirm(account, proven(ONA))
    visitor.enter(account)
    visitor.get("/north/prove/confirm/with/smart_id")
    assert bool(visitor.page.xpath("//input[@name='current']")) is not was_known
    visitor.submit("Continue", personal_code=ONA.code, **({} if was_known else {"current": factories.PASSWORD}))
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    visitor.get("/north/prove/link/with/google")
    assert bool(visitor.page.xpath("//input[@name='current']")) is not was_known


def test_each_flow_of_a_method_asks_for_the_password_where_it_is_asked(visitor: Browser, phone: Phone, north: Any) -> None:
    """IB-09: the code to scan and the app on this phone too."""
    visitor.enter(factories.account(north))
    for flow, button in (("QR", "Show the code"), ("Web2App", "Open Smart-ID")):
        visitor.get("/north/prove/confirm/with/smart_id")
        ids = visitor.page.xpath("//input[@type='password']/@id")
        assert len(set(ids)) == len(ids) == 3
        visitor.submit(button, current=factories.PASSWORD)
        assert phone.wishes[-1].flow == flow
        assert IdentityFlow.select().where(IdentityFlow.purpose == "confirm").exists()


def test_another_browser_does_not_grow_with_the_account(visitor: Browser, phone: Phone, north: Any) -> None:
    """T50: a session of before the identity was confirmed, or a login linked, ends; that of whoever did it stays."""
    account = factories.account(north)
    elsewhere = sessions.open_for(account)
    visitor.enter(account)
    confirms(visitor, phone, ONA, current=factories.PASSWORD)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert sessions.customer(elsewhere, north) is None
    assert Session.select().count() == 1
    here, elsewhere = sessions.open_for(account), sessions.open_for(account)
    identities.link(account, proven(GOOGLE), session=here)
    assert sessions.customer(here, north) == account
    assert sessions.customer(elsewhere, north) is None


def test_the_letter_takes_away_what_somebody_else_has_added(visitor: Browser, phone: Phone, ona: Account) -> None:
    """T50: by a button, once, with every session; then another password is asked for."""
    path = letters.fact("way_in_added", "not_me_url").partition("lt")[2]
    mallory = sessions.open_for(ona)
    visitor.get(path)
    assert "Smart-ID" in visitor.text
    assert Identity.get().ended_at is None, "opening it changes nothing"
    visitor.submit("Take it away")
    assert visitor.at == "/north/forgotten-password"
    assert Identity.get().ended_by == "customer"
    assert Account.get().identity_confirmed_at is None
    assert sessions.customer(mallory, ona.organisation) is None
    visitor.get(path)
    assert visitor.status == 410
    begin(visitor)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert "no account here does yet" in visitor.text
    assert Confirmation.get().used_at


def test_who_comes_next_to_a_shared_computer_is_not_whoever_was_before(visitor: Browser, phone: Phone, db: object) -> None:
    """T57: "Not you?" forgets the person, and so does another beginning."""
    factories.organisation("north", login_smart_id=True, signup_identity="offered", signup_phone=False)
    identified(visitor, phone)
    at = visitor.at
    assert "Ona Pavyzdienė" in visitor.text
    visitor.submit("Not you? Begin again")
    visitor.get(at)
    assert "Ona Pavyzdienė" not in visitor.text
    assert IdentityFlow.get().person_sealed == ""

    identified(visitor, phone)
    at = visitor.at
    begin(visitor, code=RASA.code)
    visitor.get(at)
    assert "Ona Pavyzdienė" not in visitor.text
    assert [flow.person_sealed for flow in IdentityFlow.select()] == ["", "", ""]


@pytest.mark.parametrize("flow", ["google", "confirm", "account"])
def test_only_who_has_proven_who_they_are_registers_with_that(visitor: Browser, phone: Phone, flow: str, db: object) -> None:
    """K22, T57: no login elsewhere, and nothing that was begun at an account."""
    north = factories.organisation("north", login_smart_id=True, signup_identity="offered")
    begin(visitor)
    row = IdentityFlow.get()
    identity_flows.settle(row, identity_flows.IDENTIFIED, asdict(GOOGLE if flow == "google" else ONA))
    if flow != "google":
        row.purpose, row.account = flow if flow == "confirm" else "sign_in", factories.account(north) if flow == "account" else None
        row.save()
    visitor.get(f"/north/register?proven={row.public_id}")
    assert "It is confirmed who you are" not in visitor.text


# ---- how well it is known who it is (K03) -----------------------------------------------------------------------------


def test_a_login_elsewhere_does_not_open_what_needs_an_identity(visitor: Browser, google: Elsewhere, db: object) -> None:
    """K03: of an account whose identity is confirmed, too; proving it once more does."""
    north = factories.organisation("north", login_social=True, identity_for_everything="strong")
    account = factories.account(north)
    identities.confirm(account, proven(ONA))
    identities.link(account, proven(GOOGLE))
    visitor.get("/north/sign-in")
    visitor.submit("Google")
    come_back(visitor, google)
    assert visitor.at.startswith("/north/identity?need=strong")
    assert "does not say who you are" in visitor.text
    assert visitor.page.xpath("string(//h1)") == "Confirm once more who you are"
    assert "Nothing is missing" not in visitor.text
    visitor.enter(account)
    visitor.get("/north/invoices")
    assert visitor.at == "/north/invoices"


def test_a_weak_proof_of_a_person_opens_nothing(visitor: Browser, phone: Phone, ona: Account) -> None:
    """K03, M04"""
    before = Identity.get().last_used_at
    begin(visitor)
    arrive(visitor, phone, replace(ONA, level="low"))
    visitor.submit("Continue")
    assert "does not prove who you are" in visitor.text
    assert Session.select().count() == 0
    assert Identity.get().last_used_at == before


def test_a_confirmed_identity_does_not_confirm_an_address(north: Any) -> None:
    """K03"""
    account = factories.account(north, email_confirmed_at=None, identity_confirmed_at=now())
    assert access.level(account) == "none"
    settings.change(north, "identity_for_everything", "email", by="operator")
    assert not access.allows(account, "account.use")


def test_the_page_of_levels_asks_for_the_address_first(visitor: Browser, phone: Phone, north: Any) -> None:
    settings.change(north, "identity_for_everything", "strong", by="operator")
    visitor.enter(factories.account(north, email_confirmed_at=None, identity_confirmed_at=now()))
    visitor.get("/north/invoices")
    assert "First, confirm your e-mail address" in visitor.text
    assert "Send the letter again" in visitor.text


def test_unlinked_it_is_signed_out_and_told(north: Any) -> None:
    """T50, IB-11"""
    account = factories.account(north)
    identities.link(account, proven(GOOGLE))
    here, elsewhere = sessions.open_for(account), sessions.open_for(account, by_login=True)
    with pytest.raises(Refused, match="Unlink it first"):
        identities.link(account, proven(replace(GOOGLE, code="another")))
    identities.unlink(account, "google", site_url="https://my.example.lt/north", session=here)
    assert sessions.customer(here, north) == account
    assert sessions.customer(elsewhere, north) is None
    assert letters.sent() == [("way_in_ended", account.email)]


# ---- meanwhile --------------------------------------------------------------------------------------------------------


def test_a_method_switched_off_meanwhile_opens_nothing(visitor: Browser, phone: Phone, ona: Account) -> None:
    """K14"""
    begin(visitor)
    arrive(visitor, phone, ONA)
    settings.change(ona.organisation, "login_smart_id", False, by="operator")
    visitor.submit("Continue")
    assert "not offered here any more" in visitor.text
    assert Session.select().count() == 0


def test_one_answer_that_is_lost_ends_nothing(visitor: Browser, phone: Phone, ona: Account) -> None:
    begin(visitor)
    at = visitor.at
    phone.answer = NotIdentified("unavailable", "ReadTimeoutError")
    assert visitor.client.get(f"{at}/state").json == {"state": "waiting"}
    phone.answer = ONA
    assert visitor.client.get(f"{at}/state").json == {"state": "identified"}


def test_an_answer_brought_twice_at_once_is_asked_about_once(visitor: Browser, google: Elsewhere, db: object) -> None:
    """T57: the second would be told that the first one's code is used up."""
    north = factories.organisation("north", login_social=True)
    identities.link(factories.account(north), proven(GOOGLE))
    visitor.get("/north/sign-in")
    visitor.submit("Google")
    came: list[str] = []

    def check(state: Any, answer: Any) -> Person | None:
        if not answer:
            return None
        came.append(answer["code"])
        if len(came) == 1:
            second = visitor.client.get("/north/prove/callback?state=state-1&code=1", follow_redirects=True)
            assert "Your answer is being checked" in second.text
            return GOOGLE
        raise NotIdentified("unproven", "used up")

    google.check = check  # type: ignore[method-assign]
    visitor.get("/north/prove/callback?state=state-1&code=1")
    visitor.submit("Continue")
    assert visitor.at == "/north/home"
    assert came == ["1"]


@pytest.mark.parametrize("what", ["again", "late", "another form", "another browser", "unlinked"])
def test_a_sign_in_whose_answer_is_lost_is_made_again(visitor: Browser, phone: Phone, ona: Account, customer_app: Any, what: str) -> None:
    """F05, T48: by the same form of the same browser, within a minute."""
    begin(visitor)
    at = visitor.at
    arrive(visitor, phone, ONA)
    sent = dict(next(form for form in visitor.page.forms if form.action.endswith("/finish")).form_values())
    kept = visitor.client.get_cookie("savitarna-customer", path="/north/").value
    assert visitor.client.post(f"{at}/finish", data=sent).location == "/north/home"
    Session.delete().execute()
    if what == "late":
        IdentityFlow.update(used_at=now() - identity_flows.SENT_AGAIN).execute()
    if what == "unlinked":
        Identity.update(ended_at=now()).execute()
    if what != "another browser":
        visitor.client.set_cookie("savitarna-customer", kept, path="/north/")
    headers = {"Sec-Fetch-Site": "same-origin"}
    visitor.client.post(f"{at}/finish", data=sent | ({"form_key": "k" * 20} if what == "another form" else {}), headers=headers)
    assert Session.select().count() == (what == "again")


def test_where_one_was_is_not_lost_on_the_way(visitor: Browser, phone: Phone, north: Any) -> None:
    """K03, T65: cancelled, another way chosen, or the session ended meanwhile."""
    settings.change(north, "identity_for_everything", "strong", by="operator")
    account = factories.account(north)
    onwards = "next=%2Fnorth%2Finvoices"
    visitor.enter(account)
    for ends in ("cancel", "refused", "session"):
        visitor.get("/north/invoices")
        visitor.follow("Smart-ID")
        visitor.submit("Continue", personal_code=ONA.code, current=factories.PASSWORD)
        if ends == "cancel":
            visitor.submit("Cancel")
            assert onwards in visitor.page.xpath("string(//a[contains(., 'Smart-ID')]/@href)").replace(
                "/north/invoices", "%2Fnorth%2Finvoices"
            )
        elif ends == "refused":
            arrive(visitor, phone, NotIdentified("refused"))
            assert "It was refused, or broken off." in visitor.text
            assert "invoices" in visitor.page.xpath("string(//a[contains(., 'Choose another way')]/@href)")
            phone.answer = None
        else:
            Session.delete().execute()
            visitor.get(visitor.at)
            assert visitor.at.startswith("/north/sign-in?next=")
            assert "invoices" in visitor.at


def test_back_after_signing_in_says_so(visitor: Browser, phone: Phone, ona: Account) -> None:
    begin(visitor)
    at = visitor.at
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    visitor.get(at)
    assert "You are signed in" in visitor.text
    assert "another browser" not in visitor.text


def test_the_phone_says_first_what_is_confirmed(visitor: Browser, phone: Phone, db: object) -> None:
    """IB-09: what it is for is never cut away."""
    factories.organisation("north", login_smart_id=True, name="Bendrovė " * 9)
    begin(visitor)
    assert phone.wishes[0].text.startswith("Sign in: Bendrovė")
    assert len(phone.wishes[0].text) == 60


def test_longer_than_there_is_room_is_cut(north: Any) -> None:
    """What other systems send is nobody's mistake here."""
    long = replace(proven(ONA), first_name="A" * 101, last_name="B" * 150, document="D" * 201)
    row = Identity.get_by_id(identities.confirm(factories.account(north), long).id)
    assert (len(row.first_name), len(row.last_name), len(row.document), len(long.name)) == (100, 100, 200, 200)
