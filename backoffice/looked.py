"""Whose data an answer shows to staff: noted while it is made, written down once it is known to be good, before it leaves (M02).

A page of one row is one that somebody has opened; a list of the rows of one customer, contract or meter too. A search that finds few
has found them. A list that nobody has narrowed to a person is not a look at each of fifty.
"""

from collections.abc import Iterable
from typing import Any

import peewee as pw
from flask import Response, current_app, g

import web
from models import Contract, Staff, SyncProblem
from rules import looks

FEW = 10  # rows that a search finds: those who are looked for, not those who are passed by


def at(row: Any, of: str = "") -> None:
    """This answer shows a row, or those rows of the table `of` that belong to it."""
    _note(type(row), [row.public_id], of or type(row).__name__.lower(), "opened")
    if isinstance(row, SyncProblem) and row.record:  # the record as it came: it may be about a customer whom we know
        code = (row.record.get("record") or {}).get("payer_code")
        holders = Contract.select(Contract.public_id).where((Contract.organisation == row.organisation_id) & (Contract.payer_code == code))
        _note(Contract, [number for (number,) in holders.tuples()], "syncproblem", "opened")


def found(model: type[Any], ids: Iterable[Any]) -> None:
    """A search has found these rows."""
    listed = list(ids)
    if len(listed) <= FEW:
        _note(model, listed, model.__name__.lower(), "found")


def _note(model: type[Any], ids: list[Any], of: str, how: str) -> None:
    g.setdefault("looked", {}).setdefault((model, of, how), []).extend(ids)


def write_down(response: Response) -> Response:
    """Write down what was noted, if the answer showed it. What cannot be written down is not shown."""
    viewer = web.viewer() if g.get("looked") else None
    if response.status_code != 200 or not isinstance(viewer, Staff):
        return response
    try:
        for (model, of, how), ids in g.looked.items():
            looks.note(model, ids, of=of, how=how, by=viewer)
    except pw.OperationalError as error:
        return current_app.make_response(current_app.handle_user_exception(error))
    return response
