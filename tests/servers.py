"""Real servers for tests, each to be stopped, killed and started again: PostgreSQL, Redis, nginx with the files of deploy/, gunicorn
as systemd starts it, and a wire between two of them that can be cut."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import redis

from config import ROOT
from tests import postgres
from tests.product import PATIENCE, Product, free_port

CUSTOMERS, STAFF = "my.example.lt", "work.example.lt"


@contextmanager
def asleep(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A process and all it has started hang: they take what they are sent and answer nothing."""
    children = [path.read_text().split() for path in Path(f"/proc/{process.pid}/task").glob("*/children")]
    family = [process.pid, *(int(pid) for some in children for pid in some)]
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def missing(reason: str) -> None:
    """Skip the test that asks, or fail it under CI=true: there nothing may be left out."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


# ---- PostgreSQL -------------------------------------------------------------------------------------------------------


@dataclass
class Postgres:
    """A server of the test's own, on a port, that outlives its own restarts."""

    base: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.at(self.port)

    def at(self, port: int) -> str:
        """The same database through another port, such as a wire's."""
        return f"postgresql://test@127.0.0.1:{port}/savitarna"

    def start(self) -> None:
        programs, who = postgres._programs(), postgres._somebody()
        assert programs
        command = [programs / "postgres", "-D", self.base / "data", "-k", self.base, "-p", str(self.port)]
        options = [word for option in ("listen_addresses=127.0.0.1", "max_connections=60", "fsync=off") for word in ("-c", option)]
        with (self.base / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *options], cwd=self.base, stdout=log, stderr=log, start_new_session=True, **who)
        postgres._await(self.process, f"postgresql://test@127.0.0.1:{self.port}/postgres", self.base / "log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown: it ends its sessions. SIGQUIT is its immediate one: as after a crash."""
        assert self.process
        self.process.send_signal(how)
        self.process.wait(30)

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def kill_sessions(self) -> int:
        """End whoever is connected but for us; how many."""
        others = "datname = 'savitarna' AND pid <> pg_backend_pid()"
        return len(self.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))


