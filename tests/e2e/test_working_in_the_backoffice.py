"""Staff at work, and what the customer of it sees."""

from pathlib import Path
from typing import Any

import pytest

from rules import clock
from tests.e2e.journey import (
    PHONE,
    PHONE_FIRST,
    accept,
    confirm,
    enter,
    feed,
    fill_in,
    give_building,
    invite,
    register,
    sign_in,
    start_work,
)
from tests.product import Product, code_in, link_in

WEST, WEST_CODE = "UAB „Būsto priežiūra Vakarai“", "999000031"
HOUSES = ("Beržų g. 1, Klaipėda", "Uosių g. 2, Klaipėda")


def open_north(product: Product, folder: Path, part: str) -> str:
    """An organisation of this test's own, with two houses, each with one flat, a contract and a meter."""
    slug = f"north-{part}"
    product.portal("load-organisation", "property-management", slug)
    delivery = []
    for n, house in enumerate(HOUSES, 1):
        delivery += feed(folder, f"03-{n}", f"V-{n}", provider=WEST_CODE, meters=(("cold-water", f"SV-{n}"),), house=house, flat="1")
    product.portal("sync-bills", slug, *delivery)
    return slug


def move_in(tab: Any, product: Product, slug: str, email: str, name: str, payer_code: str) -> None:
    """Register with a payer code, sign in, confirm the address."""
    who = {"first_name": name, "surname": "Pavyzdė", "phone": PHONE, "provider": WEST}
    register(tab, slug, email, **who, payer_code=payer_code)
    sign_in(tab, slug, email)
    confirm(tab, product, email)


@pytest.mark.parametrize(("language", "width"), PHONE_FIRST)
def test_an_agent_helps_a_customer(tab: Any, product: Product, tmp_path: Path, language: str, width: int) -> None:
    """IB-61, CV-37, K10, M04, M05: unlock, another e-mail and back, another access type"""
    slug, desk, home = open_north(product, tmp_path, language), tab(language, width), tab(language, width)
    anna, another = f"anna.{language}@example.lt", f"anna.nauja.{language}@example.lt"
    move_in(home, product, slug, anna, "Anna", "03-1")
    stranger = tab(language, width)
    for _ in range(5):
        sign_in(stranger, slug, anna, "Spejimas-1")
    assert "/locked" in stranger.page.url

    phone = start_work(desk, product, f"olga.{language}@example.com", "agent", slug)
    desk.shot("desk-home")
    if width == 360:
        desk.page.get_by_text(desk.say("Menu"), exact=True).click()
        desk.shot("desk-menu")
    desk.press("Sign out")
    enter(desk, f"olga.{language}@example.com", phone)
    assert desk.heading == desk.say("Waiting for you")

    desk.page.locator(".queues a[href*='tab=locked']").click()
    desk.page.wait_for_url("**tab=locked")
    desk.look()
    desk.shot("desk-locked")
    desk.follow("Anna Pavyzdė")
    desk.shot("desk-account-locked")
    desk.follow("Unlock")
    desk.press("Unlock")
    assert desk.problems == desk.say("Enter: %(label)s", label=desk.say("Reason"))
    fill_in(desk, reason="Paskambino, pasakė mokėtojo kodą")
    desk.shot("desk-unlock")
    desk.press("Unlock")
    assert desk.has("can sign in again")
    sign_in(stranger, slug, anna)
    assert stranger.page.url.endswith("/home")
    assert product.mail.wait_for(anna, stranger.say("You can sign in again"))

    desk.go("/backoffice/")
    fill_in(desk, search="anna")
    desk.press("Find")
    desk.follow("Anna Pavyzdė")
    desk.follow("Change e-mail")
    fill_in(desk, email=another, reason="Naujas adresas")
    desk.tick("A code from the present address, which the customer reads out")
    desk.shot("desk-change-email")
    desk.press("Change e-mail")
    assert desk.has("the change of the e-mail has begun; see below what it waits for")
    desk.follow("Enter the code")
    fill_in(desk, code=code_in(product.mail.wait_for(anna, another)))
    desk.shot("desk-change-email-code")
    desk.press("Enter the code")
    assert desk.has("The code is right: the new address has been asked to confirm.")
    stranger.go(link_in(product.mail.wait_for(another)))
    stranger.shot("confirm-new-email")
    stranger.press("Confirm the new address")
    assert stranger.has("Your new e-mail address is confirmed. Sign in with it; the password is the same.")
    home.go(f"/{slug}/home")
    assert home.heading == home.say("Sign in")
    sign_in(home, slug, another)
    assert home.page.url.endswith("/home")

    home.go(link_in(product.mail.wait_for(anna, home.say("Your e-mail address was changed"))))
    home.shot("undo-email")
    home.press("Take the change back")
    sign_in(home, slug, another)
    assert home.problems == home.say("The e-mail or the password is not right. Check both and try again.")
    sign_in(home, slug, anna)
    assert home.page.url.endswith("/home")

    desk.go("/backoffice/accounts/?search=anna")
    desk.follow("Anna Pavyzdė")
    desk.follow("Change access type", exact=False)
    fill_in(desk, access_type=desk.say("Viewer"), reason="Savininkas kitas")
    desk.press("Change access type")
    assert desk.has("the access type was changed")
    desk.shot("desk-account")
    home.go(f"/{slug}/contracts")
    assert home.has("Your access lets you see bills and meters, but not the objects themselves.")
    assert product.mail.wait_for(anna, home.say("Viewer"))


