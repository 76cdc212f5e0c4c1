"""Personal codes: found by a keyed digest, kept encrypted, never in an address, a log or a list."""

import re

from stdnum.lt import asmens

from models import N_
from rules import keys
from rules.refusal import Refused

PURPOSE = "personal-code"
WRONG = "wrong"  # in the place of a digest: what was said is no personal code


def canonical(country: str, code: str) -> str:
    """The one spelling of a personal code: without spaces; Lithuanian and Estonian ones are 11 digits, Latvian ones have a dash after the
    sixth, whether it was written or not."""
    code = "".join(code.split()).upper()
    if country in ("LT", "LV", "EE"):
        code = code.replace("-", "")
    return re.sub(r"^(\d{6})(\d{5})$", r"\1-\2", code) if country == "LV" else code


def checked(text: str, country: str = "LT") -> str:
    """A personal code as it is kept, in its one spelling. Lithuanian ones are checked by their last digit; those of other states, which
    differ, by their form alone. Raises Refused."""
    code = canonical(country, text)
    if country == "LT" and not asmens.is_valid(code):
        raise Refused(N_("Enter the personal code: 11 digits, as in the identity document"), field="personal_code")
    if country == "LV" and not re.fullmatch(r"\d{6}-\d{5}", code, re.ASCII):
        raise Refused(N_("Enter the personal code: 11 digits, as in the identity document"), field="personal_code")
    if not (code.replace("-", "").isalnum() and code.isascii() and 5 <= len(code) <= 20):
        raise Refused(N_("Enter the personal code as in the identity document"), field="personal_code")
    return code


def digest(country: str, code: str) -> str:
    """By what the holder of a personal code is found again, the same for every method that names the code."""
    return keys.digest(PURPOSE, f"{country}:{canonical(country, code)}")


def is_in(code: str, text: str) -> bool:
    """Whether a text holds the code, however it is spelled there."""
    return bool(code) and re.sub(r"\W", "", code) in re.sub(r"\W", "", text)


def hidden(code: str) -> str:
    """What a billing system says of whose a contract is, as it may be kept: of a person's code the digest, of eleven digits that are
    none nothing, a company's code as it is."""
    spelled = canonical("LT", re.sub(r"^[A-Za-z]{2}-", "", code.strip()))
    if not (len(spelled) == 11 and spelled.isdigit()):
        return code
    kept = told(code)
    return "" if kept == WRONG else kept


def told(text: str) -> str:
    """What a billing system says of a customer's personal code, as it may be kept: the digest, or WRONG where it is none. A code of
    another state has its two letters and a dash in front: EE-60001019906."""
    if not text:
        return ""
    said = re.fullmatch(r"(?:([A-Z]{2})-)?(.*)", text.strip().upper(), re.DOTALL)
    assert said is not None
    country = said[1] or "LT"
    try:
        return digest(country, checked(said[2], country))
    except Refused:
        return WRONG


def is_hidden(code: str) -> bool:
    """Whether `hidden` made this of a person's code: no company's is that long."""
    return len(code) == 64


def digest_of_login(issuer: str, subject: str) -> str:
    """By what a login elsewhere is found again (IB-11). Never by an e-mail (T58)."""
    return keys.digest("login-elsewhere", f"{issuer}\x00{subject}")


def seal(code: str) -> str:
    """A personal code as it is kept."""
    return keys.seal(PURPOSE, code)


def unseal(sealed: str) -> str:
    """The personal code that was kept: to ask a register about its holder, and to show staff who may see it."""
    return str(keys.unseal(PURPOSE, sealed))
