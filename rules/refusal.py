"""The only exceptions a page must know: a finished sentence for the person who asked."""

from typing import Any


class Refused(Exception):
    """It may not be done, and why. `message` is a msgid with {named} facts; the site translates it and puts it on `field`.

    Numbers and days go in as they are (cents, milli-units, dates); the site writes them for its reader by the fact's name
    (`*_cents`, `*_milli`, `*_on`, `*_at`).
    """

    def __init__(self, message: str, field: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message, self.field, self.facts = message, field, facts


class Doubtful(Refused):
    """It may be done once the person says they are sure: the page comes back with this question."""


class Missing(LookupError):
    """No such thing for this person, whether it exists or not: a 404."""


class Lacking(Exception):
    """It might be done, were the level of one's identity as high as this: not refused, but to be confirmed first (K03)."""

    def __init__(self, level: str) -> None:
        super().__init__(level)
        self.level = level
