"""What makes searching quick: an index over the words of people, contracts and buildings, and over the numbers that people read out.

SQLite: full-text tables of three-letter pieces beside the tables, kept by triggers. PostgreSQL: the same by the extension pg_trgm, which
comes with it; since version 13 the owner of a database may add it.
"""

# ruff: noqa: S608 - every name stands in this file
from typing import Any

import peewee as pw

from rules.refusal import Refused

WORDS = ("account", "building", "contract")
NUMBERS = (
    ("contract", "organisation_id", "payer_code_key", "id"),
    ("contract", "payer_code_key", "id"),
    ("event", "at", "id"),
    ("message", "organisation_id", "to", "id"),
    ("message", "to", "id"),
    ("sync_problem", "organisation_id", "reference", "id"),
    ("sync_problem", "reference", "id"),
)
NOT_ALLOWED = (
    "The database needs the extension pg_trgm, which comes with PostgreSQL (Debian: postgresql-contrib), and this role may not add it. "
    "As the owner of the server run: CREATE EXTENSION pg_trgm; in this database, then migrate again."
)


def up(migrator: Any, db: Any) -> None:
    for table, *columns in NUMBERS:
        listed = ", ".join(f'"{column}"' for column in columns)
        db.execute_sql(f'CREATE INDEX "{table}_{"_".join(columns)}" ON "{table}" ({listed})')
    for statement in _sqlite() if type(db).__name__.startswith("Sqlite") else _postgresql(db):
        db.execute_sql(statement)


def _sqlite() -> Any:
    for table in WORDS:
        words = f"{table}_words"
        add = f'INSERT INTO "{words}" (rowid, search_key) VALUES (NEW.id, NEW.search_key);'
        take = f'INSERT INTO "{words}" ("{words}", rowid, search_key) VALUES (\'delete\', OLD.id, OLD.search_key);'
        yield (
            f"CREATE VIRTUAL TABLE \"{words}\" USING fts5(\"search_key\", content='{table}', content_rowid='id', "
            "tokenize='trigram case_sensitive 1')"
        )
        yield f'INSERT INTO "{words}" ("{words}") VALUES (\'rebuild\')'
        yield f'CREATE TRIGGER "{words}_added" AFTER INSERT ON "{table}" BEGIN {add} END'
        yield f'CREATE TRIGGER "{words}_gone" AFTER DELETE ON "{table}" BEGIN {take} END'
        yield (
            f'CREATE TRIGGER "{words}_changed" AFTER UPDATE OF search_key ON "{table}" '
            f"WHEN OLD.search_key <> NEW.search_key BEGIN {take} {add} END"
        )


def _postgresql(db: Any) -> Any:
    try:
        with db.atomic():
            db.execute_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except (pw.ProgrammingError, pw.NotSupportedError, pw.OperationalError) as no:
        raise Refused(NOT_ALLOWED) from no
    for table in WORDS:
        yield f'CREATE INDEX "{table}_words" ON "{table}" USING gin ("search_key" gin_trgm_ops)'
