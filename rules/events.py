"""What can happen, with exactly the facts each event must carry; recording it; the chain that shows if anyone tampers (M01)."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from models import Account, Event, Seal, Staff, Table, canonical, database, digest, now
from rules.bulk import add_all
from rules.statements import add

# Every event, alphabetically, and its facts. A fact more or less raises where it is recorded.
FACTS: dict[str, tuple[str, ...]] = {
    "accesstype.deeds_changed": ("old", "new", "reason"),
    "account.consent_changed": ("kind", "edition", "given"),
    "account.details_changed": ("before", "after"),
    "account.email_change_asked": ("old", "new", "proof", "reason"),
    "account.email_change_proven": ("old", "new", "proof", "reason"),
    "account.email_change_refused": ("old", "new", "reason"),
    "account.email_change_stopped": ("old", "new"),
    "account.email_change_undone": ("old", "new", "ended"),
    "account.email_changed": ("old", "new"),
    "account.email_confirmed": ("address",),
    "account.locked": ("until", "failures"),
    "account.merge_undone": ("email", "reason"),
    "account.merged": ("email", "kept", "reason", "goes", "journal"),
    "account.merged_into": ("email", "kept", "reason"),
    "account.password_changed": ("how",),
    "account.phone_changed": ("old", "new"),
    "account.registered": ("person_type", "consents"),
    "account.signed_in": ("known_device",),
    "account.signed_in_by_identity": ("method",),
    "account.signed_out": ("everywhere",),
    "account.unlocked": ("until", "reason"),
    "account.viewed": ("of", "how", "role"),
    "account.visit_allowed": ("how", "reason"),
    "account.visit_asked": ("reason",),
    "account.visit_began": ("reason", "role"),
    "account.visit_ended": ("staff", "ended_by", "minutes"),
    "building.changed": ("before", "after"),
    "building.created": ("after",),
    "company.changed": ("before", "after"),
    "company.contacts_changed": ("before", "after"),
    "company.created": ("after",),
    "company.parent_changed": ("old", "new", "reason"),
    "company.register_said": ("before", "after"),
    "contract.attached": ("access_type",),
    "contract.attached_by_identity": ("access_type",),
    "contract.attached_by_share": ("access_type",),
    "contract.attached_by_staff": ("access_type", "reason"),
    "contract.changed": ("before", "after"),
    "contract.company_changed": ("old", "new", "reason"),
    "contract.created": ("after",),
    "contract.detached": ("access_type",),
    "contract.detached_by_company": ("access_type",),
    "contract.detached_by_staff": ("access_type", "reason"),
    "contract.passed_on": ("access_type",),
    "contract.placed": ("before", "after", "reason"),
    "feed.block_stored": ("run", "created", "changed", "same", "digest"),
    "feed.problem_resolved": ("reason",),
    "feed.run_finished": ("run", "seen", "created", "changed", "same", "problems", "error"),
    "head.ended": ("name", "becomes", "source", "reason"),
    "head.grants_to_look_at": ("people",),
    "head.named": ("name", "since", "source", "document", "reason"),
    "identity.collided": ("method", "other"),
    "identity.confirmed": ("method",),
    "identity.confirmed_by_staff": ("document", "reason"),
    "identity.ended": ("method", "ended_by", "reason"),
    "identity.linked": ("method",),
    "identity.unlinked": ("method",),
    "invitation.accepted": ("access_type",),
    "invitation.ended": ("ended_by", "reason"),
    "invitation.sent": ("email", "access_type", "reason"),
    "invitation.sent_again": ("email", "reason"),
    "membership.access_type_changed": ("old", "new", "reason"),
    "membership.given_back": (),
    "membership.replaced": ("company",),
    "membership.restored": ("reason",),
    "message.sent_again": ("reason",),
    "meter.changed": ("before", "after"),
    "meter.created": ("after",),
    "meter.named": (),
    "meterkind.changed": ("before", "after"),
    "meterkind.created": ("after",),
    "organisation.changed": ("before", "after"),
    "organisation.loaded": ("preset",),
    "premises.changed": ("before", "after"),
    "premises.created": ("after",),
    "provider.changed": ("before", "after"),
    "provider.created": ("after",),
    "reading.corrected": ("meter", "value_milli", "previous_milli", "read_on", "replaces", "reason"),
    "reading.correction_undone": ("meter", "value_milli", "read_on", "restores_milli", "reason"),
    "reading.declared": ("meter", "value_milli", "previous_milli", "read_on", "source", "replaces"),
    "reading.entered": ("meter", "value_milli", "previous_milli", "read_on", "replaces", "reason"),
    "register.let_pass": ("ending", "reason"),
    "representative.access_type_changed": ("old", "new", "reason"),
    "representative.added": ("access_type", "contracts"),
    "representative.removed": ("access_type", "ended_by", "reason"),
    "rows.acted_on": ("table", "act", "bulk", "done", "refused"),
    "rows.exported": ("desk", "filters", "count", "kind", "reason", "role"),
    "savedview.changed": ("before", "after"),
    "savedview.removed": ("desk", "name"),
    "savedview.saved": ("desk", "name", "args", "is_shared"),
    "setting.changed": ("name", "old", "new"),
    "share.ended": ("email", "ended_by", "reason"),
    "share.given": ("email", "last_on"),
    "staff.buildings_changed": ("old", "new", "reason"),
    "staff.dismissed": ("reason",),
    "staff.enrolled": (),
    "staff.invited": ("role",),
    "staff.locked": ("until", "failures"),
    "staff.role_changed": ("old", "new", "reason"),
    "staff.signed_in": (),
    "staff.signed_out": (),
    "staff.unlocked": ("until", "reason"),
    "thirdpartypayer.added": (),
    "thirdpartypayer.ended": ("ended_by", "reason"),
}

SYSTEM = "system"
OPERATOR = "operator"


_together: ContextVar[tuple[str, list[str]]] = ContextVar("_together")


@contextmanager
def together(mark: str = "") -> Iterator[list[str]]:
    """What is recorded meanwhile, by name. With a `mark` each of these events has it as the fact `bulk`: one act on several rows."""
    happened: list[str] = []
    token = _together.set((mark, happened))
    try:
        yield happened
    finally:
        _together.reset(token)


def actor(by: Any) -> str:
    """Who did it, as it stands in an event: an account, a staff member, the operator at the console, or the system."""
    if isinstance(by, Account):
        return f"account:{by.id}"
    if isinstance(by, Staff):
        return f"staff:{by.id}"
    assert by in (SYSTEM, OPERATOR), by
    return str(by)


def record(name: str, subject: Table, /, *, by: Any, account: Account | None = None, **facts: Any) -> Event:
    """Write down that `name` happened to `subject`, in the transaction of the change itself (P5).

    `account` is the customer whom it concerns, so that they can see it; an Account subject concerns itself.
    Raises ValueError for an unknown event, or facts that are not exactly those declared.
    """
    event = _made(name, subject, by, account, facts)
    add(event)
    return event


def record_all(name: str, subjects: Iterable[Table], /, *, by: Any, **facts: Any) -> list[Event]:
    """Write down that the same happened to each of many subjects, in as many statements as for two; as `record` does. Where they are of
    accounts, it concerns those."""
    made = [_made(name, subject, by, getattr(subject, "account", None), dict(facts)) for subject in subjects]
    if len(made) == 1:
        add(made[0])
    else:
        add_all(made)
    return made


def _made(name: str, subject: Table, by: Any, account: Account | None, facts: dict[str, Any]) -> Event:
    if set(facts) != set(FACTS.get(name, ())) or name not in FACTS:
        raise ValueError(f"{name} needs the facts {FACTS.get(name)}, not {tuple(facts)}")
    if database.transaction_depth() == 0:
        raise ValueError(f"{name} must be recorded inside unit_of_work()")
    mark, happened = _together.get(("", []))
    happened.append(name)
    facts |= {"bulk": mark} if mark else {}
    concerned = subject if isinstance(subject, Account) else account
    organisation = getattr(subject, "organisation_id", None) if type(subject).__name__ != "Organisation" else subject.id
    salt, at, who, what = secrets.token_hex(8), now(), actor(by), f"{type(subject).__name__.lower()}:{subject.id}"
    return Event(
        organisation=organisation,
        building=subject.id if type(subject).__name__ == "Building" else getattr(subject, "building_id", None),
        name=name,
        at=at,
        actor=who,
        subject=what,
        account=concerned,
        facts=facts,
        salt=salt,
        digest=_digest(name, at.isoformat(), who, what, organisation, facts, salt),
    )


def _digest(*parts: Any) -> str:
    """The digest of one event: its salted facts inside, so that they can be dropped later and the chain still holds."""
    *head, facts, salt = parts
    return digest(canonical([*head, digest(salt + canonical(facts))]))


# ---- the chain --------------------------------------------------------------------------------------------------------

SEALED_AT_ONCE = 5000
SEALING = 7_270_000_002  # the lock that keeps two sealers on PostgreSQL apart; portal.MIGRATING is the one before


def seal(key: bytes) -> int:
    """Seal the events that are not sealed yet, in order; returns how many. Writers never wait for it; of two sealers the second one
    waits for the first, and finds nothing left to do. That no two links continue the same one, the database holds (UNIQUE)."""
    sealed = 0
    while True:
        with database.atomic():
            if database.for_update:  # SQLite has locked everything already
                database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (SEALING,))
            rows = list(Event.select().where(Event.seal.is_null()).order_by(Event.id).limit(SEALED_AT_ONCE))
            if not rows:
                return sealed
            last = Seal.select().order_by(Seal.id.desc()).first()
            previous, digests = last.hash if last else "", _digests_of(e.digest for e in rows)
            link = _link(previous, digests, len(rows))
            made = Seal.create(
                first_event_id=rows[0].id,
                last_event_id=rows[-1].id,
                count=len(rows),
                previous_hash=previous,
                events_digest=digests,
                hash=link,
                signature=_signature(key, link),
            )
            Event.update(seal=made).where(Event.id.in_([e.id for e in rows])).execute()
            sealed += len(rows)


def verify(key: bytes) -> Iterator[str]:
    """Every sign of tampering, as sentences for the operator; nothing where all is well. Seal first."""
    previous = ""
    for link in Seal.select().order_by(Seal.id):
        count, digests = 0, hashlib.sha256()
        for event in Event.select().where(Event.seal == link).order_by(Event.id).iterator():
            count += 1
            digests.update(event.digest.encode())
            if event.salt is not None and event.digest != _digest(
                event.name, event.at.isoformat(), event.actor, event.subject, event.organisation_id, event.facts, event.salt
            ):
                yield f"Event {event.id} ({event.name}) is not what was recorded."
        if (count, digests.hexdigest()) != (link.count, link.events_digest):
            yield f"Seal {link.id}: events {link.first_event_id} to {link.last_event_id} are not those that were sealed."
        if link.previous_hash != previous or link.hash != _link(previous, link.events_digest, link.count):
            yield f"Seal {link.id} does not continue the one before."
        if not hmac.compare_digest(link.signature, _signature(key, link.hash)):
            yield f"Seal {link.id} was not made with this install's key."
        previous = link.hash


def _digests_of(digests: Iterator[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _link(previous: str, events: str, count: int) -> str:
    return digest(f"{previous}|{events}|{count}")


def _signature(key: bytes, link: str) -> str:
    return hmac.new(key, link.encode(), hashlib.sha256).hexdigest()
