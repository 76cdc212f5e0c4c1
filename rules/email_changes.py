"""Another e-mail for an account, so that nobody is talked into giving it away (CV-37, K10, M04, T56).

Staff begin a change for whoever calls; it goes on only with a proof that no voice can give: a code that the present address got, or a
colleague who looks at it too, told whether a strong identity has signed in just now. Then the new address confirms. Both addresses are
told, what could be abused is frozen for three days, and as long the old address takes all of it back by one link.
"""

import hmac
from datetime import datetime, timedelta
from typing import Any

import peewee as pw
from peewee import IntegrityError

from models import (
    N_,
    Account,
    Confirmation,
    Device,
    EmailChange,
    Identity,
    Invitation,
    Membership,
    Organisation,
    Representative,
    Share,
    Staff,
    now,
)
from rules import (
    accounts,
    confirmations,
    details,
    events,
    freezes,
    holding,
    identities,
    invitations,
    keys,
    limits,
    links,
    lockouts,
    messages,
    registration,
    sessions,
    settings,
)
from rules.refusal import Refused
from rules.work import unit_of_work

UNDO = freezes.LASTS
CODE_DIGITS, CODE_GOOD, CODE_TRIES = 6, timedelta(minutes=30), 5
COLLEAGUE_WITHIN = timedelta(days=7)
IDENTITY_JUST_NOW, IDENTITY_KNOWN_FOR = timedelta(minutes=30), freezes.LASTS
PER_DAY = 5

OF_ANOTHER = N_("This address is already used by another account")
REASON = N_("Enter the reason")
NOT_HERE = N_("Here an e-mail is not changed: the customer registers with the new address, and adds the contracts there.")
NO_OLD_ADDRESS = N_("The present address was never confirmed, so no code can prove anything. Ask a colleague to look at it too.")
NOT_JUST_NOW = N_("Nobody has signed in to this account with a strong identity in the last half an hour. Ask the customer to do so now.")
FROZEN = N_("What opens this account was changed less than three days ago. A colleague must look at it too.")
NOT_WAITING = N_("This change no longer waits for that. Look at it again.")
WRONG_CODE = N_("The code is not right. Ask the customer to read it out once more.")
NO_TRIES = N_("The code is no longer good. Begin again.")
OWN = N_("You began this change yourself: somebody else must look at it.")


# ---- asking -----------------------------------------------------------------------------------------------------------


