"""Who looked at a customer's data: staff who open a page about them, find them by a search or take a file with them (M02).

What was looked at is an event like any other, so that the chain over events holds it (M01). Only whose data are in a file is a
table of its own: a file may have a million people in it.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import peewee as pw

from models import (
    Account,
    Company,
    Contract,
    Event,
    Export,
    ExportedAccount,
    Head,
    Identity,
    Invitation,
    Membership,
    Organisation,
    Representative,
    Staff,
    Table,
    now,
)
from rules import events, paging, settings
from rules.paging import Page
from rules.work import unit_of_work

AGAIN_AFTER = timedelta(minutes=15)  # the same kind of look by the same person is written down once in that time
PAGE = 20


# ---- whose data -------------------------------------------------------------------------------------------------------


def is_personal(model: type[Table]) -> bool:
    """Whether the rows of a table are about customers."""
    if model is Export:
        return False
    return model in (Account, Contract, Company, Head, Invitation) or bool({"account", "contract"} & set(model._meta.fields))


def concerned(model: type[Table], ids: Collection[Any]) -> Any:
    """Which accounts the rows of `model` with these public ids are about: a condition on `Account`."""
    rows, fields = model.public_id.in_(list(ids)), model._meta.fields
    if model is Account:
        return rows
    if model in (Company, Invitation):  # its people, or whoever sent it
        of = Representative.company if model is Company else Representative.id
        theirs = Representative.select(Representative.account).where(
            Representative.until_at.is_null()
            & of.in_(model.select(model.id if model is Company else fields["invited_through"]).where(rows))
        )
        return Account.id.in_(theirs)
    if model is Head:  # the person themselves, who may never have seen the company here
        same = (Head.code_digest == Identity.code_digest) & (Head.organisation == Identity.organisation)
        proven = Identity.select(Identity.account).join(Head, on=same).where(rows & Identity.ended_at.is_null())
        return Account.id.in_(proven)
    found: Any = None
    if model is Membership:  # whoever else has the contract is another row's
        return Account.id.in_(Membership.select(Membership.account).where(rows))
    if "account" in fields:
        found = Account.id.in_(model.select(fields["account"]).where(rows))
    if model is Contract or "contract" in fields:
        contracts = model.select(model.id if model is Contract else fields["contract"]).where(rows)
        held = Membership.until_at.is_null() & Membership.contract.in_(contracts)
        holders = Account.id.in_(Membership.select(Membership.account).where(held))
        found = holders if found is None else found | holders
    return found


def accounts_in(model: type[Table], ids: Collection[Any], but: Iterable[int] = ()) -> list[int]:
    """The accounts that these rows are about, without those already known."""
    if not is_personal(model) or not ids:
        return []
    known = set(but)
    rows: Any = Account.select(Account.id).where(concerned(model, ids)).tuples()
    return [number for (number,) in rows if number not in known]


# ---- writing it down --------------------------------------------------------------------------------------------------


def note(model: type[Table], ids: Collection[Any], *, of: str, how: str, by: Staff) -> None:
    """Write down that `by` was shown these rows: `of` is the table whose rows they saw, `how` is "opened" or "found". Says nothing
    where they have seen the same of the same customer within a quarter of an hour."""
    if not is_personal(model) or not ids:
        return
    earlier = Event.alias()
    facts: dict[str, Any] = {"of": of, "how": how, "role": by.role}
    is_known = (
        (earlier.account == Account.id)
        & (earlier.name == "account.viewed")
        & (earlier.actor == events.actor(by))
        & (earlier.at > now() - AGAIN_AFTER)
        & (earlier.facts == facts)
    )
    seen = Account.select(Account.id, Account.organisation).where(concerned(model, ids))
    fresh = list(seen.where(~pw.fn.EXISTS(earlier.select(pw.SQL("1")).where(is_known))))
    if fresh:
        with unit_of_work():
            events.record_all("account.viewed", fresh, by=by, **facts)
    if model is Head:
        _note_heads(ids, facts, by)


def _note_heads(ids: Collection[Any], facts: dict[str, Any], by: Staff) -> None:
    """A head's page shows a personal code, whether or not the person has an account: that look is the head's own."""
    about, since = pw.NodeList((pw.SQL("'head:' ||"), Head.id)), now() - AGAIN_AFTER
    same = (Event.subject == about) & (Event.name == "account.viewed") & (Event.actor == events.actor(by)) & (Event.at > since)
    fresh = list(Head.select().where(Head.public_id.in_(list(ids)) & ~pw.fn.EXISTS(Event.select(pw.SQL("1")).where(same))))
    if fresh:
        with unit_of_work():
            for head in fresh:
                events.record("account.viewed", head, by=by, **facts)


# ---- telling the customer ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """One thing that staff did with a customer's data. `name` and `role` are who: the name only where the organisation says so."""

    public_id: uuid.UUID
    event: str
    facts: dict[str, Any]
    at: datetime
    actor: str
    role: str
    works_for: str
    name: str


