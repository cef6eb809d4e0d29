"""What does a release claim about itself? The manifest of redaction, version 1, strictly read. Nothing in it is believed yet.

`docs/formats/redaction-manifest.md` is the format. Pure, standard library only: this is the verifier's reading, and it also
runs alone on an outsider's machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lapel.base.errors import EvidenceFault, Invalid
from lapel.custody import ed25519
from lapel.custody.strictjson import members, read_json

FORMAT, VERSION = "lapel.redaction-manifest", 1
MANIFEST, SIGNATURE, RECEIPTS = "manifest.json", "manifest.sig", "receipts"
MAX_BYTES = 128 << 20
SIGNED = b"lapel/redaction-manifest/1\0"
_SIGNATURE_HEAD = "lapel-redaction-manifest-signature v1"
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})\Z")
_TOP = {"format", "v", "program", "made_at", "signer", "recording", "state", "reviewed", "report", "warnings", "left_out", "clips"}  # fmt: skip
_THERE = {"clip", "there", "file", "size_bytes", "sha256", "root", "header", "plan", "shift", "origin_us", "broken_off", "tracks"}  # fmt: skip
_HIDES = {"id", "kind", "mask", "shape", "exemption", "box", "begins_us", "ends_us"}
_MUTES = {"id", "kind", "exemption", "begins_us", "ends_us"}
MAX_SAMPLES = 50_000_000
WHY = ("hide", "edit list", "damaged", "whole")


@dataclass(frozen=True, slots=True)
class Group:
    """One group of the render. `kind`: copied, partly or redacted. Times are ticks of the source; `pts` and `dts` absolute.

    `key`: proves a copied unit. `rest`: digests of what was stripped from its packets. `packets`: of a partly silenced
    second, for each packet `c` and its salt, or `s` (silenced) or `x` (left out) and its digest in the tree.
    """

    number: int
    kind: str
    start: int
    pts: tuple[int | None, ...]
    dts: tuple[int | None, ...]
    leaf: bytes
    key: bytes = b""
    rest: Mapping[int, bytes] | None = None
    packets: tuple[tuple[str, bytes], ...] = ()
    payload: bytes = b""
    why: str = ""
    hides: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class TrackClaim:
    """One track of the source. Without `groups` it was left out (`left_out` says why) and only its leaves are known."""

    number: int
    kind: str = ""
    left_out: str = ""
    whole: str = ""
    time_base: tuple[int, int] | None = None
    config: bytes | None = None
    silence: bytes = b""
    sets: tuple[tuple[int, int, bytes], ...] = ()
    ours: tuple[tuple[int, int, bytes], ...] = ()
    leaves: tuple[bytes, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class ClipClaim:
    """One clip of the recording: its render, or that it is withheld (`file` is then empty)."""

    number: int
    file: str
    root: str | None
    why: str = ""
    sha256: str = ""
    size_bytes: int = 0
    header: str = ""
    shift: tuple[int, int] = (0, 1)
    broken_off: str = ""
    tracks: tuple[TrackClaim, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole claim. `agency` is empty where nobody's key signed."""

    agency: str
    key: bytes
    made_at: str
    recording: str
    reviewed: bool
    warnings: tuple[str, ...]
    left_out: tuple[str, ...]
    report: Mapping[str, Any]
    clips: tuple[ClipClaim, ...]


def signature_text(key: bytes, signature: bytes) -> str:
    """The content of `manifest.sig`."""
    return f"{_SIGNATURE_HEAD}\n{key.hex()}\n{signature.hex()}\n"


def check_signature(manifest: bytes, signature: bytes) -> bytes:
    """The key that signed exactly these bytes. Raises `EvidenceFault`."""
    match = re.fullmatch(rb"%s\n([0-9a-f]{64})\n([0-9a-f]{128})\n" % _SIGNATURE_HEAD.encode(), signature)
    if match is None:
        raise EvidenceFault("The signature of the manifest is not one: manifest.sig cannot be read.")
    key, signed = bytes.fromhex(match[1].decode()), bytes.fromhex(match[2].decode())
    if not ed25519.is_key(key) or not ed25519.verify(key, SIGNED + manifest, signed):
        raise EvidenceFault("The manifest is not what was signed: it was changed, or the signature was.")
    return key


