"""Contracts in one's own name: they come by themselves to who has proven who they are, and to nobody else (IR-06, K04)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

import models
from config import ROOT
from integrations import billing_feed
from integrations.billing_feed import Contract
from models import Account, Event, Identity, Membership, Message, Organisation
from rules import accounts, buyers, checks, clock, events, holding, identities, own_contracts, personal_codes, registration, settings
from tests import factories
from tests.feeds import bill, place, problems, take
from tests.rules.test_companies import seen
from tests.rules.test_heads import JONAS, ONA, RASA, prove
from tests.rules.test_identities import identified

SITE = "https://my.example.lt/north"
HOME = Contract("44-1", customer_name="Ona Pavyzdienė", address="Namų g. 1", opened_on=date(2022, 1, 1), personal_code=ONA)
GARAGE = replace(HOME, payer_code="44-2", address="Namų g. 2")


@pytest.fixture
def north(db: Any) -> Organisation:
    return place("north", claim_by_identity=True)


@pytest.fixture
def ona(north: Organisation) -> Account:
    return factories.account(north, "ona@example.lt", name="Ona Pavyzdienė")


def smart_id(code: str, **more: Any) -> identities.Proven:
    return identities.Proven("smart_id", "PNO", code, "LT", **more)


def letters() -> list[tuple[str, str, dict[str, Any]]]:
    return [(row.kind, row.to, row.facts) for row in Message.select().order_by(Message.id) if row.kind != "way_in_added"]


# ---- what comes -------------------------------------------------------------------------------------------------------


def test_who_proves_who_they_are_gets_what_is_in_their_name_with_one_letter(north: Organisation, ona: Account) -> None:
    """IR-06, K04, K26: whoever has it already is told too; the same again is nothing."""
    take(north, [HOME, GARAGE, replace(HOME, payer_code="44-3", personal_code=JONAS, customer_name="Jonas")])
    other = factories.account(north, "ivan@example.lt")
    factories.holds(other, models.Contract.get(payer_code="44-2"))
    assert seen(ona) == []
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == ["44-1", "44-2"]
    assert letters() == [
        ("contract_attached_elsewhere", other.email, {"contract": "Namų g. 2"}),
        ("contract_attached_by_identity", ona.email, {"contracts": ["Namų g. 1 (North Heat)", "Namų g. 2 (North Heat)"]}),
    ]
    came = list(Event.select().where(Event.name == "contract.attached_by_identity"))
    assert [(row.account_id, row.actor, row.facts) for row in came] == [(ona.id, events.SYSTEM, {"access_type": "owner"})] * 2
    assert (own_contracts.recognise(ona), len(letters())) == ([], 2)
    assert [one for one in checks.broken(b"", ROOT / "migrations") if "membership" in one] == []


@pytest.mark.parametrize("way", ["sign in", "prove what staff wrote down"])
def test_it_comes_whenever_somebody_proves_who_they_are(north: Organisation, ona: Account, way: str) -> None:
    """IR-06, AG-10: what the feed could not bring comes at the next occasion."""
    identities.confirm(ona, smart_id(ONA))
    if way == "prove what staff wrote down":
        Identity.update(level="desk").execute()
    factories.contract(north, "44-1", person_digest=personal_codes.digest("LT", ONA))
    if way == "sign in":
        accounts.sign_in_by_identity(identified(north))
    else:
        identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == ["44-1"]


def test_what_the_feed_brings_later_comes_by_itself_at_once(north: Organisation, ona: Account) -> None:
    """IR-06"""
    identities.confirm(ona, smart_id(ONA))
    run = take(north, [HOME])
    assert (run.error, seen(ona)) == ("", ["44-1"])
    before = Membership.select().count()
    assert (take(north, [HOME]).changed, Membership.select().count(), len(letters())) == (0, before, 1)


def test_however_many_contracts_a_block_has_finding_their_owners_takes_as_many_statements(
    north: Organisation, ona: Account, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def asked(number: int) -> int:
        records = [replace(HOME, payer_code=f"44-{number}-{one}") for one in range(number)]
        take(north, records)
        with statements() as seen_by_the_database:
            take(north, records)
        return len(seen_by_the_database)

    identities.confirm(ona, smart_id(ONA))
    assert asked(2) == asked(40)


def test_an_access_is_what_the_organisation_gives(north: Organisation, ona: Account) -> None:
    """K26"""
    settings.change(north, "claim_access", "user", by="operator")
    take(north, [HOME])
    identities.confirm(ona, smart_id(ONA))
    assert [row.access_type.name for row in Membership.select()] == ["user"]


# ---- to whom, and to whom not -------------------------------------------------------------------------------------------


def test_nothing_comes_unless_the_organisation_says_so(north: Organisation, ona: Account) -> None:
    """K04"""
    settings.change(north, "claim_by_identity", False, by="operator")
    take(north, [HOME])
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == []
    assert not settings.Settings().claim_by_identity


def test_where_only_staff_add_contracts_none_comes_by_itself(north: Organisation, ona: Account) -> None:
    """K05"""
    settings.change(north, "claim_who", "staff", by="operator")
    take(north, [HOME])
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == []


def test_where_only_the_first_may_have_it_what_somebody_has_waits_for_staff(north: Organisation, ona: Account) -> None:
    """K05"""
    settings.change(north, "claim_who", "first", by="operator")
    take(north, [HOME, GARAGE])
    factories.holds(factories.account(north, "ivan@example.lt"), models.Contract.get(payer_code="44-1"))
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == ["44-2"]


@pytest.mark.parametrize(
    "but",
    [{"level": "desk"}, {"scheme": "SUB"}, {"ended_at": datetime(2026, 11, 20, tzinfo=UTC), "ended_by": "staff"}],
    ids=("desk", "login", "ended"),
)
def test_only_what_was_proven_and_still_holds_counts(north: Organisation, ona: Account, but: dict[str, Any]) -> None:
    """K03, T60: a document that staff saw opens nothing by itself."""
    take(north, [HOME])
    prove(ona, ONA)
    Identity.update(**but).execute()
    assert (own_contracts.recognise(ona), take(north, [HOME]).error, seen(ona)) == ([], "", [])


def test_an_unconfirmed_address_gets_nothing_until_it_is_confirmed(north: Organisation) -> None:
    """T10: the letter would tell a stranger where somebody lives."""
    take(north, [HOME])
    made = factories.account(north, "ona@example.lt", email_confirmed_at=None)
    identities.confirm(made, smart_id(ONA))
    take(north, [HOME])
    assert seen(made) == []
    registration.send_confirmation(made, site_url=SITE)
    token = str(Message.get(kind="confirm_by_link").facts["url"]).rpartition("/")[2]
    registration.confirm_email(north, token, viewer=made, password="")
    assert seen(made) == ["44-1"]


def test_another_organisations_contract_stays_there(north: Organisation, ona: Account) -> None:
    """T01"""
    south = place("south", claim_by_identity=True)
    take(south, [HOME])
    identities.confirm(ona, smart_id(ONA))
    take(south, [HOME])
    assert Membership.select().count() == 0


def test_a_companys_contract_and_one_that_has_ended_do_not_come(north: Organisation, ona: Account) -> None:
    """IB-03: whoever represents the company has it."""
    take(north, [replace(HOME, ended_on=date(2023, 1, 1)), replace(GARAGE, company_code="302345678")])
    take(north, [replace(HOME, payer_code="44-3"), replace(HOME, payer_code="44-4", ended_on=clock.today() + timedelta(days=9))])
    models.Contract.update(company=models.Company.get()).where(models.Contract.payer_code == "44-3").execute()
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == ["44-4"]
    assert models.Contract.get(payer_code="44-2").person_digest is None


@pytest.mark.parametrize("who", ["customer", "staff"])
def test_what_somebody_took_out_does_not_come_back_by_itself(north: Organisation, ona: Account, who: str) -> None:
    """CV-40: neither at a sign-in nor by the feed; but where the payer code was another customer's since, it does."""
    take(north, [HOME])
    identities.confirm(ona, smart_id(ONA))
    with time_machine.travel("2026-11-10T10:00Z", tick=False):
        if who == "customer":
            holding.detach(ona, models.Contract.get())
        else:
            holding.remove(Membership.get(), reason="A letter", by=factories.staff(north))
    with time_machine.travel("2026-12-10T10:00Z", tick=False):
        assert own_contracts.recognise(ona) == []
        take(north, [HOME])
        assert seen(ona) == []
        take(north, [replace(HOME, customer_name="Jonas", personal_code=JONAS, opened_on=date(2026, 11, 12))])
        take(north, [replace(HOME, opened_on=date(2026, 12, 1))])
        assert seen(ona) == ["44-1"]


