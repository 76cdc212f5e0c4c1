"""OpenID Connect against a certified provider: `oidc-provider` from npm, in the shapes of a bank, of Google and of Facebook."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
import time_machine
from joserfc.jwk import ECKey, RSAKey
from lxml import html

from config import ROOT
from config.identity import PROFILES, OpenId
from integrations.identity import NotIdentified, Person, Wish
from integrations.identity.oidc import OpenIdConnect
from tests.servers import missing

HERE = ROOT / "tests" / "peers" / "oidc"
CALLBACK = "http://127.0.0.1:9/sign-in/back"  # nobody listens there: the browser stops before it
SECRET = "a secret/with: odd+characters%"


@dataclass
class Peer:
    """The running providers, and how this portal is known there."""

    process: subprocess.Popen[str]
    issuers: Mapping[str, str]
    keys: Path  # of ours, for private_key_jwt

    def method(self, shape: str, **changes: Any) -> OpenIdConnect:
        """As an operator would configure it, but for the addresses."""
        issuer = self.issuers[shape]
        usual: dict[str, Any] = dict(PROFILES[shape]) | {"mode": "demo", "name": shape, "base_url": issuer, "other_issuers": ""}
        usual |= {"client_id": "savitarna", "client_secret": SECRET}
        if shape == "bank":
            usual |= {"client_auth": "client_secret_basic", "personal_code": "personal_code", "born_on": "birthdate", "uses_userinfo": True}
        if shape == "facebook":  # its addresses are configured, and `public_profile` is a word of its own
            usual |= {"authorization_endpoint": f"{issuer}/auth", "token_endpoint": f"{issuer}/token", "jwks_uri": f"{issuer}/jwks"}
            usual |= {"scope": "openid profile"}
        return OpenIdConnect(OpenId(**(usual | changes)))

    def turn_keys(self, shape: str) -> None:
        assert self.process.stdin
        assert self.process.stdout
        print(shape, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline().strip() == "turned"


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    if not shutil.which("node") or not (HERE / "node_modules" / "oidc-provider").is_dir():
        missing("The certified OpenID Connect provider is not installed: get Node.js 20 or newer with npm, then run make peers.")
    keys = tmp_path_factory.mktemp("peer")
    ours: dict[str, ECKey | RSAKey] = {"ES256": ECKey.generate_key("P-256"), "PS256": RSAKey.generate_key(2048)}
    for name, key in ours.items():
        (keys / f"{name}.pem").write_bytes(key.as_pem(private=True))
    command = ["node", "server.js", CALLBACK, json.dumps([key.as_dict(private=False) for key in ours.values()])]
    process = subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    try:
        yield Peer(process, json.loads(process.stdout.readline()), keys)
    finally:
        process.kill()
        process.wait()


class StopsAtOurs(urllib.request.HTTPRedirectHandler):
    """A browser that does not open our callback, but keeps its address."""

    arrived = ""

    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str) -> Any:
        if newurl.startswith(CALLBACK):
            self.arrived = newurl
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def walk(address: str, login: str = "ona") -> dict[str, str]:
    """Sign in there, agree, and come back; or cancel, for nobody. The fields of the redirect."""
    stops = StopsAtOurs()
    browser = urllib.request.build_opener(stops, urllib.request.HTTPCookieProcessor(CookieJar()))
    fields: dict[str, str] | None = None
    for _ in range(5):
        try:
            with browser.open(address, urlencode(fields).encode() if fields else None) as answer:
                page, address = html.document_fromstring(answer.read()), answer.url
        except urllib.error.HTTPError:
            if not stops.arrived:
                raise
            return dict(parse_qsl(urlsplit(stops.arrived).query))
        if login:
            form = page.forms[0]
            fields = {"login": login, "password": "any"} | {name: value for name, value in form.fields.items() if value}
            address = urljoin(address, form.action)
        else:
            address, fields = urljoin(address, page.xpath("//a[contains(@href, 'abort')]/@href")[0]), None
    raise AssertionError("never came back")


def sign_in(client: OpenIdConnect, login: str = "ona") -> Person | None:
    state = client.begin(Wish(callback_url=CALLBACK))
    return client.check(state, walk(client.show(state, 0).go_to, login))


def test_a_bank_identifies_a_person(peer: Peer) -> None:
    """IB-10, T58: code with PKCE, state, nonce, the issuer in the redirect, the claims from userinfo, and a birthday told by the bank."""
    who = sign_in(peer.method("bank"))
    assert who
    assert (who.scheme, who.country, who.code, who.first_name, who.last_name) == ("PNO", "LT", "40404040009", "Ona", "Pavyzdienė")
    assert (who.level, who.issuer, str(who.born_on), who.born_from) == ("high", peer.issuers["bank"], "1904-04-04", "claim")


@pytest.mark.parametrize("shape", ["google", "facebook"])
def test_a_login_elsewhere_is_a_subject_and_nothing_more(peer: Peer, shape: str) -> None:
    """IB-11: whether the subject is known to us, the rules decide; here everybody is somebody."""
    known, stranger = sign_in(peer.method(shape)), sign_in(peer.method(shape), "stranger")
    assert known
    assert stranger
    assert (known.scheme, known.code, known.level, known.issuer) == ("SUB", "ona", "low", peer.issuers[shape])
    assert (stranger.code, stranger.first_name) == ("stranger", "Nobody")


@pytest.mark.parametrize("algorithm", ["ES256", "PS256"])
def test_a_portal_may_prove_itself_by_its_key(peer: Peer, algorithm: str) -> None:
    key = str(peer.keys / f"{algorithm}.pem")
    assert sign_in(peer.method("bank", client_id=f"savitarna-by-{algorithm}", client_auth="private_key_jwt", client_key=key))


def test_whoever_cancels_is_told_so(peer: Peer) -> None:
    with pytest.raises(NotIdentified) as refusal:
        sign_in(peer.method("bank"), login="")
    assert refusal.value.why == "refused"


def test_a_person_without_a_personal_code_does_not_suit(peer: Peer) -> None:
    with pytest.raises(NotIdentified) as refusal:
        sign_in(peer.method("bank"), "stranger")
    assert refusal.value.why == "unsuitable"


def refused(client: OpenIdConnect, state: Mapping[str, Any], answer: Mapping[str, str]) -> str:
    with pytest.raises(NotIdentified) as refusal:
        client.check(state, answer)
    return f"{refusal.value.why}: {refusal.value}"


def test_a_code_is_good_once_for_the_one_who_asked(peer: Peer) -> None:
    """T58: used again, with another verifier, by another client, with a state that is not the flow's."""
    client = peer.method("google")
    state, other = (client.begin(Wish(callback_url=CALLBACK)) for _ in range(2))
    answer = walk(client.show(state, 0).go_to)
    assert refused(client, other, answer) == "unproven: another state"
    assert refused(client, other, answer | {"state": other["back"]}) == "unproven: /token answered 400 'invalid_grant'"
    answer = walk(client.show(state, 0).go_to)
    assert client.check(state, answer)
    assert refused(client, state, answer) == "unproven: /token answered 400 'invalid_grant'"
    answer = walk(client.show(state, 0).go_to)
    another = peer.method("google", client_id="another-client", client_auth="client_secret_basic")
    assert refused(another, state, answer) == "unproven: /token answered 400 'invalid_grant'"


