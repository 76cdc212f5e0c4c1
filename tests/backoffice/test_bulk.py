"""One act on several rows: tried out first, then exactly that is done."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from backoffice import acts
from models import Account, Event, FormKey, Membership, Message, SyncProblem, now
from rules import accounts
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter
from tests.browser import Browser

BASE = "/backoffice"
LOCKED = f"{BASE}/accounts/?tab=locked"


@pytest.fixture
def people(world: worlds.World) -> list[Account]:
    """Six Anas, of whom the first four are locked."""
    found = [factories.account(world.north, f"a{n}@example.lt", name=f"Ana {n}") for n in range(6)]
    Account.update(locked_until=now() + timedelta(hours=3)).where(Account.id.in_([person.id for person in found[:4]])).execute()
    return found


def open_act(browser: Browser, people: list[Account]) -> None:
    browser.get(f"{BASE}/accounts/unlock/?{urlencode({'ids': ','.join(str(p.public_id) for p in people), 'url': LOCKED})}")


def promised(browser: Browser) -> list[str]:
    """The rows that the page says will change."""
    return [str(key) for key in browser.page.xpath("//form//input[@name='rowid']/@value")]


def unlocked() -> set[str]:
    done = Event.select(Event.account).where(Event.name == "account.unlocked")
    return {str(row.public_id) for row in Account.select().where(Account.id.in_(done))}


def test_a_dry_run_changes_nothing_and_lists_exactly_what_then_changes(world: worlds.World, enter: Enter, people: list[Account]) -> None:
    """N04"""
    browser = enter("agent")
    open_act(browser, people)
    before = worlds.snapshot()
    browser.submit("Check what will change", reason="Sutriko prisijungimas")
    assert worlds.snapshot() == before
    said = promised(browser)
    assert "Will be done: 4 Ana 0 Ana 1 Ana 2 Ana 3" in browser.text
    assert "Will stay as they are: 2 Ana 4 This account is not locked Ana 5 This account is not locked" in browser.text
    assert "Sutriko prisijungimas" in browser.text
    browser.submit("Unlock: 4")
    assert unlocked() == set(said)
    assert browser.at == "/accounts/?tab=locked"
    assert {e.facts["reason"] for e in Event.select().where(Event.name == "account.unlocked")} == {"Sutriko prisijungimas"}


def test_a_row_that_changes_after_the_dry_run_is_told_apart_and_no_other_is_taken_in_its_place(
    world: worlds.World, enter: Enter, people: list[Account]
) -> None:
    """N04: one is unlocked by a colleague meanwhile, one is locked meanwhile that had been said to stay as it is"""
    browser = enter("agent")
    open_act(browser, people)
    browser.submit("Check what will change", reason="Skambino")
    accounts.unlock(people[1], reason="Paskambino pati", by=world.people["administrator"])  # type: ignore[arg-type]
    Account.update(locked_until=now() + timedelta(hours=3)).where(Account.id == people[5].id).execute()
    said = promised(browser)
    browser.submit("Unlock: 4")
    assert "Ana 0, Ana 2, Ana 3: can sign in again" in browser.text
    assert "Ana 1: This account is not locked" in browser.text
    assert unlocked() == set(said)  # Ana 1 by the colleague
    assert Account.get_by_id(people[5].id).locked_until is not None


def test_one_act_on_several_rows_can_be_told_apart_in_the_events(world: worlds.World, enter: Enter, people: list[Account]) -> None:
    """N04, M01"""
    browser = enter("administrator")
    for chosen, button in ((people[:2], "Unlock: 2"), (people[2:4], "Unlock: 2")):
        open_act(browser, chosen)
        browser.submit("Check what will change", reason="Skambino")
        browser.submit(button)
    browser.get(f"{BASE}/accounts/unlock/?ids={people[4].public_id}")
    runs = list(Event.select().where(Event.name == "rows.acted_on").order_by(Event.id))
    assert [(run.facts["table"], run.facts["done"], run.facts["refused"]) for run in runs] == [("account", 2, 0)] * 2
    for run, chosen in zip(runs, (people[:2], people[2:4]), strict=True):
        marked = [e for e in Event.select().where(Event.name == "account.unlocked") if e.facts["bulk"] == run.facts["bulk"]]
        assert [e.account_id for e in marked] == [person.id for person in chosen]
    browser.get(f"{BASE}/events/?name=rows.acted_on")
    assert "Accounts, Unlock. Done: 2, not done: 0" in browser.text
    browser.get(f"{BASE}/accounts/{people[0].public_id}/")
    assert "Done together with other rows." in browser.text


def test_an_act_on_one_row_is_asked_about_once_and_carries_no_mark(enter: Enter, people: list[Account]) -> None:
    browser = enter("agent")
    open_act(browser, people[:1])
    browser.submit("Unlock", reason="Skambino")
    assert "Ana 0: can sign in again" in browser.text
    assert "bulk" not in Event.get(Event.name == "account.unlocked").facts
    assert not Event.select().where(Event.name == "rows.acted_on").exists()


def test_several_rows_sent_twice_are_done_once(enter: Enter, people: list[Account]) -> None:
    """P2"""
    browser = enter("agent")
    open_act(browser, people)
    browser.submit("Check what will change", reason="Skambino")
    form = browser.page.forms[-1]
    sent: dict[str, Any] = {}
    for name, value in form.form_values():
        sent.setdefault(name, []).append(value)
    path = form.action.removeprefix(BASE)
    answers = [browser.client.post(path, base_url=f"http://localhost{BASE}", data=sent | {"step": "do"}) for _ in range(3)]
    assert {(answer.status_code, answer.location) for answer in answers} == {(303, LOCKED)}
    assert Event.select().where(Event.name == "account.unlocked").count() == 4
    assert Event.select().where(Event.name == "rows.acted_on").count() == 1


def test_the_reason_can_be_changed_after_the_dry_run(enter: Enter, people: list[Account]) -> None:
    browser = enter("agent")
    open_act(browser, people)
    browser.submit("Check what will change", reason="Skambion")
    browser.submit("Change")
    assert browser.page.xpath("string(//textarea)").strip() == "Skambion"
    browser.submit("Check what will change", reason="")
    assert "Enter: Reason" in browser.text
    assert not unlocked()


def test_all_rows_that_the_list_finds_are_chosen_at_once_without_those_beside_it(
    world: worlds.World, enter: Enter, people: list[Account]
) -> None:
    """N04: of every page of the list, with its search and its view, within one's own reach"""
    more = [factories.account(world.north, f"b{n}@example.lt", name=f"Ana {n}", locked_until=now() + timedelta(hours=3)) for n in range(50)]
    lone = factories.account(world.north, "z@example.lt", name="Zita", locked_until=now() + timedelta(hours=3))
    away = factories.account(world.south, "a9@example.lt", name="Ana 9", locked_until=now() + timedelta(hours=3))
    browser = enter("agent")
    browser.get(f"{LOCKED}&search=ana")
    assert browser.page.xpath("//input[@name='all']")
    browser.post(f"{BASE}/accounts/unlock/", {"all": "1", "url": f"{LOCKED}&search=ana"})
    browser.submit("Check what will change", reason="Skambino")
    browser.submit("Unlock: 54")
    assert unlocked() == {str(person.public_id) for person in [*people[:4], *more]}
    assert "Ana 0, Ana 1, Ana 2 and 51 more: can sign in again" in browser.text
    assert all(Account.get_by_id(who.id).locked_until for who in (lone, away))
    assert browser.at == "/accounts/?tab=locked&search=ana"


