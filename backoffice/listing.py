"""One page of a desk's list: what the address asks for, checked, and the one query that answers it.

A list is paged by key: `after` and `before` name the row at the edge by its public id, and the query goes on from there along an
index. It is never counted; views show a count that stops at a thousand. An argument that no list knows is a 400.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

import peewee as pw
from flask import abort, request

import formats
import i18n
import web
from models import Table, UTCDateTimeField, database, now
from rules import search
from rules.statements import later, shaped

PAGE = 50
COUNTED_UP_TO = 1_000
SLACK = timedelta(hours=1)  # no transaction lives as long, and no two hosts' clocks differ so much
PUBLIC_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Tab:
    """A saved view of a list: which rows, and in which order where that is another one (`-column`: newest first).

    `queue` is how the home page calls what waits there, and why it does; such a view shows how many rows it has.
    """

    name: str
    label: str
    where: Callable[[type[Any], datetime], Any]
    sort: str = ""
    queue: tuple[str, str] | None = None


@dataclass(frozen=True)
class Asked:
    """What an address asks of a list."""

    search: str
    sort: str  # a shown column, with - before it from the end
    tab: Tab | None
    rows: dict[str, Any]  # foreign keys: only rows of this one, read or Unread
    days: dict[str, tuple[date | None, date | None]]
    choices: dict[str, str]
    after: uuid.UUID | None
    before: uuid.UUID | None
    is_last: bool = False  # the page at the far end

    @property
    def is_countable(self) -> bool:
        """Whether one index finds the rows: what is searched for inside texts, or by several filters, may have to be looked for."""
        narrowed = [*self.rows, *self.choices, *(name for name, days in self.days.items() if any(days)), *([self.tab] if self.tab else [])]
        return not self.search and len(narrowed) <= 1

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or self.rows or self.choices or any(first or last for first, last in self.days.values()))


def only(*names: str) -> None:
    """A page takes no argument that it does not know."""
    if set(request.args) - set(names):
        abort(400)


def asked(desk: Any, sent: Mapping[str, str], reach: Callable[[type[Table], uuid.UUID], Any] | None = None) -> Asked:
    """Read an address. Raises 400 for what this list cannot do, 404 for a row that is not the viewer's (unless `reach` finds it)."""
    args = dict(sent)
    words = " ".join(args.pop("search", "").split())
    if search.is_too_long(words) or (words and not desk.can_search):
        abort(400)
    tab = _tab(desk, args.pop("tab", ""))
    sort = args.pop("sort", "") or (tab.sort if tab and tab.sort else desk.column_default_sort)
    if sort.removeprefix("-") not in orders(desk, tab):
        abort(400)
    edges = {name: uuid_of(args.pop(name)) if name in args else None for name in ("after", "before")}
    is_last = args.pop("page", None)
    if len([edge for edge in (*edges.values(), is_last) if edge]) > 1 or is_last not in (None, "last"):
        abort(400)
    rows, days, choices = {}, {}, {}
    for name in desk.column_filters:
        field = desk.model._meta.fields[name]
        value = args.pop(name, "")
        if isinstance(field, pw.ForeignKeyField):
            if value:
                rows[name] = (reach or _row)(field.rel_model, uuid_of(value))
        elif desk.choices(name):
            if value:
                choices[name] = value if value in desk.choices(name) else abort(400)
        else:
            days[name] = (_day(value), _day(args.pop(f"{name}_to", "")))
    # Two relations at once are no page that anything links to, and no index would serve them.
    if args or len(rows) > 1:
        abort(400)
    return Asked(words, sort, tab, rows, days, choices, edges["after"], edges["before"], bool(is_last))


def orders(desk: Any, tab: Tab | None) -> dict[str, str]:
    """The columns by which a list, or this saved view of it, can be ordered, and the field that does it: each has its index."""
    own = tab.sort.removeprefix("-") if tab else ""
    return {own: own} if own else desk.sortable


def _tab(desk: Any, name: str) -> Tab | None:
    if not name:
        return None
    return next((tab for tab in desk.tabs if tab.name == name), None) or abort(400)


def uuid_of(text: str) -> uuid.UUID:
    """A public id in the one spelling that this site writes. Raises 400."""
    # uuid.UUID() also takes braces, "urn:uuid:" and dashes anywhere.
    return uuid.UUID(text) if re.fullmatch(PUBLIC_ID, text) else abort(400)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        abort(400)
    return found if 1990 <= found.year <= 2100 else abort(400)


def _row(model: type[Table], public_id: uuid.UUID) -> Table:
    return model.within(web.viewer()).where(model.public_id == public_id).first() or abort(404)


