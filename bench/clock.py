"""Timing side by side: every contender in turn, in one process on one core, so that what else the machine does hits all alike."""

import gc
import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# What is slow takes part in a few rounds only, what is very slow in one: its own noise is small beside what it takes.
SLOW_MS, FEW, VERY_SLOW_MS = 500.0, 4, 10_000.0


@dataclass(frozen=True)
class Timing:
    """What a contender took, milliseconds: half of its runs took less than `p50`, none less than `least`; half needed less than `cpu` of
    this process's own time, which what else the machine does touches least (a database server's is not in it)."""

    p50: float
    least: float
    cpu: float
    runs: int

    def over(self, other: "Timing") -> tuple[float, ...]:
        """How many times as long this took as the other: by p50, by the quickest, and by this process's own time."""
        return self.p50 / other.p50, self.least / other.least, self.cpu / other.cpu


def side_by_side(contenders: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float) -> dict[str, Timing]:
    """Run each contender once a round, the order moved on by one each round, until `rounds` or `seconds` are over (10 rounds at least).
    A slow one takes part in the first few rounds, a very slow one in the first."""
    names = list(contenders)
    took: dict[str, list[float]] = {name: [] for name in names}
    worked: dict[str, list[float]] = {name: [] for name in names}
    with one_core():
        left = {name: _rounds(_warm(contenders[name]), rounds) for name in names}
        gc.collect()
        gc.freeze()  # what is loaded by now is nobody's garbage
        started = time.perf_counter()
        for turn in range(rounds):
            for position in range(len(names)):
                name = names[(turn + position) % len(names)]
                if turn >= left[name]:
                    continue
                gc.collect()
                before, idle = time.perf_counter(), time.process_time()
                contenders[name]()
                worked[name].append((time.process_time() - idle) * 1000)
                took[name].append((time.perf_counter() - before) * 1000)
            if turn >= 9 and time.perf_counter() - started > seconds:
                break
        gc.unfreeze()
    return {name: Timing(statistics.median(runs), min(runs), statistics.median(worked[name]), len(runs)) for name, runs in took.items()}


def _rounds(took: float, most: int) -> int:
    return most if took <= SLOW_MS else FEW if took <= VERY_SLOW_MS else 1


def _warm(contender: Callable[[], object]) -> float:
    """Milliseconds of the quickest of three runs; of the first one where that is very slow."""
    took = ms(contender)
    for _ in range(2 if took < 4 * SLOW_MS else 0):
        took = min(took, ms(contender))
    return took


def ms(act: Callable[[], object]) -> float:
    """How many milliseconds this takes."""
    before = time.perf_counter()
    act()
    return (time.perf_counter() - before) * 1000


@contextmanager
def one_core() -> Iterator[None]:
    """Inside, this process stays on one core; what is started inside inherits that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def peak_mb() -> float:
    """The most memory that this process has ever held, megabytes."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    except OSError:  # not Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def get(application: Any, path: str, *, mount: str = "", cookie: str = "", agent: str = "bench") -> tuple[int, str]:
    """Ask a WSGI application for a page; status and body."""
    status, _, body = ask(application, path, mount=mount, cookie=cookie, agent=agent)
    return status, body


def ask(
    application: Any, path: str, *, form: bytes | None = None, mount: str = "", cookie: str = "", agent: str = "bench"
) -> tuple[int, str, str]:
    """Ask a WSGI application for a page, or send it a form: status, the cookie to go on with, body."""
    path, _, query = path.partition("?")
    answered: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET" if form is None else "POST", "SCRIPT_NAME": mount, "PATH_INFO": path, "QUERY_STRING": query,
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "HTTP_COOKIE": cookie,
        "HTTP_USER_AGENT": agent, "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(form or b""), "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }  # fmt: skip
    if form is not None:
        environ |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(form))}
    answer = application(environ, lambda status, headers, failure=None: answered.extend((status, headers)))
    try:
        body = b"".join(answer).decode()
    finally:
        if hasattr(answer, "close"):
            answer.close()
    given = [value.partition(";")[0] for name, value in answered[1] if name == "Set-Cookie"]
    return int(answered[0].split()[0]), given[0] if given else cookie, body
