"""Footage comes in once, whole, and in an order that an interruption cannot harm."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from door import archive_of
from faltering import Walk, faltering
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from house import House
from lapel.base.errors import EvidenceFault, Invalid, NotFound, Unavailable
from lapel.custody import log, sidecar
from lapel.footage import acts, model, store
from lapel.footage.announce import complete, open_recording, tell
from lapel.footage.incoming import Incoming
from lapel.footage.model import Announced, Original, Recording, Said
from lapel.footage.receive import accept
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope
from lapel.storage.sealed import SealedReader

AT = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
SCOPE = Scope("account:test", ("cbp",))
ANNOUNCED = Announced(external_id="R1", started_at=AT, facts={"TriggerOn": "Button"})


@pytest.fixture
def archive(house: House) -> Archive:
    return archive_of(house, "staff")


def bring(archive: Archive, recording: Recording, name: str, data: bytes) -> Original:
    with Incoming(archive) as incoming:
        incoming.write(data)
        return accept(archive, SCOPE, recording, incoming.finish(), Said("clip", name))


def officer(archive: Archive, badge: str, officer_id: str) -> None:
    with archive.db.tx(SCOPE) as conn:
        conn.execute(
            "INSERT INTO office (id, agency, name) VALUES (%s, 'cbp', %s)", (officer_id, f"Office of {badge}")
        )
        conn.execute(
            "INSERT INTO officer (id, agency, office, badge, known) VALUES (%s, 'cbp', %s, %s, true)",
            (officer_id, officer_id, badge),
        )


def test_what_is_not_accepted_leaves_nothing(archive: Archive):
    with Incoming(archive) as incoming:
        incoming.write(b"x" * 3_000_000)
        incoming.finish()
    assert list(archive.stores.originals.list()) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=700_000), max_size=5))
def test_any_pieces_are_kept_as_one_and_read_back_as_they_came(house: House, pieces: list[bytes]):
    archive = archive_of(house, "staff")
    whole = b"".join(pieces)
    with Incoming(archive) as incoming:
        for piece in pieces:
            incoming.write(piece)
        stored = incoming.finish()
        stored.upload.commit()
    assert (stored.size_bytes, stored.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    reader = SealedReader(archive.stores.originals, stored.upload.name, stored.key, len(whole))
    assert reader.read(0, len(whole)) == whole


def test_a_recording_announced_again_is_told_about_and_not_made_again(archive: Archive):
    first = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    second = open_recording(
        archive, SCOPE, "cbp", Announced(external_id="R1", zone="UTC", facts={"TriggerOff": "Timer"})
    )
    assert (second.id, second.zone, second.started_at) == (first.id, "UTC", AT)
    assert second.facts == {"TriggerOn": "Button", "TriggerOff": "Timer"}


def test_two_who_announce_a_recording_at_once_have_both_said_their_part(archive: Archive):
    made: list[Recording] = []

    def announce(key: str) -> None:
        made.append(open_recording(archive, SCOPE, "cbp", Announced(external_id="R1", facts={key: "said"})))

    threads = [threading.Thread(target=announce, args=(f"Key{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({recording.id for recording in made}) == 1
    with archive.db.tx(SCOPE) as conn:
        assert store.recording(conn, made[0].id).facts == {f"Key{n}": "said" for n in range(6)}


def test_who_wore_it_takes_the_recording_to_their_office(archive: Archive):
    officer(archive, "B-1", "a" * 32)
    officer(archive, "B-2", "b" * 32)
    there = open_recording(archive, SCOPE, "cbp", replace(ANNOUNCED, wearer="a" * 32))
    assert there.office == "a" * 32
    assert tell(archive, SCOPE, there.id, Announced(wearer="b" * 32)).office == "b" * 32


def test_saying_the_same_again_is_no_act(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    complete(archive, SCOPE, there.id)
    before = list(archive.stores.sidecars.list())
    tell(archive, SCOPE, there.id, ANNOUNCED)
    complete(archive, SCOPE, there.id, ANNOUNCED)
    assert list(archive.stores.sidecars.list()) == before


def test_complete_lists_what_came_in_its_order_and_not_what_is_beside(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    replaced = bring(archive, there, "b.mp4", b"first words")
    kept = [bring(archive, there, "b.mp4", b"second words"), bring(archive, there, "a.mp4", b"before it")]
    complete(archive, SCOPE, there.id)
    with archive.db.tx(SCOPE) as conn:
        last = log.history(conn, f"recording:{there.id}")[-1]
    assert last.act == "completed"
    assert last.detail["originals"] == [f"{o.id} {o.sha256}" for o in sorted(kept, key=lambda o: o.name)]
    assert replaced.id not in str(last.detail)


def test_the_same_bytes_in_another_recording_are_kept_once_and_both_know_it(archive: Archive):
    one = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    two = open_recording(archive, SCOPE, "cbp", replace(ANNOUNCED, external_id="R2"))
    first, second = bring(archive, one, "a.mp4", b"same"), bring(archive, two, "b.mp4", b"same")
    assert first.id == second.id
    with archive.db.tx(SCOPE) as conn:
        assert [a.act for a in log.history(conn, f"recording:{two.id}")] == ["announced", "received_again"]
        assert conn.execute("SELECT name FROM delivered_again").fetchall() == [{"name": "b.mp4"}]


def test_the_same_bytes_at_once_are_kept_once(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    came: list[str] = []
    threads = [
        threading.Thread(target=lambda: came.append(bring(archive, there, "a.mp4", b"same" * 100_000).id))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(came), len(set(came))) == (5, 1)
    assert len(list(archive.stores.originals.list())) == 1


def test_an_original_whose_sidecar_cannot_be_stored_is_not_acknowledged(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    walk = Walk(persists=False)
    failing = faltering(archive, "sidecars", walk)
    walk.begin(0)
    with pytest.raises(Unavailable):
        bring(failing, there, "a.mp4", b"clip")
    with archive.db.tx(SCOPE) as conn:
        assert store.originals(conn, there.id) == []
    assert bring(archive, there, "a.mp4", b"clip").name == "a.mp4"


def test_a_recording_out_of_view_is_not_found(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    elsewhere = Scope("account:test", ("ice",))
    with Incoming(archive) as incoming, pytest.raises(NotFound):
        accept(archive, elsewhere, there, incoming.finish(), Said("clip", "a.mp4"))
    with pytest.raises(NotFound):
        tell(archive, elsewhere, there.id, Announced(zone="UTC"))
    with pytest.raises(NotFound):
        complete(archive, elsewhere, there.id)


def test_a_sidecar_gives_back_what_it_was_given(archive: Archive, house: House):
    there = open_recording(archive, SCOPE, "cbp", replace(ANNOUNCED, flags=(model.CLOCK_OFF,)))
    [name] = [n for n in archive.stores.sidecars.list() if f"/{there.id}/" in n]
    entry, [write] = sidecar.read(archive, name)
    assert (entry.act, entry.subject, write.table) == ("announced", f"recording:{there.id}", "recording")
    for column in ("id", "agency", "number", "external_id", "started_at", "facts", "flags", "wrapped_key"):
        assert write.row[column] == getattr(there, column), column


def test_a_sidecar_that_was_changed_or_moved_does_not_open(archive: Archive):
    one = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    two = open_recording(archive, SCOPE, "cbp", replace(ANNOUNCED, external_id="R2"))
    names = [n for n in archive.stores.sidecars.list() if f"/{one.id}/" in n or f"/{two.id}/" in n]
    sealed = archive.stores.sidecars.read(names[0])
    archive.stores.sidecars.replace(names[0], sealed[:-1] + bytes([sealed[-1] ^ 1]))
    archive.stores.sidecars.replace(names[1], sealed)
    for name in names:
        with pytest.raises(EvidenceFault):
            sidecar.read(archive, name)


def test_a_persons_category_stays_when_a_camera_suggests_another(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    arrest, patrol = (acts.add_category(archive, SCOPE, "cbp", name) for name in ("Arrest", "Patrol"))
    acts.categorise(archive, SCOPE, [there.id], arrest)
    after = acts.suggest_category(archive, SCOPE, there.id, patrol)
    assert (after.category, after.category_by, after.suggested_category) == (arrest, "account:test", patrol)


def test_many_are_categorised_together_or_none(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    arrest = acts.add_category(archive, SCOPE, "cbp", "Arrest")
    with pytest.raises(NotFound):
        acts.categorise(archive, SCOPE, [there.id, "f" * 32], arrest)
    with pytest.raises(Invalid):
        acts.categorise(archive, SCOPE, [there.id], "f" * 32)
    with archive.db.tx(SCOPE) as conn:
        assert store.recording(conn, there.id).category is None
        assert [a.act for a in log.history(conn, f"recording:{there.id}")] == ["announced"]


def test_a_corrected_wearer_brings_the_office_takes_the_flag_and_keeps_the_one_before_in_the_log(
    archive: Archive,
):
    officer(archive, "B-1", "a" * 32)
    officer(archive, "B-2", "b" * 32)
    announced = replace(ANNOUNCED, wearer="a" * 32, flags=(model.WEARER_UNKNOWN,))
    there = open_recording(archive, SCOPE, "cbp", announced)
    after = acts.correct_wearer(archive, SCOPE, there.id, "B-2", "Seen on the roll call.")
    assert (after.wearer, after.office, after.flags) == ("b" * 32, "b" * 32, [])
    with archive.db.tx(SCOPE) as conn:
        last = log.history(conn, f"recording:{there.id}")[-1]
    assert (last.act, last.detail["wearer_before"]) == ("wearer_corrected", "a" * 32)


@pytest.mark.parametrize(("badge", "reason"), [("B-1", "  "), ("B-404", "I know.")])
def test_a_wearer_is_not_corrected_without_a_reason_or_an_officer(archive: Archive, badge: str, reason: str):
    officer(archive, "B-1", "a" * 32)
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    with pytest.raises(Invalid):
        acts.correct_wearer(archive, SCOPE, there.id, badge, reason)


def test_a_note_replaces_the_one_before_which_stays_in_the_log(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    for words in ("first", "second"):
        acts.note(archive, SCOPE, there.id, words)
    with archive.db.tx(SCOPE) as conn:
        assert store.recording(conn, there.id).note == "second"
        noted = [a.detail["note"] for a in log.history(conn, f"recording:{there.id}") if a.act == "noted"]
    assert noted == ["first", "second"]
    with pytest.raises(Invalid):
        acts.note(archive, SCOPE, there.id, "x" * 4001)


def test_a_bookmark_told_again_is_one_bookmark(archive: Archive):
    there = open_recording(archive, SCOPE, "cbp", ANNOUNCED)
    first = acts.add_bookmark(archive, SCOPE, there, {"external_id": "b1", "words": "here", "at": AT})
    again = acts.add_bookmark(archive, SCOPE, there, {"external_id": "b1", "words": "here", "at": AT})
    changed = acts.add_bookmark(
        archive, SCOPE, there, {"external_id": "b1", "words": "there", "until": AT + timedelta(seconds=5)}
    )
    assert first == again
    assert (changed.id, changed.words, changed.at) == (first.id, "there", AT)
    with archive.db.tx(SCOPE) as conn:
        acts_on = [a.act for a in log.history(conn, f"recording:{there.id}")]
    assert acts_on == ["announced", "bookmarked", "bookmarked"]


def test_another_agencys_category_is_not_given(archive: Archive) -> None:
    both = Scope("account:test", ("cbp", "ice"))
    theirs = acts.add_category(archive, both, "ice", "Patrol")
    ours = open_recording(archive, both, "cbp", Announced(external_id="one"))
    with pytest.raises(Invalid, match="not a category of cbp"):
        acts.categorise(archive, both, [ours.id], theirs)
