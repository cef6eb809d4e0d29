"""What do the pages count and list? Findings in groups, duties that were not met, forbidden recordings, a day of one officer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lapel.access.actor import Reach
from lapel.activation.findings import FORBIDDEN, UNMET
from lapel.storage.postgres import Connection

GROUPS: Final[Mapping[str, str]] = {
    "agency": "f.agency",
    "office": "COALESCE((SELECT o.name FROM office o WHERE o.id = f.office), 'no office')",
    "activity": "f.activity",
    "month": "to_char(f.begins_at AT TIME ZONE (SELECT a.zone FROM agency a WHERE a.id = f.agency), 'YYYY-MM')",
    "kind": "(SELECT e.kind FROM event e WHERE e.id = f.event)",
}
_SEEN = "f.agency = ANY(%(agencies)s) AND (f.agency = ANY(%(whole)s) OR f.office = ANY(%(offices)s) OR f.officer = ANY(%(wearers)s))"
_BETWEEN = "f.begins_at >= %(since)s AND f.begins_at < %(until)s"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a list is narrowed to; an empty text is no filter. `reach`: what the person may see at all."""

    reach: Reach
    since: datetime
    until: datetime
    office: str = ""
    badge: str = ""
    activity: str = ""
    outcome: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """As the queries of this room take them."""
        reach = self.reach
        return {
            "agencies": list(reach.agencies), "whole": list(reach.whole), "offices": list(reach.offices),
            "wearers": list(reach.wearers), "since": self.since, "until": self.until, "office": self.office,
            "badge": self.badge, "activity": self.activity, "outcome": self.outcome,
        }  # fmt: skip


_NARROWED = f"""
    {_SEEN} AND {_BETWEEN}
    AND (%(office)s = '' OR f.office IN (SELECT o.id FROM office o WHERE o.name = %(office)s))
    AND (%(badge)s = '' OR f.badge = %(badge)s) AND (%(activity)s = '' OR f.activity = %(activity)s)
    AND (%(outcome)s = '' OR f.outcome = %(outcome)s)"""  # noqa: S608  our own text


