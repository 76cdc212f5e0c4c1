"""Customers get in by their own password, get back in when they cannot, and lose nothing to those who try."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

from models import Account, Consent, ConsentText, Device, Event, Organisation, Session, Staff
from rules import accounts, consents, email_changes, identities, keys, lockouts, registration, sessions, settings
from rules.refusal import Refused
from tests import factories, letters
from tests.together import at_once

SITE = "https://savitarna.example.lt/north"
HOME, CAFE = "192.0.2.0/24", "198.51.100.0/24"
ANNA, NEW = "anna@example.lt", "Naujas-zodis-8"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north")


@pytest.fixture
def anna(north: Organisation) -> Account:
    return factories.account(north)


@pytest.fixture
def agent(north: Organisation) -> Staff:
    return factories.staff(north)


def sign_in(
    here: Organisation, password: str = factories.PASSWORD, email: str = ANNA, source: str = HOME, device: str | None = None
) -> Account:
    return accounts.sign_in(here, email, password, source=source, device=device, site_url=SITE)


def refusal(act: Callable[..., Any], *args: Any, **options: Any) -> Refused:
    with pytest.raises(Refused) as no:
        act(*args, **options)
    return no.value


def events() -> list[str]:
    return [e.name for e in Event.select().order_by(Event.id)]


def lock(here: Organisation, source: str = HOME) -> None:
    """Five wrong passwords, and the five minutes after which a network may try again."""
    for n in range(5):
        refusal(sign_in, here, f"Neteisingas-{n}", source=source)


# ---- signing in -------------------------------------------------------------------------------------------------------


def test_the_right_password_signs_in_in_any_case_of_the_address(north: Organisation, anna: Account) -> None:
    """PS-04, CV-07"""
    assert sign_in(north).id == sign_in(north, email=" Anna@EXAMPLE.lt ").id == anna.id
    assert events() == ["account.signed_in", "account.signed_in"]


def test_a_wrong_password_and_a_wrong_login_name_are_refused_in_the_same_words(north: Organisation, anna: Account) -> None:
    """IB-60, T47"""
    assert refusal(sign_in, north, "Neteisingas-1").message == refusal(sign_in, north, email="nobody@example.lt").message
    assert refusal(sign_in, north, "Neteisingas-1" * 200).message == accounts.WRONG


def test_an_account_of_another_organisation_does_not_sign_in_here(north: Organisation) -> None:
    """CV-08"""
    factories.account(factories.organisation("south"))

    refusal(sign_in, north)


def test_the_same_work_is_done_for_a_wrong_login_name(
    north: Organisation, anna: Account, statements: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """T47: as many statements, and one password hashed either way."""
    hashed: list[str] = []
    verify = keys._hasher.verify
    monkeypatch.setattr(keys, "_hasher", type("Counting", (), {"verify": lambda _, *args: hashed.append("") or verify(*args)})())
    settings.of(north)
    refusal(sign_in, north, email="first@example.lt", source=CAFE)

    with statements() as unknown:
        refusal(sign_in, north, email="nobody@example.lt", device="a" * 32)
    with statements() as known:
        refusal(sign_in, north, "Neteisingas-1", device="a" * 32)

    assert shapes(known) == shapes(unknown)
    assert len(hashed) == 3


def shapes(statements: list[str]) -> list[str]:
    """Statements without the names that a database connection gives to its savepoints."""
    return [re.sub(r'"s[0-9a-f]{32}"', "", sql) for sql in statements]


def test_ten_wrong_tries_in_five_minutes_come_from_one_network_whatever_the_login_name(north: Organisation, anna: Account) -> None:
    """T42"""
    with travel(NOON, tick=False):
        for n in range(10):
            assert refusal(sign_in, north, email=f"nobody{n}@example.lt").message == accounts.WRONG
        assert refusal(sign_in, north).message == accounts.SLOWER
        assert sign_in(north, source=CAFE).id == anna.id
    with travel(NOON + timedelta(minutes=5), tick=False):
        assert sign_in(north).id == anna.id


def test_one_network_that_goes_on_trying_does_not_use_up_everyones_tries(
    north: Organisation, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T42, T43"""
    monkeypatch.setattr(accounts, "EVERYWHERE", 20)
    for n in range(25):
        refusal(sign_in, north, email=f"nobody{n}@example.lt")
    assert sign_in(north, source=CAFE).id == anna.id


