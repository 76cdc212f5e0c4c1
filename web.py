"""What both sites share: the organisation, a connection for each request, sessions, default deny, forms that can be sent twice,
refusals in the reader's language, security headers, error pages. A site adds its pages and nothing else."""

import copy
import functools
import hashlib
import ipaddress
import itertools
import json
import re
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import peewee as pw
from flask import Flask, Response, abort, current_app, flash, g, make_response, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_babel import gettext, lazy_gettext
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager
from flask_wtf import CSRFProtect, FlaskForm
from flask_wtf.csrf import CSRFError
from jinja2 import StrictUndefined
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix
from wtforms import HiddenField

import i18n
import watch
from config import ROOT, Config
from models import Account, Organisation, Staff, Visit, database, open_database
from rules import access, events, keys, links, organisations, sessions, visits, work
from rules.refusal import Doubtful, Lacking, Missing, Refused

FORM_KEY = re.compile(r"[A-Za-z0-9_-]{16,40}")
BOUND: dict[str, Any] = {}
ALIVE = "/healthz"
MOST_KEPT = 100_000  # characters of a form that an error page gives back
MOST_IN_A_COOKIE, KEPT_SECONDS = 2000, 1800  # of a form that is shown again after signing in


class Site(Flask):
    """A Flask application with one database connection for each request and cookies bound to its own address."""

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Connect, find the organisation, answer, disconnect. A lost database is a 503 with a page that needs none."""
        if environ.get("PATH_INFO") == ALIVE:
            return super().wsgi_app(environ, start_response)  # the process is asked, not the database
        opened = False
        try:
            opened = database.connect(reuse_if_open=True)
            if self.config["ORGANISATIONS"]:
                _place(environ)
        except pw.OperationalError as lost:
            environ["savitarna.lost"] = lost  # the guard raises it, where it becomes a page
        try:
            return super().wsgi_app(environ, start_response)
        finally:
            if opened and not database.is_closed():
                database.close()


class Cookies(SecureCookieSessionInterface):
    """The cookie lives under the address it was given at: an organisation's folder, or the backoffice."""

    def get_cookie_path(self, app: Flask) -> str:
        return "/" if app.config["SESSION_COOKIE_NAME"].startswith("__Host-") else (request.script_root or "") + "/"


