"""Proving who one is, page by page: chosen, waited for, used once by the browser that began it (IB-07..11, AG-09, T48, T57-T60)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integrations.identity import NotIdentified, Person, Shown, Wish, available
from models import Account, Company, Event, Identity, IdentityFlow, Organisation, Representative, Session, now
from rules import identities, identity_flows, invitations, settings
from rules.work import unit_of_work
from tests import factories, letters
from tests.browser import Browser

ONA = Person("smart_id", "PNO", "40404040009", "LT", first_name="Ona", last_name="Pavyzdienė", evidence={"signature": "x"})
SITE = "https://my.example.lt/north"
RASA = Person("smart_id", "PNO", "40504040001", "LT", first_name="Rasa", last_name="Bandomoji")


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


# ---- signing in -------------------------------------------------------------------------------------------------------


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


# ---- registering ------------------------------------------------------------------------------------------------------


def identified(visitor: Browser, phone: Phone, who: Person = ONA) -> None:
    """From the sign-in page to what comes after the phone."""
    begin(visitor, code=who.code)
    arrive(visitor, phone, who)
    visitor.submit("Continue")


def test_whoever_is_unknown_registers_with_their_name_filled_in(visitor: Browser, phone: Phone, db: object) -> None:
    """IB-36..IB-39, IR-05, IR-06"""
    factories.organisation("north", login_smart_id=True, signup_identity="offered", signup_phone=False)
    identified(visitor, phone)
    assert visitor.at.startswith("/north/register?proven=")
    assert "Ona Pavyzdienė" in visitor.text
    assert not visitor.page.xpath("//input[@name='full_name']")
    visitor.submit("Register", email="ona@example.lt", phone="+37060000001", password="Ilgas-zodis-7")
    visitor.submit(code=letters.fact("confirm_by_code", "code"))
    account = Account.get()
    assert (account.name, account.phone, account.identity_confirmed_at is not None) == ("Ona Pavyzdienė", "+37060000001", True)
    assert Identity.get().account == account
    assert events() == ["account.registered", "identity.confirmed", "account.email_confirmed"]
    assert [kind for kind, _ in letters.sent()] == ["confirm_by_code"], "who registers is not told of what they did"
    identified(visitor, phone)
    assert visitor.at == "/north/home"


def test_an_account_is_never_found_by_its_e_mail(visitor: Browser, phone: Phone, db: object) -> None:
    """T58, T47: the address of an account that somebody else has opened; its owner gets the letter."""
    north = factories.organisation("north", login_smart_id=True, signup_identity="offered")
    theirs = factories.account(north, "ona@example.lt")
    identified(visitor, phone)
    visitor.submit("Register", email="ona@example.lt", phone="+37060000001", password="Ilgas-zodis-7")
    assert letters.sent() == [("already_registered", "ona@example.lt")]
    visitor.submit(code="123456")
    assert Account.get() == theirs
    assert Identity.select().count() == 0


def test_a_person_registers_once_however_often_they_begin(visitor: Browser, phone: Phone, customer_app: Any, db: object) -> None:
    """T60: of two registrations of one person the one that is confirmed first counts."""
    factories.organisation("north", login_smart_id=True, signup_identity="offered")
    other, codes = english(customer_app), []
    for browser, email in ((visitor, "ona@example.lt"), (other, "ona2@example.lt")):
        identified(browser, phone)
        browser.submit("Register", email=email, phone="+37060000001", password="Ilgas-zodis-7")
        codes.append(letters.fact("confirm_by_code", "code"))
    visitor.submit(code=codes[0])
    other.submit(code=codes[1])
    assert "confirmed for another account of yours" in other.text
    assert [account.email for account in Account.select()] == ["ona@example.lt"]


def test_heads_prove_who_they_are_and_employees_register_by_e_mail(visitor: Browser, phone: Phone, db: object) -> None:
    """IB-36, IB-49, K22"""
    factories.organisation("north", "energy-business")
    visitor.get("/north/register")
    visitor.follow("Company head")
    assert visitor.page.xpath("//nav[@class='switch']/a[@aria-current]")[0].text == "Company head"
    assert not visitor.page.xpath("//input[@name='email']")
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=ONA.code)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert {"email", "phone", "password"} <= set(visitor.page.xpath("//input/@name"))
    visitor.get("/north/register")
    assert not visitor.page.xpath("//input[@name='phone']")
    assert "Smart-ID" not in visitor.text


def test_an_invited_authorised_person_proves_who_they_are_while_registering(visitor: Browser, phone: Phone, db: object) -> None:
    """IB-45, IB-47: the invitation is still there when they come back from the phone."""
    north = factories.organisation(
        "north", login_smart_id=True, signup_identity="heads", identity_for_authorised="strong", signup_names="none"
    )
    company = Company.create(organisation=north, name="UAB Pavyzdys", code="999000017")
    invitations.invite_by_staff(
        company, email="ona@example.lt", access_type="authorised_person", reason="x", site_url=SITE, by=factories.staff(north)
    )
    visitor.get(letters.path("company_invitation"))
    visitor.follow("Register")
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=ONA.code)
    arrive(visitor, phone, ONA)
    visitor.submit("Continue")
    assert {"UAB Pavyzdys", "Ona Pavyzdienė"} <= {word for word in ("UAB Pavyzdys", "Ona Pavyzdienė") if word in visitor.text}
    visitor.submit("Register", phone="+37060000001", password="Ilgas-zodis-7")
    visitor.submit(code=letters.fact("confirm_by_code", "code"))
    account = Account.get()
    assert account.identity_confirmed_at is not None
    assert Representative.get().account == account
    visitor.get("/north/register")
    with visitor.client.session_transaction(base_url="http://localhost", path="/north/") as cookie:
        assert "invitation" not in cookie


# ---- confirming at an account -----------------------------------------------------------------------------------------


def confirm(visitor: Browser, phone: Phone, who: Person = ONA) -> None:
    """From the page that asks for identity to what comes after the phone."""
    visitor.follow("Smart-ID")
    visitor.submit("Continue", personal_code=who.code, current=factories.PASSWORD)
    arrive(visitor, phone, who)
    visitor.submit("Continue")


def test_what_needs_identity_leads_there_and_back_to_where_one_was(visitor: Browser, phone: Phone, db: object) -> None:
    """AG-10, AG-18..AG-22, K03, T48"""
    north = factories.organisation("north", login_smart_id=True, identity_for_everything="strong")
    account = factories.account(north)
    visitor.enter(account)
    visitor.get("/north/invoices")
    assert "valid for 3 years" in visitor.text
    before = Session.get().digest
    confirm(visitor, phone)
    assert visitor.at == "/north/invoices"
    assert Account.get().identity_confirmed_at is not None
    assert Session.get().digest != before
    assert letters.sent() == [("way_in_added", account.email)]


def test_who_showed_staff_a_document_confirms_it_once_from_the_account(visitor: Browser, phone: Phone, db: object) -> None:
    """K03, T41: then it opens the account, and before it does not."""
    north = factories.organisation("north", login_smart_id=True)
    account = factories.account(north)
    document = replace(proven(ONA), method="document", level="desk")
    with unit_of_work():
        identities.attach(account, document, by=factories.staff(north), reason="At the desk")
    visitor.enter(account)
    visitor.get("/north/account")
    visitor.follow("Confirm it yourself too")
    confirm(visitor, phone)
    assert visitor.at == "/north/account"
    assert "Confirm it yourself too" not in visitor.text
    assert Identity.get().level == "high"


def test_the_first_page_says_what_waits_for_identity(visitor: Browser, phone: Phone, db: object) -> None:
    """K03, IB-47"""
    north = factories.organisation("north", login_smart_id=True, identity_for_authorised="strong")
    account = factories.account(north)
    factories.holds(account, factories.contract(north), "authorised_person")
    visitor.enter(account)
    visitor.get("/north/home")
    visitor.follow("Confirm")
    confirm(visitor, phone)
    assert visitor.at == "/north/home"
    assert "Confirm who you are" not in visitor.text


def test_a_form_that_needs_identity_comes_back_filled_in(visitor: Browser, phone: Phone, db: object) -> None:
    """K03, T65"""
    north = factories.organisation("north", login_smart_id=True, sharing=True)
    account = factories.account(north)
    held = factories.holds(account, factories.contract(north))
    visitor.enter(account)
    path = f"/north/contracts/{held.contract.public_id}/share"
    visitor.get(path)
    form = dict(next(form for form in visitor.page.forms if "email" in form.fields).form_values()) | {"email": "jonas@example.lt"}
    settings.change(north, "identity_for_sharing", "strong", by="operator")
    visitor.page = None
    visitor.post(path, form, headers={"Sec-Fetch-Site": "same-origin"})
    assert visitor.at.startswith("/north/identity?need=strong")
    confirm(visitor, phone)
    assert visitor.at == path
    assert visitor.page.xpath("//input[@name='email']/@value") == ["jonas@example.lt"]
    assert letters.sent() == [("way_in_added", account.email)], "nothing was shared yet"


def test_one_person_has_one_account_and_staff_learn_of_the_second(visitor: Browser, phone: Phone, ona: Account) -> None:
    """T60: refused in plain words, never joined by itself."""
    second = factories.account(ona.organisation, "second@example.lt")
    visitor.enter(second)
    visitor.get("/north/identity")
    confirm(visitor, phone)
    assert "confirmed for another account of yours" in visitor.text
    assert Account.get_by_id(second.id).identity_confirmed_at is None
    event = Event.get(Event.name == "identity.collided")
    assert (event.account, event.facts) == (second, {"method": "smart_id", "other": ona.id})


def test_an_account_is_of_one_person(visitor: Browser, phone: Phone, ona: Account) -> None:
    visitor.enter(ona)
    visitor.get("/north/prove/confirm/with/smart_id")
    visitor.submit("Continue", personal_code=RASA.code)
    arrive(visitor, phone, RASA)
    visitor.submit("Continue")
    assert "another person has confirmed" in visitor.text
    assert identities.strong(ona).first_name == "Ona"


# ---- logins elsewhere -------------------------------------------------------------------------------------------------

GOOGLE = Person("google", "SUB", "1157", issuer="https://accounts.google.com", level="low")


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


def test_a_login_elsewhere_opens_an_account_only_once_linked(visitor: Browser, google: Elsewhere, db: object) -> None:
    """IB-11, T58: linked with the password, unlinked with it, and never enough for what needs an identity."""
    north = factories.organisation("north", login_social=True)
    account = factories.account(north)
    visitor.get("/north/sign-in")
    visitor.submit("Google")
    come_back(visitor, google)
    assert "not linked to an account here" in visitor.text

    visitor.enter(account)
    visitor.get("/north/account")
    visitor.follow("Link")
    visitor.submit("Continue", current="wrong-one-1")
    assert "not your present password" in visitor.text
    visitor.submit("Continue", current=factories.PASSWORD)
    come_back(visitor, google)
    assert visitor.at == "/north/account"
    assert Account.get().identity_confirmed_at is None
    visitor.submit("Sign out")

    visitor.submit("Google")
    come_back(visitor, google)
    assert visitor.at == "/north/home"
    visitor.get("/north/account")
    visitor.follow("Unlink")
    visitor.submit("Unlink", current=factories.PASSWORD)
    assert Identity.get().ended_by == "customer"
    visitor.get("/north/account")
    visitor.submit("Sign out")
    visitor.submit("Google")
    come_back(visitor, google)
    assert "not linked to an account here" in visitor.text
    assert [name for name in events() if name.startswith("identity")] == ["identity.linked", "identity.unlinked"]


def test_a_login_elsewhere_cannot_confirm_who_somebody_is(visitor: Browser, google: Elsewhere, db: object) -> None:
    """K03"""
    north = factories.organisation("north", login_social=True)
    visitor.enter(factories.account(north))
    assert visitor.client.get("/north/prove/confirm/with/google").status_code == 404
    with pytest.raises(identity_flows.Refused):
        identities.confirm(Account.get(), proven(GOOGLE))
