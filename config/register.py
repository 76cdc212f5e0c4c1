"""How the register of legal entities is read: the TOML file that `SAVITARNA_REGISTER` names.

    mode = "broker"                     or "files": what somebody puts into <data_dir>/register/<organisation>
    caller = "..."                      as the State Enterprise Centre of Registers knows us
    private_key = "/etc/savitarna/register.pem"
    head_types = ["..."]                which facts make a head, by the register's classifier: FAKT_TIPAS or FAKT_TIPAS/FAKP_POTIPIS

    [organisations.energija]            where one organisation differs: other values, or mode = "nothing"

Without a file, development reads the simulator and production nothing.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.identity import Place

MODES = ("broker", "files", "nothing", "simulator")
HEAD = "VADOVAS"  # what the simulator calls a head
KINDS: dict[Any, str] = {str: "text", int: "a whole number", tuple[str, ...]: "a list of texts"}
BROKER = {"soap": "https://ws.registrucentras.lt:443/broker/", "rest": "https://ws.registrucentras.lt:443/broker/index.rest.php"}


@dataclass(frozen=True)
class Register:
    """One way to read it."""

    mode: str
    base_url: str = ""
    shape: str = "soap"  # or "rest": the same fields as a plain form
    caller: str = ""
    private_key: str = ""  # a PEM file of an RSA key; never in the environment, where every process could read it
    hash: str = "SHA-256"  # "SHA-1" only where the contract with the register says so
    action: int = 76  # which extract: 76 the short one, 77 the main one, 17 the extended one, 49 with history
    head_types: tuple[str, ...] = ()
    tls: str = ""  # a PEM file: the only issuers of certificates that the broker may show
    most_a_night: int = 2000  # companies asked about in one night, those read longest ago first: each answer costs

    def settled(self, place: Place) -> "Register":
        """The same with everything that follows from its mode."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.mode == "simulator":
            key = place.simulators_dir / "register" / "caller.pem"
            filled = {
                "base_url": f"{place.simulators_url}/register/",
                "caller": "SIMULATOR",
                "private_key": str(key),
                "head_types": (HEAD,),
            }
        else:
            filled = {"base_url": BROKER.get(self.shape, "")}
        return Register(**values | {name: value for name, value in filled.items() if not values[name]})

    def wrong(self, place: Place) -> list[str]:
        """What must not be, one ending of a sentence each."""
        if self.mode not in MODES:
            return [f"mode must be one of {', '.join(MODES)}, not {self.mode!r}"]
        if self.mode == "simulator" and place.is_production:
            return ['mode must not be "simulator" in production: it names whoever it likes']
        found = []
        if self.mode in ("broker", "files") and not self.head_types:
            found.append("head_types must name the facts that make a head, by the register's classifier (action 701)")
        if self.mode == "broker":
            found += self._wrong_broker()
        if self.most_a_night < 1:
            found.append("most_a_night must be 1 or more")
        return found

    def _wrong_broker(self) -> list[str]:
        found = []
        if self.shape not in BROKER:
            found.append(f"shape must be one of {', '.join(BROKER)}")
        if self.hash not in ("SHA-256", "SHA-1"):
            found.append("hash must be SHA-256, or SHA-1 where the contract says so")
        if urlsplit(self.base_url).scheme != "https":
            found.append("base_url must start with https://")
        if not self.caller:
            found.append("caller must be the code that the register gave")
        if self.tls and not Path(self.tls).is_file():
            found.append(f"tls: there is no file {self.tls}")
        return found + _wrong_key(self.private_key)


def _wrong_key(path: str) -> list[str]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        return [f"private_key: {path or 'no file'} cannot be read ({error.strerror})"]
    except (TypeError, ValueError):
        return [f"private_key: {path} is not a PEM file of a key without a password"]
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:
        return [f"private_key: {path} must be an RSA key of 2048 bits or more"]
    return []


@dataclass(frozen=True)
class Registers:
    """What is configured for all, and where organisations differ."""

    all: Register | None = None
    organisations: Mapping[str, Register] = field(default_factory=dict)

    def of(self, slug: str) -> Register | None:
        """How this organisation reads the register; None: it does not."""
        found = self.organisations.get(slug, self.all)
        return None if found is None or found.mode == "nothing" else found


@cache
def load(path: str, place: Place) -> tuple[Registers, tuple[str, ...]]:
    """What the file at `path` says (empty: none), and one sentence for everything in it that is unknown, malformed or unsafe."""
    try:
        text = tomllib.loads(Path(path).read_text()) if path else {"mode": "nothing" if place.is_production else "simulator"}
    except OSError as error:
        return Registers(), (f"SAVITARNA_REGISTER: {path} cannot be read ({error.strerror}).",)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Registers(), (f"SAVITARNA_REGISTER: {path} is not TOML: {error}.",)
    differing: Any = text.pop("organisations", {})
    wrong: list[str] = []
    everywhere, organisations = _made("", text, place, wrong), {}
    for slug, own in differing.items() if isinstance(differing, dict) else []:
        if not isinstance(own, dict):
            wrong.append(f"organisations.{slug} must be a table")
        elif made := _made(f"organisations.{slug}.", text | own, place, wrong):
            organisations[slug] = made
    return Registers(everywhere, organisations), tuple(f"SAVITARNA_REGISTER: {sentence}." for sentence in wrong)


def _made(where: str, values: dict[str, Any], place: Place, wrong: list[str]) -> Register | None:
    known: dict[str, Any] = {f.name: f.type for f in fields(Register)}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    bad = [f"{where}{name} is not a setting of it" for name in values if name not in known]
    bad += [
        f"{where}{name} must be {KINDS[known[name]]}" for name, value in values.items() if name in known and not _is(value, known[name])
    ]
    if "mode" not in values:
        bad.append(f"{where}mode is missing: {', '.join(MODES)}")
    if not bad:
        made = Register(**values).settled(place)
        bad = [f"{where}{sentence}" for sentence in made.wrong(place)]
    wrong += bad
    return made if not bad else None


def _is(value: Any, kind: Any) -> bool:
    return all(type(part) is str for part in value) if kind == tuple[str, ...] and type(value) is tuple else type(value) is kind
