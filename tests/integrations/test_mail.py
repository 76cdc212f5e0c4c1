"""Letters and their carriers: every kind is rendered, and real SMTP servers take, refuse, drop and delay them."""

import ast
import asyncio
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from jinja2 import TemplateNotFound, UndefinedError
from jinja2.meta import find_undeclared_variables
from lxml import html

from config import ROOT, Config, Misconfigured, load
from integrations import mail

SAMPLES = Path(__file__).parent.parent / "data" / "email"
NORTH = {"name": "Šiaurė", "phone": "+370 600 00001", "email": "pagalba@siaure.example", "brand": "#23566f"}
AT, ON, URL = "2026-11-24T12:05:00+00:00", "2026-11-27", "https://savitarna.example/a/b?c=d&e=f"
METER = {"meter": "KV1_241", "from": 1204000, "to": 1210500, "difference": 6500, "unit": "m³"}
KINDS: dict[str, dict[str, Any]] = {
    "confirm_by_code": {"code": "4821", "minutes": 10},
    "confirm_by_link": {"url": URL, "hours": 24},
    "already_registered": {"sign_in_url": URL, "reset_url": URL},
    "reset_password": {"url": URL, "minutes": 30},
    "reset_no_account": {"register_url": URL},
    "password_changed": {"at": AT, "reset_url": URL},
    "phone_changed": {"old": "", "new": "+37060000002"},
    "account_locked": {"until": AT, "unlock_url": URL},
    "account_unlocked": {},
    "email_change_code": {"code": "123456", "minutes": 30, "new": "ona@example.lt", "undo_url": URL},
    "email_change_confirm": {"url": URL, "hours": 24},
    "email_change_notice": {"old": "anna@example.lt", "new": "ona@example.lt", "undo_url": URL},
    "email_changed_old": {"old": "anna@example.lt", "new": "ona@example.lt", "undo_url": URL, "until": AT},
    "email_changed_new": {"sign_in_url": URL},
    "email_change_refused": {"old": "anna@example.lt", "new": "ona@example.lt"},
    "email_change_undone": {"old": "anna@example.lt", "new": "ona@example.lt", "ways": ["Smart-ID", "Mobile-ID"]},
    "access_type_changed": {"contract": "Žalioji g. 5-12 (12-345 6)", "old": "Owner", "new": "Shared person"},
    "identity_yielded": {},
    "identity_noted": {"at": AT, "not_me_url": URL},
    "way_in_code": {"way": "Smart-ID", "code": "123456", "minutes": 10, "reset_url": URL},
    "way_in_added": {"way": "Smart-ID", "is_person": True, "at": AT, "not_me_url": URL},
    "staff_invitation": {"url": URL, "hours": 72, "role": "Agent"},
    "staff_role_changed": {"old": "Agent", "new": "Auditor"},
    "contract_attached": {"contract": "Žalioji g. 5-12 (12-345 6)"},
    "contract_attached_by_identity": {"contracts": ["Žalioji g. 5-12 (UAB „Uosis“)", "Žalioji g. 5-13 (UAB „Uosis“)"]},
    "contract_attached_elsewhere": {"contract": "Žalioji g. 5-12 (12-345 6)"},
    "contract_ended": {"contract": "Žalioji g. 5-12 (12-345 6)", "ended_by": "customer"},
    "contract_restored": {"contract": "Žalioji g. 5-12 (12-345 6)", "others": 3},
    "contract_shared": {"by": "Ona Kalnė", "contract": "Žalioji g. 5-12 (12-345 6)", "last_on": ON, "url": URL, "register_url": URL},
    "company_access_given": {"company": "UAB „Uosis“", "access_type": "User", "by": "Ona Kalnė", "is_head": True},
    "company_access_changed": {"company": "UAB „Uosis“", "old": "User", "new": "Authorised person"},
    "company_access_ended": {"company": "UAB „Uosis“", "ended_by": "head"},
    "company_invitation": {"by": "Ona Kalnė", "company": "UAB „Uosis“", "access_type": "User", "until": AT, "url": URL},
    "invitation_accepted": {"who": "jonas@uosis.example", "company": "UAB „Uosis“"},
    "share_accepted": {"contract": "Žalioji g. 5-12 (12-345 6)", "who": "jonas@example.lt"},
    "bill_to_pay_for_another": {"called": "Mama", "payer_code": "12-345 6", "amount": 14832, "due_on": ON, "url": URL},
    "paid_by_another": {"contract": "Žalioji g. 5-12 (12-345 6)", "url": URL},
    "paying_added": {"payer_code": "12-345 6"},
    "paying_ended": {"called": "Mama", "payer_code": "12-345 6"},
    "reading_declared": {"reference": "R-20261124-7K2M", "meters": [METER, METER | {"meter": "KV1_242", "from": None, "difference": None}]},
    "reading_changed": {
        "meter": "KV1_241",
        "read_on": ON,
        "old_milli": None,
        "new_milli": 1500,
        "unit": "m³",
        "role": "Agent",
        "reason": "She called",
    },
    "reading_reminder": {"closes_on": ON, "is_start": True, "url": URL, "meters": ["KV1_241", "KV1_242"]},
    "former_head_gave": {"company": "UAB „Uosis“", "people": ["Rasa Bandomoji", "Ona Pavyzdienė"]},
    "contract_replaced": {"contract": "Žalioji g. 5-12 (12-345 6)", "others": 3, "company": "UAB „Uosis“"},
    "invited_by_staff": {"who": "jonas@uosis.example", "company": "UAB „Uosis“", "access_type": "User", "is_taken": True},
    "head_entered": {"company": "UAB „Uosis“", "head": "Jonas Pavyzdys"},
    "way_in_ended": {"way": "Smart-ID", "by_customer": True, "sign_in_url": URL},
    "accounts_merged": {"email": "ona@example.lt", "kept": "anna@example.lt"},
    "merge_undone": {"email": "ona@example.lt", "kept": "anna@example.lt"},
    "visit_asked": {"code": "1234", "role": "Agent", "reason": "She called", "minutes": 10},
    "visit_over": {"role": "Agent", "since": AT, "until": AT, "reason": "She called", "has_leave": True},
    "new_invoice": {"number": "SF-1002", "amount": 109978, "due_on": ON, "url": URL},
}
COMMON = {"organisation": NORTH, "name": "Anna Kalnė"}
LETTER = mail.Letter(
    to="anna@example.lt",
    subject="Jūsų kodas",
    text="Kodas: 4821\n",
    html="<p>Kodas: <b>4821</b></p>",
    message_id="<1@example.lt>",
    sender_name="Šiaurė, UAB",
    sender_address="savitarna@example.lt",
    language="lt",
)


