"""The company's page, invitations, and the choice of whose documents one sees, as people meet them in a browser."""

import re
from typing import Any

import pytest

from models import Account, Company, Contract, Invitation, Message, Organisation, Reading, now
from rules import companies, events, settings
from rules.work import unit_of_work
from tests import factories
from tests.browser import Browser


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north")


@pytest.fixture
def head(north: Organisation) -> Account:
    """Vadovė heads UAB Uosis and UAB Beržas, each with a contract, a bill and a meter."""
    account = factories.account(north, "vadove@uosis.example", name="Vadovė")
    for number, name in enumerate(("UAB Uosis", "UAB Beržas"), 1):
        company = factories.company(north, name)
        contract = factories.contract(north, f"VA 00{number}", company=company, address=f"{name} g. 1", customer_name=name)
        factories.invoice(contract, f"SF-{number}", net_cents=number * 10_000)
        factories.reading(factories.meter(contract, number=f"M{number}"), 1_000, now().date().replace(month=1, day=20))
        factories.represents(account, company)
    return account


def browser_of(app: Any, account: Account) -> Browser:
    browser = Browser(app)
    browser.enter(account)
    return browser


def company(name: str = "UAB Uosis") -> Company:
    return Company.get(Company.name == name)


def choose(browser: Browser, name: str) -> None:
    """Switch to a company as the button at the top right does."""
    browser.get("/north/home")
    browser.submit(name)


def test_a_head_invites_a_person_who_registers_and_represents_the_company(customer_app: Any, head: Account) -> None:
    """IB-42..IB-45: from the invitation to the documents, in two browsers."""
    browser = browser_of(customer_app, head)
    browser.get(f"/north/companies/{company().public_id}")
    browser.follow("Invite a person")
    browser.submit("Invite", email="nauja@uosis.example", access_type="user")
    assert "Invited. We have written to nauja@uosis.example" in browser.text
    link = Message.get(Message.kind == "company_invitation").facts["url"].partition("/north")[2]
    new = Browser(customer_app)
    new.get("/north/language/en")
    new.get(f"/north{link}")
    assert "UAB Uosis" in new.text
    new.follow("Register")
    assert 'value="nauja@uosis.example"' in new.response.get_data(as_text=True)
    new.submit("Register", full_name="Nauja Naujienė", phone="+37060000009", password=factories.PASSWORD)
    new.submit("Confirm", code=Message.get(Message.kind == "confirm_by_code").facts["code"])
    assert "Your e-mail is confirmed" in new.text
    new.submit("Sign in", email="nauja@uosis.example", password=factories.PASSWORD)
    new.get("/north/invoices")
    assert "SF-1" in new.text
    assert "SF-2" not in new.text
    browser.get(f"/north/companies/{company().public_id}")
    assert "Nauja Naujienė" in browser.text


def test_the_link_is_worth_nothing_to_somebody_else_and_after_it_was_taken_back(
    customer_app: Any, north: Organisation, head: Account
) -> None:
    """T08"""
    browser = browser_of(customer_app, head)
    browser.get(f"/north/companies/{company().public_id}/invite")
    browser.submit("Invite", email="nauja@uosis.example", access_type="authorised_person")
    link = Message.get(Message.kind == "company_invitation").facts["url"].partition("/north")[2]
    other = browser_of(customer_app, factories.account(north, "kitas@uosis.example"))
    assert other.client.get(f"/north{link}").status_code == 404
    assert other.client.get("/north/invitation/" + "x" * 32).status_code == 404
    browser.get(f"/north/companies/{company().public_id}")
    browser.follow("Take back (nauja@uosis.example)")
    browser.submit("Take it back")
    nobody = Browser(customer_app)
    nobody.get("/north/language/en")
    nobody.get(f"/north{link}")
    assert "no longer good" in nobody.text


