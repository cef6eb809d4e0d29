"""What happens when a camera system makes a container, or says more of one? No HTTP here.

A container that is a recording's own *is* the recording: its name is the external id and its metadata the facts. One of
rejected content points to the recording it was meant for. Everything is durable when these functions return, and
saying the same again changes nothing, so a sender may repeat whatever was not acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lapel.base import clock
from lapel.base.errors import NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import axis_said, axis_store, model, people, store
from lapel.footage.announce import complete, open_recording, tell
from lapel.footage.axis import Container, Metadata, Name, read_recording_name
from lapel.footage.model import Recording
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

MAX_FACTS = 128 * 1024  # characters of a recording's facts, all that was ever said of it together


@dataclass(frozen=True, slots=True)
class Delivery:
    """Who delivers, into what: the archive, the scope of the site, and its agency."""

    archive: Archive
    scope: Scope
    agency: str


def put_container(by: Delivery, container: Container, metadata: Metadata) -> bool:
    """Make a container, or merge what is said of one that is there. Returns whether it was made."""
    if container.kind == "recording":
        there = _recording_named(by, container.name)
        _announce(by, container, metadata, there)
        return there is None
    with by.archive.db.tx(by.scope) as conn:
        row = axis_store.container(conn, by.agency, container.name)
    recording: Recording | None = None
    if container.kind == "rejected":
        if row is not None and row.recording is not None:
            recording = _recording(by, row.recording)
        else:
            meant = axis_said.recorded(container, metadata, clock.now()).external_id
            recording = _recording_named(by, meant)
        recording = _announce(by, container, metadata, recording)
    return _keep_container(by, container, metadata, recording)


def post_container(by: Delivery, container: Container, metadata: Metadata) -> None:
    """Merge what is said of a container. Raises `NotFound` when there is none."""
    need_container(by, container)
    put_container(by, container, metadata)


def need_container(by: Delivery, container: Container) -> Recording | None:
    """The recording whose files this container holds. Raises `NotFound`.

    None for people, cameras and systems: their containers are there from the beginning.
    """
    if container.kind == "recording":
        recording = _recording_named(by, container.name)
        if recording is None:
            raise _no_container()
        return recording
    if container.kind != "rejected":
        return None
    with by.archive.db.tx(by.scope) as conn:
        row = axis_store.container(conn, by.agency, container.name)
        if row is None or row.recording is None:
            raise _no_container()
        return store.recording(conn, row.recording)


def container_metadata(by: Delivery, container: Container) -> Mapping[str, Any]:
    """What has been said of a container. Raises `NotFound`."""
    recording = need_container(by, container)
    if container.kind == "recording" and recording is not None:
        return recording.facts
    with by.archive.db.tx(by.scope) as conn:
        row = axis_store.container(conn, by.agency, container.name)
    if row is None:
        raise _no_container()
    return row.metadata


def _announce(by: Delivery, container: Container, metadata: Metadata, there: Recording | None) -> Recording:
    """Open the recording, or tell what is new of it; complete it when that is said.

    The wearer is looked up only when another one is said than before: a person's correction stays.
    """
    earlier = there.facts if there else {}
    whole = axis_said.recorded(
        container, replace(metadata, values={**earlier, **metadata.values}), clock.now()
    )
    facts = axis_said.recorded(container, metadata, clock.now()).facts
    if there is not None and there.state == "complete":
        # A sender whose Complete was not answered begins anew with Transferring: what is complete stays so, and not late.
        facts = {k: v for k, v in facts.items() if k != "Status"}
    flags: list[str] = []
    if sum(len(k) + len(v) for k, v in whole.facts.items()) > MAX_FACTS:
        facts = {}
        flags.append(model.CUT)
    wearer = camera = None
    if there is None or whole.user != (earlier.get("UserID") or _named(there).user):
        if whole.user:
            wearer, known = people.wearer(by.archive, by.scope, by.agency, whole.user)
            flags += [] if known else [model.WEARER_UNKNOWN]
        else:
            flags.append(model.WEARER_UNKNOWN)
    if there is None or whole.serial != (earlier.get("BWCSerialNumber") or _named(there).camera):
        if whole.serial:
            camera, known = people.camera(
                by.archive, by.scope, by.agency, whole.serial, model=whole.model, firmware=whole.firmware
            )
            flags += [] if known else [model.CAMERA_UNKNOWN]
        else:
            flags.append(model.CAMERA_UNKNOWN)
    announced = replace(whole, facts=facts).announced(wearer=wearer, camera=camera, flags=tuple(flags))
    if there is None:
        said = {k: v for k, v in facts.items() if v != ""}
        there = open_recording(by.archive, by.scope, by.agency, replace(announced, facts=said))
    if whole.complete and there.state != "complete":
        return complete(by.archive, by.scope, there.id, announced)
    return tell(by.archive, by.scope, there.id, announced)


def _named(recording: Recording) -> Container:
    return read_recording_name(Name(recording.external_id or ""))


def _recording_named(by: Delivery, external_id: str) -> Recording | None:
    with by.archive.db.tx(by.scope) as conn:
        return store.recording_by_external_id(conn, by.agency, external_id)


def _recording(by: Delivery, recording_id: str) -> Recording:
    with by.archive.db.tx(by.scope) as conn:
        return store.recording(conn, recording_id)


def _keep_container(
    by: Delivery, container: Container, metadata: Metadata, recording: Recording | None
) -> bool:
    with by.archive.db.tx(by.scope) as conn:
        people.take_turns(conn, f"container/{by.agency}/{container.name}")
        there = axis_store.container(conn, by.agency, container.name)
        earlier = there.metadata if there else {}
        merged = {k: v for k, v in {**earlier, **metadata.values}.items() if v != ""}
        if there is not None and merged == earlier:
            return False
        under = Under(recording.id, recording.wrapped_key) if recording else Under()
        entry = log.prepare(
            conn,
            actor=by.scope.actor,
            agency=by.agency,
            act="described" if there else "container_made",
            subject=f"recording:{recording.id}" if recording else by.scope.actor,
            detail={"container": container.name, "said": dict(metadata.values)},
        )
        row: dict[str, Any] = {"id": there.id if there else new_id(), "metadata": merged}
        if there is None:
            row |= {"agency": by.agency, "name": container.name, "made_at": clock.now()}
            row["recording"] = recording.id if recording else None
        write = Write("intake_container", row, change=there is not None)
        perform(conn, by.archive, entry, [write], agency=by.agency, under=under)
        return there is None


def _no_container() -> NotFound:
    return NotFound("There is no such container.", next_step="Make the container first.")
