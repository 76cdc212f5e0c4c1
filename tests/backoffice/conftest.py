"""What every test of the backoffice stands on: North and South (tests/world.py), and a browser that is signed in."""

from collections.abc import Callable
from typing import Any

import pytest

from backoffice.desk import Desk
from tests import world as worlds
from tests.browser import Browser

Enter = Callable[[str], Browser]


@pytest.fixture
def world(db: object) -> worlds.World:
    return worlds.build()


@pytest.fixture
def enter(world: worlds.World, staff_app: Any) -> Enter:
    """A browser in which this person of the world is signed in."""

    def signed_in(who: str) -> Browser:
        browser = Browser(staff_app, prefix="/backoffice")
        world.sign_in(browser, who)
        return browser

    return signed_in


@pytest.fixture
def views(staff_app: Any) -> dict[str, Any]:
    """The backoffice's pages, by endpoint."""
    return {view.endpoint: view for view in staff_app.extensions["admin"][0]._views}


def tables(views: dict[str, Any]) -> dict[str, Any]:
    """The desks by their table's name."""
    return {view.table: view for view in views.values() if isinstance(view, Desk)}
