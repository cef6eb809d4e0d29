"""Does anybody, through a chain of supervisors, supervise themselves on some day? No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lapel.roster.spans import Span, value_at


def circles(led: Mapping[str, Sequence[Span]]) -> list[tuple[str, ...]]:
    """Each circle once, from its smallest member on. `led`: for each officer by whom they are supervised, and when.

    A circle that exists on any day exists on the day on which the last of its members begins to be led, so only the days
    on which somebody begins are looked at, from that somebody upwards.
    """
    found: dict[tuple[str, ...], None] = {}
    for officer, spans in led.items():
        for span in spans:
            if span.until_on == span.from_on:
                continue
            chain = [officer]
            above: str | None = span.value
            while above is not None and above not in chain:
                chain.append(above)
                above = value_at(led.get(above, ()), span.from_on)
            if above is not None:
                members = chain[chain.index(above) :]
                least = members.index(min(members))
                found[tuple(members[least:] + members[:least])] = None
    return list(found)
