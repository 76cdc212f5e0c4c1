"""Faults: what must hold when processes are killed and people race. `make faults` runs them at full numbers (FAULTS=full).

Each run prints its seed; FAULTS_SEED=<number> runs it again with the same moments.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import models
from config import load
from tests.product import Product

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
    with opened.connection_context():
        yield
