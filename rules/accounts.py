"""Customers' accounts from the first sign-in on: signing in, locks, passwords and phone. Registration and changes of the e-mail have
modules of their own."""

from datetime import datetime, timedelta
from typing import Any

from models import N_, Account, Confirmation, Device, Event, IdentityFlow, Organisation, Staff, now
from rules import (
    confirmations,
    details,
    events,
    heads,
    identities,
    identity_flows,
    keys,
    limits,
    links,
    lockouts,
    messages,
    own_contracts,
    registration,
    sessions,
    settings,
)
from rules.refusal import Refused
from rules.work import unit_of_work

FIVE_MINUTES = timedelta(minutes=5)
# Tries to sign in within five minutes, right ones not counted: from one network, and everywhere together (T42).
FROM_A_NETWORK, EVERYWHERE = 10, 1000
RESET_MINUTES = 30
LETTERS_AN_HOUR, RESETS_FROM_A_NETWORK = 3, 30  # an hour: letters to one address for one purpose; addresses that one network names
PASSWORD_TRIES_AN_HOUR = 5  # of whoever holds an open session and does not know the password

WRONG = N_("The e-mail or the password is not right. Check both and try again.")
LOCKED = N_("Too many wrong passwords. You can sign in again after {until_at}, or at once by the link we have sent to your e-mail.")
OFF = N_("Too many wrong passwords. Set a new one to sign in again: choose “Forgotten your password?”.")
SLOWER = N_("Too many tries just now. Wait five minutes and try again.")
NOT_LOCKED = N_("This account is not locked")
CHANGED_MEANWHILE = N_("Somebody else has changed this account meanwhile. Look at it again.")


class Locked(Refused):
    """Wrong passwords have closed the sign-in, `until` a moment; None: until a new password is set."""

    def __init__(self, until: datetime) -> None:
        self.until = None if until == lockouts.UNTIL_RESET else until
        if self.until is None:
            super().__init__(OFF)
        else:
            super().__init__(LOCKED, until_at=until)


# ---- signing in and out -----------------------------------------------------------------------------------------------


def sign_in(organisation: Organisation, email: str, password: str, *, source: str, device: str | None, site_url: str) -> Account:
    """Whose login this is. `device` is the secret of a browser that has signed in before, or None.

    Raises Refused with the same sentence whether the password or the login name is wrong, Locked where there were too many (IB-60).
    What is counted must stay: not inside a unit of work.
    """
    rules, login, scope = settings.of(organisation), details.login(email), lockouts.of_customers(organisation)
    account = _find(organisation, login)
    known = sessions.known_device(account or Account(id=0), device)
    # The narrow one first: what it refuses does not count against everyone.
    brakes = ([] if known else [("sign-in", source, FROM_A_NETWORK)]) + [("sign-in", "everywhere", EVERYWHERE)]
    if not all(limits.spend(what, who, most, FIVE_MINUTES) for what, who, most in brakes):
        raise Refused(SLOWER)
    until = lockouts.locked_until(scope, login, source, known)
    if until is not None:
        raise Locked(until)
    if not keys.is_password(account.password_hash if account else None, password if len(password) <= details.LONGEST_PASSWORD else ""):
        until = lockouts.failed(
            scope, login, source, known, after=rules.lock_after, hours=rules.lock_hours, person=account,
            tell=lambda moment: _tell_owner(account, moment, site_url),
        )  # fmt: skip
        raise Locked(until) if until else Refused(WRONG)
    assert account is not None
    until = lockouts.succeeded(scope, login, source, known)
    if until is not None:
        raise Locked(until)
    for what, who, _ in brakes:
        limits.give_back(what, who)
    with unit_of_work():
        # Whoever knows the password needs no link to set another (T46).
        confirmations.end(account, "reset_password")
        events.record("account.signed_in", account, by=account, known_device=known is not None)
    return account


def sign_in_by_identity(flow: IdentityFlow, *, form_key: str = "") -> Account | None:
    """Whose account the person, or the login elsewhere, of this flow opens; None where nobody here has confirmed it: then the flow is
    still good, to register with. Who has proven who they are need not wait for a lock to end (M05). Raises Refused."""
    person = identity_flows.person(flow)
    if person.scheme == "PNO" and not person.is_strong:
        raise Refused(identities.NOT_STRONG)
    identity = identities.find(flow.organisation, person)
    if identity is None:
        return None
    if identity.level == "desk":
        raise Refused(identities.NOT_PROVEN_YET)
    account = identity.account
    account.organisation = flow.organisation
    with unit_of_work():
        person = identity_flows.use(flow, opens=identity, form_key=form_key)
        identities.used(identity, person.method)
        if person.is_strong and account.is_locked(now()) and account.locked_until != lockouts.UNTIL_RESET:
            _end_lock(account, reason=BY_IDENTITY, by=account)
        events.record("account.signed_in_by_identity", account, by=account, method=person.method)
        heads.recognise(account)
        own_contracts.recognise(account)
    return account