def ask(account: Account, *, email: str, proof: str, reason: str, by: Staff, site_url: str) -> EmailChange:
    """Begin a change for a customer who called; `proof` is "code", "identity" or "colleague". The present address is told at once, and
    gets a link that stops it. A later wish replaces an earlier one. Raises Refused: without a reason, for what is no address, is the
    same or another account's, and where the organisation changes none or the proof cannot be had."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    if settings.of(account.organisation).email_change == "recreate":
        raise Refused(NOT_HERE)
    if proof not in ("code", "identity", "colleague"):
        raise Refused(N_("Select what proves that it is the customer's wish"), field="proof")
    if proof == "code" and account.email_confirmed_at is None:
        raise Refused(NO_OLD_ADDRESS, field="proof")
    if proof != "colleague" and freezes.is_frozen(account):
        raise Refused(FROZEN, field="proof")
    if proof == "identity" and not has_just_proven(account):
        raise Refused(NOT_JUST_NOW, field="proof")
    return _begin(account, _address(account, email), proof, reason.strip(), by, site_url)


def ask_by_customer(account: Account, *, email: str, password: str, site_url: str) -> EmailChange:
    """Begin a change by the customer's own hand, where the organisation lets them (K10), with the password once more. Raises Refused;
    what is counted must stay."""
    if settings.of(account.organisation).email_change != "self":
        raise Refused(N_("Customer service changes the e-mail here."))
    accounts.check_password(account, password)
    freezes.check(account)
    return _begin(account, _address(account, email), "self", "", account, site_url)


def _address(account: Account, email: str) -> str:
    new = details.address(email)
    details.refuse_public_mail(account.organisation, new)
    if new.casefold() == account.email_key:
        raise Refused(N_("This is the account's address already"), field="email")
    if registration.is_taken(account.organisation, new, but=account):
        raise Refused(OF_ANOTHER, field="email")
    return new


def has_just_proven(account: Account) -> bool:
    """Whether the person behind an account has signed in by a strong identity just now: one that nobody could have added lately, and
    not one that staff took from a document."""
    at = now()
    strong = (Identity.account == account) & Identity.ended_at.is_null() & (Identity.level == "high") & (Identity.scheme == "PNO")
    fresh = (Identity.confirmed_at < at - IDENTITY_KNOWN_FOR) & (Identity.last_used_at > at - IDENTITY_JUST_NOW)
    return Identity.select().where(strong & fresh & Identity.last_method.not_in(("", "document"))).exists()


def _begin(account: Account, new: str, proof: str, reason: str, by: Staff | Account, site_url: str) -> EmailChange:
    at, old, organisation = now(), account.email, account.organisation
    hours = timedelta(hours=settings.of(organisation).link_hours)
    # What has signed in just now does not say to what it agrees: with "identity" too a colleague looks at it.
    state = {"code": "code", "self": "letter"}.get(proof, "colleague")
    good = {"code": CODE_GOOD, "colleague": COLLEAGUE_WITHIN}.get(state, hours)
    with unit_of_work():
        if not limits.spend("email-change", str(account.id), PER_DAY, limits.DAY):
            raise Refused(N_("The e-mail of this account was to be changed {most} times today. Go on tomorrow."), most=PER_DAY)
        # Whoever asks at the same moment waits for this row, and then replaces what stands here.
        EmailChange.update(state="replaced", ended_at=at).where((EmailChange.account == account) & EmailChange.ended_at.is_null()).execute()
        confirmations.end(account, "change_email")
        try:
            change = EmailChange.create(
                organisation=organisation,
                account=account,
                old=old,
                new=new,
                proof=proof,
                state=state,
                asked_by=by if isinstance(by, Staff) else None,
                reason=reason,
                asked_at=at,
                expires_at=at + good,
            )
        except IntegrityError:
            raise Refused(accounts.CHANGED_MEANWHILE) from None
        undo_url = links.undo_email(site_url, _undo_link(account, old, new, at + good + hours + UNDO))
        events.record("account.email_change_asked", account, by=by, old=old, new=new, proof=proof, reason=reason)
        if proof == "code":
            _send_code(change, undo_url)
        else:
            messages.put("email_change_notice", account, old=old, new=new, undo_url=undo_url, **_soon(change, "email_change_notice"))
        if change.state == "letter":
            _ask_new_address(change, site_url)
    return change


def _send_code(change: EmailChange, undo_url: str) -> None:
    code = keys.new_code(CODE_DIGITS)
    EmailChange.update(code_digest=_digest(change, code)).where(EmailChange.id == change.id).execute()
    minutes = int(CODE_GOOD.total_seconds()) // 60
    messages.put(
        "email_change_code",
        change.account,
        code=code,
        minutes=minutes,
        new=change.new,
        undo_url=undo_url,
        **_soon(change, "email_change_code"),
    )


def _digest(change: EmailChange, code: str) -> str:
    return keys.digest("email-change code", f"{change.public_id}\x00{code}")


def _ask_new_address(change: EmailChange, site_url: str) -> None:
    """The letter whose link makes the change take effect; nobody but the new address has it."""
    account, hours = change.account, settings.of(change.account.organisation).link_hours
    _row, token = confirmations.link(
        "change_email",
        organisation=account.organisation,
        address=change.new,
        until=now() + timedelta(hours=hours),
        account=account,
        facts={"old": change.old, "new": change.new, "change": change.id},
    )
    url = links.confirm_new_email(site_url, token)
    messages.put("email_change_confirm", account, address=change.new, url=url, hours=hours, **_soon(change, "email_change_confirm"))


def _soon(change: EmailChange, kind: str) -> dict[str, Any]:
    """What every letter about a change has: somebody waits for it, and it is sent once."""
    organisation = change.account.organisation
    return {"organisation": organisation, "dedupe_key": f"{kind}:{change.public_id}", "lane": messages.SOMEONE_WAITS}


# ---- proving ----------------------------------------------------------------------------------------------------------


def enter_code(change: EmailChange, *, code: str, by: Staff, site_url: str) -> None:
    """The code that the customer has read out: the new address is then asked to confirm. Raises Refused; every try is spent before it
    is looked at, so outside a unit of work that the caller gives up."""
    open_ = (EmailChange.id == change.id) & (EmailChange.state == "code") & (EmailChange.expires_at > now())
    if not EmailChange.update(tries=EmailChange.tries + 1).where(open_ & (EmailChange.tries < CODE_TRIES)).execute():
        raise Refused(NO_TRIES, field="code")
    if not hmac.compare_digest(EmailChange.get_by_id(change.id).code_digest, _digest(change, "".join(code.split()))):
        raise Refused(WRONG_CODE, field="code")
    with unit_of_work():
        _go_on(change, "code", by, "", site_url)


def approve(change: EmailChange, *, reason: str, by: Staff, site_url: str) -> None:
    """A second pair of eyes says yes. Raises Refused without a reason, for whoever began it, and where it no longer waits."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    if change.asked_by_id == by.id:
        raise Refused(OWN)
    with unit_of_work():
        _go_on(change, "colleague", by, reason.strip(), site_url)