class Unread(NamedTuple):
    """A row that is looked up by the statement that it narrows; one that is not the viewer's narrows it to nothing."""

    model: type[Table]
    public_id: Any


# ---- the query --------------------------------------------------------------------------------------------------------


def found(desk: Any, what: Asked, viewer: Any = None, at: Any = None) -> tuple[pw.ModelSelect, list[Any], bool]:
    """The rows that are asked for, their order, and whether it runs backwards."""
    model, viewer = desk.model, viewer or web.viewer()
    hits = search.find(model, viewer, what.search) if what.search else None
    query = hits.rows if hits is not None else model.within(viewer)
    for name, row in what.rows.items():
        known = (
            row.model.within(viewer).select(row.model.id).where(row.model.public_id == row.public_id) if isinstance(row, Unread) else row.id
        )
        query = query.where(getattr(model, name) == known)
    for name, value in what.choices.items():
        query = query.where(getattr(model, name) == value)
    for name, days in what.days.items():
        for condition in _between(getattr(model, name), getattr(model, desk.sortable.get(name, name)), *days):
            query = query.where(condition)
    if what.tab:
        query = query.where(what.tab.where(model, now() if at is None else at))
    by = getattr(model, orders(desk, what.tab)[what.sort.removeprefix("-")])
    is_backwards = what.sort.startswith("-")
    if hits is not None and hits.by is not None:
        by, is_backwards = hits.by, False  # the index that finds them gives their order too
    return query, [by] if by is model.id else [by, model.id], is_backwards


def _between(field: Any, order: Any, first: date | None, last: date | None) -> list[Any]:
    """The conditions for days of `field`. Where the list's order is that of another column, which rises with it but for moments (an
    event's number), they bound that one too, an hour wider, so that its index goes straight to the day."""
    model, said = field.model, []
    begin = first if first is None else later(first, lambda day: _begin(field, day))
    end = last if last is None else later(last, lambda day: _begin(field, day + timedelta(days=1)))
    if begin is not None:
        said.append(field >= begin)
    if end is not None:
        said.append(field < end)
    if order is not field:
        near = model.alias()
        at, number = getattr(near, field.name), getattr(near, order.name)
        if begin is not None:
            since = later(begin, lambda moment: moment - SLACK)
            said.append(order >= near.select(number).where(at >= since).order_by(at, near.id).limit(1))
        if end is not None:
            until = later(end, lambda moment: moment + SLACK)
            said.append(order <= near.select(number).where(at < until).order_by(at.desc(), near.id.desc()).limit(1))
    return said


def _begin(field: Any, day: date) -> Any:
    """The first moment of a day of Vilnius, or the day itself, as `field` keeps it."""
    return datetime.combine(day, time.min, formats.LOCAL) if isinstance(field, UTCDateTimeField) else day


def query(desk: Any, what: Asked, names: tuple[str, ...], size: int = PAGE, viewer: Any = None, at: Any = None) -> pw.ModelSelect:
    """The rows of a page and one more, as (public id, values of `names`); from behind where the page is asked for so."""
    rows, order, is_backwards = found(desk, what, viewer, at)
    edge = what.after if what.before is None else what.before
    is_turned = is_backwards != _is_from_behind(what)
    if edge is not None:
        model = desk.model
        last = model.within(viewer or web.viewer()).select(*order).where(model.public_id == edge)
        here = pw.Tuple(*order) if len(order) > 1 else order[0]
        rows = rows.where(here < last if is_turned else here > last)
    rows = rows.order_by(*[field.desc() if is_turned else field.asc() for field in order])
    return desk.select(rows, names).limit(size + 1).tuples()


def _is_from_behind(what: Asked) -> bool:
    return what.before is not None or what.is_last


def page(desk: Any, what: Asked, names: tuple[str, ...], size: int = PAGE) -> tuple[list[tuple[Any, ...]], bool, bool]:
    """The rows of a page as (public id, values of `names`), and whether there are more before and after it."""
    rows = list(query(desk, what, names, size)) if what.search else _found_by_shape(desk, what, names, size)
    is_more = len(rows) > size
    rows = rows[:size]
    if _is_from_behind(what):
        rows.reverse()
        return rows, is_more, not what.is_last
    return rows, bool(what.after), is_more


# A statement is compiled once for each set of what is asked, and run with other values from then on.


def _shape(what: Asked) -> tuple[Any, ...]:
    """All that decides the text of a statement besides the values in it."""
    narrowed = tuple((name, isinstance(row, Unread)) for name, row in what.rows.items())
    bounded = tuple((name, bool(first), bool(last)) for name, (first, last) in what.days.items())
    edges = what.after is not None, what.before is not None, what.is_last
    return what.sort, what.tab and what.tab.name, narrowed, (*what.choices,), bounded, edges


