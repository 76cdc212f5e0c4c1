"""Whoever manages one house finds nothing of another through any path: lists, filters, orders, search, views, files, lookups, acts."""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from backoffice.desk import Desk
from models import Building, Premises, SavedView, Session
from rules import search
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter
from tests.backoffice.test_exports import ask

BASE = "/backoffice"
ROW = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Of the house at Liepų g. 1: what its rows say, and where they are.
THEIRS = ("building", "premises", "contract", "account", "meter", "reading", "membership", "invoice")
WORDS = ("Liepų g. 1", "owner@north.example.lt", "Anna north", "Slaptė", "KV1", "SF1", "R1234567")


class Tried(NamedTuple):
    """An address that a manager of another house tries, and the same of something that there is not: both must be answered alike."""

    method: str
    path: str
    instead: str = ""
    data: dict[str, str] = {}


def lists(desks: list[Desk], rows: dict[str, Any]) -> Iterator[Tried]:
    for desk in desks:
        for sort in desk.sortable:
            for order in (sort, f"-{sort}"):
                yield Tried("GET", f"{desk.url}/?sort={order}")
        yield from (Tried("GET", f"{desk.url}/?tab={tab.name}") for tab in desk.tabs)


def filters(desks: list[Desk], rows: dict[str, Any]) -> Iterator[Tried]:
    for desk in desks:
        for name in set(desk.column_filters) & set(rows):
            for page in ("", "export/", "views/"):
                yield Tried("GET", f"{desk.url}/{page}?{name}={rows[name].public_id}", str(rows[name].public_id))


def edges(desks: list[Desk], rows: dict[str, Any]) -> Iterator[Tried]:
    for desk in desks:
        if desk.table in rows:
            id_ = str(rows[desk.table].public_id)
            yield from (Tried("GET", f"{desk.url}/?{edge}={id_}", id_) for edge in ("after", "before"))
    yield Tried("GET", f"/undeclared/?after={rows['building'].public_id}", str(rows["building"].public_id))


def searches(desks: list[Desk], rows: dict[str, Any]) -> Iterator[Tried]:
    for word in WORDS:
        yield Tried("GET", f"/search/?search={word}", word)
    for desk in desks:
        if desk.can_search:
            yield from (Tried("GET", f"{desk.url}/{page}?search={word}") for word in ("Liepų", "Anna", "KV1") for page in ("", "export/"))


def lookups(desks: list[Desk], rows: dict[str, Any]) -> Iterator[Tried]:
    for desk in desks:
        yield from (
            Tried("GET", f"{desk.url}/lookup/?name={name}&query={word}", word)
            for name in desk._form_ajax_refs
            for word in ("Liepų", "01", "o", "")
            if word or name == "building"
        )


def pages(desks: list[Desk], rows: dict[str, Any]) -> Iterator[Tried]:
    yield Tried("GET", f"/undeclared/{rows['building'].public_id}/", str(rows["building"].public_id))
    for desk in desks:
        if desk.table in rows:
            id_ = str(rows[desk.table].public_id)
            yield from (Tried("GET", f"{desk.url}/{id_}/{page}", id_) for page in ("", "edit/", *(f"{own}/" for own in desk.own_pages)))
            yield Tried("POST", f"{desk.url}/{id_}/here/", id_)


def acts(desks: list[Desk], rows: dict[str, Any]) -> Iterator[Tried]:
    said = {"reason": "x", "value_milli": "9", "read_on": "2026-11-01", "step": "do"}
    for desk in desks:
        if desk.table not in rows:
            continue
        id_ = str(rows[desk.table].public_id)
        for command in desk.commands:
            path = f"{desk.url}/{command.name.replace('_', '-')}/"
            yield Tried("GET", f"{path}?ids={id_}", id_)
            yield Tried("POST", f"{path}?ids={id_}", id_, {**said, "rowid": id_})
            yield Tried("GET", f"{path}?all=1&url={BASE}{desk.url}/?{desk.column_filters[-1]}={id_}", id_)


PATHS: tuple[Callable[[list[Desk], dict[str, Any]], Iterator[Tried]], ...] = (lists, filters, edges, searches, lookups, pages, acts)


@pytest.fixture
def houses(world: worlds.World) -> dict[str, Any]:
    """The rows of Liepų g. 1; Kitur g. 9, which is another manager's, has a flat, a customer, a meter and a bill too."""
    here = Building.get(Building.address == "Kitur g. 9")
    contract = factories.contract(world.north, "88-1", provider=here.provider, building=here, address="Kitur g. 9-1", customer_name="Kitas")
    neighbour = factories.account(world.north, "kita@north.example.lt", name="Kita")
    factories.holds(neighbour, contract)
    factories.premises(here)
    factories.reading(factories.meter(contract, "ZZ9"), 7_000, worlds.date(2026, 10, 20))
    factories.invoice(contract, "ZZ-1", buyer_name="Kitas")
    rows = {name: world.own[name] for name in THEIRS}
    rows["contract"].customer_name = "Ona Slaptė"
    rows["contract"].save()
    return rows


def desks_of(views: dict[str, Any]) -> list[Desk]:
    return [view for view in views.values() if isinstance(view, Desk)]


