"""Proving who one is: a method is chosen, the phone or another site answers, and what comes of it is done here, once (IB-07..11, AG-09).

Nothing waits for another system inside a transaction. A flow is a row of its own, this browser's alone; its page asks for the answer
every two seconds, and each of its addresses can be opened twice, gone back to, or left.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import segno
from flask import Blueprint, Response, abort, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

import i18n
import web
from customer import forms
from customer.pages.sign_in import DEVICE, confirm_page, let_in, over
from customer.ways import Way, browser_secret, current_slot, forget_browser, forget_flow, ways
from integrations import http
from integrations.identity import NotIdentified, Wish
from models import N_, Account, IdentityFlow, now
from rules import accounts, details, identities, identity_flows, personal_codes, settings, ways_in
from rules.refusal import Refused

pages = Blueprint("identity", __name__)
log = logging.getLogger(__name__)

PURPOSES = {"sign-in": "sign_in", "register": "register", "confirm": "confirm", "link": "link"}
# What a person is told; all that could tell whether somebody has an account there is one sentence.
WHY = {
    "refused": N_("It was refused, or broken off."),
    "timeout": N_("There was no answer in time."),
    "wrong_code": N_("Another code was chosen on the phone than the one shown here. If somebody else asked you to sign in, tell us."),
    "unsuitable": N_("This could not be used to sign in. Check what you typed, or choose another way."),
    "unproven": N_("The answer could not be trusted, so nothing was done. Begin again."),
    "unavailable": N_("The other system does not answer just now. Try again in a few minutes, or choose another way."),
    "cancelled": N_("You cancelled it."),
}


LATELY = timedelta(minutes=5)
# For all that a method asks to judge one answer: the session, and of each certificate whether it still holds; or a provider's tokens.
CHECK_SECONDS = 8.0


def _proven_slot() -> str:
    return f"proven-{web.here().id}"


def is_proven_lately() -> bool:
    """Whether who is signed in has proven a moment ago that they are whom the account is known to be of: then no password is asked."""
    at = session.get(_proven_slot())
    return web.viewer() is not None and at is not None and now() - datetime.fromisoformat(at) < LATELY


# ---- beginning --------------------------------------------------------------------------------------------------------


@pages.route("/prove/<purpose>/with/<name>", methods=["GET", "POST"])
def begin(purpose: str, name: str) -> Any:
    """What a method asks, and its start. Not `web.once`: another system is asked, outside any transaction; a form sent twice has the
    same flow."""
    asked = PURPOSES.get(purpose) or abort(404)
    way = ways(asked).get(name) or abort(404)
    account = web.viewer()
    if (account is None) != (asked in ("sign_in", "register")):
        return redirect(
            url_for("sign_in.sign_in", next=f"{request.script_root}{request.full_path.rstrip('?')}")
            if account is None
            else url_for("home.index")
        )
    secret, flows = browser_secret(), way.method.flows or ("",)
    chosen = request.form.get("flow", flows[0])
    if chosen not in flows:
        abort(400)
    # Whoever holds an open session must not be able to add a way in of their own: who somebody is counts as proof once it is there.
    adds = asked == "link" or (asked == "confirm" and not identities.is_proven(account))
    asks_password = adds and not is_proven_lately()
    form = forms.way_form(way.asks(chosen), asks_password=asks_password)
    if form.validate_on_submit():
        with web.asking(form):
            return redirect(url_for("identity.wait", public_id=_begin(way, asked, chosen, form, secret, account)))
    # Each flow has a form of its own on the page; only what was sent comes back filled in.
    typed = {flow: form if flow == chosen else forms.way_form(way.asks(flow), asks_password=asks_password) for flow in flows}
    if asks_password:
        for flow, one in typed.items():
            one["current"].id = f"current{flow}"
    return render_template(
        "customer/way.html",
        form=form,
        typed=typed,
        way=way,
        flows=_ordered(flows),
        purpose=purpose,
        onwards=_onwards(),
        back_url=_back(asked, _onwards()),
    )


def _ordered(flows: tuple[str, ...]) -> list[str]:
    """The ways of a method, best first: on a phone the app that is on it."""
    is_phone = "Mobi" in request.user_agent.string
    return sorted(flows, key=lambda flow: is_phone and flow != "Web2App")


def _back(purpose: str, onwards: str) -> str:
    """Where the other ways are, and from there on."""
    pages_of = {"sign_in": "sign_in.sign_in", "register": "register.register", "confirm": "account.identity", "link": "account.view"}
    return url_for(pages_of[purpose], next=onwards or None)


def _onwards() -> str:
    return web.safe_next(request.args.get("next"), "")


def _begin(way: Way, purpose: str, flow: str, form: forms.WayForm, secret: str, account: Account | None) -> UUID:
    """Open a flow and ask the method to begin; its address, also where the form was sent twice. Raises Refused."""
    code, country, key = form.value("personal_code"), form.value("country"), form.form_key.data or ""
    if code:
        code = personal_codes.checked(code, country)
    phone = form.value("phone") and details.mobile_id_phone(form.value("phone"))
    if account is not None:
        ways_in.check_address(account)
    if account is not None and "current" in form:
        accounts.check_password(account, form.value("current"))
    row = identity_flows.open_for(
        web.here(), secret, key, purpose=purpose, method=way.name, account=account, facts={"next": _onwards(), "flow": flow}
    )
    if row is None:
        return identity_flows.address(secret, key)
    forget_flow()
    session[current_slot()] = str(row.public_id)
    try:
        row.facts |= identity_flows.spend(web.here(), web.source(), country, code, request.cookies.get(DEVICE))
        token = secrets.token_urlsafe(24)
        is_login = way.kind in ("banks", "social")
        back = url_for("identity.callback") if is_login else url_for("identity.callback", token=token)
        wish = Wish(
            personal_code=code and f"{country}-{code}",
            phone=phone,
            flow=flow,
            language=i18n.language(),
            # What it is stands first: a long name is cut, never that.
            text=f"{_('Sign in') if purpose == 'sign_in' else _('Confirm who you are')}: {web.here().name}"[:60],
            callback_url=web.site_url() + back.removeprefix(request.script_root),
        )
        state = way.method.begin(wish)
    except Refused:
        row.delete_instance()
        raise
    except NotIdentified as no:
        log.info("%s did not begin: %s (%s)", way.name, no.why, no)
        row.delete_instance()
        raise Refused(WHY[no.why]) from None
    identity_flows.began(row, state, callback=state["back"] if is_login else token, is_elsewhere=bool(way.method.show(state, 0).go_to))
    return row.public_id


# ---- waiting ----------------------------------------------------------------------------------------------------------


def _mine(public_id: UUID) -> IdentityFlow | None:
    """A flow of this browser, and of who is signed in in it, where it was begun by somebody."""
    flow = identity_flows.find(web.here(), public_id, browser_secret())
    viewer = web.viewer()
    return flow if flow is not None and flow.account_id == (viewer.id if viewer else None) else None


def _of_who_was_signed_in(public_id: UUID) -> IdentityFlow | None:
    """A flow of this browser that an account's page began, whoever is signed in now."""
    flow = identity_flows.find(web.here(), public_id, browser_secret())
    return flow if flow is not None and flow.account_id is not None else None


