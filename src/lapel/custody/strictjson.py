"""What does this JSON say, if it can be read in one way only? Limits first: strangers write what is read here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from lapel.base.errors import Invalid

MAX_BYTES = 1 << 20
MAX_DEPTH = 32


def read_json(text: str | bytes, *, what: str, max_bytes: int = MAX_BYTES) -> Any:
    """The value in the text. Raises `Invalid` (saying `what` was read) beyond `max_bytes` or 32 levels, for a name twice
    in an object, for a number with a fraction or exponent, and for anything that is not JSON."""
    if len(text) > max_bytes:
        raise Invalid(f"{what} has more than {max_bytes >> 20} MiB.", status=413)
    try:
        plain = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{what} is not UTF-8.") from None
    if _depth(plain) > MAX_DEPTH:
        raise Invalid(f"{what} is nested more than {MAX_DEPTH} levels deep.")

    def refuse(word: str) -> NoReturn:
        raise Invalid(f"{what} has the number {word[:30]}; only whole numbers are read.")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Invalid(f"{what} has a name twice in one object.")
        return found

    try:
        return json.loads(plain, object_pairs_hook=once, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Invalid(f"{what} is not JSON.") from None


def members(value: Any, expected: set[str], *, what: str) -> Mapping[str, Any]:
    """The object's members, when they are exactly the expected ones. Raises `Invalid` otherwise."""
    if not isinstance(value, dict):
        raise Invalid(f"{what} is not an object.")
    if missing := expected - value.keys():
        raise Invalid(f"{what} lacks “{min(missing)}”.")
    if extra := value.keys() - expected:
        raise Invalid(f"{what} has “{min(extra)[:40]}”, which means nothing there.")
    return value


def _depth(text: str) -> int:
    """How deep the brackets nest, those inside strings left out."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = character == "\\", character != '"'
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest
