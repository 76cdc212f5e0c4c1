"""Who represents a company, and what they may do to one another (IB-13..IB-34, IB-51..IB-59).

Rights to a company's contracts are `Membership` rows like any other: whoever represents a company has one for each of its contracts,
and for those of companies that belong to it (IB-47). `keep_in_step` is the one place that makes and ends them.
"""

from collections.abc import Sequence
from typing import Any

from peewee import JOIN, SQL, IntegrityError, fn

from models import N_, AccessType, Account, Company, Contract, Invitation, Membership, Representative, Share, Staff, database, now
from rules import access, bulk, buyers, details, events, freezes, holding, messages, settings, third_party_payers
from rules.refusal import Doubtful, Missing, Refused
from rules.work import unit_of_work

MANAGES = "representative.change"
HEADS_STAY = N_("Who heads a company comes from the register of legal entities: nobody removes or changes that here.")
LAST_ONE = N_("Nobody would be left to look after the people of {company}. Give somebody else the access of an authorised person first.")
NOT_YOURS = N_("Your access type does not allow this.")
AGAIN = N_("An access type is not lowered here. Remove the person and invite them anew.")
OTHERS = N_(
    "Bills of this contract are for {names}. Whoever represents {company} would see them. Are you sure that they are the same customer?"
)
STILL_BILLED = N_("Bills of this contract are for {company}. Whoever adds the contract next would see them. Are you sure?")
SAME = N_("The access type is this already: nothing was changed.")


# ---- who may do what to whom: the whole table -------------------------------------------------------------------------


def grants(mine: Representative) -> tuple[str, ...]:
    """Which access types this one may give in its company: never that of a head, and none above its own (IB-16, IB-44)."""
    if MANAGES not in mine.access_type.deeds:
        return ()
    own = access.COMPANY_TYPES.index(mine.access_type.name)
    return tuple(name for name in access.GRANTABLE_IN_A_COMPANY if access.COMPANY_TYPES.index(name) >= own)


def may_remove(mine: Representative, other: Representative) -> bool:
    """Whether one may take another's place in the company away: a head's nobody may (IB-31), an authorised person's another one may
    where the organisation says so (IB-30, K07). One's own is left, not removed."""
    if mine.id == other.id or mine.company_id != other.company_id or other.access_type.name not in grants(mine):
        return False
    is_same = mine.access_type.name == other.access_type.name == "authorised_person"
    return not is_same or settings.of(mine.account.organisation).authorised_removes_authorised


def may_change(mine: Representative, other: Representative, access_type: str) -> bool:
    """Whether one may give another this access type instead of theirs: raise a user (IB-58); lower somebody only where the
    organisation lets what is known of people be put right in place (K09, IB-59)."""
    if access_type == other.access_type.name or access_type not in grants(mine):
        return False
    rises = access.COMPANY_TYPES.index(access_type) < access.COMPANY_TYPES.index(other.access_type.name)
    return may_remove(mine, other) and (rises or settings.of(mine.account.organisation).members_editable)


def may_leave(mine: Representative) -> bool:
    """Whether one may give up one's own place: anyone but a head (IB-31)."""
    return mine.access_type.name != access.HEAD


# ---- what a company's page shows --------------------------------------------------------------------------------------


def held(account: Account) -> list[Representative]:
    """An account's places in companies, by the companies' names."""
    mine = (Representative.account == account.id) & Representative.until_at.is_null()
    return list(_with_all(Representative.select(Representative, Account, Company, AccessType)).where(mine).order_by(Company.sort_key))


def place(account: Account, company: Company) -> Representative:
    """The account's own place in a company. Raises Missing."""
    return _one(Representative.account == account.id, Representative.company == company.id)


def people(company: Company) -> list[Representative]:
    """Everyone who represents a company now: heads first, then by name."""
    rows = _with_all(Representative.select(Representative, Account, Company, AccessType))
    live = rows.where((Representative.company == company.id) & Representative.until_at.is_null()).order_by(Account.sort_key, Account.id)
    return sorted(live, key=lambda row: access.COMPANY_TYPES.index(row.access_type.name))


