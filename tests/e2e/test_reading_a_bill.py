"""A bill arrives in the billing feed, and someone new reads it."""

from pathlib import Path
from typing import Any

import pytest

import formats
from config import ROOT
from tests.e2e.conftest import Tab, plain
from tests.e2e.journey import DESK_FIRST, PHONE, attach, become_customer, sign_in, sign_out
from tests.product import Product

TEN_LINES = ROOT / "tests" / "data" / "ubl" / "ten-lines.xml"
BESIDE = ROOT.parent / "shared" / "data" / "ubl" / "ubl-tc434-example8.xml"
BILLS = {"lt": ("01-204 77", "MŠ-2026-04107"), "en": ("01-205 19", "MŠ-2026-04519")}


@pytest.mark.parametrize(("language", "width"), DESK_FIRST)
def test_someone_new_reads_the_bill_that_arrived(tab: Any, product: Product, tmp_path: Path, language: str, width: int) -> None:
    """PS-01, PS-03..08, PS-12, IB-68, K01, K04, K23, K26"""
    payer_code, number = BILLS[language]
    document = tmp_path / "bill.xml"
    document.write_text(TEN_LINES.read_text().replace(BILLS["lt"][0], payer_code).replace(BILLS["lt"][1], number))
    product.portal("sync-bills", "district-heating", str(document))
    here = tab(language, width)

    here.go("/")
    here.shot("doors")
    here.follow("Miesto šiluma", exact=False)
    here.follow("Register")
    become_customer(here, product, "district-heating", f"ona.{language}@example.lt", full_name="Ona Pavyzdienė", phone=PHONE)
    assert here.has("Your account is active, but you have not added any contracts yet")
    header = here.page.locator("header")
    header.locator("summary").click()
    for words in ("+370 421 00005", "Ona Pavyzdienė", here.say("Account"), here.say("Sign out")):
        assert words in plain(header.inner_text())
    here.shot("empty")
    here.follow("Add a contract")
    here.shot("attach")
    attach(here, "district-heating", payer_code="01-20477", invoice_number=number)
    assert here.has("We found nothing with these details.")
    here.shot("attach-refused")
    attach(here, "district-heating", payer_code=payer_code, invoice_number=number)
    assert here.has("The contract is in your account.")
    here.shot("contract")

    sign_out(here, "district-heating")
    for words in ("Forgotten your password?", "Register"):
        assert here.page.get_by_role("link", name=here.say(words), exact=True).is_visible()
    sign_in(here, "district-heating", f"ona.{language}@example.lt")
    read_the_bill(here, number, total_cents=109_42, vat_cents=18_99)


def test_a_real_utilitys_bill_is_read(tab: Any, product: Product) -> None:
    """PS-08, IB-68: an electricity bill in the European format, as its supplier made it."""
    if not BESIDE.exists():
        pytest.skip(f"The real bill is not beside this checkout: put it at {BESIDE.relative_to(ROOT.parent)} there.")
    product.portal("sync-bills", "district-heating", str(BESIDE))
    here = tab("lt", 360)

    become_customer(here, product, "district-heating", "jonas@example.lt", full_name="Jonas Pavyzdys", phone=PHONE)
    attach(here, "district-heating", payer_code="1081119", invoice_number="1100512149")

    read_the_bill(here, "1100512149", total_cents=1099_78, vat_cents=190_87)
    assert "2014 m. lapkričio 24 d." in here.text
    here.shot("real-bill")
    here.follow("Home")
    assert "2014 m. lapkričio 24 d." in here.text


def read_the_bill(here: Tab, number: str, *, total_cents: int, vat_cents: int) -> None:
    """From the first page to the bill with its ten lines, to its PDF."""
    total, vat = (plain(formats.money(cents, here.language)) for cents in (total_cents, vat_cents))
    here.go("/district-heating/home")
    assert total in here.page.locator(".amount").inner_text().replace("\xa0", " ")
    here.shot("home-of-one-bill")
    here.follow("Bills")
    here.shot("bills")
    here.page.locator("main").get_by_role("link", name=number).click()
    here.page.wait_for_url("**/invoices/*")
    here.look()
    here.shot("bill")

    assert total in here.page.locator(".amount").inner_text().replace("\xa0", " ")
    assert here.page.locator("section[aria-labelledby=lines] tbody tr").count() == 10
    totals = plain(here.page.locator("dl.totals").inner_text())
    assert plain(formats.vat_rate(21_00, here.language)) in totals
    assert vat in totals
    assert total in totals

    link = here.page.locator("a[href$='/pdf']")
    answer = here.page.request.get(here.base + link.get_attribute("href"))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")
    assert len(answer.body()) > 5000
    assert number.encode() in answer.body()
    table = here.page.request.get(here.base + here.page.locator("a[href$='/breakdown']").get_attribute("href"))
    assert len(table.text().splitlines()) == 1 + 10 + 3  # the heading, the lines, without VAT, VAT, in all
    with here.page.expect_download() as saved:
        link.click()
    assert saved.value.suggested_filename.endswith(f"{number.rpartition('Š')[2].strip('-')}.pdf")
