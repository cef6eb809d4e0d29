"""Which cameras does a list show, with whom they are and what their last check came to? The SQL of the fleet's pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lapel.access.actor import Reach
from lapel.storage.postgres import Connection

# With whom a camera is now by the calendar as it is believed; `holders`: how many, when it is said of more than one.
_LISTED = """
    SELECT c.*, f.name AS office_name, o.badge AS holder_badge, o.external_id AS holder_external, h.officer AS holder,
           COALESCE(h.holders, 0)::int AS holders, h.begins_at AS held_since, k.outcome AS check_outcome, k.at AS checked_at
      FROM camera c LEFT JOIN office f ON f.id = c.office
      LEFT JOIN LATERAL (
        SELECT min(a.officer::text) AS officer, min(a.begins_at) AS begins_at, count(DISTINCT a.officer) AS holders FROM assignment a
         WHERE a.camera = c.id AND a.known_until IS NULL AND a.begins_at <= %(now)s AND (a.ends_at IS NULL OR a.ends_at > %(now)s)
      ) h ON true
      LEFT JOIN officer o ON o.id = h.officer
      LEFT JOIN LATERAL (SELECT k.outcome, k.at FROM camera_check k WHERE k.camera = c.id ORDER BY k.at DESC, k.id LIMIT 1) k ON true
     WHERE c.agency = ANY(%(agencies)s)
       AND (c.agency = ANY(%(whole)s) OR c.office = ANY(%(offices)s) OR o.office = ANY(%(offices)s) OR EXISTS (
            SELECT FROM assignment m WHERE m.camera = c.id AND m.officer = ANY(%(wearers)s) AND m.known_until IS NULL
               AND m.begins_at <= %(now)s AND (m.ends_at IS NULL OR m.ends_at > %(now)s)))
       AND (%(find)s = '' OR c.serial = %(find)s OR c.name = %(find)s OR o.badge = %(find)s)"""
_STATE = """ (%(state)s = '' OR s.status = %(state)s OR (%(state)s = 'unsaid' AND s.status IS NULL)
       OR (%(state)s = 'failing' AND s.check_outcome <> 'sound' AND COALESCE(s.status, 'issued') NOT IN ('lost', 'retired')))"""
_PAGE = f"""SELECT * FROM ({_LISTED}) s WHERE {_STATE}
       AND (%(after)s = '' OR (s.agency, s.serial) > (split_part(%(after)s, '~', 1), substr(%(after)s, position('~' IN %(after)s) + 1)))
     ORDER BY s.agency, s.serial LIMIT %(limit)s"""  # noqa: S608  our own text
_COUNTS = f"""SELECT COALESCE(s.status, 'unsaid') AS status, count(*)::int AS cameras,
       count(*) FILTER (WHERE s.check_outcome <> 'sound' AND COALESCE(s.status, 'issued') NOT IN ('lost', 'retired'))::int AS failing
      FROM ({_LISTED}) s GROUP BY 1"""  # noqa: S608  our own text


def listed(
    conn: Connection, reach: Reach, now: datetime, *, find: str = "", state: str = "", after: str = "", limit: int = 51
) -> list[dict[str, Any]]:  # fmt: skip
    """The cameras that a person sees, by agency and serial number. `find`: a serial number, a label or the holder's badge;
    `state`: a status, `unsaid`, or `failing` (its last check); `after`: `agency~serial` of the row before."""
    asked = {**_seen(reach), "now": now, "find": find, "state": state, "after": after, "limit": limit}
    return conn.execute(_PAGE.encode(), asked).fetchall()


def counts(conn: Connection, reach: Reach, now: datetime, *, find: str = "") -> tuple[dict[str, int], int]:
    """How many cameras there are of each status (`unsaid`: nobody has said), and how many failed their last check."""
    rows = conn.execute(_COUNTS.encode(), {**_seen(reach), "now": now, "find": find}).fetchall()
    return {row["status"]: row["cameras"] for row in rows}, sum(row["failing"] for row in rows)


def people(conn: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Agency, badge and office of these officers."""
    rows = conn.execute(
        "SELECT id, agency, badge, external_id, office FROM officer WHERE id = ANY(%s)", (list(ids),)
    )
    return {row["id"]: row for row in rows}


def unknown_wearers(conn: Connection, agencies: Sequence[str]) -> int:
    """How many recordings have a wearer whom nobody knows; the list of them is `footage`'s."""
    row = conn.execute(
        "SELECT count(*)::int AS recordings FROM recording WHERE agency = ANY(%s) AND (wearer IS NULL OR 'wearer-unknown' = ANY (flags))",
        (list(agencies),),
    ).fetchone()
    return int(row["recordings"]) if row else 0


def _seen(reach: Reach) -> dict[str, list[str]]:
    return {
        "agencies": list(reach.agencies), "whole": list(reach.whole), "offices": list(reach.offices), "wearers": list(reach.wearers),
    }  # fmt: skip
