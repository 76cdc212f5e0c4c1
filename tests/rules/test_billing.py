"""What is owed over all contracts, pages of bills, and what one bill says."""

import uuid
from datetime import date
from typing import Any

import pytest

from models import Account, Contract, InvoiceVat, Organisation
from rules import billing, settings
from tests import factories

TODAY, ALL = date(2026, 11, 22), billing.Chosen()


def test_what_is_owed_is_the_total_of_all_ones_contracts(north: Organisation, anna: Account, flat: Contract) -> None:
    """CV-20, CV-21"""
    second, foreign = factories.contract(north, "02-1"), factories.contract(north, "99")
    factories.holds(anna, second)
    factories.invoice(flat, net_cents=10_000, due_on=date(2026, 11, 30))
    factories.invoice(second, net_cents=5_000, due_on=date(2026, 11, 28))
    factories.invoice(foreign, net_cents=77_700)
    assert billing.owed(anna, TODAY) == billing.Owed(12_100 + 6_050, 0, date(2026, 11, 28))


def test_what_is_overdue_is_told_apart(anna: Account, flat: Contract) -> None:
    factories.invoice(flat, net_cents=10_000, due_on=date(2026, 10, 31))
    factories.invoice(flat, net_cents=1_000, due_on=TODAY)
    assert billing.owed(anna, TODAY) == billing.Owed(13_310, 12_100, date(2026, 10, 31))


def test_a_credit_note_lessens_what_is_owed_and_has_no_due_day(anna: Account, flat: Contract) -> None:
    factories.invoice(flat, net_cents=10_000, outstanding_cents=0, due_on=date(2026, 10, 31))
    factories.invoice(flat, net_cents=-1_000, kind="credit_note", due_on=None)
    assert billing.owed(anna, TODAY) == billing.Owed(-1_210, 0, None)


@pytest.mark.parametrize(("credit", "owed", "overdue"), [(-20_000, -12_100, 0), (-5_000, 6_050, 6_050)])
def test_what_a_credit_covers_is_not_overdue(anna: Account, flat: Contract, credit: int, owed: int, overdue: int) -> None:
    factories.invoice(flat, net_cents=10_000, due_on=date(2026, 10, 31))
    factories.invoice(flat, net_cents=credit, kind="credit_note", due_on=None)
    found = billing.owed(anna, TODAY)
    assert (found.total_cents, found.overdue_cents) == (owed, overdue)


def test_who_has_no_bills_owes_nothing(anna: Account) -> None:
    assert billing.owed(anna, TODAY) == billing.Owed(0, 0, None)


def test_bills_are_turned_over_page_by_page_in_both_directions(north: Organisation, anna: Account, flat: Contract) -> None:
    second = factories.contract(north, "02-1")
    factories.holds(anna, second)
    for n in range(12):
        factories.invoice(flat if n % 2 else second, f"S{n:02}", issued_on=date(2026, 1 + n // 3, 8))
    names = lambda page: [bill.number for bill in page.rows]  # noqa: E731
    first = billing.page(anna, ALL, TODAY, size=5)
    middle = billing.page(anna, ALL, TODAY, older=first.older, size=5)
    last = billing.page(anna, ALL, TODAY, older=middle.older, size=5)
    assert names(first) + names(middle) + names(last) == [f"S{n:02}" for n in reversed(range(12))]
    assert (first.newer, last.older) == (None, None)
    assert names(billing.page(anna, ALL, TODAY, newer=last.newer, size=5)) == names(middle)
    back = billing.page(anna, ALL, TODAY, newer=middle.newer, size=5)
    assert (names(back), back.newer) == (names(first), None)


def test_a_page_from_a_bill_that_is_not_ones_own_is_as_empty_as_from_none(north: Organisation, anna: Account, flat: Contract) -> None:
    factories.invoice(flat, issued_on=date(2026, 1, 8))
    foreign = factories.invoice(factories.contract(north, "99"), issued_on=date(2026, 6, 8))
    for mark in (foreign.public_id, uuid.uuid4()):
        assert billing.page(anna, ALL, TODAY, older=mark) == billing.page(anna, ALL, TODAY, newer=mark) == billing.Page([])


def test_a_viewers_bills_are_those_whose_contract_lets_them_see_bills(anna: Account, flat: Contract) -> None:
    """CV-16"""
    mine = factories.invoice(flat)
    assert billing.newest(anna, 4) == [mine]
    nobody = factories.account(anna.organisation, "ivan@example.lt")
    assert (billing.newest(nobody, 4), billing.page(nobody, ALL, TODAY).rows) == ([], [])


def test_a_bill_in_plain_values_adds_up(anna: Account, flat: Contract) -> None:
    """IB-68"""
    bill = factories.invoice(flat, "SF-1", net_cents=10_000, payment_reference="0120477", iban="LT121000011101001000")
    InvoiceVat.create(organisation=bill.organisation_id, invoice=bill, category="E", rate=None, base_cents=0, vat_cents=0)
    facts: dict[str, Any] = billing.facts(bill, billing.lines(bill), billing.vat(bill), site_url="https://north.example.lt")
    assert facts["net_cents"] + facts["vat_cents"] == facts["total_cents"] == facts["payable_cents"] == 12_100
    assert sum(line["net_cents"] for line in facts["lines"]) == 10_000
    assert sum(part["vat_cents"] for part in facts["vat"]) == 2_100
    assert (facts["payer_code"], facts["reference"], facts["iban"]) == ("01-234 5", "0120477", "LT121000011101001000")


def test_our_own_document_says_how_to_come_in_and_never_a_password(north: Organisation, anna: Account, flat: Contract) -> None:
    """PS-10, K25"""
    bill, credit = factories.invoice(flat), factories.invoice(flat, net_cents=-1_000, kind="credit_note")
    portal = lambda of: billing.facts(of, [], [], site_url="https://north.example.lt")["portal"]  # noqa: E731
    assert portal(bill) == {"address": "https://north.example.lt", "asks_provider": False, "asks_number": True}
    assert portal(credit) is None, "its number is not asked for"
    said = str(billing.facts(bill, [], [], site_url="https://north.example.lt"))
    assert not any(secret in said for secret in (factories.PASSWORD, anna.password_hash, anna.email))
    settings.change(north, "bill_prints", "nothing", by="operator")
    assert portal(billing.Invoice.get(number=bill.number)) is None


@pytest.mark.parametrize(
    ("due_on", "days"), [(date(2026, 11, 21), 1), (TODAY, 0), (date(2026, 11, 23), 0), (None, 0), (date(2025, 11, 22), 365)]
)
def test_a_bill_is_overdue_from_the_day_after_its_due_day(anna: Account, flat: Contract, due_on: date | None, days: int) -> None:
    bill = factories.invoice(flat, due_on=due_on)
    assert bill.days_overdue(TODAY) == days
    assert billing.page(anna, billing.Chosen(state="overdue"), TODAY).rows == ([bill] if days else [])
    bill.outstanding_cents = 0
    assert bill.days_overdue(TODAY) == 0
