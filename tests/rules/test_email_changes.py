"""Nobody is talked into giving an account away: a change of e-mail needs a proof, tells both addresses, and is taken back (M04, T56)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import peewee as pw
import pytest
from time_machine import travel

from models import Account, Confirmation, Device, EmailChange, Event, Identity, Message, Organisation, Session, Share, Staff, now
from rules import (
    accounts,
    companies,
    email_changes,
    freezes,
    holding,
    identities,
    identities_at_desk,
    personal_codes,
    registration,
    sessions,
    settings,
    sharing,
)
from rules.identities import Proven
from rules.refusal import Refused
from tests import factories, letters
from tests.together import at_once

SITE = "https://savitarna.example.lt/north"
ANNA = "anna@example.lt"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def colleague(north: Organisation) -> Staff:
    return factories.staff(north)


def sign_in(here: Organisation, password: str = factories.PASSWORD, email: str = ANNA) -> Account:
    return accounts.sign_in(here, email, password, source="192.0.2.0/24", device=None, site_url=SITE)


def refusal(act: Callable[..., Any], *args: Any, **options: Any) -> Refused:
    with pytest.raises(Refused) as no:
        act(*args, **options)
    return no.value


def events() -> list[str]:
    return [e.name for e in Event.select().order_by(Event.id)]


ONA = "ona@example.lt"


def ask(account: Account, agent: Staff, email: str = ONA, reason: str = "She called", proof: str = "colleague") -> EmailChange:
    return email_changes.ask(account, email=email, proof=proof, reason=reason, by=agent, site_url=SITE)


def ask_change(account: Account, agent: Staff, email: str = ONA, reason: str = "She called") -> None:
    """Up to the letter to the new address, as two of staff ask for it."""
    asked = ask(account, agent, email, reason)
    colleague = Staff.get_or_none(name="Audrius") or factories.staff(account.organisation, name="Audrius")
    email_changes.approve(asked, reason="Saw her passport", by=colleague, site_url=SITE)


def change(north: Organisation, account: Account, agent: Staff, email: str = ONA) -> None:
    ask_change(account, agent, email)
    email_changes.confirm(north, letters.secret("email_change_confirm"), site_url=SITE)


def test_a_change_of_e_mail_waits_for_the_new_address(north: Organisation, anna: Account, agent: Staff) -> None:
    """CV-37, CV-39, K10, M04"""
    sessions.open_for(anna)

    ask_change(anna, agent)

    assert Account.get().email == ANNA
    assert Session.select().count() == 1
    assert letters.sent() == [("email_change_notice", ANNA), ("email_change_confirm", ONA)]
    asked = Event.get(Event.name == "account.email_change_asked")
    assert (asked.actor, asked.facts) == (f"staff:{agent.id}", {"old": ANNA, "new": ONA, "proof": "colleague", "reason": "She called"})


def test_a_confirmed_change_of_e_mail_ends_every_session_and_tells_both_addresses(north: Organisation, anna: Account, agent: Staff) -> None:
    """CV-37, K10, M04, T56"""
    sessions.open_for(anna)

    change(north, anna, agent)

    assert (Account.get().email, Account.get().email_key) == (ONA, ONA)
    assert Session.select().count() == 0
    assert letters.sent()[2:] == [("email_changed_old", ANNA), ("email_changed_new", ONA)]
    assert sign_in(north, email=ONA).id == anna.id
    refusal(sign_in, north)


def test_a_change_of_e_mail_is_confirmed_once(north: Organisation, anna: Account, agent: Staff) -> None:
    """CV-37"""
    change(north, anna, agent)

    refusal(email_changes.confirm, north, letters.secret("email_change_confirm"), site_url=SITE)

    assert len(letters.sent()) == 4
    assert events().count("account.email_changed") == 1


def test_of_twenty_who_confirm_one_change_at_once_one_does(north: Organisation, anna: Account, agent: Staff) -> None:
    """CV-37"""
    ask_change(anna, agent)
    secret = letters.secret("email_change_confirm")

    answers = at_once(20, lambda _: email_changes.confirm(north, secret, site_url=SITE))

    assert sum(isinstance(answer, Account) for answer in answers) == 1
    assert len(letters.sent()) == 4


def test_a_later_request_replaces_an_earlier_one(north: Organisation, anna: Account, agent: Staff) -> None:
    """CV-37"""
    ask_change(anna, agent)
    earlier = letters.secret("email_change_confirm")
    ask_change(anna, agent, "jonas@example.lt")

    refusal(email_changes.confirm, north, earlier, site_url=SITE)
    email_changes.confirm(north, letters.secret("email_change_confirm"), site_url=SITE)

    assert Account.get().email == "jonas@example.lt"


def test_what_cannot_be_an_accounts_address_is_refused_to_the_agent(north: Organisation, anna: Account, agent: Staff) -> None:
    """CV-37, CV-08"""
    factories.account(north, ONA)

    assert refusal(ask_change, anna, agent, reason=" ").field == "reason"
    assert refusal(ask_change, anna, agent, "ona").field == "email"
    assert refusal(ask_change, anna, agent, "ANNA@example.lt").message == "This is the account's address already"
    assert refusal(ask_change, anna, agent).message == email_changes.OF_ANOTHER
    assert (letters.sent(), events()) == ([], [])


def test_an_address_that_someone_took_meanwhile_is_not_taken_over(north: Organisation, anna: Account, agent: Staff) -> None:
    """CV-08, CV-37"""
    ask_change(anna, agent)
    factories.account(north, ONA)

    no = refusal(email_changes.confirm, north, letters.secret("email_change_confirm"), site_url=SITE)

    assert no.message == email_changes.OF_ANOTHER
    assert [a.email for a in Account.select().order_by(Account.id)] == [ANNA, ONA]


def test_the_old_address_stops_a_change_before_it_takes_effect(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04, T56"""
    ask_change(anna, agent)

    assert email_changes.undo(north, letters.secret("email_change_notice", "undo_url")) is False

    refusal(email_changes.confirm, north, letters.secret("email_change_confirm"), site_url=SITE)
    assert Account.get().email == ANNA
    assert events()[-1] == "account.email_change_stopped"