def beside(company: Company) -> list[Membership]:
    """Accesses to a company's contracts of who does not represent it: added by somebody who knew a bill (IB-40)."""
    ours = Membership.contract.in_(Contract.select(Contract.id).where(Contract.company == company.id))
    rows = Membership.select(Membership, Account, Contract, AccessType).join(Account).switch(Membership).join(Contract)
    direct = rows.switch(Membership).join(AccessType).where(ours & Membership.through.is_null() & Membership.until_at.is_null())
    return list(direct.order_by(Account.sort_key, Contract.sort_key, Membership.id))


# ---- by those who represent it ----------------------------------------------------------------------------------------


def change_access_type(account: Account, other: Representative, *, access_type: str) -> None:
    """Raise a user to an authorised person, or lower somebody (IB-58). Raises Missing for another company's, Refused."""
    freezes.check(account)
    with unit_of_work():
        mine, other = _both(account, other)
        if other.access_type.name == access.HEAD:
            raise Refused(HEADS_STAY)
        if not may_change(mine, other, access_type):
            raise Refused(SAME if access_type == other.access_type.name else AGAIN if may_remove(mine, other) else NOT_YOURS)
        switch(other, access_type, by=account)


def remove(account: Account, other: Representative) -> None:
    """Take somebody's place in the company away: all its contracts leave their account (IB-22, IB-57). Raises as above."""
    freezes.check(account)
    with unit_of_work():
        mine, other = _both(account, other)
        if other.access_type.name == access.HEAD:
            raise Refused(HEADS_STAY)
        if not may_remove(mine, other):
            raise Refused(NOT_YOURS)
        end(other, "head", by=account)


def leave(account: Account, company: Company) -> None:
    """Give one's own place up. Raises Refused for a head, and for the last one who looks after the company's people."""
    freezes.check(account)
    with unit_of_work():
        lock([company.id])
        mine = place(account, company)
        if not may_leave(mine):
            raise Refused(HEADS_STAY)
        if MANAGES in mine.access_type.deeds and not _others_manage(mine):
            raise Refused(LAST_ONE, company=company.name)
        end(mine, "customer", by=account)


def remove_beside(account: Account, company: Company, membership: Membership) -> None:
    """End the access that somebody who does not represent the company has to one of its contracts. Raises Missing, Refused."""
    freezes.check(account)
    with unit_of_work():
        if MANAGES not in place(account, company).access_type.deeds or membership.id not in {row.id for row in beside(company)}:
            raise Missing
        holding.end(membership, "head", by=account)
        events.record(
            "contract.detached_by_company",
            membership.contract,
            by=account,
            account=membership.account,
            access_type=membership.access_type.name,
        )


def change_contacts(account: Account, company: Company, *, email: str, phone: str, address: str) -> None:
    """Put the company's contact information right (IB-23, K11); what is left empty is not known. Raises Missing, Refused."""
    said = {
        "email": details.address(email) if email.strip() else "",
        "phone": details.phone(phone) if phone.strip() else "",
        "address": " ".join(address.split())[:250],
    }
    with unit_of_work():
        if "company.change_contacts" not in place(account, company).access_type.deeds:
            raise Missing
        before = {name: getattr(company, name) for name in said}
        if before == said:
            return
        freezes.check(account)
        for name, value in said.items():
            setattr(company, name, value)
        company.save()
        events.record("company.contacts_changed", company, by=account, account=account, before=before, after=said)


def _both(account: Account, other: Representative) -> tuple[Representative, Representative]:
    """One's own place and the other's as they stand once nobody else changes the company's people. Raises Missing for who has none
    or sees none, Refused where the other has gone meanwhile."""
    lock([other.company_id])
    mine = _one(Representative.account == account.id, Representative.company == other.company_id)
    if MANAGES not in mine.access_type.deeds:
        raise Refused(NOT_YOURS) if "representative.view" in mine.access_type.deeds else Missing
    try:
        return mine, _one(Representative.id == other.id)
    except Missing:
        raise Refused(holding.MEANWHILE) from None


def _others_manage(mine: Representative) -> bool:
    return any(row.id != mine.id and MANAGES in row.access_type.deeds for row in people(mine.company))


# ---- by staff ---------------------------------------------------------------------------------------------------------


