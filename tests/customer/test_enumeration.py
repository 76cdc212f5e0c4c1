"""Nobody learns from a page, its headers or the work behind it who is a customer: the answer is in the mail alone (T47)."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from werkzeug.test import TestResponse

from integrations.identity import NotIdentified, Shown, Wish, available
from models import Account, Organisation
from rules import identities, keys, settings
from tests import factories, letters
from tests.browser import Browser

KNOWN, UNKNOWN, FIRST = "anna@example.lt", "ieva@example.lt", "ruta@example.lt"
Watch = Callable[[], AbstractContextManager[list[str]]]


class Answer:
    """What a stranger can see of an answer, and the work behind it; what is random or was typed is masked."""

    def __init__(self, response: TestResponse, statements: list[str], passwords: int, typed: str) -> None:
        body = re.sub('<span class="whole">(.*?)</span>', r"\1", response.get_data(as_text=True)).replace(typed, "TYPED")
        self.body = re.sub(r'(nonce-|nonce=")[\w-]+|name="(csrf_token|form_key)"[^>]*value="[^"]+"|value="[\w.-]{16,}"', "", body)
        self.status = response.status_code
        self.headers = sorted(
            (k, re.sub(r"nonce-[\w-]+", "", v)) for k, v in response.headers if k not in ("Set-Cookie", "Content-Length", "X-Request-ID")
        )
        self.cookies = [re.sub("=[^;]+", "", line, count=1) for line in response.headers.getlist("Set-Cookie")]
        self.statements = [re.sub(r'"s[0-9a-f]{32}"', "", sql) for sql in statements]
        self.passwords = passwords

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Answer)
        for what, mine in vars(self).items():
            assert mine == vars(other)[what], f"{what} differs"
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture
def ask(browser: Browser, customer_app: Any, statements: Watch, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Fill in a page's form in a browser of one's own, and look at the answer without going on."""
    counted = _CountingHasher(keys._hasher)
    monkeypatch.setattr(keys, "_hasher", counted)

    def asked(path: str, typed: str, **values: str) -> Answer:
        one = Browser(customer_app)
        page = one.get(path)
        hidden = {name: page.xpath(f"string(//main//input[@name='{name}']/@value)") for name in ("csrf_token", "form_key")}
        counted.times = 0
        with statements() as seen:
            response = one.client.post(path, data=hidden | {"email": typed} | values)
        return Answer(response, seen, counted.times, typed)

    return asked


class _CountingHasher:
    """Counts how often a password is hashed or compared: what takes the time of a request."""

    def __init__(self, real: Any) -> None:
        self.real, self.times = real, 0

    def hash(self, *args: Any) -> str:
        self.times += 1
        return str(self.real.hash(*args))

    def verify(self, *args: Any) -> bool:
        self.times += 1
        return bool(self.real.verify(*args))


def north(**changes: Any) -> Organisation:
    """An organisation with one customer."""
    made = factories.organisation("north", **changes)
    factories.account(made, KNOWN)
    settings.of(made)
    return made


@pytest.mark.parametrize(
    ("how", "unknown_letter"),
    [("code", "confirm_by_code"), ("link", "confirm_by_link")],
)
def test_registering_answers_the_same_whether_the_address_has_an_account(ask: Callable[..., Answer], how: str, unknown_letter: str) -> None:
    """T47, CV-08"""
    north(signup_confirm=how)
    answers = {"full_name": "Jonas Kalnas", "phone": "+37060000001", "password": "Ilgas-zodis-7"}
    ask("/north/register", FIRST, **answers)

    unknown, known = (ask("/north/register", address, **answers) for address in (UNKNOWN, KNOWN))

    assert known == unknown
    assert (known.status, known.passwords) == (303, 1)
    assert letters.sent()[1:] == [(unknown_letter, UNKNOWN), ("already_registered", KNOWN)]


@pytest.mark.parametrize("how", ["code", "link"])
def test_the_page_after_registering_is_the_same(visitor: Browser, customer_app: Any, how: str) -> None:
    """T47"""
    north(signup_confirm=how, code_digits=4)
    pages = []
    for address in (UNKNOWN, KNOWN):
        one = Browser(customer_app)
        one.get("/north/register")
        one.submit(full_name="Jonas Kalnas", email=address, phone="+37060000001", password="Ilgas-zodis-7")
        if how == "code":
            one.submit(code="x")
        pages.append(Answer(one.response, [], 0, address))

    assert pages[0] == pages[1]


def test_without_confirmation_the_page_is_the_same_too(ask: Callable[..., Answer]) -> None:
    """CV-15, T47: signing in tells, which is the one documented exception; this page does not."""
    north(signup_confirm="none")
    answers = {"full_name": "Jonas Kalnas", "phone": "+37060000001", "password": "Ilgas-zodis-7"}

    unknown, known = (ask("/north/register", address, **answers) for address in (UNKNOWN, KNOWN))

    unknown.statements = known.statements = []
    assert known == unknown
    assert letters.sent() == [("confirm_by_link", UNKNOWN), ("already_registered", KNOWN)]