def test_a_payer_code_that_goes_on_at_this_moment_is_not_given_to_who_had_it(
    north: Organisation, ona: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T11"""
    take(north, [HOME])
    prove(ona, ONA)
    found = own_contracts._owners

    def late(*asked: Any) -> Any:
        owners = found(*asked)
        models.Contract.update(person_digest=personal_codes.digest("LT", JONAS)).execute()
        return owners

    monkeypatch.setattr(own_contracts, "_owners", late)
    assert (own_contracts.recognise(ona), seen(ona)) == ([], [])


# ---- another code than before -------------------------------------------------------------------------------------------


def test_a_new_first_day_gives_the_contract_to_the_new_person_and_takes_it_from_the_old_one(north: Organisation, ona: Account) -> None:
    """T11, decision 11: also where father and son have one name, and where nobody said yet since when it was the father's."""
    jonas = factories.account(north, "jonas@example.lt")
    identities.confirm(ona, smart_id(ONA))
    identities.confirm(jonas, smart_id(JONAS))
    take(north, [HOME, replace(GARAGE, opened_on=None)])
    assert (seen(ona), seen(jonas)) == (["44-1", "44-2"], [])
    passed = {"personal_code": JONAS, "opened_on": date(2024, 1, 1)}
    take(north, [replace(HOME, **passed), replace(GARAGE, **passed)])
    assert (seen(ona), seen(jonas), problems(north)) == ([], ["44-1", "44-2"], [])
    take(north, [replace(HOME, personal_code="", customer_name="Rasa", opened_on=date(2025, 1, 1))])
    assert (seen(jonas), models.Contract.get(payer_code="44-1").person_digest) == (["44-2"], None)


def test_a_new_name_and_first_day_of_the_same_person_take_nothing_away(north: Organisation, ona: Account) -> None:
    """IR-06: a marriage, with a contract written anew."""
    take(north, [HOME])
    identities.confirm(ona, smart_id(ONA))
    take(north, [replace(HOME, customer_name="Ona Pavyzdytė", opened_on=clock.today())])
    assert (seen(ona), problems(north), Membership.select().count()) == (["44-1"], [], 1)


def test_what_staff_gave_a_company_goes_back_to_the_same_person_with_a_new_first_day(north: Organisation, ona: Account) -> None:
    """T11: a company's people keep nothing of it; and what somebody else took out of their account is no word of hers."""
    take(north, [HOME])
    contract, other = models.Contract.get(), factories.account(north, "ivan@example.lt")
    factories.holds(other, contract)
    holding.detach(other, contract)
    uosis = factories.company(north)
    models.Contract.update(company=uosis).execute()
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == []
    take(north, [replace(HOME, customer_name="Ona Pavyzdytė", opened_on=clock.today())])
    assert (seen(ona), problems(north), models.Contract.get().company) == (["44-1"], [], None)


def test_another_person_without_a_new_first_day_is_put_aside_whole(north: Organisation, ona: Account) -> None:
    """T11: neither sees the other's bills."""
    take(north, [HOME, bill("S1", "44-1", customer_name="Ona Pavyzdienė")])
    jonas = factories.account(north, "jonas@example.lt")
    identities.confirm(jonas, smart_id(JONAS))
    take(north, [replace(HOME, customer_name="Jonas Pavyzdys", personal_code=JONAS)])
    assert problems(north) == [("whose", "44-1")]
    assert models.Contract.get().customer_name == "Ona Pavyzdienė"
    identities.confirm(ona, smart_id(ONA))
    assert (seen(jonas), seen(ona)) == ([], ["44-1"])


def test_another_code_under_the_same_name_is_nobodys_until_there_is_a_new_first_day(north: Organisation, ona: Account) -> None:
    """T11: a namesake, or a slip of before; the rest of the record is taken in, and no second run forgets the doubt."""
    jonas = factories.account(north, "jonas@example.lt")
    take(north, [HOME])
    identities.confirm(jonas, smart_id(JONAS))
    for _ in range(2):
        take(north, [replace(HOME, personal_code=JONAS, address="Namų g. 9")])
        assert (problems(north), models.Contract.get().address) == ([("personal-code", "44-1")], "Namų g. 9")
        assert models.SyncProblem.get().message == buyers.OTHER_CODE
    take(north, [HOME])
    identities.confirm(ona, smart_id(ONA))
    assert (seen(jonas), seen(ona)) == ([], [])
    take(north, [replace(HOME, personal_code=JONAS, opened_on=date(2024, 1, 1))])
    assert (seen(jonas), problems(north)) == (["44-1"], [])


def test_a_first_code_that_comes_with_another_name_than_the_bills_gives_nobody_anything(north: Organisation) -> None:
    """T11: with the name changed in the same breath, before it, and in the contract's own word only."""
    jonas = factories.account(north, "jonas@example.lt")
    identities.confirm(jonas, smart_id(JONAS))
    nobody = replace(HOME, personal_code="")
    his = {"customer_name": "Jonas Pavyzdys", "personal_code": JONAS}
    take(north, [nobody, replace(nobody, payer_code="44-2"), bill("S1", "44-2", customer_name="Ona Pavyzdienė")])
    take(north, [replace(nobody, payer_code="44-2", customer_name="Jonas Pavyzdys")])
    for _ in range(2):
        take(north, [replace(HOME, **his), replace(GARAGE, **his)])
        assert (problems(north), seen(jonas)) == ([("personal-code", "44-1"), ("personal-code", "44-2")], [])


def test_a_new_name_without_a_code_ends_whose_it_was(north: Organisation, ona: Account) -> None:
    """T11: the code of before says nothing of the customer of now; another spelling of the name is no new one."""
    take(north, [HOME, GARAGE])
    take(
        north, [replace(HOME, personal_code="", customer_name="Jonas"), replace(GARAGE, personal_code="", customer_name="PAVYZDIENĖ, Ona")]
    )
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == ["44-2"]


# ---- the code itself ----------------------------------------------------------------------------------------------------


def test_what_is_no_code_waits_alone_and_says_so(north: Organisation, ona: Account) -> None:
    """The contract is taken in, keeps the code that was right, and the complaint ends by itself when the code is put right."""
    take(north, [HOME])
    take(north, [replace(HOME, personal_code="40404040008", address="Namų g. 9"), replace(GARAGE, personal_code="ask Ona")])
    assert problems(north) == [("personal-code", "44-1"), ("personal-code", "44-2")]
    assert {row.message for row in models.SyncProblem.select()} == {buyers.NO_CODE}
    assert models.Contract.get(payer_code="44-1").address == "Namų g. 9"
    identities.confirm(ona, smart_id(ONA))
    assert seen(ona) == ["44-1"]
    take(north, [HOME, GARAGE])
    assert (problems(north), seen(ona)) == ([], ["44-1", "44-2"])


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("40404 040009", "LT", ONA),
        ("lt-40404040009", "LT", ONA),
        ("EE-60001019906", "EE", "60001019906"),
        ("LV-01019011111", "LV", "010190-11111"),
    ],
)
def test_a_code_is_the_same_one_however_it_is_written(text: str, country: str, code: str) -> None:
    """K04: of another state with its letters in front."""
    assert personal_codes.told(text) == personal_codes.digest(country, code)


