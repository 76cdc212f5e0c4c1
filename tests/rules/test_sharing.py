"""A contract shared with an e-mail address: who may, what the other sees, how it ends, and what nobody learns from it."""

from datetime import date, timedelta
from typing import Any

import pytest
from time_machine import travel

from models import Account, Contract, Event, Invoice, Membership, Message, Meter, Organisation, Reading, Share, now
from rules import access, clock, contracts, holding, settings, sharing
from rules.refusal import Missing, Refused
from rules.work import unit_of_work
from tests import factories
from tests.together import at_once

SITE = "https://savitarna.example/north"


@pytest.fixture
def flat(north: Organisation) -> Contract:
    made = factories.contract(north, "01-204 77")
    factories.invoice(made, "SF-1")
    factories.reading(factories.meter(made), 5_000, date(2026, 10, 31))
    return made


@pytest.fixture
def anna(north: Organisation, flat: Contract) -> Account:
    account = factories.account(north)
    factories.holds(account, flat)
    return account


@pytest.fixture
def ivan(north: Organisation) -> Account:
    return factories.account(north, "ivan@example.lt", name="Ivan North")


def share(account: Account, flat: Contract, email: str = "Ivan@Example.lt", last_on: date | None = None) -> Share:
    return sharing.share(account, flat, email=email, last_on=last_on, site_url=SITE)


def seen(account: Account) -> tuple[int, ...]:
    """How many contracts, bills, meters and readings an account may know of."""
    fresh = Account.get_by_id(account.id)
    return tuple(model.within(fresh).count() for model in (Contract, Invoice, Meter, Reading))


def told(to: str) -> list[str]:
    return [message.kind for message in Message.select().where(Message.to == to).order_by(Message.id)]


def happened() -> list[str]:
    return [event.name for event in Event.select().where(Event.name.contains("share")).order_by(Event.id)]


# ---- shared and taken -------------------------------------------------------------------------------------------------


def test_whoever_has_exactly_that_address_takes_it_and_sees_what_the_owner_sees(anna: Account, flat: Contract, ivan: Account) -> None:
    """CV-02, CV-22, CV-23, CV-24, CV-26"""
    assert seen(ivan) == (0, 0, 0, 0)
    made = share(anna, flat)
    assert told("Ivan@example.lt") == ["contract_shared"]
    assert seen(ivan) == (0, 0, 0, 0)  # nobody is given what they did not take
    assert [one.id for one in sharing.offers(ivan)] == [made.id]
    sharing.accept(ivan, sharing.offer(ivan, made.public_id))
    assert seen(ivan) == seen(anna) == (1, 1, 1, 1)
    for deed in ("contract.view", "invoice.view", "meter.view", "reading.declare", "contract.detach"):
        assert access.allows(Account.get_by_id(ivan.id), deed, flat)
    assert told(anna.email) == ["share_accepted"]
    assert [(one.email, one.membership_id is not None) for one in sharing.given(flat)] == [("Ivan@example.lt", True)]
    assert sharing.offers(ivan) == []
    assert happened() == ["share.given", "contract.attached_by_share"]


def test_who_was_given_it_shares_it_with_nobody(anna: Account, flat: Contract, ivan: Account) -> None:
    """T09, CV-27"""
    made = share(anna, flat)
    sharing.accept(ivan, made)
    ivan = Account.get_by_id(ivan.id)
    with pytest.raises(Missing):
        share(ivan, flat, "vida@example.lt")
    with pytest.raises(Missing):
        access.reach(ivan, Share, made.public_id, "contract.share")


@pytest.mark.parametrize("email", ["ivan+flat@example.lt", "iva@example.lt", "ivan@example.com"])
def test_another_address_is_another_person(anna: Account, flat: Contract, ivan: Account, email: str) -> None:
    """CV-24"""
    made = share(anna, flat, email)
    assert sharing.offers(ivan) == []
    with pytest.raises(Missing):
        sharing.offer(ivan, made.public_id)


