"""The ubl feed: UBL 2.1 invoices and credit notes, one XML file each, checked by the arithmetic of EN 16931.

Elements are found by namespace, whatever the prefixes. What is wrong is put aside under the rule's own name, with the
tolerances of the official validation (its version 1.3): sums are exact, the VAT of a rate and the amount it is counted from
may be off by less than one euro. A line's amount must follow from its quantity and price where the document says that it is
of Peppol, whose rule that is: in the standard the amount alone counts, and its own examples take goods back at 6 x 18.33 = -109.98.

The payer code is the customer's identification (cac:PartyIdentification/cbc:ID), the one without a scheme where there are
several; else the account that the supplier gave the customer (cbc:SupplierAssignedAccountID); else the customer's company
code; else its VAT code. Never the buyer's reference or a contract's: two buyers may have the same.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from lxml import etree

from integrations import xml
from integrations.billing_feed import elements
from integrations.billing_feed.amounts import agree, rounded
from integrations.billing_feed.folder import files, name_of
from integrations.billing_feed.records import (
    CODES,
    LINE_WORDS,
    N_,
    WORDS,
    Invoice,
    Line,
    Record,
    Trouble,
    Vat,
    clipped,
    company_code,
    is_pdf,
    is_persons,
    shown,
)

KINDS = {f"{{{elements.UBL}Invoice-2}}Invoice": "invoice", f"{{{elements.UBL}CreditNote-2}}CreditNote": "credit_note"}
CREDIT_CODES = ("81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532")  # of UNTDID 1001
PEPPOL = "urn:fdc:peppol.eu:2017:poacc:billing"  # in the customization of a document of Peppol BIS Billing 3
TRANSFERS = ("30", "31", "42", "58")  # payment means that name the account to pay to
# Codes of UN/ECE recommendation 20 as people write them; the words are those of `records.UNIT_WORDS`.
UNITS = {
    "KWH": "kWh",
    "MWH": "MWh",
    "KWT": "kW",
    "KW": "kW",
    "MAW": "MW",
    "GV": "GJ",
    "MTQ": "m³",
    "MTK": "m²",
    "MTR": "m",
    "LTR": "l",
    "KGM": "kg",
    "TNE": "t",
    "P1": "%",
    "HUR": "h",
    "DAY": "d",
    "WEE": "wk",
    "MON": "mo.",
    "ANN": "yr",
    **dict.fromkeys(("C62", "H87", "EA", "PCE", "NAR"), "pcs"),
}
# Of an allowance and of a charge, of the whole bill and of a line: the rule that there is an amount, and that of its decimals.
OF_BILL = (("BR-31", "BR-DEC-01"), ("BR-36", "BR-DEC-05"))
OF_LINE = (("BR-41", "BR-DEC-24"), ("BR-43", "BR-DEC-27"))
# Rules about one VAT category are named by it, but for these.
RULE_OF = {"K": "IC", "L": "AF", "M": "AG"}

REFUSED = {
    "doctype": N_("{file} has a DOCTYPE, which no bill needs and which can be an attack. It was not read."),
    "size": N_("{file} is larger than 20 MB. It was not read."),
    "limit": N_(
        "{file} holds more than any bill: a text of over 10 MB, such as a PDF of over 7 MB, or elements 256 deep. It was not read."
    ),
    "xml": N_("{file} is not XML that can be read: {detail}."),
}
MISSING = {
    "BR-02": N_("{file}: the invoice number is missing (cbc:ID)."),
    "BR-03": N_("{file}, invoice {number}: the day of issue is missing (cbc:IssueDate)."),
    "BR-05": N_("{file}, invoice {number}: the currency is missing (cbc:DocumentCurrencyCode)."),
    "BR-06": N_("{file}, invoice {number}: the seller's name is missing (cbc:RegistrationName)."),
    "BR-07": N_("{file}, invoice {number}: the customer's name is missing (cbc:RegistrationName)."),
    "BR-12": N_("{file}, invoice {number}: the sum of the lines is missing (cbc:LineExtensionAmount)."),
    "BR-13": N_("{file}, invoice {number}: the amount without VAT is missing (cbc:TaxExclusiveAmount)."),
    "BR-14": N_("{file}, invoice {number}: the amount with VAT is missing (cbc:TaxInclusiveAmount)."),
    "BR-15": N_("{file}, invoice {number}: the amount to pay is missing (cbc:PayableAmount)."),
    "BR-16": N_("{file}, invoice {number}: there is no line (cac:InvoiceLine)."),
    "BR-24": N_("{file}, invoice {number}: the amount of a line is missing (cbc:LineExtensionAmount)."),
    "BR-25": N_("{file}, invoice {number}: the name of a line is missing (cac:Item/cbc:Name)."),
    **dict.fromkeys(
        ("BR-31", "BR-36", "BR-41", "BR-43"), N_("{file}, invoice {number}: the amount of an allowance or charge is missing (cbc:Amount).")
    ),
    "BR-32": N_("{file}, invoice {number}: the VAT category of an allowance is missing (cac:TaxCategory/cbc:ID)."),
    "BR-37": N_("{file}, invoice {number}: the VAT category of a charge is missing (cac:TaxCategory/cbc:ID)."),
    "BR-45": N_("{file}, invoice {number}: the amount that VAT is counted from is missing (cbc:TaxableAmount)."),
    "BR-46": N_("{file}, invoice {number}: the VAT of a rate is missing (cac:TaxSubtotal/cbc:TaxAmount)."),
    "BR-47": N_("{file}, invoice {number}: the VAT category of a rate is missing (cac:TaxCategory/cbc:ID)."),
    "BR-48": N_("{file}, invoice {number}: the percentage of a VAT rate is missing (cbc:Percent)."),
    "BR-CO-04": N_("{file}, invoice {number}: the VAT category of a line is missing (cac:ClassifiedTaxCategory/cbc:ID)."),
    "BR-CO-18": N_("{file}, invoice {number}: the VAT by rates is missing (cac:TaxTotal/cac:TaxSubtotal)."),
    "payer-code": N_("{file}, invoice {number}: the customer's payer code is missing (cac:PartyIdentification/cbc:ID)."),
}


class UblFeed:
    """Deliveries as UBL documents. They hold bills only: a contract is known from its first bill."""

    def __init__(self, folder: Path, paths: Sequence[Path] | None = None) -> None:
        self.folder = folder
        self.paths = paths

    def records(self, since: date | None = None) -> Iterator[Record]:
        """The bill of each file, or why there is none."""
        for path in files(self.folder, ".xml", since, self.paths):
            document = Document(name_of(path))
            try:
                yield from document.records(_content(path))
            except Trouble as trouble:
                reference = f"{document.file}: {document.number}" if document.number else document.file
                yield trouble.put_aside(reference, **document.facts())


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > xml.MOST_BYTES:
            raise Trouble("size", REFUSED["size"])
        return path.read_bytes()
    except OSError as error:
        raise Trouble("file", N_("{file} cannot be read: {error}."), error=error.strerror or type(error).__name__) from error


# ---- values that must be there ----------------------------------------------------------------------------------------


def _needed(rule: str, value: str) -> str:
    if not value:
        raise Trouble(rule, MISSING[rule])
    return value


def _sum(element: etree._Element, path: str, rule: str, decimals_rule: str) -> int:
    """An amount that must be there."""
    cents = elements.cents(element, path, decimals_rule)
    if cents is None:
        raise Trouble(rule, MISSING[rule])
    return cents


# ---- a document -------------------------------------------------------------------------------------------------------


class Document:
    """One file, read from top to bottom. What is known of it so far tells where a trouble is."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.number = ""

    def facts(self) -> dict[str, str | int]:
        return {"file": self.file, "number": self.number} if self.number else {"file": self.file}

    def records(self, content: bytes) -> Iterator[Record]:
        """The bill, after a word about its PDF where that cannot be used. Raises Trouble."""
        try:
            root = xml.parse(content)
        except xml.Refused as refused:
            raise Trouble(refused.reason, REFUSED[refused.reason], detail=shown(refused.detail)) from refused
        if root.tag not in KINDS:
            name = etree.QName(root)
            message = N_("{file} must be a UBL 2.1 invoice or credit note, not {found}.")
            raise Trouble("document", message, found=shown(f"{name.localname} ({name.namespace})" if name.namespace else name.localname))
        number = _needed("BR-02", elements.text(root, "cbc:ID"))
        self.number = shown(number)
        elements.whole(number, "number")
        invoice = _invoice(root, number)
        try:
            pdf, pdf_name = _pdf(root)
            invoice = replace(invoice, pdf=pdf, pdf_name=pdf_name)
        except Trouble as trouble:
            yield trouble.put_aside(f"{self.file}: {self.number}", **self.facts())
        yield invoice


