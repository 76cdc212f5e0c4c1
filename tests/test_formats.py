"""Numbers are written as Babel writes them, only faster."""

from decimal import Decimal

import pytest
from babel import numbers

import formats

CENTS = [0, 1, -1, 10, 99, -100, 12_345, 100_000, -99_999_999, 10**14 + 7, *range(-30_000, 30_000, 997)]


@pytest.mark.parametrize("language", ["lt", "en"])
def test_money_and_quantities_are_written_as_babel_writes_them(language: str) -> None:
    locale = formats.LOCALES[language]
    for value in CENTS:
        assert formats.money(value, language) == numbers.format_currency(Decimal(value).scaleb(-2), "EUR", locale=locale)
        for decimals, pattern in enumerate(("#,##0.###", "#,##0.0##", "#,##0.00#", "#,##0.000")):
            expected = numbers.format_decimal(Decimal(value).scaleb(-3), pattern, locale, decimal_quantization=False)
            assert formats.reading(value, decimals, language) == expected
