"""The VAT rates of Lithuania with their days: a rate is of a time, never a constant. A provider's own figures are shown as they came,
never counted anew; where a bill has a rate that was not in force, staff are told."""

from collections.abc import Iterable
from datetime import date

from models import Invoice, InvoiceVat

BEGIN = date(2009, 9, 1)  # what was before is not judged
# What is taxed, the rate in hundredths of a per cent, its first and its last day (law IX-751, article 19; of 2026 as changed in 2025).
RATES: tuple[tuple[str, int, date, date | None], ...] = (
    ("standard", 21_00, BEGIN, None),
    ("heating", 9_00, BEGIN, date(2025, 12, 31)),  # heat and hot water of homes
    ("heating", 21_00, date(2026, 1, 1), None),
    ("reduced", 9_00, BEGIN, date(2025, 12, 31)),
    ("reduced", 12_00, date(2026, 1, 1), None),
    ("low", 5_00, BEGIN, None),
)


def rate(what: str, day: date) -> int:
    """The rate of what is taxed so on that day, hundredths of a per cent. Raises KeyError where there was none."""
    for name, hundredths, first, last in RATES:
        if name == what and first <= day and (last is None or day <= last):
            return hundredths
    raise KeyError(what, day)


def not_in_force(invoice: Invoice, vat: Iterable[InvoiceVat]) -> set[int]:
    """The rates on a bill that none of its days knew: of those from the beginning of its period to its issue, for a service is taxed as
    of when it was given. A credit note may go back to any bill, so any rate of the past is right there."""
    begin = BEGIN if invoice.kind == "credit_note" else min(invoice.period_from or invoice.issued_on, invoice.issued_on)
    end = max(invoice.period_to or invoice.issued_on, invoice.issued_on)
    if begin < BEGIN:
        return set()
    known = {hundredths for _, hundredths, first, last in RATES if first <= end and (last is None or begin <= last)}
    return {part.rate for part in vat if part.rate} - known
