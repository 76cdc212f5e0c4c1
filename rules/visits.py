"""Staff look at the site as a customer sees it, to help on the phone: with the customer's leave, for a quarter of an hour, changing nothing
(M03, N03, T41).

The customer gives leave by reading a code out, which stands on their account page and comes by e-mail; else an administrator decides,
with a reason. The two sites share the database and nothing else: the way from one to the other is a link that works once, for two
minutes, and is told to nobody but whoever asked. What a visit may do stands in `access.allows` and `web._guard`.
"""

import hmac
from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError

from models import N_, Account, Organisation, Session, Staff, Visit, now
from rules import access, events, keys, limits, messages, sessions
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

CODE_DIGITS, CODE_TRIES, CODE_GOOD = 4, 3, timedelta(minutes=10)
LINK_GOOD, LASTS = timedelta(minutes=2), timedelta(minutes=15)
OF_ONE_A_DAY, BY_ONE_A_DAY = 5, 30

REASON = N_("Enter the reason")
TOO_MANY = N_("This account was asked for too often today. Go on tomorrow.")
GOES_ON = N_("Somebody has just asked for this account, or looks at it now. Wait until that is over.")
OVER = N_("This is no longer good. Ask anew on the page of the account.")
WRONG_CODE = N_("The code is not right. Ask the customer to read it out once more.")
NOT_YOURS = N_("Only whoever asked may go on.")
OWN = N_("You asked for it yourself: another administrator must decide.")


# ---- asking for leave -------------------------------------------------------------------------------------------------


def ask(account: Account, *, reason: str, by: Staff) -> Visit:
    """Ask a customer for leave: a code stands on their account page and comes by e-mail. Raises Refused without a reason, where
    somebody else has asked just now, and when it is too much."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    code, at = keys.new_code(CODE_DIGITS), now()
    end_expired(Visit.account == account)
    try:
        with unit_of_work():
            if not limits.spend("visit", str(account.id), OF_ONE_A_DAY, limits.DAY):
                raise Refused(TOO_MANY)
            if not limits.spend("visits-by", str(by.id), BY_ONE_A_DAY, limits.DAY):
                raise Refused(N_("You have asked for {most} accounts today. Go on tomorrow."), most=BY_ONE_A_DAY)
            visit = Visit.create(
                organisation=account.organisation,
                account=account,
                staff=by,
                reason=reason.strip(),
                asked_at=at,
                code_sealed=keys.seal("visit", code),
            )
            events.record("account.visit_asked", account, by=by, reason=visit.reason)
            messages.put(
                "visit_asked",
                account,
                organisation=account.organisation,
                dedupe_key=f"visit_asked:{visit.public_id}",
                lane=messages.SOMEONE_WAITS,
                code=code,
                role=by.role,
                reason=visit.reason,
                minutes=_minutes(CODE_GOOD),
            )
    except IntegrityError:
        raise Refused(GOES_ON) from None
    return visit


def enter_code(visit: Visit, *, code: str, by: Staff) -> None:
    """The code that the customer has read out. Raises Refused; every try is spent before it is looked at, so outside a unit of work
    that the caller gives up."""
    if visit.staff_id != by.id or not _may_visit(by):
        raise Refused(NOT_YOURS)
    asked = (Visit.id == visit.id) & _waits(now())
    if not Visit.update(tries=Visit.tries + 1).where(asked & (Visit.tries < CODE_TRIES)).execute():
        raise Refused(OVER, field="code")
    if not hmac.compare_digest(str(keys.unseal("visit", visit.code_sealed)).encode(), "".join(code.split()).encode()):
        raise Refused(WRONG_CODE, field="code")
    with unit_of_work():
        _allow(visit, "customer", by=by, allowed_by=None, reason="")


def override(visit: Visit, *, reason: str, by: Staff) -> None:
    """An administrator decides that another goes in without the customer's leave, and answers for it. Raises Refused without a reason,
    and for whoever asked themselves."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    if visit.staff_id == by.id:
        raise Refused(OWN)
    with unit_of_work():
        _allow(visit, "administrator", by=by, allowed_by=by, reason=reason.strip())


def _allow(visit: Visit, how: str, *, by: Staff, allowed_by: Staff | None, reason: str) -> None:
    at = now()
    allowed = Visit.update(allowed_at=at, allowed_how=how, allowed_by=allowed_by, allowed_reason=reason, code_sealed="")
    if not allowed.where((Visit.id == visit.id) & _waits(at)).execute():
        raise Refused(OVER)
    visit.allowed_at = at
    events.record("account.visit_allowed", visit.account, by=by, how=how, reason=reason)


def _waits(at: datetime) -> Any:
    return Visit.allowed_at.is_null() & Visit.ended_at.is_null() & (Visit.asked_at > at - CODE_GOOD)


def code_for(account: Account) -> tuple[Visit, str] | None:
    """What is asked of a customer now, and the code that gives leave. Never for staff who visit."""
    if "visit" in account.__dict__:
        return None
    visit = Visit.select(Visit, Staff).join(Staff, on=Visit.staff).where((Visit.account == account) & _waits(now())).first()
    return (visit, str(keys.unseal("visit", visit.code_sealed))) if visit else None


# ---- going in ---------------------------------------------------------------------------------------------------------


def token(visit: Visit) -> str:
    """What the link to the customer site ends with, for whoever asked. Not kept: it follows from the install's key."""
    return keys.digest("visit link", f"{visit.public_id}\x00{visit.asked_at.isoformat()}")


