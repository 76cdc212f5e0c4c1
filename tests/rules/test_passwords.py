"""Passwords: forgotten and replaced by a link, changed by who knows them; and the phone number, which is changed like one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from time_machine import travel

from models import Account, Device, Event, Organisation, Session, Staff
from rules import accounts, email_changes, identities, keys, registration, sessions, settings
from rules.refusal import Refused
from tests import factories, letters
from tests.rules.signing_in import ANNA, NEW, NOON, SITE, ask_reset, events, lock, refusal, shapes, sign_in
from tests.together import at_once

# ---- a forgotten password ---------------------------------------------------------------------------------------------


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
