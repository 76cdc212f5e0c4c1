"""`make run`: real processes are started, killed and counted. Every process of a test carries a mark in its environment."""

import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = Path("/proc")
pytestmark = pytest.mark.skipif(not (PROCESSES / "self" / "environ").exists(), reason="Processes are counted in /proc: run this on Linux.")

# A program with two workers that do not care whether it lives, as huey's and gunicorn's may not. It ends them when it is told to.
PARENT = """
import os, signal, sys, time
workers = []
for _ in range(2):
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    workers.append(pid)
def end(*_):
    time.sleep(float(os.environ.get("LAST_WORDS", "0")))
    for pid in workers: os.kill(pid, signal.SIGKILL)
    sys.exit()
signal.signal(signal.SIGTERM, end)
while True: time.sleep(60)
"""

SUPERVISE = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import pathlib, run
run.SHORT_LIFE_SECONDS = float(os.environ.get("SHORT_LIFE", "5"))
lock = run.hold(pathlib.Path(os.environ["DATA"]))
steps = {{"Preparing": [sys.executable, "-c", os.environ.get("STEP", "")]}}
services = {{"web": [sys.executable, "-c", os.environ["PARENT"]], "work": [sys.executable, "-c", os.environ["PARENT"], "work"]}}
sys.exit(run.Supervisor(dict(os.environ), lock=lock).run(steps, services, "ready"))
"""


class World:
    """The processes of one test, found by the mark that all of them inherit."""

    def __init__(self, directory: Path) -> None:
        self.mark = f"TEST_RUN={uuid.uuid4()}"
        name, value = self.mark.split("=")
        self.environ = {k: v for k, v in os.environ.items() if k != "MAKELEVEL"}
        self.environ |= {name: value, "DATA": str(directory), "PARENT": PARENT}
        self.directory = directory

    def processes(self) -> dict[int, str]:
        """Command line by number of every process that is alive; zombies are not."""
        found = {}
        for entry in PROCESSES.iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and self.mark.encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def find(self, *words: str) -> list[int]:
        """Oldest first: the program stands before its workers."""
        return sorted(pid for pid, line in self.processes().items() if all(word in line for word in words))

    def start(self, command: list[str], **options: object) -> subprocess.Popen[str]:
        environ = self.environ | options.pop("environ", {})  # type: ignore[operator]
        defaults = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, env=environ, text=True, **(defaults | options))  # type: ignore[call-overload, no-any-return]

    def supervise(self, **environ: str) -> subprocess.Popen[str]:
        """Start the supervisor with two programs of two workers each, and wait until all eight processes are there."""
        process = self.start([sys.executable, "-c", SUPERVISE], environ=environ)
        until(lambda: len(self.processes()) == 8)
        return process


@pytest.fixture(autouse=True)
def hanging_up_is_heard() -> Iterator[None]:
    """However the tests were started: what nohup ignores, every child would ignore as well."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def until(question: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for pid in world.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process(world: World, number: signal.Signals) -> None:
    supervisor = world.supervise()
    supervisor.send_signal(number)
    output, _ = supervisor.communicate(timeout=30)
    assert supervisor.returncode == 0
    assert "ready" in output
    assert world.processes() == {}


def test_a_program_started_with_interrupts_ignored_still_ends_on_ctrl_c(world: World) -> None:
    ignoring = (
        f"import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, ['python', '-c', {SUPERVISE!r}])"
    )
    supervisor = world.start([sys.executable, "-c", ignoring])
    until(lambda: len(world.processes()) == 8)
    supervisor.send_signal(signal.SIGINT)
    supervisor.communicate(timeout=30)
    assert world.processes() == {}


def test_killing_the_supervisor_ends_every_process(world: World) -> None:
    supervisor = world.supervise()
    supervisor.kill()
    until(lambda: world.processes() == {})


def test_killing_supervisor_and_a_program_at_once_ends_every_process(world: World) -> None:
    supervisor = world.supervise()
    os.kill(world.find(" work ")[0], signal.SIGKILL)
    supervisor.kill()
    until(lambda: world.processes() == {})


def test_killing_supervisor_and_watchdog_at_once_ends_the_programs(world: World) -> None:
    supervisor = world.supervise()
    os.kill(world.find("watchdog")[0], signal.SIGKILL)
    supervisor.kill()
    until(lambda: world.processes() == {})


def test_a_killed_program_is_started_again_and_its_workers_do_not_stay(world: World) -> None:
    supervisor = world.supervise()
    before = world.find(" work ")
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(world.processes()) == 8 and not set(before) & set(world.processes()))
    supervisor.terminate()
    output, _ = supervisor.communicate(timeout=30)
    assert "work ended (signal 9) and is started again." in output
    assert world.processes() == {}


