"""What staff do to a customer's account itself: changes of the e-mail that opens it."""

import peewee as pw

from tables.core import Account, Owned, Staff
from tables.fields import N_, UTCDateTimeField, now

PROOFS = (
    ("code", N_("A code from the present address, which the customer reads out")),
    ("identity", N_("The customer has just signed in with a strong identity")),
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
