"""The POST of a reading beside a handler that does the same by hand (G9).

By hand means: a Flask application that opens the signed session, checks the CSRF token, and in one transaction of `sqlite3` writes
what the product writes: the form's key, the reading (the month's earlier one no longer counts), the event with its digest, the mail.
It knows one rule (not below the last month) where the product asks all of them.
"""

import hashlib
import io
import itertools
import json
import re
import secrets
import sqlite3
import sys
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Flask, abort, redirect, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf, validate_csrf

from bench import clock, site
from models import now
from rules import clock as calendar

CUSTOMERS, ROUNDS = 40, 200
AIM = 0.6


def run() -> bool:
    """Print the ratio; nothing here fails the run."""
    with site.customers(CUSTOMERS) as (application, path, people):
        forms = [_form(application, one) for one in people]
        hand, cookie, token = _by_hand(path, application.config["SECRET_KEY"])
        values, turns = itertools.count(1), itertools.cycle(zip(people, forms, strict=True))

        def product() -> None:
            one, (its_cookie, its_token) = next(turns)
            address = f"/bench/meters/{one.meter.public_id}/declare-a-reading"
            sent = {"csrf_token": its_token, "form_key": _key(), f"reading_{one.meter.public_id.hex}": _value(next(values))}
            _post(application, address, sent, its_cookie)

        def by_hand() -> None:
            one, _ = next(turns)
            sent = {"csrf_token": token, "form_key": _key(), "meter": one.meter.public_id.hex, "value": _value(next(values))}
            _post(hand, f"/r/{one.account.id}", sent, cookie)

        took = clock.side_by_side({"product": product, "by hand": by_hand}, rounds=ROUNDS, seconds=30)
    p50, least = took["product"].over(took["by hand"])
    print("The POST of a reading on SQLite; limit: a Flask handler with hand-written SQL that writes the same rows")
    print(f"  {1 / p50:5.2f} of the limit's speed by p50, {1 / least:.2f} by the quickest (aim {AIM}); {took['product'].p50:.1f} ms")
    return True


def _value(number: int) -> str:
    """A little more each time, and never so much that the product would ask about it."""
    return f"72,{number:03}" if number < 1000 else f"73,{number % 1000:03}"


def _key() -> str:
    return secrets.token_urlsafe(16)


def _form(application: Any, one: site.Customer) -> tuple[str, str]:
    """The cookie and the token that the form gives."""
    answer = _ask(application, f"/bench/meters/{one.meter.public_id}/declare-a-reading", "GET", b"", one.cookie)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer[2])
    assert found, answer
    return answer[1], found[1]


def _post(application: Any, address: str, sent: dict[str, str], cookie: str) -> None:
    status, _, body = _ask(application, address, "POST", urlencode(sent).encode(), cookie)
    assert status in (302, 303), (status, body)


def _ask(application: Any, address: str, method: str, body: bytes, cookie: str) -> tuple[int, str, str]:
    """Status, the cookie to go on with, body."""
    answered: list[Any] = []
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": address, "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "HTTP_COOKIE": cookie, "HTTP_USER_AGENT": "bench",
        "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    answer = application(environ, lambda status, headers, failure=None: answered.extend((status, headers)))
    try:
        text = b"".join(answer).decode()
    finally:
        if hasattr(answer, "close"):
            answer.close()
    given = [value.partition(";")[0] for name, value in answered[1] if name == "Set-Cookie"]
    return int(answered[0].split()[0]), given[0] if given else cookie, text


