"""A whole department loses its database, or gets an old one back: does `lapel rebuild` make it the one that it was?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running_department import AGENCY, Dock, eventually, found, running, settings_in, tiny_clip

from house import drop
from lapel.app.department import Department, department, running_database
from lapel.app.running import key_agent
from lapel.app.settings import Settings
from lapel.app.upkeep import bring_back, check
from lapel.base.errors import EvidenceFault
from lapel.custody import log
from lapel.custody.checkpoint import read_checkpoint
from lapel.custody.forget import forget
from lapel.custody.note import read_note
from lapel.custody.sequencer import Sequencer
from lapel.footage import acts, by_hand, store
from lapel.footage.by_hand import Worn
from lapel.storage.postgres import Database, Scope, connect
from lapel.storage.roles import create_database

pytestmark = pytest.mark.slow
OLD = "an_old_backup"
PROCESSES = ("keys", "sequencer", "worker", "intake")


@dataclass(slots=True)
class Kept:
    """A department that was stopped a moment after its last acknowledgement; `before`: all its rows and histories."""

    settings: Settings
    dock: Dock
    before: dict[str, Any]


def everything(here: Department) -> dict[str, Any]:
    """The rows of every table that acts write, the department's own, and what the log tells of each subject."""
    owner = Database(here.urls["owner"])
    try:
        with owner.tx(Scope("cli:test", (*here.agency_ids, "department"))) as conn:
            tables = {
                t: conn.execute(f"SELECT * FROM {t} ORDER BY id").fetchall()
                for t in (*store.TABLES, "agency")
            }
            tables["department"] = conn.execute("SELECT * FROM department").fetchall()
            subjects = conn.execute(
                "SELECT DISTINCT subject FROM custody_opening WHERE subject IS NOT NULL"
            ).fetchall()
            # A place that nobody has seen is given anew, to acts of one millisecond maybe in another order; what was done,
            # by whom and when, is not.
            told = {
                row["subject"]: sorted(
                    (a.at, a.entry, a.actor, a.act, str(a.detail))
                    for a in log.history(conn, row["subject"])
                    if a.act
                    != "signed_in"  # it changes nothing and has no sidecar: the last second's may go (operate.md)
                )
                for row in subjects
            }
    finally:
        owner.close()
    return {**tables, "histories": told}


@contextmanager
def stopped(settings: Settings) -> Iterator[tuple[str, Department]]:
    """Nothing runs but the database and the key agent, as for a command."""
    with running_database(settings) as admin_url, key_agent(settings):
        yield admin_url, department(settings, admin_url)


def worked_on(here: Department, name: str, work: Path) -> None:
    """What people do: a clip by hand, a category of their own, a note, the right wearer, a bookmark."""
    archive, scope = here.operator()
    by_hand_clip = work / "by hand.mp4"
    by_hand_clip.write_bytes(tiny_clip(77))
    by_hand.add(archive, scope, AGENCY, by_hand_clip, Worn("5120", "HAND-1"))
    with archive.db.tx(scope) as conn:
        there = store.recording_by_external_id(conn, AGENCY, name)
    assert there is not None
    acts.categorise(archive, scope, [there.id], acts.add_category(archive, scope, AGENCY, "River patrol"))
    acts.note(archive, scope, there.id, "Seen by the bridge")
    acts.correct_wearer(archive, scope, there.id, "5120", "He said so")
    acts.add_bookmark(archive, scope, there, {"words": "Here"})
    archive.db.close()


def forgotten(here: Department, name: str) -> None:
    """The words of the note are to be forgotten, once the entry is sealed."""
    archive, scope = here.operator()
    with archive.db.tx(scope) as conn:
        there = store.recording_by_external_id(conn, AGENCY, name)
        assert there is not None
        (note,) = [a.entry for a in log.history(conn, f"recording:{there.id}") if a.act == "noted"]
    forget(
        archive.db, archive.stores, archive.keys, Scope("account:" + "1" * 32, (AGENCY,)),
        subject=f"recording:{there.id}", entries=[note], fields=["note"], approved_by="account:" + "2" * 32, authority="Order 12",
    )  # fmt: skip
    archive.db.close()


