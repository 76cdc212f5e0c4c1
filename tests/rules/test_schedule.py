"""Scheduled work: once for each local day, in local time, whatever the clocks and the workers do."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine

from models import JobRun
from rules import schedule
from rules.schedule import Due, Job

LEASE = timedelta(seconds=120)
NIGHT = Job("tidy", act=lambda: None, at=time(3, 30))
# The clocks jump from 03:00 to 04:00 on the one day, and from 04:00 back to 03:00 on the other.
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def run_through(jobs: list[Job], since: datetime, minutes: int) -> list[tuple[str, str]]:
    """Let two consumers tick each minute; returns the moments (UTC) and periods at which work was done."""
    done: list[tuple[str, str]] = []
    for minute in range(minutes):
        at = since + timedelta(minutes=minute)
        with time_machine.travel(at, tick=False):
            for work in schedule.due(jobs, at) * 2:
                if schedule.run(work, LEASE, lambda _: None):
                    done.append((f"{at:%d %H:%M}", work.period))
    return done


@pytest.mark.parametrize(
    ("day", "moment"),
    [(SPRING, "29 01:30"), (AUTUMN, "25 00:30"), (date(2026, 7, 1), "01 00:30"), (date(2028, 2, 29), "29 01:30")],
    ids=["spring, when 03:30 does not exist", "autumn, when 03:30 comes twice", "summer", "leap day"],
)
def test_a_daily_job_runs_exactly_once_that_night(db: Any, day: date, moment: str) -> None:
    """F21: two consumers, a tick each minute from midnight on."""
    midnight = datetime.combine(day, time(), schedule.LOCAL).astimezone(UTC)
    yesterday = Due("tidy", (day - timedelta(days=1)).isoformat())
    with time_machine.travel(midnight, tick=False):
        schedule.run(yesterday, LEASE, lambda _: None)
    assert run_through([NIGHT], midnight, 24 * 60) == [(moment, day.isoformat())]


def test_the_latest_day_missed_in_a_pause_is_caught_up_and_no_other(db: Any) -> None:
    done = run_through([NIGHT], utc("2026-11-05 12:00"), 3)
    assert done == [("05 12:00", "2026-11-05")]
    assert run_through([NIGHT], utc("2026-11-09 00:00"), 3) == [("09 00:00", "2026-11-08")]


def test_of_two_workers_at_once_one_gets_the_period(db: Any) -> None:
    work = Due("tidy", "2026-11-05")
    assert schedule.claim(work, LEASE) is not None
    assert schedule.claim(work, LEASE) is None
    assert not schedule.run(work, LEASE, lambda _: pytest.fail("it is held"))


def test_what_a_dead_worker_left_is_taken_over_after_its_lease(db: Any) -> None:
    start = utc("2026-11-05 02:00")
    jobs = [NIGHT]
    with time_machine.travel(start, tick=False):
        (work,) = schedule.due(jobs, start)
        assert schedule.claim(work, LEASE)  # and the worker is killed here
    just_before, then = start + LEASE - timedelta(seconds=1), start + LEASE
    assert schedule.due(jobs, just_before) == []
    with time_machine.travel(then, tick=False):
        assert schedule.due(jobs, then) == [work]
        assert schedule.run(work, LEASE, lambda _: None)
    assert JobRun.get().finished_at == then
    assert schedule.due(jobs, then + timedelta(hours=1)) == []


def test_a_worker_that_lost_its_lease_stops_and_leaves_the_period_to_the_other(db: Any) -> None:
    work = Due("tidy", "2026-11-05")
    with time_machine.travel(utc("2026-11-05 02:00"), tick=False) as clock:

        def slow(renew: Callable[[], None]) -> None:
            clock.shift(LEASE)
            assert schedule.claim(work, LEASE) is not None
            renew()

        with pytest.raises(schedule.TakenOver):
            schedule.run(work, LEASE, slow)
        assert schedule.claim(work, LEASE) is None, "the other's lease stands"


def test_long_work_keeps_its_lease_while_it_says_that_it_lives(db: Any) -> None:
    work = Due("tidy", "2026-11-05")
    with time_machine.travel(utc("2026-11-05 02:00"), tick=False) as clock:

        def long(renew: Callable[[], None]) -> None:
            for _ in range(5):
                clock.shift(LEASE - timedelta(seconds=1))
                renew()
                assert schedule.claim(work, LEASE) is None

        assert schedule.run(work, LEASE, long)


def test_a_job_that_fails_is_tried_again_a_quarter_of_an_hour_later(db: Any) -> None:
    start = utc("2026-11-05 02:00")
    jobs, tried = [NIGHT], []

    def failing(_: object) -> None:
        tried.append(1)
        raise OSError("the exchange is away")

    with time_machine.travel(start, tick=False):
        (work,) = schedule.due(jobs, start)
        with pytest.raises(OSError, match="away"):
            schedule.run(work, LEASE, failing)
    assert schedule.due(jobs, start + schedule.AGAIN_AFTER - timedelta(seconds=1)) == []
    assert schedule.due(jobs, start + schedule.AGAIN_AFTER) == [work]
    assert tried == [1]


def test_each_thing_of_a_job_is_apart(db: Any) -> None:
    jobs = [Job("sync_billing", act=lambda _: None, at=time(2, 10), each=lambda: (7, 8))]
    at = utc("2026-11-05 12:00")
    with time_machine.travel(at, tick=False):
        first, second = schedule.due(jobs, at)
        assert (first.name, second.name) == ("sync_billing:7", "sync_billing:8")
        schedule.run(first, LEASE, lambda _: None)
        assert schedule.due(jobs, at) == [second]


def test_a_clock_that_ran_three_days_ahead_holds_nothing_back(db: Any) -> None:
    """F21"""
    at = utc("2026-11-05 12:00")
    work = Due("tidy", "2026-11-05")
    with time_machine.travel(at + timedelta(days=3), tick=False):
        assert schedule.claim(work, LEASE)
    with time_machine.travel(at, tick=False):
        assert schedule.due([NIGHT], at) == [work]
        assert schedule.run(work, LEASE, lambda _: None)


def test_rows_of_old_periods_are_dropped(db: Any) -> None:
    at = utc("2026-11-05 12:00")
    with time_machine.travel(at - schedule.KEPT - timedelta(days=1), tick=False):
        schedule.run(Due("tidy", "2026-08-06"), LEASE, lambda _: None)
    with time_machine.travel(at, tick=False):
        schedule.run(Due("tidy", "2026-11-05"), LEASE, lambda _: None)
        assert schedule.forget_old() == 1
    assert [row.period for row in JobRun.select()] == ["2026-11-05"]
