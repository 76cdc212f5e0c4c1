"""The access matrix, generated from the address maps of both sites: every route x everyone x own, foreign and missing things."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from models import Account, Reading, Session, Staff, Table, ThirdPartyPayer
from rules import access, events, settings
from tests import factories, world as worlds
from tests.browser import Browser

CUSTOMERS = (
    "anonymous", "owner", "sharee", "viewer", "user", "stranger", "southerner", "agent",
    "north_payer", "north_head", "authorised", "north_clerk", "former", "south_head",
)  # fmt: skip
STAFF = (
    "anonymous",
    "owner",
    "agent",
    "southern_agent",
    "manager",
    "manager_elsewhere",
    "auditor",
    "administrator",
    "install_administrator",
)
# What an address of a customer page names, by its argument and blueprint.
THINGS = {
    "invoices": "invoice",
    "meters": "meter",
    "readings": "meter",
    "contracts": "contract",
    "shares": "share",
    "shares.give": "contract",
    "payers.remove": "thirdpartypayer",
    "payers.end": "thirdpartypayer",
    "companies": "company",
    "companies.change_access_type": "representative",
    "companies.remove": "representative",
    "invitations": "invitation",
    "invitations.invite": "company",
}
ANSWERS = {200, 302, 303}


def rules_of(app: Any) -> list[Any]:
    return [rule for rule in app.url_map.iter_rules() if "static" not in rule.endpoint]


def values_for(rule: Any, world: worlds.World, ownership: str, table: str | None) -> dict[str, Any]:
    """The arguments of an address: of one's own thing, of a foreign one, of one that does not exist."""
    rows: dict[str, Table] = {"own": world.own, "foreign": world.foreign}.get(ownership, {})
    values: dict[str, Any] = {}
    for name in rule.arguments:
        if name == "public_id":
            values[name] = rows[table].public_id if table in rows else uuid.uuid4()
        elif name == "reference":
            values[name] = rows["reading"].reference if rows else "ZZZZZZZZ"
        elif name == "code":
            values[name] = "en"
        elif name == "name":
            values[name] = "lock_after"
        elif name == "slug":
            values[name] = rows["organisation"].slug if rows else "nowhere"
        else:
            values[name] = "x" * 32
    return values


def address(app: Any, rule: Any, values: dict[str, Any], script: str) -> str:
    adapter = app.url_map.bind("localhost", script_name=script)
    return adapter.build(rule.endpoint, values)


def masked(browser: Browser) -> str:
    """A page without what differs at each showing."""
    body = browser.response.get_data().decode(errors="replace")
    return re.sub(r'nonce(?:="[^"]+"|-[\w-]+)|value="[^"]*"|[0-9a-f-]{36}|next=[^"&]*|ZZZZZZZZ|R\d234567', "", body)


def entered(world: worlds.World, app: Any, who: str, prefix: str = "") -> Callable[[], Browser]:
    """Gives browsers in which this person is signed in, in one session, each as if it had seen nothing yet."""
    first, name = Browser(app, prefix=prefix), app.config["SESSION_COOKIE_NAME"]
    world.sign_in(first, who)
    path = f"{prefix}/"
    cookie = first.client.get_cookie(name, path=path)

    def another() -> Browser:
        browser = Browser(app, prefix=prefix)
        if cookie:
            browser.client.set_cookie(name, cookie.value, path=path)
        return browser

    return another


def ask(browser: Browser, method: str, path: str) -> Any:
    return browser.client.open(
        path.removeprefix(browser.prefix) if browser.prefix else path, method=method, base_url=f"http://localhost{browser.prefix}"
    )


@pytest.fixture
def world(db: object) -> worlds.World:
    return worlds.build()


