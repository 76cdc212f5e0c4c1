"""Every table, in reading order: organisation and people, access, contracts and meters, money, machinery.

A table is its fields, its constraints and a few questions about one row. What may happen to it stands in `rules/`, how it is
written in `formats.py`. Every tenant row carries its organisation; `within(viewer)` is the only way a page may start a query.
What the tables are made of is in `tables/fields.py`.
"""

import unicodedata
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

import peewee as pw

from tables.fields import (
    N_,
    FactsField,
    UTCDateTimeField,
    canonical as canonical,
    database as database,
    digest as digest,
    fold as fold,
    now,
    open_database as open_database,
    sort_key as sort_key,
)

# ---- what every table has ---------------------------------------------------------------------------------------------


class Table(pw.Model):
    """A row with an integer key for the database and a random one for the world."""

    public_id = pw.UUIDField(default=uuid.uuid4, unique=True)

    class Meta:
        database = database
        legacy_table_names = False

    if TYPE_CHECKING:
        # What peewee adds to a class at run time: its key and description, `<foreign key>_id`, and what a query has joined.
        id: Any
        _meta: Any

        def __getattr__(self, name: str) -> Any: ...

        only_save_dirty = True  # two people who change different fields of a row both keep what they wrote

    def derive(self) -> None:
        """Fill in the columns that follow from others. `save` does it; who inserts many rows at once calls it for each."""

    def save(self, *args: Any, **options: Any) -> Any:
        self.derive()
        return super().save(*args, **options)

    @classmethod
    def within(cls, viewer: Any) -> "pw.ModelSelect[Self]":
        """The rows of this table that `viewer` (an Account or a Staff row) may know of. Anyone else: none."""
        rows = cls.select()
        if isinstance(viewer, Staff) and viewer.is_active:
            return rows if viewer.sees_install else rows.where(cls.seen_by_staff(viewer))
        if isinstance(viewer, Account):
            return rows.where(cls.seen_by_customer(viewer))
        return rows.where(NOTHING)

    @classmethod
    def seen_by_staff(cls, staff: "Staff") -> Any:
        return NOTHING

    @classmethod
    def seen_by_customer(cls, account: "Account") -> Any:
        return NOTHING

    @classmethod
    def in_buildings(cls, buildings: "pw.ModelSelect[Any]") -> Any:
        """Which rows belong to these buildings, for a property manager; a table without buildings shows none."""
        building = cls._meta.fields.get("building")
        return building.in_(buildings) if building else NOTHING


NOTHING = pw.SQL("1 = 0")


# ---- organisation and people ------------------------------------------------------------------------------------------


class Organisation(Table):
    """Who provides: a utility, a property manager, a group. Accounts, contracts and settings belong to one."""

    slug = pw.CharField(40, unique=True, verbose_name=N_("Short name"))
    host = pw.CharField(
        120,
        unique=True,
        null=True,
        verbose_name=N_("Web address"),
        help_text=N_("The host customers type; empty: under the install's address"),
    )
    name = pw.CharField(120, verbose_name=N_("Organisation"))
    phone = pw.CharField(40, default="", verbose_name=N_("Phone"))
    email = pw.CharField(120, default="", verbose_name=N_("E-mail"))
    brand = pw.CharField(7, default="#0b5c8a", verbose_name=N_("Brand colour"))
    is_active = pw.BooleanField(default=True, verbose_name=N_("Active"))
    sort_key = pw.CharField(255, default="")
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = ((("sort_key", "id"), False),)

    def __str__(self) -> str:
        return self.name

    def derive(self) -> None:
        self.sort_key = sort_key(self.name)

    @classmethod
    def seen_by_staff(cls, staff: "Staff") -> Any:
        return cls.id == staff.organisation_id

    @classmethod
    def seen_by_customer(cls, account: "Account") -> Any:
        return cls.id == account.organisation_id


class Owned(Table):
    """A row of one organisation."""

    organisation = pw.ForeignKeyField(Organisation, on_delete="RESTRICT", index=False, verbose_name=N_("Organisation"))

    @classmethod
    def seen_by_staff(cls, staff: "Staff") -> Any:
        own = cls.organisation == staff.organisation_id
        return own & cls.in_buildings(staff.building_ids()) if staff.role == "property_manager" else own

    @classmethod
    def seen_by_customer(cls, account: "Account") -> Any:
        contract = cls._meta.fields.get("contract")
        return _in(cls, account) & contract.in_(account.contract_ids()) if contract else NOTHING


