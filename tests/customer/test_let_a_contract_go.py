"""The pages of contracts: one total over all, what letting one go means, what has ended."""

from datetime import date

from models import Account, Contract, Membership, Organisation
from rules import settings
from tests import factories
from tests.browser import Browser


def test_each_contract_says_what_it_owes_under_one_total(browser: Browser, north: Organisation, anna: Account, flat: Contract) -> None:
    """CV-17, CV-20, CV-21"""
    second = factories.contract(north, "02-1", address="Ąžuolų g. 2")
    factories.holds(anna, second)
    factories.invoice(flat, net_cents=10_000)
    factories.invoice(second, net_cents=5_000)
    browser.get("/north/contracts")
    assert "To pay in all: €181.50" in browser.text
    assert [" ".join(dd.text_content().split()) for dd in browser.page.xpath("//dd[@class='num']")] == ["€60.50", "€121.00"]


def test_letting_go_is_asked_about_with_what_happens_and_then_done(browser: Browser, anna: Account, flat: Contract) -> None:
    """CV-40"""
    bill = factories.invoice(flat, net_cents=10_000)
    browser.get(f"/north/contracts/{flat.public_id}")
    browser.follow("Remove this contract")
    assert "What is to be paid stays to be paid: €121.00." in browser.text
    assert Membership.get().until_at is None
    browser.submit("Remove the contract")
    assert browser.at == "/north/contracts"
    assert "The contract is no longer in your account." in browser.text
    assert "You removed it." in browser.text
    for path in (f"contracts/{flat.public_id}", f"contracts/{flat.public_id}/detach", f"invoices/{bill.public_id}"):
        browser.get(f"/north/{path}")
        assert browser.status == 404


def test_what_the_billing_system_has_ended_stands_apart_and_stays(browser: Browser, anna: Account, flat: Contract) -> None:
    """CV-40"""
    bill = factories.invoice(flat)
    Contract.update(ended_on=date(2026, 11, 1)).execute()
    browser.get("/north/contracts")
    assert browser.page.xpath("string(//section[@aria-labelledby='ended']//h3)").strip() == "Liepų g. 1-1"
    browser.get(f"/north/invoices/{bill.public_id}")
    assert browser.status == 200


def test_where_only_staff_add_contracts_the_page_says_how_to_reach_them(browser: Browser, north: Organisation, anna: Account) -> None:
    """K05"""
    settings.change(north, "claim_who", "staff", by="operator")
    browser.get("/north/contracts/add")
    assert "Contact us: 8 700 00002." in browser.text
    assert not browser.page.xpath("//input[@name='payer_code']")
