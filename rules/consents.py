"""What customers are asked to agree to: each thing by itself, optional ones never bundled with required ones, each wording kept (K21)."""

from typing import Any

from models import N_, Account, Consent, ConsentText, Organisation, now
from rules import events
from rules.refusal import Refused
from rules.work import unit_of_work

REQUIRED = N_("Tick that you agree: without it no account can be opened")


def asked(organisation: Organisation) -> list[ConsentText]:
    """The wordings that are asked now, in order."""
    current = (ConsentText.organisation == organisation) & ConsentText.is_current
    return list(ConsentText.select().where(current).order_by(ConsentText.position, ConsentText.id))


def check(organisation: Organisation, given: set[int]) -> list[ConsentText]:
    """The wordings among `given` (ids) that are asked now. Raises Refused unless every required one is there (CV-14, AG-08)."""
    texts = asked(organisation)
    for text in texts:
        if text.is_required and text.id not in given:
            raise Refused(REQUIRED, field=f"consent_{text.kind}")
    return [text for text in texts if text.id in given]


def of(account: Account) -> list[tuple[ConsentText, Consent | None]]:
    """Each wording that is asked now, and when this account agreed to it, None where it has not."""
    held = _held(account)
    return [(text, held.get(text.id)) for text in asked(account.organisation)]


def give(account: Account, texts: list[ConsentText]) -> None:
    """Write down what an account agrees to, inside the unit of work that opens it."""
    for text in texts:
        Consent.create(organisation=account.organisation_id, account=account, text=text)


def change(account: Account, wanted: set[int]) -> int:
    """Agree to exactly the wordings in `wanted` (ids) among those asked now; returns how many answers changed.

    Each change is an event of its own. Raises Refused where a required one would be withdrawn: that ends with the account only.
    """
    with unit_of_work():
        changed = 0
        # Whoever else changes the same account's answers waits here.
        Account.update(version=Account.version + 1).where(Account.id == account.id).execute()
        for text, consent in of(account):
            if (consent is not None) == (text.id in wanted):
                continue
            if consent is None:
                give(account, [text])
            elif text.is_required:
                raise Refused(N_("This one is needed for as long as you have the account"), field=f"consent_{text.kind}")
            else:
                Consent.update(withdrawn_at=now()).where(Consent.id == consent.id).execute()
            events.record("account.consent_changed", account, by=account, kind=text.kind, edition=text.edition, given=consent is None)
            changed += 1
        return changed


def _held(account: Account) -> dict[Any, Consent]:
    rows = Consent.select().where((Consent.account == account) & Consent.withdrawn_at.is_null())
    return {row.text_id: row for row in rows}
