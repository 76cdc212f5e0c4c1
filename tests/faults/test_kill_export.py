"""The worker killed while it writes a big file of a list's rows: no half of it is ever offered, and in the end there is one file,
whole, with one event (N06, P5, P7)."""

import csv
import io
import os
import subprocess
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lxml import etree
from pyotp import TOTP

import tasks
from config import load
from integrations.files import BEING_WRITTEN, LEFT_BEHIND
from models import Account, Contract, Event, Export, ExportedAccount, Staff
from rules import events, exports, work
from rules.bulk import add_all
from tests import factories
from tests.faults import check, installed_on, ring, roll, the_database_of
from tests.faults.procs import Visitor
from tests.product import PATIENCE, Product

KILLS = 20
ROWS = exports.AT_ONCE + 1  # from so many on, a worker makes the file
HELD = 30  # of the contracts, each by a customer who must know of the file
WORKERS = 2
LEASE_SECONDS = 3


@dataclass
class Clerk:
    """A staff member at the lists of an install, and what they have asked for."""

    product: Product
    visitor: Visitor
    asked: list[Export] = field(default_factory=list)

    def sign_in(self, who: Staff) -> None:
        signed = {"email": who.email, "password": factories.PASSWORD, "code": TOTP(who.totp_secret).now()}
        assert self.visitor.submit("/backoffice/sign-in", signed), self.visitor.broken

    def ask(self, kind: str) -> Export:
        """Ask for all contracts as a file, and be led to its page."""
        to = self.visitor.submit("/backoffice/contracts/export/", {"kind": kind, "reason": "Metinė ataskaita"})
        export = Export.select().order_by(Export.id.desc()).get()
        assert (to, self.visitor.broken) == (self.page(export), [])
        self.asked.append(export)
        return export

    def page(self, export: Export) -> str:
        return f"/backoffice/exports/{export.public_id}/"

    def is_offered(self, export: Export) -> bool:
        """Whether its page leads to a file; if it does not, nor does the file's own address."""
        page = self.page(export)
        links = self.visitor.page(page).xpath(f"//a[@href='{page}file/']")
        if not links:
            assert self.visitor.open(f"{page}file/")[:2] == (303, page)
        return bool(links)

    def take(self, export: Export) -> list[str]:
        """The payer codes in the file."""
        with self.visitor.opener.open(f"{self.product.url}{self.page(export)}file/") as answer:
            content = answer.read()
        if export.kind == "csv":
            return [row["Payer code"] for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))]
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            assert book.testzip() is None
            sheet = etree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
        heads, *rows = [[cell.xpath("string(.)") for cell in row] for row in sheet.xpath("//x:row", namespaces=space)]
        return [row[heads.index("Payer code")] for row in rows]


@pytest.mark.full  # takes minutes; in `make test` it is killed at each statement (test_kill_statement.py)
def test_a_big_file_is_whole_and_there_once_however_often_its_writer_is_killed(translations: None, engine: str, tmp_path: Path) -> None:
    """N06, P5, P7"""
    dice, temporary = roll(), tmp_path / "temporary"
    temporary.mkdir()
    kills = 0
    leases = {"SAVITARNA_LEASE_SECONDS": str(LEASE_SECONDS), "SAVITARNA_MAIL_TIMEOUT_SECONDS": "1", "TMPDIR": str(temporary)}
    with installed_on(engine, tmp_path / "data", **leases) as product, the_database_of(product):
        agent = a_town()
        product.start_web(workers=1)
        clerk = Clerk(product, Visitor(product.url, "10.0.0.1"))
        clerk.sign_in(agent)
        takes = 1.0
        while kills < KILLS:
            export = clerk.ask("csv" if len(clerk.asked) % 2 else "xlsx")
            for _ in range(exports.TRIES - 1):  # one more, and it would be given up as a file that kills whoever writes it
                if kills == KILLS or not is_killed_in_the_middle(product, export, dice.uniform(0, takes)):
                    break
                kills += 1
                assert not clerk.is_offered(export)
                check(product)
            takes = finish(product, export) or takes
        for export in clerk.asked:
            check_file(export, clerk.take(export))
        half_written = len(being_written(product))
        for folder in being_written(product):
            long_ago = time.time() - LEFT_BEHIND.total_seconds() - 60
            os.utime(folder, (long_ago, long_ago))
        product.start_consumer(WORKERS)
        ring(product, job=tasks.make_exports)
        wait_until(lambda: not being_written(product))
        assert {path.name for path in exports_of(product).iterdir()} == {exports.file_name(export) for export in clerk.asked}
        assert list(temporary.iterdir()) == []
        check(product)
    print(f"{engine}: {kills} kills, {half_written} files left half written and cleared away, {len(clerk.asked)} files of {ROWS} rows")
    assert half_written > 0, "no kill came while a file was being written: this run has shown nothing"


