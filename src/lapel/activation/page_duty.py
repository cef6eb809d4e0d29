"""What does the page of one duty show, and a day of one officer? Why it was owed, who says so, what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.activation import (
    exceptions,
    explaining,
    page_front,
    shown,
    standing,
    store,
    store_watch,
    story,
)
from lapel.activation.event import Event
from lapel.activation.figures import MEANS, OWED
from lapel.activation.findings import UNMET, Finding, outcome_in_words
from lapel.activation.reasons import MEANINGS, REASONS
from lapel.base.errors import LapelError
from lapel.footage.history import actor_names
from lapel.policy.sentences import named
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

_US = 1_000_000
# Room on both sides of a duty on its time line, so that what began late or went on too long is seen.
_ROOM = 0.15


def build(conn: Connection, actor: Actor, finding: Finding) -> shown.Duty:
    """The page of one duty."""
    agency = next(a for a in access.agencies(conn) if a.id == finding.agency)
    event = store.event(conn, finding.event)
    recordings = (
        store_watch.recordings_of(
            conn,
            finding.officer,
            finding.begins_at - timedelta(hours=1),
            finding.ends_at + timedelta(hours=1),
        )
        if finding.officer
        else []
    )
    begins_at, ends_at = _window(finding)
    facts = standing.facts(conn, actor, finding.agency, finding.officer, finding.office)
    unmet = finding.kind == "duty" and finding.outcome in UNMET and finding.officer is not None
    may = unmet and standing.may(actor, "activation.except", finding.agency, facts)
    entered = store_watch.exceptions_of(conn, [finding.duty]).get(finding.duty, [])
    return shown.Duty(
        number=finding.number,
        agency=finding.agency,
        agency_name=agency.name,
        zone=agency.zone,
        says=outcome_in_words(finding),
        outcome=finding.outcome,
        measured=finding.measured,
        kind=finding.kind,
        activity=finding.activity,
        officer=f"Officer {finding.badge}",
        officer_url=officer_url(finding.agency, finding.badge, finding.begins_at, agency.zone)
        if finding.officer
        else None,
        office=_office_name(conn, finding.office),
        event_kind=event.kind,
        event_source=event.source,
        event_number=event.external_id,
        begins_at=finding.begins_at,
        ends_at=finding.ends_at,
        within_s=finding.within_us / _US,
        owed_s=finding.owed_us / _US,
        recorded_s=finding.covered_us / _US,
        late_s=finding.late_us / _US,
        early_s=finding.early_us / _US,
        gap_s=finding.gap_us / _US,
        gaps=finding.gaps,
        facts=_facts(event, finding),
        came_from=explaining.came_from(conn, event),
        earlier=explaining.earlier(conn, event, ZoneInfo(agency.zone)),
        clauses=[
            story.clause(conn, finding.agency, key, finding.begins_at, agency.zone)
            for key in finding.why.clauses
        ],
        presumed=list(finding.why.presumed),
        missing=list(finding.why.missing),
        lacking=list(finding.why.lacking),
        why_says=finding.why.says,
        told=story.told(conn, finding),
        line=[
            stretch(
                finding.begins_at, finding.ends_at, begins_at, ends_at, finding.outcome, finding.number, None
            )
        ],
        recordings=on_line(recordings, begins_at, ends_at),
        exceptions=exceptions_shown(conn, [vars_of(one) for one in entered]),
        may_explain=may and not any(one.state == "waiting" for one in entered),
        reasons=reasons(conn, finding.agency, finding.begins_at) if may else [],
        run=page_front.run_shown(vars_of(store.run(conn, finding.run))),
    )


def reasons(conn: Connection, agency: str, at: datetime) -> list[shown.ReasonShown]:
    """The reasons that can be entered for a day, each with the clauses in force that allow it; those with none are left out."""
    found = []
    for reason in REASONS:
        try:
            rules = exceptions.clauses(conn, agency, reason, at)
        except LapelError:
            return []
        if rules:
            listed = page_front.choices(
                [(rule.key, f"{named(rule.key)}: {rule.clause.says}") for rule in rules]
            )
            found.append(shown.ReasonShown(reason=reason, says=MEANINGS[reason].says, clauses=listed))
    return found


def exceptions_shown(conn: Connection, rows: Sequence[dict[str, Any]]) -> list[shown.ExceptionShown]:
    """Rows of the register as pages show them."""
    people = actor_names(
        conn, sorted({str(r[c]) for r in rows for c in ("entered_by", "decided_by") if r[c]})
    )
    badges = {o: roster.officer(conn, o).label for o in {str(r["officer"]) for r in rows}}
    return [
        shown.ExceptionShown(
            id=row["id"],
            url=f"/activation/exceptions/{row['id']}",
            agency=row["agency"],
            officer=badges[row["officer"]],
            office=row.get("office"),
            duty=store_number(row["duty"]),
            duty_url=f"/activation/duties/{store_number(row['duty'])}" if row["duty"] else None,
            reason=row["reason"],
            reason_says=MEANINGS[row["reason"]].says,
            clause=named(row["clause"]),
            clause_url="/policy/read/{0}#{0}-{1}".format(*row["clause"].split(":", 1)),
            clause_version=row["clause_version"],
            begins_at=row["begins_at"],
            ends_at=row["ends_at"],
            words=row["words"],
            entered_by=people[row["entered_by"]],
            entered_at=row["entered_at"],
            state=row["state"],
            decided_by=people[row["decided_by"]] if row["decided_by"] else None,
            decided_at=row["decided_at"],
            decision=row["decision"],
        )
        for row in rows
    ]


def store_number(duty: str | None) -> str | None:
    """The number people use for a duty."""
    from lapel.activation.findings import duty_number

    return duty_number(duty) if duty else None


def row(found: dict[str, Any]) -> shown.DutyRow:
    """A duty in a list, from a row of `store_pages` or of `finding`."""
    begins_at, ends_at = found["begins_at"], found["ends_at"]
    number = store_number(found["duty"]) or ""
    return shown.DutyRow(
        number=number,
        url=f"/activation/duties/{number}",
        agency=found["agency"],
        office=found.get("office_name"),
        owner=f"Officer {found['badge']}",
        leader=f"Officer {found['leader_badge']}" if found.get("leader_badge") else None,
        activity=found["activity"].replace("_", " "),
        outcome=found["outcome"],
        begins_at=begins_at,
        ends_at=ends_at,
        owed_s=(ends_at - begins_at).total_seconds(),
        recorded_s=found["covered_us"] / _US,
        clauses=[named(key) for key in found.get("clauses", ())],
        exception=found.get("exception"),
        exception_state=found.get("exception_state") or "",
        since=ends_at,
    )


def officer_url(agency: str, badge: str, at: datetime, zone: str) -> str:
    """The page of an officer's day."""
    from urllib.parse import quote

    return f"/activation/officers/{agency}/{quote(badge, safe='')}?day={at.astimezone(ZoneInfo(zone)).date()}"


