"""Who may do what: every deed there is, who has it by default, and the only two judges, `allows` and `reach`."""

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar

from peewee import JOIN

from models import N_, AccessType, Account, Company, Contract, Membership, Organisation, Provider, Representative, Staff, Table
from rules import settings
from rules.refusal import Lacking, Missing
from rules.statements import statement

Row = TypeVar("Row", bound=Table)

# ---- deeds, alphabetically: reading and changing are different ones, what can do harm has its own --------------------

CUSTOMER_DEEDS = {
    "company.change_contacts": N_("Change the company's contact information"),
    "company.leave": N_("Give up one's own place in the company"),
    "company.view": N_("See the company and its contact information"),
    "contract.detach": N_("Let the contract go"),
    "contract.end_payer": N_("End that somebody else pays for it"),
    "contract.share": N_("Share the contract with others"),
    "contract.view": N_("See the contract"),
    "invoice.view": N_("See invoices"),
    "meter.view": N_("See meters and readings"),
    "reading.declare": N_("Declare readings"),
    "representative.change": N_("Invite people, change their access type and remove them"),
    "representative.view": N_("See who represents the company"),
}
# What concerns a company and not one of its contracts.
OF_A_COMPANY = frozenset(deed for deed in CUSTOMER_DEEDS if deed.partition(".")[0] in ("company", "representative"))

# What each access type may do with a contract, until an organisation says otherwise (K08 as the stricter IB-52: a user sees
# no contracts, contact information or other users, but bills, use and meters).
ACCESS_TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "owner": (
        N_("Owner"),
        (
            "contract.detach",
            "contract.end_payer",
            "contract.share",
            "contract.view",
            "invoice.view",
            "meter.view",
            "reading.declare",
        ),
    ),
    "shared_person": (N_("Shared person"), ("contract.detach", "contract.view", "invoice.view", "meter.view", "reading.declare")),
    "company_head": (
        N_("Company head"),
        (
            "company.change_contacts",
            "company.view",
            "contract.detach",
            "contract.end_payer",
            "contract.view",
            "invoice.view",
            "meter.view",
            "reading.declare",
            "representative.change",
            "representative.view",
        ),
    ),
    "authorised_person": (
        N_("Authorised person"),
        (
            "company.change_contacts",
            "company.leave",
            "company.view",
            "contract.detach",
            "contract.end_payer",
            "contract.view",
            "invoice.view",
            "meter.view",
            "reading.declare",
            "representative.change",
            "representative.view",
        ),
    ),
    "user": (N_("User"), ("company.leave", "contract.detach", "invoice.view", "meter.view", "reading.declare")),
    "viewer": (N_("Viewer"), ("contract.detach", "invoice.view", "meter.view")),
}

# What is one's own needs no contract: the account itself, the lists of what it holds, adding the first contract, paying for others.
OWN_DEEDS = frozenset({"account.view", "account.change", "account.use", "contract.attach", "thirdpartypayer.add", "thirdpartypayer.remove"})
# What may be done before identity is confirmed where an organisation asks for that (AG-10).
WITHOUT_IDENTITY = frozenset({"account.view", "account.change"})

VIEWS = frozenset(
    f"{table}.view"
    for table in (
        "accesstype", "account", "building", "company", "contract", "emailchange", "event", "export", "head", "identity", "invitation",
        "invoice", "membership", "message", "meter", "meterkind", "organisation", "premises",
        "provider", "reading", "representative", "share", "staff", "syncproblem", "syncrun", "thirdpartypayer",
        "visit",
    )
)  # fmt: skip
EXPORTS = frozenset(view.replace(".view", ".export") for view in VIEWS - {"export.view", "organisation.view", "staff.view", "message.view"})
AGENT = (
    (VIEWS - {"staff.view", "organisation.view"})
    | EXPORTS
    | {
        "account.ask_to_visit", "account.attach_contract", "account.change_email", "account.confirm_identity",
        "account.edit", "account.merge", "account.undo_merge", "account.unlock",
        "building.create", "building.edit", "company.create", "company.edit", "company.enter_head",
        "company.invite", "company.put_under", "company.set_free",
        "contract.edit", "contract.place", "contract.set_company", "contract.take_from_company",
        "head.end", "head.view_code", "identity.unlink",
        "emailchange.approve", "emailchange.enter_code", "emailchange.refuse",
        "invitation.revoke", "invitation.send_again", "membership.change_access_type", "membership.remove", "membership.restore",
        "message.send_again", "meter.edit", "meter.enter_reading", "premises.create", "premises.edit",
        "reading.correct", "reading.undo", "representative.fix_access_type", "representative.remove",
        "share.end_by_staff", "syncproblem.resolve", "thirdpartypayer.end_by_staff", "visit.enter_code", "visit.leave",
    }
)  # fmt: skip

