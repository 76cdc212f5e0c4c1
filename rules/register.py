"""Runs that read the register of legal entities for one organisation: ask about its companies, weigh the answers, then take them in.

Nothing is changed before every answer is there. A run that would end unusually many heads, or whose answers could mostly not be read,
changes nothing at all and waits for a person (T12). The same answers again change nothing, in whatever order they come.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from models import N_, Company, Head, Organisation, Staff, SyncProblem, SyncRun, digest, now
from rules import clock, events, heads, sync
from rules.bulk import among
from rules.heads import Said
from rules.refusal import Refused
from rules.sync_run import REGISTER
from rules.work import unit_of_work

log = logging.getLogger(__name__)

# A run waits for a person if it would end more heads than FEW and more than one in SHARE of all, or more than MANY; or several, and
# more than half of those it asked about, which is how few companies look whose answers were swapped.
FEW, SHARE, MANY = 3, 20, 20
PASSES_FOR = timedelta(days=7)  # what staff let pass waits for the next reading, not for one in a year
HELD, ANSWER, NO_CODE, ENDED = "heads-held", "register-answer", "head-without-code", "head-ended"

WOULD_END = N_(
    "The register's answers would end {ending} of {heads} heads of companies. That is unusual, so nothing was changed. Look into it; if it"
    " is right, let it pass."
)
WAITS = N_("So many heads of companies would end that somebody must look first. Nothing was changed.")
WHY = {
    "unreadable": N_("The register's answer about {company} could not be read. Who heads it stays as it is."),
    "another": N_("The register answered about another company than {company}. Who heads it stays as it is."),
    "refused": N_("The register does not answer about {company}: its code may be wrong. Who heads it stays as it is."),
    "failed": N_("What the register says of {company} could not be taken in: the journal says why. Who heads it stays as it is."),
    "twice": N_("The register gave two different answers about {company}. Who heads it stays as it is."),
}
WITHOUT_CODE = N_(
    "The register names {count} who head {company} and cannot be recognised: a company, or people without a personal code of Lithuania."
    " Enter them from a document if they need access."
)
HAS_ENDED = N_("The register says that {head} no longer heads {company}. Check whether that is right, then close this.")
MOSTLY_UNREAD = N_("Too many of the register's answers could not be read. Nothing was changed.")
FOR_PEOPLE = {WAITS, MOSTLY_UNREAD}  # runs that ended so are not tried again by themselves
NOT_HELD = N_("This does not wait to be let pass.")


class Register(Protocol):
    """`integrations.register.Register`, as this module asks it."""

    @property
    def source(self) -> str: ...
    def entries(self, codes: Sequence[str], /) -> Iterator[Any]: ...


@dataclass
class Answers:
    """What a run was told: entries by the company they are of, and why others have none."""

    said: dict[int, Said] = field(default_factory=dict)
    unread: dict[int, str] = field(default_factory=dict)


class _Held(Exception):
    """The run waits for a person; the message says why."""


def read(
    organisation: Organisation,
    register: Register,
    *,
    most: int,
    lease: timedelta,
    codes: Collection[str] | None = None,
    renew: Callable[[], None] = lambda: None,
) -> SyncRun | None:
    """Read what the register says of an organisation's companies, those asked about longest ago first and `most` of them, or exactly
    those with these `codes`; returns the run as it ended, None where there is nothing to ask. Raises sync.Busy, sync.TakenOver."""
    companies = _due(organisation, most, codes)
    if not companies:
        return None
    run = sync.begin(organisation, REGISTER, lease)

    def beat() -> None:
        renew()
        sync.prolong(run, lease)

    try:
        _take_all(run, register, companies, beat)
    except sync.TakenOver:
        raise
    except _Held as reason:
        return sync.end(run, str(reason))
    except Exception as failure:
        log.exception("Reading the register for %s broke off", organisation.slug)
        return sync.end(run, f"{type(failure).__name__}: {failure}")
    return sync.end(run, "")


def let_pass(problem: SyncProblem, *, reason: str, by: Staff) -> None:
    """Staff have looked into why so many heads would end, and it is right: the next reading may end those. Raises Refused."""
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    with unit_of_work():
        waiting = (SyncProblem.id == problem.id) & (SyncProblem.kind == HELD) & SyncProblem.resolved_at.is_null()
        facts = problem.facts | {"passes_until": (now() + PASSES_FOR).isoformat()}
        if not SyncProblem.update(resolved_at=now(), facts=facts).where(waiting).execute():
            raise Refused(NOT_HELD)
        events.record("register.let_pass", problem, by=by, ending=problem.facts["ending"], reason=reason.strip())


# ---- one run ----------------------------------------------------------------------------------------------------------


def _due(organisation: Organisation, most: int, codes: Collection[str] | None) -> list[Company]:
    ours = (Company.organisation == organisation) & Company.code.is_null(False)
    if codes is not None:
        ours &= Company.code.in_(list(codes))
    longest_ago = (Company.heads_asked_at.is_null(False), Company.heads_asked_at, Company.id)
    return list(Company.select().where(ours).order_by(*longest_ago).limit(most))


def _take_all(run: SyncRun, register: Register, companies: Sequence[Company], beat: Callable[[], None]) -> None:
    day = clock.today()
    answers = _ask(register, companies, beat)
    SyncRun.update(seen=len(answers.said) + len(answers.unread)).where(SyncRun.id == run.id).execute()
    run.seen = len(answers.said) + len(answers.unread)
    garbled = sum(why != "refused" for why in answers.unread.values())
    if _is_much(garbled, len(companies)) or FEW < len(answers.unread) == len(companies):
        _asked(companies)  # others have their turn: these may never be answered
        raise _Held(MOSTLY_UNREAD)
    ends = {one.id: heads.ending(one, answers.said[one.id], day) for one in companies if one.id in answers.said}
    _guard(run, list(ends), [head.id for ending in ends.values() for head in ending])
    _ask_again(register, [one for one in companies if ends.get(one.id)], answers, beat)
    for company in companies:
        try:
            _take(run, register, company, answers, day, beat)
        except sync.TakenOver:
            raise
        except Exception:
            # One company's trouble is its own: the others' heads must not wait for it, tonight or for ever.
            log.exception("What the register says of %s could not be taken in", company.code)
            answers.said.pop(company.id, None)
            answers.unread[company.id] = "failed"
            _take(run, register, company, answers, day, beat)


def _ask(register: Register, companies: Sequence[Company], beat: Callable[[], None]) -> Answers:
    by_code, answers = {str(company.code): company.id for company in companies}, Answers()
    for answer in register.entries(list(by_code)):
        beat()
        if why := getattr(answer, "why", ""):
            log.warning("The register about %s: %s %s", answer.company_code, why, answer.detail)
            answers.unread[by_code[answer.company_code]] = why
        else:
            answers.said[by_code[answer.code]] = answer
    return answers


def _ask_again(register: Register, companies: Sequence[Company], answers: Answers, beat: Callable[[], None]) -> None:
    """What ends a head must be said twice: one answer may be anybody's mistake."""
    again = _ask(register, companies, beat) if companies else Answers()
    for company in companies:
        if again.said.get(company.id) != answers.said[company.id]:
            del answers.said[company.id]
            answers.unread[company.id] = "twice"


