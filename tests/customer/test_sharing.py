"""The pages of sharing: what the owner sees and does, and what whoever it is shared with does."""

import pytest

from models import Account, Contract, Membership, Message, Organisation, Share
from rules import clock, settings, sharing
from tests import factories
from tests.browser import Browser


@pytest.fixture
def ivan(north: Organisation) -> Account:
    return factories.account(north, "ivan@example.lt", name="Ivan North")


def give(browser: Browser, flat: Contract, email: str, **more: str) -> None:
    browser.get(f"/north/contracts/{flat.public_id}")
    browser.follow("Share this contract")
    browser.submit("Share", email=email, **more)


def test_an_owner_shares_sees_with_whom_and_ends_it(browser: Browser, anna: Account, flat: Contract) -> None:
    """CV-23, CV-26, CV-27"""
    give(browser, flat, "ivan@example.lt", last_on=f"{clock.today().year + 1}-01-31")
    assert browser.at == f"/north/contracts/{flat.public_id}"
    assert "Shared. We have written to ivan@example.lt how to see it." in browser.page.xpath("string(//*[@role='status'])")
    assert "not taken yet" in browser.page.xpath("string(//section[@aria-labelledby='sharing'])")
    browser.follow("Stop sharing")
    assert "They have not taken it yet" in browser.text
    assert Share.get().ended_at is None
    browser.submit("Stop sharing")
    assert "It is no longer shared with ivan@example.lt." in browser.text
    assert not browser.page.xpath("//section[@aria-labelledby='sharing']//li")


def test_what_is_typed_wrong_is_said_and_kept(browser: Browser, anna: Account, flat: Contract) -> None:
    give(browser, flat, "ivan at example", last_on="2020-01-01")
    assert "Enter an e-mail address, such as name@example.lt" in browser.text
    assert browser.page.xpath("//input[@name='email']/@value") == ["ivan at example"]
    assert browser.page.xpath("//input[@name='last_on']/@value") == ["2020-01-01"]
    assert not Share.select().exists()


def test_the_answer_is_the_same_whoever_has_the_address(browser: Browser, anna: Account, flat: Contract, ivan: Account) -> None:
    """T09"""
    pages = []
    for email in (ivan.email, "nobody@example.lt"):
        give(browser, flat, email)
        pages.append(browser.page.xpath("string(//main)").replace(email, "•"))
        sharing.end(Account.get_by_id(anna.id), Share.get(Share.email == email))
    assert pages[0] == pages[1]


def test_whoever_it_is_shared_with_takes_it_from_an_empty_account(browser: Browser, anna: Account, flat: Contract, ivan: Account) -> None:
    """CV-24, CV-25, CV-02"""
    factories.invoice(flat)
    sharing.share(anna, flat, email=ivan.email, last_on=None, site_url="https://savitarna.example/north")
    browser.enter(ivan)
    browser.get("/north/home")
    assert "Anna North shares with you: Liepų g. 1-1" in browser.text
    assert flat.payer_code not in browser.text
    browser.follow("See what is shared")
    assert browser.at == Message.get(Message.kind == "contract_shared").facts["url"].removeprefix("https://savitarna.example")
    browser.submit("Take it")
    assert browser.at == f"/north/contracts/{flat.public_id}"
    assert "The contract is in your account." in browser.text
    assert "Shared person" in browser.text
    assert not browser.page.xpath("//*[@id='sharing']")
    browser.get("/north/shared-with-me")
    assert "Nothing is shared with you now" in browser.text


def test_what_is_shared_can_be_declined(browser: Browser, anna: Account, flat: Contract, ivan: Account) -> None:
    sharing.share(anna, flat, email=ivan.email, last_on=None, site_url="https://savitarna.example/north")
    browser.enter(ivan)
    browser.get("/north/contracts")
    browser.follow("See what is shared")
    browser.submit("Decline")
    assert "Declined: it is not shared with you." in browser.text
    assert not Membership.select().where(Membership.account == ivan).exists()


