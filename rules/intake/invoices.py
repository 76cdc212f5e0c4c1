"""What the records of bills become: bills with their lines and VAT, and letters about the new ones."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import (
    N_,
    AccessType,
    Account,
    Company,
    Contract,
    Invoice,
    InvoiceLine,
    InvoiceVat,
    Membership,
    SyncProblem,
    digest,
    fold,
    is_of_an_earlier_customer,
)
from rules import buyers, links, messages, third_party_payers
from rules.bulk import add_all, among, insert, new_ids, update
from rules.intake import TOO_EARLY, contracts, payers
from rules.sync_run import NEVER, VERSIONS, Aside, Item, Record, Run

ANNOUNCED = timedelta(days=40)  # older bills are history, not news
FARTHEST = timedelta(days=366)  # ahead of today may a bill be issued
MOST_CENTS, MOST = 10_000_000_00, 10**15  # of money, and of any other number

TWO_VERSIONS = N_(
    "There are two versions of invoice {number} and nothing says which is newer. Take the older one out of the folder, or have the"
    " billing system give revised_at."
)
NEGATIVE = N_(
    "Credit note {number} is for {total_cents}. Below zero it could give money back or ask for it: write its amounts without a minus,"
    " and send what is to pay as an invoice."
)
ABSURD = N_("Invoice {number} holds a number that cannot be right.")
OUTSTANDING = N_("Of invoice {number}, {outstanding_cents} is said to be unpaid, but it is for {payable_cents}.")
NOT_EUROS = N_("Invoice {number} is in {currency}. Amounts must be in euros.")


def take(run: Run, items: Sequence[Item]) -> None:
    """A bill is known by provider, kind and number. The same again is left alone; what differs is judged by `_is_newer`."""
    pairs = list(payers.with_contracts(run, list(_likely(run, items)), opens=run.rules.unknown_payer == "open"))
    add_all(contract for _, contract in pairs)
    bills = _bills(run, {item.record.number for item, _ in pairs})
    of_companies = _of_companies(contract for _, contract in pairs)
    versions: dict[Key, Version] = {}
    taken = []
    for item, contract in pairs:
        key = (contract.provider_id, _kind(item.record), item.record.number)
        if key in bills and not _is_newer(run, bills[key], item):
            taken.append(item)
            continue
        it, company = item.record, of_companies.get(contract.company_id)
        if buyers.is_for_another(contract, it, company, is_doubted=contract.id in run.doubted):
            names = {"known": company.name if company else contract.customer_name, "name": it.customer_name}
            run.put_aside(item, Aside("whose-bill", buyers.ANOTHERS, number=it.number, payer_code=it.payer_code, **names))
            continue
        taken.append(item)
        bills.setdefault(key, Bill(*key))
        run.sees(bills[key].id)
        bills[key].content_digest, bills[key].revised_at = item.digest, item.record.revised_at
        versions[key] = (bills[key], item, contract)
        if item.rivals:
            _tell_of_versions(run, bills[key], *item.rivals)
    run.figures["same"] += len(taken) - len(versions)
    new = _write(run, list(versions.values()))
    if run.rules.unknown_payer == "open":
        _name_after_latest_bill(run, {contract.id for _, _, contract in versions.values()}, {bill.id for bill, _, _ in versions.values()})
        _find_companies(run, list(versions.values()))
    _announce(run, [row for row in new if row["kind"] == "invoice" and row["issued_on"] >= run.today - ANNOUNCED])
    run.taken_in(taken)


Key = tuple[int, str, str]


@dataclass(slots=True)
class Bill:
    """A bill as it stands here, or is about to: what another version of it is weighed against. A million of them are compared in
    a run where nothing has changed, so they are no rows of `Invoice`."""

    provider_id: int
    kind: str
    number: str
    id: int | None = None
    content_digest: str = ""
    revised_at: datetime | None = None
    contract_id: int | None = None
    building_id: int | None = None

    @property
    def key(self) -> Key:
        return self.provider_id, self.kind, self.number


Version = tuple[Bill, Item, Contract]


def _bills(run: Run, numbers: Iterable[str]) -> dict[Key, Bill]:
    """The bills with these numbers that are here."""
    columns = (getattr(Invoice, name.removesuffix("_id")) for name in Bill.__slots__)
    known: Any = Invoice.select(*columns).where((Invoice.organisation == run.organisation) & among(Invoice.number, numbers))
    return {values[:3]: Bill(*values) for values in known.tuples()}


def _of_companies(rows: Iterable[Contract]) -> dict[int, Company]:
    """The companies that these contracts belong to, by id."""
    ids = {contract.company_id for contract in rows if contract.company_id}
    return {row.id: row for row in Company.select().where(Company.id.in_(ids))} if ids else {}


def _likely(run: Run, items: Sequence[Item]) -> Iterable[Item]:
    """The bills that say nothing a bill cannot say (F18)."""
    for item in items:
        try:
            _guard(run, item.record)
            yield item
        except Aside as why:
            run.put_aside(item, why)


def _guard(run: Run, it: Record) -> None:
    """Raises Aside."""
    sums = (it.net_cents, it.vat_cents, it.total_cents, it.prepaid_cents, it.rounding_cents, it.payable_cents)
    money = [*sums, *(line.net_cents for line in it.lines), *(n for rate in it.vat for n in (rate.base_cents, rate.vat_cents))]
    others = [n or 0 for line in it.lines for n in (line.quantity_milli, line.unit_price_micro, line.base_quantity_milli)]
    adds_up = it.total_cents == it.net_cents + it.vat_cents and it.payable_cents == it.total_cents - it.prepaid_cents + it.rounding_cents
    if it.currency != "EUR":
        raise Aside("currency", NOT_EUROS, number=it.number, currency=it.currency)
    if not adds_up or max(map(abs, money)) > MOST_CENTS or max(map(abs, others), default=0) > MOST:
        raise Aside("amount", ABSURD, number=it.number)
    if it.total_cents < 0 and it.kind == "credit_note":
        raise Aside("negative", NEGATIVE, number=it.number, total_cents=it.total_cents)
    if not min(0, it.payable_cents) <= _unpaid(it) <= max(0, it.payable_cents):
        raise Aside("outstanding", OUTSTANDING, number=it.number, outstanding_cents=_unpaid(it), payable_cents=it.payable_cents)
    if it.issued_on > run.today + FARTHEST:
        raise Aside("future", TOO_EARLY, day_on=it.issued_on)


def _unpaid(it: Record) -> int:
    return int(it.payable_cents if it.outstanding_cents is None else it.outstanding_cents)


def _is_newer(run: Run, row: Bill, item: Item) -> bool:
    """Whether a bill must be written over with this version of it: a later revision, or a correction of what an earlier run
    brought. Of two that one run brings with the same revision, the larger digest."""
    if row.content_digest == item.digest:
        run.sees(row.id)
        return False
    kept = row.revised_at or NEVER
    if item.revised_at != kept:
        return bool(item.revised_at > kept)
    if row.id is None or row.id in run.seen:
        _tell_of_versions(run, row, item.digest, *item.rivals)
        return item.digest > row.content_digest
    if not run.is_over and _is_known_version(run, row, item):
        _tell_of_versions(run, row, item.digest, waits=item)
        return False
    return True


def _write(run: Run, versions: Sequence[Version]) -> Sequence[Mapping[str, Any]]:
    """Insert new bills, write changed ones over, their lines and VAT anew. Returns the new ones' columns."""
    new, changed = [one for one in versions if one[0].id is None], [one for one in versions if one[0].id is not None]
    for outcome, some in (("created", new), ("changed", changed)):
        for bill, item, _ in some:
            run.count(outcome, "invoice", *bill.key, item.digest)
    for (bill, _, _), number in zip(new, new_ids(Invoice, len(new)), strict=True):
        bill.id = number
    of = {"organisation": run.organisation.id, "run": run.row.id}
    rows = [of | {"public_id": uuid.uuid4()} | _columns(*version) for version in new]
    insert(Invoice, rows)
    update(Invoice, [of | _columns(*version) for version in changed])
    for model in (InvoiceLine, InvoiceVat):
        model.delete().where(among(model.invoice, [bill.id for bill, _, _ in changed])).execute()
    insert(InvoiceLine, [line for bill, item, _ in versions for line in _lines(run, bill, item.record)])
    insert(InvoiceVat, [rate for bill, item, _ in versions for rate in _vat(run, bill, item.record)])
    for bill, _, _ in versions:
        run.sees(bill.id)
    return rows