def fix_access_type(other: Representative, *, access_type: str, reason: str, by: Staff) -> None:
    """Give somebody another access type in a company for them. A head's comes from the register alone. Raises Refused."""
    if not reason.strip():
        raise Refused(holding.REASON, field="reason")
    if access_type not in access.GRANTABLE_IN_A_COMPANY:
        raise Refused(N_("Select an access type"), field="access_type")
    with unit_of_work():
        other = as_it_stands(other)
        if other.access_type.name == access_type:
            raise Refused(SAME, field="access_type")
        switch(other, access_type, by=by, reason=reason.strip())


def remove_by_staff(other: Representative, *, reason: str, by: Staff) -> None:
    """Take somebody's place in a company away for whoever asked. Raises Refused; for a head always."""
    if not reason.strip():
        raise Refused(holding.REASON, field="reason")
    with unit_of_work():
        end(as_it_stands(other), "staff", by=by, reason=reason.strip())


def set_company(contract: Contract, *, company: Company, reason: str, by: Staff, sure: bool = False) -> None:
    """Say whose contract it is, where the billing system does not: whoever represents the company has it from then on, whoever came
    by the company before does not. Raises Refused; Doubtful where they would see bills for somebody else, unless `sure`."""
    if not Company.within(by).where(Company.id == company.id).exists() or company.organisation_id != contract.organisation_id:
        raise Refused(N_("Select one of the same organisation"), field="company")
    others = {name for name in _billed_to(contract) if not buyers.is_named(name, company.name)}
    if others and not sure:
        raise Doubtful(OTHERS, field="company", company=company.name, names=", ".join(sorted(others)[:3]))
    _say_company(contract, company, reason=reason, by=by)


def take_from_company(contract: Contract, *, reason: str, by: Staff, sure: bool = False) -> None:
    """Say that a contract is no company's: it leaves the accounts of all who came by one. Raises Refused; Doubtful where whoever adds
    it next would see the company's bills, unless `sure`."""
    if contract.company and not sure and any(buyers.is_named(name, contract.company.name) for name in _billed_to(contract)):
        raise Doubtful(STILL_BILLED, company=contract.company.name)
    _say_company(contract, None, reason=reason, by=by)


def _billed_to(contract: Contract) -> set[str]:
    return buyers.of([contract.id]).get(contract.id, set()) - {""}


def _say_company(contract: Contract, company: Company | None, *, reason: str, by: Staff) -> None:
    if not reason.strip():
        raise Refused(holding.REASON, field="reason")
    with unit_of_work():
        contract = Contract.get_by_id(contract.id)
        old = contract.company
        if (old and old.id) == (company and company.id):
            raise Refused(N_("It is this company's already: nothing was changed.") if company else N_("It is no company's already."))
        contract.company = company
        contract.save()
        was, is_now = old.name if old else "", company.name if company else ""
        events.record("contract.company_changed", contract, by=by, old=was, new=is_now, reason=reason.strip())
        third_party_payers.pass_on(contract, by=by)
        keep_in_step(Contract.id == contract.id, [one.id for one in (old, company) if one], by=by)


def put_under(company: Company, *, parent: Company, reason: str, by: Staff) -> None:
    """Say that a company belongs to another one: who represents that has its contracts too (IB-47). Raises Refused."""
    if not Company.within(by).where(Company.id == parent.id).exists() or parent.organisation_id != company.organisation_id:
        raise Refused(N_("Select one of the same organisation"), field="parent")
    _set_parent(company, parent, reason=reason, by=by)


def set_free(company: Company, *, reason: str, by: Staff) -> None:
    """Say that a company belongs to none: who represents the other one has its contracts no more. Raises Refused."""
    _set_parent(company, None, reason=reason, by=by)


