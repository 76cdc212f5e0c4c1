"""Paying for a contract that is somebody else's: what is owed and by when, and nothing more of it (IR-09, T98)."""

import uuid
from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from flask_babel import gettext as _

import web
from customer import forms
from customer.pages.contracts import chosen_provider
from models import Account, ThirdPartyPayer
from rules import clock, proof, settings, third_party_payers

pages = Blueprint("payers", __name__)


@pages.get("/paying-for-others")
def index() -> Any:
    """What this account pays for others: how much, by when and how."""
    account = _viewer()
    return render_template("customer/paying_for_others.html", rows=third_party_payers.due(account, clock.today()))


@pages.route("/paying-for-others/add", methods=["GET", "POST"])
@web.once
def add() -> Any:
    """Add somebody else's bill to pay it, by its payer code and number (T98)."""
    account = _viewer()
    providers = proof.providers(account.organisation)
    chosen = chosen_provider(providers) if settings.of(account.organisation).claim_provider else None
    if settings.of(account.organisation).claim_provider and chosen is None:
        return render_template("customer/choose_provider.html", providers=providers, to="payers.add", back_url=url_for("payers.index"))
    form = forms.pay_form(account.organisation, [chosen] if chosen else providers)
    if form.validate_on_submit():
        with web.asking(form):
            third_party_payers.add(
                account,
                provider=chosen,
                payer_code=form.payer_code.data,
                invoice_number=form.invoice_number.data,
                invoice_total_cents=form.invoice_total.data if "invoice_total" in form else None,
                name=form.called.data or "",
                site_url=web.site_url(),
                source=web.source(),
            )
            web.tell(_("Added: here you see how much to pay, by when and how."))
            return redirect(url_for("payers.index"))
    return render_template(
        "customer/attach_contract.html",
        form=form,
        chosen=chosen,
        may_choose=len(providers) > 1,
        may_pay_for_others=True,
        is_for_another=True,
    )


@pages.route("/paying-for-others/<uuid:public_id>/remove", methods=["GET", "POST"])
@web.once
def remove(public_id: uuid.UUID) -> Any:
    """The payer pays for it no more: one button."""
    payer, account, form = web.reach(ThirdPartyPayer, public_id, "thirdpartypayer.remove"), _viewer(), web.Form()
    if form.validate_on_submit():
        with web.asking(form):
            third_party_payers.remove(account, payer)
            web.tell(_("Removed: it is no longer among what you pay for others."))
            return redirect(url_for("payers.index"))
    row = next((row for row in third_party_payers.due(account, clock.today()) if row.public_id == public_id), None) or abort(404)
    return render_template("customer/remove_payment.html", form=form, row=row)


@pages.route("/payers/<uuid:public_id>/end", methods=["GET", "POST"])
@web.once
def end(public_id: uuid.UUID) -> Any:
    """Whoever has the contract ends that somebody else pays for it: what happens then, and one button."""
    payer, account, form = web.reach(ThirdPartyPayer, public_id, "contract.end_payer"), web.viewer(), web.Form()
    back = url_for("contracts.view", public_id=payer.contract.public_id)
    if form.validate_on_submit():
        with web.asking(form):
            third_party_payers.end(account, payer)
            web.tell(_("They no longer see what you owe."))
            return redirect(back)
    return render_template("customer/end_payer.html", form=form, contract=payer.contract, since_at=payer.since_at, back_url=back)


def _viewer() -> Account:
    """The customer, where the organisation lets customers pay for others."""
    account: Account = web.viewer()
    if not third_party_payers.is_on(account.organisation):
        abort(404)
    return account
