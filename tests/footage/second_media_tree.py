"""The media tree a second time, written from docs/formats/media-tree.md alone and for clearness only."""

from __future__ import annotations

import hmac
import json
import re
from hashlib import sha256
from typing import Any

PICTURE = {"h264": set(range(1, 6)), "hevc": set(range(32))}
IDR = {"h264": {5}, "hevc": {19, 20}}
SETS = {"h264": {7, 8, 13, 15}, "hevc": {32, 33, 34}}
IGNORED = {"h264": {9, 12}, "hevc": {35, 38}}


def h(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def u(width: int, value: int) -> bytes:
    return (value % 2 ** (8 * width)).to_bytes(width, "big")


def key(name: bytes, seed: bytes, track: int, unit: int) -> bytes:
    return hmac.new(seed, name + u(2, track) + u(4, unit), "sha256").digest()[:16]


def salt(of: bytes, k: int) -> bytes:
    return hmac.new(of, u(4, k), "sha256").digest()[:16]


def nal_type(codec: str, unit: bytes) -> int:
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def split(packet: bytes, prefix: int | None) -> list[bytes] | None:
    """None: broken."""
    if prefix is None:
        if not re.match(rb"\x00*\x00\x00\x01", packet):
            return None
        found = re.split(rb"\x00\x00\x01", packet)[1:]
    else:
        found, rest = [], packet
        while rest:
            size = int.from_bytes(rest[:prefix], "big")
            if len(rest) < prefix + size:
                return None
            found.append(rest[prefix : prefix + size])
            rest = rest[prefix + size :]
    return [unit.rstrip(b"\0") for unit in found if unit.rstrip(b"\0")]


def set_id(codec: str, unit: bytes) -> int:
    raw = unit[:64].replace(b"\0\0\3", b"\0\0")
    bits = "".join(f"{byte:08b}" for byte in raw)
    kind = nal_type(codec, unit)
    if codec == "hevc":
        if kind == 32:
            return int(bits[16:20], 2)
        at = 16
        if kind == 33:
            layers = int(bits[20:23], 2)
            at = 24 + 88 + 8
            flags = bits[at : at + 2 * layers]
            at += 16 if layers else 0
            at += sum(88 for f in flags[0::2] if f == "1") + sum(8 for f in flags[1::2] if f == "1")
    else:
        at = 32 if kind in (7, 15) else 8
    zeros = re.match("0*", bits[at:]).end()  # type: ignore[union-attr]
    if zeros > 16:
        return 65535
    value = int(bits[at + zeros : at + 2 * zeros + 1] or "0", 2) - 1
    return value if 0 <= value <= 255 else 65535


def configured(codec: str, record: bytes) -> tuple[int | None, list[bytes]]:
    """The width of a length prefix, and the sets in the configuration."""
    if record[:1] != b"\1":
        return None, (split(record, None) or []) if record else []
    found: list[bytes] = []

    def take(at: int, count: int) -> int:
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            found.append(record[at + 2 : at + 2 + size].rstrip(b"\0"))
            at += 2 + size
        return at

    if codec == "h264":
        at = take(6, record[5] & 31)
        take(at + 1, record[at])
        return (record[4] & 3) + 1, found
    at = 23
    for _ in range(record[22]):
        at = take(at + 3, int.from_bytes(record[at + 1 : at + 3], "big"))
    return (record[21] & 3) + 1, found


def sets_digest(sets: dict[tuple[int, int], bytes]) -> bytes:
    parts = [u(1, t) + u(2, i) + u(4, len(s)) + s for (t, i), s in sorted(sets.items())]
    return h(b"lapel/media/1/sets\0", *parts)


def framed(units: list[bytes]) -> bytes:
    return b"".join(u(4, len(unit)) + unit for unit in units)


def pictures_of(codec: str, extradata: bytes, packets: list[Any]) -> tuple[bytes, list[dict[str, Any]]]:
    """The header's config, and packets with picture, rest, times, whether a unit begins, and the sets in force."""
    prefix, first = configured(codec, extradata)
    sets: dict[tuple[int, int], bytes] = {}
    for unit in first:
        if nal_type(codec, unit) in SETS[codec]:
            sets[nal_type(codec, unit), set_id(codec, unit)] = unit
    config = sets_digest(sets)
    found: list[dict[str, Any]] = []
    early: list[bytes] = []
    for body, pts, dts, _ in packets:
        units = split(body, prefix)
        if units is None:
            picture, rest, begins = [body], [], False
        else:
            kinds = [(nal_type(codec, unit), unit) for unit in units]
            for kind, unit in kinds:
                if kind in SETS[codec]:
                    sets[kind, set_id(codec, unit)] = unit
            picture = [unit for kind, unit in kinds if kind in PICTURE[codec]]
            begins = any(kind in IDR[codec] for kind, _ in kinds)
            out = PICTURE[codec] | SETS[codec] | IGNORED[codec]
            rest = [unit for kind, unit in kinds if kind not in out]
        if picture:
            found.append(
                {
                    "picture": picture,
                    "rest": early + rest,
                    "pts": pts,
                    "dts": dts,
                    "begins": begins,
                    "sets": sets_digest(sets),
                }
            )
            early = []
        elif found:
            found[-1]["rest"] += rest
        else:
            early += rest
    return config, found


def wholes_of(
    kind: str, extradata: bytes, packets: list[Any], base: tuple[int, int]
) -> tuple[bytes, list[dict[str, Any]]]:
    config = sets_digest({(0, 0): extradata} if extradata else {})
    found: list[dict[str, Any]] = []
    start = None
    for body, pts, dts, is_key in packets:
        if kind == "audio":
            begins = start is not None and pts is not None and (pts - start) * base[0] >= base[1]
        else:
            begins = is_key
        if begins or start is None:
            start = pts if pts is not None else dts if dts is not None else 0
        found.append(
            {"picture": [body], "rest": [], "pts": pts, "dts": dts, "begins": begins, "sets": config}
        )
    return config, found


def leaves_of(seed: bytes, track: int, found: list[dict[str, Any]]) -> list[bytes]:
    units: list[list[dict[str, Any]]] = []
    for packet in found:
        if packet["begins"] or not units:
            units.append([])
        units[-1].append(packet)
    leaves = []
    for number, unit in enumerate(units):
        first = unit[0]
        start = first["pts"] if first["pts"] is not None else first["dts"] if first["dts"] is not None else 0
        leaf = b"lapel/media/1/unit\0" + u(2, track) + u(4, number) + u(8, start)
        config = before = first["sets"]
        for k, packet in enumerate(unit):
            if packet["sets"] != before:
                config = h(b"lapel/media/1/change\0", config, u(4, k), packet["sets"])
                before = packet["sets"]
            times = [-(2**63) if packet[t] is None else packet[t] - start for t in ("pts", "dts")]
            rest = bytes(32)
            if packet["rest"]:
                rest = h(
                    b"lapel/media/1/rest\0",
                    salt(key(b"rest", seed, track, number), k),
                    framed(packet["rest"]),
                )
            leaf += h(
                b"lapel/media/1/packet\0",
                salt(key(b"unit", seed, track, number), k),
                u(8, times[0]),
                u(8, times[1]),
                h(b"lapel/media/1/payload\0", framed(packet["picture"])),
                rest,
            )
        leaves.append(leaf + u(4, len(unit)) + config)
    return leaves


def merkle(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    cut = 1
    while cut * 2 < len(hashes):
        cut *= 2
    return h(b"\1", merkle(hashes[:cut]), merkle(hashes[cut:]))


def root(seed: bytes, tracks: list[Any], packets: list[Any]) -> bytes:
    """`tracks`: kind, codec, time_base, extradata, facts. `packets`: (track, bytes, pts, dts, key)."""
    described, leaves = [], []
    for number, track in enumerate(tracks):
        own = [tuple(p[1:]) for p in packets if p[0] == number and p[1]]
        if track["kind"] == "video" and track["codec"] in PICTURE:
            config, found = pictures_of(track["codec"], track["extradata"], own)
        else:
            config, found = wholes_of(track["kind"], track["extradata"], own, tuple(track["time_base"]))
        ours = leaves_of(seed, number, found)
        first = found[0]["pts"] if found else None
        described.append(
            {
                **track["facts"],
                "kind": track["kind"],
                "codec": track["codec"],
                "time_base": list(track["time_base"]),
                "config": config.hex(),
                "units": len(ours),
                "first_pts": None if first is None else str(first),
            }
        )
        leaves += ours
    header = {"format": "lapel.media-tree", "v": 1, "tracks": described}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return merkle([h(b"\0", leaf) for leaf in [text.encode(), *leaves]])