def _go_on(change: EmailChange, waits_for: str, by: Staff, answer: str, site_url: str) -> None:
    at = now()
    until = at + timedelta(hours=settings.of(change.account.organisation).link_hours)
    still = (EmailChange.id == change.id) & (EmailChange.state == waits_for) & (EmailChange.expires_at > at)
    if not EmailChange.update(state="letter", answered_by=by, answer=answer, expires_at=until).where(still).execute():
        raise Refused(NOT_WAITING)
    if registration.is_taken(change.account.organisation, change.new, but=change.account):
        raise Refused(OF_ANOTHER)
    events.record("account.email_change_proven", change.account, by=by, old=change.old, new=change.new, proof=change.proof, reason=answer)
    _ask_new_address(change, site_url)


def refuse(change: EmailChange, *, reason: str, by: Staff) -> None:
    """Staff end a change that waits, for whatever reason; the address that stays is told. Raises Refused."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    account = change.account
    with unit_of_work():
        ended = EmailChange.update(state="refused", answered_by=by, answer=reason.strip(), ended_at=now())
        if not ended.where((EmailChange.id == change.id) & EmailChange.ended_at.is_null()).execute():
            raise Refused(NOT_WAITING)
        confirmations.end(account, "change_email")  # not the links that take an earlier change back
        events.record("account.email_change_refused", account, by=by, old=change.old, new=change.new, reason=reason.strip())
        messages.put("email_change_refused", account, old=change.old, new=change.new, **_soon(change, "email_change_refused"))


# ---- taking effect ----------------------------------------------------------------------------------------------------


def find(organisation: Organisation, token: str) -> dict[str, str]:
    """The old and the new address of a change that waits for the new one. Raises Refused where the link is over."""
    return dict(confirmations.find("change_email", token, organisation).facts)


def confirm(organisation: Organisation, token: str, *, site_url: str) -> Account:
    """Make a change take effect, by the link that only the new address got. Every session ends, the account gives nothing away for
    three days, and as long the old address has a link that takes it back. Raises Refused where the link is over, or another account
    was faster with the address."""
    row, at = confirmations.find("change_email", token, organisation), now()
    account, old, new = accounts.whose(row), row.facts["old"], row.facts["new"]
    change = EmailChange.get_by_id(row.facts["change"])
    was_confirmed, until = account.email_confirmed_at is not None, at + UNDO
    # What whoever holds the new address could change meanwhile, as the old one left it.
    # Who takes an account over adds a way in before asking for the change: from then on the freeze would be in the way.
    kept = {
        "password_hash": account.password_hash,
        "phone": account.phone,
        "since": at.isoformat(),
        "confirmed_at": account.email_confirmed_at and account.email_confirmed_at.isoformat(),
        "identities_since": (change.asked_at - freezes.LASTS).isoformat(),
    }
    try:
        with unit_of_work():
            confirmations.use(row)
            EmailChange.update(state="done", changed_at=at, ended_at=at).where(EmailChange.id == change.id).execute()
            _set(account, new, at)
            freezes.begin(account, at)
            events.record("account.email_changed", account, by=account, old=old, new=new)
            # The link of the notice goes on working as long as the new one; those of earlier changes take back these too.
            for earlier in Confirmation.select().where(_undoes(account)):
                Confirmation.update(expires_at=until, facts=kept | earlier.facts).where(Confirmation.id == earlier.id).execute()
            undo_token = _undo_link(account, old, new, until, **kept)
            if was_confirmed:
                undo_url = links.undo_email(site_url, undo_token)
                messages.put(
                    "email_changed_old",
                    account,
                    address=old,
                    old=old,
                    new=new,
                    undo_url=undo_url,
                    until=until.isoformat(),
                    **_soon(change, "email_changed_old"),
                )
            messages.put("email_changed_new", account, sign_in_url=links.sign_in(site_url), **_soon(change, "email_changed_new"))
    except IntegrityError:
        raise Refused(OF_ANOTHER) from None
    return account


def _set(account: Account, email: str, at: datetime, **more: Any) -> None:
    """Give the account another login, which was proven then. Raises IntegrityError where it is another's."""
    scope = lockouts.of_customers(account.organisation)
    lockouts.forget(scope, account.email)
    lockouts.forget(scope, email)
    accounts.write(account, email=email, email_confirmed_at=at, locked_until=None, **more)
    sessions.end_all(account)
    confirmations.end(account, "reset_password", "unlock", "confirm_email", "change_email")


