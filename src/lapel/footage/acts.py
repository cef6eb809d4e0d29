"""What may a person do to a recording? Categorise it, note something, say who wore the camera, mark a moment.

Each act is one transaction: the row, the custody entry with what was and what is, and the sidecar. The callers have
asked `access.permit` before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Invalid
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import model, store
from lapel.footage.model import Bookmark, Recording
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

MAX_WORDS = 4000
MAX_NAME = 100


def categorise(
    archive: Archive, scope: Scope, recording_ids: Sequence[str], category: str
) -> list[Recording]:
    """Give recordings a category, by a person's choice; all of them or, on any error, none. Raises `NotFound`."""
    with archive.db.tx(scope) as conn:
        name = _category_name(conn, category, recording_ids)
        return [
            _change(
                conn,
                archive,
                scope,
                recording_id,
                "categorised",
                {"category": category, "category_by": scope.actor},
                {"category": name},
            )
            for recording_id in recording_ids
        ]


def note(archive: Archive, scope: Scope, recording_id: str, words: str) -> Recording:
    """Write the note of a recording; the words before stay readable in the custody log. Raises `Invalid` beyond 4,000 characters."""
    if len(words) > MAX_WORDS:
        raise Invalid(
            f"A note may have {MAX_WORDS} characters; this one has {len(words)}.", next_step="Shorten it."
        )
    with archive.db.tx(scope) as conn:
        return _change(conn, archive, scope, recording_id, "noted", {"note": words}, {"note": words})


def correct_wearer(archive: Archive, scope: Scope, recording_id: str, badge: str, reason: str) -> Recording:
    """Say who wore the camera. Raises `Invalid` without a reason or for a badge number nobody has."""
    if not reason.strip():
        raise Invalid(
            "The wearer was not changed: no reason was given.", next_step="Say how you know who wore it."
        )
    with archive.db.tx(scope) as conn:
        there = store.recording(conn, recording_id, lock=True)
        officer = roster.officer_by_badge(conn, there.agency, badge)
        if officer is None:
            raise Invalid(
                f"No officer of {there.agency} has badge number {badge[:20]}.", next_step="Check the number."
            )
        flags = [flag for flag in there.flags if flag != model.WEARER_UNKNOWN]
        changes = {"wearer": officer.id, "office": officer.office, "flags": flags}
        detail: dict[str, Value] = {"wearer": officer.id, "reason": reason.strip()[:MAX_WORDS]}
        if there.wearer:
            detail["wearer_before"] = there.wearer
        return _change(conn, archive, scope, recording_id, "wearer_corrected", changes, detail)


def suggest_category(archive: Archive, scope: Scope, recording_id: str, category: str) -> Recording:
    """Suggest a category. It is shown as a suggestion and never takes the place of a person's choice."""
    with archive.db.tx(scope) as conn:
        name = _category_name(conn, category, [recording_id])
        return _change(
            conn,
            archive,
            scope,
            recording_id,
            "category_suggested",
            {"suggested_category": category},
            {"category": name},
        )


def add_category(
    archive: Archive, scope: Scope, agency: str, name: str, external_id: str | None = None
) -> str:
    """A category of this agency by its name, made when it is new; returns its id. Raises `Invalid` for an empty name."""
    if not name.strip() or len(name) > MAX_NAME:
        raise Invalid(f"A category has a name of 1 to {MAX_NAME} characters.")
    with archive.db.tx(scope) as conn:
        found = conn.execute(
            "SELECT id FROM category WHERE agency = %s AND name = %s", (agency, name)
        ).fetchone()
        if found:
            return str(found["id"])
        row = {"id": new_id(), "agency": agency, "name": name, "external_id": external_id}
        entry = log.prepare(
            conn,
            actor=scope.actor,
            agency=agency,
            act="category_added",
            subject=f"category:{row['id']}",
            detail={"name": name},
        )
        perform(conn, archive, entry, [Write("category", row)], agency=agency, under=Under())
        return str(row["id"])


def add_bookmark(archive: Archive, scope: Scope, recording: Recording, marked: Mapping[str, Any]) -> Bookmark:
    """Keep a bookmark: `at`, `until`, `words`, `category`, `facts`, `external_id`, all optional.

    The same `external_id` in the same recording is the same bookmark; its last words count, the earlier ones stay in the log.
    """
    with archive.db.tx(scope) as conn:
        there = store.recording(conn, recording.id, lock=True)
        known: dict[Any, Bookmark] = {
            b.external_id: b for b in store.bookmarks(conn, there.id) if b.external_id
        }
        same = known.get(marked.get("external_id"))
        row = {"id": same.id if same else new_id(), **marked}
        if not same:
            row |= {
                "agency": there.agency,
                "recording": there.id,
                "made_by": scope.actor,
                "made_at": clock.now(),
            }
        elif all(getattr(same, name) == value for name, value in marked.items()):
            return same
        detail: dict[str, Value] = {"bookmark": row["id"], "words": str(marked.get("words", ""))[:MAX_WORDS]}
        entry = log.prepare(
            conn,
            actor=scope.actor,
            agency=there.agency,
            act="bookmarked",
            subject=f"recording:{there.id}",
            detail=detail,
        )
        write = Write(
            "bookmark", {k: v for k, v in row.items() if not (same and k == "external_id")}, change=bool(same)
        )
        perform(conn, archive, entry, [write], agency=there.agency, under=Under(there.id, there.wrapped_key))
        return next(b for b in store.bookmarks(conn, there.id) if b.id == row["id"])


def _change(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    recording_id: str,
    act: str,
    changes: Mapping[str, Any],
    detail: Mapping[str, Value],
) -> Recording:
    there = store.recording(conn, recording_id, lock=True)
    entry = log.prepare(
        conn,
        actor=scope.actor,
        agency=there.agency,
        act=act,
        subject=f"recording:{there.id}",
        detail=dict(detail),
    )
    write = Write("recording", {"id": there.id, **changes}, change=True)
    perform(conn, archive, entry, [write], agency=there.agency, under=Under(there.id, there.wrapped_key))
    return store.recording(conn, recording_id)


def _category_name(conn: Connection, category: str, recording_ids: Sequence[str]) -> str:
    """The category's name. Raises `Invalid` when it is none, or another agency's than a recording's."""
    row = conn.execute("SELECT name, agency FROM category WHERE id = %s", (category,)).fetchone()
    if row is None:
        raise Invalid(f"There is no category {category[:40]}.", next_step="Choose one from the list.")
    for recording_id in recording_ids:
        there = store.recording(conn, recording_id)
        if there.agency != row["agency"]:
            raise Invalid(
                f"“{row['name']}” is not a category of {there.agency}, whose recording {there.number} is.",
                next_step="Choose a category of the recording's own agency.",
            )
    return str(row["name"])