STAFF_DEEDS: dict[str, frozenset[str]] = {
    "agent": AGENT,
    "auditor": VIEWS | EXPORTS,
    "property_manager": frozenset(
        {
            "account.view", "building.export", "building.view", "contract.export", "contract.view", "event.view", "export.view",
            "invoice.export", "invoice.view", "membership.view", "meter.enter_reading", "meter.export",
            "meter.view", "premises.create", "premises.edit",
            "premises.export", "premises.view", "reading.export", "reading.view",
        }
    ),
    "administrator": AGENT
    | {
        "accesstype.change_deeds", "meterkind.edit",
        "organisation.edit", "organisation.view", "provider.create", "provider.edit", "setting.change", "staff.change_buildings",
        "staff.change_role", "staff.dismiss", "staff.invite", "staff.unlock", "staff.view", "syncproblem.let_pass",
        "visit.override",
    },
}  # fmt: skip

DEEDS = sorted(frozenset(CUSTOMER_DEEDS) | OWN_DEEDS | frozenset().union(*STAFF_DEEDS.values()))

# Which roles a staff member may give, never their own rank upwards (T30).
GRANTABLE_ROLES = {"administrator": ("agent", "property_manager", "administrator", "auditor")}
# A company's: who heads it is for the register alone (IB-31), the others are given in the portal (IB-44).
HEAD = "company_head"
GRANTABLE_IN_A_COMPANY = ("authorised_person", "user")
COMPANY_TYPES = (HEAD, *GRANTABLE_IN_A_COMPANY)
# Which access types staff may give on a contract: all but those that only a register can (a company's head).
GRANTABLE_TYPES = tuple(name for name in ACCESS_TYPES if name != HEAD)

# ---- routes: an endpoint that is not here is closed, and test_house.py fails -----------------------------------------

ANYONE, SIGNED_IN = "anyone", "signed in"

