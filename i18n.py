"""What the product says in its reader's language: its sentences, and how amounts, days and choices are written in a page.
`formats.py` knows how, `translations/` holds the words; here is who reads."""

import functools
from datetime import date, datetime
from typing import Any

from babel.support import Translations
from flask import Flask, g, request, session
from flask_babel import Babel, Domain, get_domain, get_locale, gettext
from markupsafe import Markup

import formats
from config import ROOT
from models import Table
from rules.refusal import Refused

LANGUAGES = {"lt": "Lietuvių", "en": "English"}
TRANSLATIONS = str(ROOT / "translations")

# WTForms ships no Lithuanian: in our folder are its words in both languages.
WTFORMS = Domain(TRANSLATIONS, "wtforms")


class Spoken(Babel):
    """Flask-Babel with the language found once for a request: it asks for it at each sentence, which takes longer than to say it."""

    @property
    def domain_instance(self) -> Domain:
        return _sentences(get_locale().language)


class Sentences(Domain):
    """What the product says, in one language."""

    def __init__(self, language: str) -> None:
        super().__init__(TRANSLATIONS)
        self.translations = Translations.load(TRANSLATIONS, [language])

    def get_translations(self) -> Any:
        return self.translations


_sentences = functools.cache(Sentences)


def language() -> str:
    """The reader's language: chosen here, else of the account, else of the browser, else Lithuanian."""
    if not request:
        return "lt"
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    person = g.get("viewer")
    if person is not None:
        return str(person.language)
    return request.accept_languages.best_match(list(LANGUAGES), default="lt") or "lt"


# ---- sentences and facts ----------------------------------------------------------------------------------------------


def say(no: Refused) -> str:
    """A refusal as a sentence in the reader's language, its facts written as `formats.py` writes them."""
    return gettext(no.message).format(**{name: written(name, value, no.facts) for name, value in no.facts.items()})


def written(name: str, value: Any, facts: dict[str, Any]) -> str:
    """One fact as people read it; its name tells what it is."""
    where = language()
    if value is None:
        return ""
    if isinstance(value, Refused):
        return say(value)  # a sentence in a sentence
    if name.endswith("_cents"):
        return formats.money(value, where)
    if name.endswith("_milli"):
        return formats.reading(value, facts.get("decimals", 0), where)
    if name.endswith("_on"):
        return formats.day_long(value if isinstance(value, date) else date.fromisoformat(value), where)
    if name.endswith("_at") or isinstance(value, datetime):
        return formats.moment(value if isinstance(value, datetime) else datetime.fromisoformat(value), where)
    return gettext(value) if isinstance(value, str) and value else str(value)


# ---- what templates know ----------------------------------------------------------------------------------------------


def money(cents: int) -> str:
    return formats.money(cents, language())


def unit_price(micro: int) -> str:
    return formats.unit_price(micro, language())


def reading(milli: int, decimals: int) -> str:
    return formats.reading(milli, decimals, language())


def quantity(milli: int) -> str:
    return formats.quantity(milli, language())


def vat_rate(hundredths: int) -> str:
    return formats.vat_rate(hundredths, language())


def day(value: date) -> str:
    return formats.day(value, language())


def day_long(value: date) -> str:
    return formats.day_long(value, language())


def day_of_month(value: date) -> str:
    return formats.day_of_month(value, language())


def moment(value: datetime) -> str:
    return formats.moment(value, language())


def month(period: str) -> str:
    return formats.month(period, language())


def month_short(period: str) -> str:
    return formats.month_short(period, language())


FILTERS = (
    money,
    unit_price,
    reading,
    quantity,
    vat_rate,
    day,
    day_long,
    day_of_month,
    moment,
    month,
    month_short,
    formats.iban,
    formats.phone,
    formats.whole,
)


def _said(sentence: str, **facts: Any) -> Markup:
    """`gettext` for templates, which say the same hundred sentences again and again."""
    if facts:
        return Markup(gettext(sentence)) % facts  # noqa: S704 -- a translation may hold marks, as the sentence may; the facts may not
    return _said_in(get_domain(), sentence)


@functools.lru_cache(maxsize=4096)
def _said_in(language: Domain, sentence: str) -> Markup:
    return Markup(language.gettext(sentence)) % {}  # noqa: S704


def choice(row: Table, field: str) -> str:
    """The word for a choice field's value, in the reader's language."""
    value = getattr(row, field)
    return gettext(dict(row._meta.fields[field].choices).get(value, value))


def init_app(site: Flask) -> None:
    """Have a site speak its reader's language, in its pages and forms."""
    site.config.update(BABEL_DEFAULT_LOCALE="lt", BABEL_TRANSLATION_DIRECTORIES=TRANSLATIONS)
    Spoken(site, locale_selector=language)
    site.jinja_env.globals.update(_=_said, gettext=_said)
    for filter_ in FILTERS:
        site.add_template_filter(filter_)