def _values(what: Asked) -> list[Any]:
    """The values in what is asked, in the order in which `_with` takes them."""
    rows = (row.public_id if isinstance(row, Unread) else row.id for row in what.rows.values())
    days = (day for days in what.days.values() for day in days if day)
    return [*rows, *what.choices.values(), *days, *(edge for edge in (what.after, what.before) if edge)]


def _with(what: Asked, values: Iterator[Any]) -> Asked:
    """The same asked with other values, or with what stands where each will be."""
    rows: dict[str, Any] = {}
    for name, row in what.rows.items():
        rows[name] = row._replace(public_id=next(values)) if isinstance(row, Unread) else SimpleNamespace(id=next(values))
    choices = {name: next(values) for name in what.choices}
    days: dict[str, Any] = {name: tuple(day and next(values) for day in days) for name, days in what.days.items()}
    after, before = what.after and next(values), what.before and next(values)
    return replace(what, rows=rows, choices=choices, days=days, after=after, before=before)


def _found_by_shape(desk: Any, what: Asked, names: tuple[str, ...], size: int) -> list[tuple[Any, ...]]:
    def build(viewer: Any, at: Any, *given: Any) -> pw.ModelSelect:
        return query(desk, _with(what, iter(given)), names, size, viewer, at)

    return shaped((desk.endpoint, i18n.language(), names, size, _shape(what)), build, web.viewer(), now(), *_values(what))


def count(desk: Any, what: Asked, most: int) -> int:
    """How many rows are asked for; one more than `most` where there are more."""
    query, _order, _is_backwards = found(desk, what)
    some = query.select(pw.SQL("1")).limit(most + 1)
    return int(pw.Select([some.alias("some")], [pw.fn.COUNT(pw.SQL("*"))]).bind(database).tuples().execute()[0][0])


def blocks(desk: Any, what: Asked, names: tuple[str, ...], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """All the rows that are asked for, a block at a time, as `page` gives them. Each block begins after the values of the last row, not
    after the row itself: one that is changed or gone meanwhile ends nothing."""
    query, order, is_turned = found(desk, what)
    ordered = [field.desc() if is_turned else field.asc() for field in order]
    rest = query
    while True:
        rows = list(desk.select(rest, names).select_extend(*order).order_by(*ordered).limit(size).tuples())
        if rows:
            yield [row[: -len(order)] for row in rows]
        if len(rows) < size:
            return
        first, *second = zip(order, rows[-1][-len(order) :], strict=True)
        beyond = _beyond(*first, is_turned)
        for field, value in second:
            beyond = (first[0] <= first[1] if is_turned else first[0] >= first[1]) & (beyond | _beyond(field, value, is_turned))
        rest = query.where(beyond)


def _beyond(field: Any, value: Any, is_turned: bool) -> Any:
    return field < value if is_turned else field > value


def counts(views: list[tuple[Any, Asked]]) -> list[str]:
    """How many rows each view has, in one statement; "1 000+" where there are more, and nothing where no index could count them."""
    countable = [(desk, what) for desk, what in views if what.is_countable]
    if not countable:
        return ["" for _view in views]
    most = COUNTED_UP_TO

    def build(viewer: Any, at: Any, *given: Any) -> pw.Select:
        values, parts = iter(given), []
        for desk, what in countable:
            query, _order, _is_backwards = found(desk, _with(what, values), viewer, at)
            some = query.select(pw.SQL("1")).limit(most + 1)
            parts.append(pw.Select([some.alias("some")], [pw.fn.COUNT(pw.SQL("*"))]))
        return pw.Select(columns=parts).bind(database).tuples()

    shape = most, *((desk.endpoint, _shape(what)) for desk, what in countable)
    values = [value for _desk, what in countable for value in _values(what)]
    figures = iter(shaped(shape, build, web.viewer(), now(), *values)[0])
    # What is not countable is not looked for either: a view may hold a search, which asks at once.
    return [_figure(next(figures)) if what.is_countable else "" for _desk, what in views]


def _figure(count: int) -> str:
    where = i18n.language()
    most = f"{formats.quantity(COUNTED_UP_TO * 1000, where)}+"
    return most if count > COUNTED_UP_TO else formats.quantity(count * 1000, where)


def all_of(desk: Any, tab: Tab | None = None) -> Asked:
    """A list as it comes, or one of its views."""
    return Asked("", tab.sort if tab and tab.sort else desk.column_default_sort, tab, {}, {}, {}, None, None)
