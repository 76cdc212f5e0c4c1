"""Paying for a contract that is somebody else's (IR-09): whoever has its bill at hand adds it, and from then on knows what is owed and
by when, and no more (T98).

Nothing of the contract but what `Due` says leaves this module for a payer.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from peewee import IntegrityError

from models import N_, AccessType, Account, Contract, Invoice, Membership, Organisation, Provider, Staff, ThirdPartyPayer, now
from rules import billing, clock, events, limits, links, messages, proof, settings
from rules.bulk import among
from rules.refusal import Missing, Refused
from rules.work import as_it_stands, unit_of_work

MOST, PER_DAY = 20, 3  # of an account at a time; how often a day one contract is added
PAID_ALREADY = N_("You pay for this already.")
UNWANTED = N_("This was ended, so it cannot be added with this bill again. Ask whoever the bill is for.")
NOT_ONES_OWN = N_("You knew this from somebody who shared it with you, or from a company. Ask them to let you see it again.")
TOO_OFTEN = N_("You have added and removed this several times today. Go on tomorrow.")
MEANWHILE = N_("This has ended already.")
REASON = N_("Enter the reason")


class Due(NamedTuple):
    """All that a payer learns of a contract: what they typed themselves, to whom to pay how much, by when and what to quote, and the
    address so masked that only who knows it knows it again."""

    public_id: uuid.UUID
    name: str
    payer_code: str
    address: str
    provider: str
    owed: billing.Owed
    parts: list[tuple[str, str, int]]  # bank account, what to quote, cents


# ---- by the payer -----------------------------------------------------------------------------------------------------


def is_on(organisation: Organisation) -> bool:
    """Whether customers of an organisation may pay for others (K05)."""
    return settings.of(organisation).pay_for_others


def due(account: Account, day: date) -> list[Due]:
    """What an account pays for others and what is owed of each on that local day, in the order in which they were added."""
    if not is_on(account.organisation):
        return []
    mine = (ThirdPartyPayer.account == account.id) & ThirdPartyPayer.contract.not_in(account.contract_ids())
    rows = ThirdPartyPayer.within(account).where(mine).select(ThirdPartyPayer, Contract, Provider).join(Contract).join(Provider)
    found = list(rows.order_by(ThirdPartyPayer.id))
    due_now = billing.due_of([row.contract_id for row in found], day)
    return [
        Due(
            row.public_id,
            row.name,
            row.contract.payer_code,
            masked(row.contract.address),
            row.contract.provider.name,
            *due_now.get(row.contract_id, billing.NOTHING_DUE),
        )
        for row in found
    ]


def add(
    account: Account,
    *,
    provider: Provider | None,
    payer_code: str,
    invoice_number: str,
    source: str,
    site_url: str,
    invoice_total_cents: int | None = None,
    name: str = "",
) -> ThirdPartyPayer:
    """Let an account pay for the contract whose bill it has at hand: the payer code and the number, both exactly, whatever the organisation
    lets customers leave out elsewhere (T98), under the brakes of adding a contract (T14). Account and holder are told.

    Raises Refused as `proof.prove` does, whose counts must outlive that, and where whoever has the contract may not want it or there is
    nothing to pay; Missing where the organisation lets nobody do so.
    """
    here = account.organisation
    if not is_on(here):
        raise Missing
    _check_number(account)
    try:
        proven = proof.prove(
            here,
            account,
            provider=provider,
            payer_code=payer_code,
            invoice_number=invoice_number,
            needs_number=True,
            invoice_total_cents=invoice_total_cents,
            source=source,
        )
    except proof.NotFound as no:
        proof.keep_try(account, no)
        raise
    _check_welcome(account, proven, invoice_number)
    try:
        with unit_of_work():
            contract = as_it_stands(proven)
            if contract.opened_on != proven.opened_on:  # another customer's, since a moment ago
                raise Refused(proof.NO_MATCH, field="payer_code")
            made = ThirdPartyPayer.create(organisation=here, account=account, contract=contract, name=name.strip()[:40])
            events.record("thirdpartypayer.added", made, by=account, account=account)
            messages.put(
                "paying_added", account, organisation=here, dedupe_key=f"paying_added:{made.public_id}", payer_code=contract.payer_code
            )
            for holder in _who_may_end(contract):
                _tell(holder, made, links.contract(site_url, contract.public_id))
    except IntegrityError:
        raise Refused(PAID_ALREADY, field="payer_code") from None
    return made


def remove(account: Account, payer: ThirdPartyPayer) -> None:
    """The payer no longer pays for it. Raises Refused where that has ended."""
    with unit_of_work():
        _end(payer, "payer", by=account)


def _check_number(account: Account) -> None:
    live = (ThirdPartyPayer.account == account) & ThirdPartyPayer.ended_at.is_null()
    if ThirdPartyPayer.select().where(live).count() >= MOST:
        raise Refused(N_("You pay for {most} already. Remove one of them first."), most=MOST)


def _check_welcome(account: Account, contract: Contract, invoice_number: str) -> None:
    """Raise Refused where the account may know the bill from somebody else's access only, it was ended and no bill has come since, there
    is nothing more to pay, or it was added and removed too often today: each time the holder gets a letter."""
    if proof.is_known_by_others(account, contract):
        raise Refused(NOT_ONES_OWN)
    mine = (ThirdPartyPayer.account == account) & (ThirdPartyPayer.contract == contract)
    unwanted = ThirdPartyPayer.select(ThirdPartyPayer.ended_at).where(mine & ThirdPartyPayer.ended_by.in_(("holder", "staff")))
    last = unwanted.order_by(ThirdPartyPayer.ended_at.desc()).first()
    at_hand = (Invoice.contract == contract) & (Invoice.number == invoice_number)
    if last and not Invoice.select().where(at_hand & (Invoice.issued_on > clock.today(last.ended_at))).exists():
        raise Refused(UNWANTED)
    owed, _parts = billing.due_of([contract.id], clock.today()).get(contract.id, billing.NOTHING_DUE)
    if contract.ended_on is not None and contract.ended_on <= clock.today() and owed.total_cents <= 0:
        raise Refused(proof.ENDED, field="payer_code", ended_on=contract.ended_on)
    if not limits.spend("paying", f"{account.id}:{contract.id}", PER_DAY, limits.DAY):
        raise Refused(TOO_OFTEN)


def masked(address: str) -> str:
    """An address of which only the first letters of its words are left: Žalioji g. 5-12, Pakruojis as Ž… g. …, P…"""
    return " ".join(_masked(word) for word in address.split())


def _masked(word: str) -> str:
    bare = word.rstrip(",")
    tail = word[len(bare) :]
    if bare.endswith(".") and bare[:-1].isalpha() and bare[:-1].islower() and len(bare) <= 5:
        return word  # what kind of street it is: g., pr., al., pl., sav.
    return (bare[0] if bare[:1].isalpha() else "") + "…" + tail


# ---- by whoever has the contract, and by staff --------------------------------------------------------------------------


def of(contract: Contract) -> list[ThirdPartyPayer]:
    """Who pays for a contract besides whoever has it, first come first. Who they are is nobody's business but staff's."""
    if not is_on(contract.organisation):
        return []
    holders: Any = Membership.select(Membership.account).where((Membership.contract == contract) & Membership.until_at.is_null())
    return list(ThirdPartyPayer.select().where(_live(contract) & ThirdPartyPayer.account.not_in(holders)).order_by(ThirdPartyPayer.id))


def end(account: Account, payer: ThirdPartyPayer) -> None:
    """Whoever has the contract ends that another account pays for it, which is told. Raises Refused where it has ended."""
    with unit_of_work():
        _end(payer, "holder", by=account)


def end_by_staff(payer: ThirdPartyPayer, *, reason: str, by: Staff) -> None:
    """End it for whoever asked, with a reason. Raises Refused."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    with unit_of_work():
        _end(payer, "staff", by=by, reason=reason.strip())