def _sign_in_url(public_id: UUID) -> str:
    """Where one signs in again; where the session ended on the way, then back to where it was begun."""
    flow = _of_who_was_signed_in(public_id)
    return url_for("sign_in.sign_in", next=_back(flow.purpose, flow.facts["next"]) if flow else None)


def _elsewhere() -> Any:
    """What another browser, or another person, is told of a flow: nothing, and what to do."""
    text = (
        _("It is over, or somebody else began it. You are signed in: go on from the first page.")
        if web.viewer()
        else _("It was begun in another browser, or by somebody else. Go back to the browser where you began, or begin again here.")
    )
    url = url_for("home.index" if web.viewer() else "sign_in.sign_in")
    page = render_template(
        "customer/message.html",
        title=_("This cannot be continued here"),
        text=text,
        url=url,
        act=_("Home") if web.viewer() else _("Begin again"),
        kind="",
        icon_name="info",
    )
    return page, 410


@pages.get("/prove/<uuid:public_id>")
def wait(public_id: UUID) -> Any:
    """What to do meanwhile, until when; then what came out. `check` asks, for browsers without JavaScript."""
    flow = _mine(public_id)
    if flow is None:
        return _elsewhere() if web.viewer() or not _of_who_was_signed_in(public_id) else redirect(_sign_in_url(public_id))
    way = ways(flow.purpose).get(flow.method) or abort(404)
    if "check" in request.args:
        _check(flow, way, {})
    at = now()
    state = identity_flows.state_of(flow)
    waits, found = identity_flows.is_waiting(flow, at), identity_flows.is_identified(flow, at)
    shown = way.method.show(state, int((at - flow.began_at).total_seconds())) if waits and state else None
    is_answered = waits and flow.answered_at is not None
    if is_answered:
        shown = None  # sent on to the other site once more, a browser would leave what is about to be known
    why = (
        ""
        if waits or found
        else identity_flows.OVER
        if flow.used_at or flow.outcome == identity_flows.IDENTIFIED
        else WHY.get(flow.outcome or "timeout")
    )
    purpose = next(name for name, known in PURPOSES.items() if known == flow.purpose)
    again = url_for("identity.begin", purpose=purpose, name=way.name, next=flow.facts["next"] or None)
    if shown is not None and shown.post:
        web.allow_form_to(shown.go_to)
    page = render_template(
        "customer/wait.html",
        flow=flow,
        way=way,
        shown=shown,
        state=_state_of(flow),
        is_waiting=waits,
        is_answered=is_answered,
        is_identified=found,
        why=why,
        again_url=again,
        other_url=_back(flow.purpose, flow.facts["next"]),
        seconds_left=max(0, int((flow.expires_at - at).total_seconds())),
    )
    return page, 200 if waits or found else 410


