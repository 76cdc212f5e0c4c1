"""The queue, the schedule and the jobs, run as the consumer runs them but in this process: real files, real mail, real rows."""

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from peewee import SqliteDatabase

import tasks
from config import ROOT
from integrations import mail
from models import Account, Contract, Event, Invoice, JobRun, Message, Organisation, Seal, SyncProblem, SyncRun, now
from rules import exports, heads, messages, sessions, settings, sync
from rules.work import unit_of_work
from tests import factories
from tests.product import free_port, text_of

NIGHT = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)  # 03:00 in Vilnius
NOON = datetime(2026, 11, 5, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Whatever is enqueued runs at once, in a data directory of the test's own."""
    monkeypatch.setattr(tasks, "config", replace(tasks.config, data_dir=tmp_path, mail_url=""))
    tasks.huey.immediate = True
    yield
    tasks.huey.immediate = False


@pytest.fixture
def north(db: Any) -> Organisation:
    made = factories.organisation("north", billing_system="csv", name="Šiaurės šiluma", phone="+370 600 00001", email="pagalba@example.lt")
    factories.provider(made)
    return made


def deliver_feed(slug: str, **tables: str) -> None:
    """Put csv files where the billing system of an organisation puts them."""
    folder = tasks.config.feeds_dir / slug
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text.strip() + "\n", encoding="utf-8")


CONTRACTS = "payer_code;customer_name;address\n01-234 5;Ona Pavyzdienė;Liepų g. 1-1"
BILLS = """number;payer_code;issued_on;due_on;total;line_name;line_net;line_vat_rate
S1;01-234 5;2026-11-01;2026-11-30;121,00;Šiluma;100,00;21"""


# ---- the schedule -----------------------------------------------------------------------------------------------------


def test_the_schedule_names_each_job_once_with_its_local_time() -> None:
    times = {job.name: job.at and job.at.strftime("%H:%M") for job in tasks.SCHEDULE}
    assert times == {
        "send_mail": None,
        "seal_events": None,
        "make_exports": None,
        "end_shares": None,
        "end_invitations": None,
        "end_visits": None,
        "sync_billing": "02:10",
        "tidy": "03:30",
        "read_register": "04:00",
        "remind_readings": "09:00",
    }
    assert len(times) == len(tasks.SCHEDULE)


def test_a_tick_does_what_is_due_once_and_the_next_day_again(north: Organisation) -> None:
    deliver_feed("north", contracts=CONTRACTS, invoices=BILLS)
    with time_machine.travel(NIGHT, tick=False):
        for _ in range(3):
            tasks.tick()
    assert [(run.created, run.error) for run in SyncRun.select()] == [(2, "")]
    assert {(row.name, row.period) for row in JobRun.select()} == {
        (f"sync_billing:{north.id}", "2026-11-05"),
        ("tidy", "2026-11-04"),
        (f"read_register:{north.id}", "2026-11-04"),
        (f"remind_readings:{north.id}", "2026-11-04"),
    }
    with time_machine.travel(NIGHT + timedelta(days=1), tick=False):
        tasks.tick()
    assert [run.created for run in SyncRun.select().order_by(SyncRun.id)] == [2, 0]


def test_a_tick_seals_what_has_happened(north: Organisation) -> None:
    """M01"""
    assert Event.select().where(Event.seal.is_null()).exists()
    tasks.tick()
    assert Seal.select().count() == 1
    tasks.tick()
    assert not Event.select().where(Event.seal.is_null()).exists(), "what the first one's jobs did is sealed by the second"