def _by_hand(path: Any, key: str) -> tuple[Flask, str, str]:
    """The application, the cookie of who is signed in, and the token."""
    hand = Flask("by_hand")
    hand.secret_key = key
    hand.config["WTF_CSRF_CHECK_DEFAULT"] = False
    CSRFProtect(hand)
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    connection.executescript("PRAGMA synchronous=2; PRAGMA foreign_keys=1; PRAGMA cache_size=-32000;")
    ask = connection.execute

    @hand.get("/start")
    def start() -> str:
        session["in"] = "yes"
        return generate_csrf()

    @hand.post("/r/<int:account>")
    def post(account: int) -> Any:
        sent, at, today = request.form, now().astimezone(UTC).replace(tzinfo=None), calendar.today()
        validate_csrf(sent["csrf_token"])
        milli, period = int(sent["value"].replace(",", "")), f"{today:%Y-%m}"
        if session.get("in") != "yes" or not re.fullmatch(r"[A-Za-z0-9_-]{16,40}", sent["form_key"]):
            abort(401)
        ask("BEGIN IMMEDIATE")
        try:
            _write(ask, account, sent["meter"], sent["form_key"], milli, period, today, at)
        except BaseException:
            ask("ROLLBACK")
            raise
        ask("COMMIT")
        return redirect("/done", 303)

    status, cookie, token = _ask(hand, "/start", "GET", b"", "")
    assert status == 200
    return hand, cookie, token


def _write(ask: Any, account: int, meter: str, key: str, milli: int, period: str, today: Any, at: datetime) -> None:
    who, reference = f"account:{account}", secrets.token_hex(4).upper()
    digest = hashlib.sha256(key.encode()).hexdigest()
    columns = "public_id, actor, key, request_digest, location, created_at"
    ask(f"INSERT INTO form_key ({columns}) VALUES (?, ?, ?, ?, ?, ?)", (uuid.uuid4().hex, who, key, digest, f"/{reference}", str(at)))
    email, name = ask("SELECT email, name FROM account WHERE id = ?", (account,)).fetchone()
    found = ask(
        "SELECT m.id, m.contract_id, m.organisation_id, m.number FROM meter m JOIN membership h ON h.contract_id = m.contract_id "
        "WHERE m.public_id = ? AND h.account_id = ? AND h.until_at IS NULL",
        (meter, account),
    ).fetchone()
    if found is None:
        abort(404)
    number, contract, organisation, called = found
    last = ask(
        "SELECT value_milli FROM reading WHERE meter_id = ? AND is_current AND period < ? ORDER BY period DESC LIMIT 1", (number, period)
    )
    previous = (last.fetchone() or (0,))[0]
    if milli < previous:
        abort(400)
    ask("UPDATE reading SET is_current = 0 WHERE meter_id = ? AND period = ? AND is_current", (number, period))
    row = {
        "public_id": uuid.uuid4().hex, "organisation_id": organisation, "meter_id": number, "contract_id": contract, "value_milli": milli,
        "previous_milli": previous, "read_on": str(today), "period": period, "source": "customer", "is_current": 1, "reference": reference,
        "account_id": account, "recorded_at": str(at),
    }  # fmt: skip
    made = _insert(ask, "reading", row)
    facts, salt = json.dumps({"meter": called, "value_milli": milli, "read_on": str(today)}), secrets.token_hex(8)
    event = {
        "public_id": uuid.uuid4().hex, "organisation_id": organisation, "name": "reading.declared", "at": str(at), "actor": who,
        "subject": f"reading:{made}", "account_id": account, "facts": facts, "salt": salt,
        "digest": hashlib.sha256((salt + facts).encode()).hexdigest(),
    }  # fmt: skip
    _insert(ask, "event", event)
    mail = {
        "public_id": uuid.uuid4().hex, "organisation_id": organisation, "kind": "reading_declared", "account_id": account, "to": email,
        "name": name, "language": "lt", "facts": facts, "dedupe_key": f"reading_declared:{organisation}:{reference}", "lane": 5,
        "state": "new", "created_at": str(at), "next_at": str(at), "tries": 0, "error": "",
    }  # fmt: skip
    _insert(ask, "message", mail)


def _insert(ask: Any, table: str, row: dict[str, Any]) -> int:
    columns = ", ".join(f'"{name}"' for name in row)
    return int(ask(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())).lastrowid)
