"""Smart-ID's numbers of documents hold the personal code: they are kept sealed from now on."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    db.execute_sql('UPDATE "identity" SET "document" = \'\' WHERE "level" <> \'desk\'')
