"""What is told of an install: to anyone one word, to its operator figures and lines without a person in them."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import watch
from models import JobRun, Lockout, Message, Organisation, SyncRun, Worker, database, now
from rules import messages, state
from tests import factories
from tests.browser import Browser
from tests.conftest import CONFIG

TOKEN = "t" * 32
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is logged, as production writes it."""
    found: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(json.loads(watch.JsonLines().format(record)))

    root, handler = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield found
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation()


@pytest.fixture
def with_token(customer_app: Any, staff_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for app in (customer_app, staff_app):
        monkeypatch.setitem(app.config, "SAVITARNA", replace(CONFIG, metrics_token=TOKEN))


# ---- to whom ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_only_the_token_opens_the_figures(browser: Browser, staff_app: Any, with_token: None) -> None:
    """T111"""
    for client in (browser.client, staff_app.test_client()):
        assert client.get("/metrics", headers=OPERATOR).status_code == 200
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer ž"}):
            assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_without_a_token_in_the_configuration_nobody_sees_the_figures(browser: Browser, db: object) -> None:
    for said in ("", "Bearer", "Bearer "):
        assert browser.client.get("/metrics", headers={"Authorization": said}).status_code == 404


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_both_sites_say_that_they_are_alive_and_ready(browser: Browser, staff_app: Any, db: object) -> None:
    for client in (browser.client, staff_app.test_client()):
        assert [client.get(path).data for path in ("/healthz", "/readyz")] == [b"ok\n", b"ready\n"]


def test_the_operator_hears_what_is_wrong_and_requests_still_come(browser: Browser, north: Organisation, with_token: None) -> None:
    def asked(**options: Any) -> tuple[int, str]:
        answer = browser.client.get("/readyz", **options)
        return answer.status_code, answer.text

    assert asked(headers=OPERATOR) == (200, "ready\nno background work is being done\n")
    state.beat("one")
    Worker.create(host="two", beat_at=now() - timedelta(hours=1))
    assert asked(headers=OPERATOR) == (200, "ready\n"), "one host that works is enough"
    messages.put("reset_no_account", "anna@example.lt", organisation=north, dedupe_key="1")
    Message.update(next_at=now() - timedelta(minutes=20)).execute()
    assert asked(headers=OPERATOR) == (200, "ready\nmail is 20 minutes late\n")
    assert asked() == (200, "ready\n")
    database.execute_sql("DELETE FROM schema_migration")
    status, text = asked(headers=OPERATOR)
    assert (status, text.split(":")[0]) == (503, "not ready\nnot migrated")
    assert asked() == (503, "not ready\n")


# ---- figures ----------------------------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_database(browser: Browser, north: Organisation, with_token: None) -> None:
    at = now()
    for number, states in enumerate(["new", "new", "sending", "dead", "sent"]):
        messages.put("reset_no_account", f"anna{number}@example.lt", organisation=north, dedupe_key=str(number))
        Message.update(state=states, next_at=at - timedelta(seconds=100 + number)).where(Message.dedupe_key == str(number)).execute()
    for finished, error in ((at - timedelta(hours=2), ""), (at - timedelta(hours=1), "broken")):
        SyncRun.create(organisation=north, feed="csv", finished_at=finished, error=error)
    JobRun.create(name="tidy", period="2026-11-01", lease_until=at, finished_at=at - timedelta(seconds=50))
    JobRun.create(name="tidy", period="2026-11-02", lease_until=at)
    Lockout.create(login_digest="a", source_digest="b", window_ends_at=at, locked_until=at + timedelta(minutes=5))
    Lockout.create(login_digest="a", source_digest="c", window_ends_at=at, locked_until=at - timedelta(minutes=5))
    state.beat("one")
    state.beat("one")
    browser.client.get("/north/sign-in")
    text = browser.client.get("/metrics", headers=OPERATOR).text
    found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if not line.startswith("#")}
    exact = {
        'savitarna_outbox_mails{state="new"}': 2,
        'savitarna_outbox_mails{state="sending"}': 1,
        'savitarna_outbox_mails{state="dead"}': 1,
        "savitarna_events_unsealed": 0,
        "savitarna_jobs_unfinished": 1,
        "savitarna_locks": 1,
    }
    assert {name: found[name] for name in exact} == exact
    ages = {
        "savitarna_outbox_late_seconds": 101,
        'savitarna_sync_age_seconds{organisation="north"}': 7200,
        'savitarna_job_age_seconds{job="tidy"}': 50,
        'savitarna_worker_silent_seconds{host="one"}': 0,
    }
    for name, age in ages.items():
        assert age <= found[name] < age + 30, name
    asked = 'savitarna_requests_total{endpoint="sign_in.sign_in",method="GET",site="customer",status="200"}'
    assert found[asked] >= 1
    assert found['savitarna_request_seconds_count{endpoint="sign_in.sign_in",site="customer"}'] >= 1


