"""Rows keep whatever people and feeds write, on both databases."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from models import TABLES, Account, Contract, Invoice, Message, Meter, Organisation, Reading, Staff, Table
from rules import access, events
from tests import factories, world as worlds

# One letter that is eighteen when it is searched for.
GROWS = "\ufdfa"


@pytest.mark.parametrize("model", [Account, Contract, Staff])
def test_a_name_may_grow_when_it_is_made_searchable(db: object, model: type) -> None:
    """F17, F18: PostgreSQL refuses what is longer than its column, SQLite keeps it."""
    north, name = factories.organisation("north"), GROWS * 60
    make = {
        Account: lambda: factories.account(north, name=name),
        Contract: lambda: factories.contract(north, name, customer_name=name),
        Staff: lambda: factories.staff(north, name=name),
    }[model]
    made = model.get_by_id(make().id)
    assert name in (made.customer_name if model is Contract else made.name)
    for column, field in model._meta.fields.items():
        length = getattr(field, "max_length", None)
        assert length is None or len(getattr(made, column) or "") <= length, column


def test_dismissed_staff_reach_no_row_of_any_table(db: object) -> None:
    """T39: whoever left keeps nothing, even where a row of theirs was read before."""
    world = worlds.build()
    agent = world.people["agent"]
    agent.is_active = False
    assert [table.__name__ for table in TABLES if table.within(agent).exists()] == []


def test_managers_of_buildings_reach_no_mail(db: object) -> None:
    """N08: a mail tells more than a building: links that open accounts among it."""
    world = worlds.build()
    assert Message.within(world.people["agent"]).exists()
    assert not Message.within(world.people["manager"]).exists()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
@pytest.mark.parametrize("model", [Contract, Invoice, Meter, Reading])
def test_what_a_customer_sees_is_found_by_contract_not_among_all_of_the_organisation(db: Any, model: type[Table]) -> None:
    """SQLite keeps no figures of its own: left the choice, it walks a million bills for the four of one account (G7)."""
    anna = factories.account(factories.organisation())
    some = model.id.in_([1]) if model is Contract else model.contract.in_([1, 2, 3])
    sql, values = model.within(anna).where(some).sql()
    plan = [row[3] for row in db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert not [step for step in plan if "organisation_id=?" in step or step.startswith("SCAN t1")], plan


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_database_file_put_in_anothers_place_is_the_one_that_is_read(db: Any, tmp_path: Path) -> None:
    organisation = factories.organisation("old")
    db.close()
    other = tmp_path / "other.db"
    with sqlite3.connect(tmp_path / "test.db") as here, sqlite3.connect(other) as there:
        here.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        here.backup(there)
        there.execute("UPDATE organisation SET slug = 'restored'")
    here.close()
    there.close()
    other.replace(tmp_path / "test.db")
    db.connect()
    assert Organisation.get_by_id(organisation.id).slug == "restored"


def test_an_event_stands_in_the_transaction_of_its_change(db: object) -> None:
    """P5, T110"""
    north = factories.organisation()
    with pytest.raises(ValueError, match="inside unit_of_work"):
        events.record("organisation.loaded", north, by=events.OPERATOR, preset="x")


def test_whose_identity_must_be_confirmed_may_do_nothing_before(db: object) -> None:
    """AG-10"""
    north = factories.organisation(identity_for_everything="strong")
    anna = factories.account(north)
    factories.holds(anna, factories.contract(north))
    may = [deed for deed in access.DEEDS if access.allows(anna, deed)]
    assert set(may) == access.WITHOUT_IDENTITY
