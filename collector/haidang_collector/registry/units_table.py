"""A table of units, checked: sound rows as values, everything else as a problem that names row, column and value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from haidang_collector.registry import unit_words as words
from haidang_collector.registry.models import ADDRESS_LENGTH, CODE_LENGTH, DISTRICT_LENGTH, NAME_LENGTH
from haidang_collector.registry.sheet import HEADER_ROWS, BadFileError, Row, foreign_encoding, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CODE_PATTERN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{CODE_LENGTH - 1}}}")
MOST_STUDENTS = 100_000
SHOWN_VALUE = 60
_LONGEST = {words.NAME: NAME_LENGTH, words.DISTRICT: DISTRICT_LENGTH, words.ADDRESS: ADDRESS_LENGTH}
_LEAST_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is bad, and what to do; `column` is the title in the file."""

    row: int
    column: str
    value: str
    reason: str
    fix: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column!r}, value {self.value!r}: {self.reason}; {self.fix}"


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A sound row. What the file has no column for is absent from `facts` and `students`; None: the cell is empty."""

    number: int
    code: str
    facts: dict[str, Any]
    students: dict[str, int | None]


@dataclass(slots=True)
class UnitTable:
    """`notes` are about what was left out, and about what looks like a slip."""

    rows: list[UnitRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_table(content: bytes) -> UnitTable:
    """The units in a CSV or XLSX file. Raises BadFileError when it is no table of units at all."""
    heads = []
    for rows in read_rows(content, lambda rows: _best_header(rows)[1]):
        header, known = _best_header(rows)
        if known >= _LEAST_COLUMNS:
            return _Reader(header, rows).table
        heads.extend(rows[:HEADER_ROWS])
    first = next((" | ".join(filter(None, row.cells)) for row in heads if any(row.cells)), "")
    old = foreign_encoding(" ".join(cell for row in heads for cell in row.cells))
    raise BadFileError(
        f"no row among the first {HEADER_ROWS} has the columns {_titles(words.REQUIRED)}; "
        f"the first text is {first[:SHOWN_VALUE]!r}"
        + (f", which seems to be typed in the old encoding {old}: convert it to Unicode" if old else "")
    )


def _titles(fields: Iterable[str]) -> str:
    return ", ".join(f"{words.TITLES[name]} ({name})" for name in fields)


def _best_header(rows: Iterable[Row]) -> tuple[Row, int]:
    best, known = Row(0, ()), 0
    for _, row in zip(range(HEADER_ROWS), rows, strict=False):
        fields = {words.column_field(cell) for cell in row.cells} - {None}
        if len(fields) > known:
            best, known = row, len(fields)
    return best, known


class _RowBadError(Exception):
    def __init__(self, field_: str, value: str, reason: str, fix: str) -> None:
        self.field, self.value, self.reason, self.fix = field_, value, reason, fix


class _Reader:
    """Reads the rows under one header."""

    def __init__(self, header: Row, rows: list[Row]) -> None:
        self.table = UnitTable()
        self._columns = self._match(header)
        self._titles = {name: header.cells[index] for name, index in self._columns.items()}
        self._seen: dict[str, int] = {}
        for row in rows:
            if row.number > header.number and any(row.cells):
                self._take(row, len(header.cells))
        self._note_spellings()

    def _match(self, header: Row) -> dict[str, int]:
        columns: dict[str, int] = {}
        for index, title in enumerate(header.cells):
            name = words.column_field(title)
            if name is None:
                if title:
                    self.table.notes.append(f"column {title!r} is not known and was left out")
            elif name in columns:
                both = f"{header.cells[columns[name]]!r} and {title!r}"
                raise BadFileError(f"row {header.number}: columns {both} both mean {_titles([name])}; remove one")
            else:
                columns[name] = index
        if missing := [name for name in words.REQUIRED if name not in columns]:
            raise BadFileError(f"row {header.number}: the header lacks {_titles(missing)}; add it")
        return columns

    def _take(self, row: Row, width: int) -> None:
        try:
            _refuse_beyond(row.cells[width:])
            self.table.rows.append(self._unit(row))
        except _RowBadError as bad:
            title = self._titles.get(bad.field, bad.field)
            shown = bad.value if len(bad.value) <= SHOWN_VALUE else bad.value[:SHOWN_VALUE] + "…"
            self.table.problems.append(Problem(row.number, title, shown, bad.reason, bad.fix))

    def _unit(self, row: Row) -> UnitRow:
        cells = {name: row.cells[index] if index < len(row.cells) else "" for name, index in self._columns.items()}
        code = self._code(cells[words.CODE], row.number)
        facts: dict[str, Any] = {}
        for name in _LONGEST:
            if name in cells:
                facts[name] = _text(name, cells[name])
        level = facts[words.LEVEL] = _level(cells[words.LEVEL])
        return UnitRow(row.number, code, facts, dict(_students(cells, level)))

    def _code(self, text: str, number: int) -> str:
        if not CODE_PATTERN.fullmatch(text):
            reason = "is empty" if not text else "is no unit code"
            fix = f"write a letter or digit, then up to {CODE_LENGTH - 1} of A-Z a-z 0-9 - _ ."
            raise _RowBadError(words.CODE, text, reason, fix)
        earlier = self._seen.setdefault(text.casefold(), number)
        if earlier != number:
            raise _RowBadError(words.CODE, text, f"stands in row {earlier} already", "keep one row a unit")
        return text

    def _note_spellings(self) -> None:
        spelt: dict[str, dict[str, None]] = {}
        for row in self.table.rows:
            district: str = row.facts[words.DISTRICT]
            spelt.setdefault(words.plain(district), {})[district] = None
        for ways in spelt.values():
            if len(ways) > 1:
                self.table.notes.append(f"districts {', '.join(map(repr, ways))} count as different; is that meant?")


def _refuse_beyond(cells: tuple[str, ...]) -> None:
    for cell in filter(None, cells):
        raise _RowBadError("", cell, "has no column", "put text that holds the delimiter in quotes")


def _text(name: str, text: str) -> str | None:
    if not text:
        if name in words.REQUIRED:
            raise _RowBadError(name, text, "is empty", "fill it in")
        return None
    if len(text) > _LONGEST[name]:
        raise _RowBadError(name, text, f"has {len(text)} characters", f"write at most {_LONGEST[name]}")
    if not text.isprintable():
        raise _RowBadError(name, text, "has a line break or control character", "remove it, or close the quotes")
    if text[0] in "=+-@":
        raise _RowBadError(name, text, f"begins with {text[0]!r}, so spreadsheets would run it", "begin with a letter")
    return text


def _level(text: str) -> str:
    level = words.level_word(text)
    if level is None:
        reason = "is empty" if not text else "is no level"
        raise _RowBadError(words.LEVEL, text, reason, f"write one of {', '.join(words.LEVELS.values())}")
    return level


def _students(cells: dict[str, str], level: str) -> Iterator[tuple[str, int | None]]:
    for each in words.STUDENT_LEVELS:
        name = f"{words.STUDENTS}_{each}"
        if name in cells:
            yield each, _number(name, cells[name])
    total = _number(words.STUDENTS, cells.get(words.STUDENTS, ""))
    if words.STUDENTS not in cells or (level == "mixed" and total is None):
        return
    if level == "mixed":
        fix = f"use columns such as {words.TITLES['students_primary']!r}"
        raise _RowBadError(words.STUDENTS, str(total), "does not say which level the students are of", fix)
    own = _number(f"{words.STUDENTS}_{level}", cells.get(f"{words.STUDENTS}_{level}", ""))
    if own is not None and total is not None and own != total:
        raise _RowBadError(words.STUDENTS, str(total), f"the level's own column says {own}", "let them agree")
    yield level, own if total is None else total


def _number(name: str, text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) > MOST_STUDENTS:
        fix = f"write digits only, 0 to {MOST_STUDENTS}, or leave it empty"
        raise _RowBadError(name, text, "is no number of students", fix)
    return int(text)
