"""The customer site in this process over databases that `data.py` has filled, with customers more in the first organisation of each:
three contracts of everyone, two meters and four bills in every contract, readings of two years."""

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import peewee as pw

import models
from bench import clock as timing
from config import load
from models import AccessType, Account, Contract, Invoice, Membership, Meter, MeterKind, Organisation, Provider, Reading, now
from rules import access, clock, sessions

MONTHS = 24
KINDS = ("cold-water", "hot-water")


@dataclass(frozen=True)
class Customer:
    """Someone signed in: the row, the cookie that says so, and the first of the meters."""

    account: Account
    cookie: str
    meter: Meter


@dataclass(frozen=True)
class Install:
    """The site over one database, what another process of it must find in its environment, and its customers."""

    application: Any
    opened: pw.Database
    environ: dict[str, str]
    people: list[Customer]

    @property
    def url(self) -> str:
        """Of the database."""
        return self.environ["DATABASE_URL"]

    def ask(self, path: str, **sent: Any) -> tuple[int, str, str]:
        """As `clock.ask`, of this database."""
        models.database.initialize(self.opened)
        return timing.ask(self.application, path, **sent)


@contextmanager
def customers(urls: Mapping[int, str], count: int) -> Iterator[dict[int, Install]]:
    """The site over each of these databases, with so many customers more."""
    from customer import create_app

    with tempfile.TemporaryDirectory(prefix="savitarna-bench-") as folder:
        environs = {
            size: {"SAVITARNA_ENVIRONMENT": "test", "SAVITARNA_DATA_DIR": folder, "DATABASE_URL": url} for size, url in urls.items()
        }
        site: Any = create_app(load(next(iter(environs.values()))))
        site.config["RING"] = lambda: None
        installs = {size: _install(site, environ, count) for size, environ in environs.items()}
        yield installs
        for install in installs.values():
            install.opened.close_all()


def _install(site: Any, environ: dict[str, str], count: int) -> Install:
    opened = models.open_database(environ["DATABASE_URL"], keep_plans=True)  # as customer.create_app does
    with opened.connection_context(), opened.atomic():
        here = _organisation()
        found = [_customer(here) for _ in range(count)]
        signer = site.session_interface.get_signing_serializer(site)
        ready = []
        for account, meter in found:
            said = {f"sid-{here.id}": sessions.open_for(account, "bench"), "language": "lt"}
            ready.append(Customer(account, f"{site.config['SESSION_COOKIE_NAME']}={signer.dumps(said)}", meter))
    with opened.connection_context():
        opened.execute_sql("SET statement_timeout = 0" if environ["DATABASE_URL"].startswith("postgresql") else "SELECT 1")
        opened.execute_sql("ANALYZE")
    opened.close_all()
    return Install(site, opened, environ, ready)


def _organisation() -> Organisation:
    here = Organisation.get_by_id(1)
    AccessType.get_or_create(organisation=here, name="owner", defaults={"deeds": sorted(access.DEEDS)})
    for code in KINDS:
        MeterKind.get_or_create(organisation=here, code=code, defaults={"name_lt": code, "name_en": code, "unit": "m³"})
    return here


def _customer(of: Organisation) -> tuple[Account, Meter]:
    at, email = now(), f"{uuid.uuid4().hex}@example.lt"
    provider, owner = Provider.get(organisation=of), AccessType.get(organisation=of, name="owner")
    kinds = list(MeterKind.select().where((MeterKind.organisation == of) & MeterKind.code.in_(KINDS)))
    account = Account.create(
        organisation=of, email=email, name="Vardenis", password_hash="-", email_confirmed_at=at, identity_confirmed_at=at
    )
    meters = []
    for place in range(3):
        called = f"{account.id}-{place}"
        contract = Contract.create(organisation=of, provider=provider, payer_code=called, address=f"Liepų g. {called}")
        Membership.create(organisation=of, account=account, contract=contract, access_type=owner)
        for kind in kinds:
            meters.append(Meter.create(organisation=of, contract=contract, kind=kind, number=f"M{called}-{kind.id}"))
            _readings(meters[-1])
        for back in range(4):
            issued = clock.today().replace(day=1) - timedelta(days=30 * back)
            Invoice.create(
                organisation=of, provider=provider, contract=contract, number=f"S{called}-{back}", issued_on=issued,
                due_on=issued + timedelta(days=27), net_cents=10_000, vat_cents=2_100, total_cents=12_100, payable_cents=12_100,
                outstanding_cents=0 if back else 12_100, content_digest="-",
            )  # fmt: skip
    return account, meters[0]


def _readings(meter: Meter) -> None:
    periods = clock.months(clock.period(clock.today()), MONTHS + 1)[:-1]
    rows = [
        {
            "public_id": uuid.uuid4(), "organisation": meter.organisation_id, "meter": meter.id, "contract": meter.contract_id,
            "value_milli": 3_000 * number, "previous_milli": 3_000 * (number - 1), "read_on": date.fromisoformat(f"{period}-25"),
            "period": period, "source": "feed", "reference": "bench",
        }
        for number, period in enumerate(periods, start=1)
    ]  # fmt: skip
    Reading.insert_many(rows).execute()
