"""Facts into the registry from a table, and out of it: what is written out and read in again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as but
from typing import TYPE_CHECKING, TextIO

from sqlalchemy import bindparam, delete, insert, select

from haidang_collector.registry.history import change, operator, stamped
from haidang_collector.registry.models import Change, Unit
from haidang_collector.registry.reach import EVERYTHING, Reach
from haidang_collector.registry.said import _
from haidang_collector.registry.sheet import csv_line
from haidang_collector.registry.unit_words import CODE
from haidang_collector.registry.units_import import BYTE_ORDER_MARK, Outcome
from haidang_collector.registry.units_table import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database
    from haidang_collector.registry.fact_kinds import Kind, Values
    from haidang_collector.registry.fact_table import FactRow, FactTable

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of a unit; `values` by column."""

    unit: str
    values: Values


def import_facts(
    database: Database,
    kind: Kind,
    table: FactTable,
    *,
    skip_bad: bool = False,
    dry_run: bool = False,
    replace: bool = False,
    whole_unit: str | None = None,
    who: str | None = None,
    reach: Reach = EVERYTHING,
    previewed: str | None = None,
    first: Callable[[Session], None] | None = None,
) -> Outcome:
    """All sound rows in one transaction; none where a row is bad, unless `skip_bad`. Every change goes to the history.

    With `replace`, entries that the file does not name go, of those units that it names; `whole_unit` is one that the
    table has all entries of, even where it has none. Nothing goes while a row is bad, for that may name it.
    `who`, `reach`, `previewed` and `first` are as of `import_units`.
    """
    with database.write() as session:
        if first:
            first(session)
        units = dict(session.execute(select(Unit.code, Unit.district)).all())
        work = _Import(kind, _stored(session, kind, whole_unit), units, reach, whole_unit)
        for row in table.rows:
            work.take(row)
        bad = tuple(sorted([*table.problems, *work.problems], key=lambda problem: problem.row))
        if (replace or whole_unit) and not bad:
            work.remove_unnamed()
        counts = (work.created, work.updated, work.unchanged)
        outcome = Outcome(False, *counts, bad, tuple(table.notes), work.removed, tuple(work.changes))
        if dry_run or (bad and not skip_bad) or previewed not in (None, outcome.fingerprint):
            return outcome
        work.write(session, who or operator())
    return but(outcome, applied=True)


def all_facts(database: Database, kind: Kind, unit: str | None = None) -> list[Fact]:
    """Every entry of a kind, of all units or of one, by unit and key."""
    with database.read() as connection:
        return [Fact(key[0], values) for key, values in sorted(_stored(connection, kind, unit).items())]


def export_facts(kind: Kind, facts: Iterable[Fact], file: TextIO) -> None:
    """As CSV that spreadsheets open rightly, and that `import_facts` reads again."""
    file.write(BYTE_ORDER_MARK)
    file.write(csv_line(kind.titles.values()))
    for fact in facts:
        shown = [column.show(fact.values[column.name]) for column in kind.columns]
        file.write(csv_line([fact.unit, *shown]))


class _Import:
    """What a table changes, worked out before anything is written."""

    def __init__(
        self, kind: Kind, stored: dict[Key, Values], units: Mapping[str, str], reach: Reach, whole_unit: str | None
    ) -> None:
        """`units` by code, with their districts. Entries of a whole unit may be spelt anew: the old spelling goes."""
        self.problems: list[Problem] = []
        self.created = self.updated = self.unchanged = self.removed = 0
        self.changes: list[dict[str, Any]] = []
        self._kind, self._stored, self._units, self._reach = kind, stored, units, reach
        self._units_by_spelling = {unit.casefold(): unit for unit in units}
        respelt = {} if whole_unit else stored
        self._keys_by_spelling = {tuple(part.casefold() for part in key): key for key in respelt}
        self._named: dict[str, set[Key]] = {whole_unit: set()} if whole_unit else {}
        self._new: dict[Key, Values] = {}
        self._gone: list[Key] = []

    def take(self, row: FactRow) -> None:
        key = row.key(self._kind)
        if problem := self._misspelt(row, key):
            self.problems.append(problem)
            return
        self._named.setdefault(row.unit, set()).add(key)
        before = self._stored.get(key)
        after: Values = {**{column.name: None for column in self._kind.columns}, **(before or {}), **row.values}
        after |= dict(zip(self._kind.key, key[1:], strict=True))
        if before == after:
            self.unchanged += 1
            return
        self.created += before is None
        self.updated += before is not None
        self._new[key] = after
        self._note(key, before, after)

    def remove_unnamed(self) -> None:
        self._gone = [key for key in self._stored if key not in self._named.get(key[0], {key})]
        self.removed = len(self._gone)
        for key in self._gone:
            self._note(key, self._stored[key], None)

    def write(self, session: Session, who: str) -> None:
        model, names = self._kind.model, ("unit", *self._kind.key)
        table = model.__table__
        same = [table.c[name] == bindparam(f"old_{name}") for name in names]
        doomed = [*self._gone, *(key for key in self._new if key in self._stored)]
        old = [{f"old_{name}": part for name, part in zip(names, key, strict=True)} for key in doomed]
        new = [{"unit": key[0], **values} for key, values in self._new.items()]
        changes = stamped(self.changes, who)
        connection = session.connection()
        for statement, rows in (
            (delete(table).where(*same), old),  # type: ignore[arg-type]  # declared as FromClause, is a Table
            (insert(model), new),
            (insert(Change), changes),
        ):
            if rows:
                connection.execute(statement, rows)

    def _note(self, key: Key, before: Values | None, after: Values | None) -> None:
        entry = " ".join(filter(None, key[1:]))
        self.changes.append(change(key[0], self._kind.word, entry, self._beside_key(before), self._beside_key(after)))

    def _beside_key(self, values: Values | None) -> Values | None:
        """What `entry` does not tell already."""
        return None if values is None else {name: value for name, value in values.items() if name not in self._kind.key}

    def _misspelt(self, row: FactRow, key: Key) -> Problem | None:
        titles = self._kind.titles
        if row.unit not in self._units:
            right = self._units_by_spelling.get(row.unit.casefold())
            if right:
                fix = _("write %(code)r; capital and small letters count", code=right)
                return Problem(row.number, titles[CODE], row.unit, _("is registered otherwise"), fix)
            fix = _("mend the code, or import the unit first")
            return Problem(row.number, titles[CODE], row.unit, _("is no registered unit"), fix)
        if not self._reach.holds(row.unit, self._units[row.unit]):
            fix = _("leave the row to those whose unit it is")
            return Problem(row.number, titles[CODE], row.unit, _("is not one of your units"), fix)
        right_key = self._keys_by_spelling.get(tuple(part.casefold() for part in key), key)
        for name, told, registered in zip(self._kind.key, key[1:], right_key[1:], strict=True):
            if told != registered:
                fix = _("write %(code)r; capital and small letters count", code=registered)
                return Problem(row.number, titles[name], told, _("is registered otherwise"), fix)
        return None


def _stored(source: Session | Connection, kind: Kind, of_unit: str | None = None) -> dict[Key, Values]:
    names = [column.name for column in kind.columns]
    columns = [getattr(kind.model, name) for name in ("unit", *names)]
    query = select(*columns)
    if of_unit is not None:
        query = query.where(columns[0] == of_unit)
    found: dict[Key, Values] = {}
    for unit, *values in source.execute(query):
        told = dict(zip(names, values, strict=True))
        found[(unit, *(str(told[name]) for name in kind.key))] = told
    return found