def _columns(bill: Bill, item: Item, contract: Contract) -> dict[str, Any]:
    """A bill's own columns. A credit note's amounts turn their sign, so that sums are sums."""
    it, sign = item.record, _sign(item.record)
    return {
        "id": bill.id,
        "provider": bill.provider_id,
        "contract": contract.id,
        "building": bill.building_id if bill.contract_id == contract.id else contract.building_id,
        "kind": bill.kind,
        "number": it.number,
        "issued_on": it.issued_on,
        "due_on": it.due_on,
        "period_from": it.period_from,
        "period_to": it.period_to,
        "net_cents": sign * it.net_cents,
        "vat_cents": sign * it.vat_cents,
        "total_cents": sign * it.total_cents,
        "prepaid_cents": sign * it.prepaid_cents,
        "rounding_cents": sign * it.rounding_cents,
        "payable_cents": sign * it.payable_cents,
        "outstanding_cents": sign * _unpaid(it),
        "payment_reference": it.reference or "",
        "iban": it.iban or "",
        "refers_to": it.refers_to or "",
        "note": it.note,
        "buyer_name": it.customer_name,
        "buyer_address": it.address,
        "pdf_digest": item.pdf_digest,
        "content_digest": item.digest,
        "revised_at": it.revised_at,
    }


