"""Faults: what must hold when processes are killed and people race. `make faults` runs them at full numbers (FAULTS=full).

Each run prints its seed; FAULTS_SEED=<number> runs it again with the same moments.
"""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import models
import tasks
from config import ROOT, load
from rules import checks
from tests.product import Product, installed
from tests.servers import postgresql

FULL = os.environ.get("FAULTS") == "full"


def roll() -> random.Random:
    """The dice of one test."""
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"FAULTS_SEED={seed}")
    return random.Random(seed)


@contextmanager
def the_database_of(product: Product) -> Iterator[None]:
    """This process's own look into an install's database."""
    opened = models.open_database(load(product.environ).database_url)
    try:
        with opened.connection_context():
            yield
    finally:
        if hasattr(opened, "close_all"):
            opened.close_all()


@contextmanager
def installed_on(engine: str, data: Path, **options: Any) -> Iterator[Product]:
    """An install over SQLite, or over a PostgreSQL server of its own, with its queue beside its database."""
    with ExitStack() as ends:
        if engine == "postgresql":
            options["DATABASE_URL"] = ends.enter_context(postgresql()).url
        yield ends.enter_context(installed(data, **options))


def check(product: Product) -> None:
    """`flask portal check`, without a process of its own that must start first."""
    with the_database_of(product):
        assert list(checks.broken(load(product.environ).key("event_key"), ROOT / "migrations")) == []


def ring(product: Product, times: int = 1, job: Any = tasks.send_mail) -> None:
    """What the product's bell says, so often: a killed worker forgets the one it was following."""
    queue = tasks.create_queue(load(product.environ))
    queue._registry = tasks.huey._registry
    for _ in range(times):
        queue.enqueue(job.s())
    queue.storage.close()
