"""Wrong passwords: how many are too many, from where, and until when (IB-60, M05, T42, T43). Both sites ask here.

A browser that has signed in before is counted by itself, so that nobody else can lock it out. Any other one is counted by its
network, and together with all other unknown ones. Login names that do not exist are counted alike: a lock tells nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from peewee import Case, Value, fn

from models import Account, Lockout, Organisation, Staff, now
from rules import events, keys
from rules.work import unit_of_work

# Unknown browsers together may be wrong so often within the hours of a lock; so often in a row turns the password off.
TOGETHER, IN_A_ROW = 50, 100
A_ROW_ENDS_AFTER = timedelta(days=365)
UNTIL_RESET = datetime(9999, 1, 1, tzinfo=UTC)  # no waiting helps: only a new password, or someone who works here

STAFF = "staff"


def of_customers(organisation: Organisation) -> str:
    """The scope of an organisation's customers: the same login name elsewhere is another one."""
    return f"customer:{organisation.id}"


def locked_until(scope: str, login: str, source: str, device: str | None) -> datetime | None:
    """Until when `login` is locked for a browser of network `source`, or for the known `device` (its digest); None: it is not."""
    rows = [_by_source(source, device), _in_a_row(device)] + ([] if device else [_together()])
    until = (
        Lockout.select(fn.MAX(Lockout.locked_until))
        .where((Lockout.login_digest == _login(scope, login)) & Lockout.source_digest.in_(rows) & (Lockout.locked_until > now()))
        .scalar()
    )
    return Lockout.locked_until.python_value(until)


def failed(
    scope: str,
    login: str,
    source: str,
    device: str | None,
    *,
    after: int,
    hours: int,
    person: Account | Staff | None,
    tell: Callable[[datetime], None] | None = None,
) -> datetime | None:
    """Count one wrong password; returns until when `login` is locked now, None while there are tries left.

    `after` wrong ones within `hours` lock for `hours`; a try while it is locked is not counted and extends nothing. Whose
    password was wrong (`person`, None where nobody has that login) is marked locked, and `tell` is called once for each lock.
    Raises nothing: the caller refuses, outside the unit of work, so that the count stays.
    """
    with unit_of_work():
        until = locked_until(scope, login, source, device)
        if until is not None:
            return until
        at, last = now(), timedelta(hours=hours)
        # The first row decides: of many tries at once exactly `after` are counted, and those that come later find it locked.
        rows = [(_by_source(source, device), after, last, at + last)]
        rows += [] if device else [(_together(), TOGETHER, last, at + last)]
        rows += [(_in_a_row(device), IN_A_ROW, A_ROW_ENDS_AFTER, UNTIL_RESET)]
        counts = []
        for digest, most, window, ends_at in rows:
            row = _count(_login(scope, login), digest, person, at, most, at + window, ends_at)
            if row is None:
                break
            counts.append(row)
        locks = [(row.locked_until, row.failures) for row in counts if row.locked_until is not None]
        if locks and person is not None:
            _mark(person, *max(locks))
            if tell is not None:
                tell(max(locks)[0])
        return locked_until(scope, login, source, device)


def succeeded(scope: str, login: str, source: str, device: str | None) -> datetime | None:
    """Forget this browser's wrong passwords after a right one.

    Returns until when it is locked where wrong ones sent at the same moment have locked it first: then the right one is refused
    like any other try, and many tries at once are worth no more than `after`.
    """
    with unit_of_work():
        rows = [_by_source(source, device), _in_a_row(device)]
        still_open = Lockout.locked_until.is_null() | (Lockout.locked_until <= now())
        Lockout.delete().where((Lockout.login_digest == _login(scope, login)) & Lockout.source_digest.in_(rows) & still_open).execute()
        return locked_until(scope, login, source, device)


def forget(scope: str, login: str) -> int:
    """Forget every wrong password for `login`, from anywhere: it was unlocked, or has a new password. Returns how many counts ended."""
    return int(Lockout.delete().where(Lockout.login_digest == _login(scope, login)).execute())


def forget_ended() -> int:
    """Drop counts whose time is over; returns how many."""
    at = now()
    return int(
        Lockout.delete().where((Lockout.window_ends_at < at) & (Lockout.locked_until.is_null() | (Lockout.locked_until < at))).execute()
    )


def _count(
    login: str, source: str, person: Account | Staff | None, at: datetime, most: int, window_ends_at: datetime, locked_until: datetime
) -> Lockout | None:
    """Count one wrong password in one row and lock it at the `most`-th; returns what the row says then, None where it was locked
    already: then nothing is counted."""
    fresh, reached = Lockout.window_ends_at <= at, (Lockout.window_ends_at > at) & (Lockout.failures + 1 >= most)
    window, until = _moment(window_ends_at), _moment(locked_until)
    # Nobody's login name takes the same statement as somebody's (T47).
    whose = {"account": person if isinstance(person, Account) else None, "staff": person if isinstance(person, Staff) else None}
    counted = (
        Lockout.insert(login_digest=login, source_digest=source, failures=1, window_ends_at=window_ends_at, **whose)
        .on_conflict(
            conflict_target=[Lockout.login_digest, Lockout.source_digest],
            update={
                Lockout.failures: Case(None, [(fresh, 1)], Lockout.failures + 1),
                Lockout.locked_until: Case(None, [(reached, until)], None),
                # After a lock everything begins anew.
                Lockout.window_ends_at: Case(None, [(reached, until), (fresh, window)], Lockout.window_ends_at),
            },
            where=Lockout.locked_until.is_null() | (Lockout.locked_until <= at),
        )
        .returning(Lockout)
        .execute()
    )
    return next(iter(counted), None)


def _moment(value: datetime) -> Value:
    """A moment inside an expression, kept as the column keeps it."""
    return Value(value, converter=Lockout.locked_until.db_value)


def _mark(person: Account | Staff, until: datetime, failures: int) -> None:
    """Show the lock on the person's row, and write down that it came."""
    model = type(person)
    longer = model.locked_until.is_null() | (model.locked_until < until)
    model.update(locked_until=until).where((model.id == person.id) & longer).execute()
    name = "account.locked" if isinstance(person, Account) else "staff.locked"
    events.record(name, person, by=events.SYSTEM, until=until.isoformat(), failures=failures)


def _login(scope: str, login: str) -> str:
    return keys.digest("login", f"{scope}\x00{login.strip().casefold()}")


def _by_source(source: str, device: str | None) -> str:
    return keys.digest("lockout", f"device\x00{device}" if device else f"network\x00{source}")


def _together() -> str:
    return keys.digest("lockout", "together")


def _in_a_row(device: str | None) -> str:
    return keys.digest("lockout", f"in a row\x00{device or ''}")
