"""Rows for tests, with sensible defaults; say only what the test is about."""

import tomllib
from datetime import date
from typing import Any

from config import ROOT
from models import (
    AccessType,
    Account,
    Building,
    Company,
    Contract,
    EmailChange,
    Head,
    Invoice,
    InvoiceLine,
    InvoiceVat,
    Membership,
    Meter,
    MeterKind,
    Organisation,
    Premises,
    Provider,
    Reading,
    Representative,
    Staff,
    StaffBuilding,
    now,
)
from rules import access, companies, email_changes, events, keys, organisations, personal_codes, settings
from rules.work import unit_of_work

PASSWORD = "Teisingas-slaptazodis-1"
_n = iter(range(1, 10**9))


def organisation(slug: str = "north", preset: str | None = None, **changes: Any) -> Organisation:
    """An organisation; with `preset` through the operator's own door, else bare. Settings may be named among the changes."""
    known = {k: changes.pop(k) for k in list(changes) if k in settings.CATALOGUE}
    made = Organisation.get_or_none(slug=slug)
    if made is None and preset:
        facts = tomllib.loads((ROOT / "config" / "organisations" / f"{preset}.toml").read_text())
        made = organisations.load(slug, preset, facts | changes, by=events.OPERATOR)
    elif made is None:
        made = Organisation.create(slug=slug, name=changes.pop("name", slug.title()), **changes)
        access.seed_access_types(made)
    for name, value in known.items():
        settings.change(made, name, value, by=events.OPERATOR)
    return made


def provider(organisation: Organisation, name: str = "North Heat", **changes: Any) -> Provider:
    return Provider.get_or_none(organisation=organisation, name=name) or Provider.create(
        organisation=organisation, name=name, code=changes.pop("code", f"3000{next(_n):05}"), **changes
    )


def account(organisation: Organisation, email: str = "anna@example.lt", **changes: Any) -> Account:
    """A customer whose e-mail is confirmed and whose password is PASSWORD."""
    options = {"name": "Anna North", "phone": "+37060000001", "email_confirmed_at": now(), "language": "en"} | changes
    return Account.create(organisation=organisation, email=email, password_hash=keys.hash_password(PASSWORD), **options)


def staff(organisation: Organisation | None, role: str = "agent", email: str | None = None, **changes: Any) -> Staff:
    """A staff member with PASSWORD and a one-time code secret."""
    options = {"name": f"{role.title()} {next(_n)}", "language": "en", "totp_secret": keys.new_totp_secret()} | changes
    return Staff.create(
        organisation=organisation,
        role=role,
        email=email or f"{role}{next(_n)}@example.com",
        password_hash=keys.hash_password(PASSWORD),
        **options,
    )


def building(organisation: Organisation, address: str = "Liepų g. 1, Pakruojis", **changes: Any) -> Building:
    owner = changes.pop("provider", None) or provider(organisation)
    return Building.create(organisation=organisation, provider=owner, address=address, **changes)


def manages(person: Staff, house: Building) -> None:
    StaffBuilding.create(staff=person, building=house)


def premises(house: Building, number: str = "1") -> Premises:
    return Premises.create(organisation=house.organisation_id, building=house, number=number)


def contract(organisation: Organisation, payer_code: str = "01-234 5", **changes: Any) -> Contract:
    owner = changes.pop("provider", None) or provider(organisation)
    return Contract.create(
        organisation=organisation,
        provider=owner,
        payer_code=payer_code,
        **({"address": "Liepų g. 1-1", "customer_name": "Anna North"} | changes),
    )


def holds(person: Account, what: Contract, access_type: str = "owner") -> Membership:
    kind = AccessType.get(organisation=person.organisation_id, name=access_type)
    return Membership.create(organisation=person.organisation_id, account=person, contract=what, access_type=kind)


def company(organisation: Organisation, name: str = "UAB „Uosis“", **changes: Any) -> Company:
    return Company.create(organisation=organisation, name=name, **({"code": f"3{next(_n):08}"} | changes))


def head(of: Company, personal_code: str = "40504040001", **changes: Any) -> Head:
    """That somebody heads a company, as the register says."""
    digest, sealed = personal_codes.digest("LT", personal_code), personal_codes.seal(personal_code)
    names = {"first_name": "Rasa", "last_name": "Bandomoji", "source": "broker"} | changes
    made = Head.create(organisation=of.organisation_id, company=of, code_digest=digest, code_sealed=sealed, **names)
    with unit_of_work():
        facts = {"name": str(made), "since": None, "source": "broker", "document": "", "reason": ""}
        events.record("head.named", of, by=events.SYSTEM, **facts)
    return made


def represents(person: Account, what: Company, access_type: str = "company_head") -> Representative:
    """A place in a company as the register or an invitation gives it, with all the company's contracts."""
    is_head = access_type == access.HEAD
    with unit_of_work():
        made = companies.appoint(person, what, access_type, granted_by="" if is_head else "Vadovė", by=events.SYSTEM, is_register=is_head)
    if is_head and not what.person_digest:
        head(what, f"4040404{next(_n):04}", representative=made)
    return made


def meter(of: Contract, number: str = "KV1_241", kind: str = "hot-water", **changes: Any) -> Meter:
    what = MeterKind.get_or_none(organisation=of.organisation_id, code=kind) or MeterKind.create(
        organisation=of.organisation_id,
        code=kind,
        name_lt="Karšto vandens skaitiklis",
        name_en="Hot-water meter",
        unit="m³",
        decimals=changes.pop("decimals", 3),
    )
    return Meter.create(
        organisation=of.organisation_id, contract=of, building=of.building_id, kind=what, number=number, **({"place": "Nr. 1"} | changes)
    )


def reading(of: Meter, value_milli: int, on: date, **changes: Any) -> Reading:
    options = {"source": "feed", "reference": f"T{next(_n):07}", "period": f"{on:%Y-%m}"} | changes
    return Reading.create(
        organisation=of.organisation_id,
        meter=of,
        contract=of.contract_id,
        building=of.building_id,
        value_milli=value_milli,
        read_on=on,
        **options,
    )


def invoice(of: Contract, number: str = "", net_cents: int = 10000, vat_rate: int = 2100, **changes: Any) -> Invoice:
    """A bill of one line and one VAT rate."""
    vat = (net_cents * vat_rate + 5000) // 10000
    options = {
        "issued_on": date(2026, 11, 1),
        "due_on": date(2026, 11, 30),
        "net_cents": net_cents,
        "vat_cents": vat,
        "total_cents": net_cents + vat,
        "payable_cents": net_cents + vat,
        "outstanding_cents": net_cents + vat,
        "content_digest": "",
    } | changes
    made = Invoice.create(
        organisation=of.organisation_id,
        provider=of.provider_id,
        contract=of,
        building=of.building_id,
        number=number or f"S{next(_n):06}",
        **options,
    )
    InvoiceLine.create(organisation=of.organisation_id, invoice=made, position=1, name="Šiluma", net_cents=net_cents, vat_rate=vat_rate)
    InvoiceVat.create(organisation=of.organisation_id, invoice=made, category="S", rate=vat_rate, base_cents=net_cents, vat_cents=vat)
    return made


def email_change(of: Account, email: str, site_url: str) -> EmailChange:
    """A change of e-mail that two of staff have looked at: the new address has its letter."""
    asked = email_changes.ask(of, email=email, proof="colleague", reason="She called", by=staff(of.organisation), site_url=site_url)
    email_changes.approve(asked, reason="Saw her passport", by=staff(of.organisation), site_url=site_url)
    return asked
