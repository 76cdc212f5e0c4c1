"""Secrets that prove who reads an address: links that work once, and codes that work in the browser that asked for them (T44-T46)."""

import hmac
from datetime import datetime, timedelta
from typing import Any

from models import N_, Account, Confirmation, Organisation, now
from rules import keys, limits
from rules.refusal import Refused
from rules.work import unit_of_work

# Wrong codes an hour in the whole install, after which only links are sent: someone is guessing (security.md, section 3).
WRONG_CODES = 200

OVER = N_("This link is no longer good: it has been used, or is too old.")
CODE_OVER = N_("This code is no longer good. Have a new one sent.")
WRONG_CODE = N_("The code is not right. Check it in the letter.")


# ---- links ------------------------------------------------------------------------------------------------------------


def link(
    purpose: str,
    *,
    organisation: Organisation,
    address: str,
    until: datetime,
    account: Account | None = None,
    facts: dict[str, Any] | None = None,
) -> tuple[Confirmation, str]:
    """A link's row, and the secret that goes into its mail and nowhere else."""
    token = keys.new_token()
    row = Confirmation.create(
        purpose=purpose,
        organisation=organisation,
        account=account,
        address=address.casefold(),
        digest=keys.digest(purpose, token),
        facts=facts or {},
        expires_at=until,
    )
    return row, token


def find(purpose: str, token: str, organisation: Organisation) -> Confirmation:
    """The row of a link that is still good. Opening it changes nothing: mail scanners do that too. Raises Refused."""
    row = Confirmation.get_or_none((Confirmation.digest == keys.digest(purpose, token)) & _is_good(purpose, organisation))
    if row is None:
        raise Refused(OVER)
    return row


def use(row: Confirmation) -> None:
    """Use a link or code up, with what it waited to do, in the unit of work that does it. Raises Refused where somebody was faster."""
    at = now()
    good = (Confirmation.id == row.id) & Confirmation.used_at.is_null() & (Confirmation.expires_at > at)
    # What waited in it, a password's hash perhaps, need not lie here any longer.
    if not Confirmation.update(used_at=at, facts={}).where(good).execute():
        raise Refused(OVER)


def end(account: Account, *purposes: str) -> None:
    """End the links of an account that are still good, because what they were for has changed."""
    Confirmation.update(used_at=now()).where(
        (Confirmation.account == account) & Confirmation.purpose.in_(purposes) & Confirmation.used_at.is_null()
    ).execute()


def _is_good(purpose: str, organisation: Organisation) -> Any:
    return (
        (Confirmation.purpose == purpose)
        & (Confirmation.organisation == organisation)
        & Confirmation.used_at.is_null()
        & (Confirmation.expires_at > now())
    )


def spend_try(row: Confirmation, most: int, over: str) -> None:
    """Count one try at a secret before it is looked at, so that of many at once no more than `most` are. Raises Refused(over).

    Outside a unit of work that the caller may give up: the try stays spent.
    """
    good = (Confirmation.id == row.id) & (Confirmation.tries < most) & Confirmation.used_at.is_null() & (Confirmation.expires_at > now())
    if not Confirmation.update(tries=Confirmation.tries + 1).where(good).execute():
        raise Refused(over)


# ---- codes ------------------------------------------------------------------------------------------------------------


def code(
    purpose: str, flow: str, *, organisation: Organisation, address: str, digits: int, minutes: int, facts: dict[str, Any]
) -> tuple[Confirmation, str]:
    """A code's row, and the code for its mail. It works only in the browser that holds `flow`, for this purpose and address (T45)."""
    secret = keys.new_code(digits)
    with unit_of_work():
        # The same browser asks for something else: what it asked before is over.
        Confirmation.delete().where(Confirmation.digest == keys.digest(purpose, flow)).execute()
        row = Confirmation.create(
            purpose=purpose,
            organisation=organisation,
            address=address.casefold(),
            digest=keys.digest(purpose, flow),
            code_digest=_code_digest(purpose, flow, address, secret),
            facts=facts,
            expires_at=now() + timedelta(minutes=minutes),
        )
    return row, secret


def code_again(row: Confirmation, flow: str, *, digits: int, minutes: int) -> str:
    """A new code in place of the one before, which is worth nothing from now on (T44)."""
    secret = keys.new_code(digits)
    row.code_digest = _code_digest(row.purpose, flow, row.address, secret)
    row.tries, row.expires_at = 0, now() + timedelta(minutes=minutes)
    row.save()
    return secret


def waiting(purpose: str, flow: str, organisation: Organisation) -> Confirmation | None:
    """What this browser has begun and not ended, its code good or too old by now."""
    return Confirmation.get_or_none(
        (Confirmation.digest == keys.digest(purpose, flow))
        & (Confirmation.purpose == purpose)
        & (Confirmation.organisation == organisation)
        & Confirmation.used_at.is_null()
    )


def check_code(row: Confirmation, flow: str, typed: str, *, most: int) -> None:
    """Raise Refused unless `typed` is the code. Every try is spent before it is looked at, the same moment or not; wrong ones are
    counted over the whole install too."""
    if are_codes_paused():
        raise Refused(CODE_OVER, field="code")
    try:
        spend_try(row, most, CODE_OVER)
    except Refused as no:
        raise Refused(no.message, field="code") from None
    if not hmac.compare_digest(row.code_digest or "", _code_digest(row.purpose, flow, row.address, typed)):
        limits.count("wrong-code", "install", limits.HOUR)
        raise Refused(WRONG_CODE, field="code")


def are_codes_paused() -> bool:
    """Whether so many wrong codes were typed that only links are sent, and no code is looked at."""
    return limits.used("wrong-code", "install") >= WRONG_CODES


def _code_digest(purpose: str, flow: str, address: str, secret: str) -> str:
    return keys.digest(f"{purpose} code", f"{flow}\x00{address.casefold()}\x00{secret}")


# ---- cleaning ---------------------------------------------------------------------------------------------------------


def forget_ended() -> int:
    """Drop what was not confirmed in time, with all that waited in it (T10); a day later, because a new code may be asked for."""
    return int(Confirmation.delete().where(Confirmation.expires_at < now() - limits.DAY).execute())