def day(
    conn: Connection, agency: access.Agency, officer_id: str, badge: str, on: date | None
) -> shown.OfficerDay:
    """A day of an officer in the agency's zone: duties above, recordings below."""
    from lapel.activation import store_pages

    zone = ZoneInfo(agency.zone)
    days = store_pages.days_with_findings(conn, officer_id, agency.zone)
    on = on or (days[0] if days else datetime.now(zone).date())
    begins_at, ends_at = (datetime.combine(on + timedelta(days=n), time(), zone) for n in (0, 1))
    findings = store.findings(conn, agency.id, begins_at - timedelta(days=1), ends_at, officer=officer_id)
    findings = findings_touching(findings, begins_at)
    recordings = store_watch.recordings_of(conn, officer_id, begins_at, ends_at)
    office = roster.officer(conn, officer_id).office
    owed = [finding for finding in findings if finding.outcome in OWED]
    met = sum(finding.outcome == "recorded" for finding in owed)
    headline = (
        f"{met} of {len(owed)} duties owed on this day were recorded in full"
        if owed
        else "No duty was owed on this day"
    )
    name = _office_name(conn, office)
    rows = [
        row(
            {
                **vars_of(finding),
                "clauses": finding.why.clauses,
                "office_name": _office_name(conn, finding.office),
            }
        )
        for finding in findings
    ]
    base = officer_url(agency.id, badge, begins_at, agency.zone).split("?")[0]
    earlier = [d for d in days if d < on]
    later = [d for d in days if d > on]
    return shown.OfficerDay(
        badge=badge,
        agency=agency.id,
        agency_name=agency.name,
        office=name,
        zone=agency.zone,
        day=on,
        headline=headline,
        duties=rows,
        duty_line=[
            stretch(
                f.begins_at,
                f.ends_at,
                begins_at,
                ends_at,
                f.outcome,
                f.number,
                f"/activation/duties/{f.number}",
            )
            for f in findings
        ],
        recording_line=on_line(recordings, begins_at, ends_at),
        hours=[f"{h:02}" for h in range(0, 24, 3)],
        days=days[:14],
        before=f"{base}?day={earlier[0]}" if earlier else None,
        after=f"{base}?day={later[-1]}" if later else None,
        csv=f"{base}.csv?day={on}",
    )


