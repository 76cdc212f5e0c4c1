"""Bills: the list, one bill, its documents; what is not one's own is not there."""

import csv
import io
import uuid
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config import load
from integrations.files import Folder
from models import AccessType, Account, Contract, Invoice, InvoiceLine, Membership, Organisation
from rules import billing, links, settings
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


def test_no_page_of_bills_takes_more_than_eight_statements_of_its_own_for_one_bill_or_for_fifty(
    browser: Browser, flat: Contract, statements: Any
) -> None:
    """G8"""
    bill = factories.invoice(flat, refers_to="S-1", period_from=date(2026, 10, 1), period_to=date(2026, 10, 31))
    factories.reading(factories.meter(flat), 1_000, date(2026, 10, 20))
    paths = ("", "?state=to_pay&year=2026", "/archive", "/breakdown", f"/{bill.public_id}", f"/{bill.public_id}/pdf")

    def asked() -> dict[str, int]:
        figures = {}
        for path in paths:
            with statements() as seen:
                assert browser.client.get(f"/north/invoices{path}").data
            # Whose site it is, is known before any page begins.
            figures[path] = len([sql for sql in seen if 'FROM "organisation"' not in sql])
        return figures

    for_one = asked()
    for n in range(49):
        more = factories.invoice(flat, "S-1" if n == 7 else "", issued_on=date(2022, 1 + n % 12, 1))
        InvoiceLine.create(organisation=more.organisation_id, invoice=more, position=2, name="Vanduo", net_cents=0)
    assert asked() == for_one
    assert max(for_one.values()) <= 8, for_one


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
    assert table[0] == ["Šilumos energija", "612 kWh × €0.0823 per kWh", "€50.37"]
    assert table[2] == ["Karšto vandens kompensacija", "", "-€3.20"]
    assert [heading.text_content() for heading in browser.page.xpath("//h3")] == ["VAT 21%", "Lines without VAT"]
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
    assert not browser.page.xpath("//ul[@class='contracts']//h3/a")
    browser.follow("Remove this contract (77)")
    browser.submit("Remove the contract")
    assert "In your account from" in browser.text


def test_a_bill_of_another_organisation_is_not_there(browser: Browser, north: Organisation, anna: Account) -> None:
    south = factories.organisation("south")
    theirs = factories.invoice(factories.contract(south))
    for slug in ("north", "south"):
        browser.get(f"/{slug}/invoices/{theirs.public_id}")
        assert str(theirs.number) not in (browser.text if browser.page is not None else "")


def test_who_may_do_nothing_before_identity_is_confirmed_sees_no_bills(browser: Browser, north: Organisation, bill: Invoice) -> None:
    """AG-10"""
    settings.change(north, "identity_for_everything", "strong", by="operator")
    for path in ("home", "invoices", f"invoices/{bill.public_id}", "meters", "contracts/add"):
        location = browser.client.get(f"/north/{path}").location
        assert location == f"/north/identity?need=strong&next=/north/{path}", path


# ---- some of the bills, and many as one file --------------------------------------------------------------------------


def numbers_at(browser: Browser, query: str = "") -> list[str]:
    """The numbers of the bills that the list shows."""
    browser.get(f"/north/invoices?{query}")
    return [row.text_content().split("bill ")[1] for row in browser.page.xpath("//main//ul[@class='rows']/li/a")]


@pytest.fixture
def several(north: Organisation, anna: Account, flat: Contract) -> Contract:
    """A second contract of another provider; of both bills that are paid, to pay, overdue, and a credit note for one of them."""
    second = factories.contract(north, "02-1", address="Ąžuolų g. 2", provider=factories.provider(north, "North Water"))
    factories.holds(anna, second)
    factories.invoice(flat, "PAID", issued_on=date(2025, 10, 31), outstanding_cents=0)
    factories.invoice(flat, "LATE", issued_on=date(2026, 9, 30), due_on=date(2026, 11, 8))
    factories.invoice(flat, "CREDIT", kind="credit_note", net_cents=-1_000, due_on=None, refers_to="LATE", issued_on=date(2026, 10, 2))
    factories.invoice(second, "NEW", net_cents=5_000, issued_on=date(2026, 10, 31), due_on=date(2026, 11, 20))
    return second


