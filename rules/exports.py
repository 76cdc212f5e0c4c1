"""Files of a list's rows: who may ask for one, how it is made although workers die, who may take it, when it is gone (N06, T22)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from models import N_, Export, ExportedAccount, Staff, Table, canonical, digest, now
from rules import events, limits, looks
from rules.bulk import add_all
from rules.refusal import Refused
from rules.work import unit_of_work

AT_ONCE = 10_000  # rows: so many are written while one waits, more by a worker
MOST = 1_000_000  # rows: a sheet of Excel has 1,048,576
KEPT = timedelta(hours=24)
AN_HOUR = 30  # of one person
AT_A_TIME = 3  # of one person
TRIES = 3  # a file that kills whoever writes it is given up

AGAIN = N_("The file could not be made. Ask for it again; if that fails too, tell your administrator.")
NOT_YOURS = N_("What you may see has changed since you asked for this file. Ask for it again.")
OVER = N_("This file is no longer kept. Ask for it again.")


def scope_digest(staff: Staff) -> str:
    """Whose eyes a file was made for: it changes when the person may see other rows."""
    houses = sorted(number for (number,) in staff.building_ids().tuples())
    return digest(canonical([staff.organisation_id, staff.role, houses]))


def ask(desk: str, filters: dict[str, str], model: type[Table], *, kind: str, language: str, reason: str, total: int, by: Staff) -> Export:
    """Ask for the `total` rows that a list shows with these `filters` of its address, as a file. Raises Refused where there are none
    or too many, where the rows are about customers and no reason is given, and where too much is asked for."""
    reason = reason.strip()
    if not total:
        raise Refused(N_("There are no rows here to export"))
    if total > MOST:
        raise Refused(N_("There are more than {most} rows. Search or filter first, then export what is left."), most=f"{MOST:,}")
    if looks.is_personal(model) and not reason:
        raise Refused(N_("Enter the reason: the customers in the file can read it"), field="reason")
    if Export.select().where((Export.staff == by.id) & (Export.state == "new")).count() >= AT_A_TIME:
        raise Refused(N_("Your earlier files are still being made. Wait until one of them is ready."))
    if not limits.spend("export", str(by.id), AN_HOUR, limits.HOUR):
        raise Refused(N_("You have asked for many files within an hour. Try again later."))
    with unit_of_work():
        return Export.create(
            organisation=by.organisation_id,
            staff=by.id,
            desk=desk,
            filters=filters,
            scope_digest=scope_digest(by),
            language=language,
            kind=kind,
            reason=reason,
            total=total,
        )


# ---- making it --------------------------------------------------------------------------------------------------------


class TakenOver(Exception):
    """Somebody else writes this file now: our lease ended before we were done."""


def are_waiting() -> bool:
    """Whether there is a file to make that nobody is making."""
    return bool(Export.select().where(_is_free(now())).exists())


def _is_free(at: datetime) -> Any:
    return (Export.state == "new") & (Export.lease_until.is_null() | (Export.lease_until <= at))


def claim(lease: timedelta, number: int | None = None) -> Export | None:
    """Take an export that waits (this one, else the oldest), or that a worker left who died; it is begun anew. None: there is none."""
    at = now()
    is_free = _is_free(at)
    waiting: Any = Export.select(Export.id).where(is_free if number is None else is_free & (Export.id == number))
    for (found,) in waiting.order_by(Export.id).limit(10).tuples():
        held: dict[Any, Any] = {Export.lease_until: at + lease, Export.done: 0, Export.tries: Export.tries + 1}
        with unit_of_work():
            # Another worker may take it between the question and this.
            if not Export.update(held).where((Export.id == found) & is_free).execute():
                continue
            ExportedAccount.delete().where(ExportedAccount.export == found).execute()
        export = Export.get_by_id(found)
        if export.tries <= TRIES:
            return export
        fail(export, AGAIN)
    return None


def advance(export: Export, done: int, accounts: Iterable[int], lease: timedelta) -> None:
    """So many rows are written, and these customers are among them; the lease goes on. Raises TakenOver."""
    with unit_of_work():
        _hold(export, done=done, lease_until=now() + lease)
        add_all(ExportedAccount(export=export.id, account=number) for number in accounts)


def finish(export: Export, done: int) -> None:
    """The file is whole and in its place. From now on it can be taken, and everybody concerned can know. Raises TakenOver."""
    with unit_of_work():
        _hold(export, state="ready", done=done, total=done, lease_until=None, expires_at=now() + KEPT)
        events.record(
            "rows.exported",
            export,
            by=export.staff,
            desk=export.desk,
            filters=export.filters,
            count=done,
            kind=export.kind,
            reason=export.reason,
            role=export.staff.role,
        )


def fail(export: Export, sentence: str) -> None:
    """It will not be made. Raises TakenOver."""
    with unit_of_work():
        _hold(export, state="failed", error=sentence, lease_until=None)
        ExportedAccount.delete().where(ExportedAccount.export == export).execute()


def _hold(export: Export, **values: Any) -> None:
    """Write what has become of an export, if it is still ours to make."""
    is_ours = (Export.id == export.id) & (Export.state == "new") & (Export.lease_until == export.lease_until)
    if not Export.update(**values).where(is_ours).execute():
        raise TakenOver(str(export.public_id))
    for name, value in values.items():
        setattr(export, name, value)


# ---- taking it --------------------------------------------------------------------------------------------------------


def file_name(export: Export) -> str:
    """What the file is called where it lies."""
    return f"{export.public_id}.{export.kind}"


def check_taking(export: Export, *, by: Staff) -> None:
    """Whether `by` may take the file now. Raises Refused where it is not there, or not for these eyes any more."""
    if export.staff_id != by.id or export.scope_digest != scope_digest(by):
        raise Refused(NOT_YOURS)
    if export.state != "ready" or export.expires_at is None or export.expires_at <= now():
        raise Refused(OVER)


def kept() -> set[str]:
    """The names of the files that somebody may still take, or is waiting for."""
    alive = (Export.state == "new") | ((Export.state == "ready") & (Export.expires_at > now()))
    return {file_name(export) for export in Export.select().where(alive)}