def _set_parent(company: Company, parent: Company | None, *, reason: str, by: Staff) -> None:
    if not reason.strip():
        raise Refused(holding.REASON, field="reason")
    with unit_of_work():
        lock([one.id for one in (company, parent) if one])
        company, parent = Company.get_by_id(company.id), parent and Company.get_by_id(parent.id)
        if parent and (parent.id == company.id or parent.belongs_to_id or Company.select().where(Company.belongs_to == company).exists()):
            raise Refused(N_("A company belongs to one that belongs to nobody, and has none of its own"), field="parent")
        old = company.belongs_to
        if (old and old.id) == (parent and parent.id):
            raise Refused(N_("It is so already: nothing was changed."))
        company.belongs_to = parent
        company.save()
        was, is_now = old.name if old else "", parent.name if parent else ""
        events.record("company.parent_changed", company, by=by, old=was, new=is_now, reason=reason.strip())
        keep_in_step(Contract.company == company.id, [one.id for one in (company, old, parent) if one], by=by)


# ---- how a place in a company begins, changes and ends: for invitations, the register and the above ---------------------


def appoint(account: Account, company: Company, access_type: str, *, granted_by: str, by: Any, is_register: bool = False) -> Representative:
    """Give an account a place in a company, or the one it has another access type, and all its contracts; it is told, once. Inside a
    unit of work. `granted_by` is a name to show, empty for the register; it and a document make heads. Raises Refused where somebody was
    faster."""
    if access_type == access.HEAD and not is_register:
        raise Refused(HEADS_STAY)
    lock([company.id])
    mine = (Representative.account == account.id) & (Representative.company == company.id) & Representative.until_at.is_null()
    known = _with_all(Representative.select(Representative, Account, Company, AccessType)).where(mine).first()
    if known is not None:
        if known.access_type.name != access_type:
            switch(known, access_type, by=by, granted_by=granted_by, is_register=is_register)
        return known
    kind = AccessType.get(organisation=company.organisation_id, name=access_type)
    try:
        made = Representative.create(
            organisation=company.organisation_id, account=account, company=company, access_type=kind, granted_by=granted_by
        )
        added = keep_in_step(contracts_of(company), [company.id], account=account, by=by)
    except IntegrityError:
        raise Refused(holding.MEANWHILE) from None
    events.record("representative.added", made, by=by, account=account, access_type=access_type, contracts=added)
    messages.put(
        "company_access_given",
        account,
        organisation=account.organisation,
        dedupe_key=f"company_access_given:{made.public_id}",
        company=company.name,
        access_type=access.ACCESS_TYPES[access_type][0],
        by=granted_by,
        is_head=access_type == access.HEAD,
    )
    return made


def switch(
    other: Representative, access_type: str, *, by: Any, reason: str = "", granted_by: str | None = None, is_register: bool = False
) -> None:
    """Another access type for somebody in a company, and with all its contracts; they are told. Inside a unit of work. The register
    alone makes and unmakes a head. Raises Refused."""
    old, kind = other.access_type, AccessType.get(organisation=other.organisation_id, name=access_type)
    if access.HEAD in (old.name, access_type) and not is_register:
        raise Refused(HEADS_STAY)
    lock([other.company_id])
    said: dict[str, Any] = {"access_type": kind} | ({} if granted_by is None else {"granted_by": granted_by})
    live = (Representative.id == other.id) & Representative.until_at.is_null() & (Representative.access_type == old)
    if not Representative.update(**said).where(live).execute():
        raise Refused(holding.MEANWHILE)
    other.access_type = kind
    if MANAGES not in kind.deeds:
        end_invitations(other, by=by)
    keep_in_step(contracts_of(other.company), [other.company_id], account=other.account, by=by)
    event = events.record(
        "representative.access_type_changed", other, by=by, account=other.account, old=old.name, new=kind.name, reason=reason
    )
    messages.put(
        "company_access_changed",
        other.account,
        organisation=other.account.organisation,
        dedupe_key=f"company_access_changed:{event.id}",
        company=other.company.name,
        old=access.ACCESS_TYPES[old.name][0],
        new=access.ACCESS_TYPES[kind.name][0],
    )


