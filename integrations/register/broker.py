"""The broker of the State Enterprise Centre of Registers: signed calls, by SOAP or by plain form, one for each company."""

import base64
import binascii
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from config.register import Register
from integrations import http, xml
from integrations.register import extract
from integrations.register.entries import Entry, Unavailable, Unread

log = logging.getLogger(__name__)

HASHES: dict[str, hashes.HashAlgorithm] = {"SHA-256": hashes.SHA256(), "SHA-1": hashes.SHA1()}  # noqa: S303 - where the broker wants it
VILNIUS = ZoneInfo("Europe/Vilnius")
SECONDS = 20.0
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:urn="urn:http://www.registrucentras.lt"><soapenv:Header/><soapenv:Body>'
    '<urn:GetData soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">'
    '<input xsi:type="reg:InputParams" xmlns:reg="http://www.registrucentras.lt">{fields}</input>'
    "</urn:GetData></soapenv:Body></soapenv:Envelope>"
)


class Broker:
    """Asks for the extract of each company. What answers only that it will not say so is `Unread`; nobody there, `Unavailable`."""

    source = "broker"

    def __init__(self, settings: Register) -> None:
        self.settings = settings
        self.client = http.Client(settings.tls)

    def entries(self, codes: Sequence[str]) -> Iterator[Entry | Unread]:
        try:
            key = serialization.load_pem_private_key(Path(self.settings.private_key).read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise Unavailable(f"the private key cannot be read ({type(error).__name__})") from error
        assert isinstance(key, rsa.RSAPrivateKey), "the configuration has looked"
        for code in codes:
            yield self._entry(code, key)

    def _entry(self, code: str, key: rsa.RSAPrivateKey) -> Entry | Unread:
        if not re.fullmatch(r"\d{6,12}", code):
            return Unread(code, "refused", "not a code of the register")
        status, content = self._answer(self._call(code, key))
        if status != "1":
            return Unread(code, "refused", f"ResponseCode {status}")
        try:
            found = extract.entries(base64.b64decode("".join(content.split()), validate=True), self.settings.head_types)
        except (binascii.Error, ValueError, extract.Unreadable) as error:
            return Unread(code, "unreadable", str(error))
        # An extract may speak of others too; one that does not speak of whom we asked for is somebody else's.
        return next((entry for entry in found if entry.code == code), Unread(code, "another"))

    def _call(self, code: str, key: rsa.RSAPrivateKey) -> dict[str, str]:
        """The fields of a call, signed over all that matters, in this order."""
        fields = {
            "ActionType": str(self.settings.action),
            "CallerCode": self.settings.caller,
            "Parameters": f"<args><obj_kodas>{code}</obj_kodas><fmt>xml</fmt></args>",
            "Time": datetime.now(VILNIUS).strftime("%Y-%m-%d %H:%M:%S%f")[:-4],
        }
        signature = key.sign("".join(fields.values()).encode(), padding.PKCS1v15(), HASHES[self.settings.hash])
        return fields | {"Signature": base64.b64encode(signature).decode()}

    def _answer(self, fields: dict[str, str]) -> tuple[str, str]:
        """ResponseCode and ResponseData. Raises Unavailable: an error page and a fault say nothing of any company."""
        try:
            if self.settings.shape == "soap":
                inner = "".join(f'<{name} xsi:type="xsd:string">{escape(value)}</{name}>' for name, value in fields.items())
                body, headers = ENVELOPE.format(fields=inner).encode(), {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
                answer = self.client.ask("POST", self.settings.base_url, body=body, headers=headers, seconds=SECONDS)
            else:
                answer = self.client.ask("POST", self.settings.base_url, fields=fields, seconds=SECONDS)
            said = {_local(one): (one.text or "").strip() for one in xml.parse(answer.body).iter()}
        except http.Unreachable as error:
            raise Unavailable(str(error)) from error
        except xml.Refused as no:
            raise Unavailable(f"{answer.status}, not XML that we read: {no.reason}") from no
        if answer.status != 200 or "ResponseCode" not in said:
            log.warning("The register answered %s: %s", answer.status, said.get("faultstring", "")[:200])
            raise Unavailable(f"{answer.status}, no ResponseCode")
        return said["ResponseCode"], said.get("ResponseData", "")


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
