"""Backups: the database as it is at one moment, the stored files, and a manifest that says what must be found in them.

One folder holds many backups: `<moment>/` each with its dump, its manifest and the list of its files, and `files/` once for all,
because a stored file is named by its content and never changes. Nothing stands still meanwhile. Files are copied after the
database: each one that a row names was stored before that row, and one that is newer than the dump does no harm.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peewee as pw
from psycopg.conninfo import conninfo_to_dict

from integrations import files
from models import database, now
from rules.refusal import Refused

DUMP, MANIFEST, LIST = {"sqlite": "database.sqlite", "postgresql": "database.dump"}, "manifest.json", "files.txt"
PATIENCE = "10s"  # that long a restore waits for those who still use the database
FORMAT = 1
COUNT = 'SELECT COUNT(*) FROM "{}"'
# Which columns name a stored file: after a restore each of these files must be there.
NAMED_BY = (("invoice", "pdf_digest"),)
CONNECTION = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}


@dataclass(frozen=True)
class Outcome:
    """What a backup or a restore has found: rows, files, and which files rows name that are not there."""

    place: Path
    rows: int
    files: int
    missing: list[str]


def engine() -> str:
    return "sqlite" if isinstance(database.obj, pw.SqliteDatabase) else "postgresql"


# ---- making one -------------------------------------------------------------------------------------------------------


def make(into: Path, url: str, store: Path) -> Outcome:
    """Write a backup of the database at `url` and the files in `store` into the folder `into`. Raises Refused.

    It has its final name when it is whole: what broke off is a folder whose name ends with .unfinished.
    """
    at = now()
    place = into / at.strftime("%Y%m%dT%H%M%SZ")
    draft = place.with_suffix(".unfinished")
    draft.mkdir(parents=True, mode=0o700)
    dump = draft / DUMP[engine()]
    counts = _dump_sqlite(url, dump) if engine() == "sqlite" else _dump_postgresql(url, dump)
    names = _copy_files(store, into / "files")
    (draft / LIST).write_text("".join(f"{name}\n" for name in names))
    manifest = {
        "format": FORMAT,
        "made_at": at.isoformat(),
        "engine": engine(),
        "migrations": _migrations(),
        "rows": counts,
        "dump": {"sha256": _digest_of(dump), "bytes": dump.stat().st_size},
        "files": {"count": len(names), "sha256": _digest_of(draft / LIST)},
    }
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    for path in (*draft.iterdir(), draft):
        _flush(path)
    draft.rename(place)
    _flush(into)
    return Outcome(place, sum(counts.values()), len(names), sorted(_named() - set(names)))


def keep(into: Path, count: int) -> int:
    """Drop all but the newest `count` backups, and the files that none of those left has; returns how many were dropped."""
    whole = sorted(path.parent for path in into.glob(f"*/{MANIFEST}") if not path.parent.name.endswith(".unfinished"))
    for old in whole[:-count]:
        shutil.rmtree(old)
    wanted = {name for path in whole[-count:] for name in (path / LIST).read_text().split()}
    for path in (into / "files").glob("??/*"):
        if path.name not in wanted:
            path.unlink()
    return len(whole[:-count])


def _dump_sqlite(url: str, dump: Path) -> dict[str, int]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source, closing(sqlite3.connect(dump)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = delete")  # one file, whole
        return {name: copy.execute(COUNT.format(name)).fetchone()[0] for name in _tables()}


def _dump_postgresql(url: str, dump: Path) -> dict[str, int]:
    """pg_dump and the counts see the same moment: the snapshot that this transaction holds open."""
    program = _program("pg_dump")
    database.execute_sql("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
    with database.atomic():
        database.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ((snapshot,),) = database.execute_sql("SELECT pg_export_snapshot()").fetchall()
        _run([program, "--format=custom", f"--snapshot={snapshot}", "--no-owner", "--exclude-table=huey_*", f"--file={dump}"], url)
        return {name: database.execute_sql(COUNT.format(name)).fetchone()[0] for name in _tables()}


def _copy_files(store: Path, into: Path) -> list[str]:
    """Copy what is not there yet; the names of all. Raises Refused where a file does not hold what its name says."""
    source, target, names = files.Folder(store), files.Folder(into), []
    for path in sorted(store.glob("??/*")):
        if files.DIGEST.fullmatch(path.name):
            if not target.path(path.name).is_file():
                target.put(_read(source, path.name))
            names.append(path.name)
    return names


def _read(folder: files.Folder, name: str) -> bytes:
    try:
        return folder.read(name)
    except files.Damaged:
        raise Refused("The file {path} does not hold what its name says: take it from an older backup.", path=folder.path(name)) from None
    except FileNotFoundError:
        raise Refused("The file {path} is missing.", path=folder.path(name)) from None


# ---- putting one back -------------------------------------------------------------------------------------------------


def restore(place: Path, url: str, store: Path, *, replace: bool, known: set[str], prepare: Callable[[], None]) -> Outcome:
    """Put the backup in the folder `place` into the database at `url` and the files into `store`. Raises Refused.

    Everything is verified before anything is touched. A database that has tables is only replaced when `replace` says so.
    `known` are the migrations of this program, which must be all that the backup's had; `prepare` makes the queue's tables.
    """
    manifest = _verified(place)
    if manifest["engine"] != engine():
        raise Refused("This backup is of {engine}: name such a database in DATABASE_URL.", engine=manifest["engine"])
    newer = sorted(set(manifest["migrations"]) - known)
    if newer:
        raise Refused("This backup was made by a newer version, with {names}: restore it with that one.", names=", ".join(newer))
    if _tables() and not replace:
        raise Refused("The database is not empty. Stop everything that uses it and add --replace to put the backup in its place.")
    names = (place / LIST).read_text().split()
    source, target = files.Folder(place.parent / "files"), files.Folder(store)
    for name in names:
        content = _read(source, name)
        if not target.path(name).is_file():
            target.put(content)
    dump = place / DUMP[engine()]
    if engine() == "sqlite":
        _load_sqlite(url, dump)
    else:
        _load_postgresql(url, dump)
        prepare()
    found = {name: database.execute_sql(COUNT.format(name)).fetchone()[0] for name in _tables()}
    if found != manifest["rows"]:
        wrong = ", ".join(name for name in {*found, *manifest["rows"]} if found.get(name) != manifest["rows"].get(name))
        raise Refused("What was restored is not what the manifest says: {tables}.", tables=wrong)
    there = {path.name for path in store.glob("??/*")}
    return Outcome(place, sum(found.values()), len(names), sorted(_named() - there))


def _verified(place: Path) -> dict[str, Any]:
    if not (place / MANIFEST).is_file():
        inside = sorted(path.parent.name for path in place.glob(f"*/{MANIFEST}") if not path.parent.name.endswith(".unfinished"))
        raise Refused(
            "{place} is no backup. {there}",
            place=place,
            there=f"In it there is {', '.join(inside)}." if inside else "Name the folder of one.",
        )
    manifest: dict[str, Any] = json.loads((place / MANIFEST).read_text())
    if manifest["format"] != FORMAT:
        raise Refused("This backup is of a form that this version does not know.")
    for path, digest in ((place / DUMP[manifest["engine"]], manifest["dump"]["sha256"]), (place / LIST, manifest["files"]["sha256"])):
        if not path.is_file() or _digest_of(path) != digest:
            raise Refused("{path} is not what the manifest says: the backup is damaged, take an older one.", path=path)
    return manifest


def _load_sqlite(url: str, dump: Path) -> None:
    """Page by page under SQLite's own locks, so that a process that was forgotten sees the old database or the new one."""
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{dump}?mode=ro", uri=True)) as source, closing(sqlite3.connect(path, timeout=30)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = wal")


