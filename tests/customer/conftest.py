"""A customer who is signed in: Anna owns a flat at North, on a day when readings are taken."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from time_machine import Traveller, travel

from models import Account, Contract, Organisation
from tests import factories
from tests.browser import Browser


@pytest.fixture
def clock() -> Iterator[Traveller]:
    """Midday of 20 November 2026, standing still."""
    with travel(datetime(2026, 11, 20, 10, 0, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def north(db: object, clock: Traveller) -> Organisation:
    return factories.organisation("north", phone="8 700 00002", reading_opens_on=15, reading_closes_on=27)


@pytest.fixture
def anna(north: Organisation, browser: Browser) -> Account:
    made = factories.account(north)
    browser.enter(made)
    return made


@pytest.fixture
def flat(north: Organisation, anna: Account) -> Contract:
    made = factories.contract(north)
    factories.holds(anna, made)
    return made


@pytest.fixture
def visitor(browser: Browser) -> Browser:
    """Someone who is not signed in and whose browser asks for English."""
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser
