"""A month of one agency in the database: people with cameras, training and a plan, clips put there row by row, events from a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import Jsonb
from watched import Watched

from lapel.activation.audit import Done, audit
from lapel.activation.importing import TakenIn, take_in
from lapel.base.ids import new_id, recording_number
from lapel.storage.postgres import Connection, Scope, connect

BEGAN = datetime(2026, 10, 5, 14, 0, tzinfo=UTC)
OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
CAMERA_FACTS = """
  in_plan: yes
  equipped: yes
  trained: yes
"""
MAPPING = """mapping: events
version: 1
source: dispatch
zone: UTC
days: America/New_York
id: call
officers: badge
kind: {column: kind}
begins: begin
ends: end
facts:
  activity: {column: activity, values: {arrest: arrest, patrol: patrol, interview: interview}}
  phase: active
  with_public: yes
  undercover_or_informant: {column: undercover, values: {y: yes, n: no}}
"""
COLUMNS = ("call", "badge", "kind", "activity", "undercover", "begin", "end")


def stamp(minutes: float) -> str:
    """So long after BEGAN, as the file writes it."""
    return (BEGAN + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")


def call(number: int, badge: str, begin: float, end: float, activity: str = "arrest", undercover: str = "n") -> tuple[str, ...]:  # fmt: skip
    """A row of the file; minutes after BEGAN."""
    return (f"C{number}", badge, "arrest", activity, undercover, stamp(begin), stamp(end))


@dataclass(slots=True)
class Month:
    """`watched`: the unit. `clips`: what was put there: (badge, begin, end) in minutes."""

    watched: Watched
    place: Path
    clips: list[tuple[str, float, float]] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        return self.watched.scope("cli:clerk")

    @contextmanager
    def raw(self) -> Iterator[Connection]:
        """As the superuser, past every lock: what other rooms have put there."""
        house = self.watched.staffed.house
        address = make_conninfo(
            house.superuser_url, dbname=str(conninfo_to_dict(house.urls["owner"])["dbname"])
        )
        with connect(address) as conn:
            conn.execute("SET search_path = lapel")
            yield conn

    def equip(self, *badges: str, camera: bool = True, trained: bool = True, planned: bool = True) -> None:
        """Officers with everything that a duty needs, or without some of it."""
        agency, since = self.watched.agency, date(2026, 1, 1)
        officers = [self.watched.officer(badge) for badge in badges]
        with self.raw() as conn:
            for officer in officers:
                if camera:
                    made = new_id()
                    _put(conn, "camera", id=made, agency=agency, serial=f"S-{made[:8]}", known=True)
                    _put(
                        conn, "assignment", id=new_id(), agency=agency, camera=made, officer=officer,
                        begins_at=BEGAN - timedelta(days=90), known_from=BEGAN, reason="issued", by="cli:test",
                    )  # fmt: skip
                if trained:
                    _put(conn, "training", id=new_id(), agency=agency, officer=officer, from_on=since)
            there = conn.execute("SELECT id FROM deployment_plan WHERE agency = %s", (agency,)).fetchone()
            if planned and there is None:
                plan = new_id()
                _put(
                    conn, "deployment_plan", id=plan, agency=agency, sha256="0" * 64, quarters=Jsonb([]), adopted_at=BEGAN,
                    adopted_by="cli:test",
                )  # fmt: skip
                _put(
                    conn, "deployment", id=new_id(), agency=agency, plan=plan, office=self.watched.office, from_on=since,
                    cameras=9, officers=9,
                )  # fmt: skip

    def clip(self, badge: str, begin: float, end: float, **said: Any) -> str:
        """A recording of one clip, inspected; returns its number. Minutes after BEGAN."""
        self.clips.append((badge, begin, end))
        recording, agency = new_id(), self.watched.agency
        starts, ends = (BEGAN + timedelta(minutes=m) for m in (begin, end))
        officer = self.watched.officer(badge) if "wearer" not in said else said["wearer"]
        with self.raw() as conn:
            _put(
                conn, "recording", id=recording, agency=agency, number=recording_number(recording), wearer=officer,
                camera=said.get("camera"), source="camera", state="complete", started_at=starts, ended_at=ends,
                wrapped_key=self.watched.staffed.intake.keys.new_recording_key(agency), announced_at=starts,
            )  # fmt: skip
            _put(
                conn, "original", id=new_id(), agency=agency, recording=recording, kind="clip", name="a.mp4",
                object=new_id(), size_bytes=0, sha256="0" * 64, object_key=b"k", started_at=starts, received_at=ends,
                entry=new_id(), state="inspected",
                inspection=Jsonb({"duration_ms": round((ends - starts).total_seconds() * 1000)}),
            )  # fmt: skip
        return recording_number(recording)

    def file(self, rows: Sequence[Sequence[str]], name: str = "events.csv") -> Path:
        """A file of events."""
        path = self.place / name
        with path.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([COLUMNS, *rows])
        return path

    def take(
        self, rows: Sequence[Sequence[str]], name: str = "events.csv", *, dry_run: bool = False
    ) -> TakenIn:
        """Import a file of events."""
        mapping = self.place / "events.yaml"
        mapping.write_text(MAPPING)
        return take_in(
            self.watched.staffed.archive, self.scope, self.watched.agency, self.file(rows, name), mapping, dry_run=dry_run
        )  # fmt: skip

    def run(self) -> list[Done]:
        """Audit October."""
        return audit(self.watched.staffed.archive, self.scope, self.watched.agency, *OCTOBER)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What stands in the database, whoever may see it."""
        with self.raw() as conn:
            return conn.execute(query.encode(), values).fetchall()


def _put(conn: Connection, table: str, **row: Any) -> None:
    names, places = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
    conn.execute(f"INSERT INTO {table} ({names}) VALUES ({places})".encode(), list(row.values()))
