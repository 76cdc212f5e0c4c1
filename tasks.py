"""When things happen: the queue, the whole schedule on one screen, and jobs of a few lines that call one rule.

The queue is only a bell (it forgets what it was doing when it is killed); what must be done stands in tables. The schedule is at
the end.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, time as time_of_day, timedelta
from pathlib import Path
from typing import Any

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey, crontab
from huey.serializer import SignedSerializer

import watch
from config import Config, load_or_exit
from integrations import billing_feed, files, mail, register as registers
from models import Message, Organisation, SyncRun, database, now, open_database
from rules import (
    clock,
    confirmations,
    events,
    exports,
    identity_flows,
    invitations,
    keys,
    limits,
    links,
    lockouts,
    looks,
    messages,
    presence,
    proof,
    register,
    reminders,
    schedule,
    sessions,
    settings,
    sharing,
    state,
    sync,
    visits,
    work,
)
from rules.schedule import Due, Job

log = logging.getLogger(__name__)

BEAT_EVERY = 200  # records of a feed: its run's lease is prolonged that often
RING_AGAIN = timedelta(seconds=2)
ALL_COMPANIES = 1_000_000
IN_A_ROW = timedelta(seconds=15)  # that long one worker sends mail before others get their turn: a deploy would cut off what is longer


def create_queue(config: Config) -> Huey:
    """The queue that the configuration names: SQLite in its own file, PostgreSQL, or Redis."""
    options: dict[str, Any] = {"results": False, "serializer": SignedSerializer(secret=config.queue_key)}
    if config.queue_url.startswith("sqlite:///"):
        config.data_dir.mkdir(parents=True, exist_ok=True)
        return SqliteHuey("savitarna", filename=config.queue_url.removeprefix("sqlite:///"), **options)
    if config.queue_url.startswith("redis"):
        # A Redis that hangs or has gone without a word is given up: then it is asked anew.
        patience = "socket_connect_timeout=1&socket_timeout=3"
        return RedisHuey("savitarna", url=f"{config.queue_url}{'&' if '?' in config.queue_url else '?'}{patience}", **options)
    # Its tables are made by `flask portal migrate`: the program itself needs no right to, and starts while the server is away.
    lost = {"connect_timeout": 3, "tcp_user_timeout": 10000, "keepalives_idle": 30}  # so many seconds, milliseconds, seconds
    return PostgresHuey("savitarna", dsn=config.queue_url, create_tables=False, **lost, **options)


config = load_or_exit()
huey = create_queue(config)
LEASE = timedelta(seconds=config.lease_seconds)
write_exports: Callable[[], int] | None = None  # what a file shows is what its desk shows, so `worker.py`, which knows the desks, says how


def prepare_queue() -> None:
    """Make the tables that the queue has on PostgreSQL. Safe to run again."""
    if isinstance(huey, PostgresHuey):
        huey.storage.initialize_schema()


@huey.on_startup()
def bind() -> None:
    """Each worker process binds its tables and keys."""
    open_database(config.database_url)
    keys.configure(config.key("event_key"), config.cheap_passwords)
    if config.is_production:
        watch.write_json(config.log_level, "huey")


class Bell:
    """Wakes a worker now instead of within the minute, and keeps nobody waiting: what rings is a thread of its own, which tries
    until the queue has heard. A page is answered as fast while the queue is away, or hangs (F14)."""

    def __init__(self, strike: Callable[[], Any]) -> None:
        self.strike = strike
        self.is_wanted = threading.Event()
        self.lock = threading.Lock()
        self.ringer: threading.Thread | None = None

    def ring(self) -> None:
        """Ask for it, and go on."""
        self.is_wanted.set()
        with self.lock:
            if self.ringer is None or not self.ringer.is_alive():  # the first time, also in a process that was forked
                self.ringer = threading.Thread(target=self._listen, name="bell", daemon=True)
                self.ringer.start()

    def _listen(self) -> None:
        is_heard = True
        while self.is_wanted.wait():
            self.is_wanted.clear()
            try:
                self.strike()
                is_heard = True
            except Exception as silence:
                if is_heard:  # once for each time that it goes away
                    log.warning("The queue cannot be reached: %s", silence)
                is_heard = False
                time.sleep(RING_AGAIN.total_seconds())
                self.is_wanted.set()


# ---- jobs -------------------------------------------------------------------------------------------------------------


def sync_billing(renew: Callable[[], None], organisation_id: int) -> None:
    """Take in the bills of one organisation. A run that broke off is tried again later."""
    organisation = Organisation.get_by_id(organisation_id)
    system = settings.of(organisation).billing_system
    if system != "nothing":
        run = take_bills(organisation, system, renew=renew)
        if run.error:
            raise RuntimeError(f"{organisation.slug}: {run.error}")


def take_bills(
    organisation: Organisation,
    system: str,
    paths: Sequence[Path] | None = None,
    renew: Callable[[], None] = lambda: None,
    lease: timedelta = LEASE,
) -> SyncRun:
    """Read what a billing system has delivered, or exactly `paths`, and take it in; returns the run as it ended. Raises sync.Busy."""
    feed = billing_feed.of(system, config.feeds_dir / organisation.slug, paths)
    return sync.take(
        organisation,
        f"{system}-once" if paths else system,
        _records(feed, None if paths else sync.since(organisation), renew),
        billing_feed,
        lease=lease,
        keep=files.Folder(config.files_dir).put,
        site_url=links.site_url(config.customer_url, organisation),
    )


def _records(feed: billing_feed.BillingFeed, since: date | None, renew: Callable[[], None]) -> Iterator[Any]:
    """What the feed holds; the job's lease is prolonged while it is read."""
    for number, record in enumerate(feed.records(since)):
        if number % BEAT_EVERY == 0:
            renew()
        yield record


