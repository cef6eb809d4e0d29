"""Can a person be forgotten in due form only, everywhere, and the log still be proved?"""

from __future__ import annotations

import psycopg
import pytest
from logs import faults, head, record, sequenced, verdict
from tripwires import Tripwire, failing_stores

from house import House
from lapel.base.errors import Conflict, EvidenceFault, Invalid, LapelError, NotFound, Refused, Unavailable
from lapel.custody import log
from lapel.custody.forget import finish_forgetting, forget
from lapel.custody.private import open_stretch, purpose, split_keys, stretch_name
from lapel.storage.postgres import connect

SUBJECT = "recording:cbp0"


def try_to_forget(house: House, entries: list[str], fields: list[str], **changed: str) -> list[str]:
    said = {"subject": SUBJECT, "approved_by": "account:second", "authority": "order 12"} | changed
    actor = said.pop("actor", "account:first")
    return forget(
        house.db(),
        house.stores,
        house.keys("admin"),
        house.scope(actor=actor),
        entries=entries,
        fields=fields,
        subject=said["subject"],
        approved_by=said["approved_by"],
        authority=said["authority"],
    )


def published(house: House) -> list[str]:
    """Two entries of the recording, the first of them its first, in a published log."""
    ids = record(house, 14)
    sequenced(house)
    return [ids[0], ids[7]]


def test_what_was_forgotten_is_gone_and_the_rest_is_proved_as_before(house: House) -> None:
    _, entry = published(house)
    before, size = verdict(house, entry, "name"), head(house)
    assert try_to_forget(house, [entry], ["actor", "name"]) == [entry]
    with house.db().tx(house.scope()) as conn:
        told = next(act for act in log.history(conn, SUBJECT) if act.entry == entry)
        said = next(act for act in log.history(conn, SUBJECT) if act.act == "forgotten")
        row = conn.execute(
            "SELECT openings::text AS kept FROM custody_opening WHERE entry = %s", (entry,)
        ).fetchone()
    assert told.actor is None
    assert told.detail == {"i": 7}
    assert said.detail["entries"] == [entry]
    assert said.detail["approved_by"] == "account:second"
    assert row is not None
    assert "account:a" not in row["kept"]
    assert "n7" not in row["kept"]
    assert (before.status, before.opened["name"]) == (0, "n7")
    assert head(house) == size
    assert verdict(house, entry, "i").status == 0
    with pytest.raises(Invalid, match="no field"):
        verdict(house, entry, "name")
    sequenced(house)
    assert faults(house) == []


def test_the_private_copy_does_not_open_any_more(house: House) -> None:
    _, entry = published(house)
    bound, name = purpose(0, 13), stretch_name(0, 13)
    own = split_keys(house.keys("admin").unwrap("department", bound, house.stores.log_keys.read(name)), 0, 13)
    try_to_forget(house, [entry], ["name"])
    after = split_keys(
        house.keys("admin").unwrap("department", bound, house.stores.log_keys.read(name)), 0, 13
    )
    with house.db().tx(house.scope()) as conn:
        place = log.place_of(conn, entry)
    assert place is not None
    assert [i for i in range(14) if own[i] != after[i]] == [place]
    opened = dict(open_stretch(house.stores.log_private.read(name), 0, 13, after))
    assert [i for i, kept in opened.items() if kept is None] == [place]
    rest = b"".join(house.stores.log_private.read(n) for n in house.stores.log_private.list("kept/"))
    assert after[place] not in rest


def test_an_entry_can_be_forgotten_bit_by_bit(house: House) -> None:
    _, entry = published(house)
    for field in ("name", "actor", "subject"):
        assert try_to_forget(house, [entry], [field]) == [entry]
        if field == "subject":
            break
    with pytest.raises(NotFound):  # it is about nobody now
        try_to_forget(house, [entry], ["i"])
    sequenced(house)
    assert faults(house) == []
    with house.db().tx(house.scope()) as conn:
        told = log.history(conn, "agency:cbp")
    assert [act.act for act in told] == ["forgotten"]
    assert told[0].detail["fields"] == ["subject"]


def test_what_is_gone_already_is_not_forgotten_twice(house: House) -> None:
    _, entry = published(house)
    assert try_to_forget(house, [entry], ["name"]) == [entry]
    assert try_to_forget(house, [entry], ["name"]) == []


