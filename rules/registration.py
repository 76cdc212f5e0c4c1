"""How someone becomes a customer: what each organisation asks, and how the e-mail is confirmed (K01, T10, T47).

The answer is the same, with the same work behind it, whether the address has an account or not: only its mail tells. What waits
to be confirmed waits in a `Confirmation`, the password already hashed; an account is there from the moment it is confirmed.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import IntegrityError

from models import N_, PERSON_TYPES, Account, Confirmation, Contract, IdentityFlow, Invitation, Organisation, Provider, now
from rules import (
    confirmations,
    consents,
    contracts,
    details,
    events,
    identities,
    identity_flows,
    invitations,
    keys,
    limits,
    links,
    messages,
    own_contracts,
    proof,
    settings,
)
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

# Letters to one address a day, registrations from one network an hour.
LETTERS, FROM_A_NETWORK = 5, 30
PASSWORD_TRIES = 5

TOO_MANY_LETTERS = N_("We have sent as many letters to this address today as we may. Look for the last one, or try again tomorrow.")
TOO_MANY_HERE = N_("There were too many requests from your network. Try again in an hour.")
TAKEN = N_("This address has an account by now. Sign in, or set a new password.")
BEGIN_AGAIN = N_("This registration is no longer waiting. Register again.")
NOT_YOUR_PASSWORD = N_("This is not the password that was chosen when registering")


@dataclass(frozen=True)
class Claim:
    """The contract that someone who registers wants to add at once (CV-11..13)."""

    provider: Provider | None
    payer_code: str
    invoice_number: str | None = None


class Outcome(NamedTuple):
    """What comes next: "code" or "link" is in the mail, "none": one can sign in. `problem` is why the contract was not added."""

    step: str
    problem: Refused | None = None


# ---- registering ------------------------------------------------------------------------------------------------------


def register(
    organisation: Organisation,
    *,
    person_type: str,
    name: str | None,
    email: str,
    phone: str | None,
    password: str,
    consents_given: set[int],
    language: str,
    site_url: str,
    source: str,
    flow: str,
    claim: Claim | None = None,
    invitation: Invitation | None = None,
    proven: IdentityFlow | None = None,
) -> Outcome:
    """Take a registration. `flow` is a secret of this browser; `name` and `phone` are None where the organisation asks none,
    `consents_given` are ids of `ConsentText` rows. With an `invitation` (IB-45) its place in the company comes with the confirmed
    address, which must be the invited one; a phone number is asked in any case. Who has `proven` who they are has that name, gives a
    phone number too (IB-37), and their account is theirs alone from the moment it opens (IB-39).

    Raises Refused for anything that cannot be used, and when too much is sent to the address or from the network: the same for an
    address with an account and without.
    """
    rules = settings.of(organisation)
    person = identity_flows.person(proven) if proven is not None else None
    if person is not None:
        person_type = "natural"
    elif person_type not in dict(PERSON_TYPES) or rules.person_types not in ("both", person_type):
        raise Refused(N_("Select who you are"), field="person_type")
    address = details.address(email)
    details.refuse_public_mail(organisation, address)
    if person is not None and person.name:
        known_as = person.name
    else:
        known_as = details.name(name or "") if rules.signup_names != "none" else address.partition("@")[0]
    number = details.phone(phone or "") if rules.signup_phone or invitation or person else ""
    if invitation is not None:
        invitations.check_address(invitation, address)
    details.check_password(organisation, password, email=address)
    agreed = consents.check(organisation, consents_given)
    if not limits.spend("register", f"{organisation.id}:{source}", FROM_A_NETWORK, limits.HOUR):
        raise Refused(TOO_MANY_HERE)
    _spend_letter(organisation, address)
    applicant = {
        "person_type": person_type,
        "name": known_as,
        "email": address,
        "phone": number,
        "language": language,
        "password_hash": keys.hash_password(password),
        "consents": [text.id for text in agreed],
        "claim": {"provider": claim.provider and claim.provider.id, "code": claim.payer_code, "number": claim.invoice_number}
        if claim
        else None,
        "invitation": invitation and str(invitation.public_id),
        "person": person and person.sealed(),
    }
    if rules.signup_confirm == "none":
        contract, problem = _look_for(organisation, claim, source)
        with unit_of_work():
            if proven is not None:
                identity_flows.use(proven)
            _open_at_once(organisation, applicant, contract, problem, site_url)
        return Outcome("none", problem)
    step = "link" if confirmations.are_codes_paused() else rules.signup_confirm
    with unit_of_work():
        if proven is not None:
            identity_flows.use(proven)
        taken = is_taken(organisation, address)
        # Where there is an account the same row is made, for the same time and the same page after it, and leads nowhere.
        waits = {} if taken else applicant
        if step == "code":
            row, secret = confirmations.code(
                "register",
                flow,
                organisation=organisation,
                address=address,
                facts=waits,
                digits=rules.code_digits,
                minutes=rules.code_minutes,
            )
            _mail_code(row, secret, organisation, address, language, site_url)
        else:
            _send_link(organisation, address, waits, language, flow, site_url)
    return Outcome(step)


def is_taken(organisation: Organisation, address: str, *, but: Account | None = None) -> bool:
    """Whether the address opens an account here other than `but`, or opened one until so lately that it may be taken back (M04)."""
    key = address.casefold()
    kept = (
        (Confirmation.organisation == organisation)
        & (Confirmation.address == key)
        & (Confirmation.purpose == "undo_email")
        & Confirmation.used_at.is_null()
        & (Confirmation.expires_at > now())
    )
    opens = (Account.organisation == organisation) & (Account.email_key == key)
    if but is not None:
        kept, opens = kept & (Confirmation.account != but), opens & (Account.id != but.id)
    is_account = Account.select().where(opens).exists()
    return Confirmation.select().where(kept).exists() or is_account


def _spend_letter(organisation: Organisation, address: str) -> None:
    if not limits.spend("register-letter", f"{organisation.id}:{address.casefold()}", LETTERS, limits.DAY):
        raise Refused(TOO_MANY_LETTERS, field="email")


def _mail_code(row: Confirmation, secret: str, organisation: Organisation, address: str, language: str, site_url: str) -> None:
    if not row.facts:
        return _mail_taken(row, organisation, address, language, site_url)
    messages.put(
        "confirm_by_code",
        address,
        organisation=organisation,
        dedupe_key=f"confirm_by_code:{row.id}:{(row.code_digest or '')[:16]}",
        lane=messages.SOMEONE_WAITS,
        language=language,
        code=secret,
        minutes=settings.of(organisation).code_minutes,
    )
    return None


def _send_link(organisation: Organisation, address: str, waits: dict[str, Any], language: str, flow: str, site_url: str) -> None:
    hours = settings.of(organisation).link_hours
    facts = waits and {**waits, "flow": keys.digest("flow", flow)}
    row, token = confirmations.link(
        "register", organisation=organisation, address=address, until=now() + timedelta(hours=hours), facts=facts
    )
    if not waits:
        return _mail_taken(row, organisation, address, language, site_url)
    messages.put(
        "confirm_by_link",
        address,
        organisation=organisation,
        dedupe_key=f"confirm_by_link:{row.id}",
        lane=messages.SOMEONE_WAITS,
        language=language,
        url=links.confirm_registration(site_url, token),
        hours=hours,
    )
    return None


def _mail_taken(row: Confirmation, organisation: Organisation, address: str, language: str, site_url: str) -> None:
    messages.put(
        "already_registered",
        address,
        organisation=organisation,
        dedupe_key=f"already_registered:{row.id}",
        lane=messages.SOMEONE_WAITS,
        language=language,
        sign_in_url=links.sign_in(site_url),
        reset_url=links.forgotten_password(site_url),
    )


def _open_at_once(
    organisation: Organisation, applicant: dict[str, Any], contract: Contract | None, problem: Refused | None, site_url: str
) -> None:
    """Open the account without waiting for its address (CV-15). Signing in then tells whether an address was free: the one
    documented exception. The contract was looked for either way, so that its answer is the same."""
    address, language = applicant["email"], applicant["language"]
    hours = settings.of(organisation).link_hours
    try:
        with unit_of_work():
            account = None if is_taken(organisation, address) else _open(organisation, applicant, by_mail_at=None)
            row, token = confirmations.link(
                "confirm_email", organisation=organisation, address=address, until=now() + timedelta(hours=hours), account=account
            )
            if account is None:
                _mail_taken(row, organisation, address, language, site_url)
            else:
                _mail_confirm(row, token, account, hours, site_url)
                if contract is not None:
                    contracts.grant(account, contract)
                if isinstance(problem, proof.NotFound):
                    proof.keep_try(account, problem)
    except IntegrityError:
        # The same address, a moment earlier, from another window: answered as if it had been there before.
        _open_at_once(organisation, applicant, None, None, site_url)


def _look_for(organisation: Organisation, claim: Claim | None, source: str) -> tuple[Contract | None, Refused | None]:
    if claim is None:
        return None, None
    try:
        contract = contracts.claim(
            organisation, provider=claim.provider, payer_code=claim.payer_code, invoice_number=claim.invoice_number, source=source
        )
    except Refused as no:
        return None, no
    return contract, None


def _open(organisation: Organisation, applicant: dict[str, Any], *, by_mail_at: datetime | None) -> Account:
    """Make the account, inside the unit of work that ends the waiting. Raises IntegrityError where the address has one, Refused where
    the person has one by now."""
    account = Account.create(
        organisation=organisation,
        email_confirmed_at=by_mail_at,
        **{name: applicant[name] for name in ("person_type", "name", "email", "phone", "language", "password_hash")},
    )
    agreed = [text for text in consents.asked(organisation) if text.id in applicant["consents"]]
    consents.give(account, agreed)
    agreements = [f"{text.kind} {text.edition}" for text in agreed]
    events.record("account.registered", account, by=account, person_type=account.person_type, consents=agreements)
    if applicant.get("person"):
        identities.confirm(account, identities.unsealed(applicant["person"]))
    return account


# ---- confirming -------------------------------------------------------------------------------------------------------


def waiting(organisation: Organisation, flow: str) -> Confirmation | None:
    """The registration of this browser that waits for its code."""
    return confirmations.waiting("register", flow, organisation)


def confirm_code(organisation: Organisation, flow: str, typed: str, *, source: str) -> Outcome:
    """Open the account whose code this is, typed in the browser that registered (IB-38, T45).

    Raises Refused for a wrong code or one that is over. What is counted must stay: nothing around this call may be rolled back.
    """
    row = waiting(organisation, flow)
    if row is None:
        raise Refused(BEGIN_AGAIN)
    confirmations.check_code(row, flow, "".join(typed.split()), most=settings.of(organisation).code_tries)
    if not row.facts:
        raise Refused(confirmations.WRONG_CODE, field="code")  # guessed for an address that has an account: no mail had it
    return _confirm(organisation, row, source)


def send_code_again(organisation: Organisation, flow: str, *, language: str, site_url: str) -> str:
    """Send a new code, the one before is worth nothing; while codes are paused, a link. Returns which. Raises Refused."""
    row, rules = waiting(organisation, flow), settings.of(organisation)
    if row is None:
        raise Refused(BEGIN_AGAIN)
    address = row.facts.get("email", row.address)
    _spend_letter(organisation, address)
    with unit_of_work():
        if confirmations.are_codes_paused():
            facts = row.facts
            row.delete_instance()
            _send_link(organisation, address, facts, language, flow, site_url)
            return "link"
        secret = confirmations.code_again(row, flow, digits=rules.code_digits, minutes=rules.code_minutes)
        _mail_code(row, secret, organisation, address, language, site_url)
        return "code"


def asks_password(organisation: Organisation, token: str, flow: str | None) -> bool:
    """Whether the link of a registration was opened in another browser than the one that registered. Then the password chosen
    there is asked: else whoever registers another's address would only have to wait for its owner to follow the link (T10).
    Raises Refused where the link is over."""
    row = confirmations.find("register", token, organisation)
    return not flow or row.facts.get("flow") != keys.digest("flow", flow)


def confirm_link(organisation: Organisation, token: str, *, flow: str | None, password: str, source: str) -> Outcome:
    """Open the account whose link this is (IR-07, PS-03). Raises Refused for a link that is over, or a wrong password where it is
    asked; the tries of that are counted, so nothing around this call may be rolled back."""
    row = confirmations.find("register", token, organisation)
    if asks_password(organisation, token, flow):
        confirmations.spend_try(row, PASSWORD_TRIES, confirmations.OVER)
        if not keys.is_password(row.facts.get("password_hash"), password):
            raise Refused(NOT_YOUR_PASSWORD, field="password")
    return _confirm(organisation, row, source)


def _confirm(organisation: Organisation, row: Confirmation, source: str) -> Outcome:
    applicant, at = row.facts, now()
    try:
        with unit_of_work():
            confirmations.use(row)
            account = _open(organisation, applicant, by_mail_at=at)
            events.record("account.email_confirmed", account, by=account, address=account.email)
    except IntegrityError:
        # The address confirmed another registration meanwhile. Whoever reads its mail may know.
        raise Refused(TAKEN) from None
    if applicant.get("invitation"):
        return Outcome("none", _take_place(account, uuid.UUID(applicant["invitation"])))
    if not applicant["claim"]:
        return Outcome("none")
    wanted = applicant["claim"]
    provider = Provider.get_or_none((Provider.id == wanted["provider"]) & (Provider.organisation == organisation))
    try:
        contracts.attach(account, provider=provider, payer_code=wanted["code"], invoice_number=wanted["number"], source=source)
    except Refused as no:
        return Outcome("none", no)
    return Outcome("none")


def _take_place(account: Account, invitation: uuid.UUID) -> Refused | None:
    """The place in a company that a letter offered; why not, where it may not be taken yet or no more."""
    try:
        invitations.accept(account, invitations.one_to(account, invitation))
    except Refused as no:
        return no
    except Missing:
        return Refused(invitations.OVER)
    return None


# ---- the address of an account that was opened without it (CV-15) -----------------------------------------------------


def send_confirmation(account: Account, *, site_url: str) -> None:
    """Send the link that confirms the account's address once more. Raises Refused where it is confirmed, or was sent too often."""
    if account.email_confirmed_at is not None:
        raise Refused(N_("Your e-mail address is confirmed already"))
    _spend_letter(account.organisation, account.email)
    hours = settings.of(account.organisation).link_hours
    with unit_of_work():
        confirmations.end(account, "confirm_email")
        row, token = confirmations.link(
            "confirm_email", organisation=account.organisation, address=account.email, until=now() + timedelta(hours=hours), account=account
        )
        _mail_confirm(row, token, account, hours, site_url)


def confirm_email(organisation: Organisation, token: str, *, viewer: Account | None, password: str) -> Account:
    """Confirm an account's address. Whoever is not signed in to that account gives its password (T10). Raises Refused."""
    row, at = confirmations.find("confirm_email", token, organisation), now()
    account = row.account
    if account is None:
        raise Refused(confirmations.OVER)
    if viewer is None or viewer.id != account.id:
        confirmations.spend_try(row, PASSWORD_TRIES, confirmations.OVER)
        if not keys.is_password(account.password_hash, password):
            raise Refused(NOT_YOUR_PASSWORD, field="password")
    with unit_of_work():
        confirmations.use(row)
        Account.update(email_confirmed_at=at).where(Account.id == account.id).execute()
        events.record("account.email_confirmed", account, by=account, address=account.email)
        account.email_confirmed_at = at
        own_contracts.recognise(account)
    return account


def _mail_confirm(row: Confirmation, token: str, account: Account, hours: int, site_url: str) -> None:
    messages.put(
        "confirm_by_link",
        account,
        organisation=account.organisation,
        dedupe_key=f"confirm_by_link:{row.id}",
        lane=messages.SOMEONE_WAITS,
        url=links.confirm_email(site_url, token),
        hours=hours,
    )
