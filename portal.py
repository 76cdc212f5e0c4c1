"""The operator's commands: `flask portal --help`. Each says what it has done, or in one sentence why it has not."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import peewee as pw
import psycopg
import pyotp
from playhouse.migrations import Runner

import backups
import formats
import tasks
from config import ROOT, Misconfigured, identity, presets
from integrations import mail
from integrations.identity import NotIdentified, stored
from models import ROLES, Organisation, Staff, SyncProblem, SyncRun, database
from rules import checks, events, links, organisations, settings, staff
from rules.refusal import Refused

MIGRATIONS = ROOT / "migrations"
MIGRATING = 7_270_000_001  # the lock that keeps two migrators on PostgreSQL apart
SYSTEMS = {".csv": "csv", ".xml": "ubl"}


class Command(click.Command):
    """A command with a connection of its own, whose failures are sentences and never tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)  # what is worth telling is told by the command
        with _sentences(), database.connection_context():
            return super().invoke(ctx)


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except Refused as no:
        raise click.ClickException(_said(no.message, no.facts)) from no
    except (Misconfigured, OSError) as error:
        raise click.ClickException(str(error)) from error
    except (pw.DatabaseError, psycopg.Error) as error:  # the latter: the queue, which is in PostgreSQL too
        reason = " ".join(str(error).split())
        raise click.ClickException(
            f"The database refuses: {reason}. Where it is new or older than the program, run: flask portal migrate"
        ) from error


def _said(message: str, facts: dict[str, Any]) -> str:
    """A sentence with its facts, in English."""
    written = dict(facts)
    for name, value in facts.items():
        if name.endswith("_cents"):
            written[name] = formats.money(value, "en")
        elif name.endswith("_milli"):
            written[name] = formats.quantity(value, "en")
    return message.format(**written)


@click.group("portal")
def commands() -> None:
    """Run this install: its database, organisations, staff, bills and mail."""


commands.command_class = Command


# ---- setting up -------------------------------------------------------------------------------------------------------


@commands.command()
def migrate() -> None:
    """Bring the database up to date. Safe to run again, and by two at once."""
    runner = Runner(database.obj, str(MIGRATIONS))
    with _alone():
        try:
            done = runner.up()
        except pw.DatabaseError:
            # On SQLite the other one may have been a moment faster.
            if any(not one.applied for one in runner.status()):
                raise
            done = []
        tasks.prepare_queue()
    click.echo(f"Applied {', '.join(done)}." if done else "The database is up to date.")


@contextmanager
def _alone() -> Iterator[None]:
    """Only one migrator at a time, for as long as it takes."""
    if isinstance(database.obj, pw.SqliteDatabase):
        yield
        return
    database.execute_sql("SET statement_timeout = 0; SET lock_timeout = 0")
    database.execute_sql("SELECT pg_advisory_lock(%s)", (MIGRATING,))
    try:
        yield
    finally:
        database.execute_sql("SELECT pg_advisory_unlock(%s)", (MIGRATING,))


@commands.command("load-organisation")
@click.argument("preset", type=click.Choice(sorted(presets())))
@click.argument("slug")
def load_organisation(preset: str, slug: str) -> None:
    """Open an organisation with the rules of PRESET; SLUG is its part of the address.

    Everything can be changed afterwards in the backoffice.
    """
    made = organisations.load(slug, preset, presets()[preset], by=events.OPERATOR)
    click.echo(f"{made.name} is at {links.site_url(tasks.config.customer_url, made)}/")


@commands.command("create-staff")
@click.argument("email")
@click.argument("role", type=click.Choice([role for role, _ in ROLES]))
@click.option("--organisation", "slug", help="For one organisation, by its short name; without it for the whole install.")
@click.option("--name", default="", help="As colleagues know them.")
@click.option("--language", type=click.Choice(["lt", "en"]), default="lt", show_default=True)
def create_staff(email: str, role: str, slug: str | None, name: str, language: str) -> None:
    """Invite someone who works here, and print the link that lets them in.

    The link works once, for 72 hours, and sets the password and the one-time codes. It is sent to EMAIL too.
    """
    organisation = _organisation(slug) if slug else None
    staff_url = tasks.config.staff_url
    link = staff.invite(email, role, organisation=organisation, by=events.OPERATOR, staff_url=staff_url, name=name, language=language)
    click.echo(link)


def _organisation(slug: str) -> Organisation:
    """Raises Refused."""
    found = Organisation.get_or_none(Organisation.slug == slug)
    if found is None:
        known = ", ".join(sorted(slug for (slug,) in Organisation.select(Organisation.slug).tuples())) or "none yet"
        raise Refused("There is no organisation {slug}; there is {known}.", slug=slug, known=known)
    return found


