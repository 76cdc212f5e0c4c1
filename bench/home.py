"""The customer's home beside the same page by Django, and beside the least that could make it: its statements through the bare driver
of the database, and its template; in a small database and in a large one (G7, G8)."""

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

ACCOUNTS, ROUNDS, SECONDS = 100, 300, 80


def run(engine: str, urls: dict[int, str]) -> Iterator[Figure]:
    """Each contender shows the homes of all customers of each database in turn."""
    with site.customers(urls, ACCOUNTS) as installs, tempfile.TemporaryDirectory(prefix="savitarna-bench-") as folder:
        django = django_home.pages({one.url: [who.account.id for who in one.people] for one in installs.values()}, Path(folder))
        contenders: dict[str, Callable[[], str]] = {}
        asked = {}
        for size, install in installs.items():
            page, peer = _page(install, install.people), _peer(django[install.url])
            asked[size], context = _watched(_page(install, install.people[:1]))
            limit = _limit(install, asked[size], context)
            assert abs(len(limit()) - len(page())) < 200, "the limit must make the same page"
            for part in ("<rect", "<tr>", "<text", "<li>", "363,00", "href=", "Jūsų paskyra"):
                assert abs(peer().count(part) - page().count(part)) <= 2, f"Django must make the same page: {part}"
            contenders |= {f"page {size}": page, f"django {size}": peer, f"limit {size}": limit}
        took = clock.side_by_side(contenders, rounds=ROUNDS, seconds=SECONDS)
    for size in urls:
        page, shown = took[f"page {size}"], f"{size:,}"
        yield Figure("G7", "the customer's home, ours to the limit", engine, shown, page.over(took[f"limit {size}"]), 1.3, False)
        yield Figure("G7", "the customer's home, Django to ours", engine, shown, took[f"django {size}"].over(page), 4, True)
        yield Figure("G8", "statements of the customer's home", engine, shown, (len(asked[size]),), 8, False, "")
    small, large = min(urls), max(urls)
    grown = took[f"page {large}"].over(took[f"page {small}"])
    yield Figure("G7", f"the customer's home; to {small:,}", engine, f"{large:,}", grown, 1.3, False)


def _page(install: site.Install, people: list[site.Customer]) -> Callable[[], str]:
    turns = itertools.cycle(people)

    def page() -> str:
        who = next(turns)
        status, _, body = install.ask(f"/{who.account.organisation.slug}/home", cookie=who.cookie)
        return _shown(status, body)

    return page


def _peer(pages: list[Callable[[], tuple[int, str]]]) -> Callable[[], str]:
    turns = itertools.cycle(pages)
    return lambda: _shown(*next(turns)())


def _shown(status: int, body: str) -> str:
    assert status == 200, body
    return body


def _watched(page: Any) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """The statements of one page, opened a second time: that its reader is there has been noted. And what its template was given."""
    statements: list[tuple[str, Any]] = []
    given: dict[str, Any] = {}
    render = home.render_template

    def keep(template: str, **context: Any) -> str:
        given.update(context)
        return render(template, **context)

    def note(event: Any) -> None:
        statements.append((event.sql, event.params))

    page()
    database = models.database.obj
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
    file = install.url.removeprefix("sqlite:///")
    connection: Any = sqlite3.connect(file, isolation_level=None) if is_file else psycopg.connect(install.url, autocommit=True)
    someone = install.people[0].account
    around = {"SCRIPT_NAME": f"/{someone.organisation.slug}", "savitarna.organisation": someone.organisation}

    def limit() -> str:
        for sql, values in statements:
            connection.execute(sql, values).fetchall()
        with install.application.test_request_context("/home", environ_overrides=around):
            from flask import g, render_template

            g.viewer = someone
            return render_template("customer/home.html", **context)

    return limit
