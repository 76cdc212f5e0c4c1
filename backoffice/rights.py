"""Who may do what, on one page in plain words: staff by their role, customers by their access type (T30). Read off `rules/access.py` and
the desks themselves, so that it cannot say anything else than what holds."""

import uuid
from typing import Any

from flask_admin import expose
from flask_babel import gettext as _

from backoffice import cells, listing
from backoffice.desk import Desk
from backoffice.pages import Pages
from models import N_, ROLES, AccessType, sort_key
from rules import access

# What is no act of a desk, and so has no words there.
VERBS = {
    "view": N_("See"),
    "export": N_("Save as a file"),
    "create": N_("Add"),
    "edit": N_("Change what it says"),
    "enter_code": N_("Enter the code"),
    "view_code": N_("See the personal code"),
}
OTHERS = {"setting.change": (N_("Settings"), N_("Change a setting"))}


class RightsPage(Pages):
    """For whoever may see colleagues; it changes nothing."""

    title = N_("Who may do what")
    place = "rights"
    deed = "staff.view"

    @expose("/")
    @expose("/<uuid:public_id>/")
    def index(self, public_id: uuid.UUID | None = None) -> Any:
        listing.only()
        chosen, organisations = self.organisation(public_id)
        kinds = list(AccessType.select().where(AccessType.organisation == chosen).order_by(AccessType.position, AccessType.id))
        desk = self.desk("access_types")
        deeds = [
            (_(words), [deed in kind.deeds for kind in kinds])
            for deed, words in sorted(access.CUSTOMER_DEEDS.items(), key=lambda pair: sort_key(_(pair[1])))
        ]
        return self.render(
            "backoffice/rights.html",
            organisation_name=chosen.name,
            organisations=organisations,
            roles=[_(word) for _name, word in ROLES],
            groups=self.groups(),
            types=[(cells.access_type(kind.name), desk.address(kind.public_id) if desk.may("view") else "") for kind in kinds],
            deeds=deeds,
        )

    def groups(self) -> list[dict[str, Any]]:
        """What staff may do, by what it is done to: each deed in words, and which roles have it."""
        desks = {view.table: view for view in self.admin._views if isinstance(view, Desk)}
        found: dict[str, list[tuple[str, list[bool]]]] = {}
        for deed in sorted(frozenset().union(*access.STAFF_DEEDS.values()), key=_views_first):
            title, words = self.words(deed, desks)
            found.setdefault(title, []).append((words, [deed in access.STAFF_DEEDS[role] for role, _word in ROLES]))
        return [{"title": title, "rows": rows} for title, rows in sorted(found.items(), key=lambda group: sort_key(group[0]))]

    def words(self, deed: str, desks: dict[str, Any]) -> tuple[str, str]:
        """What a deed is done to, and what it is, as the desk's own page calls both."""
        if deed in OTHERS:
            title, said = OTHERS[deed]
            return _(title), _(said)
        table, _dot, verb = deed.partition(".")
        desk = desks[table]
        labels = {command.name: command.label for command in desk.commands}
        return str(desk.name), _(labels[verb]) if verb in labels else _(VERBS[verb])


def _views_first(deed: str) -> tuple[str, bool, str]:
    table, _dot, verb = deed.partition(".")
    return table, verb != "view", verb
