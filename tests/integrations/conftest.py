"""The simulators, served over real HTTP, for their clients."""

import threading
from collections.abc import Iterator

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

import simulators
from config import Config, load


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def simulated(translations: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """A development install's configuration, whose simulators answer."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    config = load({"SAVITARNA_DATA_DIR": str(tmp_path_factory.mktemp("simulated")), "SAVITARNA_CUSTOMER_URL": url})
    server.app = DispatcherMiddleware(server.app, simulators.mounts(config))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield config
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
