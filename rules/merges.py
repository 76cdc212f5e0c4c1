"""Two accounts of one person become one, and two again (T60, M18).

Nothing is joined by itself. What is to be joined is said first, and done after a yes; each row that changed is written down with what it
said before, in the event itself, so that for thirty days all of it goes back to that, but to nobody what they could not have by now, had
nothing been joined (decision 48). The account that goes stays as a row: its history, its letters and what staff looked at are its own,
and it opens for nobody.
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
    Invitation,
    Membership,
    MeterName,
    Representative,
    Share,
    Staff,
    Table,
    ThirdPartyPayer,
    UTCDateTimeField,
    now,
)
from rules import (
    access,
    clock,
    companies,
    confirmations,
    details,
    events,
    freezes,
    heads,
    holding,
    identities,
    invitations,
    lockouts,
    messages,
    own_contracts,
    registration,
    sessions,
)
from rules.bulk import among
from rules.refusal import Doubtful, Refused
from rules.work import locked, unit_of_work

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
        locked(Account.select().where(Account.id.in_([account.id, _other(account, email, by).id])).order_by(Account.id))
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
        paid = {row.contract_id: row for row in ThirdPartyPayer.select().where(_pays(account))}
        for payer in ThirdPartyPayer.select().where(_pays(goes)):  # both paid for it
            _write(payer, journal, kept=paid[payer.contract_id], ended_at=now(), ended_by=ENDED_BY)
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


def _other(account: Account, email: str, by: Staff) -> Account:
    same = (Account.organisation == account.organisation_id) & (Account.email_key == details.login(email)) & (Account.id != account.id)
    return Account.within(by).where(same).first() or _refuse(NOBODY, "email")


def _refuse(sentence: str, field: str) -> Account:
    raise Refused(sentence, field=field)


def _check(account: Account, goes: Account, by: Staff) -> None:
    if by.role != "administrator" and not is_proven(account, goes):
        raise Refused(NOT_PROVEN)
    if identities.strong(account) and identities.strong(goes):
        raise Refused(TWO_PEOPLE)
    here: Any = Representative.select(Representative.company).where((Representative.account == account) & Representative.until_at.is_null())
    twice = Representative.select().where(
        (Representative.account == goes) & Representative.until_at.is_null() & Representative.company.in_(here)
    )
    for place in twice:
        raise Refused(BOTH_IN, company=place.company.name)


def is_proven(one: Account, other: Account) -> bool:
    """Whether the person of one account has lately proven, in the other one, that they are the same. What staff saw in a document is no
    proof of whom an account is of (T41), nor is that it has yielded to one: the person proves it in that account too."""
    since = now() - COLLIDED_WITHIN
    for mine, theirs in ((one, other), (other, one)):
        found = Event.select().where((Event.account == mine) & (Event.name == "identity.collided") & (Event.at > since))
        if identities.is_proven(theirs) and any((event.facts or {}).get("other") == theirs.id for event in found):
            return True
    return False


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
    _write(ends, journal, kept=stays, until_at=at, ended_by=ENDED_BY)
    if stays is theirs:
        _write(stays, journal, account=account)


# ---- the journal ------------------------------------------------------------------------------------------------------


def _write(row: Table, journal: Journal, *, kept: Table | None = None, **changes: Any) -> None:
    """Change these columns of a row, and write down what they said before and say now; and the row that was `kept` in place of one that
    ends."""
    before = {name: _plain(row.__data__.get(name)) for name in changes}
    type(row).update(**changes).where(type(row).id == row.id).execute()
    for name, value in changes.items():
        setattr(row, name, value)
    after = {name: _plain(row.__data__.get(name)) for name in changes}
    entry = {"table": type(row).__name__.lower(), "id": row.id, "before": before, "after": after}
    journal.append(entry | ({"kept": kept.id} if kept is not None else {}))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


# ---- undoing ----------------------------------------------------------------------------------------------------------


def undoable(account: Account) -> Event | None:
    """The last joining into this account that can still be undone."""
    mine = (Event.account == account) & (Event.at > now() - UNDO)
    last = Event.select().where(mine & Event.name.in_(("account.merged", "account.merge_undone"))).order_by(Event.id.desc()).first()
    return last if last is not None and last.name == "account.merged" else None


def undo(account: Account, *, reason: str, by: Staff) -> None:
    """Part two accounts again: everything goes back to what it was. What ended by the joining stays ended where it would have ended since
    without it, and what was given away since of what goes back ends. Raises Refused without a reason, after thirty days, and where what
    was joined has changed since."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    with unit_of_work():
        locked(Account.select().where(Account.id == account.id))
        event = undoable(account)
        if event is None:
            raise Refused(N_("There is nothing to undo."))
        facts = event.facts or {}
        goes = Account.get_by_id(facts["goes"])
        if registration.is_taken(account.organisation, facts["email"], but=goes):
            raise Refused(CHANGED)
        try:
            left = _put_all_back(facts["journal"])
            Account.update(password_hash=goes.password_hash.removeprefix(SHUT)).where(Account.id == goes.id).execute()
            _end_what_was_given(facts["journal"], left, event.at, reason=reason.strip(), by=by)
            _put_companies_right(facts["journal"], account, goes, event.at, by)
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


