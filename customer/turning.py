"""Turning the pages of a list: where a page goes on from, and where its links lead."""

import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from flask import abort, request, url_for

from rules.paging import Page

Row = TypeVar("Row")
AT_ONCE = 50


def marks() -> dict[str, uuid.UUID | None]:
    """The row from which the page that is asked for goes on, as its address says."""
    try:
        return {name: uuid.UUID(request.args[name]) if request.args.get(name) else None for name in ("older", "newer")}
    except ValueError:
        abort(404)


def links(page: Page[Any], endpoint: str, **asked: str) -> dict[str, str | None]:
    """The addresses of the pages before and after, with all that was asked besides; None where there is no such page."""
    return {
        "previous_url": url_for(endpoint, **asked, newer=page.newer) if page.newer else None,
        "next_url": url_for(endpoint, **asked, older=page.older) if page.older else None,
    }


def part(rows: Sequence[Row], endpoint: str) -> tuple[Sequence[Row], dict[str, str | None]]:
    """Of a list that is known whole, such as a company's thousand contracts by name, what the page that is asked for shows; and the
    addresses of the pages before and after."""
    number = request.args.get("page", 1, type=int)
    shown = rows[(number - 1) * AT_ONCE : number * AT_ONCE] if number > 0 else []
    if not shown and number != 1:
        abort(404)
    return shown, {
        "previous_url": url_for(endpoint, page=number - 1 if number > 2 else None) if number > 1 else None,
        "next_url": url_for(endpoint, page=number + 1) if len(rows) > number * AT_ONCE else None,
    }
