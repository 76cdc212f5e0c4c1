"""Signing in and out, and the ways back in: a lock that need not be waited for, a password that is no longer known."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

import i18n
import web
from customer import forms
from customer.ways import ways
from models import Account
from rules import accounts, confirmations, sessions
from rules.refusal import Refused

pages = Blueprint("sign_in", __name__)
DEVICE = "device"
DEVICE_KNOWN_SECONDS = 365 * 24 * 3600


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    """E-mail and password (PS-04). Wrong ones are counted, so this is no `web.once`: a second time is a second try."""
    onwards = web.safe_next(request.args.get("next"), url_for("home.index"))
    if web.viewer() is not None:
        return redirect(onwards)
    form = forms.SignInForm()
    if form.validate_on_submit():
        with web.asking(form):
            try:
                account = accounts.sign_in(
                    web.here(),
                    form.email.data,
                    form.password.data,
                    source=web.source(),
                    device=request.cookies.get(DEVICE),
                    site_url=web.site_url(),
                )
            except accounts.Locked as locked:
                session["locked"] = {"login": form.email.data, "until": locked.until and locked.until.isoformat()}
                return redirect(url_for("sign_in.locked"))
            return let_in(account, onwards)
    return render_template("customer/sign_in.html", form=form, ways=ways("sign_in").values(), onwards=request.args.get("next"))


def let_in(account: Account, onwards: str, *, by_login: bool = False) -> Response:
    """Sign this browser in, and know it from now on: what others type wrong does not lock it out (M05)."""
    web.sign_in(account, by_login=by_login)
    response = make_response(redirect(onwards))
    response.set_cookie(
        DEVICE,
        sessions.remember_device(account, request.cookies.get(DEVICE)),
        max_age=DEVICE_KNOWN_SECONDS,
        path=f"{request.script_root}/",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


@pages.post("/sign-out")
@web.once
def sign_out() -> Any:
    """Leave, in this browser."""
    accounts.sign_out(web.viewer())
    web.sign_out()
    return redirect(url_for("sign_in.sign_in"))


# ---- a lock (IB-60, M05) ----------------------------------------------------------------------------------------------


@pages.route("/locked", methods=["GET", "POST"])
@web.once
def locked() -> Any:
    """Until when, and how not to wait: the link in the mail, sent once more if asked."""
    known = session.get("locked")
    if not known:
        return redirect(url_for("sign_in.sign_in"))
    if request.method == "POST":
        accounts.ask_unlock(web.here(), known["login"], site_url=web.site_url())
        web.tell(_("If there is an account with this e-mail, the letter is on its way."))
        return redirect(url_for("sign_in.locked"))
    until = known["until"] and datetime.fromisoformat(known["until"])
    return render_template("customer/locked.html", until=until, ways=[way for way in ways("sign_in").values() if way.is_strong])


@pages.route("/unlock/<token>", methods=["GET", "POST"])
@web.once
def unlock(token: str) -> Any:
    """The link of the mail: a button, because mail scanners open links too (T46)."""
    form = forms.confirm_form(asks_password=False)
    try:
        confirmations.find("unlock", token, web.here())
        if form.validate_on_submit():
            accounts.unlock_by_link(web.here(), token)
            session.pop("locked", None)
            web.tell(_("You can sign in again."))
            return redirect(url_for("sign_in.sign_in"))
    except Refused as no:
        return over(no, url_for("sign_in.sign_in"), _("Sign in"))
    lead = _("Someone typed a wrong password too many times. If you know yours, you need not wait any longer.")
    return confirm_page(form, title=_("Unlock your account"), lead=lead, button=_("Unlock my account"))


# ---- a forgotten password ---------------------------------------------------------------------------------------------


@pages.route("/forgotten-password", methods=["GET", "POST"])
@web.once
def forgotten_password() -> Any:
    """Ask for a link to set a new one: the same answer whether anyone has the address (T47)."""
    form = forms.AddressForm()
    if form.validate_on_submit():
        with web.asking(form):
            accounts.ask_password_reset(web.here(), form.email.data, source=web.source(), language=i18n.language(), site_url=web.site_url())
            session["mail_to"] = form.email.data
            return redirect(url_for("sign_in.reset_sent"))
    return render_template("customer/forgotten_password.html", form=form)


@pages.get("/forgotten-password/sent")
def reset_sent() -> Any:
    """Where to look now."""
    email, minutes = session.get("mail_to"), accounts.RESET_MINUTES
    if email:
        text = _("We have sent a letter to %(email)s. Its link is good for %(minutes)s minutes.", email=email, minutes=minutes)
    else:
        text = _("We have sent you a letter. Its link is good for %(minutes)s minutes.", minutes=minutes)
    return render_template("customer/check_mail.html", text=text)


@pages.route("/reset-password/<token>", methods=["GET", "POST"])
@web.once
def reset_password(token: str) -> Any:
    """Set a new password by the link of the mail; opening it changes nothing."""
    form = forms.new_password_form(web.here(), asks_current=False)
    try:
        accounts.find_reset(web.here(), token)
    except Refused as no:
        return over(no, url_for("sign_in.forgotten_password"), _("Have a new link sent"))
    if form.validate_on_submit():
        with web.asking(form):
            accounts.reset_password(web.here(), token, form.password.data, site_url=web.site_url())
            session.pop("locked", None)
            web.tell(_("Your new password is set. Sign in with it."))
            return redirect(url_for("sign_in.sign_in"))
    return render_template("customer/reset_password.html", form=form)


# ---- what pages behind a mail's link share ----------------------------------------------------------------------------


def confirm_page(form: forms.ConfirmForm, *, title: str, lead: str, button: str) -> str:
    """One button that does what a link is for."""
    return render_template("customer/confirm.html", form=form, title=title, lead=lead, button=button)


def over(no: Refused, url: str, act: str) -> Any:
    """A link that does nothing any more, and what to do instead."""
    page = render_template(
        "customer/message.html", title=_("This link no longer works"), text=i18n.say(no), url=url, act=act, kind="", icon_name="info"
    )
    return page, 410
