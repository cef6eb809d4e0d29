"""How long from a month's rows in PostgreSQL to its findings in PostgreSQL, beside PostgreSQL doing the arithmetic itself?

    python bench/activation_rows.py [--duties N] [--officers N] [--place DIR]

Ours: one run of `activation.match` for one agency and one month, as the worker does it: events, officers, clips, calendar,
training and plan are read, the policy in force (directives/fps.yaml) is laid over every event, what is owed is held against
the clips, and every finding with its reason is committed (fsync on, synchronous commit on, row-level security on). A call
of 20 minutes for each duty, 100 calls an officer, of which four in five have a clip; a tenth of the clips is cut in two.

The peer: the server alone, in one statement: the clips of each officer as a multirange (`range_agg`), each event's
stretch intersected with it, the covered time written to a bare table without an index. It knows no policy, no camera
facts, no exceptions and no reasons, and keeps two columns where we keep nineteen and four indexes. What both find of the
covered time must be equal to the microsecond.

CPU is that of this process and of the server's process that serves it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from lapel.activation import audit
from lapel.base.ids import new_id
from lapel.policy import store as policy
from lapel.policy.paper import Paper
from lapel.policy.record import Adopted
from lapel.storage.archive import Archive
from lapel.storage.embedded import EmbeddedPostgres
from lapel.storage.keys import AgentKeys
from lapel.storage.localstore import local_stores
from lapel.storage.migrate import upgrade
from lapel.storage.postgres import Connection, Database, Scope, connect
from lapel.storage.roles import LOGIN_ROLES, bootstrap

AGENCY = "fps"
DIRECTIVES = Path(__file__).parents[1] / "directives"
FIRST, AFTER = date(2026, 10, 1), date(2026, 11, 1)
SIGNED = date(2023, 5, 22)
SECRETS = {role: f"only-in-the-bench-{role}" for role in LOGIN_ROLES}
_FILL = (
    "INSERT INTO office VALUES (md5('office'), '{a}', 'Region 2')",
    "INSERT INTO officer SELECT md5('o' || g), '{a}', md5('office'), 'b' || g, NULL, NULL, true, true, now() FROM generate_series(1, {officers}) g",
    "INSERT INTO camera (id, agency, serial, known) SELECT md5('c' || g), '{a}', 'S' || g, true FROM generate_series(1, {officers}) g",
    "INSERT INTO assignment (id, agency, camera, officer, begins_at, known_from, reason, by)"
    " SELECT md5('a' || g), '{a}', md5('c' || g), md5('o' || g), '2026-01-01Z', '2026-01-01Z', 'issued', 'bench' FROM generate_series(1, {officers}) g",
    "INSERT INTO training (id, agency, officer, from_on) SELECT md5('t' || g), '{a}', md5('o' || g), '2026-01-01' FROM generate_series(1, {officers}) g",
    "INSERT INTO deployment_plan (id, agency, sha256, quarters, adopted_at, adopted_by) VALUES (md5('p'), '{a}', repeat('0', 64), '[]', now(), 'bench')",
    "INSERT INTO deployment (id, agency, plan, office, from_on, cameras, officers) VALUES (md5('d'), '{a}', md5('p'), md5('office'), '2026-01-01', 1, 1)",
    "INSERT INTO event_import (id, agency, source, file, sha256, mapping, mapping_sha256, rows, taken, imported_at, imported_by, entry)"
    " VALUES (md5('i'), '{a}', 'dispatch', 'calls.csv', repeat('0', 64), '', repeat('0', 64), 1, 1, now(), 'bench', md5('e'))",
    "INSERT INTO event_story SELECT '{a}', md5(v), format('{{\"facts\": {{\"activity\": [\"%s\", \"calls.csv\"], \"with_public\": [\"yes\", \"calls.csv\"],"
    " \"phase\": [\"active\", \"calls.csv\"], \"undercover_or_informant\": [\"no\", \"calls.csv\"]}}}}', v)::jsonb"
    " FROM unnest(ARRAY['arrest', 'patrol', 'stop', 'emergency_call']) v",
    "CREATE TABLE call AS SELECT g, g % {officers} + 1 AS o, '2026-10-01 05:00Z'::timestamptz + (g / {officers}) * interval '7 hours'"
    " + (hashint4(g) & 2047) * interval '1 second' AS s, hashint4(g + 7) & 1023 AS r FROM generate_series(0, {duties} - 1) g",
    "INSERT INTO event (id, agency, source, external_id, kind, begins_at, ends_at, story, import)"
    " SELECT md5('v' || g), '{a}', 'dispatch', 'C' || g, 'call', s, s + interval '20 minutes',"
    " md5((ARRAY['arrest', 'patrol', 'stop', 'emergency_call'])[g % 4 + 1]), md5('i') FROM call",
    "INSERT INTO event_officer SELECT md5('v' || g), '{a}', 'b' || o, md5('o' || o) FROM call",
    "CREATE TABLE seen AS SELECT g, o, s + ((r % 90) - 30) * interval '1 second' AS b,"
    " s + CASE WHEN r % 10 = 0 THEN interval '9 minutes' ELSE interval '21 minutes' END AS e, r FROM call WHERE r % 5 > 0"
    " UNION ALL SELECT g + {duties}, o, s + interval '8 minutes' + (r % 7) * interval '30 seconds', s + interval '20 minutes', r FROM call WHERE r % 10 = 0 AND r % 5 > 0"
    " UNION ALL SELECT g + {duties}, o, s + interval '11 minutes', s + interval '19 minutes', r FROM call WHERE r % 10 = 1",
    "INSERT INTO recording (id, agency, number, office, wearer, source, state, started_at, ended_at, wrapped_key, announced_at)"
    " SELECT md5('r' || g), '{a}', 'R' || g, md5('office'), md5('o' || o), 'camera', 'complete', b, e, '', b FROM seen",
    "INSERT INTO original (id, agency, recording, kind, name, object, size_bytes, sha256, object_key, started_at, received_at, entry, state, inspection)"
    " SELECT md5('c' || g), '{a}', md5('r' || g), 'clip', 'a.mp4', md5('x' || g), 0, repeat('0', 64), '', b, e, md5('e' || g), 'inspected',"
    " jsonb_build_object('duration_ms', (EXTRACT(EPOCH FROM e - b) * 1000)::bigint) FROM seen",
)  # fmt: skip
_PEER = """
    CREATE TABLE peer AS
    WITH lane AS MATERIALIZED (
        SELECT r.wearer, range_agg(tstzrange(o.started_at, o.started_at + make_interval(secs => (o.inspection ->> 'duration_ms')::float8 / 1000))) AS held
          FROM original o JOIN recording r ON r.id = o.recording WHERE o.agency = 'fps' GROUP BY 1)
    SELECT e.id AS event, COALESCE((SELECT sum(EXTRACT(EPOCH FROM upper(x) - lower(x)))
             FROM unnest(l.held * tstzmultirange(tstzrange(e.begins_at, e.ends_at))) x), 0) AS covered_s
      FROM event e JOIN event_officer p ON p.event = e.id LEFT JOIN lane l ON l.wearer = p.officer WHERE e.agency = 'fps'"""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds on the clock, and of CPU: this process, the server's."""

    wall: float
    mine: float
    server: float


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.place, prefix="lapel-bench-") as folder:
        place = Path(folder)
        place.chmod(0o711)
        with EmbeddedPostgres(place / "pg", settings={"max_wal_size": "4GB", "shared_buffers": "512MB"}) as server:  # fmt: skip
            urls = bootstrap(server.url, "bench", SECRETS)
            upgrade(urls["owner"])
            admin = connect(make_conninfo(server.url, dbname="bench"))
            _fill(admin, options.duties, options.officers)
            _adopt(urls["staff"])
            ours, found = _ours(urls["worker"], place)
            peer = _timed(admin, lambda: admin.execute(_PEER.encode()))
            _compare(admin)
            again, _ = _ours(urls["worker"], place)
            _say(options.duties, found, ours, again, peer)


