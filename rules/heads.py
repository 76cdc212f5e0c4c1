"""Who heads a company: what the register says, or staff from a document, and what follows for rights at once (IB-15, IB-31..IB-34).

Nobody else makes a head or ends one. A person is found by the digest of the personal code, whichever of the account and the company
was known first: the register's word finds the account, and a strong sign-in finds the company (IB-39, IR-06).
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Protocol

from peewee import IntegrityError

from models import (
    N_,
    AccessType,
    Account,
    Company,
    Head,
    Identity,
    Invitation,
    Message,
    Organisation,
    Representative,
    Staff,
    database,
    digest,
    now,
)
from rules import access, companies, events, holding, messages, personal_codes, sessions
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

LESS = "authorised_person"  # what a head becomes whom the register does not name, and names nobody else (IB-33)
KNOWN = N_("{name} heads {company} already.")
OWN_BUSINESS = N_("This is a person's own business: nobody heads it but that person.")
BY_REGISTER = N_("The register names this head: only the register ends it.")


class Person(Protocol):
    """A head as a register names one; without a code nobody can be recognised as them."""

    @property
    def code(self) -> str: ...
    @property
    def country(self) -> str: ...
    @property
    def first_name(self) -> str: ...
    @property
    def last_name(self) -> str: ...
    @property
    def since_on(self) -> date | None: ...
    def is_head(self, day: date, /) -> bool: ...


class Said(Protocol):
    """What a register says of one company; `heads` None: nothing of heads, `status` None: nothing of its legal status."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def heads(self) -> Sequence[Person] | None: ...
    @property
    def status(self) -> str | None: ...


# ---- what a register says ---------------------------------------------------------------------------------------------


def ending(company: Company, said: Said, day: date) -> list[Head]:
    """Which heads would head the company no more if this were taken for true on that local day."""
    return [head for head, _becomes in _ending(live(company), said, day)]


def _ending(heads: Iterable[Head], said: Said, day: date) -> list[tuple[Head, bool]]:
    """Whom it ends, and whether they stay as authorised persons: who was not named any more while nobody else is (IB-33)."""
    if said.heads is None:
        return []
    named, over = _named(said.heads, day), {_digest(person) for person in said.heads if person.code}
    is_headed = any(person.is_head(day) for person in said.heads)
    gone = []
    for head in heads:
        # A document may be newer than the register: then only what the register says of this very person ends it.
        if head.code_digest not in named and (head.source != "staff" or head.code_digest in over):
            gone.append((head, not is_headed and head.code_digest not in over))
    return gone


def take(company: Company, said: Said, *, source: str, day: date) -> int:
    """Take what a register says of a company for true on that local day: rows, rights, sessions and mail in one transaction. Returns
    how many heads began, ended or changed; the same again: none."""
    with unit_of_work():
        companies.lock([company.id])
        at = now()
        _say_company(company, said)
        if said.heads is None:
            return 0
        known = {head.code_digest: head for head in live(company)}
        gone = _ending(known.values(), said, day)
        for head, becomes in gone:
            _end(head, becomes=becomes, by=events.SYSTEM)
        changed = len(gone)
        for code_digest, person in _named(said.heads, day).items():
            before = known.get(code_digest)
            if before is None:
                made = _begin(company, person, source=source, by=events.SYSTEM)
                _give(made, by=events.SYSTEM)
                changed += 1
            else:
                changed += _say_person(before, person, source)
                _give(before, by=events.SYSTEM)
        Head.update(seen_at=at).where((Head.company == company) & Head.ended_at.is_null() & (Head.source != "staff")).execute()
        Company.update(heads_read_at=at).where(Company.id == company.id).execute()
        if changed:
            _tell_of_grants(company)
        return changed


def _named(people: Sequence[Person], day: date) -> dict[str, Person]:
    """Those who head the company on a day and can be recognised. Of the same person named twice, who began first: in any order."""
    named: dict[str, Person] = {}
    for person in sorted(people, key=lambda one: (one.since_on or date.min, one.last_name, one.first_name)):
        if person.code and person.is_head(day):
            named.setdefault(_digest(person), person)
    return named