def test_a_manager_of_another_house_finds_nothing_of_this_one(
    world: worlds.World, houses: dict[str, Any], enter: Enter, views: dict[str, Any]
) -> None:
    """N08, T16, T21, T23"""
    browser = enter("manager_elsewhere")
    secrets = [str(row.public_id) for row in houses.values()] + list(WORDS)
    before = worlds.snapshot((Session,))
    tries = [(path, tried) for path in PATHS for tried in path(desks_of(views), houses)]
    opened = set()

    def ask(method: str, path: str, data: dict[str, str]) -> tuple[int, str]:
        answer = browser.client.open(path, method=method, data=data, base_url=f"http://localhost{BASE}")
        return answer.status_code, str(answer.json) if answer.is_json else answer.get_data(as_text=True)

    for path, tried in tries:
        status, text = ask(tried.method, tried.path, tried.data)
        if status == 200:
            opened.add(path)
        told = re.sub(r'nonce(?:="[^"]+"|-[\w-]+)|name="(?:csrf_token|form_key)"[^>]*', "", text)  # by chance they hold any three letters
        assert not [secret for secret in secrets if secret in told and secret not in tried.path], tried
        if ROW.fullmatch(tried.instead):
            nothing = str(uuid.uuid4())
            data = {name: value.replace(tried.instead, nothing) for name, value in tried.data.items()}
            other = ask(tried.method, tried.path.replace(tried.instead, nothing), data)
            assert (status, masked(text)) == (other[0], masked(other[1])), tried
    assert worlds.snapshot((Session,)) == before
    assert opened == {lists, edges, searches, lookups}
    assert len(tries) > 150


def masked(text: str) -> str:
    """A page without what is random in it."""
    return re.sub(r'nonce(?:="[^"]+"|-[\w-]+)|value="[^"]*"|[0-9a-f-]{36}', "", text)


def test_a_managers_own_house_is_there_through_the_same_paths(
    world: worlds.World, houses: dict[str, Any], enter: Enter, views: dict[str, Any]
) -> None:
    """N08: what is tried above opens for whoever manages the house, and the words are there to be found."""
    browser, desks = enter("manager"), desks_of(views)

    def status(tried: Tried) -> int:
        return browser.client.get(tried.path, base_url=f"http://localhost{BASE}").status_code

    assert [status(tried) for tried in pages(desks, houses) if tried.method == "GET"].count(200) >= len(THEIRS) + 1
    found = browser.client.get("/premises/lookup/?name=building&query=Liepų", base_url=f"http://localhost{BASE}").json
    assert found == ["Liepų g. 1"]
    words = (("contract", "Slaptė"), ("account", "Anna"), ("meter", "KV1"), ("building", "Liepų"))
    assert all(search.find(type(houses[name]), world.people["manager"], word).rows.exists() for name, word in words)


def test_a_file_of_a_manager_holds_own_rows_alone(world: worlds.World, houses: dict[str, Any], enter: Enter, views: dict[str, Any]) -> None:
    """N06, N08: each list that they may take along."""
    browser, taken = enter("manager_elsewhere"), 0
    for desk in desks_of(views):
        browser.get(f"{BASE}{desk.url}/")
        if browser.status == 200 and "/export/" in browser.response.text:
            ask(browser, f"{desk.url}/")
            said = browser.response.text
            assert not [word for word in WORDS if word in said], desk.url
            taken += len(said.splitlines()) > 1
    assert taken >= 5


def test_a_colleagues_view_shows_a_manager_own_rows_alone(world: worlds.World, houses: dict[str, Any], enter: Enter) -> None:
    """N07, N08: by a filter of another house, and by a search for it."""
    agent, house = enter("agent"), houses["building"]
    for args in (f"building={house.public_id}", "search=Liep"):
        agent.get(f"{BASE}/contracts/?{args}")
        agent.follow("Save this view")
        agent.submit("Save", name=f"The {args[:6]} one", is_shared="y")
    manager = enter("manager_elsewhere")
    manager.get(f"{BASE}/contracts/")
    counts = [" ".join(" ".join(a.itertext()).split()) for a in manager.page.xpath("//ul[@class='tabs']/li/a[not(@class)]")]
    assert [count for count in counts if "one" in count] == ["The buildi one 0", "The search one"]
    for view in SavedView.select():
        manager.get(f"{BASE}/contracts/?view={view.public_id}")
        assert not [word for word in WORDS if word in manager.text], view.name


def test_a_manager_adds_and_moves_premises_in_own_houses_alone(world: worlds.World, houses: dict[str, Any], enter: Enter) -> None:
    """N08"""
    manager, count = enter("manager_elsewhere"), Premises.select().count()
    manager.get(f"{BASE}/premises/new/")
    manager.submit(building="Liepų g. 1", number="99")
    assert manager.status == 200
    own = Premises.get(Premises.building == Building.get(Building.address == "Kitur g. 9"))
    manager.get(f"{BASE}/premises/{own.public_id}/edit/")
    manager.submit(building="Liepų g. 1")
    assert (Premises.select().count(), Premises.get_by_id(own.id).building.address) == (count, "Kitur g. 9")
