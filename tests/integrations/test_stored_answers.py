"""Real answers of SK's demo services are accepted and refused as their files say, by the code that a sign-in runs.

Whatever `*.json` of these kinds lies in tests/data/smartid and tests/data/mobileid is run, and in ../shared/data where that is there:
the kind is told from what is in the file. Revocation is answered over HTTP by a responder of the tests' own.
"""

import base64
import copy
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config import ROOT, Config, load
from integrations.identity import NotIdentified, certificates, signatures, smart_id, stored
from tests.integrations import responder as responders
from tests.integrations.responder import Responder

DIRS = [base / name for base in (ROOT / "tests" / "data", ROOT.parent / "shared" / "data") for name in ("smartid", "mobileid")]
FILES = sorted({path.name: path for folder in DIRS for path in folder.glob("*.json")}.values())
ANSWERS = {path: read for path in FILES if "state" in (read := json.loads(path.read_text())) or "response" in read}
SIGN_INS = [path for path, answer in ANSWERS.items() if answer.get("expected", {}).get("result") == "ACCEPT"]
FAILED = [path for path, answer in ANSWERS.items() if "state" in answer or answer.get("expected", {}).get("result") == "REJECT"]
SIGNED = [path for path, answer in ANSWERS.items() if "signed_data_utf8" in answer]
LINKS = [path for path in FILES if "vectors" in json.loads(path.read_text())]
TEXTS = [path for path in FILES if "payload" in json.loads(path.read_text())]


def named(path: Path) -> str:
    return path.stem


@pytest.fixture(scope="module")
def responder() -> Iterator[Responder]:
    with responders.served() as served:
        yield served


