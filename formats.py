"""How money, days, moments, readings and periods are written, in both languages; how text goes into a table. Everything that shows
one asks here."""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import dates, numbers
from markupsafe import Markup, escape

LOCAL = ZoneInfo("Europe/Vilnius")
LOCALES = {"lt": "lt_LT", "en": "en_IE"}
DASHED = re.compile(r"\b\w{1,12}(-\w{1,12}){1,5}\b")


def local(moment: datetime) -> datetime:
    """A UTC moment on the clock of Vilnius."""
    return moment.astimezone(LOCAL)


def iban(text: str) -> str:
    """An account number in groups of four, as cards and bills print it."""
    return re.sub("(.{4})(?=.)", r"\1 ", text)


def money(cents: int, language: str) -> str:
    """Cents as euros: 1 099,78 € or €1,099.78."""
    sign, number = "-" if cents < 0 else "", _number(Decimal(abs(cents)).scaleb(-2), 2, 2, language)
    return f"{sign}€{number}" if language == "en" else f"{sign}{number}\u00a0€"


def unit_price(micro: int, language: str) -> str:
    """A unit price in millionths of a euro, with as many decimals as it has but at least two: 0,0088 €."""
    number = _number(Decimal(micro).scaleb(-6), 2, 6, language)
    return f"€{number}" if language == "en" else f"{number}\u00a0€"


def reading(milli: int, decimals: int, language: str) -> str:
    """What a meter shows, thousandths of its unit, with the decimals that its kind has: 1 234,500."""
    return _number(Decimal(milli).scaleb(-3), decimals, 3, language)


def quantity(milli: int, language: str) -> str:
    """A quantity in thousandths, without needless zeros: 16 000 or 12,5."""
    return _number(Decimal(milli).scaleb(-3), 0, 3, language)


def vat_rate(hundredths: int, language: str) -> str:
    """A VAT rate in hundredths of a per cent: 21 %."""
    return _number(Decimal(hundredths).scaleb(-2), 0, 2, language) + ("%" if language == "en" else "\u00a0%")


def _number(value: Decimal, least: int, most: int, language: str) -> str:
    """As Babel's `format_decimal` writes it, which reads its pattern anew for each number: a page has many."""
    group, point = _symbols(language)
    whole, _, decimals = f"{abs(value):,.{most}f}".partition(".")
    decimals = decimals[:least] + decimals[least:].rstrip("0")
    return f"{'-' if value < 0 else ''}{whole.replace(',', group)}{point if decimals else ''}{decimals}"


@lru_cache
def _symbols(language: str) -> tuple[str, str]:
    """What stands between thousands and before decimals."""
    return numbers.get_group_symbol(LOCALES[language]), numbers.get_decimal_symbol(LOCALES[language])


@lru_cache(maxsize=4096)  # a list says the same days again and again, and Babel takes its time
def day(value: date, language: str) -> str:
    """A day, short: 2026-11-24 or 24 Nov 2026."""
    return value.isoformat() if language == "lt" else dates.format_date(value, "d MMM y", locale=LOCALES[language])


@lru_cache(maxsize=4096)
def day_long(value: date, language: str) -> str:
    """A day in words: 2026 m. lapkričio 24 d. or 24 November 2026."""
    return dates.format_date(value, "long", locale=LOCALES[language]).replace(" d.", "\u00a0d.")


@lru_cache(maxsize=4096)
def day_of_month(value: date, language: str) -> str:
    """A day of this year in words: lapkričio 24 d. or 24 November."""
    return dates.format_skeleton("MMMMd", value, locale=LOCALES[language]).replace(" d.", "\u00a0d.")


def moment(value: datetime, language: str) -> str:
    """A UTC moment as people here live it: 2026-11-24 14:05 or 24 Nov 2026, 14:05."""
    here = local(value)
    return f"{day(here.date(), language)}{' ' if language == 'lt' else ', '}{here:%H:%M}"


def ago(value: datetime, now: datetime, language: str) -> str:
    """How long before `now` a moment was, to the minute: prieš 2 minutes or 2 minutes ago."""
    return dates.format_timedelta(value - now, granularity="minute", add_direction=True, locale=LOCALES[language])


def phone(number: str) -> str:
    """A phone number as it is read aloud: +370 600 00000. One of another country stays as it is."""
    return f"{number[:4]} {number[4:7]} {number[7:]}" if len(number) == 12 and number.startswith("+370") else number


@lru_cache(maxsize=4096)
def month(period: str, language: str) -> str:
    """A month given as 2026-11: 2026 m. lapkritis or November 2026."""
    return dates.format_skeleton("yMMMM", date.fromisoformat(f"{period}-01"), locale=LOCALES[language])


@lru_cache(maxsize=4096)
def month_short(period: str, language: str) -> str:
    """A month given as 2026-11, as a label under a bar: 11 or Nov."""
    first = date.fromisoformat(f"{period}-01")
    return f"{first:%m}" if language == "lt" else dates.format_date(first, "MMM", locale=LOCALES[language])


# What a spreadsheet would take for a formula, also where a cell's text would come apart at the separator of another country (T74).
FORMULA = re.compile(r"(^|[;,\t\r\n])(?=\s*[=+\-@＝＋－＠])|^(?=[\t\r\n])")


def harmless(text: str) -> str:
    """`text` as no spreadsheet runs it (N06)."""
    return FORMULA.sub(r"\1'", text)


def file_name(words: str) -> str:
    """A number or a word as the name of a file, in letters that every system takes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", words).strip("-.")[:60] or "bill"


def whole(text: str) -> Markup:
    """A sentence in which what a dash holds together, such as a payer code or "e-mail", stays on one line. One with marks in it is
    left as it is."""
    said = str(escape(text))
    return Markup(said if "<" in said else DASHED.sub(r'<span class="whole">\g<0></span>', said))  # noqa: S704 -- escaped above
