"""Answers of Smart-ID and Mobile-ID that were kept in a file, judged by the same code as those that have just come.

A file is a JSON object: the session's answer (`response`, or the object itself), and what the relying party had asked: `rp_context` of
Smart-ID v3, `hash_base64` and `hashType` of Smart-ID v2 and Mobile-ID. `expected.identity` may say for whom the session was started.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from config import identity as configuration
from integrations.identity import Person, certificates, mobile_id, smart_id
from integrations.identity.mobile_id import MobileId
from integrations.identity.smart_id import SmartId


class Unknown(ValueError):
    """Not a stored answer."""


def read(text: str) -> dict[str, Any]:
    """The file as an object with a `response`. Raises Unknown."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Unknown("not JSON") from error
    if isinstance(found, dict) and "state" in found:
        found = {"response": found}
    if not isinstance(found, dict) or not isinstance(found.get("response"), dict):
        raise Unknown("no session's answer in it: an object with state and result, or one with response")
    return found


def method_of(stored: Mapping[str, Any]) -> str:
    """The name of the method that such an answer is of."""
    said = stored["response"]
    return "mobile_id" if isinstance(said.get("cert"), str) or isinstance(said.get("result"), str) else "smart_id"


def control_code(stored: Mapping[str, Any]) -> str:
    """The four digits that were shown; empty where there were none."""
    context = stored.get("rp_context")
    if context:
        return smart_id.control_code(_bytes(context["rpChallenge"])) if _flow(stored) == smart_id.NOTIFICATION else ""
    hashed = _bytes(stored.get("hash_base64", ""))
    code = mobile_id.control_code if method_of(stored) == "mobile_id" else smart_id.control_code
    return code(hashed) if hashed else ""


def check(stored: Mapping[str, Any], settings: configuration.Method, person: str = "", at: datetime | None = None) -> Person:
    """Whom it proves. `person`: for whom the session was started ("PNOLT-40404040009"; empty: as the file says, or whoever it was).

    Raises NotIdentified.
    """
    state: dict[str, Any] = {"person": (person or _expected(stored)).removeprefix("PNO")}
    if isinstance(settings, configuration.MobileId):
        state |= {"hash": stored.get("hash_base64", ""), "hash_type": stored.get("hashType", "")}
        return MobileId(settings).verify(state, stored["response"], at)
    assert isinstance(settings, configuration.SmartId)
    if "hash_base64" in stored:
        state |= {"version": 2, "flow": smart_id.NOTIFICATION, "level": settings.level}
        state |= {"hash": stored["hash_base64"], "hash_type": stored.get("hashType", "")}
        return SmartId(replace(settings, version=2)).verify(state, stored["response"], None, at)
    context = {name: value for name, value in stored.get("rp_context", {}).items() if value is not None}
    signature = stored["response"].get("signature")
    made = signature if isinstance(signature, dict) else {}
    parameters = made.get("signatureAlgorithmParameters") or {}
    state |= {
        "version": 3,
        "protocol": smart_id.PROTOCOL,
        "flow": _flow(stored),
        "level": context.get("certificateLevelRequested", settings.level),
        "scheme": context.get("schemeName", settings.scheme_name),
        "relying_party": context.get("relyingPartyName", settings.relying_party_name),
        "brokered": context.get("brokeredRpName", ""),
        "challenge": context.get("rpChallenge", ""),
        "interactions": context.get("interactions", "W10="),
        "callback": context.get("initialCallbackUrl", ""),
        # What was asked for, where the file keeps it; an answer cannot show that by itself.
        "algorithm": context.get("signatureAlgorithm", made.get("signatureAlgorithm")),
        "hash": context.get("hashAlgorithm", parameters.get("hashAlgorithm")),
    }
    verifier = context.get("userChallengeVerifier")
    return SmartId(settings).verify(state, stored["response"], {"userChallengeVerifier": verifier} if verifier else None, at)


def _flow(stored: Mapping[str, Any]) -> str:
    signature = stored["response"].get("signature")
    return str(stored.get("rp_context", {}).get("flowType") or (signature.get("flowType") if isinstance(signature, dict) else ""))


def _expected(stored: Mapping[str, Any]) -> str:
    expected = stored.get("expected")
    identity = expected.get("identity") if isinstance(expected, dict) else None
    if not isinstance(identity, dict):
        return str(identity or "")
    serial = str(identity.get("serialNumber", ""))
    return serial if not serial or serial.startswith("PNO") else f"PNO{identity.get('country', 'EE')}-{serial}"


def _bytes(text: str) -> bytes:
    return certificates.decoded(text) if text else b""