def test_a_token_for_another_client_or_of_another_flow_is_refused(peer: Peer) -> None:
    """T58: a wrong audience and a wrong nonce, both rightly signed."""
    client, another = peer.method("google"), peer.method("google", client_id="another-client", client_auth="client_secret_basic")
    state = another.begin(Wish(callback_url=CALLBACK))
    tokens = another._tokens(state, walk(another.show(state, 0).go_to)["code"])
    with pytest.raises(NotIdentified, match="'aud'"):
        client._claims(tokens["id_token"], state["nonce"], tokens["access_token"])
    with pytest.raises(NotIdentified, match="'nonce'"):
        another._claims(tokens["id_token"], "another", tokens["access_token"])
    with time_machine.travel("2030-01-01", tick=False), pytest.raises(NotIdentified, match="expired"):
        another._claims(tokens["id_token"], state["nonce"], tokens["access_token"])
    assert another._claims(tokens["id_token"], state["nonce"], tokens["access_token"])


def test_one_provider_cannot_answer_for_another(peer: Peer) -> None:
    """T58: somebody is sent to another provider than the one they chose, whose code must not reach the chosen one."""
    bank, other = peer.method("bank"), peer.method("google")
    state = bank.begin(Wish(callback_url=CALLBACK))
    there = bank.show(state, 0).go_to.replace(peer.issuers["bank"], peer.issuers["google"])
    assert refused(bank, state, walk(there)) == "unproven: another issuer in the redirect"
    tokens = other._tokens(state, walk(there)["code"])
    assert refused_token(bank, tokens, state["nonce"]).startswith("id_token: ")


def refused_token(client: OpenIdConnect, tokens: Mapping[str, Any], nonce: str) -> str:
    with pytest.raises(NotIdentified) as refusal:
        client._claims(tokens["id_token"], nonce, tokens["access_token"])
    return str(refusal.value)


def test_new_keys_of_a_provider_are_found_by_themselves(peer: Peer) -> None:
    client = peer.method("google")
    before = sign_in(client)
    peer.turn_keys("google")
    after = sign_in(client)
    assert before
    assert after
    assert before.evidence["key"]["kid"] == "first"
    assert after.evidence["key"]["kid"] == "second"
