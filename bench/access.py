"""What do permission and row-level security add to the recordings list and to a range request, and how quick is the audit search?

    .venv/bin/python bench/access.py [--sizes 100000,1000000] [--rounds 40]

Peers in the same run, in turns, on the same rows: (a) the same SQL as the superuser, whom no policy binds; (b) the same request
through the same app as the superuser, with the facts and the decision of `permit` replaced by yes. Not equal: (b) still sets
the transaction's scope, reads the session and writes the custody entries, and its lists are narrowed by the same WHERE.
CPU is user + system of this process (app, client, key agent) and of every process of the database. Goals: below 15 % more CPU
on the list, below 2 ms more on a range request. Load is printed: quote ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from psycopg.conninfo import make_conninfo

from lapel.access import permit, sessions, signin
from lapel.access.actor import Reach
from lapel.app import staff
from lapel.app.department import MODEL_AGENCIES
from lapel.base.ids import new_id
from lapel.custody import store_search
from lapel.custody.store_search import Wanted
from lapel.footage import announce, receive, search, standing
from lapel.footage.incoming import Incoming
from lapel.footage.model import Announced, Said
from lapel.footage.search import Filters
from lapel.storage import migrate, roles
from lapel.storage.archive import Archive
from lapel.storage.embedded import EmbeddedPostgres
from lapel.storage.keyagent import KeyAgent
from lapel.storage.keyring import create_keyring
from lapel.storage.keys import AgentKeys
from lapel.storage.localstore import local_stores
from lapel.storage.postgres import Database, Scope, connect

TICKS = os.sysconf("SC_CLK_TCK")
IDS = tuple(agency.id for agency in MODEL_AGENCIES)
OFFICES = 40  # of each agency
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "shared_buffers": "256MB",
    "autovacuum": "off",
    "jit": "off",
}
CLIP_BYTES, RANGE_BYTES = 8 << 20, 256 << 10


@dataclass(slots=True)
class Place:
    """A department without processes: its database, its key agent in a thread, the roles' archives."""

    server: EmbeddedPostgres
    urls: dict[str, str]
    superuser: str
    stores: Any
    sockets: Path

    def archive(self, role: str, url: str | None = None) -> Archive:
        return Archive(
            Database(url or self.urls[role]), self.stores, AgentKeys(self.sockets / f"{role}.sock")
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall milliseconds of one call; the wall's median."""

    cpu_ms: float
    wall_ms: float


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, its children, and what those have waited for."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    mine = {pid} | {p for p, (parent, _) in parents.items() if parent == pid}
    return sum(parents.get(p, (0, 0))[1] for p in mine) / TICKS


def in_turns(server_pid: int, ways: dict[str, Callable[[], Any]], rounds: int, calls: int) -> dict[str, Cost]:
    """Each way `calls` times a round, in turns, so that a busy machine is busy for all of them."""
    cpu = dict.fromkeys(ways, 0.0)
    wall: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for turn in range(rounds):
        names = list(ways) if turn % 2 else list(reversed(ways))
        for name in names:
            before, begun = time.process_time() + cpu_of(server_pid), time.perf_counter()
            for _ in range(calls):
                ways[name]()
            wall[name].append((time.perf_counter() - begun) / calls)
            cpu[name] += time.process_time() + cpu_of(server_pid) - before
    return {
        name: Cost(1000 * cpu[name] / rounds / calls, 1000 * statistics.median(wall[name])) for name in ways
    }


@contextlib.contextmanager
def place() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="lapel-bench-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "pg", settings=QUICK) as server:
            urls = roles.bootstrap(server.url, "bench", {role: f"bench-{role}" for role in roles.LOGIN_ROLES})
            migrate.upgrade(urls["owner"])
            create_keyring(folder / "keyring.json", IDS)
            (folder / "s").mkdir()
            agent = KeyAgent(folder / "keyring.json", folder / "s")
            agent.start()
            superuser = make_conninfo(server.url, dbname="bench")
            yield Place(server, urls, superuser, local_stores(folder / "objects"), folder / "s")
            agent.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(place: Place, first: int, end: int) -> None:
    """Recordings [first, end) of nine agencies in turn, each with one clip and two custody entries."""
    with connect(place.superuser) as conn:
        conn.execute("SET search_path = lapel, public; SET session_replication_role = replica")
        if first == 0:
            for agency in MODEL_AGENCIES:
                conn.execute("INSERT INTO agency (id, name, zone) VALUES (%s, %s, %s)", (agency.id, agency.name, agency.zone))  # fmt: skip
                conn.execute(
                    "INSERT INTO office (id, agency, name) SELECT md5(%s || 'office' || i), %s, 'Office ' || i FROM generate_series(1, %s) i",
                    (agency.id, agency.id, OFFICES),
                )
        given = {"first": first, "end": end - 1, "agencies": list(IDS), "offices": OFFICES}
        conn.execute(
            "INSERT INTO recording (id, agency, number, office, source, state, started_at, ended_at, wrapped_key, announced_at)"
            " SELECT md5('r' || i), a, 'R-' || substr(lpad(i::text, 10, '0'), 1, 5) || '-' || substr(lpad(i::text, 10, '0'), 6),"
            " md5(a || 'office' || (1 + i / 9 %% %(offices)s)), 'hand', 'complete', t, t + interval '5 minutes', '\\x00', t"
            " FROM generate_series(%(first)s::int, %(end)s::int) i, LATERAL (SELECT (%(agencies)s::text[])[1 + i %% 9] AS a,"
            " timestamptz '2026-01-01' + i * interval '25 seconds' AS t) x",
            given,
        )
        conn.execute(
            "INSERT INTO original (id, agency, recording, kind, name, object, size_bytes, sha256, object_key, received_at, entry, state)"
            " SELECT md5('o' || i), (%(agencies)s::text[])[1 + i %% 9], md5('r' || i), 'clip', 'a.mp4', md5('b' || i), 1000000,"
            " md5('x' || i) || md5('y' || i), '\\x00', now(), md5('e' || i), 'inspected' FROM generate_series(%(first)s::int, %(end)s::int) i",
            given,
        )
        conn.execute(
            "INSERT INTO custody_opening (entry, agency, subject, openings)"
            " SELECT md5(k || i), a, 'recording:' || md5('r' || i), json_build_object("
            "'act', json_build_array('00', CASE k WHEN 'e' THEN 'received' WHEN 'v' THEN CASE WHEN i %% 500 = 0 THEN 'refused' ELSE 'viewed' END END),"
            "'actor', json_build_array('00', CASE k WHEN 'e' THEN 'site:' || md5(a) ELSE 'account:' || md5('acc' || i %% 5000) END),"
            "'agency', json_build_array('00', a), 'subject', json_build_array('00', 'recording:' || md5('r' || i)),"
            "'at', json_build_array('00', to_char(timestamp '2026-01-01' + i * interval '25 seconds', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')),"
            "'bytes', json_build_array('00', i * 1000), 'source', json_build_array('00', '192.0.2.' || i %% 250))"
            " FROM generate_series(%(first)s::int, %(end)s::int) i, LATERAL (SELECT (%(agencies)s::text[])[1 + i %% 9] AS a) x,"
            " LATERAL (VALUES ('e'), ('v')) AS kinds (k)",
            given,
        )
        conn.execute("VACUUM (ANALYZE) recording, original, office, custody_opening")


def one_real(place: Place) -> tuple[str, str]:
    """A recording whose bytes are there; its number and the id of its clip."""
    intake, scope = place.archive("intake"), Scope(f"site:{'5' * 32}", ("cbp",))
    there = announce.open_recording(
        intake, scope, "cbp", Announced(external_id=new_id(), started_at=datetime.now(UTC))
    )
    with Incoming(intake) as incoming:
        incoming.write(os.urandom(CLIP_BYTES))
        file = receive.accept(intake, scope, there, incoming.finish(), Said(kind="clip", name="clip.mp4"))
    announce.complete(intake, scope, there.id)
    return there.number, file.id


def person(place: Place, agencies: tuple[str, ...], name: str) -> signin.Opened:
    owner = Database(place.urls["owner"])
    link = signin.make_link(owner, agencies, made_by="cli:bench")
    owner.close()
    return signin.first_account(
        place.archive("staff").db, link, name, "four unrelated quiet words", "192.0.2.1"
    )


def client(app: Any, token: str) -> Any:
    from fastapi.testclient import TestClient

    made = TestClient(app, base_url="http://lapel.test", follow_redirects=False)
    made.cookies.set("lapel", token)
    return made


@contextlib.contextmanager
def no_permission() -> Iterator[None]:
    """The facts are not read and the decision is yes."""
    yes = permit.Decision(True, ())
    plain = permit.Facts(purpose="case")
    with contextlib.ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("lapel."):
                for known, instead in (
                    (permit.decide, lambda *_, **__: yes),
                    (permit.permit, lambda *_, **__: None),
                    (permit.permit_lists, lambda *_, **__: None),
                    (standing.facts, lambda *_, **__: plain),
                ):
                    for at in [at for at, value in vars(module).items() if value is known]:
                        stack.enter_context(patch.object(module, at, instead))
        yield


def say(what: str, costs: dict[str, Cost], goal: str) -> None:
    ours, peer = costs["ours"], costs["peer"]
    print(
        f"{what:<46} {ours.cpu_ms:8.2f} {peer.cpu_ms:8.2f} {100 * (ours.cpu_ms / peer.cpu_ms - 1):+7.1f} %"
        f" {ours.wall_ms:8.2f} {peer.wall_ms:8.2f} {ours.wall_ms - peer.wall_ms:+7.2f} ms   {goal}"
    )


def lists(place: Place, rounds: int) -> None:
    """The same SQL under row-level security, and as the superuser."""
    locked, free = place.archive("staff").db, Database(place.superuser)
    office = "md5('cbpoffice1')"
    with connect(place.superuser) as conn:
        row = conn.execute(f"SELECT {office} AS id".encode()).fetchone()
    assert row
    middle = search.Position(datetime(2026, 2, 1, tzinfo=UTC), "8" * 32)
    for what, reach, scope, after in (
        ("list SQL, one agency, first page", Reach(("cbp",), ("cbp",)), ("cbp",), None),
        ("list SQL, one agency, deep", Reach(("cbp",), ("cbp",)), ("cbp",), middle),
        ("list SQL, nine agencies, first page", Reach(IDS, IDS), IDS, None),
        ("list SQL, a supervisor's office", Reach(("cbp",), (), (row["id"],)), ("cbp",), None),
    ):
        account = Scope(f"account:{'a' * 32}", scope)

        def ask(db: Database, reach: Reach = reach, account: Scope = account, after: Any = after) -> None:
            with db.tx(account) as conn:
                assert len(search.find(conn, Filters(reach), after)[0]) == search.PAGE_ROWS

        ways = {"ours": lambda ask=ask: ask(locked), "peer": lambda ask=ask: ask(free)}
        say(what, in_turns(place.server.pid, ways, rounds, 10), "goal < 15 % CPU")
    free.close()


def requests(place: Place, number: str, clip: str, rounds: int) -> None:
    """The same requests through the app, with permission and row-level security and without."""
    ways_in = {
        agencies: person(place, agencies, f"Custodian of {len(agencies)} {new_id()[:6]}")
        for agencies in (("cbp",), IDS)
    }
    locked = staff.make(place.archive("staff"), npm=Path("/"))
    free = staff.make(place.archive("staff", place.superuser), npm=Path("/"))
    headers = {"range": f"bytes=0-{RANGE_BYTES - 1}"}
    play = f"/recordings/{number}/originals/{clip}/play"
    for what, agencies, path, given, status, goal in (
        ("list request (JSON), one agency", ("cbp",), "/recordings.json", {}, 200, "goal < 15 % CPU"),
        ("list request (JSON), nine agencies", IDS, "/recordings.json", {}, 200, "goal < 15 % CPU"),
        ("range request, 256 KiB", ("cbp",), play, headers, 206, "goal < 2 ms"),
    ):
        opened = ways_in[agencies]
        mine, theirs = client(locked, opened.token), client(free, opened.token)
        if given:
            with connect(place.superuser) as conn:
                conn.execute("SET search_path = lapel, public")
                row = conn.execute("SELECT id FROM recording WHERE number = %s", (number,)).fetchone()
                assert row
                conn.execute(
                    "INSERT INTO look (id, agency, recording, account, why, code, begun_at, ends_at, session)"
                    " SELECT %s, 'cbp', %s, %s, 'reason', 'bench', now(), now() + interval '1 hour', %s",
                    (
                        new_id(),
                        row["id"],
                        opened.account,
                        sessions.mark(opened.token),
                    ),  # type: ignore[union-attr]
                )

        def ask(one: Any, path: str = path, given: Any = given, status: int = status) -> None:
            answer = one.get(path, headers=given)
            assert answer.status_code == status, (answer.status_code, answer.text[:300])

        costs = measured_apart(
            place, lambda ask=ask, mine=mine: ask(mine), lambda ask=ask, theirs=theirs: ask(theirs), rounds
        )
        say(what, costs, goal)


def measured_apart(
    place: Place, ours: Callable[[], Any], peer: Callable[[], Any], rounds: int
) -> dict[str, Cost]:
    """In turns of ten calls, the peer's inside one `no_permission`, whose own cost is left out."""
    sums: dict[str, list[tuple[float, float]]] = {"ours": [], "peer": []}
    ours()
    for turn in range(rounds):
        for name in ("ours", "peer") if turn % 2 else ("peer", "ours"):
            with no_permission() if name == "peer" else contextlib.nullcontext():
                way = peer if name == "peer" else ours
                before, begun = time.process_time() + cpu_of(place.server.pid), time.perf_counter()
                for _ in range(10):
                    way()
                wall = time.perf_counter() - begun
                sums[name].append((time.process_time() + cpu_of(place.server.pid) - before, wall))
    return {
        name: Cost(100 * statistics.mean(c for c, _ in some), 100 * statistics.median(w for _, w in some))
        for name, some in sums.items()
    }


def audit(place: Place, entries: int) -> None:
    """The first page of each kind of search, and one deep in the log; the slowest of nine."""
    db = place.archive("staff").db
    scope = Scope(f"account:{'a' * 32}", ("cbp",))
    with db.tx(scope) as conn:
        row = conn.execute("SELECT actor, subject FROM custody_opening WHERE act = 'viewed' ORDER BY at DESC OFFSET 1000 LIMIT 1").fetchone()  # fmt: skip
    assert row
    deep = store_search.Position(datetime(2026, 1, 20, tzinfo=UTC), "8" * 32)
    for what, wanted, after in (
        ("everything", Wanted(("cbp",)), None), ("everything, deep", Wanted(("cbp",)), deep),
        ("nine agencies", Wanted(IDS), None), ("who", Wanted(("cbp",), actor=row["actor"]), None),
        ("what", Wanted(("cbp",), act="refused"), None), ("on what", Wanted(("cbp",), subject=row["subject"]), None),
        ("from where", Wanted(("cbp",), source="192.0.2.7"), None), ("outcome", Wanted(("cbp",), outcome="refused"), None),
        ("bytes", Wanted(("cbp",), least_bytes=entries // 2 * 999), None),
        ("who and outcome", Wanted(("cbp",), actor=row["actor"], outcome="refused"), None),
        ("nothing fits", Wanted(("cbp",), actor="account:nobody", act="viewed"), None),
    ):  # fmt: skip
        with db.tx(Scope(scope.actor, wanted.agencies)) as conn:
            times = []
            for _ in range(9):
                begun = time.perf_counter()
                found, _next = store_search.find(conn, wanted, after)
                times.append(time.perf_counter() - begun)
        print(
            f"audit search, {what:<32} {len(found):3} rows   median {1000 * statistics.median(times):7.2f} ms   slowest {1000 * max(times):7.2f} ms"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--sizes", default="100000,1000000")
    options.add_argument("--rounds", type=int, default=40)
    given = options.parse_args()
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with place() as here:
        done, real = 0, None
        for size in sorted(int(text) for text in given.sizes.split(",")):
            fill(here, done, size)
            done = size
            real = real or one_real(here)
            print(
                f"\n{size:,} recordings, {2 * size:,} custody entries; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
            )
            print(f"{'':<46} {'CPU ms':>8} {'peer':>8} {'more':>9} {'wall ms':>8} {'peer':>8} {'more':>10}")
            lists(here, given.rounds)
            requests(here, *real, given.rounds)
            audit(here, 2 * size)


if __name__ == "__main__":
    main()
