"""The limit of the POST of a reading: a Flask application that does by hand what the product does.

It opens the signed session, checks the CSRF token, and in one transaction of the bare driver writes the same rows: the form's key, the
reading (the month's earlier one no longer counts), the event with its digest, the mail. It knows one rule (not below the last month)
where the product asks all of them.
"""

import functools
import hashlib
import json
import re
import secrets
import sqlite3
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from flask import Flask, abort, redirect, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf, validate_csrf

from models import now
from rules import clock

Ask = Callable[..., Any]


def create(url: str) -> Flask:
    """The application over the database at `url`: GET /start signs in and answers with the token, POST /readings/<account>."""
    site = Flask("hand")
    site.secret_key = secrets.token_hex(32)
    site.config["WTF_CSRF_CHECK_DEFAULT"] = False
    CSRFProtect(site)
    ask, begin = _connect(url)

    @site.get("/start")
    def start() -> str:
        session["in"] = "yes"
        return generate_csrf()

    @site.post("/readings/<int:account>")
    def post(account: int) -> Any:
        sent, at, today = request.form, now().astimezone(UTC).replace(tzinfo=None), clock.today()
        validate_csrf(sent["csrf_token"])
        milli, period = int(sent["value"].replace(".", "")), clock.period(today)
        if session.get("in") != "yes" or not re.fullmatch(r"[A-Za-z0-9_-]{16,40}", sent["form_key"]):
            abort(401)
        ask(begin)
        try:
            _write(ask, account, sent["meter"], sent["form_key"], milli, period, today, at)
        except BaseException:
            ask("ROLLBACK")
            raise
        ask("COMMIT")
        return redirect("/done", 303)

    return site


def _connect(url: str) -> tuple[Ask, str]:
    """What runs a statement on one connection that is kept, and how a transaction begins."""
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=5)
        file.executescript("PRAGMA synchronous=2; PRAGMA foreign_keys=1; PRAGMA cache_size=-32000;")
        return file.execute, "BEGIN IMMEDIATE"
    connection: Any = psycopg.connect(url, autocommit=True)
    marked = functools.cache(lambda sql: sql.replace("?", "%s"))
    return lambda sql, values=(): connection.execute(marked(sql), values), "BEGIN"


def _write(ask: Ask, account: int, meter: str, key: str, milli: int, period: str, today: Any, at: datetime) -> None:
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
    ask("UPDATE reading SET is_current = FALSE WHERE meter_id = ? AND period = ? AND is_current", (number, period))
    row = {
        "public_id": uuid.uuid4().hex, "organisation_id": organisation, "meter_id": number, "contract_id": contract, "value_milli": milli,
        "previous_milli": previous, "read_on": str(today), "period": period, "source": "customer", "is_current": True, "reference": reference,
        "account_id": account, "recorded_at": str(at), "rollover_milli": 0, "reason": "",
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


def _insert(ask: Ask, table: str, row: dict[str, Any]) -> int:
    columns = ", ".join(f'"{name}"' for name in row)
    sql = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))}) RETURNING id"
    return int(ask(sql, tuple(row.values())).fetchone()[0])
