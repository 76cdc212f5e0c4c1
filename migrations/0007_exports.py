"""Files that staff export, and whose data are in them (N06, M02)."""

# ruff: noqa: E501
from typing import Any

SQLITE = """
CREATE TABLE "export" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER, "staff_id" INTEGER NOT NULL, "desk" VARCHAR(40) NOT NULL, "filters" TEXT NOT NULL, "scope_digest" VARCHAR(64) NOT NULL, "language" VARCHAR(2) NOT NULL, "kind" VARCHAR(4) NOT NULL, "reason" VARCHAR(300) NOT NULL, "state" VARCHAR(10) NOT NULL, "total" INTEGER NOT NULL, "done" INTEGER NOT NULL, "tries" INTEGER NOT NULL, "error" VARCHAR(300) NOT NULL, "created_at" DATETIME NOT NULL, "lease_until" DATETIME, "expires_at" DATETIME, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK (done >= 0));
CREATE UNIQUE INDEX "export_public_id" ON "export" ("public_id");
CREATE INDEX "export_staff_id_created_at_id" ON "export" ("staff_id", "created_at", "id");
CREATE INDEX "export_state_id" ON "export" ("state", "id");
CREATE TABLE "exported_account" ("id" INTEGER NOT NULL PRIMARY KEY, "export_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, FOREIGN KEY ("export_id") REFERENCES "export" ("id") ON DELETE CASCADE, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE);
CREATE INDEX "exported_account_export_id" ON "exported_account" ("export_id");
CREATE UNIQUE INDEX "exported_account_account_id_export_id" ON "exported_account" ("account_id", "export_id");
"""

POSTGRESQL = """
CREATE TABLE "export" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER, "staff_id" INTEGER NOT NULL, "desk" VARCHAR(40) NOT NULL, "filters" TEXT NOT NULL, "scope_digest" VARCHAR(64) NOT NULL, "language" VARCHAR(2) NOT NULL, "kind" VARCHAR(4) NOT NULL, "reason" VARCHAR(300) NOT NULL, "state" VARCHAR(10) NOT NULL, "total" INTEGER NOT NULL, "done" INTEGER NOT NULL, "tries" INTEGER NOT NULL, "error" VARCHAR(300) NOT NULL, "created_at" TIMESTAMP NOT NULL, "lease_until" TIMESTAMP, "expires_at" TIMESTAMP, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK (done >= 0));
CREATE UNIQUE INDEX "export_public_id" ON "export" ("public_id");
CREATE INDEX "export_staff_id_created_at_id" ON "export" ("staff_id", "created_at", "id");
CREATE INDEX "export_state_id" ON "export" ("state", "id");
CREATE TABLE "exported_account" ("id" SERIAL NOT NULL PRIMARY KEY, "export_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, FOREIGN KEY ("export_id") REFERENCES "export" ("id") ON DELETE CASCADE, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE);
CREATE INDEX "exported_account_export_id" ON "exported_account" ("export_id");
CREATE UNIQUE INDEX "exported_account_account_id_export_id" ON "exported_account" ("account_id", "export_id");
"""


def up(migrator: Any, db: Any) -> None:
    is_sqlite = type(db).__name__.startswith("Sqlite")
    for statement in (SQLITE if is_sqlite else POSTGRESQL).strip().split(";\n"):
        db.execute_sql(statement.rstrip(";"))
