"""Where a mail's links lead. `site_url` is the organisation's address as customers type it, https://host or https://host/slug;
the pages behind these paths are in `customer/pages`, and a test follows each link."""


def declare_readings(site_url: str) -> str:
    """The page where all meters can be declared."""
    return f"{site_url}/meters/declare-readings"


def invoice(site_url: str, public_id: object) -> str:
    """One bill."""
    return f"{site_url}/invoices/{public_id}"
