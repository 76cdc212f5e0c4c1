"""The ways to sign in that an organisation offers besides a password (K14)."""

import secrets
from typing import NamedTuple
from uuid import UUID

from flask import current_app, session
from flask_babel import gettext as _

import web
from config.identity import OpenId, Signing
from integrations.identity import Method, available
from models import IdentityFlow, now
from rules import identities, identity_flows, settings


class Way(NamedTuple):
    """A sign-in method as this organisation offers it."""

    name: str
    title: str
    kind: str  # the setting that switches it on, without `login_`
    method: Method
    phone_url: str  # where somebody's phone is acted, in development

    @property
    def is_strong(self) -> bool:
        """Whether it says who somebody is."""
        return self.kind != "social"

    @property
    def begins_at_once(self) -> bool:
        """Whether there is nothing to ask or to choose before."""
        return not any(self.method.asks.values()) and len(self.method.flows) <= 1

    def asks(self, flow: str) -> tuple[str, ...]:
        """What a person types for it."""
        return self.method.asks.get(flow, ())


def ways(purpose: str) -> dict[str, Way]:
    """What this organisation offers for a purpose, by name (K14): who somebody is, is proven by strong ones alone."""
    here, found = web.here(), {}
    config = current_app.config["SAVITARNA"]
    configured = config.sign_in_methods(here.slug)
    for name, method in available.methods(config, here.slug).items():
        is_login = isinstance(configured.get(name), OpenId)
        kind = name if not is_login else "social" if configured[name].level == "low" else "banks"
        is_acted = isinstance(configured.get(name), Signing) and configured[name].mode == "simulator"
        phone_url = f"{config.place.simulators_url}/sk/phone" if is_acted else ""
        way = Way(name, configured[name].title if is_login else _(identities.title(name)), kind, method, phone_url)
        wanted = {"link": not way.is_strong, "sign_in": True}.get(purpose, way.is_strong)
        if wanted and getattr(settings.of(here), f"login_{kind}"):
            found[name] = way
    if found:
        browser_secret()  # before the first button is pressed: pressed twice, it must be the same browser
    return found


def browser_secret() -> str:
    """What binds flows to this browser, in its cookie; minted with the first page that needs it."""
    return str(session.setdefault(f"eid-{web.here().id}", secrets.token_urlsafe(16)))


def current_slot() -> str:
    """Under which name the cookie keeps which flow was begun last."""
    return f"eid-flow-{web.here().id}"


def forget_flow() -> None:
    """End the flow that this browser began last: on a shared computer it may be another person's (T57)."""
    known = session.pop(current_slot(), None)
    flow = identity_flows.find(web.here(), UUID(known), browser_secret()) if known else None
    if flow is not None:
        identity_flows.cancel(flow)


def forget_browser() -> None:
    """Be another browser from now on: nothing that was begun in it before can be gone on with."""
    session.pop(f"eid-{web.here().id}", None)
    session.pop(current_slot(), None)


def proven_here(public_id: str) -> IdentityFlow | None:
    """The flow of this browser by which somebody has just proven who they are, to register with; not used yet."""
    try:
        flow = identity_flows.find(web.here(), UUID(public_id), browser_secret())
    except ValueError:
        return None
    if flow is None or not identity_flows.is_identified(flow, now()):
        return None
    registers = flow.purpose in ("sign_in", "register") and flow.account_id is None
    return flow if registers and identity_flows.person(flow).is_strong else None
