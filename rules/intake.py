"""What the records of a billing feed become: contracts with their houses, bills, meters, readings. `rules/sync.py` says when.

Each function takes the records of one kind in a block, inside its transaction, and asks the database per block, not per record.
A payer code is compared byte for byte (CV-13). Whatever cannot be taken in is put aside with the reason.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import (
    N_,
    AccessType,
    Account,
    Building,
    Company,
    Contract,
    Invoice,
    InvoiceLine,
    InvoiceVat,
    Membership,
    Meter,
    MeterKind,
    Premises,
    Provider,
    Reading,
    SyncProblem,
    Table,
    canonical,
    digest,
    fold,
    payer_code_key,
)
from rules import buyers, chain, companies, events, heads, holding, links, messages, personal_codes, readings
from rules.bulk import add_all, among, insert, new_ids, update
from rules.sync_run import NEVER, VERSIONS, Aside, Item, Record, Run

ANNOUNCED = timedelta(days=40)  # older bills are history, not news
FARTHEST = timedelta(days=366)  # ahead of today may a bill be issued
MOST_CENTS, MOST = 10_000_000_00, 10**15  # of money, and of any other number


# ---- why a record is put aside ----------------------------------------------------------------------------------------

UNKNOWN_PAYER = N_("No contract has the payer code {payer_code}. The record is taken in as soon as one has.")
LIKE_ANOTHER = N_("The payer code {payer_code} differs from {known} only in spaces, dashes or capital letters. One of them must be wrong.")
GOES_ON = N_(
    "The payer code {payer_code} goes on to another customer on {opened_on}. Until then it stays with who has it; the record is taken in"
    " on that day."
)
NO_PAYER = N_("The payer code {payer_code} must have a letter or a digit.")
NO_PROVIDER = N_("The organisation has no provider. Add one; the record is then taken in.")
UNKNOWN_PROVIDER = N_("No provider has the name or code {provider}. Correct the provider; the record is then taken in.")
WHICH_PROVIDER = N_("The record must name its provider, because there are several.")
UNKNOWN_KIND = N_("There is no kind of meter {meter_kind}. Meter {number} is taken in as soon as there is one.")
ELSEWHERE = N_("Meter {number} is still at {known}. It moves to {payer_code} when that contract has ended or the meter was removed there.")
UNKNOWN_METER = N_("There is no meter {number} at the payer code {payer_code}. Its reading is taken in as soon as there is one.")
WHICH_METER = N_("There are several meters {number} at the payer code {payer_code}. The reading must name the kind of meter.")
UNLIKELY_READING = N_("Meter {number} cannot have shown {value_milli}.")
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
TOO_EARLY = N_("{day_on} lies too far ahead.")


# ---- contracts and houses ---------------------------------------------------------------------------------------------


def take_contracts(run: Run, items: Sequence[Item]) -> None:
    """What a feed says of contracts is true; the last word stays. Where it knows no houses, staff say in which one a contract is."""
    pairs = list(_with_contracts(run, items, opens=True))
    houses, taken = _houses(run, pairs), []
    whose = _companies(run, [item.record for item, _ in pairs])
    moved: dict[int, Contract] = {}
    whose_ids: set[int] = set()
    billed = buyers.of(
        contract.id
        for item, contract in pairs
        if contract.id and (company := whose.get(item.record.company_code)) and company.id != contract.company_id
    )
    for item, contract in pairs:
        it, before, company = item.record, contract.company_id, whose.get(item.record.company_code)
        house, flat = houses.get((it.building, None)), houses.get((it.building, it.premises))
        said: dict[str, Any] = {"customer_name": it.customer_name, "opened_on": it.opened_on, "ended_on": it.ended_on}
        place: dict[str, Any] = {"address": it.address or str(flat or house or "")}
        if house is not None:
            place |= {"building": house, "premises": flat if it.premises else None}
        if company is not None:
            place["company"] = company
        is_same = company is not None and company.id == before
        has_passed_on = contract.id is not None and not is_same and _has_passed_on(contract, it, company)
        if has_passed_on:
            if it.opened_on > run.today:
                run.put_aside(item, Aside("goes-on", GOES_ON, payer_code=it.payer_code, opened_on=it.opened_on))
                continue
            holding.pass_on(contract, it.opened_on)
            said["company"] = company
        elif contract.id is not None and buyers.is_moved_unsaid(contract, it.customer_name, company, billed):
            run.doubted.add(contract.id)
            names = {"known": contract.company.name if contract.company else contract.customer_name, "name": it.customer_name}
            run.put_aside(item, Aside("whose", buyers.WHOSE, payer_code=it.payer_code, **names))
            continue
        run.doubted.discard(contract.id)
        words = (it.address, it.building, it.premises, *([it.company_code] if it.company_code else []))
        has_changed = _say(contract, said) | _say_unless_said(contract, place, *words)
        if contract.id is not None:
            what = (contract.provider_id, contract.payer_code, it.customer_name, contract.address, contract.building_id, it.ended_on)
            run.count("changed" if has_changed else "same", "contract", *what)
        if contract.id is not None and has_changed:
            run.openings += 1
            _save_with_house(contract)
        if contract.company_id != before:
            moved[id(contract)] = contract
            whose_ids |= {one for one in (before, contract.company_id) if one}
        taken.append(item)
    add_all(contract for _, contract in pairs)
    _keep_in_step(moved.values(), whose_ids)
    for _, contract in pairs:
        run.told.add(contract.id)
    run.taken_in(taken)


def _companies(run: Run, records: Sequence[Record]) -> dict[str, Company]:
    """The companies whose contracts these are, by their codes, and the businesses of people, by the digests of theirs (IB-34); made
    where they are new."""
    names = {it.company_code: it.customer_name for it in records if it.company_code}
    if not names:
        return {}
    by_code = Company.code.in_(list(names)) | Company.person_digest.in_(list(names))
    known = Company.select().where((Company.organisation == run.organisation) & by_code)
    found = {str(row.code or row.person_digest): row for row in known}
    new = {}
    for code in names.keys() - found.keys():
        whose = {"person_digest": code} if personal_codes.is_hidden(code) else {"code": code}
        new[code] = Company(organisation=run.organisation, name=names[code] or code, **whose)
    add_all(new.values())
    run.written += sorted(canonical(("company", code, one.name)) for code, one in new.items())
    heads.find_owners(run.organisation, list(filter(personal_codes.is_hidden, new)))
    return found | new


def _keep_in_step(moved: Iterable[Contract], of: set[int]) -> None:
    """Whoever represents a company has what became its contract, and has not what no longer is."""
    numbers = [contract.id for contract in moved]
    if numbers:
        companies.keep_in_step(among(Contract.id, numbers), sorted(of), by=events.SYSTEM)


def _has_passed_on(contract: Contract, it: Record, company: Company | None) -> bool:
    """Whether the payer code is another customer's from now on: of another name or company, and opened later (decision 11). Where
    nobody has said yet since when it was a customer's, the first day said with another company is such a day."""
    of_one, of_other = contract.company_id, company and company.id
    if it.opened_on is None or (of_one == of_other if contract.opened_on is None else it.opened_on <= contract.opened_on):
        return False
    return bool(of_one and of_other) or fold(it.customer_name) != fold(contract.customer_name)


