"""What staff do with accounts themselves: changes of the e-mail, and seeing the site as a customer sees it."""

import uuid
from datetime import timedelta
from typing import Any

from flask import redirect
from flask_admin import expose
from flask_babel import gettext as _

import web
from backoffice import cells, fields, listing
from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.listing import Tab
from models import N_, EmailChange, Identity, Visit, now
from rules import email_changes, identities, identities_at_desk, links, visits

LOOKED_AT = timedelta(days=14)  # for so long the first page shows what nobody needs to close
DOUBTED = (N_("Documents to look at again"), N_("Somebody proved in another account to be the person that staff had written down."))


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


class Visits(Desk):
    model = Visit
    title = N_("Seeing as the customer")
    column_list = ("account.name", "staff.name", "asked_at", "allowed_how", "began_at", "ended_at")
    second_lines = {"account.name": "account.email"}
    column_labels = {"staff.name": N_("Who"), "allowed_by.name": N_("Administrator")}
    column_sortable_list = ("asked_at",)
    column_default_sort = "-asked_at"
    column_filters = ("organisation", "account")
    column_details_list = (
        "account.name", "staff.name", "reason", "asked_at", "allowed_at", "allowed_how", "allowed_by.name", "allowed_reason", "began_at",
        "until_at", "ended_at", "ended_by",
    )  # fmt: skip
    empty = (N_("Nobody has seen the site as a customer yet"), N_("Ask for it on the page of an account; the customer must agree."))
    commands = (
        Command(
            "override",
            N_("Allow without the customer"),
            visits.override,
            ask=N_("Only where the customer cannot agree and it must be. You answer for it, and the customer is told that you decided so."),
            needs=("reason",),
            done=N_("whoever asked may go on"),
            is_bulk=False,
            when=lambda visit: visit.allowed_at is None and visit.ended_at is None and visit.staff_id != web.viewer().id,
        ),
        Command(
            "leave",
            N_("End it"),
            visits.leave,
            ask=N_("Whoever looks is signed out of the customer site at once."),
            done=N_("it is over"),
            is_bulk=False,
            when=lambda visit: visit.ended_at is None and visit.staff_id == web.viewer().id,
        ),
    )
    own_pages = {"enter_code": "enter_code"}

    def acts(self, row: Visit) -> list[tuple[str, str, bool]]:
        """To whoever asked: first the code, then the way to the other site."""
        own = []
        if row.staff_id == web.viewer().id and row.allowed_at is None and row.ended_at is None and self.may("enter_code"):
            own.append((_("Enter the code"), self.address(row.public_id, "code"), True))
        if visits.may_begin(row, web.viewer()):
            url = links.visit(fields.GIVEN["site_url"](row), row.public_id, visits.token(row))
            own.append((_("Open the customer's site"), url, True))
        return [*own, *super().acts(row)]

    def beside(self, row: Visit) -> str:
        return str(row.reason)

    @expose("/<uuid:public_id>/code/", methods=("GET", "POST"))
    @web.once
    def enter_code(self, public_id: uuid.UUID) -> Any:
        """Not a `Command`, as with a change of e-mail: a wrong code must stay counted."""
        listing.only()
        row = self.get_one(public_id)
        form, back = fields.needs_form(("code",), row), self.address(row.public_id)
        if form.validate_on_submit():
            with web.asking(form):
                visits.enter_code(row, code=form.code.data, by=web.viewer())
                web.tell(_("The customer agrees. Open the customer's site within two minutes."))
                return redirect(back, 303)
        said = _("It is shown on the customer's account page, and has come by e-mail. It is good for ten minutes.")
        return self.asked(form, [row], _("Enter the code"), said, back)


class Identities(Desk):
    """Never a personal code: who needs it asks the register, or the person."""

    model = Identity
    title = N_("Identities")
    column_list = ("account.name", "method", "last_name", "confirmed_at", "last_used_at", "ended_at")
    second_lines = {"account.name": "account.email", "method": "level"}
    part_columns = ("method", "last_name", "confirmed_at", "ended_at")
    extra_columns = ("first_name",)
    shown = {
        "method": lambda row: _(identities.title(row["method"])),
        "last_name": lambda row: f"{row['first_name']} {row['last_name']}".strip() or cells.NOTHING,
    }
    in_words = ("method", "last_name")
    column_labels = {"last_name": N_("Person"), "staff.name": N_("Confirmed by staff")}
    column_sortable_list = ("confirmed_at",)
    column_default_sort = "-confirmed_at"
    column_filters = ("organisation", "account")
    tabs = (Tab("doubted", N_("Doubted documents"), lambda t, at: (t.ended_by == "proof") & (t.ended_at > at - LOOKED_AT), queue=DOUBTED),)
    column_details_list = (
        "account.name", "method", "last_name", "level", "country", "born_on", "document", "staff.name", "confirmed_at", "last_used_at",
        "ended_at", "ended_by",
    )  # fmt: skip
    empty = (N_("No identity is confirmed yet"), N_("They appear here as customers prove who they are."))
    commands = (
        Command(
            "unlink",
            N_("Unlink"),
            identities_at_desk.unlink,
            ask=N_(
                "It no longer opens the account, what the person heads by it ends, the customer is signed out everywhere and is told. "
                "E-mail and password still open the account. If the customer had proven it, nothing of the account can be given to others "
                "for 72 hours."
            ),
            needs=("reason",),
            done=N_("no longer opens the account"),
            is_bulk=False,
            gives=("site_url",),
            when=lambda identity: identity.ended_at is None,
        ),
    )

    def heading(self, row: Identity) -> str:
        return f"{row} · {_(identities.title(row.method))}"
