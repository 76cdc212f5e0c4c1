"""What meters used, month by month, all of a kind together: the bars of the customer's pages (PS-14)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import fn

from models import Account, Meter, MeterKind, Reading
from rules import access, clock
from rules.statements import one_of, statement


@dataclass(frozen=True)
class Use:
    """What all meters of one kind used in each of the last months, thousandths; None where nothing is known."""

    kind: MeterKind
    months: dict[str, int | None]


def of(account: Account, day: date, *, meter: Meter | None = None, months: int = 12) -> list[Use]:
    """The use of the last months by kind of meter, oldest month first, in one statement."""
    periods = clock.months(clock.period(day), months)
    asked = account, access.contracts_shown(account, "meter.view"), date.fromisoformat(f"{periods[0]}-01"), periods[-1]
    found: dict[int, Use] = {}
    for milli, period, number, *kind in _used(*asked) if meter is None else _used_of(*asked, meter.id):
        if number not in found:
            found[number] = Use(MeterKind(id=number, **dict(zip(SAID_OF_A_KIND, kind, strict=True))), dict.fromkeys(periods))
        found[number].months[period] = int(milli)
    return list(found.values())


SAID_OF_A_KIND = ("code", "name_lt", "name_en", "unit", "decimals")


def _usage(account: Account, contracts: list[int], since: date, last: str) -> Any:
    kind = [getattr(MeterKind, name) for name in SAID_OF_A_KIND]
    used = Reading.value_milli - Reading.previous_milli + Reading.rollover_milli
    return (
        Reading.within(account)
        .select(fn.SUM(used), Reading.period, MeterKind.id, *kind)
        .join(Meter)
        .join(MeterKind)
        .where(
            one_of(Reading.contract, contracts)
            & Reading.is_current
            & (Reading.read_on >= since)
            & (Reading.period <= last)
            & (used >= 0)  # a meter that started anew shows less than before: no use can be told from that
        )
        .group_by(Reading.period, MeterKind.id)
        .order_by(MeterKind.code)
        .tuples()
    )


_used = statement(_usage)


@statement
def _used_of(account: Account, contracts: list[int], since: date, last: str, meter: int) -> Any:
    return _usage(account, contracts, since, last).where(Reading.meter == meter)
