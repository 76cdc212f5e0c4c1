"""Mail: what a letter says, and the carriers that take it away.

A kind of letter is one file, `templates/email/<kind>.txt`, in Jinja with the sentences marked for translation. It starts with a
comment that names its facts, then says `Subject: ...`, then paragraphs with an empty line between them. Four things may stand on
a line of their own, and become what they should be in both parts of the mail:

    [Words on the button](https://...)      a button; in the text part "Words on the button: https://..."
    > 123456                                a code or an amount, large
    - one of several                        an item of a list
    | Name | value                          a row of facts

Facts are JSON. The filters `money` (cents), `day` (ISO day), `moment` (ISO moment, UTC), `reading` (thousandths, decimals),
`quantity` (thousandths) write them in the reader's language, and `word` translates a word that comes from the models. Every kind
also gets `organisation` (name, phone, email, brand) and `name` (who is written to). A fact that is missing breaks that letter only.
"""

import functools
import hashlib
import hmac
import os
import re
import smtplib
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import formats
from config import ROOT, Config, Misconfigured

TEMPLATES = ROOT / "templates" / "email"
INSTALL = {"name": "Savitarna", "phone": "", "email": "", "brand": "#23566f"}  # who writes to staff of the whole install
BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
BUTTON = re.compile(r"\[(?P<label>[^\[\]]+)\]\((?P<url>https?://[^\s()]+)\)")


class Temporary(Exception):
    """The mail did not go now and may later; the message says why."""


class Permanent(Exception):
    """The mail will never go to this address; the message says why."""


@dataclass(frozen=True)
class Letter:
    """One mail to one address. `message_id` is the same at every attempt: a second copy can be told by it."""

    to: str
    subject: str
    text: str
    html: str
    message_id: str
    sender_name: str
    sender_address: str
    language: str
    reply_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class MailCarrier(Protocol):
    """Whatever takes a letter away."""

    def send(self, letter: Letter) -> None:
        """Hand the letter over. Raises Temporary or Permanent when it was not taken."""


# ---- what a letter says -----------------------------------------------------------------------------------------------


class Words(NamedTuple):
    """A letter's words in one language."""

    subject: str
    text: str
    html: str


def letter(config: Config, kind: str, language: str, facts: Mapping[str, Any], to: str, name: str, key: str) -> Letter:
    """The letter of `kind` to an address. `facts` hold the `organisation` that writes, if one does; `key` is the mail's own name in
    the outbox, from which its Message-ID is made.

    Raises jinja2.TemplateError when there is no such kind, or a fact of it is missing.
    """
    organisation = facts.get("organisation") or INSTALL
    words = render(kind, language, {**facts, "organisation": organisation, "name": name})
    digest = hmac.new(config.key("event_key"), key.encode(), hashlib.sha256).hexdigest()[:32]
    return Letter(
        to=to,
        subject=words.subject,
        text=words.text,
        html=words.html,
        message_id=f"<{digest}@{config.mail_from.rpartition('@')[2]}>",
        sender_name=organisation["name"],
        sender_address=config.mail_from,
        language=language,
        reply_to=organisation["email"] or None,
    )


def render(kind: str, language: str, facts: Mapping[str, Any], templates: Path = TEMPLATES) -> Words:
    """Both parts of a letter and its subject, from its template and the facts."""
    facts = _on_one_line(dict(facts))
    brand = facts["organisation"]["brand"]
    facts["organisation"]["brand"] = brand if COLOUR.fullmatch(brand) else INSTALL["brand"]  # it stands in a style
    said = _environment(language, templates, False).get_template(f"{kind}.txt").render(facts)
    heading, _, body = said.lstrip().partition("\n")
    subject = heading.removeprefix("Subject:").strip()
    blocks = [_block(block) for block in re.split(r"\n[ \t]*\n", body) if block.strip()]
    around = {**facts, "subject": subject, "language": language, "blocks": blocks}
    text = _environment(language, TEMPLATES, False).get_template("layout.txt").render(around)
    html = _environment(language, TEMPLATES, True).get_template("layout.html").render(around)
    return Words(subject, text, html)


