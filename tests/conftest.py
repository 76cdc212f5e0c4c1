"""What every test stands on: a real database of its own on both engines, both sites, and a browser that inspects each page."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

# In memory where there is room: what a test writes to a disk is waited for, and no test ends the power.
MEMORY, ROOM = Path("/dev/shm"), 2 << 30
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
DATA = Path(tempfile.mkdtemp(prefix="savitarna-test-"))
os.environ |= {
    "SAVITARNA_ENVIRONMENT": "test",
    "SAVITARNA_DATA_DIR": str(DATA),
    "SAVITARNA_CHEAP_PASSWORDS": "yes",
    "SAVITARNA_MAIL_FROM": "savitarna@example.lt",
}
os.environ.pop("DATABASE_URL", None)

import models  # noqa: E402
from config import ROOT, load  # noqa: E402
from rules import keys  # noqa: E402
from tests import postgres  # noqa: E402
from tests.browser import Browser  # noqa: E402

CONFIG = load()
keys.configure(CONFIG.key("event_key"), cheap=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever touches the database is shown on both, unless the test says where."""
    said = any(marker.args and marker.args[0] == "engine" for marker in metafunc.definition.iter_markers("parametrize"))
    if "engine" in metafunc.fixturenames and not said:
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `full` where the numbers are not full: it is no test that could not run here. What takes longest goes
    first: at the end only short ones are left to be shared."""
    left_out = [item for item in items if item.get_closest_marker("full") and os.environ.get("FAULTS") != "full"]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=lambda item: "e2e" not in item.path.parts)


def pytest_sessionfinish() -> None:
    shutil.rmtree(DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def translations() -> None:
    """The catalogues as `make run` has them."""
    import run

    run.compile_translations()


@pytest.fixture(scope="session")
def template(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated, empty database that each test gets a copy of."""
    from playhouse.migrations import Runner

    if engine == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('template') / 'template.db'}"
        _migrate(Runner, url)
        yield url
    else:
        with postgres.template_database(lambda url: _migrate(Runner, url)) as url:
            yield url


def _migrate(runner: type, url: str) -> None:
    opened = models.open_database(url)
    opened.connect()
    runner(opened, str(ROOT / "migrations")).up()
    opened.close()
    if hasattr(opened, "close_all"):
        opened.close_all()


@pytest.fixture
def db(template: str, engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[object]:
    """A database of this test's own, connected, on SQLite and on PostgreSQL."""
    if engine == "sqlite":
        copy = tmp_path / "test.db"
        shutil.copy(template.removeprefix("sqlite:///"), copy)
        url = f"sqlite:///{copy}"
        drop = None
    else:
        url, drop = postgres.own_database(template)
    opened = models.open_database(url)
    opened.connect()
    try:
        yield opened
    finally:
        if not opened.is_closed():
            opened.close()
        if hasattr(opened, "close_all"):
            opened.close_all()
        if drop:
            drop()


@pytest.fixture
def statements(db: object) -> Callable[[], AbstractContextManager[list[str]]]:
    """`with statements() as seen:` collects the SQL that is run inside."""

    @contextmanager
    def collect() -> Iterator[list[str]]:
        seen: list[str] = []

        def hook(event: Any) -> None:
            seen.append(event.sql)

        models.database.query_hooks.append(hook)
        try:
            yield seen
        finally:
            models.database.query_hooks.remove(hook)

    return collect


@pytest.fixture(scope="session")
def customer_app(translations: None) -> object:
    from customer import create_app

    return create_app(CONFIG)


@pytest.fixture(scope="session")
def staff_app(translations: None) -> object:
    from backoffice import create_app

    return create_app(CONFIG)


@pytest.fixture
def browser(db: object, customer_app: object) -> Browser:
    """A customer's browser."""
    return Browser(customer_app)


@pytest.fixture
def staff_browser(db: object, staff_app: object) -> Browser:
    """A staff member's browser; its addresses start with /backoffice."""
    return Browser(staff_app, prefix="/backoffice")
