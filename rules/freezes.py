"""A time after a change of who opens an account, in which nothing of it can be given away: whoever it was taken from takes it back
meanwhile (M04, T56)."""

from datetime import datetime, timedelta

from models import N_, Account, now
from rules.refusal import Refused

LASTS = timedelta(hours=72)
FROZEN = N_(
    "What opens this account was changed lately, so until {until_at} nothing of it can be given to others or given up. "
    "It protects you if it was not you who changed it."
)


def begin(account: Account, at: datetime) -> None:
    """Freeze an account from that moment on. Inside the unit of work of what is the reason."""
    account.frozen_until = at + LASTS
    Account.update(frozen_until=account.frozen_until).where(Account.id == account.id).execute()


def is_frozen(account: Account) -> bool:
    """Whether nothing of the account can be given away just now."""
    return account.frozen_until is not None and account.frozen_until > now()


def check(account: Account) -> None:
    """Asked by every rule by which a customer gives something of an account to others, or gives it up. Raises Refused."""
    if is_frozen(account):
        raise Refused(FROZEN, until_at=account.frozen_until)
