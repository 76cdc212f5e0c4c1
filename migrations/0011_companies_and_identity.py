"""Companies and who represents them, invitations, heads from the register; who somebody is proven to be, and the way there."""

# ruff: noqa: E501
import json
import uuid
from typing import Any

SQLITE = """
CREATE TABLE "company" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(200) NOT NULL, "code" VARCHAR(20), "person_digest" VARCHAR(64), "belongs_to_id" INTEGER, "email" VARCHAR(254) NOT NULL, "phone" VARCHAR(20) NOT NULL, "address" VARCHAR(250) NOT NULL, "email_domain" VARCHAR(120) NOT NULL, "heads_read_at" DATETIME, "search_key" VARCHAR(500) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("belongs_to_id") REFERENCES "company" ("id") ON DELETE RESTRICT, CHECK ((code IS NULL) <> (person_digest IS NULL)));
CREATE TABLE "representative" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "company_id" INTEGER NOT NULL, "access_type_id" INTEGER NOT NULL, "since_at" DATETIME NOT NULL, "until_at" DATETIME, "granted_by" VARCHAR(200) NOT NULL, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("company_id") REFERENCES "company" ("id") ON DELETE RESTRICT, FOREIGN KEY ("access_type_id") REFERENCES "access_type" ("id") ON DELETE RESTRICT);
CREATE TABLE "invitation" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "company_id" INTEGER NOT NULL, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "access_type_id" INTEGER NOT NULL, "invited_through_id" INTEGER, "staff_id" INTEGER, "digest" VARCHAR(64) NOT NULL, "invited_at" DATETIME NOT NULL, "expires_at" DATETIME NOT NULL, "taken_at" DATETIME, "representative_id" INTEGER, "ended_at" DATETIME, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("company_id") REFERENCES "company" ("id") ON DELETE RESTRICT, FOREIGN KEY ("access_type_id") REFERENCES "access_type" ("id") ON DELETE RESTRICT, FOREIGN KEY ("invited_through_id") REFERENCES "representative" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("representative_id") REFERENCES "representative" ("id") ON DELETE CASCADE, CHECK ((invited_through_id IS NULL) <> (staff_id IS NULL)), CHECK (taken_at IS NULL OR ended_at IS NULL));
CREATE TABLE "head" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "company_id" INTEGER NOT NULL, "code_digest" VARCHAR(64) NOT NULL, "code_sealed" VARCHAR(300) NOT NULL, "first_name" VARCHAR(100) NOT NULL, "last_name" VARCHAR(100) NOT NULL, "since_on" DATE, "source" VARCHAR(10) NOT NULL, "document" VARCHAR(200) NOT NULL, "staff_id" INTEGER, "seen_at" DATETIME NOT NULL, "ended_at" DATETIME, "representative_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("company_id") REFERENCES "company" ("id") ON DELETE RESTRICT, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("representative_id") REFERENCES "representative" ("id") ON DELETE SET NULL, CHECK ((source = 'staff') = (staff_id IS NOT NULL)));
CREATE TABLE "identity" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "method" VARCHAR(40) NOT NULL, "scheme" VARCHAR(3) NOT NULL, "code_digest" VARCHAR(64) NOT NULL, "code_sealed" VARCHAR(300) NOT NULL, "country" VARCHAR(2) NOT NULL, "first_name" VARCHAR(100) NOT NULL, "last_name" VARCHAR(100) NOT NULL, "born_on" DATE, "born_from" VARCHAR(12) NOT NULL, "level" VARCHAR(4) NOT NULL, "document" VARCHAR(200) NOT NULL, "evidence_sealed" TEXT NOT NULL, "staff_id" INTEGER, "confirmed_at" DATETIME NOT NULL, "last_used_at" DATETIME NOT NULL, "last_method" VARCHAR(40) NOT NULL, "ended_at" DATETIME, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK ((scheme = 'PNO' AND code_sealed <> '') OR scheme = 'SUB'));
CREATE TABLE "identity_flow" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER, "purpose" VARCHAR(10) NOT NULL, "method" VARCHAR(40) NOT NULL, "digest" VARCHAR(64) NOT NULL, "callback_digest" VARCHAR(64), "state_sealed" TEXT NOT NULL, "facts" TEXT NOT NULL, "person_sealed" TEXT NOT NULL, "began_at" DATETIME NOT NULL, "expires_at" DATETIME NOT NULL, "outcome" VARCHAR(12) NOT NULL, "used_at" DATETIME, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE)
"""

