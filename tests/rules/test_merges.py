"""Two accounts of one person become one and two again, and nothing is lost or gained by it (T60, M18)."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from time_machine import travel

from models import (
    AccessType,
    Account,
    Contract,
    Event,
    Identity,
    Invitation,
    Membership,
    Message,
    MeterName,
    Organisation,
    Session,
    Share,
    Staff,
    ThirdPartyPayer,
    database,
    now,
)
from rules import (
    accounts,
    companies,
    events,
    heads,
    holding,
    identities,
    invitations,
    merges,
    sessions,
    sharing,
    third_party_payers,
)
from rules.identities import Proven
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
    Identity.update(level="desk").where(Identity.account == anna).execute()
    assert refusal(merge, anna, admin).message == merges.TWO_PEOPLE, "staff have seen that it is of another"
    assert refusal(merges.merge, anna, email=ONA, reason=" ", by=admin).field == "reason"


def test_of_two_who_join_or_part_at_once_one_does(north: Organisation, anna: Account, ona: Account, admin: Staff) -> None:
    """M18"""
    factories.holds(ona, factories.contract(north))
    at_once(10, lambda _: merge(anna, admin))
    assert Event.select().where(Event.name == "account.merged").count() == 1
    at_once(10, lambda _: undo(anna, admin))
    assert Event.select().where(Event.name == "account.merge_undone").count() == 1


def test_what_both_paid_for_and_was_ended_meanwhile_nobody_pays_for(north: Organisation, anna: Account, ona: Account, admin: Staff) -> None:
    """IR-09, M18"""
    flat = factories.contract(north)
    rasa = factories.account(north, "rasa@example.lt")
    factories.holds(rasa, flat)
    for payer in (anna, ona):
        ThirdPartyPayer.create(organisation=north, account=payer, contract=flat)
    merge(anna, admin)
    third_party_payers.end(rasa, ThirdPartyPayer.get(ThirdPartyPayer.ended_at.is_null()))
    undo(anna, admin)
    assert not ThirdPartyPayer.select().where(ThirdPartyPayer.ended_at.is_null()).exists()


def test_what_was_shared_through_an_access_that_stays_ended_is_shared_no_more(
    north: Organisation, anna: Account, ona: Account, admin: Staff
) -> None:
    """M18, CV-24: the payer code went on before Anna had it, and after Ona had."""
    flat = factories.contract(north)
    old = factories.holds(ona, flat)
    Membership.update(since_at=now() - timedelta(days=20)).execute()
    sharing.share(ona, flat, email="son@example.lt", last_on=None, site_url=SITE)
    factories.holds(anna, flat)
    merge(anna, admin)
    happens("it goes on", flat, [anna, ona], admin)
    undo(anna, admin)
    assert (Membership.get_by_id(old.id).ended_by, Share.get().ended_by) == ("merge", "owner")
    assert [row.account for row in Membership.select().where(Membership.until_at.is_null())] == [anna]


def test_what_a_company_got_and_gave_since_goes_with_who_represents_it(
    north: Organisation, anna: Account, ona: Account, admin: Staff
) -> None:
    """M18, IB-22: its new contract, whom its place has invited, and a company that the person heads as the register now says."""
    uosis, beech = factories.company(north), factories.company(north, "UAB „Bukas“")
    with unit_of_work():
        identities.attach(ona, Proven("smart_id", "PNO", "38001085718", "LT"))
    place = factories.represents(ona, uosis, "authorised_person")
    invitations.invite(ona, uosis, email="early@example.lt", access_type="user", site_url=SITE)
    merge(anna, admin)
    with travel(now() + timedelta(days=4), tick=False):
        whole = Account.get_by_id(anna.id)
        invited = [factories.account(north, email) for email in ("rasa@example.lt", "jonas@example.lt", "waits@example.lt")]
        for one in invited:
            invitations.invite(whole, uosis, email=one.email, access_type="user", site_url=SITE)
        for one in invited[:2]:
            invitations.accept(one, invitations.to(one)[0])
        jonas = factories.represents(invited[1], uosis)
        companies.set_company(factories.contract(north), company=uosis, reason="Theirs", by=admin)
        factories.head(beech, "38001085718")
        heads.recognise(whole)
        assert [one.company for one in companies.held(whole)] == [beech, uosis]
        undo(anna, admin)
    assert {row.account for row in Membership.select().where(Membership.until_at.is_null())} == {ona, jonas.account}
    assert companies.people(uosis) == [jonas, place], "the register names one of whom it invited"
    assert [one.account for one in companies.people(beech)] == [ona]
    ended = {one.email: one.ended_by for one in Invitation.select().where(Invitation.taken_at.is_null())}
    assert ended == {"early@example.lt": "", "waits@example.lt": "revoked"}


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


def anything(chance: random.Random, north: Organisation) -> list[Account]:
    """Two accounts with any contracts, shares given and taken, payments for others, ways to sign in and names of meters."""
    pair, rasa = [factories.account(north, ANNA), factories.account(north, ONA)], factories.account(north, "rasa@example.lt")
    for n in range(chance.randint(1, 5)):
        contract = factories.contract(north, f"01-{n}")
        meter, hers = factories.meter(contract, f"M{n}"), factories.holds(rasa, contract)
        for account in pair:
            since_at = now() - timedelta(days=chance.choice((2, 20)))
            if chance.random() < 0.7:
                kind = chance.choice(("owner", "shared_person", "viewer"))
                held = factories.holds(account, contract, kind)
                Membership.update(since_at=since_at).where(Membership.id == held.id).execute()
                if kind == "owner" and chance.random() < 0.6:
                    give(held, f"{n}{account.id}@example.lt")
                if kind == "shared_person":
                    give(hers, account.email, held, chance.choice((None, now().date() + timedelta(days=1))))
                if chance.random() < 0.5:
                    MeterName.create(organisation=north, account=account, meter=meter, name=f"n{n}")
            elif chance.random() < 0.5:
                ThirdPartyPayer.create(organisation=north, account=account, contract=contract, since_at=since_at)
    for n, account in enumerate(pair):
        if chance.random() < 0.5:
            identity(account, f"way{n}")
    if chance.random() < 0.5:
        identity(pair[1], "LT:1", "PNO")
        Account.update(identity_confirmed_at=now()).where(Account.id == pair[1].id).execute()
    return pair


def give(through: Membership, email: str, taken: Membership | None = None, last_on: date | None = None) -> None:
    given_at = now() - timedelta(days=2)
    Share.create(
        organisation=through.organisation_id,
        contract=through.contract_id,
        given_through=through,
        email=email,
        given_at=given_at,
        membership=taken,
        last_on=last_on,
    )


@pytest.mark.parametrize("seed", range(8))
def test_whatever_two_accounts_have_is_joined_and_parted_without_a_trace(north: Organisation, admin: Staff, seed: int) -> None:
    """T60, M18: after the undo every row says what it said."""
    pair = anything(random.Random(seed), north)
    before = snapshot((Event, Message))

    merge(pair[0], admin)
    assert not Membership.select().where((Membership.account == pair[1]) & Membership.until_at.is_null()).exists()
    undo(pair[0], admin)

    Account.update(frozen_until=None).execute()  # it stays frozen: what opened it was changed twice
    after = snapshot((Event, Message))
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


def happens(what: str, contract: Contract, pair: list[Account], by: Staff) -> None:
    """Something to a contract, and to what either of the two has of it."""
    theirs = (Membership.contract == contract) & Membership.account.in_(pair) & Membership.until_at.is_null()
    if what == "it goes on":
        with unit_of_work():
            holding.pass_on(contract, now().date() - timedelta(days=10))
            contract.opened_on = now().date() - timedelta(days=10)
            contract.save()
    theirs_now = list(Membership.select().where(theirs).order_by(Membership.account.desc()))
    for held in theirs_now:
        if what == "staff end it":
            holding.remove(held, reason="Not theirs", by=by)
        elif what == "they let it go":
            holding.detach(Account.get_by_id(held.account_id), contract)
        elif what == "staff lessen it" and held.access_type.name != "viewer":
            holding.change_access_type(held, access_type="viewer", reason="Too much", by=by)
        elif what == "it is shared" and held.account_id == pair[0].id and held.access_type.name == "owner":
            sharing.share(Account.get_by_id(pair[0].id), contract, email="late@example.lt", last_on=None, site_url=SITE)
    hers = Membership.select().where((Membership.contract == contract) & Membership.account.not_in(pair) & Membership.until_at.is_null())
    for held in hers if what == "who shared it goes" else ():
        holding.remove(held, reason="Sold", by=by)
    for held in hers if what == "who shared it has less" else ():
        holding.change_access_type(held, access_type="viewer", reason="Too much", by=by)
    for payer in ThirdPartyPayer.select().where((ThirdPartyPayer.contract == contract) & ThirdPartyPayer.ended_at.is_null()):
        if what == "it is not paid for":
            third_party_payers.end_by_staff(payer, reason="Asked", by=by)


def rights() -> set[tuple[Any, ...]]:
    """Who may do what now, with whom it is shared, and who pays for it."""
    held = Membership.select(Membership, AccessType).join(AccessType).where(Membership.until_at.is_null())
    return (
        {(row.contract_id, row.account_id, deed) for row in held for deed in row.access_type.deeds}
        | {(row.contract_id, row.email) for row in Share.select().where(Share.ended_at.is_null())}
        | {(row.contract_id, "pays", row.account_id) for row in ThirdPartyPayer.select().where(ThirdPartyPayer.ended_at.is_null())}
    )


THINGS = (
    "who shared it goes",
    "who shared it has less",
    "it goes on",
    "staff end it",
    "they let it go",
    "staff lessen it",
    "it is shared",
    "it is not paid for",
)


@pytest.mark.parametrize("seed", [5, 24, 88, 130, 135])  # between them they meet every reason to stay ended
def test_after_an_undo_nobody_has_what_they_would_not_have_had_unjoined(north: Organisation, admin: Staff, seed: int) -> None:
    """T60, M18: whatever happens meanwhile; and where nothing does, everybody has all of it."""
    chance = random.Random(seed)
    pair = anything(chance, north)
    story = [(chance.choice(THINGS), contract) for contract in Contract.select() if chance.random() < 0.7]

    def later() -> set[tuple[Any, ...]]:
        with travel(now() + timedelta(days=4), tick=False):  # no account is frozen any more
            for what, contract in story:
                happens(what, Contract.get_by_id(contract.id), pair, admin)
            sharing.end_expired()
            if Event.select().where(Event.name == "account.merged").exists():
                undo(pair[0], admin)
            return rights()

    with database.atomic() as never:
        unjoined = later()
        never.rollback()
    merge(pair[0], admin)
    parted = later()
    assert parted - unjoined == set(), story
    touched = {contract.id for _what, contract in story} | {share.contract_id for share in Share.select().where(Share.ended_by == "expiry")}
    assert {right for right in unjoined - parted if right[0] not in touched} == set()
    through = Share.select().join(Membership, on=Share.given_through).where(Share.ended_at.is_null())
    assert not through.where(Membership.until_at.is_null(False)).exists()