def a_town() -> Staff:
    """North, with so many contracts, and the agent who works there."""
    with work.unit_of_work():
        north = factories.organisation()
        events.record("organisation.loaded", north, by=events.OPERATOR, preset="none")
        agent = factories.staff(north)
        events.record("staff.invited", agent, by=events.OPERATOR, role=agent.role)
        provider = factories.provider(north)
        rows = [
            Contract(organisation=north, provider=provider, payer_code=f"{number:06}", customer_name="Anna North", address="Liepų g. 1-1")
            for number in range(ROWS)
        ]
        add_all(rows)
        for number in range(HELD):
            person, place = factories.account(north, f"anna{number}@example.lt"), rows[number * (ROWS // HELD)]
            events.record("account.registered", person, by=person, person_type="natural", consents=[])
            factories.holds(person, place)
            events.record("contract.attached", place, by=person, account=person, access_type="owner")
        return agent


def is_killed_in_the_middle(product: Product, export: Export, after: float) -> bool:
    """Start the consumer and kill it so many seconds after it took the file over; whether it was not done with it."""
    consumer = begun(product, export)
    time.sleep(after)
    product.kill(consumer)
    return of_now(export).state == "new"


def finish(product: Product, export: Export) -> float:
    """Let a consumer make the file; how many seconds it took."""
    if of_now(export).state == "ready":
        return 0.0
    consumer, began = begun(product, export), time.monotonic()
    wait_until(lambda: of_now(export).state != "new")
    took = time.monotonic() - began
    product.kill(consumer)
    return took


def begun(product: Product, export: Export) -> subprocess.Popen[bytes]:
    """A consumer that has just taken the file over, as soon as the lease of whoever had it is over."""
    tries, consumer = of_now(export).tries, product.start_consumer(WORKERS)

    def is_taken() -> bool:
        ring(product, WORKERS, tasks.make_exports)
        return of_now(export).tries > tries

    wait_until(is_taken)
    return consumer


def of_now(export: Export) -> Export:
    return Export.get_by_id(export.id)


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE + LEASE_SECONDS
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def exports_of(product: Product) -> Path:
    return load(product.environ).exports_dir


def being_written(product: Product) -> list[Path]:
    """What a killed worker leaves behind."""
    return list(exports_of(product).glob(f"{BEING_WRITTEN}*"))


def check_file(export: Export, codes: list[str]) -> None:
    """Every row is in it once, it was written down once, and each customer in it can know."""
    assert sorted(codes) == [f"{number:06}" for number in range(ROWS)]
    told = Event.select().where((Event.name == "rows.exported") & (Event.subject == f"export:{export.id}"))
    assert [event.facts["count"] for event in told] == [ROWS]
    concerned = ExportedAccount.select(ExportedAccount.account).where(ExportedAccount.export == export.id).tuples()
    assert sorted(number for (number,) in concerned) == sorted(number for (number,) in Account.select(Account.id).tuples())
