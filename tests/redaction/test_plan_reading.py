"""Is a plan read strictly, and does every fault name its place?"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from test_plan_edits import plan_of, tracks

from lapel.base.errors import Invalid
from lapel.redaction.exemptions import CODES, EXEMPTIONS
from lapel.redaction.plan import Plan, Reviewed, Sound, Source, Suspect, check_picture, check_source
from lapel.redaction.plan_reading import as_json, digest, read_plan, written
from lapel.redaction.track import Keyframe, Track


def a_plan() -> Plan:
    keys = (Keyframe(0, 10, 20, 30, 40), Keyframe(500_000, 12, 20, 30, 40, hidden=True))
    return Plan(
        Source("ab" * 32, 1234, "AGENCY-2026-000001"),
        640,
        480,
        tracks=(Track("t1", "face", 0, 1_000_000, keys, state="accepted", by="B-1", exemption="b(6)"),),
        sound=(Sound("w1", "phone", 100, 200, "five five five", "b(7)(C)"),),
        suspects=(Suspect("s1", "weak", "face", 0, 100, 1, 2, 3, 4, 300),),
        detector={"name": "centerface", "threshold_milli": 500},
        reviewed=Reviewed("B-1", "2026-11-24T10:00:00Z", "B-2"),
    )


def changed(path: str, value: Any) -> str:
    """The plan's JSON with one member replaced: `tracks.0.kind`; `GONE` takes it away."""
    body = json.loads(written(a_plan()))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    at = body
    for step in way:
        at = at[step]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return json.dumps(body)


GONE = object()
BAD: list[tuple[str, Any, str]] = [
    ("v", 2, "version 2"),
    ("v", True, "version True"),
    ("width", 0, "width is 0"),
    ("width", "640", "width is not a whole number"),
    ("source", GONE, "lacks “source”"),
    ("source.sha256", "AB" * 32, "source.sha256"),
    ("extra", 1, "“extra”, which means nothing"),
    ("tracks", {}, "tracks is not a list"),
    ("tracks.0.kind", "nose", r"tracks\[0\].kind is 'nose'"),
    ("tracks.0.kind", ["face"], r"tracks\[0\].kind"),
    ("tracks.0.id", "a b", r"tracks\[0\].id"),
    ("tracks.0.ends_us", 0, r"tracks\[0\] ends"),
    ("tracks.0.grow_milli", 900, r"tracks\[0\].grow_milli is 900"),
    ("tracks.0.exemption", "b(99)", r"tracks\[0\].exemption: There is no exemption 'b\(99\)'"),
    ("tracks.0.exemption", "", r"tracks\[0\] is accepted without an exemption code"),
    ("tracks.0.by", "", r"tracks\[0\] is accepted, and nobody is named"),
    ("tracks.0.state", "rejected", r"tracks\[0\] is rejected without a reason"),
    ("tracks.0.keyframes", [], r"tracks\[0\].keyframes is empty"),
    ("tracks.0.keyframes.1.at_us", 0, r"tracks\[0\].keyframes\[1\].at_us is not later"),
    ("tracks.0.keyframes.0.x", 640, r"tracks\[0\].keyframes\[0\] lies outside the picture"),
    ("tracks.0.keyframes.0.y", -40, r"tracks\[0\].keyframes\[0\] lies outside the picture"),
    ("tracks.0.keyframes.0.w", 0, r"tracks\[0\].keyframes\[0\].w is 0"),
    ("tracks.0.keyframes.0.hidden", 1, r"tracks\[0\].keyframes\[0\].hidden"),
    ("tracks.0.keyframes.0", 3, r"tracks\[0\].keyframes\[0\] is not an object"),
    ("sound.0.kind", "song", r"sound\[0\].kind is 'song'"),
    ("sound.0.words", "a\u0007", r"sound\[0\].words"),
    ("suspects.0.looked", "maybe", r"suspects\[0\].looked"),
    ("suspects.0.x", 700, r"suspects\[0\] lies outside"),
    ("detector.name", ["x"], "detector.name"),
    ("reviewed.second", "B-1", "same person"),
    ("reviewed.at", "yesterday", "reviewed.at"),
]


@pytest.mark.parametrize(("path", "value", "says"), BAD, ids=[f"{p}-{n}" for n, (p, _, _) in enumerate(BAD)])
def test_a_fault_names_its_place(path: str, value: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_plan(changed(path, value))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"v":1,"v":1}', '{"v":1.0}', "[" * 100, b"\xff\xfe"], ids=repr
)
def test_what_is_no_plan_is_refused(text: str | bytes) -> None:
    with pytest.raises(Invalid):
        read_plan(text)


def test_two_tracks_with_one_id_are_refused() -> None:
    body = json.loads(written(a_plan()))
    body["tracks"] *= 2
    with pytest.raises(Invalid, match="tracks: the id t1 is there twice"):
        read_plan(json.dumps(body))


def test_what_is_written_reads_back_the_same() -> None:
    assert read_plan(written(a_plan())) == a_plan()
    assert "hidden" not in as_json(a_plan())["tracks"][0]["keyframes"][0]


@given(tracks())
@settings(max_examples=50)
def test_any_plan_survives_writing(track: Track) -> None:
    plan = plan_of(track)
    assert read_plan(written(plan)) == plan
    assert digest(read_plan(written(plan))) == digest(plan)


@pytest.mark.parametrize(
    "check",
    [lambda p: check_source(p, "cd" * 32, 1234), lambda p: check_source(p, "ab" * 32, 1), lambda p: check_picture(p, 641, 480)],
)  # fmt: skip
def test_a_plan_for_another_recording_is_refused(check: Callable[[Plan], None]) -> None:
    check_source(a_plan(), "ab" * 32, 1234)
    check_picture(a_plan(), 640, 480)
    with pytest.raises(Invalid, match="The plan is for"):
        check(a_plan())


def test_every_exemption_says_what_it_protects_and_where_it_stands() -> None:
    assert {"b(6)", "b(7)(C)"} <= CODES
    assert len(CODES) == len(EXEMPTIONS)
    assert all(one.protects and "U.S.C." in one.source for one in EXEMPTIONS)
