"""Readings posted at the same moment: gunicorn with four workers on SQLite, as deploy/gunicorn.py sets it up, and 64 connections; how
many answers are an error, beside the stock application served alike, a few seconds each in turn (G9)."""

import http.client
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench import reading, site
from bench.goals import Figure
from config import ROOT
from tests.product import free_port

WORKERS, CONNECTIONS = 4, 64
TURNS, SECONDS = 3, 5.0
STARTS_WITHIN_SECONDS = 60


@dataclass
class Server:
    """An application under gunicorn, and who posts there: where to, cookie, what is sent for the nth value."""

    port: int
    log: Path
    people: list[tuple[str, str, Callable[[int], dict[str, str]]]]


def run(engine: str, urls: dict[int, str]) -> Iterator[Figure]:
    """What came of the POSTs to each of the two, in each database."""
    with site.customers(urls, CONNECTIONS) as installs:
        for install in installs.values():
            install.opened.close_all()  # the workers have the file to themselves
        for size, install in installs.items():
            yield _locked(engine, size, install)


def _locked(engine: str, size: int, install: site.Install) -> Figure:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="savitarna-bench-")))
        servers = {
            "product": stack.enter_context(
                _serving(folder / "product.log", install, "-c", str(ROOT / "deploy" / "gunicorn.py"), "wsgi:create_app()")
            ),
            "stock": stack.enter_context(
                _serving(folder / "stock.log", install, "-w", str(WORKERS), f"bench.stock:create({install.url!r})")
            ),
        }
        _sign_in(servers, install.people)
        answers: dict[str, Counter[str]] = {name: Counter() for name in servers}
        steps = itertools.count(1)
        for _ in range(TURNS):
            for name, server in servers.items():
                answers[name] += _post_for(SECONDS, server, steps)
        # The product's own log names what was raised and keeps its words to itself.
        raised = {name: server.log.read_text().count("sqlite3.OperationalError") for name, server in servers.items()}
    for name, counted in answers.items():
        print(
            f"  {size:,}, {name}: {dict(counted)}, {counted['taken'] / TURNS / SECONDS:.0f} taken a second, sqlite3.OperationalError {raised[name]} times in the log"
        )
        assert counted["taken"], f"{name} took nothing"
    failed = {name: counted.total() - counted["taken"] for name, counted in answers.items()}
    share = 100 * failed["stock"] / answers["stock"].total()
    what = f"POSTs that fail (the stock application's: {share:.0f} %)"
    return Figure("G9", what, engine, f"{size:,}", (failed["product"],), 0, False, f"of {answers['product'].total()}")


@contextmanager
def _serving(log: Path, install: site.Install, *words: str) -> Iterator[Server]:
    """gunicorn over the install's database, once it answers."""
    server = Server(free_port(), log, [])
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{server.port}", *words]
    environ = os.environ | install.environ | {"WEB_CONCURRENCY": str(WORKERS), "TMPDIR": str(log.parent)}
    with log.open("wb") as lines:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=lines, stderr=lines)
    try:
        end = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            with suppress(OSError):
                _ask(server.port, "GET", "/")
                break
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(40)


def _ask(port: int, method: str, path: str, sent: dict[str, str] | None = None, cookie: str = "") -> tuple[int, str, str]:
    """Status, the cookie to go on with, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urlencode(sent) if sent else None, headers)
        answer = connection.getresponse()
        given = (answer.getheader("Set-Cookie") or cookie).partition(";")[0]
        return answer.status, given, answer.read().decode()
    finally:
        connection.close()


def _sign_in(servers: dict[str, Server], people: list[site.Customer]) -> None:
    for one in people:
        _, cookie, page = _ask(servers["product"].port, "GET", reading.address(one), cookie=one.cookie)
        token = reading.token_in(page)
        servers["product"].people.append((reading.address(one), cookie, lambda n, one=one, token=token: reading.fields(one, token, n)))
        _, cookie, token = _ask(servers["stock"].port, "GET", f"/start/{one.account.id}")
        servers["stock"].people.append(
            (reading.peers_address(one), cookie, lambda n, one=one, token=token: reading.peers_fields(one, token, n))
        )


def _post_for(seconds: float, server: Server, steps: Iterator[int]) -> Counter[str]:
    """Every customer posts again and again, each in a thread; how many were taken, and what the others were answered."""
    answers: Counter[str] = Counter()
    end = time.monotonic() + seconds

    def post(where: str, cookie: str, sent: Callable[[int], dict[str, str]]) -> None:
        while time.monotonic() < end:
            status, _, _ = _ask(server.port, "POST", where, sent(next(steps)), cookie)
            answers["taken" if status in (302, 303) else str(status)] += 1

    threads = [threading.Thread(target=post, args=one) for one in server.people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
