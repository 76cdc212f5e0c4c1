"""A list as a file: what is in it, who may have it, and what is written down."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from backoffice import exports as pages, listing
from backoffice.desk import Desk
from integrations import files
from models import Account, Building, Event, Export, ExportedAccount, Staff, StaffBuilding, SyncProblem, database, now
from rules import access, accounts, exports
from rules.refusal import Refused
from tests import factories, world as worlds
from tests.backoffice.conftest import Enter

BASE = "/backoffice"
LEASE = timedelta(minutes=2)


def ask(browser: Any, path: str, kind: str = "csv", reason: str = "Metinė ataskaita") -> Any:
    """Press Export above a list and fill in the page that asks."""
    browser.get(f"{BASE}{path}")
    link = next(a for a in browser.page.xpath("//a[@href]") if "/export/" in a.get("href"))
    browser.get(link.get("href"))
    values = {"kind": kind} | ({"reason": reason} if browser.page.xpath("//input[@name='reason']") else {})
    return browser.submit(**values)


def rows_of(browser: Any) -> list[dict[str, str]]:
    assert browser.response.mimetype == "text/csv", browser.text
    text = browser.response.get_data().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def export(browser: Any, path: str) -> list[dict[str, str]]:
    ask(browser, path)
    return rows_of(browser)


def cells_of(content: bytes) -> list[list[tuple[str, str]]]:
    """An Excel file as (kind, value) of each cell, read by nothing of ours: kind is inlineStr, n or, for a day, its format's number."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = etree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    assert not sheet.xpath("//x:f", namespaces=space), "a formula"
    return [
        [(c.get("t") or f"n{c.get('s')}", c.xpath("string(.)")) for c in row.xpath("x:c", namespaces=space)]
        for row in sheet.xpath("//x:row", namespaces=space)
    ]


# ---- what is in it ----------------------------------------------------------------------------------------------------

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "＝1", " =1", "x;=1", "x,@1", 'x";=1')


def test_a_text_file_holds_what_the_list_shows_and_no_formula(world: worlds.World, enter: Enter) -> None:
    """N06, T22, T74"""
    for number, start in enumerate(FORMULAS):
        factories.account(world.north, f"f{number}@example.lt", name=f"{start} formulė")
    browser = enter("auditor")
    rows = export(browser, "/accounts/?search=formule")
    assert {row["Name"].removesuffix(" formulė") for row in rows} == {
        "'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t'=1", "'\n'=1", "'＝1", "' =1", "x;'=1", "x,'@1", 'x";\'=1',
    }  # fmt: skip
    assert rows[0]["Phone"].startswith("'+370")
    event = Event.get(Event.name == "rows.exported")
    assert event.facts == {
        "desk": "accounts", "filters": {"search": "formule"}, "count": len(FORMULAS), "kind": "csv", "reason": "Metinė ataskaita", "role": "auditor",
    }  # fmt: skip
    assert event.actor == f"staff:{world.people['auditor'].id}"


def test_an_excel_file_keeps_text_as_it_is_and_figures_and_days_as_such(world: worlds.World, enter: Enter) -> None:
    """N06, T74: also what the library itself would take for markup, a link or a number."""
    odd = [*FORMULAS, "<r><t>x</t></r>", "https://example.lt", "0123", "a\x01b"]
    for number, text in enumerate(odd):
        contract = factories.contract(world.north, f"77-{number}", address="Kita g. 1")
        factories.invoice(contract, f"X-{number}", buyer_name=text, net_cents=-1050 if number else 123456)
    browser = enter("agent")
    ask(browser, "/invoices/", kind="xlsx")
    heads, *rows = cells_of(browser.response.get_data())
    column = {words: at for at, (_kind, words) in enumerate(heads)}
    found = {row[column["Invoice number"]][1]: row for row in rows}
    texts = [found[f"X-{number}"][column["Customer"]] for number in range(len(odd))]
    assert texts == [("inlineStr", {"<r><t>x</t></r>": "<r><t>x</t></r> ", "a\x01b": "a_x0001_b"}.get(text, text)) for text in odd]
    kinds = {name: found["X-1"][at][0] for name, at in column.items()}
    assert (kinds["Amount"], found["X-1"][column["Amount"]][1], found["X-0"][column["Amount"]][1]) == (kinds["To pay"], "-12.70", "1493.82")
    assert found["X-1"][column["Due"]] == (kinds["Issued"], "46356"), "30 November 2026"
    assert kinds["Due"].startswith("n")
    assert kinds["Due"] != kinds["Amount"]


