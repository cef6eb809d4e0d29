"""With the database lost: does every row and every act come back from the objects, and nothing that never was?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from house import AGENCIES, Cluster
from lapel.base.errors import Unavailable
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.fsck import check_log
from lapel.custody.log import LoggedAct
from lapel.custody.rebuild_log import RebuiltLog, rebuild_log
from lapel.custody.sequencer import Sequencer
from lapel.custody.sidecar import Write, name_of
from lapel.footage import acts, announce, by_hand, people, receive, store
from lapel.footage.by_hand import Worn
from lapel.footage.fsck import check_footage
from lapel.footage.model import Recording
from lapel.footage.rebuild import Rebuilt, rebuild
from lapel.footage.rebuild_claims import Claims
from lapel.storage.archive import Archive
from lapel.storage.postgres import Database, Scope
from staffed import BEGAN, Staffed, sample

EVERYONE = Scope("cli:test", tuple(AGENCIES))
CLIP = sample("carphone_distorted")


@dataclass(frozen=True, slots=True)
class State:
    """Everything that acts on recordings have made: the rows of each table, and what the log says of each subject.

    A place that was never published binds nobody, and is given again; the order of the acts stays.
    """

    rows: dict[str, list[dict[str, Any]]]
    histories: dict[str, list[LoggedAct]]


def state(db: Database) -> State:
    with db.tx(Scope("system:test", (*AGENCIES, "department"))) as conn:
        rows = {
            table: conn.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in store.TABLES
        }
        subjects = conn.execute("SELECT DISTINCT subject FROM custody_opening ORDER BY subject").fetchall()
        told = {row["subject"]: log.history(conn, row["subject"]) for row in subjects}
    return State(
        rows,
        {s: [act if act.published else replace(act, index=None) for act in acts] for s, acts in told.items()},
    )


@dataclass(frozen=True, slots=True)
class Lost:
    """A fresh database in the place of the lost one, and what a rebuild made of it."""

    archive: Archive
    urls: dict[str, str]

    def rebuild(self) -> tuple[RebuiltLog, Rebuilt]:
        made = rebuild_log(self.archive.db, self.archive.stores, self.archive.keys)
        return made, rebuild(self.archive, EVERYONE)

    def faults(self) -> list[object]:
        """What `lapel fsck` finds: the log with the owner's eyes, the footage with every agency in view."""
        a = self.archive
        return [*check_log(a.db, a.stores, a.keys), *check_footage(a, EVERYONE)]


@pytest.fixture
def lost(here: Staffed, cluster: Cluster) -> Iterator[Lost]:
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        owner = Database(urls["owner"])
        yield Lost(Archive(owner, here.house.stores, here.house.keys("admin")), urls)
        owner.close()


def operator(here: Staffed) -> Archive:
    """As `lapel footage add` has it."""
    return Archive(here.house.db("staff"), here.house.stores, here.house.keys("admin"))


def place(here: Staffed, urls: dict[str, str] | None = None, *, publish: bool = False) -> None:
    """What the sequencer does, up to a checkpoint or short of one."""
    keys = here.house.keys("sequencer")
    url = (urls or here.house.urls)["sequencer"]
    sequencer = Sequencer(url, keys, here.house.stores, "example.gov/lapel")
    assert sequencer.start()
    while sequencer.step():
        pass
    if publish:
        sequencer.publish()
        sequencer.publish()  # the first one publishes the empty log
    sequencer.stop()


def by_camera(here: Staffed, name: str, agency: str = "cbp", content: bytes = b"") -> Recording:
    """A recording as a camera system delivers it, its wearer and its camera unknown until then."""
    scope = here.house.scope(agency, "site:" + "5" * 32)
    wearer, _ = people.wearer(here.intake, scope, agency, f"user of {name}")
    camera, _ = people.camera(here.intake, scope, agency, f"SERIAL-{name}", model="W120", firmware="12.4")
    there = here.announce(agency, external_id=name, wearer=wearer, camera=camera, facts={"Trigger": "button"})
    here.deliver(there, content or CLIP + name.encode(), started_at=BEGAN)
    here.complete(there)
    return there


def by_person(here: Staffed, tmp_path: Path, badge: str = "4471") -> Recording:
    clip = tmp_path / f"of {badge}.mp4"
    clip.write_bytes(CLIP + badge.encode())
    return by_hand.add(operator(here), EVERYONE, "cbp", clip, Worn(badge, "HAND-1", BEGAN)).recording


