"""SK's services, acted: Smart-ID (third and second version), Mobile-ID, the responder about revocation, and everybody's phone.

The phone is a page: it shows who asks and for what, and answers as a chosen person, rightly or in one of the ways that must be refused.
"""

import base64
import hashlib
import json
import secrets
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as N_

from config import Config
from integrations.identity import mobile_id, signatures, smart_id
from simulators import sk_requests, stage
from simulators.authority import Authority
from simulators.people import PEOPLE, Actor

SECONDS = 120  # how long a person may think
SCHEME = "smart-id-demo"
ALGORITHMS: dict[str, Any] = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}
# Answers that must be refused: what a forger, a thief or a fault could send.
WRONGS = {
    "": N_("nothing, it is as it should be"),
    "other_person": N_("another person's certificate"),
    "expired": N_("an expired certificate"),
    "revoked": N_("a revoked certificate"),
    "silent": N_("a certificate whose issuer answers nothing"),
    "untrusted": N_("an unknown issuer"),
    "signing_certificate": N_("the certificate that signs contracts"),
    "low_level": N_("a Smart-ID of the lower level"),
    "wrong_challenge": N_("a signature of another challenge"),
    "broken_signature": N_("a broken signature"),
    "wrong_flow": N_("an answer by another flow"),
    "wrong_callback": N_("a callback of another session"),
    "unknown_result": N_("a result that does not exist yet"),
}
REFUSED = {"refuse": "USER_REFUSED", "wrong_code": "WRONG_VC", "timeout": "TIMEOUT", "unusable": "DOCUMENT_UNUSABLE"}
REFUSED_BY_MOBILE = {"refuse": "USER_CANCELLED", "wrong_code": "USER_CANCELLED", "timeout": "TIMEOUT", "unusable": "NOT_MID_CLIENT"}


