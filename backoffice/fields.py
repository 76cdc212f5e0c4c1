"""Fields of the backoffice's forms: made from the tables' own columns, and the few that acts need. What is wrong is said with the
field's own name, as something to do."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import peewee as pw
from flask import current_app
from flask_babel import gettext as _, lazy_gettext
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional, StopValidation
from wtforms.widgets import CheckboxInput, ListWidget

import i18n
import web
from backoffice.lookups import ContractLookup, Lookup
from models import (
    N_,
    PROOFS,
    ROLES,
    AccessType,
    Account,
    Building,
    Company,
    Membership,
    Meter,
    Reading,
    Representative,
    Staff,
    StaffBuilding,
)
from rules import access, clock, email_changes, holding, links, readings, settings
from rules.refusal import Missing

LONG_TEXT, MOST_DECIMALS = 300, 3
LONGEST_REASON = 300


class Needed:
    """The field must say something."""

    field_flags = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        if not field.data or (isinstance(field.data, str) and not field.data.strip()):
            field.errors = []
            raise StopValidation(_("Enter: %(label)s", label=field.label.text))


class AtMost:
    """The field takes so many characters."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self, form: Any, field: Field) -> None:
        if field.data and len(field.data) > self.most:
            raise StopValidation(_("%(label)s must be at most %(most)s characters", label=field.label.text, most=self.most))


class Choice(SelectField):
    """One of a list of (value, words)."""

    def __init__(self, label: Any, *, choices: Iterable[tuple[str, Any]], **options: Any) -> None:
        super().__init__(label, choices=[SelectChoice(value, words) for value, words in choices], **options)

    def pre_validate(self, form: Any) -> None:
        if self.data not in [value for value, *_rest in self.iter_choices()]:
            raise StopValidation(_("Select: %(label)s", label=self.label.text))


class Ticks(SelectMultipleField):
    """Any of a list of (value, words), each with a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, label: Any, *, choices: Iterable[tuple[str, Any]], **options: Any) -> None:
        super().__init__(label, choices=[SelectChoice(value, words) for value, words in choices], **options)

    def pre_validate(self, form: Any) -> None:
        if set(self.data or ()) - {value for value, *_rest in self.iter_choices()}:
            raise StopValidation(_("Select: %(label)s", label=self.label.text))


class WholeNumber(StringField):
    """A whole number, or nothing; what it may be is asked of the rules."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        typed = valuelist[0].strip() if valuelist else ""
        if typed and not re.fullmatch(r"[0-9]{1,9}", typed):
            raise ValueError(_("%(label)s: enter digits only", label=self.label.text))
        self.data = int(typed) if typed else None

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else "" if self.data is None else str(self.data)


class ReadingValue(StringField):
    """What a meter showed, with a comma or a dot; `data` is thousandths."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        read = readings.parse(valuelist[0]) if valuelist and valuelist[0].strip() else None
        if valuelist and valuelist[0].strip() and read is None:
            raise ValueError(_("%(label)s: enter digits only", label=self.label.text))
        if read is not None and read[1] > MOST_DECIMALS:
            raise ValueError(_(readings.TOO_FINE[MOST_DECIMALS]))
        self.data = read[0] if read else None

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else ""


class LookupField(StringField):
    """A row of another table by its words: a list offers them while one types, and without a script they can be typed whole."""

    def __init__(self, loader: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.loader, self.words = loader, ""

    def _value(self) -> str:
        return self.words or (self.loader.format(self.data) if self.data else "")

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        self.words = valuelist[0].strip() if valuelist else ""
        self.data = self.loader.get_one(self.words) if self.words else None

    def pre_validate(self, form: Any) -> None:
        if self.words and self.data is None:
            raise StopValidation(_("%(label)s: select one of those that appear while you type", label=self.label.text))


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


# ---- forms made from a table ------------------------------------------------------------------------------------------


def form_class(desk: Any) -> type[web.Form]:
    """The form of a desk's own `form_columns`: nothing else that is sent is ever looked at (T29)."""
    made = {name: _field(desk, name) for name in desk.form_columns or ()}
    return type(f"{desk.model.__name__}Form", (desk.form_base_class,), {**made, "version": HiddenField(default="0")})


