"""The forms of the customer site: the shape of what is typed. What it means is decided in `rules/`."""

from collections.abc import Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired

import web
from customer import words
from customer.fields import Cents, MeterValue
from models import Meter, Organisation, Provider
from rules import contracts, settings

# ---- contracts, readings ----------------------------------------------------------------------------------------------

# A phone must not improve what is copied from paper.
AS_PRINTED = {"autocomplete": "off", "autocapitalize": "off", "autocorrect": "off", "spellcheck": "false", "class": "w-half"}


class AttachForm(web.Form):
    """What a bill shows. The payer code is taken as typed: no space is cut off (CV-13)."""

    provider = SelectField(validate_choice=False)
    payer_code = StringField(
        _l("Payer code"),
        [DataRequired(_l("Enter the payer code"))],
        description=_l("Exactly as on the bill, with every space and dash"),
        render_kw=AS_PRINTED,
    )
    invoice_number = StringField(
        _l("Number of the last bill"),
        [DataRequired(_l("Enter the number of your last bill"))],
        filters=[lambda typed: typed and typed.strip()],
        render_kw=AS_PRINTED,
    )
    invoice_total = Cents(
        _l("Total of the last bill"),
        description=_l("In euros, such as 148,32. Asked today because somebody has been trying wrong codes."),
        render_kw={"autocomplete": "off", "inputmode": "decimal", "class": "w-half"},
    )


def attach_form(organisation: Organisation, providers: Sequence[Provider]) -> AttachForm:
    """The form with the questions that this organisation asks (K04)."""
    form, rules = AttachForm(), settings.of(organisation)
    if rules.claim_provider:
        select = words.unit("select_provider")
        form.provider.label.text = words.unit("provider")
        form.provider.choices = [("", select), *((str(provider.public_id), provider.name) for provider in providers)]
        form.provider.validators = [DataRequired(select)]
    else:
        del form.provider
    if not rules.claim_invoice:
        del form.invoice_number
    if not contracts.asks_total(organisation):
        del form.invoice_total
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
        return not self.errors

    def doubt_about(self, questions: dict[Meter, str]) -> None:
        """Ask, in one question, whether these values are right; only a yes to these very values is one."""
        several = len(self.meters) > 1
        self.doubt = " ".join(f"{meter.number}: {question}" if several else question for meter, question in questions.items()) or None
        self.sure = " ".join([self.only or "all", *(_token(meter, self.of(meter).data) for meter in questions)])

    def is_sure(self, meter: Meter) -> bool:
        """Whether yes was said to this value of this meter."""
        return _token(meter, self.of(meter).data) in self._said()[1:]

    def _said(self) -> list[str]:
        return request.form.get("sure", "").split(" ")


PREFIX = "reading_"


def declare_form(meters: Sequence[Meter]) -> DeclareForm:
    """The form for these meters."""
    fields = {
        _name(meter): MeterValue(
            _("To: what meter %(number)s shows now", number=meter.number),
            decimals=meter.kind.decimals,
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
