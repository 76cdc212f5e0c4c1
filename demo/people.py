"""Who uses the demo world: all plainly made up. They come in by the same rules as everybody."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pyotp

from models import Account, Building, Company, Contract, Event, Invoice, Message, Organisation, Provider, Staff
from rules import (
    access,
    accounts,
    clock,
    companies,
    consents,
    contracts,
    events,
    heads,
    identities,
    invitations,
    links,
    registration,
    settings,
    staff,
    third_party_payers,
)
from rules.refusal import Refused

PASSWORD = "Bandomasis-raktas-26"  # noqa: S105 - it opens nothing but the demo
REASON = "Bandomieji duomenys"
SOURCE, BROWSER = "demo", "demo-browser-of-"


@dataclass(frozen=True)
class Customer:
    """Someone with an account. `contracts` are the payer codes they add, `pays_for` one of somebody else's, as they call it."""

    organisation: str
    email: str
    name: str
    story: str
    contracts: tuple[str, ...] = ()
    pays_for: tuple[str, str] | None = None
    person_type: str = "natural"
    is_locked: bool = False
    code: str = ""  # with which they have confirmed who they are, as the simulators know them
    companies: tuple[tuple[str, str], ...] = ()  # which they represent, by code, and as what


@dataclass(frozen=True)
class Colleague:
    """Someone who works here; without an organisation, for the whole install."""

    email: str
    role: str
    name: str
    story: str
    organisation: str = ""
    buildings: tuple[str, ...] = ()


CUSTOMERS = (
    Customer("property-management", "ona@example.lt", "Ona Pavyzdienė", "owns two flats", ("03-1007 4", "03-1012 9")),
    Customer("district-heating", "vardutis@example.lt", "Vardutis Pavardutis", "heats a flat", ("01204",)),
    Customer("district-heating", "rasa@example.lt", "Rasa Bandomoji", "locked by five wrong passwords", ("01207",), is_locked=True),
    Customer("energy-business", "buhalterija@uab-pavyzdys.example.lt", "", "a company", ("VE 100 200", "VD 100 200"), person_type="legal"),
    Customer(
        "energy-business", "ona.pavyzdiene@uab-bandymas.example.lt", "Ona Pavyzdienė", "heads one company, is authorised by another",
        person_type="legal", code="40404040009", companies=(("999000114", "company_head"), ("999000106", "authorised_person")),
    ),
    Customer(
        "energy-business", "sandelis@uab-bandymas.example.lt", "", "a user of that company", person_type="legal",
        companies=(("999000114", "user"),),
    ),
    Customer(
        "energy-home", "jonas@example.lt", "Jonas Pavyzdys", "has confirmed who he is, so what is in his name came by itself",
        pays_for=("44-0038", "Mama"), code="30303039914",
    ),
    Customer("agri-group", "petras@example.lt", "Petras Ūkininkas", "waits for identity to be confirmed"),
    Customer(
        "agri-group", "bandomoji@example.lt", "Rasa Bandomoji", "buys for a company", code="40504040001",
        companies=(("999000155", "authorised_person"),),
    ),
)  # fmt: skip
STAFF = (
    Colleague("administratore@example.lt", "administrator", "Audronė Administratorė", "administrator of the whole install"),
    Colleague("agentas@example.lt", "agent", "Andrius Agentas", "agent of Miesto šiluma", "district-heating"),
    Colleague(
        "valdytoja@example.lt", "property_manager", "Vilma Valdytoja", "property manager of one house", "property-management",
        ("Bandymų g. 3, Pavyzdžiai",),
    ),
    Colleague("auditorius@example.lt", "auditor", "Aurimas Auditorius", "auditor of the whole install"),
)  # fmt: skip


# ---- customers --------------------------------------------------------------------------------------------------------


def register(who: Customer, here: Organisation, customer_url: str) -> None:
    """Bring a customer to where the story has them, from wherever they are."""
    site_url, mine = links.site_url(customer_url, here), (Account.organisation == here) & (Account.email_key == who.email)
    if not Account.select().where(mine).exists():
        _register(who, here, site_url)
    account = Account.get(mine)
    if account.email_confirmed_at is None:
        registration.confirm_email(here, _link(account.email, here), viewer=account, password="")
    if who.code and account.identity_confirmed_at is None:
        first_name, _, last_name = who.name.partition(" ")
        identities.confirm(account, identities.Proven("smart_id", "PNO", who.code, "LT", first_name=first_name, last_name=last_name))
    held = {row.contract.payer_code for row in contracts.held(account)}
    for code in who.contracts:
        if code not in held:
            _attach(account, code)
    if who.pays_for and not third_party_payers.due(account, clock.today()):
        code, called = who.pays_for
        third_party_payers.add(account, name=called, site_url=site_url, **_on_paper(account.organisation, code))
    if who.is_locked and not Event.select().where((Event.name == "account.locked") & (Event.account == account)).exists():
        _lock(account, site_url)