def test_whoever_has_an_account_takes_an_invitation_on_its_page(customer_app: Any, north: Organisation, head: Account) -> None:
    """IB-45, T08: and a decline is an answer too."""
    anna = factories.account(north, "anna@uosis.example", name="Anna")
    for name in ("UAB Uosis", "UAB Beržas"):
        boss = browser_of(customer_app, head)
        boss.get(f"/north/companies/{company(name).public_id}/invite")
        boss.submit("Invite", email="anna@uosis.example", access_type="authorised_person")
    browser = browser_of(customer_app, anna)
    browser.get("/north/home")
    browser.follow("See the invitation")
    waiting = Invitation.select().where(Invitation.company == company("UAB Beržas")).get()
    browser.post("/north/invitations", {"invitation": str(waiting.public_id), "step": "decline"})
    assert companies.held(anna) == []
    browser.get("/north/invitations")
    browser.submit("Take it")
    assert [place.company.name for place in companies.held(anna)] == ["UAB Uosis"]
    browser.follow("UAB Uosis")
    assert "Vadovė" in browser.text


def test_raising_and_removing_ask_first_and_then_do_it(customer_app: Any, north: Organisation, head: Account) -> None:
    """IB-22, IB-58: and the head's own row offers nothing."""
    anna = factories.account(north, "anna@uosis.example", name="Anna")
    place = factories.represents(anna, company(), "user")
    browser = browser_of(customer_app, head)
    browser.get(f"/north/companies/{company().public_id}")
    assert "Remove (Vadovė)" not in browser.text
    browser.follow("Make an authorised person (Anna)")
    assert companies.place(anna, company()).access_type.name == "user"
    browser.submit("Change the access type")
    assert "Anna: Authorised person now" in browser.text
    browser.follow("Remove (Anna)")
    browser.submit("Remove")
    assert "Anna no longer represents UAB Uosis" in browser.text
    assert companies.held(anna) == []
    assert browser.client.get(f"/north/people/{place.public_id}/remove").status_code == 404


def test_contact_information_that_cannot_be_used_stays_on_the_form(customer_app: Any, head: Account) -> None:
    """IB-23"""
    browser = browser_of(customer_app, head)
    browser.get(f"/north/companies/{company().public_id}/contacts")
    browser.submit("Save", email="ne adresas", phone="+37060000001", address="Liepų g. 1")
    assert "Enter an e-mail address" in browser.text
    browser.submit("Save", email="info@uosis.example", phone="+37060000001", address="Liepų g. 1")
    assert "info@uosis.example" in browser.text


def test_a_user_sees_bills_and_no_page_of_the_company_and_may_give_it_up(customer_app: Any, north: Organisation, head: Account) -> None:
    """IB-52"""
    anna = factories.account(north, "anna@uosis.example", name="Anna")
    factories.represents(anna, company(), "user")
    browser = browser_of(customer_app, anna)
    browser.get("/north/account")
    browser.follow("Companies you represent")
    assert browser.client.get(f"/north/companies/{company().public_id}").status_code == 404
    browser.get("/north/contracts")
    contract = Contract.get(Contract.company == company())
    browser.get(f"/north/contracts/{contract.public_id}/detach")
    browser.submit("Remove")
    assert "because you represent UAB Uosis" in browser.text
    browser.get("/north/companies")
    browser.follow("Give up the access (UAB Uosis)")
    browser.submit("Give it up")
    assert companies.held(anna) == []


# ---- whose documents ------------------------------------------------------------------------------------------------------


def test_the_chosen_company_narrows_every_list_and_what_is_opened_by_its_address_is_shown(customer_app: Any, head: Account) -> None:
    """AG-13, IB-04"""
    browser = browser_of(customer_app, head)
    choose(browser, "UAB Beržas")
    for path, one, other in (
        ("home", "SF-2", "SF-1"),
        ("invoices", "SF-2", "SF-1"),
        ("contracts", "UAB Beržas g. 1", "UAB Uosis g. 1"),
        ("meters", "M2", "M1"),
        ("readings", "M2", "M1"),
    ):
        browser.get(f"/north/{path}")
        assert one in browser.text, path
        assert other not in browser.text, path
    of_uosis = Contract.get(Contract.company == company())
    browser.get(f"/north/contracts/{of_uosis.public_id}")
    assert "SF-1" in browser.text
    browser.get("/north/invoices")
    assert "SF-1" not in browser.text
    choose(browser, "All companies")
    browser.get("/north/invoices")
    assert "SF-1" in browser.text
    assert "SF-2" in browser.text


