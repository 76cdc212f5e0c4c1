"""No room left on the disk while people send forms: they are told and keep what they typed, pages go on, and it heals by itself."""

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models import Account, Event, database
from rules import events, work
from tests import factories
from tests.faults import FULL, the_database_of
from tests.faults.procs import Visitor
from tests.product import Product, installed

APPLICATION = "wsgi:create_app()"
PHONE = "/north/account/phone"
ROOM = 3_500_000  # bytes of the small disk: a migrated install and a little more
MOST = 3_000  # forms; a disk that is not full by then is no small one

Fill = tuple[Callable[[], None], Callable[[], None]]


@contextmanager
def a_limit_on_files(product: Product) -> Iterator[Fill]:
    """No file of the server may grow beyond what it has: writing fails as it does on a full disk."""
    web = product.start_web(workers=1, application=APPLICATION)
    processes = [web.pid, *map(int, Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split())]

    def limit(size: int) -> None:
        for process in processes:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    yield lambda: limit(max(path.stat().st_size for path in product.data.glob("*.db*")) + 8_192), lambda: limit(resource.RLIM_INFINITY)


@contextmanager
def a_small_disk(product: Product) -> Iterator[Fill]:
    """The install on a disk of its own with hardly any room."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(product.data)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.strip()}")
    try:
        product.portal("migrate")
        filler = product.data / "filler"

        def fill() -> None:
            filler.write_bytes(bytes(max(0, shutil.disk_usage(product.data).free - 100_000)))

        product.start_web(workers=1, application=APPLICATION)
        yield fill, filler.unlink
    finally:
        product.stop()
        subprocess.run(["umount", str(product.data)], check=True)


@pytest.mark.parametrize("disk", [a_limit_on_files, a_small_disk] if FULL else [a_limit_on_files])
def test_a_full_disk_loses_nothing_and_heals(translations: None, tmp_path: Path, disk: Callable[..., Iterator[Fill]]) -> None:
    """F07, P1, P2, P5"""
    with installed(tmp_path / "data", SAVITARNA_TRUSTED_PROXIES="1") as product, disk(product) as (fill, clear):
        with the_database_of(product), work.unit_of_work():
            north = factories.organisation()
            events.record("organisation.loaded", north, by=events.OPERATOR, preset="none")
            anna = factories.account(north)
            events.record("account.registered", anna, by=anna, person_type="natural", consents=[])
        visitor = Visitor(product.url, "10.0.0.1")
        assert visitor.submit("/north/sign-in", {"email": anna.email, "password": factories.PASSWORD})
        fill()
        kept, sent = until_it_is_full(visitor)
        for _ in range(3):  # pages are read, forms are told
            assert visitor.open("/north/account")[0] == 200
            status, _, told = visitor.open(PHONE, sent)
            assert status == 503
            assert "Send it again" in told
            assert dict(sent)["phone"] in told
        clear()
        assert visitor.open(PHONE, sent)[0] == 303
        kept.append(dict(sent)["phone"])
        product.portal("check")
        with the_database_of(product):
            changes = [event.facts["new"] for event in Event.select().where(Event.name == "account.phone_changed").order_by(Event.id)]
            assert changes == kept
            assert Account.get().phone == kept[-1]
            assert database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert visitor.broken == []


def until_it_is_full(visitor: Visitor) -> tuple[list[str], list[tuple[str, str]]]:
    """Change the phone until there is no room; what was kept, and the form that was not."""
    kept = []
    for number in range(MOST):
        page = visitor.page(PHONE)
        form = next(form for form in page.forms if "phone" in form.fields)
        phone = f"+3706{number:07}"
        sent = [(name, value) for name, value in form.form_values() if name != "phone"] + [("phone", phone)]
        status, _, _ = visitor.open(PHONE, sent)
        if status == 503:
            return kept, sent
        assert status == 303
        kept.append(phone)
    raise AssertionError("the disk never got full")
