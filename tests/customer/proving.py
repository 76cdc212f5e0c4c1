"""What tests of proving who one is stand on: a method whose other side is the test, people, and the ways through the pages."""

from collections.abc import Mapping
from typing import Any

import pytest

from integrations.identity import NotIdentified, Person, Shown, Wish, available
from models import Account, Event, Organisation
from rules import identities
from tests import factories
from tests.browser import Browser

ONA = Person("smart_id", "PNO", "40404040009", "LT", first_name="Ona", last_name="Pavyzdienė", evidence={"signature": "x"})
SITE = "https://my.example.lt/north"
RASA = Person("smart_id", "PNO", "40504040001", "LT", first_name="Rasa", last_name="Bandomoji")
GOOGLE = Person("google", "SUB", "1157", issuer="https://accounts.google.com", level="low")


class Phone:
    """A method whose other side is this test: what it answers is set here."""

    name = "smart_id"
    flows: tuple[str, ...] = ("QR", "Web2App", "Notification")
    asks: Mapping[str, tuple[str, ...]] = {"QR": (), "Web2App": (), "Notification": ("personal_code",)}

    def __init__(self) -> None:
        self.answer: Person | NotIdentified | None = None
        self.refuses: NotIdentified | None = None
        self.wishes: list[Wish] = []
        self.came_back: list[dict[str, str]] = []

    def begin(self, wish: Wish) -> dict[str, Any]:
        self.wishes.append(wish)
        if self.refuses:
            raise self.refuses
        return {"flow": wish.flow, "secret": "kept on the server"}

    def show(self, state: Mapping[str, Any], elapsed_seconds: int) -> Shown:
        return {
            "QR": Shown(qr=f"https://example.lt/{elapsed_seconds}"),
            "Web2App": Shown(link="https://example.lt/app"),
            "Notification": Shown(code="0427"),
            "": Shown(go_to="https://bank.example.lt/?x=1"),
        }[state["flow"]]

    def check(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> Person | None:
        self.came_back.append(dict(answer))
        if isinstance(self.answer, NotIdentified):
            raise self.answer
        return self.answer


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Phone:
    made = Phone()
    monkeypatch.setattr(available, "methods", lambda config, slug: {"smart_id": made})
    return made


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation(login_smart_id=True)


@pytest.fixture
def ona(north: Organisation) -> Account:
    """Ona, who has confirmed who she is."""
    account = factories.account(north, "ona@example.lt", name="Ona")
    identities.confirm(account, proven(ONA), site_url="https://my.example.lt/north")
    return account


def proven(person: Person) -> identities.Proven:
    return identities.Proven(**vars(person))


def begin(browser: Browser, flow: str = "Notification", code: str = ONA.code, **values: str) -> None:
    """From the sign-in page to the page that waits."""
    browser.get("/north/sign-in")
    browser.follow("Smart-ID")
    if flow == "Notification":
        browser.submit("Continue", personal_code=code, **values)
    else:
        browser.submit({"QR": "Show the code", "Web2App": "Open Smart-ID"}[flow])


def arrive(browser: Browser, phone: Phone, answer: Person | NotIdentified | None) -> None:
    """The phone answers, and the page that waits asks."""
    phone.answer = answer
    browser.get(f"{browser.at}?check=yes")


def english(customer_app: Any) -> Browser:
    """Somebody else's browser."""
    other = Browser(customer_app)
    other.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return other


def events() -> list[str]:
    return [event.name for event in Event.select().order_by(Event.id) if event.name != "setting.changed"]


def identified(visitor: Browser, phone: Phone, who: Person = ONA) -> None:
    """From the sign-in page to what comes after the phone."""
    begin(visitor, code=who.code)
    arrive(visitor, phone, who)
    visitor.submit("Continue")


def confirm(visitor: Browser, phone: Phone, who: Person = ONA) -> None:
    """From the page that asks for identity to what comes after the phone."""
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=who.code, current=factories.PASSWORD)
    arrive(visitor, phone, who)
    visitor.submit("Continue")


class Elsewhere(Phone):
    """Google, acted by this test."""

    name = "google"
    flows: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, ...]] = {}

    def begin(self, wish: Wish) -> dict[str, Any]:
        return super().begin(wish) | {"back": f"state-{len(self.wishes)}"}


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    made = Elsewhere()
    monkeypatch.setattr(available, "methods", lambda config, slug: {"google": made})
    made.answer = GOOGLE
    return made


def come_back(visitor: Browser, google: Elsewhere) -> None:
    """Google sends the browser back, and the page after that goes on."""
    assert visitor.page.xpath("//meta[@http-equiv='refresh']/@content") == ["0; url=https://bank.example.lt/?x=1"]
    visitor.get(f"/north/prove/callback?state=state-{len(google.wishes)}&code=c")
    visitor.submit("Continue")
