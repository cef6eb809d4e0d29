"""What is a thing called? Random 128-bit names, and the short number that people read to each other."""

from __future__ import annotations

import os
import re

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"R-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}")
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_id() -> str:
    """A random 128-bit id as 32 lowercase hex digits."""
    return os.urandom(16).hex()


def is_id(text: str) -> bool:
    """Is this text an id as `new_id` makes them?"""
    return _ID.fullmatch(text) is not None


def recording_number(recording_id: str) -> str:
    """The number people use for a recording: the first 50 bits of its id in Crockford's base 32, `R-7K3M9-QXD4W`.

    It is derived and not counted: a counter would tell one agency how much another records, and could not be
    rebuilt from the objects.
    """
    bits = int(recording_id, 16) >> 78
    digits = "".join(_CROCKFORD[(bits >> shift) & 31] for shift in range(45, -1, -5))
    return f"R-{digits[:5]}-{digits[5:]}"


def read_number(text: str) -> str | None:
    """The canonical recording number in what a person typed (case, spaces, O and I forgiven), or None."""
    digits = text.upper().replace("-", "").replace(" ", "").strip().translate(_READ_AS)
    if len(digits) == 11:  # without its R a number may still begin with one
        digits = digits.removeprefix("R")
    number = f"R-{digits[:5]}-{digits[5:]}"
    return number if _NUMBER.fullmatch(number) else None


def ids_of_number(number: str) -> tuple[str, str]:
    """The lowest id that has this canonical number, and the lowest that does not any more: [first, second)."""
    bits = 0
    for digit in number.removeprefix("R-").replace("-", ""):
        bits = bits << 5 | _CROCKFORD.index(digit)
    # Beyond the last number there is no id of 32 digits; `g` comes after all of them.
    return f"{bits << 78:032x}", f"{(bits + 1) << 78:032x}" if bits + 1 < 1 << 50 else "g"
