"""Steps that several journeys have in common, each as a person takes it."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pyotp
import pytest

from rules import clock
from tests.product import Product, code_in, link_in

PASSWORD = "Rudens-Lapas-7"  # good enough for every preset (K02)
PHONE = "+370 600 00007"
STAFF_PASSWORD = "penki balti debesys"
# A long way is walked on one kind of screen in `make test`, some on this and some on that, and on the other one too in `make faults`.
ON_A_PHONE, ON_A_DESK = ("lt", 360), ("en", 1280)
PHONE_FIRST = [ON_A_PHONE, pytest.param(*ON_A_DESK, marks=pytest.mark.full)]
DESK_FIRST = [ON_A_DESK, pytest.param(*ON_A_PHONE, marks=pytest.mark.full)]
MONTHS = 13  # so many readings does a meter of the feed bring, one at the end of each month before this one


# ---- customers --------------------------------------------------------------------------------------------------------


def register(tab: Any, organisation: str, email: str, **answers: str) -> None:
    """Fill in the form as this organisation asks, agree to what is required, send it. `answers` by the name of their field."""
    tab.go(f"/{organisation}/register")
    fill_in(tab, email=email, password=PASSWORD, **answers)
    tab.page.locator("[name=consent_privacy]").check()
    tab.press("Register")
    assert not tab.problems


def fill_in(tab: Any, **answers: str) -> None:
    """Type into fields, or choose in them, by their names."""
    for name, answer in answers.items():
        field = tab.page.locator(f"main [name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=answer)
        else:
            field.fill(answer)


def confirm(tab: Any, product: Product, email: str) -> None:
    """Follow the link in the letter that came after registering, and press its button."""
    tab.go(link_in(product.mail.wait_for(email, tab.say("Confirm your e-mail address"))))
    tab.press("Confirm my address")


def sign_in(tab: Any, organisation: str, email: str, password: str = PASSWORD) -> None:
    tab.go(f"/{organisation}/sign-in")
    fill_in(tab, email=email, password=password)
    tab.press("Sign in")


def sign_out(tab: Any, organisation: str) -> None:
    tab.go(f"/{organisation}/account")
    tab.press("Sign out", within="main")


def confirm_by_code(tab: Any, product: Product, email: str) -> None:
    """Type the code from the letter."""
    fill_in(tab, code=code_in(product.mail.wait_for(email)))
    tab.press("Confirm")


def become_customer(tab: Any, product: Product, organisation: str, email: str, **answers: str) -> None:
    """Register, confirm the address, sign in."""
    register(tab, organisation, email, **answers)
    if "/register/code" in tab.page.url:
        confirm_by_code(tab, product, email)
    elif "/register/check-mail" in tab.page.url:
        confirm(tab, product, email)
    sign_in(tab, organisation, email)


def attach(tab: Any, organisation: str, **answers: str) -> None:
    """Add a contract by what its bill shows; `provider` is chosen first where there are several."""
    tab.go(f"/{organisation}/contracts/add")
    provider = answers.pop("provider", None)
    if provider:
        tab.follow(provider)
    fill_in(tab, **answers)
    with tab.page.expect_navigation():
        tab.page.locator("main form .btn-primary").click()
    tab.look()


# ---- people who work here ---------------------------------------------------------------------------------------------


class Phone:
    """Somebody's authenticator app. A code opens once, so each next one is of a later half minute; the site takes one ahead."""

    def __init__(self, secret: str) -> None:
        self.totp, self.step = pyotp.TOTP(secret.replace(" ", "")), 0

    def code(self) -> str:
        self.step = max(self.step + 1, int(time.time()) // 30)
        return self.totp.generate_otp(self.step)


def start_work(tab: Any, product: Product, email: str, role: str, organisation: str = "") -> Phone:
    """Be invited by the operator, for one organisation or all of them, and take that up."""
    where = ("--organisation", organisation) if organisation else ()
    return accept(tab, product.portal("create-staff", email, role, *where).split()[-1])


def invite(desk: Any, product: Product, email: str, name: str, role: str) -> str:
    """Invite a colleague; returns the link in the letter."""
    desk.go("/backoffice/staff/new/")
    fill_in(desk, email=email, name=name, role=desk.say(role))
    desk.shot("desk-invite")
    desk.press("Send the invitation")
    assert name in desk.heading
    return link_in(product.mail.wait_for(email))


def accept(tab: Any, link: str) -> Phone:
    """Take up an invitation, in the language of the tab; returns the phone that has the codes from now on."""
    tab.go(f"/backoffice/language/{tab.language}?next=/backoffice/sign-in")
    tab.go(link)
    tab.shot("invitation")
    phone = Phone(tab.page.locator("code.secret").text_content())
    fill_in(tab, password=STAFF_PASSWORD, code=phone.code())
    tab.press("Open the backoffice")
    assert tab.heading == tab.say("Waiting for you")
    return phone


def enter(tab: Any, email: str, phone: Phone) -> None:
    """Sign in to the backoffice with password and code."""
    tab.go("/backoffice/sign-in")
    fill_in(tab, email=email, password=STAFF_PASSWORD, code=phone.code())
    tab.press("Sign in")
    assert not tab.problems


def give_building(desk: Any, who: str, house: str) -> None:
    """Put a property manager in charge of a house."""
    desk.go(f"/backoffice/staff/?search={who}")
    desk.follow(who)
    desk.follow("Change buildings")
    desk.page.get_by_label(house).check()
    fill_in(desk, reason="Prižiūri šį namą")
    desk.shot("desk-change-buildings")
    desk.press("Change buildings")
    assert desk.has("has other buildings now")


# ---- what the billing system delivers ---------------------------------------------------------------------------------


def deliver(product: Product, organisation: str, folder: Path, payer_code: str, number: str, **facts: Any) -> None:
    """Bring in one contract, as `feed` writes it."""
    product.portal("sync-bills", organisation, *feed(folder, payer_code, number, **facts))


def feed(
    folder: Path,
    payer_code: str,
    number: str,
    *,
    provider: str,
    meters: tuple[tuple[str, str], ...] = (),
    house: str = "Liepų g. 3, Pakruojis",
    flat: str = "14",
    customer: str = "Ona Pavyzdienė",
) -> list[str]:
    """The files of a contract with one bill over 121 euros, due today, and `meters` (kind, number), read as 10, 20, 30 ... of their
    units."""
    today = clock.today()
    months = clock.months(clock.period(today), MONTHS + 1)[:-1]
    place = f"{customer};{house} - {flat};{house};{flat}"
    line = "Elektros energija;1000;kWh;0,1;100,00;21"
    tables = {
        "contracts": ["payer_code;customer_name;address;building;premises;provider", f"{payer_code};{place};{provider}"],
        "meters": [
            "payer_code;meter;kind;place;installed_on;provider",
            *(f"{payer_code};{meter};{kind};Nr. 1;{months[0]}-01;{provider}" for kind, meter in meters),
        ],
        "readings": [
            "payer_code;meter;read_on;value;provider",
            *(f"{payer_code};{meter};{month}-25;{n * 10};{provider}" for _, meter in meters for n, month in enumerate(months, 1)),
        ],
        "bills": [
            "number;payer_code;issued_on;due_on;total;vat;line_name;line_quantity;line_unit;line_unit_price;line_net;line_vat_rate;provider",
            f"{number};{payer_code};{months[-1]}-28;{today};121,00;21,00;{line};{provider}",
        ],
    }
    paths = [folder / f"{name}-{number}.csv" for name in tables]
    for path, rows in zip(paths, tables.values(), strict=True):
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return [str(path) for path in paths]


def count(product: Product, question: str, *facts: Any) -> int:
    """A number from the database of the running product."""
    with sqlite3.connect(f"file:{product.data / 'savitarna.db'}?mode=ro", uri=True) as database:
        return int(database.execute(question, facts).fetchone()[0])
