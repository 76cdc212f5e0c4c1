"""The rules on which organisations differ (K01-K27), each declared once: default, label, bounds. The settings pages, the
presets and the checks are made from this catalogue; a rule is added here together with what obeys it."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from models import N_, Organisation, Setting, Staff
from rules import events
from rules.refusal import Refused
from rules.statements import statement
from rules.work import unit_of_work


def knob(default: Any, label: str, *, group: str, k: str = "", low: int | None = None, high: int | None = None, choices: Any = ()) -> Any:
    """One setting: its default for a new organisation, what staff read, and what it may be."""
    facts = {"label": label, "group": group, "k": k, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=facts)


SIGN_UP, SIGN_IN, CONTRACTS, READINGS, BILLING = N_("Registration"), N_("Sign-in"), N_("Contracts"), N_("Readings"), N_("Billing")
COMPANIES, PRIVACY = N_("Companies"), N_("Privacy")
# How well it is known who an account is of, each more than the one before (K03).
LEVELS = {"none": N_("nothing more"), "email": N_("a confirmed e-mail address"), "strong": N_("a confirmed identity")}
LEVEL_CHOICES = tuple(LEVELS.items())


@dataclass(frozen=True)
class Settings:
    """The rules of one organisation. A misspelt name is an error, never a None."""

    signup_confirm: str = knob(
        "code", N_("A new customer's e-mail is confirmed"), group=SIGN_UP, k="K01",
        choices=(("code", N_("by a code")), ("link", N_("by a link")), ("none", N_("later: the account opens at once"))),
    )  # fmt: skip
    code_digits: int = knob(6, N_("Digits of the code"), group=SIGN_UP, k="K01", low=4, high=8)
    code_minutes: int = knob(10, N_("The code is good for, minutes"), group=SIGN_UP, k="K01", low=2, high=10)
    code_tries: int = knob(5, N_("Tries for one code"), group=SIGN_UP, k="K01", low=1, high=5)
    link_hours: int = knob(48, N_("The link is good for, hours"), group=SIGN_UP, k="K01", low=1, high=72)
    person_types: str = knob(
        "both", N_("Who may register"), group=SIGN_UP, k="K22",
        choices=(("natural", N_("natural persons")), ("legal", N_("legal persons")), ("both", N_("natural and legal persons"))),
    )  # fmt: skip
    signup_names: str = knob(
        "one", N_("A person's name is asked"), group=SIGN_UP,
        choices=(("one", N_("in one field")), ("two", N_("as first name and surname")), ("none", N_("not at all"))),
    )  # fmt: skip
    signup_phone: bool = knob(True, N_("A phone number is asked"), group=SIGN_UP, k="K12")
    signup_contract: bool = knob(False, N_("The payer code is asked at once"), group=SIGN_UP, k="K26")
    company_email_only: bool = knob(False, N_("Only a company's e-mail address, not one of a public mail service"), group=SIGN_UP, k="K13")
    password_min: int = knob(8, N_("Shortest password, characters"), group=SIGN_IN, k="K02", low=8, high=64)
    password_upper: int = knob(0, N_("Capital letters in a password, at least"), group=SIGN_IN, k="K02", low=0, high=4)
    password_lower: int = knob(0, N_("Small letters in a password, at least"), group=SIGN_IN, k="K02", low=0, high=4)
    password_digit: int = knob(0, N_("Digits in a password, at least"), group=SIGN_IN, k="K02", low=0, high=4)
    email_change: str = knob(
        "agent", N_("The e-mail that a customer signs in with is changed"), group=SIGN_IN, k="K10",
        choices=(
            ("agent", N_("by customer service, with a proof")), ("self", N_("by the customer too, who confirms it")),
            ("recreate", N_("by nobody: the customer registers anew")),
        ),
    )  # fmt: skip
    identity_for_everything: str = knob(
        "none", N_("To do anything at all, an account needs"), group=SIGN_IN, k="K03", choices=LEVEL_CHOICES
    )
    identity_for_heads: str = knob("none", N_("To act as the head of a company"), group=SIGN_IN, k="K03", choices=LEVEL_CHOICES)
    identity_for_authorised: str = knob(
        "none", N_("To act as the authorised person of a company"), group=SIGN_IN, k="K03", choices=LEVEL_CHOICES
    )
    identity_for_sharing: str = knob("none", N_("To share a contract with others"), group=SIGN_IN, k="K03", choices=LEVEL_CHOICES)
    login_smart_id: bool = knob(False, N_("Smart-ID"), group=SIGN_IN, k="K14")
    login_mobile_id: bool = knob(False, N_("Mobile-ID"), group=SIGN_IN, k="K14")
    login_banks: bool = knob(False, N_("Banks"), group=SIGN_IN, k="K14")
    login_viisp: bool = knob(False, N_("e-Government Gateway"), group=SIGN_IN, k="K14")
    login_social: bool = knob(False, N_("Google and Facebook, once linked to the account"), group=SIGN_IN, k="K14")
    signup_identity: str = knob(
        "no", N_("Who registers may prove who they are"), group=SIGN_UP, k="K22",
        choices=(
            ("no", N_("no, only later, in the account")), ("offered", N_("instead of typing a name")),
            ("heads", N_("as the head of a company; employees register by e-mail")),
        ),
    )  # fmt: skip
    lock_after: int = knob(5, N_("Lock after wrong passwords"), group=SIGN_IN, k="K15", low=3, high=20)
    lock_hours: int = knob(6, N_("The lock lasts, hours"), group=SIGN_IN, k="K15", low=1, high=48)
    unit_word: str = knob(
        "contract", N_("What customers add is called"), group=CONTRACTS, k="K23",
        choices=(("contract", N_("contract")), ("object", N_("object")), ("service", N_("service"))),
    )  # fmt: skip
    claim_who: str = knob(
        "anyone", N_("Who may add a contract"), group=CONTRACTS, k="K05",
        choices=(
            ("anyone", N_("whoever knows what the bill shows")), ("first", N_("of those, the first, until they remove it")),
            ("staff", N_("only staff, for the customer")),
        ),
    )  # fmt: skip
    claim_provider: bool = knob(False, N_("Ask for the provider besides the payer code"), group=CONTRACTS, k="K04")
    claim_invoice: bool = knob(True, N_("Ask for the number of the last invoice besides the payer code"), group=CONTRACTS, k="K04")
    claim_by_identity: bool = knob(
        False, N_("Contracts in one's own name come into the account once it is proven who one is"), group=CONTRACTS, k="K04"
    )
    claim_access: str = knob(
        "owner", N_("Whoever adds a contract becomes"), group=CONTRACTS, k="K26",
        choices=(("owner", N_("Owner")), ("user", N_("User"))),
    )  # fmt: skip
    pay_for_others: bool = knob(
        False, N_("Customers may pay somebody else's bill, of which they then see the amount alone"), group=CONTRACTS, k="K05"
    )
    sharing: bool = knob(True, N_("Owners may share what they added with another person's e-mail"), group=CONTRACTS, k="K06")
    share_ended_by: str = knob(
        "giver", N_("Sharing is ended by"), group=CONTRACTS, k="K07",
        choices=(("giver", N_("only the owner who shared")), ("any_owner", N_("any owner"))),
    )  # fmt: skip
    invitation_days: int = knob(7, N_("An invitation into a company is good for, days"), group=COMPANIES, k="K06", low=1, high=30)
    authorised_removes_authorised: bool = knob(True, N_("Authorised persons may remove one another"), group=COMPANIES, k="K07")
    members_editable: bool = knob(
        False, N_("A company's people may be lowered in place, not only removed and invited anew"), group=COMPANIES, k="K09"
    )
    reading_opens_on: int = knob(1, N_("Readings open on day of the month"), group=READINGS, k="K16", low=1, high=28)
    reading_closes_on: int = knob(
        31, N_("Readings close after day of the month (31: the last one)"), group=READINGS, k="K16", low=1, high=31
    )
    same_day_reading: str = knob(
        "latest", N_("Of two readings that a customer declares on one day"), group=READINGS,
        choices=(("latest", N_("the later one counts")), ("highest", N_("the higher one counts"))),
    )  # fmt: skip
    remind_at_start: bool = knob(True, N_("Remind customers when readings open"), group=READINGS)
    remind_days_before: int = knob(3, N_("Remind who has not declared, days before the end (0: never)"), group=READINGS, low=0, high=10)
    billing_system: str = knob(
        "nothing", N_("Billing system"), group=BILLING,
        choices=(("nothing", N_("none")), ("csv", "CSV"), ("ubl", "UBL 2.1")),
    )  # fmt: skip
    unknown_payer: str = knob(
        "problem", N_("A bill for an unknown payer code"), group=BILLING,
        choices=(("problem", N_("is put aside for staff")), ("open", N_("opens a contract"))),
    )  # fmt: skip
    bill_prints: str = knob(
        "payer_code", N_("What our own PDF of a bill says of this site"), group=BILLING, k="K25",
        choices=(("payer_code", N_("its address and what to register with, never a password")), ("nothing", N_("nothing"))),
    )  # fmt: skip
    looks_months: int = knob(24, N_("Customers see who looked at their data, months back"), group=PRIVACY, low=1, high=120)
    staff_named: bool = knob(False, N_("Customers see the names of staff who looked at their data"), group=PRIVACY)
    announce_invoices: bool = knob(True, N_("Tell customers of a new bill by e-mail"), group=BILLING)


CATALOGUE = {f.name: f for f in fields(Settings)}


def of(organisation: Organisation) -> Settings:
    """The rules of `organisation`: the catalogue's defaults and what differs. Kept on the row for as long as the row lives."""
    kept = organisation.__dict__.get("_settings")
    if kept is None:
        differing = {name: value for name, value in _differing(organisation.id) if name in CATALOGUE}
        kept = organisation.__dict__["_settings"] = Settings(**differing)
    return kept


