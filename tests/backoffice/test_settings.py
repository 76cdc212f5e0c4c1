"""An organisation's rules as pages made from their catalogue."""

import pytest

from models import Event, Setting
from rules import settings
from tests import world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def test_every_rule_of_the_catalogue_is_shown_with_what_holds(world: worlds.World, enter: Enter) -> None:
    settings.change(world.north, "lock_after", 7, by=world.people["administrator"])
    browser = enter("auditor")
    browser.get(f"{BASE}/")
    browser.follow("Settings")
    assert "Settings: North" in browser.text
    rows = {
        " ".join(row.xpath("string(dt)").split()): " ".join(row.xpath("string(dd[1])").split())
        for row in browser.page.xpath("//dl[@class='summary']/div")
    }
    assert len(rows) == len(settings.CATALOGUE)
    assert rows["Lock after wrong passwords"] == "7 changed"
    assert rows["A new customer's e-mail is confirmed"] == "by a code"
    assert rows["A phone number is asked"] == "Yes"
    assert not browser.page.xpath("//dd[@class='act']")  # an auditor reads


@pytest.mark.parametrize("name", list(settings.CATALOGUE))
def test_every_rule_has_a_page_that_takes_what_it_may_be(world: worlds.World, enter: Enter, name: str) -> None:
    knob, default = settings.CATALOGUE[name].metadata, settings.CATALOGUE[name].default
    value = knob["choices"][-1][0] if knob["choices"] else not default if isinstance(default, bool) else knob["high"]
    if name == "reading_opens_on":
        value = 3
    browser = enter("administrator")
    browser.get(f"{BASE}/settings/{world.north.public_id}/{name.replace('_', '-')}/")
    browser.submit(value=("yes" if value else "no") if isinstance(value, bool) else str(value))
    assert "Saved: " in browser.text
    assert getattr(settings.of(type(world.north).get(type(world.north).id == world.north.id)), name) == value


def test_a_change_is_written_down_with_old_and_new(world: worlds.World, enter: Enter) -> None:
    """N02"""
    browser = enter("administrator")
    path = f"{BASE}/settings/{world.north.public_id}/lock-after/"
    browser.get(path)
    browser.submit(value="4")
    event = Event.get(Event.name == "setting.changed")
    assert event.facts == {"name": "lock_after", "old": 5, "new": 4}
    assert event.actor == f"staff:{world.people['administrator'].id}"
    browser.get(path)
    assert "Last changed by Adomas" in browser.text
    browser.submit(value="4")
    assert Event.select().where(Event.name == "setting.changed").count() == 1
    browser.get(f"{BASE}/events/")
    assert "Lock after wrong passwords: 5 → 4" in browser.text


@pytest.mark.parametrize("typed", ["2", "21", "", "five", "4.5", "-4", "9" * 30, "４"])
def test_what_lies_outside_the_bounds_is_refused_in_words(world: worlds.World, enter: Enter, typed: str) -> None:
    browser = enter("administrator")
    browser.get(f"{BASE}/settings/{world.north.public_id}/lock-after/")
    assert "A whole number from 3 to 20" in browser.text
    browser.submit(value=typed)
    assert ("The value must be a whole number from 3 to 20" if typed else "Enter: Lock after wrong passwords") in browser.text
    assert browser.page.xpath("//input[@name='value']/@value") == ([typed] if typed else [""])
    assert not Setting.select().where(Setting.name != "pay_for_others").exists()


def test_a_choice_that_is_not_offered_is_refused(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    path = f"{BASE}/settings/{world.north.public_id}/signup-confirm/"
    for value in ("pigeon", ""):
        browser.get(path)
        browser.post(path, {"value": value})
        assert "Select: A new customer's e-mail is confirmed" in browser.text
    assert not Setting.select().where(Setting.name != "pay_for_others").exists()


def test_nobody_reaches_the_rules_of_another_organisation(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    for path in (f"/settings/{world.south.public_id}/", f"/settings/{world.south.public_id}/lock-after/", "/settings/x/"):
        browser.get(f"{BASE}{path}")
        assert browser.status == 404
    browser.get(f"{BASE}/settings/{world.north.public_id}/no-such-rule/")
    assert browser.status == 404


def test_agents_and_property_managers_do_not_see_them(world: worlds.World, enter: Enter) -> None:
    for who in ("agent", "manager"):
        browser = enter(who)
        browser.get(f"{BASE}/settings/")
        assert browser.status == 404


def test_staff_of_the_whole_install_choose_among_organisations(world: worlds.World, enter: Enter) -> None:
    browser = enter("install_administrator")
    browser.get(f"{BASE}/settings/")
    browser.follow("South")
    assert f"Settings: South {worlds.CANARY}" in browser.text
