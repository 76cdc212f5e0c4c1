"""The keyed digest of the personal code of whoever a contract is of: by that it comes into the account of who has proven to be them."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    db.execute_sql('ALTER TABLE "contract" ADD COLUMN "person_digest" VARCHAR(64)')
    db.execute_sql('CREATE INDEX "contract_organisation_id_person_digest" ON "contract" ("organisation_id", "person_digest")')