POSTGRESQL = """
CREATE TABLE "company" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(200) NOT NULL, "code" VARCHAR(20), "person_digest" VARCHAR(64), "belongs_to_id" INTEGER, "email" VARCHAR(254) NOT NULL, "phone" VARCHAR(20) NOT NULL, "address" VARCHAR(250) NOT NULL, "email_domain" VARCHAR(120) NOT NULL, "heads_read_at" TIMESTAMP, "search_key" VARCHAR(500) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("belongs_to_id") REFERENCES "company" ("id") ON DELETE RESTRICT, CHECK ((code IS NULL) <> (person_digest IS NULL)));
CREATE TABLE "representative" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "company_id" INTEGER NOT NULL, "access_type_id" INTEGER NOT NULL, "since_at" TIMESTAMP NOT NULL, "until_at" TIMESTAMP, "granted_by" VARCHAR(200) NOT NULL, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("company_id") REFERENCES "company" ("id") ON DELETE RESTRICT, FOREIGN KEY ("access_type_id") REFERENCES "access_type" ("id") ON DELETE RESTRICT);
CREATE TABLE "invitation" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "company_id" INTEGER NOT NULL, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "access_type_id" INTEGER NOT NULL, "invited_through_id" INTEGER, "staff_id" INTEGER, "digest" VARCHAR(64) NOT NULL, "invited_at" TIMESTAMP NOT NULL, "expires_at" TIMESTAMP NOT NULL, "taken_at" TIMESTAMP, "representative_id" INTEGER, "ended_at" TIMESTAMP, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("company_id") REFERENCES "company" ("id") ON DELETE RESTRICT, FOREIGN KEY ("access_type_id") REFERENCES "access_type" ("id") ON DELETE RESTRICT, FOREIGN KEY ("invited_through_id") REFERENCES "representative" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("representative_id") REFERENCES "representative" ("id") ON DELETE CASCADE, CHECK ((invited_through_id IS NULL) <> (staff_id IS NULL)), CHECK (taken_at IS NULL OR ended_at IS NULL));
CREATE TABLE "head" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "company_id" INTEGER NOT NULL, "code_digest" VARCHAR(64) NOT NULL, "code_sealed" VARCHAR(300) NOT NULL, "first_name" VARCHAR(100) NOT NULL, "last_name" VARCHAR(100) NOT NULL, "since_on" DATE, "source" VARCHAR(10) NOT NULL, "document" VARCHAR(200) NOT NULL, "staff_id" INTEGER, "seen_at" TIMESTAMP NOT NULL, "ended_at" TIMESTAMP, "representative_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("company_id") REFERENCES "company" ("id") ON DELETE RESTRICT, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, FOREIGN KEY ("representative_id") REFERENCES "representative" ("id") ON DELETE SET NULL, CHECK ((source = 'staff') = (staff_id IS NOT NULL)));
CREATE TABLE "identity" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "method" VARCHAR(40) NOT NULL, "scheme" VARCHAR(3) NOT NULL, "code_digest" VARCHAR(64) NOT NULL, "code_sealed" VARCHAR(300) NOT NULL, "country" VARCHAR(2) NOT NULL, "first_name" VARCHAR(100) NOT NULL, "last_name" VARCHAR(100) NOT NULL, "born_on" DATE, "born_from" VARCHAR(12) NOT NULL, "level" VARCHAR(4) NOT NULL, "document" VARCHAR(200) NOT NULL, "evidence_sealed" TEXT NOT NULL, "staff_id" INTEGER, "confirmed_at" TIMESTAMP NOT NULL, "last_used_at" TIMESTAMP NOT NULL, "last_method" VARCHAR(40) NOT NULL, "ended_at" TIMESTAMP, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT, CHECK ((scheme = 'PNO' AND code_sealed <> '') OR scheme = 'SUB'));
CREATE TABLE "identity_flow" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER, "purpose" VARCHAR(10) NOT NULL, "method" VARCHAR(40) NOT NULL, "digest" VARCHAR(64) NOT NULL, "callback_digest" VARCHAR(64), "state_sealed" TEXT NOT NULL, "facts" TEXT NOT NULL, "person_sealed" TEXT NOT NULL, "began_at" TIMESTAMP NOT NULL, "expires_at" TIMESTAMP NOT NULL, "outcome" VARCHAR(12) NOT NULL, "used_at" TIMESTAMP, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE)
"""

