"""Sharing what one holds with another person's e-mail address, and what others share with oneself (CV-22..CV-27)."""

import uuid
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _

import web
from customer import forms, words
from models import Account, Contract, Share
from rules import access, invitations, sharing

pages = Blueprint("shares", __name__)


@pages.route("/contracts/<uuid:public_id>/share", methods=["GET", "POST"])
@web.once
def give(public_id: uuid.UUID) -> Any:
    """Share a contract with one address. The answer is the same whoever has that address (T09)."""
    contract, account = web.reach(Contract, public_id, "contract.share"), web.viewer()
    if not sharing.may_share(account, contract):
        abort(404)
    form, back = forms.ShareForm(), url_for("contracts.view", public_id=public_id)
    if form.validate_on_submit():
        with web.asking(form):
            made = sharing.share(account, contract, email=form.email.data, last_on=form.last_on.data, site_url=web.site_url())
            web.tell(_("Shared. We have written to %(email)s how to see it.", email=made.email))
            return redirect(back)
    return render_template("customer/share.html", form=form, contract=contract, back_url=back, deeds=", ".join(_deeds(account)))


@pages.route("/shares/<uuid:public_id>/end", methods=["GET", "POST"])
@web.once
def end(public_id: uuid.UUID) -> Any:
    """End a share that one gave: what happens then, and one button (CV-27)."""
    share, account = web.reach(Share, public_id, "contract.share"), web.viewer()
    back = url_for("contracts.view", public_id=share.contract.public_id)
    if not sharing.may_end(account, share):
        abort(404)
    form = web.Form()
    if form.validate_on_submit():
        with web.asking(form):
            sharing.end(account, share)
            web.tell(_("It is no longer shared with %(email)s.", email=share.email))
            return redirect(back)
    return render_template("customer/end_share.html", form=form, share=share, back_url=back)


@pages.route("/shared-with-me", methods=["GET", "POST"])
@web.once
def offered() -> Any:
    """What others share with this account's address: take it or decline it (CV-24)."""
    account, form = web.viewer(), web.Form()
    if form.validate_on_submit():
        share = sharing.offer(account, _named(request.form.get("share", "")))
        with web.asking(form):
            if request.form.get("step") == "decline":
                sharing.decline(account, share)
                web.tell(_("Declined: it is not shared with you."))
                return redirect(url_for("home.index"))
            sharing.accept(account, share)
            web.tell(words.unit("added"))
            may_view = access.allows(account, "contract.view", share.contract)
            return redirect(url_for("contracts.view", public_id=share.contract.public_id) if may_view else url_for("home.index"))
    return render_template("customer/shared_with_me.html", form=form, offers=sharing.offers(account), account=account)


def notice(account: Account) -> dict[str, Any]:
    """What a page of contracts says of sharing and invitations: what is offered, or that it will be shown once the address is confirmed."""
    may_be_offered = sharing.is_on(account.organisation) and account.email_confirmed_at is None
    return {"offers": sharing.offers(account), "invited": invitations.to(account), "may_be_offered": may_be_offered}


def _deeds(account: Account) -> list[str]:
    allowed = sharing.allows(account.organisation)
    return [_(word).lower() for deed, word in access.CUSTOMER_DEEDS.items() if deed in allowed]


def _named(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        abort(404)
