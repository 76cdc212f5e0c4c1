"""The backoffice as a table of contents. Labels, help and choices come from models.py; who may do what from rules/access.py."""

import uuid
from collections.abc import Iterable
from datetime import date, timedelta
from functools import partial
from typing import Any

from flask import Response, redirect
from flask_admin import expose
from flask_babel import gettext as _
from peewee import fn

import formats
import web
from backoffice import bills, cells, exports, fields, listing, timeline
from backoffice.acts import Command
from backoffice.desk import Desk, desk
from backoffice.grid import Column, Line
from backoffice.listing import Tab
from backoffice.lookups import ContractLookup, Lookup
from models import (
    N_,
    AccessType,
    Account,
    Building,
    Contract,
    Event,
    Export,
    Invoice,
    Membership,
    Message,
    Meter,
    MeterKind,
    Organisation,
    Premises,
    Provider,
    Reading,
    Staff,
    SyncProblem,
    SyncRun,
    now,
)
from rules import accounts, clock, corrections, details, holding, messages, places, staff, sync
from rules.refusal import Refused

CUSTOMERS, PLACES, METERS, BILLS, WORK = N_("Customers"), N_("Buildings"), N_("Meters"), N_("Bills"), N_("How things run")
LONG_LIST = 100
UNDONE_WITHIN = timedelta(days=30)
FORMS = ("payer_code_form", "invoice_number_form")
LOCKED = (N_("Locked accounts"), N_("They cannot sign in until the lock ends."))
UNDELIVERED = (N_("Mail not delivered"), N_("It was given up: the address may be wrong."))
ASIDE = (N_("Records put aside"), N_("They came with the billing feed and could not be taken in."))


# ---- customers --------------------------------------------------------------------------------------------------------


