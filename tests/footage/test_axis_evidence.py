"""What is delivered is kept, whatever is wrong with it: beside, flagged, once, and never in another's place."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from door import RECORDING, Answer, Door, archive_of, faults

from lapel.custody import log, sidecar
from lapel.fleet import store as fleet
from lapel.footage import model, store
from lapel.footage.model import Original, Recording
from lapel.roster import store as roster
from lapel.storage.postgres import Scope, connect

CLIP = f"/{RECORDING}/20261124_101500_AB12.mp4"
NOW = str(int(datetime.now(UTC).timestamp()))
WHOLE = {"StartTime": str(int(NOW) - 60), "StopTime": NOW}


def recording_of(door: Door, name: str = RECORDING) -> Recording:
    with door.house.db("staff").tx(door.scope) as conn:
        there = store.recording_by_external_id(conn, "cbp", name)
        assert there is not None
        return there


def originals_of(door: Door, name: str = RECORDING) -> list[Original]:
    there = recording_of(door, name)
    with door.house.db("staff").tx(door.scope) as conn:
        return store.originals(conn, there.id)


def acts_on(door: Door, name: str = RECORDING) -> list[str]:
    there = recording_of(door, name)
    with door.house.db("staff").tx(door.scope) as conn:
        return [act.act for act in log.history(conn, f"recording:{there.id}")]


def bytes_of(door: Door, original: Original) -> bytes:
    from lapel.storage.sealed import SealedReader

    keys, there = door.house.keys("worker"), recording_of(door)
    key = keys.unwrap("cbp", f"object:{original.object}", original.object_key, under=there.wrapped_key)
    return SealedReader(door.house.stores.originals, original.object, key, original.size_bytes).read(
        0, original.size_bytes
    )


def announce(door: Door, **said: str) -> Answer:
    return door.client.call("PUT", f"/{RECORDING}", **said)


def deliver(door: Door) -> None:
    """A whole delivery as a camera system makes it."""
    user, serial, _ = RECORDING.split("_")
    door.client.call("PUT", f"/Users/{user}", Name="A%20Name", UserID="B-1001", Active="True")
    door.client.call("PUT", f"/Devices/{serial}", Name="Dock%201", Model="W120")
    announce(
        door, UserID=user, BWCSerialNumber=serial, Status="Transferring", TimeZone="America/Phoenix", **WHOLE
    )
    assert door.client.call("PUT", CLIP, b"clip one", **WHOLE).status == 201
    trail = f"/{RECORDING}/20261124_101500_AB12_{serial}_gpstrail.json"
    assert door.client.call("PUT", trail, b'{"CoordinateEntries":[]}', FileType="json").status == 201
    assert door.client.call("PUT", f"/{RECORDING}/bookmark_20261124T101500Z_1", b"words").status == 201
    assert door.client.call("POST", f"/{RECORDING}", Status="Complete").status == 204


def test_a_delivery_is_kept_sealed_logged_and_whole(door: Door):
    deliver(door)
    there = recording_of(door)
    assert (there.state, there.flags, there.zone) == ("complete", [], "America/Phoenix")
    clip, trail = sorted(originals_of(door), key=lambda original: original.kind)
    assert (clip.kind, trail.kind) == ("clip", "trail")
    assert clip.sha256 == hashlib.sha256(b"clip one").hexdigest()
    assert bytes_of(door, clip) == b"clip one"
    with door.house.db("staff").tx(door.scope) as conn:
        officer = roster.officer(conn, there.wearer or "")
        camera = fleet.camera(conn, there.camera or "")
        [marked] = store.bookmarks(conn, there.id)
    assert (officer.badge, officer.known, camera.model) == ("B-1001", True, "W120")
    assert (marked.words, marked.made_by) == ("words", f"site:{door.client.account.removeprefix('/v1/')}")
    assert acts_on(door) == ["announced", "received", "received", "bookmarked", "completed"]
    assert faults(door.house) == []


def test_every_acknowledged_thing_has_a_sidecar_with_its_rows(door: Door):
    deliver(door)
    archive = archive_of(door.house, "worker")
    tables = set()
    for name in archive.stores.sidecars.list():
        entry, writes = sidecar.read(archive, name)
        assert name.endswith(entry.id)
        tables |= {write.table for write in writes}
    assert tables == {"site", "officer", "camera", "intake_object", "recording", "original", "bookmark"}


def test_the_intake_can_seal_and_not_open(door: Door):
    from lapel.base.errors import Refused

    deliver(door)
    [clip, _] = originals_of(door)
    with pytest.raises(Refused):
        door.archive.keys.unwrap(
            "cbp", f"object:{clip.object}", clip.object_key, under=recording_of(door).wrapped_key
        )


def test_a_different_clip_after_complete_is_kept_beside_and_flagged(door: Door):
    deliver(door)
    assert door.client.call("PUT", CLIP, b"clip two", **WHOLE).status == 201
    first, second = (o for o in originals_of(door) if o.kind == "clip")
    assert (first.beside, bytes_of(door, first)) == (False, b"clip one")
    assert (second.beside, bytes_of(door, second)) == (True, b"clip two")
    assert set(second.flags) == {model.LATE, model.SAME_NAME_OTHER_BYTES}
    assert faults(door.house) == []


def test_a_different_clip_before_complete_is_the_one_shown_and_the_first_is_kept_beside(door: Door):
    announce(door)
    door.client.call("PUT", CLIP, b"clip one", **WHOLE)
    door.client.call("PUT", CLIP, b"clip two", **WHOLE)
    shown, beside = originals_of(door)
    assert (bytes_of(door, shown), shown.beside) == (b"clip two", False)
    assert (bytes_of(door, beside), beside.beside, beside.flags) == (b"clip one", True, [model.REPLACED])


def test_another_clip_that_arrives_after_complete_is_kept_and_flagged_late(door: Door):
    deliver(door)
    assert door.client.call("PUT", f"/{RECORDING}/20261124_101700_AB13.mp4", b"late", **WHOLE).status == 201
    late = next(o for o in originals_of(door) if o.name == "20261124_101700_AB13.mp4")
    assert (late.beside, late.flags) == (False, [model.LATE])


def test_the_same_clip_twice_is_kept_once(door: Door):
    announce(door)
    for _ in range(2):
        assert door.client.call("PUT", CLIP, b"clip one", **WHOLE).status == 201
    assert len(originals_of(door)) == 1
    assert len(list(door.house.stores.originals.list())) == 1
    assert acts_on(door) == ["announced", "received"]


def test_the_same_clip_under_another_name_is_kept_once_and_both_names_are_known(door: Door):
    announce(door)
    other = f"/{RECORDING}/20261124_101500_FFFF.mp4"
    door.client.call("PUT", CLIP, b"clip one", **WHOLE)
    assert door.client.call("PUT", other, b"clip one", **WHOLE).status == 201
    assert len(originals_of(door)) == 1
    assert acts_on(door) == ["announced", "received", "received_again"]
    assert door.client.call("HEAD", other, None).status == 200


@pytest.mark.parametrize("body", [b"", b"x"], ids=["zero bytes", "one byte"])
def test_a_clip_of_next_to_nothing_is_kept(door: Door, body: bytes):
    announce(door)
    for _ in range(2):
        assert door.client.call("PUT", CLIP, body, **WHOLE).status == 201
    [clip] = originals_of(door)
    assert (clip.size_bytes, bytes_of(door, clip)) == (len(body), body)


def test_two_empty_clips_are_two(door: Door):
    announce(door)
    door.client.call("PUT", CLIP, b"", **WHOLE)
    door.client.call("PUT", f"/{RECORDING}/20261124_101700_AB13.mp4", b"", **WHOLE)
    assert len(originals_of(door)) == 2
    assert faults(door.house) == []


def test_an_unknown_wearer_and_camera_are_kept_and_flagged(door: Door):
    announce(door, UserID="nobody-told-us", BWCSerialNumber="ACCC0")
    there = recording_of(door)
    assert set(there.flags) == {model.WEARER_UNKNOWN, model.CAMERA_UNKNOWN}
    with door.house.db("staff").tx(door.scope) as conn:
        officer, camera = roster.officer(conn, there.wearer or ""), fleet.camera(conn, there.camera or "")
    assert (officer.external_id, officer.known, officer.badge) == ("nobody-told-us", False, None)
    assert (camera.serial, camera.known) == ("ACCC0", False)


def test_a_recording_that_says_nothing_at_all_is_kept_and_flagged(door: Door):
    assert door.client.call("PUT", "/abc").status == 201
    there = recording_of(door, "abc")
    assert set(there.flags) == {model.NAME_UNREADABLE, model.WEARER_UNKNOWN, model.CAMERA_UNKNOWN}
    assert (there.wearer, there.camera, there.started_at) == (None, None, None)


def test_a_disabled_user_may_still_deliver(door: Door):
    user = RECORDING.split("_")[0]
    door.client.call("PUT", f"/Users/{user}", Name="A", Active="False")
    assert announce(door).status == 201
    there = recording_of(door)
    with door.house.db("staff").tx(door.scope) as conn:
        officer = roster.officer(conn, there.wearer or "")
    assert (officer.active, officer.known) == (False, True)
    assert model.WEARER_UNKNOWN not in there.flags


def test_a_badge_number_ties_a_user_to_the_officer_on_the_roster(door: Door):
    with door.house.db("staff").tx(door.scope) as conn:
        conn.execute(
            "INSERT INTO officer (id, agency, badge, known) VALUES (%s, 'cbp', 'B-7', true)", ("a" * 32,)
        )
    door.client.call("PUT", "/Users/u-7", UserID="B-7", Name="A")
    door.client.call("PUT", "/Users/u-8", UserID="B-7", Name="Somebody else with the same badge number")
    with door.house.db("staff").tx(door.scope) as conn:
        seventh = roster.officer_by_external_id(conn, "cbp", "u-7")
        eighth = roster.officer_by_external_id(conn, "cbp", "u-8")
    assert seventh is not None
    assert eighth is not None
    assert (seventh.id, seventh.badge) == ("a" * 32, "B-7")
    assert eighth.badge is None


def test_a_clock_years_off_is_kept_and_flagged(door: Door):
    name = "u1_ACCC_20190101T000000Z"
    assert door.client.call("PUT", f"/{name}", StartTime="1546300800").status == 201
    assert model.CLOCK_OFF in recording_of(door, name).flags
    assert recording_of(door, name).started_at == datetime(2019, 1, 1, tzinfo=UTC)


def test_a_clip_without_a_duration_is_kept_flagged_and_loses_the_flag_when_it_is_said_later(door: Door):
    announce(door)
    door.client.call("PUT", CLIP, b"clip one")
    assert originals_of(door)[0].flags == [model.NO_DURATION]
    door.client.call("POST", CLIP, **WHOLE)
    [clip] = originals_of(door)
    assert clip.flags == []
    assert clip.ended_at == datetime.fromtimestamp(int(NOW), UTC)
    assert acts_on(door) == ["announced", "received", "described"]
    assert faults(door.house) == []


def test_what_is_said_after_complete_is_kept_and_flagged_late(door: Door):
    deliver(door)
    door.client.call("POST", f"/{RECORDING}", Status="Complete")
    assert recording_of(door).flags == []
    door.client.call("POST", f"/{RECORDING}", TimeZone="Europe/Stockholm")
    assert recording_of(door).flags == [model.LATE]
    assert acts_on(door)[-1] == "described"


def test_a_status_alone_does_not_change_when_a_recording_began(door: Door):
    announce(door, **WHOLE)
    before = recording_of(door)
    door.client.call("POST", f"/{RECORDING}", Status="Complete")
    after = recording_of(door)
    assert (after.started_at, after.ended_at) == (before.started_at, before.ended_at)


def test_a_persons_correction_of_the_wearer_outlives_what_the_camera_says_again(door: Door):
    from lapel.footage import acts

    announce(door, UserID="u-1", **WHOLE)
    with door.house.db("staff").tx(door.scope) as conn:
        conn.execute(
            "INSERT INTO officer (id, agency, badge, known) VALUES (%s, 'cbp', 'B-7', true)", ("a" * 32,)
        )
    acts.correct_wearer(
        archive_of(door.house, "staff"), door.scope, recording_of(door).id, "B-7", "I was there."
    )
    door.client.call("PUT", f"/{RECORDING}", UserID="u-1", TriggerOff="Timer", **WHOLE)
    door.client.call("POST", f"/{RECORDING}", Status="Complete")
    assert recording_of(door).wearer == "a" * 32
    assert model.WEARER_UNKNOWN not in recording_of(door).flags


def test_two_controllers_may_deliver_the_same_recording_at_once(door: Door):
    clients = [door.client, door.another(), door.another("cbp", "East dock")]
    statuses: list[int] = []

    def run(client: object) -> None:
        for _ in range(3):
            statuses.append(
                client.call("PUT", f"/{RECORDING}", UserID="u-1", BWCSerialNumber="C-1", **WHOLE).status
            )
            statuses.append(client.call("PUT", CLIP, b"clip one" * 1000, **WHOLE).status)
            statuses.append(client.call("PUT", f"/{RECORDING}/bookmark_1", b"words").status)
            statuses.append(client.call("PUT", "/Users/u-1", Name="A", UserID="B-1").status)
            statuses.append(client.call("POST", f"/{RECORDING}", Status="Complete").status)

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 202, 204}
    assert len(originals_of(door)) == 1
    with door.house.db("staff").tx(door.scope) as conn:
        [count] = conn.execute("SELECT count(*) AS n FROM recording").fetchall()
        assert count["n"] == 1
        assert len(store.bookmarks(conn, recording_of(door).id)) == 1
    assert acts_on(door).count("received") == 1
    assert faults(door.house) == []


def test_another_agencys_controller_makes_another_recording(door: Door):
    other = door.another("ice", "Other dock")
    announce(door)
    assert other.call("PUT", f"/{RECORDING}").status == 201
    assert other.call("PUT", CLIP, b"clip one", **WHOLE).status == 201
    assert originals_of(door) == []


def test_a_category_chosen_on_the_camera_becomes_a_suggestion(door: Door):
    with door.house.db("staff").tx(door.scope) as conn:
        conn.execute("INSERT INTO category (id, agency, name) VALUES (%s, 'cbp', 'Arrest')", ("c" * 32,))
    announce(door)
    mark = f"/{RECORDING}/bookmark_20261124T101500Z_1"
    door.client.call("PUT", mark, b"", CategoryID="c" * 32, CategoryName="Arrest")
    there = recording_of(door)
    assert (there.suggested_category, there.category) == ("c" * 32, None)
    assert door.client.call("PUT", f"/{RECORDING}/bookmark_2", b"", CategoryID="long-gone").status == 201
    with door.house.db("staff").tx(door.scope) as conn:
        marks = store.bookmarks(conn, there.id)
    assert {(m.external_id, m.category) for m in marks} == {
        ("bookmark_20261124T101500Z_1", "c" * 32),
        ("bookmark_2", None),
    }


def test_a_bookmark_with_too_many_words_is_kept_whole_as_a_file(door: Door):
    announce(door)
    assert door.client.call("PUT", f"/{RECORDING}/bookmark_1", b"w" * (64 * 1024 + 1)).status == 201
    [kept] = originals_of(door)
    assert (kept.kind, kept.size_bytes) == ("other", 64 * 1024 + 1)


REJECTED = "RejectedContent_20261124T120000Z_6b0c"


def test_rejected_content_goes_to_the_recording_it_was_meant_for_and_is_flagged(door: Door):
    deliver(door)
    assert door.client.call("PUT", f"/{REJECTED}", RejectedContentOriginalContainer=RECORDING).status == 201
    assert door.client.call("PUT", f"/{REJECTED}", RejectedContentReason="400").status == 202
    assert door.client.call("PUT", f"/{REJECTED}/20261124_101800_AB14.mp4", b"refused once").status == 201
    kept = next(o for o in originals_of(door) if o.name == "20261124_101800_AB14.mp4")
    assert set(kept.flags) == {model.LATE, model.NO_DURATION, model.REJECTED_BY_CAMERA}
    assert model.REJECTED_BY_CAMERA in recording_of(door).flags
    assert (
        door.client.call("HEAD", f"/{REJECTED}", None).headers["x-container-meta-rejectedcontentreason"]
        == "400"
    )
    assert door.client.call("POST", f"/{REJECTED}/20261124_101800_AB14.mp4", **WHOLE).status == 202
    assert faults(door.house) == []


@pytest.mark.parametrize(
    "name",
    [
        "x%00y",
        "%zz",
        "..%2f..%2fetc%2fpasswd",
        "..",
        "a/../../b",
        "n" * 4096,
        quote("😀 клип"),
        "bookmark_%00",
    ],
)
def test_nothing_in_rejected_content_is_ever_answered_400(door: Door, name: str):
    container = f"RejectedContent_UnknownTime_{name}" if "/" not in name else REJECTED
    assert door.client.call("PUT", f"/{container}", RejectedContentReason="%zz%00").status == 201
    assert door.client.call("PUT", f"/{container}/{name}", b"kept", StartTime="never").status == 201
    assert door.client.call("POST", f"/{container}/{name}", StartTime="%00").status == 202
    assert door.client.call("HEAD", f"/{container}/{name}", None).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fx.mp4",
        "a/../../b",
        "x%00y.mp4",
        "n" * 4096,
        quote("😀 клип.mp4"),
        "%E9",
    ],
)
def test_a_hostile_name_is_data_and_leads_nowhere(door: Door, name: str):
    before = set(door.house.place.rglob("*"))
    door.client.call("PUT", f"/{RECORDING}")
    if "/" not in name:
        assert door.client.call("PUT", f"/{name}").status == 201
    assert door.client.call("PUT", f"/{RECORDING}/{name}", b"kept").status == 201
    assert door.client.call("PUT", f"/Users/{name}", b"", Name=name[:500]).status == 201
    assert door.client.call("PUT", f"/Devices/{name}", b"", Name=name[:500]).status == 201
    new = set(door.house.place.rglob("*")) - before
    assert all(path.is_relative_to(door.house.place / "objects") for path in new)
    assert not any(part in str(path) for path in new for part in ("passwd", "..", "nnnn", ".mp4"))
    assert len(originals_of(door)) == 1
    assert faults(door.house) == []


def test_metadata_in_bad_encoding_is_kept_raw_and_flagged(door: Door):
    assert announce(door, TriggerOn="caf%E9", TimeZone="%00").status == 201
    there = recording_of(door)
    assert model.BAD_ENCODING in there.flags
    assert (there.facts["TriggerOn"], there.zone) == ("caf%E9", "%00")


def test_more_metadata_than_anybody_needs_is_cut_and_the_footage_kept(door: Door):
    many = {f"K{i}": "v" * 400 for i in range(200)}
    assert announce(door, **many).status == 201
    assert door.client.call("PUT", CLIP, b"clip one", **many).status == 201
    for n in range(4):
        assert announce(door, **{f"L{n}K{i}": "v" * 400 for i in range(120)}).status == 202
    assert model.CUT in recording_of(door).flags
    assert model.CUT in originals_of(door)[0].flags
    assert faults(door.house) == []


def test_what_is_too_much_to_say_of_a_person_is_400(door: Door):
    assert door.client.call("PUT", "/Users/u1", b"x" * (64 * 1024 + 1)).status == 400
    assert door.client.call("HEAD", "/Users/u1", None).status == 404


def test_a_delivery_defers_the_inspection_of_each_original(door: Door):
    deliver(door)
    with connect(door.house.urls["worker"]) as conn:
        rows = conn.execute("SELECT args FROM queue.procrastinate_jobs WHERE task_name = 'footage.inspect'")
        assert {row["args"]["original"] for row in rows} == {o.id for o in originals_of(door)}


def test_a_site_sees_nothing_of_another_agency(door: Door):
    deliver(door)
    with door.house.db("intake").tx(Scope("site:x", ("ice",))) as conn:
        for table in ("recording", "original", "intake_object", "intake_container"):
            row = conn.execute(f"SELECT count(*) AS n FROM {table}").fetchone()
            assert row is not None
            assert row["n"] == 0