def read_manifest(text: bytes) -> Manifest:
    """The manifest in these bytes. Raises `Invalid` naming the place."""
    top = members(read_json(text, what="The manifest", max_bytes=MAX_BYTES), _TOP, what="The manifest")
    if top["format"] != FORMAT or (top["v"] is not VERSION and top["v"] != VERSION):
        raise Invalid("The manifest is of a kind or version that this verifier does not know.")
    signer = members(top["signer"], {"key", "agency"}, what="signer")
    clips = tuple(_clip(item, f"clips[{n}]") for n, item in enumerate(_list(top["clips"], "clips")))
    if [clip.number for clip in clips] != list(range(1, len(clips) + 1)):
        raise Invalid("The clips of the manifest are not numbered from 1.")
    files = [clip.file for clip in clips if clip.file]
    if not files or len(set(files)) != len(files):
        raise Invalid("The manifest names no file, or one twice.")
    if top["state"] not in ("reviewed", "unreviewed") or not isinstance(top["report"], dict):
        raise Invalid("The manifest does not say whether a person reviewed it.")
    return Manifest(
        _text(signer["agency"], "signer.agency"),
        _hex(signer["key"], 32, "signer.key"),
        _text(top["made_at"], "made_at"),
        _text(top["recording"], "recording"),
        top["state"] == "reviewed",
        tuple(_text(item, "warnings") for item in _list(top["warnings"], "warnings")),
        tuple(_text(item, "left_out") for item in _list(top["left_out"], "left_out")),
        top["report"],
        clips,
    )


def _clip(item: Any, place: str) -> ClipClaim:
    if isinstance(item, dict) and item.get("there") is False:
        away = members(item, {"clip", "there", "why", "root"}, what=place)
        root = None if away["root"] is None else _hex(away["root"], 32, f"{place}.root").hex()
        return ClipClaim(_whole(away["clip"], place), "", root, why=_text(away["why"], f"{place}.why"))
    here = members(item, _THERE, what=place)
    if here["there"] is not True or not isinstance(here["file"], str) or not _FILE.match(here["file"]):
        raise Invalid(f"{place} names no file that can be.")
    shift = _pair(here["shift"], f"{place}.shift")
    if shift[1] < 1:
        raise Invalid(f"{place}.shift is no fraction.")
    _hex(here["plan"], 32, f"{place}.plan")
    _whole(here["origin_us"], f"{place}.origin_us", least=-(2**53))
    return ClipClaim(
        _whole(here["clip"], place),
        here["file"],
        _hex(here["root"], 32, f"{place}.root").hex(),
        sha256=_hex(here["sha256"], 32, f"{place}.sha256").hex(),
        size_bytes=_whole(here["size_bytes"], f"{place}.size_bytes"),
        header=_text(here["header"], f"{place}.header", limit=1 << 20),
        shift=shift,
        broken_off=_text(here["broken_off"], f"{place}.broken_off"),
        tracks=tuple(
            _track(one, n, f"{place}.tracks[{n}]")
            for n, one in enumerate(_list(here["tracks"], f"{place}.tracks"))
        ),
    )


def _track(item: Any, number: int, place: str) -> TrackClaim:
    if not isinstance(item, dict) or item.get("track") != number:
        raise Invalid(f"{place} is not track {number}.")
    if "left_out" in item:
        away = members(item, {"track", "left_out", "leaves"}, what=place)
        why = _text(away["left_out"], f"{place}.left_out")
        return TrackClaim(number, left_out=why or "no reason given", leaves=_leaves(away["leaves"], place))
    common = {"track", "kind", "whole", "groups"}
    if item.get("kind") == "video":
        said = members(item, common | {"sets", "ours"}, what=place)
        return TrackClaim(
            number,
            "video",
            whole=_text(said["whole"], f"{place}.whole"),
            sets=_sets(said["sets"], f"{place}.sets"),
            ours=_sets(said["ours"], f"{place}.ours"),
            groups=_groups(said["groups"], place),
        )
    if item.get("kind") == "audio" and item.get("whole"):
        said = members(item, common | {"time_base", "config", "leaves"}, what=place)
        return TrackClaim(
            number,
            "audio",
            whole=_text(said["whole"], f"{place}.whole"),
            time_base=_pair(said["time_base"], f"{place}.time_base"),
            config=_hex(said["config"], None, f"{place}.config"),
            leaves=_leaves(said["leaves"], place),
            groups=_groups(said["groups"], place, leaf=False),
        )
    said = members(item, common | {"silence"}, what=place)
    if said["kind"] != "audio":
        raise Invalid(f"{place} is neither picture nor sound.")
    silence = _hex(said["silence"], None, f"{place}.silence")
    if len(silence) > 64:
        raise Invalid(f"{place}.silence is too long to be silent.")
    return TrackClaim(number, "audio", silence=silence, groups=_groups(said["groups"], place))


