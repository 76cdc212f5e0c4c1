"""The account page, where most work is done, and the three acts of the trade: unlock, change e-mail, fix a role."""

from datetime import date, timedelta
from typing import Any

import pytest

from models import (
    AccessType,
    Account,
    Building,
    Confirmation,
    Contract,
    EmailChange,
    Event,
    Membership,
    Message,
    Session,
    Share,
    Staff,
    now,
)
from rules import access, accounts, email_changes, events, sessions
from rules.work import unit_of_work
from tests import factories, letters, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def page_of(account: Account) -> str:
    return f"{BASE}/accounts/{account.public_id}/"


# ---- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_who_it_is_what_they_have_and_how_the_bills_stand(world: worlds.World, enter: Enter) -> None:
    """House 11.2"""
    anna, contract = world.own["account"], world.own["contract"]
    second = factories.contract(world.north, "55-2", provider=contract.provider, address="Sodų g. 7", customer_name="Sodas")
    factories.holds(anna, second, "viewer")
    factories.invoice(second, "SODAS-1", due_on=date(2020, 1, 1), net_cents=1000)
    factories.invoice(second, "SODAS-2", outstanding_cents=0)
    browser = enter("agent")
    browser.get(page_of(anna))
    for words in (anna.email, "Liepų g. 1-1", "Owner", "Sodų g. 7", "Viewer", "€12.10", "overdue", "Kind of person", "Natural person"):
        assert words in browser.text
    assert "password" not in browser.text.lower()


def test_what_a_credit_covers_is_not_overdue(world: worlds.World, enter: Enter) -> None:
    anna, contract = world.own["account"], world.own["contract"]
    factories.invoice(contract, "OLD-1", due_on=date(2020, 1, 1), net_cents=1000)
    browser = enter("agent")
    browser.get(page_of(anna))
    assert "overdue" in browser.text
    factories.invoice(contract, "KR-1", kind="credit_note", net_cents=-50000)
    browser.get(page_of(anna))
    assert "overdue" not in browser.text
    assert "€471.90 paid in advance" in browser.text


def test_the_timeline_says_who_did_what_when_and_why(world: worlds.World, enter: Enter) -> None:
    """N02"""
    anna, agent = world.own["account"], world.people["agent"]
    Account.update(locked_until=now() + timedelta(hours=1)).where(Account.id == anna.id).execute()
    accounts.unlock(anna, reason="Skambino iš savo telefono", by=agent)
    with unit_of_work():
        events.record("account.phone_changed", anna, by=anna, old="+37061111111", new="+37062222222")
    browser = enter("auditor")
    browser.get(page_of(anna))
    told = [" ".join(" ".join(item.xpath(".//text()")).split()) for item in browser.page.xpath("//ol[@class='timeline']/li")]
    assert told[0].startswith(f"Phone changed +370 611 11111 → +370 622 22222 {anna.name} · ")
    assert "Unlocked Was locked until" in told[1]
    assert "Reason: Skambino iš savo telefono Agnė · " in told[1]
    browser.follow("All events")
    assert "Phone changed" in browser.text
    assert f"Account: {anna.name}" in browser.text