@desk(Account, menu=CUSTOMERS)
class Accounts(Desk):
    title = N_("Accounts")
    column_list = ("name", "phone", "locked_until", "created_at", "last_seen_at")
    second_lines = {"name": "email"}
    shown = {"locked_until": lambda row: cells.locked(row["locked_until"])}
    column_sortable_list = (("name", "sort_key"), "created_at")
    column_default_sort = "name"
    column_filters = ("organisation",)
    column_details_list = (
        "email", "email_confirmed_at", "phone", "person_type", "language", "created_at", "last_seen_at", "locked_until",
    )  # fmt: skip
    form_columns = ("name", "language")
    changed_event = "account.details_changed"
    search_hint = N_("Name, e-mail or phone")
    empty = (N_("No accounts yet"), N_("Customers appear here as they register."))
    tabs = (
        Tab("locked", N_("Locked"), lambda t, at: t.locked_until > at, "-locked_until", LOCKED),
        Tab("newest", N_("New this month"), lambda t, at: t.created_at > at - timedelta(days=30), "-created_at"),
    )
    commands = (
        Command(
            "unlock",
            N_("Unlock"),
            accounts.unlock,
            ask=N_("They can sign in again at once with their own password, and are told so by e-mail."),
            needs=("reason",),
            is_main=True,
            done=N_("can sign in again"),
            when=lambda account: account.is_locked(now()),
        ),
        Command(
            "change_email",
            N_("Change e-mail"),
            accounts.ask_email_change,
            ask=N_(
                "The new address gets a link to confirm, and the e-mail changes only then. The old address is told at once and can "
                "undo the change for 72 hours. When it changes, the customer is signed out everywhere."
            ),
            needs=("email", "reason"),
            done=N_("the new address has been asked to confirm"),
            is_bulk=False,
            gives=("site_url",),
        ),
        Command(
            "attach_contract",
            N_("Add a contract"),
            holding.attach,
            ask=N_(
                "The customer sees its bills and meters at once, and is told by e-mail; so is whoever has it already. "
                "It can be removed again."
            ),
            needs=("contract", "access_type", "reason"),
            done=N_("the contract was added"),
            is_bulk=False,
        ),
    )
    form_ajax_refs = {"contract": ContractLookup()}
    details_template = "backoffice/account.html"

    def dossier(self, row: Account) -> dict[str, Any]:
        return super().dossier(row) | {
            "subheading": row.email,
            "contracts": self.held(row),
            "ended": self.ended(row),
            "tries": self.tries(row),
            "lock": row.is_locked(now()),
        }

    def tries(self, account: Account) -> list[dict[str, Any]]:
        """What the customer could not add: as it was typed, why, and what was meant (M06)."""
        return [
            {
                "payer_code": tried.payer_code,
                "why": cells.sentence(tried.message, tried.facts),
                "when": formats.moment(tried.tried_at, web.language()),
                "meant": found,
                "url": self.other("contracts").address(found.public_id) if found else "",
            }
            for tried, found in holding.tries(account, by=web.viewer())
        ]

    def ended(self, account: Account) -> list[dict[str, Any]]:
        """The accesses that ended lately, each with the act that undoes it where the viewer may."""
        those = (Membership.account == account.id) & (Membership.until_at > now() - UNDONE_WITHIN)
        those &= Membership.contract.not_in(account.contract_ids())  # what the customer has again needs no giving back
        found = Membership.within(web.viewer()).select(Membership, Contract).join(Contract).where(those)
        desk_of, back = self.other("memberships"), self.address(account.public_id)
        return [
            {
                "contract": row.contract,
                "why": web.choice(row, "ended_by"),
                "when": formats.moment(row.until_at, web.language()),
                "undo_url": desk_of.address("restore", ids=row.public_id, url=back)
                if desk_of.may("restore") and not holding.has_gone_on(row)
                else "",
            }
            for row in found.order_by(Membership.until_at.desc(), Membership.id.desc()).limit(LONG_LIST)
        ]

    def held(self, account: Account) -> list[dict[str, Any]]:
        """The contracts of an account that the viewer may know of: what it may do with each, and how the bills stand."""
        to_pay = Invoice.select(fn.COALESCE(fn.SUM(Invoice.outstanding_cents), 0)).where(Invoice.contract == Contract.id)
        first_due = Invoice.select(fn.MIN(Invoice.due_on)).where((Invoice.contract == Contract.id) & (Invoice.outstanding_cents > 0))
        found = (
            Membership.within(web.viewer())
            .select(Membership, Contract, AccessType, to_pay.alias("to_pay_cents"), first_due.alias("first_due_on"))
            .join(Contract)
            .switch(Membership)
            .join(AccessType)
            .where((Membership.account == account.id) & Membership.until_at.is_null())
            .order_by(Contract.sort_key, Contract.id)
            .limit(LONG_LIST)
        )
        desk_of, back = self.other("memberships"), self.address(account.public_id)
        acts = {name: desk_of.may(name) for name in ("change_access_type", "remove")}
        return [
            {
                "contract": row.contract,
                "url": self.other("contracts").address(row.contract.public_id),
                "access_type": cells.access_type(row.access_type.name),
                "since": formats.day(formats.local(row.since_at).date(), web.language()),
                "to_pay": formats.money(abs(row.to_pay_cents), web.language()) if row.to_pay_cents else "",
                "standing": self.standing(row.to_pay_cents, Invoice.due_on.python_value(row.first_due_on)),
                "change_url": desk_of.address("change_access_type", ids=row.public_id, url=back) if acts["change_access_type"] else "",
                "remove_url": desk_of.address("remove", ids=row.public_id, url=back) if acts["remove"] else "",
            }
            for row in found
        ]

    def standing(self, to_pay_cents: int, first_due_on: date | None) -> str:
        """How the bills of a contract stand; what a credit covers is not overdue."""
        if to_pay_cents <= 0:
            return "ahead" if to_pay_cents else "paid"
        return "overdue" if first_due_on is not None and first_due_on < clock.today() else "due"

    def events_of(self, row: Account) -> Any:
        return Event.account == row.id

    def more_events(self, row: Account) -> str:
        return self.other("events").address(account=row.public_id)


@desk(Membership, menu=CUSTOMERS)
class Memberships(Desk):
    title = N_("Access")
    column_list = ("account.name", "contract.payer_code", "access_type.name", "since_at", "until_at")
    second_lines = {"account.name": "account.email", "contract.payer_code": "contract.address"}
    column_sortable_list = ("since_at",)
    column_default_sort = "-since_at"
    column_filters = ("organisation", "account", "contract")
    column_details_list = (
        "account.name", "contract.payer_code", "contract.address", "access_type.name", "since_at", "granted_by", "until_at", "ended_by",
    )  # fmt: skip
    search_hint = N_("Name, e-mail or phone of the account, or payer code")
    empty = (N_("Nobody has access to a contract yet"), N_("Access appears here when customers add their contracts."))
    commands = (
        Command(
            "change_access_type",
            N_("Change access type"),
            holding.change_access_type,
            ask=N_("The customer can do what the new access type allows with this contract, from the next page on, and is told by e-mail."),
            needs=("access_type", "reason"),
            done=N_("the access type was changed"),
            when=lambda membership: membership.until_at is None,
        ),
        Command(
            "remove",
            N_("Remove"),
            holding.remove,
            ask=N_("The customer no longer sees the bills and meters of this contract, and is told by e-mail. It can be given back."),
            needs=("reason",),
            done=N_("the contract was removed"),
            when=lambda membership: membership.until_at is None,
        ),
        Command(
            "restore",
            N_("Give back"),
            holding.restore,
            ask=N_("It is as if the access had never ended: the customer sees the bills and meters again, and is told by e-mail."),
            needs=("reason",),
            done=N_("the contract was given back"),
            is_main=True,
            when=lambda membership: membership.until_at is not None and not holding.has_gone_on(membership),
        ),
    )