# ---- what a letter says -----------------------------------------------------------------------------------------------


def test_every_kind_of_letter_is_known_to_this_test() -> None:
    assert {path.stem for path in mail.TEMPLATES.glob("*.txt")} - {"layout"} == set(KINDS)


@pytest.mark.parametrize("language", ["lt", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_says_the_same_in_both_parts(kind: str, language: str) -> None:
    words = mail.render(kind, language, KINDS[kind] | COMMON)
    page = html.document_fromstring(words.html)
    assert words.subject
    assert "\n" not in words.subject
    assert page.get("lang") == language
    assert page.findtext(".//title") == words.subject
    assert [h.text for h in page.iter("h1")] == [words.subject]
    links = [a.get("href") for a in page.iter("a") if a.get("href").startswith("http")]
    assert links == [URL] * list(KINDS[kind].values()).count(URL)
    assert words.text.count(URL) == len(links)
    read = " ".join(page.body.text_content().split())
    said = [word for word in words.text.partition("\n-- \n")[0].split() if not word.startswith("http")]
    assert [word for word in said if word.rstrip(":") not in read and word != "-"] == []
    assert NORTH["phone"] in words.text
    assert NORTH["phone"] in read


def _letters_put() -> Iterator[tuple[str, str, set[str]]]:
    """Where a rule puts a letter into the outbox, of which kind, and with which facts."""
    for path in sorted((ROOT / "rules").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "messages.put":
                kind = call.args[0]
                assert isinstance(kind, ast.Constant), (
                    f"{path.name}:{call.lineno}: the kind of a letter is a word, so that it can be checked"
                )
                facts = {str(word.arg) for word in call.keywords} - {"organisation", "dedupe_key", "lane", "language", "address"}
                yield f"{path.name}:{call.lineno}", kind.value, facts


def test_every_letter_that_a_rule_sends_gets_the_facts_it_tells() -> None:
    put = list(_letters_put())
    assert put
    wrong = {}
    for place, kind, facts in put:
        template = mail.TEMPLATES / f"{kind}.txt"
        told = find_undeclared_variables(mail._environment("en", mail.TEMPLATES, False).parse(template.read_text()))
        missing = told - facts - {"organisation", "name", "_", "gettext", "ngettext"}
        if missing:
            wrong[f"{place} {kind}"] = missing
    assert wrong == {}


def test_facts_are_written_in_the_language_of_the_reader() -> None:
    facts = {"what": "all", "cents": 109978, "on": ON, "at": AT, "milli": 1234500, "url": URL, "things": [["Unit", "m³"]]} | COMMON
    english = mail.render("everything", "en", facts, SAMPLES)
    assert english.subject == "About all"
    assert english.text.startswith(
        "Hello, Anna Kalnė. all\n\n    €1,099.78\n\n- 27 Nov 2026\n- 24 Nov 2026, 14:05\n- 1,234.500\n- 1,234.5\n\nUnit: m³\n"
    )
    assert f"\nOpen: {URL}\n" in english.text
    lithuanian = mail.render("everything", "lt", facts, SAMPLES).text.replace("\xa0", " ")
    assert "1 099,78 €" in lithuanian
    assert "- 2026-11-27\n- 2026-11-24 14:05\n- 1 234,500\n- 1 234,5\n" in lithuanian


def test_a_bill_without_a_due_day_names_none() -> None:
    words = mail.render("new_invoice", "en", KINDS["new_invoice"] | COMMON | {"due_on": None})
    assert words.subject == "Your bill: €1,099.78"
    assert "Due by" not in words.text


@pytest.mark.parametrize(("ended_by", "said"), [("customer", "You removed"), ("staff", "We removed"), ("feed", "another customer now")])
def test_the_letter_about_a_contract_that_left_says_who_did_it(ended_by: str, said: str) -> None:
    """CV-40"""
    assert said in mail.render("contract_ended", "en", KINDS["contract_ended"] | COMMON | {"ended_by": ended_by}).text


def test_a_missing_fact_or_kind_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(UndefinedError, match="minutes"):
        mail.render("confirm_by_code", "lt", {"code": "1"} | COMMON)
    with pytest.raises(TemplateNotFound):
        mail.render("no_such_kind", "lt", COMMON)


@pytest.mark.parametrize(
    "name",
    [
        "Anna\n\n[Win now](https://evil.example/)",
        "Anna\r\nBcc: all@example.lt",
        "Anna\u2028\u2028> 0000",
        "<script>alert(1)</script>",
        '<a href="https://evil.example">x</a>',
    ],
)
def test_what_a_person_typed_stays_a_word_in_a_sentence(name: str) -> None:
    """T73: no button, no header and no markup can be made of a name."""
    words = mail.render("account_unlocked", "en", {"organisation": NORTH, "name": name})
    page = html.document_fromstring(words.html)
    assert not [a for a in page.iter("a") if a.get("href").startswith("http")]
    assert not list(page.iter("script"))
    assert words.text.splitlines()[0].startswith("Hello, ")
    assert words.text.splitlines()[1] == ""


def test_a_colour_that_is_none_does_not_reach_a_style() -> None:
    words = mail.render("account_unlocked", "en", {"organisation": NORTH | {"brand": "red;background:url(//evil.example)"}, "name": ""})
    assert "evil" not in words.html
    assert mail.INSTALL["brand"] in words.html


def test_letters_to_unproven_addresses_do_not_repeat_what_someone_typed_as_a_name() -> None:
    """Else anyone could have us mail their words to a stranger, by registering with the stranger's address."""
    for kind in ("confirm_by_code", "confirm_by_link", "already_registered", "reset_password", "reset_no_account", "email_change_confirm"):
        words = mail.render(kind, "en", KINDS[kind] | {"organisation": NORTH, "name": "Win a prize"})
        assert "Win a prize" not in words.subject + words.text + words.html


def test_a_letter_keeps_its_message_id_and_tells_the_key_to_nobody() -> None:
    config = load()
    facts = {"organisation": NORTH}
    first, again, other = (
        mail.letter(config, "account_unlocked", "lt", facts, "anna@example.lt", "Anna", key) for key in ("a:1", "a:1", "a:2")
    )
    assert first.message_id == again.message_id != other.message_id
    assert first.message_id.endswith("@example.lt>")
    assert "a:1" not in first.message_id
    assert (first.sender_name, first.sender_address, first.reply_to) == ("Šiaurė", config.mail_from, NORTH["email"])
    assert mail.letter(config, "staff_invitation", "en", KINDS["staff_invitation"], "olga@example.lt", "", "b").sender_name == "Savitarna"


# ---- how it travels ---------------------------------------------------------------------------------------------------


def parse(content: bytes) -> EmailMessage:
    parsed = message_from_bytes(content, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_letter_travels_as_text_and_html_in_utf_8() -> None:
    parsed = parse(mail.compose(replace(LETTER, reply_to="pagalba@siaure.example", headers={"X-Lane": "1"})).as_bytes())
    assert parsed["Subject"] == "Jūsų kodas"
    assert parsed["From"] == '"Šiaurė, UAB" <savitarna@example.lt>'
    assert parsed["To"] == "anna@example.lt"
    assert parsed["Reply-To"] == "pagalba@siaure.example"
    assert parsed["Message-ID"] == "<1@example.lt>"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["Content-Language"] == "lt"
    assert parsed["X-Lane"] == "1"
    assert parsed["Date"].datetime.tzinfo
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in parsed.iter_parts()] == [LETTER.text.strip(), LETTER.html]


def test_line_breaks_make_no_header() -> None:
    """T73"""
    hostile = replace(
        LETTER, subject="Kodas\r\nBcc: x@example.lt", sender_name='"\r\nBcc: x@example.lt', headers={"X-Lane": "1\nBcc: x@example.lt"}
    )
    parsed = parse(mail.compose(hostile).as_bytes())
    assert parsed["Bcc"] is None
    assert [a.addr_spec for a in parsed["To"].addresses] == ["anna@example.lt"]
    assert [a.addr_spec for a in parsed["From"].addresses] == ["savitarna@example.lt"]


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.lt\nBcc: x@example.lt",
        "anna@example.lt, x@example.lt",
        "anna",
        "",
        "anna@",
        "Anna <anna@example.lt>",
        "a b@example.lt",
    ],
)
def test_what_is_not_one_address_gets_no_mail(address: str) -> None:
    """T73"""
    with pytest.raises(mail.Permanent):
        mail.compose(replace(LETTER, to=address))


def test_a_wrong_address_of_our_own_does_not_count_against_the_reader() -> None:
    """Else one mistyped setting would give up every waiting mail for good."""
    with pytest.raises(ValueError, match="savitarna"):
        mail.compose(replace(LETTER, sender_address="savitarna"))
    assert mail.compose(replace(LETTER, reply_to="by phone"))["Reply-To"] is None


def test_a_lithuanian_domain_is_written_in_its_ascii_form() -> None:
    assert mail.compose(replace(LETTER, to="info@šiauliai.example"))["To"] == "info@xn--iauliai-pqb.example"


def test_without_a_mail_server_each_mail_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "mailbox"
    carrier = mail.carrier(Config(data_dir=tmp_path))
    carrier.send(LETTER)
    carrier.send(replace(LETTER, subject="Kita"))
    files = sorted(folder.iterdir())
    assert [parse(file.read_bytes())["Subject"] for file in files] == ["Jūsų kodas", "Kita"]
    assert all(file.suffix == ".eml" for file in files)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


@pytest.mark.parametrize("url", ["http://mail.example", "smtp:", "mail.example:25"])
def test_a_mail_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="SAVITARNA_MAIL_URL must be smtp"):
        mail.carrier(Config(mail_url=url))


