"""Paying for a contract that is somebody else's (IR-09): whoever has its bill at hand adds it, and from then on knows what is owed and
by when, and no more (T98).

Nothing of the contract but what `Due` says leaves this module for a payer.
"""

import uuid
from datetime import date
from typing import Any, NamedTuple

from peewee import IntegrityError

from models import N_, AccessType, Account, Contract, Membership, Organisation, Provider, Staff, ThirdPartyPayer, now
from rules import billing, clock, events, freezes, messages, proof, settings
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

MOST = 20  # of an account at a time
PAID_ALREADY = N_("You pay for this already.")
MEANWHILE = N_("This has ended already.")
REASON = N_("Enter the reason")


class Due(NamedTuple):
    """All that a payer learns of a contract: what they typed themselves, to whom to pay, what and by when, and the address so masked that
    only who knows it knows it again."""

    public_id: uuid.UUID
    name: str
    payer_code: str
    address: str
    provider: str
    iban: str
    owed: billing.Owed


# ---- by the payer -----------------------------------------------------------------------------------------------------


def is_on(organisation: Organisation) -> bool:
    """Whether customers of an organisation may pay for others (K05)."""
    return settings.of(organisation).pay_for_others


def due(account: Account, day: date) -> list[Due]:
    """What an account pays for others and what is owed of each on that local day, in the order in which they were added."""
    if not is_on(account.organisation):
        return []
    mine = ThirdPartyPayer.within(account).where(ThirdPartyPayer.account == account.id)
    rows = mine.select(ThirdPartyPayer, Contract, Provider).join(Contract).join(Provider).order_by(ThirdPartyPayer.id)
    owed = billing.owed_of([row.contract_id for row in rows], day)
    return [
        Due(
            row.public_id,
            row.name,
            row.contract.payer_code,
            masked(row.contract.address),
            row.contract.provider.name,
            row.contract.provider.iban,
            owed.get(row.contract_id, billing.NOTHING_OWED),
        )
        for row in rows
    ]


def add(
    account: Account,
    *,
    provider: Provider | None,
    payer_code: str,
    invoice_number: str,
    source: str,
    invoice_total_cents: int | None = None,
    name: str = "",
) -> ThirdPartyPayer:
    """Let an account pay for the contract whose bill it has at hand: the payer code and the number, both exactly, whatever the organisation
    lets customers leave out elsewhere (T98), under the brakes of adding a contract (T14). Account and holder are told.

    Raises Refused as `proof.prove` does, whose counts must outlive that, and where it is paid for already; Missing where the organisation
    lets nobody do so.
    """
    here = account.organisation
    if not is_on(here):
        raise Missing
    _check_number(account)
    try:
        contract = proof.prove(
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
    try:
        with unit_of_work():
            made = ThirdPartyPayer.create(organisation=here, account=account, contract=contract, name=name.strip()[:40])
            events.record("thirdpartypayer.added", made, by=account, account=account)
            messages.put(
                "paying_added", account, organisation=here, dedupe_key=f"paying_added:{made.public_id}", payer_code=contract.payer_code
            )
            for holder in _who_may_end(contract):
                messages.put(
                    "paid_by_another",
                    holder,
                    organisation=here,
                    dedupe_key=f"paid_by_another:{made.public_id}:{holder.id}",
                    contract=contract.address or contract.payer_code,
                )
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
    return list(ThirdPartyPayer.select().where(_live(contract)).order_by(ThirdPartyPayer.id))


def end(account: Account, payer: ThirdPartyPayer) -> None:
    """Whoever has the contract ends that another account pays for it, which is told. Raises Refused where it has ended."""
    freezes.check(account)
    with unit_of_work():
        _end(payer, "holder", by=account)


def end_by_staff(payer: ThirdPartyPayer, *, reason: str, by: Staff) -> None:
    """End it for whoever asked, with a reason. Raises Refused."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    with unit_of_work():
        _end(payer, "staff", by=by, reason=reason.strip())


# ---- by what happens to the contract ------------------------------------------------------------------------------------


def pass_on(contract: Contract, opened_on: date) -> None:
    """The payer code has been another customer's from that local day on: who paid for the earlier one pays for nobody. Inside the block
    of the feed."""
    for payer in list(ThirdPartyPayer.select().where(_live(contract) & (ThirdPartyPayer.since_at < clock.first_moment(opened_on)))):
        _end(payer, "feed", by=events.SYSTEM)


def change_hands(contract: Contract, *, by: Staff) -> None:
    """Staff have said that the contract is another customer's. In their unit of work."""
    for payer in of(contract):
        _end(payer, "feed", by=by)


def attached(account: Account, contract: Contract) -> None:
    """The account has the contract itself from now on, with all its bills. In the unit of work that gives it."""
    for payer in list(ThirdPartyPayer.select().where(_live(contract) & (ThirdPartyPayer.account == account))):
        _end(payer, "attached", by=events.SYSTEM)


# ---- parts ------------------------------------------------------------------------------------------------------------


def _live(contract: Contract) -> Any:
    return (ThirdPartyPayer.contract == contract) & ThirdPartyPayer.ended_at.is_null()


def _who_may_end(contract: Contract) -> list[Account]:
    held = Membership.select(Membership, Account, AccessType).join(Account).switch(Membership).join(AccessType)
    live = (Membership.contract == contract) & Membership.until_at.is_null()
    return [one.account for one in held.where(live).order_by(Membership.id) if "contract.end_payer" in one.access_type.deeds]


def _end(payer: ThirdPartyPayer, ended_by: str, *, by: Account | Staff | str, reason: str = "") -> None:
    """It is paid for no more, and the payer is told, but of what they did themselves. Raises Refused where somebody was faster."""
    live = (ThirdPartyPayer.id == payer.id) & ThirdPartyPayer.ended_at.is_null()
    if not ThirdPartyPayer.update(ended_at=now(), ended_by=ended_by).where(live).execute():
        raise Refused(MEANWHILE)
    account = payer.account
    events.record("thirdpartypayer.ended", payer, by=by, account=account, ended_by=ended_by, reason=reason)
    if ended_by in ("holder", "staff", "feed"):
        messages.put(
            "paying_ended",
            account,
            organisation=account.organisation,
            dedupe_key=f"paying_ended:{payer.public_id}",
            payer_code=payer.contract.payer_code,
        )
