"""A bill's lines and VAT are asked for by their bill alone: their random keys and the indexes over them go."""

from typing import Any

BOTH = """
DROP INDEX "invoice_line_public_id";
ALTER TABLE "invoice_line" DROP COLUMN "public_id";
DROP INDEX "invoice_vat_public_id";
ALTER TABLE "invoice_vat" DROP COLUMN "public_id";
"""


def up(migrator: Any, db: Any) -> None:
    for statement in BOTH.split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
