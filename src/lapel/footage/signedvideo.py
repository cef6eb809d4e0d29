"""Did the camera sign what it filmed, and who says it is?

Two schemes write their signatures as SEI messages of type "user data unregistered" (H.264 §D.1.7), told apart by a UUID:
Signed Video and its successor, ONVIF Media Signing. Here they are found, counted and read; verifying them is another
act. Pure: hostile bytes give fewer facts, never an exception.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from lapel.footage import nal
from lapel.footage.inspection import Signed

USER_DATA_UNREGISTERED = 5
MAX_MESSAGES = 64


@dataclass(frozen=True, slots=True)
class _Scheme:
    """Where one scheme keeps what: tag numbers, tags with a length of one byte, and the order of the maker's texts."""

    name: str
    signature: int
    maker: int
    certificates: int
    short_tags: frozenset[int]
    texts: tuple[str, ...]


_SCHEMES = {
    bytes.fromhex("5369676e656420566964656f2e2e2e30"): _Scheme(
        "signed-video",
        signature=5,
        maker=3,
        certificates=2,
        short_tags=frozenset({1, 7}),
        texts=("hardware", "firmware", "serial", "manufacturer", "address"),
    ),
    bytes.fromhex("005bc93f2d715e95ada4796f90877a6f"): _Scheme(
        "onvif-media-signing",
        signature=3,
        maker=5,
        certificates=6,
        short_tags=frozenset(),
        texts=("firmware", "serial", "manufacturer"),
    ),
}


class SignatureScan:
    """Looks at SEI NAL units as they pass by; `found()` at the end says what they were."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._facts: dict[str, dict[str, str]] = {}

    def see(self, unit: bytes | memoryview, header_bytes: int) -> None:
        """One SEI NAL unit with its header, as it stands in the stream."""
        for kind, payload in _messages(nal.unescape(unit)[header_bytes:]):
            scheme = _SCHEMES.get(payload[:16]) if kind == USER_DATA_UNREGISTERED else None
            if scheme is None:
                continue
            facts = self._facts.setdefault(scheme.name, {})
            self._counts.setdefault(scheme.name, 0)
            # One reserved byte stands between the UUID and the first tag.
            for tag, value in _tags(payload[17:], scheme.short_tags):
                if tag == scheme.signature:
                    self._counts[scheme.name] += 1
                elif tag == scheme.maker and "firmware" not in facts:
                    facts.update(_texts(value, scheme.texts))
                elif tag == scheme.certificates:
                    facts.setdefault("certificates_sha256", hashlib.sha256(value).hexdigest())

    def found(self) -> tuple[Signed, ...]:
        """The schemes that were seen, each with the number of its signatures and what it says of the maker."""
        return tuple(
            Signed(scheme=name, signatures=count, **self._facts[name])
            for name, count in sorted(self._counts.items())
        )


def _messages(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """SEI messages (H.264 §7.3.2.3.1): type and size are sums of bytes up to one that is not 255."""
    at = 0
    for _ in range(MAX_MESSAGES):
        if len(payload) - at < 2:
            return
        kind, at = _sum(payload, at)
        size, at = _sum(payload, at)
        yield kind, payload[at : at + size]
        at += size


def _sum(payload: bytes, at: int) -> tuple[int, int]:
    total = 0
    while at < len(payload) and payload[at] == 0xFF:
        total, at = total + 0xFF, at + 1
    return (total + payload[at], at + 1) if at < len(payload) else (total, at)


def _tags(payload: bytes, short_tags: frozenset[int]) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(payload):
        tag = payload[at]
        length_bytes = 1 if tag in short_tags else 2
        start = at + 1 + length_bytes
        end = start + int.from_bytes(payload[at + 1 : start], "big")
        if end > len(payload):
            return  # the RBSP trailing bits stand here too, and end the list
        yield tag, payload[start:end]
        at = end


def _texts(value: bytes, names: tuple[str, ...]) -> dict[str, str]:
    """A version byte, then texts of at most 255 bytes, each after its length."""
    texts: dict[str, str] = {}
    at = 1
    for name in names:
        if at >= len(value):
            break
        size = value[at]
        text = value[at + 1 : at + 1 + size].decode("utf-8", "replace")
        texts[name] = "".join(c for c in text if c.isprintable())
        at += 1 + size
    return texts