def test_right_passwords_do_not_use_up_a_networks_tries(north: Organisation, anna: Account) -> None:
    """T42: an office of twenty signs in at eight in the morning."""
    for _ in range(20):
        sign_in(north)


def test_a_browser_that_was_silent_too_long_is_shown_as_signed_in_no_more(anna: Account) -> None:
    """T51"""
    with travel(NOON, tick=False):
        sessions.open_for(anna, "left behind")
    with travel(NOON + timedelta(minutes=30), tick=False):
        sessions.open_for(anna, "here")
        assert [one.device for one in sessions.others(anna)] == ["here"]


# ---- locks ------------------------------------------------------------------------------------------------------------


def test_five_wrong_passwords_lock_for_six_hours_and_the_right_one_is_refused_too(north: Organisation, anna: Account) -> None:
    """IB-60, K15"""
    with travel(NOON, tick=False):
        lock(north)
        locked = refusal(sign_in, north)
    assert isinstance(locked, accounts.Locked)
    assert locked.until == NOON + timedelta(hours=6)
    assert letters.sent() == [("account_locked", ANNA)]

    with travel(NOON + timedelta(hours=6), tick=False):
        assert sign_in(north).id == anna.id


def test_the_organisation_says_how_many_and_how_long(north: Organisation, anna: Account) -> None:
    """K15"""
    strict = factories.organisation("north", lock_after=3, lock_hours=24)

    with travel(NOON, tick=False):
        answers = [refusal(sign_in, strict, "Neteisingas-1") for _ in range(3)]

    assert [type(answer) for answer in answers] == [Refused, Refused, accounts.Locked]
    assert answers[2].until == NOON + timedelta(hours=24)


def test_a_login_name_that_nobody_has_is_locked_in_the_same_words(north: Organisation, anna: Account) -> None:
    """IB-60, T47"""
    with travel(NOON, tick=False):
        known = [refusal(sign_in, north, "Neteisingas-1") for _ in range(6)]
    with travel(NOON + timedelta(minutes=5), tick=False):
        unknown = [refusal(sign_in, north, email="nobody@example.lt", source=CAFE) for _ in range(6)]

    assert [answer.message for answer in known] == [answer.message for answer in unknown]
    assert letters.sent() == [("account_locked", ANNA)]


def test_a_browser_that_has_signed_in_before_is_not_locked_out_by_others(north: Organisation, anna: Account) -> None:
    """M05, T43"""
    known = sessions.remember_device(anna, None)
    lock(north)
    refusal(sign_in, north)

    assert sign_in(north, device=known).id == anna.id


def test_whoever_wears_out_every_network_does_not_lock_out_a_known_browser(north: Organisation, anna: Account) -> None:
    """M05, T43"""
    known = sessions.remember_device(anna, None)
    for n in range(50):
        refusal(sign_in, north, "Neteisingas-1", source=f"203.0.{n}.0/24")

    assert isinstance(refusal(sign_in, north, source="203.1.0.0/24"), accounts.Locked)
    assert sign_in(north, device=known).id == anna.id


def test_another_accounts_device_is_no_known_browser(north: Organisation, anna: Account) -> None:
    """M05"""
    another = sessions.remember_device(factories.account(north, "ona@example.lt"), None)
    lock(north)

    assert isinstance(refusal(sign_in, north, device=another), accounts.Locked)


def test_after_a_hundred_wrong_passwords_only_a_new_one_helps(north: Organisation, anna: Account) -> None:
    """T43"""
    for hours in (0, 6):
        with travel(NOON + timedelta(hours=hours), tick=False):
            for n in range(50):
                refusal(sign_in, north, "Neteisingas-1", source=f"203.{hours}.{n}.0/24")
    with travel(NOON + timedelta(hours=50), tick=False):
        off = refusal(sign_in, north)
        assert isinstance(off, accounts.Locked)
        assert off.until is None

        ask_reset(north)
        accounts.reset_password(north, letters.secret("reset_password"), NEW, site_url=SITE)
        assert sign_in(north, NEW).id == anna.id


