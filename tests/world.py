"""Two organisations that must never see one another, and everyone who may ask: Anna owns, Ivan rents, Vida only looks, Ugnė uses,
Charlie is nobody here; the UAB Uosis has a head, an authorised person, a clerk and a former one; Agnė, Mantas, Audra and Adomas work for North, Petr for South."""

import pickle
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from peewee import PostgresqlDatabase

from models import (
    TABLES,
    AccessType,
    Account,
    EmailChange,
    Event,
    Export,
    Identity,
    Invitation,
    Message,
    Organisation,
    Seal,
    Setting,
    Share,
    Staff,
    SyncProblem,
    SyncRun,
    Table,
    ThirdPartyPayer,
    Visit,
    database,
    now,
)
from rules import companies, events, keys, sessions
from rules.work import unit_of_work
from tests import factories

CANARY = "KANARELE"  # stands in every text of South: nobody of North may ever read it


@dataclass
class World:
    north: Organisation
    south: Organisation
    people: dict[str, Account | Staff | None] = field(default_factory=dict)
    own: dict[str, Table] = field(default_factory=dict)  # what belongs to Anna's contract, or to North; by table
    foreign: dict[str, Table] = field(default_factory=dict)  # the same of South

    def sign_in(self, browser: Any, who: str) -> None:
        """Give a browser the cookie of someone's session, as signing in does."""
        person = self.people[who]
        if person is None:
            return
        secret = sessions.open_for(person, "test")
        slot = f"sid-{person.organisation_id}" if isinstance(person, Account) else "sid"
        with browser.client.session_transaction(base_url=f"http://localhost{browser.prefix}") as cookie:
            cookie[slot] = secret
            cookie["language"] = "en"


Rows = list[tuple[str, list[tuple[Any, ...]]]]
BUILT: dict[type, tuple[datetime, bytes, Rows]] = {}  # the last one: when, the world itself, what stood in its tables; by engine
OLD_AFTER = timedelta(minutes=1)


def build() -> World:
    """North and South. Where the last ones are of this very minute, their rows are written as they were: that takes a tenth of the time."""
    made_at, world, rows = BUILT.get(type(database.obj), (None, b"", []))
    if made_at is None or not timedelta() <= now() - made_at < OLD_AFTER:
        made_at, built = now(), _built()
        BUILT[type(database.obj)] = made_at, pickle.dumps(built), _rows()
        return built
    cursor = database.cursor()
    with database.atomic():
        for insert, content in rows:
            cursor.executemany(insert, content)
        if isinstance(database.obj, PostgresqlDatabase):
            names = [table._meta.table_name for table in TABLES]
            cursor.execute("SELECT " + ", ".join(f"setval('{name}_id_seq', (SELECT MAX(id) FROM \"{name}\"))" for name in names))
    return pickle.loads(world)


def _rows() -> Rows:
    """What stands in all tables, each with the INSERT that writes it."""
    found, cursor = [], database.cursor()
    for table in TABLES:
        cursor.execute(f'SELECT * FROM "{table._meta.table_name}" ORDER BY id')
        values = ", ".join([database.param] * len(cursor.description))
        columns = ", ".join(f'"{column[0]}"' for column in cursor.description)
        found.append((f'INSERT INTO "{table._meta.table_name}" ({columns}) VALUES ({values})', cursor.fetchall()))
    return [(insert, content) for insert, content in found if content]