# ---- buildings and contracts ------------------------------------------------------------------------------------------


@desk(Contract, menu=CUSTOMERS)
class Contracts(Desk):
    title = N_("Contracts")
    column_list = ("payer_code", "address", "customer_name", "provider.name", "ended_on")
    column_sortable_list = ("payer_code", ("address", "sort_key"))
    column_default_sort = "address"
    column_filters = ("organisation", "building", "premises")
    column_details_list = (
        "payer_code", "customer_name", "address", "provider.name", "building.address", "premises.number", "opened_on", "ended_on",
    )  # fmt: skip
    form_columns = ("address",)
    search_hint = N_("Payer code, customer or address")
    related = (("memberships", "contract"), ("invoices", "contract"), ("meters", "contract"), ("readings", "contract"))
    empty = (N_("No contracts yet"), N_("Contracts come with the billing feed."))
    form_ajax_refs = {"building": Lookup(Building)}
    commands = (
        Command(
            "place",
            N_("Put in a building"),
            places.place,
            ask=N_(
                "Its meters, readings and bills go with it: whoever manages that building sees them, and whoever manages another one "
                "no longer does. It stays there until the billing system says another place."
            ),
            needs=("building", "number", "reason"),
            done=N_("was put in the building"),
            is_bulk=False,
        ),
    )


@desk(Building, menu=PLACES)
class Buildings(Desk):
    title, add = N_("Buildings"), N_("Add a building")
    column_list = ("address", "provider.name")
    column_sortable_list = (("address", "sort_key"),)
    column_default_sort = "address"
    column_filters = ("organisation",)
    column_details_list = ("address", "provider.name", "reading_opens_on", "reading_closes_on")
    form_columns = ("address", "provider", "reading_opens_on", "reading_closes_on")
    form_ajax_refs = {"provider": Lookup(Provider)}
    search_hint = N_("Address")
    related = (("premises", "building"), ("contracts", "building"), ("meters", "building"))
    empty = (N_("No buildings yet"), N_("Add the houses that are looked after."))


@desk(Premises, menu=PLACES)
class PremisesDesk(Desk):
    endpoint_name = "premises"
    title, add = N_("Premises"), N_("Add premises")
    column_list = ("building.address", "number")
    column_sortable_list = (("building.address", "sort_key"),)
    column_default_sort = "building.address"
    column_filters = ("organisation", "building")
    form_columns = ("building", "number")
    form_ajax_refs = {"building": Lookup(Building)}
    search_hint = N_("Address")
    related = (("contracts", "premises"),)
    empty = (N_("No premises yet"), N_("Add the flats and other premises of a building."))


@desk(Provider, menu=PLACES)
class Providers(Desk):
    title, add = N_("Providers"), N_("Add a provider")
    column_list = ("name", "code", "vat_code", "iban")
    column_sortable_list = (("name", "sort_key"),)
    column_default_sort = "name"
    column_filters = ("organisation",)
    column_details_list = ("name", "code", "vat_code", "address", "iban", "declares_readings", "readings_notice", *FORMS)
    form_columns = ("organisation", "name", "code", "vat_code", "address", "iban", "declares_readings", "readings_notice", *FORMS)
    form_ajax_refs = {"organisation": Lookup(Organisation)}
    empty = (N_("No providers yet"), N_("Add the companies that send the bills."))


# ---- meters and bills -------------------------------------------------------------------------------------------------


