"""Who works here, and for which organisation."""

from typing import Any

from flask_babel import gettext as _

import web
from backoffice import cells, fields
from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.grid import Column, Line
from backoffice.lookups import Lookup
from models import N_, Building, Organisation, Staff, now
from rules import details, staff


class StaffDesk(Desk):
    model = Staff
    endpoint_name = "staff"
    title, add, add_button = N_("Staff"), N_("Invite a colleague"), N_("Send the invitation")
    column_list = ("name", "role", "is_active", "locked_until", "last_seen_at")
    second_lines = {"name": "email"}
    shown = {"locked_until": lambda row: cells.locked(row["locked_until"])}
    column_sortable_list = (("name", "sort_key"),)
    column_default_sort = "name"
    column_filters = ("organisation",)
    column_details_list = ("email", "role", "is_active", "language", "created_at", "last_seen_at", "locked_until")
    form_ajax_refs = {"organisation": Lookup(Organisation)}
    search_hint = N_("Name or e-mail")
    verbs = {"create_view": "invite"}
    commands = (
        Command(
            "change_role",
            N_("Change role"),
            staff.change_role,
            ask=N_("They are signed out everywhere, told by e-mail, and can do what the new role allows when they sign in again."),
            needs=("role", "reason"),
            done=N_("has a new role"),
            is_bulk=False,
            when=lambda person: person.is_active,
        ),
        Command(
            "change_buildings",
            N_("Change buildings"),
            staff.change_buildings,
            ask=N_("A property manager sees these buildings, their customers, meters and bills, and nothing else."),
            needs=("buildings", "reason"),
            done=N_("has other buildings now"),
            is_bulk=False,
            when=lambda person: person.is_active and person.role == "property_manager",
        ),
        Command(
            "unlock",
            N_("Unlock"),
            staff.unlock,
            ask=N_("They can sign in again at once with their own password and code."),
            needs=("reason",),
            is_main=True,
            done=N_("can sign in again"),
            is_bulk=False,
            when=lambda person: person.locked_until is not None and person.locked_until > now(),
        ),
        Command(
            "invite",
            N_("Send a new invitation"),
            staff.invite_again,
            ask=N_("The link in it sets a new password and a new authenticator app. It works once, for 72 hours; older links end now."),
            done=N_("has been invited again"),
            is_bulk=False,
            gives=("staff_url",),
        ),
        Command(
            "dismiss",
            N_("End access"),
            staff.dismiss,
            ask=N_("They are signed out at once and cannot come in again until they are invited anew. What they did stays written."),
            needs=("reason",),
            done=N_("no longer works here"),
            is_bulk=False,
            when=lambda person: person.is_active,
        ),
    )

    def scaffold_form(self) -> Any:
        return fields.invite_form(self)

    def create(self, form: Any) -> Staff:
        viewer = web.viewer()
        said = {name: form[name].data for name in ("email", "name", "role", "language")}
        organisation = form.organisation.data if "organisation" in form else viewer.organisation
        staff.invite(**said, organisation=organisation, by=viewer, **{"staff_url": fields.GIVEN["staff_url"](viewer)})
        return Staff.get(Staff.email_key == details.login(said["email"]))

    def dossier(self, row: Staff) -> dict[str, Any]:
        houses = Building.within(web.viewer()).where(Building.id.in_(row.building_ids())).order_by(Building.sort_key)
        lines = [Line("", self.other("buildings").address(h.public_id), h.address, [(h.address, "")]) for h in houses]
        part = {"title": _("Buildings"), "columns": [Column("", _("Address"), "", "", "")], "lines": lines, "url": ""}
        return super().dossier(row) | {"related": [part] if row.role == "property_manager" else [], "subheading": row.email}


class Organisations(Desk):
    model = Organisation
    title = N_("Organisations")
    column_list = ("name", "slug", "host", "is_active")
    column_sortable_list = (("name", "sort_key"),)
    column_default_sort = "name"
    column_details_list = ("name", "slug", "host", "phone", "email", "brand", "is_active")
    form_columns = ("name", "phone", "email", "brand")
    related = (("providers", "organisation"), ("staff", "organisation"))
    empty = (N_("No organisations yet"), N_("The operator adds them with “flask portal load-organisation”."))
