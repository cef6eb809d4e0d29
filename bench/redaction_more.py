"""The parts of the benchmark about encoding, length, plates and speech."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from lapel.redaction.finding import Search, find
from lapel.redaction.plan import Plan, Reviewed, Source
from lapel.redaction.releasing import release_file
from lapel.redaction.track import Keyframe, Track
from redaction_faces import VIDEO, Clock, Cost, _met

DATA = VIDEO.parent
GROUPS, IN_GROUP = 20, 25
SAID = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)

_FULL = """
import sys, av
from fractions import Fraction
with av.open(sys.argv[1]) as source, av.open(sys.argv[2], "w") as out:
    shown = source.streams.video[0]
    shown.thread_type, shown.codec_context.thread_count = "NONE", 1
    made = out.add_stream("libx264", rate=25)
    made.width, made.height, made.pix_fmt = shown.width, shown.height, "yuv420p"
    made.codec_context.thread_count, made.codec_context.gop_size = 1, 25
    made.codec_context.options = {"preset": sys.argv[3], "crf": "20", "tune": "zerolatency"}
    for frame in source.decode(shown):
        frame.pict_type = 0
        out.mux(made.encode(frame))
    out.mux(made.encode(None))
"""


def encode(folder: Path) -> None:
    """What does it cost to render a clip of which a tenth of the groups are touched, against encoding it all?"""
    from lapel.redaction.encoding import PRESET

    print(
        f"\nENCODING: {GROUPS} groups of {IN_GROUP} pictures, 1080p; against decoding all and x264 ({PRESET}, crf 20), one thread"
    )
    path = _long_crowd(folder / "crowd.mp4")
    clock = Clock()
    subprocess.run([sys.executable, "-c", _FULL, str(path), str(folder / "full.mp4"), PRESET], check=True)
    full = clock.spent()
    costs: dict[int, Cost] = {}
    for touched in (0, GROUPS // 10, GROUPS):
        clock = Clock()
        release_file(
            path,
            _touching(path, touched),
            folder / f"touched-{touched}",
            auto=False,
            told=lambda _a, _b: None,
        )
        costs[touched] = clock.spent()
    print(f"  encoded whole: {full.cpu_s:.2f} CPU-s, load {os.getloadavg()[0]:.1f}")
    for touched, cost in costs.items():
        alone = cost.cpu_s - costs[0].cpu_s
        line = f"  {touched:2d} groups touched: {cost.cpu_s:.2f} CPU-s, {cost.cpu_s / full.cpu_s:.3f} of it"
        print(f"{line}; decoding and encoding alone {alone / full.cpu_s:.3f}" if touched else line)
    share = (costs[GROUPS // 10].cpu_s - costs[0].cpu_s) / full.cpu_s
    print(f"  a tenth touched, decoding and encoding: {share:.3f}   goal 0.15: {_met(share <= 0.15)}")
    print(
        f"  and with reading, hashing, writing and checking all of it: {costs[GROUPS // 10].cpu_s / full.cpu_s:.3f}"
    )


def _long_crowd(path: Path) -> Path:
    """The street crowd over and over, encoded as a camera does: one group a second, no B-frames."""
    with av.open(str(VIDEO / "street_crowd_1080p.mp4")) as source:
        frames = [frame for frame, _ in zip(source.decode(video=0), range(100), strict=False)]
    with av.open(str(path), "w") as out:
        made: Any = out.add_stream("libx264", rate=25)
        made.width, made.height, made.pix_fmt = 1920, 1080, "yuv420p"
        made.codec_context.gop_size, made.codec_context.max_b_frames = IN_GROUP, 0
        made.codec_context.options = {"preset": "superfast", "crf": "21", "sc_threshold": "0"}
        for number in range(GROUPS * IN_GROUP):
            # forth and back, so that there is no cut
            at = number % 200
            frame = frames[at if at < 100 else 199 - at]
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 25), 0
            out.mux(made.encode(frame))
        out.mux(made.encode(None))
    return path


def _touching(path: Path, groups: int) -> Plan:
    """A face to hide inside each of so many groups, spread over the clip."""
    content = path.read_bytes()
    tracks = []
    for number in range(groups):
        begins = (number * GROUPS // groups) * 1_000_000 + 300_000
        key = Keyframe(begins, 900, 400, 60, 80)
        tracks.append(
            Track(
                f"f{number}",
                "face",
                begins,
                begins + 400_000,
                (key,),
                state="accepted",
                by="B-1",
                exemption="b(6)",
            )
        )
    source = Source(hashlib.sha256(content).hexdigest(), len(content))
    return Plan(source, 1920, 1080, tuple(tracks), reviewed=Reviewed("B-1", "2026-11-24T10:00:00Z"))


def length(folder: Path) -> None:
    """Does memory stay below a gigabyte, and does it grow with the clip? Ten minutes and four hours, small pictures."""
    print(
        "\nLENGTH: the same second of 320 x 240 px over and over, 5 pictures a second, every tenth group touched; goal below 1 GB"
    )
    for minutes in (10, 240):
        path = _repeated(folder / f"{minutes}.mp4", minutes * 60)
        content = path.read_bytes()
        source = Source(hashlib.sha256(content).hexdigest(), len(content))
        began = time.perf_counter()
        search = Search(kinds=("face",), threads=2, still_us=30_000_000)
        found = find(lambda at, count, held=content: held[at : at + count], source, search)
        plan = replace(found.plan, tracks=_every_tenth(minutes * 60), suspects=())
        peak, took = _peak(path, plan, folder / f"release-{minutes}")
        print(
            f"  {minutes:3d} min, {found.facts['frames']:6d} frames: proposing {found.facts['peak_bytes'] >> 20} MB, rendering {peak} MB "
            f"(its keeper and verifier included: {took:.0f} s), {time.perf_counter() - began:.0f} s in all: {_met(max(found.facts['peak_bytes'] >> 20, peak) < 1000)}"
        )


def _every_tenth(seconds: int) -> tuple[Track, ...]:
    return tuple(
        Track(f"f{at}", "face", at * 1_000_000 + 300_000, at * 1_000_000 + 600_000, (Keyframe(at * 1_000_000, 100, 100, 40, 40),), exemption="b(6)")
        for at in range(0, seconds, 10)
    )  # fmt: skip


_RENDER = """
import resource, sys
from pathlib import Path
from lapel.redaction.plan_reading import read_plan
from lapel.redaction.releasing import release_file
release_file(Path(sys.argv[1]), read_plan(Path(sys.argv[2]).read_bytes()), Path(sys.argv[3]), auto=True, told=lambda a, b: None)
most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(most >> 10)
"""


def _peak(path: Path, plan: Plan, out: Path) -> tuple[int, float]:
    """The most memory that any process of a render held, MB, and how long it took."""
    from lapel.redaction.plan_reading import written

    told = out.with_suffix(".json")
    told.write_bytes(written(plan))
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _RENDER, str(path), str(told), str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout), time.perf_counter() - began


def _repeated(path: Path, seconds: int) -> Path:
    """One second of pictures, its packets again and again."""
    with av.open(str(path.with_suffix(".one.mp4")), "w") as out:
        made: Any = out.add_stream("libx264", rate=5)
        made.width, made.height, made.pix_fmt = 320, 240, "yuv420p"
        made.codec_context.gop_size, made.codec_context.max_b_frames = 5, 0
        for number in range(5):
            seen = np.full((240, 320, 3), 40 * number, np.uint8)
            seen[40 * number : 40 * number + 40, 100:200] = 255
            frame = av.VideoFrame.from_ndarray(seen, format="rgb24")
            frame.pts = number
            out.mux(made.encode(frame))
        out.mux(made.encode(None))
    with av.open(str(path.with_suffix(".one.mp4"))) as one, av.open(str(path), "w") as out:
        stream = one.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [(bytes(p), p.pts, p.is_keyframe) for p in one.demux(stream) if p.size]
        step = round(1 / stream.time_base)
        for second in range(seconds):
            for body, pts, key in packets:
                packet = av.Packet(body)
                packet.pts = packet.dts = pts + second * step
                packet.is_keyframe, packet.time_base, packet.stream = key, stream.time_base, copy
                out.mux(packet)
    return path


def plates() -> None:
    """How many of the marked plates are covered by half or more, and how much else is taken for one?"""
    import cv2

    from lapel.redaction.plates import Plates

    print("\nPLATES: US cars, one marked plate a picture")
    hits = {0.5: 0, 0.2: 0}
    false = {0.5: 0, 0.2: 0}
    total = 0
    clock = time.process_time()
    for told in sorted((DATA / "plates_us").glob("*.txt")):
        name, x, y, w, h, *_ = told.read_text().split()
        picture = cv2.cvtColor(np.asarray(cv2.imread(str(told.with_name(name)))), cv2.COLOR_BGR2RGB)
        seen = Plates(picture.shape[1], picture.shape[0]).look(np.asarray(picture, np.uint8), 0.2)
        left, top, right, bottom = int(x), int(y), int(x) + int(w), int(y) + int(h)
        total += 1
        for at in hits:
            boxes = seen[seen[:, 4] >= at]
            across = np.minimum(boxes[:, 2], right) - np.maximum(boxes[:, 0], left)
            down = np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top)
            share = np.maximum(across, 0) * np.maximum(down, 0) / ((right - left) * (bottom - top))
            hits[at] += bool((share >= 0.5).any())
            false[at] += int((share == 0).sum())
    if not total:
        print("  not here")
        return
    for at, hit in hits.items():
        sure = "read as one" if at == 0.5 else "a suspect or read as one"
        print(f"  {sure}: recall {hit}/{total}, false alarms a picture {false[at] / total:.2f}")
    print(
        f"  {(time.process_time() - clock) / total * 1000:.0f} CPU-ms a picture, loading the model included"
    )


def speech() -> None:
    """How many words are wrong, and how long does hearing take?"""
    from lapel.redaction.speech import hear

    print("\nSPEECH: eleven clear seconds, known by heart")
    path = DATA / "speech" / "address_1961_11s.wav"
    if not path.exists():
        print("  not here")
        return
    content = path.read_bytes()
    source = Source(hashlib.sha256(content).hexdigest(), len(content))
    began = time.perf_counter()
    heard = hear(lambda at, count: content[at : at + count], source, threads=2)
    took = time.perf_counter() - began
    words = [re.sub(r"[^a-z]", "", word.word.lower()) for word in heard.transcript.words]
    wanted = SAID.split()
    wrong = _edits(wanted, [word for word in words if word])
    seconds = (len(content) - 44) / 32_000
    print(
        f"  word error {wrong}/{len(wanted)} = {wrong / len(wanted):.3f}; real-time factor {took / seconds:.2f}, start included; load {os.getloadavg()[0]:.1f}"
    )


def _edits(one: list[str], other: list[str]) -> int:
    """Words to change, add or leave out (Levenshtein)."""
    row = list(range(len(other) + 1))
    for at, word in enumerate(one, 1):
        last, row[0] = row[0], at
        for place, heard in enumerate(other, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (word != heard))
    return row[-1]
