"""Does the command line say what went wrong, with its own exit status, and find what was damaged behind its back?"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo
from running_department import remove_clusters
from typer.main import get_command

from lapel.app import cli
from lapel.app.department import Department, department, running_database
from lapel.app.running import key_agent
from lapel.app.settings import Settings
from lapel.base.ids import new_id
from lapel.custody.sequencer import Sequencer
from lapel.custody.sidecar import name_of
from lapel.footage import store
from lapel.footage.model import Original, Recording
from lapel.storage import rows
from lapel.storage.localstore import LocalStore
from lapel.storage.postgres import Connection, connect
from staffed import sample

LAPEL = Path(sys.executable).with_name("lapel")
ORIGIN = "police.example.gov/lapel"
INIT = ("init", "--name", "Example Department", "--origin", ORIGIN)
WORN = ("--wearer", "4471", "--camera", "ACC8E0A1B2", "--agency", "cbp")
STARTED = "2026-11-24T10:15:00-05:00"


def lapel(data: Path, *said: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as an operator does."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("LAPEL_")}
    return subprocess.run(
        [LAPEL, *map(str, said)],
        env={**own, "COLUMNS": "200", "LAPEL_DATA": str(data), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Founded:
    """A department made by `lapel init`, with one recording of one clip added by `lapel footage add`."""

    made: Department
    clip: Path
    init: subprocess.CompletedProcess[str]
    added: subprocess.CompletedProcess[str]

    @property
    def data(self) -> Path:
        return self.made.settings.data

    @property
    def objects(self) -> Path:
        return self.made.settings.objects

    def lapel(self, *said: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return lapel(self.data, *said, **environment)

    @property
    def number(self) -> str:
        found = re.search(r"R-[0-9A-Z]{5}-[0-9A-Z]{5}", self.added.stdout)
        assert found, self.added.stdout
        return found[0]

    def rows(self) -> tuple[Recording, Original]:
        archive, scope = self.made.operator()
        with archive.db.tx(scope) as conn:
            recording = store.recording_by_number(conn, self.number)
            (original,) = store.originals(conn, recording.id)
        archive.db.close()
        return recording, original

    def receipt(self, place: Path, *said: str) -> Path:
        """`lapel custody prove … > place`."""
        proved = self.lapel("custody", "prove", self.number, *said)
        assert proved.returncode == 0, proved.stderr
        place.write_text(proved.stdout)
        return place


@pytest.fixture(scope="module")
def founded() -> Iterator[Founded]:
    """Made with nothing running; after that a database and a key agent run, so that every command is quick."""
    folder = Path(tempfile.mkdtemp(prefix="lapel-cli-"))
    folder.chmod(0o711)  # the server may run as another user
    data, clip = folder / "data", folder / "carphone.mp4"
    clip.write_bytes(sample("carphone_pristine"))
    settings = Settings(data=data, database_url="", database_name="lapel")
    try:
        init = lapel(data, *INIT)
        assert init.returncode == 0, init.stderr
        added = lapel(data, "footage", "add", clip, *WORN, "--started-at", STARTED)
        assert added.returncode == 0, added.stderr
        with ExitStack() as stack:
            admin_url = stack.enter_context(running_database(settings))
            stack.enter_context(key_agent(settings))
            made = department(settings, admin_url)
            publish(made)
            yield Founded(made, clip, init, added)
    finally:
        remove_clusters(folder)
        shutil.rmtree(folder)


def publish(made: Department) -> None:
    """What the sequencer does while `lapel serve` runs."""
    archive = made.archive("sequencer")
    sequencer = Sequencer(made.urls["sequencer"], archive.keys, archive.stores, made.origin)
    assert sequencer.start()
    while sequencer.step():
        pass
    sequencer.publish()
    sequencer.stop()
    archive.db.close()


def refused(ended: subprocess.CompletedProcess[str], status: int, says: str) -> None:
    assert ended.returncode == status, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def words(ended: subprocess.CompletedProcess[str]) -> str:
    return re.sub(r"[\s│]+", " ", ended.stdout)


# Help


def test_help_lists_every_command_with_a_sentence(tmp_path: Path):
    shown = words(lapel(tmp_path, "--help"))
    commands: dict[str, Any] = get_command(cli.command_line()).commands  # type: ignore[attr-defined]
    assert set(commands) >= {
        "init",
        "serve",
        "fsck",
        "rebuild",
        "verify",
        "footage",
        "custody",
        "intake",
        "access",
    }
    for name, command in commands.items():
        assert command.help, name
        assert re.search(rf" {name} {re.escape(command.help.split('. ')[0].split(chr(10))[0])}", shown), name


@pytest.mark.parametrize("room", ["footage", "custody", "intake", "access"])
def test_help_of_a_room_lists_its_commands(tmp_path: Path, room: str):
    shown = words(lapel(tmp_path, room, "--help"))
    inside: dict[str, Any] = get_command(cli.command_line()).commands[room].commands  # type: ignore[attr-defined]
    assert inside
    for name, command in inside.items():
        assert command.help, name
        assert re.search(rf" {name} {re.escape(command.help.split('. ')[0])}", shown), name


# Errors, by causing them


@pytest.mark.parametrize(
    "said",
    [
        ("fsck",),
        ("rebuild",),
        ("serve",),
        ("serve", "--only", "worker"),
        ("custody", "show", "R-00000-00000"),
        ("custody", "prove", "R-00000-00000"),
        ("footage", "add", __file__, *WORN),
        ("access", "link"),
    ],
    ids=" ".join,
)
def test_without_a_department_every_command_says_so_and_makes_nothing(tmp_path: Path, said: tuple[str, ...]):
    refused(lapel(tmp_path / "none", *said), 4, "There is no department in")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("origin", ["two words", "https://example.gov/lapel", "example.gov/", "a+b", ""])
def test_an_origin_that_cannot_be(tmp_path: Path, origin: str):
    refused(lapel(tmp_path / "d", "init", "--name", "D", "--origin", origin), 5, "cannot be the origin")
    assert not (tmp_path / "d").exists()


def test_a_setting_that_cannot_be(tmp_path: Path):
    ended = lapel(tmp_path, "fsck", LAPEL_PUBLISH_EVERY_S="soon", LAPEL_UNDELIVERED_AFTER_H="-1")
    refused(ended, 5, "LAPEL_PUBLISH_EVERY_S: ")
    assert "LAPEL_UNDELIVERED_AFTER_H: " in ended.stderr


def test_there_is_no_such_process(founded: Founded):
    ended = founded.lapel("serve", "--only", "kitchen")
    assert ended.returncode == 2
    assert "There is no process kitchen" in ended.stderr


def test_init_prints_the_warning_of_the_keys_and_a_link(founded: Founded):
    assert "Whoever loses that file loses every recording" in founded.init.stdout
    assert re.search(r"^http://127\.0\.0\.1:8460/begin/\S+$", founded.init.stdout, re.MULTILINE)


def test_a_second_init_is_refused(founded: Founded):
    refused(founded.lapel(*INIT), 6, "There is a department in")


def test_a_recording_that_is_not_there(founded: Founded):
    refused(founded.lapel("custody", "prove", "R-00000-00000"), 4, "There is no recording")
    for wrong in ("R-00000-00000", new_id(), "'; DROP TABLE recording; --"):
        refused(founded.lapel("custody", "show", wrong), 4, "There is no recording")


def test_an_act_or_a_field_that_the_log_has_not(founded: Founded):
    refused(founded.lapel("custody", "prove", founded.number, "--act", "eaten"), 4, "no such entry")
    refused(founded.lapel("custody", "prove", founded.number, "--open", "colour"), 5, "no field “colour”")


def test_a_file_that_is_not_there(founded: Founded, tmp_path: Path):
    none = tmp_path / "none.mp4"
    refused(founded.lapel("footage", "add", none, *WORN), 4, f"There is no file {none}.")
    refused(founded.lapel("verify", none), 4, "cannot be read")
    refused(founded.lapel("footage", "add", tmp_path, *WORN), 5, "cannot be read")


@pytest.mark.parametrize("when", ["yesterday", "2026-11-24T10:15:00", "2026-02-30T10:15:00Z"])
def test_a_start_that_is_no_instant(founded: Founded, tmp_path: Path, when: str):
    clip = tmp_path / "other.mp4"
    clip.write_bytes(founded.clip.read_bytes() + when.encode() + b"!")
    refused(founded.lapel("footage", "add", clip, *WORN, "--started-at", when), 5, "")


def test_an_agency_that_is_not_there_or_not_said(founded: Founded):
    add = ("footage", "add", founded.clip, *WORN[:4])
    refused(founded.lapel(*add), 5, "It is not said whose footage this is.")
    refused(founded.lapel(*add, "--agency", "atlantis"), 5, "There is no agency atlantis.")


def test_a_database_that_does_not_answer(founded: Founded):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nothing else gets it, and it answers nobody
        url = f"postgresql://postgres@127.0.0.1:{closed.getsockname()[1]}/postgres"
        ended = founded.lapel("custody", "show", founded.number, LAPEL_DATABASE_URL=url)
    refused(ended, 7, "")
    assert ended.stderr.strip()


# Evidence


def test_a_file_that_is_there_is_not_added_again(founded: Founded, tmp_path: Path):
    again = tmp_path / "another name.mp4"
    shutil.copy(founded.clip, again)
    ended = founded.lapel("footage", "add", again, *WORN)
    assert ended.returncode == 0
    assert f"is there already, as {founded.number}" in ended.stdout


def test_show_tells_every_act_in_the_order_of_the_log(founded: Founded):
    shown = founded.lapel("custody", "show", founded.number)
    assert shown.returncode == 0
    acts = re.findall(r"^\S+  (\w+)  by cli:\S+  \(entry \d+, published\)$", shown.stdout, re.MULTILINE)
    assert acts == ["announced", "received", "completed"]
    assert founded.rows()[1].sha256 in shown.stdout
    recording, _ = founded.rows()
    for called in (recording.id, founded.number.lower()):
        assert founded.lapel("custody", "show", called).stdout == shown.stdout


def test_a_receipt_holds_with_the_trust_file_and_is_only_consistent_without(founded: Founded, tmp_path: Path):
    receipt = founded.receipt(tmp_path / "receipt.json", "--open", "sha256")
    trust = ("--trust", founded.made.settings.trust)
    # Anywhere: no department, no database.
    held = lapel(tmp_path / "none", "verify", receipt, *trust)
    assert held.returncode == 0, held.stdout
    assert founded.rows()[1].sha256 in held.stdout
    alone = lapel(tmp_path / "none", "verify", receipt)
    assert alone.returncode == 8
    assert "Not proved" in alone.stdout


def test_a_receipt_knows_its_file_from_another(founded: Founded, tmp_path: Path):
    receipt = founded.receipt(tmp_path / "receipt.json", "--open", "sha256")
    trust = ("--trust", founded.made.settings.trust)
    assert founded.lapel("verify", receipt, founded.clip, *trust).returncode == 0
    other = tmp_path / "other.mp4"
    content = bytearray(founded.clip.read_bytes())
    content[len(content) // 2] ^= 1
    other.write_bytes(content)
    wrong = founded.lapel("verify", receipt, other, *trust)
    assert wrong.returncode == 90
    assert "WRONG" in wrong.stdout
    closed = founded.receipt(tmp_path / "closed.json")
    assert founded.lapel("verify", closed, founded.clip, *trust).returncode == 1


def test_a_receipt_with_another_value_is_wrong(founded: Founded, tmp_path: Path):
    receipt = founded.receipt(tmp_path / "receipt.json", "--open", "sha256,name")
    content = json.loads(receipt.read_text())
    content["opened"]["name"]["value"] = "another.mp4"
    receipt.write_text(json.dumps(content))
    ended = founded.lapel("verify", receipt, "--trust", founded.made.settings.trust)
    assert ended.returncode == 90
    assert "do not rely on it" in ended.stdout


@pytest.mark.parametrize(
    "garbage", [b"", b"{}", b"\xff\xfe\x00", b"[" * 100_000, b'{"receipt": 1, "receipt": 1}']
)
def test_garbage_is_no_receipt(founded: Founded, tmp_path: Path, garbage: bytes):
    (tmp_path / "garbage").write_bytes(garbage)
    refused(founded.lapel("verify", tmp_path / "garbage"), 5, "receipt")


def test_garbage_is_no_trust_file(founded: Founded, tmp_path: Path):
    receipt = founded.receipt(tmp_path / "receipt.json")
    (tmp_path / "trust.json").write_text("{}")
    refused(founded.lapel("verify", receipt, "--trust", tmp_path / "trust.json"), 5, "trust file")


# Damage, one at a time


def faults(founded: Founded, status: int) -> list[tuple[str, str]]:
    ended = founded.lapel("fsck", "--json")
    assert ended.returncode == status, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert told["clean"] == (status == 0)
    assert told["left_behind"] == []
    return [(fault["kind"], fault["thing"]) for fault in told["faults"]]


@contextmanager
def gone(path: Path, aside: Path) -> Iterator[None]:
    """The file is not there for as long as the block lasts."""
    shutil.move(path, aside)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        shutil.move(aside, path)


@contextmanager
def flipped(path: Path, aside: Path, at: int = -1) -> Iterator[None]:
    """One bit of the file is another for as long as the block lasts."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    with gone(path, aside):
        path.write_bytes(content)
        yield


