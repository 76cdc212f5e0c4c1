"""An install with as many accounts as asked for, made once and kept under var/bench for the next run."""

import hashlib
import random
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from playhouse.migrations import Runner

import models
from config import ROOT

KEPT = ROOT / "var" / "bench"
ORGANISATIONS = 5
FIRST = (  # noqa: SIM905
    "Ąžuolas Birutė Česlovas Dalia Eglė Gabija Giedrė Ieva Jonas Jūratė Justinas Kęstutis Laima Linas Lukas Mindaugas Monika "
    "Nojus Ona Petras Rasa Rūta Saulė Simas Šarūnas Tomas Ugnė Urtė Vaiva Viltė Vytautas Živilė Žygimantas Aistė Algirdas Audrius"
).split()
STEMS = (  # noqa: SIM905
    "Adom Aleks Balč Bern Butk Čepul Dambr Daukš Elzberg Gail Gintal Grigal Janul Jokub Juozapait Kalin Kaval Kazlausk Kubil Lauryn "
    "Mačiul Matul Mikal Mockev Morkūn Navick Norkūn Paulausk Petrait Pocev Ramanausk Rimk Sabalausk Savick Simonait Stankev Šimk "
    "Tamulev Urbonav Vaičiūn Vaitkev Valanč Venckūn Žemait Žilinsk Žukausk"
).split()
ENDINGS = ("as", "is", "ius", "ienė", "aitė", "ytė")
PASSWORD = "$argon2id$v=19$m=19456,t=2,p=1$c2F2aXRhcm5hLWJlbmNo$" + "A" * 43  # as long as a real one, and nobody's
START = datetime(2021, 1, 1)  # noqa: DTZ001 - written as the column keeps it
COLUMNS = (
    "id", "public_id", "organisation_id", "email", "email_key", "email_confirmed_at", "person_type", "name", "phone", "language",
    "password_hash", "created_at", "locked_until", "search_key", "sort_key", "version",
)  # fmt: skip


def with_accounts(count: int) -> Path:
    """A migrated SQLite database with five organisations and `count` accounts, the same ones every time."""
    made_by = hashlib.sha256(b"".join(path.read_bytes() for path in [*sorted(ROOT.glob("migrations/*.py")), Path(__file__)]))
    path = KEPT / f"accounts-{count}-{made_by.hexdigest()[:12]}.db"
    if path.exists():
        return path
    for old in KEPT.glob(f"accounts-{count}-*"):
        old.unlink()
    KEPT.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    _migrate(draft)
    connection = sqlite3.connect(draft)
    with connection:
        _fill(connection, count)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    shutil.move(draft, path)
    return path


def _migrate(path: Path) -> None:
    opened = models.open_database(f"sqlite:///{path}")
    with opened.connection_context():
        Runner(opened, str(ROOT / "migrations")).up()
        for number in range(1, ORGANISATIONS + 1):
            models.Organisation.create(slug=f"provider-{number}", name=f"Tiekėjas {number}")


def _fill(connection: sqlite3.Connection, count: int) -> None:
    """Insert without indexes, then build them: much quicker than keeping them in order row by row."""
    indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'account' AND sql IS NOT NULL")
    kept = indexes.fetchall()
    for name, _ in kept:
        connection.execute(f'DROP INDEX "{name}"')
    marks = ", ".join("?" * len(COLUMNS))
    connection.executemany(f"INSERT INTO account ({', '.join(COLUMNS)}) VALUES ({marks})", _rows(count))
    for _, sql in kept:
        connection.execute(sql)


def _rows(count: int) -> Iterator[tuple[object, ...]]:
    dice = random.Random(20261121)
    for number in range(1, count + 1):
        name = f"{dice.choice(FIRST)} {dice.choice(STEMS)}{dice.choice(ENDINGS)}"
        sort_key, folded = _keys(name)
        email, phone = f"{folded.replace(' ', '.')}.{number}@example.lt", f"+3706{number:07}"
        created = START + timedelta(seconds=dice.randrange(5 * 365 * 86400))
        locked = datetime(2099, 1, 1) if dice.random() < 0.0005 else None  # noqa: DTZ001
        yield (
            number, uuid.UUID(int=dice.getrandbits(128)).hex, 1 + number % ORGANISATIONS, email, email, str(created), "natural", name,
            phone, "lt", PASSWORD, str(created), str(locked) if locked else None, f"{folded} {email} {phone}", sort_key, 0,
        )  # fmt: skip


@cache
def _keys(name: str) -> tuple[str, str]:
    return models.sort_key(name), models.fold(name)