def beside_a_recording(
    conn: Connection, agency: str, officer: str, begins_at: datetime, length_s: float
) -> list[dict[str, Any]]:
    """The duties of an officer that touch a recording's line of `length_s` seconds, with their places on it."""
    ends_at = begins_at + timedelta(seconds=length_s)
    found = store.findings(conn, agency, begins_at - timedelta(days=1), ends_at, officer=officer)
    return [
        {
            "number": f.number, "url": f"/activation/duties/{f.number}", "outcome": f.outcome,
            "activity": f.activity.replace("_", " "), "begins_at": f.begins_at, "ends_at": f.ends_at,
            "at_s": max(0.0, (f.begins_at - begins_at).total_seconds()),
            "until_s": min(length_s, (f.ends_at - begins_at).total_seconds()), "recorded_share": f.share,
        }
        for f in findings_touching(found, begins_at)
    ]  # fmt: skip


def findings_touching(found: Sequence[Finding], begins_at: datetime) -> list[Finding]:
    """Those that are not over when a line begins."""
    return [finding for finding in found if finding.ends_at > begins_at]


def on_line(
    recordings: Sequence[dict[str, Any]], begins_at: datetime, ends_at: datetime
) -> list[shown.StretchShown]:
    """The recordings that touch a window, as pieces of its line."""
    found = []
    for one in recordings:
        until = one["ends_at"] or one["begins_at"] + timedelta(seconds=1)
        if one["begins_at"] < ends_at and until > begins_at:
            found.append(
                stretch(
                    one["begins_at"],
                    until,
                    begins_at,
                    ends_at,
                    "recording",
                    one["number"],
                    f"/recordings/{one['number']}",
                )
            )
    return found


def stretch(
    since: datetime,
    until: datetime,
    begins_at: datetime,
    ends_at: datetime,
    kind: str,
    label: str,
    url: str | None,
) -> shown.StretchShown:
    """A piece of a line that goes from begins_at to ends_at; what lies beyond is cut off."""
    length = (ends_at - begins_at).total_seconds()
    left = max(0.0, (since - begins_at).total_seconds()) / length
    right = min(length, (until - begins_at).total_seconds()) / length
    return shown.StretchShown(
        at=round(100 * left, 3), width=round(100 * max(0.0, right - left), 3), kind=kind, label=label, url=url,
        begins_at=since, ends_at=until,
    )  # fmt: skip


def vars_of(value: Any) -> dict[str, Any]:
    """The fields of a frozen value as a row."""
    return {name: getattr(value, name) for name in value.__slots__}


def meaning(outcome: str) -> str:
    """What an outcome means, on hover."""
    return MEANS.get(outcome, "")  # type: ignore[call-overload,no-any-return]


def _window(finding: Finding) -> tuple[datetime, datetime]:
    room = max((finding.ends_at - finding.begins_at) * _ROOM, timedelta(seconds=30))
    return finding.begins_at - room, finding.ends_at + room


def _office_name(conn: Connection, office: str | None) -> str | None:
    return next((o.name for o in roster.offices(conn) if o.id == office), None) if office else None


def _facts(event: Event, finding: Finding) -> list[list[str]]:
    """What was stated at the duty's beginning: fact, value, and who says so."""
    after_us = int((finding.begins_at - event.begins_at).total_seconds() * _US)
    stated = [facts for at, facts in event.story.steps() if at <= max(0, after_us)][-1]
    return [[name.replace("_", " "), one.value, one.source] for name, one in sorted(stated.items())]
