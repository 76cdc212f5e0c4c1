"""Which certificates are believed, whom they name, and who may say that one has been revoked. T57."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from integrations import http
from integrations.identity import NotIdentified, certificates, mobile_id, revocation, smart_id
from integrations.identity.certificates import Trust
from simulators import authority
from simulators.authority import Authority
from simulators.people import PEOPLE, Actor
from tests.integrations import responder as responders
from tests.integrations.responder import Responder

ONA, KADRI = PEOPLE[0], PEOPLE[5]
NOW = datetime.now(UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
CLIENT = http.Client()
Extensions = list[tuple[x509.ExtensionType, bool]]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "sk", "http://127.0.0.1:9/ocsp")


@pytest.fixture(scope="module")
def trust(issuer: Authority) -> Trust:
    return certificates.trust(str(issuer.folder / "trust"))


def leaf(
    issuer: Authority, *more: tuple[x509.ExtensionType, bool], by: x509.Certificate | None = None, by_key: Any = None, key: Any = KEY
) -> x509.Certificate:
    """A certificate with just these extensions."""
    return authority.certified("Somebody", key, by or issuer.issuer, by_key or issuer.issuer_key, more)


def policies(*identifiers: str) -> tuple[x509.ExtensionType, bool]:
    return x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier(one), None) for one in identifiers]), False


def purposes(*identifiers: str) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage([ObjectIdentifier(one) for one in identifiers]), False


def usage(**allowed: bool) -> tuple[x509.ExtensionType, bool]:
    return authority.usage(**allowed), True


def why(deed: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(NotIdentified) as no:
        deed()
    return no.value.why, str(no.value)


# ---- chains -----------------------------------------------------------------------------------------------------------


def test_a_chain_leads_to_the_root_that_is_trusted(issuer: Authority, trust: Trust) -> None:
    path = certificates.chain(issuer.issue(ONA), trust.issuers, NOW)
    assert [one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value for one in path[1:]] == [
        "TEST of simulated issuer",
        "TEST of simulated root",
    ]


def test_an_issuer_that_is_trusted_by_itself_is_the_end_of_the_chain(issuer: Authority) -> None:
    assert len(certificates.chain(issuer.issue(ONA), (issuer.issuer,), NOW)) == 2


def test_who_only_calls_itself_by_an_issuers_name_is_not_believed(issuer: Authority, trust: Trust, tmp_path: Path) -> None:
    namesake = Authority(tmp_path / "sk", "")
    assert namesake.issuer.subject == issuer.issuer.subject
    assert why(lambda: certificates.chain(namesake.issue(ONA), trust.issuers, NOW))[1].startswith("untrusted issuer")


def test_nobody_is_believed_where_nobody_is_trusted(issuer: Authority) -> None:
    assert why(lambda: certificates.chain(issuer.issue(ONA), (), NOW))[0] == "unproven"


@pytest.mark.parametrize("days", [-31, 701])
def test_dates_are_judged_at_the_moment_of_the_sign_in(issuer: Authority, trust: Trust, days: int) -> None:
    said = why(lambda: certificates.chain(issuer.issue(ONA), trust.issuers, NOW + timedelta(days=days)))
    assert said[0] == "unsuitable"


def test_an_issuers_dates_are_judged_too(issuer: Authority, trust: Trust) -> None:
    certificate = issuer.issue(ONA, days=(-300, 700))
    assert "is not valid at" in why(lambda: certificates.chain(certificate, trust.issuers, NOW - timedelta(days=100)))[1]


def test_an_issuers_own_certificate_signs_nobody_in(issuer: Authority, trust: Trust) -> None:
    certificate = leaf(issuer, (x509.BasicConstraints(ca=True, path_length=None), True))
    assert "not a person's" in why(lambda: certificates.chain(certificate, trust.issuers, NOW))[1]


@pytest.mark.parametrize(
    "extensions",
    [
        [],
        [(x509.BasicConstraints(ca=False, path_length=None), True), usage(key_cert_sign=True)],
        [(x509.BasicConstraints(ca=True, path_length=None), True)],
        [(x509.BasicConstraints(ca=True, path_length=None), True), usage(crl_sign=True)],
    ],
)
def test_who_may_not_issue_is_no_issuer(issuer: Authority, extensions: Extensions) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    middle = authority.certified("Middle", key, issuer.issuer, issuer.issuer_key, extensions)
    certificate = leaf(issuer, by=middle, by_key=key)
    assert "no issuer" in why(lambda: certificates.chain(certificate, (middle,), NOW))[1]


def test_a_chain_longer_than_its_issuer_allows_is_not_believed(issuer: Authority, trust: Trust) -> None:
    """The simulated issuer may issue for people alone (path length 0)."""
    key = ec.generate_private_key(ec.SECP256R1())
    below = (x509.BasicConstraints(ca=True, path_length=None), True), usage(key_cert_sign=True)
    middle = authority.certified("Middle", key, issuer.issuer, issuer.issuer_key, below)
    certificate = leaf(issuer, by=middle, by_key=key)
    assert "longer" in why(lambda: certificates.chain(certificate, (middle, *trust.issuers), NOW))[1]


def test_an_unknown_critical_extension_makes_a_certificate_unusable(issuer: Authority, trust: Trust) -> None:
    certificate = leaf(issuer, (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True))
    assert "1.2.3.4" in why(lambda: certificates.chain(certificate, trust.issuers, NOW))[1]


def test_a_weak_key_is_not_believed(issuer: Authority, trust: Trust) -> None:
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP192R1())):
        assert "weak" in why(lambda key=key: certificates.chain(leaf(issuer, key=key), trust.issuers, NOW))[1]


def test_an_issuers_limits_on_names_are_kept(issuer: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuing = (x509.BasicConstraints(ca=True, path_length=0), True), usage(key_cert_sign=True)
    networks = x509.NameConstraints(None, [x509.DNSName("")])
    limited = authority.certified("Limited", key, None, None, (*issuing, (networks, True)))
    person, host = x509.RFC822Name("ona@example.lt"), x509.DNSName("example.lt")
    fine = leaf(issuer, (x509.SubjectAlternativeName([person]), False), by=limited, by_key=key)
    assert len(certificates.chain(fine, (limited,), NOW)) == 2
    wrong = leaf(issuer, (x509.SubjectAlternativeName([host]), False), by=limited, by_key=key)
    assert "may not give" in why(lambda: certificates.chain(wrong, (limited,), NOW))[1]
    other = authority.certified("Limited", key, None, None, (*issuing, (x509.NameConstraints([person], None), True)))
    assert "another kind" in why(lambda: certificates.chain(leaf(issuer, by=other, by_key=key), (other,), NOW))[1]


# ---- what it is for ---------------------------------------------------------------------------------------------------

NEW, OLD, ETSI = "1.3.6.1.4.1.10015.17.2", "1.3.6.1.4.1.10015.3.17.2", "0.4.0.2042.1.2"
SIGN_IN, CLIENT_AUTH = "1.3.6.1.4.1.62306.5.7.0", ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string
BEFORE_2025 = usage(digital_signature=True, key_encipherment=True, data_encipherment=True)
QUALIFIED = smart_id.PROFILES["QUALIFIED"]


@pytest.mark.parametrize(
    "extensions",
    [
        [policies(NEW, ETSI), usage(digital_signature=True), purposes(SIGN_IN)],
        [policies(OLD, ETSI), BEFORE_2025, purposes(CLIENT_AUTH)],
        [policies(NEW, ETSI, "1.2.3.4"), usage(digital_signature=True), purposes(SIGN_IN, CLIENT_AUTH)],
    ],
)
def test_certificates_of_both_generations_sign_in(issuer: Authority, extensions: Extensions) -> None:
    certificates.check_profile(leaf(issuer, *extensions), QUALIFIED)


@pytest.mark.parametrize(
    ("extensions", "reason"),
    [
        ([usage(digital_signature=True), purposes(SIGN_IN)], "unsuitable"),
        ([policies(NEW), usage(digital_signature=True), purposes(SIGN_IN)], "unsuitable"),
        ([policies(ETSI), usage(digital_signature=True), purposes(SIGN_IN)], "unsuitable"),
        ([policies("1.3.6.1.4.1.10015.17.1", "0.4.0.2042.1.1"), usage(digital_signature=True), purposes(SIGN_IN)], "unsuitable"),
        ([policies(NEW, ETSI), purposes(SIGN_IN)], "unproven"),
        ([policies(NEW, ETSI), usage(digital_signature=True)], "unproven"),
        ([policies(NEW, ETSI), usage(key_agreement=True), purposes(SIGN_IN)], "unproven"),
        ([policies(NEW, ETSI), usage(digital_signature=True), purposes(CLIENT_AUTH)], "unproven"),
        ([policies(NEW, ETSI), BEFORE_2025, purposes("1.3.6.1.5.5.7.3.4")], "unproven"),
    ],
)
def test_what_is_not_a_smart_id_to_sign_in_with_is_refused(issuer: Authority, extensions: Extensions, reason: str) -> None:
    assert why(lambda: certificates.check_profile(leaf(issuer, *extensions), QUALIFIED))[0] == reason


def test_a_certificate_that_signs_contracts_signs_nobody_in(issuer: Authority) -> None:
    """Even where all else is as it should be."""
    both = leaf(issuer, policies(NEW, ETSI), usage(digital_signature=True, content_commitment=True), purposes(SIGN_IN))
    assert "to sign in with" in why(lambda: certificates.check_profile(both, QUALIFIED))[1]
    mobile = leaf(issuer, policies(ETSI), usage(content_commitment=True))
    assert "to sign in with" in why(lambda: certificates.check_profile(mobile, mobile_id.PROFILE))[1]


# ---- whom it names ----------------------------------------------------------------------------------------------------


def subject(**values: str) -> x509.Certificate:
    oids = {
        "serial": NameOID.SERIAL_NUMBER,
        "first": NameOID.GIVEN_NAME,
        "last": NameOID.SURNAME,
        "country": NameOID.COUNTRY_NAME,
        "more": NameOID.SERIAL_NUMBER,
    }
    given = {"serial": "PNOLT-40404040009", "first": "Ona", "last": "Pavyzdienė", "country": "LT"} | values
    name = x509.Name([x509.NameAttribute(oids[key], value) for key, value in given.items() if value])
    made = x509.CertificateBuilder(name, name, KEY.public_key(), 1, NOW, NOW + timedelta(days=1))
    return made.sign(KEY, hashes.SHA256())


def test_a_person_is_read_from_the_subject(issuer: Authority) -> None:
    person = certificates.person(subject(), "smart_id")
    assert (person.country, person.code, person.first_name, person.last_name) == ("LT", "40404040009", "Ona", "Pavyzdienė")
    assert (person.born_on, person.born_from) == (date(1904, 4, 4), "code")
    assert certificates.person(issuer.issue(ONA), "smart_id").born_from == "certificate"


class Older(Actor):
    born_on = date(1990, 10, 12)


def test_the_day_of_birth_in_the_certificate_goes_before_that_of_the_code(issuer: Authority) -> None:
    """SK's test person 40504040001-DEMO-Q was born in 1990 by the certificate, in 1905 by the code."""
    certificate = issuer.issue(Older("Rasa", "Bandomoji", "40504040001", ""))
    assert certificates.person(certificate, "smart_id").born_on == date(1990, 10, 12)