@pytest.mark.parametrize("share", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_what_is_not_offered_is_not_taken(browser: Browser, anna: Account, flat: Contract, ivan: Account, share: str) -> None:
    """T01"""
    sharing.share(anna, flat, email="vida@example.lt", last_on=None, site_url="https://savitarna.example/north")
    browser.enter(ivan)
    for named in (share, str(Share.get().public_id)):
        browser.get("/north/account/phone")  # any form of theirs: its token is good
        browser.post("/north/shared-with-me", {"share": named})
        assert browser.status == 404
    assert not Membership.select().where(Membership.account == ivan).exists()


def test_an_address_that_is_not_confirmed_is_shown_nothing_of_it(
    browser: Browser, anna: Account, flat: Contract, north: Organisation
) -> None:
    """T10"""
    thief = factories.account(north, "ivan@example.lt", name="Not Ivan", email_confirmed_at=None)
    sharing.share(anna, flat, email="ivan@example.lt", last_on=None, site_url="https://savitarna.example/north")
    browser.enter(thief)
    for page in ("home", "contracts", "shared-with-me"):
        browser.get(f"/north/{page}")
        assert "Anna North" not in browser.text
    assert "Confirm your e-mail first" in browser.text


def test_where_nothing_is_shared_no_page_speaks_of_it(browser: Browser, anna: Account, flat: Contract, north: Organisation) -> None:
    """K06"""
    settings.change(north, "sharing", False, by="operator")
    browser.get(f"/north/contracts/{flat.public_id}")
    assert "Share this" not in browser.text
    browser.get(f"/north/contracts/{flat.public_id}/share")
    assert browser.status == 404


def test_who_registers_for_what_is_shared_needs_no_bill(browser: Browser, anna: Account, flat: Contract, north: Organisation) -> None:
    """CV-25: where a payer code is asked of everybody else"""
    settings.change(north, "signup_contract", True, by="operator")
    made = sharing.share(anna, flat, email="ivan@example.lt", last_on=None, site_url="https://savitarna.example/north")
    letter = Message.get(Message.kind == "contract_shared")
    for address, is_asked in (("/north/register", True), (letter.facts["register_url"].removeprefix("https://savitarna.example"), False)):
        browser.get(address)
        assert bool(browser.page.xpath("//input[@name='payer_code']")) == is_asked
    sharing.end(Account.get_by_id(anna.id), made)
    for shared in (made.public_id, "x", "00000000-0000-0000-0000-000000000000"):
        browser.get(f"/north/register?shared={shared}")
        assert browser.page.xpath("//input[@name='payer_code']")


def test_registering_for_what_is_shared_takes_the_very_address(
    browser: Browser, anna: Account, flat: Contract, north: Organisation
) -> None:
    """CV-24, CV-25"""
    settings.change(north, "signup_confirm", "none", by="operator")
    settings.change(north, "signup_contract", True, by="operator")
    made = sharing.share(anna, flat, email="ivan@example.lt", last_on=None, site_url="https://savitarna.example/north")
    browser.get("/north/language/en")
    browser.get(f"/north/register?shared={made.public_id}")
    filled = {"full_name": "Ivan North", "phone": "+37060000001", "password": factories.PASSWORD}
    browser.submit("Register", email="else@example.lt", **filled)
    assert "Register with the address to which our letter came" in browser.text
    assert not Account.select().where(Account.email_key == "else@example.lt").exists()
    browser.submit("Register", email="Ivan@example.lt", **filled)
    assert Account.select().where(Account.email_key == "ivan@example.lt").exists()


def test_what_was_shared_before_sharing_was_turned_off_can_still_be_ended(
    browser: Browser, anna: Account, flat: Contract, ivan: Account, north: Organisation
) -> None:
    """K06"""
    sharing.accept(ivan, sharing.share(anna, flat, email=ivan.email, last_on=None, site_url="https://savitarna.example/north"))
    settings.change(north, "sharing", False, by="operator")
    browser.get(f"/north/contracts/{flat.public_id}")
    assert "Share this" not in browser.text
    browser.follow("Stop sharing")
    browser.submit("Stop sharing")
    assert not Membership.select().where((Membership.account == ivan) & Membership.until_at.is_null()).exists()
