"""What both sites promise for every request: a form acts once, nobody sends it for somebody else, nothing odd gets in, and every
answer carries its headers."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import peewee as pw
import pytest
from lxml import html
from werkzeug.routing import MapAdapter, Rule
from werkzeug.test import TestResponse

import web
from models import Account, Contract, Event, FormKey, Membership, Message, Organisation, Session, database, now
from rules import access, keys, sessions
from tests import factories
from tests.browser import Browser
from tests.conftest import CONFIG

ADD, PHONE = "/north/contracts/add", "/north/account/phone"
TOGETHER = 6
OWN = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation(claim_invoice=False)


@pytest.fixture
def anna(north: Organisation) -> Account:
    factories.contract(north, "01-234 5")
    return factories.account(north)


def sign_in(browser: Browser, email: str = "anna@example.lt") -> Browser:
    browser.get("/north/sign-in")
    browser.submit(email=email, password=factories.PASSWORD)
    assert "/sign-in" not in browser.at, browser.text
    return browser


def filled(browser: Browser, path: str, **values: str) -> dict[str, str]:
    """The form on this page as it would be sent."""
    form = next(form for form in browser.get(path).forms if set(values) <= set(form.fields))
    return {**dict(form.form_values()), **values}


# ---- a form acts once (P2) --------------------------------------------------------------------------------------------


def test_a_form_sent_twice_acts_once_and_gets_the_same_answer(browser: Browser, anna: Account) -> None:
    """P2"""
    sent = filled(sign_in(browser), ADD, payer_code="01-234 5")
    first, second = (browser.client.post(ADD, data=sent) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert Membership.select().count() == 1
    assert Event.select().where(Event.name == "contract.attached").count() == 1
    assert Message.select().where(Message.kind == "contract_attached").count() == 1


def test_twins_sent_at_the_same_moment_all_get_the_first_ones_answer(browser: Browser, anna: Account) -> None:
    """P2, G11: the second is not told that the contract has been added already."""
    sent = filled(sign_in(browser), ADD, payer_code="01-234 5")
    cookie = browser.client.get_cookie("savitarna-customer", path="/north/")
    assert cookie
    gate = threading.Barrier(TOGETHER)

    def send(_: int) -> tuple[int, str | None]:
        client = browser.app.test_client()
        client.set_cookie(cookie.key, cookie.value, path=cookie.path)
        gate.wait(10)
        answer = client.post(ADD, data=sent)
        return answer.status_code, answer.location

    database.close()
    with ThreadPoolExecutor(TOGETHER) as threads:
        answers = set(threads.map(send, range(TOGETHER)))
    database.connect()
    assert [status for status, _ in answers] == [303]
    assert Membership.select().count() == 1
    assert Message.select().where(Message.kind == "contract_attached").count() == 1


def test_the_same_form_with_other_answers_changes_nothing_and_says_so(browser: Browser, anna: Account) -> None:
    """P2"""
    sent = filled(sign_in(browser), PHONE, phone="+37060000002")
    assert browser.client.post(PHONE, data=sent).status_code == 303
    browser.post(PHONE, {**sent, "phone": "+37060000003"})
    assert browser.status == 409
    assert "already sent" in browser.text
    assert Account.get_by_id(anna.id).phone == "+37060000002"


def test_a_refused_form_can_be_put_right_and_sent_again(browser: Browser, anna: Account) -> None:
    """P2"""
    sent = filled(sign_in(browser), PHONE, phone="12")
    refused = browser.client.post(PHONE, data=sent)
    assert refused.status_code == 200
    assert FormKey.select().where(FormKey.key == sent["form_key"]).count() == 0
    assert browser.client.post(PHONE, data={**sent, "phone": "+37060000002"}).status_code == 303
    assert Account.get_by_id(anna.id).phone == "+37060000002"


def test_a_form_key_is_its_owners_alone(browser: Browser, customer_app: Any, anna: Account, north: Organisation) -> None:
    """P2: the same key from somebody else is another form, and tells nothing of the first."""
    ivan = factories.account(north, "ivan@example.lt")
    sent = filled(sign_in(browser), PHONE, phone="+37060000002")
    browser.client.post(PHONE, data=sent)
    other = sign_in(Browser(customer_app), ivan.email)
    own = filled(other, PHONE, phone="+37060000009")
    assert other.client.post(PHONE, data={**own, "form_key": sent["form_key"]}).status_code == 303
    assert Account.get_by_id(ivan.id).phone == "+37060000009"
    assert Account.get_by_id(anna.id).phone == "+37060000002"


def test_a_registration_whose_answer_was_lost_goes_on_with_the_answer_of_the_second_try(browser: Browser, north: Organisation) -> None:
    """P2, IB-38"""
    path = "/north/register"
    sent = filled(browser, path, full_name="Jonas North", email="jonas@example.lt", phone="+37060000003", password="Labai-ilgas-zodis-7")
    before = browser.client.get_cookie("savitarna-customer", path="/north/")
    assert before
    first = browser.client.post(path, data=sent)
    browser.client.set_cookie(before.key, before.value, path=before.path)  # the answer never came: neither did its cookie
    second = browser.client.post(path, data=sent)
    assert (second.status_code, second.location) == (303, first.location)
    letter = Message.get(Message.kind == "confirm_by_code")
    browser.get(second.location)
    assert "jonas@example.lt" in browser.text
    browser.submit(code=letter.facts["code"])
    assert Account.get().email == "jonas@example.lt"


def test_what_is_kept_of_a_form_is_worth_nothing_without_the_installs_key(browser: Browser, north: Organisation) -> None:
    """T63: there may be a password in it, and a digest that anyone can make would be a quick way to guess it."""
    path = "/north/forgotten-password"
    sent = filled(browser, path, email="anna@example.lt")
    assert browser.client.post(path, data=sent).status_code == 303
    keys.configure(b"the key of another install" * 2, cheap=True)
    try:
        assert browser.client.post(path, data=sent).status_code == 409
    finally:
        keys.configure(CONFIG.key("event_key"), cheap=True)
    assert browser.client.post(path, data=sent).status_code == 303


@pytest.mark.parametrize("key", ["", "short", "x" * 41, "a key with spaces in it", "Ž" * 22])
def test_a_form_without_a_proper_key_is_refused(browser: Browser, anna: Account, key: str) -> None:
    sent = filled(sign_in(browser), PHONE, phone="+37060000002")
    assert browser.client.post(PHONE, data={**sent, "form_key": key}).status_code == 400
    assert Account.get_by_id(anna.id).phone != "+37060000002"


# ---- nobody sends it for somebody else (G7) ---------------------------------------------------------------------------


def posting(app: Any) -> Iterator[tuple[Rule, str]]:
    """Every rule of a site that takes a form, with an address that fits it; `web.SENT_ON` takes none, whoever posts."""
    site: MapAdapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.endpoint not in web.SENT_ON:
            kinds = {name: type(converter).__name__ for name, converter in rule._converters.items()}
            values = {
                name: uuid.uuid4() if kind == "UUIDConverter" else 1 if kind == "IntegerConverter" else "x" for name, kind in kinds.items()
            }
            yield rule, site.build(rule.endpoint, values, method="POST")


def test_no_form_of_the_customer_site_is_taken_without_its_token(browser: Browser, anna: Account) -> None:
    """G7: every rule of the url map, for who may send each of them."""
    rules = list(posting(browser.app))
    factories.holds(anna, Contract.get())
    factories.represents(anna, factories.company(anna.organisation), "authorised_person")
    browser.enter(anna)
    answers = {rule.endpoint: browser.client.post(f"/north{path}", data={"form_key": "k" * 22}).status_code for rule, path in rules}
    assert len(answers) > 5
    assert answers == dict.fromkeys(answers, 400)


def test_no_form_of_the_backoffice_is_taken_without_its_token(staff_browser: Browser) -> None:
    """G7: every rule of the url map, for who may send each of them."""
    rules = list(posting(staff_browser.app))
    base = "http://localhost/backoffice"
    with staff_browser.client.session_transaction("/", base_url=base) as cookie:
        cookie["sid"] = sessions.open_for(factories.staff(None, role="administrator"), "Test browser")
    declared = [(rule, path) for rule, path in rules if staff_browser.app.config["ROUTES"].get(rule.endpoint)]
    answers = {
        rule.endpoint: staff_browser.client.post(path, base_url=base, data={"form_key": "k" * 22}).status_code for rule, path in declared
    }
    assert len(answers) > 5
    assert answers == dict.fromkeys(answers, 400)


def test_who_has_lost_every_cookie_is_led_to_the_door_and_nothing_is_done(customer_app: Any, staff_app: Any, north: Organisation) -> None:
    """T65: of a page that anyone may open, the form is refused for its token."""
    for app, before in ((customer_app, "/north"), (staff_app, "")):
        for rule, path in posting(app):
            answer = app.test_client().post(f"{before}{path}", data={"form_key": "k" * 22})
            expected = {None: 404, access.ANYONE: 400}.get(app.config["ROUTES"].get(rule.endpoint), 302)
            assert answer.status_code == expected, rule
            assert expected != 302 or answer.location.startswith(f"{before}/sign-in"), rule
    assert not FormKey.select().exists()


def test_what_is_refused_for_its_token_is_told_on_a_whole_page(browser: Browser, anna: Account) -> None:
    browser.get("/north/sign-in", headers={"Accept-Language": "en"})
    browser.post("/north/sign-in", {"csrf_token": "no such token", "email": anna.email}, headers={"Accept-Language": "en"})
    assert browser.status == 400
    assert "reload the page" in browser.text


@pytest.mark.parametrize(("site", "taken"), [("cross-site", False), ("same-site", True), ("same-origin", True), ("none", True)])
def test_a_form_that_another_site_sends_is_refused_even_with_its_token(browser: Browser, anna: Account, site: str, taken: bool) -> None:
    sent = filled(sign_in(browser), PHONE, phone="+37060000002")
    answer = browser.client.post(PHONE, data=sent, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == (303 if taken else 400)
    assert (Account.get_by_id(anna.id).phone == "+37060000002") is taken


def lose_cookies(browser: Browser) -> None:
    browser.client = browser.app.test_client()


def end_session(browser: Browser) -> None:
    Session.delete().execute()


def sign_in_anew(browser: Browser) -> None:
    """In another tab of this browser."""
    with browser.client.session_transaction("/", base_url="http://localhost/north") as cookie:
        cookie["csrf_token"] = "1" * 40


@pytest.mark.parametrize("happens", [lose_cookies, end_session, sign_in_anew])
def test_what_was_filled_in_is_there_after_signing_in_and_is_saved_once(
    browser: Browser, anna: Account, happens: Callable[[Browser], None]
) -> None:
    """T65: fill in, be signed out meanwhile, send, sign in: what was typed is there, not sent yet; it is sent, and done once."""
    anna.phone = "+37060000001"
    anna.save()
    sent = filled(sign_in(browser), PHONE, phone="+370 600 00002")
    happens(browser)
    browser.post(PHONE, sent, headers=OWN)
    if happens is not sign_in_anew:
        assert "what you filled in is kept" in browser.text
        browser.submit(email="anna@example.lt", password=factories.PASSWORD)
    assert browser.at == PHONE
    assert "It is not sent yet" in browser.text
    assert Account.get_by_id(anna.id).phone == "+37060000001"
    form = browser.page.forms[-1] if "phone" in browser.page.forms[-1].fields else browser.page.forms[0]
    assert (form.fields["phone"], form.fields["form_key"]) == ("+370 600 00002", sent["form_key"])
    browser.submit(phone="+370 600 00002")
    assert Account.get_by_id(anna.id).phone == "+37060000002"
    browser.get(PHONE)
    assert "It is not sent yet" not in browser.text, "it is shown once"


def test_no_secret_and_no_form_of_another_site_is_kept(browser: Browser, anna: Account) -> None:
    """T65, G7"""
    filled(sign_in(browser), PHONE)
    for path, typed, headers in (
        ("/north/account/password", {"current": "secret-of-anna"}, OWN),
        (PHONE, {"phone": "+37060000002"}, {}),
        (PHONE, {"phone": "+37060000002"}, {"Sec-Fetch-Site": "same-site"}),
        (PHONE, {"phone": "+37060000002" * 400}, OWN),
    ):
        lose_cookies(browser)
        browser.post(path, {"form_key": "k" * 22, **typed}, headers=headers)
        assert "/sign-in" in browser.at
        assert "niekas neišsaugota" in browser.text or "nothing was saved. Sign in and fill" in browser.text
        with browser.client.session_transaction("/", base_url="http://localhost/north") as cookie:
            assert "kept" not in cookie


def test_what_was_filled_in_is_on_its_page_alone_for_half_an_hour_and_until_its_reader_leaves(
    browser: Browser, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T65"""
    sent = filled(sign_in(browser), PHONE, phone="+370 600 00002")
    for leaves in (False, True):
        lose_cookies(browser)
        browser.post(PHONE, sent, headers=OWN)
        if not leaves:
            with monkeypatch.context() as later:
                later.setattr(web.time, "time", lambda at=web.time.time: at() + 1801)
                browser.submit(email="anna@example.lt", password=factories.PASSWORD)
                assert browser.at == PHONE
        else:
            browser.get(f"/north/sign-in?next={PHONE}%3Fanother=page")
            browser.submit(email="anna@example.lt", password=factories.PASSWORD)
            assert "+370 600 00002" not in browser.response.get_data(as_text=True)
            browser.submit("Sign out")
            sign_in(browser)
            browser.get(PHONE)
        assert "+370 600 00002" not in browser.response.get_data(as_text=True)


