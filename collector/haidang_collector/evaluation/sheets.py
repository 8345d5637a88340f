"""A sheet of a workbook that is written as it is made: a frozen header, a filter, texts that are no formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill
from openpyxl.utils import get_column_letter

from haidang_collector.evaluation.words import printable
from haidang_collector.registry.sheet import RUN_BY_SPREADSHEETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from openpyxl import Workbook

    from haidang_collector.evaluation.model import State

    Value = str | float | Cell | None

LONGEST_TEXT = 32_000
"""Characters; a cell holds 32,767."""
FILLS = {"met": "C6E0B4", "unmet": "F8CBAD", "unknown": "FFE699", "not_applicable": "E7E6E6"}
PERCENT, RATIO, AGE, DATE = "0.0%", "0.##", "0.0", "dd/mm/yyyy"
HEADER, TITLE = "haidang header", "haidang title"


def add_styles(book: Workbook) -> None:
    """Those that sheets of this book use by name."""
    wrapped = Alignment(wrap_text=True, vertical="top")
    book.add_named_style(NamedStyle(HEADER, font=Font(bold=True), alignment=wrapped))
    book.add_named_style(NamedStyle(TITLE, font=Font(bold=True, size=14)))
    for state, colour in FILLS.items():
        book.add_named_style(NamedStyle(state, fill=PatternFill("solid", start_color=colour)))


class Sheet:
    """`above` are lines over the header; the first is the title. Call `header`, then `add`, then `close`."""

    def __init__(self, book: Workbook, title: str, widths: Sequence[int], *, above: Sequence[str] = ()) -> None:
        self._sheet = book.create_sheet(title)
        self._last, self._header, self._lines = get_column_letter(len(widths)), len(above) + 1, 0
        self._sheet.freeze_panes = f"A{self._header + 1}"
        for number, width in enumerate(widths, start=1):
            self._sheet.column_dimensions[get_column_letter(number)].width = width
        for line in above:
            self.add([self._styled(line, TITLE) if line is above[0] else line])

    def header(self, titles: Iterable[str]) -> None:
        self.add(self._styled(title, HEADER) for title in titles)

    def add(self, cells: Iterable[Value]) -> None:
        self._lines += 1
        self._sheet.append([self._text(cell) if isinstance(cell, str) else cell for cell in cells])

    def close(self) -> None:
        """Sets the filter over the header and what was added below it."""
        self._sheet.auto_filter.ref = f"A{self._header}:{self._last}{max(self._lines, self._header)}"

    def state(self, state: State, word: str) -> Cell:
        """Coloured and worded."""
        return self._styled(word, state)

    def formatted(self, value: float | datetime, form: str) -> Cell:
        cell = WriteOnlyCell(self._sheet, value)
        cell.number_format = form
        return cell

    def _styled(self, value: str, style: str) -> Cell:
        cell = self._text(value)
        cell = cell if isinstance(cell, Cell) else WriteOnlyCell(self._sheet, cell)
        cell.style = style
        return cell

    def _text(self, value: str) -> str | Cell:
        """What looks like a formula or an error is marked as text, also for who edits it (OWASP, CSV injection)."""
        value = printable(value)[:LONGEST_TEXT]
        if not value.startswith((*RUN_BY_SPREADSHEETS, "#")):
            return value
        cell = WriteOnlyCell(self._sheet, value)
        cell.data_type = "s"
        cell.quotePrefix = True
        return cell