def test_every_customer_page_opens_for_whom_it_should_and_for_nobody_else(world: worlds.World, customer_app: Any) -> None:
    """T01, T05, T55, IB-52"""
    cells = 0
    for who in CUSTOMERS:
        person = world.people[who]
        browsers = entered(world, customer_app, who if isinstance(person, Account) else "anonymous")
        before = worlds.snapshot((Session,))
        for rule in rules_of(customer_app):
            policy = access.CUSTOMER_ROUTES[rule.endpoint]
            table = THINGS.get(rule.endpoint) or THINGS.get(rule.endpoint.partition(".")[0])
            answers = {}
            for ownership in ("own", "foreign", "missing") if rule.arguments & {"public_id", "reference"} else ("own",):
                browser = browsers()
                path = address(customer_app, rule, values_for(rule, world, ownership, table), "/north")
                response = browser.client.get(path)
                browser.response = response
                cells += 1
                assert response.status_code < 500, (who, path)
                assert worlds.CANARY.encode() not in response.get_data(), (who, path)
                answers[ownership] = (response.status_code, masked(browser))
                if "GET" not in rule.methods:
                    assert response.status_code == 404, (who, path)
                    continue
                if policy == access.ANYONE:
                    continue
                signed_in = isinstance(person, Account) and person.organisation_id == world.north.id
                if not signed_in:
                    assert response.status_code == 302, (who, path)
                    assert "/sign-in" in response.location
                elif ownership != "own" or not _may(person, policy, world.own.get(table or "")):
                    assert response.status_code == 404, (who, path, response.status_code)
                else:
                    assert response.status_code in ANSWERS, (who, path, response.status_code)
            if "foreign" in answers:
                assert answers["foreign"] == answers["missing"], f"{who} can tell that {rule.endpoint} exists"
        assert worlds.snapshot((Session,)) == before, f"some GET of {who} changed something"
    assert cells > 200


def _may(person: Account | Staff, policy: str, thing: Table | None) -> bool:
    if policy == access.SIGNED_IN:
        return True
    fresh = type(person).get_by_id(person.id)
    return access.allows(fresh, policy, thing if policy not in access.OWN_DEEDS or isinstance(thing, ThirdPartyPayer) else None)


def test_every_backoffice_page_opens_for_whom_it_should_and_for_nobody_else(world: worlds.World, staff_app: Any) -> None:
    """T16, T18, T36, N08, N10"""
    cells = 0
    for who in STAFF:
        person = world.people[who]
        browsers = entered(world, staff_app, who if isinstance(person, Staff) else "anonymous", "/backoffice")
        before = worlds.snapshot((Session,))
        for rule in rules_of(staff_app):
            policy = staff_app.config["ROUTES"][rule.endpoint]
            table = policy.partition(".")[0] if policy and "." in policy else None
            takes_id = "public_id" in rule.arguments or "id" in rule.arguments
            is_about_one = takes_id or rule.endpoint.endswith(("details_view", "edit_view"))
            answers = {}
            for ownership in ("own", "foreign", "missing") if is_about_one else ("own",):
                browser = browsers()
                values = values_for(rule, world, ownership, table)
                if "id" in rule.arguments:
                    values["id"] = values_for(type("R", (), {"arguments": {"public_id"}}), world, ownership, table)["public_id"]
                path = address(staff_app, rule, values, "/backoffice")
                if not takes_id and table in world.own:
                    rows = {"own": world.own, "foreign": world.foreign}.get(ownership, {})
                    path += (
                        f"?id={rows[table].public_id if rows else uuid.uuid4()}"
                        if rule.endpoint.endswith(("details_view", "edit_view"))
                        else ""
                    )
                response = ask(browser, "GET", path)
                browser.response = response
                cells += 1
                text = response.get_data().decode(errors="replace")
                assert response.status_code < 500, (who, path)
                if isinstance(person, Staff) and person.organisation_id == world.north.id:
                    assert worlds.CANARY not in text, (who, path)
                answers[ownership] = (response.status_code, masked(browser))
                if policy == access.ANYONE or "GET" not in rule.methods:
                    continue
                if policy is None:
                    assert response.status_code == 404, (who, path)
                elif not isinstance(person, Staff):
                    assert response.status_code == 302, (who, path)
                    assert "/sign-in" in response.location
                elif policy != access.SIGNED_IN and not access.allows(person, policy):
                    assert response.status_code == 404, (who, path)
            if is_about_one and isinstance(person, Staff) and person.organisation_id == world.north.id:
                assert answers["foreign"] == answers["missing"], f"{who} can tell that {rule.endpoint} exists"
                assert answers["missing"][0] == 404, (who, rule.endpoint)
        assert worlds.snapshot((Session,)) == before, f"some GET of {who} changed something"
    assert cells > 500


