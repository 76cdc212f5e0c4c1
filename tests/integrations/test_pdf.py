"""Our own PDF of a bill: for everybody's eyes and ears, and safe from what a feed may call things."""

import json
import re
from datetime import date
from typing import Any

import pytest
import typst

from integrations import pdf

LITHUANIAN = {
    "Bill %(number)s": "Sąskaita %(number)s",
    "Issued on %(day)s": "Išrašyta %(day)s",
    "To pay": "Mokėtina suma",
    "VAT %(rate)s of %(base)s": "PVM %(rate)s nuo %(base)s",
    "mo.": "mėn.",
}


def lithuanian(words: str) -> str:
    return LITHUANIAN.get(words, words)


def facts(**changes: Any) -> pdf.Bill:
    """A bill of 22,40 euros with two lines, changed as told."""
    bill: dict[str, Any] = {
        "number": "ŠT-17",
        "payer_code": " 00-12 345",
        "provider": {"name": "UAB „Pavyzdžio šiluma“", "code": "300000000", "address": "Katilinės g. 1", "email": "klientams@example.lt"},
        "customer": {"name": "Ona Pavyzdienė", "address": "Ąžuolų g. 5-12"},
        "issued_on": date(2026, 10, 31),
        "due_on": date(2026, 11, 20),
        "period_from": date(2026, 10, 1),
        "period_to": date(2026, 10, 31),
        "net_cents": 19_34,
        "vat_cents": 4_06,
        "total_cents": 23_40,
        "prepaid_cents": 1_00,
        "payable_cents": 22_40,
        "reference": "0012345017",
        "iban": "LT000000000000000002",
        "lines": [
            {
                "name": "Šiluma",
                "quantity_milli": 130_000,
                "unit": "kWh",
                "unit_price_micro": 102_600,
                "vat_rate": 21_00,
                "net_cents": 13_34,
            },
            {
                "name": "Aptarnavimas",
                "quantity_milli": 1_000,
                "unit": "mo.",
                "unit_price_micro": 72_000_000,
                "base_quantity_milli": 12_000,
                "vat_rate": 21_00,
                "net_cents": 6_00,
            },
        ],
        "vat": [{"rate": 21_00, "base_cents": 19_34, "vat_cents": 4_06}],
        **changes,
    }
    return bill  # type: ignore[return-value]


def pages(document: bytes) -> int:
    return len(re.findall(rb"/Type/Page\b(?!s)", document))


def plain(page: dict[str, Any]) -> dict[str, Any]:
    """A page's words with ordinary spaces for those that do not break."""
    return dict(json.loads(json.dumps(page, ensure_ascii=False).replace("\xa0", " ")))


def headings(bill: pdf.Bill) -> list[str]:
    """The headings that the template makes of a bill."""
    inputs = {"bill": json.dumps(pdf.page(bill, "en", str))}
    found = typst.query(
        str(pdf.TEMPLATE), "heading", field="body", font_paths=[str(pdf.FONTS)], ignore_system_fonts=True, sys_inputs=inputs
    )
    return [body["text"] for body in json.loads(found)]


def test_a_bill_is_one_page_tagged_for_those_who_listen() -> None:
    """IB-68: PDF/UA-1, with title, language and the rows of the table."""
    document = pdf.bill(facts(), "lt", lithuanian)
    assert document.startswith(b"%PDF-")
    assert pages(document) == 1
    assert b"<pdfuaid:part>1</pdfuaid:part>" in document
    for mark in (b"/StructTreeRoot", b"/Marked true", b"/Lang(lt)", b"/S/H1", b"/S/TH", b"/S/TD"):
        assert mark in document, mark
    assert "Sąskaita ŠT-17" in document.decode("utf-8", "replace")


def test_a_bill_says_everything_in_the_readers_language() -> None:
    page = plain(pdf.page(facts(), "lt", lithuanian))
    assert page["title"] == "Sąskaita ŠT-17"
    assert page["subtitle"] == "Išrašyta 2026 m. spalio 31 d."
    assert (page["hero"]["amount"], page["hero"]["due"]) == ("22,40 €", "2026 m. lapkričio 20 d.")
    assert page["facts"] == [["Payer code", " 00-12 345"], ["Period", "2026-10-01 – 2026-10-31"]]
    assert page["lines"][1] == ["Aptarnavimas", "1 mėn.", "72,00 € / 12 mėn.", "21 %", "6,00 €"]
    assert ["PVM 21 % nuo 19,34 €", "4,06 €"] in page["totals"]
    assert page["totals"][-1] == ["Paid in advance", "-1,00 €"]
    assert page["payment"][1:] == [["Bank account", "LT00 0000 0000 0000 0002"], ["Payment reference", "0012345017"]]
    assert pdf.page(facts(), "en", str)["hero"] == {
        "caption": "To pay",
        "amount": "€22.40",
        "size": 30,
        "due_caption": "Pay by",
        "due": "20 November 2026",
    }