# ---- by what happens to the contract ------------------------------------------------------------------------------------


def pass_on(contract: Contract, *, by: Staff | str) -> None:
    """The contract is another customer's, by word of the billing system or of staff, since whenever: nobody knows whose bill a payer had
    at hand. In the unit of work that says so."""
    for payer in list(ThirdPartyPayer.select().where(_live(contract)).order_by(ThirdPartyPayer.id)):
        _end(payer, "passed_on", by=by)


def attached(account: Account, contract: Contract) -> None:
    """The account has the contract itself from now on, with all its bills. In the unit of work that gives it."""
    for payer in list(ThirdPartyPayer.select().where(_live(contract) & (ThirdPartyPayer.account == account))):
        _end(payer, "attached", by=events.SYSTEM)


def tell(account: Account, contract: Contract, *, access_type: AccessType) -> None:
    """Who has just got a contract learns that others pay for it already. In the unit of work that gives it."""
    if "contract.end_payer" in access_type.deeds:
        for payer in of(contract):
            _tell(account, payer, "")


def announce(organisation: Organisation, bills: Mapping[int, Sequence[Mapping[str, Any]]], site_url: str) -> None:
    """New bills, as columns by the contract's id: who pays for others is told how much and by when. In the feed's unit of work."""
    if not is_on(organisation):
        return
    rows = ThirdPartyPayer.select(ThirdPartyPayer, Account, Contract).join(Account).switch(ThirdPartyPayer).join(Contract)
    for payer in rows.where(among(ThirdPartyPayer.contract, bills) & ThirdPartyPayer.ended_at.is_null()):
        for bill in bills[payer.contract_id]:
            messages.put(
                "bill_to_pay_for_another",
                payer.account,
                organisation=organisation,
                dedupe_key=f"bill_to_pay_for_another:{bill['id']}:{payer.account_id}",
                lane=messages.BULK,
                called=payer.name,
                payer_code=payer.contract.payer_code,
                amount=bill["payable_cents"],
                due_on=bill["due_on"],
                url=links.paying_for_others(site_url),
            )


