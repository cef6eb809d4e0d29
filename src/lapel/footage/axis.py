"""What does a camera system say in the AXIS content-destination protocol? Names, metadata and times, as values.

The protocol is restated in docs/formats/intake.md. The rules that matter here:

* A container name says what the container is for; a recording's is `<user id>_<serial>_<trigger time>`.
* Metadata travels as `X-Container-Meta-<Key>` or `X-Object-Meta-<Key>` headers; keys ignore case, values are
  percent-encoded UTF-8. Either prefix is accepted on either target, as the maker's own tests mix them.
* Nothing but what identifies a recording may be required: older firmware leaves out any newer key.
* What cannot be decoded is kept as it came and flagged. Nothing here raises for what a camera sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import unquote_to_bytes

from lapel.footage import model

ContainerKind = Literal["system", "users", "devices", "rejected", "recording"]
ObjectKind = Literal["bookmark", "trail", "key", "clip", "other"]

MAX_NAME_BYTES = 256
MAX_KEYS = 128
MAX_VALUE_BYTES = 4096
MAX_KEY_BYTES = 128
MAX_METADATA_BYTES = 64 * 1024

# The protocol's own spelling; HTTP loses it on the way ("Bwcserialnumber").
_KEYS = """
ContainerName BWCSerialNumber SCUSerialNumber FirmwareVersion UserID TriggerOn TriggerOff TriggerOnTime
TriggerOnTimeISO TriggerOnLocation TriggerOffTime TriggerOffTimeISO TriggerOffLocation StartTime StartTimeISO
StopTime StopTimeISO TimeZone BWCModel Status ContainerType FileType CategoryID CategoryName Tags EndTime Location
ConnectionId SystemName Active Name Model RejectedContentOriginalContainer RejectedContentTime RejectedContentReason
"""
_SPELLING = {key.lower(): key for key in _KEYS.split()}
_PREFIXES = (b"x-container-meta-", b"x-object-meta-")

_AT = r"(?P<at>\d{8}T\d{6}Z|\d{8}_\d{6})"
_RECORDING = re.compile(rf"(?P<user>.+)_(?P<camera>[^_]+)_{_AT}", re.DOTALL)
_TIME_IN_NAME = re.compile(r"(?<!\d)(\d{8})[T_](\d{6})Z?(?!\d)")
_EPOCH = re.compile(r"-?\d{1,17}(\.\d{1,9})?")
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,12})?")
_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it may be kept: decoded, or raw where it does not decode, and never longer than 256 bytes.

    A name is data and never a path: no character of it reaches a file system.
    """

    text: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """What a container is for, and what its name says of the recording; None where it says nothing readable."""

    name: str
    kind: ContainerKind
    user: str | None = None
    camera: str | None = None
    at: datetime | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """Keys in the protocol's spelling (unknown ones as they came) with decoded values; "" asks for a key to be deleted."""

    values: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def get(self, key: str) -> str | None:
        """The value said for this key, or None when none or an empty one was said."""
        return self.values.get(key) or None


@dataclass(frozen=True, slots=True)
class Location:
    """Where the camera was: degrees, metres of accuracy, and when; the last two only if said."""

    latitude: float
    longitude: float
    accuracy_m: float | None
    at: datetime | None


def decode(raw: bytes) -> tuple[str, bool]:
    """Percent-encoded UTF-8 as text, and whether it was good. What is not good comes back as it was, undecoded.

    Control characters count as bad encoding: the protocol forbids them, and PostgreSQL cannot keep a NUL.
    """
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return _as_it_came(raw), False
    if _BROKEN_PERCENT.search(raw) or _CONTROL.search(text):
        return _as_it_came(raw), False
    return text, True


def read_name(raw: bytes) -> Name:
    """One container or object name out of the raw path of a request."""
    text, good = decode(raw)
    flags = () if good else (model.BAD_ENCODING,)
    return fit(text, flags)


def fit(text: str, flags: tuple[str, ...] = ()) -> Name:
    """A name of at most 256 bytes: a longer one is cut, and its digest put behind so that it stays one name."""
    if len(text.encode()) <= MAX_NAME_BYTES:
        return Name(text, flags)
    whole = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Name(f"{_cut(text, MAX_NAME_BYTES - 33)}~{whole}", (*flags, model.CUT))


