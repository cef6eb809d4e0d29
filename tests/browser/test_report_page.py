"""The page that a reconciliation writes: for everybody, on a phone and in the dark, from a file, without a server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from windows import NARROW, WIDE, violations

sys.path.insert(0, str(Path(__file__).parents[1] / "activation"))

from two_files import EVENTS, clips, events, held

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SHOTS = os.environ.get("LAPEL_SCREENSHOTS")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two offices, with a rejected row, an end that was assumed and times that fit nowhere."""
    place = tmp_path_factory.mktemp("report")
    spans = [
        (str(4470 + i), f"2026-03-02 {6 + i:02}:00:00", f"2026-03-02 {14 + i:02}:00:00") for i in range(6)
    ]
    told = [
        *events(spans[:3]),
        *[(f"S{i}", *row[1:]) for i, row in enumerate(events(spans[3:], "South and East"))],
    ]
    told += [("E9", "4471", "North", "2026-03-04 10:00:00", ""), ("E10", "4471", "North", "yesterday", "")]
    seen = clips([(who, begin, end) for who, begin, end in spans[:4]])
    held(place, seen, told, happened=EVENTS + "lasts: {minutes: 30}\n")
    return place / "out" / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "320px"])
def test_axe_finds_nothing_on_the_report_and_it_fits(
    browser: Any, report: Path, scheme: str, size: tuple[int, int]
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    window = context.new_page()
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.goto(report.as_uri())
    window.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    if SHOTS:
        window.screenshot(path=f"{SHOTS}/report-{scheme}-{size[0]}.png", full_page=True)
    assert [one["id"] for one in violations(window)] == []
    assert window.evaluate("document.documentElement.scrollWidth") <= size[0]
    # Self-contained: nothing is asked of anybody, and every picture has its table.
    assert asked == [report.as_uri()]
    assert window.locator("figure").count() == 3
    assert window.locator("script").count() == 0
    context.close()