def sign_out(account: Account) -> None:
    """Write down that someone left; the site ends the session."""
    with unit_of_work():
        events.record("account.signed_out", account, by=account, everywhere=False)


def sign_out_everywhere(account: Account) -> int:
    """End every session of the account, this one too; returns how many there were."""
    with unit_of_work():
        ended = sessions.end_all(account)
        if ended:
            events.record("account.signed_out", account, by=account, everywhere=True)
        return ended


def whose(row: Confirmation) -> Account:
    """The account of a link; Refused for one that was made for nobody, and so was never mailed."""
    if row.account is None:
        raise Refused(confirmations.OVER)
    return row.account


def _find(organisation: Organisation, login: str) -> Account | None:
    account = Account.get_or_none((Account.organisation == organisation) & (Account.email_key == login))
    if account is not None:
        account.organisation = organisation  # already loaded, with its settings
    return account


# ---- locks (IB-60, IB-61, M05) ----------------------------------------------------------------------------------------


def ask_unlock(organisation: Organisation, email: str, *, site_url: str) -> None:
    """Send the link that ends a lock once more. Does the same, and says nothing, for a login name that nobody has."""
    login, at = details.login(email), now()
    if not limits.spend("unlock-letter", f"{organisation.id}:{login}", LETTERS_AN_HOUR, limits.HOUR):
        return
    account = _find(organisation, login)
    if account is not None and (not account.is_locked(at) or account.locked_until == lockouts.UNTIL_RESET):
        account = None
    with unit_of_work():
        # Where nothing can be unlocked the same row is made, for the same time, and leads nowhere.
        row, token = _unlock_link(organisation, login, account.locked_until if account else at, account)
        if account is not None:
            _mail_lock(account, account.locked_until, row, token, site_url)


def _tell_owner(account: Account | None, until: datetime, site_url: str) -> None:
    """Tell the owner of a lock that has just begun. Where only a new password helps, the page says so and no link could."""
    if account is not None and until != lockouts.UNTIL_RESET:
        row, token = _unlock_link(account.organisation, account.email, until, account)
        _mail_lock(account, until, row, token, site_url)


def _unlock_link(organisation: Organisation, address: str, until: datetime, account: Account | None) -> tuple[Confirmation, str]:
    return confirmations.link("unlock", organisation=organisation, address=address, until=until, account=account)


def _mail_lock(account: Account, until: datetime, row: Confirmation, token: str, site_url: str) -> None:
    messages.put(
        "account_locked",
        account,
        organisation=account.organisation,
        dedupe_key=f"account_locked:{row.id}",
        lane=messages.SOMEONE_WAITS,
        until=until.isoformat(),
        unlock_url=links.unlock(site_url, token),
    )


def unlock_by_link(organisation: Organisation, token: str) -> None:
    """End the lock whose mail had this link (M05). Raises Refused where the link is over, or no lock is left."""
    account = whose(confirmations.find("unlock", token, organisation))
    with unit_of_work():
        _end_lock(account, reason=BY_LINK, by=account)


def unlock(account: Account, *, reason: str, by: Staff) -> None:
    """Let a customer who called sign in again at once (IB-61). Raises Refused without a reason, or where it is not locked."""
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    with unit_of_work():
        event = _end_lock(account, reason=reason.strip(), by=by)
        messages.put(
            "account_unlocked",
            account,
            organisation=account.organisation,
            dedupe_key=f"account_unlocked:{event.id}",
            lane=messages.SOMEONE_WAITS,
        )


BY_LINK = N_("By the link in the mail")
BY_IDENTITY = N_("By proving who they are")


def _end_lock(account: Account, *, reason: str, by: Account | Staff) -> Event:
    at = now()
    lockouts.forget(lockouts.of_customers(account.organisation), account.email)
    until = Account.select(Account.locked_until).where(Account.id == account.id).scalar()
    # Whoever unlocks at the same moment is faster, or finds nothing left to do.
    same = (Account.id == account.id) & (Account.locked_until == until)
    if until is None or until <= at or not Account.update(locked_until=None).where(same).execute():
        raise Refused(NOT_LOCKED)
    account.locked_until = None
    confirmations.end(account, "unlock")
    return events.record("account.unlocked", account, by=by, until=until.isoformat(), reason=reason)


# ---- passwords --------------------------------------------------------------------------------------------------------


