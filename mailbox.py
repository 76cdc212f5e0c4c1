"""The development mailbox under /mail/: what the demo's people get by mail, and the codes its staff sign in with.

It opens everyone's letters, links and codes to whoever asks, so it cannot be made where the demo is off, nor in production.
"""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, make_response, render_template, request, url_for
from flask_babel import Babel, get_locale
from flask_bootstrap import Bootstrap5
from jinja2 import StrictUndefined

import formats
from config import ROOT, Config, Misconfigured
from models import database

ON_A_PAGE = 50
NAME = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{12}\.eml")  # as integrations/mail.py names them
LINK = re.compile(r"(https?://[^\s<>\"]+)")
PAGES = (
    "default-src 'self'; script-src 'none'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'self'"
)
# A letter's styles stand on its elements. It may show them and be clicked, and nothing else.
LETTERS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; form-action 'none';"
    " sandbox allow-top-navigation-by-user-activation"
)


def create_app(config: Config) -> Flask:
    """The mailbox of this install's `mailbox_dir`, to be mounted beside the sites: the staff's codes come from their database.

    Raises Misconfigured where the demo is off.
    """
    if config.is_production or not config.demo:
        raise Misconfigured("The mailbox shows everyone's mail: it needs SAVITARNA_DEMO=yes and cannot be opened in production.")
    app = Flask("mailbox", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, BABEL_DEFAULT_LOCALE="lt", BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"))
    app.jinja_options = {**app.jinja_options, "undefined": StrictUndefined}
    Babel(app, locale_selector=lambda: request.accept_languages.best_match(["lt", "en"], default="lt"))
    Bootstrap5(app)
    app.add_template_filter(formats.whole)
    folder = config.mailbox_dir

    @app.context_processor
    def know() -> dict[str, Any]:
        return {"language": str(get_locale()), "staff_url": config.staff_url, "customer_url": config.customer_url}

    @app.template_filter()
    def moment(mail: EmailMessage) -> str:
        return formats.moment(mail["Date"].datetime, str(get_locale()))

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", PAGES)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"  # the addresses in letters hold secrets
        response.headers["Cache-Control"] = "no-cache" if request.endpoint in ("static", "bootstrap.static") else "no-store"
        return response

    @app.get("/")
    def index() -> str:
        """Newest first; `to` is a part of the address that they went to, `before` the name of the last one on the page before."""
        wanted, before = request.args.get("to", "").strip(), request.args.get("before", "")
        found = _mails(folder, wanted, before)
        mails = list(islice(found, ON_A_PAGE))
        older = url_for("index", to=wanted, before=mails[-1][0]) if next(found, None) else None
        return render_template("mailbox/index.html", mails=mails, wanted=wanted, older=older)

    @app.get("/<name>")
    def show(name: str) -> str:
        """One mail: as its reader sees it, and as text."""
        mail = _mail(folder, name)
        return render_template("mailbox/mail.html", name=name, mail=mail, pieces=LINK.split(_part(mail, "plain")))

    @app.get("/<name>/letter")
    def letter(name: str) -> Response:
        """The HTML part alone, for the frame; its links open in the window."""
        page = make_response(_part(_mail(folder, name), "html").replace("<head>", '<head><base target="_top">', 1))
        page.headers["Content-Security-Policy"] = LETTERS
        return page

    @app.get("/codes")
    def codes() -> Response:
        """The demo staff's codes of this half minute; the page comes anew with the next ones."""
        from portal import demo_staff_codes

        with database.connection_context():
            found = list(demo_staff_codes())
        page = make_response(render_template("mailbox/codes.html", codes=found))
        page.headers["Refresh"] = str(min((seconds for *_, seconds in found), default=30) + 1)
        return page

    return app


def _mails(folder: Path, wanted: str, before: str) -> Iterator[tuple[str, EmailMessage]]:
    """The name and headers of each mail to an address that holds `wanted`, newest first."""
    names = sorted((path.name for path in folder.glob("*.eml") if NAME.fullmatch(path.name)), reverse=True)
    for name in names:
        if before and name >= before:
            continue
        with (folder / name).open("rb") as file:
            mail: Any = BytesHeaderParser(policy=default).parse(file)
        if wanted.casefold() in str(mail["To"]).casefold():
            yield name, mail


def _mail(folder: Path, name: str) -> EmailMessage:
    if not NAME.fullmatch(name) or not (folder / name).is_file():
        abort(404)
    mail: Any = message_from_bytes((folder / name).read_bytes(), policy=default)
    return mail


def _part(mail: EmailMessage, kind: str) -> str:
    part: Any = mail.get_body((kind,))
    return str(part.get_content()) if part else ""
