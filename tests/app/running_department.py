"""A department as it runs, for tests of the whole: processes of its own, free ports, deliveries by a docking station."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av

from lapel.app import founding
from lapel.app.demo_camera import Controller
from lapel.app.demo_footage import Sample
from lapel.app.department import Agency, Department, attached, department
from lapel.app.running import Stack
from lapel.app.settings import Settings
from lapel.base.errors import Unavailable
from lapel.footage.axis_connect import connect
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

ORIGIN = "police.example.gov/lapel"
AGENCY = "north"
AGENCIES = (Agency(AGENCY, "North Division"), Agency("south", "South Division", "America/Denver"))
PATIENCE_S = 180
WENT_WRONG = (Unavailable, OSError, http.client.HTTPException)


def settings_in(data: Path, **more: Any) -> Settings:
    """Of a department with a server of its own and doors that nobody else has."""
    given = {
        "publish_every_s": 0.5,
        "staff_bind": f"127.0.0.1:{free_port()}",
        "intake_bind": f"127.0.0.1:{free_port()}",
        "log_level": "critical",
        "database_url": "",
    }
    return Settings(data=data, **(given | more))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def found(settings: Settings) -> None:
    founding.found(settings, "Example Department", ORIGIN, AGENCIES, told=lambda _: None)


@contextmanager
def running(settings: Settings, names: tuple[str, ...]) -> Iterator[tuple[Stack, Department]]:
    """The database and these processes, started again when they die, as `lapel serve` does."""
    stack, stop = Stack(settings, names), threading.Event()
    stack.start()
    keeper = threading.Thread(target=stack.run, args=(stop,), daemon=True)
    keeper.start()
    try:
        yield stack, department(settings, attached(settings))
    finally:
        stop.set()
        keeper.join(60)


def eventually(what: str, holds: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """Ask again until it holds; what it said then. A part that is down meanwhile is asked again too."""
    deadline = time.monotonic() + within_s
    while True:
        with contextlib.suppress(*WENT_WRONG):
            if said := holds():
                return said
        assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
        time.sleep(0.05)


def tiny_clip(number: int) -> bytes:
    """A clip of ten frames, like no other of another number."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as box:
        stream: Any = box.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.thread_count = 1
        for i in range(10):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([(i * 20 + number) % 256]) * plane.buffer_size)
            frame.pts = i
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return out.getvalue() + struct.pack(">I4sQ", 16, b"free", number)


@dataclass(slots=True)
class Dock:
    """A docking station that delivers again until everything is acknowledged, as a real one does."""

    controller: Controller
    work: Path
    began: datetime

    @classmethod
    def connected(cls, archive: Archive, scope: Scope, settings: Settings, work: Path, name: str) -> Dock:
        content = connect(archive, scope, AGENCY, name, [f"http://{settings.intake_bind}"])
        now = datetime.now(UTC).replace(microsecond=0)
        return cls(Controller(json.loads(content)), work, now - timedelta(hours=3))

    def sample(self, number: int, *, clips: int = 1) -> Sample:
        """Recording `number`: always the same bytes, with a trail and a bookmark."""
        paths = []
        for clip in range(clips):
            path = self.work / f"{number}-{clip}.mp4"
            path.write_bytes(tiny_clip(1000 * clip + number))
            paths.append(path)
        return Sample(f"{number:04}", "BWC-00117", "", tuple(paths), f"Number {number}", trail=True)

    def deliver(self, number: int, **more: Any) -> str:
        """Returns the recording's external id, once everything of it is acknowledged."""
        sample = self.sample(number, **more)
        started_at = self.began + timedelta(minutes=number)

        def whole() -> str:
            self.controller.sign_in()
            # The length tells the trails apart, as the clips' bytes do the clips.
            return self.controller.deliver(sample, started_at, 10)

        return str(eventually(f"delivery {number}", whole))
