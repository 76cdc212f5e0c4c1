"""Who there is, where, and what they may reach: organisations, people, houses, contracts, access. In one file, since which rows of
any table somebody may know of follows from all of these together."""

import unicodedata
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import peewee as pw

from tables.fields import N_, FactsField, UTCDateTimeField, database, fold, now, sort_key


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
    frozen_until = UTCDateTimeField(null=True, verbose_name=N_("Gives nothing away until"))  # `rules/freezes.py`
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

    def company_ids(self) -> "pw.ModelSelect[Any]":
        """The companies this account represents now, as a subquery."""
        return Representative.select(Representative.company).where((Representative.account == self.id) & Representative.until_at.is_null())

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


class Company(Owned):
    """Who is provided for: a legal person, or a person in business whose contracts were made under a personal code (IB-34)."""

    name = pw.CharField(200, verbose_name=N_("Name of the company"))
    code = pw.CharField(20, null=True, verbose_name=N_("Company code"))  # of the register of legal entities; empty: a person in business
    person_digest = pw.CharField(64, null=True)  # of that person's code (`rules/personal_codes.py`)
    belongs_to = pw.ForeignKeyField("self", null=True, on_delete="RESTRICT", verbose_name=N_("Belongs to"))  # IB-47
    email = pw.CharField(254, default="", verbose_name=N_("E-mail"))
    phone = pw.CharField(20, default="", verbose_name=N_("Phone"))
    address = pw.CharField(250, default="", verbose_name=N_("Address"))
    email_domain = pw.CharField(120, default="", verbose_name=N_("Domain of its e-mail addresses"))  # K13
    legal_status = pw.CharField(120, default="", verbose_name=N_("Legal status"))  # in the register's words; empty: nothing special
    heads_read_at = UTCDateTimeField(null=True, verbose_name=N_("Heads read from the register"))
    heads_asked_at = UTCDateTimeField(null=True)  # when the register last answered or did not: whose turn it is
    search_key = pw.CharField(500)
    sort_key = pw.CharField(255)
    version = pw.IntegerField(default=0)

    class Meta:
        indexes = (
            (("organisation", "code"), True),
            (("organisation", "person_digest"), True),
            (("organisation", "sort_key", "id"), False),
            (("sort_key", "id"), False),
            (("heads_read_at", "id"), False),
        )
        constraints = [pw.Check("(code IS NULL) <> (person_digest IS NULL)")]

    def __str__(self) -> str:
        return self.name

    def derive(self) -> None:
        self.search_key = fold(f"{self.name} {self.code or ''} {self.email} {self.phone}")[:500]
        self.sort_key = sort_key(self.name)

    @classmethod
    def seen_by_customer(cls, account: "Account") -> Any:
        return _in(cls, account) & cls.id.in_(account.company_ids())


class Contract(Owned):
    """What a payer code stands for: one customer of one provider for one place. The bill names the code (CV-12, PS-08)."""

    provider = pw.ForeignKeyField(Provider, on_delete="RESTRICT", index=False, verbose_name=N_("Provider"))
    building = pw.ForeignKeyField(Building, null=True, on_delete="RESTRICT", index=False, verbose_name=N_("Building"))
    premises = pw.ForeignKeyField(Premises, null=True, on_delete="RESTRICT", verbose_name=N_("Premises"))
    company = pw.ForeignKeyField(
        Company, null=True, on_delete="RESTRICT", verbose_name=N_("Company")
    )  # whose contract it is; empty: a person's
    person_digest = pw.CharField(64, null=True)  # of the customer's personal code, as the feed says it; empty: it has said two
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
            (("organisation", "person_digest"), False),
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
        indexes = ((("organisation", "name"), True), (("organisation", "name", "id"), False), (("name", "id"), False))

    def __str__(self) -> str:
        return self.name


ENDED_BY = (
    ("customer", N_("The customer removed it")),
    ("staff", N_("Removed by staff")),
    ("feed", N_("Passed on to another customer")),
    ("owner", N_("Whoever shared it ended that")),
    ("expiry", N_("It was shared until a day that is over")),
    ("company", N_("It came with a company that is represented no more")),
    ("register", N_("The register no longer says so")),
    ("merge", N_("Joined with another account of the same person")),
    ("head", N_("Removed by who looks after the company's people")),
)


class Representative(Owned):
    """An account's place in a company: of which access type, since when, given by whom (IB-13..IB-17). Each of the company's contracts
    is in the account by a `Membership` that came through this row, and ends with it."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", verbose_name=N_("Account"))
    company = pw.ForeignKeyField(Company, on_delete="RESTRICT", verbose_name=N_("Company"))
    access_type = pw.ForeignKeyField(AccessType, on_delete="RESTRICT", index=False, verbose_name=N_("Access type"))
    since_at = UTCDateTimeField(default=now, verbose_name=N_("Since"))
    until_at = UTCDateTimeField(null=True, verbose_name=N_("Until"))
    granted_by = pw.CharField(200, default="", verbose_name=N_("Given by"))  # a name to show; empty: the register
    ended_by = pw.CharField(10, choices=ENDED_BY, default="", verbose_name=N_("Why it ended"))

    class Meta:
        indexes = ((("organisation", "since_at", "id"), False), (("since_at", "id"), False))

    def __str__(self) -> str:
        return f"{self.account} · {self.company}"

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        return _in(cls, account) & cls.company.in_(account.company_ids()) & cls.until_at.is_null()


# One live place of an account in a company, whatever races.
Representative.add_index(
    Representative.index(
        Representative.account, Representative.company, unique=True, where=Representative.until_at.is_null(), name="representative_live"
    )
)


class Membership(Owned):
    """An account's access to a contract: of which type, since when, given by whom. Nothing else gives a customer a right."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", verbose_name=N_("Account"))
    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", verbose_name=N_("Contract"))
    access_type = pw.ForeignKeyField(AccessType, on_delete="RESTRICT", index=False, verbose_name=N_("Access type"))
    through = pw.ForeignKeyField(Representative, null=True, on_delete="CASCADE", verbose_name=N_("Through the company"))
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