CUSTOMER_ROUTES: dict[str, str] = {
    "static": ANYONE,
    "bootstrap.static": ANYONE,
    "health.live": ANYONE,
    "health.ready": ANYONE,
    "health.metrics": ANYONE,
    "home.organisations": ANYONE,
    "home.language": ANYONE,
    "home.index": "account.use",
    "sign_in.sign_in": ANYONE,
    "sign_in.sign_out": SIGNED_IN,
    "sign_in.locked": ANYONE,
    "sign_in.unlock": ANYONE,
    "sign_in.forgotten_password": ANYONE,
    "sign_in.reset_sent": ANYONE,
    "sign_in.reset_password": ANYONE,
    "identity.begin": ANYONE,
    "identity.wait": ANYONE,
    "identity.state": ANYONE,
    "identity.qr": ANYONE,
    "identity.callback": ANYONE,
    "identity.cancel": ANYONE,
    "identity.finish": ANYONE,
    "identity.unlink": "account.change",
    "identity.code": ANYONE,
    "identity.send_code_again": ANYONE,
    "identity.not_me": ANYONE,
    "register.register": ANYONE,
    "register.check_mail": ANYONE,
    "register.confirm_code": ANYONE,
    "register.send_code_again": ANYONE,
    "register.confirm_link": ANYONE,
    "account.view": "account.view",
    "account.change_password": "account.change",
    "account.change_email": "account.change",
    "account.change_phone": "account.change",
    "account.change_consents": "account.change",
    "account.sign_out_everywhere": "account.change",
    "account.confirm_email": ANYONE,
    "account.send_confirmation": "account.change",
    "account.confirm_new_email": ANYONE,
    "account.undo_email": ANYONE,
    "looks.index": "account.view",
    "visits.begin": ANYONE,
    "visits.end": ANYONE,
    "visits.over": ANYONE,
    "visits.stop": "account.change",
    "account.identity": SIGNED_IN,
    "companies.index": "account.use",
    "companies.view": "company.view",
    "companies.change_contacts": "company.change_contacts",
    "companies.leave": "company.leave",
    "companies.change_access_type": "representative.change",
    "companies.remove": "representative.change",
    "companies.remove_beside": "representative.change",
    "invitations.invite": "representative.change",
    "invitations.send_again": "representative.change",
    "invitations.revoke": "representative.change",
    "invitations.opened": ANYONE,
    "invitations.offered": "account.use",
    "represented.choose": "account.use",
    "contracts.index": "account.use",
    "contracts.attach": "contract.attach",
    "contracts.view": "contract.view",
    "contracts.detach": "contract.detach",
    "shares.end": "contract.share",
    "shares.give": "contract.share",
    "shares.offered": "contract.attach",
    "payers.index": "account.use",
    "payers.add": "thirdpartypayer.add",
    "payers.remove": "thirdpartypayer.remove",
    "payers.end": "contract.end_payer",
    "invoices.index": "account.use",
    "invoices.archive": "account.use",
    "invoices.breakdowns": "account.use",
    "invoices.view": "invoice.view",
    "invoices.pdf": "invoice.view",
    "invoices.breakdown": "invoice.view",
    "meters.index": "account.use",
    "meters.view": "meter.view",
    "meters.rename": "meter.view",
    "readings.index": "account.use",
    "readings.table": "account.use",
    "readings.declare": "account.use",
    "readings.declare_one": "reading.declare",
    "readings.declared": "meter.view",
}

STAFF_ROUTES: dict[str, str] = {
    "static": ANYONE,
    "bootstrap.static": ANYONE,
    "admin.static": ANYONE,
    "health.live": ANYONE,
    "health.ready": ANYONE,
    "health.metrics": ANYONE,
    "sign_in.sign_in": ANYONE,
    "sign_in.sign_out": SIGNED_IN,
    "sign_in.accept": ANYONE,
    "sign_in.language": ANYONE,
    "admin.index": SIGNED_IN,
    "admin.search": SIGNED_IN,
    "rights.index": "staff.view",
    "settings.index": "organisation.view",
    "undeclared.index": "building.view",
    "undeclared.house": "building.view",
    "settings.change": "setting.change",
}
# Every desk has the same endpoints, and one for each of its commands (`<table>.<command>`); `None` are Flask-Admin's that this product
# answers with 404.
DESK_ROUTES: dict[str, str | None] = {
    "index_view": "view",
    "details_view": "view",
    "edit_view": "edit",
    "create_view": "create",
    "export": "export",
    "saved_view": "view",
    "here": "view",
    "action_view": None,
    "delete_view": None,
    "ajax_lookup": "view",
    "ajax_update": None,
}


def allows(person: Any, deed: str, thing: Table | None = None) -> bool:
    """Whether `person` may do `deed` (with `thing`). Anyone who is not a signed-in customer or active staff may do nothing.

    Raises KeyError for a deed that does not exist.
    """
    if deed not in DEEDS:
        raise KeyError(deed)
    if isinstance(person, Staff):
        if not person.is_active or deed not in STAFF_DEEDS[person.role]:
            return False
        return thing is None or type(thing).within(person).where(type(thing).id == thing.id).exists()
    return isinstance(person, Account) and _customer_may(person, deed, thing, level(person))


