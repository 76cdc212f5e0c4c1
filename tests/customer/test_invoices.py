"""Bills: the list, one bill, its documents; what is not one's own is not there."""

import csv
import io
import uuid
from datetime import date
from typing import Any

import pytest

from config import load
from integrations.files import Folder
from models import Account, Contract, Invoice, InvoiceLine, Organisation
from rules import links, settings
from tests import factories
from tests.browser import Browser


@pytest.fixture
def bill(flat: Contract) -> Invoice:
    """A bill like those of district heating (PS-11): lines with quantity and price, a compensation below zero, two rates of VAT."""
    made = factories.invoice(
        flat,
        "SF-2026/4410 A",
        net_cents=12_258,
        period_from=date(2026, 10, 1),
        period_to=date(2026, 10, 31),
        payment_reference="0120477",
        iban="LT121000011101001000",
    )
    InvoiceLine.delete().execute()
    lines = [("Šilumos energija", 612_000, "kWh", 82_300, 5_037, 2_100), ("=HYPERLINK(1)", 4_900, "m³", 5_120_000, 7_541, 2_100), ("Karšto vandens kompensacija", None, "", None, -320, None)]  # fmt: skip
    for position, (name, quantity, unit, price, net, rate) in enumerate(lines):
        InvoiceLine.create(organisation=made.organisation_id, invoice=made, position=position, name=name, quantity_milli=quantity, unit=unit, unit_price_micro=price, net_cents=net, vat_rate=rate)  # fmt: skip
    return made


# ---- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_shows_number_and_amount_of_each_bill_and_the_total(
    browser: Browser, north: Organisation, anna: Account, flat: Contract
) -> None:
    """CV-16, CV-20, CV-21, PS-13"""
    second = factories.contract(north, "02-1", address="Ąžuolų g. 2")
    factories.holds(anna, second)
    factories.invoice(flat, "Fiz12001", net_cents=10_000, issued_on=date(2026, 11, 1))
    factories.invoice(second, "Fiz12002", net_cents=5_000, issued_on=date(2026, 11, 8))
    factories.invoice(flat, "Fiz11001", net_cents=7_000, issued_on=date(2026, 10, 1), outstanding_cents=0)
    browser.get("/north/invoices")
    rows = [" ".join(row.text_content().split()) for row in browser.page.xpath("//main//ul[@class='rows']/li")]
    assert [number for row in rows for number in ("Fiz12002", "Fiz12001", "Fiz11001") if number in row] == [
        "Fiz12002",
        "Fiz12001",
        "Fiz11001",
    ]
    assert "€60.50" in rows[0]
    assert "€121.00" in rows[1]
    assert rows[2].endswith("€84.70 Paid")
    assert "To pay in all €181.50" in browser.text


def test_with_nothing_to_pay_the_total_is_nought(browser: Browser, flat: Contract) -> None:
    """PS-13"""
    factories.invoice(flat, outstanding_cents=0)
    browser.get("/north/invoices")
    assert "All your bills are paid." in browser.text
    assert "To pay in all €0.00" in browser.text


def test_a_credit_note_is_no_bill_that_was_paid(browser: Browser, flat: Contract) -> None:
    factories.invoice(flat, kind="credit_note", net_cents=-1_000, due_on=None)
    browser.get("/north/invoices")
    (row,) = browser.page.xpath("//main//ul[@class='rows']/li")
    assert "Credit note" in row.text_content()
    assert "Paid" not in row.text_content()


