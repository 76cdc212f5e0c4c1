"""The backoffice's lists of accounts, invoices, readings and events, at ten thousand bills and at as many as asked for, on SQLite and on
PostgreSQL, beside Django's admin on the very same tables and beside the raw limit: the same bytes from one hand-written statement and
one template (performance G1-G5, G8).

All run in one process on one core, one request each in turn, through WSGI with a signed-in person of the whole install, 50 rows a page.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import peewee as pw

import models
from bench import clock, django_admin, limit
from bench.clock import Timing
from bench.data import SMALL
from bench.goals import Figure
from config import load
from models import Session, Staff, database
from rules import sessions

PAGE = 50
ROUNDS, SECONDS = 40, 180.0
MOUNT = "/backoffice"
LISTS = ("accounts", "invoices", "readings", "events")
FILTERED = {"accounts": "sort=-name", "invoices": "issued_on=2023-01-01&sort=-issued_on", "readings": "read_on=2023-01-01&sort=-read_on",
            "events": "name=account.signed_in"}  # fmt: skip
WORDS = {"accounts name": "accounts/?search=zukauskaite+zivile", "accounts phone": "accounts/?search=8+600+00123",
         "accounts e-mail": "accounts/?search=jonas.adomas", "invoices name": "invoices/?search=zukauskaite+zivile",
         "invoices number": "invoices/?search=SF1000012", "everything": "search/?search=zukauskaite"}  # fmt: skip
# What the limit and Django's admin look for too.
SOUGHT = {"name": "zukauskaite+zivile", "number": "SF1000012"}
REPEATED = 50
MANY = 1_000_000  # where a search is beside that of Django's admin


class Ours:
    """The backoffice over one of the databases, asked as gunicorn would."""

    def __init__(self, site: Any, opened: pw.Database) -> None:
        self.site, self.opened = site, opened
        database.initialize(opened)
        with database.connection_context():
            Session.delete().where(Session.staff.is_null(False)).execute()
            found = Staff.get_or_none(email_key="bench@example.lt")
            person = found or Staff.create(email="bench@example.lt", name="Bench", role="administrator", password_hash="")
            secret = sessions.open_for(person)
        with site.test_request_context():
            # A browser that has seen a page before: it has its token.
            seen = {"sid": secret, "language": "en", "csrf_token": "0" * 40}
            signed = site.session_interface.get_signing_serializer(site).dumps(seen)
        self.cookie = f"{site.config['SESSION_COOKIE_NAME']}={signed}"

    def open(self, path: str) -> tuple[int, str]:
        database.initialize(self.opened)
        return clock.get(self.site, path, mount=MOUNT, cookie=self.cookie)

    def before_last(self, name: str) -> str:
        """The address of the page before the last one, by its key: no end is nearer to it."""
        _, body = self.open(f"/{name}/?{FILTERED[name]}&page=last")
        return next(unescape(a) for a in re.findall(r'href="([^"]+)"', body) if "before=" in a).removeprefix(MOUNT)

    def statements(self, path: str) -> int:
        seen: list[str] = []
        self.opened.query_hooks.append(lambda event: seen.append(event.sql))
        self.open(path)
        self.opened.query_hooks.clear()
        return len(seen)


def check(name: str, status: int, body: str, least: int = PAGE) -> None:
    """Whether a page is what it should be, before anything is timed."""
    rows = len(re.findall(r"<tr\b", body)) - 1
    assert (status, rows >= least) == (200, True), f"{name}: {status} with {rows} rows"


def run(engine: str, urls: dict[int, str]) -> Iterator[Figure]:
    """The lists of the databases at these URLs, by how many bills each has."""
    from backoffice import create_app

    with tempfile.TemporaryDirectory(prefix="savitarna-bench-") as kept:
        site = create_app(load({"SAVITARNA_DATA_DIR": kept}))
        ours = {size: Ours(site, models.open_database(url)) for size, url in urls.items()}
        peers = django_admin.Admins(Path(kept) / "django.db", page=PAGE)
        took = clock.side_by_side(_contenders(ours, urls, peers), rounds=ROUNDS, seconds=SECONDS)
        yield from _figures(engine, took, ours)
        peers.close()
        for mine in ours.values():
            mine.opened.close_all()


def _contenders(ours: dict[int, Ours], urls: dict[int, str], peers: django_admin.Admins) -> dict[str, Callable[[], tuple[int, str]]]:
    """Every page of ours, of the limit and of Django's admin, each seen to be what it should be before anything is timed."""
    pages = {name: ours[SMALL].open(f"/{name}/?{FILTERED[name]}")[1] for name in LISTS}
    pages |= {f"search-{what}": ours[SMALL].open(f"/invoices/?search={words}")[1] for what, words in SOUGHT.items()}
    raw = limit.create({size: mine.opened for size, mine in ours.items()}, pages)
    whole: dict[str, Callable[[], tuple[int, str]]] = {}  # a page of fifty rows
    found: dict[str, Callable[[], tuple[int, str]]] = {}  # a row at least
    for size, mine in ours.items():
        seen = limit.cookie(mine.opened)
        for name in LISTS:
            path = f"{name[:-1]}/{django_admin.QUERY[name]}"
            whole[f"ours {size} {name}"] = partial(mine.open, f"/{name}/?{FILTERED[name]}")
            whole[f"limit {size} {name}"] = partial(clock.get, raw, f"/{size}/{name}", cookie=seen)
            found[f"ours {size} {name} deep"] = partial(mine.open, mine.before_last(name))
            found[f"django {size} {name}"] = peers.page(urls[size], path)
            found[f"django {size} {name} uncounted"] = peers.page(urls[size], path, is_counted=False)
        for name, path in WORDS.items():
            found[f"ours {size} {name}"] = partial(mine.open, f"/{path}")
        for what, words in SOUGHT.items():
            found[f"limit {size} {what}"] = partial(clock.get, raw, f"/{size}/search-{what}", cookie=seen)
            found[f"django {size} {what}"] = peers.page(urls[size], f"invoice/?q={words}")
    for name, open_ in whole.items():
        check(name, *open_())
    for name, open_ in found.items():
        check(name, *open_(), least=1)
    for size in ours:
        pairs = {name: name for name in LISTS} | {what: f"invoices {what}" for what in SOUGHT}
        for theirs, name in pairs.items():
            asked = [(whole | found)[one]() for one in (f"limit {size} {theirs}", f"ours {size} {name}")]
            assert limit.rows_of(asked[0][1]) == limit.rows_of(asked[1][1]), f"the limit must write the same rows: {size} {name}"
    return whole | found


