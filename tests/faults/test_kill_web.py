"""The web server killed while people send forms: what was answered is stored, once (P1, P2, P5, F01, G8)."""

import itertools
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models import Account, Event, FormKey, Message, Meter, Reading, database
from rules import events, work
from tests import factories
from tests.faults import FULL, check, installed_on, roll, the_database_of
from tests.faults.procs import Visitor
from tests.product import Product
from tests.servers import CUSTOMERS, Nginx, Site

KILLS = 200 if FULL else 2
HEALS_WITHIN_SECONDS = 60
METERS = 20
CUSTOMER_SITE = "wsgi:create_app()"  # alone, as in production
ALIVE_SECONDS, IN_HAND_SECONDS = (0.2, 0.9), 0.03


@dataclass
class Client:
    """Someone who sends one kind of form again and again, and keeps a book of what was answered."""

    visitor: Visitor
    forms: Iterator[tuple[str, str, dict[str, str]]]  # what it is called in the book, where the form is, what to fill in
    email: str = ""
    answered: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def work(self, stop: Callable[[], bool]) -> None:
        for name, path, values in self.forms:
            if stop():
                return
            (self.unknown if self.visitor.submit(path, values, stop) is None else self.answered).append(name)

    def check(self, stored: list[str]) -> None:
        """All that was answered is stored once, and nothing that was never sent."""
        times = Counter(stored)
        assert [name for name in self.answered if times[name] != 1] == [], "answered, and not stored exactly once"
        assert set(times) <= {*self.answered, *self.unknown}
        assert max(times.values(), default=0) <= 1


@contextmanager
def served(engine: str, base: Path) -> Iterator[tuple[Product, Callable[[], subprocess.Popen[bytes]]]]:
    """An install, and what starts its web server: over SQLite alone, over PostgreSQL behind nginx with the files of deploy/."""
    with installed_on(engine, base, SAVITARNA_TRUSTED_PROXIES="1") as product:
        if engine == "sqlite":
            yield product, lambda: product.start_web(application=CUSTOMER_SITE)
            return
        nginx = Nginx(base / "nginx")
        product.url = f"https://{CUSTOMERS}:{nginx.https}"
        site = Site(product, CUSTOMER_SITE, nginx.base / "customer.sock", base / "web.log")
        nginx.start()
        try:
            yield product, lambda: site.start().process
        finally:
            nginx.stop()


def test_nothing_that_was_answered_is_lost_or_doubled_when_the_web_server_is_killed(
    translations: None, engine: str, tmp_path: Path
) -> None:
    """P1, P2, P5, F01, G8, G15"""
    dice, ended, healed = roll(), threading.Event(), []
    with served(engine, tmp_path) as (product, start_web):
        readers, callers, newcomers = clients(product)
        everyone, watcher = [*readers, *callers, newcomers], Visitor(product.url, "10.0.99.1")
        product.start_consumer()
        web = start_web()
        for client in (*readers, *callers):
            sign_in(client.visitor, client.email)
        threads = [threading.Thread(target=client.work, args=(ended.is_set,)) for client in everyone]
        for thread in threads:
            thread.start()
        try:
            while len(healed) < KILLS or (not lost(everyone) and len(healed) < 10 * KILLS):
                time.sleep(dice.uniform(*ALIVE_SECONDS))
                while sum(client.visitor.is_sending for client in everyone) < len(everyone) / 2:
                    time.sleep(0.001)
                time.sleep(dice.uniform(0, IN_HAND_SECONDS))
                killed = time.monotonic()
                product.kill(web)
                web = start_web()
                watcher.page("/north/sign-in", lambda since=killed: time.monotonic() - since > HEALS_WITHIN_SECONDS)
                healed.append(time.monotonic() - killed)
                check(product)
            time.sleep(1)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        product.portal("check")
        forms = sum(len(client.answered) for client in everyone)
        print(f"{engine}: {len(healed)} kills, {forms} forms answered, {lost(everyone)} lost on the way, ", end="")
        print(f"a good answer after {max(healed):.1f} s at most")
        with the_database_of(product):
            for client in readers:
                check_readings(client)
            for client in callers:
                check_phones(client)
            check_registrations(newcomers)
            assert FormKey.select().where(FormKey.location == "").count() == 0
            if engine == "sqlite":
                assert database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert max(healed) < HEALS_WITHIN_SECONDS
    assert [complaint for client in everyone for complaint in client.visitor.broken] == []
    assert lost(everyone) > 0, "no kill came while a form was on its way: this run has shown nothing"


