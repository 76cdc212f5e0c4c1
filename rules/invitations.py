"""A place in a company offered to one e-mail address (IB-41..IB-46): for some days, to be taken once, by whoever proves that the address
is theirs. Nobody is looked up when it is offered: whether the address has an account here changes no answer, no page and no letter.
"""

import uuid
from datetime import timedelta
from typing import Any

from peewee import IntegrityError

from models import N_, AccessType, Account, Company, Invitation, Organisation, Representative, Staff, now
from rules import access, companies, details, events, freezes, holding, keys, limits, links, messages, settings
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

PURPOSE = "invitation"
PER_DAY, TO_ONE_PER_DAY = 30, 3  # letters in a day by one person, and to one address
OVER = N_("This invitation is no longer good. Ask for a new one.")
HAS_PLACE = N_("{email} is among the people of the company already. Change what they may do there.")
WAITS = N_("This address has an invitation that waits. Send it again, or take it back first.")
WRONG_DOMAIN = N_("Enter an address that the company gave: it ends with @{domain}")
HAVE_MORE = N_("You have this access to {company} already, or more.")


# ---- by those who look after the company's people -----------------------------------------------------------------------


def waiting(company: Company) -> list[Invitation]:
    """What is offered and not taken yet, newest first."""
    rows = Invitation.select(Invitation, AccessType).join(AccessType)
    return list(rows.where((Invitation.company == company.id) & _live()).order_by(Invitation.id.desc()))


def invite(account: Account, company: Company, *, email: str, access_type: str, site_url: str) -> Invitation:
    """Offer a place in the company to an address, which gets a letter (IB-42..IB-44). Raises Missing, Refused."""
    mine = companies.place(account, company)
    freezes.check(account)
    address = _address(company, email)
    _spend(str(account.id), company, address)
    with unit_of_work():
        mine = _granting(mine, access_type)
        made = _offer(company, address, access_type, site_url, by=account, name=account.name, invited_through=mine)
    return made


def send_again(account: Account, invitation: Invitation, *, site_url: str) -> None:
    """Write once more, with a new link for as many days anew; the one before is worth nothing. Who does it vouches for it from now
    on. Raises Missing, Refused."""
    mine = companies.place(account, invitation.company)
    freezes.check(account)
    _spend(str(account.id), invitation.company, invitation.email)
    with unit_of_work():
        mine = _granting(mine, invitation.access_type.name)
        _renew(invitation, site_url, by=account, name=account.name, reason="", invited_through=mine, staff=None)


def revoke(account: Account, invitation: Invitation) -> None:
    """Take an offer back. Raises Missing, Refused where it was taken meanwhile."""
    with unit_of_work():
        if invitation.access_type.name not in companies.grants(companies.place(account, invitation.company)):
            raise Missing
        _end(invitation, "revoked", by=account)


def _granting(mine: Representative, access_type: str) -> Representative:
    """One's own place as it stands until this transaction ends, if it may give this access type."""
    mine = companies.as_it_stands(mine)
    if access_type not in companies.grants(mine):
        raise Refused(companies.NOT_YOURS, field="access_type")
    return mine


def _address(company: Company, email: str) -> str:
    """Where an invitation may go (K13, IB-46): never to a public mail service where only a company's own address will do, and to the
    company's own domain where that is known. Raises Refused."""
    address = details.address(email)
    details.refuse_public_mail(company.organisation, address)
    if company.email_domain and address.rpartition("@")[2].casefold() != company.email_domain.casefold():
        raise Refused(WRONG_DOMAIN, field="email", domain=company.email_domain)
    return address


def _spend(who: str, company: Company, address: str) -> None:
    if not limits.spend("invite", who, PER_DAY, limits.DAY):
        raise Refused(N_("You have sent {most} invitations today. Go on tomorrow."), most=PER_DAY)
    if not limits.spend("invite-to", f"{company.organisation_id}:{address.casefold()}", TO_ONE_PER_DAY, limits.DAY):
        raise Refused(N_("This address has had enough letters today. Go on tomorrow."), field="email")


