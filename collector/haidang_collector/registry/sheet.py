"""Reads a table that people made: CSV (UTF-8; comma, semicolon or tab) or XLSX. Every size is bounded."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.registry.said import _
from haidang_collector.registry.said import _ as said_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_FILE_BYTES = 20 << 20
MAX_UNPACKED_BYTES = 60 << 20
MAX_ROWS = 100_000
MAX_COLUMNS = 100
MAX_CELLS = 1_500_000
"""Filled ones, of a table: some 200 MB."""
LONGEST_CELL = 32_767
"""Characters, as Excel has it."""
MAX_CHARACTERS = 20_000_000
"""Of a table: a file may hold one long text, and name it in every cell."""
XLSX_SECONDS = 60
"""Of a processor, for an XLSX."""
XLSX_MEMORY_BYTES = 1 << 30
LONGEST_NORMALISED = 1_000
"""Characters of a cell that are brought to NFC, which takes the square of the time for marks without end; what is
longer fits no column."""
HEADER_ROWS = 30
"""Titles may stand above the header, but no more than this."""

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins so is a formula; the full-width signs where the program takes East Asian input."""
_FORMULA = (*RUN_BY_SPREADSHEETS, "\t", "\r", "\n")
_PARTED = re.compile(rf"[;\t\r\n](?=\s*[{re.escape(''.join(RUN_BY_SPREADSHEETS))}])")
_WORD_JOINER = "\u2060"
_QUOTED = re.compile(r'[,;"\t\r\n]')
_TURNING = {
    ord(sign): f"\\u{ord(sign):04x}"
    for sign in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
}
"""Bidi_Control of Unicode (UAX 9): what follows is shown in another order than it is written."""

_OLD_ENCODING = _(" (an old encoding such as TCVN3 or Windows-1258?)")
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
        raise BadFileError(
            _("%(count)s bytes; at most %(most)s are read: divide the file", count=len(content), most=MAX_FILE_BYTES)
        )
    if content.startswith(_OLD_EXCEL):
        raise BadFileError(_("an old Excel file (.xls); save it as .xlsx"))
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
    """A cell that no spreadsheet program runs as a formula (OWASP, CSV injection): an apostrophe goes before it.

    Excel parts lines at `;` where the comma is the decimal sign, and then takes no notice of quotes after a comma: a
    formula that would begin within the cell gets a word joiner, which `clean` takes away again. Characters that turn
    the order of what is shown are escaped.
    """
    text = _PARTED.sub(rf"\g<0>{_WORD_JOINER}", text.translate(_TURNING))
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(RUN_BY_SPREADSHEETS) else text


def csv_line(cells: Iterable[str]) -> str:
    """Cells as one line of a CSV (RFC 4180), all `inert`; what any program may take for a delimiter is in quotes."""
    return ",".join(map(_quoted, map(inert, cells))) + "\r\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _decode(content: bytes) -> str:
    if content.startswith(_UTF16):
        raise BadFileError(_("the encoding is UTF-16; save the file as 'CSV UTF-8', or as .xlsx"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as failed:
        line = content.count(b"\n", 0, failed.start) + 1
        seems = foreign_encoding(content.decode("latin-1"))
        guess = _(", it seems to be %(encoding)s", encoding=seems) if seems else _(_OLD_ENCODING)
        raise BadFileError(
            _(
                "line %(line)s: byte 0x%(byte)02x is not UTF-8%(guess)s; "
                "convert the file to Unicode and save it as 'CSV UTF-8', or as .xlsx",
                line=line,
                byte=content[failed.start],
                guess=guess,
            )
        ) from None


def _read_csv(text: str, rate_header: Callable[[Iterable[Row]], int]) -> list[Row]:
    best = max(",;\t", key=lambda delimiter: rate_header(_csv_rows(text, delimiter, HEADER_ROWS)))
    return taken(_csv_rows(text, best, None))


def _csv_rows(text: str, delimiter: str, most: int | None) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    try:
        for count, cells in enumerate(reader, start=1):
            if count == most:
                return
            check_size(count, line, len(cells))
            yield Row(line, tuple(map(clean, cells)))
            line = reader.line_num + 1
    except csv.Error as failed:
        raise BadFileError(
            _("line %(line)s: %(why)s; is a quotation mark not closed?", line=line, why=failed)
        ) from None


def _read_xlsx(content: bytes, formulas: bool) -> Iterator[list[Row]]:
    """By a process of its own: what a file of a few kB unpacks to may take all memory, or hours, or both."""
    reader = [sys.executable, "-I", "-m", "haidang_collector.registry.worksheets"]
    asked = [*reader, str(XLSX_SECONDS), str(XLSX_MEMORY_BYTES), *(["formulas"] if formulas else [])]
    pipe = subprocess.PIPE
    with subprocess.Popen(asked, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env={}) as child:  # noqa: S603 - our own program
        assert child.stdin is not None  # noqa: S101 - as asked for
        assert child.stdout is not None  # noqa: S101
        try:
            with contextlib.suppress(BrokenPipeError), child.stdin:
                child.stdin.write(content)
            for line in child.stdout:
                yield _told(line)
            is_whole = child.wait() == 0
        finally:
            child.kill()
    if not is_whole:
        raise BadFileError(
            _(
                "takes more than %(seconds)s s or %(megabytes)s MB to read; divide the file, "
                "or copy the table into a new one",
                seconds=XLSX_SECONDS,
                megabytes=XLSX_MEMORY_BYTES >> 20,
            )
        )


def _told(line: bytes) -> list[Row]:
    told = json.loads(line)
    if isinstance(told, dict):
        raise BadFileError(said_again(told["msgid"], **told["values"]))
    return [Row(number, tuple(cells)) for number, cells in told]


def taken(rows: Iterable[Row]) -> list[Row]:
    """All of them. Raises BadFileError where they hold too much."""
    kept, filled, characters = [], 0, 0
    for row in rows:
        filled += sum(map(bool, row.cells))
        characters += sum(map(len, row.cells))
        if characters > MAX_CHARACTERS:
            raise BadFileError(
                _("line %(line)s: more than %(most)s characters; divide the file", line=row.number, most=MAX_CHARACTERS)
            )
        if filled > MAX_CELLS:
            raise BadFileError(
                _("line %(line)s: more than %(most)s cells; divide the file", line=row.number, most=MAX_CELLS)
            )
        kept.append(row)
    return kept


def check_size(count: int, line: int, columns: int) -> None:
    """Raises BadFileError for row `count`, which is too far down, or too wide."""
    if count > MAX_ROWS:
        raise BadFileError(_("more than %(most)s rows; divide the file", most=MAX_ROWS))
    if columns > MAX_COLUMNS:
        raise BadFileError(
            _("line %(line)s: %(count)s columns; at most %(most)s are read", line=line, count=columns, most=MAX_COLUMNS)
        )
