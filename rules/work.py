"""One transaction for everything that belongs together, and forms that can safely be sent again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from peewee import OperationalError, PostgresqlDatabase

from models import Contract, FormKey, database, now
from rules.statements import add, statement

mail_waits: ContextVar[bool] = ContextVar("mail_waits", default=False)
FORM_KEYS_KEPT = timedelta(days=30)
TRIES = 3
CONFLICTS = {"40001", "40P01"}  # PostgreSQL could not serialise it, or ended it to resolve a deadlock


@contextmanager
def unit_of_work() -> Iterator[None]:
    """Rows, events and outgoing mail together, or nothing. Inside another one it is a part of that one."""
    with database.atomic():
        yield


def locked(query: Any, how: str = "FOR NO KEY UPDATE") -> list[Any]:
    """These rows as the database has them now, kept so until this transaction ends. SQLite has locked everything already."""
    return list(query.for_update(how) if database.for_update else query)


def as_it_stands(contract: Contract) -> Contract:
    """The contract as the database has it now, kept from passing on until this transaction ends."""
    found: Contract = locked(Contract.select().where(Contract.id == contract.id))[0]
    return found


class SentDifferently(Exception):
    """The same form key came with other content: nothing was done (409)."""


def once(actor: str, key: str, request_digest: str, act: Callable[[], str | None]) -> str | None:
    """Do `act` in one transaction, once for this actor's form key; returns where its answer is found.

    `act` returns the location of the answer, or None where it refused (then the form may be corrected and sent again).
    Sent again, or twice at the same time: the first one's location, and nothing is done. Raises SentDifferently.

    Where PostgreSQL ends the transaction for a conflict or loses the connection, it is tried anew, `act` included: it must forget
    what it knew. That is safe even where the answer to a COMMIT was lost (F11): the key is in that same transaction, so the next
    try finds it, or waits for it.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            return _once(actor, key, request_digest, act)
        except OperationalError as error:
            if not tries_left or not _is_worth_another_try(error):
                raise
    raise AssertionError


def _is_worth_another_try(error: OperationalError) -> bool:
    """Whether PostgreSQL ended only this transaction, or only this connection and there is a new one. Connects anew.

    SQLite, and PostgreSQL where it waited for a lock, have waited as long as a person should."""
    if not isinstance(database.obj, PostgresqlDatabase):
        return False
    if getattr(getattr(error, "orig", None), "sqlstate", None) in CONFLICTS:
        return True
    if database.is_connection_usable():
        return False
    database.close()
    database.connect()
    return True


def _once(actor: str, key: str, request_digest: str, act: Callable[[], str | None]) -> str | None:
    with unit_of_work():
        # The key first: the same form sent at the same moment waits here, and then finds this one's answer instead of acting on what
        # this one has changed.
        taken = FormKey(actor=actor, key=key, request_digest=request_digest, location="")
        if not add(taken, unless_there=True):
            return _earlier(actor, key, request_digest)
        location = act()
        if location is None:
            taken.delete_instance()
        else:
            _answered(taken.id, location)
        return location


def _earlier(actor: str, key: str, request_digest: str) -> str:
    ((sent, location),) = _sent(actor, key)
    if sent != request_digest:
        raise SentDifferently
    return str(location)


@statement
def _sent(actor: str, key: str) -> Any:
    return FormKey.select(FormKey.request_digest, FormKey.location).where((FormKey.actor == actor) & (FormKey.key == key)).tuples()


@statement
def _answered(number: int, location: str) -> Any:
    return FormKey.update(location=location).where(FormKey.id == number)


def forget_old_forms() -> int:
    """Drop form keys nobody will send again; returns how many."""
    return int(FormKey.delete().where(FormKey.created_at < now() - FORM_KEYS_KEPT).execute())