def test_an_estonian_code_stands_without_its_prefix_and_no_other_does(issuer: Authority) -> None:
    assert certificates.person(issuer.issue(KADRI, mobile=True), "mobile_id").country == "EE"
    assert why(lambda: certificates.person(subject(serial="40404040009"), "mobile_id"))[0] == "unsuitable"


@pytest.mark.parametrize(
    "serial", ["PASLT-12345678", "IDCLT-12345678", "PNO-40404040009", "PNOLT40404040009", "PNOLT-", "pnolt-40404040009"]
)
def test_what_is_no_personal_code_names_nobody(serial: str) -> None:
    assert why(lambda: certificates.person(subject(serial=serial), "smart_id"))[0] == "unsuitable"


@pytest.mark.parametrize("values", [{"serial": ""}, {"first": ""}, {"last": ""}, {"more": "PNOLT-30303039914"}])
def test_a_subject_that_names_nobody_or_two_is_refused(values: dict[str, str]) -> None:
    assert why(lambda: certificates.person(subject(**values), "smart_id"))[0] == "unproven"


# ---- revocation -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def responder() -> Iterator[Responder]:
    with responders.served() as served:
        yield served


@pytest.fixture
def asked(responder: Responder, issuer: Authority, trust: Trust) -> Iterator[Callable[..., list[bytes]]]:
    """Ask the responder, which may say what it is told, about Ona's certificate."""
    path = certificates.chain(issuer.issue(ONA), trust.issuers, NOW)[:2]

    def ask(responders: tuple[x509.Certificate, ...] = (responder.certificate,), url: str = responder.url) -> list[bytes]:
        return revocation.check(path, Trust(trust.issuers, responders), CLIENT, url)

    responder.asked.clear()
    yield ask
    responder.says = responder.good
    responder.lists = {}


