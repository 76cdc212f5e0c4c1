"""`make run` with the product itself: it comes up, answers, ends whole, and goes on with the same data."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import ROOT
from tests.product import free_port
from tests.test_run import World, until

PATIENCE = 60.0  # two whole starts on a machine that runs other tests beside
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="Processes are counted in /proc: run this on Linux.")


class Install:
    """One copy's data, started as often as a test wants."""

    def __init__(self, data: Path) -> None:
        self.world, self.data, self.port = World(data), data, free_port()
        self.url, self.log = f"http://127.0.0.1:{self.port}", data / "log"
        self.world.environ = {k: v for k, v in self.world.environ.items() if not k.startswith("SAVITARNA_") and k != "DATABASE_URL"}
        self.world.environ |= {"SAVITARNA_DATA_DIR": str(data), "SAVITARNA_CHEAP_PASSWORDS": "yes", "PORT": str(self.port)}

    def start(self) -> subprocess.Popen[str]:
        """Start it and wait until it answers."""
        with self.log.open("w") as log:
            process = self.world.start([sys.executable, str(ROOT / "run.py"), "serve"], stdout=log, stderr=log, cwd=ROOT)
        end = time.monotonic() + 2 * PATIENCE
        while "Ctrl-C ends it." not in self.log.read_text():
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)
        until(lambda: len(self.world.find("huey_consumer")) == 4, PATIENCE)  # itself, the scheduler, two workers
        return process

    def get(self, path: str) -> str:
        """What a page answers; until the web server has started, it waits."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def rows(self) -> dict[str, int]:
        """How many rows each table of the people and the trade has."""
        with sqlite3.connect(f"file:{self.data / 'savitarna.db'}?mode=ro", uri=True) as database:
            tables = ("organisation", "account", "staff", "contract", "meter", "invoice", "membership")
            return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    install = Install(tmp_path)
    yield install
    for pid in install.world.processes():
        os.kill(pid, signal.SIGKILL)


def test_one_command_brings_everything_up_and_a_second_start_goes_on(install: Install) -> None:
    process = install.start()
    said = install.log.read_text()
    for address in (f"{install.url}/", f"{install.url}/backoffice/", f"{install.url}/mail/"):
        assert address in said
        assert "<h1" in install.get(address.removeprefix(install.url))
    assert "@example." in install.get("/mail/codes")
    before = install.rows()
    assert all(before.values()), before
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE) == 0
    assert install.world.processes() == {}

    process = install.start()
    assert install.rows() == before
    process.terminate()
    assert process.wait(timeout=PATIENCE) == 0
    assert install.world.processes() == {}


def test_killed_programs_come_back_and_a_killed_supervisor_takes_all_along(install: Install) -> None:
    install.world.environ["SAVITARNA_DEMO"] = "no"
    process = install.start()
    for words, count in (("huey_consumer", 4), ("gunicorn", 3)):
        before = install.world.find(words)
        os.kill(before[0], signal.SIGKILL)
        until(fresh(install, words, before, count), PATIENCE)
    assert install.get("/healthz")
    process.kill()
    process.wait()
    until(lambda: install.world.processes() == {}, PATIENCE)


def fresh(install: Install, words: str, before: list[int], count: int) -> Callable[[], bool]:
    """Whether the program runs whole again and nothing of before is left."""
    return lambda: len(install.world.find(words)) == count and not set(before) & set(install.world.processes())
