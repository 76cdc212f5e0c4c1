"""Who looked at my data: what staff saw, took along and changed, with who, when and why (M02)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, render_template
from flask_babel import gettext as _

import web
from customer import turning
from models import N_, ROLES
from rules import looks, settings

pages = Blueprint("looks", __name__)
ONE_SITTING = timedelta(minutes=30)

SAW = {
    "account": N_("Looked at your account"),
    "company": N_("Looked at a company that you represent"),
    "contract": N_("Looked at your contracts"),
    "emailchange": N_("Looked at a change of your e-mail address"),
    "event": N_("Looked at the history of your account"),
    "invitation": N_("Looked at an invitation that you sent"),
    "invoice": N_("Looked at your bills"),
    "head": N_("Looked at that you head a company"),
    "membership": N_("Looked at who has access to your contracts"),
    "message": N_("Looked at letters sent to you"),
    "meter": N_("Looked at your meters"),
    "reading": N_("Looked at your readings"),
    "representative": N_("Looked at your place in a company"),
    "identity": N_("Looked at your ways to sign in"),
    "visit": N_("Looked at who has seen the site as you see it"),
    "syncproblem": N_("Looked at a record about you from the billing system"),
}
LOOKED, CHANGED = N_("Looked at your data"), N_("Changed something in your data")
DID = {
    "account.details_changed": N_("Changed your name or language"),
    "account.email_change_asked": N_("Asked for your e-mail address to be changed"),
    "account.email_change_proven": N_("Let a change of your e-mail address go on"),
    "account.email_change_refused": N_("Refused a change of your e-mail address"),
    "account.visit_allowed": N_("Was allowed to see the site as you see it"),
    "account.visit_asked": N_("Asked you to let them see the site as you see it"),
    "account.visit_began": N_("Saw the site as you see it"),
    "account.visit_ended": N_("Stopped seeing the site as you see it"),
    "account.merge_undone": N_("Parted an account that had been joined with yours"),
    "account.merged": N_("Joined another account of yours with this one"),
    "account.merged_into": N_("Joined this account with another one of yours"),
    "account.unlocked": N_("Unlocked your account"),
    "company.changed": N_("Changed what is known of a company that you represent"),
    "company.parent_changed": N_("Changed to which company a company belongs"),
    "contract.attached_by_staff": N_("Added a contract to your account"),
    "contract.company_changed": N_("Changed of which company a contract is"),
    "contract.changed": N_("Changed what your contract says"),
    "contract.detached_by_staff": N_("Removed a contract from your account"),
    "contract.placed": N_("Changed in which house your contract is"),
    "head.ended": N_("Ended that you head a company"),
    "head.named": N_("Entered that you head a company"),
    "invitation.ended": N_("Took back an invitation that you sent"),
    "invitation.sent": N_("Sent an invitation into a company"),
    "invitation.sent_again": N_("Sent an invitation of yours again"),
    "identity.confirmed_by_staff": N_("Wrote down who you are, from your document"),
    "identity.ended": N_("Ended one of your ways to sign in"),
    "membership.access_type_changed": N_("Changed what you may do with a contract"),
    "membership.given_back": N_("Took a contract back from a company: it is your own again"),
    "membership.replaced": N_("Gave a contract of yours to a company that you represent"),
    "membership.restored": N_("Gave a contract back to your account"),
    "message.sent_again": N_("Sent you a letter again"),
    "representative.access_type_changed": N_("Changed what you may do for a company"),
    "representative.added": N_("Gave you access to a company"),
    "representative.removed": N_("Ended your access to a company"),
    "share.ended": N_("Ended what you shared with somebody"),
    "thirdpartypayer.ended": N_("Ended that you pay for somebody else"),
    "reading.corrected": N_("Corrected a reading of your meter"),
    "reading.correction_undone": N_("Took a correction of your reading back"),
    "reading.entered": N_("Entered a reading of your meter"),
}


@dataclass
class Sitting:
    """What one person did within half an hour of each other."""

    who: str
    works_for: str
    actor: str
    until: datetime
    since: datetime
    acts: list[str]
    reasons: list[str]


@pages.get("/account/who-looked")
def index() -> Any:
    """Newest first, a page at a time."""
    account = web.viewer()
    page = looks.page(account, **turning.marks())
    return render_template(
        "customer/looks.html",
        sittings=_sittings(page.rows),
        months=settings.of(account.organisation).looks_months,
        **turning.links(page, "looks.index"),
    )


OF_ANOTHER = {"thirdpartypayer.ended"}  # the reason may be what whoever has the contract has told of themselves (T98)


def _sittings(found: Any) -> list[Sitting]:
    made: list[Sitting] = []
    for look in found:
        if not made or made[-1].actor != look.actor or made[-1].since - look.at > ONE_SITTING:
            role = _(dict(ROLES)[look.role]) if look.role in dict(ROLES) else _("Staff")
            who = f"{look.name}, {role}" if look.name else role
            made.append(Sitting(who, look.works_for, look.actor, look.at, look.at, [], []))
        sitting, said = made[-1], sentence(look.event, look.facts)
        sitting.since = look.at
        if said not in sitting.acts:
            sitting.acts.insert(0, said)
        reason = str(look.facts.get("reason") or "")
        if reason and look.event not in OF_ANOTHER and reason not in sitting.reasons:
            sitting.reasons.insert(0, reason)
    return made


def sentence(event: str, facts: dict[str, Any]) -> str:
    """What somebody did, as the customer reads it."""
    if event == "account.viewed":
        return _("Found you by a search") if facts.get("how") == "found" else _(SAW.get(facts.get("of", ""), LOOKED))
    if event == "rows.exported" and facts.get("count") == 1:
        return _("Saved a file with your data")
    if event == "rows.exported":
        return _("Saved a file that has your data among others' (%(count)s rows)", count=facts.get("count", 0))
    return _(DID.get(event, CHANGED))
