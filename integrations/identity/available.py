"""The sign-in methods that an organisation offers, ready to use."""

from collections.abc import Callable
from functools import cache
from typing import Any

from config import Config, identity as configuration
from integrations.identity import Method, certificates
from integrations.identity.mobile_id import MobileId
from integrations.identity.oidc import OpenIdConnect
from integrations.identity.smart_id import SmartId
from integrations.identity.viisp import Gateway

MADE: dict[type[Any], Callable[[Any], Method]] = {
    configuration.SmartId: SmartId,
    configuration.MobileId: MobileId,
    configuration.OpenId: OpenIdConnect,
    configuration.Viisp: Gateway,
}


def methods(config: Config, organisation_slug: str) -> dict[str, Method]:
    """By name, in the order of the configuration."""
    return {name: _made(settings) for name, settings in config.sign_in_methods(organisation_slug).items() if _is_ready(settings)}


@cache
def _made(settings: configuration.Method) -> Method:
    """One for each way of reaching it: they keep connections, and documents."""
    return MADE[type(settings)](settings)


def _is_ready(settings: configuration.Method) -> bool:
    """One that believes nobody yet is not offered."""
    return not isinstance(settings, configuration.Signing) or bool(certificates.trust(settings.trust_dir).issuers)
