"""Who may do what, on one page (T30)."""

from typing import Any

from models import ROLES, AccessType
from rules import access
from tests import world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def ticks(browser: Any, caption: str) -> dict[tuple[str, str], list[bool]]:
    """By group and deed, in words: who may."""
    (table,) = browser.page.xpath(f"//table[caption='{caption}']")
    found = {}
    for group in table.xpath("tbody"):
        title = group.xpath("string(tr[@class='group'])").strip()
        for row in group.xpath("tr[not(@class)]"):
            found[title, row.xpath("string(th)")] = ["Yes" in cell.text_content() for cell in row.xpath("td")]
    return found


def test_the_page_says_exactly_what_the_judge_says(world: worlds.World, enter: Enter) -> None:
    """T30: every deed of staff, and of customers, is on the page, with who has it."""
    browser = enter("administrator")
    browser.get(f"{BASE}/rights/")
    staff = ticks(browser, "Staff")
    assert len(staff) == len(frozenset().union(*access.STAFF_DEEDS.values()))
    assert sum(map(sum, staff.values())) == sum(len(access.STAFF_DEEDS[role]) for role, _word in ROLES)
    for deed in (("Staff", "Change role"), ("Seeing as the customer", "Allow without the customer")):
        assert staff[deed] == [role == "administrator" for role, _word in ROLES]
    kinds = list(AccessType.select().where(AccessType.organisation == world.north).order_by(AccessType.position, AccessType.id))
    customers = ticks(browser, "Customers")
    assert len(customers) == len(access.CUSTOMER_DEEDS)
    for deed, words in access.CUSTOMER_DEEDS.items():
        assert customers["", words] == [deed in kind.deeds for kind in kinds], deed


def test_the_page_is_for_whoever_may_see_colleagues_and_shows_no_other_organisation(world: worlds.World, enter: Enter) -> None:
    for who, status in (("administrator", 200), ("auditor", 200), ("agent", 404), ("manager", 404)):
        browser = enter(who)
        browser.get(f"{BASE}/rights/")
        assert browser.status == status, who
    browser = enter("administrator")
    browser.get(f"{BASE}/rights/{world.south.public_id}/")
    assert browser.status == 404
    browser = enter("install_administrator")
    browser.get(f"{BASE}/rights/{world.south.public_id}/")
    assert worlds.CANARY in browser.text
