"""Spreadsheets for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import openpyxl

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TEXTS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def xlsx(rows: Sequence[Sequence[object]]) -> bytes:
    """One worksheet with these rows."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def xlsx_of_one_text(text: str, cells: int) -> bytes:
    """A column of cells that all name the same text, which is in the file once, whatever its length."""
    rows = '<row><c t="s"><v>0</v></c></row>' * cells
    parts = {
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}"><si><t>{text}</t></si></sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>',
    }
    types = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TEXTS}"/></Types>'
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([]))) as plain, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in {*plain.namelist()} - {*parts}:
            bomb.writestr(name, plain.read(name).replace(b"</Types>", types.encode()))
        for name, content in parts.items():
            bomb.writestr(name, content)
    return file.getvalue()
