"""What staff wrote down from a document opens no account before its holder has proven it."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    db.execute_sql('UPDATE "identity" SET "level" = \'desk\' WHERE "method" = \'document\'')
