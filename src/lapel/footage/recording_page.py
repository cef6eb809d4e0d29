"""What does the page of one recording show? Reads everything about it in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lapel.access import store as access
from lapel.base.errors import LapelError, NotFound
from lapel.cases import store as cases
from lapel.fleet import store as fleet
from lapel.fleet.model import Camera
from lapel.footage import guests, history, play, shown, store, timeline, words
from lapel.footage.model import Bookmark, Original, Recording
from lapel.footage.shown_list import Choice
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

MAX_POINTS = 20_000


@dataclass(frozen=True, slots=True)
class _Read:
    """What one transaction read."""

    recording: Recording
    clips: list[Original]
    others: list[Original]
    bookmarks: list[Bookmark]
    thumbnails: list[dict[str, Any]]
    trails: list[dict[str, Any]]
    camera: Camera | None
    wearer: tuple[str, bool]
    office: str | None
    agency: access.Agency
    category: str | None
    suggested: str | None
    choices: list[Choice]
    lines: list[history.Line]
    made_by: Mapping[str, str]
    cases: list[shown.CaseLink]
    shared: shown.SharedShown | None = None
    camera_shown: shown.CameraShown | None = None


def build(archive: Archive, scope: Scope, number: str) -> shown.RecordingShown:
    """The page of the recording with this number. Raises `NotFound`."""
    with archive.db.tx(scope) as conn:
        read = _read(conn, scope, number)
    line = timeline.lay_out(read.clips, read.bookmarks)
    recording = read.recording
    base = f"/recordings/{recording.number}"
    originals = [*read.clips, *read.others]
    return shown.RecordingShown(
        number=recording.number,
        url=base,
        agency=recording.agency,
        agency_name=read.agency.name,
        zone=read.agency.zone,
        office=read.office,
        wearer=read.wearer[0],
        wearer_known=read.wearer[1],
        camera=read.camera_shown or _camera(read.camera),
        clock=_clock(originals, read.camera),
        source=recording.source,
        state=recording.state,
        started_at=recording.started_at,
        ended_at=recording.ended_at,
        announced_at=recording.announced_at,
        completed_at=recording.completed_at,
        duration_s=sum(timeline.duration_s(clip) or 0 for clip in read.clips),
        size_bytes=sum(original.size_bytes for original in originals),
        line_begins_at=line.begins_at,
        stretches=[
            shown.StretchShown(kind=s.kind, start_s=s.start_s, end_s=s.end_s, original=s.original)
            for s in line.stretches
        ],
        clips=[clip(base, original) for original in read.clips],
        others=[clip(base, original) for original in read.others],
        thumbnails=[_thumbnail(base, row, line) for row in read.thumbnails],
        bookmarks=_bookmarks(read, line),
        trail=_trail(archive, recording, read.trails, line),
        flags=[shown.FlagShown(flag=flag, says=words.flag(flag)) for flag in recording.flags],
        facts=dict(recording.facts),
        category=read.category,
        category_by=read.made_by.get(recording.category_by or ""),
        suggested_category=read.suggested,
        categories=read.choices,
        note=recording.note,
        history=[act(base, one) for one in read.lines],
        cases=read.cases,
        shared=read.shared,
        restricted=recording.restricted,
    )


def _read(conn: Connection, scope: Scope, number: str) -> _Read:
    recording = store.recording_by_number(conn, number)
    if guests.is_guest(scope, recording):
        return _read_as_guest(conn, recording)
    originals = store.originals(conn, recording.id)
    officer = roster.officer(conn, recording.wearer) if recording.wearer else None
    agency = next(a for a in access.agencies(conn) if a.id == recording.agency)
    rows = conn.execute(
        "SELECT id, name, active FROM category WHERE agency = %s ORDER BY name", (recording.agency,)
    ).fetchall()
    names = {row["id"]: row["name"] for row in rows}
    lines = history.lines(conn, recording)
    bookmarks = store.bookmarks(conn, recording.id)
    people = [b.made_by for b in bookmarks] + ([recording.category_by] if recording.category_by else [])
    return _Read(
        recording=recording,
        clips=[o for o in originals if o.kind == "clip" and not o.beside],
        others=[o for o in originals if o.kind != "clip" or o.beside],
        bookmarks=bookmarks,
        thumbnails=play.derived(conn, recording.id, "thumbnail"),
        trails=play.derived(conn, recording.id, "trail"),
        camera=fleet.camera(conn, recording.camera) if recording.camera else None,
        wearer=(officer.label, bool(officer.badge)) if officer else ("Unknown wearer", False),
        office=next((o.name for o in roster.offices(conn) if o.id == recording.office), None),
        agency=agency,
        category=names.get(recording.category or ""),
        suggested=names.get(recording.suggested_category or ""),
        choices=[Choice(value=row["id"], label=row["name"]) for row in rows if row["active"]],
        lines=lines,
        made_by=history.actor_names(conn, people),
        cases=_cases(conn, recording),
    )


def _cases(conn: Connection, recording: Recording) -> list[shown.CaseLink]:
    return [
        shown.CaseLink(number=c.number, title=c.title, agency=c.agency, url=c.url)
        for c in cases.cases_of(conn, recording.id)
    ]


def _read_as_guest(conn: Connection, recording: Recording) -> _Read:
    """What a share shows: the footage and what it is, not who did what with it, nor whom else it concerns."""
    originals = store.originals(conn, recording.id)
    facts = cases.shared_facts(conn, [recording.id]).get(recording.id, {})
    covering = cases.covering(conn, recording.id)
    if not covering:
        raise NotFound(f"{recording.number} is not shared with your agency any more.")
    share = cases.share(conn, covering[0].share)
    badge = facts.get("badge")
    serial = facts.get("serial")
    return _Read(
        recording=replace(recording, note=""),
        clips=[o for o in originals if o.kind == "clip" and not o.beside],
        others=[o for o in originals if o.kind != "clip" or o.beside],
        bookmarks=store.bookmarks(conn, recording.id),
        thumbnails=play.derived(conn, recording.id, "thumbnail"),
        trails=play.derived(conn, recording.id, "trail"),
        camera=None,
        wearer=(f"Officer {badge}" if badge else "Unknown wearer", bool(badge)),
        office=facts.get("office"),
        agency=next(a for a in access.agencies(conn) if a.id == recording.agency),
        category=facts.get("category"),
        suggested=None,
        choices=[],
        lines=[],
        made_by={},
        cases=_cases(conn, recording),
        shared=shown.SharedShown(
            url=f"/shares/{share.id}",
            by=share.agency,
            to=share.to_agency,
            acts=list(share.acts),
            purpose=share.purpose,
            until=covering[0].ends_at,
        ),
        camera_shown=shown.CameraShown(
            serial=serial, maker=facts["maker"], model=facts["model"], firmware=None, known=True
        )
        if serial
        else None,
    )


def clip(base: str, original: Original) -> shown.ClipShown:
    """An original as pages show it."""
    kind = play.media_type(original)
    video = next(
        (
            t
            for t in (original.inspection or {}).get("tracks", ())
            if t.get("kind") == "video" and t.get("rate")
        ),
        None,
    )
    rate = video["rate"] if video else None
    playable = kind != play.OCTETS and original.state in ("waiting", "inspected") and original.size_bytes > 0
    return shown.ClipShown(
        id=original.id,
        name=original.name,
        kind=original.kind,
        state=original.state,
        says=words.STATES[original.state],
        reason=original.reason,
        beside=original.beside,
        started_at=original.started_at,
        ended_at=original.ended_at,
        duration_s=timeline.duration_s(original) if original.kind == "clip" else None,
        size_bytes=original.size_bytes,
        sha256=original.sha256,
        media_root=original.media_root,
        tracks=words.tracks(original.inspection),
        frame_rate=rate[0] / rate[1] if rate and rate[1] else None,
        signed=words.signed(original.inspection)
        if original.kind == "clip" and original.state == "inspected"
        else "",
        flags=[shown.FlagShown(flag=flag, says=words.flag(flag)) for flag in original.flags],
        received_at=original.received_at,
        inspected_at=original.inspected_at,
        media_type=kind,
        play_url=f"{base}/originals/{original.id}/play" if playable else None,
        download_url=f"{base}/originals/{original.id}/download",
    )


def _camera(camera: Camera | None) -> shown.CameraShown | None:
    if camera is None:
        return None
    return shown.CameraShown(
        serial=camera.serial,
        maker=camera.maker,
        model=camera.model,
        firmware=camera.firmware,
        known=camera.known,
    )


def _clock(originals: Sequence[Original], camera: Camera | None) -> str:
    """The recording's own satellite fix says more of its time than what was last seen of the camera."""
    offs = ((original.inspection or {}).get("clock_off_s") for original in originals)
    measured = next((off for off in offs if isinstance(off, int)), None)
    if measured is not None:
        return words.clock(measured, "by a satellite fix in this recording")
    return words.clock(camera.clock_off_s if camera else None, "when it was last compared")


