"""The same data by two ways, through the database and through two files, come to the same findings: a law, on drawn months."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from month import CAMERA_FACTS, MAPPING, Month, call, stamp
from watched import DIRECTIVES, Watched

from lapel.activation.reconcile import reconcile

BADGES = ("7001", "7002", "7003")
RECORDINGS = """mapping: recordings
version: 1
source: cameras
zone: UTC
days: America/New_York
id: clip
wearer: badge
camera: camera
begins: begin
ends: end
"""


def drawn(seed: int) -> tuple[list[tuple[str, ...]], list[tuple[str, float, float]]]:
    """Calls and clips in whole quarter minutes, so that edges meet: (rows of the file, clips)."""
    rng = random.Random(seed)
    calls, clips = [], []
    for number in range(40):
        begin = rng.randrange(0, 600) / 4
        activity = rng.choice(["arrest", "patrol", "interview", ""])
        undercover = rng.choice(["n", "n", "n", "y", ""])
        end = begin + rng.randrange(1, 120) / 4
        calls.append(call(number, rng.choice(BADGES), begin, end, activity, undercover))
    for _ in range(25):
        begin = rng.randrange(0, 640) / 4
        clips.append((rng.choice(BADGES), begin, begin + rng.randrange(1, 100) / 4))
    return calls, clips


def by_files(place: Path, calls: Any, clips: Any) -> set[tuple[Any, ...]]:
    """What `lapel activation reconcile` finds."""
    tables = {
        "clips.csv": [("clip", "badge", "camera", "begin", "end"), *((f"R{i}", b, "X", stamp(s), stamp(e)) for i, (b, s, e) in enumerate(clips))],
        "calls.csv": [("call", "badge", "kind", "activity", "undercover", "begin", "end"), *calls],
    }  # fmt: skip
    for name, rows in tables.items():
        with (place / name).open("w", newline="") as out:
            csv.writer(out).writerows(rows)
    (place / "clips.yaml").write_text(RECORDINGS)
    (place / "calls.yaml").write_text(MAPPING + CAMERA_FACTS.lstrip("\n"))
    reconcile(
        place / "clips.csv", place / "clips.yaml", place / "calls.csv", place / "calls.yaml", place / "out",
        policy=DIRECTIVES, agency="fps",
    )  # fmt: skip
    return {
        (
            row["event"], row["wearer"], row["kind"], row["begins_at"], row["ends_at"], row["outcome"], row["clauses"],
            round(row["late_s"]), round(row["stopped_early_s"]),
            round(row["interrupted_s"]), row["interruptions"],
        )
        for row in pq.read_table(place / "out" / "duties.parquet").to_pylist()
    }  # fmt: skip


def by_rows(month: Month) -> set[tuple[Any, ...]]:
    """What a run in the database finds."""
    month.run()
    wrong = "covered_us + late_us + early_us + gap_us <> EXTRACT(EPOCH FROM ends_at - begins_at) * 1000000"
    assert month.rows(f"SELECT duty FROM finding WHERE {wrong}") == []
    found = month.rows(
        "SELECT e.external_id, f.*, w.clauses FROM finding f JOIN event e ON e.id = f.event"
        " JOIN finding_why w ON w.agency = f.agency AND w.id = f.why"
    )
    return {
        (
            row["external_id"], row["badge"], row["kind"], row["begins_at"], row["ends_at"], row["outcome"],
            " ".join(row["clauses"]), round(row["late_us"] / 1e6),
            round(row["early_us"] / 1e6), round(row["gap_us"] / 1e6), row["gaps"],
        )
        for row in found
    }  # fmt: skip


def test_a_run_in_the_database_finds_what_two_files_give(watched: Watched, tmp_path: Path) -> None:
    month = Month(watched, tmp_path)
    month.equip(*BADGES)
    seen: set[str] = set()
    for seed in (1, 2, 3):
        with month.raw() as conn:
            conn.execute("SET session_replication_role = replica")
            for table in (
                "finding",
                "event_officer",
                "event",
                "event_import",
                "original",
                "recording",
                "restriction",
            ):
                conn.execute(f"DELETE FROM {table}".encode())  # fmt: skip
        calls, clips = drawn(seed)
        for badge, begin, end in clips:
            month.clip(badge, begin, end)
        month.take(calls, f"calls-{seed}.csv")
        place = tmp_path / str(seed)
        place.mkdir()
        rows, files = by_rows(month), by_files(place, calls, clips)
        assert rows == files
        seen |= {row[5] for row in rows}
    assert seen >= {
        "recorded",
        "late",
        "stopped early",
        "missing",
        "undetermined",
        "recorded though forbidden",
    }