@pages.get("/prove/<uuid:public_id>/state")
def state(public_id: UUID) -> Any:
    """For the script of the waiting page: what has become of the flow. One whose form was sent twice may be still beginning."""
    flow = _mine(public_id)
    if flow is None:
        return {"state": "over"}
    if identity_flows.is_waiting(flow, now()) and flow.method in ways(flow.purpose):
        _check(flow, ways(flow.purpose)[flow.method], {})
    return {"state": _state_of(flow)}


def _state_of(flow: IdentityFlow) -> str:
    at = now()
    if identity_flows.is_waiting(flow, at):
        return "waiting" if flow.state_sealed else "beginning"
    return "identified" if identity_flows.is_identified(flow, at) else "over"


def _check(flow: IdentityFlow, way: Way, answer: Mapping[str, str]) -> None:
    """Ask the method once, unless another request does, and keep what it says. The database is left alone meanwhile."""
    state, is_answer = identity_flows.state_of(flow), bool(answer)
    if not state or not identity_flows.is_waiting(flow, now()) or not identity_flows.claim(flow, is_answer=is_answer):
        return
    try:
        with http.within(CHECK_SECONDS):
            person = way.method.check(state, answer)
    except NotIdentified as no:
        log.info("%s: %s (%s)", way.name, no.why, no)
        if no.why != "unavailable" or is_answer:  # asked again in two seconds, it may answer
            identity_flows.settle(flow, no.why)
    else:
        if person is not None:
            identity_flows.settle(flow, identity_flows.IDENTIFIED, asdict(person))
    finally:
        if not is_answer:
            identity_flows.release(flow)


@pages.get("/prove/<uuid:public_id>/qr.svg")
def qr(public_id: UUID) -> Any:
    """The code to scan, as it is this second."""
    flow = _mine(public_id)
    if flow is None or not identity_flows.is_waiting(flow, now()) or flow.method not in ways(flow.purpose):
        abort(404)
    shown = ways(flow.purpose)[flow.method].method.show(identity_flows.state_of(flow), int((now() - flow.began_at).total_seconds()))
    if not shown.qr:
        abort(404)
    image = BytesIO()
    segno.make(shown.qr, error="l", micro=False).save(image, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False)
    return Response(image.getvalue(), mimetype="image/svg+xml")


