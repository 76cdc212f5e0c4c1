"""A new version started under load, as `systemctl restart` does it: nobody is told to come back, nothing is lost (P1, P3, F04)."""

import signal
import threading
import time
from pathlib import Path

from models import Message
from tests.faults import FULL, check, ring, roll, the_database_of
from tests.faults.test_kill_web import CUSTOMER_SITE, check_phones, check_readings, clients, sign_in
from tests.product import installed
from tests.servers import CUSTOMERS, Nginx, Site, postgresql

DEPLOYS = 10 if FULL else 1
LEASE_SECONDS, HEALS_WITHIN_SECONDS = 20, 60


def test_a_deploy_under_load_is_noticed_by_nobody(translations: None, tmp_path: Path) -> None:
    """P1, P2, P3, F04: web and worker, behind nginx, over PostgreSQL"""
    dice, ended, nginx = roll(), threading.Event(), Nginx(tmp_path / "nginx")
    leases = {"SAVITARNA_LEASE_SECONDS": str(LEASE_SECONDS), "SAVITARNA_MAIL_TIMEOUT_SECONDS": "5"}
    with postgresql() as server, installed(tmp_path, DATABASE_URL=server.url, SAVITARNA_TRUSTED_PROXIES="1", **leases) as product:
        product.url = f"https://{CUSTOMERS}:{nginx.https}"
        readers, callers, _ = clients(product)
        everyone = [*readers, *callers]
        site = Site(product, CUSTOMER_SITE, nginx.base / "customer.sock", tmp_path / "web.log").start()
        consumer = product.start_consumer(log=tmp_path / "worker.log", ends_within=25)
        nginx.start()
        threads = [threading.Thread(target=client.work, args=(ended.is_set,)) for client in everyone]
        try:
            for client in everyone:
                sign_in(client.visitor, client.email)
            for thread in threads:
                thread.start()
            for _ in range(DEPLOYS):
                time.sleep(dice.uniform(0.5, 1.5))
                site.restart()
                consumer.send_signal(signal.SIGTERM)
                assert consumer.wait(40) == 0
                product.running.remove(consumer)
                consumer = product.start_consumer(log=tmp_path / "worker.log", ends_within=25)
            time.sleep(1)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
            nginx.stop()
        forms = sum(len(client.answered) for client in everyone)
        print(f"{DEPLOYS} deploys, {forms} forms answered")
        assert forms >= DEPLOYS
        for client in everyone:
            assert (client.visitor.broken, client.visitor.lost, client.visitor.busy) == ([], [], 0)
            assert client.unknown == []
        check(product)
        with the_database_of(product):
            for client in readers:
                check_readings(client)
            for client in callers:
                check_phones(client)
            end = time.monotonic() + HEALS_WITHIN_SECONDS + LEASE_SECONDS
            while Message.select().where(Message.state != "sent").exists():
                assert time.monotonic() < end, "the worker does not go on"
                ring(product)
                time.sleep(1)
        sent = [str(letter["Message-ID"]) for letter in product.mail.letters]
        assert len(sent) == len(set(sent)), "a mail was sent twice: a worker was not let finish"
