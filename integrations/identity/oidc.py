"""OpenID Connect: banks, Google, Facebook. Authorization code with PKCE (RFC 7636), `state`, `nonce`, the issuer named in the redirect.

The address we come back to is one and the same for everybody, for a provider compares it byte for byte with the one that was registered.
So it carries nothing of the flow: the browser is known by its own cookie, which a top-level GET from elsewhere brings along (SameSite=Lax),
and which of its flows came back is told by `answer["state"]`: the `back` of what `begin` gave.
"""

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from joserfc.jws import JWSRegistry

from config.identity import OpenId
from integrations import http
from integrations.identity import NotIdentified, Person, Shown, Wish, codes

# Signatures with a public key alone: neither "none", nor a secret (HS256) that a public key could be taken for.
TOKEN = re.compile(r"[\x21-\x7e]+")  # of RFC 6750, or what a header can carry of it
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
KEPT_SECONDS, LEEWAY_SECONDS, CLIENT_TOKEN_SECONDS = 3600, 60, 60
# What a provider says in the redirect (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6), and what it means for the person.
WHY = {
    "access_denied": "refused",
    "user_cancelled": "refused",
    "server_error": "unavailable",
    "temporarily_unavailable": "unavailable",
    "invalid_client": "unavailable",
    "unauthorized_client": "unavailable",
}


