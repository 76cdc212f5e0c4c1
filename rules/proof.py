"""Proving a contract by what its bill shows: the payer code exactly as printed and the number of the last bill (K04), the brakes on wrong
tries (T14), and why nothing was found (M06)."""

import hmac
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from models import (
    N_,
    Account,
    Contract,
    FailedTry,
    Invoice,
    Membership,
    Organisation,
    Provider,
    Share,
    is_of_an_earlier_customer,
    now,
)
from rules import clock, diagnosis, limits, settings
from rules.refusal import Refused

# Wrong tries a day for one payer code, one account, one network; in an organisation a day before everyone must know more, and
# an hour before nobody can try (T14).
PER_CODE, PER_ACCOUNT, PER_SOURCE, BEFORE_TOTAL, BEFORE_PAUSE = 3, 5, 5, 50, 300

# One sentence for every wrong combination: nobody learns which half of it was right.
NO_MATCH = N_("We found nothing with these details. Copy them from your bill exactly as printed, with every space and dash.")
HELD = N_("You have already added this: {place}.")
ENDED = N_("This ended on {ended_on}, so it can no longer be added.")
FOUND_NOTHING = N_("We found nothing with these details.")  # and then why
TOO_MANY = N_("There were too many wrong tries today. Try again tomorrow, or contact us and we will add it for you: {contact}.")
PAUSED = N_("Adding is paused for up to an hour, because somebody is trying wrong codes. Everything else works as usual.")
TRIES_KEPT = timedelta(days=14)


class NotFound(Refused):
    """Nothing was found; what was tried, and what seems to be wrong with it."""

    def __init__(self, provider: Provider | None, payer_code: str, cause: diagnosis.Cause | None) -> None:
        self.provider, self.payer_code, self.cause = provider, payer_code, cause
        if cause is None:
            super().__init__(NO_MATCH, field="payer_code")
        else:
            super().__init__("{nothing} {hint}", field=cause.field, nothing=FOUND_NOTHING, hint=Refused(cause.sentence, **cause.facts))


# ---- proving ----------------------------------------------------------------------------------------------------------


def providers(organisation: Organisation) -> list[Provider]:
    """Who bills for an organisation, by name (CV-11)."""
    return list(Provider.select().where(Provider.organisation == organisation).order_by(Provider.sort_key, Provider.id))


def contact(organisation: Organisation) -> str:
    """How to reach a person."""
    return str(organisation.phone or organisation.email or organisation.name)


def asks_total(organisation: Organisation) -> bool:
    """Whether so many wrong codes were tried today that everyone must know the total of their last bill too."""
    return limits.used("attach-day", str(organisation.id)) >= BEFORE_TOTAL


def paused(organisations: Iterable[Organisation]) -> list[Organisation]:
    """Those of the organisations in which nobody can add a contract now, because somebody tries wrong codes (T14)."""
    known = {str(organisation.id): organisation for organisation in organisations}
    return [known[id_] for id_ in sorted(limits.reached("attach-hour", known, BEFORE_PAUSE), key=int)]


def prove(
    organisation: Organisation,
    account: Account | None,
    *,
    provider: Provider | None,
    payer_code: str,
    invoice_number: str | None,
    needs_number: bool,
    invoice_total_cents: int | None,
    source: str,
) -> Contract:
    """The one contract that these details are of; the number of a bill counts where it is needed. `account` is None while it does not
    exist yet.

    The payer code is compared byte for byte, spaces and dashes included (CV-13). Decided: "the last invoice" is either of the
    contract's two newest, because one may have come since the one at hand was printed (PS-08).
    Raises Refused: something is missing, the account has the contract, too many tries, no such combination (NotFound). Its
    counts must outlive that: nothing around this call may be rolled back for a refusal.
    """
    rules, with_total = settings.of(organisation), asks_total(organisation)
    if rules.claim_provider and provider is None:
        raise Refused(N_("Select the company"), field="provider")
    if needs_number and not invoice_number:
        raise Refused(N_("Enter the number of your last bill"), field="invoice_number")
    if account is not None:
        _refuse_held(account, provider, payer_code)
    if with_total and invoice_total_cents is None:
        raise Refused(N_("Enter the total of your last bill, such as 148,32"), field="invoice_total")
    number = invoice_number if needs_number else None
    counted = _count(organisation, account, payer_code, source)
    same = (Contract.organisation == organisation) & (Contract.payer_code == payer_code)
    if rules.claim_provider:
        same &= Contract.provider == provider
    candidates: list[Any] = list(Contract.select(Contract, Provider).join(Provider).where(same).limit(5))
    proven = [
        contract
        for contract in candidates or [None]  # the same work where there is no such code
        if _is_proven(contract, number, invoice_total_cents if with_total else None)
    ]
    if len(proven) != 1:
        raise NotFound(provider, payer_code, _why(organisation, provider, payer_code, number))
    for what, who in counted:
        limits.give_back(what, who)
    return proven[0]


