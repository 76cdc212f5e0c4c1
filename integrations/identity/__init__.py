"""Who somebody is, as another system vouches for it. Every sign-in method is a `Method`: it begins, shows something, and checks what
came back; all of them end in one `Person`. What that person may open, `rules/identities.py` decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol


class NotIdentified(Exception):
    """Nobody was identified. `why` is one of `REASONS`; what exactly was wrong is for the log alone, without personal data."""

    def __init__(self, why: str, detail: str = "") -> None:
        assert why in REASONS, why
        super().__init__(detail or why)
        self.why = why


# What a person is told apart: all that could tell whether somebody has an account there is "unsuitable".
REASONS = frozenset(
    {
        "refused",  # the person said no
        "timeout",  # nothing was answered in time
        "wrong_code",  # another control code was picked than the one shown
        "unsuitable",  # no such account, a document that cannot be used, an app too old, a level too low
        "unproven",  # an answer that does not hold: signature, certificate, challenge, token, callback
        "unavailable",  # the other system does not answer, or is being maintained
    }
)


@dataclass(frozen=True)
class Person:
    """Somebody whose identity has been proven, and by what."""

    method: str  # the name of the method: "smart_id", "mobile_id", "viisp", or an OpenID Connect provider's: "swedbank", "google"
    scheme: str  # "PNO": `code` is a personal code given by the state `country`; "SUB": the subject of `issuer`
    code: str  # without the prefix and without spaces
    country: str = ""  # "LT", "EE"...
    issuer: str = ""  # of a subject: who knows it
    first_name: str = ""
    last_name: str = ""
    born_on: date | None = None
    born_from: str = ""  # where the day of birth is from: "certificate", "code", "claim"
    level: str = "high"  # "high": strong, good for contracts; "low": only that it is the same one as before (Google, Facebook)
    document: str = ""  # Smart-ID's document number, which later signing must use
    evidence: Mapping[str, Any] = field(default_factory=dict)  # what shows it afterwards: certificate, signature, what was signed


@dataclass(frozen=True)
class Wish:
    """What a person asked for when they chose a method."""

    personal_code: str = ""  # with its country: "LT-40404040009"; of methods that ask for it
    phone: str = ""  # E.164, of Mobile-ID
    flow: str = ""  # Smart-ID: "QR", "Web2App", "Notification"
    language: str = "lt"
    text: str = ""  # what the phone shows, at most 60 characters: who asks, and for what
    # Where the other system sends the browser back to, https in production. Of OpenID Connect one and the same address for everybody, as it
    # was registered; of the others with the flow's own token.
    callback_url: str = ""


@dataclass(frozen=True)
class Shown:
    """What the browser shows or does while we wait."""

    code: str = ""  # control code to compare with the phone's
    qr: str = ""  # text of a QR code, another one each second
    link: str = ""  # opens the app on this very device
    go_to: str = ""  # the address the browser is sent to; a policy of form-action holds for the redirect after a form too
    post: Mapping[str, str] = field(default_factory=dict)  # fields to send there, by a form; empty: it is simply opened


class Method(Protocol):
    """One way to prove who somebody is. `state` is what `begin` gave: kept sealed on the server, never in the browser."""

    name: str
    flows: tuple[str, ...]  # ways it offers, best first; empty: one
    asks: Mapping[str, tuple[str, ...]]  # by flow ("": the only one), which of `Wish`'s fields a person types: "personal_code", "phone"

    def begin(self, wish: Wish) -> dict[str, Any]:
        """Start with the other system. Returns the state (JSON). Raises NotIdentified."""

    def show(self, state: Mapping[str, Any], elapsed_seconds: int) -> Shown:
        """What to show so many seconds after `begin` returned."""

    def check(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> Person | None:
        """Ask, or look at what the browser brought back (`answer`: the callback's fields, empty while polling): the person, or None while
        nobody has answered. While polling, the other system is given a second to say something new. Raises NotIdentified: the flow is
        over."""
