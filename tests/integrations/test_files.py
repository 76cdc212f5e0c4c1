"""Stored documents: whole or not there, once, and what their name says."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integrations.files import Damaged, Folder

BILL = b"%PDF-1.7 a bill"
DIGEST = hashlib.sha256(BILL).hexdigest()


def stored(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_document_is_kept_under_the_digest_of_its_content(tmp_path: Path) -> None:
    files = Folder(tmp_path / "files")
    assert files.put(BILL) == DIGEST
    assert files.read(DIGEST) == BILL
    assert files.path(DIGEST) == tmp_path / "files" / DIGEST[:2] / DIGEST


def test_the_same_document_twice_is_one_file_that_is_not_written_again(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    files.put(BILL)
    before = files.path(DIGEST).stat().st_ino
    assert files.put(BILL) == DIGEST
    assert files.path(DIGEST).stat().st_ino == before
    assert stored(tmp_path) == [DIGEST]


def test_many_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as workers:
        assert set(workers.map(Folder(tmp_path).put, [BILL] * 40)) == {DIGEST}
    assert stored(tmp_path) == [DIGEST]


def test_a_damaged_file_is_noticed_and_made_good_when_the_document_comes_again(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    files.put(BILL)
    files.path(DIGEST).write_bytes(BILL[:-1])
    with pytest.raises(Damaged, match=DIGEST):
        files.read(DIGEST)
    files.put(BILL)
    assert files.read(DIGEST) == BILL


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Folder(tmp_path).put(BILL)
    assert stored(tmp_path) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, f"{DIGEST}\n", f"/{DIGEST[1:]}"])
def test_only_a_digest_names_a_document(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256 digest"):
        Folder(tmp_path).path(name)


def test_a_document_that_was_never_stored_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Folder(tmp_path).read(DIGEST)
