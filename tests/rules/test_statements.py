"""Statements compiled once: the same rows as the query they were made of, for whoever asks."""

from typing import Any

import pytest

from models import Account, Invoice, Staff, database, now
from rules import sessions
from rules.statements import one_of, statement
from tests import factories


@statement
def bills(account: Account, contracts: list[int], most: int) -> Any:
    return Invoice.within(account).where(one_of(Invoice.contract, contracts)).order_by(Invoice.id.desc()).limit(most)


@statement
def named(name: str) -> Any:
    return Account.select(Account.id, Account.created_at).where(Account.name == name).tuples()


@pytest.fixture
def two(db: Any) -> list[tuple[Account, list[Invoice]]]:
    """Two customers of one organisation with two bills each."""
    found, organisation = [], factories.organisation()
    for name in ("anna", "boris"):
        account, contract = factories.account(organisation, email=f"{name}@example.lt"), factories.contract(organisation, name)
        factories.holds(account, contract)
        found.append((account, [factories.invoice(contract, f"{name}-1"), factories.invoice(contract, f"{name}-2")]))
    return found


def test_each_account_gets_its_own_rows_and_never_those_of_who_asked_first(two: list[tuple[Account, list[Invoice]]]) -> None:
    everyones = [bill.contract_id for _, its in two for bill in its]
    for _ in range(2):
        for account, its in two:
            assert bills(account, everyones, 9) == its[::-1]
            assert bills(account, everyones, 1) == its[:0:-1]
            assert bills(account, [], 9) == []


def test_rows_are_as_those_of_the_query(two: list[tuple[Account, list[Invoice]]]) -> None:
    account, its = two[0]
    for _ in range(2):
        (found,) = bills(account, [its[1].contract_id], 1)
        assert found.__data__ == Invoice.get_by_id(its[1].id).__data__
        assert not found.is_dirty()
        assert named(account.name)[0] == (account.id, Account.get_by_id(account.id).created_at)


def test_it_is_compiled_once(two: list[tuple[Account, list[Invoice]]], monkeypatch: pytest.MonkeyPatch) -> None:
    account, its = two[0]
    bills(account, [its[0].contract_id], 1)
    monkeypatch.setattr(type(database.obj), "get_sql_context", lambda *_: pytest.fail("compiled anew"))
    assert bills(account, [its[0].contract_id], 1) == [its[1]]


def test_values_are_never_part_of_the_text(db: Any) -> None:
    strange = """'; DROP TABLE account; -- %s ? "x" """
    account = factories.account(factories.organisation(), name=strange)
    assert [number for number, _ in named(strange)] == [account.id]
    assert named("' OR 1=1 --") == []


def test_what_is_asked_cannot_hang_on_a_value(db: Any) -> None:
    @statement
    def crooked(name: str) -> Any:
        return Account.select().where(Account.name == name) if name else Account.select()

    with pytest.raises(TypeError):
        crooked("Anna")


def test_a_moment_is_never_kept_from_the_first_time(db: Any) -> None:
    @statement
    def late(name: str) -> Any:
        return Account.select().where((Account.name == name) & (Account.created_at <= now()))

    with pytest.raises(TypeError):
        late("Anna")


def test_nothing_is_never_compared(db: Any) -> None:
    with pytest.raises(ValueError, match="IS NULL"):
        named(None)


def test_each_kind_of_staff_has_a_statement_of_its_own(two: list[tuple[Account, list[Invoice]]]) -> None:
    """T18"""

    @statement
    def of_staff(person: Staff) -> Any:
        return Invoice.within(person).order_by(Invoice.id)

    here, elsewhere = two[0][0].organisation, factories.organisation("south")
    people = [
        factories.staff(where, role)
        for where in (None, here, elsewhere)
        for role in ("agent", "property_manager")
        if where or role == "agent"
    ]
    people.append(factories.staff(here, is_active=False))
    for person in [*people, *reversed(people)]:
        assert of_staff(person) == list(Invoice.within(person).order_by(Invoice.id)), (person.organisation, person.role)
    assert [len(of_staff(person)) for person in people] == [4, 4, 0, 0, 0, 0]


def test_a_session_of_another_organisation_opens_nothing(two: list[tuple[Account, list[Invoice]]]) -> None:
    account, elsewhere = two[0][0], factories.organisation("south")
    secret = sessions.open_for(account)
    assert sessions.customer(secret, account.organisation) == account
    assert sessions.customer(secret, elsewhere) is None
