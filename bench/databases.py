"""A database of each engine for one measurement, with tables and as careful as in production; gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

import models
from config import ROOT
from tests import postgres

AS_IN_PRODUCTION = ("listen_addresses=", "shared_buffers=512MB", "max_wal_size=4GB")


@contextmanager
def several(engine: str, count: int) -> Iterator[list[str]]:
    """URLs of so many migrated, empty databases on one server or in one folder."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(prefix="savitarna-bench-") as folder:
            yield [_migrated(f"sqlite:///{Path(folder) / str(number)}.db") for number in range(count)]
    else:
        with postgres.server(AS_IN_PRODUCTION) as server:
            made = [postgres.create_database(server) for _ in range(count)]
            try:
                yield [_migrated(url) for url in made]
            finally:
                models.database.close_all()
                for url in made:
                    postgres.drop_database(url)


def _migrated(url: str) -> str:
    opened = models.open_database(url)
    with opened.connection_context():
        Runner(opened, str(ROOT / "migrations")).up()
    return url
