"""Whose an identity is, and what a flow lets through: once, in time, for one browser (T48, T57-T60)."""

from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine

from integrations.identity import codes
from models import TABLES, Account, Company, Event, Head, Identity, IdentityFlow, Organisation, Representative, now
from rules import access, accounts, events, freezes, identities, identity_flows, lockouts, personal_codes, sessions, settings, work
from rules.refusal import Lacking, Missing, Refused
from tests import factories
from tests.together import at_once

ONA = identities.Proven("smart_id", "PNO", "40404040009", "LT", first_name="Ona", last_name="Pavyzdienė", born_on=date(2004, 4, 4))
RASA = identities.Proven("mobile_id", "PNO", "40504040001", "LT", first_name="Rasa", last_name="Bandomoji")
GOOGLE = identities.Proven("google", "SUB", "1157", issuer="https://accounts.google.com", level="low")
SECRET, TOGETHER = "the-secret-of-this-browser", 20


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation()


def begun(here: Organisation, key: str = "form-1", **changes: Any) -> IdentityFlow:
    """A flow that a method has begun."""
    options = {"purpose": "sign_in", "method": "smart_id", "account": None, "facts": {"next": ""}} | changes
    flow = identity_flows.open_for(here, SECRET, key, **options)
    assert flow is not None
    identity_flows.began(flow, {"token": "t"}, callback=f"back-{key}", is_elsewhere=False)
    return flow


def identified(here: Organisation, key: str = "form-1", who: identities.Proven = ONA, **changes: Any) -> IdentityFlow:
    flow = begun(here, key, **changes)
    identity_flows.settle(flow, identity_flows.IDENTIFIED, asdict(who))
    return flow


# ---- flows ------------------------------------------------------------------------------------------------------------


def test_a_person_waits_sealed_and_comes_out_as_they_were(north: Organisation) -> None:
    """T57"""
    flow = IdentityFlow.get_by_id(identified(north).id)
    assert ONA.code not in flow.person_sealed
    assert identity_flows.person(flow) == ONA
    with pytest.raises(ValueError, match="evidence"):
        identities.keys.unseal("evidence", flow.person_sealed)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("ONA", "PAVYZDIENĖ-JONAITĖ", "Ona Pavyzdienė-Jonaitė"),
        ("MARY ÄNN", "O'CONNEŽ", "Mary Änn O'Connež"),
        ("Ona", "van der Pavyzdys", "Ona van der Pavyzdys"),
        ("", "", ""),
    ],
)
def test_a_name_is_written_as_one_writes_names(first: str, last: str, name: str) -> None:
    assert identities.Proven("viisp", "PNO", "40404040009", "LT", first_name=first, last_name=last).name == name