def published(here: Department) -> int:
    return read_checkpoint(read_note(here.stores.public.read("log/checkpoint")).text).size


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    work = tmp_path_factory.mktemp("kept")
    settings = settings_in(work / "data")
    found(settings)
    with running(settings, PROCESSES) as (_, here):
        archive, scope = here.operator()
        eventually("the key agent answers", lambda: archive.keys.public_key("log"))
        dock = Dock.connected(archive, scope, settings, work, "North dock")
        first = dock.deliver(1, clips=2)

        def rows(query: str) -> Any:
            with archive.db.tx(scope) as conn:
                return conn.execute(query.encode()).fetchone()

        eventually(
            "it is inspected",
            lambda: rows("SELECT count(*) = 0 AS it FROM original WHERE state = 'waiting'")["it"],
        )
        worked_on(here, first, work)
        total = "SELECT count(*) AS n FROM custody_entry"
        eventually("it is published", lambda: published(here) >= rows(total)["n"])
        dock.deliver(2)
        forgotten(here, first)
        eventually("it is published", lambda: published(here) >= rows(total)["n"])
        dock.deliver(3)  # and at once everything ends
        archive.db.close()
    with stopped(settings) as (_, here):
        return Kept(settings, dock, everything(here))


def is_back(kept: Kept) -> None:
    with stopped(kept.settings) as (_, here):
        after = everything(here)
        for part, was in kept.before.items():
            assert after[part] == was, part
        assert check(here, as_json=False) == 0


@pytest.mark.timeout(300)
def test_a_lost_database_is_brought_back_whole_and_goes_on(kept: Kept, capsys: pytest.CaptureFixture[str]):
    with stopped(kept.settings) as (admin_url, _):
        drop(admin_url, "lapel")
    _, footage, _ = bring_back(kept.settings)
    assert (footage.recordings, footage.left_out, footage.damaged) == (4, (), ())
    is_back(kept)
    bring_back(kept.settings)  # a second time changes nothing
    is_back(kept)
    with running(kept.settings, PROCESSES) as (_, here):
        name = kept.dock.deliver(4)  # with the key that it always had
        archive, scope = here.operator()

        def is_done() -> bool:
            with archive.db.tx(scope) as conn:
                there = store.recording_by_external_id(conn, AGENCY, name)
                assert there is not None
                acts_of = log.history(conn, f"recording:{there.id}")
                waiting = conn.execute("SELECT FROM original WHERE state = 'waiting'").fetchone()
            return waiting is None and all(act.published for act in acts_of)

        eventually("the fourth, and what waited, is inspected and published", is_done)
        assert check(here, as_json=True) == 0
        archive.db.close()
        kept.before = everything(here)
    assert json.loads(capsys.readouterr().out.split("agree.\n")[-1])["clean"] is True


@pytest.mark.timeout(300)
def test_an_old_backup_is_refused_until_it_is_rebuilt(kept: Kept):
    with stopped(kept.settings) as (admin_url, here):
        with connect(admin_url) as conn:
            create_database(conn, OLD, template="lapel")
        archive, scope = here.operator()
        with archive.db.tx(scope) as conn:
            there = store.recording_by_number(conn, kept.before["recording"][0]["number"])
        acts.note(archive, scope, there.id, "Written after the backup")
        archive.db.close()
        sequencer_of(here, advance=True)
        kept.before = everything(here)
        drop(admin_url, "lapel")
        with connect(admin_url) as conn:
            conn.execute(f"ALTER DATABASE {OLD} RENAME TO lapel")
        with pytest.raises(EvidenceFault, match="it is an old one"):
            sequencer_of(here)
        assert check(here, as_json=True) == EvidenceFault.exit_status
    bring_back(kept.settings)
    is_back(kept)
    with stopped(kept.settings) as (_, here):
        sequencer_of(here, advance=True)


def sequencer_of(here: Department, *, advance: bool = False) -> None:
    """Start the sequencer; `advance` it to a checkpoint of everything that is there."""
    archive = here.archive("sequencer")
    one = Sequencer(here.urls["sequencer"], archive.keys, archive.stores, here.origin)
    try:
        assert one.start()
        while advance and one.step():
            pass
        if advance:
            one.publish()
    finally:
        one.stop()
