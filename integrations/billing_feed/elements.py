"""How a value is written in an element of a UBL document, and what to say when it is written otherwise.

Each reader takes an element and a path within it, and returns what stands there in our units; it raises `Trouble` with a sentence
whose {file} and {number} the feed fills in. Numbers are exact: text to decimal, never through a float.
"""

import re
from datetime import date
from decimal import Decimal

from lxml import etree

from integrations.billing_feed.amounts import rounded
from integrations.billing_feed.records import CODES, N_, WORDS, Trouble, clipped, shown

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMESPACES = {"cac": f"{UBL}CommonAggregateComponents-2", "cbc": f"{UBL}CommonBasicComponents-2"}
DECIMAL = re.compile(r"[+-]?([0-9]*)(?:\.([0-9]*))?")
DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?")


def at(element: etree._Element, path: str) -> list[etree._Element]:
    """The elements at a path."""
    return element.findall(path, NAMESPACES)


def raw(element: etree._Element | None) -> str:
    """The text of an element, with what stood around a comment in it. Line breaks around it are the file's layout."""
    written = "" if element is None else "".join(element.itertext())
    return written.strip() if "\n" in written else written


def text(element: etree._Element, path: str) -> str:
    """The first text there is at a path, without spaces around it."""
    return next((written for found in at(element, path) if (written := raw(found).strip())), "")


def words(element: etree._Element, path: str, name: str) -> str:
    """Words for people on one line, cut where they are too long to keep."""
    return clipped(" ".join(text(element, path).split()), WORDS[name])


def code(element: etree._Element, path: str, name: str) -> str | None:
    """A code, whole."""
    return whole(text(element, path), name) or None


def whole(value: str, name: str) -> str:
    """The code itself. A longer one than we keep is refused: cut off, it would be another."""
    if len(value) > CODES[name]:
        message = N_("{file}, invoice {number}: {value} must be {longest} characters or fewer.")
        raise Trouble("length", message, value=shown(value), longest=CODES[name])
    return value


def day(element: etree._Element, path: str) -> date | None:
    """A day as the document writes it, whatever time zone it adds."""
    written = text(element, path)
    if not written:
        return None
    match = DAY.fullmatch(written)
    try:
        read = date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        read = None
    if read is None or read.year < 1900:
        message = N_("{file}, invoice {number}: {value} must be a day such as 2026-10-31 ({element}).")
        raise Trouble("date", message, value=shown(written), element=path.rpartition("/")[2])
    return read


def decimal(element: etree._Element, path: str) -> Decimal | None:
    """An xs:decimal: digits and a dot, without exponent."""
    written = text(element, path)
    if not written:
        return None
    match = DECIMAL.fullmatch(written)
    if match is None or not (match[1] or match[2]) or len(match[1]) > 12 or len(match[2] or "") > 20:
        message = N_("{file}, invoice {number}: {value} must be a number such as 1234.56 ({element}).")
        raise Trouble("number", message, value=shown(written), element=path.rpartition("/")[2])
    return Decimal(written)


def percent(element: etree._Element) -> Decimal | None:
    """A VAT rate, per cent."""
    rate = decimal(element, "cbc:Percent")
    if rate is not None and not 0 <= rate <= 100:
        raise Trouble("number", N_("{file}, invoice {number}: {value} must be a percentage from 0 to 100."), value=str(rate))
    return rate


def places(value: Decimal) -> int:
    """How many decimals are written."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


def cents(element: etree._Element, path: str, decimals_rule: str) -> int | None:
    """An amount in euros. Raises Trouble by the rule's name where it has more than two decimals, even if they are zeros."""
    value = decimal(element, path)
    if value is None:
        return None
    name = path.rpartition("/")[2]
    if places(value) > 2:
        message = N_("{file}, invoice {number}: {value} must have at most two decimals ({element}).")
        raise Trouble(decimals_rule, message, value=str(value), element=name)
    currency = at(element, path)[0].get("currencyID", "EUR")
    if currency != "EUR":
        message = N_("{file}, invoice {number}: {element} is in {currency}, but the invoice is in EUR.")
        raise Trouble("currency", message, currency=shown(currency), element=name)
    return rounded(value, 2)