def _kind(it: Record) -> str:
    """A bill below zero gives money back, whatever its provider calls it: it is a credit note."""
    return "credit_note" if it.total_cents < 0 else str(it.kind)


def _sign(it: Record) -> int:
    """What turns a record's amounts into a bill's: a credit note's are written without a minus, those below zero stay so."""
    return -1 if it.kind == "credit_note" else 1


def _lines(run: Run, bill: Bill, it: Record) -> Iterable[dict[str, Any]]:
    sign = _sign(it)
    for position, line in enumerate(it.lines, 1):
        yield {
            "organisation": run.organisation.id,
            "invoice": bill.id,
            "position": position,
            "name": line.name,
            "quantity_milli": None if line.quantity_milli is None else sign * line.quantity_milli,
            "unit": line.unit,
            "unit_price_micro": line.unit_price_micro,
            "base_quantity_milli": line.base_quantity_milli,
            "net_cents": sign * line.net_cents,
            "vat_rate": line.vat_rate,
        }


def _vat(run: Run, bill: Bill, it: Record) -> Iterable[dict[str, Any]]:
    sign = _sign(it)
    for rate in it.vat:
        yield {
            "organisation": run.organisation.id,
            "invoice": bill.id,
            "category": rate.category,
            "rate": rate.rate,
            "base_cents": sign * rate.base_cents,
            "vat_cents": sign * rate.vat_cents,
        }


def _name_after_latest_bill(run: Run, ids: set[int], written: set[int | None]) -> None:
    """A contract that is known from bills alone is called as its latest bill says, whichever came first."""
    of = {contract for contract in ids if contract not in run.told}
    bills: Any = Invoice.select(Invoice.contract, Invoice.id, Invoice.buyer_name, Invoice.buyer_address).where(among(Invoice.contract, of))
    names: dict[int, list[tuple[int, tuple[str, str]]]] = {}
    for contract_id, bill_id, name, address in bills.order_by(Invoice.issued_on, Invoice.number).tuples():
        names.setdefault(contract_id, []).append((bill_id, (name, address)))
    for contract in Contract.select().where(among(Contract.id, of)):
        called, (latest, name) = (contract.customer_name, contract.address), names[contract.id][-1]
        if latest in written and called != name and called in [other for _, other in names[contract.id]]:
            contract.customer_name, contract.address = name
            contract.save()


