"""The customer's home beside the same page by Django, and beside the least that could make it: its statements through the bare driver
of the database, and its template (G7, G8)."""

import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

import models
from bench import clock, django_home, site
from bench.goals import Figure
from customer.pages import home

ACCOUNTS, ROUNDS = 100, 300


def run(engine: str) -> Iterator[Figure]:
    """Each contender shows the homes of all customers in turn."""
    with site.customers(engine, ACCOUNTS) as install, tempfile.TemporaryDirectory(prefix="savitarna-bench-") as folder:
        turns = itertools.cycle(install.people)
        django = itertools.cycle(django_home.pages(install.url, [one.account.id for one in install.people], Path(folder)))

        def page() -> str:
            return _shown(*clock.get(install.application, "/bench/home", cookie=next(turns).cookie))

        def peer() -> str:
            return _shown(*next(django)())

        statements, context = _watched(page)
        limit = _limit(install, statements, context)
        assert abs(len(limit()) - len(page())) < 200, "the limit must make the same page"
        for part in ("<rect", "<tr>", "<text", "<li>", "363,00", "href=", "Jūsų paskyra"):
            assert abs(peer().count(part) - page().count(part)) <= 2, f"Django must make the same page: {part}"
        took = clock.side_by_side({"page": page, "django": peer, "limit": limit}, rounds=ROUNDS, seconds=40)
        models.database.close_all()
    size = f"{ACCOUNTS} people"
    yield Figure("G7", "the customer's home, ours to the limit", engine, size, took["page"].over(took["limit"]), 1.3, False)
    yield Figure("G7", "the customer's home, Django to ours", engine, size, took["django"].over(took["page"]), 4, True)
    yield Figure("G8", "statements of the customer's home", engine, size, (len(statements),), 8, False, "")


def _shown(status: int, body: str) -> str:
    assert status == 200, body
    return body


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


def _limit(install: site.Install, statements: list[tuple[str, Any]], context: dict[str, Any]) -> Callable[[], str]:
    """The same page for one of the customers, whose rows are read and not looked at."""
    is_file = install.url.startswith("sqlite")
    connection: Any = sqlite3.connect(install.url.removeprefix("sqlite:///")) if is_file else psycopg.connect(install.url, autocommit=True)
    someone = install.people[0].account
    around = {"SCRIPT_NAME": "/bench", "savitarna.organisation": someone.organisation}

    def limit() -> str:
        for sql, values in statements:
            connection.execute(sql, values).fetchall()
        with install.application.test_request_context("/home", environ_overrides=around):
            from flask import g, render_template

            g.viewer = someone
            return render_template("customer/home.html", **context)

    return limit
