"""Smart-ID against the simulator, over HTTP: every way in, and every answer that must be refused. T57."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import urllib3

from config import Config
from integrations import http
from integrations.identity import NotIdentified, Person, Wish, smart_id as module
from integrations.identity.smart_id import SmartId

ONA, JONAS = "LT-40404040009", "LT-30303039914"
WISH = Wish(text="Prisijungti prie savitarnos", callback_url="https://my.example.lt/identity/back?flow=1")
POOL = urllib3.PoolManager()


class Sk:
    """Smart-ID as configured, and the phones."""

    def __init__(self, config: Config, **settings: Any) -> None:
        self.url = f"{config.place.simulators_url}/sk"
        self.settings = replace(config.sign_in_methods("any")["smart_id"], **settings)
        if self.settings.version == 2:
            self.settings = replace(self.settings, base_url=f"{self.url}/smart-id-rp/v2")
        self.method = SmartId(self.settings)

    def begin(self, flow: str = "Notification", person: str = ONA) -> dict[str, Any]:
        return self.method.begin(replace(WISH, flow=flow, personal_code=person))

    def open(self, state: Mapping[str, Any]) -> None:
        """Follow the device link, as the app does."""
        shown = self.method.show(state, 0)
        assert POOL.request("GET", shown.qr or shown.link, redirect=False).status == 302

    def decide(self, state: Mapping[str, Any], deed: str = "confirm", **fields: str) -> dict[str, str]:
        """What somebody does on the phone; returns what the browser brings back from there."""
        answer = POOL.request(
            "POST", f"{self.url}/phone/{state['session']}", fields={"deed": deed} | fields, encode_multipart=False, redirect=False
        )
        assert answer.status == 303
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def said(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What the service answers about the session."""
        return POOL.request("GET", f"{self.settings.base_url}/session/{state['session']}").json()

    def refused(self, state: Mapping[str, Any], answer: Mapping[str, str] | None = None) -> str:
        """Why the person was not identified."""
        with pytest.raises(NotIdentified) as no:
            self.method.check(state, answer or {})
        return no.value.why


@pytest.fixture(scope="module")
def sk(simulated: Config) -> Sk:
    return Sk(simulated)


def who(person: Person | None) -> str:
    assert person
    return f"{person.country}-{person.code}"


# ---- every way in -----------------------------------------------------------------------------------------------------


def test_a_notification_shows_the_code_and_signs_in_whom_it_was_sent_to(sk: Sk) -> None:
    """AG-09"""
    state = sk.begin()
    code = sk.method.show(state, 0).code
    assert re.fullmatch(r"[0-9]{4}", code)
    assert sk.method.check(state, {}) is None
    sk.decide(state, f"code:{code}")
    person = sk.method.check(state, {})
    assert who(person) == ONA
    assert (person.first_name, person.last_name) == ("Ona", "Pavyzdienė")
    assert (person.level, person.born_from, person.document) == ("high", "certificate", "PNOLT-40404040009-SIMU-Q")
    assert set(person.evidence) == {"signed", "signature", "certificate", "revocation"}
    assert json.dumps(dict(person.evidence))


def test_a_qr_code_changes_each_second_and_signs_in_whoever_scans_it(sk: Sk) -> None:
    state = sk.begin("QR", "")
    first, second = (sk.method.show(state, seconds).qr for seconds in (0, 1))
    assert first != second
    assert "elapsedSeconds=1&" in second
    assert state["secret"] not in first
    sk.open(state)
    sk.decide(state, person=JONAS)
    assert who(sk.method.check(state, {})) == JONAS


def test_a_same_device_link_signs_in_by_its_callback(sk: Sk) -> None:
    state = sk.begin("Web2App", "")
    sk.open(state)
    back = sk.decide(state, person=ONA)
    assert back["flow"] == "1"
    # A poll meanwhile signs nobody in: only the browser that comes back is the person's.
    assert sk.method.check(state, {}) is None
    assert who(sk.method.check(state, back)) == ONA


@pytest.mark.parametrize("algorithm", ["sha256WithRSAEncryption", "sha384WithRSAEncryption", "sha512WithRSAEncryption"])
def test_the_older_algorithms_sign_in_where_they_were_asked_for(simulated: Config, algorithm: str) -> None:
    sk = Sk(simulated, signature_algorithm=algorithm, hash_algorithm=f"SHA-{algorithm[3:6]}")
    state = sk.begin()
    sk.decide(state)
    assert who(sk.method.check(state, {})) == ONA


