"""Someone becomes a customer when they have shown that the address is theirs, and nobody learns who is one already."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

from models import Account, Confirmation, Consent, ConsentText, Event, Membership, Organisation
from rules import accounts, confirmations, keys, limits, registration, settings
from rules.refusal import Refused
from tests import factories, letters
from tests.together import at_once

SITE = "https://savitarna.example.lt/north"
HOME = "192.0.2.0/24"
FLOW, ANOTHER_BROWSER = "a" * 22, "b" * 22
PASSWORD = "Ilgas-zodis-7"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def north(confirm: str = "code", **changes: Any) -> Organisation:
    return factories.organisation("north", signup_confirm=confirm, **changes)


def register(organisation: Organisation, email: str = "jonas@example.lt", flow: str = FLOW, **changes: Any) -> registration.Outcome:
    given = {
        "person_type": "natural",
        "name": "Jonas Kalnas",
        "phone": "8 600 00001",
        "password": PASSWORD,
        "consents_given": set(),
        "language": "en",
        "site_url": SITE,
        "source": HOME,
    }
    return registration.register(organisation, email=email, flow=flow, **(given | changes))


def confirm(organisation: Organisation, **changes: Any) -> registration.Outcome:
    return registration.confirm_code(
        organisation, changes.get("flow", FLOW), changes.get("code") or letters.fact("confirm_by_code", "code"), source=HOME
    )


# ---- by code ----------------------------------------------------------------------------------------------------------


def test_an_account_is_there_from_the_moment_its_code_is_typed(db: object) -> None:
    """IB-38, IB-49, K01"""
    here = north(code_digits=4)

    assert register(here).step == "code"
    assert Account.select().count() == 0
    assert len(letters.fact("confirm_by_code", "code")) == 4
    assert confirm(here) == registration.Outcome("none")

    jonas = Account.get()
    assert (jonas.email, jonas.name, jonas.phone, jonas.person_type) == ("jonas@example.lt", "Jonas Kalnas", "+37060000001", "natural")
    assert jonas.email_confirmed_at is not None
    assert keys.is_password(jonas.password_hash, PASSWORD)
    assert [e.name for e in Event.select().order_by(Event.id)] == ["setting.changed", "account.registered", "account.email_confirmed"]


def test_a_code_typed_twice_opens_one_account(db: object) -> None:
    """IB-38, CV-08"""
    here = north()
    register(here)
    typed = letters.fact("confirm_by_code", "code")
    confirm(here, code=typed)

    with pytest.raises(Refused, match="no longer waiting"):
        confirm(here, code=typed)

    assert Account.select().count() == 1
    assert letters.sent() == [("confirm_by_code", "jonas@example.lt")]


def test_a_code_belongs_to_the_browser_that_registered(db: object) -> None:
    """T45"""
    here = north()
    register(here)

    with pytest.raises(Refused):
        confirm(here, flow=ANOTHER_BROWSER)

    assert Account.select().count() == 0


def test_the_password_waits_as_a_hash_and_is_gone_when_the_account_is_there(db: object) -> None:
    """T10"""
    here = north()
    register(here)

    assert PASSWORD not in str(list(Confirmation.select().dicts()))
    confirm(here)
    assert Confirmation.get().facts == {}


def test_a_new_code_is_mailed_on_request_and_the_first_one_is_dead(db: object) -> None:
    """T44"""
    here = north()
    register(here)
    first = letters.fact("confirm_by_code", "code")

    assert registration.send_code_again(here, FLOW, language="en", site_url=SITE) == "code"

    assert [kind for kind, _ in letters.sent()] == ["confirm_by_code", "confirm_by_code"]
    if first != letters.fact("confirm_by_code", "code"):
        with pytest.raises(Refused):
            confirm(here, code=first)
    confirm(here)


def test_five_letters_a_day_go_to_one_address_whoever_asks(db: object) -> None:
    """T44"""
    here = north()
    with travel(NOON, tick=False):
        register(here)
        for _ in range(4):
            registration.send_code_again(here, FLOW, language="en", site_url=SITE)
        with pytest.raises(Refused, match="as many letters"):
            registration.send_code_again(here, FLOW, language="en", site_url=SITE)
        with pytest.raises(Refused, match="as many letters"):
            register(here, flow=ANOTHER_BROWSER)
        assert len(letters.sent()) == 5
    with travel(NOON + timedelta(days=1), tick=False):
        register(here)


def test_thirty_registrations_an_hour_come_from_one_network(db: object) -> None:
    """T42"""
    here = north()
    for n in range(30):
        register(here, f"jonas{n}@example.lt", f"{n:022}")

    with pytest.raises(Refused, match="from your network"):
        register(here, "jonas30@example.lt")
    register(here, "jonas31@example.lt", source="198.51.100.0/24")


def test_while_codes_are_guessed_links_are_sent_instead(db: object) -> None:
    """T44"""
    here = north()
    register(here)
    for _ in range(confirmations.WRONG_CODES):
        limits.count("wrong-code", "install", limits.HOUR)

    assert register(here, "ona@example.lt", ANOTHER_BROWSER).step == "link"
    assert registration.send_code_again(here, FLOW, language="en", site_url=SITE) == "link"

    assert letters.sent()[1:] == [("confirm_by_link", "ona@example.lt"), ("confirm_by_link", "jonas@example.lt")]
    registration.confirm_link(here, letters.secret("confirm_by_link"), flow=FLOW, password="", source=HOME)
    assert Account.get().email == "jonas@example.lt"


# ---- by link ----------------------------------------------------------------------------------------------------------


def test_an_account_is_there_from_the_moment_its_link_is_confirmed(db: object) -> None:
    """IR-07, PS-03, K01"""
    here = north("link")

    assert register(here).step == "link"
    assert Account.select().count() == 0
    registration.confirm_link(here, letters.secret("confirm_by_link"), flow=FLOW, password="", source=HOME)

    assert Account.get().email_confirmed_at is not None
    with pytest.raises(Refused, match="no longer good"):
        registration.confirm_link(here, letters.secret("confirm_by_link"), flow=FLOW, password="", source=HOME)
    assert Account.select().count() == 1


def test_a_link_opened_elsewhere_asks_for_the_password_that_was_chosen(db: object) -> None:
    """T10: the owner of the address who follows the link of someone else's registration opens no account for them."""
    here = north("link")
    register(here, password="Uzpuoliko-zodis-1")

    with pytest.raises(Refused, match="not the password"):
        registration.confirm_link(here, letters.secret("confirm_by_link"), flow=None, password="Savininko-zodis-2", source=HOME)
    assert Account.select().count() == 0

    registration.confirm_link(here, letters.secret("confirm_by_link"), flow=ANOTHER_BROWSER, password="Uzpuoliko-zodis-1", source=HOME)
    assert Account.select().count() == 1


