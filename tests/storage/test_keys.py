"""Who may ask the key agent for what, and what does a wrapped key open for?"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.base.errors import Conflict, EvidenceFault, Invalid, LapelError, NotFound, Refused, Unavailable
from lapel.storage import keyblob, keyrights, keywire
from lapel.storage.keyagent import CONNECTIONS_PER_CALLER, KeyAgent
from lapel.storage.keyblob import Kind
from lapel.storage.keyring import Keyring, create_keyring
from lapel.storage.keys import AgentKeys

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text())
CALLERS = ("intake", "staff", "worker", "sequencer", "admin")


class Agent:
    """A key agent in this process and its callers."""

    def __init__(self, place: Path, sockets: Path) -> None:
        self.keyring = place / "keyring.json"
        create_keyring(self.keyring, ("cbp", "ice"))
        self.sockets = sockets
        self.running = KeyAgent(self.keyring, self.sockets)
        self.running.start()

    def as_(self, caller: str) -> AgentKeys:
        return AgentKeys(self.sockets / f"{caller}.sock")

    def restart(self) -> None:
        self.running.stop()
        self.running = KeyAgent(self.keyring, self.sockets)
        self.running.start()

    def raw(self, caller: str = "staff") -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self.sockets / f"{caller}.sock"))
        return connection


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A directory whose name is short enough for a socket's."""
    directory = Path(tempfile.mkdtemp(prefix="lapel-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def agent(tmp_path: Path, sockets: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path, sockets)
    yield agent
    agent.running.stop()


def test_what_the_intake_wraps_the_staff_can_open(agent: Agent) -> None:
    recording = agent.as_("intake").new_recording_key("cbp")
    blob = agent.as_("intake").wrap("cbp", "object:1", b"secret", under=recording)
    assert agent.as_("staff").unwrap("cbp", "object:1", blob, under=recording) == b"secret"
    under_epoch = agent.as_("intake").wrap("cbp", "link", b"")
    assert agent.as_("worker").unwrap("cbp", "link", under_epoch) == b""


ASKED: dict[str, Callable[[AgentKeys, bytes, bytes], object]] = {
    "new_recording_key": lambda keys, recording, blob: keys.new_recording_key("cbp"),
    "wrap": lambda keys, recording, blob: keys.wrap("cbp", "p", b"x", under=recording),
    "wrap under department": lambda keys, recording, blob: keys.wrap("department", "p", b"x"),
    "unwrap": lambda keys, recording, blob: keys.unwrap("cbp", "p", blob, under=recording),
    "sign": lambda keys, recording, blob: keys.sign("log", b"x"),
    "sign a manifest": lambda keys, recording, blob: keys.sign("manifest:cbp", b"x"),
    "public_key": lambda keys, recording, blob: keys.public_key("log"),
    "begin_epoch": lambda keys, recording, blob: keys.begin_epoch("ice"),
    "destroy": lambda keys, recording, blob: keys.destroy("ice", 1),
}
MAY = {
    "intake": {"new_recording_key", "wrap", "public_key"},
    "staff": {"new_recording_key", "wrap", "unwrap", "public_key"},
    "worker": {"wrap", "unwrap", "sign a manifest", "public_key"},
    "sequencer": {"wrap under department", "sign", "public_key"},
    "admin": {
        "new_recording_key",
        "wrap",
        "wrap under department",
        "unwrap",
        "public_key",
        "begin_epoch",
        "destroy",
    },
}


@pytest.mark.parametrize("caller", CALLERS)
def test_each_caller_may_do_its_own_work_and_nothing_else(agent: Agent, caller: str) -> None:
    recording = agent.as_("intake").new_recording_key("cbp")
    blob = agent.as_("intake").wrap("cbp", "p", b"x", under=recording)
    keys = agent.as_(caller)
    allowed = set()
    for name, ask in ASKED.items():
        with contextlib.suppress(Refused):
            ask(keys, recording, blob)
            allowed.add(name)
    assert allowed == MAY[caller]
    assert set(keyrights.MAY) == set(CALLERS)


def test_an_agencys_manifest_key_stays_the_same_when_the_agent_starts_again(agent: Agent) -> None:
    first = agent.as_("worker").public_key("manifest:cbp")
    assert agent.as_("worker").public_key("manifest:ice") != first
    assert agent.as_("worker").sign("manifest:cbp", b"x") == agent.as_("worker").sign("manifest:cbp", b"x")
    assert Keyring(agent.keyring).signer("manifest:cbp").public_key().public_bytes_raw() == first
    for name in ("manifest:nobody", "manifest:department", "manifest:"):
        with pytest.raises(NotFound):
            agent.as_("worker").public_key(name)


@pytest.mark.parametrize(
    ("says", "change"),
    [
        ("another purpose", {"purpose": "object:2"}),
        ("another agency", {"agency": "ice"}),
        ("another recording", {"under": "other"}),
        ("no recording", {"under": None}),
        ("a recording of another agency", {"under": "foreign"}),
        ("a secret in place of a recording's key", {"under": "secret"}),
    ],
)
def test_a_wrapped_key_opens_for_nothing_else(agent: Agent, says: str, change: dict[str, str | None]) -> None:
    keys = agent.as_("staff")
    recordings: dict[str | None, bytes | None] = {
        None: None,
        "own": keys.new_recording_key("cbp"),
        "other": keys.new_recording_key("cbp"),
        "foreign": keys.new_recording_key("ice"),
        "secret": keys.wrap("cbp", "recording-key", bytes(32)),
    }
    blob = keys.wrap("cbp", "object:1", b"secret", under=recordings["own"])
    asked = {"agency": "cbp", "purpose": "object:1", "under": "own"} | change
    with pytest.raises(EvidenceFault):
        keys.unwrap(str(asked["agency"]), str(asked["purpose"]), blob, under=recordings[asked["under"]])


def test_a_recordings_key_never_leaves_the_agent(agent: Agent) -> None:
    keys = agent.as_("admin")
    recording = keys.new_recording_key("cbp")
    for purpose in (keyblob.RECORDING_PURPOSE, "object:1"):
        with pytest.raises(EvidenceFault):
            keys.unwrap("cbp", purpose, recording)
        with pytest.raises(EvidenceFault):
            keys.unwrap("cbp", purpose, recording, under=recording)


def test_an_empty_recording_key_does_not_silently_mean_the_epochs_key(agent: Agent) -> None:
    with pytest.raises(Invalid):
        agent.as_("staff").wrap("cbp", "p", b"x", under=b"")


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_no_changed_byte_of_a_wrapped_key_goes_unnoticed(data: st.DataObject) -> None:
    key = AESGCM(bytes(32))
    under = data.draw(st.sampled_from([b"", b"the wrapped recording key"]))
    kind = Kind.SECRET_OF_RECORDING if under else Kind.SECRET
    blob = bytearray(keyblob.seal(key, kind, "cbp", 3, "p", data.draw(st.binary(max_size=40)), under=under))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EvidenceFault):
        keyblob.unseal(key, keyblob.read(bytes(blob)), "p")
    with pytest.raises(EvidenceFault):
        keyblob.unseal(key, keyblob.read(bytes(blob[:at])), "p")


@pytest.mark.parametrize("vector", VECTORS["wrapped"], ids=lambda vector: vector["says"])
def test_the_vectors_open_and_are_wrapped_to_the_same_bytes(
    vector: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = AESGCM(bytes.fromhex(vector["key"]))
    blob = keyblob.read(bytes.fromhex(vector["blob"]))
    assert keyblob.unseal(key, blob, vector["purpose"]) == bytes.fromhex(vector["plain"])
    assert (blob.kind, blob.owner, blob.epoch) == (int(vector["kind"]), vector["owner"], vector["epoch"])
    under = bytes.fromhex(vector["under"])
    assert blob.under == (hashlib.sha256(under).digest()[:16] if under else b"")
    monkeypatch.setattr("lapel.storage.keyblob.os.urandom", lambda _: blob.nonce)
    again = keyblob.seal(
        key, blob.kind, blob.owner, blob.epoch, vector["purpose"], bytes.fromhex(vector["plain"]), under=under
    )
    assert again.hex() == vector["blob"]


def test_the_largest_secret_fits_and_one_byte_more_is_413(agent: Agent) -> None:
    keys = agent.as_("staff")
    largest = os.urandom(1 << 20)
    recording = keys.new_recording_key("cbp")
    assert (
        keys.unwrap("cbp", "p", keys.wrap("cbp", "p", largest, under=recording), under=recording) == largest
    )
    with pytest.raises(Invalid) as caught:
        keys.wrap("cbp", "p", largest + b"x")
    assert caught.value.says == "The key agent wraps at most 1 MiB at once."
    with pytest.raises(Invalid):
        keys.wrap("cbp", "p" * 201, b"x")
    with pytest.raises(Invalid):
        keys.wrap("cbp", "", b"x")
    for agency in ("", "CBP", "a/b", "ä" * 20, "x" * 5000):
        with pytest.raises(Invalid):
            keys.wrap(agency, "p", b"x")
    with pytest.raises(NotFound):
        keys.wrap("nobody", "p", b"x")


def test_signatures_are_ed25519_and_check_with_the_public_key(agent: Agent) -> None:
    keys = agent.as_("sequencer")
    public = keys.public_key("log")
    assert len(public) == 32
    Ed25519PublicKey.from_public_bytes(public).verify(keys.sign("log", b"checkpoint"), b"checkpoint")
    with pytest.raises(Refused):
        keys.sign("other", b"checkpoint")


def test_a_new_epoch_wraps_what_is_new_and_a_destroyed_one_takes_its_secrets_along(agent: Agent) -> None:
    admin, staff = agent.as_("admin"), agent.as_("staff")
    old = staff.wrap("cbp", "p", b"old")
    with pytest.raises(Conflict):
        admin.destroy("cbp", 1)  # it is in use
    assert admin.begin_epoch("cbp") == 2
    new = staff.wrap("cbp", "p", b"new")
    assert staff.unwrap("cbp", "p", old) == b"old"
    admin.destroy("cbp", 1)
    for _ in range(2):
        with pytest.raises(NotFound):
            staff.unwrap("cbp", "p", old)
        assert staff.unwrap("cbp", "p", new) == b"new"
        agent.restart()  # the file says the same as the memory
    with pytest.raises(NotFound):
        admin.destroy("cbp", 1)
    admin.begin_epoch("cbp")
    admin.destroy("cbp", 2)
    assert admin.begin_epoch("cbp") == 4
    assert admin.begin_epoch("newcomer") == 1
    assert staff.unwrap("newcomer", "p", staff.wrap("newcomer", "p", b"x")) == b"x"


HOSTILE = {
    "garbage": os.urandom(5000),
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a length of four gigabytes": b"\xff\xff\xff\xff",
    "a field longer than its message": struct.pack(">II", 8, 1000) + b"abcd",
    "a field's length cut": struct.pack(">I", 3) + b"abc",
    "nine fields": struct.pack(">I", 36) + b"\0\0\0\0" * 9,
    "no fields": struct.pack(">I", 0),
    "no such operation": keywire.encode([b"give_me_the_keyring"]),
    "an operation that is no text": keywire.encode([b"\xff\xfe"]),
    "too few fields": keywire.encode([b"wrap", b"cbp"]),
    "too many fields": keywire.encode([b"public_key", b"log", b"log"]),
    "an agency that is no text": keywire.encode([b"new_recording_key", b"\xff\xff"]),
    "a blob of one byte": keywire.encode([b"unwrap", b"cbp", b"p", b"L", b""]),
    "a blob of only its magic": keywire.encode([b"unwrap", b"cbp", b"p", b"LKEY\x01", b""]),
    "a blob of no known kind": keywire.encode(
        [b"unwrap", b"cbp", b"p", b"LKEY\x01\x09\x03cbp" + bytes(60), b""]
    ),
    "an epoch that is no number": keywire.encode([b"destroy", b"cbp", b"-1"]),
}


@pytest.mark.parametrize("says", HOSTILE)
def test_hostile_bytes_get_an_error_and_the_agent_lives(agent: Agent, says: str) -> None:
    connection = agent.raw("admin")
    connection.sendall(HOSTILE[says])
    reply = keywire.receive(connection)
    assert reply is not None
    assert reply[0] in (b"invalid", b"evidence-fault")
    assert b"defect" not in reply[1]
    connection.close()
    assert len(agent.as_("admin").public_key("log")) == 32


def test_a_caller_that_stops_in_the_middle_of_a_message_holds_nobody_up(agent: Agent) -> None:
    half = agent.raw()
    half.sendall(struct.pack(">I", 100) + b"abc")
    dead = agent.raw()
    dead.sendall(keywire.encode([b"wrap", b"cbp", b"p", b"x", b""])[:20])
    dead.close()
    assert len(agent.as_("staff").public_key("log")) == 32
    half.close()


def test_one_caller_with_too_many_connections_is_told_and_no_other_caller_notices(agent: Agent) -> None:
    held = [agent.raw("intake") for _ in range(CONNECTIONS_PER_CALLER)]
    for connection in held:
        connection.sendall(keywire.encode([b"public_key", b"log"]))
        assert keywire.receive(connection)
    one_more = agent.raw("intake")
    reply = keywire.receive(one_more)
    assert reply is not None
    assert reply[0] == b"unavailable"
    assert len(agent.as_("staff").public_key("log")) == 32
    held[0].close()
    deadline = time.monotonic() + 20
    while True:
        try:
            agent.as_("intake").public_key("log")
            break
        except Unavailable:
            assert time.monotonic() < deadline
    for connection in (*held, one_more):
        connection.close()


def test_many_threads_share_one_client(agent: Agent) -> None:
    keys = agent.as_("staff")
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for count in range(50):
                plain = f"{number}.{count}".encode()
                assert keys.unwrap("cbp", "p", keys.wrap("cbp", "p", plain)) == plain
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_client_survives_a_restart_of_the_agent(agent: Agent) -> None:
    keys = agent.as_("staff")
    blob = keys.wrap("cbp", "p", b"x")
    agent.restart()
    assert keys.unwrap("cbp", "p", blob) == b"x"
    agent.running.stop()
    with pytest.raises(Unavailable):
        keys.unwrap("cbp", "p", blob)
    agent.restart()
    assert keys.unwrap("cbp", "p", blob) == b"x"


def test_an_agent_that_was_killed_is_replaced_at_the_same_sockets(tmp_path: Path, sockets: Path) -> None:
    create_keyring(tmp_path / "keyring.json", ("cbp",))
    command = [sys.executable, "-m", "lapel.storage.keyagent", str(tmp_path / "keyring.json"), str(sockets)]
    keys = AgentKeys(sockets / "staff.sock")
    blob = b""
    for round_ in range(2):
        agent = subprocess.Popen(command)
        try:
            asked = until_answered(lambda: keys.wrap("cbp", "p", b"x"))
            blob = blob or asked
            assert keys.unwrap("cbp", "p", blob) == b"x"
        finally:
            agent.send_signal(signal.SIGKILL if round_ == 0 else signal.SIGTERM)
            status = agent.wait(20)
    assert status == 0


def until_answered(ask: Callable[[], bytes]) -> bytes:
    deadline = time.monotonic() + 30
    while True:
        try:
            return ask()
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_two_agents_do_not_serve_the_same_sockets(agent: Agent) -> None:
    with pytest.raises(Conflict):
        KeyAgent(agent.keyring, agent.sockets).start()
    assert len(agent.as_("staff").public_key("log")) == 32


def test_each_socket_is_its_owners_alone(agent: Agent) -> None:
    for caller in CALLERS:
        there = (agent.sockets / f"{caller}.sock").stat()
        assert stat.S_ISSOCK(there.st_mode)
        assert stat.S_IMODE(there.st_mode) == 0o600
    assert {path.stem for path in agent.sockets.glob("*.sock")} == set(CALLERS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to another user")
def test_a_process_of_another_user_cannot_use_a_socket_that_is_not_its_own(
    tmp_path: Path, sockets: Path
) -> None:
    create_keyring(tmp_path / "keyring.json", ("cbp",))
    agent = KeyAgent(tmp_path / "keyring.json", sockets, owners={"intake": 65534})
    agent.start()
    sockets.chmod(0o711)
    code = (
        "import socket, sys\n"
        "for name in ('intake', 'staff'):\n"
        "    s = socket.socket(socket.AF_UNIX)\n"
        "    try: s.connect(f'{sys.argv[1]}/{name}.sock'); print(name)\n"
        "    except PermissionError: print('no', name)\n"
    )
    command = ["/usr/bin/env", "python3", "-c", code, str(sockets)]
    try:
        said = subprocess.run(
            command,
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        agent.stop()
    assert said.stdout.split("\n") == ["intake", "no staff", ""]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_keyring_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    create_keyring(tmp_path / "keyring.json", ("cbp",))
    assert stat.S_IMODE((tmp_path / "keyring.json").stat().st_mode) == 0o600
    (tmp_path / "keyring.json").chmod(mode)
    with pytest.raises(Refused):
        Keyring(tmp_path / "keyring.json")


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", '{"format": "lapel keyring v2"}', '{"format": "lapel keyring v1"}',
     '{"format": "lapel keyring v1", "owners": {"cbp": {"current": 1, "epochs": {"1": "00"}}}, "signing": {}}',
     '{"format": "lapel keyring v1", "owners": {"cbp": 7}, "signing": {}}', "\ud800"],
)  # fmt: skip
def test_what_is_no_keyring_is_invalid(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keyring.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    path.chmod(0o600)
    with pytest.raises(Invalid):
        Keyring(path)


def test_a_keyring_is_never_overwritten_and_its_making_says_what_its_loss_means(tmp_path: Path) -> None:
    says = create_keyring(tmp_path / "keyring.json", ("cbp",))
    assert "loses every recording" in says
    assert str(tmp_path / "keyring.json") in says
    before = (tmp_path / "keyring.json").read_bytes()
    with pytest.raises(Conflict):
        create_keyring(tmp_path / "keyring.json", ("cbp",))
    assert (tmp_path / "keyring.json").read_bytes() == before
    with pytest.raises(NotFound):
        Keyring(tmp_path / "absent.json")


def test_a_keyring_that_cannot_be_written_keeps_its_old_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_keyring(tmp_path / "keyring.json", ("cbp",))
    ring = Keyring(tmp_path / "keyring.json")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(Unavailable):
            ring.begin_epoch("cbp")
    assert ring.current("cbp")[0] == Keyring(tmp_path / "keyring.json").current("cbp")[0] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["keyring.json"]


def test_a_directory_with_a_name_too_long_for_a_socket_says_so(tmp_path: Path) -> None:
    create_keyring(tmp_path / "keyring.json", ("cbp",))
    with pytest.raises(LapelError, match="shorter name"):
        KeyAgent(tmp_path / "keyring.json", tmp_path / ("x" * 120)).start()