def read_register(renew: Callable[[], None], organisation_id: int) -> None:
    """Read who heads one organisation's companies. A run that broke off is tried again later; one that waits for a person is not."""
    organisation = Organisation.get_by_id(organisation_id)
    run = read_heads(organisation, renew=renew)
    if run is not None and run.error and run.error not in register.FOR_PEOPLE:
        raise RuntimeError(f"{organisation.slug}: {run.error}")


def read_heads(
    organisation: Organisation,
    codes: Sequence[str] | None = None,
    paths: Sequence[Path] | None = None,
    renew: Callable[[], None] = lambda: None,
) -> SyncRun | None:
    """Read what the register says of an organisation's companies, or of those with these `codes`, from where it is configured, or from
    these files; returns the run as it ended, None where there is nothing to ask or nobody to be asked. Raises sync.Busy."""
    known = registers.of(config, organisation.slug, paths)
    if known is None:
        return None
    settings = config.register_of(organisation.slug)
    # What lies in files costs nothing to ask.
    most = settings.most_a_night if settings and known.source == "broker" else ALL_COMPANIES
    return register.read(organisation, known, most=most, lease=LEASE, codes=codes, renew=renew)


def remind_readings(renew: Callable[[], None], organisation_id: int) -> None:
    """Remind the customers of one organisation who have not declared."""
    renew()
    organisation = Organisation.get_by_id(organisation_id)
    reminders.remind(organisation, clock.today(), links.site_url(config.customer_url, organisation))


def tidy(renew: Callable[[], None]) -> None:
    """Drop what nobody needs any more; learn how large the rest is."""
    for act in (
        sessions.forget_ended,
        confirmations.forget_ended,
        identity_flows.forget_ended,
        lockouts.forget_ended,
        limits.forget_ended,
        looks.forget_old,
        work.forget_old_forms,
        state.forget_gone,
        presence.forget_gone,
        proof.forget_tries,
        state.learn_sizes,
    ):
        renew()
        act()
    schedule.forget_old()


