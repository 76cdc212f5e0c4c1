"""Who heads a company: what the register says and staff enter, what follows for rights at once, and whom a strong sign-in recognises."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from models import (
    Account,
    Company,
    Contract,
    Event,
    Head,
    Identity,
    Invitation,
    Membership,
    Message,
    Organisation,
    Representative,
    Session,
    now,
)
from rules import access, companies, events, heads, identities, personal_codes, sessions
from rules.refusal import Missing, Refused
from rules.work import unit_of_work
from tests import factories
from tests.together import at_once

TODAY = date(2026, 11, 20)
JONAS, ONA, RASA, VARDUTIS = "30303039914", "40404040009", "40504040001", "50001029996"
NAMES = {JONAS: "Jonas", ONA: "Ona", RASA: "Rasa", VARDUTIS: "Vardutis"}


@dataclass(frozen=True)
class Person:
    code: str
    country: str = "LT"
    first_name: str = ""
    last_name: str = "Pavyzdys"
    since_on: date | None = None
    until_on: date | None = None

    def is_head(self, day: date) -> bool:
        return (self.since_on or day) <= day and (self.until_on is None or self.until_on >= day)


@dataclass(frozen=True)
class Said:
    code: str
    name: str = ""
    heads: tuple[Person, ...] | None = ()
    status: str | None = None


def person(code: str, **more: Any) -> Person:
    return Person(code, first_name=NAMES.get(code, ""), **more)


def prove(account: Account, code: str) -> None:
    """The account's owner has proven who they are."""
    Identity.create(
        organisation=account.organisation,
        account=account,
        method="smart_id",
        scheme="PNO",
        level="high",
        country="LT",
        code_digest=personal_codes.digest("LT", code),
        code_sealed=personal_codes.seal(code),
    )


def take(company: Company, *people: Person | str, source: str = "broker", day: date = TODAY) -> int:
    named = tuple(person(one) if isinstance(one, str) else one for one in people)
    return heads.take(Company.get_by_id(company.id), Said(str(company.code), heads=named), source=source, day=day)


def place(account: Account, company: Company) -> str:
    """The account's access type in the company; empty where it has none."""
    try:
        return companies.place(account, company).access_type.name
    except Missing:
        return ""


def mail(account: Account) -> list[str]:
    return [one.kind for one in Message.select().where(Message.account == account).order_by(Message.id)]


@pytest.fixture
def oak(north: Organisation) -> Company:
    """A company with two contracts."""
    made = factories.company(north, "UAB „Uosis“", code="399000011")
    for code in ("U-1", "U-2"):
        factories.contract(north, code, company=made)
    return made


@pytest.fixture
def jonas(north: Organisation) -> Account:
    made = factories.account(north, "jonas@example.lt", name="Jonas Pavyzdys")
    prove(made, JONAS)
    return made


# ---- the register names somebody --------------------------------------------------------------------------------------


def test_whom_the_register_names_heads_the_company_at_once_and_a_second_answer_changes_nothing(oak: Company, jonas: Account) -> None:
    """IB-15, IB-31, IB-32"""
    assert take(oak, JONAS) == 1
    assert place(jonas, oak) == "company_head"
    assert {row.payer_code for row in Contract.select().where(Contract.id.in_(jonas.contract_ids()))} == {"U-1", "U-2"}
    (head,) = heads.live(oak)
    assert (str(head), head.source, head.representative.account_id) == ("Jonas Pavyzdys", "broker", jonas.id)
    assert mail(jonas) == ["company_access_given"]
    count = Event.select().count()
    assert take(oak, JONAS) == 0
    assert (Event.select().count(), mail(jonas), Head.select().count()) == (count, ["company_access_given"], 1)


def test_a_user_or_an_authorised_person_whom_the_register_names_is_raised(oak: Company, jonas: Account) -> None:
    """IB-15"""
    factories.represents(jonas, oak, "user")
    take(oak, JONAS)
    assert place(jonas, oak) == "company_head"
    assert Representative.select().count() == 1


def test_several_head_a_company_together(oak: Company, jonas: Account, north: Organisation) -> None:
    ona = factories.account(north, "ona@example.lt")
    prove(ona, ONA)
    take(oak, JONAS, ONA)
    assert (place(jonas, oak), place(ona, oak)) == ("company_head", "company_head")


def test_a_name_that_has_changed_is_changed(oak: Company) -> None:
    take(oak, JONAS)
    assert take(oak, replace(person(JONAS), last_name="Naujapavardis")) == 1
    assert str(heads.live(oak)[0]) == "Jonas Naujapavardis"


def test_a_person_of_another_state_with_the_same_digits_is_somebody_else(oak: Company, jonas: Account) -> None:
    take(oak, person(JONAS, country="EE"))
    assert place(jonas, oak) == ""