INDEXES = """
ALTER TABLE "contract" ADD COLUMN "company_id" INTEGER REFERENCES "company" ("id") ON DELETE RESTRICT;
ALTER TABLE "membership" ADD COLUMN "through_id" INTEGER REFERENCES "representative" ("id") ON DELETE CASCADE;
CREATE UNIQUE INDEX "company_public_id" ON "company" ("public_id");
CREATE INDEX "company_belongs_to_id" ON "company" ("belongs_to_id");
CREATE UNIQUE INDEX "company_organisation_id_code" ON "company" ("organisation_id", "code");
CREATE UNIQUE INDEX "company_organisation_id_person_digest" ON "company" ("organisation_id", "person_digest");
CREATE INDEX "company_organisation_id_sort_key_id" ON "company" ("organisation_id", "sort_key", "id");
CREATE INDEX "company_sort_key_id" ON "company" ("sort_key", "id");
CREATE INDEX "company_heads_read_at_id" ON "company" ("heads_read_at", "id");
CREATE UNIQUE INDEX "representative_public_id" ON "representative" ("public_id");
CREATE INDEX "representative_account_id" ON "representative" ("account_id");
CREATE INDEX "representative_company_id" ON "representative" ("company_id");
CREATE INDEX "representative_organisation_id_since_at_id" ON "representative" ("organisation_id", "since_at", "id");
CREATE INDEX "representative_since_at_id" ON "representative" ("since_at", "id");
CREATE UNIQUE INDEX "representative_live" ON "representative" ("account_id", "company_id") WHERE ("until_at" IS NULL);
CREATE UNIQUE INDEX "invitation_public_id" ON "invitation" ("public_id");
CREATE INDEX "invitation_company_id" ON "invitation" ("company_id");
CREATE INDEX "invitation_invited_through_id" ON "invitation" ("invited_through_id");
CREATE UNIQUE INDEX "invitation_digest" ON "invitation" ("digest");
CREATE INDEX "invitation_representative_id" ON "invitation" ("representative_id");
CREATE INDEX "invitation_organisation_id_invited_at_id" ON "invitation" ("organisation_id", "invited_at", "id");
CREATE INDEX "invitation_invited_at_id" ON "invitation" ("invited_at", "id");
CREATE INDEX "invitation_email_key_organisation_id" ON "invitation" ("email_key", "organisation_id");
CREATE UNIQUE INDEX "invitation_live" ON "invitation" ("company_id", "email_key") WHERE (("taken_at" IS NULL) AND ("ended_at" IS NULL));
CREATE UNIQUE INDEX "head_public_id" ON "head" ("public_id");
CREATE INDEX "head_company_id" ON "head" ("company_id");
CREATE INDEX "head_representative_id" ON "head" ("representative_id");
CREATE INDEX "head_organisation_id_seen_at_id" ON "head" ("organisation_id", "seen_at", "id");
CREATE INDEX "head_seen_at_id" ON "head" ("seen_at", "id");
CREATE INDEX "head_code_digest_organisation_id" ON "head" ("code_digest", "organisation_id");
CREATE UNIQUE INDEX "head_live" ON "head" ("company_id", "code_digest") WHERE ("ended_at" IS NULL);
CREATE UNIQUE INDEX "identity_public_id" ON "identity" ("public_id");
CREATE INDEX "identity_account_id" ON "identity" ("account_id");
CREATE INDEX "identity_organisation_id_confirmed_at_id" ON "identity" ("organisation_id", "confirmed_at", "id");
CREATE INDEX "identity_confirmed_at_id" ON "identity" ("confirmed_at", "id");
CREATE UNIQUE INDEX "identity_live" ON "identity" ("organisation_id", "code_digest") WHERE ("ended_at" IS NULL);
CREATE UNIQUE INDEX "identity_person" ON "identity" ("account_id") WHERE (("ended_at" IS NULL) AND ("scheme" = 'PNO'));
CREATE UNIQUE INDEX "identity_flow_public_id" ON "identity_flow" ("public_id");
CREATE INDEX "identity_flow_account_id" ON "identity_flow" ("account_id");
CREATE UNIQUE INDEX "identity_flow_digest" ON "identity_flow" ("digest");
CREATE UNIQUE INDEX "identity_flow_callback_digest" ON "identity_flow" ("callback_digest");
CREATE INDEX "identity_flow_expires_at" ON "identity_flow" ("expires_at");
CREATE INDEX "contract_company_id" ON "contract" ("company_id");
CREATE INDEX "membership_through_id" ON "membership" ("through_id")
"""

OF_HEADS = [
    "company.change_contacts", "company.view", "contract.detach", "contract.view", "invoice.view", "meter.view", "reading.declare",
    "representative.change", "representative.view",
]  # fmt: skip


def up(migrator: Any, db: Any) -> None:
    sqlite = type(db).__name__.startswith("Sqlite")
    for statement in (SQLITE if sqlite else POSTGRESQL).split(";\n") + INDEXES.split(";\n"):
        db.execute_sql(statement)
    mark = "?" if sqlite else "%s"
    for kind, deeds in db.execute_sql('SELECT "id", "deeds" FROM "access_type" WHERE "name" = \'authorised_person\'').fetchall():
        of_a_company = [deed for deed in OF_HEADS if deed.startswith(("company.", "representative."))]
        now_too = json.dumps(sorted({*json.loads(deeds), *of_a_company}), separators=(",", ":"))
        db.execute_sql(f'UPDATE "access_type" SET "deeds" = {mark} WHERE "id" = {mark}', (now_too, kind))  # noqa: S608
    for (organisation,) in db.execute_sql('SELECT "id" FROM "organisation"').fetchall():
        new_id = str(uuid.uuid4()) if not sqlite else uuid.uuid4().hex
        row = (new_id, organisation, "company_head", json.dumps(OF_HEADS, separators=(",", ":")), 2)
        marks = ", ".join(mark for _ in row)
        columns = '"public_id", "organisation_id", "name", "deeds", "position"'
        db.execute_sql(f'INSERT INTO "access_type" ({columns}) VALUES ({marks})', row)  # noqa: S608
