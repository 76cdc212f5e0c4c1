"""Views over a list: those that a desk has, and those that people save and share."""

from datetime import timedelta
from typing import Any

import pytest

from backoffice import listing
from models import Event, Invoice, SavedView, Staff
from rules import clock, views
from rules.refusal import Missing, Refused
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter
from tests.backoffice.test_queries import counted
from tests.browser import Browser

BASE = "/backoffice"


def rows(browser: Browser) -> list[str]:
    return [" ".join(cell.text_content().split()) for cell in browser.page.xpath("//table/tbody/tr/th/a")]


def tabs(browser: Browser) -> dict[str, str]:
    """The tabs of the list, each with its count."""
    found = browser.page.xpath("//ul[@class='tabs']/li/a[not(@class)]")
    return {a.text.strip(): "".join(a.xpath("span/text()")) for a in found}


def current(browser: Browser) -> list[str]:
    return [a.text.strip() for a in browser.page.xpath("//ul[@class='tabs']//a[@aria-current]")]


def save(browser: Browser, path: str, name: str, shared: bool = False) -> None:
    browser.get(f"{BASE}{path}")
    browser.follow("Save this view")
    browser.submit("Save", name=name, is_shared="y" if shared else None)


def test_a_shared_view_opens_with_the_same_rows_for_a_colleague_within_their_own_reach(world: worlds.World, enter: Enter) -> None:
    """N07, N08: the administrator sees what the agent saw, a property manager of it what lies in own buildings, South nothing"""
    elsewhere = world.people["manager_elsewhere"].building_ids().tuples()[0][0]  # type: ignore[union-attr]
    zibute = {"customer_name": "Žibutė"}
    for number in range(3):
        factories.contract(world.north, f"77-{number}", building=world.own["building"], address=f"Liepų g. 1-7{number}", **zibute)
    factories.contract(world.north, "77-9", building=elsewhere, address="Kitur g. 9-9", **zibute)
    agent = enter("agent")
    save(agent, "/contracts/?search=zibute&sort=-payer_code", "Žibutės", shared=True)
    seen = rows(agent)
    assert seen == ["77-9", "77-2", "77-1", "77-0"]
    for who, expected in (
        ("administrator", seen),
        ("auditor", seen),
        ("manager", ["77-2", "77-1", "77-0"]),
        ("manager_elsewhere", ["77-9"]),
    ):
        colleague = enter(who)
        colleague.get(f"{BASE}/contracts/")
        colleague.follow("Žibutės")
        assert rows(colleague) == expected, who
        assert current(colleague) == ["Žibutės"]
        assert not colleague.page.xpath("//a[@class='change']")  # not theirs to change
    view = SavedView.get()
    for who in ("southern_agent", "install_administrator"):
        stranger = enter(who)
        stranger.get(f"{BASE}/contracts/")
        assert "Žibutės" not in stranger.text
        stranger.get(f"{BASE}/contracts/?view={view.public_id}")
        assert stranger.status == 404


def test_a_view_with_a_search_costs_other_pages_no_search(world: worlds.World, enter: Enter, db: Any) -> None:
    browser = enter("agent")
    save(browser, "/accounts/?search=anna", "Onos")
    with counted(db) as said:
        browser.get(f"{BASE}/accounts/")
    assert "Onos" in tabs(browser)
    assert not [sql for sql in said if "MATCH" in sql or "LIKE" in sql]


def test_what_is_not_shared_is_ones_own(world: worlds.World, enter: Enter) -> None:
    """N07"""
    browser = enter("agent")
    save(browser, "/accounts/?tab=locked&search=anna", "Mano Anos")
    assert tabs(browser)["Mano Anos"] == ""  # words inside texts are not counted
    assert current(browser) == ["Mano Anos"]
    view = SavedView.get()
    assert view.args == {"tab": "locked", "search": "anna"}
    colleague = enter("administrator")
    colleague.get(f"{BASE}/accounts/")
    assert "Mano Anos" not in colleague.text
    for path in (f"/accounts/?view={view.public_id}", f"/accounts/views/{view.public_id}/"):
        colleague.get(f"{BASE}{path}")
        assert colleague.status == 404


