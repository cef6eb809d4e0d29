"""How does one clip become a render? Runs the cell, writes the mp4 as samples come, and keeps the record for the manifest.

What the cell says is taken for what it is: the words of a process that has read a file from outside. The root it finds is
compared with the one in the log; what it calls copied is verified against that root before the render is put in place.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from lapel.base.errors import EvidenceFault, Invalid
from lapel.footage import nal
from lapel.redaction import boxes_out, cellwords
from lapel.redaction.manifest_making import ClipRecord
from lapel.redaction.mp4_writing import Mp4Writer, OutTrack
from lapel.redaction.pictures import LEFT_OUT
from lapel.redaction.plan import Plan
from lapel.redaction.plan_reading import written
from lapel.storage import confined
from lapel.storage.confined import Limits, Read

CELL = "lapel.redaction.render_cell"
LIMITS = Limits(
    memory_bytes=2 << 30,
    cpu_s=600,
    cpu_s_per_gib=60_000,
    answer_bytes=96 << 20,
    blobs=1 << 40,
    blob_bytes=64 << 20,
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """One original to render: `read(offset, length)` gives its bytes, `seed` is the secret of its media tree.

    `root`: the root that the custody log has, hex, or None where it has none. `watched_milli`: see `reporting.Worked`.
    """

    read: Read
    size_bytes: int
    sha256: str
    seed: bytes
    root: str | None = None
    watched_milli: int | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of it: the clip's part of the manifest, and facts about the work."""

    record: Mapping[str, Any]
    size_bytes: int
    sha256: str
    broken_off: str
    units: int
    touched: int
    whole: tuple[str, ...]


def render_clip(clip: Clip, plan: Plan, path: Path, *, auto: bool, told: Progress) -> Rendered:
    """Render one clip into a new file, durably. `told(done, total)` hears how far it is.

    Raises `Invalid` when the clip cannot be rendered, `EvidenceFault` when it is not the one whose root is in the log,
    `OSError` when the file cannot be written, and whatever `clip.read` raises. The file is then not whole.
    """
    with path.open("w+b") as out:
        work = _Work(clip, plan, out, auto=auto, told=told)
        made = work.run()
        out.flush()
        os.fsync(out.fileno())
        out.seek(0)
        digest = sha256()
        while chunk := out.read(1 << 20):
            digest.update(chunk)
        size = out.tell()
    return Rendered(
        made, size, digest.hexdigest(), work.found["broken_off"], work.units, work.touched, work.whole
    )


class _Work:
    """One run of the cell."""

    def __init__(self, clip: Clip, plan: Plan, out: BinaryIO, *, auto: bool, told: Progress) -> None:
        self._clip, self._plan, self._out, self._auto, self._told = clip, plan, out, auto, told
        self._tracks: dict[int, OutTrack] = {}
        self._codecs: dict[int, nal.Codec | None] = {}
        self._place: dict[int, int] = {}
        self._header: list[Mapping[str, Any]] = []
        self.found: Mapping[str, Any] = {}
        self.units = self.touched = 0
        self.whole: tuple[str, ...] = ()

    def run(self) -> dict[str, Any]:
        """Everything up to the finished mp4; the clip's members of the manifest."""
        request = {
            "seed": self._clip.seed.hex(),
            "plan": written(self._plan).decode(),
            "auto": self._auto,
            "threads": True,
        }
        said = confined.stream(CELL, request, self._clip.read, self._clip.size_bytes, LIMITS)
        answer: dict[str, Any] = {}
        blobs = _until_answer(said, answer)
        for blob in blobs:
            if blob[:1] == cellwords.FOUND:
                break
            self._told(*cellwords.read_progress(blob))
        else:
            raise Invalid("The parser's answer could not be read.")
        self._begin(cellwords.read_found(blob))
        record = ClipRecord(self.found, self._clip.seed, self._plan, auto=self._auto)
        writer = Mp4Writer(self._out, list(self._tracks.values()), 2 * int(self.found["packets"]) + 64)
        for blob in blobs:
            if blob[:1] == cellwords.PROGRESS:
                self._told(*cellwords.read_progress(blob))
                continue
            one = cellwords.read_sample(blob)
            if one.track not in self._tracks:
                raise Invalid("The parser's answer could not be read.")
            record.see(one, self._codecs[one.track])
            if one.what != LEFT_OUT:
                dts = one.pts if one.dts is None else one.dts
                writer.add(self._place[one.track], one.body, pts=one.pts, dts=dts, key=one.key)
        shift = self._finish(writer, answer["tracks"])
        return record.to_json(answer["tracks"], shift)

    def _begin(self, found: dict[str, Any]) -> None:
        """The first pass is over. Raises `EvidenceFault` when this is not what the log knows."""
        self.found = found
        if self._clip.root is not None and found["root"] != self._clip.root:
            raise EvidenceFault(
                f"The clip's media tree has the root {found['root'][:16]}…, and the custody log {self._clip.root[:16]}…."
            )
        self._header = json.loads(found["header"])["tracks"]
        for place, kept in enumerate(found["kept"]):
            facts = self._header[kept["track"]]
            number = kept["track"]
            video = kept["kind"] == "video"
            name = "h264" if kept["whole"] else facts["codec"]
            self._codecs[number] = nal.CODECS[name] if video else None
            self._place[number] = place
            self._tracks[number] = OutTrack(kept["kind"], (kept["time_base"][0], kept["time_base"][1]))
            if video:
                one = self._tracks[number]
                even = 1 if kept["whole"] else 0
                one.width = facts["width"] + (facts["width"] & even)
                one.height = facts["height"] + (facts["height"] & even)
                one.rotation = kept["rotation"]
                one.aspect = tuple(facts["aspect"]) if all(facts["aspect"]) else (1, 1)
                self.units, self.touched = found["units"][number], len(kept["touched"])
        self.whole = tuple(kept["whole"] for kept in found["kept"] if kept["whole"])

    def _finish(self, writer: Mp4Writer, told: list[Mapping[str, Any]]) -> tuple[int, int]:
        for number, one in self._tracks.items():
            one.entry = self._entry(number, one, told[number])
            one.last_duration = int(told[number]["last_duration"])
        starts = [Fraction(one.first(), one.scale) for one in self._tracks.values() if one.count]
        if not starts:
            raise Invalid("Nothing in the clip can be shown.")
        # Taken from every time alike, so it must be a whole number of ticks of every track.
        grid = math.gcd(*(one.scale for one in self._tracks.values()))
        first = Fraction(math.floor(min(starts) * grid), grid)
        shift = (first.numerator, first.denominator)
        writer.finish(shift)
        return shift

    def _entry(self, number: int, one: OutTrack, told: Mapping[str, Any]) -> bytes:
        facts = self._header[number]
        if one.kind == "audio":
            return boxes_out.mp4a(facts["sample_rate"], facts["channels"], bytes.fromhex(told["config"]))
        codec = self._codecs[number]
        whole = next(kept["whole"] for kept in self.found["kept"] if kept["track"] == number)
        source = [] if whole else [bytes.fromhex(unit) for _, _, unit in told["sets"]]
        ours = [bytes.fromhex(unit) for _, _, unit in told["ours"]]
        if codec is nal.H265:
            config = bytes.fromhex(told["config"])
            return boxes_out.hev1(one.width, one.height, one.aspect, config, source)
        return boxes_out.avc1(one.width, one.height, one.aspect, [*source, *ours])


def _until_answer(said: Any, answer: dict[str, Any]) -> Iterator[bytes]:
    """The blobs of a cell; its answer is put into `answer` when they end."""
    answer.update((yield from said))
