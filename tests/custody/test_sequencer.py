"""Does every entry get one place, in order, and is only what is published to be seen?"""

from __future__ import annotations

import threading
import time

import pytest
from logs import ORIGIN, faults, head, record, sequenced, sequencer, verdict

from house import House
from lapel.base.errors import EvidenceFault, Unavailable
from lapel.custody import log
from lapel.custody.tree import EMPTY_ROOT
from lapel.storage.postgres import connect


def public_names(house: House) -> list[str]:
    return list(house.stores.public.list("log/"))


def test_a_new_log_publishes_size_zero(house: House) -> None:
    one = sequencer(house)
    assert one.start()
    assert one.publish() == 0
    assert head(house) == (0, EMPTY_ROOT)
    assert public_names(house) == ["log/checkpoint"]
    one.stop()


def test_entries_get_places_in_the_order_they_were_written(house: House) -> None:
    ids = record(house, 10) + record(house, 10, start=10)
    assert sequenced(house) == 20
    with house.db().tx(house.scope()) as conn:
        rows = conn.execute("SELECT entry FROM custody_leaf ORDER BY index").fetchall()
    placed = [row["entry"] for row in rows]
    # A subject's first entry goes before the rest of its batch; of each subject the order is the one of writing.
    assert sorted(placed) == sorted(ids)
    for subject in range(7):
        with house.db().tx(house.scope()) as conn:
            acts = log.history(conn, f"recording:cbp{subject}")
        assert [act.detail["i"] for act in acts] == [i for i in range(20) if i % 7 == subject]
        assert all(act.published for act in acts)
    assert faults(house) == []


def test_a_place_comes_at_once_and_the_public_log_waits_for_its_minute(house: House) -> None:
    record(house, 3)
    one = sequencer(house)
    one.start()
    one.publish()
    assert one.step() == 3
    assert one.seal() == 3
    assert head(house)[0] == 0
    assert public_names(house) == ["log/checkpoint"]
    with house.db().tx(house.scope()) as conn:
        acts = log.history(conn, "recording:cbp0")
    assert [(act.index, act.published) for act in acts] == [(0, False)]
    assert one.publish() == 3
    assert one.publish() == 3
    one.stop()


def test_nothing_under_log_goes_beyond_the_checkpoint_and_partial_tiles_stay(house: House) -> None:
    for count in (5, 300, 1, 250):
        record(house, count, start=1000 * count)
        sequenced(house)
    names = public_names(house)
    assert "log/tile/0/000.p/5" in names
    assert "log/tile/0/001.p/49" in names
    assert "log/tile/0/001.p/50" in names
    assert "log/tile/1/000.p/1" in names
    assert "log/tile/1/000.p/2" in names
    assert "log/tile/entries/002.p/44" in names
    assert faults(house) == []


def test_large_and_small_batches_make_the_same_kind_of_log(house: House) -> None:
    record(house, 700)
    one = sequencer(house, batch=100)
    one.start()
    taken = []
    while count := one.step():
        taken.append(count)
    one.publish()
    assert taken == [100] * 7
    assert one.publish() == 700
    one.stop()
    assert faults(house) == []


def test_only_one_sequencer_works_at_a_time(house: House) -> None:
    one, two = sequencer(house), sequencer(house)
    assert one.start()
    assert not two.start()
    with pytest.raises(Unavailable):
        two.step()
    one.stop()
    assert two.start()
    two.stop()


def test_a_sequencer_whose_epoch_is_over_commits_nothing(house: House) -> None:
    record(house, 3)
    one = sequencer(house)
    one.start()
    with connect(house.urls["sequencer"]) as conn:
        conn.execute("UPDATE custody_epoch SET epoch = epoch + 1")
    for act in (one.step, one.seal, one.publish):
        with pytest.raises(Unavailable):
            act()
    one.stop()
    with house.db().tx(house.scope()) as conn:
        assert conn.execute("SELECT count(*) AS n FROM custody_leaf").fetchone() == {"n": 0}


def test_a_row_that_should_not_be_there_holds_nothing_up(house: House) -> None:
    ids = record(house, 3)
    sequenced(house)
    with connect(house.urls["staff"]) as conn:
        for entry in (ids[0], "0" * 32):
            conn.execute(
                "INSERT INTO custody_pending (entry, subject, first) VALUES (%s, 'recording:cbp0', false)",
                (entry,),
            )
    more = record(house, 2, start=3)
    assert sequenced(house) == 5
    assert verdict(house, more[1]).status == 0
    assert faults(house) == []


