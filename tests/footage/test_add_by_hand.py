"""Files added by hand: kept once in an agency, sealed and logged like any other, whatever they are called."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from door import archive_of
from faltering import WAYS, Walk, faltering
from typer.testing import CliRunner

from house import House
from lapel.base.errors import Invalid, LapelError, NotFound, Unavailable
from lapel.custody import log
from lapel.footage import by_hand, commands, model
from lapel.footage.by_hand import Worn, add
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

AT = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
SCOPE = Scope("cli:test", ("cbp",))
WORN = Worn("B-1001", "ACCC8E000001", AT)


@pytest.fixture
def archive(house: House) -> Archive:
    with house.db("staff").tx(SCOPE) as conn:
        conn.execute(
            "INSERT INTO officer (id, agency, badge, known) VALUES (%s, 'cbp', 'B-1001', true)", ("a" * 32,)
        )
        conn.execute(
            "INSERT INTO camera (id, agency, serial, known) VALUES (%s, 'cbp', 'ACCC8E000001', true)",
            ("b" * 32,),
        )
    return archive_of(house, "staff")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(os.urandom(3_000_000))
    return path


def test_a_file_becomes_a_complete_recording(archive: Archive, clip: Path):
    heard: list[int] = []
    added = add(archive, SCOPE, "cbp", clip, WORN, read=heard.append)
    there = added.recording
    assert (there.state, there.source, there.flags, there.started_at) == ("complete", "hand", [], AT)
    assert (there.wearer, there.camera) == ("a" * 32, "b" * 32)
    assert (added.original.kind, added.original.name, added.already) == ("clip", "clip.mp4", False)
    assert added.original.sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert (sum(heard), max(heard)) == (3_000_000, by_hand.CHUNK_BYTES)
    with archive.db.tx(SCOPE) as conn:
        assert [a.act for a in log.history(conn, f"recording:{there.id}")] == [
            "announced",
            "received",
            "completed",
        ]


def test_the_same_bytes_are_added_once_whatever_they_are_called(archive: Archive, clip: Path):
    first = add(archive, SCOPE, "cbp", clip, WORN)
    second = add(archive, SCOPE, "cbp", clip.rename(clip.with_name("another.mkv")), Worn("B-2", "C-2"))
    assert (second.already, second.recording.id, second.original.id) == (
        True,
        first.recording.id,
        first.original.id,
    )
    with archive.db.tx(SCOPE) as conn:
        assert conn.execute("SELECT count(*) AS n FROM recording").fetchone() == {"n": 1}
    assert len(list(archive.stores.originals.list())) == 1


def test_another_agency_may_have_the_same_bytes(house: House, archive: Archive, clip: Path):
    first = add(archive, SCOPE, "cbp", clip, WORN)
    second = add(archive, Scope("cli:test", ("ice",)), "ice", clip, WORN)
    assert (second.already, second.recording.id == first.recording.id) == (False, False)


def test_a_wearer_or_camera_nobody_knows_is_kept_and_flagged(archive: Archive, clip: Path):
    added = add(archive, SCOPE, "cbp", clip, Worn("B-9", "C-9"))
    assert set(added.recording.flags) == {model.WEARER_UNKNOWN, model.CAMERA_UNKNOWN}


def test_an_empty_file_is_kept(archive: Archive, tmp_path: Path):
    (tmp_path / "empty.mp4").touch()
    assert add(archive, SCOPE, "cbp", tmp_path / "empty.mp4", WORN).original.size_bytes == 0


@pytest.mark.parametrize("name", [b"caf\xe9.mp4", "😀.mp4".encode(), b"a\nb.mp4", b"n" * 255])
def test_a_files_name_is_data(archive: Archive, tmp_path: Path, name: bytes):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(b"clip")
    kept = add(archive, SCOPE, "cbp", path, WORN).original.name
    assert kept.isprintable()
    assert kept == name.decode("utf-8", "replace") or "\\" in kept


def test_what_is_no_file_is_said_so(archive: Archive, tmp_path: Path):
    with pytest.raises(NotFound):
        add(archive, SCOPE, "cbp", tmp_path / "nothing.mp4", WORN)
    with pytest.raises(Invalid):
        add(archive, SCOPE, "cbp", tmp_path, WORN)
    assert list(archive.stores.originals.list()) == []


@pytest.mark.parametrize(("part", "persists"), WAYS)
def test_adding_again_after_any_failure_keeps_the_file_once(
    archive: Archive, clip: Path, part: str, persists: bool
):
    walk = Walk(persists=persists)
    failing, failed = faltering(archive, part, walk), 0
    for number in range(100):
        walk.begin(number)
        with contextlib.suppress(Unavailable):
            add(failing, SCOPE, "cbp", clip, WORN)
            if number >= walk.calls:
                break
            continue
        failed += 1
    assert failed >= 1
    with archive.db.tx(SCOPE) as conn:
        [original] = conn.execute("SELECT recording FROM original").fetchall()
        [recording] = conn.execute("SELECT id, state FROM recording").fetchall()
    assert recording == {"id": original["recording"], "state": "complete"}


def run(archive: Archive, *arguments: str, agencies: tuple[str, ...] = ("cbp",)) -> tuple[int, str]:
    """The exit status and the words of `lapel …`, with errors of ours as the command line shows them."""

    @contextlib.contextmanager
    def opened() -> Iterator[tuple[Archive, Scope]]:
        yield archive, replace(SCOPE, agencies=agencies)

    app = {
        "footage": lambda: commands.footage_commands(opened),
        "intake": lambda: commands.intake_commands(opened, lambda: (["https://lapel.example:8461"], b"PEM")),
    }[arguments[0]]()
    result = CliRunner().invoke(app, list(arguments[1:]))
    if isinstance(result.exception, LapelError):
        return result.exception.exit_status, str(result.exception)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_command_adds_files_and_says_what_it_did(archive: Archive, clip: Path, tmp_path: Path):
    (tmp_path / "second.mp4").write_bytes(b"second")
    who = ("--wearer", "B-1001", "--camera", "ACCC8E000001")
    status, words = run(archive, "footage", "add", str(clip), str(tmp_path / "second.mp4"), *who)
    assert status == 0
    assert words.count("kept as R-") == 2
    assert hashlib.sha256(clip.read_bytes()).hexdigest() in words
    status, words = run(archive, "footage", "add", str(clip), *who)
    assert (status, "is there already, as R-" in words) == (0, True)


def test_one_start_time_for_several_files_is_refused(archive: Archive, clip: Path):
    arguments = ("--wearer", "B-1", "--camera", "C", "--started-at", "2026-11-24T10:15:00Z")
    assert run(archive, "footage", "add", str(clip), str(clip), *arguments)[0] == Invalid.exit_status


def test_among_several_agencies_one_must_be_named(archive: Archive, clip: Path):
    arguments = ("footage", "add", str(clip), "--wearer", "B-1001", "--camera", "ACCC8E000001")
    status, words = run(archive, *arguments, agencies=("cbp", "ice"))
    assert (status, "--agency" in words) == (Invalid.exit_status, True)
    assert run(archive, *arguments, "--agency", "cbp", agencies=("cbp", "ice"))[0] == 0


def test_connecting_a_site_writes_its_file_for_its_user_alone(archive: Archive, tmp_path: Path):
    import json

    out = tmp_path / "connection.json"
    arguments = ("intake", "connect", "--site", "North dock", "--agency", "cbp", "--out", str(out))
    assert run(archive, *arguments)[0] == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    content = json.loads(out.read_bytes())
    assert content["AuthenticationTokenURI"] == ["https://lapel.example:8461/auth/v1.0"]
    assert (content["WantEncryption"], content["FullStoreAndReadSupport"]) == (False, False)
    assert len(content["BlobAPIKey"]) == 43
    assert len(json.dumps(content)) < 64 * 1024
    assert run(archive, *arguments)[0] == Invalid.exit_status  # the file is there


def test_connecting_again_renews_the_key_and_keeps_the_name(archive: Archive):
    import json

    arguments = ("intake", "connect", "--site", "North dock", "--agency", "cbp")
    first, second = (json.loads(run(archive, *arguments)[1]) for _ in range(2))
    assert first["BlobAPIUserName"] == second["BlobAPIUserName"]
    assert first["BlobAPIKey"] != second["BlobAPIKey"]


@pytest.mark.parametrize("agency", ["ice", "nobody"])
def test_a_site_of_an_agency_out_of_view_cannot_be_connected(archive: Archive, agency: str):
    assert run(archive, "intake", "connect", "--site", "X", "--agency", agency)[0] == Invalid.exit_status
