"""A resident declares what the meters show."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import formats
from rules import clock, readings
from tests.e2e.conftest import plain
from tests.e2e.journey import MONTHS, PHONE, PHONE_FIRST, attach, become_customer, count, deliver
from tests.product import Product

ENERGY, ENERGY_CODE = "UAB „Namų energija“", "999000024"
LAST = MONTHS * 10
DECLARED = "SELECT count(*) FROM reading JOIN meter ON reading.meter_id = meter.id WHERE reading.source = 'customer' AND meter.number "
OF_METERS, OF_METER = f"{DECLARED} IN (?, ?)", f"{DECLARED} = ?"
SEND_AGAIN = "async ([to, form]) => (await fetch(to, {method: 'POST', body: new URLSearchParams(form)})).url"


@pytest.mark.parametrize(("language", "width"), PHONE_FIRST)
def test_a_resident_declares_all_meters_at_once(tab: Any, product: Product, tmp_path: Path, language: str, width: int) -> None:
    """CV-33, CV-34, IR-10, K19: lower is refused with a sentence, zero use is taken, the same form twice is stored once."""
    here, email = tab(language, width), f"tomas.{language}@example.lt"
    meters = (f"EL-{language}-1", f"DU-{language}-2")
    payer_code, number = {"lt": ("70-111", "NE-1"), "en": ("70-222", "NE-2")}[language]
    kinds = (("electricity", meters[0]), ("gas", meters[1]))
    deliver(product, "energy-home", tmp_path, payer_code, number, provider=ENERGY_CODE, meters=kinds)
    become_customer(here, product, "energy-home", email, full_name="Tomas Pavyzdys", phone=PHONE)
    attach(here, "energy-home", provider=ENERGY, payer_code=payer_code, invoice_number=number)
    here.go("/energy-home/home")
    here.shot("home")
    here.follow("Declare readings")
    here.shot("declare")

    electricity, gas = (here.page.get_by_label(here.say("To: what meter %(number)s shows now", number=meter)) for meter in meters)
    electricity.fill(str(LAST - 1))
    gas.fill("abc")
    here.press("Declare all", within=".acts")
    assert here.say("The reading must be written in digits, such as %(example)s", example="1234") in here.problems
    assert electricity.input_value() == str(LAST - 1)
    gas.fill(str(LAST + 12))
    here.press("Declare all", within=".acts")
    last_on = formats.day_long(date.fromisoformat(f"{clock.months(clock.period(clock.today()), 2)[0]}-25"), language)
    told = here.say(readings.LOWER, last_milli=LAST, last_on=last_on, contact="+370 5 200 0002")
    assert here.problems.endswith(f" {meters[0]}: {told}")
    here.shot("declare-refused")
    assert count(product, OF_METERS, *meters) == 0

    here.go("/energy-home/meters/declare-readings")
    electricity.fill(str(LAST))
    gas.fill(str(LAST + 12))
    form = here.page.evaluate("[...new FormData(document.querySelector('main form'))]")
    here.press("Declare all", within=".acts")
    assert here.heading == here.say("Readings declared")
    here.shot("declared")
    receipt, reference = here.page.url, here.page.url.rpartition("/")[2]
    assert reference in here.text
    assert product.mail.wait_for(email, here.say("Your readings are in: %(reference)s", reference=reference))

    # The same form once more, as a lost answer makes a browser do; then the way back and the same figures in a new form.
    assert here.page.evaluate(SEND_AGAIN, ["/energy-home/meters/declare-readings", form]) == receipt
    here.page.go_back()
    here.look()
    electricity.fill(str(LAST))
    gas.fill(str(LAST + 12))
    here.press("Declare all", within=".acts")
    assert here.page.url == receipt
    assert count(product, OF_METERS, *meters) == 2
    here.follow("See all meters")
    here.shot("meters")
    here.follow(meters[0])
    here.shot("meter")


def test_an_unusual_use_is_asked_about_before_it_is_stored(tab: Any, product: Product, tmp_path: Path) -> None:
    """CV-34: one meter of two"""
    here, email, meter, other = tab("en", 360), "saule@example.lt", "EL-3", "DU-4"
    deliver(product, "energy-home", tmp_path, "70-333", "NE-3", provider=ENERGY_CODE, meters=(("electricity", meter), ("gas", other)))
    become_customer(here, product, "energy-home", email, full_name="Saulė Pavyzdė", phone=PHONE)
    attach(here, "energy-home", provider=ENERGY, payer_code="70-333", invoice_number="NE-3")
    here.go("/energy-home/meters/declare-readings")
    here.page.get_by_label(here.say("To: what meter %(number)s shows now", number=meter)).fill(str(LAST + 500))
    with here.page.expect_navigation():
        here.page.get_by_role("button", name=re.compile(f"{here.say('Declare only this one')}.*{meter}")).click()
    here.look()
    assert str(LAST + 500) in plain(here.page.locator(".doubt").inner_text())
    assert "doubt" in here.page.evaluate("document.activeElement.className")
    here.shot("declare-doubt")
    assert count(product, OF_METER, meter) == 0
    here.press("Yes, it is right")
    assert here.heading == here.say("Readings declared")
    assert [count(product, OF_METER, each) for each in (meter, other)] == [1, 0]