def _figures(engine: str, took: dict[str, Timing], ours: dict[int, Ours]) -> Iterator[Figure]:
    """What the timings say of each goal."""

    def say(goal: str, what: str, size: int, one: str, other: str, wanted: float, *, is_least: bool = False) -> Figure:
        ratios = took[one].over(took[other])
        # A server works in a process of its own, so on PostgreSQL this one's own time says nothing.
        return Figure(goal, what, engine, f"{size:,}", ratios if engine == "sqlite" else ratios[:2], wanted, is_least)

    large = max(ours)
    for name in LISTS:
        yield say("G1", f"{name}, filtered, sorted; to {SMALL:,}", large, f"ours {large} {name}", f"ours {SMALL} {name}", 1.3)
        yield say("G2", f"{name}, last page but one; to first, {SMALL:,}", large, f"ours {large} {name} deep", f"ours {SMALL} {name}", 1.3)
        for size in ours:
            django, page = f"django {size} {name}", f"ours {size} {name}"
            yield say("G3", f"{name}, Django's admin to ours", size, django, page, 10 if size > SMALL else 5, is_least=True)
            yield say("G3", f"{name}, Django's admin uncounted to ours", size, f"{django} uncounted", page, 3, is_least=True)
            yield say("G5", f"{name}, ours to the limit", size, page, f"limit {size} {name}", 2.5)
    for name in WORDS:
        timing = took[f"ours {large} {name}"]
        yield Figure("G4", f"search, {name}", engine, f"{large:,}", (timing.p50, timing.least), 50, False, "ms")
    for what in SOUGHT:
        page = f"ours {large} invoices {what}"
        yield say("G4", f"search, {what}, ours to the limit", large, page, f"limit {large} {what}", 3)
        if large >= MANY:
            yield say("G4", f"search, {what}, Django's admin to ours", large, f"django {large} {what}", page, 100, is_least=True)
    second, last = repeated(ours[large], WORDS["invoices name"])
    yield Figure("G4b", f"the {REPEATED}th search on one connection; to the 2nd", engine, f"{large:,}", (last / second,), 1.5, False)
    most = max(ours[large].statements(f"/{name}/?{FILTERED[name]}") for name in LISTS)
    yield Figure("G8", "statements of a list's page, at most", engine, f"{large:,}", (most,), 8, False, "")


def repeated(mine: Ours, path: str) -> tuple[float, float]:
    """Milliseconds of the 2nd to 5th and of the last searches of fifty on one connection (each the quickest of four)."""
    database.initialize(mine.opened)
    with database.connection_context():
        took = [clock.ms(partial(mine.open, f"/{path}")) for _ in range(REPEATED)]
    return min(took[1:5]), min(took[-4:])