def test_whether_the_address_has_an_account_changes_nothing(anna: Account, flat: Contract, ivan: Account) -> None:
    """T09: the same rows, letters and events, but for the address"""
    written = []
    for email in (ivan.email, "nobody@example.lt"):
        before = Message.select().count(), Event.select().count()
        share(anna, flat, email)
        letter = Message.get(Message.to == email)
        event = Event.select().order_by(Event.id.desc()).get()
        written.append((letter.kind, letter.name, letter.language, letter.account_id, letter.lane, event.name, event.account_id))
        assert (Message.select().count(), Event.select().count()) == (before[0] + 1, before[1] + 1)
    assert written[0] == written[1]


def test_who_took_the_address_before_its_owner_did_gets_nothing(anna: Account, flat: Contract, north: Organisation) -> None:
    """T10: an account whose address nobody has confirmed is offered nothing; confirmed later, by whoever reads the mail, it is"""
    thief = factories.account(north, "ivan@example.lt", name="Not Ivan", email_confirmed_at=None)
    made = share(anna, flat)
    assert sharing.offers(thief) == []
    with pytest.raises(Missing):
        sharing.offer(thief, made.public_id)
    assert seen(thief) == (0, 0, 0, 0)


def test_of_two_organisations_each_has_its_own(anna: Account, flat: Contract, db: object) -> None:
    south = factories.organisation("south")
    namesake = factories.account(south, "ivan@example.lt")
    share(anna, flat)
    assert sharing.offers(namesake) == []


def test_it_can_be_declined(anna: Account, flat: Contract, ivan: Account) -> None:
    made = share(anna, flat)
    sharing.decline(ivan, made)
    assert sharing.offers(ivan) == sharing.given(flat) == []
    with pytest.raises(Missing):
        sharing.accept(ivan, made)
    assert seen(ivan) == (0, 0, 0, 0)


def test_who_has_it_already_is_told_so_and_keeps_it(anna: Account, flat: Contract, ivan: Account) -> None:
    factories.holds(ivan, flat)
    made = share(anna, flat)
    with pytest.raises(Refused, match="already added"):
        sharing.accept(ivan, made)
    assert Membership.select().where(Membership.account == ivan).count() == 1
    assert Share.get_by_id(made.id).membership_id is None


def test_a_letter_tells_no_code_and_begins_with_nobodys_words(anna: Account, flat: Contract) -> None:
    """T09: the address may be mistyped, and a name is free text"""
    Contract.update(address="").execute()
    Account.update(name="> Pay 900 EUR at evil.example " * 5).execute()
    share(Account.get_by_id(anna.id), Contract.get())
    facts = Message.get(Message.kind == "contract_shared").facts
    assert flat.payer_code not in str(facts)
    assert len(facts["by"]) <= 80


def test_knowing_a_bill_because_it_was_shared_makes_nobody_an_owner(anna: Account, flat: Contract, ivan: Account) -> None:
    """T09"""
    made = share(anna, flat)
    sharing.accept(ivan, made)
    sharing.end(anna, Share.get_by_id(made.id))
    bill = {"provider": flat.provider, "payer_code": flat.payer_code, "invoice_number": "SF-1", "source": "10.0.0.1"}
    with pytest.raises(Refused, match="only its owner"):
        contracts.attach(Account.get_by_id(ivan.id), **bill)
    assert seen(ivan) == (0, 0, 0, 0)
    Contract.update(opened_on=clock.today() + timedelta(days=1)).execute()
    settings.change(flat.organisation, "claim_invoice", False, by="operator")
    with travel(now() + timedelta(days=2), tick=False):  # it is Ivan's now, says the billing system
        contracts.attach(Account.get_by_id(ivan.id), **bill)
        assert seen(ivan)[0] == 1


# ---- what is refused --------------------------------------------------------------------------------------------------


def test_the_same_address_twice_oneself_and_the_past_are_refused(anna: Account, flat: Contract) -> None:
    share(anna, flat)
    yesterday = clock.today() - timedelta(days=1)
    for email, last_on, why in (
        ("IVAN@example.lt", None, "already"),
        ("ANNA@example.lt", None, "your own"),
        ("vida@example.lt", yesterday, "past"),
        ("no address", None, "e-mail address"),
    ):
        with pytest.raises(Refused, match=why):
            share(anna, flat, email, last_on)
    assert Share.select().count() == Message.select().count() == 1


