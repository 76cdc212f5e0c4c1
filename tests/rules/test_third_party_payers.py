"""Paying for a contract that is somebody else's: what proves it, what is told, what is learnt, how it ends (IR-09, T98)."""

from datetime import date, timedelta
from typing import Any

import pytest
from time_machine import travel

from models import Account, Contract, Event, Invoice, Membership, Message, Organisation, Provider, Share, ThirdPartyPayer, now
from rules import (
    access,
    billing,
    clock,
    companies,
    contracts,
    freezes,
    holding,
    merges,
    proof,
    settings,
    sharing,
    third_party_payers,
)
from rules.refusal import Missing, Refused
from rules.work import unit_of_work
from tests import factories
from tests.together import at_once

CODE, NUMBER = "01-204 77", "SF-1001"
TODAY = date(2026, 11, 22)


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", phone="8 421 00005", pay_for_others=True)


@pytest.fixture
def flat(north: Organisation) -> Contract:
    made = factories.contract(north, CODE, address="Žalioji g. 5-12, Pakruojis")
    factories.invoice(made, "SF-0900", issued_on=date(2026, 9, 8))
    factories.invoice(made, NUMBER, issued_on=date(2026, 11, 8), due_on=date(2026, 11, 30))
    return made


@pytest.fixture
def owner(north: Organisation, flat: Contract) -> Account:
    made = factories.account(north, "ona@example.lt", name="Ona Kalnė")
    factories.holds(made, flat)
    return made


@pytest.fixture
def morta(north: Organisation) -> Account:
    return factories.account(north, "morta@example.lt", name="Morta North")


def add(account: Account, payer_code: str = CODE, invoice_number: str = NUMBER, **more: Any) -> ThirdPartyPayer:
    options = {"provider": None, "source": "192.0.2.0/24", "site_url": "https://savitarna.example/north"} | more
    return third_party_payers.add(account, payer_code=payer_code, invoice_number=invoice_number, **options)


def told(account: Account) -> list[str]:
    return [message.kind for message in Message.select().where(Message.account == account).order_by(Message.id)]


# ---- what proves it ---------------------------------------------------------------------------------------------------


def test_who_has_the_bill_at_hand_pays_for_it_and_learns_what_is_owed_alone(owner: Account, morta: Account, flat: Contract) -> None:
    """IR-09, T98, K05"""
    made = add(morta, name=" Mama ")
    (due,) = third_party_payers.due(Account.get_by_id(morta.id), TODAY)
    owed = billing.owed(Account.get_by_id(owner.id), TODAY)
    assert owed.total_cents > 0
    assert due == (made.public_id, "Mama", CODE, "Ž… g. …, P…", "North Heat", owed, [("", CODE, owed.total_cents)])
    assert not access.held(Account.get_by_id(morta.id))
    assert not Contract.within(morta).exists()
    assert not Invoice.within(morta).exists()
    assert (told(morta), told(owner)) == (["paying_added"], ["paid_by_another"])
    assert "Morta" not in str(Message.get(Message.account == owner).facts)
    event = Event.get(Event.name == "thirdpartypayer.added")
    assert (event.account, event.subject) == (morta, f"thirdpartypayer:{made.id}")


@pytest.mark.parametrize(
    ("code", "number"), [("01-20477", NUMBER), (CODE, "SF-1002"), (CODE, "sf-1001"), (CODE, "SF-0899"), ("99", NUMBER)]
)
def test_both_the_code_and_the_number_are_asked_exactly(morta: Account, flat: Contract, code: str, number: str) -> None:
    """T98, CV-13"""
    with pytest.raises(proof.NotFound) as no:
        add(morta, code, number)
    assert no.value.message in (proof.NO_MATCH, "{nothing} {hint}")
    assert not ThirdPartyPayer.select().exists()


def test_the_number_is_asked_even_where_contracts_are_added_without(north: Organisation, morta: Account, flat: Contract) -> None:
    """T98"""
    settings.change(north, "claim_invoice", False, by="operator")
    with pytest.raises(proof.NotFound):
        add(morta, CODE, "wrong")
    with pytest.raises(Refused, match="Enter the number"):
        add(morta, CODE, "")


def test_wrong_tries_are_braked_together_with_those_of_adding(morta: Account, north: Organisation, flat: Contract) -> None:
    """T14, T98: two doors, one lock."""
    for number in ("1", "2"):
        with pytest.raises(proof.NotFound):
            contracts.attach(morta, provider=None, payer_code=CODE, invoice_number=number, source="192.0.2.0/24")
    other = factories.account(north, "other@example.lt")
    with pytest.raises(proof.NotFound):
        add(other, CODE, "3", source="198.51.100.0/24")
    with pytest.raises(Refused, match="too many wrong tries"):
        add(morta)


