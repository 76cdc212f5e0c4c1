"""Invitations into a company: sent by who looks after its people, opened from a letter, taken or declined (IB-41..IB-46)."""

import uuid
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _

import web
from customer import forms
from customer.pages.company import word
from models import Account, Company, Invitation
from rules import companies, invitations

pages = Blueprint("invitations", __name__)


@pages.route("/companies/<uuid:public_id>/invite", methods=["GET", "POST"])
@web.once
def invite(public_id: uuid.UUID) -> Any:
    """Offer a place in the company to an address. The answer is the same whoever has that address (T09)."""
    company, account = web.reach(Company, public_id, "representative.change"), web.viewer()
    form, back = (
        forms.invite_form(companies.grants(companies.place(account, company)), company),
        url_for("companies.view", public_id=public_id),
    )
    if form.validate_on_submit():
        with web.asking(form):
            made = invitations.invite(account, company, email=form.email.data, access_type=form.access_type.data, site_url=web.site_url())
            web.tell(_("Invited. We have written to %(email)s.", email=made.email))
            return redirect(back)
    return render_template("customer/invite.html", form=form, company=company, back_url=back)


@pages.post("/invitations/<uuid:public_id>/send-again")
@web.once
def send_again(public_id: uuid.UUID) -> Any:
    """Write once more, with a new link; the one before no longer works."""
    invitation = web.reach(Invitation, public_id, "representative.change")
    form = web.Form()
    with web.asking(form):
        invitations.send_again(web.viewer(), invitation, site_url=web.site_url())
        web.tell(_("Sent again to %(email)s. The link before no longer works.", email=invitation.email))
    for text in form.form_errors:
        web.tell(text, "warning")
    return redirect(url_for("companies.view", public_id=invitation.company.public_id))


@pages.route("/invitations/<uuid:public_id>/revoke", methods=["GET", "POST"])
@web.once
def revoke(public_id: uuid.UUID) -> Any:
    """Take an invitation back: what happens then, and one button."""
    invitation = web.reach(Invitation, public_id, "representative.change")
    form, back = web.Form(), url_for("companies.view", public_id=invitation.company.public_id)
    if form.validate_on_submit():
        with web.asking(form):
            invitations.revoke(web.viewer(), invitation)
            web.tell(_("The invitation of %(email)s is taken back.", email=invitation.email))
            return redirect(back)
    return render_template(
        "customer/company_act.html",
        form=form,
        back_url=back,
        back_to=invitation.company.name,
        title_=_("Take back the invitation of %(email)s?", email=invitation.email),
        lead=_("The link in our letter no longer works from that moment on."),
        button=_("Take it back"),
    )


@pages.get("/invitation/<token>")
def opened(token: str) -> Any:
    """What a letter's link shows: to whom it was written, on to taking it; to anybody who is not signed in, how to get there; to
    somebody else, nothing (T08)."""
    found, account = invitations.of_token(web.here(), token), web.viewer()
    if isinstance(account, Account):
        if found is None or found.email_key != account.email_key:
            abort(404)
        return redirect(url_for("invitations.offered"))
    if found is None:
        return render_template(
            "customer/message.html", title=_("This link no longer works"), text=_(invitations.OVER),
            url=url_for("sign_in.sign_in"), act=_("Sign in"), kind="", icon_name="info",
        )  # fmt: skip
    return render_template("customer/invitation.html", invitation=found, token=token, word=word)


@pages.route("/invitations", methods=["GET", "POST"])
@web.once
def offered() -> Any:
    """What is offered to this account's address: take it or decline it (IB-45)."""
    account, form = web.viewer(), web.Form()
    if form.validate_on_submit():
        found = invitations.one_to(account, _named(request.form.get("invitation", "")))
        with web.asking(form):
            if request.form.get("step") == "decline":
                invitations.decline(account, found)
                web.tell(_("Declined."))
                return redirect(url_for("home.index"))
            invitations.accept(account, found)
            web.tell(_("You now represent %(company)s.", company=found.company.name))
            return redirect(url_for("companies.index"))
    return render_template("customer/invitations.html", form=form, invitations=invitations.to(account), account=account, word=word)


def _named(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        abort(404)
