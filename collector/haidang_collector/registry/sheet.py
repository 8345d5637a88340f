"""Reads a table that people made: CSV (UTF-8; comma, semicolon or tab) or XLSX. Every size is bounded."""

from __future__ import annotations

import csv
import io
import unicodedata
import warnings
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_FILE_BYTES = 20 << 20
MAX_UNPACKED_BYTES = 60 << 20
MAX_ROWS = 100_000
MAX_COLUMNS = 100
MAX_CELLS = 1_500_000
"""Filled ones, of a table: some 200 MB."""
LONGEST_NORMALISED = 1_000
"""Characters of a cell that are brought to NFC, which takes the square of the time for marks without end; what is
longer fits no column."""
HEADER_ROWS = 30
"""Titles may stand above the header, but no more than this."""

_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))

_CP1258_WORDS = ("Tr\xfd\xf5\xccng", "tr\xfd\xf5\xccng", "h\xf2c", "ho\xf2c", "H\xd2c")
_TCVN3_WORDS = ("Tr\xadêng", "tr\xadêng", "häc", "Häc", "®¬n", "TiÓu", "QuËn", "quËn", "HuyÖn")
_VNI_WORDS = ("Tröôøng", "tröôøng", "hoïc", "Hoïc", "ñôn", "Quaän", "Huyeän")


class BadFileError(ValueError):
    """The file is no table that can be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """`number` as the spreadsheet or the editor shows it, from 1."""

    number: int
    cells: tuple[str, ...]


def read_rows(
    content: bytes, rate_header: Callable[[Iterable[Row]], int], *, formulas: bool = False
) -> Iterator[list[Row]]:
    """The tables in a file, one of a CSV and one a worksheet of an XLSX. Raises BadFileError.

    `rate_header` tells how many known columns stand at the head of a table: that finds the delimiter.
    A formula of an XLSX is the value that the spreadsheet program last saved for it; with `formulas` it is its text.
    """
    if len(content) > MAX_FILE_BYTES:
        raise BadFileError(f"{len(content)} bytes; at most {MAX_FILE_BYTES} are read: divide the file")
    if content.startswith(_OLD_EXCEL):
        raise BadFileError("an old Excel file (.xls); save it as .xlsx")
    if content.startswith(b"PK\x03\x04"):
        yield from _read_xlsx(content, formulas)
    else:
        yield _read_csv(_decode(content), rate_header)


def foreign_encoding(text: str) -> str | None:
    """The name of an old Vietnamese encoding whose bytes, or letters, `text` seems to hold."""
    for name, words in (("TCVN3 (ABC)", _TCVN3_WORDS), ("VNI", _VNI_WORDS), ("Windows-1258", _CP1258_WORDS)):
        if any(word in text for word in words):
            return name
    return None


def clean(text: str) -> str:
    """NFC, no invisible characters, single spaces; line breaks and control characters are left to be found."""
    text = text.translate(_INVISIBLE)
    if len(text) <= LONGEST_NORMALISED:
        text = unicodedata.normalize("NFC", text)
    return " ".join(part for part in text.replace("\u00a0", " ").strip().split(" ") if part)


def inert(text: str) -> str:
    """A cell that no spreadsheet program runs as a formula (OWASP, CSV injection): an apostrophe goes before it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _decode(content: bytes) -> str:
    if content.startswith(_UTF16):
        raise BadFileError("the encoding is UTF-16; save the file as 'CSV UTF-8', or as .xlsx")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as failed:
        line = content.count(b"\n", 0, failed.start) + 1
        seems = foreign_encoding(content.decode("latin-1"))
        raise BadFileError(
            f"line {line}: byte 0x{content[failed.start]:02x} is not UTF-8"
            + (f", it seems to be {seems}" if seems else " (an old encoding such as TCVN3 or Windows-1258?)")
            + "; convert the file to Unicode and save it as 'CSV UTF-8', or as .xlsx"
        ) from None


def _read_csv(text: str, rate_header: Callable[[Iterable[Row]], int]) -> list[Row]:
    best = max(",;\t", key=lambda delimiter: rate_header(_csv_rows(text, delimiter, HEADER_ROWS)))
    return _taken(_csv_rows(text, best, None))


def _csv_rows(text: str, delimiter: str, most: int | None) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    try:
        for count, cells in enumerate(reader, start=1):
            if count == most:
                return
            _check_size(count, line, len(cells))
            yield Row(line, tuple(map(clean, cells)))
            line = reader.line_num + 1
    except csv.Error as failed:
        raise BadFileError(f"line {line}: {failed}; is a quotation mark not closed?") from None


def _read_xlsx(content: bytes, formulas: bool) -> Iterator[list[Row]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as failed:
        raise BadFileError(f"a damaged .xlsx ({failed}); open it in a spreadsheet program and save it anew") from None
    if unpacked > MAX_UNPACKED_BYTES:
        raise BadFileError(f"unpacks to {unpacked} bytes; at most {MAX_UNPACKED_BYTES} are read: divide the file")
    try:
        yield from _worksheets(content, formulas)
    except BadFileError:
        raise
    except Exception as failed:  # the library promises no exception types for damaged files
        raise BadFileError(
            f"a damaged .xlsx ({type(failed).__name__}: {failed}); open it in a spreadsheet program and save it anew"
        ) from failed


def _worksheets(content: bytes, formulas: bool) -> Iterator[list[Row]]:
    import openpyxl  # noqa: PLC0415 - 0.2 s that only spreadsheets have to wait for

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and validations, which do not matter here
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=not formulas, keep_links=False)
        try:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what the file claims of its size may be anything
                yield _taken(_sheet_rows(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)))
        finally:
            book.close()


def _sheet_rows(rows: Iterable[tuple[object, ...]]) -> Iterator[Row]:
    for number, values in enumerate(rows, start=1):
        _check_size(number, number, len(values))
        yield Row(number, tuple("" if value is None else " ".join(clean(_text(value)).split()) for value in values))


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if type(value).__name__ in ("ArrayFormula", "DataTableFormula"):
        return "=" + (getattr(value, "text", None) or "").lstrip("=")
    return str(value)


def _taken(rows: Iterable[Row]) -> list[Row]:
    taken, filled = [], 0
    for row in rows:
        filled += sum(map(bool, row.cells))
        if filled > MAX_CELLS:
            raise BadFileError(f"line {row.number}: more than {MAX_CELLS} cells; divide the file")
        taken.append(row)
    return taken


def _check_size(count: int, line: int, columns: int) -> None:
    if count > MAX_ROWS:
        raise BadFileError(f"more than {MAX_ROWS} rows; divide the file")
    if columns > MAX_COLUMNS:
        raise BadFileError(f"line {line}: {columns} columns; at most {MAX_COLUMNS} are read")
