"""The places of the demo world: who is billed where, with which meters. Streets, people and companies are made up."""

from dataclasses import dataclass

# Towns and streets that no map knows.
TOWN = "Pavyzdžiai"
SURNAMES = ("Pavyzdys", "Bandomasis", "Netikras", "Sugalvotas", "Išgalvotas", "Menamas", "Tariamas", "Spėjamas", "Numanomas", "Bevardis")
NAMES = (
    "Adomas",
    "Bronius",
    "Dainius",
    "Gediminas",
    "Jurgis",
    "Kęstutis",
    "Laurynas",
    "Matas",
    "Šarūnas",
    "Žygimantas",
    "Ąžuolas",
    "Česlovas",
)


@dataclass(frozen=True)
class Meter:
    """A meter: what it counts in a usual month, and what it showed when it was installed; thousandths of its unit."""

    number: str
    kind: str
    place: str
    monthly_milli: int
    start_milli: int
    step_milli: int  # the smallest amount it shows


@dataclass(frozen=True)
class Place:
    """A contract. `bill_number` is filled in with the year, yy and month of a bill."""

    payer_code: str
    customer: str
    address: str
    provider: str
    iban: str
    bill_number: str
    area_milli: int = 0
    building: str = ""
    flat: str = ""
    meters: tuple[Meter, ...] = ()
    pays_late: bool = False
    personal_code: str = ""  # the customer's, as the simulators know them
    company_code: str = ""  # where the customer is a company: the simulated register of legal entities knows it

    @property
    def codes(self) -> tuple[str, str]:
        """By which it is known whose contract it is: a person's, and a company's."""
        return self.personal_code, self.company_code


def _somebody(number: int) -> str:
    return f"{NAMES[number % len(NAMES)]} {SURNAMES[number * 7 % len(SURNAMES)]}"


def _heated(number: int) -> Place:
    """A flat of the heat supplier (PS-07..PS-14)."""
    building, flat = f"Šilumos g. {5 + number // 12}, {TOWN}", str(number % 12 + 1)
    customer = {4: "Vardutis Pavardutis", 7: "Rasa Bandomoji"}.get(number, _somebody(number))
    # PS-14's own meter is the one of the flat that the demo's customer adds.
    meter = Meter(
        "KV1_241" if number == 4 else f"KV1_{300 + number}", "hot-water", "Nr. 1", 2_600 + number % 5 * 450, 40_000 + 917 * number, 1
    )
    return Place(
        f"01{200 + number}", customer, f"{building} - {flat}", "999000056", "LT081000011101000005", f"Fiz{{yy}}{{month}}{200 + number}",
        38_400 + number % 4 * 11_300, building, flat, (meter,), pays_late=number == 9,
    )  # fmt: skip


COMPANIES = {  # of property management: provider, its account, and where its house stands
    "03": ("999000031", "LT621000011101000003", f"Bandymų g. 3, {TOWN}"),
    "06": ("999000063", "LT781000011101000006", f"Rytų g. 6, {TOWN}"),
    "07": ("999000070", "LT511000011101000007", f"Centro g. 7, {TOWN}"),
}


def _maintained(house: str, number: int) -> Place:
    provider, iban, building = COMPANIES[house]
    is_onas = house == "03" and number in (7, 12)
    meters = (
        Meter(f"ŠV-{house}{number:02}", "cold-water", "Virtuvė", 3_400 + number % 4 * 600, 61_000 + 530 * number, 10),
        Meter(f"KV-{house}{number:02}", "hot-water", "Vonia", 2_300 + number % 3 * 500, 47_000 + 410 * number, 10),
    )
    customer, code = "Ona Pavyzdienė" if is_onas else _somebody(number + int(house)), f"{house}-10{number:02} {(number * 7 + 5) % 10}"
    return Place(
        code, customer, f"{building} - {number}", provider, iban, f"BP-{{year}}-{{month}}-{house}{number:02}",
        41_500 + number % 5 * 8_200, building, str(number), meters, pays_late=house == "03" and number == 12,
    )  # fmt: skip


CUSTOMER_CODES = ("999000106", "999000114", "999000122", "999000130", "999000148")


def _business(number: int) -> list[Place]:
    """A company with a contract for electricity and one for gas (IB-03)."""
    names = ("Pavyzdys", "Bandymas", "Išgalvota įmonė", "Niekur nėra", "Tik popieriuje")
    name, address = f"UAB „{names[number]}“", f"Verslo g. {10 + number}, {TOWN}"
    places = []
    for letter, kind, monthly in (("E", "electricity", 4_200_000), ("D", "gas", 620_000)):
        meter = Meter(f"{letter}{88_000 + number}", kind, "Gamybos cechas", monthly + number * 310_000, 12_345_000 * (number + 1), 1_000)
        code, bill = f"V{letter} 100 {200 + number}", f"VE-{letter}-{{year}}-{{month}}-{number:03}"
        company = CUSTOMER_CODES[number]
        places.append(Place(code, name, address, "999000017", "LT191000011101000001", bill, meters=(meter,), company_code=company))
    return places


def _home(number: int) -> list[Place]:
    """A home with a contract for electricity and gas and one for water, of two providers (IR-02)."""
    named = {42: ("Jonas Pavyzdys", "30303039914"), 44: ("Rasa Bandomoji", "40504040001")}
    customer, code = named.get(number, (_somebody(number), ""))
    address = f"Namų g. {number}, {TOWN}"
    energy = (
        Meter(f"EL-{number:05}", "electricity", "Laiptinė", 210_000 + number % 6 * 35_000, 3_214_000 + number * 1_000, 1_000),
        Meter(f"GD-{number:05}", "gas", "Virtuvė", 38_000 + number % 4 * 12_000, 812_000 + number * 1_000, 1_000),
    )
    water = (Meter(f"VN-{number:05}", "cold-water", "Rūsys", 6_000 + number % 5 * 1_000, 214_000 + number * 1_000, 1_000),)
    return [
        Place(
            f"7001 00{number}", customer, address, "999000024", "LT891000011101000002", f"NE{{yy}}{{month}}{number:05}", meters=energy,
            personal_code=code,
        ),
        Place(
            f"44-00{number}", customer, address, "999000088", "LT241000011101000008", f"NV{{yy}}{{month}}{number:05}", meters=water,
            personal_code=code,
        ),
    ]  # fmt: skip


PLACES: dict[str, tuple[Place, ...]] = {
    "district-heating": tuple(_heated(number) for number in range(24)),
    "property-management": tuple(
        _maintained(house, number) for house, flats in (("03", 16), ("06", 6), ("07", 6)) for number in range(1, flats + 1)
    ),
    "energy-business": tuple(place for number in range(5) for place in _business(number)),
    "energy-home": tuple(place for number in range(38, 47) for place in _home(number)),
}
