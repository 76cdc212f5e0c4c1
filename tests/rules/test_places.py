"""Staff say in which house a contract is: everything of it goes with it, and so does who may see it."""

from datetime import date
from typing import Any

import pytest

from models import Contract, Event, Invoice, Meter, Organisation, Premises, Reading
from rules import places, rows
from rules.refusal import Missing, Refused
from tests import factories

TABLES = (Contract, Meter, Reading, Invoice)


@pytest.fixture
def flat(north: Organisation) -> Contract:
    made = factories.contract(north, "01-204 77")
    factories.invoice(made)
    factories.reading(factories.meter(made), 5_000, date(2026, 10, 31))
    return made


def test_a_contract_goes_to_a_building_with_its_meters_readings_and_bills(north: Organisation, flat: Contract) -> None:
    """N08, decision 12"""
    olga, first, second = factories.staff(north), factories.building(north, "Liepų g. 1"), factories.building(north, "Liepų g. 2")
    managers = []
    for house in (first, second):
        manager = factories.staff(north, "property_manager")
        factories.manages(manager, house)
        managers.append(manager)

    def seen() -> list[list[int]]:
        return [[model.within(manager).count() for model in TABLES] for manager in managers]

    assert seen() == [[0] * 4, [0] * 4]
    places.place(flat, building=first, number="7", reason="The bill says so", by=olga)
    assert seen() == [[1] * 4, [0] * 4]
    places.place(Contract.get(), building=second, number="", reason="Typed wrong", by=olga)
    assert seen() == [[0] * 4, [1] * 4]
    assert [event.facts for event in Event.select().where(Event.name == "contract.placed").order_by(Event.id)] == [
        {"before": "", "after": "Liepų g. 1 - 7", "reason": "The bill says so"},
        {"before": "Liepų g. 1 - 7", "after": "Liepų g. 2", "reason": "Typed wrong"},
    ]
    assert Event.get(Event.name == "premises.created").subject == f"premises:{Premises.get().id}"
    with pytest.raises(Refused, match="there already"):
        places.place(Contract.get(), building=second, number="", reason="x", by=olga)


def test_premises_that_are_known_are_not_made_again(north: Organisation, flat: Contract) -> None:
    house = factories.building(north)
    known = factories.premises(house, "7")
    places.place(flat, building=house, number=" 7 ", reason="x", by=factories.staff(north))
    assert (Contract.get().premises, Premises.select().count()) == (known, 1)


def test_no_contract_goes_to_a_building_of_another_organisation(north: Organisation, flat: Contract) -> None:
    """T19"""
    foreign = factories.building(factories.organisation("south"))
    everyone: Any = factories.staff(None, "administrator")
    with pytest.raises(Missing):
        places.place(flat, building=foreign, number="", reason="x", by=factories.staff(north))
    with pytest.raises(Refused, match="same organisation"):
        places.place(flat, building=foreign, number="", reason="x", by=everyone)
    assert Contract.get().building is None


def test_a_building_with_a_new_address_takes_its_premises_along_in_the_order_of_lists(north: Organisation) -> None:
    house, other = factories.building(north, "Žolyno g. 1"), factories.building(north, "Liepų g. 1")
    for one in (house, other):
        factories.premises(one, "1")
    rows.change(house, {"address": "Ąžuolų g. 1"}, version=0, by=factories.staff(north))
    listed = [str(flat) for flat in Premises.select().order_by(Premises.sort_key)]
    assert listed == ["Ąžuolų g. 1 - 1", "Liepų g. 1 - 1"]
