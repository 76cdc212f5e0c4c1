"""The e-Government Gateway of Lithuania (VIISP, "Elektroniniai valdžios vartai"): signed SOAP questions, a ticket, and a person who proves
themselves there with a bank, an identity card or a signature.

1. `begin` asks for a ticket, with `customData` of our own making that only the gateway and we ever see together with it.
2. The browser posts the ticket to the gateway's portal (`Shown.post`).
3. The gateway has the browser post the ticket to our `callback_url`. That is a POST from another site: the browser sends no cookie with it
   (SameSite=Lax), and what it says must do nothing, or anybody could post a ticket of theirs into somebody's session. So `web.SENT_ON`
   answers it without looking anything up: 303 to the same address by GET, with the ticket in it, and to that GET the browser does add its
   cookie. There the flow is found by the address's token and the cookie together, and `check` compares its ticket with the one that was
   brought. A foreign ticket opens nothing, and one that leaks is worth nothing without our private key and that browser's cookie.
4. `check` asks, once, who came with the ticket. Only what the gateway has signed is read, and it must name this flow's `customData`.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from lxml import etree

from config.identity import Viisp
from integrations import http, xml, xml_signature
from integrations.identity import NotIdentified, Person, Shown, Wish, codes

SOAP, AUTH = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.epaslaugos.lt/services/authentication"
# How it names what is wrong with a question of ours; whatever else it refuses is about the ticket, and so about the person.
OUR_FAULTS = ("invalidSignatureException", "invalidXmlException")


class Gateway:
    """The gateway, as one relying party with its own key."""

    flows: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, config: Viisp) -> None:
        self.name = config.name
        self._config = config
        self._client = http.Client(config.tls)

    def begin(self, wish: Wish) -> dict[str, Any]:
        back = secrets.token_urlsafe(32)
        config = self._config
        question = _question(
            "authenticationRequest",
            ("pid", config.pid),
            *(("authenticationProvider", provider) for provider in config.providers.split()),
            ("authenticationAttribute", "lt-personal-code"),
            ("userInformation", "firstName"),
            ("userInformation", "lastName"),
            ("postbackUrl", wish.callback_url),
            ("customData", back),
        )
        signed, _ = self._ask(question, "authenticationResponse", refused="unavailable")
        ticket = signed.findtext(f"{{{AUTH}}}ticket", "")
        if not ticket:
            raise NotIdentified("unavailable", "no ticket")
        return {"ticket": ticket, "custom_data": back}

    def show(self, state: Mapping[str, Any], elapsed_seconds: int) -> Shown:
        return Shown(go_to=self._config.portal_url, post={"ticket": state["ticket"]})

    def check(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> Person | None:
        """Who came back with the ticket of this flow."""
        if not answer:
            return None
        if not hmac.compare_digest(answer.get("ticket", "").encode(), state["ticket"].encode()):
            raise NotIdentified("unproven", "the ticket of another flow")
        question = _question("authenticationDataRequest", ("pid", self._config.pid), ("ticket", state["ticket"]))
        signed, as_it_came = self._ask(question, "authenticationDataResponse", refused="refused")
        # The answer does not name the ticket: without this one that was given to somebody else would do.
        if not hmac.compare_digest(signed.findtext(f"{{{AUTH}}}customData", "").encode(), state["custom_data"].encode()):
            raise NotIdentified("unproven", "the answer is for another flow")
        if signed.findtext(f"{{{AUTH}}}authenticationProvider") not in self._config.providers.split():
            raise NotIdentified("unsuitable", "proven by a way that was not asked for")
        return self._person(signed, as_it_came)

    def _person(self, signed: etree._Element, as_it_came: str) -> Person:
        told = _pairs(signed, "authenticationAttribute", "attribute", "value")
        spelled = told.get("lt-personal-code", "")
        if not spelled:
            raise NotIdentified("unsuitable", "no Lithuanian personal code")
        try:
            country, code = codes.read(spelled, "LT")
        except ValueError as error:
            raise NotIdentified("unproven", str(error)) from error
        names = _pairs(signed, "userInformation", "information", "value/{*}stringValue")
        return Person(
            self.name, "PNO", code, country=country, first_name=names.get("firstName", ""), last_name=names.get("lastName", ""),
            born_on=codes.born_on(country, code), born_from="code", evidence={"answer": as_it_came},
        )  # fmt: skip

    # ---- questions and answers ----------------------------------------------------------------------------------------

    def _ask(self, question: etree._Element, expected: str, *, refused: str) -> tuple[etree._Element, str]:
        """What the gateway has signed in answer to a question, and the answer with its signature, as evidence.

        `refused`: why nobody is identified where it refuses to answer.
        """
        try:
            gateway_key = xml_signature.read_public_key(self._config.gateway_key)
            xml_signature.sign(question, xml_signature.read_private_key(self._config.key))
            envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soapenv": SOAP})
            etree.SubElement(envelope, f"{{{SOAP}}}Body").append(question)
            headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
            answer = self._client.ask("POST", self._config.base_url, body=etree.tostring(envelope), headers=headers)
            body = xml.parse(answer.body).find(f"{{{SOAP}}}Body")
        except (http.Unreachable, xml.Refused, OSError, ValueError) as error:
            raise NotIdentified("unavailable", f"the gateway: {type(error).__name__} {error}") from error
        children = [] if body is None else list(body)
        if len(children) == 1 and children[0].tag == f"{{{SOAP}}}Fault":
            ours = [name for name in OUR_FAULTS if children[0].find(f".//{{{AUTH}}}{name}") is not None]
            raise NotIdentified("unavailable" if ours else refused, f"the gateway refused: {' '.join(ours) or 'the ticket'}")
        if len(children) != 1 or children[0].tag != f"{{{AUTH}}}{expected}":
            raise NotIdentified("unavailable", f"the gateway: {answer.status} without {expected}")
        try:
            signed = xml_signature.verified(children[0], gateway_key, takes_sha1=self._config.takes_sha1)
        except (xml_signature.Unproven, xml.Refused) as error:
            raise NotIdentified("unproven", f"the gateway's signature: {error}") from error
        return signed, etree.tostring(children[0], encoding="unicode", with_tail=False)


def _question(name: str, *parts: tuple[str, str]) -> etree._Element:
    question = etree.Element(f"{{{AUTH}}}{name}", id="question", nsmap={"authentication": AUTH})
    for part, text in parts:
        etree.SubElement(question, f"{{{AUTH}}}{part}").text = text
    return question


def _pairs(signed: etree._Element, element: str, key: str, value: str) -> dict[str, str]:
    """What is told by name; a name that is told twice, differently, is not told."""
    told: dict[str, str] = {}
    for one in signed.findall(f"{{{AUTH}}}{element}"):
        name, text = one.findtext(f"{{{AUTH}}}{key}", ""), one.findtext(f"{{*}}{value}") or ""
        told[name] = text.strip() if told.get(name, text.strip()) == text.strip() else ""
    return told
