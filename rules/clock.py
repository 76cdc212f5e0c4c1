"""Which day it is where the customers live. Moments are UTC everywhere else."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from models import now

LOCAL = ZoneInfo("Europe/Vilnius")


def today(at: datetime | None = None) -> date:
    """The local day at that moment, or now (T101)."""
    return (at or now()).astimezone(LOCAL).date()


def first_moment(day: date) -> datetime:
    """When a local day begins, UTC."""
    return datetime.combine(day, time.min, LOCAL).astimezone(UTC)


def period(day: date) -> str:
    """The month of a day as readings keep it: 2026-11."""
    return f"{day:%Y-%m}"


def months_between(earlier: str, later: str) -> int:
    """How many months lie from one period to another: 2026-11 to 2027-01 is 2."""
    (y, m), (year, month) = (map(int, p.split("-")) for p in (earlier, later))
    return (year - y) * 12 + month - m


def months(last: str, count: int) -> list[str]:
    """`count` periods up to `last`, oldest first."""
    year, month = map(int, last.split("-"))
    return [f"{(year * 12 + month - 1 - back) // 12}-{(month - 1 - back) % 12 + 1:02}" for back in reversed(range(count))]