def _groups(items: Any, place: str, *, leaf: bool = True) -> tuple[Group, ...]:
    groups = tuple(
        _group(item, f"{place}.groups[{n}]", leaf=leaf)
        for n, item in enumerate(_list(items, f"{place}.groups"))
    )
    if [group.number for group in groups] != list(range(len(groups))):
        raise Invalid(f"{place}.groups are not in their order, or not all there.")
    return groups


def _group(item: Any, place: str, *, leaf: bool) -> Group:
    if not isinstance(item, dict):
        raise Invalid(f"{place} is not an object.")
    kind = item.get("is")
    wanted = {"n", "is", "start", "pts"} | ({"leaf"} if leaf else set())
    if kind == "redacted":
        wanted |= {"payload", "hides"} | ({"why"} if leaf else set())
    elif kind == "copied":
        wanted |= {"dts", "key"} | ({"rest"} & item.keys())
    elif kind == "partly":
        wanted |= {"dts", "packets", "hides"}
    else:
        raise Invalid(f"{place} is neither copied nor redacted.")
    said = members(item, wanted, what=place)
    start = _ticks(said["start"], f"{place}.start")
    pts = _run(said["pts"], start, f"{place}.pts")
    packets = _packets(said["packets"], len(pts), f"{place}.packets") if kind == "partly" else ()
    dts = _run(said["dts"], start, f"{place}.dts") if "dts" in said else ()
    if "dts" in said and len(dts) != len(pts):
        raise Invalid(f"{place} has not as many decode times as pictures.")
    left_out = [n for n, (what, _) in enumerate(packets) if what == "x"]
    if any(value is None and n not in left_out for n, value in enumerate(pts)):
        raise Invalid(f"{place}.pts lacks a time.")
    why = said.get("why", "")
    if why and why not in WHY:
        raise Invalid(f"{place}.why is none of {', '.join(WHY)}.")
    return Group(
        _whole(said["n"], f"{place}.n"),
        str(kind),
        start,
        tuple(pts),
        tuple(dts),
        _hex(said["leaf"], 32, f"{place}.leaf") if leaf else b"",
        key=_hex(said["key"], 16, f"{place}.key") if kind == "copied" else b"",
        rest=_rests(said.get("rest", []), len(pts), f"{place}.rest"),
        packets=packets,
        payload=_hex(said["payload"], 32, f"{place}.payload") if kind == "redacted" else b"",
        why=why,
        hides=_hides(said.get("hides", []), f"{place}.hides"),
    )


def _hides(items: Any, place: str) -> tuple[Mapping[str, Any], ...]:
    found = []
    for item in _list(items, place):
        boxed = isinstance(item, dict) and "box" in item
        said = members(item, _HIDES if boxed else _MUTES, what=place)
        for name in ("begins_us", "ends_us"):
            _whole(said[name], f"{place}.{name}", least=-(2**53))
        for name in said.keys() & {"id", "kind", "mask", "shape", "exemption"}:
            _text(said[name], f"{place}.{name}")
        if boxed and len([_whole(v, place) for v in _list(said["box"], place)]) != 4:
            raise Invalid(f"{place}.box has not four numbers.")
        found.append(said)
    return tuple(found)


