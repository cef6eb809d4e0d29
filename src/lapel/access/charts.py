"""How do numbers become a picture that prints, follows the page's colours, and can be read without seeing it?

SVG made on the server, without scripts and without style attributes, so that the pages' content policy holds. Colours are
the page's own (`--series-1` …, `lapel.css`), with a fixed colour for files that have no style sheet. A chart never stands
alone: the caller puts the table of the same rows beside it (`chart` of `parts.html`), and colour is never the only sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

# Told apart on light and on dark ground, and by people who do not tell red from green.
SERIES = (
    "#005ea2", "#c05600", "#1b6e35", "#7a3e9d", "#8a6d00", "#a23737", "#3d7f8f", "#5b5fc7", "#6b7683", "#97356f",
)  # fmt: skip
Row = Mapping[str, str | int | float]


def colour(place: int) -> str:
    """The colour of the series at this place, from 0: the page's, or a fixed one where there is no page."""
    number = place % len(SERIES)
    return f"var(--series-{number + 1}, {SERIES[number]})"


def chart(
    rows: Sequence[Row],
    *,
    kind: Literal["bars", "lines"],
    x: str,
    y: str,
    series: str = "",
    says: str,
    unit: str,
    order: Sequence[str] = (),
    across: bool = False,
    stacked: bool = True,
    colours: Mapping[str, str] | None = None,
    width: int = 640,
    height: int = 240,
) -> str:
    """An SVG of `rows`, drawn in the order given; safe to put into a page.

    `x`, `y`, `series`: names of fields (category, number, what the colours tell apart). `says`: the finding in a sentence,
    for who does not see it. `order`: the series from first to last, else as they come. `across`: bars lie. `colours`: by
    series. `width`, `height`: of the drawing without axes, in px; of lying bars the height is found.
    """
    import altair as alt
    import vl_convert

    names = list(order) or list(dict.fromkeys(str(row[series]) for row in rows)) if series else [""]
    used = colours or {}
    category: dict[str, Any] = {"field": x, "type": "nominal", "sort": None, "title": None}
    number: dict[str, Any] = {
        "field": y, "type": "quantitative", "title": unit, "axis": {"format": "~s", "tickCount": 5},
        "stack": "zero" if stacked and kind == "bars" else None,
    }  # fmt: skip
    turned = {"axis": {"labelAngle": 0 if len({row[x] for row in rows}) <= 12 else -60, "labelOverlap": True}}
    encoding: dict[str, Any] = (
        {"y": {**category, "axis": {"labelLimit": 220}}, "x": number}
        if across
        else {"x": {**category, **turned}, "y": number}
    )
    if series:
        encoding["color"] = {
            "field": series, "type": "nominal", "sort": names, "title": None,
            "scale": {"domain": names, "range": [used.get(name, colour(i)) for i, name in enumerate(names)]},
            "legend": {"orient": "top", "columns": 4, "labelLimit": 220},
        }  # fmt: skip
        place = {name: i for i, name in enumerate(names)}
        rows = [{**row, "_place": place.get(str(row[series]), len(place))} for row in rows]
        encoding["order"] = {"field": "_place"}
    if kind == "lines":
        mark: dict[str, Any] = {"type": "line", "point": True, "strokeWidth": 2.5}
        encoding.pop("order", None)
        if series:
            encoding["strokeDash"] = {"field": series, "type": "nominal", "sort": names, "legend": None}
    else:
        mark = {"type": "bar", "stroke": "var(--paper, #fff)", "strokeWidth": 0.5}
    if not series:
        mark["color"] = colour(0)
    spec = {
        "$schema": alt.SCHEMA_URL,
        "data": {"values": [dict(row) for row in rows]},
        "mark": mark,
        "encoding": encoding,
        "width": width,
        "height": {"step": 26} if across else height,
        "config": _CONFIG,
    }
    checked = alt.Chart.from_dict(spec).to_dict(validate=False)
    return _labelled(str(vl_convert.vegalite_to_svg(checked)), says)


_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "aria": False,
    "font": "Source Sans Pro Web, Helvetica Neue, Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor", "titleColor": "currentColor", "tickColor": "currentColor", "domainColor": "currentColor",
        "gridColor": "currentColor", "gridOpacity": 0.15, "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal",
    },
    "axisX": {"grid": False},
    "legend": {"labelColor": "currentColor", "labelFontSize": 13, "symbolType": "square", "symbolSize": 130},
}  # fmt: skip


def _labelled(svg: str, says: str) -> str:
    """One picture with one text for who cannot see it, as wide as its place."""
    head, _, rest = svg.partition(">")
    box = head[head.index("viewBox") :]
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" class="chart" aria-label="{escape(says)}" {box}>{rest}'
