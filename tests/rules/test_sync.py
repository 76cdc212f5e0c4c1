"""Billing feeds become rows: the same again changes nothing, order does not matter, and nothing in a feed ends a run."""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

import models
from integrations import billing_feed
from integrations.billing_feed import Contract, Meter, PutAside, Reading
from models import Event, Organisation, SyncProblem, SyncRun, now
from rules import events, sync, sync_run
from rules.refusal import Refused
from tests import factories
from tests.feeds import LEASE, TODAY, WORLD, bill, business, everything, figures, place, problems, take


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=True):
        yield


@pytest.fixture
def north(db: Any) -> Organisation:
    return place("north")


# ---- what comes in ----------------------------------------------------------------------------------------------------


def test_a_feed_becomes_rows_and_the_run_says_how_many(north: Organisation) -> None:
    run = take(north, WORLD)
    assert figures(run) == {"seen": 12, "created": 12, "changed": 0, "same": 0, "problems": 0}
    stored = models.SyncRun.get_by_id(run.id)
    assert (stored.created, stored.finished_at is not None, stored.lease_until) == (12, True, None)
    contract = models.Contract.get(payer_code="01-234 5")
    assert (contract.customer_name, str(contract.premises), contract.building.address) == ("Ona Pavyzdienė", "Liepų g. 1 - 1", "Liepų g. 1")
    stored_keys = dict(contract.__data__)
    contract.derive()
    assert contract.__data__ == stored_keys
    credit = models.Invoice.get(number="K1")
    assert (credit.net_cents, credit.vat_cents, credit.payable_cents, credit.outstanding_cents) == (-1_000, -210, -1_210, -1_210)
    assert [(line.net_cents, line.quantity_milli) for line in credit.lines] == [(-1_000, -1_000)]
    october = models.Reading.get(is_current=True, period="2026-10", meter=models.Meter.get(number="KV1_241"))
    assert (october.value_milli, october.previous_milli, october.contract_id, october.source) == (3_500, 1_000, contract.id, "feed")
    assert models.Meter.get(number="KV1_241").building == contract.building


def test_each_block_leaves_an_event_with_its_figures_and_the_run_one_more(north: Organisation) -> None:
    """N02"""
    run = take(north, WORLD)
    block, end = Event.select().order_by(Event.id).where(Event.name.startswith("feed."))
    assert (block.name, end.name) == ("feed.block_stored", "feed.run_finished")
    assert {k: v for k, v in block.facts.items() if k != "digest"} == {"run": run.id, "created": 12, "changed": 0, "same": 0}
    assert len(block.facts["digest"]) == 64
    assert end.facts == {"run": run.id, "seen": 12, "created": 12, "changed": 0, "same": 0, "problems": 0, "error": ""}


def test_the_same_data_again_changes_nothing(north: Organisation) -> None:
    records = [*WORLD, bill("S9", "unknown"), PutAside("row", "bad.csv:3", "{file}, row {row}: oh", {"file": "bad.csv", "row": 3})]
    first = take(north, records)
    before = everything()
    again = take(north, records)
    assert everything() == before
    assert figures(again) == {"seen": 14, "created": 0, "changed": 0, "same": 12, "problems": 2}
    assert first.problems == 2
    assert Event.select().where(Event.name == "feed.block_stored").count() == 1, "a block that changed nothing tells nothing"


@settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(WORLD) + 3)), block=st.integers(1, 6))
def test_the_order_of_records_does_not_matter(db: Any, order: list[int], block: int, monkeypatch_block: Callable[[int], None]) -> None:
    """F18: whatever comes first, in blocks of any size, duplicates and two versions of a bill included."""
    records = [
        *WORLD,
        WORLD[4],
        bill("S2", net=7_000, issued_on=date(2026, 10, 1)),
        Reading("KV1_241", "01-234 5", date(2026, 10, 31), 3_600),
    ]
    with db.atomic() as trial:
        straight, shuffled = place("straight"), place("shuffled")
        monkeypatch_block(500)
        take(straight, records)
        monkeypatch_block(block)
        take(shuffled, [records[i] for i in order])
        assert business(shuffled) == business(straight)
        assert problems(shuffled) == problems(straight) == [("two-versions", "S2")]
        trial.rollback()


