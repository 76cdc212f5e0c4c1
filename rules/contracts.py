"""Which contracts an account holds: adding one by what the bill shows, with the brakes of T14; what its access allows."""

import hmac
import unicodedata
from typing import Any

from peewee import IntegrityError

from models import N_, AccessType, Account, Contract, Invoice, Membership, Organisation, Provider, Staff
from rules import access, clock, events, limits, messages, settings
from rules.refusal import Refused
from rules.work import unit_of_work

# Wrong tries a day for one payer code, one account, one network; in an organisation a day before everyone must know more, and
# an hour before nobody can try (T14).
PER_CODE, PER_ACCOUNT, PER_SOURCE, BEFORE_TOTAL, BEFORE_PAUSE = 3, 5, 5, 50, 300

# One sentence for every wrong combination: nobody learns which half of it was right.
NO_MATCH = N_("We found no contract with these details. Copy them from your bill exactly as printed, with every space and dash.")
TOO_MANY = N_("There were too many wrong tries today. Try again tomorrow, or contact us and we will add it for you: {contact}.")
PAUSED = N_("Adding is paused for up to an hour, because somebody is trying wrong codes. Everything else works as usual.")
HELD = N_("You have already added this: {place}.")


def held(account: Account) -> list[Membership]:
    """The contracts of an account with provider and access type, in the order of their addresses."""
    return list(
        Membership.within(account)
        .select(Membership, Contract, Provider, AccessType)
        .join(Contract)
        .join(Provider)
        .switch(Membership)
        .join(AccessType)
        .order_by(Contract.sort_key, Contract.id)
    )


def providers(organisation: Organisation) -> list[Provider]:
    """Who bills for an organisation, by name (CV-11)."""
    return list(Provider.select().where(Provider.organisation == organisation).order_by(Provider.sort_key, Provider.id))


# ---- adding a contract ------------------------------------------------------------------------------------------------


def asks_total(organisation: Organisation) -> bool:
    """Whether so many wrong codes were tried today that everyone must know the total of their last bill too."""
    return limits.used("attach-day", str(organisation.id)) >= BEFORE_TOTAL


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

    Raises Refused as `claim` does. Its counts must outlive that: nothing around this call may be rolled back for a refusal.
    """
    contract = claim(
        account.organisation,
        provider=provider,
        payer_code=payer_code,
        invoice_number=invoice_number,
        source=source,
        invoice_total_cents=invoice_total_cents,
        account=account,
    )
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
    Raises Refused: something is missing, the account has it, too many tries, no such combination, the contract has ended.
    """
    rules = settings.of(organisation)
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
        raise _no_match(payer_code)
    for what, who in counted:
        limits.give_back(what, who)
    contract = proven[0]
    if contract.ended_on is not None and contract.ended_on <= clock.today():
        raise Refused(
            N_("This contract ended on {ended_on}, so it can no longer be added."), field="payer_code", ended_on=contract.ended_on
        )
    return contract


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
    everyone, contact = str(organisation.id), organisation.phone or organisation.email or organisation.name
    brakes = [("attach-source", source, PER_SOURCE)]
    if account is not None:
        brakes.append(("attach-account", str(account.id), PER_ACCOUNT))
    brakes.append(("attach-code", f"{everyone}:{payer_code}", PER_CODE))
    if not all(limits.spend(what, who, most, limits.DAY) for what, who, most in brakes):
        raise Refused(TOO_MANY, contact=contact)
    limits.count("attach-day", everyone, limits.DAY)
    if not limits.spend("attach-hour", everyone, BEFORE_PAUSE, limits.HOUR):
        raise Refused(PAUSED)
    return [(what, who) for what, who, _ in brakes] + [("attach-day", everyone), ("attach-hour", everyone)]


def _is_proven(contract: Contract | None, invoice_number: str | None, total_cents: int | None) -> bool:
    """Whether what is asked beside the payer code fits one of the contract's two newest bills."""
    bills = (
        Invoice.select(Invoice.number, Invoice.total_cents, Invoice.payable_cents)
        .where((Invoice.contract == (contract.id if contract else 0)) & (Invoice.kind == "invoice"))
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


def _no_match(payer_code: str) -> Refused:
    hint = look_again(payer_code)
    if hint is None:
        return Refused(NO_MATCH, field="payer_code")
    return Refused("{no_match} {hint}", field="payer_code", no_match=NO_MATCH, hint=hint)


def look_again(payer_code: str) -> str | None:
    """What may be wrong with a code, told from the typed characters alone: nobody else's row is looked at (M06)."""
    if payer_code != payer_code.strip():
        return N_("The payer code you typed begins or ends with a space.")
    if any(not c.isascii() and c.isalpha() for c in payer_code):
        return N_("The payer code you typed has a letter that only looks like an English one, or an accent: type it anew.")
    if any(not c.isascii() and unicodedata.category(c)[0] in "ZPC" for c in payer_code):
        return N_("The payer code you typed has a space or dash of another kind, as pasted text often has: type it anew.")
    if payer_code != payer_code.upper():
        return N_("The payer code you typed has small letters: check whether the bill has capital ones.")
    return None


def grant(account: Account, contract: Contract) -> Membership:
    """Give an account the contract that it has just proven, with the access that the organisation gives (K26). Raises Refused
    where it has it."""
    name = settings.of(account.organisation).claim_access
    kind = AccessType.get(organisation=account.organisation_id, name=name)
    place = contract.address or contract.payer_code
    try:
        with unit_of_work():
            others = _holders(contract, but=account)
            membership = Membership.create(organisation=account.organisation_id, account=account, contract=contract, access_type=kind)
            events.record("contract.attached", contract, by=account, account=account, access_type=name)
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
    return membership


def _holders(contract: Contract, *, but: Account) -> list[Account]:
    live = (Membership.contract == contract) & Membership.until_at.is_null() & (Membership.account != but)
    return list(Account.select().join(Membership).where(live).order_by(Account.id))


# ---- what the access allows -------------------------------------------------------------------------------------------


def change_access_type(membership: Membership, *, access_type: str, reason: str, by: Staff) -> None:
    """Give an account another access type on a contract, by name; it is told by mail. Raises Refused where it is not for staff
    to give, is the same, or the access has ended meanwhile."""
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    kind = AccessType.get_or_none(organisation=membership.organisation_id, name=access_type)
    if kind is None or access_type not in access.GRANTABLE_TYPES:
        raise Refused(N_("Select an access type"), field="access_type")
    old = membership.access_type
    if old.id == kind.id:
        raise Refused(N_("The access type is this already: nothing was changed."), field="access_type")
    with unit_of_work():
        # Whoever changed it since this page was opened was faster.
        unchanged = (Membership.id == membership.id) & (Membership.access_type == old) & Membership.until_at.is_null()
        if not Membership.update(access_type=kind).where(unchanged).execute():
            raise Refused(N_("This access has been changed by somebody else meanwhile. Look at it again."))
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
    membership.access_type = kind
