from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.fact_import import all_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.history import history_of
from haidang_collector.registry.models import Unit
from haidang_collector.registry.units_import import all_units
from haidang_collector.simulate.build import build
from haidang_collector.simulate.registry import UnfitRegistryError, fill
from haidang_collector.supervisor.trial import UNIT

from tests.collector.simulate.conftest import DAY

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry


def add_unit(registry: Registry, code: str) -> None:
    with registry.database.write() as session:
        session.add(Unit(code=code, name="N", district="D", level="primary", students={}))


def test_a_city_is_in_the_registry_as_it_was_built(registry: Registry) -> None:
    city = build(40, seed=3, day=DAY)

    fill(registry.database, city)

    units = {unit.code: unit for unit in all_units(registry.database)}
    groups = {
        (fact.unit, fact.values["name"]): fact.values["has_computer"]
        for fact in all_facts(registry.database, KINDS["subjects"])
    }
    plans = {fact.unit: fact.values for fact in all_facts(registry.database, KINDS["plans"])}
    assert {code: unit.students for code, unit in units.items()} == {unit.code: unit.students for unit in city.units}
    assert groups == {(unit.code, name): has for unit in city.units for name, has in unit.groups}
    assert plans == {
        unit.code: {"year": "2026-2027", "received": unit.plan} for unit in city.units if unit.plan is not None
    }
    assert {change.who for change in history_of(registry.database, "SIM-00001") if change.what != "units"} == {
        "haidang simulate"
    }


def test_a_second_time_changes_nothing_and_a_larger_city_only_adds(registry: Registry) -> None:
    fill(registry.database, build(10, seed=3, day=DAY))

    again = fill(registry.database, build(10, seed=3, day=DAY))
    fill(registry.database, build(12, seed=3, day=DAY))

    assert again == 0
    assert len(all_units(registry.database)) == 12
    assert [change.what for change in history_of(registry.database, "SIM-00001")].count("units") == 1


def test_a_city_of_another_seed_is_left_alone(registry: Registry) -> None:
    fill(registry.database, build(3, seed=3, day=DAY))

    with pytest.raises(UnfitRegistryError, match="--seed 3"):
        fill(registry.database, build(5, seed=4, day=DAY))

    assert len(all_units(registry.database)) == 3


def test_a_registry_with_a_real_unit_is_left_alone(registry: Registry) -> None:
    add_unit(registry, "TH-001")

    with pytest.raises(UnfitRegistryError, match="TH-001"):
        fill(registry.database, build(3, seed=1, day=DAY))

    assert [unit.code for unit in all_units(registry.database)] == ["TH-001"]


def test_the_unit_that_haidang_up_makes_is_no_hindrance(registry: Registry) -> None:
    add_unit(registry, UNIT)

    fill(registry.database, build(3, seed=1, day=DAY))

    assert len(all_units(registry.database)) == 4
