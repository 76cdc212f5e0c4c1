"""The queue taken away, in Redis, in PostgreSQL and in SQLite: it is only a bell. Pages answer as ever, tries are counted exactly, and mail
leaves by itself when it is back (P1, P3, P7)."""

import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.factories import PASSWORD
from tests.faults import FULL, check
from tests.faults.procs import Visitor
from tests.faults.test_kill_web import CUSTOMER_SITE, clients, sign_in
from tests.product import PATIENCE, Product, installed
from tests.servers import Postgres, Redis, asleep, postgresql, redis_server

FORMS, AWAY_SECONDS = (20, 60) if FULL else (4, 0)
ANSWERED_WITHIN_SECONDS = 2.5  # a hundredth of it is usual; a page that waited for a queue that hangs would take longer, or for ever
HEALS_WITHIN_SECONDS = 60 + 5  # the look of each minute, and what that takes itself
WRONG_ONES_LOCK = 5


# ---- what can happen to a queue -----------------------------------------------------------------------------------------


@dataclass
class File:
    """A queue in SQLite."""

    path: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(sql).fetchall()


@contextmanager
def sqlite_file() -> Iterator[File]:
    with tempfile.TemporaryDirectory() as folder:
        yield File(Path(folder, "queue.db"))


Queue = Redis | Postgres | File


@contextmanager
def locked(queue: File) -> Iterator[None]:
    with closing(sqlite3.connect(queue.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def stopped(queue: Redis | Postgres) -> Iterator[None]:
    queue.stop()
    yield
    queue.start()


@contextmanager
def crashed(queue: Postgres) -> Iterator[None]:
    queue.stop(signal.SIGQUIT)
    yield
    queue.start()


@contextmanager
def hung(queue: Redis | Postgres) -> Iterator[None]:
    assert queue.process
    with asleep(queue.process):
        yield


@contextmanager
def full(queue: Redis) -> Iterator[None]:
    queue.ask("CONFIG", "SET", "maxmemory", "1mb")
    yield
    queue.ask("CONFIG", "SET", "maxmemory", "0")


TASKS = {Postgres: "huey_task", File: "task"}


def waiting_in(queue: Queue) -> object:
    if isinstance(queue, Redis):
        return queue.ask("LLEN", "huey.redis.savitarna")
    return queue.ask(f"SELECT count(*) FROM {TASKS[type(queue)]}")[0][0]


def empty(queue: Queue) -> None:
    queue.ask("FLUSHALL" if isinstance(queue, Redis) else f"DELETE FROM {TASKS[type(queue)]}")


# ---- who could notice ---------------------------------------------------------------------------------------------------


@dataclass
class Town:
    """An install whose queue is elsewhere, and someone who changes their phone again and again."""

    product: Product
    visitor: Visitor
    email: str
    victims: list[str]  # whose passwords are guessed
    took: list[float] = field(default_factory=list)
    sent: int = 0

    def change_phone(self, times: int = 1) -> None:
        for _ in range(times):
            self.sent += 1
            began = time.monotonic()
            to = self.visitor.submit("/north/account/phone", {"phone": f"+370621{self.sent:05}"})
            self.took.append(time.monotonic() - began)
            assert (to, self.visitor.broken, self.visitor.busy, self.visitor.lost) == ("/north/account", [], 0, [])

    def lock_out(self) -> None:
        """So many wrong passwords lock, and not one fewer."""
        email = self.victims.pop()
        stranger = Visitor(self.product.url, f"10.7.{len(self.victims)}.1")
        wrong = {"email": email, "password": f"{PASSWORD}-1"}
        answers = [stranger.submit("/north/sign-in", wrong) for _ in range(WRONG_ONES_LOCK)]
        assert answers == [None] * (WRONG_ONES_LOCK - 1) + ["/north/locked"]

    def mails(self) -> int:
        words = [str(letter["To"]) for letter in self.product.mail.letters if "+370 621" in letter.as_string()]
        return sum(self.email in to for to in words)

    def wait_for_mail(self) -> float:
        """Wait until every mail is out; how long it took until the first one was."""
        began, before, first = time.monotonic(), self.mails(), 0.0
        while self.mails() < self.sent:
            waited = time.monotonic() - began
            if not first and self.mails() > before:
                first = waited
            assert waited < (HEALS_WITHIN_SECONDS if not first else first + PATIENCE), f"{self.mails()} of {self.sent} mails are out"
            time.sleep(0.05)
        assert self.mails() == self.sent
        return first or time.monotonic() - began


PLACES = [
    pytest.param(redis_server, (stopped, hung, full), id="redis"),
    pytest.param(postgresql, (stopped, crashed, hung), id="postgresql"),
    *([pytest.param(sqlite_file, (locked,), id="sqlite")] if FULL else []),
]


@pytest.mark.parametrize(("place", "faults"), PLACES)
def test_nobody_notices_that_the_queue_is_away(
    translations: None,
    place: Callable[[], AbstractContextManager[Queue]],
    faults: tuple[Callable[..., AbstractContextManager[None]], ...],
    tmp_path: Path,
) -> None:
    """P1, P3, P7, F14, G15"""
    with place() as queue, installed(tmp_path, SAVITARNA_QUEUE_URL=queue.url, SAVITARNA_TRUSTED_PROXIES="1") as product:
        readers, (caller, _), _ = clients(product)
        town = Town(product, caller.visitor, caller.email, [reader.email for reader in readers])
        web, consumer = product.start_web(application=CUSTOMER_SITE), product.start_consumer(log=tmp_path / "worker.log")
        sign_in(caller.visitor, caller.email)
        town.change_phone()
        town.wait_for_mail()
        for fault in faults:
            before, town.took = town.mails(), []
            with fault(queue):
                town.change_phone(FORMS)
                town.lock_out()
                time.sleep(AWAY_SECONDS)
                assert town.mails() == before, "the queue was not away: this run has shown nothing"
                if FULL:
                    product.kill(web)  # it would ring as soon as there is somebody to hear: now only the look of each minute is left
            heals = town.wait_for_mail()
            print(f"{type(queue).__name__} {fault.__name__}: a form in {max(town.took):.2f} s at most, mail leaves {heals:.1f} s after it")
            assert max(town.took) < ANSWERED_WITHIN_SECONDS
            if FULL:
                web = product.start_web(application=CUSTOMER_SITE)
        assert consumer.poll() is None
        product.kill(consumer)
        town.change_phone()
        end = time.monotonic() + PATIENCE
        while not waiting_in(queue):
            assert time.monotonic() < end, "nobody has rung"
            time.sleep(0.05)
        empty(queue)
        product.start_consumer(log=tmp_path / "worker.log")
        print(f"{type(queue).__name__} emptied: mail {town.wait_for_mail():.1f} s after the consumer was started again")
        check(product)
