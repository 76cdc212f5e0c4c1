"""Whose documents this browser looks at (AG-11..13), and forms that know for which choice they were made (T13).

Every form's key ends with a mark of the choice under which it was shown. Sent under another one, from a tab that stayed open, nothing
is done: a page says for whom the form was made and gives it back, to be sent for that one.
"""

import re
from typing import Any

from flask import g, make_response, render_template, request, session
from flask_babel import gettext as _

import web
from models import Account
from rules import choosing, keys
from rules.choosing import ALL, OWN, Choice

MARK = re.compile(r"-for-([0-9a-f]{8})")
# These say for themselves what they are for, or are about the account alone.
WHATEVER_IS_CHOSEN = {"represented.choose", "sign_in.sign_out"}
ABOUT_THE_ACCOUNT = {"account", "identity", "visits"}


def apply(account: Account) -> None:
    """Narrow what this request shows to what the browser has chosen, and mark its forms with that."""
    chosen = Choice(*session.get(_slot(), (ALL, ALL)))
    g.chosen = choosing.choose(account, chosen)
    g.form_mark = f"-for-{_mark(g.chosen)}"


def choose(account: Account, choice: Choice) -> None:
    """Look at the documents of this choice from now on."""
    session[_slot()] = [choice.company, choice.provider]
    account.__dict__.pop("_narrowed", None)
    apply(account)


def check() -> Any:
    """Before a POST: None where it was made for what is chosen now, or says that it shall be; else the page that gives it back."""
    account = web.viewer()
    is_for_all = request.endpoint in WHATEVER_IS_CHOSEN or request.blueprint in ABOUT_THE_ACCOUNT
    if request.method != "POST" or not isinstance(account, Account) or is_for_all:
        return None
    said = MARK.search(request.form.get("form_key", ""))
    if said is None or f"-for-{said[1]}" == g.form_mark:
        return None
    made_for = next((one for one in choosing.options(account).all() if _mark(one) == said[1]), None)
    if made_for is not None and request.form.get("made_for") == said[1]:
        choose(account, made_for)
        return None
    kept = [(name, value) for name, value in web.sent_once() if name != "made_for"] if made_for else []
    page = render_template(
        "customer/stale.html",
        made_for=name(account, made_for) if made_for else "",
        now_at=name(account, g.chosen),
        kept=[*kept, ("made_for", said[1])] if kept else [],
        anew=request.full_path.rstrip("?") if request.url_rule and "GET" in (request.url_rule.methods or ()) else "",
    )
    return make_response(page, 409)


def name(account: Account, choice: Choice) -> str:
    """What is chosen, in words."""
    known = choosing.options(account)
    companies = {ALL: _("All companies") if known.companies else "", OWN: _("Only my own")} | {one[0]: one[1] for one in known.companies}
    providers = {ALL: ""} | {one[0]: one[1] for one in known.providers}
    said = [companies.get(choice.company, ""), providers.get(choice.provider, "")]
    return " · ".join(filter(None, said)) or _("All providers")


def selector() -> dict[str, Any] | None:
    """What the top right of a page offers to choose between; None where there is nothing."""
    account = web.viewer()
    if not isinstance(account, Account) or "chosen" not in g:
        return None
    known = choosing.options(account)
    if not known.companies and not known.providers:
        return None
    own = [(OWN, _("Only my own"))] if known.has_own else []
    return {
        "name": name(account, g.chosen),
        "chosen": g.chosen,
        "companies": [(ALL, _("All companies")), *((one[0], one[1]) for one in known.companies), *own] if known.companies else [],
        "providers": [(ALL, _("All providers")), *((one[0], one[1]) for one in known.providers)] if known.providers else [],
    }


def _mark(choice: Choice) -> str:
    return keys.digest("choice", f"{choice.company}:{choice.provider}")[:8]


def _slot() -> str:
    """In production all organisations share the cookie."""
    return f"chosen-{web.here().id}"
