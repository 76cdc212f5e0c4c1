"""Our own PDF of a bill, where its provider made none: tagged (PDF/UA-1), so that it can be listened to, by typst.

The page is `templates/invoice.typ`, the letters are those of `static/fonts`. A bill goes in as JSON, never as markup: whatever
a feed calls a line is printed as it is. The same bill gives the same file, byte for byte.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NotRequired, TypedDict

import formats
from config import ROOT
from integrations.billing_feed.records import LINE_WORDS, UNIT_WORDS

TEMPLATE = ROOT / "templates" / "invoice.typ"
FONTS = ROOT / "static" / "fonts"
BRAND = "#23566f"
# What Inter has letters for: Latin, Greek, Cyrillic, punctuation, currencies, arrows. PDF/UA forbids a letter without a shape.
UNPRINTABLE = re.compile(
    "[^\n\x20-\x7e\xa0-\u0148\u014a-\u01c3\u01cd-\u031e\u0384-\u038a\u038e-\u03a1\u03a3-\u03e1\u0400-\u0481\u048a-\u049d\u04a0-\u04ff"
    "\u1e00-\u1ef9\u2010-\u2027\u202f-\u205e\u2074-\u208e\u20a0-\u20bf\u2116\u2122\u2190-\u2199]"
)
LONG_WORD = re.compile(r"\S{28}(?=\S)")  # more does not fit into half a line


class Party(TypedDict):
    """Who bills, or who is billed."""

    name: str
    code: NotRequired[str]
    vat_code: NotRequired[str]
    address: NotRequired[str]
    phone: NotRequired[str]
    email: NotRequired[str]


class BillLine(TypedDict):
    """One line; units as in `billing_feed.Line`."""

    name: str
    net_cents: int
    quantity_milli: NotRequired[int | None]
    unit: NotRequired[str]
    unit_price_micro: NotRequired[int | None]
    base_quantity_milli: NotRequired[int]
    vat_rate: NotRequired[int | None]


class BillVat(TypedDict):
    """VAT at one rate."""

    rate: int | None
    base_cents: int
    vat_cents: int


class Portal(TypedDict):
    """Where customers come in, and what they must know beside the payer code."""

    address: str
    asks_provider: bool
    asks_number: bool


class Bill(TypedDict):
    """What a bill's page shows; units as in `billing_feed.Invoice`. Of a credit note, amounts of either sign are accepted."""

    kind: NotRequired[str]
    number: str
    payer_code: str
    provider: Party
    customer: Party
    place: NotRequired[str]  # the address that is billed for, where it is not the customer's
    issued_on: date
    due_on: NotRequired[date | None]
    period_from: NotRequired[date | None]
    period_to: NotRequired[date | None]
    net_cents: int
    vat_cents: int
    total_cents: int
    prepaid_cents: NotRequired[int]
    rounding_cents: NotRequired[int]
    payable_cents: int
    reference: NotRequired[str | None]
    iban: NotRequired[str | None]
    refers_to: NotRequired[str | None]
    note: NotRequired[str]
    lines: Sequence[BillLine]
    vat: NotRequired[Sequence[BillVat]]
    brand: NotRequired[str]  # the organisation's colour, #rrggbb
    portal: NotRequired[Portal | None]


def bill(facts: Bill, language: str, gettext: Callable[[str], str]) -> bytes:
    """The PDF of a bill. `gettext` gives our words in `language` (lt or en), which also decides how numbers and days look."""
    import typst  # 7 MB that a process needs only once it has a bill to print

    made: bytes = typst.compile(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"bill": json.dumps(page(facts, language, gettext))},
        pdf_standards=["ua-1"],
    )
    return made


def page(facts: Bill, language: str, gettext: Callable[[str], str]) -> dict[str, Any]:
    """The bill in finished words that can all be printed: what the template gets."""

    def money(cents: int) -> str:
        return formats.money(cents, language)

    credit = facts.get("kind") == "credit_note"
    number = facts["number"]
    amount = money(abs(facts["payable_cents"]) if credit else facts["payable_cents"])
    due_on = facts.get("due_on")
    title = (gettext("Credit note %(number)s") if credit else gettext("Bill %(number)s")) % {"number": number}
    about = [(gettext("Payer code"), facts["payer_code"])]
    if place := facts.get("place"):
        about.append((gettext("Address"), place))
    if corrected := facts.get("refers_to"):
        about.append((gettext("Corrects bill"), corrected))
    period = [formats.day(day, language) for day in (facts.get("period_from"), facts.get("period_to")) if day]
    if period:
        about.append((gettext("Period"), " – ".join(period)))
    words = {
        "lang": language,
        "title": title,
        "title_size": 15 if len(title) <= 30 else 11,
        "subtitle": gettext("Issued on %(day)s") % {"day": formats.day_long(facts["issued_on"], language)},
        "date": [facts["issued_on"].year, facts["issued_on"].month, facts["issued_on"].day],
        "brand": facts.get("brand", BRAND),
        "provider": _party(facts["provider"], gettext),
        "customer": _party(facts["customer"], gettext),
        "hero": {
            "caption": gettext("Returned to you") if credit else gettext("To pay"),
            "amount": amount,
            "size": 30 if len(amount) <= 14 else 20,
            "due_caption": gettext("Pay by"),
            "due": formats.day_long(due_on, language) if due_on and not credit else None,
        },
        "facts": about,
        "columns": [gettext("Service"), gettext("Quantity"), gettext("Price"), gettext("VAT"), gettext("Amount")],
        "lines": [_line(line, language, gettext) for line in facts["lines"]],
        "totals": _totals(facts, language, gettext),
        "sum": (gettext("Returned to you") if credit else gettext("To pay"), amount),
        "payment": [] if credit else _payment(facts, gettext),
        "note": facts.get("note", ""),
        "portal": _portal(facts, gettext),
        "words": {
            "portal": gettext("Your bills and readings online"),
            "portal_text": gettext(
                "Register with an e-mail address and a password of your own, then enter these details exactly as printed:"
            ),
            "customer": gettext("Customer"),
            "provider": gettext("Provider"),
            "lines": gettext("What it is made of"),
            "payment": gettext("How to pay"),
            "note": gettext("Note"),
        },
        "footer": f"{title} · {facts['provider']['name']}",
    }
    return {name: _printable(value) for name, value in words.items()}