def test_one_flow_used_by_twenty_at_once_opens_one_session(north: Organisation) -> None:
    """T57"""
    account = factories.account(north)
    identities.confirm(account, ONA)
    flow = identified(north)
    outcomes = at_once(TOGETHER, lambda _: accounts.sign_in_by_identity(IdentityFlow.get_by_id(flow.id)))
    assert sum(isinstance(outcome, Account) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == TOGETHER - 1
    assert Event.select().where(Event.name == "account.signed_in_by_identity").count() == 1


@pytest.mark.parametrize(
    ("asked", "name", "called"), [("none", "ona", "Ona Pavyzdienė"), ("none", "Sandėlis", "Sandėlis"), ("one", "ona", "ona")]
)
def test_who_was_asked_for_no_name_is_called_by_the_proven_one(north: Organisation, asked: str, name: str, called: str) -> None:
    """IB-49: employees register with an address alone, after which their accounts are called."""
    settings.change(north, "signup_names", asked, by=events.OPERATOR)
    account = factories.account(north, "ona@example.lt", name=name)
    identities.confirm(account, ONA)
    again = Account.get_by_id(account.id)
    assert (again.name, "ona pavyzdiene" in again.search_key) == (called, called == "Ona Pavyzdienė")
    assert Event.select().where(Event.name == "account.details_changed").count() == (called != name)


@pytest.mark.parametrize("by_staff", [True, False])
def test_no_row_holds_a_personal_code_that_can_be_read(north: Organisation, by_staff: bool) -> None:
    """T60: not as a part of a document's number either; what signing will need is sealed"""
    who = replace(ONA, document=f"PNOLT-{ONA.code}-MOCK-Q")
    account, agent = factories.account(north), factories.staff(north)
    if by_staff:
        with work.unit_of_work():
            identities.attach(account, replace(who, method="document", level="desk"), by=agent, reason="At the desk")
    identities.confirm(account, who)
    for table in TABLES:
        for row in table.select().tuples():
            assert ONA.code not in str(row), table
    sealed = identities.keys.unseal("evidence", Identity.get().evidence_sealed)
    assert (Identity.get().document, sealed["document"]) == ("", f"PNOLT-{ONA.code}-MOCK-Q")


def test_one_person_confirmed_in_twenty_accounts_at_once_is_in_one(north: Organisation) -> None:
    """T60"""
    people = [factories.account(north, f"a{n}@example.lt") for n in range(TOGETHER)]
    outcomes = at_once(TOGETHER, lambda n: identities.confirm(Account.get_by_id(people[n].id), ONA))
    assert sum(isinstance(outcome, Identity) for outcome in outcomes) == 1
    assert Identity.select().count() == Account.select().where(Account.identity_confirmed_at.is_null(False)).count() == 1
    assert Event.select().where(Event.name == "identity.collided").count() == TOGETHER - 1


def test_twenty_requests_to_one_phone_at_once_are_three(north: Organisation) -> None:
    """T59"""
    outcomes = at_once(TOGETHER, lambda n: identity_flows.spend(north, f"10.0.{n}.0/24", "LT", ONA.code))
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == identity_flows.PENDING


def test_of_twenty_who_ask_about_one_flow_at_once_one_does(north: Organisation) -> None:
    """T62"""
    flow = begun(north)
    for is_answer in (False, True):
        outcomes = at_once(TOGETHER, lambda _, is_answer=is_answer: identity_flows.claim(flow, is_answer=is_answer))
        assert sorted(outcomes) == [False] * (TOGETHER - 1) + [True]


def test_a_flow_that_is_over_is_asked_about_no_more(north: Organisation) -> None:
    flow = begun(north)
    identity_flows.settle(flow, "refused")
    assert not any(identity_flows.claim(flow, is_answer=is_answer) for is_answer in (False, True))


def test_a_flow_is_found_with_the_secret_of_its_browser_in_its_organisation_alone(north: Organisation) -> None:
    """T57"""
    flow, south = begun(north), factories.organisation("south")
    assert identity_flows.find(north, flow.public_id, SECRET) == flow
    assert identity_flows.find(north, flow.public_id, "another") is None
    assert identity_flows.find(north, flow.public_id, None) is None
    assert identity_flows.find(south, flow.public_id, SECRET) is None
    assert identity_flows.find(north, UUID(int=1), SECRET) is None
    assert identity_flows.called_back(north, "back-form-1") == flow
    assert identity_flows.called_back(south, "back-form-1") is None
    assert identity_flows.called_back(north, "") is None


def test_a_form_sent_twice_is_one_flow(north: Organisation) -> None:
    flow = begun(north)
    assert identity_flows.open_for(north, SECRET, "form-1", purpose="sign_in", method="smart_id", account=None, facts={}) is None
    assert identity_flows.address(SECRET, "form-1") == flow.public_id


def test_what_came_too_late_or_after_the_end_is_nothing(north: Organisation) -> None:
    flow = begun(north)
    assert identity_flows.is_waiting(flow, now())
    assert not identity_flows.is_waiting(flow, now() + identity_flows.WAITS)
    identity_flows.settle(flow, identity_flows.CANCELLED)
    identity_flows.settle(flow, identity_flows.IDENTIFIED, asdict(ONA))
    assert IdentityFlow.get_by_id(flow.id).person_sealed == ""
    with pytest.raises(Refused, match="Begin again"):
        identity_flows.person(flow)
    late = identified(north, "form-2")
    with time_machine.travel(now() + identity_flows.REGISTERS + timedelta(seconds=1), tick=False), pytest.raises(Refused, match="too long"):
        identity_flows.use(late)


def test_flows_are_dropped_with_all_that_is_sealed_in_them(north: Organisation) -> None:
    identified(north)
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        assert identity_flows.forget_ended() == 1


def test_a_request_that_was_answered_waits_no_longer(north: Organisation) -> None:
    """T59: whoever signs in and out again all day is not refused."""
    for n in range(identity_flows.A_DAY + 1):
        facts = identity_flows.spend(north, "10.0.0.0/24", "LT", ONA.code)
        identified(north, f"form-{n}", facts=facts)


def pushed(here: Organisation, source: str, device: str | None = None) -> bool:
    try:
        identity_flows.spend(here, source, "LT", ONA.code, device)
    except Refused:
        return False
    return True


def test_one_network_does_not_shut_a_person_out(north: Organisation) -> None:
    """T59, M05: who knows a personal code pushes at its owner, and at each organisation; they sign in from elsewhere, or on a device of
    theirs even when all the world pushes."""
    account, south = factories.account(north), factories.organisation("south")
    identities.confirm(account, ONA)
    device, another = sessions.remember_device(account, None), sessions.remember_device(account, None)
    assert sum(pushed(here, "10.0.0.0/24") for here in (north, south) * 10) == identity_flows.PENDING_OF_ONE
    assert pushed(north, "10.0.1.0/24")
    assert not all(pushed(north, f"10.0.{n}.0/24") for n in range(2, 5))
    assert not pushed(north, "10.0.0.0/24", "not a device"), "a stranger's"
    assert sum(pushed(north, "10.0.0.0/24", device) for _ in range(5)) == identity_flows.PENDING
    assert pushed(south, "10.0.9.0/24"), "another organisation is not shut"
    assert not pushed(south, "10.0.0.0/24", another), "nor is a device known that is known elsewhere"


def test_one_network_pushes_less_in_a_day_than_all_together(north: Organisation) -> None:
    """T59"""
    at, sent = now(), {"10.0.0.0/24": 0, "10.0.1.0/24": 0}
    for source in sent:
        for n in range(6):
            with time_machine.travel(at + timedelta(minutes=11 * n), tick=False):
                sent[source] += sum(pushed(north, source) for _ in range(3))
        at += timedelta(hours=2)
    assert set(sent.values()) == {identity_flows.A_DAY_OF_ONE}
    with time_machine.travel(at, tick=False):
        assert not pushed(north, "10.0.2.0/24"), "ten in all"


# ---- whose it is ------------------------------------------------------------------------------------------------------


def test_the_same_person_by_another_method_is_the_same(north: Organisation) -> None:
    """IB-48: whichever strong method, the personal code decides."""
    account = factories.account(north)
    identities.confirm(account, ONA)
    by_bank = identities.Proven("swedbank", "PNO", ONA.code, "LT")
    identities.confirm(account, by_bank)
    (row,) = Identity.select()
    assert (row.method, row.last_method) == ("smart_id", "swedbank")
    assert personal_codes.unseal(row.code_sealed) == ONA.code
    assert identities.find(north, identities.Proven("smart_id", "PNO", ONA.code, "EE")) is None


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("LV", "050405-10009", "050405-10009"),
        ("LV", "05040510009", "050405-10009"),
        ("LV", " 050405 10009 ", "050405-10009"),
        ("LT", "4040404 0009", "40404040009"),
        ("EE", "404-04040009", "40404040009"),
        ("PL", "ab-12345", "AB-12345"),
    ],
)
def test_a_personal_code_is_the_same_however_it_is_spelled(country: str, typed: str, kept: str) -> None:
    """IB-09: a phone's keypad has no dash, a certificate has; a register may have none."""
    assert personal_codes.checked(typed, country) == kept
    assert personal_codes.digest(country, typed) == personal_codes.digest(country, kept)
    if country != "PL":
        assert codes.read(typed.replace(" ", ""), country) == codes.read(f"PNO{country}-{kept}", "") == (country, kept)


