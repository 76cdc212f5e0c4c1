"""The csv feed: contracts, meters, bills and readings as tables, told apart by their header rows.

One row is one line of the file, so a quote left open spoils one row and no more. A file is read twice, once to decide its
encoding and once to read it, a line at a time; the columns are declared below, their meaning is in `docs/billing-feed.md`.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from integrations.billing_feed import cells
from integrations.billing_feed.amounts import agree
from integrations.billing_feed.folder import files, name_of
from integrations.billing_feed.records import (
    CODES,
    N_,
    WORDS,
    Contract,
    Invoice,
    Line,
    Meter,
    PutAside,
    Reading,
    Record,
    Trouble,
    Vat,
    clipped,
    company_code,
    is_pdf,
    shown,
)

LONGEST_LINE = 100_000  # characters
MOST_LINES = 10_000  # of one bill: all that is ever held in memory
LARGEST_PDF = 20_000_000  # bytes
PIECE = 1 << 20
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Values = dict[str, Any]


# ---- the columns ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column, how its cells are read, and whether it must be filled in."""

    name: str
    read: Callable[[str], Any]
    required: bool = False


def _code(name: str, length: str = "", required: bool = False) -> Column:
    return Column(name, partial(cells.code, longest=CODES[length or name]), required)


def _words(name: str, length: str = "", required: bool = False) -> Column:
    return Column(name, partial(clipped, longest=WORDS[length or name]), required)


METER_KIND = partial(cells.slug, longest=CODES["kind"])
CONTRACTS = (
    _code("payer_code", required=True),
    _words("customer_name", required=True),
    _words("address"),
    _code("provider"),
    _words("building"),
    _words("premises"),
    Column("opened_on", cells.day),
    Column("ended_on", cells.day),
    Column("personal_code", str),
    Column("company_code", lambda text: company_code(cells.code(text, longest=CODES["company_code"]))),
)
METERS = (
    _code("payer_code", required=True),
    _code("meter", required=True),
    Column("kind", METER_KIND, required=True),
    _words("place"),
    _words("unit"),
    Column("decimals", cells.decimals),
    Column("installed_on", cells.day),
    Column("removed_on", cells.day),
    _code("provider"),
)
READINGS = (
    _code("payer_code", required=True),
    _code("meter", required=True),
    Column("read_on", cells.day, required=True),
    Column("value", cells.reading, required=True),
    Column("kind", METER_KIND),
    _code("provider"),
)
# Of a bill: the same on each of its rows, or empty after the first ...
INVOICE = (
    _code("number", required=True),
    _code("payer_code", required=True),
    Column("issued_on", cells.day, required=True),
    Column("total", cells.amount, required=True),
    Column("kind", partial(cells.one_of, allowed=("invoice", "credit_note"))),
    _code("provider"),
    _words("customer_name"),
    _words("address"),
    Column("due_on", cells.day),
    Column("period_from", cells.day),
    Column("period_to", cells.day),
    Column("currency", partial(cells.one_of, allowed=("EUR",))),
    Column("net", cells.amount),
    Column("vat", cells.amount),
    Column("prepaid", cells.amount),
    Column("rounding", cells.amount),
    Column("payable", cells.amount),
    Column("outstanding", cells.amount),
    _code("reference"),
    Column("iban", cells.iban),
    _code("refers_to"),
    Column("revised_at", cells.moment),
    _words("note"),
    Column("pdf", cells.file_name),
)
# ... and of one line of it.
INVOICE_LINE = (
    _words("line_name", "name"),
    Column("line_quantity", cells.milli),
    _words("line_unit", "unit"),
    Column("line_unit_price", cells.micro),
    Column("line_base_quantity", cells.base),
    Column("line_net", cells.amount),
    Column("line_vat_rate", cells.percent),
    Column("line_vat_category", partial(cells.code, longest=10)),
    Column("line_vat", cells.amount),
)
# In the order in which their records are given.
LAYOUTS = {"contracts": CONTRACTS, "meters": METERS, "invoices": INVOICE + INVOICE_LINE, "readings": READINGS}
OF_LINE = [(column.name, column.name.removeprefix("line_")) for column in INVOICE_LINE]
IN_ORDER = (("opened_on", "ended_on"), ("installed_on", "removed_on"), ("period_from", "period_to"))