def _invoice(root: etree._Element, number: str) -> Invoice:
    issued_on = elements.day(root, "cbc:IssueDate")
    if issued_on is None:
        raise Trouble("BR-03", MISSING["BR-03"])
    kind = KINDS[str(root.tag)]
    type_code = elements.text(root, "cbc:InvoiceTypeCode")
    if type_code in CREDIT_CODES:
        message = N_("{file}, invoice {number}: type {code} is a credit note, but the document is an invoice. Send it as a credit note.")
        raise Trouble("BR-CL-01", message, code=type_code)
    type_code = elements.text(root, "cbc:CreditNoteTypeCode")
    if type_code and type_code not in CREDIT_CODES:
        message = N_("{file}, invoice {number}: type {code} is no credit note, but the document is one. Send it as an invoice.")
        raise Trouble("BR-CL-01", message, code=shown(type_code))
    currency = _needed("BR-05", elements.text(root, "cbc:DocumentCurrencyCode"))
    if currency != "EUR":
        message = N_("{file}, invoice {number}: the invoice is in {currency}. Only invoices in EUR are taken in.")
        raise Trouble("currency", message, currency=shown(currency))

    seller, customer = "cac:AccountingSupplierParty/cac:Party/", "cac:AccountingCustomerParty/cac:Party/"
    seller_name = _needed("BR-06", _name(root, seller))
    customer_name = _needed("BR-07", _name(root, customer))
    period_from, period_to = _period(root)
    items, totals, vat = _items(root), _totals(root), _vat(root)
    _check(items, totals, vat)
    if PEPPOL in elements.text(root, "cbc:CustomizationID"):
        _check_prices(items)
    iban, reference = _pay_to(root)
    return Invoice(
        kind=kind,
        number=number,
        payer_code=_needed("payer-code", _payer_code(root)),
        provider=elements.whole(_company_code(root, seller), "provider") or clipped(seller_name, CODES["provider"]),
        provider_name=seller_name,
        customer_name=customer_name,
        address=_address(root, f"{customer}cac:PostalAddress/"),
        issued_on=issued_on,
        due_on=elements.day(root, "cbc:DueDate") or elements.day(root, "cac:PaymentMeans/cbc:PaymentDueDate"),
        period_from=period_from,
        period_to=period_to,
        currency=currency,
        net_cents=totals.net,
        vat_cents=totals.vat,
        total_cents=totals.total,
        prepaid_cents=totals.prepaid,
        rounding_cents=totals.rounding,
        payable_cents=totals.payable,
        reference=reference,
        iban=iban,
        refers_to=elements.code(root, "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID", "refers_to"),
        lines=tuple(item.line for item in items),
        vat=tuple(rate for rate, _ in vat),
        note=_note(root),
        company_code=_customer_code(root),
    )


