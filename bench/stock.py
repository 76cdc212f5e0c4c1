"""The peer of the POST of a reading: a Flask application of Flask-Login, Flask-WTF and peewee as their documentation shows them, over
the same tables. It asks the same rules of a customer as the product (whose meter it is and what may be done with it, the days of the
month, what the meter showed, the usual use), and writes the same rows: the form's key, the reading, the event with its digest, the mail.

`database.atomic()` begins a transaction as SQLite does unless told otherwise: it takes the write lock with the first write. One
advantage for the peer: its connections are kept (playhouse.pool).
"""

import hashlib
import json
import secrets
import uuid
from datetime import UTC, date, datetime
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


class Setting(Row):
    organisation_id = pw.IntegerField()
    name = pw.CharField()
    value = pw.TextField()


class Provider(Row):
    declares_readings = pw.BooleanField()


class Building(Row):
    reading_opens_on = pw.IntegerField(null=True)
    reading_closes_on = pw.IntegerField(null=True)


class Contract(Row):
    provider = pw.ForeignKeyField(Provider)
    building = pw.ForeignKeyField(Building, null=True)
    ended_on = pw.DateField(null=True)


class AccessType(Row):
    deeds = pw.TextField()


class Membership(Row):
    account = pw.ForeignKeyField(Account)
    contract = pw.ForeignKeyField(Contract)
    access_type = pw.ForeignKeyField(AccessType)
    until_at = pw.DateTimeField(null=True)


class MeterKind(Row):
    decimals = pw.IntegerField()


class Meter(Row):
    organisation_id = pw.IntegerField()
    contract = pw.ForeignKeyField(Contract)
    kind = pw.ForeignKeyField(MeterKind)
    number = pw.CharField()
    installed_on = pw.DateField(null=True)
    removed_on = pw.DateField(null=True)


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
    opened = _open(url)
    site = Flask("stock")
    site.secret_key = hashlib.sha256(url.encode()).hexdigest()  # the same in all workers
    CSRFProtect(site)
    login = LoginManager(site)
    login.user_loader(lambda number: Account.get_or_none(Account.id == int(number)))
    site.before_request(lambda: database.initialize(opened) or (opened.connect() and None))
    site.teardown_request(lambda _: None if opened.is_closed() else opened.close() and None)

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
    meter = _meter(uuid.UUID(form.meter.data)) or abort(404)
    period, reference = clock.period(today), secrets.token_hex(4).upper()
    here = (Reading.meter == meter) & Reading.is_current
    told = Reading.get_or_none(here & (Reading.period == period))
    before = list(Reading.select().where(here & (Reading.period < period)).order_by(Reading.read_on.desc()).limit(13))
    if not _may_be(meter, milli, today, told, before):
        abort(400)
    digest = hashlib.sha256(form.form_key.data.encode()).hexdigest()
    FormKey.create(actor=who, key=form.form_key.data, request_digest=digest, location=f"/{reference}", created_at=at)
    if told:
        told.is_current = False
        told.save()
    made = Reading.create(
        organisation_id=meter.organisation_id, meter=meter, contract_id=meter.contract_id, account=current_user.id, value_milli=milli,
        previous_milli=before[0].value_milli if before else 0, read_on=today, period=period, reference=reference, recorded_at=at,
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


def _meter(public_id: uuid.UUID) -> Meter | None:
    """The meter with what it belongs to, where the customer may declare its readings."""
    held = Membership.select(Membership, AccessType).join(AccessType)
    held = held.where((Membership.account == current_user.id) & Membership.until_at.is_null())
    mine = [membership.contract_id for membership in held if "reading.declare" in json.loads(membership.access_type.deeds)]
    rows = Meter.select(Meter, MeterKind, Contract, Provider, Building).join(MeterKind).switch(Meter).join(Contract).join(Provider)
    rows = rows.switch(Contract).join(Building, pw.JOIN.LEFT_OUTER)
    found: Meter | None = rows.where((Meter.public_id == public_id) & Meter.contract.in_(mine)).first()
    return found


def _may_be(meter: Meter, milli: int, today: date, told: Reading | None, before: list[Reading]) -> bool:
    """Whether the meter may show this today: it is the time, and it is no less and not far more than before."""
    place, house = meter.contract, meter.contract.building
    said = {row.name: json.loads(row.value) for row in Setting.select().where(Setting.organisation_id == meter.organisation_id)}
    opens = house.reading_opens_on if house and house.reading_opens_on else said.get("reading_opens_on", 1)
    closes = house.reading_closes_on if house and house.reading_closes_on else said.get("reading_closes_on", 31)
    if not (place.provider.declares_readings and opens <= today.day <= closes and (place.ended_on is None or place.ended_on > today)):
        return False
    if (meter.installed_on and meter.installed_on > today) or (meter.removed_on and meter.removed_on <= today):
        return False
    if milli % 10 ** (3 - meter.kind.decimals) or (told and told.source == "staff" and told.read_on == today):
        return False
    if len(before) < 3:
        return not before or milli >= before[0].value_milli
    months = clock.months_between(before[-1].period, before[0].period)
    usual = (before[0].value_milli - before[-1].value_milli) // months
    return 0 <= milli - before[0].value_milli <= max(3 * usual * clock.months_between(before[0].period, clock.period(today)), 10_000)
