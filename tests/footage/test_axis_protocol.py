"""The protocol's own rules, as its maker's tests state them, by a raw client and by python-swiftclient."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import unquote

import pytest
import swiftclient
from door import RECORDING, Client, Door

from lapel.access import signin
from lapel.custody import log
from lapel.footage import store

CLIP = f"/{RECORDING}/20261124_101500_AB12.mp4"


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


def test_signing_in_gives_a_token_and_the_place_to_go_to(door: Door):
    answer = door.client.raw(
        "GET", "/auth/v1.0", {"X-Auth-User": door.client.username, "X-Auth-Key": door.client.key}
    )
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-storage-url"].startswith(f"http://127.0.0.1:{door.client.port}/v1/")
    assert answer.headers["x-auth-token"] != door.client.token


def test_older_names_of_the_credentials_and_basic_are_understood(door: Door):
    import base64

    user, key = door.client.username, door.client.key
    basic = base64.b64encode(f"{user}:{key}".encode()).decode()
    for headers in ({"X-Storage-User": user, "X-Storage-Pass": key}, {"Authorization": f"Basic {basic}"}):
        assert door.client.raw("GET", "/auth/v1.0", headers).status == 200


@pytest.mark.parametrize(
    "headers", [{}, {"X-Auth-User": "cbp:nobody", "X-Auth-Key": "x"}, {"Authorization": "Basic ###"}]
)
def test_wrong_credentials_are_401(door: Door, headers):
    answer = door.client.raw("GET", "/auth/v1.0", headers)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "x-auth-token" not in answer.headers


def test_the_right_name_with_a_wrong_key_is_401(door: Door):
    headers = {"X-Auth-User": door.client.username, "X-Auth-Key": door.client.key[:-1]}
    assert door.client.raw("GET", "/auth/v1.0", headers).status == 401


@pytest.mark.parametrize("token", ["", "made-up"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "HEAD", "DELETE"])
def test_without_a_token_nothing_is_answered_but_401(door: Door, method, token):
    answer = door.client.raw(
        method, f"{door.client.account}/System/Capabilities.json", {"X-Auth-Token": token}
    )
    assert answer.status == 401


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "COPY", "OPTIONS", "FROBNICATE"])
def test_methods_that_the_protocol_does_not_have_are_400(door: Door, method):
    assert door.client.call(method, f"/{RECORDING}", None).status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_signing_in_by_another_method_is_400(door: Door, method):
    assert door.client.raw(method, "/auth/v1.0", {"X-Auth-User": "x"}, b"").status == 400


@pytest.mark.parametrize("name", ["Capabilities.json", "Categories.json"])
def test_what_a_system_reads_has_its_md5_as_etag(door: Door, name):
    answer = door.client.call("GET", f"/System/{name}", None)
    assert answer.status == 200
    assert answer.headers["etag"] == md5(answer.body)
    json.loads(answer.body)


def test_only_what_works_is_declared(door: Door):
    declared = json.loads(door.client.call("GET", "/System/Capabilities.json", None).body)
    assert declared == {
        "Read": {"ReadCategories": True},
        "Store": {
            "StoreBookmarks": True,
            "StoreRejectedContent": True,
            "StoreUserIDKey": True,
            "StoreSignedVideo": True,
            "StoreGNSSTrackRecording": True,
        },
        "StoreAndRead": {"StoreReadSystemID": True},
    }


def test_categories_are_the_agencys_that_are_in_use(door: Door):
    with door.house.db("staff").tx(door.scope) as conn:
        for n, (name, external, active) in enumerate(
            [("Arrest", None, True), ("Patrol", "P-7", True), ("Old", None, False)]
        ):
            conn.execute(
                "INSERT INTO category (id, agency, name, external_id, active) VALUES (%s, 'cbp', %s, %s, %s)",
                (f"{n:032x}", name, external, active),
            )
    answer = door.client.call("GET", "/System/Categories.json", None)
    assert json.loads(answer.body) == [
        {"Name": "Arrest", "Id": f"{0:032x}"},
        {"Name": "Patrol", "Id": "P-7"},
    ]


@pytest.mark.parametrize("path", [CLIP, f"/{RECORDING}", "/Users/u1", "/Users", "", "/"])
def test_nothing_else_can_be_read(door: Door, path):
    door.client.call("PUT", f"/{RECORDING}")
    door.client.call("PUT", CLIP, b"footage")
    door.client.call("PUT", "/Users/u1", Name="A")
    answer = door.client.call("GET", path, None)
    assert answer.status == 403
    assert b"footage" not in answer.body


def test_a_system_object_that_is_not_there_is_404(door: Door):
    assert door.client.call("GET", "/System/Nothing.json", None).status == 404


def test_what_is_ours_cannot_be_written_by_a_system(door: Door):
    assert door.client.call("PUT", "/System/Capabilities.json", b"{}").status == 403
    assert b"ReadCategories" in door.client.call("GET", "/System/Capabilities.json", None).body


def test_a_container_is_made_once_and_merged_after(door: Door):
    assert door.client.call("PUT", f"/{RECORDING}", Status="Transferring", TriggerOn="Button").status == 201
    assert door.client.call("PUT", f"/{RECORDING}", TriggerOff="Timer").status == 202
    assert door.client.call("POST", f"/{RECORDING}", TimeZone="America/Phoenix").status == 204
    said = door.client.call("HEAD", f"/{RECORDING}", None)
    assert said.status == 204
    assert {k: v for k, v in said.headers.items() if k.startswith("x-container-meta")} == {
        "x-container-meta-status": "Transferring",
        "x-container-meta-triggeron": "Button",
        "x-container-meta-triggeroff": "Timer",
        "x-container-meta-timezone": "America/Phoenix",
    }


def test_an_empty_value_deletes_its_key(door: Door):
    door.client.call("PUT", f"/{RECORDING}", TriggerOn="Button", TriggerOff="Timer", TimeZone="")
    door.client.call("POST", f"/{RECORDING}", TriggerOn="")
    headers = door.client.call("HEAD", f"/{RECORDING}", None).headers
    assert "x-container-meta-triggeron" not in headers
    assert "x-container-meta-timezone" not in headers
    assert headers["x-container-meta-triggeroff"] == "Timer"


@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize("name", [RECORDING, "RejectedContent_UnknownTime_1"])
def test_a_container_that_is_not_there_is_404(door: Door, method, name):
    assert door.client.call(method, f"/{name}", None).status == 404


@pytest.mark.parametrize("name", [RECORDING, "RejectedContent_UnknownTime_1"])
def test_an_object_before_its_container_is_404_and_comes_when_the_container_is_there(door: Door, name):
    assert door.client.call("PUT", f"/{name}/20261124_101500_AB12.mp4", b"early").status == 404
    assert list(door.house.stores.originals.list()) == []
    door.client.call("PUT", f"/{name}")
    assert door.client.call("PUT", f"/{name}/20261124_101500_AB12.mp4", b"early").status == 201


def test_an_objects_metadata_is_replaced_as_a_whole(door: Door):
    door.client.call("PUT", f"/{RECORDING}")
    door.client.call("PUT", CLIP, b"clip", StartTime="1795515300", ContainerType="mp4")
    assert door.client.call("POST", CLIP, StartTime="1795515300", StopTime="1795515360").status == 202
    headers = door.client.call("HEAD", CLIP, None).headers
    assert headers["x-object-meta-stoptime"] == "1795515360"
    assert "x-object-meta-containertype" not in headers


@pytest.mark.parametrize("path", [CLIP, f"/{RECORDING}/bookmark_1", "/Users/u1", "/Devices/d1", "/System/s1"])
def test_metadata_for_an_object_that_is_not_there_is_404(door: Door, path):
    door.client.call("PUT", f"/{RECORDING}")
    assert door.client.call("POST", path, Name="A").status == 404
    assert door.client.call("HEAD", path, None).status == 404


@pytest.mark.parametrize("path", [CLIP, f"/{RECORDING}/bookmark_1", "/Users/u1", "/Devices/d1", "/System/s1"])
def test_every_object_gets_its_md5_as_etag(door: Door, path):
    door.client.call("PUT", f"/{RECORDING}")
    answer = door.client.call("PUT", path, b"body of it")
    assert (answer.status, answer.headers["etag"]) == (201, md5(b"body of it"))


@pytest.mark.parametrize("path", [CLIP, f"/{RECORDING}/bookmark_1", "/Users/u1", "/Devices/d1", "/System/s1"])
def test_bytes_that_do_not_match_their_etag_are_422_and_nothing_is_kept(door: Door, path):
    door.client.call("PUT", f"/{RECORDING}")
    assert door.client.call("PUT", path, b"body of it", {"ETag": md5(b"another")}).status == 422
    assert door.client.call("HEAD", path, None).status == 404
    assert list(door.house.stores.originals.list()) == []
    assert (
        door.client.call("PUT", path, b"body of it", {"ETag": f'"{md5(b"body of it").upper()}"'}).status
        == 201
    )


def test_the_system_object_is_read_back_as_it_was_written(door: Door):
    door.client.call("PUT", "/System/6b0c", b"", ConnectionId="c-1", SystemName="B%C3%A5tsystem 1")
    head, got = door.client.call("HEAD", "/System/6b0c", None), door.client.call("GET", "/System/6b0c", None)
    for answer in (head, got):
        assert answer.status == 200
        assert unquote(answer.headers["x-object-meta-systemname"]) == "Båtsystem 1"
    assert got.headers["etag"] == md5(b"")


def test_a_token_opens_its_own_place_only(door: Door):
    other = door.another("ice", "Other dock")
    door.client.call("PUT", f"/{RECORDING}")
    assert (
        other.raw("HEAD", f"{door.client.account}/{RECORDING}", {"X-Auth-Token": other.token}).status == 403
    )
    assert other.call("HEAD", f"/{RECORDING}", None).status == 404


def test_what_was_refused_is_in_the_custody_log(door: Door):
    door.client.call("GET", CLIP, None)
    site = door.client.account.removeprefix("/v1/")
    with door.house.db("staff").tx(door.scope) as conn:
        acts = [(act.act, act.detail.get("attempted")) for act in log.history(conn, f"site:{site}")]
    assert ("refused", "read") in acts


def test_failures_are_one_entry_for_a_source_and_a_minute(door: Door):
    for _ in range(3):
        door.client.raw("GET", "/auth/v1.0", {"X-Auth-User": "x", "X-Auth-Key": "y"})
    with door.house.db("owner").tx(door.scope) as conn:
        conn.execute("UPDATE sign_in_failure SET minute = minute - interval '2 minutes'")
    assert signin.enter_failures(door.house.db("staff"), "cbp") == 1
    with door.house.db("staff").tx(door.scope) as conn:
        [act] = log.history(conn, "source:intake:127.0.0.1")
    assert act.detail["failures"] == 3


def test_a_source_that_fails_too_often_waits_but_right_credentials_always_count(door: Door):
    wrong = {"X-Auth-User": "x", "X-Auth-Key": "y"}
    statuses = [door.client.raw("GET", "/auth/v1.0", wrong).status for _ in range(40)]
    assert statuses[:30] == [401] * 30
    assert 429 in statuses
    assert Client(door.client.port, door.client.username, door.client.key).sign_in().token


def test_an_independent_client_delivers_a_recording(door: Door):
    swift = swiftclient.Connection(
        f"http://127.0.0.1:{door.client.port}/auth/v1.0",
        door.client.username,
        door.client.key,
        auth_version="1",
    )
    swift.put_container(RECORDING, headers={"X-Container-Meta-Status": "Transferring"})
    clip = b"\x00\x00\x00\x18ftypmp42" + bytes(3_000_000)
    etag = swift.put_object(
        RECORDING, "20261124_101500_AB12.mp4", clip, etag=md5(clip), content_type="video/mp4"
    )
    assert etag == md5(clip)
    chunked = swift.put_object(RECORDING, "20261124_101600_AB13.mp4", iter([b"a" * 70_000, b"b" * 70_000]))
    assert chunked == md5(b"a" * 70_000 + b"b" * 70_000)
    swift.put_object(
        RECORDING, "bookmark_20261124T101500Z_1", "a word", headers={"X-Object-Meta-Tags": "a:b"}
    )
    swift.post_object(RECORDING, "20261124_101500_AB12.mp4", {"X-Object-Meta-StartTime": "1795515300"})
    swift.post_container(RECORDING, {"X-Container-Meta-Status": "Complete"})
    assert swift.head_container(RECORDING)["x-container-meta-status"] == "Complete"
    headers, body = swift.get_object("System", "Capabilities.json")
    assert headers["etag"] == md5(body)
    with pytest.raises(swiftclient.ClientException) as refused:
        swift.get_object(RECORDING, "20261124_101500_AB12.mp4")
    assert refused.value.http_status == 403
    with pytest.raises(swiftclient.ClientException) as missing:
        swift.put_object("nothing-like-it", "20261124_101500_AB12.mp4", clip)
    assert missing.value.http_status == 404
    with door.house.db("staff").tx(door.scope) as conn:
        recording = store.recording_by_external_id(conn, "cbp", RECORDING)
        originals = store.originals(conn, recording.id)
        [marked] = store.bookmarks(conn, recording.id)
    assert recording.state == "complete"
    assert [o.sha256 for o in originals] == [
        hashlib.sha256(clip).hexdigest(),
        hashlib.sha256(b"a" * 70_000 + b"b" * 70_000).hexdigest(),
    ]
    assert marked.words == "a word"
