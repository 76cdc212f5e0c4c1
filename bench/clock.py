"""Timing side by side: every contender in turn, in one process on one core, so that what else the machine does hits all alike."""

import gc
import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Timing:
    """What a contender took, milliseconds: half of its runs took less than `p50`, none less than `least`; half needed less than `cpu` of
    this process's own time, which what else the machine does touches least (a database server's is not in it)."""

    p50: float
    least: float
    cpu: float
    runs: int

    def over(self, other: "Timing") -> tuple[float, float]:
        """How many times as long this took as the other: by p50 and by the quickest."""
        return self.p50 / other.p50, self.least / other.least


def side_by_side(contenders: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float) -> dict[str, Timing]:
    """Run each contender once a round, the order moved on by one each round, until `rounds` or `seconds` are over (10 rounds at least)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    names = list(contenders)
    took: dict[str, list[float]] = {name: [] for name in names}
    worked: dict[str, list[float]] = {name: [] for name in names}
    for name in names * 3:
        contenders[name]()
    started = time.perf_counter()
    for turn in range(rounds):
        for position in range(len(names)):
            name = names[(turn + position) % len(names)]
            gc.collect()
            before, idle = time.perf_counter(), time.process_time()
            contenders[name]()
            worked[name].append((time.process_time() - idle) * 1000)
            took[name].append((time.perf_counter() - before) * 1000)
        if turn >= 9 and time.perf_counter() - started > seconds:
            break
    return {name: Timing(statistics.median(runs), min(runs), statistics.median(worked[name]), len(runs)) for name, runs in took.items()}


def get(application: Any, path: str, *, mount: str = "", cookie: str = "", agent: str = "bench") -> tuple[int, str]:
    """Ask a WSGI application for a page; status and body."""
    path, _, query = path.partition("?")
    answered: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": mount,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_COOKIE": cookie,
        "HTTP_USER_AGENT": agent,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    answer = application(environ, lambda status, headers, failure=None: answered.append(status))
    try:
        body = b"".join(answer).decode()
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return int(answered[0].split()[0]), body
