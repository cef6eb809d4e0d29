"""What does a run read, and what does it write? Rows out in columns, findings in by columns; all SQL of a run.

Rows come and go in columns, many in one text: COPY may not fill tables that have row-level security.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

from lapel.activation.event import Story
from lapel.activation.instants import DAY_US
from lapel.activation.store import Run
from lapel.storage import rows
from lapel.storage.postgres import Connection

if TYPE_CHECKING:
    import pyarrow as pa

_ONE_RUN = 0x1A9E1C00
_US = "(date_part('epoch', {}) * 1e6)::bigint"  # exact: a double holds such instants to a quarter of a microsecond
_CHUNK = 100_000

_PARTS = f"""
    SELECT e.id AS event, {_US.format("e.begins_at")} AS begin, {_US.format("e.ends_at")} AS ended, e.story,
           array_to_string(e.flags, '|') AS flags, p.badge, COALESCE(p.officer, o.id) AS officer
      FROM event e JOIN event_officer p ON p.event = e.id LEFT JOIN officer o ON o.agency = e.agency AND o.badge = p.badge
     WHERE e.agency = %(agency)s AND e.begins_at >= %(since)s AND e.begins_at < %(until)s
       AND (%(officer)s::text IS NULL OR COALESCE(p.officer, o.id) = %(officer)s)"""  # noqa: S608  our own text
_CLIPS = f"""
    SELECT c.id AS clip, c.wearer, c.camera, {_US.format("c.begins_at")} AS begin, {_US.format("c.ends_at")} AS ended, c.state
      FROM (
        SELECT o.id, r.wearer, r.camera, o.state, COALESCE(o.started_at, r.started_at) AS begins_at,
               COALESCE(COALESCE(o.started_at, r.started_at) + make_interval(secs => (o.inspection ->> 'duration_ms')::float8 / 1000),
                        o.ended_at, COALESCE(o.started_at, r.started_at)) AS ends_at
          FROM original o JOIN recording r ON r.id = o.recording
         WHERE o.agency = %(agency)s AND o.kind = 'clip'
           AND COALESCE(o.started_at, r.started_at) >= %(since)s::timestamptz - interval '2 days'
           AND COALESCE(o.started_at, r.started_at) < %(until)s
      ) c
     WHERE c.ends_at > %(since)s"""  # noqa: S608  our own text
PART_TYPES: Final = {"event": "string", "begin": "int64", "ended": "int64", "story": "string", "flags": "string", "badge": "string", "officer": "string"}  # fmt: skip
CLIP_TYPES: Final = {"clip": "string", "wearer": "string", "camera": "string", "begin": "int64", "ended": "int64", "state": "string"}  # fmt: skip


def one_at_a_time(conn: Connection, agency: str) -> None:
    """Wait until no other run or import of this agency is under way: each replaces what it finds."""
    conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_ONE_RUN, agency))


def parts(
    conn: Connection, agency: str, since: datetime, until: datetime, officer: str | None = None
) -> pa.Table:
    """Who took part in the events that begin in [since, until): a row for each, by time, event and badge."""
    values = {"agency": agency, "since": since, "until": until, "officer": officer}
    found = _columns(conn, _PARTS, values, PART_TYPES)
    return found.sort_by([("begin", "ascending"), ("event", "ascending"), ("badge", "ascending")])


def clips(conn: Connection, agency: str, since: datetime, until: datetime) -> pa.Table:
    """The clips that touch [since, until), by wearer and time; a clip lasts as long as it was measured, else as was said."""
    values = {"agency": agency, "since": since, "until": until}
    found = _columns(conn, _CLIPS, values, CLIP_TYPES)
    return found.sort_by([("wearer", "ascending"), ("begin", "ascending"), ("clip", "ascending")])


def _columns(conn: Connection, query: str, values: Mapping[str, Any], types: Mapping[str, str]) -> pa.Table:
    """The rows of a query, a day in one text: a client that is handed millions of rows one by one does nothing else."""
    import pyarrow as pa
    from pyarrow import csv

    line = " || E'\\x1f' || ".join(f"COALESCE(q.{name}::text, '')" for name in types)
    whole = f"SELECT string_agg({line}, E'\\n') AS rows FROM ({query}) q GROUP BY q.begin / {DAY_US}"  # noqa: S608  our own text
    content = "\n".join(row["rows"] for row in conn.execute(whole.encode(), values)).encode()
    kinds = {name: pa.type_for_alias(kind) for name, kind in types.items()}
    if not content:
        return pa.schema(list(kinds.items())).empty_table()
    return csv.read_csv(
        pa.BufferReader(content),
        read_options=csv.ReadOptions(column_names=list(types)),
        parse_options=csv.ParseOptions(delimiter="\x1f", quote_char=False, double_quote=False),
        convert_options=csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True),
    )


def stories(conn: Connection, agency: str, ids: Sequence[str]) -> dict[str, Story]:
    """What was stated, by the story's id."""
    found = conn.execute(
        "SELECT id, story FROM event_story WHERE agency = %s AND id = ANY(%s)", (agency, list(ids))
    )
    return {row["id"]: Story.from_json(row["story"]) for row in found}


def latest_run(
    conn: Connection, agency: str, since: datetime, until: datetime, officer: str | None
) -> Run | None:
    """The newest run that wrote anything of [since, until), if it was about exactly this; None otherwise."""
    row = conn.execute(
        "SELECT id, since, until, officer FROM activation_run WHERE agency = %s AND since < %s AND until > %s"
        " ORDER BY ran_at DESC, id LIMIT 1",
        (agency, until, since),
    ).fetchone()
    if row is None or (row["since"], row["until"], row["officer"]) != (since, until, officer):
        return None
    from lapel.activation.store import run

    return run(conn, row["id"])


