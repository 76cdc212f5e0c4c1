"""The development mailbox in Chromium."""

import sys
import threading
import types
from dataclasses import replace
from mailbox import create_app
from pathlib import Path
from typing import Any

import peewee as pw
import pytest
from werkzeug.serving import make_server

import config
import models
from integrations import mail

NORTH = {"name": "Šiaurė", "phone": "+370 600 00001", "email": "pagalba@example.lt", "brand": "#23566f"}


def test_a_person_reads_a_letter_and_follows_its_button(chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame shows the letter with its styles, its button opens in the window, and no policy is violated."""
    monkeypatch.setitem(sys.modules, "portal", types.SimpleNamespace(demo_staff_codes=lambda: [("olga@example.lt", "Agent", "004217", 12)]))
    monkeypatch.setattr(models.database, "obj", pw.SqliteDatabase(":memory:"))
    demo = replace(config.load(), demo=True, data_dir=tmp_path)
    server = make_server("127.0.0.1", 0, create_app(demo), threaded=True)
    here = f"http://127.0.0.1:{server.server_port}"
    facts = {"organisation": NORTH, "url": f"{here}/?to=followed", "hours": 24}
    mail.Folder(demo.mailbox_dir).send(mail.letter(demo, "confirm_by_link", "en", facts, "anna@example.lt", "Anna", "a"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = chromium.new_context(locale="en-GB")
    try:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{here}/")
        page.frame_locator("iframe.codes").get_by_text("004217").wait_for()
        page.get_by_role("link", name="Confirm your e-mail address").click()
        button = page.frame_locator("iframe.letter").get_by_role("link", name="Confirm my address")
        button.wait_for()
        assert complaints == []
        assert button.evaluate("it => getComputedStyle(it).backgroundColor") == "rgb(35, 86, 111)"
        button.click()
        page.wait_for_url("**/?to=followed")
    finally:
        context.close()
        server.shutdown()
