"""The e-Government Gateway of Lithuania, acted: its SOAP service and its portal, where one chooses who one is instead of proving it.

Our key and the gateway's are made at its first start and lie with what else the simulators keep; each ticket is a file there.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, abort, render_template, request
from lxml import etree

from config import Config
from config.identity import Viisp
from integrations import xml, xml_signature
from simulators import stage
from simulators.people import PEOPLE, Actor

SOAP, AUTH = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.epaslaugos.lt/services/authentication"
TITLE = "Elektroniniai valdžios vartai"


class Refused(Exception):
    """The question is not answered; the message is the fault's name."""


def create_app(config: Config) -> Flask:
    """To be mounted under /simulators/viisp. Raises Misconfigured in production."""
    app = stage.make("viisp", config)
    kept = config.place.simulators_dir / "viisp"
    for name in ("ours", "gateway"):
        _key(kept, name)

    def known() -> Viisp:
        found = config.sign_in_methods("").get("viisp")
        if not isinstance(found, Viisp) or found.mode != "simulator":
            abort(404)
        return found

    @app.post("/service")
    def service() -> Response:
        gateway = known()
        try:
            question = _question(request.get_data(), xml_signature.read_public_key(str(kept / "ours.public.pem")))
            if question.findtext(f"{{{AUTH}}}pid") != gateway.pid:
                raise Refused("unknownPid")
            answer = _given_ticket(kept, question) if question.tag.endswith("}authenticationRequest") else _told(kept, question)
        except Refused as refusal:
            fault = f'<detail><a:{refusal} xmlns:a="{AUTH}"/></detail>'
            return _soap(f"<s:Fault><faultcode>s:Server</faultcode><faultstring>{refusal}</faultstring>{fault}</s:Fault>", 500)
        return _soap(signed(answer, xml_signature.read_private_key(str(kept / "gateway.pem"))), 200)

    @app.post("/portal")
    def portal() -> str:
        """Who do you want to be?"""
        known()
        ticket = request.form.get("ticket", "")
        _read(kept, ticket)
        return render_template("simulators/choose_by_form.html", title=TITLE, people=PEOPLE, ticket=ticket)

    @app.post("/chosen")
    def chosen() -> str:
        """Back to whoever asked: by a POST from another site, as the gateway does it."""
        ticket, who = request.form.get("ticket", ""), request.form.get("person", "")
        known = _read(kept, ticket)
        if who.isdigit() and int(who) < len(PEOPLE):
            _path(kept, ticket).write_text(json.dumps(known | {"person": int(who)}))
        fields = {"ticket": ticket, "customData": known["back"]}
        return render_template("simulators/go_back.html", title=TITLE, url=known["postback"], fields=fields)

    return app


def answer_about(who: Actor, back: str) -> etree._Element:
    """What the gateway tells of a person who came with a ticket."""
    answer = etree.Element(f"{{{AUTH}}}authenticationDataResponse", id="uniqueId", nsmap={"authentication": AUTH})
    etree.SubElement(answer, f"{{{AUTH}}}authenticationProvider").text = "auth.lt.bank"
    if who.country == "LT":
        _pair(answer, "authenticationAttribute", "attribute", "lt-personal-code").text = who.code
    for name, text in (("firstName", who.first_name.upper()), ("lastName", who.last_name.upper())):
        etree.SubElement(_pair(answer, "userInformation", "information", name), f"{{{AUTH}}}stringValue").text = text
    etree.SubElement(answer, f"{{{AUTH}}}customData").text = back
    return answer


def signed(answer: etree._Element, key: rsa.RSAPrivateKey) -> bytes:
    xml_signature.sign(answer, key)
    return etree.tostring(answer)


def _pair(parent: etree._Element, element: str, key: str, name: str) -> etree._Element:
    pair = etree.SubElement(parent, f"{{{AUTH}}}{element}")
    etree.SubElement(pair, f"{{{AUTH}}}{key}").text = name
    return etree.SubElement(pair, f"{{{AUTH}}}value")


def _question(content: bytes, key: rsa.RSAPublicKey) -> etree._Element:
    try:
        body = xml.parse(content).find(f"{{{SOAP}}}Body")
        assert body is not None
        return xml_signature.verified(body[0], key)
    except xml_signature.Unproven as error:
        raise Refused("invalidSignatureException") from error
    except (xml.Refused, AssertionError, IndexError) as error:
        raise Refused("invalidXmlException") from error


def _given_ticket(kept: Path, question: etree._Element) -> etree._Element:
    ticket = secrets.token_hex(16)
    asked = {"postback": question.findtext(f"{{{AUTH}}}postbackUrl", ""), "back": question.findtext(f"{{{AUTH}}}customData", "")}
    stage.kept(_path(kept, ticket), json.dumps(asked).encode)
    answer = etree.Element(f"{{{AUTH}}}authenticationResponse", id="uniqueId", nsmap={"authentication": AUTH})
    etree.SubElement(answer, f"{{{AUTH}}}ticket").text = ticket
    return answer


def _told(kept: Path, question: etree._Element) -> etree._Element:
    """Once for each ticket."""
    path = _path(kept, question.findtext(f"{{{AUTH}}}ticket", ""))
    known = json.loads(path.read_text()) if path.is_file() else {}
    if "person" not in known or not stage.taken(kept / "used", path.stem):
        raise Refused("invalidTicketException")
    return answer_about(PEOPLE[known["person"]], known["back"])


def _path(kept: Path, ticket: str) -> Path:
    return kept / "tickets" / f"{ticket if ticket.isalnum() else 'none'}.json"


def _read(kept: Path, ticket: str) -> dict[str, Any]:
    path = _path(kept, ticket)
    if not path.is_file():
        abort(Response(render_template("simulators/refused.html", title=TITLE, wrong=["ticket"]), 400))
    return dict(json.loads(path.read_text()))


def _key(kept: Path, name: str) -> None:
    """A pair of keys, <name>.pem and <name>.public.pem."""
    pem = stage.kept(kept / f"{name}.pem", _made_key)
    key = serialization.load_pem_private_key(pem, None).public_key()
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    stage.kept(kept / f"{name}.public.pem", lambda: key.public_bytes(*form))


def _made_key() -> bytes:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return rsa.generate_private_key(65537, 2048).private_bytes(*form)


def _soap(inside: bytes | str, status: int) -> Response:
    body = inside if isinstance(inside, str) else inside.decode()
    return Response(f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{body}</s:Body></s:Envelope>', status, mimetype="text/xml")
