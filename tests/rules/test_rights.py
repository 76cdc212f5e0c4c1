"""What access types allow, as an administrator sets it."""

from datetime import date

import pytest

from models import AccessType, Account, Contract, Event, Meter, Organisation, Share, Staff
from rules import access, rights, sharing
from rules.refusal import Refused
from tests import factories

WHY = "The board decided so"


@pytest.fixture
def flat(north: Organisation) -> Contract:
    made = factories.contract(north, "01-204 77")
    factories.reading(factories.meter(made), 5_000, date(2026, 10, 31))
    return made


@pytest.fixture
def olga(north: Organisation) -> Staff:
    return factories.staff(north, "administrator", name="Olga South")


def kind(north: Organisation, name: str) -> AccessType:
    return AccessType.get(organisation=north, name=name)


def may(account: Account, deed: str, flat: Contract) -> bool:
    return access.allows(Account.get_by_id(account.id), deed, flat)


def test_what_is_allowed_holds_at_once_for_all_who_have_the_type(north: Organisation, flat: Contract, olga: Staff) -> None:
    """K08, IB-25, IB-52: the stricter answer is the default, and the other is a tick away"""
    jonas = factories.account(north, "jonas@example.lt")
    factories.holds(jonas, flat, "user")
    assert not may(jonas, "contract.view", flat)
    user = kind(north, "user")
    rights.change_deeds(user, deeds=[*user.deeds, "contract.view"], reason=WHY, by=olga)
    assert may(jonas, "contract.view", flat)
    told = Event.select().where(Event.name == "accesstype.deeds_changed").get()
    assert set(told.facts["new"]) - set(told.facts["old"]) == {"contract.view"}
    assert told.facts["reason"] == WHY


def test_another_organisations_types_stay_as_they_are(north: Organisation, olga: Staff) -> None:
    south = factories.organisation("south")
    before = sorted(kind(south, "user").deeds)
    rights.change_deeds(kind(north, "user"), deeds=["contract.detach"], reason=WHY, by=olga)
    assert sorted(kind(south, "user").deeds) == before


@pytest.mark.parametrize(
    ("name", "deeds", "why"),
    [
        ("viewer", ["invoice.view"], "must stay allowed"),
        ("owner", ["contract.detach", "contract.view", "meter.view"], "must stay allowed"),
        ("shared_person", ["contract.detach", "contract.share", "meter.view"], "cannot be allowed"),
        ("viewer", ["contract.detach", "account.change_email"], "cannot be allowed"),
        ("viewer", ["contract.detach", "reading.declare"], "must see meters"),
        ("viewer", ["contract.detach", "invoice.view", "meter.view"], "exactly this already"),
        ("viewer", ["contract.detach", "contract.share", "invoice.view", "meter.view"], "all that a shared person is"),
        ("owner", ["contract.detach", "contract.share", "contract.view", "invoice.view", "meter.view"], "all that a shared person is"),
    ],
)
def test_what_must_stay_stays_and_what_must_not_be_is_not(north: Organisation, olga: Staff, name: str, deeds: list[str], why: str) -> None:
    """T09, T30"""
    before = sorted(kind(north, name).deeds)
    with pytest.raises(Refused) as refused:
        rights.change_deeds(kind(north, name), deeds=deeds, reason=WHY, by=olga)
    assert why in refused.value.message
    assert sorted(kind(north, name).deeds) == before


def test_a_reason_is_needed_and_who_is_slower_is_told(north: Organisation, olga: Staff) -> None:
    with pytest.raises(Refused):
        rights.change_deeds(kind(north, "viewer"), deeds=["contract.detach"], reason=" ", by=olga)
    one, other = kind(north, "viewer"), kind(north, "viewer")
    rights.change_deeds(one, deeds=["contract.detach", "invoice.view"], reason=WHY, by=olga)
    with pytest.raises(Refused, match="meanwhile"):
        rights.change_deeds(other, deeds=["contract.detach"], reason=WHY, by=olga)


def test_who_may_share_no_more_shares_no_more(north: Organisation, flat: Contract, olga: Staff) -> None:
    """K06"""
    anna, ivan = factories.account(north), factories.account(north, "ivan@example.lt")
    factories.holds(anna, flat)
    sharing.accept(ivan, sharing.share(anna, flat, email=ivan.email, last_on=None, site_url="https://savitarna.example/north"))
    owner = kind(north, "owner")
    rights.change_deeds(owner, deeds=[deed for deed in owner.deeds if deed != "contract.share"], reason=WHY, by=olga)
    assert Share.get().ended_at is not None
    assert Meter.within(Account.get_by_id(ivan.id)).count() == 0


def test_heads_always_look_after_their_companies_people(db: object) -> None:
    """IB-22, IB-31: else a company could be left to nobody."""
    north = factories.organisation("north")
    kind = AccessType.get(organisation=north, name="company_head")
    deeds = [deed for deed in kind.deeds if deed != "representative.change"]
    with pytest.raises(Refused, match="must stay allowed"):
        rights.change_deeds(kind, deeds=deeds, reason="Asked", by=factories.staff(north, "administrator"))
