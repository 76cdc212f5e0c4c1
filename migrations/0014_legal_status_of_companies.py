"""What the register says of a company's legal status, such as liquidation."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    db.execute_sql('ALTER TABLE "company" ADD COLUMN "legal_status" VARCHAR(120) NOT NULL DEFAULT \'\'')