def test_what_one_may_do_with_one_contract_opens_nothing_of_another(world: worlds.World, customer_app: Any) -> None:
    """IB-52, T01: an owner here may be hardly more than a guest there."""
    user, there = world.people["user"], world.own["contract"]
    here = factories.contract(world.north, "88-1", provider=world.own["provider"])
    factories.holds(user, here)
    browser = Browser(customer_app)
    world.sign_in(browser, "user")
    assert browser.client.get(f"/north/contracts/{here.public_id}").status_code == 200
    assert browser.client.get(f"/north/contracts/{there.public_id}").status_code == 404


@pytest.mark.parametrize("who", ["owner", "user"])
def test_owners_and_users_read_bills_and_declare_readings(world: worlds.World, customer_app: Any, who: str) -> None:
    """IB-20, IB-26, IB-27: whoever answers for the contract, and the employee who only sees its bills and meters."""
    settings.change(world.north, "reading_opens_on", 1, by=events.OPERATOR)
    settings.change(world.north, "reading_closes_on", 31, by=events.OPERATOR)
    browser, meter = Browser(customer_app), world.own["meter"]
    browser.enter(world.people[who])
    browser.get("/north/invoices")
    browser.follow(world.own["invoice"].number)
    assert browser.status == 200
    browser.get("/north/meters/declare-readings")
    browser.submit("Declare", **{f"reading_{meter.public_id.hex}": "7"})
    assert Reading.select().where((Reading.meter == meter) & (Reading.account == world.people[who])).count() == 1, browser.text


def test_who_was_dismissed_may_do_nothing(world: worlds.World) -> None:
    """T39"""
    for who in ("agent", "manager", "auditor", "administrator", "install_administrator"):
        person = world.people[who]
        assert any(access.allows(person, deed) for deed in access.DEEDS)
        person.is_active = False
        assert not any(access.allows(person, deed) for deed in access.DEEDS), who


def test_a_manager_of_another_house_sees_nothing_of_this_one(world: worlds.World, staff_app: Any) -> None:
    """N08"""
    browser = Browser(staff_app, prefix="/backoffice")
    world.sign_in(browser, "manager_elsewhere")
    words = {"owner@north.example.lt", "Liepų g. 1", str(world.own["contract"].payer_code)}
    for rule in rules_of(staff_app):
        if rule.arguments or "GET" not in rule.methods:
            continue
        text = ask(browser, "GET", address(staff_app, rule, {}, "/backoffice")).get_data(as_text=True)
        assert not [word for word in words if word in text], rule.endpoint


@pytest.mark.parametrize("site", ["customer", "staff"])
def test_one_sites_cookie_is_worth_nothing_on_the_other(world: worlds.World, customer_app: Any, staff_app: Any, site: str) -> None:
    """T35: two secrets, so that even a renamed cookie opens nothing."""
    here, there = (customer_app, staff_app) if site == "customer" else (staff_app, customer_app)
    browser = Browser(here, prefix="" if site == "customer" else "/backoffice")
    world.sign_in(browser, "owner" if site == "customer" else "administrator")
    stolen = browser.client.get_cookie(here.config["SESSION_COOKIE_NAME"], path="/" if site == "customer" else "/backoffice/")
    assert stolen is not None
    thief = there.test_client()
    for name in (here.config["SESSION_COOKIE_NAME"], there.config["SESSION_COOKIE_NAME"]):
        thief.set_cookie(name, stolen.value)
    base = {"base_url": "http://localhost/backoffice"} if site == "customer" else {}
    response = thief.get("/" if site == "customer" else "/north/home", **base)
    assert response.status_code == 302
    assert "/sign-in" in response.location
