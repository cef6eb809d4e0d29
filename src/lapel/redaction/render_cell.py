"""The renderer in its cell: reads one clip twice and says, packet by packet, what the render holds.

Started by `render`, never imported there. The first pass surveys the clip and builds its media tree; the second copies,
encodes again, silences. It writes nothing itself: the keeper does.
"""

from __future__ import annotations

import codecs
import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lapel.base.errors import Invalid
from lapel.footage.streams import media_streams, open_file
from lapel.redaction import cellwords
from lapel.redaction.encoding import EncoderFailedError, rate_of
from lapel.redaction.pictures import Sample, VideoPass, Way, way
from lapel.redaction.plan import Plan, Region, boxes_during, check_picture, sound_spans, spans
from lapel.redaction.plan_reading import read_plan
from lapel.redaction.sound import SoundPass, SoundWay, sound_way
from lapel.redaction.survey import NothingToRenderError, Survey, survey
from lapel.redaction.touched import micro
from lapel.redaction.track import PAD_US
from lapel.storage import lockdown
from lapel.storage.ranges import KeeperGoneError, Line, RemoteFile

ONE_PICTURE = "a render holds one picture track"


def main() -> None:
    """Answer one request and end."""
    line = Line(0)
    _, body = line.receive()
    request = json.loads(body)
    lockdown.limit_resources(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    _load()
    line.send(b"S", json.dumps(lockdown.lock_down(threads=request["threads"])).encode())
    try:
        answer = _Render(line, RemoteFile(line, request["size"]), request).whole()
    except MemoryError:
        line.send(b"X", _reason("Rendering needs more memory than it may have."))
    except KeeperGoneError:
        return
    except (NothingToRenderError, EncoderFailedError) as error:
        line.send(b"X", _reason(str(error)))
    except Invalid as error:
        line.send(b"X", _reason(str(error)))
    except Exception as error:  # whatever a parsing library raises is a fact about the file
        line.send(b"X", _reason(f"The file cannot be rendered ({type(error).__name__}: {str(error)[:200]})."))
    else:
        line.send(b"J", json.dumps(answer).encode())


def _load() -> None:
    """Load everything now: once locked down, a module that is imported on first use could not be read any more."""
    import av
    import numpy as np

    codecs.lookup("utf-16-be")
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    av.logging.set_level(None)
    np.pad(np.zeros((2, 2), np.uint8), 1, mode="edge")
    np.bincount(np.zeros(2, int), np.zeros(2))


class _Render:
    """One clip."""

    def __init__(self, line: Line, remote: RemoteFile, request: Mapping[str, Any]) -> None:
        self._line, self._remote = line, remote
        self._size = int(request["size"])
        self._seed = bytes.fromhex(request["seed"])
        self._plan: Plan = read_plan(request["plan"])
        self._here, self._second = self._plan, -1
        self._auto = bool(request["auto"])
        self._origin_us = 0
        self._ways: dict[int, Way | SoundWay] = {}
        self._passes: dict[int, VideoPass | SoundPass] = {}
        self._left_out: dict[int, str] = {}

    def whole(self) -> dict[str, Any]:
        """Both passes; the answer says how each track was rendered."""
        if self._size == 0:
            raise NothingToRenderError("The file is empty.")
        seen = survey(self._remote, self._seed, lambda done: self._progress(done // 10))
        if seen.broken_off and not any(seen.tree.packets):
            raise NothingToRenderError(seen.broken_off)
        self._decide(seen)
        self._line.send(b"B", cellwords.found(self._found(seen)))
        self._second_pass(seen)
        return {"tracks": [self._told(number, seen) for number in range(len(seen.tracks))]}

    def _progress(self, done: int) -> None:
        self._line.send(b"B", cellwords.progress(min(done, self._size), self._size))

    def _decide(self, seen: Survey) -> None:
        pictures = [n for n, one in enumerate(seen.tracks) if one.track.kind == "video" and one.units]
        leading = (
            pictures[0] if pictures else next((n for n, one in enumerate(seen.tracks) if one.units), None)
        )
        if leading is None:
            raise NothingToRenderError("There is not one readable picture or sound in this file.")
        one = seen.tracks[leading]
        origin = one.first_shown()
        if origin is None:
            raise NothingToRenderError("Nothing in this file says when it is to be shown.")
        self._origin, self._origin_us = origin, micro(origin, one.track.time_base)
        if pictures:
            facts = one.track.facts
            check_picture(self._plan, int(str(facts["width"])), int(str(facts["height"])))
            self._ways[leading] = way(one, spans(self._plan, auto=self._auto), origin)
        for number, other in enumerate(seen.tracks):
            if not other.units:
                self._left_out[number] = "the track is empty"
            elif other.track.kind == "audio":
                chosen = sound_way(other, sound_spans(self._plan, auto=self._auto))
                if chosen.left_out:
                    self._left_out[number] = chosen.left_out
                else:
                    self._ways[number] = chosen
            elif number != leading:
                self._left_out[number] = ONE_PICTURE

    def _found(self, seen: Survey) -> dict[str, Any]:
        return {
            "header": seen.tree.header.decode(),
            "root": seen.tree.root.hex(),
            "leaves": seen.tree.leaves.hex(),
            "units": list(seen.tree.units),
            "packets": seen.packets,
            "broken_off": seen.broken_off,
            "origin_us": self._origin_us,
            "left_out": {str(number): why for number, why in self._left_out.items()},
            "kept": [self._kept(number, seen) for number in sorted(self._ways)],
        }

    def _kept(self, number: int, seen: Survey) -> dict[str, Any]:
        one = seen.tracks[number]
        chosen = self._ways[number]
        said: dict[str, Any] = {
            "track": number,
            "kind": one.track.kind,
            "whole": chosen.whole,
            "rotation": one.rotation,
        }
        base = one.track.time_base
        if isinstance(chosen, SoundWay) and chosen.whole:
            base = (1, int(str(one.track.facts["sample_rate"])))
        said["time_base"] = list(base)
        if isinstance(chosen, Way):
            said["touched"] = [[unit, why] for unit, why in sorted(chosen.touched.items())]
            said["spans"] = [[span.begins_us, span.ends_us] for span in one.spans(self._origin)]
        else:
            said["silence"] = chosen.silence.hex()
        return said

    def _second_pass(self, seen: Survey) -> None:
        import av

        self._remote.seek(0)
        count = 0
        with open_file(self._remote) as container:
            streams = media_streams(container)
            for number, chosen in self._ways.items():
                self._passes[number] = self._pass(number, chosen, seen, streams[number])
            place = {stream.index: number for number, stream in enumerate(streams)}
            try:
                for packet in container.demux(streams):
                    if packet.size == 0:
                        continue
                    count += 1
                    if count > seen.packets:
                        break
                    if count % 100 == 0:
                        self._progress(self._size // 10 + (packet.pos or 0) * 9 // 10)
                    one = self._passes.get(place[packet.stream_index])
                    if one is not None:
                        self._send(one.packet(packet))
            except av.FFmpegError:
                if not seen.broken_off:
                    raise
            for one in self._passes.values():
                self._send(one.end())

    def _pass(self, number: int, chosen: Way | SoundWay, seen: Survey, stream: Any) -> VideoPass | SoundPass:
        one = seen.tracks[number]
        if isinstance(chosen, Way):
            return VideoPass(number, one, chosen, stream, rate_of(stream), self._regions, self._origin)
        muted = sound_spans(self._plan, auto=self._auto)
        return SoundPass(number, one, chosen, stream, muted, self._origin_us)

    def _regions(self, begins_us: int, ends_us: int) -> list[Region]:
        return boxes_during(self._near(begins_us, ends_us), begins_us, ends_us, auto=self._auto)

    def _near(self, begins_us: int, ends_us: int) -> Plan:
        """The plan without the tracks of other seconds: a clip of hours has thousands, and every picture asks."""
        second = begins_us // 1_000_000
        if ends_us - begins_us > 1_000_000:
            return self._plan
        if second != self._second:
            self._second = second
            from_us, until_us = second * 1_000_000 - PAD_US, (second + 2) * 1_000_000 + PAD_US
            here = (t for t in self._plan.tracks if t.begins_us < until_us and t.ends_us > from_us)
            self._here = replace(self._plan, tracks=tuple(here))
        return self._here

    def _send(self, samples: Any) -> None:
        one: Sample
        for one in samples:
            self._line.send(b"B", cellwords.sample(one))

    def _told(self, number: int, seen: Survey) -> dict[str, Any]:
        one, passed = seen.tracks[number], self._passes.get(number)
        if isinstance(passed, VideoPass):
            return {
                "sets": [[*place, unit.hex()] for place, unit in sorted(one.sets.items())],
                "ours": [[*place, unit.hex()] for place, unit in sorted(passed.encoder.sets.items())],
                "config": one.track.extradata.hex(),
                "last_duration": one.duration[-1] if len(one.duration) else 0,
            }
        if isinstance(passed, SoundPass):
            return {
                "config": passed.config.hex(),
                "last_duration": one.duration[-1] if not passed.again else 1024,
            }
        return {}


def _reason(words: str) -> bytes:
    return json.dumps({"reason": words}).encode()


if __name__ == "__main__":
    main()
