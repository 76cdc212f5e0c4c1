"""Getting in, staying in, getting out: passwords, locks, sessions."""

from datetime import timedelta
from typing import Any

import pytest

import formats
from models import now
from tests.e2e.journey import DESK_FIRST, PASSWORD, PHONE, become_customer, fill_in, sign_in, sign_out
from tests.product import Product, link_in

NEW_PASSWORD = "Pavasario-Lietus-8"


def test_a_forgotten_password_is_set_anew(tab: Any, product: Product) -> None:
    """PS-04"""
    here, email = tab("lt", 1280), "greta@example.lt"
    become_customer(here, product, "energy-home", email, full_name="Greta Pavyzdė", phone=PHONE)
    sign_out(here, "energy-home")
    here.go("/energy-home/home")
    assert here.heading == here.say("Sign in")

    here.follow("Forgotten your password?")
    fill_in(here, email=email)
    here.shot("forgotten-password")
    here.press("Send the link")
    assert here.heading == here.say("Look into your e-mail")
    here.go(link_in(product.mail.wait_for(email, here.say("Choose a new password"))))
    fill_in(here, password="trumpas")
    here.press("Set the password")
    assert here.say("The password must have at least {least} characters.", least=8) in here.problems
    here.shot("reset-password-refused")
    fill_in(here, password=NEW_PASSWORD)
    here.press("Set the password")
    assert here.has("Your new password is set. Sign in with it.")
    assert product.mail.wait_for(email, here.say("Your password was changed"))

    sign_in(here, "energy-home", email)
    assert here.problems == here.say("The e-mail or the password is not right. Check both and try again.")
    here.shot("sign-in-refused")
    sign_in(here, "energy-home", email, NEW_PASSWORD)
    assert here.page.url.endswith("/home")


def test_what_changes_in_one_browser_ends_the_others(tab: Any, product: Product) -> None:
    """CV-36, CV-38, K11: password, phone, and leaving everywhere"""
    here, other, email = tab("en", 360), tab("en", 360), "darius@example.lt"
    become_customer(here, product, "energy-home", email, full_name="Darius Pavyzdys", phone=PHONE)
    sign_in(other, "energy-home", email)
    here.go("/energy-home/account/phone")
    fill_in(here, phone="8 600 123")
    here.press("Save")
    assert here.problems == here.say("Enter the phone number as +370 and 8 digits, such as +370 600 00000")
    fill_in(here, phone="8 600 00 123")
    here.press("Save")
    assert here.has("Your phone number is changed.")
    assert "+370 600 00123" in here.text
    assert product.mail.wait_for(email, here.say("Your phone number was changed"))
    other.go("/energy-home/account")
    assert other.heading == here.say("Sign in")

    sign_in(other, "energy-home", email)
    here.go("/energy-home/account/password")
    here.shot("change-password")
    fill_in(here, current="Ne-Mano-1", password=NEW_PASSWORD)
    here.press("Change the password")
    assert here.problems == here.say("This is not your present password")
    fill_in(here, current=PASSWORD, password=NEW_PASSWORD)
    here.press("Change the password")
    assert here.has("Your password is changed. You have been signed out everywhere else.")
    other.go("/energy-home/account")
    assert other.heading == here.say("Sign in")

    sign_in(other, "energy-home", email, NEW_PASSWORD)
    here.go("/energy-home/account")
    here.press("Sign out everywhere")
    assert here.has("You have been signed out everywhere.")
    other.go("/energy-home/home")
    assert other.heading == here.say("Sign in")


@pytest.mark.parametrize(("language", "width"), DESK_FIRST)
def test_a_lock_says_until_when_and_the_letter_ends_it(tab: Any, product: Product, language: str, width: int) -> None:
    """IB-60, K15, M05: the browser that is known is not locked out by another one's wrong passwords."""
    known, stranger, email = tab(language, width), tab(language, width), f"lukas@{language}.uab-pavyzdys.example.com"
    become_customer(known, product, "energy-business", email)
    sign_out(known, "energy-business")
    for _ in range(4):
        sign_in(stranger, "energy-business", email, "Spejimas-1")
        assert stranger.problems == stranger.say("The e-mail or the password is not right. Check both and try again.")
    begun = now()
    sign_in(stranger, "energy-business", email, "Spejimas-1")
    ends = [formats.moment(begun + timedelta(hours=6, minutes=minute), language) for minute in (0, 1)]
    assert stranger.heading in [stranger.say("Sign-in is locked until %(moment)s", moment=moment) for moment in ends]
    stranger.shot("locked")
    sign_in(stranger, "energy-business", email)
    assert stranger.heading in [stranger.say("Sign-in is locked until %(moment)s", moment=moment) for moment in ends]
    sign_in(known, "energy-business", email)
    assert known.page.url.endswith("/home")

    stranger.go(link_in(product.mail.wait_for(email, stranger.say("Unlock my account"))))
    stranger.shot("unlock")
    stranger.press("Unlock my account")
    assert stranger.has("You can sign in again.")
    sign_in(stranger, "energy-business", email)
    assert stranger.page.url.endswith("/home")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_wrong_form_is_found_by_keyboard_and_ear(tab: Any, width: int) -> None:
    """The skip link comes first; after a wrong form the focus is at the summary, whose link leads to the field."""
    here = tab("lt", width)
    here.go("/energy-home/sign-in")
    here.page.keyboard.press("Tab")
    assert focus(here)["href"] == "#main"
    assert focus(here)["outline"] != "none"
    here.page.keyboard.press("Enter")
    here.page.keyboard.press("Tab")
    assert focus(here)["name"] == "email"
    here.press("Sign in")
    assert here.page.title().startswith(here.say("Error:"))
    assert "error-summary" in focus(here)["class"]
    here.page.keyboard.press("Tab")
    assert focus(here)["href"] == "#email"
    here.page.keyboard.press("Enter")
    here.page.wait_for_function("document.activeElement.name == 'email'")
    described = here.page.locator("[name=email]").get_attribute("aria-describedby").split()
    assert here.say("Enter your e-mail address") in " ".join(here.page.locator(f"#{part}").inner_text() for part in described)
    assert here.page.locator("[name=email]").get_attribute("aria-invalid") == "true"
    assert focus(here)["outline"] != "none"


def focus(here: Any) -> dict[str, str]:
    """Where the keyboard is."""
    return here.page.evaluate(
        """() => { const it = document.activeElement, name = n => it.getAttribute(n) ?? "";
           return {href: name("href"), name: name("name"), class: name("class"), outline: getComputedStyle(it).outlineStyle}; }"""
    )