@pytest.fixture(scope="module")
def config(responder: Responder, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """SK's test issuers, and our responder as one that may speak of them."""
    base = tmp_path_factory.mktemp("demo")
    tables = []
    for method, kind in (("smart_id", "smart-id"), ("mobile_id", "mobile-id")):
        shutil.copytree(ROOT / "config" / "trust" / kind / "demo", base / kind)
        responder.trust_in(base / kind)
        tables.append(f'[{method}]\nmode = "demo"\ntrust_dir = "{base / kind}"\nocsp_url = "{responder.url}"\n')
    (base / "identity.toml").write_text("\n".join(tables))
    return load({"SAVITARNA_DATA_DIR": str(base), "SAVITARNA_IDENTITY": str(base / "identity.toml")})


def judged(config: Config, answer: dict[str, Any], person: str = "") -> Any:
    """The person that it proves, or the reason why it proves nobody."""
    answer = stored.read(json.dumps(answer))
    try:
        return stored.check(answer, config.sign_in_methods("any")[stored.method_of(answer)], person)
    except NotIdentified as no:
        return no.why


def changed(path: Path) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each change that a file lists: its words, the answer with it, for whom the session was then started."""
    answer = ANSWERS[path]
    for one in answer.get("mutations_that_must_be_rejected", []):
        draft = copy.deepcopy(answer)
        *way, last = one["set"].split(".")
        place = draft
        for name in way:
            place = place[name]
        place[last] = one["to"]
        yield f"{one['set']} = {one['to']}", draft, ""
    for one in answer.get("must_be_rejected", []):
        draft, person = copy.deepcopy(answer), ""
        if isinstance(one, str):
            person = _change_by_words(draft, one)
        else:
            person = one.get("expected_person", "")
            draft |= {name: one[name] for name in ("hash_base64", "hashType") if name in one}
            if "signature" in one:
                draft["response"]["signature"]["value"] = one["signature"]
            if "cert" in one:
                pem = (path.parent / re.search(r"[\w.-]+\.pem", one["cert"])[0]).read_text()
                draft["response"]["cert"] = "".join(pem.split("-----")[2].split())
        assert draft != answer or person, one
        yield str(one), draft, person


def _change_by_words(draft: dict[str, Any], words: str) -> str:
    if found := re.fullmatch(r'hash replaced by SHA-(\d+) of "(.*)"', words):
        draft["hash_base64"] = base64.b64encode(hashlib.new(f"sha{found[1]}", found[2].encode()).digest()).decode()
        return ""
    if found := re.fullmatch(r"hashType (\w+)", words):
        draft["hashType"] = found[1]
        return ""
    assert re.match(r"expected person other than (\S+)", words), words
    return "PNOLT-40404040009"


# ---- sign-ins ---------------------------------------------------------------------------------------------------------


def test_there_is_something_to_judge() -> None:
    assert len(SIGN_INS) >= 3
    assert len(FAILED) >= 2
    assert len(SIGNED) >= 1
    assert len(LINKS) >= 1


@pytest.mark.parametrize("path", SIGN_INS, ids=named)
def test_a_real_answer_proves_who_it_says(config: Config, path: Path) -> None:
    expected = ANSWERS[path]["expected"]
    person, identity = judged(config, ANSWERS[path]), expected["identity"]
    assert not isinstance(person, str), person
    serial = identity["serialNumber"]
    assert f"PNO{person.country}-{person.code}" == (serial if serial.startswith("PNO") else f"PNO{identity['country']}-{serial}")
    assert (person.first_name, person.last_name) == (identity["givenName"], identity["surname"])
    assert identity.get("dateOfBirth", str(person.born_on)) == str(person.born_on)
    code = expected.get("verification_code") or expected.get("verification_code_shown_by_rp")
    assert stored.control_code(ANSWERS[path]) == (code or "")
    assert person.evidence["certificate"]


@pytest.mark.filterwarnings("ignore:Attribute's length")  # of the certificate that a change puts in
@pytest.mark.parametrize("path", SIGN_INS, ids=named)
def test_the_same_answer_with_any_listed_change_proves_nobody(config: Config, path: Path) -> None:
    for words, answer, person in changed(path):
        assert isinstance(judged(config, answer, person), str), words


@pytest.mark.parametrize("path", SIGN_INS, ids=named)
def test_with_only_the_live_issuers_it_proves_nobody(tmp_path: Path, config: Config, path: Path, responder: Responder) -> None:
    answer = stored.read(json.dumps(ANSWERS[path]))
    settings = config.sign_in_methods("any")[stored.method_of(answer)]
    live = ROOT / "config" / "trust" / settings.KIND / "live"
    with pytest.raises(NotIdentified, match="untrusted issuer"):
        stored.check(answer, replace(settings, trust_dir=str(live)))


@pytest.mark.parametrize("path", FAILED, ids=named)
def test_what_is_to_be_refused_proves_nobody_and_a_failed_session_says_why_in_a_word(config: Config, path: Path) -> None:
    said = judged(config, ANSWERS[path])
    assert isinstance(said, str)
    result = stored.read(json.dumps(ANSWERS[path]))["response"].get("result")
    ended = result.get("endResult") if isinstance(result, dict) else result
    assert said == {"USER_REFUSED": "refused", "TIMEOUT": "timeout", "DOCUMENT_UNUSABLE": "unsuitable", "WRONG_VC": "wrong_code"}.get(
        ended, said
    )


# ---- what else is signed, shown and linked ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", SIGNED, ids=named)
def test_a_signature_holds_over_what_was_signed_alone_and_signs_nobody_in(config: Config, path: Path) -> None:
    answer = ANSWERS[path]
    signature, certificate = answer["response"]["signature"], certificates.read(answer["response"]["cert"]["value"])
    how = {
        "algorithm": signature["signatureAlgorithm"],
        "hash_name": signature.get("signatureAlgorithmParameters", {}).get("hashAlgorithm", ""),
    }
    text = answer["signed_data_utf8"].encode()
    signatures.check(certificate, signature, text, **how)
    with pytest.raises(NotIdentified, match="does not hold"):
        signatures.check(certificate, signature, text + b"5", **how)
    assert judged(config, answer) == "unproven"


@pytest.mark.parametrize("path", LINKS, ids=named)
def test_device_links_carry_the_code_that_proves_them_ours(path: Path) -> None:
    """All nine of the documentation."""
    given = json.loads(path.read_text())
    for one in given["vectors"]:
        link, kind = one["unprotected_link"], one["sessionType"]
        state = {
            "scheme": given["schemeName"], "relying_party": given["relyingPartyName"], "brokered": given["brokeredRpName"],
            "flow": one["deviceLinkType"], "token": given["sessionToken"], "secret": given["sessionSecret"], "language": "eng",
            "protocol": "ACSP_V2" if kind == "auth" else "RAW_DIGEST_SIGNATURE", "interactions": given["interactions"],
            "challenge": given["rpChallenge"] if kind == "auth" else given["digest"], "callback": given["initialCallbackUrl"],
            "link_base": link.partition("?")[0],
        }  # fmt: skip
        assert smart_id.device_link(state, given["elapsedSeconds_for_QR"], kind) == one["full_link"]


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_the_signed_text_is_spelled_as_the_documentation_has_it(path: Path) -> None:
    given = json.loads(path.read_text())
    state = {
        "scheme": given["schemeName"], "relying_party": given["relyingPartyName"], "brokered": given["brokeredRpName"],
        "challenge": given["rpChallenge"], "interactions": given["interactions"], "callback": given["initialCallbackUrl"],
        "flow": given["flowType"],
    }  # fmt: skip
    assert smart_id.signed_text(state, given, given["interactionTypeUsed"]) == given["payload"]
