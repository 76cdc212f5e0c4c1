"""How things run: mail, what came with the billing feed, files of lists, and what has happened."""

import uuid
from collections.abc import Iterable
from typing import Any

from flask import redirect
from flask_admin import expose
from flask_babel import gettext as _

import formats
import i18n
import web
from backoffice import cells, exports, timeline
from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.listing import Tab
from models import N_, Event, Export, Message, SyncProblem, SyncRun, now
from rules import messages, register, sync
from rules.refusal import Refused

UNDELIVERED = (N_("Mail not delivered"), N_("It was given up: the address may be wrong."))
ASIDE = (N_("Records put aside"), N_("They came with a feed and could not be taken in."))


class Messages(Desk):
    model = Message
    title = N_("Mail")
    column_list = ("to", "kind", "state", "tries", "created_at")
    second_lines = {"state": "error"}
    shown = {"kind": lambda row: cells.mail(row["kind"])}
    column_sortable_list = ("created_at",)
    column_default_sort = "-created_at"
    column_filters = ("organisation", "account")
    column_details_list = ("to", "account.name", "kind", "state", "created_at", "sent_at", "tries", "error")
    search_hint = N_("Address")
    empty = (N_("No mail yet"), N_("Every e-mail to customers and staff appears here."))
    tabs = (
        Tab("dead", N_("Not delivered"), lambda t, at: t.state == "dead", queue=UNDELIVERED),
        Tab("waiting", N_("Waiting"), lambda t, at: t.state == "new"),
    )
    commands = (
        Command(
            "send_again",
            N_("Send again"),
            messages.send_again,
            ask=N_("The mail goes out within a minute, to the same address, and is tried for two days."),
            needs=("reason",),
            is_main=True,
            done=N_("will be sent again"),
            when=lambda message: message.state == "dead",
        ),
    )

    def heading(self, row: Message) -> str:
        return cells.mail(row.kind)

    def named(self, row: Message) -> str:
        return f"{cells.mail(row.kind)} · {row.to}"


class SyncRuns(Desk):
    model = SyncRun
    title = N_("Runs of feeds")
    column_list = ("started_at", "feed", "seen", "created", "changed", "problems")
    second_lines = {"started_at": "error"}
    column_sortable_list = ("started_at",)
    column_default_sort = "-started_at"
    column_filters = ("organisation", "started_at")
    column_details_list = ("feed", "started_at", "finished_at", "seen", "created", "changed", "same", "problems", "error")
    shown = {"feed": lambda row: cells.feed(row["feed"])}
    related = (("sync_problems", "run"),)
    empty = (N_("No feed has been read yet"), N_("Each reading of one appears here, with what came and what was put aside."))

    def heading(self, row: SyncRun) -> str:
        return f"{cells.feed(row.feed)} {formats.moment(row.started_at, i18n.language())}"


class SyncProblems(Desk):
    model = SyncProblem
    title = N_("Put aside")
    column_list = ("message", "seen_at", "resolved_at")
    second_lines = {"message": "reference"}
    column_sortable_list = ("seen_at",)
    column_default_sort = "-seen_at"
    column_filters = ("organisation", "run")
    column_details_list = ("message", "reference", "run.started_at", "seen_at", "resolved_at", "record")
    column_labels = {"record": N_("Record")}
    extra_columns = ("facts",)
    shown = {"message": lambda row: cells.sentence(row["message"], row["facts"]), "record": lambda row: cells.json(row["record"])}
    in_words = ("message",)
    search_hint = N_("Invoice number or place in the file")
    empty = (N_("Nothing was put aside"), N_("What came with a feed and cannot be taken in waits here, with the reason."))
    tabs = (Tab("open", N_("To look at"), lambda t, at: t.resolved_at.is_null(), queue=ASIDE),)
    commands = (
        Command(
            "resolve",
            N_("Close"),
            sync.resolve,
            ask=N_("The record stays put aside and is not tried again, for as long as the billing system says the same."),
            needs=("reason",),
            is_main=True,
            done=N_("was closed"),
            when=lambda problem: problem.resolved_at is None and problem.kind != register.HELD,
        ),
        Command(
            "let_pass",
            N_("Let it pass"),
            register.let_pass,
            ask=N_(
                "The register is read again tonight; if it still says so, these heads lose their access then, and their sessions end. "
                "Make sure first that the register's answers are right."
            ),
            needs=("reason",),
            is_bulk=False,
            is_main=True,
            done=N_("will pass when the register is read next"),
            when=lambda problem: problem.kind == register.HELD and problem.resolved_at is None,
        ),
    )

    def heading(self, row: SyncProblem) -> str:
        return cells.sentence(row.message, row.facts)

    def named(self, row: SyncProblem) -> str:
        return f"{row.reference} · {self.heading(row)}" if row.reference else self.heading(row)

    def _related(self, row: SyncProblem) -> Iterable[dict[str, Any]]:
        yield from super()._related(row)
        if row.kind == register.HELD and self.other("heads").may("view"):
            yield self.other("heads").those(row.facts["those"])


