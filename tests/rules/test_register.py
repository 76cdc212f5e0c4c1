"""Runs that read the register: what they ask, what they hold back for a person (T12), and that nothing tells a personal code."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine

import models
from models import Account, Company, Event, Head, Organisation, SyncProblem, SyncRun, now
from rules import heads, register, sync
from rules.refusal import Refused
from tests import factories
from tests.rules.test_heads import JONAS, NAMES, ONA, Person, Said, person, place, prove

LEASE = timedelta(minutes=2)


@dataclass(frozen=True)
class Unread:
    company_code: str
    why: str
    detail: str = ""


@dataclass
class Paper:
    """A register that says what it is told to; `second` is what it says when asked again."""

    says: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] = field(default_factory=dict)
    source: str = "broker"
    asked: list[list[str]] = field(default_factory=list)
    breaks_after: int = 10**9

    def entries(self, codes: Sequence[str]) -> Iterator[Any]:
        says = self.second if self.asked and self.second else self.says
        self.asked.append(list(codes))
        for number, code in enumerate(codes):
            if number == self.breaks_after:
                raise ConnectionError("no route")
            if code in says:
                yield says[code]


def read(north: Organisation, paper: Paper, **options: Any) -> SyncRun | None:
    return register.read(north, paper, **{"most": 1000, "lease": LEASE} | options)


def code(number: int) -> str:
    return f"3990{number:05}"


def said(number: int, *people: Person | str) -> Said:
    return Said(code(number), heads=tuple(person(one) if isinstance(one, str) else one for one in people))


def personal(number: int) -> str:
    """A code that is some person's: rules take what the register gives."""
    return f"3030303{number:04}"


@pytest.fixture
def headed(north: Organisation) -> Callable[[int], Paper]:
    """Make so many companies, each headed by somebody of its own; returns the register that says so."""

    def make(count: int) -> Paper:
        for number in range(count):
            factories.company(north, f"UAB {number}", code=code(number))
        paper = Paper({code(number): said(number, personal(number)) for number in range(count)})
        run = read(north, paper)
        assert run
        assert (run.error, run.seen, run.changed) == ("", count, count)
        paper.asked.clear()
        return paper

    return make


def live() -> int:
    return Head.select().where(Head.ended_at.is_null()).count()


# ---- what is asked ----------------------------------------------------------------------------------------------------


def test_a_run_asks_first_about_companies_asked_about_longest_ago_and_the_same_again_changes_nothing(
    north: Organisation, headed: Callable[[int], Paper]
) -> None:
    paper = headed(3)
    Company.update(heads_asked_at=now() - timedelta(days=3)).where(Company.code == code(2)).execute()
    factories.company(north, "UAB Nauja", code="399900000")
    factories.company(north, "Jono veikla", code=None, person_digest="x")
    count = Event.select().count()
    run = read(north, paper, most=2)
    assert run
    assert paper.asked == [["399900000", code(2)]]
    assert (run.feed, run.seen, run.changed, run.same, run.problems, run.error) == ("register", 1, 0, 1, 0, "")
    assert Event.select().count() == count + 1
    assert read(factories.organisation("south"), paper) is None


@pytest.mark.parametrize("silent", [3, 8])
def test_companies_of_which_the_register_says_nothing_do_not_keep_others_waiting(north: Organisation, silent: int) -> None:
    for number in range(12):
        factories.company(north, f"UAB {number}", code=code(number))
    says = {code(number): Unread(code(number), "refused") if number < silent else said(number, personal(number)) for number in range(12)}
    says.pop(code(0))  # files say nothing at all of some
    paper = Paper(says)
    for _ in range(3):
        read(north, paper, most=4)
    assert sorted(one for night in paper.asked for one in night) == [code(number) for number in range(12)]
    assert live() == 12 - silent


