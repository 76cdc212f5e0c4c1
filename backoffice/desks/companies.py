"""Companies, who represents them, and who is invited to."""

from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.lookups import Lookup
from models import N_, Company, Invitation, Organisation, Representative
from rules import access, companies, heads, invitations


class Companies(Desk):
    model = Company
    title, add = N_("Companies"), N_("Add a company")
    column_list = ("name", "code", "belongs_to.name", "email", "phone")
    column_sortable_list = (("name", "sort_key"),)
    column_default_sort = "name"
    column_filters = ("organisation",)
    column_labels = {"belongs_to.name": N_("Belongs to")}
    column_details_list = ("name", "code", "belongs_to.name", "email", "phone", "address", "email_domain", "legal_status", "heads_read_at")
    form_columns = ("organisation", "name", "code", "email", "phone", "address", "email_domain")
    form_ajax_refs = {"organisation": Lookup(Organisation), "parent": Lookup(Company)}
    search_hint = N_("Name or company code")
    related = (("representatives", "company"), ("heads", "company"), ("invitations", "company"), ("contracts", "company"))
    empty = (N_("No companies yet"), N_("They come with the contracts of the billing feed, or are added here."))
    commands = (
        Command(
            "invite",
            N_("Invite a person"),
            invitations.invite_by_staff,
            ask=N_("The address gets a letter with a link that works once. Whoever takes it represents the company."),
            needs=("email", "company_type", "reason"),
            done=N_("the invitation was sent"),
            is_bulk=False,
            gives=("site_url",),
        ),
        Command(
            "enter_head",
            N_("Enter a head from a document"),
            heads.enter,
            ask=N_(
                "Whoever has proven to be this person heads the company at once, as if the register said so; others when they prove it. "
                "Everybody who manages the company's people is told by e-mail."
            ),
            needs=("first_name", "last_name", "country", "personal_code", "since_on", "document", "reason"),
            done=N_("the head was entered"),
            is_bulk=False,
            when=lambda company: company.code is not None,
        ),
        Command(
            "put_under",
            N_("Say to which company it belongs"),
            companies.put_under,
            ask=N_("Whoever represents the other company has the contracts of this one too, at once."),
            needs=("parent", "reason"),
            done=N_("belongs to the other company now"),
            is_bulk=False,
            when=lambda company: company.belongs_to_id is None,
        ),
        Command(
            "set_free",
            N_("Say that it belongs to none"),
            companies.set_free,
            ask=N_("Whoever represents the other company has the contracts of this one no more."),
            needs=("reason",),
            done=N_("belongs to no other company"),
            is_bulk=False,
            when=lambda company: company.belongs_to_id is not None,
        ),
    )


class Representatives(Desk):
    model = Representative
    title = N_("Company people")
    column_list = ("account.name", "company.name", "access_type.name", "since_at", "until_at")
    second_lines = {"account.name": "account.email", "company.name": "company.code"}
    column_sortable_list = ("since_at",)
    column_default_sort = "-since_at"
    column_filters = ("organisation", "company", "account")
    column_details_list = (
        "account.name", "company.name", "access_type.name", "since_at", "granted_by", "until_at", "ended_by",
    )  # fmt: skip
    search_hint = N_("Name, e-mail or phone of the account, or the company")
    empty = (N_("Nobody represents a company yet"), N_("People appear here as the register names them or they take invitations."))
    commands = (
        Command(
            "fix_access_type",
            N_("Change access type"),
            companies.fix_access_type,
            ask=N_("It holds for all the company's contracts, from the next page on, and they are told by e-mail."),
            needs=("company_type", "reason"),
            done=N_("the access type was changed"),
            when=lambda one: one.until_at is None and one.access_type.name != access.HEAD,
        ),
        Command(
            "remove",
            N_("Remove"),
            companies.remove_by_staff,
            ask=N_(
                "All the company's contracts leave their account, what they invited others to is taken back, and they are told by e-mail."
            ),
            needs=("reason",),
            done=N_("no longer represents the company"),
            when=lambda one: one.until_at is None and one.access_type.name != access.HEAD,
        ),
    )


class Invitations(Desk):
    model = Invitation
    title = N_("Invitations")
    column_list = ("email", "access_type.name", "invited_at", "taken_at", "ended_by")
    second_lines = {"email": "company.name"}
    part_columns = ("email", "access_type.name", "taken_at", "ended_by")
    column_sortable_list = ("invited_at",)
    column_default_sort = "-invited_at"
    column_filters = ("organisation", "company")
    column_labels = {"invited_through.account.name": N_("Invited by"), "staff.name": N_("Invited by staff")}
    column_details_list = (
        "email", "company.name", "access_type.name", "invited_through.account.name", "staff.name", "invited_at", "expires_at", "taken_at",
        "ended_at", "ended_by",
    )  # fmt: skip
    search_hint = N_("E-mail address or company")
    empty = (N_("Nobody was invited yet"), N_("When a company's head or authorised person invites somebody, it appears here."))
    commands = (
        Command(
            "send_again",
            N_("Send again"),
            invitations.send_again_by_staff,
            ask=N_("The address gets a letter with a new link, good for as many days anew. The link before no longer works."),
            needs=("reason",),
            done=N_("the invitation was sent again"),
            gives=("site_url",),
            when=lambda one: one.taken_at is None and one.ended_at is None,
        ),
        Command(
            "revoke",
            N_("Take back"),
            invitations.revoke_by_staff,
            ask=N_("The link in the letter no longer works."),
            needs=("reason",),
            done=N_("the invitation was taken back"),
            when=lambda one: one.taken_at is None and one.ended_at is None,
        ),
    )
