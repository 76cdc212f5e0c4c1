"""Staff who look at the site as a customer sees it."""

# ruff: noqa: E501
from typing import Any

SQLITE = """CREATE TABLE "visit" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "staff_id" INTEGER NOT NULL, "reason" VARCHAR(300) NOT NULL, "asked_at" DATETIME NOT NULL, "code_sealed" VARCHAR(300) NOT NULL, "tries" INTEGER NOT NULL, "allowed_at" DATETIME, "allowed_how" VARCHAR(15) NOT NULL, "allowed_by_id" INTEGER, "allowed_reason" VARCHAR(300) NOT NULL, "began_at" DATETIME, "until_at" DATETIME, "ended_at" DATETIME, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("allowed_by_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK (tries >= 0), CHECK (began_at IS NULL OR (allowed_at IS NOT NULL AND until_at IS NOT NULL)))"""
POSTGRESQL = """CREATE TABLE "visit" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "staff_id" INTEGER NOT NULL, "reason" VARCHAR(300) NOT NULL, "asked_at" TIMESTAMP NOT NULL, "code_sealed" VARCHAR(300) NOT NULL, "tries" INTEGER NOT NULL, "allowed_at" TIMESTAMP, "allowed_how" VARCHAR(15) NOT NULL, "allowed_by_id" INTEGER, "allowed_reason" VARCHAR(300) NOT NULL, "began_at" TIMESTAMP, "until_at" TIMESTAMP, "ended_at" TIMESTAMP, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("allowed_by_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK (tries >= 0), CHECK (began_at IS NULL OR (allowed_at IS NOT NULL AND until_at IS NOT NULL)))"""
INDEXES = """
CREATE UNIQUE INDEX "visit_public_id" ON "visit" ("public_id");
CREATE INDEX "visit_account_id" ON "visit" ("account_id");
CREATE INDEX "visit_organisation_id_asked_at_id" ON "visit" ("organisation_id", "asked_at", "id");
CREATE INDEX "visit_asked_at_id" ON "visit" ("asked_at", "id");
CREATE UNIQUE INDEX "visit_live" ON "visit" ("account_id") WHERE ("ended_at" IS NULL);
ALTER TABLE "session" ADD COLUMN "visit_id" INTEGER REFERENCES "visit" ("id") ON DELETE CASCADE CHECK (visit_id IS NULL OR account_id IS NOT NULL);
CREATE INDEX "session_visit_id" ON "session" ("visit_id")
"""


def up(migrator: Any, db: Any) -> None:
    sqlite = type(db).__name__.startswith("Sqlite")
    for statement in [SQLITE if sqlite else POSTGRESQL, *INDEXES.strip().split(";\n")]:
        db.execute_sql(statement)
