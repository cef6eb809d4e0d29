"""A table from outside comes as numbered rows of text, whatever made it, and what is wrong with a row is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lapel.base.errors import Invalid, NotFound
from lapel.storage.tables import Layout, Row, Table, is_formula, opened
from spreadsheets import spreadsheet

DATA = Path(__file__).parents[3] / "shared" / "data"
BAD = Path(__file__).parent / "bad_tables"


def rows_of(path: Path, layout: Layout | None = None) -> tuple[Table, list[Row]]:
    with opened(path, layout) as table:
        return table, list(table)


def written(folder: Path, content: bytes | str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_rows_are_numbered_as_a_person_counts_lines(tmp_path: Path) -> None:
    path = written(tmp_path, 'Badge,Note\n1,"two\nlines"\n\n2,x\n')
    table, rows = rows_of(path)
    assert [(row.number, row.cells["Badge"]) for row in rows] == [(2, "1"), (5, "2")]
    assert (table.count, table.blank) == (2, 1)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Büro,n\nZoë,1\n".encode(), "utf-8"),
        ("Büro,n\nZoë,1\n".encode("utf-8-sig"), "utf-8-sig"),
        ("Büro,n\nZoë,1\n".encode("utf-16"), "utf-16"),
        ("Büro,n\nZoë,1\n".encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, content: bytes, encoding: str) -> None:
    table, rows = rows_of(written(tmp_path, content))
    assert table.encoding == encoding
    assert rows[0].cells == {"Büro": "Zoë", "n": "1"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in [("a", "b", "c"), ("1", "2", "3"), ("4", "5", "6")])
    assert rows_of(written(tmp_path, text))[1][1].cells == {"a": "4", "b": "5", "c": "6"}


def test_a_spreadsheet_gives_the_same_rows_as_its_csv(tmp_path: Path) -> None:
    cells = [["Badge", "Office"], [4471, "North"], ["", ""], ["0012", "South"]]
    _, of_book = rows_of(spreadsheet(tmp_path / "book.csv", cells))  # named wrongly: the content decides
    _, of_text = rows_of(written(tmp_path, "Badge,Office\n4471,North\n,\n0012,South\n"))
    assert of_book == of_text


def test_two_rows_of_heading_are_one_and_rows_above_are_skipped(tmp_path: Path) -> None:
    text = "Roster of May,,\nOfficer,,Home\nBadge,Name,Office\n1,x,North\n"
    table, rows = rows_of(written(tmp_path, text), Layout(skip_rows=1, header_rows=2))
    assert table.columns == ("Officer Badge", "Name", "Home Office")
    assert rows[0].number == 4


def test_columns_of_one_name_are_told_apart_and_nameless_ones_have_a_letter(tmp_path: Path) -> None:
    table, _ = rows_of(written(tmp_path, "Date,Date,,Office\n1,2,3,4\n"))
    assert table.columns == ("Date", "Date (2)", "C", "Office")


def test_without_a_heading_columns_are_letters(tmp_path: Path) -> None:
    _, rows = rows_of(written(tmp_path, "1,2\n3,4\n"), Layout(header_rows=0))
    assert [dict(row.cells) for row in rows] == [{"A": "1", "B": "2"}, {"A": "3", "B": "4"}]


def test_json_is_flattened_under_dotted_names(tmp_path: Path) -> None:
    record = {"id": 7, "unit": {"badge": None, "on": True}, "codes": ["a", "b"], "legs": [{"at": 1}]}
    path = written(tmp_path, json.dumps({"calls": {"items": [record, 5]}}))
    _, rows = rows_of(path, Layout(records="calls.items"))
    assert rows[0].cells == {"id": "7", "unit.badge": "", "unit.on": "true", "codes": "a|b", "legs.0.at": "1"}
    assert rows[1].defect == "it is no record"


def test_lines_of_json_are_records_and_a_broken_line_is_named(tmp_path: Path) -> None:
    _, rows = rows_of(written(tmp_path, '{"a": 1}\n{"a": \n{"a": 3}\n'))
    assert [row.defect for row in rows] == ["", "this line is not JSON", ""]


def test_xml_rows_are_the_named_elements(tmp_path: Path) -> None:
    text = "<n:calls xmlns:n='urn:x'><n:call n:id='7'><n:unit>12</n:unit><n:unit>14</n:unit></n:call><n:call/></n:calls>"
    table, rows = rows_of(written(tmp_path, text), Layout(records="call"))
    assert [dict(row.cells) for row in rows] == [{"@id": "7", "unit": "12|14"}]
    assert table.blank == 1


DEFECTS = {
    "a_quote_never_closed.csv": "quotes or cells make no sense",
    "a_row_too_long.csv": "it has 3 cells and the heading 2",
    "a_row_too_short.csv": "it has 1 cells and the heading 2",
    "a_nul_byte.csv": "it holds a NUL byte",
    "a_totals_row.csv": "it is a totals row",
}


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_defective_row_comes_with_its_reason_and_the_sound_one_without(name: str) -> None:
    _, rows = rows_of(BAD / name)
    assert rows[0].defect == ""
    assert DEFECTS[name] in rows[1].defect
    assert len(rows) == 2


NO_TABLES = {
    "empty.csv": "There is no heading",
    "a_web_page_named_as_spreadsheet.xls": "This is a web page",
    "a_pdf.xlsx": "This is a PDF",
    "a_zip_that_is_no_spreadsheet.xlsx": "looks like a spreadsheet but cannot be opened",
    "xml_with_an_entity_bomb.xml": "cannot be read after row 0",
    "utf_16_without_its_mark.csv": "say so with encoding: utf-16-le",
}


@pytest.mark.parametrize("name", sorted(NO_TABLES))
def test_what_is_no_table_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(Invalid, match=NO_TABLES[name]) as raised:
        rows_of(BAD / name, Layout(records="row"))
    assert raised.value.says.startswith(str(BAD / name))


def test_a_formula_stays_the_text_it_is(tmp_path: Path) -> None:
    _, rows = rows_of(written(tmp_path, 'Badge,Office\n"=1+1",x\n'))
    assert rows[0].cells["Badge"] == "=1+1"
    assert is_formula("=1+1")
    assert is_formula("-A1")
    assert not is_formula("-5")


def test_what_is_missing_or_wrongly_asked_for_is_said(tmp_path: Path) -> None:
    path = spreadsheet(tmp_path / "book.xlsx", [["a"], ["1"]])
    with pytest.raises(Invalid, match="There is no sheet “May”; there are: Roster"):
        rows_of(path, Layout(sheet="May"))
    with pytest.raises(NotFound):
        rows_of(tmp_path / "nowhere.csv")
    with pytest.raises(Invalid, match="no format"):
        Layout(format="dbf")
    with pytest.raises(Invalid, match="element of this XML"):
        rows_of(written(tmp_path, "<a/>"))


def test_a_long_file_comes_in_many_blocks_whole_and_in_order(tmp_path: Path) -> None:
    count = 20_000
    path = written(tmp_path, "n,words\n" + "".join(f"{i},{'x' * 40}\n" for i in range(count)))
    table, rows = rows_of(path)
    assert [row.cells["n"] for row in rows] == [str(i) for i in range(count)]
    assert table.count == count


def test_a_real_dispatch_export_is_read_whole() -> None:
    path = DATA / "dispatch" / "chp_sacramento_dui_calls.xlsx"
    if not path.exists():
        pytest.skip("../shared/data/dispatch is not here")
    _, rows = rows_of(path, Layout(sheet="23152 with STOP", skip_rows=1))
    assert len(rows) == 464
    assert rows[0].cells["Date"] == "2021-06-07T19:58:13"
