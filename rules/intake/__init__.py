"""What the records of a billing feed become: contracts with their houses, bills, meters, readings. `rules/sync.py` says when.

Each function takes the records of one kind in a block, inside its transaction, and asks the database per block, not per record.
A payer code is compared byte for byte (CV-13). Whatever cannot be taken in is put aside with the reason.
"""

from typing import Any

from models import N_, Table, digest

TOO_EARLY = N_("{day_on} lies too far ahead.")


def say(row: Table, values: dict[str, Any]) -> bool:
    """Set what differs; whether anything does."""
    different = {n: v for n, v in values.items() if row.__data__.get(n) != (v.id if isinstance(v, Table) else v)}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)


def say_unless_said(row: Table, values: dict[str, Any], *words: str | None) -> bool:
    """Set what the feed says of a place, which staff may correct: only where it says something else than the last time."""
    said = digest("\n".join(word or "" for word in words))
    return say(row, values | {"feed_digest": said}) if row.feed_digest != said else False
