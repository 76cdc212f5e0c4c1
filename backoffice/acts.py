"""Acts on the rows of a desk: asked about on a page of their own, tried out where they are for several rows, then done, each row by
itself (N04).

Several rows are tried out before anything is done: the rule runs for each, and all of it is taken back. So the page says exactly
what will change, what will not and why, and only what it said will change is then handed to the rule once more.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from flask import abort, redirect, request
from flask_babel import gettext as _

import i18n
import web
from backoffice import fields, listing, looked
from models import N_
from rules import events, work
from rules.refusal import Doubtful, Refused

MOST_AT_ONCE = 200
NAMED, SENTENCES = 3, 6
NOTHING_TO_DO = N_("nothing would be different")


@dataclass(frozen=True)
class Command:
    """A button that runs `rule(row, **needs, by=viewer)` on each chosen row, after a page that says what will happen. The deed that
    allows it is `<table>.<name>`. `when` hides the button on a row where the rule would refuse; `gives` names what else the rule
    wants to be handed (`backoffice/fields.py`, GIVEN)."""

    name: str
    label: str
    rule: Callable[..., Any]
    ask: str
    done: str
    needs: tuple[str, ...] = ()
    is_bulk: bool = True
    is_main: bool = False  # the one filled button of a row's page
    when: Callable[[Any], bool] = field(default=lambda row: True)
    gives: tuple[str, ...] = ()


class Tried(NamedTuple):
    """What an act would do: to which rows, as (public id, name), and to which it would not and why, as (name, sentence)."""

    will: list[tuple[str, str]]
    will_not: list[tuple[str, str]]


def answer(desk: Any, command: Command) -> Any:
    """Ask before a command, run it after: GET shows to whom and what it needs, POST does it. Rows ticked on a list come as a POST
    without `ids`, or with the word that all rows of that list are meant, and are sent on to the page that asks."""
    listing.only("all", "ids", "url")
    if request.method == "POST" and not {"ids", "all"} & set(request.args):
        back = web.safe_next(request.form.get("url"), desk.address())
        ids = request.form.getlist("rowid")
        if command.is_bulk and request.form.get("all"):
            return redirect(desk.address(command.name, all="1", url=back), 303)
        if not ids:
            web.tell(_("Tick at least one row first"), "warning")
            return redirect(back, 303)
        return redirect(desk.address(command.name, ids=",".join(ids), url=back), 303)
    return web.once(_page)(desk, command)


def _page(desk: Any, command: Command) -> Any:
    step = request.form.get("step", "") if request.method == "POST" else ""
    chosen = _by_id(desk, request.form.getlist("rowid"), MOST_AT_ONCE) if step == "do" else _chosen(desk, command)
    if not chosen or len(chosen) > MOST_AT_ONCE:
        what = _("No row fits any more.") if not chosen else _("More than %(most)s rows fit. Filter first.", most=MOST_AT_ONCE)
        web.tell(what, "warning")
        return redirect(web.safe_next(request.args.get("url"), desk.address()), 303)
    is_one = len(chosen) == 1 and "all" not in request.args and step != "do"
    back = web.safe_next(request.args.get("url"), desk.address(chosen[0].public_id) if is_one else desk.address())
    form, tried = fields.needs_form(command.needs, chosen[0]), None
    if step != "ask" and form.validate_on_submit():
        with web.asking(form):
            if is_one or step == "do":
                _do(desk, command, chosen, form, is_one)
                return redirect(back, 303)
            tried = _try(desk, command, chosen, form)
    return desk.render(
        "backoffice/command.html",
        title=_(command.label),
        consequence=_(command.ask),
        chosen=chosen,
        tried=tried,
        entered=[fields.Kept.of(item) for item in form if item.name in command.needs] if tried else [],
        named=desk.named,
        beside=desk.beside,
        is_one=is_one,
        form=form,
        back_url=back,
        **(desk.company(chosen[0]) if is_one else {}),
    )


def _chosen(desk: Any, command: Command) -> list[Any]:
    """The rows that an act is for: those named, or all that the list at `url` shows, with one too many where it may not be for all."""
    if "all" not in request.args:
        return _by_id(desk, request.args.get("ids", "").split(","), listing.PAGE if command.is_bulk else 1)
    if "ids" in request.args or not command.is_bulk:
        abort(400)
    sent = parse_qsl(urlsplit(request.args.get("url", "")).query)
    if len({name for name, _value in sent}) < len(sent):
        abort(400)
    what = replace(listing.asked(desk, dict(sent)), after=None, before=None, is_last=False)
    query, _order, _is_backwards = listing.found(desk, what)
    return list(query.order_by(desk.model.id).limit(MOST_AT_ONCE + 1))


def _by_id(desk: Any, ids: list[str], most: int) -> list[Any]:
    """One row that is foreign or unknown makes all of it a 404: nothing happens to the others (T21)."""
    wanted = set(ids)
    if not wanted or not all(re.fullmatch(listing.PUBLIC_ID, id_) for id_ in wanted) or len(wanted) > most:
        abort(404)
    found = list(desk.get_query().where(desk.model.public_id.in_(list(wanted))).order_by(desk.model.id))
    if len(found) != len(wanted):
        abort(404)
    if len(found) == 1:
        looked.at(found[0])  # what is to be changed stands in the form
    return found


class _TakenBack(Exception):
    """It was only tried."""


def _try(desk: Any, command: Command, chosen: list[Any], form: Any) -> Tried:
    """What the rule would do to these rows one after the other, each as it would find it: done, and taken back."""
    tried = Tried([], [])
    names = {row.id: desk.named(row) for row in chosen}
    try:
        with work.unit_of_work():
            for row, refusal in _each(command, chosen, form):
                if refusal is None:
                    tried.will.append((str(row.public_id), names[row.id]))
                else:
                    tried.will_not.append((names[row.id], refusal))
            raise _TakenBack
    except _TakenBack:
        return tried


def _each(command: Command, chosen: list[Any], form: Any, mark: str = "") -> Iterator[tuple[Any, str | None]]:
    """Run the rule for each row in a unit of work of its own; gives the row, and what it was refused with (None: it was done).
    What one row alone is refused is raised."""
    said = fields.entered(form, command.needs)

    def run(row: Any, **more: Any) -> None:
        with work.unit_of_work(), events.together(mark) as happened:
            command.rule(row, **said, **{name: fields.GIVEN[name](row) for name in command.gives}, by=web.viewer(), **more)
            if not happened and len(chosen) > 1:
                raise Refused(NOTHING_TO_DO)

    for row in chosen:
        try:
            try:
                run(row)
            except Doubtful as doubt:
                # Yes was said to this very question, so to these very values.
                if len(chosen) > 1 or request.form.get("sure") != i18n.say(doubt):
                    raise
                run(row, sure=True)
            refusal = None
        except Refused as no:
            if len(chosen) == 1:
                raise
            refusal = i18n.say(no)
        yield row, refusal


def _do(desk: Any, command: Command, chosen: list[Any], form: Any, is_one: bool) -> None:
    """The rule, for each row; what became of each, on the next page. What one row alone is refused goes back to its form. The events
    of several carry one mark, and one more event says how many there were."""
    outcomes: dict[tuple[str, str], list[str]] = {}
    mark = "" if is_one else str(uuid.uuid4())
    for row, refusal in _each(command, chosen, form, mark):
        outcome = ("success", _(command.done)) if refusal is None else ("error", refusal)
        outcomes.setdefault(outcome, []).append(desk.named(row))
    if mark:
        done = sum(len(names) for (kind, _said), names in outcomes.items() if kind == "success")
        counts = {"done": done, "refused": len(chosen) - done}
        events.record("rows.acted_on", web.viewer(), by=web.viewer(), table=desk.table, act=command.label, bulk=mark, **counts)
    _tell(outcomes)


def _tell(outcomes: dict[tuple[str, str], list[str]]) -> None:
    # Flashes travel in the cookie, which holds four kilobytes.
    for (kind, sentence), names in list(outcomes.items())[:SENTENCES]:
        more = _(" and %(count)s more", count=len(names) - NAMED) if len(names) > NAMED else ""
        web.tell(f"{', '.join(names[:NAMED])}{more}: {sentence}", kind)
    rest = [name for names in list(outcomes.values())[SENTENCES:] for name in names]
    if rest:
        web.tell(_("Rows that were not changed for other reasons: %(count)s", count=len(rest)), "error")
