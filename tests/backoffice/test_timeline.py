"""The timeline of what has happened."""

import uuid
from typing import Any

import pytest

from backoffice import timeline
from rules import events, lockouts

SAMPLES = {
    "name": "lock_after",
    "until": "2026-11-24T12:00:00+00:00",
    "value_milli": 1000,
    "previous_milli": None,
    "replaces": None,
    "restores_milli": None,
}
SAMPLES |= {"before": {"name": "Anna {North}"}, "after": {"name": "Ona"}, "read_on": "2026-11-20", "old": 5, "new": 6}
SAMPLES |= {"of": "reading", "how": "opened"}


@pytest.mark.parametrize("name", sorted(events.FACTS))
def test_every_event_that_can_be_recorded_can_be_told(staff_app: Any, name: str) -> None:
    """M01"""
    facts = {fact: SAMPLES.get(fact, "word") for fact in events.FACTS[name]}
    with staff_app.test_request_context(headers={"Accept-Language": "en"}):
        assert timeline.title(name)
        told = timeline.detail(name, facts)
        assert "{" not in told.replace("{North}", "")
        assert timeline.detail(name, None) == ""
        if "after" in facts:
            assert "Ona" in told


def test_an_event_of_an_earlier_version_is_told_as_far_as_it_goes(staff_app: Any) -> None:
    """M01: events are never changed, so those of the version before have fewer facts."""
    with staff_app.test_request_context(headers={"Accept-Language": "en"}):
        told = timeline.detail("rows.exported", {"table": "account", "filters": {}, "count": 3})
        assert told == "–: 3, –. Filters: –. Reason: –"


def test_an_export_is_told_in_the_words_of_its_list(staff_app: Any) -> None:
    """N06: the desk and its filters as the reader's own page calls them, not by their codes."""
    said = {
        "tab": "overdue",
        "search": "šeškinės",
        "issued_on": "2026-11-01",
        "issued_on_to": "2026-11-02",
        "contract": str(uuid.UUID(int=7)),
        "sort": "-due_on",
    }
    facts = {"desk": "invoices", "filters": said, "count": 3, "kind": "xlsx", "reason": "Auditas", "role": "agent"}
    with staff_app.test_request_context(headers={"Accept-Language": "lt"}):
        told = timeline.detail("rows.exported", facts)
        assert (
            told
            == "Sąskaitos: 3, xlsx. Filtrai: Pavėluota; šeškinės; Išrašyta: 2026-11-01; Išrašyta, iki: 2026-11-02; Sutartis. Priežastis: Auditas"
        )


@pytest.mark.parametrize("name", ["account.locked", "account.unlocked", "staff.locked", "staff.unlocked"])
def test_a_lock_that_only_a_new_password_ends_has_no_date(staff_app: Any, name: str) -> None:
    """M05"""
    facts = {"until": lockouts.UNTIL_RESET.isoformat(), "failures": 100, "reason": "Skambino"}
    with staff_app.test_request_context(headers={"Accept-Language": "en"}):
        told = timeline.detail(name, facts)
        assert "until a new password is set" in told
        assert "9999" not in told
