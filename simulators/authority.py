"""An issuer of certificates, acted: a root, an issuer below it with SK's real profile, and its responder about revocation."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from simulators.people import Actor

YEARS = timedelta(days=3650)
TAKEN_BACK, HELD = 0x66, 0x01  # how the serial number starts of what has been revoked, and of what has not
ETSI = {"QUALIFIED": "0.4.0.2042.1.2", "ADVANCED": "0.4.0.2042.1.1", "SIGNING": "0.4.0.194112.1.2"}
SMART_ID = {"QUALIFIED": "1.3.6.1.4.1.10015.17.2", "ADVANCED": "1.3.6.1.4.1.10015.17.1", "SIGNING": "1.3.6.1.4.1.10015.17.2"}
MOBILE_ID = {"QUALIFIED": "1.3.6.1.4.1.10015.18.1", "SIGNING": "1.3.6.1.4.1.10015.18.1"}
SIGN_IN_WITH_SMART_ID = ObjectIdentifier("1.3.6.1.4.1.62306.5.7.0")
# "A qualified certificate" and "on a qualified device" (ETSI EN 319 412-5), in DER: only certificates that sign carry them.
STATEMENTS = bytes.fromhex("3014 3008 06060400 8e460101 3008 06060400 8e460104")


class Authority:
    """Lives in a folder, which it makes at its first start: keys, and under `trust/` whom the product is to believe."""

    def __init__(self, folder: Path, ocsp_url: str) -> None:
        self.folder, self.ocsp_url = folder, ocsp_url
        if not folder.exists():
            _make(folder)
        self.issuer, self.responder = (_certificate(folder / name) for name in ("trust/issuer.pem", "responder.pem"))
        self.issuer_key, self.responder_key, self.rsa_key, self.ec_key = (
            serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None) for name in ("issuer", "responder", "rsa", "ec")
        )

    def issue(
        self,
        actor: Actor,
        *,
        mobile: bool = False,
        kind: str = "QUALIFIED",
        document: str = "",
        days: tuple[int, int] = (-30, 700),
        revoked: bool = False,
        ocsp_url: str = "",
    ) -> x509.Certificate:
        """A person's certificate: to sign in with ("QUALIFIED", "ADVANCED") or to sign ("SIGNING"). `days`: from and until, from today."""
        signs = kind == "SIGNING"
        now = datetime.now(UTC)
        # Estonian Mobile-ID leaves the prefix out.
        serial = actor.code if mobile and actor.country == "EE" else f"PNO{actor.country}-{actor.code}"
        subject = [
            x509.NameAttribute(NameOID.COUNTRY_NAME, actor.country),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{actor.last_name},{actor.first_name}"),
            x509.NameAttribute(NameOID.SURNAME, actor.last_name),
            x509.NameAttribute(NameOID.GIVEN_NAME, actor.first_name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, serial),
        ]
        number = (TAKEN_BACK if revoked else HELD) << 120 | int.from_bytes(os.urandom(15))
        arcs = (MOBILE_ID if mobile else SMART_ID)[kind], ETSI[kind]
        made = (
            x509.CertificateBuilder(serial_number=number)
            .subject_name(x509.Name(subject))
            .issuer_name(self.issuer.subject)
            .public_key((self.ec_key if mobile else self.rsa_key).public_key())  # type: ignore[arg-type]
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
            .add_extension(usage(content_commitment=True) if signs else usage(digital_signature=True, key_agreement=mobile), critical=True)
            .add_extension(x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier(arc), None) for arc in arcs]), critical=False)
            .add_extension(responder_at(ocsp_url or self.ocsp_url), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuer.public_key()), critical=False)  # type: ignore[arg-type]
        )
        if signs:
            made = made.add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.5.5.7.1.3"), STATEMENTS), critical=False)
        elif not mobile:
            made = made.add_extension(x509.ExtendedKeyUsage([SIGN_IN_WITH_SMART_ID]), critical=False)
        if document:
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, document)])
            made = made.add_extension(x509.SubjectAlternativeName([x509.DirectoryName(name)]), critical=False)
        if not mobile:
            born = b"\x18\x0f" + f"{actor.born_on:%Y%m%d}120000Z".encode()
            attribute = b"\x30\x1d\x06\x08\x2b\x06\x01\x05\x05\x07\x09\x01\x31\x11" + born
            made = made.add_extension(x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.9"), b"\x30\x1f" + attribute), critical=False)
        return made.sign(self.issuer_key, hashes.SHA384())  # type: ignore[arg-type]

    def answer(self, question: bytes) -> bytes:
        """What the issuer's responder says to an OCSP request."""
        asked = ocsp.load_der_ocsp_request(question)
        about_us = ocsp.OCSPRequestBuilder().add_certificate(self.issuer, self.issuer, asked.hash_algorithm).build()
        if asked.issuer_key_hash != about_us.issuer_key_hash:
            return ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED).public_bytes(
                serialization.Encoding.DER
            )
        status = ocsp.OCSPCertStatus.REVOKED if asked.serial_number >> 120 == TAKEN_BACK else ocsp.OCSPCertStatus.GOOD
        return answer(asked, self.responder, self.responder_key, status=status)


