"""The operator's commands: what they do, and that every failure is one sentence and an exit code."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import peewee as pw
import pytest
import time_machine
from click.testing import CliRunner, Result
from flask.cli import ScriptInfo

import portal
import tasks
import wsgi
from config import ROOT
from models import Account, Contract, Event, Invoice, Meter, Organisation, Reading, Setting, Staff, SyncProblem, SyncRun, database, now
from rules import events, keys, messages, settings, staff
from rules.work import unit_of_work
from tests import factories
from tests.integrations.responder import served

BESIDE = ROOT.parent / "shared" / "data" / "ubl" / "ubl-tc434-example8.xml"
PRESETS = ("agri-group", "district-heating", "energy-business", "energy-home", "property-management")


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """An install with a data directory of this test's own."""
    made = replace(tasks.config, data_dir=tmp_path, mail_url="", customer_url="https://my.example.lt", staff_url="https://work.example.lt")
    monkeypatch.setattr(tasks, "config", made)
    return made


def run(*words: object, code: int = 0) -> str:
    """The output of one command, which ends with this exit code and never with a traceback."""
    done: Result = CliRunner().invoke(portal.commands, [str(word) for word in words])
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    return done.output


def one_sentence(*words: object) -> str:
    """What a command that fails says."""
    (line,) = run(*words, code=1).splitlines()
    return line.removeprefix("Error: ")


@pytest.fixture
def heat(db: Any) -> Organisation:
    run("load-organisation", "district-heating", "heat")
    return Organisation.get()


# ---- what there is ----------------------------------------------------------------------------------------------------


def test_every_command_says_what_it_does() -> None:
    helped = run("--help")
    assert "Run this install" in helped
    known = {
        "backup",
        "check",
        "check-answer",
        "create-staff",
        "demo",
        "load-organisation",
        "migrate",
        "restore",
        "send-mail",
        "sync-bills",
        "sync-register",
        "verify-events",
    }
    assert set(portal.commands.commands) == known
    for name, command in portal.commands.commands.items():
        assert isinstance(command, portal.Command)
        assert name in helped
        assert len(str(command.help)) > 20, name
        assert all(option.help for option in command.params if isinstance(option, click.Option) and option.name not in ("language", "help"))


def test_flask_finds_the_commands_and_an_unsafe_install_is_refused_by_name(tmp_path: Path) -> None:
    def flask(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        known = {k: v for k, v in os.environ.items() if not k.startswith("SAVITARNA_") and k != "DATABASE_URL"}
        settled = known | {"SAVITARNA_DATA_DIR": str(tmp_path)} | environ
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "portal", *words]
        return subprocess.run(command, cwd=ROOT, env=settled, capture_output=True, text=True, timeout=60)

    assert "sync-bills" in flask("--help").stdout
    unsafe = flask("check", SAVITARNA_ENVIRONMENT="production", SAVITARNA_DEMO="yes", SAVITARNA_CHEAP_PASSWORDS="yes")
    assert unsafe.returncode == 1
    for name in ("DEMO", "CHEAP_PASSWORDS", "CUSTOMER_SECRET_KEY", "MAIL_URL", "CUSTOMER_URL", "TRUSTED_PROXIES"):
        assert f"SAVITARNA_{name}" in unsafe.stderr
    assert "Traceback" not in unsafe.stderr
    waiting = flask("check")
    names = sorted(path.stem for path in (ROOT / "migrations").glob("*.py"))
    expected = [f"The database waits for the migration {name}: run flask portal migrate." for name in names]
    assert (waiting.returncode, waiting.stdout.splitlines()) == (1, expected)
    early = flask("load-organisation", "energy-home", "north")
    assert (early.returncode, "flask portal migrate" in early.stderr, len(early.stderr.splitlines())) == (1, True, 1)


# ---- setting up -------------------------------------------------------------------------------------------------------