@statement
def _differing(organisation: int) -> Any:
    return Setting.select(Setting.name, Setting.value).where(Setting.organisation == organisation).tuples()


def check(name: str, value: Any) -> Any:
    """`value` if the setting may have it. Raises Refused with the bounds, KeyError for an unknown name."""
    facts, default = CATALOGUE[name].metadata, CATALOGUE[name].default
    if facts["choices"]:
        if value not in dict(facts["choices"]):
            raise Refused(N_("Select one of the values offered"), field="value")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise Refused(N_("Select yes or no"), field="value")
    elif not isinstance(value, int) or isinstance(value, bool) or not facts["low"] <= value <= facts["high"]:
        raise Refused(N_("The value must be a whole number from {low} to {high}"), field="value", low=facts["low"], high=facts["high"])
    return value


def change(organisation: Organisation, name: str, value: Any, *, by: Staff | str) -> None:
    """Set one rule of an organisation. Says nothing where it already holds; raises Refused outside its bounds."""
    value = check(name, value)
    with unit_of_work():
        old = getattr(of(organisation), name)
        if old == value:
            return
        merged = Settings(**{**asdict(of(organisation)), name: value})
        if merged.reading_opens_on > merged.reading_closes_on:
            raise Refused(N_("Readings must close on day {opens} or later"), field="value", opens=merged.reading_opens_on)
        if value == CATALOGUE[name].default:
            Setting.delete().where((Setting.organisation == organisation) & (Setting.name == name)).execute()
        else:
            Setting.insert(organisation=organisation, name=name, value=value).on_conflict(
                conflict_target=[Setting.organisation, Setting.name], update={Setting.value: value}
            ).execute()
        events.record("setting.changed", organisation, by=by, name=name, old=old, new=value)
    organisation.__dict__.pop("_settings", None)
