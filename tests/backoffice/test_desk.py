"""What every desk promises, whatever its table: it is one, it names what it shows, and it has words for what happens."""

from typing import Any

import pytest

from backoffice import timeline
from backoffice.desk import Desk
from backoffice.home import Home
from backoffice.rights import RightsPage
from backoffice.settings import SettingsPages
from backoffice.undeclared import UndeclaredPages
from models import TABLES, Contract, FormKey
from rules import access, events
from tests import world as worlds
from tests.backoffice.conftest import Enter, tables

BASE = "/backoffice"


def test_every_page_of_the_backoffice_is_one_that_knows_the_rules(views: dict[str, Any]) -> None:
    """T16, T25, T38"""
    for view in views.values():
        assert isinstance(view, Desk | Home | RightsPage | SettingsPages | UndeclaredPages), view
    for made in tables(views).values():
        assert made.can_delete is False
        assert not made.column_editable_list
        assert not made.inline_models


def test_every_form_names_its_columns_and_none_of_them_is_secret(views: dict[str, Any]) -> None:
    """T29"""
    secret = {"password_hash", "totp_secret", "totp_last_step", "search_key", "sort_key", "email_key", "version", "public_id", "id"}
    for view in tables(views).values():
        assert not secret & set(view.form_columns or ())
        assert not secret & {name.split(".")[-1] for name in (*view.column_list, *(view.column_details_list or ()))}


def test_filters_and_orders_use_only_what_the_list_or_the_page_of_a_row_shows(views: dict[str, Any]) -> None:
    """T26, T27"""
    for view in tables(views).values():
        shown = {name.split(".")[0] for name in (*view.column_list, *view.second_lines.values(), *(view.column_details_list or ()))}
        relations = {name for name, field in view.model._meta.fields.items() if hasattr(field, "rel_model")}
        assert set(view.column_filters) <= shown | relations, view.endpoint
        assert set(view.sortable) <= set(view.column_list), view.endpoint


@pytest.mark.parametrize("page", ["delete", "action", "ajax/update", "ajax/lookup", "export/csv"])
def test_pages_of_flask_admin_that_skip_the_rules_are_not_there(enter: Enter, page: str) -> None:
    """T20, T32"""
    browser = enter("administrator")
    browser.get(f"{BASE}/buildings/new/")
    before = worlds.snapshot((FormKey,))
    browser.post(f"{BASE}/accounts/{page}/", {"id": "1", "rowid": "1", "action": "delete", "list_form_pk": "1", "name": "X"})
    assert browser.status == 404
    assert worlds.snapshot((FormKey,)) == before


def test_every_event_and_every_kind_of_mail_has_words() -> None:
    from config import ROOT

    assert set(timeline.WORDS) == set(events.FACTS)
    for name, facts in events.FACTS.items():
        told = timeline.WORDS[name][1].replace("{changes}", "").replace("{setting}", "")
        assert {part.split("}")[0] for part in told.split("{")[1:]} <= set(facts), name
    from backoffice.cells import MAILS

    assert set(MAILS) == {path.stem for path in (ROOT / "templates" / "email").glob("*.txt")} - {"layout"}


def test_every_table_that_staff_should_see_has_a_desk(views: dict[str, Any]) -> None:
    assert {f"{table}.view" for table in tables(views)} == access.VIEWS
    assert set(tables(views)) <= {table.__name__.lower() for table in TABLES}
    assert Contract in {desk.model for desk in tables(views).values()}
