"""What may a person do at the desk, and what is kept of it?"""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from desked import proposal, proposed
from house import House
from lapel.app.worker import jobs
from lapel.base.errors import Invalid
from lapel.custody import log
from lapel.footage import store as footage
from lapel.footage.model import Recording
from lapel.redaction import desk, orders, plan_reading
from lapel.storage.archive import Archive
from staffed import Person, Staffed, staffed


@pytest.fixture
def s(house: House) -> Staffed:
    return staffed(house)


@pytest.fixture
def recording(s: Staffed) -> Recording:
    there = s.recording()
    s.inspect(there)
    return there


class AtTheDesk:
    """One person with the page of one redaction."""

    def __init__(self, s: Staffed, redaction: str, name: str, agencies: tuple[str, ...] = ("cbp",)) -> None:
        self.person = Person(s.app(), s.account(agencies, name).token)
        self.url = f"/redactions/{redaction}"
        self.token = self.person.form_token("/account")

    def send(self, *edits: dict[str, Any], base: int) -> Any:
        return self.person.post(
            f"{self.url}/edits",
            json={"base": base, "edits": list(edits)},
            headers={"x-form-token": self.token},
        )

    def post(self, what: str, **fields: Any) -> Any:
        return self.person.post(f"{self.url}/{what}", data={"form_token": self.token, **fields})


@pytest.fixture
def at(s: Staffed, recording: Recording) -> AtTheDesk:
    return AtTheDesk(s, proposed(s, recording), "Records 7")


def decide_all(at: AtTheDesk) -> int:
    answer = at.send(
        {"op": "accept", "track": "f1"},
        {"op": "reject", "track": "f2", "reason": "An officer in the course of duty"},
        {"op": "suspect_looked", "suspect": "s1"},
        base=1,
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["revision"])


def test_the_page_says_what_is_left_to_decide(at: AtTheDesk) -> None:
    page = at.person.get(at.url + ".json").json()
    assert page["headline"] == "2 tracks and 1 suspect left to decide"
    assert page["desk"]["state"]["plan"]["tracks"][0]["id"] == "f1"
    assert "2 tracks and 1 suspect left to decide" in at.person.get(at.url).text
    assert (
        at.person.get("/redactions.json").json()["headline"]
        == "1 redaction to decide, 0 second readings for you"
    )


def test_who_decided_is_who_is_signed_in_whatever_the_order_says(at: AtTheDesk) -> None:
    answer = at.send({"op": "accept", "track": "f1", "by": "account:somebody else"}, base=1).json()
    track = answer["plan"]["tracks"][0]
    assert track["state"] == "accepted"
    assert track["by"].startswith("account:")
    assert "somebody" not in track["by"]


def test_an_edit_of_an_old_revision_is_a_conflict_and_changes_nothing(at: AtTheDesk) -> None:
    at.send({"op": "accept", "track": "f1"}, base=1)
    late = at.send({"op": "accept", "track": "f2"}, base=1)
    assert late.status_code == 409
    assert at.person.get(at.url + ".json").json()["revision"] == 2


def test_one_wrong_order_keeps_none_of_the_edit(at: AtTheDesk) -> None:
    answer = at.send({"op": "accept", "track": "f1"}, {"op": "accept", "track": "f99"}, base=1)
    assert answer.status_code == 422
    assert at.person.get(at.url + ".json").json()["revision"] == 1