def test_an_empty_account_says_so(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(page_of(world.people["stranger"]))
    assert "No contract has been added to this account yet" in browser.text


def test_a_property_manager_sees_of_an_account_what_lies_in_own_buildings(world: worlds.World, enter: Enter) -> None:
    """N08"""
    anna = world.own["account"]
    elsewhere = factories.contract(world.north, "55-2", provider=world.own["provider"], address="Kitur g. 9-4")
    factories.holds(anna, elsewhere)
    browser = enter("manager")
    browser.get(page_of(anna))
    assert "Liepų g. 1-1" in browser.text
    assert "Kitur" not in browser.text
    assert not browser.page.xpath("//div[contains(@class, 'page-head')]//a[contains(@class, 'btn')]")  # looks, and acts on nothing


def test_a_property_managers_timeline_tells_of_own_buildings_only(world: worlds.World, enter: Enter) -> None:
    """N08"""
    anna, elsewhere = world.own["account"], Building.get(Building.address == "Kitur g. 9")
    foreign = factories.contract(world.north, "55-2", provider=elsewhere.provider, building=elsewhere)
    with unit_of_work():
        events.record("contract.attached", world.own["contract"], by=anna, account=anna, access_type="owner")
        events.record("contract.attached", foreign, by=anna, account=anna, access_type="shared_person")
        events.record("account.phone_changed", anna, by=anna, old="", new="+37061111111")
    browser = enter("manager")
    browser.get(page_of(anna))
    told = browser.page.xpath("string(//ol[@class='timeline'])")
    assert "Owner" in told
    assert "Shared person" not in told
    assert "+37061111111" not in told


def test_looking_changes_nothing(world: worlds.World, enter: Enter) -> None:
    """T36"""
    browser = enter("agent")
    before = worlds.snapshot()
    browser.get(page_of(world.own["account"]))
    browser.get(f"{BASE}/accounts/unlock/?ids={world.own['account'].public_id}")
    assert worlds.snapshot() == before


# ---- unlock -----------------------------------------------------------------------------------------------------------


def locked(account: Account) -> Account:
    with unit_of_work():
        Account.update(locked_until=now() + timedelta(hours=5)).where(Account.id == account.id).execute()
    return account


def test_an_agent_unlocks_with_a_reason(world: worlds.World, enter: Enter) -> None:
    """IB-61: who cannot wait phones, and an agent solves it."""
    anna = locked(world.own["account"])
    browser = enter("agent")
    browser.get(f"{BASE}/")
    browser.follow("Locked accounts")
    browser.follow(anna.name)
    assert "Locked" in browser.page.xpath("string(//h1)")
    browser.follow("Unlock")
    assert anna.email in browser.text
    browser.submit(reason="")
    assert "Enter: Reason" in browser.text
    assert browser.page.xpath("//title")[0].text.startswith("Error: ")
    browser.submit(reason="Paskambino, atsakė į klausimus")
    assert f"{anna.name}: can sign in again" in browser.text
    assert "Locked" not in browser.page.xpath("string(//h1)")
    assert Account.get(Account.id == anna.id).locked_until is None
    event = Event.get(Event.name == "account.unlocked")
    assert (event.facts["reason"], event.actor) == ("Paskambino, atsakė į klausimus", f"staff:{world.people['agent'].id}")
    assert Message.get(Message.kind == "account_unlocked", Message.state == "new").to == anna.email


def test_what_is_not_locked_cannot_be_unlocked(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(page_of(world.own["account"]))
    assert not [a for a in browser.page.xpath("//a") if (a.text or "") == "Unlock"]
    browser.get(f"{BASE}/accounts/unlock/?ids={world.own['account'].public_id}")
    browser.submit(reason="Paskambino")
    assert "not locked" in browser.text
    assert browser.page.xpath("//textarea[@name='reason']")[0].text.strip() == "Paskambino"
    assert not Event.select().where(Event.name == "account.unlocked").exists()


# ---- change e-mail ----------------------------------------------------------------------------------------------------


def test_an_agent_asks_for_a_new_e_mail_and_nothing_changes_before_it_confirms(world: worlds.World, enter: Enter) -> None:
    """CV-37, K10: not the customer but an agent, in two steps."""
    anna = world.own["account"]
    secret = sessions.open_for(anna)
    browser = enter("agent")
    browser.get(page_of(anna))
    browser.follow("Change e-mail")
    assert "72 hours" in browser.text
    browser.submit(email="nauja", proof="colleague", reason="Pametė prieigą prie pašto")
    assert "Enter an e-mail address" in browser.text
    assert browser.page.xpath("//input[@name='email']/@value") == ["nauja"]
    browser.submit(email="nauja@example.lt", proof="colleague", reason="Pametė prieigą prie pašto")
    assert "Waits for a colleague's yes" in browser.text
    assert "Let it go on" not in browser.text, "nobody is one's own second pair of eyes"
    second = enter("administrator")
    second.get(f"{BASE}/")
    assert "E-mails to be changed" in second.text
    second.get(page_of(anna))
    second.follow("Let it go on")
    second.submit(reason="Mačiau pasą")
    assert "the new address has been asked to confirm" in second.text
    assert Account.get(Account.id == anna.id).email == anna.email
    mails = {m.kind: m for m in Message.select().where(Message.state == "new")}
    assert (mails["email_change_confirm"].to, mails["email_change_notice"].to) == ("nauja@example.lt", anna.email)
    assert Event.get(Event.name == "account.email_change_asked").facts["reason"] == "Pametė prieigą prie pašto"
    link = mails["email_change_confirm"].facts["url"]
    assert link.startswith("http://127.0.0.1:8000/north/confirm-new-email/")
    email_changes.confirm(world.north, link.rpartition("/")[2], site_url="http://127.0.0.1:8000/north")
    assert Account.get(Account.id == anna.id).email == "nauja@example.lt"
    assert sessions.customer(secret, world.north) is None
    browser.get(page_of(anna))
    assert f"E-mail changed {anna.email} → nauja@example.lt" in browser.text


def test_an_agent_enters_the_code_that_the_customer_reads_out_and_wrong_ones_stay_counted(world: worlds.World, enter: Enter) -> None:
    """M04, T44: a wrong try is not taken back with the page that refuses it."""
    anna = world.own["account"]
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/change-email/?ids={anna.public_id}")
    browser.submit(email="nauja@example.lt", proof="code", reason="Kitas paštas")
    browser.follow("Enter the code")
    code = letters.fact("email_change_code", "code")
    browser.submit(code=f"{(int(code) + 1) % 10**6:06}")
    assert "The code is not right" in browser.text
    assert EmailChange.get(EmailChange.new == "nauja@example.lt").tries == 1
    browser.submit(code=f"{code[:3]} {code[3:]}")
    assert "The code is right" in browser.text
    assert EmailChange.get(EmailChange.new == "nauja@example.lt").state == "letter"
    assert letters.fact("email_change_confirm", "url")


def test_an_address_that_is_taken_or_the_same_is_refused_on_its_field(world: worlds.World, enter: Enter) -> None:
    anna = world.own["account"]
    browser = enter("agent")
    for email, says in ((anna.email.upper(), "address already"), (world.people["stranger"].email, "used by another account")):
        browser.get(f"{BASE}/accounts/change-email/?ids={anna.public_id}")
        browser.submit(email=email, proof="colleague", reason="Prašo")
        assert says in browser.text
        assert browser.page.xpath("//div[contains(@class, 'error-summary')]//a[@href='#email']")
    assert not Confirmation.select().where(Confirmation.purpose == "change_email").exists()


# ---- fix a role -------------------------------------------------------------------------------------------------------


def test_an_agent_fixes_what_a_customer_may_do_with_a_contract(world: worlds.World, enter: Enter) -> None:
    viewer = world.people["viewer"]
    browser = enter("agent")
    browser.get(page_of(viewer))
    browser.follow("Change access type")
    assert {option.get("value") for option in browser.page.xpath("//select/option")} == set(access.GRANTABLE_TYPES)
    assert browser.page.xpath("//option[@selected]/@value") == ["viewer"]
    browser.submit(access_type="owner", reason="Nupirko butą")
    assert browser.at == f"/accounts/{viewer.public_id}/"
    assert "the access type was changed" in browser.text
    assert "Viewer → Owner. Reason: Nupirko butą" in browser.text
    held = Membership.get(Membership.account == viewer)
    assert AccessType.get(AccessType.id == held.access_type_id).name == "owner"
    assert Message.get(Message.kind == "access_type_changed").to == viewer.email
    assert access.allows(Account.get(Account.id == viewer.id), "contract.view", Contract.get(Contract.id == held.contract_id))


def test_an_access_type_that_is_not_offered_is_not_given(world: worlds.World, enter: Enter) -> None:
    """T30"""
    held = Membership.get(Membership.account == world.people["viewer"])
    browser = enter("agent")
    for name in ("company_head", "root", "", str(held.access_type_id)):
        browser.get(f"{BASE}/memberships/change-access-type/?ids={held.public_id}")
        browser.post(f"{BASE}/memberships/change-access-type/?ids={held.public_id}", {"access_type": name, "reason": "x"})
        assert "Select: Access type" in browser.text
    assert Membership.get(Membership.id == held.id).access_type_id == held.access_type_id


@pytest.mark.parametrize("role", ["auditor", "property_manager", "administrator"])
def test_an_administrator_fixes_a_colleagues_role(world: worlds.World, enter: Enter, role: str) -> None:
    person = world.people["agent"]
    Session.delete().execute()
    sessions.open_for(person)
    browser = enter("administrator")
    browser.get(f"{BASE}/staff/{person.public_id}/")
    browser.follow("Change role")
    browser.submit(role=role, reason="Naujos pareigos")
    assert f"{person.name}: has a new role" in browser.text
    assert Staff.get(Staff.id == person.id).role == role
    assert Session.select().where(Session.staff == person).count() == 0
    assert "Reason: Naujos pareigos" in browser.text


def test_nobody_gives_themselves_or_the_install_anything(world: worlds.World, enter: Enter) -> None:
    """T30"""
    administrator, above = world.people["administrator"], world.people["install_administrator"]
    factories.staff(world.north, "administrator")
    browser = enter("administrator")
    browser.get(f"{BASE}/staff/change-role/?ids={administrator.public_id}")
    browser.submit(role="agent", reason="x")
    assert "You cannot change your own role" in browser.text
    browser.get(f"{BASE}/staff/change-role/?ids={above.public_id}")
    assert browser.status == 404
    browser.get(f"{BASE}/staff/{world.foreign['staff'].public_id}/")
    assert browser.status == 404
    assert {Staff.get(Staff.id == p.id).role for p in (administrator, above)} == {"administrator"}


def test_buildings_are_given_by_ticks(world: worlds.World, enter: Enter) -> None:
    manager, house = world.people["manager"], world.own["building"]
    new = factories.building(world.north, "Naujoji g. 8", provider=house.provider)
    browser = enter("administrator")
    browser.get(f"{BASE}/staff/{manager.public_id}/")
    assert house.address in browser.text
    browser.follow("Change buildings")
    assert worlds.CANARY not in browser.text
    assert browser.page.xpath("//input[@name='buildings' and @checked]/@value") == [str(house.public_id)]
    path = f"{BASE}/staff/change-buildings/?ids={manager.public_id}"
    browser.post(path, {"buildings": [str(world.foreign["building"].public_id)], "reason": "x"})
    assert "Select: Buildings" in browser.text
    browser.post(path, {"buildings": [str(house.public_id), str(new.public_id)], "reason": "Prižiūri abu"})
    assert "has other buildings now" in browser.text
    other = enter("manager")
    other.get(f"{BASE}/buildings/{new.public_id}/")
    assert other.status == 200


def test_everything_an_agent_does_for_a_customer_leaves_one_event(world: worlds.World, enter: Enter) -> None:
    """N02"""
    anna = locked(world.own["account"])
    held: Any = world.own["membership"]
    Share.delete().execute()  # else it ends too, with an event of its own
    browser = enter("agent")
    acts = (
        (f"/accounts/unlock/?ids={anna.public_id}", {"reason": "x"}),
        (f"/accounts/change-email/?ids={anna.public_id}", {"email": "nauja@example.lt", "proof": "code", "reason": "x"}),
        (f"/memberships/change-access-type/?ids={held.public_id}", {"access_type": "viewer", "reason": "x"}),
        (f"/accounts/{anna.public_id}/edit/", {"name": "Ona", "language": "lt", "version": str(anna.version)}),
        (f"/messages/send-again/?ids={world.own['message'].public_id}", {"reason": "x"}),
        (f"/sync-problems/resolve/?ids={world.own['syncproblem'].public_id}", {"reason": "x"}),
    )
    for path, typed in acts:
        browser.get(f"{BASE}{path}")
        before = Event.select().count()
        browser.post(f"{BASE}{path}", typed)
        assert Event.select().count() == before + 1, path
        last = Event.select().order_by(Event.id.desc()).get()
        assert (last.actor, last.organisation_id) == (f"staff:{world.people['agent'].id}", world.north.id), path
