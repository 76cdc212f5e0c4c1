"""Asking another company's system over HTTP: short waits, small answers, no redirects, and only the certificates that were agreed on."""

import io
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.client import HTTPResponse
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

SECONDS, MOST_BYTES = 5.0, 1_000_000
_until: ContextVar[float | None] = ContextVar("until", default=None)


class Unreachable(Exception):
    """Nothing came back that could be read: no connection, no answer in time, too much of it. The message is for the log."""


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        """The object in the body. Raises Unreachable where there is none: an error page of something on the way."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unreachable(f"{self.status}, not JSON") from error
        if not isinstance(found, dict):
            raise Unreachable(f"{self.status}, not an object")
        return found


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All that is asked inside, together, has this long: what is asked after it is Unreachable at once."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


class _Timed(io.RawIOBase):
    """What a connection receives until its timeout is over, counted from here on: the socket's own starts anew with each byte."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._received = connection, connection.makefile("rb", buffering=0)
        self._until = time.monotonic() + (connection.gettimeout() or SECONDS)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer in time")
        self._connection.settimeout(left)
        return self._received.readinto(into)

    def close(self) -> None:
        self._received.close()
        super().close()


class _Answering(HTTPResponse):
    """Status, headers and body, all of them in time."""

    def __init__(self, connection: socket.socket, *more: Any, **named: Any) -> None:
        super().__init__(connection, *more, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(connection))


class _Plain(HTTPConnection):
    response_class = _Answering


class _Secure(HTTPSConnection):
    response_class = _Answering


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Public(_Secure):
    """To the open internet alone: the name is resolved once, and what was looked at is what is connected to (T81)."""

    def _new_conn(self) -> socket.socket:
        name = self.host
        try:
            addresses = [found[4][0] for found in socket.getaddrinfo(name, self.port, type=socket.SOCK_STREAM)]
            if not all(ip_address(str(address).partition("%")[0]).is_global for address in addresses):
                raise urllib3.exceptions.NewConnectionError(self, "an address of an inner network")
            self.host = str(addresses[0])
            return super()._new_conn()
        finally:
            self.host = name  # whose certificate is looked for


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _Public


@cache
def _context(trust: str) -> ssl.SSLContext:
    """Made once: to read the host's issuers takes 25 ms."""
    context = ssl.create_default_context(cafile=trust or None)
    if trust:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the other system's very certificate may be the one that is trusted
    return context


class Client:
    """Talks to one system. `trust`: a file with the only certificates, or issuers of them, that it may have; empty: the host's issuers.
    `is_public`: the other side names some of the addresses that are asked, so they must be https and none of an inner network."""

    def __init__(self, trust: str = "", *, is_public: bool = False) -> None:
        self._pool = urllib3.PoolManager(ssl_context=_context(trust), retries=False, maxsize=4)
        self._pool.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        if is_public:
            self._pool.pool_classes_by_scheme = {"https": _PublicPool}
            self._pool.key_fn_by_scheme.pop("http")

    def ask(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> Answer:
        """One request: `body` as it is, or `fields` as a form; the whole answer within `seconds`, and `within`'s. Raises Unreachable."""
        until = _until.get()
        if until is not None:
            seconds = min(seconds, until - time.monotonic())
            if seconds <= 0:
                raise Unreachable("no time left to ask")
        send = dict(headers or {})
        if fields is not None:
            body = urlencode(fields).encode()
            send.setdefault("Content-Type", "application/x-www-form-urlencoded")
        try:
            answer = self._pool.request(
                method, url, body=body, headers=send, redirect=False, preload_content=False,
                timeout=urllib3.Timeout(connect=min(3.0, seconds), total=seconds),
            )  # fmt: skip
            try:
                # One byte more than is allowed shows that there is more.
                read = answer.read(most_bytes + 1, decode_content=True)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(type(error).__name__) from error
        if len(read) > most_bytes:
            raise Unreachable("answer too large")
        return Answer(answer.status, read, {name.lower(): value for name, value in answer.headers.items()})

    def ask_json(self, method: str, url: str, what: Mapping[str, Any] | None = None, *, seconds: float = SECONDS) -> Answer:
        """The same with an object as JSON."""
        body = None if what is None else json.dumps(what).encode()
        return self.ask(method, url, body=body, headers={"Content-Type": "application/json", "Accept": "application/json"}, seconds=seconds)
