"""What people type about themselves is kept in one spelling, or refused with what to type instead."""

import pytest

from models import Organisation
from rules import details
from rules.refusal import Refused
from tests import factories


@pytest.fixture
def north(db: object) -> Organisation:
    return factories.organisation("north", name="Šiaurės šiluma")


@pytest.mark.parametrize(
    "typed", ["+37060000001", "+370 600 00001", "860000001", "8 600 00001", "0 600 00001", "060000001", "8-600-00001", "(8 600) 00001"]
)
def test_a_phone_number_is_kept_as_370_and_eight_digits_however_it_is_typed(typed: str) -> None:
    """CV-09"""
    assert details.phone(typed) == "+37060000001"


@pytest.mark.parametrize("typed", ["", "6000000", "+371 20000000", "+370 600 0000", "+370 600 000011", "a phone", "+37060000001 ext. 5"])
def test_anything_else_is_no_phone_number(typed: str) -> None:
    """CV-09"""
    with pytest.raises(Refused, match=r"\+370 and 8 digits"):
        details.phone(typed)


@pytest.mark.parametrize(
    "typed", ["", "anna", "anna@", "anna@example", "a b@example.lt", "anna@example.lt\r\nBcc: all@example.lt", "@example.lt"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    """T73, CV-07"""
    with pytest.raises(Refused, match="Enter an e-mail address"):
        details.address(typed)


def test_a_login_name_is_the_same_in_any_case_and_with_spaces_around_it() -> None:
    """PS-04"""
    assert details.login(" Anna@Example.LT ") == details.login("anna@example.lt") == "anna@example.lt"
    assert details.login("anna@žuvis.lt") == details.login("anna@xn--uvis-kbb.lt")
    assert details.login("No Address ") == "no address"


def lacks(organisation: Organisation, password: str, email: str = "anna.kalne@example.lt") -> list[str]:
    try:
        details.check_password(organisation, password, email=email)
    except Refused as no:
        return [sentence.message.format(**sentence.facts) for sentence in no.facts.values()]
    return []


def test_a_password_is_told_everything_that_it_lacks(north: Organisation) -> None:
    """K02, CV-10, PS-02"""
    civinity = factories.organisation("civinity", password_upper=1, password_digit=1)
    paksiluma = factories.organisation("paksiluma", password_upper=1, password_lower=1, password_digit=1)

    assert lacks(north, "ilgasis") == ["The password must have at least 8 characters."]
    assert lacks(north, "ilgasiss") == []
    assert lacks(civinity, "ilgasiss") == ["The password must have a capital letter.", "The password must have a digit."]
    assert lacks(civinity, "ILGASIS1") == []
    assert lacks(paksiluma, "ILGASIS1") == ["The password must have a small letter."]
    assert lacks(paksiluma, "Ilgasi1") == ["The password must have at least 8 characters."]
    assert lacks(paksiluma, "Ilgasis1") == []


def test_letters_with_lithuanian_marks_count_as_letters(db: object) -> None:
    """K02"""
    strict = factories.organisation("strict", password_upper=2, password_lower=2)

    assert lacks(strict, "ŠŽąčęėį1") == []
    assert lacks(strict, "Šąčęėįų1") == ["The password must have at least 2 capital letters."]


def test_a_password_has_an_upper_bound_but_a_generous_one(north: Organisation) -> None:
    """K02, T63"""
    assert lacks(north, "ilgas zodis " * 10) == []
    assert lacks(north, "a" * 129) == ["The password must have at most 128 characters."]


@pytest.mark.parametrize(
    "password",
    ["password", "Password1", "Slaptažodis1", "slaptazodis123", "qwertyuiop", "12345678", "Vilnius2026!", "anna.kalne", "Anna.Kalne99", "anna.kalne@example.lt",
     "Siaures siluma", "Šiaurėsšiluma1", "P@ssw0rd1"],
)  # fmt: skip
def test_what_anyone_would_try_first_is_no_password(north: Organisation, password: str) -> None:
    """K02"""
    assert lacks(north, password) == ["This password is among the first that anyone would try. Choose another one."]


def test_a_public_mail_address_is_no_company_address(db: object) -> None:
    """IB-46"""
    business = factories.organisation("business", company_email_only=True)

    with pytest.raises(Refused) as no:
        details.refuse_public_mail(business, "jonas@Gmail.com")
    details.refuse_public_mail(business, "jonas@example.lt")
    details.refuse_public_mail(factories.organisation("north"), "jonas@gmail.com")

    assert no.value.field == "email"
    assert no.value.facts == {"domain": "gmail.com"}
