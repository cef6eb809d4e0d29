"""When is each packet of a track shown, and where does it lie? The index of an mp4, read by the verifier, strictly.

ISO/IEC 14496-12 §8.6 to §8.9. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from lapel.base.errors import EvidenceFault
from lapel.redaction.manifest_values import MAX_SAMPLES
from lapel.redaction.verify_boxes import only, versioned
from lapel.redaction.verify_media import FileTrack


def read_times(track: FileTrack, tables: Mapping[str, list[bytes]]) -> None:
    """Decode times and offsets make the times of presentation."""
    _, _, reading = versioned(tables["stts"][0], "stts")
    at = 0
    for _ in range(reading.number(4)):
        count, delta = reading.number(4), reading.number(4)
        if count > MAX_SAMPLES - len(track.pts):
            raise EvidenceFault("the index has more packets than are read")
        for _ in range(count):
            track.pts.append(at)
            at += delta
    reading.end()
    if "ctts" not in tables:
        return
    version, _, reading = versioned(tables["ctts"][0], "ctts", (0, 1))
    number = 0
    for _ in range(reading.number(4)):
        count, offset = reading.number(4), reading.number(4, signed=bool(version))
        if number + count > len(track.pts):
            raise EvidenceFault("the index has more times than packets")
        for place in range(number, number + count):
            track.pts[place] += offset
        number += count
    reading.end()
    if number != len(track.pts):
        raise EvidenceFault("the index has fewer times than packets")


def read_places(track: FileTrack, tables: Mapping[str, list[bytes]]) -> None:
    """Where each packet lies, and how large it is."""
    _, _, reading = versioned(tables["stsz"][0], "stsz")
    same, count = reading.number(4), reading.number(4)
    if count > MAX_SAMPLES:
        raise EvidenceFault("the index has more packets than are read")
    for _ in range(count):
        track.sizes.append(same or reading.number(4))
    reading.end()
    if ("stco" in tables) == ("co64" in tables):
        raise EvidenceFault("the index does not say where the packets are, or twice")
    kind, wide = ("stco", 4) if "stco" in tables else ("co64", 8)
    _, _, reading = versioned(tables[kind][0], kind)
    chunks = [reading.number(wide) for _ in range(_bounded(reading.number(4)))]
    reading.end()
    _, _, reading = versioned(tables["stsc"][0], "stsc")
    runs = []
    for _ in range(_bounded(reading.number(4))):
        runs.append((reading.number(4), reading.number(4)))
        if reading.number(4) != 1:
            raise EvidenceFault("a packet has a description that is not there")
    reading.end()
    _fill(track, chunks, runs)


def _fill(track: FileTrack, chunks: list[int], runs: list[tuple[int, int]]) -> None:
    number = 0
    if not runs or runs[0][0] != 1:
        raise EvidenceFault("the index does not say where the packets are")
    for place, (first, each) in enumerate(runs):
        last = runs[place + 1][0] if place + 1 < len(runs) else len(chunks) + 1
        if not first < last <= len(chunks) + 1 or number + (last - first) * each > len(track.sizes):
            raise EvidenceFault("the index contradicts itself about where the packets are")
        for chunk in chunks[first - 1 : last - 1]:
            at = chunk
            for size in track.sizes[number : number + each]:
                track.places.append(at)
                at += size
            number += each
    if number != len(track.sizes):
        raise EvidenceFault("the index does not place every packet")


def _bounded(count: int) -> int:
    if count > MAX_SAMPLES:
        raise EvidenceFault("the index has more packets than are read")
    return count


def check_rolls(tables: Mapping[str, list[bytes]], kind: str) -> None:
    """Sample groups say nothing but that sound needs a packet before it."""
    for name in ("sgpd", "sbgp"):
        for data in tables.get(name, []):
            _, _, reading = versioned(data, name, (0, 1, 2))
            if reading.take(4) != b"roll" or kind != "audio":
                raise EvidenceFault("the file groups packets in a way that no render does")


def apply_edits(track: FileTrack, edts: list[bytes] | None, clock: int, scale: int) -> None:
    """The only edits that hide nothing: an empty one at the start, then everything at its own speed."""
    if edts is None:
        return
    version, _, reading = versioned(only(edts[0], "elst", "edts"), "elst", (0, 1))
    wide = 8 if version else 4
    entries = [
        (reading.number(wide), reading.number(wide, signed=True), reading.number(4))
        for _ in range(min(3, reading.number(4)))
    ]
    reading.end()
    if any(rate != 0x10000 for *_, rate in entries):
        raise EvidenceFault("a track does not run at its own speed")
    delay = 0
    if len(entries) == 2 and entries[0][1] == -1:
        delay = entries.pop(0)[0]
        track.slack, track.steady = Fraction(1, clock), True
    if len(entries) != 1 or entries[0][1] < 0 or not len(track.pts):
        raise EvidenceFault("an edit list cuts the track")
    length, begins, _ = entries[0]
    if min(track.pts) < begins:
        raise EvidenceFault("an edit list hides what comes before its start")
    if (max(track.pts) - begins) * clock >= length * scale:
        raise EvidenceFault("an edit list hides what comes after its end")
    # The delay counts in the film's clock: everything is told in a tick that both clocks have.
    track.tick = Fraction(1, scale * clock)
    for number, pts in enumerate(track.pts):
        track.pts[number] = (pts - begins) * clock + delay * scale
