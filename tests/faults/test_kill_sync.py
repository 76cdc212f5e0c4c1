"""The taking in of bills killed and run again, and files as bad as billing systems make them: the rows are those of a good night."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import ROOT
from models import Invoice, InvoiceLine, Organisation, Reading, SyncProblem, SyncRun
from rules import events, work
from tests import factories, postgres
from tests.faults import FULL, check, roll, the_database_of
from tests.product import Product, installed

KILLS, BILLS = (20, 40_000) if FULL else (2, 2_000)
LEASE_SECONDS = 3
HEADER = "number;payer_code;customer_name;address;issued_on;due_on;total;line_name;line_quantity;line_unit;line_unit_price;line_net;line_vat_rate"


def bill(number: int, revision: int = 0) -> str:
    net = 10_00 + number % 90_00 + revision
    total = net + (net * 21 + 50) // 100
    place = f"{number % 500:05}"
    return (
        f"SF{number:07};{place};Pirkėja {place};Liepų g. {place};2026-10-{number % 28 + 1:02};2026-11-20;{_euros(total)};"
        f"Šiluma;1;MWh;{_euros(net)};{_euros(net)};21"
    )


def _euros(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02}"


def write(folder: Path, name: str, rows: list[str], encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join([HEADER, *rows, ""]), encoding=encoding)
    return path


@pytest.fixture(params=["sqlite", "postgresql"] if FULL else ["sqlite"])
def product(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Product]:
    """An install with two organisations that read csv files."""
    settings: dict[str, str] = {"SAVITARNA_LEASE_SECONDS": str(LEASE_SECONDS), "SAVITARNA_MAIL_TIMEOUT_SECONDS": "1"}
    if request.param == "sqlite":
        with installed(tmp_path, **settings) as product:
            yield prepared(product)
        return
    with postgres.template_database(lambda url: None) as url, installed(tmp_path, DATABASE_URL=url, **settings) as product:
        yield prepared(product)


def prepared(product: Product) -> Product:
    with the_database_of(product), work.unit_of_work():
        for slug in ("north", "south"):
            here = factories.organisation(slug, billing_system="csv", unknown_payer="open")
            events.record("organisation.loaded", here, by=events.OPERATOR, preset="none")
            factories.provider(here)
    return product


def rows(product: Product, slug: str) -> Any:
    """All that a feed has said of one organisation, without the numbers of rows."""
    with the_database_of(product):
        here = Organisation.get(slug=slug)
        bills = Invoice.select(Invoice.number, Invoice.kind, Invoice.total_cents, Invoice.outstanding_cents).where(
            Invoice.organisation == here
        )
        lines = (
            InvoiceLine.select(Invoice.number, InvoiceLine.position, InvoiceLine.net_cents)
            .join(Invoice)
            .where(InvoiceLine.organisation == here)
        )
        return sorted(bills.tuples()), sorted(lines.tuples()), Reading.select().where(Reading.organisation == here).count()


def test_a_run_killed_at_any_moment_and_run_again_ends_like_one_that_nothing_disturbed(translations: None, product: Product) -> None:
    """F05, P1, P5"""
    dice, feeds = roll(), product.data / "feeds"
    whole = [bill(number) for number in range(BILLS)]
    for slug in ("north", "south"):
        write(feeds / slug, "bills.csv", whole)
    began = time.monotonic()
    product.portal("sync-bills", "south")
    takes = time.monotonic() - began
    killed = sum(kill_in_the_middle(product, dice, takes) for _ in range(KILLS))
    told = product.portal("sync-bills", "north")
    assert rows(product, "north") == rows(product, "south")
    assert len(rows(product, "north")[0]) == BILLS
    assert "0 put aside" in told
    again = product.portal("sync-bills", "north")
    assert f"{BILLS} records: 0 new, 0 changed" in again or "0 records" in again
    check(product)
    print(f"{killed} of {KILLS} kills came before the end of the run")
    assert killed > 0, "every run had ended before it was killed: this has shown nothing"


def kill_in_the_middle(product: Product, dice: random.Random, takes: float) -> bool:
    """Start a run and kill it after a while; whether it was still at work."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "portal", "sync-bills", "north"]
    run = subprocess.Popen(command, env=product.environ, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(dice.uniform(0.3, 0.9) * takes)
    was_alive = run.poll() is None
    run.send_signal(signal.SIGKILL)
    run.wait()
    check(product)
    time.sleep(LEASE_SECONDS + 0.2)  # its lease ends
    return was_alive


def test_files_as_bad_as_they_come_change_nothing_that_was_right_and_are_told(translations: None, product: Product) -> None:
    """F17, F18: cut off, in another encoding, doubled, out of order, changed without a word, missing, no file of ours at all."""
    folder = product.data / "feeds" / "north"
    good = [bill(number) for number in range(300)]
    product.portal("sync-bills", "north", str(write(folder, "bills.csv", good)))
    was = rows(product, "north")

    def night(path: Path) -> str:
        return product.portal("sync-bills", "north", str(path))

    night(write(folder, "out-of-order.csv", random.Random(1).sample(good, len(good)) + good[:100]))
    night(write(folder, "half-missing.csv", good[:150]))
    night(write(folder, "windows.csv", good, encoding="cp1257"))
    cut = folder / "cut-off.csv"
    cut.write_bytes((folder / "bills.csv").read_bytes()[:-37])
    night(cut)
    page = folder / "page.csv"
    page.write_text("<!doctype html><title>502 Bad Gateway</title>")
    assert "put aside" in night(page)
    bomb = folder / "bomb.csv"
    bomb.write_bytes(b"\x1f\x8b" + b"\x00" * 2_000_000)
    night(bomb)
    assert rows(product, "north") == was

    told = night(write(folder, "another-amount.csv", [bill(7, revision=100), *good[8:20]]))
    changed = rows(product, "north")
    assert len(changed[0]) == len(was[0])
    assert {row[0] for row in set(changed[0]) ^ set(was[0])} <= {"SF0000007"}
    with the_database_of(product):
        assert SyncRun.select().where(SyncRun.error != "").count() == 0
        kinds = {problem.kind for problem in SyncProblem.select()}
    assert kinds, told
    check(product)


def test_an_xml_bomb_and_a_cut_off_bill_stop_no_other(translations: None, product: Product) -> None:
    """F17"""
    folder = product.data / "feeds" / "north"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bomb.xml").write_text(
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><Invoice>&b;</Invoice>'
    )
    (folder / "cut.xml").write_text('<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>1</ID')
    write(folder, "bills.csv", [bill(number) for number in range(10)])
    told = product.portal("sync-bills", "north", *(str(path) for path in sorted(folder.iterdir())))
    assert len(rows(product, "north")[0]) == 10
    assert told.count("put aside.") == 2
    with the_database_of(product):
        assert SyncProblem.select().count() == 2
