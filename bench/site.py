"""The customer site in this process on a database of its own, with customers to be: three contracts each, two meters and four bills
in every one, readings of two years."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import models
import web
from bench import databases
from config import load
from models import AccessType, Account, Contract, Invoice, Membership, Meter, MeterKind, Organisation, Provider, Reading, now
from rules import access, clock, sessions

MONTHS = 24


@dataclass(frozen=True)
class Customer:
    """Someone signed in: the row, the cookie that says so, and the first of the meters."""

    account: Account
    cookie: str
    meter: Meter


@dataclass(frozen=True)
class Install:
    """The site in this process, what another process of it must find in its environment, and its customers."""

    application: Any
    environ: dict[str, str]
    people: list[Customer]

    @property
    def url(self) -> str:
        """Of the database."""
        return self.environ["DATABASE_URL"]


@contextmanager
def customers(engine: str, count: int) -> Iterator[Install]:
    """An install with so many customers."""
    from customer import create_app

    with databases.several(engine, 1) as (url,), tempfile.TemporaryDirectory(prefix="savitarna-bench-") as folder:
        settings = {"SAVITARNA_ENVIRONMENT": "test", "SAVITARNA_DATA_DIR": folder, "DATABASE_URL": url}
        site: Any = create_app(load(settings))
        site.config["RING"] = lambda: None
        web.bind(load(settings))
        with models.database.connection_context(), models.database.atomic():
            made = _organisation()
            found = [_customer(made, number) for number in range(count)]
            signer = site.session_interface.get_signing_serializer(site)
            ready = []
            for account, meter in found:
                said = {f"sid-{made.id}": sessions.open_for(account, "bench"), "language": "lt"}
                ready.append(Customer(account, f"{site.config['SESSION_COOKIE_NAME']}={signer.dumps(said)}", meter))
        if engine == "postgresql":
            with models.database.connection_context():
                models.database.execute_sql("ANALYZE")
        yield Install(site, settings, ready)


def _organisation() -> Organisation:
    made = Organisation.create(slug="bench", name="Tiekėjas", phone="+370 5 200 0000")
    Provider.create(organisation=made, name="Tiekėjas", code="1")
    AccessType.create(organisation=made, name="owner", deeds=sorted(access.DEEDS))
    for code in ("cold-water", "hot-water"):
        MeterKind.create(organisation=made, code=code, name_lt=code, name_en=code, unit="m³")
    return made


def _customer(of: Organisation, number: int) -> tuple[Account, Meter]:
    at = now()
    account = Account.create(
        organisation=of, email=f"a{number}@example.lt", name=f"Vardenis {number}", password_hash="-", email_confirmed_at=at,
        identity_confirmed_at=at,
    )  # fmt: skip
    kinds, meters = list(MeterKind.select().where(MeterKind.organisation == of)), []
    for place in range(3):
        contract = Contract.create(
            organisation=of, provider=Provider.get(), payer_code=f"{number}-{place}", address=f"Liepų g. {number}-{place}"
        )
        Membership.create(organisation=of, account=account, contract=contract, access_type=AccessType.get())
        for kind in kinds:
            meters.append(Meter.create(organisation=of, contract=contract, kind=kind, number=f"M{number}-{place}-{kind.id}"))
            _readings(meters[-1])
        for back in range(4):
            issued = clock.today().replace(day=1) - timedelta(days=30 * back)
            Invoice.create(
                organisation=of, provider=Provider.get(), contract=contract, number=f"S{number}-{place}-{back}", issued_on=issued,
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