def _name(root: etree._Element, party: str) -> str:
    return elements.words(root, f"{party}cac:PartyLegalEntity/cbc:RegistrationName", "customer_name") or elements.words(
        root, f"{party}cac:PartyName/cbc:Name", "customer_name"
    )


def _payer_code(root: etree._Element) -> str:
    """The customer's code, byte for byte (CV-13)."""
    customer = "cac:AccountingCustomerParty/"
    identified = elements.at(root, f"{customer}cac:Party/cac:PartyIdentification/cbc:ID")
    identified.sort(key=lambda element: element.get("schemeID") is not None)
    assigned = elements.at(root, f"{customer}cbc:SupplierAssignedAccountID")
    codes = (*map(elements.raw, (*identified, *assigned)), _company_code(root, f"{customer}cac:Party/"))
    return elements.whole(next((code for code in codes if code.strip()), ""), "payer_code")


def _company_code(root: etree._Element, party: str) -> str:
    """The code in the register of companies, else the VAT code."""
    schemes = elements.at(root, f"{party}cac:PartyTaxScheme")
    vat_codes = (
        elements.text(scheme, "cbc:CompanyID") for scheme in schemes if elements.text(scheme, "cac:TaxScheme/cbc:ID").upper() == "VAT"
    )
    return elements.text(root, f"{party}cac:PartyLegalEntity/cbc:CompanyID") or next(vat_codes, "")


