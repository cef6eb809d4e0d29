"""Was the camera on when it had to be, in these weeks? A run: one agency's month from rows to findings, and on record.

Rules:
- a run is about the events that begin in its stretch, and replaces everything that was found about them before;
- it stores the digest of each input, of each directive in force, of the code and of its findings: twice on the same rows
  gives the same bytes, and then nothing is written the second time;
- a run about everybody is an entry in the custody log; one about a single officer, because footage came in, only a row;
- what was recorded though it was forbidden, or past the stop, is restricted in the same transaction.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lapel.access import store as access
from lapel.activation import gathering, store, store_runs
from lapel.activation.findings import FORBIDDEN
from lapel.activation.partition import Found, findings
from lapel.activation.store import Run
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Invalid, NotFound, Refused
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.footage import store as footage
from lapel.footage.restricting import restrict
from lapel.policy.sentences import named
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

if TYPE_CHECKING:
    import pyarrow as pa

JOB = "activation.match"
ACTOR = "system:worker"
_AROUND = timedelta(days=1)  # an event that footage can be about began at most so long before it


@dataclass(frozen=True, slots=True)
class Done:
    """A run and what it found. `written`: False when the same was on record already."""

    run: Run
    found: Found
    written: bool


def audit(archive: Archive, scope: Scope, agency: str, first: date, after: date) -> list[Done]:
    """Run every month of the days [first, after) of an agency, each in a transaction of its own; months without events give none.

    Raises `Invalid` for days that are none, `NotFound` for an unknown agency and before a policy is adopted.
    """
    if not first < after:
        raise Invalid(
            "The audit ends before it begins.",
            next_step="--from is its first day, --to the first day no longer in it.",
        )
    if after - first > timedelta(days=366 * 20):
        raise Invalid("An audit is of at most twenty years.", next_step="Audit a shorter time.")
    zone = zone_of(archive, scope, agency)
    done = (run_month(archive, scope, agency, *month) for month in gathering.months(first, after, zone))
    return [one for one in done if one is not None]


def zone_of(archive: Archive, scope: Scope, agency: str) -> ZoneInfo:
    """The zone in which an agency counts days. Raises `NotFound`."""
    with archive.db.tx(scope) as conn:
        there = next((a for a in access.agencies(conn) if a.id == agency and agency in scope.agencies), None)
    if there is None:
        raise NotFound(f"There is no agency {agency[:20]} that you can see.")
    return ZoneInfo(there.zone)


def run_month(
    archive: Archive, scope: Scope, agency: str, since: datetime, until: datetime, officer: str | None = None
) -> Done | None:
    """One run about everybody, or one officer, in one transaction. None where nothing happened."""
    if scope.actor.startswith("account:"):
        raise Refused(
            "A run sees every recording, and an account sees none that is restricted.",
            rules=("activation/runs-see-everything",),
            next_step="The worker runs it, or `lapel activation audit`.",
        )
    zone = zone_of(archive, scope, agency)
    with archive.db.tx(scope) as conn:
        store_runs.one_at_a_time(conn, agency)
        there = gathering.gather(conn, agency, zone, since, until, officer)
        if there is None:
            return None
        found = findings(there.month)
        text = as_text(found.table)
        run = Run(
            new_id(), agency, since, until, officer, there.inputs, there.directives, code_version(),
            hashlib.sha256(findings_csv(text)).hexdigest(), dict(found.counts), there.notes, clock.now(), scope.actor, None,
        )  # fmt: skip
        before = store_runs.latest_run(conn, agency, since, until, officer)
        if before is not None and _same(before, run):
            return Done(before, found, written=False)
        store_runs.clear(conn, agency, since, until, there.longest_us, officer)
        store_runs.write_reasons(conn, agency, found.reasons)
        run = _enter(conn, run)
        store_runs.write_findings(conn, agency, run.id, text)
        _restrict(conn, archive, scope, found)
    return Done(run, found, written=True)


def _same(before: Run, now: Run) -> bool:
    def rests_on(run: Run) -> tuple[object, ...]:
        return (
            run.inputs,
            [list(d) for d in run.directives],
            run.code,
            run.findings_sha256,
            run.counts,
            run.notes,
        )

    return rests_on(before) == rests_on(now)


def _enter(conn: Connection, run: Run) -> Run:
    """Put the run on record, and in the custody log when it is about everybody."""
    entry = None
    if run.officer is None:
        detail: dict[str, Value] = {
            "since": clock.stamp(run.since), "until": clock.stamp(run.until), "code": run.code,
            "findings_sha256": run.findings_sha256, "inputs": dict(run.inputs),
            "directives": [" ".join(one) for one in run.directives], "counts": dict(run.counts),
        }  # fmt: skip
        entry = log.record(
            conn, actor=run.ran_by, agency=run.agency, act="activation_run", subject=f"run:{run.id}", detail=detail
        ).id  # fmt: skip
    made = Run(**{**{name: getattr(run, name) for name in Run.__slots__}, "entry": entry})
    store_runs.write_run(conn, made)
    return made


def _restrict(conn: Connection, archive: Archive, scope: Scope, found: Found) -> int:
    """Nobody but who decides about it sees what should not have been recorded, from the moment it is known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    banned = found.table.filter(pc.is_in(found.table["outcome"], value_set=pa.array(FORBIDDEN, pa.string())))
    done = set()
    for row in banned.select(["duty", "officer", "begins_at", "ends_at", "outcome", "why"]).to_pylist():
        clauses = list(found.reasons[row["why"]].clauses)
        for recording in store_runs.to_restrict(conn, row["officer"], row["begins_at"], row["ends_at"]):
            if recording not in done:
                done.add(recording)
                detail: dict[str, Value] = {
                    "duty": row["duty"],
                    "outcome": row["outcome"],
                    "clauses": clauses,
                }
                reason = (
                    f"{row['outcome'].capitalize()}, by {' and '.join(map(named, clauses)) or 'the policy'}."
                )
                restrict(conn, archive, scope, recording, "forbidden", reason, detail=detail)
    return len(done)


