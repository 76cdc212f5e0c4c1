"""What staff leave while they work: views of lists, open pages, files."""

from typing import Any, Self

import peewee as pw

from tables.core import NOTHING, Account, Organisation, Staff, Table
from tables.fields import N_, FactsField, UTCDateTimeField, now


class SavedView(Table):
    """A list as someone left it, with its search, filters and order, under a name of its own: theirs, or shared with colleagues (N07)."""

    staff = pw.ForeignKeyField(Staff, on_delete="CASCADE", index=False)
    organisation = pw.ForeignKeyField(Organisation, null=True, on_delete="RESTRICT", index=False)  # of its owner
    desk = pw.CharField(40)
    name = pw.CharField(40, verbose_name=N_("Name of the view"))
    args = FactsField()  # what the address of the list says
    is_shared = pw.BooleanField(default=False, verbose_name=N_("Colleagues see it too"))

    class Meta:
        indexes = ((("staff", "desk", "name"), True), (("organisation", "desk"), False))

    def __str__(self) -> str:
        return self.name

    @classmethod
    def within(cls, viewer: Any) -> "pw.ModelSelect[Self]":
        """One's own, and those that colleagues share. Who works for the whole install has colleagues there alone."""
        if not isinstance(viewer, Staff) or not viewer.is_active:
            return cls.select().where(NOTHING)
        return cls.select().where((cls.staff == viewer.id) | (cls.is_shared & (cls.organisation == viewer.organisation_id)))


class Presence(Table):
    """Who has a row's page open, since when, and when their browser said so last: nobody saves over a colleague unknowingly."""

    staff = pw.ForeignKeyField(Staff, on_delete="CASCADE", index=False)
    subject = pw.CharField(60)  # account:<id>, as in events
    opened_at = UTCDateTimeField()
    seen_at = UTCDateTimeField(index=True)

    class Meta:
        indexes = ((("staff", "subject"), True), (("subject", "seen_at"), False))


EXPORT_KINDS = (("xlsx", N_("Excel (XLSX)")), ("csv", N_("Text with separators (CSV)")))
EXPORT_STATES = (("new", N_("Being made")), ("ready", N_("Ready")), ("failed", N_("Not made")))


class Export(Table):
    """The rows of a list as a file: one staff member has asked for it, and alone may take it, for a day (N06, T22)."""

    organisation = pw.ForeignKeyField(Organisation, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Organisation"))
    staff = pw.ForeignKeyField(Staff, on_delete="RESTRICT", index=False, verbose_name=N_("Staff"))
    desk = pw.CharField(40, verbose_name=N_("List"))
    filters = FactsField(verbose_name=N_("Search and filters"))  # the arguments of the list's address
    scope_digest = pw.CharField(64)  # who sees less or other rows since then may not take it
    language = pw.CharField(2)
    kind = pw.CharField(4, choices=EXPORT_KINDS, verbose_name=N_("Kind of file"))
    reason = pw.CharField(300, default="", verbose_name=N_("Reason"))
    state = pw.CharField(10, choices=EXPORT_STATES, default="new", verbose_name=N_("State"))
    total = pw.IntegerField(verbose_name=N_("Rows"))
    done = pw.IntegerField(default=0, verbose_name=N_("Rows written"))
    tries = pw.IntegerField(default=0)
    error = pw.CharField(300, default="", verbose_name=N_("Error"))
    created_at = UTCDateTimeField(default=now, verbose_name=N_("Requested"))
    lease_until = UTCDateTimeField(null=True)
    expires_at = UTCDateTimeField(null=True, verbose_name=N_("Can be taken until"))

    class Meta:
        indexes = ((("staff", "created_at", "id"), False), (("state", "id"), False))
        constraints = [pw.Check("done >= 0")]

    def __str__(self) -> str:
        return f"{self.desk} {self.created_at:%Y-%m-%d %H:%M}"

    @classmethod
    def within(cls, viewer: Any) -> "pw.ModelSelect[Self]":
        """One's own, whatever else one may see: others' are told by the event of each."""
        return cls.select().where(cls.staff == viewer.id if isinstance(viewer, Staff) and viewer.is_active else NOTHING)


class ExportedAccount(Table):
    """That an export holds rows about this customer, who may know it (M02)."""

    public_id = None  # type: ignore[assignment]  # asked for by its account or export alone
    export = pw.ForeignKeyField(Export, on_delete="CASCADE")
    account = pw.ForeignKeyField(Account, on_delete="CASCADE", index=False)

    class Meta:
        indexes = ((("account", "export"), True),)
