"""Why a contract was not found (M06): told from what was typed and from the form that the organisation's codes have, and from
nothing else. No row of a customer is looked at, so the answer is the same whether a code exists or not.

A form is written as codes look: `0` stands for a digit, `A` for a capital letter, `YYYY` or `YY` for the year and `MM` for the month
of a bill, all else for itself. Several forms are parted by a semicolon.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from models import N_

OLD_AFTER = 3  # months: of the two newest bills neither is older

# Letters and digits that look alike, as groups; the first of a group is in no way better than the others.
ALIKE = ("0OoОоΟοQ", "1Il|ІіΙιíìŁł", "5SsЅѕ", "8BВвΒ", "2ZzΖż", "3ЗзƷ", "6Gб",
         "AАΑа", "EЕΕе", "KКΚк", "MМΜм", "HНΗн", "PРΡр", "CСсϹ", "TТΤт",
         "XХΧх", "YУΥу", "NΝ", "JЈ", "DÐ", "VΝ", "UՍ", "pрρ", "cсϲ", "eеё", "aаα", "iіι", "xхχ", "yуγ", "vν", "zżƶ")  # fmt: skip
DASHES = "‐‑‒–—―−﹘﹣－­"


class Company(NamedTuple):
    """Who bills: its name and the forms of its payer codes and of its invoice numbers, empty where they are not known."""

    name: str
    payer_codes: str = ""
    invoice_numbers: str = ""


@dataclass(frozen=True)
class Cause:
    """What seems to be wrong: a word for it, a sentence with its facts, the field to correct."""

    kind: str
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)
    field: str = "payer_code"


# ---- the sentences ----------------------------------------------------------------------------------------------------

EDGE = N_("The payer code you typed begins or ends with a space.")
EDGE_OF = N_("The payer code you typed begins or ends with a space. Without it: {like}.")
LETTER = N_("The payer code you typed has a letter that only looks like an English one, or an accent: type it anew.")
LETTER_OF = N_(
    "A character of the payer code only looks like the right one, as the letter O and the figure 0 do. As our bills print it: {like}."
)
ODD = N_("The payer code you typed has a space or dash of another kind, as pasted text often has: type it anew.")
ODD_OF = N_("The payer code you typed has a space or dash of another kind, as pasted text often has. As our bills print it: {like}.")
SMALL = N_("The payer code you typed has small letters: check whether the bill has capital ones.")
SMALL_OF = N_("Capital and small letters of the payer code count. As our bills print it: {like}.")
PARTED = N_("Spaces and dashes of the payer code count. As our bills print it: {like}.")
SHORT = N_("The payer code you typed is too short. Those of {company} look like this: {form} (0 is any figure).")
LONG = N_("The payer code you typed is too long. Those of {company} look like this: {form} (0 is any figure).")
SHAPE = N_("This does not look like a payer code of {company}. Theirs look like this: {form} (0 is any figure).")
OTHER = N_("This looks like a payer code of {company}. Look whose name is on your bill and choose that company.")
NUMBER = N_("This looks like the number of a bill. The payer code stands elsewhere on it.")
SWAPPED = N_("The payer code and the number of the bill seem to have changed places.")
N_CODE = N_("This looks like the payer code. The number of the bill stands elsewhere on it.")
N_LETTER = N_(
    "A character of the bill's number only looks like the right one, as the letter O and the figure 0 do. As our bills print it: {like}."
)
N_ODD = N_("The bill's number has a space or dash of another kind, as pasted text often has. As our bills print it: {like}.")
N_SMALL = N_("Capital and small letters of the bill's number count. As our bills print it: {like}.")
N_PARTED = N_("Spaces and dashes of the bill's number count. As our bills print it: {like}.")
N_SHAPE = N_("This does not look like the number of a bill of {company}. Theirs look like this: {form} (0 is any figure).")
N_OLD = N_("This is the number of a bill of {month}. We ask for the newest bill, or the one before it.")
RIGHT = N_("All is written as on the bills of {company}. The bill must be the newest, or the one before it, and every figure the same.")

OF_CODE = {"edge-space": EDGE_OF, "look-alike": LETTER_OF, "odd-separator": ODD_OF, "small-letters": SMALL_OF, "separators": PARTED}
OF_NUMBER = {"edge-space": N_PARTED, "look-alike": N_LETTER, "odd-separator": N_ODD, "small-letters": N_SMALL, "separators": N_PARTED}


# ---- what is wrong ----------------------------------------------------------------------------------------------------


def diagnose(
    payer_code: str, invoice_number: str | None, *, chosen: Company | None, companies: Sequence[Company], today: date
) -> Cause | None:
    """The likeliest cause why this payer code, and the number of a bill beside it where one was asked, found nothing; None where
    nothing can be told. `chosen` is the company that was chosen, None where it is not asked."""
    mine = [chosen] if chosen else companies
    known = [company for company in mine if company.payer_codes]
    if _fitting(payer_code, known):
        return _of_number(payer_code, invoice_number, mine, today)
    others = [company for company in companies if chosen and company != chosen]
    company = _fitting(payer_code, others)
    if company:
        return Cause("other-company", OTHER, {"company": company.name})
    if _looks_like_number(payer_code, invoice_number, companies):
        is_swapped = invoice_number is not None and _fitting(invoice_number, known) is not None
        return Cause("swapped", SWAPPED) if is_swapped else Cause("invoice-number", NUMBER)
    repaired = _repaired(payer_code, (form for company in known for form in _forms(company.payer_codes)))
    if repaired:
        kind, like = repaired
        return Cause(kind, OF_CODE[kind], {"like": like})
    for company in others:
        if _repaired(payer_code, _forms(company.payer_codes)):
            return Cause("other-company", OTHER, {"company": company.name})
    if not known:
        return _without_form(payer_code) or _of_number(payer_code, invoice_number, mine, today)
    return _of_shape(payer_code, known[0])


def _of_number(payer_code: str, number: str | None, mine: Sequence[Company], today: date) -> Cause | None:
    """The payer code looks right: is it the number of the bill?"""
    name = mine[0].name if mine else ""
    if number is None:
        return Cause("not-found", RIGHT, {"company": name}) if mine and mine[0].payer_codes else None
    forms = _numbers(mine)
    fitting = next((form for form in forms if form.fits(number)), None)
    if fitting:
        month = fitting.month(number)
        if month and (today.year - month.year) * 12 + today.month - month.month > OLD_AFTER:
            return Cause("older-invoice", N_OLD, {"month": f"{month:%Y-%m}"}, "invoice_number")
        return Cause("not-found", RIGHT, {"company": name}, "invoice_number")
    if number == payer_code or (forms and _fitting(number, mine)):
        return Cause("payer-code", N_CODE, {}, "invoice_number")
    repaired = _repaired(number, forms)
    if repaired:
        kind, like = repaired
        return Cause(f"invoice-{kind}", OF_NUMBER[kind], {"like": like}, "invoice_number")
    if forms:
        return Cause("invoice-shape", N_SHAPE, {"company": name, "form": forms[0].text}, "invoice_number")
    return None


def _of_shape(payer_code: str, company: Company) -> Cause:
    form = _forms(company.payer_codes)[0]
    typed, wanted = sum(map(str.isalnum, payer_code)), sum(part.is_word for part in form.parts)
    about = {"company": company.name, "form": form.text}
    if typed == wanted or not any(map(str.isdigit, payer_code)):
        return Cause("shape", SHAPE, about)
    return Cause("too-short", SHORT, about) if typed < wanted else Cause("too-long", LONG, about)


def _without_form(payer_code: str) -> Cause | None:
    """What can be told where nobody has said how the codes look."""
    if payer_code != payer_code.strip():
        return Cause("edge-space", EDGE)
    if any(not c.isascii() and c.isalpha() for c in payer_code):
        return Cause("look-alike", LETTER)
    if any(not c.isascii() and unicodedata.category(c)[0] in "ZPC" for c in payer_code):
        return Cause("odd-separator", ODD)
    return Cause("small-letters", SMALL) if payer_code != payer_code.upper() else None


def _fitting(text: str, companies: Iterable[Company]) -> Company | None:
    return next((company for company in companies if any(form.fits(text) for form in _forms(company.payer_codes))), None)


def _looks_like_number(payer_code: str, number: str | None, companies: Sequence[Company]) -> bool:
    forms = _numbers(companies)
    return payer_code.strip() == number or _repaired(payer_code, forms) is not None or any(form.fits(payer_code) for form in forms)


# ---- forms ------------------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One character of a form: what it stands for (0, A, Y, M), or "" for itself."""

    stands_for: str
    itself: str

    @property
    def is_word(self) -> bool:
        return bool(self.stands_for) or self.itself.isalnum()

    def fits(self, c: str) -> bool:
        if self.stands_for == "A":
            return c.isascii() and c.isupper()
        return c.isascii() and c.isdigit() if self.stands_for else c == self.itself


