"""What is the story of one duty? Why it was owed, who says so, what was recorded, and what proves it, in plain lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lapel.access import store as access
from lapel.activation import store, store_import, store_watch, story
from lapel.activation.event import FLAGS, Event
from lapel.activation.findings import Finding, outcome_in_words
from lapel.custody import log
from lapel.policy.sentences import named
from lapel.storage.postgres import Connection

Told = list[tuple[str, list[str]]]


def explain(conn: Connection, duty: str) -> Told:
    """The story in parts, each a heading and its lines. `duty`: number or id. Raises `NotFound`."""
    finding = store.finding(conn, duty)
    zone = ZoneInfo(next(a.zone for a in access.agencies(conn) if a.id == finding.agency))
    event = store.event(conn, finding.event)
    return [
        (f"{finding.number}  {outcome_in_words(finding)}", story.told(conn, finding)),
        ("Who says so", _clauses(conn, finding, zone)),
        ("What was stated", [*stated(event, finding), *earlier(conn, event, zone)]),
        ("What was recorded", _recorded(conn, finding, zone)),
        ("Prove it", proofs(conn, finding)),
    ]


def _clauses(conn: Connection, finding: Finding, zone: ZoneInfo) -> list[str]:
    found = [
        story.clause(conn, finding.agency, key, finding.begins_at, zone.key) for key in finding.why.clauses
    ]
    lines = [f"{named(one.key)}: {one.says or 'not in the policy in force now'}" for one in found]
    return lines or ["No clause speaks."]


def stated(event: Event, finding: Finding) -> list[str]:
    """Each fact that held when the stretch began, with who says so; what is not stated is unknown."""
    after_us = (finding.begins_at - event.begins_at) // timedelta(microseconds=1)
    facts = [facts for at, facts in event.story.steps() if at <= max(0, after_us)][-1]
    lines = [
        f"{name.replace('_', ' ')}: {one.value.replace('_', ' ')} ({one.source})"
        for name, one in sorted(facts.items())
    ]
    return [*lines, *(f"{FLAGS[flag]}." for flag in event.flags)] or ["Nothing was stated of the event."]


def earlier(conn: Connection, event: Event, zone: ZoneInfo) -> list[str]:
    """What earlier files said of the event."""
    return [
        f"An earlier file, {one['file']}, said {_at(one['begins_at'], zone)} to {_at(one['ends_at'], zone)},"
        f" {one['kind']}, {', '.join(one['badges']) or 'nobody'}; {one['superseded_file']} says otherwise, and the later file counts."
        for one in store_import.earlier(conn, event.id)
    ]


def came_from(conn: Connection, event: Event) -> str:
    """The file an event is as it is by, and when it was taken in."""
    made = store_import.of_event(conn, event.id)
    return (
        f"{made['file']}, taken in on {made['imported_at']:%Y-%m-%d}, SHA-256 {made['sha256'][:16]}…"
        if made
        else ""
    )


def _recorded(conn: Connection, finding: Finding, zone: ZoneInfo) -> list[str]:
    if finding.officer is None:
        return ["The roster does not know this badge, so no recording can be found."]
    found = store_watch.recordings_of(conn, finding.officer, finding.begins_at, finding.ends_at)
    lines = [
        f"{one['number']}  {_at(one['begins_at'], zone)} to {_at(one['ends_at'], zone) if one['ends_at'] else 'an unknown end'}"
        for one in found
        if one["ends_at"] is None or one["ends_at"] > finding.begins_at
    ]
    return lines or ["No recording of this officer that you can see touches that time."]


def proofs(conn: Connection, finding: Finding) -> list[str]:
    """What stands in the custody log about it, and how to check that."""
    run, event = store.run(conn, finding.run), store.event(conn, finding.event)
    lines = [
        f"Computed by {run.code} on {run.ran_at:%Y-%m-%d} from inputs and directives kept by digest; the findings of that run"
        f" have the SHA-256 {run.findings_sha256}.",
        *(f"Directive {name} of {version}: SHA-256 {digest}." for name, version, digest in run.directives),
        _entry(conn, run.entry, f"run:{run.id}")
        if run.entry
        else "The run was about one officer, because footage came in; it is a row and no entry of its own.",
    ]
    made = store_import.of_event(conn, event.id)
    if made is not None:
        lines.append(f"The event came from {made['file']} (SHA-256 {made['sha256']}).")
        lines.append(_entry(conn, made["entry"], f"import:{made['id']}"))
    if finding.officer is not None:
        for one in store_watch.recordings_of(conn, finding.officer, finding.begins_at, finding.ends_at):
            lines.append(f"Each act on {one['number']}: lapel custody prove {one['number']}")
    return lines


def _entry(conn: Connection, entry: str, subject: str) -> str:
    place = log.place_of(conn, entry)
    where = f"at place {place} of the custody log" if place is not None else "waiting for the custody log"
    return f"Entry {entry} ({subject}) is {where}: lapel custody prove {entry}"


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
