"""What keeps it going: settings, what the feed could not take in, events and their seals, mail, and what is done once."""

from typing import Any

import peewee as pw

from tables.core import NOTHING, Account, Building, Organisation, Owned, Staff, SyncRun, Table
from tables.fields import N_, FactsField, UTCDateTimeField, now


class Setting(Owned):
    """One rule of one organisation that differs from the catalogue's default (`rules/settings.py`)."""

    name = pw.CharField(60, verbose_name=N_("Setting"))
    value = FactsField(verbose_name=N_("Value"))

    class Meta:
        indexes = ((("organisation", "name"), True),)

    def __str__(self) -> str:
        return self.name


class SyncProblem(Owned):
    """A record of a feed that was put aside with the reason, whole, so that it can be taken in later."""

    run = pw.ForeignKeyField(SyncRun, on_delete="CASCADE", verbose_name=N_("Run"))
    kind = pw.CharField(40, verbose_name=N_("Rule"))
    reference = pw.CharField(200, verbose_name=N_("Where"))
    reference_digest = pw.CharField(64)  # the same trouble on the next night is the same row
    message = pw.CharField(400, verbose_name=N_("Reason"))
    facts = FactsField(default=dict)
    record = FactsField(null=True)
    seen_at = UTCDateTimeField(default=now, verbose_name=N_("Last seen"))
    resolved_at = UTCDateTimeField(null=True, verbose_name=N_("Resolved"))

    class Meta:
        indexes = (
            (("organisation", "reference_digest"), True),
            (("organisation", "resolved_at", "seen_at", "id"), False),
            (("organisation", "seen_at", "id"), False),
            (("seen_at", "id"), False),
            (("resolved_at", "seen_at", "id"), False),
            (("organisation", "reference", "id"), False),
            (("reference", "id"), False),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class Seal(Table):
    """A link of the chain over events: the hash of the one before, and of every event sealed here (M01)."""

    first_event_id = pw.BigIntegerField()
    last_event_id = pw.BigIntegerField()
    count = pw.IntegerField()
    previous_hash = pw.CharField(64)
    events_digest = pw.CharField(64)
    hash = pw.CharField(64, unique=True)
    signature = pw.CharField(64)  # over the hash, with a key that the database does not know
    sealed_at = UTCDateTimeField(default=now)

    class Meta:
        indexes = ((("previous_hash",), True),)  # two sealers cannot both continue the same link


class Event(Table):
    """Something that happened, in the transaction that did it. Never changed, never deleted (M01, N02)."""

    organisation = pw.ForeignKeyField(Organisation, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Organisation"))
    building = pw.ForeignKeyField(Building, null=True, on_delete="RESTRICT", index=False)
    name = pw.CharField(60, verbose_name=N_("Event"))
    at = UTCDateTimeField(default=now, verbose_name=N_("When"))
    actor = pw.CharField(
        60, verbose_name=N_("Who")
    )  # account:<id>, staff:<id>, operator, system: an id, so that erasing a person changes no event
    subject = pw.CharField(60, verbose_name=N_("What"))
    account = pw.ForeignKeyField(Account, null=True, on_delete="SET NULL", index=False, verbose_name=N_("Account"))
    facts = FactsField(null=True, verbose_name=N_("Facts"))
    salt = pw.CharField(32, null=True)
    digest = pw.CharField(64)
    seal = pw.ForeignKeyField(Seal, null=True, on_delete="RESTRICT", verbose_name=N_("Sealed"))

    class Meta:
        indexes = (
            (("organisation", "id"), False),
            (("organisation", "name", "id"), False),
            (("name", "id"), False),
            (("account", "id"), False),
            (("subject", "id"), False),
            (("building", "id"), False),
            (("at", "id"), False),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def seen_by_staff(cls, staff: Staff) -> Any:
        own = cls.organisation == staff.organisation_id
        return own & cls.in_buildings(staff.building_ids()) if staff.role == "property_manager" else own

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return cls.account == account.id


MESSAGE_STATES = (("new", N_("Waiting")), ("sending", N_("Being sent")), ("sent", N_("Sent")), ("dead", N_("Not delivered")))


class Message(Table):
    """A mail to be sent, written in the transaction that causes it and rendered when it is sent."""

    organisation = pw.ForeignKeyField(Organisation, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Organisation"))
    kind = pw.CharField(40, verbose_name=N_("Kind"))
    account = pw.ForeignKeyField(Account, null=True, on_delete="SET NULL", verbose_name=N_("Account"))
    to = pw.CharField(254, verbose_name=N_("Sent to"))
    name = pw.CharField(200, default="")
    language = pw.CharField(2)
    facts = FactsField(default=dict)
    dedupe_key = pw.CharField(120, unique=True)
    lane = pw.IntegerField(default=5)  # 1 someone waits for it, 5 usual, 9 bulk
    state = pw.CharField(10, choices=MESSAGE_STATES, default="new", verbose_name=N_("State"))
    created_at = UTCDateTimeField(default=now, verbose_name=N_("Created"))
    next_at = UTCDateTimeField(default=now)
    lease_until = UTCDateTimeField(null=True)
    tries = pw.IntegerField(default=0, verbose_name=N_("Tries"))
    error = pw.CharField(300, default="", verbose_name=N_("Error"))
    sent_at = UTCDateTimeField(null=True, verbose_name=N_("Sent"))

    class Meta:
        indexes = (
            (("state", "lane", "next_at", "id"), False),
            (("organisation", "created_at", "id"), False),
            (("organisation", "state", "created_at", "id"), False),
            (("state", "created_at", "id"), False),
            (("created_at", "id"), False),
            (("organisation", "to", "id"), False),
            (("to", "id"), False),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.to}"

    @classmethod
    def seen_by_staff(cls, staff: Staff) -> Any:
        return NOTHING if staff.role == "property_manager" else cls.organisation == staff.organisation_id


class FormKey(Table):
    """A form that was taken in: the same key again gets the same answer and does nothing (P2)."""

    actor = pw.CharField(60)
    key = pw.CharField(40)
    request_digest = pw.CharField(64)
    location = pw.TextField()  # the address of a list with its search may be long
    created_at = UTCDateTimeField(default=now, index=True)

    class Meta:
        indexes = ((("actor", "key"), True),)


class JobRun(Table):
    """One period of one scheduled job: it runs once, and a missed one is caught up."""

    name = pw.CharField(40, verbose_name=N_("Job"))
    period = pw.CharField(20, verbose_name=N_("Period"))
    lease_until = UTCDateTimeField()
    started_at = UTCDateTimeField(default=now, verbose_name=N_("Started"))
    finished_at = UTCDateTimeField(null=True, verbose_name=N_("Finished"))

    class Meta:
        indexes = ((("name", "period"), True),)


class Worker(Table):
    """A host that does background work, and when it last did some: where all fall silent, nobody sends mail."""

    host = pw.CharField(255, unique=True)
    beat_at = UTCDateTimeField(default=now)
