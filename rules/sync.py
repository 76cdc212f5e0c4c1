"""The runs that take in what billing systems deliver: under a lease, block by block, with what is put aside and tried again.

The same data again changes nothing, in whatever order it comes, and nothing in a feed ends a run. A record that cannot be taken
in becomes a `SyncProblem` with the reason and the whole record. What records become is in `rules/intake.py`.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Protocol

from peewee import chunked

from models import (
    N_,
    Contract,
    Invoice,
    MeterKind,
    Organisation,
    Provider,
    Staff,
    SyncProblem,
    SyncRun,
    canonical,
    database,
    digest,
    now,
)
from rules import clock, events, intake, settings
from rules.intake import VERSIONS, Aside, Item, Record
from rules.refusal import Refused
from rules.work import unit_of_work

log = logging.getLogger(__name__)

BLOCK = 500
READ_AGAIN = timedelta(days=10)
LONGEST_LEASE = timedelta(hours=1)  # one that ends later was written by a clock that ran ahead: it holds nothing
CUT_OFF = N_("The run was cut off. What it had taken in stays, and the next run took in the rest.")


class Codec(Protocol):
    """How records are kept and compared; the module `integrations.billing_feed` is one."""

    def to_json(self, record: Record, /) -> dict[str, Any]: ...

    def from_json(self, values: dict[str, Any], /) -> Record: ...

    def digest(self, record: Record, /) -> str: ...


class Busy(Refused):
    """Another run of this organisation is alive."""


class TakenOver(Exception):
    """Our lease ended, and another run goes on from here."""


def take(
    organisation: Organisation,
    system: str,
    records: Iterable[Record],
    codec: Codec,
    *,
    lease: timedelta,
    keep: Callable[[bytes], str],
    site_url: str,
) -> SyncRun:
    """Take in the records of one organisation's feed, each block of them in one transaction; returns the run as it ended.

    `keep` stores a provider's document and returns its digest; `site_url` is where customers find their bills. What breaks the
    run off is written in its `error`; the blocks before stay, and the next run does the rest. Raises Busy where another run is
    alive, TakenOver where this one's lease ended in the middle of it.
    """
    row = _begin(organisation, system, lease)
    try:
        Run(row, codec, lease, site_url).all(_item(record, codec, keep) for record in records)
    except TakenOver:
        raise
    except Exception as failure:
        log.exception("The sync of %s broke off", organisation.slug)
        return _end(row, f"{type(failure).__name__}: {failure}")
    return _end(row, "")


def since(organisation: Organisation) -> date | None:
    """From which local day on files must be read: ten days before the last run that went well; None: all there are. Last
    night's data is assumed to have been wrong, and nothing that came in a pause is missed. A run over files that somebody named
    says nothing about the others."""
    well = (SyncRun.organisation == organisation) & SyncRun.finished_at.is_null(False) & (SyncRun.error == "")
    well &= SyncRun.feed == settings.of(organisation).billing_system
    last = SyncRun.select(SyncRun.started_at).where(well).order_by(SyncRun.started_at.desc()).first()
    return clock.today(last.started_at) - READ_AGAIN if last else None


def resolve(problem: SyncProblem, *, reason: str, by: Staff) -> None:
    """Close a problem by hand: its record is not tried again, and it stays closed for as long as the feed says the same.

    Raises Refused where it is closed already.
    """
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    with unit_of_work():
        is_open = (SyncProblem.id == problem.id) & SyncProblem.resolved_at.is_null()
        if not SyncProblem.update(resolved_at=now()).where(is_open).execute():
            raise Refused(N_("This problem has been resolved already."))
        events.record("feed.problem_resolved", problem, by=by, reason=reason.strip())


def _begin(organisation: Organisation, system: str, lease: timedelta) -> SyncRun:
    """A new run under a lease; those whose worker died are ended."""
    with unit_of_work():
        if database.for_update:  # SQLite has locked everything already
            row: Any = Organisation.select(Organisation.id).where(Organisation.id == organisation.id)
            row.for_update("FOR NO KEY UPDATE").get()
        at = now()
        for left in SyncRun.select().where((SyncRun.organisation == organisation) & SyncRun.finished_at.is_null()):
            if left.lease_until is not None and at < left.lease_until <= at + LONGEST_LEASE:
                raise Busy(N_("The bills of {name} are being taken in already. Try again in a few minutes."), name=organisation.name)
            _end(left, CUT_OFF)
        return SyncRun.create(organisation=organisation, feed=system, started_at=at, lease_until=at + lease)


def _end(row: SyncRun, error: str) -> SyncRun:
    with unit_of_work():
        row.problems = SyncProblem.select().where((SyncProblem.run == row) & SyncProblem.resolved_at.is_null()).count()
        row.finished_at, row.lease_until, row.error = now(), None, error[:500]
        row.save()
        facts = {name: getattr(row, name) for name in ("seen", "created", "changed", "same", "problems", "error")}
        events.record("feed.run_finished", row, by=events.SYSTEM, run=row.id, **facts)
    return row


def _item(record: Record, codec: Codec, keep: Callable[[bytes], str]) -> Item:
    if type(record).__name__ != "Invoice":
        return Item(record)
    if record.pdf is None:
        return Item(record, codec.digest(record))
    pdf_digest, record = keep(record.pdf), replace(record, pdf=None)
    return Item(record, digest(codec.digest(record) + pdf_digest), pdf_digest)


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
        self.is_announcing = self.rules.announce_invoices and SyncRun.select().where(complete).exists()
        # What the feed holds as it stands here, by ids: bills, contracts, versions of readings; and older versions, by the newest.
        self.seen, self.told, self.versions = Bits(), Bits(), Bits()
        self.replaced: dict[int, Item] = {}
        self.openings = 0  # contracts and meters that may let in what was put aside
        self.is_old = False  # the block comes from earlier runs
        self.is_over = False  # the feed has been read to its end
        # Of the block at hand: figures, what the event's digest is of, problems by what they are about, contracts by their codes.
        self.figures: Counter[str] = Counter()
        self.written: list[str] = []
        self.problems: dict[str, SyncProblem] = {}
        self.contracts: dict[tuple[int, str], Contract] = {}
        self.alike: dict[tuple[int, str], Contract] = {}

    def all(self, items: Iterable[Item]) -> None:
        """First what was put aside in earlier runs, so that the feed has the last word; then the feed; then what waited for it."""
        self._retry()
        for block in chunked(items, BLOCK):
            self.store(block)
        while self.openings:
            self.openings = 0
            self._retry()
        self.is_over = True
        intake.settle_versions(self)
        # A reading that was replaced once is right again where the feed no longer holds what replaced it.
        for block in chunked((item for newest, item in self.replaced.items() if newest not in self.versions), BLOCK):
            self.store(block, seen=0, is_old=True)

    def _retry(self) -> None:
        """Try again what waits: what earlier runs brought, and (then it is the feed's word of today) what this one did."""
        is_waiting = SyncProblem.resolved_at.is_null() & SyncProblem.record.is_null(False) & (SyncProblem.kind != VERSIONS)
        mine = (SyncProblem.organisation == self.organisation) & is_waiting
        for is_old, those in ((True, SyncProblem.run != self.row), (False, SyncProblem.run == self.row)):
            last = 0
            rows = SyncProblem.select().where(mine & those).order_by(SyncProblem.id).limit(BLOCK)
            while page := list(rows.where(SyncProblem.id > last)):
                last = page[-1].id
                self.store([self.item_of(problem.record) for problem in page], seen=0, is_old=is_old)

    def store(self, block: Sequence[Item], *, seen: int | None = None, is_old: bool = False) -> None:
        """Rows, problems, mail, one event and the run's figures, or nothing. `is_old` records are not what the feed says today.

        Raises TakenOver.
        """
        of_kind: dict[str, list[Item]] = {kind: [] for kind in ("Contract", "Invoice", "Meter", "Reading", "PutAside")}
        for item in block:
            of_kind[item.kind].append(item)
        with unit_of_work():
            self._prolong()
            self.is_old, self.figures, self.written = is_old, Counter(seen=len(block) if seen is None else seen), []
            about = SyncProblem.reference_digest.in_([item.about_digest for item in block])
            known = SyncProblem.select().where((SyncProblem.organisation == self.organisation) & about)
            self.problems = {problem.reference_digest: problem for problem in known}
            intake.load_contracts(self, block)
            intake.take_contracts(self, of_kind["Contract"])
            intake.take_invoices(self, of_kind["Invoice"])
            intake.take_meters(self, of_kind["Meter"])
            intake.take_readings(self, of_kind["Reading"])
            for item in of_kind["PutAside"]:
                self.put_aside(item, Aside(item.record.kind, item.record.message, **item.record.facts))
            sums = {getattr(SyncRun, name): getattr(SyncRun, name) + n for name, n in self.figures.items()}
            SyncRun.update(sums).where(SyncRun.id == self.row.id).execute()
            if self.written:
                told: dict[str, Any] = {name: self.figures[name] for name in ("created", "changed", "same")}
                rows = hashlib.sha256("\n".join(sorted(self.written)).encode()).hexdigest()
                events.record("feed.block_stored", self.row, by=events.SYSTEM, run=self.row.id, digest=rows, **told)
        for name, n in self.figures.items():
            setattr(self.row, name, getattr(self.row, name) + n)

    def _prolong(self) -> None:
        """Hold the run for another lease. Whoever took over has ended its row: then nothing of this block is stored."""
        held = (SyncRun.id == self.row.id) & SyncRun.finished_at.is_null()
        if not SyncRun.update(lease_until=now() + self.lease).where(held).execute():
            raise TakenOver(str(self.row))

    # ---- what the block leads to

    def count(self, outcome: str, *what: object) -> None:
        """One record was created, changed or same; `what` goes into the digest of the block's event."""
        self.figures[outcome] += 1
        if outcome != "same":
            self.written.append(canonical(what))

    def sees(self, row: Invoice) -> None:
        """The feed holds this bill as it stands here now."""
        if row.id is not None and not self.is_old:
            self.seen.add(row.id)

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
        for item in items:
            known = self.problems.get(item.about_digest)
            if known and known.resolved_at is None and (known.run_id != self.row.id or known.record["digest"] == item.digest):
                ended.append(known.id)
        if ended:
            SyncProblem.update(resolved_at=now()).where(SyncProblem.id.in_(ended)).execute()
