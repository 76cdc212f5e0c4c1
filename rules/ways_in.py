"""A new way into an account: who knows its password alone adds none, unless the account's own mailbox agrees (T48, T50, decision 45)."""

from datetime import timedelta

from models import N_, Account, Confirmation, IdentityFlow, now
from rules import buyers, confirmations, identities, identity_flows, limits, links, messages, registration, settings
from rules.identities import Proven
from rules.refusal import Refused
from rules.work import unit_of_work

CONFIRMED_LATELY = timedelta(minutes=30)
LETTERS, LETTERS_IN_ALL = 5, 15  # a day, to one account: as asked for from one network, which alone keeps nobody else's away, and in all
ADDRESS_FIRST = N_("First, confirm your e-mail address: open the link in the letter that we have sent you.")
PAUSED = N_("Codes by mail are paused just now, because somebody tries to guess them. Try again in an hour.")


def asks_code(flow: IdentityFlow, account: Account, *, is_known: bool) -> bool:
    """Whether a code from the account's mail is wanted before whom this flow has identified opens the account too.

    The first time only; not where the address was confirmed a moment ago, where the person has the name by which the account is
    known, or where it `is_known` by a strong proof that its owner asks.
    """
    person = identity_flows.person(flow)
    if is_known or flow.facts.get("is_agreed") or not identities.is_new(account, person):
        return False
    return account.email_confirmed_at < now() - CONFIRMED_LATELY and not _is_namesake(person, account)


def _is_namesake(person: Proven, account: Account) -> bool:
    return person.is_strong and bool(person.name) and buyers.is_named(person.name, account.name)


def add(flow: IdentityFlow, account: Account, *, is_known: bool, browser: str, source: str, site_url: str, session: str | None) -> bool:
    """Confirm who the account is of, or link a login elsewhere to it, as the flow was begun for (AG-10, IB-11). False where a code was
    sent instead: once it is typed, this is asked again. `browser` is the secret that flows are bound to, `source` the network, `session`
    what stays signed in. Raises Refused; what is counted must stay."""
    check_address(account)
    if asks_code(flow, account, is_known=is_known):
        send_code(flow, account, browser=browser, source=source, site_url=site_url)
        return False
    do = identities.confirm if flow.purpose == "confirm" else identities.link
    do(account, identity_flows.use(flow), site_url=site_url, session=session)
    return True


def check_address(account: Account) -> None:
    """Who opened an account with an address that nobody has confirmed becomes nobody in it: it may be another's (T10). Raises Refused."""
    if account.email_confirmed_at is None:
        raise Refused(ADDRESS_FIRST)


def waiting(flow: IdentityFlow, browser: str) -> Confirmation | None:
    """The code that this browser's flow waits for."""
    return confirmations.waiting("add_way_in", _key(flow, browser), flow.organisation)


def send_code(flow: IdentityFlow, account: Account, *, browser: str, source: str, site_url: str) -> None:
    """Mail a code to the account's address, the one before is worth nothing (T44). Raises Refused; what is counted must stay."""
    identity_flows.person(flow)
    if confirmations.are_codes_paused():
        raise Refused(PAUSED)
    for whose, most in ((f"{account.id}:{source}", LETTERS), (str(account.id), LETTERS_IN_ALL)):
        if not limits.spend("way-in-letter", whose, most, limits.DAY):
            raise Refused(registration.TOO_MANY_LETTERS)
    rules = settings.of(account.organisation)
    with unit_of_work():
        row, secret = confirmations.code(
            "add_way_in",
            _key(flow, browser),
            organisation=account.organisation,
            address=account.email,
            digits=rules.code_digits,
            minutes=rules.code_minutes,
            facts={"account": account.id},
        )
        flow.expires_at = row.expires_at
        flow.save(only=[IdentityFlow.expires_at])
        messages.put(
            "way_in_code",
            account,
            organisation=account.organisation,
            dedupe_key=f"way_in_code:{row.id}:{(row.code_digest or '')[:16]}",
            lane=messages.SOMEONE_WAITS,
            way=identities.title(flow.method),
            code=secret,
            minutes=rules.code_minutes,
            reset_url=links.forgotten_password(site_url),
        )


def check_code(flow: IdentityFlow, account: Account, typed: str, *, browser: str) -> None:
    """Take the code: the account's mailbox agrees. Raises Refused; what is counted must stay."""
    identity_flows.person(flow)
    row = waiting(flow, browser)
    if row is None:
        raise Refused(identity_flows.OVER)
    confirmations.check_code(row, _key(flow, browser), "".join(typed.split()), most=settings.of(account.organisation).code_tries)
    with unit_of_work():
        confirmations.use(row)
        flow.facts |= {"is_agreed": True}
        flow.save(only=[IdentityFlow.facts])


def _key(flow: IdentityFlow, browser: str) -> str:
    return f"{browser}:{flow.public_id}"
