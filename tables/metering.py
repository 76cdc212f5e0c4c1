"""Meters and what they showed."""

from datetime import date
from typing import Any

import peewee as pw

from tables.core import NOTHING, Account, Building, Contract, Owned, Staff, SyncRun, is_of_an_earlier_customer
from tables.fields import N_, UTCDateTimeField, fold, now

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
