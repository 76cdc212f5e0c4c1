"""Who has not declared, for whoever phones; and readings that staff enter, correct and take back on their pages."""

from datetime import date
from typing import Any

import pytest
from time_machine import travel

from models import Meter, Reading
from tests import factories, world as worlds
from tests.browser import Browser


@pytest.fixture
def world(db: object) -> Any:
    with travel("2026-11-20T10:00:00+00:00", tick=True):
        yield worlds.build()


def enter(world: worlds.World, browser: Browser, who: str) -> None:
    world.sign_in(browser, who)


def test_a_manager_sees_whom_to_phone_in_each_house(world: worlds.World, staff_browser: Browser, statements: Any) -> None:
    """N08"""
    enter(world, staff_browser, "manager")
    staff_browser.get("/backoffice/undeclared/")
    (row,) = staff_browser.page.xpath("//tbody/tr")
    assert [" ".join(cell.text_content().split()) for cell in row[1:]] == ["1", "0", "1"]
    staff_browser.follow("Liepų g. 1")
    assert "+370 600 00001" in staff_browser.text
    assert str(world.own["meter"]) in staff_browser.text
    with statements() as before:
        staff_browser.get(staff_browser.at)
    for number in range(10):
        factories.meter(world.own["contract"], number=f"M{number}")
    with statements() as after:
        staff_browser.get(staff_browser.at)
    assert len(after) == len(before)
    factories.reading(world.own["meter"], 6_000, date(2026, 11, 16))
    staff_browser.get(staff_browser.at)
    assert f"{world.own['meter']} ·" not in staff_browser.text


def test_flats_stand_in_the_order_of_their_numbers(world: worlds.World, staff_browser: Browser) -> None:
    """N08"""
    house = world.own["building"]
    for flat in (10, 2):
        factories.meter(factories.contract(house.organisation, f"F{flat}", address=f"Liepų g. 1-{flat}", building=house), number=f"F{flat}")
    enter(world, staff_browser, "manager")
    staff_browser.get(f"/backoffice/undeclared/{house.public_id}/")
    assert staff_browser.page.xpath("//tbody//th/a/text()") == ["Liepų g. 1-1", "Liepų g. 1-2", "Liepų g. 1-10"]


def test_nothing_of_another_house_is_there_through_any_address(world: worlds.World, staff_browser: Browser) -> None:
    """N08"""
    enter(world, staff_browser, "manager_elsewhere")
    house = world.own["building"].public_id
    for path in (f"undeclared/{house}/", f"undeclared/?after={house}", f"meters/enter-reading/?ids={world.own['meter'].public_id}"):
        staff_browser.get(f"/backoffice/{path}")
        assert staff_browser.status == 404, path
    staff_browser.get("/backoffice/undeclared/")
    assert "Liepų" not in staff_browser.text


def test_an_agent_enters_corrects_and_takes_back_a_reading(world: worlds.World, staff_browser: Browser) -> None:
    """N02"""
    enter(world, staff_browser, "agent")
    meter = world.own["meter"]
    staff_browser.get(f"/backoffice/meters/{meter.public_id}/")
    staff_browser.follow("Enter a reading")
    assert "The customer reads it too" in staff_browser.text
    assert "Hot-water meter · Nr. 1 · Liepų g. 1-1 · Last reading: 5.000 m³" in staff_browser.text
    staff_browser.submit("Enter a reading", value_milli="6,5", read_on="2026-11-18", reason="By phone")
    entered = Reading.get(source="staff")
    assert (entered.value_milli, entered.read_on, entered.used_milli) == (6_500, date(2026, 11, 18), 1_500)
    staff_browser.get(f"/backoffice/readings/{entered.public_id}/")
    staff_browser.follow("Correct")
    assert "Hot-water meter · Liepų g. 1-1 · 5.000 – 6.500 m³" in staff_browser.text
    staff_browser.submit("Correct", value_milli="abc", reason="x")
    assert "enter digits only" in staff_browser.text
    staff_browser.submit("Correct", value_milli="7", reason="Misheard")
    corrected = Reading.get(Reading.is_current & (Reading.source == "staff"))
    assert (corrected.value_milli, corrected.replaces) == (7_000, entered)
    (now_counts,) = staff_browser.page.xpath("//h2[.='Other versions']/ancestor::section//tbody//a/@href")
    staff_browser.get(now_counts)
    assert (staff_browser.at, "Misheard" in staff_browser.text) == (f"/readings/{corrected.public_id}/", True)
    staff_browser.follow("Undo")
    staff_browser.submit("Undo", reason="It was right")
    assert Reading.get(Reading.is_current & (Reading.source == "staff")) == entered
    assert Meter.get_by_id(meter.id)


def test_staff_are_asked_about_a_reading_that_is_hardly_right_and_yes_is_said_to_that_value_alone(
    world: worlds.World, staff_browser: Browser
) -> None:
    """N02"""
    enter(world, staff_browser, "agent")
    staff_browser.get(f"/backoffice/meters/enter-reading/?ids={world.own['meter'].public_id}")
    entered = {"read_on": "2026-11-18", "reason": "By phone"}
    staff_browser.submit("Enter a reading", value_milli="4", **entered)
    assert "That is less than 5.000, which the meter showed on 20 October 2026." in staff_browser.text
    staff_browser.submit("Yes, it is right", value_milli="3", **entered)
    assert "Does it show 3.000," in staff_browser.text
    assert not Reading.select().where(Reading.source == "staff").exists()
    staff_browser.submit("Yes, it is right", **entered)
    assert Reading.get(Reading.source == "staff").value_milli == 3_000


def test_a_customer_sees_who_entered_a_reading_by_role_and_why(world: worlds.World, browser: Browser) -> None:
    agent, meter = world.people["agent"], world.own["meter"]
    factories.reading(meter, 6_000, date(2026, 11, 16), source="staff", staff=agent, reason="By phone")
    world.sign_in(browser, "owner")
    browser.get(f"/north/meters/{meter.public_id}")
    assert "Customer service agent: By phone" in browser.text
    browser.get(f"/north/meters/{meter.public_id}/declare-a-reading")
    assert "A new reading replaces it." in browser.text
    Reading.update(read_on=date(2026, 11, 20)).where(Reading.source == "staff").execute()  # today nobody else's takes its place
    browser.get(browser.at)
    assert "Our customer service has entered 6.000 m³ for today." in browser.text
    assert "replaces it" not in browser.text
    assert agent is not None
    assert str(agent.name) not in browser.text
