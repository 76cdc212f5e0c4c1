"""In which house a contract is. Where the feed knows no houses (UBL), or is wrong, staff say it (decision 12)."""

from models import N_, Building, Contract, Invoice, Meter, Premises, Reading, Staff
from rules import events
from rules.refusal import Missing, Refused
from rules.work import unit_of_work


def place(contract: Contract, *, building: Building, number: str, reason: str, by: Staff) -> None:
    """Put a contract into a building, and into its premises with that number unless it is empty; they are made where they are new.

    Its meters, readings and bills go with it, all of them: it was never anywhere else, so whoever manages the building it stood in
    by mistake sees none of them any more. Raises Refused, or Missing for a building out of `by`'s reach.
    """
    number = number.strip()
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    if not Building.within(by).where(Building.id == building.id).exists():
        raise Missing
    if building.organisation_id != contract.organisation_id:
        raise Refused(N_("Select one of the same organisation"), field="building")
    with unit_of_work():
        before = Contract.get_by_id(contract.id)
        flat = _premises(building, number, by) if number else None
        if (before.building_id, before.premises_id) == (building.id, flat.id if flat else None):
            raise Refused(N_("It is there already: nothing was changed."), field="building")
        was, is_now = _where(before.building, before.premises), _where(building, flat)
        version = Contract.version + 1
        Contract.update(building=building, premises=flat, version=version).where(Contract.id == contract.id).execute()
        for model in (Meter, Reading, Invoice):
            model.update(building=building).where(model.contract == contract).execute()
        contract.building, contract.premises = building, flat
        events.record("contract.placed", contract, by=by, before=was, after=is_now, reason=reason.strip())


def renamed(building: Building) -> None:
    """Premises are sorted under the address of their building: after it has changed they are sorted anew."""
    for flat in Premises.select().where(Premises.building == building):
        flat.building = building
        flat.save()


def _premises(building: Building, number: str, by: Staff) -> Premises:
    if len(number) > Premises.number.max_length:
        raise Refused(N_("The number must be at most {most} characters"), field="number", most=Premises.number.max_length)
    found = Premises.get_or_none((Premises.building == building) & (Premises.number == number))
    if found is None:
        found = Premises.create(organisation=building.organisation_id, building=building, number=number)
        events.record("premises.created", found, by=by, after={"building": str(building), "number": number})
    return found


def _where(building: Building | None, premises: Premises | None) -> str:
    return str(premises or building or "")
