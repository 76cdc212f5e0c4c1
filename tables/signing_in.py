"""How people come in and stay in: sessions, known browsers, what is counted against guessing, secrets that are sent by mail, and who
they are proven to be."""

from typing import Any

import peewee as pw

from tables.core import Account, Organisation, Owned, Staff, Table
from tables.fields import N_, FactsField, UTCDateTimeField, now
from tables.fixing import Visit


class Session(Table):
    """One browser that is signed in: a customer's or a staff member's. The cookie holds the secret, the row its digest (T49)."""

    digest = pw.CharField(64, unique=True)
    account = pw.ForeignKeyField(Account, null=True, on_delete="CASCADE")
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="CASCADE")
    visit = pw.ForeignKeyField(Visit, null=True, on_delete="CASCADE")  # staff who look at the site as the account sees it
    device = pw.CharField(200, default="", verbose_name=N_("Device"))
    created_at = UTCDateTimeField(default=now, verbose_name=N_("Signed in"))
    last_seen_at = UTCDateTimeField(default=now, verbose_name=N_("Last seen"))
    expires_at = UTCDateTimeField(index=True)

    class Meta:
        constraints = [pw.Check("(account_id IS NULL) <> (staff_id IS NULL)"), pw.Check("visit_id IS NULL OR account_id IS NOT NULL")]


class Device(Table):
    """A browser from which an account has signed in before; its wrong passwords are counted apart (M05)."""

    digest = pw.CharField(64, unique=True)
    account = pw.ForeignKeyField(Account, null=True, on_delete="CASCADE")
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="CASCADE")
    last_used_at = UTCDateTimeField(default=now)

    class Meta:
        constraints = [pw.Check("(account_id IS NULL) <> (staff_id IS NULL)")]


class Lockout(Table):
    """Wrong passwords for one login name from one source (a known device, a network, or everywhere together), and the lock
    that follows. Unknown login names are counted alike, so that a lock tells nothing (IB-60, T43)."""

    login_digest = pw.CharField(64)
    source_digest = pw.CharField(64)
    account = pw.ForeignKeyField(Account, null=True, on_delete="CASCADE")
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="CASCADE")
    failures = pw.IntegerField(default=0)
    window_ends_at = UTCDateTimeField()
    locked_until = UTCDateTimeField(null=True)

    class Meta:
        indexes = ((("login_digest", "source_digest"), True),)
        constraints = [pw.Check("failures >= 0")]


class Counter(Table):
    """How often something limited has happened in a window; exact across processes because the database counts (T62)."""

    key_digest = pw.CharField(64, unique=True)
    count = pw.IntegerField(default=0)
    window_ends_at = UTCDateTimeField(index=True)

    class Meta:
        constraints = [pw.Check("count >= 0")]


PURPOSES = (
    ("register", N_("Registration")),
    ("reset_password", N_("Forgotten password")),
    ("confirm_email", N_("E-mail confirmation")),
    ("change_email", N_("Change of e-mail")),
    ("undo_email", N_("Undo of a changed e-mail")),
    ("add_way_in", N_("Adding a way to sign in")),
    ("end_identity", N_("Taking away a way to sign in")),
    ("unlock", N_("Unlocking by mail")),
    ("invite_staff", N_("Invitation of staff")),
)


class Confirmation(Table):
    """A secret sent to an address, by code or by link, that proves who reads it. Used once, for one purpose."""

    purpose = pw.CharField(20, choices=PURPOSES)
    organisation = pw.ForeignKeyField(Organisation, null=True, on_delete="RESTRICT")
    account = pw.ForeignKeyField(Account, null=True, on_delete="CASCADE")
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="CASCADE")
    address = pw.CharField(254)
    # A link carries this secret whole; a code is looked up by the browser's flow (T45) and compared with `code_digest`.
    digest = pw.CharField(64, unique=True)
    code_digest = pw.CharField(64, null=True)
    tries = pw.IntegerField(default=0)
    facts = FactsField(default=dict)
    created_at = UTCDateTimeField(default=now)
    expires_at = UTCDateTimeField(index=True)
    used_at = UTCDateTimeField(null=True)

    class Meta:
        constraints = [pw.Check("tries >= 0")]
        indexes = ((("organisation", "address", "purpose"), False),)


