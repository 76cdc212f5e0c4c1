"""Whether a signature is that of a certificate's key, in the four ways that SK's answers come in."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from integrations.identity import NotIdentified
from integrations.identity.certificates import decoded

HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "SHA-256": hashes.SHA256, "SHA-384": hashes.SHA384, "SHA-512": hashes.SHA512,
    "SHA3-256": hashes.SHA3_256, "SHA3-384": hashes.SHA3_384, "SHA3-512": hashes.SHA3_512,
}  # fmt: skip
PSS = "rsassa-pss"


def check(certificate: x509.Certificate, signature: Mapping[str, Any], data: bytes, *, algorithm: str, hash_name: str) -> None:
    """That a Smart-ID v3 `signature` object is the certificate's over `data`, made as we had asked. Raises NotIdentified."""
    if signature.get("signatureAlgorithm") != algorithm:
        raise NotIdentified("unproven", "signed by another algorithm than asked for")
    if algorithm == PSS and hash_name in HASHES:
        _check_pss_parameters(signature.get("signatureAlgorithmParameters"), hash_name)
        made = HASHES[hash_name]()
        scheme: padding.AsymmetricPadding = padding.PSS(padding.MGF1(HASHES[hash_name]()), made.digest_size)
    else:
        scheme, hash_name = padding.PKCS1v15(), _hash_of(algorithm)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotIdentified("unproven", "not an RSA key")
    _hold(lambda: key.verify(decoded(signature.get("value")), data, scheme, HASHES[hash_name]()))


def _check_pss_parameters(said: Any, hash_name: str) -> None:
    """The answer must name what we take for granted: a signature is checked as it says, and it may say nothing else."""
    wanted = {
        "hashAlgorithm": hash_name,
        "maskGenAlgorithm": {"algorithm": "id-mgf1", "parameters": {"hashAlgorithm": hash_name}},
        "saltLength": HASHES[hash_name]().digest_size,
        "trailerField": "0xbc",
    }
    if not _holds(said, wanted):
        raise NotIdentified("unproven", "signed with other parameters than asked for")


def _holds(said: Any, wanted: Any) -> bool:
    """Whether all that is wanted is said; what else is said does not matter."""
    if isinstance(wanted, dict):
        return isinstance(said, dict) and all(_holds(said.get(name), value) for name, value in wanted.items())
    return type(said) is type(wanted) and said == wanted


def _hash_of(algorithm: str) -> str:
    name = f"SHA-{algorithm[3:6]}"
    if name not in HASHES or algorithm.upper() != f"SHA{algorithm[3:6]}WITHRSAENCRYPTION":
        raise NotIdentified("unproven", "unknown algorithm")
    return name


def check_hash(certificate: x509.Certificate, value: object, algorithm: object, hashed: bytes, hash_type: str) -> None:
    """That `value` signs what had already been hashed by `hash_type` ("SHA512"), as in Smart-ID v2 and Mobile-ID. Raises NotIdentified."""
    name = f"SHA-{hash_type.removeprefix('SHA')}"
    if name not in HASHES:
        raise NotIdentified("unproven", "unknown hash")
    how, key, signature = Prehashed(HASHES[name]()), certificate.public_key(), decoded(value)
    # SK has written the algorithm's name in capitals and in small letters.
    kind = str(algorithm).upper().removeprefix(hash_type.upper())
    if isinstance(key, rsa.RSAPublicKey) and kind == "WITHRSAENCRYPTION":
        _hold(lambda: key.verify(signature, hashed, padding.PKCS1v15(), how))
    elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "WITHECENCRYPTION":
        _hold(lambda: key.verify(_der(signature, key), hashed, ec.ECDSA(how)))
    else:
        raise NotIdentified("unproven", "not the algorithm of its key and hash")


def _der(value: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """SK gives r and s one after the other, each as long as the curve."""
    size = (key.curve.key_size + 7) // 8
    if len(value) != 2 * size:
        raise NotIdentified("unproven", "the signature is not as long as its key")
    return encode_dss_signature(int.from_bytes(value[:size]), int.from_bytes(value[size:]))


def _hold(verify: Any) -> None:
    try:
        verify()
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise NotIdentified("unproven", "the signature does not hold") from error