def test_the_password_of_a_link_can_be_tried_five_times(db: object) -> None:
    """T10, T44"""
    here = north("link")
    register(here)
    for n in range(5):
        with pytest.raises(Refused, match="not the password"):
            registration.confirm_link(here, letters.secret("confirm_by_link"), flow=None, password=f"Kitas-zodis-{n}", source=HOME)

    with pytest.raises(Refused, match="no longer good"):
        registration.confirm_link(here, letters.secret("confirm_by_link"), flow=None, password=PASSWORD, source=HOME)


@pytest.mark.parametrize("how", ["code", "link"])
def test_whoever_registers_anothers_address_first_has_nothing_in_the_end(db: object, how: str) -> None:
    """T10: it neither blocks the owner nor lets the attacker in."""
    here = north(how)
    register(here, flow=ANOTHER_BROWSER, password="Uzpuoliko-zodis-1")
    register(here, password="Savininko-zodis-2")

    if how == "code":
        confirm(here)
    else:
        registration.confirm_link(here, letters.secret("confirm_by_link"), flow=FLOW, password="", source=HOME)

    with pytest.raises(Refused):
        sign_in(here, "Uzpuoliko-zodis-1")
    assert sign_in(here, "Savininko-zodis-2").id == Account.get().id


def sign_in(here: Organisation, password: str, email: str = "jonas@example.lt") -> Account:
    return accounts.sign_in(here, email, password, source=HOME, device=None, site_url=SITE)


