"""What the pages about the registry share: whose a unit is, who may change it, and how facts are put into words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from haidang_collector.access.doors import absent, see
from haidang_collector.evaluation.words import Words
from haidang_collector.i18n import language_of, translations
from haidang_collector.registry.editing import UnitSheet, unit_sheet
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.reach import Reach
from haidang_collector.registry.said import in_words
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.registry.units_import import UnitRecord, all_units
from haidang_collector.web import registry_words as words
from haidang_collector.web.asking import database_of
from haidang_collector.web.state import natural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request

    from haidang_collector.access.visitor import Visitor
    from haidang_collector.registry.fact_import import Fact
    from haidang_collector.registry.fact_kinds import Kind


def may_add(asking: Visitor) -> bool:
    """Whether somebody adds and removes units: an administrator of more than one."""
    return asking.may("administrator") and not asking.scope.unit


def reach_of(asking: Visitor) -> Reach:
    """Whose facts a visitor may change, as the registry asks it."""

    def theirs(code: str, district: str) -> bool:
        return asking.scope.sees(district=district, unit=code)

    return Reach(theirs, adds=may_add(asking), moves=asking.scope.city)


def units_of(request: Request, asking: Visitor) -> list[UnitRecord]:
    """The registered units that the visitor sees."""
    units = all_units(database_of(request))
    return [unit for unit in units if asking.scope.sees(district=unit.district, unit=unit.code)]


def sheet_of(request: Request, code: str, asking: Visitor) -> UnitSheet:
    """Facts in the order of a person: `Phòng 2` before `Phòng 10`.

    Raises HTTPException 404, and 403 where it is not in the visitor's scope.
    """
    try:
        sheet = unit_sheet(database_of(request), code)
    except UnknownUnitError:
        raise absent(asking, "unit") from None
    see(asking, district=sheet.unit.district, unit=sheet.unit.code)
    return replace(sheet, facts={word: _in_order(KINDS[word], found) for word, found in sheet.facts.items()})


def _in_order(kind: Kind, facts: Sequence[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: [natural(str(fact.values[column])) for column in kind.key])


def in_words_of(request: Request) -> dict[str, Any]:
    """For templates: how facts, and what is wrong with them, are put into words."""
    language = language_of(request)
    catalogue = translations(language).gettext

    def value(what: str, column: str, told: object) -> str:
        if told and column in words.DAYS:
            return Words(language).day(date.fromisoformat(str(told)))
        text = words.value(what, column, told)
        return catalogue(text) if text else ""  # the catalogue's own heading stands under the empty text

    def entry(what: str, told: str) -> str:
        """The history's name of an entry: a word for programs may be its first part."""
        first, space, rest = told.partition(" ")
        key = KINDS[what].key if what in KINDS else ()
        return value(what, key[0], first) + space + rest if key else told

    def heading(told: str) -> str:
        return catalogue(words.OF_HEADING.get(told, told)) if told else ""

    return {
        "said": lambda text: in_words(text, catalogue),
        "title": lambda what, column: catalogue(words.title(what, column)),
        "title_of": heading,
        "value": value,
        "entry_of": entry,
        "kind_titles": words.KINDS,
    }
