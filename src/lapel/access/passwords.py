"""Is this the password, and is it good enough to be one?

argon2id with the library's parameters for the time (RFC 9106, low memory: 64 MiB). The rules follow NIST SP 800-63B-4
§3.1.1.2: length counts, no composition rules, any character, compared after NFKC.
"""

from __future__ import annotations

import threading
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from lapel.base.errors import Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 12
MAX_LENGTH = 256
MIN_BESIDE_NAME = 8

# Each comparison takes 64 MiB: what arrives at once waits in line instead of taking the machine.
_at_once = threading.BoundedSemaphore(4)


def check(name: str, password: str) -> None:
    """Return when `password` may be the one of `name`. Raises `Invalid` with what to change."""
    text = _normal(password)
    if len(text) < MIN_LENGTH:
        raise Invalid(
            f"The password has fewer than {MIN_LENGTH} characters.",
            next_step="A few unrelated words are easy to remember and hard to guess.",
        )
    if len(password) > MAX_LENGTH:
        raise Invalid(f"The password has more than {MAX_LENGTH} characters.", next_step="Shorten it.")
    beside_the_name = text.casefold().replace(name.casefold(), "")
    if len(set(text)) < 5 or len(beside_the_name) < MIN_BESIDE_NAME:
        raise Invalid(
            "This password is easy to guess: it is little more than the name, or very few different characters.",
            next_step="A few unrelated words are easy to remember and hard to guess.",
        )


def hashed(password: str) -> str:
    """The encoded argon2id hash of a password."""
    with _at_once:
        return _hasher().hash(_normal(password))


def matches(kept: str | None, password: str) -> bool:
    """Is this the password that `kept` was made from? None takes as long and is never right."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > MAX_LENGTH:
        password = ""  # hashing a megabyte is work for nothing; the answer is the same
    with _at_once:
        try:
            return _hasher().verify(kept or _nobodys(), _normal(password)) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody has this password")