def read_container(raw: bytes) -> Container:
    """What a container's name says. A name of no known shape is a recording's, flagged: footage is never refused for it."""
    name = read_name(raw)
    if name.text in ("System", "Users", "Devices"):
        kinds: dict[str, ContainerKind] = {"System": "system", "Users": "users", "Devices": "devices"}
        return Container(name.text, kinds[name.text])
    if name.text.startswith("RejectedContent_"):
        return Container(name.text, "rejected", flags=name.flags)
    return read_recording_name(name)


def read_recording_name(name: Name) -> Container:
    """The wearer, camera and time in a recording container's name, in today's form or the old one of 2019."""
    match = _RECORDING.fullmatch(name.text)
    if match is None:
        return Container(name.text, "recording", flags=(*name.flags, model.NAME_UNREADABLE))
    return Container(
        name.text,
        "recording",
        user=match["user"],
        camera=match["camera"],
        at=time_in_name(match["at"]),
        flags=name.flags,
    )


def read_metadata(headers: Iterable[tuple[bytes, bytes]]) -> Metadata:
    """The metadata among the headers of a request; beyond 128 keys, 4 KiB a value or 64 KiB it is cut and flagged."""
    values: dict[str, str] = {}
    room = MAX_METADATA_BYTES
    flags: set[str] = set()
    for header, raw in headers:
        lowered = header.lower()
        prefix = next((p for p in _PREFIXES if lowered.startswith(p)), None)
        if prefix is None:
            continue
        key = _key(lowered[len(prefix) :])
        if not key or len(key) > MAX_KEY_BYTES or (key not in values and len(values) >= MAX_KEYS):
            flags.add(model.CUT)
            continue
        value, good = decode(raw.strip())
        if not good:
            flags.add(model.BAD_ENCODING)
        most = min(MAX_VALUE_BYTES, room)
        if len(value.encode()) > most:
            value = _cut(value, most)
            flags.add(model.CUT)
        room -= len(value.encode())
        values[key] = value
    return Metadata(values, tuple(sorted(flags)))


def object_kind(name: str, metadata: Metadata) -> ObjectKind:
    """What an object of a recording is, by its name first and by what is said of it second."""
    lowered = name.lower()
    if lowered.startswith("bookmark_"):
        return "bookmark"
    if lowered.endswith(".key"):
        return "key"
    if lowered.endswith("_gpstrail.json"):
        return "trail"
    if lowered.endswith((".mkv", ".mp4")):
        return "clip"
    if metadata.get("FileType") == "key":
        return "key"
    return "clip" if metadata.get("ContainerType") else "other"


def time_in_name(name: str) -> datetime | None:
    """The UTC instant in a name, `20190101T090909Z` or the old `20190101_090909`; None when there is none."""
    match = _TIME_IN_NAME.search(name)
    if match is None:
        return None
    try:
        return datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def read_instant(text: str) -> datetime | None:
    """An instant said as epoch seconds, RFC 3339, or as in names; None when it is none of them or names no zone."""
    try:
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return time_in_name(text)


def instant(metadata: Metadata, key: str) -> datetime | None:
    """The instant said under `key` or under its sister `<key>ISO`, or None."""
    for text in (metadata.get(key), metadata.get(f"{key}ISO")):
        at = read_instant(text) if text else None
        if at is not None:
            return at
    return None


def read_location(text: str) -> Location | None:
    """`<lat><long><accuracy><epoch>`. The protocol names no separator, so numbers are taken as they come."""
    numbers = [float(n) for n in _NUMBER.findall(text)]
    if len(numbers) < 2 or abs(numbers[0]) > 90 or abs(numbers[1]) > 180:
        return None
    at = read_instant(str(int(numbers[3]))) if len(numbers) > 3 else None
    return Location(numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else None, at)


def read_tags(text: str) -> dict[str, str]:
    """`key:value;key:value`; what has no colon is a key with an empty value. The first of two like keys counts."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        key, _, value = part.partition(":")
        if key.strip():
            tags.setdefault(key.strip(), value.strip())
    return tags


def _as_it_came(raw: bytes) -> str:
    return _CONTROL.sub(lambda found: f"%{ord(found[0]):02X}", raw.decode("latin-1"))


def _key(raw: bytes) -> str:
    text = raw.decode("latin-1").lower()
    return _SPELLING.get(text) or "-".join(part.capitalize() for part in text.split("-"))


def _cut(text: str, limit_bytes: int) -> str:
    return text.encode()[:limit_bytes].decode("utf-8", "ignore")