def _find_companies(run: Run, versions: Sequence[Version]) -> None:
    """A contract that is known from bills alone becomes the company's whose code a bill says, if all its bills are that one's: else a
    company would see what another customer was billed, and staff say whose it is."""
    said = {contract.id: item.record for _, item, contract in versions if item.record.company_code and contract.id not in run.told}
    if not said:
        return
    whose = contracts.companies_of(run, list(said.values()))
    billed: dict[int, set[str]] = {}
    names: Any = Invoice.select(Invoice.contract, Invoice.buyer_name).where(among(Invoice.contract, said)).distinct().tuples()
    for contract_id, name in names:
        billed.setdefault(contract_id, set()).add(fold(name))
    moved = []
    for contract in Contract.select().where(among(Contract.id, said) & Contract.company.is_null()):
        if billed[contract.id] == {fold(said[contract.id].customer_name)}:
            contract.company = whose[said[contract.id].company_code]
            contract.save()
            moved.append(contract)
    contracts.keep_in_step(moved, {contract.company_id for contract in moved})


def _announce(run: Run, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell whoever may see these new bills, given as columns, once each."""
    if not rows or not run.is_announcing:
        return
    mine = among(Invoice.id, [row["id"] for row in rows]) & ~is_of_an_earlier_customer(Invoice.contract, Invoice.last_day())
    known: Any = Invoice.select(Invoice.id).where(mine).tuples()
    theirs = {number for (number,) in known}
    bills: dict[int, list[Mapping[str, Any]]] = {}
    for row in (row for row in rows if row["id"] in theirs):
        bills.setdefault(row["contract"], []).append(row)
    third_party_payers.announce(run.organisation, bills, run.site_url)
    live = among(Membership.contract, bills) & Membership.until_at.is_null()
    for held in Membership.select(Membership, Account, AccessType).join(Account).switch(Membership).join(AccessType).where(live):
        account = held.account
        may_not = run.rules.identity_for_everything == "strong" and account.identity_confirmed_at is None
        for row in () if may_not or "invoice.view" not in held.access_type.deeds else bills[held.contract_id]:
            messages.put(
                "new_invoice",
                account,
                organisation=run.organisation,
                dedupe_key=f"new_invoice:{row['id']}:{account.id}",
                lane=messages.BULK,
                number=row["number"],
                amount=row["payable_cents"],
                due_on=row["due_on"],
                url=links.invoice(run.site_url, row["public_id"]),
            )


# ---- two versions of one bill -----------------------------------------------------------------------------------------


def _known_versions(run: Run, row: Bill) -> tuple[str, SyncProblem | None]:
    """The problem that two versions of this bill have with one another, and the digest it is known by."""
    about = digest(f"{VERSIONS}\n{' '.join(map(str, row.key))}")
    if about not in run.problems:
        mine = (SyncProblem.organisation == run.organisation) & (SyncProblem.reference_digest == about)
        found = SyncProblem.get_or_none(mine)
        if found is not None:
            run.problems[about] = found
    return about, run.problems.get(about)


def _is_known_version(run: Run, row: Bill, item: Item) -> bool:
    _, known = _known_versions(run, row)
    return known is not None and {row.content_digest, item.digest} <= set(known.facts["versions"])


def _tell_of_versions(run: Run, row: Bill, *digests: str, waits: Item | None = None) -> None:
    """Write down that the feed holds these beside the one that stays. `waits` may turn out to be the only one left in it."""
    about, known = _known_versions(run, row)
    kept = [run.kept(waits)] if waits else []
    if known and known.run_id == run.row.id and known.record:
        kept.append(known.record)
    versions = {row.content_digest, *digests} | set(known.facts["versions"] if known else ())
    why = Aside(VERSIONS, TWO_VERSIONS, number=row.number, versions=sorted(versions), of=[row.provider_id, row.kind])
    run.write_problem(about, row.number, why, max(kept, key=lambda one: one["digest"], default=None))
