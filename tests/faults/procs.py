"""A browser without a screen, for clients that keep at it while the server is being killed."""

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urljoin

from lxml import html

ANSWER_WITHIN_SECONDS = 15.0
PAUSE_SECONDS = 0.05


class Down(Exception):
    """Nobody listens: the request was not even sent."""


class Lost(Exception):
    """No answer came: nobody can tell from here whether the request was done."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None


class _Here(http.client.HTTPSConnection):
    """A connection to this host, whatever name it asks for; the certificate is a test's own."""

    def connect(self) -> None:
        context = ssl._create_unverified_context()
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout, self.source_address)
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


class _Https(urllib.request.HTTPSHandler):
    """Comes from an address of this host's own, as nginx believes no other: 10.1.2.3 from 127.1.2.3."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.source = f"127.{network.partition('.')[2]}", 0

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(_Here, request, source_address=self.source)


class Visitor:
    """One person's browser, with cookies of its own and a network address of its own (the product counts tries by network)."""

    def __init__(self, base: str, network: str) -> None:
        self.base = base
        self.lost: list[str] = []  # the form keys of what was sent and not answered
        self.busy = 0  # how often the server said that it cannot just now
        self.broken: list[str] = []  # answers that no server may give, however it was killed
        self.is_sending = False  # a form is on its way
        self.move(network)

    def move(self, network: str) -> None:
        """Become somebody else: at another address, without cookies."""
        self.network = network
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), _Stay, _Https(network))

    def open(self, path: str, data: list[tuple[str, str]] | None = None) -> tuple[int, str, str]:
        """Status, location and body of one answer. Raises Down or Lost."""
        request = urllib.request.Request(urljoin(f"{self.base}/", path), urlencode(data).encode() if data is not None else None)
        request.add_header("X-Forwarded-For", self.network)
        request.add_header("Accept-Language", "en")
        request.add_header("Referer", f"{self.base}/")  # as browsers do; over TLS no form is taken without
        self.is_sending = data is not None
        try:
            try:
                answer: Any = self.opener.open(request, timeout=ANSWER_WITHIN_SECONDS)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return answer.status, answer.headers.get("Location") or "", answer.read().decode()
        except (OSError, HTTPException) as error:
            is_down = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
            raise (Down if is_down else Lost)(str(error)) from error
        finally:
            self.is_sending = False

    def page(self, path: str, stop: Callable[[], bool] = lambda: False) -> Any:
        """A page, parsed, asked for until it comes; None when it is time to stop."""
        while not stop():
            try:
                status, location, body = self.open(path)
            except (Down, Lost):
                time.sleep(PAUSE_SECONDS)
                continue
            if status in (301, 302, 303):
                path = location
            elif status == 503:
                time.sleep(PAUSE_SECONDS)
            else:
                if status != 200:
                    self.broken.append(f"GET {path}: {status}")
                return html.document_fromstring(body)
        return None

    def submit(self, path: str, values: dict[str, str], stop: Callable[[], bool] = lambda: False) -> str | None:
        """Open the page at `path`, fill in its form and send it, again and again with the same form key until it is answered.

        Returns where the answer leads, None where nobody knows what became of it. A form that comes back with a refusal is
        noted as broken: these clients send nothing that may be refused.
        """
        page = self.page(path, stop)
        if page is None:
            return None
        form = next(f for f in page.forms if f.method == "POST" and set(values) <= set(f.fields))
        sent = [(name, value) for name, value in form.form_values() if name not in values] + list(values.items())
        key, to = form.fields.get("form_key", ""), form.action or path
        while True:
            try:
                status, location, body = self.open(to, sent)
            except (Down, Lost) as error:
                self.lost += [key] * isinstance(error, Lost)
                if stop():
                    return None
                time.sleep(PAUSE_SECONDS)
                continue
            if status in (302, 303):
                return location
            if status != 503:  # that one says: nothing was changed, try again
                words = " ".join(html.document_fromstring(body).xpath("//*[@role='alert']//text()|//h1//text()")).split()
                self.broken.append(f"POST {to}: {status} {' '.join(words)}")
                return None
            self.busy += 1
            time.sleep(PAUSE_SECONDS)
