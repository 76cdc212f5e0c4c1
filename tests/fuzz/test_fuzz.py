"""Requests that no page would send, made from the pages that were shown: nothing breaks, and nothing of another organisation comes out.

Each walker goes through both sites as one person, picks a form or an address it has seen or the address map knows, spoils some of it,
and sends it. `make fuzz` sends 20,000 on each database, `make test` a few hundred of the same; FUZZ_SEED=... plays a run again.
"""

import logging
import os
import random
import re
import time
from collections import Counter
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from lxml import html

from models import Account, Message
from tests import world as worlds
from tests.browser import Browser

REQUESTS = int(os.environ.get("FUZZ", "400"))
SEED = int(os.environ.get("FUZZ_SEED", random.randrange(10**9)))
STRIDE = 200  # requests of one walker, who then makes room for the next
SLOWEST = 5.0  # seconds that one answer may take

CUSTOMERS = ("anonymous", "owner", "sharee", "viewer", "user", "stranger")
STAFF = ("agent", "manager", "manager_elsewhere", "auditor", "administrator")
START = {"customer": "/north/home", "staff": "/"}

HOSTILE: tuple[str, ...] = (
    "", " ", "0", "-1", "1.5", "1,5", "1_000", "١٢٣", "²", "1e9", "0x10", "NaN", "Infinity", "-0", "2147483648", "9223372036854775808", "9" * 40,
    "null", "None", "undefined", "true", "[]", "{}", '{"a":1}', "a" * 300, "ž" * 5_000, "x" * 100_000, "\x00", "a\x00b", "\r\nSet-Cookie: a=b",
    "\u202egnp.exe", "\ufeff", "\ud800", "%", "_", "%00", "%%%%", "'", '"', "' OR '1'='1", "1; DROP TABLE account", "{{ 7*7 }}", "{% raw %}", "${7*7}",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "../../etc/passwd", "..\\..\\", "//evil.example", "https://evil.example/", "http:evil.example",
    "/\\evil.example", "javascript:alert(1)", "=1+1", "+370 600 00000", "2026-02-30", "0000-00-00", "9999-12-31", "2026-11-22T10:00:00", "31/12/2026",
    "00000000-0000-0000-0000-000000000000", "anna@example.lt", "a@" + "b" * 300, "Ž Š ė", "🦆" * 50, "а" * 40, *(f"word{i}" for i in range(3)),
    " ".join("abcdefgh") * 200,
)  # fmt: skip


