"""The files of deploy/, run for real: both sites under gunicorn behind nginx over TLS, on PostgreSQL, in production."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import Path
from typing import Any

import psycopg
import pyotp
import pytest
from lxml import html

import config
import tasks
from config import ROOT
from customer import create_app
from models import Account, Export, Staff
from rules import events, exports, work
from tests import factories
from tests.browser import Browser
from tests.conftest import CONFIG
from tests.faults import ring, the_database_of
from tests.faults.procs import Visitor
from tests.product import PATIENCE, Product, installed
from tests.servers import CUSTOMERS, STAFF, Nginx, Postgres, Site, missing, postgresql

TOKEN = "m" * 40
WORKERS = 3


# ---- one of each, on paper ------------------------------------------------------------------------------------------------


def test_the_pages_that_nginx_has_of_its_own_look_alike_and_ask_for_nothing_else() -> None:
    """Each stands alone, when all else is down: so what they share stands in each."""
    texts = [path.read_text() for path in (ROOT / "deploy" / "pages").glob("*.html")]
    assert len(texts) == 3
    assert len({re.sub(r"<(title|h1|h2|p)>.*</\1>", "", text) for text in texts}) == 1
    assert not re.search(r"src=|href=|url\(|@import", "".join(texts))


def test_every_line_of_the_example_is_a_setting_and_together_they_start(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "savitarna.env.example").read_text()
    environ = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    for number, (name, path) in enumerate(sorted(environ.items())):
        if name.endswith("_FILE"):
            key = tmp_path / Path(path).name
            key.write_text(f"{number}" * 64 + "\n")
            environ[name] = str(key)
    made = config.load(environ)
    assert made.is_production
    assert made.metrics_token
    for line in text.splitlines():
        if line.startswith("#DATABASE_URL="):
            url = line.partition("=")[2]
            assert config.load(environ | {"DATABASE_URL": url}).queue_url == url, "every host must see the same queue"


@pytest.mark.parametrize("kind", ["service", "socket", "timer"])
def test_systemd_understands_its_units(tmp_path: Path, kind: str) -> None:
    """T120"""
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze is missing here.")
    units = []
    for path in (ROOT / "deploy").glob("*.*"):
        if path.suffix in (".service", ".socket", ".timer"):
            text = path.read_text().replace("/opt/savitarna", str(ROOT)).replace("User=savitarna", "User=daemon")
            (tmp_path / path.name).write_text(text.replace("Group=savitarna", "Group=daemon"))
            units += [str(tmp_path / path.name)] if path.suffix == f".{kind}" else []
    said = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert [line for line in said.stderr.splitlines() if str(tmp_path) in line or "savitarna" in line] == []
    for unit in units if kind == "service" else []:
        told = subprocess.run(["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True).stdout
        level = re.search(r"exposure level for \S+: ([\d.]+)", told)
        assert level, told
        assert float(level.group(1)) <= 3.0


def test_the_operators_command_reads_the_configuration_as_the_services_do(tmp_path: Path) -> None:
    env = tmp_path / "savitarna.env"
    env.write_text(
        f"# a comment\n\nSAVITARNA_ENVIRONMENT=test\nSAVITARNA_DATA_DIR={tmp_path / 'data'}\nSAVITARNA_MAIL_FROM=Miesto šiluma <a b@c.lt>\n"
    )
    known = {k: v for k, v in os.environ.items() if not k.startswith("SAVITARNA_")}
    command = [str(ROOT / "deploy" / "portal"), "migrate"]
    done = subprocess.run(command, env=known | {"ENV_FILE": str(env)}, capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stdout[:7]) == (0, "Applied"), done.stderr
    assert (tmp_path / "data" / "savitarna.db").exists()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_key_is_changed_and_nobody_is_signed_out(browser: Browser) -> None:
    """T113"""
    browser.enter(factories.account(factories.organisation()))
    before, after = CONFIG.customer_secret_key, "n" * 64
    for changed, is_signed_in in (
        (replace(CONFIG, customer_secret_key=after, customer_secret_key_before=before), True),
        (replace(CONFIG, customer_secret_key="o" * 64), False),
    ):
        other = create_app(changed).test_client()
        for cookie in browser.client._cookies.values():
            other.set_cookie(cookie.key, cookie.value, path=cookie.path)
        assert (other.get("/north/account").status_code == 200) is is_signed_in


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgresql() as server:
        yield server


def test_the_programs_own_role_can_neither_change_tables_nor_what_keeps_events(server: Postgres, tmp_path: Path) -> None:
    """T109, T120: with the roles of docs/operations.md"""
    block = (ROOT / "docs" / "operations.md").read_text().partition("      CREATE ROLE")[2].partition("\n\n")[0]
    sql = f"CREATE ROLE{block}".replace("DATABASE savitarna", "DATABASE town").split(";")
    place, here = f"127.0.0.1:{server.port}", [line.strip().removeprefix("\\c savitarna").strip() for line in sql]
    for line in filter(None, here):
        name = "postgres" if re.match("CREATE (ROLE|DATABASE)", line) else "town"
        with psycopg.connect(f"postgresql://test@{place}/{name}", autocommit=True) as connection:
            connection.execute(line)

    def portal(who: str, *words: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "SAVITARNA_ENVIRONMENT": "test",
            "SAVITARNA_DATA_DIR": str(tmp_path),
            "DATABASE_URL": f"postgresql://{who}@{place}/town",
        }
        known = {k: v for k, v in os.environ.items() if not k.startswith("SAVITARNA_")}
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "portal", *words]
        return subprocess.run(command, env=known | settings, cwd=ROOT, capture_output=True, text=True)

    refused = portal("savitarna", "migrate")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert portal("savitarna_owner", "migrate").returncode == 0
    assert portal("savitarna", "load-organisation", "energy-home", "north").returncode == 0
    assert portal("savitarna", "check").stdout == "Everything holds.\n"
    with psycopg.connect(f"postgresql://savitarna@{place}/town", autocommit=True) as connection:
        for forbidden in ("CREATE TABLE t (a int)", "DROP TABLE event", "ALTER TABLE event DISABLE TRIGGER ALL", "TRUNCATE event"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


# ---- all of it, running -----------------------------------------------------------------------------------------------------


@dataclass
class Town:
    """One host in production, with PostgreSQL beside it."""

    product: Product
    nginx: Nginx
    customer: Site
    staff: Site
    logs: list[Path]

    def visitor(self, host: str = CUSTOMERS) -> Visitor:
        return Visitor(f"https://{host}:{self.nginx.https}", "203.0.113.77")

    def raw(self, path: str, host: str = CUSTOMERS, method: str = "GET", **options: Any) -> tuple[int, Message, str]:
        """One answer with all of its headers, each as often as it came."""
        context = ssl._create_unverified_context()
        with closing(http.client.HTTPSConnection(host, self.nginx.https, timeout=20, context=context)) as connection:
            plain = socket.create_connection(("127.0.0.1", self.nginx.https), 20)
            connection.sock = context.wrap_socket(plain, server_hostname=host)
            connection.request(method, path, **options)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def inner(self, path: str, **headers: str) -> tuple[int, str]:
        """What whoever watches over this host is told."""
        try:
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.nginx.inner}{path}", headers=headers)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextmanager
def in_production(data: Path, **settings: str) -> Iterator[Product]:
    keys = {f"SAVITARNA_{name.upper()}": f"{number}" * 64 for number, name in enumerate(config.KEYS)}
    production = {
        "SAVITARNA_ENVIRONMENT": "production",
        "SAVITARNA_CHEAP_PASSWORDS": "no",
        "SAVITARNA_CUSTOMER_URL": f"https://{CUSTOMERS}",
        "SAVITARNA_STAFF_URL": f"https://{STAFF}",
        "SAVITARNA_TRUSTED_PROXIES": "1",
        "SAVITARNA_METRICS_TOKEN": TOKEN,
    }
    with installed(data, **keys, **production, **settings) as product:
        yield product


@pytest.fixture(scope="module")
def town(server: Postgres, translations: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    base = tmp_path_factory.mktemp("town")
    nginx = Nginx(base / "nginx")
    with in_production(base / "data", DATABASE_URL=server.url) as product:
        customer = Site(product, "wsgi:create_app()", nginx.base / "customer.sock", base / "customer.log", WORKERS).start()
        staff = Site(product, "wsgi:create_backoffice()", nginx.base / "staff.sock", base / "staff.log", 1).start()
        logs = [base / "customer.log", base / "staff.log", base / "worker.log"]
        logs += [nginx.base / name for name in ("savitarna.log", "savitarna-error.log", "start.log")]
        product.start_consumer(1, log=base / "worker.log")
        nginx.start()
        with the_database_of(product), work.unit_of_work():
            north, _ = (factories.organisation(slug) for slug in ("north", "south"))
            events.record("organisation.loaded", north, by=events.OPERATOR, preset="none")
            anna = factories.account(north)
            events.record("account.registered", anna, by=anna, person_type="natural", consents=[])
            agent = factories.staff(north, email="agent@example.lt")
            events.record("staff.invited", agent, by=events.OPERATOR, role=agent.role)
        try:
            yield Town(product, nginx, customer, staff, logs)
        finally:
            nginx.stop()


def test_nginx_takes_the_configuration(town: Town) -> None:
    said = subprocess.run(town.nginx.command("-t"), capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "warn" not in said.stderr


def test_a_customer_and_an_agent_sign_in_over_it_all(town: Town) -> None:
    """CV-1, IB-60"""
    anna = town.visitor()
    to = anna.submit("/north/sign-in", {"email": "anna@example.lt", "password": factories.PASSWORD})
    assert (to or "").startswith("/north/"), anna.broken
    assert "Anna" in anna.page("/north/account").text_content()
    with the_database_of(town.product):
        secret = Staff.get().totp_secret
    agent = town.visitor(STAFF)
    to = agent.submit("/sign-in", {"email": "agent@example.lt", "password": factories.PASSWORD, "code": pyotp.TOTP(secret).now()})
    assert to == "/", agent.broken
    assert "anna@example.lt" in agent.page("/accounts/").text_content()


def test_each_header_comes_once_and_cookies_are_the_hosts_own(town: Town) -> None:
    """G18"""
    for path, host in (
        ("/north/sign-in", CUSTOMERS),
        ("/sign-in", STAFF),
        ("/north/static/site.css", CUSTOMERS),
        ("/static/site.css", STAFF),
    ):
        status, headers, _ = town.raw(path, host)
        assert status == 200
        once = ["Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control"]
        assert {name: len(headers.get_all(name) or []) for name in once} == dict.fromkeys(once, 1), path
        for cookie in headers.get_all("Set-Cookie") or []:
            assert cookie.startswith("__Host-")
            assert "Secure" in cookie
            assert "HttpOnly" in cookie


def test_what_a_page_names_may_be_kept_for_ever_and_comes_past_the_application(town: Town) -> None:
    for host, door in ((CUSTOMERS, "/north/sign-in"), (STAFF, "/sign-in"), (CUSTOMERS, "/")):
        page = html.document_fromstring(town.raw(door, host)[2])
        named = [str(x) for x in page.xpath("//link[@rel='stylesheet']/@href|//script/@src")]
        assert len(named) >= 3
        answers = {path: town.raw(path, host) for path in named}
        assert {(answer[0], answer[1]["Cache-Control"]) for answer in answers.values()} == {(200, "public, max-age=31536000, immutable")}
        assert any("X-Request-ID" not in answer[1] for answer in answers.values()), "nginx asks the application for its files"
    assert town.raw("/north/static/site.css")[1]["Cache-Control"] == "public, max-age=3600"
    for odd in ("/static/../deploy/nginx.conf", "/static/%2e%2e/models.py", "/north/static/none.css"):
        assert town.raw(odd)[0] in (400, 404)


def test_what_is_for_the_operator_is_not_for_the_world(town: Town) -> None:
    """T111"""
    for host in (CUSTOMERS, STAFF):
        for path in ("/healthz", "/readyz", "/metrics", "/north/healthz", "/north/readyz", "/north/metrics"):
            status, headers, _ = town.raw(path, host, headers={"Authorization": f"Bearer {TOKEN}"})
            assert (status, "X-Request-ID" in headers) == (404, False)  # nginx says so, the application is not asked
    for site in ("customer", "staff"):
        assert town.inner(f"/{site}/healthz") == (200, "ok\n")
        assert town.inner(f"/{site}/readyz") == (200, "ready\n")
        assert town.inner(f"/{site}/metrics")[0] == 404
    with pytest.raises((OSError, http.client.HTTPException)):
        town.raw("/north/sign-in", "someone-elses.example.com")


def test_the_figures_are_those_of_all_workers_together(town: Town) -> None:
    name = 'savitarna_requests_total{endpoint="sign_in.forgotten_password",method="GET",site="customer",status="200"}'

    def counted() -> float:
        status, text = town.inner("/customer/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    before = counted()
    threads = [threading.Thread(target=town.raw, args=("/north/forgotten-password",)) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [counted() - before for _ in range(2 * WORKERS)] == [24] * 2 * WORKERS, "each worker told of itself alone"


def test_the_worker_works_and_says_so(town: Town) -> None:
    end = time.monotonic() + 75
    while True:
        _, text = town.inner("/staff/metrics", Authorization=f"Bearer {TOKEN}")
        if f'savitarna_worker_silent_seconds{{host="{socket.gethostname()}"}}' in text:
            return
        assert time.monotonic() < end, "the consumer has not looked at the schedule for more than a minute"
        time.sleep(0.5)


def test_the_worker_makes_the_files_that_staff_wait_for(town: Town) -> None:
    """N06: the consumer knows the desks"""
    with the_database_of(town.product):
        agent = Staff.get(Staff.email == "agent@example.lt")
        asked = exports.ask("accounts", {}, Account, kind="csv", language="en", reason="Metinė ataskaita", total=1, by=agent)
    ring(town.product, job=tasks.make_exports)
    end = time.monotonic() + PATIENCE
    while asked.state == "new":
        assert time.monotonic() < end, "nobody has made the file"
        time.sleep(0.1)
        with the_database_of(town.product):
            asked = Export.get_by_id(asked.id)
    assert (asked.state, asked.total) == ("ready", 1)


def test_nobody_says_where_they_come_from(town: Town, tmp_path: Path) -> None:
    """T84: what a visitor writes of that is replaced, however it is spelled."""
    said: list[str] = []

    def echo() -> None:
        near, _ = listener.accept()
        said.append(near.recv(65536).decode())
        near.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        near.close()

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "echo.sock"))
    listener.listen()
    other = Nginx(tmp_path / "nginx")
    conf = other.base / "deploy" / "nginx.conf"
    conf.write_text(conf.read_text().replace(f"{other.base}/customer.sock", str(tmp_path / "echo.sock")))
    other.start()
    try:
        thread = threading.Thread(target=echo)
        thread.start()
        forged = {
            "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1",
            "X-Forwarded-Prefix": "/evil", "Forwarded": "for=6.6.6.6", "X-Request-ID": "f" * 32,
        }  # fmt: skip
        assert Town(town.product, other, town.customer, town.staff, []).raw("/", headers=forged)[0] == 200
        thread.join()
    finally:
        other.stop()
        listener.close()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in said[0].split("\r\n")[1:])}
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == headers["host"] == CUSTOMERS
    assert headers["x-forwarded-port"] == str(other.https)
    assert headers["x-request-id"] != "f" * 32
    assert not {"x-forwarded-prefix", "forwarded"} & set(headers)
    assert not any(evil in said[0] for evil in ("6.6.6.6", "evil"))


def test_a_house_behind_one_address_is_not_locked_out_and_a_flood_is_told_to_wait(town: Town) -> None:
    """T62"""
    context = ssl._create_unverified_context()

    def ask(count: int) -> set[int]:
        with closing(http.client.HTTPSConnection(CUSTOMERS, town.nginx.https, timeout=20)) as connection:
            plain = socket.create_connection(("127.0.0.1", town.nginx.https), 20)
            connection.sock = context.wrap_socket(plain, server_hostname=CUSTOMERS)
            statuses = set()
            for _ in range(count):
                connection.request("GET", "/no-such-page")
                answer = connection.getresponse()
                answer.read()
                statuses.add(answer.status)
            return statuses

    assert ask(100) == {404}
    with ThreadPoolExecutor(4) as threads:
        assert set().union(*threads.map(ask, [200] * 4)) == {404, 429}
    time.sleep(0.5)
    assert ask(5) == {404}


def test_too_much_is_told_by_the_application_or_where_it_is_far_too_much_by_nginx(town: Town) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for size, words in ((1_200_000, "Siųskite mažesnį"), (3_000_000, "Per daug vienam kartui")):
        status, headers, page = town.raw("/north/sign-in", method="POST", body="a=" + "x" * size, headers=form | {"Accept-Language": "lt"})
        assert (status, len(headers.get_all("Content-Security-Policy"))) == (413, 1)
        if size > 2_000_000:
            assert words in page


CANARIES = ("kanarele", "Kanarėlė-slaptas-1", "99-777-555-3", "kanareles-raktas", "203.0.113", "Geltonoji")


def test_no_log_names_a_person(town: Town, server: Postgres) -> None:
    """T111: nothing that was typed, clicked or looked for, also where something broke."""
    visitor = town.visitor()
    who = {"email": "kanarele@example.lt", "password": "Kanarėlė-slaptas-1"}
    visitor.submit("/north/sign-in", who)
    town.raw("/north/reset-password/kanareles-raktas-1234567890")
    town.raw("/north/invoices/?q=kanarele@example.lt")
    town.raw("/north/%zz/kanareles-raktas", headers={"X-Forwarded-For": "203.0.113.5", "Referer": "https://x/?kanarele"})
    anna = town.visitor()
    anna.submit("/north/sign-in", {"email": "anna@example.lt", "password": factories.PASSWORD})
    anna.submit("/north/contracts/add", {"payer_code": "99-777-555-3"})
    server.ask("ALTER TABLE account RENAME TO account_gone")
    try:
        visitor.submit("/north/forgotten-password", {"email": "kanarele@example.lt"}, lambda: True)
        assert visitor.open("/north/sign-in")[0] in (200, 500)
        visitor.submit("/north/sign-in", who)
    finally:
        server.ask("ALTER TABLE account_gone RENAME TO account")
    with closing(socket.create_connection(("127.0.0.1", town.nginx.http))) as plain:
        plain.sendall(b"GET /kanareles-raktas HTTP/1.1\r\nHost: my.example.lt\r\n\r\n")
        assert b"308" in plain.recv(1000)
    everything = {path.name: path.read_text() for path in town.logs if path.exists()}
    for name, text in everything.items():
        for canary in CANARIES:
            assert canary not in text, f"{name}: {next(line for line in text.splitlines() if canary in line)}"
    assert "peewee.ProgrammingError" in everything["customer.log"], "nothing broke: this run has shown little"
    lines = [json.loads(line) for line in everything["customer.log"].splitlines() + everything["savitarna.log"].splitlines()]
    asked = [line for line in lines if line["logger"] == "savitarna.request"]
    assert {"site", "organisation", "endpoint", "method", "status", "ms", "request"} <= set(asked[-1])
    proxied = {line["request"] for line in lines if line["logger"] == "nginx"}
    assert len({line["request"] for line in asked} & proxied) > 10, "the two logs cannot be laid side by side"


def test_a_site_that_is_gone_is_told_in_both_languages_and_the_other_goes_on(town: Town) -> None:
    """The last of this file: it ends the customer site."""
    town.customer.close()
    status, headers, page = town.raw("/north/sign-in")
    assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "30", "no-store")
    assert "Netrukus grįšime" in page
    assert "We will be back in a moment" in page
    assert html.document_fromstring(page).xpath("/html/@lang") == ["lt"]
    assert town.raw("/sign-in", STAFF)[0] == 200
