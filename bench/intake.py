"""What does it cost to take footage in, beside the plainest ways of doing less?

    .venv/bin/python bench/intake.py [--quick]

Ours: hash, seal, store with fsync, wrap the key, sidecar, row, custody entry and job, committed. By hand (one process),
and over the camera protocol (the intake behind granian; its rule adds MD5). Peers in the same run, on the same bytes:
(a) `openssl dgst -sha256`, `cp`, fsync; (b) a plain Starlette PUT behind granian that only writes to a file, no fsync.

CPU is user + system of every process that works for the delivery: for ours the intake, the key agent, PostgreSQL and its
backends, the sequencer. Sending costs the sender CPU, which is not counted for either. Load is printed: quote ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lapel.app import founding, running
from lapel.app.department import MODEL_AGENCIES, Department, attached, department
from lapel.app.settings import Settings
from lapel.footage.axis_connect import connect
from lapel.footage.by_hand import Worn, add

MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
PLAIN = """
import os, uuid
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
folder = Path(os.environ["PLAIN_FOLDER"])
async def put(request):
    with (folder / uuid.uuid4().hex).open("wb") as out:
        async for chunk in request.stream():
            out.write(chunk)
    return Response(status_code=201)
def make():
    return Starlette(routes=[Route("/{name:path}", put, methods=["PUT"])])
if __name__ == "__main__":
    from lapel.app.serving import serve
    serve("plain_server:make", os.environ["PLAIN_BIND"])
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall seconds of taking in `count` files of `size` bytes."""

    cpu_s: float
    wall_s: float
    size: int
    count: int

    @property
    def each_ms(self) -> float:
        return 1000 * self.cpu_s / self.count

    @property
    def mb_per_s(self) -> float:
        return self.size * self.count / 1e6 / self.wall_s


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds of these processes, what they have spawned, and what those have waited for."""
    total, seen = 0.0, set(pids)
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    grown = True
    while grown:
        more = {pid for pid, (parent, _) in parents.items() if parent in seen} - seen
        seen |= more
        grown = bool(more)
    for pid in seen:
        total += parents.get(pid, (0, 0))[1]
    return total / TICKS


def timed(work: Callable[[], None], cpu: Callable[[], float], size: int, count: int) -> Cost:
    before, begun = cpu(), time.perf_counter()
    work()
    wall = time.perf_counter() - begun
    time.sleep(0.4)  # so that the sequencer's share is in
    return Cost(cpu() - before, wall, size, count)


def own_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def files(folder: Path, size: int, count: int) -> list[Path]:
    """Fresh random files: nothing of them was seen before by anything."""
    made = []
    for number in range(count):
        path = folder / f"{size}-{number}-{os.urandom(4).hex()}.mp4"
        path.write_bytes(os.urandom(size))
        made.append(path)
    return made


def by_openssl(paths: Sequence[Path], kept: Path) -> None:
    """(a): what a careful person would do with a shell."""
    for path in paths:
        subprocess.run(["openssl", "dgst", "-sha256", str(path)], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cp", str(path), str(kept)], check=True)
        with (kept / path.name).open("rb") as copy:
            os.fsync(copy.fileno())


def in_turn_or_at_once(
    send: Callable[[Path], None], paths: Sequence[Path], at_once: int
) -> Callable[[], None]:
    def work() -> None:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(send, paths))

    return work