def stored(founded: Founded, store_name: str, name: str) -> Path:
    return LocalStore(founded.objects / store_name).path(name)


def test_a_department_as_it_should_be_is_clean(founded: Founded):
    assert faults(founded, 0) == []
    told = founded.lapel("fsck")
    assert told.returncode == 0
    assert told.stdout.startswith("Clean: ")


@pytest.mark.parametrize("at", [0, 300_000, -1], ids=["its first byte", "one inside", "its last byte"])
def test_a_flipped_bit_of_an_original_is_found(founded: Founded, tmp_path: Path, at: int):
    _, original = founded.rows()
    with flipped(stored(founded, "originals", original.object), tmp_path / "aside", at):
        assert faults(founded, 90) == [("altered", f"original {original.id} of {founded.number}")]
        told = founded.lapel("fsck")
        assert told.returncode == 90
        assert f"original {original.id} of {founded.number}" in told.stdout
        assert "Change nothing" in told.stdout
    assert faults(founded, 0) == []


def test_a_lost_original_is_found(founded: Founded, tmp_path: Path):
    _, original = founded.rows()
    with gone(stored(founded, "originals", original.object), tmp_path / "aside"):
        assert faults(founded, 90) == [("lost", f"original {original.id} of {founded.number}")]


def test_a_lost_or_flipped_sidecar_is_found(founded: Founded, tmp_path: Path):
    recording, original = founded.rows()
    name = name_of(recording.agency, recording.id, original.entry)
    path = stored(founded, "sidecars", name)
    with gone(path, tmp_path / "aside"):
        assert faults(founded, 90) == [("lost", f"sidecar {name}")]
    with flipped(path, tmp_path / "aside"):
        assert faults(founded, 90) == [("altered", f"sidecar {name}")]