def _party(party: Party, gettext: Callable[[str], str]) -> dict[str, Any]:
    details = [party.get("address", "")]
    if party.get("code"):
        details.append(gettext("Company code %(code)s") % {"code": party["code"]})
    if party.get("vat_code"):
        details.append(gettext("VAT code %(code)s") % {"code": party["vat_code"]})
    details += [party.get("phone", ""), party.get("email", "")]
    return {"name": party["name"], "details": [detail for detail in details if detail]}


def _line(line: BillLine, language: str, gettext: Callable[[str], str]) -> list[str]:
    def unit_of(quantity_milli: int) -> str:
        unit = line.get("unit", "")
        return f"{formats.quantity(quantity_milli, language)} {gettext(unit) if unit in UNIT_WORDS else unit}".rstrip()

    quantity, price, rate = line.get("quantity_milli"), line.get("unit_price_micro"), line.get("vat_rate")
    base = line.get("base_quantity_milli", 1000)
    per = "" if base == 1000 else f" / {unit_of(base)}"
    return [
        gettext(line["name"]) if line["name"] in LINE_WORDS else line["name"],
        "" if quantity is None else unit_of(quantity),
        "" if price is None else formats.unit_price(price, language) + per,
        "" if rate is None else formats.vat_rate(rate, language),
        formats.money(line["net_cents"], language),
    ]


def _totals(facts: Bill, language: str, gettext: Callable[[str], str]) -> list[tuple[str, str]]:
    """From the amount without VAT to what is to pay, leaving out what is nothing."""
    rows = [(gettext("Without VAT"), facts["net_cents"])]
    for part in facts.get("vat", ()):
        words = gettext("VAT")
        if part["rate"] is not None:
            rate, base = formats.vat_rate(part["rate"], language), formats.money(part["base_cents"], language)
            words = gettext("VAT %(rate)s of %(base)s") % {"rate": rate, "base": base}
        rows.append((words, part["vat_cents"]))
    if not facts.get("vat"):
        rows.append((gettext("VAT"), facts["vat_cents"]))
    rows.append((gettext("Total"), facts["total_cents"]))
    if facts.get("prepaid_cents"):
        rows.append((gettext("Paid in advance"), -facts["prepaid_cents"]))
    if facts.get("rounding_cents"):
        rows.append((gettext("Rounding"), facts["rounding_cents"]))
    return [(words, formats.money(cents, language)) for words, cents in rows]


def _payment(facts: Bill, gettext: Callable[[str], str]) -> list[tuple[str, str]]:
    iban, reference = facts.get("iban"), facts.get("reference")
    if not iban and not reference:
        return []
    rows = [(gettext("Payee"), facts["provider"]["name"])]
    if iban:
        rows.append((gettext("Bank account"), " ".join(iban[place : place + 4] for place in range(0, len(iban), 4))))
    if reference:
        rows.append((gettext("Payment reference"), reference))
    return rows


def _portal(facts: Bill, gettext: Callable[[str], str]) -> list[tuple[str, str]]:
    """How to come in with this bill in hand (PS-10); nothing of it is a secret of the account."""
    portal = facts.get("portal")
    if not portal:
        return []
    rows = [(gettext("Site address"), portal["address"]), (gettext("Payer code"), facts["payer_code"])]
    if portal["asks_number"]:
        rows.append((gettext("Number of your last bill"), facts["number"]))
    if portal["asks_provider"]:
        rows.append((gettext("Company"), facts["provider"]["name"]))
    return rows


def _printable(value: Any) -> Any:
    """The same with every character in a shape that Inter has, and with words that no line can hold given places to break."""
    if isinstance(value, str):
        composed = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\t", " "))
        return LONG_WORD.sub(lambda word: f"{word[0]}\u200b", UNPRINTABLE.sub("?", composed))
    if isinstance(value, Mapping):
        return {name: _printable(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable(inner) for inner in value]
    return value
