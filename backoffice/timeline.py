"""What happened, in words: a title and a line of facts for every event there is, and who did it by name."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import peewee as pw
from flask import current_app
from flask_babel import gettext as _

import formats
import i18n
from backoffice.cells import NO, NOTHING, YES, access_type, setting
from models import (
    ENDED_BY,
    HEAD_SOURCES,
    IDENTITY_ENDS,
    INVITATION_ENDS,
    N_,
    PAYING_ENDED_BY,
    PERSON_TYPES,
    PROOFS,
    ROLES,
    TABLES,
    VISIT_ALLOWED,
    VISIT_ENDS,
    Account,
    Event,
    Staff,
    now,
)
from rules import access, events, identities, lockouts, settings

SHOWN = 25

# For every event its title, and the line under it. `changes` is what a row said before and says now.
WORDS: dict[str, tuple[str, str]] = {
    "accesstype.deeds_changed": (N_("What an access type allows was changed"), N_("{old} → {new}. Reason: {reason}")),
    "account.consent_changed": (N_("Consent changed"), N_("{kind}, edition {edition}, given: {given}")),
    "account.details_changed": (N_("Account details changed"), "{changes}"),
    "account.email_change_asked": (N_("Change of e-mail asked for"), N_("{old} → {new}. {proof}. Reason: {reason}")),
    "account.email_change_proven": (N_("Change of e-mail may go on"), N_("{old} → {new}. {proof}. Reason: {reason}")),
    "account.email_change_refused": (N_("Change of e-mail refused"), N_("{old} → {new}. Reason: {reason}")),
    "account.email_change_stopped": (N_("Change of e-mail stopped from the old address"), "{old} → {new}"),
    "account.email_change_undone": (N_("Change of e-mail undone from the old address"), "{old} → {new}"),
    "account.email_changed": (N_("E-mail changed"), "{old} → {new}"),
    "account.email_confirmed": (N_("E-mail confirmed"), "{address}"),
    "account.locked": (N_("Locked after wrong passwords"), N_("{failures} wrong tries, until {until}")),
    "account.merge_undone": (N_("Joining with another account undone"), N_("{email}. Reason: {reason}")),
    "account.merged": (N_("Another account of the person joined with this one"), N_("{email} → {kept}. Reason: {reason}")),
    "account.merged_into": (N_("Joined with another account of the person"), N_("{email} → {kept}. Reason: {reason}")),
    "account.password_changed": (N_("Password changed"), "{how}"),
    "account.phone_changed": (N_("Phone changed"), "{old} → {new}"),
    "account.registered": (N_("Registered"), "{person_type}"),
    "account.signed_in": (N_("Signed in"), N_("From a known device: {known_device}")),
    "account.signed_in_by_identity": (N_("Signed in by identity"), "{method}"),
    "account.signed_out": (N_("Signed out"), N_("Everywhere: {everywhere}")),
    "account.unlocked": (N_("Unlocked"), N_("Was locked until {until}. Reason: {reason}")),
    "account.visit_allowed": (N_("Seeing the site as the customer: allowed"), N_("{how}. Reason: {reason}")),
    "account.visit_asked": (N_("Seeing the site as the customer: asked for"), N_("Reason: {reason}")),
    "account.visit_began": (N_("Seeing the site as the customer: began"), N_("{role}. Reason: {reason}")),
    "account.visit_ended": (N_("Seeing the site as the customer: ended"), N_("{ended_by}, after {minutes} minutes")),
    "account.viewed": (N_("Looked at"), "{of}, {how}"),
    "building.changed": (N_("Building changed"), "{changes}"),
    "building.created": (N_("Building added"), "{changes}"),
    "company.changed": (N_("Company changed"), "{changes}"),
    "company.contacts_changed": (N_("Contact information of a company changed"), "{changes}"),
    "company.created": (N_("Company added"), "{changes}"),
    "company.parent_changed": (N_("To which company a company belongs was changed"), N_("{old} → {new}. Reason: {reason}")),
    "contract.attached": (N_("Contract added to an account"), "{access_type}"),
    "contract.attached_by_identity": (N_("Contract in the customer's own name came into the account"), "{access_type}"),
    "contract.attached_by_share": (N_("Shared contract taken"), "{access_type}"),
    "contract.attached_by_staff": (N_("Contract added to an account by staff"), N_("{access_type}. Reason: {reason}")),
    "contract.changed": (N_("Contract changed"), "{changes}"),
    "contract.company_changed": (N_("Company of a contract changed"), N_("{old} → {new}. Reason: {reason}")),
    "contract.created": (N_("Contract added"), "{changes}"),
    "contract.detached": (N_("Contract removed from an account by the customer"), "{access_type}"),
    "contract.detached_by_company": (N_("Contract removed from an account by who looks after the company's people"), "{access_type}"),
    "contract.detached_by_staff": (N_("Contract removed from an account by staff"), N_("{access_type}. Reason: {reason}")),
    "contract.passed_on": (N_("Contract passed on to another customer by the billing system"), "{access_type}"),
    "contract.placed": (N_("Contract put in a building"), N_("{before} → {after}. Reason: {reason}")),
    "feed.block_stored": (N_("Records of the billing feed taken in"), N_("New: {created}, changed: {changed}, unchanged: {same}")),
    "feed.problem_resolved": (N_("Record put aside was dealt with"), N_("Reason: {reason}")),
    "identity.collided": (N_("The same person has another account"), N_("Proven by {method}. Nothing was joined: that is for staff.")),
    "identity.confirmed": (N_("Identity confirmed"), "{method}"),
    "identity.confirmed_by_staff": (N_("Identity confirmed by staff from a document"), N_("{document}. Reason: {reason}")),
    "identity.ended": (N_("An identity no longer opens the account"), N_("{method}. {ended_by}. Reason: {reason}")),
    "identity.linked": (N_("Login elsewhere linked"), "{method}"),
    "identity.unlinked": (N_("Login elsewhere unlinked"), "{method}"),
    "invitation.accepted": (N_("Invitation into a company taken"), "{access_type}"),
    "invitation.ended": (N_("Invitation into a company ended"), N_("{ended_by}. Reason: {reason}")),
    "invitation.sent": (N_("Invited into a company"), N_("{email}, {access_type}. Reason: {reason}")),
    "invitation.sent_again": (N_("Invitation into a company sent again"), N_("{email}. Reason: {reason}")),
    "feed.run_finished": (N_("Feed read"), N_("Read: {seen}, new: {created}, changed: {changed}, put aside: {problems}. {error}")),
    "membership.access_type_changed": (N_("Access type changed"), N_("{old} → {new}. Reason: {reason}")),
    "membership.given_back": (N_("Contract of their own given back, because it left the company"), ""),
    "membership.replaced": (N_("Contract of their own replaced by the company's"), "{company}"),
    "membership.restored": (N_("Removed contract given back"), N_("Reason: {reason}")),
    "message.sent_again": (N_("Mail sent again"), N_("Reason: {reason}")),
    "meter.changed": (N_("Meter changed"), "{changes}"),
    "meter.created": (N_("Meter added"), "{changes}"),
    "meter.named": (N_("Customer's own name for a meter changed"), ""),
    "meterkind.changed": (N_("Kind of meter changed"), "{changes}"),
    "meterkind.created": (N_("Kind of meter added"), "{changes}"),
    "organisation.changed": (N_("Organisation changed"), "{changes}"),
    "organisation.loaded": (N_("Organisation loaded"), "{preset}"),
    "premises.changed": (N_("Premises changed"), "{changes}"),
    "premises.created": (N_("Premises added"), "{changes}"),
    "provider.changed": (N_("Provider changed"), "{changes}"),
    "provider.created": (N_("Provider added"), "{changes}"),
    "representative.access_type_changed": (N_("Access type in a company changed"), N_("{old} → {new}. Reason: {reason}")),
    "representative.added": (N_("Represents a company"), N_("{access_type}, contracts: {contracts}")),
    "representative.removed": (N_("No longer represents a company"), N_("{access_type}. {ended_by}. Reason: {reason}")),
    "reading.corrected": (
        N_("Reading corrected"),
        N_("{meter}: {replaces} → {value_milli}, {read_on}. Reason: {reason}"),
    ),
    "reading.correction_undone": (N_("Correction of a reading undone"), N_("{meter}: {value_milli} → {restores_milli}. Reason: {reason}")),
    "reading.declared": (N_("Reading declared"), N_("{meter}: {previous_milli} → {value_milli}, {read_on}")),
    "rows.acted_on": (N_("One act on several rows"), N_("{table}, {act}. Done: {done}, not done: {refused}")),
    "reading.entered": (N_("Reading entered by staff"), N_("{meter}: {previous_milli} → {value_milli}, {read_on}. Reason: {reason}")),
    "rows.exported": (N_("Rows exported"), N_("{desk}: {count}, {kind}. Filters: {filters}. Reason: {reason}")),
    "savedview.changed": (N_("Saved view changed"), "{changes}"),
    "savedview.removed": (N_("Saved view deleted"), "{name}"),
    "savedview.saved": (N_("List saved as a view"), N_("{name}. Colleagues see it too: {is_shared}")),
    "setting.changed": (N_("Setting changed"), N_("{setting}: {old} → {new}")),
    "share.ended": (N_("Sharing ended"), N_("{email}: {ended_by}. Reason: {reason}")),
    "share.given": (N_("Contract shared"), N_("With {email}, until {last_on}")),
    "thirdpartypayer.added": (N_("Third-party payer added"), ""),
    "thirdpartypayer.ended": (N_("Third-party payer ended"), N_("{ended_by}. Reason: {reason}")),
    "staff.buildings_changed": (N_("Buildings of a property manager changed"), N_("{old} → {new}. Reason: {reason}")),
    "staff.dismissed": (N_("No longer works here"), N_("Reason: {reason}")),
    "staff.enrolled": (N_("Took up the invitation"), ""),
    "staff.invited": (N_("Invited"), "{role}"),
    "staff.locked": (N_("Staff locked after wrong sign-ins"), N_("{failures} wrong tries, until {until}")),
    "staff.role_changed": (N_("Role changed"), N_("{old} → {new}. Reason: {reason}")),
    "staff.signed_in": (N_("Staff signed in"), ""),
    "staff.signed_out": (N_("Staff signed out"), ""),
    "staff.unlocked": (N_("Staff unlocked"), N_("Was locked until {until}. Reason: {reason}")),
    "company.register_said": (N_("The register of legal entities says of the company"), "{changes}"),
    "head.ended": (N_("No longer heads the company"), N_("{name}. Stays as an authorised person: {becomes}. {reason}")),
    "head.grants_to_look_at": (N_("The new head is to look at access that the former one gave"), "{people}"),
    "head.named": (N_("Heads the company"), N_("{name}, since {since}. From: {source}. {document} {reason}")),
    "register.let_pass": (N_("Heads of companies were let end"), N_("So many: {ending}. Reason: {reason}")),
}
# How the tables are called in facts.
TABLE_WORDS = {
    "accesstype": N_("Access types"),
    "account": N_("Accounts"),
    "building": N_("Buildings"),
    "company": N_("Companies"),
    "contract": N_("Contracts"),
    "emailchange": N_("Changes of e-mail"),
    "event": N_("Events"),
    "invitation": N_("Invitations"),
    "head": N_("Heads of companies"),
    "invoice": N_("Invoices"),
    "membership": N_("Access"),
    "message": N_("Mail"),
    "meter": N_("Meters"),
    "organisation": N_("Organisations"),
    "premises": N_("Premises"),
    "provider": N_("Providers"),
    "reading": N_("Readings"),
    "representative": N_("Company people"),
    "share": N_("Sharing"),
    "staff": N_("Staff"),
    "syncproblem": N_("Put aside"),
    "syncrun": N_("Runs of feeds"),
    "thirdpartypayer": N_("Third-party payers"),
    "identity": N_("Identities"),
    "visit": N_("Seeing as the customer"),
}
# What was looked at, and how (rules/looks.py).
LOOKED = {
    "account": N_("Account"),
    "company": N_("Company"),
    "contract": N_("Contract"),
    "emailchange": N_("Change of e-mail"),
    "event": N_("Event"),
    "invitation": N_("Invitation"),
    "head": N_("Head of a company"),
    "invoice": N_("Invoice"),
    "membership": N_("Access"),
    "message": N_("Mail"),
    "meter": N_("Meter"),
    "reading": N_("Reading"),
    "representative": N_("Place in a company"),
    "share": N_("Sharing"),
    "syncproblem": N_("Record"),
    "thirdpartypayer": N_("Third-party payer"),
    "identity": N_("Identity"),
    "visit": N_("Seeing as the customer"),
    "opened": N_("opened"),
    "found": N_("found by a search"),
}
# Words for the codes that stand in facts.
CODES = {
    "account.password_changed": {"reset": N_("By a link in a mail"), "changed": N_("With the old password")},
    "account.consent_changed": {"privacy": N_("Privacy notice"), "marketing": N_("Offers and news"), "club": N_("Club rules")},
    "account.email_change_asked": dict(PROOFS),
    "account.email_change_proven": dict(PROOFS),
    "account.visit_allowed": dict(VISIT_ALLOWED),
    "account.visit_ended": dict(VISIT_ENDS),
    "account.viewed": LOOKED,
    "identity.ended": dict(IDENTITY_ENDS),
    "invitation.ended": dict(INVITATION_ENDS),
    "representative.removed": dict(ENDED_BY),
    "head.ended": dict(HEAD_SOURCES),
    "head.named": dict(HEAD_SOURCES),
    "share.ended": dict(ENDED_BY),
    "thirdpartypayer.ended": dict(PAYING_ENDED_BY),
}
CHOICES = {**dict(ROLES), **dict(PERSON_TYPES), **access.CUSTOMER_DEEDS}
MODELS = {model.__name__.lower(): model for model in TABLES}


def table(name: str) -> str:
    """How a table is called."""
    return _(TABLE_WORDS[name]) if name in TABLE_WORDS else name


def title(name: str) -> str:
    """An event's title."""
    return _(WORDS[name][0])


