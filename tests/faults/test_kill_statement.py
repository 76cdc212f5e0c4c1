"""The process killed at each statement of the main use cases, before each COMMIT and after it: all of it is stored, or nothing.

The work is done in a copy of this process (fork), which dies at its n-th call of the database. Then the same form is sent again, to
die one call later, until one comes through. However far the ones before came, the rows are those of before, or those of after.
"""

import os
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from time_machine import Traveller, travel

from backoffice import exports as pages
from config import ROOT
from integrations.files import Downloads
from models import (
    Account,
    Confirmation,
    Counter,
    Device,
    Event,
    Export,
    ExportedAccount,
    Lockout,
    Message,
    Organisation,
    Session,
    SyncRun,
    database,
    now,
)
from rules import checks, events, exports, settings
from tests import factories, world as worlds
from tests.browser import Browser
from tests.conftest import CONFIG
from tests.faults import FULL, roll
from tests.feeds import WORLD, business, place, take

KILLED, WENT_WRONG = 137, 70
# Rows of their own small transactions: who is signed in from where, and what is counted against guessing.
APART = (Session, Device, Lockout, Counter)


def in_a_copy(act: Callable[[], None], dies_at: int) -> tuple[bool, int]:
    """Do `act` in a fork of this process that exits at its `dies_at`-th call of the database, or comes through; returns which, and
    how many calls it made."""
    if not database.is_closed():
        database.close()
    if hasattr(database.obj, "close_all"):
        database.obj.close_all()
    told, tells = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _count_calls(dies_at, tells)
            act()
            os.write(tells, b"!")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(WENT_WRONG)
    os.close(tells)
    with os.fdopen(told, "rb") as pipe:
        calls = pipe.read()
    _, status = os.waitpid(child, 0)
    database.connect()
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), f"the copy ended with {code}"
    return code == 0, calls.count(b".")


def _count_calls(dies_at: int, tells: int) -> None:
    made = 0
    db = database.obj
    execute_sql, commit = db.execute_sql, db.commit

    def call() -> None:
        nonlocal made
        made += 1
        if made == dies_at:
            os._exit(KILLED)
        os.write(tells, b".")

    def spied_execute(*args: Any, **options: Any) -> Any:
        call()
        return execute_sql(*args, **options)

    def spied_commit(*args: Any, **options: Any) -> Any:
        call()
        answer = commit(*args, **options)
        call()
        return answer

    db.execute_sql, db.commit = spied_execute, spied_commit


def state() -> Any:
    """All rows, in the order they were stored, without the random in them."""
    made_up = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,64}|[\w-]{22,43}")
    return {
        name: [tuple(made_up.sub("*", str(value)) for value in row[1:]) for row in rows]
        for name, rows in worlds.snapshot((*APART, SyncRun)).items()
    }


def broken() -> set[str]:
    return set(checks.broken(CONFIG.key("event_key"), ROOT / "migrations"))


def all_or_nothing(act: Callable[[], None], *, is_done: Callable[[], bool]) -> None:
    """Kill `act` at each of its calls (a share of them in `make test`)."""
    already_broken = broken()  # rows that the test has made by hand
    before, after, kills = state(), None, 0
    assert not is_done()
    dice = roll()
    n = 0
    while True:
        n += 1 if FULL else dice.randint(1, 6)
        came_through, _ = in_a_copy(act, n)
        stored = state()
        if stored != before:
            after = stored if after is None else after
            assert stored == after, f"after call {n}: neither as before nor as after"
            assert is_done(), f"after call {n}: half of it is stored"
        if came_through:
            assert after is not None
            assert is_done()
            assert broken() <= already_broken
            assert kills > (5 if FULL else 0)
            print(f"killed {kills} times")
            return
        kills += 1


