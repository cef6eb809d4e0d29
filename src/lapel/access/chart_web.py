"""How is a table drawn? Bars as SVG made on the server, in the colours of the page, light or dark; the table stands beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

# Drawn in the ink of the page: what the browser calls currentColor has no name in a chart's grammar.
_INK, _FAINT = "#010203", "#020304"
_FONT = "Public Sans Web, Source Sans Pro Web, system-ui, sans-serif"
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {"labelColor": _INK, "titleColor": _INK, "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal", "gridColor": _FAINT, "domainColor": _FAINT, "tickColor": _FAINT, "labelLimit": 220},
    "legend": {"labelColor": _INK, "titleColor": _INK, "labelFontSize": 13, "labelLimit": 260, "symbolType": "square"},
}  # fmt: skip


def stacked_bars(
    says: str,
    unit: str,
    rows: Sequence[tuple[str, Mapping[str, float]]],
    colours: Mapping[str, str],
    *,
    width_px: int = 560,
) -> str:
    """One bar for each row (`label`, series -> value), in pieces of the colours, as an SVG text that is safe to put into a page.

    `says`: the finding, read aloud instead of the picture; `unit`: of the values. Series that are nowhere are left out.
    """
    used = [name for name in colours if any(values.get(name) for _, values in rows)]
    data = [
        {"row": label, "series": name, "value": values[name], "place": used.index(name)}
        for label, values in rows
        for name in used
        if values.get(name)
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": width_px,
        "height": {"step": 30},
        "config": _CONFIG,
        "data": {"values": data},
        "mark": {"type": "bar", "height": 20},
        "encoding": {
            "y": {"field": "row", "type": "nominal", "title": None, "sort": [label for label, _ in rows]},
            "x": {"field": "value", "type": "quantitative", "stack": True, "title": unit, "axis": {"tickMinStep": 1, "tickCount": 6}},
            "color": {"field": "series", "type": "nominal", "title": None, "scale": {"domain": used, "range": [colours[name] for name in used]}, "legend": {"orient": "top", "columns": 3}},
            "order": {"field": "place"},
        },
    }  # fmt: skip
    return _drawn(json.dumps(spec), says)


@lru_cache(maxsize=64)
def _drawn(spec: str, says: str) -> str:
    import vl_convert

    svg = vl_convert.vegalite_to_svg(spec, vl_version="5.20")
    # One picture with one sentence, not a hundred parts to be read aloud; and no style of its own.
    svg = re.sub(r' (?:role|aria-[a-z]+|class|style)="[^"]*"', "", svg)
    svg = svg.replace(_INK, "currentColor").replace(
        f'stroke="{_FAINT}"', 'stroke="currentColor" stroke-opacity="0.2"'
    )
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(says)}" class="chart-picture" ', 1)
