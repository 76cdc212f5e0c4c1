"""What billing systems say of meters: which reading counts in a month, in whatever order they come."""

from datetime import date

from models import Account, Contract, Meter, Reading
from tests import factories
from tests.rules.declaring import IN_WINDOW, counting, declare, store


def test_a_feed_says_the_same_again_and_nothing_changes(meter: Meter) -> None:
    assert store(meter, 105_000, date(2026, 11, 30)) == "created"
    rows = Reading.select().count()
    assert [store(meter, 105_000, date(2026, 11, 30)) for _ in range(2)] == ["same", "same"]
    assert Reading.select().count() == rows


def test_a_corrected_feed_reading_replaces_the_one_before_also_back_again(meter: Meter) -> None:
    on = date(2026, 11, 30)
    assert [store(meter, value, on) for value in (105_000, 106_000, 105_000)] == ["created", "changed", "changed"]
    assert counting(meter)[-1] == ("2026-11", 105_000)


def test_a_feed_gives_way_to_the_customers_own_reading_unless_its_day_is_later(anna: Account, meter: Meter) -> None:
    declare(meter, 104_000, anna)
    assert store(meter, 103_000, date(2026, 11, 19)) == "created"
    assert store(meter, 103_500, IN_WINDOW) == "created"
    assert counting(meter)[-1] == ("2026-11", 104_000)
    assert [store(meter, 103_000, date(2026, 11, 19)), store(meter, 103_500, IN_WINDOW)] == ["same", "same"]
    assert store(meter, 105_000, date(2026, 11, 21)) == "created"
    assert counting(meter)[-1] == ("2026-11", 105_000)


def test_the_order_in_which_months_arrive_does_not_matter(flat: Contract) -> None:
    seen = []
    months = [(1_000, date(2026, 8, 31)), (3_000, date(2026, 9, 30)), (4_000, date(2026, 10, 31)), (4_500, date(2026, 10, 5))]
    for number, order in enumerate((months, months[::-1], [months[i] for i in (2, 0, 3, 1)])):
        meter = factories.meter(flat, f"M{number}")
        for value, on in order:
            store(meter, value, on)
        rows = Reading.select().where((Reading.meter == meter) & Reading.is_current).order_by(Reading.period)
        seen.append([(r.period, r.value_milli, r.used_milli) for r in rows])
    assert seen == [[("2026-08", 1_000, None), ("2026-09", 3_000, 2_000), ("2026-10", 4_000, 1_000)]] * 3


def test_a_feed_is_bound_by_no_window_and_no_earlier_value(meter: Meter) -> None:
    assert store(meter, 50, date(2026, 11, 1)) == "created"
    assert counting(meter)[-1] == ("2026-11", 50)