def _offer(
    company: Company, address: str, access_type: str, site_url: str, *, by: Any, name: str, reason: str = "", **of: Any
) -> Invitation:
    there = (Account.email_key == address.casefold()) & (Representative.company == company.id) & Representative.until_at.is_null()
    if Representative.select().join(Account).where(there).exists():
        raise Refused(HAS_PLACE, field="email", email=address)
    end_expired((Invitation.company == company.id) & (Invitation.email_key == address.casefold()))
    token, kind = keys.new_token(), AccessType.get(organisation=company.organisation_id, name=access_type)
    try:
        with unit_of_work():
            made = Invitation.create(
                organisation=company.organisation_id,
                company=company,
                email=address,
                access_type=kind,
                digest=keys.digest(PURPOSE, token),
                expires_at=now() + timedelta(days=settings.of(company.organisation).invitation_days),
                **of,
            )
    except IntegrityError:
        raise Refused(WAITS, field="email") from None
    customer = by if isinstance(by, Account) else None
    events.record("invitation.sent", made, by=by, account=customer, email=address, access_type=access_type, reason=reason)
    _write(made, token, site_url, name=name, language=by.language)
    return made


def _renew(invitation: Invitation, site_url: str, *, by: Any, name: str, reason: str, **of: Any) -> None:
    token, until = keys.new_token(), now() + timedelta(days=settings.of(invitation.organisation).invitation_days)
    still = (Invitation.id == invitation.id) & Invitation.taken_at.is_null() & Invitation.ended_at.is_null()
    if not Invitation.update(digest=keys.digest(PURPOSE, token), expires_at=until, **of).where(still).execute():
        raise Refused(OVER)
    invitation.digest, invitation.expires_at = keys.digest(PURPOSE, token), until
    customer = by if isinstance(by, Account) else None
    events.record("invitation.sent_again", invitation, by=by, account=customer, email=invitation.email, reason=reason)
    _write(invitation, token, site_url, name=name, language=by.language)


def _write(invitation: Invitation, token: str, site_url: str, *, name: str, language: str) -> None:
    messages.put(
        "company_invitation",
        invitation.email,
        organisation=invitation.organisation,
        dedupe_key=f"company_invitation:{invitation.id}:{invitation.digest[:16]}",
        language=language,
        by=name[:80],
        company=invitation.company.name,
        access_type=access.ACCESS_TYPES[invitation.access_type.name][0],
        until=invitation.expires_at.isoformat(),
        url=links.invitation(site_url, token),
    )


def _end(invitation: Invitation, ended_by: str, *, by: Any, reason: str = "") -> None:
    still = (Invitation.id == invitation.id) & Invitation.taken_at.is_null() & Invitation.ended_at.is_null()
    if not Invitation.update(ended_at=now(), ended_by=ended_by).where(still).execute():
        raise Refused(OVER)
    through = invitation.invited_through
    events.record("invitation.ended", invitation, by=by, account=through.account if through else None, ended_by=ended_by, reason=reason)


# ---- by staff, and by the calendar ---------------------------------------------------------------------------------------


def invite_by_staff(company: Company, *, email: str, access_type: str, reason: str, site_url: str, by: Staff) -> Invitation:
    """Offer a place for whoever asked us to, as when a company has nobody left who may. Raises Refused."""
    _check_reason(reason)
    if access_type not in access.GRANTABLE_IN_A_COMPANY:
        raise Refused(N_("Select an access type"), field="access_type")
    address = _address(company, email)
    with unit_of_work():
        name = company.organisation.name
        made = _offer(company, address, access_type, site_url, by=by, name=name, reason=reason.strip(), staff=by)
        _tell_managers(made, is_taken=False)
    return made


def _tell_managers(invitation: Invitation, *, is_taken: bool, but: int = 0) -> None:
    """Whoever looks after the company's people hears whom staff put there."""
    company = invitation.company
    for other in companies.people(company):
        if companies.MANAGES in other.access_type.deeds and other.account_id != but:
            messages.put(
                "invited_by_staff",
                other.account,
                organisation=company.organisation,
                dedupe_key=f"invited_by_staff:{invitation.id}:{is_taken:d}:{other.account_id}",
                who=invitation.email,
                company=company.name,
                access_type=access.ACCESS_TYPES[invitation.access_type.name][0],
                is_taken=is_taken,
            )


def end_of_staff(person: Staff, *, by: Any) -> None:
    """What somebody offered who works here no more is worth nothing (T08). Inside the unit of work that ends their work."""
    theirs = (Invitation.staff == person) & Invitation.taken_at.is_null() & Invitation.ended_at.is_null()
    for one in list(Invitation.select().where(theirs).order_by(Invitation.id)):
        _end(one, "inviter", by=by)


