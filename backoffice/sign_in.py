"""The door of the backoffice: password and one-time code together, an invitation that sets both, the way out."""

import segno
from flask import Blueprint, Response, abort, current_app, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from pyotp import TOTP
from werkzeug.wrappers import Response as Answer

import i18n
import web
from backoffice.fields import AcceptForm, SignInForm
from rules import sessions, staff
from rules.refusal import Refused

pages = Blueprint("sign_in", __name__)

DEVICE_DAYS = 180


@pages.route("/sign-in", methods=("GET", "POST"))
def sign_in() -> Answer | str:
    if set(request.args) - {"next"}:
        abort(400)
    here = web.safe_next(request.args.get("next"), url_for("admin.index"))
    if web.viewer() is not None:
        return redirect(here)
    form = SignInForm()
    if form.validate_on_submit():
        with web.asking(form):
            device = request.cookies.get(_device_cookie())
            person = staff.sign_in(form.email.data, form.password.data, form.code.data, source=web.source(), device_secret=device)
            web.sign_in(person)
            answer = redirect(here, 303)
            _know(answer, sessions.remember_device(person, device))
            return answer
    return render_template("backoffice/sign_in.html", form=form)


@pages.post("/sign-out")
@web.once
def sign_out() -> Answer:
    staff.sign_out(web.viewer())
    web.sign_out()
    return redirect(url_for("sign_in.sign_in"), 303)


@pages.route("/invitation/<token>", methods=("GET", "POST"))
def accept(token: str) -> Answer | str | Response:
    form = AcceptForm()
    try:
        person = staff.invited(token)
    except Refused as over:
        return make_response(render_template("backoffice/message.html", title=_("This invitation is over"), text=i18n.say(over)), 404)
    if form.validate_on_submit():
        with web.asking(form):
            web.sign_in(staff.accept(token, form.password.data, form.code.data))
            return redirect(url_for("admin.index"), 303)
    secret = staff.totp_secret(token)
    address = TOTP(secret).provisioning_uri(name=person.email, issuer_name=_("Backoffice"))
    picture = segno.make(address, error="m").svg_inline(omitsize=True, border=2, svgclass="qr", lineclass=None)
    return render_template(
        "backoffice/accept.html",
        form=form,
        name=person.name,
        qr=Markup(picture),  # noqa: S704 - drawn by the library from our own address: squares, no text
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
    )


@pages.get("/language/<code>")
def language(code: str) -> Answer:
    """Read the pages in another language, in this browser."""
    if code not in i18n.LANGUAGES or set(request.args) - {"next"}:
        abort(404)
    session["language"] = code
    return redirect(web.safe_next(request.args.get("next"), url_for("admin.index")))


def _device_cookie() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-device"


def _know(answer: Answer, secret: str) -> None:
    """Let this browser be known when it comes again: its own wrong passwords are counted apart (M05)."""
    answer.set_cookie(
        _device_cookie(),
        secret,
        max_age=DEVICE_DAYS * 86400,
        path=current_app.session_interface.get_cookie_path(current_app),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
