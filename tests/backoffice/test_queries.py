"""What a list costs: how many statements, whatever the rows, and an index behind every order, view and filter it offers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import peewee as pw
import pytest
from flask import g

from backoffice import listing
from backoffice.desk import Desk
from models import Account, Message, Premises, Staff, SyncProblem, SyncRun, now
from rules import events
from rules.work import unit_of_work
from tests import factories
from tests import world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"
MOST_STATEMENTS = 4  # the rows, the saved views, their counts, and one for what a filter or a name needs


@contextmanager
def counted(database: pw.Database) -> Iterator[list[str]]:
    """Every statement that reaches the database meanwhile."""
    said: list[str] = []
    real = database.execute_sql

    def noting(sql: str, *args: Any, **kwargs: Any) -> Any:
        said.append(sql)
        return real(sql, *args, **kwargs)

    database.execute_sql = noting  # type: ignore[method-assign]
    try:
        yield said
    finally:
        del database.execute_sql


def beside_the_session(said: list[str]) -> list[str]:
    mine = [sql for sql in said if 'JOIN "session"' not in sql]
    assert len(mine) == len(said) - 1, "the session is one statement"
    return mine


def fifty_more(world: worlds.World) -> None:
    """Fifty rows more of everything that lists show."""
    here, house, run = world.north, world.own["building"], world.own["syncrun"]
    kind = world.own["membership"].access_type.name
    for number in range(50):
        contract = factories.contract(here, f"50-{number}", building=house, provider=house.provider, address=f"Liepų g. 1-{number}")
        person = factories.account(here, f"fifty{number}@example.lt", name=f"Jonas {number}", locked_until=now() + timedelta(hours=1))
        factories.holds(person, contract, kind)
        factories.invoice(contract)
        factories.reading(factories.meter(contract, number=f"M{number}"), number, now().date())
        factories.building(here, f"Ilgoji g. {number}", provider=house.provider)
        Premises.create(organisation=here, building=house, number=f"5{number}")
        factories.provider(here, f"Provider {number}")
        factories.staff(here, name=f"Agnė {number}")
        SyncRun.create(organisation=here, feed="csv")
        SyncProblem.create(organisation=here, run=run, kind="row", reference=f"{number}", reference_digest=f"f{number}", message="Wrong")
        Message.create(organisation=here, kind="account_unlocked", to=person.email, language="lt", dedupe_key=f"f{number}", state="dead")
        with unit_of_work():
            events.record("account.phone_changed", person, by=person, old="", new="+37060000000")


@pytest.mark.parametrize("who", ["agent", "administrator", "manager", "install_administrator"])
def test_a_list_takes_four_statements_at_most_however_many_rows_it_has(
    world: worlds.World, enter: Enter, db: pw.Database, staff_app: Any, who: str
) -> None:
    """G8"""
    desks = [view for view in staff_app.extensions["admin"][0]._views if isinstance(view, Desk)]
    few: dict[str, int] = {}
    with unit_of_work():
        events.record("account.phone_changed", world.own["account"], by=world.people["agent"], old="", new="+37060000000")
    for rows in (few, {}):
        browser = enter(who)
        for desk in desks:
            for tab in ("", *(tab.name for tab in desk.tabs)):
                path = f"{desk.url}/" + (f"?tab={tab}" if tab else "")
                with counted(db) as said:
                    browser.get(f"{BASE}{path}")
                if browser.status == 404:
                    continue
                rows[path] = len(beside_the_session(said))
                assert rows[path] <= MOST_STATEMENTS, (path, said)
        if rows is few:
            fifty_more(world)
        else:
            assert rows == few
    assert len(few) >= 8


def test_a_filtered_and_searched_page_further_on_takes_no_more(world: worlds.World, enter: Enter, db: pw.Database) -> None:
    fifty_more(world)
    browser = enter("agent")
    row = Account.select().where(Account.organisation == world.north).order_by(Account.sort_key, Account.id).offset(9).limit(1).get()
    found = next(iter(Account.select().where(Account.id == row.id)))
    for path in (f"/accounts/?after={found.public_id}&search=jonas", f"/invoices/?contract={world.own['contract'].public_id}"):
        browser.get(f"{BASE}{path}")  # the first time it is written down whose data it shows (M02)
        with counted(db) as said:
            browser.get(f"{BASE}{path}")
        assert browser.status == 200
        assert len(beside_the_session(said)) <= MOST_STATEMENTS + 1  # whether that is still known


# ---- indexes ----------------------------------------------------------------------------------------------------------


def plan(query: pw.ModelSelect, database: pw.Database) -> str:
    sql, values = query.sql()
    return "\n".join(str(row) for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())


def asked(desk: Any, **changes: Any) -> listing.Asked:
    what = {
        "search": "",
        "sort": desk.column_default_sort,
        "tab": None,
        "rows": {},
        "days": {},
        "choices": {},
        "after": None,
        "before": None,
    }
    return listing.Asked(**what | changes)


def offered(desk: Any, world: worlds.World) -> Iterator[tuple[str, listing.Asked, bool]]:
    """Every page that a list links to, and whether its order must come from an index (rows of one parent may be sorted: they are few)."""
    yield "as it comes", asked(desk), True
    for column in desk.sortable:
        for sort in (column, f"-{column}"):
            yield f"by {sort}", asked(desk, sort=sort), True
            yield f"by {sort}, further on", asked(desk, sort=sort, after=world.own[desk.table].public_id), True
    for tab in desk.tabs:
        yield f"view {tab.name}", asked(desk, tab=tab, sort=tab.sort or desk.column_default_sort), True
    for name in desk.column_filters:
        field = desk.model._meta.fields[name]
        if isinstance(field, pw.ForeignKeyField):
            parent = world.own[field.rel_model.__name__.lower()]
            is_large = name in ("organisation", "building") and desk.table != "premises"  # a house has some hundred flats at most
            yield f"of one {name}", asked(desk, rows={name: parent}), is_large
        elif desk.choices(name):
            yield f"one {name}", asked(desk, choices={name: next(iter(desk.choices(name)))}), True
        else:
            yield f"{name} from a day", asked(desk, days={name: (now().date(), now().date())}), True
    if desk.can_search:
        for words in ("0123", "anna@", "anna", "+370 600 00001"):
            yield f"searched for {words}", asked(desk, search=words), False


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["agent", "install_administrator", "manager"])
def test_every_order_view_and_filter_has_its_index(world: worlds.World, db: pw.Database, staff_app: Any, who: str) -> None:
    """G6: nothing is offered that reads a whole table or sorts it. A property manager's own rows may be sorted."""
    checked = 0
    for desk in [view for view in staff_app.extensions["admin"][0]._views if isinstance(view, Desk)]:
        table = desk.model._meta.table_name
        with staff_app.test_request_context("/"):
            g.viewer = Staff.get(Staff.id == world.people[who].id)
            if not desk.may("view"):
                continue
            for name, what, must_be_ordered in offered(desk, world):
                query, order, is_backwards = listing.found(desk, what)
                statement = desk.select(query, desk.read(desk.names())).order_by(
                    *[field.desc() if is_backwards else field.asc() for field in order]
                )
                told = plan(statement.limit(51), db)
                assert not re.search(rf"SCAN (?:t1|{table})(?!\S)(?! USING (?:COVERING )?INDEX)", told), f"{desk.endpoint}, {name}:\n{told}"
                if who != "manager" and must_be_ordered:
                    assert "USE TEMP B-TREE" not in told, f"{desk.endpoint}, {name}:\n{told}"
                checked += 1
    assert checked > 20
