"""How someone becomes a customer of each of the five organisations, by its own rules."""

from pathlib import Path
from typing import Any

from tests.e2e.journey import PASSWORD, PHONE, attach, become_customer, confirm, deliver, fill_in, register, sign_in
from tests.product import Product, code_in, link_in

WEST, WEST_CODE = "UAB „Būsto priežiūra Vakarai“", "999000031"


def test_an_employee_registers_by_a_code(tab: Any, product: Product) -> None:
    """IB-01, IB-07, IB-38, IB-46, IB-49, K01, K13, K22"""
    here, email = tab("en", 360), "rasa@uab-pavyzdys.example.com"
    here.go("/energy-business/register")
    assert here.page.locator("main form input:visible").count() == 3  # e-mail, password, one consent
    fill_in(here, email="rasa@gmail.com", password=PASSWORD)
    here.page.locator("[name=consent_privacy]").check()
    here.press("Register")
    assert "gmail.com" in here.problems
    here.shot("register-by-code-refused")

    register(here, "energy-business", email)
    assert here.heading == here.say("Enter the code from your e-mail")
    code = code_in(product.mail.wait_for(email))
    assert len(code) == 4
    fill_in(here, code=f"{(int(code) + 1) % 10000:04}")
    here.press("Confirm")
    assert here.problems == here.say("The code is not right. Check it in the letter.")
    here.shot("code-refused")
    fill_in(here, code=code)
    here.press("Confirm")
    assert here.has("Your e-mail is confirmed and your account is open. Sign in.")
    here.shot("sign-in")

    sign_in(here, "energy-business", email)
    assert here.has("Your account is active, but you have not added any contracts yet")


def test_a_natural_person_registers_with_the_payer_code(tab: Any, product: Product, tmp_path: Path) -> None:
    """CV-04, CV-06, CV-07, CV-11, CV-12, CV-15, CV-20, K04, K26"""
    here, email, payer_code = tab("lt", 1280), "ieva@example.lt", "02-118 5"
    deliver(product, "property-management", tmp_path, payer_code, "BP-1", provider=WEST_CODE, flat="5")
    here.go("/property-management/register")
    here.shot("register-natural")
    who = {"first_name": "Ieva", "surname": "Pavyzdė", "phone": PHONE, "provider": WEST}
    register(here, "property-management", email, **who, payer_code=payer_code)
    green = here.page.locator(".notice-ok")
    assert here.say("Your account is open. Sign in with your e-mail and password.") in green.inner_text()
    here.shot("registered-at-once")

    sign_in(here, "property-management", email)
    assert "121" in here.page.locator(".amount").inner_text()
    here.go("/property-management/account")
    assert here.has("Your e-mail address is not confirmed yet, so we send no letters to it. Open the link in the letter we have sent.")
    here.shot("account-not-confirmed")
    confirm(here, product, email)
    assert here.has("Your e-mail address is confirmed.")
    here.shot("account")


def test_a_legal_person_registers_by_its_exact_name(tab: Any, product: Product, tmp_path: Path) -> None:
    """CV-05, CV-06, CV-13, CV-14, K22: a payer code that is not exactly as printed is refused later, the account opens all the same."""
    here, name = tab("lt", 360), "UAB „Pavyzdžio prekyba“"
    deliver(product, "property-management", tmp_path, "02-900 1", "BP-2", provider=WEST_CODE, flat="1", customer=name)
    here.go("/property-management/register")
    here.follow("Legal person")
    fill_in(
        here, company_name=name, email="buhalterija@uab.example.com", phone=PHONE, password=PASSWORD, provider=WEST, payer_code="02-9001"
    )
    here.press("Register")
    assert here.problems == here.say("Tick that you agree: without it no account can be opened")
    here.shot("register-legal-refused")
    fill_in(here, password=PASSWORD)
    here.page.locator("[name=consent_privacy]").check()
    here.press("Register")
    assert here.has("Your account is open. Sign in with your e-mail and password.")
    assert here.has("We found nothing with these details.")

    sign_in(here, "property-management", "buhalterija@uab.example.com")
    assert here.has("Your account is active, but you have not added any objects yet")
    attach(here, "property-management", provider=WEST, payer_code="02-900 1")
    assert here.has("The object is in your account.")
    assert name in here.text


def test_a_farmer_is_told_that_identity_must_be_confirmed(tab: Any, product: Product) -> None:
    """AG-04..07, AG-10, K03, K21"""
    here, email = tab("lt", 1280), "petras@example.lt"
    here.go("/agri-group/register")
    assert here.page.locator("main form input:visible:not([type=checkbox])").count() == 4
    ticks = here.page.locator("main form input[type=checkbox]")
    assert ticks.count() == 3
    assert not any(tick.is_checked() for tick in ticks.all())
    here.shot("register-farmer")
    become_customer(here, product, "agri-group", email, first_name="Petras", surname="Pavyzdys")

    for page in ("home", "contracts", "contracts/add", "invoices", "meters", "meters/declare-readings"):
        here.go(f"/agri-group/{page}")
        assert here.heading == here.say("First, your identity must be confirmed"), page
    here.shot("identity")
    here.follow("My account")
    assert email in here.text


def test_a_link_opened_elsewhere_asks_for_the_password(tab: Any, product: Product) -> None:
    """IR-07, K01: whoever registers another's address does not get an account by waiting for its owner to follow the link."""
    here, elsewhere, email = tab("en", 360), tab("en", 360), "lina@example.lt"
    register(here, "energy-home", email, full_name="Lina Pavyzdė", phone=PHONE)
    assert here.heading == here.say("Look into your e-mail")
    here.shot("check-mail")
    link = link_in(product.mail.wait_for(email))
    elsewhere.go(link)
    elsewhere.shot("confirm-elsewhere")
    fill_in(elsewhere, password="Speta-Sena-9")
    elsewhere.press("Confirm my address")
    assert elsewhere.problems == here.say("This is not the password that was chosen when registering")
    fill_in(elsewhere, password=PASSWORD)
    elsewhere.press("Confirm my address")
    assert elsewhere.has("Your e-mail is confirmed and your account is open. Sign in.")
    here.go(link)
    assert here.heading == here.say("This link no longer works")
    here.shot("link-over")
    sign_in(here, "energy-home", email)
    assert here.has("Your account is active, but you have not added any services yet")
