"""Who gets into a company's account, and who heads it: invitations, and what the register of legal entities says."""

from typing import Any

import peewee as pw

from tables.core import AccessType, Account, Company, Owned, Representative, Staff
from tables.fields import N_, UTCDateTimeField, now

INVITATION_ENDS = (
    ("revoked", N_("Taken back")),
    ("inviter", N_("Whoever invited may no longer invite")),
    ("declined", N_("Declined")),
    ("expired", N_("Not taken in time")),
)


class Invitation(Owned):
    """A place in a company offered to one e-mail address, with one access type, for some days, to be taken once (IB-41..IB-45)."""

    company = pw.ForeignKeyField(Company, on_delete="RESTRICT", verbose_name=N_("Company"))
    email = pw.CharField(254, verbose_name=N_("E-mail"))
    email_key = pw.CharField(254)
    access_type = pw.ForeignKeyField(AccessType, on_delete="RESTRICT", index=False, verbose_name=N_("Access type"))
    invited_through = pw.ForeignKeyField(Representative, null=True, on_delete="CASCADE", verbose_name=N_("Invited by"))  # ends with it
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Invited by staff"))
    digest = pw.CharField(64, unique=True)  # of the secret in the link; another one when it is sent again
    invited_at = UTCDateTimeField(default=now, verbose_name=N_("Invited"))
    expires_at = UTCDateTimeField(verbose_name=N_("Good until"))
    taken_at = UTCDateTimeField(null=True, verbose_name=N_("Taken"))
    representative = pw.ForeignKeyField(Representative, null=True, on_delete="CASCADE", verbose_name=N_("Access"))  # once it is taken
    ended_at = UTCDateTimeField(null=True, verbose_name=N_("Ended"))
    ended_by = pw.CharField(10, choices=INVITATION_ENDS, default="", verbose_name=N_("Why it ended"))

    class Meta:
        indexes = (
            (("organisation", "invited_at", "id"), False),
            (("invited_at", "id"), False),
            (("email_key", "organisation"), False),
        )
        constraints = [
            pw.Check("(invited_through_id IS NULL) <> (staff_id IS NULL)"),
            pw.Check("taken_at IS NULL OR ended_at IS NULL"),
        ]

    def __str__(self) -> str:
        return self.email

    def derive(self) -> None:
        self.email_key = self.email.casefold()

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return cls.company.in_(account.company_ids()) & cls.taken_at.is_null() & cls.ended_at.is_null()


# One live invitation of an address into a company, whatever races.
Invitation.add_index(
    Invitation.index(
        Invitation.company,
        Invitation.email_key,
        unique=True,
        where=Invitation.taken_at.is_null() & Invitation.ended_at.is_null(),
        name="invitation_live",
    )
)

HEAD_SOURCES = (
    ("broker", N_("The register")),
    ("file", N_("A file from the register")),
    ("staff", N_("Entered by staff from a document")),
)


class Head(Owned):
    """That somebody heads a company, as the register or a document says (IB-15, IB-31, IB-55). Nobody else makes or ends a head."""

    company = pw.ForeignKeyField(Company, on_delete="RESTRICT", verbose_name=N_("Company"))
    code_digest = pw.CharField(64)
    code_sealed = pw.CharField(300)
    first_name = pw.CharField(100, verbose_name=N_("First name"))
    last_name = pw.CharField(100, verbose_name=N_("Surname"))
    since_on = pw.DateField(null=True, verbose_name=N_("Since"))
    source = pw.CharField(10, choices=HEAD_SOURCES, verbose_name=N_("Source"))
    document = pw.CharField(200, default="", verbose_name=N_("Document"))  # which one staff had before them
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Entered by"))
    seen_at = UTCDateTimeField(default=now, verbose_name=N_("Last said so"))
    ended_at = UTCDateTimeField(null=True, verbose_name=N_("Ended"))
    # The access that came of it, once the person has an account and was recognised (IB-39).
    representative = pw.ForeignKeyField(Representative, null=True, on_delete="SET NULL", verbose_name=N_("Access"))
    # What that access was before, if there was one: where staff entered the wrong head, it comes back.
    earlier_type = pw.ForeignKeyField(AccessType, null=True, on_delete="RESTRICT", index=False)
    earlier_giver = pw.CharField(200, default="")

    class Meta:
        indexes = (
            (("organisation", "seen_at", "id"), False),
            (("seen_at", "id"), False),
            (("code_digest", "organisation"), False),
        )
        constraints = [pw.Check("(source = 'staff') = (staff_id IS NOT NULL)")]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return cls.company.in_(account.company_ids()) & cls.ended_at.is_null()


# A person is head of a company once.
Head.add_index(Head.index(Head.company, Head.code_digest, unique=True, where=Head.ended_at.is_null(), name="head_live"))
# Those that were once, among the many that are.
Head.add_index(Head.index(Head.organisation, Head.seen_at, Head.id, where=Head.ended_at.is_null(False), name="head_ended"))
Head.add_index(Head.index(Head.seen_at, Head.id, where=Head.ended_at.is_null(False), name="head_ended_anywhere"))
