"""Names the applications: the customer site for Flask's tools, and all of them under one address for one process."""

from typing import Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from config import load_or_exit


def create_app() -> Any:
    """The customer site. The process that serves it alone never imports the backoffice."""
    from customer import create_app
    from portal import commands

    site = create_app(load_or_exit())
    site.cli.add_command(commands)
    return site


def create_backoffice() -> Any:
    """The backoffice, for its own host."""
    from backoffice import create_app

    return create_app(load_or_exit())


def __getattr__(name: str) -> Any:
    if name == "app":  # where `flask --app wsgi` looks first: an operator's command need not wait for the backoffice too
        return create_app()
    if name != "application":
        raise AttributeError(name)
    mounts = {"/backoffice": create_backoffice()}
    if not load_or_exit().is_production:
        import simulators

        mounts |= simulators.mounts(load_or_exit())
    if load_or_exit().demo:
        from mailbox import create_app as create_mailbox

        mounts["/mail"] = create_mailbox(load_or_exit())
    return DispatcherMiddleware(create_app(), mounts)
