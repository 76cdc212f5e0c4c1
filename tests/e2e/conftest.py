"""The whole product in headless Chromium."""

import functools
import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from babel.support import NullTranslations, Translations

from config import ROOT
from tests.product import PATIENCE, PRESETS, Product, installed

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
AXE = Path(str(find_spec("axe_playwright_python").submodule_search_locations[0])) / "axe.min.js"  # type: ignore[union-attr,index]
# Without `preload` axe does not fetch every stylesheet once more.
CHECK = (
    AXE.read_text()
    + """
axe.run({resultTypes: ['violations'], preload: false, rules: {'color-contrast': {enabled: COLOURS}}}).then(found => found.violations)"""
)
LOOK = """() => ({
  shape: [...document.querySelectorAll("*")].map(e => [e.tagName, e.getAttribute("class"), ...e.getAttributeNames()].join()).join(),
  colours: [...new Set([...document.querySelectorAll("body *")].map(e => [e, e.parentElement, e.parentElement.parentElement].map(
    e => e.tagName + [...e.getAttributeNames()] + e.className).join(" in ")))],
  title: document.title.trim(),
  headings: document.querySelectorAll("h1").length,
  tooWide: document.scrollingElement.scrollWidth - document.documentElement.clientWidth,
})"""
CHECKED: set[tuple[str, ...]] = set()
COLOURED: set[tuple[str, str]] = set()
NETWORKS = itertools.count(1)


@pytest.fixture(scope="session")
def product(translations: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The five organisations of the presets on a fresh install, running."""
    # As behind one proxy: each tab says from which network it comes, so that the wrong passwords of one test do not slow another.
    with installed(tmp_path_factory.mktemp("install"), SAVITARNA_TRUSTED_PROXIES="1") as made:
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


@functools.cache
def catalogue(language: str) -> NullTranslations:
    """The words of one language, as the product says them."""
    return Translations.load(str(ROOT / "translations"), [language])


def plain(text: str) -> str:
    """A text with simple spaces between its words."""
    return " ".join(text.replace("\xa0", " ").split())


@dataclass
class Tab:
    """A page in Chromium that fails on what no page may have: script errors, blocked styles, inaccessible parts, a second heading,
    anything that is wider than the screen."""

    page: Any
    base: str
    language: str
    complaints: list[str] = field(default_factory=list)

    def say(self, sentence: str, **facts: Any) -> str:
        """A sentence of the product in the language of this tab."""
        said = catalogue(self.language).gettext(sentence)
        return plain(said % facts if "%(" in sentence else said.format(**facts) if facts else said)

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.base + path)
        self.look()

    def press(self, sentence: str, within: str = "body", **facts: Any) -> None:
        """Press the button that says this and look at what comes."""
        with self.page.expect_navigation():
            self.page.locator(within).get_by_role("button", name=self.say(sentence, **facts), exact=True).first.click()
        self.look()

    def follow(self, sentence: str, exact: bool = True, **facts: Any) -> None:
        """Follow the link that says this and look at what comes."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=self.say(sentence, **facts), exact=exact).first.click()
        self.look()

    def fill(self, label: str, value: str, exact: bool = True) -> None:
        self.page.get_by_label(self.say(label), exact=exact).first.fill(value)

    def tick(self, label: str, exact: bool = True) -> None:
        self.page.get_by_label(self.say(label), exact=exact).first.check()

    @property
    def text(self) -> str:
        """What the page shows; what is only for screen readers too."""
        return plain(self.page.locator("body").inner_text())

    @property
    def heading(self) -> str:
        return plain(self.page.locator("h1").inner_text())

    @property
    def problems(self) -> str:
        """What the summary of a form says is wrong; empty where nothing is."""
        return plain(" ".join(self.page.locator(".error-summary li").all_inner_texts()))

    def has(self, sentence: str, **facts: Any) -> bool:
        """Whether the page says this sentence."""
        return self.say(sentence, **facts) in self.text

    def look(self) -> None:
        """No blocked script or style, nothing that axe calls serious or critical; a title, one heading; nothing is cut off."""
        seen = self.page.evaluate(LOOK)
        # A page that only says something else than the one before it needs no second check: that is half a second.
        shape = (self.language, str(self.page.viewport_size), seen["title"], seen["shape"])
        if shape not in CHECKED:
            # Half of it is to find out what colour stands on which. Where nothing stands in anything new, they are the ones seen before.
            colours = {(str(self.page.viewport_size), each) for each in seen["colours"]}
            check = CHECK.replace("COLOURS", "false" if colours <= COLOURED else "true")
            found = [v for v in self.page.evaluate(check) if v["impact"] in ("serious", "critical")]
            assert not found, f"{self.page.url}: {[(v['id'], [node['html'][:200] for node in v['nodes']][:3]) for v in found]}"
            CHECKED.add(shape)
            COLOURED.update(colours)
        assert not self.complaints, f"{self.page.url}: {self.complaints}"
        assert seen["title"], f"{self.page.url}: no title"
        assert seen["headings"] == 1, f"{self.page.url}: {seen['headings']} h1"
        assert seen["tooWide"] <= 1, f"{self.page.url}: {seen['tooWide']} px wider than the screen"

    def shot(self, name: str) -> None:
        """Keep a picture where SHOTS says, to be looked at."""
        if os.environ.get("SHOTS"):
            folder = Path(os.environ["SHOTS"])
            folder.mkdir(parents=True, exist_ok=True)
            screen = self.page.viewport_size
            # As tall as the page, so that what sticks to the bottom of the screen stands at the bottom of the picture.
            self.page.set_viewport_size(screen | {"height": self.page.evaluate("document.documentElement.scrollHeight")})
            self.page.screenshot(path=folder / f"{name}-{self.language}-{screen['width']}.png")
            self.page.set_viewport_size(screen)


@pytest.fixture
def tab(chromium: Any, product: Product) -> Iterator[Any]:
    """Opens tabs: `tab(language, width)`."""
    contexts = []

    def new(language: str = "lt", width: int = 1280) -> Tab:
        context = chromium.new_context(
            locale={"lt": "lt-LT", "en": "en-GB"}[language],
            viewport={"width": width, "height": 800},
            extra_http_headers={"X-Forwarded-For": f"10.0.{next(NETWORKS)}.1"},
        )
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        made = Tab(context.new_page(), product.url, language)
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on(
            "console", lambda m: made.complaints.append(m.text) if m.type == "error" and "Failed to load resource" not in m.text else None
        )
        return made

    yield new
    for context in contexts:
        context.close()