@contextmanager
def postgresql() -> Iterator[Postgres]:
    """A running server with an empty database named savitarna."""
    programs = postgres._programs()
    if programs is None:
        missing(postgres.TO_RUN_IT)
    base, who = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")), postgres._somebody()
    if who:
        os.chown(base, who["user"], who["group"])
    initialise = [programs / "initdb", "-D", base / "data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(initialise, cwd=base, check=True, stdout=subprocess.DEVNULL, **who)
    server = Postgres(base, free_port())
    server.start()
    try:
        with psycopg.connect(f"postgresql://test@127.0.0.1:{server.port}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE savitarna")
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.stop(signal.SIGQUIT)
        shutil.rmtree(base, ignore_errors=True)


# ---- Redis --------------------------------------------------------------------------------------------------------------


@dataclass
class Redis:
    """A server of the test's own that keeps nothing when it ends."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(redis.ConnectionError):
                self.ask("PING")
                return
            assert self.process.poll() is None, "Redis ended as soon as it was started"
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(10)

    def ask(self, *words: str) -> object:
        with redis.Redis.from_url(self.url) as client:
            return client.execute_command(*words)


@contextmanager
def redis_server() -> Iterator[Redis]:
    """A running server."""
    if shutil.which("redis-server") is None:
        missing("Redis is missing: run `apt install redis-server`.")
    server = Redis(free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


# ---- a wire that can be cut -------------------------------------------------------------------------------------------


@dataclass
class Wire:
    """A TCP proxy. What it does with what comes through is its state, to be changed at any moment.

    pass: all goes through. refuse: connections are cut, and new ones. silent: everything is swallowed. drop_commit: the first
    COMMIT goes through, and instead of its answer the connection is cut; then it passes again.
    """

    to: int
    state: str = "pass"
    cuts: int = 0
    port: int = 0
    open: set[socket.socket] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """Cut every connection there is."""
        for end in list(self.open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.state = "refuse"
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.state == "refuse":
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                near.close()
                continue
            self.open |= {near, far}
            has_asked = threading.Event()
            threading.Thread(target=self._carry, args=(near, far, has_asked, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, has_asked, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, commits: threading.Event, is_question: bool) -> None:
        try:
            while content := source.recv(65536):
                if self.state == "silent":
                    continue
                if self.state == "drop_commit":
                    if is_question and b"COMMIT" in content:
                        commits.set()
                    elif not is_question and commits.is_set() and b"COMMIT\x00" in content:
                        self.state, self.cuts = "pass", self.cuts + 1
                        break
                target.sendall(content)
        except OSError:
            pass
        for end in (source, target):
            self.open.discard(end)
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
                end.close()


# ---- gunicorn as systemd starts it --------------------------------------------------------------------------------------

ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *sys.argv[2:]])
"""


@dataclass
class Site:
    """One site on a socket that is held open while its server comes and goes."""

    product: Product
    application: str
    path: Path
    log: Path
    workers: int = 2
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen(512)

    def start(self) -> "Site":
        words = [str(self.socket.fileno()), "-c", str(ROOT / "deploy" / "gunicorn.py"), self.application]
        environ = self.product.environ | {"WEB_CONCURRENCY": str(self.workers), "TMPDIR": str(self.path.parent)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", ACTIVATE, *words],
                env=environ,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                pass_fds=[self.socket.fileno()],
                start_new_session=True,
            )
        self.product.running.append(self.process)
        return self

    def restart(self) -> None:
        """As `systemctl restart` does: SIGTERM, until it has ended, then the next one on the same socket, until it answers."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(40) == 0
        self.product.running.remove(self.process)
        self.start()
        with socket.socket(socket.AF_UNIX) as asked:  # it waits in the held socket until there is somebody to answer
            asked.settimeout(60)
            asked.connect(str(self.path))
            asked.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert b"200" in asked.recv(100)

    def close(self) -> None:
        """The socket is gone too: nothing listens."""
        assert self.process
        self.product.kill(self.process)
        self.socket.close()


# ---- nginx --------------------------------------------------------------------------------------------------------------


@dataclass
class Nginx:
    """nginx with the configuration of deploy/, its paths and ports moved."""

    base: Path
    https: int = 0
    http: int = 0
    inner: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
            missing("nginx is missing: run `apt install nginx-light`.")
        self.https, self.http, self.inner = free_port(), free_port(), free_port()
        (self.base / "deploy").mkdir(parents=True)
        subject = ["-subj", "/CN=my.example.lt", "-addext", f"subjectAltName=DNS:{CUSTOMERS},DNS:{STAFF}"]
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
        subprocess.run([*made, "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        for path in (ROOT / "deploy").glob("nginx*.conf"):
            (self.base / "deploy" / path.name).write_text(self._moved(path.read_text()))
        user = "user root;" if os.geteuid() == 0 else ""
        main = f"{user} daemon off; worker_processes 1; pid {self.base}/pid; error_log {self.base}/start.log crit;"
        temporary = " ".join(f"{kind}_temp_path {self.base}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        types = "include /etc/nginx/mime.types;" if Path("/etc/nginx/mime.types").exists() else ""
        http = f"http {{ {types} {temporary} include {self.base}/deploy/nginx.conf; }}"
        (self.base / "main.conf").write_text(f"{main}\nevents {{}}\n{http}\n")

    @property
    def key(self) -> Path:
        return self.base / "key.pem"

    @property
    def certificate(self) -> Path:
        return self.base / "certificate.pem"

    def _moved(self, text: str) -> str:
        text = re.sub(r"^\s*listen \[::\].*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"listen 443\b", f"listen 127.0.0.1:{self.https}", text)
        text = re.sub(r"listen 80\b", f"listen 127.0.0.1:{self.http}", text)
        text = text.replace("127.0.0.1:9180", f"127.0.0.1:{self.inner}")
        text = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", str(self.certificate), text)
        text = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", str(self.key), text)
        text = text.replace("/opt/savitarna/deploy/nginx", f"{self.base}/deploy/nginx").replace("/opt/savitarna", str(ROOT))
        return text.replace("/var/log/nginx", str(self.base)).replace("/run/savitarna", str(self.base))

    def command(self, *words: str) -> list[str]:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program
        return [program, "-p", str(self.base), "-c", str(self.base / "main.conf"), "-e", str(self.base / "start.log"), *words]

    def start(self) -> "Nginx":
        self.process = subprocess.Popen(self.command(), start_new_session=True)
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.https), 1):
                return self
            assert self.process.poll() is None, (self.base / "start.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