@pages.get("/prove/callback")
@pages.route("/prove/callback/<token>", methods=["GET", "POST"])
def callback(token: str = "") -> Any:
    """Where another site, or the app on this phone, sends the browser back to. Who came back is looked at here; nothing comes of it
    before the page after it. A POST never comes this far: `web.SENT_ON`."""
    answer = dict(request.args.items())
    known = identity_flows.called_back(web.here(), token or answer.get("state", ""))
    flow = _mine(known.public_id) if known is not None else None
    if flow is None:
        return _elsewhere()
    way = ways(flow.purpose).get(flow.method)
    if way is not None:
        _check(flow, way, answer)
    return redirect(url_for("identity.wait", public_id=flow.public_id))


# ---- ending -----------------------------------------------------------------------------------------------------------


@pages.post("/prove/<uuid:public_id>/cancel")
@web.once
def cancel(public_id: UUID) -> Any:
    """Stop waiting, or "Not you?": what the phone says after that is not looked at, and who was recognised here is forgotten."""
    flow = _mine(public_id)
    if flow is None:
        return redirect(_sign_in_url(public_id))
    if identity_flows.is_identified(flow, now()):
        forget_browser()
    identity_flows.cancel(flow)
    return redirect(_back(flow.purpose, flow.facts["next"]))


@pages.post("/prove/<uuid:public_id>/finish")
def finish(public_id: UUID) -> Any:
    """What comes of it: done once, but where the answer was lost that carried the session, the same form opens one again."""
    flow = identity_flows.find(web.here(), public_id, browser_secret())
    identity = identity_flows.opened(flow, request.form.get("form_key", "")) if flow is not None and web.viewer() is None else None
    if flow is not None and identity is not None:
        identity.account.organisation = web.here()
        return let_in(identity.account, _to(flow), by_login=identity.scheme == "SUB")
    return _finish(public_id)


@web.once
def _finish(public_id: UUID) -> Any:
    """Signed in, on to registration, confirmed or linked."""
    flow = _mine(public_id)
    if flow is None:
        return redirect(url_for("home.index") if web.viewer() else _sign_in_url(public_id))
    return _end(flow)


def _end(flow: IdentityFlow) -> Any:
    """What was begun is done, or why not is said where it began."""
    try:
        if flow.method not in ways(flow.purpose):  # switched off meanwhile (K14)
            raise Refused(NOT_OFFERED)
        return ENDS[flow.purpose](flow)
    except Refused as no:
        web.tell(i18n.say(no), "warning")
        return redirect(_back(flow.purpose, flow.facts["next"]))


def _to(flow: IdentityFlow) -> str:
    """Where one was before."""
    return web.safe_next(flow.facts["next"], url_for("home.index"))


def _sign_in(flow: IdentityFlow) -> Any:
    person = identity_flows.person(flow)
    account = accounts.sign_in_by_identity(flow, form_key=request.form["form_key"])
    if account is not None:
        return let_in(account, _to(flow), by_login=person.scheme == "SUB")
    is_strong = person.is_strong
    if is_strong and settings.of(web.here()).signup_identity != "no":
        kept = session.get("invitation") or {}
        invitation = kept.get("token") if kept.get("of") == web.here().id else None
        return redirect(url_for("register.register", proven=flow.public_id, invitation=invitation))
    raise Refused(UNKNOWN if is_strong else UNLINKED)


NOT_OFFERED = N_("This way to sign in is not offered here any more. Choose another one.")
UNKNOWN = N_(
    "We know now who you are, but no account here does yet. Sign in with your e-mail and password, or register; then confirm who you are"
    " on the account page."
)
UNLINKED = N_("This login is not linked to an account here. Sign in another way, then link it on the account page.")


def _confirm(flow: IdentityFlow) -> Any:
    account = web.viewer()
    was_known = identities.is_proven(account)
    if not _add(flow, account):
        return redirect(url_for("identity.code", public_id=flow.public_id))
    web.sign_in(account)  # what may be done has grown: so has the session's secret changed (T48)
    if was_known:
        session[_proven_slot()] = now().isoformat()
    web.tell(_("It is confirmed who you are."))
    return redirect(_to(flow))


def _link(flow: IdentityFlow) -> Any:
    if not _add(flow, web.viewer()):
        return redirect(url_for("identity.code", public_id=flow.public_id))
    web.tell(_("From now on you can sign in with %(way)s too.", way=ways("link")[flow.method].title))
    return redirect(url_for("account.view"))


