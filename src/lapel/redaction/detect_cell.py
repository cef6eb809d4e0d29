"""The detectors in their cell: watch one clip and say what was followed. Started by `finding`, never imported there.

Models are read before the process gives up files, network and the rest; the clip is read through its keeper. Blobs are JSON
behind one byte: `P` how far it is of what (us; 0 where the file does not say), `T` a finished track, `G` what was seen at one look.
"""

from __future__ import annotations

import codecs
import importlib
import json
import pkgutil
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any

from lapel.base.errors import LapelError
from lapel.footage.streams import media_streams, open_file
from lapel.redaction.centerface import CenterFace
from lapel.redaction.follow import Following, Path
from lapel.redaction.narrowing import Narrowing
from lapel.redaction.plates import Plates
from lapel.redaction.watch import Cadence, Task, Watch
from lapel.storage import lockdown
from lapel.storage.ranges import KeeperGoneError, Line, RemoteFile

PROGRESS, TRACK, GLANCE = b"P", b"T", b"G"
STEP_US = 500_000
# Looks around what is followed, in parts of the time and the movement between looks at the whole.
BETWEEN, BETWEEN_MOVED = 0.42, 0.53


def main() -> None:
    """Answer one request and end."""
    line = Line(0)
    _, body = line.receive()
    request = json.loads(body)
    lockdown.limit_resources(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    try:
        _load(request)
    except LapelError as error:
        line.send(b"S", json.dumps([]).encode())
        line.send(b"X", _reason(str(error)))
        return
    peak_bytes = lockdown.memory_meter()
    line.send(b"S", json.dumps(lockdown.lock_down(threads=True)).encode())
    try:
        answer = {**_Look(line, request).whole(), "peak_bytes": peak_bytes()}
    except MemoryError:
        line.send(b"X", _reason("Looking at this clip needs more memory than it may have."))
    except KeeperGoneError:
        return
    except LapelError as error:
        line.send(b"X", _reason(str(error)))
    except Exception as error:  # whatever a parsing library raises is a fact about the file
        line.send(
            b"X", _reason(f"The clip cannot be looked at ({type(error).__name__}: {str(error)[:200]}).")
        )
    else:
        line.send(b"J", json.dumps(answer).encode())


def _load(request: Mapping[str, Any]) -> None:
    """Load everything now, models too: once locked down, nothing more can be read."""
    import av
    import cv2
    import numpy as np

    codecs.lookup("utf-16-be")
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    av.logging.set_level(None)
    cv2.setNumThreads(1)
    for task in _tasks(64, 64, request):
        task.detector.look(np.zeros((64, 64, 3), np.uint8), 0.5)


def _tasks(width: int, height: int, request: Mapping[str, Any]) -> list[Task]:
    made: list[Task] = []
    threads = int(request["threads"])
    if "face" in request["kinds"]:
        made.append(_faces(width, height, request, threads))
    if "plate" in request["kinds"]:
        plates = Plates(width, height, threads=threads)
        made.append(Task(plates, Cadence(int(request["still_us"]), 0.2), Following(seed=0.2)))
    return made


def _faces(width: int, height: int, request: Mapping[str, Any], threads: int) -> Task:
    finder = CenterFace(
        width,
        height,
        weights=File(request["faces"]) if request["faces"] else None,
        licence=str(request["licence"]),
        long_px=int(request["long_px"]) or None,
        threads=threads,
    )
    following = Following(seed=int(request["seed_milli"]) / 1000)
    still_us, moved = int(request["still_us"]), int(request["moved_milli"]) / 1000
    cadence = Cadence(still_us, moved)
    if request["long_px"] or request["closely"]:
        return Task(finder, cadence, following)
    narrowing = Narrowing(finder, width, height)
    return Task(
        narrowing, cadence, following, narrowing, Cadence(int(still_us * BETWEEN), moved * BETWEEN_MOVED)
    )


class _Look:
    """One clip."""

    def __init__(self, line: Line, request: Mapping[str, Any]) -> None:
        self._line = line
        self._request = request
        self._told_us = -STEP_US
        self._length_us = 0
        self._models: list[dict[str, str]] = []

    def whole(self) -> dict[str, Any]:
        remote = RemoteFile(self._line, int(self._request["size"]))
        with open_file(remote) as container:
            self._length_us = max(0, int(container.duration or 0))
            streams = [s for s in media_streams(container) if s.type == "video"]
            if not streams:
                return {"width": 0, "height": 0, "frames": 0}
            watch = Watch(streams[0])
            watch.run(
                container,
                self._made,
                self._taken,
                glance=self._glance if self._request["glances"] else None,
                told=self._told,
            )
            usage = resource.getrusage(resource.RUSAGE_SELF)
            return {
                "width": watch.width,
                "height": watch.height,
                "frames": watch.frames,
                "broken": watch.broken,
                "length_us": watch.length_us,
                "looks": watch.looks,
                "by": "points",
                "models": self._models,
                "cpu_ms": round((usage.ru_utime + usage.ru_stime) * 1000),
                "declared_us": int(container.duration or 0),
            }

    def _made(self, width: int, height: int) -> Sequence[Task]:
        tasks = _tasks(width, height, self._request)
        self._models = [
            {
                "kind": task.detector.kind,
                "name": model.name,
                "digest": model.digest,
                "licence": model.licence,
                "source": model.source,
                "runtime": model.runtime,
            }
            for task in tasks
            for model in task.detector.models
        ]
        return tasks

    def _taken(self, kind: str, path: Path) -> None:
        said = {
            "kind": kind,
            "keys": [[at, *(round(float(side)) for side in place)] for at, place in path.keys],
            "best": round(path.best * 1000),
            "mean": round(path.total / path.looks * 1000),
            "looks": path.looks,
        }
        self._line.send(b"B", TRACK + json.dumps(said, separators=(",", ":")).encode())

    def _glance(self, kind: str, at_us: int, seen: Any) -> None:
        boxes = [[*(round(float(side)) for side in one[:4]), round(float(one[4]) * 1000)] for one in seen]
        said = {"kind": kind, "at_us": at_us, "seen": boxes}
        self._line.send(b"B", GLANCE + json.dumps(said, separators=(",", ":")).encode())

    def _told(self, at_us: int) -> None:
        if at_us - self._told_us >= STEP_US:
            self._told_us = at_us
            self._line.send(b"B", PROGRESS + f"{at_us}/{self._length_us}".encode())


def _reason(text: str) -> bytes:
    return json.dumps({"reason": text}).encode()


if __name__ == "__main__":
    main()
