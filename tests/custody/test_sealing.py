"""Are private copies written once, and their keys never brought back once they were replaced?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from logs import faults, record, sequencer

from house import House
from lapel.base.errors import EvidenceFault, Unavailable
from lapel.custody import sealing
from lapel.custody.sequencer import Sequencer
from lapel.storage.postgres import Connection

NAME = "0000000000000000-0000000000000004"


@pytest.fixture
def placed(house: House) -> Iterator[Sequencer]:
    """A running sequencer that gave five entries their places and sealed none."""
    record(house, 5)
    one = sequencer(house)
    one.start()
    one.publish()
    one.step()
    yield one
    one.stop()


def seal_but_lose_the_last_commit(one: Sequencer, house: House) -> None:
    """As when the process dies after both objects were written and before the row that says so."""
    begun: list[Connection] = []

    @contextmanager
    def tx() -> Iterator[Connection]:
        with one._tx() as conn:
            begun.append(conn)
            yield conn
            if len(begun) == 2:
                raise Unavailable("The database went away.")

    with pytest.raises(Unavailable):
        sealing.seal_all(tx, house.keys("sequencer"), house.stores)


def test_a_repetition_writes_the_same_bytes_and_leaves_the_keys_alone(
    placed: Sequencer, house: House
) -> None:
    seal_but_lose_the_last_commit(placed, house)
    objects = house.stores.log_private.read(NAME), house.stores.log_keys.read(NAME)
    assert placed.seal() == 5
    # Wrapped anew they would be other bytes: what was replaced meanwhile, to forget something, must not come back.
    assert (house.stores.log_private.read(NAME), house.stores.log_keys.read(NAME)) == objects
    assert faults(house) == []


def test_keys_without_their_object_are_written_anew(placed: Sequencer, house: House) -> None:
    seal_but_lose_the_last_commit(placed, house)
    house.stores.log_private.delete(NAME)
    house.stores.log_keys.replace(NAME, b"half of what a killed process meant to write")
    assert placed.seal() == 5
    assert faults(house) == []


def test_the_copy_of_another_database_and_its_keys_are_never_written_over(
    placed: Sequencer, house: House
) -> None:
    house.stores.log_private.put_new(NAME, b"what another database wrote")
    house.stores.log_keys.put_new(NAME, b"the only keys to it")
    with pytest.raises(EvidenceFault, match="lapel rebuild"):
        placed.seal()
    assert house.stores.log_keys.read(NAME) == b"the only keys to it"


def test_nothing_left_to_seal_is_no_work(placed: Sequencer, house: House) -> None:
    assert placed.seal() == 5
    assert placed.seal() == 0
    assert [*house.stores.log_private.list()] == [NAME]


def test_large_entries_make_short_stretches(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MAX_STRETCH_BYTES", 1500)
    record(house, 9)
    one = sequencer(house)
    one.start()
    one.publish()
    one.step()
    assert one.seal() == 9
    one.stop()
    names = [*house.stores.log_private.list()]
    assert len(names) > 1
    assert names[0].startswith(f"{0:016d}-")
    assert names[-1].endswith(f"-{8:016d}")
    assert faults(house) == []


def test_what_gets_its_place_while_the_rest_is_sealed_is_not_published_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places are given beside the publication: what is public before it is sealed would be lost with the database."""
    one = sequencer(house)
    assert one.start()
    one.publish()
    record(house, 5)
    one.step()
    seal = one.seal

    def sealed_and_then_more() -> int:
        count = seal()
        record(house, 2, start=5)
        one.step()
        return count

    monkeypatch.setattr(one, "seal", sealed_and_then_more)
    published = one.publish()
    with house.db().tx(house.scope()) as conn:
        row = conn.execute("SELECT max(last) + 1 AS n FROM custody_sealed").fetchone()
    assert row == {"n": published}
    assert published == 5
    one.stop()
