"""Units into the registry from a table, and out of it: what is written out and read in again changes nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

from sqlalchemy import insert, select

from haidang_collector.registry import unit_words as words
from haidang_collector.registry.history import change, operator, stamped
from haidang_collector.registry.models import Change, Unit
from haidang_collector.registry.reach import EVERYTHING, Reach
from haidang_collector.registry.said import _
from haidang_collector.registry.sheet import csv_line
from haidang_collector.registry.units_table import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database
    from haidang_collector.registry.units_table import UnitRow, UnitTable

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes a CSV for an old encoding and garbles Vietnamese."""
_COLUMNS = (Unit.code, Unit.name, Unit.district, Unit.level, Unit.address, Unit.students)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or would do when not `applied`; `changes` as the history keeps them, but for who and when."""

    applied: bool
    created: int
    updated: int
    unchanged: int
    bad: tuple[Problem, ...]
    notes: tuple[str, ...]
    removed: int = 0
    changes: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, object]:
        told = asdict(replace(self, changes=()))
        del told["changes"]
        return told

    @property
    def fingerprint(self) -> str:
        """The same for two imports that change the same facts from the same values to the same values."""
        return hashlib.sha256(json.dumps(self.changes, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """A unit with everything that was imported of it; `students` by level word."""

    code: str
    name: str
    district: str
    level: str
    address: str | None
    students: dict[str, int]


def import_units(
    database: Database,
    table: UnitTable,
    *,
    skip_bad: bool = False,
    dry_run: bool = False,
    who: str | None = None,
    reach: Reach = EVERYTHING,
    previewed: str | None = None,
    first: Callable[[Session], None] | None = None,
) -> Outcome:
    """All sound rows in one transaction; none where a row is bad, unless `skip_bad`. Units not in the file stay.

    Every change goes to the history, by `who`, else `history.operator`. `previewed` is the fingerprint of an outcome:
    another one is not applied. `first` looks around in the same transaction, and raises what speaks against it.
    """
    problems = list(table.problems)
    with database.write() as session:
        if first:
            first(session)
        known = {unit.code.casefold(): unit for unit in session.scalars(select(Unit))}
        changes: list[tuple[Unit, UnitRecord]] = []
        for row in table.rows:
            unit = known.get(row.code.casefold())
            record = _laid_over(row, unit)
            if problem := _refusal(row, unit, record, reach):
                problems.append(problem)
            elif unit is None or record != _record(unit):
                changes.append((unit or Unit(code=row.code), record))
        news = tuple(
            change(unit.code, "units", "", _flat(_record(unit)) if unit.name else None, _flat(record))
            for unit, record in changes
        )
        bad = tuple(sorted(problems, key=lambda problem: problem.row))
        created = sum(each["before"] is None for each in news)
        unchanged = len(table.rows) - len(news) - (len(bad) - len(table.problems))
        outcome = Outcome(False, created, len(news) - created, unchanged, bad, tuple(table.notes), changes=news)
        if dry_run or (bad and not skip_bad) or previewed not in (None, outcome.fingerprint):
            return outcome
        _write(session, changes, stamped(list(news), who or operator()))
    return replace(outcome, applied=True)


def all_units(database: Database) -> list[UnitRecord]:
    """Every unit by code, with address and students."""
    with database.read() as connection:
        rows = connection.execute(select(*_COLUMNS).order_by(Unit.code)).all()
    return [UnitRecord(*row) for row in rows]


def one_unit(database: Database, code: str) -> UnitRecord | None:
    """None: there is no unit of this code."""
    with database.read() as connection:
        row = connection.execute(select(*_COLUMNS).where(Unit.code == code)).one_or_none()
    return None if row is None else UnitRecord(*row)


def export_units(units: Iterable[UnitRecord], file: TextIO) -> None:
    """As CSV that spreadsheets open rightly, and that `import_units` reads again."""
    file.write(BYTE_ORDER_MARK)
    file.write(csv_line(words.TITLES.values()))
    for unit in units:
        students = [str(unit.students.get(level, "")) for level in words.STUDENT_LEVELS]
        texts = (unit.code, unit.name, unit.district, words.LEVELS[unit.level], unit.address or "")
        file.write(csv_line([*texts, *students]))


def _write(session: Session, changes: Iterable[tuple[Unit, UnitRecord]], news: list[dict[str, Any]]) -> None:
    for unit, record in changes:
        for name, value in asdict(record).items():
            setattr(unit, name, value)
        session.add(unit)
    if news:
        session.flush()
        session.execute(insert(Change), news)


def _refusal(row: UnitRow, unit: Unit | None, record: UnitRecord, reach: Reach) -> Problem | None:
    """What speaks against a row that is sound by itself."""

    def refused(field: str, value: str, reason: str, fix: str) -> Problem:
        return Problem(row.number, words.TITLES[field], value, reason, fix)

    if unit is None and not reach.adds:
        fix = _("mend the code, or let an administrator add the unit")
        return refused(words.CODE, row.code, _("is no registered unit"), fix)
    if unit is None:
        fix = _("leave the row to those whose district it is")
        holds = reach.holds(row.code, record.district)
        return None if holds else refused(words.DISTRICT, record.district, _("is not your district"), fix)
    if unit.code != row.code:
        fix = _("write %(code)r; capital and small letters count", code=unit.code)
        return refused(words.CODE, row.code, _("is registered otherwise"), fix)
    if not reach.holds(unit.code, unit.district):
        fix = _("leave the row to those whose unit it is")
        return refused(words.CODE, row.code, _("is not one of your units"), fix)
    if record.district != unit.district and not reach.moves:
        fix = _("write %(district)r; only the city moves units between districts", district=unit.district)
        return refused(words.DISTRICT, record.district, _("is not the unit's district"), fix)
    return None


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
