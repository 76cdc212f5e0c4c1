"""The page of a bill in the backoffice: its lines, its VAT, the document that the customer gets."""

from datetime import date
from typing import Any

from models import Invoice, InvoiceLine, InvoiceVat
from tests import world as worlds
from tests.backoffice.conftest import Enter


def test_the_page_of_a_bill_has_lines_vat_by_rates_and_the_pdf(world: worlds.World, enter: Enter) -> None:
    """IB-68"""
    browser, bill = enter("agent"), world.own["invoice"]
    browser.get(f"/backoffice/invoices/{bill.public_id}/")
    assert "21% €100.00 €21.00 Yes" in browser.text
    (address,) = [a.get("href") for a in browser.page.xpath("//main//a") if a.text_content() == "Download PDF"]
    response = browser.client.get(address.removeprefix("/backoffice"), base_url="http://localhost/backoffice")
    assert response.data.startswith(b"%PDF-")
    assert response.headers["Content-Disposition"] == f'attachment; filename="{bill.number}.pdf"'


def test_staff_are_told_of_a_rate_that_was_not_in_force(world: worlds.World, enter: Enter) -> None:
    browser, bill = enter("agent"), world.own["invoice"]
    InvoiceVat.update(rate=9_00).execute()
    browser.get(f"/backoffice/invoices/{bill.public_id}/")
    assert "9% €100.00 €21.00 No" in browser.text
    Invoice.update(issued_on=date(2025, 12, 31)).execute()
    browser.get(f"/backoffice/invoices/{bill.public_id}/")
    assert "9% €100.00 €21.00 Yes" in browser.text


def test_the_page_of_a_bill_takes_the_same_few_statements_however_many_lines(world: worlds.World, enter: Enter, statements: Any) -> None:

    browser, bill = enter("agent"), world.own["invoice"]

    def asked() -> int:
        with statements() as seen:
            browser.get(f"/backoffice/invoices/{bill.public_id}/")
        return len(seen)

    asked()
    few = asked()
    for position in range(2, 40):
        InvoiceLine.create(organisation=bill.organisation_id, invoice=bill, position=position, name="Vanduo", net_cents=0)
    assert asked() == few <= 8
