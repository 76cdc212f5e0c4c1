"""What is told of every process to those who run it: a line of JSON for each request and each trouble, and counts for Prometheus.

Nothing here names a person: a request is its endpoint and never its address, an error is its kind and where it happened and never
what it says (a database quotes the row that it refuses), and what other libraries write is masked.
"""

import json
import logging
import os
import re
import secrets
import time
import traceback
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

log = logging.getLogger("savitarna.request")
request_id: ContextVar[str] = ContextVar("request_id", default="")

# ---- lines ------------------------------------------------------------------------------------------------------------

PERSONAL = (
    (re.compile(r"[^\s'\"<>=:,;(]+@[^\s'\"<>,;)]+"), "[e-mail]"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){3,7}\b"), "[network]"),
    (re.compile(r"(?<![\w/])/[^\s'\",)]*"), "[path]"),
    (re.compile(r"\+?\d[\d -]{5,}\d"), "[number]"),
)

LONGEST = 2000  # characters of a line: the patterns need the square of it


class JsonLines(logging.Formatter):
    """One JSON object a line, with nothing in it that names a person."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "says": masked(record.getMessage()[:LONGEST]),
        }
        if request_id.get():
            told["request"] = request_id.get()
        told |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1]:
            told |= _error(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


def masked(text: str) -> str:
    """`text` without what may name a person: addresses of mail and networks, paths, long numbers."""
    for pattern, word in PERSONAL:
        text = pattern.sub(word, text)
    return text


def _error(error: BaseException) -> dict[str, Any]:
    """Of which kind an error is, what caused it, and where it came about."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < 10:
        kinds.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        cause = cause.__cause__ or cause.__context__
    frames = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    return {"error": kinds, "where": frames}


def write_json(level: str, *others: str) -> None:
    """Write everything as JSON lines to standard error, also what the loggers `others` had handlers of their own for."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in others:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


# ---- counts -----------------------------------------------------------------------------------------------------------

OWN = CollectorRegistry()
REQUESTS = Counter("savitarna_requests", "Requests answered", ["site", "endpoint", "method", "status"], registry=OWN)
SECONDS = Histogram(
    "savitarna_request_seconds",
    "How long answers took",
    ["site", "endpoint"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=OWN,
)
METHODS = {"GET", "HEAD", "POST"}

Figures = dict[str, tuple[str, list[tuple[dict[str, str], float]]]]  # of each name: what it is, its values with their labels


def counts(figures: Figures) -> bytes:
    """What Prometheus reads: the counts of all processes of this service on this host, and `figures` as they are now."""
    several = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    counted = CollectorRegistry()
    if several:
        MultiProcessCollector(counted, path=several)
    asked = CollectorRegistry()
    asked.register(_Figures(figures))
    return generate_latest(counted if several else OWN) + generate_latest(asked)


class _Figures(Collector):
    """What was asked of the database just now: no process keeps it."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def collect(self) -> Iterable[Metric]:
        for name, (meaning, values) in self.figures.items():
            labels = sorted(values[0][0]) if values else []
            family = GaugeMetricFamily(f"savitarna_{name}", meaning, labels=labels)
            for of, value in values:
                family.add_metric([of[label] for label in labels], value)
            yield family


class Watched:
    """A site with each of its requests counted, told in one line and given a number that its answer carries.

    The number is the proxy's, where one is trusted, so that its log and ours tell of the same thing."""

    def __init__(self, app: Callable[..., Iterable[bytes]], site: str, *, trusts_proxy: bool) -> None:
        self.app, self.site, self.trusts_proxy = app, site, trusts_proxy

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began, status = time.perf_counter(), ["500"]
        given = environ.get("HTTP_X_REQUEST_ID", "") if self.trusts_proxy else ""
        number = given if re.fullmatch(r"[0-9a-f]{32}", given) else secrets.token_hex(16)
        token = request_id.set(number)

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            status[0] = line[:3]
            return start_response(line, [*headers, ("X-Request-ID", number)], *more)

        try:
            return self.app(environ, start)
        finally:
            self._tell(environ, status[0], time.perf_counter() - began)
            request_id.reset(token)

    def _tell(self, environ: dict[str, Any], status: str, seconds: float) -> None:
        method = environ.get("REQUEST_METHOD", "")
        facts = {
            "site": self.site,
            "organisation": environ.get("savitarna.slug", ""),
            "endpoint": environ.get("savitarna.endpoint", "none"),
            "method": method if method in METHODS else "other",
            "status": int(status),
        }
        REQUESTS.labels(facts["site"], facts["endpoint"], facts["method"], status).inc()
        SECONDS.labels(facts["site"], facts["endpoint"]).observe(seconds)
        log.info("answered", extra={"facts": facts | {"ms": round(seconds * 1000)}})
