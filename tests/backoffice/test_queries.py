"""What a list costs: how many statements, whatever the rows, and an index behind every order, view and filter it offers."""

import itertools
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import peewee as pw
import pytest
from flask import g

from backoffice import listing
from backoffice.desk import Desk
from bench import data
from models import (
    Account,
    Building,
    Contract,
    Event,
    Invoice,
    Message,
    Meter,
    Organisation,
    Premises,
    Reading,
    Staff,
    SyncProblem,
    SyncRun,
    now,
)
from rules import events, views
from rules.work import unit_of_work
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"
MOST_STATEMENTS = 3  # the rows, the saved views, and all their counts
BY_A_ROW = 2  # more, where a list is narrowed to one row: which it is, and whether it is known already that it was looked at (M02)


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


def views_by_every_filter(desk: Desk, viewer: Staff) -> None:
    """What makes a page of this desk dearest: a view saved for everything that it can be narrowed by."""
    for name in desk.column_filters:
        field = desk.model._meta.fields[name]
        if isinstance(field, pw.ForeignKeyField):
            row = field.rel_model.within(viewer).first()
            args = {name: str(row.public_id)} if row else {}
        else:
            args = {name: next(iter(field.choices or [("2026-01-01", "")]))[0]} if name != "name" else {name: "account.registered"}
        views.save(desk.endpoint, name, args, is_shared=True, by=viewer)


@pytest.mark.parametrize("who", ["agent", "administrator", "manager", "install_administrator"])
def test_a_list_takes_three_statements_at_most_however_many_rows_and_views_it_has(
    world: worlds.World, enter: Enter, db: pw.Database, staff_app: Any, who: str
) -> None:
    """G8"""
    desks = [view for view in staff_app.extensions["admin"][0]._views if isinstance(view, Desk)]
    for desk in desks:
        views_by_every_filter(desk, world.people[who])  # type: ignore[arg-type]
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
        assert len(beside_the_session(said)) <= MOST_STATEMENTS + BY_A_ROW


# ---- indexes ----------------------------------------------------------------------------------------------------------

BILLS = 10_000
LARGE = {"account", "contract", "meter", "reading", "invoice", "event"}  # tables that the filled database has many rows of
WORDS = ("KV12", "SF10000012", "01-00000", "zukauskas jonas 1", "jonas.adomas", "+37060000123")
FEW_OF_ONE = {"account", "contract", "meter", "premises", "run"}  # relations whose rows may be sorted: one has some hundred at most