@pytest.fixture
def monkeypatch_block(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda size: monkeypatch.setattr(sync, "BLOCK", size)


def test_bills_of_contracts_that_open_themselves_name_them_alike_in_any_order(db: Any) -> None:
    bills = [bill(f"S{month}", "77", issued_on=date(2026, month, 1), customer_name=name) for month, name in ((8, "A"), (9, "B"), (10, "A"))]
    seen = set()
    for number, order in enumerate(itertools.permutations([*bills, replace(bills[0])])):
        here = place(f"o{number}", unknown_payer="open")
        for record in order:
            take(here, [record])
        seen.add(models.Contract.get(organisation=here).customer_name)
    assert seen == {"A"}


def test_a_run_killed_at_any_block_and_begun_again_leaves_the_rows_of_a_clean_one(
    db: Any, monkeypatch_block: Callable[[int], None]
) -> None:
    """F05"""
    clean = place("clean")
    monkeypatch_block(2)
    take(clean, WORLD)
    for k in range(0, len(WORLD) + 1, 2):
        cut = place(f"cut{k}")

        def until(k: int = k) -> Iterator[Any]:
            yield from WORLD[:k]
            raise KeyboardInterrupt  # nothing of ours runs after a kill

        with pytest.raises(KeyboardInterrupt):
            sync.take(cut, "csv", until(), billing_feed, lease=LEASE, keep=lambda _: "", site_url="")
        with pytest.raises(sync.Busy):
            take(cut, WORLD)
        with time_machine.travel(now() + LEASE, tick=True):
            take(cut, WORLD)
        assert business(cut) == business(clean)
        dead, alive = SyncRun.select().where(SyncRun.organisation == cut).order_by(SyncRun.id)
        assert (dead.error, alive.error) == (sync.CUT_OFF, "")


def test_a_run_that_was_taken_over_stores_nothing_more(north: Organisation, monkeypatch_block: Callable[[int], None]) -> None:
    monkeypatch_block(2)

    def slow() -> Iterator[Any]:
        yield from WORLD[:2]
        with time_machine.travel(now() + LEASE, tick=True):
            take(north, WORLD[:2])
        yield from WORLD[2:]

    with pytest.raises(sync.TakenOver):
        sync.take(north, "csv", slow(), billing_feed, lease=LEASE, keep=lambda _: "", site_url="")
    assert models.Contract.select().count() == 2
    assert models.Invoice.select().count() == 0


def test_what_breaks_a_run_is_written_there_and_stops_no_other_organisation(
    north: Organisation, monkeypatch_block: Callable[[int], None]
) -> None:
    """F17"""
    south = place("south")
    monkeypatch_block(2)

    def broken() -> Iterator[Any]:
        yield from WORLD[:4]
        raise OSError("the disk is gone")

    run = sync.take(north, "csv", broken(), billing_feed, lease=LEASE, keep=lambda _: "", site_url="")
    assert run.error == "OSError: the disk is gone"
    assert models.Contract.select().where(models.Contract.organisation == north).count() == 2, "what was stored before stays"
    assert figures(take(south, WORLD))["created"] == 12
    assert figures(take(north, WORLD))["created"] == 8


# ---- problems ---------------------------------------------------------------------------------------------------------

WRONG = PutAside("BR-CO-16", "bill.xml: 1100", "{file}, invoice {number}: the total comes to {computed}, not {stated}.",
                 {"file": "bill.xml", "number": "1100", "computed": "1656.25", "stated": "1657.25"})  # fmt: skip


def test_the_same_trouble_the_next_night_is_the_same_row(north: Organisation) -> None:
    first = take(north, [WRONG])
    with time_machine.travel(TODAY + timedelta(days=1)):
        second = take(north, [WRONG])
    (problem,) = SyncProblem.select()
    assert (problem.kind, problem.reference, problem.facts["stated"]) == ("BR-CO-16", "bill.xml: 1100", "1657.25")
    assert (problem.run_id, problem.seen_at.date()) == (second.id, date(2026, 11, 6))
    assert (first.problems, second.problems) == (1, 1)


def test_a_problem_closed_by_hand_stays_closed_while_the_feed_says_the_same(north: Organisation) -> None:
    olga = factories.staff(north)
    take(north, [WRONG, bill("S9", "unknown")])
    for problem in SyncProblem.select():
        sync.resolve(problem, reason="A test bill", by=olga)
    assert problems(north) == []
    assert [(e.actor, e.facts) for e in Event.select().where(Event.name == "feed.problem_resolved")] == [
        (f"staff:{olga.id}", {"reason": "A test bill"})
    ] * 2
    take(north, [WRONG, bill("S9", "unknown")])
    assert problems(north) == []
    take(north, [replace(WRONG, facts=WRONG.facts | {"stated": "1658.25"}), bill("S9", "unknown", net=5)])
    assert len(problems(north)) == 2


def test_a_problem_is_closed_once_and_with_a_reason(north: Organisation) -> None:
    olga = factories.staff(north)
    take(north, [WRONG])
    problem = SyncProblem.get()
    with pytest.raises(Refused, match="reason"):
        sync.resolve(problem, reason=" ", by=olga)
    sync.resolve(problem, reason="Corrected by the supplier", by=olga)
    with pytest.raises(Refused, match="already"):
        sync.resolve(problem, reason="Again", by=olga)
    assert Event.select().where(Event.name == "feed.problem_resolved").count() == 1


# ---- size -------------------------------------------------------------------------------------------------------------


def test_a_block_asks_the_database_the_same_whatever_its_size(db: Any, monkeypatch_block: Callable[[int], None]) -> None:
    """Statements are counted for blocks of 5 and of 50 bills with their readings, new and known."""

    def world(n: int) -> list[Any]:
        return [
            record
            for i in range(n)
            for record in (
                Contract(f"C{i}", building=f"G. {i}", premises="1"), Meter(f"C{i}", f"M{i}", "hot-water"), bill(f"B{i}", f"C{i}"),
                Reading(f"M{i}", f"C{i}", date(2026, 10, 31), i),
            )
        ]  # fmt: skip

    counted = []
    for size in (5, 50):
        here = place(f"size{size}")
        for _ in range(2):
            with counting(db) as statements:
                take(here, world(size))
            counted.append(len(statements))
    assert counted[0] == counted[2]
    assert counted[1] == counted[3]


def counting(db: Any) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def count() -> Iterator[list[str]]:
        statements: list[str] = []
        original = db.execute_sql

        def spy(sql: str, *args: Any, **kwargs: Any) -> Any:
            statements.append(sql)
            return original(sql, *args, **kwargs)

        db.execute_sql = spy
        try:
            yield statements
        finally:
            db.execute_sql = original

    return count()


def test_a_set_of_row_ids_takes_one_bit_each() -> None:
    bits, numbers = sync_run.Bits(), random.Random(1).sample(range(1, 1_000_000), 1_000)
    for number in numbers:
        bits.add(number)
    assert all(number in bits for number in numbers)
    assert not any(number in bits for number in set(range(2_000_000, 2_000_100)) | set(range(0, 1_000_000, 997)) - set(numbers))
    assert len(bits.bytes) <= 125_001


def test_the_module_of_feeds_keeps_records_as_a_run_needs() -> None:
    codec: sync_run.Codec = billing_feed
    for record in (*WORLD, WRONG):
        assert codec.from_json(codec.to_json(record)) == record


def test_events_of_a_feed_are_sealed_with_the_rest(north: Organisation) -> None:
    """M01"""
    take(north, WORLD)
    events.seal(b"k" * 32)
    assert list(events.verify(b"k" * 32)) == []