def test_a_list_shows_the_bills_that_are_chosen_and_still_the_total_of_all(browser: Browser, several: Contract) -> None:
    """CV-20, CV-21, PS-13"""
    assert numbers_at(browser) == ["NEW", "CREDIT", "LATE", "PAID"]
    assert numbers_at(browser, "state=to_pay") == ["NEW", "LATE"]
    assert numbers_at(browser, "state=overdue") == ["LATE"]
    assert numbers_at(browser, "state=paid") == ["PAID"]
    assert numbers_at(browser, "kind=credit_note") == ["CREDIT"]
    assert numbers_at(browser, "year=2025") == ["PAID"]
    assert numbers_at(browser, f"provider={several.provider.public_id}") == ["NEW"]
    assert numbers_at(browser, f"contract={several.public_id}&year=&state=") == ["NEW"]
    assert "To pay of these bills €60.50 To pay in all €169.40" in browser.text
    assert numbers_at(browser, "state=paid&year=2026") == []
    assert "There is no such bill. See all bills" in browser.text


def test_the_files_of_a_year_stand_above_its_bills_once_it_is_chosen(browser: Browser, several: Contract) -> None:
    """CV-21"""
    for query, is_above in (("", False), ("year=2025", True)):
        numbers_at(browser, query)
        (archive,) = browser.page.xpath("//a[contains(@href, '/archive') and contains(@href, 'year=2025')]")
        assert bool(archive.xpath("following::a[contains(@href, '/invoices/') and not(contains(@href, 'year'))]")) == is_above


def test_the_form_above_the_list_needs_no_javascript(browser: Browser, several: Contract) -> None:
    browser.get("/north/invoices")
    (form,) = [form for form in browser.page.forms if form.method == "GET"]
    form.fields["state"], form.fields["contract"] = "to_pay", str(several.public_id)
    asked = "&".join(f"{name}={value}" for name, value in form.form_values())
    assert set(form.fields) == {"state", "year", "contract", "provider", "kind"}
    assert numbers_at(browser, asked) == ["NEW"]


def test_who_has_one_contract_is_not_asked_which(browser: Browser, flat: Contract) -> None:
    factories.invoice(flat)
    browser.get("/north/invoices")
    assert [field.get("name") for field in browser.page.xpath("//main//select")] == ["state"]


def test_what_is_overdue_is_said_in_days_with_the_due_day(browser: Browser, several: Contract) -> None:
    browser.get("/north/invoices?state=overdue")
    assert "12 days overdue by 8 Nov 2026" in browser.text
    browser.follow("September 2026")
    assert "12 days overdue" in browser.text
    browser.get("/north/invoices")
    assert browser.text.count("overdue") == 2, "what is due today is not overdue"


@pytest.mark.parametrize("query", ["state=x", "year=20", "year=2026x", "kind=invoices", "contract=1", f"contract={uuid.UUID(int=7)}", "provider=x"])  # fmt: skip
def test_a_choice_that_nobody_offered_is_not_there(browser: Browser, flat: Contract, query: str) -> None:
    for page in ("", "/archive", "/breakdown"):
        assert browser.client.get(f"/north/invoices{page}?{query}").status_code == 404


def test_anothers_contract_cannot_be_chosen(browser: Browser, north: Organisation, flat: Contract) -> None:
    """T07"""
    foreign = factories.contract(north, "99", provider=factories.provider(north, "North Water"))
    factories.invoice(foreign, "FOREIGN")
    for page in ("", "/archive", "/breakdown"):
        for query in (f"contract={foreign.public_id}", f"provider={foreign.provider.public_id}"):
            assert browser.client.get(f"/north/invoices{page}?{query}").status_code == 404