def write_run(conn: Connection, run: Run) -> None:
    """Put a run on record."""
    values: dict[str, Any] = {name: getattr(run, name) for name in Run.__slots__}
    for name in ("inputs", "directives", "counts", "notes"):
        values[name] = Jsonb(values[name])
    columns = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    query = f"INSERT INTO activation_run ({columns}) VALUES ({places})"  # noqa: S608  our own names
    conn.execute(query.encode(), values)


def write_reasons(conn: Connection, agency: str, reasons: Mapping[str, Any]) -> None:
    """Keep why something is owed, once for each reason. `reasons`: id -> Why."""
    for at, why in reasons.items():
        conn.execute(
            "INSERT INTO finding_why (agency, id, clauses, presumed, missing, lacking, says)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                agency,
                at,
                list(why.clauses),
                list(why.presumed),
                list(why.missing),
                list(why.lacking),
                why.says,
            ),
        )


def clear(
    conn: Connection, agency: str, since: datetime, until: datetime, longest_us: int, officer: str | None
) -> int:
    """Take away the findings about events that begin in [since, until), of everybody or of one officer."""
    query = (
        "DELETE FROM finding f USING event e WHERE e.id = f.event AND f.agency = %(agency)s AND e.agency = %(agency)s"
        " AND e.begins_at >= %(since)s AND e.begins_at < %(until)s AND f.begins_at >= %(since)s"
        " AND f.begins_at < %(until)s::timestamptz + %(longest)s * interval '1 microsecond'"
    )
    if officer is not None:
        query += " AND f.officer = %(officer)s"
    values = {"agency": agency, "since": since, "until": until, "longest": longest_us, "officer": officer}
    return conn.execute(query.encode(), values).rowcount


FINDING_TYPES: Final = {
    "duty": "text", "event": "text", "officer": "text", "badge": "text", "office": "text", "activity": "text",
    "kind": "text", "outcome": "text", "measured": "text", "excuse": "text", "begins_at": "timestamptz",
    "ends_at": "timestamptz", "within_us": "bigint", "covered_us": "bigint", "late_us": "bigint", "early_us": "bigint",
    "gap_us": "bigint", "gaps": "integer", "why": "text",
}  # fmt: skip


def write_findings(conn: Connection, agency: str, run: str, findings: pa.Table) -> None:
    """Put findings in. `findings`: the columns of FINDING_TYPES, all as text."""
    for chunk in findings.to_batches(max_chunksize=_CHUNK):
        columns = {name: (kind, _joined(chunk.column(name))) for name, kind in FINDING_TYPES.items()}
        rows.insert_columns(conn, "finding", columns, same={"agency": agency, "run": run})


def _joined(column: pa.Array) -> str:
    """One text of a whole column, as `rows.joined` makes it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.fill_null(column.cast("string"), rows.NOTHING)
    whole = pa.ListArray.from_arrays([0, len(text)], text)
    return str(pc.binary_join(whole, rows.BETWEEN)[0].as_py())


def to_restrict(conn: Connection, officer: str, begins_at: datetime, ends_at: datetime) -> list[str]:
    """The recordings in view of which a clip of an officer lies in a stretch that was forbidden, by their ids.

    A recording without a wearer is theirs when the calendar alone says so, as the run counts it. One that two people have set
    free after it was found to be forbidden stays free: they have seen it, and a run has not.
    """
    found = conn.execute(
        "SELECT DISTINCT r.id FROM recording r JOIN original o ON o.recording = r.id AND o.kind = 'clip'"
        " WHERE COALESCE(o.started_at, r.started_at) < %(ends)s"
        "   AND COALESCE(COALESCE(o.started_at, r.started_at) + make_interval(secs => (o.inspection ->> 'duration_ms')::float8 / 1000),"
        "                o.ended_at, r.ended_at) > %(begins)s"
        "   AND (r.wearer = %(officer)s OR r.wearer IS NULL AND ARRAY[%(officer)s::text] = ("
        "            SELECT array_agg(DISTINCT a.officer::text) FROM assignment a"
        "             WHERE a.camera = r.camera AND a.known_until IS NULL AND a.begins_at <= COALESCE(o.started_at, r.started_at)"
        "               AND (a.ends_at IS NULL OR a.ends_at > COALESCE(o.started_at, r.started_at))))"
        "   AND NOT EXISTS (SELECT FROM restriction x"
        "                    WHERE x.recording = r.id AND x.kind = 'forbidden' AND x.lifted_at IS NOT NULL)"
        " ORDER BY 1",
        {"officer": officer, "begins": begins_at, "ends": ends_at},
    )
    return [row["id"] for row in found]


def agency_of_recording(conn: Connection, recording: str) -> str | None:
    """Whose a recording is."""
    row = conn.execute("SELECT agency_of_recording(%s) AS agency", (recording,)).fetchone()
    return row["agency"] if row else None


def agency_of_import(conn: Connection, which: str) -> str | None:
    """Whose an import is."""
    row = conn.execute("SELECT agency_of_import(%s) AS agency", (which,)).fetchone()
    return row["agency"] if row else None


def has_events(conn: Connection, agency: str, officer: str, since: datetime, until: datetime) -> bool:
    """Did this officer take part in an event that begins in [since, until)?"""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM event e JOIN event_officer p ON p.event = e.id"
        "   LEFT JOIN officer o ON o.agency = e.agency AND o.badge = p.badge"
        "  WHERE e.agency = %s AND e.begins_at >= %s AND e.begins_at < %s AND COALESCE(p.officer, o.id) = %s) AS there",
        (agency, since, until, officer),
    ).fetchone()
    return bool(row and row["there"])