def create_site(
    name: str,
    config: Config,
    *,
    key: str,
    routes: dict[str, str],
    whose: Callable[[str], Any],
    ring: Callable[[], None],
    strict: bool = True,
) -> Site:
    """A site with everything shared in place. `whose` finds the viewer of a session secret, `ring` wakes the mail worker,
    `routes` says for each endpoint who may come (`rules/access.py`)."""
    bind(config)
    site = Site(name, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    cookie = f"savitarna-{name}"
    site.config.update(
        SECRET_KEY=config.key(key),
        SECRET_KEY_FALLBACKS=[config.key(f"{key}_before")] if config.key(f"{key}_before") else [],
        SESSION_COOKIE_NAME=f"__Host-{cookie}" if config.is_production else cookie,
        SESSION_COOKIE_SECURE=config.is_production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=1_000_000,
        MAX_FORM_PARTS=1000,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        WTF_CSRF_TIME_LIMIT=None,  # a form filled in slowly is not lost (T65)
        BOOTSTRAP_SERVE_LOCAL=True,
        SAVITARNA=config,
        ORGANISATIONS=name == "customer",
        ROUTES=routes,
        RING=ring,
        WHOSE=whose,
    )
    site.session_interface = Cookies()
    site.jinja_options = {**site.jinja_options, "autoescape": True, **({"undefined": StrictUndefined} if strict else {})}
    i18n.init_app(site)
    Bootstrap5(site)
    login = LoginManager(site)
    login.session_protection = None  # the session row decides, not a header anyone can send (T53)
    login.request_loader(lambda _: viewer())
    site.before_request(_guard)  # before the token is looked at: who has lost every cookie is led to the door, not told off (T65)
    CSRFProtect(site)
    site.after_request(_finish)
    for kind in (HTTPException, CSRFError, Lacking, Missing, work.SentDifferently, pw.OperationalError, Exception):
        site.register_error_handler(kind, _explain)
    site.context_processor(_context)
    site.url_defaults(_with_version)
    site.jinja_env.globals["url_for"] = _url_for
    if config.trusted_proxies:
        n = config.trusted_proxies
        site.wsgi_app = ProxyFix(site.wsgi_app, n, n, n, n)  # type: ignore[method-assign]
    site.wsgi_app = watch.Watched(site.wsgi_app, name, trusts_proxy=config.trusted_proxies > 0)  # type: ignore[method-assign]
    return site


def bind(config: Config, *, keep_plans: bool = False) -> None:
    """Bind the process to its database and keys, once: both sites, the worker and the console share them. Where the backoffice, which
    searches, shares the process with the customer site, it comes first (`wsgi.py`)."""
    if BOUND.get("url") != config.database_url:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        open_database(config.database_url, keep_plans=keep_plans)
        BOUND["url"] = config.database_url
    keys.configure(config.key("event_key"), config.cheap_passwords)
    if config.is_production:
        watch.write_json(config.log_level)


# ---- whose page is it -------------------------------------------------------------------------------------------------


def _place(environ: dict[str, Any]) -> None:
    """Find the organisation by host, else by the first path segment, which then belongs to the address, not to the route."""
    host = environ.get("HTTP_HOST", "").partition(":")[0].lower()
    _, _, rest = environ.get("PATH_INFO", "").partition("/")
    slug = rest.partition("/")[0]
    if "\x00" in host + slug:
        return  # a name that PostgreSQL does not even take in a question
    found = organisations.called(host, slug)
    chosen = next((o for o in found if o.host and o.host == host), None) or next(iter(found), None)
    if chosen is not None and chosen.host != host:
        environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/{slug}"
        environ["PATH_INFO"] = "/" + rest.partition("/")[2]
    environ["savitarna.organisation"] = chosen
    environ["savitarna.slug"] = chosen.slug if chosen else ""


def organisation() -> Organisation | None:
    """The organisation of this request; None on the install's own pages and in the backoffice."""
    return request.environ.get("savitarna.organisation")


def here() -> Organisation:
    """The organisation of this request, on pages that only an organisation has."""
    chosen = organisation()
    assert chosen is not None
    return chosen


def site_url(of: Organisation | None = None) -> str:
    """The address of an organisation's site (this one's, where none is named) as links in mail have it: from the configuration."""
    return links.site_url(current_app.config["SAVITARNA"].customer_url, of or here())


def session_slot() -> str:
    """Under which name the cookie keeps a session's secret: one for each organisation, so that none opens another's."""
    here = organisation()
    return f"sid-{here.id}" if here else "sid"


def viewer() -> Any:
    """Who asks: an Account, a Staff row or None. Asked of the database once."""
    if "viewer" not in g:
        secret = session.get(session_slot())
        g.viewer = current_app.config["WHOSE"](secret) if secret else None
    return g.viewer


def sign_in(person: Account | Staff, *, by_login: bool = False) -> None:
    """Sign this browser in: nothing of the session before it stays, here or in the database (T48), but a form that waits for this."""
    secret, kept = session.get(session_slot()), session.get("kept")
    if secret:
        sessions.end(secret)
    _start_anew()
    if kept:
        session["kept"] = kept
    session[session_slot()] = sessions.open_for(person, request.user_agent.string, by_login=by_login)
    g.viewer = person


def visit(row: Visit) -> None:
    """Let this browser see the site as an account sees it. A customer who is signed in here is signed out."""
    secret = session.get(session_slot())
    if secret:
        sessions.end(secret)
    _start_anew()
    session[session_slot()] = visits.begin(row, request.user_agent.string)


def sign_out() -> None:
    """Sign this browser out, here and in the database (T49)."""
    secret = session.get(session_slot())
    if secret:
        sessions.end(secret)
    _start_anew()
    g.viewer = None


def _start_anew() -> None:
    """Forget what this browser did here; its language stays, and being signed in at other organisations of the same host."""
    kept = {name: value for name, value in session.items() if name == "language" or (name.startswith("sid-") and name != session_slot())}
    session.clear()
    session.update(kept)


def session_secret() -> str | None:
    """The secret of this browser's session, for `sessions.end_all(..., but=...)`."""
    return session.get(session_slot())


def source() -> str:
    """The network a request comes from, as the limits count it: a /24 of IPv4, a /64 of IPv6."""
    address = ipaddress.ip_address(request.remote_addr or "127.0.0.1")
    # A server that listens on both kinds writes 192.0.2.7 as ::ffff:192.0.2.7: all of IPv4 would be one network.
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))