@huey.task()
def seal_events() -> int:
    """Add the events that are not sealed yet to the chain; returns how many (M01)."""
    with database.connection_context():
        return events.seal(config.key("event_key"))


@huey.task()
def send_mail() -> int:
    """Send what waits in the outbox, most urgent first; returns how many mails were tried."""
    with database.connection_context():
        tried, is_done = deliver(mail.carrier(config), LEASE)
    if not is_done:
        send_mail()  # behind whatever else waits in the queue
    return tried


@huey.task()
def make_exports() -> int:
    """Make the files that staff wait for, and drop those whose day is over; returns how many were made (N06)."""
    with database.connection_context():
        files.Downloads(config.exports_dir).keep_only(exports.kept)
        if not exports.are_waiting():
            return 0
    if write_exports is None:
        raise RuntimeError("Files of lists are made by a consumer that was started with worker.huey")
    return write_exports()


ring = Bell(send_mail).ring
ring_for_exports = Bell(make_exports).ring


def deliver(carrier: mail.MailCarrier, lease: timedelta) -> tuple[int, bool]:
    """One mail after another, each under its own lease, none inside a transaction, for a while; how many, and whether all."""
    tried, until = 0, time.monotonic() + IN_A_ROW.total_seconds()
    while time.monotonic() < until:
        message = messages.claim(lease)
        if message is None:
            return tried, True
        tried += 1
        try:
            carrier.send(letter(message))
        except mail.Permanent as refusal:
            messages.settle(message, error=str(refusal), permanent=True)
        except mail.Temporary as failure:
            messages.settle(message, error=str(failure))
        except Exception as failure:
            # Whatever one mail breaks on, such as its template, the next one must go out (F28).
            log.exception("Mail %s could not be written", message.public_id)
            messages.settle(message, error=f"{type(failure).__name__}: {failure}")
        else:
            messages.settle(message)
    return tried, False


def letter(message: Message) -> mail.Letter:
    """A waiting mail as it will be read, with what is to be known of the organisation that sends it."""
    here = message.organisation
    sender = {name: getattr(here, name) for name in ("name", "phone", "email", "brand")} if here else None
    facts = {**message.facts, "organisation": sender}
    return mail.letter(config, message.kind, message.language, facts, message.to, message.name, message.dedupe_key)


# ---- the schedule: local time in Vilnius, once a day and caught up after a pause; without a time: every minute ---------


def organisations() -> Iterable[int]:
    """The active ones, each of which has a run of its own."""
    active: Any = Organisation.select(Organisation.id).where(Organisation.is_active)
    return [number for (number,) in active.tuples()]


SCHEDULE = (
    Job("send_mail", send_mail),
    Job("seal_events", seal_events),
    Job("make_exports", make_exports),
    Job("end_shares", sharing.end_expired),
    Job("end_invitations", invitations.end_expired),
    Job("end_visits", visits.end_expired),
    Job("sync_billing", sync_billing, at=time_of_day(2, 10), each=organisations),
    Job("tidy", tidy, at=time_of_day(3, 30)),
    Job("read_register", read_register, at=time_of_day(4, 0), each=organisations),
    Job("remind_readings", remind_readings, at=time_of_day(9, 0), each=organisations),
)


@huey.periodic_task(crontab(minute="*"))
def tick() -> None:
    """Once a minute: enqueue what is due. Two ticks at once are harmless, because a period is claimed by one worker."""
    for job in SCHEDULE:
        if job.at is None:
            job.act()
    with database.connection_context():
        state.beat(socket.gethostname())
        for one in schedule.due(SCHEDULE, now()):
            run_job(one.job, one.period, one.thing)


@huey.task()
def run_job(name: str, period: str, thing: int | None = None) -> None:
    """Do one period of one job, unless it is done or somebody does it."""
    job, of = next(job for job in SCHEDULE if job.name == name), () if thing is None else (thing,)
    with database.connection_context():
        schedule.run(Due(name, period, thing), LEASE, lambda renew: job.act(renew, *of))