def _in(table: type[Owned], account: Any) -> Any:
    """That a row is of the account's organisation, said so that no index answers it: an organisation has millions of rows, an
    account a few contracts, and SQLite, which keeps no figures, would rather walk the millions."""
    return (table.organisation + 0) == account.organisation_id


class Provider(Owned):
    """A legal entity of an organisation that bills: the maintaining company (CV-11), the supplier (AG-12)."""

    name = pw.CharField(120, verbose_name=N_("Company"))
    code = pw.CharField(40, verbose_name=N_("Company code"))
    vat_code = pw.CharField(20, default="", verbose_name=N_("VAT code"))
    address = pw.CharField(200, default="", verbose_name=N_("Address"))
    iban = pw.CharField(34, default="", verbose_name=N_("Bank account"))
    declares_readings = pw.BooleanField(default=True, verbose_name=N_("Customers declare readings"))
    readings_notice = pw.CharField(400, default="", verbose_name=N_("Notice where readings are not declared"))
    payer_code_form = pw.CharField(
        120,
        default="",
        verbose_name=N_("Form of its payer codes"),
        help_text=N_("0 stands for a digit, A for a capital letter, all else for itself: 01-000 00. Several are parted by a semicolon"),
    )
    invoice_number_form = pw.CharField(
        120,
        default="",
        verbose_name=N_("Form of its invoice numbers"),
        help_text=N_("The same, and YYYY or YY for the year, MM for the month: SF-YYYYMM-0000"),
    )
    sort_key = pw.CharField(255, default="")
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = (
            (("organisation", "code"), True),
            (("organisation", "name"), True),
            (("organisation", "sort_key", "id"), False),
            (("sort_key", "id"), False),
        )

    def __str__(self) -> str:
        return self.name

    def derive(self) -> None:
        self.sort_key = sort_key(self.name)


class Setting(Owned):
    """One rule of one organisation that differs from the catalogue's default (`rules/settings.py`)."""

    name = pw.CharField(60, verbose_name=N_("Setting"))
    value = FactsField(verbose_name=N_("Value"))

    class Meta:
        indexes = ((("organisation", "name"), True),)

    def __str__(self) -> str:
        return self.name


LANGUAGES = (("lt", "Lietuvių"), ("en", "English"))
PERSON_TYPES = (("natural", N_("Natural person")), ("legal", N_("Legal person")))


class Account(Owned):
    """A customer's login. One e-mail opens one account in an organisation (CV-08)."""

    email = pw.CharField(254, verbose_name=N_("E-mail"))
    email_key = pw.CharField(254)
    email_confirmed_at = UTCDateTimeField(null=True, verbose_name=N_("E-mail confirmed"))
    identity_confirmed_at = UTCDateTimeField(null=True, verbose_name=N_("Identity confirmed"))
    person_type = pw.CharField(10, choices=PERSON_TYPES, default="natural", verbose_name=N_("Kind of person"))
    name = pw.CharField(200, verbose_name=N_("Name"))
    phone = pw.CharField(20, default="", verbose_name=N_("Phone"))
    language = pw.CharField(2, choices=LANGUAGES, default="lt", verbose_name=N_("Language"))
    password_hash = pw.CharField(200)
    created_at = UTCDateTimeField(default=now, verbose_name=N_("Registered"))
    last_seen_at = UTCDateTimeField(null=True, verbose_name=N_("Last seen"))
    locked_until = UTCDateTimeField(null=True, verbose_name=N_("Locked until"))
    search_key = pw.CharField(500)
    sort_key = pw.CharField(255)
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = (
            (("organisation", "email_key"), True),
            (("organisation", "sort_key", "id"), False),
            (("sort_key", "id"), False),
            (("organisation", "locked_until", "id"), False),
            (("locked_until", "id"), False),
            (("organisation", "created_at", "id"), False),
            (("created_at", "id"), False),
            (("email_key",), False),
        )

    def __str__(self) -> str:
        return self.name

    def derive(self) -> None:
        self.email_key = self.email.strip().casefold()
        self.search_key = fold(f"{self.name} {self.email} {self.phone}")[:500]
        self.sort_key = sort_key(self.name)

    def is_locked(self, at: datetime) -> bool:
        """Whether wrong passwords have closed this account from somewhere at that moment (IB-60)."""
        return self.locked_until is not None and self.locked_until > at

    def contract_ids(self) -> "pw.ModelSelect[Any]":
        """The contracts this account may know of now, as a subquery."""
        return Membership.select(Membership.contract).where((Membership.account == self.id) & Membership.until_at.is_null())

    @classmethod
    def seen_by_customer(cls, account: "Account") -> Any:
        return cls.id == account.id

    @classmethod
    def in_buildings(cls, buildings: "pw.ModelSelect[Any]") -> Any:
        return cls.id.in_(Membership.select(Membership.account).where(Membership.until_at.is_null() & Membership.in_buildings(buildings)))


