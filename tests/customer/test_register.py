"""Becoming a customer on the pages of each of the five presets: what is asked, in which words, and what comes next."""

from typing import Any

import pytest

from models import Account, Consent, FailedTry, Membership, Organisation
from tests import factories, letters
from tests.browser import Browser

EMAIL, PASSWORD = "jonas@uab.example.lt", "Ilgas-zodis-7"
EVERY = ["energy-business", "energy-home", "property-management", "agri-group", "district-heating"]
# What each preset asks of a natural person, in order.
ASKED = {
    "energy-business": ["email", "password", "consent_privacy"],
    "energy-home": ["full_name", "email", "phone", "password", "consent_privacy"],
    "property-management": [
        "first_name", "surname", "email", "phone", "password", "provider", "payer_code", "consent_privacy",
    ],
    "agri-group": ["first_name", "surname", "email", "password", "consent_privacy", "consent_marketing", "consent_club"],
    "district-heating": ["full_name", "email", "phone", "password", "consent_privacy"],
}  # fmt: skip
ANSWERS = {
    "full_name": "Jonas Kalnas", "first_name": "Jonas", "surname": "Kalnas", "company_name": "UAB „Kalnas“", "email": EMAIL,
    "phone": "8 600 00001", "password": PASSWORD, "payer_code": "12-345 6",
}  # fmt: skip


def asked(browser: Browser) -> list[str]:
    """The questions of the form on this page, in order."""
    return [f.get("name") for f in browser.page.xpath("//main//input[not(@type='hidden')]|//main//select")]


def errors(browser: Browser) -> list[str]:
    return [" ".join(li.text_content().split()) for li in browser.page.xpath("//*[contains(@class, 'error-summary')]//li")]


def green(browser: Browser) -> str:
    return " ".join(" ".join(n.text_content().split()) for n in browser.page.xpath("//*[contains(@class, 'notice-ok')]"))


def fill_in(browser: Browser, **changes: Any) -> None:
    """Answer every question of the form on this page, agree to what is required, and send it."""
    answers = {name: ANSWERS[name] for name in asked(browser) if name in ANSWERS}
    ticks = {"consent_privacy": browser.page.xpath("string(//input[@name='consent_privacy']/@value)")}
    browser.submit("Register", **({**answers, **ticks} | changes))


def register(browser: Browser, preset: str, **changes: Any) -> Organisation:
    organisation = factories.organisation("north", preset)
    browser.get("/north/register")
    fill_in(browser, **changes)
    return organisation


def sign_in(browser: Browser, password: str = PASSWORD) -> None:
    browser.get("/north/sign-in")
    browser.submit(email=EMAIL, password=password)


@pytest.mark.parametrize("preset", EVERY)
def test_each_organisation_asks_exactly_what_it_needs(visitor: Browser, preset: str) -> None:
    """CV-04..12, AG-05..08, PS-01, IB-49, K12, K21, K22"""
    factories.organisation("north", preset)

    visitor.get("/north/sign-in")
    visitor.follow("Register")

    assert asked(visitor) == ASKED[preset]
    assert not visitor.page.xpath("//main//input[@type='checkbox'][@checked]"), "nothing is agreed to in advance"


@pytest.mark.parametrize("preset", EVERY)
def test_an_empty_form_comes_back_with_everything_that_is_missing(visitor: Browser, preset: str) -> None:
    """CV-14, AG-05, AG-08, K21"""
    factories.organisation("north", preset)
    visitor.get("/north/register")

    visitor.submit("Register")

    required = [name for name in ASKED[preset] if name not in ("consent_marketing", "consent_club")]
    assert len(errors(visitor)) == len(required)
    assert all(text.startswith(("Enter", "Select", "Tick")) for text in errors(visitor))
    assert visitor.page.xpath("string(//title)").startswith("Error:")
    assert Account.select().count() == 0


def test_what_was_typed_stays_but_for_the_password(visitor: Browser) -> None:
    """CV-09"""
    register(visitor, "district-heating", phone="600")

    assert errors(visitor) == ["Enter the phone number as +370 and 8 digits, such as +370 600 00000"]
    assert visitor.page.xpath("string(//input[@name='full_name']/@value)") == "Jonas Kalnas"
    assert visitor.page.xpath("string(//input[@name='phone']/@value)") == "600"
    assert PASSWORD not in visitor.response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("preset", "hint", "typed", "lacks"),
    [
        ("energy-business", "At least 8 characters", "trumpas", "The password must have at least 8 characters."),
        ("property-management", "At least 8 characters, 1 capital letter, 1 digit", "ilgasis-zodis",
         "The password must have a capital letter. The password must have a digit."),
        ("district-heating", "At least 8 characters, 1 capital letter, 1 small letter, 1 digit", "ILGASIS-ZODIS-7",
         "The password must have a small letter."),
    ],
)  # fmt: skip
def test_the_rules_of_a_password_are_told_before_and_what_it_lacks_after(
    visitor: Browser, preset: str, hint: str, typed: str, lacks: str
) -> None:
    """K02, CV-10, PS-02"""
    factories.organisation("north", preset)
    visitor.get("/north/register")
    assert visitor.page.xpath("string(//p[@id='password-hint'])") == hint

    fill_in(visitor, password=typed, **provider(visitor))

    assert errors(visitor) == [lacks]


