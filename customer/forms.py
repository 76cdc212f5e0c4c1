"""The forms of the customer site: the shape of what is typed. What it means is decided in `rules/`."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from markupsafe import Markup
from wtforms import Field, Form as PlainForm, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, ValidationError

import i18n
import web
from customer import words
from customer.fields import Agreement, Cents, Day, Email, MeterValue, Password, Phone, Words
from models import Company, ConsentText, Contract, Meter, Organisation, Provider
from rules import consents, history, proof, readings, settings

# ---- accounts ---------------------------------------------------------------------------------------------------------


class SignInForm(web.Form):
    """PS-04: the e-mail is the login name."""

    email = Email(autocomplete="username")
    password = Password(is_new=False)


class AddressForm(web.Form):
    """An address to send a letter to."""

    email = Email(autocomplete="username")


class CodeForm(web.Form):
    """The code from a letter."""

    code = Words(
        _l("Code"),
        [DataRequired(_l("Enter the code"))],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "digits w-short", "maxlength": "12"},
    )


class PhoneForm(web.Form):
    """CV-38."""

    phone = Phone()


class EmailForm(web.Form):
    """K10."""

    email = Email(_l("New e-mail"))
    current = Password(_l("Password"), is_new=False)


class ConfirmForm(web.Form):
    """One button; the password beside it where a link was opened in another browser than the one it belongs to."""

    password = Password(_l("The password you chose when you registered"), is_new=False)


def confirm_form(*, asks_password: bool) -> ConfirmForm:
    """The form of a link, with or without the question for the password."""
    form = ConfirmForm()
    if not asks_password:
        del form.password
    return form


class WayForm(web.Form):
    """What a sign-in method asks of who chose it; `way_form` gives it its fields."""

    def value(self, field: str) -> str:
        """What was typed, empty where it is not asked."""
        return self[field].data or "" if field in self else ""


def way_form(asks: Sequence[str], *, asks_password: bool) -> WayForm:
    """The form before a sign-in method: the password of who is signed in, where it is asked, and what the method needs."""
    fields: dict[str, Any] = {"current": Password(_l("Your password here"), is_new=False)} if asks_password else {}
    if "phone" in asks:
        fields["phone"] = Phone()
    if "personal_code" in asks:
        about = {"autocomplete": "off", "inputmode": "numeric", "class": "digits w-half", "maxlength": "20"}
        required = [DataRequired(_l("Enter your personal code"))]
        fields["personal_code"] = Words(
            _l("Personal code"), required, description=_l("As in your passport or identity card"), render_kw=about
        )
        fields["country"] = SelectField(_l("Country that gave it"), choices=COUNTRIES, default="LT")
    form: WayForm = type("WayForm", (WayForm,), fields)()
    return form


COUNTRIES = [SelectChoice("LT", _l("Lithuania")), SelectChoice("LV", _l("Latvia")), SelectChoice("EE", _l("Estonia"))]


class NewPasswordForm(web.Form):
    """A new password, and the present one where someone is signed in (CV-36)."""

    current = Password(_l("Present password"), is_new=False)
    password = Password(_l("New password"), is_new=True)


def new_password_form(organisation: Organisation, *, asks_current: bool) -> NewPasswordForm:
    """The form, with the organisation's rules beside the field (K02)."""
    form = NewPasswordForm()
    form.password.description = password_rules(organisation)
    if not asks_current:
        del form.current
    return form


def password_rules(organisation: Organisation) -> str:
    """What a password must have, before anyone types one."""
    rules = settings.of(organisation)
    parts = [ngettext("at least %(num)s character", "at least %(num)s characters", rules.password_min)]
    if rules.password_upper:
        parts.append(ngettext("%(num)s capital letter", "%(num)s capital letters", rules.password_upper))
    if rules.password_lower:
        parts.append(ngettext("%(num)s small letter", "%(num)s small letters", rules.password_lower))
    if rules.password_digit:
        parts.append(ngettext("%(num)s digit", "%(num)s digits", rules.password_digit))
    sentence = ", ".join(parts)
    return sentence[0].upper() + sentence[1:]


class RegisterForm(web.Form):
    """What an organisation asks of who registers; `register_form` gives it its fields."""

    def name(self) -> str | None:
        """The name as one line, None where it is not asked."""
        parts = [self[part].data for part in ("first_name", "surname", "full_name", "company_name") if part in self]
        return " ".join(parts) if parts else None

    def value(self, field: str) -> Any:
        """What was typed, None where it is not asked."""
        return self[field].data if field in self else None


