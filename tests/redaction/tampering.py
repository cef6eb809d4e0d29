"""Ways to change a finished render: its packets through FFmpeg's muxer, its boxes by hand, its manifest by another signer."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av

from lapel.redaction.manifest import SIGNED, signature_text
from lapel.redaction.releasing import throw_away


@dataclass(frozen=True)
class Piece:
    """One packet: the number of its track, bytes, times in ticks, key flag."""

    track: int
    body: bytes
    pts: int
    dts: int
    key: bool


Change = Callable[[list[Piece]], list[Piece]]


def packed(content: bytes, change: Change, container: str = "mp4", **named: Any) -> bytes:
    """The packets after `change`, in a container; `metadata` and `twice` (the first track a second time) if wanted."""
    out = io.BytesIO()
    with av.open(io.BytesIO(content)) as source, av.open(out, "w", format=container) as box:
        streams = [*source.streams.video, *source.streams.audio]
        made = [box.add_stream_from_template(stream) for stream in streams]
        if named.get("twice"):
            made.append(box.add_stream_from_template(streams[0]))
        box.metadata.update(named.get("metadata", {}))
        place = {stream.index: number for number, stream in enumerate(streams)}
        pieces = [
            Piece(place[p.stream_index], bytes(p), p.pts, p.dts, p.is_keyframe)
            for p in source.demux(streams)
            if p.size
        ]
        pieces = change(pieces)
        if named.get("twice"):
            pieces += [replace(one, track=len(made) - 1) for one in pieces if one.track == 0]
        for one in pieces:
            packet = av.Packet(one.body)
            packet.pts, packet.dts, packet.is_keyframe = one.pts, one.dts, one.key
            packet.time_base = streams[min(one.track, len(streams) - 1)].time_base
            if one.track == len(streams):
                packet.time_base = streams[0].time_base
            packet.stream = made[one.track]
            box.mux(packet)
    return out.getvalue()


def unchanged(pieces: list[Piece]) -> list[Piece]:
    return pieces


def pictures(pieces: list[Piece]) -> list[int]:
    return [number for number, one in enumerate(pieces) if one.track == 0]


def group(pieces: list[Piece], number: int) -> list[int]:
    """Where the pictures of a group of ten stand."""
    return pictures(pieces)[10 * number : 10 * number + 10]


def bodies_given(pieces: list[Piece], to: list[int], bodies: list[bytes]) -> list[Piece]:
    """Other bytes at the same times."""
    made = list(pieces)
    for at, body in zip(to, bodies, strict=True):
        made[at] = replace(made[at], body=body)
    return made


# The boxes of an mp4, by hand. A path leads to one: its kinds, the track's number behind `trak`.
_HEADS = {b"stsd": 8, b"avc1": 78, b"hev1": 78, b"mp4a": 28}


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def at_path(data: bytes, path: tuple[bytes, ...], change: Callable[[bytes], bytes], nth: int = 0) -> bytes:
    """`data`, boxes one after another, with the body of the box at this path changed; of several the nth `trak`."""
    made, at, seen = b"", 0, 0
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + length]
        at += length
        if kind == path[0]:
            seen += 1
            if kind != b"trak" or seen == nth + 1:
                head = _HEADS.get(kind, 0) if len(path) > 1 else 0
                body = (
                    change(body)
                    if len(path) == 1
                    else body[:head] + at_path(body[head:], path[1:], change, nth)
                )
        made += box(kind, body)
    return made


def index_changed(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A render whose index is `change` of what it was; the free space behind it takes up the difference."""
    start = int.from_bytes(content[:4], "big")
    length = int.from_bytes(content[start : start + 4], "big")
    free = int.from_bytes(content[start + length : start + length + 4], "big")
    moov = box(b"moov", change(content[start + 8 : start + length]))
    rest = content[start + length + free :]
    return content[:start] + moov + box(b"free", bytes(length + free - len(moov) - 8)) + rest


def signed_again(out: Path, change: Callable[[Any], None]) -> None:
    """A dishonest signer: the manifest changed and signed by another key."""
    signer = throw_away()
    claim = json.loads((out / "manifest.json").read_text())
    change(claim)
    claim["signer"]["key"] = signer.key.hex()
    text = json.dumps(claim, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    (out / "manifest.json").write_bytes(text)
    (out / "manifest.sig").write_text(signature_text(signer.key, signer.sign(SIGNED + text)))
