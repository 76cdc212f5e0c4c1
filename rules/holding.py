"""An access to a contract after it was given: what it allows, how it ends and comes back, and what staff do for a customer.

An access that has ended opens nothing (decision 11); its row stays, so that staff can undo the end (M18).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from peewee import Expression, IntegrityError, Value, fn

from models import (
    N_,
    AccessType,
    Account,
    Company,
    Contract,
    Event,
    FailedTry,
    Identity,
    Membership,
    Provider,
    Share,
    Staff,
    now,
    payer_code_key,
)  # fmt: skip
from rules import access, clock, contracts, events, freezes, messages, proof, third_party_payers
from rules.bulk import among
from rules.refusal import Doubtful, Missing, Refused
from rules.work import as_it_stands, locked, unit_of_work

MEANWHILE = N_("This access has been changed by somebody else meanwhile. Look at it again.")
REASON = N_("Enter the reason")
GONE_ON = N_(
    "Since {opened_on} this payer code has been another customer's: giving it back would show that customer's bills. "
    "If it is the same customer after all, add the contract on the page of the account."
)
HAD_IT_BEFORE = N_(
    "This customer had the contract until the billing system gave its payer code to another customer, on {opened_on}. "
    "What they would see now are that customer's bills. Are they the same customer after all?"
)
THROUGH = N_("This came with {company}, which the customer represents. Change it where the people of that company are.")
OF_FORMERS = N_(
    "This contract is of {company}, and the customer had it as one of that company's people. Whoever represents the company can invite "
    "them again."
)
SHARED = N_("An owner shared this with the customer. Only an owner can share it again.")
MOST_TRIES = 10


# ---- by the customer --------------------------------------------------------------------------------------------------


def detach(account: Account, contract: Contract) -> None:
    """The customer lets a contract go, as after selling the flat (CV-40): bills and meters leave the account at once, and a mail
    says so. Added again it is back. Raises Refused where it is gone already, or the account gives nothing up for a while."""
    freezes.check(account)
    membership = Membership.within(account).where(Membership.contract == contract).first()
    if membership is None:
        raise Refused(N_("This is no longer in your account."))
    if membership.through is not None:
        raise Refused(N_("This is in your account because you represent {company}."), company=membership.through.company.name)
    with unit_of_work():
        _end(membership, "customer", by=account)
        events.record("contract.detached", contract, by=account, account=account, access_type=membership.access_type.name)
        _tell(membership)
    account.__dict__.pop("_held", None)


# ---- by staff ---------------------------------------------------------------------------------------------------------


def attach(account: Account, *, contract: Contract, access_type: str, reason: str, by: Staff, sure: bool = False) -> Membership:
    """Put a contract into a customer's account for them, with a reason in place of what the bill shows (K04: proof by an agent).
    Both the customer and whoever has it already are told. Raises Refused, or Missing for a contract out of `by`'s reach; Doubtful for
    a customer whose it was before the payer code went on, unless `sure`."""
    if not Contract.within(by).where(Contract.id == contract.id).exists():
        raise Missing
    if contract.organisation_id != account.organisation_id:
        raise Refused(N_("Select one of the same organisation"), field="contract")
    _check(account.organisation_id, access_type, reason)
    if Membership.select().where(_live(account, contract)).exists():
        raise Refused(N_("This customer has it already."), field="contract")
    had = Membership.select().where((Membership.account == account) & (Membership.contract == contract))
    if not sure and any(map(has_gone_on, had)):
        raise Doubtful(HAD_IT_BEFORE, opened_on=contract.opened_on)
    try:
        with contracts.put_in(account, contract, access_type, granted_by=by.name) as membership:
            events.record("contract.attached_by_staff", contract, by=by, account=account, access_type=access_type, reason=reason.strip())
    except Refused:
        raise Refused(N_("This customer has it already."), field="contract") from None
    return membership


def tries(account: Account, *, by: Staff) -> list[tuple[FailedTry, Contract | None]]:
    """What the customer lately tried to add and was not found, newest first, each with the contract that they seem to have meant.
    That is for staff alone: to the customer it would tell which codes there are."""
    tried = list(FailedTry.within(by).where(FailedTry.account == account).order_by(FailedTry.id.desc()).limit(MOST_TRIES))
    if not tried:
        return []
    keys = {one.id: {payer_code_key(one.payer_code), payer_code_key(one.facts.get("like", ""))} - {""} for one in tried}
    meant = Contract.payer_code_key.in_(set().union(*keys.values())) & Contract.provider.in_(
        Provider.select(Provider.id).where(Provider.organisation == account.organisation_id)
    )
    found = list(Contract.within(by).where(meant & Contract.id.not_in(account.contract_ids())).order_by(Contract.id).limit(50))
    return [(one, _meant(one, [row for row in found if row.payer_code_key in keys[one.id]])) for one in tried]


def _meant(tried: FailedTry, rows: list[Contract]) -> Contract | None:
    """The one of these that the chosen provider has, or the only one."""
    of_chosen = [row for row in rows if row.provider_id == tried.provider_id]
    return of_chosen[0] if len(of_chosen) == 1 else rows[0] if len(rows) == 1 else None


def remove(membership: Membership, *, reason: str, by: Staff) -> None:
    """End an access for a customer, who is told: what was added by mistake, or is theirs no more. Raises Refused."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    _refuse_through(membership)
    with unit_of_work():
        _end(membership, "staff", by=by)
        name = membership.access_type.name
        events.record(
            "contract.detached_by_staff", membership.contract, by=by, account=membership.account, access_type=name, reason=reason.strip()
        )
        _tell(membership)


