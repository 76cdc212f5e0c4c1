"""How someone becomes a customer, by the rules of each organisation (CV-04..15, AG-04..08, PS-01..03, IB-49)."""

import secrets
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

import i18n
import web
from customer import forms
from customer.pages.sign_in import confirm_page, over
from customer.ways import proven_here, ways
from models import PERSON_TYPES
from rules import identity_flows, invitations, proof, registration, settings, sharing
from rules.refusal import Refused

pages = Blueprint("register", __name__)


@pages.route("/register", methods=["GET", "POST"])
@web.once
def register() -> Any:
    """The form for one kind of person; where both may register, the other one's is a click away (CV-05, K22)."""
    organisation = web.here()
    # Given with the form, not with its answer: where that is lost and the form sent again, the code still works here.
    flow = session.setdefault(_slot(), secrets.token_urlsafe(16))
    rules, providers = settings.of(organisation), proof.providers(organisation)
    types = [kind for kind, _label in PERSON_TYPES if rules.person_types in (kind, "both")]
    chosen = request.args.get("person", types[0])
    person_type = chosen if chosen in types else types[0]
    shared = request.args.get("shared", "")
    offered = sharing.waiting(organisation, shared) if shared else None
    proven = proven_here(request.args.get("proven", "")) if rules.signup_identity != "no" else None
    token = request.args.get("invitation", "")
    invitation = invitations.of_token(organisation, token) if token else None
    asks_contract = rules.signup_contract and offered is None and invitation is None
    invited = invitation.email if invitation else ""
    form = forms.register_form(
        organisation, person_type, providers, asks_contract=asks_contract, is_proven=proven is not None, invited=invited
    )
    if form.validate_on_submit():
        with web.asking(form):
            if offered:
                sharing.check_address(offered, form.email.data)
            claim = None
            if asks_contract:
                provider = next((p for p in providers if str(p.public_id) == form.value("provider")), None)
                claim = registration.Claim(provider, form.payer_code.data, form.value("invoice_number"))
            outcome = registration.register(
                organisation,
                person_type=person_type,
                name=form.name(),
                email=form.email.data,
                phone=form.value("phone"),
                password=form.password.data,
                consents_given=forms.agreed(form, organisation),
                language=i18n.language(),
                site_url=web.site_url(),
                source=web.source(),
                flow=flow,
                claim=claim,
                proven=proven,
                invitation=invitation,
            )
            session["mail_to"] = form.email.data
            if outcome.step == "none":
                return _to_sign_in(outcome, _("Your account is open. Sign in with your e-mail and password."))
            return redirect(url_for("register.confirm_code" if outcome.step == "code" else "register.check_mail"))
    # Who goes away to prove who they are comes back to the same invitation (IB-47).
    session.pop("invitation", None)
    if invitation:
        session["invitation"] = {"of": organisation.id, "token": token}
    is_head = rules.signup_identity == "heads" and request.args.get("as") == "head" and offered is None and invitation is None
    return render_template(
        "customer/register.html",
        form=form,
        person_types=types,
        person_type=person_type,
        shared=shared if offered else None,
        proven=proven,
        person=identity_flows.person(proven) if proven else None,
        ways=ways("register").values() if rules.signup_identity != "no" and offered is None else (),
        picks_head=rules.signup_identity == "heads" and offered is None and invitation is None,
        is_head=is_head,
        invitation=invitation,
        token=token,
    )


def _slot() -> str:
    """Under which name the cookie keeps the secret of this browser's registration: in production all organisations share the cookie."""
    return f"flow-{web.here().id}"


def _to_sign_in(outcome: registration.Outcome, sentence: str) -> Any:
    """CV-15: the sign-in page with a green message; and why the contract is not there yet, where it is not."""
    web.tell(sentence)
    if outcome.problem is not None:
        reason = i18n.say(outcome.problem)
        web.tell(_("One thing is left, you can do it after you sign in: %(reason)s", reason=reason), "warning")
    session.pop("mail_to", None)
    return redirect(url_for("sign_in.sign_in"))


@pages.get("/register/check-mail")
def check_mail() -> Any:
    """The same page whether or not the address has an account (T47)."""
    hours, email = settings.of(web.here()).link_hours, session.get("mail_to")
    if email:
        text = _("We have sent a letter to %(email)s. Open the link in it within %(hours)s hours to go on.", email=email, hours=hours)
    else:
        text = _("We have sent you a letter. Open the link in it within %(hours)s hours to go on.", hours=hours)
    return render_template("customer/check_mail.html", text=text)


@pages.route("/register/code", methods=["GET", "POST"])
@web.once
def confirm_code() -> Any:
    """Type the code from the mail, in the browser that registered (IB-38, IB-49, T45)."""
    organisation, flow = web.here(), session.get(_slot())
    row = registration.waiting(organisation, flow) if flow else None
    if row is None:
        return redirect(url_for("register.register"))
    form = forms.CodeForm()
    if form.validate_on_submit():
        with web.asking(form):
            outcome = registration.confirm_code(organisation, flow, form.code.data, source=web.source())
            session.pop(_slot())
            return _to_sign_in(outcome, _("Your e-mail is confirmed and your account is open. Sign in."))
    minutes = settings.of(organisation).code_minutes
    return render_template(
        "customer/confirm_code.html",
        form=form,
        email=session.get("mail_to", row.address),
        minutes=minutes,
        again_url=url_for("register.send_code_again"),
    )


@pages.post("/register/code/again")
@web.once
def send_code_again() -> Any:
    """Another code; the one before is worth nothing from now on (T44)."""
    try:
        step = registration.send_code_again(web.here(), session.get(_slot(), ""), language=i18n.language(), site_url=web.site_url())
    except Refused as no:
        web.tell(i18n.say(no), "warning")
        return redirect(url_for("register.confirm_code"))
    if step == "link":
        return redirect(url_for("register.check_mail"))
    web.tell(_("A new code is on its way. The one before no longer works."))
    return redirect(url_for("register.confirm_code"))


@pages.route("/register/confirm/<token>", methods=["GET", "POST"])
@web.once
def confirm_link(token: str) -> Any:
    """The link of the mail (IR-07, PS-03). Opened in another browser it asks for the password chosen when registering (T10)."""
    organisation, flow = web.here(), session.get(_slot())
    try:
        form = forms.confirm_form(asks_password=registration.asks_password(organisation, token, flow))
    except Refused as no:
        return over(no, url_for("sign_in.sign_in"), _("Sign in"))
    if form.validate_on_submit():
        with web.asking(form):
            typed = form.password.data if "password" in form else ""
            outcome = registration.confirm_link(organisation, token, flow=flow, password=typed, source=web.source())
            session.pop(_slot(), None)
            return _to_sign_in(outcome, _("Your e-mail is confirmed and your account is open. Sign in."))
    lead = _("One step is left: confirm that this address is yours, and your account is open.")
    return confirm_page(form, title=_("Confirm your e-mail address"), lead=lead, button=_("Confirm my address"))
