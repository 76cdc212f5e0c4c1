"""Every sign-in method walked on its simulator as a person walks it: in both languages, on a small screen, with the keyboard alone
(IB-07..11, IR-05, IR-06, AG-09)."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.journey import PASSWORD, become_customer, confirm, confirm_by_code, fill_in
from tests.product import Product

ONA, RASA = ("40404040009", "+37060000001"), ("40504040001", "+37060000004")
LANGUAGES = ("lt", "en")


def key(here: Any, words: str, **facts: Any) -> None:
    """Go on with Tab to the link or button that says this, and press Enter."""
    wanted = here.say(words, **facts)
    for _ in range(60):
        here.page.keyboard.press("Tab")
        if here.page.evaluate("(document.activeElement.innerText || '').replaceAll('\\u00a0', ' ').trim()") == wanted:
            break
    else:
        raise AssertionError(f"{here.page.url}: no Tab leads to {wanted!r}")
    assert here.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", f"{wanted!r} shows no focus"
    with here.page.expect_navigation():
        here.page.keyboard.press("Enter")
    here.page.wait_for_load_state()


def to_smart_id(here: Any, button: str) -> None:
    key(here, "Smart-ID")
    here.look()
    here.shot("way-smart-id")
    key(here, button, way="Smart-ID")
    here.look()


def answered(here: Any, address: str, person: str = ONA[0], code: str = "") -> None:
    """The phone answers, in a tab of its own: it is another device."""
    phone = here.page.context.new_page()
    phone.goto(address)
    if phone.url.endswith("/phone"):
        phone.locator(".actors a").first.click()
    if phone.locator("[name=person]").count():
        phone.locator(f"[name=person][value$='{person}']").check()
    phone.locator(f"button[value='code:{code}']" if code else "button[value=confirm]").first.click()
    phone.wait_for_load_state()
    phone.close()


def by_qr(here: Any) -> None:
    to_smart_id(here, "Show the code to scan")
    here.shot("wait-qr")
    image = here.page.locator("img[data-qr]")
    assert image.evaluate("image => image.naturalWidth > 0")
    # Somebody reads the page with the keyboard while the code renews itself: their place stays.
    here.page.keyboard.press("Tab")
    here.page.keyboard.press("Tab")
    here.page.evaluate("window.before = document.activeElement; window.moved = 0; addEventListener('focusin', () => window.moved++)")
    first = image.get_attribute("src")
    here.page.wait_for_function("src => document.querySelector('img[data-qr]').src.split('?')[1] > src", arg="at=")
    here.page.wait_for_timeout(1200)
    assert image.get_attribute("src") != first
    assert here.page.evaluate("document.activeElement === window.before && window.moved === 0"), "the renewing code took the focus"
    answered(here, here.page.locator("a[target=_blank]").get_attribute("href"))


def by_the_same_device(here: Any) -> None:
    to_smart_id(here, "Open %(way)s")
    here.shot("wait-same-device")
    key(here, "Open %(way)s", way="Smart-ID")
    here.page.locator(f"[name=person][value$='{ONA[0]}']").check()
    here.page.locator("button[value=confirm]").click()


def by_notification(here: Any) -> None:
    key(here, "Smart-ID")
    fill_in(here, personal_code=ONA[0])
    here.page.locator("[name=country]").focus()
    key(here, "Continue")
    here.look()
    here.shot("wait-code")
    answered(here, here.page.locator("a[target=_blank]").get_attribute("href"), code=shown_code(here))


def shown_code(here: Any) -> str:
    return str(here.page.locator(".control-code [aria-hidden]").inner_text())


def by_mobile_id(here: Any) -> None:
    key(here, "Mobile-ID")
    here.look()
    here.shot("way-mobile-id")
    fill_in(here, phone=ONA[1], personal_code=ONA[0])
    here.page.locator("[name=country]").focus()
    key(here, "Continue")
    here.look()
    here.shot("wait-mobile-id")
    assert re.fullmatch(r"\d{4}", shown_code(here))
    answered(here, here.page.locator("a[target=_blank]").get_attribute("href"))


def by_the_gateway(here: Any) -> None:
    key(here, "e-Government Gateway")
    here.page.wait_for_url("**/simulators/**")
    here.page.locator("button", has_text="Ona").first.click()
    here.page.wait_for_load_state()
    if "/simulators/" in here.page.url:
        here.page.locator("button.btn-primary").click()


def by_swedbank(here: Any) -> None:
    key(here, "Swedbank")
    here.page.wait_for_url("**/simulators/**")
    here.page.locator(".actors a", has_text="Ona").first.click()


def leave(here: Any, organisation: str) -> None:
    """Sign out, whichever language the account is kept in."""
    here.go(f"/{organisation}/account")
    with here.page.expect_navigation():
        here.page.locator("main form[action$='/sign-out'] button").click()


def arrives(here: Any, where: str) -> None:
    """The page that waited goes on by itself."""
    here.page.wait_for_url(re.compile(where))
    here.page.wait_for_load_state()
    here.look()


@pytest.fixture(scope="module")
def ona(product: Product, chromium: Any) -> Iterator[Callable[[Any, str, Callable[[Any], None]], None]]:
    """Registers Ona in an organisation, the first time that she is needed there."""
    known: set[str] = set()

    def at(here: Any, organisation: str, by: Callable[[Any], None]) -> None:
        if organisation in known:
            return
        known.add(organisation)
        here.go(f"/{organisation}/register{'?as=head' if organisation == 'energy-business' else ''}")
        by(here)
        arrives(here, "/register")
        here.shot(f"register-{organisation}")
        email = f"ona@{organisation}.uab-pavyzdys.example.com"
        fill_in(here, email=email, phone=ONA[1], password=PASSWORD)
        here.page.locator("[name=consent_privacy]").check()
        here.press("Register")
        if "/register/code" in here.page.url:
            confirm_by_code(here, product, email)
        else:
            confirm(here, product, email)

    return at


def test_a_person_registers_by_smart_id_and_signs_in_by_it(tab: Any, ona: Any) -> None:
    """IR-05, IR-06: with the keyboard alone; the code that renews itself takes no focus."""
    here = tab("lt", 360)
    ona(here, "energy-home", by_qr)
    here.go("/energy-home/sign-in")
    here.shot("sign-in")
    by_notification(here)
    arrives(here, "/home$")
    here.go("/energy-home/account")
    here.shot("account")
    assert "Ona Pavyzdienė" in here.text


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("by", [by_qr, by_the_same_device, by_notification, by_mobile_id, by_the_gateway], ids=lambda by: by.__name__)
def test_each_way_in_can_be_walked_with_the_keyboard(tab: Any, ona: Any, by: Callable[[Any], None], language: str) -> None:
    """IB-08, IB-09, AG-09, IR-06"""
    here = tab(language, 360)
    ona(here, "energy-home", by_qr)
    here.go("/energy-home/sign-in")
    by(here)
    arrives(here, "/home$")
    leave(here, "energy-home")


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_head_signs_in_by_a_bank_and_links_google(tab: Any, ona: Any, language: str) -> None:
    """IB-10, IB-11, IB-36"""
    here = tab(language, 360)
    ona(here, "energy-business", by_mobile_id)
    here.go("/energy-business/sign-in")
    here.shot("sign-in-business")
    by_swedbank(here)
    arrives(here, "/home$")
    here.go("/energy-business/account")
    here.shot("account-business")
    if here.page.locator("a[href*='/unlink/google']").count() == 0:
        with here.page.expect_navigation():
            here.page.locator("a[href*='/link/with/google']").click()
        here.look()
        here.shot("link-google")
        fill_in(here, current=PASSWORD)
        here.page.locator("main button.btn-primary").click()
        here.page.wait_for_url("**/simulators/**")
        here.page.locator(".actors a").first.click()
        arrives(here, "/account$")
    leave(here, "energy-business")
    key(here, "Google")
    here.page.wait_for_url("**/simulators/**")
    here.page.locator(".actors a").first.click()
    arrives(here, "/home$")
    here.go("/energy-business/account/unlink/google")
    here.shot("unlink-google")


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_needs_identity_says_how_to_get_it(tab: Any, product: Product, language: str) -> None:
    """AG-10, AG-18..AG-22"""
    here, code, phone = tab(language, 360), *RASA
    if language == "lt":
        become_customer(here, product, "agri-group", "rasa@example.lt", first_name="Rasa", surname="Bandomoji")
    else:
        here.go("/agri-group/sign-in")
        fill_in(here, email="rasa@example.lt", password=PASSWORD)
        here.press("Sign in")
    if language == "en":
        here.go("/agri-group/identity")
        here.shot("identity-confirmed")
        return
    here.go("/agri-group/invoices")
    assert here.heading == here.say("First, your identity must be confirmed")
    here.shot("identity")
    key(here, "Mobile-ID")
    fill_in(here, phone=phone, personal_code=code, current=PASSWORD)
    here.page.locator("[name=country]").focus()
    key(here, "Continue")
    answered(here, here.page.locator("a[target=_blank]").get_attribute("href"), person=code)
    arrives(here, "/invoices$")
