"""Contracts in one's own name: who has proven who they are has them without proving each by a bill (IR-06, K04).

The billing system says whose a contract is by the customer's personal code, of which a keyed digest is kept, and a person is found by the
same one. What they or staff have taken out of the account since the contract is theirs does not come back by itself.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from peewee import fn

from models import Account, Contract, Event, Identity, Membership, Organisation, Provider
from rules import clock, contracts, events, messages, settings
from rules.bulk import among
from rules.refusal import Refused
from rules.work import locked, unit_of_work


def recognise(account: Account) -> list[Contract]:
    """Give an account whose owner has proven who they are the contracts in their own name. Returns those that are new; the same again:
    none."""
    given = _give(account.organisation, Identity.account == account.id)
    account.__dict__.pop("_held", None)
    return given


def find_owners(organisation: Organisation, numbers: Iterable[int]) -> None:
    """Give these contracts to the people whose they are, where they have proven it."""
    _give(organisation, among(Contract.id, numbers))


def _give(organisation: Organisation, which: Any) -> list[Contract]:
    """Put into the accounts of their owners what is not there yet; each account gets one letter for all."""
    rules = settings.of(organisation)
    if not rules.claim_by_identity or rules.claim_who == "staff":
        return []
    given = []
    with unit_of_work():
        owners = _owners(organisation, which)
        # As they stand, and kept so: a payer code may be going on to another customer at this moment.
        # What the feed holds at this moment comes the next time: who waits for the other in another order ends one of them.
        rows = Contract.select().where(among(Contract.id, owners)).order_by(Contract.sort_key, Contract.id)
        standing = locked(rows, "FOR NO KEY UPDATE SKIP LOCKED") if owners else []
        accesses: dict[int, list[Membership]] = {number: [] for number in owners}
        for access in Membership.select().where(among(Membership.contract, accesses)) if owners else ():
            accesses[access.contract_id].append(access)
        of: dict[int, tuple[Account, Event, list[Contract]]] = {}
        for contract in standing:
            person_digest, owner = owners[contract.id]
            is_theirs = contract.company_id is None and contract.person_digest == person_digest
            if not is_theirs or not _may_come(contract, owner, accesses[contract.id], rules.claim_who):
                continue
            try:
                with contracts.put_in(owner, contract, rules.claim_access, is_told=True):
                    event = events.record(
                        "contract.attached_by_identity", contract, by=events.SYSTEM, account=owner, access_type=rules.claim_access
                    )
            except Refused:  # a moment earlier, from another window
                continue
            given.append(contract)
            of.setdefault(owner.id, (owner, event, []))[2].append(contract)
        names = {row.id: row.name for row in Provider.select().where(Provider.organisation == organisation)} if of else {}
        for owner, event, theirs in of.values():
            messages.put(
                "contract_attached_by_identity",
                owner,
                organisation=organisation,
                dedupe_key=f"contract_attached_by_identity:{event.id}",
                contracts=[f"{one.address or one.payer_code} ({names[one.provider_id]})" for one in theirs],
            )
    return given


def _owners(organisation: Organisation, which: Any) -> dict[int, tuple[str, Account]]:
    """Of which person's account these contracts are, with the digest by which that is known, by the contract's id; none that has ended,
    is a company's or is in that account."""
    proven = (Identity.code_digest == Contract.person_digest) & (Identity.organisation == Contract.organisation)
    proven &= Identity.ended_at.is_null() & (Identity.scheme == "PNO") & (Identity.level == "high")
    lasts = Contract.ended_on.is_null() | (Contract.ended_on > clock.today())
    has_it = Membership.select().where(
        (Membership.contract == Contract.id) & (Membership.account == Account.id) & Membership.until_at.is_null()
    )
    rows: Any = Contract.select(Contract, Identity, Account).join(Identity, on=proven, attr="proven").join(Account)
    mine = (Contract.organisation == organisation) & Contract.company.is_null() & lasts & Account.email_confirmed_at.is_null(False)
    found = {}
    for row in rows.where(which, mine, ~fn.EXISTS(has_it)):
        row.proven.account.organisation = organisation
        found[row.id] = (row.person_digest, row.proven.account)
    return found


def _may_come(contract: Contract, owner: Account, accesses: Sequence[Membership], who: str) -> bool:
    """Whether nobody has decided otherwise: not the owner or staff since it is the owner's, nor the organisation that only the first may
    have it (K05)."""
    since = contract.opened_on and clock.first_moment(contract.opened_on)
    for one in accesses:
        if one.until_at is None:
            if who == "first":
                return False
        elif one.account_id == owner.id and one.ended_by in ("customer", "staff") and (since is None or one.until_at >= since):
            return False
    return True
