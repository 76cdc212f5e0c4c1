"""What keeps the lists of companies quick however many there are: an index over the words of companies, as in 0005, and indexes of the few
rows that a view shows among the many it passes over."""

# ruff: noqa: S608 - every name stands in this file
from typing import Any

FEW = (
    ("head_ended", "head", "organisation_id, seen_at, id", "ended_at IS NOT NULL"),
    ("head_ended_anywhere", "head", "seen_at, id", "ended_at IS NOT NULL"),
    ("email_change_open", "email_change", "organisation_id, asked_at, id", "ended_at IS NULL"),
    ("email_change_open_anywhere", "email_change", "asked_at, id", "ended_at IS NULL"),
)
ADD = 'INSERT INTO "company_words" (rowid, search_key) VALUES (NEW.id, NEW.search_key);'
TAKE = 'INSERT INTO "company_words" ("company_words", rowid, search_key) VALUES (\'delete\', OLD.id, OLD.search_key);'
SQLITE = (
    "CREATE VIRTUAL TABLE \"company_words\" USING fts5(\"search_key\", content='company', content_rowid='id', "
    "tokenize='trigram case_sensitive 1')",
    'INSERT INTO "company_words" ("company_words") VALUES (\'rebuild\')',
    f'CREATE TRIGGER "company_words_added" AFTER INSERT ON "company" BEGIN {ADD} END',
    f'CREATE TRIGGER "company_words_gone" AFTER DELETE ON "company" BEGIN {TAKE} END',
    'CREATE TRIGGER "company_words_changed" AFTER UPDATE OF search_key ON "company" '
    f"WHEN OLD.search_key <> NEW.search_key BEGIN {TAKE} {ADD} END",
)
POSTGRESQL = ('CREATE INDEX "company_words" ON "company" USING gin ("search_key" gin_trgm_ops)',)


def up(migrator: Any, db: Any) -> None:
    for name, table, columns, those in FEW:
        listed = ", ".join(f'"{column}"' for column in columns.split(", "))
        column, _, rest = those.partition(" ")
        db.execute_sql(f'CREATE INDEX "{name}" ON "{table}" ({listed}) WHERE ("{column}" {rest})')
    for statement in SQLITE if type(db).__name__.startswith("Sqlite") else POSTGRESQL:
        db.execute_sql(statement)
