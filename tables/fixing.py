"""What staff do with a customer's account itself: changes of the e-mail that opens it, and looking at the site as the customer sees it."""

import peewee as pw

from tables.core import Account, Owned, Staff
from tables.fields import N_, UTCDateTimeField, now

PROOFS = (
    ("code", N_("A code from the present address, which the customer reads out")),
    ("identity", N_("The customer has just signed in with a strong identity, and a colleague looks at it too")),
    ("colleague", N_("A colleague looks at it too")),
    ("self", N_("The customer asked for it with the password")),
)
EMAIL_CHANGE_STATES = (
    ("code", N_("Waits for the code that the customer reads out")),
    ("colleague", N_("Waits for a colleague's yes")),
    ("letter", N_("Waits for the new address to confirm")),
    ("done", N_("Changed")),
    ("refused", N_("Refused by staff")),
    ("stopped", N_("Stopped from the old address")),
    ("undone", N_("Taken back from the old address")),
    ("replaced", N_("Another one was asked for")),
)


class EmailChange(Owned):
    """A wish to open an account with another e-mail: who asked, what proves that it is the customer's wish, what became of it (M04)."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", verbose_name=N_("Account"))
    old = pw.CharField(254, verbose_name=N_("Present e-mail"))
    new = pw.CharField(254, verbose_name=N_("New e-mail"))
    proof = pw.CharField(10, choices=PROOFS, verbose_name=N_("Proof"))
    state = pw.CharField(10, choices=EMAIL_CHANGE_STATES, verbose_name=N_("State"))
    asked_by = pw.ForeignKeyField(Staff, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Asked by"))
    reason = pw.CharField(300, default="", verbose_name=N_("Reason"))
    asked_at = UTCDateTimeField(default=now, verbose_name=N_("Asked"))
    expires_at = UTCDateTimeField(verbose_name=N_("Good until"))
    code_digest = pw.CharField(64, default="")
    tries = pw.IntegerField(default=0)
    answered_by = pw.ForeignKeyField(Staff, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Answered by"))
    answer = pw.CharField(300, default="", verbose_name=N_("Answer"))
    changed_at = UTCDateTimeField(null=True, verbose_name=N_("Changed"))
    ended_at = UTCDateTimeField(null=True, verbose_name=N_("Ended"))

    class Meta:
        indexes = ((("organisation", "asked_at", "id"), False), (("asked_at", "id"), False))
        constraints = [
            pw.Check("tries >= 0"),
            # Two pairs of eyes are two people (T56); refusing one's own is taking it back.
            pw.Check(
                "proof <> 'colleague' OR state NOT IN ('letter', 'done', 'undone') OR "
                "(answered_by_id IS NOT NULL AND answered_by_id <> asked_by_id)"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"

    @classmethod
    def seen_by_customer(cls, account: Account) -> pw.Expression:
        return cls.account == account.id


# One change of an account's e-mail waits at a time, whatever races.
EmailChange.add_index(EmailChange.index(EmailChange.account, unique=True, where=EmailChange.ended_at.is_null(), name="email_change_live"))
# Those that wait for somebody, among the many of before.
EmailChange.add_index(
    EmailChange.index(
        EmailChange.organisation, EmailChange.asked_at, EmailChange.id, where=EmailChange.ended_at.is_null(), name="email_change_open"
    )
)
EmailChange.add_index(
    EmailChange.index(EmailChange.asked_at, EmailChange.id, where=EmailChange.ended_at.is_null(), name="email_change_open_anywhere")
)


VISIT_ALLOWED = (
    ("customer", N_("The customer read the code out")),
    ("administrator", N_("An administrator decided so")),
)
VISIT_ENDS = (
    ("staff", N_("Left")),
    ("customer", N_("The customer ended it")),
    ("time", N_("The time was over")),
)


class Visit(Owned):
    """Staff look at the site as one customer sees it, with the customer's leave, for a quarter of an hour, and change nothing (M03)."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", verbose_name=N_("Account"))
    staff = pw.ForeignKeyField(Staff, on_delete="RESTRICT", index=False, verbose_name=N_("Who"))
    reason = pw.CharField(300, verbose_name=N_("Reason"))
    asked_at = UTCDateTimeField(default=now, verbose_name=N_("Asked"))
    code_sealed = pw.CharField(300, default="")
    tries = pw.IntegerField(default=0)
    allowed_at = UTCDateTimeField(null=True, verbose_name=N_("Allowed"))
    allowed_how = pw.CharField(15, choices=VISIT_ALLOWED, default="", verbose_name=N_("Allowed by"))
    allowed_by = pw.ForeignKeyField(Staff, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Administrator"))
    allowed_reason = pw.CharField(300, default="", verbose_name=N_("Why without the customer"))
    began_at = UTCDateTimeField(null=True, verbose_name=N_("Began"))
    until_at = UTCDateTimeField(null=True, verbose_name=N_("Until"))
    ended_at = UTCDateTimeField(null=True, verbose_name=N_("Ended"))
    ended_by = pw.CharField(10, choices=VISIT_ENDS, default="", verbose_name=N_("Why it ended"))

    class Meta:
        indexes = ((("organisation", "asked_at", "id"), False), (("asked_at", "id"), False))
        constraints = [pw.Check("tries >= 0"), pw.Check("began_at IS NULL OR (allowed_at IS NOT NULL AND until_at IS NOT NULL)")]

    def __str__(self) -> str:
        return f"{self.staff} · {self.account}"

    @classmethod
    def seen_by_customer(cls, account: Account) -> pw.Expression:
        return cls.account == account.id


# One visit of an account that is asked for or goes on, whatever races.
Visit.add_index(Visit.index(Visit.account, unique=True, where=Visit.ended_at.is_null(), name="visit_live"))
