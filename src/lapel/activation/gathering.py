"""What does a run know? The rows of one agency's month as columns, the digest of each input, and what is doubtful about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from lapel.activation import store_runs, store_watch
from lapel.activation.camera_facts import DAY_0, equipped, in_plan, offices_on, trained_on
from lapel.activation.event import DAY_ONLY
from lapel.activation.happening import Books, happened
from lapel.activation.instants import days_of, to_datetime
from lapel.activation.match import Codes, Ints, Spans
from lapel.activation.partition import Excuse, Month
from lapel.base.errors import NotFound
from lapel.fleet import store as fleet
from lapel.fleet.calendar import Assignment, clashes
from lapel.policy import store as policy
from lapel.policy.record import texts_of
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True)
class Gathered:
    """A month, and what it rests on. `inputs`: name -> SHA-256; `directives`: (policy, version, SHA-256); `longest_us`: the
    longest event, so that what was found about all of them can be found again."""

    month: Month
    inputs: dict[str, str]
    directives: list[list[str]]
    notes: list[str] = field(default_factory=list)
    longest_us: int = 0


def gather(
    conn: Connection,
    agency: str,
    zone: ZoneInfo,
    since: datetime,
    until: datetime,
    officer: str | None = None,
) -> Gathered | None:
    """Everything about the events that begin in [since, until); None where there are none.

    Raises `NotFound` before the department has adopted a policy.
    """
    library = policy.library(conn)
    parts = store_runs.parts(conn, agency, since, until, officer)
    if not parts.num_rows:
        return None
    begins, ends, which, part = _events(parts)
    last = max(until, to_datetime(int(ends.max())))
    clips = store_runs.clips(conn, agency, since, last)
    calendar = fleet.assignments(conn, agency, since, last)
    officers = _codes(parts)
    lane = coded(parts["officer"], officers)
    days = days_of(begins, zone)
    notes: list[str] = []
    seen = _spans(clips, officers, calendar, notes)
    excuses = store_watch.granted(conn, agency, since, last)
    trained, planned = roster.trained(conn, agency), fleet.planned(conn, agency)
    memberships = roster.memberships(conn, agency)
    home = {one.id: one.office for one in roster.officers(conn, agency) if one.office}
    offices, office = offices_on(memberships, home, lane, days[part], list(officers))
    camera = (
        in_plan(planned, offices, office, days[part]) * 9
        + equipped(calendar, officers, lane, begins[part], ends[part], seen) * 3
        + trained_on(trained, officers, lane, days[part])
    ).astype(np.int32)
    stories = store_runs.stories(conn, agency, sorted(set(parts["story"].unique().to_pylist())))
    code = {name: i for i, name in enumerate(stories)}
    story = coded(parts["story"].take(_array(which)), code)
    columns, reasons = happened(
        begin=begins, end=ends, days=days, story=story, stories=list(stories.values()), part=part, camera=camera,
        books=Books(library, agency),
    )  # fmt: skip
    flags = parts["flags"].take(_array(which)).to_pylist()
    month = Month(
        columns, reasons, list(stories.values()), story,
        np.array([DAY_ONLY not in (one or "").split("|") for one in flags], np.bool_),
        parts["event"].to_pylist(), parts["badge"].to_pylist(), lane, list(officers), office, offices, seen,
        [Excuse(one.id, one.officer, one.duty, one.begins_at, one.ends_at) for one in excuses],
    )  # fmt: skip
    inputs = {
        "events": digest_of(parts), "stories": _digest([[k, s.to_json()] for k, s in sorted(stories.items())]),
        "clips": digest_of(clips),
        "calendar": _digest([[a.camera, a.officer, a.begins_at, a.ends_at] for a in calendar]),
        "training": _digest(sorted([who, *span] for who, spans in trained.items() for span in spans)),
        "plan": _digest(sorted([where, *span] for where, spans in planned.items() for span in spans)),
        "offices": _digest([*([m.officer, m.office, m.from_on, m.until_on] for m in memberships), sorted(home.items())]),
        "exceptions": _digest([[one.id, one.officer, one.duty, one.begins_at, one.ends_at] for one in excuses]),
    }  # fmt: skip
    _doubts(notes, parts, calendar, trained, planned, clips)
    texts = _directives(conn, agency, days)
    return Gathered(month, inputs, texts, notes, int((ends - begins).max()))


def _events(parts: pa.Table) -> tuple[Ints, Ints, Ints, Codes]:
    """Begin and end of each event, the first row of each, and for each row its event."""
    event = parts["event"].combine_chunks()
    first = np.ones(len(event), np.bool_)
    if len(event) > 1:
        import pyarrow.compute as pc

        first[1:] = pc.not_equal(event[1:], event[:-1]).to_numpy(zero_copy_only=False)
    which = np.flatnonzero(first)
    part = (np.cumsum(first) - 1).astype(np.int32)
    begin, end = (parts[name].to_numpy().astype(np.int64) for name in ("begin", "ended"))
    return begin[which], end[which], which, part


def _codes(parts: pa.Table) -> dict[str, int]:
    """A whole number for every officer who took part; nobody else matters."""
    there = {one for one in parts["officer"].unique().to_pylist() if one}
    return {officer: i for i, officer in enumerate(sorted(there))}


def coded(column: pa.ChunkedArray, codes: Mapping[str, int]) -> Codes:
    """The code of each text; -1 for what has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not codes:
        return np.full(len(column), -1, np.int32)
    found = pc.index_in(column, value_set=pa.array(list(codes), pa.string()))
    place = pc.fill_null(found, -1).to_numpy()
    return np.asarray(np.append(np.array(list(codes.values()), np.int32), -1)[place], np.int32)


