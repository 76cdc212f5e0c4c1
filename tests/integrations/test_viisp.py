"""The e-Government Gateway against its simulator, honest and otherwise: only what it has signed, for this flow, is believed."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree, html

from config import Config
from integrations import http, xml, xml_signature
from integrations.identity import NotIdentified, Person, Wish
from integrations.identity.viisp import Gateway
from simulators import viisp as simulator
from simulators.people import PEOPLE

ONA = PEOPLE[0]
AUTH, DS = simulator.AUTH, xml_signature.DS
HONEST, TRUTH = simulator.signed, simulator.answer_about
BROWSER = http.Client()


def gateway(config: Config, **changes: Any) -> Gateway:
    return Gateway(replace(config.sign_in_methods("any")["viisp"], **changes))


def post(url: str, fields: Mapping[str, str]) -> html.HtmlElement:
    return html.document_fromstring(BROWSER.ask("POST", url, fields=fields, headers={"Accept-Language": "en"}).body)


def come_back(client: Gateway, state: Mapping[str, Any], person: str = "0") -> dict[str, str]:
    """What the gateway has the browser post to us when this person was chosen there."""
    shown = client.show(state, 0)
    choice = post(shown.go_to, shown.post).forms[0]
    page = post(f"{shown.go_to.removesuffix('portal')}chosen", dict(choice.fields) | {"person": person}).forms[0]
    assert page.action == "https://my.example.lt/postback"
    return {name: value for name, value in page.fields.items() if value is not None}


def sign_in(client: Gateway, person: str = "0") -> Person | None:
    state = client.begin(Wish(callback_url="https://my.example.lt/postback"))
    return client.check(state, come_back(client, state, person))


def why(act: Callable[[], object]) -> str:
    with pytest.raises(NotIdentified) as refusal:
        act()
    assert ONA.code not in str(refusal.value)
    return refusal.value.why


def test_the_gateway_tells_the_personal_code_and_the_name(simulated: Config) -> None:
    """IR-06"""
    who = sign_in(gateway(simulated))
    assert who
    assert (who.method, who.scheme, who.country, who.code, who.level) == ("viisp", "PNO", "LT", ONA.code, "high")
    assert (who.first_name, who.last_name, who.born_on) == ("ONA", "PAVYZDIENĖ", ONA.born_on)
    kept = xml.parse(str(who.evidence["answer"]).encode())
    assert xml_signature.verified(kept, xml_signature.read_public_key(simulated.sign_in_methods("any")["viisp"].gateway_key)) is not None


def test_nobody_has_come_back_yet(simulated: Config) -> None:
    client = gateway(simulated)
    assert client.check(client.begin(Wish(callback_url="https://my.example.lt/postback")), {}) is None


def test_whoever_cancels_there_is_told_so(simulated: Config) -> None:
    assert why(lambda: sign_in(gateway(simulated), person="")) == "refused"


def test_a_ticket_opens_one_flow_once(simulated: Config) -> None:
    """IR-06, T57: a ticket posted into somebody else's browser finds no flow there, and none is good twice."""
    client = gateway(simulated)
    mine, theirs = (client.begin(Wish(callback_url="https://my.example.lt/postback")) for _ in range(2))
    answer = come_back(client, mine)
    assert set(answer) == {"ticket", "customData"}
    assert why(lambda: client.check(theirs, answer)) == "unproven"
    assert why(lambda: client.check(mine, {"ticket": ""})) == "unproven"
    assert client.check(mine, {"ticket": answer["ticket"]})
    assert why(lambda: client.check(mine, answer)) == "refused"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda answer: text(answer, "customData", "another"), "unproven"),
        (lambda answer: text(answer, "customData", ""), "unproven"),
        (lambda answer: text(answer, "authenticationProvider", "auth.login.pass"), "unsuitable"),
        (lambda answer: text(answer, "authenticationAttribute/{*}value", ""), "unsuitable"),
        (lambda answer: text(answer, "authenticationAttribute/{*}value", "40404040008"), "unproven"),
        (lambda answer: text(answer, "authenticationAttribute/{*}attribute", "lt-company-code"), "unsuitable"),
        (lambda answer: attribute(answer, "lt-personal-code", PEOPLE[1].code), "unsuitable"),
    ],
)
def test_an_answer_that_names_nobody_for_certain_identifies_nobody(
    simulated: Config, monkeypatch: pytest.MonkeyPatch, change: Any, reason: str
) -> None:
    def untrue(who: Any, back: str) -> etree._Element:
        answer = TRUTH(who, back)
        change(answer)
        return answer

    monkeypatch.setattr(simulator, "answer_about", untrue)
    assert why(lambda: sign_in(gateway(simulated))) == reason


