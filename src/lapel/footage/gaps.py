"""Which footage should exist and does not, whose is it to find, and since when?

Four lists in one: cameras that were in use and not docked, recordings announced and not delivered, numbers or time missing
between a camera's clips, and recordings whose wearer nobody knows. Each is found anew every time; it goes away when what
was missing comes, or by an act: somebody says what became of it, in a code and in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, Final, Literal, get_args

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import sequence, store, store_gaps
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

Kind = Literal["not_docked", "not_delivered", "sequence", "wearer"]
KINDS: Final[dict[Kind, str]] = {
    "not_docked": "Camera not docked",
    "not_delivered": "Announced, not delivered",
    "sequence": "Missing between clips",
    "wearer": "Wearer unknown",
}
Outcome = Literal[
    "lost_camera", "in_repair", "footage_lost", "never_recorded", "counter_restarted", "delivered_elsewhere", "cannot_be_known"
]  # fmt: skip
OUTCOMES: Final[dict[Outcome, str]] = {
    "lost_camera": "The camera is lost",
    "in_repair": "The camera is in repair",
    "footage_lost": "The footage is lost",
    "never_recorded": "Nothing was recorded there",
    "counter_restarted": "The camera's count was set anew",
    "delivered_elsewhere": "It was delivered in another place",
    "cannot_be_known": "It cannot be known any more",
}
assert tuple(OUTCOMES) == get_args(Outcome)
LOOK_BACK = timedelta(days=30)
CLIPS_BACK = timedelta(days=7)
MOST = 1000
MOST_CLIPS = 200_000
SHORTEST = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited before something counts as missing."""

    docked: timedelta = timedelta(hours=24)
    delivered: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that should be here. `name` is the same each time it is found; `owner` is who is asked about it."""

    name: str
    kind: Kind
    agency: str
    since: datetime
    says: str
    officer: str | None
    owner: str
    supervisor: str | None
    office_id: str | None
    office: str | None
    camera: str | None
    recording: str | None
    number: str | None

    @property
    def subject(self) -> str:
        """What the custody log calls the thing it is about."""
        return f"recording:{self.recording}" if self.recording else f"camera:{self.name.split('/')[1]}"


def gaps(conn: Connection, agency: str, *, now: datetime, patience: Patience) -> list[Gap]:
    """Everything of an agency that is missing and not dealt with, the oldest first."""
    closed = store_gaps.resolved(conn, agency)
    rows = [row for row in _found(conn, agency, now, patience) if row["name"] not in closed]
    people = store_gaps.officers(conn, sorted({row["officer"] for row in rows if row["officer"]}))
    offices = {office.id: office.name for office in roster.offices(conn)}
    led_by = roster.supervises(conn, agency, now.date())
    leaders = store_gaps.officers(conn, sorted({led_by[o] for o in people if o in led_by}))
    found = []
    for row in rows:
        officer = people.get(row["officer"] or "")
        leader = leaders.get(led_by.get(row["officer"] or "", ""))
        office_id = row["office"] or (officer or {}).get("office")
        office = offices.get(office_id or "")
        owner = _badge(officer) if officer else (office or "Evidence custodian")
        found.append(
            Gap(
                row["name"], row["kind"], agency, row["since"], row["says"], officer["id"] if officer else None, owner,
                _badge(leader) if leader else None, office_id, office, row.get("serial"), row.get("recording"), row.get("number"),
            )
        )  # fmt: skip
    return sorted(found, key=lambda gap: (gap.since, gap.name))


def resolve(
    archive: Archive, scope: Scope, agency: str, name: str, outcome: str, words: str, *, patience: Patience
) -> Gap:
    """Say what became of something that is missing. Raises `NotFound` when it is not missing (any more), `Invalid`."""
    words = words.replace("\0", "").strip()
    if outcome not in OUTCOMES:
        raise Invalid(f"“{outcome[:30]}” is no outcome.", next_step=f"One of: {', '.join(OUTCOMES)}.")
    if not words or len(words) > 4000:
        raise Invalid("Say in 1 to 4,000 characters how you know.", next_step="It stays in the custody log.")
    with archive.db.tx(scope) as conn:
        now = clock.now()
        gap = next((g for g in gaps(conn, agency, now=now, patience=patience) if g.name == name), None)
        if gap is None:
            raise NotFound(
                "That is not missing any more, or somebody has dealt with it.",
                next_step="Load the list again.",
            )
        detail: dict[str, Value] = {"gap": gap.kind, "outcome": outcome, "words": words, "found": gap.says}
        entry = log.prepare(
            conn,
            actor=scope.actor,
            agency=agency,
            act="gap_resolved",
            subject=gap.subject,
            detail=detail,
            at=now,
        )
        row = {
            "id": new_id(), "agency": agency, "name": gap.name, "kind": gap.kind, "outcome": outcome, "words": words,
            "done_by": scope.actor, "done_at": now, "entry": entry.id,
        }  # fmt: skip
        under = Under()
        if gap.recording:
            under = Under(gap.recording, store.recording(conn, gap.recording).wrapped_key)
        perform(conn, archive, entry, [Write("footage_gap", row)], agency=agency, under=under)
    return gap


def _found(conn: Connection, agency: str, now: datetime, patience: Patience) -> Iterable[dict[str, Any]]:
    since = now - LOOK_BACK
    for row in store_gaps.not_docked(conn, agency, late=now - patience.docked, since=since, limit=MOST):
        name = f"not_docked/{row['camera']}/{clock.stamp(row['since'])}"
        yield {
            **row,
            "kind": "not_docked",
            "name": name,
            "says": "It was in use, and has neither been docked nor delivered anything since.",
        }
    undelivered = now - patience.delivered
    for row in store_gaps.not_delivered(conn, agency, undelivered=undelivered, since=since, limit=MOST):
        empty = row["state"] == "complete"
        says = (
            "The delivery was said to be complete, and no clip came with it."
            if empty
            else "The camera announced it and has not delivered all of it."
        )
        yield {**row, "kind": "not_delivered", "name": f"not_delivered/{row['recording']}", "says": says}
    clips = store_gaps.clips(conn, agency, since=now - CLIPS_BACK, limit=MOST_CLIPS)
    for _, made in groupby(clips, key=lambda row: row["camera"]):
        yield from _between(list(made))
    for row in store_gaps.unknown_wearers(conn, agency, limit=MOST):
        says = "Nobody has said who wore the camera."
        if row["officer"]:
            says += " The calendar names one officer for that time; somebody has to confirm it."
        yield {**row, "kind": "wearer", "name": f"wearer/{row['recording']}", "says": says}


def _between(clips: Sequence[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """What is missing between the clips of one camera: numbers, or time inside one recording."""
    for lost in sequence.missing([row["name"] for row in clips]):
        row = clips[lost.at]
        many = "One clip is" if lost.count == 1 else f"{lost.count} clips are"
        says = f"{many} missing between {lost.before} and {lost.after}, by the camera's own count."
        yield {
            **row,
            "kind": "sequence",
            "name": f"sequence/{row['camera']}/{lost.after}"[:200],
            "since": row["at"],
            "says": says,
        }
    for a, b in pairwise(clips):
        if a["recording"] != b["recording"] or not (a["ended_at"] and b["started_at"]):
            continue
        hole = b["started_at"] - a["ended_at"]
        if hole >= SHORTEST:
            says = (
                f"Inside one recording, {hole.total_seconds():.0f} s lie between {a['name']} and {b['name']}."
            )
            name = f"sequence/{b['recording']}/{b['name']}"[:200]
            yield {**b, "kind": "sequence", "name": name, "since": a["ended_at"], "says": says}


def _badge(officer: dict[str, Any] | None) -> str:
    if officer is None:
        return ""
    return (
        f"Officer {officer['badge']}"
        if officer["badge"]
        else f"Unknown wearer {(officer['external_id'] or officer['id'])[:8]}"
    )