class Walker:
    """One person going wrong on one site."""

    def __init__(self, app: Any, site: str, who: str, world: worlds.World, dice: random.Random) -> None:
        self.site, self.who, self.world, self.dice, self.app = site, who, world, dice, app
        self.browser = Browser(app, prefix="/backoffice" if site == "staff" else "")
        self.forms: list[tuple[str, str, list[tuple[str, str]]]] = []  # method, address, what it would send
        self.links: list[str] = [START[site]]
        self.rules = sorted({rule.rule for rule in app.url_map.iter_rules()})
        self.rows = [*world.own.values(), *world.foreign.values()]

    def enter(self) -> None:
        person = self.world.people[self.who]
        if person is not None and (self.site == "customer") == isinstance(person, Account):
            self.world.sign_in(self.browser, self.who)

    def step(self) -> tuple[str, str, int, bytes]:
        """Send one request; returns what was asked and answered."""
        method, path, data = self.dice.choice((self._form, self._form, self._link, self._rule))()
        base = f"http://localhost{self.browser.prefix}" if self.browser.prefix else None
        options: dict[str, Any] = {"method": method, "data": _body(data)} if method == "POST" else {"method": method}
        if method == "POST":
            options["content_type"] = "application/x-www-form-urlencoded"
        started = time.monotonic()
        response = self.browser.client.open(_target(path), base_url=base, **options)
        assert time.monotonic() - started < SLOWEST, f"{method} {path[:300]} took {time.monotonic() - started:.1f} s"
        body = response.get_data()
        if response.status_code in (301, 302, 303):
            self._note_link(response.location)
        if body.strip() and response.mimetype == "text/html" and response.status_code < 500:
            self._learn(body, path)
        return method, path, response.status_code, body

    def _learn(self, body: bytes, path: str) -> None:
        page = html.document_fromstring(body.decode())
        for link in page.xpath("//a/@href"):
            self._note_link(link)
        for form in page.forms:
            values = [(name, value or "") for name, value in form.form_values()]
            values += [(b.get("name"), b.get("value") or "") for b in form.xpath(".//button[@name]")[:1]]
            self.forms.append((form.method.upper(), form.action or path, values))
        del self.forms[:-60], self.links[:-120]

    def _note_link(self, link: str) -> None:
        parts = urlsplit(link)
        if parts.netloc in ("", "localhost") and parts.scheme in ("", "http") and "sign-out" not in parts.path:
            self.links.append(parts.path.removeprefix(self.browser.prefix) + (f"?{parts.query}" if parts.query else ""))

    def _form(self) -> tuple[str, str, list[tuple[str, str]]]:
        if not self.forms:
            return self._link()
        method, path, values = self.dice.choice(self.forms)
        path = urlsplit(path).path.removeprefix(self.browser.prefix) or "/"
        values = list(values)
        for _ in range(self.dice.randint(0, 3)):
            what = self.dice.random()
            if values and what < 0.6:
                at = self.dice.randrange(len(values))
                if values[at][0] != "csrf_token" or what < 0.03:
                    values[at] = (values[at][0], self._value())
            elif values and what < 0.75:
                values.append((self.dice.choice(values)[0], self._value()))
            elif values and what < 0.85:
                values.pop(self.dice.randrange(len(values)))
            else:
                values.append(
                    (self.dice.choice(("id", "organisation", "role", "email", "password_hash", "next", "url", "x")), self._value())
                )
        return method, path if method == "POST" else f"{path}?{_query(values)}", values

    def _link(self) -> tuple[str, str, list[tuple[str, str]]]:
        path = self.dice.choice(self.links)
        if self.dice.random() < 0.6:
            names = [pair.partition("=")[0] for pair in urlsplit(path).query.split("&") if pair]
            names += [
                "page",
                "after",
                "before",
                "sort",
                "search",
                "q",
                "id",
                "next",
                "tab",
                "format",
                "endpoint",
                "flt0_0",
                "from",
                "to",
                "desc",
            ]
            spoiled = [(self.dice.choice(names), self._value()) for _ in range(self.dice.randint(1, 3))]
            path += ("&" if "?" in path else "?") + _query(spoiled)
        return "GET", path, []

    def _rule(self) -> tuple[str, str, list[tuple[str, str]]]:
        script = self.dice.choice(("/north", "/north", "/north", "/south", "/nowhere", "")) if self.site == "customer" else ""
        built = script + re.sub(r"<[^>]+>", lambda _: quote(self._part(), errors="replace"), self.dice.choice(self.rules))
        query = _query([(self.dice.choice(("id", "q", "sort", "search")), self._value())]) if self.dice.random() < 0.3 else ""
        method = self.dice.choice(("GET", "GET", "POST", "HEAD", "OPTIONS", "PUT"))
        sent = next((list(values) for _, _, values in reversed(self.forms) if values), []) if method == "POST" else []
        return method, built + (f"?{query}" if query else ""), sent

    def _part(self) -> str:
        row = str(self.dice.choice(self.rows).public_id)
        return self.dice.choice((row, row, row, "en", "lock_after", "R1234567", "../x", "a b", "ž\x00", "x" * 200))

    def _value(self) -> str:
        row = self.dice.choice(self.rows)
        choice = self.dice.random()
        if choice < 0.2:
            return str(row.public_id)
        if choice < 0.25:
            return str(row.id)
        return self.dice.choice(HOSTILE)


def _query(values: list[tuple[str, str]]) -> str:
    return urlencode([(name, value[:2_000]) for name, value in values], errors="surrogatepass")


def _body(values: list[tuple[str, str]]) -> str:
    return urlencode(values, errors="surrogatepass")


def _target(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


@pytest.fixture
def world(db: object) -> worlds.World:
    """As everywhere, but with South's name plain: which organisations there are is no secret, and neither is their front page."""
    world = worlds.build()
    world.south.name = "South"
    world.south.save()
    return world


def test_nothing_that_is_sent_breaks_a_page_or_brings_out_what_is_anothers(
    world: worlds.World, customer_app: Any, staff_app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """T01, T02, T04, T28, T85, T88, G3, G5"""
    caplog.set_level(logging.INFO)
    walkers = [("customer", who) for who in CUSTOMERS] + [("staff", who) for who in STAFF]
    answers: Counter[int] = Counter()
    stride = min(STRIDE, max(10, REQUESTS // len(walkers)))
    for turn in range(0, REQUESTS, stride):
        dice = random.Random(SEED + turn)
        site, who = walkers[turn // stride % len(walkers)]
        walker = Walker(customer_app if site == "customer" else staff_app, site, who, world, dice)
        walker.enter()
        for number in range(stride):
            asked = f"FUZZ_SEED={SEED} {who} request {turn + number}"
            method, path, status, body = walker.step()
            assert status < 500, f"{asked}: {method} {path[:500]} answered {status}"
            is_souths = path.startswith("/south") and site == "customer"
            assert is_souths or worlds.CANARY.encode() not in body, f"{asked}: {method} {path[:500]} shows what is South's"
            answers[status] += 1
            if status in (302, 401) and number % 20 == 19:
                walker.enter()  # it signed itself out, or was signed out
    south = {world.south.id}
    written = Message.select().where(Message.organisation.not_in(south) | Message.organisation.is_null())
    assert not [row for row in written.dicts() if worlds.CANARY in str(row)]
    assert worlds.CANARY not in caplog.text
    assert answers[200] > REQUESTS / 10, answers  # it gets in, and is not only turned away
    assert answers[400] + answers[404] + answers[422] > REQUESTS / 20, answers