def test_of_two_that_confirm_one_address_the_later_is_told_to_sign_in(db: object) -> None:
    """CV-08"""
    here = north("link")
    register(here, flow=ANOTHER_BROWSER)
    earlier = letters.secret("confirm_by_link")
    register(here)
    registration.confirm_link(here, letters.secret("confirm_by_link"), flow=FLOW, password="", source=HOME)

    with pytest.raises(Refused, match="has an account by now"):
        registration.confirm_link(here, earlier, flow=ANOTHER_BROWSER, password="", source=HOME)
    assert Account.select().count() == 1


# ---- an address that has an account -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "kind"), [("code", "confirm_by_code"), ("link", "confirm_by_link"), ("none", "confirm_by_link")])
def test_an_address_with_an_account_gets_the_same_answer_and_only_its_mail_tells(db: object, how: str, kind: str) -> None:
    """T47, CV-08"""
    here = north(how)
    factories.account(here, "anna@example.lt", name="Anna North")

    assert register(here, "jonas@example.lt") == register(here, "ANNA@example.lt", ANOTHER_BROWSER)

    assert letters.sent() == [(kind, "jonas@example.lt"), ("already_registered", "ANNA@example.lt")]
    assert [a.name for a in Account.select().where(Account.email_key == "anna@example.lt")] == ["Anna North"]


@pytest.mark.parametrize("how", ["code", "link"])
def test_the_same_work_is_done_for_an_address_with_an_account(db: object, how: str, statements: Callable[[], Any]) -> None:
    """T47: as many statements, and as many passwords hashed."""
    here = north(how)
    factories.account(here, "anna@example.lt")
    settings.of(here)
    register(here, "first@example.lt", "c" * 22)

    with statements() as unknown:
        register(here, "jonas@example.lt")
    with statements() as known:
        register(here, "anna@example.lt", ANOTHER_BROWSER)

    assert shapes(known) == shapes(unknown)


def shapes(statements: list[str]) -> list[str]:
    """Statements without the names that a database connection gives to its savepoints."""
    return [re.sub(r'"s[0-9a-f]{32}"', "", sql) for sql in statements]


def test_no_code_fits_where_the_address_has_an_account(db: object) -> None:
    """T47"""
    here = north(code_digits=4)
    factories.account(here, "jonas@example.lt")
    register(here)
    row = Confirmation.get()
    right = next(
        f"{n:04}" for n in range(10_000) if confirmations._code_digest("register", FLOW, row.address, f"{n:04}") == row.code_digest
    )

    with pytest.raises(Refused, match="The code is not right"):
        confirm(here, code=right)

    assert Account.select().count() == 1


def test_the_same_address_may_open_an_account_in_another_organisation(db: object) -> None:
    """CV-08, K12"""
    factories.account(factories.organisation("south"), "jonas@example.lt")
    here = north()
    register(here)

    confirm(here)

    assert Account.select().count() == 2


# ---- without confirmation ---------------------------------------------------------------------------------------------


def test_an_account_opens_at_once_but_its_address_is_not_confirmed(db: object) -> None:
    """CV-15, K01"""
    here = north("none")

    assert register(here) == registration.Outcome("none")

    jonas = Account.get()
    assert jonas.email_confirmed_at is None
    assert letters.sent() == [("confirm_by_link", "jonas@example.lt")]
    assert sign_in(here, PASSWORD).id == jonas.id


