"""What customers agree to: each wording by itself, written down once."""

import pytest

from models import Account, Consent, ConsentText, Event, Organisation
from rules import consents
from tests.rules.signing_in import refusal
from tests.together import at_once


@pytest.fixture
def texts(north: Organisation) -> dict[str, ConsentText]:
    return {
        kind: ConsentText.create(
            organisation=north, kind=kind, edition=1, text_lt=kind, text_en=kind, is_required=kind == "privacy", position=n
        )
        for n, kind in enumerate(("privacy", "marketing", "club"))
    }


def test_an_optional_consent_is_given_and_withdrawn_by_itself(anna: Account, texts: dict[str, ConsentText]) -> None:
    """K21, AG-06, AG-07"""
    ids = {kind: text.id for kind, text in texts.items()}

    assert consents.change(anna, {ids["privacy"], ids["club"]}) == 2
    assert consents.change(anna, {ids["privacy"], ids["club"]}) == 0
    assert consents.change(anna, {ids["privacy"], ids["marketing"]}) == 2

    assert [text.kind for text, consent in consents.of(anna) if consent] == ["privacy", "marketing"]
    withdrawn = Consent.get(Consent.withdrawn_at.is_null(False))
    assert withdrawn.text == texts["club"], "what was agreed to and when is kept"
    facts = [(e.facts["kind"], e.facts["given"]) for e in Event.select().order_by(Event.id)]
    assert facts == [("privacy", True), ("club", True), ("marketing", True), ("club", False)]


def test_a_required_consent_is_not_withdrawn(anna: Account, texts: dict[str, ConsentText]) -> None:
    """K21, CV-14"""
    consents.change(anna, {texts["privacy"].id})

    assert refusal(consents.change, anna, {texts["club"].id}).field == "consent_privacy"
    assert [text.kind for text, consent in consents.of(anna) if consent] == ["privacy"]


def test_a_new_wording_is_agreed_to_anew(anna: Account, texts: dict[str, ConsentText], north: Organisation) -> None:
    """K21"""
    consents.change(anna, {texts["club"].id})
    ConsentText.update(is_current=False).where(ConsentText.id == texts["club"].id).execute()
    ConsentText.create(organisation=north, kind="club", edition=2, text_lt="club 2", text_en="club 2", is_required=False, position=3)

    assert [(text.kind, text.edition, consent) for text, consent in consents.of(anna)][-1] == ("club", 2, None)
    assert Consent.get().text.edition == 1


def test_of_twenty_that_agree_at_once_one_is_written_down(anna: Account, texts: dict[str, ConsentText]) -> None:
    """K21"""
    changed = at_once(20, lambda _: consents.change(Account.get(), {texts["club"].id}))

    assert sorted(changed) == [0] * 19 + [1]
    assert Consent.select().count() == 1