def _run(items: Any, start: int, place: str) -> list[int | None]:
    """The values that [[step, times], …] stand for."""
    found: list[int | None] = []
    last = start
    for item in _list(items, place):
        if not isinstance(item, list) or len(item) != 2:
            raise Invalid(f"{place} is not made of pairs.")
        step = None if item[0] is None else _whole(item[0], place, least=-(2**53))
        times = _whole(item[1], place, least=1)
        if len(found) + times > MAX_SAMPLES:
            raise Invalid(f"{place} has more packets than are read.")
        for _ in range(times):
            last = last if step is None else last + step
            found.append(None if step is None else last)
    return found


def _rests(items: Any, count: int, place: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for item in _list(items, place):
        if not isinstance(item, list) or len(item) != 2:
            raise Invalid(f"{place} is not made of pairs.")
        number = _whole(item[0], place)
        if number >= count or number in found:
            raise Invalid(f"{place} names a packet that is not there, or one twice.")
        found[number] = _hex(item[1], 32, place)
    return found


def _packets(items: Any, count: int, place: str) -> tuple[tuple[str, bytes], ...]:
    found = []
    for item in _list(items, place):
        if not isinstance(item, list) or len(item) != 2 or item[0] not in ("c", "s", "x"):
            raise Invalid(f"{place} is not made of c, s or x and a value.")
        found.append((item[0], _hex(item[1], 16 if item[0] == "c" else 32, place)))
    if len(found) != count:
        raise Invalid(f"{place} are not as many as the times.")
    return tuple(found)


def _sets(items: Any, place: str) -> tuple[tuple[int, int, bytes], ...]:
    found = []
    for item in _list(items, place):
        if not isinstance(item, list) or len(item) != 3:
            raise Invalid(f"{place} is not made of type, id and set.")
        found.append((_whole(item[0], place), _whole(item[1], place), _hex(item[2], None, place)))
    if len({one[:2] for one in found}) != len(found):
        raise Invalid(f"{place} has a set twice.")
    return tuple(found)


def _leaves(value: Any, place: str) -> tuple[bytes, ...]:
    raw = _hex(value, None, f"{place}.leaves", limit=MAX_BYTES)
    if len(raw) % 32:
        raise Invalid(f"{place}.leaves are not of 32 bytes each.")
    return tuple(raw[at : at + 32] for at in range(0, len(raw), 32))


def _list(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise Invalid(f"{place} is not a list.")
    return value


def _pair(value: Any, place: str) -> tuple[int, int]:
    pair = [_whole(one, place, least=-(2**53)) for one in _list(value, place)]
    if len(pair) != 2:
        raise Invalid(f"{place} is not a pair.")
    return pair[0], pair[1]


def _whole(value: Any, place: str, *, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= 2**53:
        raise Invalid(f"{place} has a number that cannot be.")
    return value


def _ticks(value: Any, place: str) -> int:
    if not isinstance(value, str) or not _INTEGER.match(value):
        raise Invalid(f"{place} is no number of ticks.")
    return int(value)


def _text(value: Any, place: str, limit: int = 2000) -> str:
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        raise Invalid(f"{place} is not a text that can be shown.")
    return value


def _hex(value: Any, size: int | None, place: str, limit: int = 1 << 20) -> bytes:
    sized = isinstance(value, str) and len(value) <= limit and (size is None or len(value) == 2 * size)
    if not sized or len(value) % 2 or not re.fullmatch("[0-9a-f]*", value):
        raise Invalid(f"{place} is not a value in lower case hex of the right length.")
    return bytes.fromhex(value)


def header_of(claim: ClipClaim) -> Sequence[Mapping[str, Any]]:
    """The tracks in the header leaf. Raises `Invalid`."""
    header = read_json(claim.header, what="The header of the media tree")
    said = members(header, {"format", "v", "tracks"}, what="The header of the media tree")
    tracks = _list(said["tracks"], "header.tracks")
    if said["format"] != "lapel.media-tree" or said["v"] != 1 or not all(isinstance(t, dict) for t in tracks):
        raise Invalid("The media tree is of a version that this verifier does not know.")
    if json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False) != claim.header:
        raise Invalid("The header of the media tree is not written canonically.")
    return tracks
