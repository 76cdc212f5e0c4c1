"""What is owed, which bills there are, what one bill says. What comes from billing systems is taken in by `rules/sync.py`."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import Case, Expression, Tuple, fn

from models import Account, Contract, Invoice, InvoiceLine, InvoiceVat
from rules import access

PAGE = 20


@dataclass(frozen=True)
class Owed:
    """What an account still has to pay on all its contracts together (CV-21), cents; below zero it has paid in advance."""

    total_cents: int
    overdue_cents: int
    due_on: date | None  # the earliest due day of what is unpaid


def owed(account: Account, day: date) -> Owed:
    """What is to pay on that local day, over all contracts whose bills the account may see, in one statement."""
    unpaid = Invoice.outstanding_cents > 0
    sums: Any = (
        Invoice.within(account)
        .select(
            fn.COALESCE(fn.SUM(Invoice.outstanding_cents), 0),
            fn.COALESCE(fn.SUM(Case(None, [(unpaid & (Invoice.due_on < day), Invoice.outstanding_cents)], 0)), 0),
            fn.MIN(Case(None, [(unpaid, Invoice.due_on)])),
        )
        .where(_theirs(account))
        .tuples()
        .get()
    )
    total, overdue, due_on = sums
    # An expression has no field to tell SQLite's text from a day, or PostgreSQL's numeric sum from a whole number.
    # What a credit covers is not overdue, whichever bill it was meant for.
    still_overdue = max(0, min(int(overdue), int(total)))
    return Owed(int(total), still_overdue, Invoice.due_on.python_value(due_on) if int(total) > 0 else None)


@dataclass(frozen=True)
class Page:
    """Some bills, newest first, and the bill from which the list goes on in either direction."""

    bills: list[Invoice]
    newer: uuid.UUID | None
    older: uuid.UUID | None


def page(account: Account, *, older: uuid.UUID | None = None, newer: uuid.UUID | None = None, size: int = PAGE) -> Page:
    """A page of an account's bills by the day of issue, those after the bill `older` or before the bill `newer`. Nothing is
    counted, so that the thousandth page costs what the first does (one statement)."""
    rows = (
        Invoice.within(account)
        .select(Invoice, Contract)
        .join(Contract)
        .where(_theirs(account))
        .order_by(Invoice.issued_on.desc(), Invoice.id.desc())
        .limit(size + 1)
    )
    place, known = Tuple(Invoice.issued_on, Invoice.id), Invoice.alias()
    if older or newer:
        end = known.select(known.issued_on, known.id).where((known.public_id == (older or newer)) & known.contract.in_(_contracts(account)))
        rows = rows.where(place < end) if older else rows.where(place > end).order_by(Invoice.issued_on, Invoice.id)
    found = list(rows)
    more, bills = len(found) > size, found[:size]
    if newer:
        bills.reverse()
    before, after = (more, True) if newer else (bool(older), more)
    return Page(bills, bills[0].public_id if bills and before else None, bills[-1].public_id if bills and after else None)


def newest(account: Account, count: int, *, contract: Contract | None = None) -> list[Invoice]:
    """The latest bills, of one contract or of all."""
    rows = Invoice.within(account).select(Invoice, Contract).join(Contract).where(_theirs(account))
    if contract is not None:
        rows = rows.where(Invoice.contract == contract)
    return list(rows.order_by(Invoice.issued_on.desc(), Invoice.id.desc()).limit(count))


def lines(invoice: Invoice) -> list[InvoiceLine]:
    """The lines of a bill, in its order."""
    return list(InvoiceLine.select().where(InvoiceLine.invoice == invoice).order_by(InvoiceLine.position))


def vat(invoice: Invoice) -> list[InvoiceVat]:
    """The VAT of a bill, one row for each rate."""
    return list(InvoiceVat.select().where(InvoiceVat.invoice == invoice).order_by(InvoiceVat.rate.desc(), InvoiceVat.id))


def facts(invoice: Invoice, its_lines: Sequence[InvoiceLine], its_vat: Sequence[InvoiceVat]) -> dict[str, Any]:
    """All that a bill says, in plain values, for whoever makes a document of it."""
    contract, provider, organisation = invoice.contract, invoice.provider, invoice.organisation
    address = invoice.buyer_address or contract.address
    return {
        "kind": invoice.kind,
        "number": invoice.number,
        "payer_code": contract.payer_code,
        "provider": {
            "name": provider.name,
            "code": provider.code,
            "vat_code": provider.vat_code,
            "address": provider.address,
            "phone": organisation.phone,
            "email": organisation.email,
        },
        "customer": {"name": invoice.buyer_name or contract.customer_name, "address": address},
        "place": contract.address if contract.address != address else "",
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "period_from": invoice.period_from,
        "period_to": invoice.period_to,
        "net_cents": invoice.net_cents,
        "vat_cents": invoice.vat_cents,
        "total_cents": invoice.total_cents,
        "prepaid_cents": invoice.prepaid_cents,
        "rounding_cents": invoice.rounding_cents,
        "payable_cents": invoice.payable_cents,
        "reference": invoice.payment_reference,
        "iban": invoice.iban or provider.iban,
        "refers_to": invoice.refers_to,
        "note": invoice.note,
        "lines": [
            {
                "name": line.name,
                "net_cents": line.net_cents,
                "quantity_milli": line.quantity_milli,
                "unit": line.unit,
                "unit_price_micro": line.unit_price_micro,
                "base_quantity_milli": line.base_quantity_milli,
                "vat_rate": line.vat_rate,
            }
            for line in its_lines
        ],
        "vat": [{"rate": part.rate, "base_cents": part.base_cents, "vat_cents": part.vat_cents} for part in its_vat],
        "brand": organisation.brand,
    }


def _theirs(account: Account) -> Expression:
    return Invoice.contract.in_(_contracts(account))


def _contracts(account: Account) -> list[int]:
    return access.contracts_allowing(account, "invoice.view")
