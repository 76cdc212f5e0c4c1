"""Who somebody is, as staff have seen in a document; and identities that open an account no more, because staff say so (T60, T41).

One of staff can be deceived, or deceive. So a document opens nothing (level "desk"): the account's holder, signed in, must prove the
same person by a method first. And a strong identity that staff unlink freezes the account for three days.
"""

import re

from peewee import IntegrityError
from stdnum.lt import asmens

from models import N_, Account, Identity, Staff, now
from rules import freezes, identities, links, messages, personal_codes
from rules.identities import Proven
from rules.refusal import Refused
from rules.work import unit_of_work

DOCUMENT = "document"  # the method's name
REASON = N_("Enter the reason")
SAME = N_("This account is of this person already.")
OF_ANOTHER_PERSON = N_("This account is of another person already. Unlink that identity first, if it is wrong.")
OF_ANOTHER_ACCOUNT = N_(
    "This person has another account here: {name}, {email}. Nothing was changed. Unlink the identity there, if it is to be here."
)
FROZEN = N_("What opens this account was changed less than three days ago. Its identity stays until {until_at}.")
WANTED = {
    "first_name": N_("Enter the first name"),
    "last_name": N_("Enter the surname"),
    "document": N_("Enter which document you have seen"),
    "reason": REASON,
}


def confirm(
    account: Account,
    *,
    first_name: str,
    last_name: str,
    country: str,
    personal_code: str,
    document: str,
    reason: str,
    by: Staff,
    site_url: str,
) -> Identity:
    """Write down who an account is of, from a document that staff hold in their hands. The customer is told. It neither opens the
    account nor makes anybody a head. Raises Refused: for what cannot be a code, where the account is of another person, and where the
    person has another account here (never joined by itself)."""
    country = country.strip().upper()
    if not re.fullmatch("[A-Z]{2}", country):
        raise Refused(N_("Enter the two letters of the state, such as LT"), field="country")
    for field, value in (("first_name", first_name), ("last_name", last_name), ("document", document), ("reason", reason)):
        if not value.strip():
            raise Refused(WANTED[field], field=field)
    code = personal_codes.checked(personal_code, country)
    person = Proven(
        method=DOCUMENT,
        scheme="PNO",
        code=code,
        country=country,
        first_name=first_name.strip()[:100],
        last_name=last_name.strip()[:100],
        born_on=asmens.get_birth_date(code) if country == "LT" else None,
        born_from="code" if country == "LT" else "",
        level="desk",
        document=document.strip()[:200],
    )
    freezes.check(account)
    _refuse_known(account, person)
    try:
        with unit_of_work():
            made = identities.attach(account, person, site_url=site_url, by=by, reason=reason.strip())
    except IntegrityError:  # a moment earlier somebody else did
        _refuse_known(account, person)
        raise
    return made


def _refuse_known(account: Account, person: Proven) -> None:
    known = identities.find(account.organisation, person)
    if known is not None and known.account_id == account.id:
        raise Refused(SAME, field="personal_code")
    if known is not None:
        raise Refused(OF_ANOTHER_ACCOUNT, field="personal_code", name=known.account.name, email=known.account.email)
    if identities.strong(account) is not None:
        raise Refused(OF_ANOTHER_PERSON, field="personal_code")


def unlink(identity: Identity, *, reason: str, by: Staff, site_url: str) -> None:
    """Let an identity open its account no more: it was somebody else's, or the customer asks. Every session ends and the customer is
    told. Where the customer had proven it, the account is frozen. Raises Refused without a reason, where it has ended, and while the
    account is frozen: then only for what came after that began."""
    if not reason.strip():
        raise Refused(REASON, field="reason")
    account = identity.account
    with unit_of_work():
        if identity.level == "high":
            if freezes.is_frozen(account) and identity.confirmed_at < account.frozen_until - freezes.LASTS:
                raise Refused(FROZEN, until_at=account.frozen_until)
            freezes.begin(account, now())
        identities.end(identity, "staff", by=by, reason=reason.strip())
        messages.put(
            "way_in_ended",
            account,
            organisation=account.organisation,
            dedupe_key=f"way_in_ended:{identity.public_id}",
            lane=messages.SOMEONE_WAITS,
            way=identities.title(identity.method),
            by_customer=False,
            sign_in_url=links.sign_in(site_url),
        )
