"""How people come in and stay in: sessions, known browsers, what is counted against guessing, secrets that are sent by mail."""

import peewee as pw

from tables.core import Account, Organisation, Staff, Table
from tables.fields import N_, FactsField, UTCDateTimeField, now


class Session(Table):
    """One browser that is signed in: a customer's or a staff member's. The cookie holds the secret, the row its digest (T49)."""

    digest = pw.CharField(64, unique=True)
    account = pw.ForeignKeyField(Account, null=True, on_delete="CASCADE")
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="CASCADE")
    device = pw.CharField(200, default="", verbose_name=N_("Device"))
    created_at = UTCDateTimeField(default=now, verbose_name=N_("Signed in"))
    last_seen_at = UTCDateTimeField(default=now, verbose_name=N_("Last seen"))
    expires_at = UTCDateTimeField(index=True)

    class Meta:
        constraints = [pw.Check("(account_id IS NULL) <> (staff_id IS NULL)")]


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
