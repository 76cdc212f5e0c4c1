"""Bills: the list, one bill with its lines and VAT, its PDF, its lines as a table, a year of bills as one file (IB-68, PS-13)."""

import re
import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _

import formats
import i18n
import web
from customer import downloads, turning, words
from integrations import documents, files
from integrations.billing_feed.records import LINE_WORDS, UNIT_WORDS
from models import Account, Contract, Invoice, InvoiceLine, InvoiceVat
from rules import access, billing, clock, contracts

pages = Blueprint("invoices", __name__)
WORDS = (*UNIT_WORDS, *LINE_WORDS)
ASKED = ("state", "year", "contract", "provider", "kind")


# ---- the list ---------------------------------------------------------------------------------------------------------


@pages.get("/invoices")
def index() -> Any:
    """My bills of all contracts or of some, newest first, a page at a time; what is to pay; 24 months of bars."""
    account, today = web.viewer(), clock.today()
    mine = _mine(account)
    chosen, asked = _chosen(mine)
    page = billing.page(account, chosen, today, **turning.marks())
    standing = billing.standing(account, chosen, today)
    return render_template(
        "customer/invoices.html",
        bills=page.rows,
        owed=standing.owed,
        chosen_cents=standing.chosen_cents,
        filters=_filters(mine, standing, asked),
        is_narrowed=bool(asked),
        is_first=page.newer is None,
        points=_points(billing.billed(account, chosen, today)),
        years=[(year, {**asked, "year": str(year)}) for year in _years(standing) if chosen.year in (None, year)],
        is_one_year=chosen.year is not None,
        today=today,
        **turning.links(page, "invoices.index", **asked),
    )


def _mine(account: Account) -> list[Contract]:
    """The contracts whose bills I may see, by address."""
    return [held.contract for held in contracts.held(account) if "invoice.view" in held.access_type.deeds]


def _chosen(mine: list[Contract]) -> tuple[billing.Chosen, dict[str, str]]:
    """What the address asks for, and the same as the arguments of another address. What is not mine or not there is a 404."""
    asked = {name: value for name in ASKED if (value := request.args.get(name, "").strip())}
    contract = provider = None
    if "contract" in asked:
        contract = next((row for row in mine if str(row.public_id) == asked["contract"]), None) or abort(404)
    if "provider" in asked:
        provider = next((row.provider for row in mine if str(row.provider.public_id) == asked["provider"]), None) or abort(404)
    year, kind, state = asked.get("year", ""), asked.get("kind", ""), asked.get("state", "")
    if (year and not re.fullmatch("(19|20)[0-9]{2}", year)) or kind not in ("", *KINDS) or state not in ("", *billing.STATES):
        abort(404)
    return billing.Chosen(contract, provider, int(year) if year else None, kind, state), asked


KINDS = ("invoice", "credit_note")


def _filters(mine: list[Contract], standing: billing.Standing, asked: dict[str, str]) -> list[dict[str, Any]]:
    """The fields of the form above the list, those with something to choose."""
    places = {str(row.public_id): row.address or row.payer_code for row in mine}
    providers = {str(row.provider.public_id): row.provider.name for row in mine}
    fields: list[tuple[str, str, dict[str, str]]] = [
        ("state", _("State"), {"to_pay": _("Still to pay"), "overdue": _("Past the due day"), "paid": _("Paid bills")}),
        ("year", _("Year"), {str(year): str(year) for year in _years(standing)}),
        ("contract", words.unit("one"), places),
        ("provider", words.unit("provider"), providers),
        ("kind", _("Kind"), {"invoice": _("Bills only"), "credit_note": _("Credit notes only")} if standing.has_credit_notes else {}),
    ]
    return [
        {"name": name, "label": label, "options": options, "value": asked.get(name, "")}
        for name, label, options in fields
        if len(options) > 1 or name in asked
    ]


def _years(standing: billing.Standing) -> list[int]:
    """The years of which there are bills, the newest first."""
    if standing.first_on is None or standing.last_on is None:
        return []
    return list(range(standing.last_on.year, standing.first_on.year - 1, -1))


def _points(months: dict[str, int | None]) -> list[dict[str, Any]]:
    """Months of bills as the bars of a chart want them: the years and quarters named below, the largest and the newest amount above."""
    where, known = i18n.language(), [cents for cents in months.values() if cents is not None]
    newest = max((period for period, cents in months.items() if cents is not None), default="")
    return [
        {
            "label": period[:4]
            if period.endswith("-01")
            else formats.month_short(period, where)
            if period[5:] in ("04", "07", "10")
            else "",
            "name": formats.month(period, where),
            "value": cents,
            "text": "" if cents is None else formats.money(cents, where),
            "short": formats.money(cents, where) if cents is not None and (cents == max(known) or period == newest) else "",
            "kind": "now" if period == newest else "",
        }
        for period, cents in months.items()
    ]


# ---- many bills as one file -------------------------------------------------------------------------------------------


@pages.get("/invoices/archive")
def archive() -> Any:
    """The chosen bills as one ZIP archive of PDFs, sent as it is made. All rows are read first: the connection ends with the page."""
    bills, asked = _all_chosen()
    if len(bills) > billing.MOST_AT_ONCE:
        return _too_many(asked)
    lines, vat = billing.lines_of(bills)

    def each() -> Iterator[tuple[str, date, bytes]]:
        for bill in bills:
            yield f"{bill.issued_on}_{formats.file_name(bill.number)}.pdf", bill.issued_on, _document(bill, lines[bill.id], vat[bill.id])

    return downloads.archive(stream_with_context(each()), f"{_file_name(asked)}.zip")


