"""Secrets: passwords, codes, links, one-time passwords. The install's key is handed in once, at start."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken

STRONG = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)  # OWASP's figures: 36 ms, 19 MB (T63)
# A password that nobody has, as STRONG hashes it. It stands here so that no start takes the time to make one.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$B/P89gUVBxsjbrRrp1YMSA$QpZon37at/ZfFO7EJvIhYlSpuxJZAMm1QElfkT8p8Js"

_key, _hasher, _nobody = b"", STRONG, NOBODY


def configure(key: bytes, cheap: bool = False) -> None:
    """Take the install's key for digests. `cheap` makes hashing take no time: tests only, refused in production."""
    global _key, _hasher, _nobody
    _key = key
    if cheap:
        _hasher = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1)
        _nobody = _hasher.hash(secrets.token_hex(16))


def digest(purpose: str, text: str) -> str:
    """`text` as it may be stored: useless without the install's key, and for any other purpose."""
    return hmac.new(_key, f"{purpose}\x00{text}".encode(), hashlib.sha256).hexdigest()


def seal(purpose: str, what: Any) -> str:
    """`what` (anything JSON has) as it may be kept and read again: unreadable without the install's key, and for any other purpose."""
    return _box(purpose).encrypt(json.dumps(what, separators=(",", ":")).encode()).decode()


def unseal(purpose: str, sealed: str) -> Any:
    """What was sealed for this purpose. Raises ValueError for anything else, or changed since."""
    try:
        return json.loads(_box(purpose).decrypt(sealed.encode()))
    except InvalidToken:
        raise ValueError(purpose) from None


def _box(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.new(_key, f"seal\x00{purpose}".encode(), hashlib.sha256).digest()))


def new_token() -> str:
    """192 random bits for a link or a cookie."""
    return secrets.token_urlsafe(24)


def new_code(length: int) -> str:
    """A code of so many digits, every one as likely (T44)."""
    return f"{secrets.randbelow(10**length):0{length}}"


def new_reference() -> str:
    """Eight letters and digits that people can read out: no 0, O, 1, I."""
    return "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(8))


def hash_password(password: str) -> str:
    """`password` as it is stored (argon2id)."""
    return _hasher.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one stored. Takes the same time where nothing is stored (T47)."""
    try:
        return _hasher.verify(stored or _nobody, password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


def new_totp_secret() -> str:
    """A secret for an authenticator app."""
    return pyotp.random_base32()


def totp_step(secret: str, code: str, at: float) -> int | None:
    """The 30-second step that `code` belongs to at `at` (seconds since 1970; one step of clock drift either way), else None.
    Spaces in the code do not count: apps show it in two halves."""
    totp, typed = pyotp.TOTP(secret), "".join(code.split()).encode()
    for step in (int(at) // 30 + drift for drift in (0, -1, 1)):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed):
            return step
    return None
