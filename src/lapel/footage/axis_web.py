"""How does a camera system deliver over HTTP? The routes of the content-destination protocol (docs/formats/intake.md).

Bytes stream through the event loop; whatever touches the database, the store or the keys runs in a thread. Answers, in
the protocol's meaning: 400 only for what could never be kept, 503 for what can be tried again soon, 507 for a full disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from lapel.access import devices
from lapel.access.signin import source_of
from lapel.base.errors import Invalid, Refused
from lapel.custody import log
from lapel.footage import axis, axis_containers, axis_json, axis_objects
from lapel.footage.axis_containers import Delivery
from lapel.footage.axis_stream import Uploads, cut_short, joined, up_to
from lapel.footage.axis_wire import as_headers, check_etag, content_length, credentials, md5, place
from lapel.footage.model import Recording
from lapel.storage.archive import Archive

MAX_TOLD_BYTES = 64 * 1024  # a bookmark's words, or what comes with a user, a device or a system
METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "COPY", "OPTIONS", "TRACE", "LINK", "UNLINK"]
OURS = ("Capabilities.json", "Categories.json")


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a site that has shown who it is, to a container or (with a name) to an object in it."""

    request: Request
    by: Delivery
    container: axis.Container
    name: axis.Name | None
    metadata: axis.Metadata

    @property
    def etag(self) -> str | None:
        return self.request.headers.get("etag")

    @property
    def length(self) -> int | None:
        return content_length(self.request.headers)

    @property
    def reads_ours(self) -> bool:
        return self.container.kind == "system" and self.name is not None and self.name.text in OURS

    async def told(self) -> bytes:
        """The body where only a small one can be kept. Raises `Invalid` (400) for a larger one."""
        body, whole = await up_to(self.request.stream(), MAX_TOLD_BYTES)
        if not whole:
            raise _never("What is said of a person, a camera or a system has at most 64 KiB.")
        if self.length is not None and self.length != len(body):
            raise cut_short()
        check_etag(self.etag, md5(body))
        return body