def test_a_filtered_list_is_turned_over_with_its_filter(browser: Browser, flat: Contract) -> None:
    for n in range(25):
        factories.invoice(flat, f"S{n:03}", issued_on=date(2025, 1 + n % 12, 8), outstanding_cents=0)
        factories.invoice(flat, f"U{n:03}", issued_on=date(2025, 1 + n % 12, 8))
    first = numbers_at(browser, "state=paid")
    browser.follow("Older")
    rest = [row.text_content().split("bill ")[1] for row in browser.page.xpath("//main//ul[@class='rows']/li/a")]
    assert sorted(first + rest) == [f"S{n:03}" for n in range(25)]


def test_the_bills_of_a_year_come_as_one_archive_that_is_the_same_each_time(
    browser: Browser, north: Organisation, several: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IB-68"""
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(drafts))
    own = b"%PDF-1.7 the provider's own"
    Invoice.update(pdf_digest=Folder(load().files_dir).put(own)).where(Invoice.number == "NEW").execute()
    factories.invoice(several, "NEW", kind="credit_note", net_cents=-1, issued_on=date(2026, 10, 31))
    factories.invoice(factories.contract(north, "99"), "FOREIGN", issued_on=date(2026, 10, 31))
    response = browser.client.get("/north/invoices/archive?year=2026")
    assert response.headers["Content-Disposition"] == 'attachment; filename="bills-2026.zip"'
    archive = zipfile.ZipFile(io.BytesIO(response.data))
    assert archive.testzip() is None
    assert archive.namelist() == ["2026-09-30_LATE.pdf", "2026-10-02_CREDIT.pdf", "2026-10-31_NEW.pdf", "2026-10-31_NEW-2.pdf"]
    assert archive.read("2026-10-31_NEW.pdf") == own
    late = Invoice.get(Invoice.number == "LATE")
    assert archive.read("2026-09-30_LATE.pdf") == browser.client.get(f"/north/invoices/{late.public_id}/pdf").data
    assert browser.client.get("/north/invoices/archive?year=2026").data == response.data
    assert list(drafts.iterdir()) == []


def test_an_archive_is_sent_as_it_is_made(browser: Browser, several: Contract) -> None:
    response = browser.client.get("/north/invoices/archive", buffered=False)
    parts = [len(part) for part in response.iter_encoded()]
    assert len(parts) == 5, "one for each bill, and the list of them"
    assert response.headers.get("Content-Length") is None


def test_the_lines_of_many_bills_come_as_one_table(browser: Browser, several: Contract) -> None:
    """IB-68, N06"""
    InvoiceLine.update(name="=HYPERLINK(1)").execute()
    response = browser.client.get("/north/invoices/breakdown?year=2026")
    assert response.headers["Content-Disposition"] == 'attachment; filename="bills-2026.csv"'
    rows = list(csv.reader(io.StringIO(response.data.decode("utf-8-sig")), delimiter=";"))
    assert [row[:5] + row[-1:] for row in rows[1:]] == [
        ["LATE", "2026-09-30", "01-234 5", "Liepų g. 1-1", "'=HYPERLINK(1)", "100.00"],
        ["CREDIT", "2026-10-02", "01-234 5", "Liepų g. 1-1", "'=HYPERLINK(1)", "-10.00"],
        ["NEW", "2026-10-31", "02-1", "Ąžuolų g. 2", "'=HYPERLINK(1)", "50.00"],
    ]


@pytest.mark.parametrize("file", ["archive", "breakdown"])
def test_more_bills_than_a_file_should_hold_are_not_begun(
    browser: Browser, several: Contract, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing, "MOST_AT_ONCE", 3)
    assert browser.client.get(f"/north/invoices/{file}?year=2026").status_code == 200
    browser.get(f"/north/invoices/{file}")
    assert "There are more than 3 bills. Choose a year, or one address." in browser.text
    assert browser.at == "/north/invoices"


def test_24_months_are_bars_with_a_table_beside_them(browser: Browser, several: Contract) -> None:
    """CV-16: months without bills are shown, credit notes are taken off, of one contract or of all"""

    def table() -> list[list[str]]:
        rows = browser.page.xpath("//figure//tbody/tr")
        return [[cell.text_content() for cell in row] for row in rows]

    browser.get("/north/invoices")
    assert len(table()) == len(browser.page.xpath("//figure//*[name()='rect' or name()='line']")) == 24
    assert table()[:4] == [["November 2026", "–"], ["October 2026", "€48.40"], ["September 2026", "€121.00"], ["August 2026", "–"]]
    browser.get(f"/north/invoices?contract={several.public_id}")
    assert not browser.page.xpath("//figure"), "one month is no chart"
    factories.invoice(several, net_cents=1_000, issued_on=date(2026, 1, 8), period_to=date(2025, 12, 31))
    browser.get(f"/north/invoices?contract={several.public_id}&state=overdue")
    assert [row for row in table() if row[1] != "–"] == [["October 2026", "€60.50"], ["December 2025", "€12.10"]]


def test_what_the_provider_notes_on_a_bill_keeps_its_lines(browser: Browser, flat: Contract) -> None:
    made = factories.invoice(flat, note="The heating season begins.\nDeclare <by> the 27th.")
    browser.get(f"/north/invoices/{made.public_id}")
    (note,) = browser.page.xpath("//p[br]")
    assert list(note.itertext()) == ["The heating season begins.", "Declare <by> the 27th."]


def test_a_credit_note_and_what_it_corrects_lead_to_each_other(browser: Browser, north: Organisation, several: Contract) -> None:
    """CV-16"""
    elsewhere = factories.contract(north, "99")
    factories.invoice(elsewhere, "OTHER", kind="credit_note", net_cents=-1, refers_to="LATE")
    browser.get(f"/north/invoices/{Invoice.get(Invoice.number == 'CREDIT').public_id}")
    assert "This corrects: LATE" in browser.text
    browser.follow("LATE")
    assert "Corrected on 2 October 2026 by: CREDIT (-€12.10)" in browser.text
    assert "OTHER" not in browser.text
    browser.follow("CREDIT")
    assert browser.page.xpath("string(//h1)") == "Credit note CREDIT"


def test_a_bill_shows_the_readings_of_its_months_to_who_may_see_meters(browser: Browser, flat: Contract, bill: Invoice) -> None:
    """PS-11"""
    meter = factories.meter(flat)
    factories.reading(meter, 1_000, date(2026, 9, 20))
    factories.reading(meter, 5_000, date(2026, 10, 20), previous_milli=1_000)
    browser.get(f"/north/invoices/{bill.public_id}")
    assert "Readings of these months Hot-water meter KV1_241 · 20 Oct 2026 4.000 m³ 1.000 → 5.000" in browser.text
    AccessType.update(deeds=["invoice.view"]).execute()
    browser.get(f"/north/invoices/{bill.public_id}")
    assert "Readings of these months" not in browser.text


def test_a_contract_that_lets_me_see_meters_alone_has_no_bills_for_me(browser: Browser, north: Organisation, several: Contract) -> None:
    """K08, T07: in the list, its sums, its bars and both files"""
    AccessType.update(deeds=["meter.view"]).where(AccessType.name == "user").execute()
    Membership.update(access_type=AccessType.get(organisation=north, name="user")).where(Membership.contract == several).execute()
    factories.invoice(several, "HIDDEN", net_cents=1_000, issued_on=date(2026, 5, 31), outstanding_cents=0)
    assert numbers_at(browser) == ["CREDIT", "LATE", "PAID"]
    assert "To pay in all €108.90" in browser.text
    assert ["May 2026", "–"] in [[cell.text_content() for cell in row] for row in browser.page.xpath("//figure//tbody/tr")]
    assert not browser.page.xpath("//select[@name='contract']")
    assert browser.client.get(f"/north/invoices?contract={several.public_id}").status_code == 404
    archive = zipfile.ZipFile(io.BytesIO(browser.client.get("/north/invoices/archive?year=2026").data))
    assert archive.namelist() == ["2026-09-30_LATE.pdf", "2026-10-02_CREDIT.pdf"]
    assert "NEW" not in browser.client.get("/north/invoices/breakdown").text
    hidden = Invoice.get(Invoice.number == "HIDDEN")
    for page in ("", "/pdf", "/breakdown"):
        assert browser.client.get(f"/north/invoices/{hidden.public_id}{page}").status_code == 404
