"""Two accounts of one person become one, and two again (T60, M18).

Nothing is joined by itself. What is to be joined is said first, and done after a yes; each row that changed is written down with what it
said before, in the event itself, so that for thirty days all of it goes back to exactly that. The account that goes stays as a row: its
history, its letters and what staff looked at are its own, and it opens for nobody.
"""

from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError

from models import (
    N_,
    TABLES,
    AccessType,
    Account,
    Contract,
    Event,
    Identity,
    Membership,
    MeterName,
    Representative,
    Share,
    Staff,
    Table,
    ThirdPartyPayer,
    UTCDateTimeField,
    database,
    now,
)
from rules import confirmations, details, events, freezes, lockouts, messages, registration, sessions
from rules.refusal import Doubtful, Refused
from rules.work import unit_of_work

UNDO = timedelta(days=30)
COLLIDED_WITHIN = timedelta(days=30)
ENDED_BY, SHUT = "merge", "joined:"
REASON = N_("Enter the reason")
NOBODY = N_("No other account here is opened with this e-mail")
NOT_PROVEN = N_(
    "Nobody has proven that both accounts are of one person. Ask the customer to confirm who they are in this "
    "one, or have an administrator decide."
)
TWO_PEOPLE = N_("Each account is of another person, by their personal codes. They are not joined.")
BOTH_IN = N_("Both represent {company}. End one of the two places first.")
BOTH_HOLD = N_("Both hold {contract}, and neither access allows all that the other does. Make one of them the same as the other first.")
PREVIEW = N_(
    "From {email} comes here: contracts {contracts}, companies {companies}, ways to sign in {ways}, own names of meters {names}, "
    "bills of others to pay {payments}. Contracts that both hold: {both}, where the greater access stays. {email} opens nothing from "
    "then on, and both addresses are told. Is it the same person?"
)
CHANGED = N_("Too much has changed since, so it cannot be undone here.")
MODELS = {model.__name__.lower(): model for model in TABLES}

Journal = list[dict[str, Any]]


# ---- joining ----------------------------------------------------------------------------------------------------------


