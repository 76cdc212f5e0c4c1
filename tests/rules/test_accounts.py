"""Customers get in by their own password, get back in when they cannot, and lose nothing to those who try."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from time_machine import travel

from models import Account, Event, Organisation, Staff
from rules import accounts, keys, lockouts, sessions, settings
from rules.refusal import Refused
from tests import factories, letters
from tests.rules.signing_in import ANNA, CAFE, HOME, NEW, NOON, SITE, ask_reset, events, lock, refusal, shapes, sign_in

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


def test_customers_of_a_scope_are_counted_apart_from_staff(north: Organisation, anna: Account) -> None:
    """IB-60"""
    factories.staff(north, email=ANNA)
    lock(north)

    assert lockouts.locked_until(lockouts.STAFF, ANNA, HOME, None) is None


def test_a_password_that_nobody_has_takes_as_long_to_refuse_as_anyones() -> None:
    """T47"""
    assert not keys.STRONG.check_needs_rehash(keys.NOBODY)
    assert not keys.is_password(None, "Bandomasis-raktas-26")