def test_a_killed_watchdog_is_replaced_and_knows_the_programs(world: World) -> None:
    supervisor = world.supervise()
    first = world.find("watchdog")
    os.kill(first[0], signal.SIGKILL)
    until(lambda: bool(world.find("watchdog")) and world.find("watchdog") != first)
    os.kill(world.find(" work ")[0], signal.SIGKILL)
    supervisor.kill()
    until(lambda: world.processes() == {})


@pytest.mark.parametrize("leader", ["make", "shell", "itself", "make with the output in a file"])
def test_a_closed_terminal_ends_every_process(world: World, leader: str) -> None:
    """Under `ssh -t host make run` make leads the session: it swallows the SIGHUP, and nobody else is sent one."""
    script = world.directory / "supervise.py"
    script.write_text(SUPERVISE)
    (world.directory / "Makefile").write_text(f"run:\n\t@{sys.executable} {script}\n")
    make = ["make", "--no-print-directory", "-C", str(world.directory), "run"]
    command = {
        "make": make,
        "shell": ["sh", "-c", f"{' '.join(make)}; true"],
        "itself": [sys.executable, str(script)],
        "make with the output in a file": ["sh", "-c", f"exec {' '.join(make)} >{world.directory}/log 2>&1 </dev/null"],
    }[leader]
    pid, master = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, world.environ)
    until(lambda: len(world.find("signal")) == 6)
    os.close(master)
    until(lambda: world.processes() == {})
    os.waitpid(pid, 0)


def test_a_terminal_that_never_was_the_controlling_one_is_missed_too(world: World) -> None:
    master, slave = pty.openpty()
    supervisor = world.start([sys.executable, "-c", SUPERVISE], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    until(lambda: len(world.processes()) == 8)
    os.close(master)
    until(lambda: supervisor.poll() is not None and world.processes() == {})


def test_output_that_nobody_reads_any_more_ends_every_process(world: World) -> None:
    supervisor = world.supervise()
    assert supervisor.stdout
    supervisor.stdout.close()
    until(lambda: supervisor.poll() is not None and world.processes() == {})


def test_killing_make_ends_every_process(world: World) -> None:
    script = world.directory / "supervise.py"
    script.write_text(SUPERVISE)
    (world.directory / "Makefile").write_text(f"run:\n\t@{sys.executable} {script}\n")
    make = world.start(["make", "-C", str(world.directory), "run"])
    until(lambda: len(world.find("signal")) == 6)
    make.kill()
    until(lambda: world.processes() == {})


def test_nohup_outlives_the_terminal(world: World) -> None:
    master, slave = pty.openpty()
    ignoring = (
        f"import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.executable, ['python', '-c', {SUPERVISE!r}])"
    )
    supervisor = world.start([sys.executable, "-c", ignoring], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    until(lambda: len(world.processes()) == 8)
    os.close(master)
    time.sleep(2)  # the terminal is looked at every second
    assert len(world.processes()) == 8
    supervisor.terminate()
    supervisor.communicate(timeout=30)
    assert world.processes() == {}


def test_a_second_run_on_the_same_data_is_refused_in_one_sentence(world: World) -> None:
    first = world.supervise()
    second = subprocess.run([sys.executable, "-c", SUPERVISE], env=world.environ, capture_output=True, text=True)
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1].endswith(
        f"Process {first.pid} already runs with the data in {world.directory}: stop it, or set SAVITARNA_DATA_DIR to another directory."
    )
    first.terminate()
    first.communicate(timeout=30)


def test_a_start_after_a_kill_waits_for_what_was_left_and_goes_on(world: World) -> None:
    first = world.supervise(LAST_WORDS="1")
    left = set(world.processes())
    first.kill()
    second = world.start([sys.executable, "-c", SUPERVISE])
    until(lambda: len(world.processes()) == 8 and not left & set(world.processes()))
    second.terminate()
    output, _ = second.communicate(timeout=30)
    assert output.startswith("Waiting until what the last run left behind has ended.\n")
    assert second.returncode == 0
    assert world.processes() == {}


def test_a_failing_step_is_named_and_starts_nothing(world: World) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISE], env=world.environ | {"STEP": "raise SystemExit(3)"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "Preparing failed; the lines above say why."
    assert "ready" not in done.stdout
    assert world.processes() == {}


def test_a_program_that_cannot_start_is_given_up(world: World) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISE], env=world.environ | {"PARENT": "raise SystemExit(3)"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ends as soon as it is started; the lines above say why.")
    assert "ended (exit code 3) and is started again." in done.stdout
    assert world.processes() == {}


def test_ctrl_c_during_preparation_ends_the_step(world: World) -> None:
    supervisor = world.start([sys.executable, "-c", SUPERVISE], environ={"STEP": "import time; time.sleep(60)"})
    until(lambda: len(world.processes()) == 3)
    supervisor.send_signal(signal.SIGINT)
    supervisor.communicate(timeout=30)
    assert supervisor.returncode == 0
    assert world.processes() == {}


def serve(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SAVITARNA_")}
    clean |= {"SAVITARNA_DATA_DIR": str(tmp_path)}
    return subprocess.run([sys.executable, ROOT / "run.py", "serve"], env=clean | environ, capture_output=True, text=True, cwd=ROOT)


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve(tmp_path, PORT=str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"http://127.0.0.1:{port} cannot be served here (Address already in use):"
        " choose another PORT or HOST, as in `make run PORT=8001`.\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PORT": "eight"}, "PORT must be a whole number from 1 to 65535, not 'eight'."),
        (
            {"HOST": "192.0.2.1"},
            "http://192.0.2.1:8000 cannot be served here (Cannot assign requested address): choose another PORT or HOST,"
            " as in `make run PORT=8001`.",
        ),
        ({"PORT": "70000"}, "PORT must be a whole number from 1 to 65535, not '70000'."),
        ({"SAVITARNA_MAIL_TIMEOUT": "3"}, "SAVITARNA_MAIL_TIMEOUT is not a setting of this product."),
        ({"SAVITARNA_LEASE_SECONDS": "60"}, "SAVITARNA_LEASE_SECONDS must be more than twice SAVITARNA_MAIL_TIMEOUT_SECONDS."),
    ],
)
def test_a_start_that_cannot_work_says_why_in_one_sentence(tmp_path: Path, environ: dict[str, str], sentence: str) -> None:
    done = serve(tmp_path, **environ)
    assert (done.returncode, done.stderr, done.stdout) == (1, f"{sentence}\n", "")


