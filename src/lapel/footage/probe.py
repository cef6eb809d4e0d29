"""The parser in its cell: reads one file from outside and says what is in it. Started by `examine`, never imported there.

One pass over the packets gives the facts, the media tree, the signatures and the telemetry; a few seeks give the
thumbnails. It starts with nothing but a socket, limits itself before it loads the parsing library, and gives up the rest
before it sees a byte of the file (`lockdown`).
"""

from __future__ import annotations

import codecs
import contextlib
import importlib
import json
import pkgutil
import resource
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lapel.footage import boxes, gpmf, nal, thumbnails
from lapel.footage.mediatree import MediaTree, TreeBuilder
from lapel.footage.signedvideo import SignatureScan
from lapel.footage.streams import Counted, codec_name, facts_of, media_streams, open_file, text, tree_track
from lapel.storage import lockdown
from lapel.storage.ranges import KeeperGoneError, Line, RemoteFile

NOT_FOOTAGE = "This is not a video or sound file that can be read."
MAKES_NO_SENSE = "This is a video file by its beginning, but its index makes no sense."


class NothingThereError(Exception):
    """The file was read and holds no footage; the text says what it holds instead."""


def main() -> None:
    """Answer one request and end."""
    line = Line(0)
    _, body = line.receive()
    request = json.loads(body)
    lockdown.limit_resources(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    _load_parser()
    peak_bytes = lockdown.memory_meter()
    line.send(b"S", json.dumps(lockdown.lock_down()).encode())
    remote = RemoteFile(line, request["size"])
    look = _Look(line, remote, request)
    try:
        answer = {**look.whole(), "peak_bytes": peak_bytes()}
    except MemoryError:
        line.send(b"X", _reason(f"The parser used more than {_gib(request)} of memory and was stopped."))
    except KeeperGoneError:
        return
    except Exception as error:  # whatever a parsing library raises is a fact about the file
        line.send(b"X", _reason(look.why_not(error)))
    else:
        line.send(b"J", json.dumps(answer).encode())


def _load_parser() -> None:
    """Load all of PyAV now: once locked down, a module that is imported on first use could not be read any more."""
    import av

    codecs.lookup("utf-16-be")  # the order of names in canonical JSON
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    av.logging.set_level(None)


class _Look:
    """One look into one file."""

    def __init__(self, line: Line, remote: RemoteFile, request: Mapping[str, Any]) -> None:
        self._line = line
        self._remote = remote
        self._size = int(request["size"])
        self._seed = bytes.fromhex(request["seed"])
        self._wanted = int(request["thumbnails"])
        self._memory = _gib(request)
        self._signatures = SignatureScan()
        self._moments = thumbnails.Moments()
        self._trail = gpmf.Gathered()
        self._notes: list[str] = []

    def whole(self) -> dict[str, Any]:
        """Everything that the file gives, as JSON values; thumbnails go ahead as blobs."""
        missing = boxes.what_is_missing(self._at, self._size)
        if self._size == 0:
            raise NothingThereError(missing)
        rotations = self._rotations()
        with open_file(self._remote) as container:
            streams = media_streams(container)
            if not streams:
                raise NothingThereError("There is neither a picture nor a sound track in this file.")
            counted = {s.index: Counted() for s in streams}
            tree, broken_off = self._pass(container, streams, rotations, counted)
            if not any(tree.packets):
                raise NothingThereError(
                    missing or broken_off or "There is not one readable picture or sound in this file."
                )
            small = self._thumbnails(container, streams)
            usage = resource.getrusage(resource.RUSAGE_SELF)
            return {
                "complete": not (broken_off or missing),
                "reason": missing or broken_off,
                "container": text(container.format.name),
                "declared_duration_ms": container.duration // 1000 if container.duration else None,
                "duration_ms": _duration_ms(streams, counted),
                "tracks": [asdict(facts_of(s, rotations.get(s.index, 0), counted[s.index])) for s in streams],
                "clock": self._clock(container, streams),
                "media": {
                    "root": tree.root.hex(),
                    "header": tree.header.decode(),
                    "units": tree.units,
                    "packets": tree.packets,
                },
                "signed": [asdict(signed) for signed in self._signatures.found()],
                "trail": {"points": [asdict(p) for p in self._trail.points], "skipped": self._trail.skipped},
                "thumbnails": small,
                "notes": self._notes,
                "cpu_ms": round((usage.ru_utime + usage.ru_stime) * 1000),
            }

    def why_not(self, error: Exception) -> str:
        """The reason in plain words, for a file that gave nothing."""
        import av

        if isinstance(error, NothingThereError):
            return str(error)
        missing = boxes.what_is_missing(self._at, self._size)
        if missing or isinstance(error, av.FFmpegError):
            return missing or (MAKES_NO_SENSE if boxes.is_known(self._at(0, 16)) else NOT_FOOTAGE)
        return f"The parser met something that it was not made for ({type(error).__name__}: {text(error)})."

    def _at(self, offset: int, length: int) -> bytes:
        self._remote.seek(offset)
        found = b""
        while len(found) < length and (piece := self._remote.read(length - len(found))):
            found += piece
        return found

    def _rotations(self) -> dict[int, int]:
        """How each video track must be turned, which only a decoded picture tells."""
        import av

        self._remote.seek(0)
        turned: dict[int, int] = {}
        with open_file(self._remote) as container:
            for stream in media_streams(container):
                if stream.type != "video":
                    continue
                if not thumbnails.can_be_pictured(stream):
                    self._notes.append("The pictures are too large to be decoded here.")
                    continue
                rotation = None
                with contextlib.suppress(av.FFmpegError, MemoryError):
                    rotation = thumbnails.first_rotation(container, stream)
                    container.seek(0)
                if rotation is None:
                    self._notes.append("The first picture could not be decoded.")
                turned[stream.index] = rotation or 0
        self._remote.seek(0)
        return turned

    def _pass(
        self, container: Any, streams: list[Any], rotations: Mapping[int, int], counted: Mapping[int, Counted]
    ) -> tuple[MediaTree, str]:
        """Every packet once. Returns the tree and, where reading stopped early, why."""
        import av

        headers = [
            nal.CODECS[name].header_bytes if (name := codec_name(s)) in nal.CODECS else 0 for s in streams
        ]
        tracks = [tree_track(s, rotations.get(s.index, 0)) for s in streams]
        builder = TreeBuilder(
            self._seed, tracks, sei=lambda track, unit: self._signatures.see(unit, headers[track])
        )
        place = {s.index: number for number, s in enumerate(streams)}
        shown = streams[0].index if streams[0].type == "video" else -1
        broken_off = ""
        add = builder.add
        try:
            for packet in container.demux([*streams, *container.streams.data]):
                index, size = packet.stream_index, packet.size
                if size == 0:
                    continue
                if index not in place:
                    self._telemetry(packet)
                    continue
                pts, dts, key, hidden = packet.pts, packet.dts, packet.is_keyframe, packet.is_discard
                counted[index].see(
                    size, key, pts if pts is not None else dts, None if hidden else packet.duration or 0
                )
                if key and index == shown and pts is not None and not hidden:
                    self._moments.see(pts)
                add(place[index], packet, pts=pts, dts=dts, key=key)
        except MemoryError:
            broken_off = f"Reading stopped: the parser used more than {self._memory} of memory."
        except av.FFmpegError:
            broken_off = "Reading stopped in the middle: the file is damaged there."
        tree = builder.finish()
        if tree.broken_packets:
            self._notes.append(
                f"{tree.broken_packets} packets are damaged inside; they are kept as they are."
            )
        return tree, broken_off

    def _telemetry(self, packet: Any) -> None:
        if packet.size <= 1 << 20 and packet.pts is not None:
            tick_ms = float(packet.time_base * 1000)
            self._trail.see(bytes(packet), packet.pts * tick_ms, (packet.duration or 0) * tick_ms)

    def _thumbnails(self, container: Any, streams: list[Any]) -> list[dict[str, int]]:
        import av

        if streams[0].type != "video":
            return []
        stream = streams[0]
        small: list[dict[str, int]] = []
        try:
            for pts, width, height, jpeg in thumbnails.take(
                container, stream, self._moments.pick(self._wanted)
            ):
                self._line.send(b"B", jpeg)
                at_ms = max(0, int(pts * stream.time_base * 1000))
                small.append({"at_ms": at_ms, "width_px": width, "height_px": height})
        except (av.FFmpegError, MemoryError):
            self._notes.append("Not every key frame could be shown as a thumbnail.")
        return small

    def _clock(self, container: Any, streams: list[Any]) -> dict[str, str]:
        said = {
            "created_at": container.metadata.get("creation_time"),
            "timecode": next((s.metadata["timecode"] for s in streams if "timecode" in s.metadata), None),
            "first_fix_at": next((p.utc for p in self._trail.points if p.utc), None),
        }
        return {name: text(value, 40) for name, value in said.items() if value}


def _duration_ms(streams: list[Any], counted: Mapping[int, Counted]) -> int | None:
    spans = [counted[s.index].span_ms((s.time_base.numerator, s.time_base.denominator)) for s in streams]
    known = [span for span in spans if span is not None]
    if not known:
        return None
    return max(end for _, end in known) - min(start for start, _ in known)


def _gib(request: Mapping[str, Any]) -> str:
    return f"{request['memory_bytes'] / (1 << 30):g} GiB"


def _reason(words: str) -> bytes:
    return json.dumps({"reason": words}).encode()


if __name__ == "__main__":
    main()
