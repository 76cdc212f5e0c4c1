"""Mobile-ID against the simulator, over HTTP. T57."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from config import Config
from integrations import http
from integrations.identity import NotIdentified, Person, Wish, mobile_id as module
from integrations.identity.mobile_id import MobileId

ONA, KADRI = ("LT-40404040009", "+37060000001"), ("EE-60001019906", "+37260000006")
POOL = urllib3.PoolManager()


class Mobile:
    """Mobile-ID as configured, and the phones."""

    def __init__(self, config: Config) -> None:
        self.url = f"{config.place.simulators_url}/sk"
        self.method = MobileId(config.sign_in_methods("any")["mobile_id"])

    def begin(self, who: tuple[str, str] = ONA, **wish: str) -> dict[str, Any]:
        return self.method.begin(replace(Wish(text="Prisijungti prie savitarnos"), personal_code=who[0], phone=who[1], **wish))

    def decide(self, state: Mapping[str, Any], deed: str = "confirm", **fields: str) -> None:
        url = f"{self.url}/phone/{state['session']}"
        assert POOL.request("POST", url, fields={"deed": deed} | fields, encode_multipart=False, redirect=False).status == 303

    def said(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return POOL.request("GET", f"{self.url}/mid-api/authentication/session/{state['session']}").json()


@pytest.fixture(scope="module")
def mobile(simulated: Config) -> Mobile:
    return Mobile(simulated)


@pytest.fixture(scope="module")
def answered(mobile: Mobile) -> tuple[dict[str, Any], dict[str, Any]]:
    state = mobile.begin()
    mobile.decide(state)
    return state, mobile.said(state)


def who(person: Person | None) -> str:
    assert person
    return f"{person.country}-{person.code}"


@pytest.mark.parametrize("somebody", [ONA, KADRI])
def test_a_phone_shows_the_code_and_signs_its_owner_in(mobile: Mobile, somebody: tuple[str, str]) -> None:
    state = mobile.begin(somebody)
    assert mobile.method.check(state, {}) is None
    code = mobile.method.show(state, 0).code
    assert code.encode() in POOL.request("GET", f"{mobile.url}/phone/{state['session']}").data
    mobile.decide(state)
    person = mobile.method.check(state, {})
    assert who(person) == somebody[0]
    assert person.level == "high"
    assert json.dumps(dict(person.evidence))


def test_the_control_code_is_the_first_six_bits_and_the_last_seven() -> None:
    assert module.control_code(bytes.fromhex("2c9d") + bytes(30) + bytes.fromhex("85b6")) == "1462"
    assert module.control_code(bytes(31) + b"\x07") == "0007"
    assert module.control_code(b"\xff" * 32) == "8191"


@pytest.mark.parametrize(
    ("phone", "language", "text", "asked"),
    [
        ("+37060000001", "lt", "Prisijungti", ("LIT", "GSM-7", "Prisijungti")),
        ("+37060000001", "en", "Sign in", ("ENG", "GSM-7", "Sign in")),
        ("+37260000006", "lt", "Prisijungti", ("ENG", "GSM-7", "Prisijungti")),
        ("+37060000001", "lt", "Šilumos tiekėjas", ("LIT", "UCS-2", "Šilumos tiekėjas")),
        ("+37060000001", "lt", "ž" * 60, ("LIT", "UCS-2", "ž" * 50)),
        ("+37060000001", "lt", "z" * 120, ("LIT", "GSM-7", "z" * 100)),
    ],
)
def test_the_phone_is_asked_in_words_it_can_show(
    mobile: Mobile, monkeypatch: pytest.MonkeyPatch, phone: str, language: str, text: str, asked: tuple[str, str, str]
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(
        http.Client, "ask_json", lambda _, __, ___, body, **____: sent.append(body) or http.Answer(200, b'{"sessionID": "x"}', {})
    )
    mobile.begin(("LT-40404040009", phone), language=language, text=text)
    assert (sent[0]["language"], sent[0]["displayTextFormat"], sent[0]["displayText"]) == asked


def test_a_code_that_cannot_be_is_refused_before_anybody_is_asked(mobile: Mobile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(http.Client, "ask_json")
    for code in ("LT-40404040008", "40404040009", ""):
        with pytest.raises(NotIdentified) as no:
            mobile.begin((code, "+37060000001"))
        assert no.value.why == "unsuitable"


def test_a_number_that_is_not_theirs_is_refused_like_one_without_mobile_id(mobile: Mobile) -> None:
    for somebody in (("LT-40404040009", "+37060000002"), ("LT-39001010077", "+37060000001")):
        state = mobile.begin(somebody)
        with pytest.raises(NotIdentified) as no:
            mobile.method.check(state, {})
        assert no.value.why == "unsuitable"


@pytest.mark.parametrize("result", [*module.RESULTS, "SIGNATURE_HASH_MISMATCH", "A_NEW_ONE"])
def test_every_result_of_the_interface_has_its_reason(mobile: Mobile, result: str) -> None:
    state = mobile.begin()
    mobile.decide(state, result)
    with pytest.raises(NotIdentified) as no:
        mobile.method.check(state, {})
    assert no.value.why == module.RESULTS.get(result, "unproven")


def test_a_result_may_be_an_object(mobile: Mobile, answered: tuple[dict[str, Any], dict[str, Any]]) -> None:
    with pytest.raises(NotIdentified) as no:
        mobile.method.verify(answered[0], answered[1] | {"result": {"endResult": "DOCUMENT_UNUSABLE"}})
    assert no.value.why == "unsuitable"


@pytest.mark.parametrize(
    ("wrong", "why", "detail"),
    [
        ("other_person", "unproven", "another person"),
        ("expired", "unsuitable", "is not valid at"),
        ("revoked", "unsuitable", "has been revoked"),
        ("silent", "unavailable", "is unknown"),
        ("untrusted", "unproven", "untrusted issuer"),
        ("signing_certificate", "unsuitable", "policies"),
        ("wrong_challenge", "unproven", "does not hold"),
        ("broken_signature", "unproven", "does not hold"),
        ("unknown_result", "unproven", "result"),
    ],
)
def test_an_answer_that_does_not_hold_proves_nobody(mobile: Mobile, wrong: str, why: str, detail: str) -> None:
    state = mobile.begin()
    mobile.decide(state, wrong=wrong)
    with pytest.raises(NotIdentified, match=detail) as no:
        mobile.method.check(state, {})
    assert no.value.why == why


def test_a_replayed_answer_proves_nobody(mobile: Mobile, answered: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert who(mobile.method.verify(*answered)) == ONA[0]
    with pytest.raises(NotIdentified, match="does not hold"):
        mobile.method.verify(mobile.begin(), answered[1])


@pytest.mark.parametrize(
    "change",
    [
        {"state": None}, {"state": "DONE"}, {"result": None}, {"signature": None}, {"cert": None}, {"cert": {"value": "x"}},
        {"signature": {"value": None, "algorithm": "SHA512WithECEncryption"}},
        {"signature": {"value": "QUJD", "algorithm": "SHA512WithECEncryption"}},
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_proves_nobody(
    mobile: Mobile, answered: tuple[dict[str, Any], dict[str, Any]], change: dict[str, Any]
) -> None:
    with pytest.raises(NotIdentified):
        mobile.method.verify(answered[0], answered[1] | change)


def test_a_signature_is_as_long_as_its_key(mobile: Mobile, answered: tuple[dict[str, Any], dict[str, Any]]) -> None:
    value = base64.b64decode(answered[1]["signature"]["value"])
    longer = base64.b64encode(value[:32] + b"\0" + value[32:]).decode()
    with pytest.raises(NotIdentified, match="as long as its key"):
        mobile.method.verify(answered[0], answered[1] | {"signature": answered[1]["signature"] | {"value": longer}})


@pytest.mark.parametrize("algorithm", ["SHA256WithECEncryption", "SHA512WithRSAEncryption", "SHA512", None])
def test_an_algorithm_that_is_not_its_keys_or_hashes_proves_nobody(
    mobile: Mobile, answered: tuple[dict[str, Any], dict[str, Any]], algorithm: str | None
) -> None:
    with pytest.raises(NotIdentified, match="algorithm"):
        mobile.method.verify(answered[0], answered[1] | {"signature": answered[1]["signature"] | {"algorithm": algorithm}})


def test_what_the_answer_says_besides_is_ignored(mobile: Mobile, answered: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert who(mobile.method.verify(answered[0], answered[1] | {"unknownField": 1})) == ONA[0]


@pytest.mark.parametrize(
    ("status", "why"), [(400, "unavailable"), (401, "unavailable"), (404, "unsuitable"), (405, "unavailable"), (500, "unavailable")]
)
def test_each_refusal_to_begin_has_its_reason(mobile: Mobile, monkeypatch: pytest.MonkeyPatch, status: int, why: str) -> None:
    monkeypatch.setattr(http.Client, "ask_json", lambda *_, **__: http.Answer(status, b"{}", {}))
    with pytest.raises(NotIdentified) as no:
        mobile.begin()
    assert no.value.why == why