def test_figures_in_a_text_file_are_written_as_the_readers_spreadsheet_takes_them(world: worlds.World, enter: Enter) -> None:
    factories.invoice(world.own["contract"], "KR-1", net_cents=-1050, kind="credit_note")
    browser = enter("agent")
    rows = {row["Invoice number"]: row for row in export(browser, "/invoices/")}
    assert (rows["KR-1"]["Amount"], rows["KR-1"]["Due"]) == ("-12.70", "2026-11-30")
    assert not [row for row in rows.values() if worlds.CANARY in str(row)]
    browser.get(f"{BASE}/language/lt")
    ask(browser, "/invoices/?search=KR-1")
    row = next(csv.DictReader(io.StringIO(browser.response.get_data().decode("utf-8-sig")), delimiter=";"))
    assert "-12,70" in row.values()


def test_a_file_says_in_words_who_did_what_and_what_was_wrong(world: worlds.World, enter: Enter) -> None:
    """N06, N08"""
    agent, run = world.people["agent"], world.own["syncrun"]
    Account.update(locked_until=now() + timedelta(hours=1)).where(Account.id == world.own["account"].id).execute()
    accounts.unlock(Account.get_by_id(world.own["account"].id), reason="=Skambino", by=agent)
    facts = {"message": "{number} is not a bill", "facts": {"number": "SF7"}}
    SyncProblem.create(organisation=world.north, run=run, kind="row", reference="y", reference_digest="y", **facts)
    browser = enter("agent")
    row = export(browser, "/events/?name=account.unlocked")[0]
    assert (row["Event"], row["Who"]) == ("Unlocked", agent.name)
    assert row["Facts"].endswith("Reason: =Skambino")
    assert export(browser, "/sync-problems/?search=y")[0]["Reason"] == "SF7 is not a bill"