def test_an_entry_whose_first_was_prepared_and_written_later_still_comes_after_it(house: House) -> None:
    with house.db().tx(house.scope()) as conn:
        first = log.prepare(conn, actor="account:a", agency="cbp", act="announced", subject="recording:1")
        second = log.prepare(conn, actor="account:a", agency="cbp", act="received", subject="recording:1")
        log.insert(conn, second)
        log.insert(conn, first)
    sequenced(house)
    with house.db().tx(house.scope()) as conn:
        assert [act.entry for act in log.history(conn, "recording:1")] == [first.id, second.id]
    assert faults(house) == []


def test_it_refuses_to_go_on_with_a_database_older_than_the_published_log(
    house: House, tmp_path: object
) -> None:
    record(house, 5)
    sequenced(house)
    with connect(house.superuser_url) as conn:
        row = conn.execute("SELECT datname FROM pg_database WHERE datname = %s", (name_of(house),)).fetchone()
    assert row is not None
    with connect(house.urls["owner"]) as conn:
        # An older database: what a restore of last night's backup would give.
        conn.execute("ALTER TABLE custody_batch DISABLE TRIGGER USER; DELETE FROM custody_batch")
        conn.execute("ALTER TABLE custody_leaf DISABLE TRIGGER USER; DELETE FROM custody_leaf")
    one = sequencer(house)
    with pytest.raises(EvidenceFault, match="lapel rebuild") as caught:
        one.start()
    assert "5 were published" in caught.value.says


def test_it_refuses_to_go_on_when_the_private_copies_go_further_than_the_database(house: House) -> None:
    record(house, 5)
    one = sequencer(house)
    one.start()
    one.publish()
    one.stop()
    house.stores.log_private.put_new("0000000000000000-0000000000000004", b"what another database wrote")
    with pytest.raises(EvidenceFault, match="lapel rebuild"):
        sequencer(house).start()


def test_it_refuses_to_go_on_when_the_published_log_is_another_one(house: House) -> None:
    record(house, 5)
    sequenced(house)
    other = house.stores.public.read("log/checkpoint").decode().replace(ORIGIN, "sheriff.example.gov/lapel")
    house.stores.public.replace("log/checkpoint", other.encode())
    with pytest.raises(EvidenceFault, match="sheriff"):
        sequencer(house).start()


def test_a_tile_that_says_something_else_stops_the_publication(house: House) -> None:
    record(house, 5)
    house.stores.public.put_new("log/tile/0/000.p/5", b"x" * 160)
    one = sequencer(house)
    one.start()
    one.publish()
    one.step()
    with pytest.raises(EvidenceFault, match="not the one of the database"):
        one.publish()
    assert head(house)[0] == 0
    one.stop()


def test_with_two_signing_keys_both_sign_the_same_text(house: House) -> None:
    record(house, 2)
    one = sequencer(house)
    one._signing_keys = ("log", "log")  # the agent of the tests has one key; its line must not stand twice
    one.start()
    one.publish()
    one.step()
    one.publish()
    one.stop()
    with house.db().tx(house.scope()) as conn:
        rows = conn.execute(
            "SELECT size, count(*) AS n FROM custody_signature GROUP BY size ORDER BY size"
        ).fetchall()
    assert rows == [{"size": 0, "n": 1}, {"size": 2, "n": 1}]


def test_the_process_takes_up_what_comes_while_it_runs_and_outlives_a_lost_connection(house: House) -> None:
    stop = threading.Event()
    one = sequencer(house, interval_s=0.2)
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    try:
        record(house, 50)
        wait_for(house, 50)
        with connect(house.superuser_url) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'lapel_sequencer' AND datname = %s",
                (name_of(house),),
            )
        record(house, 50, start=50)
        wait_for(house, 100)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert faults(house) == []


def wait_for(house: House, size: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if "log/checkpoint" in public_names(house) and head(house)[0] >= size:
            return
        time.sleep(0.05)
    raise AssertionError(f"the log never reached {size}")


def name_of(house: House) -> str:
    with connect(house.urls["staff"]) as conn:
        row = conn.execute("SELECT current_database() AS name").fetchone()
    assert row is not None
    return str(row["name"])
