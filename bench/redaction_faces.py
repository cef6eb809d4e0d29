"""The part of the benchmark about faces: how much of what a detector sees in every frame do the masks cover, and at what cost?"""

from __future__ import annotations

import hashlib
import itertools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from lapel.redaction.finding import Found, Search, find
from lapel.redaction.plan import Plan, Source, boxes_at
from lapel.redaction.releasing import release_file

VIDEO = Path(__file__).resolve().parents[2] / "shared" / "data" / "video"
SHAKEN = "shaken"
CLIPS = ("street_crowd_1080p", "podium_faces_640x360", SHAKEN)
# Goals: times less CPU than deface, coverage at 0.5 and at 0.2.
STILL, MOVED = (20, 0.99, 0.97), (10, 0.98, 0.98)
MEASURES = """Coverage: of the boxes that the same detector gives in every frame at full size, the share that lies to 90 % or more under the masks.
IT MEASURES AGREEMENT WITH A DETECTOR, NOT PEOPLE PROTECTED: a face that the detector never sees counts for nothing here."""


@dataclass(frozen=True)
class Cost:
    """What child processes took."""

    cpu_s: float
    wall_s: float


class Clock:
    """Counts the processor time of this process and its finished children, and the time on the wall."""

    def __init__(self) -> None:
        self._cpu, self._wall = self._now()

    def spent(self) -> Cost:
        cpu, wall = self._now()
        return Cost(cpu - self._cpu, wall - self._wall)

    @staticmethod
    def _now() -> tuple[float, float]:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in both), time.perf_counter()


def faces(clips: Sequence[str], deface: Path | None, keep: Path, folder: Path) -> None:
    """Print coverage and cost for each clip."""
    print(f"\nFACES\n{MEASURES}")
    for name in clips:
        path = _shaken(keep) if name == SHAKEN else VIDEO / f"{name}.mp4"
        if not path.exists():
            print(f"{name}: not here")
            continue
        boxes = _reference(path, keep)
        both = _both(path, folder / f"{name}-release")
        twice = _both(_twice(path, folder / f"{name}-twice.mp4"), folder / f"{name}-twice")
        _told(name, path, boxes, both, twice, _deface(path, deface, folder))


@dataclass(frozen=True)
class Both:
    """A clip proposed and rendered, and what each took."""

    found: Found
    proposing: Cost
    rendering: Cost


def _both(path: Path, to: Path) -> Both:
    clock = Clock()
    found = look(path)
    proposing = clock.spent()
    clock = Clock()
    release_file(path, found.plan, to, auto=True, told=lambda _a, _b: None)
    return Both(found, proposing, clock.spent())


def look(path: Path) -> Found:
    """The plan that the detectors propose."""
    content = path.read_bytes()
    source = Source(hashlib.sha256(content).hexdigest(), len(content))
    return find(lambda at, count: content[at : at + count], source, Search(kinds=("face",), threads=2))


def _told(
    name: str, path: Path, boxes: NDArray[np.float32], both: Both, twice: Both, theirs: float | None
) -> None:
    found, frames = both.found, int(both.found.facts["frames"])
    goal = MOVED if name == SHAKEN else STILL
    print(
        f"{name}: {frames} frames, looks {found.facts['looks']['face']}, by {found.facts['by']}, "
        f"{len(found.plan.tracks)} tracks, peak {found.facts['peak_bytes'] >> 20} MB, load {os.getloadavg()[0]:.1f}"
    )
    shares, area = coverage(path, boxes, found.plan)
    for at, wanted in ((0.5, goal[1]), (0.2, goal[2])):
        hit, total = shares[at]
        share = hit / total if total else 1.0
        print(f"  coverage at {at}: {share:.4f} of {total:5d}   goal {wanted}: {_met(share >= wanted)}")
    print(f"  area of the masks over that of the boxes: {area:.2f}")
    # What the clip after itself takes beyond the clip alone is its frames without a start.
    proposing = (twice.proposing.cpu_s - both.proposing.cpu_s) / frames
    rendering = (twice.rendering.cpu_s - both.rendering.cpu_s) / frames
    starts = (both.proposing.cpu_s - proposing * frames, both.rendering.cpu_s - rendering * frames)
    print(
        f"  CPU-ms a frame, start left out: proposing {proposing * 1000:.1f}, rendering {rendering * 1000:.1f}; "
        f"the starts {starts[0]:.2f} and {starts[1]:.2f} CPU-s"
    )
    walls = [
        frames / (getattr(twice, part).wall_s - getattr(both, part).wall_s)
        for part in ("proposing", "rendering")
    ]
    together = 1 / sum(1 / rate for rate in walls)
    print(
        f"  frames a second on the wall: proposing {walls[0]:.1f}, rendering {walls[1]:.1f}, one after the other {together:.1f}"
        "   (real time: 30)"
    )
    if theirs is None:
        print("  deface: not given")
        return
    whole = (both.proposing.cpu_s + both.rendering.cpu_s) / frames
    print(f"  deface: {theirs * 1000:.1f} CPU-ms a frame, start left out")
    print(
        f"  times less CPU, both starts left out: {theirs / proposing:.1f} proposing   goal {goal[0]}: "
        f"{_met(theirs / proposing >= goal[0])}; {theirs / (proposing + rendering):.1f} with rendering: "
        f"{_met(theirs / (proposing + rendering) >= goal[0])}; our start counted, {theirs / whole:.1f}"
    )


def _met(yes: bool) -> str:
    return "met" if yes else "MISSED"


