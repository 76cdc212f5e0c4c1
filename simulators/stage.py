"""What every simulator stands on: pages in the look of the house that say what they are, what is kept between its processes, and the
refusal to exist where real people sign in."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flask import Flask, Response, request
from flask_babel import Babel, get_locale
from flask_bootstrap import Bootstrap5
from jinja2 import StrictUndefined

import formats
from config import ROOT, Config, Misconfigured

# The way back leads to the customer site, which in tests is another origin.
PAGES = (
    "default-src 'self'; script-src 'none'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self' http: https:;"
    " frame-ancestors 'none'"
)


def make(name: str, config: Config) -> Flask:
    """An application for one simulator's routes. Raises Misconfigured in production."""
    if config.is_production:
        raise Misconfigured("A simulator lets anybody in as anybody: it cannot be opened in production.")
    app = Flask(f"simulators.{name}", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, BABEL_DEFAULT_LOCALE="lt", BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"))
    app.jinja_options = {**app.jinja_options, "undefined": StrictUndefined}
    Babel(app, locale_selector=_language)
    Bootstrap5(app)
    app.add_template_filter(formats.whole)

    @app.context_processor
    def know() -> dict[str, object]:
        return {"language": str(get_locale())}

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", PAGES)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-cache" if request.endpoint in ("static", "bootstrap.static") else "no-store"
        return response

    return app


def _language() -> str:
    """The one that the customer site asked for; else the browser's."""
    asked = request.values.get("ui_locales", "")
    return asked if asked in ("lt", "en") else str(request.accept_languages.best_match(["lt", "en"], default="lt"))


def kept(path: Path, made: Callable[[], bytes]) -> bytes:
    """What the file holds, made at the first asking; of two processes that ask at once the first one's holds."""
    with suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(made())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_bytes()


def taken(folder: Path, name: str) -> bool:
    """Whether this is the first time, over all processes, that somebody takes what may be taken once."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (folder / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