def _fill(admin: Connection, duties: int, officers: int) -> None:
    admin.execute("SET search_path = lapel")
    admin.execute("SET session_replication_role = replica")  # no foreign keys while the rows are made
    admin.execute("INSERT INTO agency VALUES ('fps', 'Federal Protective Service', 'America/New_York')")
    for statement in _FILL:
        admin.execute(statement.format(a=AGENCY, duties=duties, officers=officers).encode())
    admin.execute("SET session_replication_role = origin")
    admin.execute("ANALYZE")
    admin.execute("CHECKPOINT")


def _adopt(url: str) -> None:
    kinds = {"vocabulary": "vocabulary", "department": "department"}
    database = Database(url)
    with database.tx(Scope("cli:bench", (AGENCY, "department"))) as conn:
        for name in ("vocabulary", "department", AGENCY):
            text = Paper((DIRECTIVES / f"{name}.yaml").read_text(), f"{name}.yaml", "Director", SIGNED)
            kind: Any = kinds.get(name, "agency")
            policy.add(
                conn,
                Adopted(
                    new_id(), name if kind == "agency" else None, kind, name, SIGNED, text.file, text.body, text.sha256,
                    SIGNED, "Director", None, datetime(2023, 5, 22, tzinfo=UTC), new_id(),
                ),
            )  # fmt: skip
    database.close()


