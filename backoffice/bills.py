"""What the page of a bill shows of it, and its document."""

from typing import Any

from flask import Response, current_app
from flask_babel import gettext as _

import formats
import i18n
import web
from backoffice import cells
from backoffice.grid import Column, Line
from integrations import documents, files
from models import Invoice
from rules import billing, vat


def lines(row: Invoice) -> dict[str, Any]:
    """What the bill is for, line by line."""
    where = i18n.language()
    headings = ((_("Line"), ""), (_("Quantity"), "right"), (_("Unit price"), "right"), (_("Without VAT"), "right"), (_("VAT"), "right"))
    said = [
        (
            line.name,
            f"{formats.quantity(line.quantity_milli, where)} {line.unit}" if line.quantity_milli is not None else cells.NOTHING,
            formats.unit_price(line.unit_price_micro, where) if line.unit_price_micro is not None else cells.NOTHING,
            formats.money(line.net_cents, where),
            formats.vat_rate(line.vat_rate, where) if line.vat_rate is not None else cells.NOTHING,
        )
        for line in billing.lines(row)
    ]
    return _part(_("Lines"), headings, said)


def vat_by_rates(row: Invoice) -> dict[str, Any]:
    """The VAT of the bill as its provider counted it, rate by rate, and whether each was in force."""
    where, parts = i18n.language(), billing.vat(row)
    odd = vat.not_in_force(row, parts)
    headings = ((_("VAT rate"), ""), (_("Without VAT"), "right"), (_("VAT"), "right"), (_("In force then"), ""))
    said = [
        (
            formats.vat_rate(part.rate, where) if part.rate is not None else cells.NOTHING,
            formats.money(part.base_cents, where),
            formats.money(part.vat_cents, where),
            cells.tag(_(cells.NO), "warn") if part.rate in odd else _(cells.YES),
        )
        for part in parts
    ]
    return _part(_("VAT"), headings, said)


def _part(title: str, headings: tuple[tuple[str, str], ...], said: list[tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "title": title,
        "columns": [Column("", label, look, "", "") for label, look in headings],
        "lines": [Line("", "", line[0], [(text, "") for text in line]) for line in said],
        "url": "",
    }


def document(row: Invoice) -> Response:
    """The bill's PDF as its customer gets it: the provider's own, else ours."""

    def facts() -> Any:
        return billing.facts(row, billing.lines(row), billing.vat(row), site_url=web.site_url(row.organisation))

    store = files.Folder(current_app.config["SAVITARNA"].files_dir)
    content = documents.of_bill(store, row.pdf_digest, facts, i18n.language(), _)
    headers = {"Content-Disposition": f'attachment; filename="{formats.file_name(row.number)}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=headers)
