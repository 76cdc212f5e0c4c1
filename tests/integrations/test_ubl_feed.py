"""Bills as UBL documents: what is taken in, what is put aside and under which rule's name."""

import base64
import os
import re
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from config import ROOT
from integrations import billing_feed
from integrations.billing_feed import Invoice, Line, PutAside, Record, Vat

HERE = ROOT / "tests" / "data" / "ubl"
BESIDE = ROOT.parent / "shared" / "data" / "ubl"
BILL = (HERE / "bill.xml").read_text()
CREDIT_NOTE = (HERE / "credit-note.xml").read_text()
PDF = b"%PDF-1.7 a small document"


def read(folder: Path, document: str | bytes) -> list[Record]:
    """What the feed says of one document."""
    (folder / "bill.xml").write_bytes(document if isinstance(document, bytes) else document.encode())
    return list(billing_feed.of("ubl", folder).records())


def bill(folder: Path, document: str | bytes) -> Invoice:
    """The one bill of a document."""
    (record,) = read(folder, document)
    assert isinstance(record, Invoice), record
    return record


def aside(folder: Path, document: str | bytes) -> PutAside:
    """The one reason why a document gives no bill."""
    (record,) = read(folder, document)
    assert isinstance(record, PutAside), record
    assert "{" not in str(record)
    return record


def edited(*changes: tuple[str, str]) -> str:
    """The bill with other words. Each must be there."""
    document = BILL
    for old, new in changes:
        assert old in document, old
        document = document.replace(old, new)
    return document


# ---- what is read -----------------------------------------------------------------------------------------------------


def test_a_bill_is_read_with_its_lines_vat_and_totals(tmp_path: Path) -> None:
    """CV-12, IB-68"""
    got = bill(tmp_path, BILL)
    assert (got.kind, got.number, got.payer_code) == ("invoice", "ŠT-2026-00017", "00-12 345")
    assert (got.provider, got.provider_name) == ("300000000", "UAB „Pavyzdžio šiluma“")
    assert (got.customer_name, got.address) == ("Ona Pavyzdienė", "Ąžuolų g. 5-12, LT-00002 Pavyzdžiai")
    assert (got.issued_on, got.due_on) == (date(2026, 10, 31), date(2026, 11, 20))
    assert (got.period_from, got.period_to) == (date(2026, 10, 1), date(2026, 10, 31))
    assert (got.net_cents, got.vat_cents, got.total_cents) == (87_00, 17_64, 104_64)
    assert (got.prepaid_cents, got.rounding_cents, got.payable_cents) == (10_00, 1, 94_65)
    assert got.lines[0] == Line(
        name="Šiluma šildymui",
        quantity_milli=812_345,
        unit="kWh",
        unit_price_micro=102_790,
        net_cents=83_50,
        vat_rate=21_00,
        vat_category="S",
    )
    assert got.vat == (Vat("S", 21_00, 84_00, 17_64), Vat("E", 0, 3_00, 0))
    assert got.note == "Šildymo sezonas prasidėjo.\nRodmenis deklaruokite iki 27 d."


def test_allowances_and_charges_are_lines_of_their_own_so_that_the_lines_add_up(tmp_path: Path) -> None:
    got = bill(tmp_path, BILL)
    assert [(line.name, line.net_cents) for line in got.lines] == [
        ("Šiluma šildymui", 83_50),
        ("Prietaisų aptarnavimas", 6_00),
        ("Nuolaida senjorams", -50),
        ("Kaupiamasis fondas", 3_00),
        ("Karšto vandens kompensacija", -5_00),
    ]
    assert sum(line.net_cents for line in got.lines) == got.net_cents
    assert (got.lines[1].unit, got.lines[1].unit_price_micro, got.lines[1].base_quantity_milli) == ("mo.", 72_000_000, 12_000)


def test_the_account_to_pay_to_is_that_of_the_credit_transfer(tmp_path: Path) -> None:
    got = bill(tmp_path, BILL)
    assert (got.iban, got.reference) == ("LT000000000000000002", "0012345017")
    assert bill(tmp_path, edited((">LT000000000000000002<", "> LT00 0000 0000 0000 0002 <"))).iban == "LT000000000000000002"


