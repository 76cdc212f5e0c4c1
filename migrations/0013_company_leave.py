"""Whoever represents a company, and does not head it, may give up their place there."""

import json
from typing import Any


def up(migrator: Any, db: Any) -> None:
    mark = "?" if type(db).__name__.startswith("Sqlite") else "%s"
    kinds = db.execute_sql('SELECT "id", "deeds" FROM "access_type" WHERE "name" IN (\'authorised_person\', \'user\')').fetchall()
    for kind, deeds in kinds:
        now_too = json.dumps(sorted({*json.loads(deeds), "company.leave"}), separators=(",", ":"))
        db.execute_sql(f'UPDATE "access_type" SET "deeds" = {mark} WHERE "id" = {mark}', (now_too, kind))  # noqa: S608
