"""The systems of others, acted: pages that say what they are, and not to be had where real people sign in."""

from dataclasses import replace
from typing import Any

import pytest
from lxml import html
from werkzeug.test import Client

import config
import simulators
from config import ROOT, Config
from simulators import oidc, viisp
from tests.browser import inspect

ASKED = {
    "response_type": "code", "client_id": "savitarna", "redirect_uri": "http://127.0.0.1:9/back", "scope": "openid", "state": "x", "nonce": "y",
    "code_challenge": "c" * 43, "code_challenge_method": "S256", "ui_locales": "en",
}  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, translations: None) -> Config:
    return config.load({"SAVITARNA_DATA_DIR": str(tmp_path_factory.mktemp("desk"))})


def get(desk: Config, path: str, **fields: str) -> Any:
    return Client(oidc.create_app(desk)).get(path, query_string=fields)


@pytest.mark.parametrize("changed", [{"environment": "production"}, {"environment": "production", "demo": True}])
def test_production_has_no_simulator(desk: Config, changed: dict[str, Any]) -> None:
    with pytest.raises(config.Misconfigured, match="anybody in as anybody"):
        simulators.mounts(replace(desk, **changed))


def test_nothing_but_the_one_process_of_development_imports_them() -> None:
    text = (ROOT / "wsgi.py").read_text()
    assert text.index("if not load_or_exit().is_production:") < text.index("import simulators")


@pytest.mark.parametrize(("name", "knows_codes"), [("swedbank", True), ("google", False)])
def test_a_provider_asks_who_one_wants_to_be_and_says_that_it_is_none(desk: Config, name: str, knows_codes: bool) -> None:
    answer = get(desk, f"/{name}/authorize", **ASKED)
    page = html.document_fromstring(answer.text)
    inspect(page, name, answer)
    assert "script-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "no password is asked" in page.text_content()
    assert ("40404040009" in page.text_content()) is knows_codes
    assert "Kuo norite būti?" in get(desk, f"/{name}/authorize", **(ASKED | {"ui_locales": "lt"})).text


@pytest.mark.parametrize("name", ["client_id", "response_type", "scope", "redirect_uri", "code_challenge"])
def test_a_provider_that_is_asked_wrongly_says_what_is_wrong(desk: Config, name: str) -> None:
    answer = get(desk, "/seb/authorize", **(ASKED | {name: "javascript:wrong"}))
    page = html.document_fromstring(answer.text)
    inspect(page, name, answer)
    assert answer.status_code == 400
    assert page.xpath("//main//code/text()") == [name]


def test_what_is_not_acted_here_is_not_there(desk: Config) -> None:
    file = desk.data_dir / "identity.toml"
    file.write_text('[oidc.google]\nmode = "live"\nprofile = "google"\nclient_id = "x"\nclient_secret = "y"')
    live = config.load({"SAVITARNA_DATA_DIR": str(desk.data_dir), "SAVITARNA_IDENTITY": str(file)})
    assert get(live, "/google/authorize", **ASKED).status_code == 404
    assert get(live, "/seb/authorize", **ASKED).status_code == 404
    assert Client(viisp.create_app(live)).post("/service").status_code == 404


def test_the_gateway_knows_only_tickets_that_it_gave(desk: Config) -> None:
    gateway = Client(viisp.create_app(desk))
    for ticket in ("", "guessed", "../../development-keys"):
        assert gateway.post("/portal", data={"ticket": ticket}).status_code == 400
        assert gateway.post("/chosen", data={"ticket": ticket, "person": "0"}).status_code == 400
