"""Was the camera on when it had to be? In the demonstration: people, a plan, a calendar, four calls, and what came of each.

Four calls of the day on which the demonstration's footage was recorded: one that is recorded, one that is not, one of an
officer without a camera, and one that must not be recorded and was. Safe to run twice: the second time nothing changes.
"""

from __future__ import annotations

import contextlib
import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from lapel.activation import audit, explaining, importing
from lapel.activation.findings import duty_number
from lapel.app.department import Department
from lapel.base.errors import Conflict
from lapel.fleet import acts, adopting, plan, plan_file, quarters
from lapel.fleet import store as fleet
from lapel.fleet.plan_commands import quiet
from lapel.footage import store as footage
from lapel.roster import store as roster
from lapel.roster.importing import take_roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

AGENCY = "fps"
OFFICE = "Region 2"
LEADER, WITHOUT_CAMERA = "1180", "3350"
_ROSTER = f"""mapping: roster
version: 1
source: demonstration roster
agency: {{{{column: agency, values: {{{{{AGENCY}: {AGENCY}}}}}}}}}
as of: {{day}}
badge: badge
office: office
belongs: {{{{since: since}}}}
supervisor: {{{{badge: supervisor, since: since}}}}
training:
  - {{{{course: camera, since: since}}}}
"""
_EVENTS = """mapping: events
version: 1
source: demonstration dispatch
zone: UTC
id: call
officers: badge
kind: {column: kind}
begins: begin
ends: end
facts:
  activity: {column: activity, values: {arrest: arrest, stop: stop, patrol: patrol, informant meeting: informant_meeting}}
  phase: active
  with_public: {column: public, values: {yes: yes, no: no}}
  undercover_or_informant: {column: informant, values: {yes: yes, no: no}}
"""
_COLUMNS = ("call", "badge", "kind", "activity", "public", "informant", "begin", "end")


@dataclass(frozen=True, slots=True)
class Filmed:
    """What the docking station delivered: who wore which camera, and when it began."""

    wearer: str
    camera: str
    begins_at: datetime
    length_s: float


def filmed_by(here: Department, numbers: list[str]) -> list[Filmed]:
    """Who filmed what: the recordings with these numbers, by their first clip and their length."""
    archive, scope = here.operator()
    found = []
    with archive.db.tx(scope) as conn:
        for number in numbers:
            recording = footage.recording_by_number(conn, number)
            wearer = roster.officer(conn, recording.wearer).badge if recording.wearer else None
            begins_at = recording.started_at
            if wearer is None or recording.camera is None or begins_at is None:
                continue
            length_s = sum(
                (one.inspection or {}).get("duration_ms", 0) / 1000
                for one in footage.originals(conn, recording.id)
            )
            camera = fleet.camera(conn, recording.camera).serial
            found.append(Filmed(wearer, camera, begins_at, length_s))
    return [one for one in found if one.length_s]


def duties(here: Department, filmed: list[Filmed], work: Path, console: Console, address: str) -> None:
    """Bring the events in, hold them against the footage, and say what came of each. `address`: where pages are."""
    archive, scope = here.operator()
    first = min(one.begins_at for one in filmed)
    _people(archive, scope, work, first, sorted({one.wearer for one in filmed}))
    _cameras(archive, scope, first, filmed)
    _plan(archive, scope, first)
    told = _events(work, filmed)
    taken = importing.take_in(archive, scope, AGENCY, told, work / "events.yaml")
    zone = audit.zone_of(archive, scope, AGENCY)
    begins_on = first.astimezone(zone).date().replace(day=1)
    after = (first + timedelta(days=1)).astimezone(zone).date()
    after = (after.replace(day=1) + timedelta(days=32)).replace(day=1)
    done = audit.audit(archive, scope, AGENCY, begins_on, after)
    again = "known already" if taken.again else f"{taken.new} taken in"
    console.print(f"Was the camera on? Four calls of {first.astimezone(zone):%B %-d}, {again}:")
    _say(archive, scope, done, console, address, zone)


