"""Which sign-in methods this install offers, and how each is reached: the TOML file that `SAVITARNA_IDENTITY` names.

    [smart_id]                          one table for each method; `[oidc.swedbank]` for each OpenID Connect provider
    mode = "live"
    relying_party_uuid = "..."

    [organisations.energija.smart_id]   where one organisation differs: other values, or offered = false

A method that has no table is not offered. Without a file, development offers every simulator and production nothing.
A new kind of method is a frozen dataclass here, its line in `METHODS` (or `FAMILIES`), and one in integrations/identity/available.py.
"""

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

TRUST = Path(__file__).resolve().parent / "trust"
KINDS: dict[Any, str] = {str: "text", bool: "true or false", int: "a whole number"}
MODES = ("live", "demo", "simulator")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DEMO_UUID, DEMO_NAME = "00000000-0000-4000-8000-000000000000", "DEMO"  # SK's own, for everyone to try


@dataclass(frozen=True)
class Place:
    """Where this install stands: what is a matter of course on a desk is a hole in production."""

    is_production: bool
    customer_url: str
    data_dir: Path

    @property
    def simulators_url(self) -> str:
        return f"{self.customer_url}/simulators"

    @property
    def simulators_dir(self) -> Path:
        """What the simulators keep: keys made at their first start, and the issuers to trust in their mode alone."""
        return self.data_dir / "simulators"