def _customer_code(root: etree._Element) -> str:
    """The customer's code in the register of companies, where it is one: a personal code there does not say that they are in business."""
    code = company_code(elements.text(root, "cac:AccountingCustomerParty/cac:Party/cac:PartyLegalEntity/cbc:CompanyID"))
    return "" if is_persons(code) or len(code) > CODES["company_code"] else code


def _address(root: etree._Element, path: str) -> str:
    street = [elements.text(root, f"{path}cbc:{name}") for name in ("StreetName", "AdditionalStreetName", "BuildingNumber")]
    street += [elements.raw(line).strip() for line in elements.at(root, f"{path}cac:AddressLine/cbc:Line")]
    town = " ".join(filter(None, (elements.text(root, f"{path}cbc:PostalZone"), elements.text(root, f"{path}cbc:CityName"))))
    return clipped(" ".join(", ".join(filter(None, (*street, town))).split()), WORDS["address"])


def _period(root: etree._Element) -> tuple[date | None, date | None]:
    """The bill's period; where it has none, from the first to the last of its lines'."""
    line = "cac:CreditNoteLine" if elements.at(root, "cac:CreditNoteLine") else "cac:InvoiceLine"
    for rule, path in (("BR-29", "cac:InvoicePeriod"), ("BR-30", f"{line}/cac:InvoicePeriod")):
        periods = [(elements.day(period, "cbc:StartDate"), elements.day(period, "cbc:EndDate")) for period in elements.at(root, path)]
        if any(begin and end and end < begin for begin, end in periods):
            raise Trouble(rule, N_("{file}, invoice {number}: the period must not end before it begins."))
        if any(map(any, periods)):
            begins, ends = ([day for day in days if day] for days in zip(*periods, strict=True))
            return min(begins, default=None), max(ends, default=None)
    return None, None


def _pay_to(root: etree._Element) -> tuple[str | None, str | None]:
    """The account to pay to, without the spaces between its groups, and what to quote there: of a credit transfer where there
    is one. What is quoted elsewhere serves where the transfer quotes nothing."""
    means = elements.at(root, "cac:PaymentMeans")
    means.sort(key=lambda element: elements.text(element, "cbc:PaymentMeansCode") not in TRANSFERS)
    iban = next(filter(None, map(_account, means)), "")
    reference = next(filter(None, (elements.text(element, "cbc:PaymentID") for element in means)), "")
    return elements.whole(iban, "iban") or None, elements.whole(reference, "reference") or None


def _account(means: etree._Element) -> str:
    return "".join(elements.text(means, "cac:PayeeFinancialAccount/cbc:ID").split())


