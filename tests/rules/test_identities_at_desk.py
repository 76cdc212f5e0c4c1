"""Staff write down who somebody is from a document, and unlink what is wrong (T41, T60)."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

from config import ROOT
from models import Account, Event, Identity, Organisation, Session, Staff, now
from rules import (
    access,
    accounts,
    checks,
    companies,
    email_changes,
    freezes,
    identities,
    identities_at_desk,
    identity_flows,
    merges,
    personal_codes,
    sessions,
)
from rules.identities import Proven
from rules.refusal import Refused
from rules.work import unit_of_work
from tests import factories, letters
from tests.together import at_once

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SITE = "https://savitarna.example.lt/north"
CODE = "38001085718"


def confirm(account: Account, agent: Staff, **changes: str) -> Identity:
    said = {
        "first_name": "Anna", "last_name": "North", "country": "LT", "personal_code": CODE, "document": "Passport 12345678, 2030-01-01",
        "reason": "Came to the desk",
    } | changes  # fmt: skip
    return identities_at_desk.confirm(account, **said, by=agent, site_url=SITE)


def refusal(act: Callable[..., Any], *args: Any, **options: Any) -> Refused:
    with pytest.raises(Refused) as no:
        act(*args, **options)
    return no.value


def test_an_identity_is_confirmed_from_a_document_with_a_reason_and_the_customer_is_told(anna: Account, agent: Staff) -> None:
    """IR-05, K03"""
    made = confirm(anna, agent)

    kept = Identity.get_by_id(made.id)
    assert Account.get().identity_confirmed_at is not None
    assert (kept.method, kept.level, kept.staff_id, str(kept.born_on)) == ("document", "desk", agent.id, "1980-01-08")
    assert (personal_codes.unseal(kept.code_sealed), CODE in str(list(Event.select().dicts()))) == (CODE, False)
    assert letters.sent() == [("identity_noted", anna.email)]
    assert Event.get(Event.name == "identity.confirmed_by_staff").facts["reason"] == "Came to the desk"
    assert not [said for said in checks.broken(b"k" * 32, ROOT / "migrations") if said.startswith("identity")]


@pytest.mark.parametrize(
    ("field", "typed"),
    [("first_name", " "), ("last_name", ""), ("country", "Lithuania"), ("personal_code", "38001085719"), ("document", " "), ("reason", "")],
)
def test_what_is_missing_or_cannot_be_is_refused_on_its_field(anna: Account, agent: Staff, field: str, typed: str) -> None:
    assert refusal(confirm, anna, agent, **{field: typed}).field == field
    assert Identity.select().count() == 0


def test_two_accounts_are_never_of_one_person_and_staff_are_told_which_other_it_is(
    north: Organisation, anna: Account, agent: Staff
) -> None:
    """T60: nothing is joined by itself."""
    confirm(anna, agent)
    ona = factories.account(north, "ona@example.lt", name="Ona")

    no = refusal(confirm, ona, agent)

    assert (no.message, no.facts["email"]) == (identities_at_desk.OF_ANOTHER_ACCOUNT, anna.email)
    assert refusal(confirm, anna, agent).message == identities_at_desk.SAME
    assert refusal(confirm, anna, agent, country="EE", personal_code="49002010976").message == identities_at_desk.OF_ANOTHER_PERSON
    assert Account.get_by_id(ona.id).identity_confirmed_at is None
    confirm(factories.account(factories.organisation("south")), factories.staff(None, "administrator"))


def test_of_twenty_who_confirm_at_once_one_does(anna: Account, agent: Staff) -> None:
    """T60"""
    at_once(20, lambda _: confirm(Account.get(), agent))
    assert Identity.select().count() == 1


def test_an_identity_is_unlinked_with_a_reason_and_every_session_ends(anna: Account, agent: Staff) -> None:
    """T41, T60"""
    made = confirm(anna, agent)
    sessions.open_for(anna)
    assert refusal(identities_at_desk.unlink, made, reason=" ", by=agent, site_url=SITE).field == "reason"

    identities_at_desk.unlink(made, reason="It was her sister", by=agent, site_url=SITE)

    assert (Session.select().count(), Account.get().identity_confirmed_at) == (0, None)
    assert letters.sent()[-1] == ("way_in_ended", anna.email)
    assert Event.get(Event.name == "identity.ended").facts == {"method": "document", "ended_by": "staff", "reason": "It was her sister"}
    refusal(identities_at_desk.unlink, made, reason="Again", by=agent, site_url=SITE)
    confirm(anna, agent)


PROVEN = Proven(method="smart_id", scheme="PNO", code=CODE, country="LT", first_name="ANNA", last_name="NORTH")


def sign_in(here: Organisation, key: str, who: Proven = PROVEN) -> Account | None:
    """What the Smart-ID of that person opens here."""
    flow = identity_flows.open_for(here, "secret", key, purpose="sign_in", method="smart_id", account=None, facts={})
    assert flow is not None
    identity_flows.began(flow, {}, callback=key, is_elsewhere=False)
    identity_flows.settle(flow, "", asdict(who))
    return accounts.sign_in_by_identity(flow)


def test_a_document_opens_no_account_before_its_holder_has_proven_the_same(north: Organisation, anna: Account, agent: Staff) -> None:
    """K03, T41: one deceived agent and another's personal code are no way into an account."""
    confirm(anna, agent)
    assert access.level(Account.get()) == "strong"
    assert refusal(sign_in, north, "first").message == identities.NOT_PROVEN_YET
    assert refusal(identities.confirm, Account.get(), replace(PROVEN, code="49002010976")).message == identities.OF_ANOTHER_PERSON

    here, elsewhere = sessions.open_for(anna), sessions.open_for(anna)
    identities.confirm(Account.get(), PROVEN, site_url=SITE, session=here)

    kept = Identity.get()
    assert (kept.method, kept.level, kept.last_method) == ("smart_id", "high", "smart_id")
    assert (sessions.customer(here, north), sessions.customer(elsewhere, north)) == (anna, None)
    assert letters.sent()[-1] == ("way_in_added", anna.email)
    assert sign_in(north, "second") == anna
    identities.confirm(Account.get(), PROVEN, site_url=SITE)
    assert letters.sent()[-1:] == letters.sent()[1:], "told once"


