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
from lapel.redaction.manifest_values import (
    MAX_BYTES,
    hex_of,
    leaves_of,
    list_of,
    packets_of,
    pair_of,
    rests_of,
    run_of,
    sets_of,
    text_of,
    ticks_of,
    whole_of,
)

FORMAT, VERSION = "lapel.redaction-manifest", 1
MANIFEST, SIGNATURE, RECEIPTS = "manifest.json", "manifest.sig", "receipts"
SIGNED = b"lapel/redaction-manifest/1\0"
_SIGNATURE_HEAD = "lapel-redaction-manifest-signature v1"
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_TOP = {"format", "v", "program", "made_at", "signer", "recording", "state", "reviewed", "report", "warnings", "left_out", "clips"}  # fmt: skip
_THERE = {"clip", "there", "file", "size_bytes", "sha256", "root", "header", "plan", "shift", "origin_us", "broken_off", "tracks"}  # fmt: skip
_HIDES = {"id", "kind", "mask", "shape", "exemption", "box", "begins_us", "ends_us"}
_MUTES = {"id", "kind", "exemption", "begins_us", "ends_us"}
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
    clips = tuple(_clip(item, f"clips[{n}]") for n, item in enumerate(list_of(top["clips"], "clips")))
    if [clip.number for clip in clips] != list(range(1, len(clips) + 1)):
        raise Invalid("The clips of the manifest are not numbered from 1.")
    files = [clip.file for clip in clips if clip.file]
    if not files or len(set(files)) != len(files):
        raise Invalid("The manifest names no file, or one twice.")
    if top["state"] not in ("reviewed", "unreviewed") or not isinstance(top["report"], dict):
        raise Invalid("The manifest does not say whether a person reviewed it.")
    return Manifest(
        text_of(signer["agency"], "signer.agency"),
        hex_of(signer["key"], 32, "signer.key"),
        text_of(top["made_at"], "made_at"),
        text_of(top["recording"], "recording"),
        top["state"] == "reviewed",
        tuple(text_of(item, "warnings") for item in list_of(top["warnings"], "warnings")),
        tuple(text_of(item, "left_out") for item in list_of(top["left_out"], "left_out")),
        top["report"],
        clips,
    )


def _clip(item: Any, place: str) -> ClipClaim:
    if isinstance(item, dict) and item.get("there") is False:
        away = members(item, {"clip", "there", "why", "root"}, what=place)
        root = None if away["root"] is None else hex_of(away["root"], 32, f"{place}.root").hex()
        return ClipClaim(whole_of(away["clip"], place), "", root, why=text_of(away["why"], f"{place}.why"))
    here = members(item, _THERE, what=place)
    if here["there"] is not True or not isinstance(here["file"], str) or not _FILE.match(here["file"]):
        raise Invalid(f"{place} names no file that can be.")
    shift = pair_of(here["shift"], f"{place}.shift")
    if shift[1] < 1:
        raise Invalid(f"{place}.shift is no fraction.")
    hex_of(here["plan"], 32, f"{place}.plan")
    whole_of(here["origin_us"], f"{place}.origin_us", least=-(2**53))
    return ClipClaim(
        whole_of(here["clip"], place),
        here["file"],
        hex_of(here["root"], 32, f"{place}.root").hex(),
        sha256=hex_of(here["sha256"], 32, f"{place}.sha256").hex(),
        size_bytes=whole_of(here["size_bytes"], f"{place}.size_bytes"),
        header=text_of(here["header"], f"{place}.header", limit=1 << 20),
        shift=shift,
        broken_off=text_of(here["broken_off"], f"{place}.broken_off"),
        tracks=tuple(
            _track(one, n, f"{place}.tracks[{n}]")
            for n, one in enumerate(list_of(here["tracks"], f"{place}.tracks"))
        ),
    )


