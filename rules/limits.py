"""How often something may happen: counted in the database, so that every process and host sees the same count (T62)."""

from collections.abc import Iterable
from datetime import timedelta

from peewee import Case, Value

from models import Counter, now
from rules import keys
from rules.work import unit_of_work

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def spend(what: str, who: str, most: int, window: timedelta) -> bool:
    """Count one more `what` by `who`; whether it is still among the `most` allowed in this window.

    A window starts with its first count. The count stays when the caller refuses: call it outside the refused unit of work.
    """
    return count(what, who, window) <= most


def count(what: str, who: str, window: timedelta) -> int:
    """Count one more `what` by `who` and return how many there are in this window."""
    at, key = now(), keys.digest(f"limit:{what}", who)
    fresh, ends_at = Counter.window_ends_at <= at, Value(at + window, converter=Counter.window_ends_at.db_value)
    with unit_of_work():
        rows = (
            Counter.insert(key_digest=key, count=1, window_ends_at=at + window)
            .on_conflict(
                conflict_target=[Counter.key_digest],
                update={
                    Counter.count: Case(None, [(fresh, 1)], Counter.count + 1),
                    Counter.window_ends_at: Case(None, [(fresh, ends_at)], Counter.window_ends_at),
                },
            )
            .returning(Counter.count)
            .tuples()
            .execute()
        )
        return int(next(iter(rows))[0])


def give_back(what: str, who: str) -> None:
    """Take one count back: it turned out not to be what is limited."""
    key = keys.digest(f"limit:{what}", who)
    Counter.update(count=Counter.count - 1).where((Counter.key_digest == key) & (Counter.count > 0)).execute()


def used(what: str, who: str) -> int:
    """How many `what` by `who` this window holds so far, without counting one."""
    key = keys.digest(f"limit:{what}", who)
    row = Counter.get_or_none((Counter.key_digest == key) & (Counter.window_ends_at > now()))
    return row.count if row else 0


def reached(what: str, whose: Iterable[str], most: int) -> set[str]:
    """Which of `whose` have used up `most` or more of `what` in this window; in one statement."""
    keyed = {keys.digest(f"limit:{what}", who): who for who in whose}
    full = (Counter.key_digest.in_(list(keyed))) & (Counter.window_ends_at > now()) & (Counter.count >= most)
    return {keyed[counter.key_digest] for counter in Counter.select().where(full)}


def forget_ended() -> int:
    """Drop counters whose window is over; returns how many."""
    return int(Counter.delete().where(Counter.window_ends_at < now() - DAY).execute())
