"""Can an outsider who knows nothing of our code follow the public log, tile by tile, to the last of 70,000 entries?"""

from __future__ import annotations

import hashlib

import independent_reader as reader
import pytest
from logs import ORIGIN, head, record, sequenced, sequencer, verdict

from house import House
from lapel.base.errors import NotFound
from lapel.custody import log
from lapel.storage.postgres import connect

ENTRIES = 70_000


@pytest.mark.slow
def test_an_independent_reader_walks_a_log_of_70000_entries(house: House) -> None:
    one = sequencer(house)
    one.start()
    one.publish()
    ids: list[str] = []
    # Published at sizes in between too, so that partial tiles lie about as they do in life.
    for upto in (1, 255, 257, 20_000, 65_536, ENTRIES):
        ids += record(house, upto - len(ids), start=len(ids), subjects=501)
        while one.step():
            pass
        assert one.publish() == upto
    one.stop()

    asked: list[str] = []

    def fetch(name: str) -> bytes:
        asked.append(name)
        return house.stores.public.read(f"log/{name}")

    entries = reader.read_log(fetch, ORIGIN, house.keys("sequencer").public_key("log"))
    assert len(entries) == ENTRIES
    assert {len(entry) for entry in entries} == {49}
    assert {entry[0] for entry in entries} == {1}
    # C2SP tlog-tiles counts the tiles of exactly this size: 273 full of level 0 and so on.
    assert sum(name.startswith("tile/0/") for name in asked) == 274
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= set(asked)

    with connect(house.urls["owner"]) as conn:
        leaves = conn.execute(
            "SELECT l.index, e.id, e.commitment FROM custody_leaf l JOIN custody_entry e ON e.id = l.entry"
        ).fetchall()
        key = conn.execute("SELECT key FROM custody_subject WHERE subject = 'recording:cbp7'").fetchone()
        own = conn.execute(
            "SELECT l.index FROM custody_leaf l JOIN custody_opening o ON o.entry = l.entry"
            " WHERE o.subject = 'recording:cbp7' ORDER BY l.index"
        ).fetchall()
    assert {row["id"] for row in leaves} == set(ids)
    assert all(entries[row["index"]][17:] == row["commitment"] for row in leaves)
    # Who is given a subject's key finds all its entries and sees that there is no further one; without it, none.
    assert key is not None
    assert reader.entries_of_subject(entries, key["key"]) == [row["index"] for row in own]
    assert reader.entries_of_subject(entries, b"k" * 32) == []
    for entry in (ids[0], ids[256], ids[65_535], ids[-1]):
        assert verdict(house, entry, "i").status == 0


def test_an_independent_reader_sees_a_tile_that_was_changed(house: House) -> None:
    record(house, 300)
    one = sequencer(house)
    one.start()
    one.publish()
    one.step()
    one.publish()
    one.stop()
    key = house.keys("sequencer").public_key("log")

    def fetch(name: str) -> bytes:
        return house.stores.public.read(f"log/{name}")

    assert len(reader.read_log(fetch, ORIGIN, key)) == head(house)[0] == 300
    for name in ("tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"):
        was = fetch(name)
        house.stores.public.replace(
            f"log/{name}",
            was[:40].swapcase() + bytes([was[40] ^ 1]) + was[41:] if len(was) > 41 else bytes(32),
        )
        with pytest.raises(ValueError):
            reader.read_log(fetch, ORIGIN, key)
        house.stores.public.replace(f"log/{name}", was)
    house.stores.public.delete("log/tile/0/001.p/44")
    with pytest.raises(NotFound):
        reader.read_log(fetch, ORIGIN, key)


def test_who_is_given_a_subjects_key_sees_that_its_history_is_complete(house: House) -> None:
    ids = record(house, 20, subjects=3)
    sequenced(house)

    def indexes() -> list[int]:
        public_key = house.keys("sequencer").public_key("log")
        entries = reader.read_log(lambda name: house.stores.public.read(f"log/{name}"), ORIGIN, public_key)
        return reader.entries_of_subject(entries, key)

    with house.db().tx(house.scope()) as conn:
        row = conn.execute("SELECT key FROM custody_subject WHERE subject = 'recording:cbp1'").fetchone()
        assert row is not None
        key = bytes(row["key"])
        told = log.history(conn, "recording:cbp1")
    assert [act.entry for act in told] == ids[1::3]
    assert indexes() == [act.index for act in told]
    # Complete for this key; that it is this subject's key is what the first entry committed to.
    first = verdict(house, told[0].entry, "subject", "subject_key")
    assert first.status == 0
    assert first.opened["subject"] == "recording:cbp1"
    assert first.opened["subject_key"] == hashlib.sha256(key).hexdigest()
    # An act that was never mentioned to the holder of the key shows itself with the next checkpoint.
    record(house, 3, start=20, subjects=3)
    sequenced(house)
    assert len(indexes()) == len(told) + 1