# ---- the feed ---------------------------------------------------------------------------------------------------------


class CsvFeed:
    """Deliveries as csv files."""

    def __init__(self, folder: Path, paths: Sequence[Path] | None = None) -> None:
        self.folder = folder
        self.paths = paths

    def records(self, since: date | None = None) -> Iterator[Record]:
        """Contracts of all files, then meters, bills and readings. What cannot be read is put aside."""
        tables: dict[str, list[Table]] = {layout: [] for layout in LAYOUTS}
        for path in files(self.folder, ".csv", since, self.paths):
            try:
                table = _table(path)
            except Trouble as trouble:
                yield trouble.put_aside(name_of(path), file=name_of(path))
            else:
                tables[table.layout].append(table)
        for layout, found in tables.items():
            for table in found:
                try:
                    yield from _invoices(table) if layout == "invoices" else _single(table)
                except OSError as error:
                    yield _unreadable(error).put_aside(table.file, file=table.file)


def _unreadable(error: OSError) -> Trouble:
    return Trouble("file", N_("{file} cannot be read: {error}."), error=error.strerror or type(error).__name__)


# ---- a file and its rows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A file whose encoding, separator and columns are known."""

    path: Path
    encoding: str
    separator: str
    layout: str
    header: tuple[str, ...]
    columns: tuple[Column, ...]  # in the order of the header

    @property
    def file(self) -> str:
        return name_of(self.path)

    @cached_property
    def readers(self) -> list[tuple[str, Callable[[str], Any], bool]]:
        """The columns, taken apart once and not for each row."""
        return [(column.name, column.read, column.required) for column in self.columns]

    @cached_property
    def places(self) -> dict[str, int]:
        """Where in a row each column stands."""
        return {name: place for place, name in enumerate(self.header)}


@dataclass(frozen=True)
class Row:
    """One line of a file: its number (the header is 1) and its cells, or why it has none."""

    table: Table
    number: int
    cells: tuple[str, ...] = ()
    trouble: Trouble | None = None

    def cell(self, name: str) -> str:
        """A cell as it is written, empty where the table has no such column."""
        place = self.table.places.get(name)
        return "" if place is None else self.cells[place].strip()

    def put_aside(self, trouble: Trouble) -> PutAside:
        return trouble.put_aside(f"{self.table.file}:{self.number}", file=self.table.file, row=self.number)


def _table(path: Path) -> Table:
    """Raises Trouble for a file that cannot be read at all."""
    try:
        encoding = _encoding(path)
        with path.open(encoding=encoding, errors="replace") as file:
            first = file.readline(LONGEST_LINE)
    except OSError as error:
        raise _unreadable(error) from error
    if not first.strip():
        raise Trouble("header", N_("{file} is empty, or its first row is. The first row must name the columns."))
    choices = [(separator, _header(first, separator)) for separator in ";,\t"]
    known = {column.name for columns in LAYOUTS.values() for column in columns}
    separator, header = max(choices, key=lambda choice: len(known.intersection(choice[1])))
    layout = max(LAYOUTS, key=lambda name: len({column.name for column in LAYOUTS[name]}.intersection(header)))
    columns = {column.name: column for column in LAYOUTS[layout]}
    if len(set(columns).intersection(header)) < 2:
        message = N_("{file}: the first row must name the columns of contracts, meters, invoices or readings, not {header}.")
        raise Trouble("header", message, header=shown(first))
    for name in header:
        if name not in columns:
            message = N_("{file}: there is no column {column} among the columns of {layout}. Rename or remove it.")
            raise Trouble("header", message, column=shown(name), layout=layout)
        if header.count(name) > 1:
            raise Trouble("header", N_("{file}: the column {column} stands there twice. Remove one."), column=name)
    for column in columns.values():
        if column.required and column.name not in header:
            message = N_("{file}: the column {column} is missing among the columns of {layout}.")
            raise Trouble("header", message, column=column.name, layout=layout)
    return Table(path, encoding, separator, layout, header, tuple(columns[name] for name in header))