def page(account: Account, *, older: uuid.UUID | None = None, newer: uuid.UUID | None = None, size: int = PAGE) -> Page[Look]:
    """What staff have looked at, taken along or changed of a customer's data, as far back as the organisation shows it (M02)."""
    rules, mine = settings.of(account.organisation), _about(account)
    since = now() - timedelta(days=31 * rules.looks_months)
    rows = Event.select().where(Event.id.in_(mine) & Event.actor.startswith("staff:") & (Event.at > since))
    found = paging.page(rows, (Event.id,), lambda event: event.actor.startswith("staff:"), older=older, newer=newer, size=size)
    who = _staff(event.actor for event in found.rows)
    return replace(found, rows=[_look(event, who.get(event.actor), account.organisation, rules.staff_named) for event in found.rows])


def _about(account: Account) -> Any:
    """The ids of the events that are about a customer: their own, of the files they are in, and of their contracts while they have them."""
    own = Event.select(Event.id).where(Event.account == account.id)
    files = ExportedAccount.select(pw.NodeList((pw.SQL("'export:' ||"), ExportedAccount.export))).where(
        ExportedAccount.account == account.id
    )
    taken, changed = Event.alias(), Event.alias()
    contract = pw.NodeList((pw.SQL("'contract:' ||"), Membership.contract))
    held = (Membership.account == account.id) & Membership.until_at.is_null() & (changed.at >= Membership.since_at)
    return (
        own.union_all(taken.select(taken.id).where(taken.subject.in_(files)))
        .union_all(changed.select(changed.id).join(Membership, on=(changed.subject == contract)).where(held & changed.account.is_null()))
    )  # fmt: skip


def _staff(actors: Iterable[str]) -> dict[str, Staff]:
    numbers = {int(actor.partition(":")[2]) for actor in actors}
    found = Staff.select(Staff, Organisation).join(Organisation, pw.JOIN.LEFT_OUTER).where(Staff.id.in_(list(numbers)))
    return {f"staff:{person.id}": person for person in found}


def _look(event: Event, person: Staff | None, here: Organisation, is_named: bool) -> Look:
    facts = event.facts or {}
    works_for: Any = person.organisation if person is not None and person.organisation_id else here
    role = facts.get("role") or (person.role if person else "")
    return Look(event.public_id, event.name, facts, event.at, event.actor, role, works_for.name, person.name if person and is_named else "")


def forget_old() -> int:
    """Drop whose data were in files that no customer is told of any more; returns how many. The events stay, as all do."""
    dropped = 0
    for organisation in Organisation.select():
        since = now() - timedelta(days=31 * settings.of(organisation).looks_months)
        old: Any = Export.select(Export.id).where(Export.created_at < since)
        here: Any = Account.select(Account.id).where(Account.organisation == organisation.id)
        dropped += int(ExportedAccount.delete().where(ExportedAccount.export.in_(old) & ExportedAccount.account.in_(here)).execute())
    return dropped
