"""What the database knows of footage that should exist: cameras in use, deliveries that are open, clips in their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lapel.storage.postgres import Connection

# Who had the camera at that time, as the calendar is believed now; nobody where two had it.
_HAD = """
    LEFT JOIN LATERAL (
        SELECT min(a.officer::text) AS officer FROM assignment a
         WHERE a.camera = u.camera AND a.known_until IS NULL AND a.begins_at <= u.at AND (a.ends_at IS NULL OR a.ends_at > u.at)
        HAVING count(DISTINCT a.officer) = 1
    ) h ON true"""

_NOT_DOCKED = f"""
    WITH used AS (
        SELECT r.camera, max(COALESCE(r.ended_at, r.started_at, r.announced_at)) AS at FROM recording r
         WHERE r.agency = %(agency)s AND r.camera IS NOT NULL AND r.announced_at > %(since)s GROUP BY r.camera
        UNION ALL
        SELECT k.camera, max(k.at) FROM camera_check k WHERE k.agency = %(agency)s AND k.at > %(since)s GROUP BY k.camera
    ), u AS (
        SELECT camera, max(at) AS at FROM used GROUP BY camera
    )
    SELECT c.id AS camera, c.serial, u.at AS since, c.office,
           COALESCE(h.officer, (SELECT w.wearer FROM recording w WHERE w.camera = u.camera AND w.announced_at > %(since)s
                                   AND COALESCE(w.ended_at, w.started_at, w.announced_at) = u.at LIMIT 1)) AS officer
      FROM u JOIN camera c ON c.id = u.camera AND c.agency = %(agency)s {_HAD}
     WHERE u.at < %(late)s AND COALESCE(c.last_docked_at, '-infinity') < u.at
       AND COALESCE(c.status, 'issued') IN ('issued', 'in stock')
       AND NOT EXISTS (SELECT FROM recording d WHERE d.camera = c.id AND d.completed_at >= u.at)
     ORDER BY u.at, c.id LIMIT %(limit)s"""  # noqa: S608  our own text

_NOT_DELIVERED = """
    SELECT r.id AS recording, r.number, r.camera, c.serial, r.announced_at AS since, r.wearer AS officer, r.office, r.state
      FROM recording r LEFT JOIN camera c ON c.id = r.camera
     WHERE r.agency = %(agency)s
       AND ((r.state = 'receiving' AND r.announced_at < %(undelivered)s)
            OR (r.state = 'complete' AND r.announced_at > %(since)s
                AND NOT EXISTS (SELECT FROM original o WHERE o.recording = r.id AND o.kind = 'clip')))
     ORDER BY r.announced_at, r.id LIMIT %(limit)s"""

_UNKNOWN = """
    SELECT r.id AS recording, r.number, r.camera, c.serial, r.announced_at AS since, h.officer, COALESCE(r.office, c.office) AS office
      FROM (SELECT r.*, COALESCE(r.started_at, r.announced_at) AS at FROM recording r) r
      LEFT JOIN camera c ON c.id = r.camera
      LEFT JOIN LATERAL (
        SELECT min(a.officer::text) AS officer FROM assignment a
         WHERE a.camera = r.camera AND a.known_until IS NULL AND a.begins_at <= r.at AND (a.ends_at IS NULL OR a.ends_at > r.at)
        HAVING count(DISTINCT a.officer) = 1
      ) h ON true
     WHERE r.agency = %(agency)s AND (r.wearer IS NULL OR 'wearer-unknown' = ANY (r.flags))
     ORDER BY r.announced_at, r.id LIMIT %(limit)s"""

_CLIPS = """
    SELECT o.name, r.id AS recording, r.number, r.camera, c.serial, r.wearer AS officer, r.office,
           COALESCE(o.started_at, r.started_at, o.received_at) AS at, o.started_at,
           COALESCE(o.ended_at, o.started_at + make_interval(secs => (o.inspection ->> 'duration_ms')::float8 / 1000)) AS ended_at
      FROM original o JOIN recording r ON r.id = o.recording JOIN camera c ON c.id = r.camera
     WHERE o.agency = %(agency)s AND o.kind = 'clip' AND NOT o.beside AND o.received_at > %(since)s
     ORDER BY r.camera, COALESCE(o.started_at, r.started_at, o.received_at), o.name LIMIT %(limit)s"""


def not_docked(
    conn: Connection, agency: str, *, late: datetime, since: datetime, limit: int
) -> list[dict[str, Any]]:
    """Cameras that were in use before `late` and neither docked nor delivered since."""
    return conn.execute(
        _NOT_DOCKED.encode(), {"agency": agency, "late": late, "since": since, "limit": limit}
    ).fetchall()


def not_delivered(
    conn: Connection, agency: str, *, undelivered: datetime, since: datetime, limit: int
) -> list[dict[str, Any]]:
    """Recordings that were announced before `undelivered` and are not whole, or whole (since `since`) without a clip."""
    return conn.execute(
        _NOT_DELIVERED, {"agency": agency, "undelivered": undelivered, "since": since, "limit": limit}
    ).fetchall()


def unknown_wearers(conn: Connection, agency: str, *, limit: int) -> list[dict[str, Any]]:
    """Recordings of which nobody has said who wore the camera; `officer`: who had it by the calendar, if one had."""
    return conn.execute(_UNKNOWN, {"agency": agency, "limit": limit}).fetchall()


def clips(conn: Connection, agency: str, *, since: datetime, limit: int) -> list[dict[str, Any]]:
    """The clips received since then, by camera and time."""
    return conn.execute(_CLIPS, {"agency": agency, "since": since, "limit": limit}).fetchall()


def resolved(conn: Connection, agency: str) -> set[str]:
    """The names of the gaps that somebody has dealt with."""
    rows = conn.execute("SELECT name FROM footage_gap WHERE agency = %s", (agency,))
    return {row["name"] for row in rows}


def resolutions(conn: Connection, agencies: Sequence[str], *, limit: int) -> list[dict[str, Any]]:
    """What was done about gaps, newest first."""
    return conn.execute(
        "SELECT * FROM footage_gap WHERE agency = ANY(%s) ORDER BY done_at DESC, id LIMIT %s",
        (list(agencies), limit),
    ).fetchall()


def officers(conn: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Badge and office of these officers."""
    rows = conn.execute(
        "SELECT o.id, o.badge, o.external_id, o.office, f.name AS office_name FROM officer o LEFT JOIN office f ON f.id = o.office"
        " WHERE o.id = ANY(%s)",
        (list(ids),),
    )
    return {row["id"]: row for row in rows}