def _array(rows: Ints) -> pa.Array:
    import pyarrow as pa

    return pa.array(rows)


def _spans(
    clips: pa.Table, officers: Mapping[str, int], calendar: Sequence[Assignment], notes: list[str]
) -> Spans:
    """The clips of those who took part. A clip without a wearer is whose the calendar alone says the camera was."""
    wearer = coded(clips["wearer"], officers)
    begin, end = (clips[name].to_numpy().astype(np.int64) for name in ("begin", "ended"))
    unsaid = np.flatnonzero(clips["wearer"].is_null().to_numpy())
    if len(unsaid):
        by_camera: dict[str, list[Assignment]] = {}
        for span in calendar:
            by_camera.setdefault(span.camera, []).append(span)
        cameras, resolved = clips["camera"].to_pylist(), 0
        for row in unsaid.tolist():
            at = to_datetime(int(begin[row]))
            had = {one.officer for one in by_camera.get(cameras[row] or "", ()) if one.holds_at(at)}
            if len(had) == 1:
                wearer[row] = officers.get(had.pop(), -1)
                resolved += 1
        left = len(unsaid) - resolved
        notes += [f"{resolved:,} clips name no wearer; the calendar says whose camera it was."] * bool(
            resolved
        )
        notes += [
            f"{left:,} clips have no known wearer and count for nobody; they are on the list to resolve."
        ] * bool(left)
    mine = (wearer >= 0) & (end > begin)
    return Spans(wearer[mine], begin[mine], end[mine])


def _directives(conn: Connection, agency: str, days: Ints) -> list[list[str]]:
    """The texts in force on any of the days."""
    there = policy.record(conn)
    bounds = there.directives.boundaries(agency)
    first, last = (date.fromordinal(DAY_0 + int(d)) for d in (days.min(), days.max()))
    found: dict[tuple[str, date, str], None] = {}
    for on in sorted({first, *(b for b in bounds if first < b <= last)}):
        try:
            found.update(dict.fromkeys(texts_of(there, agency, on)))
        except NotFound:
            continue
    return [[name, version.isoformat(), digest] for name, version, digest in sorted(found)]


def _doubts(
    notes: list[str],
    parts: pa.Table,
    calendar: Sequence[Assignment],
    trained: Any,
    planned: Any,
    clips: pa.Table,
) -> None:
    """What a reader of the figures has to know."""
    unknown = sorted(set(parts.filter(parts["officer"].is_null())["badge"].unique().to_pylist()))
    if unknown:
        listed = ", ".join(unknown[:10]) + (" …" if len(unknown) > 10 else "")
        notes.append(
            f"The roster does not know {len(unknown):,} badges: {listed}. Their duties are undetermined."
        )
    notes += ["The calendar is empty: whether somebody had a camera is unknown, unless footage shows it."] * (
        not calendar
    )
    notes += ["No training is entered: whether somebody was trained is unknown."] * (not trained)
    notes += ["No deployment plan is adopted, so no duty lies in one."] * (not planned)
    both = clashes(calendar)
    for kind in ("camera on two wearers", "wearer with two cameras"):
        count = sum(clash.kind == kind for clash in both)
        notes += [f"{count:,} times the calendar has a {kind} at once; they are to be resolved."] * bool(
            count
        )
    waiting = sum(state == "waiting" for state in clips["state"].to_pylist()) if clips.num_rows else 0
    notes += [f"{waiting:,} clips are not inspected yet; they last as long as the camera said."] * bool(
        waiting
    )


def digest_of(rows: pa.Table) -> str:
    """The SHA-256 of a table's rows in their order, as CSV: docs/formats/activation-run.md."""
    import pyarrow as pa
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(rows, sink, csv.WriteOptions(include_header=True, quoting_style="needed"))
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _digest(said: Any) -> str:
    return hashlib.sha256(
        json.dumps(said, default=_text, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not kept in a digest")


def months(first: date, after: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The partitions of the days [first, after): one for each calendar month of the zone, as instants."""
    days = [first]
    while days[-1] < after:
        nearest = (days[-1].replace(day=1) + timedelta(days=32)).replace(day=1)
        days.append(min(nearest, after))
    midnights = [datetime(d.year, d.month, d.day, tzinfo=zone) for d in days]
    return list(pairwise(at.astimezone(UTC) for at in midnights))