def _say_unless_said(row: Table, values: dict[str, Any], *words: str | None) -> bool:
    """Set what the feed says of a place, which staff may correct: only where it says something else than the last time."""
    said = digest("\n".join(word or "" for word in words))
    return _say(row, values | {"feed_digest": said}) if row.feed_digest != said else False


def _with_contracts(run: Run, items: Sequence[Item], *, opens: bool) -> Iterable[tuple[Item, Contract]]:
    """Each record with its contract; with `opens` a new one, not inserted yet, where none has its payer code."""
    for item in items:
        try:
            contract = _find(run, item.record)
            if contract is None and not opens:
                raise Aside("unknown-payer", UNKNOWN_PAYER, payer_code=item.record.payer_code)
            yield item, contract or _open(run, item.record)
        except Aside as why:
            run.put_aside(item, why)


def load_contracts(run: Run, items: Sequence[Item]) -> None:
    """The contracts that a block speaks of, and those whose codes could be taken for theirs."""
    codes = {item.record.payer_code for item in items if item.kind != "PutAside"}
    columns = () if any(item.kind == "Contract" for item in items) else ENOUGH
    ours = Contract.select(*columns).where(Contract.provider.in_(run.providers))
    run.contracts = {(row.provider_id, row.payer_code): row for row in ours.where(among(Contract.payer_code, codes))}
    known = Counter(code for _, code in run.contracts)
    keys = {payer_code_key(code) for code in codes if known[code] < len(run.providers)}
    run.alike = {(row.provider_id, row.payer_code_key): row for row in ours.where(among(Contract.payer_code_key, keys))}


# What meters, bills and readings must know of their contract.
ENOUGH = (
    Contract.id, Contract.provider, Contract.payer_code, Contract.payer_code_key, Contract.building, Contract.ended_on,
    Contract.customer_name, Contract.company, Contract.opened_on,
)  # fmt: skip


def _provider(run: Run, it: Record) -> Provider | None:
    """Whose record it is; None where it does not say and there are several. Raises Aside."""
    if not run.providers:
        raise Aside("no-provider", NO_PROVIDER)
    if len(run.providers) == 1:
        return run.providers[0]
    said = [name for name in (it.provider, getattr(it, "provider_name", "")) if name]
    for name in said:
        for provider in run.providers:
            if name in (provider.code, provider.vat_code, provider.name):
                return provider
    if said:
        raise Aside("unknown-provider", UNKNOWN_PROVIDER, provider=said[0])
    return None