def test_a_lost_or_flipped_recording_key_is_found(founded: Founded, tmp_path: Path):
    recording, _ = founded.rows()
    path = stored(founded, "keys", f"{recording.agency}/{recording.id}")
    with gone(path, tmp_path / "aside"):
        assert ("lost", f"key of {founded.number}") in faults(founded, 90)
    with flipped(path, tmp_path / "aside"):
        assert ("altered", f"key of {founded.number}") in faults(founded, 90)


def test_a_flipped_bit_of_the_public_log_is_found(founded: Founded, tmp_path: Path):
    tiles = sorted(p for p in (founded.objects / "public" / "log" / "tile").rglob("*") if p.is_file())
    assert tiles
    for tile in tiles:
        with flipped(tile, tmp_path / "aside"):
            assert {kind for kind, _ in faults(founded, 90)} <= {"altered", "lost"}
    assert faults(founded, 0) == []


def test_a_row_that_was_changed_in_the_database_is_found(founded: Founded):
    _, original = founded.rows()
    change = "UPDATE original SET sha256 = %s WHERE id = %s"
    with connect(founded.made.urls["owner"]) as conn:
        conn.execute("SELECT set_config('lapel.agencies', 'cbp', false)")
        assert conn.execute(change, ("0" * 64, original.id)).rowcount == 1
        try:
            found = faults(founded, 90)
        finally:
            conn.execute(change, (original.sha256, original.id))
    assert ("altered", f"original {original.id} of {founded.number}") in found
    assert ("altered", f"sidecar of original {original.id} of {founded.number}") in found
    assert faults(founded, 0) == []


