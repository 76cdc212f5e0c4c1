"""Who an account is of, as proven by a sign-in method, and the logins elsewhere that open it (K03, IB-08..11, T57-T60).

A proven person is found again by the digest of the personal code, a login elsewhere by its issuer and subject: never by an e-mail.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from peewee import IntegrityError

from models import N_, Account, Device, Identity, Organisation, Staff, now
from rules import confirmations, events, freezes, heads, keys, links, messages, own_contracts, personal_codes, sessions, settings
from rules.refusal import Refused
from rules.work import unit_of_work

OF_ANOTHER_ACCOUNT = N_(
    "Your identity is confirmed for another account of yours here. Sign in to that one; if you want the two joined, call {phone}."
)
OF_ANOTHER_PERSON = N_("This account is of somebody else: another person has confirmed who they are in it. If that is wrong, call {phone}.")
LINKED_ELSEWHERE = N_("This login is linked to another account already. Unlink it there first.")
ONE_OF_EACH = N_("Another login of this kind is linked to your account. Unlink it first.")
NOT_STRONG = N_("This way of signing in does not prove who you are. Choose another one.")
NOT_THERE = N_("This login is not linked any more")
NOT_ME_FOR = timedelta(days=14)  # how long the link works by which an account's owner takes away what somebody else has added
NOT_PROVEN_YET = N_(
    "Customer service has written down from your document who you are. Sign in once with your e-mail and password, and confirm it on the"
    " account page: then this opens your account too. If you have no account here, register with your e-mail and confirm it there."
)


@dataclass(frozen=True)
class Proven:
    """Somebody whose identity has been proven, and by what: `integrations.identity.Person`, as rules keep and compare it."""

    method: str
    scheme: str  # "PNO": a personal code of a state; "SUB": a subject of an issuer
    code: str
    country: str = ""
    issuer: str = ""
    first_name: str = ""
    last_name: str = ""
    born_on: date | None = None
    born_from: str = ""
    level: str = "high"
    document: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """By what the same one is found again."""
        if self.scheme == "PNO":
            return personal_codes.digest(self.country, self.code)
        return personal_codes.digest_of_login(self.issuer, self.code)

    @property
    def name(self) -> str:
        """First name and surname, as one writes them: certificates and the e-Government Gateway have them in capitals."""
        told = f"{self.first_name} {self.last_name}".strip()
        return (told.title() if told.isupper() else told)[:200]

    @property
    def is_strong(self) -> bool:
        """Whether it says who somebody is, and not only that it is the same one as before."""
        return self.scheme == "PNO" and self.level == "high"

    def sealed(self) -> str:
        """As it may wait in a row."""
        return keys.seal("proven", asdict(self) | {"born_on": self.born_on and self.born_on.isoformat()})


def unsealed(text: str) -> Proven:
    """Whom a row has waited for."""
    facts = keys.unseal("proven", text)
    return Proven(**facts | {"born_on": facts["born_on"] and date.fromisoformat(facts["born_on"])})


# What methods are called where nobody reads the configuration: in letters, in the backoffice.
TITLES = {
    "smart_id": "Smart-ID",
    "mobile_id": N_("Mobile-ID"),
    "viisp": N_("e-Government Gateway"),
    "seb": "SEB",
    "document": N_("a document shown to staff"),
}


def title(method: str) -> str:
    """What a method is called, to be translated."""
    return TITLES.get(method) or method.replace("_", " ").capitalize()


# ---- finding ----------------------------------------------------------------------------------------------------------


def find(organisation: Organisation, person: Proven) -> Identity | None:
    """What this person has confirmed here, or this login elsewhere was linked to."""
    same = (Identity.organisation == organisation) & (Identity.code_digest == person.digest) & Identity.ended_at.is_null()
    return Identity.get_or_none(same)


def known_device(organisation: Organisation, code_digest: str, secret: str | None) -> str:
    """The digest of this browser if it has opened the account of a person who has only said who they are, else empty (M05). One question,
    whether there is such a person or not (T47)."""
    digest = keys.digest("device", secret or "")
    same = (Identity.organisation == organisation) & (Identity.code_digest == code_digest) & Identity.ended_at.is_null()
    devices = Device.select(Device.id).join(Identity, on=Device.account == Identity.account).where(same & (Device.digest == digest))
    return digest if devices.exists() else ""


def of(account: Account) -> list[Identity]:
    """What opens an account besides its password: who it is of first, then logins elsewhere."""
    live = (Identity.account == account) & Identity.ended_at.is_null()
    return list(Identity.select().where(live).order_by(Identity.scheme, Identity.id))


def strong(account: Account) -> Identity | None:
    """Who an account is of."""
    return next((one for one in of(account) if one.scheme == "PNO"), None)


def is_proven(account: Account) -> bool:
    """Whether the customer has proven who the account is of, and not only staff seen a document."""
    known = strong(account)
    return known is not None and known.level != "desk"


# ---- confirming and linking -------------------------------------------------------------------------------------------


def confirm(account: Account, person: Proven, *, site_url: str = "", session: str | None = None) -> Identity:
    """Write down who an account is of (AG-10); with `site_url` its owner is told. The same person again is only noted. The first time
    every browser is signed out but the one of `session`, a secret: what the account may do has grown, and not for them (T50).

    Raises Refused for somebody else, and where the person has another account here: that is written down for staff, and nothing is
    joined by itself (T60)."""
    if not person.is_strong:
        raise Refused(NOT_STRONG)
    return _attach(account, person, site_url, session)


def link(account: Account, person: Proven, *, site_url: str = "", session: str | None = None) -> Identity:
    """Let a login elsewhere open an account (IB-11); other browsers are signed out. Raises Refused where it opens another, or another
    one of the same method opens this."""
    others = (Identity.account == account) & (Identity.method == person.method) & (Identity.code_digest != person.digest)
    if Identity.select().where(others & (Identity.scheme == "SUB") & Identity.ended_at.is_null()).exists():
        raise Refused(ONE_OF_EACH)
    return _attach(account, person, site_url, session)


def _attach(account: Account, person: Proven, site_url: str, session: str | None) -> Identity:
    known = find(account.organisation, person)
    # What staff have written down from a document for another account gives way: a person proves more than a document does.
    written_down = known if known is not None and known.level == "desk" and known.account_id != account.id else None
    if known is None or written_down is not None:
        if not _was_unlinked(account, person):
            freezes.check(account)
        try:
            with unit_of_work():
                sessions.end_all(account, but=session)
                if written_down is not None:
                    _yield(written_down, account, person)
                return attach(account, person, site_url=site_url)
        except IntegrityError:  # a moment earlier, from another window; or the account is of another person
            known = find(account.organisation, person)
    if known is not None and known.account_id == account.id:
        if known.level == "desk" and person.is_strong:
            return _prove(account, known, person, site_url, session)
        used(known, person.method)
        return known
    if known is None or written_down is not None:
        raise Refused(OF_ANOTHER_PERSON, phone=account.organisation.phone)
    if person.scheme == "SUB":
        raise Refused(LINKED_ELSEWHERE)
    with unit_of_work():
        events.record("identity.collided", account, by=account, method=person.method, other=known.account_id)
    raise Refused(OF_ANOTHER_ACCOUNT, phone=account.organisation.phone)


def is_new(account: Account, person: Proven) -> bool:
    """Whether this person, or login elsewhere, would open the account from now on: neither known to do so already, nor refused."""
    known = find(account.organisation, person)
    if known is not None:
        return known.level == "desk" and person.is_strong
    if freezes.is_frozen(account) and not _was_unlinked(account, person):
        return False
    return person.scheme == "SUB" or (person.is_strong and strong(account) is None)


def _yield(written_down: Identity, account: Account, person: Proven) -> None:
    """End it, in the unit of work in which its person is confirmed elsewhere; the account that had it is told, and staff look at both."""
    end(written_down, "proof", by=events.SYSTEM)
    events.record("identity.collided", account, by=account, method=person.method, other=written_down.account_id)
    had = written_down.account
    messages.put(
        "identity_yielded",
        had,
        organisation=had.organisation,
        dedupe_key=f"identity_yielded:{written_down.public_id}",
    )


def _was_unlinked(account: Account, person: Proven) -> bool:
    """Whether staff took away what this very person had proven: a freeze does not keep them from coming back."""
    same = (Identity.account == account) & (Identity.code_digest == person.digest) & (Identity.level == "high")
    return Identity.select().where(same & (Identity.ended_by == "staff")).exists()


def _prove(account: Account, identity: Identity, person: Proven, site_url: str, session: str | None) -> Identity:
    """What staff wrote down from a document, its holder has now proven from within the account: from now on it opens it."""
    freezes.check(account)
    at = now()
    facts = _kept(person) | {"confirmed_at": at, "last_used_at": at, "last_method": person.method}
    still = (Identity.id == identity.id) & (Identity.level == "desk") & Identity.ended_at.is_null()
    with unit_of_work():
        if not Identity.update(**facts).where(still).execute():
            raise Refused(NOT_THERE)
        sessions.end_all(account, but=session)
        events.record("identity.confirmed", account, by=account, method=person.method)
        heads.recognise(account)
        own_contracts.recognise(account)
        proven = Identity.get_by_id(identity.id)
        if site_url:
            _tell(account, proven, at, site_url)
    return proven


def attach(account: Account, person: Proven, *, site_url: str = "", by: Staff | None = None, reason: str = "") -> Identity:
    """Make the row, inside a unit of work; with `site_url` its owner is told. `by`: staff who saw a document, with a reason.
    Raises IntegrityError where the person, or the login, opens another account of the organisation, or the account is of another
    person."""
    at, is_person = now(), person.scheme == "PNO"
    row = Identity.create(
        organisation=account.organisation,
        account=account,
        code_digest=person.digest,
        code_sealed=personal_codes.seal(person.code) if is_person else "",
        confirmed_at=at,
        last_used_at=at,
        last_method=person.method,
        staff=by,
        **_kept(person),
    )
    if is_person:
        Account.update(identity_confirmed_at=at).where(Account.id == account.id).execute()
        account.identity_confirmed_at = at
        _call_by_name(account, person, by or account)
    if by is not None:
        events.record("identity.confirmed_by_staff", account, by=by, document=row.document, reason=reason)
    else:
        events.record("identity.confirmed" if is_person else "identity.linked", account, by=account, method=person.method)
    if person.is_strong:
        heads.recognise(account)
        own_contracts.recognise(account)
    if site_url:
        _tell(account, row, at, site_url)
    return row


def _call_by_name(account: Account, person: Proven, by: Account | Staff) -> None:
    """Where nobody was asked for a name, an account is called after its address until it is known who it is of (IB-49)."""
    before = account.name
    if person.name and before == account.email.partition("@")[0] and settings.of(account.organisation).signup_names == "none":
        account.name = person.name
        account.derive()
        named = {name: getattr(account, name) for name in ("name", "search_key", "sort_key")}
        Account.update(**named).where(Account.id == account.id).execute()
        events.record("account.details_changed", account, by=by, before={"name": before}, after={"name": account.name})


def _tell(account: Account, identity: Identity, at: datetime, site_url: str) -> None:
    """The letter to the account's owner, with a link that takes the identity away."""
    _, token = confirmations.link(
        "end_identity",
        organisation=account.organisation,
        address=account.email,
        until=at + NOT_ME_FOR,
        account=account,
        facts={"identity": identity.id, "way": title(identity.method)},
    )
    to: dict[str, Any] = {"organisation": account.organisation, "lane": messages.SOMEONE_WAITS}
    not_me_url, key = links.not_me(site_url, token), f"{identity.id}:{identity.level}"
    if identity.level == "desk":
        messages.put("identity_noted", account, dedupe_key=f"identity_noted:{key}", at=at.isoformat(), not_me_url=not_me_url, **to)
        return
    messages.put(
        "way_in_added",
        account,
        dedupe_key=f"way_in_added:{key}",
        way=title(identity.method),
        is_person=identity.scheme == "PNO",
        at=at.isoformat(),
        not_me_url=not_me_url,
        **to,
    )


