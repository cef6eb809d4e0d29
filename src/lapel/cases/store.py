"""Where do cases and shares stand in the database? All SQL of this room; who sees what is in migration 0014."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from psycopg.rows import class_row

from lapel.base.errors import NotFound
from lapel.cases.model import Case, Joint, Member, Placed, SavedSearch, Share, ShareAct
from lapel.storage.postgres import Connection

# The tables whose rows the acts of this room write, and which a rebuild writes back.
TABLES = ("case_file", "case_member", "case_joint", "case_recording", "saved_search", "share")
MOST = 500
Row = TypeVar("Row")


def case(conn: Connection, case_id: str, *, lock: bool = False) -> Case:
    """The case with this id. Raises `NotFound` when there is none in view."""
    if lock:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 14))", (case_id,))
    found = _rows(conn, Case, "SELECT * FROM case_file WHERE id = %s", (case_id,))
    return _only(found, f"There is no case {case_id[:40]} that you can see.")


def cases_numbered(conn: Connection, number: str) -> list[Case]:
    """The cases in view with this number, however it is written; two agencies may have given the same."""
    return _rows(
        conn, Case, "SELECT * FROM case_file WHERE upper(number) = upper(%s) ORDER BY agency", (number,)
    )


def case_numbered(conn: Connection, number: str, agency: str | None = None) -> Case:
    """The case with this number (of this agency). Raises `NotFound` when there is none or it is not clear which."""
    found = [c for c in cases_numbered(conn, number) if agency in (None, c.agency)]
    if len(found) > 1:
        raise NotFound(
            f"{len(found)} cases have the number {number[:40]}.",
            next_step=f"Say whose: {', '.join(c.agency for c in found)}.",
        )
    return _only(found, f"There is no case {number[:40]} that you can see.")


def cases(conn: Connection, *, open_only: bool, of_account: str | None = None, words: str = "") -> list[Case]:
    """The cases in view, open ones first and the newest of each first; those an account has a part in, if one is given."""
    return _rows(
        conn,
        Case,
        "SELECT * FROM case_file f WHERE (NOT %(open)s OR closed_at IS NULL)"
        " AND (%(words)s::text = '' OR title ILIKE '%%' || %(words)s || '%%' OR number ILIKE '%%' || %(words)s || '%%')"
        " AND (%(account)s::text IS NULL OR EXISTS (SELECT FROM case_member m WHERE m.case_file = f.id"
        "      AND m.account = %(account)s AND m.ended_at IS NULL))"
        " ORDER BY closed_at IS NOT NULL, opened_at DESC LIMIT 500",
        {"open": open_only, "account": of_account, "words": words},
    )


def highest_number(conn: Connection, agency: str, year: str) -> int:
    """The highest number this agency has counted to in this year (`26-0113` is 113), 0 for none. Its callers take turns."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 14))", (f"case/{agency}",))
    row = conn.execute(
        "SELECT max(substr(number, 4)::int) AS n FROM case_file WHERE agency = %s AND number ~ %s",
        (agency, rf"^{year}-\d{{4,6}}$"),
    ).fetchone()
    return int(row["n"] or 0) if row else 0


def members(conn: Connection, case_id: str) -> list[Member]:
    """Everybody who has or had a part in a case, in the order they came."""
    return _rows(
        conn, Member, "SELECT * FROM case_member WHERE case_file = %s ORDER BY added_at, id", (case_id,)
    )


def joints(conn: Connection, case_id: str) -> list[Joint]:
    """Every agency that is or was joint, in the order they came."""
    return _rows(
        conn, Joint, "SELECT * FROM case_joint WHERE case_file = %s ORDER BY added_at, id", (case_id,)
    )


def placed(conn: Connection, case_id: str) -> list[Placed]:
    """The recordings in a case now, in the order they were put there, as far as they are in view."""
    return _rows(
        conn,
        Placed,
        "SELECT * FROM case_recording WHERE case_file = %s AND removed_at IS NULL ORDER BY added_at, id",
        (case_id,),
    )


def in_case(conn: Connection, case_id: str, recording: str) -> Placed | None:
    """This recording's place in this case, or None when it is not in it."""
    found = _rows(
        conn,
        Placed,
        "SELECT * FROM case_recording WHERE case_file = %s AND recording = %s AND removed_at IS NULL",
        (case_id, recording),
    )
    return found[0] if found else None


def cases_of(conn: Connection, recording: str) -> list[Case]:
    """The cases in view that this recording is in."""
    return _rows(
        conn,
        Case,
        "SELECT f.* FROM case_recording c JOIN case_file f ON f.id = c.case_file"
        " WHERE c.recording = %s AND c.removed_at IS NULL ORDER BY f.opened_at, f.id",
        (recording,),
    )


def cases_for(conn: Connection, account: str) -> list[Case]:
    """The open cases in view that an account has a part in or has opened, the oldest first."""
    return _rows(
        conn,
        Case,
        "SELECT * FROM case_file f WHERE closed_at IS NULL AND (opened_by = 'account:' || %(account)s::text"
        " OR EXISTS (SELECT FROM case_member m WHERE m.case_file = f.id AND m.account = %(account)s AND m.ended_at IS NULL))"
        " ORDER BY opened_at, id LIMIT 500",
        {"account": account},
    )


