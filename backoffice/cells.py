"""How one value of a table is written for whoever reads: decided by its field once for a page, not once for a cell."""

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

import peewee as pw
from flask_babel import gettext as _
from markupsafe import Markup

import formats
import i18n
from backoffice.grid import NOTHING
from models import N_, AccessType, Message, UTCDateTimeField, canonical, now
from rules import access, settings
from rules.refusal import Refused
from rules.sync_run import REGISTER

YES, NO = N_("Yes"), N_("No")

# Values that are a state, and how good or bad it is; the word itself says it, the colour repeats.
KINDS: dict[tuple[type[Any], str], dict[Any, str]] = {
    (Message, "state"): {"new": "neutral", "sending": "neutral", "sent": "ok", "dead": "bad"},
}


def writer(field: Any) -> Callable[[Any], Any]:
    """What writes the values of `field` (or of its alias) on a page, for the reader of this request."""
    field = getattr(field, "field", field)
    said = WRITERS.get((field.model, field.name))
    return said if said is not None else _by_kind(field.model, field.name, i18n.language())


@functools.cache
def _by_kind(table: type[Any], name: str, language: str) -> Callable[[Any], Any]:
    field = table._meta.fields[name]
    if field.choices:
        words = {value: _(word) for value, word in field.choices}
        kinds = KINDS.get((field.model, field.name))
        return (lambda v: tag(words.get(v, v), kinds[v])) if kinds else (lambda v: words.get(v, v))
    if isinstance(field, UTCDateTimeField):
        return lambda v: NOTHING if v is None else formats.moment(v, language)
    if isinstance(field, pw.DateField):
        return lambda v: NOTHING if v is None else formats.day(v, language)
    if isinstance(field, pw.BooleanField):
        return lambda v: _(YES) if v else _(NO)
    if field.name.endswith("_cents"):
        return lambda v: NOTHING if v is None else formats.money(v, language)
    if field.name.endswith("_milli"):
        return lambda v: NOTHING if v is None else formats.quantity(v, language)
    if look(field) == "right":
        return lambda v: NOTHING if v is None else formats.quantity(v * 1000, language)
    if field.name == "phone":
        return lambda v: formats.phone(v) if v else NOTHING
    return lambda v: NOTHING if v in (None, "") else v


def look(field: Any) -> str:
    """How values of `field` stand in a column: figures to the right; days, moments and phone numbers on one line."""
    if isinstance(field, pw.IntegerField) and not isinstance(field, pw.ForeignKeyField):
        return "right"
    return "short" if isinstance(field, pw.DateField | pw.DateTimeField) or field.name == "phone" else ""


def setting(name: str, value: Any) -> str:
    """A setting's value in words."""
    choices = dict(settings.CATALOGUE[name].metadata["choices"] or ()) if name in settings.CATALOGUE else {}
    if value in choices:
        return _(choices[value])
    return _(YES if value else NO) if isinstance(value, bool) else str(value)


def feed(name: str) -> str:
    """What was read: a billing system, or the register of legal entities."""
    return _("Register of legal entities") if name == REGISTER else setting("billing_system", name)


def tag(word: str, kind: str) -> Markup:
    """A word on a coloured ground, as `shared/parts.html` draws it: ok, warn, bad or neutral."""
    return Markup('<span class="tag tag-{}">{}</span>').format(kind, word)


def locked(until: datetime | None) -> Any:
    """A lock that holds, as a tag with its end."""
    if until is None or until <= now():
        return NOTHING
    return tag(_("a new password is set") if until.year == 9999 else formats.moment(until, i18n.language()), "warn")


def money_if_any(name: str, row: dict[str, Any]) -> str:
    """An amount that is seldom there at all."""
    return formats.money(row[name], i18n.language()) if row[name] else NOTHING


def access_type(name: str | None) -> Any:
    """An access type in words: the organisation's own name for it where it has one."""
    return _(access.ACCESS_TYPES[name][0]) if name in access.ACCESS_TYPES else name or NOTHING


def sentence(text: str, facts: dict[str, Any] | None) -> str:
    """A sentence with its facts, as a rule left it in a table."""
    return i18n.say(Refused(text, **(facts or {})))


def json(value: Any) -> str:
    """A record as it came."""
    return NOTHING if value is None else canonical(value)


def mail(kind: str) -> str:
    """What a kind of mail is about."""
    return _(MAILS[kind]) if kind in MAILS else kind


MAILS = {
    "accounts_merged": N_("Two accounts joined"),
    "access_type_changed": N_("Access type changed"),
    "account_locked": N_("Account locked"),
    "account_unlocked": N_("Account unlocked"),
    "already_registered": N_("Already registered"),
    "company_access_changed": N_("Access to a company changed"),
    "company_access_ended": N_("Access to a company ended"),
    "company_access_given": N_("Access to a company given"),
    "company_invitation": N_("Invitation into a company"),
    "confirm_by_code": N_("Code to confirm an e-mail"),
    "confirm_by_link": N_("Link to confirm an e-mail"),
    "contract_attached": N_("Contract added"),
    "contract_attached_by_identity": N_("Contracts in one's own name added"),
    "contract_attached_elsewhere": N_("Contract added by somebody else"),
    "contract_ended": N_("Contract removed"),
    "contract_replaced": N_("Contract of one's own replaced by a company's"),
    "contract_restored": N_("Contract given back"),
    "contract_shared": N_("Contract shared"),
    "email_change_code": N_("Code to change an e-mail"),
    "email_change_confirm": N_("Confirm the new e-mail"),
    "email_change_notice": N_("E-mail is about to change"),
    "email_change_refused": N_("Change of e-mail refused"),
    "email_change_undone": N_("Change of e-mail undone"),
    "email_changed_new": N_("E-mail changed, to the new address"),
    "email_changed_old": N_("E-mail changed, to the old address"),
    "invitation_accepted": N_("Invitation taken"),
    "invited_by_staff": N_("Staff invited to a company"),
    "former_head_gave": N_("Access that a former head gave"),
    "head_entered": N_("Head of a company entered by staff"),
    "merge_undone": N_("Joined accounts parted again"),
    "new_invoice": N_("New bill"),
    "password_changed": N_("Password changed"),
    "phone_changed": N_("Phone changed"),
    "reading_changed": N_("Reading changed by staff"),
    "reading_declared": N_("Readings declared"),
    "reading_reminder": N_("Reminder to declare readings"),
    "reset_no_account": N_("No account to reset"),
    "reset_password": N_("Forgotten password"),
    "share_accepted": N_("Shared contract taken"),
    "bill_to_pay_for_another": N_("New bill to pay for somebody else"),
    "paid_by_another": N_("Somebody else pays for it too"),
    "paying_added": N_("Paying for somebody else"),
    "paying_ended": N_("Paying for somebody else ended"),
    "staff_invitation": N_("Invitation of staff"),
    "staff_role_changed": N_("Role changed"),
    "visit_asked": N_("Code to let staff see the site as the customer"),
    "visit_over": N_("Staff saw the site as the customer"),
    "way_in_ended": N_("A way to sign in was ended"),
    "way_in_code": N_("Code for a new way to sign in"),
    "identity_yielded": N_("Identity written down from a document ended"),
    "identity_noted": N_("Identity written down from a document"),
    "way_in_added": N_("New way to sign in"),
}
WRITERS: dict[tuple[type[Any], str], Callable[[Any], Any]] = {(AccessType, "name"): access_type}
