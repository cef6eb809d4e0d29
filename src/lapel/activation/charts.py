"""Which pictures does a report show? SVG made here, without a browser; a table stands beside each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lapel.activation.fit import Fit
from lapel.activation.tally import HOUR_US, Figures

_LOOK = {
    "axis": {"labelFontSize": 12, "titleFontSize": 12},
    # Whoever draws the letters may have wider ones than we measured with: leave room.
    "legend": {"labelFontSize": 12, "orient": "top", "title": None, "columnPadding": 36},
}
_ROOM = {"left": 40, "right": 20, "top": 5, "bottom": 5}
_RECORDED, _MISSING, _OUTSIDE = "duty, recorded", "duty, not recorded", "footage outside duty"


def by_group(groups: Mapping[str, Figures]) -> str:
    """Hours of each group: duty recorded, duty not recorded, footage outside duty."""
    rows = [
        {"group": name, "what": what, "hours": us / HOUR_US, "place": place}
        for name, one in groups.items()
        for place, (what, us) in enumerate(
            ((_RECORDED, one.recorded_us), (_MISSING, one.missing_us), (_OUTSIDE, one.outside_us))
        )
    ]
    return svg(
        {
            "data": {"values": rows}, "mark": {"type": "bar", "stroke": "#1b1b1b", "strokeWidth": 0.5}, "width": 560,
            "encoding": {
                "y": {"field": "group", "type": "nominal", "title": None},
                "x": {"field": "hours", "type": "quantitative", "title": "hours", "axis": {"tickCount": 6}},
                "yOffset": {"field": "what", "sort": [_RECORDED, _MISSING, _OUTSIDE]},
                "color": {
                    "field": "what", "type": "nominal", "sort": [_RECORDED, _MISSING, _OUTSIDE],
                    "scale": {"domain": [_RECORDED, _MISSING, _OUTSIDE], "range": ["#005ea2", "#ffffff", "#e5a000"]},
                },
            },
        }
    )  # fmt: skip


def by_offset(found: Fit) -> str:
    """How much of the events would be recorded if their clock were so much off."""
    rows = [{"offset": us / HOUR_US, "share": share} for us, share in sorted(found.recorded.items())]
    return svg(
        {
            "data": {"values": rows}, "width": 560, "height": 160,
            "layer": [
                {"mark": {"type": "line", "color": "#005ea2"}, "encoding": {}},
                {"mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"x": {"datum": 0}, "y": None}},
            ],
            "encoding": {
                "x": {"field": "offset", "type": "quantitative", "title": "hours later than declared"},
                "y": {"field": "share", "type": "quantitative", "title": "recorded", "axis": {"format": "%"}},
            },
        }
    )  # fmt: skip


def by_share(shares: Sequence[int]) -> str:
    """How many wearers had how much of their duty recorded, in tenths (eleven places: nothing, then each tenth)."""
    rows = [{"share": label, "wearers": count} for label, count in zip(LABELS, shares, strict=True)]
    return svg(
        {
            "data": {"values": rows}, "mark": {"type": "bar", "color": "#005ea2"}, "width": 560, "height": 160,
            "encoding": {
                "x": {"field": "share", "type": "ordinal", "sort": list(LABELS), "title": "share of duty recorded"},
                "y": {"field": "wearers", "type": "quantitative"},
            },
        }
    )  # fmt: skip


LABELS = ("nothing", *(f"to {ten} %" for ten in range(10, 101, 10)))


def svg(spec: dict[str, Any]) -> str:
    """A Vega-Lite chart as SVG."""
    import vl_convert

    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "config": _LOOK,
        "padding": _ROOM,
        "background": "#ffffff",
        **spec,
    }
    return str(vl_convert.vegalite_to_svg(whole))