def worked_on(here: Staffed, recording: Recording) -> None:
    """Every act a person can do to a recording, some of them twice."""
    scope = here.house.scope()
    wrong = acts.add_category(here.archive, scope, "cbp", "Traffic stop")
    right = acts.add_category(here.archive, scope, "cbp", "Use of force")
    acts.suggest_category(here.archive, scope, recording.id, wrong)
    acts.categorise(here.archive, scope, [recording.id], wrong)
    acts.categorise(here.archive, scope, [recording.id], right)
    acts.note(here.archive, scope, recording.id, "First words")
    acts.note(here.archive, scope, recording.id, "Second words, “with” 世界\nand a line")
    acts.correct_wearer(here.archive, scope, recording.id, "4471", "Said so at the end of the shift")
    acts.add_bookmark(here.archive, scope, recording, {"external_id": "m1", "at": BEGAN, "words": "Here"})
    acts.add_bookmark(
        here.archive, scope, recording, {"external_id": "m1", "at": BEGAN, "words": "No, there"}
    )
    acts.add_bookmark(here.archive, scope, recording, {"words": "The whole"})


def a_life(here: Staffed, tmp_path: Path) -> None:
    """Recordings by hand and by camera, acts of people; published, placed only, and in no place of the log yet."""
    added = by_person(here, tmp_path)
    delivered = by_camera(here, "first")
    here.deliver(delivered, CLIP + b"late, of the same name")
    here.deliver(delivered, b"[]", name="trail_gpstrail.json", kind="trail")
    elsewhere = here.announce("cbp", external_id="second")
    here.deliver(elsewhere, CLIP + b"first", name="again.mp4")
    here.inspect(added)
    place(here, publish=True)
    worked_on(here, delivered)
    with here.archive.db.tx(here.house.scope()) as conn:  # an act that changes no row: only the log has it
        log.record(conn, actor="account:test", agency="cbp", act="viewed", subject=f"recording:{added.id}")
    place(here, publish=True)
    by_camera(here, "placed and not published", "ice")
    place(here)
    by_camera(here, "acknowledged a moment before the loss", "fema")
    acts.note(here.archive, here.house.scope(), added.id, "A moment before the loss")


def test_every_row_and_every_act_comes_back(here: Staffed, lost: Lost, tmp_path: Path):
    a_life(here, tmp_path)
    before = state(here.house.db("owner"))
    written = {
        "officer",
        "camera",
        "category",
        "recording",
        "original",
        "delivered_again",
        "derived",
        "bookmark",
    }
    assert written <= {table for table, rows in before.rows.items() if rows}
    made, footage = lost.rebuild()
    after = state(lost.archive.db)
    for table in store.TABLES:
        assert after.rows[table] == before.rows[table], table
    assert after.histories == before.histories
    assert made.size == made.published > 0
    assert (footage.recordings, footage.left_out, footage.damaged) == (5, (), ())
    assert lost.faults() == []


def test_what_no_checkpoint_covered_is_back_and_gets_its_place(here: Staffed, lost: Lost, tmp_path: Path):
    a_life(here, tmp_path)
    lost.rebuild()
    with lost.archive.db.tx(EVERYONE) as conn:
        there = store.recording_by_external_id(conn, "fema", "acknowledged a moment before the loss")
        assert there is not None
        told = log.history(conn, f"recording:{there.id}")
    assert there.state == "complete"
    assert [(act.act, act.index) for act in told] == [
        (a, None) for a in ("announced", "received", "completed")
    ]
    place(here, lost.urls, publish=True)
    with lost.archive.db.tx(EVERYONE) as conn:
        assert all(act.published for act in log.history(conn, f"recording:{there.id}"))
    assert lost.faults() == []


def test_a_second_rebuild_changes_nothing(here: Staffed, lost: Lost, tmp_path: Path):
    a_life(here, tmp_path)
    first, footage = lost.rebuild()
    before = state(lost.archive.db)
    again, repeated = lost.rebuild()
    assert again == RebuiltLog(first.size, 0, first.published)
    assert repeated == footage
    assert state(lost.archive.db) == before


def test_what_waits_is_inspected_after_a_rebuild(here: Staffed, lost: Lost):
    there = by_camera(here, "first")
    lost.rebuild()
    with lost.archive.db.tx(EVERYONE) as conn:
        (original,) = store.originals(conn, there.id)
        jobs = conn.execute(
            "SELECT args FROM queue.procrastinate_jobs WHERE task_name = 'footage.inspect'"
        ).fetchall()
    assert original.state == "waiting"
    assert [job["args"]["original"] for job in jobs] == [original.id]


@contextmanager
def commits_failing(monkeypatch: pytest.MonkeyPatch, module: Any) -> Iterator[None]:
    """The transaction fails after its sidecar was stored, as when the database goes away before it has committed."""
    perform = module.perform

    def performed_in_vain(*args: Any, **named: Any) -> None:
        perform(*args, **named)
        raise Unavailable("The database went away.")

    with monkeypatch.context() as patched:
        patched.setattr(module, "perform", performed_in_vain)
        yield


