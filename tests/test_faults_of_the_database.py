"""What a person sees when the database fails under their form: nothing where it can be done anew, else the form, to be sent again."""

import uuid
from typing import Any

import psycopg
import pytest
from lxml import html

from models import Account, Event, FormKey, database
from rules import accounts
from tests import factories
from tests.browser import Browser

PHONE = "/north/account/phone"
NEW = "+37060000002"
ONLY_POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


@pytest.fixture
def anna(db: object, browser: Browser) -> Account:
    anna = factories.account(factories.organisation())
    browser.enter(anna)
    browser.get(PHONE, headers={"Accept-Language": "en"})
    return anna


def kill(connection: Any) -> None:
    """End this session of the server, as its administrator or its crash would."""
    with psycopg.connect(database.obj.database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))


def fail_first(monkeypatch: pytest.MonkeyPatch, *failures: Any) -> list[str]:
    """Let the rule fail after it has done its work, once for each of these; returns what phone each try found."""
    rule, found, left = accounts.change_phone, [], list(failures)

    def failing(account: Account, phone: str, **options: Any) -> bool:
        found.append(account.phone)
        done = rule(account, phone, **options)
        if left:
            left.pop(0)()
        return done

    monkeypatch.setattr(accounts, "change_phone", failing)
    return found


def conflict() -> None:
    """PostgreSQL's own words for a deadlock."""
    database.execute_sql("DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$")


def lost() -> None:
    kill(database.connection())
    database.execute_sql("SELECT 1")


@ONLY_POSTGRESQL
@pytest.mark.parametrize("failures", [(conflict,), (conflict, conflict), (lost,)], ids=["conflict", "two conflicts", "connection lost"])
def test_a_form_that_postgresql_broke_off_is_done_anew_without_a_word(
    browser: Browser, anna: Account, monkeypatch: pytest.MonkeyPatch, failures: Any
) -> None:
    """P1, P2, F10, F13: once, from what is stored, and told once."""
    before = Account.get().phone
    found = fail_first(monkeypatch, *failures)
    browser.submit(phone=NEW)
    assert browser.status == 200
    assert browser.text.count("Your phone number is changed.") == 1
    assert found == [before] * (len(failures) + 1), "a try went on from what another, rolled back, had in hand"
    told = [event.facts for event in Event.select().where(Event.name == "account.phone_changed")]
    assert told == [{"old": before, "new": NEW}]


@ONLY_POSTGRESQL
def test_a_conflict_that_does_not_end_is_told_and_the_form_can_be_sent_again(
    browser: Browser, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F13"""
    assert len(fail_first(monkeypatch, conflict, conflict, conflict)) == 0
    send_until_it_is_kept(browser)


def test_a_form_that_met_a_busy_database_comes_back_to_be_sent_again(
    browser: Browser, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F09, P2: with what was entered, and the same key."""
    from peewee import OperationalError

    def busy() -> None:
        raise OperationalError("database is locked")

    fail_first(monkeypatch, busy)
    send_until_it_is_kept(browser)


def send_until_it_is_kept(browser: Browser) -> None:
    sent = {name: value for name, value in browser.page.forms[-1].form_values() if name != "phone"} | {"phone": NEW}
    answer = browser.client.post(PHONE, data=sent, headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert not FormKey.select().exists()
    (form,) = (form for form in html.document_fromstring(answer.text).forms if form.method == "POST")
    assert dict(form.form_values()) == sent
    assert form.xpath("string(.//button)") == "Send it again"
    assert browser.client.post(form.action, data=dict(form.form_values())).status_code == 303
    assert Account.get().phone == NEW


def test_what_is_secret_or_cannot_be_done_once_is_not_given_back(browser: Browser, anna: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """F09, T63"""
    from peewee import OperationalError

    def gone(*args: Any, **options: Any) -> None:
        raise OperationalError("gone")

    key, token = uuid.uuid4().hex, browser.page.xpath("//input[@name='csrf_token']/@value")[0]
    monkeypatch.setattr(database.obj, "connect", gone)
    database.close()
    for sent, is_kept in (
        ({"form_key": key, "phone": NEW, "csrf_token": token}, True),
        ({"form_key": key, "password": "Slaptas-zodis-1"}, False),
        ({"form_key": key, "code": "123456"}, False),
        ({"phone": NEW}, False),
    ):
        answer = browser.client.post(PHONE, data=sent)
        assert answer.status_code == 503
        assert ("<form" in answer.text) is is_kept, sent
        assert "Slaptas" not in answer.text


@ONLY_POSTGRESQL
def test_connections_that_died_while_nobody_used_them_are_not_noticed(browser: Browser, anna: Account) -> None:
    """F10: the pool asks each connection whether it lives before it gives it out."""
    for _ in range(2):
        connection = database.connection()
        database.close()
        kill(connection)
        browser.get(PHONE)
        assert browser.status == 200
        database.connect(reuse_if_open=True)