def test_where_an_organisation_does_not_let_them_nobody_pays_for_others(north: Organisation, morta: Account, flat: Contract) -> None:
    """K05"""
    add(morta)
    settings.change(north, "pay_for_others", False, by="operator")
    again = Account.get_by_id(morta.id)
    assert third_party_payers.due(again, TODAY) == []
    with pytest.raises(Missing):
        add(again)


def test_where_only_its_owner_may_add_a_contract_others_may_still_pay(north: Organisation, owner: Account, morta: Account) -> None:
    """CV-18, IR-09"""
    settings.change(north, "claim_who", "first", by="operator")
    add(Account.get_by_id(morta.id))
    with pytest.raises(Refused):
        contracts.attach(Account.get_by_id(morta.id), provider=None, payer_code=CODE, invoice_number=NUMBER, source="192.0.2.0/24")


def test_what_one_has_or_pays_already_is_not_added_again(owner: Account, morta: Account) -> None:
    with pytest.raises(Refused, match="already added"):
        add(owner)
    add(morta)
    with pytest.raises(Refused, match="pay for this already"):
        add(morta)
    assert (ThirdPartyPayer.select().count(), told(owner)) == (1, ["paid_by_another"])


def test_of_twenty_at_once_one_is_made(db: object, owner: Account, morta: Account) -> None:
    answers = at_once(20, lambda n: add(Account.get_by_id(morta.id), source=f"10.0.{n}.0/24"))
    assert sum(isinstance(answer, ThirdPartyPayer) for answer in answers) == 1
    assert told(owner) == ["paid_by_another"]


def test_one_account_pays_for_so_many_and_no_more(north: Organisation, morta: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(third_party_payers, "MOST", 1)
    for number in ("1", "2"):
        factories.invoice(factories.contract(north, f"0{number}"), f"S{number}")
    add(morta, "01", "S1")
    with pytest.raises(Refused, match="Remove one"):
        add(morta, "02", "S2")


def test_what_was_ended_is_not_added_with_the_same_bill_again(north: Organisation, owner: Account, morta: Account, flat: Contract) -> None:
    """Whoever has the contract says no once; with the next bill in their hands somebody has let them have it."""
    third_party_payers.end(owner, add(morta))
    with pytest.raises(Refused, match="cannot be added with this bill"):
        add(morta)
    with travel(now() + timedelta(days=20), tick=False):
        factories.invoice(flat, "SF-1100", issued_on=clock.today())
        add(morta, CODE, "SF-1100")
    assert len(third_party_payers.of(flat)) == 1


def test_nobody_sends_a_holder_letters_by_adding_and_removing(owner: Account, morta: Account) -> None:
    for _time in range(third_party_payers.PER_DAY):
        third_party_payers.remove(morta, add(morta))
    with pytest.raises(Refused, match="several times today"):
        add(morta)
    assert told(owner) == ["paid_by_another"] * third_party_payers.PER_DAY


def test_what_somebody_let_one_know_is_no_bill_of_ones_own(north: Organisation, owner: Account, morta: Account, flat: Contract) -> None:
    """T09, IB-57: as for adding the contract itself"""
    share = sharing.share(owner, flat, email=morta.email, last_on=None, site_url="")
    sharing.accept(morta, share)
    sharing.end(owner, Share.get())
    company, clerk = factories.company(north), factories.account(north, "clerk@example.lt")
    taken = factories.contract(north, "02-1", company=company)
    factories.invoice(taken, "S2")
    place = factories.represents(clerk, company, "user")
    companies.remove_by_staff(place, reason="Left", by=factories.staff(north))
    for person, code, number in ((morta, CODE, NUMBER), (clerk, "02-1", "S2")):
        with pytest.raises(Refused, match="You knew this"):
            add(Account.get_by_id(person.id), code, number)


def test_of_an_ended_contract_a_debt_is_paid_and_nothing_else(morta: Account, flat: Contract) -> None:
    Contract.update(ended_on=TODAY - timedelta(days=30)).where(Contract.id == flat.id).execute()
    third_party_payers.remove(morta, add(morta))
    Invoice.update(outstanding_cents=0).execute()
    with pytest.raises(Refused, match="ended on"):
        add(morta)


# ---- what is learnt ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("Žalioji g. 5-12, Pakruojis", "Ž… g. …, P…"),
        ("A. Vivulskio g. 7A, LT-03221 Vilnius", "A… V… g. …, L… V…"),
        ("Laisvės pr. 10", "L… pr. …"),
        ("5-12", "…"),
        ("Kanarėlių k.,  Pakruojo r. sav.", "K… k., P… r. sav."),
        ("", ""),
    ],
)
def test_of_an_address_the_first_letters_are_left(address: str, seen: str) -> None:
    """T98"""
    assert third_party_payers.masked(address) == seen