def _header(line: str, separator: str) -> tuple[str, ...]:
    """The names in a header row; none where it cannot be split that way. Spreadsheets leave empty ones at the end."""
    try:
        names = [name.strip().lower() for name in next(csv.reader([line], delimiter=separator, strict=True))]
    except csv.Error:
        return ()
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _encoding(path: Path) -> str:
    """UTF-8 if the whole file is, else cp1257. Raises Trouble where neither is certain.

    A character cut off at the very end is no reason to doubt UTF-8: the last row is cut too and says so. A file that is UTF-8
    but for a few bytes is damaged, and as cp1257 it would turn every letter into two wrong ones.
    """
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise Trouble("charset", N_("{file} is in UTF-16. Save it as UTF-8."))
        file.seek(0)
        strict = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := file.read(PIECE):
                strict.decode(piece)
            return "utf-8-sig"
        except UnicodeDecodeError:
            file.seek(0)
        lenient = codecs.getincrementaldecoder("utf-8")("replace")
        letters = wrong = rows = undefined = 0
        while piece := file.read(PIECE):
            text = lenient.decode(piece)
            wrong += text.count("\ufffd")
            letters += len(text) - len(text.encode("ascii", "ignore"))
            if not undefined:
                try:
                    piece.decode("cp1257")
                except UnicodeDecodeError as error:
                    undefined = rows + piece.count(b"\n", 0, error.start) + 1
            rows += piece.count(b"\n")
    if letters > 2 * wrong:
        raise Trouble("charset", N_("{file} is in UTF-8 but for a few damaged characters. Deliver it again."))
    if undefined:
        raise Trouble("charset", N_("{file} must be in UTF-8 or cp1257; row {row} is in neither."), row=undefined)
    return "cp1257"