def _thumbnail(base: str, row: Mapping[str, Any], line: timeline.Line) -> shown.ThumbnailShown:
    facts = row["facts"]
    start_s = next((s.start_s for s in line.stretches if s.original == row["original"]), 0.0)
    return shown.ThumbnailShown(
        url=f"{base}/thumbnails/{row['id']}",
        at_s=start_s + int(facts.get("at_ms", 0)) / 1000,
        width_px=int(facts.get("width_px", 320)),
        height_px=int(facts.get("height_px", 180)),
    )


def _bookmarks(read: _Read, line: timeline.Line) -> list[shown.BookmarkShown]:
    places = {mark.bookmark: mark for mark in line.marks}
    return [
        shown.BookmarkShown(
            id=b.id,
            at=b.at,
            at_s=places[b.id].start_s if b.id in places else None,
            until_s=places[b.id].end_s if b.id in places else None,
            words=b.words,
            made_by=read.made_by.get(b.made_by) or ("its agency" if read.shared else b.made_by),
            made_at=b.made_at,
        )
        for b in read.bookmarks
    ]


def act(base: str, one: history.Line) -> shown.ActShown:
    """One act of the history as pages show it."""
    return shown.ActShown(
        entry=one.entry,
        at=one.at,
        who=one.who,
        says=one.says,
        more=one.more,
        act=one.act,
        index=one.index,
        published=one.published,
        proof_url=f"{base}/history/{one.entry}",
    )


def _trail(
    archive: Archive, recording: Recording, rows: Sequence[dict[str, Any]], line: timeline.Line
) -> list[shown.PointShown]:
    """The points of every trail, by time. A trail that does not open must not hide the recording: fsck reports it."""
    points: list[shown.PointShown] = []
    # Trails count from the recording's start, which may be before the first clip's.
    late_s = 0.0
    if recording.started_at and line.begins_at:
        late_s = (line.begins_at - recording.started_at).total_seconds()
    for row in rows:
        try:
            content = json.loads(play.derived_bytes(archive, recording, row))
        except (LapelError, ValueError):
            continue
        points += [_point(p, late_s) for p in content.get("points", ())]
    points.sort(key=lambda p: p.at_s)
    step = -(-len(points) // MAX_POINTS) or 1
    return points[::step]


def _point(point: Mapping[str, Any], late_s: float) -> shown.PointShown:
    altitude = point.get("altitude_mm")
    return shown.PointShown(
        at_s=max(0.0, point["at_ms"] / 1000 - late_s),
        latitude=point["latitude_e7"] / 1e7,
        longitude=point["longitude_e7"] / 1e7,
        altitude_m=altitude / 1000 if altitude is not None else None,
        utc=point.get("utc"),
    )
