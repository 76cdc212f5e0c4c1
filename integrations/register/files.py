"""Files that somebody fetched from the register and put into the organisation's folder: extracts as XML, tables of heads as CSV, and the
open data of registered entities (JAR_IREGISTRUOTI.csv), which know names and legal status alone.

What a later file says of a company's heads, or of its name, stands in the place of what an earlier one said; later is who was written
later, and of two of one moment whose name comes later. A file of which any line cannot be read says nothing at all.
"""

import csv
import logging
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from stdnum.lt import asmens

from integrations.register import extract
from integrations.register.entries import Entry, Head, Unavailable, Unread

log = logging.getLogger(__name__)

MOST_BYTES = 200_000_000  # the open data of all of Lithuania is some sixty million
# What the columns of a table of heads may be called.
COLUMNS = {
    "company_code": "company", "imones_kodas": "company", "ja_kodas": "company",
    "personal_code": "code", "asmens_kodas": "code",
    "country": "country", "salis": "country",
    "first_name": "first_name", "vardas": "first_name",
    "last_name": "last_name", "pavarde": "last_name",
    "since": "since", "nuo": "since",
    "until": "until", "iki": "until",
}  # fmt: skip
OPEN_DATA = ("ja_kodas", "ja_pavadinimas", "stat_kodas", "stat_pavadinimas")


class Files:
    """The files of a folder, or those at `paths`."""

    source = "file"

    def __init__(self, folder: Path, head_types: Collection[str], paths: Sequence[Path] | None = None) -> None:
        self.folder, self.head_types, self.paths = folder, head_types, paths

    def entries(self, codes: Sequence[str]) -> Iterator[Entry | Unread]:
        """What the files say of these companies. Raises Unavailable where one of them says nothing that could be relied on."""
        wanted, found = set(codes), dict[str, Entry]()
        for path in self._files():
            try:
                for entry in _read(path, self.head_types, wanted):
                    found[entry.code] = _over(entry, found.get(entry.code))
            except (extract.Unreadable, OSError, UnicodeDecodeError, csv.Error) as error:
                raise Unavailable(f"{path.name}: {error}") from error
        yield from (found[code] for code in codes if code in found)

    def _files(self) -> list[Path]:
        """As the billing feeds read theirs: no hidden files, and no links, which could lead to others' files."""
        named = self.paths if self.paths is not None else self.folder.iterdir() if self.folder.is_dir() else ()
        files = [path for path in named if not path.name.startswith(".") and path.is_file() and not path.is_symlink()]
        return sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _over(entry: Entry, earlier: Entry | None) -> Entry:
    if earlier is None:
        return entry
    return replace(
        entry,
        name=entry.name or earlier.name,
        heads=earlier.heads if entry.heads is None else entry.heads,
        status=earlier.status if entry.status is None else entry.status,
    )


def _read(path: Path, head_types: Collection[str], wanted: Collection[str]) -> list[Entry]:
    if path.stat().st_size > MOST_BYTES:
        raise extract.Unreadable("too large")
    if path.suffix.lower() == ".xml":
        return [entry for entry in extract.entries(path.read_bytes(), head_types) if entry.code in wanted]
    if path.suffix.lower() != ".csv":
        raise extract.Unreadable("neither .xml nor .csv")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        first = lines.readline().strip()
        delimiter = next((sign for sign in "|;\t," if sign in first), ";")
        # The open data are not quoted: names there hold quotation marks as they are.
        header = [name.strip().lower() for name in first.split(delimiter)]
        rows = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "|" else csv.QUOTE_MINIMAL, strict=True)
        if set(OPEN_DATA) <= set(header):
            return list(_open_data(header, rows, wanted))
        return list(_heads(header, rows, wanted))


def _rows(header: list[str], rows: Iterator[list[str]]) -> Iterator[dict[str, str]]:
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise extract.Unreadable(f"row {number} has {len(row)} cells, not {len(header)}")
        yield {name: cell.strip() for name, cell in zip(header, row, strict=True)} | {"#": str(number)}


def _open_data(header: list[str], rows: Iterator[list[str]], wanted: Collection[str]) -> Iterator[Entry]:
    for row in _rows(header, rows):
        if row["ja_kodas"] in wanted:
            yield Entry(row["ja_kodas"], row["ja_pavadinimas"][:200], status=row["stat_pavadinimas"] if row["stat_kodas"] != "0" else "")


def _heads(header: list[str], rows: Iterator[list[str]], wanted: Collection[str]) -> Iterator[Entry]:
    """One head a row; a company whose personal code is empty has none. All that a file says of a company belongs together."""
    names = [COLUMNS.get(name, name) for name in header]
    if not {"company", "code", "first_name", "last_name"} <= set(names):
        raise extract.Unreadable("the first row must name the columns company_code, personal_code, first_name and last_name")
    heads: dict[str, list[Head]] = {}
    for row in _rows(names, rows):
        mine = heads.setdefault(row["company"], [])
        if row["code"]:
            mine.append(_head(row))
    yield from (Entry(code, heads=tuple(mine)) for code, mine in heads.items() if code in wanted)


def _head(row: dict[str, str]) -> Head:
    country, code = row.get("country", "").upper() or "LT", row["code"].replace(" ", "")
    if not re.fullmatch("[A-Z]{2}", country) or (country == "LT" and not asmens.is_valid(code)):
        raise extract.Unreadable(f"row {row['#']}: not a personal code")
    return Head(
        code, row["first_name"][:100], row["last_name"][:100], country, _day(row, "since"), _day(row, "until")
    )  # fmt: skip


def _day(row: dict[str, str], name: str) -> date | None:
    text = row.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise extract.Unreadable(f"row {row['#']}: {name} is no day") from None
