"""Lists that staff save under a name, and who has which page open."""

# ruff: noqa: E501
from typing import Any

SQLITE = """
CREATE TABLE "saved_view" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "staff_id" INTEGER NOT NULL, "organisation_id" INTEGER, "desk" VARCHAR(40) NOT NULL, "name" VARCHAR(40) NOT NULL, "args" TEXT NOT NULL, "is_shared" INTEGER NOT NULL, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE TABLE "presence" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "staff_id" INTEGER NOT NULL, "subject" VARCHAR(60) NOT NULL, "opened_at" DATETIME NOT NULL, "seen_at" DATETIME NOT NULL, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE)
"""
POSTGRESQL = """
CREATE TABLE "saved_view" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "staff_id" INTEGER NOT NULL, "organisation_id" INTEGER, "desk" VARCHAR(40) NOT NULL, "name" VARCHAR(40) NOT NULL, "args" TEXT NOT NULL, "is_shared" BOOLEAN NOT NULL, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE TABLE "presence" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "staff_id" INTEGER NOT NULL, "subject" VARCHAR(60) NOT NULL, "opened_at" TIMESTAMP NOT NULL, "seen_at" TIMESTAMP NOT NULL, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE)
"""
INDEXES = """
CREATE UNIQUE INDEX "saved_view_public_id" ON "saved_view" ("public_id");
CREATE UNIQUE INDEX "saved_view_staff_id_desk_name" ON "saved_view" ("staff_id", "desk", "name");
CREATE INDEX "saved_view_organisation_id_desk" ON "saved_view" ("organisation_id", "desk");
CREATE UNIQUE INDEX "presence_public_id" ON "presence" ("public_id");
CREATE INDEX "presence_seen_at" ON "presence" ("seen_at");
CREATE UNIQUE INDEX "presence_staff_id_subject" ON "presence" ("staff_id", "subject");
CREATE INDEX "presence_subject_seen_at" ON "presence" ("subject", "seen_at")
"""


def up(migrator: Any, db: Any) -> None:
    tables = SQLITE if type(db).__name__.startswith("Sqlite") else POSTGRESQL
    for statement in [*tables.strip().split(";\n"), *INDEXES.strip().split(";\n")]:
        db.execute_sql(statement)