def restore(membership: Membership, *, reason: str, by: Staff) -> None:
    """Undo the end of an access, whoever ended it: it is as if it had never ended, and the customer is told. Raises Refused where
    it has not ended, the customer has the contract again, the payer code is another customer's by now (decision 32), or it is a
    company's to whose people the customer belonged (IB-57)."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    _refuse_through(membership)
    try:
        with unit_of_work():
            membership.contract = as_it_stands(membership.contract)
            if was_shared(membership):
                raise Refused(SHARED)
            if has_gone_on(membership):
                raise Refused(GONE_ON, opened_on=membership.contract.opened_on)
            company = membership.contract.company
            former_of = company if company and proof.had_it_by_a_company(membership.account, membership.contract) else None
            ended = (Membership.id == membership.id) & Membership.until_at.is_null(False)
            if not Membership.update(until_at=None, ended_by="").where(ended).execute():
                raise Refused(N_("This access has not ended: nothing was changed."))
            account, contract = membership.account, membership.contract
            if former_of is not None:
                raise Refused(OF_FORMERS, company=former_of.name)
            event = events.record("membership.restored", membership, by=by, account=account, reason=reason.strip())
            messages.put(
                "contract_restored",
                account,
                organisation=account.organisation,
                dedupe_key=f"contract_restored:{event.id}",
                contract=contract.address or contract.payer_code,
                others=0,
            )
    except IntegrityError:
        raise Refused(N_("This customer has it already.")) from None
    membership.until_at, membership.ended_by = None, ""


def change_access_type(membership: Membership, *, access_type: str, reason: str, by: Staff) -> None:
    """Give an account another access type on a contract, by name; it is told by mail. Raises Refused where it is not for staff
    to give, is the same, or the access has ended meanwhile."""
    kind = _check(membership.organisation_id, access_type, reason)
    _refuse_through(membership)
    old = membership.access_type
    if old.id == kind.id:
        raise Refused(N_("The access type is this already: nothing was changed."), field="access_type")
    with unit_of_work():
        # Whoever changed it since this page was opened was faster.
        unchanged = (Membership.id == membership.id) & (Membership.access_type == old) & Membership.until_at.is_null()
        if not Membership.update(access_type=kind).where(unchanged).execute():
            raise Refused(MEANWHILE)
        account, contract = membership.account, membership.contract
        event = events.record(
            "membership.access_type_changed", membership, by=by, account=account, old=old.name, new=kind.name, reason=reason.strip()
        )
        messages.put(
            "access_type_changed",
            account,
            organisation=account.organisation,
            dedupe_key=f"access_type_changed:{event.id}",
            contract=contract.address or contract.payer_code,
            old=access.ACCESS_TYPES[old.name][0],
            new=access.ACCESS_TYPES[kind.name][0],
        )
        if "contract.share" not in kind.deeds:
            _end_what_it_shares(membership, by=by)
        if kind.name != "shared_person":  # it is theirs now, whoever once shared it
            Share.update(ended_at=now(), ended_by="staff").where((Share.membership == membership) & Share.ended_at.is_null()).execute()
    membership.access_type = kind


def _refuse_through(membership: Membership) -> None:
    """What came with a company goes with it: rows of their own would be out of step with who represents it."""
    if membership.through is not None:
        raise Refused(THROUGH, company=membership.through.company.name)


def _check(organisation_id: int, access_type: str, reason: str) -> AccessType:
    if not reason.strip():
        raise Refused(REASON, field="reason")
    kind = AccessType.get_or_none(organisation=organisation_id, name=access_type)
    if kind is None or access_type not in access.GRANTABLE_TYPES:
        raise Refused(N_("Select an access type"), field="access_type")
    return kind


# ---- by the billing system --------------------------------------------------------------------------------------------


def pass_on(contract: Contract, opened_on: date) -> None:
    """The billing system has given the payer code to another customer, from that local day on: who had it before lets it go, and
    is told. Inside the block of the feed. Whoever added it since then is the new customer, and keeps it, unless they are proven to be
    the one of before. If it was a company's, it is so no more, since whenever those who represent it had it."""
    as_it_stands(contract)
    contract.company = None
    earlier = (Membership.since_at < clock.first_moment(opened_on)) | Membership.through.is_null(False)
    if contract.person_digest:
        theirs = (Identity.organisation == contract.organisation_id) & (Identity.code_digest == contract.person_digest)
        earlier |= Membership.account.in_(Identity.select(Identity.account).where(theirs))
    _end_for_feed(contract, earlier | came_by_identity())
    third_party_payers.pass_on(contract, by=events.SYSTEM)