def detail(name: str, facts: dict[str, Any] | None) -> str:
    """The line of facts under an event's title; empty once they were erased."""
    sentence = WORDS[name][1]
    if not sentence or facts is None:
        return ""
    codes = CODES.get(name, {})
    said = {fact: _(codes[value]) if isinstance(value, str) and value in codes else _written(fact, value) for fact, value in facts.items()}
    if "method" in facts:
        said["method"] = _(identities.title(facts["method"]))
    if "after" in facts:
        said["changes"] = _changes(name, facts.get("before", {}), facts["after"])
    if name == "setting.changed":
        knob = settings.CATALOGUE.get(facts["name"])
        said["setting"] = _(knob.metadata["label"]) if knob else facts["name"]
        said |= {fact: setting(facts["name"], facts[fact]) for fact in ("old", "new")}
    if name.startswith("head."):  # the register gives neither document nor reason
        said |= {fact: "" for fact in ("document", "reason") if not facts.get(fact)}
    if "table" in facts:
        said["table"] = table(facts["table"])
    if "act" in facts:
        word = facts["act"]
        said["act"] = _(word)
    if "desk" in facts:
        said |= narrowed(facts["desk"], facts.get("filters") or {})
    if name == "feed.run_finished":
        reason = facts["error"]
        said["error"] = _(reason) if reason else ""  # a sentence of its own, or nothing to say
    one_of = "bulk" in facts and "bulk" not in events.FACTS[name]
    return " ".join([_(sentence).format_map(_Said(said)).strip(), _("Done together with other rows.") if one_of else ""]).strip()


