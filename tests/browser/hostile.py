"""A unit all of whose words are markup with a script in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import FactRow, FactTable
from haidang_collector.registry.units_import import import_units
from haidang_collector.registry.units_table import UnitRow, UnitTable
from haidang_collector.simulate.model import Person

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database
    from haidang_collector.simulate.model import SimUnit

HOSTILE = "<img src=x onerror=alert(1)>"
LINK = "javascript:alert(1)"


def hostile_unit(unit: SimUnit) -> SimUnit:
    """`unit` with markup for words, in the registry and in what its agents send."""
    return replace(
        unit,
        name=f"Trường {HOSTILE}",
        district=f"Quận {HOSTILE}",
        presence="heard",
        lines=tuple(replace(line, isp=HOSTILE, up=False) for line in unit.lines),
        rooms=tuple(replace(room, name=f"{HOSTILE} {number}") for number, room in enumerate(unit.rooms)),
        machines=tuple(replace(machine, lab=HOSTILE) if machine.lab else machine for machine in unit.machines),
        groups=((HOSTILE, False),),
        people=tuple(Person(person.role, f"{HOSTILE} {number}", "") for number, person in enumerate(unit.people)),
        services={HOSTILE: False, f"public_{HOSTILE}": False},
        incidents=((HOSTILE, HOSTILE),),
    )


def register_all(database: Database, unit: SimUnit) -> None:
    """The words that simulated units have none of."""
    assert not import_units(database, UnitTable([UnitRow(1, unit.code, {"address": HOSTILE}, {})])).bad
    contract = {"wan": "wan9", "number": HOSTILE, "isp": HOSTILE}
    contact = {"role": "leader", "name": HOSTILE}
    portal = {"url": "https://mau.edu.vn/?q='onmouseover=alert(1)", "mail_domain": "mau.edu.vn"}
    for word, values in (("contracts", contract), ("contacts", contact), ("portals", portal)):
        table = FactTable([FactRow(1, unit.code, dict(values))])
        assert not import_facts(database, KINDS[word], table, who=HOSTILE).bad