@pytest.mark.parametrize("mail", ["email_change_notice", "email_changed_old"])
def test_the_old_address_takes_a_change_back_for_72_hours(north: Organisation, anna: Account, agent: Staff, mail: str) -> None:
    """M04, T56"""
    with travel(NOON, tick=False):
        change(north, anna, agent)
    just_in_time = NOON + timedelta(hours=72, seconds=-1)

    with travel(just_in_time, tick=False):
        sessions.open_for(Account.get())
        assert email_changes.undo(north, letters.secret(mail, "undo_url")) is True

        assert Account.get().email == ANNA
        assert Session.select().count() == 0
        assert sign_in(north).id == anna.id
        assert letters.sent()[4:] == [("email_change_undone", ANNA), ("email_change_undone", ONA)]
        assert Event.get(Event.name == "account.email_change_undone").facts == {"old": ANNA, "new": ONA, "ended": 0}


def test_a_change_of_the_longest_address_is_taken_back_too(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04: both letters go out, however long the addresses are."""
    longest = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.lt"
    Account.update(email=longest, email_key=longest).execute()
    change(north, Account.get(), agent)
    email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))
    assert letters.sent()[4:] == [("email_change_undone", longest), ("email_change_undone", ONA)]


@pytest.mark.parametrize("mail", ["email_change_notice", "email_changed_old"])
def test_after_72_hours_a_change_is_not_taken_back(north: Organisation, anna: Account, agent: Staff, mail: str) -> None:
    """M04"""
    with travel(NOON, tick=False):
        change(north, anna, agent)
    with travel(NOON + timedelta(hours=72), tick=False):
        refusal(email_changes.undo, north, letters.secret(mail, "undo_url"))
    assert Account.get().email == ONA


def test_a_change_is_taken_back_once_by_either_link(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04"""
    change(north, anna, agent)
    email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))

    for mail in ("email_changed_old", "email_change_notice"):
        refusal(email_changes.undo, north, letters.secret(mail, "undo_url"))
    assert len(letters.sent()) == 6