def register_form(
    organisation: Organisation,
    person_type: str,
    providers: Sequence[Provider],
    *,
    asks_contract: bool,
    is_proven: bool,
    invited: str = "",
) -> RegisterForm:
    """The form of one organisation for one kind of person, in the order of its portal (CV-05..14, AG-05..08, PS-01, IB-49). Of who
    `is_proven` no name is asked, and a phone number in any case (IB-37); the same of who is `invited` into a company, who registers with
    that very address (IB-45)."""
    rules = settings.of(organisation)
    fields: dict[str, Any] = {} if is_proven else dict(_names(rules.signup_names, person_type))
    fields["email"] = Email(description=_l("The one your company gave you: you will sign in with it") if rules.company_email_only else "")
    if rules.signup_phone or is_proven or invited:
        fields["phone"] = Phone()
    fields["password"] = Password(is_new=True, description=password_rules(organisation))
    if asks_contract:
        fields |= _claim(rules, providers)
    fields |= {f"consent_{text.kind}": agreement(text) for text in consents.asked(organisation)}
    form: RegisterForm = type("RegisterForm", (RegisterForm,), fields)()
    if invited:
        form.email.data, form.email.render_kw = invited, {**form.email.render_kw, "readonly": True}
    return form


def _names(asked: str, person_type: str) -> list[tuple[str, Field]]:
    if asked == "none":
        return []
    if person_type == "legal":
        label, hint = _l("Company name"), _l("Exactly as it is registered")
        required = [DataRequired(_l("Enter the company name"))]
        return [("company_name", Words(label, required, description=hint, render_kw={"autocomplete": "organization", "maxlength": "200"}))]
    if asked == "one":
        required, about = [DataRequired(_l("Enter your name and surname"))], {"autocomplete": "name", "maxlength": "200"}
        return [("full_name", Words(_l("Name and surname"), required, render_kw=about))]
    first, last = [DataRequired(_l("Enter your first name"))], [DataRequired(_l("Enter your surname"))]
    return [
        ("first_name", Words(_l("First name"), first, render_kw={"autocomplete": "given-name", "maxlength": "80"})),
        ("surname", Words(_l("Surname"), last, render_kw={"autocomplete": "family-name", "maxlength": "110"})),
    ]


def _claim(rules: settings.Settings, providers: Sequence[Provider]) -> dict[str, Any]:
    """The contract to add at once, by the same questions as later (CV-11..13)."""
    asked: dict[str, Any] = {}
    if rules.claim_provider:
        select = words.unit("select_provider")
        choices = [SelectChoice("", select), *(SelectChoice(str(provider.public_id), provider.name) for provider in providers)]
        asked["provider"] = SelectField(words.unit("provider"), [DataRequired(select)], choices=choices, validate_choice=False)
    asked["payer_code"] = payer_code_field()
    if rules.claim_invoice:
        asked["invoice_number"] = invoice_number_field()
    return asked


def agreement(text: ConsentText) -> Agreement:
    """The tick under one wording, with its full text a click away."""
    link = (
        Markup('<a href="{}" target="_blank" rel="noopener">{}</a>').format(text.url, _("Read it (opens in a new tab)")) if text.url else ""
    )
    return Agreement(
        text.text_en if i18n.language() == "en" else text.text_lt,
        [DataRequired(_(consents.REQUIRED))] if text.is_required else [],
        wording=text.public_id.hex,
        description=link,
    )


def consents_form(account: Any) -> web.Form:
    """What an account has agreed to or may: the required ones that it has agreed to are no question any more (K21)."""
    held = [(text, consent) for text, consent in consents.of(account) if not (text.is_required and consent)]
    fields = {f"consent_{text.kind}": agreement(text) for text, _consent in held}
    given = {f"consent_{text.kind}": consent is not None for text, consent in held}
    form: web.Form = type("ConsentsForm", (web.Form,), fields)(data=given)
    return form


def agreed(form: web.Form, organisation: Organisation) -> set[int]:
    """The ids of the wordings that are ticked."""
    return {text.id for text in consents.asked(organisation) if f"consent_{text.kind}" in form and form[f"consent_{text.kind}"].data}


# ---- contracts, readings ----------------------------------------------------------------------------------------------

# A phone must not improve what is copied from paper.
AS_PRINTED = {"autocomplete": "off", "autocapitalize": "off", "autocorrect": "off", "spellcheck": "false", "class": "w-half"}