def test_a_frozen_account_is_not_opened_by_what_staff_saw_in_a_document(anna: Account, agent: Staff) -> None:
    """M04: who took the account over cannot have their own identity open it."""
    confirm(anna, agent)
    freezes.begin(anna, now())
    assert refusal(identities.confirm, Account.get(), PROVEN).message == freezes.FROZEN
    assert Identity.get().level == "desk"


def test_a_document_makes_nobody_a_head_and_proves_no_change_of_e_mail(north: Organisation, anna: Account, agent: Staff) -> None:
    """IB-31, IB-39, M04"""
    company = factories.company(north)
    factories.head(company, CODE)
    made = confirm(anna, agent)
    Identity.update(confirmed_at=now() - timedelta(days=4), last_used_at=now(), last_method="smart_id").where(
        Identity.id == made.id
    ).execute()
    assert (companies.people(company), email_changes.has_just_proven(anna)) == ([], False)

    identities.confirm(Account.get(), PROVEN)

    assert [place.account for place in companies.people(company)] == [anna]


def test_what_a_customer_has_proven_is_unlinked_once_and_freezes_the_account(north: Organisation, anna: Account, agent: Staff) -> None:
    """T41, M04: an agent does not put another person in the place of the owner, and the owner comes back."""
    with travel(NOON, tick=False):
        made = identities.confirm(anna, PROVEN)
    with travel(NOON + timedelta(days=9), tick=False):
        identities_at_desk.unlink(made, reason="She asked", by=agent, site_url=SITE)
        for who in (Account.get(), anna):
            assert freezes.is_frozen(who)
    with travel(NOON + timedelta(days=10), tick=False):
        assert refusal(confirm, Account.get(), agent, country="EE", personal_code="49002010976").message == freezes.FROZEN
        assert refusal(identities.confirm, Account.get(), replace(PROVEN, code="49002010976")).message == freezes.FROZEN
        back = identities.confirm(Account.get(), PROVEN)
        assert (back.level, sign_in(north, "back")) == ("high", anna)


