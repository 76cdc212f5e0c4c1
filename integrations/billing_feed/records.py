"""What a billing feed gives: frozen records, and their form as JSON for those that are put aside and tried again.

Money is integer cents, quantities and readings are thousandths (`_milli`), unit prices millionths of a euro (`_micro`), VAT
rates hundredths of a per cent, days local, moments UTC. `provider` is the provider's code or name as the feed says it.
"""

import base64
import hashlib
import json
import re
import types
import typing
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime

# Longest texts. A longer code is put aside (cut off, it would be another code); longer words are cut with an ellipsis.
CODES = {
    "payer_code": 60,
    "number": 60,
    "meter": 40,
    "kind": 30,
    "reference": 60,
    "refers_to": 60,
    "iban": 34,
    "provider": 120,
    "company_code": 20,
}
WORDS = {"name": 300, "customer_name": 200, "address": 250, "building": 200, "premises": 20, "place": 80, "unit": 20, "note": 2000}


def N_(sentence: str) -> str:
    """Mark a sentence for translation; the site that shows it translates it and fills in its `{facts}`."""
    return sentence


# The words among units of measure; `Line.unit` is one of these, a symbol such as kWh, or what the feed says.
UNIT_WORDS = (N_("pcs"), N_("wk"), N_("mo."), N_("yr"))
# Names of lines that the feed left without one.
LINE_WORDS = (N_("Allowance"), N_("Charge"))


@dataclass(frozen=True)
class Contract:
    """A payer code, whom it stands for and where. The code is byte for byte as billed (CV-13)."""

    payer_code: str
    provider: str | None = None
    customer_name: str = ""
    address: str = ""
    building: str | None = None  # the house's address
    premises: str | None = None  # the flat's number
    opened_on: date | None = None
    ended_on: date | None = None
    personal_code: str = field(default="", repr=False)  # the customer's own, which `rules/sync.py` makes a keyed digest of at once
    # The customer's, where that is a company; of a person in business their own, of which that too makes a digest.
    company_code: str = field(default="", repr=False)


@dataclass(frozen=True)
class Meter:
    """A device at a contract's place; `kind` is a code such as hot-water."""

    payer_code: str
    number: str
    kind: str
    place: str = ""
    unit: str | None = None
    decimals: int | None = None
    installed_on: date | None = None
    removed_on: date | None = None
    provider: str | None = None


