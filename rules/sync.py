"""The runs that take in what billing systems deliver: under a lease, block by block, with what is put aside and tried again.

The same data again changes nothing, in whatever order it comes, and nothing in a feed ends a run. A record that cannot be taken
in becomes a `SyncProblem` with the reason and the whole record. What a run knows is in `rules/sync_run.py`, what records become
in `rules/intake/`.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from peewee import chunked

from models import (
    N_,
    Invoice,
    Organisation,
    Staff,
    SyncProblem,
    SyncRun,
    database,
    digest,
    now,
)
from rules import clock, events, personal_codes, settings
from rules.bulk import among
from rules.intake import contracts, invoices, meters, payers
from rules.refusal import Refused
from rules.sync_run import REGISTER, VERSIONS, Aside, Codec, Item, Record, Run
from rules.work import unit_of_work

log = logging.getLogger(__name__)

BLOCK = 2_000
READ_AGAIN = timedelta(days=10)
LONGEST_LEASE = timedelta(hours=1)  # one that ends later was written by a clock that ran ahead: it holds nothing
BUSY = N_("The bills of {name} are being taken in already. Try again in a few minutes.")
BUSY_REGISTER = N_("The register is being read for {name} already. Try again in a few minutes.")
CUT_OFF = N_("The run was cut off. What it had taken in stays, and the next run took in the rest.")


class Busy(Refused):
    """Another run of this organisation, of the same kind, is alive."""


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
    row = begin(organisation, system, lease)
    try:
        _take_all(Run(row, codec, lease, site_url), (_item(record, codec, keep) for record in records))
    except TakenOver:
        raise
    except Exception as failure:
        log.exception("The sync of %s broke off", organisation.slug)
        return end(row, f"{type(failure).__name__}: {failure}")
    return end(row, "")


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


def begin(organisation: Organisation, feed: str, lease: timedelta) -> SyncRun:
    """A new run under a lease; those of its kind whose worker died are ended. Raises Busy where one is alive."""
    same_kind = SyncRun.feed == REGISTER if feed == REGISTER else SyncRun.feed != REGISTER
    with unit_of_work():
        if database.for_update:  # SQLite has locked everything already
            row: Any = Organisation.select(Organisation.id).where(Organisation.id == organisation.id)
            row.for_update("FOR NO KEY UPDATE").get()
        at = now()
        for left in SyncRun.select().where((SyncRun.organisation == organisation) & SyncRun.finished_at.is_null() & same_kind):
            if left.lease_until is not None and at < left.lease_until <= at + LONGEST_LEASE:
                raise Busy(BUSY_REGISTER if feed == REGISTER else BUSY, name=organisation.name)
            end(left, CUT_OFF)
        return SyncRun.create(organisation=organisation, feed=feed, started_at=at, lease_until=at + lease)


def end(row: SyncRun, error: str) -> SyncRun:
    """The run is over, and how it went is written down."""
    with unit_of_work():
        row.problems = SyncProblem.select().where((SyncProblem.run == row) & SyncProblem.resolved_at.is_null()).count()
        row.finished_at, row.lease_until, row.error = now(), None, error[:500]
        row.save()
        facts = {name: getattr(row, name) for name in ("seen", "created", "changed", "same", "problems", "error")}
        events.record("feed.run_finished", row, by=events.SYSTEM, run=row.id, **facts)
    return row


def _item(record: Record, codec: Codec, keep: Callable[[bytes], str]) -> Item:
    if type(record).__name__ == "Contract":
        kept = {"company_code": personal_codes.hidden(record.company_code), "personal_code": personal_codes.told(record.personal_code)}
        return Item(replace(record, **kept))
    if type(record).__name__ != "Invoice":
        return Item(record)
    if record.pdf is None:
        return Item(record, codec.digest(record))
    pdf_digest, record = keep(record.pdf), replace(record, pdf=None)
    return Item(record, digest(codec.digest(record) + pdf_digest), pdf_digest)


def _take_all(run: Run, items: Iterable[Item]) -> None:
    """First what was put aside in earlier runs, so that the feed has the last word; then the feed; then what waited for it."""
    _retry(run)
    for block in chunked(items, BLOCK):
        _store(run, block)
    while run.openings:
        run.openings = 0
        _retry(run)
    run.is_over = True
    _settle_versions(run)
    # A reading that was replaced once is right again where the feed no longer holds what replaced it.
    for block in chunked((item for newest, item in run.replaced.items() if newest not in run.versions), BLOCK):
        _store(run, block, seen=0, is_old=True)


def _retry(run: Run) -> None:
    """Try again what waits: what earlier runs brought, and (then it is the feed's word of today) what this one did."""
    is_waiting = SyncProblem.resolved_at.is_null() & SyncProblem.record.is_null(False) & (SyncProblem.kind != VERSIONS)
    mine = (SyncProblem.organisation == run.organisation) & is_waiting
    for is_old, those in ((True, SyncProblem.run != run.row), (False, SyncProblem.run == run.row)):
        last = 0
        rows = SyncProblem.select().where(mine & those).order_by(SyncProblem.id).limit(BLOCK)
        while page := list(rows.where(SyncProblem.id > last)):
            last = page[-1].id
            _store(run, [run.item_of(problem.record) for problem in page], seen=0, is_old=is_old)


def _settle_versions(run: Run) -> None:
    """At the end of a run: where the feed holds only one of the versions now, that one stays and the problem is over."""
    mine = (SyncProblem.organisation == run.organisation) & (SyncProblem.kind == VERSIONS)
    for problem in list(SyncProblem.select().where(mine & (SyncProblem.resolved_at.is_null() | (SyncProblem.run == run.row)))):
        provider, kind = problem.facts["of"]
        row = Invoice.get((Invoice.provider == provider) & (Invoice.kind == kind) & (Invoice.number == problem.facts["number"]))
        is_here, waiting = row.id in run.seen, problem.record if problem.run_id == run.row.id else None
        if waiting and not (is_here and waiting["digest"] <= row.content_digest):
            _store(run, [run.item_of(waiting)], seen=0, is_old=True)
        is_over = is_here if problem.run_id != run.row.id else not is_here
        over = {"resolved_at": now(), "facts": problem.facts | {"versions": []}} if is_over else {}
        SyncProblem.update(record=None, **over).where(SyncProblem.id == problem.id).execute()


def _store(run: Run, block: Sequence[Item], *, seen: int | None = None, is_old: bool = False) -> None:
    """Rows, problems, mail, one event and the run's figures, or nothing. `is_old` records are not what the feed says today.

    Raises TakenOver.
    """
    of_kind: dict[str, list[Item]] = {kind: [] for kind in ("Contract", "Invoice", "Meter", "Reading", "PutAside")}
    for item in block:
        of_kind[item.kind].append(item)
    with unit_of_work():
        prolong(run.row, run.lease)
        run.is_old, run.figures, run.written = is_old, Counter(seen=len(block) if seen is None else seen), []
        about = [item.about_digest for item in block] if run.has_problems else []
        known = SyncProblem.select().where((SyncProblem.organisation == run.organisation) & among(SyncProblem.reference_digest, about))
        run.problems = {problem.reference_digest: problem for problem in known}
        payers.load(run, block)
        contracts.take(run, of_kind["Contract"])
        invoices.take(run, of_kind["Invoice"])
        meters.take(run, of_kind["Meter"])
        meters.take_readings(run, of_kind["Reading"])
        for item in of_kind["PutAside"]:
            run.put_aside(item, Aside(item.record.kind, item.record.message, **item.record.facts))
        sums = {getattr(SyncRun, name): getattr(SyncRun, name) + n for name, n in run.figures.items()}
        SyncRun.update(sums).where(SyncRun.id == run.row.id).execute()
        if run.written:
            told: dict[str, Any] = {name: run.figures[name] for name in ("created", "changed", "same")}
            rows = hashlib.sha256("\n".join(sorted(run.written)).encode()).hexdigest()
            events.record("feed.block_stored", run.row, by=events.SYSTEM, run=run.row.id, digest=rows, **told)
    for name, n in run.figures.items():
        setattr(run.row, name, getattr(run.row, name) + n)


def prolong(row: SyncRun, lease: timedelta) -> None:
    """Hold a run for another lease. Whoever took over has ended its row: then nothing of this block is stored. Raises TakenOver."""
    held = (SyncRun.id == row.id) & SyncRun.finished_at.is_null()
    if not SyncRun.update(lease_until=now() + lease).where(held).execute():
        raise TakenOver(str(row))