def provider(browser: Browser) -> dict[str, str]:
    """The first company of the list, where one is asked."""
    choices = browser.page.xpath("//select[@name='provider']/option/@value")
    return {"provider": choices[1]} if choices else {}


# ---- energy-business --------------------------------------------------------------------------------------------------


def test_an_employee_registers_with_the_companys_address_and_a_code_of_four_digits(visitor: Browser) -> None:
    """IB-07, IB-46, IB-49, IB-12, K01, K13"""
    register(visitor, "energy-business", email="jonas@gmail.com")
    assert errors(visitor)[0].startswith("Enter the e-mail address that your company gave you: gmail.com is open to everyone")

    fill_in(visitor)
    assert visitor.at == "/north/register/code"
    assert EMAIL in visitor.text
    code = letters.fact("confirm_by_code", "code")
    assert len(code) == 4
    visitor.submit("Confirm", code=f"{(int(code) + 1) % 10_000:04}")
    assert errors(visitor) == ["The code is not right. Check it in the letter."]
    visitor.submit("Confirm", code=f" {code[:2]} {code[2:]} ")

    assert visitor.at == "/north/sign-in"
    assert green(visitor) == "Your e-mail is confirmed and your account is open. Sign in."
    sign_in(visitor)
    assert visitor.at == "/north/home"


def test_a_new_code_is_sent_on_request(visitor: Browser) -> None:
    """IB-38, T44"""
    register(visitor, "energy-business")
    first = letters.fact("confirm_by_code", "code")

    visitor.submit("Send a new code")

    assert "A new code is on its way" in visitor.text
    second = letters.fact("confirm_by_code", "code")
    if first != second:
        visitor.submit("Confirm", code=first)
        assert Account.select().count() == 0
    visitor.submit("Confirm", code=second)
    assert Account.get().email == EMAIL


def test_the_code_is_asked_only_where_someone_registers(visitor: Browser) -> None:
    """T45"""
    factories.organisation("north", "energy-business")

    visitor.get("/north/register/code")

    assert visitor.at == "/north/register"


# ---- energy-home, district-heating ------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["energy-home", "district-heating"])
def test_registration_is_complete_after_the_link_in_the_mail(visitor: Browser, preset: str) -> None:
    """IR-04, IR-07, PS-01, PS-03, K01"""
    register(visitor, preset)
    assert visitor.at == "/north/register/check-mail"
    assert f"We have sent a letter to {EMAIL}. Open the link in it within 48 hours" in visitor.text
    sign_in(visitor)
    assert errors(visitor) == ["The e-mail or the password is not right. Check both and try again."]

    visitor.get(letters.path("confirm_by_link"))
    assert asked(visitor) == [], "the browser that registered is known"
    assert Account.select().count() == 0, "a mail scanner that opens the link confirms nothing"
    visitor.submit("Confirm my address")

    assert green(visitor) == "Your e-mail is confirmed and your account is open. Sign in."
    visitor.get(letters.path("confirm_by_link"))
    assert (visitor.status, "This link no longer works" in visitor.text) == (410, True)
    sign_in(visitor)
    assert visitor.at == "/north/home"


def test_a_link_opened_in_another_browser_asks_for_the_password(visitor: Browser, customer_app: Any) -> None:
    """IR-07, T10"""
    register(visitor, "energy-home")
    elsewhere = Browser(customer_app)
    elsewhere.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"

    elsewhere.get(letters.path("confirm_by_link"))
    elsewhere.submit("Confirm my address", password="Kitas-zodis-8")
    assert errors(elsewhere) == ["This is not the password that was chosen when registering"]
    elsewhere.submit("Confirm my address", password=PASSWORD)

    assert green(elsewhere) == "Your e-mail is confirmed and your account is open. Sign in."


def test_a_new_customer_is_told_that_nothing_is_added_yet_and_where_to_add_it(visitor: Browser) -> None:
    """PS-03, PS-04, PS-05, K26"""
    register(visitor, "district-heating")
    visitor.get(letters.path("confirm_by_link"))
    visitor.submit("Confirm my address")

    sign_in(visitor)

    assert "Your account is active, but you have not added any contracts yet" in visitor.text
    visitor.follow("Add a contract")
    assert visitor.at == "/north/contracts/add"


# ---- property-management ----------------------------------------------------------------------------------------------


def housing(visitor: Browser, **changes: Any) -> Organisation:
    here = factories.organisation("north", "property-management")
    factories.contract(here, "12-345 6", provider=factories.provider(here, "UAB „Būsto priežiūra Rytai“"), address="Tilto g. 4-17")
    visitor.get("/north/register")
    return here


def company(browser: Browser, name: str) -> str:
    return browser.page.xpath("string(//select[@name='provider']/option[contains(., $name)]/@value)", name=name)