def test_many_contracts_are_shown_a_page_at_a_time(customer_app: Any, north: Organisation, head: Account) -> None:
    """IB-47: a company with hundreds of contracts."""
    with unit_of_work():
        for number in range(55):
            factories.contract(north, f"VB {number:03}", company=company(), address=f"Ilgoji g. 1-{number:02}")
        companies.keep_in_step(Contract.company == company(), [company().id], by=events.SYSTEM)
    browser = browser_of(customer_app, head)
    for path in ("/north/contracts", "/north/meters"):
        browser.get(path)
        first, named = browser.text, sum(f"Ilgoji g. 1-{number:02}" in browser.text for number in range(55))
        browser.follow("Next page")
        assert named + sum(f"Ilgoji g. 1-{number:02}" in browser.text for number in range(55)) == 55 > named
        browser.follow("Previous page")
        assert browser.text == first
        for odd in ("3", "0", "-1", "99999999999999999999"):
            browser.get(f"{path}?page={odd}")
            assert browser.status == 404


def test_a_choice_that_is_not_ones_own_is_none(customer_app: Any, north: Organisation, head: Account) -> None:
    """T01: neither another's company nor one that has left the account meanwhile."""
    browser = browser_of(customer_app, head)
    foreign = factories.company(north, "UAB Svetima")
    browser.get("/north/home")
    browser.post("/north/represented", {"company": str(foreign.public_id), "provider": ""})
    assert browser.status == 404
    choose(browser, "UAB Beržas")
    with_it = companies.place(head, company("UAB Beržas"))
    with unit_of_work():
        companies.end(with_it, "register", by=events.SYSTEM, is_register=True)
    browser.get("/north/invoices")
    assert "SF-1" in browser.text


def test_providers_are_chosen_between_where_there_are_several(customer_app: Any, north: Organisation) -> None:
    """AG-12"""
    anna = factories.account(north)
    for number, name in enumerate(("Grūdai", "Koncernas"), 1):
        contract = factories.contract(north, f"0{number}", provider=factories.provider(north, name))
        factories.invoice(contract, f"SF-{number}")
        factories.holds(anna, contract)
    browser = browser_of(customer_app, anna)
    browser.get("/north/home")
    browser.submit("Grūdai")
    browser.get("/north/invoices")
    assert "SF-1" in browser.text
    assert "SF-2" not in browser.text


def test_a_form_from_a_tab_of_another_company_is_given_back_and_sent_for_its_own(customer_app: Any, head: Account) -> None:
    """T13: two tabs of one browser."""
    organisation = head.organisation
    settings.change(organisation, "reading_opens_on", 1, by=events.OPERATOR)
    settings.change(organisation, "reading_closes_on", 31, by=events.OPERATOR)
    tab = browser_of(customer_app, head)
    choose(tab, "UAB Uosis")
    form = tab.get("/north/meters/declare-readings").xpath("//form[.//input[starts-with(@name, 'reading_')]]")[0]
    sent = {i.get("name"): i.get("value") or "" for i in form.iter("input") if i.get("name")}
    (name,) = [key for key in sent if key.startswith("reading_")]
    choose(tab, "UAB Beržas")
    stale = tab.client.post("/north/meters/declare-readings", data={**sent, name: "7"})
    text = stale.get_data(as_text=True)
    assert stale.status_code == 409
    assert re.search("filled in for UAB Uosis, but in another window you have switched to UAB Beržas", text)
    assert not Reading.select().where(Reading.account == head).exists()
    assert f'name="{name}" value="7"' in text
    again = {**sent, name: "7", "made_for": sent["form_key"][-8:]}
    answer = tab.client.post("/north/meters/declare-readings", data=again, follow_redirects=True)
    assert answer.status_code == 200
    assert Reading.select().where(Reading.account == head).count() == 1
    assert Reading.get(Reading.account == head).contract.company == company()
    tab.get("/north/invoices")
    assert "SF-1" in tab.text, "the browser is back at the company whose form it was"