def test_a_weak_identity_and_one_that_has_ended_make_no_head(oak: Company, jonas: Account) -> None:
    """T60"""
    own = factories.company(oak.organisation, "Jono veikla", code=None, person_digest=personal_codes.digest("LT", JONAS))
    take(factories.company(oak.organisation, code="399000029"), ONA)
    for said in ({"ended_at": now(), "ended_by": "staff"}, {"ended_at": None, "ended_by": "", "level": "low"}):
        Identity.update(said).execute()
        take(oak, JONAS)
        assert heads.recognise(jonas) == []
        assert (place(jonas, oak), place(jonas, own)) == ("", "")


def test_the_name_and_the_legal_status_of_a_company_are_the_registers(oak: Company) -> None:
    said = Said("399000011", "UAB „Ąžuolas“", None, "Likviduojamas")
    for _ in range(2):
        assert heads.take(Company.get_by_id(oak.id), said, source="file", day=TODAY) == 0
    found = Company.get_by_id(oak.id)
    assert (found.name, found.legal_status, found.heads_read_at) == ("UAB „Ąžuolas“", "Likviduojamas", None)
    assert Event.select().where(Event.name == "company.register_said").count() == 1
    heads.take(found, replace(said, status=""), source="file", day=TODAY)
    assert Company.get_by_id(oak.id).legal_status == ""


# ---- the register names somebody no more ------------------------------------------------------------------------------


def test_a_head_who_is_one_no_more_loses_the_access_and_every_session_at_once(oak: Company, jonas: Account) -> None:
    """IB-31, T12"""
    take(oak, JONAS)
    sessions.open_for(jonas)
    assert take(oak, person(JONAS, until_on=TODAY - timedelta(days=1)), ONA) == 2
    assert place(jonas, oak) == ""
    assert not Membership.select().where((Membership.account == jonas) & Membership.until_at.is_null()).exists()
    assert not Session.select().where(Session.account == jonas).exists()
    assert [str(head) for head in heads.live(oak)] == ["Ona Pavyzdys"]
    assert Representative.get().ended_by == "register"
    assert take(oak, person(JONAS, until_on=TODAY - timedelta(days=1)), ONA) == 0


def test_who_is_replaced_without_a_word_loses_the_access_too(oak: Company, jonas: Account) -> None:
    take(oak, JONAS)
    take(oak, ONA)
    assert place(jonas, oak) == ""


def test_a_head_stays_an_authorised_person_while_the_register_names_nobody(oak: Company, jonas: Account) -> None:
    """IB-33"""
    take(oak, JONAS)
    sessions.open_for(jonas)
    assert take(oak) == 1
    assert place(jonas, oak) == "authorised_person"
    assert Session.select().where(Session.account == jonas).exists()
    assert take(oak) == 0
    take(oak, JONAS)
    assert place(jonas, oak) == "company_head"


def test_a_head_who_is_a_company_leaves_no_room_for_the_former_one(oak: Company, jonas: Account) -> None:
    take(oak, JONAS)
    take(oak, person(""))
    assert place(jonas, oak) == ""
    assert heads.live(oak) == []


def test_a_head_of_tomorrow_is_none_today_and_one_of_the_last_day_still_is(oak: Company, jonas: Account) -> None:
    take(oak, person(JONAS, since_on=TODAY + timedelta(days=1)))
    assert place(jonas, oak) == ""
    take(oak, person(JONAS, until_on=TODAY))
    assert place(jonas, oak) == "company_head"


def test_what_a_former_head_gave_stays_and_whoever_heads_the_company_now_is_told_once(
    oak: Company, jonas: Account, north: Organisation
) -> None:
    """IB-31: the grants stay, and are shown to the new head."""
    take(oak, JONAS)
    user = factories.account(north, "user@example.lt", name="Ugnė Naudotoja")
    given = factories.represents(user, oak, "user")
    Invitation.create(
        organisation=north, company=oak, email=user.email, access_type=given.access_type, invited_through=companies.place(jonas, oak),
        digest="x", expires_at=now(), taken_at=now(), representative=given,
    )  # fmt: skip
    assert heads.given_by_former(oak) == []
    take(oak, ONA)
    assert place(user, oak) == "user"
    assert heads.given_by_former(oak) == [given]
    ona = factories.account(north, "ona@example.lt", name="Ona")
    prove(ona, ONA)
    assert heads.recognise(ona) == [oak]
    assert mail(ona) == ["company_access_given", "former_head_gave"]
    assert Message.get(Message.kind == "former_head_gave").facts["people"] == ["Ugnė Naudotoja"]
    take(oak, ONA, RASA)
    assert mail(ona) == ["company_access_given", "former_head_gave"]
    assert Event.select().where(Event.name == "head.grants_to_look_at").count() == 1


# ---- a person who has proven who they are -----------------------------------------------------------------------------