def _kept(person: Proven) -> dict[str, Any]:
    """What is kept of whoever has been identified, as much of it as there is room for. A document's number that holds the personal code, as
    Smart-ID's does, is sealed with the evidence."""
    facts = {name: getattr(person, name) for name in KEPT}
    evidence = dict(person.evidence)
    if person.scheme == "PNO" and personal_codes.is_in(person.code, person.document):
        evidence["document"], facts["document"] = person.document, ""
    fitting = {name: value[: getattr(Identity, name).max_length] if isinstance(value, str) else value for name, value in facts.items()}
    return fitting | {"evidence_sealed": keys.seal("evidence", evidence) if evidence else ""}


KEPT = ("method", "scheme", "country", "first_name", "last_name", "born_on", "born_from", "level", "document")


def used(identity: Identity, method: str) -> None:
    """Note when and by what somebody was recognised last."""
    Identity.update(last_used_at=now(), last_method=method).where(Identity.id == identity.id).execute()


def unlink(account: Account, method: str, *, site_url: str = "", session: str | None = None) -> None:
    """Let a login elsewhere open the account no more. The password stays, and so a way in; every browser but that of `session` is signed
    out, and with `site_url` the owner is told. Raises Refused where it is gone already. Who an account is of, only staff take away."""
    freezes.check(account)
    live = (Identity.account == account) & (Identity.method == method) & (Identity.scheme == "SUB") & Identity.ended_at.is_null()
    with unit_of_work():
        if not Identity.update(ended_at=now(), ended_by="customer").where(live).execute():
            raise Refused(NOT_THERE)
        sessions.end_all(account, but=session)
        event = events.record("identity.unlinked", account, by=account, method=method)
        if site_url:
            messages.put(
                "way_in_ended",
                account,
                organisation=account.organisation,
                dedupe_key=f"way_in_ended:event:{event.id}",
                lane=messages.SOMEONE_WAITS,
                way=title(method),
                by_customer=True,
                sign_in_url=links.sign_in(site_url),
            )


