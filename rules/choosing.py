"""Whose documents one looks at: of which represented company (AG-13), and by which provider (AG-12).

A choice narrows lists and sums. It gives no right and takes none: whatever is opened by its own address is shown.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from models import Account, sort_key
from rules import access

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
    """Between what this account may choose: nothing for who has one provider and no company."""
    held = access.held(account)
    companies = {one.company: one.company_as for one in held}
    providers = {one.provider: one.provider_as for one in held}
    return Options(
        _by_name({key: words for key, words in companies.items() if key}) if len(companies) > 1 else [],
        _by_name(providers) if len(providers) > 1 else [],
        None in companies,
    )


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


def _by_name(those: Mapping[Any, tuple[uuid.UUID, str]]) -> list[tuple[str, str, int]]:
    return sorted(((str(public_id), name, key) for key, (public_id, name) in those.items()), key=lambda one: sort_key(one[1]))