def _rows(table: Table) -> Iterator[Row]:
    """The rows after the header that are not empty."""
    with table.path.open(encoding=table.encoding, errors="replace") as file:
        file.readline(LONGEST_LINE)
        number = 1
        while line := file.readline(LONGEST_LINE):
            number += 1
            whole = line.endswith("\n")
            if not whole and len(line) == LONGEST_LINE:
                while (rest := file.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                    pass
                message = N_("{file}, row {row}: the row must be shorter than {longest} characters. A line break may be missing.")
                yield Row(table, number, trouble=Trouble("row", message, longest=LONGEST_LINE))
                continue
            row = _row(table, number, line)
            if not whole:
                message = N_(
                    "{file}, row {row}: the last row must end with a line break. Without it the file may be cut off: deliver it whole."
                )
                yield Row(table, number, row.cells, Trouble("cut", message))
            elif row.trouble or any(map(str.strip, row.cells)):
                yield row


def _row(table: Table, number: int, line: str) -> Row:
    if CONTROL.search(line):
        return Row(table, number, trouble=Trouble("row", N_("{file}, row {row}: there is a control character. Remove it.")))
    try:
        # Without quotes there is nothing for the reader to do.
        found = (
            next(csv.reader([line], delimiter=table.separator, strict=True), [])
            if '"' in line
            else line.rstrip("\n").split(table.separator)
        )
    except csv.Error:
        message = N_("{file}, row {row}: a quote is left open, or something follows a closing one. One row must be one line.")
        return Row(table, number, trouble=Trouble("row", message))
    expected = len(table.header)
    if not any(map(str.strip, found)):
        return Row(table, number)
    if len(found) < expected or any(found[expected:]):
        message = N_("{file}, row {row}: there must be {expected} values, not {found}.")
        return Row(table, number, trouble=Trouble("row", message, expected=expected, found=len(found)))
    if found[0].strip().lower() == table.header[0] and tuple(name.strip().lower() for name in found[:expected]) == table.header:
        return Row(table, number, trouble=Trouble("row", N_("{file}, row {row}: the header stands here again. Remove the row.")))
    return Row(table, number, tuple(found[:expected]))


def _values(row: Row, with_required: bool = True) -> Values:
    """What a row says: its filled cells by column. Only a payer code keeps the spaces around it. Raises Trouble."""
    if row.trouble:
        raise row.trouble
    values = {}
    name = ""
    try:
        for (name, read, required), cell in zip(row.table.readers, row.cells, strict=True):
            text = cell.strip()
            if text:
                values[name] = read(cell if name == "payer_code" else text)
            elif required and with_required:
                raise Trouble("missing", N_("{file}, row {row}: fill in the column {column}."))
    except Trouble as trouble:
        trouble.facts["column"] = name
        raise
    for earlier, later in IN_ORDER:
        if earlier in values and later in values and values[later] < values[earlier]:
            message = N_("{file}, row {row}: {later} must not be before {earlier}.")
            raise Trouble("date", message, earlier=earlier, later=later)
    return values


# ---- records ----------------------------------------------------------------------------------------------------------


def _single(table: Table) -> Iterator[Record]:
    """The records of a file with one record a row."""
    make = {"contracts": _contract, "meters": _meter, "readings": _reading}[table.layout]
    for row in _rows(table):
        try:
            yield make(_values(row))
        except Trouble as trouble:
            yield row.put_aside(trouble)


def _contract(values: Values) -> Record:
    return Contract(**values)


def _meter(values: Values) -> Record:
    return Meter(number=values.pop("meter"), **values)


def _reading(values: Values) -> Record:
    return Reading(value_milli=values.pop("value"), **values)


def _invoices(table: Table) -> Iterator[Record]:
    """The bills of a file. The rows of one bill stand together, so one bill at a time is held."""
    rows: list[Row] = []
    for row in _rows(table):
        if row.trouble:
            yield row.put_aside(row.trouble)
            if rows and not rows[-1].trouble:
                rows.append(row)
            continue
        if rows and not _continues(rows[0], row):
            yield from _invoice(rows)
            rows = []
        if len(rows) <= MOST_LINES:
            rows.append(row)
    if rows:
        yield from _invoice(rows)


def _continues(first: Row, row: Row) -> bool:
    """Whether a row belongs to the bill that begins with `first`."""
    return row.cell("number") == first.cell("number") and row.cell("provider") in ("", first.cell("provider"))


def _invoice(rows: list[Row]) -> Iterator[Record]:
    """The bill of these rows, or why not. A row with a trouble has been reported."""
    first = rows[0]
    if rows[-1].trouble and not (rows[-1].cells and _continues(first, rows[-1])):
        rows.pop()  # it stands between two bills and may be the next one's; if a line is missing here, the amounts will tell
    readable = not any(row.trouble for row in rows)
    head: Values = {}
    lines: list[Values] = []
    for row in rows:
        if row.trouble:
            continue
        try:
            values = _values(row, with_required=row is first)
            lines.append({short: values.pop(name) for name, short in OF_LINE if name in values})
            head = head or values
            if values is not head:
                _say_the_same(head, values)
        except Trouble as trouble:
            yield row.put_aside(trouble)
            readable = False
    try:
        if readable:
            if len(rows) > MOST_LINES:
                message = N_("{file}, invoice {number}: there must be at most {most} lines.")
                raise Trouble("row", message, most=MOST_LINES)
            invoice, aside = _assembled(head, [line for line in lines if line], first)
            yield from (_bill_aside(first, trouble) for trouble in aside)
            yield invoice
        elif len(rows) > 1:
            raise Trouble("row", N_("{file}, invoice {number}: one of its rows cannot be read, so the invoice is not taken in."))
    except Trouble as trouble:
        yield _bill_aside(first, trouble)


def _bill_aside(first: Row, trouble: Trouble) -> PutAside:
    file, number = first.table.file, shown(first.cell("number"))
    return trouble.put_aside(f"{file}: {number}", file=file, number=number)


def _say_the_same(head: Values, values: Values) -> None:
    for name, value in values.items():
        if head.get(name) != value:
            message = N_("{file}, row {row}, column {column}: every row of an invoice must say the same as its first row, or nothing.")
            raise Trouble("row", message, column=name)


def _assembled(head: Values, lines: list[Values], first: Row) -> tuple[Invoice, list[Trouble]]:
    """A bill whose amounts add up, and what is wrong beside it (its PDF). Raises Trouble."""
    for line in lines:
        if "name" not in line or "net" not in line:
            raise Trouble("missing", N_("{file}, invoice {number}: every line must have line_name and line_net."))
    vat = _vat(lines)
    added = sum(line["net"] for line in lines)
    total: int = head.pop("total")
    prepaid: int = head.pop("prepaid", 0)
    rounding: int = head.pop("rounding", 0)
    net: int = head.pop("net") if "net" in head else added if lines else total - head.get("vat", 0)
    tax: int = head.pop("vat") if "vat" in head else sum(rate.vat_cents for rate in vat) if vat else total - net
    payable: int = head.pop("payable", total - prepaid + rounding)
    if lines:
        agree("BR-CO-10", net, added)
    if vat:
        agree("BR-CO-14", tax, sum(rate.vat_cents for rate in vat))
    agree("BR-CO-15", total, net + tax)
    agree("BR-CO-16", payable, total - prepaid + rounding)
    if head.get("kind") == "credit_note" and total < 0:
        raise Trouble("sign", N_("{file}, invoice {number}: the amounts of a credit note must be written without a minus."))
    aside = []
    pdf = None
    name = head.pop("pdf", None)
    if name:
        try:
            pdf = _pdf(first.table.path.parent / name)
        except Trouble as trouble:
            aside.append(trouble)
    invoice = Invoice(
        net_cents=net,
        vat_cents=tax,
        total_cents=total,
        prepaid_cents=prepaid,
        rounding_cents=rounding,
        payable_cents=payable,
        outstanding_cents=head.pop("outstanding", None),
        lines=tuple(_line(line) for line in lines),
        vat=vat,
        pdf=pdf,
        pdf_name=name if pdf else None,
        **head,
    )
    return invoice, aside


def _category(line: Values) -> str:
    """S where there is VAT, Z at 0 %, O where nothing is said, unless the feed says otherwise."""
    default = "O" if line.get("vat_rate") is None else "S" if line["vat_rate"] else "Z"
    return str(line.get("vat_category", default))


def _vat(lines: list[Values]) -> tuple[Vat, ...]:
    """VAT by category and rate, in the order in which they come; none where no line speaks of VAT.

    The VAT of a rate is counted from the sum of its lines, or is the sum of the lines' own VAT where they give it.
    """
    groups: dict[tuple[str, int | None], list[Values]] = {}
    if any("vat_rate" in line or "vat" in line for line in lines):
        for line in lines:
            groups.setdefault((_category(line), line.get("vat_rate")), []).append(line)
    found = []
    for (category, rate), group in groups.items():
        for line in group:
            if "vat" in line:
                # A line's VAT may be cut or rounded to the cent, but not counted at another rate.
                agree("BR-CO-17", line["vat"], _tax(line["net"], rate), within=1, rate=(rate or 0) // 100)
        base = sum(line["net"] for line in group)
        own = all("vat" in line for line in group)
        found.append(Vat(category, rate, base, sum(line["vat"] for line in group) if own else _tax(base, rate)))
    return tuple(found)


def _tax(net: int, rate: int | None) -> int:
    """Of an amount at a rate, to the cent, halves away from zero."""
    cents = (abs(net) * (rate or 0) + 5_000) // 10_000
    return -cents if net < 0 else cents


def _line(line: Values) -> Line:
    return Line(
        name=line["name"],
        quantity_milli=line.get("quantity"),
        unit=line.get("unit", ""),
        unit_price_micro=line.get("unit_price"),
        base_quantity_milli=line.get("base_quantity", 1000),
        net_cents=line["net"],
        vat_rate=line.get("vat_rate"),
        vat_category=_category(line),
    )


def _pdf(path: Path) -> bytes:
    """The document beside the table. A symbolic link is no document: it would show customers other files of this host."""
    message = N_("{file}, invoice {number}: there must be a PDF file {name} beside it. The invoice is taken in without.")
    try:
        content = b"" if path.is_symlink() or path.stat().st_size > LARGEST_PDF else path.read_bytes()
    except (OSError, ValueError):
        content = b""
    if not is_pdf(content):
        raise Trouble("pdf", message, name=shown(path.name))
    return content