def test_a_credit_note_with_other_prefixes_comments_and_no_due_day_is_read(tmp_path: Path) -> None:
    got = bill(tmp_path, CREDIT_NOTE)
    assert (got.kind, got.number, got.refers_to) == ("credit_note", "KR-2026-3", "ŠT-2026-00017")
    assert (got.issued_on, got.due_on) == (date(2026, 11, 2), None)
    assert (got.period_from, got.period_to) == (date(2026, 8, 1), date(2026, 9, 30))
    assert (got.net_cents, got.vat_cents, got.payable_cents) == (10_00, -21, 9_79)
    assert [(line.quantity_milli, line.net_cents, line.vat_rate) for line in got.lines] == [(-2_000, -1_00, 21_00), (None, 11_00, None)]
    assert got.vat[1] == Vat("O", None, 11_00, 0)


def test_a_credit_note_is_due_when_its_payment_means_say_so(tmp_path: Path) -> None:
    document = CREDIT_NOTE.replace(
        "<a:TaxTotal>", "<a:PaymentMeans><PaymentDueDate>2026-12-01</PaymentDueDate></a:PaymentMeans><a:TaxTotal>", 1
    )
    assert bill(tmp_path, document).due_on == date(2026, 12, 1)


CODE = "<cbc:ID>00-12 345</cbc:ID>"


@pytest.mark.parametrize("code", ["00-12 345", "  7 ", "000", "1-", "A/1\u00a02"])
def test_a_payer_code_is_kept_byte_for_byte(tmp_path: Path, code: str) -> None:
    """CV-13"""
    assert bill(tmp_path, edited((CODE, f"<cbc:ID>{code}</cbc:ID>"))).payer_code == code


def test_a_credit_note_with_the_code_of_an_invoice_is_put_aside(tmp_path: Path) -> None:
    """Which way the money goes must be certain."""
    assert aside(tmp_path, CREDIT_NOTE.replace(">381<", ">380<")).kind == "BR-CL-01"


def test_line_breaks_around_a_payer_code_are_the_files_layout(tmp_path: Path) -> None:
    assert bill(tmp_path, edited((CODE, "<cbc:ID>\n    00-12 345\n  </cbc:ID>"))).payer_code == "00-12 345"


def test_of_several_identifications_the_one_without_a_scheme_is_the_payer_code(tmp_path: Path) -> None:
    assert bill(tmp_path, CREDIT_NOTE).payer_code == "00-12 345"
    assert bill(tmp_path, edited((CODE, '<cbc:ID schemeID="0002">77001</cbc:ID>'))).payer_code == "77001"


IDENTIFIED = "<cac:PartyIdentification><cbc:ID>00-12 345</cbc:ID></cac:PartyIdentification>"
CUSTOMER = "<cac:AccountingCustomerParty>"


def test_without_an_identification_the_account_given_by_the_supplier_is_the_payer_code(tmp_path: Path) -> None:
    assigned = "<cbc:SupplierAssignedAccountID>K-9</cbc:SupplierAssignedAccountID>"
    assert bill(tmp_path, edited((IDENTIFIED, ""), (CUSTOMER, CUSTOMER + assigned))).payer_code == "K-9"


def test_without_either_the_customers_company_code_is_the_payer_code_and_never_the_buyers_reference(tmp_path: Path) -> None:
    name = "<cbc:RegistrationName>Ona Pavyzdienė</cbc:RegistrationName>"
    assert bill(tmp_path, edited((IDENTIFIED, ""), (name, f"{name}<cbc:CompanyID>300000001</cbc:CompanyID>"))).payer_code == "300000001"
    reference = "<cbc:BuyerReference>skyrius 7</cbc:BuyerReference>"
    assert aside(tmp_path, edited((IDENTIFIED, ""), ("<cac:InvoicePeriod>", f"{reference}<cac:InvoicePeriod>"))).kind == "payer-code"


def test_a_personal_code_of_the_customer_is_not_taken_for_a_companys(tmp_path: Path) -> None:
    """IB-34: suppliers write it into everybody's bills, whether they are in business or not."""
    name = "<cbc:RegistrationName>Ona Pavyzdienė</cbc:RegistrationName>"
    for code, kept in (("300000001", "300000001"), ("404040 40009", ""), ("LV 4000 3000 2000 1000 999", "")):
        assert bill(tmp_path, edited((name, f"{name}<cbc:CompanyID>{code}</cbc:CompanyID>"))).company_code == kept


