"""The bills of the demo's trade with farmers, as UBL 2.1 documents: what is bought in spring and late summer."""

from collections.abc import Iterator
from datetime import date, timedelta
from xml.sax.saxutils import escape

SELLERS = {  # company code: name, account
    "999000049": ("UAB „Žemdirbių grupė“", "LT351000011101000004"),
    "999000095": ("UAB „Žemdirbių grupės grūdai“", "LT941000011101000009"),
}
FARMERS = ("Petras Ūkininkas", "ŽŪB „Pavyzdžių laukai“", "Zita Javienė", "Ūkis „Bandymas“")
COMPANIES = {"ŽŪB „Pavyzdžių laukai“": "999000155"}  # the simulated register of legal entities knows it
# What is sold in which month: seller, name, unit, price in cents, quantity of the first farmer.
GOODS = {
    3: (("999000049", "Amonio salietra N 34,4", "TNE", 389_00, 12), ("999000049", "Vasarinių kviečių sėkla", "TNE", 512_00, 4)),
    4: (("999000049", "Augalų apsaugos priemonė, herbicidas", "LTR", 24_60, 90),),
    5: (("999000049", "Kompleksinės trąšos NPK 16-16-16", "TNE", 468_00, 6),),
    8: (("999000095", "Grūdų valymas ir džiovinimas", "TNE", 14_80, 210),),
    9: (("999000049", "Žieminių kviečių sėkla", "TNE", 498_00, 7), ("999000095", "Grūdų saugojimas", "TNE", 6_20, 180)),
}
VAT_PERCENT = 21

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
    xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
    xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>
  <cbc:ID>{number}</cbc:ID>
  <cbc:IssueDate>{issued_on}</cbc:IssueDate>
  <cbc:DueDate>{due_on}</cbc:DueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:AccountingSupplierParty><cac:Party>
    <cac:PostalAddress><cac:Country><cbc:IdentificationCode>LT</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
    <cac:PartyLegalEntity><cbc:RegistrationName>{seller}</cbc:RegistrationName><cbc:CompanyID>{code}</cbc:CompanyID></cac:PartyLegalEntity>
  </cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cac:PartyIdentification><cbc:ID>{payer_code}</cbc:ID></cac:PartyIdentification>
    <cac:PostalAddress><cbc:StreetName>{address}</cbc:StreetName>
      <cac:Country><cbc:IdentificationCode>LT</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
    <cac:PartyLegalEntity><cbc:RegistrationName>{customer}</cbc:RegistrationName>{company}</cac:PartyLegalEntity>
  </cac:Party></cac:AccountingCustomerParty>
  <cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode><cbc:PaymentID>{number}</cbc:PaymentID>
    <cac:PayeeFinancialAccount><cbc:ID>{iban}</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
  <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">{vat}</cbc:TaxAmount>
    <cac:TaxSubtotal><cbc:TaxableAmount currencyID="EUR">{net}</cbc:TaxableAmount><cbc:TaxAmount currencyID="EUR">{vat}</cbc:TaxAmount>
      <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{percent}</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>
    </cac:TaxSubtotal></cac:TaxTotal>
  <cac:LegalMonetaryTotal>
    <cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>
    <cbc:TaxExclusiveAmount currencyID="EUR">{net}</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount currencyID="EUR">{total}</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">{total}</cbc:PayableAmount>
  </cac:LegalMonetaryTotal>
  <cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="{unit}">{quantity}</cbc:InvoicedQuantity>
    <cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>
    <cac:Item><cbc:Name>{name}</cbc:Name>
      <cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{percent}</cbc:Percent>
        <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:ClassifiedTaxCategory></cac:Item>
    <cac:Price><cbc:PriceAmount currencyID="EUR">{price}</cbc:PriceAmount></cac:Price></cac:InvoiceLine>
</Invoice>
"""


def farm_bills(months: list[str]) -> Iterator[tuple[str, str]]:
    """The number and text of each bill of these months."""
    for month in months:
        for farmer, customer in enumerate(FARMERS, 1):
            for place, (code, name, unit, price, quantity) in enumerate(GOODS.get(int(month[5:]), ()), 1):
                issued_on = date.fromisoformat(f"{month}-10") + timedelta(days=farmer)
                bought = quantity * (farmer + 1) // 2
                net = bought * price
                vat = (net * VAT_PERCENT + 50) // 100
                number = f"ŽG-{month}-{farmer}{place}"
                seller, iban = SELLERS[code]
                words = {"seller": seller, "customer": customer, "name": name, "number": number}
                yield (
                    number,
                    DOCUMENT.format(
                        **{key: escape(word) for key, word in words.items()},
                        issued_on=issued_on,
                        due_on=issued_on + timedelta(days=45),
                        code=code,
                        iban=iban,
                        company=f"<cbc:CompanyID>{COMPANIES[customer]}</cbc:CompanyID>" if customer in COMPANIES else "",
                        payer_code=f"ŽG {1000 + farmer}",
                        address=f"Laukų g. {farmer}, Pavyzdžiai",
                        unit=unit,
                        quantity=bought,
                        price=_euros(price),
                        percent=VAT_PERCENT,
                        net=_euros(net),
                        vat=_euros(vat),
                        total=_euros(net + vat),
                    ),
                )


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
