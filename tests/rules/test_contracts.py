"""Adding a contract by what the bill shows: what proves it, what is told, how guessing is slowed; changing an access."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

from models import Account, Contract, Event, Membership, Message, Organisation, Provider
from rules import access, contracts, holding, limits, proof, settings
from rules.refusal import Refused
from tests import factories
from tests.together import at_once

CODE, NUMBER = "01-204 77", "SF-1001"
HOME = "192.0.2.0/24"


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", phone="8 421 00005")


@pytest.fixture
def flat(north: Organisation) -> Contract:
    made = factories.contract(north, CODE)
    factories.invoice(made, "SF-0900", issued_on=date(2026, 9, 8))
    factories.invoice(made, "SF-0955", issued_on=date(2026, 10, 8))
    factories.invoice(made, NUMBER, issued_on=date(2026, 11, 8), net_cents=12_258)
    return made


def attach(
    account: Account, payer_code: str = CODE, invoice_number: str | None = NUMBER, provider: Provider | None = None, **more: Any
) -> Membership:
    options = {"source": HOME} | more
    return contracts.attach(account, provider=provider, payer_code=payer_code, invoice_number=invoice_number, **options)


def refusal(account: Account, *args: Any, **more: Any) -> str:
    with pytest.raises(Refused) as no:
        attach(account, *args, **more)
    return no.value.message.format(**no.value.facts)


# ---- what proves it ---------------------------------------------------------------------------------------------------


def test_payer_code_and_number_of_the_last_bill_add_the_contract(anna: Account, flat: Contract) -> None:
    """PS-06, PS-08, K04"""
    membership = attach(anna)
    assert (membership.contract, membership.account, membership.access_type.name) == (flat, anna, "owner")
    assert Contract.within(anna).get() == flat
    event = Event.get(name="contract.attached")
    assert (event.actor, event.account, event.facts) == (f"account:{anna.id}", anna, {"access_type": "owner"})
    assert [(m.kind, m.account, m.facts) for m in Message.select()] == [("contract_attached", anna, {"contract": "Liepų g. 1-1"})]


@pytest.mark.parametrize(
    "typed", ["01-20477", "01 204 77", "0120477", "01-204 77 ", " 01-204 77", "01-204  77", "01–204 77", "01-204\u00a077", "01-204 7"]
)
def test_the_payer_code_is_compared_byte_for_byte(anna: Account, flat: Contract, typed: str) -> None:
    """CV-12, CV-13, K04"""
    assert refusal(anna, typed).startswith(proof.FOUND_NOTHING)
    assert Membership.select().count() == 0


def test_codes_that_differ_in_case_or_in_an_accent_are_different_codes(north: Organisation, anna: Account) -> None:
    """CV-13"""
    factories.invoice(factories.contract(north, "ĄB-1"), "1")
    assert refusal(anna, "ąB-1", "1").startswith(proof.FOUND_NOTHING)
    assert attach(anna, "ĄB-1", "1").contract.payer_code == "ĄB-1"


def test_the_bill_before_the_last_one_is_good_too_and_an_older_one_is_not(anna: Account, flat: Contract) -> None:
    """PS-08"""
    assert refusal(anna, CODE, "SF-0900") == proof.NO_MATCH
    assert attach(anna, CODE, "SF-0955").contract == flat


def test_the_company_is_asked_where_a_setting_says_so(db: object) -> None:
    """CV-11, CV-13, K04"""
    south = factories.organisation("south", claim_provider=True, claim_invoice=False)
    east, west = factories.provider(south, "East"), factories.provider(south, "West")
    factories.contract(south, CODE, provider=east, address="East 1")
    factories.contract(south, CODE, provider=west, address="West 1")
    petr = factories.account(south)
    assert refusal(petr, CODE, None) == "Select the company"
    assert attach(petr, CODE, None, provider=west).contract.address == "West 1"
    assert attach(petr, CODE, None, provider=east).contract.address == "East 1"


def test_several_contracts_are_kept_in_one_account(north: Organisation, anna: Account, flat: Contract) -> None:
    """CV-17, PS-09"""
    factories.invoice(factories.contract(north, "02-1", address="Ąžuolų g. 2"), "SF-2000")
    attach(anna)
    attach(anna, "02-1", "SF-2000")
    assert [m.contract.payer_code for m in contracts.held(anna)] == ["02-1", CODE]


def test_whoever_adds_a_contract_gets_the_access_that_the_organisation_gives(db: object) -> None:
    """K26"""
    south = factories.organisation("south", claim_access="user")
    factories.invoice(factories.contract(south, CODE), NUMBER)
    petr = factories.account(south)
    attach(petr)
    assert access.contracts_allowing(petr, "contract.view") == []
    assert len(access.contracts_allowing(petr, "invoice.view")) == 1


def test_whoever_had_the_contract_is_told_by_mail(north: Organisation, anna: Account, flat: Contract) -> None:
    ivan = factories.account(north, "ivan@example.lt")
    factories.holds(ivan, flat)
    attach(anna)
    assert {(m.kind, m.account.email) for m in Message.select()} == {
        ("contract_attached", "anna@example.lt"),
        ("contract_attached_elsewhere", "ivan@example.lt"),
    }


def test_adding_again_says_so_and_changes_nothing(anna: Account, flat: Contract) -> None:
    attach(anna)
    for number in (NUMBER, "anything"):
        assert refusal(anna, CODE, number) == "You have already added this: Liepų g. 1-1."
    assert (Membership.select().count(), Message.select().count(), Event.select().where(Event.name == "contract.attached").count()) == (
        1,
        1,
        1,
    )
    assert limits.used("attach-account", str(anna.id)) == 0


def test_of_twenty_at_the_same_moment_one_adds_it(anna: Account, flat: Contract) -> None:
    answers = at_once(20, lambda _: contracts.grant(Account.get_by_id(anna.id), Contract.get_by_id(flat.id)))
    assert [answer.message for answer in answers if isinstance(answer, Refused)] == [proof.HELD] * 19
    assert (Membership.select().count(), Message.select().count()) == (1, 1)


def test_a_contract_that_ended_is_refused_only_to_whom_its_bill_is_known(anna: Account, flat: Contract) -> None:
    Contract.update(ended_on=date(2026, 6, 30)).execute()
    assert refusal(anna, CODE, "wrong") == proof.NO_MATCH
    assert "ended on" in refusal(anna)


def test_a_contract_of_another_organisation_is_not_found(north: Organisation, flat: Contract) -> None:
    petr = factories.account(factories.organisation("south"))
    assert refusal(petr) == proof.NO_MATCH


# ---- why it was not found ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("01-204 77 ", "ends with a space"),
        ("АB-1", "letter that only looks like"),  # a Cyrillic А
        ("01–204 77", "space or dash of another kind"),
        ("01-204\u00a077", "space or dash of another kind"),
        ("ab-1", "small letters"),
    ],
)
def test_a_hint_comes_from_what_was_typed_whether_such_a_code_exists_or_not(
    north: Organisation, anna: Account, typed: str, hint: str
) -> None:
    """CV-13"""
    unknown = refusal(anna, typed, "X")
    assert hint in unknown
    factories.invoice(factories.contract(north, typed), "SF-1")
    assert refusal(anna, typed, "X") == unknown


def test_every_wrong_combination_gets_the_same_sentence_and_takes_the_same_statements(
    anna: Account, flat: Contract, statements: Any
) -> None:
    said, asked = set(), set()
    settings.of(anna.organisation)
    for code, number in (("99-9", "nothing"), (CODE, "wrong"), ("99-9", NUMBER)):
        with statements() as seen:
            said.add(refusal(anna, code, number))
        asked.add(len(seen))
    assert said == {proof.NO_MATCH}
    assert len(asked) == 1


# ---- how guessing is slowed -------------------------------------------------------------------------------------------


def person(organisation: Organisation, n: int) -> Account:
    return factories.account(organisation, f"p{n}@example.lt")


def test_after_three_wrong_tries_for_one_code_nobody_can_try_it_that_day(north: Organisation, flat: Contract) -> None:
    with travel(datetime(2026, 11, 20, 8, 0, tzinfo=UTC), tick=False) as clock:
        for n in range(3):
            assert refusal(person(north, n), CODE, "wrong", source=f"10.0.{n}.0/24") == proof.NO_MATCH
        ivan = person(north, 9)
        assert "too many wrong tries" in refusal(ivan, source="10.0.9.0/24")
        assert "too many wrong tries" in refusal(person(north, 10), "01-204 77", "wrong", source="10.0.10.0/24")
        clock.shift(timedelta(days=1, seconds=1))
        assert attach(ivan, source="10.0.9.0/24").contract == flat


def test_after_five_wrong_tries_an_account_waits_for_the_next_day(anna: Account, flat: Contract) -> None:
    for n in range(5):
        assert refusal(anna, f"{n}", "wrong", source=f"10.0.{n}.0/24") == proof.NO_MATCH
    said = refusal(anna, source="10.0.9.0/24")
    assert "too many wrong tries" in said
    assert "8 421 00005" in said


def test_after_five_wrong_tries_from_a_network_it_waits_for_the_next_day(north: Organisation, flat: Contract) -> None:
    for n in range(5):
        assert refusal(person(north, n), f"{n}", "wrong") == proof.NO_MATCH
    assert "too many wrong tries" in refusal(person(north, 9))
    assert attach(person(north, 10), source="10.0.9.0/24").contract == flat


def test_who_has_tried_too_often_uses_up_no_codes_tries(north: Organisation, anna: Account, flat: Contract) -> None:
    """T14"""
    guesser = factories.account(north, "guesser@example.lt")
    for n in range(5):
        refusal(guesser, f"99-{n}")
    for n in range(3):
        assert refusal(guesser, invoice_number=f"N{n}").startswith("There were too many wrong tries today")
    assert attach(anna, source="198.51.100.0/24").contract == flat


def test_what_was_right_counts_as_no_try(north: Organisation, anna: Account) -> None:
    for n in range(8):
        factories.invoice(factories.contract(north, f"C-{n}"), f"SF-{n}")
        attach(anna, f"C-{n}", f"SF-{n}")
    assert limits.used("attach-day", str(north.id)) == 0


def test_after_fifty_wrong_tries_everyone_must_know_the_total_of_the_bill_too(north: Organisation, anna: Account, flat: Contract) -> None:
    for n in range(50):
        assert not proof.asks_total(north)
        refusal(person(north, n), f"{n}", "wrong", source=f"10.0.{n}.0/24")
    assert proof.asks_total(north)
    assert refusal(anna) == "Enter the total of your last bill, such as 148,32"
    assert refusal(anna, invoice_total_cents=1) == proof.NO_MATCH
    assert attach(anna, invoice_total_cents=14_832).contract == flat


def test_after_three_hundred_wrong_tries_in_an_hour_adding_is_paused(north: Organisation, anna: Account, flat: Contract) -> None:
    with travel(datetime(2026, 11, 20, 8, 0, tzinfo=UTC), tick=False) as clock:
        for _ in range(300):
            limits.count("attach-hour", str(north.id), limits.HOUR)
        assert "paused" in refusal(anna)
        clock.shift(timedelta(hours=1, seconds=1))
        assert attach(anna).contract == flat


def test_a_refused_guess_stays_counted_when_tries_come_at_the_same_moment(north: Organisation, flat: Contract) -> None:
    people = [person(north, n).id for n in range(12)]
    said = at_once(12, lambda n: refusal(Account.get_by_id(people[n]), CODE, "wrong", source=f"10.0.{n}.0/24"))
    assert said.count(proof.NO_MATCH) == proof.PER_CODE


# ---- what the access allows -------------------------------------------------------------------------------------------


def test_staff_fix_an_access_type_with_a_reason_and_the_customer_is_told(north: Organisation, anna: Account, flat: Contract) -> None:
    """K08"""
    olga, membership = factories.staff(north), factories.holds(anna, flat, "user")
    holding.change_access_type(membership, access_type="owner", reason=" She bought the flat. ", by=olga)
    assert Membership.get().access_type.name == "owner"
    event = Event.get(name="membership.access_type_changed")
    assert (event.actor, event.account) == (f"staff:{olga.id}", anna)
    assert event.facts == {"old": "user", "new": "owner", "reason": "She bought the flat."}
    assert Message.get().facts == {"contract": "Liepų g. 1-1", "old": "User", "new": "Owner"}


@pytest.mark.parametrize(
    ("access_type", "reason", "said"),
    [("owner", "x", "this already"), ("head", "x", "Select an access type"), ("viewer", "  ", "Enter the reason")],
)
def test_a_change_of_access_type_that_makes_no_sense_is_refused(
    north: Organisation, anna: Account, flat: Contract, access_type: str, reason: str, said: str
) -> None:
    membership = factories.holds(anna, flat)
    with pytest.raises(Refused, match=said):
        holding.change_access_type(membership, access_type=access_type, reason=reason, by=factories.staff(north))
    assert (Membership.get().access_type.name, Message.select().count()) == ("owner", 0)


def test_of_two_staff_who_change_an_access_type_at_once_the_second_is_told(north: Organisation, anna: Account, flat: Contract) -> None:
    olga, seen_by_olga = factories.staff(north), factories.holds(anna, flat)
    seen_by_rita = Membership.get()
    holding.change_access_type(seen_by_olga, access_type="user", reason="x", by=olga)
    with pytest.raises(Refused, match="somebody else"):
        holding.change_access_type(seen_by_rita, access_type="viewer", reason="x", by=olga)
    assert Membership.get().access_type.name == "user"
