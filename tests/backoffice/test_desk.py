"""What every desk promises, whatever its table: scope, forms, acts, files, and an answer to every odd address."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import current_app

import web
from backoffice import timeline
from backoffice.desk import Desk
from backoffice.desks import Accounts
from backoffice.home import Home
from backoffice.lookups import MOST_FOUND
from backoffice.settings import SettingsPages
from backoffice.undeclared import UndeclaredPages
from models import TABLES, Account, Building, Contract, Event, FormKey, Message, Organisation, Premises, Provider, Staff, SyncProblem, now
from rules import access, accounts, events
from rules.refusal import Refused
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def tables(views: dict[str, Any]) -> dict[str, Any]:
    """The desks by their table's name."""
    return {view.table: view for view in views.values() if isinstance(view, Desk)}


# ---- nothing but desks ------------------------------------------------------------------------------------------------


def test_every_page_of_the_backoffice_is_one_that_knows_the_rules(views: dict[str, Any]) -> None:
    """T16, T25, T38"""
    for view in views.values():
        assert isinstance(view, Desk | Home | SettingsPages | UndeclaredPages), view
    for made in tables(views).values():
        assert made.can_delete is False
        assert not made.column_editable_list
        assert not made.inline_models


def test_every_form_names_its_columns_and_none_of_them_is_secret(views: dict[str, Any]) -> None:
    """T29"""
    secret = {"password_hash", "totp_secret", "totp_last_step", "search_key", "sort_key", "email_key", "version", "public_id", "id"}
    for view in tables(views).values():
        assert not secret & set(view.form_columns or ())
        assert not secret & {name.split(".")[-1] for name in (*view.column_list, *(view.column_details_list or ()))}


def test_filters_and_orders_use_only_what_the_list_or_the_page_of_a_row_shows(views: dict[str, Any]) -> None:
    """T26, T27"""
    for view in tables(views).values():
        shown = {name.split(".")[0] for name in (*view.column_list, *view.second_lines.values(), *(view.column_details_list or ()))}
        relations = {name for name, field in view.model._meta.fields.items() if hasattr(field, "rel_model")}
        assert set(view.column_filters) <= shown | relations, view.endpoint
        assert set(view.sortable) <= set(view.column_list), view.endpoint


@pytest.mark.parametrize("page", ["delete", "action", "ajax/update", "ajax/lookup", "export/csv"])
def test_pages_of_flask_admin_that_skip_the_rules_are_not_there(enter: Enter, page: str) -> None:
    """T20, T32"""
    browser = enter("administrator")
    browser.get(f"{BASE}/buildings/new/")
    before = worlds.snapshot((FormKey,))
    browser.post(f"{BASE}/accounts/{page}/", {"id": "1", "rowid": "1", "action": "delete", "list_form_pk": "1", "name": "X"})
    assert browser.status == 404
    assert worlds.snapshot((FormKey,)) == before


def test_every_event_and_every_kind_of_mail_has_words() -> None:
    from config import ROOT

    assert set(timeline.WORDS) == set(events.FACTS)
    for name, facts in events.FACTS.items():
        told = timeline.WORDS[name][1].replace("{changes}", "").replace("{setting}", "")
        assert {part.split("}")[0] for part in told.split("{")[1:]} <= set(facts), name
    from backoffice.cells import MAILS

    assert set(MAILS) == {path.stem for path in (ROOT / "templates" / "email").glob("*.txt")} - {"layout"}


# ---- scope ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["agent", "administrator", "auditor", "manager"])
def test_a_list_shows_nothing_of_another_organisation(world: worlds.World, enter: Enter, views: dict[str, Any], who: str) -> None:
    """T17, T31"""
    browser = enter(who)
    seen = 0
    for view in tables(views).values():
        browser.get(f"{BASE}{view.url}/")
        if browser.status == 200:
            seen += 1
            assert worlds.CANARY not in browser.text
    assert seen >= 8