@pytest.mark.parametrize("name", ["SHA-256", "SHA-384", "SHA3-256", "SHA3-512"])
def test_every_hash_of_the_interface_can_be_asked_for(simulated: Config, name: str) -> None:
    sk = Sk(simulated, hash_algorithm=name)
    state = sk.begin()
    sk.decide(state)
    assert who(sk.method.check(state, {})) == ONA


def test_the_second_version_is_offered_by_setting_only_and_by_notification_only(simulated: Config) -> None:
    assert Sk(simulated).method.flows == ("QR", "Web2App", "Notification")
    sk = Sk(simulated, version=2)
    assert sk.method.flows == ("Notification",)
    state = sk.begin()
    sk.decide(state, f"code:{sk.method.show(state, 0).code}")
    assert who(sk.method.check(state, {})) == ONA


def test_a_lower_level_is_believed_where_it_is_enough_and_called_low(simulated: Config) -> None:
    """AG-20"""
    sk = Sk(simulated, level="ADVANCED")
    state = sk.begin()
    sk.decide(state, wrong="low_level")
    assert sk.method.check(state, {}).level == "low"


def test_a_code_that_cannot_be_is_refused_before_anybody_is_asked(sk: Sk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(http.Client, "ask_json")
    for code in ("LT-40404040008", "40404040009", "LT-4040404000", ""):
        with pytest.raises(NotIdentified) as no:
            sk.begin(person=code)
        assert no.value.why == "unsuitable"


def test_somebody_without_an_account_is_told_the_same(sk: Sk) -> None:
    with pytest.raises(NotIdentified) as no:
        sk.begin(person="LT-39001010077")
    assert no.value.why == "unsuitable"


def test_a_qr_code_can_be_scanned_on_the_simulated_phone(sk: Sk) -> None:
    """So that it can be walked without a camera: the phone's page leads to what the code says."""
    state = sk.begin("QR", "")
    page = POOL.request("GET", f"{sk.url}/phone").data.decode()
    link = next(found for found in re.findall(r'href="([^"]+deviceLinkType=QR[^"]+)"', page) if state["token"] in found)
    assert POOL.request("GET", html.unescape(link), redirect=False).headers["Location"].endswith(state["session"])
    assert POOL.request("GET", html.unescape(link)[:-2], redirect=False).status == 403


# ---- people who do not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "why"),
    [("refuse", "refused"), ("timeout", "timeout"), ("unusable", "unsuitable"), ("code:none", "wrong_code")],
)
def test_who_does_not_confirm_is_told_why(sk: Sk, deed: str, why: str) -> None:
    state = sk.begin()
    sk.decide(state, deed)
    assert sk.refused(state) == why


@pytest.mark.parametrize("result", [*module.RESULTS, "PROTOCOL_FAILURE", "EXPECTED_LINKED_SESSION"])
def test_every_end_result_of_the_interface_has_its_reason(sk: Sk, result: str) -> None:
    state = sk.begin()
    sk.decide(state, result)
    assert sk.refused(state) == module.RESULTS.get(result, "unproven")


def test_a_result_that_does_not_exist_yet_proves_nobody(sk: Sk) -> None:
    state = sk.begin()
    sk.decide(state, wrong="unknown_result")
    assert sk.refused(state) == "unproven"


def test_a_session_that_is_gone_has_run_out(sk: Sk) -> None:
    assert sk.refused(sk.begin() | {"session": "00000000-0000-4000-8000-000000000000"}) == "timeout"


# ---- answers that do not hold -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why", "detail"),
    [
        ("other_person", "unproven", "another person"),
        ("expired", "unsuitable", "is not valid at"),
        ("revoked", "unsuitable", "has been revoked"),
        ("silent", "unavailable", "is unknown"),
        ("untrusted", "unproven", "untrusted issuer"),
        ("signing_certificate", "unsuitable", "policies"),
        ("low_level", "unsuitable", "policies"),
        ("wrong_challenge", "unproven", "does not hold"),
        ("broken_signature", "unproven", "does not hold"),
        ("wrong_flow", "unproven", "not offered"),
    ],
)
@pytest.mark.parametrize("version", [3, 2])
def test_an_answer_that_does_not_hold_proves_nobody(simulated: Config, version: int, wrong: str, why: str, detail: str) -> None:
    """T57; AG-22: a certificate whose three years are over too."""
    if version == 2 and wrong == "wrong_flow":
        return
    sk = Sk(simulated, version=version)
    state = sk.begin()
    sk.decide(state, wrong=wrong)
    with pytest.raises(NotIdentified, match=detail) as no:
        sk.method.check(state, {})
    assert no.value.why == why


