"""What the records of contracts become: contracts, with their houses and companies."""

from collections.abc import Iterable, Sequence
from typing import Any

from models import N_, Building, Company, Contract, Invoice, Meter, Premises, Reading, Table, canonical, fold
from rules import buyers, companies, events, heads, holding, own_contracts, personal_codes
from rules.bulk import add_all, among
from rules.intake import payers, say, say_unless_said
from rules.sync_run import Aside, Item, Record, Run

GOES_ON = N_(
    "The payer code {payer_code} goes on to another customer on {opened_on}. Until then it stays with who has it; the record is taken in"
    " on that day."
)


def take(run: Run, items: Sequence[Item]) -> None:
    """What a feed says of contracts is true; the last word stays. Where it knows no houses, staff say in which one a contract is."""
    pairs = list(payers.with_contracts(run, items, opens=True))
    houses, taken = _houses(run, pairs), []
    whose = companies_of(run, [item.record for item, _ in pairs])
    moved: dict[int, Contract] = {}
    whose_ids: set[int] = set()
    billed = buyers.of(
        contract.id
        for item, contract in pairs
        if contract.id
        and (
            (_person(item.record) or contract.person_digest) != contract.person_digest
            or ((company := whose.get(item.record.company_code)) and company.id != contract.company_id)
        )
    )
    for item, contract in pairs:
        it, before, company, doubt = item.record, contract.company_id, whose.get(item.record.company_code), ""
        person = _person(it)
        house, flat = houses.get((it.building, None)), houses.get((it.building, it.premises))
        said: dict[str, Any] = {"customer_name": it.customer_name, "opened_on": it.opened_on, "ended_on": it.ended_on}
        place: dict[str, Any] = {"address": it.address or str(flat or house or "")}
        if house is not None:
            place |= {"building": house, "premises": flat if it.premises else None}
        if company is not None:
            place["company"] = company
        is_same = company.id == before if company is not None else bool(person and before is None and person == contract.person_digest)
        has_passed_on = contract.id is not None and not is_same and _has_passed_on(contract, it, company, person)
        if has_passed_on:
            if it.opened_on > run.today:
                run.put_aside(item, Aside("goes-on", GOES_ON, payer_code=it.payer_code, opened_on=it.opened_on))
                continue
            holding.pass_on(contract, it.opened_on)
            said |= {"company": company, "person_digest": person or None}
        elif contract.id is not None and (
            buyers.is_moved_unsaid(contract, it.customer_name, company, billed)
            or (_is_other(contract, person) and not buyers.is_named(it.customer_name, contract.customer_name))
            or (
                _is_earlier(contract, it) and (_is_other(contract, person) or not buyers.is_named(it.customer_name, contract.customer_name))
            )
        ):
            run.doubted.add(contract.id)
            names = {"known": contract.company.name if contract.company else contract.customer_name, "name": it.customer_name}
            run.put_aside(item, Aside("whose", buyers.WHOSE, payer_code=it.payer_code, **names))
            continue
        elif person and buyers.is_other_person(contract, person, it.customer_name, billed):
            said["person_digest"], doubt = "", buyers.OTHER_CODE
            if contract.id is not None:
                holding.end_by_identity(contract)
        elif person:
            said["person_digest"] = person
        elif contract.person_digest and not buyers.is_named(it.customer_name, contract.customer_name):
            said["person_digest"] = ""  # of whoever it was until now
        elif contract.person_digest and it.opened_on and contract.opened_on and it.opened_on > contract.opened_on:
            said["person_digest"] = None  # a new first day without a code: of whom, nobody says
        if it.personal_code == personal_codes.WRONG:
            doubt = buyers.NO_CODE
        run.doubted.discard(contract.id)
        words = (it.address, it.building, it.premises, *([it.company_code] if it.company_code else []))
        has_changed = say(contract, said) | say_unless_said(contract, place, *words)
        if contract.id is not None:
            what = (contract.provider_id, contract.payer_code, it.customer_name, contract.address, contract.building_id, it.ended_on)
            run.count("changed" if has_changed else "same", "contract", *what)
        if contract.id is not None and has_changed:
            run.openings += 1
            _save_with_house(contract)
        if contract.company_id != before:
            moved[id(contract)] = contract
            whose_ids |= {one for one in (before, contract.company_id) if one}
        if doubt:
            run.put_aside(item, Aside("personal-code", doubt, payer_code=it.payer_code))
        else:
            taken.append(item)
    add_all(contract for _, contract in pairs)
    keep_in_step(moved.values(), whose_ids)
    for _, contract in pairs:
        run.told.add(contract.id)
    if in_a_name := [contract.id for _, contract in pairs if contract.person_digest]:
        own_contracts.find_owners(run.organisation, in_a_name)
    run.taken_in(taken)


def companies_of(run: Run, records: Sequence[Record]) -> dict[str, Company]:
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


def keep_in_step(moved: Iterable[Contract], of: set[int]) -> None:
    """Whoever represents a company has what became its contract, and has not what no longer is."""
    numbers = [contract.id for contract in moved]
    if numbers:
        companies.keep_in_step(among(Contract.id, numbers), sorted(of), by=events.SYSTEM)


def _person(it: Record) -> str:
    """The digest of the customer's personal code; empty where there is none, or a company's code stands beside it."""
    return "" if it.company_code or it.personal_code == personal_codes.WRONG else str(it.personal_code)


def _is_other(contract: Contract, person: str) -> bool:
    return bool(person and contract.person_digest is not None) and person != contract.person_digest


def _is_earlier(contract: Contract, it: Record) -> bool:
    """Whether a record is from before the present customer's time: an old file, read again or late."""
    return bool(it.opened_on and contract.opened_on and it.opened_on < contract.opened_on)


def _has_passed_on(contract: Contract, it: Record, company: Company | None, person: str) -> bool:
    """Whether the payer code is another customer's from now on: of another name, company or person, and opened later (decision 11). Where
    nobody has said yet since when it was a customer's, the first day said with another company or person is such a day."""
    of_one, of_other, is_other = contract.company_id, company and company.id, _is_other(contract, person)
    is_still_theirs = of_one == of_other and not is_other
    if it.opened_on is None or (is_still_theirs if contract.opened_on is None else it.opened_on <= contract.opened_on):
        return False
    return is_other or bool(of_one and of_other) or fold(it.customer_name) != fold(contract.customer_name)


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