TAXED = "<cac:PartyTaxScheme><cbc:CompanyID>{}</cbc:CompanyID><cac:TaxScheme><cbc:ID>{}</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"


def test_who_has_no_other_code_is_known_by_the_vat_code_and_by_no_other_tax_code(tmp_path: Path) -> None:
    """As among public bodies that bill one another: neither side has more than that."""
    vat, other = TAXED.format("LT100000000001", "VAT"), TAXED.format("registras", "TAX")
    got = bill(tmp_path, edited((IDENTIFIED, other + vat), ("<cbc:CompanyID>300000000</cbc:CompanyID>", "")))
    assert (got.payer_code, got.provider, got.provider_name) == ("LT100000000001", "LT100000000000", "UAB „Pavyzdžio šiluma“")
    assert aside(tmp_path, edited((IDENTIFIED, other))).kind == "payer-code"


def test_what_must_be_quoted_belongs_to_the_account_to_pay_to(tmp_path: Path) -> None:
    debit = "<cac:PaymentMeans><cbc:PaymentMeansCode>49</cbc:PaymentMeansCode><cbc:PaymentID>sutartis 5</cbc:PaymentID></cac:PaymentMeans>"
    first = "</cac:AccountingCustomerParty>"
    got = bill(tmp_path, edited((first, first + debit)))
    assert (got.iban, got.reference) == ("LT000000000000000002", "0012345017")
    assert bill(tmp_path, edited((first, first + debit), ("<cbc:PaymentID>0012345017</cbc:PaymentID>", ""))).reference == "sutartis 5"


def attached(*contents: str, kind: str = "application/pdf") -> str:
    references = "".join(
        "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
        f'<cbc:EmbeddedDocumentBinaryObject mimeCode="{kind}" filename="s.pdf">{content}</cbc:EmbeddedDocumentBinaryObject>'
        "</cac:Attachment></cac:AdditionalDocumentReference>"
        for content in contents
    )
    return edited(("<cac:AccountingSupplierParty>", f"{references}<cac:AccountingSupplierParty>"))


def test_a_pdf_inside_comes_with_the_bill(tmp_path: Path) -> None:
    got = bill(tmp_path, attached(f"\n{base64.b64encode(PDF).decode()}\n"))
    assert (got.pdf, got.pdf_name) == (PDF, "s.pdf")
    assert bill(tmp_path, attached("YQ==", kind="image/png")).pdf is None


@pytest.mark.parametrize("content", ["not base64!", base64.b64encode(b"<script>").decode(), ""])
def test_a_pdf_that_is_none_is_put_aside_and_the_bill_still_comes(tmp_path: Path, content: str) -> None:
    trouble, got = read(tmp_path, attached(content))
    assert isinstance(trouble, PutAside)
    assert (trouble.kind, trouble.reference) == ("pdf", "bill.xml: ŠT-2026-00017")
    assert isinstance(got, Invoice)
    assert got.pdf is None


def test_another_pdf_stands_in_for_one_that_cannot_be_read(tmp_path: Path) -> None:
    assert bill(tmp_path, attached("YQ==", base64.b64encode(PDF).decode())).pdf == PDF


def test_of_a_bill_that_is_put_aside_nothing_is_said_about_its_pdf(tmp_path: Path) -> None:
    """The sentence would say that the bill is taken in."""
    assert aside(tmp_path, attached("not base64!").replace(">94.65<", ">95.65<")).kind == "BR-CO-16"


# ---- what is put aside ------------------------------------------------------------------------------------------------

