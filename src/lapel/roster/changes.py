"""What would change in the roster, and what was not taken? Values that the importers fill, in an order that can be written. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.custody.sidecar import Write
from lapel.roster.model import Component, Office, Officer
from lapel.roster.reading import Rejected, Said
from lapel.roster.spans import Span

KINDS = ("component", "office", "officer", "officer_office", "supervision", "training", "camera")


@dataclass(slots=True)
class There:
    """An agency's roster as it is. Spans by officer, for training by officer and course; empty ones included."""

    components: dict[str, Component]
    offices: list[Office]
    officers: list[Officer]
    belongs: dict[str, list[Span]]
    led: dict[str, list[Span]]
    trained: dict[str, list[Span]]


@dataclass(frozen=True, slots=True)
class Told:
    """One change, for a person: in which table, `added`, `changed` or `ended`, about whom or what, and what it says."""

    table: str
    what: str
    about: str
    says: str


@dataclass(slots=True)
class Changes:
    """What must be written for one agency, in an order that the tables' references allow, and how it is told."""

    agency: str
    writes: list[Write] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many rows of each table are added, changed and ended; tables without a change are left out."""
        found: dict[str, dict[str, int]] = {}
        for one in self.told:
            found.setdefault(one.table, {"added": 0, "changed": 0, "ended": 0})[one.what] += 1
        return {kind: found[kind] for kind in KINDS if kind in found}

    def add(self, table: str, row: Mapping[str, Any], about: str, says: str) -> None:
        """A row to add, and how it is told."""
        self.writes.append(Write(table, row))
        self.told.append(Told(table, "added", about, says))

    def change(self, table: str, row_id: str, changed: Mapping[str, Any], what: str, about: str) -> None:
        """Columns of a row to change, and how it is told; a person's name is written and not told."""
        self.writes.append(Write(table, {"id": row_id, **changed}, change=True))
        says = ", ".join(f"{name}: {value}" for name, value in changed.items() if name != "name")
        self.told.append(Told(table, what, about, says))

    def reject(self, row: Said, part: str, reason: str) -> None:
        """A row, or a part of one, that is not taken."""
        self.rejected.append(Rejected(row.number, part, reason, row.cells))
