"""What leaves as a file: names that every system takes, tables that no spreadsheet runs, archives that are never whole in memory."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from flask import Response

import i18n


def file(content: bytes, name: str, kind: str) -> Response:
    """A file that the browser saves and never runs. `name` is made by `formats.file_name`."""
    return Response(content, mimetype=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def archive(documents: Iterable[tuple[str, date, bytes]], name: str) -> Response:
    """A ZIP archive of documents (name, day, content) that is sent as it is made: one document at a time is in memory, none on disk."""
    return Response(_zipped(documents), mimetype="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _zipped(documents: Iterable[tuple[str, date, bytes]]) -> Iterator[bytes]:
    pipe, taken = _Pipe(), set()
    with zipfile.ZipFile(pipe, "w") as whole:
        for name, day, content in documents:
            stem, dot, ending = name.rpartition(".")
            number = 1
            while name in taken:  # two providers may use one number
                number += 1
                name = f"{stem}-{number}{dot}{ending}"
            taken.add(name)
            # The day instead of the moment, so that the same bills give the same archive. PDFs are compressed already.
            whole.writestr(zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0)), content)
            yield pipe.taken()
    yield pipe.taken()


class _Pipe(io.RawIOBase):
    """Where the archive is written to and taken from: it cannot seek, so what is written stays as it is."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, some: bytes) -> int:  # type: ignore[override]
        self.waiting += some
        return len(some)

    def taken(self) -> bytes:
        some, self.waiting = bytes(self.waiting), bytearray()
        return some


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """Rows as a spreadsheet opens them: with semicolons, as Lithuanian ones expect. Text is made `formats.harmless` by who gives it."""
    written = io.StringIO()
    sheet = csv.writer(written, delimiter=";", lineterminator="\r\n")
    sheet.writerow(headings)
    sheet.writerows(rows)
    return written.getvalue().encode("utf-8-sig")


def decimal(value: int | None, places: int) -> str:
    """A whole number of hundredths, thousandths or millionths as a decimal one, as the reader's language writes it."""
    if value is None:
        return ""
    text = f"{Decimal(value).scaleb(-places):f}"
    return text.replace(".", ",") if i18n.language() == "lt" else text
