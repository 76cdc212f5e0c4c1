"""How fast a csv feed's bills come in, beside what the database itself needs for the same rows (G10, G11).

In turn, delivery after delivery: the product takes one in (reads it, checks it, decides, writes bills, lines, VAT and the event), in a
process of its own, whose memory is watched; the limit is given the rows that came of it, ready made, and only writes them; the product
reads the same delivery again. Six small deliveries, then one of more than two thirds of all. BILLS= says how many bills in all.
"""

import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

import models
from bench import clock, databases
from bench.goals import Figure
from integrations import billing_feed
from models import Invoice, InvoiceLine, InvoiceVat, Organisation, Provider
from rules import sync

BILLS = int(os.environ.get("BILLS", "100000"))
SMALL, SMALL_ONES = BILLS // 20, 6
LARGE = BILLS - SMALL * SMALL_ONES
PAYERS = max(1, BILLS // 12)
SLICE = 20_000  # bills whose rows the limit holds at once
WRITTEN = (Invoice, InvoiceLine, InvoiceVat)
GOALS = {"sqlite": 0.7, "postgresql": 0.6}
MOST_MB, MOST_GROWTH = 150, 1.25
FLAT_FROM = 50_000  # bills in a delivery: with fewer the database's own cache is not full
COLUMNS = (
    "number;payer_code;issued_on;due_on;period_from;period_to;total;net;vat;reference;customer_name;address;"
    "line_name;line_quantity;line_unit;line_unit_price;line_net;line_vat_rate"
)
# What was taken in once is not written again: whoever tries breaks the run off. No row can come twice: numbers are unique.
ONLY_ONCE = {
    "sqlite": "CREATE TRIGGER once_{table}_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, 'written again'); END",
    "postgresql": "CREATE TRIGGER once_{table}_{act} BEFORE {act} ON {table} FOR EACH ROW EXECUTE FUNCTION once()",
}
RAISE = "CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''written again''; END'"


@dataclass(frozen=True)
class Taken:
    """A run as it ended: its row's id and figures, how many seconds it took, and the most memory its process has ever held."""

    run: int
    created: int
    changed: int
    same: int
    error: str
    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Delivery:
    """Seconds that a delivery took: new, the limit's (without its indexes), the same again."""

    bills: int
    new: float
    limit: float
    again: float
    peak_mb: float


def run(engine: str) -> Iterator[Figure]:
    """All deliveries on one engine."""
    with ExitStack() as stack:
        url, twin = stack.enter_context(databases.several(engine, 2))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="savitarna-bench-")))
        product = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_work, initargs=(url,)))
        taken = product.submit(_take, _contracts(folder)).result()
        assert (taken.created, taken.error) == (PAYERS, ""), taken
        limit: Any = (_Sqlite if engine == "sqlite" else _Postgresql)(url, twin)
        deliveries = [
            _deliver(product, limit, _delivery(folder, n, bills), bills) for n, bills in enumerate([SMALL] * SMALL_ONES + [LARGE])
        ]
        rest = limit.finish() / BILLS
    print(f"  limit: {limit.name}")
    small, (large,) = deliveries[:SMALL_ONES], deliveries[SMALL_ONES:]
    for some in (small, [large]):
        bills, new, again = some[0].bills, median(one.new for one in some), median(one.again for one in some)
        print(
            f"  {bills:,} bills in a delivery: {bills / new:.0f} new ones a second, {bills / again:.0f} unchanged ones, none of them written"
        )
        size, speed = f"{bills:,}", [(one.limit + rest * bills) / one.new for one in some]
        yield Figure("G10", "import of new bills, speed of the limit's", engine, size, (median(speed),), GOALS[engine], True)
        yield Figure("G11", "the same again, to new", engine, size, (median(one.new / one.again for one in some),), 1.7, True)
    peak, before = large.peak_mb, small[-1].peak_mb
    yield Figure("G10", "import's process, at most", engine, f"{LARGE:,}", (peak,), MOST_MB, False, "MB")
    if SMALL >= FLAT_FROM:
        yield Figure("G10", f"the same, to a delivery of {SMALL:,}", engine, f"{LARGE:,}", (peak / before,), MOST_GROWTH, False)


def _deliver(product: ProcessPoolExecutor, limit: Any, path: Path, bills: int) -> Delivery:
    new = product.submit(_take, path).result()
    assert (new.created, new.error) == (bills, ""), new
    needed = limit.write(new.run)
    again = product.submit(_take, path).result()
    assert (again.same, again.created, again.changed, again.error) == (bills, 0, 0, ""), again
    return Delivery(bills, new.seconds, needed, again.seconds, max(new.peak_mb, again.peak_mb))


# ---- the product, in a process of its own -----------------------------------------------------------------------------


def _work(url: str) -> None:
    """Begin the process: an organisation with one provider, whose bills cannot be written again."""
    opened = models.open_database(url)
    opened.connect()
    here = Organisation.create(slug="bench", name="Tiekėjas")
    Provider.create(organisation=here, name="Tiekėjas", code="1")
    engine = "sqlite" if url.startswith("sqlite") else "postgresql"
    if engine == "postgresql":
        opened.execute_sql(RAISE)
    for model in WRITTEN:
        for act in ("UPDATE", "DELETE"):
            opened.execute_sql(ONLY_ONCE[engine].format(table=model._meta.table_name, act=act))


def _take(path: Path) -> Taken:
    """One run over one file."""
    records = billing_feed.of("csv", path.parent, [path]).records()
    before = time.perf_counter()
    row = sync.take(
        Organisation.get(), "csv", records, billing_feed, lease=timedelta(minutes=2), keep=lambda content: "",
        site_url="https://bench.example.lt",
    )  # fmt: skip
    seconds = time.perf_counter() - before
    return Taken(row.id, row.created, row.changed, row.same, row.error, seconds, clock.peak_mb())