def test_one_organisations_failure_stops_no_other_and_is_tried_again(
    north: Organisation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """F17"""
    south = factories.organisation("south", billing_system="csv")
    factories.provider(south, "South Heat")
    for slug in ("north", "south"):
        deliver_feed(slug, contracts=CONTRACTS)
    broken = True
    read = tasks.billing_feed.of

    def of(system: str, folder: Path, paths: Any = None) -> Any:
        if broken and folder.name == "north":
            return FeedThatBreaks()
        return read(system, folder, paths)

    monkeypatch.setattr(tasks.billing_feed, "of", of)
    with time_machine.travel(NIGHT, tick=False), caplog.at_level(logging.CRITICAL):
        tasks.tick()
        tasks.tick()
    runs = {run.organisation.slug: run for run in SyncRun.select()}
    assert (runs["north"].error, runs["south"].created) == ("OSError: the share is not mounted", 1)
    assert len(runs) == SyncRun.select().count() == 2
    broken = False
    with time_machine.travel(NIGHT + timedelta(minutes=15), tick=False):
        tasks.tick()
    assert Contract.select().where(Contract.organisation == north).count() == 1


class FeedThatBreaks:
    def records(self, since: Any = None) -> Iterator[Any]:
        raise OSError("the share is not mounted")


def test_an_organisation_without_a_billing_system_has_no_runs(db: Any) -> None:
    factories.organisation("north")
    with time_machine.travel(NIGHT, tick=False):
        tasks.tick()
    assert not SyncRun.select().exists()


def test_only_new_files_are_read_again_and_named_ones_at_once(north: Organisation) -> None:
    deliver_feed("north", contracts=CONTRACTS, invoices=BILLS)
    old = tasks.config.feeds_dir / "north" / "contracts.csv"
    with time_machine.travel(NOON, tick=False):
        assert sync.since(north) is None
        tasks.take_bills(north, "csv")
        assert str(sync.since(north)) == "2026-10-26"
        run = tasks.take_bills(north, "csv", [old])
        assert (run.feed, run.seen, run.same) == ("csv-once", 1, 1)
    with time_machine.travel(NOON + timedelta(days=3), tick=False):
        assert str(sync.since(north)) == "2026-10-26", "named files say nothing about the others"


def test_two_versions_of_one_document_are_settled_by_taking_the_older_file_out(db: Any) -> None:
    """Decision 10: an e-invoice has no revised_at, so the sentence that staff read must name a way that works without."""
    north = factories.organisation("north", billing_system="ubl", unknown_payer="open")
    factories.provider(north)
    folder = tasks.config.feeds_dir / "north"
    folder.mkdir(parents=True)
    first = (ROOT / "tests" / "data" / "ubl" / "bill.xml").read_text()
    versions = {"bill.xml": first, "bill-corrected.xml": first.replace(">2026-11-20<", ">2026-11-27<")}
    for stays in versions:
        for name, text in versions.items():
            (folder / name).write_text(text)
        tasks.take_bills(north, "ubl")
        (problem,) = SyncProblem.select().where(SyncProblem.resolved_at.is_null())
        assert "Take the older one out of the folder" in problem.message
        for name in versions.keys() - {stays}:
            (folder / name).unlink()
        tasks.take_bills(north, "ubl")
        assert not SyncProblem.select().where(SyncProblem.resolved_at.is_null()).exists()
        assert f">{Invoice.get().due_on}<" in versions[stays]


def test_a_providers_own_document_is_kept_under_its_digest(north: Organisation) -> None:
    deliver_feed("north", contracts=CONTRACTS, invoices=BILLS.replace("line_vat_rate", "line_vat_rate;pdf").replace(";21", ";21;S1.pdf"))
    (tasks.config.feeds_dir / "north" / "S1.pdf").write_bytes(b"%PDF-1.7 a bill")
    tasks.take_bills(north, "csv")
    kept = tasks.files.Folder(tasks.config.files_dir)
    assert kept.read(Invoice.get().pdf_digest) == b"%PDF-1.7 a bill"


def test_who_has_not_declared_is_reminded_once(north: Organisation) -> None:
    contract = factories.contract(north)
    factories.meter(contract)
    factories.holds(factories.account(north), contract)
    with time_machine.travel(datetime(2026, 11, 28, 8, tzinfo=UTC), tick=False):
        tasks.tick()
        tasks.tick()
        (message,) = Message.select().where(Message.kind == "reading_reminder")
    assert (message.dedupe_key.rpartition(":")[2], message.state) == ("2026-11-30", "sent")
    assert message.facts == {}, "what a sent letter told stays nowhere but with its reader"


def test_the_night_drops_sessions_that_are_over(north: Organisation) -> None:
    with time_machine.travel(NOON - timedelta(days=3), tick=False):
        secret = sessions.open_for(factories.account(north))
    with time_machine.travel(NOON, tick=False):
        tasks.tick()
        assert sessions.forget_ended() == 0
        assert sessions.customer(secret, north) is None


def test_a_worker_that_knows_no_desks_says_how_it_should_have_been_started(north: Organisation) -> None:
    """N06"""
    assert tasks.make_exports.call_local() == 0, "nothing waits"
    exports.ask("accounts", {}, Account, kind="csv", language="en", reason="Metinė ataskaita", total=1, by=factories.staff(north))
    with pytest.raises(RuntimeError, match=r"worker\.huey"):
        tasks.make_exports.call_local()


def test_the_night_tells_sqlite_how_large_its_tables_are(db: Any) -> None:
    """performance G6: it chooses its indexes by that; PostgreSQL looks by itself."""
    if isinstance(db, SqliteDatabase):
        factories.account(factories.organisation("north"))
        tasks.tidy(lambda: None)
        assert ("account",) in db.execute_sql("SELECT DISTINCT tbl FROM sqlite_stat1").fetchall()


# ---- mail -------------------------------------------------------------------------------------------------------------


class Sink:
    """A real mail server that keeps what it is handed, and says no to whom it is told to."""

    def __init__(self) -> None:
        self.port = free_port()
        self.letters: list[EmailMessage] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    found = Sink()
    controller = Controller(found, hostname="127.0.0.1", port=found.port)
    controller.start()
    monkeypatch.setattr(tasks, "config", replace(tasks.config, mail_url=f"smtp://127.0.0.1:{found.port}"))
    yield found
    controller.stop()


def write(to: str, here: Organisation | None, kind: str = "reset_no_account", lane: int = messages.USUAL, **facts: Any) -> Message:
    with unit_of_work():
        messages.put(
            kind, to, organisation=here, dedupe_key=f"{kind}:{to}", lane=lane, language="en", **facts or {"register_url": "https://x"}
        )
    return Message.get(to=to)


def test_a_mail_goes_out_in_the_name_of_its_organisation(north: Organisation, sink: Sink) -> None:
    write("anna@example.lt", north)
    assert tasks.send_mail.call_local() == 1
    (letter,) = sink.letters
    assert letter["From"] == "Šiaurės šiluma <savitarna@example.lt>"
    assert letter["Reply-To"] == "pagalba@example.lt"
    assert "+370 600 00001" in text_of(letter)
    message = Message.get()
    assert (message.state, message.tries, message.error) == ("sent", 1, "")


def test_a_second_copy_of_a_mail_has_the_same_name(north: Organisation, sink: Sink) -> None:
    """P3: the worker died between the server's word and our mark."""
    message = write("anna@example.lt", north)
    tasks.send_mail.call_local()
    unmarked = {"state": "sending", "lease_until": now() - timedelta(seconds=1), "facts": message.facts}
    Message.update(unmarked).where(Message.id == message.id).execute()
    write("ben@example.lt", north)
    tasks.send_mail.call_local()
    names = {letter["To"]: set() for letter in sink.letters}
    for letter in sink.letters:
        names[letter["To"]].add(letter["Message-ID"])
    assert len(sink.letters) == 3
    assert all(len(ids) == 1 for ids in names.values())
    assert names["anna@example.lt"] != names["ben@example.lt"]
    assert names["anna@example.lt"].pop().endswith("@example.lt>")


def test_one_poisoned_mail_stops_no_other(north: Organisation, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    """F28"""
    with caplog.at_level(logging.CRITICAL):
        write("first@example.lt", north, "no_such_letter", lane=messages.SOMEONE_WAITS)
        write("second@example.lt", north, "reset_password", lane=messages.SOMEONE_WAITS, minutes=30)  # the url is missing
        write("third@example.lt", north)
        assert tasks.send_mail.call_local() == 3
        assert [letter["To"] for letter in sink.letters] == ["third@example.lt"]
        first, second = Message.get(to="first@example.lt"), Message.get(to="second@example.lt")
        assert ("no_such_letter" in first.error, "url" in second.error) == (True, True)
        assert {first.state, second.state} == {"new"}
        for _ in range(messages.TRIES):
            Message.update(next_at=now()).where(Message.state == "new").execute()
            tasks.send_mail.call_local()
    assert {row.state for row in Message.select().where(Message.to != "third@example.lt")} == {"dead"}


def test_a_mail_on_which_the_worker_dies_every_time_is_given_up(north: Organisation) -> None:
    """F03, F28"""
    write("anna@example.lt", north)
    for number in range(messages.TRIES):
        message = messages.claim(-timedelta(seconds=1))
        assert message is not None
        assert message.tries == number + 1
    assert messages.claim(timedelta(seconds=60)) is None
    assert (Message.get().state, Message.get().error) == ("dead", messages.CUT_OFF)


def test_what_the_server_refuses_for_good_is_given_up_and_what_it_cannot_now_waits(north: Organisation, sink: Sink) -> None:
    sink.answers = {"gone@example.lt": "550 no such user", "busy@example.lt": "451 try later"}
    for to in (*sink.answers, "anna@example.lt"):
        write(to, north)
    assert tasks.send_mail.call_local() == 3
    states = {row.to: (row.state, row.error) for row in Message.select()}
    assert states == {
        "gone@example.lt": ("dead", "550 no such user"),
        "busy@example.lt": ("new", "451 try later"),
        "anna@example.lt": ("sent", ""),
    }


def test_bulk_mail_gives_other_work_its_turn_and_goes_on_behind_it(
    north: Organisation, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F16"""
    for number in range(3):
        write(f"bulk{number}@example.lt", north, lane=messages.BULK)
    write("urgent@example.lt", north, lane=messages.SOMEONE_WAITS)
    monkeypatch.setattr(tasks, "IN_A_ROW", timedelta(0))
    tasks.huey.immediate = False
    tasks.huey.flush()  # of what other tests have rung
    try:
        for _ in range(2):
            tasks.send_mail.call_local()
        assert (len(sink.letters), tasks.huey.pending_count()) == (0, 2)
    finally:
        tasks.huey.flush()
    monkeypatch.setattr(tasks, "IN_A_ROW", timedelta(seconds=50))
    assert tasks.deliver(mail.carrier(tasks.config), tasks.LEASE) == (4, True)
    assert sink.letters[0]["To"] == "urgent@example.lt"


def test_without_a_mail_server_each_mail_is_a_file(north: Organisation) -> None:
    write("anna@example.lt", north)
    tasks.send_mail()
    (path,) = tasks.config.mailbox_dir.glob("*.eml")
    assert message_from_bytes(path.read_bytes(), policy=policy.default)["To"] == "anna@example.lt"


def test_the_bell_keeps_nobody_waiting_and_rings_until_it_is_heard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """F14"""
    monkeypatch.setattr(tasks, "RING_AGAIN", timedelta(0))
    strokes, may_answer, heard = [], threading.Event(), threading.Event()

    def strike() -> None:
        may_answer.wait(10)
        strokes.append(time.monotonic())
        if len(strokes) < 3:
            raise ConnectionError("nobody is there")
        heard.set()

    bell = tasks.Bell(strike)
    began = time.monotonic()
    for _ in range(100):
        bell.ring()
    assert time.monotonic() - began < 1
    may_answer.set()
    assert heard.wait(10)
    assert [record.message for record in caplog.records].count("The queue cannot be reached: nobody is there") == 1
    heard.clear()
    bell.ring()
    assert heard.wait(10), "it rings only once"


def test_a_queued_job_carries_ids_only_and_is_signed(north: Organisation) -> None:
    tasks.huey.immediate = False
    tasks.huey.flush()
    try:
        tasks.run_job("sync_billing", "2026-11-05", north.id)
        (raw,) = tasks.huey.storage.enqueued_items(1)
        assert tuple(tasks.huey.deserialize_task(raw).args) == ("sync_billing", "2026-11-05", north.id)
        with pytest.raises(ValueError, match=r"[Ss]ignature"):
            tasks.huey.deserialize_task(raw[:-1] + bytes([raw[-1] ^ 1]))
    finally:
        tasks.huey.flush()


def test_settings_decide_whether_a_feed_is_read_at_all(north: Organisation) -> None:
    settings.change(north, "billing_system", "nothing", by="operator")
    deliver_feed("north", contracts=CONTRACTS)
    tasks.sync_billing(lambda: None, north.id)
    assert not Contract.select().exists()


# ---- the register of legal entities ------------------------------------------------------------------------------------


def test_the_register_is_read_at_night_and_one_that_is_silent_is_asked_again(
    north: Organisation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """IB-31: what lies in the organisation's folder, from the next night on; a run that waits for a person is not tried again."""
    (settings_file := tasks.config.data_dir / "register.toml").write_text('mode = "files"\nhead_types = ["VADOVAS"]\n')
    monkeypatch.setattr(tasks, "config", replace(tasks.config, register=str(settings_file)))
    company = factories.company(north, "UAB „Uosis“", code="399000011")
    folder = tasks.config.register_dir / "north"
    folder.mkdir(parents=True)
    (folder / "heads.csv").write_text("broken")
    with caplog.at_level(logging.CRITICAL), time_machine.travel(NIGHT, tick=False), pytest.raises(RuntimeError, match="Unavailable"):
        tasks.read_register(lambda: None, north.id)
    shutil.copy(ROOT / "tests" / "data" / "jar" / "broker-head-1.xml", folder)
    (folder / "heads.csv").unlink()
    for _ in range(2):
        tasks.read_register(lambda: None, north.id)
    assert [(run.feed, run.changed, run.same, bool(run.error)) for run in SyncRun.select().order_by(SyncRun.id)] == [
        ("register", 0, 0, True), ("register", 1, 0, False), ("register", 0, 1, False),
    ]  # fmt: skip
    (head,) = heads.live(company)
    assert (str(head), head.source) == ("Jonas Bandomasis", "file")
