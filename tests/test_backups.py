"""Backups of both databases and the files: made while people work, verified, put back elsewhere, and everything holds (F27)."""

import hashlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

import models
import tasks
from integrations import files
from models import Account, Event, Invoice, Organisation, database
from rules import events, work
from tests import factories, postgres
from tests.test_portal import one_sentence, run


def url_of(db: Any) -> str:
    return db.database if str(db.database).startswith("postgres") else f"sqlite:///{db.database}"


@pytest.fixture
def install(db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An install of which the operator's commands know, with a customer and a bill whose document is stored."""
    config = replace(tasks.config, data_dir=tmp_path / "here", database_url=url_of(db))
    monkeypatch.setattr(tasks, "config", config)
    with work.unit_of_work():
        north = factories.organisation()
        events.record("organisation.loaded", north, by=events.OPERATOR, preset="none")
        bill = factories.invoice(factories.contract(north), "B-1")
        Invoice.update(pdf_digest=files.Folder(config.files_dir).put(b"%PDF of B-1")).where(Invoice.id == bill.id).execute()
    return config


@pytest.fixture
def elsewhere(install: Any, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Move to a new, empty host: no database, no files."""
    drops: list[Callable[[], None]] = []

    def move() -> Any:
        if engine == "sqlite":
            url = f"sqlite:///{tmp_path / 'there' / 'new.db'}"
            (tmp_path / "there").mkdir()
        else:
            url = postgres.create_database(install.database_url)
            drops.append(lambda: postgres.drop_database(url))
        database.close()
        models.open_database(url).connect()
        there = replace(install, data_dir=tmp_path / "there", database_url=url)
        monkeypatch.setattr(tasks, "config", there)
        return there

    yield move
    if drops:
        database.obj.close_all()
    for drop in drops:
        drop()


def backup(folder: Path) -> Path:
    """Make one; where it is."""
    return Path(run("backup", folder).partition(":")[0])


def test_a_backup_made_while_people_work_is_put_back_on_a_new_host_and_everything_holds(
    install: Any, elsewhere: Callable[[], Any], tmp_path: Path
) -> None:
    """F27, T114"""
    stop, made = threading.Event(), []

    def register() -> None:
        with database.connection_context():
            while not stop.is_set():
                with work.unit_of_work():
                    person = factories.account(Organisation.get(), f"anna{len(made)}@example.lt")
                    events.record("account.registered", person, by=person, person_type="natural", consents=[])
                made.append(person.email)

    thread = threading.Thread(target=register)
    thread.start()
    try:
        while len(made) < 5:
            pass
        place = backup(tmp_path / "backups")
        during = len(made)
        while len(made) < during + 5:
            pass
    finally:
        stop.set()
        thread.join()
    later = files.Folder(install.files_dir).put(b"a document that is newer than the backup")
    there = elsewhere()
    said = run("restore", place)
    assert "Everything holds." in said
    print(said)
    assert 5 <= Account.select().count() <= during + 1
    assert Event.select().where(Event.name == "account.registered").count() == Account.select().count()
    assert run("verify-events") == "The chain of events is whole.\n"
    assert files.Folder(there.files_dir).read(Invoice.get().pdf_digest) == b"%PDF of B-1"
    assert not files.Folder(there.files_dir).path(later).exists()


def test_a_file_that_came_after_the_database_was_read_does_no_harm(
    install: Any, elsewhere: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T114"""
    import backups

    copy, came = backups._copy_files, []

    def slowly(store: Path, into: Path) -> list[str]:
        came.append(files.Folder(store).put(b"it came between"))
        return copy(store, into)

    monkeypatch.setattr(backups, "_copy_files", slowly)
    place = backup(tmp_path / "backups")
    there = elsewhere()
    assert "Everything holds." in run("restore", place)
    assert files.Folder(there.files_dir).path(came[0]).exists()


def test_a_file_that_a_row_names_and_that_is_not_there_is_told_at_once_and_at_the_restore(
    install: Any, elsewhere: Callable[[], Any], tmp_path: Path
) -> None:
    """T114"""
    digest = Invoice.get().pdf_digest
    files.Folder(install.files_dir).path(digest).unlink()
    said = run("backup", tmp_path / "backups", code=1)
    assert said.endswith(f"The file {digest} is named by a row and is not there.\n")
    elsewhere()
    assert f"The file {digest} is named by a row" in run("restore", Path(said.partition(":")[0]), code=1)


def test_a_database_that_is_not_empty_is_replaced_only_when_told_to(install: Any, tmp_path: Path) -> None:
    place = backup(tmp_path / "backups")
    Organisation.update(name="changed meanwhile").execute()
    assert one_sentence("restore", place).startswith("The database is not empty.")
    assert Organisation.get().name == "changed meanwhile"
    assert "Everything holds." in run("restore", "--replace", place)
    assert Organisation.get().name != "changed meanwhile"


@pytest.mark.parametrize("what", ["dump", "list", "file", "lost file"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(install: Any, tmp_path: Path, what: str) -> None:
    """T114"""
    place = backup(tmp_path / "backups")
    stored = next((tmp_path / "backups" / "files").glob("??/*"))
    if what == "lost file":
        stored.unlink()
    else:
        damaged = {"dump": next(place.glob("database.*")), "list": place / "files.txt", "file": stored}[what]
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    Organisation.update(name="changed meanwhile").execute()
    said = one_sentence("restore", "--replace", place)
    assert "is not what the manifest says" in said or "does not hold what its name says" in said or "is missing" in said
    assert Organisation.get().name == "changed meanwhile"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_backup_of_a_newer_version_of_another_engine_or_none_at_all_is_refused(install: Any, tmp_path: Path) -> None:
    place = backup(tmp_path / "backups")
    assert one_sentence("restore", tmp_path / "backups") == f"{tmp_path / 'backups'} is no backup. In it there is {place.name}."
    manifest = json.loads((place / "manifest.json").read_text())
    for change, said in (
        ({"migrations": [*manifest["migrations"], "0999_later"]}, "made by a newer version, with 0999_later"),
        ({"format": 2}, "of a form that this version does not know"),
    ):
        (place / "manifest.json").write_text(json.dumps(manifest | change))
        assert said in one_sentence("restore", "--replace", place)
    shutil.copy(place / "database.sqlite", place / "database.dump")
    (place / "manifest.json").write_text(json.dumps(manifest | {"engine": "postgresql"}))
    assert "of postgresql" in one_sentence("restore", "--replace", place)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_several_backups_share_their_files_and_only_the_newest_are_kept(
    install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time_machine

    folder, digests = tmp_path / "backups", []
    for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
        for path in install.files_dir.glob("??/*"):
            if digests:
                path.unlink()
        digests.append(files.Folder(install.files_dir).put(f"the bill of {day}".encode()))
        Invoice.update(pdf_digest=digests[-1]).execute()
        with time_machine.travel(f"{day} 03:00:00+00:00", tick=False):
            said = run("backup", folder, "--keep", 2)
    assert said.endswith("1 older ones were dropped.\n")
    assert sorted(path.name for path in folder.iterdir()) == ["20261102T030000Z", "20261103T030000Z", "files"]
    assert {path.name for path in folder.glob("files/??/*")} == set(digests[1:])
    with sqlite3.connect(folder / "20261103T030000Z" / "database.sqlite") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (folder / "20261103T030000Z").stat().st_mode & 0o077 == 0, "others on this host could read it"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_where_the_programs_of_postgresql_are_missing_it_is_said_what_to_install(
    install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = backup(tmp_path / "backups")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert one_sentence("backup", tmp_path / "backups").startswith("pg_dump is missing here: install the client programs")
    assert one_sentence("restore", "--replace", place).startswith("pg_restore is missing here")
    assert Organisation.select().count() == 1, "the database was emptied before the programs were looked for"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_restore_does_not_wait_for_those_who_still_work(install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import backups

    place = backup(tmp_path / "backups")
    monkeypatch.setattr(backups, "PATIENCE", "100ms")
    with psycopg.connect(install.database_url) as other:
        other.execute('SELECT 1 FROM "organisation" FOR UPDATE')
        assert "lock timeout" in one_sentence("restore", "--replace", place)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_what_cannot_be_put_back_whole_leaves_the_database_that_is_there(install: Any, tmp_path: Path) -> None:
    """T114: the dump ends in the middle, and its manifest agrees with that."""
    place = backup(tmp_path / "backups")
    Organisation.update(name="changed meanwhile").execute()
    dump, manifest = next(place.glob("database.*")), json.loads((place / "manifest.json").read_text())
    dump.write_bytes(dump.read_bytes()[: -dump.stat().st_size // 3])
    manifest["dump"]["sha256"] = hashlib.sha256(dump.read_bytes()).hexdigest()
    (place / "manifest.json").write_text(json.dumps(manifest))
    assert "nothing was changed" in one_sentence("restore", "--replace", place)
    assert Organisation.get().name == "changed meanwhile"
