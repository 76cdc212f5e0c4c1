"""An answer to every address that no page offers."""

import uuid
from typing import Any

import pytest
from flask import current_app

import web
from rules import access
from tests import world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"
WORDS = "+".join(["zodis"] * 1200)


@pytest.mark.parametrize(
    "query",
    [
        "endpoint=x", "sort=1", "sort=phone", "sort=-1", "sort=password_hash", "page=99999999999999999999", "desc=1", "page_size=100000",
        "id=1&id=2", "search=a&search=b", f"search={WORDS}", "search=" + "x" * 101, "search=a+b+c+d+e+f+g+h+i+j+k", "search=%00", "tab=nothing",
        "tab=locked&sort=name", "after=1", "after=abc", "after={}", "before=" + "9" * 40, "organisation=1", "organisation=x", "building=1",
        "flt0_name_equals=x", "flt0_password_hash=x", "&".join(f"flt{n}_name=x" for n in range(300)), "_method=DELETE", "url=//evil.example",
        "after=00000000-0000-0000-0000-000000000000&before=00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_an_address_that_no_page_offers_is_refused_and_breaks_nothing(enter: Enter, query: str) -> None:
    """T28"""
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?{query}")
    assert browser.status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/invoices/?issued_on=2026-13-40", "/invoices/?issued_on=x", "/invoices/?issued_on_to=99999-01-01", "/events/?name=x",
        "/events/?search=x", "/invoices/?due_on=2026-01-01", "/premises/lookup/?name=building&query=a&limit=-1",
        "/premises/lookup/?name=building&limit=1000000", "/premises/lookup/?name=building&query=" + "x" * 200, "/search/?q=x", "/?x=1", "/settings/?x=1",
        "/search/?search=" + "x" * 101, "/accounts/unlock/?ids=1&x=1", "/accounts/new/?x=1&x=2",
        "/invoices/?contract=00000000-0000-0000-0000-000000000000&building=00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_no_other_page_takes_what_it_does_not_know(enter: Enter, path: str) -> None:
    """T23, T28"""
    browser = enter("agent")
    browser.get(f"{BASE}{path}")
    assert browser.status in (400, 404)


def test_no_page_of_the_backoffice_takes_an_argument_that_it_does_not_know(world: worlds.World, enter: Enter, staff_app: Any) -> None:
    """T28: every address of the url map, as an administrator opens it"""
    browser, seen = enter("administrator"), []
    adapter = staff_app.url_map.bind("localhost")
    for rule in staff_app.url_map.iter_rules():
        policy = staff_app.config["ROUTES"][rule.endpoint]
        if "GET" not in rule.methods or "static" in rule.endpoint or policy in (None, access.ANYONE):
            continue
        table = "organisation" if rule.endpoint.startswith("settings.") else policy.partition(".")[0]
        values = {"public_id": getattr(world.own.get(table), "public_id", uuid.uuid4()), "name": "lock-after"}
        path = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments})
        browser.get(f"{BASE}{path}?colour=red")
        assert browser.status in (400, 404), path
        seen.append(path)
    assert len(seen) > 60


@pytest.mark.parametrize("key", ["1", "abc", "9" * 40, "%00", "{}", "00000000-0000-0000-0000-000000000000"])
def test_a_guessed_key_finds_nothing(enter: Enter, key: str) -> None:
    """N08: row numbers stand nowhere, and are good for nothing."""
    browser = enter("agent")
    for path in (f"/accounts/{key}/", f"/accounts/{key}/edit/", f"/accounts/unlock/?ids={key}"):
        browser.get(f"{BASE}{path}")
        assert browser.status in (400, 404), path


def test_no_row_number_stands_in_any_page(world: worlds.World, enter: Enter) -> None:
    browser = enter("administrator")
    for path in (
        "/accounts/",
        f"/accounts/{world.own['account'].public_id}/",
        f"/contracts/{world.own['contract'].public_id}/",
        "/events/",
    ):
        page = browser.get(f"{BASE}{path}")
        values = {*page.xpath("//@value"), *page.xpath("//@href"), *page.xpath("//@action")}
        assert not [value for value in values if value.rstrip("/").rpartition("/")[2].isdigit() or "id=1" in value]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "\\\\evil.example", "http:evil.example", "https://evil.example", "javascript:alert(1)",
        "/backoffice\t//evil.example", "/backoffice/\n//evil", "http:///evil.example", "/%09/evil", "evil.example", "", "/north/", "@evil",
        "/backoffice@evil.example", "///evil", "/\x00/evil", "data:text/html,x", "/ /evil", "\t//evil", "/backoffice\\@evil",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(staff_app: Any, target: str) -> None:
    """T37"""
    for scheme in ("http", "https"):
        with staff_app.test_request_context("/accounts/", base_url=f"{scheme}://localhost/backoffice"):
            assert current_app.name == "staff"
            assert web.safe_next(target, "/default") == "/default"
