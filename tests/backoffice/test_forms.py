"""Adding and changing rows by hand."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from backoffice.lookups import MOST_FOUND
from models import Account, Building, Contract, Event, FormKey, Organisation, Premises, Provider
from rules import access, events
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter, tables

BASE = "/backoffice"


def test_a_row_is_added_for_ones_own_organisation(world: worlds.World, enter: Enter) -> None:
    """N02"""
    browser = enter("agent")
    browser.get(f"{BASE}/buildings/new/")
    browser.submit(address="  Naujoji g. 4,   Šiauliai ", provider="north Heat")
    made = Building.get(Building.address == "Naujoji g. 4,   Šiauliai")
    assert made.organisation_id == world.north.id
    assert "added" in browser.text
    event = Event.get(Event.name == "building.created")
    assert (event.actor, event.facts["after"]["provider"]) == (f"staff:{world.people['agent'].id}", "north Heat")


def test_staff_of_the_whole_install_add_a_row_where_its_relation_belongs(world: worlds.World, enter: Enter) -> None:
    browser = enter("install_administrator")
    browser.get(f"{BASE}/buildings/new/")
    browser.submit(address="Naujoji g. 4", provider=f"south Heat {worlds.CANARY} · South {worlds.CANARY}")
    assert Building.get(Building.address == "Naujoji g. 4").organisation_id == world.south.id
    browser.get(f"{BASE}/providers/new/")
    browser.submit(organisation="North", name="Naujas", code="305555555")
    assert Provider.get(Provider.name == "Naujas").organisation_id == world.north.id


def test_a_relation_is_found_by_its_words_and_only_within_reach(world: worlds.World, enter: Enter) -> None:
    """T02, T23, T24"""
    browser = enter("agent")
    browser.get(f"{BASE}/buildings/new/")
    assert worlds.CANARY not in browser.response.get_data(as_text=True)
    for words in (f"south Heat {worlds.CANARY}", str(world.foreign["provider"].public_id), str(world.foreign["provider"].id), "xyz"):
        browser.get(f"{BASE}/buildings/new/")
        browser.submit(address="Naujoji g. 4", provider=words)
        assert "select one of those that appear while you type" in browser.text
        assert browser.page.xpath("//input[@name='provider']/@value") == [words]  # what was typed stays
    assert not Building.select().where(Building.address == "Naujoji g. 4").exists()
    browser.get(f"{BASE}/buildings/new/")
    browser.submit(address="", provider="")
    assert "Enter: Address" in browser.text
    assert "Enter: Maintaining company" in browser.text


def test_a_relation_with_lithuanian_letters_is_found_and_stays(world: worlds.World, enter: Enter) -> None:
    """T23"""
    house = factories.building(world.north, "Žalia g. 1", provider=factories.provider(world.north, "UAB „Šiaulių šiluma“"))
    browser = enter("agent")
    for query in ("uab „šiaul", "UAB „Siauliu", "UAB „ŠIAULIŲ"):
        browser.get(f"{BASE}/buildings/lookup/?{urlencode({'name': 'provider', 'query': query})}")
        assert browser.response.get_json() == ["UAB „Šiaulių šiluma“"], query
    browser.get(f"{BASE}/buildings/{house.public_id}/edit/")
    browser.submit(address="Žalia g. 2")
    assert (Building.get_by_id(house.id).address, Building.get_by_id(house.id).provider_id) == ("Žalia g. 2", house.provider_id)


def test_a_lookup_gives_at_most_twenty_of_ones_own(world: worlds.World, enter: Enter) -> None:
    """T23"""
    for number in range(30):
        factories.building(world.north, f"Ilgoji g. {number}", provider=world.own["building"].provider)
    browser = enter("agent")
    for query in ("", "Ilgoji", "ilgoji g"):
        browser.get(f"{BASE}/premises/lookup/?name=building&query={query}")
        found = browser.response.get_json()
        assert len(found) == MOST_FOUND
        assert worlds.CANARY not in json.dumps(found)
    browser.get(f"{BASE}/premises/lookup/?name=building")
    assert len(browser.response.get_json()) == MOST_FOUND
    for name in ("provider", "account", "organisation", ""):
        browser.get(f"{BASE}/premises/lookup/?name={name}&query=a")
        assert browser.status == 404
    browser.get(f"{BASE}/staff/lookup/?name=organisation&query=a")
    assert browser.status == 404


def test_a_lookup_is_for_who_may_use_its_form_and_see_what_it_names(
    world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T23"""
    path = f"{BASE}/premises/lookup/?name=building&query=L"
    for who, status in (("auditor", 404), ("agent", 200)):
        browser = enter(who)
        browser.get(path)
        assert browser.status == status
    monkeypatch.setitem(access.STAFF_DEEDS, "agent", access.AGENT - {"building.view"})
    browser.get(path)
    assert browser.status == 404


