"""Each promise that `flask portal check` asks about is broken here once, and the sentence that tells of it is the one expected."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import peewee as pw
import pytest

from config import ROOT, presets
from models import (
    AccessType,
    Account,
    Company,
    Contract,
    Event,
    Head,
    Identity,
    Invoice,
    InvoiceVat,
    Membership,
    Message,
    Meter,
    Organisation,
    Reading,
    Representative,
    Seal,
    Setting,
    Share,
    Staff,
    StaffBuilding,
    SyncRun,
    ThirdPartyPayer,
    database,
    now,
)
from rules import checks, contracts, events, invitations, messages, organisations, readings, sessions, staff
from rules.work import unit_of_work
from tests import factories

KEY = b"k" * 32
DECLARED_ON = date(2026, 11, 20)


def broken(migrations: Path = ROOT / "migrations") -> list[str]:
    return list(checks.broken(KEY, migrations))


@pytest.fixture
def north(db: Any) -> Organisation:
    """An organisation with a customer, a contract, readings, bills and staff, all made by the rules."""
    here = organisations.load("north", "district-heating", presets()["district-heating"], by=events.OPERATOR)
    owner = registered(here, "anna@example.lt")
    contract = factories.contract(here, "01-1", provider=factories.provider(here, "UAB „Miesto šiluma“"))
    factories.invoice(contract, "S1")
    meter = factories.meter(contract)
    contracts.attach(owner, provider=None, payer_code="01-1", invoice_number="S1", source="10.0.0.0/24")
    factories.reading(meter, 1_000, date(2026, 9, 30))
    factories.reading(meter, 2_000, date(2026, 10, 31), previous_milli=1_000)
    readings.declare(meter, 3_000, on=DECLARED_ON, by=owner)
    staff.invite("olga@example.com", "agent", organisation=here, by=events.OPERATOR, staff_url="https://x")
    return Organisation.get_by_id(here.id)


def registered(here: Organisation, email: str) -> Account:
    with unit_of_work():
        made = factories.account(here, email)
        events.record("account.registered", made, by=made, person_type="natural", consents=[])
    return made


def test_where_all_is_well_nothing_is_said(north: Organisation) -> None:
    assert broken() == []
    assert broken() == []
    assert not Event.select().where(Event.seal.is_null()).exists(), "what has happened is sealed first"


def _drop_index(name: str) -> None:
    database.execute_sql(f"DROP INDEX {name}")


def lines(north: Organisation) -> str:
    Invoice.update(net_cents=9_999, vat_cents=2_101).execute()
    InvoiceVat.update(vat_cents=2_101).execute()
    return "Bill S1: its lines add up to 10000 cents, but it says 9999."


def vat(north: Organisation) -> str:
    InvoiceVat.update(vat_cents=2_000).execute()
    return "Bill S1: the VAT of its rates adds up to 2000 cents, but it says 2100."


def outstanding(north: Organisation) -> str:
    Invoice.update(outstanding_cents=12_101).execute()
    return "Bill S1: 12101 cents are unpaid of 12100."


def provider(north: Organisation) -> str:
    Invoice.update(provider=factories.provider(north, "Other")).execute()
    return "Bill S1 is of another provider than its contract 01-1."


def two_current(north: Organisation) -> str:
    _drop_index("reading_current")
    factories.reading(Meter.get(), 3_000, date(2026, 11, 1), previous_milli=3_000)
    return "Meter KV1_241 has 2 readings that count in 2026-11 for one contract."


def counted_from(north: Organisation) -> str:
    Reading.update(previous_milli=1_500).where(Reading.period == "2026-11").execute()
    return "Meter KV1_241: the reading of 2026-11 is counted from 1500, but the one before is 2000."


def falling(north: Organisation) -> str:
    first = factories.reading(Meter.get(), 2_900, date(2026, 12, 20), previous_milli=3_000, source="customer")
    with unit_of_work():
        facts = {"meter": "KV1_241", "value_milli": 2_900, "previous_milli": 3_000, "read_on": "2026-12-20", "source": "customer"}
        events.record("reading.declared", first, by=events.SYSTEM, replaces=None, **facts)
    return "Meter KV1_241: customers declared 2900 in 2026-12, after more."


def nameless_correction(north: Organisation) -> str:
    entered = factories.reading(Meter.get(), 3_500, date(2026, 12, 20), previous_milli=3_000, source="staff")
    return f"Reading {entered.id} was entered by staff without a name or a reason."


def two_accesses(north: Organisation) -> str:
    _drop_index("membership_live")
    account, contract = Account.get(), Contract.get()
    factories.holds(account, contract)
    return f"Account {account.id} has 2 live accesses to contract {contract.id}."


def signed_in(north: Organisation) -> str:
    olga = Staff.get()
    sessions.open_for(olga)
    Staff.update(is_active=False).execute()
    return "Staff olga@example.com does not work here and is signed in."


def ended_without_why(north: Organisation) -> str:
    membership = Membership.get()
    Membership.update(until_at=now()).where(Membership.id == membership.id).execute()
    return f"Access {membership.id} has ended and does not say why, or says why and has not ended."


def shared_by_nobody(north: Organisation) -> str:
    held = Membership.get()
    share = Share.create(organisation=north, contract=held.contract, given_through=held, email="ben@example.lt")
    with unit_of_work():
        events.record("share.given", share, by=held.account, account=held.account, email=share.email, last_on=None)
    Membership.update(until_at=now(), ended_by="staff").where(Membership.id == held.id).execute()
    return f"Sharing {share.id} goes on, and the access through which it was given or taken has ended."


def place(north: Organisation) -> Representative:
    """Anna heads a company that has the contract 01-7."""
    uosis = factories.company(north)
    factories.contract(north, "01-7", provider=Contract.get().provider, company=uosis)
    return factories.represents(Account.get(), uosis)


def ended_place_without_why(north: Organisation) -> str:
    held = place(north)
    Representative.update(ended_by="staff").execute()
    return f"Representative {held.id} has ended and does not say why, or says why and has not ended."


def ended_payer_without_why(north: Organisation) -> str:
    paid = factories.contract(north, "01-6", provider=Contract.get().provider)
    payer = ThirdPartyPayer.create(organisation=north, account=Account.get(), contract=paid, ended_by="staff")
    return f"Third-party payer {payer.id} has ended and does not say why, or says why and has not ended."


def company_out_of_step(north: Organisation) -> str:
    held = place(north)
    factories.contract(north, "01-8", provider=Contract.get().provider, company=held.company)
    return f"Representative {held.id} should have contract 01-8 and does not have it by the company."


def access_out_of_step(north: Organisation) -> str:
    held = place(north)
    Contract.update(company=None).execute()
    return f"Access {Membership.get(Membership.through == held).id} came with a company, and is not what representative {held.id} has."


def invited_by_nobody(north: Organisation) -> str:
    held = place(north)
    made = invitations.invite(held.account, held.company, email="x@example.lt", access_type="user", site_url="https://x")
    Contract.update(company=None).execute()
    Membership.update(until_at=now(), ended_by="company").where(Membership.through == held).execute()
    Representative.update(until_at=now(), ended_by="register").execute()
    return f"Invitation {made.id} waits, and whoever offered it represents the company no more."


def head_by_nobodys_word(north: Organisation) -> str:
    held = place(north)
    Head.update(ended_at=now()).execute()
    return f"Representative {held.id} heads a company, and neither the register nor a document says so."


def unrecognised_head(north: Organisation) -> str:
    named = factories.head(factories.company(north))
    Identity.create(
        organisation=north,
        account=Account.get(),
        method="viisp",
        scheme="PNO",
        level="high",
        code_digest=named.code_digest,
        code_sealed="x",
    )
    return f"Account {Account.get().id} is of who heads company {named.company_id}, and does not head it here."


def long_chain(north: Organisation) -> str:
    top, middle = factories.company(north, "UAB „A“"), factories.company(north, "UAB „B“")
    low = factories.company(north, "UAB „C“", belongs_to=middle)
    Company.update(belongs_to=top).where(Company.id == middle.id).execute()
    return f"Company {low.name} belongs to one that belongs to another."


def other_premises(north: Organisation) -> str:
    flat = factories.premises(factories.building(north, "Kitur g. 2", provider=Contract.get().provider))
    Contract.update(premises=flat).where(Contract.id == Contract.get().id).execute()
    return f"Contract {Contract.get().payer_code} is in other premises than its building Kitur g. 2."


def meter_elsewhere(north: Organisation) -> str:
    house = factories.building(north, "Kitur g. 3", provider=Contract.get().provider)
    Meter.update(building=house).where(Meter.id == Meter.get().id).execute()
    return f"Meter {Meter.get().number} is in another building than its contract {Contract.get().payer_code}."


def foreign_building(north: Organisation) -> str:
    south = factories.organisation("south")
    with unit_of_work():
        events.record("organisation.loaded", south, by=events.OPERATOR, preset="x")
    StaffBuilding.create(staff=Staff.get(), building=factories.building(south, "Kitur g. 1"))
    return "Staff olga@example.com of one organisation runs building Kitur g. 1 of another."


def lost_mail(north: Organisation) -> str:
    message = Message.select().order_by(Message.id).get()
    Message.update(state="sending", lease_until=None).where(Message.id == message.id).execute()
    return f"Mail {message.id} is neither sent, given up nor due."


def late_mail(north: Organisation) -> str:
    message = Message.select().order_by(Message.id).get()
    Message.update(next_at=now() + messages.LONGEST_PAUSE + timedelta(hours=2)).where(Message.id == message.id).execute()
    return f"Mail {message.id} is put off for longer than any pause."


def unrecorded_account(north: Organisation) -> str:
    return f"account {factories.account(north, 'ghost@example.lt').id} has no event account.registered."


def unrecorded_reading(north: Organisation) -> str:
    made = factories.reading(Meter.get(), 4_000, date(2026, 12, 20), previous_milli=3_000, source="customer")
    return f"reading {made.id} has no event reading.declared."


def unrecorded_access(north: Organisation) -> str:
    account = registered(north, "ben@example.lt")
    contract = factories.contract(north, "01-2", provider=Contract.get().provider)
    return f"membership {factories.holds(account, contract).id} has no event contract.attached."


def unrecorded_run(north: Organisation) -> str:
    run = SyncRun.create(organisation=north, feed="csv", finished_at=now())
    return f"sync_run {run.id} has no event feed.run_finished."


def unrecorded_place(north: Organisation) -> str:
    kind = AccessType.get(organisation=north, name="user")
    made = Representative.create(organisation=north, account=Account.get(), company=factories.company(north), access_type=kind)
    return f"representative {made.id} has no event representative.added."


def foreign_row(north: Organisation) -> str:
    south = factories.organisation("south")
    with unit_of_work():
        events.record("organisation.loaded", south, by=events.OPERATOR, preset="x")
    meter, contract = Meter.get(), Contract.get()
    Meter.update(organisation=south, kind=factories.meter(factories.contract(south), "X").kind).where(Meter.id == meter.id).execute()
    return f"meter {meter.id} of organisation {south.id} points to contract {contract.id} of organisation {north.id}."


def setting(north: Organisation) -> str:
    Setting.create(organisation=north, name="lock_after", value=500)
    return f"Setting lock_after of organisation {north.id} is 500, which it cannot be."


def misspelt_setting(north: Organisation) -> str:
    Setting.create(organisation=north, name="lock_aftr", value=5)
    return f"Setting lock_aftr of organisation {north.id} is 5, which it cannot be."


def altered_event(north: Organisation) -> str:
    events.seal(KEY)
    drop = "DROP TRIGGER {}" if isinstance(database.obj, pw.SqliteDatabase) else "DROP TRIGGER {} ON event"
    for (name,) in database.execute_sql(TRIGGERS[isinstance(database.obj, pw.SqliteDatabase)]).fetchall():
        database.execute_sql(drop.format(name))
    event = Event.get(Event.name == "reading.declared")
    Event.update(facts=event.facts | {"value_milli": 1}).where(Event.id == event.id).execute()
    return f"Event {event.id} (reading.declared) is not what was recorded."


TRIGGERS = {
    True: "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'event'",
    False: "SELECT DISTINCT tgname FROM pg_trigger WHERE tgrelid = 'event'::regclass AND NOT tgisinternal",
}

OF_PROMISES: list[Callable[[Organisation], str]] = [
    lines, vat, outstanding, provider, two_current, counted_from, falling, nameless_correction, two_accesses, ended_without_why,
    shared_by_nobody, ended_payer_without_why, ended_place_without_why, company_out_of_step, access_out_of_step, invited_by_nobody, head_by_nobodys_word,
    unrecognised_head, long_chain,
    other_premises, meter_elsewhere, signed_in, foreign_building, lost_mail,
]  # fmt: skip
OTHERS: list[Callable[[Organisation], str]] = [
    late_mail, unrecorded_account, unrecorded_reading, unrecorded_access, unrecorded_place, unrecorded_run, foreign_row, setting, misspelt_setting,
    altered_event,
]  # fmt: skip


@pytest.mark.parametrize("plant", [*OF_PROMISES, *OTHERS], ids=lambda plant: plant.__name__)
def test_a_broken_promise_is_told_in_one_sentence(north: Organisation, plant: Callable[[Organisation], str]) -> None:
    """M01, N02"""
    sentence = plant(north)
    assert sentence in broken()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("promise", "plant"), list(zip(checks.PROMISES, OF_PROMISES, strict=True)), ids=lambda one: getattr(one, "__name__", "")
)
def test_each_promise_has_its_row_here(north: Organisation, promise: tuple[str, str], plant: Callable[[Organisation], str]) -> None:
    pattern = ".*".join(re.escape(part) for part in promise[0].split("{}"))
    assert re.fullmatch(pattern, plant(north))


def test_an_organisation_and_a_colleague_without_a_beginning_are_told(north: Organisation) -> None:
    south, person = factories.organisation("south"), factories.staff(north)
    told = broken()
    assert f"organisation {south.id} has no event organisation.loaded." in told
    assert f"staff {person.id} has no event staff.invited." in told


def test_many_rows_that_break_one_promise_are_not_all_listed(north: Organisation) -> None:
    for number in range(checks.SHOWN + 5):
        factories.account(north, f"ghost{number}@example.lt")
    told = [sentence for sentence in broken() if "account.registered" in sentence or "more like" in sentence]
    assert (len(told), told[-1]) == (checks.SHOWN + 1, "There are more like the last one.")


def test_a_missing_link_of_the_chain_is_told(north: Organisation) -> None:
    """M01"""
    assert broken() == []
    for trigger_table in ("seal", "event"):
        query = TRIGGERS[isinstance(database.obj, pw.SqliteDatabase)].replace("'event'", f"'{trigger_table}'")
        for (name,) in database.execute_sql(query).fetchall():
            database.execute_sql(f"DROP TRIGGER {name}" + ("" if isinstance(database.obj, pw.SqliteDatabase) else f" ON {trigger_table}"))
    Event.update(seal=None).execute()
    Seal.delete().execute()
    events.seal(b"another key of at least 32 bytes!!")
    assert any("was not made with this install's key" in sentence for sentence in broken())


def test_a_migration_that_waits_or_is_unknown_is_told(north: Organisation, tmp_path: Path) -> None:
    (tmp_path / "9999_next.py").write_text("def up(migrator, db):\n    pass\n")
    applied = sorted(path.stem for path in (ROOT / "migrations").glob("0*.py"))
    assert broken(tmp_path) == [
        *(f"The database has had the migration {name}, which this version does not know." for name in applied),
        "The database waits for the migration 9999_next: run flask portal migrate.",
    ]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_sqlite_that_may_lose_what_it_has_said_is_told(north: Organisation) -> None:
    database.execute_sql("PRAGMA synchronous = 1")
    assert broken() == ["SQLite runs with synchronous = 1; it must be 2."]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_row_that_points_to_nothing_is_told(north: Organisation) -> None:
    database.execute_sql("PRAGMA foreign_keys = 0")
    database.execute_sql("UPDATE reading SET account_id = 999 WHERE source = 'customer'")
    database.execute_sql("PRAGMA foreign_keys = 1")
    (told,) = broken()
    assert told.startswith("reading ")
    assert told.endswith(" points to a row of account that is not there.")


def test_accesses_that_have_ended_may_be_many(north: Organisation) -> None:
    Membership.update(until_at=now(), ended_by="customer").execute()
    held = Membership.get()
    for _ in range(2):
        Membership.create(
            organisation=north, account=held.account, contract=held.contract, access_type=held.access_type, until_at=now(), ended_by="staff"
        )
    assert broken() == []
