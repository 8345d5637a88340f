"""Units into the registry from a table, and out of it: what is written out and read in again changes nothing."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TextIO

from sqlalchemy import insert, select

from haidang_collector.registry import unit_words as words
from haidang_collector.registry.history import change, operator, stamped
from haidang_collector.registry.models import Change, Unit
from haidang_collector.registry.sheet import inert
from haidang_collector.registry.units_table import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_collector.registry.database import Database
    from haidang_collector.registry.units_table import UnitRow, UnitTable

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes a CSV for an old encoding and garbles Vietnamese."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or would do when not `applied`."""

    applied: bool
    created: int
    updated: int
    unchanged: int
    bad: tuple[Problem, ...]
    notes: tuple[str, ...]
    removed: int = 0

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """A unit with everything that was imported of it; `students` by level word."""

    code: str
    name: str
    district: str
    level: str
    address: str | None
    students: dict[str, int]


def import_units(database: Database, table: UnitTable, *, skip_bad: bool = False, dry_run: bool = False) -> Outcome:
    """All sound rows in one transaction; none where a row is bad, unless `skip_bad`. Units not in the file stay.

    Every change goes to the history, by `history.operator`.
    """
    created = updated = unchanged = 0
    problems = list(table.problems)
    with database.write() as session:
        known = {unit.code.casefold(): unit for unit in session.scalars(select(Unit))}
        changes: list[tuple[Unit, UnitRecord]] = []
        for row in table.rows:
            unit = known.get(row.code.casefold())
            if unit is not None and unit.code != row.code:
                fix = f"write {unit.code!r}; capital and small letters count"
                problems.append(Problem(row.number, words.TITLES[words.CODE], row.code, "is registered otherwise", fix))
                continue
            record = _laid_over(row, unit)
            if unit is None:
                created += 1
                changes.append((Unit(code=row.code), record))
            elif record != _record(unit):
                updated += 1
                changes.append((unit, record))
            else:
                unchanged += 1
        applied = not dry_run and (skip_bad or not problems)
        if applied:
            news = [
                change(unit.code, "units", "", _flat(_record(unit)) if unit.name else None, _flat(record))
                for unit, record in changes
            ]
            for unit, record in changes:
                for name, value in asdict(record).items():
                    setattr(unit, name, value)
            session.add_all(unit for unit, _ in changes)
            if news:
                session.flush()
                session.execute(insert(Change), stamped(news, operator()))
    bad = tuple(sorted(problems, key=lambda problem: problem.row))
    return Outcome(applied, created, updated, unchanged, bad, tuple(table.notes))


def all_units(database: Database) -> list[UnitRecord]:
    """Every unit by code, with address and students."""
    columns = (Unit.code, Unit.name, Unit.district, Unit.level, Unit.address, Unit.students)
    with database.read() as connection:
        rows = connection.execute(select(*columns).order_by(Unit.code)).all()
    return [UnitRecord(*row) for row in rows]


def export_units(units: Iterable[UnitRecord], file: TextIO) -> None:
    """As CSV that spreadsheets open rightly, and that `import_units` reads again."""
    file.write(BYTE_ORDER_MARK)
    writer = csv.writer(file)
    writer.writerow(words.TITLES.values())
    for unit in units:
        students = [unit.students.get(level, "") for level in words.STUDENT_LEVELS]
        texts = (unit.code, unit.name, unit.district, words.LEVELS[unit.level], unit.address or "")
        writer.writerow([*map(inert, texts), *students])


def _record(unit: Unit) -> UnitRecord:
    return UnitRecord(unit.code, unit.name, unit.district, unit.level, unit.address, unit.students)


def _flat(record: UnitRecord) -> dict[str, object]:
    """As the history keeps it, each number of students by itself."""
    facts = asdict(record)
    del facts["code"]
    students: dict[str, int] = facts.pop("students")
    return facts | {f"{words.STUDENTS}_{level}": number for level, number in students.items()}


def _laid_over(row: UnitRow, unit: Unit | None) -> UnitRecord:
    """The unit as the row has it; what the file has no column for stays as it was."""
    before = _record(unit) if unit else UnitRecord(row.code, "", "", "", None, {})
    students = {**before.students, **row.students}
    told = {level: number for level, number in students.items() if number is not None}
    return replace(before, **row.facts, students=told)
