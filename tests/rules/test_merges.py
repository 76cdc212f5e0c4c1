"""Two accounts of one person become one and two again, and nothing is lost or gained by it (T60, M18)."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from time_machine import travel

from models import (
    AccessType,
    Account,
    Event,
    Identity,
    Membership,
    Message,
    MeterName,
    Organisation,
    Session,
    Share,
    Staff,
    ThirdPartyPayer,
    now,
)
from rules import accounts, events, merges, sessions, sharing
from rules.refusal import Doubtful, Refused
from rules.work import unit_of_work
from tests import factories, letters
from tests.together import at_once
from tests.world import snapshot

SITE = "https://savitarna.example.lt/north"
ANNA, ONA = "anna@example.lt", "ona@example.lt"


@pytest.fixture
def ona(north: Organisation) -> Account:
    return factories.account(north, ONA, name="Anna again")


@pytest.fixture
def admin(north: Organisation) -> Staff:
    return factories.staff(north, "administrator")


def merge(account: Account, by: Staff, email: str = ONA, sure: bool = True) -> None:
    merges.merge(Account.get_by_id(account.id), email=email, reason="She has two", by=by, sure=sure)


def undo(account: Account, by: Staff) -> None:
    merges.undo(Account.get_by_id(account.id), reason="They are two", by=by)


def refusal(act: Callable[..., Any], *args: Any, **options: Any) -> Refused:
    with pytest.raises(Refused) as no:
        act(*args, **options)
    return no.value


def identity(account: Account, code: str, scheme: str = "SUB") -> Identity:
    level = "high" if scheme == "PNO" else "low"
    return Identity.create(
        organisation=account.organisation_id, account=account, method="x", scheme=scheme, code_digest=code, code_sealed="x", level=level
    )


def test_what_will_happen_is_said_first_and_done_after_a_yes(north: Organisation, anna: Account, ona: Account, admin: Staff) -> None:
    """T60, M18"""
    factories.holds(ona, factories.contract(north, "01-1"))
    both = factories.contract(north, "01-2")
    factories.holds(ona, both, "viewer")
    factories.holds(anna, both)
    identity(ona, "google")
    before = snapshot()

    with pytest.raises(Doubtful) as asked:
        merge(anna, admin, sure=False)

    assert asked.value.facts == {"email": ONA, "contracts": 1, "companies": 0, "ways": 1, "names": 0, "payments": 0, "both": 1}
    assert snapshot() == before


def test_all_of_it_is_in_one_account_and_the_other_opens_for_nobody(north: Organisation, anna: Account, ona: Account, admin: Staff) -> None:
    """T60"""
    only_hers, both = factories.contract(north, "01-1"), factories.contract(north, "01-2")
    factories.holds(ona, only_hers)
    factories.holds(anna, both, "viewer")
    greater = factories.holds(ona, both)
    sharing.share(ona, both, email="son@example.lt", last_on=None, site_url=SITE)
    way = identity(ona, "google")
    sessions.open_for(ona)

    merge(anna, admin)

    held = Membership.select(Membership, AccessType).join(AccessType).where((Membership.account == anna) & Membership.until_at.is_null())
    assert {(row.contract_id, row.access_type.name) for row in held} == {(only_hers.id, "owner"), (both.id, "owner")}
    assert (Share.get().given_through_id, Share.get().ended_at) == (greater.id, None)
    assert Identity.get_by_id(way.id).account_id == anna.id
    assert Session.select().count() == 0
    for email in (ONA, f"{ona.public_id}@joined.invalid"):
        refusal(accounts.sign_in, north, email, factories.PASSWORD, source="192.0.2.0/24", device=None, site_url=SITE)
    accounts.ask_password_reset(north, ONA, source="192.0.2.0/24", language="lt", site_url=SITE)
    assert "reset_password" not in [kind for kind, _to in letters.sent()]
    assert [to for kind, to in letters.sent() if kind == "accounts_merged"] == [ONA, ANNA]
    assert accounts.sign_in(north, ANNA, factories.PASSWORD, source="192.0.2.0/24", device=None, site_url=SITE).id == anna.id
    assert "lately" in refusal(sharing.share, Account.get_by_id(anna.id), both, email="x@example.lt", last_on=None, site_url=SITE).message


def test_an_agent_joins_only_what_the_person_has_proven_to_be_theirs(north: Organisation, anna: Account, ona: Account) -> None:
    """T60, T56: nobody is talked into joining a stranger's account with the caller's."""
    agent = factories.staff(north)
    assert refusal(merge, anna, agent).message == merges.NOT_PROVEN
    with unit_of_work():
        events.record("identity.collided", anna, by=anna, method="smart_id", other=ona.id)
    assert refusal(merge, anna, agent).message == merges.NOT_PROVEN, "that identity is no longer the other account's"
    identity(ona, "LT:1", "PNO")
    Identity.update(level="desk").execute()
    assert refusal(merge, anna, agent).message == merges.NOT_PROVEN, "an agent could have written the caller's code there"
    Identity.update(level="high").execute()
    with travel(now() + timedelta(days=31), tick=False):
        assert refusal(merge, anna, agent).message == merges.NOT_PROVEN
    merge(anna, agent)


def test_two_people_are_not_joined_nor_two_organisations(north: Organisation, anna: Account, ona: Account, admin: Staff) -> None:
    """T60"""
    factories.account(factories.organisation("south"), "southern@example.lt")
    for email in ("southern@example.lt", "nobody@example.lt", ANNA):
        assert refusal(merge, anna, admin, email).message == merges.NOBODY
    identity(anna, "LT:1", "PNO")
    identity(ona, "LT:2", "PNO")
    assert refusal(merge, anna, admin).message == merges.TWO_PEOPLE
    assert refusal(merges.merge, anna, email=ONA, reason=" ", by=admin).field == "reason"


def test_of_two_who_join_or_part_at_once_one_does(north: Organisation, anna: Account, ona: Account, admin: Staff) -> None:
    """M18"""
    factories.holds(ona, factories.contract(north))
    at_once(10, lambda _: merge(anna, admin))
    assert Event.select().where(Event.name == "account.merged").count() == 1
    at_once(10, lambda _: undo(anna, admin))
    assert Event.select().where(Event.name == "account.merge_undone").count() == 1


def test_what_has_changed_since_or_is_thirty_days_old_is_not_undone(north: Organisation, anna: Account, ona: Account, admin: Staff) -> None:
    """M18"""
    held = factories.holds(ona, factories.contract(north))
    merge(anna, admin)
    with travel(now() + merges.UNDO, tick=False):
        refusal(undo, anna, admin)
    Membership.update(until_at=now(), ended_by="staff").where(Membership.id == held.id).execute()
    Membership.update(account=factories.account(north, "third@example.lt")).where(Membership.id == held.id).execute()
    assert refusal(undo, anna, admin).message == merges.CHANGED
    assert Account.get_by_id(ona.id).email != ONA, "nothing is half undone"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_two_accounts_have_is_joined_and_parted_without_a_trace(north: Organisation, admin: Staff, seed: int) -> None:
    """T60, M18: any contracts, shares, payments for others, ways to sign in and names of meters; after the undo every row says what it said."""
    chance = random.Random(seed)
    pair = [factories.account(north, ANNA), factories.account(north, ONA)]
    for n in range(chance.randint(1, 5)):
        contract = factories.contract(north, f"01-{n}")
        meter = factories.meter(contract, f"M{n}")
        for account in pair:
            if chance.random() < 0.7:
                kind = chance.choice(("owner", "shared_person", "viewer"))
                held = factories.holds(account, contract, kind)
                if kind == "owner" and chance.random() < 0.6:
                    Share.create(organisation=north, contract=contract, given_through=held, email=f"{seed}{n}{account.id}@example.lt")
                if chance.random() < 0.5:
                    MeterName.create(organisation=north, account=account, meter=meter, name=f"n{n}")
            elif chance.random() < 0.5:
                ThirdPartyPayer.create(organisation=north, account=account, contract=contract)
    for n, account in enumerate(pair):
        if chance.random() < 0.5:
            identity(account, f"way{n}")
    if chance.random() < 0.5:
        identity(pair[1], "LT:1", "PNO")
        Account.update(identity_confirmed_at=now()).where(Account.id == pair[1].id).execute()
    before = snapshot((Event, Message))

    merge(pair[0], admin)
    assert not Membership.select().where((Membership.account == pair[1]) & Membership.until_at.is_null()).exists()
    undo(pair[0], admin)

    Account.update(frozen_until=None).execute()  # it stays frozen: what opened it was changed twice
    after = snapshot((Event, Message))
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}