def say(responder: Responder, **how: Any) -> None:
    signer, key = how.pop("signer", responder.certificate), how.pop("key", responder.key)
    responder.says = lambda question: authority.answer(question, signer, key, **how)


def test_a_responder_that_we_were_told_of_is_believed(asked: Callable[..., list[bytes]], responder: Responder) -> None:
    assert len(asked()) == 1
    assert len(responder.asked) == 1


def test_a_responder_that_nobody_has_named_is_not(asked: Callable[..., list[bytes]]) -> None:
    assert why(lambda: asked(()))[0] == "unavailable"


def test_the_issuer_itself_and_whom_it_has_named_are_believed(
    asked: Callable[..., list[bytes]], responder: Responder, issuer: Authority
) -> None:
    say(responder, signer=issuer.issuer, key=issuer.issuer_key)
    assert asked(())
    say(responder, signer=issuer.responder, key=issuer.responder_key)
    assert asked(())


SPEAKS, NO_CHECK = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False), (x509.OCSPNoCheck(), False)


@pytest.mark.parametrize("extensions", [[], [SPEAKS], [NO_CHECK], [purposes(CLIENT_AUTH), NO_CHECK]])
def test_a_certificate_of_the_issuer_that_may_not_speak_is_not_believed(
    asked: Callable[..., list[bytes]], responder: Responder, issuer: Authority, extensions: Extensions
) -> None:
    """Else everybody with a certificate could say that their own has not been revoked."""
    say(responder, signer=leaf(issuer, *extensions), key=KEY)
    assert "who may not" in why(lambda: asked(()))[1]


