"""What nobody sees or changes on any desk: other organisations, other houses, what their role has no right to."""

from typing import Any

import pytest

from models import Building, FormKey, now
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter, tables

BASE = "/backoffice"


@pytest.mark.parametrize("who", ["agent", "administrator", "auditor", "manager"])
def test_a_list_shows_nothing_of_another_organisation(world: worlds.World, enter: Enter, views: dict[str, Any], who: str) -> None:
    """T17, T31"""
    browser = enter(who)
    seen = 0
    for view in tables(views).values():
        browser.get(f"{BASE}{view.url}/")
        if browser.status == 200:
            seen += 1
            assert worlds.CANARY not in browser.text
    assert seen >= 8


def test_a_property_manager_reaches_only_own_buildings_by_any_address(world: worlds.World, enter: Enter, views: dict[str, Any]) -> None:
    """N08, T18"""
    elsewhere = Building.get(Building.address == "Kitur g. 9")
    other = factories.contract(world.north, "99-1", building=elsewhere, address="Kitur g. 9-1", provider=elsewhere.provider)
    stranger = factories.account(world.north, "kitur@example.lt", name="Kitur Gyvenantis")
    meter = factories.meter(other, number="KITUR1")
    rows = {
        "building": elsewhere,
        "premises": factories.premises(elsewhere, "9"),
        "contract": other,
        "account": stranger,
        "membership": factories.holds(stranger, other),
        "meter": meter,
        "reading": factories.reading(meter, 5, now().date()),
        "invoice": factories.invoice(other, "KITUR-1"),
    }
    browser = enter("manager")
    for table, row in rows.items():
        desk = tables(views)[table]
        for path in (f"{desk.url}/{row.public_id}/", f"{desk.url}/{row.public_id}/edit/"):
            browser.get(f"{BASE}{path}")
            assert browser.status == 404, path
        browser.get(f"{BASE}{desk.url}/")
        assert browser.status == 200
        assert "Kitur" not in browser.text
        assert "KITUR" not in browser.text
        for command in desk.commands:
            browser.get(f"{BASE}{desk.url}/{command.name.replace('_', '-')}/?ids={row.public_id}")
            assert browser.status == 404
    browser.get(f"{BASE}/contracts/?building={elsewhere.public_id}")
    assert browser.status == 404
    browser.get(f"{BASE}/premises/lookup/?name=building&query=Kitur")
    assert browser.response.get_json() == []
    own = world.own["building"]
    browser.get(f"{BASE}/buildings/{own.public_id}/")
    assert browser.status == 200
    assert "Liepų g. 1" in browser.text


def test_a_building_that_is_taken_away_is_gone_with_the_next_page(world: worlds.World, enter: Enter) -> None:
    """T39"""
    from models import StaffBuilding

    browser = enter("manager")
    path = f"{BASE}/buildings/{world.own['building'].public_id}/"
    browser.get(path)
    assert browser.status == 200
    StaffBuilding.delete().execute()
    browser.get(path)
    assert browser.status == 404


def test_a_foreign_row_as_the_edge_of_a_page_shows_nothing(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?after={world.foreign['account'].public_id}")
    assert "Anna" not in browser.text
    browser.get(f"{BASE}/accounts/?before={world.foreign['account'].public_id}")
    assert "Anna" not in browser.text


def test_a_foreign_row_as_a_filter_is_a_page_not_found(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/invoices/?contract={world.foreign['contract'].public_id}")
    assert browser.status == 404
    browser.get(f"{BASE}/invoices/?contract={world.own['contract'].public_id}")
    assert browser.status == 200
    assert "Contract: " in browser.text


def test_the_menu_shows_only_what_one_may_see(enter: Enter) -> None:
    shown = {}
    for who in ("manager", "agent", "auditor", "administrator"):
        browser = enter(who)
        page = browser.get(f"{BASE}/")
        shown[who] = {" ".join(link.text_content().split()) for link in page.xpath("//nav//li/a")}
    assert {"Mail", "Staff", "Settings", "Providers"} & shown["manager"] == set()
    assert {"Accounts", "Buildings", "Readings"} <= shown["manager"]
    assert {"Mail", "Providers"} <= shown["agent"]
    assert {"Staff", "Settings"} & shown["agent"] == set()
    assert {"Staff", "Settings", "Organisations"} <= shown["auditor"] & shown["administrator"]


def test_an_auditor_changes_nothing_whatever_is_sent(world: worlds.World, enter: Enter, views: dict[str, Any]) -> None:
    """T30"""
    browser = enter("auditor")
    browser.get(f"{BASE}/accounts/")
    before = worlds.snapshot((FormKey,))
    for table, desk in tables(views).items():
        row = world.own[table]
        paths = [f"{desk.url}/new/", f"{desk.url}/{row.public_id}/edit/"]
        paths += [f"{desk.url}/{c.name.replace('_', '-')}/?ids={row.public_id}" for c in desk.commands]
        for path in paths:
            browser.get(f"{BASE}/accounts/")
            browser.post(f"{BASE}{path}", {"reason": "X", "name": "X", "address": "X", "role": "administrator", "email": "x@example.lt"})
            assert browser.status == 404, path
    browser.get(f"{BASE}/accounts/")
    browser.post(f"{BASE}/settings/{world.north.public_id}/lock-after/", {"value": "9"})
    assert browser.status == 404
    assert worlds.snapshot((FormKey,)) == before
