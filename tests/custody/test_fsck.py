"""Does the check of the log find what is lost, extra or altered, and nothing in a log that is sound?"""

from __future__ import annotations

import pytest
from logs import faults, record, sequenced, sequencer

from house import House
from lapel.storage.postgres import connect

DAMAGE: dict[str, tuple[str, str, str]] = {
    "a leaf removed": ("custody_leaf", "DELETE FROM custody_leaf WHERE index = 5", "lost"),
    "the last leaf removed": ("custody_leaf", "DELETE FROM custody_leaf WHERE index = 299", "lost"),
    "an entry removed": (
        "custody_entry",
        "DELETE FROM custody_entry WHERE id = (SELECT entry FROM custody_leaf WHERE index = 7)",
        "lost",
    ),
    "a commitment changed": (
        "custody_entry",
        "UPDATE custody_entry SET commitment = decode(repeat('ab', 32), 'hex')"
        " WHERE id = (SELECT entry FROM custody_leaf WHERE index = 7)",
        "altered",
    ),
    "openings removed": (
        "custody_opening",
        "DELETE FROM custody_opening WHERE entry = (SELECT entry FROM custody_leaf WHERE index = 7)",
        "lost",
    ),
    "a value changed": (
        "custody_opening",
        "UPDATE custody_opening SET openings = replace(openings::text, '\"viewed\"', '\"played\"')::json"
        " WHERE entry = (SELECT entry FROM custody_leaf WHERE index = 7)",
        "altered",
    ),
    "openings that are none": (
        "custody_opening",
        "UPDATE custody_opening SET openings = '[1]' WHERE entry = (SELECT entry FROM custody_leaf WHERE index = 7)",
        "altered",
    ),
    "a row moved to another subject": (
        "custody_opening",
        "UPDATE custody_opening SET subject = 'recording:cbp1' WHERE entry = (SELECT entry FROM custody_leaf WHERE index = 7)",
        "altered",
    ),
    "a subject taken out of a row": (
        "custody_opening",
        "UPDATE custody_opening SET subject = NULL WHERE entry = (SELECT entry FROM custody_leaf WHERE index = 7)",
        "altered",
    ),
    "a key changed": (
        "custody_subject",
        "UPDATE custody_subject SET key = decode(repeat('ab', 32), 'hex') WHERE subject = 'recording:cbp0'",
        "altered",
    ),
    "a key removed": (
        "custody_subject",
        "DELETE FROM custody_subject WHERE subject = 'recording:cbp0'",
        "lost",
    ),
    "a tag changed": (
        "custody_leaf",
        "UPDATE custody_leaf SET tag = decode(repeat('ab', 16), 'hex') WHERE index = 9",
        "altered",
    ),
    "a count too high": ("custody_count", "UPDATE custody_count SET n = n + 1", "altered"),
    "the root of a batch changed": (
        "custody_batch",
        "UPDATE custody_batch SET root = decode(repeat('ab', 32), 'hex')",
        "altered",
    ),
    "the root of a checkpoint changed": (
        "custody_checkpoint",
        "UPDATE custody_checkpoint SET root = decode(repeat('ab', 32), 'hex') WHERE size = 300",
        "altered",
    ),
    "a signature removed": (
        "custody_signature",
        "DELETE FROM custody_signature WHERE size = 300",
        "altered",
    ),
    "openings of no entry": (
        "custody_opening",
        "INSERT INTO custody_opening VALUES (repeat('0', 32), 'cbp', 'recording:cbp0', '{}')",
        "extra",
    ),
    "an entry that nothing will take up": (
        "custody_entry",
        "INSERT INTO custody_entry VALUES (repeat('0', 32), decode(repeat('ab', 32), 'hex'))",
        "lost",
    ),
}


def damaged(house: House, table: str, statement: str) -> None:
    """What somebody with the power of a superuser could do to the rows."""
    with connect(house.urls["owner"]) as conn, conn.transaction():
        conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        done = conn.execute(statement.encode())
        assert done.rowcount > 0
        conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())


def test_a_sound_log_has_no_fault(house: House) -> None:
    assert faults(house) == []
    record(house, 300)
    sequenced(house)
    assert faults(house) == []
    assert faults(house, keys=False) == []
    record(house, 5, start=300)
    one = sequencer(house)
    one.start()
    one.step()
    one.stop()
    record(house, 5, start=305)
    assert faults(house) == []  # some with a place and not sealed, some waiting for it


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_rows_are_found_and_named(house: House, damage: str) -> None:
    record(house, 300)
    sequenced(house)
    table, statement, kind = DAMAGE[damage]
    damaged(house, table, statement)
    found = faults(house)
    assert kind in {fault.kind for fault in found}, found
    assert all(fault.thing and fault.says.endswith(".") for fault in found)


def test_an_entry_that_waits_too_long_is_told(house: House) -> None:
    record(house, 1)
    damaged(house, "custody_pending", "UPDATE custody_pending SET pending_at = now() - interval '2 minutes'")
    (fault,) = faults(house)
    assert "waited" in fault.says
    assert fault.kind == "waiting"


@pytest.mark.parametrize(
    "name",
    [
        "log/tile/0/000",
        "log/tile/0/001.p/44",
        "log/tile/1/000.p/1",
        "log/tile/entries/000",
        "log/tile/entries/001.p/44",
        "log/checkpoint",
    ],
)
def test_a_public_object_that_is_lost_or_altered_is_told(house: House, name: str) -> None:
    record(house, 300)
    sequenced(house)
    was = house.stores.public.read(name)
    house.stores.public.delete(name)
    assert ("lost", name) in {(f.kind, f.thing) for f in faults(house)}
    house.stores.public.replace(name, bytes([was[0] ^ 1]) + was[1:])
    assert ("altered", name) in {(f.kind, f.thing) for f in faults(house)}
    house.stores.public.replace(name, was)
    assert faults(house) == []


@pytest.mark.parametrize(
    "name",
    ["log/tile/0/001", "log/tile/0/001.p/45", "log/tile/2/000.p/1", "log/tile/entries/002", "log/note"],
)
def test_a_public_object_beyond_the_checkpoint_is_extra(house: House, name: str) -> None:
    record(house, 300)
    sequenced(house)
    house.stores.public.put_new(name, b"x")
    assert [(f.kind, f.thing) for f in faults(house)] == [("extra", name)]


def test_a_private_copy_that_is_lost_altered_or_extra_is_told(house: House) -> None:
    record(house, 10)
    sequenced(house)
    name = "0000000000000000-0000000000000009"
    for store in (house.stores.log_private, house.stores.log_keys):
        was = store.read(name)
        store.delete(name)
        assert {fault.kind for fault in faults(house)} == {"lost"}
        store.replace(name, was[:-1] + bytes([was[-1] ^ 1]))
        assert {fault.kind for fault in faults(house)} <= {"altered", "lost"}
        assert faults(house)
        store.replace(name, was)
    house.stores.log_private.put_new("0000000000000005-0000000000000009", b"x")
    (fault,) = faults(house)
    assert fault.kind == "extra"