def test_a_foreigner_whom_the_gateway_knows_otherwise_is_told_that_it_does_not_suit(simulated: Config) -> None:
    assert why(lambda: sign_in(gateway(simulated), person=str(len(PEOPLE) - 1))) == "unsuitable"


def test_a_company_that_is_told_too_changes_nothing(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_company(who: Any, back: str) -> etree._Element:
        answer = TRUTH(who, back)
        attribute(answer, "lt-company-code", "302313453")
        return answer

    monkeypatch.setattr(simulator, "answer_about", with_company)
    who = sign_in(gateway(simulated))
    assert who
    assert who.code == ONA.code


def text(answer: etree._Element, name: str, words: str) -> None:
    found = answer.find(f"{{{AUTH}}}{name}")
    assert found is not None
    found.text = words


def attribute(answer: etree._Element, name: str, value: str) -> None:
    simulator._pair(answer, "authenticationAttribute", "attribute", name).text = value
    answer.insert(2, answer[-1])


# ---- signatures -------------------------------------------------------------------------------------------------------


def forged(answer: etree._Element) -> etree._Element:
    """Somebody else's answer, with all of this one's but the signature."""
    other = deepcopy(answer)
    other.remove(other.find(f"{{{DS}}}Signature"))
    text(other, "authenticationAttribute/{*}value", PEOPLE[1].code)
    return other


def changed_text(answer: etree._Element) -> bytes:
    text(answer, "authenticationAttribute/{*}value", PEOPLE[1].code)
    return etree.tostring(answer)


def without_a_signature(answer: etree._Element) -> bytes:
    return etree.tostring(forged(answer))


def wrapped_around(answer: etree._Element) -> bytes:
    """The forged one outside, the signed one inside it."""
    outside = forged(answer)
    outside.set("id", "another")
    outside.append(answer)
    return etree.tostring(outside)


def wrapped_in_the_signature(answer: etree._Element) -> bytes:
    """The signature moved into the forged one, with what it covers hidden within."""
    outside, signature = forged(answer), answer.find(f"{{{DS}}}Signature")
    answer.remove(signature)
    outside.set("id", "another")
    outside.append(signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(answer)
    return etree.tostring(outside)


def called_the_same(answer: etree._Element) -> bytes:
    """Both have the identifier that the signature names."""
    outside, signature = forged(answer), answer.find(f"{{{DS}}}Signature")
    answer.remove(signature)
    outside.append(signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(answer)
    return etree.tostring(outside)


def beside_another(answer: etree._Element) -> bytes:
    return etree.tostring(forged(answer)) + etree.tostring(answer)


def signed_twice(answer: etree._Element) -> bytes:
    answer.append(deepcopy(answer.find(f"{{{DS}}}Signature")))
    return etree.tostring(answer)


def by_a_secret(answer: etree._Element) -> bytes:
    answer.find(f".//{{{DS}}}SignatureMethod").set("Algorithm", f"{DS}hmac-sha1")
    return etree.tostring(answer)


def not_base64(answer: etree._Element) -> bytes:
    answer.find(f".//{{{DS}}}SignatureValue").text = "***"
    return etree.tostring(answer)


LIES = [
    changed_text, without_a_signature, wrapped_around, wrapped_in_the_signature, called_the_same, beside_another, signed_twice, by_a_secret, not_base64,
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_the_gateway_has_not_signed_is_not_believed(simulated: Config, monkeypatch: pytest.MonkeyPatch, lie: Any) -> None:
    """T57: no wrapping, no second answer, no other manner of signing."""

    def lying(answer: etree._Element, key: rsa.RSAPrivateKey) -> bytes:
        content = HONEST(answer, key)
        return content if "Response" not in answer.tag or "Data" not in answer.tag else lie(etree.fromstring(content))

    monkeypatch.setattr(simulator, "signed", lying)
    reason = why(lambda: sign_in(gateway(simulated)))
    assert reason == ("unavailable" if lie is beside_another else "unproven")


def test_another_key_than_the_pinned_one_is_refused_whatever_it_says_of_itself(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    other = rsa.generate_private_key(65537, 2048)
    monkeypatch.setattr(simulator, "signed", lambda answer, key: HONEST(answer, other))
    assert why(lambda: sign_in(gateway(simulated))) == "unproven"


def test_a_document_type_is_refused_before_it_is_read(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = simulator._soap
    monkeypatch.setattr(simulator, "_soap", lambda inside, status: doctyped(honest(inside, status)))
    assert why(lambda: sign_in(gateway(simulated))) == "unavailable"


def doctyped(answer: Any) -> Any:
    answer.set_data(b'<!DOCTYPE x [<!ENTITY e "x">]>' + answer.get_data())
    return answer


OLDER = """<authentication:authenticationDataResponse xmlns:authentication="{auth}" id="uniqueId">\
<authentication:authenticationProvider>auth.lt.bank</authentication:authenticationProvider>\
<authentication:authenticationAttribute><authentication:attribute>lt-personal-code</authentication:attribute>\
<authentication:value>{code}</authentication:value></authentication:authenticationAttribute>\
<authentication:customData>{back}</authentication:customData></authentication:authenticationDataResponse>"""
PREFIXES = '<InclusiveNamespaces xmlns="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="authentication"></InclusiveNamespaces>'
INFO = """<SignedInfo xmlns="{ds}"{more}><CanonicalizationMethod Algorithm="{c14n}">{prefixes}</CanonicalizationMethod>\
<SignatureMethod Algorithm="{ds}rsa-sha1"></SignatureMethod><Reference URI="#uniqueId"><Transforms>\
<Transform Algorithm="{ds}enveloped-signature"></Transform><Transform Algorithm="{c14n}">{prefixes}</Transform></Transforms>\
<DigestMethod Algorithm="{ds}sha1"></DigestMethod><DigestValue>{digest}</DigestValue></Reference></SignedInfo>"""


@pytest.mark.parametrize(("takes_sha1", "code"), [(True, ONA.code), (True, ""), (False, ONA.code)])
def test_the_gateways_older_manner_is_taken_where_it_is_configured(
    simulated: Config, monkeypatch: pytest.MonkeyPatch, takes_sha1: bool, code: str
) -> None:
    """RSA-SHA1, InclusiveNamespaces, its key beside it; made here by hand, byte by byte, as the canonical form is written down."""

    def older(answer: etree._Element, key: rsa.RSAPrivateKey) -> bytes:
        back = answer.findtext(f"{{{AUTH}}}customData")
        if back is None:
            return HONEST(answer, key)
        element = OLDER.format(auth=AUTH, code=ONA.code, back=back)
        facts = {
            "ds": DS, "c14n": xml_signature.C14N, "prefixes": PREFIXES, "digest": base64.b64encode(hashlib.sha1(element.encode()).digest()).decode(),
        }  # fmt: skip
        canonical = INFO.format(**facts, more="").replace(
            f'<SignedInfo xmlns="{DS}">', f'<SignedInfo xmlns="{DS}" xmlns:authentication="{AUTH}">'
        )
        value = base64.b64encode(key.sign(canonical.encode(), padding.PKCS1v15(), hashes.SHA1())).decode()
        info = INFO.format(**facts, more="")
        signature = f'<Signature xmlns="{DS}">{info}<SignatureValue>{value[:70]}\n{value[70:]}</SignatureValue><KeyInfo><KeyName>x</KeyName></KeyInfo></Signature>'
        # `code`: what somebody on the way has written over it.
        return (
            element.replace("</authentication:authenticationDataResponse>", f"{signature}</authentication:authenticationDataResponse>")
            .replace(ONA.code, code or PEOPLE[1].code)
            .encode()
        )

    monkeypatch.setattr(simulator, "signed", older)
    client = gateway(simulated, takes_sha1=takes_sha1)
    if takes_sha1 and code:
        who = sign_in(client)
        assert who
        assert who.code == ONA.code
    else:
        assert why(lambda: sign_in(client)) == "unproven"


# ---- between the systems ----------------------------------------------------------------------------------------------


def test_what_is_wrong_between_the_systems_is_not_the_persons_fault(simulated: Config) -> None:
    theirs = simulated.sign_in_methods("any")["viisp"].gateway_key
    for changes in (
        {"base_url": "http://127.0.0.1:1"},
        {"base_url": simulated.sign_in_methods("any")["swedbank"].base_url},  # something else answers
        {"pid": "another"},
        {"key": theirs.replace("gateway.public", "gateway")},  # the gateway does not know this key
        {"key": "/nowhere.pem"},
        {"gateway_key": "/nowhere.pem"},
    ):
        assert why(lambda changes=changes: gateway(simulated, **changes).begin(Wish())) == "unavailable"
