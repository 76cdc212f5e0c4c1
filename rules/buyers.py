"""To whom bills were written: so that a contract which goes to another customer, or a bill of another one, shows nobody what is not
theirs (T11). What would, waits until the billing system says since when, or staff say whose it is."""

import re
from collections.abc import Iterable
from typing import Any

from models import N_, Company, Contract, Invoice, fold, is_of_an_earlier_customer
from rules.bulk import among

WHOSE = N_(
    "The payer code {payer_code} would go from {known} to {name}, who would see the bills of before. Have the billing system say the new"
    " first day, or say at the contract whose it is."
)
ANOTHERS = N_(
    "Invoice {number} is for {name}, but the payer code {payer_code} belongs to {known}, who would see it. Have the billing system say from"
    " which day on it is another customer's, or say at the contract whose it is."
)

OTHER_CODE = N_(
    "The payer code {payer_code} has come with another personal code than before, or with another name than its bills. The rest is taken"
    " in, and nobody gets it by their identity until the billing system says the new first day. Staff can add it to an account by hand."
)
NO_CODE = N_("What the billing system says at the payer code {payer_code} is not a personal code. The rest is taken in; have it corrected.")

Billed = dict[int, set[str]]


def is_named(name: str, *known: str) -> bool:
    """Whether a name is one of these, whatever the order of its words, their marks and capitals: „Uosis“, UAB is UAB Uosis."""
    return _words(name) in map(_words, known)


def _words(name: str) -> list[str]:
    return sorted(re.findall(r"\w+", fold(name)))


def of(contracts: Iterable[int]) -> Billed:
    """The buyers whom the bills of these contracts name, without those that are of earlier customers: nobody sees them."""
    wanted = list(contracts)
    if not wanted:
        return {}
    seen = among(Invoice.contract, wanted) & ~is_of_an_earlier_customer(Invoice.contract, Invoice.last_day())
    found: Billed = {}
    rows: Any = Invoice.select(Invoice.contract, Invoice.buyer_name).where(seen).distinct().tuples()
    for contract, name in rows:
        found.setdefault(contract, set()).add(name)
    return found


def is_moved_unsaid(contract: Contract, name: str, company: Company | None, billed: Billed) -> bool:
    """Whether a contract would go from one customer to another, by what its record says now, and nobody says since when."""
    if company is None:
        of_one = contract.company
        return of_one is not None and bool(name) and not is_named(name, contract.customer_name, of_one.name)
    if company.id == contract.company_id:
        return False
    bills = billed.get(contract.id, set())
    is_twin = contract.company is not None and bool(bills) and is_named(name, contract.company.name)
    return is_twin or not all(is_named(one, name) for one in (bills | {contract.customer_name}) - {""})


def is_other_person(contract: Contract, code: str, name: str, billed: Billed) -> bool:
    """Whether this personal code, of which it is the digest, may be of somebody else than whose the contract's bills were until now:
    another than was said, or the first one together with another name."""
    if contract.person_digest is not None:
        return code != contract.person_digest
    known = billed.get(contract.id, set()) | {contract.customer_name}
    return not all(is_named(one, name) for one in known - {""})


def is_for_another(contract: Contract, bill: Any, company: Company | None, *, is_doubted: bool) -> bool:
    """Whether a bill is not for whoever its contract belongs to; one from before their time they do not see. `is_doubted` says that the
    contract's own record waits, because it names somebody else."""
    if contract.opened_on is not None and (bill.period_to or bill.issued_on) < contract.opened_on:
        return False
    if company is None:
        return bool(bill.company_code or is_doubted) and not is_named(bill.customer_name, contract.customer_name)
    if bill.company_code:
        return bool(bill.company_code != company.code)
    return is_doubted or (bool(bill.customer_name) and not is_named(bill.customer_name, contract.customer_name, company.name))