def _digest(person: Person) -> str:
    return personal_codes.digest(person.country, person.code)


def _say_company(company: Company, said: Said) -> None:
    wanted = {"name": said.name[:200] or company.name, "legal_status": company.legal_status if said.status is None else said.status[:120]}
    before = {name: getattr(company, name) for name, value in wanted.items() if getattr(company, name) != value}
    if before:
        for name in before:
            setattr(company, name, wanted[name])
        company.save()
        after = {name: wanted[name] for name in before}
        events.record("company.register_said", company, by=events.SYSTEM, before=before, after=after)


def _say_person(head: Head, person: Person, source: str) -> bool:
    """The register's word in the place of what was known of a head."""
    wanted: dict[str, Any] = {"first_name": person.first_name, "last_name": person.last_name, "since_on": person.since_on}
    wanted |= {"source": source, "staff": None, "document": ""} if head.source == "staff" else {}
    changed = {name: value for name, value in wanted.items() if getattr(head, name) != value}
    if "source" in changed and head.representative_id:
        Representative.update(granted_by="").where(Representative.id == head.representative_id).execute()
    for name, value in changed.items():
        setattr(head, name, value)
    if changed:
        head.save()
    return bool(changed)


# ---- what staff say ---------------------------------------------------------------------------------------------------


def enter(
    company: Company,
    *,
    first_name: str,
    last_name: str,
    personal_code: str,
    since_on: date | None,
    document: str,
    reason: str,
    by: Staff,
    country: str = "LT",
) -> Head:
    """Write down from a document that somebody heads a company, until the register says so itself. Whoever looks after the company's
    people is told. Raises Missing, Refused."""
    if not Company.within(by).where(Company.id == company.id).exists():
        raise Missing
    if company.code is None:
        raise Refused(OWN_BUSINESS)
    country = country.strip().upper()
    if not re.fullmatch("[A-Z]{2}", country):
        raise Refused(N_("Enter the two letters of the state, such as LT"), field="country")
    code = personal_codes.checked(personal_code, country)
    for field, value in (("first_name", first_name), ("last_name", last_name), ("document", document), ("reason", reason)):
        if not value.strip():
            raise Refused(WANTED[field], field=field)
    if personal_codes.is_in(code, document):
        raise Refused(N_("Leave out the personal code: name the document by its kind, number and day"), field="document")
    person = _Entered(code, country, first_name.strip()[:100], last_name.strip()[:100], since_on)
    with unit_of_work():
        companies.lock([company.id])
        try:
            with database.atomic():
                head = _begin(company, person, source="staff", by=by, document=document.strip()[:200], reason=reason.strip())
        except IntegrityError:
            raise Refused(KNOWN, field="personal_code", name=f"{person.first_name} {person.last_name}", company=company.name) from None
        for other in companies.people(company):
            if companies.MANAGES in other.access_type.deeds:
                messages.put(
                    "head_entered",
                    other.account,
                    organisation=other.account.organisation,
                    dedupe_key=f"head_entered:{head.public_id}:{other.account_id}",
                    company=company.name,
                    head=str(head),
                )
        _give(head, by=by)
        _tell_of_grants(company)
    return head


WANTED = {
    "first_name": N_("Enter the first name"),
    "last_name": N_("Enter the surname"),
    "document": N_("Enter which document says so"),
    "reason": N_("Enter the reason"),
}


class _Entered:
    """A head as staff have read of one."""

    def __init__(self, code: str, country: str, first_name: str, last_name: str, since_on: date | None) -> None:
        self.code, self.country, self.first_name, self.last_name, self.since_on = code, country, first_name, last_name, since_on

    def is_head(self, day: date, /) -> bool:
        return True


