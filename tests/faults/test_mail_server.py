"""A mail server in every kind of trouble, with the real consumer: nothing is lost, what is urgent goes first, it heals by itself."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models import Message, now
from rules import messages, work
from tests.faults import FULL, check, ring, the_database_of
from tests.product import PATIENCE, MailServer, Product, installed

TIMEOUT_SECONDS, LEASE_SECONDS = 1, 3
BULK = 1_000 if FULL else 60
ONE_TAKES = 0.05
URGENT_WITHIN = 30 if FULL else 8  # seconds; G of F16


@dataclass
class Troubled(MailServer):
    """It does to each recipient what the first part of the address says, until it is well."""

    is_well: bool = False
    delay: float = 0
    tries: Counter[str] = field(default_factory=Counter)

    def trouble_of(self, address: str) -> str:
        return "" if self.is_well else address.partition("-")[0]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.tries[address] += 1
        answers = {"closing": "421 4.3.2 shutting down", "greylisted": "451 4.7.1 try later", "gone": "550 5.1.1 no such user"}
        if self.trouble_of(address) in answers:
            return answers[self.trouble_of(address)]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        trouble = self.trouble_of(envelope.rcpt_tos[0])
        if trouble == "slow":
            await asyncio.sleep(TIMEOUT_SECONDS * 3)
        if trouble == "dropped":
            server.transport.abort()
        if trouble in ("dropped", "slow"):
            return "451 too late"
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(self.delay)
        if trouble == "unsaid":  # taken, and the word of it is lost
            server.transport.abort()
        return answer


def put(product: Product, *addresses: str, lane: int = messages.USUAL) -> None:
    with the_database_of(product), work.unit_of_work():
        for address in addresses:
            messages.put("reset_no_account", address, organisation=None, dedupe_key=address, lane=lane, register_url="https://x")


def states(product: Product) -> dict[str, str]:
    with the_database_of(product):
        return {row.to: row.state for row in Message.select()}


def wait_until(product: Product, done: Any, seconds: float = PATIENCE) -> dict[str, str]:
    end = time.monotonic() + seconds
    while not done(found := states(product)):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_each_kind_of_trouble_ends_as_it_should_and_stops_no_other_mail(translations: None, tmp_path: Path) -> None:
    """F15, P3"""
    server = Troubled()
    settings = {"SAVITARNA_MAIL_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS), "SAVITARNA_LEASE_SECONDS": str(LEASE_SECONDS)}
    troubles = ("closing", "greylisted", "gone", "slow", "dropped", "unsaid")
    addresses = [f"{trouble}-{number}@example.lt" for number in range(4 if FULL else 1) for trouble in (*troubles, "well")]
    with installed(tmp_path, mail=server, **settings) as product:
        put(product, *addresses)
        product.start_consumer(2)
        ring(product)
        found = wait_until(product, lambda found: not {"sending"} & set(found.values()) and all(server.tries[to] for to in found), 60)
        for to, state in found.items():
            assert state == {"gone": "dead", "well": "sent"}.get(to.partition("-")[0], "new"), (to, state)
        with the_database_of(product):
            pauses = [(row.next_at - now()).total_seconds() for row in Message.select().where(Message.state == "new")]
            assert min(pauses) > -60 + 30
            assert max(pauses) <= 30
            server.is_well = True
            Message.update(next_at=now()).where(Message.state == "new").execute()  # the pause is over
        ring(product)
        wait_until(product, lambda found: set(found.values()) == {"sent", "dead"})
        check(product)
    copies = Counter(str(letter["To"]) for letter in server.letters)
    assert {to.partition("-")[0] for to, times in copies.items() if times > 1} <= {"unsaid"}
    assert set(copies) == {to for to in addresses if not to.startswith("gone")}
    assert len({(str(m["To"]), str(m["Message-ID"])) for m in server.letters}) == len(copies), "a second copy under another name"


def test_a_code_does_not_wait_behind_a_thousand_bills(translations: None, tmp_path: Path) -> None:
    """F16"""
    server = Troubled(is_well=True, delay=ONE_TAKES)
    with installed(tmp_path, mail=server) as product:
        put(product, *(f"bulk-{number}@example.lt" for number in range(BULK)), lane=messages.BULK)
        product.start_consumer(1)
        ring(product)
        waits = []
        for number in range(3 if FULL else 1):
            before = len(server.letters)
            wait_until(product, lambda _, so_far=before: len(server.letters) > so_far + 5)
            began = time.monotonic()
            put(product, f"urgent-{number}@example.lt", lane=messages.SOMEONE_WAITS)
            server.wait_for(f"urgent-{number}@example.lt")
            waits.append(time.monotonic() - began)
        is_bulk_left = len(server.letters) < BULK
        assert is_bulk_left, "all the bills had gone: this has shown nothing"
        print(f"urgent mail waited {max(waits):.1f} s at most")
        assert max(waits) < URGENT_WITHIN


def test_a_mail_server_that_is_away_loses_nothing(translations: None, tmp_path: Path) -> None:
    """F15, P3"""
    server = Troubled(is_well=True)
    settings = {"SAVITARNA_MAIL_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS), "SAVITARNA_LEASE_SECONDS": str(LEASE_SECONDS)}
    with installed(tmp_path, mail=server, **settings) as product:
        port, product.environ["SAVITARNA_MAIL_URL"] = server.port, "smtp://127.0.0.1:9"
        put(product, *(f"well-{number}@example.lt" for number in range(5)))
        away = product.start_consumer(1)
        ring(product)
        wait_until(product, lambda found: set(found.values()) == {"new"} and _all_tried(product))
        product.kill(away)
        product.environ["SAVITARNA_MAIL_URL"] = f"smtp://127.0.0.1:{port}"
        with the_database_of(product):
            Message.update(next_at=now()).execute()  # the pause is over
        product.start_consumer(1)
        ring(product)
        wait_until(product, lambda found: set(found.values()) == {"sent"})
    assert len(server.letters) == 5


def _all_tried(product: Product) -> bool:
    with the_database_of(product):
        return not Message.select().where(Message.tries == 0).exists()
