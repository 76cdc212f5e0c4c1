"""Whether every filter and order that the lists offer has an index behind it (G6): the test that asks the database for its plans."""

import os
import subprocess
import sys
from collections.abc import Iterator

from bench.goals import Figure
from config import ROOT

TEST = "tests/backoffice/test_queries.py::test_every_filter_with_every_order_has_its_index"


def run(engine: str) -> Iterator[Figure]:
    """The test on one database; what it found is printed where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", TEST, "-k", engine], cwd=ROOT, env=os.environ | {"CI": "true"}, capture_output=True, text=True
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    if done.returncode:
        print(done.stdout)
    yield Figure("G6", "failed tests of every filter with every order", engine, "10,000", (done.returncode,), 0, False, "")