def end(head: Head, *, reason: str, by: Staff) -> None:
    """What staff entered ends: it was a mistake, or is so no more; the place that the person had before is theirs again.
    Raises Refused for a head whom the register names (IB-31)."""
    if not reason.strip():
        raise Refused(WANTED["reason"], field="reason")
    with unit_of_work():
        companies.lock([head.company_id])
        head = Head.get_by_id(head.id)
        if head.source != "staff":
            raise Refused(BY_REGISTER)
        if head.ended_at is not None:
            raise Refused(holding.MEANWHILE)
        _end(head, becomes=False, by=by, reason=reason.strip())
        _tell_of_grants(head.company)


# ---- a person who has proven who they are -------------------------------------------------------------------------------


def recognise(account: Account) -> list[Company]:
    """Give an account whose owner has proven who they are the companies that are theirs: those they head, and their own business
    (IB-34, IB-39, IR-06). Returns those that are new; the same again: none."""
    digests = [one.code_digest for one in _proven(account)]
    if not digests:
        return []
    found = []
    with unit_of_work():
        mine = (Head.organisation == account.organisation_id) & Head.code_digest.in_(digests) & Head.ended_at.is_null()
        heads: Any = Head.select(Head, Company).join(Company).where(mine).order_by(Company.id)
        for head in list(heads):
            if _give(head, by=events.SYSTEM):
                _tell_of_grants(head.company)
                found.append(head.company)
        own = (Company.organisation == account.organisation_id) & Company.person_digest.in_(digests)
        for company in list(Company.select().where(own).order_by(Company.id)):
            if _place(account, company) is None:
                companies.appoint(account, company, access.HEAD, granted_by="", by=events.SYSTEM, is_register=True)
                found.append(company)
    return found


def find_owners(organisation: Organisation, digests: Sequence[str]) -> None:
    """Give businesses that were not known before to the people whose codes these are digests of, where they have proven it (IB-34)."""
    proven = (Identity.organisation == organisation) & Identity.code_digest.in_(list(digests)) & Identity.ended_at.is_null()
    for account in list(Account.select().where(Account.id.in_(Identity.select(Identity.account).where(proven))) if digests else ()):
        recognise(account)


def forget(account: Account, *, by: Any) -> None:
    """The account is not of that person after all, or no longer proven to be: what it heads by that, it heads no more. Inside the unit
    of work that ends the identity."""
    still = {one.code_digest for one in _proven(account)}
    for place in companies.held(account):
        if place.access_type.name != access.HEAD:
            continue
        by_these = {head.code_digest for head in live(place.company)} | {place.company.person_digest}
        if not by_these & still and not _give_back(place, by=by):
            companies.end(place, "register", by=by, is_register=True)


def _proven(account: Account) -> Any:
    live = (Identity.account == account) & Identity.ended_at.is_null()
    return Identity.select().where(live & (Identity.scheme == "PNO") & (Identity.level == "high"))


# ---- what others may ask ----------------------------------------------------------------------------------------------


def live(company: Company) -> list[Head]:
    """Who heads a company now."""
    return list(Head.select().where((Head.company == company) & Head.ended_at.is_null()).order_by(Head.id))


def given_by_former(company: Company) -> list[Representative]:
    """Who represents a company because somebody invited them who headed it and does so no more: whoever heads it now should look
    whether they still should."""
    ended, place, giver = Head.alias(), Representative.alias(), Invitation.alias()
    former = place.select(place.id).join(ended, on=(ended.representative == place.id)).where(ended.ended_at.is_null(False))
    taken = giver.select(giver.representative).where(giver.invited_through.in_(former.where(place.until_at.is_null(False))))
    rows: Any = Representative.select(Representative, Account, AccessType).join(Account).switch(Representative).join(AccessType)
    mine = (Representative.company == company) & Representative.until_at.is_null() & Representative.id.in_(taken)
    return list(rows.where(mine & (AccessType.name != access.HEAD)).order_by(Account.sort_key, Account.id))


# ---- parts ------------------------------------------------------------------------------------------------------------


