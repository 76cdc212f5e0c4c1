"""Declaring what meters show, one or all, the receipt, and all readings there have been (CV-31..35)."""

import uuid
from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from flask_babel import gettext as _

import formats
import i18n
import web
from customer import downloads, forms, turning
from models import Account, Meter, Reading
from rules import access, clock, contracts, history, readings, settings
from rules.paging import Page
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
    return _declare([row for row in readings.declarable(web.viewer(), clock.today(), only=meter.contract_id) if row.meter == meter])


@pages.get("/readings/<reference>")
def declared(reference: str) -> Any:
    """The receipt: what was stored, and what happens next."""
    stored = readings.by_reference(web.viewer(), reference)
    if not stored:
        abort(404)
    account, today = web.viewer(), clock.today()
    windows = [readings.window(account.organisation, today, reading.contract.building) for reading in stored]
    rows = [row for row in readings.declarable(account, today) if readings.window_of(row.meter, today).is_open]
    told = readings.of_month([row.meter for row in rows], clock.period(today))
    return render_template(
        "customer/declared.html",
        readings=stored,
        called=readings.names(account, [reading.meter for reading in stored]),
        waiting=[row for row in rows if row.meter.id not in told],
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
    form = forms.declare_form(meters, {row.meter.id: row.called for row in rows})
    if form.are_strangers_named():
        abort(404)
    if form.validate_on_submit():
        try:
            stored = readings.declare_all(form.values(), on=today, by=account, sure=form.sure_of())
            return redirect(url_for("readings.declared", reference=stored[0].reference))
        except readings.NotDeclared as no:
            _tell(form, no.why)
    told = readings.of_month(meters, clock.period(today), seen_by=account)
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


def _tell(form: forms.DeclareForm, why: dict[Meter, Refused]) -> None:
    """Put what the rule says of each meter at its own field; what is doubtful becomes one question."""
    questions: dict[Meter, str] = {}
    for meter, no in why.items():
        no.field = form.of(meter).name if no.field else None
        with web.asking(form):
            raise no
        if form.doubt:
            questions[meter], form.doubt = form.doubt, None
    if questions and not form.errors:
        form.doubt_about(questions)


# ---- all readings (CV-35) ---------------------------------------------------------------------------------------------


@pages.get("/readings")
def index() -> Any:
    """All readings of what I may see, or those that the filters leave, newest first, a page at a time."""
    account = web.viewer()
    form, chosen = _chosen(account)
    page = history.page(account, chosen, **turning.marks()) if chosen else Page([])
    asked = form.asked()
    mine = access.contracts_allowing(account, "meter.view")
    return render_template(
        "customer/readings.html",
        form=form,
        asked=asked,
        rows=[(reading, history.called(reading.meter), reading.meter.contract_id in mine) for reading in page.rows],
        has_any=len(form.meter.choices) > 1,
        **turning.links(page, "readings.index", **asked),
    )


@pages.get("/readings/table")
def table() -> Any:
    """The chosen readings as a table that a spreadsheet opens."""
    account = web.viewer()
    form, chosen = _chosen(account)
    found = history.whole(account, chosen) if chosen else []
    if len(found) > history.MOST_AT_ONCE:
        web.tell(_("There are more than %(most)s readings. Choose the days, or one meter.", most=history.MOST_AT_ONCE), "warning")
    if not chosen or len(found) > history.MOST_AT_ONCE:
        return redirect(url_for("readings.index", **form.asked()))
    headings = [
        _("Date"), _("Kind"), _("Meter"), _("Your name for it"), _("Payer code"), _("Address"), _("From"), _("To"), _("Difference"),
        _("Unit"), _("Read by"), _("Reason"), _("Counts"),
    ]  # fmt: skip
    name = formats.file_name(_("readings"))
    return downloads.file(downloads.table(headings, map(_cells, found)), f"{name}.csv", "text/csv")


def _chosen(account: Account) -> tuple[forms.HistoryForm, history.Chosen | None]:
    """The form as the address fills it in, and what it asks for: None where a day cannot be read. What is not mine or not there is a
    404."""
    meters = history.meters(account)
    places = [held.contract for held in contracts.held(account) if "meter.view" in held.access_type.deeds]
    form = forms.history_form(meters, places)
    asked = form.asked()
    if asked.get("which", "counting") != "counting":
        abort(404)
    meter = _named(asked.get("meter"), {str(meter.public_id): meter for meter in meters})
    kind = _named(asked.get("kind"), {meter.kind.code: meter.kind for meter in meters})
    contract = _named(asked.get("contract"), {str(place.public_id): place for place in places})
    if not form.validate():
        return form, None
    return form, history.Chosen(kind, contract, meter, form.since.data, form.until.data, only_current="which" in asked)


def _named(name: str | None, offered: dict[str, Any]) -> Any:
    return None if name is None else offered[name] if name in offered else abort(404)


def _cells(reading: Reading) -> list[str]:
    meter, kind, contract = reading.meter, reading.meter.kind, reading.contract
    said = [kind.name(i18n.language()), meter.number, history.called(meter), contract.payer_code, contract.address]
    figures = [reading.previous_milli, reading.value_milli, reading.used_milli]
    who = i18n.choice(reading.staff, "role") if reading.staff else i18n.choice(reading, "source")
    return [
        str(reading.read_on),
        *(formats.harmless(text) for text in said),
        *("" if milli is None else downloads.decimal(milli, 3) for milli in figures),
        formats.harmless(kind.unit),
        who,
        formats.harmless(reading.reason),
        _("Yes") if reading.is_current else _("No"),
    ]