@dataclass(frozen=True)
class Method:
    """What every method has. `mode` says whom it speaks to; what a mode leaves empty, `settled` fills in."""

    mode: str
    name: str = ""  # of its table
    offered: bool = True
    base_url: str = ""
    tls: str = ""  # a PEM file: the only certificates, or issuers of them, that the other system may show

    def settled(self, place: Place) -> "Method":
        """The same with everything that follows from its mode."""
        return self

    def wrong(self, place: Place) -> list[str]:
        """What must not be, one ending of a sentence each: "<name> must be ..."."""
        found = []
        if self.mode not in MODES:
            found.append(f"mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        elif place.is_production and self.mode != "live":
            found.append(f'mode must be "live" in production: whoever answers in {self.mode} mode is anybody they like')
        if self.mode != "simulator":
            if urlsplit(self.base_url).scheme != "https":
                found.append("base_url must start with https://")
        elif urlsplit(self.base_url).netloc != urlsplit(place.customer_url).netloc and not _on_this_host(self.base_url):
            found.append("base_url must be this install's own simulator")
        if self.tls and not Path(self.tls).is_file():
            found.append(f"tls: there is no file {self.tls}")
        elif self.tls and not _read(Path(self.tls)):
            found.append(f"tls: {self.tls} is not a certificate")
        return found


@dataclass(frozen=True)
class Signing(Method):
    """What Smart-ID and Mobile-ID share: we are a relying party, and trust the issuers in one directory."""

    relying_party_uuid: str = ""
    relying_party_name: str = ""
    trust_dir: str = ""  # *.pem: issuers; responders/*.pem: who else may answer about revocation
    ocsp_url: str = ""  # asked instead of the address in the certificate

    KIND: ClassVar[str] = ""
    URLS: ClassVar[Mapping[str, str]] = {}

    def settled(self, place: Place) -> "Signing":
        simulator = f"{place.simulators_url}/sk"
        known = replace(
            self,
            base_url=(self.base_url or self.URLS.get(self.mode, "").format(simulator=simulator, **vars(self))).rstrip("/"),
            trust_dir=self.trust_dir
            or str(place.simulators_dir / "sk" / "trust" if self.mode == "simulator" else TRUST / self.KIND / self.mode),
        )
        if self.mode == "live":
            return known
        return replace(
            known, relying_party_uuid=self.relying_party_uuid or DEMO_UUID, relying_party_name=self.relying_party_name or DEMO_NAME
        )

    def wrong(self, place: Place) -> list[str]:
        found = super().wrong(place)
        if not UUID.fullmatch(self.relying_party_uuid):
            found.append("relying_party_uuid must be the UUID that SK gave")
        if not self.relying_party_name:
            found.append("relying_party_name must be the name that SK gave")
        if self.mode == "simulator":
            return found
        if self.mode == "live":
            if not self.tls:
                found.append("tls must name the file with SK's certificates: without it anybody on the way could answer")
            if self.relying_party_uuid == DEMO_UUID:
                found.append("relying_party_uuid must not be that of the demo")
            if self.ocsp_url:
                found.append("ocsp_url is for tests: in live mode the certificate names who is asked")
        if not Path(self.trust_dir).is_dir():
            return [*found, f"trust_dir: there is no directory {self.trust_dir}"]
        return found + [f"trust_dir: {name}" for name in _strangers(Path(self.trust_dir), self.mode)]


@dataclass(frozen=True)
class SmartId(Signing):
    """Smart-ID by the RP API."""

    version: int = 3  # 2: the older interface, for relying parties who have no other; it can be pushed at people, so never by itself
    level: str = "QUALIFIED"
    signature_algorithm: str = "rsassa-pss"
    hash_algorithm: str = "SHA-512"

    KIND = "smart-id"
    URLS = {
        "live": "https://rp-api.smart-id.com/v{version}",
        "demo": "https://sid.demo.sk.ee/smart-id-rp/v{version}",
        "simulator": "{simulator}/smart-id-rp/v{version}",
    }
    ALGORITHMS: ClassVar[tuple[str, ...]] = ("rsassa-pss", "sha256WithRSAEncryption", "sha384WithRSAEncryption", "sha512WithRSAEncryption")
    HASHES: ClassVar[tuple[str, ...]] = ("SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512")

    @property
    def scheme_name(self) -> str:
        """The first of what is signed: an answer of the demo is worth nothing live."""
        return "smart-id" if self.mode == "live" else "smart-id-demo"

    def wrong(self, place: Place) -> list[str]:
        found = super().wrong(place)
        for name, allowed in (("version", (2, 3)), ("level", ("QUALIFIED", "ADVANCED"))):
            if getattr(self, name) not in allowed:
                found.append(f"{name} must be one of {', '.join(map(str, allowed))}")
        if self.signature_algorithm not in self.ALGORITHMS:
            found.append(f"signature_algorithm must be one of {', '.join(self.ALGORITHMS)}")
        if self.hash_algorithm not in self.HASHES:
            found.append(f"hash_algorithm must be one of {', '.join(self.HASHES)}")
        elif self.signature_algorithm.startswith("sha") and self.signature_algorithm[3:6] != self.hash_algorithm.removeprefix("SHA-"):
            found.append(f"hash_algorithm must be that of {self.signature_algorithm}")
        return found


@dataclass(frozen=True)
class MobileId(Signing):
    """Mobile-ID by its REST interface."""

    KIND = "mobile-id"
    URLS = {"live": "https://mid.sk.ee/mid-api", "demo": "https://tsp.demo.sk.ee/mid-api", "simulator": "{simulator}/mid-api"}


# What is a matter of course for each kind of OpenID Connect provider. Banks differ: what theirs call things stands in each agreement.
PROFILES: dict[str, dict[str, str]] = {
    "bank": {"scope": "openid profile"},
    "google": {
        "title": "Google",
        "base_url": "https://accounts.google.com",
        "other_issuers": "accounts.google.com",
        "scope": "openid profile",
        "client_auth": "client_secret_post",
    },
    "facebook": {
        "title": "Facebook",
        "base_url": "https://www.facebook.com",
        "authorization_endpoint": "https://www.facebook.com/dialog/oauth",
        "token_endpoint": "https://graph.facebook.com/oauth/access_token",
        "jwks_uri": "https://www.facebook.com/.well-known/oauth/openid/jwks/",
        "scope": "openid public_profile",
        "client_auth": "client_secret_post",
    },
}


@dataclass(frozen=True)
class OpenId(Method):
    """A provider of OpenID Connect. `base_url` is its issuer, compared byte for byte; the discovery document is under it.

    With `personal_code` it proves who somebody is, as banks do (level "high"). Without, a person is the subject of the issuer and nothing
    more: the same one as before (level "low"), which is never enough for what needs an identity. An e-mail is not asked for.
    """

    profile: str = "bank"
    title: str = ""  # as people know it: "Swedbank"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_secret_file: str = ""  # a file with it, so that this one may be read by everybody
    client_key: str = ""  # a file with our private key (PEM, RSA or P-256), where the provider wants private_key_jwt
    client_auth: str = ""  # client_secret_basic, client_secret_post or private_key_jwt
    scope: str = ""
    acr: str = ""  # words with spaces: one of them is asked for and must be in the token, as proof of how strong a sign-in it was
    other_issuers: str = ""  # other spellings of the issuer in its tokens, with spaces between
    uses_userinfo: bool = False  # the claims are at the userinfo endpoint, not in the token
    personal_code: str = ""  # the claim's name
    country: str = ""  # the claim with the country of the code, where the code itself does not begin with it
    home: str = "LT"  # whose code it is where nothing says so
    first_name: str = "given_name"
    last_name: str = "family_name"
    born_on: str = ""  # the claim's name (2004-01-31); empty: what the personal code tells
    authorization_endpoint: str = ""  # these four are for providers whose discovery document does not name them
    token_endpoint: str = ""
    jwks_uri: str = ""
    userinfo_endpoint: str = ""

    AUTHS: ClassVar[tuple[str, ...]] = ("client_secret_basic", "client_secret_post", "private_key_jwt")
    # Each with its path at the simulator.
    ENDPOINTS: ClassVar[Mapping[str, str]] = {
        "authorization_endpoint": "authorize",
        "token_endpoint": "token",
        "jwks_uri": "jwks",
        "userinfo_endpoint": "userinfo",
    }

    @property
    def level(self) -> str:
        return "high" if self.personal_code else "low"

    def settled(self, place: Place) -> "OpenId":
        usual: dict[str, Any] = {"title": self.name, "client_auth": self.AUTHS[0]} | PROFILES.get(self.profile, {})
        if self.mode == "simulator":
            issuer = f"{place.simulators_url}/oidc/{self.name}"
            # Like the real one it names its addresses in the configuration or in the discovery document.
            usual |= {name: f"{issuer}/{path}" for name, path in self.ENDPOINTS.items() if name in usual}
            usual |= {"base_url": issuer, "client_id": "savitarna", "client_secret": "simulator", "other_issuers": ""}
            if self.profile == "bank":
                usual |= {"personal_code": "personal_code", "country": "country"}
        if self.client_secret_file:
            with suppress(OSError, UnicodeDecodeError):
                usual["client_secret"] = Path(self.client_secret_file).read_text().strip()
        return replace(self, **{name: value for name, value in usual.items() if not getattr(self, name)})

    def wrong(self, place: Place) -> list[str]:
        found = super().wrong(place)
        if self.profile not in PROFILES:
            found.append(f"profile must be one of {', '.join(PROFILES)}")
        elif (self.profile == "bank") != bool(self.personal_code):
            found.append("personal_code must be the claim with it where a bank has looked at a document, and empty elsewhere")
        if not self.client_id:
            found.append("client_id must be what the provider gave")
        if self.client_auth not in self.AUTHS:
            found.append(f"client_auth must be one of {', '.join(self.AUTHS)}")
        elif self.client_auth == "private_key_jwt":
            found += _no_file(self, "client_key")
        elif not self.client_secret:
            found.append("client_secret must be what the provider gave (or client_secret_file the file with it)")
        if self.mode != "simulator":
            given = [name for name in self.ENDPOINTS if getattr(self, name)]
            found += [f"{name} must start with https://" for name in given if urlsplit(getattr(self, name)).scheme != "https"]
        return found


@dataclass(frozen=True)
class Viisp(Method):
    """The e-Government Gateway of Lithuania. `base_url` is the address of its service."""

    pid: str = ""  # by what it knows us
    key: str = ""  # a file with our private RSA key (PEM), which signs every question
    gateway_key: str = ""  # a file with its certificate or public key (PEM): answers signed with any other are refused
    portal_url: str = ""  # where people prove who they are
    # The ways that count as proof there. A password (auth.login.pass) would not.
    providers: str = "auth.lt.identity.card auth.lt.bank auth.signatureProvider auth.lt.government.employee.card"
    takes_sha1: bool = False  # the gateway's older keys sign with RSA-SHA1

    URLS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "live": (
            "https://www.epaslaugos.lt/portal/authenticationServices/auth",
            "https://www.epaslaugos.lt/portal/external/services/authentication/v2/",
        ),
        "demo": (
            "https://test.epaslaugos.lt/portal/services/AuthenticationServiceProxy",
            "https://test.epaslaugos.lt/portal/external/services/authentication/v2/",
        ),
    }

    def settled(self, place: Place) -> "Viisp":
        here, kept = f"{place.simulators_url}/viisp", place.simulators_dir / "viisp"
        base_url, portal_url = self.URLS.get(self.mode, (f"{here}/service", f"{here}/portal"))
        usual: dict[str, Any] = {"base_url": base_url, "portal_url": portal_url}
        if self.mode == "simulator":
            usual |= {"pid": "SIMULATOR", "key": str(kept / "ours.pem"), "gateway_key": str(kept / "gateway.public.pem")}
        return replace(self, **{name: value for name, value in usual.items() if not getattr(self, name)})

    def wrong(self, place: Place) -> list[str]:
        found = super().wrong(place)
        if not self.pid:
            found.append("pid must be what the gateway's keeper gave")
        if self.mode != "simulator":
            found += _no_file(self, "key") + _no_file(self, "gateway_key")
            if urlsplit(self.portal_url).scheme != "https":
                found.append("portal_url must start with https://")
        if not self.providers.split() or "auth.login.pass" in self.providers.split():
            found.append("providers must be ways that prove who somebody is, without auth.login.pass")
        return found