def _track(item: Any, number: int, place: str) -> TrackClaim:
    if not isinstance(item, dict) or item.get("track") != number:
        raise Invalid(f"{place} is not track {number}.")
    if "left_out" in item:
        away = members(item, {"track", "left_out", "leaves"}, what=place)
        why = text_of(away["left_out"], f"{place}.left_out")
        return TrackClaim(number, left_out=why or "no reason given", leaves=leaves_of(away["leaves"], place))
    common = {"track", "kind", "whole", "groups"}
    if item.get("kind") == "video":
        said = members(item, common | {"sets", "ours"}, what=place)
        return TrackClaim(
            number,
            "video",
            whole=text_of(said["whole"], f"{place}.whole"),
            sets=sets_of(said["sets"], f"{place}.sets"),
            ours=sets_of(said["ours"], f"{place}.ours"),
            groups=_groups(said["groups"], place),
        )
    if item.get("kind") == "audio" and item.get("whole"):
        said = members(item, common | {"time_base", "config", "leaves"}, what=place)
        return TrackClaim(
            number,
            "audio",
            whole=text_of(said["whole"], f"{place}.whole"),
            time_base=pair_of(said["time_base"], f"{place}.time_base"),
            config=hex_of(said["config"], None, f"{place}.config"),
            leaves=leaves_of(said["leaves"], place),
            groups=_groups(said["groups"], place, leaf=False),
        )
    said = members(item, common | {"silence"}, what=place)
    if said["kind"] != "audio":
        raise Invalid(f"{place} is neither picture nor sound.")
    silence = hex_of(said["silence"], None, f"{place}.silence")
    if len(silence) > 64:
        raise Invalid(f"{place}.silence is too long to be silent.")
    return TrackClaim(number, "audio", silence=silence, groups=_groups(said["groups"], place))


def _groups(items: Any, place: str, *, leaf: bool = True) -> tuple[Group, ...]:
    groups = tuple(
        _group(item, f"{place}.groups[{n}]", leaf=leaf)
        for n, item in enumerate(list_of(items, f"{place}.groups"))
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
    start = ticks_of(said["start"], f"{place}.start")
    pts = run_of(said["pts"], start, f"{place}.pts")
    packets = packets_of(said["packets"], len(pts), f"{place}.packets") if kind == "partly" else ()
    dts = run_of(said["dts"], start, f"{place}.dts") if "dts" in said else ()
    if "dts" in said and len(dts) != len(pts):
        raise Invalid(f"{place} has not as many decode times as pictures.")
    left_out = [n for n, (what, _) in enumerate(packets) if what == "x"]
    if any(value is None and n not in left_out for n, value in enumerate(pts)):
        raise Invalid(f"{place}.pts lacks a time.")
    why = said.get("why", "")
    if why and why not in WHY:
        raise Invalid(f"{place}.why is none of {', '.join(WHY)}.")
    return Group(
        whole_of(said["n"], f"{place}.n"),
        str(kind),
        start,
        tuple(pts),
        tuple(dts),
        hex_of(said["leaf"], 32, f"{place}.leaf") if leaf else b"",
        key=hex_of(said["key"], 16, f"{place}.key") if kind == "copied" else b"",
        rest=rests_of(said.get("rest", []), len(pts), f"{place}.rest"),
        packets=packets,
        payload=hex_of(said["payload"], 32, f"{place}.payload") if kind == "redacted" else b"",
        why=why,
        hides=_hides(said.get("hides", []), f"{place}.hides"),
    )


def _hides(items: Any, place: str) -> tuple[Mapping[str, Any], ...]:
    found = []
    for item in list_of(items, place):
        boxed = isinstance(item, dict) and "box" in item
        said = members(item, _HIDES if boxed else _MUTES, what=place)
        for name in ("begins_us", "ends_us"):
            whole_of(said[name], f"{place}.{name}", least=-(2**53))
        for name in said.keys() & {"id", "kind", "mask", "shape", "exemption"}:
            text_of(said[name], f"{place}.{name}")
        if boxed and len([whole_of(v, place) for v in list_of(said["box"], place)]) != 4:
            raise Invalid(f"{place}.box has not four numbers.")
        found.append(said)
    return tuple(found)


def header_of(claim: ClipClaim) -> Sequence[Mapping[str, Any]]:
    """The tracks in the header leaf. Raises `Invalid`."""
    header = read_json(claim.header, what="The header of the media tree")
    said = members(header, {"format", "v", "tracks"}, what="The header of the media tree")
    tracks = list_of(said["tracks"], "header.tracks")
    if said["format"] != "lapel.media-tree" or said["v"] != 1 or not all(isinstance(t, dict) for t in tracks):
        raise Invalid("The media tree is of a version that this verifier does not know.")
    if json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False) != claim.header:
        raise Invalid("The header of the media tree is not written canonically.")
    return tracks