@desk(Meter, menu=METERS)
class Meters(Desk):
    title = N_("Meters")
    column_list = ("number", "kind.name", "place", "contract.address", "removed_on")
    column_sortable_list = ("number",)
    column_default_sort = "number"
    column_filters = ("organisation", "building", "contract")
    column_details_list = (
        "number",
        "kind.name",
        "kind.unit",
        "place",
        "contract.payer_code",
        "contract.address",
        "installed_on",
        "removed_on",
        "digits",
    )
    form_columns = ("place", "digits")
    commands = (
        Command(
            "enter_reading",
            N_("Enter a reading"),
            corrections.enter,
            ask=N_("It counts whatever the window, and whoever may see the meter is told by e-mail who entered it, by role, and why."),
            needs=("value_milli", "read_on", "reason"),
            done=N_("the reading was entered"),
            is_bulk=False,
            is_main=True,
        ),
    )
    search_hint = N_("Meter number, customer or address")
    related = (("readings", "meter"),)
    empty = (N_("No meters yet"), N_("Meters come with the billing feed."))

    def beside(self, row: Meter) -> str:
        """Where it is and what it showed last: whoever phones is asked whether that can be right."""
        kind, where = row.kind, web.language()
        last = (
            Reading.select().where((Reading.meter == row) & Reading.is_current).order_by(Reading.read_on.desc(), Reading.id.desc()).first()
        )
        told = [kind.name(where), row.place, row.contract.address]
        if last is not None:
            value = f"{formats.reading(last.value_milli, kind.decimals, where)} {kind.unit}"
            told.append(_("Last reading: %(value)s, %(day)s", value=value, day=formats.day(last.read_on, where)))
        return " · ".join(part for part in told if part)


@desk(MeterKind, menu=METERS)
class MeterKinds(Desk):
    title = N_("Kinds of meters")
    column_list = ("name", "code", "unit", "decimals", "rounding", "digits")
    column_sortable_list = ("code",)
    column_default_sort = "code"
    column_filters = ("organisation",)
    column_details_list = ("name", "code", "unit", "decimals", "rounding", "digits")
    form_columns = ("name_lt", "name_en", "rounding", "digits")
    empty = (N_("No kinds of meters yet"), N_("They come with the organisation's preset."))


@desk(Reading, menu=METERS)
class Readings(Desk):
    title = N_("Readings")
    column_list = ("meter.number", "previous_milli", "value_milli", "meter.kind.unit", "read_on", "source")
    second_lines = {"meter.number": "contract.address"}
    column_sortable_list = ("read_on",)
    column_default_sort = "-read_on"
    column_filters = ("organisation", "building", "contract", "meter", "read_on")
    column_details_list = (
        "meter.number", "meter.kind.name", "contract.payer_code", "contract.address", "previous_milli", "value_milli", "meter.kind.unit",
        "read_on", "source", "staff.name", "reason", "is_current", "reference", "recorded_at",
    )  # fmt: skip
    commands = (
        Command(
            "correct",
            N_("Correct"),
            corrections.correct,
            ask=N_("What it said stays beside it. Whoever may see the meter is told by e-mail who corrected it, by role, and why."),
            needs=("value_milli", "reason"),
            done=N_("the reading was corrected"),
            is_bulk=False,
            is_main=True,
            when=lambda reading: reading.is_current,
        ),
        Command(
            "undo",
            N_("Undo"),
            corrections.undo,
            ask=N_("What it took the place of counts again, and whoever may see the meter is told by e-mail."),
            needs=("reason",),
            done=N_("was undone"),
            is_bulk=False,
            when=lambda reading: reading.is_current and reading.source == "staff",
        ),
    )
    part_columns = ("meter.number", "value_milli", "meter.kind.unit", "read_on", "source")
    search_hint = N_("Meter number, customer or address")
    empty = (N_("No readings yet"), N_("Readings appear here as they are declared or come with the billing feed."))

    def beside(self, row: Reading) -> str:
        """What is to be changed: the kind, the place, from what to what."""
        kind, where = row.meter.kind, web.language()
        from_to = [formats.reading(milli, kind.decimals, where) for milli in (row.previous_milli, row.value_milli) if milli is not None]
        return " · ".join(part for part in (kind.name(where), row.contract.address, f"{' – '.join(from_to)} {kind.unit}") if part)


