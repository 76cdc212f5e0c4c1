"""The demo world: five organisations from their presets, two years of bills and readings as feed files, and people who use them.

Everything comes in through the product's own doors: bills through the nightly run, customers by registering, staff by invitation.
A second time it goes on with what is there. Nothing of it can be had in production.
"""

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from config import Config, presets
from demo import people
from demo.feeds import write_feeds
from demo.people import PASSWORD, STAFF
from models import Organisation, SyncRun
from rules import clock, events, links, organisations, settings, sync
from rules.refusal import Refused

STAFF_EMAILS = [one.email for one in STAFF]
LEASE = timedelta(seconds=10)  # a start that was killed must not hold up the next one for long


def load(config: Config, take_bills: Callable[..., SyncRun], today: date | None = None) -> None:
    """Make the world, or what is missing of it. Raises Refused where its bills could not be taken in."""
    opened = {slug: _organisation(slug, facts) for slug, facts in presets().items()}
    delivered = write_feeds(config.feeds_dir, today or clock.today())
    for slug, organisation in opened.items():
        if slug in delivered or not _has_been_read(organisation):
            _read(organisation, take_bills)
    for customer in people.CUSTOMERS:
        people.register(customer, opened[customer.organisation], config.customer_url)
    for colleague in STAFF:
        people.enrol(colleague, opened.get(colleague.organisation), config.staff_url)
    people.give_buildings()
    for customer in people.CUSTOMERS:
        people.represent(customer, opened[customer.organisation], config.customer_url)


def _organisation(slug: str, facts: dict[str, Any]) -> Organisation:
    found = Organisation.get_or_none(Organisation.slug == slug)
    return found or organisations.load(slug, slug, facts, by=events.OPERATOR)


def _has_been_read(organisation: Organisation) -> bool:
    return sync.since(organisation) is not None


def _read(organisation: Organisation, take_bills: Callable[..., SyncRun]) -> None:
    while True:
        try:
            run = take_bills(organisation, settings.of(organisation).billing_system, lease=LEASE)
        except sync.Busy:
            time.sleep(1)  # what a killed start left ends with its lease
        else:
            break
    if run.error:
        raise Refused("The bills of {slug} were not taken in: {error}", slug=organisation.slug, error=run.error)


def told(config: Config) -> str:
    """Where to go and how to sign in, for the person at the terminal."""
    rows = [f"Demo sign-ins. The password of everyone is {PASSWORD}", ""]
    for customer in people.CUSTOMERS:
        here = Organisation.get(Organisation.slug == customer.organisation)
        rows.append(f"  {customer.email:<42} {links.site_url(config.customer_url, here)}/  {customer.story}")
    rows.append("")
    for colleague in STAFF:
        rows.append(f"  {colleague.email:<42} {config.staff_url}/  {colleague.story}")
    rows += ["", f"Staff also need a one-time code: {config.customer_url}/mail/ shows those of now."]
    return "\n".join(rows)