def test_an_administrator_says_who_may_do_what(tab: Any, product: Product, tmp_path: Path) -> None:
    """CV-32, K16: a property manager has their buildings alone, an auditor reads alone, the window holds at once"""
    slug, desk = open_north(product, tmp_path, "south"), tab("lt", 1280)
    home, manager, agent = (tab("lt", 1280) for _ in range(3))
    move_in(home, product, slug, "vida@example.lt", "Vida", "03-1")
    start_work(desk, product, "ona@example.com", "administrator", slug)
    accept(manager, invite(desk, product, "mantas@example.com", "Mantas", "Property manager"))
    petras = accept(agent, invite(desk, product, "petras@example.com", "Petras", "Customer service agent"))

    manager.go("/backoffice/contracts/")
    assert not any(house in manager.text for house in HOUSES)
    give_building(desk, "Mantas", HOUSES[0])
    manager.go("/backoffice/contracts/")
    assert HOUSES[0] in manager.text
    assert HOUSES[1] not in manager.text
    manager.shot("desk-manager")

    agent.go("/backoffice/accounts/?search=vida")
    agent.follow("Vida Pavyzdė")
    account = agent.page.url
    assert agent.page.get_by_role("link", name=agent.say("Change e-mail")).count() == 1
    desk.go("/backoffice/staff/?search=petras")
    desk.shot("desk-staff")
    desk.follow("Petras")
    desk.follow("Change role")
    fill_in(desk, role=desk.say("Auditor"), reason="Nuo šiandien tikrina")
    desk.press("Change role")
    assert desk.has("has a new role")
    agent.go(account)
    assert agent.heading == agent.say("Sign in")
    enter(agent, "petras@example.com", petras)
    agent.go(account)
    assert "Vida Pavyzdė" in agent.heading
    assert agent.page.locator("main .acts").inner_text().strip() == ""
    agent.go("/backoffice/accounts/")
    assert agent.page.locator("main [name=rowid]").count() == 0

    day = clock.today().day
    days = (1, max(day - 1, 1)) if day > 15 else (day + 1, 28)
    for name, value in sorted(zip(("reading-opens-on", "reading-closes-on"), days, strict=True), reverse=day <= 15):
        desk.go("/backoffice/settings/")
        desk.page.locator(f"a[href$='/{name}/']").click()
        desk.page.wait_for_url(f"**/{name}/")
        fill_in(desk, value=str(value))
        desk.press("Save")
        assert not desk.problems
    desk.shot("desk-settings")
    home.go(f"/{slug}/meters")
    assert home.page.get_by_role("link", name=home.say("Declare readings")).count() == 0
    home.go(f"/{slug}/meters/declare-readings")
    assert home.say("Readings open on %(day)s", day="").strip() in home.heading
    home.shot("window-closed")
