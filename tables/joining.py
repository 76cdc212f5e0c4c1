"""On the way to a contract: what customers agree to, what others share with them, and what they tried in vain."""

from typing import Any

import peewee as pw

from tables.core import ENDED_BY, Account, Contract, Membership, Owned, Provider
from tables.fields import N_, FactsField, UTCDateTimeField, now


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


class Share(Owned):
    """A contract offered to an e-mail address by whoever holds it, and the access that came of it (CV-22..CV-27). It is of the address,
    not of an account: nobody is looked up when it is given."""

    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", index=False, verbose_name=N_("Contract"))
    given_through = pw.ForeignKeyField(Membership, on_delete="CASCADE", verbose_name=N_("Shared by"))  # ends with it
    email = pw.CharField(254, verbose_name=N_("Shared with"))
    email_key = pw.CharField(254)
    given_at = UTCDateTimeField(default=now, verbose_name=N_("Shared on"))
    last_on = pw.DateField(null=True, verbose_name=N_("Last day"))
    membership = pw.ForeignKeyField(Membership, null=True, on_delete="CASCADE", verbose_name=N_("Access"))  # once it is taken
    ended_at = UTCDateTimeField(null=True, verbose_name=N_("Ended"))
    ended_by = pw.CharField(10, choices=ENDED_BY, default="", verbose_name=N_("Why it ended"))

    class Meta:
        indexes = (
            (("organisation", "given_at", "id"), False),
            (("given_at", "id"), False),
            (("contract", "given_at", "id"), False),
            (("email_key", "organisation"), False),
        )

    def __str__(self) -> str:
        return self.email

    def derive(self) -> None:
        self.email_key = self.email.casefold()

    @classmethod
    def in_buildings(cls, buildings: "pw.ModelSelect[Any]") -> Any:
        return cls.contract.in_(Contract.select(Contract.id).where(Contract.building.in_(buildings)))


# One live share of a contract with an address, whatever races; and those that a day may end.
Share.add_index(Share.index(Share.contract, Share.email_key, unique=True, where=Share.ended_at.is_null(), name="share_live"))
Share.add_index(Share.index(Share.last_on, where=Share.ended_at.is_null(), name="share_last_on"))


PAYING_ENDED_BY = (
    ("payer", N_("The payer removed it")),
    ("holder", N_("Whoever has the contract ended it")),
    ("staff", N_("Ended by staff")),
    ("passed_on", N_("The contract is another customer's now")),
    ("attached", N_("The payer has the contract itself now")),
    ("merge", N_("Joined with another account of the same person")),
)


class ThirdPartyPayer(Owned):
    """An account that pays for a contract which is not its own (IR-09). It makes the contract no part of the account: all that the payer
    learns of it is what `rules/third_party_payers.py` shows, which is what is owed and by when (T98)."""

    account = pw.ForeignKeyField(Account, on_delete="CASCADE", index=False, verbose_name=N_("Account"))
    contract = pw.ForeignKeyField(Contract, on_delete="RESTRICT", index=False, verbose_name=N_("Contract"))
    name = pw.CharField(40, default="", verbose_name=N_("Called"))  # by the payer, who sees no address
    since_at = UTCDateTimeField(default=now, verbose_name=N_("Since"))
    ended_at = UTCDateTimeField(null=True, verbose_name=N_("Ended"))
    ended_by = pw.CharField(10, choices=PAYING_ENDED_BY, default="", verbose_name=N_("Why it ended"))

    class Meta:
        indexes = (
            (("organisation", "since_at", "id"), False),
            (("since_at", "id"), False),
            (("account", "since_at", "id"), False),
            (("contract", "since_at", "id"), False),
        )

    def __str__(self) -> str:
        return f"{self.account} · {self.contract}"

    @classmethod
    def seen_by_customer(cls, account: Account) -> Any:
        """By the payer, and by whoever has the contract: they may end it."""
        return ((cls.account == account.id) | cls.contract.in_(account.contract_ids())) & cls.ended_at.is_null()

    @classmethod
    def in_buildings(cls, buildings: "pw.ModelSelect[Any]") -> Any:
        return cls.contract.in_(Contract.select(Contract.id).where(Contract.building.in_(buildings)))


# Once at a time, whatever races.
ThirdPartyPayer.add_index(
    ThirdPartyPayer.index(
        ThirdPartyPayer.account,
        ThirdPartyPayer.contract,
        unique=True,
        where=ThirdPartyPayer.ended_at.is_null(),
        name="third_party_payer_live",
    )
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
