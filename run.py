"""What `make run` starts: sets this copy up, prepares its data, then keeps the two sites and the background work running.

    python3 run.py                      install what is missing, prepare, serve until told to stop
    python3 run.py install LOCK...      only make the virtual environment and install these lock files
    python3 run.py compile              only compile the translations

It ends, and everything it started ends with it, on Ctrl-C, SIGTERM, a closed terminal or a killed `make`. When it is itself
killed with -9, its watchdog ends what is left; when one of its programs is killed, it clears up and starts that one again.
"""

# ruff: noqa: S603, S606 - the programs it starts are named here
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is started by whatever `python3` is, so it must parse on any: no match, no :=
    found = ".".join(str(part) for part in sys.version_info[:2])
    sys.exit(f"Python 3.11 or newer is needed and this is {found}: name a newer one, as in `make run PYTHON=python3.12`.")

import ctypes
import fcntl
import functools
import hashlib
import os
import select
import signal
import socket
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
GRACE_SECONDS = 27  # what a program has to finish in: the consumer gives its tasks 25
SHORT_LIFE_SECONDS = 5  # a program that ends sooner than this, five times in a row, will not start at all
SHORT_LIVES = 5

Command = Sequence[str]


def main(words: list[str]) -> int | str | None:
    """Do what the words of the command line say; returns the exit code, or the one sentence that says why not."""
    if not words:
        install("requirements.txt")
        os.chdir(ROOT)
        os.execv(PYTHON, [str(PYTHON), str(ROOT / "run.py"), "serve"])
    if words[0] == "install" and words[1:]:
        install(*words[1:])
    elif words == ["compile"]:
        compile_translations()
    elif words == ["serve"]:
        return serve(dict(os.environ))
    elif words[0] == "watchdog":
        watchdog([int(word) for word in words[1:]])
    else:
        return __doc__
    return 0


# Setting up: nothing but the standard library is there yet


def install(*locks: str) -> None:
    """Install exactly what the lock files pin, in a virtual environment of this copy's own, unless that is done already.

    Exits with one sentence where this Python cannot make one, or where a package cannot be had.
    """
    stamp = VENV / "installed"
    python = f"python {PYTHON.resolve()}"  # after an upgrade of the system's Python the packages are no longer where it looks
    lines = {lock: f"{lock} {hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()}" for lock in locks}
    done = stamp.read_text().splitlines() if stamp.exists() and PYTHON.exists() else []
    if python not in done:
        _make_environment()
        done = [f"python {PYTHON.resolve()}"]
    for lock, line in lines.items():
        if line in done:
            continue
        say(f"Installing what {lock} names. This happens once and takes about half a minute.")
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
        if subprocess.run([*pip, "-r", str(ROOT / lock)]).returncode:
            sys.exit(f"The packages of {lock} could not be installed; pip says why above.")
        done = [*(old for old in done if not old.startswith(f"{lock} ")), line]
        stamp.write_text("\n".join(done) + "\n")


def _make_environment() -> None:
    works = PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    if works:
        return
    try:
        import ensurepip  # noqa: F401 - Debian and Ubuntu leave it out of their python3 package
        import venv
    except ImportError:
        sys.exit(
            f"{sys.executable} cannot make virtual environments: install its venv package"
            " (Debian and Ubuntu: `apt install python3-venv`) or name another Python, as in `make run PYTHON=python3.12`."
        )
    venv.create(VENV, clear=True, symlinks=True, with_pip=True)


