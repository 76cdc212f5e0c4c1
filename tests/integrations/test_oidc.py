"""OpenID Connect against the simulator, honest and otherwise: every answer that does not hold is refused."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from lxml import html

from config import Config
from integrations import http
from integrations.identity import NotIdentified, Person, Wish
from integrations.identity.oidc import OpenIdConnect
from simulators import oidc as simulator
from simulators.people import PEOPLE

ONA = PEOPLE[0]
BROWSER = http.Client()
CALLBACK = "https://my.example.lt/sign-in/back"
BANKS = ("swedbank", "seb", "luminor")
LOW = ("google", "facebook")


def method(config: Config, name: str = "swedbank", **changes: Any) -> OpenIdConnect:
    return OpenIdConnect(replace(config.sign_in_methods("any")[name], **changes))


def come_back(client: OpenIdConnect, state: Mapping[str, Any], words: str = ONA.name) -> dict[str, str]:
    """The fields that the browser brings after a click on what has these words."""
    there = client.show(state, 0).go_to
    page = html.document_fromstring(BROWSER.ask("GET", there).body)
    return dict(parse_qsl(urlsplit(page.xpath("//a[contains(., $words)]/@href", words=words)[0]).query))


def sign_in(client: OpenIdConnect, **changes: str) -> Person | None:
    """The whole way of somebody honest, whose provider is not: `changes` are what is brought back instead."""
    state = client.begin(Wish(callback_url=CALLBACK, language="en"))
    return client.check(state, come_back(client, state) | changes)


def why(act: Callable[[], object]) -> str:
    with pytest.raises(NotIdentified) as refusal:
        act()
    # What goes to the log tells nothing of the person.
    assert ONA.code not in str(refusal.value)
    assert ONA.last_name not in str(refusal.value)
    return refusal.value.why


# ---- who is identified ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BANKS)
def test_a_bank_tells_the_personal_code_and_the_name(simulated: Config, name: str) -> None:
    """IB-10"""
    who = sign_in(method(simulated, name))
    assert who
    assert (who.method, who.scheme, who.country, who.code, who.level) == (name, "PNO", "LT", ONA.code, "high")
    assert (who.first_name, who.last_name, who.born_on, who.born_from) == (ONA.first_name, ONA.last_name, ONA.born_on, "code")
    assert json.loads(json.dumps(who.evidence))["id_token"].count(".") == 2


@pytest.mark.parametrize("name", LOW)
def test_google_and_facebook_tell_that_it_is_the_same_one_as_before_and_nothing_more(simulated: Config, name: str) -> None:
    """IB-11, T58: no personal code and no e-mail that an account could be found by."""
    client = method(simulated, name)
    asked = parse_qs(urlsplit(client.show(client.begin(Wish(callback_url=CALLBACK)), 0).go_to).query)
    assert "email" not in asked["scope"][0].split()
    first, again, another = sign_in(client), sign_in(client), sign_in(method(simulated, LOW[LOW.index(name) - 1]))
    assert first
    assert again
    assert another
    assert (first.scheme, first.level, first.country) == ("SUB", "low", "")
    assert (first.issuer, first.code) == (again.issuer, again.code)
    assert (first.issuer, first.code) != (another.issuer, another.code)


def test_a_person_of_another_country_keeps_it(simulated: Config) -> None:
    client = method(simulated)
    state = client.begin(Wish(callback_url=CALLBACK))
    who = client.check(state, come_back(client, state, "Kadri"))
    assert who
    assert (who.country, who.code) == ("EE", PEOPLE[-1].code)


def test_nobody_has_come_back_yet(simulated: Config) -> None:
    client = method(simulated)
    assert client.check(client.begin(Wish(callback_url=CALLBACK)), {}) is None


@pytest.mark.parametrize("name", [*BANKS, *LOW])
def test_whoever_cancels_is_told_so(simulated: Config, name: str) -> None:
    client = method(simulated, name)
    state = client.begin(Wish(callback_url=CALLBACK, language="en"))
    assert why(lambda: client.check(state, come_back(client, state, "Cancel"))) == "refused"


# ---- the way back -----------------------------------------------------------------------------------------------------


def test_what_is_sent_along_is_new_each_time_and_the_secrets_stay_here(simulated: Config) -> None:
    client = method(simulated)
    one, two = (client.begin(Wish(callback_url=CALLBACK)) for _ in range(2))
    asked = dict(parse_qsl(urlsplit(client.show(one, 0).go_to).query))
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == CALLBACK
    assert one["verifier"] not in client.show(one, 0).go_to
    assert not {one["back"], one["nonce"], one["verifier"]} & {two["back"], two["nonce"], two["verifier"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "another"},
        {"state": ""},
        {"state": "ą"},
        {"iss": "https://elsewhere.example"},
        {"iss": ""},
        {"code": ""},
        {"code": "guessed"},
    ],
)
def test_an_answer_of_another_flow_or_provider_is_refused(simulated: Config, changes: dict[str, str]) -> None:
    """T58: state, and the issuer in the redirect, which keeps providers from being mixed up."""
    assert why(lambda: sign_in(method(simulated), **changes)) == "unproven"


def test_a_cancellation_of_another_flow_is_not_believed_either(simulated: Config) -> None:
    client = method(simulated)
    state = client.begin(Wish(callback_url=CALLBACK, language="en"))
    assert why(lambda: client.check(state, {"error": "access_denied", "state": "another"})) == "unproven"


def test_a_promised_issuer_that_is_left_out_is_missed(simulated: Config) -> None:
    client = method(simulated)
    state = client.begin(Wish(callback_url=CALLBACK))
    answer = come_back(client, state)
    assert answer.pop("iss")
    assert why(lambda: client.check(state, answer)) == "unproven"


def test_a_code_is_taken_once_and_only_from_the_browser_that_asked_for_it(simulated: Config) -> None:
    client = method(simulated)
    mine, theirs = (client.begin(Wish(callback_url=CALLBACK)) for _ in range(2))
    answer = come_back(client, mine)
    # Somebody who has seen the code in an address has neither the verifier nor the nonce.
    assert why(lambda: client.check(theirs, answer | {"state": theirs["back"]})) == "unproven"
    assert client.check(mine, answer)
    assert why(lambda: client.check(mine, answer)) == "unproven"


@pytest.mark.parametrize(("error", "reason"), [("temporarily_unavailable", "unavailable"), ("invalid_scope", "unproven")])
def test_other_errors_of_the_provider_are_told_apart(simulated: Config, error: str, reason: str) -> None:
    client = method(simulated)
    state = client.begin(Wish(callback_url=CALLBACK))
    answer = {"error": error, "state": state["back"], "iss": simulated.sign_in_methods("any")["swedbank"].base_url}
    assert why(lambda: client.check(state, answer)) == reason


# ---- tokens that do not hold ------------------------------------------------------------------------------------------

HONEST = simulator.signed


def unsigned(claims: dict[str, Any], key: ECKey) -> str:
    return ".".join([*jwt_parts({"alg": "none"}, claims), ""])


def by_the_public_key_as_a_secret(claims: dict[str, Any], key: ECKey) -> str:
    said = ".".join(jwt_parts({"alg": "HS256", "kid": key.thumbprint()}, claims))
    return f"{said}.{encoded(hmac.digest(key.as_pem(private=False), said.encode(), 'sha256'))}"


def changed_afterwards(claims: dict[str, Any], key: ECKey) -> str:
    return ".".join([*jwt_parts({"alg": "ES256", "kid": key.thumbprint()}, claims | {"sub": "x"}), HONEST(claims, key).split(".")[2]])


def jwt_parts(*parts: dict[str, Any]) -> list[str]:
    return [encoded(json.dumps(part).encode()) for part in parts]


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


FORGED = [
    unsigned,
    by_the_public_key_as_a_secret,
    changed_afterwards,
    lambda claims, key: HONEST(claims, ECKey.generate_key("P-256")),
    lambda claims, key: "",
]


@pytest.mark.parametrize("forged", FORGED)
def test_a_token_without_the_providers_own_signature_is_refused(simulated: Config, monkeypatch: pytest.MonkeyPatch, forged: Any) -> None:
    """T58: neither "none", nor a public key taken for a secret, nor a key of somebody else."""
    monkeypatch.setattr(simulator, "signed", forged)
    assert why(lambda: sign_in(method(simulated))) == "unproven"


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-client"},
        {"aud": ["savitarna", "another-client"]},
        {"aud": ["savitarna", "another-client"], "azp": "another-client"},
        {"aud": None},
        {"azp": "another-client"},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": -HOUR},
        {"exp": None},
        {"iat": HOUR},
        {"iat": None},
        {"nbf": HOUR},
        {"at_hash": "another"},
    ],
    ids=str,
)
def test_a_token_for_somebody_else_or_of_another_time_is_refused(
    simulated: Config, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """T58: each claim that OpenID Connect has checked, one by one; moments are told from now on."""
    changes = {name: int(time.time() + to.total_seconds()) if isinstance(to, timedelta) else to for name, to in changes.items()}
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(without_none(claims | changes), key))
    assert why(lambda: sign_in(method(simulated))) == "unproven"


def test_a_nonce_in_a_list_is_not_the_nonce(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims | {"nonce": [claims["nonce"]]}, key))
    assert why(lambda: sign_in(method(simulated))) == "unproven"


def test_a_token_for_several_that_says_it_is_ours_is_taken(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"aud": ["savitarna", "another-client"], "azp": "savitarna"}
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims | changes, key))
    assert sign_in(method(simulated))


def without_none(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}


def test_both_spellings_of_googles_issuer_are_one_google(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """IB-11: its discovery document has https:// in front, some of its tokens have not."""
    google = simulated.sign_in_methods("any")["google"]
    spelled = google.base_url.removeprefix("http://")
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims | {"iss": spelled}, key))
    assert why(lambda: sign_in(method(simulated, "google"))) == "unproven"
    who = sign_in(method(simulated, "google", other_issuers=spelled))
    assert who
    assert who.issuer == google.base_url