def test_no_personal_code_is_kept_shown_or_logged_anywhere(north: Organisation, ona: Account, tmp_path: Path, caplog: Any) -> None:
    """N04: right and wrong, in its column and in another, put aside, changed, and where the first row names no columns."""
    wrong = "40404040008"
    header = "payer_code;customer_name;personal_code;opened_on;company_code;provider"
    rows = [
        f"44-1;Ona;{ONA};2022-01-01;;", f"44-2;Ona;{wrong};;;", f"44-3;Ona;;{ONA};;", f"44-4;Ona;{ONA};{JONAS[:6]}-{JONAS[6:]};;",
        f"44-5;Ona;2022-01-01;;{'x' * 9} {ONA};", f"44-6;Ona;{JONAS};tomorrow;;", f"44-1-;Ona;{RASA};;;",
    ]  # fmt: skip
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]) + "\n")
    (tmp_path / "b.csv").write_text(f"44-1;{ONA};Ona\n")
    (tmp_path / "c.csv").write_text(f"{header}\n44-1;Ona;{JONAS};2022-01-01;;\n44-7;Ona;{RASA};;;")
    records = list(billing_feed.of("csv", tmp_path).records())
    identities.confirm(ona, smart_id(ONA))
    for _ in range(2):
        take(north, records)
    assert {kind for kind, _ in problems(north)} >= {"personal-code", "date", "length", "like-another", "header", "cut"}
    told = [repr(row) for table in models.TABLES for row in table.select().dicts()] + [repr(records), caplog.text]
    codes = (ONA, wrong, JONAS, RASA)
    assert [text for text in told if any(code in text.replace("-", "") for code in codes)] == []
    kept = {row.person_digest for row in models.Contract.select()} - {None, ""}
    assert kept <= {personal_codes.digest("LT", code) for code in codes}
