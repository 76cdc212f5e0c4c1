"""Browsers that are signed in. The cookie holds a random secret, the row its digest; ending the row ends it at once (T48-T51)."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN, OperationalError

from models import Account, Device, Organisation, Session, Staff, Visit, now
from rules import keys
from rules.statements import statement

VISITS = "visit."  # how the secrets of visits begin
LOGINS = "login."  # and those of whoever came by a login elsewhere, which does not say who they are
TOUCH_EVERY = timedelta(minutes=1)
# How long a browser may be silent, and how long it stays signed in at most.
CUSTOMER_IDLE, CUSTOMER_MOST = timedelta(minutes=30), timedelta(hours=12)
STAFF_IDLE, STAFF_MOST = timedelta(minutes=15), timedelta(hours=8)


def open_for(person: Account | Staff, device: str = "", *, visit: Visit | None = None, by_login: bool = False) -> str:
    """Sign a browser in; returns the secret for its cookie. With a `visit` it is a staff member's browser, until that is over; `by_login`
    elsewhere, it is not known by that who somebody is (K03)."""
    secret, at = (VISITS if visit else LOGINS if by_login else "") + keys.new_token(), now()
    owner = {"account": person} if isinstance(person, Account) else {"staff": person}
    until = visit.until_at if visit else at + (CUSTOMER_MOST if isinstance(person, Account) else STAFF_MOST)
    Session.create(
        digest=keys.digest("session", secret),
        device=device[:200],
        created_at=at,
        last_seen_at=at,
        expires_at=until,
        visit=visit,
        **owner,
    )
    return secret


def is_visit(secret: str | None) -> bool:
    """Whether a browser holds, or held, the secret of a visit: told without asking the database."""
    return bool(secret) and str(secret).startswith(VISITS)


def customer(secret: str, organisation: Organisation) -> Account | None:
    """Whose browser this is, of this organisation; None once the session has ended or been silent too long."""
    at = now()
    account = next(iter(_customer(keys.digest("session", secret), organisation.id, at, at - CUSTOMER_IDLE)), None)
    if account is not None:
        account.organisation = organisation  # already loaded, with its settings
        account.__dict__["_by_login"] = secret.startswith(LOGINS)
        if account.session.visit_id is None:
            _touch(account.session, Account, account)
    return account


@statement
def _customer(digest: str, organisation: int, at: datetime, seen_after: datetime) -> Any:
    return (
        Account.select(Account, Session.id, Session.last_seen_at, Session.visit)
        .join(Session, on=(Session.account == Account.id))
        .where(
            (Session.digest == digest)
            & (Account.organisation == organisation)
            & (Session.expires_at > at)
            & (Session.last_seen_at > seen_after)
        )
    )


def staff(secret: str, *, is_at_work: bool = True) -> Staff | None:
    """Which staff member's browser this is; None once the session has ended, or the person works here no longer (T39). What a browser
    asks by itself, with nobody `is_at_work`, does not keep it signed in."""
    at = now()
    person = next(iter(_staff(keys.digest("session", secret), at, at - STAFF_IDLE)), None)
    if person is not None and is_at_work:
        _touch(person.session, Staff, person)
    return person


@statement
def _staff(digest: str, at: datetime, seen_after: datetime) -> Any:
    return (
        Staff.select(Staff, Session.id, Session.last_seen_at, Organisation)
        .join(Session, on=(Session.staff == Staff.id))
        .switch(Staff)
        .join(Organisation, JOIN.LEFT_OUTER)
        .where((Session.digest == digest) & Staff.is_active & (Session.expires_at > at) & (Session.last_seen_at > seen_after))
    )


def _touch(session: Session, model: type, person: Account | Staff) -> None:
    """Note that the browser is alive, once a minute at most: reading a page is not a write, and needs none to succeed (F07, F09)."""
    at = now()
    if session.last_seen_at < at - TOUCH_EVERY:
        with suppress(OperationalError):  # locked, or no space left: the session ends earlier, but the page can be read
            Session.update(last_seen_at=at).where(Session.id == session.id).execute()
            model.update(last_seen_at=at).where(model.id == person.id).execute()  # type: ignore[attr-defined]


def end(secret: str) -> None:
    """Sign one browser out."""
    Session.delete().where(Session.digest == keys.digest("session", secret)).execute()


def end_all(person: Account | Staff, *, but: str | None = None) -> int:
    """Sign a person out everywhere, but for the browser that asks; returns how many ended. Inside the caller's unit of work (T50)."""
    owner = Session.account == person if isinstance(person, Account) else Session.staff == person
    kept = (Session.digest != keys.digest("session", but)) if but else True
    return int(Session.delete().where(owner & kept).execute())


def others(account: Account) -> list[Session]:
    """The browsers where an account is signed in, the last used first."""
    at = now()
    is_alive = (Session.expires_at > at) & (Session.last_seen_at > at - CUSTOMER_IDLE)
    is_own = (Session.account == account) & Session.visit.is_null()
    return list(Session.select().where(is_own & is_alive).order_by(Session.last_seen_at.desc()))


def forget_ended() -> int:
    """Drop sessions that are over; returns how many."""
    return int(Session.delete().where(Session.expires_at < now()).execute())


# ---- known devices (M05) ----------------------------------------------------------------------------------------------


def known_device(person: Account | Staff, secret: str | None) -> str | None:
    """The digest of this browser if this person has signed in from it before, else None."""
    if not secret:
        return None
    digest = keys.digest("device", secret)
    owner = Device.account == person if isinstance(person, Account) else Device.staff == person
    return digest if Device.select().where((Device.digest == digest) & owner).exists() else None


def remember_device(person: Account | Staff, secret: str | None) -> str:
    """Know this browser from now on; returns the secret for its long-lived cookie."""
    if known_device(person, secret):
        Device.update(last_used_at=now()).where(Device.digest == keys.digest("device", str(secret))).execute()
        return str(secret)
    fresh = keys.new_token()
    owner = {"account": person} if isinstance(person, Account) else {"staff": person}
    Device.create(digest=keys.digest("device", fresh), **owner)
    return fresh
