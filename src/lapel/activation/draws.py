"""Who looks at which recordings? A sample that nobody chose, drawn for each supervisor and period.

The order is what makes it honest (docs/formats/review-sample.md): the period ends; the population with its weights is
entered in the custody log; the log goes on; the root of the first checkpoint that covers that entry is the seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from lapel.access import store as access
from lapel.activation import sample, store_review
from lapel.activation.sample import HEAVIEST, YEAR, Candidate, Population, Worn
from lapel.activation.store_review import Draw
from lapel.base import clock
from lapel.base.errors import EvidenceFault, Invalid, Unavailable
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.roster import store as roster
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

JOB = "activation.review"
WITHIN = timedelta(days=30)
# Weights, version 1. Factors multiply; a change is a new version in docs/formats/review-sample.md.
CATEGORY_FACTORS: Final = {"Use of force": 8, "Arrest": 4, "Search warrant": 4, "Interview": 2, None: 2}
FINDING_FACTOR = 4


@dataclass(frozen=True, slots=True)
class Period:
    """Days [begins_on, ends_on) of one agency, and where the next period ends."""

    begins_on: date
    ends_on: date

    @property
    def next_ends_on(self) -> date:
        """A whole month is followed by a whole month, anything else by as many days."""
        if self.begins_on.day == 1 and self.ends_on == _next_month(self.begins_on):
            return _next_month(self.ends_on)
        return self.ends_on + (self.ends_on - self.begins_on)


def last_month(today: date) -> Period:
    """The last whole calendar month before a day."""
    ends_on = today.replace(day=1)
    return Period((ends_on - timedelta(days=1)).replace(day=1), ends_on)


def size_for(officers: int, period: Period) -> int:
    """How many recordings a supervisor of so many officers is given: enough to see each twice a year, two at least."""
    days = (period.ends_on - period.begins_on).days
    return max(2, -(-2 * officers * days // YEAR.days)) if officers else 0


def weight_of(category: str | None, *, has_finding: bool) -> int:
    """How much a recording weighs in the draw."""
    return min(HEAVIEST, CATEGORY_FACTORS.get(category, 1) * (FINDING_FACTOR if has_finding else 1))


def log_populations(archive: Archive, scope: Scope, agency: str, period: Period) -> list[str]:
    """Enter who can be drawn, for every supervisor of an agency; returns the ids of the draws, those that were there too.

    Raises `Invalid` while the period is not over: what will be recorded in it is not known.
    """
    with archive.db.tx(scope) as conn:
        zone = next(a.zone for a in access.agencies(conn) if a.id == agency)
        if clock.now() < datetime.combine(period.ends_on, time(), ZoneInfo(zone)):
            raise Invalid(
                f"The period ends with {period.ends_on - timedelta(days=1)}, and it is not over yet.",
                next_step="Log the population when it is.",
            )
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 5))", (f"review/{agency}",))
        there = {
            d.supervisor or "": d.id
            for d in store_review.draws_of_period(conn, agency, period.begins_on, period.ends_on)
        }
        for population in _populations(conn, agency, period, zone):
            if population.supervisor not in there:
                there[population.supervisor] = _log(conn, archive, scope, population)
        return sorted(there.values())


def draw_waiting(
    archive: Archive, scope: Scope, agencies: Sequence[str], within: timedelta = WITHIN
) -> tuple[list[str], int]:
    """Draw whatever the log has gone on for; returns the draws that were made, and how many still wait for a checkpoint."""
    with archive.db.tx(scope) as conn:
        waiting = store_review.open_draws(conn, agencies)
    drawn = [there.id for there in waiting if _draw(archive, scope, there.id, within)]
    return drawn, len(waiting) - len(drawn)


def keep_up(archive: Archive, agency: str, begins_on: str, ends_on: str, within: timedelta = WITHIN) -> None:
    """The job: log the populations of a period and draw from them. Raises `Unavailable` until the log has gone on."""
    scope = Scope("system:review", (agency,))
    log_populations(
        archive, scope, agency, Period(date.fromisoformat(begins_on), date.fromisoformat(ends_on))
    )
    _, waiting = draw_waiting(archive, scope, [agency], within)
    if waiting:
        raise Unavailable(f"{waiting} draws wait for the next checkpoint of the custody log.")


def ask(conn: Connection, agency: str, today: date) -> None:
    """Ask for the last month's draws of an agency. Safe to ask for again."""
    period = last_month(today)
    queue.defer(conn, JOB, agency=agency, begins_on=str(period.begins_on), ends_on=str(period.ends_on))


