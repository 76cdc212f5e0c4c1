"""Fields that people type numbers into as they write them, and what to say when it is no number."""

import re
from typing import Any

from flask_babel import gettext as _
from wtforms import StringField

from rules.readings import TOO_FINE

SPACES = re.compile("[ \u00a0\u202f]")


class MeterValue(StringField):
    """What a meter shows, with a comma or a dot; `data` is thousandths, None where nothing is typed (K18)."""

    def __init__(self, *args: Any, decimals: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.decimals = decimals

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        typed = SPACES.sub("", valuelist[0]) if valuelist else ""
        if not typed:
            return
        whole, _comma, part = typed.replace(",", ".").partition(".")
        if not re.fullmatch("[0-9]{1,40}", whole) or not re.fullmatch("[0-9]{0,40}", part):
            raise ValueError(_("The reading must be written in digits, such as %(example)s", example=self.example()))
        part = part.rstrip("0")
        if len(part) > self.decimals:
            raise ValueError(_(TOO_FINE[self.decimals]))
        self.data = int(whole + part.ljust(3, "0"))

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