@pytest.mark.parametrize(
    ("changed", "fields", "error"),
    [
        ({"approved_by": "account:first"}, ["name"], Refused),
        ({"approved_by": "site:second"}, ["name"], Refused),
        ({"approved_by": ""}, ["name"], Refused),
        ({"actor": "system:worker"}, ["name"], Refused),
        ({"authority": ""}, ["name"], Refused),
        ({"authority": "   "}, ["name"], Refused),
        ({}, ["act"], Refused),
        ({}, ["at"], Refused),
        ({}, ["agency"], Refused),
        ({}, ["name", "at"], Refused),
        ({}, ["subject_key"], Refused),
        ({}, ["subject"], Refused),
        ({"subject": "recording:cbp1"}, ["name"], NotFound),
        ({}, [], Invalid),
    ],
    ids=[
        "one account twice",
        "a second who is no account",
        "no second",
        "a first who is no account",
        "no authority",
        "a blank authority",
        "the act",
        "the time",
        "the agency",
        "the time among others",
        "a digest",
        "the subject of its first entry",
        "another subject",
        "no field",
    ],
)
def test_without_due_form_nothing_is_forgotten(
    house: House, changed: dict[str, str], fields: list[str], error: type[LapelError]
) -> None:
    first, second = published(house)
    with pytest.raises(error):
        try_to_forget(house, [first, second], fields, **changed)
    with house.db().tx(house.scope()) as conn:
        assert all("name" in act.detail for act in log.history(conn, SUBJECT))
        assert conn.execute("SELECT count(*) AS n FROM custody_forgotten").fetchone() == {"n": 0}
    assert verdict(house, first, "name", "subject").status == 0


def test_a_hold_keeps_everything_of_its_subject(house: House) -> None:
    _, entry = published(house)
    with connect(house.urls["owner"]) as conn:
        conn.execute("INSERT INTO custody_lock VALUES (%s, 'cbp', 'litigation')", (SUBJECT,))
    with pytest.raises(Refused, match="hold"):
        try_to_forget(house, [entry], ["name"])
    assert verdict(house, entry, "name").status == 0


def test_what_has_no_place_yet_cannot_be_forgotten(house: House) -> None:
    (entry,) = record(house, 1)
    with pytest.raises(Conflict):
        try_to_forget(house, [entry], ["name"])


def test_another_agencys_entries_cannot_be_forgotten(house: House) -> None:
    (entry,) = record(house, 1, agency="ice")
    sequenced(house)
    with pytest.raises(NotFound):
        try_to_forget(house, [entry], ["name"], subject="recording:ice0")


def test_the_function_of_the_database_needs_an_entry_that_says_so_and_takes_it_once(house: House) -> None:
    _, entry = published(house)
    try_to_forget(house, [entry], ["name"])
    with house.db().tx(house.scope()) as conn:
        said = next(act.entry for act in log.history(conn, SUBJECT) if act.act == "forgotten")
    for by in (said, entry, "0" * 32):
        with pytest.raises(psycopg.errors.RaiseException), house.db().tx(house.scope()) as conn:
            conn.execute("SELECT custody_forget(%s)", (by,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), house.db().tx(house.scope()) as conn:
        conn.execute(
            "SELECT custody_close(o, ARRAY['actor'], %s) FROM custody_opening o WHERE entry = %s",
            (said, entry),
        )


def test_not_even_the_owner_brings_back_or_rewrites_what_was_forgotten(house: House) -> None:
    _, entry = published(house)
    try_to_forget(house, [entry], ["name"])
    with connect(house.urls["owner"]) as conn:
        for change in (
            "UPDATE custody_opening SET openings = json_build_object('name', 'x') WHERE entry = %s",
            "UPDATE custody_forgotten SET fields = '{act}' WHERE entry = %s",
            "UPDATE custody_forgotten SET destroyed_at = now() WHERE entry = %s",
            "DELETE FROM custody_forgotten WHERE entry = %s",
        ):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                conn.execute(change.encode(), (entry,))


@pytest.mark.parametrize("after", [False, True], ids=["and did not persist", "but did persist"])
@pytest.mark.parametrize("at", [1, 2])
def test_a_store_that_fails_leaves_the_rest_to_be_finished(house: House, at: int, after: bool) -> None:
    _, entry = published(house)
    whole, wire = house.stores, Tripwire(at, after)
    house._stores = failing_stores(whole, wire)
    with pytest.raises(Unavailable):
        try_to_forget(house, [entry], ["name"])
    house._stores = whole
    assert any("can still be opened" in fault.says for fault in faults(house))
    assert finish_forgetting(house.db(), house.stores, house.keys("admin"), house.scope()) == 1
    sequenced(house)
    assert faults(house) == []


def test_a_key_object_of_another_stretch_is_a_fault(house: House) -> None:
    _, entry = published(house)
    house.stores.log_keys.replace(stretch_name(0, 13), b"something else")
    with pytest.raises((EvidenceFault, Invalid)):
        try_to_forget(house, [entry], ["name"])
