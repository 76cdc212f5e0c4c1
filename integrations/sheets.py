"""Tables as files that a spreadsheet opens: CSV and XLSX, written row by row in little memory, where no text is ever a formula (N06, T74).

A value is text, a whole number, a `Decimal` (its places are shown as they are), a day, a local moment without its zone, or None.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import formats

Value = str | int | Decimal | date | datetime | None

WIDTHS = {str: 28, date: 12, datetime: 17}


class Sheet(Protocol):
    """A file that is being written: `row` after `row`, whole when the block ends."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def row(self, values: Iterable[Value]) -> None: ...


class Csv:
    """UTF-8 with its mark, so that Excel reads ą. Semicolons and a decimal comma for Lithuanian, commas and a point for English: what
    the reader's Excel expects on opening the file. Text never is a formula; figures and days stay what they are."""

    def __init__(self, path: Path, heads: Sequence[str], kinds: Sequence[type], language: str) -> None:
        self.comma = "," if language == "lt" else "."
        self.file = path.open("w", encoding="utf-8-sig", newline="")
        self.rows = csv.writer(self.file, delimiter=";" if language == "lt" else ",")
        self.row(heads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def row(self, values: Iterable[Value]) -> None:
        self.rows.writerow([self._text(value) for value in values])

    def _text(self, value: Value) -> str:
        if value is None:
            return ""
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M}"
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return f"{value:f}".replace(".", self.comma)
        return str(value) if isinstance(value, int) else formats.harmless(value)


class Xlsx:
    """One sheet with its headings held in place. Text is text, figures are numbers, days are days; Excel shows them in its own language."""

    def __init__(self, path: Path, heads: Sequence[str], kinds: Sequence[type], language: str) -> None:
        import xlsxwriter  # seldom asked for, and slow to load

        plain = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
        self.book = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": str(path.parent), **plain})
        self.sheet, self.at = self.book.add_worksheet(), 0
        self.formats: dict[Any, Any] = {date: self._format("yyyy-mm-dd"), datetime: self._format("yyyy-mm-dd hh:mm")}
        for column, kind in enumerate(kinds):
            self.sheet.set_column(column, column, WIDTHS.get(kind, 14))
        self.sheet.freeze_panes(1, 0)
        bold = self.book.add_format({"bold": True})
        for column, head in enumerate(heads):
            self.sheet.write_string(0, column, head, bold)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.book.close()

    def row(self, values: Iterable[Value]) -> None:
        self.at += 1
        for column, value in enumerate(values):
            if isinstance(value, date):
                self.sheet.write_datetime(self.at, column, value, self.formats[type(value)])
            elif isinstance(value, int | Decimal):
                places = -int(value.as_tuple().exponent) if isinstance(value, Decimal) else 0
                self.sheet.write_number(self.at, column, value, self._places(places))
            elif value:
                # A text between <r> and </r> the library would write as markup, as it is.
                is_markup = value.startswith("<r>") and value.endswith("</r>")
                self.sheet.write_string(self.at, column, f"{value} " if is_markup else value)

    def _places(self, places: int) -> Any:
        if places not in self.formats:
            self.formats[places] = self._format("0." + "0" * places if places else "0")
        return self.formats[places]

    def _format(self, pattern: str) -> Any:
        return self.book.add_format({"num_format": pattern})


KINDS: dict[str, type[Csv] | type[Xlsx]] = {"csv": Csv, "xlsx": Xlsx}


def write(kind: str, path: Path, heads: Sequence[str], kinds: Sequence[type], language: str) -> Sheet:
    """A sheet at `path` with these headings; `kinds` are what the columns hold."""
    return KINDS[kind](path, heads, kinds, language)
