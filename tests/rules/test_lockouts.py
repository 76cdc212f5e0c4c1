"""Wrong passwords are counted where they come from, exactly, and a lock is never longer than it was announced."""

from datetime import UTC, datetime, timedelta
from typing import Any

from time_machine import travel

from models import Account, Event, Lockout, Organisation, Staff
from rules import lockouts
from tests import factories
from tests.together import at_once

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOME, CAFE = "192.0.2.0/24", "198.51.100.0/24"


def wrong(
    person: Account | Staff | None, login: str = "anna@example.lt", source: str = HOME, device: str | None = None, **more: Any
) -> Any:
    scope = lockouts.STAFF if isinstance(person, Staff) else "customer:1"
    return lockouts.failed(scope, login, source, device, after=5, hours=6, person=person, **more)


def is_locked(source: str = HOME, device: str | None = None) -> bool:
    return lockouts.locked_until("customer:1", "anna@example.lt", source, device) is not None


def test_the_fifth_wrong_password_locks_for_six_hours(anna: Account) -> None:
    """IB-60"""
    with travel(NOON, tick=False):
        answers = [wrong(anna) for _ in range(5)]

    assert answers == [None, None, None, None, NOON + timedelta(hours=6)]
    assert Account.get().locked_until == NOON + timedelta(hours=6)
    assert [(e.name, e.facts) for e in Event.select()] == [("account.locked", {"until": "2026-11-20T18:00:00+00:00", "failures": 5})]


def test_a_lock_ends_when_it_was_said_to_end(anna: Account) -> None:
    """IB-60, M05"""
    with travel(NOON, tick=False):
        [wrong(anna) for _ in range(5)]
    one_second_too_early, on_time = NOON + timedelta(hours=6, seconds=-1), NOON + timedelta(hours=6)

    with travel(one_second_too_early, tick=False):
        assert is_locked()
    with travel(on_time, tick=False):
        assert not is_locked()
        assert [wrong(anna) for _ in range(4)] == [None] * 4, "all tries are there again"


def test_trying_while_it_is_locked_extends_nothing_and_is_told_to_nobody(anna: Account) -> None:
    """M05, T43"""
    told: list[datetime] = []
    with travel(NOON, tick=False):
        [wrong(anna, tell=told.append) for _ in range(5)]
    with travel(NOON + timedelta(hours=5), tick=False):
        assert {wrong(anna, tell=told.append) for _ in range(30)} == {NOON + timedelta(hours=6)}

    assert told == [NOON + timedelta(hours=6)]
    assert Event.select().count() == 1


def test_wrong_passwords_of_yesterday_are_forgotten(anna: Account) -> None:
    """IB-60"""
    with travel(NOON, tick=False):
        [wrong(anna) for _ in range(4)]
    with travel(NOON + timedelta(hours=6), tick=False):
        assert [wrong(anna) for _ in range(4)] == [None] * 4


def test_a_known_device_is_not_locked_by_anyone_else(anna: Account) -> None:
    """M05"""
    [wrong(anna, source=f"203.0.{n}.0/24") for n in range(60)]

    assert is_locked(CAFE)
    assert not is_locked(HOME, device="known")
    assert [wrong(anna, device="known") is None for _ in range(5)] == [True, True, True, True, False]
    assert is_locked(HOME, device="known")


def test_another_network_is_not_locked_by_the_first_until_all_together_are_wrong_fifty_times(anna: Account) -> None:
    """M05, T43"""
    [wrong(anna, source=HOME) for _ in range(5)]
    assert is_locked(HOME)
    assert not is_locked(CAFE)

    answers = [wrong(anna, source=f"203.0.{n}.0/24") for n in range(45)]

    assert answers[:-1] == [None] * 44
    assert answers[-1] is not None
    assert is_locked(CAFE)
    assert [e.facts["failures"] for e in Event.select().order_by(Event.id)] == [5, 50]


def test_a_hundred_in_a_row_turn_the_password_off_until_a_new_one_is_set(anna: Account) -> None:
    """T43"""
    for day in range(3):
        with travel(NOON + timedelta(days=day), tick=False):
            [wrong(anna, source=f"203.0.{n}.0/24") for n in range(50)]

    assert lockouts.locked_until("customer:1", "anna@example.lt", CAFE, None) == lockouts.UNTIL_RESET
    assert not is_locked(HOME, device="known")
    assert lockouts.forget("customer:1", "Anna@Example.lt") > 0
    assert not is_locked(CAFE)


def test_a_right_password_clears_the_count_of_its_own_source_only(anna: Account) -> None:
    """M05"""
    [wrong(anna, source=s) for s in (HOME, CAFE) for _ in range(4)]

    assert lockouts.succeeded("customer:1", "anna@example.lt", HOME, None) is None

    assert wrong(anna, source=HOME) is None
    assert wrong(anna, source=CAFE) is not None


def test_a_login_name_that_does_not_exist_is_locked_the_same_way(north: Organisation) -> None:
    """IB-60, T47"""
    assert [wrong(None, login="nobody@example.lt") is None for _ in range(6)] == [True] * 4 + [False] * 2
    assert Event.select().count() == 0


def test_the_same_login_name_in_another_organisation_is_another_one(anna: Account) -> None:
    """IB-60"""
    [wrong(anna) for _ in range(5)]

    assert lockouts.locked_until("customer:2", "anna@example.lt", HOME, None) is None
    assert lockouts.locked_until(lockouts.STAFF, "anna@example.lt", HOME, None) is None


def test_a_staff_member_is_locked_the_same_way(north: Organisation) -> None:
    """IB-60"""
    olga = factories.staff(north)

    [wrong(olga, login=olga.email) for _ in range(5)]

    assert lockouts.locked_until(lockouts.STAFF, olga.email, HOME, None) == Staff.get().locked_until
    assert [e.name for e in Event.select()] == ["staff.locked"]


def test_of_twenty_wrong_passwords_at_once_exactly_five_are_counted(anna: Account) -> None:
    """T42, IB-60"""
    told: list[datetime] = []

    answers = at_once(20, lambda _: wrong(anna, tell=told.append))

    assert answers.count(None) == 4
    assert len(set(answers) - {None}) == 1
    assert len(told) == 1
    assert Event.select().count() == 1
    assert {row.failures for row in Lockout.select()} == {5}


def test_of_many_networks_at_once_exactly_fifty_are_counted(anna: Account) -> None:
    """T42, T43"""
    told: list[datetime] = []
    [wrong(anna, source=f"203.0.{n}.0/24") for n in range(45)]

    answers = at_once(20, lambda n: wrong(anna, source=f"203.1.{n}.0/24", tell=told.append))

    assert answers.count(None) == 4
    assert len(told) == 1
    assert max(row.failures for row in Lockout.select()) == 50


def test_a_right_password_among_many_wrong_ones_at_once_is_refused_when_the_lock_came_first(anna: Account) -> None:
    """T42"""
    [wrong(anna) for _ in range(5)]

    assert lockouts.succeeded("customer:1", "anna@example.lt", HOME, None) == Account.get().locked_until
    assert is_locked()


def test_counts_that_are_over_are_dropped(anna: Account) -> None:
    """IB-60"""
    with travel(NOON, tick=False):
        [wrong(anna) for _ in range(5)]
    with travel(NOON + timedelta(hours=5), tick=False):
        assert lockouts.forget_ended() == 0
    with travel(NOON + timedelta(hours=7), tick=False):
        assert lockouts.forget_ended() == 2, "all but those in a row"