# ---- real servers -----------------------------------------------------------------------------------------------------


class Server:
    """A mail server that answers as it is told: `answers` by command; a number of seconds as an answer waits and then accepts."""

    def __init__(self, **answers: str | float) -> None:
        self.answers = answers
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.logins: list[tuple[str, str]] = []
        self.secured: list[bool] = []

    async def _answer(self, command: str) -> str | None:
        answer = self.answers.get(command)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return None
        return answer

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        return await self._answer("MAIL") or "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.rcpt_tos.append(address)
        return await self._answer("RCPT") or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        self.secured.append(session.ssl is not None)
        answer = await self._answer("DATA")
        if answer == "drop":
            server.transport.abort()
        return answer or "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        answer = await self._answer("QUIT")
        if answer == "drop":
            server.transport.abort()
        return answer or "221 Bye"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login.decode(), data.password.decode()))
        right = data.password == b"right/word"
        return AuthResult(success=right, handled=right)


@contextmanager
def serving(handler: Server, **options: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def test_a_server_takes_the_mail() -> None:
    with serving(server := Server()) as port:
        mail.carrier(Config(mail_url=f"smtp://127.0.0.1:{port}")).send(LETTER)
    [(sender, to, content)] = server.mails
    assert (sender, to) == ("savitarna@example.lt", ["anna@example.lt"])
    parsed = parse(content)
    assert parsed["Subject"] == LETTER.subject
    assert parsed["Message-ID"] == LETTER.message_id


@pytest.mark.parametrize(
    ("answers", "outcome", "reason"),
    [
        ({"RCPT": "550 5.1.1 No such user"}, mail.Permanent, "550 5.1.1 No such user"),
        ({"RCPT": "451 4.7.1 Greylisted"}, mail.Temporary, "451 4.7.1 Greylisted"),
        ({"DATA": "554 5.7.1 Not wanted"}, mail.Permanent, "554 5.7.1 Not wanted"),
        ({"DATA": "452 4.3.1 Disk full"}, mail.Temporary, "452 4.3.1 Disk full"),
        ({"MAIL": "550 5.7.1 Sender unknown"}, mail.Temporary, "550 5.7.1 Sender unknown"),
        ({"DATA": "drop"}, mail.Temporary, "127.0.0.1: Server not connected|Connection unexpectedly closed|Connection reset"),
    ],
)
def test_a_refusal_is_told_apart_from_trouble(answers: dict[str, str], outcome: type[Exception], reason: str) -> None:
    """A full or unwilling server is tried again; an address that is refused is not; a sender that is refused is ours to put right."""
    with serving(Server(**answers)) as port, pytest.raises(outcome, match=reason):
        mail.Smtp(f"smtp://127.0.0.1:{port}", 5).send(LETTER)


@pytest.mark.parametrize("goodbye", ["drop", "500 What?", 3.0])
def test_a_mail_that_was_taken_is_not_sent_again_for_a_bad_goodbye(goodbye: str | float) -> None:
    with serving(server := Server(QUIT=goodbye)) as port:
        mail.Smtp(f"smtp://127.0.0.1:{port}", 1).send(LETTER)
    assert len(server.mails) == 1


def test_a_server_that_answers_late_is_left() -> None:
    started = time.monotonic()
    with serving(Server(DATA=10.0)) as port:
        with pytest.raises(mail.Temporary, match="timed out"):
            mail.Smtp(f"smtp://127.0.0.1:{port}", 1).send(LETTER)
        assert time.monotonic() - started < 8


def test_a_server_that_is_slow_at_every_step_does_not_outlast_the_lease() -> None:
    """Each answer comes within the timeout; all together they do not."""
    started = time.monotonic()
    with serving(Server(MAIL=1.5, RCPT=1.5, DATA=1.5)) as port:
        with pytest.raises(mail.Temporary, match=r"timed out|too long"):
            mail.Smtp(f"smtp://127.0.0.1:{port}", 2).send(LETTER)
        assert time.monotonic() - started < 4


def test_no_server_is_trouble_for_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(mail.Temporary, match="refused"):
        mail.Smtp(f"smtp://127.0.0.1:{port}", 1).send(LETTER)
    with pytest.raises(mail.Temporary, match=r"mail\.invalid"):
        mail.Smtp("smtp://mail.invalid", 1).send(LETTER)


def test_an_address_that_is_none_never_reaches_the_server() -> None:
    with pytest.raises(mail.Permanent):
        mail.Smtp("smtp://mail.invalid", 1).send(replace(LETTER, to="anna"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key, good for a day."""
    if not shutil.which("openssl"):
        pytest.fail("openssl is missing: run `apt install openssl`.")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(["openssl", *words.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS context, with its certificate trusted by us."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


def test_tls_is_used_where_the_server_offers_it(tls: ssl.SSLContext) -> None:
    with serving(server := Server(), tls_context=tls) as port:
        mail.Smtp(f"smtp://127.0.0.1:{port}", 5).send(LETTER)
    assert server.secured == [True]


def test_a_password_is_sent_over_tls(tls: ssl.SSLContext) -> None:
    handler = Server()
    with serving(handler, tls_context=tls, authenticator=handler.authenticate, auth_required=True) as port:
        mail.Smtp(f"smtp://portal%40example.lt:right%2Fword@127.0.0.1:{port}", 5).send(LETTER)
        with pytest.raises(mail.Temporary, match="535"):
            mail.Smtp(f"smtp://portal:wrong@127.0.0.1:{port}", 5).send(LETTER)
    assert handler.logins[0] == ("portal@example.lt", "right/word")
    assert handler.secured == [True]


def test_a_password_is_never_sent_in_the_clear() -> None:
    handler = Server()
    options = {"authenticator": handler.authenticate, "auth_require_tls": False}
    with serving(handler, **options) as port, pytest.raises(mail.Temporary, match="offers no TLS"):
        mail.Smtp(f"smtp://portal:word@127.0.0.1:{port}", 5).send(LETTER)
    assert handler.logins == []
    assert handler.mails == []


def test_a_server_with_a_strange_certificate_gets_nothing(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with serving(server := Server(), tls_context=tls) as port, pytest.raises(mail.Temporary, match="certificate"):
        mail.Smtp(f"smtp://127.0.0.1:{port}", 5).send(LETTER)
    assert server.mails == []


def test_smtps_speaks_tls_from_the_start(tls: ssl.SSLContext) -> None:
    with serving(server := Server(), ssl_context=tls) as port:
        mail.Smtp(f"smtps://127.0.0.1:{port}", 5).send(LETTER)
    assert len(server.mails) == 1
    with serving(server), pytest.raises(mail.Temporary):
        mail.Smtp(f"smtps://127.0.0.1:{port}", 1).send(LETTER)


def test_the_usual_ports_are_known() -> None:
    ports = {
        url: mail.Smtp(url, 1).port
        for url in ("smtp://mail.example", "smtp://a:b@mail.example", "smtps://mail.example", "smtp://mail.example:2525")
    }
    assert list(ports.values()) == [smtplib.SMTP_PORT, 587, smtplib.SMTP_SSL_PORT, 2525]