class Exports(Desk):
    model = Export
    title = N_("My exports")
    column_list = ("desk", "state", "total", "created_at", "expires_at")
    second_lines = {"desk": "reason"}
    in_words = ("desk",)
    extra_columns = ("desk",)
    column_sortable_list = ("created_at",)
    column_default_sort = "-created_at"
    column_details_list = ("kind", "total", "filters", "reason", "created_at", "expires_at")
    empty = (N_("You have exported nothing yet"), N_("“Export” above a list makes a file of its rows. It can be taken here for a day."))
    details_template = "backoffice/export.html"

    @property
    def shown(self) -> dict[str, Any]:  # type: ignore[override]
        return {
            "desk": lambda row: self.other(row["desk"]).name,
            "filters": lambda row: timeline.narrowed(row["desk"], row["filters"])["filters"],
        }

    def routes(self) -> dict[str, str | None]:
        return super().routes() | {"exports.file": "export.view"}

    def heading(self, row: Export) -> str:
        return _("Export: %(list)s", list=self.other(row.desk).name)

    def happened(self, row: Export) -> dict[str, Any]:
        return {"events": [], "more_events_url": ""}

    def dossier(self, row: Export) -> dict[str, Any]:
        can_take = row.state == "ready" and row.expires_at > now()
        return super().dossier(row) | {"file_url": self.address(row.public_id, "file") if can_take else ""}

    @expose("/<uuid:public_id>/file/")
    def file(self, public_id: uuid.UUID) -> Any:
        """The file itself, for who asked for it, as long as they may see what is in it (T22)."""
        row = self.get_one(public_id)
        try:
            return exports.taken(self, row)
        except Refused as no:
            web.tell(i18n.say(no), "warning")
            return redirect(self.address(row.public_id), 303)


class Events(Desk):
    model = Event
    title = N_("Events")
    column_list = ("name", "actor", "account.name", "at")
    second_lines = {"name": "facts"}
    column_sortable_list = (("at", "id"),)
    column_default_sort = "-at"
    column_filters = ("organisation", "account", "name", "at")
    column_details_list = ("name", "facts", "actor", "account.name", "subject", "at", "seal.sealed_at", "digest")
    column_labels = {"digest": N_("Digest"), "facts": N_("Facts"), "seal.sealed_at": N_("Sealed")}
    in_words = ("name", "actor", "facts")
    read_as = {"actor": timeline.name_of}
    shown = {
        "name": lambda row: timeline.title(row["name"]),
        "facts": lambda row: timeline.detail(row["name"], row["facts"]),
        "actor": lambda row: timeline.who(row["actor"]),
        "subject": lambda row: timeline.table(row["subject"].partition(":")[0]),
    }
    empty = (N_("Nothing has happened yet"), N_("Everything that people and the system do is written down here, for good."))

    def choice_words(self, name: str) -> Iterable[tuple[str, str]]:
        return [(event, title) for event, (title, _detail) in timeline.WORDS.items()] if name == "name" else super().choice_words(name)

    def heading(self, row: Event) -> str:
        return timeline.title(row.name)

    def happened(self, row: Event) -> dict[str, Any]:
        return {"events": [], "more_events_url": ""}
