"""Banks, Google and Facebook, acted: an OpenID Connect provider for each [oidc.<name>] of the configuration that is in simulator mode.

It keeps nothing but its keys and which codes were used: a code is sealed and carries what was asked and who was chosen.
"""

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, abort, redirect, render_template, request
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.jwk import ECKey

from config import Config
from config.identity import OpenId
from simulators import stage
from simulators.people import PEOPLE, Actor

ALGORITHM, CODE_SECONDS, TOKEN_SECONDS = "ES256", 60, 300


def create_app(config: Config) -> Flask:
    """To be mounted under /simulators/oidc. Raises Misconfigured in production."""
    app = stage.make("oidc", config)
    kept = config.place.simulators_dir / "oidc"
    codes = URLSafeTimedSerializer(config.key("customer_secret_key"), "simulators.oidc.code")
    tokens = URLSafeTimedSerializer(config.key("customer_secret_key"), "simulators.oidc.token")

    def provider(name: str) -> OpenId:
        found = config.sign_in_methods("").get(name)
        if not isinstance(found, OpenId) or found.mode != "simulator":
            abort(404)
        return found

    def key(name: str) -> ECKey:
        return ECKey.import_key(stage.kept(kept / f"{name}.pem", lambda: ECKey.generate_key("P-256").as_pem(private=True)))

    @app.get("/<name>/.well-known/openid-configuration")
    def discovery(name: str) -> dict[str, Any]:
        issuer = provider(name).base_url
        return {
            "issuer": issuer,
            **{endpoint: f"{issuer}/{path}" for endpoint, path in OpenId.ENDPOINTS.items()},
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    @app.get("/<name>/jwks")
    def jwks(name: str) -> dict[str, Any]:
        provider(name)
        return {"keys": public_keys(key(name))}

    @app.get("/<name>/authorize")
    def authorize(name: str) -> str:
        """Who do you want to be? Each answer is a link back with a code of its own."""
        known, asked = provider(name), request.args
        wrong = [
            said
            for said, is_wrong in (
                ("client_id", asked.get("client_id") != known.client_id),
                ("response_type", asked.get("response_type") != "code"),
                ("scope", "openid" not in asked.get("scope", "").split()),
                ("redirect_uri", urlsplit(asked.get("redirect_uri", "")).scheme not in ("http", "https")),
                ("code_challenge", len(asked.get("code_challenge", "")) != 43 or asked.get("code_challenge_method") != "S256"),
            )
            if is_wrong
        ]
        if wrong:
            abort(Response(render_template("simulators/refused.html", title=known.title, wrong=wrong), 400))
        flow = {"name": name, **{part: asked.get(part, "") for part in ("redirect_uri", "nonce", "code_challenge")}}

        def back(**fields: str) -> str:
            address = asked["redirect_uri"]
            fields = {**fields, "state": asked.get("state", "")}
            # Facebook does not say who it is.
            fields |= {} if known.profile == "facebook" else {"iss": known.base_url}
            return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(fields)}"

        people = [(who, back(code=str(codes.dumps(flow | {"person": at})))) for at, who in enumerate(PEOPLE)]
        cancel = back(error="access_denied", error_description="The user said no")
        return render_template("simulators/choose.html", title=known.title, knows_codes=known.level == "high", people=people, cancel=cancel)

    @app.post("/<name>/token")
    def token(name: str) -> Response:
        known, asked = provider(name), request.form
        if not _is_client(known):
            return _refused("invalid_client", 401)
        try:
            flow = codes.loads(asked.get("code", ""), max_age=CODE_SECONDS)
        except BadData:
            return _refused("invalid_grant")
        used = hashlib.sha256(asked["code"].encode()).hexdigest()
        challenge = _half(hashlib.sha256(asked.get("code_verifier", "").encode()).digest())
        is_ours = (flow["name"], flow["redirect_uri"], flow["code_challenge"]) == (name, asked.get("redirect_uri"), challenge)
        if not is_ours or not stage.taken(kept / "used", used):
            return _refused("invalid_grant")
        access_token = str(tokens.dumps({"name": name, "person": flow["person"]}))
        now, who = int(time.time()), PEOPLE[flow["person"]]
        claims = {"iss": known.base_url, "aud": known.client_id, "iat": now, "exp": now + TOKEN_SECONDS, "nonce": flow["nonce"]}
        claims |= {"at_hash": _half(hashlib.sha256(access_token.encode()).digest()[:16]), **said_of(who, known)}
        return _json(
            {"access_token": access_token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "id_token": signed(claims, key(name))}
        )

    @app.get("/<name>/userinfo")
    def userinfo(name: str) -> Response:
        known = provider(name)
        try:
            flow = tokens.loads(request.headers.get("Authorization", "").removeprefix("Bearer "), max_age=TOKEN_SECONDS)
        except BadData:
            return _refused("invalid_token", 401)
        return _json(said_of(PEOPLE[flow["person"]], known)) if flow["name"] == name else _refused("invalid_token", 401)

    @app.get("/")
    def index() -> Response:
        return redirect(config.customer_url)

    return app


def said_of(who: Actor, provider: OpenId) -> dict[str, str]:
    """The claims about a person; the subject is another one with each provider."""
    subject = hashlib.sha256(f"{provider.name}:{who.country}{who.code}".encode()).hexdigest()[:21]
    said = {"sub": subject, "given_name": who.first_name, "family_name": who.last_name}
    if provider.personal_code:
        said |= {provider.personal_code: who.code, provider.country: who.country}
    return said


def signed(claims: dict[str, Any], key: ECKey) -> str:
    return jwt.encode({"alg": ALGORITHM, "kid": key.thumbprint()}, claims, key, algorithms=[ALGORITHM])


def public_keys(key: ECKey) -> list[dict[str, Any]]:
    return [public_key(key)]


def public_key(key: ECKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}


def _is_client(provider: OpenId) -> bool:
    given = request.authorization
    if given and given.type == "basic":
        return (given.username, given.password) == (provider.client_id, provider.client_secret)
    return (request.form.get("client_id"), request.form.get("client_secret")) == (provider.client_id, provider.client_secret)


def _half(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _json(what: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(what), status, mimetype="application/json")


def _refused(error: str, status: int = 400) -> Response:
    return _json({"error": error}, status)