# ---- default deny -----------------------------------------------------------------------------------------------------


def _guard() -> Any:
    """Refuse what no page expects, then ask the table of routes who may come."""
    request.environ["savitarna.endpoint"] = request.endpoint or "none"
    if "savitarna.lost" in request.environ:
        raise request.environ["savitarna.lost"]
    _check_shape()
    if request.method == "POST" and request.endpoint in SENT_ON:
        return _sent_on()
    if request.method not in ("GET", "HEAD", "OPTIONS") and request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(400)
    if request.endpoint is None:
        return None  # there is no such page: the router says so
    if current_app.config["ORGANISATIONS"] and organisation() is None and request.endpoint not in WITHOUT_ORGANISATION:
        abort(404)
    rule = current_app.config["ROUTES"].get(request.endpoint)
    if rule is None:
        abort(404)
    is_visit = sessions.is_visit(session.get(session_slot()))
    if is_visit and not _may_be_visited(request.endpoint, rule):
        abort(403)
    if rule == access.ANYONE:
        return None
    person = viewer()
    if person is None and is_visit:
        return redirect(url_for("visits.over"))
    if person is None:
        back = _page_of_form()
        if back and request.method == "POST":
            if _keep():
                tell(gettext("You were signed out meanwhile, so nothing was saved yet. Sign in: what you filled in is kept."), "warning")
            else:
                tell(gettext("You were signed out meanwhile, so nothing was saved. Sign in and fill in the form once more."), "warning")
        return redirect(url_for("sign_in.sign_in", next=back))
    if rule != access.SIGNED_IN and not access.allows(person, rule):
        if access.lacking(person, rule):
            return _to_identity(access.lacking(person, rule))
        abort(403 if is_visit else 404)
    return None


def _may_be_visited(endpoint: str, rule: str) -> bool:
    """What staff who look at the site as a customer sees it may ask for: to be shown something that is this customer's, and to leave.
    Nothing is sent in anybody's name, no link of a letter is followed, nobody is identified (M03, T41)."""
    return endpoint in VISITORS_MAY or (request.method in ("GET", "HEAD", "OPTIONS") and rule != access.ANYONE)


VISITORS_MAY = {
    "static", "bootstrap.static", "health.live", "health.ready", "health.metrics", "home.organisations", "home.language",
    "visits.begin", "visits.end", "visits.over",
}  # fmt: skip


def _to_identity(level: str) -> Response:
    """Where a higher level of identity is what is missing, and only that: to the page that says how to get it, and back here afterwards
    with what was filled in (K03)."""
    if request.method == "POST" and _keep():
        tell(gettext("This needs to be confirmed first. What you filled in is kept."), "warning")
    return redirect(url_for("account.identity", need=level, next=_page_of_form()))


# Where another site has a browser post to, such as the e-Government Gateway.
SENT_ON = {"identity.callback"}