# ---- every day --------------------------------------------------------------------------------------------------------


@commands.command("sync-bills")
@click.argument("slug")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def sync_bills(slug: str, paths: tuple[Path, ...]) -> None:
    """Take in the bills of the organisation SLUG, as every night, or just those in PATHS.

    Named .csv and .xml files are read as what they are called; folders as the organisation's billing system delivers.
    """
    organisation = _organisation(slug)
    by_system: dict[str, list[Path] | None] = {}
    if paths:
        for path in paths:
            by_system.setdefault(_system(organisation, path), []).append(path)  # type: ignore[union-attr]
    else:
        by_system[_system(organisation, None)] = None
    for system, named in by_system.items():
        _tell(tasks.take_bills(organisation, system, named))


def _system(organisation: Organisation, path: Path | None) -> str:
    """Which feed reads a path. Raises Refused."""
    if path is not None and not path.is_dir():
        system = SYSTEMS.get(path.suffix.lower())
        if system is None:
            raise Refused("{path} must be a .csv or .xml file, or a folder of them.", path=path)
        return system
    system = settings.of(organisation).billing_system
    if system == "nothing":
        raise Refused("{slug} has no billing system. Choose one in its settings, or name the files to read.", slug=organisation.slug)
    return system


def _tell(run: SyncRun) -> None:
    click.echo(f"{run.seen} records: {run.created} new, {run.changed} changed, {run.same} unchanged, {run.problems} put aside.")
    _tell_problems(run)


def _tell_problems(run: SyncRun) -> None:
    for problem in SyncProblem.select().where((SyncProblem.run == run) & SyncProblem.resolved_at.is_null()).order_by(SyncProblem.id):
        click.echo(f"  {problem.reference}: {_said(problem.message, problem.facts)} [{problem.kind}]")
    if run.error:
        raise click.ClickException(f"The run broke off: {run.error}")


@commands.command("sync-register")
@click.argument("slug")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--company", "codes", multiple=True, help="Only the company with this code; may be given several times.")
def sync_register(slug: str, paths: tuple[Path, ...], codes: tuple[str, ...]) -> None:
    """Read who heads the companies of the organisation SLUG, as every night, or what the files at PATHS say.

    Files are extracts (.xml), tables of heads (.csv) and the register's open data. What would end unusually many heads is not done
    before somebody has let it pass in the backoffice.
    """
    run = tasks.read_heads(_organisation(slug), codes or None, paths or None)
    if run is None:
        raise Refused("{slug} reads no register, or has no such companies.", slug=slug)
    click.echo(f"{run.seen} answers of the register: {run.changed} changed, {run.same} unchanged, {run.problems} put aside.")
    _tell_problems(run)


@commands.command("send-mail")
def send_mail() -> None:
    """Send the mail that waits, now, from here."""
    carrier, tried, is_done = mail.carrier(tasks.config), 0, False
    while not is_done:
        some, is_done = tasks.deliver(carrier, tasks.LEASE)
        tried += some
    click.echo(f"{tried} mails were handed over or put off; the backoffice shows which could not be delivered.")


# ---- looking after it -------------------------------------------------------------------------------------------------


@commands.command()
def check() -> None:
    """Ask for every broken promise of the data. Exits with 1 when there is one, and says which."""
    if not isinstance(database.obj, pw.SqliteDatabase):
        database.execute_sql("SET statement_timeout = 0")
    _each(checks.broken(tasks.config.key("event_key"), MIGRATIONS), "Everything holds.")


@commands.command("verify-events")
def verify_events() -> None:
    """Seal what has happened, and look for signs of tampering in the whole chain of events."""
    key = tasks.config.key("event_key")
    events.seal(key)
    _each(events.verify(key), "The chain of events is whole.")


def _each(sentences: Iterator[str], otherwise: str) -> None:
    found = False
    for sentence in sentences:
        found = True
        click.echo(sentence)
    if found:
        raise click.exceptions.Exit(1)
    click.echo(otherwise)