def test_the_database_is_brought_up_to_date_once(db: Any) -> None:
    assert run("migrate") == "The database is up to date.\n"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_new_database_gets_its_tables(db: Any, tmp_path: Path) -> None:
    empty = pw.SqliteDatabase(str(tmp_path / "new.db"))
    before = database.obj
    database.initialize(empty)
    try:
        assert run("migrate") == f"Applied {', '.join(sorted(path.stem for path in (ROOT / 'migrations').glob('0*.py')))}.\n"
        assert run("migrate") == "The database is up to date.\n"
        empty.connect(reuse_if_open=True)
        assert "account" in empty.get_tables()
    finally:
        empty.close()
        database.initialize(before)


@pytest.mark.parametrize("preset", PRESETS)
def test_an_organisation_is_opened_and_its_address_told(db: Any, preset: str) -> None:
    assert run("load-organisation", preset, "north").endswith(" is at https://my.example.lt/north/\n")
    assert Organisation.get().slug == "north"
    assert one_sentence("load-organisation", preset, "north") == "There is an organisation north already"
    assert "short name" in one_sentence("load-organisation", preset, "No rth")


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do(db: Any) -> None:
    said = run("load-organisation", "gas-station", "north", code=2)
    assert all(preset in said for preset in PRESETS)


def test_staff_come_in_by_the_link_that_is_printed(heat: Organisation) -> None:
    """N10"""
    link = run("create-staff", "olga@example.lt", "agent", "--organisation", "heat", "--name", "Olga Agentė").strip()
    assert link.startswith("https://work.example.lt/invitation/")
    token = link.rpartition("/")[2]
    person = staff.accept(token, "long enough a password", portal.pyotp.TOTP(staff.totp_secret(token)).now())
    assert (person.name, person.role, person.organisation.slug) == ("Olga Agentė", "agent", "heat")
    assert [event.actor for event in Event.select().where(Event.name == "staff.invited")] == ["operator"]


def test_without_an_organisation_staff_work_for_the_whole_install(db: Any) -> None:
    run("create-staff", "ieva@example.lt", "administrator")
    assert Staff.get().organisation is None
    assert "works here already" in one_sentence("create-staff", "ieva@example.lt", "administrator")
    assert "organisation" in one_sentence("create-staff", "jonas@example.lt", "property_manager")
    assert (
        one_sentence("create-staff", "x@example.lt", "agent", "--organisation", "sea") == "There is no organisation sea; there is none yet."
    )
    assert one_sentence("create-staff", "not an address", "agent").startswith("Enter an e-mail address")


# ---- bills ------------------------------------------------------------------------------------------------------------

BILLS = """number;payer_code;issued_on;due_on;total;line_name;line_net;line_vat_rate
S1;01-234 5;2026-11-01;2026-11-30;121,00;Šiluma;100,00;21
"""


def test_the_folder_of_an_organisation_is_read_as_its_system_delivers(heat: Organisation, config: Any) -> None:
    folder = config.feeds_dir / "heat"
    folder.mkdir(parents=True)
    (folder / "bills.csv").write_text(BILLS + "S2;01-234 5;2026-11-01;2026-11-30;120,00;Šiluma;100,00;21\n")
    told = run("sync-bills", "heat").splitlines()
    assert told[0] == "2 records: 2 new, 0 changed, 0 unchanged, 1 put aside."
    assert told[1].startswith("  bills.csv: S2: ")
    assert told[1].endswith("[BR-CO-15]")
    assert run("sync-bills", "heat").startswith("2 records: 0 new, 0 changed, 1 unchanged, 1 put aside.")


def test_named_files_are_read_as_what_they_are_called(heat: Organisation, tmp_path: Path) -> None:
    csv, xml = tmp_path / "a.csv", tmp_path / "b.xml"
    csv.write_text(BILLS)
    xml.write_text("<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>")
    said = run("sync-bills", "heat", csv, xml)
    assert "1 records: 2 new" in said
    assert "b.xml: b.xml has a DOCTYPE" in said
    assert [run.feed for run in SyncRun.select().order_by(SyncRun.id)] == ["csv-once", "ubl-once"]


