"""Empty tables for people to fill in: Vietnamese headings, which the import reads as well as the English ones."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.registry import unit_words as words
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.units_import import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GUIDE = ("Cột", "Column", "Bắt buộc / Required", "Các giá trị / Values", "Ví dụ / Example")
WIDTH = 24
_UNIT_EXAMPLES = {
    words.CODE: "TH-MAU-01",
    words.NAME: "Trường Tiểu học Ví Dụ Đom Đóm",
    words.DISTRICT: "Quận Mẫu Bắc",
    words.LEVEL: "Tiểu học",
    words.ADDRESS: "2 đường Ví Dụ, phường Mẫu 1",
}


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """`values` are the words it may hold; none: any."""

    title: str
    name: str
    required: bool
    example: str
    values: tuple[str, ...] = ()


def columns_of(kind: str) -> list[TemplateColumn]:
    """The columns of `units` or of a kind of facts."""
    if kind == "units":
        return [
            TemplateColumn(
                title,
                name,
                name in words.REQUIRED,
                _UNIT_EXAMPLES.get(name, "480"),
                tuple(words.LEVELS.values()) if name == words.LEVEL else (),
            )
            for name, title in words.TITLES.items()
        ]
    code = TemplateColumn(words.TITLES[words.CODE], words.CODE, required=True, example=_UNIT_EXAMPLES[words.CODE])
    return [code] + [
        TemplateColumn(column.title, column.name, column.required, column.example, tuple(column.shown.values()))
        for column in KINDS[kind].columns
    ]


def as_csv(columns: Iterable[TemplateColumn]) -> bytes:
    """The heading alone, as spreadsheet programs open it rightly."""
    file = io.StringIO()
    csv.writer(file).writerow(column.title for column in columns)
    return (BYTE_ORDER_MARK + file.getvalue()).encode()


def as_xlsx(columns: Sequence[TemplateColumn]) -> bytes:
    """The heading on the first sheet; what each column takes on the second."""
    import openpyxl  # noqa: PLC0415 - 0.2 s that only spreadsheets have to wait for
    from openpyxl.styles import Font  # noqa: PLC0415

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    sheet, guide = book.create_sheet("Dữ liệu"), book.create_sheet("Hướng dẫn")
    sheet.append([column.title for column in columns])
    guide.append(GUIDE)
    for column in columns:
        required = "x" if column.required else ""
        guide.append([column.title, column.name, required, ", ".join(column.values), column.example])
    for page in (sheet, guide):
        page.freeze_panes = "A2"
        for cell in page[1]:
            cell.font = Font(bold=True)
            page.column_dimensions[cell.column_letter].width = WIDTH
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
