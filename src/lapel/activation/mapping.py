"""What do the columns of a file mean? A mapping is a YAML text that a records clerk can read; docs/formats/mapping.md.

No I/O. Every fault names file, line, column and the nearest word, as the policy language does, because it is read the same way.
"""

from __future__ import annotations

from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from lapel.base.digest import sha256_hex
from lapel.base.errors import Invalid
from lapel.policy.document import Place, nearest
from lapel.policy.vocabulary import Vocabulary
from lapel.storage.tables import Layout

What = Literal["recordings", "events"]


@dataclass(frozen=True, slots=True)
class Column:
    """A cell: one column, or several joined by a space. `separator`: it may hold several values, cut there.

    `either`: of several columns the first one that holds anything, instead of all of them.
    """

    names: tuple[str, ...] = ()
    separator: str = ""
    either: bool = False

    def of(self, cells: Named[str, str]) -> str:
        """The text; “” where nothing stands."""
        if len(self.names) == 1:
            return cells.get(self.names[0], "").strip()
        parts = [part for name in self.names if (part := cells.get(name, "").strip())]
        return " ".join(parts[:1] if self.either else parts)

    def many(self, cells: Named[str, str]) -> list[str]:
        """The values, each once, in their order; of several columns without a separator, one value each."""
        if self.separator or self.either:
            said = self.of(cells).split(self.separator) if self.separator else [self.of(cells)]
        else:
            said = [cells.get(name, "") for name in self.names]
        return list(dict.fromkeys(part.strip() for part in said if part.strip()))


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of a cell: `values` (lower case) to what it means; with no column, always `constant`."""

    name: str
    place: Place
    column: Column = Column()
    constant: str = ""
    values: Named[str, str] = field(default_factory=dict)

    def read(self, cells: Named[str, str], empty: frozenset[str]) -> tuple[str, list[str]]:
        """(the value, “” for unknown; the cells that the mapping does not know)."""
        if not self.column.names:
            return self.constant, []
        said = self.column.many(cells) if self.column.separator else [self.column.of(cells)]
        said = [one for one in said if one.casefold() not in empty]
        if not self.values:
            return "|".join(said), []
        meant = [self.values.get(one.casefold()) for one in said]
        unknown = [one for one, means in zip(said, meant, strict=True) if means is None]
        return "|".join(dict.fromkeys(means for means in meant if means)), unknown

    @property
    def source(self) -> str:
        """Where the fact comes from, in words."""
        return f"column {' + '.join(self.column.names)}" if self.column.names else "the mapping"


@dataclass(frozen=True, slots=True)
class Phase:
    """Facts that hold from a moment inside the event on: a time in a column, or so long after the beginning."""

    at: Column
    after_us: int
    facts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that are left out, and why: the cell is one of `cells` (lower case)."""

    column: Column
    cells: frozenset[str]
    says: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping as read. Lengths are in microseconds. `days`: the zone in which days are counted."""

    what: What
    source: str
    file: str
    text: str
    layout: Layout
    zone: ZoneInfo
    days: ZoneInfo
    offsets_ignored: bool
    formats: tuple[str, ...]
    empty: frozenset[str]
    id: Column
    officers: Column
    group: Column
    camera: Column
    begins: Column
    ends: Column
    lasts: Column
    lasts_us: int
    longest_us: int
    buffer_us: int
    cap_us: int
    most_rejected: float
    kind: Rule
    facts: tuple[Rule, ...]
    phases: tuple[Phase, ...]
    left_out: tuple[LeftOut, ...]
    shown_by: Column

    @property
    def sha256(self) -> str:
        return sha256_hex(self.text.encode())

    def check_facts(self, vocabulary: Vocabulary) -> None:
        """Raises `Invalid`, with the place, for a fact or a value that the vocabulary does not have."""
        for rule in (*self.facts, *(fact for phase in self.phases for fact in phase.facts)):
            if rule.name not in vocabulary.facts:
                raise rule.place.fault(f"{rule.name} is no fact.", nearest(rule.name, vocabulary.facts))
            for value in (rule.constant, *rule.values.values()):
                if value:
                    try:
                        vocabulary.fact(rule.name).read(value)
                    except Invalid as error:
                        raise rule.place.fault(error.says, error.next_step) from None