def lost(everyone: list[Client]) -> int:
    """How many forms were killed in hand: left without an answer, or told by nginx to come back."""
    return sum(len(client.visitor.lost) + client.visitor.busy for client in everyone)


# ---- who sends what ---------------------------------------------------------------------------------------------------


def clients(product: Product) -> tuple[list[Client], list[Client], Client]:
    """Three who declare, two who change their phone again and again, and one after another who registers."""
    with the_database_of(product), work.unit_of_work():
        north = factories.organisation(signup_confirm="none", reading_opens_on=1, reading_closes_on=31)
        events.record("organisation.loaded", north, by=events.OPERATOR, preset="none")
        people = [factories.account(north, f"anna{number}@example.lt", name=f"Anna North {number}") for number in range(5)]
        for person in people:
            events.record("account.registered", person, by=person, person_type="natural", consents=[])
        fields = [meters_of(person) for person in people[:3]]
    at = [Visitor(product.url, f"10.0.{number}.1") for number in range(6)]
    readers = [Client(at[number], declarations(fields[number]), people[number].email) for number in range(3)]
    callers = [Client(at[number], phones(number), people[number].email) for number in (3, 4)]
    return readers, callers, Client(at[5], registrations(at[5]))


def meters_of(person: Account) -> list[Meter]:
    place = factories.contract(person.organisation, f"{person.id:05}")
    factories.holds(person, place)
    events.record("contract.attached", place, by=person, account=person, access_type="owner")
    return [factories.meter(place, f"KV{person.id}-{number}") for number in range(METERS)]


def declarations(meters: list[Meter]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Each meter in turn, one unit more every time."""
    for value in itertools.count(1):
        for meter in meters:
            field_name = f"reading_{meter.public_id.hex}"
            yield f"{meter.id}={value}", f"/north/meters/{meter.public_id}/declare-a-reading", {field_name: str(value)}


def phones(number: int) -> Iterator[tuple[str, str, dict[str, str]]]:
    for count in itertools.count(1):
        phone = f"+3706{number}{count:06}"
        yield phone, "/north/account/phone", {"phone": phone}


def registrations(visitor: Visitor) -> Iterator[tuple[str, str, dict[str, str]]]:
    for number in itertools.count():
        visitor.move(f"10.1.{number % 256}.1")  # so many from one network would be refused
        email = f"new{number}@example.lt"
        filled = {"full_name": f"Jonas North {number}", "email": email, "phone": "+37060000001", "password": factories.PASSWORD}
        yield email, "/north/register", filled


def sign_in(visitor: Visitor, email: str) -> None:
    assert visitor.submit("/north/sign-in", {"email": email, "password": factories.PASSWORD}), visitor.broken


# ---- what must have come of it ----------------------------------------------------------------------------------------


def check_readings(client: Client) -> None:
    """Every declaration is a version with an event and a mail of its own, and the last one counts."""
    account = Account.get(email=client.email)
    versions = list(Reading.select().where(Reading.account == account).order_by(Reading.id))
    client.check([f"{version.meter_id}={version.value_milli // 1000}" for version in versions])
    told = events_of(account, "reading.declared")
    assert sorted(event.subject for event in told) == sorted(f"reading:{version.id}" for version in versions)
    assert mails_of(account, "reading_declared") == len(versions) == len({version.reference for version in versions})
    last = {version.meter_id: version.id for version in versions}
    assert sorted(last.values()) == [version.id for version in versions if version.is_current]


def check_phones(client: Client) -> None:
    """Every change is an event and a mail, each goes on from the one before, and the last one is what the account says."""
    account = Account.get(email=client.email)
    changes = [event.facts for event in events_of(account, "account.phone_changed")]
    client.check([facts["new"] for facts in changes])
    assert [facts["old"] for facts in changes] == ["+37060000001", *(facts["new"] for facts in changes[:-1])]
    assert account.phone == changes[-1]["new"]
    assert mails_of(account, "phone_changed") == len(changes)


def check_registrations(client: Client) -> None:
    """Every registration is an account with an event and a letter that confirms its address."""
    made = list(Account.select().where(Account.email.startswith("new")))
    client.check([account.email for account in made])
    for account in made:
        assert len(events_of(account, "account.registered")) == 1
        assert mails_of(account, "confirm_by_link") == 1


def events_of(account: Account, name: str) -> list[Event]:
    return list(Event.select().where((Event.account == account) & (Event.name == name)).order_by(Event.id))


def mails_of(account: Account, kind: str) -> int:
    return Message.select().where((Message.to == account.email) & (Message.kind == kind)).count()