IDENTITY_LEVELS = (
    ("high", N_("Strong: who it is has been proven")),
    ("desk", N_("Staff saw a document; the customer has not proven it yet")),
    ("low", N_("Only that it is the same one as before")),
)
IDENTITY_ENDS = (
    ("customer", N_("The customer unlinked it")),
    ("staff", N_("Unlinked by staff")),
    ("merge", N_("Moved to another account")),
    ("undo", N_("A change of the e-mail was taken back")),
    ("proof", N_("Its person has proven who they are in another account")),
    ("owner", N_("Added before the owner of the e-mail confirmed it")),
)


class Identity(Owned):
    """That an account is of one person, as a sign-in method or a document at the desk has proven (`PNO`, a personal code), or that it is
    opened by one login elsewhere (`SUB`, of Google and the like). Personal codes: a keyed digest to find, encrypted to keep."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", verbose_name=N_("Account"))
    method = pw.CharField(40, verbose_name=N_("Proven by"))
    scheme = pw.CharField(3, verbose_name=N_("Kind"))
    code_digest = pw.CharField(64)  # of country and code, or of issuer and subject
    code_sealed = pw.CharField(300, default="")
    country = pw.CharField(2, default="", verbose_name=N_("Country"))
    first_name = pw.CharField(100, default="", verbose_name=N_("First name"))
    last_name = pw.CharField(100, default="", verbose_name=N_("Surname"))
    born_on = pw.DateField(null=True, verbose_name=N_("Born"))
    born_from = pw.CharField(12, default="")
    level = pw.CharField(4, choices=IDENTITY_LEVELS, verbose_name=N_("Level"))
    document = pw.CharField(200, default="", verbose_name=N_("Document"))  # of Smart-ID, or which one staff had before them
    evidence_sealed = pw.TextField(default="")
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Confirmed by staff"))
    confirmed_at = UTCDateTimeField(default=now, verbose_name=N_("Confirmed"))
    last_used_at = UTCDateTimeField(default=now, verbose_name=N_("Last used"))
    last_method = pw.CharField(40, default="", verbose_name=N_("Last used by"))
    ended_at = UTCDateTimeField(null=True, verbose_name=N_("Ended"))
    ended_by = pw.CharField(10, choices=IDENTITY_ENDS, default="", verbose_name=N_("Why it ended"))

    class Meta:
        indexes = ((("organisation", "confirmed_at", "id"), False), (("confirmed_at", "id"), False))
        constraints = [pw.Check("(scheme = 'PNO' AND code_sealed <> '') OR scheme = 'SUB'")]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.method

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return (cls.account == account.id) & cls.ended_at.is_null()


# One person, and one login elsewhere, opens one account of an organisation; an account is of one person (T60).
Identity.add_index(
    Identity.index(Identity.organisation, Identity.code_digest, unique=True, where=Identity.ended_at.is_null(), name="identity_live")
)
Identity.add_index(
    Identity.index(Identity.account, unique=True, where=Identity.ended_at.is_null() & (Identity.scheme == "PNO"), name="identity_person")
)

FLOW_PURPOSES = (
    ("sign_in", N_("Sign-in")),
    ("register", N_("Registration")),
    ("confirm", N_("Confirming who somebody is")),
    ("link", N_("Linking a login")),
)


class IdentityFlow(Owned):
    """One way through a sign-in method, from the choice to the answer, bound to the browser that began it. Used once."""

    account = pw.ForeignKeyField(Account, null=True, on_delete="CASCADE")  # whose page began it, where somebody was signed in
    purpose = pw.CharField(10, choices=FLOW_PURPOSES)
    method = pw.CharField(40)
    digest = pw.CharField(64, unique=True)  # of the secret that the browser holds
    callback_digest = pw.CharField(64, null=True, unique=True)  # of the token in the address the other system sends the browser to
    state_sealed = pw.TextField()  # what `Method.begin` gave
    facts = FactsField(default=dict)  # where to go on afterwards; nothing personal
    person_sealed = pw.TextField(default="")  # once identified, until it is used
    began_at = UTCDateTimeField(default=now)
    expires_at = UTCDateTimeField(index=True)
    asked_until = UTCDateTimeField(null=True, index=True)  # while somebody asks the other system for the answer: by when that is over
    answered_at = UTCDateTimeField(null=True)  # when a browser brought an answer back; another one is not looked at
    outcome = pw.CharField(12, default="")  # empty while waiting; "identified", or why not
    used_at = UTCDateTimeField(null=True)
