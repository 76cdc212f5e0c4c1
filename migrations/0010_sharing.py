"""A contract shared with an e-mail address; owners may share; access types as a list."""

# ruff: noqa: E501
import json
from typing import Any

SQLITE = """CREATE TABLE "share" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "given_through_id" INTEGER NOT NULL, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "given_at" DATETIME NOT NULL, "last_on" DATE, "membership_id" INTEGER, "ended_at" DATETIME, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("given_through_id") REFERENCES "membership" ("id") ON DELETE CASCADE, FOREIGN KEY ("membership_id") REFERENCES "membership" ("id") ON DELETE CASCADE)"""
POSTGRESQL = """CREATE TABLE "share" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "given_through_id" INTEGER NOT NULL, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "given_at" TIMESTAMP NOT NULL, "last_on" DATE, "membership_id" INTEGER, "ended_at" TIMESTAMP, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("given_through_id") REFERENCES "membership" ("id") ON DELETE CASCADE, FOREIGN KEY ("membership_id") REFERENCES "membership" ("id") ON DELETE CASCADE)"""
INDEXES = """
CREATE UNIQUE INDEX "share_public_id" ON "share" ("public_id");
CREATE INDEX "share_given_through_id" ON "share" ("given_through_id");
CREATE INDEX "share_membership_id" ON "share" ("membership_id");
CREATE INDEX "share_organisation_id_given_at_id" ON "share" ("organisation_id", "given_at", "id");
CREATE INDEX "share_given_at_id" ON "share" ("given_at", "id");
CREATE INDEX "share_contract_id_given_at_id" ON "share" ("contract_id", "given_at", "id");
CREATE INDEX "share_email_key_organisation_id" ON "share" ("email_key", "organisation_id");
CREATE UNIQUE INDEX "share_live" ON "share" ("contract_id", "email_key") WHERE ("ended_at" IS NULL);
CREATE INDEX "share_last_on" ON "share" ("last_on") WHERE ("ended_at" IS NULL);
CREATE INDEX "access_type_organisation_id_name_id" ON "access_type" ("organisation_id", "name", "id");
CREATE INDEX "access_type_name_id" ON "access_type" ("name", "id")
"""


def up(migrator: Any, db: Any) -> None:
    sqlite = type(db).__name__.startswith("Sqlite")
    for statement in [SQLITE if sqlite else POSTGRESQL, *INDEXES.strip().split(";\n")]:
        db.execute_sql(statement)
    mark = "?" if sqlite else "%s"
    for owner, deeds in db.execute_sql('SELECT "id", "deeds" FROM "access_type" WHERE "name" = \'owner\'').fetchall():
        now_too = json.dumps(sorted({*json.loads(deeds), "contract.share"}), separators=(",", ":"))
        db.execute_sql(f'UPDATE "access_type" SET "deeds" = {mark} WHERE "id" = {mark}', (now_too, owner))  # noqa: S608
