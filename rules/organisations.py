"""New organisations, from a preset: a mapping that says everything about one, as the files in `config/organisations` do (K01-K27)."""

import re
from collections.abc import Mapping
from typing import Any

from models import ConsentText, MeterKind, Organisation, Provider, Staff
from rules import access, events, settings
from rules.refusal import Refused
from rules.statements import statement
from rules.work import unit_of_work

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# The first part of addresses that are the install's own, not an organisation's.
TAKEN = frozenset({"backoffice", "bootstrap", "healthz", "language", "mail", "metrics", "readyz", "static"})

# What a preset may say. Whatever has no default in the tables must be said.
PARTS = {"name", "phone", "email", "brand", "settings", "providers", "meter_kinds", "consents"}
PROVIDER = {"name", "code", "vat_code", "address", "iban", "declares_readings", "readings_notice", "payer_code_form", "invoice_number_form"}
METER_KIND = {"code", "name_lt", "name_en", "unit", "decimals", "rounding", "digits"}
CONSENT = {"kind", "required", "text_lt", "text_en", "url"}


@statement
def called(host: str, slug: str) -> Any:
    """The organisations at work whose host or short name this is, two at most."""
    return Organisation.select().where(Organisation.is_active & ((Organisation.host == host) | (Organisation.slug == slug)))


def load(slug: str, preset: str, facts: Mapping[str, Any], *, by: Staff | str) -> Organisation:
    """Open an organisation as the preset says; from then on its rows decide. Only settings that differ from the catalogue are kept.

    Raises Refused: for an address that is taken or cannot be one, and for anything that a preset cannot say.
    """
    if not SLUG.fullmatch(slug) or len(slug) > 40 or slug in TAKEN:
        raise Refused("The short name {slug} must be small letters, digits and single dashes, and no address of the install", slug=slug)
    _known(facts, PARTS, "an organisation")
    with unit_of_work():
        if Organisation.select().where(Organisation.slug == slug).exists():
            raise Refused("There is an organisation {slug} already", slug=slug)
        made = Organisation.create(slug=slug, **{name: facts[name] for name in ("name", "phone", "email", "brand") if name in facts})
        access.seed_access_types(made)
        for one in facts.get("providers", ()):
            Provider.create(organisation=made, **_known(one, PROVIDER, "a provider"))
        for one in facts.get("meter_kinds", ()):
            MeterKind.create(organisation=made, **_known(one, METER_KIND, "a kind of meter"))
        for position, one in enumerate(facts.get("consents", ())):
            said = dict(_known(one, CONSENT, "a consent"))
            ConsentText.create(organisation=made, edition=1, position=position, is_required=said.pop("required"), **said)
        for name, value in facts.get("settings", {}).items():
            _known({name: value}, settings.CATALOGUE.keys(), "a setting")
            settings.change(made, name, value, by=by)
        events.record("organisation.loaded", made, by=by, preset=preset)
    return made


def _known(said: Mapping[str, Any], known: Any, what: str) -> Mapping[str, Any]:
    """Raises Refused for a word that nothing listens to: a misspelt one must not be lost."""
    unknown = sorted(set(said) - set(known))
    if unknown:
        raise Refused("{words} is not something that {what} has", words=", ".join(unknown), what=what)
    return said