class Protocol:
    """The protocol's answers. `url` is the address a system is told to come back to; None: the one it came by."""

    def __init__(self, archive: Archive, uploads: Uploads, url: str | None = None) -> None:
        self.archive = archive
        self.uploads = uploads
        self.url = url.rstrip("/") if url else None

    def router(self) -> APIRouter:
        """The routes, under `/auth/v1.0` and `/v1/<site>/…`."""
        router = APIRouter()
        router.add_api_route("/auth/v1.0", self.sign_in, methods=METHODS, include_in_schema=False)
        router.add_api_route("/v1/{rest:path}", self.answer, methods=METHODS, include_in_schema=False)
        return router

    async def sign_in(self, request: Request) -> Response:
        """A token for right credentials, and where to go with it."""
        if request.method != "GET":
            raise _never("Signing in is a GET.")
        user, key = credentials(request.headers)
        token = await run_sync(devices.sign_in, self.archive.db, user, key, _source(request))
        base = self.url or f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
        return Response(headers={"X-Auth-Token": token.text, "X-Storage-Url": f"{base}/v1/{token.site.id}"})

    async def answer(self, request: Request) -> Response:
        """Everything else: one container, or one object in it."""
        shown = request.headers.get("x-auth-token")
        site = await run_sync(devices.site_of, self.archive.db, shown, _source(request))
        by = Delivery(self.archive, replace(site.scope, source=_source(request)), site.agency)
        account, container, name = place(request.scope["raw_path"])
        if account != site.id:
            raise await _refused(by, "This token is for another place.")
        if not container:
            raise await _refused(by, "What is stored here cannot be listed.")
        call = Call(
            request=request,
            by=by,
            container=axis.read_container(container),
            name=axis.read_name(name) if name else None,
            metadata=axis.read_metadata(request.headers.raw),
        )
        match request.method:
            case "PUT":
                return await self.put(call)
            case "POST":
                return await self.post(call)
            case "GET":
                return await self.get(call)
            case "HEAD":
                return await self.head(call)
        raise _never(f"{request.method} is no request of this protocol.")

    async def put(self, call: Call) -> Response:
        """Make or replace: a container, a file, a bookmark, what is said of a person, a camera or a system."""
        if call.name is None:
            await call.told()
            made = await run_sync(axis_containers.put_container, call.by, call.container, call.metadata)
            return Response(status_code=201 if made else 202)
        recording = await run_sync(axis_containers.need_container, call.by, call.container)
        if recording is not None:
            return await self._put_file(call, recording, call.name)
        if call.reads_ours:
            raise await _refused(call.by, "This object is written by us alone.")
        body = await call.told()
        await run_sync(axis_objects.keep_told, call.by, call.container, call.name, call.metadata, body)
        return _stored(md5(body))

    async def post(self, call: Call) -> Response:
        """Say more of a container, or say anew what is said of an object."""
        await call.told()
        if call.name is None:
            await run_sync(axis_containers.post_container, call.by, call.container, call.metadata)
            return Response(status_code=204)
        recording = await run_sync(axis_containers.need_container, call.by, call.container)
        where = (call.by, call.container)
        if recording is None:
            await run_sync(axis_objects.keep_told, *where, call.name, call.metadata, None)
        else:
            await run_sync(axis_objects.describe, *where, recording, call.name, call.metadata)
        return Response(status_code=202)

    async def get(self, call: Call) -> Response:
        """What a camera system may read back: what we can do, the categories, and its own system object."""
        if call.reads_ours:
            body = await self._ours(call)
            return Response(body, media_type="application/json", headers={"Etag": md5(body)})
        if call.container.kind != "system" or call.name is None:
            raise await _refused(call.by, "Footage cannot be read over this protocol.")
        there = await run_sync(axis_objects.told, call.by, call.container, call.name)
        headers = as_headers("X-Object-Meta-", there.metadata)
        return Response(bytes(there.body), headers={**headers, "Etag": md5(bytes(there.body))})

    async def head(self, call: Call) -> Response:
        """What has been said of a container or an object."""
        if call.name is None:
            said = await run_sync(axis_containers.container_metadata, call.by, call.container)
            return Response(status_code=204, headers=as_headers("X-Container-Meta-", said))
        if call.reads_ours:
            body = await self._ours(call)
            return Response(headers={"Etag": md5(body), "Content-Length": str(len(body))})
        recording = await run_sync(axis_containers.need_container, call.by, call.container)
        if recording is not None:
            facts, size = await run_sync(axis_objects.object_metadata, call.by, recording, call.name)
            return Response(headers={**as_headers("X-Object-Meta-", facts), "Content-Length": str(size)})
        there = await run_sync(axis_objects.told, call.by, call.container, call.name)
        headers = {"Etag": md5(bytes(there.body)), "Content-Length": str(len(there.body))}
        return Response(headers={**as_headers("X-Object-Meta-", there.metadata), **headers})

    async def _put_file(self, call: Call, recording: Recording, name: axis.Name) -> Response:
        kind = axis.object_kind(name.text, call.metadata)
        stream: AsyncIterator[bytes] = call.request.stream()
        if kind == "bookmark":
            body, whole = await up_to(stream, MAX_TOLD_BYTES)
            if whole:
                check_etag(call.etag, md5(body))
                await run_sync(axis_objects.keep_bookmark, call.by, recording, name, call.metadata, body)
                return _stored(md5(body))
            # Too many words for a bookmark are kept whole, as a file: nothing that was delivered is refused.
            stream = joined(body, stream)
        async with self.uploads.receive(self.archive, stream, call.length) as stored:
            check_etag(call.etag, stored.md5)
            where = (call.by, call.container, recording, name)
            await run_sync(axis_objects.keep_file, *where, kind, call.metadata, stored)
        return _stored(stored.md5)

    async def _ours(self, call: Call) -> bytes:
        if call.name is not None and call.name.text == OURS[0]:
            return axis_json.capabilities()
        return axis_json.categories(await run_sync(axis_objects.category_names, call.by))


async def _refused(by: Delivery, says: str) -> Refused:
    """The error to raise, already entered in the custody log."""
    error = Refused(says, rules=("intake/deliver-only",))

    def enter() -> None:
        actor, db = by.scope.actor, by.archive.db
        log.record_refusal(db, by.scope, error, act="read", subject=actor, agency=by.agency)

    await run_sync(enter)
    return error


def _source(request: Request) -> str:
    return source_of(request.client.host if request.client else None)


def _stored(etag: str) -> Response:
    return Response(status_code=201, headers={"Etag": etag})


def _never(says: str) -> Invalid:
    """400: in this protocol, that this can never be kept, and need not be sent again."""
    return Invalid(says, status=400)
