"""A contract shared with one e-mail address (CV-22..CV-27): offered by its owner, taken by whoever proves that the address is theirs.

Nobody is looked up when something is offered: whether the address has an account here changes no answer, no page and no letter (T09).
"""

import uuid
from datetime import date
from typing import Any

from peewee import IntegrityError

from models import N_, AccessType, Account, Contract, Membership, Organisation, Share, Staff
from rules import access, clock, contracts, details, events, freezes, holding, limits, links, messages, settings
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

MOST, PER_DAY, TO_ONE_PER_DAY = 20, 10, 3  # live ones of a contract; letters in a day by one account, and to one address
ACCESS = "shared_person"
TAKEN = N_("It is shared with this address already.")


# ---- by the owner -----------------------------------------------------------------------------------------------------


def is_on(organisation: Organisation) -> bool:
    """Whether an organisation lets owners share at all (K06)."""
    return settings.of(organisation).sharing


def may_share(account: Account, contract: Contract) -> bool:
    """Whether an account may share a contract that it holds: the organisation lets owners do so (K06), and it is one of them."""
    return is_on(account.organisation) and access.allows(account, "contract.share", contract)


def allows(organisation: Organisation) -> list[str]:
    """What whoever takes a share may do with it: the deeds of its access type."""
    return list(AccessType.get(organisation=organisation, name=ACCESS).deeds)


def given(contract: Contract) -> list[Share]:
    """With whom a contract is shared now, first come first, those who have not taken it yet among them (CV-26)."""
    live = (Share.contract == contract) & Share.ended_at.is_null()
    return list(Share.select(Share, Membership).join(Membership, on=Share.given_through).where(live).order_by(Share.id))


def share(account: Account, contract: Contract, *, email: str, last_on: date | None, site_url: str) -> Share:
    """Offer a contract that `account` holds to an e-mail address, which gets a letter (CV-23); `last_on` is the last local day of the
    access, None: until somebody ends it. Raises Refused."""
    if not may_share(account, contract):
        raise Missing
    freezes.check(account)
    address = details.address(email)
    if address.casefold() == account.email_key:
        raise Refused(N_("This is your own address"), field="email")
    if last_on is not None and last_on < clock.today():
        raise Refused(N_("The last day must not be in the past"), field="last_on")
    if Share.select().where((Share.contract == contract) & Share.ended_at.is_null()).count() >= MOST:
        raise Refused(N_("It is shared with {most} addresses already. End one of them first."), most=MOST)
    if not limits.spend("share", str(account.id), PER_DAY, limits.DAY):
        raise Refused(N_("You have shared {most} times today. Go on tomorrow."), most=PER_DAY)
    if not limits.spend("share-to", f"{account.organisation_id}:{address.casefold()}", TO_ONE_PER_DAY, limits.DAY):
        raise Refused(N_("This address has had enough letters today. Go on tomorrow."), field="email")
    try:
        with unit_of_work():
            through = holding.giving(account, contract)
            made = Share.create(
                organisation=account.organisation_id, contract=contract, given_through=through, email=address, last_on=last_on
            )
            events.record("share.given", made, by=account, account=account, email=address, last_on=last_on and last_on.isoformat())
            messages.put(
                "contract_shared",
                address,
                organisation=account.organisation,
                dedupe_key=f"contract_shared:{made.public_id}",
                language=account.language,
                by=account.name[:80],
                contract=contract.address or contract.provider.name,  # not the code: it proves much, and the address may be mistyped
                last_on=last_on and last_on.isoformat(),
                url=links.shared_with_me(site_url),
                register_url=links.register_for_share(site_url, made.public_id),
            )
    except IntegrityError:
        raise Refused(TAKEN, field="email") from None
    return made


def may_end(account: Account, share: Share) -> bool:
    """Whether an owner may end this one: only who gave it, or any owner, as the organisation says (K07, CV-27)."""
    return share.given_through.account_id == account.id or settings.of(account.organisation).share_ended_by == "any_owner"