# ---- the limit --------------------------------------------------------------------------------------------------------


def _slices(run: int, first: int, last: int) -> Iterator[list[tuple[str, str]]]:
    """Of what a run has brought, a slice at a time: each table and which of its rows."""
    for start in range(first, last + 1, SLICE):
        some = f"run_id = {run} AND id BETWEEN {start} AND {start + SLICE - 1}"
        bills = f"invoice_id IN (SELECT id FROM invoice WHERE {some})"
        yield [(model._meta.table_name, some if model is Invoice else bills) for model in WRITTEN]


ENDS = "SELECT MIN(id), MAX(id) FROM invoice WHERE run_id = {run}"


class _Postgresql:
    """COPY of the same rows into the same tables, with all indexes and constraints."""

    name = "COPY of the finished rows into the same tables with the same indexes and constraints"

    def __init__(self, url: str, twin: str) -> None:
        self.product, self.twin = psycopg.connect(url, autocommit=True), psycopg.connect(twin)
        for table in ("organisation", "provider", "sync_run", "contract"):
            self._paste(table, self._rows(table, "TRUE"))
        self.twin.commit()

    def write(self, run: int) -> float:
        """Seconds to write what this run has brought."""
        self._paste("sync_run", self._rows("sync_run", f"id = {run}"))
        took, (first, last) = 0.0, self.product.execute(ENDS.format(run=run)).fetchone() or (0, 0)
        for tables in _slices(run, first, last):
            rows = [(table, self._rows(table, where)) for table, where in tables]
            before = time.perf_counter()
            for table, content in rows:
                self._paste(table, content)
            took += time.perf_counter() - before
        return took + clock.ms(self.twin.commit) / 1000

    def finish(self) -> float:
        self.product.close()
        self.twin.close()
        return 0.0

    def _rows(self, table: str, where: str) -> bytes:
        with self.product.cursor().copy(f"COPY (SELECT * FROM {table} WHERE {where}) TO STDOUT") as copy:
            return b"".join(copy)

    def _paste(self, table: str, rows: bytes) -> None:
        with self.twin.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(rows)


class _Sqlite:
    """The same rows into tables without an index, whose indexes are built at the end."""

    name = "the finished rows into tables without indexes or constraints, which are then built"

    def __init__(self, url: str, twin: str) -> None:
        self.product = sqlite3.connect(url.removeprefix("sqlite:///"))
        self.twin = sqlite3.connect(twin.removeprefix("sqlite:///"), isolation_level=None)
        self.twin.executescript("PRAGMA journal_mode=wal; PRAGMA synchronous=2; PRAGMA cache_size=-32000; PRAGMA foreign_keys=0;")
        tables = ", ".join(f"'{model._meta.table_name}'" for model in WRITTEN)
        of = f"FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables})"
        self.indexes = self.twin.execute(f"SELECT name, sql {of}").fetchall()
        for name, _ in self.indexes:
            self.twin.execute(f'DROP INDEX "{name}"')

    def write(self, run: int) -> float:
        """Seconds to write what this run has brought."""
        first, last = self.product.execute(ENDS.format(run=run)).fetchone()
        self.twin.execute("BEGIN IMMEDIATE")
        took = 0.0
        for tables in _slices(run, first, last):
            rows = [(table, self.product.execute(f"SELECT * FROM {table} WHERE {where}").fetchall()) for table, where in tables]
            before = time.perf_counter()
            for table, some in rows:
                self.twin.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(some[0]))})", some)
            took += time.perf_counter() - before
        return took + clock.ms(lambda: self.twin.execute("COMMIT")) / 1000

    def finish(self) -> float:
        """Seconds to build the indexes."""
        before = time.perf_counter()
        for _, sql in self.indexes:
            self.twin.execute(sql)
        took = time.perf_counter() - before
        self.product.close()
        self.twin.close()
        return took


# ---- what is delivered ------------------------------------------------------------------------------------------------


def _contracts(folder: Path) -> Path:
    """A contract for each twelve bills."""
    path = folder / "contracts.csv"
    with path.open("w") as file:
        file.write("payer_code;customer_name;address\n")
        for number in range(PAYERS):
            file.write(f"{number:07};Vardenis Pavardenis {number};Liepų g. {number % 900}-{number % 50}, Vilnius\n")
    return path


def _delivery(folder: Path, number: int, bills: int) -> Path:
    """A month's bills, each of two lines."""
    dice, month = random.Random(number), date(2025, number % 12 + 1, 1)
    path = folder / f"invoices-{number}.csv"
    with path.open("w") as file:
        file.write(f"{COLUMNS}\n")
        for place in range(bills):
            payer = dice.randrange(PAYERS)
            first, second = dice.randrange(100, 20_000), dice.randrange(100, 9_000)
            net, code = first + second, f"SF{number:02}{place:08}"
            vat = (net * 21 + 50) // 100
            due, until = month + timedelta(days=29), month + timedelta(days=27)
            head = f"{code};{payer:07};{month};{due};{month};{until};{_money(net + vat)};{_money(net)};{_money(vat)};{payer:07}"
            who = f"Vardenis Pavardenis {payer};Liepų g. {payer % 900}-{payer % 50}, Vilnius"
            file.write(f"{head};{who};Šilumos energija;{first / 1000:.3f};MWh;84.5000;{_money(first)};21\n")
            file.write(f"{code}{';' * 11};Karštas vanduo;{second / 1000:.3f};m³;5.4300;{_money(second)};21\n")
    return path


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
