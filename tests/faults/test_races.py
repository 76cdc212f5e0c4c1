"""Twenty at the same moment, on both databases: one wins, and the others are told so (G11)."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

import pytest

from models import Account, Confirmation, Event, FormKey, Lockout, Membership, Message, Meter, Organisation, Reading, Seal, Staff, database
from rules import accounts, confirmations, contracts, corrections, events, lockouts, readings, registration, staff, work
from rules.refusal import Missing, Refused
from tests import factories
from tests.together import at_once

TOGETHER = 20
TODAY = date(2026, 11, 20)
SITE = "https://savitarna.example.lt/north"


def race(act: Callable[[int], Any]) -> list[Any]:
    """What came of `act(0)` to `act(19)`, let go together, each with a connection of its own: what it returned or what it raised."""
    gate = threading.Barrier(TOGETHER)

    def run(number: int) -> Any:
        with database.connection_context():
            gate.wait(10)
            try:
                return act(number)
            except Exception as error:
                return error

    database.close()  # its place in the pool is for one of them
    try:
        with ThreadPoolExecutor(TOGETHER) as threads:
            return list(threads.map(run, range(TOGETHER)))
    finally:
        database.connect()


def refused(outcomes: list[Any], kind: type[Exception] | tuple[type[Exception], ...] = Refused) -> int:
    """How many were refused; anything that broke in another way is raised here."""
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, kind):
            raise outcome
    return sum(isinstance(outcome, Exception) for outcome in outcomes)


def test_one_reading_sent_twenty_times_is_one_reading_one_event_and_one_mail(db: object) -> None:
    """CV-34, G11"""
    anna, meter = a_meter()
    outcomes = race(lambda _: readings.declare(Meter.get_by_id(meter.id), 241_600, on=TODAY, by=Account.get_by_id(anna.id)).reference)
    assert refused(outcomes) == 0
    assert len(set(outcomes)) == 1
    assert [r.value_milli for r in Reading.select()] == [241_600]
    assert Event.select().where(Event.name == "reading.declared").count() == 1
    assert Message.select().where(Message.kind == "reading_declared").count() == 1


def test_of_twenty_different_readings_of_one_day_the_highest_counts(db: object) -> None:
    """K18, G11: in whatever order they come; whoever told less is told so."""
    anna, meter = a_meter(same_day_reading="highest")
    outcomes = race(lambda n: readings.declare(Meter.get_by_id(meter.id), 241_000 + n, on=TODAY, by=Account.get_by_id(anna.id)).id)
    assert refused(outcomes) == TOGETHER - Reading.select().count()
    (counts,) = Reading.select().where(Reading.is_current)
    assert counts.value_milli == 241_000 + TOGETHER - 1


def test_twenty_different_readings_of_one_meter_leave_one_that_counts_and_all_are_kept(db: object) -> None:
    """G11"""
    anna, meter = a_meter()
    outcomes = race(lambda n: readings.declare(Meter.get_by_id(meter.id), 241_000 + n, on=TODAY, by=Account.get_by_id(anna.id)).id)
    assert refused(outcomes) == 0
    stored = {r.id: r for r in Reading.select()}
    assert sorted(r.value_milli for r in stored.values()) == [241_000 + n for n in range(TOGETHER)]
    last = max(stored)
    assert [r.id for r in stored.values() if r.is_current] == [last]
    replaced = [e.facts["replaces"] for e in Event.select().where(Event.name == "reading.declared").order_by(Event.id)]
    in_order = [stored[i].value_milli for i in sorted(stored)]
    assert replaced == [None, *in_order[:-1]]


def test_corrections_and_declarations_at_once_leave_one_reading_that_counts(db: object) -> None:
    """G11, N02: ten agents correct one reading while its customer declares ten times; one correction is done at most."""
    anna, meter = a_meter()
    first = readings.declare(meter, 241_000, on=TODAY, by=anna)
    agents = [factories.staff(anna.organisation) for _ in range(TOGETHER // 2)]

    def act(number: int) -> Any:
        if number % 2:
            return readings.declare(Meter.get_by_id(meter.id), 242_000 + number, on=TODAY, by=Account.get_by_id(anna.id)).id
        agent = agents[number // 2]
        return corrections.correct(Reading.get_by_id(first.id), 100_000 + number, reason="She misread it", by=agent).id

    refused(race(act))
    stored = list(Reading.select().order_by(Reading.id))
    assert sum(row.is_current for row in stored) == 1
    assert stored[-1].is_current
    corrected = [row for row in stored if row.source == "staff"]
    assert len(corrected) <= 1
    assert Event.select().where(Event.name == "reading.corrected").count() == len(corrected)
    assert Message.select().where(Message.kind == "reading_changed").count() == len(corrected)


def test_twenty_who_seal_at_once_seal_each_event_once(db: object) -> None:
    """M01, G11: the worker of each minute, and an operator who checks meanwhile."""
    north = factories.organisation()
    with work.unit_of_work():
        for number in range(2 * TOGETHER):
            events.record("organisation.loaded", north, by=events.OPERATOR, preset=str(number))
    outcomes = race(lambda _: events.seal(b"k" * 32))
    assert refused(outcomes) == 0
    assert sum(outcomes) == 2 * TOGETHER
    assert (Seal.select().count(), Event.select().where(Event.seal.is_null()).count()) == (1, 0)
    assert list(events.verify(b"k" * 32)) == []


def test_a_contract_attached_from_twenty_windows_is_attached_once(db: object) -> None:
    """T14, G11"""
    north = factories.organisation(claim_invoice=True)
    anna, bill = factories.account(north), factories.invoice(factories.contract(north, "01-234 5"), "S000777")

    def attach(number: int) -> Any:
        return contracts.attach(
            Account.get_by_id(anna.id), provider=None, payer_code="01-234 5", invoice_number=bill.number, source=f"10.0.{number}.0/24"
        )

    outcomes = race(attach)
    assert TOGETHER - refused(outcomes) == 1
    assert Membership.select().where(Membership.account == anna).count() == 1
    assert Event.select().where(Event.name == "contract.attached").count() == 1
    assert Message.select().where(Message.kind == "contract_attached").count() == 1


def test_of_twenty_wrong_passwords_at_once_exactly_five_are_counted_and_one_lock_is_told(db: object) -> None:
    """IB-60, T42, G13"""
    anna, told = factories.account(factories.organisation()), []
    outcomes = race(
        lambda _: lockouts.failed(
            lockouts.of_customers(anna.organisation), anna.email, "10.0.0.0/24", None, after=5, hours=6, person=anna, tell=told.append
        )
    )
    assert refused(outcomes) == 0
    assert sorted({row.failures for row in Lockout.select()}) == [5]
    assert outcomes.count(None) == 4  # the fifth is the first that finds it locked
    assert len(told) == 1
    assert Event.select().where(Event.name == "account.locked").count() == 1


def test_of_twenty_sign_ins_at_once_four_are_told_wrong_and_the_right_password_comes_too_late(db: object) -> None:
    """IB-60, T42, G13"""
    north = factories.organisation()
    anna = factories.account(north)

    def sign_in(password: str) -> Any:
        here = Organisation.get_by_id(north.id)
        return accounts.sign_in(here, anna.email, password, source="10.0.0.0/24", device=None, site_url=SITE)

    outcomes = race(lambda n: sign_in(f"Wrong-{n}"))
    assert refused(outcomes) == TOGETHER
    assert sum(outcome.message == accounts.WRONG for outcome in outcomes) == 4
    assert sum(isinstance(outcome, accounts.Locked) for outcome in outcomes) >= 1
    assert Message.select().where(Message.kind == "account_locked").count() == 1
    with pytest.raises(Refused):
        sign_in(factories.PASSWORD)


def test_twenty_agents_who_unlock_one_account_unlock_it_once(db: object) -> None:
    """IB-61, G11"""
    north = factories.organisation()
    anna, scope = factories.account(north), lockouts.of_customers(north)
    for _ in range(5):
        lockouts.failed(scope, anna.email, "10.0.0.0/24", None, after=5, hours=6, person=anna)
    agents = [factories.staff(north) for _ in range(TOGETHER)]
    outcomes = race(lambda n: accounts.unlock(Account.get_by_id(anna.id), reason="She called", by=agents[n]))
    assert refused(outcomes) == TOGETHER - 1
    assert Account.get_by_id(anna.id).locked_until is None
    assert Event.select().where(Event.name == "account.unlocked").count() == 1
    assert Message.select().where(Message.kind == "account_unlocked").count() == 1


def test_a_registration_code_typed_in_twenty_windows_opens_one_account(db: object) -> None:
    """IB-38, T44, G11"""
    north = factories.organisation(signup_confirm="code", signup_names="one", signup_phone=False)
    code = registered(north, "jonas@example.lt", "f" * 32)
    outcomes = race(lambda _: registration.confirm_code(Organisation.get_by_id(north.id), "f" * 32, code, source="10.0.0.0/24"))
    assert refused(outcomes) == TOGETHER - 1
    assert [account.email for account in Account.select()] == ["jonas@example.lt"]
    assert Event.select().where(Event.name == "account.registered").count() == 1


def test_of_twenty_wrong_codes_at_once_five_are_looked_at(db: object) -> None:
    """T44, G13"""
    north = factories.organisation(signup_confirm="code", signup_names="one", signup_phone=False)
    code = registered(north, "jonas@example.lt", "f" * 32)
    wrong = [f"{n:06}" for n in range(TOGETHER + 1) if f"{n:06}" != code]
    outcomes = race(lambda n: registration.confirm_code(Organisation.get_by_id(north.id), "f" * 32, wrong[n], source="10.0.0.0/24"))
    assert refused(outcomes) == TOGETHER
    assert Confirmation.get().tries == 5
    assert sum(str(outcome) == confirmations.WRONG_CODE for outcome in outcomes) == 5
    with pytest.raises(Refused):
        registration.confirm_code(north, "f" * 32, code, source="10.0.0.0/24")


def test_two_registrations_of_one_address_open_one_account(db: object) -> None:
    """CV-08, G11"""
    north = factories.organisation(signup_confirm="code", signup_names="one", signup_phone=False)
    flows = [f"{n:032}" for n in range(4)]
    codes = [registered(north, "jonas@example.lt", flow) for flow in flows]
    outcomes = race(lambda n: registration.confirm_code(Organisation.get_by_id(north.id), flows[n % 4], codes[n % 4], source="10.0.0.0/24"))
    assert refused(outcomes) == TOGETHER - 1
    assert Account.select().count() == 1
    assert Event.select().where(Event.name == "account.registered").count() == 1


def test_twenty_administrators_who_remove_each_other_leave_one(db: object) -> None:
    """T30, G11"""
    north = factories.organisation()
    people = [factories.staff(north, "administrator") for _ in range(TOGETHER)]

    def remove_the_next(number: int) -> None:
        victim, by = (Staff.get_by_id(people[(number + step) % TOGETHER].id) for step in (1, 0))
        staff.change_role(victim, role="agent", reason="Reorganisation", by=by)

    outcomes = race(remove_the_next)
    assert refused(outcomes, (Refused, Missing)) >= 1
    left = Staff.select().where((Staff.role == "administrator") & Staff.is_active).count()
    assert left >= 1
    assert left == TOGETHER - outcomes.count(None)
    assert Event.select().where(Event.name == "staff.role_changed").count() == outcomes.count(None)


def test_two_last_administrators_who_remove_each_other_leave_one(db: object) -> None:
    """T30, G11"""
    north = factories.organisation()
    people = [factories.staff(north, "administrator") for _ in range(2)]

    def remove_the_other(number: int) -> None:
        victim, by = (Staff.get_by_id(people[(number + step) % 2].id) for step in (1, 0))
        staff.dismiss(victim, reason="Left", by=by)

    outcomes = race(remove_the_other)
    refused(outcomes, (Refused, Missing))
    assert outcomes.count(None) == 1
    assert Staff.select().where(Staff.is_active).count() == 1


def test_a_form_sent_twenty_times_at_once_acts_once_and_all_get_its_answer(db: object) -> None:
    """P2, G11"""
    north = factories.organisation()

    def act() -> str | None:
        if Account.select().exists():
            return None  # as a rule refuses what has been done already
        time.sleep(0.1)  # the others have looked for an earlier answer by now
        return f"/done/{factories.account(north, 'anna@example.lt').id}"

    outcomes = race(lambda _: work.once("anyone:10.0.0.0/24", "k" * 22, "digest", act))
    assert refused(outcomes) == 0
    assert outcomes == [f"/done/{Account.get().id}"] * TOGETHER
    assert FormKey.select().count() == 1


def a_meter(**rules: Any) -> tuple[Account, Meter]:
    """Anna and a meter of hers, on a day when readings are taken."""
    north = factories.organisation(**rules)
    anna, place = factories.account(north), factories.contract(north)
    factories.holds(anna, place)
    return anna, factories.meter(place)


def registered(north: Organisation, email: str, flow: str) -> str:
    """Someone has registered and has their code."""
    registration.register(
        north, person_type="natural", name="Jonas North", email=email, phone=None, password="Labai-ilgas-zodis-7", consents_given=set(),
        language="en", site_url=SITE, source="10.0.0.0/24", flow=flow,
    )  # fmt: skip
    return str(Message.select().where(Message.kind == "confirm_by_code").order_by(Message.id.desc()).get().facts["code"])


def test_a_wrong_password_and_a_new_one_at_the_same_moment_do_not_wait_for_one_another(db: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """T42, F13: else one of them is lost, and a wrong password that is lost is not counted."""
    north = factories.organisation("north")
    anna, scope = factories.account(north), lockouts.of_customers(north)
    wrong: dict[str, Any] = {"source": "192.0.2.0/24", "device": None, "after": 5, "hours": 6, "person": anna}
    for _ in range(4):
        lockouts.failed(scope, anna.email, **wrong)
    gate, mark, forget = threading.Barrier(2), lockouts._mark, lockouts.forget

    def together(act: Callable[..., Any], *args: Any) -> Any:
        with suppress(threading.BrokenBarrierError):  # where one waits for the other from its first statement on
            gate.wait(1)
        return act(*args)

    monkeypatch.setattr(lockouts, "_mark", partial(together, mark))
    monkeypatch.setattr(lockouts, "forget", partial(together, forget))

    def act(number: int) -> Any:
        if number:
            return lockouts.failed(scope, anna.email, **wrong)
        return accounts.change_password(Account.get(), current=factories.PASSWORD, new="Naujas-zodis-8", session=None, site_url=SITE)

    at_once(2, act)
    told = [e.name for e in Event.select().order_by(Event.name)]
    if told == ["account.password_changed"]:  # the new password came first: the wrong one is the first of the next five
        assert {row.failures for row in Lockout.select()} == {1}
    else:
        assert told == ["account.locked", "account.password_changed"]
