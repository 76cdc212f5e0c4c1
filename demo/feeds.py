"""The feed files of the demo world, as its billing systems would deliver them: one table of contracts and one of meters, and for
each month its bills and readings. Deterministic: a month's file says the same whenever it is made, but for what has been paid."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from demo.places import PLACES, Meter, Place
from demo.ubl import farm_bills
from rules import clock, vat

MONTHS = 24
COUNTED_FROM = "2022-01"  # meters show what was used since
VAT = vat.rate("standard", date(2026, 1, 1))
# How much of the usual is used in each month, per cent, January first.
SEASONS = {
    "heat": (190, 175, 150, 80, 0, 0, 0, 0, 0, 70, 140, 185),
    "gas": (185, 175, 140, 80, 30, 15, 10, 15, 40, 95, 140, 175),
    "electricity": (134, 126, 112, 98, 86, 78, 74, 78, 90, 104, 120, 136),
    "cold-water": (98, 96, 99, 100, 104, 108, 110, 106, 101, 98, 96, 98),
    "hot-water": (118, 114, 110, 102, 92, 82, 74, 80, 96, 106, 112, 118),
}


@dataclass(frozen=True)
class Line:
    """One line of a bill: quantity in thousandths, price of one in millionths of a euro, VAT in hundredths of a per cent."""

    name: str
    quantity_milli: int
    unit: str
    price_micro: int
    vat: int = VAT

    @property
    def net_cents(self) -> int:
        return _rounded(self.quantity_milli * self.price_micro, 10**7)


@dataclass
class Tables:
    """What goes into one file: its name and rows, the first of which names the columns."""

    files: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)

    def add(self, name: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        self.files.setdefault(name, [columns]).extend(rows)


def write_feeds(folder: Path, today: date) -> set[str]:
    """Write what is missing of the two years up to last month; returns the organisations that something new was delivered to."""
    last = clock.months(clock.period(today), 2)[0]
    marker = folder / f".demo-{last}"
    if marker.exists():
        return set()
    months = clock.months(last, MONTHS)
    delivered = {slug for slug, places in PLACES.items() if _deliver(folder / slug, _tables(slug, places, months))}
    for number, text in farm_bills(months):
        if _write(folder / "agri-group" / f"{number}.xml", text):
            delivered.add("agri-group")
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return delivered


def _deliver(folder: Path, tables: Tables) -> bool:
    changed = []
    for name, rows in tables.files.items():
        text = io.StringIO()
        csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
        changed.append(_write(folder / f"{name}.csv", text.getvalue()))
    return any(changed)


def _write(path: Path, text: str) -> bool:
    """Deliver a file whole, unless it is there as it should be: a feed reads no hidden files."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return True


# ---- what the files say -----------------------------------------------------------------------------------------------

CONTRACTS = ("payer_code", "customer_name", "address", "provider", "building", "premises", "opened_on", "personal_code", "company_code")
METERS = ("payer_code", "meter", "kind", "place", "installed_on", "provider")
READINGS = ("payer_code", "meter", "kind", "read_on", "value", "provider")
BILLS = (
    "number", "payer_code", "provider", "customer_name", "address", "issued_on", "due_on", "period_from", "period_to", "total",
    "outstanding", "reference", "iban", "line_name", "line_quantity", "line_unit", "line_unit_price", "line_net", "line_vat_rate",
)  # fmt: skip


def _tables(slug: str, places: tuple[Place, ...], months: list[str]) -> Tables:
    tables = Tables()
    for place in places:
        of = place.provider
        tables.add(
            "contracts",
            CONTRACTS,
            [(place.payer_code, place.customer, place.address, of, place.building, place.flat, "2022-01-01", *place.codes)],
        )
        meters = [(place.payer_code, meter.number, meter.kind, meter.place, "2022-01-01", of) for meter in place.meters]
        tables.add("meters", METERS, meters)
    for period in months:
        for place in places:
            rows = [
                (place.payer_code, meter.number, meter.kind, str(_read_on(slug, period)), _decimal(shown(meter, period), 3), place.provider)
                for meter in place.meters
            ]
            tables.add(f"readings-{period}", READINGS, rows)
            tables.add(f"bills-{period}", BILLS, _bill(slug, place, period, months))
    return tables


def _read_on(slug: str, period: str) -> date:
    """Where a window for declaring is set, readings are of its days; else of the month's last day."""
    return date.fromisoformat(f"{period}-24") if slug == "property-management" else _ends(period)


def _ends(period: str) -> date:
    first = date.fromisoformat(f"{period}-01")
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def used(meter: Meter, period: str) -> int:
    """What a meter counted in a month, thousandths, in steps that it can show."""
    usual = meter.monthly_milli * SEASONS[meter.kind][int(period[5:]) - 1] // 100
    return usual * _wobble(f"{meter.number} {period}") // 100 // meter.step_milli * meter.step_milli


def shown(meter: Meter, period: str) -> int:
    """What it showed at the end of that month."""
    since = clock.months(period, clock.months_between(COUNTED_FROM, period) + 1)
    return meter.start_milli + sum(used(meter, month) for month in since)


