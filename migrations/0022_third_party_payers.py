"""Who pays for a contract that is not theirs; whoever has it may end that."""

# ruff: noqa: E501
import json
from typing import Any

TABLE = """CREATE TABLE "third_party_payer" ("id" {serial} NOT NULL PRIMARY KEY, "public_id" {uuid} NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "name" VARCHAR(40) NOT NULL, "since_at" {moment} NOT NULL, "ended_at" {moment}, "ended_by" VARCHAR(10) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT)"""
SQLITE = {"serial": "INTEGER", "uuid": "TEXT", "moment": "DATETIME"}
POSTGRESQL = {"serial": "SERIAL", "uuid": "UUID", "moment": "TIMESTAMP"}
INDEXES = """
CREATE UNIQUE INDEX "third_party_payer_public_id" ON "third_party_payer" ("public_id");
CREATE INDEX "third_party_payer_organisation_id_since_at_id" ON "third_party_payer" ("organisation_id", "since_at", "id");
CREATE INDEX "third_party_payer_since_at_id" ON "third_party_payer" ("since_at", "id");
CREATE INDEX "third_party_payer_account_id_since_at_id" ON "third_party_payer" ("account_id", "since_at", "id");
CREATE INDEX "third_party_payer_contract_id_since_at_id" ON "third_party_payer" ("contract_id", "since_at", "id");
CREATE UNIQUE INDEX "third_party_payer_live" ON "third_party_payer" ("account_id", "contract_id") WHERE ("ended_at" IS NULL)
"""
MAY_END_IT = "'owner', 'company_head', 'authorised_person'"


def up(migrator: Any, db: Any) -> None:
    sqlite = type(db).__name__.startswith("Sqlite")
    for statement in [TABLE.format(**(SQLITE if sqlite else POSTGRESQL)), *INDEXES.strip().split(";\n")]:
        db.execute_sql(statement)
    mark = "?" if sqlite else "%s"
    for row, deeds in db.execute_sql(f'SELECT "id", "deeds" FROM "access_type" WHERE "name" IN ({MAY_END_IT})').fetchall():  # noqa: S608
        now_too = json.dumps(sorted({*json.loads(deeds), "contract.end_payer"}), separators=(",", ":"))
        db.execute_sql(f'UPDATE "access_type" SET "deeds" = {mark} WHERE "id" = {mark}', (now_too, row))  # noqa: S608