def plan(query: pw.ModelSelect, database: pw.Database) -> list[str]:
    """How the database would go about it, line by line. PostgreSQL, which rather reads and sorts some thousand rows than walk an index,
    says what it would do if it could help it."""
    sql, values = query.sql()
    if isinstance(database, pw.SqliteDatabase):
        return [row[3] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
    for way in ("seqscan", "sort", "bitmapscan"):
        database.execute_sql(f"SET enable_{way} = off")
    return [row[0].strip() for row in database.execute_sql(f"EXPLAIN (COSTS OFF) {sql}", values).fetchall()]


def faults(told: list[str], tables: set[str], may_sort: bool) -> list[str]:
    """What a plan must not have: a table read from end to end, and rows sorted before the first of them can be shown."""
    whole = [line for line in told if re.match(r"SCAN (?!.*USING )", line) or re.search(r"Seq Scan on ", line)]
    bad = [line for line in whole if re.search(rf"(?:SCAN|Seq Scan on) \"?(t1|{'|'.join(tables)})\b", line)]
    return bad + ([] if may_sort else [line for line in told if "TEMP B-TREE" in line or re.search(r"\bSort\b", line)])


def offered(desk: Any, parents: dict[str, Any]) -> Iterator[tuple[listing.Asked, bool]]:
    """Every page that the address of a list can ask for: each order with each set of filters, from either end and further on; and
    whether its rows may be sorted, being few."""
    sorts = [(f"{turn}{column}", None) for column in desk.sortable for turn in ("", "-")]
    sorts += [(tab.sort or desk.column_default_sort, tab) for tab in desk.tabs]
    fields = desk.model._meta.fields
    relations = [name for name in desk.column_filters if isinstance(fields[name], pw.ForeignKeyField)]
    days = [name for name in desk.column_filters if name not in relations and not desk.choices(name)]
    choices = [name for name in desk.column_filters if desk.choices(name)]
    spans = [{}, *({name: (date(2022, 3, 1), last)} for name in days for last in (None, date(2022, 4, 1)))]
    values = [{}, *({name: next(iter(desk.choices(name)))} for name in choices)]
    for (sort, tab), relation, span, value in itertools.product(sorts, [None, *relations], spans, values):
        parent = parents.get(fields[relation].rel_model) if relation else None
        if relation and parent is None:
            continue
        what = listing.Asked("", sort, tab, {relation: parent} if relation else {}, span, value, None, None)
        # Flats, and so contracts, are some hundred in a house; by their own order they need no sorting all the same.
        may_sort = relation in FEW_OF_ONE or (relation == "building" and (desk.table == "premises" or "payer_code" in sort))
        # A view in an order of its own, of certain days of another column: either index serves, and the days are few.
        may_sort |= bool(tab and tab.sort and tab.sort.removeprefix("-") not in span and any(span.values()))
        for edges in ({}, {"after": parents[desk.model].public_id if desk.model in parents else uuid.uuid4()}, {"is_last": True}):
            yield replace(what, **edges), may_sort


@pytest.mark.parametrize(
    ("endpoint", "tab", "index"), [("heads", "ended", "head_ended"), ("email-changes", "colleague", "email_change_open")]
)
@pytest.mark.parametrize("role", ["agent", "administrator"])
def test_a_view_of_the_few_among_many_has_an_index_of_them(
    db: pw.Database, staff_app: Any, endpoint: str, tab: str, index: str, role: str
) -> None:
    """performance G6"""
    desk = next(view for view in staff_app.extensions["admin"][0]._views if isinstance(view, Desk) and view.url == f"/{endpoint}")
    person = factories.staff(factories.organisation() if role == "agent" else None, role)
    with staff_app.test_request_context("/"):
        g.viewer = Staff.get(Staff.id == person.id)
        view = next(one for one in desk.tabs if one.name == tab)
        told = plan(listing.query(desk, listing.all_of(desk, view), desk.read(desk.names())), db)
    name = f"{index}(_anywhere)?" if role == "agent" else f"{index}_anywhere"  # either serves a small table
    assert any(re.search(rf"\b{name}\b", line) for line in told), told


def test_every_filter_with_every_order_has_its_index(db: pw.Database, staff_app: Any) -> None:
    """performance G6: nothing is offered that reads a whole table, or sorts many rows to show fifty, on either database."""
    data.fill(db, BILLS)
    if isinstance(db, pw.SqliteDatabase):  # of tables that are small here it shall think as of large ones
        db.execute_sql(f"DELETE FROM sqlite_stat1 WHERE tbl NOT IN {tuple(LARGE)}")
        db.execute_sql("ANALYZE sqlite_schema")
    run = SyncRun.create(organisation=1, feed="csv")
    people = {
        "agent": factories.staff(Organisation.get_by_id(1), "agent", "agent@example.lt"),
        "all": factories.staff(None, "administrator", "all@example.lt"),
    }
    tables = (Organisation, Account, Contract, Meter, Building, Reading, Invoice, Event)
    parents: dict[Any, Any] = {model: model.select().where(model.id == 1).get() for model in tables} | {SyncRun: run}
    found, checked = [], 0
    for desk in [view for view in staff_app.extensions["admin"][0]._views if isinstance(view, Desk)]:
        is_large = desk.model._meta.table_name in LARGE
        for who, person in people.items():
            with staff_app.test_request_context("/"):
                g.viewer = Staff.get(Staff.id == person.id)
                if not desk.may("view"):
                    continue
                for what, may_sort in offered(desk, parents):
                    told = plan(listing.query(desk, what, desk.read(desk.names())), db)
                    if desk.sortable.get(what.sort.removeprefix("-")) == "id" and not (what.rows or what.choices):
                        told = [line for line in told if line != "SCAN t1"]  # along the keys, which are the order asked for
                    wrong = faults(told, LARGE if is_large else {desk.model._meta.table_name}, may_sort)
                    found += [(desk.endpoint, who, what, line) for line in wrong]
                    checked += 1
                for words in WORDS if desk.can_search and is_large else ():
                    what = listing.Asked(words, desk.column_default_sort, None, {}, {}, {}, None, None)
                    told = plan(listing.query(desk, what, desk.read(desk.names())), db)
                    found += [(desk.endpoint, who, what, line) for line in faults(told, {desk.model._meta.table_name}, True)]
    assert found == []
    assert checked > 500
    # And where there is no index, it is seen.
    assert faults(plan(Invoice.select().order_by(Invoice.note).limit(50), db), LARGE, False)
    assert faults(plan(Invoice.select().where(Invoice.refers_to == "x"), db), LARGE, True)
    assert not faults(plan(Invoice.select().order_by(Invoice.issued_on, Invoice.id).limit(50), db), LARGE, False)
