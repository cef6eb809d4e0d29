"""How are days, lives and yes or no written in a directive?"""

from __future__ import annotations

import re
from datetime import date

from lapel.policy.directive import Life
from lapel.policy.document import Fields, Node, Place, Text, clip, text_of

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


def day_of(text: Text) -> date:
    """The day in a text such as 2023-05-22. Raises `Invalid`."""
    if _DAY.match(text.value):
        try:
            return date.fromisoformat(text.value)
        except ValueError:
            pass
    raise text.place.fault(f"“{clip(text.value)}” is no day.", "Write it as YYYY-MM-DD.")


def life_of(fields: Fields, start: str, clause: str) -> Life:
    """`start` and `until` of a directive, clause or grant. Raises `Invalid` when it ends before it begins."""
    days: list[date | None] = []
    for key in (start, "until"):
        node = fields.entries.get(key)
        if node is None:
            days.append(None)
            continue
        text = text_of(node, fields.place, key)
        days.append(day_of(Text(text.value, text.place.inside(clause), text.offset)))
    first, until = days
    if first and until and until <= first:
        place = fields.keys["until"].inside(clause)
        raise place.fault(
            f"it ends ({until}) before its first day is over ({first}).",
            "until is the first day no longer in force.",
        )
    return Life(first, until)


def yes_of(node: Node | None, place: Place, what: str) -> bool:
    """yes or no; a missing one is no. Raises `Invalid` for true, on, 1 and the like."""
    if node is None:
        return False
    text = text_of(node, place, what)
    if text.value not in {"yes", "no"}:
        raise place.fault(f"{what} is yes or no, not “{clip(text.value)}”.", "Write yes or no.")
    return text.value == "yes"
