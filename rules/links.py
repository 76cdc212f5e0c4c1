"""Where a mail's links lead. `site_url` is the organisation's address as customers type it, https://host or https://host/slug;
the pages behind these paths are in `customer/pages`, and a test follows each link."""

from urllib.parse import urlsplit

from models import Organisation


def site_url(customer_url: str, organisation: Organisation) -> str:
    """The organisation's address: its own host, or its folder under the install's `customer_url`. Never taken from a request (T66)."""
    if organisation.host:
        return f"{urlsplit(customer_url).scheme}://{organisation.host}"
    return f"{customer_url.rstrip('/')}/{organisation.slug}"


def sign_in(site_url: str) -> str:
    """Where one signs in."""
    return f"{site_url}/sign-in"


def account(site_url: str) -> str:
    """Where one changes how one signs in."""
    return f"{site_url}/account"


def register(site_url: str) -> str:
    """Where one registers."""
    return f"{site_url}/register"


def register_for_share(site_url: str, public_id: object) -> str:
    """Where one registers to take what somebody shares."""
    return f"{site_url}/register?shared={public_id}"


def confirm_registration(site_url: str, token: str) -> str:
    """Makes the account that waits for its e-mail to be confirmed."""
    return f"{site_url}/register/confirm/{token}"


def confirm_email(site_url: str, token: str) -> str:
    """Confirms the address of an account that is open already."""
    return f"{site_url}/confirm-email/{token}"


def forgotten_password(site_url: str) -> str:
    """Where one asks for a link to set a new password."""
    return f"{site_url}/forgotten-password"


def reset_password(site_url: str, token: str) -> str:
    """Sets a new password."""
    return f"{site_url}/reset-password/{token}"


def unlock(site_url: str, token: str) -> str:
    """Ends a lock after wrong passwords."""
    return f"{site_url}/unlock/{token}"


def confirm_new_email(site_url: str, token: str) -> str:
    """Makes a changed e-mail address take effect."""
    return f"{site_url}/confirm-new-email/{token}"


def undo_email(site_url: str, token: str) -> str:
    """Stops a change of the e-mail address, or takes it back."""
    return f"{site_url}/undo-email/{token}"


def not_me(site_url: str, token: str) -> str:
    """Takes away a way to sign in that somebody else has added."""
    return f"{site_url}/not-me/{token}"


def declare_readings(site_url: str) -> str:
    """The page where all meters can be declared."""
    return f"{site_url}/meters/declare-readings"


def invoice(site_url: str, public_id: object) -> str:
    """One bill."""
    return f"{site_url}/invoices/{public_id}"


def contract(site_url: str, public_id: object) -> str:
    """The page of a contract."""
    return f"{site_url}/contracts/{public_id}"


def paying_for_others(site_url: str) -> str:
    """What whoever signs in there pays for others."""
    return f"{site_url}/paying-for-others"


def shared_with_me(site_url: str) -> str:
    """What others share with whoever signs in there."""
    return f"{site_url}/shared-with-me"


def invitation(site_url: str, token: str) -> str:
    """A place in a company that is offered to whoever reads this."""
    return f"{site_url}/invitation/{token}"


def staff_invitation(staff_url: str, token: str) -> str:
    """Where a colleague sets password and authenticator app; `staff_url` is the backoffice's own address."""
    return f"{staff_url.rstrip('/')}/invitation/{token}"


def visit(site_url: str, public_id: object, token: str) -> str:
    """Where staff see the site as a customer sees it."""
    return f"{site_url}/visit/{public_id}/{token}"
