"""The first pages: the install's providers, one customer's statement, the language."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext as _, ngettext

import formats
import i18n
import web
from customer.pages.shares import notice
from models import Account, Organisation
from rules import access, billing, clock, third_party_payers, undeclared, use

pages = Blueprint("home", __name__)
NEWEST_BILLS = 4


@pages.get("/")
def organisations() -> Any:
    """The providers of this install; the only one's own door at once, and an organisation's own start for who is there already."""
    if web.organisation():
        return redirect(url_for("home.index"))
    doors = [(o, _door(o)) for o in Organisation.select().where(Organisation.is_active).order_by(Organisation.sort_key, Organisation.id)]
    return redirect(doors[0][1]) if len(doors) == 1 else render_template("customer/organisations.html", organisations=doors)


def _door(organisation: Organisation) -> str:
    return f"{request.scheme}://{organisation.host}/" if organisation.host else f"{request.script_root}/{organisation.slug}/"


@pages.get("/language/<any(lt, en):code>")
def language(code: str) -> Any:
    """Remember in this browser in which language to speak, and go back to the page that was open."""
    session["language"] = code
    start = f"{request.script_root}/"
    return redirect(web.safe_next(request.script_root + request.args.get("next", "/"), start))


@pages.get("/home")
def index() -> Any:
    """What I owe and by when, the one next act, twelve months of use, the latest bills."""
    account, today = web.viewer(), clock.today()
    if not access.holds_any(account):
        return render_template(
            "customer/no_contracts.html",
            payments=third_party_payers.due(account, today),
            may_pay_for_others=third_party_payers.is_on(account.organisation),
            **notice(account),
        )
    owed = billing.owed(account, today)
    return render_template(
        "customer/home.html",
        owed_cents=owed.total_cents,
        overdue_cents=owed.overdue_cents,
        due_on=owed.due_on,
        next_act=_next_act(account, owed),
        charts=charts(use.of(account, today)),
        bills=billing.newest(account, NEWEST_BILLS),
        may_pay_for_others=third_party_payers.is_on(account.organisation),
        today=today,
    )


def _next_act(account: Account, owed: billing.Owed) -> dict[str, str] | None:
    """The one thing to do now: show who one is where something waits for that, declare while the window is open, else pay what is due."""
    lacking = access.lacking_anywhere(account)
    if lacking:
        return {
            "when": _("First"),
            "title": _("Confirm who you are") if lacking == "strong" else _("Confirm your e-mail address"),
            "text": _("Contracts and bills wait for that. It is done once."),
            "url": url_for("account.identity", need=lacking, next=f"{request.script_root}{request.path}"),
            "label": _("Confirm"),
        }
    waiting = undeclared.by(account, clock.today())
    if waiting:
        count, closes_on = waiting
        return {
            "when": _("Until %(day)s", day=i18n.day_of_month(closes_on)),
            "title": _("Declare your meter readings"),
            "text": ngettext("One meter waits for its reading.", "%(num)s meters wait for their readings.", count),
            "url": url_for("readings.declare"),
            "label": _("Declare readings"),
        }
    if owed.overdue_cents > 0:
        return {
            "when": _("Overdue"),
            "title": _("Pay %(amount)s now", amount=i18n.money(owed.overdue_cents)),
            "text": _("The due day has passed. Each bill shows the account to pay to and what to quote."),
            "url": url_for("invoices.index"),
            "label": _("See what to pay"),
        }
    return None


def charts(uses: list[use.Use]) -> list[dict[str, Any]]:
    """Months of use as the bars of a chart want them, one chart for each kind of meter."""
    where, now_ = i18n.language(), clock.period(clock.today())
    return [
        {
            "uid": f"use-{number}",
            "title": one.kind.name(where),
            "unit": one.kind.unit,
            "points": [
                {
                    "label": formats.month_short(period, where),
                    "name": formats.month(period, where),
                    "value": milli,
                    "text": "" if milli is None else formats.quantity(milli, where),
                    "short": "" if milli is None else formats.quantity(_rounded(milli), where),
                    "kind": "now" if period == now_ else "",
                }
                for period, milli in one.months.items()
            ],
        }
        for number, one in enumerate(uses, start=1)
    ]


def _rounded(milli: int) -> int:
    """A use as short as a bar is wide: whole from a hundred, one decimal from one, two below."""
    step = 1000 if milli >= 100_000 else 100 if milli >= 1000 else 10
    return (milli + step // 2) // step * step