def end(account: Account, share: Share) -> None:
    """An owner ends a share: whoever took it sees nothing of the contract from then on, and is told. Raises Missing where it is not
    theirs to end, Refused where it has ended meanwhile."""
    if not may_end(account, share):
        raise Missing
    freezes.check(account)
    with unit_of_work():
        holding.end_share(share, "owner", by=account)


# ---- by whoever has the address ---------------------------------------------------------------------------------------


def offers(account: Account) -> list[Share]:
    """What is offered to this account's address, newest first; nothing before the address is confirmed (T10)."""
    if account.email_confirmed_at is None or not is_on(account.organisation):
        return []
    mine = (Share.organisation == account.organisation_id) & (Share.email_key == account.email_key)
    found = Share.select(Share, Contract, Membership, Account).join(Contract).switch(Share).join(Membership, on=Share.given_through)
    return list(found.join(Account).where(mine & _waits()).order_by(Share.id.desc()))


def waiting(organisation: Organisation, public_id: str) -> Share | None:
    """What a letter called this, if it is shared and not taken yet: who registers for it has no bill at hand."""
    try:
        named = (Share.public_id == uuid.UUID(public_id)) & (Share.organisation == organisation)
    except ValueError:
        return None
    return Share.select().where(named & _waits()).first()


def _waits() -> Any:
    """That an offer is neither taken nor over."""
    in_time = Share.last_on.is_null() | (Share.last_on >= clock.today())
    return Share.membership.is_null() & Share.ended_at.is_null() & in_time


def check_address(share: Share, email: str) -> None:
    """Raise Refused unless the offer is to this address."""
    if details.login(email) != share.email_key:
        raise Refused(N_("Register with the address to which our letter came"), field="email")


def offer(account: Account, public_id: uuid.UUID) -> Share:
    """One of `offers`. Raises Missing."""
    return next((one for one in offers(account) if one.public_id == public_id), None) or _missing()


def _missing() -> Share:
    raise Missing


def accept(account: Account, share: Share) -> Membership:
    """Take what is offered: from now on the contract is in the account, for all that a shared person may (CV-02). Whoever gave it is
    told. Raises Missing where it is not offered to the account, Refused where it has the contract already or the offer has ended."""
    share = offer(account, share.public_id)
    giver, place = share.given_through.account, share.contract
    with contracts.put_in(account, place, ACCESS, granted_by=giver.name, is_expected=True) as membership:
        still_given = Share.given_through.in_(Membership.select(Membership.id).where(Membership.until_at.is_null()))
        if not Share.update(membership=membership).where((Share.id == share.id) & _waits() & still_given).execute():
            raise Refused(N_("It is no longer shared with you."))
        events.record("contract.attached_by_share", place, by=account, account=account, access_type=ACCESS)
        messages.put(
            "share_accepted",
            giver,
            organisation=account.organisation,
            dedupe_key=f"share_accepted:{share.public_id}",
            contract=place.address or place.payer_code,
            who=share.email,
        )
    return membership


def decline(account: Account, share: Share) -> None:
    """Say no to what is offered; whoever gave it sees that it is no longer shared. Raises as `accept` does."""
    share = offer(account, share.public_id)
    with unit_of_work():
        holding.end_share(share, "customer", by=account)


# ---- by staff, and by the calendar ------------------------------------------------------------------------------------


def end_by_staff(share: Share, *, reason: str, by: Staff) -> None:
    """End a share for whoever asked for it, with a reason. Raises Refused."""
    if not reason.strip():
        raise Refused(holding.REASON, field="reason")
    with unit_of_work():
        holding.end_share(share, "staff", by=by, reason=reason.strip())


def end_expired() -> int:
    """End the shares whose last day is over; returns how many. Run every minute: two at once are harmless."""
    over = Share.ended_at.is_null() & (Share.last_on < clock.today())
    ended = 0
    for share in list(Share.select().where(over).order_by(Share.id).limit(1000)):
        try:
            with unit_of_work():
                holding.end_share(share, "expiry", by=events.SYSTEM)
            ended += 1
        except Refused:
            continue  # somebody ended it this very moment
    return ended
