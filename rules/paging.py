"""A list a page at a time, newest first. A page goes on from a row, not from a number: nothing is counted, so that the thousandth
page costs what the first does."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import peewee as pw

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, newest first, and the row from which the list goes on in either direction."""

    rows: list[Row]
    newer: uuid.UUID | None = None
    older: uuid.UUID | None = None


def page(
    rows: Any, order: tuple[Any, ...], is_mine: Callable[[Any], Any], *, older: uuid.UUID | None, newer: uuid.UUID | None, size: int
) -> Page[Any]:
    """The newest of `rows` by the fields of `order`, or those after the row `older`, or before the row `newer` (one statement). What
    is not `is_mine`, a condition on a row of the table, is as good as no row to go on from."""
    mark, place, known = older or newer, pw.Tuple(*order), order[0].model.alias()
    if mark:
        edge = known.select(*(getattr(known, field.name) for field in order)).where((known.public_id == mark) & is_mine(known))
        rows = rows.where(place < edge) if older else rows.where(place > edge)
    backwards = newer and not older
    found = list(rows.order_by(*(field if backwards else field.desc() for field in order)).limit(size + 1))
    is_more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    before, after = (is_more, True) if backwards else (bool(older), is_more)
    return Page(found, found[0].public_id if found and before else None, found[-1].public_id if found and after else None)