def end(identity: Identity, ended_by: str, *, by: Any, reason: str = "") -> None:
    """An identity opens its account no more, and every browser is signed out. Inside a unit of work. Raises Refused where it is gone."""
    account = identity.account
    live = (Identity.id == identity.id) & Identity.ended_at.is_null()
    if not Identity.update(ended_at=now(), ended_by=ended_by).where(live).execute():
        raise Refused(NOT_THERE)
    if identity.scheme == "PNO":
        Account.update(identity_confirmed_at=None).where(Account.id == account.id).execute()
        heads.forget(account, by=by)
    sessions.end_all(account)
    events.record("identity.ended", account, by=by, method=identity.method, ended_by=ended_by, reason=reason)


def find_not_me(organisation: Organisation, token: str) -> str:
    """What the method is called that a letter's link takes away. Opening it changes nothing. Raises Refused where it is over."""
    return str(confirmations.find("end_identity", token, organisation).facts["way"])


def end_by_link(organisation: Organisation, token: str) -> None:
    """Take away what somebody else has added to an account, by the link that only its owner got. Every session ends. Raises Refused."""
    row = confirmations.find("end_identity", token, organisation)
    identity = Identity.get_by_id(row.facts["identity"])
    with unit_of_work():
        confirmations.use(row)
        end(identity, "customer", by=identity.account)
