"""My account: password, phone, what I agreed to, where I am signed in; the links by which its e-mail is confirmed or changed."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _

import i18n
import web
from customer import forms
from customer.pages.sign_in import confirm_page, over
from customer.ways import ways
from models import ROLES
from rules import (
    access,
    accounts,
    companies,
    confirmations,
    consents,
    email_changes,
    identities,
    invitations,
    registration,
    sessions,
    settings,
    visits,
)
from rules.refusal import Refused

pages = Blueprint("account", __name__)


@pages.get("/account")
def view() -> Any:
    """Everything about the account itself, each with its one act."""
    account = web.viewer()
    asked = consents.of(account)
    agreements = [
        {"name": text.text_en if i18n.language() == "en" else text.text_lt, "given_at": consent and consent.given_at}
        for text, consent in asked
    ]
    return render_template(
        "customer/account.html",
        account=account,
        asks_name=settings.of(account.organisation).signup_names != "none",
        consents=agreements,
        may_change_consents=any(not text.is_required or consent is None for text, consent in asked),
        has_companies=bool(companies.held(account) or invitations.to(account)),
        sessions=sessions.others(account),
        this_session=account.session.id,
        device=device,
        identities=identities.of(account),
        strong_ways=bool(ways("confirm")),
        logins=ways("link").values(),
        method_title=identities.title,
        changes_email=_changes_email(account),
        asked=visits.code_for(account),
        role=lambda name: _(dict(ROLES)[name]),
        looked_at=visits.now_at(account) if visits.of(account) is None else None,
    )


def _changes_email(account: Any) -> bool:
    """Whether the organisation lets customers change their e-mail themselves (K10)."""
    return settings.of(account.organisation).email_change == "self"


# What a browser calls itself, by a word in its long name; the first that is found holds.
BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def device(user_agent: str) -> str:
    """A browser as its owner would recognise it: Firefox, Windows."""
    found = [next((name for word, name in known.items() if word in user_agent), None) for known in (BROWSERS, SYSTEMS)]
    return ", ".join(name for name in found if name) or _("Unknown device")


@pages.route("/account/password", methods=["GET", "POST"])
@web.once
def change_password() -> Any:
    """CV-36."""
    account = web.viewer()
    form = forms.new_password_form(account.organisation, asks_current=True)
    if form.validate_on_submit():
        with web.asking(form):
            accounts.change_password(
                account, current=form.current.data, new=form.password.data, session=web.session_secret(), site_url=web.site_url()
            )
            web.tell(_("Your password is changed. You have been signed out everywhere else."))
            return redirect(url_for("account.view"))
    return _form(form, title=_("Change the password"), button=_("Change the password"))


@pages.route("/account/email", methods=["GET", "POST"])
@web.once
def change_email() -> Any:
    """K10: by the customer's own hand, where the organisation lets them."""
    account, form = web.viewer(), forms.EmailForm()
    if not _changes_email(account):
        return redirect(url_for("account.view"))
    if form.validate_on_submit():
        with web.asking(form):
            email_changes.ask_by_customer(account, email=form.email.data, password=form.current.data, site_url=web.site_url())
            web.tell(_("We have sent a letter to %(email)s. Your address changes when you open its link.", email=form.email.data))
            return redirect(url_for("account.view"))
    lead = _("You go on signing in with %(email)s until the new address is confirmed. Both addresses get a letter.", email=account.email)
    return _form(form, title=_("Change the e-mail"), button=_("Send the letter"), lead=lead)


@pages.route("/account/phone", methods=["GET", "POST"])
@web.once
def change_phone() -> Any:
    """CV-38."""
    account = web.viewer()
    form = forms.PhoneForm(obj=account)
    if form.validate_on_submit():
        with web.asking(form):
            if accounts.change_phone(account, form.phone.data, session=web.session_secret()):
                web.tell(_("Your phone number is changed."))
            return redirect(url_for("account.view"))
    return _form(form, title=_("Change the phone number"), button=_("Save"))


@pages.route("/account/consents", methods=["GET", "POST"])
@web.once
def change_consents() -> Any:
    """Give or withdraw each by itself (K21)."""
    account = web.viewer()
    form = forms.consents_form(account)
    if form.validate_on_submit():
        with web.asking(form):
            kept = {text.id for text, consent in consents.of(account) if consent and f"consent_{text.kind}" not in form}
            if consents.change(account, kept | forms.agreed(form, account.organisation)):
                web.tell(_("Your answers are saved."))
            return redirect(url_for("account.view"))
    lead = _("You can take back an optional one at any time.")
    return _form(form, title=_("What you agree to"), button=_("Save"), lead=lead)


