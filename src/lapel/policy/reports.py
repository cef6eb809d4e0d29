"""How do differences and coverage look on a terminal, and as JSON?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from lapel.policy.book import Book
from lapel.policy.coverage import Covered
from lapel.policy.diff import Change
from lapel.policy.sentences import clauses, differences, scene, who

Counts = Mapping[tuple[str, str, str], int]


def changes(book: Book, found: Sequence[Change], counts: Counts | None) -> str:
    """One paragraph a class; with events, how many of them change their answer."""
    lines = []
    for change in found:
        lines.append(f"{change.question}: {change.old} -> {change.new}, by {', '.join(change.clauses)}")
        before, after = clauses(change.old_by, book.policy), clauses(change.new_by, book.policy)
        lines.append(
            f"    in {scene(book, change.witness)} (before: {before or 'silence'}; after: {after or 'silence'})"
        )
    if not found:
        lines.append("Every answer is the same in every situation.")
    if counts is not None:
        lines.append(f"{sum(counts.values())} answers about past events change")
        lines += [
            f"    {name}: {old} -> {new}: {number}" for (name, old, new), number in sorted(counts.items())
        ]
    return "\n".join(lines)


def changes_json(book: Book, found: Sequence[Change], counts: Counts | None) -> str:
    """The classes for machines."""
    body = [
        {
            "question": change.question,
            "old": change.old,
            "new": change.new,
            "clauses": change.clauses,
            "old_by": change.old_by,
            "new_by": change.new_by,
            "witness": differences(book, change.witness),
        }
        for change in found
    ]
    events = (
        None
        if counts is None
        else [{"question": q, "old": o, "new": n, "events": c} for (q, o, n), c in sorted(counts.items())]
    )
    return json.dumps({"equal": not found, "classes": body, "events": events}, ensure_ascii=False, indent=1)


def board(found: Sequence[Covered]) -> str:
    """The agencies × topics board: a line an agency, then what is missing or late."""
    lines = [] if found else ["No policy of the department that asks for anything is in force on that day."]
    for agency in dict.fromkeys(row.agency for row in found):
        rows = [row for row in found if row.agency == agency]
        adopted = rows[0].adopted_on
        due = min(row.due_on for row in rows)
        late = max(row.days_late for row in rows)
        missing = [row.topic for row in rows if not row.clauses]
        state = f"adopted {adopted}" if adopted else "not adopted"
        covered = f"{len(rows) - len(missing)} of {len(rows)} topics"
        lines.append(f"{who(agency)}: due {due}, {state}, {late} days late, {covered}")
        if missing and adopted:
            lines.append(f"    nothing about: {', '.join(missing)}")
    return "\n".join(lines)


def board_json(found: Sequence[Covered]) -> str:
    """The board for machines."""
    body = [
        {
            "agency": row.agency,
            "topic": row.topic,
            "due_on": str(row.due_on),
            "adopted_on": str(row.adopted_on) if row.adopted_on else None,
            "days_late": row.days_late,
            "clauses": row.clauses,
        }
        for row in found
    ]
    return json.dumps(body, ensure_ascii=False, indent=1)