@desk(Invoice, menu=BILLS)
class Invoices(Desk):
    title = N_("Invoices")
    column_list = ("number", "buyer_name", "issued_on", "due_on", "payable_cents", "outstanding_cents")
    second_lines = {"number": "contract.payer_code", "buyer_name": "contract.address"}
    column_sortable_list = ("issued_on",)
    column_default_sort = "-issued_on"
    column_filters = ("organisation", "building", "contract", "issued_on")
    column_details_list = (
        "kind", "number", "issued_on", "due_on", "period_from", "period_to", "provider.name", "contract.payer_code", "buyer_name",
        "buyer_address", "net_cents", "vat_cents", "total_cents", "prepaid_cents", "rounding_cents", "payable_cents", "outstanding_cents",
        "payment_reference", "iban", "refers_to", "note",
    )  # fmt: skip
    part_columns = ("number", "issued_on", "due_on", "payable_cents", "outstanding_cents")
    shown = {name: partial(cells.money_if_any, name) for name in ("prepaid_cents", "rounding_cents")}
    search_hint = N_("Invoice number, customer or address")
    tabs = (
        Tab("unpaid", N_("Unpaid"), lambda t, at: t.unpaid()),
        Tab("overdue", N_("Overdue"), lambda t, at: t.overdue(clock.today()), "due_on"),
    )
    empty = (N_("No invoices yet"), N_("Invoices come with the billing feed."))

    own_pages = {"pdf": "view"}

    def dossier(self, row: Invoice) -> dict[str, Any]:
        return super().dossier(row) | {"related": [bills.lines(row), bills.vat_by_rates(row)]}

    def acts(self, row: Invoice) -> list[tuple[str, str, bool]]:
        return [*super().acts(row), (_("Download PDF"), self.address(row.public_id, "pdf"), False)]

    @expose("/<uuid:public_id>/pdf/")
    def pdf(self, public_id: uuid.UUID) -> Response:
        listing.only()
        return bills.document(self.get_one(public_id))


# ---- how things run ---------------------------------------------------------------------------------------------------


@desk(Message, menu=WORK)
class Messages(Desk):
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


@desk(SyncRun, menu=WORK)
class SyncRuns(Desk):
    title = N_("Billing feed runs")
    column_list = ("started_at", "feed", "seen", "created", "changed", "problems")
    second_lines = {"started_at": "error"}
    column_sortable_list = ("started_at",)
    column_default_sort = "-started_at"
    column_filters = ("organisation", "started_at")
    column_details_list = ("feed", "started_at", "finished_at", "seen", "created", "changed", "same", "problems", "error")
    shown = {"feed": lambda row: cells.setting("billing_system", row["feed"])}
    related = (("sync_problems", "run"),)
    empty = (N_("The billing feed has not been read yet"), N_("Each reading of it appears here, with what came and what was put aside."))

    def heading(self, row: SyncRun) -> str:
        return f"{cells.setting('billing_system', row.feed)} {formats.moment(row.started_at, web.language())}"


@desk(SyncProblem, menu=WORK)
class SyncProblems(Desk):
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
    empty = (N_("Nothing was put aside"), N_("Records of the billing feed that cannot be taken in wait here, with the reason."))
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
            when=lambda problem: problem.resolved_at is None,
        ),
    )

    def heading(self, row: SyncProblem) -> str:
        return cells.sentence(row.message, row.facts)

    def named(self, row: SyncProblem) -> str:
        return f"{row.reference} · {self.heading(row)}"


@desk(Export, menu=WORK)
class Exports(Desk):
    title = N_("My exports")
    column_list = ("desk", "state", "total", "created_at", "expires_at")
    second_lines = {"desk": "reason"}
    in_words = ("desk",)
    column_sortable_list = ("created_at",)
    column_default_sort = "-created_at"
    column_details_list = ("kind", "total", "filters", "reason", "created_at", "expires_at")
    empty = (N_("You have exported nothing yet"), N_("“Export” above a list makes a file of its rows. It can be taken here for a day."))
    details_template = "backoffice/export.html"

    @property
    def shown(self) -> dict[str, Any]:  # type: ignore[override]
        return {
            "desk": lambda row: self.other(row["desk"]).name,
            "filters": lambda row: ", ".join(row["filters"].values()) or cells.NOTHING,
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
            web.tell(web.say(no), "warning")
            return redirect(self.address(row.public_id), 303)


@desk(Event, menu=WORK)
class Events(Desk):
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


@desk(Staff, menu=WORK)
class StaffDesk(Desk):
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


@desk(Organisation, menu=WORK)
class Organisations(Desk):
    title = N_("Organisations")
    column_list = ("name", "slug", "host", "is_active")
    column_sortable_list = (("name", "sort_key"),)
    column_default_sort = "name"
    column_details_list = ("name", "slug", "host", "phone", "email", "brand", "is_active")
    form_columns = ("name", "phone", "email", "brand")
    related = (("providers", "organisation"), ("staff", "organisation"))
    empty = (N_("No organisations yet"), N_("The operator adds them with “flask portal load-organisation”."))