def _field(desk: Any, name: str) -> Field:
    column = desk.model._meta.fields[name]
    options: dict[str, Any] = {"label": desk.column_labels[name]}
    if column.help_text:
        options["description"] = lazy_gettext(column.help_text)
    if isinstance(column, pw.BooleanField):
        return BooleanField(**options)
    needed = [] if column.null or column.default is not None else [Needed()]
    if isinstance(column, pw.ForeignKeyField):
        return LookupField(loader=desk._form_ajax_refs[name], validators=needed, **options)
    if column.choices:
        return Choice(choices=[(value, lazy_gettext(word)) for value, word in column.choices], **options)
    if isinstance(column, pw.IntegerField):
        return WholeNumber(validators=needed, render_kw={"inputmode": "numeric", "autocomplete": "off", "class": "w-4"}, **options)
    long = TextAreaField if column.max_length > LONG_TEXT else StringField
    return long(filters=[_stripped], validators=[*needed, AtMost(column.max_length)], render_kw={"autocomplete": "off"}, **options)


# ---- what an act needs ------------------------------------------------------------------------------------------------


def reason(row: Any) -> Field:
    return TextAreaField(
        lazy_gettext("Reason"),
        description=lazy_gettext("The customer reads it too, in the letter and beside the reading.")
        if isinstance(row, Meter | Reading)
        else lazy_gettext("Written down with your name, for colleagues and auditors."),
        validators=[Needed(), AtMost(LONGEST_REASON)],
        render_kw={"rows": 3},
    )


def email(row: Any) -> Field:
    return EmailField(lazy_gettext("E-mail"), filters=[_stripped], validators=[Needed(), AtMost(254)], render_kw={"autocomplete": "off"})


def proof(row: Account) -> Field:
    """What shows that a change of e-mail is the customer's wish; a strong identity only where it has just signed in."""
    offered = [name for name in ("code", "colleague", "identity") if name != "identity" or email_changes.has_just_proven(row)]
    words = dict(PROOFS)
    return RadioField(
        lazy_gettext("What proves that the customer wants it"),
        choices=[(name, _(words[name])) for name in offered],
        validators=[Needed()],
    )


def spoken_code(row: Any) -> Field:
    return StringField(
        lazy_gettext("The code that the customer reads out"),
        filters=[_stripped],
        validators=[Needed()],
        render_kw={"autocomplete": "off", "inputmode": "numeric", "class": "code-digits", "maxlength": 7},
    )


def access_type(row: Any) -> Field:
    """Of a membership the one it has, of an account the one that adding gives."""
    now_ = row.access_type.name if isinstance(row, Membership) else settings.of(row.organisation).claim_access
    kinds = AccessType.select().where((AccessType.organisation == row.organisation_id) & AccessType.name.in_(access.GRANTABLE_TYPES))
    return Choice(
        lazy_gettext("Access type"),
        choices=[(kind.name, _(access.ACCESS_TYPES[kind.name][0])) for kind in kinds.order_by(AccessType.position)],
        default=now_,
    )


def company_type(row: Any) -> Field:
    """What staff may give in a company: never the access type of a head (IB-31)."""
    return Choice(
        lazy_gettext("Access type"),
        choices=[(name, _(access.ACCESS_TYPES[name][0])) for name in access.GRANTABLE_IN_A_COMPANY],
        default=row.access_type.name if isinstance(row, Representative) else "user",
    )


def company(row: Any) -> Field:
    return LookupField(label=lazy_gettext("Company"), loader=Lookup(Company), default=row.company, validators=[Needed()])


def parent(row: Any) -> Field:
    return LookupField(label=lazy_gettext("Belongs to"), loader=Lookup(Company), default=row.belongs_to, validators=[Needed()])