def _sent_on() -> Any:
    """To the same address by GET, with the fields in it: a POST from elsewhere brings no cookie (SameSite=Lax) and may do nothing, or
    anybody could do it in somebody else's name; the GET brings the cookie, and the page looks at the fields as at those of a redirect."""
    fields = urlencode(list(request.form.items()))
    return redirect(f"{request.script_root}{request.path}?{fields}", 303) if len(fields) < MOST_SENT_ON else abort(400)


def _page_of_form() -> str | None:
    """The address of this request, where it is a page that can be opened too."""
    is_page = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    return f"{request.script_root}{request.full_path.rstrip('?')}" if is_page else None


MOST_SENT_ON = 2000  # of letters in an address
WITHOUT_ORGANISATION = {
    "static",
    "bootstrap.static",
    "health.live",
    "health.ready",
    "health.metrics",
    "home.organisations",
    "home.language",
}


def _check_shape() -> None:
    """No page takes the same argument twice, a NUL, half a character or an endless address (T85, T88)."""
    sent = [*request.args.items(multi=True)]
    if request.method == "POST":
        sent += request.form.items(multi=True)
    values = [request.path, *(text for pair in sent for text in pair)]
    if any("\x00" in v or any("\ud800" <= c <= "\udfff" for c in v) for v in values) or len(request.full_path) > 4000:
        abort(400)
    if any(len(v) > 1 for v in request.args.to_dict(flat=False).values()):
        abort(400)


def reach(model: type[Any], public_id: uuid.UUID, deed: str) -> Any:
    """`access.reach` for whoever asks: the row, or the same 404 whether it exists or not."""
    return access.reach(viewer(), model, public_id, deed)


def safe_next(target: str | None, default: str) -> str:
    """`target` if it is a path of this site, else `default` (T37, T67)."""
    if target and re.fullmatch(r"/(?![/\\])[^\\\x00-\x20]*", target) and target.startswith(request.script_root + "/"):
        return target
    return default


# ---- forms ------------------------------------------------------------------------------------------------------------


class Form(FlaskForm):
    """A form with a key of its own, minted when it is shown: sent twice it is done once (P2)."""

    class Meta(FlaskForm.Meta):
        def get_translations(self, form: Any) -> Any:
            return i18n.WTFORMS.get_translations()  # kept: Flask-WTF would read the file again for each form

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            return super().wrap_formdata(form, formdata) or _filled_in(form)

    form_key = HiddenField(default=lambda: form_key())

    doubt: str | None = None  # a question that must be answered with yes before it is done


def _keep() -> bool:
    """Keep what was filled in, so that its page shows it again once its reader is signed in (T65): in their own browser, for half
    an hour. Only of a form of this very site, without a secret in it, and as much as fits into a cookie."""
    sent = [(name, value) for name, value in sent_once() if name != "csrf_token"]
    is_ours = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not (sent and is_ours and _page_of_form() and len(json.dumps(sent)) <= MOST_IN_A_COOKIE):
        return False
    session["kept"] = {"page": _page_of_form(), "sent": sent, "at": int(time.time())}
    return True


def _filled_in(form: Form) -> MultiDict[str, str] | None:
    """What was filled in on this page before its reader was signed in, once."""
    kept = session.get("kept")
    if not kept or request.method != "GET" or kept["page"] != _page_of_form():
        return None
    sent = MultiDict[str, str](kept["sent"])
    if not (set(sent) & set(form._fields)) - {"form_key"}:
        return None  # another form of the same page
    del session["kept"]
    if time.time() - kept["at"] > KEPT_SECONDS:
        return None
    tell(gettext("Here is what you filled in. It is not sent yet: check it and send it."), "warning")
    return sent


def form_key() -> str:
    """A new key for a form; where one chooses between companies it says for which choice the form is made (T13)."""
    return secrets.token_urlsafe(16) + str(g.get("form_mark", ""))


