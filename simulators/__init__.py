"""Other companies' systems, acted: one module and one WSGI application each, mounted under /simulators/<name> in development and never in
production. Their clients in `integrations/` speak real HTTP to them."""

from collections.abc import Mapping
from typing import Any

from config import Config


def mounts(config: Config) -> Mapping[str, Any]:
    """Each simulator by the path that its clients look for it under. Raises Misconfigured in production."""
    from simulators import oidc, register, sk, viisp

    made = {"oidc": oidc, "register": register, "sk": sk, "viisp": viisp}
    return {f"/simulators/{name}": module.create_app(config) for name, module in made.items()}
