"""On the way to a contract: what customers agree to, and what they tried in vain."""

from typing import Any

import peewee as pw

from tables.core import Account, Owned, Provider
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
