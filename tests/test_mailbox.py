"""The development mailbox: it shows the demo's mail and codes, and is not to be had in production."""

import sys
import types
from dataclasses import replace
from mailbox import create_app
from pathlib import Path

import peewee as pw
import pytest
from lxml import html

import config
import models
from integrations import mail

ANNA = {"organisation": {"name": "Šiaurė", "phone": "+370 600 00001", "email": "pagalba@example.lt", "brand": "#23566f"}}


@pytest.fixture
def demo(tmp_path: Path) -> config.Config:
    return replace(config.load(), demo=True, data_dir=tmp_path, customer_url="http://127.0.0.1:9")


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two demo staff and a database to ask."""
    found = [("olga@example.lt", "Agent", "004217", 12), ("petras@example.lt", "Auditor", "918273", 12)]
    monkeypatch.setitem(sys.modules, "portal", types.SimpleNamespace(demo_staff_codes=lambda: found))
    monkeypatch.setattr(models.database, "obj", pw.SqliteDatabase(":memory:"))


def deliver(demo: config.Config, kind: str, to: str, **facts: object) -> None:
    mail.Folder(demo.mailbox_dir).send(mail.letter(demo, kind, "en", ANNA | facts, to, "Anna <b>Kalnė</b>", f"{kind}:{to}"))


def get(demo: config.Config, path: str) -> html.HtmlElement:
    """Open a page and look at it as the house asks of every page."""
    answer = create_app(demo).test_client().get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    page = html.document_fromstring(answer.text)
    assert len(page.xpath("//h1")) == 1
    assert page.findtext(".//title")
    assert page.xpath("//*[@style]|//script|//*[@onclick]") == []
    labelled = {label.get("for") for label in page.iter("label")}
    assert all(field.get("id") in labelled for field in page.iter("input"))
    assert all(frame.get("title") for frame in page.iter("iframe"))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    return page


@pytest.mark.parametrize("changed", [{"demo": False}, {"environment": "production"}])
def test_outside_the_demo_there_is_no_mailbox(demo: config.Config, changed: dict[str, object]) -> None:
    with pytest.raises(config.Misconfigured, match="everyone's mail"):
        create_app(replace(demo, **changed))


def test_an_empty_mailbox_says_what_will_come(demo: config.Config) -> None:
    assert "No mail yet" in get(demo, "/").text_content()


def test_mail_is_listed_newest_first_and_found_by_address(demo: config.Config) -> None:
    deliver(demo, "account_unlocked", "anna@example.lt")
    deliver(demo, "confirm_by_code", "ivan@example.lt", code="4821", minutes=10)
    (demo.mailbox_dir / "notes.txt").write_text("not a mail")
    subjects = [link.text for link in get(demo, "/").xpath("//ul[@class='rows']//a")]
    assert subjects == ["4821 is your code", "You can sign in again"]
    assert [link.text for link in get(demo, "/?to=ANNA@").xpath("//ul[@class='rows']//a")] == ["You can sign in again"]
    assert "No mail to such an address" in get(demo, "/?to=%3Cscript%3E").text_content()


def test_a_long_list_goes_on_on_the_next_page(demo: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailbox.ON_A_PAGE", 2)
    for name in ("a", "b", "c"):
        deliver(demo, "account_unlocked", f"{name}@example.lt")
    first = get(demo, "/?to=example")
    assert first.xpath("//ul[@class='rows']//span[@class='second'][contains(., '@')]/text()") == ["c@example.lt", "b@example.lt"]
    second = get(demo, first.xpath("//a[@rel='next']/@href")[0])
    assert second.xpath("//ul[@class='rows']//span[@class='second'][contains(., '@')]/text()") == ["a@example.lt"]
    assert second.xpath("//a[@rel='next']") == []


def test_one_mail_is_shown_as_it_is_read_and_as_text(demo: config.Config) -> None:
    url = "http://127.0.0.1:9/confirm?a=1&b=2"
    deliver(demo, "reset_password", "anna@example.lt", url=url, minutes=30)
    page = get(demo, get(demo, "/").xpath("//ul[@class='rows']//a/@href")[0])
    assert page.xpath("//main//a[starts-with(@href, 'http')]/@href") == [url]
    frame = page.xpath("//iframe")[0]
    letter = create_app(demo).test_client().get(frame.get("src"))
    assert html.document_fromstring(letter.text).xpath("//a[contains(., 'Choose')]/@href") == [url]
    assert "sandbox" in letter.headers["Content-Security-Policy"]
    assert "script-src" not in letter.headers["Content-Security-Policy"]
    assert "default-src 'none'" in letter.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["notes.txt", "..%2F..%2Fetc%2Fpasswd", "20261124T120500.000000Z-000000000000.eml"])
def test_nothing_but_mail_can_be_opened(demo: config.Config, name: str) -> None:
    demo.mailbox_dir.mkdir()
    (demo.mailbox_dir / "notes.txt").write_text("not a mail")
    assert create_app(demo).test_client().get(f"/{name}").status_code == 404
    assert create_app(demo).test_client().get(f"/{name}/letter").status_code == 404


def test_the_staffs_codes_are_shown_and_come_anew(demo: config.Config, codes: None) -> None:
    page = get(demo, "/codes")
    assert "olga@example.lt" in page.text_content()
    assert "004217" in page.text_content()
    assert create_app(demo).test_client().get("/codes").headers["Refresh"] == "13"