def _put_all_back(journal: Journal) -> set[int]:
    """Every row as it was, last changed first, but for what stays ended. Returns which accesses do. Raises Refused."""
    contracts = [MODELS[entry["table"]].get_by_id(entry["id"]).contract_id for entry in journal if "kept" in entry]
    # Whoever passes one of them on, or ends what was kept, comes before or after.
    locked(Contract.select().where(among(Contract.id, contracts)).order_by(Contract.id))
    locked(Membership.select().where(among(Membership.contract, contracts)).order_by(Membership.id))
    locked(ThirdPartyPayer.select().where(among(ThirdPartyPayer.contract, contracts)).order_by(ThirdPartyPayer.id))
    left: set[int] = set()
    for entry in reversed(journal):
        model = MODELS[entry["table"]]
        row = model.get_or_none(model.id == entry["id"])
        if row is None or any(_plain(row.__data__[name]) != value for name, value in entry["after"].items()):
            raise Refused(CHANGED)
        if "kept" in entry and _stays_ended(row, type(row).get_by_id(entry["kept"])):
            left |= {row.id} if model is Membership else set()
        elif not ("ended_at" in entry["after"] and model is Share and row.membership_id in left):
            model.update(**{name: _read(model, name, value) for name, value in entry["before"].items()}).where(model.id == row.id).execute()
    return left


def _stays_ended(row: Any, kept: Any) -> bool:
    """Whether what ended by the joining would have ended since without it: the payer code is another customer's by now, what was kept in
    its place has ended or allows less, or whoever shared it shares it no more."""
    if isinstance(row, ThirdPartyPayer):
        return kept.ended_at is not None
    if holding.has_gone_on(row) or kept.until_at is not None:
        return True
    shared = Share.select(Share, Membership, AccessType).join(Membership, on=Share.given_through).join(AccessType)
    return not set(row.access_type.deeds) <= set(kept.access_type.deeds) or any(
        share.given_through.until_at is not None
        or "contract.share" not in share.given_through.access_type.deeds
        or (share.last_on is not None and share.last_on < clock.today())
        for share in shared.where((Share.membership == row) & (Share.ended_by == ENDED_BY))
    )


def _end_what_was_given(journal: Journal, left: set[int], since: datetime, *, reason: str, by: Staff) -> None:
    """What is shared through an access that stays ended ends, and what was given since through one, or through a place in a company, that
    has gone back: whoever has it again did not give it."""
    accesses, places = _moved(journal, Membership), _moved(journal, Representative)
    lately = among(Share.given_through, accesses) & (Share.given_at > since)
    for share in list(Share.select().where((among(Share.given_through, sorted(left)) | lately) & Share.ended_at.is_null())):
        holding.end_share(share, "owner", by=by)
    offered = among(Invitation.invited_through, places) & (Invitation.invited_at > since) & Invitation.ended_at.is_null()
    for offer in list(Invitation.select().where(offered)):
        if offer.representative is None:
            invitations.revoke_by_staff(offer, reason=reason, by=by)
        elif offer.representative.until_at is None and offer.representative.access_type.name != access.HEAD:
            companies.end(offer.representative, "staff", by=by, reason=reason)


def _put_companies_right(journal: Journal, account: Account, goes: Account, since: datetime, by: Staff) -> None:
    """Companies, and their contracts, that came since with a place or a person which has gone back, go too."""
    for place in Representative.select().where(among(Representative.id, _moved(journal, Representative))):
        for one in (account, goes):
            companies.keep_in_step(companies.contracts_of(place.company), [place.company_id], account=one, by=by)
    if Identity.select().where(among(Identity.id, _moved(journal, Identity)) & (Identity.scheme == "PNO")).exists():
        heads.forget(account, by=by)
        heads.recognise(goes)
        came = (Membership.account == account) & Membership.until_at.is_null() & (Membership.since_at >= since)
        for held in list(Membership.select().where(came & holding.came_by_identity())):
            holding.end(held, "staff", by=by)
        own_contracts.recognise(goes)


def _moved(journal: Journal, model: type[Table]) -> list[int]:
    return [entry["id"] for entry in journal if entry["table"] == model.__name__.lower() and "account" in entry["before"]]


def _read(model: type[Table], name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(model._meta.fields[name], UTCDateTimeField) and value else value
