"""Bills as their providers made them."""

from datetime import date
from typing import Any

import peewee as pw

from tables.core import Account, Building, Contract, Owned, Provider, SyncRun, is_of_an_earlier_customer
from tables.fields import N_, UTCDateTimeField

INVOICE_KINDS = (("invoice", N_("Invoice")), ("credit_note", N_("Credit note")))


class Invoice(Owned):
    """A bill as its provider made it. Amounts are cents; a credit note's are negative, so that sums are sums."""

    provider = pw.ForeignKeyField(Provider, on_delete="RESTRICT", index=False, verbose_name=N_("Provider"))
    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", index=False, verbose_name=N_("Contract"))
    building = pw.ForeignKeyField(Building, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Building"))
    kind = pw.CharField(12, choices=INVOICE_KINDS, default="invoice", verbose_name=N_("Kind"))
    number = pw.CharField(60, verbose_name=N_("Invoice number"))
    issued_on = pw.DateField(verbose_name=N_("Issued"))
    due_on = pw.DateField(null=True, verbose_name=N_("Due"))
    period_from = pw.DateField(null=True, verbose_name=N_("Period from"))
    period_to = pw.DateField(null=True, verbose_name=N_("Period to"))
    net_cents = pw.BigIntegerField(verbose_name=N_("Without VAT"))
    vat_cents = pw.BigIntegerField(verbose_name=N_("VAT"))
    total_cents = pw.BigIntegerField(verbose_name=N_("With VAT"))
    prepaid_cents = pw.BigIntegerField(default=0, verbose_name=N_("Paid in advance"))
    rounding_cents = pw.BigIntegerField(default=0, verbose_name=N_("Rounding"))
    payable_cents = pw.BigIntegerField(verbose_name=N_("Amount"))
    outstanding_cents = pw.BigIntegerField(verbose_name=N_("To pay"))
    payment_reference = pw.CharField(60, default="", verbose_name=N_("Payment reference"))
    iban = pw.CharField(34, default="", verbose_name=N_("Bank account"))
    refers_to = pw.CharField(60, default="", verbose_name=N_("Corrects invoice"))
    note = pw.TextField(default="", verbose_name=N_("Note"))
    buyer_name = pw.CharField(200, default="", verbose_name=N_("Customer"))
    buyer_address = pw.CharField(250, default="", verbose_name=N_("Address"))
    pdf_digest = pw.CharField(64, default="")  # the provider's own document where the feed brought one
    content_digest = pw.CharField(64)  # what the feed said, to see whether it says the same again
    revised_at = UTCDateTimeField(null=True)
    run = pw.ForeignKeyField(SyncRun, null=True, on_delete="SET NULL", index=False)

    class Meta:
        constraints = [
            pw.Check("total_cents = net_cents + vat_cents"),
            pw.Check("payable_cents = total_cents - prepaid_cents + rounding_cents"),
        ]
        indexes = (
            (("provider", "kind", "number"), True),
            (("contract", "issued_on", "id"), False),
            (("organisation", "issued_on", "id"), False),
            (("issued_on", "id"), False),
            (("building", "issued_on", "id"), False),
            (("organisation", "number", "id"), False),
            (("number", "id"), False),
        )

    def __str__(self) -> str:
        return self.number

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        """A bill belongs to whoever had the contract at the end of what it is for."""
        return super().seen_by_customer(account) & ~is_of_an_earlier_customer(cls.contract, cls.last_day())

    @classmethod
    def last_day(cls) -> Any:
        """The last day that a bill is for: of its period; else, where it corrects another, that one's; else of its issue."""
        corrected = cls.alias()
        same = (corrected.provider == cls.provider) & (corrected.kind == "invoice") & (corrected.number == cls.refers_to)
        that = corrected.select(pw.fn.COALESCE(corrected.period_to, corrected.issued_on)).where(same & (corrected.contract == cls.contract))
        return pw.fn.COALESCE(cls.period_to, that, cls.issued_on)

    def days_overdue(self, day: date) -> int:
        """How many days ago something should have been paid that is not; 0 where nothing is overdue."""
        return max(0, (day - self.due_on).days) if self.outstanding_cents > 0 and self.due_on else 0

    @classmethod
    def unpaid(cls) -> Any:
        """Something is still to pay. The nought is written out, not bound: else SQLite would not see that a partial index fits."""
        return cls.outstanding_cents > pw.SQL("0")

    @classmethod
    def overdue(cls, day: date) -> Any:
        """Something should have been paid before `day` and is not."""
        return cls.unpaid() & (cls.due_on < day)


# What is to pay is a small part of all bills: these hold no others, so that an import of paid ones does not touch them.
Invoice.add_index(Invoice.index(Invoice.organisation, Invoice.issued_on, Invoice.id, where=Invoice.unpaid(), name="invoice_unpaid"))
Invoice.add_index(Invoice.index(Invoice.organisation, Invoice.due_on, Invoice.id, where=Invoice.unpaid(), name="invoice_due"))
Invoice.add_index(Invoice.index(Invoice.issued_on, Invoice.id, where=Invoice.unpaid(), name="invoice_unpaid_anywhere"))
Invoice.add_index(Invoice.index(Invoice.due_on, Invoice.id, where=Invoice.unpaid(), name="invoice_due_anywhere"))


class InvoiceLine(Owned):
    """One line of a bill, as billed: the amount is the provider's, quantity and price explain it."""

    public_id = None  # type: ignore[assignment]  # asked for by its bill alone; an index over random keys is dear
    invoice = pw.ForeignKeyField(Invoice, on_delete="CASCADE", backref="lines", index=False)
    position = pw.IntegerField()
    name = pw.CharField(300)
    quantity_milli = pw.BigIntegerField(null=True)
    unit = pw.CharField(20, default="")
    unit_price_micro = pw.BigIntegerField(null=True)  # millionths of a euro for `base_quantity_milli`
    base_quantity_milli = pw.BigIntegerField(default=1000)
    net_cents = pw.BigIntegerField()
    vat_rate = pw.IntegerField(null=True)  # hundredths of a per cent, as of the bill's date

    class Meta:
        indexes = ((("invoice", "position"), True),)


class InvoiceVat(Owned):
    """The VAT of a bill at one rate."""

    public_id = None  # type: ignore[assignment]  # asked for by its bill alone; an index over random keys is dear
    invoice = pw.ForeignKeyField(Invoice, on_delete="CASCADE", backref="vat", index=False)
    category = pw.CharField(10)
    rate = pw.IntegerField(null=True)  # hundredths of a per cent
    base_cents = pw.BigIntegerField()
    vat_cents = pw.BigIntegerField()

    class Meta:
        indexes = ((("invoice", "category", "rate"), False),)
