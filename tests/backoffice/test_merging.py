"""Staff join two accounts of one person on the page of the one that stays, and part them again (T60, M18)."""

from models import Account, EmailChange, Event
from tests import world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def test_an_administrator_sees_what_will_happen_says_yes_and_takes_it_back(world: worlds.World, enter: Enter) -> None:
    EmailChange.delete().execute()
    anna, viewer = world.own["account"], world.people["stranger"]
    browser = enter("administrator")
    browser.get(f"{BASE}/accounts/{anna.public_id}/")
    browser.follow("Join with another account")
    browser.submit(email=viewer.email, reason="She has two")
    assert f"From {viewer.email} comes here" in browser.text
    assert not Event.select().where(Event.name == "account.merged").exists()
    browser.submit("Yes, it is right")
    assert "the two accounts are one now" in browser.text
    assert Account.get_by_id(viewer.id).email.endswith("@joined.invalid")
    assert f"{viewer.email} → {anna.email}. Reason: She has two" in browser.text
    assert "password" not in browser.text.partition("What happened")[2].lower()
    browser.follow("Separate again")
    browser.submit(reason="They are two")
    assert "the two accounts are apart again" in browser.text
    assert Account.get_by_id(viewer.id).email == viewer.email


def test_an_agent_cannot_join_what_nobody_has_proven(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/merge/?ids={world.own['account'].public_id}")
    browser.submit(email=world.people["stranger"].email, reason="She says so")
    assert "Nobody has proven" in browser.text
    assert not Event.select().where(Event.name == "account.merged").exists()
