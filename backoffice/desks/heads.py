"""Who heads companies, as the register of legal entities and documents say."""

from typing import Any

from flask_babel import gettext as _

import web
from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.listing import Tab
from models import N_, Event, Head
from rules import access, heads, personal_codes

MOST_SHOWN = 100


class Heads(Desk):
    """A list never shows a personal code; the page of one head does, to those who may see it, and each look is written down (M02)."""

    model = Head
    title = N_("Heads of companies")
    column_list = ("last_name", "company.name", "since_on", "source", "seen_at")
    part_columns = ("last_name", "since_on", "source", "ended_at")
    extra_columns = ("first_name",)
    shown = {"last_name": lambda row: f"{row['first_name']} {row['last_name']}"}
    in_words = ("last_name",)
    column_labels = {"last_name": N_("Head of the company")}
    column_sortable_list = ("seen_at",)
    column_default_sort = "-seen_at"
    column_filters = ("organisation", "company")
    column_details_list = (
        "company.name", "company.code", "company.legal_status", "since_on", "source", "document", "staff.name", "seen_at", "ended_at",
        "representative.account.name",
    )  # fmt: skip
    empty = (N_("No heads of companies yet"), N_("They appear here when the register is read at night, or when staff enter one."))
    tabs = (
        Tab("now", N_("Now"), lambda t, at: t.ended_at.is_null()),
        Tab("ended", N_("Former"), lambda t, at: t.ended_at.is_null(False)),
    )
    commands = (
        Command(
            "end",
            N_("End"),
            heads.end,
            ask=N_(
                "The person no longer heads the company: their access to it and their sessions end at once. "
                "What they have given to others stays, and is shown to whoever heads the company now."
            ),
            needs=("reason",),
            is_bulk=False,
            done=N_("no longer heads the company"),
            when=lambda head: head.source == "staff" and head.ended_at is None,
        ),
    )

    def those(self, numbers: list[int]) -> dict[str, Any]:
        """The heads that a run of the register would end, for whoever looks whether they should."""
        names = ("last_name", "company.name", "since_on", "source")
        found = self.get_query().where(Head.id.in_(numbers[:MOST_SHOWN])).order_by(Head.id)
        columns = [column._replace(order="", now="") for column in self.columns(self._plain(), {}, names)]
        lines = self.lines(list(self.select(found, self.read(names)).tuples()), names)
        return {"title": _("Heads that would end"), "columns": columns, "lines": lines, "url": ""}

    def beside(self, row: Head) -> str:
        return row.company.name

    def dossier(self, row: Head) -> dict[str, Any]:
        return super().dossier(row) | {"subheading": row.company.name}

    def facts(self, row: Head) -> list[tuple[str, Any]]:
        code = [(_("Personal code"), personal_codes.unseal(row.code_sealed))] if access.allows(web.viewer(), "head.view_code") else []
        return [*super().facts(row), *code]

    def events_of(self, row: Head) -> Any:
        return (Event.subject == f"company:{row.company_id}") & Event.name.startswith("head.")