@pytest.mark.parametrize("sign", [1, -1])
def test_a_credit_note_says_what_is_returned_and_asks_for_nothing(sign: int) -> None:
    page = pdf.page(facts(kind="credit_note", payable_cents=sign * 22_40, refers_to="ŠT-16"), "en", str)
    assert page["title"] == "Credit note ŠT-17"
    assert (page["hero"]["caption"], page["hero"]["amount"], page["hero"]["due"]) == ("Returned to you", "€22.40", None)
    assert page["payment"] == []
    assert ["Corrects bill", "ŠT-16"] in page["facts"]


def test_a_bill_that_says_little_is_still_a_page() -> None:
    bill = facts(due_on=None, period_from=None, period_to=None, iban=None, reference=None, lines=[], vat=[], prepaid_cents=0)
    assert headings(bill) == ["Bill ŠT-17"]
    assert pages(pdf.bill(bill, "en", str)) == 1


def test_the_same_bill_gives_the_same_file() -> None:
    assert pdf.bill(facts(), "lt", lithuanian) == pdf.bill(facts(), "lt", lithuanian)


PAYLOADS = [
    "= A heading\n== Another",
    '#heading[x] #panic("boom") #read("/etc/hostname")',
    '"); #import "other.typ": *; #text("',
    "\\ ' ` $x^2$ *b* _i_ <l> @ref // comment /* */ - item + item / term: x",
    "#{sys.inputs} #eval(\"1\") \\u{41} ]]] }}} )))",
    "%(number)s {number} %s %",
]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
def test_whatever_a_feed_calls_things_is_printed_and_never_obeyed(payload: str) -> None:
    party = {"name": payload, "address": payload, "code": payload}
    bill = facts(
        provider=party, customer=party, payer_code=payload, note=payload, lines=[{"name": payload, "unit": payload, "net_cents": 1}]
    )
    assert headings(bill) == ["Bill ŠT-17", "What it is made of", "How to pay", "Note"]
    assert pdf.bill(bill, "lt", lithuanian).startswith(b"%PDF-")
    assert pdf.page(bill, "en", str)["note"] == payload


def test_letters_without_a_shape_become_question_marks_and_all_others_are_kept() -> None:
    lines = [{"name": "ąčęėįšųūž „ĄČĘĖĮŠŲŪŽ“ € Łódź Київ Αθήνα 😀 漢字 \x07", "net_cents": 1}]
    bill = facts(lines=lines)
    assert pdf.page(bill, "en", str)["lines"][0][0] == "ąčęėįšųūž „ĄČĘĖĮŠŲŪŽ“ € Łódź Київ Αθήνα ? ?? ?"
    every = "".join(letter for letter in map(chr, range(0x20, 0x3000)) if not pdf.UNPRINTABLE.match(letter))
    assert len(every) > 1_400
    assert pdf.bill(facts(note=" ".join(every)), "en", str).startswith(b"%PDF-")


def test_two_hundred_lines_and_very_long_names_fit() -> None:
    line = {"name": "Labai ilgas pavadinimas " * 12 + "x" * 300, "quantity_milli": 10**14, "unit": "kWh", "net_cents": -(10**13)}
    bill = facts(lines=[line] * 200, customer={"name": "x" * 200}, number="9" * 60, payable_cents=10**14, note="Pastaba. " * 200)
    assert pages(pdf.bill(bill, "lt", lithuanian)) > 10
    assert max(len(word) for word in re.split("[ \u200b]", pdf.page(bill, "en", str)["lines"][0][0])) == 28


def test_a_bill_that_may_says_where_to_come_in_and_with_what() -> None:
    """PS-10, K25"""
    portal = {"address": "https://pavyzdys.example.lt", "asks_number": True, "asks_provider": True}
    made = pdf.page(facts(portal=portal), "en", str)
    assert [value for _, value in made["portal"]] == ["https://pavyzdys.example.lt", " 00-12 345", "ŠT-17", "UAB „Pavyzdžio šiluma“"]
    assert pdf.page(facts(portal=portal | {"asks_number": False, "asks_provider": False}), "en", str)["portal"] == made["portal"][:2]
    assert pdf.page(facts(), "en", str)["portal"] == []
    assert pdf.bill(facts(portal=portal), "en", str).startswith(b"%PDF-")
