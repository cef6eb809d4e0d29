"""What is taken away as a table, and what is drawn of it?"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from lapel.access.chart_web import stacked_bars
from lapel.access.csv_web import csv_answer


def test_a_cell_that_begins_like_a_formula_is_none() -> None:
    rows = [{"a": "=1+1", "b": -3, "c": None}, {"a": "plain, with a comma", "b": 2.5, "c": ["x", "y"]}]
    body = bytes(csv_answer("t.csv", ("a", "b", "c"), rows).body).decode()
    assert body == 'a,b,c\r\n\'=1+1,-3,\r\n"plain, with a comma",2.5,x; y\r\n'


def test_a_chart_is_one_picture_with_one_sentence_and_no_style_of_its_own() -> None:
    rows = [("A <office>", {"met": 3, "missing": 1}), ("B", {"met": 0, "missing": 2})]
    text = stacked_bars(
        "3 of 6 & more", "duties", rows, {"met": "#2f7fbf", "missing": "#d1495b", "late": "#111111"}
    )
    root = ET.fromstring(text)
    assert (root.get("role"), root.get("aria-label")) == ("img", "3 of 6 & more")
    assert "style=" not in text
    words = "".join(root.itertext())
    assert "A <office>" in words
    assert "late" not in words  # what is nowhere is not in the legend
    assert text.count("#d1495b") >= 3
