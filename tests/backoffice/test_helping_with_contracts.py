"""An agent sees what a customer could not add and why, adds it for them, and undoes it; puts a contract into a building."""

import pytest

from models import Contract, Membership, Message
from rules import contracts, proof
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def test_an_agent_adds_what_the_customer_could_not_and_takes_it_back(world: worlds.World, enter: Enter) -> None:
    """M06, M18, K04"""
    charlie, flat = world.people["stranger"], world.own["contract"]
    provider = flat.provider
    provider.payer_code_form = "00-000 0"
    provider.save()
    with pytest.raises(proof.NotFound):
        contracts.attach(charlie, provider=provider, payer_code=flat.payer_code.replace("-", ""), invoice_number="X", source="192.0.2.0/24")
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/{charlie.public_id}/")
    assert "Spaces and dashes of the payer code count." in browser.text
    assert f"Seems to be {flat}" in browser.text
    browser.follow("Add a contract")
    assert browser.page.xpath("//input[@name='contract']/@value") == [str(flat)]
    browser.submit(contract=str(flat), reason="Showed the bill")
    assert Membership.get(Membership.account == charlie).granted_by == "Agnė"
    assert "Could not be added" not in browser.text

    browser.get(f"{BASE}/accounts/{charlie.public_id}/")
    browser.follow("Remove")
    browser.submit(reason="The wrong flat")
    assert Membership.get(Membership.account == charlie).ended_by == "staff"
    browser.get(f"{BASE}/accounts/{charlie.public_id}/")
    browser.follow("Give back")
    browser.submit(reason="The right flat after all")
    assert Membership.get(Membership.account == charlie).until_at is None
    mine = Message.select().where(Message.account == charlie).order_by(Message.id)
    assert [message.kind for message in mine] == ["contract_attached", "paid_by_another", "contract_ended", "contract_restored"]


def test_a_contract_is_found_by_its_payer_code_and_only_within_reach(world: worlds.World, enter: Enter) -> None:
    """T23"""
    browser = enter("agent")
    for code, found in (
        (world.own["contract"].payer_code, 1),
        (world.own["contract"].payer_code[:4], 1),
        (world.foreign["contract"].payer_code, 0),
    ):
        browser.get(f"{BASE}/accounts/lookup/?name=contract&query={code}")
        assert len(browser.response.get_json()) == found, code


def test_an_agent_puts_a_contract_into_a_building(world: worlds.World, enter: Enter) -> None:
    """N08"""
    bare = factories.contract(world.north, "77-1", address="Bevardė g. 1")
    browser = enter("agent")
    browser.get(f"{BASE}/contracts/{bare.public_id}/")
    browser.follow("Put in a building")
    browser.submit(building="Liepų g. 1", number="9", reason="The bill says so")
    assert str(Contract.get_by_id(bare.id).premises) == "Liepų g. 1 - 9"
    browser.get(f"{BASE}/contracts/place/?ids={bare.public_id}")
    browser.submit(building=str(world.foreign["building"]), number="", reason="x")
    assert "select one of those that appear while you type" in browser.text
    assert browser.text.count(worlds.CANARY) <= 1  # what was typed