def test_a_file_has_the_order_and_the_view_of_its_list_over_many_blocks(
    world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BLOCK", 3)
    until = now() + timedelta(hours=1)
    for number in range(11):  # several with the same value, so that a block ends among them
        factories.account(world.north, f"many{number}@example.lt", name="Jonas", locked_until=until + timedelta(hours=number // 4))
    browser = enter("agent")
    for path in ("/accounts/?tab=locked", "/accounts/?search=jonas&sort=name", "/accounts/?sort=-created_at"):
        browser.get(f"{BASE}{path}")
        listed = [words.split()[-1] for words in browser.page.xpath("//tbody/tr/th/span/text()")]
        assert [row["E-mail"] for row in export(browser, path)] == listed
        assert len(listed) >= 11


def test_a_row_that_changes_while_the_file_is_written_ends_nothing(
    world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BLOCK", 2)
    for number in range(6):
        factories.account(world.north, f"many{number}@example.lt", name="Jonas", locked_until=now() + timedelta(hours=number + 1))
    blocks = listing.blocks

    def unlocking(*args: Any) -> Iterator[Any]:
        for block in blocks(*args):
            Account.update(locked_until=None).where(Account.public_id.in_([row[0] for row in block])).execute()
            yield block

    monkeypatch.setattr(listing, "blocks", unlocking)
    browser = enter("agent")
    assert len(export(browser, "/accounts/?tab=locked")) == 6
    made = Export.get(state="ready")
    browser.get(f"/backoffice/exports/{made.public_id}/")
    assert "Search and filters Locked" in browser.text


def test_a_property_managers_file_holds_own_buildings_only(world: worlds.World, enter: Enter) -> None:
    """N08"""
    elsewhere = Building.get(Building.address == "Kitur g. 9")
    factories.contract(world.north, "99-1", building=elsewhere, address="Kitur g. 9-1", provider=elsewhere.provider)
    browser = enter("manager")
    assert [row["Payer code"] for row in export(browser, "/contracts/")] == [world.own["contract"].payer_code]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_table_that_may_be_exported_is_and_holds_nothing_of_others(
    world: worlds.World, enter: Enter, views: dict[str, Any], kind: str
) -> None:
    """N06, T22, G3"""
    browser = enter("auditor")
    for desk in [view for view in views.values() if isinstance(view, Desk)]:
        if f"{desk.table}.export" in access.EXPORTS:
            ask(browser, f"{desk.url}/", kind)
            content = browser.response.get_data()
            said = str(cells_of(content)) if kind == "xlsx" else str(rows_of(browser))
            assert len(said) > 20, desk.table
            assert worlds.CANARY not in said, desk.table


# ---- asking -----------------------------------------------------------------------------------------------------------


def test_whoever_exports_customers_says_why_and_whoever_exports_houses_need_not(world: worlds.World, enter: Enter) -> None:
    browser = enter("agent")
    ask(browser, "/accounts/", reason=" ")
    assert "Enter the reason" in browser.text
    assert not Event.select().where(Event.name == "rows.exported").exists()
    ask(browser, "/buildings/")
    assert len(rows_of(browser)) == 2


def test_asking_for_a_file_makes_none(world: worlds.World, enter: Enter) -> None:
    """T36"""
    browser = enter("agent")
    before = worlds.snapshot()
    browser.get(f"{BASE}/accounts/export/?search=anna")
    assert "anna" in browser.text
    assert worlds.snapshot() == before
    assert browser.client.post("/accounts/export/", base_url="http://localhost/backoffice").status_code == 400  # no token


def test_more_rows_than_any_file_may_have_and_more_files_than_anyone_needs_are_refused(
    world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T22, T121"""
    browser = enter("agent")
    Export.delete().execute()
    with monkeypatch.context() as few:
        few.setattr(exports, "MOST", 2)
        ask(browser, "/accounts/")
        assert "There are more than 2 rows" in browser.text
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    for _ in range(exports.AT_A_TIME):
        ask(browser, "/accounts/")
        assert "rows are written" in browser.text
    ask(browser, "/accounts/")
    assert "still being made" in browser.text
    Export.update(state="failed").execute()
    monkeypatch.setattr(exports, "AN_HOUR", 3)
    ask(browser, "/accounts/")
    assert "many files within an hour" in browser.text


# ---- the big ones -----------------------------------------------------------------------------------------------------


@pytest.fixture
def big(world: worlds.World, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Export]:
    """A file that a worker has to make, asked for by the agent, and the page that follows it."""
    Export.delete().execute()
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    browser = enter("agent")
    ask(browser, "/accounts/")
    return browser, Export.get()


def files_of(app: Any) -> set[str]:
    folder = app.config["SAVITARNA"].exports_dir
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_a_big_file_is_made_by_a_worker_and_followed_on_its_page(big: tuple[Any, Export], staff_app: Any) -> None:
    """N06"""
    browser, export = big
    here = browser.at
    assert "0 of 10 rows are written" in browser.text
    assert browser.page.xpath("//progress[@max='10']")
    assert browser.page.xpath("//noscript/meta[@http-equiv='refresh']")
    assert not Event.select().where(Event.name == "rows.exported").exists()
    assert pages.make_waiting(staff_app, LEASE) == 1
    assert pages.make_waiting(staff_app, LEASE) == 0
    browser.get(here)
    assert not browser.page.xpath("//noscript")
    browser.follow("Take the file")
    assert len(rows_of(browser)) == 10
    assert Event.select().where(Event.name == "rows.exported").count() == 1
    assert {row.account_id for row in ExportedAccount.select()} == {
        a.id for a in Account.select().where(Account.organisation == export.organisation)
    }


def test_a_worker_killed_in_the_middle_leaves_no_half_file_and_the_next_one_makes_it_whole(
    big: tuple[Any, Export], staff_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N06, F24"""
    _browser, export = big
    monkeypatch.setattr(pages, "BLOCK", 2)
    blocks = listing.blocks

    def killed(*args: Any) -> Iterator[Any]:
        yield next(blocks(*args))
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(listing, "blocks", killed)
        with pytest.raises(SystemExit):
            pages.make_waiting(staff_app, LEASE)
    assert (Export.get().state, Export.get().done, ExportedAccount.select().count()) == ("new", 2, 2)
    assert not files_of(staff_app) & {f"{export.public_id}.csv"}
    assert pages.make_waiting(staff_app, LEASE) == 0, "its lease goes on"
    Export.update(lease_until=now()).execute()
    assert pages.make_waiting(staff_app, LEASE) == 1
    assert (Export.get().state, Export.get().done, ExportedAccount.select().count()) == ("ready", 10, 10)
    assert f"{export.public_id}.csv" in files_of(staff_app)


def test_a_worker_that_was_given_up_too_early_gives_way(big: tuple[Any, Export], staff_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _browser, _export = big
    monkeypatch.setattr(pages, "BLOCK", 2)
    blocks, again = listing.blocks, []

    def slow(*args: Any) -> Iterator[Any]:
        for block in blocks(*args):
            yield block
            if not again:
                again.append(True)
                Export.update(lease_until=now()).execute()
                assert pages.make(None, LEASE) == "ready"

    monkeypatch.setattr(listing, "blocks", slow)
    with staff_app.app_context():
        assert pages.make(None, LEASE) == "new"
    assert (Export.get().state, Event.select().where(Event.name == "rows.exported").count()) == ("ready", 1)
    assert ExportedAccount.select().count() == 10


def test_a_file_that_cannot_be_made_is_given_up_and_said(big: tuple[Any, Export], staff_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, _export = big
    Export.update(tries=exports.TRIES).execute()
    assert pages.make_waiting(staff_app, LEASE) == 0
    browser.get(browser.at)
    assert "could not be made" in browser.text
    assert not Event.select().where(Event.name == "rows.exported").exists()


# ---- taking it --------------------------------------------------------------------------------------------------------


def test_only_who_asked_takes_the_file(big: tuple[Any, Export], enter: Enter, staff_app: Any) -> None:
    """T22, T18"""
    browser, export = big
    pages.make_waiting(staff_app, LEASE)
    for who in ("auditor", "administrator", "install_administrator", "southern_agent", "manager"):
        other = enter(who)
        for page in ("", "file/"):
            other.get(f"{BASE}/exports/{export.public_id}/{page}")
            assert other.status == 404, (who, page)
    browser.get(f"{BASE}/exports/{export.public_id}/file/")
    assert browser.response.mimetype == "text/csv"
    assert browser.response.headers["Content-Disposition"].startswith("attachment; filename=accounts-")
    assert browser.response.headers["Cache-Control"] == "no-store"


def test_who_works_with_other_rights_now_does_not_take_what_the_earlier_ones_gave(
    world: worlds.World, big: tuple[Any, Export], enter: Enter, staff_app: Any
) -> None:
    """T22, T39"""
    browser, export = big
    pages.make_waiting(staff_app, LEASE)
    Staff.update(role="auditor").where(Staff.id == export.staff_id).execute()
    browser.get(f"{BASE}/exports/{export.public_id}/file/")
    assert "has changed since you asked" in browser.text
    manager: Any = world.people["manager"]
    browser = enter("manager")
    ask(browser, "/contracts/")
    own = Export.get(Export.staff == manager.id)
    StaffBuilding.delete().where(StaffBuilding.staff == manager.id).execute()
    pages.make_waiting(staff_app, LEASE)
    browser.get(f"{BASE}/exports/{own.public_id}/")
    assert "has changed since you asked" in browser.text
    assert Export.get_by_id(own.id).state == "failed"


def test_after_a_day_the_file_is_gone_and_what_was_never_finished_too(big: tuple[Any, Export], staff_app: Any) -> None:
    browser, export = big
    pages.make_waiting(staff_app, LEASE)
    name = f"{export.public_id}.csv"
    assert name in files_of(staff_app)
    Export.update(expires_at=now()).execute()
    browser.get(f"{BASE}/exports/{export.public_id}/file/")
    assert "no longer kept" in browser.text
    assert not browser.page.xpath("//a[contains(@href, '/file/')]")
    with staff_app.app_context():
        assert pages.downloads().keep_only(exports.kept) >= 1
    assert name not in files_of(staff_app)


def test_a_file_that_is_made_while_old_ones_are_removed_stays(tmp_path: Path) -> None:
    downloads = files.Downloads(tmp_path)

    def kept() -> set[str]:
        (tmp_path / "new.csv").write_text("made just now, by somebody who was not known a moment ago")
        return {"kept.csv"}

    for name in ("kept.csv", "old.csv"):
        (tmp_path / name).write_text("x")
    assert downloads.keep_only(kept) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"kept.csv", "new.csv"}


def test_a_ready_file_is_never_without_its_event(world: worlds.World) -> None:
    """N02: both or neither."""
    export = Export.get(Export.staff == world.people["agent"].id)
    held = exports.claim(LEASE, export.id)
    assert held is not None
    with database.atomic() as undone:
        exports.finish(held, 1)
        undone.rollback()
    assert (Export.get_by_id(export.id).state, Event.select().where(Event.name == "rows.exported").count()) == ("new", 0)
    with pytest.raises(Refused):
        exports.check_taking(Export.get_by_id(export.id), by=world.people["agent"])