def test_older_bills_are_a_page_away_and_newer_ones_back(browser: Browser, flat: Contract) -> None:
    for n in range(45):
        factories.invoice(flat, f"S{n:03}", issued_on=date(2023 + n // 12, n % 12 + 1, 8))

    def numbers() -> list[str]:
        return [row.text_content().split("bill S")[1][:3] for row in browser.page.xpath("//main//ul[@class='rows']/li/a")]

    browser.get("/north/invoices")
    first = numbers()
    browser.follow("Older")
    second = numbers()
    browser.follow("Older")
    assert first + second + numbers() == [f"{n:03}" for n in reversed(range(45))]
    assert "Older" not in browser.text
    browser.follow("Newer")
    assert numbers() == second
    browser.follow("Newer")
    assert numbers() == first


def test_a_list_takes_three_statements_for_one_bill_and_for_fifty(browser: Browser, flat: Contract, statements: Any) -> None:
    def asked() -> list[str]:
        with statements() as seen:
            browser.get("/north/invoices")
        return [sql for sql in seen if not any(f'FROM "{table}"' in sql for table in ("organisation", "account", "setting"))]

    factories.invoice(flat)
    browser.get("/north/invoices")
    for_one = asked()
    for n in range(49):
        factories.invoice(flat, issued_on=date(2022, 1 + n % 12, 1))
    assert len(asked()) == len(for_one) == 3


def test_who_has_no_bills_is_told_what_will_be_here(browser: Browser, flat: Contract) -> None:
    browser.get("/north/invoices")
    assert "You have no bills yet" in browser.text


@pytest.mark.parametrize("query", ["older=1", "newer=x", f"older={uuid.UUID(int=7)}"])
def test_a_page_mark_that_nobody_gave_is_no_error_of_ours(browser: Browser, flat: Contract, query: str) -> None:
    factories.invoice(flat)
    browser.get(f"/north/invoices?{query}")
    assert browser.status in (200, 404)


# ---- one bill ---------------------------------------------------------------------------------------------------------


def test_a_bill_shows_amount_and_due_day_first_then_lines_vat_and_how_to_pay(browser: Browser, bill: Invoice) -> None:
    """CV-16, IB-68"""
    browser.get(f"/north/invoices/{bill.public_id}")
    assert browser.page.xpath("string(//p[contains(@class, 'amount')])") == "€148.32"
    assert "To pay by 30 November 2026" in browser.text
    table = [[" ".join(c.text_content().split()) for c in row] for row in browser.page.xpath("//table//tbody/tr")]
    assert table[0] == ["Šilumos energija", "612 kWh", "€0.0823", "21%", "€50.37"]
    assert table[2] == ["Karšto vandens kompensacija", "", "", "", "-€3.20"]
    assert "VAT 21% of €122.58 €25.74" in browser.text
    assert "Bank account LT12 1000 0111 0100 1000 Quote when paying 0120477 Amount €148.32" in browser.text


def test_the_link_in_a_mail_opens_the_bill(browser: Browser, bill: Invoice) -> None:
    browser.get(links.invoice("http://localhost/north", bill.public_id))
    assert browser.page.xpath("string(//h1)") == "Bill SF-2026/4410 A"


def test_a_paid_bill_does_not_say_how_to_pay(browser: Browser, bill: Invoice) -> None:
    Invoice.update(outstanding_cents=0).execute()
    browser.get(f"/north/invoices/{bill.public_id}")
    assert "How to pay" not in browser.text


def test_without_a_reference_the_payer_code_is_quoted(browser: Browser, bill: Invoice) -> None:
    """CV-12"""
    Invoice.update(payment_reference="").execute()
    browser.get(f"/north/invoices/{bill.public_id}")
    assert "Quote when paying 01-234 5" in browser.text


def test_our_own_words_on_a_bill_are_in_the_readers_language_and_the_providers_stay(browser: Browser, bill: Invoice) -> None:
    InvoiceLine.update(unit="month", name="100 % of {all} %(things)s").execute()
    browser.get(f"/north/invoices/{bill.public_id}")
    assert "100 % of {all} %(things)s" in browser.text


def test_the_pdf_is_named_after_the_number_and_its_size_is_told(browser: Browser, bill: Invoice) -> None:
    """IB-68"""
    browser.get(f"/north/invoices/{bill.public_id}")
    (words,) = [a.text_content() for a in browser.page.xpath("//main//a") if "PDF" in a.text_content()]
    response = browser.client.get(f"/north/invoices/{bill.public_id}/pdf")
    assert response.data.startswith(b"%PDF-")
    assert f"({-(-len(response.data) // 1000)} kB)" in words
    assert response.headers["Content-Disposition"] == 'attachment; filename="SF-2026-4410-A.pdf"'
    assert (response.mimetype, response.headers["X-Content-Type-Options"]) == ("application/pdf", "nosniff")


def test_the_providers_own_document_comes_before_ours(browser: Browser, bill: Invoice) -> None:
    """IB-68"""
    own = b"%PDF-1.7 the provider's own"
    Invoice.update(pdf_digest=Folder(load().files_dir).put(own)).execute()
    assert browser.client.get(f"/north/invoices/{bill.public_id}/pdf").data == own


def test_a_document_that_was_lost_is_replaced_by_ours(browser: Browser, bill: Invoice) -> None:
    Invoice.update(pdf_digest="0" * 64).execute()
    assert browser.client.get(f"/north/invoices/{bill.public_id}/pdf").data.startswith(b"%PDF-")


@pytest.mark.parametrize(("language", "amount"), [("en", "50.37"), ("lt", "50,37")])
def test_the_breakdown_opens_in_a_spreadsheet_and_is_never_a_formula(browser: Browser, bill: Invoice, language: str, amount: str) -> None:
    """IB-68, N06"""
    browser.get(f"/north/language/{language}")
    response = browser.client.get(f"/north/invoices/{bill.public_id}/breakdown")
    assert response.headers["Content-Disposition"] == 'attachment; filename="SF-2026-4410-A.csv"'
    rows = list(csv.reader(io.StringIO(response.data.decode("utf-8-sig")), delimiter=";"))
    assert rows[1][0] == "Šilumos energija"
    assert rows[1][-1] == amount
    assert rows[2][0] == "'=HYPERLINK(1)"
    cents = [int(row[-1].replace(",", "").replace(".", "")) for row in rows[1:]]
    assert sum(cents[:3]) == cents[3] == 12_258
    assert cents[3] + cents[4] == cents[5] == 14_832


# ---- whose it is ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["invoices/{}", "invoices/{}/pdf", "invoices/{}/breakdown", "contracts/{}", "meters/{}", "meters/{}/declare-a-reading"]
)
def test_what_is_not_ones_own_is_as_absent_as_what_does_not_exist(browser: Browser, north: Organisation, anna: Account, path: str) -> None:
    """CV-30"""
    foreign = factories.contract(north, "99")
    things = {"invoices": factories.invoice(foreign), "contracts": foreign, "meters": factories.meter(foreign)}
    theirs = browser.client.get(f"/north/{path}".format(things[path.split("/")[0]].public_id))
    nobodys = browser.client.get(f"/north/{path}".format(uuid.uuid4()))
    strip = lambda response: response.data.decode().split("<main")[1].split("</main>")[0]  # noqa: E731
    assert theirs.status_code == nobodys.status_code == 404
    assert strip(theirs) == strip(nobodys)


def test_a_user_sees_bills_and_no_contracts(browser: Browser, north: Organisation, anna: Account) -> None:
    """IB-52"""
    contract = factories.contract(north, "77")
    factories.holds(anna, contract, "user")
    bill = factories.invoice(contract)
    browser.get(f"/north/invoices/{bill.public_id}")
    assert browser.status == 200
    browser.get(f"/north/contracts/{contract.public_id}")
    assert browser.status == 404
    browser.get("/north/contracts")
    assert "Your access lets you see bills and meters, but not the contracts themselves." in browser.text
    assert not browser.page.xpath("//ul[@class='contracts']")


def test_a_bill_of_another_organisation_is_not_there(browser: Browser, north: Organisation, anna: Account) -> None:
    south = factories.organisation("south")
    theirs = factories.invoice(factories.contract(south))
    for slug in ("north", "south"):
        browser.get(f"/{slug}/invoices/{theirs.public_id}")
        assert str(theirs.number) not in (browser.text if browser.page is not None else "")


def test_who_may_do_nothing_before_identity_is_confirmed_sees_no_bills(browser: Browser, north: Organisation, bill: Invoice) -> None:
    """AG-10"""
    settings.change(north, "identity_required", True, by="operator")
    for path in ("home", "invoices", f"invoices/{bill.public_id}", "meters", "contracts/add"):
        location = browser.client.get(f"/north/{path}").location
        assert location == "/north/identity", path