def test_a_property_manager_reaches_only_own_buildings_by_any_address(world: worlds.World, enter: Enter, views: dict[str, Any]) -> None:
    """N08, T18"""
    elsewhere = Building.get(Building.address == "Kitur g. 9")
    other = factories.contract(world.north, "99-1", building=elsewhere, address="Kitur g. 9-1", provider=elsewhere.provider)
    stranger = factories.account(world.north, "kitur@example.lt", name="Kitur Gyvenantis")
    meter = factories.meter(other, number="KITUR1")
    rows = {
        "building": elsewhere,
        "premises": factories.premises(elsewhere, "9"),
        "contract": other,
        "account": stranger,
        "membership": factories.holds(stranger, other),
        "meter": meter,
        "reading": factories.reading(meter, 5, now().date()),
        "invoice": factories.invoice(other, "KITUR-1"),
    }
    browser = enter("manager")
    for table, row in rows.items():
        desk = tables(views)[table]
        for path in (f"{desk.url}/{row.public_id}/", f"{desk.url}/{row.public_id}/edit/"):
            browser.get(f"{BASE}{path}")
            assert browser.status == 404, path
        browser.get(f"{BASE}{desk.url}/")
        assert browser.status == 200
        assert "Kitur" not in browser.text
        assert "KITUR" not in browser.text
        for command in desk.commands:
            browser.get(f"{BASE}{desk.url}/{command.name.replace('_', '-')}/?ids={row.public_id}")
            assert browser.status == 404
    browser.get(f"{BASE}/contracts/?building={elsewhere.public_id}")
    assert browser.status == 404
    browser.get(f"{BASE}/premises/lookup/?name=building&query=Kitur")
    assert browser.response.get_json() == []
    own = world.own["building"]
    browser.get(f"{BASE}/buildings/{own.public_id}/")
    assert browser.status == 200
    assert "Liepų g. 1" in browser.text


def test_a_building_that_is_taken_away_is_gone_with_the_next_page(world: worlds.World, enter: Enter) -> None:
    """T39"""
    from models import StaffBuilding

    browser = enter("manager")
    path = f"{BASE}/buildings/{world.own['building'].public_id}/"
    browser.get(path)
    assert browser.status == 200
    StaffBuilding.delete().execute()
    browser.get(path)
    assert browser.status == 404