def _note(root: etree._Element) -> str:
    lines = (line for note in elements.at(root, "cbc:Note") for line in elements.raw(note).splitlines())
    return clipped("\n".join(tidy for line in lines if (tidy := " ".join(line.split()))), WORDS["note"])


def _pdf(root: etree._Element) -> tuple[bytes | None, str | None]:
    """The first PDF inside the document. Raises Trouble where all that says it is one is not."""
    path = "cac:AdditionalDocumentReference/cac:Attachment/cbc:EmbeddedDocumentBinaryObject"
    named = [element for element in elements.at(root, path) if element.get("mimeCode", "").strip().lower() == "application/pdf"]
    for element in named:
        try:
            content = base64.b64decode("".join(elements.raw(element).split()), validate=True)
        except (binascii.Error, ValueError):
            continue
        if is_pdf(content):
            return content, clipped(" ".join(element.get("filename", "").split()), 200) or None
    if named:
        raise Trouble("pdf", N_("{file}, invoice {number}: the PDF inside cannot be read. The invoice is taken in without it."))
    return None, None


# ---- lines, VAT and totals --------------------------------------------------------------------------------------------

# A VAT category with its rate; where there is no VAT to count, one rate is as good as another.
Taxed = tuple[str, Decimal | None]
UNTAXED = ("AE", "E", "G", "K", "O", "Z")


@dataclass(frozen=True)
class Item:
    """A line for the customer, and what the checks need to know of it."""

    line: Line
    taxed: Taxed
    part: str = "line"  # or allowance, charge: of the whole bill
    place: int = 0
    computed: tuple[int, int] | None = None  # cents from quantity and price, and how far off the amount may be


def _items(root: etree._Element) -> list[Item]:
    """What the bill is for: its lines, then the allowances and charges of the whole bill.

    An allowance or charge on a line follows it as a line of its own, so that quantity, price and amount agree on each.
    """
    items: list[Item] = []
    lines = elements.at(root, "cac:InvoiceLine") + elements.at(root, "cac:CreditNoteLine")
    if not lines:
        raise Trouble("BR-16", MISSING["BR-16"])
    for place, element in enumerate(lines, 1):
        name = _needed("BR-25", elements.words(element, "cac:Item/cbc:Name", "name"))
        taxed, rate = _taxed(element, "cac:Item/cac:ClassifiedTaxCategory", "BR-CO-04")
        extras = []
        for found in elements.at(element, "cac:AllowanceCharge"):
            reason, cents = _extra(found, OF_LINE)
            extras.append(Item(Line(name=reason, net_cents=cents, vat_rate=rate, vat_category=taxed[0]), taxed))
        net = _sum(element, "cbc:LineExtensionAmount", "BR-24", "BR-DEC-23")
        gross = net - sum(extra.line.net_cents for extra in extras)
        quantity = elements.decimal(element, "cbc:InvoicedQuantity")
        if quantity is None:
            quantity = elements.decimal(element, "cbc:CreditedQuantity")
        price = elements.decimal(element, "cac:Price/cbc:PriceAmount")
        base = elements.decimal(element, "cac:Price/cbc:BaseQuantity")
        if base is not None and base <= 0:
            message = N_("{file}, invoice {number}, line {line}: the quantity that the price is for must be more than 0.")
            raise Trouble("PEPPOL-EN16931-R121", message, line=place)
        line = Line(
            name=name,
            quantity_milli=None if quantity is None else rounded(quantity, 3),
            unit=_unit(element),
            unit_price_micro=None if price is None else rounded(price, 6),
            base_quantity_milli=1000 if base is None else max(1, rounded(base, 3)),
            net_cents=gross,
            vat_rate=rate,
            vat_category=taxed[0],
        )
        computed = None if quantity is None or price is None else _computed(quantity, price, base or Decimal(1))
        items += [Item(line, taxed, place=place, computed=computed), *extras]
    for element in elements.at(root, "cac:AllowanceCharge"):
        taxed, rate = _taxed(element, "cac:TaxCategory", "BR-37" if _is_charge(element) else "BR-32")
        reason, cents = _extra(element, OF_BILL)
        line = Line(name=reason, net_cents=cents, vat_rate=rate, vat_category=taxed[0])
        items.append(Item(line, taxed, part="charge" if _is_charge(element) else "allowance"))
    return items


