"""Whoever is killed at whichever step of a delivery: is everything acknowledged there, once, and the log one log?

A department as it runs, and an intake that stands still at a named step (intake_that_stops.py) while the test kills
itself, the database, the key agent, the sequencer or the worker with SIGKILL. Then everything comes back, the docking
station delivers again until it is acknowledged, and at the end everything is counted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from intake_that_stops import STEPS
from running_department import AGENCY, Dock, eventually, found, running, settings_in

from lapel.app import running as lapel_running
from lapel.app.department import Department
from lapel.app.running import Stack
from lapel.app.settings import Settings
from lapel.app.upkeep import check
from lapel.base.errors import Unavailable
from lapel.custody import log, tree
from lapel.custody.checkpoint import Checkpoint, read_checkpoint
from lapel.custody.note import read_note
from lapel.custody.receipt import read_tile
from lapel.custody.tiles import CHECKPOINT, nodes_from
from lapel.footage import store
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

pytestmark = pytest.mark.slow

# The sequencer and the worker do not take part in a delivery: three steps, before, in and after the transaction.
SOME_STEPS = ("the clip is sealed", "its sidecar is stored", "it is about to be acknowledged")
# The worker first: half a minute passes until the job of a dead one is done again, and meanwhile the others are killed.
WALKS = {"worker": SOME_STEPS, "sequencer": SOME_STEPS, "intake": STEPS, "database": STEPS, "keys": STEPS}


@dataclass(slots=True)
class Walk:
    """The department, its intake with the gate, and what was delivered and published so far."""

    here: Department
    archive: Archive
    scope: Scope
    stack: Stack
    dock: Dock
    gate: Path
    delivered: dict[str, int] = field(default_factory=dict)
    seen: list[Checkpoint] = field(default_factory=list)
    _intake: subprocess.Popen[bytes] | None = None

    def open_door(self) -> None:
        """Start the intake, as the stack would."""
        settings: Mapping[str, Any] = self.here.settings.model_dump(exclude_none=True)
        environment = {
            **os.environ,
            **{f"LAPEL_{key.upper()}": str(value) for key, value in settings.items()},
        }
        script = Path(__file__).with_name("intake_that_stops.py")
        self._intake = subprocess.Popen(
            [sys.executable, script, self.gate], env=environment, start_new_session=True
        )

    def close_door(self) -> None:
        if self._intake is not None:
            self._intake.terminate()
            self._intake.wait(30)

    def delivery(self, number: int, step: str, victim: str) -> None:
        """Deliver recording `number`; at `step` the victim is killed, and everything goes on as it would."""
        (self.gate / "stop-at").write_text(step)
        with ThreadPoolExecutor(1) as dock:
            delivering = dock.submit(self.dock.deliver, number)
            stopped = self.gate / "stopped"
            try:
                pid = int(eventually(f"the step “{step}”", lambda: stopped.exists() and stopped.read_text()))
                self._kill(victim, pid)
            finally:
                stopped.unlink(missing_ok=True)
            self.delivered[delivering.result()] = number
        self.seen.append(self.head())

    def _kill(self, victim: str, serving: int) -> None:
        if victim != "intake":
            before = eventually(f"{victim} runs", lambda: self.stack.pids().get(victim))
            os.kill(before, signal.SIGKILL)
            return
        assert self._intake is not None
        os.kill(serving, signal.SIGKILL)
        self._intake.wait(30)  # its parent ends too, which is how the stack learns of it
        self.open_door()

    def head(self) -> Checkpoint:
        return read_checkpoint(read_note(self.archive.stores.public.read(CHECKPOINT)).text)

    def answers(self) -> bool:
        """Has the database come up again? It may have been killed after the dock heard that its delivery is kept."""
        try:
            return bool(self.rows("SELECT 1 AS n"))
        except Unavailable:
            return False

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.archive.db.tx(self.scope) as conn:
            return conn.execute(query.encode()).fetchall()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    work = tmp_path_factory.mktemp("walk")
    settings: Settings = settings_in(work / "data")
    found(settings)
    gate = work / "gate"
    gate.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        # A part that is killed a dozen times in a row would be let rest longer and longer; a real one is not.
        patched.setattr(lapel_running, "_LONGEST_WAIT_S", 0.25)
        with running(settings, ("keys", "sequencer", "worker")) as (stack, here):
            archive, scope = here.operator()
            eventually("the key agent answers", lambda: archive.keys.public_key("log"))
            dock = Dock.connected(archive, scope, settings, work, "Crash dock")
            walk = Walk(here, archive, scope, stack, dock, gate)
            walk.open_door()
            try:
                yield walk
            finally:
                walk.close_door()
                archive.db.close()


@pytest.mark.parametrize("victim", WALKS)
@pytest.mark.timeout(600)
def test_killed_at_every_step_of_a_delivery(walk: Walk, victim: str):
    for step in WALKS[victim]:
        number = len(walk.delivered)
        walk.delivery(number, step, victim)
        eventually("the database answers", walk.answers)
        with walk.archive.db.tx(walk.scope) as conn:
            is_there_once(conn, walk.dock, number, f"{victim} killed when {step}")
    # The log has not wedged: what waits gets a place, and it is published.
    count = "SELECT count(*) AS n FROM custody_entry"
    eventually("all is published", lambda: walk.head().size >= walk.rows(count)[0]["n"])


def is_there_once(conn: Connection, dock: Dock, number: int, told: str) -> None:
    """The recording as the docking station sent it: its clip, its trail, its bookmark, complete; each act logged once."""
    sample = dock.sample(number)
    clip = sha256(sample.files[0].read_bytes()).hexdigest()
    rows = conn.execute("SELECT recording FROM original WHERE sha256 = %s", (clip,)).fetchall()
    assert len(rows) == 1, told
    recording = store.recording(conn, rows[0]["recording"])
    assert (recording.state, recording.flags) == ("complete", []), told
    originals = store.originals(conn, recording.id)
    assert [o.kind for o in originals if not o.beside] == ["clip", "trail"], told
    assert all(o.flags == [] for o in originals), told
    assert [b.words for b in store.bookmarks(conn, recording.id)] == [sample.words], told
    acts = [act.act for act in log.history(conn, f"recording:{recording.id}")]
    once = ("announced", "received", "received", "bookmarked", "completed")
    assert sorted(a for a in acts if a in once) == sorted(once), told


@pytest.mark.timeout(600)
def test_afterwards_nothing_is_lost_or_twice_and_everything_is_sound(
    walk: Walk, capsys: pytest.CaptureFixture[str]
):
    if not walk.delivered:
        walk.delivery(0, STEPS[0], "intake")
    waiting = "SELECT count(*) AS n FROM original WHERE state = 'waiting'"
    eventually("everything is inspected", lambda: walk.rows(waiting)[0]["n"] == 0)
    deliveries = len(walk.delivered)
    assert walk.rows("SELECT state, kind, count(*) AS n FROM original GROUP BY 1, 2 ORDER BY kind") == [
        {"state": "inspected", "kind": "clip", "n": deliveries},
        {"state": "inspected", "kind": "trail", "n": deliveries},
    ]
    assert walk.rows(
        "SELECT count(*) AS n, count(DISTINCT external_id) AS names, count(DISTINCT agency) AS agencies FROM recording"
    ) == [{"n": deliveries, "names": deliveries, "agencies": 1}]
    with walk.archive.db.tx(walk.scope) as conn:
        assert {r["external_id"] for r in conn.execute("SELECT external_id FROM recording")} == set(
            walk.delivered
        )
        for row in conn.execute("SELECT id FROM recording").fetchall():
            acts = [act.act for act in log.history(conn, f"recording:{row['id']}")]
            assert acts.count("inspected") == 2
            assert acts.count("media_tree_built") == 1
    it_is_one_log(walk)
    assert check(walk.here, as_json=False) == 0, capsys.readouterr().out
    assert "Clean" in capsys.readouterr().out


def it_is_one_log(walk: Walk) -> None:
    """Every checkpoint that was ever seen is a beginning of the newest, and every entry is in it, once."""
    count = "SELECT count(*) AS n FROM custody_entry"
    eventually("all is published", lambda: walk.head().size >= walk.rows(count)[0]["n"])
    head = walk.head()
    node = nodes_from(lambda tile: read_tile(walk.archive.stores.public, tile), head.size)
    sizes = [old.size for old in walk.seen]
    assert sizes == sorted(sizes)
    for old in walk.seen:
        proof = tree.consistency_proof(old.size, head.size, node)
        assert tree.verify_consistency(old.size, head.size, proof, old.root, head.root)
    row = walk.rows(
        "SELECT count(*) AS n, count(DISTINCT entry) AS entries, max(index) + 1 AS size FROM custody_leaf"
    )[0]
    assert row["n"] == row["entries"] == row["size"] >= head.size
    assert AGENCY in walk.scope.agencies
