"""Links in mail are made from the configuration, in the organisation's own address."""

from models import Organisation
from rules import links


def test_an_organisation_without_a_host_of_its_own_lives_in_a_folder() -> None:
    """T66"""
    assert links.site_url("https://savitarna.example.lt/", Organisation(slug="north")) == "https://savitarna.example.lt/north"


def test_an_organisation_with_a_host_of_its_own_lives_there() -> None:
    """T66"""
    here = Organisation(slug="north", host="mano.north.example.lt")

    assert links.site_url("https://savitarna.example.lt", here) == "https://mano.north.example.lt"
