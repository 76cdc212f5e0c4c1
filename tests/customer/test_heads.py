"""A head's way through the customer site: what opens when the person is recognised, and closes when the register says so."""

from typing import Any

import pytest

from models import Company, Contract
from rules import heads, invitations
from tests import factories
from tests.browser import Browser
from tests.rules.test_heads import JONAS, ONA, prove, take


@pytest.fixture
def oak(db: object) -> Company:
    made = factories.company(factories.organisation("north"), "UAB „Uosis“", code="399000011")
    factories.contract(made.organisation, "U-1", company=made)
    return made


def test_a_head_who_is_one_no_more_sees_nothing_from_the_next_page_on(oak: Company, browser: Browser) -> None:
    """IB-31, T12: the rights end at once, and so does the session."""
    jonas = factories.account(oak.organisation, "jonas@example.lt")
    prove(jonas, JONAS)
    take(oak, JONAS)
    contract: Any = Contract.get()
    path = f"/north/contracts/{contract.public_id}"
    browser.enter(jonas)
    browser.get(path)
    assert browser.status == 200
    take(oak, ONA)
    browser.get(path)
    assert "sign-in" in browser.at, "the session is gone"
    browser.enter(jonas)
    browser.get(path)
    assert browser.status == 404


def test_a_head_whom_the_register_names_no_more_goes_on_as_an_authorised_person(oak: Company, browser: Browser) -> None:
    """IB-33"""
    jonas = factories.account(oak.organisation, "jonas@example.lt")
    prove(jonas, JONAS)
    take(oak, JONAS)
    browser.enter(jonas)
    take(oak)
    browser.get(f"/north/contracts/{Contract.get().public_id}")
    assert browser.status == 200


def test_who_proves_who_they_are_sees_the_companies_they_head(oak: Company, browser: Browser) -> None:
    """IB-39, IR-06, K04"""
    take(oak, JONAS)
    jonas = factories.account(oak.organisation, "jonas@example.lt")
    browser.enter(jonas)
    path = f"/north/contracts/{Contract.get().public_id}"
    browser.get(path)
    assert browser.status == 404
    prove(jonas, JONAS)
    assert heads.recognise(jonas) == [oak]
    browser.get(path)
    assert browser.status == 200


def test_whom_a_former_head_let_in_is_marked_for_the_new_one(oak: Company, browser: Browser) -> None:
    """IB-31: what was given stays, and is shown to whoever heads the company now."""
    people = {}
    for code, email in ((JONAS, "jonas@example.lt"), (ONA, "ona@example.lt")):
        people[code] = factories.account(oak.organisation, email, name=email)
        prove(people[code], code)
    take(oak, JONAS)
    user = factories.account(oak.organisation, "user@example.lt", name="Ugnė Naudotoja")
    offered = invitations.invite(people[JONAS], oak, email=user.email, access_type="user", site_url="https://my.example.lt")
    invitations.accept(user, offered)
    browser.enter(people[JONAS])
    browser.get(f"/north/companies/{oak.public_id}")
    assert "Ugnė Naudotoja" in browser.text
    assert "Given by a former head" not in browser.text
    take(oak, ONA)
    browser.enter(people[ONA])
    browser.get(f"/north/companies/{oak.public_id}")
    assert "Given by a former head" in browser.text