def test_a_page_shows_no_rows_of_a_table_that_one_may_not_see(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = enter("agent")
    path = f"{BASE}/contracts/{world.own['contract'].public_id}/"
    browser.get(path)
    assert world.own["invoice"].number in browser.text
    monkeypatch.setitem(access.STAFF_DEEDS, "agent", access.AGENT - {"invoice.view", "event.view"})
    browser.get(path)
    assert world.own["invoice"].number not in browser.text
    assert "What happened" not in browser.text


def test_a_property_manager_adds_premises_only_in_own_buildings(world: worlds.World, enter: Enter) -> None:
    """T19"""
    browser = enter("manager")
    browser.get(f"{BASE}/premises/new/")
    browser.submit(building="Liepų g. 1", number="12")
    assert Premises.get(Premises.number == "12").building_id == world.own["building"].id
    browser.get(f"{BASE}/premises/new/")
    browser.submit(building="Kitur g. 9", number="13")
    assert not Premises.select().where(Premises.number == "13").exists()


def test_a_row_cannot_be_moved_out_of_reach_or_to_another_organisation(world: worlds.World, enter: Enter) -> None:
    """T19"""
    flat = world.own["premises"]
    browser = enter("manager")
    browser.get(f"{BASE}/premises/{flat.public_id}/edit/")
    browser.submit(building="Kitur g. 9")
    assert Premises.get(Premises.id == flat.id).building_id == flat.building_id
    browser = enter("install_administrator")
    browser.get(f"{BASE}/premises/{flat.public_id}/edit/")
    browser.submit(building=f"Liepų g. 1 {worlds.CANARY} · South {worlds.CANARY}")
    assert "Select one of the same organisation" in browser.text
    assert Premises.get(Premises.id == flat.id).building_id == flat.building_id


def test_premises_with_a_contract_do_not_leave_their_building(world: worlds.World, enter: Enter) -> None:
    """T19: the contract, its bills and readings would stay in the other one."""
    factories.building(world.north, "Nauja g. 3", provider=world.own["provider"])
    empty = factories.premises(world.own["building"], "99")
    browser = enter("agent")
    for flat, is_moved in ((world.own["premises"], False), (empty, True)):
        browser.get(f"{BASE}/premises/{flat.public_id}/edit/")
        browser.submit(building="Nauja g. 3")
        assert (Premises.get_by_id(flat.id).building_id != flat.building_id) == is_moved
        assert ("the billing system has contracts here" in browser.text) != is_moved


def test_a_building_that_the_billing_feed_names_keeps_its_address(world: worlds.World, enter: Enter) -> None:
    """The next night would make it anew, and its manager would see nobody in this one."""
    house = world.own["building"]
    Contract.update(run=world.own["syncrun"]).where(Contract.building == house.id).execute()
    browser = enter("agent")
    browser.get(f"{BASE}/buildings/{house.public_id}/edit/")
    browser.submit(address="Liepų gatvė 1")
    assert "the billing system has contracts here" in browser.text
    assert Building.get_by_id(house.id).address == house.address


def test_a_row_stays_in_its_organisation(world: worlds.World, enter: Enter) -> None:
    """T19, T29: not even those who work for all of them move it."""
    provider = world.own["provider"]
    browser = enter("install_administrator")
    browser.get(f"{BASE}/providers/{provider.public_id}/edit/")
    assert not browser.page.xpath("//input[@name='organisation']")
    typed = dict(browser.page.forms[-1].form_values()) | {"organisation": f"South {worlds.CANARY}", "address": "Nauja g. 1"}
    browser.post(f"{BASE}/providers/{provider.public_id}/edit/", typed)
    fresh = Provider.get(Provider.id == provider.id)
    assert (fresh.address, fresh.organisation_id) == ("Nauja g. 1", world.north.id)


def test_only_what_changed_is_written_with_what_it_was(world: worlds.World, enter: Enter) -> None:
    """N02, CV-39: an agent mends what the customer cannot."""
    account = world.own["account"]
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/{account.public_id}/edit/")
    Account.update(phone="+37069999999").where(Account.id == account.id).execute()  # meanwhile, by the customer
    browser.submit(name="Ona Šiaurienė")
    fresh = Account.get(Account.id == account.id)
    assert (fresh.name, fresh.phone, fresh.version) == ("Ona Šiaurienė", "+37069999999", account.version + 1)
    assert fresh.sort_key != account.sort_key
    event = Event.get(Event.name == "account.details_changed")
    assert event.facts == {"before": {"name": account.name}, "after": {"name": "Ona Šiaurienė"}}
    assert (event.account_id, event.actor) == (account.id, f"staff:{world.people['agent'].id}")
    assert "Saved" in browser.text
    assert f"Name: {account.name} → Ona Šiaurienė" in browser.text


def test_saving_without_a_change_changes_nothing(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/{world.own['account'].public_id}/edit/")
    before = worlds.snapshot((FormKey,))
    browser.submit(name=world.own["account"].name)
    assert "Nothing was different" in browser.text
    assert worlds.snapshot((FormKey,)) == before


def test_who_saves_second_sees_what_the_first_wrote_and_keeps_what_was_typed(world: worlds.World, enter: Enter) -> None:
    building = world.own["building"]
    first, second = enter("agent"), enter("administrator")
    for browser in (first, second):
        browser.get(f"{BASE}/buildings/{building.public_id}/edit/")
    first.submit(address="Pirmoji g. 1")
    second.submit(address="Antroji g. 2")
    assert "Somebody else changed this while you did" in second.text
    assert "Address is now: Pirmoji g. 1" in second.text
    assert second.page.xpath("//input[@name='address']/@value") == ["Antroji g. 2"]
    assert Building.get(Building.id == building.id).address == "Pirmoji g. 1"
    second.submit(address="Antroji g. 2")
    assert Building.get(Building.id == building.id).address == "Antroji g. 2"


def test_nothing_but_the_forms_own_columns_is_looked_at(world: worlds.World, enter: Enter, views: dict[str, Any]) -> None:
    """T29: every column of the table is sent; those of the form alone may differ."""
    browser = enter("administrator")
    for desk in tables(views).values():
        if not desk.form_columns:
            continue
        row = desk.model.get(desk.model.id == world.own[desk.table].id)
        browser.get(f"{BASE}{desk.url}/{row.public_id}/edit/")
        typed = {name: browser.page.forms[-1].fields.get(name) or "" for name in desk.form_columns if name in browser.page.forms[-1].fields}
        junk = {name: "7" for name in desk.model._meta.fields if name not in desk.form_columns and name != "version"}
        browser.post(f"{BASE}{desk.url}/{row.public_id}/edit/", {**junk, **typed, "version": str(row.version), "organisation_id": "99"})
        assert "Nothing was different" in browser.text, desk.endpoint
        fresh = desk.model.get(desk.model.id == row.id)
        assert fresh.__data__ == row.__data__


def test_a_failure_in_the_middle_leaves_nothing_half_done(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """T33"""
    browser = enter("agent")
    browser.get(f"{BASE}/buildings/new/")
    before = worlds.snapshot()

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(events, "record", broken)
    response = browser.client.post(
        "/buildings/new/",
        base_url="http://localhost/backoffice",
        data={name: browser.page.forms[-1].fields[name] for name in ("csrf_token", "form_key")}
        | {"address": "Naujoji g. 4", "provider": "north Heat"},
    )
    assert response.status_code == 500
    assert "disk" not in response.text
    assert worlds.snapshot() == before


def test_what_the_database_refuses_is_said_in_words(world: worlds.World, enter: Enter) -> None:
    """T34"""
    browser = enter("agent")
    browser.get(f"{BASE}/buildings/new/")
    browser.submit(address=world.own["building"].address, provider="north Heat")
    assert "There is one like this already" in browser.text
    text = browser.response.get_data(as_text=True)
    assert not [word for word in ("UNIQUE", "constraint", "organisation_id", "IntegrityError", "SELECT") if word in text]


def test_a_form_sent_twice_adds_one_row(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/buildings/new/")
    sent = dict(browser.page.forms[-1].form_values()) | {"address": "Naujoji g. 4", "provider": "north Heat"}
    answers = [browser.client.post("/buildings/new/", base_url="http://localhost/backoffice", data=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    assert Building.select().where(Building.address == "Naujoji g. 4").count() == 1
    sent["address"] = "Kita g. 5"
    assert browser.client.post("/buildings/new/", base_url="http://localhost/backoffice", data=sent).status_code == 409


def test_a_change_sent_twice_is_the_same_change(world: worlds.World, enter: Enter) -> None:
    building = world.own["building"]
    browser = enter("agent")
    browser.get(f"{BASE}/buildings/{building.public_id}/edit/")
    sent = dict(browser.page.forms[-1].form_values()) | {"address": "Naujoji g. 4"}
    path = f"/buildings/{building.public_id}/edit/"
    answers = [browser.client.post(path, base_url="http://localhost/backoffice", data=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert Event.select().where(Event.name == "building.changed").count() == 1


def test_a_colour_that_white_words_cannot_stand_on_is_refused(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    for colour, says in (("#ffee00", "White words cannot be read"), ("green", "Enter the colour as #"), ("#0B5C8A", "Saved")):
        browser.get(f"{BASE}/organisations/{world.north.public_id}/edit/")
        browser.submit(brand=colour, name="Šiaurė")
        assert says in browser.text
    assert Organisation.get(Organisation.id == world.north.id).brand == "#0b5c8a"


def test_an_account_number_with_a_wrong_digit_is_refused(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    provider = world.own["provider"]
    browser.get(f"{BASE}/providers/{provider.public_id}/edit/")
    browser.submit(iban="LT12 1000 0111 0100 1001")
    assert "its digits do not fit together" in browser.text
    browser.submit(iban="lt12 1000 0111 0100 1000")
    assert Provider.get(Provider.id == provider.id).iban == "LT121000011101001000"
