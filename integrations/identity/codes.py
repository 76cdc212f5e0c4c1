"""Personal codes as other systems spell them."""

import re
from datetime import date

from stdnum.lt import asmens

SPELLED = re.compile(r"(?:PNO)?(?:([A-Z]{2})[-/]?)?([0-9][0-9-]{4,18})")
# The first digit of a Lithuanian and of an Estonian code says the century and the sex: 1800-1899, 1900-1999, 2000-2099.
CENTURIES = {"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000}


def canonical(country: str, code: str) -> str:
    """The one spelling of a code: a Latvian one has a dash after the sixth digit, whether it was written or not; the neighbours' none."""
    if country in ("LT", "LV", "EE"):
        code = code.replace("-", "")
    return re.sub(r"^(\d{6})(\d{5})$", r"\1-\2", code) if country == "LV" else code


def read(spelled: str, country: str) -> tuple[str, str]:
    """The country and the bare code of "40404040009", "LT40404040009" or "PNOLT-40404040009"; `country` where it names none.

    Raises ValueError: not a personal code, or one whose digits do not add up.
    """
    found = SPELLED.fullmatch(spelled.strip().upper())
    if not found:
        raise ValueError("not a personal code")
    country = found[1] or country
    code = canonical(country, found[2])
    if country in ("LT", "EE") and not asmens.is_valid(code):  # both countries reckon the last digit the same way
        raise ValueError("a personal code whose digits do not add up")
    return country, code


def born_on(country: str, code: str) -> date | None:
    """The day of birth that a code tells, where it tells one."""
    if country not in ("LT", "EE") or code[0] not in CENTURIES:
        return None
    try:
        return date(CENTURIES[code[0]] + int(code[1:3]), int(code[3:5]), int(code[5:7]))
    except ValueError:  # a code given without a known day of birth has zeros in its place
        return None