def send_again_by_staff(invitation: Invitation, *, reason: str, site_url: str, by: Staff) -> None:
    """Write once more, as when the letter was lost. Whoever offered it still vouches for it. Raises Refused."""
    _check_reason(reason)
    through = invitation.invited_through
    with unit_of_work():
        name = through.account.name if through else invitation.organisation.name
        _renew(invitation, site_url, by=by, name=name, reason=reason.strip())


def revoke_by_staff(invitation: Invitation, *, reason: str, by: Staff) -> None:
    """Take an offer back for whoever asked us to. Raises Refused."""
    _check_reason(reason)
    with unit_of_work():
        _end(invitation, "revoked", by=by, reason=reason.strip())


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused(holding.REASON, field="reason")


def end_expired(those: Any = True) -> int:
    """End what was not taken in time; returns how many. Run every minute: two at once are harmless."""
    over = Invitation.taken_at.is_null() & Invitation.ended_at.is_null() & (Invitation.expires_at <= now()) & those
    ended = 0
    for one in list(Invitation.select().where(over).order_by(Invitation.id).limit(1000)):
        try:
            with unit_of_work():
                _end(one, "expired", by=events.SYSTEM)
            ended += 1
        except Refused:
            continue  # sent again or taken back this very moment
    return ended


# ---- by whoever has the address -----------------------------------------------------------------------------------------


def of_token(organisation: Organisation, token: str) -> Invitation | None:
    """What a letter's link opens, if it is still good. Opening it changes nothing: mail scanners do that too."""
    return (
        _with_all()
        .where((Invitation.digest == keys.digest(PURPOSE, token)) & (Invitation.organisation == organisation.id) & _live())
        .first()
    )


def to(account: Account) -> list[Invitation]:
    """What is offered to this account's address, newest first; nothing before the address is confirmed (T10)."""
    if account.email_confirmed_at is None:
        return []
    mine = (Invitation.organisation == account.organisation_id) & (Invitation.email_key == account.email_key)
    return list(_with_all().where(mine & _live()).order_by(Invitation.id.desc()))


def one_to(account: Account, public_id: uuid.UUID) -> Invitation:
    """One of `to`. Raises Missing."""
    found = next((one for one in to(account) if one.public_id == public_id), None)
    if found is None:
        raise Missing
    return found


def check_address(invitation: Invitation, email: str) -> None:
    """Raise Refused unless the invitation is to this address."""
    if details.login(email) != invitation.email_key:
        raise Refused(N_("Register with the address to which our letter came"), field="email")


def accept(account: Account, invitation: Invitation) -> Representative:
    """Take the place: all the company's contracts are in the account from now on. Whoever offered it is told. Raises Missing where it
    is not to this account, Refused where it is over. Which level of identity it takes to use it, `access` says (K03)."""
    found = one_to(account, invitation.public_id)
    company, kind = found.company, found.access_type
    with unit_of_work():
        by = found.invited_through and companies.as_it_stands(found.invited_through)
        if by and kind.name not in companies.grants(by):
            raise Refused(OVER)  # they may offer it no more (T08)
        if found.staff and not access.allows(found.staff, "company.invite"):
            raise Refused(OVER)
        known = next((row for row in companies.people(company) if row.account_id == account.id), None)
        if known and access.COMPANY_TYPES.index(known.access_type.name) <= access.COMPANY_TYPES.index(kind.name):
            raise Refused(HAVE_MORE, company=company.name)
        inviter = by.account.name if by else account.organisation.name
        made = companies.appoint(account, company, kind.name, granted_by=inviter, by=account)
        # Once, whatever races: who was faster has it.
        if not Invitation.update(taken_at=now(), representative=made).where((Invitation.id == found.id) & _live()).execute():
            raise Refused(OVER)
        events.record("invitation.accepted", found, by=account, account=account, access_type=kind.name)
        if by:
            messages.put(
                "invitation_accepted",
                by.account,
                organisation=account.organisation,
                dedupe_key=f"invitation_accepted:{found.id}",
                who=found.email,
                company=company.name,
            )
        else:
            _tell_managers(found, is_taken=True, but=account.id)
    return made


def decline(account: Account, invitation: Invitation) -> None:
    """Say no to what is offered; it no longer waits. Raises as `accept` does."""
    found = one_to(account, invitation.public_id)
    with unit_of_work():
        _end(found, "declined", by=account)


def _live() -> Any:
    return Invitation.taken_at.is_null() & Invitation.ended_at.is_null() & (Invitation.expires_at > now())


def _with_all() -> Any:
    rows = Invitation.select(Invitation, Company, AccessType).join(Company).switch(Invitation)
    return rows.join(AccessType)
