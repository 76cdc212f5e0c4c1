"""Smart-ID: the RP API in its third version (device link, notification) and, by setting only, its second.

Both are described at <https://sk-eid.github.io/smart-id-documentation/>: the order of the checks is theirs.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cryptography import x509

from config import identity as configuration
from integrations import http
from integrations.identity import NotIdentified, Person, Shown, Wish, certificates, revocation, signatures
from integrations.identity.certificates import Profile

QR, SAME_DEVICE, NOTIFICATION = "QR", "Web2App", "Notification"
LANGUAGES = {"lt": "lit", "en": "eng"}
PROTOCOL = "ACSP_V2"
OK = "OK"
# What anybody could learn somebody's account from is one and the same reason.
RESULTS = {
    "USER_REFUSED": "refused", "USER_REFUSED_CERT_CHOICE": "refused", "USER_REFUSED_INTERACTION": "refused",
    "USER_REFUSED_DISPLAYTEXTANDPIN": "refused", "USER_REFUSED_VC_CHOICE": "refused", "USER_REFUSED_CONFIRMATIONMESSAGE": "refused",
    "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE": "refused",
    "TIMEOUT": "timeout",
    "WRONG_VC": "wrong_code",
    "DOCUMENT_UNUSABLE": "unsuitable", "ACCOUNT_UNUSABLE": "unsuitable", "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP": "unsuitable",
    "SERVER_ERROR": "unavailable",
}  # fmt: skip  # PROTOCOL_FAILURE, EXPECTED_LINKED_SESSION and whatever they think of next: "unproven"
LEVELS = {"ADVANCED": 1, "QUALIFIED": 2, "QSCD": 3}
ETSI_QUALIFIED, ETSI_ADVANCED = "0.4.0.2042.1.2", "0.4.0.2042.1.1"
SMART_ID, SMART_ID_BEFORE_2025 = "1.3.6.1.4.1.10015.17", "1.3.6.1.4.1.10015.3.17"
SIGN_IN = "1.3.6.1.4.1.62306.5.7.0"


def _serves(usage: x509.KeyUsage, extended: Any) -> bool:
    """Since April 2025 by a purpose of its own, before by three key usages."""
    return SIGN_IN in extended or (
        certificates.CLIENT_AUTHENTICATION in extended and usage.key_encipherment and usage.data_encipherment
    )  # fmt: skip


_QUALIFIED = tuple(frozenset({f"{arc}.2", ETSI_QUALIFIED}) for arc in (SMART_ID, SMART_ID_BEFORE_2025))
_ADVANCED = tuple(frozenset({f"{arc}.1", ETSI_ADVANCED}) for arc in (SMART_ID, SMART_ID_BEFORE_2025))
PROFILES = {"QUALIFIED": Profile(_QUALIFIED, _serves), "ADVANCED": Profile(_QUALIFIED + _ADVANCED, _serves)}


# ---- what is signed and shown -----------------------------------------------------------------------------------------


def signed_text(state: Mapping[str, Any], signature: Mapping[str, Any], interaction: str) -> str:
    """What the app signs at a sign-in; empty parts stay as empty fields."""
    interactions = hashlib.sha256(state["interactions"].encode()).digest()
    return "|".join(
        (
            state["scheme"], PROTOCOL, signature["serverRandom"], state["challenge"], signature.get("userChallenge", ""),
            _b64(state["relying_party"]), _b64(state["brokered"]), base64.b64encode(interactions).decode(),
            interaction, state["callback"], state["flow"],
        )
    )  # fmt: skip


def device_link(state: Mapping[str, Any], elapsed_seconds: int, session_type: str = "auth") -> str:
    """The link that opens the app, proven to be ours: of a QR code another one each second."""
    is_qr = state["flow"] == QR
    elapsed = {"elapsedSeconds": elapsed_seconds} if is_qr else {}
    words = {"sessionToken": state["token"], "sessionType": session_type, "version": "1.0", "lang": state["language"]}
    link = f"{state['link_base']}?{urlencode({'deviceLinkType': state['flow']} | elapsed | words)}"
    protocol, challenge, interactions = (
        (state["protocol"], state["challenge"], state["interactions"]) if session_type != "cert" else ("",) * 3
    )
    callback = "" if is_qr else state["callback"]
    names = (_b64(state["relying_party"]), _b64(state["brokered"]))
    text = "|".join((state["scheme"], protocol, challenge, *names, interactions, callback, link))
    code = hmac.digest(base64.b64decode(state["secret"]), text.encode(), "sha256")
    return f"{link}&authCode={_b64url(code)}"


def control_code(signed: bytes) -> str:
    """The four digits that the phone shows too."""
    return f"{int.from_bytes(hashlib.sha256(signed).digest()[-2:]) % 10000:04}"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _b64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


class SmartId:
    """`Method` for one relying party."""

    name = "smart_id"

    def __init__(self, settings: configuration.SmartId) -> None:
        self._settings = settings
        self._client, self._authorities = http.Client(settings.tls), http.Client()
        # Pushed at people, a request can be answered by mistake: first what needs the person to be here.
        self.flows: tuple[str, ...] = (NOTIFICATION,) if settings.version == 2 else (QR, SAME_DEVICE, NOTIFICATION)
        self.asks: Mapping[str, tuple[str, ...]] = {QR: (), SAME_DEVICE: (), NOTIFICATION: ("personal_code",)}

    # ---- starting ----

    def begin(self, wish: Wish) -> dict[str, Any]:
        flow = wish.flow or self.flows[0]
        if flow not in self.flows:
            raise NotIdentified("unavailable", f"flow {flow!r} is not offered")
        country = code = ""
        if wish.personal_code or flow == NOTIFICATION:
            country, code = certificates.asked_code(wish.personal_code)
        settings = self._settings
        state: dict[str, Any] = {
            "version": settings.version,
            "flow": flow,
            "person": f"{country}-{code}" if code else "",
            "level": settings.level,
            "scheme": settings.scheme_name,
            "relying_party": settings.relying_party_name,
            "brokered": "",
            "language": LANGUAGES.get(wish.language, "eng"),
        }
        whose = f"etsi/PNO{quote(state['person'])}" if code else "anonymous"
        return self._begin_v2(state, wish.text, whose) if settings.version == 2 else self._begin_v3(state, wish, whose)

    def _begin_v3(self, state: dict[str, Any], wish: Wish, whose: str) -> dict[str, Any]:
        asked: list[dict[str, str]] = [{"type": "displayTextAndPIN", "displayText60": wish.text[:60]}]
        if state["flow"] == NOTIFICATION:
            asked.insert(0, {"type": "confirmationMessageAndVerificationCodeChoice", "displayText200": wish.text[:200]})
        state |= {
            "protocol": PROTOCOL,
            "algorithm": self._settings.signature_algorithm,
            "hash": self._settings.hash_algorithm,
            "challenge": base64.b64encode(secrets.token_bytes(64)).decode(),
            "interactions": _b64(json.dumps(asked, ensure_ascii=False, separators=(",", ":"))),
            "callback": "",
        }
        body = {
            "signatureProtocol": PROTOCOL,
            "signatureProtocolParameters": {
                "rpChallenge": state["challenge"],
                "signatureAlgorithm": state["algorithm"],
                "signatureAlgorithmParameters": {"hashAlgorithm": state["hash"]},
            },
            "interactions": state["interactions"],
        }
        if state["flow"] == NOTIFICATION:
            return state | {"session": self._start(f"authentication/notification/{whose}", body | {"vcType": "numeric4"})["sessionID"]}
        if state["flow"] == SAME_DEVICE:
            state["value"] = secrets.token_urlsafe(24)
            state["callback"] = f"{wish.callback_url}{'&' if urlsplit(wish.callback_url).query else '?'}value={state['value']}"
            body["initialCallbackUrl"] = state["callback"]
        made = self._start(f"authentication/device-link/{whose}", body, "sessionToken", "sessionSecret", "deviceLinkBase")
        session = {"session": made["sessionID"], "token": made["sessionToken"], "secret": made["sessionSecret"]}
        return state | session | {"link_base": made["deviceLinkBase"]}

    def _begin_v2(self, state: dict[str, Any], text: str, whose: str) -> dict[str, Any]:
        state |= {"hash": base64.b64encode(secrets.token_bytes(64)).decode(), "hash_type": "SHA512"}
        order = [
            {"type": "confirmationMessageAndVerificationCodeChoice", "displayText200": text[:200]},
            {"type": "verificationCodeChoice", "displayText60": text[:60]},
            {"type": "displayTextAndPIN", "displayText60": text[:60]},
        ]
        body = {"hash": state["hash"], "hashType": state["hash_type"], "allowedInteractionsOrder": order}
        return state | {"session": self._start(f"authentication/{whose}", body)["sessionID"]}

    def _start(self, path: str, body: Mapping[str, Any], *needed: str) -> dict[str, str]:
        who = {"relyingPartyUUID": self._settings.relying_party_uuid, "relyingPartyName": self._settings.relying_party_name}
        made = self._ask("POST", path, who | {"certificateLevel": self._settings.level} | dict(body), missing="unsuitable")
        if not all(made.get(name) and isinstance(made[name], str) for name in ("sessionID", *needed)):
            raise NotIdentified("unavailable", "a session without its particulars")
        try:
            base64.b64decode(made.get("sessionSecret", ""))
        except ValueError:
            raise NotIdentified("unavailable", "a session whose secret is no base64") from None
        return made

    # ---- waiting ----

    def show(self, state: Mapping[str, Any], elapsed_seconds: int) -> Shown:
        if state["version"] == 2:
            return Shown(code=control_code(base64.b64decode(state["hash"])))
        if state["flow"] == NOTIFICATION:
            return Shown(code=control_code(base64.b64decode(state["challenge"])))
        link = device_link(state, elapsed_seconds)
        return Shown(qr=link) if state["flow"] == QR else Shown(link=link)

    def check(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> Person | None:
        comes_back = state["flow"] == SAME_DEVICE
        if comes_back and answer:
            self._check_callback(state, answer)
        # One second is the shortest that it waits for.
        said = self._ask("GET", f"session/{quote(state['session'], safe='')}?timeoutMs=1000", missing="timeout")
        if said.get("state") == "RUNNING":
            if comes_back and answer:
                raise NotIdentified("unproven", "called back before the end")
            return None
        if comes_back and not answer and _end_result(said) == OK:
            return None  # the browser is on its way back
        return self.verify(state, said, answer)

    def _check_callback(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> None:
        digest = _b64url(hashlib.sha256(base64.b64decode(state["secret"])).digest())
        if not hmac.compare_digest(answer.get("value", "").encode(), state["value"].encode()):
            raise NotIdentified("unproven", "called back for another sign-in")
        if not hmac.compare_digest(answer.get("sessionSecretDigest", "").encode(), digest.encode()):
            raise NotIdentified("unproven", "called back for another session")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, missing: str) -> dict[str, Any]:
        """The object of a good answer. `missing`: what 404 means. Raises NotIdentified."""
        try:
            answer = self._client.ask_json(method, f"{self._settings.base_url}/{path}", body, seconds=4.0)
            if answer.status == 200:
                return answer.json()
        except http.Unreachable as error:
            raise NotIdentified("unavailable", str(error)) from error
        if answer.status in (404, 471, 472):
            raise NotIdentified(missing, f"status {answer.status}")
        raise NotIdentified("unavailable", f"status {answer.status}")  # ours to mend (400, 401, 403, 480), theirs (580), or a fault

    # ---- judging ----

    def verify(
        self, state: Mapping[str, Any], said: Mapping[str, Any], answer: Mapping[str, str] | None = None, at: datetime | None = None
    ) -> Person:
        """Whom a session's answer proves, at that moment: every check that SK asks for, in its order. Raises NotIdentified.

        `answer`: what the browser brought back by a same-device link; None where it is a stored answer, that no browser brought.
        """
        if said.get("state") != "COMPLETE":
            raise NotIdentified("unproven", "not complete")
        result = _end_result(said)
        if result != OK:
            raise NotIdentified(RESULTS.get(result, "unproven"), f"end result {result[:60]}")
        given, signature = _object(said, "cert"), _object(said, "signature")
        if state["version"] == 3:
            _check_shape(state, said, signature)
            if answer is not None and state["flow"] == SAME_DEVICE:
                _check_user_challenge(signature, answer)
        certificate = certificates.read(given.get("value"))
        trust = certificates.trust(self._settings.trust_dir)
        path = certificates.chain(certificate, trust.issuers, at or datetime.now(UTC))
        proofs = revocation.check(path, trust, self._authorities, self._settings.ocsp_url)
        certificates.check_profile(certificate, PROFILES[state["level"]])
        if LEVELS.get(str(given.get("certificateLevel")), 0) < LEVELS[state["level"]]:
            raise NotIdentified("unsuitable", "level too low")
        person = certificates.person(certificate, self.name)
        if state["person"] and state["person"] != f"{person.country}-{person.code}":
            raise NotIdentified("unproven", "another person than asked for")
        if state["version"] == 3:
            if signature.get("flowType") != state["flow"]:
                raise NotIdentified("unproven", "answered in a way that was not offered")
            signed = signed_text(state, signature, said["interactionTypeUsed"])
            signatures.check(certificate, signature, signed.encode(), algorithm=state["algorithm"], hash_name=state["hash"])
        else:
            signed = state["hash"]
            hashed = certificates.decoded(signed)
            signatures.check_hash(certificate, signature.get("value"), signature.get("algorithm"), hashed, state["hash_type"])
        document, named = str(_object(said, "result").get("documentNumber", "")), _document(certificate)
        if state["version"] == 3 and named not in ("", document):
            raise NotIdentified("unproven", "another document than the certificate's")
        return replace(
            person,
            level="high" if _is_qualified(certificate) else "low",
            document=named or document,
            evidence={
                "signed": signed,
                "signature": dict(signature),
                "certificate": given["value"],
                "revocation": [base64.b64encode(proof).decode() for proof in proofs],
            },
        )


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    if not isinstance(found, dict):
        raise NotIdentified("unproven", f"no {name}")
    return found


def _end_result(said: Mapping[str, Any]) -> str:
    return str(_object(said, "result").get("endResult"))


def _check_shape(state: Mapping[str, Any], said: Mapping[str, Any], signature: Mapping[str, Any]) -> None:
    """What goes into the signed text must not be able to hold a "|", nor be anything that we had not offered."""
    if said.get("signatureProtocol") != state["protocol"]:
        raise NotIdentified("unproven", "another protocol than asked for")
    for name, shape in (("serverRandom", r"[A-Za-z0-9+/]{24,}={0,2}"), ("userChallenge", r"[A-Za-z0-9_-]{43}")):
        value = signature.get(name)
        if not isinstance(value, str) or not re.fullmatch(shape, value):
            raise NotIdentified("unproven", f"no {name}")
    offered = [one["type"] for one in json.loads(base64.b64decode(state["interactions"]))]
    if said.get("interactionTypeUsed") not in offered:
        raise NotIdentified("unproven", "the person was asked in a way that was not offered")


def _check_user_challenge(signature: Mapping[str, Any], answer: Mapping[str, str]) -> None:
    """That the browser which came back is the one that the app sent: the app told it alone what hashes to this."""
    hashed = _b64url(hashlib.sha256(answer.get("userChallengeVerifier", "").encode()).digest())
    if not hmac.compare_digest(hashed, signature["userChallenge"]):
        raise NotIdentified("unproven", "called back by another than the app")


def _is_qualified(certificate: x509.Certificate) -> bool:
    policies = certificates.extension(certificate, x509.CertificatePolicies) or ()
    return ETSI_QUALIFIED in {one.policy_identifier.dotted_string for one in policies}


def _document(certificate: x509.Certificate) -> str:
    """The document's number as its issuer wrote it into the certificate: that of the answer is not signed."""
    for name in certificates.extension(certificate, x509.SubjectAlternativeName) or ():
        if isinstance(name, x509.DirectoryName):
            for one in name.value.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
                return str(one.value)
    return ""
