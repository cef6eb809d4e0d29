"""How much does it cost to hold duties against recordings, beside DuckDB and Polars doing the same in the same run?

    python bench/activation.py [--duties 1e6 --duties 1e7] [--peers-up-to 1e7] [--day] [--month]

Duties and recordings are synthetic and as many of each: officers work a month of shifts with eight duties each, four in five of
them recorded, some late, some cut, some by two overlapping clips, with clips outside duty between them; rows come in the
order of time, all officers mixed. Every engine gets the same files of numbers and writes the same five columns; the answers are
compared row by row. DuckDB makes islands with window functions and finds them with two ASOF joins, Polars with two join_asof,
because a plain range join grows with the square (16 times per 10 times, tried).

Each engine runs in a process of its own, on one thread: CPU seconds are those of its work, without start and reading, and the
peak is the whole process's. `by partitions`: sixteen parts by officer, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from activation_peers import by_duckdb, by_polars
from lapel.activation.match import Spans, blocks

COLUMNS = ("covered", "late", "early", "gap", "outcome")
SECOND, DAY = 1_000_000, 86_400 * 1_000_000
DAYS, A_DAY = 25, 8
PARTS = 16
CHUNK = 1 << 22


def made(folder: Path, count: int, days: int = DAYS) -> None:
    """Files of duties and recordings, `count` of each; made some officers at a time so that it needs no more memory than the rest."""
    rng = np.random.default_rng(count)
    officers = max(1, count // (days * A_DAY))
    for day in range(days):
        # By day, so that rows come in the order of time; within a day they are sorted.
        rows = count // days + (day < count % days)
        officer = (np.arange(rows) % officers).astype(np.int32)
        nth = np.arange(rows) // officers % A_DAY
        shift = (officer.astype(np.int64) * 7919 % 16) * 3600 * SECOND
        begin = day * DAY + shift + nth * 3600 * SECOND + rng.integers(0, 1200 * SECOND, rows)
        length = np.clip(rng.lognormal(6.6, 0.7, rows), 60, 2900).astype(np.int64) * SECOND
        _append(folder, "duties", officer, begin, begin + length)
        _append(folder, "recordings", *_recorded(rng, officer, begin, length))


def _recorded(
    rng: np.random.Generator, officer: np.ndarray, begin: np.ndarray, length: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One clip for each duty: of it, of a part of it, of its neighbour's, or of nothing."""
    kind = rng.random(len(officer))
    starts = begin + (rng.exponential(25, len(officer)) - 15).astype(np.int64) * SECOND
    ends = begin + length + (rng.normal(20, 40, len(officer))).astype(np.int64) * SECOND
    cut = kind > 0.80  # a second clip over the neighbour, or one outside of any duty
    starts = np.where(cut, np.roll(begin, 1) + np.roll(length, 1) // 3, starts)
    ends = np.where(cut, starts + length // 2, ends)
    who = np.where(cut, np.roll(officer, 1), officer).astype(np.int32)
    zero = kind > 0.985
    ends = np.where(zero, starts, np.maximum(starts, ends))
    return who, starts, ends


def _append(folder: Path, name: str, officer: np.ndarray, begin: np.ndarray, end: np.ndarray) -> None:
    order = np.argsort(begin, kind="stable")
    for column, values in (("officer", officer), ("begin", begin), ("end", end)):
        with (folder / f"{name}.{column}").open("ab") as file:
            np.ascontiguousarray(values[order]).tofile(file)


def spans(folder: Path, name: str) -> Spans:
    """A file of spans, read whole."""
    return Spans(
        np.fromfile(folder / f"{name}.officer", np.int32),
        np.fromfile(folder / f"{name}.begin", np.int64),
        np.fromfile(folder / f"{name}.end", np.int64),
    )


# ---- what is measured ------------------------------------------------------------------------------------------------


def by_match(folder: Path, out: Path) -> float:
    """All in one partition; what came of a block of officers is written before the next one is begun."""
    duties, recordings = spans(folder, "duties"), spans(folder, "recordings")
    return _matched(duties, recordings, out, None)


def by_parts(folder: Path, out: Path) -> float:
    """Sixteen partitions by officer, each read, matched and written before the next."""
    spent = 0.0
    top = int(np.memmap(folder / "duties.officer", np.int32, "r").max()) + 1
    for part in range(PARTS):
        low, high = top * part // PARTS, top * (part + 1) // PARTS
        rows, duties = _part(folder, "duties", low, high)
        _, recordings = _part(folder, "recordings", low, high)
        spent += _matched(duties, recordings, out, rows)
    return spent


def _part(folder: Path, name: str, low: int, high: int) -> tuple[np.ndarray, Spans]:
    """The rows of some officers, by reading the file in pieces; a department would keep them apart from the beginning."""
    kept: list[list[np.ndarray]] = [[], [], [], []]
    paths = [folder / f"{name}.{column}" for column in ("officer", "begin", "end")]
    with paths[0].open("rb") as a, paths[1].open("rb") as b, paths[2].open("rb") as c:
        at = 0
        while len(officer := np.fromfile(a, np.int32, CHUNK)):
            begin, end = np.fromfile(b, np.int64, CHUNK), np.fromfile(c, np.int64, CHUNK)
            mine = np.flatnonzero((officer >= low) & (officer < high))
            for into, piece in zip(kept, (mine + at, officer[mine], begin[mine], end[mine]), strict=True):
                into.append(piece)
            at += len(officer)
    rows, who, begins, ends = (np.concatenate(pieces) for pieces in kept)
    return rows, Spans(who, begins, ends)


def _matched(duties: Spans, recordings: Spans, out: Path, rows: np.ndarray | None) -> float:
    spent = 0.0
    found = blocks(duties, recordings)
    with out.open("ab") as file:
        while True:
            began = time.process_time()
            one = next(found, None)
            spent += time.process_time() - began
            if one is None:
                return spent
            mine, came = one
            places = np.arange(len(duties))[mine] if isinstance(mine, slice) else mine
            write(
                file.fileno(), places if rows is None else rows[places], *(getattr(came, c) for c in COLUMNS)
            )


RECORD = np.dtype([("row", "<i8"), *((c, "<i8") for c in COLUMNS[:-1]), ("outcome", "u1")])


def write(file: int, rows: np.ndarray, *columns: np.ndarray) -> None:
    """What came of some rows, in any order."""
    table = np.empty(len(rows), RECORD)
    table["row"] = rows
    for name, values in zip(COLUMNS, columns, strict=True):
        table[name] = values
    os.write(file, table.tobytes()) if table.nbytes < 1 << 30 else _long(file, table)


def _long(file: int, table: np.ndarray) -> None:
    for at in range(0, len(table), CHUNK):
        os.write(file, table[at : at + CHUNK].tobytes())


ENGINES: dict[str, Callable[[Path, Path], float]] = {
    "lapel": by_match,
    "lapel by partitions": by_parts,
    "duckdb": by_duckdb,
    "polars": by_polars,
}


def child(engine: str, folder: Path, out: Path) -> None:
    """Run one engine and say what it cost."""
    spent = ENGINES[engine](folder, out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_s": spent, "peak_mib": peak}))


# ---- the run ---------------------------------------------------------------------------------------------------------


def run(engine: str, folder: Path) -> dict[str, float]:
    """One engine in a process of its own."""
    out = folder / f"{engine.replace(' ', '-')}.came"
    env = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    said = subprocess.run(
        [sys.executable, __file__, "--child", engine, "--folder", str(folder), "--out", str(out)],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.returncode:
        raise SystemExit(f"{engine}: {said.stderr[-2000:]}")
    return dict(json.loads(said.stdout))


def differing(folder: Path, count: int, engine: str) -> int:
    """How many rows an engine answers differently from `lapel`, or not at all; compared in pieces."""
    mine = np.lib.format.open_memmap(folder / "lapel.npy", mode="w+", dtype=RECORD, shape=(count,)) \
        if not (folder / "lapel.npy").exists() else np.load(folder / "lapel.npy", mmap_mode="r")  # fmt: skip
    if mine.flags.writeable:
        for piece in _pieces(folder / "lapel.came"):
            mine[piece["row"]] = piece
        mine.flush()
    wrong, seen = 0, 0
    for piece in _pieces(folder / f"{engine.replace(' ', '-')}.came"):
        wrong += int((mine[piece["row"]] != piece).sum())
        seen += len(piece)
    return wrong + abs(count - seen)


def _pieces(path: Path) -> Sequence[np.ndarray]:
    whole = np.memmap(path, RECORD, "r")
    return [whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)]


def held(count: int, engines: Sequence[str], days: int = DAYS) -> dict[str, dict[str, float]]:
    """One size: every engine, what it cost, and whether it agrees."""
    costs: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("LAPEL_BENCH_DIR")) as name:
        folder = Path(name)
        made(folder, count, days)
        for engine in engines:
            costs[engine] = run(engine, folder)
            wrong = differing(folder, count, engine) if engine != "lapel" else 0
            agrees = "" if engine == "lapel" else "all rows equal" if not wrong else f"{wrong:,} ROWS DIFFER"
            ratio = costs[engine]["cpu_s"] / costs["lapel"]["cpu_s"]
            print(
                f"{count:>12,}  {engine:<20} {costs[engine]['cpu_s']:9.2f} CPU-s  {ratio:6.2f} x"
                f"  {costs[engine]['peak_mib']:8,.0f} MiB  {agrees}",
                flush=True,
            )
            if wrong:
                raise SystemExit(1)
    return costs


def main() -> None:
    """Every size asked for, and the growth between them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--duties", type=float, action="append", help="1e6, 1e7, 1e8 (1e5 and 1e6 without it)"
    )
    parser.add_argument(
        "--peers-up-to", type=float, default=1e7, help="larger sizes run without DuckDB and Polars"
    )
    parser.add_argument("--day", action="store_true", help="one day of 80,000 officers too")
    for name in ("--child", "--folder", "--out"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked.child, Path(asked.folder), Path(asked.out))
        return
    print(f"load {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; numpy {np.__version__}")
    before: tuple[int, float] | None = None
    for count in sorted(int(one) for one in asked.duties or (1e5, 1e6)):
        peers = ("duckdb", "polars") if count <= asked.peers_up_to else ()
        spent = held(count, ("lapel", "lapel by partitions", *peers))["lapel"]["cpu_s"]
        if before:
            print(f"{'':>12}  grew {spent / before[1]:.1f} x for {count / before[0]:.0f} x the rows")
        before = (count, spent)
    if asked.day:
        print("one day of 80,000 officers:")
        held(80_000 * A_DAY, ("lapel", "duckdb"), days=1)


if __name__ == "__main__":
    main()
