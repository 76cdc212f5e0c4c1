"""Adding a contract: what is asked, that nothing typed is improved, in which words it is refused."""

from datetime import date
from typing import Any

import pytest

from models import Account, Contract, Counter, Membership, Organisation
from rules import limits, settings
from tests import factories
from tests.browser import Browser

CODE, NUMBER = "01-204 77", "SF-1001"


@pytest.fixture
def bill(north: Organisation) -> Contract:
    """A contract that nobody has added yet, with a bill."""
    made = factories.contract(north, CODE, address="Tilto g. 4-17")
    factories.invoice(made, NUMBER, net_cents=12_258, issued_on=date(2026, 11, 8))
    return made


def errors(browser: Browser) -> list[str]:
    return [" ".join(li.text_content().split()) for li in browser.page.xpath("//*[contains(@class, 'error-summary')]//li")]


def test_a_contract_is_added_by_what_the_bill_shows(browser: Browser, anna: Account, bill: Contract) -> None:
    """PS-06, PS-08, CV-12"""
    browser.get("/north/home")
    browser.follow("Add a contract")
    browser.submit("Add a contract", payer_code=CODE, invoice_number=NUMBER)
    assert browser.at == f"/north/contracts/{bill.public_id}"
    assert "The contract is in your account." in browser.text
    browser.follow("November 2026")
    assert browser.page.xpath("string(//p[contains(@class, 'amount')])") == "€148.32"
    browser.get("/north/contracts")
    assert "Tilto g. 4-17 Payer code 01-204 77 Provider North Heat Your access Owner" in browser.text


@pytest.mark.parametrize("typed", [CODE + " ", " " + CODE, "01-20477", "01204 77"])
def test_the_form_passes_the_payer_code_on_as_it_was_typed(browser: Browser, anna: Account, bill: Contract, typed: str) -> None:
    """CV-13"""
    browser.get("/north/contracts/add")
    browser.submit("Add a contract", payer_code=typed, invoice_number=NUMBER)
    assert errors(browser)[0].startswith("We found nothing with these details.")
    assert browser.page.xpath("//input[@name='payer_code']/@value") == [typed]
    assert Membership.select().count() == 0


def test_a_code_that_is_printed_with_a_space_at_its_end_is_found(browser: Browser, north: Organisation, anna: Account) -> None:
    """CV-13"""
    factories.invoice(factories.contract(north, "77 "), NUMBER)
    browser.get("/north/contracts/add")
    browser.submit("Add a contract", payer_code="77 ", invoice_number=f" {NUMBER} ")
    assert Membership.get().contract.payer_code == "77 "


def test_the_hint_says_what_to_look_at(browser: Browser, anna: Account) -> None:
    browser.get("/north/contracts/add")
    browser.submit("Add a contract", payer_code=CODE + " ", invoice_number=NUMBER)
    assert errors(browser)[0].endswith("The payer code you typed begins or ends with a space.")


def test_a_wrong_code_and_a_wrong_number_cannot_be_told_apart(browser: Browser, anna: Account, bill: Contract) -> None:
    """CV-13, PS-08"""
    said = []
    for code, number in ((CODE, "wrong"), ("99-999 99", NUMBER)):
        browser.get("/north/contracts/add")
        browser.submit("Add a contract", payer_code=code, invoice_number=number)
        said.append((browser.status, errors(browser)))
    assert said[0] == said[1]


def test_what_is_left_empty_is_asked_for_by_name(browser: Browser, anna: Account) -> None:
    browser.get("/north/contracts/add")
    browser.submit("Add a contract")
    assert errors(browser) == ["Enter the payer code", "Enter the number of your last bill"]
    assert browser.page.xpath("string(//title)").startswith("Error:")


def test_the_maintaining_company_is_chosen_where_the_organisation_asks(browser: Browser, db: object) -> None:
    """CV-11, CV-17, K04, K23"""
    south = factories.organisation("south", claim_provider=True, claim_invoice=False, unit_word="object")
    for name in ("Vakarai", "Rytai", "Šiaurė"):
        factories.contract(south, CODE, provider=factories.provider(south, name), address=f"{name} 1")
    browser.enter(factories.account(south))
    browser.get("/south/contracts/add")
    assert browser.page.xpath("string(//h1)") == "Which company maintains your house?"
    assert browser.page.xpath("//main//li//a/text()") == ["Rytai", "Šiaurė", "Vakarai"]
    for name in ("Rytai", "Vakarai"):
        browser.get("/south/contracts/add")
        browser.follow(name)
        assert browser.page.xpath("string(//h1)") == "Add an object"
        browser.submit("Add an object", payer_code=CODE)
    assert {m.contract.address for m in Membership.select()} == {"Rytai 1", "Vakarai 1"}