def as_text(table: pa.Table) -> pa.Table:
    """The findings with every column as text: numbers in digits, instants in UTC as `2026-10-05 14:00:00.000000Z`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def text(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_timestamp(column.type):
            return pc.binary_join_element_wise(column.cast(pa.timestamp("us")).cast("string"), "Z", "")
        return column.cast("string")

    return pa.table({name: text(table[name]) for name in table.column_names})


def findings_csv(text: pa.Table) -> memoryview:
    """findings.csv: every finding, a line each, by time and duty; docs/formats/activation-run.md. `text`: as `as_text` gives it."""
    import pyarrow as pa
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(text, sink, csv.WriteOptions(include_header=True, quoting_style="needed"))
    return memoryview(sink.getvalue())


@cache
def code_version() -> str:
    """What computed it: the version, and the beginning of the SHA-256 of the source of `activation` and `policy`."""
    from importlib.metadata import version

    import lapel

    digest = hashlib.sha256()
    root = Path(lapel.__file__).parent
    for room in ("activation", "policy"):
        for path in sorted((root / room).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return f"lapel {version('lapel')} {digest.hexdigest()[:16]}"


# --- jobs -----------------------------------------------------------------------------------------------------------
def ask_for_month(conn: Connection, which: str, month: str) -> None:
    """Ask for a run of a month (`2026-10`) that an import touched, in the import's transaction."""
    queue.defer(conn, JOB, event_import=which, month=month)


def match_job(archive: Archive, recording: str = "", event_import: str = "", month: str = "") -> None:
    """The job `activation.match`: a month that an import touched, or the officer of a recording that came in.

    Whose it is, is read from the row that the job names. Safe to do twice: the second time nothing changes.
    """
    with archive.db.tx(Scope(ACTOR, ())) as conn:
        agency = (
            store_runs.agency_of_recording(conn, recording)
            if recording
            else store_runs.agency_of_import(conn, event_import)
        )
    if agency is None:
        return
    scope = Scope(ACTOR, (agency,))
    if recording:
        _match_recording(archive, scope, agency, recording)
        return
    first = date.fromisoformat(f"{month}-01")
    after = (first + timedelta(days=32)).replace(day=1)
    audit(archive, scope, agency, first, after)


def _match_recording(archive: Archive, scope: Scope, agency: str, recording: str) -> None:
    with archive.db.tx(scope) as conn:
        there = footage.recording(conn, recording)
        if there.wearer is None or there.started_at is None:
            return
        begins_at, ends_at = there.started_at - _AROUND, (there.ended_at or there.started_at) + _AROUND
        if not store_runs.has_events(conn, agency, there.wearer, begins_at, ends_at):
            return
        before = store.runs(conn, agency, limit=1)
    if before:  # until somebody has run the month, it is the month's run that looks at it
        run_month(archive, scope, agency, begins_at, ends_at, there.wearer)