METHODS: dict[str, type[Method]] = {"smart_id": SmartId, "mobile_id": MobileId, "viisp": Viisp}
FAMILIES: dict[str, type[Method]] = {"oidc": OpenId}  # [oidc.<name>]: each table is a method of that name
# What development offers where no file says otherwise.
SIMULATORS: dict[str, Any] = {
    "smart_id": {"mode": "simulator"},
    "mobile_id": {"mode": "simulator"},
    "viisp": {"mode": "simulator"},
    "oidc": {
        "swedbank": {"mode": "simulator", "title": "Swedbank"},
        "seb": {"mode": "simulator", "title": "SEB"},
        "luminor": {"mode": "simulator", "title": "Luminor"},
        "google": {"mode": "simulator", "profile": "google"},
        "facebook": {"mode": "simulator", "profile": "facebook"},
    },
}


@dataclass(frozen=True)
class Methods:
    """What is configured, by the method's name; and where organisations differ."""

    all: Mapping[str, Method] = field(default_factory=dict)
    organisations: Mapping[str, Mapping[str, Method]] = field(default_factory=dict)

    def of(self, slug: str) -> dict[str, Method]:
        """What this organisation offers."""
        return {name: method for name, method in (dict(self.all) | dict(self.organisations.get(slug, {}))).items() if method.offered}


