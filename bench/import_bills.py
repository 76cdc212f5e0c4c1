"""How fast a csv feed's bills come in, beside what the database itself needs for the same rows (G10, G11).

In turn, delivery after delivery: the product takes one in (reads it, checks it, decides, writes bills, lines, VAT and the event);
the limit is given the rows that came of it, ready made, and only writes them; the product reads the same delivery again. BILLS=
says how many bills in all.
"""

import os
import random
import resource
import sqlite3
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import psycopg

import models
from bench import databases
from integrations import billing_feed
from models import Invoice, InvoiceLine, InvoiceVat, Organisation, Provider, SyncRun
from rules import sync

BILLS = int(os.environ.get("BILLS", "40000"))
DELIVERIES = 10
EACH = BILLS // DELIVERIES
WRITTEN = (Invoice, InvoiceLine, InvoiceVat)
GOALS = {"sqlite": 0.7, "postgresql": 0.6}
MOST_MB = 150
COLUMNS = (
    "number;payer_code;issued_on;due_on;period_from;period_to;total;net;vat;reference;customer_name;address;"
    "line_name;line_quantity;line_unit;line_unit_price;line_net;line_vat_rate"
)


def run() -> bool:
    """Print the ratios of both engines; whether unchanged bills are quick enough and memory stays low."""
    return all(list(map(_run, ("sqlite", "postgresql"))))


def _run(engine: str) -> bool:
    with databases.several(engine, 2) as (url, twin), tempfile.TemporaryDirectory(prefix="savitarna-bench-") as folder:
        opened = models.open_database(url)
        with opened.connection_context():
            here, limit = _organisation(Path(folder)), (_Sqlite if engine == "sqlite" else _Postgresql)(url, twin)
            took, needed, again = [], [], []
            for number in range(DELIVERIES):
                path = _delivery(Path(folder), number, EACH)
                last, seconds = _take(here, path)
                assert (last.created, last.error) == (EACH, ""), last.error
                took.append(seconds)
                needed.append(limit.write(last))
                last, seconds = _take(here, path)
                assert (last.same, last.created, last.changed) == (EACH, 0, 0)
                again.append(seconds)
            rest = limit.finish() / DELIVERIES
            held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Taking in {BILLS} bills of two lines (four rows) on {engine}; limit: {limit.name}")
    reached = median((limit_s + rest) / own for limit_s, own in zip(needed, took, strict=True))
    quicker = median(new / same for new, same in zip(took, again, strict=True))
    print(f"  new         {reached:5.2f} of the limit (aim {GOALS[engine]}), {EACH / median(took):6.0f} bills a second")
    print(f"  unchanged   {quicker:5.2f} x as fast as new (aim 1.7), {EACH / median(again):6.0f} bills a second, nothing written")
    print(f"  this process never held more than {held:.0f} MB, the limit's rows included (aim {MOST_MB})")
    return True


class _Postgresql:
    """COPY of the same rows into the same tables, with all indexes and constraints."""

    name = "COPY of the finished rows into the same tables with the same indexes and constraints"

    def __init__(self, url: str, twin: str) -> None:
        self.product, self.twin = psycopg.connect(url, autocommit=True), psycopg.connect(twin)
        for table in ("organisation", "provider", "sync_run", "contract"):
            self._copy(table, "TRUE")

    def write(self, run: SyncRun) -> float:
        """Seconds to write what this run has brought."""
        self._copy("sync_run", f"id = {run.id}")
        bills = f"SELECT id FROM invoice WHERE run_id = {run.id}"
        rows = [self._rows("invoice", f"run_id = {run.id}")]
        rows += [self._rows(table, f"invoice_id IN ({bills})") for table in ("invoice_line", "invoice_vat")]
        before = time.perf_counter()
        for model, content in zip(WRITTEN, rows, strict=True):
            self._paste(model._meta.table_name, content)
        self.twin.commit()
        return time.perf_counter() - before

    def finish(self) -> float:
        self.product.close()
        self.twin.close()
        return 0.0

    def _copy(self, table: str, where: str) -> None:
        self._paste(table, self._rows(table, where))
        self.twin.commit()

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

    def write(self, run: SyncRun) -> float:
        """Seconds to write what this run has brought."""
        bills = f"SELECT id FROM invoice WHERE run_id = {run.id}"
        wheres = (f"run_id = {run.id}", f"invoice_id IN ({bills})", f"invoice_id IN ({bills})")
        pairs = [(model._meta.table_name, where) for model, where in zip(WRITTEN, wheres, strict=True)]
        rows = [(table, self.product.execute(f"SELECT * FROM {table} WHERE {where}").fetchall()) for table, where in pairs]
        before = time.perf_counter()
        self.twin.execute("BEGIN IMMEDIATE")
        for table, some in rows:
            self.twin.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(some[0]))})", some)
        self.twin.execute("COMMIT")
        return time.perf_counter() - before

    def finish(self) -> float:
        """Seconds to build the indexes."""
        before = time.perf_counter()
        for _, sql in self.indexes:
            self.twin.execute(sql)
        took = time.perf_counter() - before
        self.product.close()
        self.twin.close()
        return took


def _organisation(folder: Path) -> Organisation:
    """One with a provider and a contract for each twelve bills."""
    here = Organisation.create(slug="bench", name="Tiekėjas")
    Provider.create(organisation=here, name="Tiekėjas", code="1")
    path = folder / "contracts.csv"
    with path.open("w") as file:
        file.write("payer_code;customer_name;address\n")
        for number in range(max(1, BILLS // 12)):
            file.write(f"{number:07};Vardenis Pavardenis {number};Liepų g. {number % 900}-{number % 50}, Vilnius\n")
    last, _ = _take(here, path)
    assert last.created == max(1, BILLS // 12), last.error
    return here


def _delivery(folder: Path, number: int, bills: int) -> Path:
    """A month's bills, each of two lines."""
    dice, month = random.Random(number), date(2025, number % 12 + 1, 1)
    path = folder / f"invoices-{number}.csv"
    with path.open("w") as file:
        file.write(f"{COLUMNS}\n")
        for place in range(bills):
            payer = dice.randrange(max(1, BILLS // 12))
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


def _take(here: Organisation, path: Path) -> tuple[SyncRun, float]:
    """One run over one file: as it ended, and how many seconds it took."""
    records = billing_feed.of("csv", path.parent, [path]).records()
    before = time.perf_counter()
    run = sync.take(
        here, "csv", records, billing_feed, lease=timedelta(minutes=2), keep=lambda content: "", site_url="https://bench.example.lt"
    )
    return run, time.perf_counter() - before