def test_the_link_in_the_mail_ends_the_lock(north: Organisation, anna: Account) -> None:
    """M05"""
    lock(north)

    accounts.unlock_by_link(north, letters.secret("account_locked", "unlock_url"))

    assert sign_in(north).id == anna.id
    unlocked = Event.get(Event.name == "account.unlocked")
    assert (unlocked.actor, unlocked.facts["reason"]) == (f"account:{anna.id}", accounts.BY_LINK)
    assert letters.sent() == [("account_locked", ANNA)], "who unlocks by mail needs no mail about it"


def test_the_link_that_ends_a_lock_works_once(north: Organisation, anna: Account) -> None:
    """M05"""
    lock(north)
    secret = letters.secret("account_locked", "unlock_url")
    accounts.unlock_by_link(north, secret)

    refusal(accounts.unlock_by_link, north, secret)

    assert events().count("account.unlocked") == 1


def test_the_letter_about_a_lock_is_sent_again_on_request_but_only_to_who_is_locked(north: Organisation, anna: Account) -> None:
    """M05, T47"""
    factories.account(north, "ona@example.lt")
    lock(north)

    for email in (ANNA, "ona@example.lt", "nobody@example.lt"):
        accounts.ask_unlock(north, email, site_url=SITE)

    assert letters.sent() == [("account_locked", ANNA), ("account_locked", ANNA)]


def test_a_login_name_longer_than_any_address_is_answered_like_others(north: Organisation) -> None:
    """IB-60"""
    endless = "x" * 300
    for n in range(5):
        no = refusal(sign_in, north, f"Neteisingas-{n}", endless)
    assert isinstance(no, accounts.Locked)
    accounts.ask_unlock(north, endless, site_url=SITE)
    assert letters.sent() == []


def test_the_same_work_is_done_for_whoever_is_not_locked_but_the_mail(
    north: Organisation, anna: Account, statements: Callable[[], Any]
) -> None:
    """T47"""
    accounts.ask_unlock(north, "first@example.lt", site_url=SITE)
    with statements() as known:
        accounts.ask_unlock(north, ANNA, site_url=SITE)
    with statements() as unknown:
        accounts.ask_unlock(north, "nobody@example.lt", site_url=SITE)

    assert shapes(known) == shapes(unknown)


def test_an_unconfirmed_address_gets_no_letter_about_a_lock(north: Organisation) -> None:
    """CV-15"""
    factories.account(north, email_confirmed_at=None)

    lock(north)

    assert letters.sent() == []


def test_an_agent_unlocks_a_customer_who_called(north: Organisation, anna: Account, agent: Staff) -> None:
    """IB-61"""
    with travel(NOON, tick=False):
        lock(north)
        accounts.unlock(Account.get(), reason=" She called ", by=agent)

        assert sign_in(north).id == anna.id
    event = Event.get(Event.name == "account.unlocked")
    assert (event.actor, event.facts) == (f"staff:{agent.id}", {"until": "2026-11-20T18:00:00+00:00", "reason": "She called"})
    assert letters.sent() == [("account_locked", ANNA), ("account_unlocked", ANNA)]


def test_an_account_is_unlocked_once(north: Organisation, anna: Account, agent: Staff) -> None:
    """IB-61"""
    lock(north)
    stale = Account.get()
    accounts.unlock(Account.get(), reason="She called", by=agent)

    assert refusal(accounts.unlock, stale, reason="She called", by=agent).message == accounts.NOT_LOCKED
    assert letters.sent()[1:] == [("account_unlocked", ANNA)]


def test_an_account_is_unlocked_for_a_reason(north: Organisation, anna: Account, agent: Staff) -> None:
    """IB-61"""
    lock(north)

    assert refusal(accounts.unlock, Account.get(), reason="  ", by=agent).field == "reason"
    assert refusal(accounts.unlock, factories.account(north, "ona@example.lt"), reason="x", by=agent).message == accounts.NOT_LOCKED


