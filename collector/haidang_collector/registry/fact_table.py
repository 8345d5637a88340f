"""A table of facts of one kind, checked: sound rows as values, all else as a problem that names row and column."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from haidang_collector.registry.fact_cells import BadCellError, refuse_formula
from haidang_collector.registry.said import _
from haidang_collector.registry.sheet import HEADER_ROWS, BadFileError, Row, clean, foreign_encoding, read_rows
from haidang_collector.registry.unit_words import CODE, TITLES
from haidang_collector.registry.units_table import CODE_PATTERN, SHOWN_VALUE, Problem, typed_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from haidang_collector.registry.fact_cells import Value
    from haidang_collector.registry.fact_kinds import Column, Kind, Values

MERGED = _("fill it in; of merged cells only the first row holds the value, so unmerge them")
_LEAST_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class FactRow:
    """A sound row. A column that the file lacks is absent from `values`; None: the cell is empty."""

    number: int
    unit: str
    values: Values

    def key(self, kind: Kind) -> tuple[str, ...]:
        """What tells it from the other rows."""
        return (self.unit, *(str(self.values.get(name) or "") for name in kind.key))


@dataclass(slots=True)
class FactTable:
    """`notes` are about columns that were left out."""

    rows: list[FactRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_facts(content: bytes, kind: Kind) -> FactTable:
    """The facts in a CSV or XLSX file. Raises BadFileError when it is no table of this kind at all."""
    heads: list[Row] = []
    for rows in read_rows(content, lambda rows: _best_header(kind, rows)[1], formulas=True):
        header, known = _best_header(kind, rows)
        if known >= _LEAST_COLUMNS:
            return _Reader(kind, header, rows).table
        heads += rows[:HEADER_ROWS]
    first = next((" | ".join(filter(None, row.cells)) for row in heads if any(row.cells)), "")
    old = foreign_encoding(" ".join(cell for row in heads for cell in row.cells))
    raise BadFileError(
        _(
            "no row among the first %(rows)s has the columns of %(kind)s: %(titles)s; the first text is "
            "%(first)r%(guess)s; `haidang units template %(kind)s` writes a table to fill in",
            rows=HEADER_ROWS,
            kind=kind.word,
            titles=_titles(kind, kind.titles),
            first=first[:SHOWN_VALUE],
            guess=typed_in(old),
        )
    )


def check_rows(kind: Kind, unit: str, entries: Sequence[Mapping[str, str]]) -> FactTable:
    """Entries of one unit as somebody typed them, each by every column: the same checks as of a file.

    Rows are counted from 1, and problems name the titles of an export.
    """
    header = Row(0, tuple(kind.titles.values()))
    typed = [(unit, *(clean(entry[column.name]) for column in kind.columns)) for entry in entries]
    return _Reader(kind, header, [Row(number, cells) for number, cells in enumerate(typed, start=1)]).table


def _titles(kind: Kind, names: Iterable[str]) -> str:
    return ", ".join(f"{kind.titles[name]} ({name})" for name in names)


def _best_header(kind: Kind, rows: Iterable[Row]) -> tuple[Row, int]:
    best, known = Row(0, ()), 0
    for row in islice(rows, HEADER_ROWS):
        found = len({kind.field_of(cell) for cell in row.cells if cell} - {None})
        if found > known:
            best, known = row, found
    return best, known


class _RowBadError(Exception):
    def __init__(self, title: str, value: str, reason: str, fix: str) -> None:
        self.title, self.value, self.reason, self.fix = title, value, reason, fix


class _Reader:
    """Reads the rows under one header."""

    def __init__(self, kind: Kind, header: Row, rows: list[Row]) -> None:
        self.table = FactTable()
        self._kind = kind
        self._places = self._match(header)
        self._titles = {name: header.cells[place] for name, place in self._places.items()}
        self._columns = [column for column in kind.columns if column.name in self._places]
        self._seen: dict[tuple[str, ...], int] = {}
        for row in rows:
            if row.number > header.number and any(row.cells):
                self._take(row, len(header.cells))

    def _match(self, header: Row) -> dict[str, int]:
        places: dict[str, int] = {}
        for place, title in enumerate(header.cells):
            name = self._kind.field_of(title)
            if name is None:
                if title:
                    self.table.notes.append(_("column %(title)r is not known and was left out", title=title))
            elif name in places:
                one = header.cells[places[name]]
                raise BadFileError(
                    _(
                        "row %(row)s: columns %(one)r and %(other)r both mean %(title)s; remove one",
                        row=header.number,
                        one=one,
                        other=title,
                        title=_titles(self._kind, [name]),
                    )
                )
            else:
                places[name] = place
        if missing := [name for name in self._kind.required if name not in places]:
            titles = _titles(self._kind, missing)
            raise BadFileError(_("row %(row)s: the header lacks %(titles)s; add it", row=header.number, titles=titles))
        return places

    def _take(self, row: Row, width: int) -> None:
        try:
            for cell in filter(None, row.cells[width:]):
                raise _RowBadError("", cell, _("has no column"), _("put text that holds the delimiter in quotes"))
            self.table.rows.append(self._fact(row))
        except _RowBadError as bad:
            shown = bad.value if len(bad.value) <= SHOWN_VALUE else bad.value[:SHOWN_VALUE] + "…"
            self.table.problems.append(Problem(row.number, bad.title, shown, bad.reason, bad.fix))

    def _fact(self, row: Row) -> FactRow:
        code = self._cell(row, CODE)
        if not CODE_PATTERN.fullmatch(code):
            reason = _("is no unit code") if code else _("is empty")
            mend = _("write the code as in the table of units") if code else MERGED
            raise _RowBadError(self._titles[CODE], code, reason, mend)
        values: Values = {column.name: self._value(row, column) for column in self._columns}
        if wrong := self._kind.check(values):
            name, why, fix = wrong
            raise _RowBadError(self._title(name), self._cell(row, name), why, fix)
        fact = FactRow(row.number, code, values)
        earlier = self._seen.setdefault(tuple(part.casefold() for part in fact.key(self._kind)), row.number)
        if earlier != row.number:
            name = self._kind.key[0] if self._kind.key else CODE
            raise _RowBadError(
                self._title(name), self._cell(row, name), _("stands in row %(row)s already", row=earlier), _("keep one")
            )
        return fact

    def _value(self, row: Row, column: Column) -> Value:
        text = self._cell(row, column.name)
        try:
            refuse_formula(text)
            if text:
                return column.read(text)
        except BadCellError as bad:
            raise _RowBadError(self._title(column.name), text, bad.reason, bad.fix) from None
        if column.required:
            raise _RowBadError(self._title(column.name), text, _("is empty"), MERGED)
        return None

    def _cell(self, row: Row, name: str) -> str:
        place = self._places.get(name)
        return row.cells[place] if place is not None and place < len(row.cells) else ""

    def _title(self, name: str) -> str:
        return self._titles.get(name, TITLES.get(name, name))
