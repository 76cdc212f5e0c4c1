"""Which hosts do background work, so that it is noticed when none does."""

from typing import Any

SQLITE = """
CREATE TABLE "worker" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "host" VARCHAR(255) NOT NULL, "beat_at" DATETIME NOT NULL);
CREATE UNIQUE INDEX "worker_public_id" ON "worker" ("public_id");
CREATE UNIQUE INDEX "worker_host" ON "worker" ("host");
"""

POSTGRESQL = """
CREATE TABLE "worker" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "host" VARCHAR(255) NOT NULL, "beat_at" TIMESTAMP NOT NULL);
CREATE UNIQUE INDEX "worker_public_id" ON "worker" ("public_id");
CREATE UNIQUE INDEX "worker_host" ON "worker" ("host");
"""


def up(migrator: Any, db: Any) -> None:
    is_sqlite = type(db).__name__.startswith("Sqlite")
    for statement in (SQLITE if is_sqlite else POSTGRESQL).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