def test_what_is_about_the_account_alone_is_sent_whatever_is_chosen(customer_app: Any, head: Account) -> None:
    """T13: there would be no way to give a password back."""
    tab = browser_of(customer_app, head)
    choose(tab, "UAB Uosis")
    page = tab.get("/north/account/password")
    form = page.xpath("//form[.//input[@type='password']]")[0]
    sent = {i.get("name"): i.get("value") or "" for i in form.iter("input") if i.get("name")}
    choose(tab, "UAB Beržas")
    answer = tab.client.post("/north/account/password", data={**sent, "current": "not it"})
    assert answer.status_code != 409


def test_a_stale_form_that_may_not_be_kept_opens_anew(customer_app: Any, head: Account) -> None:
    """T13: what holds a file or a secret is not written into a page."""
    tab = browser_of(customer_app, head)
    choose(tab, "UAB Uosis")
    page = tab.get("/north/contracts/add")
    key = page.xpath("//input[@name='form_key']/@value")[-1]
    token = page.xpath("//input[@name='csrf_token']/@value")[0]
    choose(tab, "UAB Beržas")
    stale = tab.client.post("/north/contracts/add", data={"csrf_token": token, "form_key": key, "secret_code": "1"})
    text = stale.get_data(as_text=True)
    assert (stale.status_code, "secret_code" in text) == (409, False)
    assert 'href="/north/contracts/add">Open the form anew for UAB Beržas' in text


def test_an_ended_access_of_a_company_says_so(customer_app: Any, head: Account) -> None:
    """IB-57: and nothing of another customer."""
    anna = factories.account(head.organisation, "anna@uosis.example", phone="+37060000009")
    companies.remove(head, factories.represents(anna, company(), "user"))
    browser = browser_of(customer_app, anna)
    browser.get("/north/contracts")
    assert "You had it by a company: that is over." in browser.text
    assert "another customer" not in browser.text


def test_a_form_for_a_company_that_has_left_the_account_is_refused(customer_app: Any, head: Account) -> None:
    """T11, T13"""
    tab = browser_of(customer_app, head)
    choose(tab, "UAB Uosis")
    key = tab.get("/north/contracts/add").xpath("//input[@name='form_key']/@value")[-1]
    token = tab.page.xpath("//input[@name='csrf_token']/@value")[0]
    with unit_of_work():
        companies.end(companies.place(head, company()), "register", by=events.SYSTEM, is_register=True)
    answer = tab.client.post("/north/contracts/add", data={"form_key": key, "csrf_token": token, "phone": "+37060000009"})
    assert answer.status_code == 409
    assert "no longer in your account" in answer.get_data(as_text=True)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_whoever_has_nothing_to_choose_is_offered_nothing_and_pays_for_nothing(
    customer_app: Any, north: Organisation, statements: Any
) -> None:
    """G8"""
    anna = factories.account(north)
    factories.holds(anna, factories.contract(north))
    browser = browser_of(customer_app, anna)
    browser.get("/north/home")
    with statements() as seen:
        browser.get("/north/home")
    assert not browser.page.xpath("//details[contains(@class, 'choose')]")
    assert len(seen) <= 8, seen


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_choice_costs_no_statement_however_many_companies_there_are(customer_app: Any, head: Account, statements: Any) -> None:
    """G8"""
    browser = browser_of(customer_app, head)
    choose(browser, "UAB Beržas")
    counts = []
    for number in range(2):
        with statements() as seen:
            browser.get("/north/home")
        counts.append(len(seen))
        for more in range(10 * (1 - number)):
            factories.represents(head, factories.company(head.organisation, f"UAB {more}"))
            factories.contract(head.organisation, f"XX {more}")
    assert counts[0] == counts[1] <= 8, seen
