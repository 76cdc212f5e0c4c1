"""The consumer killed in the middle of handing mail over: no mail is lost, and a copy is told by its Message-ID (P3, F03, G9)."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from models import Message, now
from rules import messages, work
from tests.faults import FULL, check, installed_on, ring, roll, the_database_of
from tests.product import MailServer, Product

KILLS, MAILS = (100, 2000) if FULL else (2, 100)
WORKERS = 2
LEASE_SECONDS, MAIL_TIMEOUT_SECONDS = (5, 2) if FULL else (3, 1)
SLOW_SECONDS = 0.05
HEALS_WITHIN_SECONDS = 60


@dataclass
class SlowMailServer(MailServer):
    """One that has taken the mail and takes its time to say so: whoever is killed meanwhile cannot know."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(SLOW_SECONDS)
        return answer


def test_no_mail_is_lost_when_the_consumer_is_killed_in_the_middle_of_it(translations: None, engine: str, tmp_path: Path) -> None:
    """P3, F03, G9: with the queue beside the database"""
    dice = roll()
    leases = {"SAVITARNA_LEASE_SECONDS": str(LEASE_SECONDS), "SAVITARNA_MAIL_TIMEOUT_SECONDS": str(MAIL_TIMEOUT_SECONDS)}
    with installed_on(engine, tmp_path, mail=SlowMailServer(), **leases) as product:
        with the_database_of(product), work.unit_of_work():
            for number in range(MAILS):
                messages.put(
                    "reset_no_account", f"anna{number}@example.lt", organisation=None, dedupe_key=f"letter:{number}", register_url=""
                )
        ring(product, 4 * KILLS)
        in_hand = sum(kill_in_the_middle(product, dice) for _ in range(KILLS))
        product.start_consumer(WORKERS)
        wait_until_all_are_sent(product)
    copies = Counter(str(letter["Message-ID"]) for letter in product.mail.letters)
    addresses = {(str(letter["Message-ID"]), str(letter["To"])) for letter in product.mail.letters}
    extra = len(product.mail.letters) - MAILS
    print(f"{KILLS} kills, {MAILS} mails, {in_hand} in hand when killed, {extra} extra copies")
    assert len(copies) == MAILS
    assert len(addresses) == MAILS, "a mail came under two names, or two mails under one"
    assert extra <= KILLS * WORKERS
    assert in_hand > 0, "no kill came in the middle of a mail: this run has shown nothing"


def kill_in_the_middle(product: Product, dice: random.Random) -> int:
    """Start the consumer, let it send for a while, kill it; how many mails it had in hand."""
    before, began, consumer = len(product.mail.letters), now(), product.start_consumer(WORKERS)
    end = time.monotonic() + HEALS_WITHIN_SECONDS
    while len(product.mail.letters) == before:
        assert time.monotonic() < end, "the consumer has begun no mail"
        time.sleep(0.01)
    time.sleep(dice.uniform(0, 0.8))
    product.kill(consumer)
    check(product)
    with the_database_of(product):
        # Not those that an earlier kill left, which nobody has taken over yet.
        taken = Message.lease_until > began + timedelta(seconds=LEASE_SECONDS)
        return Message.select().where((Message.state == "sending") & taken).count()


def wait_until_all_are_sent(product: Product) -> None:
    """It goes on by itself, however long so many mails take."""
    sent, end = 0, time.monotonic() + HEALS_WITHIN_SECONDS
    while True:
        with the_database_of(product):
            states = Counter(state for (state,) in Message.select(Message.state).tuples())
        if states == {"sent": MAILS}:
            return
        if states["sent"] > sent:
            sent, end = states["sent"], time.monotonic() + HEALS_WITHIN_SECONDS
        assert not states["dead"], f"given up: {states}"
        assert time.monotonic() < end, f"still {states} after {HEALS_WITHIN_SECONDS} seconds"
        ring(product)
        time.sleep(2 if FULL else 0.5)