def sidecars(here: Staffed) -> set[str]:
    return set(here.house.stores.sidecars.list())


@pytest.mark.parametrize("placed", [True, False], ids=["in the log", "in no place of the log yet"])
def test_an_arrival_that_failed_gives_way_to_the_one_acknowledged(
    here: Staffed, lost: Lost, monkeypatch: pytest.MonkeyPatch, placed: bool
):
    there = here.announce("cbp", external_id="first")
    before = sidecars(here)
    with commits_failing(monkeypatch, receive), pytest.raises(Unavailable):
        here.deliver(there, CLIP)
    (failed,) = sidecars(here) - before
    kept = here.deliver(there, CLIP)
    here.complete(there)
    if placed:
        place(here, publish=True)
    expected = state(here.house.db("owner"))
    _, footage = lost.rebuild()
    assert footage.left_out == (failed,)
    assert name_of("cbp", there.id, kept.entry) != failed
    assert state(lost.archive.db) == expected


@pytest.mark.parametrize("placed", [True, False], ids=["in the log", "in no place of the log yet"])
def test_an_announcement_that_failed_gives_way_to_the_one_acknowledged(
    here: Staffed, lost: Lost, monkeypatch: pytest.MonkeyPatch, placed: bool
):
    before = sidecars(here)
    with commits_failing(monkeypatch, announce), pytest.raises(Unavailable):
        here.announce("cbp", external_id="first")
    (failed,) = sidecars(here) - before
    by_camera(here, "first")
    if placed:
        place(here, publish=True)
    expected = state(here.house.db("owner"))
    _, footage = lost.rebuild()
    assert footage.left_out == (failed,)
    assert state(lost.archive.db) == expected


def test_an_empty_file_that_failed_gives_way_too(here: Staffed, lost: Lost, monkeypatch: pytest.MonkeyPatch):
    there = here.announce("cbp", external_id="first")
    before = sidecars(here)
    with commits_failing(monkeypatch, receive), pytest.raises(Unavailable):
        here.deliver(there, b"", name="empty.mp4")
    (failed,) = sidecars(here) - before
    here.deliver(there, b"", name="empty.mp4")
    here.deliver(there, b"", name="another empty.mp4")
    expected = state(here.house.db("owner"))
    assert lost.rebuild()[1].left_out == (failed,)
    assert state(lost.archive.db) == expected


def test_what_was_given_up_may_be_claimed_by_another(here: Staffed):
    def officer(badge: str) -> Write:
        return Write("officer", {"id": new_id(), "agency": "cbp", "badge": badge})

    with here.archive.db.tx(EVERYONE) as conn:
        claims = Claims.of(conn)
    first, second, third = officer("1"), officer("1"), officer("2")
    claims.heard("first", [first])
    claims.heard("moved", [Write("officer", {"id": first.row["id"], "badge": "2"}, change=True)])
    claims.heard("second", [second])
    assert claims.superseded == set()
    claims.heard("third", [third])
    assert claims.superseded == {"moved"}


def test_an_arrival_that_failed_and_was_not_tried_again_comes_back(
    here: Staffed, lost: Lost, monkeypatch: pytest.MonkeyPatch
):
    """Its bytes were durable; footage is rather kept than lost."""
    there = here.announce("cbp", external_id="first")
    with commits_failing(monkeypatch, receive), pytest.raises(Unavailable):
        here.deliver(there, CLIP)
    _, footage = lost.rebuild()
    assert (footage.originals, footage.left_out) == (1, ())
    assert lost.faults() == []


def test_a_damaged_sidecar_costs_itself_alone(here: Staffed, lost: Lost, tmp_path: Path):
    kept, broken = by_camera(here, "kept"), by_camera(here, "broken")
    place(here, publish=True)
    with here.archive.db.tx(here.house.scope()) as conn:
        (original,) = store.originals(conn, broken.id)
    name = name_of("cbp", broken.id, original.entry)
    sealed = bytearray(here.house.stores.sidecars.read(name))
    sealed[-1] ^= 1
    here.house.stores.sidecars.replace(name, bytes(sealed))
    _, footage = lost.rebuild()
    assert footage.damaged == (name,)
    with lost.archive.db.tx(EVERYONE) as conn:
        assert len(store.originals(conn, kept.id)) == 1
        assert store.originals(conn, broken.id) == []
    found = {(fault.kind, fault.thing) for fault in lost.faults()}  # type: ignore[attr-defined]
    assert ("lost", f"original {original.id} of {broken.number}") in found
    assert ("altered", f"sidecar {name}") in found
