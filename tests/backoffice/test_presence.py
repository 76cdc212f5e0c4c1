"""Two who have one page open hear of one another, and looking alone changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from models import Event, Presence, now
from rules import looks, presence
from tests import world as worlds
from tests.backoffice.conftest import Enter
from tests.browser import Browser

BASE = "/backoffice"


def here(browser: Browser, **more: str) -> Any:
    """What admin.js sends from the page that is open."""
    element = browser.page.xpath("//*[@data-here]")[0]
    path = element.get("data-here").removeprefix(BASE)
    return browser.client.post(path, base_url=f"http://localhost{BASE}", data={"csrf_token": element.get("data-token")} | more)


def notice(browser: Browser) -> str:
    return " ".join(browser.page.xpath("string(//*[@data-here])").split())


def later(minutes: int) -> None:
    """Everybody has been there for so many minutes."""
    Presence.update(opened_at=now() - timedelta(minutes=minutes)).execute()


def test_a_colleague_on_the_same_page_is_named_with_since_when(world: worlds.World, enter: Enter) -> None:
    """Issue 3: a collision notice when two agents hold one page"""
    agent, other, page = enter("agent"), enter("administrator"), f"{BASE}/accounts/{world.own['account'].public_id}/"
    agent.get(page)
    assert here(agent).json == {"says": ""}  # oneself is no news
    other.get(page)
    assert notice(other) == "Agnė opened this just now."
    later(2)
    for path in (page, f"{page}edit/", f"{BASE}/accounts/change-email/?ids={world.own['account'].public_id}"):
        other.get(path)
        assert notice(other) == "Agnė opened this 2 minutes ago."
    assert here(other).json == {"says": "Agnė opened this 2 minutes ago."}
    assert here(agent).json == {"says": "Adomas opened this just now."}  # whoever was first hears of the second
    other.get(f"{BASE}/contracts/{world.own['contract'].public_id}/")
    assert notice(other) == ""  # another page


def test_opening_a_page_alone_says_nothing_and_changes_nothing(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/{world.own['account'].public_id}/")
    assert not Presence.select().exists()


def test_a_page_that_stays_open_was_looked_at_once(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """M02: the customer is not told of it anew every quarter of an hour."""
    agent = enter("agent")
    agent.get(f"{BASE}/accounts/{world.own['account'].public_id}/")
    monkeypatch.setattr(looks, "AGAIN_AFTER", timedelta(0))
    assert here(agent).status_code == 200
    assert Event.select().where(Event.name == "account.viewed").count() == 1


def test_a_page_that_stays_open_keeps_nobody_signed_in(world: worlds.World, enter: Enter) -> None:
    """T51: who left the desk is signed out after a quarter of an hour, whatever their browser says meanwhile."""
    agent, start = enter("agent"), now()
    agent.get(f"{BASE}/accounts/{world.own['account'].public_id}/")
    for minutes, status in ((8, 200), (16, 302)):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert here(agent).status_code == status


def test_who_has_closed_the_page_or_gone_silent_is_no_longer_there(world: worlds.World, enter: Enter) -> None:
    agent, other, page = enter("agent"), enter("administrator"), f"{BASE}/accounts/{world.own['account'].public_id}/"
    agent.get(page)
    here(agent)
    here(agent, gone="1")
    other.get(page)
    assert notice(other) == ""
    here(agent)
    Presence.update(seen_at=now() - presence.STAYS - timedelta(seconds=1)).execute()
    other.get(page)
    assert notice(other) == ""
    assert presence.forget_gone() == 1


def test_since_when_stays_while_one_is_there_and_begins_anew_after_an_absence(world: worlds.World) -> None:
    row, who = world.own["account"], world.people["agent"]
    presence.arrive(row, by=who)  # type: ignore[arg-type]
    since = now() - timedelta(minutes=9)
    Presence.update(opened_at=since).execute()
    presence.arrive(row, by=who)  # type: ignore[arg-type]
    assert Presence.get().opened_at == since
    Presence.update(seen_at=now() - presence.STAYS - timedelta(seconds=1)).execute()
    presence.arrive(row, by=who)  # type: ignore[arg-type]
    assert Presence.get().opened_at > since
    assert Presence.select().count() == 1


@pytest.mark.parametrize(("who", "status"), [("southern_agent", 404), ("manager_elsewhere", 404), ("auditor", 404)])
def test_nobody_hears_who_works_on_what_is_not_theirs(world: worlds.World, enter: Enter, who: str, status: int) -> None:
    """T18: and who may change nothing there is told nothing"""
    agent, page = enter("agent"), f"{BASE}/accounts/{world.own['account'].public_id}/"
    agent.get(page)
    here(agent)
    other = enter(who)
    other.get(f"{BASE}/")
    token = other.page.xpath("//input[@name='csrf_token']/@value")[0]
    answer = other.client.post(f"{page.removeprefix(BASE)}here/", base_url=f"http://localhost{BASE}", data={"csrf_token": token})
    assert answer.status_code == status
    assert "Agnė" not in answer.get_data(as_text=True)
    assert Presence.select().count() == 1
    other.get(page)
    assert not other.page.xpath("//*[@data-here]")