def test_one_company_whose_answer_cannot_be_taken_in_is_put_aside_and_the_others_are_not(
    north: Organisation, headed: Callable[[int], Paper], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paper, take = headed(3), heads.take
    paper.says |= {code(number): said(number, personal(number), ONA) for number in range(3)}

    def broken(company: Company, *answer: Any, **options: Any) -> int:
        done = take(company, *answer, **options)
        if company.code == code(1):
            raise ValueError("too much")
        return done

    monkeypatch.setattr(heads, "take", broken)
    with caplog.at_level(logging.CRITICAL):
        run = read(north, paper)
    assert run
    assert (run.error, run.changed, run.problems, live()) == ("", 2, 1, 5)
    assert SyncProblem.get().message == register.WHY["failed"]
    assert not Company.select().where(Company.heads_asked_at < run.started_at).exists()
    monkeypatch.undo()
    read(north, paper)
    assert (SyncProblem.get().resolved_at is None, live()) == (False, 6)


def test_a_name_longer_than_any_is_cut(north: Organisation, headed: Callable[[int], Paper]) -> None:
    headed(1)
    for _ in range(2):
        run = read(north, Paper({code(0): Said(code(0), "UAB " + "Ilga " * 60, (person(personal(0)),))}))
        assert run
        assert (run.error, run.problems, len(Company.get().name)) == ("", 0, 200)
    assert Event.select().where(Event.name == "company.register_said").count() == 1


def test_a_run_of_the_register_and_one_of_the_bills_do_not_hold_one_another_up(north: Organisation, headed: Callable[[int], Paper]) -> None:
    paper = headed(1)
    sync.begin(north, "csv", LEASE)
    assert read(north, paper)
    sync.begin(north, "register", LEASE)
    with pytest.raises(sync.Busy):
        read(north, paper)


@pytest.mark.parametrize("step", [5, 8, 9])
def test_a_run_that_is_killed_and_run_again_ends_as_one_that_was_not(
    north: Organisation, headed: Callable[[int], Paper], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """F03, P5"""
    paper = headed(4)
    jonas = factories.account(north, "jonas@example.lt")
    prove(jonas, JONAS)
    paper.says |= {code(0): said(0, JONAS), code(1): said(1, personal(1), ONA), code(2): said(2)}
    beats = 0

    class Killed(BaseException):
        pass

    def renew() -> None:
        nonlocal beats
        beats += 1
        if beats == step:
            raise Killed

    with pytest.raises(Killed):
        read(north, paper, renew=renew)
    with time_machine.travel(now() + LEASE + timedelta(seconds=1), tick=False):
        run = read(north, paper)
    assert run
    assert run.error == ""
    assert {(head.company.code, head.first_name) for head in Head.select().where(Head.ended_at.is_null())} == {
        (code(0), "Jonas"), (code(1), ""), (code(1), "Ona"), (code(3), ""),
    }  # fmt: skip
    assert place(jonas, Company.get(Company.code == code(0))) == "company_head"
    assert Event.select().where(Event.name == "head.named").count() == 6
    assert Event.select().where(Event.name == "head.ended").count() == 2


# ---- the guard --------------------------------------------------------------------------------------------------------


def test_an_answer_that_would_end_many_heads_changes_nothing_until_a_person_lets_it_pass(
    north: Organisation, headed: Callable[[int], Paper]
) -> None:
    """T12"""
    paper = headed(10)
    empty = Paper({name: said(number) for number, name in enumerate(paper.says)})
    for _ in range(2):
        run = read(north, empty)
        assert run
        assert run.error == register.WAITS
    assert live() == 10
    problem = SyncProblem.get()
    assert (problem.kind, problem.resolved_at, problem.facts["ending"], problem.facts["heads"]) == ("heads-held", None, 10, 10)
    audra = factories.staff(north, "administrator")
    with pytest.raises(Refused):
        register.let_pass(problem, reason=" ", by=audra)
    register.let_pass(problem, reason="Likviduotos", by=audra)
    with pytest.raises(Refused):
        register.let_pass(problem, reason="Likviduotos", by=audra)
    run = read(north, empty)
    assert run
    assert (run.error, live()) == ("", 0)


def test_what_was_let_pass_lets_nothing_else_pass_and_not_for_long(north: Organisation, headed: Callable[[int], Paper]) -> None:
    paper = headed(12)
    five = Paper(paper.says | {code(number): said(number) for number in range(5)})
    read(north, five)
    audra = factories.staff(north, "administrator")
    register.let_pass(SyncProblem.get(), reason="Tiesa", by=audra)
    six = Paper(five.says | {code(7): said(7)})
    read(north, six)
    assert live() == 12
    register.let_pass(SyncProblem.get(), reason="Tiesa", by=audra)
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        read(north, six)
    assert live() == 12


@pytest.mark.parametrize(("share", "ending", "passes"), [(20, 3, True), (20, 4, False), (2, 4, True), (2, 5, False)])
def test_a_few_heads_may_end_by_themselves(
    north: Organisation, headed: Callable[[int], Paper], monkeypatch: pytest.MonkeyPatch, share: int, ending: int, passes: bool
) -> None:
    """T12: up to three, or one in twenty."""
    paper = headed(8)
    monkeypatch.setattr(register, "SHARE", share)
    paper.says |= {code(number): said(number, ONA) for number in range(ending)}
    run = read(north, paper)
    assert run
    assert (run.error == "") == passes
    assert Head.select().where(Head.ended_at.is_null(False)).count() == (ending if passes else 0)


def test_more_than_twenty_heads_are_held_however_many_there_are(
    north: Organisation, headed: Callable[[int], Paper], monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = headed(6)
    monkeypatch.setattr(register, "SHARE", 1)
    monkeypatch.setattr(register, "MANY", 4)
    paper.says |= {code(number): said(number) for number in range(5)}
    read(north, paper)
    assert live() == 6


def test_answers_that_are_swapped_change_nothing(north: Organisation, headed: Callable[[int], Paper]) -> None:
    """T12"""
    paper = headed(10)
    before = {head.company.code: head.code_digest for head in Head.select()}
    paper.says = {code(number): said(number, personal(9 - number)) for number in range(10)}
    read(north, paper)
    assert {head.company.code: head.code_digest for head in Head.select()} == before


@pytest.mark.parametrize("count", [2, 3])
def test_answers_that_are_swapped_change_nothing_of_a_few_companies_either(
    north: Organisation, headed: Callable[[int], Paper], count: int
) -> None:
    """T12: several heads, and more than half of those asked about."""
    paper = headed(count)
    factories.head(factories.company(north, "UAB Neklausta"))
    paper.says = {code(number): said(number, personal((number + 1) % count)) for number in range(count)}
    run = read(north, paper, codes=list(paper.says))
    assert run
    assert run.error == register.WAITS
    assert not Head.select().where(Head.ended_at.is_null(False)).exists()
    register.let_pass(SyncProblem.get(), reason="Tiesa", by=factories.staff(north, "administrator"))
    read(north, paper, codes=list(paper.says))
    assert Head.select().where(Head.ended_at.is_null(False)).count() == count


def test_each_head_who_ended_is_told_to_staff_once_and_stays_told_until_somebody_has_looked(
    north: Organisation, headed: Callable[[int], Paper]
) -> None:
    """T12: what is too little to be held is still seen."""
    paper = headed(3)
    paper.says[code(1)] = said(1, JONAS)
    for _ in range(2):
        run = read(north, paper)
        assert run
        assert run.error == ""
    problem = SyncProblem.get()
    assert (problem.kind, problem.reference, problem.facts) == ("head-ended", code(1), {"company": "UAB 1", "head": " Pavyzdys"})
    assert problem.resolved_at is None
    sync.resolve(problem, reason="Paskambinta", by=factories.staff(north))
    paper.says[code(1)] = said(1, ONA)
    read(north, paper)
    assert [row.facts["head"] for row in SyncProblem.select().where(SyncProblem.resolved_at.is_null())] == ["Jonas Pavyzdys"]


def test_what_ends_a_head_must_be_said_twice(north: Organisation, headed: Callable[[int], Paper]) -> None:
    """T12: two reads must agree."""
    paper = headed(2)
    once = Paper(paper.says | {code(0): said(0)}, second=paper.says)
    run = read(north, once)
    assert run
    assert (run.error, live(), once.asked) == ("", 2, [[code(0), code(1)], [code(0)]])
    assert SyncProblem.get().message == register.WHY["twice"]
    read(north, paper)
    assert SyncProblem.get().resolved_at


def test_a_register_that_breaks_off_changes_nothing(
    north: Organisation, headed: Callable[[int], Paper], caplog: pytest.LogCaptureFixture
) -> None:
    """T12"""
    paper = headed(3)
    paper.says = {code(number): said(number, ONA) for number in range(3)}
    paper.breaks_after = 2
    with caplog.at_level(logging.CRITICAL):
        run = read(north, paper)
    assert run
    assert run.error == "ConnectionError: no route"
    assert not Head.select().where(Head.ended_at.is_null(False)).exists()


def test_an_answer_that_cannot_be_read_is_put_aside_and_many_stop_the_run(north: Organisation, headed: Callable[[int], Paper]) -> None:
    paper = headed(8)
    whole = dict(paper.says)
    paper.says |= {code(1): Unread(code(1), "another"), code(0): said(0, ONA, personal(0))}
    run = read(north, paper)
    assert run
    assert (run.error, run.problems, run.changed, run.same) == ("", 1, 1, 6)
    problem = SyncProblem.get()
    assert (problem.reference, problem.facts["company"]) == (code(1), "UAB 1")
    paper.says |= {code(number): Unread(code(number), "unreadable") for number in range(4)} | {code(5): said(5, ONA)}
    run = read(north, paper)
    assert run
    assert run.error == register.MOSTLY_UNREAD
    assert Head.select().where(Head.first_name == "Ona").count() == 1
    read(north, Paper(whole))
    assert SyncProblem.get(SyncProblem.kind == register.ANSWER).resolved_at


def test_a_register_that_answers_nobody_stops_the_run(north: Organisation, headed: Callable[[int], Paper]) -> None:
    headed(4)
    run = read(north, Paper({code(number): Unread(code(number), "refused") for number in range(4)}))
    assert run
    assert (run.error, SyncProblem.select().count()) == (register.MOSTLY_UNREAD, 0)


def test_a_head_who_cannot_be_recognised_is_told_to_staff(north: Organisation, headed: Callable[[int], Paper]) -> None:
    paper = headed(1)
    read(north, Paper({code(0): said(0, personal(0), "")}))
    problem = SyncProblem.get()
    assert (problem.kind, problem.facts) == ("head-without-code", {"company": "UAB 0", "count": 1})
    read(north, paper)
    assert SyncProblem.get().resolved_at


# ---- personal codes ---------------------------------------------------------------------------------------------------


def test_no_row_event_letter_or_log_tells_a_personal_code(north: Organisation, caplog: pytest.LogCaptureFixture) -> None:
    """Only sealed, and as a keyed digest."""
    oak = factories.company(north, "UAB „Uosis“", code=code(0))
    factories.contract(north, company=oak)
    jonas: Account = factories.account(north, "jonas@example.lt")
    prove(jonas, JONAS)
    agent = factories.staff(north)
    with caplog.at_level(logging.DEBUG):
        read(north, Paper({code(0): said(0, JONAS)}))
        read(north, Paper({code(0): said(0, ONA)}))
        heads.enter(oak, first_name="J", last_name="P", personal_code=JONAS, since_on=None, document="D", reason="R", by=agent)
        with pytest.raises(Refused) as no:
            heads.enter(oak, first_name="J", last_name="P", personal_code=JONAS, since_on=None, document="D", reason="R", by=agent)
        heads.recognise(jonas)
        heads.end(heads.live(oak)[-1], reason="R", by=agent)
        broken = Paper({code(0): said(0, JONAS)}, breaks_after=0)
        read(north, broken)
    told = [repr(row) for table in models.TABLES for row in table.select().dicts()] + [caplog.text, repr(no.value), str(no.value.facts)]
    assert Head.select().count() == 3
    assert [text for text in told if any(one in text for one in NAMES)] == []
