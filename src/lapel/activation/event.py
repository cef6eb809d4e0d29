"""What happened, when, to whom, and what was stated of it, by whom? Values only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lapel.base.digest import sha256_hex

END_ASSUMED = "end assumed"  # the file gives no end: the mapping's length was taken
DAY_ONLY = "day only"  # the file gives a day and no time of day: nothing can be measured
CLOCK_CHANGE = "clock change"  # a change of daylight saving time lies inside
VERY_LONG = "very long"  # more than a day
FLAGS = {
    END_ASSUMED: "the file gives no end; the length the mapping assumes was taken",
    DAY_ONLY: "the file gives a day and no time, so nothing can be measured",
    CLOCK_CHANGE: "clocks changed inside it; its length is what really passed",
    VERY_LONG: "it lasts longer than a day",
}


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact as somebody stated it: its value as `Fact.read` takes it, and where it says so."""

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from some time after the event's beginning on."""

    after_us: int
    facts: Mapping[str, Stated]


@dataclass(frozen=True, slots=True)
class Story:
    """What was stated of an event: the facts at its beginning, and the changes inside it, in order.

    What is not stated is unknown, never false.
    """

    facts: Mapping[str, Stated] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it."""
        said: dict[str, Any] = {"facts": _facts_json(self.facts)}
        if self.changes:
            said["then"] = [{"after_us": c.after_us, "facts": _facts_json(c.facts)} for c in self.changes]
        return said

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Story:
        changes = tuple(Change(int(c["after_us"]), _facts_of(c["facts"])) for c in said.get("then", ()))
        return Story(_facts_of(said["facts"]), changes)

    @property
    def id(self) -> str:
        """Its name: the first 128 bits of the SHA-256 of its JSON, keys sorted."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return sha256_hex(text.encode())[:32]

    def steps(self) -> list[tuple[int, Mapping[str, Stated]]]:
        """(microseconds after the beginning, everything stated from then on), the first at 0."""
        found: list[tuple[int, Mapping[str, Stated]]] = [(0, self.facts)]
        for change in self.changes:
            now = {**found[-1][1], **change.facts}
            if change.after_us <= found[-1][0]:
                found[-1] = (found[-1][0], now)
            else:
                found.append((change.after_us, now))
        return found


@dataclass(frozen=True, slots=True)
class TookPart:
    """An officer of an event: the badge as the file has it, and who that is (None: the roster does not know)."""

    badge: str
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and may create a duty. Instants are aware. `flags`: what is doubtful about it (FLAGS)."""

    id: str
    agency: str
    source: str
    external_id: str
    kind: str
    begins_at: datetime
    ends_at: datetime
    officers: tuple[TookPart, ...]
    story: Story
    flags: tuple[str, ...] = ()

    def at(self, after_us: int) -> datetime:
        """The instant that lies so long after the beginning."""
        return self.begins_at + timedelta(microseconds=after_us)


def event_id(agency: str, source: str, external_id: str) -> str:
    """An event's id: the same each time a source is imported."""
    return sha256_hex("\n".join((agency, source, external_id)).encode())[:32]


def _facts_json(facts: Mapping[str, Stated]) -> dict[str, list[str]]:
    return {name: [stated.value, stated.source] for name, stated in sorted(facts.items())}


def _facts_of(said: Mapping[str, Any]) -> dict[str, Stated]:
    return {name: Stated(str(value), str(source)) for name, (value, source) in said.items()}