@dataclass(frozen=True)
class Form:
    """How codes look."""

    text: str
    parts: tuple[Part, ...]

    def fits(self, typed: str) -> bool:
        return len(typed) == len(self.parts) and all(part.fits(c) for part, c in zip(self.parts, typed, strict=True))

    def month(self, typed: str) -> date | None:
        """The month that a fitting number tells, None where its form has none."""
        year, month = ("".join(c for part, c in zip(self.parts, typed, strict=True) if part.stands_for == of) for of in "YM")
        if len(year) not in (2, 4) or len(month) != 2 or not 1 <= int(month) <= 12:
            return None
        return date(max(1, int(year) + (2000 if len(year) == 2 else 0)), int(month), 1)


def _numbers(companies: Iterable[Company]) -> list[Form]:
    return [form for company in companies for form in _forms(company.invoice_numbers)]


def _forms(text: str) -> list[Form]:
    return [Form(one, tuple(_parts(one))) for one in map(str.strip, text.split(";")) if one]


def _parts(text: str) -> Iterable[Part]:
    at = 0
    while at < len(text):
        for word in ("YYYY", "YY", "MM"):
            if text.startswith(word, at):
                yield from (Part(word[0], "") for _ in word)
                at += len(word)
                break
        else:
            yield Part(text[at], "") if text[at] in "0A" else Part("", text[at])
            at += 1