def test_an_owner_registers_with_company_and_payer_code_and_sees_the_flat_after_signing_in(visitor: Browser) -> None:
    """CV-01, CV-04, CV-06..16, K01, K04"""
    housing(visitor)

    fill_in(visitor, provider=company(visitor, "Rytai"))

    assert visitor.at == "/north/sign-in"
    assert green(visitor) == "Your account is open. Sign in with your e-mail and password."
    jonas = Account.get()
    assert (jonas.name, jonas.phone, jonas.person_type, jonas.email_confirmed_at) == ("Jonas Kalnas", "+37060000001", "natural", None)
    sign_in(visitor)
    visitor.get("/north/contracts")
    assert "Tilto g. 4-17" in visitor.text


def test_a_payer_code_that_is_not_as_printed_does_not_stand_in_the_way_of_the_account(visitor: Browser) -> None:
    """CV-13"""
    housing(visitor)

    fill_in(visitor, provider=company(visitor, "Rytai"), payer_code="123456")

    assert green(visitor) == "Your account is open. Sign in with your e-mail and password."
    assert "We found nothing with these details." in visitor.text
    sign_in(visitor)
    assert visitor.at == "/north/home"
    assert Membership.select().count() == 0
    assert [(one.account, one.payer_code) for one in FailedTry.select()] == [(Account.get(), "123456")]


def test_the_company_must_be_chosen_and_the_code_typed(visitor: Browser) -> None:
    """CV-11, CV-12"""
    housing(visitor)

    fill_in(visitor, payer_code="")

    assert errors(visitor) == ["Select the company that maintains your house", "Enter the payer code"]


def test_a_legal_person_turns_the_form_and_gives_its_exact_name(visitor: Browser) -> None:
    """CV-05, CV-06, K22"""
    housing(visitor)

    visitor.follow("Legal person")
    assert asked(visitor)[:2] == ["company_name", "email"]
    fill_in(visitor, provider=company(visitor, "Rytai"))

    assert (Account.get().name, Account.get().person_type) == ("UAB „Kalnas“", "legal")


def test_a_form_that_is_sent_twice_opens_one_account(visitor: Browser) -> None:
    """CV-15, P2"""
    housing(visitor)
    page, at = visitor.page, visitor.at
    fill_in(visitor, provider=company(visitor, "Rytai"))
    visitor.page, visitor.at = page, at

    fill_in(visitor, provider=company(visitor, "Rytai"))

    assert visitor.at == "/north/sign-in"
    assert Account.select().count() == 1
    assert [kind for kind, _ in letters.sent()] == ["confirm_by_link"]


# ---- agri-group -------------------------------------------------------------------------------------------------------


def test_marketing_and_the_club_are_ticked_or_not_each_by_itself(visitor: Browser) -> None:
    """AG-04..08, K21"""
    factories.organisation("north", "agri-group")
    visitor.get("/north/register")
    club = visitor.page.xpath("string(//input[@name='consent_club']/@value)")

    fill_in(visitor, consent_club=club)
    visitor.get(letters.path("confirm_by_link"))
    visitor.submit("Confirm my address")

    assert sorted(c.text.kind for c in Consent.select()) == ["club", "privacy"]
    assert Account.get().name == "Jonas Kalnas"


def test_a_wording_that_is_asked_no_more_is_not_agreed_to(visitor: Browser) -> None:
    """K21"""
    factories.organisation("north", "agri-group")
    visitor.get("/north/register")

    fill_in(visitor, consent_privacy="0" * 32)

    assert errors(visitor) == ["Tick that you agree: without it no account can be opened"]


def test_the_full_text_of_a_consent_is_a_click_away(visitor: Browser) -> None:
    """CV-14, AG-08"""
    factories.organisation("north", "agri-group")

    visitor.get("/north/register")

    assert visitor.page.xpath("//a[@target='_blank'][@rel='noopener']/@href") == [
        "https://zemdirbiu-grupe.example.lt/privatumas",
        "https://zemdirbiu-grupe.example.lt/klubo-taisykles",
    ]


def test_before_identity_is_confirmed_no_page_opens_but_ones_own_account(visitor: Browser) -> None:
    """AG-10, K03"""
    register(visitor, "agri-group")
    visitor.get(letters.path("confirm_by_link"))
    visitor.submit("Confirm my address")

    sign_in(visitor)

    assert visitor.at.startswith("/north/identity?need=strong")
    assert "only to people who have shown who they are" in visitor.text
    for page in ("/home", "/contracts", "/contracts/add", "/invoices", "/meters", "/meters/declare-readings"):
        visitor.get(f"/north{page}")
        assert visitor.at.startswith("/north/identity?need=strong"), page
    visitor.follow("My account")
    assert visitor.at == "/north/account"
    visitor.submit("Sign out")
    assert visitor.at == "/north/sign-in"


def test_whose_identity_is_confirmed_or_not_asked_is_not_sent_there(visitor: Browser) -> None:
    """AG-10"""
    visitor.enter(factories.account(factories.organisation("north", "district-heating")))

    visitor.get("/north/home")

    assert visitor.at == "/north/home"
