"""An original that came in is read back, looked into and logged: once, whoever dies meanwhile."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bad_footage
import pytest
from footage_clips import clip, installed, shared
from worker_that_dies import STEPS

from house import House
from lapel.base.errors import EvidenceFault
from lapel.custody import log
from lapel.footage import play, store
from lapel.footage.announce import open_recording
from lapel.footage.incoming import Incoming
from lapel.footage.inspect import inspect
from lapel.footage.mediatree import SEED_BYTES
from lapel.footage.model import Announced, Kind, Original, Recording, Said
from lapel.footage.receive import accept
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

STARTED_AT = datetime(2019, 11, 18, 15, 45, 32, tzinfo=UTC)


def archive_of(house: House, role: str) -> Archive:
    return Archive(house.db(role), house.stores, house.keys(role))


def deliver(
    house: House, content: bytes, kind: Kind = "clip", agency: str = "cbp", later: timedelta = timedelta(0)
) -> tuple[Recording, Original]:
    """A recording with one file in it, which began `later` than the recording."""
    archive, scope = archive_of(house, "intake"), Scope("site:test", (agency,))
    recording = open_recording(archive, scope, agency, Announced(started_at=STARTED_AT))
    with Incoming(archive) as incoming:
        incoming.write(content)
        said = Said(kind=kind, name="clip.mp4", started_at=STARTED_AT + later)
        return recording, accept(archive, scope, recording, incoming.finish(), said)


@dataclasses.dataclass(frozen=True)
class After:
    """What stands in the house after an inspection."""

    original: Original
    derived: list[dict[str, Any]]
    acts: list[log.LoggedAct]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.derived if row["kind"] == kind]

    def said(self, act: str) -> list[dict[str, Any]]:
        return [dict(one.detail) for one in self.acts if one.act == act]


def after(house: House, original: Original) -> After:
    with house.db("staff").tx(house.scope(original.agency)) as conn:
        return After(
            store.original(conn, original.id),
            conn.execute(
                "SELECT * FROM derived WHERE original = %s ORDER BY kind, place", (original.id,)
            ).fetchall(),
            log.history(conn, f"recording:{original.recording}"),
        )


def test_a_clip_is_read_back_measured_and_logged(house: House) -> None:
    recording, original = deliver(house, installed("bikes.mp4"))
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    assert (there.original.state, there.original.reason) == ("inspected", "")
    facts = there.original.inspection
    assert facts is not None
    assert facts["duration_ms"] == 10_000
    assert (facts["tracks"][0]["width_px"], facts["tracks"][0]["codec"]) == (640, "h264")
    assert facts["media"]["root"] == there.original.media_root
    assert "no-new-files" in facts["enforced"]
    (told,) = there.said("inspected")
    assert (told["original"], told["state"], told["complete"]) == (original.id, "inspected", True)
    (root,) = there.said("media_tree_built")
    assert root == {"original": original.id, "media_tree": 1, "media_root": there.original.media_root}
    assert [row["place"] for row in there.of("thumbnail")] == list(range(6))
    (seed,) = there.of("media_seed")
    assert (seed["size_bytes"], seed["facts"]["root"]) == (SEED_BYTES, there.original.media_root)
    first = play.derived_bytes(archive_of(house, "staff"), recording, there.of("thumbnail")[0])
    assert first.startswith(b"\xff\xd8\xff")


def test_the_root_can_be_built_again_from_the_original_and_the_kept_seed(house: House) -> None:
    from footage_clips import reader

    from lapel.footage.examine import examine

    content = installed("bigbuckbunny.mp4")
    recording, original = deliver(house, content)
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    seed = play.derived_bytes(archive_of(house, "staff"), recording, there.of("media_seed")[0])
    again = examine(reader(content), len(content), seed=seed)
    assert again.media is not None
    assert again.media.root == there.original.media_root


def test_the_seed_and_the_pictures_lie_sealed(house: House) -> None:
    recording, original = deliver(house, clip())
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    seed = play.derived_bytes(archive_of(house, "staff"), recording, there.of("media_seed")[0])
    for path in (house.place / "objects").rglob("*"):
        if path.is_file():
            stored = path.read_bytes()
            assert seed not in stored
            assert b"\xff\xd8\xff\xe0" not in stored


def test_inspecting_twice_changes_nothing(house: House) -> None:
    _, original = deliver(house, clip())
    inspect(archive_of(house, "worker"), original.id)
    once = after(house, original)
    inspect(archive_of(house, "worker"), original.id)
    assert after(house, original) == once


def test_of_two_workers_at_once_one_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from lapel.footage import inspect as module

    _, original = deliver(house, clip())
    archive, keep = archive_of(house, "worker"), module._keep
    asked: list[int] = []

    def keep_after_another(*args: Any) -> None:
        if not asked:
            asked.append(1)
            inspect(archive, original.id)
        keep(*args)

    monkeypatch.setattr(module, "_keep", keep_after_another)
    inspect(archive, original.id)
    there = after(house, original)
    assert len(there.said("inspected")) == len(there.said("media_tree_built")) == 1
    assert {row["object"] for row in there.derived} == set(house.stores.derived.list())


@pytest.mark.parametrize(
    "make",
    [
        bad_footage.zero_bytes,
        bad_footage.one_byte,
        bad_footage.text_named_mp4,
        bad_footage.cut_before_the_index,
    ],
)
def test_what_cannot_be_read_is_kept_with_its_reason(house: House, make: Callable[[], bytes]) -> None:
    recording, original = deliver(house, make())
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    assert there.original.state == "unreadable"
    assert there.original.reason.endswith(".")
    (told,) = there.said("inspected")
    assert (told["state"], told["reason"]) == ("unreadable", there.original.reason)
    assert there.said("media_tree_built") == []
    kept = play.reader(archive_of(house, "staff"), recording, there.original)
    assert b"".join(kept.chunks()) == make()


def test_a_clip_that_breaks_off_is_playable_and_says_so(house: House) -> None:
    _, original = deliver(house, bad_footage.cut_behind_the_index())
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    assert there.original.state == "inspected"
    assert "cut off" in there.original.reason
    assert there.original.media_root is not None


def test_a_trail_is_read_beside_its_clips(house: House) -> None:
    body = json.dumps(
        {
            "CoordinateEntries": [
                {
                    "LocationWKT": "POINT(-77.0365 38.8977)",
                    "SecondsFromStart": 3,
                    "Timestamp": "2019-11-18T15:45:30Z",
                },
                {"LocationWKT": "nonsense"},
            ]
        }
    ).encode()
    recording, original = deliver(house, body, "trail")
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    assert there.original.state == "inspected"
    assert there.original.inspection == {"trail": {"points": 1, "skipped": 1}, "clock_off_s": 5}
    kept = json.loads(play.derived_bytes(archive_of(house, "staff"), recording, there.of("trail")[0]))
    assert kept["points"][0]["longitude_e7"] == -770365000


def test_a_trail_that_is_none_is_kept_with_its_reason(house: House) -> None:
    _, original = deliver(house, b"not json", "trail")
    inspect(archive_of(house, "worker"), original.id)
    assert after(house, original).original.state == "unreadable"


def test_an_action_camera_brings_its_trail_and_shows_its_clock(house: House) -> None:
    _, original = deliver(house, shared("video/walk_with_gps_track.mp4"))
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    assert there.of("trail")[0]["facts"] == {"points": 11}
    assert there.original.inspection is not None
    assert (
        there.original.inspection["clock_off_s"] == -28_782
    )  # its clock ran on local time, eight hours behind
    assert there.original.started_at == STARTED_AT


def test_the_trail_of_a_later_clip_counts_from_the_start_of_the_recording(house: House) -> None:
    recording, original = deliver(house, shared("video/walk_with_gps_track.mp4"), later=timedelta(seconds=60))
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    kept = json.loads(play.derived_bytes(archive_of(house, "staff"), recording, there.of("trail")[0]))
    assert kept["points"][0]["at_ms"] == 60_000
    assert there.original.inspection is not None
    assert there.original.inspection["clock_off_s"] == -28_782 + 60


def test_a_key_object_is_read_back_and_nothing_more(house: House) -> None:
    _, original = deliver(house, b"-----BEGIN-----", "key")
    inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    assert (there.original.state, there.derived) == ("inspected", [])


@pytest.mark.parametrize("harm", ["a flipped bit", "cut short", "gone"])
def test_an_original_that_no_longer_agrees_is_a_fault_and_an_entry(house: House, harm: str) -> None:
    _, original = deliver(house, clip(frames=20))
    path = next((house.place / "objects" / "originals").rglob(original.object))
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if harm == "a flipped bit" else content[:-40])
    with pytest.raises(EvidenceFault):
        inspect(archive_of(house, "worker"), original.id)
    there = after(house, original)
    assert there.original.state == "fault"
    assert there.original.reason
    (told,) = there.said("found_fault")
    assert (told["original"], told["attempted"]) == (original.id, "inspected")
    inspect(archive_of(house, "worker"), original.id)  # asked again: nothing more is said
    assert len(after(house, original).said("found_fault")) == 1


def test_an_original_that_is_not_there_is_nobodys_work(house: House) -> None:
    inspect(archive_of(house, "worker"), "0" * 32)


def test_the_worker_takes_the_agency_from_the_original(house: House) -> None:
    _, original = deliver(house, clip(frames=10), agency="uscg")
    inspect(archive_of(house, "worker"), original.id)
    assert after(house, original).said("inspected")[0]["original"] == original.id
    assert {act.agency for act in after(house, original).acts} == {"uscg"}


@contextmanager
def worker(house: House, step: str) -> Iterator[subprocess.Popen[bytes]]:
    house.keys("worker")
    assert house._agent is not None
    command = [
        sys.executable,
        str(Path(__file__).with_name("worker_that_dies.py")),
        house.urls["worker"],
        str(house._agent / "worker.sock"),
        str(house.place / "objects"),
        step,
    ]
    running = subprocess.Popen(command)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_in_the_middle_of_an_inspection_leaves_its_work_to_be_done_once(
    house: House, step: str
) -> None:
    _, original = deliver(house, clip(frames=20))
    with worker(house, step) as dying:
        assert dying.wait(60) == -9
    with worker(house, "never"):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with house.db("worker").direct() as conn:
                left = conn.execute("SELECT count(*) AS jobs FROM queue.procrastinate_jobs").fetchone()
            if left == {"jobs": 0}:
                break
            time.sleep(0.1)
    there = after(house, original)
    assert there.original.state == "inspected"
    assert len(there.said("inspected")) == len(there.said("media_tree_built")) == 1
    assert [row["kind"] for row in there.derived] == ["media_seed", "thumbnail", "thumbnail"]
    assert {row["object"] for row in there.derived} <= set(house.stores.derived.list())
