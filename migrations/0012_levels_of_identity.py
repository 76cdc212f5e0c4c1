"""What needs which level of identity: the one switch becomes a level."""

import json
from typing import Any


def up(migrator: Any, db: Any) -> None:
    mark = "?" if type(db).__name__.startswith("Sqlite") else "%s"
    for row, value in db.execute_sql('SELECT "id", "value" FROM "setting" WHERE "name" = \'identity_required\'').fetchall():
        level = json.dumps("strong" if json.loads(value) is True else "none")
        db.execute_sql(
            f'UPDATE "setting" SET "name" = {mark}, "value" = {mark} WHERE "id" = {mark}',  # noqa: S608
            ("identity_for_everything", level, row),
        )