def may_begin(visit: Visit, by: Staff) -> bool:
    """Whether the link is to be shown: to whoever asked, while it works."""
    return visit.staff_id == by.id and visit.began_at is None and visit.ended_at is None and _is_fresh(visit)


def _is_fresh(visit: Visit) -> bool:
    return visit.allowed_at is not None and visit.allowed_at > now() - LINK_GOOD


def find(organisation: Organisation, public_id: Any, secret: str) -> Visit:
    """The visit of a link that works. Opening it changes nothing. Raises Refused where it is over."""
    visit = Visit.get_or_none((Visit.public_id == public_id) & (Visit.organisation == organisation))
    if visit is None or not hmac.compare_digest(token(visit).encode(), secret.encode()) or not may_begin(visit, visit.staff):
        raise Refused(OVER)
    return visit


def begin(visit: Visit, device: str) -> str:
    """Open the visit's session, once; returns the secret for its cookie. Raises Refused where the link was used, or has ended."""
    at, staff = now(), visit.staff
    with unit_of_work():
        fresh = (Visit.id == visit.id) & Visit.began_at.is_null() & Visit.ended_at.is_null() & (Visit.allowed_at > at - LINK_GOOD)
        if not _may_visit(staff) or not Visit.update(began_at=at, until_at=at + LASTS).where(fresh).execute():
            raise Refused(OVER)
        visit.began_at, visit.until_at = at, at + LASTS
        events.record("account.visit_began", visit.account, by=staff, reason=visit.reason, role=staff.role)
        return sessions.open_for(visit.account, device, visit=visit)


def checked(account: Account) -> Account | None:
    """The account whose session is a visit's, marked so that nothing can be done in its name; None once the visit is over, or whoever
    looks may do so no longer."""
    visit = Visit.select(Visit, Staff).join(Staff, on=Visit.staff).where(Visit.id == account.session.visit_id).first()
    if visit is None or visit.ended_at is not None or visit.until_at <= now() or not _may_visit(visit.staff):
        return None
    account.__dict__["visit"] = visit
    return account


def _may_visit(staff: Staff) -> bool:
    """Whether whoever asked works here still, in a role that may."""
    return access.allows(staff, "account.ask_to_visit")


def of(account: Account) -> Visit | None:
    """The visit through which this account is being looked at in this request; None for the customer."""
    return account.__dict__.get("visit")


def minutes_left(visit: Visit) -> int:
    """Whole minutes until a visit ends, rounded up."""
    return max(0, -int(-(visit.until_at - now()).total_seconds() // 60))


# ---- being over -------------------------------------------------------------------------------------------------------


def now_at(account: Account) -> Visit | None:
    """Who looks at an account just now, for its customer."""
    goes_on = (Visit.account == account) & Visit.ended_at.is_null() & (Visit.until_at > now())
    return Visit.select(Visit, Staff).join(Staff, on=Visit.staff).where(goes_on).first()


def stop(account: Account) -> None:
    """The customer has seen enough, or does not want to be asked. Raises Missing where nobody looks or asks."""
    visit = Visit.get_or_none((Visit.account == account) & Visit.ended_at.is_null())
    if visit is None:
        raise Missing
    end(visit, "customer", by=account)


def leave(visit: Visit, *, by: Staff) -> None:
    """Whoever asked ends it, before or after it has begun. Raises Refused."""
    if visit.staff_id != by.id:
        raise Refused(NOT_YOURS)
    end(visit, "staff", by=by)


def end(visit: Visit, ended_by: str, *, by: Account | Staff | str) -> None:
    """End a visit and its session; the customer gets a letter about one that had begun. Raises Refused where it is over."""
    at = now()
    with unit_of_work():
        if (
            not Visit.update(ended_at=at, ended_by=ended_by, code_sealed="")
            .where((Visit.id == visit.id) & Visit.ended_at.is_null())
            .execute()
        ):
            raise Refused(OVER)
        Session.delete().where(Session.visit == visit).execute()
        if visit.began_at is None:
            return
        account, until = visit.account, min(at, visit.until_at)
        minutes = max(1, round((until - visit.began_at).total_seconds() / 60))
        events.record("account.visit_ended", account, by=by, staff=visit.staff_id, ended_by=ended_by, minutes=minutes)
        messages.put(
            "visit_over",
            account,
            organisation=account.organisation,
            dedupe_key=f"visit_over:{visit.public_id}",
            role=visit.staff.role,
            since=visit.began_at.isoformat(),
            until=until.isoformat(),
            reason=visit.reason,
            has_leave=visit.allowed_how == "customer",
        )


def end_expired(those: Any = True) -> int:
    """End the visits whose time is over, and what was asked for and never begun; returns how many. Run every minute."""
    at, ended = now(), 0
    unanswered = Visit.allowed_at.is_null() & ((Visit.asked_at <= at - CODE_GOOD) | (Visit.tries >= CODE_TRIES))
    never = Visit.began_at.is_null() & (unanswered | (Visit.allowed_at <= at - LINK_GOOD))
    over = Visit.ended_at.is_null() & ((Visit.until_at <= at) | never)
    for visit in list(Visit.select().where(over & those).order_by(Visit.id).limit(1000)):
        try:
            end(visit, "time", by=events.SYSTEM)
            ended += 1
        except Refused:
            continue  # somebody ended it this very moment
    return ended


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60