def test_what_cannot_be_read_as_bills_is_told_in_a_sentence(heat: Organisation, tmp_path: Path) -> None:
    (tmp_path / "bill.pdf").write_bytes(b"%PDF")
    assert one_sentence("sync-bills", "heat", tmp_path / "bill.pdf").endswith("must be a .csv or .xml file, or a folder of them.")
    assert one_sentence("sync-bills", "sea") == "There is no organisation sea; there is heat."
    settings.change(heat, "billing_system", "nothing", by=events.OPERATOR)
    assert "has no billing system" in one_sentence("sync-bills", "heat")
    assert "does not exist" in run("sync-bills", "heat", tmp_path / "none.csv", code=2)


def test_a_run_that_is_alive_and_one_that_broke_off_are_told(heat: Organisation, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = SyncRun.create(organisation=heat, feed="csv", lease_until=now() + tasks.LEASE)
    assert "being taken in already" in one_sentence("sync-bills", "heat")
    alive.delete_instance()

    class Breaks:
        def records(self, since: Any = None) -> Iterator[Any]:
            raise OSError("the share is not mounted")

    monkeypatch.setattr(tasks.billing_feed, "of", lambda *_: Breaks())
    assert run("sync-bills", "heat", code=1).splitlines()[-1] == "Error: The run broke off: OSError: the share is not mounted"


def test_a_real_utilitys_bill_opens_its_contract(heat: Organisation) -> None:
    """PS-08, PS-11: as its supplier made it, in the European format."""
    if not BESIDE.exists():
        pytest.skip(f"The real bill is not beside this checkout: put it at {BESIDE.relative_to(ROOT.parent)} there.")
    assert run("sync-bills", "heat", BESIDE) == "1 records: 2 new, 0 changed, 0 unchanged, 0 put aside.\n"
    bill = Invoice.get()
    assert (bill.number, bill.contract.payer_code, bill.provider.name) == ("1100512149", "1081119", "UAB „Miesto šiluma“")
    assert (bill.net_cents, bill.vat_cents, bill.payable_cents, bill.outstanding_cents) == (908_91, 190_87, 1_099_78, 1_099_78)
    assert (len(bill.lines), [(rate.rate, rate.vat_cents) for rate in bill.vat]) == (10, [(2100, 190_87)])
    assert run("check") == "Everything holds.\n"


# ---- who somebody is --------------------------------------------------------------------------------------------------


def test_a_stored_answer_is_judged_as_a_sign_in_would(db: Any, config: Any, tmp_path: Path) -> None:
    answer, trust = ROOT / "tests" / "data" / "smartid" / "v2-auth-lt-valid.json", tmp_path / "trust"
    shutil.copytree(ROOT / "config" / "trust" / "smart-id" / "demo", trust)
    with served() as responder:
        asking = ("check-answer", answer, "--demo", "--ocsp", responder.url)
        assert one_sentence(*asking).startswith("Nobody: unavailable (revocation of ")
        responder.trust_in(trust)
        said = run(*asking, "--trust", trust)
        assert said.startswith("PNOLT-30303039914 QUALIFIED OK TESTNUMBER, born 1903-03-03 by the code, level high.\n")
        assert "4664" in said
        assert "another person" in one_sentence(*asking, "--trust", trust, "--person", "PNOLT-40404040009")
        assert "is not valid at 2031-01-01" in one_sentence(*asking, "--trust", trust, "--at", "2031-01-01")


def test_what_is_no_stored_answer_or_cannot_be_judged_is_a_sentence(
    db: Any, config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.json").write_text("[]")
    assert "no session's answer in it" in one_sentence("check-answer", tmp_path / "none.json")
    (tmp_path / "none.json").write_text("{")
    assert "not JSON" in one_sentence("check-answer", tmp_path / "none.json")
    (tmp_path / "methods.toml").write_text('[mobile_id]\nmode = "demo"')
    monkeypatch.setattr(tasks, "config", replace(config, identity=str(tmp_path / "methods.toml")))
    refused = ROOT / "tests" / "data" / "smartid" / "session-status-user-refused.json"
    assert "smart_id is not configured" in one_sentence("check-answer", refused)
    assert one_sentence("check-answer", refused, "--demo") == "Nobody: refused (end result USER_REFUSED)."


# ---- mail, checks -----------------------------------------------------------------------------------------------------


def test_heads_of_companies_are_read_from_a_named_file_and_what_is_put_aside_is_told(heat: Organisation, tmp_path: Path) -> None:
    """IB-31, IB-54"""
    factories.company(heat, "UAB „Bandomoji įmonė“", code="399000011")
    path = tmp_path / "heads.csv"
    path.write_text("company_code;personal_code;first_name;last_name\n399000011;30303039914;Jonas;Bandomasis\n")
    assert run("sync-register", "heat", path).startswith("1 answers of the register: 1 changed, 0 unchanged, 0 put aside.")
    assert run("sync-register", "heat", path, "--company", "399000011").startswith("1 answers of the register: 0 changed, 1 unchanged")
    assert one_sentence("sync-register", "heat", path, "--company", "399000029") == "heat reads no register, or has no such companies."
    path.write_text("company_code;personal_code\n")
    assert "heads.csv: the first row must name the columns" in run("sync-register", "heat", path, code=1)


def test_waiting_mail_is_sent_from_here(heat: Organisation, config: Any) -> None:
    with unit_of_work():
        for name in ("anna", "ben"):
            messages.put("reset_no_account", f"{name}@example.lt", organisation=heat, dedupe_key=name, register_url="https://x")
    assert run("send-mail").startswith("2 mails were handed over")
    assert len(list(config.mailbox_dir.glob("*.eml"))) == 2
    assert run("send-mail").startswith("0 mails")


def test_a_mail_address_that_is_none_is_a_sentence(heat: Organisation, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "config", replace(config, mail_url="imap://example.lt"))
    assert one_sentence("send-mail").startswith("SAVITARNA_MAIL_URL must be")


def test_broken_promises_are_listed_and_the_exit_code_tells(heat: Organisation) -> None:
    """M01"""
    assert run("check") == "Everything holds.\n"
    assert run("verify-events") == "The chain of events is whole.\n"
    Setting.create(organisation=heat, name="lock_aftr", value=5)
    ghost = factories.account(heat, "ghost@example.lt")
    assert run("check", code=1).splitlines() == [
        f"account {ghost.id} has no event account.registered.",
        f"Setting lock_aftr of organisation {heat.id} is 5, which it cannot be.",
    ]


def test_a_chain_sealed_by_somebody_else_is_told(heat: Organisation) -> None:
    """M01"""
    events.seal(b"not this install's key, but long enough")
    assert run("verify-events", code=1).splitlines() == ["Seal 1 was not made with this install's key."]


# ---- the demo world ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", [{"demo": False}, {"demo": True, "environment": "production"}], ids=str)
def test_the_demo_is_not_to_be_had_where_it_does_not_belong(
    db: Any, config: Any, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    monkeypatch.setattr(tasks, "config", replace(config, **changed))
    assert one_sentence("demo") == "The demo world needs SAVITARNA_DEMO=yes, and is not to be had in production."
    assert not Organisation.select().exists()
    assert portal.demo_staff_codes() == []


def everything() -> dict[str, list[Any]]:
    """Every row, but for limits, which count tries."""
    from models import TABLES, Counter

    return {table.__name__: list(table.select().order_by(table.id).tuples()) for table in TABLES if table is not Counter}


def test_the_demo_world_comes_in_through_the_products_own_doors(db: Any, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CV-17, CV-28, PS-07, PS-09, PS-14, IB-03, IR-02, AG-10, IB-60"""
    import demo
    from rules import access, billing, readings, registration

    monkeypatch.setattr(tasks, "config", replace(config, demo=True))
    with time_machine.travel("2026-11-05 12:00:00+02:00", tick=True):
        said = run("demo")
        assert {row.slug for row in Organisation.select()} == set(PRESETS)
        for person in (*demo.people.CUSTOMERS, *demo.STAFF):
            assert person.email in said
        assert demo.PASSWORD in said
        assert not SyncProblem.select().exists()
        assert {run.error for run in SyncRun.select()} == {""}
        assert run("check") == "Everything holds.\n"

        people = {row.email.partition("@")[0]: row for row in Account.select()}
        ona, vardutis = people["ona"], people["vardutis"]
        flats = [place.contract for place in readings.places(ona)]
        assert [flat.customer_name for flat in flats] == ["Ona Pavyzdienė"] * 2
        assert len(access.contracts_allowing(ona, "reading.declare")) == 2
        assert billing.owed(ona, factories.date(2026, 11, 5)).overdue_cents > 0, "one of the flats pays late"
        (place,) = readings.places(vardutis)
        assert (place.contract.payer_code, place.rows[0].meter.number, place.rows[0].meter.place) == ("01204", "KV1_241", "Nr. 1")
        last = billing.newest(vardutis, 1)[0]
        assert (last.number, str(last.issued_on), last.outstanding_cents) == ("Fiz2610204", "2026-10-31", last.payable_cents)
        assert people["rasa"].is_locked(now())
        company = people["buhalterija"]
        assert (company.person_type, len(access.contracts_allowing(company, "invoice.view"))) == ("legal", 2)
        assert access.contracts_allowing(company, "contract.view") == [], "who adds a company's contract becomes a user"
        assert len(readings.places(people["jonas"])) == 2
        head, clerk = people["ona.pavyzdiene"], people["sandelis"]
        assert len(access.contracts_allowing(head, "contract.view")) == 4, "of the company that she heads, and of another"
        assert (len(access.contracts_allowing(clerk, "invoice.view")), access.contracts_allowing(clerk, "contract.view")) == (2, [])
        assert access.contracts_allowing(people["bandomoji"], "contract.view")
        assert access.lacking(people["petras"], "account.use") == "strong"
        assert registration.is_taken(ona.organisation, ona.email)

        bills = Invoice.select().where(Invoice.contract == place.contract)
        assert (bills.count(), Reading.select().where(Reading.contract == place.contract).count()) == (24, 24)
        rates = {(bill.issued_on.year, line.vat_rate) for bill in bills for line in bill.lines}
        assert rates == {(2024, 900), (2024, 2100), (2025, 900), (2025, 2100), (2026, 2100)}, "heat carried 9 % until the end of 2025"
        by_month = {bill.issued_on.strftime("%Y-%m"): bill.payable_cents for bill in bills}
        assert by_month["2026-01"] > 2 * by_month["2026-07"], "the seasons can be seen"

        colleagues = {row.role: row for row in Staff.select()}
        assert {role: row.organisation and row.organisation.slug for role, row in colleagues.items()} == {
            "administrator": None, "auditor": None, "agent": "district-heating", "property_manager": "property-management",
        }  # fmt: skip
        assert colleagues["property_manager"].building_ids().count() == 1
        codes = portal.demo_staff_codes()
        assert {email for email, *_ in codes} == {row.email for row in colleagues.values()}
        for email, _role, code, seconds in codes:
            person = Staff.get(email=email)
            assert keys.totp_step(person.totp_secret, code, now().timestamp()) is not None
            assert 0 < seconds <= 30
            assert keys.is_password(person.password_hash, demo.PASSWORD)

        before = everything()
        run("demo")
        assert everything() == before

    with time_machine.travel("2026-12-03 12:00:00+02:00", tick=True):
        run("demo")
        assert Invoice.select().where(Invoice.contract == place.contract).count() == 25
        assert Invoice.get_by_id(last.id).outstanding_cents == 0, "last month's bill has been paid meanwhile"
        assert Meter.select().count() == 117
        assert Contract.select().count() == len(before["Contract"])
        assert run("check") == "Everything holds.\n"


def test_an_operators_command_does_not_wait_for_the_backoffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `flask --app wsgi` makes what the whole server serves, each command takes twice as long."""
    monkeypatch.setattr(wsgi, "create_backoffice", pytest.fail)
    assert ScriptInfo(app_import_path="wsgi").load_app().name == "customer"