def once(view: Callable[..., Any]) -> Callable[..., Any]:
    """Run a POST in one transaction, once for its form key; the same form again gets the same answer."""

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(*args, **kwargs)
        key = request.form.get("form_key", "")
        if not FORM_KEY.fullmatch(key):
            abort(400)
        answer: list[Response] = []
        before, tries = copy.deepcopy(dict(session)), itertools.count()

        def act() -> str | None:
            if next(tries):
                # What the try before has changed was rolled back: it must not be in the cookie or in a row that was read then.
                session.clear()
                session.update(copy.deepcopy(before))
                for known in ("viewer", "_login_user"):
                    g.pop(known, None)
            answer[:] = [make_response(view(*args, **kwargs))]
            return answer[0].location if answer[0].status_code in (301, 302, 303) else None

        person = viewer()
        location = work.once(events.actor(person) if person else f"anyone:{source()}", key, _request_digest(), act)
        if not answer:
            return redirect(location, 303)
        if location is not None:
            answer[0].status_code = 303
        return answer[0]  # with the cookies that the view has set

    return wrapper


def _request_digest() -> str:
    """What was sent, as it may be kept: there are passwords in it, so it must tell nothing to who has the database alone (T63)."""
    sent = sorted((k, v) for k, v in request.form.items(multi=True) if k != "csrf_token")
    return keys.digest("form", repr((request.path, sent)))


@contextmanager
def asking(form: Form) -> Iterator[None]:
    """Ask a rule; put what it refuses on the form, in the reader's language, and go on to show the form again."""
    try:
        yield
    except Doubtful as doubt:
        form.doubt = i18n.say(doubt)
    except Refused as no:
        field = form._fields.get(no.field) if no.field else None
        if field is None:
            form.form_errors = [*form.form_errors, i18n.say(no)]
        else:
            field.errors = [*field.errors, i18n.say(no)]


# ---- what templates know ----------------------------------------------------------------------------------------------


def _context() -> dict[str, Any]:
    return {
        "organisation": organisation(),
        "viewer": g.get("viewer"),
        "visit": visits.of(g.viewer) if isinstance(g.get("viewer"), Account) else None,
        "language": i18n.language(),
        "languages": i18n.LANGUAGES,
        "csp_nonce": csp_nonce,
        "form_key": form_key,
        "choice": i18n.choice,
        "allows": lambda deed, thing=None: access.allows(viewer(), deed, thing),
        "config_": current_app.config["SAVITARNA"],
    }


# ---- answers ----------------------------------------------------------------------------------------------------------


def _with_version(endpoint: str, values: dict[str, Any]) -> None:
    """Our own files have in their address what version they are of, and may be kept for ever. Style sheets name fonts without one."""
    if endpoint.endswith("static") and not str(values.get("filename", "")).endswith(".woff2"):
        values["v"] = _version()


def _url_for(endpoint: str, **values: Any) -> str:
    """`url_for` for templates: a page names thirty files of ours, and the router needs its time for each."""
    if endpoint.endswith("static") and values.keys() == {"filename"}:
        return _file_url(current_app.name, endpoint, values["filename"], request.script_root)
    return url_for(endpoint, **values)


@functools.lru_cache(maxsize=4096)
def _file_url(_site: str, endpoint: str, filename: str, _root: str) -> str:
    return url_for(endpoint, filename=filename)


@functools.cache
def _version() -> str:
    """Of every file that a page may name: ours, and those of the libraries that are pinned."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted((ROOT / "static").rglob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def csp_nonce() -> str:
    """What marks this answer's own scripts and styles; it is there however early a request ends."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def _finish(response: Response) -> Response:
    """The headers of every answer, and the bell for mail that this request has left."""
    nonce = csp_nonce()
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        f"object-src 'none'; base-uri 'none'; form-action 'self'{g.get('form_action', '')}; frame-ancestors 'none'"
    )
    response.headers.update(HEADERS)
    if current_app.config["SAVITARNA"].is_production:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint not in ("static", "bootstrap.static", "admin.static") or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Cookie"
    elif "v" in request.args:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if work.mail_waits.get():
        work.mail_waits.set(False)
        current_app.config["RING"]()
    return response


