"""What people type about themselves, as it is kept: address, phone, name, password. Each says what to do when it cannot be used."""

import functools
from pathlib import Path

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from models import N_, Organisation, fold
from rules import settings
from rules.refusal import Refused

LONGEST_PASSWORD, LONGEST_LOGIN = 128, 254
BALTIC = (370, 371, 372)
LITHUANIA, DIGITS_BEHIND_370 = 370, 8


# ---- address, phone, name ---------------------------------------------------------------------------------------------


def address(text: str) -> str:
    """An e-mail address as it is kept. Mail servers are not asked. Raises Refused; a line break in it is one reason (T73)."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise Refused(N_("Enter an e-mail address, such as name@example.lt"), field="email") from None
    return found.ascii_email or found.normalized


def login(text: str) -> str:
    """What was typed as a login name, as `Account.email_key` keeps it and no longer than that, whether it is an address or not."""
    try:
        return address(text).casefold()
    except Refused:
        return text.strip().casefold()[:LONGEST_LOGIN]


def refuse_public_mail(organisation: Organisation, email: str) -> None:
    """Where only a company's own address will do, refuse those of services that are open to everyone (K13, IB-46)."""
    domain = email.rpartition("@")[2].casefold()
    if settings.of(organisation).company_email_only and domain in _words("public_mail_domains.txt"):
        raise Refused(
            N_("Enter the e-mail address that your company gave you: {domain} is open to everyone, so it shows nothing of your company"),
            field="email",
            domain=domain,
        )


def mobile_id_phone(text: str) -> str:
    """A phone number of whichever Baltic state, as Mobile-ID has them. Raises Refused."""
    try:
        number = phonenumbers.parse(text, "LT")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or number.country_code not in BALTIC or not phonenumbers.is_possible_number(number) or number.extension:
        raise Refused(N_("Enter the phone number with the code of its country, such as +370 600 00000"), field="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def company_domain(text: str) -> str:
    """The domain of a company's own addresses; never one where anybody gets an address (T07). Raises Refused."""
    domain = text.strip().removeprefix("@").casefold()
    address(f"a@{domain}")
    if domain in _words("public_mail_domains.txt"):
        raise Refused(N_("{domain} is open to everyone: it is no company's own"), field="email_domain", domain=domain)
    return domain


def phone(text: str) -> str:
    """A phone number as +370xxxxxxxx (CV-09); spaces, and the 8 or 0 that is dialled inside the country, may be typed.
    Raises Refused."""
    wrong = Refused(N_("Enter the phone number as +370 and 8 digits, such as +370 600 00000"), field="phone")
    try:
        number = phonenumbers.parse(text, "LT")
    except phonenumbers.NumberParseException:
        raise wrong from None
    if number.country_code != LITHUANIA or len(str(number.national_number)) != DIGITS_BEHIND_370 or number.extension:
        raise wrong
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def name(text: str) -> str:
    """A person's or company's name, with single spaces. Raises Refused where nothing is left."""
    kept = " ".join(text.split())
    if not kept:
        raise Refused(N_("Enter the name"), field="name")
    return kept[:200]


# ---- password (K02) ---------------------------------------------------------------------------------------------------


def check_password(organisation: Organisation, password: str, *, email: str) -> None:
    """Refuse a password that the organisation's rules do not allow, saying everything that it lacks (CV-10, PS-02)."""
    rules = settings.of(organisation)
    have = {
        "password_upper": sum(c.isupper() for c in password),
        "password_lower": sum(c.islower() for c in password),
        "password_digit": sum(c.isdigit() for c in password),
    }
    lacks = []
    if len(password) < rules.password_min:
        lacks.append(Refused(N_("The password must have at least {least} characters."), least=rules.password_min))
    for kind, count in have.items():
        least = getattr(rules, kind)
        if count < least:
            one, many = LACKS[kind]
            lacks.append(Refused(one if least == 1 else many, least=least))
    if len(password) > LONGEST_PASSWORD:
        lacks.append(Refused(N_("The password must have at most {most} characters."), most=LONGEST_PASSWORD))
    if not lacks and is_easily_guessed(organisation, password, email):
        lacks.append(Refused(N_("This password is among the first that anyone would try. Choose another one.")))
    if lacks:
        sentences = {f"sentence_{n}": sentence for n, sentence in enumerate(lacks)}
        raise Refused(" ".join(f"{{{name}}}" for name in sentences), field="password", **sentences)


LACKS = {
    "password_upper": (N_("The password must have a capital letter."), N_("The password must have at least {least} capital letters.")),
    "password_lower": (N_("The password must have a small letter."), N_("The password must have at least {least} small letters.")),
    "password_digit": (N_("The password must have a digit."), N_("The password must have at least {least} digits.")),
}


def is_easily_guessed(organisation: Organisation, password: str, email: str) -> bool:
    """Whether a password is a well-known one, or the address or the organisation's name, with or without digits and signs around it."""
    whole, core = fold(password), _core(password)
    own = {_core(email.partition("@")[0]), fold(email), _core(organisation.name), _core(organisation.slug)}
    return bool({whole, core} & (_words("common_passwords.txt") | own) - {""})


def _core(text: str) -> str:
    """`text` without its case, accents, spaces, and the digits and signs around it: what people vary when they keep a password."""
    folded = fold(text).replace(" ", "").replace("-", "")
    return folded.strip("".join(c for c in set(folded) if not c.isalpha()))


@functools.cache
def _words(file: str) -> frozenset[str]:
    return frozenset(fold(word) for word in (Path(__file__).parent / file).read_text(encoding="utf-8").split())
