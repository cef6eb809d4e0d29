"""The transcriber in its cell: hears one file and says its words. Started by `speech`, never imported there.

Whisper (MIT) by faster-whisper, with silero's voice detection (MIT). Models are read before the process gives up files and
network; sound is heard in stretches of some minutes, cut where it is quietest, so that memory does not grow with it.
"""

from __future__ import annotations

import codecs
import importlib
import json
import pkgutil
import resource
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from lapel.footage.streams import media_streams, open_file
from lapel.storage import lockdown
from lapel.storage.ranges import KeeperGoneError, Line, RemoteFile

RATE = 16_000
STRETCH = 300 * RATE
QUIET = 30 * RATE  # the cut lies in the last half minute of a stretch
Heard = NDArray[np.float32]


def main() -> None:
    """Answer one request and end."""
    line = Line(0)
    _, body = line.receive()
    request = json.loads(body)
    lockdown.limit_resources(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    model = _load(request)
    peak_bytes = lockdown.memory_meter()
    line.send(b"S", json.dumps(lockdown.lock_down(threads=True)).encode())
    try:
        answer = {**_hear(line, request, model), "peak_bytes": peak_bytes()}
    except MemoryError:
        line.send(b"X", _reason("Hearing this file needs more memory than it may have."))
    except KeeperGoneError:
        return
    except Exception as error:  # whatever a parsing library raises is a fact about the file
        line.send(b"X", _reason(f"The sound cannot be heard ({type(error).__name__}: {str(error)[:200]})."))
    else:
        line.send(b"J", json.dumps(answer).encode())


def _load(request: Mapping[str, Any]) -> WhisperModel:
    """Load everything now, and use each part once: locked down, nothing more can be read."""
    codecs.lookup("utf-16-be")
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for part in ("ma", "fft", "random", "linalg", "polynomial", "rec"):
        importlib.import_module(f"numpy.{part}")
    av.logging.set_level(None)
    model = WhisperModel(
        request["model"],
        device="cpu",
        compute_type="int8",
        cpu_threads=int(request["threads"]),
        local_files_only=True,
    )
    noise = np.random.default_rng(1).normal(0, 0.1, RATE * 2).astype(np.float32)
    for voices_only in (False, True):
        list(_words(model, noise, voices_only=voices_only))
    return model


def _hear(line: Line, request: Mapping[str, Any], model: WhisperModel) -> dict[str, Any]:
    remote = RemoteFile(line, int(request["size"]))
    origin = _first_shown(remote)
    heard = 0
    remote.seek(0)
    with open_file(remote) as container:
        tracks = sum(stream.type == "audio" for stream in media_streams(container))
    for track in range(tracks):
        remote.seek(0)
        with open_file(remote) as container:
            stream = [one for one in media_streams(container) if one.type == "audio"][track]
            for begins, sound in _stretches(container, stream):
                offset = begins - (origin or Fraction(0))
                for said in _words(model, sound, voices_only=True):
                    line.send(b"B", b"W" + json.dumps(_word(said, offset, track)).encode())
                heard += len(sound)
                line.send(b"B", b"P" + str(heard * 1_000_000 // RATE).encode())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "tracks": tracks,
        "heard_us": heard * 1_000_000 // RATE,
        "cpu_ms": round((usage.ru_utime + usage.ru_stime) * 1000),
    }


def _words(model: WhisperModel, sound: Heard, *, voices_only: bool) -> Iterator[Any]:
    segments, _ = model.transcribe(
        sound,
        language="en",
        beam_size=1,
        word_timestamps=True,
        condition_on_previous_text=False,
        temperature=0.0,
        vad_filter=voices_only,
    )
    for segment in segments:
        yield from segment.words or ()


def _word(said: Any, offset: Fraction, track: int) -> dict[str, Any]:
    origin_us = round(offset * 1_000_000)
    begins = max(0, round(float(said.start) * 1_000_000) + origin_us)
    ends = max(begins + 1, round(float(said.end) * 1_000_000) + origin_us)
    text = "".join(letter for letter in said.word.strip() if letter.isprintable())[:100]
    sure = max(0, min(1000, round(float(said.probability) * 1000)))
    return {"word": text, "begins_us": begins, "ends_us": ends, "sure_milli": sure, "track": track}


def _stretches(container: Any, stream: Any) -> Iterator[tuple[Fraction, Heard]]:
    """The sound of one track in stretches, each with the time (s) of its first sample; gaps are silence."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    first: Fraction | None = None
    kept: list[Heard] = []
    given = held = 0

    def cut(at: int) -> tuple[Fraction, Heard]:
        nonlocal given, held, kept
        whole = np.concatenate(kept) if kept else np.zeros(0, np.float32)
        begins = (first or Fraction(0)) + Fraction(given, RATE)
        given, held, kept = given + at, held - at, [whole[at:]]
        return begins, whole[:at]

    for frame in _frames(container, stream):
        if first is None:
            first = frame.pts * Fraction(frame.time_base)
        missing = round((frame.pts * Fraction(frame.time_base) - first) * RATE) - given - held
        if missing > RATE // 20:
            missing = min(missing, STRETCH)
            kept.append(np.zeros(missing, np.float32))
            held += missing
        for part in resampler.resample(frame):
            sound = part.to_ndarray().reshape(-1).astype(np.float32)
            kept.append(sound)
            held += len(sound)
        while held >= STRETCH:
            kept = [np.concatenate(kept)]
            yield cut(_quietest(kept[0]))
    if held:
        yield cut(held)


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        yield from (frame for frame in frames if frame.pts is not None)


def _quietest(sound: Heard) -> int:
    """Where to cut: the middle of the quietest half second near the end of a stretch."""
    step = RATE // 2
    start = STRETCH - QUIET
    loud = np.square(sound[start:STRETCH]).reshape(-1, step).mean(axis=1)
    return start + int(loud.argmin()) * step + step // 2


def _first_shown(remote: RemoteFile) -> Fraction | None:
    """The time (s) of the first frame of the picture track, from which a plan counts; None without pictures."""
    with open_file(remote) as container:
        streams = [stream for stream in media_streams(container) if stream.type == "video"]
        if not streams:
            return None
        for number, packet in enumerate(container.demux(streams[0])):
            try:
                shown = [frame for frame in packet.decode() if frame.pts is not None]
            except av.FFmpegError:
                continue
            if shown:
                return Fraction(shown[0].pts) * Fraction(shown[0].time_base)
            if number > 300:
                break
    return None


def _reason(text: str) -> bytes:
    return json.dumps({"reason": text}).encode()


if __name__ == "__main__":
    main()