def test_two_changes_one_after_another_are_both_taken_back_from_the_first_address(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04: whoever got hold of an account cannot make the way back disappear by changing once more."""
    change(north, anna, agent)
    first = letters.secret("email_changed_old", "undo_url")
    change(north, Account.get(), agent, "jonas@example.lt")

    assert email_changes.undo(north, first) is True

    assert Account.get().email == ANNA
    refusal(email_changes.undo, north, letters.secret("email_changed_old", "undo_url"))


@pytest.mark.parametrize("has_effect", [False, True])
def test_a_thiefs_own_way_back_does_not_end_the_owners(north: Organisation, anna: Account, agent: Staff, has_effect: bool) -> None:
    """M04, T56: the next change begun from the thief's address, stopped or taken back from there, leaves the first address its link."""
    change(north, anna, agent, "thief@example.lt")
    owners = letters.secret("email_changed_old", "undo_url")
    ask_change(Account.get(), agent, "thief2@example.lt")
    if has_effect:
        email_changes.confirm(north, letters.secret("email_change_confirm"), site_url=SITE)
    mail = "email_changed_old" if has_effect else "email_change_notice"
    assert email_changes.undo(north, letters.secret(mail, "undo_url")) is has_effect
    assert Account.get().email == "thief@example.lt"

    assert email_changes.undo(north, owners) is True

    assert Account.get().email == ANNA
    assert not Confirmation.select().where((Confirmation.purpose == "undo_email") & Confirmation.used_at.is_null()).exists()


def test_the_old_address_is_kept_free_while_a_change_may_be_taken_back(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04: nobody blocks the way back by registering the old address."""
    ona = factories.account(north, "third@example.lt")
    with travel(NOON, tick=False):
        change(north, anna, agent)
        assert registration.is_taken(north, ANNA)
        assert refusal(ask_change, ona, agent, ANNA).message == email_changes.OF_ANOTHER
        ask_change(Account.get(Account.id == anna.id), agent, ANNA)
    with travel(NOON + timedelta(hours=72 + 49), tick=False):
        assert not registration.is_taken(north, ANNA)


def test_an_old_address_that_was_never_confirmed_is_told_nothing(north: Organisation, agent: Staff) -> None:
    """CV-15, M04"""
    anna = factories.account(north, email_confirmed_at=None)

    change(north, anna, agent)

    assert letters.sent() == [("email_change_confirm", ONA), ("email_changed_new", ONA)]


def test_links_work_in_the_organisation_that_sent_them_only(north: Organisation, anna: Account, agent: Staff) -> None:
    """T45"""
    south = factories.organisation("south")
    ask_change(anna, agent)

    refusal(email_changes.confirm, south, letters.secret("email_change_confirm"), site_url=SITE)
    refusal(email_changes.undo, south, letters.secret("email_change_notice", "undo_url"))


def test_no_secret_of_a_link_is_kept_but_in_its_mail(north: Organisation, anna: Account, agent: Staff) -> None:
    """T46"""
    ask_change(anna, agent)
    ask(factories.account(north, "third@example.lt"), agent, "fourth@example.lt", proof="code")
    code, kept = letters.fact("email_change_code", "code"), ("code_digest", "public_id")
    secrets = [letters.secret("email_change_confirm"), letters.secret("email_change_notice", "undo_url")]
    assert all(code not in str(v) for row in EmailChange.select().dicts() for k, v in row.items() if k not in kept)

    kept = str([list(table.select().dicts()) for table in (Confirmation, Event, Account)])
    assert [secret for secret in secrets if secret in kept] == []


# ---- proofs -----------------------------------------------------------------------------------------------------------


def test_the_customer_reads_a_code_out_that_only_the_present_address_got(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04, T56"""
    asked = ask(anna, agent, proof="code")
    assert letters.sent() == [("email_change_code", ANNA)]

    email_changes.enter_code(asked, code=letters.fact("email_change_code", "code"), by=agent, site_url=SITE)
    email_changes.confirm(north, letters.secret("email_change_confirm"), site_url=SITE)

    assert Account.get().email == ONA
    assert events() == ["account.email_change_asked", "account.email_change_proven", "account.email_changed"]
    assert EmailChange.get().state == "done"


def test_a_code_is_guessed_five_times_and_lives_half_an_hour(anna: Account, agent: Staff) -> None:
    """T44, T56"""
    with travel(NOON, tick=False):
        asked = ask(anna, agent, proof="code")
        code = letters.fact("email_change_code", "code")
        wrong = f"{(int(code) + 1) % 10**6:06}"
        for _ in range(email_changes.CODE_TRIES):
            assert refusal(email_changes.enter_code, asked, code=wrong, by=agent, site_url=SITE).message == email_changes.WRONG_CODE
        assert refusal(email_changes.enter_code, asked, code=code, by=agent, site_url=SITE).message == email_changes.NO_TRIES
        again = ask(anna, agent, proof="code")
        assert refusal(email_changes.enter_code, asked, code=code, by=agent, site_url=SITE).message == email_changes.NO_TRIES
    with travel(NOON + email_changes.CODE_GOOD, tick=False):
        fresh = letters.fact("email_change_code", "code")
        assert refusal(email_changes.enter_code, again, code=fresh, by=agent, site_url=SITE).message == email_changes.NO_TRIES
    assert ("email_change_confirm", ONA) not in letters.sent()


def test_an_address_that_was_never_confirmed_proves_nothing(north: Organisation, agent: Staff) -> None:
    """T56, CV-15"""
    ona = factories.account(north, "never@example.lt", email_confirmed_at=None)
    assert refusal(ask, ona, agent, proof="code").message == email_changes.NO_OLD_ADDRESS


def test_two_people_look_at_it_and_never_the_same_one_twice(anna: Account, agent: Staff, colleague: Staff) -> None:
    """M04, T56"""
    asked = ask(anna, agent)
    assert letters.sent() == [("email_change_notice", ANNA)]

    assert refusal(email_changes.approve, asked, reason="Yes", by=agent, site_url=SITE).message == email_changes.OWN
    assert refusal(email_changes.approve, asked, reason=" ", by=colleague, site_url=SITE).field == "reason"
    with pytest.raises(pw.IntegrityError):
        EmailChange.update(state="letter", answered_by=agent).execute()
    email_changes.approve(asked, reason="Saw her passport", by=colleague, site_url=SITE)

    assert letters.sent()[1:] == [("email_change_confirm", ONA)]
    assert Event.get(Event.name == "account.email_change_proven").actor == f"staff:{colleague.id}"


def test_of_twenty_who_say_yes_at_once_one_does(anna: Account, agent: Staff, colleague: Staff) -> None:
    """M04"""
    asked = ask(anna, agent)

    at_once(20, lambda _: email_changes.approve(asked, reason="Yes", by=colleague, site_url=SITE))

    assert events().count("account.email_change_proven") == 1
    assert len(letters.sent()) == 2


def test_of_twenty_who_ask_at_once_one_waits(anna: Account, agent: Staff) -> None:
    """M04"""
    at_once(20, lambda n: ask(Account.get(), agent, f"ona{n}@example.lt"))
    assert EmailChange.select().where(EmailChange.ended_at.is_null()).count() == 1


def test_a_colleague_who_says_no_ends_it_and_the_customer_is_told(
    north: Organisation, anna: Account, agent: Staff, colleague: Staff
) -> None:
    """M04"""
    asked = ask(anna, agent)

    email_changes.refuse(asked, reason="A stranger's voice", by=colleague)

    refusal(email_changes.approve, asked, reason="Yes", by=colleague, site_url=SITE)
    refusal(email_changes.refuse, asked, reason="No", by=colleague)
    assert letters.sent()[1:] == [("email_change_refused", ANNA)]
    assert events()[-1] == "account.email_change_refused"


def identity(account: Account, **changes: Any) -> Identity:
    long_ago = now() - timedelta(days=30)
    facts = {"confirmed_at": long_ago, "last_used_at": now(), "last_method": "smart_id", "level": "high", "scheme": "PNO"} | changes
    digest = personal_codes.digest("LT", str(facts))
    return Identity.create(
        organisation=account.organisation, account=account, method="smart_id", code_digest=digest, code_sealed="x", country="LT", **facts
    )


@pytest.mark.parametrize(
    "not_enough",
    [
        {"last_used_at": NOON - timedelta(minutes=31)},
        {"confirmed_at": NOON - timedelta(hours=71)},
        {"last_method": "document"},
        {"level": "low"},
        {"ended_at": NOON - timedelta(days=1), "ended_by": "customer"},
        {"scheme": "SUB"},
    ],
)
def test_a_strong_identity_proves_only_when_it_is_old_and_has_signed_in_just_now(
    anna: Account, agent: Staff, not_enough: dict[str, Any]
) -> None:
    """M04, T56"""
    with travel(NOON, tick=False):
        identity(anna, **not_enough)
        assert refusal(ask, anna, agent, proof="identity").message == email_changes.NOT_JUST_NOW
        Identity.delete().execute()
        identity(anna)
        asked = ask(anna, agent, proof="identity")
    assert (asked.state, letters.sent()) == ("colleague", [("email_change_notice", ANNA)]), "she may have signed in for a bill"


def test_who_changes_the_e_mail_is_the_organisations_to_say(north: Organisation, anna: Account, agent: Staff) -> None:
    """K10, CV-37, IB-59"""
    assert "Customer service" in refusal(email_changes.ask_by_customer, anna, email=ONA, password=factories.PASSWORD, site_url=SITE).message
    settings.change(north, "email_change", "recreate", by="operator")
    here = Account.get()
    assert refusal(ask, here, agent).message == email_changes.NOT_HERE
    settings.change(north, "email_change", "self", by="operator")
    here = Account.get()

    assert refusal(email_changes.ask_by_customer, here, email=ONA, password="Neteisingas-1", site_url=SITE).field == "current"
    email_changes.ask_by_customer(here, email=ONA, password=factories.PASSWORD, site_url=SITE)
    email_changes.confirm(north, letters.secret("email_change_confirm"), site_url=SITE)

    assert Account.get().email == ONA
    assert letters.sent() == [
        ("email_change_notice", ANNA), ("email_change_confirm", ONA), ("email_changed_old", ANNA), ("email_changed_new", ONA),
    ]  # fmt: skip


# ---- an attacker ------------------------------------------------------------------------------------------------------


def test_whoever_convinces_one_agent_gets_nothing(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04, T56: every way that one convinced agent has, tried out."""
    thief = "thief@example.lt"
    refusal(ask, anna, agent, thief, proof="identity")
    by_code = ask(anna, agent, thief, proof="code")
    for guess in ("000000", "123456", "111111", "999999", "654321"):
        refusal(email_changes.enter_code, by_code, code=guess, by=agent, site_url=SITE)
    by_two = ask(anna, agent, thief, proof="colleague")
    refusal(email_changes.approve, by_two, reason="It is surely her", by=agent, site_url=SITE)
    refusal(ask, anna, agent, thief, proof="self")
    refusal(email_changes.ask_by_customer, anna, email=thief, password="Spejimas-12", site_url=SITE)

    assert not [to for _kind, to in letters.sent() if to == thief], "the thief has no letter, and so no link"
    assert {to for _kind, to in letters.sent()} == {ANNA}, "she knows of each try"
    assert sign_in(north).id == anna.id


def test_whoever_convinces_two_holds_it_for_three_days_gives_nothing_away_and_loses_it_by_one_button(
    north: Organisation, anna: Account, agent: Staff
) -> None:
    """M04, T56: shares, contracts, login and sessions are as they were."""
    contract = factories.contract(north)
    factories.holds(anna, contract)
    with travel(NOON, tick=False):
        kept = sharing.share(anna, contract, email="son@example.lt", last_on=None, site_url=SITE)
    with travel(NOON + timedelta(hours=1), tick=False):
        change(north, anna, agent, "thief@example.lt")
        thief = Account.get()
        accounts.ask_password_reset(north, "thief@example.lt", source="198.51.100.0/24", language="lt", site_url=SITE)
        accounts.reset_password(north, letters.secret("reset_password"), "Vagies-zodis-9", site_url=SITE)
        thief = sign_in(north, "Vagies-zodis-9", "thief@example.lt")
        sessions.open_for(thief)
        sessions.remember_device(thief, None)
        accounts.change_phone(thief, "+37060000009", session=None)
    with travel(NOON + timedelta(hours=50), tick=False):
        thief = Account.get()
        for act in (
            lambda: sharing.share(thief, contract, email="thief2@example.lt", last_on=None, site_url=SITE),
            lambda: sharing.end(thief, kept),
            lambda: holding.detach(thief, contract),
            lambda: ask(thief, agent, "thief3@example.lt", proof="code"),
        ):
            assert "lately" in refusal(act).message or "three days" in refusal(act).message
        assert email_changes.undo(north, letters.secret("email_changed_old", "undo_url")) is True

        anna = sign_in(north)
        assert (anna.email, anna.phone) == (ANNA, "+37060000001")
        refusal(sign_in, north, "Vagies-zodis-9")
        refusal(sign_in, north, "Vagies-zodis-9", "thief@example.lt")
        assert (Session.select().count(), Device.select().count()) == (0, 0)
        assert [(s.email, s.ended_at) for s in Share.select()] == [("son@example.lt", None)]
        assert [row.state for row in EmailChange.select()] == ["undone"]
    with travel(NOON + timedelta(hours=73, seconds=1), tick=False):
        freezes.check(Account.get())
        sharing.share(Account.get(), contract, email="daughter@example.lt", last_on=date(2027, 1, 1), site_url=SITE)


def test_what_slipped_through_in_the_moment_of_the_change_is_taken_back_too(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04"""
    contract = factories.contract(north)
    held = factories.holds(anna, contract)
    change(north, anna, agent)
    Share.create(organisation=north, contract=contract, given_through=held, email="thief2@example.lt")
    added = identity(Account.get(), confirmed_at=now())

    email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))

    assert Share.get().ended_at is not None
    assert Identity.get_by_id(added.id).ended_at is not None
    assert Event.get(Event.name == "account.email_change_undone").facts["ended"] == 2


def test_a_way_in_that_was_added_before_the_change_was_asked_for_is_taken_back_too(
    north: Organisation, anna: Account, agent: Staff
) -> None:
    """M04: who takes an account over begins with that. What its owner had for longer stays."""
    owners, thiefs = (
        identity(anna, confirmed_at=now() - timedelta(hours=74)),
        identity(anna, scheme="SUB", confirmed_at=now() - timedelta(hours=1)),
    )
    change(north, anna, agent)
    email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))
    assert Identity.get_by_id(thiefs.id).ended_at is not None
    assert Identity.get_by_id(owners.id).ended_at is None