def test_an_unlocked_account_has_all_its_tries_again(north: Organisation, anna: Account, agent: Staff) -> None:
    """IB-61, M05"""
    with travel(NOON, tick=False):
        lock(north)
        accounts.unlock(Account.get(), reason="She called", by=agent)
        answers = [refusal(sign_in, north, "Neteisingas-1") for _ in range(4)]

    assert {answer.message for answer in answers} == {accounts.WRONG}


# ---- a forgotten password ---------------------------------------------------------------------------------------------


def ask_reset(here: Organisation, email: str = ANNA) -> None:
    accounts.ask_password_reset(here, email, source=HOME, language="en", site_url=SITE)


def test_a_forgotten_password_is_replaced_by_the_link_once(north: Organisation, anna: Account) -> None:
    """PS-04, T46"""
    ask_reset(north)
    secret = letters.secret("reset_password")

    accounts.reset_password(north, secret, NEW, site_url=SITE)

    assert sign_in(north, NEW).id == anna.id
    refusal(sign_in, north)
    refusal(accounts.reset_password, north, secret, "Dar-kitas-zodis-9", site_url=SITE)
    assert letters.sent() == [("reset_password", ANNA), ("password_changed", ANNA)]


def test_an_address_that_nobody_has_gets_a_letter_that_says_so(north: Organisation, anna: Account) -> None:
    """T47"""
    ask_reset(north, "nobody@example.lt")

    assert letters.sent() == [("reset_no_account", "nobody@example.lt")]


def test_the_same_work_is_done_whether_anyone_has_the_address(north: Organisation, anna: Account, statements: Callable[[], Any]) -> None:
    """T47"""
    ask_reset(north, "first@example.lt")
    with statements() as unknown:
        ask_reset(north, "nobody@example.lt")
    with statements() as known:
        ask_reset(north)

    assert shapes(known) == shapes(unknown)


def test_three_letters_an_hour_go_to_one_address(north: Organisation, anna: Account) -> None:
    """T46: nobody's mailbox is filled, and nobody is told that it was tried."""
    with travel(NOON, tick=False):
        for _ in range(5):
            ask_reset(north)
        assert len(letters.sent()) == 3
    with travel(NOON + timedelta(hours=1), tick=False):
        ask_reset(north)
        assert len(letters.sent()) == 4


def test_one_network_names_thirty_addresses_an_hour(north: Organisation, anna: Account) -> None:
    """T46: nobody fills many mailboxes either."""
    for n in range(30):
        ask_reset(north, f"nobody{n}@example.lt")

    assert refusal(ask_reset, north).message == registration.TOO_MANY_HERE
    assert len(letters.sent()) == 30


def test_a_reset_link_is_good_for_thirty_minutes(north: Organisation, anna: Account) -> None:
    """T46"""
    with travel(NOON, tick=False):
        ask_reset(north)
    with travel(NOON + timedelta(minutes=30), tick=False):
        refusal(accounts.reset_password, north, letters.secret("reset_password"), NEW, site_url=SITE)
    with travel(NOON + timedelta(minutes=29, seconds=59), tick=False):
        accounts.reset_password(north, letters.secret("reset_password"), NEW, site_url=SITE)


def test_a_reset_link_dies_when_the_account_signs_in_or_changes(north: Organisation, anna: Account, agent: Staff) -> None:
    """T46"""

    def change_email() -> None:
        factories.email_change(Account.get(), "ona@example.lt", SITE)
        email_changes.confirm(north, letters.secret("email_change_confirm"), site_url=SITE)

    acts: list[Callable[[], Any]] = [
        lambda: sign_in(north),
        lambda: accounts.change_password(Account.get(), current=factories.PASSWORD, new=NEW, session=None, site_url=SITE),
        change_email,
    ]
    for act in acts:
        ask_reset(north)
        secret = letters.secret("reset_password")
        accounts.find_reset(north, secret)
        act()
        refusal(accounts.find_reset, north, secret)


def test_a_password_that_cannot_be_used_leaves_the_link_good(north: Organisation, anna: Account) -> None:
    """K02, T46"""
    ask_reset(north)

    assert refusal(accounts.reset_password, north, letters.secret("reset_password"), "trumpas", site_url=SITE).field == "password"
    accounts.reset_password(north, letters.secret("reset_password"), NEW, site_url=SITE)


