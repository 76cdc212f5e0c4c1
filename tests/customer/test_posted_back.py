"""A site that sends the browser back by a POST, as the e-Government Gateway does: no cookie comes with it, and it does nothing by itself."""

from collections.abc import Mapping
from typing import Any

import pytest

from integrations.identity import Person, Shown, Wish, available
from models import IdentityFlow
from tests import factories
from tests.browser import Browser

FIELDS = {"ticket": "dfa1339f", "customData": "a b&c=ą"}


class Gateway:
    """A method whose other side is this test."""

    name = "viisp"
    flows: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, ...]] = {}

    def __init__(self) -> None:
        self.callback = ""
        self.came_back: list[dict[str, str]] = []

    def begin(self, wish: Wish) -> dict[str, Any]:
        self.callback = wish.callback_url.partition("8000")[2]
        return {"ticket": "dfa1339f"}

    def show(self, state: Mapping[str, Any], elapsed_seconds: int) -> Shown:
        return Shown(go_to="https://gateway.example.lt/portal", post={"ticket": state["ticket"]})

    def check(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> Person | None:
        if not answer:
            return None
        self.came_back.append(dict(answer))
        return Person("viisp", "PNO", "40404040009", "LT")


@pytest.fixture
def gateway(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The way has begun in `browser`, which stands on the page that sends it there."""
    made = Gateway()
    monkeypatch.setattr(available, "methods", lambda config, slug: {"viisp": made})
    factories.organisation(login_viisp=True)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    browser.get("/north/sign-in")
    browser.submit("e-Government Gateway")
    return made


def from_elsewhere(app: Any, gateway: Gateway, **fields: str) -> Any:
    """What reaches us when another site has the browser post: no cookie, no form key."""
    return app.test_client().post(
        gateway.callback, data=fields, headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://gateway.example.lt"}
    )


def test_the_browser_is_sent_there_with_the_ticket(browser: Browser, gateway: Gateway) -> None:
    """IR-06"""
    form = next(form for form in browser.page.forms if form.action == "https://gateway.example.lt/portal")
    assert {name: form.fields[name] for name in form.fields} == {"ticket": "dfa1339f"}
    assert "form-action 'self' https://gateway.example.lt;" in browser.response.headers["Content-Security-Policy"]


def test_what_is_posted_back_is_looked_at_only_with_the_browsers_cookie(browser: Browser, gateway: Gateway, customer_app: Any) -> None:
    """IR-06, T57: the POST changes nothing and sets no cookie; the GET it leads to is this browser's alone."""
    before = IdentityFlow.get()
    answer = from_elsewhere(customer_app, gateway, **FIELDS)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    assert vars(IdentityFlow.get())["__data__"] == vars(before)["__data__"]
    assert gateway.came_back == []
    other = Browser(customer_app)
    other.get(answer.location)
    assert other.status == 410
    assert gateway.came_back == []
    browser.get(answer.location)
    assert gateway.came_back == [FIELDS]
    assert IdentityFlow.get().outcome == "identified"


def test_more_than_an_address_can_hold_is_refused(browser: Browser, gateway: Gateway, customer_app: Any) -> None:
    assert from_elsewhere(customer_app, gateway, ticket="x" * 2000).status_code == 400


def test_no_other_page_takes_a_post_from_another_site(browser: Browser, gateway: Gateway, customer_app: Any) -> None:
    flow = IdentityFlow.get()
    answer = customer_app.test_client().post(f"/north/prove/{flow.public_id}/cancel", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 400
    assert IdentityFlow.get().outcome == ""
