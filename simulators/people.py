"""The people who can prove who they are in every simulator. Their codes are those that SK publishes for testing: nobody else has them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext


@dataclass(frozen=True)
class Actor:
    """Somebody made up."""

    first_name: str
    last_name: str
    code: str  # personal code, without its country
    phone: str
    country: str = "LT"
    story: Any = ""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def born_on(self) -> date:
        century = 1800 + (int(self.code[0]) - 1) // 2 * 100
        return date(century + int(self.code[1:3]), int(self.code[3:5]), int(self.code[5:7]))


PEOPLE = (
    Actor("Ona", "Pavyzdienė", "40404040009", "+37060000001"),
    Actor("Vardutis", "Pavardutis", "50001029996", "+37060000002"),
    Actor("Jonas", "Pavyzdys", "30303039914", "+37060000003"),
    Actor("Rasa", "Bandomoji", "40504040001", "+37060000004"),
    Actor("Ugnė", "Jaunutė", "61101019999", "+37060000005", story=lazy_gettext("not yet eighteen")),
    Actor("Kadri", "Katsetaja", "60001019906", "+37260000006", "EE", lazy_gettext("from Estonia")),
)
