"""The POST of a reading beside a stock Flask application and beside a handler written by hand, all of which write the same rows (G9)."""

import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from bench import clock, hand, site, stock
from bench.goals import Figure

CUSTOMERS, ROUNDS, SECONDS = 40, 200, 80


def run(engine: str, urls: dict[int, str]) -> Iterator[Figure]:
    """Each contender declares for all customers of each database in turn, a little more each time."""
    with site.customers(urls, CUSTOMERS) as installs:
        contenders: dict[str, Callable[[], None]] = {}
        steps = itertools.count(1)
        for size, install in installs.items():
            contenders[f"product {size}"] = _product(install, steps)
            contenders[f"stock {size}"] = _peer(stock.create(install.url), "/start/{}", install.people, steps)
            contenders[f"by hand {size}"] = _peer(hand.create(install.url), "/start", install.people, steps)
        took = clock.side_by_side(contenders, rounds=ROUNDS, seconds=SECONDS)
    for size in urls:
        ours, shown = took[f"product {size}"], f"{size:,}"
        yield Figure("G9", "POST of a reading, stock Flask + peewee to ours", engine, shown, took[f"stock {size}"].over(ours), 2.5, True)
        yield Figure("G9", "POST of a reading, ours' speed of hand-written", engine, shown, took[f"by hand {size}"].over(ours), 0.6, True)
    small, large = min(urls), max(urls)
    grown = took[f"product {large}"].over(took[f"product {small}"])
    yield Figure("G9", f"POST of a reading; to {small:,}", engine, f"{large:,}", grown, 1.3, False)


def value(number: int) -> str:
    """Cubic metres: a little more each time, and never so much that the product would ask about it."""
    return f"{72 + number // 1000}.{number % 1000:03}"


def form_key() -> str:
    return secrets.token_urlsafe(16)


def token_in(page: str) -> str:
    """The CSRF token of a page's form."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    return found[1]


def address(one: site.Customer) -> str:
    """Where the product's form is."""
    return f"/{one.account.organisation.slug}/meters/{one.meter.public_id}/declare-a-reading"


def peers_address(one: site.Customer) -> str:
    """Where either peer takes a reading."""
    return f"/readings/{one.account.id}"


def fields(one: site.Customer, token: str, number: int) -> dict[str, str]:
    """What the product's form sends: the customer's first meter shows the `number`th value."""
    shown = value(number).replace(".", ",")
    return {"csrf_token": token, "form_key": form_key(), f"reading_{one.meter.public_id.hex}": shown}


def peers_fields(one: site.Customer, token: str, number: int) -> dict[str, str]:
    """The same for either peer."""
    return {"csrf_token": token, "form_key": form_key(), "meter": one.meter.public_id.hex, "value": value(number)}


Ask = Callable[..., tuple[int, str, str]]
Signed = tuple[site.Customer, str, str, str]  # who, where to post, cookie, token


def _product(install: site.Install, steps: Iterator[int]) -> Callable[[], None]:
    signed = []
    for one in install.people:
        _, cookie, page = install.ask(address(one), cookie=one.cookie)
        signed.append((one, address(one), cookie, token_in(page)))
    return _posting(install.ask, signed, fields, steps)


def _peer(application: Any, start: str, people: list[site.Customer], steps: Iterator[int]) -> Callable[[], None]:
    signed = []
    for one in people:
        _, cookie, token = clock.ask(application, start.format(one.account.id))
        signed.append((one, peers_address(one), cookie, token))
    return _posting(partial(clock.ask, application), signed, peers_fields, steps)


def _posting(ask: Ask, signed: list[Signed], sent: Callable[..., dict[str, str]], steps: Iterator[int]) -> Callable[[], None]:
    turns = itertools.cycle(signed)

    def post() -> None:
        one, where, cookie, token = next(turns)
        status, _, body = ask(where, form=urlencode(sent(one, token, next(steps))).encode(), cookie=cookie)
        assert status in (302, 303), (status, body)

    return post