def end_by_identity(contract: Contract) -> None:
    """The billing system doubts whose the contract is: who has it because a personal code said so lets it go, and is told. Inside the block
    of the feed."""
    as_it_stands(contract)
    _end_for_feed(contract, came_by_identity())


def came_by_identity() -> Any:
    """That an access came by its holder's personal code, of which the contract may have another by now (IR-06)."""
    subject = Value("contract:").concat(Membership.contract.cast("TEXT"))
    came = (Event.name == "contract.attached_by_identity") & (Event.subject == subject)
    return fn.EXISTS(Event.select(Event.id).where(came & (Event.account == Membership.account) & (Event.at >= Membership.since_at)))


def _end_for_feed(contract: Contract, which: Expression) -> None:
    live = (Membership.contract == contract) & Membership.until_at.is_null() & which
    # Who has it through somebody else came later, and goes first: it would go with that somebody.
    for membership in locked(Membership.select().where(live).order_by(Membership.id.desc())):
        _end(membership, "feed", by=events.SYSTEM)
        events.record("contract.passed_on", contract, by=events.SYSTEM, account=membership.account, access_type=membership.access_type.name)
        _tell(membership)


def has_gone_on(membership: Membership) -> bool:
    """Whether the payer code has become another customer's since this access was given, whoever ended it."""
    opened_on = membership.contract.opened_on
    return opened_on is not None and opened_on <= clock.today() and membership.since_at < clock.first_moment(opened_on)


def was_shared(membership: Membership) -> bool:
    """Whether an access is one that an owner gave by sharing, and no other since."""
    return membership.access_type.name == "shared_person" and Share.select().where(Share.membership == membership).exists()


def giving(account: Account, contract: Contract) -> Membership:
    """The access through which an account shares a contract, kept as it is until this transaction ends. Raises Missing."""
    row = locked(Membership.select(Membership, AccessType).join(AccessType).where(_live(account, contract)), "FOR SHARE")
    if not row or "contract.share" not in row[0].access_type.deeds:
        raise Missing
    return row[0]


# ---- by a company -----------------------------------------------------------------------------------------------------


def tell_replaced(numbers: list[int], *, by: Account | Staff | str) -> None:
    """What these accounts had of their own has ended, because the company that they represent gives it to them now. In the unit of work
    that ended it."""
    if not numbers:
        return
    rows: Any = Membership.select(Membership, Account, Contract, Company).join(Account).switch(Membership).join(Contract).join(Company)
    of: dict[str, list[Membership]] = {}
    for own in rows.where(among(Membership.id, numbers)).order_by(Membership.id):
        of.setdefault(own.contract.company.name, []).append(own)
    for company, theirs in of.items():
        for first, event, others in _recorded("membership.replaced", theirs, by=by, company=company):
            messages.put(
                "contract_replaced",
                first.account,
                organisation=theirs[0].organisation,
                dedupe_key=f"contract_replaced:{event.id}",
                contract=first.contract.address or first.contract.payer_code,
                others=others,
                company=company,
            )