def payer_code_field(providers: Sequence[Provider] = ()) -> Field:
    """The payer code, taken as typed: no space is cut off (CV-13). Of one provider the form that its codes have is said."""
    hint = _l("Exactly as on the bill, with every space and dash")
    if len(providers) == 1 and providers[0].payer_code_form:
        looks = " / ".join(form.strip() for form in providers[0].payer_code_form.split(";"))
        hint = _l(
            "Exactly as on the bill, with every space and dash. It looks like this, with figures for the zeros: %(looks)s", looks=looks
        )
    return StringField(_l("Payer code"), [DataRequired(_l("Enter the payer code"))], description=hint, render_kw=AS_PRINTED)


def invoice_number_field() -> Field:
    """The number of the last bill (PS-08)."""
    required = [DataRequired(_l("Enter the number of your last bill"))]
    return Words(_l("Number of the last bill"), required, render_kw=AS_PRINTED)


def attach_form(organisation: Organisation, providers: Sequence[Provider]) -> web.Form:
    """What a bill shows, by the questions that this organisation asks (K04). `providers`: whose bill it may be."""
    return _form_of(_bill_fields(organisation, providers, asks_number=settings.of(organisation).claim_invoice))


def pay_form(organisation: Organisation, providers: Sequence[Provider]) -> web.Form:
    """What somebody else's bill shows, its number always (T98), and how the payer calls it."""
    fields = _bill_fields(organisation, providers, asks_number=True)
    fields["called"] = Words(
        _l("Your name for it"),
        description=_l("For example: Mother. Only you see it: the address is not shown to you in full."),
        render_kw={"autocomplete": "off", "maxlength": "40", "class": "w-half"},
    )
    return _form_of(fields)


def _bill_fields(organisation: Organisation, providers: Sequence[Provider], *, asks_number: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"payer_code": payer_code_field(providers)}
    if asks_number:
        fields["invoice_number"] = invoice_number_field()
    if proof.asks_total(organisation):
        fields["invoice_total"] = Cents(
            _l("Total of the last bill"),
            description=_l("In euros, such as 148,32. Asked today because somebody has been trying wrong codes."),
            render_kw={"autocomplete": "off", "inputmode": "decimal", "class": "w-half"},
        )
    return fields


def _form_of(fields: dict[str, Any]) -> web.Form:
    form: web.Form = type("BillForm", (web.Form,), fields)()
    return form


class ShareForm(web.Form):
    """CV-23: with whom to share, and for how long."""

    email = Email(_l("The other person's e-mail"), autocomplete="off", missing=_l("Enter the other person's e-mail address"))
    last_on = Day(
        _l("Until"), description=_l("The last day on which they see it. Leave it empty if there is none: you can end it whenever you like.")
    )


class ContactsForm(web.Form):
    """IB-23: how to reach a company."""

    email = Words(_l("E-mail"), render_kw={"autocomplete": "off", "inputmode": "email", "maxlength": "254"})
    phone = Words(
        _l("Phone"), description=_l("For example +370 600 00000"), render_kw={"autocomplete": "off", "inputmode": "tel", "class": "w-half"}
    )
    address = Words(_l("Address"), render_kw={"autocomplete": "off", "maxlength": "250"})


class InviteForm(web.Form):
    """IB-42, IB-44: whom to invite into a company, and as what."""

    email = Email(_l("Their e-mail"), autocomplete="off", missing=_l("Enter the e-mail address of whom you invite"))
    access_type = RadioField(_l("What they may do"), [DataRequired(_l("Select what they may do"))], validate_choice=False)


def invite_form(grants: Sequence[str], company: Company) -> InviteForm:
    """The form, with what one may give (IB-44)."""
    form = InviteForm()
    told = {
        "authorised_person": _l("Authorised person: sees everything of the company, invites and removes people"),
        "user": _l("User: sees bills, use and meters, declares readings"),
    }
    form.access_type.choices = [SelectChoice(kind, told[kind]) for kind in reversed(grants)]
    if company.email_domain:
        form.email.description = _("The one that the company gave: it ends with @%(domain)s", domain=company.email_domain)
    return form


class MeterNameForm(web.Form):
    """One's own name for a meter; empty takes it away."""

    name = Words(
        _l("Your name for it"),
        description=_l("For example: Kitchen. Only you see it; leave it empty to have none."),
        render_kw={"autocomplete": "off", "maxlength": "40", "class": "w-half"},
    )


