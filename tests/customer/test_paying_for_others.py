"""The pages of paying for others: what the payer sees and never sees, and what whoever has the contract does about it (IR-09, T98)."""

import uuid
from typing import Any

import pytest
from flask import Flask

from models import Account, Contract, FailedTry, Message, Organisation, ThirdPartyPayer
from rules import settings, third_party_payers
from tests import factories
from tests.browser import Browser

CANARY = "Kanarel"
NUMBER = f"SF-{CANARY}-1"


@pytest.fixture
def flat(north: Organisation) -> Contract:
    """A contract each text of which would be known again, whoever let it out."""
    settings.change(north, "pay_for_others", True, by="operator")
    house = factories.building(north, f"{CANARY}ių g. 5", provider=factories.provider(north, iban="LT351000011101000004"))
    made = factories.contract(
        north,
        "01-204 77",
        address=f"{CANARY}ių g. 5-12, {CANARY}ai",
        customer_name=f"{CANARY}a Ona",
        building=house,
        provider=house.provider,
    )
    bill = factories.invoice(made, NUMBER, note=f"{CANARY} note", buyer_name=f"{CANARY}a Ona", payment_reference="RF18 5390")
    factories.reading(factories.meter(made, number=f"{CANARY}-9", place=f"{CANARY} 4"), 5000, bill.issued_on, reference="R77777777")
    owner = factories.account(north, f"{CANARY}@example.lt", name=f"{CANARY}a Ona", phone="+37060077777")
    factories.holds(owner, made)
    return made


@pytest.fixture
def morta(north: Organisation) -> Account:
    return factories.account(north, "morta@example.lt", name="Morta North")


def pay(browser: Browser, number: str = NUMBER, **more: str) -> None:
    browser.get("/north/home")
    browser.follow("Pay for somebody else")
    browser.submit("Add", payer_code="01-204 77", invoice_number=number, **more)


def test_a_customer_adds_somebody_elses_bill_sees_what_to_pay_and_removes_it(browser: Browser, flat: Contract, morta: Account) -> None:
    """IR-09, T98"""
    browser.enter(morta)
    pay(browser, called="Mama")
    assert browser.at == "/north/paying-for-others"
    assert "Added: here you see how much to pay, by when and how." in browser.text
    assert browser.page.xpath("string(//h2)") == "Mama"
    assert "K… g. …, K…" in browser.text
    assert "LT35 1000 0111 0100 0004" in browser.text
    assert "RF18 5390" in browser.text
    browser.get("/north/home")
    assert "What you pay for others" in browser.text
    browser.follow("How to pay")
    assert browser.at.startswith("/north/paying-for-others")
    browser.follow("Remove")
    assert not ThirdPartyPayer.get().ended_at
    browser.submit("Remove")
    assert "You pay for nobody else yet" in browser.text


def test_nothing_else_of_the_contract_reaches_the_payer(browser: Browser, customer_app: Flask, flat: Contract, morta: Account) -> None:
    """T98: every page there is, asked with everything that the contract has, and every letter."""
    third_party_payers.add(morta, provider=flat.provider, payer_code="01-204 77", invoice_number=NUMBER, source="192.0.2.0/24", site_url="")
    browser.enter(morta)
    things: list[Any] = [flat, *flat.invoice_set, *flat.meter_set, *flat.membership_set, *ThirdPartyPayer.select()]
    opened = set()
    for rule in customer_app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint.endswith("static") or rule.endpoint in ("sign_in.sign_out", "home.language"):
            continue
        for thing in things if "public_id" in rule.arguments else [None]:
            values = {
                name: thing.public_id if name == "public_id" and thing else "R77777777" if name == "reference" else "x" * 32
                for name in rule.arguments
            }
            path = customer_app.url_map.bind("localhost", script_name="/north").build(rule.endpoint, values)
            for query in ("", f"?contract={flat.public_id}", f"?provider={flat.provider.public_id}&year=2026"):
                answer = browser.client.get(path + query)
                assert CANARY.encode() not in answer.get_data(), path
                assert CANARY not in answer.headers.get("Location", ""), path
                if answer.status_code == 200:
                    opened.add(rule.endpoint)
    assert {"payers.index", "payers.add", "payers.remove", "home.index", "contracts.index", "invoices.index"} <= opened
    assert not opened & {
        "contracts.view",
        "contracts.detach",
        "invoices.view",
        "invoices.pdf",
        "meters.view",
        "readings.declare_one",
        "payers.end",
    }
    letters = [str(message.facts) for message in Message.select().where(Message.account == morta)]
    assert letters
    assert CANARY not in "".join(letters)