def test_a_view_is_of_the_list_it_was_saved_from(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    save(browser, "/accounts/?sort=-created_at", "Naujausi")
    view = SavedView.get()
    browser.get(f"{BASE}/invoices/?view={view.public_id}")
    assert browser.status == 404
    browser.get(f"{BASE}/invoices/")
    assert "Naujausi" not in browser.text


def test_ones_own_view_is_renamed_shared_and_deleted(world: worlds.World, enter: Enter) -> None:
    """N07"""
    browser, colleague = enter("agent"), enter("administrator")
    save(browser, "/accounts/?sort=-created_at", "Naujausi")
    browser.follow("Change (Naujausi)")
    browser.submit("Save", name="Kas nauja", is_shared="y")
    colleague.get(f"{BASE}/accounts/")
    assert "Kas nauja" in tabs(colleague)
    colleague.get(f"{BASE}/accounts/views/{SavedView.get().public_id}/")
    assert colleague.status == 404  # shared, and still not theirs
    browser.follow("Change (Kas nauja)")
    browser.submit("Delete this view")
    assert "Kas nauja: deleted" in browser.text
    assert not SavedView.select().exists()
    told = [event.name for event in Event.select().where(Event.name.startswith("savedview.")).order_by(Event.id)]
    assert told == ["savedview.saved", "savedview.changed", "savedview.removed"]


def test_a_view_whose_filter_is_gone_says_so(world: worlds.World, enter: Enter) -> None:
    """N07: a filter that a new version dropped, a value that is no longer offered, a row that is not the reader's"""
    owner = world.people["agent"]
    gone: dict[str, dict[str, str]] = {
        "Dingęs filtras": {"colour": "red"},
        "Dingęs rodinys": {"tab": "nothing"},
        "Dingusi tvarka": {"sort": "shoe_size"},
        "Svetima organizacija": {"organisation": str(world.south.public_id)},
    }
    for name, args in gone.items():
        views.save("accounts", name, args, is_shared=True, by=owner)  # type: ignore[arg-type]
    browser = enter("administrator")
    for name in gone:
        browser.get(f"{BASE}/accounts/")
        assert tabs(browser)[name] in ("", "0")
        browser.follow(name)
        assert browser.status == 200
        assert f"The view “{name}” cannot be shown: what it filters by is no longer there" in browser.text
        assert browser.at == "/accounts/"


def test_a_view_may_still_be_renamed_or_deleted_when_its_filter_is_gone(world: worlds.World, enter: Enter) -> None:
    view = views.save("accounts", "Dingęs", {"colour": "red"}, is_shared=False, by=world.people["agent"])  # type: ignore[arg-type]
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/views/{view.public_id}/")
    browser.submit("Delete this view")
    assert not SavedView.select().exists()


@pytest.mark.parametrize(
    "query", ["view=x", "view=00000000-0000-0000-0000-000000000000", "view=1&tab=locked", "view=&search=a", "view[]=1"]
)
def test_a_view_that_there_is_not_is_not_opened(world: worlds.World, enter: Enter, query: str) -> None:
    """T28"""
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?{query}")
    assert browser.status in (400, 404)


@pytest.mark.parametrize("query", ["x=1", "tab=nothing", "sort=password_hash", "organisation=1", "view=1"])
def test_what_is_no_list_is_not_saved(world: worlds.World, enter: Enter, query: str) -> None:
    """T28"""
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?tab=locked")
    browser.follow("Save this view")
    browser.post(f"{BASE}/accounts/views/?{query}", {"name": "X"})
    assert browser.status == 400
    assert not SavedView.select().exists()


def test_a_name_is_needed_and_ones_own_only_once(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    save(browser, "/accounts/?tab=locked", "Užrakintos")
    save(browser, "/accounts/?tab=newest", "Užrakintos")
    assert "You have a view of this name already" in browser.text
    save(browser, "/accounts/?tab=newest", " ")
    assert "Enter: Name of the view" in browser.text
    assert SavedView.select().count() == 1
    save(enter("administrator"), "/accounts/?tab=locked", "Užrakintos", shared=True)  # another person's
    assert SavedView.select().count() == 2


def test_nobody_changes_a_colleagues_view_and_the_last_place_is_the_twentieth(world: worlds.World) -> None:
    agent, other = world.people["agent"], world.people["administrator"]
    assert isinstance(agent, Staff)
    assert isinstance(other, Staff)
    for number in range(views.MOST):
        last = views.save("accounts", f"Nr. {number}", {"tab": "locked"}, is_shared=True, by=agent)
    with pytest.raises(Refused, match="already"):
        views.save("accounts", "Dar vienas", {"tab": "locked"}, is_shared=True, by=agent)
    with pytest.raises(Missing):
        views.change(last, "Mano", is_shared=False, by=other)
    with pytest.raises(Missing):
        views.remove(last, by=other)
    views.remove(last, by=agent)
    with pytest.raises(Missing):
        views.remove(last, by=agent)
    assert SavedView.select().count() == views.MOST - 1


def test_views_have_live_counts_that_stop(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """N07"""
    today, contract = clock.today(), world.own["contract"]
    Invoice.update(outstanding_cents=0, organisation=world.south).execute()
    for number, (owed, due) in enumerate([(100, -1), (100, -40), (100, 0), (0, -9), (-50, -9), (100, None)]):
        day = today + timedelta(days=due) if due is not None else None
        net = -100 if owed < 0 else 100
        factories.invoice(contract, f"S-{number}", net, due_on=day, outstanding_cents=owed, issued_on=today)
    browser = enter("agent")
    browser.get(f"{BASE}/invoices/")
    assert tabs(browser) == {"All": "", "Unpaid": "4", "Overdue": "2"}
    browser.follow("Overdue")
    assert rows(browser) == ["S-1", "S-0"]  # longest overdue first
    save(browser, f"/invoices/?contract={contract.public_id}", "Šios sutarties")
    assert tabs(browser)["Šios sutarties"] == "6"
    monkeypatch.setattr(listing, "COUNTED_UP_TO", 3)
    browser.get(f"{BASE}/invoices/")
    assert tabs(browser) == {"All": "", "Unpaid": "3+", "Overdue": "2", "Šios sutarties": "3+"}


def test_a_view_sent_twice_is_saved_once(world: worlds.World, enter: Enter) -> None:
    """P2"""
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?tab=locked")
    browser.follow("Save this view")
    form: Any = browser.page.forms[-1]
    sent = dict(form.form_values()) | {"name": "Užrakintos"}
    answers = [browser.client.post(form.action.removeprefix(BASE), base_url=f"http://localhost{BASE}", data=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert SavedView.select().count() == 1
