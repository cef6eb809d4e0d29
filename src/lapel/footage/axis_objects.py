"""What happens when a camera system sends an object, or says more of one? Files, bookmarks, people, cameras, systems.

Everything is durable when these functions return, and saying the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import acts, axis_said, axis_store, model, people, store
from lapel.footage.axis import Container, Metadata, Name, ObjectKind
from lapel.footage.axis_containers import Delivery
from lapel.footage.axis_store import ObjectRow
from lapel.footage.incoming import Stored
from lapel.footage.model import Kind, Original, Recording
from lapel.footage.receive import accept
from lapel.storage.postgres import Connection


def keep_file(
    by: Delivery,
    container: Container,
    recording: Recording,
    name: Name,
    kind: ObjectKind,
    metadata: Metadata,
    stored: Stored,
) -> Original:
    """Keep a file of a recording; durable on return."""
    as_kind: Kind = "other" if kind == "bookmark" else kind
    words = axis_said.said(name, as_kind, metadata, clock.now(), rejected=container.kind == "rejected")
    return accept(by.archive, by.scope, recording, stored, words)


def keep_bookmark(
    by: Delivery, recording: Recording, name: Name, metadata: Metadata, body: bytes | None
) -> None:
    """Keep a bookmark, or with `body` None what is said anew of it; its category becomes a suggestion for the recording."""
    marked = axis_said.bookmark(name, metadata, body)
    external = metadata.get("CategoryID")
    category = None
    if external:
        with by.archive.db.tx(by.scope) as conn:
            category = axis_store.category_called(conn, by.agency, external)
    marked["category"] = category
    acts.add_bookmark(by.archive, by.scope, recording, marked)
    if category is not None and recording.suggested_category != category:
        acts.suggest_category(by.archive, by.scope, recording.id, category)


def describe(
    by: Delivery, container: Container, recording: Recording, name: Name, metadata: Metadata
) -> None:
    """Take what is said anew of a file or bookmark in place of what was said before. Raises `NotFound`."""
    with by.archive.db.tx(by.scope) as conn:
        there = store.recording(conn, recording.id, lock=True)
        original = axis_store.original_named(conn, there.id, name.text)
        if original is not None:
            _redescribe(conn, by, container, there, original, name, metadata)
            return
        if not any(b.external_id == name.text for b in store.bookmarks(conn, there.id)):
            raise _no_object()
    keep_bookmark(by, recording, name, metadata, None)


def object_metadata(by: Delivery, recording: Recording, name: Name) -> tuple[Mapping[str, Any], int]:
    """What has been said of a file or bookmark, and its size in bytes. Raises `NotFound`."""
    with by.archive.db.tx(by.scope) as conn:
        original = axis_store.original_named(conn, recording.id, name.text)
        if original is not None:
            return original.facts, original.size_bytes
        marked = next((b for b in store.bookmarks(conn, recording.id) if b.external_id == name.text), None)
    if marked is None:
        raise _no_object()
    return {k: v for k, v in marked.facts.items() if isinstance(v, str)}, len(marked.words.encode())


def keep_told(by: Delivery, container: Container, name: Name, metadata: Metadata, body: bytes | None) -> None:
    """Keep what a camera system says of a user, a device or itself; `body` None only says it anew.

    Raises `NotFound` when something is said anew of what has not been sent.
    """
    with by.archive.db.tx(by.scope) as conn:
        people.take_turns(conn, f"{container.name}/{by.agency}/{name.text}")
        there = axis_store.object_named(conn, by.agency, container.name, name.text)
        if there is None and body is None:
            raise _no_object()
        values = {k: v for k, v in metadata.values.items() if v != ""}
        content = body if body is not None else bytes(there.body) if there else b""
        if there is not None and there.metadata == values and bytes(there.body) == content:
            return
        subject, writes = _person_or_camera(conn, by, container, name, metadata)
        row: dict[str, Any] = {
            "id": there.id if there else new_id(),
            "metadata": values,
            "body": content,
            "flags": sorted({*name.flags, *metadata.flags}),
            "changed_at": clock.now(),
        }
        if there is None:
            row |= {"agency": by.agency, "container": container.name, "name": name.text}
        entry = log.prepare(
            conn,
            actor=by.scope.actor,
            agency=by.agency,
            act="described" if there else "announced",
            subject=subject,
            detail=_told(container, name, values),
        )
        writes.append(Write("intake_object", row, change=there is not None))
        perform(conn, by.archive, entry, writes, agency=by.agency, under=Under())


def told(by: Delivery, container: Container, name: Name) -> ObjectRow:
    """What was said last of a user, a device or a system. Raises `NotFound`."""
    with by.archive.db.tx(by.scope) as conn:
        there = axis_store.object_named(conn, by.agency, container.name, name.text)
    if there is None:
        raise _no_object()
    return there


def category_names(by: Delivery) -> list[tuple[str, str]]:
    """Name and id of every category a wearer may choose."""
    with by.archive.db.tx(by.scope) as conn:
        return axis_store.categories(conn, by.agency)


def _person_or_camera(
    conn: Connection, by: Delivery, container: Container, name: Name, metadata: Metadata
) -> tuple[str, list[Write]]:
    active = (metadata.get("Active") or "true").lower() != "false"
    if container.kind == "users":
        officer, write = people.officer_told(
            conn,
            by.agency,
            name.text,
            name=metadata.get("Name"),
            badge=metadata.get("UserID"),
            active=active,
        )
        return f"officer:{officer}", [write]
    if container.kind == "devices":
        camera, write = people.camera_told(
            conn,
            by.agency,
            name.text,
            name=metadata.get("Name"),
            model=metadata.get("Model"),
            active=active,
        )
        return f"camera:{camera}", [write]
    return by.scope.actor, []


def _told(container: Container, name: Name, values: Mapping[str, str]) -> dict[str, Value]:
    return {"container": container.name, "name": name.text, "said": dict(values)}


def _redescribe(
    conn: Connection,
    by: Delivery,
    container: Container,
    there: Recording,
    original: Original,
    name: Name,
    metadata: Metadata,
) -> None:
    words = axis_said.said(name, original.kind, metadata, clock.now(), rejected=container.kind == "rejected")
    if words.facts == original.facts:
        return
    late = {model.LATE} if there.state == "complete" else set()
    # What the earlier words lacked, the new ones may have; every other mark is of the bytes and stays.
    kept = set(original.flags) - {model.NO_DURATION, model.CLOCK_OFF}
    change: dict[str, Any] = {
        "id": original.id,
        "facts": words.facts,
        "flags": sorted(kept | set(words.flags) | late),
        "started_at": words.started_at,
        "ended_at": words.ended_at,
    }
    entry = log.prepare(
        conn,
        actor=by.scope.actor,
        agency=by.agency,
        act="described",
        subject=f"recording:{there.id}",
        detail={"original": original.id, "name": name.text, "said": dict(words.facts)},
    )
    # Bytes that another recording holds already are described in the log only: they are that recording's.
    writes = [Write("original", change, change=True)] if original.recording == there.id else []
    perform(conn, by.archive, entry, writes, agency=by.agency, under=Under(there.id, there.wrapped_key))


def _no_object() -> NotFound:
    return NotFound("There is no such object in this container.", next_step="Send the object first.")
