"""An XLSX on standard input, its worksheets on standard output: a program of its own, which `sheet` runs.

    python -m haidang_collector.registry.worksheets SECONDS BYTES [formulas]

Each line is JSON: the rows of a worksheet, as [number, [cell, …]], or, last, what is wrong with the file. What the
file is made of is not bounded by its size: that this process may take only so much is what keeps it from the collector.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import warnings
import zipfile
from typing import TYPE_CHECKING

from haidang_collector.registry.said import Said, _
from haidang_collector.registry.sheet import (
    LONGEST_CELL,
    MAX_COLUMNS,
    MAX_UNPACKED_BYTES,
    BadFileError,
    Row,
    check_size,
    clean,
    taken,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

POLITENESS = 10
"""Agents and pages go first."""

_DAMAGED = _("a damaged .xlsx (%(why)s); open it in a spreadsheet program and save it anew")


def main() -> None:
    """Ends by a signal, or with a status that is not 0, where the file takes more than its SECONDS or BYTES."""
    seconds, memory = map(int, sys.argv[1:3])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(POLITENESS)
    try:
        for rows in _read(sys.stdin.buffer.read(), "formulas" in sys.argv):
            _tell([[row.number, row.cells] for row in rows])
    except BadFileError as bad:
        told: Said = bad.args[0]
        _tell({"msgid": told.msgid, "values": told.values})


def _tell(what: object) -> None:
    sys.stdout.buffer.write(json.dumps(what, default=str).encode() + b"\n")
    sys.stdout.buffer.flush()


def _read(content: bytes, formulas: bool) -> Iterator[list[Row]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as failed:
        raise BadFileError(_(_DAMAGED, why=failed)) from None
    if unpacked > MAX_UNPACKED_BYTES:
        raise BadFileError(
            _(
                "unpacks to %(count)s bytes; at most %(most)s are read: divide the file",
                count=unpacked,
                most=MAX_UNPACKED_BYTES,
            )
        )
    try:
        yield from _worksheets(content, formulas)
    except (BadFileError, MemoryError):
        raise
    except Exception as failed:  # the library promises no exception types for damaged files
        raise BadFileError(_(_DAMAGED, why=f"{type(failed).__name__}: {failed}")) from failed


def _worksheets(content: bytes, formulas: bool) -> Iterator[list[Row]]:
    import openpyxl  # noqa: PLC0415 - after the bounds are set

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and validations, which do not matter here
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=not formulas, keep_links=False)
        try:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what the file claims of its size may be anything
                yield taken(_sheet_rows(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)))
        finally:
            book.close()


def _sheet_rows(rows: Iterable[tuple[object, ...]]) -> Iterator[Row]:
    for number, values in enumerate(rows, start=1):
        check_size(number, number, len(values))
        texts = ["" if value is None else _text(value) for value in _filled(values)]
        longest = max(map(len, texts), default=0)
        if longest > LONGEST_CELL:
            raise BadFileError(
                _(
                    "line %(line)s: a cell of %(count)s characters; at most %(most)s are read",
                    line=number,
                    count=longest,
                    most=LONGEST_CELL,
                )
            )
        yield Row(number, tuple(" ".join(clean(text).split()) for text in texts))


def _filled(values: tuple[object, ...]) -> tuple[object, ...]:
    """Without what is empty behind them: rows come filled up to the last column there may be."""
    width = len(values)
    while width and values[width - 1] in (None, ""):
        width -= 1
    return values[:width]


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if type(value).__name__ in ("ArrayFormula", "DataTableFormula"):
        return "=" + (getattr(value, "text", None) or "").lstrip("=")
    return str(value)


if __name__ == "__main__":
    main()
