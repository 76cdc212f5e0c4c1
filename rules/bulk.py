"""Many rows at once, for what comes by the thousand: one statement for all, and no compiling of each value.

Building SQL with a placeholder for every value takes longer than the database needs to run it.
"""

# ruff: noqa: S608 - every name in these statements stands in models.py

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from peewee import SQL, Field, SqliteDatabase, UUIDField, Value, fn

from models import FactsField, Table, UTCDateTimeField, database

CONVERTED = (UUIDField, UTCDateTimeField, FactsField)  # fields that the database keeps otherwise than Python does


def take_time() -> None:
    """Let each statement of this transaction take longer than a page's may: it may be about a hundred thousand rows."""
    if not _is_sqlite():
        database.execute_sql("SET LOCAL statement_timeout = '5min'")


def among(field: Field, values: Iterable[Any]) -> Any:
    """`field IN values` with one parameter, however many they are."""
    if _is_sqlite():
        return field.in_(SQL("(SELECT value FROM json_each(?))", [json.dumps(list(values), ensure_ascii=False)]))
    return field == fn.ANY(Value(list(values), converter=False, unpack=False))


def add_all(rows: Iterable[Table]) -> None:
    """Insert the rows of one table that have no id yet, and give them theirs."""
    new = list({id(row): row for row in rows if row.id is None}.values())
    if new:
        table = type(new[0])
        for row, number in zip(new, new_ids(table, len(new)), strict=True):
            row.derive()
            row.id = number
        names = list(table._meta.fields)  # of every row: the first one's would be taken for all
        insert(table, [{name: row.__data__.get(name) for name in names} for row in new])
        for row in new:
            row._dirty.clear()


def new_ids(table: type[Table], count: int) -> Sequence[int]:
    """Ids for so many new rows of the table, in the transaction that inserts them."""
    assert database.transaction_depth() > 0
    if _is_sqlite():  # whose write lock we hold
        last = table.select(fn.COALESCE(fn.MAX(table.id), 0)).scalar()
        return range(last + 1, last + 1 + count)
    sql = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    return [number for (number,) in database.execute_sql(sql, [f'"{table._meta.table_name}"', count]).fetchall()]


def insert(table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows given as values by field name, a foreign key's as its id: all of the same fields, ids included."""
    if not rows:
        return
    names = list(rows[0])
    columns = ", ".join(f'"{table._meta.fields[name].column_name}"' for name in names)
    into, cursor = f'"{table._meta.table_name}" ({columns})', database.cursor()
    if _is_sqlite():
        cursor.executemany(f"INSERT INTO {into} VALUES ({', '.join('?' * len(names))})", _plain(table, names, rows))
    else:
        # Else the check of each foreign key of each row would be planned anew, which takes longer than all the rest.
        cursor.execute("SET LOCAL plan_cache_mode = auto")
        with cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for values in _plain(table, names, rows):
                copy.write_row(values)


def insert_from(table: type[Table], known: Mapping[str, Any], query: Any) -> int:
    """Insert a row for each that `query` finds, without any of them coming here; how many. `known` says columns of the query by field
    name; the other fields are as in any new row."""
    blank = table()
    values: dict[Field, Any] = {
        field: known[name] if name in known else Value(blank.__data__.get(name), converter=field.db_value)
        for name, field in table._meta.fields.items()
        if name != "id"
    }
    if _is_sqlite():
        values[table.public_id] = fn.LOWER(fn.HEX(fn.RANDOMBLOB(16)))
    else:
        values[table.public_id] = fn.GEN_RANDOM_UUID()
        database.execute_sql("SET LOCAL plan_cache_mode = auto")  # as above
    return int(table.insert_from(query.columns(*values.values()), list(values)).as_rowcount().execute())


def update(table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows over, each given as values by field name with its `id`: all of the same fields."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    mark = "?" if _is_sqlite() else "%s"
    changes = ", ".join(f'"{table._meta.fields[name].column_name}" = {mark}' for name in names)
    sql = f'UPDATE "{table._meta.table_name}" SET {changes} WHERE "id" = {mark}'
    database.cursor().executemany(sql, _plain(table, [*names, "id"], rows))


def _plain(table: type[Table], names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterable[Sequence[Any]]:
    """Values as the database keeps them, in the order of `names`."""
    of = itemgetter(*names)
    converted: list[tuple[int, Callable[[Any], Any]]] = [
        (place, table._meta.fields[name].db_value) for place, name in enumerate(names) if isinstance(table._meta.fields[name], CONVERTED)
    ]
    for row in rows:
        values = list(of(row))
        for place, convert in converted:
            values[place] = convert(values[place])
        yield values


def _is_sqlite() -> bool:
    return isinstance(database.obj, SqliteDatabase)