@pytest.mark.parametrize("typed", ["050405-1000", "0504051-0009a", "050405--100099"])
def test_a_latvian_code_has_eleven_digits(typed: str) -> None:
    with pytest.raises(Refused):
        personal_codes.checked(typed, "LV")


def test_of_another_organisation_nobody_is_known(north: Organisation) -> None:
    identities.confirm(factories.account(north), ONA)
    south = factories.organisation("south")
    assert identities.find(south, ONA) is None
    assert identities.confirm(factories.account(south), ONA).organisation == south


def test_a_login_elsewhere_is_of_one_issuer(north: Organisation) -> None:
    """T58: the same subject of another issuer is somebody else."""
    account = factories.account(north)
    identities.link(account, GOOGLE)
    other = identities.Proven("facebook", "SUB", GOOGLE.code, issuer="https://www.facebook.com", level="low")
    assert identities.find(north, other) is None
    assert access.level(account) == "email"
    with pytest.raises(Refused, match="linked to another account"):
        identities.link(factories.account(north, "ivan@example.lt"), GOOGLE)
    with pytest.raises(Refused, match="not linked any more"):
        identities.unlink(factories.account(north, "petr@example.lt"), "google")


def test_while_an_account_is_frozen_no_login_elsewhere_is_unlinked(north: Organisation) -> None:
    """M04: whoever took it over shuts nobody out."""
    account = factories.account(north)
    identities.link(account, GOOGLE)
    freezes.begin(account, now())
    with pytest.raises(Refused, match="changed lately"):
        identities.unlink(account, "google")
    assert identities.of(account)


