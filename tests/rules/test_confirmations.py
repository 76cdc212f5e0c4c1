"""A link or a code proves who reads an address: once, for one thing, in the browser that asked, and never by trying."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from time_machine import travel

from models import Confirmation, Organisation
from rules import confirmations, keys
from rules.refusal import Refused
from tests import factories
from tests.together import at_once

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FLOW, ANOTHER_BROWSER = "a" * 22, "b" * 22


def a_link(north: Organisation, purpose: str = "reset_password", minutes: int = 30) -> str:
    _, token = confirmations.link(
        purpose, organisation=north, address="anna@example.lt", until=datetime.now(UTC) + timedelta(minutes=minutes)
    )
    return token


def a_code(north: Organisation, flow: str = FLOW, address: str = "anna@example.lt", digits: int = 6) -> tuple[Confirmation, str]:
    return confirmations.code("register", flow, organisation=north, address=address, digits=digits, minutes=10, facts={"name": "Anna"})


def another_than(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def test_a_link_works_once(north: Organisation) -> None:
    """T46, K01"""
    row = confirmations.find("reset_password", a_link(north), north)

    confirmations.use(row)

    with pytest.raises(Refused, match="no longer good"):
        confirmations.use(row)


def test_a_link_that_is_opened_twice_and_not_used_still_works(north: Organisation) -> None:
    """T46: mail scanners open links too."""
    token = a_link(north)
    before = Confirmation.select().dicts().get()

    confirmations.find("reset_password", token, north)
    confirmations.find("reset_password", token, north)

    assert Confirmation.select().dicts().get() == before


def test_a_link_is_over_when_its_time_is_over(north: Organisation) -> None:
    """T46"""
    with travel(NOON, tick=False):
        token = a_link(north)
    just_in_time, too_late = NOON + timedelta(minutes=30, seconds=-1), NOON + timedelta(minutes=30)

    with travel(just_in_time, tick=False):
        row = confirmations.find("reset_password", token, north)
    with travel(too_late, tick=False):
        with pytest.raises(Refused):
            confirmations.find("reset_password", token, north)
        with pytest.raises(Refused):
            confirmations.use(row)


def test_a_link_is_good_for_its_purpose_and_organisation_only(north: Organisation) -> None:
    """T45, T46"""
    token = a_link(north)

    with pytest.raises(Refused):
        confirmations.find("unlock", token, north)
    with pytest.raises(Refused):
        confirmations.find("reset_password", token, factories.organisation("south"))


def test_the_secret_of_a_link_is_not_in_the_database(north: Organisation) -> None:
    """T46"""
    token = a_link(north)

    assert token not in str(list(Confirmation.select().dicts()))
    assert len(token) >= 32


def test_a_right_code_is_taken_and_a_wrong_one_is_not(north: Organisation) -> None:
    """IB-38, K01"""
    row, code = a_code(north)

    with pytest.raises(Refused, match="not right"):
        confirmations.check_code(row, FLOW, another_than(code), most=5)
    confirmations.check_code(row, FLOW, code, most=5)


def test_the_sixth_try_is_not_looked_at_even_if_it_is_right(north: Organisation) -> None:
    """T44"""
    row, code = a_code(north)
    for _ in range(5):
        with pytest.raises(Refused, match="not right"):
            confirmations.check_code(row, FLOW, another_than(code), most=5)

    with pytest.raises(Refused, match="no longer good"):
        confirmations.check_code(row, FLOW, code, most=5)


def test_of_twenty_tries_at_once_five_are_looked_at(north: Organisation) -> None:
    """T44"""
    row, code = a_code(north)
    answers = at_once(20, lambda _: confirmations.check_code(row, FLOW, another_than(code), most=5))

    assert Counter(str(answer) for answer in answers) == {confirmations.WRONG_CODE: 5, confirmations.CODE_OVER: 15}


def test_a_code_is_good_for_ten_minutes(north: Organisation) -> None:
    """T44, K01"""
    with travel(NOON, tick=False):
        row, code = a_code(north)

    with travel(NOON + timedelta(minutes=10, milliseconds=1), tick=False), pytest.raises(Refused, match="no longer good"):
        confirmations.check_code(row, FLOW, code, most=5)
    with travel(NOON + timedelta(minutes=9, seconds=59), tick=False):
        confirmations.check_code(row, FLOW, code, most=5)


def test_a_new_code_makes_the_one_before_worthless_and_gives_new_tries(north: Organisation) -> None:
    """T44"""
    row, first = a_code(north)
    for _ in range(5):
        with pytest.raises(Refused):
            confirmations.check_code(row, FLOW, another_than(first), most=5)

    second = confirmations.code_again(row, FLOW, digits=6, minutes=10)

    if first != second:
        with pytest.raises(Refused, match="not right"):
            confirmations.check_code(row, FLOW, first, most=5)
    confirmations.check_code(row, FLOW, second, most=5)


def test_a_code_is_worth_nothing_in_another_browser_or_for_another_address(north: Organisation) -> None:
    """T45"""
    row, code = a_code(north)
    other_row, _ = a_code(north, ANOTHER_BROWSER, "ona@example.lt")

    assert confirmations.waiting("register", "c" * 22, north) is None
    with pytest.raises(Refused):
        confirmations.check_code(other_row, ANOTHER_BROWSER, code, most=5)
    with pytest.raises(Refused):
        confirmations.check_code(row, ANOTHER_BROWSER, code, most=5)


def test_after_two_hundred_wrong_codes_in_an_hour_no_code_is_looked_at(north: Organisation) -> None:
    """T44"""
    with travel(NOON, tick=False):
        for n in range(40):
            row, code = a_code(north, f"{n:022}")
            for _ in range(5):
                with pytest.raises(Refused):
                    confirmations.check_code(row, f"{n:022}", another_than(code), most=5)
        row, code = a_code(north)
        assert confirmations.are_codes_paused()
        with pytest.raises(Refused, match="no longer good"):
            confirmations.check_code(row, FLOW, code, most=5)
    with travel(NOON + timedelta(hours=1), tick=False):
        assert not confirmations.are_codes_paused()


def test_codes_are_spread_evenly_over_all_there_are() -> None:
    """T44: of 100 000 codes each first digit comes as often as any other, within what chance allows."""
    first = Counter(keys.new_code(4)[0] for _ in range(100_000))

    assert set(first) == set("0123456789")
    chi_square = sum((count - 10_000) ** 2 / 10_000 for count in first.values())
    assert chi_square < 35, "chance alone exceeds this once in twenty thousand runs"


def test_what_was_never_confirmed_is_forgotten_with_all_that_waited(north: Organisation) -> None:
    """T10"""
    with travel(NOON, tick=False):
        a_code(north)
    with travel(NOON + timedelta(hours=24), tick=False):
        assert confirmations.forget_ended() == 0, "a new code may still be asked for"
    with travel(NOON + timedelta(hours=25), tick=False):
        assert confirmations.forget_ended() == 1


def test_what_waited_behind_a_link_is_gone_once_it_is_used(north: Organisation) -> None:
    """T10"""
    row, _ = a_code(north)

    confirmations.use(row)

    assert Confirmation.get().facts == {}
