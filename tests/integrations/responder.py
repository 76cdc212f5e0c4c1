"""An OCSP responder of the tests' own, over real HTTP, with keys of its own; tests bend what it says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from simulators import authority

Says = Callable[[ocsp.OCSPRequest], bytes]


class Responder:
    """Says "good" about everything, until `says` is another."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = authority.certified("TEST responder", self.key, None, None, ())
        self.says: Says = self.good
        self.lists: dict[str, bytes] = {}  # revocation lists by path
        self.asked: list[int] = []  # serial numbers
        self.url = ""

    def good(self, asked: ocsp.OCSPRequest) -> bytes:
        return authority.answer(asked, self.certificate, self.key)

    def revoked(self, *serials: int) -> Says:
        """Says that these have been revoked (none named: everything)."""

        def say(asked: ocsp.OCSPRequest) -> bytes:
            is_revoked = not serials or asked.serial_number in serials
            status = ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD
            return authority.answer(asked, self.certificate, self.key, status=status)

        return say

    def trust_in(self, folder: Path) -> None:
        """Make it one that may answer there."""
        (folder / "responders").mkdir(exist_ok=True)
        (folder / "responders" / "tests.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))


@contextmanager
def served() -> Iterator[Responder]:
    responder = Responder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = ocsp.load_der_ocsp_request(self.rfile.read(int(self.headers["Content-Length"])))
            responder.asked.append(asked.serial_number)
            self._give(responder.says(asked))

        def do_GET(self) -> None:
            self._give(responder.lists.get(self.path, b""))

        def _give(self, body: bytes) -> None:
            self.send_response(200 if body else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    responder.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield responder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
