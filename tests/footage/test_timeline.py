"""How do several clips become one line of time?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lapel.footage.model import Bookmark, Original
from lapel.footage.timeline import SHORTEST_GAP_S, Line, duration_s, lay_out

BEGAN = datetime(2026, 11, 20, 14, 3, 5, tzinfo=UTC)


def clip(n: int, start_s: float | None, length_s: float | None) -> Original:
    started_at = BEGAN + timedelta(seconds=start_s) if start_s is not None else None
    return Original(
        id=f"{n:032x}", agency="cbp", recording="0" * 32, kind="clip", name=f"{n}.mp4", object="0" * 32, size_bytes=1, sha256="0" * 64,
        object_key=b"", started_at=started_at, ended_at=None, facts={}, flags=[], beside=False, received_at=BEGAN, entry="0" * 32,
        state="inspected", reason="", inspection={"duration_ms": round(length_s * 1000)} if length_s else None, media_root=None,
        inspected_at=None,
    )  # fmt: skip


def bookmark(at_s: float | None, until_s: float | None = None) -> Bookmark:
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else BEGAN + timedelta(seconds=seconds)

    return Bookmark("b" * 32, "cbp", "0" * 32, None, at(at_s), at(until_s), "", None, {}, "account:x", BEGAN)


def shape(line: Line) -> list[tuple[str, float, float]]:
    return [(s.kind, s.start_s, s.end_s) for s in line.stretches]


def test_clips_stand_where_their_clock_says_with_gaps_between() -> None:
    line = lay_out([clip(1, 0, 10), clip(2, 15, 5)], [])
    assert shape(line) == [("clip", 0, 10), ("gap", 10, 15), ("clip", 15, 20)]
    assert line.length_s == 20
    assert line.begins_at == BEGAN


def test_a_pause_shorter_than_a_second_is_no_gap() -> None:
    assert shape(lay_out([clip(1, 0, 10), clip(2, 10.4, 5)], [])) == [("clip", 0, 10), ("clip", 10, 15)]


def test_clips_without_a_start_are_laid_end_to_end() -> None:
    line = lay_out([clip(1, 0, 10), clip(2, None, 5)], [bookmark(3)])
    assert shape(line) == [("clip", 0, 10), ("clip", 10, 15)]
    assert line.begins_at is None
    assert line.marks == ()


def test_a_clock_that_jumped_by_days_does_not_stretch_the_line() -> None:
    line = lay_out([clip(1, 0, 10), clip(2, 86_400 * 400, 5)], [])
    assert line.length_s == 15
    assert line.begins_at is None


def test_no_clip_is_an_empty_line() -> None:
    assert lay_out([], [bookmark(0)]) == Line(0.0, None, (), ())


def test_bookmarks_outside_the_line_or_of_the_whole_have_no_place() -> None:
    line = lay_out(
        [clip(1, 0, 10)], [bookmark(4, 6), bookmark(-1), bookmark(11), bookmark(None), bookmark(9, 99)]
    )
    assert [(m.start_s, m.end_s) for m in line.marks] == [(4, 6), (9, 10)]


def test_a_bookmark_on_a_clip_of_unknown_length_has_its_place() -> None:
    assert [m.start_s for m in lay_out([clip(1, 0, None)], [bookmark(2.5)]).marks] == [2.5]


def test_what_was_measured_counts_more_than_what_was_said() -> None:
    said = clip(1, 0, None)
    assert duration_s(said) is None
    assert duration_s(clip(1, 0, 4)) == 4


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(0, 5000)), st.one_of(st.none(), st.floats(0.01, 600))),
        max_size=8,
    )
)
def test_the_line_is_whole_in_order_and_never_overlaps(
    given_clips: list[tuple[float | None, float | None]],
) -> None:
    clips = sorted((clip(n, *one) for n, one in enumerate(given_clips)), key=lambda c: c.started_at or BEGAN)
    line = lay_out(clips, [])
    at = 0.0
    for stretch in line.stretches:
        assert stretch.start_s == at
        assert stretch.end_s >= stretch.start_s
        at = stretch.end_s
    assert at == line.length_s
    assert [s.original for s in line.stretches if s.kind == "clip"] == [c.id for c in clips]
    assert all(gap.length_s >= SHORTEST_GAP_S for gap in line.gaps)
