"""A small billing feed: its records, a run over them, and what came of it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import peewee as pw

import models
from integrations import billing_feed
from integrations.billing_feed import Contract, Invoice, Line, Meter, Reading, Vat
from models import Event, Organisation, SyncProblem, SyncRun
from rules import sync
from tests import factories

LEASE = timedelta(seconds=120)
TODAY = datetime(2026, 11, 5, 10, tzinfo=UTC)


def place(slug: str, *providers: str, **settings: Any) -> Organisation:
    """An organisation that takes in bills."""
    made = factories.organisation(slug, **settings)
    for name in providers or ("North Heat",):
        factories.provider(made, name)
    models.MeterKind.create(organisation=made, code="hot-water", name_lt="Karšto vandens", name_en="Hot water", unit="m³", decimals=3)
    return models.Organisation.get(id=made.id)


def take(organisation: Organisation, records: Iterable[Any], **options: Any) -> SyncRun:
    """One run over these records."""
    said: dict[str, Any] = {"lease": LEASE, "keep": lambda content: "f" * 64, "site_url": "https://my.example.lt/north"} | options
    return sync.take(organisation, "csv", iter(list(records)), billing_feed, **said)


def bill(number: str = "S1", payer: str = "01-234 5", net: int = 10_000, **changes: Any) -> Invoice:
    """A bill of one line."""
    vat = net * 21 // 100
    said: dict[str, Any] = {
        "issued_on": date(2026, 11, 1),
        "due_on": date(2026, 11, 30),
        "net_cents": net,
        "vat_cents": vat,
        "total_cents": net + vat,
        "payable_cents": net + vat,
        "lines": (Line(name="Šiluma", quantity_milli=1_000, unit="MWh", unit_price_micro=net * 10_000, net_cents=net, vat_rate=2100),),
        "vat": (Vat("S", 2100, net, vat),),
        "customer_name": "Ona Pavyzdienė",
        "address": "Liepų g. 1-1",
    }
    return Invoice(number=number, payer_code=payer, **said | changes)


ANNA = Contract("01-234 5", customer_name="Ona Pavyzdienė", address="Liepų g. 1-1", building="Liepų g. 1", premises="1")
BEN = Contract("01-234 6", customer_name="Benas Pavyzdys", address="Liepų g. 1-2", building="Liepų g. 1", premises="2")
KV1 = Meter("01-234 5", "KV1_241", "hot-water", place="Nr. 1", installed_on=date(2024, 1, 1))
WORLD: list[Any] = [
    ANNA,
    BEN,
    KV1,
    Meter("01-234 6", "KV1_242", "hot-water"),
    bill("S1"),
    bill("S2", issued_on=date(2026, 10, 1)),
    bill("S3", "01-234 6", 5_000),
    bill("K1", kind="credit_note", refers_to="S2", net=1_000),
    Reading("KV1_241", "01-234 5", date(2026, 9, 30), 1_000),
    Reading("KV1_241", "01-234 5", date(2026, 10, 31), 3_500),
    Reading("KV1_241", "01-234 5", date(2026, 10, 30), 3_400),
    Reading("KV1_242", "01-234 6", date(2026, 10, 31), 700),
]

BUSINESS = (models.Building, models.Premises, models.Contract, models.Meter, models.Reading, models.Invoice, models.InvoiceLine, models.InvoiceVat)  # fmt: skip
# What another database, or another order, may name otherwise.
NAMES_OF_ROWS = {"id", "public_id", "reference", "run", "recorded_at"}


def business(organisation: Organisation) -> dict[str, list[Any]]:
    """Everything that a feed has said, without the ids of rows."""
    return {
        model.__name__: sorted(map(repr, (_said(row) for row in model.select().where(model.organisation == organisation))))
        for model in BUSINESS
    }


def _said(row: models.Table, depth: int = 0) -> dict[str, Any]:
    said = {}
    for name, field in row._meta.fields.items():
        if name in NAMES_OF_ROWS or name == "organisation":
            continue
        value = row.__data__[name]
        if isinstance(field, pw.ForeignKeyField) and value is not None:
            value = str(getattr(row, name)) if depth or name != "invoice" else (row.invoice.kind, row.invoice.number)
        said[name] = value
    return said


def everything() -> dict[str, list[Any]]:
    """Every row of every table, but for runs, events, and when a problem was last seen."""
    kept = [model for model in models.TABLES if model not in (SyncRun, Event)]
    hidden = {SyncProblem: {"run", "seen_at"}}
    return {
        model.__name__: sorted(repr({k: v for k, v in row.__data__.items() if k not in hidden.get(model, ())}) for row in model.select())
        for model in kept
    }


def problems(organisation: Organisation) -> list[tuple[str, str]]:
    """The open ones: rule and reference."""
    rows = SyncProblem.select().where((SyncProblem.organisation == organisation) & SyncProblem.resolved_at.is_null())
    return sorted((row.kind, row.reference) for row in rows)


def figures(run: SyncRun) -> dict[str, int]:
    assert run.error == ""
    return {name: getattr(run, name) for name in ("seen", "created", "changed", "same", "problems")}
