"""What do the columns of a personnel file mean? YAML text in, a typed mapping out; docs/formats/roster-mapping.md. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lapel.policy.document import Fields, fields_of, items_of
from lapel.roster.columns import Cell, Shared, cell, open_mapping, place, yes

KEYS: Final = (
    "badge", "external id", "name", "job", "hired", "left", "component", "office", "office code", "belongs", "supervisor",
    "training", "complete",
)  # fmt: skip

NOTHING: Final = Cell()


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days for which something is said: `since` (empty: since the day the file speaks of), `until` (the first day after)."""

    since: Cell = NOTHING
    until: Cell = NOTHING


@dataclass(frozen=True, slots=True)
class Course:
    """A training: which course, and on which days it holds. Without a day in `since` there was none."""

    course: Cell
    days: Stretch


@dataclass(frozen=True, slots=True)
class RosterMapping:
    """A mapping as read. `complete`: who is not in the file has left by the day it speaks of."""

    shared: Shared
    badge: Cell
    external_id: Cell
    name: Cell
    job: Cell
    hired: Cell
    left: Cell
    component: Cell
    office: Cell
    office_code: Cell
    belongs: Stretch
    supervisor: Cell
    supervised: Stretch
    trainings: tuple[Course, ...]
    complete: bool

    @property
    def cells(self) -> list[Cell]:
        """Every cell that the mapping names."""
        stretches = (self.belongs, self.supervised, *(one.days for one in self.trainings))
        return [
            self.shared.agency, self.badge, self.external_id, self.name, self.job, self.hired, self.left, self.component,
            self.office, self.office_code, self.supervisor, *(one.course for one in self.trainings),
            *(day for one in stretches for day in (one.since, one.until)),
        ]  # fmt: skip


def read_mapping(text: str, file: str) -> RosterMapping:
    """The mapping in a text. Raises `Invalid` with file, line and column."""
    fields, shared = open_mapping(text, file, "roster", KEYS)
    badge = cell(fields, "badge")
    if not badge.names:
        raise fields.place.fault("badge is missing.", "Name the column with the badge numbers.")
    leader, supervised = _supervisor(fields)
    return RosterMapping(
        shared, badge, cell(fields, "external id"), cell(fields, "name"), cell(fields, "job"), cell(fields, "hired"),
        cell(fields, "left"), cell(fields, "component"), cell(fields, "office"), cell(fields, "office code"),
        _stretch(fields, "belongs"), leader, supervised, _trainings(fields), yes(fields, "complete"),
    )  # fmt: skip


def _supervisor(fields: Fields) -> tuple[Cell, Stretch]:
    node = fields.entries.get("supervisor")
    if not isinstance(node, Fields):
        return cell(fields, "supervisor"), Stretch()
    node.only(("badge", "since", "until"))
    return cell(node, "badge"), Stretch(cell(node, "since"), cell(node, "until"))


def _stretch(fields: Fields, key: str) -> Stretch:
    node = fields.entries.get(key)
    if node is None:
        return Stretch()
    inner = fields_of(node, place(fields, key), key)
    inner.only(("since", "until"))
    return Stretch(cell(inner, "since"), cell(inner, "until"))


def _trainings(fields: Fields) -> tuple[Course, ...]:
    found = []
    for node in items_of(fields.entries.get("training"), place(fields, "training"), "training"):
        inner = fields_of(node, node.place, "a training")
        inner.only(("course", "since", "until"))
        since = cell(inner, "since")
        if not since.given:
            raise inner.place.fault("since is missing.", "Name the column with the day of the training.")
        course = cell(inner, "course", constant=True)
        found.append(
            Course(course if course.given else Cell(constant="camera"), Stretch(since, cell(inner, "until")))
        )
    return tuple(found)