def _wobble(key: str) -> int:
    """From 90 to 110, the same for the same key."""
    return 90 + int(hashlib.sha256(key.encode()).hexdigest()[:4], 16) % 21


def _bill(slug: str, place: Place, period: str, months: list[str]) -> Iterator[tuple[str, ...]]:
    """The rows of one bill, a line each. The newest is still to pay; of who pays late the one before it too."""
    lines = [line for line in LINES[slug](place, period) if line.quantity_milli]
    total = sum(line.net_cents for line in lines) + _vat(lines)
    is_unpaid = period == months[-1] or (place.pays_late and period == months[-2])
    number = place.bill_number.format(year=period[:4], yy=period[2:4], month=period[5:])
    issued_on = _ends(period)
    due_on = _ends(clock.period(issued_on + timedelta(days=1))).replace(day=25)
    days = (str(issued_on), str(due_on), f"{period}-01", str(issued_on))
    head = (
        number, place.payer_code, place.provider, place.customer, place.address, *days, _decimal(total, 2),
        _decimal(total if is_unpaid else 0, 2), "".join(place.payer_code.split()), place.iban,
    )  # fmt: skip
    for line in lines:
        quantity, price = _decimal(line.quantity_milli, 3), _decimal(line.price_micro, 6)
        yield (*head, line.name, quantity, line.unit, price, _decimal(line.net_cents, 2), _decimal(line.vat, 2))


def _vat(lines: list[Line]) -> int:
    """VAT, counted once for each rate."""
    return sum(_rounded(sum(line.net_cents for line in lines if line.vat == rate) * rate, 10_000) for rate in {line.vat for line in lines})


def _rounded(value: int, by: int) -> int:
    """A division, halves up."""
    return (value + by // 2) // by


def _decimal(value: int, decimals: int) -> str:
    """A number as Lithuanian tables write it: 1234,56, without needless zeros beyond two decimals."""
    whole, part = divmod(value, 10**decimals)
    digits = f"{part:0{decimals}}".rstrip("0").ljust(min(decimals, 2), "0")
    return f"{whole},{digits}"


# ---- what is billed ---------------------------------------------------------------------------------------------------


def _of(place: Place, kind: str, period: str) -> int:
    return sum(used(meter, period) for meter in place.meters if meter.kind == kind)


def _heating(place: Place, period: str) -> list[Line]:
    """PS-11. Heat and hot water carry the rate of that month."""
    of_heat = vat.rate("heating", _ends(period))
    heat = place.area_milli * SEASONS["heat"][int(period[5:]) - 1] * _wobble(f"{place.building} {period}") // 10_000 * 9
    return [
        Line("Šildymas", heat, "kWh", 81_400, of_heat),
        Line("Karštas vanduo", _of(place, "hot-water", period), "m³", 6_180_000, of_heat),
        Line("Karšto vandens temperatūros palaikymas", 1_000, "mo.", 7_420_000, of_heat),
        Line("K. v. prietaisų aptarnavimo mokestis", 1_000, "pcs", 980_000),
        Line("Šildymo ir karšto vandens sistemų priežiūra", place.area_milli, "m²", 45_600),
    ]


def _housekeeping(place: Place, period: str) -> list[Line]:
    water = _of(place, "cold-water", period) + _of(place, "hot-water", period)
    return [
        Line("Namo administravimas", place.area_milli, "m²", 37_200),
        Line("Techninė priežiūra", place.area_milli, "m²", 52_100),
        Line("Laiptinės valymas", 1_000, "mo.", 2_610_000),
        Line("Bendrojo naudojimo patalpų elektra", 1_000 * _wobble(f"{place.building} {period}") // 100 * 14, "kWh", 214_000),
        Line("Šaltas vanduo ir nuotekos", water, "m³", 2_870_000),
        Line("Šiukšlių išvežimas", 1_000, "mo.", 3_120_000),
    ]


def _company(place: Place, period: str) -> list[Line]:
    electricity, gas = _of(place, "electricity", period), _of(place, "gas", period)
    fixed = Line("Pastovioji dedamoji", 1_000, "mo.", 14_500_000)
    if gas:
        return [Line("Gamtinės dujos", gas, "m³", 548_000), Line("Dujų skirstymas", gas, "m³", 112_300), fixed]
    return [Line("Elektros energija", electricity, "kWh", 118_900), Line("Persiuntimo paslauga", electricity, "kWh", 43_200), fixed]


def _home(place: Place, period: str) -> list[Line]:
    water, gas, electricity = (_of(place, kind, period) for kind in ("cold-water", "gas", "electricity"))
    if any(meter.kind == "cold-water" for meter in place.meters):
        return [
            Line("Geriamasis vanduo", water, "m³", 1_120_000),
            Line("Nuotekų tvarkymas", water, "m³", 1_870_000),
            Line("Pardavimo kaina", 1_000, "mo.", 760_000),
        ]
    return [
        Line("Elektros energija", electricity, "kWh", 231_400),
        Line("Gamtinės dujos", gas, "m³", 714_000),
        Line("Pastovioji dedamoji", 1_000, "mo.", 2_400_000),
    ]


LINES = {"district-heating": _heating, "property-management": _housekeeping, "energy-business": _company, "energy-home": _home}
