"""Was the camera on during the events, as two files tell it? Without a database: tables out, and one page.

Writes duties.parquet, by_wearer.csv, by_group.csv, rejected.csv and report.html; docs/formats/reconcile.md says what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lapel.activation import duties, tally
from lapel.activation.costs import Cost, costs
from lapel.activation.duties import Judge, Owed, owed
from lapel.activation.event import DAY_ONLY
from lapel.activation.findings import Why
from lapel.activation.fit import Fit, fit
from lapel.activation.happening import Books, happened
from lapel.activation.instants import days_of
from lapel.activation.mapping_text import read_mapping
from lapel.activation.people import People, cameras, doubts, read_people, read_people_mapping
from lapel.activation.reading import Reading, read_file
from lapel.activation.reconcile_tables import Came, Part, write_duties, write_figures, write_rejected
from lapel.activation.tally import Figures, Held
from lapel.base.errors import Invalid
from lapel.policy.document import clip
from lapel.policy.library import Library
from lapel.policy.shelf import library_at, text_at

NO_POLICY = Why(says="No policy was given, so every event is a duty from beginning to end.")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Everything that the tables and the page show. `came`: by outcome, in their order."""

    recordings: Reading
    events: Reading
    people: People | None
    held: Held
    wearers: list[Figures]
    groups: dict[str, Figures]
    total: Figures
    costs: list[Cost]
    fit: Fit
    came: dict[str, Came]
    notes: list[str]
    policy: str = ""


def reconcile(
    recordings: Path, recordings_mapping: Path, events: Path, events_mapping: Path, out: Path, *,
    policy: Path | None = None, agency: str = "", people: Path | None = None, people_mapping: Path | None = None,
) -> Reconciled:  # fmt: skip
    """Hold the recordings of one file against the events of another, and write what came of it into the folder `out`.

    `people`: a personnel table, which gives a group to those the events give none, and says since when they are trained.
    Raises `NotFound` and `Invalid` for files and mappings that cannot be read, and mappings that disagree.
    """
    first = read_mapping(text_at(recordings_mapping), str(recordings_mapping), "recordings")
    second = read_mapping(text_at(events_mapping), str(events_mapping), "events")
    if first.days.key != second.days.key:
        raise Invalid(
            f"The two mappings disagree: {first.file} counts days in {first.days.key}, {second.file} in {second.days.key}.",
            next_step="Give both the same `days`.",
        )
    if agency and policy is None:
        raise Invalid(
            f"There is no policy of “{clip(agency)}” to go by.",
            next_step="Give --policy, or leave out --agency.",
        )
    library = library_at(policy) if policy else None
    if library is not None and agency not in library.agencies:
        raise Invalid(
            f"“{agency}” is no agency of {policy}." if agency else "Whose policy?",
            next_step=f"Give --agency, one of: {', '.join(library.agencies)}.",
        )
    who = _people(people, people_mapping)
    seen = read_file(recordings, first)
    told = read_file(events, second, library.vocabulary if library else None)
    parts = [
        Part(row, badge, row.group or (who.group(badge) if who else ""))
        for row in told.rows
        for badge in row.badges
    ]
    due = _owed(parts, library, agency, told, who) if library else _every_event(parts)
    folder(out)
    try:
        return _written(seen, told, who, parts, due, out, f"{agency} in {policy}" if library else "")
    except OSError as error:
        raise Invalid(
            f"What was found cannot be written into {out}: {error.strerror or error}.",
            next_step="Make room, or choose another folder; what lies there now is not whole.",
        ) from None


def _people(path: Path | None, mapping: Path | None) -> People | None:
    if (path is None) != (mapping is None):
        raise Invalid(
            "A personnel table and its mapping go together.", next_step="Give --people and --people-mapping."
        )
    if path is None or mapping is None:
        return None
    return read_people(path, read_people_mapping(text_at(mapping), str(mapping)))


