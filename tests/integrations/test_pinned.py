"""Another company's system is asked over TLS, and only the certificates that were agreed on are spoken to."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from integrations import http
from simulators import authority

ISSUING = (x509.BasicConstraints(ca=True, path_length=0), True), (authority.usage(key_cert_sign=True), True)
HERE = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False


class Served(NamedTuple):
    url: str
    own: str  # the certificate that it shows
    other: str  # another one of the same issuer
    issuer: str


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"/large": b"x" * 200, "/list": b"[]"}.get(self.path, b'{"well": true}')
        self.send_response(302 if self.path == "/elsewhere" else 200)
        self.send_header("Location", "/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(HTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up on a certificate it does not want is what is tested."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("tls")
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    issuer = authority.certified("Issuer", keys[0], None, None, ISSUING)
    leaves = [authority.certified(name, key, issuer, keys[0], (HERE,)) for name, key in zip(("Own", "Other"), keys[1:], strict=True)]
    files = [_written(folder / f"{at}.pem", certificate) for at, certificate in enumerate((*leaves, issuer))]
    (folder / "own.key").write_bytes(keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[0], folder / "own.key")
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Served(f"https://127.0.0.1:{server.server_port}", *files)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _written(path: Path, certificate: x509.Certificate) -> str:
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return str(path)


def test_the_agreed_certificate_or_its_issuer_is_spoken_to(served: Served) -> None:
    for trust in (served.own, served.issuer):
        assert http.Client(trust).ask_json("GET", f"{served.url}/").json() == {"well": True}


def test_another_certificate_is_not_whoever_issued_it(served: Served) -> None:
    for trust in (served.other, ""):
        with pytest.raises(http.Unreachable):
            http.Client(trust).ask("GET", f"{served.url}/")


def test_an_answer_has_a_size_and_leads_nowhere_else(served: Served) -> None:
    client = http.Client(served.own)
    assert client.ask("GET", f"{served.url}/elsewhere").status == 302
    assert len(client.ask("GET", f"{served.url}/large", most_bytes=200).body) == 200
    with pytest.raises(http.Unreachable, match="too large"):
        client.ask("GET", f"{served.url}/large", most_bytes=199)
    with pytest.raises(http.Unreachable, match="not an object"):
        client.ask("GET", f"{served.url}/list").json()