@pytest.mark.parametrize(
    "order",
    [
        {"op": "nothing known"}, {"op": ["accept"]}, {"op": "accept"}, {"op": "accept", "track": 1}, {},
        {"op": "keyframe", "track": "f1", "at_us": 0, "x": 9000, "y": 0, "w": 5, "h": 5},
        {"op": "keyframe", "track": "f1", "at_us": True, "x": 0, "y": 0, "w": 5, "h": 5},
        {"op": "keyframe", "track": "f1", "at_us": 1e300, "x": 0, "y": 0, "w": 5, "h": 5},
        {"op": "extend", "track": "f1", "begins_us": 5, "ends_us": 5}, {"op": "mask", "track": "f1", "mask": "paint"},
        {"op": "exempt", "track": "f1", "exemption": "b(99)"}, {"op": "split", "track": "f1", "at_us": 0},
        {"op": "merge", "track": "f1", "other": "f1"}, {"op": "reject", "track": "f1", "reason": " "},
        {"op": "add", "kind": "cat", "at_us": 0, "x": 0, "y": 0, "w": 5, "h": 5}, {"op": "mute", "begins_us": 9, "ends_us": 3},
        {"op": "person", "track": "f1", "person": "a\0b"}, {"op": "suspect_hide", "suspect": "s9"},
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_is_refused_with_words(order: dict[str, Any]) -> None:
    def obeyed() -> None:
        done = orders.obey(proposal("0" * 64, 10), order, by="account:test", length_us=2_000_000)
        plan_reading.read_plan(plan_reading.written(done.plan))

    with pytest.raises(Invalid) as refused:
        obeyed()
    assert refused.value.says


def test_every_order_does_what_it_says(at: AtTheDesk) -> None:
    box = {"x": 10, "y": 10, "w": 30, "h": 40}
    answer = at.send(
        {"op": "keyframe", "track": "f1", "at_us": 1_000_000, **box},
        {"op": "split", "track": "f1", "at_us": 1_000_000},
        {"op": "person", "track": "f1", "person": "driver"},
        {"op": "exempt", "track": "f1", "exemption": "b(6)"},
        {"op": "mask", "track": "f1", "mask": "blur"},
        {"op": "extend", "track": "f1", "ends_us": 900_000},
        {"op": "add", "kind": "screen", "at_us": 200_000, **box},
        {"op": "mute", "begins_us": 1000, "ends_us": 400_000, "words": "five five five"},
        {"op": "suspect_hide", "suspect": "s1"},
        base=1,
    ).json()
    plan = answer["plan"]
    tracks = {track["id"]: track for track in plan["tracks"]}
    assert (tracks["f1"]["person"], tracks["f1"]["exemption"], tracks["f1"]["mask"], tracks["f1"]["ends_us"]) == ("driver", "b(6)", "blur", 900_000)  # fmt: skip
    assert len(tracks) == 5
    assert {"screen", "face"} == {track["kind"] for track in plan["tracks"]}
    assert plan["suspects"][0]["looked"] == "tracked"
    assert plan["sound"][0]["state"] == "accepted"
    again = at.send({"op": "merge", "track": "f1", "other": "f2"}, {"op": "unmute", "sound": plan["sound"][0]["id"]}, base=2).json()  # fmt: skip
    assert again["plan"]["sound"][0]["state"] == "rejected"
    assert len(again["plan"]["tracks"]) == 4


def test_undo_takes_ones_own_edits_back_one_after_the_other(at: AtTheDesk) -> None:
    first = at.person.get(at.url + "/plan.json").json()["plan"]
    at.send({"op": "accept", "track": "f1"}, base=1)
    middle = at.person.get(at.url + "/plan.json").json()["plan"]
    at.send({"op": "accept", "track": "f2"}, base=2)
    assert at.send({"op": "undo"}, base=3).json()["plan"] == middle
    assert at.send({"op": "undo"}, base=4).json()["plan"] == first
    assert at.send({"op": "undo"}, base=5).status_code == 409


def test_nobody_takes_back_what_somebody_else_did(s: Staffed, at: AtTheDesk) -> None:
    other = AtTheDesk(s, at.url.removeprefix("/redactions/"), "Records 8")
    at.send({"op": "accept", "track": "f1"}, base=1)
    assert other.send({"op": "undo"}, base=2).status_code == 409


def test_a_plan_with_something_left_cannot_be_accepted(at: AtTheDesk) -> None:
    at.send({"op": "accept", "track": "f1"}, base=1)
    assert at.post("accept", revision=2).status_code == 409


def test_two_different_people_accept_a_plan_and_both_stand_in_the_log(
    s: Staffed, at: AtTheDesk, recording: Recording
) -> None:
    revision = decide_all(at)
    assert at.post("accept", revision=revision).status_code == 303
    refused = at.post("second")
    assert refused.status_code == 403
    assert "somebody else reads it" in refused.text
    assert at.send({"op": "reopen", "track": "f1"}, base=revision + 1).status_code == 409
    other = AtTheDesk(s, at.url.removeprefix("/redactions/"), "Records 8")
    assert (
        other.person.get("/redactions.json").json()["headline"]
        == "0 redactions to decide, 1 second reading for you"
    )
    assert other.post("second").status_code == 303
    page = other.person.get(at.url + ".json").json()
    assert (page["state"], page["accepted_by"], page["second_by"]) == (
        "second_read",
        "Records 7",
        "Records 8",
    )
    with s.archive.db.tx(s.house.scope("cbp")) as conn:
        acts = [act.act for act in log.history(conn, f"recording:{recording.id}")]
    assert [a for a in acts if a.startswith("redaction")] == ["redaction_begun", "redaction_accepted", "redaction_second_read"]  # fmt: skip


def test_a_second_reader_may_give_the_plan_back_with_a_reason(s: Staffed, at: AtTheDesk) -> None:
    at.post("accept", revision=decide_all(at))
    other = AtTheDesk(s, at.url.removeprefix("/redactions/"), "Records 8")
    assert other.post("back", reason="  ").status_code == 422
    assert other.post("back", reason="The plate at 00:01 can be read.").status_code == 303
    page = at.person.get(at.url + ".json").json()
    assert page["state"] == "open"
    assert "The plate at 00:01" in at.person.get(at.url).text


def test_what_was_watched_counts_once_however_often_it_was_played(at: AtTheDesk) -> None:
    def watched(*spans: tuple[int, int]) -> str:
        said = {"spans": [{"begins_us": b, "ends_us": e} for b, e in spans]}
        answer = at.person.post(f"{at.url}/watched", json=said, headers={"x-form-token": at.token})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["says"])

    length = at.person.get(at.url + ".json").json()["desk"]["state"]["length_us"]
    half = length // 2
    assert watched((0, half)) == "50 % watched"
    assert watched((0, half), (half // 2, half)) == "50 % watched"
    assert watched((half, 10 * length)) == "100 % watched"


def test_another_agency_finds_no_redaction(s: Staffed, at: AtTheDesk) -> None:
    stranger = AtTheDesk(s, at.url.removeprefix("/redactions/"), "Records 9", ("ice",))
    assert stranger.person.get(at.url).status_code == 404
    assert stranger.person.get(at.url + "/plan.json").status_code == 404
    assert stranger.send({"op": "accept", "track": "f1"}, base=1).status_code == 404
    assert stranger.post("accept", revision=1).status_code == 404
    assert stranger.person.get("/redactions.json").json()["waiting"] == []


def test_a_clip_has_one_redaction_at_a_time(at: AtTheDesk, s: Staffed, recording: Recording) -> None:
    with s.archive.db.tx(s.house.scope("cbp")) as conn:
        original = footage.originals(conn, recording.id)[0]
    fields = {"form_token": at.token, "original": original.id}
    assert at.person.post(f"/recordings/{recording.number}/redactions", data=fields).status_code == 409


def test_what_is_said_in_a_plan_is_sealed_in_the_database(s: Staffed, at: AtTheDesk) -> None:
    at.send({"op": "mute", "begins_us": 0, "ends_us": 9, "words": "a very private word"}, base=1)
    with s.archive.db.tx(s.house.scope("cbp")) as conn:
        plans = [bytes(row["plan"]) for row in conn.execute("SELECT plan FROM redaction_plan")]
    assert len(plans) == 2
    for plan in plans:
        assert b"private" not in plan
        with pytest.raises(zlib.error):
            zlib.decompress(plan)


def test_the_worker_proposes_a_plan_and_opens_it(s: Staffed, recording: Recording) -> None:
    with s.archive.db.tx(s.house.scope("cbp")) as conn:
        original = footage.originals(conn, recording.id)[0]
    made = desk.begin(s.archive, s.house.scope("cbp", "account:asks"), original.id)
    worker = Archive(s.house.db("worker"), s.house.stores, s.house.keys("worker"))
    known = jobs(worker)
    known[desk.PROPOSE](redaction=made)
    known[desk.PROPOSE](redaction=made)  # done twice, kept once
    there, plan = desk.read(s.archive, s.house.scope("cbp"), made)
    assert (there.state, there.revision) == ("open", 1)
    assert plan is not None
    assert plan.source.number == recording.number
    assert [track.kind for track in plan.tracks if track.kind == "face"], "there is a face in this clip"