class Sk:
    """The services behind the pages; what was asked is kept in a file, so that every process of the product knows it."""

    def __init__(self, folder: Path, url: str) -> None:
        """`url`: where this is mounted, for links and certificates."""
        self.url = url
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(folder, f"{url}/ocsp")
        self.stranger = Authority(folder.with_name(f"{folder.name}-stranger"), f"{url}/ocsp")
        self._file = folder / "sessions.db"
        with self._table() as table:
            table.execute("CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, begun REAL NOT NULL, data TEXT NOT NULL)")

    @contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=10)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")  # nobody misses a sign-in that was acted before the power went
            yield connection

    # ---- sessions ----

    def begin(self, kind: str, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
        """`kind`: "v3", "v2" or "mobile"."""
        session = {"id": str(uuid.uuid4()), "kind": kind, "asked": asked, "said": None, "opened": True, "begun": time.time()} | more
        with self._table() as table:
            table.execute("DELETE FROM session WHERE begun < ?", (session["begun"] - 3600,))
            table.execute("INSERT INTO session VALUES (?, ?, ?)", (session["id"], session["begun"], json.dumps(session)))
        return session

    def session(self, number: str) -> dict[str, Any]:
        """One session; 404 where there is none."""
        with self._table() as table:
            found = table.execute("SELECT data FROM session WHERE id = ?", (number,)).fetchone()
        session = json.loads(found[0]) if found else abort(404)
        if session["said"] is None and time.time() - session["begun"] > SECONDS:
            self._say(session, {"endResult": "TIMEOUT"})
        return session

    def waiting(self) -> list[dict[str, Any]]:
        """What the phones ring about, and the QR codes on screens that could be scanned, newest first."""
        with self._table() as table:
            rows = table.execute("SELECT id FROM session ORDER BY begun DESC LIMIT 50").fetchall()
        sessions = [self.session(number) for (number,) in rows]
        return [one for one in sessions if one["said"] is None and (one["opened"] or not one["state"]["callback"])]

    def qr(self, session: dict[str, Any]) -> str:
        """What its QR code says now."""
        state = session["state"] | {"flow": smart_id.QR, "language": "lit"}
        return smart_id.device_link(state, int(time.time() - session["begun"]))

    def _save(self, session: dict[str, Any]) -> None:
        with self._table() as table:
            table.execute("UPDATE session SET data = ? WHERE id = ?", (json.dumps(session), session["id"]))

    def open_link(self, words: dict[str, str]) -> dict[str, Any]:
        """The session of a device link, if the link is whole and, of a QR code, fresh; 404 and 403 else."""
        with self._table() as table:
            rows = [json.loads(data) for (data,) in table.execute("SELECT data FROM session")]
        session = next((one for one in rows if secrets.compare_digest(one.get("token", ""), words.get("sessionToken", "-"))), None)
        if session is None:
            abort(404)
        state = session["state"] | {"flow": words.get("deviceLinkType", ""), "language": words.get("lang", "")}
        elapsed = int(words.get("elapsedSeconds", "0"))
        expected = smart_id.device_link(state, elapsed)
        stale = state["flow"] == smart_id.QR and abs(time.time() - session["begun"] - elapsed) > 30
        if stale or expected.rpartition("authCode=")[2] != words.get("authCode"):
            abort(403)
        session |= {"opened": True, "flow": state["flow"]}
        self._save(session)
        return session

    # ---- answering ----

    def refuse(self, session: dict[str, Any], how: str) -> None:
        """One of `REFUSED`, or a result as it is."""
        known = REFUSED_BY_MOBILE if session["kind"] == "mobile" else REFUSED
        self._say(session, {"endResult": known.get(how, how)})

    def _say(self, session: dict[str, Any], result: dict[str, Any], **more: Any) -> None:
        is_mobile = session["kind"] == "mobile"
        session["said"] = {"state": "COMPLETE", "result": result["endResult"] if is_mobile else result} | more
        self._save(session)

    def confirm(self, session: dict[str, Any], actor: Actor, wrong: str = "") -> str:
        """Answer as this person. Returns where the phone's browser goes on: to the callback of a same-device link, else nowhere."""
        if wrong == "unknown_result":
            self.refuse(session, "ABDUCTED_BY_ALIENS")
            return ""
        if wrong == "other_person":
            actor = next(one for one in PEOPLE if one.code != actor.code)
        authority = self.stranger if wrong == "untrusted" else self.authority
        kinds = {"signing_certificate": "SIGNING", "low_level": "ADVANCED"}
        is_mobile = session["kind"] == "mobile"
        document = f"PNO{actor.country}-{actor.code}-SIMU-Q"
        certificate = authority.issue(
            actor,
            mobile=is_mobile,
            kind=kinds.get(wrong, "QUALIFIED"),
            document="" if is_mobile else document,
            days=(-700, -1) if wrong == "expired" else (-30, 700),
            revoked=wrong == "revoked",
            ocsp_url=f"{self.url}/silence" if wrong == "silent" else "",
        )
        value = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        asked, result = session["asked"], {"endResult": "OK", "documentNumber": document, "unknownField": "to be ignored"}
        if session["kind"] == "v3":
            return self._confirm_v3(session, authority, value, result, wrong)
        hashed = base64.b64decode(asked["hash"])
        signature = _signature_of(
            authority, hashed if wrong != "wrong_challenge" else secrets.token_bytes(len(hashed)), asked["hashType"], is_mobile
        )
        if wrong == "broken_signature":
            signature = bytes(len(signature))
        said = {"value": base64.b64encode(signature).decode(), "algorithm": _algorithm(asked["hashType"], is_mobile)}
        if is_mobile:
            self._say(session, result, signature=said, cert=value, traceId=secrets.token_hex(8))
        else:
            level = "ADVANCED" if wrong == "low_level" else "QUALIFIED"
            order = asked["allowedInteractionsOrder"]
            cert = {"value": value, "certificateLevel": level}
            self._say(session, result, signature=said, cert=cert, interactionFlowUsed=order[0]["type"])
        return ""

    def _confirm_v3(self, session: dict[str, Any], authority: Authority, value: str, result: dict[str, Any], wrong: str) -> str:
        state, verifier = dict(session["state"]), secrets.token_urlsafe(32)
        state["flow"] = smart_id.NOTIFICATION if session["flow"] == "" else session["flow"]
        if wrong == "wrong_flow":
            state["flow"] = next(flow for flow in (smart_id.QR, smart_id.NOTIFICATION) if flow != state["flow"])
        if wrong == "wrong_challenge":
            state["challenge"] = base64.b64encode(secrets.token_bytes(64)).decode()
        interaction = json.loads(base64.b64decode(state["interactions"]))[0]["type"]
        hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        said = {"serverRandom": base64.b64encode(secrets.token_bytes(18)).decode(), "userChallenge": hashed, "flowType": state["flow"]}
        text = smart_id.signed_text(state, said, interaction).encode()
        signature = _signed(authority, text, state["algorithm"], state["hash"])
        said |= {
            "value": base64.b64encode(bytes(len(signature)) if wrong == "broken_signature" else signature).decode(),
            "signatureAlgorithm": state["algorithm"],
            "signatureAlgorithmParameters": {
                "hashAlgorithm": state["hash"],
                "maskGenAlgorithm": {"algorithm": "id-mgf1", "parameters": {"hashAlgorithm": state["hash"]}},
                "saltLength": signatures.HASHES[state["hash"]]().digest_size,
                "trailerField": "0xbc",
            },
        }
        cert = {"value": value, "certificateLevel": "ADVANCED" if wrong == "low_level" else "QUALIFIED"}
        self._say(session, result, signatureProtocol=state["protocol"], signature=said, cert=cert, interactionTypeUsed=interaction)
        if session["flow"] != smart_id.SAME_DEVICE:
            return ""
        secret = secrets.token_bytes(32) if wrong == "wrong_callback" else base64.b64decode(state["secret"])
        digest = base64.urlsafe_b64encode(hashlib.sha256(secret).digest()).decode().rstrip("=")
        return f"{state['callback']}&sessionSecretDigest={digest}&userChallengeVerifier={verifier}"


def _signed(authority: Authority, text: bytes, algorithm: str, hash_name: str) -> bytes:
    made = signatures.HASHES[hash_name]()
    scheme: Any = padding.PSS(padding.MGF1(made), made.digest_size) if algorithm == signatures.PSS else padding.PKCS1v15()
    return authority.rsa_key.sign(text, scheme, made)  # type: ignore[union-attr, call-arg, arg-type]


def _signature_of(authority: Authority, hashed: bytes, hash_type: str, is_mobile: bool) -> bytes:
    how = Prehashed(ALGORITHMS[hash_type]())
    if not is_mobile:
        return authority.rsa_key.sign(hashed, padding.PKCS1v15(), how)  # type: ignore[union-attr, call-arg, arg-type]
    r, s = decode_dss_signature(authority.ec_key.sign(hashed, ec.ECDSA(how)))  # type: ignore[union-attr, call-arg, arg-type]
    return r.to_bytes(32) + s.to_bytes(32)


def _algorithm(hash_type: str, is_mobile: bool) -> str:
    return f"{hash_type}WithECEncryption" if is_mobile else f"{hash_type.lower()}WithRSAEncryption"


def _actor(code: str) -> Actor | None:
    """The person of "PNOLT-40404040009", of a document's number, or of the code alone."""
    return next((one for one in PEOPLE if one.code in code.split("-") and (one.country in code or "-" not in code)), None)


# ---- the application --------------------------------------------------------------------------------------------------


def create_app(config: Config) -> Flask:
    """The services and the phone. Raises Misconfigured in production."""
    app = stage.make("sk", config)
    sk = app.extensions["sk"] = Sk(config.place.simulators_dir / "sk", f"{config.place.simulators_url}/sk")
    _services(app, sk)
    _phone(app, sk)
    return app


def _services(app: Flask, sk: Sk) -> None:
    @app.post("/smart-id-rp/v3/authentication/<way>/<path:whose>")
    def begin_v3(way: str, whose: str) -> Any:
        asked = request.get_json()
        is_link = way == "device-link"
        if not sk_requests.is_v3(asked, is_link=is_link):
            return _problem(400)
        wanted = asked["signatureProtocolParameters"]
        if whose != "anonymous" and not (actor := _actor(whose)):
            return _problem(404)
        state = {
            "scheme": SCHEME, "relying_party": asked["relyingPartyName"], "brokered": "", "protocol": asked["signatureProtocol"],
            "challenge": wanted["rpChallenge"], "interactions": asked["interactions"], "callback": asked.get("initialCallbackUrl", ""),
            "algorithm": wanted["signatureAlgorithm"], "hash": wanted["signatureAlgorithmParameters"]["hashAlgorithm"],
        }  # fmt: skip
        more: dict[str, Any] = {
            "state": state,
            "code": smart_id.control_code(base64.b64decode(state["challenge"])),
            "opened": not is_link,
            "flow": "",
        }
        more["for"] = "" if whose == "anonymous" else actor.code  # type: ignore[union-attr]
        if is_link:
            more["token"] = secrets.token_urlsafe(18)
            state |= {
                "token": more["token"],
                "secret": base64.b64encode(secrets.token_bytes(32)).decode(),
                "link_base": f"{sk.url}/phone/link",
            }
        session = sk.begin("v3", asked, **more)
        link = {"sessionToken": state["token"], "sessionSecret": state["secret"], "deviceLinkBase": state["link_base"]} if is_link else {}
        return jsonify({"sessionID": session["id"]} | link)

    @app.post("/smart-id-rp/v2/authentication/<path:whose>")
    def begin_v2(whose: str) -> Any:
        actor, asked = _actor(whose), request.get_json()
        if not sk_requests.is_v2(asked):
            return _problem(400)
        if not actor:
            return _problem(404)
        code = smart_id.control_code(base64.b64decode(asked["hash"]))
        return jsonify({"sessionID": sk.begin("v2", asked, code=code, **{"for": actor.code})["id"]})

    @app.post("/mid-api/authentication")
    def begin_mobile() -> Any:
        asked = request.get_json()
        if not sk_requests.is_mobile(asked):
            return _problem(400)
        actor = _actor(asked["nationalIdentityNumber"])
        if not actor or actor.phone != asked["phoneNumber"]:
            # As Mobile-ID does: it says so by the session's result.
            session = sk.begin("mobile", asked, code="", **{"for": ""})
            sk.refuse(session, "NOT_MID_CLIENT")
        else:
            code = mobile_id.control_code(base64.b64decode(asked["hash"]))
            session = sk.begin("mobile", asked, code=code, **{"for": actor.code})
        return jsonify({"sessionID": session["id"]})

    @app.get("/smart-id-rp/v3/session/<number>", endpoint="session_v3")
    @app.get("/smart-id-rp/v2/session/<number>", endpoint="session_v2")
    @app.get("/mid-api/authentication/session/<number>", endpoint="session_mobile")
    def session(number: str) -> Any:
        found = sk.session(number)
        return jsonify(found["said"] or {"state": "RUNNING"} | ({"result": ""} if found["kind"] == "mobile" else {}))

    @app.post("/ocsp")
    def responder() -> Response:
        return Response(sk.authority.answer(request.get_data()), mimetype="application/ocsp-response")


def _problem(status: int) -> Any:
    answer = jsonify(type="about:blank", status=status)
    answer.status_code, answer.mimetype = status, "application/problem+json"
    return answer


def _phone(app: Flask, sk: Sk) -> None:
    @app.get("/phone")
    def phone() -> Any:
        """Everything that rings, and what could be scanned; the page comes anew by itself."""
        waiting = [(_shown(one), "" if one["opened"] else sk.qr(one)) for one in sk.waiting()]
        page = app.make_response(render_template("simulators/phone.html", sessions=waiting))
        page.headers["Refresh"] = "3"
        return page

    @app.get("/phone/link")
    def link() -> Any:
        """Where the QR code and the same-device link lead."""
        return redirect(url_for("request_", number=sk.open_link(request.args.to_dict())["id"]))

    @app.get("/phone/<number>", endpoint="request_")
    def one(number: str) -> Any:
        session = sk.session(number)
        return render_template(
            "simulators/request.html", session=_shown(session), is_over=session["said"] is not None, people=PEOPLE, wrongs=WRONGS
        )

    @app.post("/phone/<number>")
    def decide(number: str) -> Any:
        session, back = sk.session(number), ""
        if session["said"] is None:
            deed = request.form["deed"]
            if deed == "confirm":
                actor = _actor(session["for"] or request.form["person"]) or abort(400)
                back = sk.confirm(session, actor, request.form.get("wrong", ""))
            elif deed.startswith("code:") and deed != f"code:{session['code']}":
                sk.refuse(session, "wrong_code")
            elif deed.startswith("code:"):
                back = sk.confirm(session, _actor(session["for"]) or abort(400), request.form.get("wrong", ""))
            else:
                sk.refuse(session, deed)
        return redirect(back or url_for("request_", number=number), 303)


def _shown(session: dict[str, Any]) -> dict[str, Any]:
    """What the phone shows of it."""
    asked = session["asked"]
    orders = asked.get("allowedInteractionsOrder") or json.loads(base64.b64decode(asked.get("interactions", "W10=")))
    first = orders[0] if orders else {"type": "", "displayText60": asked.get("displayText", "")}
    actor = next((one for one in PEOPLE if one.code == session["for"]), None)
    chooses = "erificationCodeChoice" in first["type"]
    return {
        "id": session["id"],
        "method": {"mobile": "Mobile-ID"}.get(session["kind"], "Smart-ID"),
        "who": asked["relyingPartyName"],
        "text": first.get("displayText200") or first.get("displayText60"),
        "code": session["code"] if actor and not chooses else "",
        "codes": _codes(session["code"]) if chooses else [],
        "actor": asdict(actor) | {"name": actor.name} if actor else None,
    }


def _codes(code: str) -> list[str]:
    """Three codes to choose from, always the same for one session."""
    others = (f"{(int(code) + step) % 10000:04}" for step in (3571, 7193))
    return sorted((code, *others))
