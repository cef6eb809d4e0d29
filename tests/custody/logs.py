"""What the tests of the log share: a sequencer over a test house, a log of some size, a check that it is sound."""

from __future__ import annotations

import json

from house import House
from lapel.base.clock import now
from lapel.custody import fsck, log
from lapel.custody.checkpoint import LogKey, read_checkpoint, signed_by_log
from lapel.custody.log import Act
from lapel.custody.note import LOG_KEY, VerifierKey, read_note
from lapel.custody.receipt import prove
from lapel.custody.sequencer import Sequencer
from lapel.custody.trust import first_trust
from lapel.custody.verify import Verdict, verify_receipt

ORIGIN = "police.example.gov/lapel"


def sequencer(house: House, *, interval_s: float = 1.0, batch: int = 4096) -> Sequencer:
    """A sequencer, not started."""
    return Sequencer(
        house.urls["sequencer"], house.keys("sequencer"), house.stores, ORIGIN, interval_s, batch=batch
    )


def sequenced(house: House) -> int:
    """Give a place to all that waits, and publish; returns the published size."""
    one = sequencer(house)
    assert one.start()
    try:
        one.publish()
        while one.step():
            pass
        return one.publish()
    finally:
        one.stop()


def record(house: House, count: int, *, start: int = 0, agency: str = "cbp", subjects: int = 7) -> list[str]:
    """Record acts on some recordings; returns the ids of their entries."""
    ids = []
    with house.db().tx(house.scope(agency)) as conn:
        for at in range(start, start + count, 2000):
            acts = [
                Act(
                    "account:a",
                    agency,
                    "viewed",
                    f"recording:{agency}{i % subjects}",
                    {"i": i, "name": f"n{i}"},
                )
                for i in range(at, min(at + 2000, start + count))
            ]
            ids += [entry.id for entry in log.record_many(conn, acts)]
    return ids


def faults(house: House, *, keys: bool = True) -> list[fsck.Fault]:
    """What a check of the whole log finds, private copies opened."""
    return list(fsck.check_log(house.db(), house.stores, house.keys("admin") if keys else None))


def head(house: House) -> tuple[int, bytes]:
    """Size and root that the world can read, the signature checked."""
    note = read_note(house.stores.public.read("log/checkpoint"))
    found = read_checkpoint(note.text)
    key = VerifierKey(ORIGIN, LOG_KEY, house.keys("sequencer").public_key("log"))
    assert signed_by_log(note, found.size, [LogKey(key)])
    return found.size, found.root


def verdict(house: House, entry: str, *fields: str, agency: str = "cbp") -> Verdict:
    """The verdict of an outsider with the trust file on a receipt of this entry."""
    with house.db().tx(house.scope(agency)) as conn:
        receipt = prove(conn, house.stores.public, entry, ["act", *fields])
    trust = first_trust(ORIGIN, house.keys("sequencer").public_key("log"))
    return verify_receipt(json.dumps(receipt), None, trust, now=now())
