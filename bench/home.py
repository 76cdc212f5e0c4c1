"""The customer's home beside the least that could make the same page: its statements through sqlite3, and its template (G7, G8)."""

import itertools
import sqlite3
from typing import Any

import models
from bench import clock, site
from customer.pages import home

ACCOUNTS, ROUNDS = 300, 300
AIM, MOST_STATEMENTS = 1.3, 8


def run() -> bool:
    """Print the ratio and how many statements a page takes; nothing here fails the run."""
    with site.customers(ACCOUNTS) as (application, path, people):
        turns = itertools.cycle(people)

        def page() -> str:
            status, body = clock.get(application, "/bench/home", cookie=next(turns).cookie)
            assert status == 200, body
            return body

        statements, context = _watched(page)
        limit = _limit(application, path, statements, context, people[0])
        assert abs(len(limit()) - len(page())) < 200, "the limit must make the same page"
        took = clock.side_by_side({"page": page, "limit": limit}, rounds=ROUNDS, seconds=30)
    p50, least = took["page"].over(took["limit"])
    print(f"The customer's home, {ACCOUNTS} customers on SQLite; limit: the same statements by sqlite3, the same template, nothing else")
    print(f"  {p50:5.2f} x the limit by p50, {least:.2f} by the quickest (aim {AIM}); {took['page'].p50:.1f} ms")
    print(f"  {len(statements)} statements (aim {MOST_STATEMENTS})")
    return True


def _watched(page: Any) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """The statements of one page, and what its template was given."""
    statements: list[tuple[str, Any]] = []
    given: dict[str, Any] = {}
    database, render = models.database.obj, home.render_template

    def keep(template: str, **context: Any) -> str:
        given.update(context)
        return render(template, **context)

    def note(event: Any) -> None:
        statements.append((event.sql, event.params))

    page()
    database.query_hooks.append(note)
    home.render_template = keep
    try:
        page()
    finally:
        database.query_hooks.remove(note)
        home.render_template = render
    return statements, given


def _limit(application: Any, path: Any, statements: list[tuple[str, Any]], context: dict[str, Any], someone: site.Customer) -> Any:
    connection = sqlite3.connect(path)
    organisation = someone.account.organisation

    def limit() -> str:
        for sql, values in statements:
            connection.execute(sql, values).fetchall()
        with application.test_request_context("/home", environ_overrides={"SCRIPT_NAME": "/bench", "savitarna.organisation": organisation}):
            from flask import g, render_template

            g.viewer = someone.account
            return render_template("customer/home.html", **context)

    return limit
