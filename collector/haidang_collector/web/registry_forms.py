"""Facts of a unit as fields of a form, and back: what was typed goes through the very checks of an import."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from haidang_collector.access.doors import FORM_FIELDS
from haidang_collector.registry import unit_words
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import check_rows
from haidang_collector.registry.units_table import check_row
from haidang_collector.web import registry_words as words
from haidang_collector.web.asking import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.datastructures import FormData

    from haidang_collector.registry.editing import UnitSheet
    from haidang_collector.registry.fact_kinds import Kind
    from haidang_collector.registry.fact_table import FactTable
    from haidang_collector.registry.units_import import UnitRecord
    from haidang_collector.registry.units_table import Problem, UnitTable

KINDS_TO_EDIT = ("units", *KINDS)
BESIDE_ENTRIES = 5
"""Fields of a form that are no facts."""
BLANK = {"labs": 1, "subjects": 3, "contacts": 2, "plans": 1, "contracts": 1, "public_services": 1}
"""Empty entries at the end of a form, to fill in."""
EXAMPLES = {"code": "TH-MAU-01"}


@dataclass(slots=True)
class Field:
    """One field: `title` and `choices` are msgids; `name` is as the form sends it."""

    name: str
    column: str
    title: str
    value: str
    required: bool = False
    long: bool = False
    key: bool = False
    example: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None


@dataclass(slots=True)
class Entry:
    """One fieldset; `stored`: it is there already, and not one to add."""

    number: int
    fields: list[Field]
    stored: bool = True
    removed: bool = False

    @property
    def key(self) -> list[Field]:
        """What tells it from the others."""
        return [each for each in self.fields if each.key]


def unit_values(unit: UnitRecord) -> dict[str, str]:
    """The unit's own facts as the fields of its form."""
    students = {f"{unit_words.STUDENTS}_{level}": str(number) for level, number in unit.students.items()}
    told = {"code": unit.code, "name": unit.name, "district": unit.district, "level": unit.level}
    return told | {"address": unit.address or ""} | students


def unit_entry(values: Mapping[str, str], problems: Iterable[Problem] = (), *, new: bool = False) -> Entry:
    """The form of a unit itself; its code is given once."""
    by_title = {problem.column: problem for problem in problems}
    columns = [name for name in unit_words.TITLES if new or name != unit_words.CODE]
    return Entry(
        0,
        [
            Field(
                name,
                name,
                words.title("units", name),
                values.get(name, ""),
                required=name in unit_words.REQUIRED,
                long=("units", name) in words.LONG,
                example=EXAMPLES.get(name, ""),
                choices=words.CHOICES.get(("units", name), {}),
                problem=by_title.get(unit_words.TITLES[name]),
            )
            for name in columns
        ],
    )


def typed_unit(fields: FormData) -> dict[str, str]:
    """What a form sent of a unit; a field that it had not is absent."""
    return {name: text_of(fields, name) for name in unit_words.TITLES if name in fields}


def read_unit(typed: Mapping[str, str]) -> UnitTable:
    """What was typed of a unit, checked."""
    return check_row({name: typed.get(name, "") for name in unit_words.TITLES})


def stored_entries(kind: Kind, sheet: UnitSheet) -> list[dict[str, str]]:
    """The entries of a kind as text; of equipment every kind there is, told or not."""
    stored = [
        {column.name: _shown(fact.values[column.name]) for column in kind.columns} for fact in sheet.facts[kind.word]
    ]
    if kind.word == "equipment":
        told = {entry["kind"]: entry for entry in stored}
        return [told.get(each, {"kind": each, "number": ""}) for each in words.CHOICES["equipment", "kind"]]
    return stored or [dict.fromkeys((column.name for column in kind.columns), "")] if kind.word == "portals" else stored


def with_blank(kind: Kind, entries: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The entries, and some to fill in."""
    blank = dict.fromkeys((column.name for column in kind.columns), "")
    return [*entries, *(dict(blank) for _ in range(BLANK.get(kind.word, 0)))]


def fits(kind: Kind, entries: Sequence[object]) -> bool:
    """Whether one form holds them all: what a form leaves out would be removed."""
    return len(entries) * (len(kind.columns) + 1) + BESIDE_ENTRIES <= FORM_FIELDS


def as_entries(kind: Kind, typed: Sequence[Mapping[str, str]], stored: int, problems: Iterable[Problem]) -> list[Entry]:
    """Fieldsets; the first `stored` are there already. Problems are by row from 1, among those that are not empty."""
    found: dict[tuple[int, str], Problem] = {(problem.row, problem.column): problem for problem in problems}
    entries, row = [], 0
    for number, values in enumerate(typed):
        counts = is_told(kind, values)
        row += counts
        fields = [
            Field(
                f"{number}.{column.name}",
                column.name,
                words.title(kind.word, column.name),
                values.get(column.name, ""),
                required=column.required,
                long=(kind.word, column.name) in words.LONG,
                key=column.name in kind.key,
                example=column.example,
                choices=words.CHOICES.get((kind.word, column.name), {}),
                problem=found.get((row, column.title)) if counts else None,
            )
            for column in kind.columns
        ]
        entries.append(Entry(number, fields, number < stored, values.get("remove") == "yes"))
    return entries


def typed_entries(kind: Kind, fields: FormData) -> list[dict[str, str]]:
    """What a form sent, entry by entry; files are no text and count as empty."""
    names = [*(column.name for column in kind.columns), "remove"]
    entries: list[dict[str, str]] = []
    while f"{len(entries)}.{names[0]}" in fields:
        sent = {name: fields.get(f"{len(entries)}.{name}", "") for name in names}
        entries.append({name: _one_line(value) if isinstance(value, str) else "" for name, value in sent.items()})
    return entries


def read_entries(kind: Kind, unit: str, typed: Sequence[Mapping[str, str]]) -> FactTable:
    """What was typed of a unit's entries, checked; rows are counted from 1 among those that are not empty."""
    return check_rows(kind, unit, [values for values in typed if is_told(kind, values)])


def is_told(kind: Kind, values: Mapping[str, str]) -> bool:
    """Whether an entry is filled in, and not to be removed; a choice alone tells nothing."""
    if values.get("remove") == "yes":
        return False
    choices = {column for word, column in words.CHOICES if word == kind.word}
    return any(values.get(column.name, "").strip() for column in kind.columns if column.name not in choices)


def _shown(value: object) -> str:
    """As a field holds it; the words of a choice stay words for programs."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}" if value.is_integer() else str(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _one_line(text: str) -> str:
    """Browsers send line breaks of a text area as CR LF; lists part at them as at semicolons."""
    return "; ".join(part.strip() for part in text.splitlines() if part.strip())