def test_nobody_sends_letters_to_half_the_town(anna: Account, flat: Contract) -> None:
    """T09"""
    for number in range(sharing.PER_DAY):
        sharing.end(anna, share(anna, flat, f"n{number}@example.lt"))
    with pytest.raises(Refused, match="today"):
        share(anna, flat, "one.more@example.lt")


def test_nobody_gets_letters_all_day_long(anna: Account, flat: Contract) -> None:
    """T09"""
    for _ in range(sharing.TO_ONE_PER_DAY):
        sharing.end(anna, share(anna, flat))
    with pytest.raises(Refused, match="enough letters"):
        share(anna, flat)


def test_where_sharing_is_turned_off_offers_wait_and_what_was_taken_can_be_ended(
    anna: Account, flat: Contract, ivan: Account, north: Organisation
) -> None:
    """K06"""
    made = share(anna, flat)
    sharing.accept(ivan, made)
    share(anna, flat, "vida@example.lt")
    settings.change(north, "sharing", False, by="operator")
    vida = factories.account(Organisation.get(), "vida@example.lt")
    assert sharing.offers(Account.get_by_id(vida.id)) == []
    sharing.end(Account.get_by_id(anna.id), Share.get_by_id(made.id))
    assert seen(ivan) == (0, 0, 0, 0)


def test_where_the_organisation_does_not_share_nobody_does(anna: Account, flat: Contract, north: Organisation) -> None:
    """K06"""
    settings.change(north, "sharing", False, by="operator")
    with pytest.raises(Missing):
        share(Account.get_by_id(anna.id), flat)


def test_what_was_shared_is_given_back_by_its_owner_alone(anna: Account, flat: Contract, ivan: Account) -> None:
    """M18"""
    made, olga = share(anna, flat), factories.staff(anna.organisation)
    sharing.accept(ivan, made)
    sharing.end(anna, Share.get_by_id(made.id))
    held = Membership.get(Membership.account == ivan)
    with pytest.raises(Refused, match="Only an owner"):
        holding.restore(held, reason="He asked", by=olga)
    assert seen(ivan) == (0, 0, 0, 0)


def test_whoever_staff_make_an_owner_stays_when_the_one_who_shared_goes(anna: Account, flat: Contract, ivan: Account) -> None:
    sharing.accept(ivan, share(anna, flat))
    olga = factories.staff(anna.organisation)
    holding.change_access_type(Membership.get(Membership.account == ivan), access_type="owner", reason="He bought it", by=olga)
    assert sharing.given(flat) == []
    holding.detach(anna, flat)
    assert seen(ivan) == (1, 1, 1, 1)


# ---- how it ends ------------------------------------------------------------------------------------------------------


def test_the_owner_who_gave_it_ends_it_and_the_other_sees_nothing_any_more(anna: Account, flat: Contract, ivan: Account) -> None:
    """CV-27"""
    made = share(anna, flat)
    sharing.accept(ivan, made)
    sharing.end(anna, Share.get_by_id(made.id))
    assert seen(ivan) == (0, 0, 0, 0)
    assert seen(anna) == (1, 1, 1, 1)
    assert told(ivan.email) == ["contract_attached", "contract_ended"]
    assert sharing.given(flat) == []
    assert happened()[-1] == "share.ended"
    with pytest.raises(Refused):
        sharing.end(anna, Share.get_by_id(made.id))
    share(anna, flat)  # and may be given again


def test_another_owner_ends_it_only_where_the_organisation_lets_any(
    anna: Account, flat: Contract, ivan: Account, north: Organisation
) -> None:
    """K07, CV-27"""
    petras = factories.account(north, "petras@example.lt", name="Petras North")
    factories.holds(petras, flat)
    made = share(anna, flat)
    sharing.accept(ivan, made)
    with pytest.raises(Missing):
        sharing.end(petras, Share.get_by_id(made.id))
    assert seen(ivan) == (1, 1, 1, 1)
    settings.change(north, "share_ended_by", "any_owner", by="operator")
    sharing.end(Account.get_by_id(petras.id), Share.get_by_id(made.id))
    assert seen(ivan) == (0, 0, 0, 0)


