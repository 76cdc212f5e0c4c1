"""What the records of a feed become: which version of a bill stays, whose a contract and a meter are, what is put aside, who is told."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine

import models
from integrations import billing_feed
from integrations.billing_feed import Contract, Invoice, Meter, Reading
from models import Message, Organisation, SyncProblem
from tests import factories
from tests.feeds import ANNA, BEN, KV1, TODAY, bill, everything, figures, place, problems, take


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=True):
        yield


@pytest.fixture
def north(db: Any) -> Organisation:
    return place("north")


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