def contract(row: Account) -> Field:
    """A contract by its payer code; the one that the customer seems to have meant last, where staff can see which it is."""
    return LookupField(
        label=lazy_gettext("Contract"),
        description=lazy_gettext("Begin with the payer code and choose one of those that appear."),
        loader=ContractLookup(),
        default=next((found for _tried, found in holding.tries(row, by=web.viewer()) if found), None),
        validators=[Needed()],
    )


def building(row: Any) -> Field:
    return LookupField(label=lazy_gettext("Building"), loader=Lookup(Building), default=row.building, validators=[Needed()])


def number(row: Any) -> Field:
    return StringField(
        lazy_gettext("Number of the premises"),
        description=lazy_gettext("Empty: the building itself. Premises that are new are added."),
        filters=[_stripped],
        validators=[AtMost(20)],
        default=row.premises.number if row.premises else "",
        render_kw={"autocomplete": "off", "class": "w-short"},
    )


def role(row: Any) -> Field:
    given = access.GRANTABLE_ROLES.get(web.viewer().role, ())
    return Choice(lazy_gettext("Role"), choices=[(name, _(word)) for name, word in ROLES if name in given], default=row.role)


def buildings(row: Staff) -> Field:
    houses = Building.within(web.viewer()).where(Building.organisation == row.organisation_id).order_by(Building.sort_key, Building.id)
    held = StaffBuilding.select(Building.public_id).join(Building).where(StaffBuilding.staff == row).tuples()
    return Ticks(
        lazy_gettext("Buildings"),
        choices=[(str(house.public_id), house.address) for house in houses],
        default=[str(public_id) for (public_id,) in held],
    )


def deeds(row: AccessType) -> Field:
    return Ticks(lazy_gettext("Allowed"), choices=[(deed, _(word)) for deed, word in access.CUSTOMER_DEEDS.items()], default=row.deeds)


def value_milli(row: Any) -> Field:
    meter = row if isinstance(row, Meter) else row.meter
    return ReadingValue(
        lazy_gettext("What the meter shows, %(unit)s", unit=meter.kind.unit),
        validators=[InputRequired(lazy_gettext("Enter what the meter shows"))],  # nought is something
        render_kw={"inputmode": "decimal", "autocomplete": "off", "class": "w-short"},
    )


def read_on(row: Any) -> Field:
    return DateField(
        lazy_gettext("Day of the reading"),
        validators=[DataRequired(lazy_gettext("Enter the day of the reading"))],
        default=clock.today,
    )


def _line(label: str, most: int, hint: str = "", default: str = "", **looks: Any) -> Callable[[Any], Field]:
    """A line of text that must be filled in; of somebody else, so the browser must not offer one's own."""
    return lambda row: StringField(
        lazy_gettext(label),
        description=lazy_gettext(hint) if hint else "",
        default=default,
        filters=[_stripped],
        validators=[Needed(), AtMost(most)],
        render_kw={"autocomplete": "off", **looks},
    )


def since_on(row: Any) -> Field:
    return DateField(lazy_gettext("Since"), description=lazy_gettext("Empty where the document does not say"), validators=[Optional()])


NEEDS: dict[str, Callable[[Any], Field]] = {
    "reason": reason,
    "email": email,
    "proof": proof,
    "code": spoken_code,
    "access_type": access_type,
    "role": role,
    "buildings": buildings,
    "deeds": deeds,
    "company_type": company_type,
    "company": company,
    "parent": parent,
    "contract": contract,
    "building": building,
    "number": number,
    "value_milli": value_milli,
    "read_on": read_on,
    "first_name": _line(N_("First name"), 100),
    "last_name": _line(N_("Surname"), 100),
    "country": _line(
        N_("State that gave the personal code"), 2, N_("Two letters: LT is Lithuania, EE Estonia"), "LT", **{"class": "w-short"}
    ),
    "personal_code": _line(N_("Personal code"), 24, N_("It is kept encrypted and shown in no list"), **{"class": "w-short"}),
    "since_on": since_on,
    "document": _line(N_("Document"), 200, N_("Which one you have seen: its kind, number and day")),
}
# What a rule wants to be handed besides: made by the site, because rules know no addresses.
GIVEN: dict[str, Callable[[Any], Any]] = {
    "site_url": lambda row: links.site_url(current_app.config["SAVITARNA"].customer_url, row.organisation),
    "staff_url": lambda row: current_app.config["SAVITARNA"].staff_url,
}


