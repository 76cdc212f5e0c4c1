"""Asking other systems: who names an address cannot have us speak to what only we can reach (T81)."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from urllib3.util import connection
from werkzeug import Response
from werkzeug.serving import make_server

from integrations import http

PUBLIC = "93.184.216.34"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody on this host, on both kinds of addresses."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.settimeout(0.05)
        yield server


INNER = ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "0.0.0.0", "localhost", "[::1]", "[::ffff:127.0.0.1]", "bank.example@127.0.0.1"]


@pytest.mark.parametrize("host", INNER)
def test_no_connection_is_made_to_an_inner_address(listener: socket.socket, host: str) -> None:
    """T81"""
    with pytest.raises(http.Unreachable):
        http.Client(is_public=True).ask("GET", f"https://{host}:{listener.getsockname()[1]}/", seconds=0.5)
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "fe80::1%eth0", "fd00::1"])
def test_a_name_of_which_one_address_is_inner_is_not_connected_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    tried = resolving(monkeypatch, [PUBLIC, address])
    with pytest.raises(http.Unreachable):
        http.Client(is_public=True).ask("GET", "https://bank.example/")
    assert tried == []


def test_what_is_connected_to_is_what_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """T81: a name that changes its address between the two is resolved once."""
    tried = resolving(monkeypatch, [PUBLIC])
    with pytest.raises(http.Unreachable):
        http.Client(is_public=True).ask("GET", "https://bank.example/")
    assert tried == [(PUBLIC, 443)]


def test_only_https_is_spoken_to_the_open_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = resolving(monkeypatch, [PUBLIC])
    with pytest.raises(http.Unreachable):
        http.Client(is_public=True).ask("GET", "http://bank.example/")
    assert tried == []


def resolving(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> list[Any]:
    """Every name has these addresses. What is then connected to, which nobody answers."""
    tried: list[Any] = []

    def connect(address: Any, *_: object, **__: object) -> socket.socket:
        tried.append(address)
        raise OSError("nobody")

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(connection, "create_connection", connect)
    return tried


def test_the_certificate_must_be_the_names_and_not_the_addresss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=bank.example -addext subjectAltName=DNS:bank.example"
    subprocess.run(["openssl", *words.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = make_server("127.0.0.1", 0, Response("{}"), ssl_context=(str(certificate), str(key)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))]
    monkeypatch.setattr(http, "ip_address", lambda _: ip_address(PUBLIC))
    honest = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: here if "example" in host else honest(host, *more, **named))
    client = http.Client(str(certificate), is_public=True)
    try:
        assert client.ask("GET", f"https://bank.example:{server.server_port}/").json() == {}
        with pytest.raises(http.Unreachable):
            client.ask("GET", f"https://another.example:{server.server_port}/")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def dripping() -> Iterator[Any]:
    """Somebody who answers a byte at a time, beginning with what is given, for three seconds."""
    server, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def answer(first: bytes) -> str:
        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(first)
                with suppress(OSError):
                    for _ in range(60):
                        if over.wait(0.05):
                            break
                        connection.sendall(b"1")

        threading.Thread(target=drip, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield answer
    over.set()
    server.close()


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", HEAD + b"Content-Length: 9999\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2000\r\n"],
    ids=["status", "headers", "body", "chunked body"],
)
def test_who_answers_a_byte_at_a_time_is_not_waited_for_longer_than_was_said(dripping: Any, first: bytes) -> None:
    """T62: a timeout of the socket's begins anew with each byte."""
    began = time.monotonic()
    with pytest.raises(http.Unreachable):
        http.Client().ask("GET", dripping(first), seconds=0.3)
    assert 0.25 < time.monotonic() - began < 1.5


def test_all_that_is_asked_together_has_one_time(dripping: Any) -> None:
    """A check of many questions does not have as many times the seconds of one."""
    url, began = dripping(HEAD + b"Content-Length: 9999\r\n\r\n"), time.monotonic()
    with http.within(0.3):
        for _ in range(3):
            with pytest.raises(http.Unreachable):
                http.Client().ask("GET", url, seconds=5.0)
    assert time.monotonic() - began < 1.5
