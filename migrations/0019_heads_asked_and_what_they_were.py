"""When the register was last asked about a company, and which place whoever became its head had there before."""

from typing import Any

COLUMNS = """
ALTER TABLE "company" ADD COLUMN "heads_asked_at" {moment};
UPDATE "company" SET "heads_asked_at" = "heads_read_at";
ALTER TABLE "head" ADD COLUMN "earlier_type_id" INTEGER REFERENCES "access_type" ("id") ON DELETE RESTRICT;
ALTER TABLE "head" ADD COLUMN "earlier_giver" VARCHAR(200) NOT NULL DEFAULT ''
"""


def up(migrator: Any, db: Any) -> None:
    moment = "DATETIME" if type(db).__name__.startswith("Sqlite") else "TIMESTAMP"
    for statement in COLUMNS.format(moment=moment).strip().split(";\n"):
        db.execute_sql(statement)
