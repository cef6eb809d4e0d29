"""On a bad day nothing is acknowledged that is not kept, and what is sent again comes in whole and once."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from door import RECORDING, Client, Door, archive_of, faults, process, serving
from faltering import WAYS, Walk, faltering

from lapel.custody import log
from lapel.footage import store
from lapel.storage.keys import AgentKeys
from lapel.storage.postgres import Database, Scope, connect

CLIP = f"/{RECORDING}/20261124_101500_AB12.mp4"
SCOPE = Scope("account:test", ("cbp",))


def begin_upload(client: Client, path: str, length: int, sent: bytes, headers: str = "") -> socket.socket:
    """A PUT that announces `length` bytes and sends only some; the caller ends the connection."""
    there = socket.create_connection(("127.0.0.1", client.port))
    there.sendall(
        f"PUT {client.account}{path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {client.token}\r\n"
        f"{headers}Content-Length: {length}\r\n\r\n".encode()
        + sent
    )
    return there


def until(holds: Any, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def files_in(place: Path) -> list[str]:
    return [path.name for path in place.rglob("*") if path.is_file()]


def test_a_truncated_upload_leaves_nothing(door: Door):
    door.client.call("PUT", f"/{RECORDING}")
    originals = door.house.place / "objects" / "originals"
    there = begin_upload(door.client, CLIP, 5_000_000, b"x" * 3_000_000)
    until(lambda: files_in(originals))
    there.close()
    until(lambda: not files_in(originals))
    assert door.client.call("HEAD", CLIP, None).status == 404
    assert door.client.call("PUT", CLIP, b"x" * 5_000_000).status == 201


@pytest.mark.parametrize("how", ["Content-Length: 5000000", "Transfer-Encoding: chunked"])
def test_an_upload_that_ends_early_leaves_nothing_behind_the_server_of_a_department(
    door: Door, tmp_path: Path, how: str
):
    originals = door.house.place / "objects" / "originals"
    with process(door.house, tmp_path / "intake.log") as (port, _):
        client = replace(door.client, port=port)
        client.call("PUT", f"/{RECORDING}")
        there = socket.create_connection(("127.0.0.1", port))
        there.sendall(
            f"PUT {client.account}{CLIP} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {client.token}\r\n{how}\r\n\r\n".encode()
            + (b"300000\r\n" if "chunked" in how else b"")
            + b"x" * (3 << 20)
        )
        until(lambda: files_in(originals))
        there.close()
        until(lambda: not files_in(originals))
        assert client.call("HEAD", CLIP, None).status == 404
        assert client.call("PUT", CLIP, b"x" * 5_000_000).status == 201


def test_a_truncated_bookmark_leaves_nothing(door: Door):
    door.client.call("PUT", f"/{RECORDING}")
    begin_upload(door.client, f"/{RECORDING}/bookmark_1", 100, b"half of the wo").close()
    assert door.client.call("PUT", f"/{RECORDING}/bookmark_2", b"whole").status == 201
    assert door.client.call("HEAD", f"/{RECORDING}/bookmark_1", None).status == 404


def test_slow_senders_hold_nobody_up(door: Door):
    door.client.call("PUT", f"/{RECORDING}")
    slow = [begin_upload(door.client, f"/{RECORDING}/slow{n}.mp4", 5_000_000, b"x" * 1000) for n in range(20)]
    try:
        assert door.client.call("PUT", CLIP, b"quick").status == 201
    finally:
        for there in slow:
            there.close()


def test_more_uploads_than_are_taken_at_once_are_503_and_come_in_later(door: Door):
    with serving(door.archive, uploads=1) as port:
        client = replace(door.client, port=port)
        client.call("PUT", f"/{RECORDING}")
        there = begin_upload(client, f"/{RECORDING}/slow.mp4", 5_000_000, b"x" * 3_000_000)
        until(lambda: files_in(door.house.place / "objects" / "originals"))
        refused = client.call("PUT", CLIP, b"quick")
        assert (refused.status, "retry-after" in refused.headers) == (503, True)
        there.close()
        until(lambda: client.call("PUT", CLIP, b"quick").status == 201)


def test_an_early_answer_reaches_a_sender_that_sends_all_of_a_large_clip_first(door: Door, tmp_path: Path):
    with process(door.house, tmp_path / "intake.log") as (port, _):
        client = replace(door.client, port=port)
        assert client.call("PUT", CLIP, b"x" * 60_000_000).status == 404
        assert replace(client, token="over").call("PUT", CLIP, b"x" * 60_000_000).status == 401


def steps(client: Client) -> list[tuple[str, str, bytes, dict[str, str]]]:
    user, serial, _ = RECORDING.split("_")
    return [
        ("PUT", f"/Users/{user}", b"", {"Name": "A", "UserID": "B-1"}),
        ("PUT", f"/{RECORDING}", b"", {"UserID": "unknown-to-us", "BWCSerialNumber": serial}),
        ("PUT", CLIP, b"clip" * 400_000, {"StartTime": "1795515300"}),
        ("POST", CLIP, b"", {"StartTime": "1795515300", "StopTime": "1795515360"}),
        ("PUT", f"/{RECORDING}/20261124_101500_AB12_{serial}_gpstrail.json", b"{}", {"FileType": "json"}),
        ("PUT", f"/{RECORDING}/bookmark_1", b"words", {"CategoryID": "P-1"}),
        ("PUT", "/RejectedContent_UnknownTime_1", b"", {"RejectedContentOriginalContainer": RECORDING}),
        ("PUT", "/RejectedContent_UnknownTime_1/20261124_101900_AB19.mp4", b"late", {}),
        ("POST", f"/{RECORDING}", b"", {"Status": "Complete"}),
    ]


@pytest.mark.parametrize(("part", "persists"), WAYS)
def test_every_call_that_fails_is_said_to_the_sender_and_sending_again_keeps_everything_once(
    door: Door, part: str, persists: bool
):
    """Walks a delivery: for each step, each call to one part fails in turn; the sender repeats until it is acknowledged."""
    status = 503 if part in ("database", "keys") else 507
    walk = Walk(persists=persists, status=status)
    with door.house.db("staff").tx(SCOPE) as conn:
        conn.execute(
            "INSERT INTO category (id, agency, name, external_id) VALUES (%s, 'cbp', 'Patrol', 'P-1')",
            ("c" * 32,),
        )
    failed = 0
    with serving(faltering(door.archive, part, walk)) as port:
        client = replace(door.client, port=port)
        for method, path, body, said in steps(client):
            for number in range(100):
                walk.begin(number)
                answer = client.call(method, path, body, **said)
                if number >= walk.calls:
                    assert answer.status in (201, 202, 204)
                    break
                assert answer.status in (status, 201, 202, 204), (method, path, number)
                failed += answer.status == status
    assert failed >= 1
    with door.house.db("staff").tx(SCOPE) as conn:
        [recording] = conn.execute("SELECT * FROM recording").fetchall()
        originals = store.originals(conn, recording["id"])
        marks = store.bookmarks(conn, recording["id"])
        acts = [act.act for act in log.history(conn, f"recording:{recording['id']}")]
    assert recording["state"] == "complete"
    assert len({o.name for o in originals}) == len(originals) == 3
    assert {o.sha256 for o in originals} >= {hashlib.sha256(b"clip" * 400_000).hexdigest()}
    assert [m.words for m in marks] == ["words"]
    assert [acts.count(once) for once in ("announced", "received", "bookmarked", "completed")] == [1, 3, 1, 1]
    assert faults(door.house) == []


def test_a_full_disk_is_507_and_a_later_attempt_comes_in(door: Door):
    walk = Walk(persists=False, status=507)
    with serving(faltering(door.archive, "originals", walk)) as port:
        client = replace(door.client, port=port)
        client.call("PUT", f"/{RECORDING}")
        walk.begin(0)
        answer = client.call("PUT", CLIP, b"x" * 3_000_000)
        assert (answer.status, answer.headers["content-type"]) == (507, "application/problem+json")
        assert client.call("HEAD", CLIP, None).status == 404
        assert client.call("PUT", CLIP, b"x" * 3_000_000).status == 201


def test_without_a_database_everything_is_503(door: Door):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        free = nobody.getsockname()[1]
    gone = Database(f"host=127.0.0.1 port={free} dbname=x user=x", wait_s=0.3)
    with contextlib.closing(gone), serving(replace(door.archive, db=gone)) as port:
        client = replace(door.client, port=port)
        assert client.call("PUT", f"/{RECORDING}").status == 503
        headers = {"X-Auth-User": client.username, "X-Auth-Key": client.key}
        assert client.raw("GET", "/auth/v1.0", headers).status == 503


def test_without_a_key_agent_footage_is_503_and_not_kept(door: Door):
    door.client.call("PUT", f"/{RECORDING}")
    gone = AgentKeys(door.house.place / "nobody.sock")
    with serving(replace(door.archive, keys=gone)) as port:
        client = replace(door.client, port=port)
        assert client.call("PUT", CLIP, b"clip").status == 503
        assert client.call("HEAD", CLIP, None).status == 404
    assert files_in(door.house.place / "objects" / "originals") == []
    assert door.client.call("PUT", CLIP, b"clip").status == 201


def test_a_fault_nobody_foresaw_is_500_and_says_nothing_of_the_footage(
    door: Door, capfd: pytest.CaptureFixture[str]
):
    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(f"{RECORDING} of officer B-1001")

    with serving(replace(door.archive, stores=replace(door.archive.stores, sidecars=Odd()))) as port:
        answer = replace(door.client, port=port).call("PUT", f"/{RECORDING}")
    said = "".join(capfd.readouterr())
    assert answer.status == 500
    assert "B-1001" not in answer.body.decode() + said
    assert "RuntimeError" in said


def test_a_token_ends(door: Door):
    with connect(door.house.urls["owner"]) as conn:
        conn.execute("UPDATE site_token SET ends_at = ends_at - interval '15 minutes'")
    assert door.client.call("PUT", f"/{RECORDING}").status == 401
    assert door.client.sign_in().call("PUT", f"/{RECORDING}").status == 201


def test_an_upload_that_outlasts_its_token_still_comes_in(door: Door):
    door.client.call("PUT", f"/{RECORDING}")
    there = begin_upload(door.client, CLIP, 3_500_000, b"x" * 3_000_000)
    until(lambda: files_in(door.house.place / "objects" / "originals"))
    with connect(door.house.urls["owner"]) as conn:
        conn.execute("DELETE FROM site_token")
    there.sendall(b"x" * 500_000)
    assert there.recv(100).startswith(b"HTTP/1.1 201")
    there.close()


def test_a_renewed_key_ends_the_one_before(door: Door):
    renewed = door.another("cbp", "North dock")
    assert renewed.username == door.client.username
    headers = {"X-Auth-User": door.client.username, "X-Auth-Key": door.client.key}
    assert door.client.raw("GET", "/auth/v1.0", headers).status == 401


def test_no_log_says_who_or_what_was_delivered(door: Door, tmp_path: Path):
    said_by_it = tmp_path / "intake.log"
    user, serial, _ = RECORDING.split("_")
    with process(door.house, said_by_it) as (port, _):
        client = replace(door.client, port=port).sign_in()
        for method, path, body, said in steps(client):
            assert client.call(method, path, body, **said).status in (201, 202, 204)
        client.call("PUT", f"/Users/{user}", b"", Name="Casey%20Example", UserID="B-1001")
        client.call("GET", CLIP, None)
        client.call("PUT", CLIP, b"x", {"ETag": "0" * 32})
    written = said_by_it.read_text()
    assert written.count('"method"') == len(steps(client)) + 4
    secrets = (user, serial, "Casey", "B-1001", "AB12", RECORDING, client.token, client.key, "/v1/")
    assert [secret for secret in secrets if secret in written] == []


def test_many_at_once_all_come_in(door: Door):
    door.client.call("PUT", f"/{RECORDING}")
    statuses: list[int] = []

    def send(n: int) -> None:
        statuses.append(door.client.call("PUT", f"/{RECORDING}/clip{n}.mp4", bytes([n]) * 300_000).status)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 16
    archive = archive_of(door.house, "staff")
    with archive.db.tx(SCOPE) as conn:
        there = store.recording_by_external_id(conn, "cbp", RECORDING)
        assert there is not None
        assert len(store.originals(conn, there.id)) == 16
