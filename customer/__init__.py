"""The customer site: what residents and companies see. Knows nothing of the backoffice."""

from flask import request, url_for
from flask_babel import gettext as _

import health
import tasks
import web
from config import Config
from customer import represented
from customer.pages import (
    account,
    company,
    contracts,
    home,
    identity,
    invitations,
    invoices,
    looks,
    meters,
    payers,
    readings,
    register,
    shares,
    sign_in,
    visits as visit_pages,
)
from models import Account, Organisation
from rules import access, sessions, visits


def create_app(config: Config) -> web.Site:
    """The site of every organisation of this install."""
    web.bind(config, keep_plans=True)
    site = web.create_site("customer", config, key="customer_secret_key", routes=access.CUSTOMER_ROUTES, whose=_whose, ring=tasks.ring)
    for page in (
        health, home, register, sign_in, identity, account, company, invitations, contracts, shares, payers, invoices, looks, meters,
        readings,
        visit_pages,
    ):  # fmt: skip
        site.register_blueprint(page.pages)
    site.register_blueprint(company.chosen)
    site.before_request(represented.check)
    site.context_processor(lambda: {"nav": _nav(), "minutes_left": visits.minutes_left})
    return site


def _whose(secret: str) -> Account | None:
    here = web.organisation()
    account = sessions.customer(secret, here) if isinstance(here, Organisation) else None
    if account is None:
        return None
    represented.apply(account)
    return visits.checked(account) if account.session.visit_id is not None else account


PART_OF = {"readings": "meters", "contracts": "account", "looks": "account", "companies": "account", "invitations": "account"}


def _nav() -> list[tuple[str, str, str, bool]]:
    """The four places of a signed-in customer: address, label, icon, whether it is here."""
    if not isinstance(web.viewer(), Account):
        return []
    here = PART_OF.get(request.blueprint or "", request.blueprint)
    places = (("home", _("Home"), "home"), ("invoices", _("Bills"), "bill"), ("meters", _("Meters"), "meter"))
    nav = [(url_for(f"{name}.index"), label, icon, here == name) for name, label, icon in places]
    return [*nav, (url_for("account.view"), _("Account"), "person", here == "account")]