def put(host: str, address: str, headers: dict[str, str], path: Path) -> None:
    link = http.client.HTTPConnection(host, timeout=600)
    with path.open("rb") as body:
        link.request(
            "PUT", address, body=body, headers={**headers, "Content-Length": str(path.stat().st_size)}
        )
    reply = link.getresponse()
    reply.read()
    link.close()
    if reply.status != 201:
        raise SystemExit(f"{address.split('/')[1]}: {reply.status}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("nothing answers")


@contextlib.contextmanager
def plain_server(folder: Path) -> Iterator[tuple[str, int]]:
    """(b)."""
    port = free_port()
    (folder.parent / "plain_server.py").write_text(PLAIN)
    places = {
        "PLAIN_FOLDER": str(folder),
        "PLAIN_BIND": f"127.0.0.1:{port}",
        "PYTHONPATH": str(folder.parent),
    }
    process = subprocess.Popen(
        [sys.executable, str(folder.parent / "plain_server.py")], env={**os.environ, **places}
    )
    try:
        wait_for(port)
        yield f"127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def lapel(folder: Path) -> Iterator[tuple[Department, running.Stack]]:
    settings = Settings(
        data=folder, intake_bind=f"127.0.0.1:{free_port()}", log_level="error", publish_every_s=60
    )
    founding.found(settings, "Bench", "bench.example/lapel", MODEL_AGENCIES[:1], told=lambda _: None)
    stack = running.Stack(settings, names=("keys", "sequencer", "intake"))
    stack.start()
    try:
        wait_for(int(settings.intake_bind.split(":")[1]))
        yield department(settings, attached(settings)), stack
    finally:
        stack.stop()


class Dock:
    """A controller that is signed in and has announced one recording."""

    def __init__(self, here: Department) -> None:
        archive, scope = here.operator()
        said = json.loads(connect(archive, scope, "cbp", "bench", [f"http://{here.settings.intake_bind}"]))
        self.host = here.settings.intake_bind
        link = http.client.HTTPConnection(self.host)
        link.request(
            "GET",
            urlsplit(said["AuthenticationTokenURI"][0]).path,
            headers={"X-Auth-User": said["BlobAPIUserName"], "X-Auth-Key": said["BlobAPIKey"]},
        )
        reply = link.getresponse()
        reply.read()
        self.headers = {"X-Auth-Token": reply.headers["X-Auth-Token"]}
        self.base = urlsplit(reply.headers["X-Storage-Url"]).path
        self.number = 0
        self.lock = threading.Lock()

    def announce(self) -> str:
        with self.lock:
            self.number += 1
            name = f"7f1c0000-0000-4000-8000-{self.number:012d}_BENCH_20261101T{self.number // 3600 % 24:02d}{self.number // 60 % 60:02d}{self.number % 60:02d}Z"
        link = http.client.HTTPConnection(self.host)
        link.request(
            "PUT",
            f"{self.base}/{name}",
            headers={**self.headers, "X-Container-Meta-Status": "Transferring", "Content-Length": "0"},
        )
        if link.getresponse().status not in (201, 202):
            raise SystemExit("the recording was not taken")
        return name

    def sender(self, count: int) -> Callable[[Path], None]:
        """Each file into a recording of its own, announced before the clock starts."""
        waiting = [self.announce() for _ in range(count)]

        def send(path: Path) -> None:
            with self.lock:
                name = waiting.pop()
            put(
                self.host,
                f"{self.base}/{name}/20261101T000000Z_{os.urandom(2).hex().upper()}.mp4",
                self.headers,
                path,
            )

        return send


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer files; figures are rougher")
    quick = parser.parse_args().quick
    work = Path(tempfile.mkdtemp(prefix="lapel-bench-"))
    print(f"load before: {os.getloadavg()[0]:.2f}, cores: {os.cpu_count()}")
    rows: list[tuple[str, Cost, Cost, Cost | None]] = []
    try:
        for name in ("in", "a", "b"):
            (work / name).mkdir()
        with lapel(work / "data") as (here, stack), plain_server(work / "b") as (plain, plain_pid):
            archive, scope = here.operator()
            dock = Dock(here)
            add(archive, scope, "cbp", files(work / "in", 1000, 1)[0], Worn("1", "BENCH"))  # warm
            for size, many in ((64 * MIB, 4 if quick else 10), (64 * 1024, 100 if quick else 400)):
                pids = list(stack.pids().values())
                shell = files(work / "in", size, many)
                first = timed(lambda p=shell: by_openssl(p, work / "a"), own_cpu, size, many)
                shutil.rmtree(work / "a")
                (work / "a").mkdir()
                hand = files(work / "in", size, many)
                ours = timed(
                    lambda p=hand: (
                        [add(archive, scope, "cbp", path, Worn("1", "BENCH")) for path in p] and None
                    ),
                    lambda p=pids: own_cpu() + cpu_of(p),
                    size,
                    many,
                )
                rows.append((f"by hand, {size // 1024} KiB", ours, first, None))
                for at_once in (1, 16):
                    paths = files(work / "in", size, max(many, at_once))
                    send = dock.sender(len(paths))
                    ours = timed(
                        in_turn_or_at_once(send, paths, at_once), lambda p=pids: cpu_of(p), size, len(paths)
                    )
                    other = timed(
                        in_turn_or_at_once(lambda path: put(plain, "/x", {}, path), paths, at_once),
                        lambda: cpu_of([plain_pid]),
                        size,
                        len(paths),
                    )
                    rows.append(
                        (f"camera protocol, {size // 1024} KiB, {at_once} at once", ours, first, other)
                    )
                    for kept in (work / "b").iterdir():
                        kept.unlink()
                for path in (work / "in").iterdir():
                    path.unlink()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"load after: {os.getloadavg()[0]:.2f}")
    print(
        f"{'':<36}{'ours CPU':>12}{'(a) CPU':>11}{'CPU ratio':>11}{'ours':>11}{'(b)':>11}{'throughput':>12}"
    )
    for name, ours, first, other in rows:
        line = f"{name:<36}{ours.each_ms:>9.1f} ms{first.each_ms:>8.1f} ms{ours.each_ms / first.each_ms:>10.2f}×{ours.mb_per_s:>6.0f} MB/s"
        if other:
            line += f"{other.mb_per_s:>6.0f} MB/s{ours.mb_per_s / other.mb_per_s:>11.2f}×"
        print(line)


if __name__ == "__main__":
    main()
