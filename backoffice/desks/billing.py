"""Bills."""

import uuid
from functools import partial
from typing import Any

from flask import Response
from flask_admin import expose
from flask_babel import gettext as _

from backoffice import bills, cells, listing
from backoffice.desk import Desk
from backoffice.listing import Tab
from models import N_, Invoice
from rules import clock
from rules.statements import later


class Invoices(Desk):
    model = Invoice
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
        Tab("overdue", N_("Overdue"), lambda t, at: t.overdue(later(at, clock.today)), "due_on"),
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