def test_a_replayed_answer_proves_nobody(sk: Sk) -> None:
    """What was signed once is no answer to another challenge."""
    earlier = sk.begin()
    sk.decide(earlier)
    assert who(sk.method.check(earlier, {})) == ONA
    with pytest.raises(NotIdentified, match="does not hold"):
        sk.method.verify(sk.begin(), sk.said(earlier))


def test_a_swapped_session_proves_nobody(sk: Sk) -> None:
    """Two people scan at once, and each is given the other's session."""
    mine, anothers = sk.begin("QR", ""), sk.begin("QR", "")
    sk.open(anothers)
    sk.decide(anothers, person=JONAS)
    assert sk.refused(mine | {"session": anothers["session"]}) == "unproven"


def test_an_answer_of_another_mode_proves_nobody(sk: Sk) -> None:
    """Live and demo sign different words."""
    state = sk.begin()
    sk.decide(state)
    assert sk.refused(state | {"scheme": "smart-id"}) == "unproven"


def test_the_simulators_issuer_is_believed_in_its_own_mode_alone(simulated: Config, sk: Sk) -> None:
    state = sk.begin()
    sk.decide(state)
    for mode in ("demo", "live"):
        elsewhere = SmartId(replace(sk.settings, mode=mode, trust_dir="").settled(simulated.place))
        with pytest.raises(NotIdentified, match="untrusted issuer"):
            elsewhere.verify(state, sk.said(state))


def test_an_answer_for_another_relying_party_proves_nobody(sk: Sk) -> None:
    state = sk.begin()
    sk.decide(state)
    assert sk.refused(state | {"relying_party": "Another"}) == "unproven"


# Where the signature over it would be wrong anyway, what is refused before.
BEFORE = {
    "another interaction": "in a way that was not offered",
    "a server's random that holds more": "no serverRandom",
    "no user's challenge": "no userChallenge",
}
BENT: dict[str, tuple[str, Any]] = {
    "no state": ("state", None),
    "not complete": ("state", "RUNNING?"),
    "no result": ("result", None),
    "no certificate": ("cert", None),
    "no signature": ("signature", None),
    "a certificate that is none": ("cert.value", base64.b64encode(b"no").decode()),
    "a certificate that is not text": ("cert.value", 7),
    "no level": ("cert.certificateLevel", None),
    "an unknown level": ("cert.certificateLevel", "PLATINUM"),
    "another protocol": ("signatureProtocol", "RAW_DIGEST_SIGNATURE"),
    "another interaction": ("interactionTypeUsed", "confirmationMessage"),
    "an interaction that is no text": ("interactionTypeUsed", ["displayTextAndPIN"]),
    "a result that is no text": ("result.endResult", ["OK"]),
    "no server's random": ("signature.serverRandom", None),
    "a server's random that holds more": ("signature.serverRandom", "AAAAAAAAAAAAAAAAAAAAAAAA|x"),
    "a server's random that is a number": ("signature.serverRandom", 111111111111111111111111),
    "no user's challenge": ("signature.userChallenge", None),
    "a signature that is not base64": ("signature.value", "%%%"),
    "another algorithm": ("signature.signatureAlgorithm", "sha512WithRSAEncryption"),
    "no algorithm": ("signature.signatureAlgorithm", None),
    "no parameters": ("signature.signatureAlgorithmParameters", None),
    "another hash": ("signature.signatureAlgorithmParameters.hashAlgorithm", "SHA-256"),
    "another mask": ("signature.signatureAlgorithmParameters.maskGenAlgorithm.algorithm", "id-mgf2"),
    "another hash of the mask": ("signature.signatureAlgorithmParameters.maskGenAlgorithm.parameters.hashAlgorithm", "SHA-256"),
    "another salt": ("signature.signatureAlgorithmParameters.saltLength", 20),
    "another trailer": ("signature.signatureAlgorithmParameters.trailerField", "0xcc"),
    "another document": ("result.documentNumber", "PNOLT-40404040009-OTHR-Q"),
}


@pytest.fixture(scope="module")
def answered(simulated: Config) -> tuple[Sk, dict[str, Any], dict[str, Any]]:
    sk = Sk(simulated)
    state = sk.begin()
    sk.decide(state)
    return sk, state, sk.said(state)


@pytest.mark.parametrize("words", BENT)
def test_an_answer_of_another_shape_proves_nobody(answered: tuple[Sk, dict[str, Any], dict[str, Any]], words: str) -> None:
    sk, state, said = answered
    way, value = BENT[words]
    bent = json.loads(json.dumps(said))
    *names, last = way.split(".")
    place = bent
    for name in names:
        place = place[name]
    place[last] = value
    with pytest.raises(NotIdentified, match=BEFORE.get(words)):
        sk.method.verify(state, bent)