def _load_postgresql(url: str, dump: Path) -> None:
    """All in one transaction: what cannot be put back whole leaves the database that is there. `pg_restore` alone would not do:
    its own transaction begins after the old tables are gone."""
    reader = [_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(dump)]
    writer = [_program("psql"), "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", f"--dbname={_name(url)}"]
    drops = [f'DROP TABLE "{table}" CASCADE;' for table in database.get_tables()]
    begin = [f"SET lock_timeout = '{PATIENCE}';", "BEGIN;", *drops, "DROP FUNCTION IF EXISTS refuse_change() CASCADE;", ""]
    environ = os.environ | dict(_environment(url))
    with tempfile.TemporaryFile() as said:
        source = subprocess.Popen(reader, stdout=subprocess.PIPE, stderr=said)  # noqa: S603 - found by its name, no shell
        target = subprocess.Popen(writer, stdin=subprocess.PIPE, stderr=said, env=environ)  # noqa: S603
        assert source.stdout
        assert target.stdin
        with suppress(BrokenPipeError), target.stdin as sql:  # it stops at the first mistake, and says which
            sql.write("\n".join(begin).encode())
            shutil.copyfileobj(source.stdout, sql)
            if source.wait() == 0:
                sql.write(b"COMMIT;\n")
        source.stdout.close()
        if target.wait() or source.wait():
            said.seek(0)
            words = " ".join(said.read().decode(errors="replace").split())
            raise Refused("The backup could not be put back, and nothing was changed: {said}", said=words[-500:])


# ---- the machinery ----------------------------------------------------------------------------------------------------


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Refused(
            "{name} is missing here: install the client programs of PostgreSQL, no older than the server (Debian: apt install"
            " postgresql-client).",
            name=name,
        )
    return found


def _run(command: list[str], url: str) -> None:
    """Run a program of PostgreSQL. It gets the password through its environment: a command line is everyone's to read."""
    done = subprocess.run(command, env=os.environ | dict(_environment(url)), capture_output=True, text=True)  # noqa: S603 - found by its name, no shell
    if done.returncode:
        raise Refused("{name} failed: {said}", name=Path(command[0]).name, said=" ".join(done.stderr.split())[-500:])


def _environment(url: str) -> Iterator[tuple[str, str]]:
    for word, value in conninfo_to_dict(url).items():
        if word in CONNECTION and value is not None:
            yield CONNECTION[word], str(value)


def _name(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


def _tables() -> list[str]:
    return sorted(name for name in database.get_tables() if not name.startswith("huey_"))


def _migrations() -> list[str]:
    return [name for (name,) in database.execute_sql("SELECT name FROM schema_migration ORDER BY name").fetchall()]


def _named() -> set[str]:
    """The files that rows name."""
    named: set[str] = set()
    for table, column in NAMED_BY:
        rows = database.execute_sql(f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" <> \'\'')  # noqa: S608 - our own names
        named |= {name for (name,) in rows.fetchall()}
    return named


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
