"""What is still to pay, by day of issue and by due day, of one organisation and of all: staff look there first. No row changes."""

from typing import Any

INDEXES = """
CREATE INDEX "invoice_unpaid" ON "invoice" ("organisation_id", "issued_on", "id") WHERE ("outstanding_cents" > 0);
CREATE INDEX "invoice_due" ON "invoice" ("organisation_id", "due_on", "id") WHERE ("outstanding_cents" > 0);
CREATE INDEX "invoice_unpaid_anywhere" ON "invoice" ("issued_on", "id") WHERE ("outstanding_cents" > 0);
CREATE INDEX "invoice_due_anywhere" ON "invoice" ("due_on", "id") WHERE ("outstanding_cents" > 0)
"""  # both engines spell them alike


def up(migrator: Any, db: Any) -> None:
    for statement in INDEXES.strip().split(";\n"):
        db.execute_sql(statement)