def test_a_person_is_recognised_and_gets_the_companies_they_head_and_their_own_business(oak: Company, north: Organisation) -> None:
    """IB-34, IB-39, IB-54, IR-06, K04"""
    other = factories.company(north, "UAB „Liepa“", code="399000029")
    own = factories.company(north, "Jono Pavyzdžio veikla", code=None, person_digest=personal_codes.digest("LT", JONAS))
    factories.contract(north, "V-1", company=own)
    take(oak, JONAS)
    take(other, ONA)
    jonas = factories.account(north, "jonas@example.lt")
    assert heads.recognise(jonas) == []
    prove(jonas, JONAS)
    assert {company.name for company in heads.recognise(jonas)} == {oak.name, own.name}
    assert (place(jonas, oak), place(jonas, own), place(jonas, other)) == ("company_head", "company_head", "")
    count = Event.select().count()
    assert heads.recognise(jonas) == []
    assert Event.select().count() == count


def test_a_person_is_not_recognised_in_another_organisation(oak: Company, jonas: Account) -> None:
    south = factories.organisation("south")
    take(oak, JONAS)
    there = factories.account(south, "jonas@example.lt")
    prove(there, JONAS)
    assert heads.recognise(there) == []


def test_proving_who_one_is_brings_the_companies_and_losing_that_proof_takes_them_away(oak: Company, north: Organisation) -> None:
    """IB-39, IB-54"""
    own = factories.company(north, "Jono Pavyzdžio veikla", code=None, person_digest=personal_codes.digest("LT", JONAS))
    take(oak, JONAS)
    account = factories.account(north, "jonas@example.lt")
    proven = identities.Proven("smart_id", "PNO", JONAS, "LT", first_name="Jonas", last_name="Pavyzdys")
    identity = identities.confirm(account, proven, site_url="https://my.example.lt")
    assert (place(account, oak), place(account, own)) == ("company_head", "company_head")
    with unit_of_work():
        heads.forget(account, by=events.SYSTEM)
    assert place(account, oak) == "company_head"
    with unit_of_work():
        identities.end(identity, "staff", by=factories.staff(north), reason="Ne tas žmogus")
    assert (place(account, oak), place(account, own)) == ("", "")
    assert take(oak, JONAS) == 0
    assert place(account, oak) == ""


# ---- staff, from a document -------------------------------------------------------------------------------------------


def enter(company: Company, by: Any, code: str = JONAS, **changes: Any) -> Head:
    said = {
        "first_name": "Jonas", "last_name": "Pavyzdys", "personal_code": code, "since_on": None, "document": "Protokolas 7", "reason": "Skambino",
    }  # fmt: skip
    return heads.enter(company, by=by, **said | changes)


def test_staff_enter_a_head_from_a_document_and_whoever_manages_the_company_is_told(
    oak: Company, jonas: Account, north: Organisation
) -> None:
    rasa = factories.account(north, "rasa@example.lt")
    factories.represents(rasa, oak, "authorised_person")
    agent = factories.staff(north)
    head = enter(oak, agent)
    assert (head.source, head.staff_id, head.document) == ("staff", agent.id, "Protokolas 7")
    assert place(jonas, oak) == "company_head"
    assert mail(rasa)[-1] == "head_entered"
    letter = Message.get(Message.kind == "company_access_given", Message.account == jonas)
    assert (letter.facts["by"], letter.facts["is_head"]) == (north.name, True)
    assert companies.place(jonas, oak).granted_by == north.name
    with pytest.raises(Refused) as no:
        enter(oak, agent)
    assert no.value.field == "personal_code"


@pytest.mark.parametrize("field", ["first_name", "last_name", "document", "reason", "personal_code"])
def test_a_head_is_not_entered_without(oak: Company, north: Organisation, field: str) -> None:
    with pytest.raises(Refused) as no:
        enter(oak, factories.staff(north), **{field: " "})
    assert no.value.field == field
    assert not Head.select().exists()


def test_a_persons_own_business_gets_no_other_head(north: Organisation) -> None:
    own = factories.company(north, "Jono veikla", code=None, person_digest=personal_codes.digest("LT", JONAS))
    with pytest.raises(Refused, match="own business"):
        enter(own, factories.staff(north), ONA)


def test_staff_of_another_organisation_enter_nobody(oak: Company) -> None:
    with pytest.raises(Missing):
        enter(oak, factories.staff(factories.organisation("south")))


def test_whom_staff_entered_stays_until_the_register_says_otherwise_of_this_very_person(
    oak: Company, jonas: Account, north: Organisation
) -> None:
    enter(oak, factories.staff(north))
    assert take(oak, ONA) == 1
    assert place(jonas, oak) == "company_head", "the document may be newer than the register"
    take(oak, JONAS, ONA)
    assert {head.source for head in heads.live(oak)} == {"broker"}
    enter(oak, factories.staff(north), RASA, first_name="Rasa")
    take(oak, JONAS, ONA, person(RASA, until_on=TODAY - timedelta(days=1)))
    assert {head.first_name for head in heads.live(oak)} == {"Jonas", "Ona"}


