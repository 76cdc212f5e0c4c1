"""One way through a sign-in method, from the choice to the answer: bound to the browser that began it, used once, soon over (T48,
T57-T59). What the method needs to remember, and whom it found, lie sealed in the row."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import IntegrityError, fn

from models import N_, Account, Identity, IdentityFlow, Organisation, now
from rules import identities, keys, limits, personal_codes
from rules.refusal import Refused
from rules.work import unit_of_work

WAITS, WAITS_ELSEWHERE = timedelta(minutes=5), timedelta(minutes=15)  # for the phone; at another site, a bank's
REGISTERS = timedelta(minutes=10)  # between being identified and having filled in the rest
# Pushed to one person's phone within ten minutes and still without an answer, and in a day (T59); of these from one network, so that nobody
# else's alone shuts the person out; begun from one network.
PENDING, A_DAY = 3, 10
PENDING_OF_ONE, A_DAY_OF_ONE = 2, 5
FROM_A_NETWORK = 60
TEN_MINUTES = timedelta(minutes=10)
# How many of the whole install may wait for another system at once: half of the usual workers, so that pages are always given; and how
# long a place is kept for one that was killed meanwhile.
ASKS_AT_ONCE, ASKS_FOR = 2, timedelta(seconds=15)
SENT_AGAIN = timedelta(minutes=1)  # so long a form that has signed somebody in does so again, where its answer was lost

TOO_MANY_PUSHES = N_("There were too many requests to this phone. Answer the ones that wait, or try again in ten minutes.")
TOO_MANY_TODAY = N_("There were too many requests to this phone today. Sign in another way, or try again tomorrow.")
TOO_MANY_HERE = N_("There were too many requests from your network. Try again in ten minutes.")
OVER = N_("This has been used already, or it took too long. Begin again.")
# What ended a flow without a person: `integrations.identity.REASONS`, and what only we know of.
CANCELLED, IDENTIFIED = "cancelled", "identified"


def spend(organisation: Organisation, source: str, country: str = "", code: str = "", device: str | None = None) -> dict[str, Any]:
    """Count one more beginning from this network, and of what is pushed to a person's phone, one more to that person: whoever holds
    the phone must not be worn down until they say yes. A browser (`device`: its secret) that has opened this person's account here before
    is counted by itself: what strangers push does not shut the person out of it. Returns what the flow's facts keep of it. Raises Refused;
    what is counted stays.
    """
    if not limits.spend("identity", source, FROM_A_NETWORK, TEN_MINUTES):
        raise Refused(TOO_MANY_HERE)
    if not code:
        return {}
    who = personal_codes.digest(country, code)
    own = identities.known_device(organisation, who, device)
    # The narrower first: what it refuses is not counted with what comes from everywhere. One network is one for all organisations.
    brakes = [(f"{who}:{own}", PENDING, A_DAY)]
    if not own:
        brakes = [(f"{who}:{source}", PENDING_OF_ONE, A_DAY_OF_ONE), (f"{who}:{organisation.id}", PENDING, A_DAY)]
    for key, pending, a_day in brakes:
        if not limits.spend("identity-push", key, pending, TEN_MINUTES):
            raise Refused(TOO_MANY_PUSHES)
        if not limits.spend("identity-push-day", key, a_day, limits.DAY):
            raise Refused(TOO_MANY_TODAY)
    return {"pushed": [key for key, _, _ in brakes]}


def open_for(
    organisation: Organisation, secret: str, form_key: str, *, purpose: str, method: str, account: Account | None, facts: dict[str, Any]
) -> IdentityFlow | None:
    """A flow of the browser that holds `secret`, for a form that is sent once; None where it was sent before: `address` is the same."""
    at, public_id = now(), address(secret, form_key)
    try:
        with unit_of_work():
            return IdentityFlow.create(
                public_id=public_id,
                organisation=organisation,
                account=account,
                purpose=purpose,
                method=method,
                digest=_digest(secret, public_id),
                state_sealed="",
                facts=facts,
                began_at=at,
                expires_at=at + WAITS,
            )
    except IntegrityError:
        return None


def address(secret: str, form_key: str) -> UUID:
    """By what the flow of a form is called in addresses, however often it is sent."""
    return UUID(keys.digest("flow-address", f"{secret}:{form_key}")[:32])


def began(flow: IdentityFlow, state: Mapping[str, Any], *, callback: str, is_elsewhere: bool) -> None:
    """Keep what a method needs to remember, and by what the other system's answer is known."""
    at = now()
    flow.state_sealed, flow.callback_digest = keys.seal("flow", dict(state)), keys.digest("callback", callback)
    flow.began_at, flow.expires_at = at, at + (WAITS_ELSEWHERE if is_elsewhere else WAITS)
    flow.save()


def find(organisation: Organisation, public_id: UUID, secret: str | None) -> IdentityFlow | None:
    """A flow, if this browser holds its secret."""
    mine = (IdentityFlow.public_id == public_id) & (IdentityFlow.digest == _digest(secret or "", public_id))
    return IdentityFlow.get_or_none(mine & (IdentityFlow.organisation == organisation))


def _digest(secret: str, public_id: UUID) -> str:
    return keys.digest("flow", f"{secret}:{public_id}")


