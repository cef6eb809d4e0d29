"""Whose word does a verifier take? The trust file: a log's origin, its keys with their sizes, witnesses, the quorum.

`lapel init` writes the first one, with no witness and quorum 0. It is handed to outsiders by another way than the
receipts are: who can replace both can show anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lapel.base.errors import Invalid
from lapel.custody.checkpoint import MAX_SIZE, LogKey
from lapel.custody.note import LOG_KEY, WITNESS_KEY, VerifierKey, is_name, read_key
from lapel.custody.strictjson import members, read_json

_MEMBERS = {"v", "origin", "log_keys", "witness_keys", "quorum"}


@dataclass(frozen=True, slots=True)
class Trust:
    """One log's origin, the keys that may sign it, the witnesses known, and how many of them must have seen it."""

    origin: str
    log_keys: tuple[LogKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0

    def to_json(self) -> dict[str, Any]:
        """The content of `trust.json`."""
        return {
            "v": 1,
            "origin": self.origin,
            "log_keys": [
                {"key": str(k.key), "first_size": k.first, "last_size": k.last} for k in self.log_keys
            ],
            "witness_keys": [str(key) for key in self.witnesses],
            "quorum": self.quorum,
        }


def first_trust(origin: str, public_key: bytes) -> Trust:
    """The trust file of a new log: its one key, no witness. Raises `Invalid` for an origin that cannot be one."""
    check_origin(origin)
    return Trust(origin, (LogKey(VerifierKey(origin, LOG_KEY, public_key)),))


def check_origin(origin: str) -> None:
    """Raises `Invalid` unless the origin is a name without scheme, space, `+` or slash at its end."""
    if not is_name(origin) or "://" in origin or origin.endswith("/") or not origin.isprintable():
        raise Invalid(
            f"“{origin[:60]}” cannot be the origin of a log.",
            next_step="Give a name like police.example.gov/lapel, without scheme, space, + or slash at its end.",
        )


def read_trust(text: str | bytes) -> Trust:
    """The trust in a `trust.json`. Raises `Invalid` for anything that could be read in two ways."""
    content = members(read_json(text, what="The trust file"), _MEMBERS, what="The trust file")
    if content["v"] != 1:
        raise Invalid("The trust file is of a version that this verifier does not know.")
    origin, quorum = content["origin"], content["quorum"]
    if not isinstance(origin, str):
        raise Invalid("The origin in the trust file is not a text.")
    check_origin(origin)
    log_keys = tuple(_log_key(origin, item) for item in _list(content["log_keys"]))
    witnesses = tuple(read_key(_text(item), WITNESS_KEY) for item in _list(content["witness_keys"]))
    if not log_keys:
        raise Invalid("The trust file names no key of the log.")
    every = [k.key.key for k in log_keys] + [w.key for w in witnesses]
    if len(set(every)) != len(every):
        raise Invalid("The trust file names the same key twice; each key has one use.")
    if type(quorum) is not int or not 0 <= quorum <= len(witnesses):
        raise Invalid("The quorum in the trust file is not between 0 and the number of its witnesses.")
    return Trust(origin, log_keys, witnesses, quorum)


def _log_key(origin: str, item: Any) -> LogKey:
    content = members(item, {"key", "first_size", "last_size"}, what="A log key in the trust file")
    key = read_key(_text(content["key"]), LOG_KEY)
    first, last = content["first_size"], content["last_size"]
    if key.name != origin:
        raise Invalid(f"The log key of {key.name} does not belong to the origin {origin}.")
    if not _is_size(first) or not (last is None or (_is_size(last) and last >= first)):
        raise Invalid(f"The sizes that the log key {key.id.hex()} may sign for make no range.")
    return LogKey(key, first, last)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_SIZE


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > 64:
        raise Invalid("The keys in the trust file are not a list of at most 64.")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid("A key in the trust file is not a text.")
    return value
