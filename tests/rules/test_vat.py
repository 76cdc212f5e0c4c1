"""Which rate of VAT was in force when, and what staff are told of a bill with another."""

from datetime import date
from typing import Any

import pytest

from demo import feeds, places
from models import Invoice, InvoiceVat
from rules import vat


def bill(issued_on: date, **changes: Any) -> Invoice:
    return Invoice(kind=changes.pop("kind", "invoice"), issued_on=issued_on, **changes)


@pytest.mark.parametrize(
    ("what", "day", "hundredths"),
    [
        ("heating", date(2025, 12, 31), 9_00),
        ("heating", date(2026, 1, 1), 21_00),
        ("standard", date(2025, 12, 31), 21_00),
        ("reduced", date(2025, 12, 31), 9_00),
        ("reduced", date(2026, 1, 1), 12_00),
    ],
)
def test_a_rate_is_of_a_day(what: str, day: date, hundredths: int) -> None:
    assert vat.rate(what, day) == hundredths


def test_no_rate_has_two_values_on_one_day() -> None:
    for what, _, first, last in vat.RATES:
        others = [row for row in vat.RATES if row[0] == what and row[2] != first]
        assert all((last is not None and row[2] > last) or (row[3] is not None and row[3] < first) for row in others)


@pytest.mark.parametrize(
    ("of", "odd"),
    [
        (bill(date(2025, 12, 31)), set()),
        (bill(date(2026, 1, 31)), {9_00}),
        (bill(date(2026, 1, 5), period_from=date(2025, 12, 1), period_to=date(2025, 12, 31)), set()),
        (bill(date(2026, 2, 5), period_from=date(2026, 1, 1), period_to=date(2026, 1, 31)), {9_00}),
        (bill(date(2026, 2, 5), kind="credit_note"), set()),
        (bill(date(2008, 2, 5)), set()),
    ],
)
def test_nine_per_cent_is_odd_on_what_was_given_from_2026(of: Invoice, odd: set[int]) -> None:
    parts = [InvoiceVat(rate=rate) for rate in (21_00, 9_00, 0, None)]
    assert vat.not_in_force(of, parts) == odd


def test_the_bills_that_the_product_itself_makes_have_the_rates_of_their_days() -> None:
    for slug, lines in feeds.LINES.items():
        for period in ("2025-11", "2025-12", "2026-01", "2026-10"):
            rates = {line.vat for place in places.PLACES[slug] for line in lines(place, period)}
            issued_on = date.fromisoformat(f"{period}-28")
            assert not vat.not_in_force(bill(issued_on), [InvoiceVat(rate=rate) for rate in rates]), (slug, period)
