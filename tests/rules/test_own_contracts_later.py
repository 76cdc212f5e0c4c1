"""Contracts in one's own name when the billing system changes its mind, and when staff part two accounts: nobody keeps what another's
code brought (IR-06, T11, decision 49)."""

from dataclasses import replace
from datetime import date

import pytest
import time_machine

import models
from models import Account, Event, Invoice, Message, Organisation, ThirdPartyPayer
from rules import events, heads, identities, merges, own_contracts, personal_codes, settings
from rules.refusal import Refused
from tests import factories
from tests.feeds import bill, problems, take
from tests.rules.test_companies import seen
from tests.rules.test_heads import JONAS, ONA, prove
from tests.rules.test_own_contracts import HOME, north, ona, smart_id

__all__ = ["north", "ona"]
EARLY, LATE = "2026-11-05T10:00Z", "2026-11-10T10:00Z"


@pytest.fixture
def jonas(north: Organisation) -> Account:
    made = factories.account(north, "jonas@example.lt")
    identities.confirm(made, smart_id(JONAS))
    return made


def bills(account: Account) -> list[str]:
    return sorted(row.number for row in Invoice.within(Account.get_by_id(account.id)))


@pytest.mark.parametrize("between", [{"personal_code": JONAS}, {"customer_name": "Jonas", "personal_code": ""}], ids=("code", "name"))
def test_a_doubt_before_the_first_day_forgets_nobody(north: Organisation, ona: Account, between: dict[str, str]) -> None:
    """T11: father and son of one name, whose code comes before the day since when it is his"""
    with time_machine.travel(EARLY, tick=False):
        take(north, [HOME])
        identities.confirm(ona, smart_id(ONA))
        assert seen(ona) == ["44-1"]
        take(north, [replace(HOME, **between)])
    with time_machine.travel(LATE, tick=False):
        take(north, [replace(HOME, customer_name="Petras", personal_code=JONAS, opened_on=date(2026, 11, 1))])
    assert seen(ona) == []


def test_what_came_by_a_wrong_code_goes_when_it_is_corrected(north: Organisation, ona: Account, jonas: Account) -> None:
    take(north, [replace(HOME, personal_code=JONAS), bill("S1", "44-1")])
    assert bills(jonas) == ["S1"]
    take(north, [HOME])
    assert (seen(jonas), bills(jonas)) == ([], [])


@pytest.mark.parametrize("code", ["", "40404040008"])
def test_another_name_and_then_another_code_is_no_way_around(north: Organisation, jonas: Account, code: str) -> None:
    """T11"""
    take(north, [HOME, bill("S1", "44-1", customer_name="")])
    take(north, [replace(HOME, customer_name="Jonas", personal_code=code)])
    take(north, [replace(HOME, customer_name="Jonas", personal_code=JONAS)])
    assert seen(jonas) == []


@pytest.mark.parametrize("is_coded", [True, False])
def test_an_old_record_read_again_does_not_turn_the_clock_back(north: Organisation, jonas: Account, is_coded: bool) -> None:
    """F17, T11"""
    if not is_coded:
        before = replace(HOME, personal_code="")
        take(north, [before, bill("OLD", "44-1", issued_on=date(2023, 11, 1), due_on=None, period_from=None, period_to=None)])
        take(north, [replace(before, customer_name="Jonas", opened_on=date(2024, 11, 2))])
        factories.holds(jonas, models.Contract.get())
        take(north, [before])
        assert (bills(jonas), models.Contract.get().opened_on, bool(problems(north))) == ([], date(2024, 11, 2), True)
        return
    take(north, [HOME, bill("OLD", "44-1", issued_on=date(2023, 11, 1), due_on=None, period_from=None, period_to=None)])
    take(north, [replace(HOME, personal_code=JONAS, opened_on=date(2024, 11, 2))])
    assert (seen(jonas), bills(jonas)) == (["44-1"], [])
    take(north, [HOME])
    assert bills(jonas) == []
    assert models.Contract.get().opened_on == date(2024, 11, 2)
    assert problems(north)


def test_a_namesake_of_before_gets_nothing_of_the_time_after(north: Organisation, ona: Account) -> None:
    take(north, [HOME])
    take(north, [replace(HOME, personal_code="40404040008", opened_on=date(2026, 11, 1))])
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == []


def test_a_late_bill_of_the_customer_before_is_told_to_nobody(north: Organisation, ona: Account) -> None:
    """T11, T98"""
    settings.change(north, "pay_for_others", True, by=events.OPERATOR)
    take(north, [replace(HOME, customer_name="Jonas", personal_code="", opened_on=date(2026, 11, 6))])
    flat = models.Contract.get()
    factories.holds(ona, flat)
    ThirdPartyPayer.create(organisation=north, account=factories.account(north, "payer@example.lt"), contract=flat)
    october = {"issued_on": date(2026, 11, 7), "period_from": date(2026, 10, 1), "period_to": date(2026, 10, 31)}
    take(north, [bill("LAST", "44-1", **october)])
    assert not Message.select().where(Message.kind.in_(("new_invoice", "bill_to_pay_for_another"))).exists()


def test_two_accounts_that_part_again_part_with_what_came_meanwhile(north: Organisation, ona: Account) -> None:
    """T60, M18"""
    admin, rasa = factories.staff(north, "administrator"), factories.account(north, "rasa@example.lt")
    identities.confirm(ona, smart_id(ONA))
    merges.merge(rasa, email=ona.email, reason="One person", by=admin, sure=True)
    take(north, [HOME, bill("S1", "44-1")])
    assert seen(rasa) == ["44-1"]
    merges.undo(Account.get_by_id(rasa.id), reason="Two after all", by=admin)
    assert (seen(rasa), bills(rasa), seen(ona)) == ([], [], ["44-1"])


def test_what_becomes_a_companys_a_moment_earlier_does_not_come(north: Organisation, ona: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    take(north, [HOME])
    prove(ona, ONA)
    find = own_contracts._owners

    def and_then_staff_say_so(*args: object) -> object:
        found = find(*args)  # type: ignore[arg-type]
        models.Contract.update(company=factories.company(north)).execute()
        return found

    monkeypatch.setattr(own_contracts, "_owners", and_then_staff_say_so)
    own_contracts.recognise(ona)
    assert seen(ona) == []


def test_codes_are_hidden_however_they_are_spelled(north: Organisation) -> None:
    """T60"""
    assert personal_codes.hidden("EE-60001019906") not in ("EE-60001019906", "")
    company, admin = factories.company(north), factories.staff(north, "administrator")
    with pytest.raises(Refused, match="Leave out the personal code"):
        heads.enter(
            company, first_name="Ona", last_name="P", personal_code=ONA, since_on=None, document=f"PNOLT-{ONA}", reason="r", by=admin
        )
    assert not Event.select().where(Event.name == "head.named").exists()
