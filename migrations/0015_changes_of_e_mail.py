"""A change of e-mail as a row of its own, and accounts that give nothing away for a while."""

# ruff: noqa: E501
import json
from datetime import UTC, datetime
from typing import Any

SQLITE = """CREATE TABLE "email_change" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "old" VARCHAR(254) NOT NULL, "new" VARCHAR(254) NOT NULL, "proof" VARCHAR(10) NOT NULL, "state" VARCHAR(10) NOT NULL, "asked_by_id" INTEGER, "reason" VARCHAR(300) NOT NULL, "asked_at" DATETIME NOT NULL, "expires_at" DATETIME NOT NULL, "code_digest" VARCHAR(64) NOT NULL, "tries" INTEGER NOT NULL, "answered_by_id" INTEGER, "answer" VARCHAR(300) NOT NULL, "changed_at" DATETIME, "ended_at" DATETIME, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("asked_by_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("answered_by_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK (tries >= 0), CHECK (proof <> 'colleague' OR state NOT IN ('letter', 'done', 'undone') OR (answered_by_id IS NOT NULL AND answered_by_id <> asked_by_id)))"""
POSTGRESQL = """CREATE TABLE "email_change" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "old" VARCHAR(254) NOT NULL, "new" VARCHAR(254) NOT NULL, "proof" VARCHAR(10) NOT NULL, "state" VARCHAR(10) NOT NULL, "asked_by_id" INTEGER, "reason" VARCHAR(300) NOT NULL, "asked_at" TIMESTAMP NOT NULL, "expires_at" TIMESTAMP NOT NULL, "code_digest" VARCHAR(64) NOT NULL, "tries" INTEGER NOT NULL, "answered_by_id" INTEGER, "answer" VARCHAR(300) NOT NULL, "changed_at" TIMESTAMP, "ended_at" TIMESTAMP, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("asked_by_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("answered_by_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK (tries >= 0), CHECK (proof <> 'colleague' OR state NOT IN ('letter', 'done', 'undone') OR (answered_by_id IS NOT NULL AND answered_by_id <> asked_by_id)))"""
INDEXES = """
CREATE UNIQUE INDEX "email_change_public_id" ON "email_change" ("public_id");
CREATE INDEX "email_change_account_id" ON "email_change" ("account_id");
CREATE INDEX "email_change_organisation_id_asked_at_id" ON "email_change" ("organisation_id", "asked_at", "id");
CREATE INDEX "email_change_asked_at_id" ON "email_change" ("asked_at", "id");
CREATE UNIQUE INDEX "email_change_live" ON "email_change" ("account_id") WHERE ("ended_at" IS NULL);
UPDATE "confirmation" SET "used_at" = "created_at" WHERE "purpose" = 'change_email' AND "used_at" IS NULL
"""


def up(migrator: Any, db: Any) -> None:
    sqlite = type(db).__name__.startswith("Sqlite")
    kind = "DATETIME" if sqlite else "TIMESTAMP"
    db.execute_sql(f'ALTER TABLE "account" ADD COLUMN "frozen_until" {kind}')
    # A change that waits has no row and no proof: staff begin it again.
    for statement in [SQLITE if sqlite else POSTGRESQL, *INDEXES.strip().split(";\n")]:
        db.execute_sql(statement)
    # A change that may be taken back goes back to what the account has now.
    undone = (
        'SELECT c."id", c."facts", a."password_hash", a."phone" FROM "confirmation" c JOIN "account" a ON a."id" = c."account_id" '
        'WHERE c."purpose" = \'undo_email\' AND c."used_at" IS NULL'
    )
    mark = "?" if sqlite else "%s"
    for row, facts, password_hash, phone in db.execute_sql(undone).fetchall():
        kept = json.loads(facts) | {"password_hash": password_hash, "phone": phone, "since": datetime.now(UTC).isoformat()}
        written = json.dumps(kept, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        db.execute_sql(f'UPDATE "confirmation" SET "facts" = {mark} WHERE "id" = {mark}', (written, row))  # noqa: S608
