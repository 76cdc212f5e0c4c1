"""Which scheduled work is due, and who does it: once for each local day, a missed day after the pause, a dead worker's by the next.

A job's time is on the clock of Vilnius; its period is that local day, so the nights when the clocks change have one like any other.
After a pause only the latest missed day of a job is caught up: each job looks at all there is, not at its day's share. A job of
every minute needs no row: two of it at once must be harmless.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from models import JobRun, database, now
from rules.clock import LOCAL

AGAIN_AFTER = timedelta(minutes=15)  # a job that failed is tried again, until it works or its next day comes
LONGEST_LEASE = timedelta(hours=1)  # one that ends later was written by a clock that ran ahead: it holds nothing
KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Job:
    """A line of the schedule. `at` is its local time each day, None: every minute. With `each` it runs apart for every id that
    this gives, so that one's failure or slowness is not the others'."""

    name: str
    act: Callable[..., Any]
    at: time | None = None
    each: Callable[[], Iterable[int]] | None = None


@dataclass(frozen=True)
class Due:
    """One job, of one period, for one thing: what a worker is told, and the key of its `JobRun`."""

    job: str
    period: str
    thing: int | None = None

    @property
    def name(self) -> str:
        return self.job if self.thing is None else f"{self.job}:{self.thing}"


class TakenOver(Exception):
    """Someone else does this now: our lease ended before we were done."""


def due(jobs: Sequence[Job], at: datetime) -> list[Due]:
    """The daily work whose time has come at that moment (UTC), that is not done and that nobody is doing."""
    wanted = [
        Due(job.name, latest_period(job.at, at).isoformat(), thing)
        for job in jobs
        if job.at is not None
        for thing in (job.each() if job.each else (None,))
    ]
    is_taken = JobRun.finished_at.is_null(False) | ~_is_free(at)
    rows = JobRun.select(JobRun.name, JobRun.period).where(JobRun.period.in_([one.period for one in wanted]) & is_taken)
    taken = set(rows.tuples())
    return [one for one in wanted if (one.name, one.period) not in taken]


def latest_period(time_of_day: time, at: datetime) -> date:
    """The last local day on which `time_of_day` had come by that moment. A time that a night skips comes when the clocks have jumped,
    one that comes twice counts the first time."""
    today = at.astimezone(LOCAL).date()
    has_come = datetime.combine(today, time_of_day, LOCAL).astimezone(UTC) <= at
    return today if has_come else today - timedelta(days=1)


def run(work: Due, lease: timedelta, act: Callable[[Callable[[], None]], Any]) -> bool:
    """Do `act` for one period, unless it is done or someone is doing it; returns whether we did.

    `act` gets a function to call now and then while it works: it prolongs the lease, and raises TakenOver where that had ended.
    What `act` raises is raised, after the period has been put off for a quarter of an hour.
    """
    held = claim(work, lease)
    if held is None:
        return False
    try:
        act(lambda: _renew(held, lease))
    except Exception:
        JobRun.update(lease_until=now() + AGAIN_AFTER).where(_is_ours(held)).execute()
        raise
    JobRun.update(finished_at=now()).where(JobRun.id == held.id).execute()
    return True


def claim(work: Due, lease: timedelta) -> JobRun | None:
    """Take one period, new or left by a worker that died. None: it is done, or held. Of two that ask at once one gets it: the
    row is unique, and the update has the condition in it."""
    at = now()
    with database.atomic():
        rows = (
            JobRun.insert(name=work.name, period=work.period, lease_until=at + lease, started_at=at)
            .on_conflict(
                conflict_target=[JobRun.name, JobRun.period],
                update={JobRun.lease_until: at + lease, JobRun.started_at: at},
                where=JobRun.finished_at.is_null() & _is_free(at),
            )
            .returning(JobRun)
            .execute()
        )
        return next(iter(rows), None)


def forget_old() -> int:
    """Drop the rows of periods long gone; returns how many."""
    return int(JobRun.delete().where(JobRun.started_at < now() - KEPT).execute())


def _is_free(at: datetime) -> Any:
    return (JobRun.lease_until <= at) | (JobRun.lease_until > at + LONGEST_LEASE)


def _is_ours(held: JobRun) -> Any:
    return (JobRun.id == held.id) & (JobRun.started_at == held.started_at) & JobRun.finished_at.is_null()


def _renew(held: JobRun, lease: timedelta) -> None:
    if not JobRun.update(lease_until=now() + lease).where(_is_ours(held)).execute():
        raise TakenOver(held.name)
