"""Billing feeds become rows: the same again changes nothing, order does not matter, and nothing in a feed ends a run."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import peewee as pw
import pytest
import time_machine
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

import models
from integrations import billing_feed
from integrations.billing_feed import Contract, Invoice, Line, Meter, PutAside, Reading, Vat
from models import Event, Message, Organisation, SyncProblem, SyncRun, now
from rules import events, sync, sync_run
from rules.refusal import Refused
from tests import factories

LEASE = timedelta(seconds=120)
TODAY = datetime(2026, 11, 5, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=True):
        yield


@pytest.fixture
def north(db: Any) -> Organisation:
    return place("north")


def place(slug: str, *providers: str, **settings: Any) -> Organisation:
    """An organisation that takes in bills."""
    made = factories.organisation(slug, **settings)
    for name in providers or ("North Heat",):
        factories.provider(made, name)
    models.MeterKind.create(organisation=made, code="hot-water", name_lt="Karšto vandens", name_en="Hot water", unit="m³", decimals=3)
    return models.Organisation.get(id=made.id)


def take(organisation: Organisation, records: Iterable[Any], **options: Any) -> SyncRun:
    """One run over these records."""
    said: dict[str, Any] = {"lease": LEASE, "keep": lambda content: "f" * 64, "site_url": "https://my.example.lt/north"} | options
    return sync.take(organisation, "csv", iter(list(records)), billing_feed, **said)


def bill(number: str = "S1", payer: str = "01-234 5", net: int = 10_000, **changes: Any) -> Invoice:
    """A bill of one line."""
    vat = net * 21 // 100
    said: dict[str, Any] = {
        "issued_on": date(2026, 11, 1),
        "due_on": date(2026, 11, 30),
        "net_cents": net,
        "vat_cents": vat,
        "total_cents": net + vat,
        "payable_cents": net + vat,
        "lines": (Line(name="Šiluma", quantity_milli=1_000, unit="MWh", unit_price_micro=net * 10_000, net_cents=net, vat_rate=2100),),
        "vat": (Vat("S", 2100, net, vat),),
        "customer_name": "Ona Pavyzdienė",
        "address": "Liepų g. 1-1",
    }
    return Invoice(number=number, payer_code=payer, **said | changes)


ANNA = Contract("01-234 5", customer_name="Ona Pavyzdienė", address="Liepų g. 1-1", building="Liepų g. 1", premises="1")
BEN = Contract("01-234 6", customer_name="Benas Pavyzdys", address="Liepų g. 1-2", building="Liepų g. 1", premises="2")
KV1 = Meter("01-234 5", "KV1_241", "hot-water", place="Nr. 1", installed_on=date(2024, 1, 1))
WORLD: list[Any] = [
    ANNA,
    BEN,
    KV1,
    Meter("01-234 6", "KV1_242", "hot-water"),
    bill("S1"),
    bill("S2", issued_on=date(2026, 10, 1)),
    bill("S3", "01-234 6", 5_000),
    bill("K1", kind="credit_note", refers_to="S2", net=1_000),
    Reading("KV1_241", "01-234 5", date(2026, 9, 30), 1_000),
    Reading("KV1_241", "01-234 5", date(2026, 10, 31), 3_500),
    Reading("KV1_241", "01-234 5", date(2026, 10, 30), 3_400),
    Reading("KV1_242", "01-234 6", date(2026, 10, 31), 700),
]

BUSINESS = (models.Building, models.Premises, models.Contract, models.Meter, models.Reading, models.Invoice, models.InvoiceLine, models.InvoiceVat)  # fmt: skip
# What another database, or another order, may name otherwise.
NAMES_OF_ROWS = {"id", "public_id", "reference", "run", "recorded_at"}


def business(organisation: Organisation) -> dict[str, list[Any]]:
    """Everything that a feed has said, without the ids of rows."""
    return {
        model.__name__: sorted(map(repr, (_said(row) for row in model.select().where(model.organisation == organisation))))
        for model in BUSINESS
    }


def _said(row: models.Table, depth: int = 0) -> dict[str, Any]:
    said = {}
    for name, field in row._meta.fields.items():
        if name in NAMES_OF_ROWS or name == "organisation":
            continue
        value = row.__data__[name]
        if isinstance(field, pw.ForeignKeyField) and value is not None:
            value = str(getattr(row, name)) if depth or name != "invoice" else (row.invoice.kind, row.invoice.number)
        said[name] = value
    return said


def everything() -> dict[str, list[Any]]:
    """Every row of every table, but for runs, events, and when a problem was last seen."""
    kept = [model for model in models.TABLES if model not in (SyncRun, Event)]
    hidden = {SyncProblem: {"run", "seen_at"}}
    return {
        model.__name__: sorted(repr({k: v for k, v in row.__data__.items() if k not in hidden.get(model, ())}) for row in model.select())
        for model in kept
    }


def problems(organisation: Organisation) -> list[tuple[str, str]]:
    """The open ones: rule and reference."""
    rows = SyncProblem.select().where((SyncProblem.organisation == organisation) & SyncProblem.resolved_at.is_null())
    return sorted((row.kind, row.reference) for row in rows)


def figures(run: SyncRun) -> dict[str, int]:
    assert run.error == ""
    return {name: getattr(run, name) for name in ("seen", "created", "changed", "same", "problems")}


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


# ---- which version stays ----------------------------------------------------------------------------------------------


def shown(number: str = "S1") -> tuple[int, list[int], list[int]]:
    row = models.Invoice.get(number=number)
    return row.net_cents, [line.net_cents for line in row.lines], [rate.base_cents for rate in row.vat]


def test_a_correction_replaces_the_bill_with_its_lines(north: Organisation) -> None:
    take(north, [ANNA, bill()])
    public_id = models.Invoice.get().public_id
    assert figures(take(north, [ANNA, bill(net=9_000)])) == {"seen": 2, "created": 0, "changed": 1, "same": 1, "problems": 0}
    assert shown() == (9_000, [9_000], [9_000])
    assert models.Invoice.get().public_id == public_id


def test_an_older_revision_never_replaces_a_newer_one(north: Organisation) -> None:
    old, new = (bill(net=net, revised_at=datetime(2026, 11, day, tzinfo=UTC)) for net, day in ((10_000, 1), (9_000, 2)))
    for records in ([ANNA, old], [new], [old], [old, new], [new, old], [bill(net=8_000)]):
        take(north, records)
    assert shown() == (9_000, [9_000], [9_000])
    assert problems(north) == []


def versions() -> tuple[Invoice, Invoice]:
    """Two bills that only their digests order."""
    smaller, larger = sorted((bill(net=net) for net in (10_000, 9_000)), key=billing_feed.digest)
    return smaller, larger


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_versions_in_one_run_the_larger_digest_stays_and_a_problem_tells(north: Organisation, turned: bool) -> None:
    smaller, larger = versions()
    both = [larger, smaller] if turned else [smaller, larger]
    take(north, [ANNA, *both])
    for _ in range(2):
        assert shown()[0] == larger.net_cents
        assert problems(north) == [("two-versions", "S1")]
        before = everything()
        take(north, both)
        assert everything() == before
        both.reverse()


def test_when_the_feed_holds_one_version_again_it_stays_and_the_problem_is_over(north: Organisation) -> None:
    smaller, larger = versions()
    take(north, [ANNA, smaller, larger])
    take(north, [smaller])
    assert shown()[0] == smaller.net_cents
    assert problems(north) == []
    take(north, [larger])
    assert shown()[0] == larger.net_cents, "a correction like any other"
    assert problems(north) == []


def test_a_third_version_is_weighed_like_the_two_before(north: Organisation) -> None:
    first, second, third = sorted((bill(net=net) for net in (10_000, 9_000, 8_000)), key=billing_feed.digest)
    for number, order in enumerate(itertools.permutations([first, second, third])):
        here = place(f"v{number}")
        take(here, [ANNA, second, first])
        take(here, order)
        take(here, [third, first])
        assert models.Invoice.get(organisation=here).net_cents == third.net_cents
        assert problems(here) == [("two-versions", "S1")]


def test_a_reading_corrected_back_is_taken_once_the_feed_forgets_the_correction(north: Organisation) -> None:
    low, high = (Reading("KV1_241", "01-234 5", date(2026, 10, 31), value) for value in (3_400, 3_500))
    take(north, [ANNA, KV1, low])
    take(north, [low, high])
    before = everything()
    take(north, [high, low])
    assert everything() == before, "the feed holds both: nothing is new"
    take(north, [low])
    assert [row.value_milli for row in models.Reading.select().where(models.Reading.is_current)] == [3_400]


# ---- payer codes and providers ----------------------------------------------------------------------------------------


def test_a_bill_for_an_unknown_payer_code_waits_and_is_taken_in_when_the_contract_comes(north: Organisation) -> None:
    late = bill("S7", "09-9", pdf=b"%PDF-1.7")
    take(north, [late, Meter("09-9", "M9", "hot-water"), Reading("M9", "09-9", date(2026, 10, 31), 5)])
    assert problems(north) == [
        ("unknown-payer", "M9 09-9 2026-10-31 5"),
        ("unknown-payer", "M9 hot-water 09-9"),
        ("unknown-payer", "S7"),
    ]
    kept = SyncProblem.get(reference="S7").record
    assert kept["pdf_digest"] == "f" * 64
    assert kept["record"]["pdf"] is None
    run = take(north, [Contract("09-9", customer_name="Vėlyvas")])
    assert problems(north) == []
    assert figures(run) == {"seen": 1, "created": 4, "changed": 0, "same": 0, "problems": 0}
    assert models.Invoice.get(number="S7").pdf_digest == "f" * 64
    assert models.Reading.get().value_milli == 5


def test_the_newest_of_the_waiting_versions_is_taken_in(north: Organisation) -> None:
    take(north, [bill("S7", "09-9", net=1_000)])
    take(north, [bill("S7", "09-9", net=2_000)])
    take(north, [Contract("09-9")])
    assert shown("S7")[0] == 2_000
    assert models.Invoice.select().count() == 1


def test_an_unknown_payer_code_opens_a_contract_where_the_setting_says_so(db: Any) -> None:
    here = place("heat", unknown_payer="open")
    assert figures(take(here, [bill(), bill("S2")]))["created"] == 3
    contract = models.Contract.get()
    assert (contract.payer_code, contract.customer_name, contract.address) == ("01-234 5", "Ona Pavyzdienė", "Liepų g. 1-1")
    assert contract.provider.name == "North Heat"


def test_payer_codes_are_kept_byte_for_byte(db: Any) -> None:
    """CV-13"""
    here = place("heat", unknown_payer="open")
    codes = ["00123", "12-345 6", " 7 ", "Ąž/1", "ａ１"]
    take(here, [bill(f"S{n}", code) for n, code in enumerate(codes)])
    assert sorted(row.payer_code for row in models.Contract.select()) == sorted(codes)


def test_a_payer_code_that_could_be_taken_for_another_is_put_aside(north: Organisation) -> None:
    """T15"""
    take(north, [ANNA])
    run = take(north, [Contract("012345", customer_name="Kitas"), replace(ANNA, payer_code="01 234-5")])
    assert problems(north) == [("like-another", "01 234-5"), ("like-another", "012345")]
    assert run.problems == 2
    assert [row.payer_code for row in models.Contract.select()] == ["01-234 5"]


def test_a_code_that_is_wrong_in_a_bill_opens_no_second_contract(db: Any) -> None:
    """T15"""
    here = place("heat", unknown_payer="open")
    take(here, [bill("S1", "01-234 5"), bill("S2", "012345")])
    assert problems(here) == [("like-another", "S2")]


def test_one_provider_takes_the_bills_of_any_name_and_of_several_the_named_one(db: Any) -> None:
    one, two = place("one"), place("two", "Vakarai", "Rytai")
    assert figures(take(one, [replace(ANNA, provider="Streekenergie Ltd")]))["created"] == 1
    code = models.Provider.get(name="Rytai").code
    take(two, [replace(ANNA, provider="Vakarai"), replace(ANNA, provider=code), replace(BEN, provider="Nobody"), replace(BEN)])
    assert problems(two) == [("unknown-provider", "01-234 6 Nobody"), ("which-provider", "01-234 6")]
    assert sorted(row.provider.name for row in models.Contract.select().where(models.Contract.organisation == two)) == ["Rytai", "Vakarai"]
    # A bill that names no provider belongs to the one contract with its code; here there are two.
    take(two, [bill("S1")])
    assert ("which-provider", "S1") in problems(two)


# ---- meters and houses ------------------------------------------------------------------------------------------------


def test_a_meter_goes_to_another_contract_only_when_its_own_has_ended(north: Organisation) -> None:
    take(north, [ANNA, BEN, KV1, Reading("KV1_241", "01-234 5", date(2026, 9, 30), 1_000)])
    moved = replace(KV1, payer_code=BEN.payer_code)
    take(north, [KV1, moved])
    assert problems(north) == [("meter-elsewhere", "KV1_241 hot-water 01-234 6")]
    take(north, [replace(ANNA, ended_on=date(2026, 10, 15)), Reading("KV1_241", "01-234 5", date(2026, 10, 15), 1_500)])
    assert problems(north) == []
    meter = models.Meter.get()
    assert meter.contract.payer_code == BEN.payer_code
    take(north, [Reading("KV1_241", "01-234 5", date(2026, 8, 31), 700), Reading("KV1_241", "01-234 6", date(2026, 10, 31), 2_000)])
    whose = {row.value_milli: row.contract.payer_code for row in models.Reading.select()}
    assert whose == {700: "01-234 5", 1_000: "01-234 5", 1_500: "01-234 5", 2_000: "01-234 6"}
    assert models.Reading.get(value_milli=2_000).previous_milli == 1_500, "the closing reading of the one who had it"


def test_a_meter_that_was_removed_long_ago_stays_where_it_is_now(north: Organisation) -> None:
    gone = replace(KV1, payer_code=BEN.payer_code, removed_on=date(2024, 1, 1), installed_on=None)
    for number, order in enumerate(([KV1, gone], [gone, KV1])):
        here = place(f"h{number}")
        take(here, [ANNA, BEN, *order])
        meter = models.Meter.get(organisation=here)
        assert (meter.contract.payer_code, meter.removed_on) == (ANNA.payer_code, None)
        assert problems(here) == []


def test_meters_of_unknown_kind_and_readings_of_unknown_meters_wait(north: Organisation) -> None:
    """K18"""
    take(north, [ANNA, replace(KV1, kind="steam"), Reading("KV1_241", "01-234 5", date(2026, 10, 31), 5)])
    assert [kind for kind, _ in problems(north)] == ["unknown-kind", "unknown-meter"]
    models.MeterKind.create(organisation=north, code="steam", name_lt="Garo", name_en="Steam", unit="t", decimals=0)
    assert figures(take(north, []))["created"] == 2
    assert problems(north) == []


def test_a_contract_that_gets_its_house_later_takes_its_rows_along(north: Organisation) -> None:
    take(north, [replace(ANNA, building=None, premises=None), KV1, bill(), Reading("KV1_241", "01-234 5", date(2026, 10, 31), 5)])
    take(north, [ANNA])
    house = models.Building.get()
    for model in (models.Contract, models.Meter, models.Invoice, models.Reading):
        assert model.get().building == house


def test_a_feed_that_knows_no_houses_leaves_those_that_staff_gave(north: Organisation) -> None:
    bare = replace(ANNA, building=None, premises=None)
    take(north, [bare])
    house = factories.building(north)
    models.Contract.update(building=house).execute()
    take(north, [bare])
    assert models.Contract.get().building == house


def test_what_staff_say_of_a_place_stays_until_the_feed_says_something_else(north: Organisation) -> None:
    take(north, [ANNA, KV1])
    elsewhere = factories.building(north, "Kitur g. 9")
    models.Contract.update(address="Liepų g. 1-1, II a.", building=elsewhere, premises=None).execute()
    models.Meter.update(place="Vonia", building=elsewhere).execute()
    run = take(north, [replace(ANNA, customer_name="Ona Naujoji"), KV1])
    row, meter = models.Contract.get(), models.Meter.get()
    assert (row.customer_name, row.address, row.building, meter.place) == ("Ona Naujoji", "Liepų g. 1-1, II a.", elsewhere, "Vonia")
    assert (run.changed, run.same) == (1, 1)
    take(north, [replace(ANNA, address="Liepų g. 1-1A"), replace(KV1, place="Nr. 2")])
    row, meter = models.Contract.get(), models.Meter.get()
    assert (row.address, row.building.address, meter.place) == ("Liepų g. 1-1A", ANNA.building, "Nr. 2")
    assert meter.building == row.building


def test_a_payer_code_of_another_customer_leaves_the_account_of_who_had_it(north: Organisation) -> None:
    """CV-40, decision 11: another name and a later first day; a corrected name or day alone moves nobody."""
    opened = replace(ANNA, opened_on=date(2024, 1, 1))
    take(north, [opened])
    factories.holds(factories.account(north), models.Contract.get())
    models.Membership.update(since_at=datetime(2026, 10, 1, tzinfo=UTC)).execute()
    for corrected in (
        replace(opened, customer_name="Ona Pataisyta"),
        replace(opened, opened_on=date(2024, 2, 1), customer_name="Ona Pataisyta"),
    ):
        take(north, [corrected])
        assert models.Membership.get().until_at is None
    sold = replace(opened, customer_name="Jonas Naujasis", opened_on=date(2026, 11, 1))
    for _ in range(2):
        take(north, [opened, sold])
    assert models.Membership.get().ended_by == "feed"
    assert [message.kind for message in Message.select()] == ["contract_ended"]


def test_a_payer_code_that_will_be_another_customers_stays_until_that_day(north: Organisation) -> None:
    """Decision 11: billing systems write it down when the flat is sold, which may be weeks before it is handed over."""
    opened = replace(ANNA, opened_on=date(2024, 1, 1))
    take(north, [opened])
    factories.holds(factories.account(north), models.Contract.get())
    take(north, [replace(opened, customer_name="Jonas Naujasis", opened_on=date(2026, 12, 1))])
    assert (models.Membership.get().until_at, models.Contract.get().opened_on) == (None, date(2024, 1, 1))
    assert [kind for kind, _ in problems(north)] == ["goes-on"]
    with time_machine.travel("2026-12-01T10:00:00+00:00", tick=True):
        take(north, [])
    assert (models.Membership.get().ended_by, models.Contract.get().customer_name, problems(north)) == ("feed", "Jonas Naujasis", [])


# ---- what cannot be right ---------------------------------------------------------------------------------------------

ODD = {
    "amount": bill(net=10_000_000_00),
    "outstanding": bill(outstanding_cents=99_999),
    "currency": bill(currency="PLN"),
    "future": bill(issued_on=date(2027, 11, 7)),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_no_bill_can_say_is_put_aside_and_the_rest_goes_on(north: Organisation, kind: str) -> None:
    """F18"""
    run = take(north, [ANNA, ODD[kind], bill("S2"), Reading("KV1_241", "01-234 5", date(2026, 10, 31), 5), KV1])
    assert problems(north) == [(kind, "S1")]
    assert run.created == 4


def test_a_bill_below_zero_is_a_credit_note_and_its_amounts_stay_as_they_are(north: Organisation) -> None:
    """CV-12, F18: a correction may come as a credit note or as a bill with a minus; both lower what is owed, and neither twice."""
    minus, note = bill("K1", net=-10_000, refers_to="S1"), bill("K2", kind="credit_note", refers_to="S1")
    for outcome in ((4, 0), (0, 4)):
        run = take(north, [ANNA, bill("S1"), minus, note])
        assert (run.created, run.same, problems(north)) == (*outcome, [])
    rows = {row.number: row for row in models.Invoice.select()}
    one, other = rows["K1"], rows["K2"]
    assert (one.kind, one.total_cents, one.outstanding_cents, one.refers_to) == ("credit_note", -121_00, -121_00, "S1")
    for name in ("kind", "net_cents", "vat_cents", "total_cents", "payable_cents", "outstanding_cents"):
        assert getattr(one, name) == getattr(other, name)
    assert [(line.net_cents, line.invoice.number) for line in models.InvoiceLine.select().where(models.InvoiceLine.net_cents < 0)] == [
        (-100_00, "K1"),
        (-100_00, "K2"),
    ]
    assert sum(row.outstanding_cents for row in rows.values()) == -121_00


def test_a_credit_note_below_zero_is_put_aside_with_a_sentence_of_its_own(north: Organisation) -> None:
    """F18"""
    take(north, [ANNA, bill("K9", kind="credit_note", net=-10_000)])
    (problem,) = models.SyncProblem.select()
    assert problem.message.startswith("Credit note {number} is for {total_cents}. Below zero it could give money back or ask for it")
    assert not models.Invoice.select().exists()


def test_readings_of_tomorrow_or_below_zero_are_put_aside(north: Organisation) -> None:
    """F18"""
    take(north, [ANNA, KV1, Reading("KV1_241", "01-234 5", date(2026, 11, 6), 5), Reading("KV1_241", "01-234 5", date(2026, 11, 1), -5)])
    assert [kind for kind, _ in problems(north)] == ["future", "reading"]


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


# ---- mail -------------------------------------------------------------------------------------------------------------


def customer(north: Organisation, email: str = "anna@example.lt", access: str = "owner", **changes: Any) -> models.Account:
    account = factories.account(north, email, **changes)
    factories.holds(account, models.Contract.get(organisation=north, payer_code=ANNA.payer_code), access)
    return account


def told() -> list[tuple[str, str]]:
    return sorted((m.to, m.facts["number"]) for m in Message.select().where(Message.kind == "new_invoice"))


def test_a_new_bill_is_announced_once_to_whoever_may_see_it(north: Organisation) -> None:
    take(north, [ANNA, BEN])
    customer(north)
    customer(north, "user@example.lt", "user")
    customer(north, "unconfirmed@example.lt", email_confirmed_at=None)
    factories.account(north, "nobody@example.lt")
    for _ in range(2):
        take(north, [bill(), bill("OLD", issued_on=date(2026, 9, 1)), bill("K1", kind="credit_note"), bill("S3", BEN.payer_code)])
    take(north, [bill(net=1)])
    assert told() == [("anna@example.lt", "S1"), ("user@example.lt", "S1")]
    message = Message.get(to="anna@example.lt")
    row = models.Invoice.get(number="S1")
    assert message.lane == 9
    assert message.facts == {
        "number": "S1",
        "amount": 12_100,
        "due_on": "2026-11-30",
        "url": f"https://my.example.lt/north/invoices/{row.public_id}",
    }


def test_a_first_load_and_an_organisation_that_does_not_want_it_announce_nothing(db: Any) -> None:
    for slug, rules, before in (
        ("first", {}, []),
        ("quiet", {"announce_invoices": False}, [ANNA]),
        ("agri", {"identity_for_everything": "strong"}, [ANNA]),
    ):
        here = place(slug, **rules)
        take(here, before)
        contract = models.Contract.get_or_none(organisation=here) or factories.contract(
            here, ANNA.payer_code, provider=models.Provider.get(organisation=here)
        )
        factories.holds(factories.account(here), contract)
        take(here, [bill()])
    assert told() == []


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
