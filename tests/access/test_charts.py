"""A chart obeys the page's content policy, says what it shows, and draws every number."""

from __future__ import annotations

import re

import pytest

from lapel.access.charts import chart, colour

ROWS = [
    {"quarter": "2027-Q1", "agency": "cbp", "officers": 120},
    {"quarter": "2027-Q1", "agency": "ice", "officers": 40},
    {"quarter": "2027-Q2", "agency": "cbp", "officers": 300},
    {"quarter": "2027-Q2", "agency": "ice", "officers": 0},
]


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("kind", ["bars", "lines"])
def test_a_chart_needs_no_script_no_style_and_says_what_it_shows(kind: str, across: bool) -> None:
    svg = chart(
        ROWS, kind=kind, x="quarter", y="officers", series="agency", says='CBP "leads" & ICE < follows',  # type: ignore[arg-type]
        unit="officers", across=across,
    )  # fmt: skip
    assert svg.startswith("<svg ")
    assert not re.search(r"<script|<style|style=|javascript:|href=", svg)
    assert 'aria-label="CBP &quot;leads&quot; &amp; ICE &lt; follows"' in svg
    assert svg.count("aria-label") == 1
    for word in ("2027-Q1", "2027-Q2", "cbp", "ice", "officers", colour(0), colour(1)):
        assert word in svg, word


def test_words_from_outside_stay_words() -> None:
    rows = [{"office": "<script>alert(1)</script>", "n": 3}]
    svg = chart(rows, kind="bars", x="office", y="n", says="x", unit="n")
    assert "<script" not in svg


def test_no_rows_are_an_empty_picture() -> None:
    assert chart([], kind="bars", x="office", y="n", says="nothing", unit="n").startswith("<svg ")