def _repaired(typed: str, forms: Iterable[Form]) -> tuple[str, str] | None:
    """What must be done so that it fits, in one word, and how it looks then; None where that would be another code."""
    text = unicodedata.normalize("NFC", typed)[:120]
    for form in forms:
        found = _repair(text, form)
        if found:
            return found
    return None


def _repair(text: str, form: Form) -> tuple[str, str] | None:
    words = [c for c in text if c.isalnum() or c == "|"]
    if len(words) != sum(part.is_word for part in form.parts):
        return None
    like, is_alike, is_small, rest = "", False, False, iter(words)
    for part in form.parts:
        if not part.is_word:
            like += part.itself
            continue
        c = next(rest)
        if not part.fits(c):
            other = next((same for same in _alike(c) if part.fits(same)), "")
            if part.fits(c.swapcase()) and c.isascii():
                other, is_small = c.swapcase(), True
            else:
                is_alike = True
            if not other:
                return None
            c = other
        like += c
    plain = "".join(" " if unicodedata.category(c) == "Zs" or c == "\t" else "-" if c in DASHES else c for c in text)
    if is_alike:
        return "look-alike", like
    if is_small:
        return "small-letters", like
    if plain.strip() == like:
        return ("odd-separator" if any(not c.isascii() for c in text.strip()) else "edge-space"), like
    return "separators", like


def _alike(c: str) -> str:
    """What a character may have been meant to be: those that look like it, and the letter without its accent."""
    bare = unicodedata.normalize("NFKD", c)[0]
    return "".join(group for group in ALIKE if c in group) + bare + bare.upper()
