"""How long each site takes to be made in a fresh process and how much memory it then holds, beside a plain Flask application (G13)."""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from bench.goals import Figure
from config import ROOT

ROUNDS = 7

# What any site with sign-in, forms and a database has: no page, no table of its own but one.
PLAIN = """
import flask, flask_login, flask_wtf, peewee
site = flask.Flask("plain")
site.secret_key = "x" * 32
flask_login.LoginManager(site)
flask_wtf.CSRFProtect(site)
class Row(peewee.Model):
    name = peewee.CharField()
    class Meta:
        database = peewee.SqliteDatabase(":memory:")
class Form(flask_wtf.FlaskForm):
    pass
"""
SITE = """
from config import load
from {site} import create_app
create_app(load({{"SAVITARNA_DATA_DIR": {data!r}}}))
"""
AROUND = """
import time
before, idle = time.perf_counter(), time.process_time()
{code}
took, worked = time.perf_counter() - before, time.process_time() - idle
try:
    held = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024
except OSError:  # not Linux: the most it ever held
    import resource
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 ** 2
print(took, worked, held)
"""


@dataclass(frozen=True)
class Start:
    """Milliseconds to import and make the application (median, quickest, median of the process's own time), megabytes held then."""

    ms: float
    least: float
    cpu: float
    mb: float


def measure() -> dict[str, Start]:
    """Each application in turn in a process of its own, and again."""
    with tempfile.TemporaryDirectory(prefix="savitarna-bench-") as data:
        programs = {"plain": PLAIN, **{site: SITE.format(site=site, data=data) for site in ("customer", "backoffice")}}
        return {name: _start(took) for name, took in _runs(programs).items()}


def _runs(programs: dict[str, str]) -> dict[str, list[tuple[float, float, float]]]:
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, code in programs.items():
            command = [sys.executable, "-c", AROUND.format(code=code)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            seconds, worked, megabytes = map(float, done.stdout.split()[-3:])
            runs[name].append((seconds * 1000, worked * 1000, megabytes))
    return runs


def _start(took: list[tuple[float, float, float]]) -> Start:
    ms, cpu, mb = (list(column) for column in zip(*took, strict=True))
    return Start(statistics.median(ms), min(ms), statistics.median(cpu), statistics.median(mb))


def run() -> Iterator[Figure]:
    """Each site beside the plain application."""
    starts = measure()
    plain = starts["plain"]
    for name in ("customer", "backoffice"):
        start = starts[name]
        ratios = (start.ms / plain.ms, start.least / plain.least, start.cpu / plain.cpu)
        yield Figure("G13", f"making the {name} site, to plain Flask", "", "", ratios, 2, False)
        yield Figure("G13", f"memory of the {name} site then", "", "", (start.mb,), 70, False, "MB")
