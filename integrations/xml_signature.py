"""Signatures in XML (XML-DSig) as the state's systems use them: one enveloped signature over one element, exclusive canonical form, RSA.

Of a signed document only what was signed exists for us: `verified` gives the signed bytes read anew, so that nothing beside the signature,
wherever it was wrapped in, can be taken for what it covers. The key is the one that is configured: what a signature says of its own key is
not read, nor are a certificate's dates.
"""

import base64
import binascii
import hmac
from copy import deepcopy
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from integrations import xml

DS, C14N = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
SIGNATURES = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512(),
}
DIGESTS = {"http://www.w3.org/2001/04/xmlenc#sha256": hashes.SHA256(), "http://www.w3.org/2001/04/xmlenc#sha512": hashes.SHA512()}
SHA1_SIGNATURES, SHA1_DIGESTS = {DS + "rsa-sha1": hashes.SHA1()}, {DS + "sha1": hashes.SHA1()}  # noqa: S303 - only where it is configured


class Unproven(Exception):
    """The signature does not hold. The message is for the log."""


@cache
def read_private_key(path: str) -> rsa.RSAPrivateKey:
    """The RSA key in a PEM file without a password; read once, for to check it takes long. Raises ValueError, OSError."""
    key = serialization.load_pem_private_key(Path(path).read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


@cache
def read_public_key(path: str) -> rsa.RSAPublicKey:
    """The RSA key in a PEM file, bare or of a certificate, whatever its dates. Raises ValueError, OSError."""
    pem = Path(path).read_bytes()
    key = x509.load_pem_x509_certificate(pem).public_key() if b"CERTIFICATE" in pem else serialization.load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def sign(element: etree._Element, key: rsa.RSAPrivateKey, *, sha1: bool = False) -> None:
    """Put a signature of the whole element, which its `id` names, at its end."""
    digest, signature = (SHA1_DIGESTS, SHA1_SIGNATURES) if sha1 else (DIGESTS, SIGNATURES)
    (digest_name, digest_hash), (signature_name, signature_hash) = next(iter(digest.items())), next(iter(signature.items()))
    value = base64.b64encode(_digest(digest_hash, _canonical(element, ()))).decode()
    made = etree.SubElement(element, f"{{{DS}}}Signature", nsmap={"ds": DS})
    info = etree.SubElement(made, f"{{{DS}}}SignedInfo")
    etree.SubElement(info, f"{{{DS}}}CanonicalizationMethod", Algorithm=C14N)
    etree.SubElement(info, f"{{{DS}}}SignatureMethod", Algorithm=signature_name)
    reference = etree.SubElement(info, f"{{{DS}}}Reference", URI=f"#{element.get('id')}")
    transforms = etree.SubElement(reference, f"{{{DS}}}Transforms")
    for name in (ENVELOPED, C14N):
        etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm=name)
    etree.SubElement(reference, f"{{{DS}}}DigestMethod", Algorithm=digest_name)
    etree.SubElement(reference, f"{{{DS}}}DigestValue").text = value
    signed = key.sign(_canonical(info, ()), padding.PKCS1v15(), signature_hash)
    etree.SubElement(made, f"{{{DS}}}SignatureValue").text = base64.b64encode(signed).decode()


def verified(element: etree._Element, key: rsa.RSAPublicKey, *, takes_sha1: bool = False) -> etree._Element:
    """What is signed in an element that carries its own signature: the element without it, read from the signed bytes. Raises Unproven."""
    document = element.getroottree()
    if len(list(document.iter(f"{{{DS}}}Signature"))) != 1:
        raise Unproven("not exactly one signature")
    signature = _only(element, "Signature")
    name = element.get("id", "")
    # Whichever attribute a reader takes for an identifier: no other element may be called the same.
    called = [one for one in document.iter(etree.Element) if name in (one.get("id"), one.get("Id"), one.get("ID"))]
    if not name or called != [element]:
        raise Unproven("its identifier is missing, or another element's too")
    info = _only(signature, "SignedInfo")
    reference = _only(info, "Reference")
    if reference.get("URI") != f"#{name}":
        raise Unproven("the signature is of something else")
    transforms = _only(reference, "Transforms")
    if [one.get("Algorithm") for one in transforms] != [ENVELOPED, C14N]:
        raise Unproven("other transforms than the two")
    prefixes = _prefixes(transforms[1])
    digest_hash = _allowed(_only(reference, "DigestMethod"), DIGESTS | (SHA1_DIGESTS if takes_sha1 else {}))
    signature_hash = _allowed(_only(info, "SignatureMethod"), SIGNATURES | (SHA1_SIGNATURES if takes_sha1 else {}))
    method = _only(info, "CanonicalizationMethod")
    if method.get("Algorithm") != C14N:
        raise Unproven("another canonical form")
    try:
        key.verify(_bytes(_only(signature, "SignatureValue")), _canonical(info, _prefixes(method)), padding.PKCS1v15(), signature_hash)
    except InvalidSignature as error:
        raise Unproven("another key, or it was changed") from error
    signed = _canonical(_without_signature(element), prefixes)
    if not hmac.compare_digest(_bytes(_only(reference, "DigestValue")), _digest(digest_hash, signed)):
        raise Unproven("what was signed was changed")
    return xml.parse(signed)


def _canonical(element: etree._Element, prefixes: tuple[str, ...]) -> bytes:
    return etree.tostring(
        element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes) or None, with_tail=False
    )


def _without_signature(element: etree._Element) -> etree._Element:
    """A copy where it stood, as the signer saw it: lxml takes the text behind a removed element away with it."""
    root = deepcopy(element.getroottree()).getroot()
    copy = next(one for one in root.iter(element.tag) if one.get("id") == element.get("id"))
    signature = _only(copy, "Signature")
    before = signature.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (signature.tail or "")
    else:
        copy.text = (copy.text or "") + (signature.tail or "")
    copy.remove(signature)
    return copy


def _only(parent: etree._Element, name: str) -> etree._Element:
    found = parent.findall(f"{{{DS}}}{name}")
    if len(found) != 1:
        raise Unproven(f"not exactly one {name}")
    return found[0]


def _allowed(method: etree._Element, allowed: dict[str, hashes.HashAlgorithm]) -> hashes.HashAlgorithm:
    if method.get("Algorithm") not in allowed or len(method):
        raise Unproven(f"{method.get('Algorithm')} is not taken")
    return allowed[method.get("Algorithm", "")]


def _prefixes(method: etree._Element) -> tuple[str, ...]:
    """What InclusiveNamespaces names."""
    found = method.find(f"{{{C14N}}}InclusiveNamespaces")
    return tuple(found.get("PrefixList", "").split()) if found is not None else ()


def _bytes(element: etree._Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unproven("not base64") from error


def _digest(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    made = hashes.Hash(algorithm)
    made.update(content)
    return made.finalize()
