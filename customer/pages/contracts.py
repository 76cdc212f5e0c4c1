"""The contracts of an account, and adding one by what the bill shows."""

import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask_babel import gettext as _

import web
from customer import forms, words
from models import Contract
from rules import access, billing, clock, contracts, readings

pages = Blueprint("contracts", __name__)
pages.app_context_processor(lambda: {"unit": words.unit})
NEWEST_BILLS = 6


@pages.get("/contracts")
def index() -> Any:
    """Those of my contracts that my access lets me see (IB-52)."""
    held = contracts.held(web.viewer())
    shown = [one for one in held if "contract.view" in one.access_type.deeds]
    rows = [{"contract": one.contract, "access": _word(one.access_type.name)} for one in shown]
    return render_template("customer/contracts.html", rows=rows, are_some_hidden=len(shown) < len(held))


@pages.get("/contracts/<uuid:public_id>")
def view(public_id: uuid.UUID) -> Any:
    """One contract with its meters and latest bills."""
    contract, account = web.reach(Contract, public_id, "contract.view"), web.viewer()
    held = next(one for one in contracts.held(account) if one.contract == contract)
    place = next((place for place in readings.places(account) if place.contract == contract), None)
    return render_template(
        "customer/contract.html",
        contract=held.contract,
        access=_word(held.access_type.name),
        meters=[row.meter for row in place.rows] if place else [],
        bills=billing.newest(account, NEWEST_BILLS, contract=contract),
        today=clock.today(),
    )


@pages.route("/contracts/add", methods=["GET", "POST"])
@web.once
def attach() -> Any:
    """Add a contract by the payer code, exactly as printed, and what the organisation asks beside it (K04)."""
    account = web.viewer()
    providers = contracts.providers(account.organisation)
    form = forms.attach_form(account.organisation, providers)
    if form.validate_on_submit():
        with web.asking(form):
            added = contracts.attach(
                account,
                provider=next((p for p in providers if "provider" in form and str(p.public_id) == form.provider.data), None),
                payer_code=form.payer_code.data,
                invoice_number=form.invoice_number.data if "invoice_number" in form else None,
                invoice_total_cents=form.invoice_total.data if "invoice_total" in form else None,
                source=web.source(),
            )
            web.tell(words.unit("added"))
            if access.allows(account, "contract.view", added.contract):
                return redirect(url_for("contracts.view", public_id=added.contract.public_id))
            return redirect(url_for("home.index"))
    return render_template("customer/attach_contract.html", form=form)


def _word(access_type: str) -> str:
    """What an access type is called."""
    return _(access.ACCESS_TYPES[access_type][0])
