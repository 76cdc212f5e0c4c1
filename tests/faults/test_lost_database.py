"""The database taken away under people's forms: PostgreSQL restarted, sessions ended, a COMMIT without an answer, a locked SQLite
file. What was answered is stored once, and what can be done anew is done without a word (P1, P2, P5, P7)."""

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from peewee import fn

from models import Account, Event, Message
from tests.faults import FULL, check, ring, roll, the_database_of
from tests.faults.procs import Lost, Visitor
from tests.faults.test_kill_web import CUSTOMER_SITE, check_phones, check_readings, clients, sign_in
from tests.product import installed
from tests.servers import CUSTOMERS, Nginx, Postgres, Site, Wire, asleep, postgresql

BLOWS, LOST_COMMITS = (40, 30) if FULL else (4, 2)
LOCKED_SECONDS = 30 if FULL else 6.5
WAITS_AT_MOST_SECONDS = 5
HEALS_WITHIN_SECONDS, LEASE_SECONDS = 60, 5
# gunicorn ends a worker that hangs after 30 seconds; the new one first answers what was sent meanwhile, each after a try of three.
HUNG_SECONDS, TOLD_FROM_SECONDS = 90, 60
PHONE, STATIC = "/north/account/phone", "/static/site.css"


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgresql() as server:
        yield server


def changes_of_phone() -> list[str]:
    return [event.facts["new"] for event in Event.select().where(Event.name == "account.phone_changed").order_by(Event.id)]


def test_nothing_is_lost_or_doubled_when_postgresql_restarts_or_ends_sessions(translations: None, server: Postgres, tmp_path: Path) -> None:
    """P1, P2, P5, P7, F10: web and worker"""
    dice, ended = roll(), threading.Event()
    leases = {"SAVITARNA_LEASE_SECONDS": str(LEASE_SECONDS), "SAVITARNA_MAIL_TIMEOUT_SECONDS": "2"}
    with installed(tmp_path, DATABASE_URL=server.url, SAVITARNA_TRUSTED_PROXIES="1", **leases) as product:
        readers, callers, _ = clients(product)
        everyone = [*readers, *callers]
        product.start_consumer()
        product.start_web(application=CUSTOMER_SITE)
        for client in everyone:
            sign_in(client.visitor, client.email)
        threads = [threading.Thread(target=client.work, args=(ended.is_set,)) for client in everyone]
        for thread in threads:
            thread.start()
        ended_sessions = 0
        try:
            for blow in range(BLOWS):
                time.sleep(dice.uniform(0.3, 1))
                if blow % 2:
                    server.stop(signal.SIGINT if blow % 4 == 1 else signal.SIGQUIT)
                    time.sleep(dice.uniform(0, 0.3))
                    server.start()
                else:
                    for _ in range(5):
                        ended_sessions += server.kill_sessions()
                        time.sleep(dice.uniform(0, 0.1))
            time.sleep(0.5)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        forms, busy = sum(len(client.answered) for client in everyone), sum(client.visitor.busy for client in everyone)
        print(f"{BLOWS} blows, {ended_sessions} sessions ended, {forms} forms answered, {busy} told to come back")
        assert [complaint for client in everyone for complaint in client.visitor.broken] == []
        assert sum(len(client.visitor.lost) for client in everyone) == 0, "the web server itself ended"
        assert forms > 0
        check(product)
        with the_database_of(product):
            for client in readers:
                check_readings(client)
            for client in callers:
                check_phones(client)
            end = time.monotonic() + HEALS_WITHIN_SECONDS + LEASE_SECONDS
            while waiting := dict(
                Message.select(Message.state, fn.COUNT(Message.id)).where(Message.state != "sent").group_by(Message.state).tuples()
            ):
                assert time.monotonic() < end, f"the worker does not go on: {waiting}"
                if not FULL:
                    ring(product)  # it looks by itself every minute
                time.sleep(1)


