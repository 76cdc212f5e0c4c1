"""Stored documents: each is a file named by the SHA-256 of its content, in one directory outside the web root.

The name says what the file must hold, so the same document is stored once, two processes may store it at the same moment, and
a file that does not hold what its name says is noticed. A file is there whole or not at all, also after a power cut.
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

DIGEST = re.compile(r"[0-9a-f]{64}")


class Damaged(Exception):
    """A stored file does not hold what its name says. The message is its digest."""


class Store(Protocol):
    """Where documents are kept."""

    def put(self, content: bytes) -> str: ...

    def read(self, digest: str) -> bytes: ...

    def path(self, digest: str) -> Path: ...


class Folder:
    """Documents in a directory, spread over 256 folders by the first two digits of their names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Store a document and return its digest. Storing it again changes nothing; a damaged copy is made good."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if path.is_file() and path.read_bytes() == content:
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        # The names are on the disk too: of the file in its folder, and of a new folder in the one above.
        for folder in (path.parent, self.folder):
            _flush(folder)
        return digest

    def path(self, digest: str) -> Path:
        """Where the document is or would be. Raises ValueError for anything but a digest, such as a path."""
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a SHA-256 digest")
        return self.folder / digest[:2] / digest

    def read(self, digest: str) -> bytes:
        """The document. Raises FileNotFoundError, or Damaged when the file does not hold what its name says."""
        content = self.path(digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise Damaged(digest)
        return content


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- files for one person ---------------------------------------------------------------------------------------------

BEING_WRITTEN = ".new-"
LEFT_BEHIND = timedelta(hours=2)  # longer than anybody writes one


class Downloads:
    """Files that are made for somebody and kept for a while, in a directory that nobody else can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A place to write a file that becomes `name` when it is whole, and is gone when it is not."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=BEING_WRITTEN, dir=self.folder) as made:
            path = Path(made, name)
            yield path
            _flush(path)
            os.replace(path, self.folder / name)
        _flush(self.folder)

    def path(self, name: str) -> Path | None:
        """Where a file lies; None: it does not."""
        path = self.folder / name
        return path if path.is_file() else None

    def keep_only(self, kept: Callable[[], Collection[str]]) -> int:
        """Remove the files that nobody may take any more, and the parts of those whose writers died; returns how many. `kept` is asked
        once the files are listed: one that is made meanwhile is not among them."""
        removed, at = 0, time.time()
        there = list(self.folder.iterdir()) if self.folder.is_dir() else []
        names = kept()
        for path in there:
            if path.is_dir():
                if at - path.stat().st_mtime > LEFT_BEHIND.total_seconds():
                    shutil.rmtree(path, ignore_errors=True)
                    removed += 1
            elif path.name not in names:
                path.unlink(missing_ok=True)
                removed += 1
        return removed
