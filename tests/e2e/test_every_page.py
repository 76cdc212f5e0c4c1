"""Every page that links lead to, on the narrowest screen: nothing blocked, nothing inaccessible, nothing cut off."""

import re
from collections import deque
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.e2e.conftest import Tab
from tests.e2e.journey import PHONE, attach, become_customer, deliver, give_building, start_work
from tests.product import Product

HOUSE = "Liepų g. 3, Pakruojis"
NO_PAGE = re.compile(r"/(pdf|breakdown|archive|readings/table)/?(\?|$)|/language/|[?&]sort=|/(?!accounts)[a-z-]+/export/|/file/$")
ROW = re.compile(r"(?<=/)[0-9a-f]{8}-[0-9a-f-]{27}(?=/|$)|(?<=/)[0-9A-Z]{8}$|(?<=•/)[a-z-]+-[a-z-]+(?=/$)")
LISTS = {
    "accounts", "memberships", "shares", "contracts", "buildings", "premises", "providers", "meters", "meter-kinds", "readings", "invoices",
    "messages", "sync-runs", "sync-problems", "events", "staff", "organisations", "access-types",
    "email-changes", "heads", "visits", "identities", "companies", "representatives", "invitations", "third-party-payers",
}  # fmt: skip
# Nobody shares or pays for others in this town, has another e-mail, or acts for a company.
EMPTY = {"identities", "visits", "email-changes", "heads", "shares", "companies", "representatives", "invitations", "third-party-payers"}
OF_A_MANAGER = {"accounts", "memberships", "contracts", "buildings", "premises", "meters", "readings", "invoices", "events"}


@pytest.fixture(scope="module")
def town(product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A heat supplier with a house, a contract, two meters and a bill, and a bill that had to be put aside."""
    product.portal("load-organisation", "district-heating", "town")
    folder = tmp_path_factory.mktemp("town")
    meters = (("hot-water", "KV1_241"), ("heat", "S_88"))
    deliver(product, "town", folder, "01-300 1", "MT-1", provider="999000056", meters=meters, house=HOUSE)
    (folder / "wrong.csv").write_text("number;payer_code;issued_on;total\nMT-2;01-300 1;2026-13-01;5,00\n")
    product.portal("sync-bills", "town", str(folder / "wrong.csv"))
    return "town"


def walk(here: Tab, start: str) -> set[str]:
    """Follow all links from `start` that stay under its first folder. Of pages that differ in their row alone (or in the one setting
    that they ask for) the first. Returns the addresses, with • for what differs."""
    home = f"{here.base}/{start.split('/')[1]}/"
    waiting, kinds = deque([here.base + start]), {start}
    while waiting:
        answer = here.page.goto(waiting.popleft())
        assert answer.status == 200, answer.url
        here.look()
        for link in here.page.locator("a[href]").evaluate_all("links => links.map(link => link.href.split('#')[0])"):
            parts = urlsplit(link)
            kind = "?".join([ROW.sub("•", ROW.sub("•", parts.path)), *sorted(name for name, _ in parse_qsl(parts.query))])
            if link.startswith(home) and not NO_PAGE.search(link) and kind not in kinds:
                kinds.add(kind)
                waiting.append(link)
    return kinds


def test_every_page_of_a_customer(tab: Any, product: Product, town: str) -> None:
    here = tab("lt", 360)
    here.go(f"/{town}/sign-in")
    outside = walk(here, f"/{town}/sign-in")
    assert {f"/{town}/{page}" for page in ("register", "forgotten-password")} <= outside
    become_customer(here, product, town, "rita@example.lt", full_name="Rita Pavyzdė", phone=PHONE)
    attach(here, town, payer_code="01-300 1", invoice_number="MT-1")
    pages = walk(here, f"/{town}/home")
    own = "invoices invoices/• readings meters meters/• meters/declare-readings contracts contracts/• contracts/•/share contracts/add account account/who-looked account/phone account/password"
    assert {f"/{town}/{page}" for page in own.split()} <= pages


def test_every_page_of_an_administrator_and_a_manager(tab: Any, product: Product, town: str) -> None:
    desk, manager = tab("lt", 360), tab("lt", 360)
    start_work(desk, product, "administratore@example.com", "administrator")
    start_work(manager, product, "namu-valdytojas@example.com", "property_manager", town)
    give_building(desk, "namu-valdytojas", HOUSE)
    for viewer, lists in ((desk, LISTS), (manager, OF_A_MANAGER)):
        pages = walk(viewer, "/backoffice/")
        assert {f"/backoffice/{name}/" for name in lists} | {f"/backoffice/{name}/•/" for name in lists - EMPTY} <= pages
        assert {name for _, _, name, *_ in (page.split("/") for page in pages)} <= {
            "",
            "exports",
            "rights",
            "settings",
            "undeclared",
            *lists,
        }
    assert "/backoffice/settings/•/•/" not in pages
