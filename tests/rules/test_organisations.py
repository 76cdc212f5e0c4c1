"""The five presets: each opens an organisation with exactly the rules of its portal (K01-K27), and nothing misspelt is lost."""

from typing import Any

import pytest

import config
import web
from models import AccessType, ConsentText, Event, MeterKind, Organisation, Provider, Setting
from rules import events, organisations, settings
from rules.refusal import Refused

PRESETS = config.presets()
NAMES = ["agri-group", "district-heating", "energy-business", "energy-home", "property-management"]


def load(preset: str, slug: str = "") -> Organisation:
    return organisations.load(slug or preset, preset, PRESETS[preset], by=events.OPERATOR)


def rules(preset: str, *names: str) -> list[Any]:
    made = Organisation.get_or_none(slug=preset) or load(preset)
    return [getattr(settings.of(made), name) for name in names]


def test_there_are_the_five_of_the_seeds_with_colours_of_their_own() -> None:
    assert list(PRESETS) == NAMES
    assert len({facts["brand"] for facts in PRESETS.values()}) == 5
    for facts in PRESETS.values():
        assert contrast_on_white(facts["brand"]) >= 4.5
        assert facts["email"].endswith(".example.lt")


def contrast_on_white(colour: str) -> float:
    """WCAG's ratio."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("preset", NAMES)
def test_a_preset_becomes_an_organisation_with_everything_it_needs(db: Any, preset: str) -> None:
    made = load(preset, "north")
    assert (made.slug, made.name, made.is_active) == ("north", PRESETS[preset]["name"], True)
    assert Provider.select().where(Provider.organisation == made).count() == len(PRESETS[preset]["providers"]) >= 1
    assert AccessType.select().where(AccessType.organisation == made).count() == 6
    assert {event.name for event in Event.select()} == {"organisation.loaded", "setting.changed"}
    assert Event.get(name="organisation.loaded").facts == {"preset": preset}
    assert settings.of(made).billing_system in ("csv", "ubl")
    stored = {row.name: row.value for row in Setting.select()}
    assert stored == {n: v for n, v in PRESETS[preset]["settings"].items() if settings.CATALOGUE[n].default != v}, (
        "only what differs is kept"
    )


def test_how_a_registration_is_confirmed(db: Any) -> None:
    """K01, IB-38, IR-07, CV-15, PS-03"""
    assert rules("energy-business", "signup_confirm", "code_digits") == ["code", 4]
    for preset in ("energy-home", "agri-group", "district-heating"):
        assert rules(preset, "signup_confirm") == ["link"]
    assert rules("property-management", "signup_confirm") == ["none"]


def test_what_a_password_must_have(db: Any) -> None:
    """K02, CV-10, PS-02"""
    names = ("password_min", "password_upper", "password_lower", "password_digit")
    assert rules("property-management", *names) == [8, 1, 0, 1]
    assert rules("district-heating", *names) == [8, 1, 1, 1]
    for preset in ("energy-business", "energy-home", "agri-group"):
        assert rules(preset, *names) == [8, 0, 0, 0]


def test_where_identity_must_be_confirmed_before_anything(db: Any) -> None:
    """K03, AG-10"""
    assert [preset for preset in NAMES if rules(preset, "identity_for_everything") == ["strong"]] == ["agri-group"]


def test_what_proves_that_a_contract_is_ones_own(db: Any) -> None:
    """K04, CV-11, CV-12, PS-08"""
    assert rules("property-management", "claim_provider", "claim_invoice", "signup_contract") == [True, False, True]
    assert rules("district-heating", "claim_provider", "claim_invoice", "signup_contract") == [False, True, False]


def test_who_registers_and_what_they_are_asked(db: Any) -> None:
    """K12, K13, K22, IB-46, IB-49, CV-05, CV-06, AG-05"""
    names = ("person_types", "signup_names", "signup_phone", "company_email_only")
    assert rules("energy-business", *names) == ["legal", "none", False, True]
    assert rules("energy-home", *names) == ["natural", "one", True, False]
    assert rules("property-management", *names) == ["both", "two", True, False]
    assert rules("agri-group", *names) == ["natural", "two", False, False]
    assert rules("district-heating", *names) == ["natural", "one", True, False]


def test_the_lock_after_wrong_passwords_is_that_of_the_business_portal(db: Any) -> None:
    """K15, IB-60"""
    assert rules("energy-business", "lock_after", "lock_hours") == [5, 6]


def test_the_days_on_which_readings_are_taken(db: Any) -> None:
    """K16, CV-31"""
    assert rules("property-management", "reading_opens_on", "reading_closes_on") == [15, 27]
    assert rules("energy-home", "reading_opens_on", "reading_closes_on") == [1, 31]


def test_only_one_of_the_maintaining_companies_takes_readings(db: Any) -> None:
    """K17, CV-28"""
    load("property-management")
    assert [row.name for row in Provider.select().where(Provider.declares_readings)] == ["UAB „Būsto priežiūra Vakarai“"]
    assert Provider.select().where(~Provider.declares_readings).count() == 2


def test_hot_water_is_read_with_three_decimals(db: Any) -> None:
    """K18, PS-14"""
    made = load("district-heating")
    kind = MeterKind.get(organisation=made, code="hot-water")
    assert (kind.name_lt, kind.unit, kind.decimals) == ("Karšto vandens skaitiklis", "m³", 3)


def test_each_consent_is_one_thing_and_only_privacy_is_required(db: Any) -> None:
    """K21, CV-14, AG-06, AG-07, AG-08"""
    for preset in NAMES:
        load(preset)
    assert {row.kind for row in ConsentText.select().where(ConsentText.is_required)} == {"privacy"}
    agri = Organisation.get(slug="agri-group")
    asked = ConsentText.select().where(ConsentText.organisation == agri).order_by(ConsentText.position)
    assert [(row.kind, row.is_required, row.edition) for row in asked] == [
        ("privacy", True, 1),
        ("marketing", False, 1),
        ("club", False, 1),
    ]
    assert all(row.text_lt and row.text_en and row.text_lt != row.text_en for row in asked)


def test_what_a_customer_adds_has_the_portals_own_name(db: Any) -> None:
    """K23, IR-08, CV-19, PS-06"""
    words = {preset: rules(preset, "unit_word")[0] for preset in NAMES}
    assert words == dict.fromkeys(NAMES, "contract") | {"energy-home": "service", "property-management": "object"}


def test_whoever_adds_a_companys_contract_becomes_a_user(db: Any) -> None:
    """K26, IB-40"""
    assert [preset for preset in NAMES if rules(preset, "claim_access") == ["user"]] == ["energy-business"]


def test_a_bill_for_an_unknown_payer_code_opens_a_contract_where_bills_are_all_there_is(db: Any) -> None:
    opening = [preset for preset in NAMES if rules(preset, "unknown_payer") == ["open"]]
    assert opening == ["agri-group", "district-heating"]


# ---- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["", "North", "nort h", "-north", "north-", "a--b", "n" * 41, "static", "backoffice", "mail", "šiaurė"])
def test_a_short_name_must_fit_into_an_address(db: Any, slug: str) -> None:
    with pytest.raises(Refused, match="short name"):
        organisations.load(slug, "energy-home", PRESETS["energy-home"], by=events.OPERATOR)
    assert not Organisation.select().exists()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_organisation_can_take_an_address_of_the_installs_own(db: Any, customer_app: Any) -> None:
    own = {str(rule).split("/")[1] for rule in customer_app.url_map.iter_rules() if rule.endpoint in web.WITHOUT_ORGANISATION}
    assert own - {""} <= organisations.TAKEN


def test_a_second_organisation_of_the_same_short_name_is_refused_and_changes_nothing(db: Any) -> None:
    load("energy-home", "north")
    before = Event.select().count()
    with pytest.raises(Refused, match="already"):
        load("agri-group", "north")
    assert Event.select().count() == before
    assert Provider.select().count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"nmae": "Kita"},
        {"settings": {"lock_aftr": 5}},
        {"settings": {"lock_after": 500}},
        {"providers": [{"name": "A", "code": "1", "bank": "x"}]},
        {"meter_kinds": [{"code": "gas", "name_lt": "a", "name_en": "b", "units": "m"}]},
        {"consents": [{"kind": "x", "required": True, "text_lt": "a", "text_en": "b", "link": ""}]},
    ],
    ids=str,
)
def test_a_word_that_nothing_listens_to_is_refused_and_nothing_stays(db: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        organisations.load("north", "wrong", {"name": "North"} | wrong, by=events.OPERATOR)
    assert not Organisation.select().exists()
    assert not Event.select().exists()