def test_an_identity_that_staff_were_talked_out_of_is_named_and_proven_again(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04, T56: unlinked before the change was asked for, or since. Its person comes back at once, frozen or not, with all that is theirs."""
    company, ona = factories.company(north), Proven("smart_id", "PNO", "38001085718", "LT")
    factories.head(company, ona.code)
    with travel(NOON - timedelta(days=30), tick=False):
        owners = identities.confirm(anna, ona)
        google = identities.link(anna, Proven("google", "SUB", "1157", issuer="https://accounts.google.com", level="low"))
    with travel(NOON - timedelta(days=1), tick=False):
        identities_at_desk.unlink(owners, reason="She called", by=agent, site_url=SITE)
    with travel(NOON, tick=False):
        change(north, Account.get(), agent)
    with travel(NOON + timedelta(days=1), tick=False):
        identities_at_desk.unlink(Identity.get_by_id(google.id), reason="She called", by=agent, site_url=SITE)
        assert (identities.of(anna), companies.people(company)) == ([], [])
        email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))
        told = {letter.to: letter.facts["ways"] for letter in Message.select().where(Message.kind == "email_change_undone")}
        assert told == {ANNA: ["Google", "Smart-ID"], ONA: []}
        assert freezes.is_frozen(Account.get())
        identities.confirm(Account.get(), ona)
    assert [place.account for place in companies.people(company)] == [anna]


def test_what_staff_unlinked_with_a_passport_before_them_stays_so(north: Organisation, anna: Account, agent: Staff) -> None:
    """M04, T60: a thief had the mailbox, and was confirmed in the account for long; the mailbox alone gives that back to nobody."""
    with travel(NOON - timedelta(days=30), tick=False):
        thiefs = identities.confirm(anna, Proven("smart_id", "PNO", "38001085718", "LT"))
    with travel(NOON, tick=False):
        identities_at_desk.unlink(thiefs, reason="Saw the owner's passport", by=agent, site_url=SITE)
        change(north, Account.get(), agent)
        email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))
    assert identities.of(anna) == []
    assert Account.get().identity_confirmed_at is None


@pytest.mark.parametrize("what", ["long ago", "hers to unlink", "came lately"])
def test_no_other_identity_is_named(north: Organisation, anna: Account, agent: Staff, what: str) -> None:
    """M04, T60"""
    changes = {
        "long ago": {"ended_at": NOON - timedelta(days=4)},
        "hers to unlink": {"ended_by": "customer"},
        "came lately": {"confirmed_at": NOON - timedelta(days=2)},
    }[what]
    identity(anna, **{"confirmed_at": NOON - timedelta(days=30), "ended_at": NOON - timedelta(days=1), "ended_by": "staff"} | changes)
    with travel(NOON, tick=False):
        change(north, anna, agent)
        email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))
    assert {tuple(letter.facts["ways"]) for letter in Message.select().where(Message.kind == "email_change_undone")} == {()}


def test_a_change_taken_back_proves_nothing_of_who_comes_with_the_password(north: Organisation, anna: Account, agent: Staff) -> None:
    """T48, T50: the address was confirmed when it was, and not when the link was used."""
    Account.update(email_confirmed_at=NOON - timedelta(days=300)).execute()
    with travel(NOON, tick=False):
        change(north, Account.get(), agent)
        assert Account.get().email_confirmed_at == NOON
        email_changes.undo(north, letters.secret("email_changed_old", "undo_url"))
    assert (Account.get().email, Account.get().email_confirmed_at) == (ANNA, NOON - timedelta(days=300))
