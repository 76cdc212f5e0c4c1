"""Whom most rules are tried on: North, and Anna, who owns a flat there with a meter. A file that needs them otherwise says so itself."""

from datetime import date

import pytest

from models import Account, Contract, Meter, Organisation, Staff
from tests import factories


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north")


@pytest.fixture
def anna(north: Organisation) -> Account:
    return factories.account(north)


@pytest.fixture
def flat(north: Organisation, anna: Account) -> Contract:
    made = factories.contract(north)
    factories.holds(anna, made)
    return made


@pytest.fixture
def meter(flat: Contract) -> Meter:
    made = factories.meter(flat)
    factories.reading(made, 100_000, date(2026, 10, 20))
    return made


@pytest.fixture
def agent(north: Organisation) -> Staff:
    return factories.staff(north)
