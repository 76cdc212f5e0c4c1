"""Whether a certificate may be believed, and whom it names.

Only the issuers of one directory are believed, never those of the host. Judged are the chain, the dates, what each may do, and what the
person's own certificate is for; whether one has been revoked, `revocation` asks.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID as Oid, NameOID

from integrations.identity import NotIdentified, Person, codes

CLIENT_AUTHENTICATION = ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string
SMALLEST_RSA_BITS, SMALLEST_CURVE_BITS = 2048, 256
# Marked critical, an extension that is not judged here makes a certificate unusable.
OF_ISSUERS = {Oid.BASIC_CONSTRAINTS, Oid.KEY_USAGE, Oid.CERTIFICATE_POLICIES, Oid.EXTENDED_KEY_USAGE, Oid.NAME_CONSTRAINTS}
OF_PEOPLE = {Oid.BASIC_CONSTRAINTS, Oid.KEY_USAGE, Oid.CERTIFICATE_POLICIES, Oid.EXTENDED_KEY_USAGE, Oid.SUBJECT_ALTERNATIVE_NAME}
# DER has one spelling: the attribute "date of birth", one value in a set, a GeneralizedTime.
DATE_OF_BIRTH = re.compile(rb"\x06\x08\x2b\x06\x01\x05\x05\x07\x09\x01\x31\x11\x18\x0f([0-9]{8})[0-9]{6}Z")


@dataclass(frozen=True)
class Trust:
    """Whose certificates are believed, and who else may say that one has been revoked."""

    issuers: tuple[x509.Certificate, ...]
    responders: tuple[x509.Certificate, ...] = ()


def trust(folder: str) -> Trust:
    """What lies in a directory of `config/trust`."""
    return Trust(tuple(_read(Path(folder))), tuple(_read(Path(folder) / "responders")))


def _read(folder: Path) -> Iterator[x509.Certificate]:
    for path in sorted(folder.glob("*.pem")):
        yield from x509.load_pem_x509_certificates(path.read_bytes())


@dataclass(frozen=True)
class Profile:
    """What a certificate must be to sign in with."""

    policies: tuple[frozenset[str], ...]  # all of one of these sets
    serves: Callable[[x509.KeyUsage, Set[str]], bool]  # by its key usage and its extended ones (their object identifiers)


def decoded(value: object) -> bytes:
    """The bytes of base64 as SK sends it. Raises NotIdentified."""
    try:
        return base64.b64decode(str(value or "-"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotIdentified("unproven", "not base64") from error


def read(value: object) -> x509.Certificate:
    """A certificate of an answer, unchecked. Raises NotIdentified."""
    try:
        found = x509.load_der_x509_certificate(decoded(value))
        # The library reads these when they are asked for: better here than in the midst of judging.
        _ = found.subject, found.issuer, found.extensions, found.public_key(), found.not_valid_after_utc
        return found
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
        raise NotIdentified("unproven", "not a certificate") from error


def chain(certificate: x509.Certificate, issuers: tuple[x509.Certificate, ...], at: datetime) -> list[x509.Certificate]:
    """The certificate, its issuer, that one's issuer... as far as they are known; all of them good at that moment but for revocation.

    Raises NotIdentified.
    """
    path = [certificate]
    while issuer := next((known for known in issuers if known not in path and _has_issued(known, path[-1])), None):
        path.append(issuer)
    if len(path) == 1:
        raise NotIdentified("unproven", f"untrusted issuer: {certificate.issuer.rfc4514_string()}")
    for below, one in enumerate(path):
        _check_dates(one, at)
        _check_key(one)
        _check_critical(one, OF_ISSUERS if below else OF_PEOPLE)
        constraints = extension(one, x509.BasicConstraints)
        if below == 0:
            if constraints and constraints.ca:
                raise NotIdentified("unproven", "an issuer's certificate, not a person's")
            continue
        usage = extension(one, x509.KeyUsage)
        if not constraints or not constraints.ca or not usage or not usage.key_cert_sign:
            raise NotIdentified("unproven", "issued by who is no issuer")
        if constraints.path_length is not None and constraints.path_length < below - 1:
            raise NotIdentified("unproven", "chain longer than its issuer allows")
        _check_names(certificate, one)
    return path


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_dates(certificate: x509.Certificate, at: datetime) -> None:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise NotIdentified("unsuitable", f"certificate {certificate.serial_number:x} is not valid at {at.astimezone(UTC):%Y-%m-%d %H:%M}")


def _check_key(certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        strong = key.key_size >= SMALLEST_RSA_BITS
    else:
        strong = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= SMALLEST_CURVE_BITS
    if not strong:
        raise NotIdentified("unproven", "weak or unknown key")


def _check_critical(certificate: x509.Certificate, judged: Set[x509.ObjectIdentifier]) -> None:
    if unknown := [one.oid.dotted_string for one in certificate.extensions if one.critical and one.oid not in judged]:
        raise NotIdentified("unproven", f"unknown critical extension {unknown[0]}")


def _check_names(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """SK's issuers may name people and nothing on the network; another kind of limit would have to be judged first."""
    limits = extension(issuer, x509.NameConstraints)
    if not limits:
        return
    networks = (x509.DNSName, x509.IPAddress)
    subtrees = [*(limits.permitted_subtrees or ()), *(limits.excluded_subtrees or ())]
    if not all(isinstance(one, networks) for one in subtrees):
        raise NotIdentified("unproven", "name constraints of another kind than known")
    names = extension(certificate, x509.SubjectAlternativeName)
    if names and any(isinstance(name, networks) for name in names):
        raise NotIdentified("unproven", "a name that its issuer may not give")


