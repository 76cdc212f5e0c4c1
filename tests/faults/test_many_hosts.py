"""Several hosts over one database: daily work is done once whichever comes first, and the bell rings everywhere (F22)."""

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT
from models import Event, JobRun, SyncRun, Worker
from tests.faults import FULL, the_database_of
from tests.faults.test_kill_web import CUSTOMER_SITE, clients, sign_in
from tests.product import PATIENCE, free_port, installed
from tests.servers import missing, postgresql

TICKS, PHONE = 4, "/north/account/phone"


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_two_hosts_do_each_days_work_once(translations: None, tmp_path: Path) -> None:
    """G12, F22: the queue is in PostgreSQL, and so is what has been done."""
    with postgresql() as server, installed(tmp_path, DATABASE_URL=server.url) as product:
        for slug in ("north", "south"):
            product.portal("load-organisation", "district-heating", slug)
        for _ in range(2):
            product.start_consumer(workers=2)
        ticks = f"import tasks\nfor _ in range({TICKS}):\n    tasks.tick()"
        subprocess.run([sys.executable, "-c", ticks], env=product.environ, cwd=ROOT, check=True, timeout=60)
        with the_database_of(product):
            wait_for(lambda: JobRun.select().count() > 0 and not JobRun.select().where(JobRun.finished_at.is_null()).exists())
            wait_for(lambda: server.ask("SELECT count(*) FROM huey_task") == [(0,)])
            runs = Counter(name for (name,) in JobRun.select(JobRun.name).tuples())
            assert max(runs.values()) == 1
            assert {name.partition(":")[0] for name in runs} >= {"sync_billing", "tidy", "remind_readings"}
            assert Counter(run.organisation.slug for run in SyncRun.select()) == {"north": 1, "south": 1}
            assert Event.select().where(Event.name == "feed.run_finished").count() == 2
            assert Worker.select().count() == 1, "they are two consumers of one host"
        product.portal("check")


@pytest.mark.skipif(not FULL, reason="the bell in Redis is rung by make faults")
def test_the_bell_may_be_in_redis(translations: None, tmp_path: Path) -> None:
    """P3: a mail leaves at once, and a page does not wait for a bell that is gone (F14)."""
    if shutil.which("redis-server") is None:
        missing("Redis is missing: run `apt install redis-server`.")
    port = free_port()
    redis = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        with installed(tmp_path, SAVITARNA_QUEUE_URL=f"redis://127.0.0.1:{port}/0", SAVITARNA_TRUSTED_PROXIES="1") as product:
            _, (client, _), _ = clients(product)
            product.start_web(application=CUSTOMER_SITE)
            product.start_consumer()
            sign_in(client.visitor, client.email)
            assert client.visitor.submit(PHONE, {"phone": "+37062000001"}) == "/north/account"
            product.mail.wait_for(client.email, "+37062000001")
            redis.terminate()
            redis.wait()
            began = time.monotonic()
            assert client.visitor.submit(PHONE, {"phone": "+37062000002"}) == "/north/account"
            assert time.monotonic() - began < 3
            assert client.visitor.broken == []
            assert "1 mails" in product.portal("send-mail")
    finally:
        redis.kill()
        redis.wait()
