"""Adding a contract and letting it go: the forms that codes have, tries that failed, why an access ended, what a feed last said.
Whatever an access type allows, one may let the contract go."""

# ruff: noqa: E501
from typing import Any

BOTH = """
ALTER TABLE "provider" ADD COLUMN "payer_code_form" VARCHAR(120) NOT NULL DEFAULT '';
ALTER TABLE "provider" ADD COLUMN "invoice_number_form" VARCHAR(120) NOT NULL DEFAULT '';
ALTER TABLE "contract" ADD COLUMN "feed_digest" VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE "meter" ADD COLUMN "feed_digest" VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE "membership" ADD COLUMN "ended_by" VARCHAR(10) NOT NULL DEFAULT '';
UPDATE "access_type" SET "deeds" = REPLACE("deeds", '["', '["contract.detach","');
"""

SQLITE = """
CREATE TABLE "failed_try" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "provider_id" INTEGER, "payer_code" VARCHAR(60) NOT NULL, "cause" VARCHAR(30) NOT NULL, "message" VARCHAR(400) NOT NULL, "facts" TEXT NOT NULL, "tried_at" DATETIME NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "failed_try_public_id" ON "failed_try" ("public_id");
CREATE INDEX "failed_try_tried_at" ON "failed_try" ("tried_at");
CREATE INDEX "failed_try_account_id_id" ON "failed_try" ("account_id", "id");
"""

POSTGRESQL = """
CREATE TABLE "failed_try" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "provider_id" INTEGER, "payer_code" VARCHAR(60) NOT NULL, "cause" VARCHAR(30) NOT NULL, "message" VARCHAR(400) NOT NULL, "facts" TEXT NOT NULL, "tried_at" TIMESTAMP NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "failed_try_public_id" ON "failed_try" ("public_id");
CREATE INDEX "failed_try_tried_at" ON "failed_try" ("tried_at");
CREATE INDEX "failed_try_account_id_id" ON "failed_try" ("account_id", "id");
"""


def up(migrator: Any, db: Any) -> None:
    own = SQLITE if type(db).__name__.startswith("Sqlite") else POSTGRESQL
    for statement in (BOTH + own).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
