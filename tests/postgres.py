"""PostgreSQL for tests: a temporary server of this process's own, or the one that TEST_DATABASE_URL names.

The temporary server speaks through a socket in its own directory only, keeps nothing, and ends with the tests, however they end.
"""

import ctypes
import functools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

TO_RUN_IT = "PostgreSQL is missing: run `apt install postgresql`, or set TEST_DATABASE_URL=postgresql://user:password@host/postgres."
ONLY_FOR_TESTS = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "max_connections=50"]
STARTS_WITHIN_SECONDS = 30
# A socket's path holds 107 bytes: macOS's own directory is too long. On a disk of memory, as conftest.py chooses it, all goes faster.
SHORT = tempfile.gettempdir() if tempfile.gettempdir() == "/dev/shm" else "/tmp"


def missing() -> str | None:
    """The one line that would make tests on PostgreSQL run, or None where they can."""
    return None if os.environ.get("TEST_DATABASE_URL") or _programs() else TO_RUN_IT


@contextmanager
def template_database(fill: Callable[[str], None]) -> Iterator[str]:
    """A database for `copy_database` to copy, filled by `fill(url)`, which must close its connections.

    Skips the test that asks where PostgreSQL is missing, and fails it under CI=true: there nothing may be left out.
    """
    reason = missing()
    if reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with server() as url:
        template = create_database(url)
        try:
            fill(template)
            yield template
        finally:
            drop_database(template)
            _connection.cache_clear()


def copy_database(template: str) -> tuple[str, Callable[[], None]]:
    """A copy of the template: its URL, and what drops it."""
    quickly = "STRATEGY file_copy" if _connection(_place(template)).info.server_version >= 150000 else ""
    url = create_database(template, f"TEMPLATE {_name(template)} {quickly}")
    return url, functools.partial(drop_database, url)


FREE: dict[str, list[str]] = {}  # databases that the tests before have left as the template is, by template
# What a test that only writes rows does not change. The newest table with statistics of many rows would have others planned for.
SHAPE = """
    SELECT (SELECT COUNT(*) || '.' || MAX(oid::bigint) FROM pg_class), (SELECT COUNT(*) FROM pg_attribute), (SELECT COUNT(*) FROM pg_proc),
      (SELECT COUNT(*) || '.' || MAX(oid::bigint) FROM pg_trigger), (SELECT COUNT(*) || '.' || MAX(oid::bigint) FROM pg_constraint),
      (SELECT COUNT(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND reltuples > 1000)
"""
SHAPES: dict[str, tuple[Any, ...]] = {}


def own_database(template: str) -> tuple[str, Callable[[], None]]:
    """A database like the template for one test: its URL, and what gives it back. To empty the one of the test before takes a tenth
    of the time that a new copy takes; where that test has changed more than rows, there is a new copy."""
    free = FREE.setdefault(template, [])
    if free:
        url = free.pop()
    else:
        url, _ = copy_database(template)
        with psycopg.connect(url, autocommit=True) as connection:
            SHAPES[url] = _shape(connection)

    def give_back() -> None:
        try:
            if _emptied(url):
                free.append(url)
                return
        except psycopg.Error:
            pass  # somebody still works in it, or we may not: a new copy it is
        drop_database(url)

    return url, give_back


def _shape(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    """What `SHAPE` asks, and which migrations are written down as done."""
    has_history = connection.execute("SELECT to_regclass('schema_migration') IS NOT NULL").fetchone()
    names = connection.execute("SELECT name FROM schema_migration ORDER BY name").fetchall() if has_history == (True,) else []
    return (*(connection.execute(SHAPE).fetchone() or ()), *names)


def _emptied(url: str) -> bool:
    """Take all rows out of a database and begin its numbers anew; whether it is as the template was."""
    with psycopg.connect(url, autocommit=True) as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(others)
        if _shape(connection) != SHAPES[url]:
            return False
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migration'")
        deletes = "; ".join(f'DELETE FROM "{name}"' for (name,) in tables)
        sequences = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'").fetchall()
        # Events and seals are kept by triggers, and rows by those that name them: for a moment nobody is asked.
        connection.execute(f"SET session_replication_role = replica; SET lock_timeout = '2s'; BEGIN; {deletes}; COMMIT")
        connection.execute("SELECT " + ", ".join(f"setval('\"{name}\"', 1, false)" for (name,) in sequences))
    return True


def drop_database(url: str) -> None:
    """Drop a database, whoever is still connected to it."""
    _connection(_place(url)).execute(f"DROP DATABASE {_name(url)} WITH (FORCE)")


@contextmanager
def server(settings: Sequence[str] = ONLY_FOR_TESTS) -> Iterator[str]:
    """A running server, as the URL of its maintenance database: TEST_DATABASE_URL, or a temporary one (a second to start)."""
    if os.environ.get("TEST_DATABASE_URL"):
        yield os.environ["TEST_DATABASE_URL"]
        return
    programs = _programs()
    assert programs, TO_RUN_IT
    base = Path(tempfile.mkdtemp(prefix="pg-", dir=SHORT))
    who = _somebody()
    if who:
        os.chown(base, who["user"], who["group"])
    options = ["-D", base / "data", "-k", base, *(word for option in settings for word in ("-c", option))]
    process = None
    try:
        initialise = [programs / "initdb", "-D", base / "data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(initialise, cwd=base, check=True, stdout=subprocess.DEVNULL, **who)
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", *options],
                cwd=base,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_tests,
                **who,
            )
        url = f"postgresql://test@/postgres?host={base}"
        _await(process, url, base / "log")
        yield url
    finally:
        if process:
            process.send_signal(signal.SIGINT)  # "fast": it ends its sessions and then itself
            process.wait(timeout=STARTS_WITHIN_SECONDS)
        shutil.rmtree(base, ignore_errors=True)


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)


def _programs() -> Path | None:
    """Where the server's programs are: on the PATH, or where Debian keeps the newest of several versions."""
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(found).parent if found else installed[-1].parent if installed else None


def _somebody() -> dict[str, Any]:
    """For root, someone else to run as: PostgreSQL refuses root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise RuntimeError("Run the tests as someone else than root, or set TEST_DATABASE_URL: PostgreSQL does not run as root.")


def _end_with_tests() -> None:
    """In the server: have the kernel end it when the tests are killed (Linux only)."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def create_database(beside: str, options: str = "") -> str:
    """Create a database on the server of the URL `beside`; returns its URL."""
    name = f"test_{uuid.uuid4().hex}"
    _connection(_place(beside)).execute(f"CREATE DATABASE {name} {options}")
    return _place(beside, name)


def _place(url: str, name: str = "postgres") -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@functools.cache
def _connection(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True)