ERRORS = {
    400: (lazy_gettext("Something in this request was not right"), lazy_gettext("Go back, reload the page and try once more.")),
    403: (
        lazy_gettext("You are only looking"),
        lazy_gettext("While you see the site as a customer sees it, nothing can be changed or sent."),
    ),
    404: (lazy_gettext("Page not found"), lazy_gettext("Check the address, or start from the first page.")),
    405: (lazy_gettext("Page not found"), lazy_gettext("Check the address, or start from the first page.")),
    409: (
        lazy_gettext("This form was already sent"),
        lazy_gettext("It came a second time with other answers, so nothing was changed. Open the page anew to see what is stored."),
    ),
    413: (lazy_gettext("That is too much to send at once"), lazy_gettext("Send a smaller file or a shorter text.")),
    429: (lazy_gettext("Too many tries"), lazy_gettext("Wait a while and try again.")),
    500: (lazy_gettext("Something went wrong here"), lazy_gettext("Nothing was changed. Try again in a few minutes.")),
    503: (lazy_gettext("We will be back in a moment"), lazy_gettext("Try again in a minute.")),
}


def _explain(error: Exception) -> Any:
    """Any error as a page that says what happened, what to try and how to reach a person. Never what broke inside (T89)."""
    if isinstance(error, HTTPException) and error.code and error.code < 400:
        return error
    if isinstance(error, Lacking):
        return _to_identity(error.level)
    if isinstance(error, CSRFError) and viewer() and _keep():
        return redirect(_page_of_form() or "", 303)  # it was opened before they signed in anew, in another tab perhaps
    code = 500
    if isinstance(error, Missing):
        code = 404
    elif isinstance(error, work.SentDifferently):
        code = 409
    elif isinstance(error, RequestEntityTooLarge):
        code = 413
    elif isinstance(error, HTTPException):
        code = error.code if error.code in ERRORS else 400 if error.code and error.code < 500 else 500
    elif isinstance(error, pw.OperationalError):
        code = 503
        g.setdefault("viewer", None)  # the page must not ask again who it is
    if code >= 500:
        current_app.logger.error("request failed", exc_info=error)
    try:
        title, advice = ERRORS[code]
        kept = sent_once() if code == 503 else []
        if kept:
            advice = lazy_gettext(
                "What you entered is kept on this page: send it again in a minute. However often you do, it is done once."
            )
        page = make_response(
            render_template("errors/error.html", code=code, title=title, advice=advice, kept=kept), 404 if code == 405 else code
        )
    except Exception:
        current_app.logger.exception("the error page failed")
        page = make_response(_failsafe(code))
    if code == 503:
        page.headers["Retry-After"] = "60"
    return page


def sent_once() -> list[tuple[str, str]]:
    """What was sent, to be sent again (F09, T65): of forms that act once, and that hold no secret."""
    sent = list(request.form.items(multi=True)) if request.method == "POST" and not request.files else []
    names = [name for name, _ in sent]
    is_secret = any(word in name for name in names for word in ("password", "code", "current") if name not in ("payer_code",))
    return sent if "form_key" in names and not is_secret and sum(len(value) for _, value in sent) < MOST_KEPT else []


def _failsafe(code: int) -> Response:
    """A page that touches nothing which may fail: no database, no template, no translation."""
    text = "Puslapis laikinai neveikia. Pabandykite po minutės. · This page is not available just now. Try again in a minute."
    headers = {**HEADERS, "Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store", "Retry-After": "60"}
    return Response(f"<!doctype html><html lang=lt><title>{code}</title><h1>{text}</h1></html>", code, headers, mimetype="text/html")


def allow_form_to(url: str) -> None:
    """Let a form of this page be sent to another site: to the one that says who somebody is."""
    parts = urlsplit(url)
    g.form_action = f" {parts.scheme}://{parts.netloc}"


def tell(sentence: str, kind: str = "success") -> None:
    """Show a sentence on the next page."""
    flash(sentence, kind)