def test_a_new_password_ends_every_session_and_every_lock(north: Organisation, anna: Account) -> None:
    """T50, T46"""
    sessions.open_for(anna)
    lock(north)
    ask_reset(north)

    accounts.reset_password(north, letters.secret("reset_password"), NEW, site_url=SITE)

    assert Session.select().count() == 0
    assert Account.get().locked_until is None
    assert sign_in(north, NEW).id == anna.id


def test_a_reset_confirms_the_address_and_keeps_nothing_of_who_opened_the_account(north: Organisation) -> None:
    """CV-15, T10"""
    anna = factories.account(north, email_confirmed_at=None)
    thief = identities.Proven(method="smart_id", scheme="PNO", code="38001085718", country="LT", first_name="T", last_name="H")
    identities.confirm(anna, thief)
    identities.link(anna, identities.Proven(method="google", scheme="SUB", code="1", issuer="https://accounts.google.com", level="low"))
    sessions.remember_device(anna, None)
    sessions.open_for(anna)
    ask_reset(north)

    accounts.reset_password(north, letters.secret("reset_password"), NEW, site_url=SITE)

    assert Account.get().email_confirmed_at is not None
    assert (Session.select().count(), Device.select().count()) == (0, 0)
    assert (identities.of(Account.get()), Account.get().identity_confirmed_at) == ([], None), "no Smart-ID or login of theirs opens it"
    assert letters.sent()[-1] == ("password_changed", ANNA)


def test_of_twenty_who_use_one_reset_link_at_once_one_does(north: Organisation, anna: Account) -> None:
    """T46"""
    ask_reset(north)
    secret = letters.secret("reset_password")
    settings.of(north)

    answers = at_once(20, lambda n: accounts.reset_password(north, secret, f"Naujas-zodis-{n}", site_url=SITE))

    assert sum(isinstance(answer, Account) for answer in answers) == 1
    assert letters.sent().count(("password_changed", ANNA)) == 1


# ---- one's own password and phone -------------------------------------------------------------------------------------


def test_a_password_is_changed_by_who_knows_it_and_others_are_signed_out(north: Organisation, anna: Account) -> None:
    """CV-36, T50"""
    here, _elsewhere = sessions.open_for(anna), sessions.open_for(anna)

    accounts.change_password(anna, current=factories.PASSWORD, new=NEW, session=here, site_url=SITE)

    assert [s.digest for s in Session.select()] == [keys.digest("session", here)]
    assert sign_in(north, NEW).id == anna.id
    assert letters.sent() == [("password_changed", ANNA)]
    assert events()[0] == "account.password_changed"


def test_a_password_is_changed_once(north: Organisation, anna: Account) -> None:
    """CV-36"""
    stale = Account.get()
    accounts.change_password(anna, current=factories.PASSWORD, new=NEW, session=None, site_url=SITE)

    refusal(accounts.change_password, Account.get(), current=factories.PASSWORD, new=NEW, session=None, site_url=SITE)
    refusal(accounts.change_password, stale, current=factories.PASSWORD, new="Dar-kitas-zodis-9", session=None, site_url=SITE)

    assert letters.sent() == [("password_changed", ANNA)]


def test_a_password_is_not_changed_to_itself_or_against_the_rules(db: object) -> None:
    """CV-36, K02"""
    civinity = factories.organisation("civinity", password_upper=1, password_digit=1)
    anna = factories.account(civinity)

    def change(current: str, new: str) -> Refused:
        return refusal(accounts.change_password, anna, current=current, new=new, session=None, site_url=SITE)

    assert change("Neteisingas-1", NEW).field == "current"
    assert change(factories.PASSWORD, factories.PASSWORD).field == "password"
    assert change(factories.PASSWORD, "be-didziosios-1").field == "password"
    assert letters.sent() == []


def test_whoever_finds_an_open_session_may_guess_the_password_five_times(anna: Account) -> None:
    """T42, CV-36"""
    for n in range(5):
        refusal(accounts.change_password, anna, current=f"Neteisingas-{n}", new=NEW, session=None, site_url=SITE)

    no = refusal(accounts.change_password, anna, current=factories.PASSWORD, new=NEW, session=None, site_url=SITE)
    assert "Try again in an hour" in no.message