def compile_translations() -> None:
    """Make each catalogue's .mo file anew where its .po file is newer: gettext reads the one, people write the other."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for source in sorted((ROOT / "translations").glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, abort_invalid=True)
        draft = target.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            write_mo(file, catalogue)
        draft.replace(target)


# Serving: from here on in the virtual environment


def serve(environ: dict[str, str]) -> int | str:
    """Serve this copy with its demo world. HOST and PORT move it; every SAVITARNA_ variable that is set stays as it is."""
    import config

    host = environ.get("HOST") or "127.0.0.1"
    port = environ.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f"PORT must be a whole number from 1 to 65535, not {port!r}."
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - asked for
    url = f"http://{name}:{port}"
    defaults = {"SAVITARNA_DEMO": "yes", "SAVITARNA_CUSTOMER_URL": url, "SAVITARNA_STAFF_URL": f"{url}/backoffice"}
    environ = defaults | environ
    try:
        settings = config.load(environ)
    except config.Misconfigured as error:
        return str(error)
    try:
        lock = hold(settings.data_dir)
    except BlockingIOError as error:
        return str(error)
    try:
        # Listening here, and not in gunicorn, means that nobody can take the port between the question and the answer.
        listener = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # in brackets Python adds the address, which is there already
        return f"{url} cannot be served here ({reason}): choose another PORT or HOST, as in `make run PORT=8001`."

    def run(*words: str) -> Command:
        return (sys.executable, *words)

    steps = {
        "Compiling the translations": run("run.py", "compile"),
        "Bringing the database up to date": run("-m", "flask", "--app", "wsgi", "portal", "migrate"),
    }
    if settings.demo:
        steps["Loading the demo world"] = run("-m", "flask", "--app", "wsgi", "portal", "demo")
    # Threads, though production has none: a browser opens connections on a guess, and with no nginx before it each of them would
    # keep a worker without threads waiting.
    gunicorn = ("gunicorn", "-k", "gthread", "--workers", "2", "--threads", "4", "--no-control-socket", "--log-level", "warning")
    web = run("-m", *gunicorn, "--bind", f"fd://{listener.fileno()}", "wsgi:application")
    huey = ("huey.bin.huey_consumer", "worker.huey", "--quiet", "-k", "process", "-w", "2", "-g", "TERM", "-t", "25")
    services = {"The web server": web, "The background work": run("-m", *huey)}
    ready = [f"Customer site   {environ['SAVITARNA_CUSTOMER_URL']}/", f"Backoffice      {environ['SAVITARNA_STAFF_URL']}/"]
    if settings.demo:
        ready += [f"Mailbox         {url}/mail/", f"Phones          {url}/simulators/sk/phone"]
    if not settings.is_production:
        from simulators import register

        register.prepare(settings.place.simulators_dir / "register")  # the background work may ask before the web server has made it
    supervisor = Supervisor(environ, shared=(listener.fileno(),), lock=lock)
    return supervisor.run(steps, services, "\n".join(["", *ready, "Ctrl-C ends it."]))


def hold(data_dir: Path) -> int:
    """Take the data directory for this run alone; returns the descriptor of the lock that the watchdog is to share.

    That one lasts until the last program has ended: where the run before was killed, this waits for it.
    Raises BlockingIOError, with the sentence to show, while another run lives.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    own, shared = (os.open(data_dir / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("run.lock", "watchdog.lock"))
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until this process ends, however it does
    except BlockingIOError:
        holder = os.pread(own, 20, 0).decode()
        raise BlockingIOError(
            f"Process {holder} already runs with the data in {data_dir}: stop it, or set SAVITARNA_DATA_DIR to another directory."
        ) from None
    os.ftruncate(own, 0)
    os.pwrite(own, str(os.getpid()).encode(), 0)
    try:
        fcntl.flock(shared, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Waiting until what the last run left behind has ended.")
        fcntl.flock(shared, fcntl.LOCK_EX)
    return shared


class Stopped(Exception):
    """Time to end; the message says why."""


class Supervisor:
    """Starts programs, each in a process group of its own, and lets none of them outlive it."""

    def __init__(self, environ: Mapping[str, str], *, shared: Sequence[int] = (), lock: int | None = None) -> None:
        """`shared` descriptors are the programs' too; `lock` is the watchdog's, so that it lasts until the last program ends."""
        self.environ, self.shared, self.held = environ, shared, () if lock is None else (lock,)
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self.must_stop = _reasons_to_stop()
        self.wakened, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        # Set by name: a shell's `&` starts its programs with SIGINT ignored. SIGHUP stays ignored for those who said nohup.
        for number in {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD} - _ignored_hangup():
            signal.signal(number, lambda *_: None)
        self.watchdog = self._watchdog()

    def run(self, steps: Mapping[str, Command], services: Mapping[str, Command], ready: str) -> int | str:
        """Finish each step, then keep each service running until it is time to end; returns the exit code or the reason of failure."""
        lives: dict[str, list[float]] = {name: [] for name in services}
        try:
            for name, command in steps.items():
                say(f"{name} ...")
                self._start(name, command)
                while self.programs[name].poll() is None:
                    self._wait()
                if self._clear(name):
                    return f"{name} failed; the lines above say why."
            for name, command in services.items():
                self._start(name, command)
                lives[name] = [time.monotonic()]
            say(ready)
            while True:
                self._wait()
                for name, command in services.items():
                    if self.programs[name].poll() is None:
                        continue
                    code = self._clear(name)
                    born = lives[name][-1]
                    if time.monotonic() - born > SHORT_LIFE_SECONDS:
                        lives[name].clear()
                    elif len(lives[name]) == SHORT_LIVES:
                        return f"{name} ends as soon as it is started; the lines above say why."
                    say(f"{name} ended ({'signal' if code < 0 else 'exit code'} {abs(code)}) and is started again.")
                    self._start(name, command)
                    lives[name].append(time.monotonic())
        except Stopped as reason:
            say(f"{reason}: ending.")
            return 0
        finally:
            self._end()

    def _start(self, name: str, command: Command) -> None:
        self.programs[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            pass_fds=self.shared,
            start_new_session=True,  # a group of its own: its workers can be ended even when it was killed itself
            preexec_fn=functools.partial(_end_with_parent, os.getpid()),
        )
        self._tell_watchdog()

    def _clear(self, name: str) -> int:
        """Kill what an ended program has left running (huey's workers outlive their consumer); returns its exit code."""
        program = self.programs.pop(name)
        kill_group(program.pid)
        self._tell_watchdog()
        return program.returncode

    def _wait(self) -> None:
        """Sleep until a signal comes, a second at most. Raises Stopped when it is time to end."""
        numbers = self._signals(1)
        told = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "Told to stop", signal.SIGHUP: "The terminal was closed"}
        reason = next((words for number, words in told.items() if number in numbers), None) or self.must_stop()
        if reason:
            raise Stopped(reason)
        if self.watchdog.poll() is not None:
            self.watchdog = self._watchdog()

    def _signals(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self.wakened], [], [], seconds)
        return os.read(self.wakened, 4096) if ready else b""

    def _end(self) -> None:
        """Let each program finish what it has in hand, then kill what is left. Another Ctrl-C waits no longer."""
        for program in self.programs.values():
            program.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while any(program.poll() is None for program in self.programs.values()) and time.monotonic() < deadline:
            if signal.SIGINT in self._signals(0.1):
                break
        for name in list(self.programs):
            kill_group(self.programs[name].pid)
            self.programs[name].wait()
            self._clear(name)
        self.watchdog.communicate()

    def _watchdog(self) -> subprocess.Popen[bytes]:
        command = (sys.executable, __file__, "watchdog", *self._groups())
        return subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=self.held, start_new_session=True)

    def _tell_watchdog(self) -> None:
        assert self.watchdog.stdin
        with suppress(BrokenPipeError):  # it was killed; the next `_wait` starts another
            self.watchdog.stdin.write(" ".join(self._groups()).encode() + b"\n")
            self.watchdog.stdin.flush()

    def _groups(self) -> list[str]:
        return [str(program.pid) for program in self.programs.values()]


