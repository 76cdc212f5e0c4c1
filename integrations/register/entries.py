"""What any door to the register gives. Personal codes stand in these alone, and are not in their `repr`."""

from dataclasses import dataclass, field
from datetime import date


class Unavailable(Exception):
    """The register answers nobody now, or not us. The message is for the log and the operator, without personal data."""


@dataclass(frozen=True)
class Unread:
    """An answer about one company that says nothing which could be relied on. `why` is one of `REASONS`."""

    company_code: str
    why: str
    detail: str = ""  # for the log


# Why: it is not what was agreed on; it is about another company; the register refused to say.
REASONS = ("unreadable", "another", "refused")


@dataclass(frozen=True)
class Head:
    """That a person heads a company, or did."""

    code: str = field(repr=False)  # personal code, of the state `country`; empty: a company, or who has none of Lithuania
    first_name: str
    last_name: str
    country: str = "LT"
    since_on: date | None = None
    until_on: date | None = None  # the last day
    is_void: bool = False  # the fact or the person was annulled, or the person has died

    def is_head(self, day: date) -> bool:
        """Whether the person heads the company on that local day."""
        is_begun = self.since_on is None or self.since_on <= day
        return is_begun and not self.is_void and (self.until_on is None or self.until_on >= day)


@dataclass(frozen=True)
class Entry:
    """What the register says of one company."""

    code: str
    name: str = ""  # empty: it does not say
    heads: tuple[Head, ...] | None = None  # those who are and were; None: nothing is said of heads
    status: str | None = None  # legal status in the register's words, empty: none such as liquidation; None: it does not say
