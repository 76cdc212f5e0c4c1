"""Whose documents one looks at: of which represented company (AG-13), and by which provider (AG-12).

A choice narrows lists and sums. It gives no right and takes none: whatever is opened by its own address is shown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from models import Account, Company, Provider
from rules import access
from rules.statements import one_of, statement

ALL, OWN = "", "own"


@dataclass(frozen=True)
class Choice:
    """What is chosen, as a cookie may keep it: public ids, `ALL`, and for companies `OWN`, what is no company's."""

    company: str = ALL
    provider: str = ALL


@dataclass(frozen=True)
class Options:
    """Between what an account may choose, as (public id, name, id) by name; empty where there is nothing to choose between."""

    companies: list[tuple[str, str, int]] = field(default_factory=list)
    providers: list[tuple[str, str, int]] = field(default_factory=list)
    has_own: bool = False

    def all(self) -> Iterator[Choice]:
        """Every choice there is."""
        own = [OWN] if self.has_own and self.companies else []
        companies, providers = [ALL, *own, *(one[0] for one in self.companies)], [ALL, *(one[0] for one in self.providers)]
        return (Choice(*both) for both in product(companies, providers))


def options(account: Account) -> Options:
    """Between what this account may choose; asked once per loaded account, and of nobody who has one provider and no company."""
    kept: Options | None = account.__dict__.get("_options")
    if kept is None:
        held = access.held(account)
        companies, providers = {one.company for one in held}, {one.provider for one in held}
        known = _named(_companies, companies - {None}) if len(companies) > 1 else []
        kept = account.__dict__["_options"] = Options(known, _named(_providers, providers) if len(providers) > 1 else [], None in companies)
    return kept


def choose(account: Account, choice: Choice) -> Choice:
    """Narrow the lists of this loaded account; returns what holds: what is no longer there to choose counts as not chosen."""
    if choice == Choice():
        return choice
    known = options(account)
    company = {OWN: access.OWN} if known.has_own and known.companies else {}
    company |= {public_id: number for public_id, _name, number in known.companies}
    provider = {public_id: number for public_id, _name, number in known.providers}
    access.narrow(account, company.get(choice.company), provider.get(choice.provider))
    return Choice(choice.company if choice.company in company else ALL, choice.provider if choice.provider in provider else ALL)


def _named(ask: Any, numbers: Iterable[Any]) -> list[tuple[str, str, int]]:
    return [(str(public_id), name, number) for number, public_id, name in ask(sorted(numbers))]


@statement
def _companies(numbers: list[int]) -> Any:
    rows = Company.select(Company.id, Company.public_id, Company.name).where(one_of(Company.id, numbers))
    return rows.order_by(Company.sort_key, Company.id).tuples()


@statement
def _providers(numbers: list[int]) -> Any:
    rows = Provider.select(Provider.id, Provider.public_id, Provider.name).where(one_of(Provider.id, numbers))
    return rows.order_by(Provider.sort_key, Provider.id).tuples()
