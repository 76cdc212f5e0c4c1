"""Whether an issuer has taken a certificate back: its responder is asked (OCSP, RFC 6960), and where that does not answer its list (CRL).

Nobody is taken for not revoked because nobody answered.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from integrations import http
from integrations.identity import NotIdentified
from integrations.identity.certificates import Trust, extension

SKEW = timedelta(minutes=5)  # between two clocks
FRESH = timedelta(minutes=15)  # an answer that does not say until when it holds
SECONDS, LIST_SECONDS = 2.0, 5.0
LONGEST_LIST_BYTES = 30_000_000
WEAK = (hashes.MD5, hashes.SHA1)


class Revoked(NotIdentified):
    """Taken back by its issuer."""

    def __init__(self, certificate: x509.Certificate) -> None:
        super().__init__("unsuitable", f"certificate {certificate.serial_number:x} has been revoked")


class Silent(Exception):
    """Nothing was said that could be believed."""


def check(path: list[x509.Certificate], trust: Trust, client: http.Client, ocsp_url: str = "") -> list[bytes]:
    """Ask about the first of a chain, and about each issuer above it that names whom to ask; the last is believed by itself.

    `ocsp_url`: asked instead of the addresses in the certificates. Returns the answers, to keep.
    Raises NotIdentified: revoked, or nobody who may say so answers.
    """
    said = []
    for certificate, issuer in pairwise(path):
        responders, lists = [ocsp_url] if ocsp_url else list(_responders(certificate)), list(_lists(certificate))
        if certificate is path[0] or responders or lists:
            said.append(_one(certificate, issuer, trust, client, responders, lists))
    return said


def _one(
    certificate: x509.Certificate, issuer: x509.Certificate, trust: Trust, client: http.Client, responders: list[str], lists: list[str]
) -> bytes:
    failed = []
    for url in responders[:1]:
        try:
            return _ask(certificate, issuer, trust, client, url)
        except (Silent, http.Unreachable) as error:
            failed.append(f"OCSP: {error}")
    for url in lists[:1]:
        try:
            return _look(certificate, issuer, client, url)
        except (Silent, http.Unreachable) as error:
            failed.append(f"CRL: {error}")
    why = "; ".join(failed) or "nobody to ask"
    raise NotIdentified("unavailable", f"revocation of {certificate.serial_number:x} is unknown ({why})")


def _responders(certificate: x509.Certificate) -> Iterator[str]:
    for one in extension(certificate, x509.AuthorityInformationAccess) or ():
        if one.access_method == AuthorityInformationAccessOID.OCSP:
            yield from _address(one.access_location)


def _lists(certificate: x509.Certificate) -> Iterator[str]:
    for point in extension(certificate, x509.CRLDistributionPoints) or ():
        for name in point.full_name or ():
            yield from _address(name)


def _address(name: x509.GeneralName) -> Iterator[str]:
    if isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith(("http://", "https://")):
        yield name.value


# ---- the responder ----------------------------------------------------------------------------------------------------


def _ask(certificate: x509.Certificate, issuer: x509.Certificate, trust: Trust, client: http.Client, url: str) -> bytes:
    nonce = secrets.token_bytes(32)
    # SHA-1 only names the certificate here, and every responder knows it; nothing is signed by it.
    question = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
    body = question.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(serialization.Encoding.DER)
    headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
    answer = client.ask("POST", url, body=body, headers=headers, seconds=SECONDS)
    if answer.status != 200:
        raise Silent(f"status {answer.status}")
    try:
        said = ocsp.load_der_ocsp_response(answer.body)
        if said.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise Silent(said.response_status.name)
        _check_signer(said, issuer, trust)
        _check_nonce(said, nonce)
        status = _status(said, certificate, issuer)
    except (ValueError, TypeError, x509.DuplicateExtension, UnsupportedAlgorithm) as error:
        raise Silent("an answer that cannot be read") from error
    _check_fresh(status.this_update_utc, status.next_update_utc)
    if status.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        raise Revoked(certificate)
    if status.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        # The issuer does not know its own certificate: not a reason to ask elsewhere.
        raise NotIdentified("unproven", f"unknown to its issuer: {certificate.serial_number:x}")
    return answer.body


def _check_signer(said: ocsp.OCSPResponse, issuer: x509.Certificate, trust: Trust) -> None:
    """The issuer itself, one that we were told of, or one that this issuer has named for it."""
    known = [issuer, *trust.responders, *(one for one in said.certificates if _is_delegated(one, issuer))]
    for signer in known:
        if not _is_named(said, signer) or not _is_current(signer):
            continue
        try:
            _verify(signer, said.signature, said.tbs_response_bytes, said.signature_hash_algorithm)
        except (InvalidSignature, UnsupportedAlgorithm):
            continue
        return
    raise Silent("signed by somebody who may not")


def _is_named(said: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    if said.responder_name is not None:
        return said.responder_name == signer.subject
    return said.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest


def _is_delegated(signer: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        signer.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    purposes = extension(signer, x509.ExtendedKeyUsage) or ()
    # Who answers about others must be above the question whether it has been revoked itself.
    return ExtendedKeyUsageOID.OCSP_SIGNING in purposes and extension(signer, x509.OCSPNoCheck) is not None


def _is_current(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc


def _verify(signer: x509.Certificate, signature: bytes, signed: bytes, algorithm: hashes.HashAlgorithm | None) -> None:
    if algorithm is None or isinstance(algorithm, WEAK):
        raise InvalidSignature
    key = signer.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(algorithm))
    else:
        raise InvalidSignature


def _check_nonce(said: ocsp.OCSPResponse, nonce: bytes) -> None:
    """Many responders sign beforehand and give none; one that gives another's answers somebody else's question."""
    for one in said.extensions:
        if isinstance(one.value, x509.OCSPNonce) and one.value.nonce != nonce:
            raise Silent("another question's answer")


def _status(said: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> ocsp.OCSPSingleResponse:
    for one in said.responses:
        # The name of the certificate in the question, hashed as the answer has it.
        asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, one.hash_algorithm).build()
        names = ((it.serial_number, it.issuer_name_hash, it.issuer_key_hash) for it in (one, asked))
        if next(names) == next(names):
            return one
    raise Silent("an answer about another certificate")


def _check_fresh(this_update: datetime, next_update: datetime | None) -> None:
    now = datetime.now(UTC)
    if this_update > now + SKEW or (next_update or this_update + FRESH) < now - SKEW:
        raise Silent("an answer of another time")


# ---- the list ---------------------------------------------------------------------------------------------------------


def _look(certificate: x509.Certificate, issuer: x509.Certificate, client: http.Client, url: str) -> bytes:
    answer = client.ask("GET", url, seconds=LIST_SECONDS, most_bytes=LONGEST_LIST_BYTES)
    if answer.status != 200:
        raise Silent(f"status {answer.status}")
    try:
        found = x509.load_der_x509_crl(answer.body)
        is_ours = found.issuer == issuer.subject and found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        # A list of only some certificates, or of changes since another list, says so by an extension marked critical.
        is_whole = not any(one.critical for one in found.extensions)
        if not is_ours or not is_whole or isinstance(found.signature_hash_algorithm, WEAK):
            raise Silent("not its issuer's own whole list")
        if found.next_update_utc is None:
            raise Silent("a list without an end")
        _check_fresh(found.last_update_utc, found.next_update_utc)
        revoked = found.get_revoked_certificate_by_serial_number(certificate.serial_number)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise Silent("a list that cannot be read") from error
    if revoked is not None:
        raise Revoked(certificate)
    return b""
