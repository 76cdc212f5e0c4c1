"""Contracts, where they are, and who bills them."""

from backoffice.acts import Command
from backoffice.desk import Desk
from backoffice.lookups import Lookup
from models import N_, Building, Company, Contract, Organisation, Premises, Provider
from rules import companies, places

FORMS = ("payer_code_form", "invoice_number_form")


class Contracts(Desk):
    model = Contract
    title = N_("Contracts")
    column_list = ("payer_code", "address", "customer_name", "provider.name", "ended_on")
    column_sortable_list = ("payer_code", ("address", "sort_key"))
    column_default_sort = "address"
    column_filters = ("organisation", "building", "premises", "company")
    column_details_list = (
        "payer_code", "customer_name", "company.name", "address", "provider.name", "building.address",
        "premises.number", "opened_on", "ended_on",
    )  # fmt: skip
    form_columns = ("address",)
    search_hint = N_("Payer code, customer or address")
    related = (
        ("memberships", "contract"),
        ("third_party_payers", "contract"),
        ("invoices", "contract"),
        ("meters", "contract"),
        ("readings", "contract"),
    )
    empty = (N_("No contracts yet"), N_("Contracts come with the billing feed."))
    form_ajax_refs = {"building": Lookup(Building), "company": Lookup(Company)}
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
        Command(
            "set_company",
            N_("Say whose company's it is"),
            companies.set_company,
            ask=N_("Whoever represents that company has it at once; whoever had it by another company has it no more."),
            needs=("company", "reason"),
            done=N_("is that company's now"),
        ),
        Command(
            "take_from_company",
            N_("Say that it is no company's"),
            companies.take_from_company,
            ask=N_("It leaves the accounts of all who have it by the company, until the billing system says another company."),
            needs=("reason",),
            done=N_("is no company's now"),
            when=lambda contract: contract.company_id is not None,
        ),
    )


class Buildings(Desk):
    model = Building
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


class PremisesDesk(Desk):
    model = Premises
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


class Providers(Desk):
    model = Provider
    title, add = N_("Providers"), N_("Add a provider")
    column_list = ("name", "code", "vat_code", "iban")
    column_sortable_list = (("name", "sort_key"),)
    column_default_sort = "name"
    column_filters = ("organisation",)
    column_details_list = ("name", "code", "vat_code", "address", "iban", "declares_readings", "readings_notice", *FORMS)
    form_columns = ("organisation", "name", "code", "vat_code", "address", "iban", "declares_readings", "readings_notice", *FORMS)
    form_ajax_refs = {"organisation": Lookup(Organisation)}
    empty = (N_("No providers yet"), N_("Add the companies that send the bills."))