def test_whom_another_issuer_has_named_is_not_believed(asked: Callable[..., list[bytes]], responder: Responder, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "")
    say(responder, signer=other.responder, key=other.responder_key)
    assert "who may not" in why(lambda: asked(()))[1]


def test_an_answer_that_another_key_signed_is_not_believed(asked: Callable[..., list[bytes]], responder: Responder) -> None:
    def forged(question: ocsp.OCSPRequest) -> bytes:
        said = responder.good(question)
        signature = ocsp.load_der_ocsp_response(said).signature
        return said.replace(signature, signature[:-1] + bytes([signature[-1] ^ 1]))

    responder.says = forged
    assert "who may not" in why(asked)[1]


def test_a_responder_whose_time_is_over_is_not_believed(asked: Callable[..., list[bytes]], responder: Responder) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old")])
    old = x509.CertificateBuilder(name, name, KEY.public_key(), 1, NOW - timedelta(days=9), NOW - timedelta(days=1)).sign(
        KEY, hashes.SHA256()
    )
    say(responder, signer=old, key=KEY)
    assert "who may not" in why(lambda: asked((old,)))[1]


def test_what_has_been_revoked_proves_nobody(asked: Callable[..., list[bytes]], responder: Responder) -> None:
    responder.says = responder.revoked()
    assert why(asked)[0] == "unsuitable"


def test_what_its_issuer_does_not_know_proves_nobody(asked: Callable[..., list[bytes]], responder: Responder) -> None:
    say(responder, status=ocsp.OCSPCertStatus.UNKNOWN)
    assert why(asked)[0] == "unproven"


@pytest.mark.parametrize("minutes", [-60, 60])
def test_an_answer_of_another_time_is_not_believed(asked: Callable[..., list[bytes]], responder: Responder, minutes: int) -> None:
    say(responder, at=NOW + timedelta(minutes=minutes))
    assert "another time" in why(asked)[1]