@pytest.mark.full  # takes two minutes
def test_a_database_that_hangs_takes_nobody_with_it(translations: None, server: Postgres, tmp_path: Path) -> None:
    """P1, P2, P5, P7, F12: a worker waits for it as long as gunicorn lets it; then everybody is told, and all heals by itself."""
    ended, nginx = threading.Event(), Nginx(tmp_path / "nginx")
    with installed(tmp_path, DATABASE_URL=server.url, SAVITARNA_TRUSTED_PROXIES="1") as product:
        product.url = f"https://{CUSTOMERS}:{nginx.https}"
        readers, callers, _ = clients(product)
        everyone, watcher = [*readers, *callers], Visitor(product.url, "10.0.99.1")
        Site(product, CUSTOMER_SITE, nginx.base / "customer.sock", tmp_path / "web.log").start()
        nginx.start()
        threads = [threading.Thread(target=client.work, args=(ended.is_set,)) for client in everyone]
        try:
            for client in everyone:
                sign_in(client.visitor, client.email)
            for thread in threads:
                thread.start()
            time.sleep(2)
            assert server.process
            with asleep(server.process):
                since = time.monotonic()
                while time.monotonic() < since + TOLD_FROM_SECONDS:
                    assert answer(watcher, STATIC)[0] == 200, "what needs no database waited for it"
                    time.sleep(1)
                told = []
                while time.monotonic() < since + HUNG_SECONDS:
                    assert answer(watcher, STATIC)[0] == 200
                    told.append(answer(watcher, "/north/sign-in"))
                before = sum(len(client.answered) for client in everyone)
            awake = time.monotonic()
            watcher.page("/north/sign-in", lambda: time.monotonic() - awake > HEALS_WITHIN_SECONDS)
            healed = time.monotonic() - awake
            time.sleep(2)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
            nginx.stop()
        forms, busy = sum(len(client.answered) for client in everyone), sum(client.visitor.busy for client in everyone)
        print(f"hung {HUNG_SECONDS} s: {forms} forms answered, {busy} told to come back, ", end="")
        print(f"a page said so in {max(took for _, took in told):.1f} s at most, the first good one came {healed:.1f} s after it")
        assert {status for status, _ in told} == {503}
        assert forms > before > 0
        assert healed < HEALS_WITHIN_SECONDS
        assert [complaint for client in everyone for complaint in client.visitor.broken] == []
        check(product)
        with the_database_of(product):
            for client in readers:
                check_readings(client)
            for client in callers:
                check_phones(client)


def answer(visitor: Visitor, path: str) -> tuple[int, float]:
    """The status of a page, 0 where there was no answer, and how many seconds it took."""
    began, status = time.monotonic(), 0
    with suppress(Lost):
        status = visitor.open(path)[0]
    return status, time.monotonic() - began


def test_a_commit_whose_answer_is_lost_counts_once_and_nobody_notices(translations: None, server: Postgres, tmp_path: Path) -> None:
    """P2, F11: the form's key is in the same transaction, so the next try finds what became of the first."""
    wire = Wire(server.port)
    try:
        with installed(tmp_path, DATABASE_URL=server.at(wire.port), SAVITARNA_TRUSTED_PROXIES="1") as product:
            _, (client, _), _ = clients(product)
            product.start_web(workers=1, application=CUSTOMER_SITE)
            sign_in(client.visitor, client.email)
            wanted = [f"+3706200{number:04}" for number in range(LOST_COMMITS)]
            for phone in wanted:
                wire.state = "drop_commit"
                assert client.visitor.submit(PHONE, {"phone": phone}) == "/north/account"
                assert wire.state == "pass", "no COMMIT came through: this run has shown nothing"
            assert wire.cuts == LOST_COMMITS
            assert (client.visitor.busy, client.visitor.broken, client.visitor.lost) == (0, [], [])
            with the_database_of(product):
                assert changes_of_phone() == wanted
                assert Message.select().where(Message.kind == "phone_changed").count() == LOST_COMMITS
            wire.state = "drop_commit"
            lost_for_longer(client.visitor, wire)
            with the_database_of(product):
                assert changes_of_phone() == [*wanted, "+37062999999"]
            check(product)
    finally:
        wire.close()


