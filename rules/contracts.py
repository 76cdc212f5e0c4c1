"""Which contracts an account holds, and how it gets one by what the bill shows. How that is proven is in `rules/proof.py`; what staff do
with an access, and how one ends, in `rules/holding.py`."""

from collections.abc import Iterator
from contextlib import contextmanager

from peewee import IntegrityError, fn

from models import N_, AccessType, Account, Contract, FailedTry, Membership, Organisation, Provider
from rules import access, clock, events, messages, proof, settings, third_party_payers
from rules.refusal import Refused
from rules.work import unit_of_work

BY_STAFF = N_("We add this ourselves, once we have seen that it is yours. Contact us: {contact}.")
TAKEN = N_("Somebody has added this to their account already, and only its owner may. If that is you, contact us: {contact}.")
MOST_GIVEN_UP = 50


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


# ---- adding a contract ------------------------------------------------------------------------------------------------


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
    except proof.NotFound as no:
        proof.keep_try(account, no)
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

    Raises Refused as `proof.prove` does, and where the account has it, the contract has ended, or whoever knows the bill may not add it
    here (K05).
    """
    rules = settings.of(organisation)
    if rules.claim_who == "staff":
        raise Refused(BY_STAFF, contact=proof.contact(organisation))
    contract = proof.prove(
        organisation,
        account,
        provider=provider,
        payer_code=payer_code,
        invoice_number=invoice_number,
        needs_number=rules.claim_invoice,
        invoice_total_cents=invoice_total_cents,
        source=source,
    )
    if contract.ended_on is not None and contract.ended_on <= clock.today():
        raise Refused(proof.ENDED, field="payer_code", ended_on=contract.ended_on)
    if account is not None and proof.is_known_by_others(account, contract):
        raise Refused(TAKEN, contact=proof.contact(organisation))
    if rules.claim_who == "first" and Membership.select().where((Membership.contract == contract) & Membership.until_at.is_null()).exists():
        raise Refused(TAKEN, contact=proof.contact(organisation))
    return contract


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
    account: Account, contract: Contract, access_type: str, granted_by: str = "", *, is_expected: bool = False, is_told: bool = False
) -> Iterator[Membership]:
    """Put the contract into the account, with what the caller records, and tell it unless the caller has told it (`is_told`), and whoever
    has the contract already unless they expect it, in one transaction. Raises Refused where it has it."""
    kind = AccessType.get(organisation=account.organisation_id, name=access_type)
    place = contract.address or contract.payer_code
    try:
        with unit_of_work():
            others = [] if is_expected else _holders(contract, but=account)
            membership = Membership.create(
                organisation=account.organisation_id, account=account, contract=contract, access_type=kind, granted_by=granted_by
            )
            yield membership
            third_party_payers.attached(account, contract)
            FailedTry.delete().where(FailedTry.account == account).execute()  # nobody needs to ask why any more
            key = membership.public_id
            if not is_told:
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
            third_party_payers.tell(account, contract, access_type=kind)
    except IntegrityError:
        # The same account from another window was faster.
        raise Refused(proof.HELD, field="payer_code", place=place) from None
    account.__dict__.pop("_held", None)


def _holders(contract: Contract, *, but: Account) -> list[Account]:
    live = (Membership.contract == contract) & Membership.until_at.is_null() & (Membership.account != but)
    return list(Account.select().join(Membership).where(live).order_by(Account.id))
