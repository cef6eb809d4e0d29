"""A spreadsheet for a test, written with nothing but zip and XML."""

from __future__ import annotations

import zipfile
from pathlib import Path


def spreadsheet(path: Path, rows: list[list[str | int | float]]) -> Path:
    """The smallest .xlsx there can be, one sheet named Roster; numbers as numbers, texts as inline strings."""
    lines = []
    for at, row in enumerate(rows, 1):
        cells = ""
        for place, value in ((f"{chr(65 + i)}{at}", value) for i, value in enumerate(row) if value != ""):
            text = f"<is><t>{value}</t></is>" if isinstance(value, str) else f"<v>{value}</v>"
            cells += f"<c r='{place}'{' t=' + repr('inlineStr') if isinstance(value, str) else ''}>{text}</c>"
        lines.append(f"<row r='{at}'>{cells}</row>")
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f"<Types xmlns='{package}/content-types'><Default Extension='xml' ContentType='application/xml'/></Types>",
        )
        book.writestr(
            "_rels/.rels",
            f"<Relationships xmlns='{package}/relationships'><Relationship Id='r' Type='{office}/officeDocument'"
            " Target='xl/workbook.xml'/></Relationships>",
        )
        book.writestr(
            "xl/workbook.xml",
            f"<workbook xmlns='{main}' xmlns:r='{office}'><sheets><sheet name='Roster' sheetId='1' r:id='s'/></sheets></workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f"<Relationships xmlns='{package}/relationships'><Relationship Id='s' Type='{office}/worksheet'"
            " Target='worksheets/sheet1.xml'/></Relationships>",
        )
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet xmlns='{main}'><sheetData>{''.join(lines)}</sheetData></worksheet>",
        )
    return path
