"""Spreadsheets for tests."""

from __future__ import annotations

import io
from collections.abc import Sequence

import openpyxl


def xlsx(rows: Sequence[Sequence[object]]) -> bytes:
    """One worksheet with these rows."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
