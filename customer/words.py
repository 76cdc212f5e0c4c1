"""What customers add is a contract, an object or a service, as their organisation says (K23). Whole sentences: the endings of
Lithuanian words cannot be pasted together."""

from flask_babel import lazy_gettext as _l

import web
from rules import settings

WORDS = {
    "contract": {
        "list": _l("Contracts"),
        "one": _l("Contract"),
        "see": _l("See your contracts"),
        "add": _l("Add a contract"),
        "added": _l("The contract is in your account."),
        "none": _l("Your account is active, but you have not added any contracts yet"),
        "not_shown": _l("Your access lets you see bills and meters, but not the contracts themselves."),
        "provider": _l("Provider"),
        "select_provider": _l("Select the provider whose name is on your bill"),
    },
    "object": {
        "list": _l("Objects"),
        "one": _l("Object"),
        "see": _l("See your objects"),
        "add": _l("Add an object"),
        "added": _l("The object is in your account."),
        "none": _l("Your account is active, but you have not added any objects yet"),
        "not_shown": _l("Your access lets you see bills and meters, but not the objects themselves."),
        "provider": _l("Maintaining company"),
        "select_provider": _l("Select the company that maintains your house"),
    },
    "service": {
        "list": _l("Services"),
        "one": _l("Service"),
        "see": _l("See your services"),
        "add": _l("Add a service"),
        "added": _l("The service is in your account."),
        "none": _l("Your account is active, but you have not added any services yet"),
        "not_shown": _l("Your access lets you see bills and meters, but not the services themselves."),
        "provider": _l("Service provider"),
        "select_provider": _l("Select the service provider whose name is on your bill"),
    },
}


def unit(sentence: str) -> str:
    """One of the sentences above, as this organisation says it."""
    here = web.organisation()
    assert here is not None
    return str(WORDS[settings.of(here).unit_word][sentence])
