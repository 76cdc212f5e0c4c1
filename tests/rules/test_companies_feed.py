"""What a billing feed says of companies: a contract gets its company by itself, and loses it with the payer code."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

import models
from integrations import billing_feed
from integrations.billing_feed import Contract, Invoice, records
from integrations.billing_feed.records import company_code
from models import Company, Membership, Organisation
from rules import companies
from tests import factories
from tests.rules.test_companies import in_step, person, seen
from tests.rules.test_sync import bill, place, take

WORKS = Contract("VE 1", customer_name="UAB Uosis", address="Verslo g. 1", opened_on=date(2022, 1, 1), company_code="302345678")
GAS = Contract("VD 1", customer_name="UAB Uosis", address="Verslo g. 1", opened_on=date(2022, 1, 1), company_code="302345678")


@pytest.fixture
def north(db: Any) -> Organisation:
    return place("north")


def test_contracts_of_one_code_are_one_company_and_its_people_have_them(north: Organisation) -> None:
    """IB-03, IB-50: the same again changes nothing."""
    take(north, [WORKS])
    (uosis,) = Company.select()
    assert (uosis.name, uosis.code) == ("UAB Uosis", "302345678")
    anna = person(north, "anna")
    factories.represents(anna, uosis, "user")
    take(north, [WORKS, GAS])
    assert seen(anna) == ["VD 1", "VE 1"]
    before = Membership.select().count()
    run = take(north, [WORKS, GAS])
    assert (run.changed, Membership.select().count(), Company.select().count()) == (0, before, 1)
    in_step()


def test_a_payer_code_that_goes_on_takes_the_company_along(north: Organisation) -> None:
    """T11: to another company, and to a person; whoever stays the same company, under another name, keeps it."""
    take(north, [WORKS, GAS])
    uosis, anna, ben = Company.get(), person(north, "anna"), person(north, "ben")
    factories.represents(anna, uosis)
    take(north, [replace(WORKS, customer_name="Uosis, UAB", opened_on=date(2023, 1, 1)), GAS])
    assert seen(anna) == ["VD 1", "VE 1"]
    other = replace(WORKS, customer_name="UAB Beržas", company_code="305555555", opened_on=date(2024, 1, 1))
    take(north, [other, replace(GAS, customer_name="Jonas Jonaitis", company_code="", opened_on=date(2024, 1, 1))])
    factories.represents(ben, Company.get(Company.code == "305555555"))
    assert (seen(anna), seen(ben)) == ([], ["VE 1"])
    assert models.Contract.get(payer_code="VD 1").company is None
    in_step()


def test_what_staff_said_stays_until_the_feed_says_something_else(north: Organisation) -> None:
    take(north, [replace(WORKS, company_code="")])
    uosis, agent = factories.company(north), factories.staff(north)
    companies.set_company(models.Contract.get(), company=uosis, reason="A letter", by=agent)
    take(north, [replace(WORKS, company_code="")])
    assert models.Contract.get().company_id == uosis.id
    take(north, [replace(WORKS, company_code="305555555")])
    assert models.Contract.get().company.code == "305555555"


def test_bills_alone_say_whose_a_contract_is_if_all_are_one_customers(db: Any) -> None:
    """IB-03, AG-13: with bills of two names nobody is shown the other's."""
    south = place("south", unknown_payer="open")
    uosis = {"customer_name": "UAB Uosis", "company_code": "302345678"}
    take(south, [bill("S1", "A 1", **uosis), bill("S2", "B 1", customer_name="Jonas Jonaitis"), bill("S3", "B 1", net=5, **uosis)])
    whose = {row.payer_code: row.company and row.company.code for row in models.Contract.select()}
    assert whose == {"A 1": "302345678", "B 1": None}


def test_a_persons_code_is_no_companys_and_kept_nowhere() -> None:
    """IB-34: eleven digits."""
    assert company_code("38001010000") == ""
    assert company_code(" 302 345 678 ") == "302345678"


def test_bills_read_before_there_were_companies_are_the_same_bills() -> None:
    """The digest of a record without a company is what it was before the field came."""
    without = bill("S1")
    assert billing_feed.digest(without) != billing_feed.digest(replace(without, company_code="302345678"))
    said = list(vars(without).values())[:-1]
    made = [list(vars(part).values()) for part in without.lines], [list(vars(part).values()) for part in without.vat]
    plain = [made[0] if value == without.lines else made[1] if value == without.vat else value for value in said]
    encoded = records._JSON.encode([Invoice.__name__, *plain])
    assert billing_feed.digest(without) == hashlib.sha256(encoded.encode()).hexdigest()