def _find(run: Run, it: Record) -> Contract | None:
    """The contract that the record's payer code stands for, byte for byte. Raises Aside."""
    provider = _provider(run, it)
    theirs = [provider] if provider else run.providers
    found = [row for one in theirs if (row := run.contracts.get((one.id, it.payer_code)))]
    if len(found) > 1:
        raise Aside("which-provider", WHICH_PROVIDER)
    return found[0] if found else None


def _open(run: Run, it: Record) -> Contract:
    """A contract to be inserted. Raises Aside where its payer code could be taken for another's (T15)."""
    provider, code, key = _provider(run, it), it.payer_code, payer_code_key(it.payer_code)
    if provider is None:
        raise Aside("which-provider", WHICH_PROVIDER)
    if not key:
        raise Aside("payer-code", NO_PAYER, payer_code=code)
    twin = run.alike.get((provider.id, key))
    if twin is not None:
        raise Aside("like-another", LIKE_ANOTHER, payer_code=code, known=twin.payer_code)
    made = Contract(organisation=run.organisation, provider=provider, payer_code=code, run=run.row)
    made.customer_name, made.address = it.customer_name, it.address
    run.contracts[provider.id, code] = run.alike[provider.id, key] = made
    run.count("created", "contract", provider.id, code, it.customer_name, it.address)
    run.openings += 1
    return made


def _houses(run: Run, pairs: Sequence[tuple[Item, Contract]]) -> dict[tuple[str | None, str | None], Table]:
    """The houses and flats of these contracts, made where they are new, by address and number (None: the house)."""
    owners = {item.record.building: contract.provider_id for item, contract in pairs if item.record.building}
    if not owners:
        return {}
    of_here = Building.organisation == run.organisation
    houses = {row.address: row for row in Building.select().where(of_here & Building.address.in_(list(owners)))}
    houses |= {at: Building(organisation=run.organisation, provider=owners[at], address=at) for at in owners if at not in houses}
    add_all(houses.values())
    by_id = {row.id: row for row in houses.values()}
    wanted = {(houses[it.building].id, it.premises) for it in (item.record for item, _ in pairs) if it.building and it.premises}
    known = Premises.select().where(Premises.building.in_(list(by_id)) & Premises.number.in_({number for _, number in wanted}))
    flats = {(row.building_id, row.number): row for row in known}
    flats |= {(at, number): Premises(organisation=run.organisation, number=number) for at, number in wanted if (at, number) not in flats}
    for (at, _), flat in flats.items():
        flat.building = by_id[at]
    add_all(flats.values())
    found: dict[tuple[str | None, str | None], Table] = {(address, None): house for address, house in houses.items()}
    return found | {(by_id[at].address, number): flat for (at, number), flat in flats.items()}


def _save_with_house(contract: Contract) -> None:
    """Meters go with the contract to another house; bills and readings stay with the house of their day, if they had one."""
    has_moved = "building" in contract.dirty_field_names
    contract.save()
    if has_moved:
        Meter.update(building=contract.building_id).where(Meter.contract == contract).execute()
        for model in (Invoice, Reading):
            model.update(building=contract.building_id).where((model.contract == contract) & model.building.is_null()).execute()


# ---- bills ------------------------------------------------------------------------------------------------------------


def take_invoices(run: Run, items: Sequence[Item]) -> None:
    """A bill is known by provider, kind and number. The same again is left alone; what differs is judged by `_is_newer`."""
    pairs = list(_with_contracts(run, list(_likely(run, items)), opens=run.rules.unknown_payer == "open"))
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


def _of_companies(contracts: Iterable[Contract]) -> dict[int, Company]:
    """The companies that these contracts belong to, by id."""
    ids = {contract.company_id for contract in contracts if contract.company_id}
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


def _name_after_latest_bill(run: Run, contracts: set[int], written: set[int | None]) -> None:
    """A contract that is known from bills alone is called as its latest bill says, whichever came first."""
    of = {contract for contract in contracts if contract not in run.told}
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
    whose = _companies(run, list(said.values()))
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
    _keep_in_step(moved, {contract.company_id for contract in moved})