def _built() -> World:
    """North and South, each with a house, a flat, a contract, a meter, readings, bills, mail, a run of the feed and a problem."""
    world = World(factories.organisation("north"), factories.organisation("south", name=f"South {CANARY}"))
    for here, rows, mark in ((world.north, world.own, ""), (world.south, world.foreign, f" {CANARY}")):
        Setting.create(organisation=here, name="pay_for_others", value=True)
        house = factories.building(here, f"Liepų g. 1{mark}", provider=factories.provider(here, f"{here.slug} Heat{mark}"))
        flat = factories.premises(house)
        run = SyncRun.create(organisation=here, feed="csv", finished_at=now(), error=f"no{mark}")
        contract = factories.contract(
            here,
            f"0{here.id}-234 5",
            provider=house.provider,
            building=house,
            premises=flat,
            customer_name=f"Payer{mark}",
            address=f"Liepų g. 1-1{mark}",
        )
        owner = factories.account(here, f"owner@{here.slug}.example.lt", name=f"Anna {here.slug}{mark}")
        meter = factories.meter(contract, number=f"KV{here.id}{mark}", place=f"Nr. 1{mark}")
        factories.reading(meter, 1000, date(2026, 9, 20))
        last = factories.reading(meter, 5000, date(2026, 10, 20), previous_milli=1000, reference=f"R{here.id}234567")
        rows |= {
            "organisation": here,
            "provider": house.provider,
            "building": house,
            "premises": flat,
            "contract": contract,
            "account": owner,
            "meter": meter,
            "meterkind": meter.kind,
            "reading": last,
            "membership": (held := factories.holds(owner, contract)),
            "accesstype": held.access_type,
            "share": Share.create(organisation=here, contract=contract, given_through=held, email=f"tenant{here.id}@example.lt"),
            "invoice": factories.invoice(contract, f"SF{here.id}{mark}", note=f"note{mark}"),
            "syncrun": run,
            "syncproblem": SyncProblem.create(
                organisation=here, run=run, kind="row", reference=f"x{mark}", reference_digest=f"{here.id}", message=f"Wrong{mark}"
            ),
            "company": (company := factories.company(here, f"UAB Uosis{mark}")),
            "head": factories.head(company, last_name=f"Vadovas{mark}"),
            "message": Message.create(
                organisation=here,
                kind="account_unlocked",
                to=f"owner@{here.slug}.example.lt",
                name=mark,
                language="lt",
                dedupe_key=f"w{here.id}",
                state="dead",
            ),
            "emailchange": EmailChange.create(
                organisation=here,
                account=owner,
                old=owner.email,
                new=f"new{here.id}@example.lt",
                proof="code",
                state="code",
                reason=mark,
                expires_at=now() + timedelta(days=1),
            ),
            "identity": Identity.create(
                organisation=here,
                account=owner,
                method="google",
                scheme="SUB",
                code_digest=f"google{here.id}",
                first_name="Anna",
                last_name=f"North{mark}",
                level="low",
            ),
            "visit": Visit.create(
                organisation=here,
                account=owner,
                staff=factories.staff(here, "agent", f"visitor@{here.slug}.example.com", name=f"Lina{mark}"),
                reason=mark,
                code_sealed=keys.seal("visit", "1234"),
            ),
            "staff": factories.staff(here, "agent", f"agent@{here.slug}.example.com", name=f"Agnė{mark}"),
        }
        company = factories.company(here, f"UAB Uosis{mark}", email=f"uosis{here.id}@example.lt")
        clerk = factories.account(here, f"clerk@{here.slug}.example.lt", name=f"Ugnius{mark}")
        head = factories.account(here, f"head@{here.slug}.example.lt", name=f"Vadovė{mark}")
        through = factories.represents(head, company)
        rows |= {
            "company": company,
            "representative": factories.represents(clerk, company, "user"),
            "invitation": Invitation.create(
                organisation=here,
                company=company,
                email=f"invited{here.id}@example.lt",
                access_type=AccessType.get(organisation=here, name="user"),
                invited_through=through,
                digest=f"{here.id}" * 64,
                expires_at=now() + timedelta(days=7),
            ),
        }
        payer = factories.account(here, f"payer@{here.slug}.example.lt", name=f"Morta{mark}")
        rows["thirdpartypayer"] = ThirdPartyPayer.create(organisation=here, account=payer, contract=contract, name=f"Mother{mark}")
        world.people |= {f"{here.slug}_head": head, f"{here.slug}_clerk": clerk, f"{here.slug}_payer": payer}
        rows["export"] = Export.create(
            organisation=here,
            staff=rows["staff"],
            desk="accounts",
            filters={"search": mark},
            scope_digest="",
            language="lt",
            kind="csv",
            total=1,
        )
        with unit_of_work():
            rows["event"] = events.record("organisation.loaded", here, by=events.OPERATOR, preset=f"x{mark}")
    contract, house = world.own["contract"], world.own["building"]
    world.people |= {
        "anonymous": None,
        "owner": world.own["account"],
        "agent": world.own["staff"],
        "southern_agent": world.foreign["staff"],
    }
    for who, access_type in (("sharee", "shared_person"), ("viewer", "viewer"), ("user", "user")):
        person = factories.account(world.north, f"{who}@north.example.lt", name=who.title())
        factories.holds(person, contract, access_type)
        world.people[who] = person
    for who in ("authorised", "former"):
        person = factories.account(world.north, f"{who}@north.example.lt", name=who.title())
        place = factories.represents(person, world.own["company"], "authorised_person")
        world.people[who] = person
        if who == "former":
            with unit_of_work():
                companies.end(place, "staff", by=events.SYSTEM)
    world.people["stranger"] = factories.account(world.north, "charlie@north.example.lt", name="Charlie")
    world.people["southerner"] = world.foreign["account"]
    manager = factories.staff(world.north, "property_manager", "manager@north.example.com", name="Mantas")
    factories.manages(manager, house)
    elsewhere = factories.building(world.north, "Kitur g. 9", provider=house.provider)
    other = factories.staff(world.north, "property_manager", "other-manager@north.example.com", name="Mindaugas")
    factories.manages(other, elsewhere)
    world.people |= {
        "manager": manager,
        "manager_elsewhere": other,
        "auditor": factories.staff(world.north, "auditor", "auditor@north.example.com", name="Audra"),
        "administrator": factories.staff(world.north, "administrator", "administrator@north.example.com", name="Adomas"),
        "install_administrator": factories.staff(None, "administrator", "install@north.example.com", name="Ieva"),
    }
    return world


def snapshot(but: tuple[type[Table], ...] = ()) -> dict[str, list[Any]]:
    """Every row of every table, but for when somebody was last seen, and that staff have looked (M02: the one thing that reading writes)."""
    import models

    seen = {"last_seen_at", "last_used_at"}
    return {
        table.__name__: [
            tuple(v for k, v in row.items() if k not in seen)
            for row in table.select().order_by(table.id).dicts()
            if table is not Event or row["name"] != "account.viewed"
        ]
        for table in models.TABLES
        if table not in but and table not in (Seal,)
    }


__all__ = ["CANARY", "AccessType", "Event", "World", "build", "snapshot"]