def _ours(url: str, place: Path) -> tuple[Took, audit.Done]:
    database = Database(url, max_size=1)
    archive = Archive(database, local_stores(place / "objects"), AgentKeys(place / "nobody.sock"))
    scope = Scope("system:worker", (AGENCY,))
    with database.tx(scope) as conn:
        served_by = conn.info.backend_pid
    before = (time.monotonic(), _cpu(), _cpu_of(served_by))
    done = audit.audit(archive, scope, AGENCY, FIRST, AFTER)
    after = (time.monotonic(), _cpu(), _cpu_of(served_by))
    database.close()
    assert len(done) == 1
    return Took(*(b - a for a, b in zip(before, after, strict=True))), done[0]


def _timed(conn: Connection, act: Any) -> Took:
    before = (time.monotonic(), _cpu(), _cpu_of(conn.info.backend_pid))
    act()
    after = (time.monotonic(), _cpu(), _cpu_of(conn.info.backend_pid))
    return Took(*(b - a for a, b in zip(before, after, strict=True)))


def _compare(admin: Connection) -> None:
    row = admin.execute(
        "SELECT count(*) AS n, count(*) FILTER (WHERE round(p.covered_s * 1000000)::bigint = f.covered_us) AS equal"
        " FROM finding f JOIN peer p ON p.event = f.event"
    ).fetchone()
    assert row is not None
    assert row["n"] == row["equal"] > 0, row
    print(f"{row['n']:,} findings: the covered time of ours and the peer's is the same to the microsecond.")


def _say(duties: int, found: audit.Done, ours: Took, again: Took, peer: Took) -> None:
    print(f"{duties:,} duties: {found.run.counts}")
    print(f"{'':46}{'wall s':>9}{'our CPU s':>11}{'server CPU s':>14}{'wall, ours is':>15}")
    for what, took in (
        ("ours, rows to findings", ours),
        ("ours again, nothing changed", again),
        ("PostgreSQL alone: covered time, no policy", peer),
    ):
        ratio = "" if took is ours else f"{ours.wall / took.wall:14.2f}x"
        print(f"{what:46}{took.wall:9.1f}{took.mine:11.1f}{took.server:14.1f}{ratio}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"Peak memory of the run: {peak:.2f} GB")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--duties", type=int, default=2_000_000)
    parser.add_argument("--officers", type=int, default=20_000)
    parser.add_argument("--place", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
