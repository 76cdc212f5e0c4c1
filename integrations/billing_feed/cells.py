"""How a value is written in a cell of a csv file, and what to say when it is written otherwise.

Each reader takes a cell's text and returns it in our units; it raises `Trouble` with a sentence whose {file}, {row} and
{column} the feed fills in. Numbers are exact: text to integer, never through a float.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from integrations.billing_feed.folder import VILNIUS
from integrations.billing_feed.records import CODES, N_, Trouble, shown

NUMBER = re.compile(r"-?([0-9]{1,12})(?:[.,]([0-9]{1,20}))?")
DAY = re.compile(r"([0-9]{4})([-.])([0-9]{2})\2([0-9]{2})")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?")


def number(value: str, decimals: int) -> int:
    """A decimal number with a comma or a dot, as an integer of its last decimal: ("12,5", 2) is 1250."""
    match = NUMBER.fullmatch(value)
    if match is None:
        message = N_("{file}, row {row}, column {column}: {value} must be a number such as 1234.56, without spaces between digits.")
        raise Trouble("number", message, value=shown(value))
    fraction = match[2] or ""
    if len(fraction) > decimals:
        message = N_("{file}, row {row}, column {column}: {value} must have at most {decimals} decimals.")
        raise Trouble("decimals", message, value=shown(value), decimals=decimals)
    digits = int(match[1] + fraction.ljust(decimals, "0"))
    return -digits if value.startswith("-") else digits


def amount(value: str) -> int:
    """Money, cents."""
    return number(value, 2)


def milli(value: str) -> int:
    """A quantity, thousandths."""
    return number(value, 3)


def reading(value: str) -> int:
    """What a meter shows, thousandths, never below zero."""
    return not_negative(value, 3)


def base(value: str) -> int:
    """The quantity that a unit price is for, thousandths, above zero."""
    thousandths = number(value, 3)
    if thousandths <= 0:
        raise Trouble("number", N_("{file}, row {row}, column {column}: {value} must be more than 0."), value=shown(value))
    return thousandths


@lru_cache(maxsize=4096)  # tariffs are few too, and so are the rates below
def micro(value: str) -> int:
    """A unit price, millionths of a euro."""
    return number(value, 6)


def not_negative(value: str, decimals: int) -> int:
    """A number that cannot be below zero."""
    digits = number(value, decimals)
    if digits < 0:
        raise Trouble("number", N_("{file}, row {row}, column {column}: {value} must be 0 or more."), value=shown(value))
    return digits


@lru_cache(maxsize=64)
def percent(value: str) -> int:
    """A VAT rate, hundredths of a per cent, 0 to 100 %."""
    hundredths = number(value.removesuffix("%").rstrip(), 2)
    if not 0 <= hundredths <= 100_00:
        message = N_("{file}, row {row}, column {column}: {value} must be a percentage from 0 to 100.")
        raise Trouble("number", message, value=shown(value))
    return hundredths


def decimals(value: str) -> int:
    """How many decimals a meter shows, 0 to 3."""
    if value not in ("0", "1", "2", "3"):
        raise Trouble("number", N_("{file}, row {row}, column {column}: {value} must be 0, 1, 2 or 3."), value=shown(value))
    return int(value)


@lru_cache(maxsize=4096)  # a file names few days, many times
def day(value: str) -> date:
    """A day, YYYY-MM-DD or YYYY.MM.DD, from 1900 on."""
    match = DAY.fullmatch(value)
    try:
        read = date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        read = None
    if read is None or read.year < 1900:
        raise Trouble("date", N_("{file}, row {row}, column {column}: {value} must be a day such as 2026-10-31."), value=shown(value))
    return read


def moment(value: str) -> datetime:
    """A moment, YYYY-MM-DD HH:MM[:SS], in Lithuanian time unless it says its offset; returned in UTC."""
    try:
        read = datetime.fromisoformat(value) if MOMENT.fullmatch(value) else None
    except ValueError:
        read = None
    if read is None or read.year < 1900:
        message = N_("{file}, row {row}, column {column}: {value} must be a moment such as 2026-10-31 14:05.")
        raise Trouble("date", message, value=shown(value))
    return (read if read.tzinfo else read.replace(tzinfo=VILNIUS)).astimezone(UTC)


def code(value: str, longest: int) -> str:
    """A code exactly as it is written. A longer one is refused: cut off, it would be another code."""
    if len(value) > longest:
        message = N_("{file}, row {row}, column {column}: {value} must be {longest} characters or fewer.")
        raise Trouble("length", message, value=shown(value), longest=longest)
    return value


def iban(value: str) -> str:
    """An account, without the spaces that people put between its groups."""
    return code("".join(value.split()), CODES["iban"])


def one_of(value: str, allowed: tuple[str, ...]) -> str:
    """One of a few words."""
    if value not in allowed:
        message = N_("{file}, row {row}, column {column}: {value} must be one of: {allowed}.")
        raise Trouble("word", message, value=shown(value), allowed=", ".join(allowed))
    return value


def slug(value: str, longest: int) -> str:
    """A kind of meter."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value) or len(value) > longest:
        message = N_("{file}, row {row}, column {column}: {value} must be a kind of meter such as hot-water.")
        raise Trouble("word", message, value=shown(value))
    return value


def file_name(value: str) -> str:
    """The name of a file without a path."""
    if Path(value).name != value or "\\" in value or value in (".", ".."):
        message = N_("{file}, row {row}, column {column}: {value} must be the name of a file beside this one, without folders.")
        raise Trouble("pdf", message, value=shown(value))
    return value
