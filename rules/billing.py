"""What is owed, which bills there are, what one bill says. What comes from billing systems is taken in by `rules/sync.py`."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from peewee import SQL, Case, Expression, fn

from models import Account, Contract, Invoice, InvoiceLine, InvoiceVat, Meter, MeterKind, Provider, Reading, is_of_an_earlier_customer
from rules import access, clock, paging, settings
from rules.bulk import among
from rules.paging import Page
from rules.refusal import Missing
from rules.statements import one_of, statement

PAGE = 20
MONTHS = 24
MOST_AT_ONCE = 400  # bills in one file: two years of sixteen contracts
STATES = ("to_pay", "overdue", "paid")


@dataclass(frozen=True)
class Owed:
    """What an account still has to pay on all its contracts together (CV-21), cents; below zero it has paid in advance."""

    total_cents: int
    overdue_cents: int
    due_on: date | None  # the earliest due day of what is unpaid


def owed(account: Account, day: date) -> Owed:
    """What is to pay on that local day, over all contracts whose bills the account may see, in one statement."""
    ((total, overdue, due_on),) = _unpaid(account, _contracts(account), day)
    return _owed(int(total), int(overdue), Invoice.due_on.python_value(due_on))


@statement
def _unpaid(account: Account, contracts: list[int], day: date) -> Any:
    return Invoice.within(account).select(*_sums(day)).where(one_of(Invoice.contract, contracts)).tuples()


def _sums(day: date) -> tuple[Any, ...]:
    """What is outstanding, what of it is overdue on that day, and the earliest due day of what is unpaid."""
    return (
        fn.COALESCE(fn.SUM(Invoice.outstanding_cents), 0),
        fn.COALESCE(fn.SUM(Case(None, [(Invoice.overdue(day), Invoice.outstanding_cents)], 0)), 0),
        fn.MIN(Case(None, [(Invoice.unpaid(), Invoice.due_on)])),
    )


def _owed(total: int, overdue: int, due_on: date | None) -> Owed:
    # What a credit covers is not overdue, whichever bill it was meant for.
    return Owed(total, max(0, min(overdue, total)), due_on if total > 0 else None)


@dataclass(frozen=True)
class Chosen:
    """Which of the bills that an account may see are asked for; what is empty leaves all. `state` is one of STATES: what is overdue
    is to pay too, and a credit note is neither to pay nor paid. The year is that of the month a bill is called by."""

    contract: Contract | None = None
    provider: Provider | None = None
    year: int | None = None
    kind: str = ""
    state: str = ""

    def where(self, day: date) -> Expression | None:
        """The condition on that local day, or None where all are asked for."""
        parts = []
        if self.contract is not None:
            parts.append(Invoice.contract == self.contract)
        if self.provider is not None:
            parts.append(Invoice.provider == self.provider)
        if self.year is not None:
            parts.append(_month_day().between(date(self.year, 1, 1), date(self.year, 12, 31)))
        if self.kind:
            parts.append(Invoice.kind == self.kind)
        if self.state == "paid":
            parts.append((Invoice.kind == "invoice") & (Invoice.outstanding_cents <= 0))
        elif self.state:
            parts.append(Invoice.overdue(day) if self.state == "overdue" else Invoice.unpaid())
        condition = None
        for part in parts:
            condition = part if condition is None else condition & part
        return condition


@dataclass(frozen=True)
class Standing:
    """What stands above and below a list of bills, cents: what is owed in all, and of the chosen ones alone."""

    owed: Owed
    chosen_cents: int
    first_on: date | None  # in the month of the oldest bill
    last_on: date | None
    has_credit_notes: bool


def standing(account: Account, chosen: Chosen, day: date) -> Standing:
    """What is to pay in all and of the chosen bills (CV-21, PS-13), and from when to when there are bills, in one statement."""
    condition = chosen.where(day)
    of_chosen = Invoice.outstanding_cents if condition is None else Case(None, [(condition, Invoice.outstanding_cents)], 0)
    sums: Any = (
        Invoice.within(account)
        .select(
            *_sums(day),
            fn.COALESCE(fn.SUM(of_chosen), 0),
            fn.MIN(_month_day()),
            fn.MAX(_month_day()),
            fn.MIN(Invoice.kind),
        )
        .where(_theirs(account))
        .tuples()
        .get()
    )
    total, overdue, due_on, of_these, first_on, last_on, first_kind = sums
    as_day = Invoice.due_on.python_value
    return Standing(
        _owed(int(total), int(overdue), as_day(due_on)), int(of_these), as_day(first_on), as_day(last_on), first_kind == "credit_note"
    )


def billed(account: Account, chosen: Chosen, day: date) -> dict[str, int | None]:
    """What was billed for each of the last 24 months up to that day's, cents with VAT, oldest first: credit notes taken off, None
    where there was no bill. Of the chosen contract or provider; of what year or state does not matter here."""
    months = clock.months(clock.period(day), MONTHS)
    # Its bounds are written out, not bound: else PostgreSQL would not see that it groups by what it selects.
    month = fn.SUBSTR(_month_day().cast("TEXT"), SQL("1"), SQL("7"))
    since = date.fromisoformat(f"{months[0]}-01")
    rows: Any = (
        Invoice.within(account)
        .select(month, fn.SUM(Invoice.total_cents))
        # A bill is seldom issued long before the end of its period: what is older need not be looked at.
        .where(_theirs(account), Invoice.issued_on >= since - timedelta(days=92))
        .group_by(month)
        .tuples()
    )
    condition = Chosen(contract=chosen.contract, provider=chosen.provider).where(day)
    found = {period: int(cents) for period, cents in (rows if condition is None else rows.where(condition))}
    return {period: found.get(period) for period in months}


def _month_day() -> Any:
    """The day whose month a bill is called by: the last of its period, else of its issue."""
    return fn.COALESCE(Invoice.period_to, Invoice.issued_on)


def owed_by_contract(account: Account) -> dict[int, int]:
    """What is to pay on each contract whose bills the account may see and that has any, cents by its id (CV-21)."""
    sums: Any = Invoice.within(account).select(Invoice.contract, fn.SUM(Invoice.outstanding_cents)).where(_theirs(account))
    return {contract: int(cents) for contract, cents in sums.group_by(Invoice.contract).tuples()}


class Due(NamedTuple):
    """What is to pay on a contract, and to which bank account with which reference, cents each."""

    owed: Owed
    parts: list[tuple[str, str, int]]


NOTHING_DUE = Due(Owed(0, 0, None), [])


def due_of(contracts: list[int], day: date) -> dict[int, Due]:
    """What is to pay on each of these contracts that has bills, on that local day, in one statement: for those who may know that alone
    (T98). What an earlier customer owes is not among it (decision 11)."""
    theirs = among(Invoice.contract, contracts) & ~is_of_an_earlier_customer(Invoice.contract, Invoice.last_day())
    iban = fn.COALESCE(fn.NULLIF(Invoice.iban, ""), Provider.iban)
    reference = fn.COALESCE(fn.NULLIF(Invoice.payment_reference, ""), Contract.payer_code)
    rows: Any = Invoice.select(Invoice.contract, iban, reference, *_sums(day)).join(Contract).join_from(Invoice, Provider).where(theirs)
    found: dict[int, list[Any]] = {}
    for contract, *part in rows.group_by(SQL("1"), SQL("2"), SQL("3")).order_by(SQL("6"), SQL("3")).tuples() if contracts else ():
        found.setdefault(contract, []).append(part)
    return {contract: _due(parts) for contract, parts in found.items()}


def _due(parts: list[Any]) -> Due:
    days = [Invoice.due_on.python_value(part[4]) for part in parts if part[4] is not None]
    owed = _owed(sum(int(part[2]) for part in parts), sum(int(part[3]) for part in parts), min(days, default=None))
    unpaid = [(iban, reference, int(cents)) for iban, reference, cents, *_ in parts if cents > 0]
    if len(unpaid) == 1:  # what was paid in advance is taken off it
        unpaid = [(*unpaid[0][:2], owed.total_cents)]
    return Due(owed, unpaid if owed.total_cents > 0 else [])


def page(
    account: Account, chosen: Chosen, day: date, *, older: uuid.UUID | None = None, newer: uuid.UUID | None = None, size: int = PAGE
) -> Page[Invoice]:
    """A page of an account's chosen bills by the day of issue, those after the bill `older` or before the bill `newer`."""
    order, of = (Invoice.issued_on, Invoice.id), lambda bill: bill.contract.in_(_contracts(account))
    return paging.page(_some(account, chosen, day), order, of, older=older, newer=newer, size=size)


