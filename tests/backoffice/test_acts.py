"""Acts on one row or on many."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from backoffice.desks import Accounts
from models import Account, Event, FormKey, Message, Staff, now
from rules import accounts
from rules.refusal import Refused
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"


def lock(*people: Account) -> None:
    Account.update(locked_until=now() + timedelta(hours=3)).where(Account.id.in_([p.id for p in people])).execute()


def test_ticked_rows_are_asked_about_and_then_each_is_done(world: worlds.World, enter: Enter) -> None:
    """IB-61"""
    people = [factories.account(world.north, f"a{n}@example.lt", name=f"Ana {n}") for n in range(5)]
    lock(*people[:4])
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?tab=locked")
    browser.post(f"{BASE}/accounts/unlock/", {"rowid": [str(p.public_id) for p in people], "url": "/backoffice/accounts/?tab=locked"})
    assert "Ana 0" in browser.text
    assert "They can sign in again at once" in browser.text
    assert Account.select().where(Account.locked_until.is_null(False)).count() == 4  # nothing before the reason
    browser.submit("Check what will change", reason="Skambino visi")
    assert "Will be done: 4" in browser.text
    assert Account.select().where(Account.locked_until.is_null(False)).count() == 4  # tried, and taken back
    assert "Will stay as they are: 1 Ana 4 This account is not locked" in browser.text
    browser.submit("Unlock: 4")
    assert "Ana 0, Ana 1, Ana 2 and 1 more: can sign in again" in browser.text
    assert Account.select().where(Account.locked_until.is_null(False)).count() == 0
    assert {e.account_id for e in Event.select().where(Event.name == "account.unlocked")} == {p.id for p in people[:4]}
    assert Message.select().where(Message.kind == "account_unlocked", Message.state == "new").count() == 4


def test_a_foreign_row_among_the_ticked_ones_stops_all(world: worlds.World, enter: Enter) -> None:
    """T21"""
    own, foreign = world.own["account"], world.foreign["account"]
    lock(own, foreign)
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?ids={own.public_id}")
    before = worlds.snapshot((FormKey,))
    for ids in (f"{own.public_id},{foreign.public_id}", f"{own.public_id},1", f"{own.public_id},"):
        browser.get(f"{BASE}/accounts/unlock/?ids={own.public_id}")
        browser.post(f"{BASE}/accounts/unlock/?ids={ids}", {"reason": "X"})
        assert browser.status == 404
    assert worlds.snapshot((FormKey,)) == before


def test_an_act_leads_back_to_this_site_alone(world: worlds.World, enter: Enter) -> None:
    """T37"""
    account = world.own["account"]
    browser = enter("agent")
    for url in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        lock(account)
        browser.get(f"{BASE}/accounts/unlock/?ids={account.public_id}&url={url}")
        assert not [link for link in browser.page.xpath("//a/@href") if not link.startswith(("/backoffice/", "#"))]
        sent = dict(browser.page.forms[-1].form_values()) | {"reason": "x"}
        path = f"/accounts/unlock/?ids={account.public_id}&url={url}"
        answer = browser.client.post(path, base_url="http://localhost/backoffice", data=sent)
        assert answer.location == f"/backoffice/accounts/{account.public_id}/"
        token = {"csrf_token": sent["csrf_token"], "url": url}
        answer = browser.client.post("/accounts/unlock/", base_url="http://localhost/backoffice", data=token)
        assert answer.location == "/backoffice/accounts/"


def test_who_may_not_act_has_nothing_to_tick(world: worlds.World, enter: Enter) -> None:
    for who, ticks in (("agent", True), ("auditor", False), ("manager", False)):
        browser = enter(who)
        browser.get(f"{BASE}/accounts/")
        assert bool(browser.page.xpath("//input[@name='rowid']")) is ticks
        assert bool(browser.page.xpath("//button[text()='Unlock']")) is ticks


def test_nothing_ticked_says_so(enter: Enter) -> None:
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/?tab=newest")
    browser.post(f"{BASE}/accounts/unlock/", {"url": "/backoffice/accounts/?tab=newest"})
    assert "Tick at least one row first" in browser.text
    assert browser.at == "/accounts/?tab=newest"


def test_too_many_rows_and_an_act_for_one_are_not_found(world: worlds.World, enter: Enter) -> None:
    people = [factories.account(world.north, f"a{n}@example.lt") for n in range(51)]
    browser = enter("agent")
    ids = [str(person.public_id) for person in people]
    browser.get(f"{BASE}/accounts/unlock/?ids={','.join(ids)}")
    assert browser.status == 404
    browser.get(f"{BASE}/accounts/unlock/?ids={','.join(ids[:50])}")
    assert browser.status == 200
    browser.get(f"{BASE}/accounts/change-email/?ids={','.join(ids[:2])}")
    assert browser.status == 404


def test_an_act_sent_twice_is_done_once(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.own["account"]
    lock(account)
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?ids={account.public_id}")
    sent = dict(browser.page.forms[-1].form_values()) | {"reason": "Skambino"}
    path = f"/accounts/unlock/?ids={account.public_id}"
    answers = [browser.client.post(path, base_url="http://localhost/backoffice", data=sent) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert Event.select().where(Event.name == "account.unlocked").count() == 1


def test_an_act_leads_back_to_a_list_with_a_long_search(world: worlds.World, enter: Enter) -> None:
    """P2: the address is kept with the form's key."""
    account = world.own["account"]
    lock(account)
    back = f"{BASE}/accounts/?{urlencode({'search': 'žąsys ' + 'ž' * 94})}"
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?{urlencode({'ids': account.public_id, 'url': back})}")
    browser.submit(reason="Skambino")
    assert len(back) > 500
    assert browser.at == back.removeprefix(BASE)
    assert Account.get_by_id(account.id).locked_until is None


def test_a_rule_that_refuses_one_row_undoes_only_that_row(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """T33: each row in a unit of work of its own."""
    people = [factories.account(world.north, f"a{n}@example.lt", name=f"Ana {n}") for n in range(3)]
    lock(*people)
    real = accounts.unlock

    def half(account: Account, *, reason: str, by: Staff) -> None:
        real(account, reason=reason, by=by)
        if account.name == "Ana 1":
            raise Refused("No, not this one")

    command = Accounts.commands[0]
    monkeypatch.setattr(command.__class__, "__getattribute__", lambda self, n: half if n == "rule" else object.__getattribute__(self, n))
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/unlock/?ids={','.join(str(p.public_id) for p in people)}")
    browser.submit("Check", reason="Skambino")
    assert "Ana 1 No, not this one" in browser.text
    browser.submit("Unlock: 2")
    assert "Ana 0, Ana 2: can sign in again" in browser.text
    assert [a.locked_until is None for a in Account.select().where(Account.name.startswith("Ana ")).order_by(Account.name)] == [
        True, False, True,
    ]  # fmt: skip