def called_back(organisation: Organisation, callback: str) -> IdentityFlow | None:
    """The flow whose answer another system sends a browser back with, whichever browser that is."""
    same = IdentityFlow.callback_digest == keys.digest("callback", callback)
    return IdentityFlow.get_or_none(same & (IdentityFlow.organisation == organisation))


def state_of(flow: IdentityFlow) -> dict[str, Any]:
    """What the method needs to remember; nothing while it is still beginning."""
    return dict(keys.unseal("flow", flow.state_sealed)) if flow.state_sealed else {}


def is_waiting(flow: IdentityFlow, at: datetime) -> bool:
    """Whether nobody has answered yet, and there is still time."""
    return not flow.outcome and flow.used_at is None and flow.expires_at > at


def is_identified(flow: IdentityFlow, at: datetime) -> bool:
    """Whether the person is known and nothing has come of it yet."""
    return flow.outcome == IDENTIFIED and flow.used_at is None and flow.expires_at > at


def claim(flow: IdentityFlow, *, is_answer: bool) -> bool:
    """Whether it is this request that may ask what has become of a flow; another one says "waiting" at once (T62).

    Of questions without an answer one at a time in each flow, and so many in the install (nearly: on PostgreSQL those that begin in one
    instant do not see one another); `release` ends it. What a browser brings back is asked about always, for it comes once, but once."""
    at, waiting = now(), (IdentityFlow.id == flow.id) & (IdentityFlow.outcome == "")
    if is_answer:
        return bool(IdentityFlow.update(answered_at=at).where(waiting & IdentityFlow.answered_at.is_null()).execute())
    others = IdentityFlow.alias()
    asking = others.select(fn.COUNT(others.id)).where(others.asked_until > at)
    free = IdentityFlow.asked_until.is_null() | (IdentityFlow.asked_until <= at)
    return bool(IdentityFlow.update(asked_until=at + ASKS_FOR).where(waiting & free & (asking < ASKS_AT_ONCE)).execute())


def release(flow: IdentityFlow) -> None:
    """Nobody asks about it any more."""
    IdentityFlow.update(asked_until=None).where(IdentityFlow.id == flow.id).execute()


def settle(flow: IdentityFlow, why: str, person: Mapping[str, Any] | None = None) -> None:
    """Write what came out, once: whoever else asked at the same moment finds it. `person`: who, the fields of a `Proven`."""
    change: dict[str, Any] = {"outcome": why}
    if person is not None:
        proven = identities.Proven(**person)
        change |= {"outcome": IDENTIFIED, "person_sealed": proven.sealed(), "expires_at": now() + REGISTERS}
    waiting = (IdentityFlow.id == flow.id) & (IdentityFlow.outcome == "")
    if IdentityFlow.update(**change).where(waiting).execute():
        for name, value in change.items():
            setattr(flow, name, value)
        if person is not None:
            for key in flow.facts.get("pushed", ()):  # answered: it neither waits nor wears anybody down
                limits.give_back("identity-push", key)
                limits.give_back("identity-push-day", key)


def cancel(flow: IdentityFlow) -> None:
    """End a flow of which nothing has come yet, whether it waits or somebody was identified: who it was is forgotten."""
    open_ = (IdentityFlow.id == flow.id) & IdentityFlow.used_at.is_null() & IdentityFlow.outcome.in_(("", IDENTIFIED))
    IdentityFlow.update(outcome=CANCELLED, person_sealed="", state_sealed="").where(open_).execute()


def person(flow: IdentityFlow) -> identities.Proven:
    """Who was identified. Raises Refused where nobody was, it took too long, or it has been used."""
    if not is_identified(flow, now()):
        raise Refused(OVER)
    return identities.unsealed(flow.person_sealed)


def use(flow: IdentityFlow, *, opens: Identity | None = None, form_key: str = "") -> identities.Proven:
    """Who was identified, for the one thing that comes of it, in the unit of work of that: of many at once one does. Noted is what
    `opens` an account by it, and by which form: `opened`. Raises Refused."""
    who = person(flow)
    at = now()
    good = (
        (IdentityFlow.id == flow.id)
        & (IdentityFlow.outcome == IDENTIFIED)
        & IdentityFlow.used_at.is_null()
        & (IdentityFlow.expires_at > at)
    )
    facts = flow.facts | {"opens": opens.id, "form_key": form_key} if opens is not None else flow.facts
    if not IdentityFlow.update(used_at=at, person_sealed="", state_sealed="", facts=facts).where(good).execute():
        raise Refused(OVER)
    return who


def opened(flow: IdentityFlow, form_key: str) -> Identity | None:
    """By what a form has just opened an account: sent again by the same browser, the answer to it was lost on the way."""
    if flow.used_at is None or flow.used_at < now() - SENT_AGAIN or not form_key or flow.facts.get("form_key") != form_key:
        return None
    return Identity.get_or_none((Identity.id == flow.facts["opens"]) & Identity.ended_at.is_null())


def forget_ended() -> int:
    """Drop flows that are over, with all that is sealed in them; returns how many."""
    return int(IdentityFlow.delete().where(IdentityFlow.expires_at < now() - limits.DAY).execute())