def _customer_may(account: Account, deed: str, thing: Table | None, at: str) -> bool:
    """Whether an account may do it, were its identity of the level `at`."""
    if not _is_seen(account, deed):
        return False
    if deed not in WITHOUT_IDENTITY and not _reaches(account, at, deed):
        return False
    if deed in OWN_DEEDS:
        return thing is None or account.id == (thing.id if isinstance(thing, Account) else getattr(thing, "account_id", None))
    if deed in OF_A_COMPANY:
        where = thing.id if isinstance(thing, Company) else getattr(thing, "company_id", None)
        rights = _represented(account)
    else:
        where = None if thing is None else _contract_of(thing)
        rights = [(one.contract, one.deeds, one.kind) for one in held(account)]
    return any(deed in deeds and where in (None, of) and _reaches(account, at, deed, kind) for of, deeds, kind in rights)


# ---- levels of identity (K03) -----------------------------------------------------------------------------------------


def level(account: Account) -> str:
    """How well it is known who uses an account: one of `settings.LEVELS`. Each asks for the one before too; and a browser that came by a
    login elsewhere is not known to be of the person whom the account is of."""
    if account.email_confirmed_at is None:
        return "none"
    return "email" if account.identity_confirmed_at is None or account.__dict__.get("_by_login") else "strong"


def lacking(person: Any, deed: str, thing: Table | None = None) -> str:
    """The level of identity with which a customer might do what they may not; empty where that is not what is missing."""
    if not isinstance(person, Account) or deed not in DEEDS or allows(person, deed, thing):
        return ""
    return next((at for at in settings.LEVELS if _customer_may(person, deed, thing, at)), "")


def lacking_anywhere(account: Account) -> str:
    """The level of identity that something of what a customer holds waits for; empty where nothing does."""
    at, rules = level(account), settings.of(account.organisation)
    if all(LEVELS.index(getattr(rules, name)) <= LEVELS.index(at) for name in ("identity_for_everything", *OF_TYPES.values())):
        return ""
    kinds = {"", *(one.kind for one in held(account)), *(kind for _, _, kind in _represented(account))}
    most = max((_asked(account, "", kind) for kind in kinds), key=LEVELS.index)
    return most if LEVELS.index(most) > LEVELS.index(at) else ""


LEVELS = tuple(settings.LEVELS)
# Which setting asks for a level with which access type, and for which deed.
OF_TYPES = {HEAD: "identity_for_heads", "authorised_person": "identity_for_authorised"}
OF_DEEDS = {"contract.share": "identity_for_sharing"}


def _asked(account: Account, deed: str, kind: str = "") -> str:
    rules = settings.of(account.organisation)
    names = ("identity_for_everything", OF_DEEDS.get(deed), OF_TYPES.get(kind))
    return max((getattr(rules, name) for name in names if name), key=LEVELS.index)


def _reaches(account: Account, at: str, deed: str, kind: str = "") -> bool:
    return LEVELS.index(at) >= LEVELS.index(_asked(account, deed, kind))


def _is_seen(account: Account, deed: str) -> bool:
    """Whether a deed only shows something, or the customer does it: staff who visit the account do nothing in its name (M03, T41)."""
    return "visit" not in account.__dict__ or deed == "account.use" or deed.endswith(".view")


def reach(person: Any, model: type[Row], public_id: uuid.UUID, deed: str) -> Row:
    """The row of `model` with this public id, if it is within the person's reach and `deed` is theirs with it.

    Raises Missing otherwise, the same whether the row exists or not; Lacking where only the level of their identity is too low.
    """
    row = _known(person, model, public_id)
    if row is None or not (allows(person, deed) if isinstance(person, Staff) else allows(person, deed, row)):
        if row is not None and lacking(person, deed, row):
            raise Lacking(lacking(person, deed, row))
        raise Missing
    if isinstance(person, Account) and _contract_of(row) not in (None, *contracts_shown(person, deed)):
        narrow(person, None, None)  # a page of one thing shows all of that thing, whatever the lists are narrowed to
    return row


def _contract_of(row: Table) -> int | None:
    return row.id if isinstance(row, Contract) else getattr(row, "contract_id", None)