# ---- taking back ------------------------------------------------------------------------------------------------------


def find_undo(organisation: Organisation, token: str) -> tuple[dict[str, str], bool]:
    """The addresses of a change that may be taken back, and whether it has taken effect. Raises Refused where the link is over."""
    row = confirmations.find("undo_email", token, organisation)
    return dict(row.facts), accounts.whose(row).email_key != row.address


def undo(organisation: Organisation, token: str) -> bool:
    """Stop a change of e-mail, or take it back, by a link that only the old address got (M04). Returns whether it had taken effect.

    Taken back, the old address opens the account again with the password and phone of before; every session, every browser that was
    known, and all that was given away since ends. An identity that staff have unlinked stays so: its person proves it again (decision 46),
    and the letter names it. Raises Refused where the link is over, or the old address has another account.
    """
    row, at = confirmations.find("undo_email", token, organisation), now()
    account, facts = accounts.whose(row), dict(row.facts)
    old, new = facts["old"], facts["new"]
    had_effect = account.email_key != row.address
    try:
        with unit_of_work():
            confirmations.use(row)
            _end_links(account, row)
            confirmations.end(account, "change_email")
            state = {"state": "stopped", "ended_at": at}
            EmailChange.update(**state).where((EmailChange.account == account) & EmailChange.ended_at.is_null()).execute()
            if not had_effect:
                events.record("account.email_change_stopped", account, by=account, old=old, new=new)
                return False
            since = datetime.fromisoformat(facts["since"])
            undone = (EmailChange.account == account) & (EmailChange.state == "done") & (EmailChange.changed_at >= since)
            EmailChange.update(state="undone").where(undone).execute()
            # As of when it was confirmed: that the link was used is no proof of whoever comes with the password next (decision 45).
            confirmed_at = datetime.fromisoformat(facts.get("confirmed_at") or facts["since"])
            _set(account, old, confirmed_at, password_hash=facts["password_hash"], phone=facts["phone"])
            Device.delete().where(Device.account == account).execute()
            identities_since = datetime.fromisoformat(facts.get("identities_since") or facts["since"])
            ended = _end_what_came_since(account, since, identities_since)
            ways = _what_staff_took(account, identities_since)
            event = events.record("account.email_change_undone", account, by=account, old=old, new=new, ended=ended)
            for which, address in (("old", old), ("new", new)):
                messages.put(
                    "email_change_undone",
                    account,
                    address=address,
                    organisation=organisation,
                    dedupe_key=f"email_change_undone:{event.id}:{which}",
                    lane=messages.SOMEONE_WAITS,
                    old=old,
                    new=new,
                    ways=ways if which == "old" else [],
                )
    except IntegrityError:
        raise Refused(OF_ANOTHER) from None
    return True


