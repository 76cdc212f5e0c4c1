"""The whole product as it runs: gunicorn, the huey consumer, a real mail server, headless Chromium."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from config import ROOT

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
AXE = Path(str(find_spec("axe_playwright_python").submodule_search_locations[0])) / "axe.min.js"  # type: ignore[union-attr,index]
PATIENCE = 20.0


@dataclass
class MailServer:
    """A real SMTP server that keeps what it is handed."""

    letters: list[EmailMessage] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"

    def wait_for(self, to: str, words: str = "", count: int = 1) -> EmailMessage:
        """The newest letter to this address whose subject or text has these words, once there are `count`."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = [m for m in self.letters if m["To"] and to in str(m["To"]) and words in f"{m['Subject']}\n{text_of(m)}"]
            if len(found) >= count:
                return found[-1]
            time.sleep(0.1)
        raise AssertionError(f"no letter to {to} with {words!r}; there are {[(str(m['To']), str(m['Subject'])) for m in self.letters]}")


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(preferencelist=("plain",))
    return body.get_content() if body else ""


def link_in(letter: EmailMessage) -> str:
    """The first address in a letter."""
    found = re.search(r"https?://\S+", text_of(letter))
    assert found, text_of(letter)
    return found.group().rstrip(".,)")


def code_in(letter: EmailMessage) -> str:
    """The code in a letter: a line of digits."""
    found = re.search(r"^\s*(?:> )?(\d{4,8})\s*$", text_of(letter), re.MULTILINE)
    assert found, text_of(letter)
    return found.group(1)


@dataclass
class Product:
    """One running install."""

    url: str
    environ: dict[str, str]
    mail: MailServer
    children: list[subprocess.Popen[bytes]]
    data: Path

    def portal(self, *words: str) -> str:
        """Run an operator's command; its output. Raises AssertionError with it when the command fails."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "portal", *words]
        done = subprocess.run(command, env=self.environ, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(environ: dict[str, str], port: int, workers: int = 2) -> list[subprocess.Popen[bytes]]:
    """The web server and the consumer, each in a process group of its own."""
    commands = (
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--no-control-socket",
            "-w",
            str(workers),
            "-b",
            f"127.0.0.1:{port}",
            "--log-level",
            "warning",
            "wsgi:application",
        ],
        [sys.executable, "-m", "huey.bin.huey_consumer", "tasks.huey", "-k", "process", "-w", "1", "-g", "TERM", "-t", "5", "-q"],
    )
    return [subprocess.Popen(c, env=environ, cwd=ROOT, start_new_session=True) for c in commands]


def stop(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        try:
            os.killpg(child.pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    for child in children:
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def wait_until_up(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="session")
def product(translations: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The five organisations of the presets on a fresh install, running."""
    yield from run_product(tmp_path_factory.mktemp("install"))


def run_product(data: Path, database_url: str | None = None) -> Iterator[Product]:
    port, letters = free_port(), MailServer()
    controller = Controller(letters, hostname="127.0.0.1", port=0, data_size_limit=10_000_000)
    controller.port = letters.port = free_port()
    controller.start()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SAVITARNA_") and k != "DATABASE_URL"} | {
        "SAVITARNA_ENVIRONMENT": "test",
        "SAVITARNA_DATA_DIR": str(data),
        "SAVITARNA_CHEAP_PASSWORDS": "yes",
        "SAVITARNA_MAIL_URL": f"smtp://127.0.0.1:{letters.port}",
        "SAVITARNA_MAIL_FROM": "savitarna@example.lt",
        "SAVITARNA_CUSTOMER_URL": f"http://127.0.0.1:{port}",
        "SAVITARNA_STAFF_URL": f"http://127.0.0.1:{port}/backoffice",
    }
    if database_url:
        environ["DATABASE_URL"] = database_url
    product = Product(f"http://127.0.0.1:{port}", environ, letters, [], data)
    try:
        product.portal("migrate")
        for preset in PRESETS:
            product.portal("load-organisation", preset, preset)
        product.children = start(environ, port)
        wait_until_up(product.url)
        yield product
    finally:
        stop(product.children)
        controller.stop()


PRESETS = ("energy-business", "energy-home", "property-management", "agri-group", "district-heating")


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