def _known(person: Any, model: type[Row], public_id: uuid.UUID) -> Row | None:
    if isinstance(person, Account):
        return next(iter(_own(model)(person, public_id)), None)
    return model.within(person).where(model.public_id == public_id).first()


@cache
def _own(model: type[Table]) -> Callable[..., list[Any]]:
    return statement(lambda account, public_id: model.within(account).where(model.public_id == public_id))


class Held(NamedTuple):
    """A contract of an account: what its access type gives there and which that is, whose contract it is (None: a person's), and who
    provides; these two with their public id and name."""

    contract: int
    deeds: list[str]
    kind: str
    company: int | None
    provider: int
    company_as: tuple[uuid.UUID, str]
    provider_as: tuple[uuid.UUID, str]


OWN = 0  # in the place of a company: what is no company's


def contracts_allowing(account: Account, deed: str) -> list[int]:
    """The ids of the contracts with which a customer may do `deed` now."""
    return [one.contract for one in _allowing(account, deed)]


def contracts_shown(account: Account, deed: str) -> list[int]:
    """Those of them that lists show: of the company and provider to which the customer has narrowed them (AG-12, AG-13)."""
    return [one.contract for one in _allowing(account, deed) if is_shown(account, one.company, one.provider)]


def _allowing(account: Account, deed: str) -> list[Held]:
    if not _is_seen(account, deed):
        return []
    rows, at = held(account), level(account)
    reached = {kind for kind in {one.kind for one in rows} if _reaches(account, at, deed, kind)}
    return [one for one in rows if one.kind in reached and deed in one.deeds]


def is_shown(account: Account, of_company: int | None, of_provider: int) -> bool:
    """Whether lists show what is of this company and provider."""
    company, provider = account.__dict__.get("_narrowed", (None, None))
    return company in (None, of_company or OWN) and provider in (None, of_provider)


def narrow(account: Account, company: int | None, provider: int | None) -> None:
    """Let lists of this loaded account show one company's (`OWN`: no company's) and one provider's contracts only; None: all. It
    gives no right and takes none."""
    account.__dict__["_narrowed"] = company, provider


def holds_any(account: Account) -> bool:
    """Whether a customer has any contract now."""
    return bool(held(account))


def held(account: Account) -> list[Held]:
    """The contracts of an account; asked once per loaded account."""
    kept: list[Held] | None = account.__dict__.get("_held")
    if kept is None:
        kept = account.__dict__["_held"] = [
            Held(contract, deeds, kind, company, provider, (company_id, company_name), (provider_id, provider_name))
            for contract, deeds, kind, company, provider, company_id, company_name, provider_id, provider_name in _memberships(account)
        ]
    return kept


def _represented(account: Account) -> list[tuple[int, list[str], str]]:
    """The companies an account represents, the deeds its access type gives there, and which type it is; asked once per loaded account."""
    kept = account.__dict__.get("_represented")
    if kept is None:
        kept = account.__dict__["_represented"] = _representatives(account)
    return kept


@statement
def _representatives(account: Account) -> Any:
    return (
        Representative.select(Representative.company, AccessType.deeds, AccessType.name)
        .join(AccessType)
        .where((Representative.account == account.id) & Representative.until_at.is_null())
        .tuples()
    )


@statement
def _memberships(account: Account) -> Any:
    return (
        Membership.select(
            Membership.contract,
            AccessType.deeds,
            AccessType.name,
            Contract.company,
            Contract.provider,
            Company.public_id,
            Company.name,
            Provider.public_id,
            Provider.name,
        )
        .join(AccessType)
        .join_from(Membership, Contract)
        .join(Provider)
        .join_from(Contract, Company, JOIN.LEFT_OUTER)
        .where((Membership.account == account.id) & Membership.until_at.is_null())
        .tuples()
    )


def seed_access_types(organisation: Organisation) -> None:
    """Give a new organisation the default access types; what it has changed stays."""
    for position, (name, (_, deeds)) in enumerate(ACCESS_TYPES.items()):
        AccessType.insert(organisation=organisation, name=name, deeds=list(deeds), position=position).on_conflict_ignore().execute()
