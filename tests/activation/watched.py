"""What do tests of the register, the reviews and the pages stand on? A police unit with duties and findings, put there row by row.

How findings come to be is tested beside `duties` and `match`; here they are given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from psycopg.types.json import Jsonb

from lapel.activation.findings import UNMET
from lapel.base.ids import new_id
from lapel.policy import store as policy
from lapel.policy.paper import Paper
from lapel.policy.record import Adopted
from lapel.storage.postgres import Scope
from staffed import Staffed

DIRECTIVES = Path(__file__).resolve().parents[2] / "directives"
SIGNED = date(2023, 5, 22)
NOON = datetime(2026, 10, 14, 16, 0, tzinfo=UTC)  # noon in New York
FIRST = ("vocabulary", "department")
_KINDS = {"vocabulary": "vocabulary", "department": "department"}


@dataclass(slots=True)
class Watched:
    """A unit of the Federal Protective Service. `officers`: badge -> id; `duties`: what was found, in order."""

    staffed: Staffed
    agency: str = "fps"
    officers: dict[str, str] = field(default_factory=dict)
    office: str = ""
    run: str = ""
    duties: list[str] = field(default_factory=list)

    def scope(self, actor: str = "account:" + "a" * 32) -> Scope:
        return Scope(actor, (self.agency,))

    def sign(self, *names: str, first: bool = True) -> None:
        """Put texts of directives/ on record without proving them, which is tested elsewhere and takes seconds."""
        with self.staffed.archive.db.tx(Scope("cli:clerk", (*names, "department"))) as conn:
            for name in (*FIRST, *names) if first else names:
                text = Paper((DIRECTIVES / f"{name}.yaml").read_text(), f"{name}.yaml", "Director", SIGNED)
                kind = _KINDS.get(name, "agency")
                row = Adopted(
                    new_id(), name if kind == "agency" else None, kind, name, SIGNED, text.file, text.body,
                    text.sha256, SIGNED, "Director", None, NOON, new_id(),
                )  # type: ignore[arg-type]  # fmt: skip
                policy.add(conn, row)

    def officer(self, badge: str) -> str:
        if not self.office:
            self.office = self.staffed.office(self.agency, "Region 2")
        if badge not in self.officers:
            self.officers[badge] = self.staffed.officer(badge, self.agency, self.office)
        return self.officers[badge]

    def finding(
        self,
        outcome: str,
        badge: str = "7001",
        at: datetime = NOON,
        minutes: int = 20,
        *,
        kind: str = "duty",
        activity: str = "arrest",
        covered: int | None = None,
        clause: str = "fps:F3",
    ) -> str:
        """One event of one officer and what was found about it; returns the duty's id."""
        officer, duty, event, import_id = self.officer(badge), new_id(), new_id(), new_id()
        owed = minutes * 60_000_000
        got = covered * 60_000_000 if covered is not None else (owed if outcome == "recorded" else 0)
        late = owed - got if outcome in UNMET else 0
        with self.staffed.archive.db.tx(self.scope("cli:test")) as conn:
            story, why = new_id(), new_id()
            conn.execute(
                "INSERT INTO event_import (id, agency, source, file, sha256, mapping, mapping_sha256, rows, taken,"
                " imported_at, imported_by, entry) VALUES (%s, %s, 'dispatch', 'calls.csv', %s, '', %s, 1, 1, %s, 'cli:test', %s)",
                (import_id, self.agency, "0" * 64, "0" * 64, at, new_id()),
            )
            facts = {"facts": {"activity": [activity, "calls.csv"], "with_public": ["yes", "calls.csv"]}}
            conn.execute(
                "INSERT INTO event_story (agency, id, story) VALUES (%s, %s, %s)",
                (self.agency, story, Jsonb(facts)),
            )
            conn.execute(
                "INSERT INTO event (id, agency, source, external_id, kind, begins_at, ends_at, story, import)"
                " VALUES (%s, %s, 'dispatch', %s, 'arrest', %s, %s, %s, %s)",
                (event, self.agency, event[:8], at, at + timedelta(minutes=minutes), story, import_id),
            )
            conn.execute(
                "INSERT INTO event_officer (event, agency, badge, officer) VALUES (%s, %s, %s, %s)",
                (event, self.agency, badge, officer),
            )
            if not self.run:
                self.run = new_id()
                conn.execute(
                    "INSERT INTO activation_run (id, agency, since, until, inputs, directives, code, findings_sha256, counts,"
                    " ran_at, ran_by) VALUES (%s, %s, %s, %s, '{}', '[]', 'test', %s, '{}', %s, 'cli:test')",
                    (self.run, self.agency, at - timedelta(days=30), at + timedelta(days=30), "0" * 64, at),
                )
            conn.execute(
                "INSERT INTO finding_why (agency, id, clauses, presumed, missing, lacking) VALUES (%s, %s, %s, '{}', '{}', '{}')",
                (self.agency, why, [clause]),
            )
            conn.execute(
                "INSERT INTO finding (duty, agency, run, event, officer, badge, office, activity, kind, outcome, measured,"
                " begins_at, ends_at, within_us, covered_us, late_us, early_us, gap_us, gaps, why)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 20000000, %s, %s, 0, 0, 0, %s)",
                (duty, self.agency, self.run, event, officer, badge, self.office, activity, kind, outcome, outcome,
                 at, at + timedelta(minutes=minutes), got, late, why),
            )  # fmt: skip
        self.duties.append(duty)
        return duty