def test_reading_a_page_from_another_sites_link_is_no_attack(browser: Browser, north: Organisation) -> None:
    assert browser.client.get("/north/sign-in", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


# ---- nothing odd gets in (T85, T88) -----------------------------------------------------------------------------------

ODD = {
    "a NUL in an argument": {"path": "/north/sign-in?next=%00"},
    "a NUL in the organisation's place": {"path": "/%00/sign-in"},
    "a NUL in the path": {"path": "/north/sign%00in"},
    "a NUL in a reference": {"path": "/north/readings/%00"},
    "an argument twice": {"path": "/north/sign-in?next=/a&next=/b"},
    "an endless address": {"path": f"/north/sign-in?next=/{'a' * 4000}"},
    "bytes that are no text": {"path": "/north/%ff%fe"},
    "half an identifier": {"path": "/north/invoices/0000"},
    "a method nobody uses": {"path": "/north/sign-in", "method": "DELETE"},
    "another one": {"path": "/north/sign-in", "method": "PROPFIND"},
}


@pytest.mark.parametrize("what", ODD)
def test_odd_requests_are_answered_as_mistakes_of_the_one_who_asks(browser: Browser, north: Organisation, what: str) -> None:
    answer = browser.client.open(**ODD[what])
    assert 400 <= answer.status_code < 500, what


BODIES = {
    "a NUL": ({"email": "anna@example.lt\x00", "password": "x"}, 400),
    "a NUL in the second of two": ({"email": ["anna@example.lt", "\x00"], "password": "x"}, 400),
    "a NUL in a name": ({"em\x00ail": "anna@example.lt"}, 400),
    "more than a megabyte": ({"email": "a" * 1_000_001}, 413),
}
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")
MORE_PARTS_THAN_ANY_FORM_HAS = ({f"field{n}": "x" for n in range(1001)}, 413)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [pytest.param(kind, *BODIES[what], id=f"{what}, {kind}") for what in BODIES for kind in KINDS]
    + [pytest.param(KINDS[1], *MORE_PARTS_THAN_ANY_FORM_HAS, id="more parts than any form has")],
)
def test_odd_bodies_are_refused(browser: Browser, north: Organisation, kind: str, body: dict[str, Any], status: int) -> None:
    sent = {**filled(browser, "/north/sign-in"), **body}
    assert browser.client.post("/north/sign-in", data=sent, content_type=kind).status_code == status