def whole(account: Account, chosen: Chosen, day: date) -> list[Invoice]:
    """All chosen bills with all that a document of each needs, oldest first; one more than MOST_AT_ONCE where there are too many."""
    rows = _some(account, chosen, day).select(Invoice, Contract, Provider).join_from(Invoice, Provider)
    found = list(rows.order_by(Invoice.issued_on, Invoice.id).limit(MOST_AT_ONCE + 1))
    for row in found:
        row.organisation = account.organisation  # one row, whose settings are read once
    return found


def _some(account: Account, chosen: Chosen, day: date) -> Any:
    """The chosen bills with their contracts, newest first."""
    rows, condition = Invoice.within(account).select(Invoice, Contract).join(Contract).where(_theirs(account)), chosen.where(day)
    return (rows if condition is None else rows.where(condition)).order_by(Invoice.issued_on.desc(), Invoice.id.desc())


def newest(account: Account, count: int, *, contract: Contract | None = None) -> list[Invoice]:
    """The latest bills, of one contract or of all."""
    contracts = [held for held in _contracts(account) if contract is None or held == contract.id]
    return _newest(account, contracts, count)


@statement
def _newest(account: Account, contracts: list[int], count: int) -> Any:
    rows = Invoice.within(account).select(Invoice, Contract).join(Contract).where(one_of(Invoice.contract, contracts))
    return rows.order_by(Invoice.issued_on.desc(), Invoice.id.desc()).limit(count)