def give_back_own(left: set[tuple[int, int]], *, by: Account | Staff | str) -> None:
    """These contracts (the first id) have left the companies by which these accounts (the second) had them: what a company had replaced
    is theirs again, and they are told. In the unit of work in which the contract leaves."""
    if not left:
        return
    ended = Membership.until_at.is_null(False) & Membership.through.is_null() & (Membership.ended_by == "company")
    rows = Membership.select(Membership, Account, Contract, AccessType).join(Account).switch(Membership).join(Contract)
    mine = rows.switch(Membership).join(AccessType).where(ended & among(Membership.contract, {contract for contract, _who in left}))
    last = {(row.contract_id, row.account_id): row for row in mine.order_by(Membership.id)}
    own = [row for pair, row in last.items() if pair in left and not has_gone_on(row) and not was_shared(row)]
    Membership.update(until_at=None, ended_by="").where(among(Membership.id, [row.id for row in own])).execute()
    for first, event, others in _recorded("membership.given_back", own, by=by):
        messages.put(
            "contract_restored",
            first.account,
            organisation=own[0].organisation,
            dedupe_key=f"contract_restored:{event.id}",
            contract=first.contract.address or first.contract.payer_code,
            others=others,
        )


def _recorded(name: str, rows: list[Membership], *, by: Account | Staff | str, **facts: Any) -> Iterator[tuple[Membership, Event, int]]:
    """Write an event down for each of these accesses; of each account the first one with its event, and how many others are its."""
    of: dict[int, list[tuple[Membership, Event]]] = {}
    for membership, event in zip(rows, events.record_all(name, rows, by=by, **facts), strict=True):
        of.setdefault(membership.account_id, []).append((membership, event))
    for (first, event), *others in of.values():
        yield first, event, len(others)


# ---- parts ------------------------------------------------------------------------------------------------------------


def _live(account: Account, contract: Contract) -> Expression:
    return (Membership.account == account) & (Membership.contract == contract) & Membership.until_at.is_null()


def end(membership: Membership, ended_by: str, *, by: Account | Staff | str) -> None:
    """An access ends, and its holder is told. Inside a unit of work that says why. Raises Refused where somebody was faster."""
    _end(membership, ended_by, by=by)
    _tell(membership)


def _end(membership: Membership, ended_by: str, *, by: Account | Staff | str) -> None:
    """The access, and all that was shared through it, ends. Raises Refused where somebody was faster."""
    live, at = (Membership.id == membership.id) & Membership.until_at.is_null(), now()
    if not Membership.update(until_at=at, ended_by=ended_by).where(live).execute():
        raise Refused(MEANWHILE)
    membership.until_at, membership.ended_by = at, ended_by
    Share.update(ended_at=at, ended_by=ended_by).where((Share.membership == membership) & Share.ended_at.is_null()).execute()
    _end_what_it_shares(membership, by=by)


def _end_what_it_shares(membership: Membership, *, by: Account | Staff | str) -> None:
    for share in locked(Share.select().where((Share.given_through == membership) & Share.ended_at.is_null())):
        end_share(share, "owner", by=by)


def end_share(share: Share, ended_by: str, *, by: Account | Staff | str, reason: str = "") -> None:
    """What was shared with an address is so no more: an offer that waits, or the access that came of it, whose holder is told. Inside
    a unit of work. Raises Refused where somebody was faster."""
    if share.membership is not None:
        _end(share.membership, ended_by, by=by)
        _tell(share.membership)
    elif (
        not Share.update(ended_at=now(), ended_by=ended_by)
        .where((Share.id == share.id) & Share.membership.is_null() & Share.ended_at.is_null())
        .execute()
    ):
        raise Refused(MEANWHILE)
    giver = share.given_through.account
    events.record("share.ended", share, by=by, account=giver, email=share.email, ended_by=ended_by, reason=reason)


def _tell(membership: Membership) -> None:
    """The mail that an access has ended, and why; one that is given back and ends again is told again."""
    account, contract = membership.account, membership.contract
    messages.put(
        "contract_ended",
        account,
        organisation=account.organisation,
        dedupe_key=f"contract_ended:{membership.public_id}:{membership.until_at:%Y%m%d%H%M%S%f}",
        contract=contract.address or contract.payer_code,
        ended_by=membership.ended_by,
    )