def test_staff_end_what_they_entered_and_never_what_the_register_says(oak: Company, jonas: Account, north: Organisation) -> None:
    """IB-31"""
    agent = factories.staff(north)
    head = enter(oak, agent)
    heads.end(head, reason="Klaida", by=agent)
    assert place(jonas, oak) == ""
    with pytest.raises(Refused):
        heads.end(head, reason="Klaida", by=agent)
    take(oak, JONAS)
    with pytest.raises(Refused, match="register"):
        heads.end(heads.live(oak)[0], reason="Klaida", by=agent)
    assert place(jonas, oak) == "company_head"


@pytest.mark.parametrize("earlier", ["authorised_person", "user"])
def test_a_head_entered_by_mistake_has_the_place_of_before_again_once_that_is_ended(
    oak: Company, jonas: Account, north: Organisation, earlier: str
) -> None:
    factories.represents(jonas, oak, earlier)
    agent = factories.staff(north)
    for _ in range(2):
        head = enter(oak, agent)
        assert place(jonas, oak) == "company_head"
        heads.end(head, reason="Ne tas žmogus", by=agent)
        again = companies.place(jonas, oak)
        assert (again.access_type.name, again.granted_by) == (earlier, "Vadovė")
    assert {row.access_type.name for row in Membership.select().where(Membership.until_at.is_null())} == {earlier}
    assert mail(jonas)[-2:] == ["company_access_changed"] * 2


def test_who_was_a_user_before_the_register_made_them_head_is_nobody_when_it_names_another(oak: Company, jonas: Account) -> None:
    """IB-31: who made them a user did not know of what came later."""
    factories.represents(jonas, oak, "user")
    take(oak, JONAS)
    take(oak, ONA)
    assert place(jonas, oak) == ""


def test_who_loses_the_proof_of_being_the_head_has_the_place_of_before_again(oak: Company, jonas: Account, north: Organisation) -> None:
    factories.represents(jonas, oak, "user")
    take(oak, JONAS)
    with unit_of_work():
        identities.end(Identity.get(), "staff", by=factories.staff(north), reason="Ne tas žmogus")
    assert place(jonas, oak) == "user"
    prove(jonas, JONAS)
    assert heads.recognise(jonas) == [oak]
    assert place(jonas, oak) == "company_head"


# ---- in any order -----------------------------------------------------------------------------------------------------

PEOPLE = st.sampled_from((JONAS, ONA, RASA, VARDUTIS))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(PEOPLE, max_size=4), min_size=1, max_size=5), st.randoms(use_true_random=False))
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_only_the_last_answer_counts_however_often_and_in_whatever_order_it_names_people(
    db: Any, answers: list[list[str]], dice: Any
) -> None:
    """T06, T12: after any answers exactly those are heads whom the last one names."""
    with db.atomic() as undo:
        north = factories.organisation("north")
        oak = factories.company(north, code="399000011")
        people = {}
        for code in NAMES:
            people[code] = factories.account(north, f"{code[0]}{code[-3:]}@example.lt")
            prove(people[code], code)
        for named in answers:
            shuffled = named + named[:1]
            dice.shuffle(shuffled)
            take(oak, *shuffled)
            take(oak, *reversed(shuffled))
            assert {head.first_name for head in heads.live(oak)} == {NAMES[code] for code in named}
            assert {code for code, account in people.items() if place(account, oak) == access.HEAD} == set(named)
        undo.rollback()


# ---- at the same moment -----------------------------------------------------------------------------------------------


def test_the_register_and_the_person_come_at_the_same_moment_and_there_is_one_head_and_one_place(oak: Company, jonas: Account) -> None:
    """G11"""

    def act(number: int) -> Any:
        return take(oak, JONAS) if number % 2 else heads.recognise(Account.get_by_id(jonas.id))

    outcomes = at_once(8, act)
    assert not [one for one in outcomes if one is None or isinstance(one, Refused)]
    assert sum(one for one in outcomes if isinstance(one, int)) == 1
    assert (Head.select().count(), Representative.select().count()) == (1, 1)
    assert place(jonas, oak) == "company_head"
    assert mail(jonas) == ["company_access_given"]


def test_a_head_ends_once_however_many_say_so_at_the_same_moment(oak: Company, jonas: Account) -> None:
    """G11"""
    take(oak, JONAS)
    outcomes = at_once(8, lambda _: take(oak, ONA))
    assert sum(outcomes) == 2
    assert place(jonas, oak) == ""
    assert Event.select().where(Event.name == "head.ended").count() == 1
