"""The peer of the POST of a reading: a Flask application of Flask-Login, Flask-WTF and peewee as their documentation shows them, over
the same tables, writing the same rows as the product: the form's key, the reading, the event with its digest, the mail.

`database.atomic()` begins a transaction as SQLite does unless told otherwise: it takes the write lock with the first write. One
advantage for the peer: its connections are kept (playhouse.pool).
"""

import hashlib
import json
import secrets
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import peewee as pw
from flask import Flask, abort, redirect
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_wtf import CSRFProtect, FlaskForm
from flask_wtf.csrf import generate_csrf
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase
from wtforms import DecimalField, StringField
from wtforms.validators import UUID, InputRequired, NumberRange, Regexp

from rules import clock

database = pw.DatabaseProxy()


class Row(pw.Model):
    public_id = pw.UUIDField(default=uuid.uuid4)

    class Meta:
        database = database
        legacy_table_names = False


class Account(Row, UserMixin):
    organisation_id = pw.IntegerField()
    email = pw.CharField()
    name = pw.CharField()


class Meter(Row):
    organisation_id = pw.IntegerField()
    contract_id = pw.IntegerField()
    number = pw.CharField()


class Membership(Row):
    account = pw.ForeignKeyField(Account)
    contract_id = pw.IntegerField()
    until_at = pw.DateTimeField(null=True)


class FormKey(Row):
    actor = pw.CharField()
    key = pw.CharField()
    request_digest = pw.CharField()
    location = pw.CharField()
    created_at = pw.DateTimeField()


class Reading(Row):
    organisation_id = pw.IntegerField()
    meter = pw.ForeignKeyField(Meter)
    contract_id = pw.IntegerField()
    account = pw.ForeignKeyField(Account)
    value_milli = pw.BigIntegerField()
    previous_milli = pw.BigIntegerField()
    rollover_milli = pw.BigIntegerField(default=0)
    read_on = pw.DateField()
    period = pw.CharField()
    source = pw.CharField(default="customer")
    is_current = pw.BooleanField(default=True)
    reference = pw.CharField()
    reason = pw.CharField(default="")
    recorded_at = pw.DateTimeField()


class Event(Row):
    organisation_id = pw.IntegerField()
    name = pw.CharField()
    at = pw.DateTimeField()
    actor = pw.CharField()
    subject = pw.CharField()
    account = pw.ForeignKeyField(Account)
    facts = pw.TextField()
    salt = pw.CharField()
    digest = pw.CharField()


class Message(Row):
    organisation_id = pw.IntegerField()
    kind = pw.CharField()
    account = pw.ForeignKeyField(Account)
    to = pw.CharField()
    name = pw.CharField()
    language = pw.CharField()
    facts = pw.TextField()
    dedupe_key = pw.CharField()
    lane = pw.IntegerField(default=5)
    state = pw.CharField(default="new")
    created_at = pw.DateTimeField()
    next_at = pw.DateTimeField()
    tries = pw.IntegerField(default=0)
    error = pw.CharField(default="")


class ReadingForm(FlaskForm):
    form_key = StringField(validators=[InputRequired(), Regexp(r"^[A-Za-z0-9_-]{16,40}$")])
    meter = StringField(validators=[InputRequired(), UUID()])
    value = DecimalField(places=3, validators=[InputRequired(), NumberRange(min=0, max=Decimal("999999.999"))])


def create(url: str) -> Flask:
    """The application over the database at `url`: GET /start/<account> signs in and answers with the token, POST /readings/<account>."""
    database.initialize(_open(url))
    site = Flask("stock")
    site.secret_key = hashlib.sha256(url.encode()).hexdigest()  # the same in all workers
    CSRFProtect(site)
    login = LoginManager(site)
    login.user_loader(lambda number: Account.get_or_none(Account.id == int(number)))
    site.before_request(lambda: database.connect() and None)
    site.teardown_request(lambda _: None if database.is_closed() else database.close() and None)

    @site.get("/start/<int:account>")
    def start(account: int) -> str:
        login_user(Account.get_by_id(account))
        return str(generate_csrf())

    @site.post("/readings/<int:account>")
    @login_required
    def post(account: int) -> Any:
        form = ReadingForm()
        if not form.validate_on_submit() or current_user.id != account:
            abort(400)
        with database.atomic():
            return redirect(_declare(form))

    return site


def _open(url: str) -> Any:
    if url.startswith("sqlite"):
        pragmas = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "cache_size": -32000}
        return PooledSqliteDatabase(url.removeprefix("sqlite:///"), pragmas=pragmas)
    return PooledPostgresqlDatabase(url, prefer_psycopg3=True)


def _declare(form: ReadingForm) -> str:
    """Check and write; where the receipt is."""
    who, at, today, milli = f"account:{current_user.id}", datetime.now(UTC).replace(tzinfo=None), clock.today(), int(form.value.data * 1000)
    earlier = FormKey.get_or_none((FormKey.actor == who) & (FormKey.key == form.form_key.data))
    if earlier:
        return str(earlier.location)
    mine = Membership.select(Membership.contract_id).where((Membership.account == current_user.id) & Membership.until_at.is_null())
    meter = Meter.get_or_none((Meter.public_id == uuid.UUID(form.meter.data)) & Meter.contract_id.in_(mine))
    if meter is None:
        abort(404)
    period, reference = clock.period(today), secrets.token_hex(4).upper()
    here = (Reading.meter == meter) & Reading.is_current
    last = Reading.select().where(here & (Reading.period < period)).order_by(Reading.period.desc()).first()
    if last and milli < last.value_milli:
        abort(400)
    digest = hashlib.sha256(form.form_key.data.encode()).hexdigest()
    FormKey.create(actor=who, key=form.form_key.data, request_digest=digest, location=f"/{reference}", created_at=at)
    Reading.update(is_current=False).where(here & (Reading.period == period)).execute()
    made = Reading.create(
        organisation_id=meter.organisation_id, meter=meter, contract_id=meter.contract_id, account=current_user.id, value_milli=milli,
        previous_milli=last.value_milli if last else 0, read_on=today, period=period, reference=reference, recorded_at=at,
    )  # fmt: skip
    facts, salt = json.dumps({"meter": meter.number, "value_milli": milli, "read_on": str(today)}), secrets.token_hex(8)
    Event.create(
        organisation_id=meter.organisation_id, name="reading.declared", at=at, actor=who, subject=f"reading:{made.id}",
        account=current_user.id, facts=facts, salt=salt, digest=hashlib.sha256((salt + facts).encode()).hexdigest(),
    )  # fmt: skip
    Message.create(
        organisation_id=meter.organisation_id, kind="reading_declared", account=current_user.id, to=current_user.email,
        name=current_user.name, language="lt", facts=facts, dedupe_key=f"reading_declared:{meter.organisation_id}:{reference}",
        created_at=at, next_at=at,
    )  # fmt: skip
    return f"/{reference}"