def test_the_answer_to_another_question_is_not_believed(asked: Callable[..., list[bytes]], responder: Responder) -> None:
    say(responder, nonce=b"another question")
    assert "another question" in why(asked)[1]


def test_an_answer_about_another_certificate_is_not_believed(
    asked: Callable[..., list[bytes]], responder: Responder, issuer: Authority
) -> None:
    other = ocsp.OCSPRequestBuilder().add_certificate(issuer.issue(ONA), issuer.issuer, hashes.SHA1()).build()
    responder.says = lambda _: authority.answer(other, responder.certificate, responder.key)
    assert "another certificate" in why(asked)[1]


def test_nobody_is_believed_because_nobody_answered(asked: Callable[..., list[bytes]], responder: Responder) -> None:
    refusing = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)
    for said in (b"", b"<html>", refusing):
        responder.says = lambda _, said=said: said
        assert why(asked)[0] == "unavailable"
    assert why(lambda: asked(url="http://127.0.0.1:9/"))[0] == "unavailable"


def test_who_names_nobody_to_ask_is_not_believed(issuer: Authority, trust: Trust) -> None:
    path = certificates.chain(leaf(issuer), trust.issuers, NOW)
    assert "nobody to ask" in why(lambda: revocation.check(path, trust, CLIENT))[1]


def test_an_issuer_that_names_whom_to_ask_is_asked_about_too(responder: Responder, issuer: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    root_key = ec.generate_private_key(ec.SECP256R1())
    issuing = (x509.BasicConstraints(ca=True, path_length=None), True), usage(key_cert_sign=True)
    root = authority.certified("Root", root_key, None, None, issuing)
    named = (authority.responder_at(responder.url), False)
    middle = authority.certified("Middle", key, root, root_key, (*issuing, named))
    path = certificates.chain(leaf(issuer, named, by=middle, by_key=key), (middle, root), NOW)
    trusting = Trust((middle, root), (responder.certificate,))
    assert len(revocation.check(path, trusting, CLIENT)) == 2
    responder.says = responder.revoked(middle.serial_number)
    assert why(lambda: revocation.check(path, trusting, CLIENT))[0] == "unsuitable"
    responder.says = responder.good


# ---- lists, where the responder is silent -----------------------------------------------------------------------------


@pytest.fixture
def listed(responder: Responder, issuer: Authority, trust: Trust) -> Iterator[Callable[..., list[bytes]]]:
    """Look at a list, made as the test says, about a certificate whose responder is silent."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{responder.url}/list.crl")], None, None, None)
    silent = authority.responder_at("http://127.0.0.1:9/")
    certificate = leaf(issuer, (silent, False), (x509.CRLDistributionPoints([point]), False))
    path = certificates.chain(certificate, trust.issuers, NOW)[:2]

    def look(
        revoked: bool = False, by: Any = issuer.issuer.subject, key: Any = issuer.issuer_key, days: int = 1, critical: bool = False
    ) -> list[bytes]:
        until = NOW + timedelta(days=days)
        made = x509.CertificateRevocationListBuilder(by, until - timedelta(days=2), until)
        if revoked:
            entry = x509.RevokedCertificateBuilder(certificate.serial_number, NOW).build()
            made = made.add_revoked_certificate(entry)
        if critical:
            made = made.add_extension(x509.DeltaCRLIndicator(1), critical=True)
        responder.lists["/list.crl"] = made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        return revocation.check(path, trust, CLIENT)

    yield look
    responder.lists = {}


def test_where_the_responder_is_silent_the_list_is_looked_at(listed: Callable[..., list[bytes]]) -> None:
    assert listed()
    assert why(lambda: listed(revoked=True))[0] == "unsuitable"


@pytest.mark.parametrize(
    "how",
    [{"key": KEY}, {"by": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Another")])}, {"days": -1}, {"days": 9}, {"critical": True}],
    ids=["signed by another", "of another issuer", "old", "not yet", "of changes only"],
)
def test_a_list_that_is_not_its_issuers_whole_and_of_now_says_nothing(listed: Callable[..., list[bytes]], how: dict[str, Any]) -> None:
    assert why(lambda: listed(**how))[0] == "unavailable"