def test_a_wrong_number_is_said_plainly_and_loses_nothing(browser: Browser, flat: Contract, morta: Account) -> None:
    """M06, T98"""
    browser.enter(morta)
    pay(browser, "SF-2", called="Mama")
    assert "We found nothing with these details." in browser.text
    assert browser.page.xpath("//input[@name='called']/@value") == ["Mama"]
    assert browser.page.xpath("//input[@name='payer_code']/@value") == ["01-204 77"]
    assert not ThirdPartyPayer.select().exists()
    assert FailedTry.get().account == morta


def test_whoever_has_the_contract_sees_that_somebody_pays_and_ends_it(browser: Browser, flat: Contract, morta: Account) -> None:
    """T98: who pays is not told, that it is so is."""
    third_party_payers.add(morta, provider=flat.provider, payer_code="01-204 77", invoice_number=NUMBER, source="192.0.2.0/24", site_url="")
    browser.enter(Account.get(Account.email == f"{CANARY}@example.lt"))
    browser.get(f"/north/contracts/{flat.public_id}")
    assert "Somebody, since" in browser.text
    assert "Morta" not in browser.text
    browser.follow("End this")
    browser.submit("End this")
    assert "They no longer see what you owe." in browser.text
    assert not browser.page.xpath("//section[@aria-labelledby='payers']")
    assert "Morta" not in browser.text
    browser.enter(morta)
    browser.get("/north/paying-for-others")
    assert "You pay for nobody else yet" in browser.text


def test_what_staff_were_told_of_the_holder_is_not_told_to_the_payer(
    browser: Browser, north: Organisation, flat: Contract, morta: Account
) -> None:
    """T98, M02"""
    third_party_payers.add(morta, provider=flat.provider, payer_code="01-204 77", invoice_number=NUMBER, source="192.0.2.0/24", site_url="")
    third_party_payers.end_by_staff(ThirdPartyPayer.get(), reason=f"{CANARY}a phoned: divorced", by=factories.staff(north))
    browser.enter(morta)
    browser.get("/north/account/who-looked")
    assert "Ended that you pay for somebody else" in browser.text
    assert CANARY not in browser.text


def test_what_one_pays_oneself_nobody_else_may_remove_or_end(browser: Browser, north: Organisation, flat: Contract, morta: Account) -> None:
    third_party_payers.add(morta, provider=flat.provider, payer_code="01-204 77", invoice_number=NUMBER, source="192.0.2.0/24", site_url="")
    number = ThirdPartyPayer.get().public_id
    browser.enter(factories.account(north, "stranger@example.lt"))
    for path in (f"/north/paying-for-others/{number}/remove", f"/north/payers/{number}/end", f"/north/payers/{uuid.uuid4()}/end"):
        assert browser.client.get(path).status_code == 404


def test_where_an_organisation_does_not_offer_it_no_page_speaks_of_it(
    browser: Browser, north: Organisation, flat: Contract, morta: Account
) -> None:
    """K05"""
    settings.change(north, "pay_for_others", False, by="operator")
    browser.enter(morta)
    for path in ("/north/home", "/north/contracts", "/north/contracts/add"):
        browser.get(path)
        assert "somebody else" not in browser.text
        assert "for others" not in browser.text
    for path in ("/north/paying-for-others", "/north/paying-for-others/add"):
        assert browser.client.get(path).status_code == 404
