"""Proving who one is, page by page: chosen, waited for, used once by the browser that began it (IB-07..11, AG-09, T48, T57-T60)."""

import re
from datetime import timedelta
from typing import Any

import pytest

from integrations.identity import NotIdentified, Person
from models import Account, Identity, IdentityFlow, Organisation, Session, now
from rules import identity_flows
from tests import factories, letters
from tests.browser import Browser
from tests.customer import proving
from tests.customer.proving import (
    ONA,
    RASA,
    Phone,
    arrive,
    begin,
    english,
    events,
)

phone, google, north, ona = proving.phone, proving.google, proving.north, proving.ona


def test_a_person_signs_in_by_the_code_on_the_phone(visitor: Browser, phone: Phone, ona: Account) -> None:
    """IB-09, AG-09, T48"""
    begin(visitor)
    assert "0427" in visitor.text
    assert "0, 4, 2, 7" in visitor.text, "digit by digit for a screen reader"
    assert phone.wishes[0].personal_code == "LT-40404040009"
    arrive(visitor, phone, ONA)
    before = visitor.client.get_cookie("savitarna-customer", path="/north/")
    visitor.submit("Continue")
    assert visitor.at == "/north/home", visitor.text
    assert visitor.client.get_cookie("savitarna-customer", path="/north/") != before
    assert Session.get().account == ona
    assert events()[-1] == "account.signed_in_by_identity"
    flow = IdentityFlow.get()
    assert (flow.used_at is not None, flow.person_sealed, flow.state_sealed) == (True, "", "")


def test_nothing_in_the_browser_or_in_plain_rows_tells_who_it_is(visitor: Browser, phone: Phone, ona: Account) -> None:
    """T57: the state and the person lie sealed on the server."""
    begin(visitor)
    arrive(visitor, phone, ONA)
    row = IdentityFlow.select().dicts().get()
    assert ONA.code not in repr(row)
    assert ONA.code not in repr(Identity.select().dicts().get())
    assert ONA.code not in visitor.response.get_data(as_text=True)
    assert ONA.code not in visitor.at


@pytest.mark.parametrize("why", ["refused", "timeout", "wrong_code", "unsuitable", "unproven"])
def test_whatever_goes_wrong_is_said_and_can_be_tried_again(visitor: Browser, phone: Phone, ona: Account, why: str) -> None:
    begin(visitor)
    arrive(visitor, phone, NotIdentified(why))
    assert visitor.status == 410
    visitor.follow("Try again")
    assert "Smart-ID" in visitor.text
    assert Session.select().count() == 0


def test_who_is_unsuitable_is_told_the_same_whatever_it_was(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T47: no such account, a document that cannot be used, an app too old."""
    said = set()
    for n, detail in enumerate(("no account", "document", "old app")):
        visitor.client.environ_base["REMOTE_ADDR"] = f"192.0.{n}.7"
        phone.refuses = NotIdentified("unsuitable", detail)
        begin(visitor)
        said.add(visitor.page.xpath("string(//*[@class='error-summary'])"))
        assert "could not be used" in visitor.text
    assert len(said) == 1
    assert IdentityFlow.select().count() == 0


def test_a_wrong_personal_code_is_refused_before_anyone_is_asked(visitor: Browser, phone: Phone, north: Organisation) -> None:
    begin(visitor, code="40404040008")
    assert "11 digits" in visitor.text
    assert phone.wishes == []


def test_another_browser_cannot_take_the_flow_over(visitor: Browser, phone: Phone, ona: Account, customer_app: Any) -> None:
    """T57: swapped sessions; the same-device callback opened elsewhere is told what to do."""
    begin(visitor, "Web2App")
    token = phone.wishes[0].callback_url.rpartition("/")[2]
    phone.answer = ONA
    thief = english(customer_app)
    for path in (visitor.at, f"/north/prove/callback/{token}?value=x"):
        thief.get(path)
        assert thief.status == 410
        assert "another browser" in thief.text
    assert phone.came_back == []
    assert thief.client.get(f"{visitor.at}/state").json == {"state": "over"}
    assert thief.client.get(f"{visitor.at}/qr.svg").status_code == 404


def test_whoever_signs_in_meanwhile_cannot_end_what_another_has_begun(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """T57: the same browser, and another person's account."""
    anna, petr = factories.account(north), factories.account(north, "petr@example.lt")
    visitor.enter(anna)
    visitor.get("/north/identity")
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=ONA.code, current=factories.PASSWORD)
    visitor.enter(petr)
    phone.answer = ONA
    visitor.get(f"{visitor.at}?check=yes")
    assert visitor.status == 410
    assert phone.came_back == []