@pytest.fixture
def clock() -> Any:
    with travel(datetime(2026, 11, 20, 10, 0, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(db: object, clock: Traveller) -> worlds.World:
    world = worlds.build()
    settings.change(world.north, "reading_opens_on", 1, by=events.OPERATOR)
    settings.change(world.north, "claim_invoice", False, by=events.OPERATOR)
    return world


def form_of(browser: Browser, path: str, **values: str) -> dict[str, str]:
    """The form of a page as it would be sent with these answers."""
    browser.get(path)
    form = next(form for form in browser.page.forms if set(values) <= set(form.fields) and form.method.upper() == "POST")
    return {**dict(form.form_values()), **values}


def sent(browser: Browser, path: str, **values: str) -> Callable[[], None]:
    """What sends the form of this page, always the same one, and is content with an answer that leads on."""
    data = form_of(browser, path, **values)
    base = f"http://localhost{browser.prefix}" if browser.prefix else None
    target = path.removeprefix(browser.prefix)

    def act() -> None:
        database.close()
        answer = browser.client.post(target, data=data, base_url=base)
        assert answer.status_code == 303, answer.get_data(as_text=True)[:3000]

    return act


def happened(name: str) -> bool:
    """Whether this event was recorded: once."""
    count = Event.select().where(Event.name == name).count()
    assert count <= 1
    return count == 1


# ---- customers --------------------------------------------------------------------------------------------------------


def test_a_reading_is_declared_whole_or_not(world: worlds.World, browser: Browser) -> None:
    """F02, G10, P1, P2, P5"""
    browser.enter(world.own["account"])
    act = sent(browser, "/north/meters/declare-readings", **{f"reading_{world.own['meter'].public_id.hex}": "7"})
    all_or_nothing(act, is_done=lambda: happened("reading.declared"))
    assert Message.select().where(Message.kind == "reading_declared").count() == 1


def test_a_contract_is_added_whole_or_not(world: worlds.World, browser: Browser) -> None:
    """F02, G10"""
    factories.contract(world.north, "77-1", provider=world.own["provider"])
    browser.enter(world.people["stranger"])
    act = sent(browser, "/north/contracts/add", payer_code="77-1")
    all_or_nothing(act, is_done=lambda: happened("contract.attached"))


def test_a_phone_is_changed_whole_or_not(world: worlds.World, browser: Browser) -> None:
    """F02, G10"""
    browser.enter(world.own["account"])
    act = sent(browser, "/north/account/phone", phone="+37060000009")
    all_or_nothing(act, is_done=lambda: happened("account.phone_changed"))


def test_a_password_is_changed_whole_or_not(world: worlds.World, browser: Browser) -> None:
    """F02, G10"""
    browser.enter(world.own["account"])
    act = sent(browser, "/north/account/password", current=factories.PASSWORD, password="Visai-kitas-zodis-9")
    all_or_nothing(act, is_done=lambda: happened("account.password_changed"))


def test_a_registration_is_begun_whole_or_not(world: worlds.World, browser: Browser) -> None:
    """F02, G10"""
    filled = {"full_name": "Jonas North", "email": "jonas@example.lt", "phone": "+37060000003", "password": "Labai-ilgas-zodis-7"}
    act = sent(browser, "/north/register", **filled)

    def is_done() -> bool:
        assert Message.select().where(Message.to == "jonas@example.lt").count() == Confirmation.select().count()
        return Confirmation.select().exists()

    all_or_nothing(act, is_done=is_done)


def test_a_registration_is_confirmed_whole_or_not(world: worlds.World, browser: Browser) -> None:
    """F02, G10, IB-38"""
    browser.get("/north/register")
    browser.submit(full_name="Jonas North", email="jonas@example.lt", phone="+37060000003", password="Labai-ilgas-zodis-7")
    code = Message.get(Message.kind == "confirm_by_code").facts["code"]
    act = sent(browser, browser.at, code=code)
    all_or_nothing(act, is_done=lambda: happened("account.registered"))
    assert Account.select().where(Account.email == "jonas@example.lt").count() == 1


# ---- staff ------------------------------------------------------------------------------------------------------------


def test_an_account_is_unlocked_whole_or_not(world: worlds.World, staff_browser: Browser) -> None:
    """F02, G10, IB-61"""
    anna = world.own["account"]
    Account.update(locked_until=now() + timedelta(hours=5)).where(Account.id == anna.id).execute()
    world.sign_in(staff_browser, "agent")
    act = sent(staff_browser, f"/backoffice/accounts/unlock/?ids={anna.public_id}", reason="Paskambino")
    all_or_nothing(act, is_done=lambda: happened("account.unlocked"))
    assert Account.get_by_id(anna.id).locked_until is None


def test_a_new_e_mail_is_asked_for_whole_or_not(world: worlds.World, staff_browser: Browser) -> None:
    """F02, G10, CV-37"""
    world.sign_in(staff_browser, "agent")
    path = f"/backoffice/accounts/change-email/?ids={world.own['account'].public_id}"
    act = sent(staff_browser, path, email="nauja@example.lt", proof="code", reason="Pametė paštą")
    all_or_nothing(act, is_done=lambda: happened("account.email_change_asked"))


def test_an_access_type_is_changed_whole_or_not(world: worlds.World, staff_browser: Browser) -> None:
    """F02, G10"""
    world.sign_in(staff_browser, "agent")
    held = world.own["membership"]
    act = sent(staff_browser, f"/backoffice/memberships/change-access-type/?ids={held.public_id}", access_type="viewer", reason="Pardavė")
    all_or_nothing(act, is_done=lambda: happened("membership.access_type_changed"))


def test_a_colleagues_role_is_changed_whole_or_not(world: worlds.World, staff_browser: Browser) -> None:
    """F02, G10"""
    world.sign_in(staff_browser, "administrator")
    path = f"/backoffice/staff/change-role/?ids={world.people['agent'].public_id}"
    act = sent(staff_browser, path, role="auditor", reason="Naujos pareigos")
    all_or_nothing(act, is_done=lambda: happened("staff.role_changed"))


def test_a_row_is_added_whole_or_not(world: worlds.World, staff_browser: Browser) -> None:
    """F02, G10, T33"""
    world.sign_in(staff_browser, "administrator")
    act = sent(staff_browser, "/backoffice/buildings/new/", address="Nauja g. 5", provider=world.own["provider"].name)
    all_or_nothing(act, is_done=lambda: happened("building.created"))


def test_a_file_of_rows_is_ready_whole_or_not_at_all(world: worlds.World, clock: Traveller, staff_app: Any, monkeypatch: Any) -> None:
    """F02, G10, N06: killed at each call and taken over when the lease ends, it is made once, with one event."""
    dice = roll()
    monkeypatch.setattr(pages, "BLOCK", 2)
    monkeypatch.setattr(exports, "TRIES", 1000)
    accounts = Account.select().where(Account.organisation == world.north).count()
    said = {"kind": "csv", "language": "en", "reason": "Ataskaita", "total": accounts, "by": world.people["agent"]}
    export = exports.ask("accounts", {}, Account, **said)
    Export.delete().where(Export.id != export.id).execute()
    downloads, name = Downloads(CONFIG.exports_dir), exports.file_name(export)
    n, kills, came_through = 0, 0, False
    while not came_through:
        n += 1 if FULL else dice.randint(1, 9)
        came_through, _ = in_a_copy(lambda: _make(staff_app), n)
        kills += not came_through
        is_ready = Export.get().state == "ready"
        assert happened("rows.exported") == is_ready
        path = downloads.path(name)
        assert path or not is_ready
        if path:
            assert len(path.read_text().splitlines()) == 1 + accounts
        clock.shift(timedelta(hours=2))  # the lease of the dead worker ends
    assert is_ready
    assert kills > (5 if FULL else 0)
    assert ExportedAccount.select().count() == accounts
    print(f"killed {kills} times")


def _make(site: Any) -> None:
    with database.connection_context():
        pages.make_waiting(site, timedelta(minutes=2))


# ---- the feed ---------------------------------------------------------------------------------------------------------


def test_a_block_of_the_feed_is_taken_in_whole_or_not(db: object, clock: Traveller) -> None:
    """F02, F05, G10: killed at its calls of the database and run again, the rows are those of a run that nothing disturbed."""
    dice = roll()
    north, south = place("north"), place("south")
    already_broken = broken()
    n, kills, came_through = 0, 0, False
    while not came_through:
        n += 1 if FULL else dice.randint(4, 12)
        came_through, _ = in_a_copy(lambda: _run(north), n)
        kills += not came_through
        clock.shift(timedelta(hours=2))  # the lease of the dead run ends
    assert kills > 0
    take(south, WORLD)
    assert business(north) == business(south)
    take(north, WORLD)
    assert business(north) == business(south)
    assert broken() <= already_broken


def _run(here: Organisation) -> None:
    with database.connection_context():
        take(here, WORLD)