def test_a_head_is_recognised_whenever_they_prove_who_they_are(north: Organisation) -> None:
    """IB-39, IB-47, IR-06: at the first time, and at a later sign-in what has come since."""

    def headed(name: str, code: str) -> Company:
        company = Company.create(organisation=north, name=name, code=code)
        Head.create(
            organisation=north,
            company=company,
            code_digest=ONA.digest,
            code_sealed=personal_codes.seal(ONA.code),
            first_name="Ona",
            last_name="Pavyzdienė",
            source="broker",
        )
        return company

    account, first = factories.account(north), headed("UAB Pirma", "999000017")
    identities.confirm(account, ONA)
    assert [row.company for row in Representative.select()] == [first]
    second = headed("UAB Antra", "999000024")
    accounts.sign_in_by_identity(identified(north))
    assert [row.company for row in Representative.select().order_by(Representative.id)] == [first, second]


def test_proving_who_one_is_leaves_a_password_off_that_must_be_set_anew(north: Organisation) -> None:
    """M05: so many have guessed at it that no waiting, and nobody's proof, makes it good again."""
    account = factories.account(north)
    identities.confirm(account, ONA)
    Account.update(locked_until=lockouts.UNTIL_RESET).execute()
    assert accounts.sign_in_by_identity(identified(north)) == account
    assert Account.get().locked_until == lockouts.UNTIL_RESET


# ---- levels (K03) -----------------------------------------------------------------------------------------------------


def test_what_each_level_of_identity_opens(north: Organisation) -> None:
    """K03, K26, IB-36, IB-47: the table of settings, access types and levels."""
    asked = {"everything": "account.use", "heads": "company_head", "authorised": "authorised_person", "sharing": "contract.share"}
    for number, (setting, what) in enumerate(asked.items()):
        for least in settings.LEVELS:
            here = factories.organisation(f"o{number}-{least}", **{f"identity_for_{setting}": least})
            for at in settings.LEVELS:
                account = factories.account(
                    here,
                    f"{at}@example.lt",
                    email_confirmed_at=None if at == "none" else now(),
                    identity_confirmed_at=now() if at == "strong" else None,
                )
                held = factories.contract(here, f"{at}-1")
                factories.holds(account, held, what if setting in ("heads", "authorised") else "owner")
                deed = {"everything": "account.use", "sharing": "contract.share"}.get(setting, "invoice.view")
                thing = None if setting == "everything" else held
                may = list(settings.LEVELS).index(at) >= list(settings.LEVELS).index(least)
                assert access.allows(account, deed, thing) is may, (setting, least, at)
                assert access.lacking(account, deed, thing) == ("" if may else least)
                assert access.allows(account, "account.change")
                if setting != "sharing":
                    assert bool(access.contracts_allowing(account, "invoice.view")) is may


def test_what_is_missing_is_said_of_ones_own_things_alone(north: Organisation) -> None:
    """K03, T01: whether a foreign contract exists, no level tells."""
    settings.change(north, "identity_for_everything", "strong", by=events.OPERATOR)
    anna, petr = factories.account(north), factories.account(north, "petr@example.lt")
    held = factories.contract(north)
    factories.holds(anna, held)
    factories.holds(petr, factories.contract(north, "99-1"))
    with pytest.raises(Lacking):
        access.reach(anna, type(held), held.public_id, "contract.view")
    with pytest.raises(Missing):
        access.reach(petr, type(held), held.public_id, "contract.view")
    with pytest.raises(Missing):
        access.reach(petr, type(held), UUID(int=1), "contract.view")
