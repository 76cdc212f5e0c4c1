"""Bills: the list, one bill with its lines and VAT, its PDF, its lines as a table for one's own books (IB-68, PS-13)."""

import csv
import io
import re
import uuid
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from flask_babel import gettext as _

import web
from integrations import files, pdf
from integrations.billing_feed.records import LINE_WORDS, UNIT_WORDS
from models import Invoice
from rules import billing, clock

pages = Blueprint("invoices", __name__)
WORDS = (*UNIT_WORDS, *LINE_WORDS)


@pages.get("/invoices")
def index() -> Any:
    """My bills of all contracts, newest first, a page at a time."""
    account, today = web.viewer(), clock.today()
    page = billing.page(account, older=_mark("older"), newer=_mark("newer"))
    return render_template(
        "customer/invoices.html",
        bills=page.bills,
        owed=billing.owed(account, today),
        is_first=not request.args,
        today=today,
        previous_url=url_for("invoices.index", newer=page.newer) if page.newer else None,
        next_url=url_for("invoices.index", older=page.older) if page.older else None,
    )


def _mark(name: str) -> uuid.UUID | None:
    """The bill from which a page goes on."""
    typed = request.args.get(name)
    try:
        return uuid.UUID(typed) if typed else None
    except ValueError:
        abort(404)


@pages.get("/invoices/<uuid:public_id>")
def view(public_id: uuid.UUID) -> Any:
    """One bill: what is to pay and by when, then what it is made of."""
    bill = web.reach(Invoice, public_id, "invoice.view")
    return render_template(
        "customer/invoice.html",
        bill=bill,
        lines=billing.lines(bill),
        vat=billing.vat(bill),
        iban=re.sub("(.{4})(?=.)", r"\1 ", bill.iban or bill.provider.iban),
        word=_word,
        today=clock.today(),
        pdf_size=_("%(size)s kB", size=-(-len(_document(bill)) // 1000)),
    )


@pages.get("/invoices/<uuid:public_id>/pdf", endpoint="pdf")
def document(public_id: uuid.UUID) -> Response:
    """The bill as a PDF: the provider's own where the feed brought one, else ours."""
    bill = web.reach(Invoice, public_id, "invoice.view")
    return _download(_document(bill), bill, "pdf", "application/pdf")


@pages.get("/invoices/<uuid:public_id>/breakdown")
def breakdown(public_id: uuid.UUID) -> Response:
    """The lines of a bill as a table that a spreadsheet opens, numbers as the reader's language writes them (IB-68)."""
    bill = web.reach(Invoice, public_id, "invoice.view")
    table = io.StringIO()
    rows = csv.writer(table, delimiter=";", lineterminator="\r\n")
    rows.writerow([_("Service"), _("Quantity"), _("Unit"), _("Price, EUR"), _("VAT rate"), _("Amount without VAT, EUR")])
    for line in billing.lines(bill):
        rows.writerow(
            [
                _harmless(_word(line.name)),
                _decimal(line.quantity_milli, 3),
                _harmless(_word(line.unit)),
                _decimal(line.unit_price_micro, 6),
                _decimal(line.vat_rate, 2),
                _decimal(line.net_cents, 2),
            ]
        )
    for words, cents in ((_("Without VAT"), bill.net_cents), (_("VAT"), bill.vat_cents), (_("Total"), bill.total_cents)):
        rows.writerow([words, "", "", "", "", _decimal(cents, 2)])
    return _download(table.getvalue().encode("utf-8-sig"), bill, "csv", "text/csv")


def _word(text: str) -> str:
    """What a feed says as it is, but for the words that we gave where it had none."""
    return _(text) if text in WORDS else text


def _document(bill: Invoice) -> bytes:
    """The PDF. Ours is made each time: it takes ten milliseconds, and the same bill gives the same file."""
    if bill.pdf_digest:
        try:
            return files.Folder(current_app.config["SAVITARNA"].files_dir).read(bill.pdf_digest)
        except (OSError, files.Damaged):
            # The customer gets a bill; what was lost is for the operator to bring back.
            current_app.logger.exception("the document of bill %s cannot be read", bill.public_id)
    facts: Any = billing.facts(bill, billing.lines(bill), billing.vat(bill))
    return pdf.bill(facts, web.language(), _)


def _download(content: bytes, bill: Invoice, ending: str, kind: str) -> Response:
    """A file that the browser saves and never runs, named after the bill's number in letters that every system takes."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", bill.number).strip("-.")[:60] or "bill"
    return Response(content, mimetype=kind, headers={"Content-Disposition": f'attachment; filename="{name}.{ending}"'})


def _decimal(value: int | None, places: int) -> str:
    """A whole number of hundredths, thousandths or millionths as a decimal one."""
    if value is None:
        return ""
    text = f"{Decimal(value).scaleb(-places):f}"
    return text.replace(".", ",") if web.language() == "lt" else text


def _harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula (N06)."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text
