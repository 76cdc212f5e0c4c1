"""Exporting a list: the page that asks for it, and the writing of the file, at once or by a worker. A file has the rows and columns of
its list, for whoever asked, with their search, filters, order and scope (N06)."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import peewee as pw
from flask import Flask, current_app, g, redirect, request, send_file, session
from flask_babel import gettext as _, lazy_gettext
from werkzeug.exceptions import HTTPException
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice

import formats
import i18n
import tasks
import web
from backoffice import cells, listing
from backoffice.fields import LONGEST_REASON, AtMost
from integrations import files, sheets
from models import EXPORT_KINDS, Export
from rules import exports, looks
from rules.refusal import Missing, Refused

log = logging.getLogger(__name__)

MIMES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
BLOCK = 2_000  # rows, from one statement to the next


class ExportForm(web.Form):
    kind = RadioField(
        lazy_gettext("Kind of file"),
        choices=[SelectChoice(value, lazy_gettext(words)) for value, words in EXPORT_KINDS],
        default=EXPORT_KINDS[0][0],
    )
    reason = StringField(
        lazy_gettext("Reason"), description=lazy_gettext("The customers in the file can read it."), validators=[AtMost(LONGEST_REASON)]
    )


# ---- asking for it ----------------------------------------------------------------------------------------------------


def page(desk: Any) -> Any:
    """Ask what kind of file and why; then make it at once where it is small, and lead to it."""
    answer = web.once(_ask)(desk)
    export = g.pop("export", None)
    if export is None:
        return answer
    if export.total > exports.AT_ONCE:
        tasks.ring_for_exports()
    elif make(export.id, tasks.LEASE) == "ready":
        return redirect(desk.other("exports").address(export.public_id, "file"), 303)
    return answer


def _ask(desk: Any) -> Any:
    what = replace(listing.asked(desk, request.args), after=None, before=None, is_last=False)
    args = {name: value for name, value in request.args.items() if name not in ("after", "before")}
    total, form = listing.count(desk, what, exports.MOST), ExportForm()
    if not looks.is_personal(desk.model):
        del form.reason
    if form.validate_on_submit():
        with web.asking(form):
            reason = form.reason.data or "" if "reason" in form else ""
            said = {"kind": form.kind.data, "language": i18n.language(), "reason": reason, "total": total, "by": web.viewer()}
            g.export = exports.ask(desk.endpoint, args, desk.model, **said)
            return redirect(desk.other("exports").address(g.export.public_id), 303)
    view = _(what.tab.label) if what.tab else ""
    return desk.render(
        "backoffice/export_ask.html",
        title=_("Export"),
        form=form,
        total=f"{exports.MOST:,}+" if total > exports.MOST else formats.quantity(total * 1000, i18n.language()),
        chosen=[*([view] if view else []), *([what.search] if what.search else []), *(text for text, _url in desk._chips(what, args))],
        is_at_once=total <= exports.AT_ONCE,
        list_url=desk.address(**args),
    )


def taken(desk: Any, export: Export) -> Any:
    """The file of an export, for the viewer. Raises Refused where they may not take it, or not any more."""
    exports.check_taking(export, by=web.viewer())
    path = downloads().path(exports.file_name(export))
    if path is None or not desk.other(export.desk).may("export"):
        raise Refused(exports.OVER if path is None else exports.NOT_YOURS)
    name = f"{export.desk.replace('_', '-')}-{formats.local(export.created_at):%Y-%m-%d}.{export.kind}"
    return send_file(path, mimetype=MIMES[export.kind], as_attachment=True, download_name=name, conditional=False)


# ---- making it --------------------------------------------------------------------------------------------------------


def make_waiting(site: Flask, lease: timedelta) -> int:
    """Make every file that is waited for, oldest first; returns how many were made."""
    made = 0
    with site.app_context():
        while make(None, lease):
            made += 1
    return made


def make(number: int | None, lease: timedelta) -> str:
    """Make this export (None: the oldest that waits); returns what has become of it, "" where there was none to take."""
    export = exports.claim(lease, number)
    if export is None:
        return ""
    try:
        _write(export, lease)
    except exports.TakenOver:
        log.warning("export %s is made by another worker", export.public_id)
    except (HTTPException, Missing):
        exports.fail(export, exports.NOT_YOURS)  # a filter names what is no longer theirs
    except (pw.OperationalError, OSError):
        log.exception("export %s could not be written now", export.public_id)  # tried again when its lease ends
    except Exception:
        log.exception("export %s could not be written", export.public_id)
        exports.fail(export, exports.AGAIN)
    return str(export.state)


def _write(export: Export, lease: timedelta) -> None:
    """The file of an export, whole and in its place, as its asker would see the rows now."""
    with current_app.test_request_context("/"):
        g.viewer, session["language"] = export.staff, export.language
        desk = next(view for view in current_app.extensions["admin"][0]._views if view.endpoint == export.desk)
        if not desk.may("export") or export.scope_digest != exports.scope_digest(export.staff):
            raise Missing
        what, read = replace(listing.asked(desk, export.filters), after=None, before=None, is_last=False), desk.read(desk.names())
        names = [name for name in read if name not in desk.extra_columns]
        heads, kinds = [str(desk.column_labels[name]) for name in names], [kind_of(desk._path(name)[-1]) for name in names]
        known: set[int] = set()
        done = 0
        with (
            downloads().writing(exports.file_name(export)) as path,
            sheets.write(export.kind, path, heads, kinds, i18n.language()) as sheet,
        ):
            for block in listing.blocks(desk, what, read, BLOCK):
                for values in _values(desk, block, read, names):
                    sheet.row(values)
                done += len(block)
                fresh = looks.accounts_in(desk.model, [row[0] for row in block], known)
                known.update(fresh)
                exports.advance(export, done, fresh, lease)
        exports.finish(export, done)


def _values(desk: Any, block: list[tuple[Any, ...]], read: tuple[str, ...], names: list[str]) -> Any:
    """The rows of a block as a file has them: figures and days as such, all else in words."""
    listed = [dict(zip(read, row[1:], strict=True)) for row in block]
    write = {name: writer(desk._path(name)[-1]) for name in names if name not in desk.in_words}
    for row in listed:
        yield [write[name](row[name]) if name in write else str(desk.shown[name](row)) for name in names]


def downloads() -> files.Downloads:
    return files.Downloads(current_app.config["SAVITARNA"].exports_dir)


# ---- values -----------------------------------------------------------------------------------------------------------


def kind_of(field: Any) -> type:
    """What a column of a file holds, for its width."""
    field = getattr(field, "field", field)
    return (
        datetime
        if isinstance(field, pw.DateTimeField)
        else date
        if isinstance(field, pw.DateField)
        else int
        if cells.look(field) == "right"
        else str
    )


def writer(field: Any) -> Callable[[Any], sheets.Value]:
    """What makes the values of `field` those of a file."""
    field = getattr(field, "field", field)
    places = 2 if field.name.endswith("_cents") else 3 if field.name.endswith("_milli") else 0
    if places:
        return lambda v: None if v is None else Decimal(v).scaleb(-places)
    if cells.look(field) == "right":
        return lambda v: v
    if field.choices:
        words = {value: _(word) for value, word in field.choices}
        return lambda v: words.get(v, v)
    if (field.model, field.name) in cells.WRITERS:
        said = cells.WRITERS[field.model, field.name]
        return lambda v: None if v is None else str(said(v))
    return _plain


def _plain(value: Any) -> sheets.Value:
    if isinstance(value, bool):
        return _(cells.YES) if value else _(cells.NO)
    if isinstance(value, datetime):
        return formats.local(value.astimezone(UTC)).replace(tzinfo=None, second=0, microsecond=0)
    if isinstance(value, dict | list):
        return cells.json(value)
    return value if value is None or isinstance(value, date | int) else str(value)
