"""The backoffice: what people who work here see. Knows nothing of the customer site."""

import functools
from collections.abc import Callable
from typing import Any

import flask_admin.babel
import flask_admin.translations
from flask import render_template, request
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from markupsafe import Markup

import health
import i18n
import tasks
import web
from backoffice import desks, grid, looked, sign_in
from backoffice.desk import Desk
from backoffice.home import Home
from config import Config
from models import Staff
from rules import access, sessions

# Flask-Admin speaks no Lithuanian and keeps what it has found first for as long as the process lives: ours comes before the first page.
type(flask_admin.babel.domain).translation_directories = property(lambda self: [*flask_admin.translations.__path__, i18n.TRANSLATIONS])
flask_admin.babel.wtforms_domain._translation_directories = [i18n.TRANSLATIONS]


def create_app(config: Config) -> web.Site:
    """The backoffice of this install, for the staff of all its organisations."""
    views = [page(heading) for heading, pages in desks.MENU.items() for page in pages]
    routes = access.STAFF_ROUTES | {page: deed for view in views if isinstance(view, Desk) for page, deed in view.routes().items()}
    site = web.create_site("staff", config, key="staff_secret_key", routes=routes, whose=_whose, ring=tasks.ring)
    for page in (health, sign_in):
        site.register_blueprint(page.pages)
    site.add_template_global(grid.rows, "table_rows")
    site.add_template_global(_menu(), "menu")
    theme = Bootstrap4Theme(base_template="admin/base.html", fluid=True)
    admin = Admin(site, name="Savitarna", index_view=Home(), theme=theme, csp_nonce_generator=web.csp_nonce)
    for view in views:
        admin.add_view(view)
        view.menu._cache = False  # an address is of this request: the site may stand under another one
    site.after_request(looked.write_down)  # runs before the shared one, which adds the headers
    return site


def _whose(secret: str) -> Staff | None:
    # A page that says by itself that it is still open is nobody at work: else a desk that was left would never be signed out.
    return sessions.staff(secret, is_at_work=not (request.endpoint or "").endswith(".here"))


def _menu() -> Callable[[Any], Markup]:
    """What writes the menu beside a view. What stands in it follows from the role alone, so it is written once for each role, language
    and address: twenty entries that are asked one by one cost as much as a page's rows."""

    @functools.lru_cache(maxsize=1024)
    def written(admin_view: Any, _role: str, _language: str, _root: str) -> Markup:
        return Markup(render_template("backoffice/menu.html", admin_view=admin_view))  # noqa: S704 -- a template's own

    def menu(admin_view: Any) -> Markup:
        return written(admin_view, web.viewer().role, i18n.language(), request.script_root)

    return menu
