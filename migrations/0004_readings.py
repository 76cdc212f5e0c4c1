"""Readings: own days of a building, rounding and roll-over, what staff enter and why, own names; one counts for each contract of a month."""

# ruff: noqa: E501
from typing import Any

# `{big}` is INTEGER on SQLite and BIGINT on PostgreSQL.
BOTH = """
ALTER TABLE "building" ADD COLUMN "reading_opens_on" INTEGER CHECK (reading_opens_on BETWEEN 1 AND 28);
ALTER TABLE "building" ADD COLUMN "reading_closes_on" INTEGER CHECK (reading_closes_on BETWEEN 1 AND 31) CHECK ((reading_opens_on IS NULL) = (reading_closes_on IS NULL)) CHECK (reading_opens_on <= reading_closes_on);
ALTER TABLE "meter_kind" ADD COLUMN "rounding" VARCHAR(10) NOT NULL DEFAULT 'exact';
ALTER TABLE "meter_kind" ADD COLUMN "digits" INTEGER CHECK (digits BETWEEN 1 AND 9);
ALTER TABLE "meter_kind" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "meter" ADD COLUMN "digits" INTEGER CHECK (digits BETWEEN 1 AND 9);
ALTER TABLE "reading" ADD COLUMN "rollover_milli" {big} NOT NULL DEFAULT 0 CHECK (rollover_milli = 0 OR (rollover_milli > 0 AND value_milli < previous_milli));
ALTER TABLE "reading" ADD COLUMN "staff_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT;
ALTER TABLE "reading" ADD COLUMN "reason" VARCHAR(300) NOT NULL DEFAULT '';
ALTER TABLE "reading" ADD COLUMN "replaces_id" INTEGER REFERENCES "reading" ("id") ON DELETE RESTRICT;
CREATE INDEX "meter_kind_organisation_id_code_id" ON "meter_kind" ("organisation_id", "code", "id");
CREATE INDEX "meter_kind_code_id" ON "meter_kind" ("code", "id");
DROP INDEX "reading_current";
CREATE UNIQUE INDEX "reading_current" ON "reading" ("meter_id", "contract_id", "period") WHERE "is_current";
"""

SQLITE = """
CREATE TABLE "meter_name" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "meter_id" INTEGER NOT NULL, "name" VARCHAR(40) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("meter_id") REFERENCES "meter" ("id") ON DELETE RESTRICT);
"""

POSTGRESQL = """
CREATE TABLE "meter_name" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "meter_id" INTEGER NOT NULL, "name" VARCHAR(40) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("meter_id") REFERENCES "meter" ("id") ON DELETE RESTRICT);
"""

INDEXES = """
CREATE UNIQUE INDEX "meter_name_public_id" ON "meter_name" ("public_id");
CREATE UNIQUE INDEX "meter_name_account_id_meter_id" ON "meter_name" ("account_id", "meter_id");
"""


def up(migrator: Any, db: Any) -> None:
    is_sqlite = type(db).__name__.startswith("Sqlite")
    for statement in (BOTH.replace("{big}", "INTEGER" if is_sqlite else "BIGINT") + (SQLITE if is_sqlite else POSTGRESQL) + INDEXES).split(
        ";\n"
    ):
        if statement.strip():
            db.execute_sql(statement)