ROLES = (
    ("agent", N_("Customer service agent")),
    ("property_manager", N_("Property manager")),
    ("administrator", N_("Administrator")),
    ("auditor", N_("Auditor")),
)


class Staff(Table):
    """Someone who works here: for one organisation, or for the whole install where `organisation` is empty."""

    organisation = pw.ForeignKeyField(Organisation, null=True, on_delete="RESTRICT", verbose_name=N_("Organisation"))
    email = pw.CharField(254, verbose_name=N_("E-mail"))
    email_key = pw.CharField(254, unique=True)
    name = pw.CharField(120, verbose_name=N_("Name and surname"))
    role = pw.CharField(20, choices=ROLES, verbose_name=N_("Role"))
    language = pw.CharField(2, choices=LANGUAGES, default="lt", verbose_name=N_("Language"))
    is_active = pw.BooleanField(default=True, verbose_name=N_("Active"))
    password_hash = pw.CharField(200, default="")
    totp_secret = pw.CharField(64, default="")
    totp_last_step = pw.BigIntegerField(default=0)  # a one-time code is used once (T61)
    locked_until = UTCDateTimeField(null=True, verbose_name=N_("Locked until"))
    created_at = UTCDateTimeField(default=now, verbose_name=N_("Added"))
    last_seen_at = UTCDateTimeField(null=True, verbose_name=N_("Last seen"))
    search_key = pw.CharField(400, default="")
    sort_key = pw.CharField(255)
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = ((("organisation", "sort_key", "id"), False), (("sort_key", "id"), False))
        constraints = [pw.Check("role <> 'property_manager' OR organisation_id IS NOT NULL")]

    def __str__(self) -> str:
        return self.name

    def derive(self) -> None:
        self.email_key = self.email.strip().casefold()
        self.search_key = fold(f"{self.name} {self.email}")[:400]
        self.sort_key = sort_key(self.name)

    @property
    def sees_install(self) -> bool:
        """Whether this person's work has no bounds of organisation."""
        return self.organisation_id is None

    def building_ids(self) -> "pw.ModelSelect[Any]":
        """The buildings of a property manager, as a subquery."""
        return StaffBuilding.select(StaffBuilding.building).where(StaffBuilding.staff == self.id)

    @classmethod
    def seen_by_staff(cls, staff: "Staff") -> Any:
        return cls.id == staff.id if staff.role == "property_manager" else cls.organisation == staff.organisation_id


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


class ConsentText(Owned):
    """One wording of one thing customers are asked to agree to. A new wording is a new row (K21)."""

    kind = pw.CharField(40, verbose_name=N_("Consent"))
    edition = pw.IntegerField(verbose_name=N_("Edition"))
    text_lt = pw.TextField(verbose_name=N_("Text in Lithuanian"))
    text_en = pw.TextField(verbose_name=N_("Text in English"))
    url = pw.CharField(300, default="", verbose_name=N_("Page with the full text"))
    is_required = pw.BooleanField(verbose_name=N_("Required to register"))
    is_current = pw.BooleanField(default=True, verbose_name=N_("Asked now"))
    position = pw.IntegerField(default=0)

    class Meta:
        indexes = ((("organisation", "kind", "edition"), True),)

    def __str__(self) -> str:
        return f"{self.kind} {self.edition}"


