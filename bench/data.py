"""An install of five organisations with as many bills as asked for, on either database: made by the database itself, in a minute or so
a million, indexes last. To every bill there is a reading and an event; to twelve of them a contract, an account and a meter."""

import os
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import peewee as pw
from playhouse.migrations import Runner

import models
from bench import databases
from config import ROOT

SMALL, ROWS = 10_000, int(os.environ.get("BENCH_ROWS", "1000000"))
ORGANISATIONS = 5
BILLS_OF_ONE = 12
ONE_OF = 8  # bills is not paid yet
DAYS = 1800  # since the first of them
FIRST = (  # noqa: SIM905
    "Ąžuolas Birutė Česlovas Dalia Eglė Gabija Giedrė Ieva Jonas Jūratė Justinas Kęstutis Laima Linas Lukas Mindaugas Monika "
    "Nojus Ona Petras Rasa Rūta Saulė Simas Šarūnas Tomas Ugnė Urtė Vaiva Viltė Vytautas Živilė Žygimantas Aistė Algirdas Audrius"
).split()
STEMS = (  # noqa: SIM905
    "Adom Aleks Balč Bern Butk Čepul Dambr Daukš Elzberg Gail Gintal Grigal Janul Jokub Juozapait Kalin Kaval Kazlausk Kubil Lauryn "
    "Mačiul Matul Mikal Mockev Morkūn Navick Norkūn Paulausk Petrait Pocev Ramanausk Rimk Sabalausk Savick Simonait Stankev Šimk "
    "Tamulev Urbonav Vaičiūn Vaitkev Valanč Venckūn Žemait Žilinsk Žukausk"
).split()
ENDINGS = ("as", "is", "ius", "ienė", "aitė", "ytė")
STREETS = "Liepų Žiemos Vilniaus Kauno Ąžuolų Taikos Šilų Upės Pušyno Sodų".split()  # noqa: SIM905
PASSWORD = "$argon2id$v=19$m=19456,t=2,p=1$c2F2aXRhcm5hLWJlbmNo$" + "A" * 43  # as long as a real one, and nobody's
SURE = {1: "Jonas Adomas", 2: "Živilė Žukauskaitė"}  # however few there are
BLOCK = 20_000
EVENTS = ("account.signed_in", "account.signed_out", "account.email_confirmed", "account.phone_changed")
FACTS = '{"address":"a@example.lt","everywhere":false,"known_device":true,"new":"+37060000000","old":""}'


@contextmanager
def filled(engine: str) -> Iterator[dict[int, str]]:
    """The URLs of a small database and of one with as many bills as asked for (BENCH_ROWS=), by their bills."""
    sizes = sorted({SMALL, ROWS})
    with databases.several(engine, len(sizes)) as made:
        urls = dict(zip(sizes, made, strict=True))
        for size, url in urls.items():
            opened = models.open_database(url)
            fill(opened, size)
            opened.close_all()  # the next connection is as in production
        yield urls