def _announce(run: Run, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell whoever may see these new bills, given as columns, once each."""
    if not rows or not run.is_announcing:
        return
    bills: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        bills.setdefault(row["contract"], []).append(row)
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


# ---- meters and readings ----------------------------------------------------------------------------------------------


def take_meters(run: Run, items: Sequence[Item]) -> None:
    """A meter is known by kind and number. The last word stays, but for where it is: see `_refuse_to_move`."""
    mine = (Meter.organisation == run.organisation) & Meter.number.in_({item.record.number for item in items})
    rows = {(row.kind_id, row.number): row for row in Meter.select().where(mine)}
    taken = []
    for item in items:
        it = item.record
        try:
            kind, contract = _meter_kind(run, it), _known_contract(run, it)
            meter = rows.get((kind.id, it.number)) or Meter(organisation=run.organisation, kind=kind, number=it.number)
            is_elsewhere = meter.contract_id not in (None, contract.id)
            if is_elsewhere and not (it.removed_on and it.removed_on <= run.today):
                _refuse_to_move(run, meter, contract)
                is_elsewhere = False
        except Aside as why:
            run.put_aside(item, why)
            continue
        said = {"contract": contract, "building": contract.building_id, "installed_on": it.installed_on, "removed_on": it.removed_on}
        # One that was here once and is at another place now stays there.
        has_changed = not is_elsewhere and _say(meter, said) | _say_unless_said(meter, {"place": it.place}, it.payer_code, it.place)
        outcome = "created" if (kind.id, it.number) not in rows else "changed" if has_changed else "same"
        run.count(outcome, "meter", kind.id, it.number, contract.id, it.place, it.installed_on, it.removed_on)
        run.openings += outcome != "same"
        rows[kind.id, it.number] = meter
        taken.append((item, meter))
    add_all(meter for _, meter in taken)
    for _, meter in taken:
        if meter.is_dirty():
            meter.save()
    run.taken_in(item for item, _ in taken)


def _meter_kind(run: Run, it: Record) -> MeterKind:
    if it.kind not in run.kinds:
        raise Aside("unknown-kind", UNKNOWN_KIND, meter_kind=it.kind, number=it.number)
    return run.kinds[it.kind]


def _known_contract(run: Run, it: Record) -> Contract:
    contract = _find(run, it)
    if contract is None:
        raise Aside("unknown-payer", UNKNOWN_PAYER, payer_code=it.payer_code)
    return contract


def _refuse_to_move(run: Run, meter: Meter, to: Contract) -> None:
    """A meter goes to another contract only when its own has ended or it was removed there: else two places share a number, and
    one would see the other's readings. Raises Aside."""
    ends = (meter.removed_on, meter.contract.ended_on)
    if not any(day is not None and day <= run.today for day in ends):
        raise Aside("meter-elsewhere", ELSEWHERE, number=meter.number, known=meter.contract.payer_code, payer_code=to.payer_code)


def take_readings(run: Run, items: Sequence[Item]) -> None:
    """Readings go to the meter that the contract has, or had at the time."""
    mine = (Meter.organisation == run.organisation) & Meter.number.in_({item.record.meter for item in items})
    meters: dict[str, list[Meter]] = {}
    for meter in Meter.select().where(mine).order_by(Meter.id):
        meters.setdefault(meter.number, []).append(meter)
    told, taken = [], []
    for item in items:
        it = item.record
        try:
            if not 0 <= it.value_milli <= readings.MOST_MILLI:
                raise Aside("reading", UNLIKELY_READING, number=it.meter, value_milli=it.value_milli)
            if it.read_on > run.today:
                raise Aside("future", TOO_EARLY, day_on=it.read_on)
            contract = _known_contract(run, it)
            meter = _meter(run, it, contract, meters.get(it.meter, []))
        except Aside as why:
            run.put_aside(item, why)
            continue
        told.append(chain.Told(meter, contract.id, it.value_milli, it.read_on))
        taken.append(item)
    outcomes = chain.store_many(told, source="feed", run=run.row, is_last_word=run.is_over)
    for item, one, (outcome, version) in zip(taken, told, outcomes, strict=True):
        if outcome == "older":
            run.replaced[version] = item
        elif not run.is_old:
            run.versions.add(version)
        run.count("same" if outcome == "older" else outcome, "reading", one.meter.id, one.read_on, one.value_milli)
    run.taken_in(taken)


def _meter(run: Run, it: Record, contract: Contract, called: Sequence[Meter]) -> Meter:
    """The meter of a reading. Raises Aside."""
    kind = run.kinds.get(it.kind) if it.kind else None
    fitting = [meter for meter in called if it.kind is None or (kind and meter.kind_id == kind.id)]
    here = [meter for meter in fitting if meter.contract_id == contract.id]
    if not here and contract.ended_on is not None and it.read_on <= contract.ended_on:
        here = fitting
    if len(here) > 1:
        raise Aside("which-meter", WHICH_METER, number=it.meter, payer_code=contract.payer_code)
    if not here:
        raise Aside("unknown-meter", UNKNOWN_METER, number=it.meter, payer_code=contract.payer_code)
    return here[0]


def _say(row: Table, values: dict[str, Any]) -> bool:
    """Set what differs; whether anything does."""
    different = {n: v for n, v in values.items() if row.__data__.get(n) != (v.id if isinstance(v, Table) else v)}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)