class Consent(Owned):
    """That an account agreed to one wording, from when to when."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE")
    text = pw.ForeignKeyField(ConsentText, on_delete="RESTRICT", index=False)
    given_at = UTCDateTimeField(default=now, verbose_name=N_("Given"))
    withdrawn_at = UTCDateTimeField(null=True, verbose_name=N_("Withdrawn"))

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return cls.account == account.id


# ---- buildings, contracts and who may reach them ----------------------------------------------------------------------


class Building(Owned):
    """A house with premises in it."""

    provider = pw.ForeignKeyField(Provider, on_delete="RESTRICT", index=False, verbose_name=N_("Maintaining company"))
    address = pw.CharField(200, verbose_name=N_("Address"))
    # Its own days for readings, both or neither (K16).
    reading_opens_on = pw.IntegerField(
        null=True,
        constraints=[pw.Check("reading_opens_on BETWEEN 1 AND 28")],
        verbose_name=N_("Readings open on day of the month"),
        help_text=N_("From 1 to 28; empty: as the organisation says"),
    )
    reading_closes_on = pw.IntegerField(
        null=True,
        constraints=[
            pw.Check("reading_closes_on BETWEEN 1 AND 31"),
            pw.Check("(reading_opens_on IS NULL) = (reading_closes_on IS NULL)"),
            pw.Check("reading_opens_on <= reading_closes_on"),
        ],
        verbose_name=N_("Readings close after day of the month"),
        help_text=N_("Up to 31, which is the last day of any month; empty: as the organisation says"),
    )
    search_key = pw.CharField(255)
    sort_key = pw.CharField(255)
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = ((("organisation", "address"), True), (("organisation", "sort_key", "id"), False), (("sort_key", "id"), False))

    def __str__(self) -> str:
        return self.address

    def derive(self) -> None:
        self.search_key, self.sort_key = fold(self.address)[:255], sort_key(self.address)

    @classmethod
    def in_buildings(cls, buildings: "pw.ModelSelect[Any]") -> Any:
        return cls.id.in_(buildings)


class StaffBuilding(Table):
    """Which buildings a property manager runs."""

    staff = pw.ForeignKeyField(Staff, on_delete="CASCADE", index=False)
    building = pw.ForeignKeyField(Building, on_delete="RESTRICT")

    class Meta:
        indexes = ((("staff", "building"), True),)


class Premises(Owned):
    """A flat or other premises in a building."""

    building = pw.ForeignKeyField(Building, on_delete="RESTRICT", index=False, verbose_name=N_("Building"))
    number = pw.CharField(20, verbose_name=N_("Number"))
    sort_key = pw.CharField(255)
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = ((("building", "number"), True), (("organisation", "sort_key", "id"), False), (("sort_key", "id"), False))

    def __str__(self) -> str:
        return f"{self.building.address} - {self.number}"

    def derive(self) -> None:
        self.sort_key = sort_key(f"{self.building.address} {self.number.zfill(6)}")


class SyncRun(Owned):
    """One reading of an organisation's billing feed: what came, what changed, what was put aside."""

    feed = pw.CharField(10, verbose_name=N_("Feed"))
    started_at = UTCDateTimeField(default=now, verbose_name=N_("Started"))
    finished_at = UTCDateTimeField(null=True, verbose_name=N_("Finished"))
    lease_until = UTCDateTimeField(null=True)
    seen = pw.IntegerField(default=0, verbose_name=N_("Records read"))
    created = pw.IntegerField(default=0, verbose_name=N_("New"))
    changed = pw.IntegerField(default=0, verbose_name=N_("Changed"))
    same = pw.IntegerField(default=0, verbose_name=N_("Unchanged"))
    problems = pw.IntegerField(default=0, verbose_name=N_("Put aside"))
    error = pw.CharField(500, default="", verbose_name=N_("Error"))

    class Meta:
        indexes = ((("organisation", "started_at", "id"), False), (("started_at", "id"), False))

    def __str__(self) -> str:
        return f"{self.feed} {self.started_at:%Y-%m-%d %H:%M}"


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


