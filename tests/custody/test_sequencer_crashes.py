"""Can a sequencer fail or be killed at every step, and the log never fork, never wedge, hold nothing twice?"""

from __future__ import annotations

import multiprocessing
import os
from itertools import count
from pathlib import Path

import pytest
from logs import ORIGIN, faults, head, record, sequencer
from tripwires import Tripwire, failing

from house import House
from lapel.base.errors import Unavailable
from lapel.custody import tree
from lapel.custody.receipt import read_tile
from lapel.custody.sequencer import Sequencer
from lapel.custody.tiles import nodes_from
from lapel.storage.keys import AgentKeys
from lapel.storage.localstore import local_stores

ENTRIES = 300  # more than one tile, so that full and partial ones are written


def a_cycle(one: Sequencer) -> None:
    """All that a sequencer does, once: a first checkpoint, places, sealing, a second checkpoint."""
    one.start()
    one.publish()
    while one.step():
        pass
    one.publish()


def the_log_is_sound(house: House, expected: int, seen: list[tuple[int, bytes]]) -> None:
    """Every entry once, every checkpoint ever seen a beginning of the newest, every object as it should be."""
    size, root = head(house)
    assert size == expected
    node = nodes_from(lambda tile: read_tile(house.stores.public, tile), size)
    for old, old_root in seen:
        proof = tree.consistency_proof(old, size, node)
        assert tree.verify_consistency(old, size, proof, old_root, root)
    with house.db().tx(house.scope()) as conn:
        row = conn.execute(
            "SELECT count(*) AS n, count(DISTINCT entry) AS different FROM custody_leaf"
        ).fetchone()
    assert row == {"n": expected, "different": expected}
    assert faults(house) == []


def goes_on(house: House) -> None:
    one = sequencer(house)
    assert one.start()
    a_cycle(one)
    one.stop()


@pytest.mark.parametrize("after", [False, True], ids=["and did not persist", "but did persist"])
@pytest.mark.slow
def test_a_failure_at_every_step(house: House, after: bool) -> None:
    seen: list[tuple[int, bytes]] = []
    expected = 0
    for at in count(1):
        record(house, ENTRIES, start=expected)
        expected += ENTRIES
        wire = Tripwire(at, after)
        one = failing(house.urls["sequencer"], house.keys("sequencer"), house.stores, ORIGIN, wire)
        try:
            a_cycle(one)
        except Unavailable:
            assert wire.tripped
        finally:
            one.stop()
        if "log/checkpoint" in house.stores.public.list("log/checkpoint"):
            seen.append(head(house))
        goes_on(house)
        if not wire.tripped:
            break
        assert head(house)[0] == expected
    assert at > 20  # or the wire watched nothing
    the_log_is_sound(house, expected, seen)


@pytest.mark.slow
def test_a_kill_at_every_step(house: House) -> None:
    """A process of its own, ended without a word after its k-th commit, write or signature, for every k."""
    house.keys("sequencer")
    assert house._agent is not None
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["lapel.custody.sequencer", "lapel.storage.keys", "lapel.storage.localstore"]
    )
    seen: list[tuple[int, bytes]] = []
    expected, killed = 0, 0
    for at in count(1):
        record(house, ENTRIES, start=expected)
        expected += ENTRIES
        child = processes.Process(
            target=live_until,
            args=(
                at,
                house.urls["sequencer"],
                str(house._agent / "sequencer.sock"),
                str(house.place / "objects"),
            ),
        )
        child.start()
        child.join(60)
        if "log/checkpoint" in house.stores.public.list("log/checkpoint"):
            seen.append(head(house))
        goes_on(house)
        assert child.exitcode in (0, 9)
        if child.exitcode == 0:
            break
        killed += 1
    assert killed > 20
    the_log_is_sound(house, expected, seen)


def live_until(at: int, url: str, socket: str, objects: str) -> None:
    """In the child: one cycle, ended after event number `at`."""
    wire = Tripwire(at, True, trips=lambda: os._exit(9))
    stores = local_stores(Path(objects))
    a_cycle(failing(url, AgentKeys(Path(socket)), stores, ORIGIN, wire))
