"""How many acts a second does the custody log take, durably and to the end, beside pymerkle's SQLite tree?

    python bench/custody.py [--entries N] [--peer-entries N] [--place DIR]

Ours, end to end: the openings of each entry committed to PostgreSQL (fsync on, synchronous commit on), a place in the
tree, the openings sealed in the object store, tiles and bundles in the public store, the checkpoint signed by the key
agent and public. Three writers in batches of 2,000 acts (as a site that empties its docks), one sequencer, all on this
machine, which also runs the server. The clock stops when the published checkpoint covers the last entry.

The peer keeps an entry of 49 bytes and its hashes in one SQLite file: no openings, no sealing, no second reader, no
signature, no tiles. It is the nearest thing to be had in Python. Its file is opened as it comes (journal and synchronous
at SQLite's defaults, which are durable): one entry a call, and 2,000 a call.

Also: the cost of an entry by how many are there before it, the memory of the sequencer, and the time of one proof.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

BATCH = 2000
ORIGIN = "bench.example/lapel"
ACTS_OF_A_RECORDING = 8
WRITERS = 3


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.place, prefix="lapel-bench-") as folder:
        place = Path(folder)
        place.chmod(0o711)
        ours = _ours(place, options.entries)
        peer = _peer(place / "peer.sqlite", options.peer_entries)
    print()
    print(f"{'':34}{'entries/s':>12}{'ours is':>12}")
    print(f"{'ours, end to end':34}{ours:12,.0f}")
    for what, rate in peer.items():
        print(f"{'pymerkle SqliteTree, ' + what:34}{rate:12,.0f}{ours / rate:11.1f}x")
    print("Not equal: the peer stores 49 bytes an entry and signs, seals and publishes nothing.")


def _ours(place: Path, entries: int) -> float:
    from lapel.storage.embedded import EmbeddedPostgres
    from lapel.storage.keyagent import KeyAgent
    from lapel.storage.keyring import create_keyring

    settings = {"shared_buffers": "1GB", "max_wal_size": "4GB"}
    with EmbeddedPostgres(place / "pg", settings=settings) as server:
        urls = _database(server.url)
        keyring = place / "keyring.json"
        create_keyring(keyring, ("cbp",))
        agent = KeyAgent(keyring, place / "s")
        agent.start()
        try:
            return _measure(place, urls, entries)
        finally:
            agent.stop()


def _measure(place: Path, urls: dict[str, str], entries: int) -> float:
    from lapel.storage.localstore import local_stores

    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    sequencer = spawn.Process(target=_sequence, args=(urls["sequencer"], str(place), stop))
    sequencer.start()
    public = local_stores(place / "objects").public
    _wait_for(public, 0, sequencer)
    print(f"{'entries in the log':>20}{'entries/s':>12}{'CPU µs/entry':>14}{'sequencer MiB':>15}")
    ranges, written = spawn.Queue(), spawn.Queue()
    writers = [
        spawn.Process(target=_write_all, args=(urls["staff"], ranges, written)) for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for _ in writers:
        written.get()  # each says that it is ready: the time to start Python is not the log's
    done, whole = 0, 0.0
    for upto in _steps(entries):
        cpu, at = _cpu(), time.perf_counter()
        for i in range(WRITERS):
            ranges.put((done + (upto - done) * i // WRITERS, done + (upto - done) * (i + 1) // WRITERS))
        for _ in writers:
            written.get()
        _wait_for(public, upto, sequencer)
        took, count = time.perf_counter() - at, upto - done
        spent = (_cpu() - cpu) / count * 1e6
        whole += took
        print(f"{upto:20,}{count / took:12,.0f}{spent:14.0f}{_memory_mib(sequencer.pid):15.0f}", flush=True)
        done = upto
    _proofs(urls["staff"], public, entries)
    for _ in writers:
        ranges.put(None)
    for writer in writers:
        writer.join()
    stop.set()
    sequencer.join()
    return entries / whole


def _steps(entries: int) -> list[int]:
    """Where to look: at ten thousand, a hundred thousand, then in quarters."""
    at = [10_000, 100_000, entries // 4, entries // 2, entries * 3 // 4]
    return [*sorted({size for size in at if size < entries}), entries]


def _sequence(url: str, place: str, stop: Any) -> None:
    from lapel.custody.sequencer import Sequencer
    from lapel.storage.keys import AgentKeys
    from lapel.storage.localstore import local_stores

    ended = threading.Event()
    threading.Thread(target=lambda: (stop.wait(), ended.set()), daemon=True).start()
    keys = AgentKeys(Path(place) / "s" / "sequencer.sock")
    Sequencer(url, keys, local_stores(Path(place) / "objects"), ORIGIN, 1.0).run(ended)


def _write_all(url: str, ranges: Any, written: Any) -> None:
    _write(url, 0, 0)  # the imports
    written.put("ready")
    while (given := ranges.get()) is not None:
        _write(url, *given)
        written.put("done")


def _write(url: str, first: int, end: int) -> None:
    """Record the acts [first, end): eight acts of each recording, with what an arrival and its handling say."""
    from lapel.custody.log import Act, record_many
    from lapel.storage.postgres import Database, Scope

    db = Database(url, max_size=1)
    scope = Scope("system:bench", ("cbp",))
    for at in range(first, end, BATCH):
        acts = [
            Act(
                "account:0123456789abcdef0123456789abcdef",
                "cbp",
                ("announced", "received", "inspected", "viewed", "categorised", "played", "noted", "viewed")[
                    i % 8
                ],
                f"recording:{i // ACTS_OF_A_RECORDING:032x}",
                {"sha256": f"{i:064x}", "size_bytes": 10_000_000 + i, "name": f"clip-{i}.mp4"},
            )
            for i in range(at, min(at + BATCH, end))
        ]
        with db.tx(scope) as conn:
            record_many(conn, acts)
    db.close()


def _proofs(url: str, public: Any, entries: int) -> None:
    import json
    import random

    from lapel.custody.receipt import prove
    from lapel.custody.verify import verify_receipt
    from lapel.storage.postgres import Database, Scope

    db = Database(url, max_size=1)
    with db.tx(Scope("system:bench", ("cbp",))) as conn:
        rows = conn.execute(
            "SELECT entry FROM custody_leaf WHERE index = ANY(%s)",
            (random.Random(1).sample(range(entries), 200),),
        ).fetchall()
        times = []
        for row in rows:
            at = time.perf_counter()
            receipt = prove(conn, public, row["entry"], ["at", "act", "agency"])
            times.append((time.perf_counter() - at) * 1000)
        at = time.perf_counter()
        verdict = verify_receipt(json.dumps(receipt))
        verified = (time.perf_counter() - at) * 1000
    db.close()
    cuts = statistics.quantiles(times, n=20)
    print(
        f"one proof at {entries:,} entries: median {statistics.median(times):.2f} ms, 95th percentile {cuts[-1]:.2f} ms"
    )
    print(f"one verification without a trust file: {verified:.2f} ms, status {verdict.status}")


def _peer(path: Path, entries: int) -> dict[str, float]:
    from pymerkle import SqliteTree

    rates = {}
    data = [os.urandom(49) for _ in range(entries)]
    with SqliteTree(str(path)) as tree:
        few = data[: min(2000, entries)]
        at = time.perf_counter()
        for entry in few:
            tree.append_entry(entry)
        rates["one by one"] = len(few) / (time.perf_counter() - at)
        at = time.perf_counter()
        for i in range(0, entries, BATCH):
            tree.append_entries(data[i : i + BATCH])
        tree.get_root()
        rates["2,000 a call"] = entries / (time.perf_counter() - at)
    return rates


def _database(admin_url: str) -> dict[str, str]:
    from lapel.storage.migrate import upgrade
    from lapel.storage.postgres import connect
    from lapel.storage.roles import LOGIN_ROLES, bootstrap

    urls = bootstrap(admin_url, "lapel", {role: f"bench-{role}" for role in LOGIN_ROLES})
    upgrade(urls["owner"])
    with connect(urls["owner"]) as conn:
        conn.execute("INSERT INTO agency (id, name, zone) VALUES ('cbp', 'Bench', 'UTC')")
    return urls


def _wait_for(public: Any, size: int, sequencer: Any) -> None:
    from lapel.base.errors import NotFound
    from lapel.custody.checkpoint import read_checkpoint
    from lapel.custody.note import read_note

    while True:
        try:
            if read_checkpoint(read_note(public.read("log/checkpoint")).text).size >= size:
                return
        except NotFound:
            pass
        if not sequencer.is_alive():
            raise SystemExit("the sequencer ended")
        time.sleep(0.02)


def _cpu() -> float:
    """Processor seconds of everything this run started, PostgreSQL included, living and ended."""
    import resource

    import psutil

    total = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) + sum(
        resource.getrusage(resource.RUSAGE_CHILDREN)[:2]
    )
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _memory_mib(pid: int | None) -> float:
    import psutil

    return float(psutil.Process(pid).memory_info().rss) / 2**20


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--peer-entries", type=int, default=100_000)
    parser.add_argument(
        "--place", default=None, help="where the database and the stores lie; /tmp if not given"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