def _say(
    archive: Archive, scope: Scope, done: list[audit.Done], console: Console, address: str, zone: ZoneInfo
) -> None:
    rows = [row for one in done for row in one.found.table.to_pylist()]
    with archive.db.tx(scope) as conn:
        for row in rows:
            story = explaining.explain(conn, row["duty"])[0][1]
            console.print(f"  {story[1]} {story[-1]}", soft_wrap=True, markup=False)
            console.print(
                f"    {address}/activation/duties/{duty_number(row['duty'])}", soft_wrap=True, markup=False
            )


def _people(archive: Archive, scope: Scope, work: Path, first: datetime, wearers: list[str]) -> None:
    """Officers with an office, a supervisor and their training."""
    since = (first - timedelta(days=60)).date().isoformat()
    path = work / "roster.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("agency", "badge", "office", "supervisor", "since"))
        writer.writerow((AGENCY, LEADER, OFFICE, "", since))
        for badge in (*wearers, WITHOUT_CAMERA):
            writer.writerow((AGENCY, badge, OFFICE, LEADER, since))
    take_roster(
        archive, scope, path, _ROSTER.format(day=first.date().isoformat()), "roster.yaml", dry_run=False
    )


def _cameras(archive: Archive, scope: Scope, first: datetime, filmed: list[Filmed]) -> None:
    """The calendar: who has which camera, said once."""
    since = first - timedelta(days=30)
    with archive.db.tx(scope) as conn:
        there = {one.camera for one in fleet.assignments(conn, AGENCY, since, first)}
        serials = {camera.id: camera.serial for camera in fleet.cameras(conn, AGENCY)}
    known = {serials[camera] for camera in there}
    for badge, serial in {one.wearer: one.camera for one in reversed(filmed)}.items():
        if serial not in known:
            acts.give(archive, scope, AGENCY, serial, badge, since, None, "Issued for the demonstration")


def _plan(archive: Archive, scope: Scope, first: datetime) -> None:
    """A deployment plan of one office, in force since the quarter of the footage."""
    office = plan.Office(AGENCY, OFFICE, officers=4, cameras=4, duty_hours=400.0)
    quarter = quarters.quarter_of(first.date())
    with quiet():
        made = plan.make([office], plan.Means((quarter,), (4,), (None,), (None,)))
    with contextlib.suppress(Conflict):  # in force already
        adopting.adopt(archive, scope, plan_file.to_json(made, "0" * 64), "The demonstration's plan")


def _events(work: Path, filmed: list[Filmed]) -> Path:
    """The four calls, by the times of the footage: the same bytes whenever the same footage is delivered."""
    met = filmed[0]
    forbidden = next((one for one in filmed if one.wearer != met.wearer), filmed[-1])
    missed = next((one for one in filmed if one.wearer != met.wearer), met)
    hour = timedelta(hours=1)
    rows = [
        ("26-0113", met.wearer, "stop", "stop", "yes", "no", *_inside(met)),
        ("26-0114", missed.wearer, "arrest", "arrest", "yes", "no", *_stamps(missed.begins_at + hour, 1200)),
        ("26-0115", WITHOUT_CAMERA, "patrol", "patrol", "yes", "no", *_stamps(met.begins_at, 1800)),
        ("26-0116", forbidden.wearer, "meeting", "informant meeting", "no", "yes", *_inside(forbidden)),
    ]
    (work / "events.yaml").write_text(_EVENTS)
    path = work / "events.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([_COLUMNS, *rows])
    return path


def _inside(one: Filmed) -> tuple[str, str]:
    """A call that lies inside a recording."""
    margin = min(1.0, one.length_s / 4)
    return _stamps(one.begins_at + timedelta(seconds=margin), one.length_s - 2 * margin)


def _stamps(begins_at: datetime, length_s: float) -> tuple[str, str]:
    return begins_at.isoformat(), (begins_at + timedelta(seconds=length_s)).isoformat()
