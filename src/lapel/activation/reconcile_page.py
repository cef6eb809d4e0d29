"""What does the one page say that comes with a reconciliation? Self-contained: no script, no address, a table by each chart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING

from lapel.activation import charts
from lapel.activation.fit import offset_in_words
from lapel.activation.tally import HOUR_US, Figures

if TYPE_CHECKING:
    from lapel.activation.reconcile import Reconciled

_MOST = 12


def page(found: Reconciled) -> str:
    """The page as HTML."""
    from importlib import resources

    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["h"] = lambda us: f"{us / HOUR_US:,.1f}"
    environment.filters["n"] = lambda number: f"{number:,}"
    template = environment.from_string(
        resources.files("lapel.activation").joinpath("reconcile.html").read_text("utf-8")
    )
    shares = tenths(found.wearers)
    worst = sorted(
        ((name, one) for name, one in zip(found.held.wearers, found.wearers, strict=True) if one.missing_us),
        key=lambda pair: (-pair[1].missing_us, pair[0]),
    )
    read = [one for one in (found.recordings, found.events, found.people) if one is not None]
    reasons = [
        (one.file, reason, count)
        for one in read
        for reason, count in Counter(row.reason for row in one.rejected).most_common(_MOST)
    ]
    return template.render(
        found=found, worst=worst[:_MOST], reasons=reasons, shares=list(zip(charts.LABELS, shares, strict=True)),
        with_duty=sum(shares), worst_group=_finding(found.groups), read=read, version=metadata.version("lapel"),
        by_group=charts.by_group(found.groups) if found.groups else "",
        by_offset=charts.by_offset(found.fit) if found.fit.recorded else "", by_share=charts.by_share(shares),
        offsets=[(offset_in_words(us) if us else "as declared", share) for us, share in sorted(found.fit.recorded.items()) if us % HOUR_US == 0],
    )  # fmt: skip


def _finding(groups: Mapping[str, Figures]) -> str:
    """What the picture of the groups shows, in a sentence."""
    owing = sorted((one.share, name) for name, one in groups.items() if one.duty_us)
    if not owing:
        return "No group has duty"
    (least, where), (most, elsewhere) = owing[0], owing[-1]
    if len(owing) == 1:
        return f"{least:.1%} of duty was recorded in {where}"
    return f"From {least:.1%} of duty recorded in {where} to {most:.1%} in {elsewhere}"


def tenths(wearers: list[Figures]) -> list[int]:
    """How many wearers with duty had nothing of it recorded, up to a tenth, two tenths …"""
    counts = [0] * 11
    for one in wearers:
        if one.duty_us:
            counts[min(10, math.ceil(one.share * 10))] += 1
    return counts
