"""The broker of the register of legal entities, acted: it verifies that a call is signed by its caller and answers with an extract.

The companies are made up and headed by the simulators' own people. `misbehave` makes the next answers wrong, for tests.
"""

import base64
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Flask, Response, request

from config import Config, Misconfigured
from config.register import HEAD
from integrations import xml
from simulators.people import PEOPLE, Actor

ONA, VARDUTIS, JONAS, RASA, *_ = PEOPLE
SIGNED = ("ActionType", "CallerCode", "Parameters", "Time")
FAULT = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Client</faultcode>'
    "<faultstring>Neteisingas parašas</faultstring></e:Fault></e:Body></e:Envelope>"
)
ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<r:GetDataResponse xmlns:r="urn:http://www.registrucentras.lt"><return><ResponseCode>{code}</ResponseCode>'
    "<ResponseData>{data}</ResponseData></return></r:GetDataResponse></e:Body></e:Envelope>"
)


@dataclass
class Fact:
    """That somebody heads a company; `until` is empty while they do."""

    who: Actor
    since: str = "2019-03-04"
    until: str = ""
    kind: str = HEAD
    procuration: str = ""


@dataclass
class Told:
    """What the simulator says: of each company its name and facts; and what it does wrong."""

    companies: dict[str, tuple[str, list[Fact]]] = field(default_factory=dict)
    misbehaves: str = ""  # "fault", "page", "another", "cut", "refuse"


def companies() -> dict[str, tuple[str, list[Fact]]]:
    """The companies of the demo world: headed by one, by two together, by one after another, by nobody, or beside a procurator."""
    return {
        "999000106": ("UAB „Pavyzdys“", [Fact(JONAS)]),
        "999000114": ("UAB „Bandymas“", [Fact(ONA, "2020-05-01"), Fact(VARDUTIS, "2021-01-15")]),
        "999000122": ("UAB „Išgalvota įmonė“", [Fact(JONAS, "2015-06-01", "2024-12-31"), Fact(RASA, "2025-01-01")]),
        "999000130": ("UAB „Niekur nėra“", []),
        "999000148": ("UAB „Tik popieriuje“", [Fact(ONA), Fact(VARDUTIS, kind="PROKURISTAS", procuration="7")]),
        "999000155": ("ŽŪB „Pavyzdžių laukai“", [Fact(JONAS, "1998-04-01", "2024-12-31"), Fact(RASA, "2025-01-01")]),
    }


def extract(code: str, name: str, facts: Sequence[Fact]) -> str:
    """A company as the register writes it."""
    numbers = {fact.who.code: number for number, fact in enumerate(facts, start=1)}
    lines = [
        f'<FAKTAI FAKT_TIPAS={quoteattr(fact.kind)} FAK_PRADZIOS_DATA="{fact.since}" FAK_PABAIGOS_DATA="{fact.until}"'
        f' PROKUROS_NR="{fact.procuration}"><FAKTU_NAUDOTOJAI OBA_ID="{numbers[fact.who.code]}" FNA_DATA_NUO="{fact.since}"'
        f' FNA_DATA_IKI="{fact.until}"/></FAKTAI>'
        for fact in facts
    ]
    lines += [f'<OBJEKTU_ASMENYS OBA_ID="{number}" FIZ_ID="{number}"/>' for number in numbers.values()]
    people = [
        f'<FIZINIAI_ASMENYS FIZ_ID="{numbers[who.code]}" FIZ_KODAS="{who.code}" FAV_VARDAS={quoteattr(who.first_name)}'
        f' FAV_PAVARDE={quoteattr(who.last_name)} FIZ_GIMIMO_DATA="{who.born_on}" FIZ_MIRTIES_DATA="" FIZ_ANUL=""/>'
        for who in {fact.who.code: fact.who for fact in facts}.values()
    ]
    return f'<JAR><OBJEKTAI OBJ_KODAS="{code}" OBJ_PAV={quoteattr(name)}>{"".join(lines)}</OBJEKTAI>{"".join(people)}</JAR>'


def prepare(folder: Path) -> None:
    """Make the key that calls are signed with, once."""
    path = folder / "caller.pem"
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    with suppress(FileExistsError):  # of two that start at the same moment the first one's key holds
        os.link(draft, path)
    draft.unlink()


def create_app(config: Config, told: Told | None = None) -> Flask:
    """The broker, to be mounted under /simulators/register. Raises Misconfigured in production."""
    if config.is_production:
        raise Misconfigured("Simulators cannot be opened in production.")
    folder = config.place.simulators_dir / "register"
    prepare(folder)
    key = serialization.load_pem_private_key((folder / "caller.pem").read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    app, says = Flask("register"), told or Told(companies())
    app.extensions["told"] = says

    @app.post("/")
    def get_data() -> Response:
        fields = _fields()
        if says.misbehaves == "page":
            return Response("<html><body>Vyksta priežiūros darbai", status=503, mimetype="text/html")
        if says.misbehaves == "fault" or not _is_signed(fields, key.public_key()):
            return Response(FAULT, status=500, mimetype="text/xml")
        asked = re.search(r"<obj_kodas>(\d+)</obj_kodas>", fields["Parameters"])
        code = asked[1] if asked else ""
        if says.misbehaves == "refuse" or code not in says.companies:
            return Response(ANSWER.format(code="-5", data="Duomenų nerasta"), mimetype="text/xml")
        name, facts = says.companies[code]
        text = extract("999999990" if says.misbehaves == "another" else code, name, facts)
        text = text[: len(text) // 2] if says.misbehaves == "cut" else text
        return Response(ANSWER.format(code="1", data=base64.b64encode(text.encode()).decode()), mimetype="text/xml")

    return app


def _fields() -> dict[str, str]:
    """The call's fields, from a form or from a SOAP envelope."""
    if request.form:
        return request.form.to_dict()
    try:
        return {str(one.tag).rpartition("}")[2]: one.text or "" for one in xml.parse(request.get_data()).iter()}
    except xml.Refused:
        return {}


def _is_signed(fields: dict[str, str], key: rsa.RSAPublicKey) -> bool:
    signed = "".join(fields.get(name, "") for name in SIGNED).encode()
    for algorithm in (hashes.SHA256(), hashes.SHA1()):  # noqa: S303 - whichever the caller was told to use
        with suppress(InvalidSignature, ValueError):
            key.verify(base64.b64decode(fields.get("Signature", "")), signed, padding.PKCS1v15(), algorithm)
            return True
    return False
