"""What tables are made of, whichever database they lie in: how it is opened, words as they are searched and sorted, fields that both
databases keep alike."""

import hashlib
import json
import os
import unicodedata
import uuid
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import peewee as pw
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

database = pw.DatabaseProxy()


def N_(text: str) -> str:
    """Mark a sentence for translation where there is no reader yet; the site that shows it translates it."""
    return text


class SqliteKept(PooledSqliteDatabase):
    """SQLite whose connections are kept: one that is new reads the whole schema, and has nothing of the tables in memory. Where another
    file stands in the database's place (a restore), it is opened anew."""

    file: tuple[int, int] | None = None

    def _connect(self) -> Any:
        try:
            stands = os.stat(self.database)
            file = stands.st_dev, stands.st_ino
        except OSError:
            file = None
        if file != self.file:
            self.close_idle()
            self.file = file
        return super()._connect()


def open_database(url: str, *, keep_plans: bool = False) -> pw.Database:
    """Bind every table to the database at `url` (sqlite:///path or postgresql://...) and return it, not yet connected.

    SQLite takes its write lock when a transaction begins (else "database is locked" comes at once, whatever the timeout) and
    flushes every commit to the disk. PostgreSQL is told to give up rather than hang, and to plan each statement anew: a search for a name
    that many have is another one than for a name of few. `keep_plans`: not so, where all statements ask for a few rows by their keys;
    planning then takes longer than doing.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        opened: pw.Database = SqliteKept(
            url.removeprefix("sqlite:///"),
            pragmas={"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "cache_size": -32000},
            lock_type="IMMEDIATE",
            timeout=5,
            returning_clause=True,
            max_connections=None,
            stale_timeout=300,
            check_same_thread=False,  # one thread at a time has it, not always the same one
        )
    elif parts.scheme in ("postgres", "postgresql"):
        opened = PooledPostgresqlDatabase(
            url,
            prefer_psycopg3=True,
            max_connections=20,
            stale_timeout=300,
            connect_timeout=3,
            keepalives=1,
            keepalives_idle=30,
            tcp_user_timeout=10000,
            options="-c timezone=UTC -c lock_timeout=5s -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s"
            f" -c plan_cache_mode={'auto' if keep_plans else 'force_custom_plan'}",
        )
    else:
        raise ValueError(f"The database must be sqlite:///path or postgresql://..., not {parts.scheme}://...")
    database.initialize(opened)
    return opened


# ---- words that can be searched and sorted ----------------------------------------------------------------------------

# A `search_key` holds what a row is looked for by, folded. Those of accounts, buildings, companies and contracts have an index of
# three-letter pieces that only migrations can make: <table>_words, a full-text table on SQLite, a GIN index on PostgreSQL
# (`rules/search.py`).

# Letters that a Lithuanian dictionary keeps apart; q, w and x stand where it puts them in foreign names.
LETTERS = " 0123456789abcčdefghijklmnopqrsštuvwxzž"
# These differ from their neighbour only where all else is the same.
VARIANTS = {"ą": "a", "ę": "e", "ė": "e", "į": "i", "y": "i", "ų": "u", "ū": "u"}
WITHIN_A_LETTER = "aąeęėiįyuųū"


def fold(text: str | None) -> str:
    """`text` as it is searched: no case, no accents, on both databases. „Žukauskaitė“ and `zukauskaite` are one.

    It may be longer than `text`: a ligature becomes its letters, up to eighteen of them.
    """
    decomposed = unicodedata.normalize("NFKD", (text or "").casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def sort_key(text: str | None) -> str:
    """`text` as a Lithuanian dictionary orders it, in digits alone: neither database knows that Ą comes before B,
    and digits sort alike under every collation."""
    letters = [c for c in unicodedata.normalize("NFC", (text or "").casefold()) if VARIANTS.get(c, c) in LETTERS][:50]
    first = "".join(f"{LETTERS.index(VARIANTS.get(c, c)) + 1:02}" for c in letters)
    then = "".join(str(WITHIN_A_LETTER.find(c) + 1).zfill(2) for c in letters)
    return f"{first}00{then}"


# ---- fields that both databases keep alike ----------------------------------------------------------------------------


class UTCDateTimeField(pw.DateTimeField):
    """A moment. Takes and gives aware datetimes, keeps UTC; a naive one raises ValueError."""

    def db_value(self, value: Any) -> Any:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError("a moment needs its time zone")
            value = value.astimezone(UTC).replace(tzinfo=None)
        return super().db_value(value)

    def python_value(self, value: Any) -> Any:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


class FactsField(pw.TextField):
    """A small mapping or value kept as canonical JSON, so that its digest is the same on both databases."""

    def db_value(self, value: Any) -> Any:
        return None if value is None else canonical(value)

    def python_value(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value


def canonical(facts: Any) -> str:
    """`facts` as JSON in one spelling: sorted, compact, days and moments in ISO form."""
    return _CANONICAL.encode(facts)


def _plain(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no fact")


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def now() -> datetime:
    """This moment, UTC. Rules read it once, on their first line."""
    return datetime.now(UTC)


def digest(text: str) -> str:
    """SHA-256 of `text`, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