def merge(account: Account, *, email: str, reason: str, by: Staff, sure: bool = False) -> None:
    """Let the account with this e-mail go into `account`, whose login stays. Raises Refused, and Doubtful with what would happen unless
    `sure`: without a proof that both are of one person only an administrator may."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    with unit_of_work():
        _lock(account, _other(account, email, by))
        goes = _other(account, email, by)  # whoever joined it a moment earlier was faster
        _check(account, goes, by)
        both = _both(account, goes)
        if not sure:
            counts: dict[str, Any] = {name: len(rows) for name, rows in _coming(account, goes).items()}
            raise Doubtful(PREVIEW, email=goes.email, both=len(both), **counts)
        journal: Journal = []
        for mine, theirs in both:
            _join_access(mine, theirs, account, journal)
        for rows in _coming(account, goes).values():
            for row in rows:
                _write(row, journal, account=account)
        for payer in ThirdPartyPayer.select().where(_pays(goes)):
            _write(payer, journal, ended_at=now(), ended_by=ENDED_BY)  # both paid for it
        if account.identity_confirmed_at is None and goes.identity_confirmed_at is not None:
            _write(account, journal, identity_confirmed_at=goes.identity_confirmed_at)
        old_email, at = goes.email, now()
        nowhere = f"{goes.public_id}@joined.invalid"
        _write(goes, journal, email=nowhere, email_key=nowhere, email_confirmed_at=None, identity_confirmed_at=None)
        # Kept, but no password any more; and not in the journal, which stays.
        Account.update(password_hash=SHUT + goes.password_hash).where(Account.id == goes.id).execute()
        for one in (account, goes):
            sessions.end_all(one)
            confirmations.end(one, "reset_password", "unlock", "confirm_email", "change_email")
        lockouts.forget(lockouts.of_customers(account.organisation), old_email)
        freezes.begin(account, at)
        facts: dict[str, Any] = {"email": old_email, "kept": account.email, "reason": reason.strip()}
        events.record("account.merged_into", goes, by=by, **facts)
        event = events.record("account.merged", account, by=by, goes=goes.id, journal=journal, **facts)
        for address in (old_email, account.email):
            messages.put(
                "accounts_merged",
                account,
                address=address,
                organisation=account.organisation,
                dedupe_key=f"accounts_merged:{event.id}:{address}",
                lane=messages.SOMEONE_WAITS,
                email=old_email,
                kept=account.email,
            )


def _lock(*accounts: Account) -> None:
    """Keep these rows as they are until this transaction ends. SQLite has locked everything already."""
    rows: Any = Account.select().where(Account.id.in_([one.id for one in accounts])).order_by(Account.id)
    list(rows.for_update("FOR NO KEY UPDATE") if database.for_update else rows)


def _other(account: Account, email: str, by: Staff) -> Account:
    same = (Account.organisation == account.organisation_id) & (Account.email_key == details.login(email)) & (Account.id != account.id)
    return Account.within(by).where(same).first() or _refuse(NOBODY, "email")


def _refuse(sentence: str, field: str) -> Account:
    raise Refused(sentence, field=field)


def _check(account: Account, goes: Account, by: Staff) -> None:
    if by.role != "administrator" and not is_proven(account, goes):
        raise Refused(NOT_PROVEN)
    if _persons(account) and _persons(goes):
        raise Refused(TWO_PEOPLE)
    here: Any = Representative.select(Representative.company).where((Representative.account == account) & Representative.until_at.is_null())
    twice = Representative.select().where(
        (Representative.account == goes) & Representative.until_at.is_null() & Representative.company.in_(here)
    )
    for place in twice:
        raise Refused(BOTH_IN, company=place.company.name)


def is_proven(one: Account, other: Account) -> bool:
    """Whether the person of one account has lately proven, in the other one, that they are the same."""
    since = now() - COLLIDED_WITHIN
    for mine, theirs in ((one, other), (other, one)):
        found = Event.select().where((Event.account == mine) & (Event.name == "identity.collided") & (Event.at > since))
        if _persons(theirs) and any((event.facts or {}).get("other") == theirs.id for event in found):
            return True
    return False


def _persons(account: Account) -> bool:
    """Whether its own customer has proven whom it is of; what staff saw in a document is no proof of that (T41)."""
    live = (Identity.account == account) & Identity.ended_at.is_null() & (Identity.scheme == "PNO") & (Identity.level != "desk")
    return Identity.select().where(live).exists()


def _both(account: Account, goes: Account) -> list[tuple[Membership, Membership]]:
    """The accesses of both to one contract. Raises Refused where it cannot be said which is the greater."""
    mine = {row.contract_id: row for row in _live(Membership, account)}
    pairs = [(mine[row.contract_id], row) for row in _live(Membership, goes) if row.contract_id in mine]
    for one, other in pairs:
        a, b = set(one.access_type.deeds), set(other.access_type.deeds)
        if one.through_id or other.through_id or not (a <= b or b <= a):
            raise Refused(BOTH_HOLD, contract=str(one.contract))
    return pairs


def _live(model: type[Any], account: Account) -> list[Any]:
    rows = model.select(model, AccessType).join(AccessType).where((model.account == account) & model.until_at.is_null())
    return list(rows.order_by(model.id))


def _coming(account: Account, goes: Account) -> dict[str, list[Any]]:
    """What moves as it is."""
    held: Any = Membership.select(Membership.contract).where((Membership.account == account) & Membership.until_at.is_null())
    named: Any = MeterName.select(MeterName.meter).where(MeterName.account == account)
    live = (Membership.account == goes) & Membership.until_at.is_null() & Membership.contract.not_in(held)
    places = (Representative.account == goes) & Representative.until_at.is_null()
    ways = (Identity.account == goes) & Identity.ended_at.is_null()
    paid: Any = ThirdPartyPayer.select(ThirdPartyPayer.contract).where(_pays(account))
    names = (MeterName.account == goes) & MeterName.meter.not_in(named)
    return {
        "companies": list(Representative.select().where(places).order_by(Representative.id)),
        "contracts": list(Membership.select(Membership, Contract).join(Contract).where(live).order_by(Membership.id)),
        "ways": list(Identity.select().where(ways).order_by(Identity.id)),
        "names": list(MeterName.select().where(names).order_by(MeterName.id)),
        "payments": list(ThirdPartyPayer.select().where(_pays(goes) & ThirdPartyPayer.contract.not_in(paid)).order_by(ThirdPartyPayer.id)),
    }


def _pays(account: Account) -> Any:
    return (ThirdPartyPayer.account == account) & ThirdPartyPayer.ended_at.is_null()


def _join_access(mine: Membership, theirs: Membership, account: Account, journal: Journal) -> None:
    """Of two accesses to one contract the greater stays, with all that was shared through either."""
    stays, ends = (mine, theirs) if set(theirs.access_type.deeds) <= set(mine.access_type.deeds) else (theirs, mine)
    at = now()
    for share in Share.select().where((Share.membership == ends) & Share.ended_at.is_null()):
        _write(share, journal, ended_at=at, ended_by=ENDED_BY)  # what was shared with oneself
    for share in Share.select().where((Share.given_through == ends) & Share.ended_at.is_null()):
        _write(share, journal, given_through=stays)
    _write(ends, journal, until_at=at, ended_by=ENDED_BY)
    if stays is theirs:
        _write(stays, journal, account=account)


# ---- the journal ------------------------------------------------------------------------------------------------------


def _write(row: Table, journal: Journal, **changes: Any) -> None:
    """Change these columns of a row, and write down what they said before and say now."""
    before = {name: _plain(row.__data__.get(name)) for name in changes}
    type(row).update(**changes).where(type(row).id == row.id).execute()
    for name, value in changes.items():
        setattr(row, name, value)
    after = {name: _plain(row.__data__.get(name)) for name in changes}
    journal.append({"table": type(row).__name__.lower(), "id": row.id, "before": before, "after": after})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


# ---- undoing ----------------------------------------------------------------------------------------------------------


def undoable(account: Account) -> Event | None:
    """The last joining into this account that can still be undone."""
    mine = (Event.account == account) & (Event.at > now() - UNDO)
    last = Event.select().where(mine & Event.name.in_(("account.merged", "account.merge_undone"))).order_by(Event.id.desc()).first()
    return last if last is not None and last.name == "account.merged" else None


def undo(account: Account, *, reason: str, by: Staff) -> None:
    """Part two accounts again: everything goes back to what it was. Raises Refused without a reason, after thirty days, and where
    what was joined has changed since."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    with unit_of_work():
        _lock(account)
        event = undoable(account)
        if event is None:
            raise Refused(N_("There is nothing to undo."))
        facts = event.facts or {}
        goes = Account.get_by_id(facts["goes"])
        if registration.is_taken(account.organisation, facts["email"], but=goes):
            raise Refused(CHANGED)
        try:
            for entry in reversed(facts["journal"]):
                _put_back(entry)
            Account.update(password_hash=goes.password_hash.removeprefix(SHUT)).where(Account.id == goes.id).execute()
        except IntegrityError:
            raise Refused(CHANGED) from None
        for one in (account, goes):
            sessions.end_all(one)
        events.record("account.merge_undone", account, by=by, email=facts["email"], reason=reason.strip())
        for address in (facts["email"], account.email):
            messages.put(
                "merge_undone",
                account,
                address=address,
                organisation=account.organisation,
                dedupe_key=f"merge_undone:{event.id}:{address}",
                email=facts["email"],
                kept=account.email,
            )


def _put_back(entry: dict[str, Any]) -> None:
    model = MODELS[entry["table"]]
    fields = model._meta.fields

    def read(name: str, value: Any) -> Any:
        return datetime.fromisoformat(value) if isinstance(fields[name], UTCDateTimeField) and value else value

    row = model.get_or_none(model.id == entry["id"])
    if row is None or any(_plain(row.__data__[name]) != value for name, value in entry["after"].items()):
        raise Refused(CHANGED)
    model.update(**{name: read(name, value) for name, value in entry["before"].items()}).where(model.id == row.id).execute()
