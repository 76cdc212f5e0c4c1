"""The whole product in headless Chromium."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.product import PATIENCE, PRESETS, Product, installed

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
AXE = Path(str(find_spec("axe_playwright_python").submodule_search_locations[0])) / "axe.min.js"  # type: ignore[union-attr,index]


@pytest.fixture(scope="session")
def product(translations: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The five organisations of the presets on a fresh install, running."""
    with installed(tmp_path_factory.mktemp("install")) as made:
        for preset in PRESETS:
            made.portal("load-organisation", preset, preset)
        made.start_web()
        made.start_consumer()
        yield made


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Headless Chromium, or the line that would make it run."""
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Chromium is missing: run `apt install chromium`.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        opened = player.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=os.geteuid() != 0, args=["--disable-gpu", "--disable-quic"]
        )
        yield opened
        opened.close()


@dataclass
class Tab:
    """A page in Chromium that fails on what no page may have: script errors, blocked styles, inaccessible parts."""

    page: Any
    base: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.base + path)
        self.look()

    def press(self, name: str, exact: bool = True) -> None:
        """Press the button with this name and look at what comes."""
        self.page.get_by_role("button", name=name, exact=exact).first.click()
        self.page.wait_for_load_state()
        self.look()

    def follow(self, name: str, exact: bool = True) -> None:
        self.page.get_by_role("link", name=name, exact=exact).first.click()
        self.page.wait_for_load_state()
        self.look()

    def fill(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=False).first.fill(value)

    def tick(self, label: str) -> None:
        self.page.get_by_label(label, exact=False).first.check()

    @property
    def text(self) -> str:
        return " ".join(self.page.locator("body").inner_text().replace("\xa0", " ").split())

    def look(self) -> None:
        """No blocked script or style, nothing that axe calls serious or critical."""
        found = self.page.evaluate(AXE.read_text() + "\naxe.run({resultTypes: ['violations']})")
        bad = [(v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found["violations"] if v["impact"] in ("serious", "critical")]
        assert not bad, f"{self.page.url}: {bad}"
        assert not self.complaints, f"{self.page.url}: {self.complaints}"

    def shot(self, name: str) -> None:
        """Keep a picture where SHOTS says, to be looked at."""
        if os.environ.get("SHOTS"):
            folder = Path(os.environ["SHOTS"])
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.fixture
def tab(chromium: Any, product: Product) -> Iterator[Any]:
    """Opens tabs: `tab(language, width)`."""
    contexts = []

    def new(language: str = "lt", width: int = 1280) -> Tab:
        context = chromium.new_context(locale={"lt": "lt-LT", "en": "en-GB"}[language], viewport={"width": width, "height": 800})
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        made = Tab(context.new_page(), product.url)
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on(
            "console", lambda m: made.complaints.append(m.text) if m.type == "error" and "Failed to load resource" not in m.text else None
        )
        return made

    yield new
    for context in contexts:
        context.close()