def answer(
    asked: ocsp.OCSPRequest,
    signer: x509.Certificate,
    key: Any,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    nonce: bytes | None = None,
    at: datetime | None = None,
) -> bytes:
    """An OCSP response by `signer`, about what was asked; the tests bend it."""
    now = at or datetime.now(UTC)
    is_revoked = status is ocsp.OCSPCertStatus.REVOKED
    made = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=asked.serial_number,
        algorithm=asked.hash_algorithm,
        cert_status=status,
        this_update=now,
        next_update=None,
        revocation_time=now - timedelta(days=1) if is_revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
    )
    made = made.responder_id(ocsp.OCSPResponderEncoding.HASH, signer).certificates([signer])
    for one in asked.extensions:
        if isinstance(one.value, x509.OCSPNonce):
            made = made.add_extension(x509.OCSPNonce(nonce or one.value.nonce), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def usage(**allowed: bool) -> x509.KeyUsage:
    """A key usage with only these."""
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
    )
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names}, encipher_only=False, decipher_only=False)


def responder_at(url: str) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))]
    )


def certified(
    name: str,
    key: Any,
    issuer: x509.Certificate | None,
    issuer_key: Any,
    more: Sequence[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    """A certificate of an authority: signed by its issuer, or (None) by itself."""
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Savitarna simulators")]
    )
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=issuer.subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number() >> 8,
        not_valid_before=now - timedelta(days=60),
        not_valid_after=now + YEARS,
    )
    for extension, critical in more:
        made = made.add_extension(extension, critical=critical)
    return made.sign(issuer_key or key, hashes.SHA384())


def _make(folder: Path) -> None:
    """Everything at once: of two processes that start together the first one's hold."""
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    (draft / "trust").mkdir(parents=True)
    keys = {name: ec.generate_private_key(ec.SECP384R1()) for name in ("root", "issuer", "responder")}
    everyones = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}
    issuing = (x509.BasicConstraints(ca=True, path_length=None), True), (usage(key_cert_sign=True, crl_sign=True), True)
    root = certified("TEST of simulated root", keys["root"], None, None, issuing)
    below = (x509.BasicConstraints(ca=True, path_length=0), True), issuing[1]
    issuer = certified("TEST of simulated issuer", keys["issuer"], root, keys["root"], below)
    speaking = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False), (x509.OCSPNoCheck(), False)
    responder = certified("TEST of simulated responder", keys["responder"], issuer, keys["issuer"], speaking)
    for name, certificate in (("trust/root", root), ("trust/issuer", issuer), ("responder", responder)):
        (draft / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    for name, key in (keys | everyones).items():
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        os.close(os.open(draft / f"{name}.key", os.O_CREAT | os.O_WRONLY, 0o600))
        (draft / f"{name}.key").write_bytes(text)
    with suppress(OSError):
        draft.rename(folder)
    shutil.rmtree(draft, ignore_errors=True)


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())