def test_the_demo_world_is_refused_in_production(tmp_path: Path) -> None:
    done = serve(tmp_path, SAVITARNA_ENVIRONMENT="production")
    assert done.returncode == 1
    assert "SAVITARNA_DEMO cannot be on in production." in done.stderr
    assert not (tmp_path / "run.lock").exists()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project with nothing to install but a virtual environment."""
    shutil.copy(ROOT / "run.py", tmp_path)
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    return tmp_path


def install(copy: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, copy / "run.py", "install", "requirements.txt"]
    return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True)


def test_packages_are_installed_once_and_again_when_the_lock_changes(copy: Path) -> None:
    first = install(copy)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Installing what requirements.txt names.")
    assert (copy / ".venv" / "bin" / "python").exists()
    assert install(copy).stdout == ""

    (copy / "requirements.txt").write_text("an-unpinned-name\n")
    unpinned = install(copy)
    assert unpinned.returncode == 1
    assert unpinned.stderr.splitlines()[-1] == "The packages of requirements.txt could not be installed; pip says why above."
    assert install(copy).returncode == 1  # it is not taken for done


def test_a_python_without_venv_is_one_sentence(copy: Path) -> None:
    (copy / "missing").mkdir()
    (copy / "missing" / "ensurepip.py").write_text("raise ImportError('not packaged')\n")
    done = install(copy, PYTHONPATH=str(copy / "missing"))
    assert done.returncode == 1
    assert done.stderr == (
        f"{sys.executable} cannot make virtual environments: install its venv package"
        " (Debian and Ubuntu: `apt install python3-venv`) or name another Python, as in `make run PYTHON=python3.12`.\n"
    )
    assert not (copy / ".venv").exists()


def test_translations_are_compiled_when_their_source_is_newer(copy: Path) -> None:
    folder = copy / "translations" / "lt" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source, target = folder / "messages.po", folder / "messages.mo"
    source.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n\nmsgid "Reading"\nmsgstr "Rodmuo"\n')

    def compiled() -> bytes:
        subprocess.run([sys.executable, copy / "run.py", "compile"], check=True)
        return target.read_bytes()

    assert b"Rodmuo" in compiled()
    source.write_text(source.read_text().replace("Rodmuo", "Rodmenys"))
    os.utime(source, (time.time() + 10, time.time() + 10))
    assert b"Rodmenys" in compiled()
    target.write_bytes(b"kept")
    os.utime(target, (time.time() + 20, time.time() + 20))
    assert compiled() == b"kept"