# ---- keys, documents, answers -----------------------------------------------------------------------------------------


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The last words of the addresses that are asked, in order."""
    asked: list[str] = []
    honest = http.Client.ask

    def ask(self: http.Client, verb: str, url: str, **more: Any) -> http.Answer:
        asked.append(urlsplit(url).path.rsplit("/", 1)[-1])
        return honest(self, verb, url, **more)

    monkeypatch.setattr(http.Client, "ask", ask)
    return asked


def test_documents_are_kept_and_a_new_key_is_fetched_when_it_is_used(
    simulated: Config, monkeypatch: pytest.MonkeyPatch, fetched: list[str]
) -> None:
    client = method(simulated)
    assert sign_in(client)
    assert sign_in(client)
    assert (fetched.count("openid-configuration"), fetched.count("jwks")) == (1, 1)
    new = ECKey.generate_key("P-256")
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims, new))
    monkeypatch.setattr(simulator, "public_keys", lambda key: [simulator.public_key(new)])
    assert sign_in(client)
    assert fetched.count("jwks") == 2


def test_a_key_that_nobody_has_is_looked_for_once_more_and_no_oftener(
    simulated: Config, monkeypatch: pytest.MonkeyPatch, fetched: list[str]
) -> None:
    client = method(simulated)
    assert sign_in(client)
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims, ECKey.generate_key("P-256")))
    assert why(lambda: sign_in(client)) == "unproven"
    assert fetched.count("jwks") == 2


def plain(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name not in ("use", "alg")}


def test_a_token_that_names_no_key_is_tried_with_the_one_for_signatures(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    public, another = simulator.public_key, ECKey.generate_key("P-256")
    monkeypatch.setattr(simulator, "signed", lambda claims, key: jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"]))
    monkeypatch.setattr(simulator, "public_keys", lambda key: [public(key), {**public(another), "use": "enc", "kid": "another"}])
    assert sign_in(method(simulated))
    monkeypatch.setattr(simulator, "public_keys", lambda key: [public(key), {**public(another), "kid": "another"}])
    assert why(lambda: sign_in(method(simulated))) == "unproven"
    monkeypatch.setattr(simulator, "public_keys", lambda key: [{**public(key), "use": "enc"}])
    assert why(lambda: sign_in(method(simulated))) == "unproven"
    monkeypatch.setattr(simulator, "public_keys", lambda key: [plain(public(key)), {"kty": "of the future"}])
    assert sign_in(method(simulated))


def test_userinfo_must_be_of_the_same_person(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    client = method(simulated, uses_userinfo=True)
    assert sign_in(client)
    honest = simulator.said_of
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims | {"sub": "somebody-else"}, key))
    assert why(lambda: sign_in(client)) == "unproven"
    monkeypatch.setattr(simulator, "signed", HONEST)
    monkeypatch.setattr(simulator, "said_of", lambda who, known: {**honest(who, known), "personal_code": ""})
    assert why(lambda: sign_in(client)) == "unsuitable"


def test_an_access_token_that_no_header_can_carry_is_the_providers_trouble(simulated: Config) -> None:
    client = method(simulated, uses_userinfo=True)
    for token in ("a\nb", "ąž", ""):
        assert why(lambda token=token: client._userinfo(token, "x")) == "unavailable"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"personal_code": "40404040008"}, "unproven"),  # the last digit does not add up
        ({"personal_code": "not a code"}, "unproven"),
        ({"personal_code": f"PNOEE-{PEOPLE[-1].code}"}, "unproven"),  # the claim says LT
        ({"personal_code": 40404040009}, "unsuitable"),
        ({"personal_code": ""}, "unsuitable"),
    ],
)
def test_without_a_personal_code_that_can_be_one_nobody_is_identified(
    simulated: Config, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], reason: str
) -> None:
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims | said, key))
    assert why(lambda: sign_in(method(simulated))) == reason


@pytest.mark.parametrize("spelled", [f"LT{ONA.code}", f"PNOLT-{ONA.code}", f" lt-{ONA.code} ", ONA.code])
def test_a_code_is_read_however_a_bank_spells_it(simulated: Config, monkeypatch: pytest.MonkeyPatch, spelled: str) -> None:
    changes = {"personal_code": spelled, "country": "", "birthdate": "2004-01-31"}
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims | changes, key))
    who = sign_in(method(simulated, born_on="birthdate"))
    assert who
    assert (who.country, who.code, str(who.born_on), who.born_from) == ("LT", ONA.code, "2004-01-31", "claim")


def test_a_sign_in_that_was_too_weak_is_not_enough(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    client = method(simulated, acr="high substantial")
    assert "acr_values=high+substantial" in client.show(client.begin(Wish(callback_url=CALLBACK)), 0).go_to
    assert why(lambda: sign_in(client)) == "unsuitable"
    monkeypatch.setattr(simulator, "signed", lambda claims, key: HONEST(claims | {"acr": "substantial"}, key))
    assert sign_in(client)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"base_url": "http://127.0.0.1:1"}, "unavailable"),  # nobody listens
        ({"client_secret": "wrong"}, "unavailable"),  # it is we who are not known
        ({"jwks_uri": "ftp://127.0.0.1/jwks"}, "unavailable"),
        ({"client_auth": "client_secret_post"}, ""),
    ],
    ids=str,
)
def test_what_is_wrong_between_the_systems_is_not_the_persons_fault(simulated: Config, changes: dict[str, Any], reason: str) -> None:
    client = method(simulated, **changes)
    assert (why(lambda: sign_in(client)) if reason else sign_in(client) and "") == reason


def test_a_discovery_document_of_another_issuer_is_not_followed(simulated: Config) -> None:
    here = simulated.sign_in_methods("any")["swedbank"].base_url
    assert why(lambda: sign_in(method(simulated, base_url=f"{here}/"))) == "unavailable"


def test_an_address_that_could_be_read_on_the_way_is_not_used(simulated: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """T81: what a document says is used over https only."""
    said = {"issuer": "https://bank.example", "authorization_endpoint": "http://bank.example/authorize"}
    monkeypatch.setattr(http.Client, "ask", lambda *_, **__: http.Answer(200, json.dumps(said).encode(), {}))
    assert why(lambda: method(simulated, base_url="https://bank.example").begin(Wish())) == "unavailable"
