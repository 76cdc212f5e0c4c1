"""The raw limit of a list: who is signed in by one hand-written statement, the rows by another, and one template that writes the same
rows as our own page does, byte by byte, inside a page that is one constant text, under Flask alone. No scope, no rights, no peewee, one
language."""

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import peewee as pw
import psycopg
from flask import Flask, abort, render_template, request
from jinja2 import DictLoader

import formats
import models
from bench import data

ROWS = {
    "accounts": "SELECT t.public_id, t.name, t.email, t.phone, t.locked_until, t.created_at, t.last_seen_at, o.name FROM account t"
    " JOIN organisation o ON o.id = t.organisation_id ORDER BY t.sort_key DESC, t.id DESC LIMIT 51",
    "invoices": "SELECT t.public_id, t.number, c.payer_code, t.buyer_name, c.address, t.issued_on, t.due_on, t.payable_cents, t.outstanding_cents,"
    " o.name FROM invoice t JOIN contract c ON c.id = t.contract_id JOIN organisation o ON o.id = t.organisation_id"
    " WHERE t.issued_on >= '2023-01-01' ORDER BY t.issued_on DESC, t.id DESC LIMIT 51",
    "readings": "SELECT t.public_id, m.number, c.address, t.previous_milli, t.value_milli, k.unit, t.read_on, t.source, o.name FROM reading t"
    " JOIN meter m ON m.id = t.meter_id JOIN meter_kind k ON k.id = m.kind_id JOIN contract c ON c.id = t.contract_id"
    " JOIN organisation o ON o.id = t.organisation_id WHERE t.read_on >= '2023-01-01' ORDER BY t.read_on DESC, t.id DESC LIMIT 51",
    "events": "SELECT t.public_id, t.name, t.facts, t.actor, a.name, t.at, o.name FROM event t LEFT JOIN account a ON a.id = t.account_id"
    " LEFT JOIN organisation o ON o.id = t.organisation_id WHERE t.name = 'account.signed_in' ORDER BY t.id DESC LIMIT 51",
}  # fmt: skip
# Which contracts the words are of, then their bills; and bills by the beginning of their number.
BILLS = ROWS["invoices"].partition(" WHERE ")[0]
SEARCHED = {
    "search-name": BILLS + " WHERE t.contract_id IN ({found}) ORDER BY t.issued_on DESC, t.id DESC LIMIT 51",
    "search-number": BILLS + " WHERE t.number >= 'SF1000012' AND t.number < 'SF1000013' ORDER BY t.number, t.id LIMIT 51",
}
NAMED = {
    "sqlite": 'SELECT rowid FROM contract_words WHERE contract_words MATCH \'"zukauskaite" "zivile"\' LIMIT 1001',
    "postgresql": "SELECT id FROM contract WHERE search_key ILIKE '%zukauskaite%' AND search_key ILIKE '%zivile%' LIMIT 1001",
}


def _day(value: Any) -> str:
    return formats.day(date.fromisoformat(value) if isinstance(value, str) else value, "en")


def _moment(value: Any) -> str:
    if value is None:
        return "–"
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return formats.moment(at.replace(tzinfo=UTC), "en")


def _money(cents: int) -> str:
    return formats.money(cents, "en")


def _milli(value: int) -> str:
    return formats.quantity(value, "en")


def _signed_in(facts: str) -> str:
    return f"From a known device: {'Yes' if json.loads(facts)['known_device'] else 'No'}"


def _same(value: Any) -> Any:
    return value


# How each column is written, as it comes from the database.
CELLS: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "accounts": (_same, _same, formats.phone, _moment, _moment, _moment, _same),
    "invoices": (_same, _same, _same, _same, _day, _day, _money, _money, _same),
    "readings": (_same, _same, _milli, _milli, _same, _day, {"customer": "Customer"}.__getitem__, _same),
    "events": ({"account.signed_in": "Signed in"}.__getitem__, _signed_in, {"system": "The system"}.__getitem__, _same, _moment, _same),
}


def _cells(name: str, row: Any) -> list[Any]:
    writes = CELLS["invoices" if name in SEARCHED else name]
    key = row[0] if isinstance(row[0], UUID) else UUID(row[0])
    return [key, *[write(value) for write, value in zip(writes, row[1:], strict=True)]]


def create(opened: dict[int, pw.Database], pages: dict[str, str]) -> Any:
    """A WSGI application with `/<size>/<list>` over these databases; `pages` are our own lists, whose bytes it writes."""
    site = Flask(__name__)
    site.jinja_loader = DictLoader({f"{name}.html": _template(page) for name, page in pages.items()})
    connections = {size: _connect(database) for size, database in opened.items()}
    engine = "sqlite" if all(map(data.is_sqlite, opened.values())) else "postgresql"
    mark = "?" if engine == "sqlite" else "%s"

    @site.get("/<int:size>/<name>")
    def rows(size: int, name: str) -> str:
        whose = f"SELECT s.id, s.name FROM session t JOIN staff s ON s.id = t.staff_id WHERE t.digest = {mark}"
        connection = connections[size]
        if connection.execute(whose, (request.cookies["sid"],)).fetchone() is None:
            abort(404)
        sql = (ROWS | SEARCHED)[name]
        if name == "search-name":
            sql = sql.format(found=", ".join(str(number) for (number,) in connection.execute(NAMED[engine]).fetchall()))
        return render_template(f"{name}.html", rows=[_cells(name, row) for row in connection.execute(sql).fetchall()[:50]])

    return site


def cookie(opened: pw.Database) -> str:
    models.database.initialize(opened)
    with opened.connection_context():
        return f"sid={models.Session.get(models.Session.staff.is_null(False)).digest}"


def _connect(opened: Any) -> Any:
    if data.is_sqlite(opened):
        connection = sqlite3.connect(opened.database, check_same_thread=False)
        connection.execute("PRAGMA cache_size = -32000")
        return connection
    return psycopg.connect(opened.database, autocommit=True)


def _template(page: str) -> str:
    """Our page, with its first row said once for all rows: every text of it is a value."""
    head, body, rows, end, tail = re.split(r"(</?tbody[^>]*>)", page)
    first = rows[: rows.index("</tr>") + 5]
    found = iter(range(1, 100))
    row = re.sub(r">([^<>\s][^<>]*)<", lambda _: ">{{ row[" + str(next(found)) + "] }}<", first)
    row = re.sub(r"[0-9a-f-]{36}", "{{ row[0] }}", row)
    row = re.sub(r'aria-label="Select [^"]*"', 'aria-label="Select {{ row[1] }}"', row)
    around = rows[: len(rows) - len(rows.lstrip())], rows[rows.index("</tr>") + 5 :].partition("<")[0], rows[rows.rindex("</tr>") + 5 :]
    before, between, after = around
    rows = f"{before}{{% for row in rows %}}{row.strip()}{{{{ {between!r} if not loop.last }}}}{{% endfor %}}{after}"
    return f"{{% raw %}}{head}{body}{{% endraw %}}{rows}{{% raw %}}{end}{tail}{{% endraw %}}"


def rows_of(page: str) -> str:
    """What stands in the table of a page."""
    return re.split(r"</?tbody[^>]*>", page)[1]