def end(other: Representative, ended_by: str, *, by: Any, reason: str = "", is_register: bool = False) -> None:
    """Somebody's place in a company ends, and with it all its contracts in their account and what they invited (T08); they are told,
    once. Inside a unit of work. A head's ends by the register alone. Raises Refused."""
    if other.access_type.name == access.HEAD and not is_register:
        raise Refused(HEADS_STAY)
    lock([other.company_id])
    live = (Representative.id == other.id) & Representative.until_at.is_null()
    if not Representative.update(until_at=now(), ended_by=ended_by).where(live).execute():
        raise Refused(holding.MEANWHILE)
    end_invitations(other, by=by)
    keep_in_step(contracts_of(other.company), [other.company_id], account=other.account, by=by)
    name = other.access_type.name
    events.record("representative.removed", other, by=by, account=other.account, access_type=name, ended_by=ended_by, reason=reason)
    messages.put(
        "company_access_ended",
        other.account,
        organisation=other.account.organisation,
        dedupe_key=f"company_access_ended:{other.public_id}",
        company=other.company.name,
        ended_by=ended_by,
    )


def end_invitations(other: Representative, *, by: Any) -> None:
    """What somebody offered who may offer it no more is worth nothing (T08)."""
    live = (Invitation.invited_through == other) & Invitation.taken_at.is_null() & Invitation.ended_at.is_null()
    for one in list(Invitation.select().where(live).order_by(Invitation.id)):
        Invitation.update(ended_at=now(), ended_by="inviter").where(live & (Invitation.id == one.id)).execute()
        events.record("invitation.ended", one, by=by, account=other.account, ended_by="inviter", reason="")


# ---- in step ----------------------------------------------------------------------------------------------------------


def keep_in_step(those: Any, companies: Sequence[int], *, by: Any, account: Account | None = None) -> int:
    """Make the accesses to these contracts (a condition) what their companies and representatives say, of one account or of all;
    how many that adds. In the unit of work that changed either side; whoever changes the other one
    at the same moment waits for the companies. What an account had of its own is replaced by what the company gives it, and is given
    back where the contract, not the person, leaves the company. There may be a hundred thousand accesses: the databases compare them
    with what should be, and only what differs comes here."""
    lock(companies)
    bulk.take_time()
    over: list[int] = []
    own: list[int] = []
    left: set[tuple[int, int]] = set()
    changed: dict[tuple[int, int], list[int]] = {}
    for number, contract, who, through, should, kind in _out_of_step(those, account):
        if through is not None and should is not None:
            changed.setdefault((should, kind), []).append(number)
            continue
        over.append(number)
        if through is None:
            own.append(number)
        elif account is None:
            left.add((contract, who))
    _end_many(over, by=by)
    holding.tell_replaced(own, by=by)
    holding.give_back_own(left, by=by)
    for (through, kind), numbers in changed.items():
        Membership.update(through=through, access_type=kind).where(bulk.among(Membership.id, numbers)).execute()
    _end_shares_that_may_not_be([number for numbers in changed.values() for number in numbers], by=by)
    added = _add_missing(those, account)
    if account is not None:
        for known in ("_held", "_represented"):
            account.__dict__.pop(known, None)
    return added


def _should_be(those: Any, account: Account | None) -> Any:
    """Which account should have which contract through which place, of which access type: by the contract's own company, and by the one
    that this belongs to where the account has no place in the former."""
    near = Representative.alias()
    has_near = near.select(SQL("1")).where(
        (near.company == Company.id) & (near.account == Representative.account) & near.until_at.is_null()
    )
    found: Any = None
    for by_it in (Representative.company == Company.id, (Representative.company == Company.belongs_to) & ~fn.EXISTS(has_near)):
        rows = Contract.select(
            Contract.id.alias("contract"),
            Contract.organisation.alias("organisation"),
            Representative.account.alias("account"),
            Representative.id.alias("through"),
            Representative.access_type.alias("kind"),
        )
        rows = rows.join(Company).join(Representative, on=by_it).where(those & Representative.until_at.is_null())
        rows = rows if account is None else rows.where(Representative.account == account.id)
        found = rows if found is None else found.union_all(rows)
    return found.alias("should")