@pytest.mark.parametrize("how", ["detach", "remove", "feed"])
def test_what_was_shared_ends_with_the_access_of_whoever_shared_it(anna: Account, flat: Contract, ivan: Account, how: str) -> None:
    """P4: whoever sold the flat leaves nobody in it"""
    sharing.accept(ivan, share(anna, flat))
    waiting = share(anna, flat, "vida@example.lt")
    if how == "detach":
        holding.detach(anna, flat)
    elif how == "remove":
        holding.remove(Membership.get(Membership.account == anna), reason="Sold", by=factories.staff(anna.organisation))
    else:
        Contract.update(opened_on=clock.today() + timedelta(days=1)).execute()
        with unit_of_work():
            holding.pass_on(Contract.get(), clock.today() + timedelta(days=1))
    assert seen(ivan) == seen(anna) == (0, 0, 0, 0)
    assert Share.select().where(Share.ended_at.is_null()).count() == 0
    assert Share.get_by_id(waiting.id).ended_by == "owner"
    assert told(ivan.email)[-1] == "contract_ended"


def test_who_may_no_longer_share_shares_no_longer(anna: Account, flat: Contract, ivan: Account) -> None:
    """P4"""
    sharing.accept(ivan, share(anna, flat))
    held, olga = Membership.get(Membership.account == anna), factories.staff(anna.organisation)
    holding.change_access_type(held, access_type="user", reason="Not the owner", by=olga)
    assert seen(ivan) == (0, 0, 0, 0)


def test_the_other_lets_it_go_and_the_owner_sees_so(anna: Account, flat: Contract, ivan: Account) -> None:
    """CV-40"""
    sharing.accept(ivan, share(anna, flat))
    holding.detach(Account.get_by_id(ivan.id), flat)
    assert sharing.given(flat) == []
    assert Share.get().ended_by == "customer"


def test_it_ends_with_its_last_day(anna: Account, flat: Contract, ivan: Account) -> None:
    with travel("2026-11-30 20:00:00", tick=False):
        sharing.accept(ivan, share(anna, flat, last_on=date(2026, 11, 30)))
        share(anna, flat, "vida@example.lt", date(2026, 11, 30))
        assert sharing.end_expired() == 0
        assert seen(ivan) == (1, 1, 1, 1)
    with travel("2026-11-30 22:00:30", tick=False):  # midnight in Vilnius
        assert sharing.end_expired() == 2
        assert sharing.end_expired() == 0
        assert seen(ivan) == (0, 0, 0, 0)
        assert {one.ended_by for one in Share.select()} == {"expiry"}
        assert told(ivan.email)[-1] == "contract_ended"


def test_staff_end_it_with_a_reason(anna: Account, flat: Contract, ivan: Account) -> None:
    """IB-61"""
    made, olga = share(anna, flat), factories.staff(anna.organisation, name="Olga South")
    sharing.accept(ivan, made)
    with pytest.raises(Refused):
        sharing.end_by_staff(Share.get_by_id(made.id), reason=" ", by=olga)
    sharing.end_by_staff(Share.get_by_id(made.id), reason="She called", by=olga)
    assert seen(ivan) == (0, 0, 0, 0)
    assert Event.select().where(Event.name == "share.ended").get().facts["reason"] == "She called"


def test_one_offer_taken_twenty_times_at_once_is_taken_once(anna: Account, flat: Contract, ivan: Account, db: Any) -> None:
    made = share(anna, flat)

    def take(_n: int) -> bool:
        account = Account.get_by_id(ivan.id)
        try:
            sharing.accept(account, sharing.offer(account, made.public_id))
        except Missing:
            return False
        return True

    done = at_once(20, take)
    assert done.count(True) == 1
    assert Membership.select().where(Membership.account == ivan).count() == 1
    assert Event.select().where(Event.name == "contract.attached_by_share").count() == 1


def test_nothing_is_shared_by_who_lets_it_go_at_the_same_moment(anna: Account, flat: Contract, ivan: Account, db: Any) -> None:
    """P4"""

    def act(n: int) -> bool:
        me = Account.get_by_id(anna.id)
        try:
            holding.detach(me, flat) if n == 4 else share(me, flat, f"n{n}@example.lt")
        except Missing:
            return False
        return True

    done = at_once(9, act)
    assert done[4] is True
    assert Share.select().where(Share.ended_at.is_null()).count() == 0