# ---- parts ------------------------------------------------------------------------------------------------------------


def _live(contract: Contract) -> Any:
    return (ThirdPartyPayer.contract == contract) & ThirdPartyPayer.ended_at.is_null()


def _who_may_end(contract: Contract) -> list[Account]:
    held = Membership.select(Membership, Account, AccessType).join(Account).switch(Membership).join(AccessType)
    live = (Membership.contract == contract) & Membership.until_at.is_null()
    return [one.account for one in held.where(live).order_by(Membership.id) if "contract.end_payer" in one.access_type.deeds]


def _tell(holder: Account, payer: ThirdPartyPayer, url: str) -> None:
    contract = payer.contract
    messages.put(
        "paid_by_another",
        holder,
        organisation=holder.organisation,
        dedupe_key=f"paid_by_another:{payer.public_id}:{holder.id}",
        contract=contract.address or contract.payer_code,
        url=url,
    )


def _end(payer: ThirdPartyPayer, ended_by: str, *, by: Account | Staff | str, reason: str = "") -> None:
    """It is paid for no more, and the payer is told, but of what they did themselves. Raises Refused where somebody was faster."""
    live = (ThirdPartyPayer.id == payer.id) & ThirdPartyPayer.ended_at.is_null()
    if not ThirdPartyPayer.update(ended_at=now(), ended_by=ended_by).where(live).execute():
        raise Refused(MEANWHILE)
    account = payer.account
    events.record("thirdpartypayer.ended", payer, by=by, account=account, ended_by=ended_by, reason=reason)
    if ended_by in ("holder", "staff", "passed_on"):
        messages.put(
            "paying_ended",
            account,
            organisation=account.organisation,
            dedupe_key=f"paying_ended:{payer.public_id}",
            called=payer.name,
            payer_code=payer.contract.payer_code,
        )
