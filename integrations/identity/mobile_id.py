"""Mobile-ID by its REST interface, as <https://github.com/SK-EID/MID> describes it."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from cryptography import x509

from config import identity as configuration
from integrations import http
from integrations.identity import NotIdentified, Person, Shown, Wish, certificates, revocation, signatures
from integrations.identity.certificates import Profile

OK = "OK"
RESULTS = {
    "USER_CANCELLED": "refused",
    "TIMEOUT": "timeout", "EXPIRED_TRANSACTION": "timeout", "PHONE_ABSENT": "timeout",
    "NOT_MID_CLIENT": "unsuitable", "SIM_ERROR": "unsuitable", "MID_NOT_READY": "unsuitable", "DOCUMENT_UNUSABLE": "unsuitable",
    "DELIVERY_ERROR": "unavailable", "ERROR": "unavailable",
}  # fmt: skip  # SIGNATURE_HASH_MISMATCH and whatever they think of next: "unproven"
# The phone's country decides: another language than its own is shown in English there anyway.
LANGUAGES = {("lt", "+370"): "LIT"}
MOST_GSM, MOST_UNICODE = 100, 50
ETSI_QUALIFIED = "0.4.0.2042.1.2"


def _serves(usage: x509.KeyUsage, extended: Any) -> bool:
    """Mobile-ID names no purpose; where one is named, it must be this."""
    return not extended or certificates.CLIENT_AUTHENTICATION in extended


PROFILE = Profile((frozenset({ETSI_QUALIFIED}),), _serves)


def control_code(hashed: bytes) -> str:
    """The four digits that the phone shows too: the first six bits and the last seven."""
    return f"{(hashed[0] >> 2) << 7 | hashed[-1] & 0x7F:04}"


class MobileId:
    """`Method` for one relying party."""

    name = "mobile_id"
    flows: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, ...]] = {"": ("personal_code", "phone")}

    def __init__(self, settings: configuration.MobileId) -> None:
        self._settings = settings
        self._client, self._authorities = http.Client(settings.tls), http.Client()

    def begin(self, wish: Wish) -> dict[str, Any]:
        country, code = certificates.asked_code(wish.personal_code)
        # A random hash of nothing: to have signed it is to be here now.
        state = {"hash": base64.b64encode(secrets.token_bytes(64)).decode(), "hash_type": "SHA512", "person": f"{country}-{code}"}
        is_plain = wish.text.isascii()  # letters with marks would become spaces in the phone's own alphabet
        body = {
            "relyingPartyUUID": self._settings.relying_party_uuid,
            "relyingPartyName": self._settings.relying_party_name,
            "phoneNumber": wish.phone,
            "nationalIdentityNumber": code,
            "hash": state["hash"],
            "hashType": state["hash_type"],
            "language": LANGUAGES.get((wish.language, wish.phone[:4]), "ENG"),
            "displayText": wish.text[: MOST_GSM if is_plain else MOST_UNICODE],
            "displayTextFormat": "GSM-7" if is_plain else "UCS-2",
        }
        made = self._ask("POST", "authentication", body, missing="unsuitable")
        if not isinstance(made.get("sessionID"), str):
            raise NotIdentified("unavailable", "a session without its number")
        return state | {"session": made["sessionID"]}

    def show(self, state: Mapping[str, Any], elapsed_seconds: int) -> Shown:
        return Shown(code=control_code(base64.b64decode(state["hash"])))

    def check(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> Person | None:
        said = self._ask("GET", f"authentication/session/{quote(state['session'], safe='')}?timeoutMs=1000", missing="timeout")
        return None if said.get("state") == "RUNNING" else self.verify(state, said)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, missing: str) -> dict[str, Any]:
        try:
            answer = self._client.ask_json(method, f"{self._settings.base_url}/{path}", body, seconds=4.0)
            if answer.status == 200:
                return answer.json()
        except http.Unreachable as error:
            raise NotIdentified("unavailable", str(error)) from error
        raise NotIdentified(missing if answer.status == 404 else "unavailable", f"status {answer.status}")

    def verify(self, state: Mapping[str, Any], said: Mapping[str, Any], at: datetime | None = None) -> Person:
        """Whom a session's answer proves, at that moment. Raises NotIdentified."""
        if said.get("state") != "COMPLETE":
            raise NotIdentified("unproven", "not complete")
        result = said.get("result")
        result = str(result.get("endResult") if isinstance(result, dict) else result)
        if result != OK:
            raise NotIdentified(RESULTS.get(result, "unproven"), f"result {result[:60]}")
        signature = said.get("signature")
        if not isinstance(signature, dict):
            raise NotIdentified("unproven", "no signature")
        certificate = certificates.read(said.get("cert"))
        trust = certificates.trust(self._settings.trust_dir)
        path = certificates.chain(certificate, trust.issuers, at or datetime.now(UTC))
        proofs = revocation.check(path, trust, self._authorities, self._settings.ocsp_url)
        certificates.check_profile(certificate, PROFILE)
        person = certificates.person(certificate, self.name)
        if state["person"] and state["person"] != f"{person.country}-{person.code}":
            raise NotIdentified("unproven", "another person than asked for")
        hashed = certificates.decoded(state["hash"])
        signatures.check_hash(certificate, signature.get("value"), signature.get("algorithm"), hashed, state["hash_type"])
        return replace(
            person,
            evidence={
                "signed": state["hash"],
                "signature": dict(signature),
                "certificate": said["cert"],
                "revocation": [base64.b64encode(proof).decode() for proof in proofs],
            },
        )
