"""The outbox: mail is a row in the transaction that causes it, sent later, once, and kept in sight when it cannot be (P3)."""

from datetime import datetime, timedelta
from typing import Any

from peewee import fn

from models import N_, Account, Message, Organisation, Staff, database, now
from rules import events
from rules.refusal import Refused
from rules.statements import add
from rules.work import mail_waits, unit_of_work

SOMEONE_WAITS, USUAL, BULK = 1, 5, 9
TRIES, GIVE_UP_AFTER = 12, timedelta(hours=48)
CUT_OFF = "The worker was cut off at every try."
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=6)
# What may go to an address that nobody has confirmed yet: it is what confirms it, and tells nothing about anyone else.
TO_UNCONFIRMED = {"confirm_by_code", "confirm_by_link", "already_registered", "reset_password", "reset_no_account", "email_change_confirm"}


def put(
    kind: str,
    to: Account | Staff | str,
    *,
    organisation: Organisation | None,
    dedupe_key: str,
    lane: int = USUAL,
    language: str = "lt",
    address: str | None = None,
    **facts: Any,
) -> None:
    """Write a mail of `kind` to be sent; `templates/email/<kind>.txt` says what it tells, with `facts`.

    `address` sends it elsewhere than to the person's own. The same `dedupe_key` again writes nothing. An account whose e-mail
    is not confirmed gets nothing but what confirms it.
    """
    person = None if isinstance(to, str) else to
    if isinstance(person, Account) and address is None and person.email_confirmed_at is None and kind not in TO_UNCONFIRMED:
        return
    mail = Message(
        organisation=organisation,
        kind=kind,
        account=person if isinstance(person, Account) else None,
        to=address or (person.email if person else to),
        name=person.name if person else "",
        language=person.language if person else language,
        facts=facts,
        dedupe_key=dedupe_key,
        lane=lane,
    )
    add(mail, unless_there=True)
    mail_waits.set(True)


def claim(lease: timedelta) -> Message | None:
    """Take the next mail to send, most urgent first, under a lease: if the worker dies, another takes it over (F03). A mail on
    which it died every time is given up."""
    at = now()
    worn_out = (Message.state == "sending") & (Message.lease_until < at) & (Message.tries >= TRIES)
    Message.update(state="dead", lease_until=None, error=CUT_OFF).where(worn_out).execute()
    due = (
        Message.select(Message.id)
        .where(((Message.state == "new") & (Message.next_at <= at)) | ((Message.state == "sending") & (Message.lease_until < at)))
        .order_by(Message.lane, Message.next_at, Message.id)
        .limit(1)
    )
    if database.for_update:
        due = due.for_update("FOR UPDATE SKIP LOCKED")  # type: ignore[arg-type]  # peewee takes the clause, its stub only a bool
    with database.atomic():
        # Equal to the subquery, not in it: PostgreSQL may ask the latter anew for each row, and each time another mail is the first.
        taken = (
            Message.update(state="sending", lease_until=at + lease, tries=Message.tries + 1)
            .where(Message.id == due)
            .returning(Message)
            .execute()
        )
        return next(iter(taken), None)


def settle(message: Message, *, error: str = "", permanent: bool = False) -> None:
    """Write what became of one attempt. Whoever took the mail over meanwhile wins: the update is bound to our try."""
    at = now()
    if not error:
        # What it told, links that open something among it, is nobody's business any more: only dead mail is sent again.
        change: dict[str, Any] = {"state": "sent", "sent_at": at, "error": "", "facts": {}}
    elif permanent or message.tries >= TRIES or at - message.created_at > GIVE_UP_AFTER:
        change = {"state": "dead", "error": error[:300]}
    else:
        pause = min(FIRST_PAUSE * 2 ** (message.tries - 1), LONGEST_PAUSE)
        change = {"state": "new", "next_at": at + pause, "error": error[:300]}
    Message.update(**change, lease_until=None).where(
        (Message.id == message.id) & (Message.state == "sending") & (Message.tries == message.tries)
    ).execute()


def send_again(message: Message, *, reason: str, by: Staff) -> None:
    """Try a mail that was given up once more. Raises Refused without a reason, or where it was not given up."""
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    with unit_of_work():
        revived = (
            Message.update(state="new", next_at=now(), tries=0, created_at=now(), error="")
            .where((Message.id == message.id) & (Message.state == "dead"))
            .execute()
        )
        if not revived:
            raise Refused(N_("This mail has not been given up: it is waiting or was sent."))
        events.record("message.sent_again", message, by=by, account=message.account, reason=reason.strip())
    mail_waits.set(True)


def waiting(at: datetime) -> int:
    """How many mails should have left by that moment."""
    return int(Message.select(fn.COUNT(Message.id)).where((Message.state == "new") & (Message.next_at <= at)).scalar())
