"""Which contracts an account holds: adding one by what the bill shows, with the brakes of T14, and why it was not found (M06).
What staff do with an access, and how one ends, is in `rules/holding.py`."""

import hmac
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from peewee import IntegrityError, fn

from models import (
    N_,
    AccessType,
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
from rules import access, clock, diagnosis, events, limits, messages, settings
from rules.refusal import Refused
from rules.work import unit_of_work

# Wrong tries a day for one payer code, one account, one network; in an organisation a day before everyone must know more, and
# an hour before nobody can try (T14).
PER_CODE, PER_ACCOUNT, PER_SOURCE, BEFORE_TOTAL, BEFORE_PAUSE = 3, 5, 5, 50, 300

# One sentence for every wrong combination: nobody learns which half of it was right.
NO_MATCH = N_("We found nothing with these details. Copy them from your bill exactly as printed, with every space and dash.")
FOUND_NOTHING = N_("We found nothing with these details.")  # and then why
TOO_MANY = N_("There were too many wrong tries today. Try again tomorrow, or contact us and we will add it for you: {contact}.")
PAUSED = N_("Adding is paused for up to an hour, because somebody is trying wrong codes. Everything else works as usual.")
HELD = N_("You have already added this: {place}.")
ENDED = N_("This ended on {ended_on}, so it can no longer be added.")
BY_STAFF = N_("We add this ourselves, once we have seen that it is yours. Contact us: {contact}.")
TAKEN = N_("Somebody has added this to their account already, and only its owner may. If that is you, contact us: {contact}.")
TRIES_KEPT = timedelta(days=14)
MOST_GIVEN_UP = 50


class NotFound(Refused):
    """Nothing was found; what was tried, and what seems to be wrong with it."""

    def __init__(self, provider: Provider | None, payer_code: str, cause: diagnosis.Cause | None) -> None:
        self.provider, self.payer_code, self.cause = provider, payer_code, cause
        if cause is None:
            super().__init__(NO_MATCH, field="payer_code")
        else:
            super().__init__("{nothing} {hint}", field=cause.field, nothing=FOUND_NOTHING, hint=Refused(cause.sentence, **cause.facts))


def held(account: Account) -> list[Membership]:
    """The contracts of an account with provider and access type, in the order of their addresses; those that lists show (AG-13)."""
    rows = (
        Membership.within(account)
        .select(Membership, Contract, Provider, AccessType)
        .join(Contract)
        .join(Provider)
        .switch(Membership)
        .join(AccessType)
        .order_by(Contract.sort_key, Contract.id)
    )
    return [one for one in rows if access.is_shown(account, one.contract.company_id, one.contract.provider_id)]


def given_up(account: Account) -> list[Membership]:
    """The accesses that an account had and has no more, the latest of each contract, newest first. They open nothing (decision 11)."""
    live = Membership.alias()
    has_it = live.select(live.id).where((live.account == account.id) & (live.contract == Membership.contract) & live.until_at.is_null())
    ended = (
        Membership.select(Membership, Contract, Provider)
        .join(Contract)
        .join(Provider)
        .where((Membership.account == account.id) & Membership.until_at.is_null(False) & ~fn.EXISTS(has_it))
        .order_by(Membership.until_at.desc(), Membership.id.desc())
        .limit(MOST_GIVEN_UP)
    )
    latest: dict[int, Membership] = {}
    for one in ended:
        latest.setdefault(one.contract_id, one)
    return list(latest.values())


def providers(organisation: Organisation) -> list[Provider]:
    """Who bills for an organisation, by name (CV-11)."""
    return list(Provider.select().where(Provider.organisation == organisation).order_by(Provider.sort_key, Provider.id))


# ---- adding a contract ------------------------------------------------------------------------------------------------


def asks_total(organisation: Organisation) -> bool:
    """Whether so many wrong codes were tried today that everyone must know the total of their last bill too."""
    return limits.used("attach-day", str(organisation.id)) >= BEFORE_TOTAL


def paused(organisations: Iterable[Organisation]) -> list[Organisation]:
    """Those of the organisations in which nobody can add a contract now, because somebody tries wrong codes (T14)."""
    known = {str(organisation.id): organisation for organisation in organisations}
    return [known[id_] for id_ in sorted(limits.reached("attach-hour", known, BEFORE_PAUSE), key=int)]


def attach(
    account: Account,
    *,
    provider: Provider | None,
    payer_code: str,
    invoice_number: str | None,
    source: str,
    invoice_total_cents: int | None = None,
) -> Membership:
    """Add the contract to the account, if it knows what the bill shows (K04, CV-11..13, PS-06, PS-08). Both it and whoever has
    the contract already are told by mail.

    Raises Refused as `claim` does. Its counts, and what was tried, must outlive that: nothing around this call may be rolled back
    for a refusal.
    """
    try:
        contract = claim(
            account.organisation,
            provider=provider,
            payer_code=payer_code,
            invoice_number=invoice_number,
            source=source,
            invoice_total_cents=invoice_total_cents,
            account=account,
        )
    except NotFound as no:
        keep_try(account, no)
        raise
    return grant(account, contract)


def claim(
    organisation: Organisation,
    *,
    provider: Provider | None,
    payer_code: str,
    invoice_number: str | None,
    source: str,
    invoice_total_cents: int | None = None,
    account: Account | None = None,
) -> Contract:
    """The contract that these details prove, for whoever is about to get it; `account` is None while it does not exist yet.

    The payer code is compared byte for byte, spaces and dashes included (CV-13). Decided: "the last invoice" is either of the
    contract's two newest, because one may have come since the one at hand was printed (PS-08).
    Raises Refused: something is missing, the account has it, too many tries, no such combination (NotFound), the contract has
    ended, or whoever knows the bill may not add it here (K05).
    """
    rules = settings.of(organisation)
    if rules.claim_who == "staff":
        raise Refused(BY_STAFF, contact=contact(organisation))
    if rules.claim_provider and provider is None:
        raise Refused(N_("Select the company"), field="provider")
    if rules.claim_invoice and not invoice_number:
        raise Refused(N_("Enter the number of your last bill"), field="invoice_number")
    if account is not None:
        _refuse_held(account, provider, payer_code)
    with_total = asks_total(organisation)
    if with_total and invoice_total_cents is None:
        raise Refused(N_("Enter the total of your last bill, such as 148,32"), field="invoice_total")
    counted = _count(organisation, account, payer_code, source)
    same = (Contract.organisation == organisation) & (Contract.payer_code == payer_code)
    if rules.claim_provider:
        same &= Contract.provider == provider
    candidates: list[Any] = list(Contract.select(Contract, Provider).join(Provider).where(same).limit(5))
    proven = [
        contract
        for contract in candidates or [None]  # the same work where there is no such code
        if _is_proven(contract, invoice_number if rules.claim_invoice else None, invoice_total_cents if with_total else None)
    ]
    if len(proven) != 1:
        raise NotFound(provider, payer_code, _why(organisation, provider, payer_code, invoice_number if rules.claim_invoice else None))
    for what, who in counted:
        limits.give_back(what, who)
    contract = proven[0]
    if contract.ended_on is not None and contract.ended_on <= clock.today():
        raise Refused(ENDED, field="payer_code", ended_on=contract.ended_on)
    if account is not None and (_knows_it_from_a_share(account, contract) or had_it_by_a_company(account, contract)):
        raise Refused(TAKEN, contact=contact(organisation))
    if rules.claim_who == "first" and Membership.select().where((Membership.contract == contract) & Membership.until_at.is_null()).exists():
        raise Refused(TAKEN, contact=contact(organisation))
    return contract


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


def contact(organisation: Organisation) -> str:
    """How to reach a person."""
    return str(organisation.phone or organisation.email or organisation.name)


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


# ---- giving -----------------------------------------------------------------------------------------------------------


def grant(account: Account, contract: Contract) -> Membership:
    """Give an account the contract that it has just proven, with the access that the organisation gives (K26); one of a company
    makes nobody more than a user (IB-40). Raises Refused where it has it."""
    name = "user" if contract.company_id else settings.of(account.organisation).claim_access
    with put_in(account, contract, name) as membership:
        events.record("contract.attached", contract, by=account, account=account, access_type=name)
    return membership


@contextmanager
def put_in(
    account: Account, contract: Contract, access_type: str, granted_by: str = "", *, is_expected: bool = False
) -> Iterator[Membership]:
    """Put the contract into the account, with what the caller records, and tell it, and whoever has the contract already unless they
    expect it, in one transaction. Raises Refused where it has it."""
    kind = AccessType.get(organisation=account.organisation_id, name=access_type)
    place = contract.address or contract.payer_code
    try:
        with unit_of_work():
            others = [] if is_expected else _holders(contract, but=account)
            membership = Membership.create(
                organisation=account.organisation_id, account=account, contract=contract, access_type=kind, granted_by=granted_by
            )
            yield membership
            FailedTry.delete().where(FailedTry.account == account).execute()  # nobody needs to ask why any more
            key = membership.public_id
            messages.put(
                "contract_attached", account, organisation=account.organisation, dedupe_key=f"contract_attached:{key}", contract=place
            )
            for other in others:
                messages.put(
                    "contract_attached_elsewhere",
                    other,
                    organisation=account.organisation,
                    dedupe_key=f"contract_attached_elsewhere:{key}:{other.id}",
                    contract=place,
                )
    except IntegrityError:
        # The same account from another window was faster.
        raise Refused(HELD, field="payer_code", place=place) from None
    account.__dict__.pop("_held", None)


def _holders(contract: Contract, *, but: Account) -> list[Account]:
    live = (Membership.contract == contract) & Membership.until_at.is_null() & (Membership.account != but)
    return list(Account.select().join(Membership).where(live).order_by(Account.id))