def _out_of_step(those: Any, account: Account | None) -> list[tuple[Any, ...]]:
    """The accesses that are not as they should be, each with the place through which and the access type of which it should be."""
    near, far = Representative.alias(), Representative.alias()
    through, kind = fn.COALESCE(near.id, far.id), fn.COALESCE(near.access_type, far.access_type)
    differs = (Membership.through.is_null() != through.is_null()) | (Membership.through != through) | (Membership.access_type != kind)
    rows: Any = Membership.select(Membership.id, Membership.contract, Membership.account, Membership.through, through, kind)
    rows = rows.join(Contract).join(Company, JOIN.LEFT_OUTER)
    for place, company in ((near, Contract.company), (far, Company.belongs_to)):
        mine = (place.account == Membership.account) & (place.company == company) & place.until_at.is_null()
        rows = rows.join_from(Membership, place, JOIN.LEFT_OUTER, on=mine)
    live = Membership.until_at.is_null() if account is None else (Membership.account == account.id) & Membership.until_at.is_null()
    found: list[tuple[Any, ...]] = database.execute(rows.where(those & live & differs)).fetchall()
    return found


def _add_missing(those: Any, account: Account | None) -> int:
    """Accesses begin that should be there and are not; how many."""
    should = _should_be(those, account)
    there = (Membership.contract == should.c.contract) & (Membership.account == should.c.account) & Membership.until_at.is_null()
    known: dict[str, Any] = {
        "organisation": should.c.organisation,
        "contract": should.c.contract,
        "account": should.c.account,
        "through": should.c.through,
        "access_type": should.c.kind,
    }
    missing = ~fn.EXISTS(Membership.select(SQL("1")).where(there))
    # In order, and so all found before the first is added: what is looked through for each does not grow meanwhile.
    found = should.select_from(SQL("1")).where(missing).order_by(should.c.contract, should.c.account)
    return bulk.insert_from(Membership, known, found)


def contracts_of(company: Company) -> Any:
    """That a contract is this company's, or one's that belongs to it."""
    return Contract.company.in_(Company.select(Company.id).where((Company.id == company.id) | (Company.belongs_to == company.id)))


def _end_many(numbers: list[int], *, by: Any) -> None:
    """Accesses end with what was shared through them, without a letter each."""
    if not numbers:
        return
    at = now()
    Membership.update(until_at=at, ended_by="company").where(bulk.among(Membership.id, numbers)).execute()
    Share.update(ended_at=at, ended_by="company").where(bulk.among(Share.membership, numbers) & Share.ended_at.is_null()).execute()
    for share in list(Share.select().where(bulk.among(Share.given_through, numbers) & Share.ended_at.is_null())):
        holding.end_share(share, "owner", by=by)


def _end_shares_that_may_not_be(numbers: list[int], *, by: Any) -> None:
    """What was shared through an access that allows no sharing any more ends."""
    if numbers:
        given = Share.select(Share, Membership, AccessType).join(Membership, on=Share.given_through).join(AccessType)
        for share in list(given.where(bulk.among(Share.given_through, numbers) & Share.ended_at.is_null())):
            if "contract.share" not in share.given_through.access_type.deeds:
                holding.end_share(share, "owner", by=by)


# ---- parts ------------------------------------------------------------------------------------------------------------


def lock(companies: Sequence[int]) -> None:
    """Nobody else changes who represents these companies, or the one they belong to, and what is theirs, until this transaction ends."""
    if database.for_update and companies:
        wide = Company.id.in_(list(companies)) | Company.id.in_(
            Company.select(Company.belongs_to).where(Company.id.in_(list(companies)) & Company.belongs_to.is_null(False))
        )
        rows: Any = Company.select(Company.id).where(wide).order_by(Company.id)
        list(rows.for_update("FOR NO KEY UPDATE").tuples())


def _with_all(rows: Any) -> Any:
    return rows.join(Account).switch(Representative).join(Company).switch(Representative).join(AccessType)


def _one(*conditions: Any) -> Representative:
    rows = _with_all(Representative.select(Representative, Account, Company, AccessType))
    found: Representative | None = rows.where(*conditions, Representative.until_at.is_null()).first()
    if found is None:
        raise Missing
    return found


def as_it_stands(other: Representative) -> Representative:
    """Somebody's place as it is once nobody else changes the company's people. Raises Refused where it has ended."""
    lock([other.company_id])
    try:
        return _one(Representative.id == other.id)
    except Missing:
        raise Refused(holding.MEANWHILE) from None
