"""Meters as the bill shows them: from, to, difference (PS-14); one meter's readings."""

import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask_babel import gettext as _

import i18n
import web
from customer import forms, turning
from customer.pages.home import charts
from models import Meter
from rules import access, clock, history, readings, use

pages = Blueprint("meters", __name__)


@pages.get("/meters")
def index() -> Any:
    """All my meters by contract, with a notice where the provider reads them itself (CV-29, CV-30)."""
    account, today = web.viewer(), clock.today()
    places = readings.places(account)
    may = access.contracts_allowing(account, "reading.declare")
    windows = {place.window(today) for place in places}
    shown, links = turning.part(places, "meters.index")
    return render_template(
        "customer/meters.html",
        places=shown,
        **links,
        today=today,
        window=windows.pop() if len(windows) == 1 else None,
        may_declare=any(
            row.meter.is_in_use(today)
            for place in places
            if place.contract.id in may and place.is_declared_by_customers(today) and place.window(today).is_open
            for row in place.rows
        ),
        not_declared=_(readings.NOT_DECLARED),
        charts=charts(use.of(account, today)),
    )


@pages.get("/meters/<uuid:public_id>")
def view(public_id: uuid.UUID) -> Any:
    """One meter: twelve months as bars, its readings as a table."""
    meter, account, today = web.reach(Meter, public_id, "meter.view"), web.viewer(), clock.today()
    drawn = charts(use.of(account, today, meter=meter))
    return render_template(
        "customer/meter.html",
        meter=meter,
        readings=history.of_meter(account, meter),
        chart=drawn[0] if drawn else None,
        called=readings.names(account, [meter]).get(meter.id, ""),
        may_declare=readings.window_of(meter, today).is_open and any(row.meter == meter for row in readings.declarable(account, today)),
    )


@pages.route("/meters/<uuid:public_id>/name", methods=["GET", "POST"])
@web.once
def rename(public_id: uuid.UUID) -> Any:
    """Give a meter one's own name, such as the room it is in; nobody else sees it."""
    meter, account = web.reach(Meter, public_id, "meter.view"), web.viewer()
    back = url_for("meters.view", public_id=public_id)
    form = forms.MeterNameForm(data={"name": readings.names(account, [meter]).get(meter.id, "")})
    if form.validate_on_submit():
        with web.asking(form):
            readings.rename(meter, form.name.data, by=account)
            return redirect(back)
    return render_template(
        "customer/form.html",
        form=form,
        title=_("What do you call this meter?"),
        lead=readings.name(meter, i18n.language(), {}),
        button=_("Save"),
        back_url=back,
    )
