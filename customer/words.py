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
        "now": _l("Contracts that are in use"),
        "ended": _l("Contracts that have ended"),
        "given_up": _l("Contracts that are no longer in your account"),
        "share": _l("Share this contract"),
        "detach": _l("Remove this contract"),
        "detach_ask": _l("Remove this contract from your account?"),
        "detached": _l("The contract is no longer in your account."),
        "detach_yes": _l("Remove the contract"),
        "not_shown": _l("Your access lets you see bills and meters, but not the contracts themselves."),
        "provider": _l("Provider"),
        "select_provider": _l("Select the provider whose name is on your bill"),
        "which_provider": _l("Whose bill do you have?"),
    },
    "object": {
        "list": _l("Objects"),
        "one": _l("Object"),
        "see": _l("See your objects"),
        "add": _l("Add an object"),
        "added": _l("The object is in your account."),
        "none": _l("Your account is active, but you have not added any objects yet"),
        "now": _l("Objects that are in use"),
        "ended": _l("Objects that have ended"),
        "given_up": _l("Objects that are no longer in your account"),
        "share": _l("Share this object"),
        "detach": _l("Remove this object"),
        "detach_ask": _l("Remove this object from your account?"),
        "detached": _l("The object is no longer in your account."),
        "detach_yes": _l("Remove the object"),
        "not_shown": _l("Your access lets you see bills and meters, but not the objects themselves."),
        "provider": _l("Maintaining company"),
        "select_provider": _l("Select the company that maintains your house"),
        "which_provider": _l("Which company maintains your house?"),
    },
    "service": {
        "list": _l("Services"),
        "one": _l("Service"),
        "see": _l("See your services"),
        "add": _l("Add a service"),
        "added": _l("The service is in your account."),
        "none": _l("Your account is active, but you have not added any services yet"),
        "now": _l("Services that are in use"),
        "ended": _l("Services that have ended"),
        "given_up": _l("Services that are no longer in your account"),
        "share": _l("Share this service"),
        "detach": _l("Remove this service"),
        "detach_ask": _l("Remove this service from your account?"),
        "detached": _l("The service is no longer in your account."),
        "detach_yes": _l("Remove the service"),
        "not_shown": _l("Your access lets you see bills and meters, but not the services themselves."),
        "provider": _l("Service provider"),
        "select_provider": _l("Select the service provider whose name is on your bill"),
        "which_provider": _l("Which service provider sends the bill?"),
    },
}


def unit(sentence: str) -> str:
    """One of the sentences above, as this organisation says it."""
    here = web.organisation()
    assert here is not None
    return str(WORDS[settings.of(here).unit_word][sentence])