def test_the_same_device_callback_is_looked_at_with_its_fields(visitor: Browser, phone: Phone, ona: Account) -> None:
    begin(visitor, "Web2App")
    phone.answer = ONA
    wish = phone.wishes[0]
    assert wish.callback_url.startswith("http://127.0.0.1:8000/north/prove/callback/")
    visitor.get(f"/north{wish.callback_url.partition('/north')[2]}?value=a&sessionSecretDigest=b&userChallengeVerifier=c")
    assert phone.came_back == [{"value": "a", "sessionSecretDigest": "b", "userChallengeVerifier": "c"}]
    visitor.submit("Continue")
    assert visitor.at == "/north/home"


def test_while_one_request_asks_the_others_wait_at_once(visitor: Browser, phone: Phone, ona: Account) -> None:
    """T62: whoever asks a hundred times at once holds one worker."""
    begin(visitor)
    flow, phone.answer = IdentityFlow.get(), ONA
    assert identity_flows.claim(flow, is_answer=False)
    assert visitor.client.get(f"{visitor.at}/state").json == {"state": "waiting"}
    visitor.get(f"{visitor.at}?check=yes")
    assert (visitor.status, phone.came_back) == (200, [])
    identity_flows.release(flow)
    assert visitor.client.get(f"{visitor.at.partition('?')[0]}/state").json == {"state": "identified"}
    assert len(phone.came_back) == 1


@pytest.mark.parametrize("answer", [None, NotIdentified("refused"), ONA])
def test_whoever_has_asked_makes_room(visitor: Browser, phone: Phone, ona: Account, answer: Person | NotIdentified | None) -> None:
    begin(visitor)
    arrive(visitor, phone, answer)
    assert len(phone.came_back) == 1
    assert IdentityFlow.get().asked_until is None


def test_a_few_ask_at_once_and_the_rest_of_the_site_goes_on(visitor: Browser, phone: Phone, ona: Account, customer_app: Any) -> None:
    """T62: of four workers two may wait for another system; a place that nobody gave back is free soon."""
    for _ in range(identity_flows.ASKS_AT_ONCE):
        begin(english(customer_app), "QR")
    for flow in IdentityFlow.select():
        assert identity_flows.claim(flow, is_answer=False)
    begin(visitor)
    phone.answer = ONA
    assert visitor.client.get(f"{visitor.at}/state").json == {"state": "waiting"}
    assert phone.came_back == []
    IdentityFlow.update(asked_until=now() - timedelta(seconds=1)).execute()
    assert visitor.client.get(f"{visitor.at}/state").json == {"state": "identified"}


def test_what_a_browser_brings_back_is_looked_at_once_whoever_asks_meanwhile(visitor: Browser, phone: Phone, ona: Account) -> None:
    """T62: a provider changes its code once; the second of two must not end what the first is about to find."""
    begin(visitor, "Web2App")
    phone.answer = ONA
    back = f"/north{phone.wishes[0].callback_url.partition('/north')[2]}?value=a"
    assert identity_flows.claim(IdentityFlow.get(), is_answer=False), "the page that waits asks just now"
    visitor.get(back)
    assert phone.came_back == [{"value": "a"}]
    IdentityFlow.update(outcome="").execute()
    visitor.get(back)
    assert phone.came_back == [{"value": "a"}]


def test_a_finished_flow_does_nothing_more(visitor: Browser, phone: Phone, ona: Account) -> None:
    """Back button: the page of a flow that was used says so."""
    begin(visitor)
    at = visitor.at
    arrive(visitor, phone, ONA)
    sent = dict(next(form for form in visitor.page.forms if form.action.endswith("/finish")).form_values())
    visitor.submit("Continue")
    visitor.post("/north/sign-out")
    visitor.get(at)
    assert visitor.status == 410
    assert visitor.client.post(f"{at}/finish", data=sent | {"form_key": "k" * 20}).status_code in (303, 400)
    assert Session.select().count() == 0
    with pytest.raises(identity_flows.Refused):
        identity_flows.use(IdentityFlow.get())


def test_a_beginning_sent_twice_is_one(visitor: Browser, phone: Phone, ona: Account) -> None:
    """A double click pushes one request to the phone, not two."""
    visitor.get("/north/prove/sign-in/with/smart_id")
    form = next(form for form in visitor.page.forms if "personal_code" in form.fields)
    sent = dict(form.form_values()) | {"personal_code": ONA.code}
    first, second = (visitor.client.post("/north/prove/sign-in/with/smart_id", data=sent) for _ in range(2))
    assert first.location == second.location
    assert len(phone.wishes) == IdentityFlow.select().count() == 1


def test_the_page_of_a_flow_that_is_still_beginning_waits_for_that(visitor: Browser, phone: Phone, north: Organisation) -> None:
    """A double click: the second answer may come before the other system has said anything to the first."""
    visitor.get("/north/prove/sign-in/with/smart_id")
    form = next(form for form in visitor.page.forms if "personal_code" in form.fields)
    sent = dict(form.form_values()) | {"personal_code": ONA.code}
    at = visitor.client.post("/north/prove/sign-in/with/smart_id", data=sent).location
    sealed = IdentityFlow.get().state_sealed
    IdentityFlow.update(state_sealed="").execute()
    visitor.get(at)
    assert visitor.page.xpath("//@data-state") == ["beginning"]
    assert visitor.client.get(f"{at}/state").json == {"state": "beginning"}
    IdentityFlow.update(state_sealed=sealed).execute()
    assert visitor.client.get(f"{at}/state").json == {"state": "waiting"}