class OpenIdConnect:
    """One provider. Its documents are kept for an hour; a key that is not among them is looked for once more."""

    flows: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, provider: OpenId) -> None:
        self.name = provider.name
        self._provider = provider
        self._client = http.Client(provider.tls, is_public=provider.mode == "live")
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}  # address: when it was fetched, and what it said

    # ---- the three verbs of a Method ----------------------------------------------------------------------------------

    def begin(self, wish: Wish) -> dict[str, Any]:
        """The secrets of one flow and the provider's address with them. Raises NotIdentified."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": wish.callback_url,
            "scope": self._provider.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _hashed(verifier.encode()),
            "code_challenge_method": "S256",
            "ui_locales": wish.language,
        }
        if self._provider.acr:
            asked["acr_values"] = self._provider.acr
        there = self._endpoint("authorization_endpoint")
        go_to = f"{there}{'&' if urlsplit(there).query else '?'}{urlencode(asked)}"
        return {"back": state, "nonce": nonce, "verifier": verifier, "callback_url": wish.callback_url, "go_to": go_to}

    def show(self, state: Mapping[str, Any], elapsed_seconds: int) -> Shown:
        return Shown(go_to=state["go_to"])

    def check(self, state: Mapping[str, Any], answer: Mapping[str, str]) -> Person | None:
        """Who came back with the fields of the redirect, of which none is believed before `state` and `iss` are right."""
        if not answer:
            return None
        if not hmac.compare_digest(answer.get("state", "").encode(), state["back"].encode()):
            raise NotIdentified("unproven", "another state")
        self._check_issuer(answer.get("iss"))
        if "error" in answer:
            raise NotIdentified(WHY.get(answer["error"], "unproven"), f"error {answer['error']!r:.60}")
        if not answer.get("code"):
            raise NotIdentified("unproven", "no code")
        tokens = self._tokens(state, answer["code"])
        claims, key = self._claims(str(tokens.get("id_token") or ""), state["nonce"], tokens.get("access_token"))
        evidence = {"id_token": tokens["id_token"], "key": key.as_dict(private=False)}
        if self._provider.uses_userinfo:
            evidence["userinfo"] = self._userinfo(str(tokens.get("access_token") or ""), claims["sub"])
            claims = claims | evidence["userinfo"]
        return self._person(claims, evidence)

    # ---- what a provider says of itself -------------------------------------------------------------------------------

    def _fetch(self, url: str, *, anew: bool = False) -> dict[str, Any]:
        """A public document of the provider, at most an hour old."""
        with self._lock:
            fetched_at, document = self._kept.get(url, (0.0, {}))
        if document and not anew and time.monotonic() - fetched_at < KEPT_SECONDS:
            return document
        document = self._ask("GET", url, {200: ""}).json()
        with self._lock:
            self._kept[url] = time.monotonic(), document
        return document

    def _metadata(self) -> dict[str, Any]:
        """The discovery document; empty for a provider all of whose addresses are configured."""
        if self._provider.authorization_endpoint and self._provider.token_endpoint and self._provider.jwks_uri:
            return {}
        found = self._fetch(f"{self._provider.base_url.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._provider.base_url:
            raise NotIdentified("unavailable", "the discovery document is another issuer's")
        return found

    def _endpoint(self, name: str) -> str:
        url = getattr(self._provider, name) or self._metadata().get(name)
        # What is fetched there must not be readable or changeable on the way, wherever the issuer itself is not.
        if not isinstance(url, str) or urlsplit(url).scheme not in {"https", urlsplit(self._provider.base_url).scheme}:
            raise NotIdentified("unavailable", f"no safe {name}")
        return url

    def _check_issuer(self, issuer: str | None) -> None:
        """RFC 9207: an answer that says who gave it must say the right one, and one that promised to say must not be silent."""
        promised = self._metadata().get("authorization_response_iss_parameter_supported") is True
        if (issuer is None and promised) or (issuer is not None and issuer != self._provider.base_url):
            raise NotIdentified("unproven", "another issuer in the redirect")

    # ---- tokens -------------------------------------------------------------------------------------------------------

    def _tokens(self, state: Mapping[str, Any], code: str) -> dict[str, Any]:
        """Change the code, which the provider takes once, for the tokens."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": state["callback_url"],
            "code_verifier": state["verifier"],
        }
        headers = {"Accept": "application/json"}
        provider = self._provider
        if provider.client_auth == "client_secret_basic":
            pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields["client_id"] = provider.client_id
        if provider.client_auth == "client_secret_post":
            fields["client_secret"] = provider.client_secret
        elif provider.client_auth == "private_key_jwt":
            fields["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            fields["client_assertion"] = self._assertion()
        # 400: a code that was used, is too old, is another's, or came with another verifier. 401: it is we who are not known.
        answer = self._ask("POST", self._endpoint("token_endpoint"), {200: "", 400: "unproven"}, fields=fields, headers=headers)
        return answer.json()

    def _assertion(self) -> str:
        """Who we are, signed for this provider alone (RFC 7523, with the issuer as the only audience)."""
        try:
            pem = Path(self._provider.client_key).read_bytes()
            is_elliptic = isinstance(serialization.load_pem_private_key(pem, None), ec.EllipticCurvePrivateKey)
            key: RSAKey | ECKey = ECKey.import_key(pem) if is_elliptic else RSAKey.import_key(pem)
        except (OSError, ValueError, TypeError) as error:
            raise NotIdentified("unavailable", f"client_key: {type(error).__name__}") from error
        now, who = int(time.time()), self._provider.client_id
        claims: dict[str, Any] = {"iss": who, "sub": who, "aud": self._provider.base_url, "jti": secrets.token_urlsafe(16)}
        claims |= {"iat": now, "exp": now + CLIENT_TOKEN_SECONDS}
        algorithm = "ES256" if isinstance(key, ECKey) else "PS256"
        return jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])

    def _claims(self, token: str, nonce: str, access_token: object) -> tuple[dict[str, Any], Key]:
        """What the id_token says, if it is this provider's, for us, of this flow, and of now (OpenID Connect Core 3.1.3.7)."""
        provider, used = self._provider, list[Key]()

        def key_of(said: Any) -> Key:
            used.append(self._key(said.headers()))
            return used[0]

        try:
            # Headers of the provider's own making do no harm; critical ones that we do not know are refused all the same.
            found = jwt.decode(token, key_of, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))
            claims = found.claims
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "values": [provider.base_url, *provider.other_issuers.split()]},
                aud={"essential": True, "value": provider.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise NotIdentified("unproven", f"id_token: {type(error).__name__} {error}") from error
        # joserfc takes a list for what is in it.
        if claims["nonce"] != nonce or claims.get("azp", provider.client_id) != provider.client_id:
            raise NotIdentified("unproven", "id_token: of another flow, or given to another client")
        if "azp" not in claims and claims["aud"] not in (provider.client_id, [provider.client_id]):
            raise NotIdentified("unproven", "id_token: for others too, and nobody says whose it is")
        if "at_hash" in claims and claims["at_hash"] != _half_hash(found.header["alg"], str(access_token or "")):
            raise NotIdentified("unproven", "id_token: another access token")
        if provider.acr and claims.get("acr") not in provider.acr.split():
            raise NotIdentified("unsuitable", "id_token: too weak a sign-in")
        return claims, used[0]

    def _key(self, header: Mapping[str, Any]) -> Key:
        """The provider's key that a token says it was signed with; fetched anew, once, when it is not among the known ones."""
        url = self._endpoint("jwks_uri")
        for anew in (False, True):
            found = _fitting(self._fetch(url, anew=anew), header)
            if found:
                return found
        raise NotIdentified("unproven", "id_token: no such key")

    def _userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        if not TOKEN.fullmatch(access_token):
            raise NotIdentified("unavailable", "an access token that no header can carry")
        url = self._endpoint("userinfo_endpoint")
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        found = self._ask("GET", url, {200: "", 401: "unproven"}, headers=headers).json()
        if found.get("sub") != subject:
            raise NotIdentified("unproven", "userinfo of somebody else")
        return found

    def _ask(self, method: str, url: str, statuses: Mapping[int, str], **more: Any) -> http.Answer:
        """One question to the provider. `statuses`: which of its answers mean what for the person; all others are its trouble, or ours."""
        try:
            answer = self._client.ask(method, url, **more)
            why = statuses.get(answer.status, "unavailable")
            if why:
                error = answer.json().get("error") if answer.status in (400, 401) else ""
                raise NotIdentified(WHY.get(str(error), why), f"{urlsplit(url).path} answered {answer.status} {error!r:.60}")
            answer.json()
        except http.Unreachable as error:
            raise NotIdentified("unavailable", f"{urlsplit(url).path}: {error}") from error
        return answer

    # ---- the person ---------------------------------------------------------------------------------------------------

    def _person(self, claims: Mapping[str, Any], evidence: Mapping[str, Any]) -> Person:
        provider = self._provider

        def said(claim: str) -> str:
            value = claims.get(claim) if claim else None
            return value.strip()[:100] if isinstance(value, str) else ""

        first_name, last_name = said(provider.first_name), said(provider.last_name)
        if not provider.personal_code:
            # Always the configured spelling of the issuer: two spellings are not two people.
            return Person(
                self.name, "SUB", claims["sub"], issuer=provider.base_url, first_name=first_name, last_name=last_name,
                level=provider.level, evidence=evidence,
            )  # fmt: skip
        if not said(provider.personal_code):
            raise NotIdentified("unsuitable", "no personal code")
        country = said(provider.country).upper()
        try:
            whose, code = codes.read(said(provider.personal_code), country or provider.home)
            born_on = date.fromisoformat(said(provider.born_on)) if said(provider.born_on) else None
        except ValueError as error:
            raise NotIdentified("unproven", str(error).partition(":")[0]) from error
        if country and whose != country:
            raise NotIdentified("unproven", "a personal code of another country")
        return Person(
            self.name, "PNO", code, country=whose, issuer=provider.base_url, first_name=first_name, last_name=last_name,
            born_on=born_on or codes.born_on(whose, code), born_from="claim" if born_on else "code",
            level=provider.level, evidence=evidence,
        )  # fmt: skip


def _fitting(document: Mapping[str, Any], header: Mapping[str, Any]) -> Key | None:
    """The one key for signatures that has this name, or that alone can have made this kind of signature where none is named."""
    try:
        keys = list(KeySet.import_key_set(document))  # type: ignore[arg-type]
    except (JoseError, ValueError, KeyError, TypeError):
        return None
    kind = "EC" if str(header.get("alg")).startswith("ES") else "RSA"
    fit = [
        key for key in keys
        if key.key_type == kind and key.get("use", "sig") == "sig" and key.get("alg", header.get("alg")) == header.get("alg")
        and ("kid" not in header or key.kid == header["kid"])
    ]  # fmt: skip
    return fit[0] if len(fit) == 1 else None


def _hashed(text: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()


def _half_hash(algorithm: str, token: str) -> str:
    digest = hashlib.new(f"sha{algorithm[2:]}", token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