def ask_password_reset(organisation: Organisation, email: str, *, source: str, language: str, site_url: str) -> None:
    """Mail a link to set a new password; where nobody has this address, mail that instead. The page says the same, after the same
    work (T47). Raises Refused for what is no address, and when one network asks for too many: what is counted must stay."""
    address = details.address(email)
    if not limits.spend("reset", f"{organisation.id}:{source}", RESETS_FROM_A_NETWORK, limits.HOUR):
        raise Refused(registration.TOO_MANY_HERE)
    login, at = address.casefold(), now()
    if not limits.spend("reset-letter", f"{organisation.id}:{login}", LETTERS_AN_HOUR, limits.HOUR):
        return
    account = _find(organisation, login)
    with unit_of_work():
        row, token = confirmations.link(
            "reset_password", organisation=organisation, address=login, until=at + timedelta(minutes=RESET_MINUTES), account=account
        )
        common: dict[str, Any] = {"organisation": organisation, "dedupe_key": f"reset_password:{row.id}", "lane": messages.SOMEONE_WAITS}
        if account is None:
            messages.put("reset_no_account", address, language=language, register_url=links.register(site_url), **common)
        else:
            messages.put("reset_password", account, url=links.reset_password(site_url, token), minutes=RESET_MINUTES, **common)


def find_reset(organisation: Organisation, token: str) -> Account:
    """Whose password a link sets. Opening it changes nothing. Raises Refused where it is over."""
    return whose(confirmations.find("reset_password", token, organisation))


def reset_password(organisation: Organisation, token: str, password: str, *, site_url: str) -> Account:
    """Set a new password by the mailed link, once. It proves the address, ends locks and every session.

    Raises Refused where the link is over; a password that cannot be used leaves the link good.
    """
    row, at = confirmations.find("reset_password", token, organisation), now()
    account = whose(row)
    details.check_password(organisation, password, email=account.email)
    hashed = keys.hash_password(password)
    with unit_of_work():
        confirmations.use(row)
        if account.email_confirmed_at is None:
            # It was opened by someone who did not show that the address is theirs: nothing of them stays (T10).
            Account.update(email_confirmed_at=at).where(Account.id == account.id).execute()
            Device.delete().where(Device.account == account).execute()
            for identity in identities.of(account):
                identities.end(identity, "owner", by=account)
            events.record("account.email_confirmed", account, by=account, address=account.email)
            account.email_confirmed_at = at
        _set_password(account, hashed, how="reset", but=None, site_url=site_url)
    return account


def check_password(account: Account, typed: str) -> None:
    """Ask once more whoever holds an open session. Raises Refused for a wrong password; what is counted must stay."""
    if not limits.spend("current-password", str(account.id), PASSWORD_TRIES_AN_HOUR, limits.HOUR):
        raise Refused(N_("Too many wrong passwords. Try again in an hour."), field="current")
    if not keys.is_password(account.password_hash, typed):
        raise Refused(N_("This is not your present password"), field="current")
    limits.give_back("current-password", str(account.id))


def change_password(account: Account, *, current: str, new: str, session: str | None, site_url: str) -> None:
    """Set a new password, knowing the present one (CV-36). `session` is the secret of the browser that stays signed in.

    Raises Refused; what is counted must stay.
    """
    check_password(account, current)
    if new == current:
        raise Refused(N_("The new password must be another one"), field="password")
    details.check_password(account.organisation, new, email=account.email)
    hashed = keys.hash_password(new)
    with unit_of_work():
        _set_password(account, hashed, how="changed", but=session, site_url=site_url)


def _set_password(account: Account, hashed: str, *, how: str, but: str | None, site_url: str) -> None:
    at, before = now(), account.password_hash
    # Counts before the account, as wrong passwords do: the other way round the two would wait for one another.
    lockouts.forget(lockouts.of_customers(account.organisation), account.email)
    # Of two at once one is: the other was typed by someone who knew a password that holds no more.
    if (
        not Account.update(password_hash=hashed, locked_until=None)
        .where((Account.id == account.id) & (Account.password_hash == before))
        .execute()
    ):
        raise Refused(CHANGED_MEANWHILE)
    account.password_hash = hashed
    sessions.end_all(account, but=but)
    confirmations.end(account, "reset_password", "unlock")
    event = events.record("account.password_changed", account, by=account, how=how)
    messages.put(
        "password_changed",
        account,
        organisation=account.organisation,
        dedupe_key=f"password_changed:{event.id}",
        at=at.isoformat(),
        reset_url=links.forgotten_password(site_url),
    )


# ---- phone (CV-38) ----------------------------------------------------------------------------------------------------


def change_phone(account: Account, phone: str, *, session: str | None) -> bool:
    """Set another phone number; the same one again does nothing. Returns whether it changed. Raises Refused."""
    new, old = details.phone(phone), account.phone
    if new == old:
        return False
    with unit_of_work():
        write(account, phone=new)
        sessions.end_all(account, but=session)
        event = events.record("account.phone_changed", account, by=account, old=old, new=new)
        key = f"phone_changed:{event.id}"
        messages.put("phone_changed", account, organisation=account.organisation, dedupe_key=key, old=old, new=new)
    return True


def write(account: Account, **changes: Any) -> None:
    """Change columns of one account, what follows from them too; a desk that has the row open will see that it changed."""
    for column, value in changes.items():
        setattr(account, column, value)
    account.derive()
    follow = {"email_key": account.email_key, "search_key": account.search_key, "sort_key": account.sort_key}
    Account.update(**changes, **follow, version=Account.version + 1).where(Account.id == account.id).execute()