def _taxed(element: etree._Element, path: str, rule: str) -> tuple[Taxed, int | None]:
    """The VAT category of a line, allowance or charge, and its rate in hundredths of a per cent. `rule` says that it is there."""
    found = elements.at(element, path)
    found.sort(key=lambda category: elements.text(category, "cac:TaxScheme/cbc:ID").upper() != "VAT")
    category = _needed(rule, clipped(elements.text(found[0], "cbc:ID"), 10) if found else "")
    percent = elements.percent(found[0])
    rate = None if percent is None else rounded(percent, 2)
    return (category, None if category in UNTAXED or percent is None else percent.normalize()), rate


def _extra(element: etree._Element, rules: tuple[tuple[str, str], tuple[str, str]]) -> tuple[str, int]:
    """An allowance or a charge: its reason and its amount, cents, below zero for an allowance."""
    charge = _is_charge(element)
    cents = _sum(element, "cbc:Amount", *rules[charge])
    reason = elements.words(element, "cbc:AllowanceChargeReason", "name") or LINE_WORDS[charge]
    return reason, cents if charge else -cents


def _is_charge(element: etree._Element) -> bool:
    return elements.text(element, "cbc:ChargeIndicator").lower() in ("true", "1")


def _unit(element: etree._Element) -> str:
    for quantity in elements.at(element, "cbc:InvoicedQuantity") + elements.at(element, "cbc:CreditedQuantity"):
        unit = quantity.get("unitCode", "").strip()
        return clipped(UNITS.get(unit.upper(), unit), WORDS["unit"])
    return ""


def _computed(quantity: Decimal, price: Decimal, base: Decimal) -> tuple[int, int]:
    """What a line comes to, cents, and how far off its amount may be: two cents (Peppol), and what rounding the quantity
    or the price to the decimals that are written can make of it."""
    doubt = abs(quantity) * Decimal(5).scaleb(-max(elements.places(price), 2) - 1) + abs(price) * Decimal(5).scaleb(
        -max(elements.places(quantity), 3) - 1
    )
    return rounded(quantity * price / base, 2), 2 + rounded(doubt / base, 2)


@dataclass(frozen=True)
class Totals:
    """The sums that the bill states, cents."""

    lines: int
    allowances: int
    charges: int
    net: int
    vat: int
    total: int
    prepaid: int
    rounding: int
    payable: int


def _totals(root: etree._Element) -> Totals:
    path = "cac:LegalMonetaryTotal/cbc:"
    return Totals(
        lines=_sum(root, f"{path}LineExtensionAmount", "BR-12", "BR-DEC-09"),
        allowances=elements.cents(root, f"{path}AllowanceTotalAmount", "BR-DEC-10") or 0,
        charges=elements.cents(root, f"{path}ChargeTotalAmount", "BR-DEC-11") or 0,
        net=_sum(root, f"{path}TaxExclusiveAmount", "BR-13", "BR-DEC-12"),
        vat=_sum(_tax_total(root), "cbc:TaxAmount", "BR-46", "BR-DEC-13"),
        total=_sum(root, f"{path}TaxInclusiveAmount", "BR-14", "BR-DEC-14"),
        prepaid=elements.cents(root, f"{path}PrepaidAmount", "BR-DEC-16") or 0,
        rounding=elements.cents(root, f"{path}PayableRoundingAmount", "BR-DEC-17") or 0,
        payable=_sum(root, f"{path}PayableAmount", "BR-15", "BR-DEC-18"),
    )