@dataclass(frozen=True)
class Reading:
    """What a meter showed on a day; `meter` is its number."""

    meter: str
    payer_code: str
    read_on: date
    value_milli: int
    provider: str | None = None
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a bill, as billed. `unit_price_micro` is the price of `base_quantity_milli`; both may be rounded for show."""

    name: str
    quantity_milli: int | None = None
    unit: str = ""
    unit_price_micro: int | None = None
    base_quantity_milli: int = 1000
    net_cents: int
    vat_rate: int | None = None
    vat_category: str = ""


@dataclass(frozen=True)
class Vat:
    """The VAT of a bill at one rate."""

    category: str
    rate: int | None
    base_cents: int
    vat_cents: int


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """A bill or a credit note. A credit note's amounts are positive, as it says them; who books it turns the sign.

    Always: net + vat = total, total - prepaid + rounding = payable, and where there are lines they add up to net.
    """

    kind: str = "invoice"  # or credit_note
    number: str
    payer_code: str
    provider: str | None = None
    provider_name: str = ""  # for people, where `provider` is a code
    customer_name: str = ""
    address: str = ""
    issued_on: date
    due_on: date | None = None
    period_from: date | None = None
    period_to: date | None = None
    currency: str = "EUR"
    net_cents: int
    vat_cents: int
    total_cents: int
    prepaid_cents: int = 0
    rounding_cents: int = 0
    payable_cents: int
    outstanding_cents: int | None = None  # what is still unpaid, where the billing system says so
    reference: str | None = None  # what the payer must quote
    iban: str | None = None
    refers_to: str | None = None  # number of the corrected invoice
    revised_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    vat: tuple[Vat, ...] = ()
    note: str = ""
    pdf: bytes | None = None  # the provider's own document
    pdf_name: str | None = None
    company_code: str = ""  # the customer's, where that is a company; the last field, see `digest`


@dataclass(frozen=True)
class PutAside:
    """What could not be taken in, and why: a sentence (msgid) with `{placeholders}` that `facts` fill in.

    `kind` is short: a rule of EN 16931 such as BR-CO-16, or header, row, cut, charset, date, amount, number, code, doctype ...;
    `reference` is where to look, the same every time the same thing is read again.
    """

    kind: str
    reference: str
    message: str
    facts: dict[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format(**self.facts)


Record = Contract | Meter | Reading | Invoice | PutAside


# What could be a personal code of LT, LV or EE: it may stand in the wrong column too, or in a first row that names no columns.
PERSONS = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){10}(?![0-9])")


class Trouble(Exception):
    """Why a record cannot be given; the feed that reads it adds where, and gives a `PutAside`."""

    def __init__(self, kind: str, message: str, **facts: str | int) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.facts = facts

    def put_aside(self, reference: str, **where: str | int) -> PutAside:
        """This trouble at a place."""
        return PutAside(self.kind, reference, self.message, {**where, **self.facts})


def shown(value: str) -> str:
    """As much of a value from outside as a message repeats, without control characters and what could be a personal code."""
    value = PERSONS.sub("…", value)
    tidy = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", value[:200]).split())
    return tidy if len(tidy) <= 60 else f"{tidy[:59]}…"


def clipped(words: str, longest: int) -> str:
    """Words for people, cut with an ellipsis where they are too long to keep."""
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def company_code(text: str) -> str:
    """A company's code as it is kept: without spaces."""
    return "".join(text.split())


def is_persons(code: str) -> bool:
    """Whether a code of this form is a person's, which is kept nowhere in clear: eleven digits, with dashes or without."""
    digits = code.replace("-", "")
    return len(digits) == 11 and digits.isdigit()


def is_pdf(content: bytes) -> bool:
    """Whether this is a PDF file, from its first bytes: anything else would be shown to customers as their bill."""
    return b"%PDF-" in content[:1024]


_RECORDS: dict[str, type] = {record.__name__: record for record in typing.get_args(Record)}


def to_json(record: Record) -> dict[str, typing.Any]:
    """A record as plain JSON values, bytes as base64. `from_json` gives the same record back."""
    return {"record": type(record).__name__, **_plain(asdict(record))}


def from_json(values: dict[str, typing.Any]) -> Record:
    """The record that `to_json` made these values from. Raises KeyError for anything else."""
    made: Record = _made(_RECORDS[values["record"]], {name: value for name, value in values.items() if name != "record"})
    return made


def digest(record: Record) -> str:
    """SHA-256 of all a record says, value after value: another digest means that something has changed."""
    said = [[list(vars(part).values()) for part in value] if type(value) is tuple else value for value in vars(record).values()]
    if not getattr(record, "company_code", "-"):
        said.pop()  # bills that were read before there was one are the same bills
    return hashlib.sha256(_JSON.encode([type(record).__name__, *said]).encode()).hexdigest()


def _plain(value: typing.Any) -> typing.Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) else value


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)  # once: a feed asks for a million digests


def _made(wanted: typing.Any, value: typing.Any) -> typing.Any:
    """`value` as the annotation `wanted` says it was."""
    if isinstance(wanted, types.UnionType):
        return None if value is None else _made(next(kind for kind in wanted.__args__ if kind is not types.NoneType), value)
    if typing.get_origin(wanted) is tuple:
        return tuple(_made(typing.get_args(wanted)[0], inner) for inner in value)
    if wanted in _RECORDS.values() or wanted in (Line, Vat):
        hints = typing.get_type_hints(wanted)
        return wanted(**{part.name: _made(hints[part.name], value[part.name]) for part in fields(wanted) if part.name in value})
    if wanted in (date, datetime):
        return wanted.fromisoformat(value)
    return base64.b64decode(value) if wanted is bytes else value