@cache
def load(path: str, place: Place) -> tuple[Methods, tuple[str, ...]]:
    """What the file at `path` says (empty: none), and one sentence for everything in it that is unknown, malformed or unsafe."""
    try:
        text = tomllib.loads(Path(path).read_text()) if path else {} if place.is_production else SIMULATORS
    except OSError as error:
        return Methods(), (f"SAVITARNA_IDENTITY: {path} cannot be read ({error.strerror}).",)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Methods(), (f"SAVITARNA_IDENTITY: {path} is not TOML: {error}.",)
    wrong: list[str] = []
    tables = _flat({name: value for name, value in text.items() if name != "organisations"}, "", wrong)
    methods = _made(tables, {}, place, wrong)
    organisations = {}
    differing = text.get("organisations", {})
    for slug, own in differing.items() if isinstance(differing, dict) else []:
        if isinstance(own, dict):
            organisations[slug] = _made(_flat(own, f"organisations.{slug}.", wrong), tables, place, wrong)
        else:
            wrong.append(f"organisations.{slug} must be a table")
    return Methods(methods, organisations), tuple(f"SAVITARNA_IDENTITY: {sentence}." for sentence in wrong)


Tables = dict[str, tuple[str, type[Method], dict[str, Any]]]  # the method's name: where it stands, its kind, its values


