"""When things happen: the queue, the whole schedule on one screen, and jobs of a few lines that call one rule.

The queue is only a bell (it forgets what it was doing when it is killed); what must be done stands in tables.
"""

import logging
from datetime import timedelta
from typing import Any

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.serializer import SignedSerializer

from config import Config, load
from integrations import mail
from models import Message, database, open_database
from rules import keys, messages

log = logging.getLogger(__name__)


def create_queue(config: Config) -> Huey:
    """The queue that the configuration names: SQLite in its own file, PostgreSQL, or Redis."""
    options: dict[str, Any] = {"results": False, "serializer": SignedSerializer(secret=config.queue_key)}
    if config.queue_url.startswith("sqlite:///"):
        config.data_dir.mkdir(parents=True, exist_ok=True)
        return SqliteHuey("savitarna", filename=config.queue_url.removeprefix("sqlite:///"), **options)
    if config.queue_url.startswith("redis"):
        return RedisHuey("savitarna", url=config.queue_url, **options)
    return PostgresHuey("savitarna", dsn=config.queue_url, **options)


config = load()
huey = create_queue(config)


def ring() -> None:
    """Wake the mail worker now instead of within the minute."""
    send_mail()


@huey.on_startup()
def bind() -> None:
    """Each worker process binds its tables and keys."""
    open_database(config.database_url)
    keys.configure(config.key("event_key"), config.cheap_passwords)


@huey.task()
def send_mail() -> int:
    """Send what waits in the outbox, most urgent first; returns how many mails were tried."""
    with database.connection_context():
        return deliver(mail.carrier(config), timedelta(seconds=config.lease_seconds))


def deliver(carrier: Any, lease: timedelta) -> int:
    """One mail after another, each under its own lease, none inside a transaction."""
    tried = 0
    while message := messages.claim(lease):
        tried += 1
        try:
            carrier.send(_letter(message))
        except mail.Permanent as refusal:
            messages.settle(message, error=str(refusal), permanent=True)
        except Exception as failure:
            # Whatever one mail breaks on, a template or the network, the next one must go out.
            messages.settle(message, error=f"{type(failure).__name__}: {failure}")
        else:
            messages.settle(message)
    return tried


def _letter(message: Message) -> mail.Letter:
    """A message as a letter from its organisation; without one, from the install."""
    here = message.organisation
    writer = {"organisation": {"name": here.name, "phone": here.phone, "email": here.email, "brand": here.brand}} if here else {}
    return mail.letter(config, message.kind, message.language, message.facts | writer, message.to, message.name, message.dedupe_key)