def test_a_wrong_password_and_a_wrong_login_name_are_answered_the_same(ask: Callable[..., Answer]) -> None:
    """IB-60, T47"""
    north()
    ask("/north/sign-in", FIRST, password="Neteisingas-1")

    unknown, known = (ask("/north/sign-in", address, password="Neteisingas-1") for address in (UNKNOWN, KNOWN))

    assert known == unknown
    assert (known.status, known.passwords) == (200, 1)


def test_a_locked_account_and_a_locked_login_name_are_answered_the_same(ask: Callable[..., Answer]) -> None:
    """IB-60, T43, T47"""
    north(lock_after=3)
    for address in (UNKNOWN, KNOWN):
        for _ in range(3):
            ask("/north/sign-in", address, password="Neteisingas-1")

    unknown, known = (ask("/north/sign-in", address, password=factories.PASSWORD) for address in (UNKNOWN, KNOWN))

    assert known == unknown
    assert (known.status, known.passwords) == (302, 0)


def test_a_forgotten_password_is_answered_the_same(ask: Callable[..., Answer]) -> None:
    """T47"""
    north()
    ask("/north/forgotten-password", FIRST)

    unknown, known = (ask("/north/forgotten-password", address) for address in (UNKNOWN, KNOWN))

    assert known == unknown
    assert letters.sent()[1:] == [("reset_no_account", UNKNOWN), ("reset_password", KNOWN)]


def test_a_customer_of_one_organisation_is_a_stranger_to_another(ask: Callable[..., Answer]) -> None:
    """T47, CV-08"""
    north(signup_confirm="code")
    settings.of(factories.organisation("south", signup_confirm="code"))
    answers = {"full_name": "Jonas Kalnas", "phone": "+37060000001", "password": "Ilgas-zodis-7"}

    ask("/south/register", KNOWN, **answers)

    assert letters.sent() == [("confirm_by_code", KNOWN)]


@pytest.mark.parametrize("door", ["contracts/add", "paying-for-others/add"])
def test_a_payer_code_that_exists_is_answered_as_one_that_does_not(
    browser: Browser, customer_app: Any, statements: Watch, door: str
) -> None:
    """T14, T98, M06: neither the words nor the work tell which codes there are, whatever is wrong with them"""
    here = factories.organisation("north", claim_invoice=True, pay_for_others=True)
    heat = factories.provider(here, payer_code_form="00-000 00", invoice_number_form="SF-0000")
    factories.invoice(factories.contract(here, "05-204 77", provider=heat), "SF-1000")

    def asked(person: str, code: str, number: str) -> Answer:
        one = Browser(customer_app)
        one.enter(factories.account(here, person))
        page = one.get(f"/north/{door}")
        hidden = {name: page.xpath(f"string(//main//input[@name='{name}']/@value)") for name in ("csrf_token", "form_key")}
        with statements() as seen:
            response = one.client.post(f"/north/{door}", data=hidden | {"payer_code": code, "invoice_number": number})
        return Answer(response, seen, 0, code)

    asked("first@example.lt", "99-999 98", "SF-9999")  # after it everything that is asked once is known
    codes = {"right": ("05-204 77", "05-204 78"), "pasted": ("05\u2013204 77", "05\u2013204 78"), "letter": ("05-204 77 ", "05-204 78 ")}
    for what, both in codes.items():
        known, unknown = (asked(f"{what}{n}@example.lt", code, "SF-9999") for n, code in enumerate(both))
        known.body, unknown.body = (re.sub("05-204 7[78]", "LIKE", body) for body in (known.body, unknown.body))
        assert known == unknown
        assert known.status == 200


@pytest.mark.parametrize("is_there", [True, False])
def test_asking_a_phone_answers_the_same_whether_its_person_has_an_account(
    ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """T47, T57: who has an account is looked up when they have proven who they are, and not before; whether SK knows them or not."""

    class Phone:
        name, flows, asks = "mobile_id", (), {"": ("personal_code",)}

        def begin(self, wish: Wish) -> dict[str, Any]:
            if not is_there:
                raise NotIdentified("unsuitable")
            return {}

        def show(self, state: Any, elapsed_seconds: int) -> Shown:
            return Shown(code="0427")

    monkeypatch.setattr(available, "methods", lambda config, slug: {"mobile_id": Phone()})
    here = north(login_mobile_id=True)
    known = identities.Proven("mobile_id", "PNO", "40404040009", "LT", first_name="Ona")
    identities.confirm(Account.get(Account.organisation == here), known)
    path = "/north/prove/sign-in/with/mobile_id"
    ask(path, "nobody typed this", personal_code="30303039914", country="LT")

    of_known, of_unknown = (ask(path, "nobody typed this", personal_code=code, country="LT") for code in ("40404040009", "40504040001"))

    for answer in (of_known, of_unknown):
        answer.body = re.sub(r"[0-9a-f-]{36}|4\d{10}", "MASKED", answer.body)
        answer.headers = [(name, re.sub(r"[0-9a-f-]{36}", "MASKED", value)) for name, value in answer.headers]
    assert of_known == of_unknown
    assert of_known.status == (302 if is_there else 200)
