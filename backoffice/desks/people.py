"""Customers: their accounts, and what each may do with which contract."""

from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from peewee import fn

import formats
import i18n
import web
from backoffice import cells
from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.listing import Tab
from backoffice.lookups import ContractLookup
from models import N_, AccessType, Account, Contract, EmailChange, Event, Invoice, Membership, Share, ThirdPartyPayer, Visit, now
from rules import (
    access,
    accounts,
    clock,
    email_changes,
    holding,
    identities_at_desk,
    merges,
    rights,
    settings,
    sharing,
    third_party_payers,
    visits,
)

LONG_LIST = 100
UNDONE_WITHIN = timedelta(days=30)
LOCKED = (N_("Locked accounts"), N_("They cannot sign in until the lock ends."))


def own(membership: Membership) -> bool:
    """Whether an access is an account's own, and did not come with a company: then it ends where the company's people are."""
    return membership.through_id is None


class Accounts(Desk):
    model = Account
    title = N_("Accounts")
    column_list = ("name", "phone", "locked_until", "created_at", "last_seen_at")
    second_lines = {"name": "email"}
    shown = {"locked_until": lambda row: cells.locked(row["locked_until"])}
    column_sortable_list = (("name", "sort_key"), "created_at")
    column_default_sort = "name"
    column_filters = ("organisation",)
    column_details_list = (
        "email", "email_confirmed_at", "identity_confirmed_at", "phone", "person_type", "language", "created_at", "last_seen_at",
        "locked_until", "frozen_until",
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
            email_changes.ask,
            ask=N_(
                "Nothing changes before there is a proof and the new address has confirmed. The present address is told at once, and can "
                "undo the change for 72 hours. So long the account gives nothing to others. Nobody may be talked into it: not you either."
            ),
            needs=("email", "proof", "reason"),
            done=N_("the change of the e-mail has begun; see below what it waits for"),
            is_bulk=False,
            gives=("site_url",),
            when=lambda account: settings.of(account.organisation).email_change != "recreate",
        ),
        Command(
            "confirm_identity",
            N_("Confirm identity"),
            identities_at_desk.confirm,
            ask=N_(
                "You hold the document in your hands and the person is before you. The account then counts as confirmed. It opens by "
                "Smart-ID and the like, with the companies the person heads, once the customer has confirmed it so on the account page. "
                "The customer is told by e-mail."
            ),
            needs=("first_name", "last_name", "country", "personal_code", "document", "reason"),
            done=N_("identity was confirmed"),
            is_bulk=False,
            gives=("site_url",),
            when=lambda account: account.identity_confirmed_at is None,
        ),
        Command(
            "merge",
            N_("Join with another account"),
            merges.merge,
            ask=N_(
                "For one person who has two accounts. This one stays, with its e-mail and password; what the other one has comes here. "
                "You will see what exactly before it is done. It can be undone for 30 days."
            ),
            needs=("email", "reason"),
            done=N_("the two accounts are one now"),
            is_bulk=False,
        ),
        Command(
            "undo_merge",
            N_("Separate again"),
            merges.undo,
            ask=N_("Both accounts are as they were before they were joined, but for what has ended since, and both addresses are told."),
            needs=("reason",),
            done=N_("the two accounts are apart again"),
            is_bulk=False,
            when=lambda account: merges.undoable(account) is not None,
        ),
        Command(
            "ask_to_visit",
            N_("See as the customer"),
            visits.ask,
            ask=N_(
                "The customer gets a code, on the account page and by e-mail, and reads it out. Then you see for a quarter of an hour "
                "what the customer sees, and can change nothing. The customer is told who looked and why."
            ),
            needs=("reason",),
            done=N_("the customer has been asked; see below"),
            is_bulk=False,
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
    related = (("representatives", "account"), ("identities", "account"), ("third_party_payers", "account"))
    details_template = "backoffice/account.html"

    def dossier(self, row: Account) -> dict[str, Any]:
        return super().dossier(row) | {
            "subheading": row.email,
            "contracts": self.held(row),
            "ended": self.ended(row),
            "tries": self.tries(row),
            "waits": self.waits(row),
            "lock": row.is_locked(now()),
        }

    def waits(self, account: Account) -> list[dict[str, Any]]:
        """What was begun with it and waits, each with the acts by which it goes on: another e-mail, seeing as the customer."""
        found: list[dict[str, Any]] = []
        changes, looks = self.other("email_changes"), self.other("visits")
        live = (EmailChange.account == account) & EmailChange.ended_at.is_null() & (EmailChange.expires_at > now())
        for row in EmailChange.within(web.viewer()).where(live) if changes.may("view") else ():
            said = {"what": str(row), "state": i18n.choice(row, "state")}
            found.append(said | {"acts": changes.acts(row), "url": changes.address(row.public_id)})
        asked = (Visit.account == account) & Visit.ended_at.is_null()
        for row in Visit.within(web.viewer()).where(asked) if looks.may("view") else ():
            state = (
                _("Goes on") if row.began_at else _("Allowed") if row.allowed_at else _("Waits for the code that the customer reads out")
            )
            said = {"what": f"{_('See as the customer')}: {row.staff.name}", "state": state}
            found.append(said | {"acts": looks.acts(row), "url": looks.address(row.public_id)})
        return found

    def tries(self, account: Account) -> list[dict[str, Any]]:
        """What the customer could not add: as it was typed, why, and what was meant (M06)."""
        return [
            {
                "payer_code": tried.payer_code,
                "why": cells.sentence(tried.message, tried.facts),
                "when": formats.moment(tried.tried_at, i18n.language()),
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
                "why": i18n.choice(row, "ended_by"),
                "when": formats.moment(row.until_at, i18n.language()),
                "undo_url": desk_of.address("restore", ids=row.public_id, url=back)
                if desk_of.may("restore") and own(row) and not holding.has_gone_on(row)
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
                "since": formats.day(formats.local(row.since_at).date(), i18n.language()),
                "to_pay": formats.money(abs(row.to_pay_cents), i18n.language()) if row.to_pay_cents else "",
                "standing": self.standing(row.to_pay_cents, Invoice.due_on.python_value(row.first_due_on)),
                "change_url": desk_of.address("change_access_type", ids=row.public_id, url=back)
                if acts["change_access_type"] and own(row)
                else "",
                "remove_url": desk_of.address("remove", ids=row.public_id, url=back) if acts["remove"] and own(row) else "",
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


class Memberships(Desk):
    model = Membership
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
            when=lambda membership: membership.until_at is None and own(membership),
        ),
        Command(
            "remove",
            N_("Remove"),
            holding.remove,
            ask=N_("The customer no longer sees the bills and meters of this contract, and is told by e-mail. It can be given back."),
            needs=("reason",),
            done=N_("the contract was removed"),
            when=lambda membership: membership.until_at is None and own(membership),
        ),
        Command(
            "restore",
            N_("Give back"),
            holding.restore,
            ask=N_(
                "It is as if the access had never ended: the customer sees the bills and meters again, and is told by e-mail. "
                "What they shared with others, they must share again."
            ),
            needs=("reason",),
            done=N_("the contract was given back"),
            is_main=True,
            when=lambda m: m.until_at is not None and own(m) and not holding.has_gone_on(m) and not holding.was_shared(m),
        ),
    )


class AccessTypes(Desk):
    model = AccessType
    title = N_("Access types")
    column_list = ("name", "deeds")
    column_sortable_list = ("name",)
    column_default_sort = "name"
    column_filters = ("organisation",)
    shown = {"deeds": lambda row: " · ".join(_(word) for deed, word in access.CUSTOMER_DEEDS.items() if deed in row["deeds"])}
    in_words = ("deeds",)
    empty = (N_("No access types yet"), N_("They come with the organisation."))
    commands = (
        Command(
            "change_deeds",
            N_("Change what it allows"),
            rights.change_deeds,
            ask=N_("It holds at once for every customer with this access type. Where sharing is taken away, all that was shared ends."),
            needs=("deeds", "reason"),
            done=N_("allows this now"),
            is_bulk=False,
        ),
    )

    def heading(self, row: AccessType) -> str:
        return str(cells.access_type(row.name))

    named = heading


class Shares(Desk):
    model = Share
    title = N_("Sharing")
    column_list = ("email", "contract.payer_code", "given_through.account.name", "given_at", "last_on", "ended_at")
    second_lines = {"contract.payer_code": "contract.address"}
    column_sortable_list = ("given_at",)
    column_default_sort = "-given_at"
    column_filters = ("organisation", "contract")
    column_labels = {"given_through.account.name": N_("Shared by"), "membership.since_at": N_("Taken")}
    column_details_list = (
        "email", "contract.payer_code", "contract.address", "given_through.account.name", "given_at", "last_on", "membership.since_at",
        "ended_at", "ended_by",
    )  # fmt: skip
    empty = (N_("Nothing is shared yet"), N_("When an owner shares a contract with somebody's e-mail, it appears here."))
    commands = (
        Command(
            "end_by_staff",
            N_("Stop sharing"),
            sharing.end_by_staff,
            ask=N_("Whoever took it sees nothing of the contract any more, and is told by e-mail. The owner can share it again."),
            needs=("reason",),
            done=N_("it is no longer shared"),
            when=lambda share: share.ended_at is None,
        ),
    )


class ThirdPartyPayers(Desk):
    model = ThirdPartyPayer
    title = N_("Third-party payers")
    column_list = ("account.name", "contract.payer_code", "since_at", "ended_at")
    second_lines = {"account.name": "account.email", "contract.payer_code": "contract.address"}
    column_sortable_list = ("since_at",)
    column_default_sort = "-since_at"
    column_filters = ("organisation", "account", "contract")
    column_details_list = (
        "account.name", "account.email", "contract.payer_code", "contract.address", "since_at", "ended_at", "ended_by",
    )  # fmt: skip
    search_hint = N_("Name, e-mail or phone of the account, or payer code")
    empty = (N_("Nobody pays for somebody else"), N_("Where customers may pay somebody else's bill, whoever does so appears here."))
    commands = (
        Command(
            "end_by_staff",
            N_("End"),
            third_party_payers.end_by_staff,
            ask=N_("The payer no longer sees what is owed, and is told by e-mail. With the bill at hand they can add it again."),
            needs=("reason",),
            done=N_("it is paid for no more"),
            when=lambda payer: payer.ended_at is None,
        ),
    )