@contextmanager
def behind_its_back(founded: Founded) -> Iterator[Connection]:
    """The database as whoever owns the server could change it: no trigger, no policy; undone when the block ends."""
    address = founded.data.joinpath("database-address").read_text()
    with connect(make_conninfo(address, dbname="lapel")) as conn:
        conn.execute("SET session_replication_role = replica")
        yield conn
    assert faults(founded, 0) == []


def test_a_row_that_was_deleted_in_the_database_is_found(founded: Founded):
    _, original = founded.rows()
    with behind_its_back(founded) as conn:
        row = conn.execute("DELETE FROM lapel.original WHERE id = %s RETURNING *", (original.id,)).fetchone()
        assert row is not None
        try:
            found = faults(founded, 90)
        finally:
            rows.insert(conn, "original", row)
    assert found == [("lost", f"original {original.id} of {founded.number}")]


def test_a_leaf_that_was_changed_or_deleted_in_the_database_is_found(founded: Founded):
    with behind_its_back(founded) as conn:
        row = conn.execute("SELECT * FROM lapel.custody_leaf WHERE index = 3").fetchone()
        assert row is not None
        change = "UPDATE lapel.custody_leaf SET tag = %s WHERE index = 3"
        conn.execute(change, (b"\0" * 16,))
        altered = faults(founded, 90)
        conn.execute(change, (row["tag"],))
        conn.execute("DELETE FROM lapel.custody_leaf WHERE index = 3")
        lost = faults(founded, 90)
        conn.execute("INSERT INTO lapel.custody_leaf VALUES (%(index)s, %(entry)s, %(tag)s, %(n)s)", row)
    assert ("altered", f"entry {row['entry']}") in altered
    assert any(thing.startswith("custody_batch") for kind, thing in altered if kind == "altered")
    assert ("lost", "leaf 3") in lost


def test_what_an_interrupted_act_left_is_told_and_is_no_fault(founded: Founded):
    """As it is after a crash between an object and the commit that would have named it."""
    recording, _ = founded.rows()
    never = new_id()
    left = {
        "originals": f"object {never}",
        "derived": f"derived object {never}",
        "sidecars": f"sidecar {recording.agency}/{recording.id}/{never}",
        "keys": f"key {recording.agency}/{never}",
    }
    stores = founded.made.stores
    for name, thing in left.items():
        getattr(stores, name).put_new(thing.rsplit(" ", 1)[1], b"not all of it")
    try:
        as_json, told = founded.lapel("fsck", "--json"), founded.lapel("fsck")
    finally:
        for name, thing in left.items():
            getattr(stores, name).delete(thing.rsplit(" ", 1)[1])
    assert (as_json.returncode, told.returncode) == (0, 0), as_json.stdout + told.stderr
    assert sorted(json.loads(as_json.stdout)["left_behind"]) == sorted(left.values())
    assert all(f"left behind: {thing}." in told.stdout for thing in left.values())
    assert told.stdout.rstrip().splitlines()[-1].startswith("Clean: ")
