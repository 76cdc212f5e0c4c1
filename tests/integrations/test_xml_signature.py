"""Signatures in XML: whatever a signature could mean besides "this element, in this form" is refused, even from the right key."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from integrations import xml_signature
from integrations.xml_signature import DS, Unproven

KEY = rsa.generate_private_key(65537, 2048)
SHA1 = f"{DS}sha1"


def signed(change: Callable[[Any], object] = lambda element: None, algorithm: Any = hashes.SHA256) -> etree._Element:
    """An element in a document, its signature made anew by the right key after `change`."""
    document = etree.fromstring(
        '<a:envelope xmlns:a="urn:a" xmlns:b="urn:b"><a:head/><a:body><a:told id="x">before<b:code>1</b:code>\n</a:told></a:body></a:envelope>'
    )
    element = document[1][0]
    xml_signature.sign(element, KEY)
    change(element)
    info = element.find(f"{{{DS}}}Signature/{{{DS}}}SignedInfo")
    value = KEY.sign(etree.tostring(info, method="c14n", exclusive=True), padding.PKCS1v15(), algorithm())
    element.find(f"{{{DS}}}Signature/{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()
    return etree.fromstring(etree.tostring(document))[1][0]


def test_only_what_was_signed_is_left(tmp_path: Any) -> None:
    read = xml_signature.verified(signed(), KEY.public_key())
    assert etree.tostring(read) == b'<a:told xmlns:a="urn:a" id="x">before<b:code xmlns:b="urn:b">1</b:code>\n</a:told>'
    assert read.getparent() is None


def test_text_behind_the_signature_is_signed_too() -> None:
    element = signed()
    element.find(f"{{{DS}}}Signature").tail = "added"
    with pytest.raises(Unproven):
        xml_signature.verified(element, KEY.public_key())


def part(name: str, **attributes: str) -> Callable[[Any], None]:
    def change(element: Any) -> None:
        for attribute, value in attributes.items():
            next(element.iter(f"{{{DS}}}{name}")).set(attribute, value)

    return change


def digest_by_sha1(element: Any) -> None:
    part("DigestMethod", Algorithm=SHA1)(element)
    content = b'<a:told xmlns:a="urn:a" id="x">before<b:code xmlns:b="urn:b">1</b:code>\n</a:told>'
    next(element.iter(f"{{{DS}}}DigestValue")).text = base64.b64encode(hashlib.sha1(content).digest()).decode()


def without_a_transform(element: Any) -> None:
    transforms = next(element.iter(f"{{{DS}}}Transforms"))
    transforms.remove(transforms[1])


def with_a_second_reference(element: Any) -> None:
    info = next(element.iter(f"{{{DS}}}SignedInfo"))
    etree.SubElement(info, f"{{{DS}}}Reference", URI="#x")


def with_parameters(element: Any) -> None:
    etree.SubElement(next(element.iter(f"{{{DS}}}SignatureMethod")), f"{{{DS}}}HMACOutputLength").text = "1"


def with_a_namesake(element: Any) -> None:
    element.getparent().getparent()[0].set("Id", "x")


def with_a_second_signature_elsewhere(element: Any) -> None:
    etree.SubElement(element.getparent().getparent()[0], f"{{{DS}}}Signature")


@pytest.mark.parametrize(
    ("change", "algorithm"),
    [
        (part("Reference", URI=""), hashes.SHA256),
        (part("Reference", URI="#another"), hashes.SHA256),
        (part("CanonicalizationMethod", Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"), hashes.SHA256),
        (part("Transform", Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"), hashes.SHA256),
        (part("SignatureMethod", Algorithm=f"{DS}rsa-sha1"), hashes.SHA1),
        (digest_by_sha1, hashes.SHA256),
        (without_a_transform, hashes.SHA256),
        (with_a_second_reference, hashes.SHA256),
        (with_parameters, hashes.SHA256),
        (with_a_namesake, hashes.SHA256),
        (with_a_second_signature_elsewhere, hashes.SHA256),
    ],
)
def test_another_manner_of_signing_is_refused_even_from_the_right_key(change: Any, algorithm: Any) -> None:
    """T57: no transforms of somebody's choice, no weak digests, nothing that two readers could read in two ways."""
    with pytest.raises(Unproven):
        xml_signature.verified(signed(change, algorithm), KEY.public_key())


def test_sha1_is_taken_where_it_is_asked_for() -> None:
    def older(element: Any) -> None:
        digest_by_sha1(element)
        part("SignatureMethod", Algorithm=f"{DS}rsa-sha1")(element)

    assert xml_signature.verified(signed(older, hashes.SHA1), KEY.public_key(), takes_sha1=True) is not None


def test_a_key_that_is_no_rsa_key_is_refused_by_name(tmp_path: Any) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "public.pem").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for read, name in ((xml_signature.read_private_key, "key.pem"), (xml_signature.read_public_key, "public.pem")):
        with pytest.raises(ValueError, match="not an RSA key"):
            read(str(tmp_path / name))