def test_a_foreign_row_as_the_edge_of_a_page_shows_nothing(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?after={world.foreign['account'].public_id}")
    assert "Anna" not in browser.text
    browser.get(f"{BASE}/accounts/?before={world.foreign['account'].public_id}")
    assert "Anna" not in browser.text


def test_a_foreign_row_as_a_filter_is_a_page_not_found(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/invoices/?contract={world.foreign['contract'].public_id}")
    assert browser.status == 404
    browser.get(f"{BASE}/invoices/?contract={world.own['contract'].public_id}")
    assert browser.status == 200
    assert "Contract: " in browser.text


def test_the_menu_shows_only_what_one_may_see(enter: Enter) -> None:
    shown = {}
    for who in ("manager", "agent", "auditor", "administrator"):
        browser = enter(who)
        page = browser.get(f"{BASE}/")
        shown[who] = {" ".join(link.text_content().split()) for link in page.xpath("//nav//li/a")}
    assert {"Mail", "Staff", "Settings", "Providers"} & shown["manager"] == set()
    assert {"Accounts", "Buildings", "Readings"} <= shown["manager"]
    assert {"Mail", "Providers"} <= shown["agent"]
    assert {"Staff", "Settings"} & shown["agent"] == set()
    assert {"Staff", "Settings", "Organisations"} <= shown["auditor"] & shown["administrator"]


def test_an_auditor_changes_nothing_whatever_is_sent(world: worlds.World, enter: Enter, views: dict[str, Any]) -> None:
    """T30"""
    browser = enter("auditor")
    browser.get(f"{BASE}/accounts/")
    before = worlds.snapshot((FormKey,))
    for table, desk in tables(views).items():
        row = world.own[table]
        paths = [f"{desk.url}/new/", f"{desk.url}/{row.public_id}/edit/"]
        paths += [f"{desk.url}/{c.name.replace('_', '-')}/?ids={row.public_id}" for c in desk.commands]
        for path in paths:
            browser.get(f"{BASE}/accounts/")
            browser.post(f"{BASE}{path}", {"reason": "X", "name": "X", "address": "X", "role": "administrator", "email": "x@example.lt"})
            assert browser.status == 404, path
    browser.get(f"{BASE}/accounts/")
    browser.post(f"{BASE}/settings/{world.north.public_id}/lock-after/", {"value": "9"})
    assert browser.status == 404
    assert worlds.snapshot((FormKey,)) == before


# ---- odd addresses ----------------------------------------------------------------------------------------------------

WORDS = "+".join(["zodis"] * 1200)


@pytest.mark.parametrize(
    "query",
    [
        "endpoint=x", "sort=1", "sort=phone", "sort=-1", "sort=password_hash", "page=99999999999999999999", "desc=1", "page_size=100000",
        "id=1&id=2", "search=a&search=b", f"search={WORDS}", "search=" + "x" * 101, "search=a+b+c+d+e+f+g+h+i+j+k", "search=%00", "tab=nothing",
        "tab=locked&sort=name", "after=1", "after=abc", "after={}", "before=" + "9" * 40, "organisation=1", "organisation=x", "building=1",
        "flt0_name_equals=x", "flt0_password_hash=x", "&".join(f"flt{n}_name=x" for n in range(300)), "_method=DELETE", "url=//evil.example",
        "after=00000000-0000-0000-0000-000000000000&before=00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_an_address_that_no_page_offers_is_refused_and_breaks_nothing(enter: Enter, query: str) -> None:
    """T28"""
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?{query}")
    assert browser.status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/invoices/?issued_on=2026-13-40", "/invoices/?issued_on=x", "/invoices/?issued_on_to=99999-01-01", "/events/?name=x",
        "/events/?search=x", "/invoices/?due_on=2026-01-01", "/premises/lookup/?name=building&query=a&limit=-1",
        "/premises/lookup/?name=building&limit=1000000", "/premises/lookup/?name=building&query=" + "x" * 200, "/search/?q=x", "/?x=1", "/settings/?x=1",
        "/search/?search=" + "x" * 101, "/accounts/unlock/?ids=1&x=1", "/accounts/new/?x=1&x=2",
        "/invoices/?contract=00000000-0000-0000-0000-000000000000&building=00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_no_other_page_takes_what_it_does_not_know(enter: Enter, path: str) -> None:
    """T23, T28"""
    browser = enter("agent")
    browser.get(f"{BASE}{path}")
    assert browser.status in (400, 404)


def test_no_page_of_the_backoffice_takes_an_argument_that_it_does_not_know(world: worlds.World, enter: Enter, staff_app: Any) -> None:
    """T28: every address of the url map, as an administrator opens it"""
    browser, seen = enter("administrator"), []
    adapter = staff_app.url_map.bind("localhost")
    for rule in staff_app.url_map.iter_rules():
        policy = staff_app.config["ROUTES"][rule.endpoint]
        if "GET" not in rule.methods or "static" in rule.endpoint or policy in (None, access.ANYONE):
            continue
        table = "organisation" if rule.endpoint.startswith("settings.") else policy.partition(".")[0]
        values = {"public_id": getattr(world.own.get(table), "public_id", uuid.uuid4()), "name": "lock-after"}
        path = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments})
        browser.get(f"{BASE}{path}?colour=red")
        assert browser.status in (400, 404), path
        seen.append(path)
    assert len(seen) > 60


@pytest.mark.parametrize("key", ["1", "abc", "9" * 40, "%00", "{}", "00000000-0000-0000-0000-000000000000"])
def test_a_guessed_key_finds_nothing(enter: Enter, key: str) -> None:
    """N08: row numbers stand nowhere, and are good for nothing."""
    browser = enter("agent")
    for path in (f"/accounts/{key}/", f"/accounts/{key}/edit/", f"/accounts/unlock/?ids={key}"):
        browser.get(f"{BASE}{path}")
        assert browser.status in (400, 404), path


def test_no_row_number_stands_in_any_page(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    for path in (
        "/accounts/",
        f"/accounts/{world.own['account'].public_id}/",
        f"/contracts/{world.own['contract'].public_id}/",
        "/events/",
    ):
        page = browser.get(f"{BASE}{path}")
        values = {*page.xpath("//@value"), *page.xpath("//@href"), *page.xpath("//@action")}
        assert not [value for value in values if value.rstrip("/").rpartition("/")[2].isdigit() or "id=1" in value]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "\\\\evil.example", "http:evil.example", "https://evil.example", "javascript:alert(1)",
        "/backoffice\t//evil.example", "/backoffice/\n//evil", "http:///evil.example", "/%09/evil", "evil.example", "", "/north/", "@evil",
        "/backoffice@evil.example", "///evil", "/\x00/evil", "data:text/html,x", "/ /evil", "\t//evil", "/backoffice\\@evil",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(staff_app: Any, target: str) -> None:
    """T37"""
    for scheme in ("http", "https"):
        with staff_app.test_request_context("/accounts/", base_url=f"{scheme}://localhost/backoffice"):
            assert current_app.name == "staff"
            assert web.safe_next(target, "/default") == "/default"


# ---- searching and paging ---------------------------------------------------------------------------------------------


def names(browser: Any) -> list[str]:
    return [link.text_content() for link in browser.page.xpath("//tbody/tr/th/a")]


def test_pages_by_key_show_every_row_once_forwards_and_backwards(world: worlds.World, enter: Enter) -> None:
    for number in range(117):
        factories.account(world.north, f"k{number}@example.lt", name=f"Jonas {'AĄB'[number % 3]}")  # many alike: the key decides
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/")
    forwards = [names(browser)]
    while browser.page.xpath("//a[@rel='next']"):
        browser.follow("Next page")
        forwards.append(names(browser))
    backwards = [names(browser)]
    while browser.page.xpath("//a[@rel='prev']"):
        browser.follow("Previous page")
        backwards.insert(0, names(browser))
    assert [len(page) for page in forwards] == [50, 50, Account.select().where(Account.organisation == world.north).count() - 100]
    assert forwards == backwards
    every = [name for page in forwards for name in page]
    assert len(every) == Account.select().where(Account.organisation == world.north).count()
    assert every.index("Jonas A") < every.index("Jonas Ą") < every.index("Jonas B")


def test_a_heading_orders_the_list_and_turns_it_round(world: worlds.World, enter: Enter) -> None:
    for name in ("Ąžuolas", "Zita", "Butkus"):
        factories.account(world.north, f"{name[1:]}@example.lt", name=name)
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/")
    up = names(browser)
    assert up.index("Ąžuolas") < up.index("Butkus") < up.index("Zita")
    browser.follow("Name")
    assert names(browser) == up[::-1]


@pytest.mark.parametrize(
    ("desk", "words", "finds"),
    [
        ("accounts", "zukausk", True), ("accounts", "ŽUKAUSKAITĖ živilė", True), ("accounts", "zivile@exam", True),
        ("accounts", "+37061234", True), ("accounts", "8 612 34567", True), ("accounts", "+370 612 34567", True),
        ("accounts", "061234567", True), ("accounts", "8 612 34568", False), ("accounts", "%", False), ("accounts", "zuk_usk", False), ("accounts", "South", False),
        ("contracts", "77-5", True), ("contracts", "77-500 123", True), ("contracts", "5-500", False), ("contracts", "ziemos", True),
        ("invoices", "ŽSF1", True), ("invoices", "zivile", True), ("meters", "KVŽ", True), ("readings", "ziemos", True),
        ("premises", "ziemos", True), ("memberships", "zivile", True),
    ],
)  # fmt: skip
def test_searching_knows_no_case_and_no_accents_and_only_own_rows(
    world: worlds.World, enter: Enter, desk: str, words: str, finds: bool
) -> None:
    house = factories.building(world.north, "Žiemos g. 5, Pakruojis", provider=world.own["building"].provider)
    flat = factories.premises(house, "7")
    options = {"building": house, "premises": flat, "customer_name": "Živilė Žukauskaitė", "address": "Žiemos g. 5-7"}
    contract = factories.contract(world.north, "77-500 123", provider=house.provider, **options)
    person = factories.account(world.north, "zivile@example.lt", name="Živilė Žukauskaitė", phone="+37061234567")
    factories.holds(person, contract)
    factories.invoice(contract, "ŽSF1")
    factories.reading(factories.meter(contract, number="KVŽ1"), 10, now().date())
    browser = enter("agent")
    browser.get(f"{BASE}/{desk}/")
    browser.page.forms[[f.get("role") for f in browser.page.forms].index("search")].fields["search"] = words
    browser.get(f"{BASE}/{desk}/?{urlencode({'search': words})}")
    assert browser.status == 200
    assert len(names(browser)) == (1 if finds else 0)
    if not finds:
        assert "Nothing found" in browser.text


@pytest.mark.parametrize(
    ("desk", "words"),
    [
        ("contracts", "vilniaus g. 10 - 5, pakruojis, lt-83001"), ("contracts", "ab77"), ("invoices", "SF 00123"), ("invoices", "sf 00123"),
        ("invoices", "vilniaus g. 10"), ("meters", "kv1_241"), ("readings", "kv1_2"), ("sync-problems", "ŠIL 12"),
    ],
)  # fmt: skip
def test_numbers_and_whole_addresses_are_found_as_they_are_said_on_the_phone(
    world: worlds.World, enter: Enter, desk: str, words: str
) -> None:
    options = {"provider": world.own["provider"], "address": "Vilniaus g. 10 - 5, Pakruojis, LT-83001"}
    contract = factories.contract(world.north, "AB77", **options)
    factories.invoice(contract, "SF 00123")
    factories.reading(factories.meter(contract, number="KV1_241"), 10, now().date())
    run = world.own["syncrun"]
    SyncProblem.create(organisation=world.north, run=run, kind="row", reference="ŠIL 12", reference_digest="š", message="Wrong")
    browser = enter("agent")
    browser.get(f"{BASE}/{desk}/?{urlencode({'search': words})}")
    assert browser.status == 200
    assert len(names(browser)) == 1


def test_an_empty_list_says_what_will_be_there(world: worlds.World, enter: Enter) -> None:
    from models import SyncProblem

    SyncProblem.delete().execute()
    browser = enter("agent")
    browser.get(f"{BASE}/sync-problems/")
    assert "Nothing was put aside" in browser.text


# ---- adding and changing ----------------------------------------------------------------------------------------------


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


# ---- acts on many rows ------------------------------------------------------------------------------------------------


def lock(*people: Account) -> None:
    Account.update(locked_until=now() + timedelta(hours=3)).where(Account.id.in_([p.id for p in people])).execute()


def test_ticked_rows_are_asked_about_and_then_each_is_done(world: worlds.World, enter: Enter) -> None:
    """IB-61"""
    people = [factories.account(world.north, f"a{n}@example.lt", name=f"Ana {n}") for n in range(5)]
    lock(*people[:4])
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?tab=locked")
    browser.post(f"{BASE}/accounts/unlock/", {"rowid": [str(p.public_id) for p in people], "url": "/backoffice/accounts/?tab=locked"})
    assert "Ana 0" in browser.text
    assert "They can sign in again at once" in browser.text
    assert Account.select().where(Account.locked_until.is_null(False)).count() == 4  # nothing before the reason
    browser.submit("Check what will change", reason="Skambino visi")
    assert "Will be done: 4" in browser.text
    assert Account.select().where(Account.locked_until.is_null(False)).count() == 4  # tried, and taken back
    assert "Will stay as they are: 1 Ana 4 This account is not locked" in browser.text
    browser.submit("Unlock: 4")
    assert "Ana 0, Ana 1, Ana 2 and 1 more: can sign in again" in browser.text
    assert Account.select().where(Account.locked_until.is_null(False)).count() == 0
    assert {e.account_id for e in Event.select().where(Event.name == "account.unlocked")} == {p.id for p in people[:4]}
    assert Message.select().where(Message.kind == "account_unlocked", Message.state == "new").count() == 4


def test_a_foreign_row_among_the_ticked_ones_stops_all(world: worlds.World, enter: Enter) -> None:
    """T21"""
    own, foreign = world.own["account"], world.foreign["account"]
    lock(own, foreign)
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?ids={own.public_id}")
    before = worlds.snapshot((FormKey,))
    for ids in (f"{own.public_id},{foreign.public_id}", f"{own.public_id},1", f"{own.public_id},"):
        browser.get(f"{BASE}/accounts/unlock/?ids={own.public_id}")
        browser.post(f"{BASE}/accounts/unlock/?ids={ids}", {"reason": "X"})
        assert browser.status == 404
    assert worlds.snapshot((FormKey,)) == before


def test_an_act_leads_back_to_this_site_alone(world: worlds.World, enter: Enter) -> None:
    """T37"""
    account = world.own["account"]
    browser = enter("agent")
    for url in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        lock(account)
        browser.get(f"{BASE}/accounts/unlock/?ids={account.public_id}&url={url}")
        assert not [link for link in browser.page.xpath("//a/@href") if not link.startswith(("/backoffice/", "#"))]
        sent = dict(browser.page.forms[-1].form_values()) | {"reason": "x"}
        path = f"/accounts/unlock/?ids={account.public_id}&url={url}"
        answer = browser.client.post(path, base_url="http://localhost/backoffice", data=sent)
        assert answer.location == f"/backoffice/accounts/{account.public_id}/"
        token = {"csrf_token": sent["csrf_token"], "url": url}
        answer = browser.client.post("/accounts/unlock/", base_url="http://localhost/backoffice", data=token)
        assert answer.location == "/backoffice/accounts/"


def test_who_may_not_act_has_nothing_to_tick(world: worlds.World, enter: Enter) -> None:
    for who, ticks in (("agent", True), ("auditor", False), ("manager", False)):
        browser = enter(who)
        browser.get(f"{BASE}/accounts/")
        assert bool(browser.page.xpath("//input[@name='rowid']")) is ticks
        assert bool(browser.page.xpath("//button[text()='Unlock']")) is ticks


def test_nothing_ticked_says_so(enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?tab=newest")
    browser.post(f"{BASE}/accounts/unlock/", {"url": "/backoffice/accounts/?tab=newest"})
    assert "Tick at least one row first" in browser.text
    assert browser.at == "/accounts/?tab=newest"


def test_too_many_rows_and_an_act_for_one_are_not_found(world: worlds.World, enter: Enter) -> None:
    people = [factories.account(world.north, f"a{n}@example.lt") for n in range(51)]
    browser = enter("agent")
    ids = [str(person.public_id) for person in people]
    browser.get(f"{BASE}/accounts/unlock/?ids={','.join(ids)}")
    assert browser.status == 404
    browser.get(f"{BASE}/accounts/unlock/?ids={','.join(ids[:50])}")
    assert browser.status == 200
    browser.get(f"{BASE}/accounts/change-email/?ids={','.join(ids[:2])}")
    assert browser.status == 404


def test_an_act_sent_twice_is_done_once(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.own["account"]
    lock(account)
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?ids={account.public_id}")
    sent = dict(browser.page.forms[-1].form_values()) | {"reason": "Skambino"}
    path = f"/accounts/unlock/?ids={account.public_id}"
    answers = [browser.client.post(path, base_url="http://localhost/backoffice", data=sent) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert Event.select().where(Event.name == "account.unlocked").count() == 1


def test_an_act_leads_back_to_a_list_with_a_long_search(world: worlds.World, enter: Enter) -> None:
    """P2: the address is kept with the form's key."""
    account = world.own["account"]
    lock(account)
    back = f"{BASE}/accounts/?{urlencode({'search': 'žąsys ' + 'ž' * 94})}"
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?{urlencode({'ids': account.public_id, 'url': back})}")
    browser.submit(reason="Skambino")
    assert len(back) > 500
    assert browser.at == back.removeprefix(BASE)
    assert Account.get_by_id(account.id).locked_until is None


def test_a_rule_that_refuses_one_row_undoes_only_that_row(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """T33: each row in a unit of work of its own."""
    people = [factories.account(world.north, f"a{n}@example.lt", name=f"Ana {n}") for n in range(3)]
    lock(*people)
    real = accounts.unlock

    def half(account: Account, *, reason: str, by: Staff) -> None:
        real(account, reason=reason, by=by)
        if account.name == "Ana 1":
            raise Refused("No, not this one")

    command = Accounts.commands[0]
    monkeypatch.setattr(command.__class__, "__getattribute__", lambda self, n: half if n == "rule" else object.__getattribute__(self, n))
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?ids={','.join(str(p.public_id) for p in people)}")
    browser.submit("Check", reason="Skambino")
    assert "Ana 1 No, not this one" in browser.text
    browser.submit("Unlock: 2")
    assert "Ana 0, Ana 2: can sign in again" in browser.text
    assert [a.locked_until is None for a in Account.select().where(Account.name.startswith("Ana ")).order_by(Account.name)] == [
        True, False, True,
    ]  # fmt: skip


def test_every_table_that_staff_should_see_has_a_desk(views: dict[str, Any]) -> None:
    assert {f"{table}.view" for table in tables(views)} == access.VIEWS
    assert set(tables(views)) <= {table.__name__.lower() for table in TABLES}
    assert Contract in {desk.model for desk in tables(views).values()}


# ---- ends and days ----------------------------------------------------------------------------------------------------


def test_the_last_page_is_one_step_away_and_leads_back(world: worlds.World, enter: Enter) -> None:
    for number in range(60):
        factories.account(world.north, f"end{number}@example.lt", name=f"Aa {number:02}")
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/")
    first = names(browser)
    browser.follow("Last page")
    last = names(browser)
    assert len(last) == 50
    assert last[-1] == max(last)
    assert not browser.page.xpath("//a[@rel='next']")
    browser.follow("First page")
    assert names(browser) == first
    browser.follow("Last page")
    browser.follow("Previous page")
    assert set(names(browser)) == set(first) - set(last)
    browser.get(f"{BASE}/accounts/?page=2")
    assert browser.status == 400


def test_events_are_found_by_their_days(world: worlds.World, enter: Enter) -> None:
    """N02"""
    moments = [datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((1, 12), (2, 21), (2, 22), (3, 12))]
    for number, at in enumerate(moments):  # 22:00 in UTC is the next day in Vilnius
        options = {"digest": "x", "facts": {"preset": f"p{number}"}, "at": at}
        Event.create(organisation=world.north, name="organisation.loaded", actor="system", subject="organisation:1", **options)
    browser = enter("agent")
    for query, numbers in (
        ("at=2026-03-02", {1, 2, 3}), ("at=2026-03-02&at_to=2026-03-02", {1}), ("at=2026-03-03&at_to=2026-03-03", {2, 3}),
        ("at_to=2026-03-01", {0}), ("at=2026-03-04&at_to=2026-03-09", set()), ("at=2026-03-01&at_to=2026-03-02&name=organisation.loaded", {0, 1}),
    ):  # fmt: skip
        browser.get(f"{BASE}/events/?{query}")
        assert {int(found) for found in re.findall(r"p(\d)\b", browser.text)} == numbers, query