def _add(flow: IdentityFlow, account: Account) -> bool:
    """Whether it is added; else a code is in the mail."""
    return ways_in.add(
        flow,
        account,
        is_known=is_proven_lately(),
        browser=browser_secret(),
        source=web.source(),
        site_url=web.site_url(),
        session=web.session_secret(),
    )


ENDS = {"sign_in": _sign_in, "register": _sign_in, "confirm": _confirm, "link": _link}


@pages.route("/prove/<uuid:public_id>/code", methods=["GET", "POST"])
@web.once
def code(public_id: UUID) -> Any:
    """The code that the account's own address got, where the password alone speaks for a new way in (T48, T50)."""
    flow = _mine(public_id) or abort(404)
    waits, form = ways_in.waiting(flow, browser_secret()), forms.CodeForm()
    if waits is None or not identity_flows.is_identified(flow, now()):
        return redirect(url_for("identity.wait", public_id=public_id))
    if form.validate_on_submit():
        with web.asking(form):
            ways_in.check_code(flow, web.viewer(), form.code.data, browser=browser_secret())
            return _end(flow)
    return render_template(
        "customer/confirm_code.html",
        form=form,
        email=web.viewer().email,
        minutes=settings.of(web.here()).code_minutes,
        why=_("This way to sign in is new to your account, so we make sure that it is you who adds it."),
        again_url=url_for("identity.send_code_again", public_id=public_id),
        cancel_url=url_for("identity.cancel", public_id=public_id),
    )


@pages.post("/prove/<uuid:public_id>/code/again")
@web.once
def send_code_again(public_id: UUID) -> Any:
    """Another code; the one before is worth nothing from now on (T44)."""
    flow = _mine(public_id) or abort(404)
    try:
        if ways_in.waiting(flow, browser_secret()) is None:
            raise Refused(identity_flows.OVER)
        ways_in.send_code(flow, web.viewer(), browser=browser_secret(), source=web.source(), site_url=web.site_url())
        web.tell(_("A new code is on its way. The one before no longer works."))
    except Refused as no:
        web.tell(i18n.say(no), "warning")
    return redirect(url_for("identity.code", public_id=public_id))


@pages.route("/account/unlink/<name>", methods=["GET", "POST"])
def unlink(name: str) -> Any:
    """Let a login elsewhere open the account no more (IB-11). Wrong passwords are counted, so this is no `web.once`: unlinked twice, the
    second time nothing is there."""
    account = web.viewer()
    form = forms.way_form((), asks_password=not is_proven_lately())
    if not any(one.method == name and one.scheme == "SUB" for one in identities.of(account)):
        web.tell(_(identities.NOT_THERE), "warning")
        return redirect(url_for("account.view"))
    way = ways("link").get(name)
    title = _("Unlink %(way)s from your account", way=way.title if way else identities.title(name))
    if form.validate_on_submit():
        with web.asking(form):
            if "current" in form:
                accounts.check_password(account, form.value("current"))
            identities.unlink(account, name, site_url=web.site_url(), session=web.session_secret())
            web.tell(_("It is unlinked. Sign in with your password, or another way that is yours."))
            return redirect(url_for("account.view"))
    lead = _("From then on your account cannot be opened with it.")
    return render_template("customer/form.html", form=form, title=title, lead=lead, button=_("Unlink"), back_url=url_for("account.view"))


@pages.route("/not-me/<token>", methods=["GET", "POST"])
@web.once
def not_me(token: str) -> Any:
    """The link of the letter that tells of a new way in: it takes that away, and asks for another password (T50)."""
    form = forms.confirm_form(asks_password=False)
    try:
        way = _(identities.find_not_me(web.here(), token))
        if form.validate_on_submit():
            identities.end_by_link(web.here(), token)
            web.sign_out()
            web.tell(_("It is taken away, and all are signed out. Now set a new password: whoever added it knows yours."))
            return redirect(url_for("sign_in.forgotten_password"))
    except Refused as no:
        return over(no, url_for("sign_in.sign_in"), _("Sign in"))
    lead = _(
        "Nobody will be able to sign in to your account with %(way)s any more, and everybody is signed out of it. Then set a new password.",
        way=way,
    )
    return confirm_page(form, title=_("It was not me"), lead=lead, button=_("Take it away"))