def needs_form(needs: Sequence[str], row: Any) -> web.Form:
    """The form between the button and the act, for one of the chosen rows."""
    return type("ActForm", (web.Form,), {name: NEEDS[name](row) for name in needs})()


def entered(form: web.Form, needs: Sequence[str]) -> dict[str, Any]:
    """What was entered, as the rule takes it. Raises Missing for a building that is not the viewer's to give."""
    said = {name: form[name].data for name in needs}
    if "company_type" in said:
        said["access_type"] = said.pop("company_type")
    if "buildings" in said:
        chosen = list(Building.within(web.viewer()).where(Building.public_id.in_(said["buildings"])))
        if len(chosen) != len(set(said["buildings"])):
            raise Missing
        said["buildings"] = chosen
    return said


class Kept(NamedTuple):
    """A field that was filled in, as the next step shows it and sends it once more."""

    label: str
    words: str
    name: str
    values: list[str]

    @classmethod
    def of(cls, field: Field) -> "Kept":
        values = [str(value) for value in field.data or ()] if isinstance(field, Ticks) else [field.data]
        if isinstance(field, StringField):
            values = [field._value()]  # a row of another table by its words
        words = {value: label for value, label, *_rest in field.iter_choices()} if isinstance(field, SelectField) else {}
        return cls(field.label.text, ", ".join(str(words.get(value, value)) for value in values), field.name, values)


# ---- the door ---------------------------------------------------------------------------------------------------------


class SignInForm(web.Form):
    email = EmailField(lazy_gettext("E-mail"), filters=[_stripped], validators=[Needed()], render_kw={"autocomplete": "username"})
    password = PasswordField(lazy_gettext("Password"), validators=[Needed()], render_kw={"autocomplete": "current-password"})
    code = StringField(
        lazy_gettext("Code from your authenticator app"),
        filters=[_stripped],
        validators=[Needed()],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "code-digits", "maxlength": 7},
    )


class AcceptForm(web.Form):
    password = PasswordField(
        lazy_gettext("Password"),
        description=lazy_gettext("At least 12 characters. Several words that only you would put together are good."),
        validators=[Needed()],
        render_kw={"autocomplete": "new-password"},
    )
    code = StringField(
        lazy_gettext("The six digits"),
        filters=[_stripped],
        validators=[Needed()],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "code-digits", "maxlength": 7},
    )


class InviteForm(web.Form):
    email = EmailField(lazy_gettext("E-mail"), filters=[_stripped], validators=[Needed(), AtMost(254)], render_kw={"autocomplete": "off"})
    name = StringField(
        lazy_gettext("Name and surname"), filters=[_stripped], validators=[Needed(), AtMost(120)], render_kw={"autocomplete": "off"}
    )
    role = Choice(lazy_gettext("Role"), choices=[(name, lazy_gettext(word)) for name, word in ROLES])
    language = Choice(lazy_gettext("Language"), choices=list(i18n.LANGUAGES.items()))


def invite_form(desk: Any) -> type[web.Form]:
    """A new colleague; which organisation they work for is asked by those who work for all of them."""
    organisation = LookupField(
        label=lazy_gettext("Organisation"),
        description=lazy_gettext("Empty: the whole install"),
        loader=desk._form_ajax_refs["organisation"],
        validators=[],
    )
    return type("StaffForm", (InviteForm,), {"organisation": organisation})
