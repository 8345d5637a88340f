"""One unit's facts, changed by hand: races and removals, below the pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.editing import (
    ChangedMeanwhileError,
    TakenCodeError,
    UnitInUseError,
    remove_unit,
    unit_sheet,
    unless_changed,
    unless_taken,
)
from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import check_rows
from haidang_collector.registry.models import Agent
from haidang_collector.registry.reach import Reach
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.registry.units_import import import_units
from haidang_collector.registry.units_table import check_row
from sqlalchemy import inspect, text

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database
    from haidang_collector.registry.store import Registry
    from haidang_collector.registry.units_import import Outcome

EQUIPMENT = KINDS["equipment"]
CODE = "TH-001"
ROW = {"code": "TH-009", "name": "Trường mới", "district": "Quận 1", "level": "primary"}


def printers(database: Database, number: str, *, seen: int, who: str = "near") -> Outcome:
    table = check_rows(EQUIPMENT, CODE, [{"kind": "printer", "number": number}])
    return import_facts(
        database, EQUIPMENT, table, whole_unit=CODE, who=who, first=unless_changed(CODE, "equipment", seen)
    )


def test_of_two_who_saw_the_same_one_is_told(registry: Registry) -> None:
    """They save at the very same time."""
    seen = unit_sheet(registry.database, CODE).seen("equipment")

    def save(number: int) -> str:
        try:
            return str(printers(registry.database, str(number), seen=seen, who=f"person {number}").applied)
        except ChangedMeanwhileError:
            return "told"

    with ThreadPoolExecutor(4) as people:
        answers = sorted(people.map(save, range(4)))

    assert answers == ["True", "told", "told", "told"]
    sheet = unit_sheet(registry.database, CODE)
    (change,) = sheet.since("equipment", seen)
    assert [f"person {fact.values['number']}" for fact in sheet.facts["equipment"]] == [change.who]


def test_other_kinds_do_not_stand_in_the_way(registry: Registry) -> None:
    table = check_rows(KINDS["subjects"], CODE, [{"name": "Tổ Toán", "has_computer": "có"}])
    import_facts(registry.database, KINDS["subjects"], table)

    assert printers(registry.database, "1", seen=0).applied


def test_a_unit_that_is_gone_is_told(registry: Registry) -> None:
    with pytest.raises(UnknownUnitError):
        unit_sheet(registry.database, "TH-404")
    with pytest.raises(UnknownUnitError):
        import_facts(
            registry.database, EQUIPMENT, check_rows(EQUIPMENT, CODE, []), first=unless_changed("TH-404", "labs", 0)
        )


def test_a_code_is_taken_in_any_spelling(registry: Registry) -> None:
    with pytest.raises(TakenCodeError):
        import_units(registry.database, check_row(ROW | {"code": "th-001"}), first=unless_taken("th-001"))

    assert import_units(registry.database, check_row(ROW), first=unless_taken("TH-009")).created == 1


def test_what_is_no_longer_as_previewed_is_not_applied(registry: Registry) -> None:
    shown = import_units(registry.database, check_row(ROW), dry_run=True)
    import_units(registry.database, check_row(ROW | {"name": "Trường khác"}))

    late = import_units(registry.database, check_row(ROW), previewed=shown.fingerprint)

    assert (late.applied, late.updated) == (False, 1)
    assert import_units(registry.database, check_row(ROW), previewed=late.fingerprint).applied


def test_reach_holds_for_units_and_facts(registry: Registry) -> None:
    nobody = Reach(lambda _unit, _district: False, adds=True, moves=True)

    facts = import_facts(
        registry.database, EQUIPMENT, check_rows(EQUIPMENT, CODE, [{"kind": "printer", "number": "1"}]), reach=nobody
    )
    units = import_units(registry.database, check_row(ROW), reach=nobody)

    assert [problem.reason for problem in (*facts.bad, *units.bad)] == [
        "is not one of your units",
        "is not your district",
    ]
    assert (facts.applied, units.applied) == (False, False)


def test_nothing_of_a_removed_unit_stays(registry: Registry) -> None:
    printers(registry.database, "1", seen=0)
    noted: list[str] = []

    remove_unit(registry.database, CODE, lambda _session: noted.append(CODE))

    assert noted == [CODE]
    with registry.database.read() as connection:
        tables = inspect(connection)
        for table in tables.get_table_names():
            if any(key["referred_table"] == "unit" for key in tables.get_foreign_keys(table)):
                rows = connection.scalar(text(f'SELECT count(*) FROM "{table}" WHERE unit = :unit'), {"unit": CODE})
                assert rows == 0, table
    with pytest.raises(UnknownUnitError):
        remove_unit(registry.database, CODE, lambda _session: None)


def test_a_unit_whose_agents_push_stays(registry: Registry) -> None:
    agent = Agent(id="a", unit=CODE, key_hash="0", roles="site", version="1", os="linux", enrolled_at=datetime.now(UTC))
    with registry.database.write() as session:
        session.add(agent)

    with pytest.raises(UnitInUseError, match="agents"):
        remove_unit(registry.database, CODE, lambda _session: None)

    assert unit_sheet(registry.database, CODE).unit.code == CODE