def test_a_phone_number_is_changed_once_and_the_owner_is_told(anna: Account) -> None:
    """CV-38, T50"""
    here, _elsewhere = sessions.open_for(anna), sessions.open_for(anna)

    assert accounts.change_phone(anna, "8 600 00002", session=here)
    assert not accounts.change_phone(Account.get(), "+370 600 00002", session=here)

    assert Account.get().phone == "+37060000002"
    assert "+37060000002" in Account.get().search_key
    assert Session.select().count() == 1
    assert letters.sent() == [("phone_changed", ANNA)]
    assert [(e.name, e.facts) for e in Event.select()] == [("account.phone_changed", {"old": "+37060000001", "new": "+37060000002"})]


def test_signing_out_everywhere_ends_every_session(anna: Account) -> None:
    """T50"""
    sessions.open_for(anna)
    sessions.open_for(anna)

    assert accounts.sign_out_everywhere(anna) == 2
    assert accounts.sign_out_everywhere(anna) == 0
    assert events() == ["account.signed_out"]


# ---- consents ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def texts(north: Organisation) -> dict[str, ConsentText]:
    return {
        kind: ConsentText.create(
            organisation=north, kind=kind, edition=1, text_lt=kind, text_en=kind, is_required=kind == "privacy", position=n
        )
        for n, kind in enumerate(("privacy", "marketing", "club"))
    }


def test_an_optional_consent_is_given_and_withdrawn_by_itself(anna: Account, texts: dict[str, ConsentText]) -> None:
    """K21, AG-06, AG-07"""
    ids = {kind: text.id for kind, text in texts.items()}

    assert consents.change(anna, {ids["privacy"], ids["club"]}) == 2
    assert consents.change(anna, {ids["privacy"], ids["club"]}) == 0
    assert consents.change(anna, {ids["privacy"], ids["marketing"]}) == 2

    assert [text.kind for text, consent in consents.of(anna) if consent] == ["privacy", "marketing"]
    withdrawn = Consent.get(Consent.withdrawn_at.is_null(False))
    assert withdrawn.text == texts["club"], "what was agreed to and when is kept"
    facts = [(e.facts["kind"], e.facts["given"]) for e in Event.select().order_by(Event.id)]
    assert facts == [("privacy", True), ("club", True), ("marketing", True), ("club", False)]


def test_a_required_consent_is_not_withdrawn(anna: Account, texts: dict[str, ConsentText]) -> None:
    """K21, CV-14"""
    consents.change(anna, {texts["privacy"].id})

    assert refusal(consents.change, anna, {texts["club"].id}).field == "consent_privacy"
    assert [text.kind for text, consent in consents.of(anna) if consent] == ["privacy"]


def test_a_new_wording_is_agreed_to_anew(anna: Account, texts: dict[str, ConsentText], north: Organisation) -> None:
    """K21"""
    consents.change(anna, {texts["club"].id})
    ConsentText.update(is_current=False).where(ConsentText.id == texts["club"].id).execute()
    ConsentText.create(organisation=north, kind="club", edition=2, text_lt="club 2", text_en="club 2", is_required=False, position=3)

    assert [(text.kind, text.edition, consent) for text, consent in consents.of(anna)][-1] == ("club", 2, None)
    assert Consent.get().text.edition == 1


def test_of_twenty_that_agree_at_once_one_is_written_down(anna: Account, texts: dict[str, ConsentText]) -> None:
    """K21"""
    changed = at_once(20, lambda _: consents.change(Account.get(), {texts["club"].id}))

    assert sorted(changed) == [0] * 19 + [1]
    assert Consent.select().count() == 1


def test_customers_of_a_scope_are_counted_apart_from_staff(north: Organisation, anna: Account) -> None:
    """IB-60"""
    factories.staff(north, email=ANNA)
    lock(north)

    assert lockouts.locked_until(lockouts.STAFF, ANNA, HOME, None) is None


def test_a_password_that_nobody_has_takes_as_long_to_refuse_as_anyones() -> None:
    """T47"""
    assert not keys.STRONG.check_needs_rehash(keys.NOBODY)
    assert not keys.is_password(None, "Bandomasis-raktas-26")