def test_an_unconfirmed_address_is_told_nothing_but_how_to_confirm(db: object) -> None:
    """CV-15, T10"""
    here = north("none")
    register(here)
    jonas = Account.get()

    accounts.change_phone(jonas, "8 600 00002", session=None)
    assert [kind for kind, _ in letters.sent()] == ["confirm_by_link"]

    registration.confirm_email(here, letters.secret("confirm_by_link"), viewer=Account.get(), password="")
    accounts.change_phone(Account.get(), "8 600 00003", session=None)
    assert [kind for kind, _ in letters.sent()] == ["confirm_by_link", "phone_changed"]


def test_the_owner_of_an_address_does_not_confirm_an_account_that_someone_else_opened(db: object) -> None:
    """T10, CV-15"""
    here = north("none")
    register(here, password="Uzpuoliko-zodis-1")

    with pytest.raises(Refused, match="not the password"):
        registration.confirm_email(here, letters.secret("confirm_by_link"), viewer=None, password="Savininko-zodis-2")
    assert Account.get().email_confirmed_at is None

    accounts.ask_password_reset(here, "jonas@example.lt", source=HOME, language="lt", site_url=SITE)
    reset = letters.secret("reset_password")
    accounts.reset_password(here, reset, "Savininko-zodis-2", site_url=SITE)
    assert Account.get().email_confirmed_at is not None
    with pytest.raises(Refused):
        sign_in(here, "Uzpuoliko-zodis-1")


def test_an_address_is_confirmed_once(db: object) -> None:
    """CV-15"""
    here = north("none")
    register(here)
    registration.confirm_email(here, letters.secret("confirm_by_link"), viewer=None, password=PASSWORD)

    with pytest.raises(Refused):
        registration.confirm_email(here, letters.secret("confirm_by_link"), viewer=None, password=PASSWORD)
    with pytest.raises(Refused, match="confirmed already"):
        registration.send_confirmation(Account.get(), site_url=SITE)
    assert Event.select().where(Event.name == "account.email_confirmed").count() == 1


def test_a_second_link_ends_the_first(db: object) -> None:
    """CV-15"""
    here = north("none")
    register(here)
    first = letters.secret("confirm_by_link")

    registration.send_confirmation(Account.get(), site_url=SITE)

    with pytest.raises(Refused):
        registration.confirm_email(here, first, viewer=None, password=PASSWORD)
    registration.confirm_email(here, letters.secret("confirm_by_link"), viewer=None, password=PASSWORD)


def test_twenty_who_register_one_address_at_once_open_one_account(db: object) -> None:
    """CV-08, CV-15"""
    here = north("none")
    settings.of(here)

    answers = at_once(20, lambda n: register(here, flow=f"{n:022}"))

    done = [answer for answer in answers if not isinstance(answer, Refused)]
    assert done == [registration.Outcome("none")] * 5
    assert Account.select().count() == 1
    assert sorted(kind for kind, _ in letters.sent()) == ["already_registered"] * 4 + ["confirm_by_link"]


# ---- the contract that is added at once -------------------------------------------------------------------------------


def housing(**changes: Any) -> Organisation:
    return north("none", signup_contract=True, claim_provider=True, claim_invoice=False, **changes)


def test_the_contract_named_when_registering_is_there_at_once(db: object) -> None:
    """CV-11..13, CV-15, CV-16"""
    here = housing()
    flat = factories.contract(here, "12-345 6")

    outcome = register(here, claim=registration.Claim(flat.provider, "12-345 6"))

    assert outcome == registration.Outcome("none")
    assert Membership.get().contract == flat
    assert Membership.get().account == Account.get()


@pytest.mark.parametrize("typed", ["123456", "12-3456", "12 345 6", "12-345 6 "])
def test_a_payer_code_that_is_not_exactly_as_printed_adds_nothing_and_says_so(db: object, typed: str) -> None:
    """CV-13: the account is open nevertheless."""
    here = housing()
    flat = factories.contract(here, "12-345 6")

    outcome = register(here, claim=registration.Claim(flat.provider, typed))

    assert outcome.problem is not None
    assert Account.select().count() == 1
    assert Membership.select().count() == 0


