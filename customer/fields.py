"""Fields for what people type as they write it, and what to say when it cannot be read."""

import re
from datetime import date
from typing import Any

from flask_babel import gettext as _, lazy_gettext as _l
from wtforms import BooleanField, DateField, EmailField, PasswordField, StringField, TelField
from wtforms.validators import DataRequired

import formats
from rules.readings import TOO_FINE, parse


class Words(StringField):
    """A line of text without the spaces around it."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0].strip() if valuelist else ""


class Email(EmailField):
    """An e-mail address. Whether it is one is asked of the rules, which keep it in one spelling."""

    def __init__(self, label: Any = None, *, autocomplete: str = "email", missing: Any = None, **options: Any) -> None:
        render_kw = {"autocomplete": autocomplete, "autocapitalize": "off", "spellcheck": "false", "maxlength": "254"}
        super().__init__(label or _l("E-mail"), [DataRequired(missing or _l("Enter your e-mail address"))], render_kw=render_kw, **options)


class Password(PasswordField):
    """A password, taken as typed: a space in it is a part of it. `is_new` lets a password manager offer one."""

    def __init__(self, label: Any = None, *, is_new: bool, **options: Any) -> None:
        render_kw = {"autocomplete": "new-password" if is_new else "current-password", "maxlength": "1000"}
        super().__init__(label or _l("Password"), [DataRequired(_l("Enter the password"))], render_kw=render_kw, **options)


class Day(DateField):
    """A day, None where nothing is typed; a browser that has no calendar sends what was typed."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        typed = valuelist[0].strip() if valuelist else ""
        try:
            self.data = date.fromisoformat(typed) if typed else None
        except ValueError:
            raise ValueError(_("Enter the day as year, month and day, such as 2026-11-20")) from None


class Phone(TelField):
    """A phone number, however it is spaced; the rules keep it as +370xxxxxxxx (CV-09)."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(
            label or _l("Phone"),
            [DataRequired(_l("Enter your phone number"))],
            description=_l("For example +370 600 00000"),
            render_kw={"autocomplete": "tel", "class": "w-half"},
            **options,
        )

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else formats.phone(self.data or "")


class Agreement(BooleanField):
    """A tick under one wording: a form that shows an older one ticks nothing (K21)."""

    def __init__(self, *args: Any, wording: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.wording = wording

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[:1] == [self.wording]

    def _value(self) -> str:
        return self.wording


SPACES = re.compile("[ \u00a0\u202f]")


class MeterValue(StringField):
    """What a meter shows, with a comma or a dot; `data` is thousandths, None where nothing is typed (K18). `about`: which meter, where
    the page asks for several."""

    def __init__(self, *args: Any, decimals: int, about: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.decimals, self.about = decimals, about

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        if not SPACES.sub("", valuelist[0] if valuelist else ""):
            return
        read = parse(valuelist[0])
        if read is None:
            raise ValueError(_("The reading must be written in digits, such as %(example)s", example=self.example()))
        value_milli, decimals = read
        if decimals > self.decimals:
            raise ValueError(_(TOO_FINE[self.decimals]))
        self.data = value_milli

    def example(self) -> str:
        """A reading of such a meter as people write it."""
        return "1234" + (f",{'567'[: self.decimals]}" if self.decimals else "")

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else ""


class Cents(StringField):
    """An amount of money, with a comma or a dot; `data` is cents, None where nothing is typed."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        typed = SPACES.sub("", valuelist[0]).removesuffix("€").removeprefix("€") if valuelist else ""
        if not typed:
            return
        found = re.fullmatch(r"([0-9]{1,9})(?:[.,]([0-9]{1,2}))?", typed)
        if not found:
            raise ValueError(_("The amount must be in euros and cents, such as 148,32"))
        self.data = int(found[1] + (found[2] or "").ljust(2, "0"))

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else ""