def _begin(company: Company, person: Person, *, source: str, by: Any, document: str = "", reason: str = "") -> Head:
    head = Head.create(
        organisation=company.organisation_id,
        company=company,
        code_digest=_digest(person),
        code_sealed=personal_codes.seal(person.code),
        first_name=person.first_name,
        last_name=person.last_name,
        since_on=person.since_on,
        source=source,
        document=document,
        staff=by if isinstance(by, Staff) else None,
    )
    since = person.since_on and person.since_on.isoformat()
    account = _account(head) if isinstance(by, Staff) else None  # whom staff made a head sees that they did
    events.record(
        "head.named", company, by=by, account=account, name=str(head), since=since, source=source, document=document, reason=reason
    )
    return head


def _give(head: Head, *, by: Any) -> bool:
    """The access of a head for the account of that person, if there is one; whether that is new."""
    account = _account(head)
    if account is None:
        return False
    company = Company.get_by_id(head.company_id)
    place = _place(account, company)
    if place is None or place.access_type.name != access.HEAD:
        was = {"earlier_type": place and place.access_type, "earlier_giver": place.granted_by if place else ""}
        giver = company.organisation.name if head.source == "staff" else ""
        made = companies.appoint(account, company, access.HEAD, granted_by=giver, by=by, is_register=True)
        Head.update(representative=made, **was).where(Head.id == head.id).execute()
        return True
    if head.representative_id != place.id:
        Head.update(representative=place).where(Head.id == head.id).execute()
    return False


def _account(head: Head) -> Account | None:
    """Whose owner has proven to be this person."""
    proven = (Identity.organisation == head.organisation_id) & (Identity.code_digest == head.code_digest) & Identity.ended_at.is_null()
    proven &= (Identity.scheme == "PNO") & (Identity.level == "high")
    found = Identity.select(Identity, Account).join(Account).where(proven).first()
    return found.account if found else None


def _place(account: Account, company: Company) -> Representative | None:
    try:
        return companies.place(account, company)
    except Missing:
        return None


def _end(head: Head, *, becomes: bool, by: Any, reason: str = "") -> None:
    """A head is one no more: the access ends at once and so do the person's sessions, or it becomes an authorised person's. What they
    have given to others stays."""
    Head.update(ended_at=now()).where(Head.id == head.id).execute()
    place = Representative.get_or_none((Representative.id == head.representative_id) & Representative.until_at.is_null())
    account = None
    if place is not None and place.access_type.name == access.HEAD:
        account = place.account
        if becomes:
            companies.switch(place, LESS, by=by, reason=reason, is_register=True)
        elif not (isinstance(by, Staff) and _give_back(place, by=by, reason=reason)):
            companies.end(place, "register", by=by, reason=reason, is_register=True)
            sessions.end_all(account)
    events.record("head.ended", head.company, by=by, account=account, name=str(head), becomes=becomes, source=head.source, reason=reason)


def _give_back(place: Representative, *, by: Any, reason: str = "") -> bool:
    """The place that whoever became a head had before is theirs again; whether there was one. Not where the register ends a head: who
    gave that place did not know of the rest."""
    raised = (Head.representative == place) & Head.earlier_type.is_null(False)
    head = Head.select().where(raised).order_by(Head.id.desc()).first()
    if head is None:
        return False
    before = head.earlier_type.name
    companies.switch(place, before, by=by, reason=reason, granted_by=head.earlier_giver, is_register=True)
    return True


def _tell_of_grants(company: Company) -> None:
    """Whoever heads the company now hears once who is still there by a former head's word."""
    theirs = given_by_former(company)
    if not theirs:
        return
    names = [place.account.name or place.account.email for place in theirs]
    for head in live(company):
        place, key = head.representative, digest(" ".join(str(one.public_id) for one in theirs))
        if place is None or place.until_at is not None:
            continue
        dedupe_key = f"former_head_gave:{place.id}:{key}"
        if not Message.select().where(Message.dedupe_key == dedupe_key).exists():
            account = place.account
            messages.put(
                "former_head_gave",
                account,
                organisation=account.organisation,
                dedupe_key=dedupe_key,
                company=company.name,
                people=names,
            )
            events.record("head.grants_to_look_at", company, by=events.SYSTEM, account=account, people=names)