def count_placed(conn: Connection, case_ids: Sequence[str]) -> dict[str, int]:
    """How many recordings in view each of these cases has."""
    rows = conn.execute(
        "SELECT case_file, count(*) AS n FROM case_recording WHERE case_file = ANY(%s::text[])"
        " AND removed_at IS NULL GROUP BY case_file",
        (list(case_ids),),
    )
    return {row["case_file"]: row["n"] for row in rows}


def saved_search(conn: Connection, search_id: str) -> SavedSearch:
    """The saved search with this id. Raises `NotFound`."""
    found = _rows(conn, SavedSearch, "SELECT * FROM saved_search WHERE id = %s", (search_id,))
    return _only(found, f"There is no saved search {search_id[:40]} that you can see.")


def saved_searches(conn: Connection, agencies: Sequence[str]) -> list[SavedSearch]:
    """The saved searches of these agencies, by name."""
    return _rows(
        conn,
        SavedSearch,
        "SELECT * FROM saved_search WHERE agency = ANY(%s::text[]) ORDER BY name, agency LIMIT 500",
        (list(agencies),),
    )


def share(conn: Connection, share_id: str) -> Share:
    """The share with this id, given or received. Raises `NotFound`."""
    found = _rows(conn, Share, "SELECT * FROM share WHERE id = %s", (share_id,))
    return _only(found, f"There is no share {share_id[:40]} that you can see.")


def shares_given(conn: Connection, agencies: Sequence[str]) -> list[Share]:
    """What these agencies gave, the newest first."""
    query = "SELECT * FROM share WHERE agency = ANY(%s::text[]) ORDER BY given_at DESC, id LIMIT 500"
    return _rows(conn, Share, query, (list(agencies),))


def shares_had(conn: Connection, agencies: Sequence[str], account: str | None = None) -> list[Share]:
    """What these agencies, or this person from outside, were given, the newest first, also what is over."""
    query = (
        "SELECT * FROM share WHERE (to_account IS NULL AND to_agency = ANY(%s::text[])) OR to_account = %s"
        " ORDER BY given_at DESC, id LIMIT 500"
    )
    return _rows(conn, Share, query, (list(agencies), account))


@dataclass(frozen=True, slots=True)
class Outsider:
    """Somebody from outside whom an agency lets in."""

    id: str
    name: str


def outsiders(conn: Connection, agency: str) -> list[Outsider]:
    """Who is let in from outside by this agency now, by name."""
    return _rows(
        conn,
        Outsider,
        "SELECT DISTINCT a.id, a.name FROM account_grant g JOIN account a ON a.id = g.account AND a.active"
        " WHERE g.agency = %s AND g.permission = 'outside' AND NOT g.waiting AND g.ended_at IS NULL"
        " AND (g.until IS NULL OR g.until > now()) ORDER BY a.name, a.id",
        (agency,),
    )


def shares_of_case(conn: Connection, case_id: str) -> list[Share]:
    """The shares of a case that are in view, the newest first."""
    return _rows(conn, Share, "SELECT * FROM share WHERE case_file = %s ORDER BY given_at DESC", (case_id,))


def shares_of_recording(conn: Connection, recording: str) -> list[Share]:
    """The shares of this one recording that are in view, the newest first."""
    return _rows(conn, Share, "SELECT * FROM share WHERE recording = %s ORDER BY given_at DESC", (recording,))


@dataclass(frozen=True, slots=True)
class Covering:
    """A share that gives a recording now."""

    share: str
    acts: list[ShareAct]
    ends_at: datetime


def covering(conn: Connection, recording: str) -> list[Covering]:
    """The live shares with an agency in view that give this recording, the longest first."""
    return _rows(
        conn,
        Covering,
        "SELECT share, acts, ends_at FROM shares_of(%s) WHERE ends_at > statement_timestamp() ORDER BY ends_at DESC",
        (recording,),
    )


def over(conn: Connection, number: str) -> Share | None:
    """The share that gave the recording with this number last, when none gives it any more; else None."""
    row = conn.execute("SELECT share FROM shares_over(%s) LIMIT 1", (number,)).fetchone()
    return share(conn, row["share"]) if row else None


def recordings_of_share(conn: Connection, share_id: str, at_most: int = MOST) -> list[str]:
    """The recordings that a live share with an agency in view gives now, newest first."""
    rows = conn.execute("SELECT recordings_of_share(%s, %s) AS id", (share_id, at_most))
    return [row["id"] for row in rows]


def shared_facts(conn: Connection, recordings: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Badge, serial, maker, model, office and category of recordings that are shared now, by recording."""
    rows = conn.execute("SELECT * FROM shared_facts(%s::text[])", (list(recordings),))
    return {row["recording"]: row for row in rows}


def account_in_view(conn: Connection, account: str) -> bool:
    """Is there an account with this id that works for an agency in view?"""
    return conn.execute("SELECT id FROM account WHERE id = %s::text", (account,)).fetchone() is not None


def kept(conn: Connection, recordings: Sequence[str]) -> set[str]:
    """Those of these recordings that are restricted and for which the acting account is not named."""
    rows = conn.execute(
        "SELECT x.id FROM unnest(%s::text[]) AS x (id) WHERE kept_from_me(x.id)", (list(recordings),)
    )
    return {row["id"] for row in rows}


def _rows(conn: Connection, kind: type[Row], query: str, values: Any) -> list[Row]:
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query.encode(), values).fetchall()


def _only(found: list[Row], says: str) -> Row:
    if not found:
        raise NotFound(says)
    return found[0]
