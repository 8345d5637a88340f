"""A table of units, checked: sound rows as values, everything else as a problem that names row, column and value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from haidang_collector.registry import unit_words as words
from haidang_collector.registry.models import ADDRESS_LENGTH, CODE_LENGTH, DISTRICT_LENGTH, NAME_LENGTH
from haidang_collector.registry.said import _
from haidang_collector.registry.sheet import (
    HEADER_ROWS,
    RUN_BY_SPREADSHEETS,
    BadFileError,
    Row,
    clean,
    foreign_encoding,
    read_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
        _(
            "no row among the first %(rows)s has the columns %(titles)s; the first text is %(first)r%(guess)s",
            rows=HEADER_ROWS,
            titles=_titles(words.REQUIRED),
            first=first[:SHOWN_VALUE],
            guess=typed_in(old),
        )
    )


def typed_in(old: str | None) -> str:
    """What to add where a text seems to be typed in an old encoding."""
    return _(", which seems to be typed in the old encoding %(old)s: convert it to Unicode", old=old) if old else ""


def check_row(cells: Mapping[str, str]) -> UnitTable:
    """One unit as somebody typed it, by field: the same checks as of a file; problems name the titles of an export."""
    header = Row(0, tuple(words.TITLES[name] for name in cells))
    return _Reader(header, [Row(1, tuple(map(clean, cells.values())))]).table


def _titles(fields: Iterable[str]) -> str:
    return ", ".join(f"{words.TITLES[name]} ({name})" for name in fields)


def _best_header(rows: Iterable[Row]) -> tuple[Row, int]:
    best, known = Row(0, ()), 0
    for row in islice(rows, HEADER_ROWS):
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
                    self.table.notes.append(_("column %(title)r is not known and was left out", title=title))
            elif name in columns:
                one = header.cells[columns[name]]
                raise BadFileError(
                    _(
                        "row %(row)s: columns %(one)r and %(other)r both mean %(title)s; remove one",
                        row=header.number,
                        one=one,
                        other=title,
                        title=_titles([name]),
                    )
                )
            else:
                columns[name] = index
        if missing := [name for name in words.REQUIRED if name not in columns]:
            raise BadFileError(
                _("row %(row)s: the header lacks %(titles)s; add it", row=header.number, titles=_titles(missing))
            )
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
            reason = _("is no unit code") if text else _("is empty")
            fix = _("write a letter or digit, then up to %(most)s of A-Z a-z 0-9 - _ .", most=CODE_LENGTH - 1)
            raise _RowBadError(words.CODE, text, reason, fix)
        earlier = self._seen.setdefault(text.casefold(), number)
        if earlier != number:
            raise _RowBadError(
                words.CODE, text, _("stands in row %(row)s already", row=earlier), _("keep one row a unit")
            )
        return text

    def _note_spellings(self) -> None:
        spelt: dict[str, dict[str, None]] = {}
        for row in self.table.rows:
            district: str = row.facts[words.DISTRICT]
            spelt.setdefault(words.plain(district), {})[district] = None
        for ways in spelt.values():
            if len(ways) > 1:
                self.table.notes.append(
                    _("districts %(names)s count as different; is that meant?", names=", ".join(map(repr, ways)))
                )


def _refuse_beyond(cells: tuple[str, ...]) -> None:
    for cell in filter(None, cells):
        raise _RowBadError("", cell, _("has no column"), _("put text that holds the delimiter in quotes"))


def _text(name: str, text: str) -> str | None:
    if not text:
        if name in words.REQUIRED:
            raise _RowBadError(name, text, _("is empty"), _("fill it in"))
        return None
    if len(text) > _LONGEST[name]:
        raise _RowBadError(
            name, text, _("has %(count)s characters", count=len(text)), _("write at most %(most)s", most=_LONGEST[name])
        )
    if not text.isprintable():
        raise _RowBadError(name, text, _("has a line break or control character"), _("remove it, or close the quotes"))
    if text.startswith(RUN_BY_SPREADSHEETS):
        raise _RowBadError(
            name,
            text,
            _("begins with %(sign)r, so spreadsheets would run it", sign=text[0]),
            _("begin with a letter"),
        )
    return text


def _level(text: str) -> str:
    level = words.level_word(text)
    if level is None:
        reason = _("is no level") if text else _("is empty")
        known = ", ".join(words.LEVELS.values())
        raise _RowBadError(words.LEVEL, text, reason, _("write one of %(known)s", known=known))
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
        fix = _("use columns such as %(title)r", title=words.TITLES["students_primary"])
        raise _RowBadError(words.STUDENTS, str(total), _("does not say which level the students are of"), fix)
    own = _number(f"{words.STUDENTS}_{level}", cells.get(f"{words.STUDENTS}_{level}", ""))
    if own is not None and total is not None and own != total:
        raise _RowBadError(
            words.STUDENTS, str(total), _("the level's own column says %(number)s", number=own), _("let them agree")
        )
    yield level, own if total is None else total


def _number(name: str, text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) > MOST_STUDENTS:
        fix = _("write digits only, 0 to %(most)s, or leave it empty", most=MOST_STUDENTS)
        raise _RowBadError(name, text, _("is no number of students"), fix)
    return int(text)