def represent(who: Customer, here: Organisation, customer_url: str) -> None:
    """Bring a customer into the companies that the story names: a head by a document that staff read, others by an invitation."""
    account = Account.get((Account.organisation == here) & (Account.email_key == who.email))
    has = {place.company.code for place in companies.held(account)}
    for code, access_type in who.companies:
        company = Company.get((Company.organisation == here) & (Company.code == code))
        if code in has:
            continue
        if access_type == access.HEAD:
            first_name, _, last_name = who.name.partition(" ")
            heads.enter(
                company, first_name=first_name, last_name=last_name, personal_code=who.code, since_on=None, document="Bandomasis išrašas",
                reason=REASON, by=_administrator(),
            )  # fmt: skip
            continue
        waiting = next((one for one in invitations.to(account) if one.company == company), None)
        site_url = links.site_url(customer_url, here)
        invitation = waiting or invitations.invite_by_staff(
            company, email=who.email, access_type=access_type, reason=REASON, site_url=site_url, by=_administrator()
        )
        invitations.accept(account, invitation)


def _register(who: Customer, here: Organisation, site_url: str) -> None:
    flow = BROWSER + who.email
    outcome = registration.register(
        here,
        person_type=who.person_type,
        name=who.name,
        email=who.email,
        phone="+370 600 00000",
        password=PASSWORD,
        consents_given={text.id for text in consents.asked(here) if text.is_required},
        language="lt",
        site_url=site_url,
        source=SOURCE,
        flow=flow,
        claim=_claim(here, who.contracts[0]) if here.slug == "property-management" else None,
    )
    if outcome.step == "code":
        registration.confirm_code(here, flow, str(_mail("confirm_by_code", who.email, here)["code"]), source=SOURCE)
    elif outcome.step == "link":
        registration.confirm_link(here, _link(who.email, here), flow=flow, password=PASSWORD, source=SOURCE)


def _claim(here: Organisation, code: str) -> registration.Claim:
    """What the form for registering asks beside oneself (CV-11, CV-12)."""
    contract = _contract(here, code)
    return registration.Claim(contract.provider, code)


def _attach(account: Account, code: str) -> None:
    """Add a contract as its holder would."""
    contracts.attach(account, **_on_paper(account.organisation, code))


def _on_paper(here: Organisation, code: str) -> dict[str, Any]:
    """What stands on the paper before whoever adds it: the company, the code and the newest bill's number."""
    contract = _contract(here, code)
    bill = Invoice.select().where(Invoice.contract == contract).order_by(Invoice.issued_on.desc()).get()
    return {"provider": contract.provider, "payer_code": code, "invoice_number": bill.number, "source": SOURCE}


def _contract(here: Organisation, code: str) -> Contract:
    return Contract.select(Contract, Provider).join(Provider).where((Contract.organisation == here) & (Contract.payer_code == code)).get()


def _lock(account: Account, site_url: str) -> None:
    """Type as many wrong passwords as lock an account."""
    for _ in range(settings.of(account.organisation).lock_after):
        with suppress(Refused):
            accounts.sign_in(account.organisation, account.email, "not the password", source=SOURCE, device=None, site_url=site_url)


def _mail(kind: str, to: str, here: Organisation) -> dict[str, object]:
    """What the last letter of a kind told somebody."""
    mine = (Message.kind == kind) & (Message.to == to) & (Message.organisation == here)
    return dict(Message.select().where(mine).order_by(Message.id.desc()).get().facts)


def _link(to: str, here: Organisation) -> str:
    """The secret in the link of the last letter that confirms an address."""
    return urlsplit(str(_mail("confirm_by_link", to, here)["url"])).path.rpartition("/")[2]


# ---- staff ------------------------------------------------------------------------------------------------------------


def enrol(who: Colleague, here: Organisation | None, staff_url: str) -> None:
    """Invite a colleague, who sets the password and an authenticator app at once."""
    person = Staff.get_or_none(Staff.email_key == who.email)
    if person is not None and person.totp_secret:
        return
    if person is None:
        link = staff.invite(who.email, who.role, organisation=here, by=events.OPERATOR, staff_url=staff_url, name=who.name)
    else:
        link = staff.invite_again(person, by=_administrator(), staff_url=staff_url)
    token = link.rpartition("/")[2]
    staff.accept(token, PASSWORD, pyotp.TOTP(staff.totp_secret(token)).now())


def _administrator() -> Staff:
    return Staff.get(Staff.email_key == STAFF[0].email)


def give_buildings() -> None:
    """Say which houses a property manager runs."""
    for who in STAFF:
        person = Staff.get(Staff.email_key == who.email)
        if who.buildings and not person.building_ids().exists():
            houses = list(Building.select().where((Building.organisation == person.organisation) & Building.address.in_(who.buildings)))
            staff.change_buildings(person, buildings=houses, reason=REASON, by=_administrator())
