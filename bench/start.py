"""How long each site takes to be made in a fresh process and how much memory it then holds, beside a plain Flask application (G13)."""

import statistics
import subprocess
import sys
from dataclasses import dataclass

from config import ROOT

ROUNDS = 7
MOST_MB = 70

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
before = time.perf_counter()
{code}
took = time.perf_counter() - before
try:
    held = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024
except OSError:  # not Linux: the most it ever held
    import resource
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 ** 2
print(took, held)
"""


@dataclass(frozen=True)
class Start:
    """Medians: milliseconds to import and make the application, megabytes held then."""

    ms: float
    mb: float


def measure() -> dict[str, Start]:
    """Each application in turn in a process of its own, and again."""
    data = str(ROOT / "var" / "bench")
    programs = {"plain": PLAIN, **{site: SITE.format(site=site, data=data) for site in ("customer", "backoffice")}}
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, code in programs.items():
            command = [sys.executable, "-c", AROUND.format(code=code)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            seconds, megabytes = map(float, done.stdout.split()[-2:])
            runs[name].append((seconds * 1000, megabytes))
    return {name: Start(*(statistics.median(column) for column in zip(*took, strict=True))) for name, took in runs.items()}


def run() -> bool:
    """Print the ratios; nothing here fails the run: a start is once a deployment."""
    print(f"Making an application in a fresh process, {ROUNDS} times in turn; peer: plain Flask with Flask-Login, Flask-WTF and peewee")
    starts = measure()
    plain = starts["plain"]
    for name in ("customer", "backoffice"):
        start = starts[name]
        print(
            f"  {name:<12}{start.ms / plain.ms:5.2f} x the peer's time (aim 2.0), "
            f"{start.mb / plain.mb:.2f} x its memory ({start.mb:.0f} MB, aim {MOST_MB})"
        )
    return True
