"""Declaring what meters show, one or all, and the receipt (CV-31..34)."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for

import web
from customer import forms
from models import Meter
from rules import clock, readings, settings
from rules.refusal import Refused

pages = Blueprint("readings", __name__)


@pages.route("/meters/declare-readings", methods=["GET", "POST"])
@web.once
def declare() -> Any:
    """All my meters on one screen; what is left empty is left for later (CV-34)."""
    return _declare(readings.declarable(web.viewer(), clock.today()))


@pages.route("/meters/<uuid:public_id>/declare-a-reading", methods=["GET", "POST"])
@web.once
def declare_one(public_id: uuid.UUID) -> Any:
    """One meter."""
    meter = web.reach(Meter, public_id, "reading.declare")
    return _declare([row for row in readings.declarable(web.viewer(), clock.today()) if row.meter == meter])


@pages.get("/readings/<reference>")
def declared(reference: str) -> Any:
    """The receipt: what was stored, and what happens next."""
    stored = readings.by_reference(web.viewer(), reference)
    if not stored:
        abort(404)
    account, today = web.viewer(), clock.today()
    windows = [readings.window(account.organisation, today, reading.contract.building) for reading in stored]
    return render_template(
        "customer/declared.html",
        readings=stored,
        called=readings.names(account, [reading.meter for reading in stored]),
        again_until=min(w.closes_on for w in windows) if all(w.is_open and w.opens_on <= stored[0].read_on for w in windows) else None,
        is_highest=settings.of(account.organisation).same_day_reading == "highest" and stored[0].read_on == today,
    )


def _declare(rows: list[readings.Row]) -> Any:
    account, today = web.viewer(), clock.today()
    if not rows:
        return redirect(url_for("meters.index"))
    windows = {row.meter: readings.window_of(row.meter, today) for row in rows}
    rows = [row for row in rows if windows[row.meter].is_open]
    if not rows:
        rules = settings.of(account.organisation)
        return render_template(
            "customer/window_closed.html",
            window=min(windows.values(), key=lambda window: window.opens_on),
            is_reminded=rules.remind_days_before > 0 or rules.remind_at_start,
        )
    meters = [row.meter for row in rows]
    closing = {windows[meter].closes_on for meter in meters}
    form = forms.declare_form(meters)
    if form.are_strangers_named():
        abort(404)
    if form.validate_on_submit() and _judge(form):
        with web.asking(form):
            stored = readings.declare_all(form.values(), on=today, by=account, sure=form.values())
            return redirect(url_for("readings.declared", reference=stored[0].reference))
    told = readings.of_month(meters, clock.period(today))
    return render_template(
        "customer/declare.html",
        form=form,
        entries=[
            {
                "meter": row.meter,
                "called": row.called,
                "last": row.reading,
                "field": form.of(row.meter),
                "closes_on": windows[row.meter].closes_on,
            }
            for row in rows
        ],
        declared=told,
        closes_on=closing.pop() if len(closing) == 1 else None,
        is_highest=settings.of(account.organisation).same_day_reading == "highest",
        today=today,
    )


def _judge(form: forms.DeclareForm) -> bool:
    """Ask the rule about each meter, so that each sentence stands at its own field; what is doubtful becomes one question."""
    questions: dict[Meter, str] = {}
    today = clock.today()
    told = readings.of_month(list(form.values()), clock.period(today))
    for meter, value in form.values().items():
        with web.asking(form), _about(form.of(meter).name):
            readings.judge(meter, readings.rounded(meter.kind, value), on=today, instead_of=told.get(meter.id), sure=form.is_sure(meter))
        if form.doubt:
            questions[meter], form.doubt = form.doubt, None
    if questions and not form.errors:
        form.doubt_about(questions)
    return not questions and not form.errors


@contextmanager
def _about(field: str) -> Iterator[None]:
    """What the rule says of a value belongs to this field."""
    try:
        yield
    except Refused as no:
        no.field = field if no.field else None
        raise