class Contract(Owned):
    """What a payer code stands for: one customer of one provider for one place. The bill names the code (CV-12, PS-08)."""

    provider = pw.ForeignKeyField(Provider, on_delete="RESTRICT", index=False, verbose_name=N_("Provider"))
    building = pw.ForeignKeyField(Building, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Building"))
    premises = pw.ForeignKeyField(Premises, null=True, on_delete="RESTRICT", verbose_name=N_("Premises"))
    payer_code = pw.CharField(60, verbose_name=N_("Payer code"))
    payer_code_key = pw.CharField(60)  # without spaces, dashes and case: two such codes would be taken for one another (T15)
    customer_name = pw.CharField(200, default="", verbose_name=N_("Customer"))
    address = pw.CharField(250, default="", verbose_name=N_("Address"))
    opened_on = pw.DateField(null=True, verbose_name=N_("From"))
    ended_on = pw.DateField(null=True, verbose_name=N_("Until"))
    feed_digest = pw.CharField(64, default="")  # what the feed last said of the place: staff's word stays until it says another
    run = pw.ForeignKeyField(SyncRun, null=True, on_delete="SET NULL", index=False)
    search_key = pw.CharField(600)
    sort_key = pw.CharField(255)
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = (
            (("provider", "payer_code"), True),
            (("provider", "payer_code_key"), True),
            (("organisation", "payer_code", "id"), False),
            (("payer_code", "id"), False),
            (("organisation", "payer_code_key", "id"), False),
            (("payer_code_key", "id"), False),
            (("organisation", "sort_key", "id"), False),
            (("sort_key", "id"), False),
            (("building", "sort_key", "id"), False),
        )

    def __str__(self) -> str:
        return f"{self.payer_code} {self.address}".strip()

    def derive(self) -> None:
        self.payer_code_key = payer_code_key(self.payer_code)
        self.search_key = fold(f"{self.payer_code} {self.customer_name} {self.address}")[:600]
        self.sort_key = sort_key(self.address or self.customer_name)

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return _in(cls, account) & cls.id.in_(account.contract_ids())


def is_of_an_earlier_customer(contract: Any, day: Any) -> Any:
    """Whether something of that day is from before the contract was its present customer's: billing systems give a payer code on
    with the flat, and who has it now must not see the bills of who had it then (decision 11)."""
    later = Contract.alias()
    return pw.fn.EXISTS(later.select(pw.SQL("1")).where((later.id == contract) & (later.opened_on > day)))


def payer_code_key(code: str) -> str:
    """`code` as one might mistype it: without spaces, dashes, slashes and case. Never used to attach, only to see a mistake."""
    return "".join(c for c in unicodedata.normalize("NFKC", code).casefold() if c.isalnum())[:60]


class AccessType(Owned):
    """What someone may do with a contract, as a list of deeds (`rules/access.py`)."""

    name = pw.CharField(40, verbose_name=N_("Access type"))
    deeds = FactsField(default=list, verbose_name=N_("Allowed"))
    position = pw.IntegerField(default=0)

    class Meta:
        indexes = ((("organisation", "name"), True),)

    def __str__(self) -> str:
        return self.name


ENDED_BY = (
    ("customer", N_("The customer removed it")),
    ("staff", N_("Removed by staff")),
    ("feed", N_("Passed on to another customer")),
)


class Membership(Owned):
    """An account's access to a contract: of which type, since when, given by whom. Nothing else gives a customer a right."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", verbose_name=N_("Account"))
    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", verbose_name=N_("Contract"))
    access_type = pw.ForeignKeyField(AccessType, on_delete="RESTRICT", index=False, verbose_name=N_("Access type"))
    since_at = UTCDateTimeField(default=now, verbose_name=N_("Since"))
    until_at = UTCDateTimeField(null=True, verbose_name=N_("Until"))
    granted_by = pw.CharField(200, default="", verbose_name=N_("Given by"))
    ended_by = pw.CharField(10, choices=ENDED_BY, default="", verbose_name=N_("Why it ended"))

    class Meta:
        indexes = ((("organisation", "since_at", "id"), False), (("since_at", "id"), False))

    def __str__(self) -> str:
        return f"{self.account} · {self.contract}"

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return (cls.account == account.id) & cls.until_at.is_null()

    @classmethod
    def in_buildings(cls, buildings: "pw.ModelSelect[Any]") -> Any:
        return cls.contract.in_(Contract.select(Contract.id).where(Contract.building.in_(buildings)))


# One live access for an account and a contract, whatever races.
Membership.add_index(
    Membership.index(Membership.account, Membership.contract, unique=True, where=Membership.until_at.is_null(), name="membership_live")
)


class FailedTry(Owned):
    """A contract that an account tried to add and that was not found, kept for two weeks so that an agent can help (M06): the code
    as it was typed, and what seems to be wrong with it. The number typed beside it, which proves something, is not kept."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", index=False)
    provider = pw.ForeignKeyField(Provider, null=True, on_delete="CASCADE", index=False)
    payer_code = pw.CharField(60)
    cause = pw.CharField(30)
    message = pw.CharField(400)
    facts = FactsField(default=dict)
    tried_at = UTCDateTimeField(default=now, index=True)

    class Meta:
        indexes = ((("account", "id"), False),)


# ---- meters -----------------------------------------------------------------------------------------------------------


ROUNDINGS = (("exact", N_("More decimals are refused")), ("half_up", N_("More decimals are rounded, half a unit up")))
MOST_DIGITS = 9  # before the decimals: no dial has more