def test_more_rows_than_may_be_done_at_once_are_not_begun(enter: Enter, people: list[Account], monkeypatch: pytest.MonkeyPatch) -> None:
    """N04"""
    monkeypatch.setattr(acts, "MOST_AT_ONCE", 3)
    browser = enter("agent")
    browser.get(LOCKED)
    browser.post(f"{BASE}/accounts/unlock/", {"all": "1", "url": LOCKED})
    assert "More than 3 rows fit. Filter first." in browser.text
    assert browser.at == "/accounts/?tab=locked"


def test_all_rows_of_an_empty_list_are_none(enter: Enter, world: worlds.World) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/")
    browser.post(f"{BASE}/accounts/unlock/", {"all": "1", "url": LOCKED})
    assert "No row fits any more." in browser.text


@pytest.mark.parametrize(
    "url", [f"{BASE}/accounts/?x=1", f"{BASE}/accounts/?tab=x", f"{BASE}/accounts/?search=a&search=b", "//evil/?tab=1"]
)
def test_all_rows_of_no_list_that_there_is_are_refused(enter: Enter, world: worlds.World, url: str) -> None:
    """T28"""
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?{urlencode({'all': '1', 'url': url})}")
    assert browser.status == 400
    browser.get(f"{BASE}/accounts/change-email/?{urlencode({'all': '1', 'url': LOCKED})}")
    assert browser.status == 400


def test_a_foreign_row_smuggled_into_the_last_step_stops_all(world: worlds.World, enter: Enter, people: list[Account]) -> None:
    """T21"""
    browser = enter("agent")
    open_act(browser, people)
    browser.submit("Check what will change", reason="Skambino")
    before = worlds.snapshot((FormKey,))
    keys = [*promised(browser), str(world.foreign["account"].public_id)]
    browser.post(browser.page.forms[-1].action, {"reason": "X", "step": "do", "rowid": keys})
    assert browser.status == 404
    assert worlds.snapshot((FormKey,)) == before


def test_several_rows_take_a_value_and_what_has_it_already_stays(world: worlds.World, enter: Enter) -> None:
    """N04, K10: the access type of several at once"""
    wanted = [m for m in Membership.within(world.people["agent"]).order_by(Membership.id) if m.account_id != world.own["account"].id]
    browser = enter("agent")
    ids = ",".join(str(row.public_id) for row in wanted)
    browser.get(f"{BASE}/memberships/change-access-type/?ids={ids}")
    browser.submit("Check what will change", access_type="viewer", reason="Pasikeitė savininkas")
    stays = [row for row in wanted if row.access_type.name == "viewer"]
    assert stays
    assert f"Will be done: {len(wanted) - len(stays)}" in browser.text
    assert "The access type is this already" in browser.text
    assert "Access type Viewer" in browser.text
    browser.submit(f"Change access type: {len(wanted) - len(stays)}")
    assert {Membership.get_by_id(row.id).access_type.name for row in wanted} == {"viewer"}
    assert Event.select().where(Event.name == "membership.access_type_changed").count() == len(wanted) - len(stays)


def test_rows_are_named_in_words_before_an_act(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/messages/send-again/?ids={world.own['message'].public_id}")
    assert "Account unlocked · owner@north.example.lt" in browser.text
    browser.get(f"{BASE}/sync-problems/resolve/?ids={world.own['syncproblem'].public_id}")
    assert "x · Wrong" in browser.text
    assert Message.get_by_id(world.own["message"].id).state == "dead"
    assert SyncProblem.get_by_id(world.own["syncproblem"].id).resolved_at is None