def coverage(
    path: Path, boxes: NDArray[np.float32], plan: Plan
) -> tuple[dict[float, tuple[int, int]], float]:
    """For each threshold how many reference boxes are covered, of how many; and the masks' area over the boxes'.

    `boxes`: rows of frame number, left, top, right, bottom, score.
    """
    hit, total = {0.5: 0, 0.2: 0}, {0.5: 0, 0.2: 0}
    masked = area = 0.0
    for number, at_us in enumerate(_times(path)):
        masks = [region.whole for region in boxes_at(plan, at_us, auto=True)]
        masked += sum(mask.w * mask.h for mask in masks) * np.pi / 4
        for _, left, top, right, bottom, score in boxes[boxes[:, 0] == number]:
            if score < 0.2:
                continue
            area += (right - left) * (bottom - top)
            covered = _share_under((left, top, right, bottom), masks) >= 0.9
            for at in total:
                if score >= at:
                    total[at] += 1
                    hit[at] += covered
    return {at: (hit[at], total[at]) for at in total}, masked / max(area, 1)


_GRID = (np.arange(12) + 0.5) / 12


def _share_under(box: tuple[float, ...], masks: Sequence[Any]) -> float:
    """The share of a box, on a grid of 12 by 12, inside one of the ellipses inscribed in the masks."""
    left, top, right, bottom = box
    x, y = np.meshgrid(left + (right - left) * _GRID, top + (bottom - top) * _GRID)
    inside = np.zeros(x.shape, bool)
    for mask in masks:
        across, down = mask.w / 2, mask.h / 2
        inside |= ((x - mask.x - across) / across) ** 2 + ((y - mask.y - down) / down) ** 2 <= 1
    return float(inside.mean())


def _times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    return [round((at - times[0]) * 1_000_000) for at in times]


def _reference(path: Path, keep: Path) -> NDArray[np.float32]:
    """Every frame at full size through the detector: frame number, box, score from 0.2. Kept by the digest of the clip."""
    from lapel.redaction.centerface import CenterFace

    kept = keep / f"reference-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.npy"
    if kept.exists():
        return np.asarray(np.load(kept), np.float32)
    rows, finder = [np.zeros((0, 6), np.float32)], None
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if finder is None:
                finder = CenterFace(frame.width, frame.height, threads=os.cpu_count() or 1)
            seen = finder.look(frame.to_ndarray(format="rgb24"), 0.2)
            rows.append(np.concatenate([np.full((len(seen), 1), number, np.float32), seen], axis=1))
    boxes = np.concatenate(rows)
    np.save(kept, boxes)
    return boxes


def _shaken(keep: Path) -> Path:
    """The street crowd seen through a camera on a body that walks: turned and moved along sums of sines, then encoded."""
    path = keep / "shaken.mp4"
    if path.exists():
        return path
    import cv2

    chance = np.random.default_rng(7)
    seconds = np.arange(300) / 25

    def swing(hertz: float, size: float) -> NDArray[np.float64]:
        parts = ((0.6, 1.0), (1.3, 0.5), (2.9, 0.2))
        return np.asarray(
            sum(size * w * np.sin(2 * np.pi * (hertz * k * seconds + chance.random())) for k, w in parts)
        )

    across, down, turn = swing(1.2, 60), swing(1.0, 40), swing(0.8, 2.0)
    with av.open(str(VIDEO / "street_crowd_1080p.mp4")) as source, av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1600, 896, "yuv420p"
        stream.codec_context.max_b_frames = 0
        stream.codec_context.options = {"crf": "20", "preset": "veryfast", "refs": "1"}
        for number, frame in enumerate(source.decode(video=0)):
            seen = frame.to_ndarray(format="bgr24")
            moved = cv2.getRotationMatrix2D((960 + across[number], 540 + down[number]), turn[number], 1.0)
            moved[:, 2] += [800 - 960 - across[number], 448 - 540 - down[number]]
            made = np.asarray(
                cv2.warpAffine(seen, moved, (1600, 896), borderMode=cv2.BORDER_REFLECT), np.uint8
            )
            given = av.VideoFrame.from_ndarray(made, format="bgr24")
            given.pts, given.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(given))
        out.mux(stream.encode(None))
    return path


def _deface(path: Path, deface: Path | None, folder: Path) -> float | None:
    """CPU seconds a frame of deface, its start left out: of 28 frames less those of 4."""
    if deface is None:
        return None
    spent = []
    for count in (4, 28):
        part = _first(path, folder / f"first-{count}.mp4", count)
        clock = Clock()
        done = subprocess.run(
            [str(deface), str(part), "-o", str(folder / "deface.mp4")],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(done.stderr[-500:], file=sys.stderr)
            return None
        spent.append(clock.spent().cpu_s)
    return (spent[1] - spent[0]) / 24


def _twice(path: Path, to: Path) -> Path:
    """A clip and then itself again, copied."""
    with av.open(str(to), "w") as out:
        made: Any = None
        offset = 0
        for _ in range(2):
            with av.open(str(path)) as source:
                shown = source.streams.video[0]
                made = made or out.add_stream_from_template(shown)
                end = 0
                for packet in (p for p in source.demux(shown) if p.size):
                    end = max(end, int(packet.pts or 0) + int(packet.duration or 1))
                    packet.pts, packet.dts = int(packet.pts or 0) + offset, int(packet.dts or 0) + offset
                    packet.stream = made
                    out.mux(packet)
                offset += end
    return to


def _first(path: Path, to: Path, count: int) -> Path:
    """The first pictures of a clip, copied."""
    with av.open(str(path)) as source, av.open(str(to), "w") as out:
        shown = source.streams.video[0]
        made = out.add_stream_from_template(shown)
        for packet in itertools.islice((p for p in source.demux(shown) if p.size), count):
            packet.stream = made
            out.mux(packet)
    return to
