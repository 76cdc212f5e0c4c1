"""How this install is: what waits, what is late, who works. For an operator's figures and alarms; nothing here names a person."""

from datetime import datetime, timedelta
from typing import Any

from peewee import SqliteDatabase, fn

from models import Event, JobRun, Lockout, Message, Organisation, SyncRun, Worker, database, now
from rules.sync_run import REGISTER

SILENT_AFTER = timedelta(minutes=3)  # a worker looks at the schedule every minute
LATE_AFTER = timedelta(minutes=15)  # mail that is due leaves at once, or at the next minute
FORGOTTEN_AFTER = timedelta(days=2)
LOOKED_AT = 1000  # entries of an index, as SQLite's own documents have it

Figure = tuple[dict[str, str], float]


def beat(host: str) -> None:
    """Note that this host does background work."""
    at = now()
    Worker.insert(host=host, beat_at=at).on_conflict(conflict_target=[Worker.host], update={Worker.beat_at: at}).execute()


def forget_gone() -> int:
    """Drop hosts that have done nothing for days; returns how many."""
    return int(Worker.delete().where(Worker.beat_at < now() - FORGOTTEN_AFTER).execute())


def learn_sizes() -> None:
    """Have SQLite look how many rows its tables have and how much their columns vary: without it, it guesses which index to take.
    Some thousand entries of each index are read, however large the table. PostgreSQL does so by itself."""
    if isinstance(database.obj, SqliteDatabase):
        # "PRAGMA optimize" looks, until SQLite 3.46, only at what this very connection has read.
        database.execute_sql(f"PRAGMA analysis_limit = {LOOKED_AT}")
        database.execute_sql("ANALYZE")


def figures() -> dict[str, tuple[str, list[Figure]]]:
    """Every figure: its name, what it is, and its values with their labels. The same from whichever host it is asked."""
    at = now()
    return {
        "outbox_mails": ("Mail that is not sent, by state", _outbox()),
        "outbox_late_seconds": ("For how long the oldest mail that is due has waited", [({}, _late(at))]),
        "events_unsealed": ("Events that are not in the chain yet", [({}, Event.select().where(Event.seal.is_null()).count())]),
        "sync_age_seconds": ("Since an organisation's bills were last taken in whole", _syncs(at)),
        "job_age_seconds": ("Since a daily job was last done", _jobs(at)),
        "jobs_unfinished": ("Periods of daily jobs that were begun in the last two days and are not done", [({}, _unfinished(at))]),
        "locks": ("Sign-ins that are locked now", [({}, Lockout.select().where(Lockout.locked_until > at).count())]),
        "worker_silent_seconds": ("Since a host last did background work", _workers(at)),
    }


def complaints() -> list[str]:
    """What a person should look after, though pages can be served: sentences for the operator."""
    at, found = now(), []
    silent = min((age for _, age in _workers(at)), default=None)
    if silent is None or silent > SILENT_AFTER.total_seconds():
        found.append("no background work is being done")
    if _late(at) > LATE_AFTER.total_seconds():
        found.append(f"mail is {int(_late(at) // 60)} minutes late")
    return found


def _outbox() -> list[Figure]:
    unsent = ("new", "sending", "dead")
    rows: Any = Message.select(Message.state, fn.COUNT(Message.id)).where(Message.state.in_(unsent)).group_by(Message.state)
    counts: dict[str, int] = dict(rows.tuples())
    return [({"state": state}, counts.get(state, 0)) for state in unsent]


def _late(at: datetime) -> float:
    due = Message.select(fn.MIN(Message.next_at)).where((Message.state == "new") & (Message.next_at <= at)).scalar()
    return _age(at, due) if due else 0.0


def _syncs(at: datetime) -> list[Figure]:
    whole = SyncRun.finished_at.is_null(False) & (SyncRun.error == "") & (SyncRun.feed != REGISTER)
    rows: Any = (
        SyncRun.select(Organisation.slug, fn.MAX(SyncRun.finished_at)).join(Organisation).where(whole & Organisation.is_active)
    ).group_by(Organisation.slug)
    return [({"organisation": slug}, _age(at, last)) for slug, last in rows.tuples()]


def _jobs(at: datetime) -> list[Figure]:
    rows: Any = JobRun.select(JobRun.name, fn.MAX(JobRun.finished_at)).where(JobRun.finished_at.is_null(False)).group_by(JobRun.name)
    return [({"job": name}, _age(at, last)) for name, last in rows.tuples()]


def _unfinished(at: datetime) -> int:
    return int(JobRun.select().where(JobRun.finished_at.is_null() & (JobRun.started_at > at - timedelta(days=2))).count())


def _workers(at: datetime) -> list[Figure]:
    return [({"host": worker.host}, _age(at, worker.beat_at)) for worker in Worker.select()]


def _age(at: datetime, then: Any) -> float:
    # An aggregate gives what the engine keeps, which the field then reads.
    moment = Worker.beat_at.python_value(then) if not getattr(then, "tzinfo", None) else then
    return max(0.0, (at - moment).total_seconds())
