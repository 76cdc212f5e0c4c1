"""Who has a row's page open: told by their browser every half minute while the page is in sight, forgotten soon after it stops.

Nothing depends on it: whoever saves second is stopped by the row's version (`rules/rows.py`). It spares two people the surprise.
"""

from datetime import datetime, timedelta

from peewee import Case, Value

from models import Presence, Staff, Table, now

STAYS = timedelta(seconds=75)
SHOWN = 3


def arrive(row: Table, *, by: Staff) -> None:
    """`by` has this row's page in sight now. Since when, is kept for as long as they were not away."""
    at = now()
    was_away = Presence.seen_at < at - STAYS
    Presence.insert(staff=by, subject=_subject(row), opened_at=at, seen_at=at).on_conflict(
        conflict_target=[Presence.staff, Presence.subject],
        update={
            Presence.seen_at: at,
            Presence.opened_at: Case(None, [(was_away, Value(at, converter=Presence.opened_at.db_value))], Presence.opened_at),
        },
    ).execute()


def leave(row: Table, *, by: Staff) -> None:
    """`by` has closed the page, or gone on to another one."""
    Presence.delete().where((Presence.staff == by) & (Presence.subject == _subject(row))).execute()


def others(row: Table, *, but: Staff) -> list[tuple[str, datetime]]:
    """Which colleagues have this row's page open, and since when; whoever came first stands first."""
    here = (Presence.subject == _subject(row)) & (Presence.seen_at >= now() - STAYS) & (Presence.staff != but.id)
    found = Presence.select(Presence, Staff).join(Staff).where(here).order_by(Presence.opened_at, Presence.id).limit(SHOWN)
    return [(one.staff.name, one.opened_at) for one in found]


def forget_gone() -> int:
    """Drop what browsers no longer say; returns how many."""
    return int(Presence.delete().where(Presence.seen_at < now() - STAYS).execute())


def _subject(row: Table) -> str:
    return f"{type(row).__name__.lower()}:{row.id}"
