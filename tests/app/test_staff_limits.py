"""Does anything leave the app that should not, or enter it that is too much?"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from lapel.app.headers import MAX_BODY_BYTES
from staffed import Person, Staffed, sample

ID = "0" * 32


def asked_as_written(app: FastAPI, path: str) -> tuple[int, bytes]:
    """GET a path exactly as it is written: a client would tidy it before it leaves."""
    import anyio

    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": unquote(path),
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [(b"host", b"lapel.test"), (b"accept", b"text/html")],
        "client": ("192.0.2.1", 9), "server": ("lapel.test", 80),
    }  # fmt: skip
    anyio.run(app, scope, receive, send)
    return said[0]["status"], b"".join(m.get("body", b"") for m in said[1:])


@pytest.mark.parametrize(
    "path",
    [
        "/static/../staff.py", "/static/%2e%2e/staff.py", "/static/..%2fstaff.py", "/static//etc/passwd", "/static/lapel.css%00",
        "/static/npm/uswds/../../../../package.json", "/static/npm/uswds/%2e%2e/package.json", "/static/npm/minimist/index.js",
        "/static/npm/lit/package.json", "/static/npm/uswds/%2e%2e/%2e%2e/%2e%2e/.npmrc", "/static/templates/base.html",
        "/static/npm/", "/static/", "/static/npm/uswds/css/",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_what_is_served(here: Staffed, path: str) -> None:
    status, body = asked_as_written(here.app(), path)
    assert status in (303, 404), body
    assert status == 303 or b"There is no such page." in body


@pytest.mark.parametrize(
    "name",
    [
        "../keys", "%2e%2e/keys/x", "..%2f..%2fkeys", "tile/0/../../../keys", "checkpoint/", "checkpoint%00", "tile/64/000", "tile/0/x1/000",
        "tile/0/000.p/0", "tile/0/000.p/256x", "tile/00/000", "", "tile/entries/000/", "CHECKPOINT", "tile/0/" + "x000/" * 40 + "000",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_the_log(here: Staffed, name: str) -> None:
    here.publish()
    answer = TestClient(here.app(), follow_redirects=False).get(
        f"/log/{name}", headers={"accept": "application/json"}
    )
    assert answer.status_code in (401, 404)


def test_the_log_is_read_without_signing_in_and_cached_as_its_format_says(here: Staffed) -> None:
    here.recording()
    here.publish()
    anyone = Person(here.app())
    head = anyone.get("/log/checkpoint")
    assert head.headers["content-type"] == "text/plain; charset=utf-8"
    assert head.headers["cache-control"] == "public, max-age=5"
    size = int(head.text.splitlines()[1])
    tile = anyone.get(f"/log/tile/0/000.p/{size}")
    assert len(tile.content) == 32 * size
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    bundle = anyone.get(f"/log/tile/entries/000.p/{size}")
    assert len(bundle.content) == 51 * size
    assert anyone.head("/log/checkpoint").status_code == 200
    assert anyone.get(f"/log/tile/0/000.p/{size + 1}").status_code == 404
    assert anyone.post("/log/checkpoint").status_code in (401, 405)


def test_a_form_that_is_too_large_is_refused_before_it_is_read(here: Staffed) -> None:
    person = Person(here.app(), here.account().token)
    for content in (b"x" * (MAX_BODY_BYTES + 1), iter([b"x" * 65536] * 5)):
        answer = person.post(
            "/view", content=content, headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code == 413


def test_a_form_of_ten_thousand_fields_is_refused(here: Staffed) -> None:
    person = Person(here.app(), here.account().token)
    token = person.form_token("/account")
    fields = "&".join(f"number={i}" for i in range(10_000))
    answer = person.post(
        "/recordings/categorise",
        content=f"form_token={token}&{fields}",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in (400, 422)


def test_words_from_outside_are_shown_and_never_run(here: Staffed) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{7*7}}'
    recording = here.announce(facts={"Evil": evil}, camera=here.camera(serial=evil[:30]))
    here.deliver(recording, sample("carphone_pristine"), name=evil + ".mp4")
    here.complete(recording)
    person = Person(here.app(), here.account().token)
    person.fill(f"/recordings/{recording.number}/note", {"words": evil})
    person.fill(f"/recordings/{recording.number}/bookmarks", {"words": evil})
    for path in (f"/recordings/{recording.number}", "/recordings", "/work", f"/recordings?text={evil}"):
        text = person.get(path).text
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path


def test_every_answer_carries_the_headers_that_close_it(here: Staffed) -> None:
    person = Person(here.app(), here.account().token)
    for path in ("/work", "/work.json", "/nowhere", "/static/lapel.css", "/health", "/sign-in"):
        headers = person.get(path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert person.get("/work").headers["cache-control"] == "private, no-store"


def test_nothing_inline_stands_in_any_page(here: Staffed) -> None:
    recording = here.recording()
    person = Person(here.app(), here.account().token)
    for path in ("/work", "/recordings", f"/recordings/{recording.number}", "/account", "/log", "/sign-in"):
        text = person.get(path).text
        assert not re.search(r"\son\w+=|\sstyle=|javascript:", text), path
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text), path


def test_a_fault_of_ours_tells_nothing_but_a_reference(
    here: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lapel.footage import worklist

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(worklist, "work", fails)
    person = Person(here.app(), here.account().token)
    quiet = TestClient(
        here.app(), base_url="http://lapel.test", raise_server_exceptions=False, cookies=dict(person.cookies)
    )
    answer = quiet.get("/work.json")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert re.fullmatch(r"[0-9a-f]{8}", answer.json()["reference"])