def test_a_company_of_another_organisation_cannot_be_chosen(browser: Browser, north: Organisation, anna: Account, bill: Contract) -> None:
    settings.change(north, "claim_provider", True, by="operator")
    settings.change(north, "claim_invoice", False, by="operator")
    south = factories.organisation("south")
    foreign = factories.provider(south, "South")
    factories.contract(south, CODE, provider=foreign)
    factories.provider(north, "Another")
    browser.get("/north/contracts/add")
    browser.follow("North Heat")
    assert browser.page.xpath("string(//h1)") == "Add a contract"
    browser.post(f"/north/contracts/add?provider={foreign.public_id}", {"payer_code": CODE})
    assert browser.page.xpath("string(//h1)") == "Whose bill do you have?"
    assert Membership.select().count() == 0


def test_the_same_form_sent_twice_adds_once(browser: Browser, anna: Account, bill: Contract) -> None:
    browser.get("/north/contracts/add")
    form = browser.page.forms[-1]
    data = dict(form.form_values()) | {"payer_code": CODE, "invoice_number": NUMBER}
    locations = [browser.client.post("/north/contracts/add", data=data).location for _ in range(2)]
    assert locations[0] == locations[1] == f"/north/contracts/{bill.public_id}"
    assert Membership.select().count() == 1


def test_adding_what_one_has_says_so(browser: Browser, anna: Account, bill: Contract) -> None:
    factories.holds(anna, bill)
    browser.get("/north/contracts/add")
    browser.submit("Add a contract", payer_code=CODE, invoice_number=NUMBER)
    assert errors(browser) == ["You have already added this: Tilto g. 4-17."]


def test_wrong_tries_stay_counted_though_they_are_refused(browser: Browser, anna: Account, bill: Contract) -> None:
    for _ in range(3):
        browser.get("/north/contracts/add")
        browser.submit("Add a contract", payer_code=CODE, invoice_number="wrong")
    assert Counter.select().where(Counter.count == 3).count() == 5  # by code, account, network, day and hour
    browser.get("/north/contracts/add")
    browser.submit("Add a contract", payer_code=CODE, invoice_number=NUMBER)
    assert errors(browser) == [
        "There were too many wrong tries today. Try again tomorrow, or contact us and we will add it for you: 8 700 00002."
    ]


def test_under_attack_the_form_asks_for_the_total_of_the_bill_too(
    browser: Browser, north: Organisation, anna: Account, bill: Contract
) -> None:
    browser.get("/north/contracts/add")
    assert not browser.page.xpath("//input[@name='invoice_total']")
    for _ in range(50):
        limits.count("attach-day", str(north.id), limits.DAY)
    browser.submit("Add a contract", payer_code=CODE, invoice_number=NUMBER)
    assert errors(browser) == ["Enter the total of your last bill, such as 148,32"]
    browser.submit("Add a contract", payer_code=CODE, invoice_number=NUMBER, invoice_total="one")
    assert errors(browser) == ["The amount must be in euros and cents, such as 148,32"]
    browser.submit("Add a contract", payer_code=CODE, invoice_number=NUMBER, invoice_total="148,32 €")
    assert Membership.select().count() == 1


def test_the_picture_shows_where_on_the_bill_to_look(browser: Browser, anna: Account) -> None:
    """PS-08"""
    browser.get("/north/contracts/add")
    assert "invoice number" in browser.page.xpath("string(//figure//*[local-name()='title'])")


def test_a_code_is_shown_as_text_whatever_it_holds(browser: Browser, anna: Account) -> None:
    nasty: Any = "<b>\"'&{{7*7}}{x} %(y)s"
    browser.get("/north/contracts/add")
    browser.submit("Add a contract", payer_code=nasty, invoice_number=nasty)
    assert browser.page.xpath("//input[@name='payer_code']/@value") == [nasty]
