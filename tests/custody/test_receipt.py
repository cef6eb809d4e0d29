"""What can be handed to an outsider, and when?"""

from __future__ import annotations

import pytest
from logs import record, sequenced, sequencer, verdict

from house import House
from lapel.base.errors import Invalid, NotFound, Unavailable
from lapel.custody.receipt import prove
from lapel.custody.tiles import Tile


def test_any_entry_of_a_published_log_can_be_proved_with_any_of_its_fields(house: House) -> None:
    ids = record(house, 600)
    sequenced(house)
    for entry in (ids[0], ids[255], ids[256], ids[599]):
        assert verdict(house, entry).status == 0
        shown = verdict(house, entry, "at", "actor", "agency", "subject", "i", "name")
        assert shown.status == 0
        assert shown.opened["actor"] == "account:a"
        assert set(verdict(house, entry, "name").opened) == {"act", "name"}


def test_an_earlier_receipt_still_holds_when_the_log_has_grown(house: House) -> None:
    ids = record(house, 5)
    sequenced(house)
    before = verdict(house, ids[2])
    record(house, 600, start=5)
    sequenced(house)
    assert before.status == verdict(house, ids[2]).status == 0


def test_an_entry_is_proved_only_once_it_is_public(house: House) -> None:
    (entry,) = record(house, 1)
    with pytest.raises(Unavailable, match="not published yet"):
        verdict(house, entry)
    one = sequencer(house)
    one.start()
    one.publish()
    for _ in range(2):
        with pytest.raises(Unavailable, match="next checkpoint"):
            verdict(house, entry)
        one.step()
    one.publish()
    one.stop()
    assert verdict(house, entry).status == 0


def test_what_is_not_there_or_not_in_view_is_not_found(house: House) -> None:
    (entry,) = record(house, 1)
    sequenced(house)
    with house.db().tx(house.scope("ice")) as conn, pytest.raises(NotFound):
        prove(conn, house.stores.public, entry)
    with house.db().tx(house.scope()) as conn:
        with pytest.raises(NotFound):
            prove(conn, house.stores.public, "0" * 32)
        with pytest.raises(Invalid, match="no field “weather”"):
            prove(conn, house.stores.public, entry, ["weather"])


def test_the_full_tile_serves_where_the_partial_one_is_not_kept(house: House) -> None:
    ids = record(house, 300)
    sequenced(house)
    partial = Tile(0, 1, 44).name
    was = house.stores.public.read(partial)
    house.stores.public.delete(partial)
    house.stores.public.put_new(Tile(0, 1, 256).name, was + bytes(32 * 212))
    assert verdict(house, ids[-1]).status == 0