def test_what_an_earlier_customer_owes_is_not_told(owner: Account, morta: Account, flat: Contract) -> None:
    """T98: the bills of who had the payer code before (decision 11)."""
    add(morta)
    Contract.update(opened_on=date(2026, 11, 1)).where(Contract.id == flat.id).execute()
    before = Invoice.get(Invoice.number == "SF-0900")
    (due,) = third_party_payers.due(Account.get_by_id(morta.id), TODAY)
    assert before.outstanding_cents > 0
    assert due.owed.total_cents == Invoice.get(Invoice.number == NUMBER).outstanding_cents


def test_how_to_pay_is_what_the_bills_say_of_it(morta: Account, flat: Contract) -> None:
    """IR-09: a payment with another reference, or to another account, finds its bill nowhere."""
    Provider.update(iban="LT351000011101000004").execute()
    Invoice.update(iban="LT621000011101000003", payment_reference="RF18 5390").where(Invoice.number == NUMBER).execute()
    add(morta)
    old, new = (Invoice.get(Invoice.number == number).outstanding_cents for number in ("SF-0900", NUMBER))
    (due,) = third_party_payers.due(Account.get_by_id(morta.id), TODAY)
    assert sorted(due.parts) == [("LT351000011101000004", CODE, old), ("LT621000011101000003", "RF18 5390", new)]
    Invoice.update(outstanding_cents=-100).where(Invoice.number == "SF-0900").execute()
    (due,) = third_party_payers.due(Account.get_by_id(morta.id), TODAY)
    assert (due.owed.total_cents, due.parts) == (new - 100, [("LT621000011101000003", "RF18 5390", new - 100)])
    Invoice.update(outstanding_cents=-100).execute()
    (due,) = third_party_payers.due(Account.get_by_id(morta.id), TODAY)
    assert due.parts == []


def test_a_new_bill_is_told_by_its_amount_and_day_alone(north: Organisation, morta: Account, flat: Contract) -> None:
    """T98"""
    add(morta, name="Mama")
    bill = factories.invoice(flat, "SF-1100", issued_on=TODAY, due_on=TODAY + timedelta(days=14))
    row = {name: getattr(bill, name) for name in ("id", "payable_cents", "due_on", "number")}
    for _again in range(2):
        third_party_payers.announce(north, {flat.id: [row]}, "https://savitarna.example/north")
    assert told(morta) == ["paying_added", "bill_to_pay_for_another"]
    url = "https://savitarna.example/north/paying-for-others"
    due_on = (TODAY + timedelta(days=14)).isoformat()
    assert Message.get(Message.kind == "bill_to_pay_for_another").facts == {
        "called": "Mama", "payer_code": CODE, "amount": bill.payable_cents, "due_on": due_on, "url": url,
    }  # fmt: skip


def test_who_gets_the_contract_later_learns_that_somebody_pays(north: Organisation, morta: Account, flat: Contract) -> None:
    add(morta)
    late = factories.account(north, "late@example.lt")
    contracts.attach(late, provider=None, payer_code=CODE, invoice_number=NUMBER, source="192.0.2.0/24")
    assert told(late) == ["contract_attached", "paid_by_another"]


def test_who_has_the_contract_by_another_door_pays_for_their_own(north: Organisation, morta: Account, flat: Contract) -> None:
    company = factories.company(north)
    Contract.update(company=company).where(Contract.id == flat.id).execute()
    add(morta)
    factories.represents(morta, company)
    assert third_party_payers.due(Account.get_by_id(morta.id), TODAY) == []
    assert third_party_payers.of(Contract.get_by_id(flat.id)) == []


# ---- how it ends ------------------------------------------------------------------------------------------------------


def test_the_payer_removes_it_and_whoever_has_the_contract_ends_it(owner: Account, morta: Account, flat: Contract) -> None:
    made = add(morta)
    third_party_payers.remove(morta, made)
    assert (third_party_payers.due(morta, TODAY), told(morta)) == ([], ["paying_added"])
    with pytest.raises(Refused, match="ended already"):
        third_party_payers.end(owner, made)
    again = add(morta)
    freezes.begin(owner, now())  # ending it gives nothing away
    third_party_payers.end(Account.get_by_id(owner.id), again)
    assert (third_party_payers.of(flat), told(morta)) == ([], ["paying_added", "paying_added", "paying_ended"])
    assert [event.facts["ended_by"] for event in Event.select().where(Event.name == "thirdpartypayer.ended")] == ["payer", "holder"]


