"""What must always be true of the rows, whatever was killed: each promise is one question to the database whose answer is nobody.

`flask portal check` asks them all, in production too. Each row found is a sentence for the operator.
"""

# ruff: noqa: S608 - every name in these questions stands in this file or in models.py

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import peewee as pw
from playhouse.migrations import Runner

from models import TABLES, Message, Setting, database, now
from rules import events, messages, settings
from rules.refusal import Refused

SHOWN = 20  # of one promise; where more rows break it, one sentence says so

# A sentence with one {} for each column, and the rows that break it.
PROMISES: tuple[tuple[str, str], ...] = (
    (
        "Bill {}: its lines add up to {} cents, but it says {}.",
        "SELECT i.number, l.added, i.net_cents FROM invoice i"
        " JOIN (SELECT invoice_id, SUM(net_cents) AS added FROM invoice_line GROUP BY invoice_id) l ON l.invoice_id = i.id"
        " WHERE l.added <> i.net_cents",
    ),
    (
        "Bill {}: the VAT of its rates adds up to {} cents, but it says {}.",
        "SELECT i.number, v.added, i.vat_cents FROM invoice i"
        " JOIN (SELECT invoice_id, SUM(vat_cents) AS added FROM invoice_vat GROUP BY invoice_id) v ON v.invoice_id = i.id"
        " WHERE v.added <> i.vat_cents",
    ),
    (
        "Bill {}: {} cents are unpaid of {}.",
        "SELECT number, outstanding_cents, payable_cents FROM invoice"
        " WHERE outstanding_cents NOT BETWEEN CASE WHEN payable_cents < 0 THEN payable_cents ELSE 0 END"
        " AND CASE WHEN payable_cents > 0 THEN payable_cents ELSE 0 END",
    ),
    (
        "Bill {} is of another provider than its contract {}.",
        "SELECT i.number, c.payer_code FROM invoice i JOIN contract c ON c.id = i.contract_id WHERE i.provider_id <> c.provider_id",
    ),
    (
        "Meter {} has {} readings that count in {} for one contract.",
        "SELECT m.number, COUNT(*), r.period FROM reading r JOIN meter m ON m.id = r.meter_id WHERE r.is_current"
        " GROUP BY m.id, m.number, r.contract_id, r.period HAVING COUNT(*) > 1",
    ),
    (
        "Meter {}: the reading of {} is counted from {}, but the one before is {}.",
        "SELECT m.number, r.period, r.previous_milli, r.before_milli FROM (SELECT meter_id, period, previous_milli,"
        " LAG(value_milli) OVER (PARTITION BY meter_id ORDER BY read_on, value_milli, id) AS before_milli FROM reading WHERE is_current) r"
        " JOIN meter m ON m.id = r.meter_id WHERE r.before_milli IS NOT NULL AND COALESCE(r.previous_milli, -1) <> r.before_milli",
    ),
    (
        "Meter {}: customers declared {} in {}, after more.",
        "SELECT m.number, r.value_milli, r.period FROM (SELECT meter_id, period, value_milli, source, rollover_milli,"
        " LAG(value_milli) OVER w AS before_milli, LAG(source) OVER w AS before_source, LAG(id) OVER w AS before_id FROM reading"
        " WHERE is_current WINDOW w AS (PARTITION BY meter_id ORDER BY read_on, value_milli, id)) r JOIN meter m ON m.id = r.meter_id"
        " WHERE r.source = 'customer' AND r.before_source = 'customer' AND r.rollover_milli = 0 AND r.value_milli < r.before_milli"
        # What staff once put right and took back again may be more.
        " AND NOT EXISTS (SELECT 1 FROM reading s WHERE s.replaces_id = r.before_id AND s.source = 'staff')",
    ),
    (
        "Reading {} was entered by staff without a name or a reason.",
        "SELECT id FROM reading WHERE source = 'staff' AND (staff_id IS NULL OR reason = '')",
    ),
    (
        "Account {} has {} live accesses to contract {}.",
        "SELECT account_id, COUNT(*), contract_id FROM membership WHERE until_at IS NULL"
        " GROUP BY account_id, contract_id HAVING COUNT(*) > 1",
    ),
    (
        "Access {} has ended and does not say why, or says why and has not ended.",
        "SELECT id FROM membership WHERE (until_at IS NULL) <> (ended_by = '')",
    ),
    (
        "Sharing {} goes on, and the access through which it was given or taken has ended.",
        "SELECT s.id FROM share s JOIN membership g ON g.id = s.given_through_id LEFT JOIN membership m ON m.id = s.membership_id"
        " WHERE s.ended_at IS NULL AND (g.until_at IS NOT NULL OR m.until_at IS NOT NULL)",
    ),
    (
        "Third-party payer {} has ended and does not say why, or says why and has not ended.",
        "SELECT id FROM third_party_payer WHERE (ended_at IS NULL) <> (ended_by = '')",
    ),
    (
        "Representative {} has ended and does not say why, or says why and has not ended.",
        "SELECT id FROM representative WHERE (until_at IS NULL) <> (ended_by = '')",
    ),
    (
        "Representative {} should have contract {} and does not have it by the company.",
        "SELECT r.id, c.payer_code FROM representative r JOIN company k ON k.id = r.company_id OR k.belongs_to_id = r.company_id"
        " JOIN contract c ON c.company_id = k.id WHERE r.until_at IS NULL AND NOT EXISTS (SELECT 1 FROM membership m"
        " WHERE m.account_id = r.account_id AND m.contract_id = c.id AND m.until_at IS NULL AND m.through_id IS NOT NULL)",
    ),
    (
        "Access {} came with a company, and is not what representative {} has.",
        "SELECT m.id, r.id FROM membership m JOIN representative r ON r.id = m.through_id JOIN contract c ON c.id = m.contract_id"
        " LEFT JOIN company k ON k.id = c.company_id WHERE m.until_at IS NULL AND (r.until_at IS NOT NULL"
        " OR r.account_id <> m.account_id OR r.access_type_id <> m.access_type_id OR k.id IS NULL"
        " OR (k.id <> r.company_id AND (k.belongs_to_id IS NULL OR k.belongs_to_id <> r.company_id)))",
    ),
    (
        "Invitation {} waits, and whoever offered it represents the company no more.",
        "SELECT i.id FROM invitation i JOIN representative r ON r.id = i.invited_through_id"
        " WHERE i.taken_at IS NULL AND i.ended_at IS NULL AND r.until_at IS NOT NULL",
    ),
    (
        "Representative {} heads a company, and neither the register nor a document says so.",
        "SELECT r.id FROM representative r JOIN access_type a ON a.id = r.access_type_id JOIN company c ON c.id = r.company_id"
        " WHERE r.until_at IS NULL AND a.name = 'company_head' AND c.person_digest IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM head h WHERE h.representative_id = r.id AND h.ended_at IS NULL)",
    ),
    (
        "Account {} is of who heads company {}, and does not head it here.",
        "SELECT i.account_id, h.company_id FROM head h JOIN identity i ON i.code_digest = h.code_digest"
        " AND i.organisation_id = h.organisation_id AND i.scheme = 'PNO' AND i.level = 'high' AND i.ended_at IS NULL"
        " WHERE h.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM representative r JOIN access_type a ON a.id = r.access_type_id"
        " WHERE r.account_id = i.account_id AND r.company_id = h.company_id AND r.until_at IS NULL AND a.name = 'company_head')",
    ),
    (
        "Company {} belongs to one that belongs to another.",
        "SELECT c.name FROM company c JOIN company p ON p.id = c.belongs_to_id WHERE p.belongs_to_id IS NOT NULL",
    ),
    (
        "Contract {} is in other premises than its building {}.",
        "SELECT c.payer_code, b.address FROM contract c JOIN premises p ON p.id = c.premises_id JOIN building b ON b.id = p.building_id"
        " WHERE c.building_id IS NULL OR c.building_id <> p.building_id",
    ),
    (
        "Meter {} is in another building than its contract {}.",
        "SELECT m.number, c.payer_code FROM meter m JOIN contract c ON c.id = m.contract_id"
        " WHERE COALESCE(m.building_id, 0) <> COALESCE(c.building_id, 0)",
    ),
    (
        "Staff {} does not work here and is signed in.",
        "SELECT s.email FROM staff s JOIN session o ON o.staff_id = s.id WHERE NOT s.is_active GROUP BY s.email",
    ),
    (
        "Staff {} of one organisation runs building {} of another.",
        "SELECT s.email, b.address FROM staff_building x JOIN staff s ON s.id = x.staff_id JOIN building b ON b.id = x.building_id"
        " WHERE s.organisation_id IS NULL OR s.organisation_id <> b.organisation_id",
    ),
    (
        "Mail {} is neither sent, given up nor due.",
        "SELECT id FROM message WHERE state NOT IN ('new', 'sending', 'sent', 'dead') OR (state = 'sending' AND lease_until IS NULL)"
        " OR (state = 'sent' AND sent_at IS NULL) OR (state = 'dead' AND error = '')",
    ),
)