def _refuse_held(account: Account, provider: Provider | None, payer_code: str) -> None:
    """What one has already needs no proof and counts as no try."""
    same = Contract.payer_code == payer_code
    if provider is not None:
        same &= Contract.provider == provider
    contract = Contract.within(account).where(same).first()
    if contract is not None:
        raise Refused(HELD, field="payer_code", place=contract.address or contract.payer_code)


def _count(organisation: Organisation, account: Account | None, payer_code: str, source: str) -> list[tuple[str, str]]:
    """Count a try as wrong before it is made, so that tries at the same moment are counted too; who turns out right gets it
    back. What is refused here is not counted against the organisation, nor against the code where it was the one who tries that
    had tried too often. Raises Refused when a brake is on."""
    everyone = str(organisation.id)
    brakes = [("attach-source", source, PER_SOURCE)]
    if account is not None:
        brakes.append(("attach-account", str(account.id), PER_ACCOUNT))
    brakes.append(("attach-code", f"{everyone}:{payer_code}", PER_CODE))
    if not all(limits.spend(what, who, most, limits.DAY) for what, who, most in brakes):
        raise Refused(TOO_MANY, contact=contact(organisation))
    limits.count("attach-day", everyone, limits.DAY)
    if not limits.spend("attach-hour", everyone, BEFORE_PAUSE, limits.HOUR):
        raise Refused(PAUSED)
    return [(what, who) for what, who, _ in brakes] + [("attach-day", everyone), ("attach-hour", everyone)]


def _is_proven(contract: Contract | None, invoice_number: str | None, total_cents: int | None) -> bool:
    """Whether what is asked beside the payer code fits one of the contract's two newest bills. Those of whoever had it before its
    present customer prove nothing: they know them too (decision 11)."""
    theirs = ~is_of_an_earlier_customer(Invoice.contract, Invoice.last_day())
    bills = (
        Invoice.select(Invoice.number, Invoice.total_cents, Invoice.payable_cents)
        .where((Invoice.contract == (contract.id if contract else 0)) & (Invoice.kind == "invoice") & theirs)
        .order_by(Invoice.issued_on.desc(), Invoice.id.desc())
        .limit(2)
    )
    fitting = [
        bill
        for bill in bills
        if (invoice_number is None or hmac.compare_digest(bill.number.encode(), invoice_number.encode()))
        and (total_cents is None or total_cents in (bill.total_cents, bill.payable_cents))
    ]
    return contract is not None and (bool(fitting) or (invoice_number is None and total_cents is None))


def _why(organisation: Organisation, provider: Provider | None, payer_code: str, invoice_number: str | None) -> diagnosis.Cause | None:
    """What seems to be wrong, by the companies' forms alone: no row of a customer is asked."""
    known = {one.id: diagnosis.Company(one.name, one.payer_code_form, one.invoice_number_form) for one in providers(organisation)}
    chosen = known.get(provider.id) if provider else None
    return diagnosis.diagnose(payer_code, invoice_number, chosen=chosen, companies=list(known.values()), today=clock.today())


# ---- what proves nothing ----------------------------------------------------------------------------------------------


def is_known_by_others(account: Account, contract: Contract) -> bool:
    """Whether the account may know the bill from somebody who let it read there: that gives it nothing of its own."""
    return _knows_it_from_a_share(account, contract) or had_it_by_a_company(account, contract)


def _knows_it_from_a_share(account: Account, contract: Contract) -> bool:
    """Whether the account could read the bill only because its owner shared it: that makes nobody an owner (T09)."""
    shared = Share.select().join(Membership, on=Share.membership)
    mine = (Share.contract == contract) & (Membership.account == account)
    if contract.opened_on is not None:  # what an earlier customer shared says nothing of who has it now
        mine &= Share.given_at >= clock.first_moment(contract.opened_on)
    return shared.where(mine).exists()


def had_it_by_a_company(account: Account, contract: Contract) -> bool:
    """Whether the account had the contract only because of a company, or the company took it away: who was removed does not come back
    with a bill kept from then (IB-57). What ended before its present customer had it is another's time."""
    given = Membership.through.is_null(False) | (Membership.ended_by == "head")
    mine = (Membership.account == account) & (Membership.contract == contract) & Membership.until_at.is_null(False) & given
    if contract.opened_on is not None:
        mine &= Membership.until_at >= clock.first_moment(contract.opened_on)
    return Membership.select().where(mine).exists()


# ---- tries that failed ------------------------------------------------------------------------------------------------


def keep_try(account: Account, no: NotFound) -> None:
    """Keep for two weeks what was tried, so that an agent can help. At most as many a day as may be tried."""
    cause = no.cause or diagnosis.Cause("unknown", NO_MATCH)
    FailedTry.create(
        organisation=account.organisation_id,
        account=account,
        provider=no.provider,
        payer_code=no.payer_code[:60],
        cause=cause.kind,
        message=cause.sentence,
        facts=cause.facts,
    )


def forget_tries() -> int:
    """Drop the tries that nobody will ask about any more; returns how many."""
    return int(FailedTry.delete().where(FailedTry.tried_at < now() - TRIES_KEPT).execute())