PEPPOL = (">urn:cen.eu:en16931:2017<", ">urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0<")
AMOUNT = ('<cbc:Amount currencyID="EUR">5.00</cbc:Amount>', "")
LINE_AMOUNT = ('<cbc:Amount currencyID="EUR">0.50</cbc:Amount>', "")
LINE_CHARGE = ("<cbc:ChargeIndicator>false</cbc:ChargeIndicator>\n      ", "<cbc:ChargeIndicator>true</cbc:ChargeIndicator>\n      ")
NO_CATEGORY = ("<cbc:ID>S</cbc:ID>\n      <cbc:Percent>21.00</cbc:Percent>", "")
CHARGE = (
    "false</cbc:ChargeIndicator>\n    <cbc:AllowanceChargeReason>Karšto",
    "true</cbc:ChargeIndicator>\n    <cbc:AllowanceChargeReason>Karšto",
)
EVERY_VAT = (("17.64", "18.64"), (">104.64<", ">105.64<"), (">94.65<", ">95.65<"))

WRONG = {
    "no number": ("BR-02", (("<cbc:ID>ŠT-2026-00017</cbc:ID>", "<cbc:ID> </cbc:ID>"),)),
    "no day of issue": ("BR-03", (("<cbc:IssueDate>2026-10-31</cbc:IssueDate>", ""),)),
    "no currency": ("BR-05", (("<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", ""),)),
    "no seller": ("BR-06", ((">UAB „Pavyzdžio šiluma“<", "><"), (">Pavyzdžio šiluma<", "><"))),
    "no customer": ("BR-07", ((">Ona Pavyzdienė<", "><"),)),
    "no sum of lines": ("BR-12", (('<cbc:LineExtensionAmount currencyID="EUR">92.00</cbc:LineExtensionAmount>', ""),)),
    "no amount to pay": ("BR-15", (('<cbc:PayableAmount currencyID="EUR">94.65</cbc:PayableAmount>', ""),)),
    "a line without a name": ("BR-25", ((">Kaupiamasis fondas<", "><"),)),
    "lines do not add up": ("BR-CO-10", ((">92.00<", ">92.01<"),)),
    "allowances do not add up": ("BR-CO-11", (('AllowanceTotalAmount currencyID="EUR">5.00<', 'AllowanceTotalAmount currencyID="EUR">5.01<'),)),
    "a charge that is not there": ("BR-CO-12", (("<cbc:PrepaidAmount", '<cbc:ChargeTotalAmount currencyID="EUR">1.00</cbc:ChargeTotalAmount><cbc:PrepaidAmount'),)),
    "amount without VAT": ("BR-CO-13", ((">87.00<", ">87.01<"),)),
    "VAT of the rates": ("BR-CO-14", (('<cac:TaxTotal>\n    <cbc:TaxAmount currencyID="EUR">17.64<', '<cac:TaxTotal>\n    <cbc:TaxAmount currencyID="EUR">17.65<'),)),
    "amount with VAT": ("BR-CO-15", ((">104.64<", ">104.65<"),)),
    "amount to pay": ("BR-CO-16", ((">94.65<", ">95.65<"),)),
    "VAT a euro too high": ("BR-CO-17", EVERY_VAT),
    "taxable amount a euro too high": ("BR-S-08", ((">84.00<", ">85.00<"),)),
    "exempt amount a cent too high": ("BR-E-08", ((">3.00</cbc:TaxableAmount>", ">3.01</cbc:TaxableAmount>"),)),
    "VAT on what is exempt": ("BR-E-09", (('"EUR">0.00<', '"EUR">0.01<'), ('"EUR">17.64</cbc:TaxAmount>\n    <', '"EUR">17.65</cbc:TaxAmount>\n    <'), (">104.64<", ">104.65<"), (">94.65<", ">94.66<"))),
    "a category that is not summed up": ("BR-E-01", ((re.search(r"    <cac:TaxSubtotal>\n      <cbc:TaxableAmount currencyID=\"EUR\">3.00.*?</cac:TaxSubtotal>\n", BILL, re.S)[0], ""),)),
    "no VAT total": ("BR-CO-15", (("cac:TaxTotal>", "cac:WithholdingTaxTotal>"),)),
    "a price that does not fit": ("PEPPOL-EN16931-R120", ((">0.10279<", ">0.10290<"), PEPPOL)),
    "a price for nothing": ("PEPPOL-EN16931-R121", ((">12</cbc:BaseQuantity>", ">0</cbc:BaseQuantity>"),)),
    "three decimals": ("BR-DEC-18", ((">94.65<", ">94.650<"),)),
    "three decimals in a line": ("BR-DEC-23", ((">83.50<", ">83.500<"),)),
    "an exponent": ("number", ((">94.65<", ">9465E-2<"),)),
    "no digits": ("number", ((">94.65<", ">-.<"),)),
    "too many digits": ("number", ((">94.65<", f">{'9' * 13}<"),)),
    "a rate above 100": ("number", (("<cbc:Percent>21</cbc:Percent>", "<cbc:Percent>2100</cbc:Percent>"),)),
    "a day that is none": ("date", ((">2026-11-20<", ">2026-11-31<"),)),
    "a period that ends before it begins": ("BR-29", ((">2026-10-01<", ">2026-12-01<"),)),
    "a line's period that ends before it begins": ("BR-30", (("cac:InvoicePeriod>", "cac:Delivery>"), ("<cac:Item>", "<cac:InvoicePeriod><cbc:StartDate>2026-10-02</cbc:StartDate><cbc:EndDate>2026-10-01</cbc:EndDate></cac:InvoicePeriod><cac:Item>"))),
    "an allowance without an amount": ("BR-31", (AMOUNT,)),
    "a charge without an amount": ("BR-36", (AMOUNT, CHARGE)),
    "an allowance on a line without an amount": ("BR-41", (LINE_AMOUNT,)),
    "a charge on a line without an amount": ("BR-43", (LINE_AMOUNT, LINE_CHARGE)),
    "an allowance without a VAT category": ("BR-32", (NO_CATEGORY,)),
    "a charge without a VAT category": ("BR-37", (NO_CATEGORY, CHARGE)),
    "another currency": ("currency", (("<cbc:DocumentCurrencyCode>EUR<", "<cbc:DocumentCurrencyCode>SEK<"),)),
    "one amount in another currency": ("currency", (('PayableAmount currencyID="EUR"', 'PayableAmount currencyID="SEK"'),)),
    "a credit note called an invoice": ("BR-CL-01", ((">380<", ">381<"),)),
    "a number that is too long": ("length", (("ŠT-2026-00017", "1" * 61),)),
    "a payer code that is too long": ("length", (("00-12 345", "1" * 61),)),
    "another document": ("document", (("Invoice-2", "Order-2"),)),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_put_aside_under_the_rules_name(tmp_path: Path, case: str) -> None:
    rule, changes = WRONG[case]
    got = aside(tmp_path, edited(*changes))
    assert got.kind == rule
    assert got.facts["file"] == "bill.xml"
    assert got.reference == (f"bill.xml: {got.facts['number']}" if "number" in got.facts else "bill.xml")


def test_what_is_no_bill_is_named_with_its_namespace(tmp_path: Path) -> None:
    """Else an invoice of another standard would read: must be an invoice, not Invoice."""
    assert str(aside(tmp_path, '<Invoice xmlns="urn:x:other"/>')).endswith("not Invoice (urn:x:other).")
    assert str(aside(tmp_path, "<html/>")).endswith("not html.")


def test_the_reason_says_both_amounts(tmp_path: Path) -> None:
    got = aside(tmp_path, edited((">94.65<", ">95.65<")))
    assert str(got) == "bill.xml, invoice ŠT-2026-00017: the total less what is prepaid comes to 94.65, but the amount to pay is 95.65."


ALMOST = {
    "goods taken back with a minus on the amount alone, which only Peppol forbids": (
        (">3.00</cbc:LineExtensionAmount>", ">-3.00</cbc:LineExtensionAmount>"),
        (">3.00</cbc:TaxableAmount>", ">-3.00</cbc:TaxableAmount>"),
        (">92.00<", ">86.00<"),
        (">87.00<", ">81.00<"),
        (">104.64<", ">98.64<"),
        (">94.65<", ">88.65<"),
    ),
    "a document of Peppol": (PEPPOL,),
    "VAT 99 cents off": (("17.64", "18.63"), (">104.64<", ">105.63<"), (">94.65<", ">95.64<")),
    "taxable amount 99 cents off": ((">84.00<", ">84.99<"),),
    "a price that was rounded": ((">0.10279<", ">0.103<"),),
    "no rounding and nothing prepaid": (
        ('<cbc:PrepaidAmount currencyID="EUR">10.00</cbc:PrepaidAmount>', ""),
        ('<cbc:PayableRoundingAmount currencyID="EUR">0.01</cbc:PayableRoundingAmount>', ""),
        (">94.65<", ">104.64<"),
    ),
    "a foreign scheme": ((CODE, '<cbc:ID schemeID="0088">00-12 345</cbc:ID>'),),
    "comments inside values": ((">94.65<", "><!-- to pay -->94.<!-- and -->65<"),),
    "values in CDATA": ((">94.65<", "><![CDATA[94.65]]><"),),
    "no customer's address": ((">Ąžuolų g. 5-12<", "><"), (">LT-00002<", "><")),
    "Latin-7": (('encoding="UTF-8"', 'encoding="windows-1257"'),),
}


@pytest.mark.parametrize("case", ALMOST)
def test_what_the_standard_allows_is_taken_in(tmp_path: Path, case: str) -> None:
    document = edited(*ALMOST[case])
    got = bill(tmp_path, document.encode("cp1257" if "windows-1257" in document else "utf-8"))
    assert got.customer_name == "Ona Pavyzdienė"


@pytest.mark.parametrize(("category", "prefix"), [("Z", "BR-Z"), ("AE", "BR-AE"), ("K", "BR-IC"), ("G", "BR-G"), ("O", "BR-O")])
def test_every_category_without_vat_is_taken_in_and_checked_under_its_own_name(tmp_path: Path, category: str, prefix: str) -> None:
    untaxed = edited(("<cbc:ID>E</cbc:ID>", f"<cbc:ID>{category}</cbc:ID>"))
    assert bill(tmp_path, untaxed).vat[1].category == category
    assert aside(tmp_path, untaxed.replace(">3.00</cbc:TaxableAmount>", ">2.00</cbc:TaxableAmount>")).kind == f"{prefix}-08"


# ---- hostile documents ------------------------------------------------------------------------------------------------


def test_a_doctype_is_refused_and_nothing_it_names_is_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # whoever opened it would wait for ever
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.dtd"
        for doctype in (
            f'<!DOCTYPE Invoice SYSTEM "file://{pipe}">',
            f'<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file://{pipe}">]>',
            f'<!DOCTYPE Invoice [<!ENTITY % x SYSTEM "{address}"> %x;]>',
            f'<!DOCTYPE Invoice PUBLIC "x" "{address}">',
        ):
            for encoding in ("UTF-8", "UTF-16"):
                document = BILL.replace("<Invoice", f"{doctype}<Invoice", 1).replace("UTF-8", encoding).replace("94.65", "&x;")
                assert aside(tmp_path, document.encode(encoding)).kind == "doctype"
        with pytest.raises(TimeoutError):
            server.accept()
    assert aside(tmp_path, (HERE / "doctype-xxe.xml").read_bytes()).kind == "doctype"


def test_the_word_doctype_in_a_comment_is_no_doctype(tmp_path: Path) -> None:
    assert bill(tmp_path, BILL.replace("<Invoice", "<!-- <!DOCTYPE Invoice> --><Invoice", 1)).number == "ŠT-2026-00017"


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (b"", "xml"),
        (b"PK\x03\x04", "xml"),
        (BILL[: len(BILL) // 2].encode(), "xml"),
        (BILL.replace("94.65", "&x;").encode(), "xml"),
        (b"<a>" * 100_000, "limit"),
        (b"<a>" + b"x" * 11_000_000 + b"</a>", "limit"),
        (b'<a b="' + b"x" * 11_000_000 + b'"/>', "xml"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "xml"),
        (b" " * 20_000_001, "size"),
    ],
    ids=["empty", "zip", "cut", "entity", "deep", "long text", "long attribute", "encoding", "size"],
)
def test_what_is_not_xml_that_can_be_read_is_put_aside(tmp_path: Path, document: bytes, kind: str) -> None:
    assert aside(tmp_path, document).kind == kind


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_document_is_a_bill_or_put_aside_and_never_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    document = data.draw(st.sampled_from([BILL, CREDIT_NOTE])).encode()
    start = data.draw(st.integers(0, len(document)))
    end = data.draw(st.integers(start, min(len(document), start + 200)))
    damage = data.draw(st.binary(max_size=8) | st.sampled_from([b"-", b"9" * 30, b"<", b"&amp;", b"<cbc:ID/>", b" "]))
    for record in read(tmp_path_factory.getbasetemp(), document[:start] + damage + document[end:]):
        assert isinstance(record, (Invoice, PutAside))
        assert str(record)  # a reason has all the facts that it speaks of
        if isinstance(record, Invoice):
            assert sum(line.net_cents for line in record.lines) == record.net_cents
            assert record.net_cents + record.vat_cents == record.total_cents


# ---- files ------------------------------------------------------------------------------------------------------------


def test_one_bad_file_stops_no_other_and_each_is_read_only_when_its_turn_comes(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.xml").write_text(BILL.replace("ŠT-2026-00017", str(number)))
    (tmp_path / "1.xml").write_text("<Invoice>")
    records: Iterator[Record] = billing_feed.of("ubl", tmp_path).records()
    assert isinstance(next(records), Invoice)
    (tmp_path / "2.xml").unlink()
    assert [record.kind for record in records if isinstance(record, PutAside)] == ["xml", "file"]


def test_only_files_changed_since_the_day_are_read_unless_they_are_named(tmp_path: Path) -> None:
    for name, moment in (("old.xml", 1_760_000_000), ("new.xml", 1_790_000_000)):  # October 2025, September 2026
        (tmp_path / name).write_text(BILL.replace("ŠT-2026-00017", name))
        os.utime(tmp_path / name, (moment, moment))

    def numbers(since: date | None, paths: list[Path] | None = None) -> list[str]:
        return [record.number for record in billing_feed.of("ubl", tmp_path, paths).records(since) if isinstance(record, Invoice)]

    assert numbers(None) == ["new.xml", "old.xml"]
    assert numbers(date(2026, 1, 1)) == ["new.xml"]
    assert numbers(date(2026, 1, 1), [tmp_path / "old.xml"]) == ["old.xml"]
    assert numbers(date(2026, 1, 1), [tmp_path]) == ["new.xml", "old.xml"]


def test_hidden_files_links_and_other_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / ".half.xml").write_text(BILL)
    (tmp_path / "bill.txt").write_text(BILL)
    (tmp_path / "link.xml").symlink_to(HERE / "bill.xml")
    (tmp_path / "folder.xml").mkdir()
    (tmp_path / "BILL.XML").write_text(BILL)
    assert len(list(billing_feed.of("ubl", tmp_path).records())) == 1


def test_a_folder_or_file_that_is_not_there(tmp_path: Path) -> None:
    assert list(billing_feed.of("ubl", tmp_path / "none").records()) == []
    (record,) = billing_feed.of("ubl", tmp_path, [tmp_path / "none.xml"]).records()
    assert str(record) == "none.xml cannot be read: No such file or directory."


# ---- the real files beside the checkout -------------------------------------------------------------------------------

REAL = {
    "ubl-tc434-example8.xml": ("1100512149", "1081119", 908_91, 190_87, 1099_78, 10),
    "base-example.xml": ("Snippet1", "FR23342", 1325_00, 331_25, 1656_25, 3),
    "Allowance-example.xml": ("Snippet1", "4598375937", 5900_00, 1225_00, 6125_00, 9),
    "base-creditnote-correction.xml": ("Snippet1", "FR23342", 1325_00, 331_25, 1656_25, 3),
    "payable-plus-one.xml": "BR-CO-16",
    "no-invoice-number.xml": "BR-02",
    "doctype-xxe.xml": "doctype",
}


@pytest.mark.skipif(not BESIDE.is_dir(), reason=f"real bills are not at {BESIDE}: put them there to read them")
@pytest.mark.parametrize("name", REAL)
def test_real_bills_are_taken_in_or_put_aside_for_the_right_reason(name: str) -> None:
    (record,) = billing_feed.of("ubl", BESIDE, [BESIDE / name]).records()
    if isinstance(record, PutAside):
        assert record.kind == REAL[name]
    else:
        assert isinstance(record, Invoice)
        sums = (record.net_cents, record.vat_cents, record.payable_cents, len(record.lines))
        assert (record.number, record.payer_code, *sums) == REAL[name]
        assert sum(line.net_cents for line in record.lines) == record.net_cents
        assert record.kind == ("credit_note" if "creditnote" in name else "invoice")
