"""An access after it was given: the customer lets it go, staff give, remove and give back, the billing system passes it on; what was
tried in vain is kept for an agent for a while."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

from models import Account, Contract, Event, FailedTry, Invoice, Membership, Message, Meter, Organisation, Reading, now
from rules import access, billing, clock, contracts, history, holding, proof, readings
from rules.refusal import Doubtful, Missing, Refused
from tests import factories
from tests.together import at_once

WHY = "Showed the bill on the phone"


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", phone="8 421 00005")


@pytest.fixture
def flat(north: Organisation) -> Contract:
    made = factories.contract(north, "01-204 77")
    factories.invoice(made, "SF-1", issued_on=date(2026, 11, 8))
    factories.reading(factories.meter(made), 5_000, date(2026, 10, 31))
    return made


@pytest.fixture
def olga(north: Organisation) -> Any:
    return factories.staff(north, name="Olga South")


def seen(account: Account) -> tuple[int, ...]:
    """How many contracts, bills, meters and readings an account may know of."""
    fresh = Account.get_by_id(account.id)
    return tuple(model.within(fresh).count() for model in (Contract, Invoice, Meter, Reading))


def told() -> list[str]:
    return [message.kind for message in Message.select().order_by(Message.id)]


# ---- by the customer --------------------------------------------------------------------------------------------------


def test_a_customer_lets_a_contract_go_and_sees_nothing_of_it_any_more(anna: Account, flat: Contract) -> None:
    """CV-40"""
    factories.holds(anna, flat)
    assert seen(anna) == (1, 1, 1, 1)
    holding.detach(anna, flat)
    assert seen(anna) == (0, 0, 0, 0)
    assert access.contracts_allowing(anna, "invoice.view") == []
    assert [(one.contract, one.ended_by) for one in contracts.given_up(anna)] == [(flat, "customer")]
    event = Event.get(Event.name == "contract.detached")
    assert (event.actor, event.account, event.facts) == (f"account:{anna.id}", anna, {"access_type": "owner"})
    assert told() == ["contract_ended"]


def test_letting_go_twice_is_refused_and_told_once(anna: Account, flat: Contract) -> None:
    factories.holds(anna, flat)
    holding.detach(anna, flat)
    with pytest.raises(Refused, match="no longer in your account"):
        holding.detach(anna, flat)
    assert (told(), Event.select().count()) == (["contract_ended"], 1)


def test_of_ten_at_the_same_moment_one_lets_go(anna: Account, flat: Contract) -> None:
    factories.holds(anna, flat)
    answers = at_once(10, lambda _: holding.detach(Account.get_by_id(anna.id), Contract.get_by_id(flat.id)))
    assert [type(answer) for answer in answers].count(Refused) == 9
    assert told() == ["contract_ended"]


def test_what_was_let_go_is_back_when_it_is_added_again(anna: Account, flat: Contract) -> None:
    """CV-40"""
    factories.holds(anna, flat)
    holding.detach(anna, flat)
    contracts.attach(anna, provider=None, payer_code="01-204 77", invoice_number="SF-1", source="192.0.2.0/24")
    assert seen(anna) == (1, 1, 1, 1)
    assert contracts.given_up(anna) == []


def test_letting_go_takes_nothing_from_others_who_have_it(north: Organisation, anna: Account, flat: Contract) -> None:
    ivan = factories.account(north, "ivan@example.lt")
    for one in (anna, ivan):
        factories.holds(one, flat)
    holding.detach(anna, flat)
    assert (seen(anna), seen(ivan)) == ((0, 0, 0, 0), (1, 1, 1, 1))
    assert [message.account for message in Message.select()] == [anna]


# ---- by staff ---------------------------------------------------------------------------------------------------------


def test_staff_add_a_contract_with_a_reason_and_everyone_concerned_is_told(
    north: Organisation, anna: Account, flat: Contract, olga: Any
) -> None:
    """K04, M06"""
    ivan = factories.account(north, "ivan@example.lt")
    factories.holds(ivan, flat)
    made = holding.attach(anna, contract=flat, access_type="user", reason=f" {WHY} ", by=olga)
    assert (made.access_type.name, made.granted_by) == ("user", "Olga South")
    event = Event.get(Event.name == "contract.attached_by_staff")
    assert (event.actor, event.account, event.facts) == (f"staff:{olga.id}", anna, {"access_type": "user", "reason": WHY})
    assert {(m.kind, m.account.email) for m in Message.select()} == {
        ("contract_attached", "anna@example.lt"),
        ("contract_attached_elsewhere", "ivan@example.lt"),
    }


def test_staff_who_add_it_twice_are_refused(anna: Account, flat: Contract, olga: Any) -> None:
    holding.attach(anna, contract=flat, access_type="owner", reason=WHY, by=olga)
    with pytest.raises(Refused, match="has it already"):
        holding.attach(anna, contract=flat, access_type="owner", reason=WHY, by=olga)
    assert told() == ["contract_attached"]


@pytest.mark.parametrize(("access_type", "reason", "said"), [("head", WHY, "Select an access type"), ("owner", " ", "Enter the reason")])
def test_staff_say_why_and_give_what_is_theirs_to_give(
    anna: Account, flat: Contract, olga: Any, access_type: str, reason: str, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        holding.attach(anna, contract=flat, access_type=access_type, reason=reason, by=olga)
    assert Membership.select().count() == 0


def test_staff_add_no_contract_of_another_organisation(anna: Account, olga: Any) -> None:
    """T19"""
    foreign = factories.contract(factories.organisation("south"), "99-1")
    with pytest.raises(Missing):
        holding.attach(anna, contract=foreign, access_type="owner", reason=WHY, by=olga)
    with pytest.raises(Refused, match="same organisation"):
        holding.attach(anna, contract=foreign, access_type="owner", reason=WHY, by=factories.staff(None, "administrator"))


def test_removing_and_giving_back_leaves_the_access_as_it_was(anna: Account, flat: Contract, olga: Any) -> None:
    """M18"""
    membership = factories.holds(anna, flat)
    before = list(Membership.select().dicts())
    for _ in range(2):
        holding.remove(membership, reason=WHY, by=olga)
        assert seen(anna) == (0, 0, 0, 0)
        holding.restore(membership, reason="By mistake", by=olga)
    assert list(Membership.select().dicts()) == before
    assert told() == ["contract_ended", "contract_restored"] * 2
    assert [event.facts.get("reason") for event in Event.select().order_by(Event.id)] == [WHY, "By mistake"] * 2


def test_what_the_customer_removed_staff_give_back(anna: Account, flat: Contract, olga: Any) -> None:
    factories.holds(anna, flat)
    holding.detach(anna, flat)
    holding.restore(Membership.get(), reason="Asked by phone", by=olga)
    assert seen(anna) == (1, 1, 1, 1)
    with pytest.raises(Refused, match="has not ended"):
        holding.restore(Membership.get(), reason="x", by=olga)


def test_what_the_customer_has_again_cannot_be_given_back(anna: Account, flat: Contract, olga: Any) -> None:
    factories.holds(anna, flat)
    holding.detach(anna, flat)
    ended = Membership.get()
    factories.holds(anna, flat)
    with pytest.raises(Refused, match="has it already"):
        holding.restore(ended, reason="x", by=olga)
    assert Membership.select().where(Membership.until_at.is_null()).count() == 1


# ---- when the payer code goes on to another customer ------------------------------------------------------------------


def test_who_has_the_contract_now_sees_nothing_from_before(anna: Account, flat: Contract) -> None:
    """CV-30, decision 11"""
    factories.holds(anna, flat)
    meter = Meter.get()
    factories.invoice(flat, "SF-9", issued_on=date(2026, 12, 8), period_from=date(2026, 11, 15), period_to=date(2026, 11, 30))
    factories.invoice(flat, "SF-8", issued_on=date(2026, 12, 1), period_from=date(2026, 10, 1), period_to=date(2026, 11, 14))
    factories.reading(meter, 9_000, date(2026, 11, 15))
    Contract.update(opened_on=date(2026, 11, 15)).execute()
    fresh = Account.get_by_id(anna.id)
    assert [bill.number for bill in billing.newest(fresh, 9)] == ["SF-9"]
    assert billing.owed(fresh, date(2026, 12, 9)).total_cents == 12_100
    assert [reading.value_milli for reading in history.of_meter(fresh, meter)] == [9_000]
    Reading.delete().where(Reading.value_milli == 9_000).execute()
    assert [row.reading for place in readings.places(fresh) for row in place.rows] == [None]


def test_who_had_it_before_lets_it_go_and_who_added_it_since_keeps_it(north: Organisation, anna: Account, flat: Contract) -> None:
    jonas = factories.account(north, "jonas@example.lt")
    for person, since in ((anna, datetime(2026, 11, 14, 21, 59, tzinfo=UTC)), (jonas, datetime(2026, 11, 14, 22, 0, tzinfo=UTC))):
        held = factories.holds(person, flat)
        Membership.update(since_at=since).where(Membership.id == held.id).execute()
    from rules.work import unit_of_work

    for _ in range(2):
        with unit_of_work():
            holding.pass_on(flat, date(2026, 11, 15))
    assert (seen(anna)[0], seen(jonas)[0]) == (0, 1)
    assert (told(), Membership.get(Membership.account == anna).ended_by) == (["contract_ended"], "feed")
    assert Event.select().where(Event.name == "contract.passed_on").count() == 1


def test_what_went_on_to_another_customer_is_not_given_back_and_added_only_by_who_is_sure(
    north: Organisation, anna: Account, flat: Contract, olga: Any
) -> None:
    """Decision 32: who had it before would see the bills of who has it now, and none of their own."""
    membership = factories.holds(anna, flat)
    Membership.update(since_at=now() - timedelta(days=30)).execute()
    for ended_by in ("customer", "feed"):
        Membership.update(until_at=now(), ended_by=ended_by).execute()
        Contract.update(opened_on=clock.today()).execute()
        with pytest.raises(Refused, match="another customer's"):
            holding.restore(Membership.get(), reason=WHY, by=olga)
        assert seen(anna) == (0, 0, 0, 0)
        Contract.update(opened_on=date(2020, 1, 1)).execute()  # the billing system was wrong, and has said so
        holding.restore(Membership.get(), reason=WHY, by=olga)
    holding.remove(Membership.get(), reason=WHY, by=olga)
    Contract.update(opened_on=clock.today()).execute()
    add: dict[str, Any] = {"contract": Contract.get(), "access_type": "owner", "reason": "Changed her name", "by": olga}
    with pytest.raises(Doubtful, match="same customer"):
        holding.attach(anna, **add)
    assert holding.attach(anna, **add, sure=True) != membership


def test_a_bill_of_the_earlier_customer_proves_nothing_once_the_contract_went_on(anna: Account, flat: Contract) -> None:
    """Decision 11: else who had it before adds it again with a bill of their own, and reads the bills of who has it now."""
    Contract.update(opened_on=date(2026, 11, 15)).where(Contract.id == flat.id).execute()
    details: dict[str, Any] = {"provider": None, "payer_code": flat.payer_code, "source": "192.0.2.0/24"}
    with pytest.raises(proof.NotFound):
        contracts.attach(anna, invoice_number="SF-1", **details)
    factories.invoice(flat, "SF-2", issued_on=date(2026, 12, 8))
    assert contracts.attach(anna, invoice_number="SF-2", **details).contract == flat


def test_what_corrects_a_bill_belongs_to_whose_bill_it_corrects(anna: Account, flat: Contract) -> None:
    """Decision 11: a credit note often names no period, and comes long after."""
    factories.holds(anna, flat)
    Contract.update(opened_on=date(2026, 11, 15)).where(Contract.id == flat.id).execute()
    factories.invoice(flat, "KR-1", kind="credit_note", net_cents=-5000, issued_on=date(2026, 12, 2), refers_to="SF-1")
    mine = factories.invoice(flat, "SF-2", issued_on=date(2026, 12, 8), period_from=date(2026, 11, 1), period_to=date(2026, 11, 30))
    factories.reading(Meter.get(), 9_000, date(2026, 11, 10))
    factories.invoice(flat, "KR-2", kind="credit_note", net_cents=-1000, issued_on=date(2026, 12, 9), refers_to="SF-2")
    fresh = Account.get_by_id(anna.id)
    assert [bill.number for bill in billing.newest(fresh, 9)] == ["KR-2", "SF-2"]
    assert billing.owed(fresh, date(2026, 12, 9)).total_cents == 12_100 - 1_210
    assert [bill.number for bill in billing.related(fresh, mine)[1]] == ["KR-2"]
    assert billing.readings_behind(fresh, mine) == []


# ---- tries that failed ------------------------------------------------------------------------------------------------


def fail(account: Account, code: str, number: str = "SF-1", **more: Any) -> None:
    with pytest.raises(proof.NotFound):
        contracts.attach(account, **{"provider": None, "payer_code": code, "invoice_number": number, "source": "192.0.2.0/24"} | more)


def test_what_was_tried_is_kept_for_an_agent_with_why_and_what_was_meant(anna: Account, flat: Contract, olga: Any) -> None:
    """M06"""
    flat.provider.payer_code_form = "00-000 00"
    flat.provider.save()
    fail(anna, "01-20477")
    fail(anna, "O1-204 77")
    fail(anna, "99-999 99")
    found = holding.tries(anna, by=olga)
    assert [(one.payer_code, one.cause, meant) for one, meant in found] == [
        ("99-999 99", "unknown", None),
        ("O1-204 77", "look-alike", flat),
        ("01-20477", "separators", flat),
    ]
    assert "SF-1" not in str(list(FailedTry.select().dicts())), "what proves something is not kept"


def test_no_customer_and_no_property_manager_sees_what_was_tried(north: Organisation, anna: Account, flat: Contract) -> None:
    """N08"""
    fail(anna, "01-20477")
    manager = factories.staff(north, "property_manager")
    assert holding.tries(anna, by=manager) == []
    assert holding.tries(anna, by=factories.staff(factories.organisation("south"))) == []
    assert FailedTry.within(anna).count() == 0


def test_tries_are_forgotten_after_two_weeks_and_when_it_works(anna: Account, flat: Contract) -> None:
    fail(anna, "01-20477")
    with travel(now() + proof.TRIES_KEPT - timedelta(seconds=5), tick=False):
        assert proof.forget_tries() == 0
    with travel(now() + proof.TRIES_KEPT + timedelta(seconds=5), tick=False):
        assert proof.forget_tries() == 1
    fail(anna, "01-20477")
    contracts.attach(anna, provider=None, payer_code="01-204 77", invoice_number="SF-1", source="192.0.2.0/24")
    assert FailedTry.select().count() == 0


# ---- who may add (K05) ------------------------------------------------------------------------------------------------


def test_where_only_the_first_may_add_it_the_next_one_may_when_they_let_go(db: object) -> None:
    """K05, CV-18"""
    north = factories.organisation("north", phone="8 421 00005", claim_who="first", claim_invoice=False)
    flat = factories.contract(north, "01-204 77")
    anna, ivan = factories.account(north), factories.account(north, "ivan@example.lt")

    def add(person: Account, code: str = "01-204 77") -> None:
        contracts.attach(person, provider=None, payer_code=code, invoice_number=None, source="192.0.2.0/24")

    add(anna)
    with pytest.raises(Refused, match="only its owner may"):
        add(ivan)
    holding.detach(anna, flat)
    add(ivan)
    assert (seen(anna)[0], seen(ivan)[0]) == (0, 1)


def test_where_staff_add_contracts_nobody_else_does(db: object) -> None:
    """K05"""
    north = factories.organisation("north", phone="8 421 00005", claim_who="staff", claim_invoice=False)
    factories.contract(north, "01-204 77")
    with pytest.raises(Refused, match="We add this ourselves"):
        contracts.attach(factories.account(north), provider=None, payer_code="01-204 77", invoice_number=None, source="192.0.2.0/24")