def watchdog(groups: list[int]) -> None:
    """Read from the supervisor which process groups run now, a line each time; when it falls silent, it is dead: end them."""
    for line in sys.stdin:
        groups = [int(word) for word in line.split()]
    if sys.platform != "linux":  # Linux has told them already (`_end_with_parent`), and a second SIGTERM makes huey drop its task
        for group in groups:
            with suppress(ProcessLookupError):
                os.kill(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(is_there(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group in groups:
        kill_group(group)


def kill_group(group: int) -> None:
    """Kill every process of a group, if any is left."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of which only a zombie is left
        os.killpg(group, signal.SIGKILL)


def is_there(process: int) -> bool:
    """Whether a process with this number exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end_with_parent(parent: int) -> None:
    """In the child: have the kernel send SIGTERM when the supervisor dies (Linux only), even if its watchdog was killed with it."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)  # it died before it could tell the watchdog of us


def _ignored_hangup() -> set[signal.Signals]:
    return {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()


def _reasons_to_stop() -> Callable[[], str | None]:
    """A question to ask now and then: has what started this gone away without a signal?

    When a terminal window closes, the kernel sends SIGHUP to the session's leader alone. Where that is `make` itself, as under
    `ssh -t host make run` or a terminal's "run this command", make catches the signal and waits for us, and none ever arrives.
    """
    if _ignored_hangup():
        return lambda: None
    terminals = [fd for fd in (0, 1, 2) if os.isatty(fd)]
    readers = select.poll()  # of a pipe we write to: `make run | tee log`, ssh without a terminal
    for fd in (1, 2):
        if fd not in terminals:
            readers.register(fd, 0)  # errors are reported unasked
    has_terminal = _has_terminal()
    maker = os.getppid() if "MAKELEVEL" in os.environ else None

    def must_stop() -> str | None:
        for fd in terminals:
            try:
                termios.tcgetattr(fd)
            except termios.error:
                return "The terminal was closed"
        if has_terminal and not _has_terminal():
            return "The terminal was closed"
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in readers.poll(0)):
            return "Nobody reads the output any more"
        if maker not in (None, os.getppid()):
            return "make was killed"
        return None

    return must_stop


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def say(text: str) -> None:
    """Tell the person at the terminal, if there still is one."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
