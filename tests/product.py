"""The whole product as it runs, for tests: gunicorn, the huey consumer and a real mail server, each to be killed alone."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from config import ROOT

PATIENCE = 20.0
PRESETS = ("energy-business", "energy-home", "property-management", "agri-group", "district-heating")


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
    """One install: its addresses, configuration, mail server and what of it runs."""

    url: str
    environ: dict[str, str]
    mail: MailServer
    data: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def portal(self, *words: str) -> str:
        """Run an operator's command; its output. Raises AssertionError with it when the command fails."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "portal", *words]
        done = subprocess.run(command, env=self.environ, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_web(self, workers: int = 2, application: str = "wsgi:application") -> subprocess.Popen[bytes]:
        """The web server, answering."""
        address = self.url.removeprefix("http://")
        gunicorn = ["gunicorn", "--no-control-socket", "-w", str(workers), "-b", address, "--log-level", "warning", application]
        started = self._start(*gunicorn)
        self._wait_until_up(started)
        return started

    def start_consumer(self, workers: int = 1, log: Path | None = None, ends_within: int = 5) -> subprocess.Popen[bytes]:
        """The background work."""
        words = ("worker.huey", "-k", "process", "-w", str(workers), "-g", "TERM", "-t", str(ends_within), "-q")
        return self._start("huey.bin.huey_consumer", *words, log=log)

    def _start(self, *words: str, log: Path | None = None) -> subprocess.Popen[bytes]:
        # A process group of its own: whoever ends the parent alone leaves its workers serving.
        with log.open("ab") if log else nullcontext() as told:
            command = [sys.executable, "-m", *words]
            started = subprocess.Popen(command, env=self.environ, cwd=ROOT, start_new_session=True, stdout=told, stderr=told)
        self.running.append(started)
        return started

    def _wait_until_up(self, web: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return
            except OSError:
                assert web.poll() is None, "the web server ended as soon as it was started"
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and all it has started with SIGKILL: nothing can be finished, nothing is told to anyone."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            # Its workers die a moment later, and hold the port until then.
            for _ in range(50):
                os.killpg(process.pid, 0)
                time.sleep(0.02)
        process.wait()
        self.running.remove(process)

    def stop(self) -> None:
        """End what runs as an operator would; what does not end at once is killed: nobody waits for it any more."""
        for process in self.running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in list(self.running):
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
            self.kill(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def installed(data: Path, *, mail: MailServer | None = None, **settings: str) -> Iterator[Product]:
    """A migrated install with its mail server; nothing of it runs yet. `settings` are environment variables to add."""
    port, letters = free_port(), mail or MailServer()
    letters.port = free_port()
    controller = Controller(letters, hostname="127.0.0.1", port=letters.port, data_size_limit=10_000_000)
    controller.start()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SAVITARNA_") and k != "DATABASE_URL"} | {
        "SAVITARNA_ENVIRONMENT": "test",
        "SAVITARNA_DATA_DIR": str(data),
        "SAVITARNA_CHEAP_PASSWORDS": "yes",
        "SAVITARNA_MAIL_URL": f"smtp://127.0.0.1:{letters.port}",
        "SAVITARNA_MAIL_FROM": "savitarna@example.lt",
        "SAVITARNA_CUSTOMER_URL": f"http://127.0.0.1:{port}",
        "SAVITARNA_STAFF_URL": f"http://127.0.0.1:{port}/backoffice",
        **settings,
    }
    product = Product(f"http://127.0.0.1:{port}", environ, letters, data)
    try:
        product.portal("migrate")
        yield product
    finally:
        product.stop()
        controller.stop()
