"""Staff write down who somebody is from a document, and unlink what is wrong (T41, T60)."""

from collections.abc import Callable
from typing import Any

import pytest

from config import ROOT
from models import Account, Event, Identity, Organisation, Session, Staff
from rules import checks, freezes, identities_at_desk, personal_codes, sessions
from rules.refusal import Refused
from tests import factories, letters
from tests.together import at_once

SITE = "https://savitarna.example.lt/north"
CODE = "38001085718"


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north")


@pytest.fixture
def anna(north: Organisation) -> Account:
    return factories.account(north)


@pytest.fixture
def agent(north: Organisation) -> Staff:
    return factories.staff(north)


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
    assert (kept.method, kept.level, kept.staff_id, str(kept.born_on)) == ("document", "high", agent.id, "1980-01-08")
    assert (personal_codes.unseal(kept.code_sealed), CODE in str(list(Event.select().dicts()))) == (CODE, False)
    assert letters.sent() == [("way_in_added", anna.email)]
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


def test_an_account_that_holds_something_gives_nothing_away_after_a_document_was_shown(
    north: Organisation, anna: Account, agent: Staff
) -> None:
    """T56: whoever shows a false document gains no time."""
    confirm(anna, agent)
    assert not freezes.is_frozen(Account.get_by_id(anna.id))
    ona = factories.account(north, "ona@example.lt")
    factories.holds(ona, factories.contract(north))

    confirm(ona, agent, country="EE", personal_code="49002010976")

    assert freezes.is_frozen(Account.get_by_id(ona.id))