def lost_for_longer(visitor: Visitor, wire: Wire) -> None:
    """The answer is lost and the server cannot be reached again: the form comes back, and counts once however often it is sent."""
    sent = filled(visitor, {"phone": "+37062999999"})

    def refuse() -> None:
        while wire.state != "pass":
            time.sleep(0.0005)
        wire.state = "refuse"

    watcher = threading.Thread(target=refuse)
    watcher.start()
    status, _, page = visitor.open(PHONE, sent)
    watcher.join()
    wire.state = "pass"
    wire.cut()
    if status == 503:
        sent = form_in(page)
    for _ in range(2):
        assert visitor.open(PHONE, sent)[:2] == (303, "/north/account")


def filled(visitor: Visitor, values: dict[str, str]) -> list[tuple[str, str]]:
    form = next(form for form in visitor.page(PHONE).forms if "phone" in form.fields)
    return [(name, value) for name, value in form.form_values() if name not in values] + list(values.items())


def form_in(page: str) -> list[tuple[str, str]]:
    """What an error page gives back, to be sent again."""
    (form,) = (form for form in html.document_fromstring(page).forms if form.method == "POST")
    return list(form.form_values())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes to the file and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_a_locked_file_is_waited_for_and_then_the_form_is_given_back(translations: None, tmp_path: Path) -> None:
    """F09: five seconds at most, nothing half written, pages can be read meanwhile."""
    took: dict[str, tuple[float, int, str]] = {}
    with installed(tmp_path, SAVITARNA_TRUSTED_PROXIES="1") as product:
        _, (first, second), _ = clients(product)
        product.start_web(workers=3, application=CUSTOMER_SITE)
        for client in (first, second):
            sign_in(client.visitor, client.email)

        def send(client: Any, phone: str) -> None:
            sent = filled(client.visitor, {"phone": phone})
            began = time.monotonic()
            status, _, page = client.visitor.open(PHONE, sent)
            took[phone] = time.monotonic() - began, status, page

        early = threading.Thread(target=send, args=(first, "+37062000001"))
        late = threading.Thread(target=send, args=(second, "+37062000002"))
        with locked(tmp_path / "savitarna.db"):
            early.start()
            time.sleep(LOCKED_SECONDS - 3)
            began = time.monotonic()
            assert second.visitor.page("/north/account") is not None
            assert time.monotonic() - began < 2, "a page to read waited for the lock"
            late.start()
            time.sleep(3)
        early.join()
        late.join()
        seconds, status, page = took["+37062000001"]
        assert status == 503
        assert seconds < WAITS_AT_MOST_SECONDS + 2
        assert took["+37062000002"][1] == 303, "three seconds were not waited for"
        with the_database_of(product):
            assert changes_of_phone() == ["+37062000002"]
        assert first.visitor.open(PHONE, form_in(page))[0] == 303
        with the_database_of(product):
            assert changes_of_phone() == ["+37062000002", "+37062000001"]
            assert Account.get(email=first.email).phone == "+37062000001"
        check(product)


def test_the_wire_and_the_server_do_what_they_say(server: Postgres) -> None:
    import psycopg

    wire = Wire(server.port)
    try:
        with psycopg.connect(server.at(wire.port), autocommit=True) as through:
            assert through.execute("SELECT 1").fetchone() == (1,)
            assert server.kill_sessions() == 1
            with pytest.raises(psycopg.OperationalError):
                through.execute("SELECT 1")
        wire.state = "refuse"
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.at(wire.port))
        wire.state = "silent"
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.at(wire.port), connect_timeout=2)
    finally:
        wire.close()
