"""What tests of accounts do again and again: signing in, being refused, being locked out."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from models import Account, Event, Organisation
from rules import accounts
from rules.refusal import Refused
from tests import factories

SITE = "https://savitarna.example.lt/north"
HOME, CAFE = "192.0.2.0/24", "198.51.100.0/24"
ANNA, NEW = "anna@example.lt", "Naujas-zodis-8"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def sign_in(
    here: Organisation, password: str = factories.PASSWORD, email: str = ANNA, source: str = HOME, device: str | None = None
) -> Account:
    return accounts.sign_in(here, email, password, source=source, device=device, site_url=SITE)


def refusal(act: Callable[..., Any], *args: Any, **options: Any) -> Refused:
    with pytest.raises(Refused) as no:
        act(*args, **options)
    return no.value


def events() -> list[str]:
    return [e.name for e in Event.select().order_by(Event.id)]


def lock(here: Organisation, source: str = HOME) -> None:
    """Five wrong passwords, and the five minutes after which a network may try again."""
    for n in range(5):
        refusal(sign_in, here, f"Neteisingas-{n}", source=source)


def ask_reset(here: Organisation, email: str = ANNA) -> None:
    accounts.ask_password_reset(here, email, source=HOME, language="en", site_url=SITE)


def shapes(statements: list[str]) -> list[str]:
    """Statements without the names that a database connection gives to its savepoints."""
    return [re.sub(r'"s[0-9a-f]{32}"', "", sql) for sql in statements]