class HistoryForm(PlainForm):
    """Which readings to show, as the address of the list says it (CV-35); it changes nothing and has no token."""

    kind = SelectField(_l("Kind"), validate_choice=False)
    contract = SelectField(validate_choice=False)
    meter = SelectField(_l("Meter"), validate_choice=False)
    since = Day(_l("From day"))
    until = Day(_l("To day"))
    which = SelectField(_l("Versions"), validate_choice=False)

    def validate_until(self, field: Field) -> None:
        """Both days are included."""
        if self.since.data and field.data and field.data < self.since.data:
            raise ValidationError(_("The last day must not be before the first one"))

    def asked(self) -> dict[str, str]:
        """What is asked for, as the arguments of another address."""
        return {field.short_name: str(field.raw_data[0]).strip() for field in self if field.raw_data and str(field.raw_data[0]).strip()}

    def offered(self) -> list[Field]:
        """The fields in which there is something to choose, or something is chosen."""
        asked = self.asked()
        return [
            field
            for field in self
            if not isinstance(field, SelectField) or field is self.which or len(field.choices) > 2 or field.short_name in asked
        ]


def history_form(meters: Sequence[Meter], places: Sequence[Contract]) -> HistoryForm:
    """The form above the readings of these meters, at these contracts."""
    form, where = HistoryForm(request.args), i18n.language()
    any_ = [("", _("Any"))]
    form.kind.choices = any_ + list({meter.kind.code: meter.kind.name(where) for meter in meters}.items())
    form.contract.label.text = words.unit("one")
    form.contract.choices = any_ + [(str(place.public_id), place.address or place.payer_code) for place in places]
    form.meter.choices = any_ + [(str(one.public_id), readings.name(one, where, {one.id: history.called(one)})) for one in meters]
    form.which.choices = [("", _("All of them")), ("counting", _("Only those that count"))]
    return form


class DeclareForm(web.Form):
    """One field for each meter; a button may ask for one alone."""

    meters: Sequence[Meter] = ()
    only = ""  # the public id of the one meter that is declared, where a button asks for one
    sure = ""  # what the yes to a doubt stands for: the same `only`, then each doubtful meter with its value

    def of(self, meter: Meter) -> MeterValue:
        """The field of a meter."""
        field: MeterValue = self[_name(meter)]
        return field

    def asked(self) -> list[Meter]:
        """The meters that the pressed button is about."""
        return [meter for meter in self.meters if self.only in ("", str(meter.public_id))]

    def values(self) -> dict[Meter, int]:
        """What is typed for them, thousandths."""
        return {meter: value for meter in self.asked() if (value := self.of(meter).data) is not None}

    def are_strangers_named(self) -> bool:
        """Whether what was sent names a meter that is none of these (T02, T104)."""
        named = {name for name in request.form if name.startswith(PREFIX)} - set(self._fields)
        return bool(named) or not self.asked()

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether the asked fields are well formed and one of them is filled in."""
        super().validate(extra_validators)
        asked = self.asked()
        for meter in self.meters:
            if meter not in asked:
                self.of(meter).errors = ()
        if not self.errors and not self.values():
            first = self.of(asked[0])
            first.errors = [_("Enter what the meter shows") if len(asked) == 1 else _("Enter what at least one of the meters shows")]
            first.about = first.about if len(asked) == 1 else ""
        return not self.errors

    def doubt_about(self, questions: dict[Meter, str]) -> None:
        """Ask, in one question, whether these values are right; only a yes to these very values is one."""
        several = len(self.meters) > 1
        self.doubt = " ".join(f"{meter.number}: {question}" if several else question for meter, question in questions.items()) or None
        self.sure = " ".join([self.only or "all", *(_token(meter, self.of(meter).data) for meter in questions)])

    def sure_of(self) -> set[Meter]:
        """The meters about whose very values yes was said."""
        said = self._said()[1:]
        return {meter for meter in self.asked() if _token(meter, self.of(meter).data) in said}

    def _said(self) -> list[str]:
        return request.form.get("sure", "").split(" ")


PREFIX = "reading_"


def declare_form(meters: Sequence[Meter], called: Mapping[int, str]) -> DeclareForm:
    """The form for these meters; `called`: the reader's own names for them."""
    is_one = len(meters) == 1
    fields = {
        _name(meter): MeterValue(
            _("To: what meter %(number)s shows now", number=meter.number),
            decimals=meter.kind.decimals if meter.kind.rounding == "exact" else 3,
            about="" if is_one else readings.name(meter, i18n.language(), called),
            description="" if meter.kind.rounding == "exact" else _("Decimals are rounded: half a unit and more counts as one."),
            render_kw={"inputmode": "decimal", "autocomplete": "off", "class": "w-short"},
        )
        for meter in meters
    }
    form: DeclareForm = type("DeclareForm", (DeclareForm,), fields)()
    form.meters = meters
    said = form._said()[0]
    form.only = request.form.get("only") or (said if said != "all" else "")
    return form


def _name(meter: Meter) -> str:
    return PREFIX + meter.public_id.hex


def _token(meter: Meter, value_milli: int | None) -> str:
    return f"{meter.public_id.hex}={value_milli}"