class MeterKind(Owned):
    """What a meter measures, in which unit, with how many decimals; how many digits its dial has before it starts from zero (K18)."""

    code = pw.CharField(30, verbose_name=N_("Code"))
    name_lt = pw.CharField(80, verbose_name=N_("Name in Lithuanian"))
    name_en = pw.CharField(80, verbose_name=N_("Name in English"))
    unit = pw.CharField(10, verbose_name=N_("Unit"))
    decimals = pw.IntegerField(default=3, verbose_name=N_("Decimals"))
    rounding = pw.CharField(10, choices=ROUNDINGS, default="exact", verbose_name=N_("Rounding"))
    digits = pw.IntegerField(
        null=True,
        constraints=[pw.Check("digits BETWEEN 1 AND 9")],
        verbose_name=N_("Digits before the decimals"),
        help_text=N_("After the last of them the meter starts from zero; empty: not known"),
    )
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = ((("organisation", "code"), True), (("organisation", "code", "id"), False), (("code", "id"), False))
        constraints = [pw.Check("decimals BETWEEN 0 AND 3")]

    def __str__(self) -> str:
        return self.name_lt

    def name(self, language: str) -> str:
        """What people call it."""
        return self.name_en if language == "en" else self.name_lt


class Meter(Owned):
    """A device at a contract's place (PS-14: number, kind, place)."""

    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", verbose_name=N_("Contract"))
    building = pw.ForeignKeyField(Building, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Building"))
    kind = pw.ForeignKeyField(MeterKind, on_delete="RESTRICT", index=False, verbose_name=N_("Kind"))
    number = pw.CharField(40, verbose_name=N_("Meter number"))
    place = pw.CharField(80, default="", verbose_name=N_("Place"))
    installed_on = pw.DateField(null=True, verbose_name=N_("Installed"))
    removed_on = pw.DateField(null=True, verbose_name=N_("Removed"))
    digits = pw.IntegerField(
        null=True,
        constraints=[pw.Check("digits BETWEEN 1 AND 9")],
        verbose_name=N_("Digits before the decimals"),
        help_text=N_("Empty: as most meters of its kind"),
    )
    feed_digest = pw.CharField(64, default="")  # as a contract's
    search_key = pw.CharField(255)
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = (
            (("organisation", "kind", "number"), True),
            (("organisation", "number", "id"), False),
            (("number", "id"), False),
            (("building", "number", "id"), False),
        )

    def __str__(self) -> str:
        return self.number

    def derive(self) -> None:
        self.search_key = fold(f"{self.number} {self.place}")[:255]

    @property
    def dial_milli(self) -> int | None:
        """After how much it starts from zero, thousandths of its unit; None where that is not known."""
        digits = self.digits or self.kind.digits
        return None if digits is None else 10 ** (digits + 3)

    def is_in_use(self, day: date) -> bool:
        """Whether the meter stands in its place on that day."""
        return (self.installed_on is None or self.installed_on <= day) and (self.removed_on is None or self.removed_on > day)


SOURCES = (("customer", N_("Customer")), ("staff", N_("Staff")), ("feed", N_("Billing system")))


class Reading(Owned):
    """What a meter showed. Every version stays; one of a month counts for each contract that the meter had in it."""

    meter = pw.ForeignKeyField(Meter, on_delete="RESTRICT", index=False, verbose_name=N_("Meter"))
    # The contract and building of that day: who buys the flat later does not see them.
    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", index=False, verbose_name=N_("Contract"))
    building = pw.ForeignKeyField(Building, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Building"))
    value_milli = pw.BigIntegerField(verbose_name=N_("Reading"))
    previous_milli = pw.BigIntegerField(null=True, verbose_name=N_("From"))
    # What the dial holds, where it started from zero since the reading before.
    rollover_milli = pw.BigIntegerField(
        default=0,
        constraints=[pw.Check("rollover_milli = 0 OR (rollover_milli > 0 AND value_milli < previous_milli)")],
        verbose_name=N_("Started from zero after"),
    )
    read_on = pw.DateField(verbose_name=N_("Date"))
    period = pw.CharField(7, verbose_name=N_("Month"))
    source = pw.CharField(10, choices=SOURCES, verbose_name=N_("Source"))
    is_current = pw.BooleanField(default=True, verbose_name=N_("Counts"))
    reference = pw.CharField(20, verbose_name=N_("Reference"))
    account = pw.ForeignKeyField(Account, null=True, on_delete="SET NULL", index=False)
    staff = pw.ForeignKeyField(Staff, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Entered by"))
    reason = pw.CharField(300, default="", verbose_name=N_("Reason"))
    replaces = pw.ForeignKeyField("self", null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Instead of"))
    recorded_at = UTCDateTimeField(default=now, verbose_name=N_("Recorded"))
    run = pw.ForeignKeyField(SyncRun, null=True, on_delete="SET NULL", index=False)

    class Meta:
        constraints = [pw.Check("value_milli >= 0")]
        indexes = (
            (("meter", "read_on", "id"), False),
            (("contract", "read_on", "id"), False),
            (("organisation", "read_on", "id"), False),
            (("read_on", "id"), False),
            (("building", "read_on", "id"), False),
        )

    def __str__(self) -> str:
        return f"{self.meter} {self.read_on}"

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return super().seen_by_customer(account) & ~is_of_an_earlier_customer(cls.contract, cls.read_on)

    @property
    def used_milli(self) -> int | None:
        """The difference to the reading before, over a roll-over too, thousandths of the unit; None for the first."""
        return None if self.previous_milli is None else self.value_milli - self.previous_milli + self.rollover_milli


# One that counts for a meter, a contract and a month, whatever races: a meter that passes to another contract within a month has the
# closing reading of the one and the first of the other.
Reading.add_index(
    Reading.index(Reading.meter, Reading.contract, Reading.period, unique=True, where=Reading.is_current, name="reading_current")
)


class MeterName(Owned):
    """What a customer calls a meter ("Kitchen"): theirs alone, nobody else ever sees it."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", index=False)
    meter = pw.ForeignKeyField(Meter, on_delete="RESTRICT", index=False)
    name = pw.CharField(40, verbose_name=N_("Your name for it"))

    class Meta:
        indexes = ((("account", "meter"), True),)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def seen_by_staff(cls, staff: Staff) -> Any:
        return NOTHING

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return cls.account == account.id


# ---- money ------------------------------------------------------------------------------------------------------------

INVOICE_KINDS = (("invoice", N_("Invoice")), ("credit_note", N_("Credit note")))


class Invoice(Owned):
    """A bill as its provider made it. Amounts are cents; a credit note's are negative, so that sums are sums."""

    provider = pw.ForeignKeyField(Provider, on_delete="RESTRICT", index=False, verbose_name=N_("Provider"))
    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", index=False, verbose_name=N_("Contract"))
    building = pw.ForeignKeyField(Building, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Building"))
    kind = pw.CharField(12, choices=INVOICE_KINDS, default="invoice", verbose_name=N_("Kind"))
    number = pw.CharField(60, verbose_name=N_("Invoice number"))
    issued_on = pw.DateField(verbose_name=N_("Issued"))
    due_on = pw.DateField(null=True, verbose_name=N_("Due"))
    period_from = pw.DateField(null=True, verbose_name=N_("Period from"))
    period_to = pw.DateField(null=True, verbose_name=N_("Period to"))
    net_cents = pw.BigIntegerField(verbose_name=N_("Without VAT"))
    vat_cents = pw.BigIntegerField(verbose_name=N_("VAT"))
    total_cents = pw.BigIntegerField(verbose_name=N_("With VAT"))
    prepaid_cents = pw.BigIntegerField(default=0, verbose_name=N_("Paid in advance"))
    rounding_cents = pw.BigIntegerField(default=0, verbose_name=N_("Rounding"))
    payable_cents = pw.BigIntegerField(verbose_name=N_("Amount"))
    outstanding_cents = pw.BigIntegerField(verbose_name=N_("To pay"))
    payment_reference = pw.CharField(60, default="", verbose_name=N_("Payment reference"))
    iban = pw.CharField(34, default="", verbose_name=N_("Bank account"))
    refers_to = pw.CharField(60, default="", verbose_name=N_("Corrects invoice"))
    note = pw.TextField(default="", verbose_name=N_("Note"))
    buyer_name = pw.CharField(200, default="", verbose_name=N_("Customer"))
    buyer_address = pw.CharField(250, default="", verbose_name=N_("Address"))
    pdf_digest = pw.CharField(64, default="")  # the provider's own document where the feed brought one
    content_digest = pw.CharField(64)  # what the feed said, to see whether it says the same again
    revised_at = UTCDateTimeField(null=True)
    run = pw.ForeignKeyField(SyncRun, null=True, on_delete="SET NULL", index=False)

    class Meta:
        constraints = [
            pw.Check("total_cents = net_cents + vat_cents"),
            pw.Check("payable_cents = total_cents - prepaid_cents + rounding_cents"),
        ]
        indexes = (
            (("provider", "kind", "number"), True),
            (("contract", "issued_on", "id"), False),
            (("organisation", "issued_on", "id"), False),
            (("issued_on", "id"), False),
            (("building", "issued_on", "id"), False),
            (("organisation", "number", "id"), False),
            (("number", "id"), False),
        )

    def __str__(self) -> str:
        return self.number

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        """A bill belongs to whoever had the contract at the end of what it is for."""
        return super().seen_by_customer(account) & ~is_of_an_earlier_customer(cls.contract, cls.last_day())

    @classmethod
    def last_day(cls) -> Any:
        """The last day that a bill is for: of its period; else, where it corrects another, that one's; else of its issue."""
        corrected = cls.alias()
        same = (corrected.provider == cls.provider) & (corrected.kind == "invoice") & (corrected.number == cls.refers_to)
        that = corrected.select(pw.fn.COALESCE(corrected.period_to, corrected.issued_on)).where(same & (corrected.contract == cls.contract))
        return pw.fn.COALESCE(cls.period_to, that, cls.issued_on)

    def days_overdue(self, day: date) -> int:
        """How many days ago something should have been paid that is not; 0 where nothing is overdue."""
        return max(0, (day - self.due_on).days) if self.outstanding_cents > 0 and self.due_on else 0

    @classmethod
    def unpaid(cls) -> Any:
        """Something is still to pay. The nought is written out, not bound: else SQLite would not see that a partial index fits."""
        return cls.outstanding_cents > pw.SQL("0")

    @classmethod
    def overdue(cls, day: date) -> Any:
        """Something should have been paid before `day` and is not."""
        return cls.unpaid() & (cls.due_on < day)


# What is to pay is a small part of all bills: these hold no others, so that an import of paid ones does not touch them.
Invoice.add_index(Invoice.index(Invoice.organisation, Invoice.issued_on, Invoice.id, where=Invoice.unpaid(), name="invoice_unpaid"))
Invoice.add_index(Invoice.index(Invoice.organisation, Invoice.due_on, Invoice.id, where=Invoice.unpaid(), name="invoice_due"))
Invoice.add_index(Invoice.index(Invoice.issued_on, Invoice.id, where=Invoice.unpaid(), name="invoice_unpaid_anywhere"))
Invoice.add_index(Invoice.index(Invoice.due_on, Invoice.id, where=Invoice.unpaid(), name="invoice_due_anywhere"))


class InvoiceLine(Owned):
    """One line of a bill, as billed: the amount is the provider's, quantity and price explain it."""

    public_id = None  # type: ignore[assignment]  # asked for by its bill alone; an index over random keys is dear
    invoice = pw.ForeignKeyField(Invoice, on_delete="CASCADE", backref="lines", index=False)
    position = pw.IntegerField()
    name = pw.CharField(300)
    quantity_milli = pw.BigIntegerField(null=True)
    unit = pw.CharField(20, default="")
    unit_price_micro = pw.BigIntegerField(null=True)  # millionths of a euro for `base_quantity_milli`
    base_quantity_milli = pw.BigIntegerField(default=1000)
    net_cents = pw.BigIntegerField()
    vat_rate = pw.IntegerField(null=True)  # hundredths of a per cent, as of the bill's date

    class Meta:
        indexes = ((("invoice", "position"), True),)


class InvoiceVat(Owned):
    """The VAT of a bill at one rate."""

    public_id = None  # type: ignore[assignment]  # asked for by its bill alone; an index over random keys is dear
    invoice = pw.ForeignKeyField(Invoice, on_delete="CASCADE", backref="vat", index=False)
    category = pw.CharField(10)
    rate = pw.IntegerField(null=True)  # hundredths of a per cent
    base_cents = pw.BigIntegerField()
    vat_cents = pw.BigIntegerField()

    class Meta:
        indexes = ((("invoice", "category", "rate"), False),)


# ---- machinery --------------------------------------------------------------------------------------------------------


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


TABLES: list[type[Table]] = [
    Organisation, Provider, Setting, Account, Staff, SavedView, Presence, Session, Device, Lockout, Counter, Confirmation,
    ConsentText, Consent,
    Building, StaffBuilding, Premises, SyncRun, SyncProblem, Contract, AccessType, Membership, FailedTry,
    MeterKind, Meter, Reading, MeterName, Invoice, InvoiceLine, InvoiceVat,
    Seal, Event, Message, Export, ExportedAccount, FormKey, JobRun, Worker,
]  # fmt: skip