def test_a_host_that_is_gone_is_forgotten(db: object) -> None:
    state.beat("here")
    Worker.create(host="gone", beat_at=now() - timedelta(days=3))
    assert state.forget_gone() == 1
    assert [worker.host for worker in Worker.select()] == ["here"]


# ---- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_request_is_a_line_with_its_endpoint_and_without_its_address(
    browser: Browser, north: Organisation, lines: list[dict[str, Any]]
) -> None:
    """T111"""
    answer = browser.client.get("/north/reset-password/a-secret-token-1234567890", environ_base={"REMOTE_ADDR": "192.0.2.77"})
    (line,) = (line for line in lines if line["logger"] == "savitarna.request")
    assert {name: line[name] for name in ("site", "organisation", "endpoint", "method", "status")} == {
        "site": "customer",
        "organisation": "north",
        "endpoint": "sign_in.reset_password",
        "method": "GET",
        "status": answer.status_code,
    }
    assert line["request"] == answer.headers["X-Request-ID"]
    assert line["ms"] >= 0
    assert not any(secret in json.dumps(line) for secret in ("a-secret-token", "192.0.2.77"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_fault_is_told_by_its_kind_and_place_and_not_by_its_words(
    browser: Browser, north: Organisation, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """T111: PostgreSQL quotes the row that it refuses."""

    def broken() -> None:
        try:
            raise ValueError("Key (email)=(anna@example.lt) already exists")
        except ValueError as error:
            raise RuntimeError("payer code 01-234 5") from error

    monkeypatch.setitem(browser.app.view_functions, "sign_in.sign_in", broken)
    answer = browser.client.get("/north/sign-in")
    (line,) = (line for line in lines if line["level"] == "error")
    assert line["error"] == ["builtins.RuntimeError", "builtins.ValueError"]
    assert line["where"][-1].endswith(" broken")
    assert line["request"] == answer.headers["X-Request-ID"]
    assert not any(secret in json.dumps(lines) for secret in ("anna@", "01-234", "already exists"))


@pytest.mark.parametrize(
    "said",
    [
        "Invalid request from ip=192.0.2.77: bad",
        "Invalid request from ip=2001:db8::1:2:3: bad",
        "Error handling request /north/reset-password/a-secret-token",
        "Mail to anna.north@example.lt bounced",
        "phone +370 600 00001 and payer code 1234567",
    ],
)
def test_what_libraries_write_is_masked(said: str) -> None:
    """T111"""
    written = watch.masked(said)
    for secret in ("192.0.2.77", "2001:db8", "a-secret-token", "anna.north", "600 00001", "1234567"):
        assert secret not in written
    assert written.split()[0] == said.split()[0]


@pytest.mark.parametrize(("trusts", "is_taken"), [(True, True), (False, False)])
def test_a_requests_number_is_the_proxys_where_one_is_trusted(trusts: bool, is_taken: bool) -> None:
    number = "0123456789abcdef" * 2
    watched = watch.Watched(lambda environ, start: [start("200 OK", []) or b""], "customer", trusts_proxy=trusts)
    headers: list[tuple[str, str]] = []
    list(watched({"REQUEST_METHOD": "GET", "HTTP_X_REQUEST_ID": number}, lambda line, given, *more: headers.extend(given)))
    assert (dict(headers)["X-Request-ID"] == number) is is_taken


def test_a_line_without_end_is_cut_before_it_is_masked() -> None:
    """T111: the patterns need the square of its length."""
    record = logging.LogRecord("x", logging.INFO, "x", 1, "a" * 50_000, (), None)
    assert len(json.loads(watch.JsonLines().format(record))["says"]) <= watch.LONGEST
