"""One run of a sync as it goes: the records on their way in, why one is put aside, what the run knows and what it has led to.

`rules/sync.py` drives it block by block, and `rules/intake/` says what the records become.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from models import Contract, MeterKind, Provider, SyncProblem, SyncRun, canonical, digest, now
from rules import clock, settings

REGISTER = "register"  # the feed that a run of the register of legal entities names (`rules/register.py`); every other is a billing system
NEVER = datetime.min.replace(tzinfo=UTC)

Record = Any  # one of the frozen dataclasses of `integrations/billing_feed`, told apart by the name of its class


@dataclass(frozen=True)
class Item:
    """A record on its way in. Its document is stored already and only its digest goes along."""

    record: Record
    digest: str = ""  # of all that a bill says
    pdf_digest: str = ""
    rivals: frozenset[str] = frozenset()  # other versions of the same revision that waited with it

    @property
    def kind(self) -> str:
        return type(self.record).__name__

    @property
    def about(self) -> str:
        """What the record is about, for people; the same every time it comes."""
        it = self.record
        if self.kind == "PutAside":
            return str(it.reference)
        said = {
            "Contract": lambda: (it.payer_code,),
            "Meter": lambda: (it.number, it.kind, it.payer_code),
            "Reading": lambda: (it.meter, it.kind, it.payer_code, str(it.read_on), str(it.value_milli)),
            "Invoice": lambda: (it.number, it.kind if it.kind != "invoice" else ""),
        }[self.kind]()
        return " ".join(word for word in (*said, it.provider) if word)

    @cached_property
    def about_digest(self) -> str:
        return digest(f"{self.kind} {self.record.kind if self.kind == 'PutAside' else ''}\n{self.about}")

    @property
    def revised_at(self) -> datetime:
        return getattr(self.record, "revised_at", None) or NEVER

    def over(self, other: "Item") -> "Item":
        """The one of two versions that stays: the one revised later, else the one with the larger digest, which knows its rivals."""
        stays, goes = (self, other) if (self.revised_at, self.digest) >= (other.revised_at, other.digest) else (other, self)
        if stays.revised_at > goes.revised_at:
            return stays
        return replace(stays, rivals=(stays.rivals | goes.rivals | {goes.digest}) - {stays.digest})


class Aside(Exception):
    """A record cannot be taken in; `kind` is the rule's short name."""

    def __init__(self, kind: str, message: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind, self.message, self.facts = kind, message, facts


VERSIONS = "two-versions"  # the kind of problem that two bills have with one another


class Codec(Protocol):
    """How records are kept and compared; the module `integrations.billing_feed` is one."""

    def to_json(self, record: Record, /) -> dict[str, Any]: ...

    def from_json(self, values: dict[str, Any], /) -> Record: ...

    def digest(self, record: Record, /) -> str: ...


class Bits:
    """A set of row ids that takes one bit for each: for a million bills 125 kB."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def add(self, number: int) -> None:
        self.bytes.extend(bytes(max(0, number // 8 + 1 - len(self.bytes))))
        self.bytes[number // 8] |= 1 << number % 8

    def __contains__(self, number: int) -> bool:
        return number // 8 < len(self.bytes) and bool(self.bytes[number // 8] >> number % 8 & 1)


class Run:
    """One run: what it knows beyond a block, and what a block has led to so far."""

    def __init__(self, row: SyncRun, codec: Codec, lease: timedelta, site_url: str) -> None:
        self.row, self.codec, self.lease, self.site_url = row, codec, lease, site_url
        here = self.organisation = row.organisation
        self.rules, self.today = settings.of(here), clock.today()
        self.providers = list(Provider.select().where(Provider.organisation == here).order_by(Provider.id))
        self.kinds = {kind.code: kind for kind in MeterKind.select().where(MeterKind.organisation == here)}
        # Of a first load nobody is told: it is history.
        complete = (SyncRun.organisation == here) & SyncRun.finished_at.is_null(False) & (SyncRun.error == "") & (SyncRun.seen > 0)
        complete &= SyncRun.feed != REGISTER
        self.is_announcing = self.rules.announce_invoices and SyncRun.select().where(complete).exists()
        # What the feed holds as it stands here, by ids: bills, contracts, versions of readings; and older versions, by the newest.
        self.seen, self.told, self.versions = Bits(), Bits(), Bits()
        self.doubted: set[int] = set()  # contracts whose own record waits, because it would give them to another customer
        self.replaced: dict[int, Item] = {}
        self.has_problems = SyncProblem.select().where(SyncProblem.organisation == here).exists()  # open or not
        self.openings = 0  # contracts and meters that may let in what was put aside
        self.is_old = False  # the block comes from earlier runs
        self.is_over = False  # the feed has been read to its end
        # Of the block at hand: figures, what the event's digest is of, problems by what they are about, contracts by their codes.
        self.figures: Counter[str] = Counter()
        self.written: list[str] = []
        self.problems: dict[str, SyncProblem] = {}
        self.contracts: dict[tuple[int, str], Contract] = {}
        self.alike: dict[tuple[int, str], Contract] = {}

    def count(self, outcome: str, *what: object) -> None:
        """One record was created, changed or same; `what` goes into the digest of the block's event."""
        self.figures[outcome] += 1
        if outcome != "same":
            self.written.append(canonical(what))

    def sees(self, number: int | None) -> None:
        """The feed holds the bill with this id as it stands here now."""
        if number is not None and not self.is_old:
            self.seen.add(number)

    def kept(self, item: Item) -> dict[str, Any]:
        """A record as a problem keeps it; `item_of` gives it back."""
        facts = {"digest": item.digest, "pdf_digest": item.pdf_digest, "rivals": sorted(item.rivals)}
        return {"record": self.codec.to_json(item.record), **facts}

    def item_of(self, kept: dict[str, Any]) -> Item:
        return Item(self.codec.from_json(kept["record"]), kept["digest"], kept["pdf_digest"], frozenset(kept["rivals"]))

    def put_aside(self, item: Item, why: Aside) -> None:
        """Keep the record with the reason, until it can be taken in: of several versions in one run the one that will stay."""
        known = self.problems.get(item.about_digest)
        if known and known.run_id == self.row.id and known.record:
            item = item.over(self.item_of(known.record))
        self.write_problem(item.about_digest, item.about, why, None if item.kind == "PutAside" else self.kept(item))

    def write_problem(self, about: str, reference: str, why: Aside, kept: dict[str, Any] | None) -> None:
        """The same trouble again is the same row. It opens again where the feed says something else than when it was closed."""
        said = {"kind": why.kind, "message": why.message, "facts": why.facts, "record": kept}
        compared = [name for name in said if name != "record" or why.kind != VERSIONS]
        self.has_problems = True
        problem = self.problems.get(about)
        if problem is None:
            mine = {"organisation": self.organisation, "run": self.row, "reference": reference[:200], "reference_digest": about}
            problem = self.problems[about] = SyncProblem(**mine)
        elif any(canonical(getattr(problem, name)) != canonical(said[name]) for name in compared):
            problem.resolved_at = None
        if not self.is_old:
            problem.run, problem.seen_at = self.row, now()
        for name, value in said.items():
            setattr(problem, name, value)
        problem.save()

    def taken_in(self, items: Iterable[Item]) -> None:
        """What was the matter with these is no more; but another version that waits since this run must have its turn."""
        ended = []
        for item in items if self.problems else ():
            known = self.problems.get(item.about_digest)
            if known and known.resolved_at is None and (known.run_id != self.row.id or known.record["digest"] == item.digest):
                ended.append(known.id)
        if ended:
            SyncProblem.update(resolved_at=now()).where(SyncProblem.id.in_(ended)).execute()