def _take(run: SyncRun, register: Register, company: Company, answers: Answers, day: Any, beat: Callable[[], None]) -> None:
    said = answers.said.get(company.id)
    with unit_of_work():
        beat()
        if said is not None:
            for head in heads.ending(company, said, day):
                _put_aside(run, ENDED, company, HAS_ENDED, of=str(head.id), head=str(head))
            is_changed = heads.take(company, said, source=register.source, day=day) > 0
            column = "changed" if is_changed else "same"
            SyncRun.update({getattr(SyncRun, column): getattr(SyncRun, column) + 1}).where(SyncRun.id == run.id).execute()
            _settle(company, ANSWER)
            unknown = sum(1 for person in said.heads or () if not person.code and person.is_head(day))
            if unknown:
                _put_aside(run, NO_CODE, company, WITHOUT_CODE, count=unknown)
            elif said.heads is not None:
                _settle(company, NO_CODE)
        elif why := answers.unread.get(company.id):
            _put_aside(run, ANSWER, company, WHY[why])
        _asked([company])
    fresh = SyncRun.get_by_id(run.id)
    run.changed, run.same = fresh.changed, fresh.same


def _asked(companies: Sequence[Company]) -> None:
    with unit_of_work():
        Company.update(heads_asked_at=now()).where(among(Company.id, [one.id for one in companies])).execute()


# ---- the guard --------------------------------------------------------------------------------------------------------


def _is_much(few: int, of_all: int) -> bool:
    return few > FEW and few * SHARE > of_all


def _guard(run: SyncRun, asked: Sequence[int], ending: Sequence[int]) -> None:
    """Hold a run that would end too many heads, unless staff have let just these pass. Raises _Held."""
    ours = (Head.organisation == run.organisation) & Head.ended_at.is_null() & (Head.source != "staff")
    count = Head.select().where(ours).count()
    is_half = len(ending) > 1 and len(ending) * 2 > Head.select().where(ours & among(Head.company, asked)).count()
    held = SyncProblem.get_or_none((SyncProblem.organisation == run.organisation) & (SyncProblem.reference_digest == digest(HELD)))
    if not (_is_much(len(ending), count) or len(ending) > MANY or is_half):
        if held is not None and held.resolved_at is None:
            SyncProblem.update(resolved_at=now()).where(SyncProblem.id == held.id).execute()  # it was the register's passing mistake
        return
    if held is not None and held.facts.get("passes_until", "") > now().isoformat() and set(ending) <= set(held.facts["those"]):
        return
    facts = {"ending": len(ending), "heads": count, "those": sorted(ending)}
    row = held or SyncProblem(organisation=run.organisation, reference="", reference_digest=digest(HELD))
    row.run, row.kind, row.message, row.facts, row.seen_at, row.resolved_at = run, HELD, WOULD_END, facts, now(), None
    row.save()
    raise _Held(WAITS)


def _put_aside(run: SyncRun, kind: str, company: Company, message: str, *, of: str = "", **facts: Any) -> None:
    """The same trouble of a company again (and `of` the same row of it) is the same row; closed by hand it stays closed."""
    about, facts = digest("\n".join(filter(None, (kind, company.code, of)))), {"company": company.name, **facts}
    row = SyncProblem.get_or_none((SyncProblem.organisation == run.organisation) & (SyncProblem.reference_digest == about))
    if row is None:
        row = SyncProblem(organisation=run.organisation, reference=company.code, reference_digest=about)
    elif (row.message, row.facts) != (message, facts):
        row.resolved_at = None
    row.run, row.kind, row.message, row.facts, row.seen_at = run, kind, message, facts, now()
    row.save()


def _settle(company: Company, kind: str) -> None:
    about = digest(f"{kind}\n{company.code}")
    open_ = (
        (SyncProblem.organisation == company.organisation_id) & (SyncProblem.reference_digest == about) & SyncProblem.resolved_at.is_null()
    )
    SyncProblem.update(resolved_at=now()).where(open_).execute()