def counts(conn: Connection, narrowed: Narrowed, by: str) -> list[dict[str, Any]]:
    """`part` (the group), `outcome`, `findings`, `owed_us`, `covered_us`, by group and outcome. `by`: one of GROUPS."""
    query = (
        f"SELECT {GROUPS[by]} AS part, f.outcome, count(*)::bigint AS findings,"  # noqa: S608  our own text
        " COALESCE(sum(EXTRACT(EPOCH FROM f.ends_at - f.begins_at) * 1000000), 0)::bigint AS owed_us,"
        " COALESCE(sum(f.covered_us), 0)::bigint AS covered_us"
        f" FROM finding f WHERE {_NARROWED} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return conn.execute(query.encode(), narrowed.values).fetchall()


def latest_run(conn: Connection, agencies: Sequence[str]) -> dict[str, Any] | None:
    """The newest run about everybody of any of these agencies."""
    return conn.execute(
        "SELECT * FROM activation_run WHERE agency = ANY(%s) AND officer IS NULL ORDER BY ran_at DESC, id LIMIT 1",
        (list(agencies),),
    ).fetchone()


_LEADER = """
    LEFT JOIN LATERAL (
        SELECT o.id, o.badge FROM supervision s JOIN officer o ON o.id = s.supervisor
         WHERE s.officer = f.officer AND s.from_on <= f.begins_at::date AND (s.until_on IS NULL OR s.until_on > f.begins_at::date)
         ORDER BY s.from_on DESC LIMIT 1
    ) l ON true LEFT JOIN office p ON p.id = f.office"""
_CLAIM = """
    LEFT JOIN LATERAL (
        SELECT x.id, x.state FROM activation_exception x WHERE x.officer = f.officer
           AND CASE WHEN x.duty IS NULL THEN x.begins_at <= f.begins_at AND f.ends_at <= x.ends_at ELSE x.duty = f.duty::text END
         ORDER BY x.entered_at DESC, x.id LIMIT 1
    ) x ON true"""

_UNMET = f"""
    SELECT f.*, l.badge AS leader_badge, p.name AS office_name, x.id AS exception, COALESCE(x.state, '') AS exception_state
      FROM finding f {_LEADER} {_CLAIM}
     WHERE {_NARROWED} AND f.kind = 'duty' AND f.outcome = ANY(%(unmet)s)
       AND (%(state)s = '' OR (%(state)s = 'unexplained' AND COALESCE(x.state, 'none') NOT IN ('waiting', 'granted'))
            OR x.state = %(state)s)
       AND (%(after_at)s::timestamptz IS NULL OR (f.begins_at, f.duty::text) > (%(after_at)s, %(after_id)s))
     ORDER BY f.begins_at, f.duty LIMIT %(limit)s"""  # noqa: S608  our own text


def unmet(
    conn: Connection,
    narrowed: Narrowed,
    *,
    state: str = "unexplained",
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Duties that were not met, the oldest first, each with its office, its supervisor and what was entered about it.

    `state`: unexplained (nothing entered, or refused), waiting, refused, or '' for all that are not excused.
    """
    return conn.execute(
        _UNMET.encode(),
        {**narrowed.values, "unmet": list(UNMET), "state": state, **_after(after), "limit": limit},
    ).fetchall()


def count_unexplained(conn: Connection, narrowed: Narrowed, *, limit: int = 1000) -> int:
    """How many duties are not met and not explained; counting stops at the limit."""
    return len(unmet(conn, narrowed, limit=limit))


_FORBIDDEN = f"""
    SELECT f.*, p.name AS office_name, l.badge AS leader_badge,
           r.id AS recording, r.number, r.restricted, d.decision, d.decided_at, d.decided_by, d.words
      FROM finding f {_LEADER}
      LEFT JOIN LATERAL (
        SELECT r.id, r.number, COALESCE((to_jsonb(r) ->> 'restricted')::boolean, false) AS restricted FROM recording r WHERE r.wearer = f.officer AND r.agency = f.agency
           AND COALESCE(r.started_at, r.announced_at) < f.ends_at
           AND COALESCE(r.ended_at, (SELECT max(COALESCE(o.ended_at, o.started_at + make_interval(secs => (o.inspection ->> 'duration_ms')::float8 / 1000)))
                                       FROM original o WHERE o.recording = r.id AND o.kind = 'clip'), r.started_at + interval '12 hours') > f.begins_at
         ORDER BY r.started_at, r.id LIMIT 1
      ) r ON true
      LEFT JOIN LATERAL (
        SELECT d.decision, d.decided_at, d.decided_by, d.words FROM forbidden_decision d WHERE d.duty = f.duty::text
         ORDER BY d.decided_at DESC, d.id LIMIT 1
      ) d ON true
     WHERE {_NARROWED} AND f.outcome = ANY(%(forbidden)s)
       AND (%(state)s <> 'open' OR d.decision IS NULL) AND (%(state)s IN ('', 'open') OR d.decision = %(state)s)
       AND (%(after_at)s::timestamptz IS NULL OR (f.begins_at, f.duty::text) > (%(after_at)s, %(after_id)s))
     ORDER BY f.begins_at, f.duty LIMIT %(limit)s"""  # noqa: S608  our own text


def forbidden(
    conn: Connection,
    narrowed: Narrowed,
    *,
    state: str = "open",
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """What was recorded though it was forbidden or had to stop, oldest first, with the recording (None: not in view) and
    what was decided. `state`: open, a decision, or ''."""
    return conn.execute(
        _FORBIDDEN.encode(),
        {**narrowed.values, "forbidden": list(FORBIDDEN), "state": state, **_after(after), "limit": limit},
    ).fetchall()


def days_with_findings(conn: Connection, officer: str, zone: str, *, limit: int = 60) -> list[Any]:
    """The days on which something was found about an officer, the latest first."""
    rows = conn.execute(
        "SELECT DISTINCT (begins_at AT TIME ZONE %s)::date AS day FROM finding WHERE officer = %s ORDER BY 1 DESC LIMIT %s",
        (zone, officer, limit),
    )
    return [row["day"] for row in rows]


_PLAN = f"""
    SELECT f.office, p.name AS office_name, f.agency,
           to_char(f.begins_at AT TIME ZONE (SELECT a.zone FROM agency a WHERE a.id = f.agency), 'YYYY-"Q"Q') AS quarter,
           count(*) FILTER (WHERE f.outcome NOT IN ('undetermined'))::bigint AS duties,
           count(*) FILTER (WHERE NOT 'equipped' = ANY (w.lacking))::bigint AS with_camera,
           count(*) FILTER (WHERE NOT 'in_plan' = ANY (w.lacking))::bigint AS in_plan,
           count(*) FILTER (WHERE 'in_plan' = ANY (w.lacking) AND NOT 'equipped' = ANY (w.lacking))::bigint AS camera_outside_plan,
           count(*) FILTER (WHERE NOT 'in_plan' = ANY (w.lacking) AND 'equipped' = ANY (w.lacking))::bigint AS planned_without_camera,
           COALESCE(sum(EXTRACT(EPOCH FROM f.ends_at - f.begins_at)) FILTER (WHERE NOT 'equipped' = ANY (w.lacking)), 0)::float8 / 3600 AS camera_hours,
           COALESCE(sum(EXTRACT(EPOCH FROM f.ends_at - f.begins_at)), 0)::float8 / 3600 AS duty_hours
      FROM finding f JOIN finding_why w ON w.agency = f.agency AND w.id = f.why LEFT JOIN office p ON p.id = f.office
     WHERE {_NARROWED} AND f.kind = 'duty'
     GROUP BY 1, 2, 3, 4 ORDER BY 3, 2 NULLS LAST, 4"""  # noqa: S608  our own text


def against_the_plan(conn: Connection, narrowed: Narrowed) -> list[dict[str, Any]]:
    """For each office and quarter: its duties, how many of them with a camera, in the plan, and where the two differ."""
    return conn.execute(_PLAN.encode(), narrowed.values).fetchall()


def activities(conn: Connection, agencies: Sequence[str]) -> list[str]:
    """The activities that findings of these agencies name."""
    rows = conn.execute(
        "SELECT DISTINCT activity FROM finding WHERE agency = ANY(%s) ORDER BY 1 LIMIT 100", (list(agencies),)
    )
    return [row["activity"] for row in rows]


def _after(after: tuple[datetime, str] | None) -> dict[str, Any]:
    return {"after_at": after[0] if after else None, "after_id": after[1] if after else ""}