def _form(form: Any, *, title: str, button: str, lead: str = "") -> str:
    return render_template("customer/form.html", form=form, title=title, lead=lead, button=button, back_url=url_for("account.view"))


@pages.post("/account/sign-out-everywhere")
@web.once
def sign_out_everywhere() -> Any:
    """Every browser, this one too."""
    accounts.sign_out_everywhere(web.viewer())
    web.sign_out()
    web.tell(_("You have been signed out everywhere."))
    return redirect(url_for("sign_in.sign_in"))


@pages.get("/identity")
def identity() -> Any:
    """Which level of identity is reached, which one is needed, and how to get it (K03, AG-10, AG-18..22)."""
    account = web.viewer()
    asked = request.args.get("need", "")
    needed = asked if asked in settings.LEVELS else access.lacking_anywhere(account) or "strong"
    return render_template(
        "customer/identity.html",
        account=account,
        level=access.level(account),
        needed=needed,
        identity=identities.strong(account),
        method_title=identities.title,
        ways=ways("confirm").values(),
        onwards=web.safe_next(request.args.get("next"), ""),
    )


# ---- the e-mail address -----------------------------------------------------------------------------------------------


@pages.post("/account/send-confirmation")
@web.once
def send_confirmation() -> Any:
    """The link that confirms the address, once more (CV-15)."""
    try:
        registration.send_confirmation(web.viewer(), site_url=web.site_url())
        web.tell(_("The letter is on its way."))
    except Refused as no:
        web.tell(i18n.say(no), "warning")
    return redirect(url_for("account.view"))


@pages.route("/confirm-email/<token>", methods=["GET", "POST"])
@web.once
def confirm_email(token: str) -> Any:
    """The link for an account that was opened without it; whoever is not signed in to it gives its password (T10)."""
    organisation, viewer = web.here(), web.viewer()
    try:
        row = confirmations.find("confirm_email", token, organisation)
    except Refused as no:
        return over(no, url_for("account.view"), _("My account"))
    form = forms.confirm_form(asks_password=viewer is None or row.account != viewer)
    if form.validate_on_submit():
        with web.asking(form):
            typed = form.password.data if "password" in form else ""
            registration.confirm_email(organisation, token, viewer=viewer, password=typed)
            web.tell(_("Your e-mail address is confirmed."))
            return redirect(url_for("account.view"))
    lead = _("Confirm that this address is yours, and we can write to you about your account.")
    return confirm_page(form, title=_("Confirm your e-mail address"), lead=lead, button=_("Confirm my address"))


@pages.route("/confirm-new-email/<token>", methods=["GET", "POST"])
@web.once
def confirm_new_email(token: str) -> Any:
    """The second step of a change that customer service began (CV-37)."""
    organisation, form = web.here(), forms.confirm_form(asks_password=False)
    try:
        change = email_changes.find(organisation, token)
        if form.validate_on_submit():
            email_changes.confirm(organisation, token, site_url=web.site_url())
            web.sign_out()
            web.tell(_("Your new e-mail address is confirmed. Sign in with it; the password is the same."))
            return redirect(url_for("sign_in.sign_in"))
    except Refused as no:
        return over(no, url_for("sign_in.sign_in"), _("Sign in"))
    lead = _(
        "From then on you sign in with %(new)s instead of %(old)s, and are signed out everywhere.", new=change["new"], old=change["old"]
    )
    return confirm_page(form, title=_("Confirm your new e-mail address"), lead=lead, button=_("Confirm the new address"))


@pages.route("/undo-email/<token>", methods=["GET", "POST"])
@web.once
def undo_email(token: str) -> Any:
    """The link at the old address: it stops a change, or takes it back (M04)."""
    organisation, form = web.here(), forms.confirm_form(asks_password=False)
    try:
        change, has_effect = email_changes.find_undo(organisation, token)
        if form.validate_on_submit():
            email_changes.undo(organisation, token)
            web.sign_out()
            web.tell(_("You sign in with %(old)s, as before. If someone may know your password, set a new one.", old=change["old"]))
            return redirect(url_for("sign_in.sign_in"))
    except Refused as no:
        return over(no, url_for("sign_in.sign_in"), _("Sign in"))
    if has_effect:
        title, button = _("Take the change of your e-mail back"), _("Take the change back")
        lead = _(
            "You will sign in with %(old)s again, not with %(new)s, with the password of before, and be signed out everywhere. What was "
            "shared with others since ends.",
            old=change["old"],
            new=change["new"],
        )
    else:
        title, button = _("Stop the change of your e-mail"), _("Stop the change")
        lead = _("%(new)s will not become your address. You go on signing in with %(old)s.", old=change["old"], new=change["new"])
    return confirm_page(form, title=title, lead=lead, button=button)