class Block(NamedTuple):
    """A piece of a letter: kind is paragraph, button, large, list or rows; `lines` are what stands in it, a row's as a pair."""

    kind: str
    lines: list[Any]


def _block(source: str) -> Block:
    lines = [line.strip() for line in source.strip().splitlines()]
    button = BUTTON.fullmatch(lines[0])
    if button and len(lines) == 1:
        return Block("button", [(button["label"], button["url"])])
    if lines[0].startswith("> ") and len(lines) == 1:
        return Block("large", [lines[0][2:]])
    if all(line.startswith("- ") for line in lines):
        return Block("list", [line[2:] for line in lines])
    if all(line.startswith("| ") and " | " in line for line in lines):
        return Block("rows", [tuple(line[2:].split(" | ", 1)) for line in lines])
    return Block("paragraph", [" ".join(lines)])


def _on_one_line(fact: Any) -> Any:
    """A fact without line breaks: what a person typed can never become a line of the letter, nor a header."""
    if isinstance(fact, str):
        return BREAKS.sub(" ", fact)
    if isinstance(fact, Mapping):
        return {name: _on_one_line(value) for name, value in fact.items()}
    if isinstance(fact, list | tuple):
        return [_on_one_line(value) for value in fact]
    return fact


@functools.cache
def _environment(language: str, templates: Path, escaped: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        autoescape=escaped,  # noqa: S701 - off for the text part, which is no HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = Translations.load(ROOT / "translations", [language])
    environment.install_gettext_callables(words.ugettext, words.ungettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= _filters(language) | {"word": lambda text: words.ugettext(text) if text else ""}
    return environment


def _filters(language: str) -> dict[str, Callable[..., str]]:
    def day(value: date | str) -> str:
        return formats.day(date.fromisoformat(value) if isinstance(value, str) else value, language)

    def moment(value: datetime | str) -> str:
        return formats.moment(datetime.fromisoformat(value) if isinstance(value, str) else value, language)

    return {
        "money": lambda cents: formats.money(cents, language),
        "day": day,
        "moment": moment,
        "reading": lambda milli, decimals: formats.reading(milli, decimals, language),
        "quantity": lambda milli: formats.quantity(milli, language),
        "phone": formats.phone,
    }


# ---- who takes it away ------------------------------------------------------------------------------------------------


def carrier(config: Config) -> MailCarrier:
    """The carrier that the configuration names: a mail server, or a folder where there is none. Raises Misconfigured."""
    if not config.mail_url:
        return Folder(config.mailbox_dir)
    if urlsplit(config.mail_url).scheme not in ("smtp", "smtps") or not urlsplit(config.mail_url).hostname:
        raise Misconfigured(
            "SAVITARNA_MAIL_URL must be smtp://host or smtps://host, with user:password@ before the host where it asks for them."
        )
    return Smtp(config.mail_url, config.mail_timeout_seconds, urlsplit(config.customer_url).hostname)


class Folder:
    """The twin for development and tests: each mail is a file, whole or not at all. Every attempt is a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, letter: Letter) -> None:
        """Keep the mail. Its name starts with the moment, so that names in order are mails in order."""
        mail = compose(letter).as_bytes()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # codes and links are for the addressee
        handle, draft = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        with os.fdopen(handle, "wb") as file:
            file.write(mail)
        digest = hashlib.sha256(letter.message_id.encode()).hexdigest()[:12]
        os.replace(draft, self.folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{digest}.eml")


class Smtp:
    """A mail server: smtps:// speaks TLS from the start, smtp:// as soon as the server offers it. A password is sent over TLS only."""

    def __init__(self, url: str, timeout_seconds: int, own_name: str | None = None) -> None:
        parts = urlsplit(url)
        self.is_tls = parts.scheme == "smtps"
        self.host, self.user, self.password = parts.hostname or "", unquote(parts.username or ""), unquote(parts.password or "")
        self.port = parts.port or (465 if self.is_tls else 587 if self.user else 25)
        self.timeout_seconds, self.own_name = timeout_seconds, own_name

    def send(self, letter: Letter) -> None:
        """Hand the letter over in at most twice the timeout: connecting, then everything else. A lease must be longer."""
        mail = compose(letter)
        try:
            self._converse(mail, letter)
        except smtplib.SMTPRecipientsRefused as refused:
            raise _outcome(*next(iter(refused.recipients.values()))) from refused
        except smtplib.SMTPDataError as refused:
            raise _outcome(refused.smtp_code, refused.smtp_error) from refused
        except smtplib.SMTPResponseException as refused:
            # The greeting, TLS, the password or the sender's address: ours to put right, and then every waiting mail can go.
            raise Temporary(f"{refused.smtp_code} {_readable(refused.smtp_error)}") from refused
        except (OSError, smtplib.SMTPException) as failure:
            raise Temporary(f"{self.host}: {failure or type(failure).__name__}") from failure

    def _converse(self, mail: EmailMessage, letter: Letter) -> None:
        context = ssl.create_default_context()
        options: dict[str, Any] = {"local_hostname": self.own_name, "timeout": self.timeout_seconds}
        server = _Tls(self.host, self.port, context=context, **options) if self.is_tls else _Plain(self.host, self.port, **options)
        try:
            server.ehlo_or_helo_if_needed()
            if not self.is_tls and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif not self.is_tls and self.user:
                raise Temporary(f"{self.host} offers no TLS: the password is not sent in the clear.")
            if self.user:
                server.login(self.user, self.password)
            server.send_message(mail, letter.sender_address, [mail["To"].addresses[0].addr_spec])
            # It is theirs from here on: however the goodbye goes, sending it again would make two.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        finally:
            server.close()


class _Bounded:
    """Gives the whole conversation the time that smtplib would give to each answer."""

    timeout: float
    sock: socket.socket | None

    def getreply(self) -> tuple[int, bytes]:
        self._hurry()
        return super().getreply()  # type: ignore[misc]

    def send(self, s: Any) -> None:
        self._hurry()
        super().send(s)  # type: ignore[misc]

    def _hurry(self) -> None:
        deadline = self.__dict__.setdefault("deadline", time.monotonic() + self.timeout)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("it took too long")
        if self.sock:
            self.sock.settimeout(left)


class _Plain(_Bounded, smtplib.SMTP):
    pass


class _Tls(_Bounded, smtplib.SMTP_SSL):
    pass


def _outcome(code: int, text: bytes | str) -> Temporary | Permanent:
    return (Permanent if code >= 500 else Temporary)(f"{code} {_readable(text)}")


def _readable(text: bytes | str) -> str:
    return " ".join((text.decode(errors="replace") if isinstance(text, bytes) else text).split())


def compose(letter: Letter) -> EmailMessage:
    """The letter as it travels: text and HTML, UTF-8, one recipient. Raises Permanent for an address that is none (T73),
    ValueError for a sender's: that is ours to put right.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(letter.sender_address, letter.sender_name)
    try:
        mail["To"] = _address(letter.to)
    except ValueError as error:
        raise Permanent(str(error)) from error
    if letter.reply_to:
        with suppress(ValueError):  # better no way to answer than no mail
            mail["Reply-To"] = _address(letter.reply_to)
    mail["Subject"] = BREAKS.sub(" ", letter.subject)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = letter.message_id
    mail["Auto-Submitted"] = "auto-generated"  # no holiday replies, please
    for name, value in letter.headers.items():
        mail[name] = BREAKS.sub(" ", value)
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = letter.language  # after the content, which drops every header of that family
    return mail


def _address(address: str, name: str = "") -> Address:
    """One address, as mail servers want it: a domain such as šiauliai.lt in its ASCII form. Raises ValueError."""
    if BREAKS.search(address):
        raise ValueError("An e-mail address must have no line break in it.")
    local, _, domain = address.rpartition("@")
    try:
        return Address(BREAKS.sub(" ", name), addr_spec=f"{local}@{domain.encode('idna').decode()}")
    except (ValueError, MessageError, IndexError) as error:
        raise ValueError(f"{address!r} is not an e-mail address: {error}") from error
