"""Turning the pages of a list: where a page goes on from, and where its links lead."""

import uuid
from typing import Any

from flask import abort, request, url_for

from rules.paging import Page


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
