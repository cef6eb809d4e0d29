"""What would change in the roster if a file is right? From what is there and what is said to the rows to write. No I/O.

Rejected are: an agency nobody knows, a badge that two rows give different people, an office whose code is another's, a
supervisor nobody knows, and supervision that would go round in a circle. Everything else of the row is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from lapel.custody.sidecar import Write
from lapel.roster.changes import Changes, There, Told
from lapel.roster.circles import circles
from lapel.roster.placing import Placing
from lapel.roster.reading import Reading, Said
from lapel.roster.spans import Span, difference, lay_over, value_at

_VALUE = {"officer_office": "office", "supervision": "supervisor"}


def work_out(
    reading: Reading, agency: str, there: There, *, today: date, new_id: Callable[[], str], seen_at: object
) -> Changes:
    """The changes of one agency. `today`: whose office an officer is said to be of now."""
    return _Work(reading, agency, there, today, new_id, seen_at).done()


class _Work:
    def __init__(
        self, reading: Reading, agency: str, there: There, today: date, new_id: Callable[[], str], seen_at: object
    ) -> None:  # fmt: skip
        self.reading, self.there, self.today, self.new_id, self.seen_at = (
            reading,
            there,
            today,
            new_id,
            seen_at,
        )
        self.as_of = reading.mapping.shared.as_of
        self.changes = Changes(agency)
        self.agency = agency
        self.placing = Placing(agency, there, self.changes, new_id)
        self.office_of: dict[int, str] = {}  # by row
        self.by_id = {officer.id: officer for officer in there.officers}
        self.claimed: dict[str, str] = {}  # external ids that this file gives, by whom
        self.badges = {o.badge: o for o in there.officers if o.badge}
        self.external = {o.external_id: o for o in there.officers if o.external_id}
        self.ids: dict[str, str] = {badge: officer.id for badge, officer in self.badges.items()}
        self.label = {officer.id: officer.badge or officer.id[:8] for officer in there.officers}

    def done(self) -> Changes:
        rows = self._each_once([row for row in self.reading.rows if row.agency == self.agency])
        for row in rows:
            if office := self.placing.place(row):
                self.office_of[row.number] = office
        officers: dict[str, list[Said]] = {}
        for row in rows:
            officers.setdefault(row.badge, []).append(row)
        officers = {badge: said for badge, said in officers.items() if self._tie(badge, said)}
        rows = [row for said in officers.values() for row in said]
        belongs = self._laid(
            self.there.belongs,
            ((self.ids[r.badge], Span(self.office_of[r.number], *r.belongs)) for r in rows if r.number in self.office_of),
        )  # fmt: skip
        for badge, said in officers.items():
            self._officer(badge, said, belongs)
        if self.reading.mapping.complete:
            self._gone(self._spoken_of())
        self._spans("officer_office", self.there.belongs, belongs, self.placing.named)
        self._spans("supervision", self.there.led, self._led(rows), self.label)
        self._trainings(rows)
        return self.changes

    # ---- rows ----------------------------------------------------------------------------------------------------------

    def _each_once(self, rows: list[Said]) -> list[Said]:
        """Of rows that say the same, or otherwise of the same officer from the same day, the first one."""
        kept: list[Said] = []
        first: dict[tuple[str, object], Said] = {}
        for row in rows:
            before = first.setdefault((row.badge, (row.belongs[0], row.supervised[0], row.trainings)), row)
            if before is row:
                kept.append(row)
                continue
            same = _facts(before) == _facts(row)
            self.changes.reject(
                row, "row", f"row {before.number} says the same" if same
                else f"row {before.number} says otherwise of the same officer from the same day",
            )  # fmt: skip
        return kept

    # ---- people --------------------------------------------------------------------------------------------------------

    def _tie(self, badge: str, said: list[Said]) -> bool:
        """Is it clear who this is? An officer known by footage alone is tied to the badge by what the camera system calls them."""
        external = next((row.external_id for row in said if row.external_id), "")
        holder, known = self.external.get(external) if external else None, self.badges.get(badge)
        if holder is not None and (
            holder.badge not in (None, badge) or (known is not None and known.id != holder.id)
        ):
            whose = (
                f"officer {holder.badge}'s" if holder.badge else "that of somebody else whom footage knows"
            )
            for row in said:
                self.changes.reject(row, "row", f"the external id {external[:40]} is {whose}")
            return False
        if external and self.claimed.setdefault(external, badge) != badge:
            for row in said:
                self.changes.reject(
                    row,
                    "row",
                    f"the external id {external[:40]} is officer {self.claimed[external]}'s in this file",
                )
            return False
        officer = known or holder
        self.ids[badge] = officer.id if officer else self.new_id()
        self.label[self.ids[badge]] = badge
        return True

    def _officer(self, badge: str, said: list[Said], belongs: Mapping[str, list[Span]]) -> None:
        latest = max(said, key=lambda row: (row.belongs[0], row.number))
        officer_id = self.ids[badge]
        there = self.by_id.get(officer_id)
        spans = belongs.get(officer_id, self.there.belongs.get(officer_id, []))
        left = latest.left_on or (there.left_on if there else None)
        row: dict[str, Any] = {
            "badge": badge, "external_id": latest.external_id or (there.external_id if there else None),
            "name": latest.name or (there.name if there else None), "job": latest.job or (there.job if there else None),
            "hired_on": latest.hired_on or (there.hired_on if there else None), "left_on": left,
            "active": left is None or left > self.today, "known": True,
            "office": value_at(spans, self.today) or (there.office if there else None),
        }  # fmt: skip
        if there is None:
            row = {"id": officer_id, "agency": self.agency, "seen_at": self.seen_at, **row}
            self.changes.add("officer", row, badge, latest.job)
            return
        changed = {name: value for name, value in row.items() if getattr(there, name) != value}
        if changed:
            ended = "left_on" in changed
            self.changes.change("officer", officer_id, changed, "ended" if ended else "changed", badge)

    def _spoken_of(self) -> set[str]:
        """Every badge number in the file, also of rows that are not taken: who is named has not gone."""
        names = self.reading.mapping.badge.names
        rejected = [*self.reading.rejected, *self.changes.rejected]
        said = {" ".join(" ".join(one.cells.get(name, "").split()) for name in names) for one in rejected}
        return said | {row.badge for row in self.reading.rows}

    def _gone(self, named: set[str]) -> None:
        """Who is not in a complete file has left by the day it speaks of, unless they came later."""
        for officer in self.there.officers:
            if not officer.badge or officer.badge in named or officer.left_on or not officer.known:
                continue
            if officer.hired_on and officer.hired_on >= self.as_of:
                continue
            change = {"left_on": self.as_of, "active": self.as_of > self.today}
            self.changes.change("officer", officer.id, change, "ended", officer.badge)

    def _led(self, rows: list[Said]) -> dict[str, list[Span]]:
        """Who is led by whom, without the statements that make a circle."""
        said = []
        for row in rows:
            if not row.supervisor:
                continue
            if row.supervisor not in self.ids:
                self.changes.reject(row, "supervisor", f"its supervisor {row.supervisor[:40]} is nobody's badge number in {self.agency}")  # fmt: skip
                continue
            said.append(row)
        while True:
            led = self._laid(
                self.there.led,
                ((self.ids[r.badge], Span(self.ids[r.supervisor], *r.supervised)) for r in said),
            )
            found = circles({**self.there.led, **led})
            if not found:
                return led
            members = {officer for one in found for officer in one}
            round_ = " → ".join(self.label.get(officer, officer[:8]) for officer in (*found[0], found[0][0]))
            turned = [row for row in said if self.ids[row.badge] in members]
            if not turned:
                return led  # a circle that was there before, and that this file does not speak of
            for row in turned:
                self.changes.reject(row, "supervisor", f"supervision would go round in a circle: {round_}")
            said = [row for row in said if row not in turned]

    def _trainings(self, rows: list[Said]) -> None:
        said = (
            (f"{self.ids[row.badge]} {course}", Span(course, *days)) for row in rows for course, days in row.trainings
        )  # fmt: skip
        laid = self._laid(self.there.trained, said)
        self._spans("training", self.there.trained, laid, {})

    # ---- spans ---------------------------------------------------------------------------------------------------------

    def _laid(
        self, there: Mapping[str, list[Span]], said: Iterable[tuple[str, Span]]
    ) -> dict[str, list[Span]]:
        """What is said, in the order of its days, over what is there."""
        laid: dict[str, list[Span]] = {}
        for key, span in sorted(said, key=lambda pair: pair[1].from_on):
            before = laid.get(key)
            if before is None:
                before = [one for one in there.get(key, []) if one.until_on != one.from_on]
            laid[key] = lay_over(before, span, self.as_of)
        return laid

    def _spans(
        self,
        table: str,
        there: Mapping[str, list[Span]],
        laid: Mapping[str, list[Span]],
        names: Mapping[str, str],
    ) -> None:
        for key, spans in laid.items():
            officer = key.partition(" ")[0]
            made = difference(there.get(key, []), spans)
            badge = self.label.get(officer, officer[:8])
            column = _VALUE.get(table, "course")
            for old, new in made.changed:
                change: dict[str, Any] = {"until_on": new.until_on}
                if new.value != old.value:
                    change[column] = new.value
                what = "changed" if new.value != old.value or new.until_on is None else "ended"
                says = f"{names.get(new.value, new.value)} from {new.from_on} to {new.until_on or 'now'}"
                self.changes.writes.append(Write(table, {"id": old.row, **change}, change=True))
                self.changes.told.append(Told(table, what, badge, says))
            for span in made.added:
                row = {
                    "id": self.new_id(), "agency": self.agency, "officer": officer, column: span.value,
                    "from_on": span.from_on, "until_on": span.until_on,
                }  # fmt: skip
                says = f"{names.get(span.value, span.value)} from {span.from_on} to {span.until_on or 'now'}"
                self.changes.add(table, row, badge, says)


def _facts(row: Said) -> tuple[object, ...]:
    return (
        row.external_id, row.name, row.job, row.hired_on, row.left_on, row.component, row.office, row.office_code,
        row.belongs, row.supervisor, row.supervised, row.trainings,
    )  # fmt: skip