def _end_what_came_since(account: Account, since: datetime, identities_since: datetime) -> int:
    """End what was given away in the account's name since then: shares and invitations, which the freeze lets nobody give but in the
    same moment; and identities that came to it since an earlier one. Returns how many."""
    mine: Any = Membership.select(Membership.id).where(Membership.account == account)
    shares = list(Share.select().where(Share.given_through.in_(mine) & (Share.given_at >= since) & Share.ended_at.is_null()))
    for share in shares:
        holding.end_share(share, "owner", by=account)
    places: Any = Representative.select(Representative.id).where(Representative.account == account)
    waits = Invitation.taken_at.is_null() & Invitation.ended_at.is_null() & (Invitation.invited_at >= since)
    offers = list(Invitation.select().where(Invitation.invited_through.in_(places) & waits))
    for offer in offers:
        invitations.revoke(account, offer)
    live = (Identity.account == account) & Identity.ended_at.is_null()
    linked = list(Identity.select().where(live & (Identity.confirmed_at >= identities_since)))
    for identity in linked:
        identities.end(identity, "undo", by=account)
    return len(shares) + len(offers) + len(linked)


def _what_staff_took(account: Account, since: datetime) -> list[str]:
    """What the methods are called that staff have unlinked since then and that had been there for longer. Whoever talks staff into another
    e-mail begins with the identity that would stand in the way; whoever shows staff their passport does so too, with a thief's."""
    taken = (Identity.account == account) & (Identity.ended_by == "staff") & (Identity.ended_at >= since) & (Identity.confirmed_at < since)
    return [identities.title(one.method) for one in Identity.select().where(taken).order_by(Identity.ended_at.desc(), Identity.id.desc())]


def _undo_link(account: Account, old: str, new: str, until: datetime, **kept: Any) -> str:
    facts = {"old": old, "new": new, **kept}
    _row, token = confirmations.link(
        "undo_email", organisation=account.organisation, address=old, until=until, account=account, facts=facts
    )
    return token


def _end_links(account: Account, used: Confirmation) -> None:
    """End the links that take changes back of the address whose link was used, and of all that came after it. Those of addresses before
    it go on working: whoever took an account over cannot end the way back of whom it was taken from."""
    good = _undoes(account) & (Confirmation.expires_at > now())
    other = Confirmation.select(pw.fn.MIN(Confirmation.id)).where(good & (Confirmation.address == used.address)).scalar()
    first = min(used.id, other or used.id)
    Confirmation.update(used_at=now()).where(good & (Confirmation.id >= first)).execute()


def _undoes(account: Account) -> Any:
    return (Confirmation.account == account) & (Confirmation.purpose == "undo_email") & Confirmation.used_at.is_null()
