"""What customers may do with a contract, as a list of access types."""

from typing import Any

from models import AccessType
from tests import world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def test_an_administrator_says_what_an_access_type_allows_and_an_agent_reads_it(world: worlds.World, enter: Enter) -> None:
    """K08"""
    kind: Any = AccessType.get(organisation=world.north, name="user")
    browser = enter("administrator")
    browser.get(f"{BASE}/access-types/{kind.public_id}/")
    browser.follow("Change what it allows")
    assert "User" in browser.text
    browser.submit("Change what it allows", deeds=["reading.declare", "contract.detach"], reason="The board decided so")
    assert "Who declares readings must see meters" in browser.text
    assert browser.page.xpath("//textarea[@name='reason']/text()")[0].strip() == "The board decided so"
    browser.submit("Change what it allows", deeds=[*kind.deeds, "contract.view"], reason="The board decided so")
    assert browser.at == f"/access-types/{kind.public_id}/"
    assert "See the contract" in browser.page.xpath("string(//dl)")
    assert "Reason: The board decided so" in browser.text
    agent = enter("agent")
    agent.get(f"{BASE}/access-types/{kind.public_id}/")
    assert agent.status == 200
    assert "Change what it allows" not in agent.page.xpath("string(//main//a)")
    agent.get(f"{BASE}/access-types/change-deeds/?ids={kind.public_id}")
    assert agent.status == 404