@pages.get("/invoices/breakdown")
def breakdowns() -> Any:
    """The lines of the chosen bills as one table (IB-68)."""
    bills, asked = _all_chosen()
    if len(bills) > billing.MOST_AT_ONCE:
        return _too_many(asked)
    lines, _vat = billing.lines_of(bills)
    headings = [_("Bill"), _("Issued"), _("Payer code"), _("Address"), *_line_headings()]
    rows = [
        [
            formats.harmless(bill.number),
            str(bill.issued_on),
            formats.harmless(bill.contract.payer_code),
            formats.harmless(bill.contract.address),
            *_line_cells(line),
        ]
        for bill in bills
        for line in lines[bill.id]
    ]
    return downloads.file(downloads.table(headings, rows), f"{_file_name(asked)}.csv", "text/csv")


def _all_chosen() -> tuple[list[Invoice], dict[str, str]]:
    account = web.viewer()
    chosen, asked = _chosen(_mine(account))
    return billing.whole(account, chosen, clock.today()), asked


def _too_many(asked: dict[str, str]) -> Any:
    web.tell(_("There are more than %(most)s bills. Choose a year, or one address.", most=billing.MOST_AT_ONCE), "warning")
    return redirect(url_for("invoices.index", **asked))


def _file_name(asked: dict[str, str]) -> str:
    return formats.file_name("-".join(filter(None, (_("bills"), asked.get("year"), asked.get("state")))))


# ---- one bill ---------------------------------------------------------------------------------------------------------


@pages.get("/invoices/<uuid:public_id>")
def view(public_id: uuid.UUID) -> Any:
    """One bill: what is to pay and by when, then what it is made of, then the readings behind it."""
    bill = billing.reach(web.viewer(), public_id)
    lines, vat = billing.lines(bill), billing.vat(bill)
    corrects, corrected_by = billing.related(web.viewer(), bill)
    return render_template(
        "customer/invoice.html",
        bill=bill,
        groups=_by_rate(lines),
        vat=vat,
        corrects=corrects,
        corrected_by=corrected_by,
        readings=billing.readings_behind(web.viewer(), bill) if access.allows(web.viewer(), "meter.view", bill) else [],
        iban=bill.iban or bill.provider.iban,
        word=_word,
        today=clock.today(),
        pdf_size=_("%(size)s kB", size=-(-len(_document(bill, lines, vat)) // 1000)),
    )


def _by_rate(lines: list[InvoiceLine]) -> list[tuple[int | None, list[InvoiceLine]]]:
    """The lines by their rate of VAT, in the order in which the bill first has each."""
    rates = dict.fromkeys(line.vat_rate for line in lines)
    return [(rate, [line for line in lines if line.vat_rate == rate]) for rate in rates]


@pages.get("/invoices/<uuid:public_id>/pdf", endpoint="pdf")
def document(public_id: uuid.UUID) -> Response:
    """The bill as a PDF: the provider's own where the feed brought one, else ours."""
    bill = billing.reach(web.viewer(), public_id)
    content = _document(bill, billing.lines(bill), billing.vat(bill))
    return downloads.file(content, f"{formats.file_name(bill.number)}.pdf", "application/pdf")


@pages.get("/invoices/<uuid:public_id>/breakdown")
def breakdown(public_id: uuid.UUID) -> Response:
    """The lines of a bill as a table that a spreadsheet opens, numbers as the reader's language writes them (IB-68)."""
    bill = billing.reach(web.viewer(), public_id)
    rows = [_line_cells(line) for line in billing.lines(bill)]
    for said, cents in ((_("Without VAT"), bill.net_cents), (_("VAT"), bill.vat_cents), (_("Total"), bill.total_cents)):
        rows.append([said, "", "", "", "", downloads.decimal(cents, 2)])
    return downloads.file(downloads.table(_line_headings(), rows), f"{formats.file_name(bill.number)}.csv", "text/csv")


def _line_headings() -> list[str]:
    return [_("Service"), _("Quantity"), _("Unit"), _("Price, EUR"), _("VAT rate"), _("Amount without VAT, EUR")]


def _line_cells(line: InvoiceLine) -> list[str]:
    return [
        formats.harmless(_word(line.name)),
        downloads.decimal(line.quantity_milli, 3),
        formats.harmless(_word(line.unit)),
        downloads.decimal(line.unit_price_micro, 6),
        downloads.decimal(line.vat_rate, 2),
        downloads.decimal(line.net_cents, 2),
    ]


def _word(text: str) -> str:
    """What a feed says as it is, but for the words that we gave where it had none."""
    return _(text) if text in WORDS else text


def _document(bill: Invoice, lines: list[InvoiceLine], vat: list[InvoiceVat]) -> bytes:
    """The bill's PDF, its provider's own or ours."""
    config = current_app.config["SAVITARNA"]

    def facts() -> Any:
        return billing.facts(bill, lines, vat, site_url=web.site_url(bill.organisation))

    return documents.of_bill(files.Folder(config.files_dir), bill.pdf_digest, facts, i18n.language(), _)