def check(conn: Connection, draw_id: str) -> list[str]:
    """Repeat a draw from what is kept; returns what does not agree, in words, empty when all does."""
    there = store_review.draw(conn, draw_id)
    wrong = []
    population = sample.read(there.population)
    if population.sha256 != there.sha256:
        wrong.append("The population that is kept is not the one whose digest is kept.")
    entry = next((a for a in log.history(conn, _subject(population)) if a.entry == there.entry), None)
    if entry is None or entry.detail.get("sha256") != there.sha256:
        wrong.append("The custody log holds another digest of the population, or none.")
    if there.seed is not None:
        first = store_review.first_checkpoint_over(conn, there.entry)
        if first is None or (first[0], first[1].hex()) != (there.log_size, there.seed):
            wrong.append("The seed is not the root of the first checkpoint after the population was logged.")
        picks = sample.draw(bytes.fromhex(there.seed), population)
        kept = [(r.officer, r.recording, r.why) for r in store_review.reviews_of_draw(conn, there.id)]
        if [(p.officer, p.recording, p.why) for p in picks] != kept:
            wrong.append("The reviews are not the sample that this seed draws from this population.")
    return wrong


def _populations(conn: Connection, agency: str, period: Period, zone: str) -> Iterable[Population]:
    supervisors = roster.supervises(conn, agency, period.ends_on - timedelta(days=1))
    risky = store_review.with_findings(conn, agency, period.ends_on, zone)
    units: dict[str, list[Worn]] = {}
    rows = store_review.worn(conn, agency, period.begins_on, period.ends_on, zone)
    for officer, made in groupby(rows, key=lambda row: str(row["wearer"])):
        recordings = list(made)
        waits_since: date = recordings[0]["waits_since"]
        due = period.next_ends_on - waits_since > YEAR
        listed = tuple(
            Candidate(row["id"], weight_of(row["category"], has_finding=row["id"] in risky))
            for row in recordings
            if due or row["made_on"] >= period.begins_on
        )
        if listed:
            units.setdefault(supervisors.get(officer, ""), []).append(Worn(officer, waits_since, listed))
    for supervisor, unit in sorted(units.items()):
        yield Population(
            agency, supervisor, period.begins_on, period.ends_on, period.next_ends_on,
            size_for(len(unit), period), tuple(sorted(unit, key=lambda worn: worn.officer)),
        )  # fmt: skip


def _subject(population: Population) -> str:
    return f"review:{population.agency}/{population.supervisor or '-'}/{population.begins_on}"


def _log(conn: Connection, archive: Archive, scope: Scope, population: Population) -> str:
    detail: dict[str, Any] = {
        "sha256": population.sha256, "officers": len(population.officers), "size": population.size,
        "recordings": sum(len(worn.recordings) for worn in population.officers), "until": str(population.ends_on),
    }  # fmt: skip
    entry = log.prepare(
        conn, actor=scope.actor, agency=population.agency, act="review_population_logged",
        subject=_subject(population), detail=detail,
    )  # fmt: skip
    row = {
        "id": new_id(), "agency": population.agency, "supervisor": population.supervisor or None,
        "begins_on": str(population.begins_on), "ends_on": str(population.ends_on),
        "population": population.text.decode(), "sha256": population.sha256, "logged_at": clock.now(), "entry": entry.id,
    }  # fmt: skip
    perform(conn, archive, entry, [Write("review_draw", row)], agency=population.agency, under=Under())
    return str(row["id"])


def _draw(archive: Archive, scope: Scope, draw_id: str, within: timedelta) -> bool:
    with archive.db.tx(scope) as conn:
        there: Draw = store_review.draw(conn, draw_id, lock=True)
        first = store_review.first_checkpoint_over(conn, there.entry)
        if there.seed is not None or first is None:
            return there.seed is not None
        size, seed = first
        population = sample.read(there.population)
        if population.sha256 != there.sha256:
            raise EvidenceFault("The population of a review is not the one that was logged.", draw=there.id)
        picks, at = sample.draw(seed, population), clock.now()
        detail: dict[str, Any] = {
            "seed": seed.hex(),
            "log_size": size,
            "recordings": [p.recording for p in picks],
        }
        entry = log.prepare(
            conn, actor=scope.actor, agency=there.agency, act="review_sample_drawn", subject=_subject(population),
            detail=detail,
        )  # fmt: skip
        change = {"id": there.id, "log_size": size, "seed": seed.hex(), "drawn_at": at}
        reviews = [
            Write("review", {
                "id": new_id(), "agency": there.agency, "draw": there.id, "place": place, "supervisor": there.supervisor,
                "officer": pick.officer, "recording": pick.recording, "why": pick.why, "due_at": at + within,
            })
            for place, pick in enumerate(picks)
        ]  # fmt: skip
        writes = [Write("review_draw", change, change=True), *reviews]
        perform(conn, archive, entry, writes, agency=there.agency, under=Under())
        return True


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