@commands.command("check-answer")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--demo", is_flag=True, help="Believe SK's test issuers, whatever is configured.")
@click.option(
    "--trust", type=click.Path(exists=True, file_okay=False), help="Believe the issuers in this directory instead, and its responders/."
)
@click.option("--ocsp", default="", help="Ask this address about revocation instead of the one in the certificate. Not in live mode.")
@click.option("--person", default="", help="Whom the session was started for: PNOLT-40404040009.")
@click.option("--at", type=click.DateTime(), help="The moment of the sign-in (UTC), instead of now.")
@click.option("--organisation", default="", help="By the methods as this organisation has them: its slug.")
def check_answer(file: Path, demo: bool, trust: str | None, ocsp: str, person: str, at: datetime | None, organisation: str) -> None:
    """Judge an answer of Smart-ID or Mobile-ID that was kept in FILE, as a sign-in would: who it is, or why nobody."""
    try:
        answer = stored.read(file.read_text())
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}.") from error
    name = stored.method_of(answer)
    place = tasks.config.place
    settings = identity.METHODS[name](mode="demo").settled(place) if demo else tasks.config.sign_in_methods(organisation).get(name)
    if not isinstance(settings, identity.Signing):
        raise click.ClickException(f"{name} is not configured: name its table in SAVITARNA_IDENTITY, or say --demo.")
    if ocsp and settings.mode == "live":
        raise click.ClickException("In live mode the certificate names who is asked about revocation.")
    settings = replace(settings, trust_dir=trust or settings.trust_dir, ocsp_url=ocsp or settings.ocsp_url)
    try:
        found = stored.check(answer, settings, person, at.replace(tzinfo=UTC) if at else None)
    except NotIdentified as no:
        raise click.ClickException(f"Nobody: {no.why} ({no}).") from no
    born = f"born {found.born_on} by the {found.born_from}" if found.born_on else "day of birth unknown"
    click.echo(f"PNO{found.country}-{found.code} {found.first_name} {found.last_name}, {born}, level {found.level}.")
    if code := stored.control_code(answer):
        click.echo(f"The control code was {code}.")


# ---- backups ----------------------------------------------------------------------------------------------------------


@commands.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(1), help="Drop all but the newest so many backups afterwards.")
def backup(folder: Path, keep: int | None) -> None:
    """Back the database and the stored files up into FOLDER, while everything runs.

    Several backups share FOLDER and the files in it. The keys are not in it: keep them elsewhere.
    """
    made = backups.make(folder.absolute(), tasks.config.database_url, tasks.config.files_dir)
    click.echo(f"{made.place}: {made.rows} rows, {made.files} files.")
    if keep:
        click.echo(f"{backups.keep(folder.absolute(), keep)} older ones were dropped.")
    _tell_missing(made)


@commands.command()
@click.argument("place", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in the place of a database that is not empty. Stop the services first.")
def restore(place: Path, replace: bool) -> None:
    """Put the backup PLACE back into the database that is configured, verify it, and ask for every broken promise."""
    began, config = time.monotonic(), tasks.config
    known = {path.stem for path in MIGRATIONS.glob("0*.py")}
    done = backups.restore(
        place.absolute(), config.database_url, config.files_dir, replace=replace, known=known, prepare=tasks.prepare_queue
    )
    click.echo(f"{done.rows} rows and {done.files} files are back after {time.monotonic() - began:.1f} s.")
    _tell_missing(done)
    _each(checks.broken(config.key("event_key"), MIGRATIONS), "Everything holds.")


def _tell_missing(found: backups.Outcome) -> None:
    for name in found.missing:
        click.echo(f"The file {name} is named by a row and is not there.")
    if found.missing:
        raise click.exceptions.Exit(1)


# ---- the demo world ---------------------------------------------------------------------------------------------------


@commands.command()
def demo() -> None:
    """Fill this copy with a demo world: five organisations, two years of bills, people to sign in as.

    A second time it goes on with what is there. Needs SAVITARNA_DEMO=yes, and is not to be had in production.
    """
    if not _is_demo():
        raise Refused("The demo world needs SAVITARNA_DEMO=yes, and is not to be had in production.")
    import demo as world

    world.load(tasks.config, tasks.take_bills)
    click.echo(world.told(tasks.config))


def demo_staff_codes() -> list[tuple[str, str, str, int]]:
    """E-mail, role, one-time code of now and the seconds it has left, of the demo's staff; nothing where there is no demo."""
    if not _is_demo():
        return []
    import demo as world

    at, roles = time.time(), dict(ROLES)
    people = Staff.select().where(Staff.email.in_(world.STAFF_EMAILS) & Staff.is_active & (Staff.totp_secret != "")).order_by(Staff.id)
    return [(one.email, roles[one.role], pyotp.TOTP(one.totp_secret).at(int(at)), 30 - int(at) % 30) for one in people]


def _is_demo() -> bool:
    return tasks.config.demo and not tasks.config.is_production