@pytest.mark.parametrize("body", [b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n", b"\xff\xfe\x00", b""])
def test_a_broken_body_is_refused(browser: Browser, north: Organisation, body: bytes) -> None:
    answer = browser.client.post("/north/sign-in", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400


@pytest.mark.parametrize("cookie", ["", "no session at all", "e30.x.y", "\xff\xfe", "." * 4000])
def test_a_broken_cookie_is_nobodys(customer_app: Any, north: Organisation, cookie: str) -> None:
    client = customer_app.test_client(use_cookies=False)
    answer = client.get("/north/contracts", headers={"Cookie": f"savitarna-customer={cookie}; device={cookie}"})
    assert answer.status_code == 302
    assert "/sign-in" in answer.location


# ---- every answer carries its headers (G18) ---------------------------------------------------------------------------


def check_headers(answer: TestResponse) -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
    assert "unsafe" not in str(policy)
    assert policy["default-src"] in ("'self'", "'none'")
    if policy["default-src"] == "'self'":
        assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'", "'none'")
        nonce = policy["script-src"].partition("nonce-")[2].rstrip("'")
        assert len(nonce) >= 20
        if answer.mimetype == "text/html":
            assert all(f'nonce="{nonce}"' in tag for tag in answer.text.split("<script")[1:])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Server" not in answer.headers


def test_every_kind_of_answer_of_the_customer_site_carries_the_headers(browser: Browser, anna: Account) -> None:
    """G18"""
    sign_in(browser)
    client = browser.client
    answers = {
        "page": (client.get("/north/contracts/add"), 200),
        "redirect": (browser.app.test_client().get("/north/"), 302),
        "missing page": (client.get("/north/no-such-page"), 404),
        "missing row": (client.get(f"/north/contracts/{uuid.uuid4()}"), 404),
        "no such organisation": (client.get("/nowhere/"), 404),
        "mistake": (client.get("/north/?a=1&a=2"), 400),
        "no token": (client.post(PHONE), 400),
        "too much": (client.post(PHONE, data={"a": "x" * 1_000_001}), 413),
        "wrong method": (client.delete("/north/contracts/add"), 404),
        "style": (client.get("/north/static/tokens.css"), 200),
        "no such style": (client.get("/north/static/none.css"), 404),
        "alive": (client.get("/healthz"), 200),
    }
    for what, (answer, status) in answers.items():
        assert answer.status_code == status, what
        check_headers(answer)
        kept = answer.headers.get("Cache-Control", "")
        assert ("max-age" in kept) if what == "style" else (kept == "no-store"), f"{what}: {kept}"


def test_every_kind_of_answer_of_the_backoffice_carries_the_headers(staff_app: Any, db: object) -> None:
    """G18"""
    client = staff_app.test_client()
    paths = {"/": 302, "/sign-in": 200, "/no-such-page": 404, "/sign-in?a=1&a=2": 400, "/static/admin.css": 200, "/static/none.css": 404}
    for path, status in paths.items():
        answer = client.get(path)
        assert answer.status_code == status, path
        check_headers(answer)


def test_a_fault_of_ours_is_a_page_with_the_headers_and_without_what_broke(browser: Browser, north: Organisation, monkeypatch: Any) -> None:
    """T89, G18"""

    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("the secret of the machine room")

    monkeypatch.setitem(browser.app.view_functions, "sign_in.sign_in", broken)
    answer = browser.client.get("/north/sign-in", headers={"Accept-Language": "en"})
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "machine room" not in answer.text
    check_headers(answer)


def test_a_database_that_cannot_be_reached_is_told_with_the_headers_and_when_to_come_back(
    customer_app: Any, north: Organisation, monkeypatch: Any
) -> None:
    """P6, G18: as the connection is made, and later."""

    def lost(*args: Any, **options: Any) -> None:
        raise pw.OperationalError("unable to open database file")

    for name in ("connect", "execute_sql"):
        with monkeypatch.context() as patch:
            patch.setattr(database.obj, name, lost)
            answer = customer_app.test_client().get("/north/sign-in")
        assert answer.status_code == 503, name
        assert answer.headers["Retry-After"] == "60"
        check_headers(answer)


def test_pages_can_be_read_while_nothing_can_be_written(browser: Browser, anna: Account, engine: str) -> None:
    """F07, F09: a customer who was away for a while reads on, though somebody else holds every lock."""
    browser.enter(anna)
    Session.update(last_seen_at=now() - timedelta(minutes=5)).execute()
    database.execute_sql("PRAGMA busy_timeout = 100" if engine == "sqlite" else "SET lock_timeout = '100ms'")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with database.connection_context(), database.atomic():
            Session.update(device="held").execute()
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        browser.get("/north/account")
        assert browser.status == 200
    finally:
        done.set()
        holder.join()


def test_two_answers_never_share_a_nonce(browser: Browser, north: Organisation) -> None:
    policies = {browser.client.get("/north/sign-in").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


# ---- cookies ----------------------------------------------------------------------------------------------------------


def test_cookies_are_for_the_server_alone_and_for_their_own_place(browser: Browser, anna: Account) -> None:
    """T52"""
    browser.get("/north/sign-in")
    form = filled(browser, "/north/sign-in", email=anna.email, password=factories.PASSWORD)
    set_ = browser.client.post("/north/sign-in", data=form).headers.getlist("Set-Cookie")
    assert any(cookie.startswith("savitarna-customer=") for cookie in set_)
    for cookie in set_:
        assert {"HttpOnly", "SameSite=Lax", "Path=/north/"} <= {part.strip() for part in cookie.split(";")}, cookie


def test_in_production_cookies_are_bound_to_the_host_and_travel_over_tls_only(anna: Account, customer_app: Any) -> None:
    """T52"""
    from backoffice import create_app as backoffice
    from customer import create_app as customer

    production = replace(CONFIG, environment="production", cheap_passwords=False, customer_url="https://savitarna.example.lt")
    try:
        customers, staff = customer(production), backoffice(production)
    finally:
        keys.configure(CONFIG.key("event_key"), cheap=True)
    places = {"https://savitarna.example.lt": (customers, "/north/sign-in"), "https://staff.example.lt": (staff, "/sign-in")}
    for place, (site, path) in places.items():
        answer = site.test_client().get(path, base_url=place)
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        cookies = answer.headers.getlist("Set-Cookie")
        assert cookies
        for cookie in cookies:
            assert cookie.startswith("__Host-savitarna-")
            assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}, cookie
            assert "Domain" not in cookie


def test_in_production_one_browser_may_register_with_two_organisations_at_once(db: object, customer_app: Any) -> None:
    """T45, T52: the cookie is the same for both."""
    from customer import create_app

    place = "https://savitarna.example.lt"
    production = create_app(replace(CONFIG, environment="production", customer_url=place))
    browser = Browser(production)
    browser.client.environ_base["HTTP_REFERER"] = place
    known = {"full_name": "Anna North", "email": "anna@example.lt", "phone": "+37060000001", "password": factories.PASSWORD}
    for slug in ("north", "south"):
        factories.organisation(slug)
        form = filled_at(browser, f"/{slug}/register", place, **known)
        assert browser.client.post(f"/{slug}/register", data=form, base_url=place).location == f"/{slug}/register/code"
    for slug in ("north", "south"):
        assert browser.client.get(f"/{slug}/register/code", base_url=place).status_code == 200


def filled_at(browser: Browser, path: str, place: str, **values: str) -> dict[str, str]:
    page = html.document_fromstring(browser.client.get(path, base_url=place).get_data(as_text=True))
    form = next(form for form in page.forms if set(values) <= set(form.fields))
    return {**dict(form.form_values()), **values}


def test_a_customers_cookie_is_worth_nothing_in_the_backoffice(browser: Browser, staff_app: Any, anna: Account) -> None:
    sign_in(browser)
    cookie = browser.client.get_cookie("savitarna-customer", path="/north/")
    assert cookie
    other = staff_app.test_client()
    other.set_cookie(staff_app.config["SESSION_COOKIE_NAME"], cookie.value)
    answer = other.get("/")
    assert answer.status_code == 302
    assert "/sign-in" in answer.location
    with staff_app.test_request_context():
        assert web.session_slot() == "sid"
