"""The same answers wherever the server stands: the nights when clocks change, the ends of months and years, three host time zones."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

import formats
from models import Account, Event, Message, Meter, Organisation, Reading
from rules import clock, readings, schedule
from rules.refusal import Refused
from tasks import SCHEDULE
from tests import factories
from tests.browser import Browser

ZONES = ("UTC", "Europe/Vilnius", "America/New_York")

# A moment (UTC), the local day and the window of readings (15 to 27) that it falls in.
EDGES = {
    "summer time begins, one second before": ("2026-03-29T00:59:59", "2026-03-29", "2026-04-15"),
    "summer time begins": ("2026-03-29T01:00:00", "2026-03-29", "2026-04-15"),
    "half past three for the first time": ("2026-10-25T00:30:00", "2026-10-25", "2026-10-15"),
    "half past three for the second time": ("2026-10-25T01:30:00", "2026-10-25", "2026-10-15"),
    "the winter window opens in one second": ("2026-11-14T21:59:59", "2026-11-14", "2026-11-15"),
    "the winter window opens": ("2026-11-14T22:00:00", "2026-11-15", "2026-11-15"),
    "the last second of the winter window": ("2026-11-27T21:59:59", "2026-11-27", "2026-11-15"),
    "the winter window has closed": ("2026-11-27T22:00:00", "2026-11-28", "2026-12-15"),
    "the summer window opens in one second": ("2026-07-14T20:59:59", "2026-07-14", "2026-07-15"),
    "the summer window opens": ("2026-07-14T21:00:00", "2026-07-15", "2026-07-15"),
    "the last second of the summer window": ("2026-07-27T20:59:59", "2026-07-27", "2026-07-15"),
    "the summer window has closed": ("2026-07-27T21:00:00", "2026-07-28", "2026-08-15"),
    "the old year's last second": ("2026-12-31T21:59:59", "2026-12-31", "2027-01-15"),
    "the new year": ("2026-12-31T22:00:00", "2027-01-01", "2027-01-15"),
    "the new year in Greenwich": ("2027-01-01T00:00:00", "2027-01-01", "2027-01-15"),
    "the new year in New York": ("2027-01-01T05:00:00", "2027-01-01", "2027-01-15"),
    "a leap day begins": ("2028-02-28T22:00:00", "2028-02-29", "2028-03-15"),
    "a leap day's last second": ("2028-02-29T21:59:59", "2028-02-29", "2028-03-15"),
    "a century's turn": ("2099-12-31T22:00:00", "2100-01-01", "2100-01-15"),
    "no leap day in 2100": ("2100-02-28T22:00:00", "2100-03-01", "2100-03-15"),
}
MOMENTS = [datetime.fromisoformat(said).replace(tzinfo=UTC) for said, _, _ in EDGES.values()]


@contextmanager
def host_in(zone: str) -> Iterator[None]:
    """The machine's own time zone for a while."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    with host_in(request.param):
        yield request.param


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", reading_opens_on=15, reading_closes_on=27)


@pytest.fixture
def anna(north: Organisation) -> Account:
    with travel(datetime(2026, 1, 2, tzinfo=UTC), tick=False):
        anna = factories.account(north)
        flat = factories.contract(north)
        factories.holds(anna, flat)
        factories.reading(factories.meter(flat), 1_000, date(2026, 1, 20))
        factories.invoice(flat, net_cents=10_000, issued_on=date(2026, 1, 5), due_on=date(2026, 10, 25))
    return anna


def test_a_moment_is_the_same_day_in_the_same_window_on_every_host(zone: str, north: Organisation) -> None:
    """T101, T102, CV-31, CV-32, K16"""
    for edge, (said, day, opens_on) in EDGES.items():
        with travel(datetime.fromisoformat(said).replace(tzinfo=UTC), tick=False):
            assert str(clock.today()) == day, edge
            window = readings.window(north, clock.today())
        assert str(window.opens_on) == opens_on, edge
        assert window.is_open == (str(window.opens_on) <= day <= str(window.closes_on)), edge


def test_pages_and_schedule_say_the_same_on_every_host(anna: Account, browser: Browser) -> None:
    """T101, T102, G16"""
    for at in MOMENTS:
        told = []
        for zone in ZONES:
            with host_in(zone), travel(at, tick=False):
                browser.enter(anna)
                pages = []
                for path in ("/north/home", "/north/invoices", "/north/meters"):
                    browser.get(path)
                    assert browser.status == 200
                    pages.append(browser.text)
                told.append((pages, [schedule.latest_period(job.at, at) for job in SCHEDULE if job.at], formats.moment(at, "en")))
        assert told[0] == told[1] == told[2], at


@pytest.mark.parametrize(
    ("last_second", "is_taken"), [("2026-11-27T21:59:59", True), ("2026-12-27T22:00:00", False), ("2026-07-27T20:59:59", True)]
)
def test_a_reading_is_taken_to_the_last_second_of_the_window(zone: str, anna: Account, last_second: str, is_taken: bool) -> None:
    """CV-31, CV-32, T101"""
    at = datetime.fromisoformat(last_second).replace(tzinfo=UTC)
    meter = Meter.get()
    with travel(at, tick=False):
        if not is_taken:
            with pytest.raises(Refused):
                readings.declare(meter, 2_000, on=clock.today(), by=anna)
            return
        stored = readings.declare(meter, 2_000, on=clock.today(), by=anna)
    row = Reading.get_by_id(stored.id)
    assert (str(row.read_on), row.period) == (last_second[:10], last_second[:7])
    assert row.recorded_at == Event.get(Event.name == "reading.declared").at == Message.get().created_at == at


def test_a_nightly_job_runs_once_on_the_nights_when_clocks_change(zone: str, db: object) -> None:
    """T102: one job stands in the hour that is skipped, and in the one that comes twice."""
    at_half_past_three = schedule.Job("tidy", lambda renew: None, at=clock_time("03:30"))
    for first, last in (("2026-03-28T12:00:00", "2026-03-30T12:00:00"), ("2026-10-24T12:00:00", "2026-10-26T12:00:00")):
        ran = []
        at, end = (datetime.fromisoformat(said).replace(tzinfo=UTC) for said in (first, last))
        while at < end:
            with travel(at, tick=False):
                for one in schedule.due([at_half_past_three], at):
                    if schedule.run(one, timedelta(minutes=5), lambda renew: None):
                        ran.append(one.period)
            at += timedelta(minutes=10)
        nights = [str(datetime.fromisoformat(first).date() + timedelta(days=n)) for n in range(3)]
        assert ran == nights


def clock_time(said: str) -> Any:
    return datetime.strptime(said, "%H:%M").time()  # noqa: DTZ007
