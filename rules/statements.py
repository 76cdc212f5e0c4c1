"""Statements that every page asks, compiled once for each database and run with other values from then on.

Writing the SQL of a query takes peewee many times as long as the database needs to answer it. What is asked is still said in
peewee's words, so it starts from `within(viewer)` as everywhere.
"""

import functools
import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

from peewee import SQL, Field, Node, NodeList, SqliteDatabase, fn

from models import Account, Staff, Table, database


class Given(Node):
    """A value that is told when the statement runs. It cannot be looked at: what is asked is the same whatever it will be."""

    def __init__(
        self, read: Callable[[Sequence[Any]], Any], convert: Callable[[Any], Any] | None = None, *, may_be_none: bool = False
    ) -> None:
        self.read, self.convert, self.may_be_none = read, convert, may_be_none

    def __sub__(self, other: Any) -> "Given":
        return later(self, lambda value: value - other)

    def __bool__(self) -> bool:
        raise TypeError("the shape of a statement may not depend on what is given")

    def __sql__(self, ctx: Any) -> Any:
        return ctx.value(_Slot(self.read, self.convert or ctx.state.converter or None, self.may_be_none), converter=False)


class _Slot(NamedTuple):
    """Where a value stands among a statement's parameters: how it is found, and how the field beside it keeps it."""

    read: Callable[[Sequence[Any]], Any]
    convert: Callable[[Any], Any] | None
    may_be_none: bool

    def of(self, given: Sequence[Any]) -> Any:
        value = self.read(given)
        if value is None and not self.may_be_none:
            raise ValueError("no row equals nothing: ask a statement that says IS NULL")
        return self.convert(value) if self.convert else value


def later(value: Any, act: Callable[[Any], Any]) -> Any:
    """What `act` makes of `value`; of one that is told later: then."""
    return Given(lambda given: act(value.read(given))) if isinstance(value, Given) else act(value)


def one_of(field: Field, ids: Any) -> Any:
    """`field IN ids` as one parameter, however many there are; for statements, as `bulk.among` is for what is compiled each time."""
    if isinstance(database.obj, SqliteDatabase):
        return field.in_(NodeList((SQL("(SELECT value FROM json_each("), Given(ids.read, json.dumps), SQL("))")), glue=""))
    return field == fn.ANY(Given(ids.read, list))


def statement(build: Callable[..., Any]) -> Callable[..., list[Any]]:
    """Make of a function that says a query with its arguments one that runs it with them, and gives all rows as the query would; none
    for an UPDATE.

    It is called once with a stand-in for each argument: for an account one whose every field is told later, for anything else a
    `Given`; for each kind of staff that may see other rows, once. The values reach the database as parameters only.
    """
    compiled: Kept = {}

    @functools.wraps(build)
    def ask(*given: Any) -> list[Any]:
        return _ask(compiled, (), build, given)

    return ask


Kept = dict[Any, "Compiled"]
MOST_SHAPES = 2000
SHAPES: Kept = {}


def shaped(shape: Any, build: Callable[..., Any], *given: Any) -> list[Any]:
    """The same for a query of many shapes: `shape` is everything that `build` knows besides its arguments."""
    if len(SHAPES) > MOST_SHAPES:
        SHAPES.clear()
    return _ask(SHAPES, shape, build, given)


def _ask(compiled: Kept, shape: Any, build: Callable[..., Any], given: Sequence[Any]) -> list[Any]:
    key = type(database.obj), shape, *(_kind(value) for value in given if isinstance(value, Staff))
    found = compiled.get(key)
    if found is None:
        found = compiled[key] = Compiled(build(*(_stand_in(place, value) for place, value in enumerate(given))))
    return found.run(given)


def _kind(person: Staff) -> tuple[str, bool, bool]:
    """What decides which rows a member of staff may see, besides whose they are: the text of a statement follows from it."""
    return person.role, person.is_active, person.sees_install


def add(row: Table, *, unless_there: bool = False) -> bool:
    """Insert a new row, as `row.save()` would, and give it its id; says whether it did. `unless_there` leaves it where one like it is."""
    row.derive()
    engine: Any = type(database.obj)
    made = _insert(engine, type(row), unless_there).run((row,))
    if made:
        row.id = made[0][0]
        row._dirty.clear()
    return bool(made)


@functools.cache
def _insert(engine: type, table: type[Table], unless_there: bool) -> "Compiled":
    fields = [field for field in table._meta.sorted_fields if field is not table._meta.primary_key]
    values = {field: Given(functools.partial(_field, 0, field.name), field.db_value, may_be_none=True) for field in fields}
    query = table.insert(values).returning(table._meta.primary_key).tuples()
    return Compiled(query.on_conflict_ignore() if unless_there else query)


def _stand_in(place: int, value: Any) -> Any:
    if not isinstance(value, Table):
        return Given(lambda given: given[place])
    if not isinstance(value, Account | Staff):
        raise TypeError("a row is named by its id")
    person = type(value)()
    for name in type(value)._meta.fields:
        person.__data__[name] = Given(functools.partial(_field, place, name))
    if isinstance(value, Staff):
        person.__data__ |= {"role": value.role, "is_active": value.is_active}
        if value.sees_install:
            person.__data__["organisation"] = None
    return person


def _field(place: int, name: str, given: Sequence[Any]) -> Any:
    return given[place].__data__.get(name)


class Compiled:
    """The text of a query for the database of this process, what stands at its parameters, and what makes its rows."""

    def __init__(self, query: Any) -> None:
        self.query = query
        self.sql, self.slots = database.get_sql_context().sql(query).query()
        if any(isinstance(slot, date) for slot in self.slots):
            raise TypeError("a day or a moment would stay what it was when the statement was compiled: it must be given")
        self.make: Callable[[Any], Any] | None = None

    def run(self, given: Sequence[Any]) -> list[Any]:
        """All rows with these values."""
        cursor = database.execute_sql(self.sql, [slot.of(given) if isinstance(slot, _Slot) else slot for slot in self.slots])
        if cursor.description is None:
            return []
        if self.make is None:
            rows = self.query._get_cursor_wrapper(cursor)
            rows.initialize()  # reads the names of the columns; from then on it needs no cursor
            rows.cursor = None
            self.make = rows.process_row
        return [*map(self.make, cursor.fetchall())]
