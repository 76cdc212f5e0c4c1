"""Whatever staff see of a customer, the customer can see that they did (M02)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from backoffice.desk import Desk
from customer.pages import looks as pages
from models import Account, Company, Event, ExportedAccount, Membership, Message, Organisation, SyncProblem, now
from rules import accounts, events, looks, settings
from rules.work import unit_of_work
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter
from tests.browser import Browser
from tests.test_access import address, rules_of, values_for

BASE = "/backoffice"


def seen_of(account: Any) -> list[tuple[str, str]]:
    """What is written down of looks at a customer, oldest first: of which table, and how."""
    found = Event.select().where((Event.account == account.id) & (Event.name == "account.viewed")).order_by(Event.id)
    return [(event.facts["of"], event.facts["how"]) for event in found]


def paths_to(app: Any, world: worlds.World, views: dict[str, Any]) -> Iterator[str]:
    """Every address of the backoffice by which one can come upon Anna: pages of her rows, their acts, the lists of her rows alone, searches."""
    for rule in rules_of(app):
        policy = app.config["ROUTES"][rule.endpoint]
        if "GET" in rule.methods and "public_id" in rule.arguments and policy and policy.partition(".")[0] in world.own:
            yield address(app, rule, values_for(rule, world, "own", policy.partition(".")[0]), BASE)
    for desk in [view for view in views.values() if isinstance(view, Desk)]:
        for command in desk.commands:
            yield f"{BASE}{desk.url}/{command.name.replace('_', '-')}/?ids={world.own[desk.table].public_id}"
        for name in desk.column_filters:
            model = getattr(desk.model._meta.fields[name], "rel_model", None)
            if model is not None:
                yield f"{BASE}{desk.url}/?{name}={world.own[model.__name__.lower()].public_id}"
        if desk.can_search:
            yield from (f"{BASE}{desk.url}/?search={words}" for words in ("anna", world.own["contract"].payer_code[:6]))
    yield f"{BASE}/search/?search=anna"


# Lists that nobody has narrowed to a person: of an organisation, a house, a run of the feed.
PASSED_BY = ("?organisation=", "?building=", "?premises=", "?run=", "/undeclared/")
OF_NO_CUSTOMER = (
    "/organisations/",
    "/buildings/",
    "/premises/",
    "/providers/",
    "/staff/",
    "/sync-runs/",
    "/settings/",
    "/exports/",
    "/sync-problems/",
)


def test_no_page_shows_a_customer_without_the_customer_knowing(
    world: worlds.World, staff_app: Any, views: dict[str, Any], enter: Enter
) -> None:
    """M02: every route, as whoever may see the most."""
    owner: Any = world.own["account"]
    Message.update(account=owner).where(Message.id == world.own["message"].id).execute()
    with unit_of_work():
        world.own["event"] = events.record("account.phone_changed", owner, by=owner, old="", new="+37060000009")
    words = [owner.name, owner.email, str(world.own["contract"].payer_code), str(world.own["invoice"].number), world.own["meter"].number]
    browser, looked_at, shown = enter("administrator"), set(), 0
    for step, path in enumerate(paths_to(staff_app, world, views), start=1):
        before, at = len(seen_of(owner)), now()
        with time_machine.travel(at + timedelta(minutes=20) * step, tick=False):
            browser = enter("administrator")
            browser.get(path)
            after = len(seen_of(owner))
        is_hers = browser.status == 200 and any(word in browser.text for word in words)
        if is_hers and not any(part in path for part in PASSED_BY) and not any(part in path for part in OF_NO_CUSTOMER):
            assert after > before, f"{path} shows her, and she is not told"
            looked_at.add(seen_of(owner)[-1])
            shown += 1
    assert shown > 25
    assert {of for of, _how in looked_at} >= {"account", "contract", "event", "invoice", "membership", "message", "meter", "reading"}
    assert {how for _of, how in looked_at} == {"opened", "found"}


def test_a_customer_is_told_at_once_who_looked_and_what_they_did_and_why(world: worlds.World, enter: Enter, customer_app: Any) -> None:
    """M02"""
    owner: Any = world.own["account"]
    customer = Browser(customer_app)
    customer.enter(owner)
    customer.get("/north/account/who-looked")
    assert "Nobody has looked at your data yet" in customer.text
    browser = enter("agent")
    browser.get(f"{BASE}/accounts/{owner.public_id}/")
    browser.get(f"{BASE}/contracts/{world.own['contract'].public_id}/")
    customer.get("/north/account/who-looked")
    assert "Customer service agent North" in customer.text
    assert "Looked at your account Looked at your contracts" in customer.text
    assert world.people["agent"].name not in customer.text
    Account.update(locked_until=now() + timedelta(hours=1)).where(Account.id == owner.id).execute()
    accounts.unlock(Account.get_by_id(owner.id), reason="Skambino dėl slaptažodžio", by=world.people["agent"])
    settings.change(Organisation.get_by_id(world.north.id), "staff_named", True, by=events.OPERATOR)
    customer.get("/north/account/who-looked")
    assert "Unlocked your account" in customer.text
    assert "Reason: Skambino dėl slaptažodžio" in customer.text
    assert f"{world.people['agent'].name}, Customer service agent" in customer.text


def test_a_file_tells_everybody_in_it_and_nobody_else(world: worlds.World, enter: Enter, customer_app: Any) -> None:
    """M02, N06"""
    from tests.backoffice.test_exports import ask

    ask(enter("agent"), "/invoices/", reason="Skolų sąrašas")
    told = {row.account_id for row in ExportedAccount.select()}
    assert told == {world.people[who].id for who in ("owner", "sharee", "viewer", "user")}
    for who, is_told in (("sharee", True), ("stranger", False)):
        customer = Browser(customer_app)
        customer.enter(world.people[who])
        customer.get("/north/account/who-looked")
        assert ("Skolų sąrašas" in customer.text) is is_told, who
        assert ("Saved a file with your data" in customer.text) is is_told, who


def test_looking_again_within_a_quarter_of_an_hour_is_one_look(world: worlds.World, enter: Enter) -> None:
    owner: Any = world.own["account"]
    with time_machine.travel(now(), tick=False) as clock:
        for minutes, count in ((0, 1), (14, 1), (2, 2)):
            clock.shift(timedelta(minutes=minutes))
            enter("agent").get(f"{BASE}/accounts/{owner.public_id}/")
            assert len(seen_of(owner)) == count
        enter("auditor").get(f"{BASE}/accounts/{owner.public_id}/")
        assert len(seen_of(owner)) == 3, "somebody else is somebody else"


def test_a_look_at_a_large_company_takes_as_many_statements_as_at_a_small_one(db: Any, statements: Any) -> None:
    """G8, M02: each of its people is told all the same."""
    north = factories.organisation("north")
    agent, counted = factories.staff(north), []
    for size in (2, 12):
        company = factories.company(north, f"UAB {size}")
        people = [factories.account(north, f"p{number}@c{size}.example") for number in range(size)]
        for account in people:
            factories.represents(account, company, "user")
        with statements() as seen:
            looks.note(Company, [company.public_id], of="company", how="opened", by=agent)
        counted.append(len(seen))
        assert {account.id: seen_of(account) for account in people} == {account.id: [("company", "opened")] for account in people}
    assert counted[0] == counted[1]


def test_a_look_at_one_access_is_at_its_own_account(db: Any) -> None:
    """M02"""
    north = factories.organisation("north")
    contract, anna, ben = factories.contract(north), factories.account(north, "anna@a.example"), factories.account(north, "ben@b.example")
    mine = factories.holds(anna, contract)
    factories.holds(ben, contract)
    looks.note(Membership, [mine.public_id], of="membership", how="opened", by=factories.staff(north))
    assert (seen_of(anna), seen_of(ben)) == ([("membership", "opened")], [])


def test_what_is_not_shown_is_no_look(world: worlds.World, enter: Enter) -> None:
    owner: Any = world.own["account"]
    enter("manager_elsewhere").get(f"{BASE}/accounts/{owner.public_id}/")
    enter("southern_agent").get(f"{BASE}/accounts/{owner.public_id}/")
    enter("agent").get(f"{BASE}/accounts/")
    enter("agent").get(f"{BASE}/accounts/{owner.public_id}/?what=else")
    assert seen_of(owner) == []


def test_what_cannot_be_written_down_is_not_shown(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """M02, F09"""
    import peewee as pw

    def full(*args: Any, **facts: Any) -> None:
        raise pw.OperationalError("disk full")

    monkeypatch.setattr(events, "_made", full)
    browser = enter("agent")
    response = browser.client.get(f"/accounts/{world.own['account'].public_id}/", base_url="http://localhost/backoffice")
    assert response.status_code == 503
    assert world.own["account"].email not in response.get_data(as_text=True)
    assert "Content-Security-Policy" in response.headers


def test_a_record_put_aside_is_of_the_customer_whose_code_it_has(world: worlds.World, enter: Enter) -> None:
    record = {"record": {"payer_code": world.own["contract"].payer_code}}
    SyncProblem.update(record=record).where(SyncProblem.id == world.own["syncproblem"].id).execute()
    enter("agent").get(f"{BASE}/sync-problems/{world.own['syncproblem'].public_id}/")
    assert seen_of(world.own["account"]) == [("syncproblem", "opened")]


def test_the_page_goes_on_by_key_and_back_and_ends_where_the_organisation_says(world: worlds.World) -> None:
    owner, agent = world.own["account"], world.people["agent"]
    with unit_of_work():
        for _ in range(5):
            events.record("account.viewed", owner, by=agent, of="account", how="opened", role="agent")
    first = looks.page(owner, size=2)
    second = looks.page(owner, older=first.older, size=2)
    third = looks.page(owner, older=second.older, size=2)
    assert [len(page.rows) for page in (first, second, third)] == [2, 2, 1]
    assert (first.newer, third.older) == (None, None)
    assert looks.page(owner, newer=second.newer, size=2).rows == first.rows
    assert not looks.page(world.people["stranger"]).rows
    with time_machine.travel(now() + timedelta(days=31 * 24 + 1), tick=False):
        assert not looks.page(owner).rows


def test_whose_data_were_in_a_file_is_forgotten_when_nobody_is_told_any_more(world: worlds.World, enter: Enter) -> None:
    from tests.backoffice.test_exports import ask

    ask(enter("agent"), "/accounts/")
    kept = ExportedAccount.select().count()
    assert (kept > 0, looks.forget_old()) == (True, 0)
    with time_machine.travel(now() + timedelta(days=31 * 24 + 1), tick=False):
        assert looks.forget_old() == kept
    assert Event.select().where(Event.name == "rows.exported").exists()


# What staff cannot do, or not to a customer's data.
NOT_BY_STAFF = (
    "accesstype.", "account.consent_", "account.email_change_stopped", "account.email_change_undone", "account.email_changed", "account.email_confirmed",
    "account.locked", "account.password_", "account.phone_", "account.registered", "account.signed_", "account.viewed", "building.", "company.contacts_", "company.created", "company.register_said",
    "contract.attached", "contract.created", "contract.detached", "contract.passed_on", "feed.", "head.grants_",
    "identity.collided", "identity.confirmed", "identity.linked", "identity.unlinked", "invitation.accepted", "meter", "organisation.", "premises.",
    "provider.", "reading.declared", "register.", "rows.", "savedview.", "setting.", "share.given", "staff.",
    "thirdpartypayer.added",
)  # fmt: skip
BY_STAFF = sorted(name for name in events.FACTS if name.endswith("_by_staff") or not name.startswith(NOT_BY_STAFF))


@pytest.mark.parametrize("event", BY_STAFF)
def test_whatever_staff_do_has_words_of_its_own(event: str) -> None:
    assert event in pages.DID


def test_a_contracts_earlier_changes_are_not_told_to_who_has_it_now(world: worlds.World) -> None:
    agent, contract = world.people["agent"], world.own["contract"]
    with unit_of_work(), time_machine.travel(now() - timedelta(days=9), tick=False):
        events.record("contract.changed", contract, by=agent, before={"address": "x"}, after={"address": "y"})
    with unit_of_work():
        events.record("contract.changed", contract, by=agent, before={"address": "y"}, after={"address": "z"})
    assert [look.event for look in looks.page(world.own["account"]).rows] == ["contract.changed"]
