"""Whether a relying party has asked as SK's interfaces have it: what the real services answer with 400, the acted ones do too."""

import base64
import binascii
import json
import re
from typing import Any

from integrations.identity import signatures

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CALLBACK = r"https?://[^|#]{1,1790}"  # the real ones take https alone
ALGORITHMS = {signatures.PSS, "sha256WithRSAEncryption", "sha384WithRSAEncryption", "sha512WithRSAEncryption"}
SIZES = {"SHA256": 32, "SHA384": 48, "SHA512": 64}
FOR_ALL, FOR_PUSHED = {"displayTextAndPIN": 60, "confirmationMessage": 200}, {"confirmationMessageAndVerificationCodeChoice": 200}
IN_V2 = FOR_ALL | FOR_PUSHED | {"verificationCodeChoice": 60}
LANGUAGES = {"EST", "ENG", "RUS", "LIT"}


def is_v3(asked: Any, *, is_link: bool) -> bool:
    """An authentication by device link or by notification."""
    try:
        wanted = asked["signatureProtocolParameters"]
        callback = asked.get("initialCallbackUrl")
        return (
            _is_party(asked)
            and asked["signatureProtocol"] == "ACSP_V2"
            and 32 <= len(base64.b64decode(wanted["rpChallenge"], validate=True)) <= 64
            and wanted["signatureAlgorithm"] in ALGORITHMS
            and wanted["signatureAlgorithmParameters"]["hashAlgorithm"] in signatures.HASHES
            and _are_interactions(json.loads(base64.b64decode(asked["interactions"])), FOR_ALL if is_link else FOR_ALL | FOR_PUSHED)
            and (callback is None or (is_link and bool(re.fullmatch(CALLBACK, callback))))
            and asked.get("vcType") == (None if is_link else "numeric4")
            and "nonce" not in asked
        )
    except (KeyError, TypeError, ValueError, binascii.Error):
        return False


def is_v2(asked: Any) -> bool:
    """An authentication of the version before."""
    try:
        return _is_party(asked) and _is_hashed(asked) and _are_interactions(asked["allowedInteractionsOrder"], IN_V2)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return False


def is_mobile(asked: Any) -> bool:
    """An authentication by Mobile-ID."""
    try:
        most = {"GSM-7": 100, "UCS-2": 50}[asked["displayTextFormat"]]
        return (
            _is_party(asked)
            and _is_hashed(asked)
            and bool(re.fullmatch(r"\+37[02][0-9]{7,8}", asked["phoneNumber"]))
            and bool(re.fullmatch(r"[0-9]{11}", asked["nationalIdentityNumber"]))
            and asked["language"] in LANGUAGES
            and 0 < len(asked["displayText"]) <= most
        )
    except (KeyError, TypeError, ValueError, binascii.Error):
        return False


def _is_party(asked: Any) -> bool:
    level = asked.get("certificateLevel", "QUALIFIED")
    return bool(re.fullmatch(UUID, asked["relyingPartyUUID"])) and bool(asked["relyingPartyName"]) and level in ("QUALIFIED", "ADVANCED")


def _is_hashed(asked: Any) -> bool:
    return len(base64.b64decode(asked["hash"], validate=True)) == SIZES[asked["hashType"]]


def _are_interactions(given: Any, allowed: dict[str, int]) -> bool:
    return bool(given) and all(0 < len(one[f"displayText{allowed[one['type']]}"]) <= allowed[one["type"]] for one in given)