def test_what_the_answer_says_besides_is_ignored(answered: tuple[Sk, dict[str, Any], dict[str, Any]]) -> None:
    sk, state, said = answered
    said = json.loads(json.dumps(said))
    for place in (said, said["result"], said["signature"], said["cert"], said["signature"]["signatureAlgorithmParameters"]):
        place["unknownField9433454"] = {"any": ["thing"]}
    assert who(sk.method.verify(state, said)) == ONA


# ---- callbacks --------------------------------------------------------------------------------------------------------


def called_back(sk: Sk, wrong: str = "") -> tuple[dict[str, Any], dict[str, str]]:
    state = sk.begin("Web2App", "")
    sk.open(state)
    return state, sk.decide(state, person=ONA, wrong=wrong)


def test_a_callback_with_the_digest_of_another_session_proves_nobody(sk: Sk) -> None:
    state, back = called_back(sk, "wrong_callback")
    with pytest.raises(NotIdentified, match="another session"):
        sk.method.check(state, back)


def test_a_callback_of_another_sign_in_proves_nobody(sk: Sk) -> None:
    state, back = called_back(sk)
    with pytest.raises(NotIdentified, match="another sign-in"):
        sk.method.check(state, back | {"value": "guessed"})


def test_a_callback_by_another_than_the_app_proves_nobody(sk: Sk) -> None:
    state, back = called_back(sk)
    for verifier in ("guessed", ""):
        with pytest.raises(NotIdentified, match="another than the app"):
            sk.method.check(state, back | {"userChallengeVerifier": verifier})


def test_a_callback_without_its_fields_proves_nobody(sk: Sk) -> None:
    state, back = called_back(sk)
    for name in ("value", "sessionSecretDigest", "userChallengeVerifier"):
        assert sk.refused(state, {key: value for key, value in back.items() if key != name}) == "unproven"


def test_a_callback_before_the_end_proves_nobody(sk: Sk) -> None:
    state = sk.begin("Web2App", "")
    digest = base64.urlsafe_b64encode(hashlib.sha256(base64.b64decode(state["secret"])).digest()).decode().rstrip("=")
    with pytest.raises(NotIdentified, match="before the end"):
        sk.method.check(state, {"value": state["value"], "sessionSecretDigest": digest})


def test_a_qr_code_is_not_answered_by_another_flow(sk: Sk) -> None:
    state = sk.begin("QR", "")
    sk.open(state)
    sk.decide(state, person=ONA, wrong="wrong_flow")
    assert sk.refused(state) == "unproven"


# ---- the other side fails ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "why"), [(400, "unavailable"), (401, "unavailable"), (403, "unavailable"), (404, "unsuitable"), (471, "unsuitable"),
                        (472, "unsuitable"), (480, "unavailable"), (500, "unavailable"), (580, "unavailable")],
)  # fmt: skip
def test_each_refusal_to_begin_has_its_reason(sk: Sk, monkeypatch: pytest.MonkeyPatch, status: int, why: str) -> None:
    monkeypatch.setattr(http.Client, "ask_json", lambda *_, **__: http.Answer(status, b"{}", {}))
    with pytest.raises(NotIdentified) as no:
        sk.begin()
    assert no.value.why == why


@pytest.mark.parametrize(
    "wish", [{"text": ""}, {"flow": "Web2App", "callback_url": "https://my.example.lt/a|b"}], ids=["no text", "a callback with a bar"]
)
def test_what_the_interface_does_not_take_is_refused_by_the_simulator_too(sk: Sk, wish: dict[str, str]) -> None:
    """So that a request which the real service would not take does not pass here."""
    with pytest.raises(NotIdentified, match="status 400"):
        sk.method.begin(replace(WISH, **wish))


def test_a_secret_that_is_no_base64_is_the_services_trouble(sk: Sk, monkeypatch: pytest.MonkeyPatch) -> None:
    said = b'{"sessionID": "s", "sessionToken": "t", "sessionSecret": "a", "deviceLinkBase": "https://example.lt"}'
    monkeypatch.setattr(http.Client, "ask_json", lambda *_, **__: http.Answer(200, said, {}))
    with pytest.raises(NotIdentified) as no:
        sk.begin("QR", "")
    assert no.value.why == "unavailable"


def test_a_service_that_does_not_answer_is_unavailable(simulated: Config) -> None:
    sk = Sk(simulated, base_url="http://127.0.0.1:9")
    with pytest.raises(NotIdentified) as no:
        sk.begin()
    assert no.value.why == "unavailable"
