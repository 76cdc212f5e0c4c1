"""What is found by what somebody typed, within their reach alone, and by which index."""

import re
from typing import Any

import peewee as pw
import pytest

from models import Account, Building, Contract, Invoice, Membership, Meter, Reading, Table, database, now
from rules import search
from tests import factories, world as worlds


@pytest.fixture
def world(db: object) -> worlds.World:
    """North and South, and Živilė with a house, a flat, a meter and a bill."""
    world = worlds.build()
    house = factories.building(world.north, "Žiemos g. 5, Pakruojis", provider=world.own["provider"])
    options = {"provider": house.provider, "building": house, "customer_name": "Živilė Žukauskaitė", "address": "Žiemos g. 5-7"}
    contract = factories.contract(world.north, "AB 77-500", **options)
    person = factories.account(world.north, "zivile_z@example.lt", name="Živilė Žukauskaitė", phone="+37061234567")
    factories.holds(person, contract)
    factories.invoice(contract, "ŽSF0012")
    factories.reading(factories.meter(contract, number="KVŽ1"), 10, now().date())
    return world


def said(model: type[Table], world: worlds.World, text: str, who: str = "agent") -> list[str]:
    rows = search.find(model, world.people[who], text).rows
    return [str(row) for row in rows.order_by(model.id)]


@pytest.mark.parametrize(
    "text",
    [
        "Žukauskaitė", "zukauskaite zivile", "ŽIVILĖ", "auskait", "zivile_z@example", "ZIVILE_Z@EXAMPLE.LT", "8 612 34567", "+370 612 34567",
        "061234567", "861234567", "612345", "example.lt ži", "_z@exa",
    ],
)  # fmt: skip
def test_a_customer_is_found_by_name_address_or_phone_however_it_is_spelled(world: worlds.World, text: str) -> None:
    """IB-61, CV-37"""
    assert said(Account, world, text) == ["Živilė Žukauskaitė"]


@pytest.mark.parametrize("text", ["AB 77", "ab77500", "AB-77-500", "77-500", "ziemos g 5-7", "zukauskaite pakr"])
def test_a_contract_is_found_by_its_code_with_or_without_dashes_and_by_its_words(world: worlds.World, text: str) -> None:
    expected = [] if text == "zukauskaite pakr" else ["AB 77-500 Žiemos g. 5-7"]
    assert said(Contract, world, text.replace(" g ", " g. ")) == expected


@pytest.mark.parametrize(
    ("model", "text", "count"),
    [
        (Invoice, "žsf0012", 1), (Invoice, "ŽSF", 1), (Invoice, "zivile", 1), (Invoice, "AB77-5", 1), (Meter, "kvž1", 1), (Meter, "ziemos", 1),
        (Reading, "KVŽ", 1), (Reading, "ab77", 1), (Membership, "zivile", 1), (Membership, "ab77", 1), (Building, "pakruojis", 1),
        (Invoice, "nothing such", 0), (Account, "%%%", 0), (Account, "ziv_le", 0), (Account, '"', 0), (Account, 'a" OR "b', 0), (Account, "", 0),
    ],
)  # fmt: skip
def test_what_belongs_to_a_customer_is_found_through_it_and_no_sign_means_more_than_itself(
    world: worlds.World, model: type[Table], text: str, count: int
) -> None:
    assert len(said(model, world, text)) == count


def test_words_shorter_than_three_letters_narrow_what_longer_ones_find(world: worlds.World) -> None:
    factories.account(world.north, "qo@example.com", name="Jo Qo")
    assert said(Account, world, "jo qo") == ["Jo Qo"]
    assert said(Account, world, "example qo") == ["Jo Qo"] == said(Account, world, "qo@e")
    assert said(Account, world, "qo") == []
    assert [search.is_too_short(text) for text in ("li", "12", "lin")] == [True, False, False]


@pytest.mark.parametrize("few", [0, search.FEW])
def test_the_same_is_found_whether_few_rows_fit_or_many(world: worlds.World, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(search, "FEW", few)
    assert said(Account, world, "zivile") == ["Živilė Žukauskaitė"]
    assert said(Account, world, "861234567") == ["Živilė Žukauskaitė"]
    assert said(Invoice, world, "zukauskaite") == ["ŽSF0012"] == said(Invoice, world, "ab77")
    assert said(Account, world, "anna", "southern_agent") == [f"Anna south {worlds.CANARY}"]
    assert said(Account, world, "anna") == ["Anna north"] == said(Account, world, "anna", "manager")
    assert said(Invoice, world, "anna", "southern_agent") == []


@pytest.mark.parametrize("text", ["owner@south", worlds.CANARY, "02-234", "0 2 2345", "SF2", "KV2", "Liepų"])
@pytest.mark.parametrize("who", ["agent", "auditor", "manager", "manager_elsewhere", "owner"])
def test_nothing_is_found_beyond_ones_reach(world: worlds.World, who: str, text: str) -> None:
    """T01, T23, N08"""
    for model in search.WAYS:
        found = said(model, world, text, who)
        assert not any(worlds.CANARY in row for row in found)
        assert not found or who != "manager_elsewhere"
    assert search.exact(search.KINDS, world.people[who], "owner@south.example.lt") == []


def test_what_is_called_exactly_so_is_told_from_what_only_begins_so(world: worlds.World) -> None:
    agent = world.people["agent"]
    factories.invoice(world.own["contract"], "ŽSF0012-2")
    for text, names in (
        ("žsf0012", ["ŽSF0012"]), ("zivile_z@example.lt", ["Živilė Žukauskaitė"]), ("AB77500", ["AB 77-500 Žiemos g. 5-7"]),
        ("8 612 34567", ["Živilė Žukauskaitė"]), ("KVŽ1", ["KVŽ1"]), ("zivile", []), ("ŽSF001", []),
    ):  # fmt: skip
        assert [str(row) for row in search.exact(search.KINDS, agent, text)] == names
    factories.invoice(world.own["contract"], "AB77500")
    assert len(search.exact(search.KINDS, agent, "AB77500")) == 2


def test_a_changed_row_is_found_by_what_it_says_now(world: worlds.World) -> None:
    person = Account.get(name="Živilė Žukauskaitė")
    person.name = "Živilė Petraitienė"
    person.save()
    assert said(Account, world, "petraitiene") == ["Živilė Petraitienė"]
    assert said(Account, world, "zukausk") == []
    Membership.delete().where(Membership.account == person.id).execute()
    person.delete_instance()
    assert said(Account, world, "petraitiene") == []


@pytest.mark.parametrize("model", [Account, Building, Contract])
def test_words_are_looked_up_and_not_read_through(world: worlds.World, db: Any, model: Any) -> None:
    """performance G4: the index is there, whole, and a search has a use for it."""
    words = f"{model._meta.table_name}_words"
    if isinstance(db, pw.SqliteDatabase):
        db.execute_sql(f'INSERT INTO "{words}" ("{words}", rank) VALUES (\'integrity-check\', 1)')
        told = db.execute_sql(f"EXPLAIN QUERY PLAN SELECT rowid FROM {words} WHERE {words} MATCH ?", ('"ziv"',)).fetchall()
        assert re.search(r"VIRTUAL TABLE INDEX \d+:M", str(told))
    else:
        db.execute_sql("SET enable_seqscan = off")
        told = db.execute_sql(f'EXPLAIN SELECT id FROM "{model._meta.table_name}" WHERE search_key ILIKE %s', ("%ziv%",)).fetchall()
        assert re.search(rf"Bitmap Index Scan on {words}", str(told))
    assert database.obj is db