def test_cancelled_is_over(visitor: Browser, phone: Phone, ona: Account) -> None:
    begin(visitor)
    at = visitor.at
    visitor.submit("Cancel")
    assert visitor.at == "/north/sign-in"
    phone.answer = ONA
    visitor.get(f"{at}?check=yes")
    assert "You cancelled it" in visitor.text
    assert phone.came_back == []


def test_a_person_is_not_worn_down_by_requests(visitor: Browser, phone: Phone, north: Organisation, customer_app: Any) -> None:
    """T59: three wait at most, whichever browsers ask from wherever; answered ones do not wait."""
    for n in range(identity_flows.PENDING):
        other = english(customer_app)
        other.client.environ_base["REMOTE_ADDR"] = f"192.0.{n}.7"
        begin(other)
    begin(visitor)
    assert "too many requests to this phone" in visitor.text
    assert len(phone.wishes) == identity_flows.PENDING
    begin(visitor, code=RASA.code)
    assert "0427" in visitor.text, "another person's phone is not counted with it"


def test_on_a_device_of_ones_own_what_strangers_push_is_not_counted(
    visitor: Browser, phone: Phone, ona: Account, customer_app: Any
) -> None:
    """T59, M05"""
    visitor.get("/north/sign-in")
    visitor.submit(email=ona.email, password=factories.PASSWORD)
    visitor.post("/north/sign-out")
    for _ in range(identity_flows.PENDING_OF_ONE + 1):
        stranger = english(customer_app)
        begin(stranger)
    assert "too many requests to this phone" in stranger.text
    begin(visitor)
    assert "0427" in visitor.text


def test_so_many_requests_a_day_are_enough(visitor: Browser, phone: Phone, ona: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """T59"""
    assert (identity_flows.A_DAY, identity_flows.A_DAY_OF_ONE) == (10, 5)
    monkeypatch.setattr(identity_flows, "PENDING_OF_ONE", 99)
    monkeypatch.setattr(identity_flows, "PENDING", 99)
    for _ in range(identity_flows.A_DAY_OF_ONE):
        begin(visitor)
        arrive(visitor, phone, NotIdentified("refused"))
    begin(visitor)
    assert "today" in visitor.text
    assert len(phone.wishes) == identity_flows.A_DAY_OF_ONE


def test_whoever_is_unknown_is_told_and_nothing_is_opened(visitor: Browser, phone: Phone, ona: Account) -> None:
    begin(visitor, code=RASA.code)
    arrive(visitor, phone, RASA)
    visitor.submit("Continue")
    assert "no account here does yet" in visitor.text
    assert Session.select().count() == 0


def test_a_method_that_is_switched_off_is_not_there(visitor: Browser, phone: Phone, db: object) -> None:
    """K14"""
    factories.organisation("north")
    visitor.get("/north/sign-in")
    assert "Smart-ID" not in visitor.text
    visitor.get("/north/prove/sign-in/with/smart_id")
    assert visitor.status == 404


def test_on_a_phone_the_app_on_it_comes_first(visitor: Browser, phone: Phone, north: Organisation) -> None:
    def order(agent: str) -> list[str]:
        page = visitor.get("/north/prove/sign-in/with/smart_id", headers={"User-Agent": agent})
        return list(page.xpath("//input[@name='flow']/@value"))

    assert order("Mozilla/5.0 (iPhone) Mobile Safari")[0] == order("Android Mobi")[0] == "Web2App"
    assert order("Mozilla/5.0 (X11; Linux x86_64)")[0] == "QR"


def test_the_code_to_scan_is_another_one_each_second(visitor: Browser, phone: Phone, north: Organisation) -> None:
    begin(visitor, "QR")
    answer = visitor.client.get(f"{visitor.at}/qr.svg")
    assert answer.mimetype == "image/svg+xml"
    assert re.search(r"<svg", answer.get_data(as_text=True))
    assert answer.headers["Cache-Control"] == "no-store"
    assert visitor.page.xpath("//img[@data-qr]/@alt") == ["Code to scan with Smart-ID"]


def test_who_has_proven_who_they_are_need_not_wait_for_a_lock_to_end(visitor: Browser, phone: Phone, ona: Account) -> None:
    """M05, IB-60"""
    visitor.get("/north/sign-in")
    for _ in range(5):
        visitor.submit(email=ona.email, password="wrong-one-1")
        if "/locked" in visitor.at:
            break
    assert Account.get_by_id(ona.id).locked_until
    assert "come in at once" in visitor.text
    begin(visitor)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert visitor.at == "/north/home"
    assert Account.get_by_id(ona.id).locked_until is None
    assert "account.unlocked" in events()
    assert letters.sent()[-1][0] == "account_locked"