def _tax_total(root: etree._Element) -> etree._Element:
    """The VAT total of the invoice; another one may be there in the seller's accounting currency."""
    totals = [element for element in elements.at(root, "cac:TaxTotal") if _tax_currency(element) == "EUR"]
    if len(totals) != 1:
        message = N_("{file}, invoice {number}: there must be one VAT total in EUR (cac:TaxTotal), not {found}.")
        raise Trouble("BR-CO-15", message, found=len(totals))
    return totals[0]


def _tax_currency(element: etree._Element) -> str:
    return next((amount.get("currencyID", "EUR") for amount in elements.at(element, "cbc:TaxAmount")), "EUR")


def _vat(root: etree._Element) -> list[tuple[Vat, Decimal | None]]:
    """VAT by category and rate as the bill sums it up; the rate again as it is written."""
    found = []
    for element in elements.at(_tax_total(root), "cac:TaxSubtotal"):
        categories = elements.at(element, "cac:TaxCategory")
        category = _needed("BR-47", clipped(elements.text(categories[0], "cbc:ID"), 10) if categories else "")
        percent = elements.percent(categories[0])
        if percent is None and category != "O":
            raise Trouble("BR-48", MISSING["BR-48"])
        base = _sum(element, "cbc:TaxableAmount", "BR-45", "BR-DEC-19")
        tax = _sum(element, "cbc:TaxAmount", "BR-46", "BR-DEC-20")
        found.append((Vat(category, None if percent is None else rounded(percent, 2), base, tax), percent))
    if not found:
        raise Trouble("BR-CO-18", MISSING["BR-CO-18"])
    return found


def _check(items: list[Item], totals: Totals, vat: list[tuple[Vat, Decimal | None]]) -> None:
    """Raises Trouble by the name of the first rule that does not hold."""
    parts = {part: sum(item.line.net_cents for item in items if item.part == part) for part in ("line", "allowance", "charge")}
    agree("BR-CO-10", totals.lines, parts["line"])
    agree("BR-CO-11", totals.allowances, -parts["allowance"])
    agree("BR-CO-12", totals.charges, parts["charge"])
    agree("BR-CO-13", totals.net, totals.lines - totals.allowances + totals.charges)
    agree("BR-CO-14", totals.vat, sum(rate.vat_cents for rate, _ in vat))
    agree("BR-CO-15", totals.total, totals.net + totals.vat)
    agree("BR-CO-16", totals.payable, totals.total - totals.prepaid + totals.rounding)
    summed: set[Taxed] = set()
    for rate, percent in vat:
        rule = f"BR-{RULE_OF.get(rate.category, rate.category)}"
        untaxed = rate.category in UNTAXED
        taxed = (rate.category, None if untaxed or percent is None else percent.normalize())
        summed.add(taxed)
        if untaxed:
            agree(f"{rule}-09", rate.vat_cents, 0, category=rate.category)
        else:
            percent = percent or Decimal(0)
            agree("BR-CO-17", rate.vat_cents, rounded(rate.base_cents * percent / 10_000, 2), within=99, rate=str(percent))
        computed = sum(item.line.net_cents for item in items if item.taxed == taxed)
        agree(f"{rule}-08", rate.base_cents, computed, within=0 if untaxed else 99, category=rate.category)
    for item in items:
        category = item.taxed[0]
        if item.taxed not in summed:
            message = N_("{file}, invoice {number}: {name} is taxed as {category}, but the VAT by rates does not speak of it.")
            raise Trouble(f"BR-{RULE_OF.get(category, category)}-01", message, name=shown(item.line.name), category=category)


def _check_prices(items: list[Item]) -> None:
    """Raises Trouble where quantity and price do not make the amount of a line."""
    for item in items:
        if item.computed:
            computed, within = item.computed
            agree("PEPPOL-EN16931-R120", item.line.net_cents, computed, within=within, line=item.place)
