"""How this install is configured: one frozen object read from the environment at start.

Every value is an environment variable with the field's name in capitals behind `SAVITARNA_` (`DATABASE_URL` alone keeps the
name that every host knows); `NAME_FILE` reads it from a file, as systemd credentials and container secrets want.
An unknown, missing, malformed or unsafe value refuses to start, by name.
"""

import json
import os
import secrets
import sys
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config import identity as identities, register as registers

PREFIX = "SAVITARNA_"
KEYS = ("customer_secret_key", "staff_secret_key", "event_key", "queue_key")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ENVIRONMENTS = ("development", "test", "production")
YES_NO = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False, "": False}
ROOT = Path(__file__).resolve().parent.parent


class Misconfigured(Exception):
    """The environment asks for something unknown or unsafe; the message is a list of sentences for the operator."""


@dataclass(frozen=True)
class Config:
    """One install. Keys are at least 32 characters and all different; a customer's key is worth nothing to staff."""

    environment: str = "development"
    data_dir: Path = ROOT / "var"  # the database, queue, files, feeds and mailbox of a one-host install
    database_url: str = ""  # sqlite:///path or postgresql://...; empty: SQLite under data_dir
    queue_url: str = ""  # sqlite:///path, postgresql://... or redis://...; empty: SQLite in its own file under data_dir
    customer_secret_key: str = field(default="", repr=False)
    staff_secret_key: str = field(default="", repr=False)
    event_key: str = field(default="", repr=False)  # signs the daily head of the event chain; hashes codes and tokens
    queue_key: str = field(default="", repr=False)  # signs queued jobs
    customer_secret_key_before: str = field(default="", repr=False)  # while a key is changed: what it was, so that nobody is signed out
    staff_secret_key_before: str = field(default="", repr=False)
    customer_url: str = "http://127.0.0.1:8000"  # links in mail are made from these two, never from a request
    staff_url: str = "http://127.0.0.1:8000/backoffice"
    mail_url: str = ""  # smtp://user:password@host:587 (STARTTLS), smtps://..., empty: files under data_dir/mailbox
    mail_from: str = "savitarna@localhost"
    mail_timeout_seconds: int = 30
    lease_seconds: int = 120  # more than twice mail_timeout_seconds: a job whose worker died is taken over after this
    trusted_proxies: int = 0  # how many proxies in front add X-Forwarded-*
    demo: bool = False  # the demo world, the development mailbox and the printed sign-ins
    cheap_passwords: bool = False  # tests only: hashing that takes no time
    identity: str = ""  # the TOML file of sign-in methods (config/identity.py); empty: the simulators in development, none in production
    register: str = ""  # the TOML file of the register of legal entities (config/register.py); empty: as above
    log_level: str = "INFO"
    metrics_token: str = field(default="", repr=False)  # who sends it may read /metrics and why /readyz complains; empty: nobody

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def files_dir(self) -> Path:
        """Stored documents, named by digest; all hosts share it."""
        return self.data_dir / "files"

    @property
    def exports_dir(self) -> Path:
        """Files that staff have asked for, each for a day."""
        return self.files_dir / "exports"

    @property
    def feeds_dir(self) -> Path:
        """What billing systems deliver: one folder per organisation's slug."""
        return self.data_dir / "feeds"

    @property
    def mailbox_dir(self) -> Path:
        """Where mail lands when no mail server is configured."""
        return self.data_dir / "mailbox"

    @property
    def place(self) -> identities.Place:
        """What decides which sign-in methods are safe here."""
        return identities.Place(self.is_production, self.customer_url, self.data_dir)

    def sign_in_methods(self, slug: str) -> dict[str, identities.Method]:
        """How the methods are reached that this organisation offers, by name."""
        return identities.load(self.identity, self.place)[0].of(slug)

    @property
    def register_dir(self) -> Path:
        """Files from the register of legal entities: one folder per organisation's slug."""
        return self.data_dir / "register"

    def register_of(self, slug: str) -> registers.Register | None:
        """How this organisation reads the register of legal entities; None: it does not."""
        return registers.load(self.register, self.place)[0].of(slug)

    def key(self, purpose: str) -> bytes:
        """The secret bytes for one of `KEYS`."""
        return str(getattr(self, purpose)).encode()


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration.

    Raises Misconfigured naming every unknown, malformed or unsafe value at once.
    """
    wrong: list[str] = []
    values = _values(environ, wrong)
    environment = values.get("environment", "development")
    if environment not in ENVIRONMENTS:
        raise Misconfigured(f"{PREFIX}ENVIRONMENT must be one of {', '.join(ENVIRONMENTS)}, not {environment!r}.")
    data_dir = Path(str(values.get("data_dir") or ROOT / "var")).absolute()
    values["data_dir"] = data_dir
    if not wrong:
        values["database_url"] = values.get("database_url") or f"sqlite:///{data_dir / 'savitarna.db'}"
        values["queue_url"] = values.get("queue_url") or _queue_beside(str(values["database_url"]), data_dir)
        if environment != "production":
            values |= {k: v for k, v in _development_keys(data_dir).items() if not values.get(k)}
        config = Config(**values)  # type: ignore[arg-type]
        wrong = _unsafe(config)
        if not wrong:
            return config
    raise Misconfigured("\n".join(wrong))


def _queue_beside(database_url: str, data_dir: Path) -> str:
    """The queue that every host sees: in the database server where there is one, else in a file of its own."""
    return database_url if database_url.startswith("postgres") else f"sqlite:///{data_dir / 'queue.db'}"


def load_or_exit() -> Config:
    """The configuration of this process, which ends with the reasons where it refuses to start."""
    try:
        return load()
    except Misconfigured as reasons:
        sys.exit(str(reasons))


def presets() -> dict[str, dict[str, Any]]:
    """What each kind of organisation starts with (`config/organisations`), by name."""
    return {path.stem: tomllib.loads(path.read_text()) for path in sorted((ROOT / "config" / "organisations").glob("*.toml"))}


def _values(environ: Mapping[str, str], wrong: list[str]) -> dict[str, object]:
    known = {f.name: f for f in fields(Config)}
    given: dict[str, str] = {}
    if environ.get("DATABASE_URL"):
        given["database_url"] = environ["DATABASE_URL"]
    for variable, text in environ.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name.endswith("_file") and name.removesuffix("_file") in known:
            name = name.removesuffix("_file")
            try:
                text = Path(text).read_text().strip()
            except OSError as error:
                wrong.append(f"{variable}: {text} cannot be read ({error.strerror}).")
                continue
        if name not in known:
            wrong.append(f"{variable} is not a setting of this product.")
        else:
            given[name] = text
    values: dict[str, object] = {}
    for name, text in given.items():
        default = known[name].default
        assert default is not MISSING
        try:
            values[name] = _as(type(default), text)
        except ValueError:
            wrong.append(f"{PREFIX}{name.upper()} must be {'yes or no' if isinstance(default, bool) else 'a whole number'}, not {text!r}.")
    return values


def _as(kind: type, text: str) -> object:
    if kind is bool:
        if text.lower() not in YES_NO:
            raise ValueError(text)
        return YES_NO[text.lower()]
    return int(text) if kind is int else text


def _development_keys(data_dir: Path) -> dict[str, str]:
    """Keys of their own for each development copy, kept readable by its owner alone."""
    path = data_dir / "development-keys.json"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({name: secrets.token_hex(32) for name in KEYS}, file)
        # Of two that start at the same moment the first one's keys hold.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return dict(json.loads(path.read_text()))


def _unsafe(config: Config) -> list[str]:
    """Every reason not to start, one sentence each."""
    wrong = []
    keys = [str(getattr(config, name)) for name in KEYS]
    wrong += [f"{PREFIX}{name.upper()} must be at least 32 characters." for name, key in zip(KEYS, keys, strict=True) if len(key) < 32]
    if len(set(keys)) < len(keys):
        wrong.append(f"{', '.join(PREFIX + name.upper() for name in KEYS)} must all be different.")
    # Connecting may take that long, and the conversation after it: nobody else may take the mail over meanwhile.
    if config.lease_seconds <= 2 * config.mail_timeout_seconds:
        wrong.append(f"{PREFIX}LEASE_SECONDS must be more than twice {PREFIX}MAIL_TIMEOUT_SECONDS.")
    if config.log_level not in LEVELS:
        wrong.append(f"{PREFIX}LOG_LEVEL must be one of {', '.join(LEVELS)}, not {config.log_level!r}.")
    if 0 < len(config.metrics_token) < 32:
        wrong.append(f"{PREFIX}METRICS_TOKEN must be at least 32 characters.")
    wrong += identities.load(config.identity, config.place)[1]
    wrong += registers.load(config.register, config.place)[1]
    if not config.is_production:
        return wrong
    if config.demo:
        wrong.append(f"{PREFIX}DEMO cannot be on in production.")
    if config.cheap_passwords:
        wrong.append(f"{PREFIX}CHEAP_PASSWORDS cannot be on in production.")
    for name in ("customer_url", "staff_url"):
        if urlsplit(getattr(config, name)).scheme != "https":
            wrong.append(f"{PREFIX}{name.upper()} must start with https:// in production.")
    if urlsplit(config.customer_url).netloc == urlsplit(config.staff_url).netloc:
        wrong.append(
            f"{PREFIX}CUSTOMER_URL and {PREFIX}STAFF_URL must be two hosts in production: on one, a hole in either site reaches the other."
        )
    if config.trusted_proxies < 1:
        wrong.append(f"{PREFIX}TRUSTED_PROXIES must be 1 or more in production: else every customer seems to come from the same network.")
    if not config.mail_url:
        wrong.append(f"{PREFIX}MAIL_URL is missing: nobody would get their mail.")
    if config.mail_from == Config.mail_from:
        wrong.append(f"{PREFIX}MAIL_FROM is missing.")
    return wrong