# What cannot have come about without an event (P5, N02): the rows, the events of which there is one, their subject, which of the rows.
RECORDED = (
    ("organisation", ("organisation.loaded",), "'organisation:' || x.id", "1 = 1"),
    ("account", ("account.registered",), "'account:' || x.id", "1 = 1"),
    ("staff", ("staff.invited",), "'staff:' || x.id", "1 = 1"),
    ("reading", ("reading.declared",), "'reading:' || x.id", "x.source = 'customer'"),
    ("reading", ("reading.entered",), "'reading:' || x.id", "x.source = 'staff' AND x.replaces_id IS NULL"),
    ("reading", ("reading.corrected",), "'reading:' || x.id", "x.source = 'staff' AND x.replaces_id IS NOT NULL"),
    (
        "membership",
        ("contract.attached", "contract.attached_by_identity", "contract.attached_by_share", "contract.attached_by_staff"),
        "'contract:' || x.contract_id",
        "x.through_id IS NULL",
    ),
    ("representative", ("representative.added",), "'representative:' || x.id", "1 = 1"),
    ("head", ("head.named",), "'company:' || x.company_id", "1 = 1"),
    ("invitation", ("invitation.sent",), "'invitation:' || x.id", "1 = 1"),
    (
        "identity",
        ("identity.confirmed", "identity.confirmed_by_staff", "identity.linked", "account.merged"),
        "'account:' || x.account_id",
        "1 = 1",
    ),
    ("share", ("share.given",), "'share:' || x.id", "1 = 1"),
    ("third_party_payer", ("thirdpartypayer.added",), "'thirdpartypayer:' || x.id", "1 = 1"),
    ("export", ("rows.exported",), "'export:' || x.id", "x.state = 'ready'"),
    ("sync_run", ("feed.run_finished",), "'syncrun:' || x.id", "x.finished_at IS NOT NULL"),
)

PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def broken(event_key: bytes, migrations: Path) -> Iterator[str]:
    """Every broken promise, a sentence each; nothing where all is well. Seals what has happened before the chain is verified."""
    of_this_version = list(_of_migrations(migrations))
    yield from of_this_version
    if of_this_version:
        return  # the rest asks for tables as this version knows them
    if isinstance(database.obj, pw.SqliteDatabase):
        yield from _of_sqlite()
    for sentence, query in PROMISES:
        yield from _found(sentence, query)
    for table, names, subject, those in RECORDED:
        named = ", ".join(f"'{name}'" for name in names)
        missing = f"NOT EXISTS (SELECT 1 FROM event e WHERE e.name IN ({named}) AND e.subject = {subject})"
        yield from _found(f"{table} {{}} has no event {names[0]}.", f"SELECT x.id FROM {table} x WHERE {those} AND {missing}")
    yield from _of_other_organisations()
    yield from _of_settings()
    yield from _of_mail()
    events.seal(event_key)
    yield from events.verify(event_key)


def _of_migrations(folder: Path) -> Iterator[str]:
    for one in Runner(database.obj, str(folder)).status():
        if not one.applied:
            yield f"The database waits for the migration {one.name}: run flask portal migrate."
        elif one.path is None:
            yield f"The database has had the migration {one.name}, which this version does not know."


def _found(sentence: str, query: str) -> Iterator[str]:
    rows = database.execute_sql(f"{query} LIMIT {SHOWN + 1}").fetchall()
    for row in rows[:SHOWN]:
        yield sentence.format(*row)
    if len(rows) > SHOWN:
        yield "There are more like the last one."


def _of_sqlite() -> Iterator[str]:
    for name, wanted in PRAGMAS.items():
        ((found,),) = database.execute_sql(f"PRAGMA {name}").fetchall()
        if found != wanted:
            yield f"SQLite runs with {name} = {found}; it must be {wanted}."
    for (word,) in database.execute_sql("PRAGMA integrity_check").fetchmany(SHOWN):
        if word != "ok":
            yield f"SQLite: {word}."
    for table, row, parent, _ in database.execute_sql("PRAGMA foreign_key_check").fetchmany(SHOWN):
        yield f"{table} {row} points to a row of {parent} that is not there."


def _of_other_organisations() -> Iterator[str]:
    """Rows that belong to one organisation and point to a row of another."""
    for model in TABLES:
        if "organisation" not in model._meta.fields:
            continue
        child = model._meta.table_name
        for field, parent in ((f, f.rel_model) for f in model._meta.sorted_fields if isinstance(f, pw.ForeignKeyField)):
            if "organisation" in parent._meta.fields:
                yield from _found(
                    f"{child} {{}} of organisation {{}} points to {parent._meta.table_name} {{}} of organisation {{}}.",
                    f'SELECT x.id, x.organisation_id, y.id, y.organisation_id FROM "{child}" x'
                    f' JOIN "{parent._meta.table_name}" y ON y.id = x."{field.column_name}" WHERE x.organisation_id <> y.organisation_id',
                )


def _of_settings() -> Iterator[str]:
    for row in Setting.select():
        try:
            settings.check(row.name, row.value)
        except (KeyError, Refused):
            yield f"Setting {row.name} of organisation {row.organisation_id} is {row.value!r}, which it cannot be."


def _of_mail() -> Iterator[str]:
    latest = now() + messages.LONGEST_PAUSE + timedelta(hours=1)
    far: Any = Message.select(Message.id).where((Message.state == "new") & (Message.next_at > latest)).limit(SHOWN)
    for (number,) in far.tuples():
        yield f"Mail {number} is put off for longer than any pause."