def narrowed(endpoint: str, filters: dict[str, str]) -> dict[str, str]:
    """A desk and what its list was narrowed by, as its own page calls them. Of a relation only which it was: whose row it named may
    not be the reader's to know."""
    desk = next((view for view in current_app.extensions["admin"][0]._views if view.endpoint == endpoint), None)
    if desk is None:  # of a version that had it
        return {}
    tabs = {tab.name: _(tab.label) for tab in desk.tabs}
    said = []
    for name, value in filters.items():
        field = name.removesuffix("_to")
        if name == "tab":
            said.append(tabs.get(value, value))
        elif name == "search":
            said.append(value)
        elif field in desk.column_filters:
            label = str(desk.column_labels[field])
            label = _("%(label)s, until", label=label) if field != name else label
            words = desk.choices(field).get(value) or _written(name, value)
            said.append(label if re.fullmatch(r"[0-9a-f-]{36}", value) else f"{label}: {words}")
    return {"desk": str(desk.name), "filters": "; ".join(said) or NOTHING}


class _Said(dict[str, Any]):
    """An event of an earlier version may lack a fact that is told today: it is kept as it was."""

    def __missing__(self, fact: str) -> str:
        return NOTHING


def _changes(name: str, before: Any, after: Any) -> str:
    """Each field that changed: what it said, what it says."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    columns = MODELS[name.partition(".")[0]]._meta.fields
    parts = []
    for field, value in after.items():
        label = _(str(columns[field].verbose_name)) if field in columns and columns[field].verbose_name else field
        was = f"{_written(field, before[field])} → " if field in before else ""
        parts.append(f"{label}: {was}{_written(field, value)}")
    return "; ".join(parts)


DAY, MOMENT = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d")


def _written(fact: str, value: Any) -> str:
    """One fact as people read it: its name or its look tells what it is."""
    if value is None or value == "" or value == [] or value == {}:
        return NOTHING
    if isinstance(value, bool):
        return _(YES) if value else _(NO)
    if fact.endswith("_milli") or fact == "replaces":
        return formats.quantity(value, i18n.language())
    if isinstance(value, int):
        return formats.quantity(value * 1000, i18n.language())
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_written(name, part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_written(fact, part) for part in value)
    text = formats.phone(str(value))
    if MOMENT.fullmatch(text):
        moment = datetime.fromisoformat(text)
        return _("a new password is set") if moment == lockouts.UNTIL_RESET else formats.moment(moment, i18n.language())
    if DAY.fullmatch(text):
        return formats.day(date.fromisoformat(text), i18n.language())
    if text in CHOICES:
        return _(CHOICES[text])
    return str(access_type(text))


def name_of(actor: Any) -> Any:
    """In a statement over events: the name of whoever did it, "Olga South" for "staff:12"; the column as it is for who has none."""
    names = [
        (actor.startswith(prefix), model.select(model.name).where(model.id == pw.fn.SUBSTR(actor, len(prefix) + 1).cast("BIGINT")))
        for prefix, model in (("staff:", Staff), ("account:", Account))
    ]
    return pw.fn.COALESCE(pw.Case(None, names), actor)


MACHINES = {events.SYSTEM: N_("The system"), events.OPERATOR: N_("The operator")}


def who(actor: str) -> str:
    """Whoever did it, as `name_of` reads it, in words."""
    return _(MACHINES[actor]) if actor in MACHINES else actor


def told(query: pw.ModelSelect) -> list[dict[str, str]]:
    """Events as the timeline shows them: what, the line under it, who, when."""
    read = query.select(Event.name, Event.facts, name_of(Event.actor), Event.at).tuples()
    return [
        {"what": title(name), "detail": detail(name, facts), "who": who(actor), "when": formats.moment(at, i18n.language())}
        for name, facts, actor, at in read
    ]


def opened(name: str, at: datetime) -> str:
    """Since when a colleague has had a page open."""
    if now() - at < timedelta(minutes=1):
        return _("%(name)s opened this just now.", name=name)
    return _("%(name)s opened this %(ago)s.", name=name, ago=formats.ago(at, now(), i18n.language()))
