"""Is anybody still to be seen in the render? The detector looks again, over the output, before anything leaves.

What it sees there is accounted for by a mask, or by a track that a named person left visible with a reason. Anything else
stops the render and becomes a suspect for a person. That nothing is seen is no proof that nobody is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lapel.base.errors import Invalid
from lapel.redaction.finding import Search, Unaccounted, unaccounted
from lapel.redaction.plan import Plan, Suspect
from lapel.redaction.track import Box

Look = Callable[[Path, Plan, bool], Sequence[Unaccounted]]

JOIN_US = 1_000_000  # sightings of one place no further apart than this are one suspect
AROUND_US = 250_000  # looks are apart: what was seen at one was there before and after
_NAMED = 5


class StillSeen(Invalid):
    """The render shows somebody. `seen`: the sightings, by the digest of the clip's bytes."""

    def __init__(self, seen: dict[str, Sequence[Unaccounted]]) -> None:
        every = [one for sightings in seen.values() for one in sightings]
        times = ", ".join(_clock(one.at_us) for one in every[:_NAMED])
        more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
        super().__init__(
            f"After rendering, the detector saw {every[0].kind}s that nothing accounts for, at {times}{more}; nothing was made.",
            next_step="Hide them, or leave a track there visible with your name and a reason, and render again.",
        )
        self.seen = seen


def look_again(render: Path, plan: Plan, auto: bool) -> Sequence[Unaccounted]:
    """What a detector sees in a rendered file that the plan does not account for. Raises as `finding.unaccounted`."""
    size = render.stat().st_size
    with render.open("rb") as file:
        handle = file.fileno()
        return unaccounted(lambda at, n: os.pread(handle, n, at), size, plan, _search(), auto=auto)


def with_suspects(plan: Plan, seen: Sequence[Unaccounted]) -> Plan:
    """The plan, open again, with a suspect for each place at which something was still seen."""
    taken = {one.id for one in plan.suspects}
    number = len(taken) + 1
    made: list[Suspect] = []
    for one in sorted(seen, key=lambda sighting: sighting.at_us):
        last = next((s for s in reversed(made) if _near(s, one)), None)
        if last is not None:
            at = made.index(last)
            made[at] = replace(
                last, ends_us=one.at_us + AROUND_US, score_milli=max(last.score_milli, one.score_milli)
            )
            continue
        while f"s{number}" in taken:
            number += 1
        taken.add(f"s{number}")
        kind = "plate" if one.kind == "plate" else "face"
        box = one.box.within(plan.width, plan.height) or Box(0, 0, 1, 1)
        begins = max(0, one.at_us - AROUND_US)
        made.append(
            Suspect(f"s{number}", "seen_after", kind, begins, one.at_us + AROUND_US, box.x, box.y, box.w, box.h, min(1000, one.score_milli))  # type: ignore[arg-type]
        )  # fmt: skip
    return replace(plan, suspects=(*plan.suspects, *made), reviewed=None)


def _near(suspect: Suspect, one: Unaccounted) -> bool:
    apart = one.at_us - AROUND_US - suspect.ends_us
    across = abs(2 * suspect.x + suspect.w - 2 * one.box.x - one.box.w) < suspect.w + one.box.w
    down = abs(2 * suspect.y + suspect.h - 2 * one.box.y - one.box.h) < suspect.h + one.box.h
    return apart <= JOIN_US and across and down


def _search() -> Search:
    # Twice as often as the first look and all of it closely: what that one misses shall not be missed in the same way.
    return Search(kinds=("face",), closely=True, still_us=480_000, moved_milli=75)


def _clock(at_us: int) -> str:
    return f"{at_us // 60_000_000:02}:{at_us // 1_000_000 % 60:02}.{at_us // 100_000 % 10}"