def fill(opened: pw.Database, bills: int) -> None:
    """Migrate the empty database and put `bills` bills and what belongs to them into it; ends with ANALYZE."""
    with opened.connection_context():
        if not is_sqlite(opened):
            opened.execute_sql("SET statement_timeout = 0; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        else:
            opened.execute_sql("PRAGMA synchronous = 0")
            opened.execute_sql("PRAGMA cache_size = -400000")  # of this connection, that what is sorted for an index fits
            opened.execute_sql("PRAGMA temp_store = 2")
        Runner(opened, str(ROOT / "migrations")).up()
        people = max(bills // BILLS_OF_ONE, ORGANISATIONS)
        houses = max(people // 40, ORGANISATIONS)
        for number in range(1, ORGANISATIONS + 1):
            here = models.Organisation.create(slug=f"provider-{number}", name=f"Tiekėjas {number}")
            models.Provider.create(organisation=here, name=f"Tiekėjas {number}", code=f"{number}")
            models.MeterKind.create(organisation=here, code="heat", name_lt="Šiluma", name_en="Heat", unit="kWh")
        with _without_indexes(opened):
            _blocks(opened, models.Building, _buildings(houses))
            _blocks(opened, models.Account, _accounts(people))
            _blocks(opened, models.Contract, _contracts(people, houses))
            by_number = {"organisation": f"1 + i % {ORGANISATIONS}", "building": f"1 + i % {houses}"}
            of_one = {**by_number, "contract": f"1 + i % {people}"}
            _series(
                opened, models.Meter, people, of_one | {"kind": by_number["organisation"], "number": "'KV' || i", "search_key": "'kv' || i"}
            )
            _series(opened, models.Reading, bills, of_one | {"meter": f"1 + i % {people}", "value_milli": "i * 10", "previous_milli": "i * 10 - 10",
                "read_on": _day(opened), "period": f"'' || (i / {people})", "source": "'customer'", "is_current": _truth(opened), "reference": "'R' || i"})  # fmt: skip
            amounts = dict.fromkeys(("net_cents", "total_cents", "payable_cents"), "1000 + i % 9000")
            amounts["outstanding_cents"] = f"CASE WHEN i % {ONE_OF} = 0 THEN 1000 + i % 9000 ELSE 0 END"
            said = {"buyer_name": "'Pirkėjas ' || i", "buyer_address": "'Liepų g. ' || i", "content_digest": "''", "vat_cents": "0"}
            _series(opened, models.Invoice, bills, of_one | amounts | said | {"provider": by_number["organisation"], "number": "'SF' || (100000000 + i)",
                "issued_on": _day(opened), "due_on": _day(opened)})  # fmt: skip
            names = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(EVENTS))
            _series(opened, models.Event, bills, {"organisation": by_number["organisation"], "building": by_number["building"],
                "account": f"1 + i % {people}", "name": f"CASE i % {len(EVENTS)} {names} END", "at": _moment(opened), "actor": "'system'",
                "subject": f"'account:' || (1 + i % {people})", "digest": "''", "facts": f"'{FACTS}'"})  # fmt: skip
        opened.execute_sql("ANALYZE")


def is_sqlite(opened: Any) -> bool:
    return isinstance(opened, pw.SqliteDatabase)


@contextmanager
def _without_indexes(opened: pw.Database) -> Iterator[None]:
    """Inside, rows go into bare tables; what keeps them in order is made anew at the end, which is much quicker."""
    if is_sqlite(opened):
        # FTS and what is checked of events follow by triggers; nothing here changes an event.
        found = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND name NOT LIKE '%_words_%idx'"
        made = [row for row in opened.execute_sql(found).fetchall() if row[0] == "index" or "_words_" in row[1]]
    else:
        found = "SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%%_pkey'"
        made = opened.execute_sql(found).fetchall()
        opened.execute_sql("SET session_replication_role = replica")  # no foreign key is asked of what is made here
    for kind, name, _ in made:
        opened.execute_sql(f'DROP {kind} "{name}"')
    opened.execute_sql("PRAGMA foreign_keys = 0" if is_sqlite(opened) else "SELECT 1")
    yield
    for _, _, sql in made:
        opened.execute_sql(sql)
    if is_sqlite(opened):
        for table in ("account", "building", "company", "contract"):
            opened.execute_sql(f'INSERT INTO "{table}_words" ("{table}_words") VALUES (\'rebuild\')')
        opened.execute_sql("PRAGMA foreign_keys = 1")
        return
    opened.execute_sql("SET session_replication_role = DEFAULT")
    for table in (models.Account, models.Building, models.Contract, models.Meter, models.Reading, models.Invoice, models.Event):
        name = table._meta.table_name
        opened.execute_sql(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT MAX(id) FROM {name}))")


def _series(opened: pw.Database, model: Any, count: int, said: dict[str, str]) -> None:
    """`count` rows of `model` made by the database from their number i; what is not said is the column's default."""
    columns = {field.column_name: said.get(name, _default(opened, field)) for name, field in model._meta.fields.items()}
    columns["id"] = "i"
    numbers = f"generate_series(1, {count}) AS n (i)"
    if is_sqlite(opened):
        numbers = f"(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n)"
    names = ", ".join(f'"{name}"' for name in columns)
    sql = f'INSERT INTO "{model._meta.table_name}" ({names}) SELECT {", ".join(columns.values())} FROM {numbers}'
    opened.execute_sql(sql if is_sqlite(opened) else sql.replace("%", "%%"))


def _default(opened: pw.Database, field: Any) -> str:
    if field.name == "public_id":
        return "lower(hex(randomblob(16)))" if is_sqlite(opened) else "gen_random_uuid()"
    if field.null:
        return "NULL"
    if isinstance(field, pw.DateTimeField):
        return _moment(opened)
    value = field.default() if callable(field.default) else field.default
    if value is None:
        return "''"
    value = field.db_value(value)
    if isinstance(value, bool):
        return _truth(opened) if value else ("0" if is_sqlite(opened) else "FALSE")
    return "'{}'".format(value.replace("'", "''")) if isinstance(value, str) else str(value)


def _truth(opened: pw.Database) -> str:
    return "1" if is_sqlite(opened) else "TRUE"


def _day(opened: pw.Database) -> str:
    return (
        f"date('2021-01-01', '+' || (i * 7919 % {DAYS}) || ' days')"
        if is_sqlite(opened)
        else f"DATE '2021-01-01' + (i::bigint * 7919 % {DAYS})::int"
    )


def _moment(opened: pw.Database) -> str:
    if is_sqlite(opened):
        return "datetime('2021-01-01', '+' || (i * 20) || ' seconds')"
    return "TIMESTAMP '2021-01-01' + i * INTERVAL '20 seconds'"


def _blocks(opened: pw.Database, model: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Rows made here, some thousands at a time."""
    connection, block = opened.connection(), []
    names: list[str] = []

    def put() -> None:
        table, columns = model._meta.table_name, ", ".join(f'"{name}"' for name in names)
        if is_sqlite(opened):
            connection.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({", ".join("?" * len(names))})', block)
            return
        with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
            for values in block:
                copy.write_row(values)

    for number, row in enumerate(rows, 1):
        item = model(**row)
        names = names or ["id", *(field.column_name for name, field in model._meta.fields.items() if name != "id")]
        block.append((number, *(field.db_value(item.__data__.get(name)) for name, field in model._meta.fields.items() if name != "id")))
        if len(block) == BLOCK:
            put()
            block = []
    if block:
        put()
    if not is_sqlite(opened):
        connection.commit()


def _accounts(count: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(20261121)
    for number in range(1, count + 1):
        name = _name(dice, number)
        sort_key, folded = _keys(name)
        email, phone = f"{folded.replace(' ', '.')}.{number}@example.lt", f"+3706{number:07}"
        locked = models.now().replace(year=2099) if dice.random() < 0.0005 else None
        yield {
            "public_id": uuid.UUID(int=dice.getrandbits(128)), "organisation": 1 + number % ORGANISATIONS, "email": email, "email_key": email,
            "name": name, "phone": phone, "password_hash": PASSWORD, "locked_until": locked,
            "created_at": models.now() - timedelta(days=number * 7919 % DAYS), "search_key": f"{folded} {email} {phone}",
            "sort_key": sort_key,
        }  # fmt: skip


def _contracts(count: int, houses: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(20261122)
    for number in range(1, count + 1):
        name, house = _name(dice, number), 1 + number % houses
        address = f"{_address(house)}-{number // houses}"
        code, organisation = f"0{organisation_of(number)}-{number:07}", organisation_of(number)
        yield {
            "public_id": uuid.UUID(int=dice.getrandbits(128)), "organisation": organisation, "provider": organisation, "building": house,
            "payer_code": code, "payer_code_key": code.replace("-", ""), "customer_name": name, "address": address,
            "search_key": f"{code} {_keys(name)[1]} {models.fold(address)}", "sort_key": models.sort_key(address),
        }  # fmt: skip


def _buildings(count: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(20261123)
    for number in range(1, count + 1):
        organisation, address = organisation_of(number), _address(number)
        yield {
            "public_id": uuid.UUID(int=dice.getrandbits(128)), "organisation": organisation, "provider": organisation, "address": address,
            "search_key": models.fold(address), "sort_key": models.sort_key(address),
        }  # fmt: skip


def organisation_of(number: int) -> int:
    return 1 + number % ORGANISATIONS


def _address(house: int) -> str:
    return f"{STREETS[house % len(STREETS)]} g. {house}, Pakruojis"


def _name(dice: random.Random, number: int) -> str:
    if number in SURE:
        return SURE[number]
    return f"{dice.choice(FIRST)} {dice.choice(STEMS)}{dice.choice(ENDINGS)}"


@cache
def _keys(name: str) -> tuple[str, str]:
    return models.sort_key(name), models.fold(name)