def _flat(text: Mapping[str, Any], before: str, wrong: list[str]) -> Tables:
    """The tables by the names of their methods: families are unfolded, what is no method is named."""
    found: Tables = {}
    for name, value in text.items():
        if not isinstance(value, dict) or name not in METHODS | FAMILIES:
            wrong.append(f"{before}{name} is not a sign-in method of this product")
        elif name in METHODS:
            found[name] = (before + name, METHODS[name], value)
        else:
            for own, values in value.items():
                if not isinstance(values, dict) or own in METHODS or not re.fullmatch(r"[a-z][a-z0-9_]*", own):
                    wrong.append(f"{before}{name}.{own} must be a table, and its name a word of its own in small letters")
                else:
                    found[own] = (f"{before}{name}.{own}", FAMILIES[name], values)
    return found


def _made(tables: Tables, under: Tables, place: Place, wrong: list[str]) -> dict[str, Method]:
    made = {}
    for name, (where, kind, values) in tables.items():
        values = under.get(name, ("", kind, {}))[2] | values
        known = {f.name: f.type for f in fields(kind) if f.name != "name"}
        bad = [f"{where}.{key} is not a setting of it" for key in values if key not in known]
        bad += [
            f"{where}.{key} must be {KINDS[known[key]]}" for key, value in values.items() if key in known and type(value) is not known[key]
        ]
        if "mode" not in values:
            bad.append(f"{where}.mode is missing: {', '.join(MODES)}")
        if not bad:
            method = kind(name=name, **values).settled(place)
            bad = [f"{where}.{sentence}" for sentence in method.wrong(place)]
            made[name] = method
        wrong += bad
    return made


def _no_file(method: Method, name: str) -> list[str]:
    path = getattr(method, name)
    return [] if path and Path(path).is_file() else [f"{name} must name a file that is there, not {path!r}"]


def _on_this_host(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _read(path: Path) -> list[Any]:
    """The certificates in a PEM file; none where it is not one."""
    from cryptography import x509  # here: a start without such a file does without the library

    with suppress(ValueError):
        return x509.load_pem_x509_certificates(path.read_bytes())
    return []


def _strangers(folder: Path, mode: str) -> list[str]:
    """What may not lie among the issuers of this mode: what cannot be read, and live among test issuers or the other way round."""
    found = []
    # Who may answer about revocation in tests is whoever tests.
    for path in sorted(folder.glob("*.pem") if mode == "demo" else folder.rglob("*.pem")):
        certificates = _read(path)
        if not certificates:
            found.append(f"{path.name} is not a certificate")
        if any(("TEST" in one.subject.rfc4514_string().upper()) != (mode == "demo") for one in certificates):
            found.append(f"{path.name} must not be trusted in {mode} mode: SK calls test issuers TEST, and no other")
    return found