def extension(certificate: x509.Certificate, kind: type[x509.extensions.ExtensionTypeVar]) -> x509.extensions.ExtensionTypeVar | None:
    """One extension, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def check_profile(certificate: x509.Certificate, profile: Profile) -> None:
    """Its policies and its purpose. Raises NotIdentified."""
    policies = {one.policy_identifier.dotted_string for one in extension(certificate, x509.CertificatePolicies) or ()}
    if not any(wanted <= policies for wanted in profile.policies):
        raise NotIdentified("unsuitable", f"policies {', '.join(sorted(policies)) or 'none'}")
    usage = extension(certificate, x509.KeyUsage)
    extended = {one.dotted_string for one in extension(certificate, x509.ExtendedKeyUsage) or ()}
    # Who signs contracts with it must not sign in with it: that key says "I agree".
    if not usage or not usage.digital_signature or usage.content_commitment or not profile.serves(usage, extended):
        raise NotIdentified("unproven", "not a certificate to sign in with")


def asked_code(spelled: str) -> tuple[str, str]:
    """The country and the code that somebody typed ("LT-40404040009"). Raises NotIdentified, before anybody is asked."""
    try:
        country, code = codes.read(spelled, "")
    except ValueError as error:
        raise NotIdentified("unsuitable", str(error)) from error
    if not country:
        raise NotIdentified("unsuitable", "a personal code of no country")
    return country, code


def person(certificate: x509.Certificate, method: str) -> Person:
    """Whom it names. Raises NotIdentified where that is not one person with a personal code."""
    serial = _one(certificate, NameOID.SERIAL_NUMBER)
    if re.fullmatch(r"[0-9]{11}", serial) and _one(certificate, NameOID.COUNTRY_NAME) == "EE":
        serial = f"PNOEE-{serial}"  # Estonian Mobile-ID leaves the prefix out
    found = re.fullmatch(r"PNO([A-Z]{2})-([0-9A-Z][0-9A-Z-]{3,29})", serial)
    if not found:
        raise NotIdentified("unsuitable", "no personal code in the certificate")
    country, code = found[1], codes.canonical(found[1], found[2])
    born_on, born_from = _born_on(certificate), "certificate"
    if not born_on:
        born_on, born_from = codes.born_on(country, code), "code"
    return Person(
        method=method,
        scheme="PNO",
        code=code,
        country=country,
        first_name=_one(certificate, NameOID.GIVEN_NAME),
        last_name=_one(certificate, NameOID.SURNAME),
        born_on=born_on,
        born_from=born_from if born_on else "",
    )


def _one(certificate: x509.Certificate, name: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(name)
    if len(found) != 1 or not found[0].value:
        raise NotIdentified("unproven", f"the subject must say {name._name} once")
    return str(found[0].value)


def _born_on(certificate: x509.Certificate) -> date | None:
    for one in certificate.extensions:
        if one.oid.dotted_string == "2.5.29.9" and (found := DATE_OF_BIRTH.search(one.value.public_bytes())):
            return datetime.strptime(found[1].decode(), "%Y%m%d").replace(tzinfo=UTC).date()
    return None
