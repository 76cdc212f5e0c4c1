"""A database made by the migrations is the one that models.py describes, on both engines, checks and triggers included."""

import re
from collections.abc import Iterator
from typing import Any

import peewee as pw
import pytest
from playhouse.migrations import Runner

import models
from config import ROOT


def catalogue(db: Any) -> dict[str, Any]:
    """Everything the database knows of its tables, without the names that an engine makes up."""
    found: dict[str, Any] = {}
    for table in sorted(set(db.get_tables()) - {"schema_migration"}):
        columns = sorted((c.name, c.data_type.upper(), c.null, c.primary_key) for c in db.get_columns(table))
        # An index of words has no like in peewee: tests/rules/test_search.py shows that they are there.
        kept = [i for i in db.get_indexes(table) if i.name != f"{table}_words"]
        indexes = sorted((tuple(i.columns), i.unique, (i.sql or "").partition(" WHERE ")[2]) for i in kept)
        keys = sorted((k.column, k.dest_table, k.dest_column) for k in db.get_foreign_keys(table))
        found[table] = (columns, indexes, keys, checks(db, table))
    return found


def checks(db: Any, table: str) -> Any:
    """The CHECKs and what happens on delete, as the engine tells them."""
    if isinstance(db, pw.SqliteDatabase):
        sql = db.execute_sql("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()[0]
        deletes = sorted((row[3], row[6]) for row in db.execute_sql(f'PRAGMA foreign_key_list("{table}")').fetchall())
        return sorted(_checks_of(sql)), deletes
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass ORDER BY 1"
    return [row[0] for row in db.execute_sql(query, (f'"{table}"',)).fetchall()]


def _checks_of(sql: str) -> Iterator[str]:
    """Each CHECK of a CREATE TABLE, whole: a column that was added later stands elsewhere in it."""
    for start in re.finditer(r"CHECK \(", sql):
        depth = 1
        for end in range(start.end(), len(sql)):
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            if depth == 0:
                yield sql[start.start() : end + 1]
                break


def test_migrations_make_what_models_describe(db: Any) -> None:
    migrated = catalogue(db)
    assert {"account", "event", "reading"} <= set(migrated)
    for trigger_table in models.TABLES[::-1]:
        db.execute_sql(f'DROP TABLE "{trigger_table._meta.table_name}"' + ("" if isinstance(db, pw.SqliteDatabase) else " CASCADE"))
    db.create_tables(models.TABLES)
    assert catalogue(db) == migrated


def test_a_second_run_of_the_migrations_does_nothing(db: Any) -> None:
    assert Runner(db, str(ROOT / "migrations")).up() == []


def test_nobody_changes_or_deletes_what_has_happened(db: Any) -> None:
    """M01"""
    from rules import events
    from rules.work import unit_of_work
    from tests import factories

    here = factories.organisation()
    with unit_of_work():
        event = events.record("organisation.loaded", here, by=events.OPERATOR, preset="x")
    changes = (
        models.Event.update(facts={"preset": "y"}),
        models.Event.update(actor="system"),
        models.Event.delete(),
        models.Seal.delete(),
        models.Seal.update(hash="0"),
    )
    events.seal(b"k" * 32)
    for change in changes:
        with pytest.raises((pw.IntegrityError, pw.InternalError, pw.DatabaseError)), models.database.atomic():
            change.execute()
    assert models.Event.get_by_id(event.id).facts == {"preset": "x"}
    assert list(events.verify(b"k" * 32)) == []


def test_a_change_behind_the_triggers_back_is_named(db: Any) -> None:
    """M01"""
    from rules import events
    from rules.work import unit_of_work
    from tests import factories

    here = factories.organisation()
    for _ in range(3):
        with unit_of_work():
            events.record("organisation.loaded", here, by=events.OPERATOR, preset="x")
    events.seal(b"k" * 32)
    trigger = "DROP TRIGGER event_unchanged" + ("" if isinstance(db, pw.SqliteDatabase) else ' ON "event"')
    db.execute_sql(trigger)
    changed = models.Event.select().order_by(models.Event.id.desc()).first()
    models.Event.update(facts={"preset": "forged"}).where(models.Event.id == changed.id).execute()
    assert list(events.verify(b"k" * 32)) == [f"Event {changed.id} (organisation.loaded) is not what was recorded."]
    assert any("key" in sentence for sentence in events.verify(b"another" * 6))
