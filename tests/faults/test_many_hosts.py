"""Several hosts over one database: daily work is done once whichever comes first (F22)."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from config import ROOT
from models import Event, JobRun, SyncRun, Worker
from tests.faults import check, the_database_of
from tests.product import PATIENCE, installed
from tests.servers import postgresql

TICKS = 4


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
        check(product)