def reach(account: Account, public_id: uuid.UUID) -> Invoice:
    """`access.reach` for a bill, with all whom it names at hand, in one statement. Raises Missing, whether there is such a bill or not."""
    rows = Invoice.within(account).select(Invoice, Contract, Provider).join(Contract).join_from(Invoice, Provider)
    may = Invoice.contract.in_(access.contracts_allowing(account, "invoice.view"))
    bill = rows.where(may, Invoice.public_id == public_id).first()
    if bill is None:
        raise Missing
    bill.organisation = account.organisation
    return bill


def lines(invoice: Invoice) -> list[InvoiceLine]:
    """The lines of a bill, in its order."""
    return list(InvoiceLine.select().where(InvoiceLine.invoice == invoice).order_by(InvoiceLine.position))


def vat(invoice: Invoice) -> list[InvoiceVat]:
    """The VAT of a bill, one row for each rate."""
    return list(InvoiceVat.select().where(InvoiceVat.invoice == invoice).order_by(InvoiceVat.rate.desc(), InvoiceVat.id))


def lines_of(invoices: Sequence[Invoice]) -> tuple[dict[int, list[InvoiceLine]], dict[int, list[InvoiceVat]]]:
    """The lines and the VAT of many bills by the bill's id, in two statements."""
    lines_by: dict[int, list[InvoiceLine]] = {invoice.id: [] for invoice in invoices}
    vat_by: dict[int, list[InvoiceVat]] = {invoice.id: [] for invoice in invoices}
    for line in InvoiceLine.select().where(InvoiceLine.invoice.in_(list(lines_by))).order_by(InvoiceLine.invoice, InvoiceLine.position):
        lines_by[line.invoice_id].append(line)
    for part in InvoiceVat.select().where(InvoiceVat.invoice.in_(list(vat_by))).order_by(InvoiceVat.rate.desc(), InvoiceVat.id):
        vat_by[part.invoice_id].append(part)
    return lines_by, vat_by


def related(account: Account, invoice: Invoice) -> tuple[list[Invoice], list[Invoice]]:
    """The bills of the same contract that this one corrects, and those that correct it, as far as the account may know of them, oldest
    first, in one statement."""
    named = (Invoice.number == invoice.refers_to) & (Invoice.number != "")
    mine = (Invoice.contract == invoice.contract_id) & (Invoice.provider == invoice.provider_id) & (Invoice.id != invoice.id)
    rows = list(Invoice.within(account).where(mine, named | (Invoice.refers_to == invoice.number)).order_by(Invoice.issued_on, Invoice.id))
    return (
        [row for row in rows if row.number == invoice.refers_to],
        [row for row in rows if row.refers_to == invoice.number and row.number != invoice.refers_to],
    )


def readings_behind(account: Account, invoice: Invoice) -> list[Reading]:
    """What the contract's meters showed in the months that the bill is for, with meter and kind, as far as the account may know of it:
    who had the flat before keeps what was theirs. None where the bill names no period."""
    if invoice.period_from is None or invoice.period_to is None:
        return []
    months = Reading.period.between(clock.period(invoice.period_from), clock.period(invoice.period_to))
    rows = Reading.within(account).select(Reading, Meter, MeterKind).join(Meter).join(MeterKind)
    return list(
        rows.where((Reading.contract == invoice.contract_id) & Reading.is_current & months).order_by(
            Meter.kind, Meter.number, Reading.period
        )
    )


def facts(invoice: Invoice, its_lines: Sequence[InvoiceLine], its_vat: Sequence[InvoiceVat], *, site_url: str) -> dict[str, Any]:
    """All that a bill says, in plain values, for whoever makes a document of it; `site_url` is the organisation's own address."""
    contract, provider, organisation = invoice.contract, invoice.provider, invoice.organisation
    rules = settings.of(organisation)
    # PS-10, K25: what the paper says to come in with, never a password. A credit note's number proves nothing.
    portal = {"address": site_url, "asks_provider": rules.claim_provider, "asks_number": rules.claim_invoice}
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
        "portal": portal if rules.bill_prints == "payer_code" and invoice.kind == "invoice" else None,
    }


def _theirs(account: Account) -> Expression:
    return Invoice.contract.in_(_contracts(account))


def _contracts(account: Account) -> list[int]:
    return access.contracts_shown(account, "invoice.view")