@pytest.mark.parametrize("who", ["whom its owner took away", "whom staff alone had written down"])
def test_only_who_had_proven_it_comes_back_while_an_account_is_frozen(anna: Account, agent: Staff, who: str) -> None:
    """M04: not a thief whom a letter's link took away, nor somebody of whom nothing but a document was seen."""
    if who == "whom its owner took away":
        thiefs = identities.confirm(anna, PROVEN)
        with unit_of_work():
            identities.end(thiefs, "customer", by=anna)
    else:
        identities_at_desk.unlink(confirm(anna, agent), reason="A mistake", by=agent, site_url=SITE)
    freezes.begin(anna, now())
    assert refusal(identities.confirm, anna, PROVEN).message == freezes.FROZEN
    assert identities.of(anna) == []


def test_while_an_account_is_frozen_its_identity_stays(anna: Account, agent: Staff) -> None:
    """M04: but for one that came since; then somebody may just be taking the account over."""
    with travel(NOON, tick=False):
        made = identities.confirm(anna, PROVEN)
        freezes.begin(anna, NOON + timedelta(days=9))
    with travel(NOON + timedelta(days=10), tick=False):
        assert refusal(identities_at_desk.unlink, made, reason="Asked", by=agent, site_url=SITE).message == identities_at_desk.FROZEN
        Identity.update(confirmed_at=now()).execute()
        identities_at_desk.unlink(Identity.get(), reason="Not she", by=agent, site_url=SITE)
    assert Identity.get().ended_by == "staff"


RIGHTFUL = "rightful@example.lt"


def test_a_person_proves_more_than_a_document_at_a_desk(north: Organisation, anna: Account, agent: Staff) -> None:
    """T60, T41: whoever's personal code staff wrote down for another account confirms themselves; that account hears it, and staff."""
    held = confirm(anna, agent)
    sessions.open_for(anna)
    rightful = factories.account(north, RIGHTFUL)

    made = identities.confirm(rightful, PROVEN, site_url=SITE)

    assert (made.account, made.level, sign_in(north, "now")) == (rightful, "high", rightful)
    assert (Identity.get_by_id(held.id).ended_by, Account.get_by_id(anna.id).identity_confirmed_at) == ("proof", None)
    assert Session.select().count() == 0
    assert letters.sent()[1:] == [("identity_yielded", anna.email), ("way_in_added", RIGHTFUL)]
    (ended,) = Event.select().where(Event.name == "identity.ended")
    assert (ended.account, ended.actor, ended.facts["ended_by"]) == (anna, "system", "proof")
    (collided,) = Event.select().where(Event.name == "identity.collided")
    assert (collided.account, collided.facts["other"]) == (rightful, anna.id)
    assert not [said for said in checks.broken(b"k" * 32, ROOT / "migrations") if said.startswith("identity")]


def test_what_yielded_to_a_proof_joins_no_accounts_until_the_person_proves_it_there_too(
    north: Organisation, anna: Account, agent: Staff
) -> None:
    """T60, T41: as the letter says; what staff wrote down could be anybody's."""
    confirm(anna, agent)
    rightful = factories.account(north, RIGHTFUL)
    identities.confirm(rightful, PROVEN)
    for one, other in ((anna, rightful), (rightful, anna)):
        assert refusal(merges.merge, one, email=other.email, reason="One", by=agent, sure=True).message == merges.NOT_PROVEN
    assert refusal(identities.confirm, Account.get_by_id(anna.id), PROVEN).message == identities.OF_ANOTHER_ACCOUNT
    merges.merge(rightful, email=anna.email, reason="One", by=agent, sure=True)


def test_a_document_yields_to_nothing_less_than_a_proof(north: Organisation, anna: Account, agent: Staff) -> None:
    """T60, M04: nor to who is refused anyway, nor to one of staff."""
    confirm(anna, agent)
    rightful = factories.account(north, RIGHTFUL)
    assert refusal(identities.confirm, rightful, replace(PROVEN, level="low")).message == identities.NOT_STRONG
    assert refusal(confirm, rightful, agent).message == identities_at_desk.OF_ANOTHER_ACCOUNT
    freezes.begin(rightful, now())
    assert refusal(identities.confirm, rightful, PROVEN).message == freezes.FROZEN
    of_ona = factories.account(north, "ona@example.lt")
    identities.confirm(of_ona, replace(PROVEN, code="49002010976"))
    assert refusal(identities.confirm, of_ona, PROVEN).message == identities.OF_ANOTHER_PERSON
    assert identities.strong(anna).level == "desk"
    assert dict(letters.sent()).keys() == {"identity_noted"}
