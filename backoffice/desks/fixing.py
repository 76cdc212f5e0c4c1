"""What staff do to accounts themselves: changes of the e-mail."""

import uuid
from typing import Any

from flask import redirect
from flask_admin import expose
from flask_babel import gettext as _

import web
from backoffice import fields, listing
from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.listing import Tab
from models import N_, EmailChange, now
from rules import email_changes


def waits(change: EmailChange, state: str) -> bool:
    """Whether a change waits in that state, and may still go on."""
    return change.state == state and change.expires_at > now()


class EmailChanges(Desk):
    model = EmailChange
    title = N_("Changes of e-mail")
    column_list = ("account.name", "new", "proof", "state", "asked_at", "asked_by.name")
    second_lines = {"new": "old"}
    column_labels = {"asked_by.name": N_("Asked by"), "answered_by.name": N_("Answered by")}
    column_sortable_list = ("asked_at",)
    column_default_sort = "-asked_at"
    column_filters = ("organisation", "account")
    column_details_list = (
        "account.name", "old", "new", "proof", "state", "asked_by.name", "reason", "asked_at", "expires_at", "answered_by.name", "answer",
        "changed_at",
    )  # fmt: skip
    tabs = (
        Tab(
            "colleague",
            N_("For a colleague"),
            lambda t, at: (t.state == "colleague") & t.ended_at.is_null() & (t.expires_at > at),
            "asked_at",
            (N_("E-mails to be changed"), N_("A colleague asked for it; somebody else must look at it too.")),
        ),
    )
    empty = (N_("No e-mail was changed yet"), N_("When a customer calls because of another e-mail, begin on the page of the account."))
    commands = (
        Command(
            "approve",
            N_("Let it go on"),
            email_changes.approve,
            ask=N_(
                "You are the second pair of eyes: find out by yourself that the customer wants it, best in person with a document. "
                "Then the new address gets its letter."
            ),
            needs=("reason",),
            done=N_("the new address has been asked to confirm"),
            is_bulk=False,
            is_main=True,
            when=lambda change: waits(change, "colleague") and change.asked_by_id != web.viewer().id,
            gives=("site_url",),
        ),
        Command(
            "refuse",
            N_("Refuse"),
            email_changes.refuse,
            ask=N_("The e-mail stays as it is, and the present address is told."),
            needs=("reason",),
            done=N_("the e-mail stays as it is"),
            is_bulk=False,
            when=lambda change: change.ended_at is None,
        ),
    )
    own_pages = {"enter_code": "enter_code"}

    def acts(self, row: EmailChange) -> list[tuple[str, str, bool]]:
        own = [(_("Enter the code"), self.address(row.public_id, "code"), True)] if waits(row, "code") and self.may("enter_code") else []
        return [*own, *super().acts(row)]

    def beside(self, row: EmailChange) -> str:
        return str(row.account)

    @expose("/<uuid:public_id>/code/", methods=("GET", "POST"))
    @web.once
    def enter_code(self, public_id: uuid.UUID) -> Any:
        """Not a `Command`: a wrong code must stay counted, and an act that is refused takes everything back."""
        listing.only()
        row = self.get_one(public_id)
        form, back = fields.needs_form(("code",), row), self.other("accounts").address(row.account.public_id)
        if form.validate_on_submit():
            with web.asking(form):
                email_changes.enter_code(row, code=form.code.data, by=web.viewer(), site_url=fields.GIVEN["site_url"](row))
                web.tell(_("The code is right: the new address has been asked to confirm."))
                return redirect(back, 303)
        return self.asked(
            form, [row], _("Enter the code"), _("It went to %(old)s. With it the new address gets its letter.", old=row.old), back
        )
