"""Which flow is being asked about, and which has been answered."""

from typing import Any

STATEMENTS = """
ALTER TABLE "identity_flow" ADD COLUMN "asked_until" {moment};
ALTER TABLE "identity_flow" ADD COLUMN "answered_at" {moment};
CREATE INDEX "identity_flow_asked_until" ON "identity_flow" ("asked_until")
"""


def up(migrator: Any, db: Any) -> None:
    moment = "DATETIME" if type(db).__name__.startswith("Sqlite") else "TIMESTAMP"
    for statement in STATEMENTS.format(moment=moment).strip().split(";\n"):
        db.execute_sql(statement)