def folder(out: Path) -> None:
    """Make a folder for what is written. Raises `Invalid` where there can be none."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{out} cannot be made: {error.strerror}.", next_step="Choose another place.") from None


def _every_event(parts: Sequence[Part]) -> Owed:
    count = len(parts)
    zeros = np.zeros(count, np.int64)
    return _day_only(parts, Owed(
        np.arange(count), zeros.astype(np.int32), np.array([one.row.begin for one in parts], np.int64),
        np.array([one.row.end for one in parts], np.int64), zeros, zeros.astype(np.uint8), zeros.astype(np.uint8),
        zeros.astype(np.int32), (NO_POLICY,),
    ))  # fmt: skip


def _day_only(parts: Sequence[Part], due: Owed) -> Owed:
    """A day without a time of day is no stretch that can be measured: what would be owed in it is undetermined."""
    unmeasured = np.array([DAY_ONLY in one.row.flags for one in parts], np.bool_)[due.part]
    status = np.where(unmeasured & (due.status == duties.OWED), duties.UNDETERMINED, due.status).astype(
        np.uint8
    )
    return replace(due, status=status)


def _owed(parts: Sequence[Part], library: Library, agency: str, told: Reading, who: People | None) -> Owed:
    rows = told.rows
    place = {row.id: i for i, row in enumerate(rows)}
    begin = np.array([row.begin for row in rows], np.int64)
    days = days_of(begin, told.mapping.days)
    stories = {row.story.id: row.story for row in rows}
    code = {name: i for i, name in enumerate(stories)}
    part = np.array([place[one.row.id] for one in parts], np.int32)
    columns, reasons = happened(
        begin=begin, end=np.array([row.end for row in rows], np.int64), days=days,
        story=np.array([code[row.story.id] for row in rows], np.int32), stories=list(stories.values()), part=part,
        camera=cameras(who, zip((one.badge for one in parts), days[part].tolist(), strict=True)), books=Books(library, agency),
    )  # fmt: skip
    return _day_only(parts, owed(columns, Judge(), reasons))


def _written(
    seen: Reading, told: Reading, who: People | None, parts: Sequence[Part], due: Owed, out: Path, policy: str
) -> Reconciled:
    answerable = (due.kind == duties.DUTY) & (due.status == duties.OWED)
    rows = [parts[i] for i in due.part[answerable].tolist()]
    stretches = zip(rows, due.begin[answerable].tolist(), due.end[answerable].tolist(), strict=True)
    there = tally.held(
        seen.rows,
        [(one.badge, begin, end, one.group) for one, begin, end in stretches],
        who.group if who else None,
    )
    wearers = tally.by_wearer(there, seen.mapping.days)
    total = sum(wearers, Figures())
    came = write_duties(out / "duties.parquet", parts, due, there, told.mapping.source)
    groups = tally.by_group(there, wearers)
    write_figures(out / "by_wearer.csv", "wearer", zip(there.wearers, wearers, strict=True))
    write_figures(out / "by_group.csv", "group", groups.items())
    files = [(reading.file, reading.rejected) for reading in (seen, told, who) if reading is not None]
    write_rejected(out / "rejected.csv", files)
    found = Reconciled(
        seen, told, who, there, wearers, groups, total,
        costs(seen, told, there, total, [one.row for one in rows]), fit(there.duties, there.clips), came,
        [*_unsaid(came), *_notes(seen, told, who, parts)], policy,
    )  # fmt: skip
    from lapel.activation.reconcile_page import page

    (out / "report.html").write_text(page(found), encoding="utf-8")
    return found


def _unsaid(came: Mapping[str, Came]) -> list[str]:
    """How much nobody can say, first of all: it stands in no figure of hours."""
    open_ones = came.get("undetermined")
    if open_ones is None:
        return []
    return [
        f"{open_ones.count:,} duties of {open_ones.us / tally.HOUR_US:,.1f} hours are undetermined and in none of these figures:"
        " duties.parquet says of each which facts would decide it, or why nothing can be measured."
    ]


def _notes(seen: Reading, told: Reading, who: People | None, parts: Sequence[Part]) -> list[str]:
    """What whoever reads the figures has to know first."""
    found = [f"{reading.file}: {note}" for reading in (seen, told) for note in reading.notes]
    wearers = {row.badges[0] for row in seen.rows}
    officers = {one.badge for one in parts}
    without = len(officers - wearers)
    if officers and without == len(officers) and wearers:
        found.append(
            "No officer of the events is a wearer of the recordings. Do the two mappings name people by the same numbers?"
        )
    elif without:
        found.append(f"{without:,} of {len(officers):,} officers of the events have no recording at all.")
    if who is not None:
        clips = [(row.begin, row.badges[0]) for row in seen.rows]
        happenings = [(one.row.begin, one.badge) for one in parts]
        for what, pairs in (("recordings", clips), ("events", happenings)):
            days = days_of(np.array([begin for begin, _ in pairs], np.int64), seen.mapping.days).tolist()
            found += doubts(who, what, ((badge, day) for (_, badge), day in zip(pairs, days, strict=True)))
    return found
