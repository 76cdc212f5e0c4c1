"""Staff who look at the site as a customer sees it: in by a link that works once, and out again (M03, N03)."""

import uuid
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask_babel import gettext as _

import web
from customer import forms
from customer.pages.sign_in import confirm_page
from models import Account
from rules import visits
from rules.refusal import Refused

pages = Blueprint("visits", __name__)


@pages.route("/visit/<uuid:public_id>/<token>", methods=["GET", "POST"])
@web.once
def begin(public_id: uuid.UUID, token: str) -> Any:
    """What the backoffice leads to: one button, so that opening the link changes nothing."""
    form = forms.confirm_form(asks_password=False)
    try:
        visit = visits.find(web.here(), public_id, token)
        if form.validate_on_submit():
            web.visit(visit)
            return redirect(url_for("home.index"))
    except Refused:
        return _over()
    lead = _(
        "For %(minutes)s minutes you see what %(name)s sees. Nothing can be changed or sent, and the customer gets a letter about it.",
        minutes=int(visits.LASTS.total_seconds()) // 60,
        name=visit.account.name,
    )
    return confirm_page(form, title=_("See the site as the customer sees it"), lead=lead, button=_("Begin"))


@pages.post("/visit/end")
@web.once
def end() -> Any:
    """The one thing that may be sent during a visit."""
    account = web.viewer()
    visit = visits.of(account) if isinstance(account, Account) else None
    if visit is not None:
        visits.leave(visit, by=visit.staff)
    web.sign_out()
    return redirect(url_for("visits.over"))


@pages.get("/visit/over")
def over() -> Any:
    """Back to the backoffice: on another host, so by a link."""
    return _over()


def _over() -> Any:
    return render_template(
        "customer/message.html",
        title=_("You no longer see the site as the customer does"),
        text=_("The time is over, it was ended, or the link was used already. In the backoffice you can ask anew."),
        url=current_app.config["SAVITARNA"].staff_url,
        act=_("To the backoffice"),
        kind="lock",
        icon_name="lock",
    )


@pages.post("/account/visit/stop")
@web.once
def stop() -> Any:
    """The customer wants nobody to look, or to ask."""
    visits.stop(web.viewer())
    web.tell(_("Nobody looks at your account any more."))
    return redirect(url_for("account.view"))
