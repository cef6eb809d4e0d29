"""What does the database itself refuse, if the application's own check were gone?"""

from __future__ import annotations

import psycopg
import pytest

from house import House
from lapel.base.ids import new_id
from lapel.storage.postgres import Connection, Scope

ADMIN, OTHER, THIRD = (letter * 32 for letter in "abc")
AT = "2026-11-20T00:00:00Z"


@pytest.fixture
def people(house: House) -> House:
    """An administrator of cbp, and two accounts without a role, one of cbp and one of ice."""
    with house.db("owner").tx(Scope("cli:test", ("cbp", "ice"))) as conn:
        for account, agency in ((ADMIN, "cbp"), (OTHER, "cbp"), (THIRD, "ice")):
            conn.execute(
                "INSERT INTO account (id, agency, name, name_key, password, made_at, made_by)"
                " VALUES (%s, %s, %s, %s, 'x', now(), 'cli:test')",
                (account, agency, account, account),
            )
        conn.execute(
            "INSERT INTO account_grant (account, agency, permission, given_at, given_by)"
            " VALUES (%s, 'cbp', 'administrator', now(), 'cli:test')",
            (ADMIN,),
        )
    return house


def give(conn: Connection, account: str, agency: str) -> None:
    conn.execute(
        "INSERT INTO account_grant (account, agency, permission, given_at, given_by, waiting)"
        " VALUES (%s, %s, 'custodian', now(), current_setting('lapel.actor'), true)",
        (account, agency),
    )


def test_an_administrator_gives_roles_in_the_own_agency_and_in_no_other(people: House) -> None:
    with people.db("staff").tx(Scope(f"account:{ADMIN}", ("cbp", "ice"))) as conn:
        give(conn, OTHER, "cbp")
    # Even a transaction that claims to see the other agency does not make its administrator.
    for account in (OTHER, THIRD):
        scope = Scope(f"account:{ADMIN}", ("cbp", "ice"))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), people.db("staff").tx(scope) as conn:
            give(conn, account, "ice")


def test_nobody_gives_a_role_to_themselves_and_who_is_no_administrator_gives_none(people: House) -> None:
    for giver, to in ((ADMIN, ADMIN), (OTHER, THIRD), (THIRD, OTHER)):
        scope = Scope(f"account:{giver}", ("cbp", "ice"))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), people.db("staff").tx(scope) as conn:
            give(conn, to, "cbp")


def test_a_role_that_waits_for_approval_or_is_over_makes_no_administrator(people: House) -> None:
    for change in ("waiting = true", "ended_at = now()", "until = now() - interval '1 second'"):
        with people.db("owner").tx(Scope("cli:test", ("cbp",))) as conn:
            conn.execute("UPDATE account_grant SET waiting = false, ended_at = NULL, until = NULL")
            conn.execute(f"UPDATE account_grant SET {change}".encode())
        scope = Scope(f"account:{ADMIN}", ("cbp",))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), people.db("staff").tx(scope) as conn:
            give(conn, OTHER, "cbp")


def test_a_restricted_recording_and_what_hangs_on_it_are_there_for_the_named_only(people: House) -> None:
    recording, original = new_id(), new_id()
    with people.db("owner").tx(Scope("cli:test", ("cbp",))) as conn:
        conn.execute(
            "INSERT INTO recording (id, agency, number, source, state, wrapped_key, announced_at, restricted, note)"
            " VALUES (%s, 'cbp', 'R-TEST0-00001', 'hand', 'complete', '\\x00', %s, true, 'pelican')",
            (recording, AT),
        )
        conn.execute(
            "INSERT INTO original (id, agency, recording, kind, name, object, size_bytes, sha256, object_key, received_at, entry)"
            " VALUES (%s, 'cbp', %s, 'clip', 'a.mp4', %s, 1, %s, '\\x00', %s, %s)",
            (original, recording, new_id(), "0" * 64, AT, new_id()),
        )
        conn.execute(
            "INSERT INTO restriction (id, agency, recording, kind, reason, made_at, made_by)"
            " VALUES (%s, 'cbp', %s, 'undercover', 'a test', %s, 'cli:test')",
            (new_id(), recording, AT),
        )
        conn.execute(
            "INSERT INTO restriction_named (id, agency, recording, account, named_at, named_by)"
            " VALUES (%s, 'cbp', %s, %s, %s, 'cli:test')",
            (new_id(), recording, OTHER, AT),
        )

    def seen(account: str) -> dict[str, int]:
        with people.db("staff").tx(Scope(f"account:{account}", ("cbp",))) as conn:
            row = conn.execute(
                "SELECT (SELECT count(*) FROM recording) AS recordings, (SELECT count(*) FROM original) AS originals,"
                " (SELECT count(*) FROM recordings_with_words('pelican')) AS words,"
                " (SELECT count(*) FROM restricted_number('R-TEST0-00001')) AS told"
            ).fetchone()
        assert row is not None
        return dict(row)

    assert seen(OTHER) == {"recordings": 1, "originals": 1, "words": 1, "told": 1}
    assert seen(ADMIN) == {"recordings": 0, "originals": 0, "words": 0, "told": 1}
    with people.db("staff").tx(Scope(f"account:{THIRD}", ("ice",))) as conn:
        assert conn.execute("SELECT FROM restricted_number('R-TEST0-00001')").fetchone() is None