def test_staff_end_it_with_a_reason(north: Organisation, owner: Account, morta: Account) -> None:
    made, agent = add(morta), factories.staff(north)
    with pytest.raises(Refused, match="reason"):
        third_party_payers.end_by_staff(made, reason=" ", by=agent)
    third_party_payers.end_by_staff(made, reason="Asked by phone", by=agent)
    assert (ThirdPartyPayer.get().ended_by, told(morta)[-1]) == ("staff", "paying_ended")


def test_it_ends_with_the_customer_whose_bills_they_were(owner: Account, morta: Account, flat: Contract) -> None:
    """T98: the flat is sold, and the feed says so days later: nobody knows any more whose bill a payer had at hand."""
    add(morta)
    with unit_of_work():
        holding.pass_on(flat, TODAY - timedelta(days=2))
    assert (ThirdPartyPayer.get().ended_by, told(morta)[-1]) == ("passed_on", "paying_ended")


def test_a_contract_that_passes_on_while_it_is_added_is_not_added(morta: Account, flat: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    """T98"""
    prove = proof.prove

    def and_then_it_is_sold(*args: Any, **more: Any) -> Contract:
        proven = prove(*args, **more)
        Contract.update(opened_on=TODAY).where(Contract.id == flat.id).execute()
        return proven

    monkeypatch.setattr(proof, "prove", and_then_it_is_sold)
    with pytest.raises(Refused, match="found nothing"):
        add(morta)
    assert not ThirdPartyPayer.select().exists()


def test_it_ends_where_staff_say_that_the_contract_is_a_companys(north: Organisation, morta: Account, flat: Contract) -> None:
    add(morta)
    agent, company = factories.staff(north), factories.company(north)
    companies.set_company(flat, company=company, reason="Sold", by=agent, sure=True)
    assert (ThirdPartyPayer.get().ended_by, third_party_payers.of(flat)) == ("passed_on", [])


def test_whoever_adds_the_contract_itself_pays_for_their_own(morta: Account, flat: Contract) -> None:
    add(morta)
    contracts.attach(Account.get_by_id(morta.id), provider=None, payer_code=CODE, invoice_number=NUMBER, source="192.0.2.0/24")
    assert ThirdPartyPayer.get().ended_by == "attached"
    assert Membership.get().account == morta
    assert told(morta) == ["paying_added", "contract_attached"]


def test_of_two_accounts_joined_the_payments_come_along_and_go_back(north: Organisation, morta: Account, flat: Contract) -> None:
    goes = factories.account(north, "old@example.lt")
    add(goes)
    other = factories.contract(north, "02-1")
    factories.invoice(other, "S2")
    both = [add(goes, "02-1", "S2"), add(morta, "02-1", "S2")]
    administrator = factories.staff(north, "administrator")
    merges.merge(morta, email=goes.email, reason="One person", by=administrator, sure=True)
    assert {row.payer_code for row in third_party_payers.due(Account.get_by_id(morta.id), TODAY)} == {CODE, "02-1"}
    assert ThirdPartyPayer.get_by_id(both[0].id).ended_by == "merge"
    merges.undo(morta, reason="Two after all", by=administrator)
    assert ThirdPartyPayer.select().where((ThirdPartyPayer.account == goes) & ThirdPartyPayer.ended_at.is_null()).count() == 2


def test_the_company_of_a_contract_is_told_and_may_end_it(north: Organisation, morta: Account, flat: Contract) -> None:
    company = factories.company(north)
    Contract.update(company=company).where(Contract.id == flat.id).execute()
    head, clerk = factories.account(north, "head@example.lt"), factories.account(north, "clerk@example.lt")
    factories.represents(head, company)
    factories.represents(clerk, company, "user")
    made = add(morta)
    assert ("paid_by_another" in told(head), "paid_by_another" in told(clerk)) == (True, False)
    found = access.reach(Account.get_by_id(head.id), ThirdPartyPayer, made.public_id, "contract.end_payer")
    assert found == made
    for nobody in (clerk, morta):
        with pytest.raises(Missing):
            access.reach(Account.get_by_id(nobody.id), ThirdPartyPayer, made.public_id, "contract.end_payer")