def test_the_wrong_maintaining_company_adds_nothing(db: object) -> None:
    """CV-11"""
    here = housing()
    factories.contract(here, "12-345 6")
    other = factories.provider(here, "South Heat")

    assert register(here, claim=registration.Claim(other, "12-345 6")).problem is not None
    assert Membership.select().count() == 0


def test_the_answer_about_the_contract_is_the_same_where_the_address_has_an_account(db: object) -> None:
    """T47, CV-11..13"""
    here = housing()
    flat = factories.contract(here, "12-345 6")
    factories.account(here, "anna@example.lt")

    right = register(here, "anna@example.lt", claim=registration.Claim(flat.provider, "12-345 6"))
    wrong = register(here, "anna@example.lt", claim=registration.Claim(flat.provider, "99-999 9"))

    assert right == registration.Outcome("none")
    assert wrong.problem is not None
    assert Membership.select().count() == 0


@pytest.mark.parametrize(("typed", "is_added"), [("12-345 6", True), ("12-3456", False)])
def test_a_contract_named_before_the_address_is_confirmed_is_added_after(db: object, typed: str, is_added: bool) -> None:
    """CV-11..13, K26"""
    here = north(signup_contract=True, claim_invoice=True)
    flat = factories.contract(here, "12-345 6")
    factories.invoice(flat, "FIZ12001")
    register(here, claim=registration.Claim(None, typed, "FIZ12001"))
    assert Membership.select().count() == 0

    outcome = confirm(here)

    assert (outcome.problem is None) == is_added
    assert Account.select().count() == 1
    assert Membership.select().count() == int(is_added)


# ---- what is asked ----------------------------------------------------------------------------------------------------


def test_who_may_register_is_the_organisations_to_say(db: object) -> None:
    """K22, CV-05"""
    here = north(person_types="natural")

    with pytest.raises(Refused, match="Select who you are"):
        register(here, person_type="legal")
    register(north(person_types="both"), person_type="legal", name="UAB „Šiaurės namai“")
    confirm(here)
    assert (Account.get().person_type, Account.get().name) == ("legal", "UAB „Šiaurės namai“")


def test_what_is_not_asked_is_not_kept(db: object) -> None:
    """K12, IB-49: e-mail and password only."""
    here = north(signup_names="none", signup_phone=False)
    register(here, name=None, phone=None)
    confirm(here)

    assert (Account.get().name, Account.get().phone) == ("jonas", "")


def test_a_public_address_is_no_company_address(db: object) -> None:
    """IB-46, IB-49"""
    with pytest.raises(Refused, match="your company gave you"):
        register(north(company_email_only=True), "jonas@gmail.com")


def consent(here: Organisation, kind: str, edition: int = 1, **changes: Any) -> ConsentText:
    options = {"text_lt": f"{kind} {edition}", "text_en": f"{kind} {edition}", "is_required": kind == "privacy"} | changes
    return ConsentText.create(organisation=here, kind=kind, edition=edition, **options)


def test_a_required_consent_must_be_given_and_an_optional_one_need_not(db: object) -> None:
    """CV-14, AG-06..08, K21"""
    here = north()
    privacy, _marketing = consent(here, "privacy"), consent(here, "marketing")

    with pytest.raises(Refused) as no:
        register(here)
    assert no.value.field == "consent_privacy"
    register(here, consents_given={privacy.id})
    confirm(here)

    assert [c.text for c in Consent.select()] == [privacy]
    assert Event.get(Event.name == "account.registered").facts["consents"] == ["privacy 1"]


def test_what_is_agreed_to_is_the_wording_that_is_asked_now(db: object) -> None:
    """K21"""
    here = north()
    old, new = consent(here, "privacy", is_current=False), consent(here, "privacy", 2)

    with pytest.raises(Refused):
        register(here, consents_given={old.id})
    register(here, consents_given={new.id})
    confirm(here)

    assert Consent.get().text == new
